"""Whether predicted quantiles and intervals hold what they promise."""

import numpy as np

from skext.metrics._quantile import _ARRAYS, check_interval, check_predictions
from skext.utils._random import fit_rng
from skext.utils._sklearn import StrOptions, validate_params

_INTERVALS = {
    "y_true": ["array-like"],
    "y_interval": ["array-like"],
    "sample_weight": ["array-like", None],
}


@validate_params(_INTERVALS, prefer_skip_nested_validation=True)
def interval_coverage(y_true, y_interval, *, sample_weight=None):
    """Share of the targets inside of their prediction intervals.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    y_interval : array-like of shape (n_samples, 2)
        Lower and upper ends, which belong to the intervals.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    coverage : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the intervals do not have two columns, or something is NaN.

    See Also
    --------
    quantile_coverage : Of every level by itself.

    Examples
    --------
    >>> from skext.metrics import interval_coverage
    >>> interval_coverage([1, 5], [[0, 2], [2, 4]])
    0.5
    """
    data = check_interval(y_true, y_interval, sample_weight)
    inside = data.average(lambda y, ends: (ends[:, :1] <= y) & (y <= ends[:, 1:]))
    return float(inside[0])


@validate_params(
    {"y_interval": ["array-like"], "sample_weight": ["array-like", None]},
    prefer_skip_nested_validation=True,
)
def mean_interval_width(y_interval, *, sample_weight=None):
    """Mean width of prediction intervals.

    Parameters
    ----------
    y_interval : array-like of shape (n_samples, 2)
        Lower and upper ends.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    width : float
        Mean over the rows; the width of ends that cross is negative.

    Raises
    ------
    ValueError
        If the intervals do not have two columns, or something is NaN.

    See Also
    --------
    interval_coverage : What the width is for.

    Examples
    --------
    >>> from skext.metrics import mean_interval_width
    >>> mean_interval_width([[0, 2], [2, 5]])
    2.5
    """
    data = check_interval(None, y_interval, sample_weight)
    return float(data.average(lambda _, ends: ends[:, 1:] - ends[:, :1])[0])


@validate_params(_ARRAYS, prefer_skip_nested_validation=True)
def quantile_coverage(y_true, y_quantiles, quantiles=None, *, sample_weight=None):
    """Share of the targets at or below each predicted quantile.

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

    Returns
    -------
    coverage : ndarray of shape (n_levels,)
        To be compared with the levels.

    Raises
    ------
    ValueError
        If the columns do not fit the levels, or something is NaN.

    See Also
    --------
    quantile_calibration_error : The distance from the levels.

    Examples
    --------
    >>> from skext.metrics import quantile_coverage
    >>> quantile_coverage([1, 5], [[0, 2], [1, 5]], [0.25, 0.75])
    array([0., 1.])
    """
    data = check_predictions(y_true, y_quantiles, quantiles, sample_weight)
    return data.average(lambda y, Q: y <= Q)


@validate_params(
    {**_ARRAYS, "norm": [StrOptions({"mean", "rms", "max"})]},
    prefer_skip_nested_validation=True,
)
def quantile_calibration_error(
    y_true, y_quantiles, quantiles=None, *, norm="mean", sample_weight=None
):
    """Distance between the levels and the shares of targets below the quantiles.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    y_quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level; a vector for a single level.
    quantiles : float or array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    norm : {"mean", "rms", "max"}, default="mean"
        Mean, root mean square or largest of the distances of the levels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    error : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the columns do not fit the levels, or something is NaN.

    See Also
    --------
    quantile_coverage : The shares.

    Notes
    -----
    Even the true quantiles have an error of about ``1 / sqrt(n_samples)``. The error
    does not see whether quantiles depend on the features as they should: constant
    quantiles of all targets have none. Look at :func:`pinball_loss`, too.

    Examples
    --------
    >>> from skext.metrics import quantile_calibration_error
    >>> quantile_calibration_error([1, 5], [[0, 2], [1, 5]], [0.25, 0.75])
    0.25
    """
    data = check_predictions(y_true, y_quantiles, quantiles, sample_weight)
    distance = np.abs(data.average(lambda y, Q: y <= Q) - data.levels)
    if norm == "max":
        return float(distance.max())
    if norm == "rms":
        return float(np.sqrt((distance**2).mean()))
    return float(distance.mean())


