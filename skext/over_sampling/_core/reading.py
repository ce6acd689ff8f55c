"""Columns of tables on their way into a sampler: which are nominal, and their values.

All samplers that take categories read their tables here.
"""

import numpy as np

from skext.over_sampling._core.integers import measured
from skext.utils._columns import (
    NUMBERS,
    column_kind,
    column_kinds,
    library_of,
    objects_of,
)
from skext.utils._tables import columns_hold, name_at

# Kinds that are categories without being named.
_NOMINAL = ("category", "text", "boolean", "other")


def detect_nominal(X):
    """Tell the nominal columns of a table by what they hold.

    Parameters
    ----------
    X : {ndarray, dataframe} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    nominal : ndarray of shape (n_features,)
        True for columns of categories, strings, truth values and mixed objects.

    Raises
    ------
    ValueError
        If a column is of neither kind, as one of dates.
    """
    kinds = column_kinds(X)
    for j, kind in enumerate(kinds):
        if kind not in (*NUMBERS, *_NOMINAL):
            _refuse(name_at(X, j), kind)
    return np.array([kind in _NOMINAL for kind in kinds], dtype=bool)


def resolve_columns(selection, X):
    """Turn positions, names or a mask of columns into positions.

    Parameters
    ----------
    selection : array-like of shape (n_selected,) or (n_features,)
        Whole numbers, strings or truth values.
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    positions : ndarray of shape (n_selected,)
        In the given order, none twice.
    """
    n_features = X.shape[1]
    keys = np.asarray(selection)
    if keys.size == 0:
        return np.empty(0, dtype=np.intp)
    if keys.dtype.kind == "b":
        if keys.shape != (n_features,):
            raise ValueError(
                f"categorical_features={selection!r} is a mask of shape {keys.shape}; "
                f"give one truth value for each of the {n_features} features of X."
            )
        return np.flatnonzero(keys)
    if keys.dtype.kind in "iu":
        if keys.min() < -n_features or keys.max() >= n_features:
            raise ValueError(
                f"categorical_features={selection!r} goes beyond the columns of X; "
                f"all features must be in [0, {n_features - 1}] or "
                f"[-{n_features}, -1]."
            )
        return _without_repeats(keys % n_features)
    if not all(isinstance(key, str) for key in keys.tolist()):
        raise ValueError(
            f"categorical_features={selection!r} is no list; give positions, names or "
            "a mask."
        )
    if library_of(X) is None:
        raise ValueError(
            f"categorical_features={selection!r} names columns, but X of type "
            f"{type(X).__name__} has no names; give a data frame or positions."
        )
    names = list(X.columns)
    unknown = [key for key in keys.tolist() if key not in names]
    if unknown:
        raise ValueError(
            f"categorical_features={selection!r} names columns that X does not have, "
            f"{unknown}; it has {names[:10]}{' and others' if len(names) > 10 else ''}."
        )
    # Columns may have the same name.
    chosen = [j for key in keys.tolist() for j, name in enumerate(names) if name == key]
    return _without_repeats(chosen)


def _without_repeats(positions):
    return np.array(list(dict.fromkeys(positions)), dtype=np.intp)


def read_levels(column, name):
    """Give the levels of a column numbers, in the order of their appearance.

    Parameters
    ----------
    column : {series, ndarray} of shape (n_samples,)
        The column.
    name : object
        What it is called in errors.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        From 0; missing is the last level, if values are missing.
    """
    import pandas as pd

    library = library_of(column)
    kind = None if library is None else column_kind(column)
    if library == "polars" or kind == "other":
        column = objects_of(column)
    elif library is None and column.dtype.kind == "T":
        column = column.astype(object)
    elif library is None:
        column = column.astype(column.dtype.newbyteorder("="), copy=False)
    elif kind == "float" and column.dtype.kind == "f":
        # Arrow tells zero from negative zero.
        column = column.to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        codes, levels = pd.factorize(column)
    except TypeError as error:
        raise ValueError(
            f"Column {name!r} of X holds values that cannot be compared ({error}); "
            "turn them into strings or numbers."
        ) from error
    codes[codes < 0] = len(levels)
    return codes


def read_numbers(column, name):
    """Read a column as floating point; tell whether it holds whole numbers.

    Parameters
    ----------
    column : {series, ndarray} of shape (n_samples,)
        The column.
    name : object
        What it is called in errors.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        In single precision if the column is; NaN is a missing value.
    whole : bool
        Whether the column holds whole numbers or truth values.

    Raises
    ------
    ValueError
        If the column holds anything else than numbers.
    """
    boxed = library_of(column) is None and column.dtype.kind == "O"
    types = set(map(type, column)) if boxed else set()
    if types == {float}:
        return column.astype(np.float64), False
    kind = column_kind(column)
    if kind not in (*NUMBERS, "boolean"):
        _refuse(name, kind)
    whole = kind != "float"
    if kind == "integer":
        return measured(*plain_integers(column)), whole
    if library_of(column) == "polars":
        return _read_polars(column), whole
    if column.dtype == object:
        return _read_objects(column), whole
    precision = np.float32 if column.dtype == np.float32 else np.float64
    if library_of(column) is None:
        return column.astype(precision, copy=False), whole
    return column.to_numpy(dtype=precision, na_value=np.nan), whole


def kind_of_objects(values):
    """Tell what an array of objects holds.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Objects.

    Returns
    -------
    kind : str
        As from :func:`skext.utils._columns.column_kind`, sooner for plain numbers.
    """
    types = set(map(type, values))
    if types <= {int, float} and types:
        return "integer" if types == {int} else "float"
    return column_kind(values)


def _refuse(name, kind):
    raise ValueError(
        f"{columns_hold([name], kind)} where numbers are needed; add it to "
        "categorical_features or convert it."
    )


def plain_integers(column):
    """Return the whole numbers of a column, and where they are missing.

    Parameters
    ----------
    column : {series, ndarray} of shape (n_samples,)
        Whole numbers of any type, objects among them.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        Of the type of the column, or of objects; 0 where they are missing.
    missing : ndarray of shape (n_samples,)
        True there.
    """
    library = library_of(column)
    if library == "polars":
        # Of 128 bits numpy has no type.
        if str(column.dtype) not in ("Object", "Int128", "UInt128"):
            missing = column.is_null().to_numpy()
            return column.fill_null(0).to_numpy(), missing
        column = objects_of(column)
    import pandas as pd

    missing = np.asarray(pd.isna(column))
    if column.dtype == object:
        values = np.empty(len(column), dtype=object)
        values[:] = [
            0 if lost else int(v) for v, lost in zip(column, missing, strict=True)
        ]
        return values, missing
    if library is None:
        return column, missing
    if missing.any():
        column = column.fillna(0)
    return column.to_numpy(dtype=numpy_type(column.dtype)), missing


def numpy_type(dtype):
    """Return numpy's type for a column of numbers."""
    for name in ("subtype", "numpy_dtype"):
        dtype = getattr(dtype, name, dtype)
    return np.dtype(str(dtype).lower())


def _read_polars(column):
    import polars

    if column.dtype == polars.Object:
        return _read_objects(column.to_list())
    kind = polars.Float32 if column.dtype == polars.Float32 else polars.Float64
    return column.cast(kind).to_numpy()


def _read_objects(column):
    import pandas as pd

    values = np.empty(len(column), dtype=object)
    values[:] = np.asarray(column, dtype=object)
    values[pd.isna(values)] = np.nan
    return values.astype(np.float64)
