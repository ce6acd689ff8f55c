"""What is given for each bag: matched by name, by place or repeated in its rows."""

from collections.abc import Mapping

import numpy as np

from skext.label_proportions._bags.columns import as_numbers
from skext.label_proportions._bags.numbering import identifiers, plain
from skext.utils._columns import library_of


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
            f"{name} has the shape {values.shape}; give an entry for each of the "
            f"{n_bags} bags or for each of the {n_samples} rows."
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
            f"{name} has entries of the shapes "
            f"{sorted({np.shape(e) for e in entries})}; give as many numbers for each "
            "bag."
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
            f"{name} differs within bag {bags.name(b)!r}; it must be the same in all "
            "rows of a bag."
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
            f"{name} has the columns {columns}, which are not the classes in sorted "
            "order; sort them, by sort_index(axis=1), or name them 0, 1, ..., by "
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
    values, absent, _, _ = identifiers(keys, f"the {what} of {name}")
    rows = np.flatnonzero(~absent)
    place = dict(zip(plain(values), rows.tolist(), strict=True))
    wanted = plain(bags.ids)
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
            f"{name} has no entry for the bags {lost[:5]}; give one for every bag, "
            f"NaN is unknown{hint}."
        )
    if len(place) != len(rows):
        chosen = set(wanted)
        seen = set()
        for key in plain(values):
            if key in seen and key in chosen:
                raise ValueError(
                    f"{name} has several entries for bag {key!r}; give one for every "
                    "bag."
                )
            seen.add(key)
    return np.array([place[b] for b in wanted], dtype=np.intp)
