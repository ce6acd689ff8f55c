"""Quantile levels: validation and interpolation."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from skext.utils._random import fit_rng


def default_levels():
    """Return 0.05, 0.10, ..., 0.95."""
    return np.arange(1, 20) / 20


def check_levels(quantiles, name="quantiles"):
    """Check quantile levels.

    Parameters
    ----------
    quantiles : array-like of shape (n_levels,) or None
        Levels; None is 0.05, 0.10, ..., 0.95.
    name : str, default="quantiles"
        Name of the parameter for messages.

    Returns
    -------
    levels : ndarray of shape (n_levels,)
        The levels as float64.

    Raises
    ------
    ValueError
        Unless the levels increase strictly between 0 and 1.
    """
    if quantiles is None:
        return default_levels()
    levels = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    if levels.ndim != 1 or levels.size == 0:
        raise ValueError(
            f"{name}={quantiles!r} must be a one-dimensional, non-empty list of levels."
        )
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(
            f"{name}={levels.tolist()} must lie strictly between 0 and 1; remove the "
            "others, or divide percentages by 100."
        )
    if not (np.diff(levels) > 0).all():
        raise ValueError(
            f"{name}={levels.tolist()} must increase strictly; sort them and remove "
            "repeated ones, e.g. with numpy.unique."
        )
    return levels


def change_levels(Q, levels, wanted, extrapolate=None):
    """Interpolate quantiles to other levels.

    Parameters
    ----------
    Q : ndarray of shape (n_rows, n_levels)
        Quantiles at ``levels``.
    levels : ndarray of shape (n_levels,)
        Increasing levels.
    wanted : ndarray of shape (n_wanted,)
        Increasing levels.
    extrapolate : {"gaussian", "exponential", None}, default=None
        Shape of the tails beyond the outermost levels; None refuses them.

    Returns
    -------
    out : ndarray of shape (n_rows, n_wanted)
        Quantiles at ``wanted``: the given ones where the level is the same, else
        monotone cubic interpolation in the level. Beside an infinite quantile lower
        levels are the quantile below and upper ones the one above, so that intervals
        only get wider; the median is NaN there.
    """
    near = np.abs(levels[:, np.newaxis] - wanted)
    position, exact = near.argmin(axis=0), near.min(axis=0) < 1e-9
    if exact.all():
        if len(wanted) == len(levels):
            return Q
        return Q[:, position]
    below, above = ~exact & (wanted < levels[0]), ~exact & (wanted > levels[-1])
    if (below | above).any() and (extrapolate is None or len(levels) < 2):
        raise ValueError(
            f"quantiles={wanted.tolist()} go beyond the fitted levels, which span "
            f"{levels[0]:g} to {levels[-1]:g}; fit with more levels, or pass "
            "extrapolate='gaussian' or 'exponential' (two levels at least) to the "
            "methods predict_quantiles or predict_interval."
        )
    out = np.empty((len(Q), len(wanted)))
    out[:, exact] = Q[:, position[exact]]
    inside = ~(exact | below | above)
    if inside.any():
        out[:, inside] = _monotone(Q, levels, wanted[inside])
    if below.any():
        out[:, below] = _tail(Q[:, :2], levels[:2], wanted[below], extrapolate)
    if above.any():
        out[:, above] = -_tail(
            -Q[:, :-3:-1], 1 - levels[:-3:-1], 1 - wanted[above], extrapolate
        )
    return out


def _monotone(Q, levels, wanted):
    """Interpolate in blocks of rows; linearly beside infinite values."""
    out = np.empty((len(Q), len(wanted)))
    finite = np.isfinite(Q).all(axis=1)
    if finite.any():
        out[finite] = PchipInterpolator(levels, Q[finite], axis=1)(wanted)
    if not finite.all():
        rest = Q[~finite]
        right = np.searchsorted(levels, wanted)
        share = (wanted - levels[right - 1]) / (levels[right] - levels[right - 1])
        low, high = rest[:, right - 1], rest[:, right]
        out[~finite] = _mix(low, high, share, wanted)
    return out


def _mix(low, high, share, level):
    """Interpolate linearly, outward from the median beside infinite values."""
    with np.errstate(invalid="ignore"):
        out = low + share * (high - low)
    outer = np.where(level < 0.5, low, high)
    outer = np.where(np.abs(level - 0.5) < 1e-9, np.nan, outer)
    return np.where(np.isinf(low) | np.isinf(high), outer, out)


def between(levels, level):
    """Return the levels around one, or the two nearest to it."""
    right = int(np.clip(np.searchsorted(levels, level - 1e-9), 1, len(levels) - 1))
    if abs(levels[right] - level) < 1e-9:
        return float(levels[right]), float(levels[right])
    if abs(levels[right - 1] - level) < 1e-9:
        return float(levels[right - 1]), float(levels[right - 1])
    return float(levels[right - 1]), float(levels[right])


def _tail(pair, levels, wanted, shape):
    """Continue a lower tail through its two outermost quantiles."""
    if shape == "gaussian":
        from scipy.special import ndtri as position
    else:
        position = np.log
    a, b = position(levels)
    with np.errstate(invalid="ignore"):
        slope = (pair[:, 1] - pair[:, 0]) / (b - a)
        out = pair[:, :1] + slope[:, np.newaxis] * (position(wanted) - a)
    # Beyond an infinite quantile there are only such.
    return np.where(np.isinf(pair[:, :1]), pair[:, :1], out)


def cdf_from_quantiles(Q, levels, y):
    """Interpolate the distribution function at one value for each row.

    Parameters
    ----------
    Q : ndarray of shape (n_rows, n_levels)
        Non-decreasing quantiles.
    levels : ndarray of shape (n_levels,)
        Increasing levels.
    y : ndarray of shape (n_rows,)
        Values.

    Returns
    -------
    cdf : ndarray of shape (n_rows,)
        Linear between quantiles, the largest level on ties, 0 below the lowest and 1
        above the highest quantile.
    """
    rows = np.arange(len(y))
    count = (y[:, np.newaxis] >= Q).sum(axis=1)
    inside = (count > 0) & (count < Q.shape[1])
    cdf = np.where(count == 0, 0.0, 1.0)
    cdf[(count == Q.shape[1]) & (Q[:, -1] == y)] = levels[-1]
    i, k = rows[inside], count[inside]
    low, high = Q[i, k - 1], Q[i, k]
    with np.errstate(invalid="ignore"):
        share = np.where(np.isfinite(low), (y[inside] - low) / (high - low), 0.0)
    cdf[inside] = levels[k - 1] + np.nan_to_num(share) * (levels[k] - levels[k - 1])
    return cdf


def draw(Q, levels, n_draws, random_state):
    """Draw from the interpolated distributions of rows of quantiles.

    Parameters
    ----------
    Q : ndarray of shape (n_rows, n_levels)
        Non-decreasing quantiles.
    levels : ndarray of shape (n_levels,)
        Increasing levels.
    n_draws : int
        Draws for each row.
    random_state : int, RandomState or None
        Source of randomness.

    Returns
    -------
    draws : ndarray of shape (n_rows, n_draws)
        Independent draws; beyond the outermost levels, their quantiles.
    """
    rng = fit_rng(random_state)
    u = rng.uniform(size=(len(Q), n_draws))
    if len(levels) == 1:
        return np.repeat(Q, n_draws, axis=1)
    u = np.clip(u, levels[0], levels[-1])
    right = np.clip(np.searchsorted(levels, u), 1, len(levels) - 1)
    share = (u - levels[right - 1]) / (levels[right] - levels[right - 1])
    rows = np.arange(len(Q))[:, np.newaxis]
    # Half of the draws between infinite ends go to each of them.
    u = np.where(np.abs(u - 0.5) < 1e-9, 0.5 + 2e-9, u)
    return _mix(Q[rows, right - 1], Q[rows, right], share, u)
