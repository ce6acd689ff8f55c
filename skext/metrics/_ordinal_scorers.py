"""Scorers of ordinal classifiers, for cross-validation and searches."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED

from skext.metrics import _ordinal

# Name: function, what it is given, sign, options.
_METRICS = {
    "ordinal_mean_absolute_error": (
        _ordinal.ordinal_mean_absolute_error,
        "predict",
        -1,
        {},
    ),
    "macro_ordinal_mean_absolute_error": (
        _ordinal.ordinal_mean_absolute_error,
        "predict",
        -1,
        {"average": "macro"},
    ),
    "quadratic_weighted_kappa": (_ordinal.quadratic_weighted_kappa, "predict", 1, {}),
    "ranked_probability_score": (
        _ordinal.ranked_probability_score,
        "predict_proba",
        -1,
        {},
    ),
    "rare_class_log_loss": (_ordinal.rare_class_log_loss, "predict_proba", -1, {}),
    "rare_class_brier": (_ordinal.rare_class_brier, "predict_proba", -1, {}),
}


def find_ordered_classes(estimator):
    """Return the ordinal order that a fitted estimator knows, or None.

    Parameters
    ----------
    estimator : estimator object
        A classifier, a pipeline that ends in one, or a search over either.

    Returns
    -------
    labels : ndarray of shape (n_classes,) or None
        Labels from low to high.
    """
    while estimator is not None:
        found = getattr(estimator, "ordered_classes_", None)
        if found is not None:
            return np.asarray(found)
        inner = None
        for name in ("best_estimator_", "estimator_"):
            inner = getattr(estimator, name, inner)
        if inner is None and getattr(estimator, "steps", None):
            inner = estimator.steps[-1][1]
        estimator = inner
    return None


def _scoring_order(estimator, y, labels):
    """Return all classes from low to high, those of the test rows included."""
    from skext.utils._class_order import declared_order

    if labels is not None:
        return np.asarray(labels)
    known = np.asarray(estimator.classes_)
    found = np.unique(np.concatenate([known, np.asarray(y).ravel()]))
    ordered = find_ordered_classes(estimator)
    declared = declared_order(y)
    for candidate in (ordered, declared):
        if candidate is not None and set(found.tolist()) <= set(candidate.tolist()):
            return candidate
    if ordered is not None and ordered.tolist() != known.tolist():
        unknown = sorted(set(found.tolist()) - set(ordered.tolist()), key=str)
        raise ValueError(
            f"y has the classes {unknown}, whose place among the classes "
            f"{ordered.tolist()} of the estimator is not known; list all classes from "
            "low to high as labels= of the scorer, or as classes= of the estimator."
        )
    return found


def _spread(proba, known, classes):
    """Give a class that the estimator has not seen probability zero."""
    proba = np.asarray(proba)
    if known.tolist() == classes.tolist():
        return proba
    place = {label: j for j, label in enumerate(classes.tolist())}
    spread = np.zeros((proba.shape[0], classes.size), dtype=proba.dtype)
    spread[:, [place[label] for label in known.tolist()]] = proba
    return spread


class _OrdinalScorer(BaseEstimator):
    """Callable ``scorer(estimator, X, y)``; a base estimator only for its requests."""

    # What a router may pass is the weights.
    __metadata_request__score = {"estimator": UNUSED}

    def __init__(self, metric, labels=None, options=None):
        self.metric = metric
        self.labels = labels
        self.options = options

    def __call__(self, estimator, X, y, sample_weight=None):
        return self.score(estimator, X, y, sample_weight)

    def score(self, estimator, X, y, sample_weight=None):
        function, response, sign, options = _METRICS[self.metric]
        options = {**options, **(self.options or {})}
        order = _scoring_order(estimator, y, self.labels)
        prediction = getattr(estimator, response)(X)
        if response == "predict_proba":
            known, classes = np.asarray(estimator.classes_), np.sort(order)
            prediction = _spread(prediction, known, classes)
            options["classes"] = classes
        value = function(
            y, prediction, labels=order, sample_weight=sample_weight, **options
        )
        return sign * value


def make_ordinal_scorer(metric, *, labels=None, **options):
    """Make a scorer that knows the order of the classes.

    Parameters
    ----------
    metric : str
        ``"ordinal_mean_absolute_error"``, ``"macro_ordinal_mean_absolute_error"``,
        ``"quadratic_weighted_kappa"``, ``"ranked_probability_score"``,
        ``"rare_class_log_loss"`` or ``"rare_class_brier"``.
    labels : array-like of shape (n_classes,), default=None
        All classes from low to high. None takes the ``ordered_classes_`` of the fitted
        estimator, also inside a pipeline or a search; else the order of an ordered
        pandas categorical; else sorted labels.
    **options : dict
        Further keywords of the metric, such as ``rare`` or ``normalize``.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)``, greater is better: errors and
        losses are negated. Fit for ``scoring`` of :func:`~sklearn.model_selection.\
cross_validate`, :class:`~sklearn.model_selection.GridSearchCV` and the like.

    Raises
    ------
    ValueError
        If there is no such metric.

    See Also
    --------
    ordinal_scorers : All of them.

    Notes
    -----
    A class that is missing in the training rows has probability zero, which the log
    loss counts as the machine epsilon. The place of such a class must be known from
    ``labels``, from the estimator or from the type of the target unless the order is
    the sorted one.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skext.datasets import make_ordinal
    >>> from skext.metrics import make_ordinal_scorer
    >>> data = make_ordinal(1000, random_state=0)
    >>> scorer = make_ordinal_scorer("ranked_probability_score")
    >>> scores = cross_val_score(
    ...     LogisticRegression(), data.data, data.target, scoring=scorer
    ... )
    >>> bool((scores < 0).all())
    True
    """
    if metric not in _METRICS:
        raise ValueError(f"metric must be one of {sorted(_METRICS)}, got {metric!r}.")
    return _OrdinalScorer(metric, labels, options)


def ordinal_scorers(*, labels=None):
    """Make all scorers of :func:`make_ordinal_scorer`.

    Parameters
    ----------
    labels : array-like of shape (n_classes,), default=None
        All classes from low to high; None as in :func:`make_ordinal_scorer`.

    Returns
    -------
    scorers : dict of str to callable
        Fit for ``scoring`` of :func:`~sklearn.model_selection.cross_validate`.

    See Also
    --------
    make_ordinal_scorer : One of them.

    Examples
    --------
    >>> from skext.metrics import ordinal_scorers
    >>> sorted(ordinal_scorers())[:2]
    ['macro_ordinal_mean_absolute_error', 'ordinal_mean_absolute_error']
    """
    return {name: make_ordinal_scorer(name, labels=labels) for name in _METRICS}
