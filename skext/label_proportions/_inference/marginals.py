"""Belief propagation on a graph of one's own."""

import numpy as np

from skext.label_proportions._bags.numbering import number_bags
from skext.label_proportions._bags.per_bag import per_bag
from skext.label_proportions._inference.propagation import (
    arrange_graph,
    layout,
    propagate,
    warn_not_converged,
)

__all__ = ["bp_marginals"]


def bp_marginals(
    graph,
    bags,
    counts,
    unary=None,
    *,
    similarity_strength=1.0,
    bag_strength=np.inf,
    damping=0.5,
    max_iter=100,
    tol=1e-3,
    schedule="parallel",
    n_jobs=None,
    return_info=False,
):
    r"""Infer labels of rows from a graph of similar rows and from counts of bags.

    The labels :math:`y_i \in \{0, 1\}` have a probability proportional to

    .. math:: \exp\Bigl(\sum_i \eta_i y_i
        - \lambda_b \sum_b \bigl(\textstyle\sum_{i \in b} y_i - S_b\bigr)^2
        - \lambda_s \sum_{(i, j)} K_{ij} [y_i \ne y_j]\Bigr),

    and belief propagation approximates the marginals :math:`P(y_i = 1)`.

    Parameters
    ----------
    graph : sparse matrix of shape (n_samples, n_samples)
        Similarities :math:`K`; symmetric. The diagonal does not matter.
    bags : array-like of shape (n_samples,)
        Bag of each row: integers or strings, in any order; -1 is no bag.
    counts : dict or array-like of shape (n_bags,) or (n_bags, n_classes)
        Number of positive rows :math:`S_b` of each bag, in the sorted order of the
        bags; NaN is unknown. An array with a row for each sample repeats it. Several
        columns are the numbers of rows of all classes.
    unary : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
        Log-odds :math:`\eta` of the rows on their own, or scores of all classes;
        None is zero.
    similarity_strength : float, default=1.0
        The factor :math:`\lambda_s`.
    bag_strength : float, default=inf
        The factor :math:`\lambda_b`. Infinity makes counts certain; counts with
        Gaussian noise of variance v ask for ``1 / (2 * v)``.
    damping : float, default=0.5
        Share of an old message that is kept, to begin with: less and less while
        marginals drift in one direction, 0.7 and then 0.9 if they swing to and fro.
    max_iter : int, default=100
        Largest number of sweeps.
    tol : float, default=1e-3
        Largest change of a marginal in the last sweep.
    schedule : {"parallel", "sequential"}, default="parallel"
        Whether all messages are renewed at once, or bag after bag, which converges
        more often and uses one thread.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.
    return_info : bool, default=False
        Whether to return the whole result.

    Returns
    -------
    marginals : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Probabilities that rows are positive, or of all classes.
    info : Propagation
        Only if ``return_info``: a named tuple with ``marginals``, ``log_odds``,
        ``n_iter``, ``residual``, ``converged``, ``log_partition``, the Bethe
        approximation of the logarithm of the partition function, and
        ``count_log_likelihood``, the log-probability of the counts by what neighbours
        say, which compares solutions.

    Raises
    ------
    ValueError
        If the graph is not symmetric, counts do not fit, or are not whole numbers
        though certain.

    See Also
    --------
    BeliefPropagationLLPClassifier : Builds the graph, and learns to predict.

    Notes
    -----
    What a bag says to its rows is computed exactly, in time linear in its size: by
    partial counts in small bags, and in large ones by the characteristic function of
    the count after an exponential tilt. A sweep costs O(n_edges + n_samples).
    Marginals are exact if the graph of bags and edges has no cycle. Rows of a bag of
    certain count add up to the count.

    With several classes labels are those of a Potts model, and the counts of a bag are
    a vector that holds for certain. What a bag says is exact by partial counts if its
    size times the number of those is at most 2e6, and otherwise comes from a Gaussian
    law of the counts of the other rows under a tilt; rows add up to the counts either
    way.

    References
    ----------
    .. [1] S. Havaldar, N. Sharma, S. Sareen, K. Shanmugam, A. Raghuveer, "Learning
       from Label Proportions: Bootstrapping Supervised Learners via Belief
       Propagation", International Conference on Learning Representations, 2024.
    .. [2] D. Tarlow, K. Swersky, R. Zemel, R. Adams, B. Frey, "Fast Exact Inference
       for Recursive Cardinality Models", Uncertainty in Artificial Intelligence, 2012.

    Examples
    --------
    Two bags of two rows with one positive row each; row 0 is like row 2, and row 0 is
    rather positive:

    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skext.label_proportions import bp_marginals
    >>> graph = csr_array((np.ones(2), ([0, 2], [2, 0])), shape=(4, 4))
    >>> marginals = bp_marginals(graph, [0, 0, 1, 1], [1, 1], unary=[2, 0, 0, 0])
    >>> marginals.round(2).tolist()
    [0.88, 0.12, 0.68, 0.32]
    """
    bags = number_bags(bags)
    codes, ids = bags.codes, bags.ids
    counts = per_bag(counts, "counts", bags)
    sizes = np.bincount(codes[codes >= 0], minlength=ids.size)
    if counts.ndim == 1:
        _check_counts(counts, sizes, bags, bag_strength)
    else:
        _check_count_vectors(counts, sizes, bags, bag_strength)
    if graph.shape != (codes.size, codes.size):
        raise ValueError(
            f"graph has the shape {graph.shape}; give a row and a column for each of "
            f"the {codes.size} entries of bags."
        )
    if unary is not None:
        unary = np.asarray(unary, dtype=np.float64)
        shape = (codes.size, *counts.shape[1:])
        if unary.shape != shape or not np.isfinite(unary).all():
            raise ValueError(
                f"unary has the shape {unary.shape}, or NaN or infinity; give finite "
                f"log-odds of shape {shape}."
            )
    order, indptr, counts, n_bagged = layout(codes, counts)
    result = propagate(
        arrange_graph(graph, order, similarity_strength),
        order,
        indptr,
        counts,
        n_bagged,
        unary=unary,
        bag_strength=bag_strength,
        damping=damping,
        max_iter=max_iter,
        tol=tol,
        schedule=schedule,
        n_jobs=n_jobs,
    )
    warn_not_converged(result, tol, "bp_marginals")
    return (result.marginals, result) if return_info else result.marginals


