"""What the columns of a table hold, whatever library the table comes from.

The only place that decides about it. Columns of objects are judged by their values,
since that is what a flag with gaps, or a table read from text, ends as.
"""

import sys

import numpy as np

NUMBERS = ("float", "integer")
"""Kinds between whose values there are others."""

# What pandas finds among objects, missing ones left out.
_INFERRED = {
    "boolean": "boolean",
    "integer": "integer",
    "floating": "float",
    "mixed-integer-float": "float",
    "decimal": "float",
    "complex": "complex",
    "string": "text",
    "bytes": "text",
    "empty": "text",
    "categorical": "category",
    "interval": "category",
    "datetime64": "date",
    "datetime": "date",
    "date": "date",
    "timedelta64": "date",
    "timedelta": "date",
    "time": "date",
    "period": "date",
}
_NUMPY = {
    "b": "boolean",
    "i": "integer",
    "u": "integer",
    "f": "float",
    "c": "complex",
    "U": "text",
    "S": "text",
    "T": "text",
    "M": "date",
    "m": "date",
}


def library_of(thing):
    """Tell which library a table or a column comes from.

    Parameters
    ----------
    thing : object
        Whatever the user gave.

    Returns
    -------
    name : {"pandas", "polars", None}
        None for arrays, sparse matrices and lists.
    """
    for name in ("pandas", "polars"):
        library = sys.modules.get(name)
        if library is not None and isinstance(
            thing, (library.DataFrame, library.Series)
        ):
            return name
    return None


def column_kind(column):
    """Tell what a column holds.

    Parameters
    ----------
    column : series or array of shape (n_samples,)
        Of pandas, polars or numpy.

    Returns
    -------
    kind : str
        "float", "integer", "boolean" or "complex"; "date" for points in time,
        durations and periods; "category" for declared categories and intervals;
        "text" for strings, and for columns without any value whose type says nothing;
        "other" for mixed objects, lists and the like.
    """
    library = library_of(column)
    if library == "polars":
        return _polars_kind(column)
    if library == "pandas":
        return _pandas_kind(column)
    column = np.asarray(column)
    if column.dtype.kind == "O":
        return _inferred_kind(column)
    return _NUMPY.get(column.dtype.kind, "other")


def column_kinds(X):
    """Tell what each column of a table holds.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    kinds : list of str of length n_features
        As from :func:`column_kind`.
    """
    library = library_of(X)
    if library == "polars":
        return [_polars_kind(X.to_series(j)) for j in range(X.shape[1])]
    if library == "pandas":
        return [
            # Most types say it without the column, which takes a while to get.
            _NUMPY.get(dtype.kind, "other")
            if isinstance(dtype, np.dtype) and dtype.kind != "O"
            else _pandas_kind(X.iloc[:, j])
            for j, dtype in enumerate(X.dtypes)
        ]
    if X.dtype.kind == "O":
        return [_inferred_kind(np.asarray(X[:, j])) for j in range(X.shape[1])]
    return [_NUMPY.get(X.dtype.kind, "other")] * X.shape[1]


def objects_of(column):
    """Return the values of a column as objects, lists and the like among them.

    Parameters
    ----------
    column : series of shape (n_samples,)
        Of pandas or polars.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        Objects of Python, as the library gives them.
    """
    listed = column.to_list()
    return np.fromiter(listed, dtype=object, count=len(listed))


def categories_of(column):
    """Return the categories that the type of a column declares.

    Parameters
    ----------
    column : series, pandas categorical or array
        The column.

    Returns
    -------
    categories : ndarray of shape (n_categories,) or None
        In their order, unused ones included; None if the type declares none, as that
        of a polars ``Categorical``, whose categories are those of its values.
    ordered : bool
        Whether the order means something.
    """
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    dtype = getattr(column, "dtype", None)
    if pandas is not None:
        if isinstance(dtype, pandas.CategoricalDtype):
            return np.asarray(dtype.categories), bool(dtype.ordered)
        if _is_dictionary(dtype):
            return _dictionary(column), bool(dtype.pyarrow_dtype.ordered)
    if polars is not None and isinstance(dtype, polars.Enum):
        return np.asarray(dtype.categories.to_list(), dtype=object), True
    return None, False


def _is_dictionary(dtype):
    """Tell whether a type is pandas' for dictionaries of Arrow."""
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is None:
        return False
    import pyarrow

    return pyarrow.types.is_dictionary(arrow)


def _dictionary(column):
    chunks = column.array.__arrow_array__().unify_dictionaries()
    if chunks.num_chunks == 0:
        return np.empty(0, dtype=object)
    return np.asarray(chunks.chunk(0).dictionary.to_pylist(), dtype=object)


def _pandas_kind(column):
    import pandas as pd
    from pandas.api import types

    dtype = column.dtype
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    if isinstance(dtype, (pd.CategoricalDtype, pd.IntervalDtype)):
        return "category"
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_kind(dtype.pyarrow_dtype)
    if isinstance(dtype, pd.PeriodDtype) or types.is_datetime64_any_dtype(dtype):
        return "date"
    if types.is_object_dtype(dtype):
        return _inferred_kind(column)
    if isinstance(dtype, pd.StringDtype):
        return "text"
    return _NUMPY.get(getattr(dtype, "kind", "V"), "other")


def _arrow_kind(dtype):
    from pyarrow import types

    if types.is_dictionary(dtype):
        return "category"
    if types.is_boolean(dtype):
        return "boolean"
    if types.is_integer(dtype):
        return "integer"
    if types.is_floating(dtype) or types.is_decimal(dtype):
        return "float"
    if types.is_temporal(dtype):
        return "date"
    texts = (types.is_string, types.is_large_string, types.is_binary, types.is_null)
    return "text" if any(test(dtype) for test in texts) else "other"


def _polars_kind(column):
    polars = sys.modules["polars"]
    dtype = column.dtype
    if dtype == polars.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "float"
    if dtype.is_temporal():
        return "date"
    if dtype == polars.Categorical or dtype == polars.Enum:
        return "category"
    if dtype == polars.Object:
        return _inferred_kind(objects_of(column))
    if dtype in (polars.String, polars.Binary, polars.Null):
        return "text"
    return "other"


def _inferred_kind(values):
    from pandas.api import types

    return _INFERRED.get(types.infer_dtype(values, skipna=True), "other")
