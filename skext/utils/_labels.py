"""Class labels on their way into a classifier."""

import sys

import numpy as np

from skext.utils._columns import categories_of, column_kind, library_of

_TYPES = {"integer": np.int64, "boolean": np.bool_, "float": np.float64}


def plain_labels(y):
    """Return labels in a type of numpy that says what they are.

    Integers and truth values come as objects, or in types of pandas that become
    floats on their way, where a column once had gaps.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Whatever the user gave.

    Returns
    -------
    y : array-like of shape (n_samples,)
        The same labels; untouched where nothing is to be gained.

    Raises
    ------
    ValueError
        If labels are missing, intervals, or of several kinds.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        bare = pandas.Index, pandas.api.extensions.ExtensionArray
        y = pandas.Series(y) if isinstance(y, bare) else y
    if isinstance(y, (list, tuple)):
        y = _from_list(y)
    dtype = getattr(y, "dtype", None)
    is_numpy = isinstance(dtype, np.dtype)
    if getattr(y, "ndim", 1) != 1 or (is_numpy and dtype.kind != "O"):
        return y
    if library_of(y) is None and not is_numpy:
        return y
    kind = column_kind(y)
    _refuse_gaps(y)
    if kind == "category":
        _refuse_intervals(y)
    if kind == "other":
        _refuse_mixture(np.asarray(y, dtype=object))
    if kind not in _TYPES:
        return y
    values = np.asarray(y)
    if values.dtype.kind in "biu":
        return values
    try:
        return np.asarray(y, dtype=object).astype(_TYPES[kind])
    except OverflowError:
        return np.array(list(y))


def _from_list(y):
    """Return a list of objects as an array; others are left to later checks."""
    try:
        found = np.asarray(y)
    except ValueError:
        return y
    kinds = set(map(type, y))
    # numpy makes text of numbers among words, too.
    if found.dtype.kind in "US" and any(not issubclass(k, (str, bytes)) for k in kinds):
        found = np.array(y, dtype=object)
    return found if found.dtype.kind == "O" else y


def _refuse_gaps(y):
    from pandas import isna

    gaps = int(y.null_count() if library_of(y) == "polars" else isna(y).sum())
    if gaps:
        raise ValueError(
            f"Input y contains NaN: {gaps} of {len(y)} labels are missing; leave their "
            "rows out."
        )


def _refuse_intervals(y):
    categories, _ = categories_of(y)
    values = np.asarray(y, dtype=object) if categories is None else categories
    first = values[0] if len(values) else None
    if type(first).__name__ == "Interval":
        raise ValueError(
            f"Unknown label type: intervals, such as {first}, which scikit-learn's "
            "metrics do not know. Give y as codes, pandas.cut(..., labels=False), or "
            "as names, pandas.cut(..., labels=[...])."
        )


def _refuse_mixture(values):
    kinds = sorted({type(value).__name__ for value in values})
    if len(kinds) > 1:
        raise ValueError(
            f"Unknown label type: y has labels of several kinds, {', '.join(kinds)}; "
            "make all of them strings, or all of them numbers."
        )


def refuse_fractions(labels):
    """Refuse numbers that are not whole, which scikit-learn takes for measurements.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Distinct labels.

    Raises
    ------
    ValueError
        If there is one.
    """
    if labels.dtype.kind != "f":
        return
    broken = labels[labels != np.round(labels)]
    if broken.size:
        raise ValueError(
            f"Unknown label type: continuous. y has numbers that are not whole, such "
            f"as {broken[0]:g}, which scikit-learn takes for the target of a "
            "regression. If they stand for classes, give them as codes, "
            "numpy.unique(y, return_inverse=True)[1], or as strings."
        )
