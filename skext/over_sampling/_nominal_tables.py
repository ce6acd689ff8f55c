"""Tables with nominal columns on their way into and out of a sampler.

Nominal columns are read as whole numbers, one per level; a missing value is a level of
its own. Synthetic rows take their nominal values from given rows, so that every column
keeps its type and its categories.
"""

import sys
from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.utils._columns import library_of


class Table(NamedTuple):
    """A table as the samplers see it.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples, n_continuous)
        The continuous columns; NaN is a missing value.
    codes : ndarray of shape (n_nominal, n_samples)
        Levels of the nominal columns, from 0.
    whole : ndarray of shape (n_continuous,)
        True for continuous columns of whole numbers or truth values.
    """

    numbers: np.ndarray
    codes: np.ndarray
    whole: np.ndarray


def detect_nominal(X):
    """Tell the nominal columns of a frame by their types.

    Parameters
    ----------
    X : dataframe of shape (n_samples, n_features)
        Of pandas or polars.

    Returns
    -------
    nominal : ndarray of shape (n_features,)
        True for columns of categories, strings, objects and truth values.
    """
    import pandas as pd
    from pandas.api import types

    library = library_of(X)
    if library == "pandas":
        found = [
            isinstance(dtype, pd.CategoricalDtype)
            or types.is_string_dtype(dtype)
            or types.is_object_dtype(dtype)
            or types.is_bool_dtype(dtype)
            for dtype in X.dtypes
        ]
    elif library == "polars":
        polars = sys.modules["polars"]
        nominal = [polars.String, polars.Boolean, polars.Object]
        nominal += [polars.Categorical, polars.Enum]
        found = [any(dtype == kind for kind in nominal) for dtype in X.dtypes]
    else:
        raise ValueError(
            "With categorical_features='auto' the input data should be a "
            "pandas.DataFrame or a polars.DataFrame, whose columns have types. Got "
            f"{type(X)} instead; name the columns, as in categorical_features=[0, 3]."
        )
    return np.array(found, dtype=bool)


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
                f"categorical_features is a mask of shape {keys.shape}; X has "
                f"{n_features} features, so give one truth value for each."
            )
        return np.flatnonzero(keys)
    if keys.dtype.kind in "iu":
        if keys.min() < -n_features or keys.max() >= n_features:
            raise ValueError(
                f"categorical_features={selection!r} goes beyond the columns of X: "
                f"all features must be in [0, {n_features - 1}] or "
                f"[-{n_features}, -1]."
            )
        return _without_repeats(keys % n_features)
    if not all(isinstance(key, str) for key in keys.tolist()):
        raise ValueError(
            f"categorical_features={selection!r} is not a list of positions, of names "
            "or of truth values."
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
            f"categorical_features names columns that X does not have: {unknown}; it "
            f"has {names[:10]}{' and others' if len(names) > 10 else ''}."
        )
    return _without_repeats([names.index(key) for key in keys.tolist()])


def _without_repeats(positions):
    return np.array(list(dict.fromkeys(positions)), dtype=np.intp)


def read_table(X, continuous, nominal):
    """Read numbers and levels.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.
    continuous, nominal : ndarray of int
        Positions of the columns.

    Returns
    -------
    table : Table
        In float32 if all continuous columns are, else in float64.
    """
    if sparse.issparse(X):
        X = X.toarray()
    codes = np.empty((len(nominal), X.shape[0]), dtype=np.int32)
    for i, j in enumerate(nominal):
        codes[i] = _levels(_column(X, j), _name(X, j))
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
        dtype = X.dtype if X.dtype in (np.float32, np.float64) else np.float64
        numbers = np.ascontiguousarray(X[:, continuous], dtype=dtype)
        whole = np.full(len(continuous), X.dtype.kind in "iub")
    else:
        columns = [_numbers(_column(X, j), _name(X, j)) for j in continuous]
        single = bool(columns) and all(c.dtype == np.float32 for c, _ in columns)
        numbers = np.empty(
            (X.shape[0], len(columns)), dtype=np.float32 if single else np.float64
        )
        for i, (values, _) in enumerate(columns):
            numbers[:, i] = values
        whole = np.array([is_whole for _, is_whole in columns], dtype=bool)
    assert_all_finite(numbers, allow_nan=True, input_name="X")
    return Table(numbers, codes, whole)


