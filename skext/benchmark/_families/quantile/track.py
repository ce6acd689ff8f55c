"""The track of quantiles: which levels are asked for, and how they are judged."""

from functools import partial

import numpy as np

from skext import metrics
from skext.benchmark._engine.kinds import Kind
from skext.benchmark._engine.metrics import Metric
from skext.benchmark._engine.tasks import resolve
from skext.benchmark._engine.track import Track
from skext.benchmark._families.quantile.methods import QUANTILE_METHODS
from skext.benchmark._families.quantile.rivals import LEVELS
from skext.benchmark._families.quantile.tasks import TASKS

_OUTER = LEVELS[-1] - LEVELS[0]


def ask_quantiles(estimator, X):
    """Ask a fitted regressor for the levels of the benchmark.

    Parameters
    ----------
    estimator : estimator object
        Fitted, possibly in a pipeline or a search.
    X : array-like of shape (n_samples, n_features)
        Test rows.

    Returns
    -------
    predictions : dict
        "quantiles", of shape (n_samples, n_levels), as they are predicted, crossing or
        not; None from a regressor that predicts no quantiles.
    """
    # Loads numba, which listing methods does not need.
    from skext.utils._quantiles.forms import find_form

    try:
        find_form(estimator)
    except TypeError:
        return {"quantiles": None}
    predict_quantiles = resolve("skext.quantile:predict_quantiles")
    return {"quantiles": predict_quantiles(estimator, X, LEVELS)}


def _wis(y, Q):
    return metrics.weighted_interval_score(y, Q, LEVELS)


def _pinball(y, Q):
    return metrics.pinball_loss(y, Q, LEVELS)


def _coverage_error(y, Q):
    return abs(metrics.interval_coverage(y, Q[:, [0, -1]]) - _OUTER)


def _calibration_error(y, Q):
    return metrics.quantile_calibration_error(y, Q, LEVELS)


def _crossing(y, Q):
    return metrics.crossing_rate(Q)


def _width(y, Q):
    return metrics.mean_interval_width(Q[:, [0, -1]])


def _scorer_of(name):
    def scoring(task_type):
        return metrics.make_quantile_scorer(name, quantiles=np.array(LEVELS))

    return scoring


# What no search should follow, such as the width, stands for the headline.
_loss = partial(
    Metric,
    needs="quantiles",
    greater_is_better=False,
    task_types=("quantile",),
    scoring=_scorer_of("weighted_interval_score"),
)

_METRICS = (
    _loss(
        "weighted_interval_score",
        _wis,
        f"twice the pinball loss, mean over the levels {', '.join(map(str, LEVELS))}",
        in_units=True,
    ),
    _loss(
        "pinball_loss",
        _pinball,
        "mean over the same levels",
        scoring=_scorer_of("pinball_loss"),
        in_units=True,
    ),
    _loss(
        "coverage_error",
        _coverage_error,
        "distance of the coverage of 90 % intervals from 0.9",
    ),
    _loss(
        "quantile_calibration_error",
        _calibration_error,
        "mean distance between levels and the share of targets below",
        scoring=_scorer_of("quantile_calibration_error"),
    ),
    _loss("crossing_rate", _crossing, "share of rows with quantiles out of order"),
    _loss("interval_width", _width, "mean width of 90 % intervals", in_units=True),
)

TRACKS = (
    Track(
        "quantile",
        "Quantiles: regressors of several levels, and stacks of them. Where a task has "
        "experts, the stacks combine those; the others learn from the rows.",
        metrics={"quantile": tuple(metric.name for metric in _METRICS)},
        baseline="quantile-average",
        dummy="dummy-quantile",
        kinds=(
            Kind(
                "quantile",
                "quantile",
                "numbers",
                by_track=True,
                ask=ask_quantiles,
                lacking="skext.quantile.predict_quantiles does not know the estimator; "
                "wrap it in MultiQuantileRegressor or QuantileAdapter",
            ),
        ),
        own_metrics=_METRICS,
        methods=QUANTILE_METHODS,
        tasks=TASKS,
        suites=("quantile",),
        speed="skext.benchmark._families.quantile.speed:CASES",
    ),
)
