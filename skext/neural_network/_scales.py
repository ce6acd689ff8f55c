"""Centres and scales of columns and targets, in double precision."""

from typing import NamedTuple

import numpy as np
from sklearn.preprocessing import StandardScaler

from skext.utils._warnings import warn_user


class Scaler(NamedTuple):
    """Mean and scale of each feature.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Subtracted.
    scale : ndarray of shape (n_features,)
        Divided by.
    """

    mean: np.ndarray
    scale: np.ndarray


# Beyond these sizes squares leave double precision.
_SMALL, _LARGE = 1e-140, 1e140
# A column spreads over so many of its middle half, before one is told about it.
_WIDE = 30.0


def fit_scaler(X, weight, standardize=True):
    """Return weighted mean and spread of each feature.

    The spread is the standard deviation or, of a feature with two values, their
    distance: the code of a rare category would be blown up by its small deviation.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    standardize : bool, default=True
        False gives mean 0 and scale 1.

    Returns
    -------
    scaler : Scaler
        In float64; a constant feature has scale 1.
    """
    if not standardize:
        return Scaler(np.zeros(X.shape[1]), np.ones(X.shape[1]))
    low, high = X.min(axis=0), X.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    unit = np.ones(X.shape[1])
    odd = (size > _LARGE) | ((size < _SMALL) & (size > 0))
    if odd.any():
        # A power of two, by which nothing is rounded.
        unit[odd] = np.exp2(np.floor(np.log2(size[odd])))
        X, low, high, size = X / unit, low / unit, high / unit, size / unit
    found = StandardScaler().fit(X, sample_weight=weight)
    mean, scale = found.mean_, found.scale_.copy()
    # scikit-learn's bound of what is constant grows with the number of rows.
    spread = high.astype(np.float64) - low
    varies = spread > 16 * np.finfo(np.float64).eps * size
    for j in np.flatnonzero(varies & (scale == 1.0)):
        column = X[:, j].astype(np.float64) - mean[j]
        center = np.average(column, weights=weight)
        scale[j] = np.sqrt(np.average((column - center) ** 2, weights=weight))
        mean[j] += center
    two = ((low == X) | (high == X)).all(axis=0) & varies
    scale[two] = (high - low)[two]
    return Scaler(mean * unit, np.maximum(scale * unit, np.finfo(np.float64).tiny))


def fit_robust_scaler(y, weight):
    """Return median and scaled median deviation of a target.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Finite numbers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    scaler : Scaler
        Numbers. The scale is 1.4826 times the median distance from the median, which
        is the standard deviation of normal numbers. Where more than half are equal,
        it is that of the others, and 1 if there are none.
    """
    center = _weighted_median(y, weight)
    # Halves, lest a difference be too large.
    distance = 2.0 * np.abs(0.5 * y - 0.5 * center)
    heard = distance > 16 * np.finfo(np.float64).eps * abs(center)
    if not heard.any():
        return Scaler(center, 1.0)
    scale = _weighted_median(distance, weight)
    if scale <= 16 * np.finfo(np.float64).eps * abs(center):
        part = None if weight is None else weight[heard]
        scale = _weighted_median(distance[heard], part)
    return Scaler(center, min(1.4826 * scale, np.finfo(np.float64).max))


def _weighted_median(values, weight):
    """Return the middle of the two numbers that have half of the weight each side."""
    order = np.argsort(values, kind="stable")
    values = values[order]
    weight = np.ones(len(values)) if weight is None else weight[order]
    below = weight.cumsum()
    low = np.searchsorted(below, 0.5 * below[-1] * (1 - 1e-12))
    high = np.searchsorted(below, 0.5 * below[-1] * (1 + 1e-12))
    high = min(high, len(values) - 1)
    return float(0.5 * values[low] + 0.5 * values[high])


