"""Scores of predictions on bags, for which no label of a row is needed."""

import numpy as np
from scipy.special import xlogy

from skext.label_proportions._bags.targets import read_bags, refuse_unknown
from skext.label_proportions._counts.posterior import (
    as_scores,
    count_posterior,
    whole_counts,
)
from skext.utils._scoring import MetricScorer, find_metric

__all__ = [
    "bag_count_log_loss",
    "bag_log_loss",
    "bag_mean_absolute_error",
    "bag_root_mean_squared_error",
    "make_bag_scorer",
]

_EPS = 1e-15


def _read(target, proba, bags):
    """Return bags and the probabilities of all classes, for rows in known bags."""
    proba = np.asarray(proba, dtype=np.float64)
    if proba.ndim == 1:
        proba = np.column_stack([1 - proba, proba])
    found = read_bags(target, bags)
    if found.codes.size != proba.shape[0]:
        raise ValueError(
            f"proba has the shape {proba.shape}; give a row for each of the "
            f"{found.codes.size} entries of the target."
        )
    if found.classes.size != proba.shape[1]:
        raise ValueError(
            f"proba has the shape {proba.shape}; give a column for each of the "
            f"{found.classes.size} classes."
        )
    if not np.isfinite(proba).all() or proba.min() < 0 or proba.max() > 1:
        raise ValueError("proba has values outside [0, 1]; give probabilities.")
    refuse_unknown(found, "target")
    return found, proba


def _mean_proba(found, proba):
    """Return the mean probability of each class in each bag."""
    bagged = found.codes >= 0
    totals = [
        np.bincount(found.codes[bagged], column[bagged], minlength=found.ids.size)
        for column in proba.T
    ]
    return np.column_stack(totals) / found.sizes[:, np.newaxis]


def bag_count_log_loss(target, proba, *, bags=None):
    """Log loss of the counts of bags, per row; proper, smaller is better.

    Rows are independent given their features, so the number of positive rows of a bag
    has a Poisson binomial distribution, and the loss is minus the logarithm of the
    probability that it gives to the true number.

    Parameters
    ----------
    target : array-like of shape (n_samples,)
        A target of :func:`bag_target`, or shares along with ``bags``.
    proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Predicted probabilities of the rows.
    bags : array-like of shape (n_samples,), default=None
        Bags of the rows, if ``target`` has shares.

    Returns
    -------
    loss : float
        Sum over the bags, divided by the number of their rows.

    Raises
    ------
    ValueError
        If a bag is cut, or shapes do not fit.

    See Also
    --------
    bag_log_loss : Of proportions instead of counts.

    Notes
    -----
    Probabilities are clipped by 1e-15. The count is exact for bags of any size; one
    that is not whole is taken as the nearest whole number. With more than two classes
    the loss is that of the counts of all classes together: exact if the size of a bag
    times the number of partial counts is at most 2e6, and otherwise the saddle-point
    approximation.

    Examples
    --------
    >>> from skext.label_proportions import bag_count_log_loss, bag_target
    >>> target = bag_target([0, 0], counts=[1])
    >>> round(bag_count_log_loss(target, [0.9, 0.1]), 3)  # -log(0.82) / 2
    0.099
    """
    found, proba = _read(target, proba, bags)
    known = found.known()
    n_rows = found.sizes[known].sum()
    if found.classes.size == 2:
        proba, counts = proba[:, 1], np.round(found.counts())
    else:
        counts = whole_counts(found)
    _, logs = count_posterior(as_scores(proba, _EPS), found, counts)
    return float(-logs[known].sum() / n_rows)


def bag_log_loss(target, proba, *, bags=None):
    """Cross-entropy of the mean probabilities of bags, weighted by their rows.

    Parameters
    ----------
    target : array-like of shape (n_samples,)
        A target of :func:`bag_target`, or shares along with ``bags``.
    proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Predicted probabilities of the rows.
    bags : array-like of shape (n_samples,), default=None
        Bags of the rows, if ``target`` has shares.

    Returns
    -------
    loss : float
        The loss that :class:`DLLPClassifier` minimizes.

    Raises
    ------
    ValueError
        If a bag is cut, or shapes do not fit.

    See Also
    --------
    bag_count_log_loss : Proper for the probabilities of rows.

    Notes
    -----
    It only looks at means: giving every row of a bag its share is as good as knowing
    the rows.

    Examples
    --------
    >>> from skext.label_proportions import bag_log_loss, bag_target
    >>> target = bag_target([0, 0], counts=[1])
    >>> round(bag_log_loss(target, [0.9, 0.1]), 3)
    0.693
    """
    found, proba = _read(target, proba, bags)
    known = found.known()
    mean = np.clip(_mean_proba(found, proba)[known], _EPS, 1.0)
    loss = -xlogy(found.proportions[known], mean).sum(axis=1)
    return float(np.average(loss, weights=found.sizes[known]))


