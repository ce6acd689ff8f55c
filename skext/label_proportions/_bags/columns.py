"""Columns of any library as arrays, and what is missing in them."""

import numbers

import numpy as np
from scipy import sparse

from skext.utils._columns import (
    categories_of,
    column_kind,
    column_kinds,
    library_of,
)


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
            f"{name} has the shape {given.shape}; give one column, and number the "
            "combinations of several, as frame.groupby(columns).ngroup() does."
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
            f"{name} has the shape {column.shape}; give one column, with an entry for "
            "each row."
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
            f"{name} is an index of {given.nlevels} levels; give one column, numbers "
            "as of frame.groupby(level=...).ngroup()."
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


def is_missing(value):
    if value is None:
        return True
    if isinstance(value, (float, np.floating)):
        return value != value
    return type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, (np.datetime64, np.timedelta64)) and np.isnat(value)
    )


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
            lost = lost or any(map(is_missing, column))
        if lost:
            raise ValueError(
                "y has labels only for some rows, and some are missing; leave those "
                "rows out, or give them bag -1 by bag_target."
            )
        if column.size and column_kind(column) == "date":
            raise ValueError(
                "y holds dates, neither labels nor a target of bag_target; make them "
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
        raise ValueError(f"{name} holds values of kind {wrong.pop()!r}; give numbers.")
    if library_of(values) == "pandas":
        if kinds <= {"float", "integer", "boolean"}:
            return values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        values = values.astype(object)
    values = np.asarray(values)
    if values.dtype.kind not in "OUST":
        return values.astype(np.float64)
    found = np.empty(values.shape)
    for place, value in np.ndenumerate(values):
        lost = is_missing(value)
        if not lost and not isinstance(value, (numbers.Number, np.number, np.bool_)):
            value = value.item() if isinstance(value, np.generic) else value
            raise ValueError(
                f"{name} holds {value!r}; give numbers, and NaN for what is not known."
            )
        found[place] = np.nan if lost else float(value)
    return found


def as_proba(y):
    """Return probabilities of all classes; labels are certain."""
    y = np.asarray(y)
    if y.dtype.kind in "fiub" and y.min() >= 0 and y.max() <= 1:
        proba = y.astype(np.float64)
        return proba if y.ndim == 2 else np.column_stack([1 - proba, proba])
    if y.ndim == 2:
        raise ValueError(
            f"y holds values from {y.min()} to {y.max()}; give probabilities between 0 "
            "and 1."
        )
    classes, codes = np.unique(y, return_inverse=True)
    return np.eye(classes.size)[codes]