@validate_params(
    {
        "y_quantiles": ["array-like"],
        "per": [StrOptions({"row", "pair"})],
        "magnitude": ["boolean"],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def crossing_rate(y_quantiles, *, per="row", magnitude=False, sample_weight=None):
    """Share of the rows in which predicted quantiles cross.

    Parameters
    ----------
    y_quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level in increasing order of the levels.
    per : {"row", "pair"}, default="row"
        Whether to count rows in which any quantile is below its predecessor, or
        adjacent pairs of levels.
    magnitude : bool, default=False
        Whether to return by how much they cross: the sum over a row, or the mean over
        its pairs, of how far a quantile is below its predecessor.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    rate : float
        Mean over the rows.

    Raises
    ------
    ValueError
        If something is NaN.

    See Also
    --------
    skext.quantile.isotonize : Puts rows in order.

    Examples
    --------
    >>> from skext.metrics import crossing_rate
    >>> Q = [[0, 1, 2], [0, 3, 2]]
    >>> crossing_rate(Q), crossing_rate(Q, per="pair")
    (0.5, 0.25)
    """
    data = check_predictions(None, y_quantiles, False, sample_weight)
    if data.Q.shape[1] < 2:
        return 0.0

    def crossing(_, Q):
        left, right = Q[:, :-1], Q[:, 1:]
        # The difference of two infinities of the same sign is no crossing.
        values = right < left
        if magnitude:
            values = np.where(values, left - right, 0.0)
            values = values.sum(axis=1) if per == "row" else values.mean(axis=1)
        else:
            values = values.any(axis=1) if per == "row" else values.mean(axis=1)
        return values[:, np.newaxis]

    return float(data.average(crossing)[0])


@validate_params(
    {
        "y_true": ["array-like"],
        "y_quantiles": ["array-like"],
        "quantiles": _ARRAYS["quantiles"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def pit_values(y_true, y_quantiles, quantiles=None, *, random_state=None):
    """Probability integral transform: the level that each target has.

    The predicted distribution function, interpolated between the quantiles, at the
    target [1]_. The values of true conditional quantiles are uniform.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    y_quantiles : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level; a vector for a single level. Rows
        that cross are sorted.
    quantiles : float or array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    random_state : int, RandomState instance or None, default=None
        Draws the values that are known up to a range only.

    Returns
    -------
    pit : ndarray of shape (n_samples,)
        Values between 0 and 1.

    Raises
    ------
    ValueError
        If the columns do not fit the levels, or something is NaN.

    See Also
    --------
    quantile_coverage : Needs no random numbers.

    Notes
    -----
    A target below the lowest quantile gets a uniform value below its level, and so
    above the highest one. A target that equals several quantiles gets a uniform value
    between their levels, as an atom of the distribution requires; if the outermost
    level is among them, up to 0 or 1: the distribution then ends in an atom, like that
    of a count or a censored target.

    References
    ----------
    .. [1] Claudia Czado, Tilmann Gneiting and Leonhard Held, "Predictive Model
       Assessment for Count Data", Biometrics 65, 2009.

    Examples
    --------
    >>> from skext.metrics import pit_values
    >>> pit_values([1, 4], [[0, 2], [2, 4]], [0.25, 0.75], random_state=0)
    array([0.5 , 0.75])
    """
    data = check_predictions(y_true, y_quantiles, quantiles, None)
    u = fit_rng(random_state).uniform(size=len(data.y))
    pit = np.empty(len(data.y))
    for rows, Q in data.blocks():
        y, ordered = data.y[rows], np.sort(Q, axis=1)
        pit[rows] = _pit(y, ordered, data.levels, u[rows])
    return pit


def _pit(y, Q, levels, u):
    """Interpolate the distribution function of sorted rows; ``u`` breaks ties."""
    n_levels = len(levels)
    below = (y[:, np.newaxis] > Q).sum(axis=1)
    until = (y[:, np.newaxis] >= Q).sum(axis=1)
    edges = np.concatenate([[0.0], levels, [1.0]])
    # Nothing equals the target: between the neighbours, or in a tail.
    low, high = edges[below], edges[below + 1]
    rows = np.arange(len(y))
    left = Q[rows, np.maximum(below - 1, 0)]
    right = Q[rows, np.minimum(below, n_levels - 1)]
    inner = (below > 0) & (below < n_levels)
    share = u.copy()
    known = inner & np.isfinite(left) & np.isfinite(right) & (until == below)
    # Halves, so that the distance of huge quantiles does not overflow.
    gap = right[known] / 2 - left[known] / 2
    share[known] = (y[known] / 2 - left[known] / 2) / gap
    # One level or more equal the target.
    tied = until > below
    several = until - below > 1
    first, last = edges[below + 1], edges[until]
    first = np.where(several & (below == 0), 0.0, first)
    last = np.where(several & (until == n_levels), 1.0, last)
    low, high = np.where(tied, first, low), np.where(tied, last, high)
    return low + np.clip(share, 0.0, 1.0) * (high - low)
