"""What bags are called, and what is given for each of them."""

import datetime
import numbers
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skext.utils._columns import (
    categories_of,
    column_kind,
    column_kinds,
    library_of,
)

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
        return _plain(self.ids[b : b + 1])[0]


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
    values, missing, index, label = _identifiers(bags, name)
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
            f"{name} must be integers, strings or dates, got values of type "
            f"{type(values[0]).__name__}, which cannot be sorted; make them strings."
        ) from None
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    ids = np.empty(len(order), dtype=object)
    ids[:] = [found[i] for i in order]
    return ids, place[inverse]


def _identifiers(given, name):
    """Return those that are not missing, as one type, and which are missing."""
    column, missing, index, label = as_column(given, name)
    if column.dtype.kind == "O":
        lost = np.fromiter(map(_is_missing, column), dtype=bool, count=column.size)
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


def as_column(given, name):
    """Read a column of any library.

    Parameters
    ----------
    given : array-like of shape (n_samples,)
        The column.
    name : str
        What an error calls it.

    Returns
    -------
    values : ndarray of shape (n_values,)
        Those that are there.
    missing : ndarray of shape (n_samples,)
        Which are not, by the type of the column: an array of objects may hold others.
    index, label : object
        Index and name of the column, if it has any.

    Raises
    ------
    ValueError
        If it is not one column.
    """
    index = label = None
    if len(getattr(given, "shape", ())) == 2 and given.shape[1] != 1:
        raise ValueError(
            f"{name} must be one column, got shape {given.shape}; number the "
            "combinations of several columns, as frame.groupby(columns).ngroup() does."
        )
    if hasattr(given, "to_pylist"):
        given = given.to_pylist()
    if library_of(given) == "polars":
        column = given.to_series() if hasattr(given, "to_series") else given
        missing = column.is_null().to_numpy()
        return column.drop_nulls().to_numpy(), missing, index, column.name or None
    if isinstance(given, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(given).ravel()
        return given.data.ravel()[~missing], missing, index, label
    if isinstance(given, (list, tuple)):
        column = np.empty(len(given), dtype=object)
        # Not np.asarray, in which a number among strings becomes one.
        column[:] = given
    elif _of_pandas(given):
        return _pandas_column(given, name)
    else:
        column = np.asarray(given)
        if column.ndim == 2:
            column = column[:, 0]
    if column.ndim != 1:
        raise ValueError(
            f"{name} must be one column, an entry for each row, got shape "
            f"{column.shape}."
        )
    return column, np.zeros(column.size, dtype=bool), index, label


def _of_pandas(given):
    return type(given).__module__.split(".")[0] == "pandas"


def _pandas_column(given, name):
    import pandas as pd

    index = getattr(given, "index", None)
    if isinstance(given, pd.DataFrame):
        given = given.iloc[:, 0]
    if isinstance(given, pd.MultiIndex):
        raise ValueError(
            f"{name} must be one column, got an index of {given.nlevels} levels; "
            "number them, as frame.groupby(level=...).ngroup() does."
        )
    label = getattr(given, "name", None)
    column = pd.Series(given)
    missing = column.isna().to_numpy(dtype=bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories
        values = np.asarray(categories)[column.cat.codes.to_numpy()[~missing]]
    elif categories_of(column)[0] is not None:
        # pandas turns dictionaries of Arrow into arrays with gaps only.
        values = np.empty(column.size - missing.sum(), dtype=object)
        values[:] = column[~missing].tolist()
    else:
        values = column[~missing].to_numpy()
    return values, missing, index, label


def _is_missing(value):
    if value is None:
        return True
    if isinstance(value, (float, np.floating)):
        return value != value
    return type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, (np.datetime64, np.timedelta64)) and np.isnat(value)
    )


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
                f"{name} must be integers or strings, got fractions or infinity."
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
        f"{name} must be of one type, integers or strings or dates, got {one!r} and "
        f"{other!r}; make all of them strings."
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
                f"{name} must be integers or strings, got fractions or infinity."
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
        f"{name} must be integers, strings or dates, got values of type {values.dtype}."
    )


def _check_exact(values, name):
    if values.size and np.abs(values).max() >= _LARGEST_FLOAT:
        raise ValueError(
            f"{name} must be integers, got the float {np.abs(values).max():.17g}, "
            "beyond which floats do not tell integers apart; read them as integers "
            "or strings."
        )


def _plain(ids):
    """Return identifiers as hashable objects of Python."""
    if ids.dtype.kind in "Mm":
        import pandas as pd

        return pd.Index(ids).tolist()
    return ids.tolist()