def _column(X, j):
    """Return a column: a Series of pandas, or an array."""
    library = library_of(X)
    if library == "pandas":
        return X.iloc[:, j]
    return X.to_series(int(j)) if library == "polars" else X[:, j]


def _name(X, j):
    return int(j) if library_of(X) is None else X.columns[j]


def _levels(column, name):
    """Give the levels of a column numbers, in the order of their appearance."""
    import pandas as pd

    if library_of(column) == "polars":
        column = column.to_numpy()
    try:
        codes, levels = pd.factorize(column)
    except TypeError as error:
        raise ValueError(
            f"The nominal column {name!r} of X has values that cannot be compared "
            f"({error}); turn them into strings or numbers."
        ) from error
    codes[codes < 0] = len(levels)
    return codes


def _numbers(column, name):
    """Read a column as floating point; tell whether it holds whole numbers."""
    import pandas as pd
    from pandas.api import types

    library, dtype = library_of(column), column.dtype
    if library == "polars":
        polars = sys.modules["polars"]
        if dtype.is_numeric() or dtype == polars.Boolean:
            kind = polars.Float32 if dtype == polars.Float32 else polars.Float64
            whole = dtype.is_integer() or dtype == polars.Boolean
            return column.cast(kind).to_numpy(), whole
    elif types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        whole = types.is_integer_dtype(dtype) or types.is_bool_dtype(dtype)
        kind = np.float32 if dtype == np.float32 else np.float64
        return column.to_numpy(dtype=kind, na_value=np.nan), whole
    elif types.is_object_dtype(dtype):
        values = np.asarray(column, dtype=object)
        whole = all(
            issubclass(kind, Integral) and kind is not bool
            for kind in set(map(type, values))
        )
        try:
            return values.astype(np.float64), whole
        except (TypeError, ValueError):
            try:
                return np.where(pd.isna(values), np.nan, values).astype(float), whole
            except (TypeError, ValueError):
                pass
    raise ValueError(
        f"Column {name!r} of X, of type {dtype}, is not in categorical_features and "
        "does not hold numbers, between which to interpolate; add it to "
        "categorical_features or convert it."
    )


def first_rows(codes):
    """Return rows in which every level of every nominal column appears.

    Parameters
    ----------
    codes : ndarray of shape (n_nominal, n_samples)
        Levels of the nominal columns.

    Returns
    -------
    rows : ndarray of shape (n_nominal, n_most_levels)
        For each column the first row with each level; the first is repeated where a
        column has fewer levels than others.
    """
    firsts = []
    for levels in codes:
        first = np.empty(levels.max() + 1, dtype=np.intp)
        first[levels[::-1]] = np.arange(levels.size)[::-1]
        firsts.append(first)
    rows = np.zeros((len(firsts), max(first.size for first in firsts)), dtype=np.intp)
    for i, first in enumerate(firsts):
        rows[i] = first[0]
        rows[i, : first.size] = first
    return rows


def take_columns(X, columns, rows):
    """Take some columns, each with rows of its own.

    Parameters
    ----------
    X : {ndarray, dataframe} of shape (n_samples, n_features)
        The table.
    columns : ndarray of shape (n_columns,)
        Positions of columns.
    rows : ndarray of shape (n_columns, n_rows)
        Row numbers for each.

    Returns
    -------
    part : {ndarray, dataframe} of shape (n_rows, n_columns)
        In the container of ``X``; columns keep types and names.
    """
    import pandas as pd

    library = library_of(X)
    if library == "polars":
        polars = sys.modules["polars"]
        parts = zip(columns, rows, strict=True)
        return polars.DataFrame([_column(X, j).gather(take) for j, take in parts])
    if library == "pandas":
        parts = enumerate(zip(columns, rows, strict=True))
        part = {i: X.iloc[:, j].array.take(take) for i, (j, take) in parts}
        part = pd.DataFrame(part)
        part.columns = X.columns[columns]
        return part
    part = np.empty((rows.shape[1], len(columns)), dtype=X.dtype)
    for i, j in enumerate(columns):
        part[:, i] = X[rows[i], j]
    return part


