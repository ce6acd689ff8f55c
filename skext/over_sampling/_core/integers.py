"""Synthetic whole numbers, exact where floating point is not.

Between two numbers of 64 bits lies a number between them and in the range of their
type, whatever their size: a sentinel such as the largest number of a type stays one.
"""

import numpy as np

# Whole numbers beyond this are not all numbers of double precision.
_EXACT = 2**53


def fit_to(values, dtype):
    """Turn floating point into a type, within its range.

    Parameters
    ----------
    values : ndarray
        Floating point, whole if the type is one of whole numbers.
    dtype : numpy.dtype
        Type of whole numbers or of floating point.

    Returns
    -------
    values : ndarray
        Of that type; what is beyond its range is at the end of it.
    """
    if dtype.kind == "f":
        if dtype.itemsize >= values.dtype.itemsize:
            return values.astype(dtype, copy=False)
        limit = float(np.finfo(dtype).max)
        return np.clip(values, -limit, limit).astype(dtype)
    info = np.iinfo(dtype)
    high = float(info.max)
    if high > info.max:
        high = np.nextafter(high, 0)
    return np.clip(values, info.min, high).astype(dtype)


def is_wide(given):
    """Tell whether some whole numbers have too many digits for double precision."""
    if given.dtype == object:
        return any(abs(value) > _EXACT for value in given.tolist())
    if given.dtype.itemsize < 8 or given.size == 0:
        return False
    return bool(given.max() > _EXACT or given.min() < -_EXACT)


def measured(given, missing=None):
    """Return whole numbers in floating point, large ones from the smallest of them.

    Parameters
    ----------
    given : ndarray of shape (n_samples,)
        The column; missing values are any number.
    missing : ndarray of shape (n_samples,), default=None
        Where values are missing.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        NaN where they are missing. Distances are those of the numbers.
    """
    if missing is None or not missing.any():
        if not is_wide(given):
            return given.astype(np.float64)
        return _difference(given, given.min()).astype(np.float64)
    values = np.full(given.size, np.nan)
    values[~missing] = measured(given[~missing])
    return values


def whole_values(given, missing, new, base, partner=None, gap=None, function=np.rint):
    """Make synthetic values of a column of whole numbers.

    Parameters
    ----------
    given : ndarray of shape (n_samples,)
        The column; missing values are any number. Objects are whole numbers of
        Python.
    missing : ndarray of shape (n_samples,) or None
        Where values are missing; None is nowhere.
    new : ndarray of shape (n_new,)
        The synthetic values in floating point, as :func:`measured`; NaN for missing
        ones.
    base, partner : ndarray of shape (n_new,)
        Rows that each is made of; None as partner if there is no other.
    gap : ndarray of shape (n_new,), default=None
        Place between base and partner; NaN where the value is not between them.
    function : {numpy.rint, numpy.trunc}, default=numpy.rint
        How numbers become whole.

    Returns
    -------
    values : ndarray of shape (n_new,)
        Of the type of ``given``; any number where ``new`` is missing.
    """
    lost = np.isnan(new)
    if lost.any():
        new = np.where(lost, 0.0, new)
    known = given if missing is None else given[~missing]
    if not is_wide(known):
        if given.dtype == object:
            return np.array([int(value) for value in function(new)], dtype=object)
        return fit_to(function(new), given.dtype)
    a = given[base]
    low = known.min()
    values = _add(a, function(new - _difference(np.maximum(a, low), low).astype(float)))
    if partner is None or gap is None:
        return values
    b = given[partner]
    inside = ~np.isnan(gap)
    if missing is not None:
        # Of two parents one of which is missing the other has the value.
        values = np.where(missing[base], b, np.where(missing[partner], a, values))
        inside &= ~(missing[base] | missing[partner])
    values[inside] = _between(a[inside], b[inside], gap[inside], function)
    return values


def _between(a, b, gap, function):
    """Return whole numbers at places on the segments from ``a`` to ``b``."""
    upwards = b >= a
    width = _difference(np.where(upwards, b, a), np.where(upwards, a, b))
    step = np.abs(gap) * width.astype(np.float64)
    rises = upwards == (gap >= 0)
    if function is np.rint:
        step = np.rint(step)
    else:
        place = a.astype(np.float64) + np.where(rises, step, -step)
        step = np.where(rises == (place >= 0), np.floor(step), np.ceil(step))
    found = _add(a, np.where(rises, step, -step))
    # Rounding does not lead beyond an end, nor do steps of more digits than there are.
    low, high = np.where(upwards, a, b), np.where(upwards, b, a)
    inside = (gap >= 0) & (gap <= 1)
    return np.where(inside, np.minimum(np.maximum(found, low), high), found)


def _difference(high, low):
    """Return differences, none of which is negative."""
    if high.dtype == object:
        return high - low
    # Modulo 2^64, the number of different values.
    return high.astype(np.uint64) - np.asarray(low).astype(np.uint64)


def _add(a, step):
    """Add whole numbers in floating point, within the range of the type."""
    if a.dtype == object:
        return a + np.array([int(value) for value in step], dtype=object)
    info = np.iinfo(a.dtype)
    rises = step >= 0
    room = np.where(
        rises,
        _difference(np.full_like(a, info.max), a),
        _difference(a, np.full_like(a, info.min)),
    )
    size = np.abs(step)
    beyond = size >= room.astype(np.float64)
    size = np.where(beyond, 0.0, size).astype(np.uint64)
    size = np.where(beyond, room, np.minimum(size, room))
    start = a.astype(np.uint64)
    return np.where(rises, start + size, start - size).astype(a.dtype)