def as_labels(y):
    """Return labels of rows as an array, whatever column they come in.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels; what is no column is left to other checks.

    Returns
    -------
    labels : object
        An array of one type, or ``y`` itself.

    Raises
    ------
    ValueError
        If one is missing, or they are dates.
    """
    column = np.empty(0)
    if isinstance(y, (list, tuple)) or len(getattr(y, "shape", ())) == 1:
        column, missing, _, _ = as_column(y, "y")
        lost = missing.any()
        if column.dtype.kind == "O":
            lost = lost or any(map(_is_missing, column))
        if lost:
            raise ValueError(
                "y must have a label for each row, and some are missing; leave those "
                "rows out, or give them bag -1 by bag_target."
            )
        if column.size and column_kind(column) == "date":
            raise ValueError(
                "y must be labels, or a target of bag_target, got dates; make them "
                "strings or numbers."
            )
        if column.dtype.kind != "O":
            return column
    types = set(map(type, column))
    if column.size and all(issubclass(t, (numbers.Number, np.bool_)) for t in types):
        return np.array(column.tolist())
    return column if types and types <= {str, np.str_} else y


def as_numbers(values, name):
    """Return a new array of numbers, NaN where they are missing.

    Parameters
    ----------
    values : array-like of shape (n_entries,) or (n_entries, n_columns)
        What was given.
    name : str
        What an error calls it.

    Returns
    -------
    numbers : ndarray of the same shape, dtype float64
        Never the memory of the caller.

    Raises
    ------
    ValueError
        If there are dates or texts among them.
    """
    if sparse.issparse(values):
        values = values.toarray()
    if isinstance(values, np.ma.MaskedArray):
        return as_numbers(values.data, name) + np.where(
            np.ma.getmaskarray(values), np.nan, 0.0
        )
    if hasattr(values, "to_pylist"):
        values = values.to_pylist()
    if library_of(values) is None:
        values = np.asarray(values)
        kinds = {column_kind(values.ravel())} if values.size else set()
    else:
        two = len(values.shape) == 2
        kinds = set(column_kinds(values)) if two else {column_kind(values)}
    wrong = kinds & {"date", "complex"}
    if wrong:
        raise ValueError(f"{name} must be numbers, got values of kind {wrong.pop()!r}.")
    if library_of(values) == "pandas":
        if kinds <= {"float", "integer", "boolean"}:
            return values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        values = values.astype(object)
    values = np.asarray(values)
    if values.dtype.kind not in "OUST":
        return values.astype(np.float64)
    found = np.empty(values.shape)
    for place, value in np.ndenumerate(values):
        lost = _is_missing(value)
        if not lost and not isinstance(value, (numbers.Number, np.number, np.bool_)):
            value = value.item() if isinstance(value, np.generic) else value
            raise ValueError(
                f"{name} must be numbers, got {value!r}; NaN stands for what is not "
                "known."
            )
        found[place] = np.nan if lost else float(value)
    return found


def per_bag(values, name, bags):
    """Return one value (or line) for each bag.

    Parameters
    ----------
    values : dict, series, dataframe or array-like
        By bag, or repeated in each row. Mappings and the index of pandas are matched
        with the bags; arrays are in their sorted order.
    name : str
        What an error calls it.
    bags : BagNumbers
        The bags.

    Returns
    -------
    found : ndarray of shape (n_bags,) or (n_bags, n_columns)
        New, and writable.

    Raises
    ------
    ValueError
        If a bag has no entry, or it is not clear which it is.
    """
    n_bags, n_samples = bags.ids.size, bags.codes.size
    if isinstance(values, Mapping):
        rows = _matched(list(values), name, bags, "keys")
        entries = list(values.values())
        return as_numbers(_stacked([entries[i] for i in rows], name), name)
    library = library_of(values)
    if library is not None:
        _check_columns(values, name, bags)
    if library == "pandas":
        rows = _rows_of_index(values, name, bags)
        if rows is not None:
            return _one_column(as_numbers(values, name))[rows]
    values = _one_column(as_numbers(values, name))
    if values.ndim in (1, 2) and values.shape[0] == n_bags != n_samples:
        if library == "polars":
            raise ValueError(
                f"{name} of polars does not say which bag an entry belongs to, and "
                "group_by has no order; give a dict, dict(frame.iter_rows()) of the "
                "columns of bags and values."
            )
        return values
    if values.ndim not in (1, 2) or values.shape[0] != n_samples:
        raise ValueError(
            f"{name} must have an entry for each of the {n_bags} bags or for each "
            f"of the {n_samples} rows, got shape {values.shape}."
        )
    return _same_in_all_rows(values, name, bags)


