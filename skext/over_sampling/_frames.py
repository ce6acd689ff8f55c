"""Data frames on their way into and out of a sampler.

The columns of a frame are extended one type at a time, so that the given rows stay
exactly what they were and every column keeps its type.
"""

import sys

import numpy as np
from scipy import sparse

from skext.utils._columns import library_of


def integer_columns(X):
    """Refuse columns that cannot be interpolated; tell which hold whole numbers.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    columns : ndarray of shape (n_features,)
        True for columns of whole numbers.
    """
    library = library_of(X)
    if library is None:
        if X.dtype.kind == "b":
            _refuse([f"all of type {X.dtype}"])
        return np.full(X.shape[1], X.dtype.kind in "iu")
    if library == "polars":
        names, types = X.columns, X.dtypes
        wrong = [not dtype.is_numeric() for dtype in types]
        whole = [dtype.is_integer() for dtype in types]
    else:
        from pandas.api import types as check

        names, types = X.columns, X.dtypes
        wrong = [
            not check.is_numeric_dtype(dtype)
            or check.is_bool_dtype(dtype)
            or check.is_complex_dtype(dtype)
            for dtype in types
        ]
        whole = [check.is_integer_dtype(dtype) for dtype in types]
    if any(wrong):
        _refuse([repr(name) for name, bad in zip(names, wrong, strict=True) if bad])
    return np.array(whole, dtype=bool)


def _refuse(names):
    shown = ", ".join(names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    raise ValueError(
        f"X has columns that are not numbers ({shown}{more}), between whose values "
        "nothing lies; encode them, or use SMOTENC."
    )


def append_to_frame(frame, new):
    """Put synthetic rows behind the rows of a frame.

    Parameters
    ----------
    frame : dataframe of shape (n_samples, n_features)
        The given rows, of pandas or polars.
    new : {ndarray, sparse matrix} of shape (n_new, n_features)
        The synthetic ones, whole numbers where the column holds such.

    Returns
    -------
    frame : dataframe of shape (n_samples + n_new, n_features)
        With a new default index.
    """
    if library_of(frame) == "polars":
        return _append_polars(frame, new)
    import pandas as pd

    if sparse.issparse(new):
        rows = pd.DataFrame.sparse.from_spmatrix(new)
    else:
        rows = pd.DataFrame(new)
    # By position: names may be repeated.
    wanted = dict(enumerate(frame.dtypes))
    rows = rows.astype({j: t for j, t in wanted.items() if rows.dtypes.iloc[j] != t})
    rows.columns = frame.columns
    return pd.concat([frame, rows], ignore_index=True)


def _append_polars(frame, new):
    polars = sys.modules["polars"]
    columns = []
    for j, (name, dtype) in enumerate(frame.schema.items()):
        nulls = dtype.is_integer() or frame[name].null_count() > 0
        column = polars.Series(name, np.ascontiguousarray(new[:, j]), nan_to_null=nulls)
        columns.append(column.cast(dtype))
    return polars.concat([frame, polars.DataFrame(columns)])


def take_labels(y, checked, rows, indicator):
    """Return the labels of the given rows in the container of ``y``.

    Parameters
    ----------
    y : array-like
        What the user gave.
    checked : ndarray of shape (n_samples,)
        The same as an array of labels.
    rows : ndarray of int
        Row numbers.
    indicator : bool
        Whether ``y`` has a column per class.

    Returns
    -------
    y_resampled : array-like
        Types, categories and names are kept; an index starts anew.
    """
    library = library_of(y)
    if library == "pandas":
        return y.iloc[rows].reset_index(drop=True)
    if library == "polars":
        return y[rows]
    given = np.asarray(y)
    # Labels among objects stay objects.
    boxed = given.dtype == object and given.ndim == 1
    labels = given[rows] if indicator or boxed else checked[rows]
    return labels.tolist() if isinstance(y, list) else labels


def take_rows(table, rows):
    """Return some rows of a table or a target in its own container.

    Parameters
    ----------
    table : {array-like, sparse matrix, dataframe, series} of shape (n_samples, ...)
        The table.
    rows : ndarray of int
        Row numbers.

    Returns
    -------
    part : {ndarray, sparse matrix, dataframe, series, list} of shape (n_rows, ...)
        With a new default index.
    """
    library = library_of(table)
    if library == "pandas":
        return table.iloc[rows].reset_index(drop=True)
    if library == "polars":
        return table[rows]
    if isinstance(table, list):
        return [table[row] for row in rows]
    if sparse.issparse(table):
        return table.tocsr()[rows].asformat(table.format)
    return np.asarray(table)[rows]


def join_rows(table, more):
    """Put rows behind a table or a target, in its container and type.

    Parameters
    ----------
    table, more : {ndarray, sparse matrix, dataframe, series, list}
        Of the same container.

    Returns
    -------
    joined : {ndarray, sparse matrix, dataframe, series, list}
        With a new default index.
    """
    library = library_of(table)
    if library == "pandas":
        import pandas as pd

        return pd.concat([table, more], ignore_index=True)
    if library == "polars":
        return sys.modules["polars"].concat([table, more])
    if isinstance(table, list):
        return table + list(more)
    if sparse.issparse(table):
        return sparse.vstack([table, more.astype(table.dtype)], format=table.format)
    more = np.asarray(more).reshape(-1, *table.shape[1:])
    if more.dtype.kind != table.dtype.kind:
        more = more.astype(table.dtype)
    return np.concatenate([table, more])
