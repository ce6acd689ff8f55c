"""Losses of predicted quantiles and intervals."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import column_or_1d

from skext.utils._quantiles.levels import check_levels
from skext.utils._sklearn import (
    Interval,
    StrOptions,
    check_sample_weight,
    validate_params,
)

# Entries of one block of rows: temporary arrays stay in the cache.
_BLOCK = 1 << 16


class Checked(NamedTuple):
    """Validated input of a metric.

    Attributes
    ----------
    y : ndarray of shape (n_samples,) or None
        Targets of float64.
    Q : ndarray of shape (n_samples, n_levels)
        Quantiles or interval ends, of float64 or float32.
    levels : ndarray of shape (n_levels,) or None
        Levels.
    weights : ndarray of shape (n_samples,) or None
        Positive weights; None is equal ones.
    """

    y: np.ndarray | None
    Q: np.ndarray
    levels: np.ndarray | None
    weights: np.ndarray | None

    def blocks(self):
        """Yield blocks of rows, their quantiles in float64."""
        step = max(1, _BLOCK // self.Q.shape[1])
        for start in range(0, len(self.Q), step):
            rows = slice(start, start + step)
            yield rows, self.Q[rows].astype(np.float64, copy=False)

    def average(self, function):
        """Average over rows what a function of targets and quantiles returns."""
        total = 0.0
        for rows, Q in self.blocks():
            y = None if self.y is None else self.y[rows, np.newaxis]
            # Infinite quantiles, as calibration makes them, are no reason to warn.
            with np.errstate(invalid="ignore"):
                values = function(y, Q)
            if self.weights is None:
                total = total + values.sum(axis=0)
            else:
                total = total + self.weights[rows] @ values
        return total / (len(self.Q) if self.weights is None else self.weights.sum())


def check_predictions(y_true, Q, quantiles, sample_weight, *, name="y_quantiles"):
    """Check targets, quantiles, levels and weights of a metric.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or None
        Targets, if the metric has any.
    Q : array-like of shape (n_samples, n_levels)
        Quantiles; a vector is one level.
    quantiles : array-like of shape (n_levels,), None or False
        Levels; False where the metric has none.
    sample_weight : array-like of shape (n_samples,) or None
        Weights.
    name : str, default="y_quantiles"
        Name of the quantiles for messages.

    Returns
    -------
    data : Checked
        Without the rows of weight zero.

    Raises
    ------
    ValueError
        For other shapes, NaN, or infinite targets.
    """
    Q = check_array(
        Q,
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        ensure_all_finite=False,
        input_name=name,
    )
    if Q.ndim == 1:
        Q = Q[:, np.newaxis]
    levels = None
    if quantiles is not False:
        levels = check_levels(quantiles)
        if Q.shape[1] != len(levels):
            raise ValueError(
                f"{name} has {Q.shape[1]} columns for {len(levels)} levels; pass the "
                "level of every column as quantiles=."
            )
    if y_true is not None:
        y_true = check_array(
            y_true, ensure_2d=False, dtype=np.float64, input_name="y_true"
        )
        y_true = column_or_1d(y_true)
        check_consistent_length(y_true, Q)
    weights = None
    if sample_weight is not None:
        weights = check_sample_weight(
            sample_weight, Q, dtype=np.float64, ensure_non_negative=True
        )
        if not weights.all():
            kept = weights > 0
            y_true = None if y_true is None else y_true[kept]
            Q, weights = Q[kept], weights[kept]
    data = Checked(y_true, Q, levels, weights)
    if any(np.isnan(block).any() for _, block in data.blocks()):
        raise ValueError(f"{name} contains NaN; remove such rows.")
    return data


def check_interval(y_true, y_interval, sample_weight):
    """Check targets, intervals and weights; see ``check_predictions``."""
    data = check_predictions(
        y_true, y_interval, False, sample_weight, name="y_interval"
    )
    if data.Q.shape[1] != 2:
        raise ValueError(
            f"y_interval has {data.Q.shape[1]} columns and must have two columns, "
            "lower and upper ends; numpy.column_stack((lower, upper)) makes them."
        )
    return data


def _pinball(y, Q, levels):
    error = y - Q
    return np.maximum(levels * error, (levels - 1) * error)


_ARRAYS = {
    "y_true": ["array-like"],
    "y_quantiles": ["array-like"],
    "quantiles": ["array-like", Real, None],
    "sample_weight": ["array-like", None],
}


@validate_params(
    {**_ARRAYS, "multioutput": [StrOptions({"uniform_average", "raw_values"})]},
    prefer_skip_nested_validation=True,
)
def pinball_loss(
    y_true,
    y_quantiles,
    quantiles=None,
    *,
    sample_weight=None,
    multioutput="uniform_average",
):
    r"""Pinball loss of predicted quantiles.

    The loss of the quantile g for the level :math:`\tau` is
    :math:`\max\{\tau (y - g), (\tau - 1) (y - g)\}`; the true quantile minimises its
    expectation.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    y_quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level; a vector for a single level.
    quantiles : float or array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    multioutput : {"uniform_average", "raw_values"}, default="uniform_average"
        Whether to average over the levels.

    Returns
    -------
    loss : float or ndarray of shape (n_levels,)
        Mean over the rows, and over the levels unless ``"raw_values"``.

    Raises
    ------
    ValueError
        If the columns do not fit the levels, or something is NaN.

    See Also
    --------
    weighted_interval_score : Twice the average.
    sklearn.metrics.mean_pinball_loss : The same for one level.

    Examples
    --------
    >>> from skext.metrics import pinball_loss
    >>> pinball_loss([1, 2], [[0, 2], [1, 2]], [0.25, 0.75])
    0.1875
    """
    data = check_predictions(y_true, y_quantiles, quantiles, sample_weight)
    losses = data.average(lambda y, Q: _pinball(y, Q, data.levels))
    return losses if multioutput == "raw_values" else float(losses.mean())


class IntervalScoreParts(NamedTuple):
    """A weighted interval score and the three parts of which it is the sum.

    Attributes
    ----------
    score : float
        The score.
    dispersion : float
        Due to the widths of the intervals.
    underprediction : float
        Due to targets above the intervals.
    overprediction : float
        Due to targets below the intervals.
    """

    score: float
    dispersion: float
    underprediction: float
    overprediction: float


@validate_params(
    {**_ARRAYS, "normalize": ["boolean"], "decompose": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def weighted_interval_score(
    y_true,
    y_quantiles,
    quantiles=None,
    *,
    sample_weight=None,
    normalize=True,
    decompose=False,
):
    r"""Weighted interval score of predicted quantiles.

    Twice the pinball loss, averaged over the levels [1]_. For levels in pairs around
    the median it is the mean of the interval scores, each weighted by the probability
    of a miss, and of the absolute error of the median.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    y_quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level; a vector for a single level.
    quantiles : float or array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    normalize : bool, default=True
        Whether to average over the levels, which gives a score in the unit of the
        target, or to sum over them, as in [2]_. Ratios of scores are the same.
    decompose : bool, default=False
        Whether to return the parts of the score, too.

    Returns
    -------
    score : float or named tuple of four floats
        Mean over the rows. With ``decompose=True`` the fields are ``score``,
        ``dispersion``, ``underprediction`` and ``overprediction``.

    Raises
    ------
    ValueError
        If the columns do not fit the levels, something is NaN, or the score of
        infinite quantiles or of levels without partners is to be decomposed.

    See Also
    --------
    interval_score : Of one interval.
    crps_from_quantiles : What the score approximates.

    Notes
    -----
    The interval [l, u] of level :math:`1 - \alpha` contributes the dispersion
    :math:`\alpha (u - l)`, the overprediction :math:`2 (l - y)_+` and the
    underprediction :math:`2 (y - u)_+`, which is twice the pinball losses of its two
    ends. Where ends cross, the dispersion is negative and the sum still holds.

    References
    ----------
    .. [1] Johannes Bracher, Evan L. Ray, Tilmann Gneiting and Nicholas G. Reich,
       "Evaluating epidemic forecasts in an interval format", PLOS Computational
       Biology 17, 2021.
    .. [2] Rasool Fakoor, Taesup Kim, Jonas Mueller, Alexander J. Smola and Ryan J.
       Tibshirani, "Flexible Model Aggregation for Quantile Regression", Journal of
       Machine Learning Research 24, 2023.

    Examples
    --------
    >>> from skext.metrics import weighted_interval_score
    >>> Q = [[0, 1, 2], [1, 2, 4]]
    >>> weighted_interval_score([1, 5], Q, [0.25, 0.5, 0.75])
    1.25
    >>> parts = weighted_interval_score([1, 5], Q, [0.25, 0.5, 0.75], decompose=True)
    >>> round(parts.dispersion, 3), round(parts.underprediction, 3)
    (0.417, 0.833)
    """
    data = check_predictions(y_true, y_quantiles, quantiles, sample_weight)
    levels = data.levels
    scale = 2.0 if normalize else 2.0 * len(levels)
    if not decompose:
        losses = data.average(lambda y, Q: _pinball(y, Q, levels))
        return float(scale * losses.mean())
    if not np.allclose(levels + levels[::-1], 1.0, rtol=0, atol=1e-9):
        raise ValueError(
            f"quantiles={levels.tolist()} must be pairs of tau and 1 - tau for "
            "decompose=True; complete the pairs."
        )
    if any(np.isinf(block).any() for _, block in data.blocks()):
        raise ValueError(
            "y_quantiles must be finite for decompose=True; leave out the outermost "
            "levels."
        )
    lower, upper = levels < 0.5 - 1e-9, levels > 0.5 + 1e-9
    middle = ~(lower | upper)
    tails = np.where(upper, 1 - levels, np.where(lower, -levels, 0.0))

    def parts(y, Q):
        over = np.maximum(Q - y, 0) * (lower + 0.5 * middle)
        under = np.maximum(y - Q, 0) * (upper + 0.5 * middle)
        return np.stack([Q @ tails, under.sum(axis=1), over.sum(axis=1)], axis=1)

    found = (scale / len(levels) * data.average(parts)).tolist()
    return IntervalScoreParts(sum(found), *found)


@validate_params(
    {
        "y_true": ["array-like"],
        "y_interval": ["array-like"],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def interval_score(y_true, y_interval, coverage=0.9, *, sample_weight=None):
    r"""Interval score of central prediction intervals.

    The width, plus :math:`2 / \alpha` times the distance of the target from the
    interval, where :math:`1 - \alpha` is the coverage [1]_. Smallest in expectation
    for the true quantiles.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    y_interval : array-like of shape (n_samples, 2)
        Lower and upper ends.
    coverage : float, default=0.9
        Nominal probability between the ends.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    score : float
        Mean over the rows.

    Raises
    ------
    ValueError
        If the intervals do not have two columns, or something is NaN.

    See Also
    --------
    weighted_interval_score : Of several intervals.

    References
    ----------
    .. [1] Tilmann Gneiting and Adrian E. Raftery, "Strictly Proper Scoring Rules,
       Prediction, and Estimation", Journal of the American Statistical Association
       102, 2007.

    Examples
    --------
    >>> from skext.metrics import interval_score
    >>> interval_score([1, 5], [[0, 2], [2, 4]], coverage=0.5)
    4.0
    """
    data = check_interval(y_true, y_interval, sample_weight)
    factor = 2 / (1 - coverage)

    def score(y, ends):
        lower, upper = ends[:, :1], ends[:, 1:]
        miss = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
        return upper - lower + factor * miss

    return float(data.average(score)[0])


@validate_params(
    {**_ARRAYS, "method": [StrOptions({"wis", "piecewise_linear"})]},
    prefer_skip_nested_validation=True,
)
def crps_from_quantiles(
    y_true, y_quantiles, quantiles=None, *, method="wis", sample_weight=None
):
    r"""CRPS (continuous ranked probability score) of quantiles.

    The score is :math:`2 \int_0^1 \max\{\tau (y - g(\tau)), (\tau - 1) (y - g(\tau))\}
    \, d\tau` for the quantile function g.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    y_quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level; a vector for a single level.
    quantiles : float or array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    method : {"wis", "piecewise_linear"}, default="wis"
        ``"wis"`` takes the mean over the levels for the integral, which supposes that
        they are evenly spaced. ``"piecewise_linear"`` integrates exactly for the
        quantile function that is linear between the levels and, beyond the outermost
        ones, constant.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    score : float
        Mean over the rows; infinite if a quantile is.

    Raises
    ------
    ValueError
        If the columns do not fit the levels, or something is NaN.

    See Also
    --------
    weighted_interval_score : Proper for the given levels, whatever their spacing.

    Notes
    -----
    Both need levels that reach far into the tails to come close to the score of the
    whole distribution.

    Examples
    --------
    >>> from skext.metrics import crps_from_quantiles
    >>> Q = [[0, 1, 2], [1, 2, 4]]
    >>> crps_from_quantiles([1, 5], Q, [0.25, 0.5, 0.75])
    1.25
    >>> score = crps_from_quantiles(
    ...     [1, 5], Q, [0.25, 0.5, 0.75], method="piecewise_linear"
    ... )
    >>> round(score, 4)
    1.1146
    """
    data = check_predictions(y_true, y_quantiles, quantiles, sample_weight)
    levels = data.levels
    if method == "wis":
        losses = data.average(lambda y, Q: _pinball(y, Q, levels))
        return float(2 * losses.mean())
    return float(2 * data.average(lambda y, Q: _integrated(Q - y, levels))[0])


def _integrated(above, levels):
    """Integrate pinball losses; ``above`` is how far quantiles are above the target.

    The loss is ``max(above, 0) - tau * above``, linear pieces of which are squares.
    """
    left, right = above[:, :-1], above[:, 1:]
    width, start = np.diff(levels), levels[:-1]
    positive = (np.maximum(left, 0) + np.maximum(right, 0)) / 2
    mixed = (left < 0) != (right < 0)
    high = np.maximum(left, right)[mixed]
    positive[mixed] = high * (high / np.abs(right - left)[mixed]) / 2
    weighted = start * (left + right) / 2 + width * (left / 6 + right / 3)
    total = (positive - weighted) @ width
    for end, low, up in ((0, 0.0, levels[0]), (-1, levels[-1], 1.0)):
        edge = above[:, end]
        total += (up - low) * np.maximum(edge, 0) - (up**2 - low**2) / 2 * edge
    total[np.isinf(above).any(axis=1)] = np.inf
    return total[:, np.newaxis]
