"""Scorers of ordinal classifiers, for cross-validation and searches."""

import inspect

import numpy as np

from skext.metrics._ordinal import (
    ordinal_mean_absolute_error,
    quadratic_weighted_kappa,
    ranked_probability_score,
    rare_class_brier,
    rare_class_log_loss,
)
from skext.utils._class_order import declared_order, find_ordered_classes
from skext.utils._scoring import MetricScorer, find_metric

_METRICS = {
    function.__name__: function
    for function in (
        ordinal_mean_absolute_error,
        quadratic_weighted_kappa,
        ranked_probability_score,
        rare_class_brier,
        rare_class_log_loss,
    )
}


def _scoring_order(estimator, y, class_order):
    """Return all classes from low to high, those of the test rows included."""
    if class_order is not None:
        return np.asarray(class_order)
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
            "low to high as class_order= of the scorer, or of the estimator."
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


class _OrdinalScorer(MetricScorer):
    """Knows the order of the classes; see ``make_ordinal_scorer``."""

    _maker = "make_ordinal_scorer"

    def __init__(self, metric, class_order, greater_is_better, options):
        super().__init__(metric, greater_is_better, options)
        self.class_order = class_order

    def _ask(self, estimator, X, y):
        order = _scoring_order(estimator, y, self.class_order)
        accepted = inspect.signature(self.metric).parameters
        known = {"class_order": order}
        if "y_proba" in accepted:
            seen, known["classes"] = np.asarray(estimator.classes_), np.sort(order)
            guess = _spread(estimator.predict_proba(X), seen, known["classes"])
        else:
            guess = estimator.predict(X)
        return (y, guess), {key: known[key] for key in known if key in accepted}


def make_ordinal_scorer(metric, *, class_order=None, greater_is_better=None, **options):
    """Make a scorer that knows the order of the classes.

    Parameters
    ----------
    metric : str or callable
        ``"ordinal_mean_absolute_error"``, ``"quadratic_weighted_kappa"``,
        ``"ranked_probability_score"``, ``"rare_class_log_loss"``,
        ``"rare_class_brier"``, or a function. It is called as ``metric(y_true, guess,
        **options)``, with probabilities for the guess if it has a parameter
        ``y_proba``, else with labels; and with ``class_order`` and ``classes``, the
        labels of the columns, if it has such parameters. Must return one number.
    class_order : array-like of shape (n_classes,), default=None
        All classes from low to high. None takes the ``ordered_classes_`` of the fitted
        estimator, also inside a pipeline or a search; else the order of an ordered
        pandas categorical; else sorted labels.
    greater_is_better : bool, default=None
        Whether the metric is to be maximised. Otherwise scores are its negative. None
        is what is right for the metrics above, and False for others.
    **options : dict
        Further keywords of the metric, such as ``rare`` or ``normalize``.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)``, greater is better. Fit for
        ``scoring`` of :func:`~sklearn.model_selection.cross_validate`,
        :class:`~sklearn.model_selection.GridSearchCV` and the like.

    Raises
    ------
    ValueError
        If there is no such metric.

    See Also
    --------
    make_quantile_scorer : For regressors that predict quantiles.

    Notes
    -----
    A class that is missing in the training rows has probability zero, which the log
    loss counts as the machine epsilon. The place of such a class must be known from
    ``class_order``, from the estimator or from the type of the target unless the order
    is the sorted one.

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
    metric = find_metric(metric, _METRICS)
    if greater_is_better is None:
        greater_is_better = metric is quadratic_weighted_kappa
    return _OrdinalScorer(metric, class_order, greater_is_better, options)
