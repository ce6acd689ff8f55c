"""Scorers that ask a regressor for quantiles."""

import inspect

from skext.metrics._quantile import (
    crps_from_quantiles,
    interval_score,
    pinball_loss,
    weighted_interval_score,
)
from skext.metrics._quantile_calibration import (
    crossing_rate,
    interval_coverage,
    mean_interval_width,
    quantile_calibration_error,
)
from skext.utils._quantiles.forms import predict_levels
from skext.utils._quantiles.levels import check_levels
from skext.utils._scoring import MetricScorer, find_metric

_METRICS = {
    function.__name__: function
    for function in (
        crossing_rate,
        crps_from_quantiles,
        interval_coverage,
        interval_score,
        mean_interval_width,
        pinball_loss,
        quantile_calibration_error,
        weighted_interval_score,
    )
}


class _QuantileScorer(MetricScorer):
    """Asks for quantiles; see ``make_quantile_scorer``."""

    _maker = "make_quantile_scorer"

    def __init__(self, metric, quantiles, greater_is_better, options):
        super().__init__(metric, greater_is_better, options)
        self.quantiles = quantiles

    def _ask(self, estimator, X, y):
        Q, levels = predict_levels(estimator, X, self.quantiles)
        accepted = inspect.signature(self.metric).parameters
        known = {"quantiles": levels} if "quantiles" in accepted else {}
        return (y, Q) if next(iter(accepted), "").startswith("y_true") else (Q,), known


def make_quantile_scorer(metric, *, quantiles=None, greater_is_better=None, **options):
    """Make a scorer of predicted quantiles from a metric.

    Scikit-learn's own scorers call ``predict``, which returns a single number for each
    row. These call :func:`skext.quantile.predict_quantiles`, so that they take
    regressors of all libraries, also in a pipeline or a search.

    Parameters
    ----------
    metric : str or callable
        Name of a metric of quantiles or intervals in :mod:`skext.metrics`, such as
        ``"weighted_interval_score"``, or a function. It is called as ``metric(y_true,
        y_quantiles, quantiles=levels, **options)``; without ``quantiles`` if it has no
        such parameter, as :func:`interval_coverage`, and without ``y_true`` if that is
        not its first parameter, as :func:`crossing_rate`. Must return one number.
    quantiles : float or array-like of shape (n_levels,), default=None
        Levels to ask for. None is the levels that the regressor was fitted for, or
        0.05, 0.10, ..., 0.95 if it predicts any; set them where regressors are to be
        compared that were fitted for different ones.
    greater_is_better : bool, default=None
        Whether the metric is to be maximised. Otherwise scores are its negative. None
        is False, which is right for all of :mod:`skext.metrics` but a coverage.
    **options : dict
        Further keywords of the metric.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)``, greater is better. Fit for
        ``scoring`` of :func:`~sklearn.model_selection.cross_validate`,
        :class:`~sklearn.model_selection.GridSearchCV` and the like.

    Raises
    ------
    ValueError
        If there is no such metric, or the levels do not increase strictly between 0
        and 1.

    See Also
    --------
    weighted_interval_score : A good metric for several levels.
    make_ordinal_scorer : For classifiers of ordered classes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import cross_val_score
    >>> from skext.metrics import make_quantile_scorer
    >>> from skext.quantile import LinearQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> coverage = make_quantile_scorer(
    ...     "interval_coverage", quantiles=[0.1, 0.9], greater_is_better=True
    ... )
    >>> model = LinearQuantileRegressor(quantiles=[0.1, 0.9])
    >>> scores = cross_val_score(model, X, y, scoring=coverage, cv=3)
    >>> bool(0.7 < scores.mean() < 0.9)
    True
    """
    quantiles = None if quantiles is None else check_levels(quantiles)
    metric = find_metric(metric, _METRICS)
    return _QuantileScorer(metric, quantiles, bool(greater_is_better), options)