def as_texts(frame):
    """Turn columns of mixed types into objects that an encoder can sort.

    Parameters
    ----------
    frame : {ndarray, dataframe} of shape (n_rows, n_columns)
        Nominal columns.

    Returns
    -------
    texts : {ndarray, dataframe} of shape (n_rows, n_columns)
        Missing values are None; all others of a column of mixed types are strings.
    """
    import pandas as pd

    columns = []
    for j in range(frame.shape[1]):
        values = np.array(_column(frame, j), dtype=object)
        known = ~pd.isna(values)
        values[~known] = None
        if len(set(map(type, values[known]))) > 1:
            values[known] = [str(value) for value in values[known]]
        columns.append(values)
    stacked = np.column_stack(columns)
    if library_of(frame) is None:
        return stacked
    return pd.DataFrame(stacked, columns=list(frame.columns), dtype=object)


def append_to_table(X, table, continuous, new, nominal, chosen):
    """Put synthetic rows behind the given ones.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The given rows.
    table : Table
        What was read from them.
    continuous, nominal : ndarray of int
        Positions of the columns.
    new : ndarray of shape (n_new, n_continuous)
        Numbers of the synthetic rows, whole where the column holds such.
    chosen : ndarray of shape (n_nominal, n_new)
        Rows from which they take their nominal values.

    Returns
    -------
    X_resampled : {ndarray, sparse matrix, dataframe} of shape \
            (n_samples + n_new, n_features)
        Of the container and types of ``X``; a frame has a new default index.
    """
    library = library_of(X)
    if library is not None:
        add = _append_pandas if library == "pandas" else _append_polars
        return add(X, table, continuous, new, nominal, chosen)
    if sparse.issparse(X):
        rows = np.empty((chosen.shape[1], X.shape[1]), dtype=X.dtype)
        by_column = X.tocsc()
        for j, take in zip(nominal, chosen, strict=True):
            rows[:, j] = by_column[:, [j]].toarray()[take, 0]
        rows[:, continuous] = new
        return sparse.vstack([X, type(X)(rows)], format=X.format)
    n_samples = X.shape[0]
    out = np.empty((n_samples + chosen.shape[1], X.shape[1]), dtype=X.dtype)
    out[:n_samples] = X
    rows = out[n_samples:]
    for j, take in zip(nominal, chosen, strict=True):
        rows[:, j] = X[take, j]
    for i, j in enumerate(continuous):
        whole = X.dtype == object and table.whole[i]
        rows[:, j] = new[:, i].astype(np.int64) if whole else new[:, i]
    return out


def _append_pandas(X, table, continuous, new, nominal, chosen):
    import pandas as pd
    from pandas.api import types

    rows = take_columns(X, nominal, chosen)
    rows.columns = nominal
    numbers = {}
    for i, j in enumerate(continuous):
        dtype, values = X.dtypes.iloc[j], pd.Series(new[:, i])
        if types.is_object_dtype(dtype) and table.whole[i]:
            values = values.astype(np.int64)
        numbers[j] = values.astype(dtype)
    rows = pd.concat([pd.DataFrame(numbers), rows], axis=1)[list(range(X.shape[1]))]
    rows.columns = X.columns
    return pd.concat([X, rows], ignore_index=True)


def _append_polars(X, table, continuous, new, nominal, chosen):
    polars = sys.modules["polars"]
    columns = dict(
        zip(nominal, take_columns(X, nominal, chosen).get_columns(), strict=True)
    )
    for i, j in enumerate(continuous):
        given = X.to_series(int(j))
        nulls = not given.dtype.is_float() or given.null_count() > 0
        values = np.ascontiguousarray(new[:, i])
        column = polars.Series(given.name, values, nan_to_null=nulls)
        columns[j] = column.cast(given.dtype)
    rows = polars.DataFrame([columns[j] for j in range(X.shape[1])])
    return polars.concat([X, rows])