def _check_counts(counts, sizes, bags, bag_strength):
    known = ~np.isnan(counts)
    certain = np.isinf(bag_strength)
    wrong = known & ((counts < 0) | (counts > sizes)) if certain else counts != counts
    wrong &= known
    if wrong.any():
        b = int(np.argmax(wrong))
        raise ValueError(
            f"counts has {counts[b]:.6g} for bag {bags.name(b)!r} with {sizes[b]} "
            "rows; give numbers from 0 to the size of the bag, or a finite "
            "bag_strength for noisy ones."
        )
    fractional = known & (np.abs(counts - np.round(counts)) > 1e-6)
    if certain and fractional.any():
        b = int(np.argmax(fractional))
        raise ValueError(
            f"counts has {counts[b]:.6g} for bag {bags.name(b)!r}; give whole numbers, "
            "or a finite bag_strength for noisy ones."
        )
    if certain:
        counts[known] = np.round(counts[known])


def _check_count_vectors(counts, sizes, bags, bag_strength):
    if not np.isinf(bag_strength):
        raise ValueError(
            f"bag_strength={bag_strength!r} must be infinite for counts of all "
            "classes; give one count per bag, class by class."
        )
    known = ~np.isnan(counts).any(axis=1)
    for column in counts.T:
        column[~known] = np.nan
        _check_counts(column, sizes, bags, bag_strength)
    wrong = known & (counts.sum(axis=1) != sizes)
    if wrong.any():
        b = int(np.argmax(wrong))
        raise ValueError(
            f"counts has {counts[b].tolist()} for bag {bags.name(b)!r} with {sizes[b]} "
            "rows; give numbers that add up to the size of the bag."
        )
