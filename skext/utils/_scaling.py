"""Centres and scales of columns and targets, in double precision."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from skext.utils._warnings import warn_user

# Beyond these sizes squares leave double precision.
_SMALL, _LARGE = 1e-140, 1e140
# A column is so many times its range away from zero, before its mean is in parts.
_FAR = 1024.0
# A column spreads over so many of its middle half, before one is told about it.
_WIDE = 30.0


class Scaler(NamedTuple):
    """Mean and scale of each feature.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Subtracted.
    scale : ndarray of shape (n_features,)
        Divided by.
    parts : ndarray of shape (2, n_features) or None
        The mean in two parts, subtracted one after the other, where a feature is far
        from zero: their sum has lost digits that the differences still have.
    """

    mean: np.ndarray
    scale: np.ndarray
    parts: np.ndarray | None = None

    def center(self, X):
        """Return values from which the mean is subtracted."""
        if self.parts is None:
            return X - self.mean
        return (X - self.parts[0]) - self.parts[1]

    def __call__(self, X):
        """Return rows as a dense table, centred and scaled."""
        X = X.toarray() if sparse.issparse(X) else X
        return self.center(X) / self.scale


def fit_scaler(X, weight, standardize=True):
    """Return weighted mean and spread of each feature.

    The spread is the standard deviation or, of a feature with two values, their
    distance: the code of a rare category would be blown up by its small deviation.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
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
    if weight is not None and not np.all(weight):
        rows = np.flatnonzero(weight)
        X, weight = X[rows], weight[rows]
    if sparse.issparse(X):
        return _fit_sparse(X, weight)
    low, high = X.min(axis=0), X.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    unit = np.ones(X.shape[1])
    odd = (size > _LARGE) | ((size < _SMALL) & (size > 0))
    if odd.any():
        # A power of two, by which nothing is rounded.
        unit[odd] = np.exp2(np.floor(np.log2(size[odd])))
        X, low, high, size = X / unit, low / unit, high / unit, size / unit
    spread = high.astype(np.float64) - low
    varies = spread > 16 * np.finfo(np.float64).eps * size
    # These differences are exact; scikit-learn would take small ones for rounding.
    far = varies & (np.minimum(np.abs(low), np.abs(high)) > _FAR * spread)
    first = np.where(far, low, 0.0)
    if far.any():
        X, low, high = X - first, low - first, high - first
    found = _standard_scaler(X, weight, with_mean=True)
    mean, scale = found.mean_, found.scale_.copy()
    two = ((low == X) | (high == X)).all(axis=0) & varies
    scale[two] = (high - low)[two]
    scale = np.maximum(scale * unit, np.finfo(np.float64).tiny)
    parts = np.stack([first, mean]) * unit if far.any() else None
    return Scaler((first + mean) * unit, scale, parts)


def _fit_sparse(X, weight):
    """Do the same for a sparse table, whose columns are not far from zero."""
    found = _standard_scaler(X, weight, with_mean=False)
    scale = found.scale_.copy()
    X = X.tocsr()
    low, high = (f(axis=0).toarray().ravel() for f in (X.min, X.max))
    columns = X.indices
    other = (X.data != low[columns]) & (X.data != high[columns])
    n_other = np.bincount(columns, other, minlength=X.shape[1])
    gaps = np.bincount(columns, minlength=X.shape[1]) < X.shape[0]
    zero_is_third = gaps & (low != 0) & (high != 0)
    two = (n_other == 0) & ~zero_is_third & (low < high)
    scale[two] = (high - low)[two]
    return Scaler(found.mean_, scale)


def _standard_scaler(X, weight, with_mean):
    # The weighted variance of a constant may be less than zero by rounding.
    with np.errstate(invalid="ignore"):
        found = StandardScaler(with_mean=with_mean).fit(X, sample_weight=weight)
    found.scale_[np.isnan(found.scale_)] = 1.0
    return found


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
    low, high = y.min(), y.max()
    if min(abs(low), abs(high)) > _FAR * (high - low):
        near = fit_robust_scaler(y - low, weight)
        if near.scale > 16 * np.finfo(np.float64).eps * abs(low):
            parts = np.array([low, near.mean])
            return Scaler(float(low + near.mean), near.scale, parts)
        return Scaler(float(low + near.mean), 1.0)
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
        target = scaler.center(y) / scaler.scale
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
    """Return the columns that a net cannot use as they are.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers.

    Returns
    -------
    columns : ndarray of int
        Increasing; those whose values are large beside their spread, so that single
        precision rounds it away, and those that are much larger or smaller than 1.
    """
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    size = np.maximum(np.abs(low), np.abs(high))
    step = np.finfo(np.float32).eps * size
    coarse = (high - low < 1000 * step) | (size > 1e4) | (size < 1e-4)
    return np.flatnonzero(coarse & (high > low))


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
            f"Columns of X ({said(coarse)}) are much larger or smaller than 1, or so "
            "large beside their spread that single precision, in which nets compute, "
            "rounds most of it away. Use standardize=True, or scale them."
        )


def apply_scaler(X, scaler, dtype=np.float32, *, block=16384):
    """Standardise rows and store them in the precision of a net.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Finite numbers; not changed.
    scaler : Scaler
        From :func:`fit_scaler`.
    dtype : dtype, default=np.float32
        Of the table.
    block : int, default=16384
        Rows at a time, which bounds the memory in float64.

    Returns
    -------
    table : ndarray of shape (n_samples, n_features)
        A new array.
    """
    table = np.empty(X.shape, dtype=dtype)
    try:
        with np.errstate(over="raise"):
            for start in range(0, X.shape[0], block):
                part = X[start : start + block].astype(np.float64, copy=False)
                table[start : start + block] = scaler(part)
    except FloatingPointError:
        raise ValueError(
            f"X has values that are too large for {table.dtype}, "
            f"{np.finfo(dtype).max:.2g}, after scaling. Rescale or clip them."
        ) from None
    return table