def wide_columns(X, scaler):
    """Return the columns whose rows are nearly equal beside a few far ones.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers.
    scaler : Scaler
        From :func:`fit_scaler`.

    Returns
    -------
    columns : ndarray of int
        Increasing.
    """
    # Quartiles of some rows are enough to tell, but these may be sorted.
    rows = X[:: -(-len(X) // 2000)]
    # Most tables have no such column, which a look at the middle rows tells.
    low, high = np.partition(rows, [len(rows) // 4, -(len(rows) // 4) - 1], axis=0)[
        [len(rows) // 4, -(len(rows) // 4) - 1]
    ].astype(np.float64)
    middle = (high - low) / 1.349
    # Equal middle rows are a column of rare events, not of gross values.
    noise = 32 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))
    return np.flatnonzero((middle > noise) & (scaler.scale > _WIDE * middle))


def to_standard(y, scaler, largest=1e30):
    """Standardise a target and store it in single precision.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Finite numbers.
    scaler : Scaler
        Numbers; a scale of 0 gives zeros.
    largest : float, default=1e30
        What is beyond it is cut off. Robust losses have the same gradient for a target
        that far away, but a mean in which it would swallow the other rows.

    Returns
    -------
    target : ndarray of shape (n_samples,), dtype float32
        Finite.
    """
    if scaler.scale == 0:
        return np.zeros(len(y), dtype=np.float32)
    with np.errstate(over="ignore"):
        target = (y - scaler.mean) / scaler.scale
    return target.clip(-largest, largest).astype(np.float32)


def warn_of_target(y, scaler):
    """Warn of a target whose standard deviation is that of a few far rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Finite numbers.
    scaler : Scaler
        From :func:`fit_scaler`.
    """
    if wide_columns(y[:, None], scaler).size:
        warn_user(
            "y has a few values so far off that the middle half of the rows lies "
            f"within 1/{_WIDE:g} of a standard deviation, and these values decide on "
            "the fit. Check them, take logarithms, or use a robust loss, such as "
            "'absolute_error' or 'huber'."
        )


def coarse_columns(X):
    """Return the columns that single precision would make nearly constant.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers.

    Returns
    -------
    columns : ndarray of int
        Increasing; those whose values are large beside their spread.
    """
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    size = np.maximum(np.abs(low), np.abs(high))
    step = np.finfo(np.float32).eps * size
    return np.flatnonzero((high > low) & (high - low < 1000 * step))


def warn_of_columns(X, scaler, standardize, names=None):
    """Warn of columns of which a net will see little.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers that are trained on.
    scaler : Scaler
        From :func:`fit_scaler`.
    standardize : bool
        Whether it scales.
    names : array-like of str, default=None
        Names of the columns.
    """
    names = list(range(X.shape[1])) if names is None else list(names)

    def said(columns):
        more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
        return ", ".join(repr(names[j]) for j in columns[:5]) + more

    if standardize:
        wide = wide_columns(X, scaler)
        if wide.size:
            warn_user(
                f"Columns of X ({said(wide)}) have a few values so far off that the "
                f"middle half of the rows lies within 1/{_WIDE:g} of a standard "
                "deviation, where a net sees no differences. Clip these values or "
                "make them missing, or use QuantileTransformer."
            )
        return
    coarse = coarse_columns(X)
    if coarse.size:
        warn_user(
            f"Columns of X ({said(coarse)}) are so large beside their spread that "
            "single precision, in which nets compute, rounds most of it away. Use "
            "standardize=True, or subtract their means."
        )


def apply_scaler(X, scaler, block=16384):
    """Standardise rows and store them in single precision.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers; not changed.
    scaler : Scaler
        From :func:`fit_scaler`.
    block : int, default=16384
        Rows at a time, which bounds the memory in float64.

    Returns
    -------
    table : ndarray of shape (n_samples, n_features), dtype float32
        A new array.
    """
    table = np.empty(X.shape, dtype=np.float32)
    try:
        with np.errstate(over="raise"):
            for start in range(0, len(X), block):
                part = X[start : start + block].astype(np.float64, copy=False)
                table[start : start + block] = (part - scaler.mean) / scaler.scale
    except FloatingPointError:
        raise ValueError(
            "X has values that are too large for single precision, "
            f"{np.finfo(np.float32).max:.2g}, after scaling. Rescale or clip them."
        ) from None
    return table