def bag_mean_absolute_error(target, proba, *, bags=None):
    """Mean absolute error of the proportions of bags, weighted by their rows.

    Parameters
    ----------
    target : array-like of shape (n_samples,)
        A target of :func:`bag_target`, or shares along with ``bags``.
    proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Predicted probabilities of the rows.
    bags : array-like of shape (n_samples,), default=None
        Bags of the rows, if ``target`` has shares.

    Returns
    -------
    error : float
        Between 0 and 1; the mean over the classes if there are more than two.

    Raises
    ------
    ValueError
        If a bag is cut, or shapes do not fit.

    See Also
    --------
    bag_root_mean_squared_error : Squared instead.

    Examples
    --------
    >>> from skext.label_proportions import bag_mean_absolute_error, bag_target
    >>> target = bag_target([0, 0, 1, 1], counts=[1, 2])
    >>> round(bag_mean_absolute_error(target, [0.9, 0.1, 0.8, 0.8]), 3)
    0.1
    """
    found, proba = _read(target, proba, bags)
    known = found.known()
    error = np.abs(_mean_proba(found, proba) - found.proportions)[known].mean(axis=1)
    return float(np.average(error, weights=found.sizes[known]))


def bag_root_mean_squared_error(target, proba, *, bags=None):
    """Root mean squared error of the proportions of bags, weighted by their rows.

    Parameters
    ----------
    target : array-like of shape (n_samples,)
        A target of :func:`bag_target`, or shares along with ``bags``.
    proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Predicted probabilities of the rows.
    bags : array-like of shape (n_samples,), default=None
        Bags of the rows, if ``target`` has shares.

    Returns
    -------
    error : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If a bag is cut, or shapes do not fit.

    See Also
    --------
    bag_mean_absolute_error : Absolute instead.

    Examples
    --------
    >>> from skext.label_proportions import bag_root_mean_squared_error, bag_target
    >>> target = bag_target([0, 0, 1, 1], counts=[1, 2])
    >>> round(bag_root_mean_squared_error(target, [0.9, 0.1, 0.8, 0.8]), 3)
    0.141
    """
    found, proba = _read(target, proba, bags)
    known = found.known()
    error = ((_mean_proba(found, proba) - found.proportions) ** 2)[known].mean(axis=1)
    return float(np.sqrt(np.average(error, weights=found.sizes[known])))


_METRICS = {
    function.__name__: function
    for function in (
        bag_count_log_loss,
        bag_log_loss,
        bag_mean_absolute_error,
        bag_root_mean_squared_error,
    )
}


class _BagScorer(MetricScorer):
    """Asks for probabilities; see ``make_bag_scorer``."""

    _maker = "make_bag_scorer"

    def _ask(self, estimator, X, y):
        return (y, estimator.predict_proba(X)), {}


def make_bag_scorer(metric, *, greater_is_better=None, **options):
    """Make a scorer of whole bags for cross-validation and searches.

    Parameters
    ----------
    metric : str or callable
        ``"bag_count_log_loss"``, ``"bag_log_loss"``, ``"bag_mean_absolute_error"``,
        ``"bag_root_mean_squared_error"``, or a function. It is called as
        ``metric(target, proba, **options)``. Must return one number.
    greater_is_better : bool, default=None
        Whether the metric is to be maximised. Otherwise scores are its negative. None
        is False, which is right for the metrics above.
    **options : dict
        Further keywords of the metric.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, greater is better. Fit for ``scoring`` of
        :class:`~sklearn.model_selection.GridSearchCV` and the like, with
        ``cv=BagKFold()`` or another splitter that keeps bags whole.

    Raises
    ------
    ValueError
        If there is no such metric.

    See Also
    --------
    BagKFold : Folds of whole bags.

    Notes
    -----
    Only counts of bags are used. The classifiers of this module score by the first of
    the metrics if no scoring is given.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skext.label_proportions import (
    ...     BagKFold, DLLPClassifier, make_bag_scorer, make_bags
    ... )
    >>> X, y = make_classification(500, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> search = GridSearchCV(
    ...     DLLPClassifier(),
    ...     {"C": [0.01, 1.0]},
    ...     cv=BagKFold(3),
    ...     scoring=make_bag_scorer("bag_log_loss"),
    ... )
    >>> bool(search.fit(bags.data, bags.target).best_score_ < 0)
    True
    """
    metric = find_metric(metric, _METRICS)
    return _BagScorer(metric, bool(greater_is_better), options)
