"""Cut labelled data into bags, and say what bags tell."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils import (
    Bunch,
    check_consistent_length,
    check_random_state,
    column_or_1d,
)
from sklearn.utils.multiclass import check_classification_targets

from skext.label_proportions._bags.columns import as_column, as_labels
from skext.label_proportions._bags.targets import bag_target, read_bags, refuse_unknown
from skext.utils._sklearn import safe_indexing

__all__ = ["BaggedData", "bag_summary", "make_bags"]

_METHODS = ("random", "feature", "cluster", "sorted", "proportion")


class BaggedData(NamedTuple):
    """Rows in bags, bag after bag."""

    data: object
    """Rows."""
    target: np.ndarray
    """A target of :func:`bag_target`."""
    y_true: np.ndarray
    """Labels of the rows, which no estimator should see."""
    order: np.ndarray
    """Row of the input that each row is."""


def make_bags(
    X,
    y,
    *,
    bag_size=None,
    sizes=None,
    method="random",
    heterogeneity=0.1,
    feature=0,
    remainder="keep",
    random_state=None,
):
    """Cut labelled rows into bags.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,)
        Labels. Of two classes the second is the positive one; a single class is
        positive if its label is 1.
    bag_size : int, default=None
        Number of rows of a bag; on average, for "feature" and "cluster".
    sizes : array-like of shape (n_bags,), default=None
        Numbers of rows of all bags instead.
    method : {"random", "feature", "cluster", "sorted", "proportion"}, \
