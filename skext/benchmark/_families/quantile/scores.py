"""Predicted quantiles in the benchmark: which levels, how asked for, how judged."""

import numpy as np

# Three central intervals and the median; all are among the defaults of the package, so
# that a regressor fitted for those can be asked for them.
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
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
    Q : ndarray of shape (n_samples, n_levels) or None
        As they are predicted, crossing or not; None from a regressor that predicts no
        quantiles.
    """
    from skext.quantile import predict_quantiles
    from skext.utils._quantiles.forms import find_form

    try:
        find_form(estimator)
    except TypeError:
        return None
    return predict_quantiles(estimator, X, LEVELS)


def _wis(y, Q):
    from skext.metrics import weighted_interval_score

    return weighted_interval_score(y, Q, LEVELS)


def _pinball(y, Q):
    from skext.metrics import pinball_loss

    return pinball_loss(y, Q, LEVELS)


def _coverage_error(y, Q):
    from skext.metrics import interval_coverage

    return abs(interval_coverage(y, Q[:, [0, -1]]) - _OUTER)


def _calibration_error(y, Q):
    from skext.metrics import quantile_calibration_error

    return quantile_calibration_error(y, Q, LEVELS)


def _crossing(y, Q):
    from skext.metrics import crossing_rate

    return crossing_rate(Q)


def _width(y, Q):
    from skext.metrics import mean_interval_width

    return mean_interval_width(Q[:, [0, -1]])


# Name, function of targets and quantiles, description. Smaller is better in all.
QUANTILE_SCORES = (
    (
        "weighted_interval_score",
        _wis,
        f"twice the pinball loss, mean over the levels {', '.join(map(str, LEVELS))}",
    ),
    ("pinball_loss", _pinball, "mean over the same levels"),
    (
        "coverage_error",
        _coverage_error,
        "distance of the coverage of 90 % intervals from 0.9",
    ),
    (
        "quantile_calibration_error",
        _calibration_error,
        "mean distance between levels and the share of targets below",
    ),
    ("crossing_rate", _crossing, "share of rows with quantiles out of order"),
    ("interval_width", _width, "mean width of 90 % intervals"),
)
QUANTILE_METRICS = tuple(name for name, _, _ in QUANTILE_SCORES)
_SCORED_BY = ("weighted_interval_score", "pinball_loss", "quantile_calibration_error")


def quantile_scorer(metric):
    """Return the scorer that tunes for a metric of quantiles.

    Parameters
    ----------
    metric : str
        One of ``QUANTILE_METRICS``; those that no search should follow, such as
        the width, stand for the weighted interval score.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``.
    """
    from skext import metrics

    name = metric if metric in _SCORED_BY else _SCORED_BY[0]
    return metrics.make_quantile_scorer(name, quantiles=np.array(LEVELS))
