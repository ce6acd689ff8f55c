"""Tables with nominal columns on their way into and out of a sampler.

Nominal columns are read as whole numbers, one per level; a missing value is a level of
its own. Synthetic rows take their nominal values from given rows, so that every column
keeps its type and its categories.
"""

import sys
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.over_sampling._core.frames import new_values, write_column
from skext.over_sampling._core.reading import (
    column_at,
    name_at,
    read_levels,
    read_numbers,
)
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
        codes[i] = read_levels(column_at(X, j), name_at(X, j))
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
        dtype = X.dtype if X.dtype in (np.float32, np.float64) else np.float64
        numbers = np.ascontiguousarray(X[:, continuous], dtype=dtype)
        whole = np.full(len(continuous), X.dtype.kind in "iub")
    else:
        columns = [read_numbers(column_at(X, j), name_at(X, j)) for j in continuous]
        single = bool(columns) and all(c.dtype == np.float32 for c, _ in columns)
        numbers = np.empty(
            (X.shape[0], len(columns)), dtype=np.float32 if single else np.float64
        )
        for i, (values, _) in enumerate(columns):
            numbers[:, i] = values
        whole = np.array([is_whole for _, is_whole in columns], dtype=bool)
    assert_all_finite(numbers, allow_nan=True, input_name="X")
    return Table(numbers, codes, whole)


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
        return polars.DataFrame([column_at(X, j).gather(take) for j, take in parts])
    if library == "pandas":
        parts = enumerate(zip(columns, rows, strict=True))
        part = {i: _taken(X.iloc[:, j], take) for i, (j, take) in parts}
        part = pd.DataFrame(part)
        part.columns = X.columns[columns]
        return part
    part = np.empty((rows.shape[1], len(columns)), dtype=X.dtype)
    for i, j in enumerate(columns):
        part[:, i] = X[rows[i], j]
    return part


def _taken(column, rows):
    """Take rows of a column; among objects, what is missing stays what it is."""
    import pandas as pd

    part = column.array.take(rows)
    return pd.Series(part, dtype=object) if column.dtype == object else part


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
        values = np.array(column_at(frame, j), dtype=object)
        known = ~pd.isna(values)
        values[~known] = None
        if len(set(map(type, values[known]))) > 1:
            values[known] = [str(value) for value in values[known]]
        columns.append(values)
    stacked = np.column_stack(columns)
    if library_of(frame) is None:
        return stacked
    return pd.DataFrame(stacked, columns=list(frame.columns), dtype=object)


def append_to_table(X, continuous, whole, new, nominal, chosen, origin):
    """Put synthetic rows behind the given ones.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The given rows.
    continuous, nominal : ndarray of int
        Positions of the columns.
    whole : ndarray of shape (n_continuous,)
        Which of the continuous ones hold whole numbers or truth values.
    new : ndarray of shape (n_new, n_continuous)
        Numbers of the synthetic rows, in floating point.
    chosen : ndarray of shape (n_nominal, n_new)
        Rows from which they take their nominal values.
    origin : Origin
        What their numbers are made of.

    Returns
    -------
    X_resampled : {ndarray, sparse matrix, dataframe} of shape \
            (n_samples + n_new, n_features)
        Of the container and types of ``X``; a frame has a new default index.
    """
    library = library_of(X)
    if library is not None:
        add = _append_pandas if library == "pandas" else _append_polars
        numbers = {
            j: write_column(column_at(X, j), new[:, i], *origin.of_column(i))
            for i, j in enumerate(continuous)
        }
        return add(X, numbers, nominal, chosen)
    n_new = chosen.shape[1]
    n_given = 0 if sparse.issparse(X) else X.shape[0]
    table = np.empty((n_given + n_new, X.shape[1]), dtype=X.dtype)
    rows = table[n_given:]
    by_column = X.tocsc() if sparse.issparse(X) else X
    for j, take in zip(nominal, chosen, strict=True):
        rows[:, j] = _plain_column(by_column, j)[take]
    for i, j in enumerate(continuous):
        given = _plain_column(by_column, j)
        places = origin.of_column(i)
        rows[:, j] = new_values(given, new[:, i], *places, whole=whole[i])
    if sparse.issparse(X):
        return sparse.vstack([X, type(X)(rows)], format=X.format)
    table[:n_given] = X
    return table


def _plain_column(X, j):
    return X[:, [j]].toarray()[:, 0] if sparse.issparse(X) else X[:, j]


def _append_pandas(X, numbers, nominal, chosen):
    import pandas as pd

    rows = take_columns(X, nominal, chosen)
    rows.columns = nominal
    rows = pd.concat([pd.DataFrame(numbers), rows], axis=1)[list(range(X.shape[1]))]
    rows.columns = X.columns
    return pd.concat([X, rows], ignore_index=True)


def _append_polars(X, numbers, nominal, chosen):
    polars = sys.modules["polars"]
    taken = take_columns(X, nominal, chosen).get_columns()
    columns = numbers | dict(zip(nominal, taken, strict=True))
    rows = polars.DataFrame([columns[j] for j in range(X.shape[1])])
    return polars.concat([X, rows])