default="random"
        Which rows go together: any; those with the same value of a feature, or with
        values next to each other; a cluster of k-means; those with the same label, as
        far as possible; or as many of each label as a random share says.
    heterogeneity : float, default=0.1
        For "proportion": the correlation of the labels of two rows of a bag, between
        0 (shares all equal) and 1 (pure bags). Shares of two classes have a beta
        distribution.
    feature : int or str, default=0
        For "feature": position or name of the column. Rows without a value come last.
    remainder : {"keep", "drop"}, default="keep"
        Whether the rows that do not fill a bag make a smaller one.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    bagged : BaggedData
        Named tuple of ``data``, ``target``, ``y_true`` and ``order``. Rows are in the
        order of their bags.

    Raises
    ------
    ValueError
        If not exactly one of ``bag_size`` and ``sizes`` is given, or they do not fit.

    See Also
    --------
    bag_summary : How much the bags say.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.label_proportions import make_bags
    >>> X, y = np.arange(12).reshape(6, 2), [0, 1, 0, 1, 1, 1]
    >>> bags = make_bags(X, y, bag_size=2, random_state=0)
    >>> bags.target["size"].tolist()
    [2, 2, 2, 2, 2, 2]
    >>> round(float(bags.target["proportion"].mean()), 3)
    0.667
    """
    y = _check_labels(y)
    check_consistent_length(X, y)
    n_samples = y.size
    if method not in _METHODS:
        raise ValueError(f"method={method!r} must be one of {_METHODS}.")
    if remainder not in ("keep", "drop"):
        raise ValueError(f"remainder={remainder!r} must be 'keep' or 'drop'.")
    rng = check_random_state(random_state)
    classes, labels = np.unique(y, return_inverse=True)
    sizes = _sizes(bag_size, sizes, n_samples, remainder)
    bags = np.repeat(np.arange(sizes.size), sizes)
    if method in ("feature", "cluster"):
        groups = _groups(X, method, sizes.size, feature, rng)
        order = np.argsort(groups, kind="stable")
        _, bags = np.unique(groups[order], return_inverse=True)
    elif method == "proportion":
        order = _draw_shares(labels, sizes, heterogeneity, rng)
    else:
        order = rng.permutation(n_samples)
        if method == "sorted":
            order = order[np.argsort(labels[order], kind="stable")]
        order = order[: bags.size]
    n_bags = bags.max() + 1
    counts = np.zeros((n_bags, classes.size))
    np.add.at(counts, (bags, labels[order]), 1)
    if classes.size == 1:
        counts = counts[:, 0] * (classes[0] == 1)
    elif classes.size == 2:
        counts = counts[:, 1]
    target = bag_target(bags, counts=counts[bags])
    return BaggedData(safe_indexing(X, order), target, y[order], order)


def _check_labels(y):
    """Return labels as an array."""
    y = as_labels(y)
    check_classification_targets(y)
    return column_or_1d(y)


def _sizes(bag_size, sizes, n_samples, remainder):
    if (bag_size is None) == (sizes is None):
        raise ValueError(
            f"{'Neither' if sizes is None else 'Both'} of bag_size and sizes are "
            "given; give one."
        )
    if sizes is None:
        if not isinstance(bag_size, Integral):
            raise ValueError(f"bag_size={bag_size!r} must be an integer.")
        if not 1 <= bag_size <= n_samples:
            raise ValueError(
                f"bag_size={bag_size} must be between 1 and the {n_samples} rows."
            )
        full, rest = divmod(n_samples, bag_size)
        sizes = [bag_size] * full + [rest] * (rest > 0 and remainder == "keep")
        return np.array(sizes, dtype=np.int64)
    given = np.asarray(sizes)
    sizes = given.astype(np.int64)
    rest = n_samples - sizes.sum()
    if given.ndim != 1 or (sizes < 1).any() or (sizes != given).any() or rest < 0:
        raise ValueError(
            f"sizes has the sum {given.sum()}; give whole, positive numbers that add "
            f"up to at most the {n_samples} rows."
        )
    return np.append(sizes, rest) if rest and remainder == "keep" else sizes


def _groups(X, method, n_bags, feature, rng):
    """Return a group of rows for each row."""
    if method == "cluster":
        search = MiniBatchKMeans(
            n_bags, n_init=1, random_state=rng.randint(2**31 - 1), batch_size=4096
        )
        return search.fit_predict(X)
    column = (
        X[feature] if isinstance(feature, str) else safe_indexing(X, feature, axis=1)
    )
    column = column.toarray() if hasattr(column, "toarray") else column
    present, missing, _, _ = as_column(column, f"column {feature!r}")
    try:
        values, inverse = np.unique(present, return_inverse=True)
    except TypeError:
        raise ValueError(
            f"feature={feature!r} is a column with values of several types, which "
            "cannot be sorted; make all of them strings."
        ) from None
    # Rows without a value come last, together.
    codes = np.full(missing.size, values.size)
    codes[~missing] = inverse
    values = np.unique(codes)
    if values.size <= n_bags:
        return codes
    # Neighbouring values share a bag, and equal ones always do.
    first = np.searchsorted(np.sort(codes), np.arange(values.size))
    return (first * n_bags // codes.size)[codes]


def _draw_shares(labels, sizes, heterogeneity, rng):
    """Return rows bag after bag, with random shares of the classes."""
    if not 0 <= heterogeneity <= 1:
        raise ValueError(f"heterogeneity={heterogeneity} must be between 0 and 1.")
    stock = [rng.permutation(np.flatnonzero(labels == k)) for k in np.unique(labels)]
    left = np.array([rows.size for rows in stock])
    overall = left / left.sum()
    chosen = []
    for size in sizes:
        if heterogeneity == 0:
            share = overall
        elif heterogeneity == 1:
            share = rng.multinomial(1, overall)
        else:
            share = rng.dirichlet(overall * (1 - heterogeneity) / heterogeneity)
        wanted = rng.multinomial(size, share) if heterogeneity else _round(size * share)
        taken = np.minimum(wanted, left)
        while taken.sum() < size:
            # A class is used up: the one with most rows stands in.
            k = int(np.argmax(left - taken))
            taken[k] += min(size - taken.sum(), left[k] - taken[k])
        for k, count in enumerate(taken):
            chosen.append(stock[k][left[k] - count : left[k]])
        left -= taken
    return np.concatenate(chosen)


def _round(amounts):
    """Round to whole numbers with the same sum."""
    found = np.floor(amounts).astype(np.int64)
    rest = round(amounts.sum() - found.sum())
    found[np.argsort(found - amounts, kind="stable")[:rest]] += 1
    return found


def bag_summary(target, *, bags=None):
    """Describe bags: their sizes, their shares, and how much these tell.

    Parameters
    ----------
    target : array-like of shape (n_samples,)
        A target of :func:`bag_target`, or shares along with ``bags``.
    bags : array-like of shape (n_samples,), default=None
        Bags of the rows, if ``target`` has shares.

    Returns
    -------
    summary : :class:`~sklearn.utils.Bunch`
        ``n_bags``, ``n_samples`` (rows in bags), ``n_unlabelled`` (rows in no bag or
        in one of unknown share), ``smallest_size``, ``median_size``, ``largest_size``,
        ``share`` (of ``classes_[1]``, or of each class), ``share_std`` (over the bags,
        weighted by rows), and ``information``: the spread of the shares relative to
        that of random bags, about 1 if bags are random and the bag size if they are
        pure.

    Examples
    --------
    >>> from skext.label_proportions import bag_summary, bag_target
    >>> summary = bag_summary(bag_target([0, 0, 1, 1], counts=[2, 0]))
    >>> summary.n_bags, summary.share, summary.information
    (2, 0.5, 2.0)
    """
    found = read_bags(target, bags)
    known = found.known()
    sizes, shares = found.sizes[known], found.proportions[known]
    refuse_unknown(found, "target")
    overall = np.average(shares, axis=0, weights=sizes)
    variance = np.average((shares - overall) ** 2, axis=0, weights=sizes)
    expected = overall @ (1 - overall)
    spread = (sizes[:, np.newaxis] * (shares - overall) ** 2).sum()
    information = spread / (sizes.size * expected) if expected > 0 else np.nan
    std = np.sqrt(variance)
    two = found.classes.size == 2
    return Bunch(
        n_bags=int(sizes.size),
        n_samples=int(sizes.sum()),
        n_unlabelled=int(found.codes.size - sizes.sum()),
        smallest_size=int(sizes.min()),
        median_size=float(np.median(sizes)),
        largest_size=int(sizes.max()),
        share=float(overall[1]) if two else overall,
        share_std=float(std[1]) if two else std,
        information=float(information),
    )
