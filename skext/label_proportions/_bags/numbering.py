"""Bags get numbers, whatever they are called."""

import datetime
import numbers
from typing import NamedTuple

import numpy as np

from skext.label_proportions._bags.columns import as_column, is_missing

NO_BAG = -1

# Floats tell whole numbers apart up to here.
_LARGEST_FLOAT = 2.0**53
_KINDS = {"i": "integers", "u": "integers", "M": "dates", "m": "durations"}


class BagNumbers(NamedTuple):
    """Bags and the rows in them."""

    ids: np.ndarray
    """Identifiers, sorted, shape (n_bags,)."""
    codes: np.ndarray
    """Number of the bag of each row, -1 for rows in no bag, shape (n_samples,)."""
    first_rows: np.ndarray
    """A row of each bag, shape (n_bags,)."""
    index: object = None
    """Index of the rows, if they came with one."""
    label: object = None
    """Name of the column that bags were."""

    def name(self, b):
        """Return how a user writes bag number ``b``."""
        return plain(self.ids[b : b + 1])[0]


def number_bags(bags, name="bags"):
    """Give bags numbers in their sorted order.

    Parameters
    ----------
    bags : array-like of shape (n_samples,)
        Bag of each row: integers, strings, dates, or objects of one type that can be
        sorted. -1 and missing values stand for no bag.
    name : str, default="bags"
        What an error calls them.

    Returns
    -------
    numbered : BagNumbers
        Integers of 64 bits with a sign stay so; larger ones, strings and the rest are
        objects of Python.

    Raises
    ------
    ValueError
        If bags are of several types, fractions, or several columns.
    """
    values, missing, index, label = identifiers(bags, name)
    rows = np.flatnonzero(~missing)
    codes = np.full(missing.size, NO_BAG, dtype=np.int64)
    if values.dtype.kind == "O":
        ids, inverse = _sorted_objects(values, name)
        first = np.empty(ids.size, dtype=np.int64)
        first[inverse[::-1]] = np.arange(values.size)[::-1]
    else:
        ids, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    codes[rows] = inverse
    return BagNumbers(ids, codes, rows[first], index, label)


def _sorted_objects(values, name):
    """Return the distinct objects, sorted, and the place of each value among them."""
    import pandas as pd

    try:
        inverse, found = pd.factorize(values)
        order = sorted(range(len(found)), key=found.__getitem__)
    except TypeError:
        raise ValueError(
            f"{name} holds values of type {type(values[0]).__name__}, which cannot be "
            "sorted; give integers, strings or dates."
        ) from None
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    ids = np.empty(len(order), dtype=object)
    ids[:] = [found[i] for i in order]
    return ids, place[inverse]


def identifiers(given, name):
    """Return those that are not missing, as one type, and which are missing."""
    column, missing, index, label = as_column(given, name)
    if column.dtype.kind == "O":
        lost = np.fromiter(map(is_missing, column), dtype=bool, count=column.size)
        values = _of_one_type(column[~lost], name)
    else:
        lost = np.zeros(column.size, dtype=bool)
        if column.dtype.kind in "fMm":
            lost = np.isnan(column) if column.dtype.kind == "f" else np.isnat(column)
        values = column[~lost]
    missing = missing.copy()
    missing[np.flatnonzero(~missing)[lost]] = True
    values = _as_exact(values, name)
    if values.dtype.kind in "iO":
        none = np.asarray(values == NO_BAG, dtype=bool)
        missing[np.flatnonzero(~missing)[none]] = True
        values = values[~none]
    return values, missing, index, label


def _of_one_type(values, name):
    """Return objects as what they all are."""
    if not values.size:
        return values.astype(np.int64)
    types = set(map(type, values))

    def are(*kinds):
        return all(issubclass(t, kinds) for t in types)

    if are(numbers.Number, np.number, np.bool_):
        whole = [int(v) if v == v and abs(v) != np.inf else None for v in values]
        if any(w is None or w != v for w, v in zip(whole, values, strict=True)):
            raise ValueError(
                f"{name} holds fractions or infinity; give integers or strings."
            )
        if any(issubclass(t, (float, np.floating)) for t in types):
            _check_exact(np.array(whole, dtype=np.float64), name)
        fit = min(whole) >= -(2**63) and max(whole) < 2**63
        return np.array(whole, dtype=np.int64 if fit else object)
    if are(str):
        return values
    if are(datetime.date, np.datetime64):
        return _dates(values)
    if len(types) == 1:
        return values
    one, other = (next(v for v in values if type(v) is t) for t in list(types)[:2])
    raise ValueError(
        f"{name} holds {one!r} and {other!r}, which are of several types; make all of "
        "them strings."
    )


def _dates(values):
    """Return points in time as datetime64, those with a zone by universal time."""
    import pandas as pd

    aware = any(getattr(v, "tzinfo", None) is not None for v in values)
    found = pd.DatetimeIndex(pd.to_datetime(list(values), utc=aware))
    return (found.tz_localize(None) if aware else found).to_numpy()


def _as_exact(values, name):
    """Return integers of 64 bits, dates, or objects."""
    kind = values.dtype.kind
    if kind == "f":
        if not np.isfinite(values).all() or (values != np.round(values)).any():
            raise ValueError(
                f"{name} holds fractions or infinity; give integers or strings."
            )
        _check_exact(values, name)
        return values.astype(np.int64)
    if kind == "u" and (not values.size or values.max() <= np.iinfo(np.int64).max):
        return values.astype(np.int64)
    if kind in "bi":
        return values.astype(np.int64)
    if kind in "uUST":
        return values.astype(object)
    if kind in "MmO":
        return values
    raise ValueError(
        f"{name} holds values of type {values.dtype}; give integers, strings or dates."
    )


def _check_exact(values, name):
    if values.size and np.abs(values).max() >= _LARGEST_FLOAT:
        raise ValueError(
            f"{name} holds the float {np.abs(values).max():.17g}, where floats do not "
            "tell integers apart; read them as integers or strings."
        )


def plain(ids):
    """Return identifiers as hashable objects of Python."""
    if ids.dtype.kind in "Mm":
        import pandas as pd

        return pd.Index(ids).tolist()
    return ids.tolist()