def _one_column(values):
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _stacked(entries, name):
    """Return entries as an array; several numbers of each make columns."""
    if not entries:
        return np.empty(0)
    if len({np.shape(e) for e in entries}) > 1:
        raise ValueError(
            f"{name} must have as many numbers for each bag, got shapes "
            f"{sorted({np.shape(e) for e in entries})}."
        )
    if np.ndim(entries[0]) == 0:
        column = np.empty(len(entries), dtype=object)
        column[:] = entries
        return column
    return np.stack([np.asarray(e) for e in entries])


def _same_in_all_rows(values, name, bags):
    found = values[bags.first_rows]
    bagged = bags.codes >= 0
    codes = bags.codes[bagged]
    given, first = values[bagged], found[codes]
    if np.array_equal(given, first):
        return found
    same = np.isclose(given, first, equal_nan=True)
    if not same.all():
        b = codes[np.argmin(same.reshape(same.shape[0], -1).all(axis=1))]
        raise ValueError(
            f"{name} must be the same in all rows of a bag, and differs within bag "
            f"{bags.name(b)!r}."
        )
    return found


def _check_columns(values, name, bags):
    """Refuse a frame whose columns are not the classes in sorted order."""
    if len(values.shape) == 1 or values.shape[1] == 1:
        return
    columns = list(values.columns)
    if library_of(values) == "polars" and len(values) != bags.codes.size:
        raise ValueError(
            f"{name} of polars does not say which bag a row belongs to, and group_by "
            "has no order; give a dict from each bag to its numbers."
        )
    if bags.label is not None and bags.label in columns:
        raise ValueError(
            f"{name} has the bags as a column, {bags.label!r}; make them its index, "
            f"by set_index({bags.label!r})."
        )
    try:
        in_order = columns == sorted(columns)
    except TypeError:
        return
    if not in_order:
        raise ValueError(
            f"{name} must have the classes as columns in sorted order, got {columns}; "
            "sort them, by sort_index(axis=1), or name them 0, 1, ..., by "
            "set_axis(range(...), axis=1), if this is the order that is meant."
        )


def _rows_of_index(values, name, bags):
    """Return the entry of each bag by the index; None if entries are those of rows."""
    index, n_bags, n_samples = values.index, bags.ids.size, bags.codes.size
    of_rows = bags.index is not None and index.equals(bags.index)
    named = bags.label is not None and index.name == bags.label
    if len(index) != n_samples or (index.nlevels > 1 and not of_rows):
        return _matched(index, name, bags, "index")
    if not index.is_unique:
        return None
    # Integers that are bags may be rows, too.
    by_bag = (
        n_bags == n_samples or named or getattr(index.dtype, "kind", "O") not in "iu"
    )
    rows = _matched(index, name, bags, "index", missing="none") if by_bag else None
    if rows is None:
        _check_order(index, bags, name)
        return None
    if named or n_bags != n_samples:
        return rows
    if (rows == bags.first_rows).all() or (of_rows and bags.label is not None):
        return None
    raise ValueError(
        f"{name} has an index that may name rows or bags; give a dict by bag, or an "
        "array with an entry for each row."
    )


def _check_order(index, bags, name):
    """Refuse values of rows whose labels come in another order than those of bags."""
    if bags.index is None or index.equals(bags.index) or not bags.index.is_unique:
        return
    if set(index) == set(bags.index):
        raise ValueError(
            f"{name} has the rows of bags in another order; give "
            f"{name}.reindex(bags.index)."
        )


def _matched(keys, name, bags, what, missing="error"):
    """Return the place of each bag among keys, which must have all of them."""
    import pandas as pd

    if isinstance(keys, pd.MultiIndex):
        raise ValueError(
            f"{name} has an index of {keys.nlevels} levels, and bags are one column; "
            "repeat the numbers in each row, by groupby(...).transform, along with "
            "groupby(...).ngroup() as bags."
        )
    values, absent, _, _ = _identifiers(keys, f"the {what} of {name}")
    rows = np.flatnonzero(~absent)
    place = dict(zip(_plain(values), rows.tolist(), strict=True))
    wanted = _plain(bags.ids)
    lost = [b for b in wanted if b not in place]
    if lost and missing == "none":
        return None
    if lost:
        hint = ""
        if what == "index":
            hint = (
                "; make the bags its index, or give an array if it is in the sorted "
                "order of the bags"
            )
        raise ValueError(
            f"{name} must have an entry for every bag, got none for "
            f"{lost[:5]}; add it, NaN is unknown{hint}."
        )
    if len(place) != len(rows):
        chosen = set(wanted)
        seen = set()
        for key in _plain(values):
            if key in seen and key in chosen:
                raise ValueError(
                    f"{name} must have one entry for every bag, got several for "
                    f"{key!r}."
                )
            seen.add(key)
    return np.array([place[b] for b in wanted], dtype=np.intp)
