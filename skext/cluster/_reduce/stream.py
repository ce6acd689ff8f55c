"""Summaries of rows that can be made anywhere and joined into one."""

import numpy as np

from skext.cluster._reduce.input import check_weights, refuse_sparse
from skext.cluster._reduce.variance_tree import (
    VarianceTree,
    build_variance_tree,
    merge_trees,
)
from skext.utils._tables import check_table

__all__ = ["merge_summaries", "summarize_rows"]


def summarize_rows(X, sample_weight=None, *, n_representatives=4096, n_jobs=None):
    """Reduce rows to a few thousand boxes with their moments.

    A summary of any number of rows takes a few hundred kilobytes, travels between
    processes, and joins with others by :func:`merge_summaries`. Clusters are found
    from it by :meth:`PPPClustering.fit_summary`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Finite rows. Arrays of float32 or float64 are read in blocks, without a copy
        of the whole.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; a weight of 2 equals the row twice.
    n_representatives : int, default=4096
        Largest number of boxes.
    n_jobs : int, default=None
        Number of threads. It never changes the result.

    Returns
    -------
    summary : VarianceTree
        Named tuple; among others ``means``, ``variances``, ``lower`` and ``upper``
        of shape (n_representatives, n_features), ``weights`` and ``counts`` of shape
        (n_representatives,).

    Raises
    ------
    ValueError
        If ``n_representatives`` is below 1, or no row has a positive weight.

    See Also
    --------
    merge_summaries : Join summaries of different rows.

    Notes
    -----
    The leaf with the largest weight times variance is split at its mean until there
    are enough. The order of the rows changes nothing. Cost
    ``O(n_samples * n_features * log(n_representatives))``.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.cluster import summarize_rows
    >>> X = np.random.default_rng(0).normal(size=(5000, 3))
    >>> summary = summarize_rows(X, n_representatives=200)
    >>> summary.means.shape, float(summary.weights.sum())
    ((200, 3), 5000.0)
    """
    refuse_sparse(X, "summarize_rows")
    X = check_table(X, dtype=[np.float64, np.float32], input_name="X")
    _check_number(n_representatives)
    weights = check_weights(sample_weight, X)
    if weights is not None and not weights.all():
        X, weights = X[weights > 0.0], weights[weights > 0.0]
    tree = build_variance_tree(X, weights, n_representatives, n_jobs)
    # Rows are not part of a summary, and neither is where each of them went.
    return tree._replace(leaf=tree.leaf[:0])


def merge_summaries(summaries, *, n_representatives=4096, n_jobs=None):
    """Join summaries of different rows into one.

    Parameters
    ----------
    summaries : list of VarianceTree
        As :func:`summarize_rows` and this function return them.
    n_representatives : int, default=4096
        Largest number of boxes.
    n_jobs : int, default=None
        Number of threads. It never changes the result.

    Returns
    -------
    summary : VarianceTree
        Total weight, total sum and total sum of squares are those of all rows.

    Raises
    ------
    ValueError
        If there is no summary, they have different numbers of features, or
        ``n_representatives`` is below 1.

    See Also
    --------
    summarize_rows : Make a summary.

    Notes
    -----
    The order of the list changes nothing. Rows that occur in several parts count as
    different in ``counts``.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.cluster import merge_summaries, summarize_rows
    >>> X = np.random.default_rng(0).normal(size=(5000, 3))
    >>> parts = [summarize_rows(X[i::4]) for i in range(4)]
    >>> merged = merge_summaries(parts, n_representatives=1000)
    >>> len(merged.means), float(merged.weights.sum())
    (1000, 5000.0)
    """
    if isinstance(summaries, VarianceTree):
        summaries = [summaries]
    summaries = list(summaries)
    for summary in summaries:
        if not isinstance(summary, VarianceTree):
            raise TypeError(
                f"summaries holds a {type(summary).__name__}; give what summarize_rows "
                "returns."
            )
    if not summaries:
        raise ValueError("summaries is empty; give at least one summary.")
    widths = sorted({summary.means.shape[1] for summary in summaries})
    if len(widths) > 1:
        raise ValueError(
            f"summaries have different numbers of features: {widths}; summarise the "
            "same columns everywhere."
        )
    _check_number(n_representatives)
    tree = merge_trees(summaries, n_representatives, n_jobs)
    return tree._replace(leaf=tree.leaf[:0])


def _check_number(n_representatives):
    whole = isinstance(n_representatives, int | np.integer)
    if not whole or isinstance(n_representatives, bool) or n_representatives < 1:
        raise ValueError(
            f"n_representatives={n_representatives!r} must be an integer of at least 1."
        )
