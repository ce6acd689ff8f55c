"""Tables with numbers and categories, on their way into and out of a sampler.

Columns of categories are read as whole numbers, one for each level; a missing value is
a level of its own. A category of a synthetic row is always that of a given row.
Samplers therefore say from which row each comes, and the column is asked for it: every
type survives, and no encoding has to be undone.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import validate_data

from skext.over_sampling._core.frames import with_names, write_column
from skext.over_sampling._core.integers import is_wide
from skext.over_sampling._core.reading import (
    detect_nominal,
    read_levels,
    read_numbers,
    resolve_columns,
)
from skext.utils._columns import NUMBERS, column_kinds, library_of
from skext.utils._tables import (
    check_table,
    column_at,
    join_columns,
    name_at,
    table_of,
    take_rows,
)


class MixedTable(NamedTuple):
    """The columns of a table by kind.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples, n_numbers)
        Numeric columns; in single precision if all of them are, else in double. NaN is
        a missing value.
    codes : ndarray of shape (n_samples, n_nominal)
        Levels of the columns of categories, from 0; each column is contiguous.
    continuous, nominal : ndarray of int
        Positions of both kinds of columns.
    whole : ndarray of shape (n_numbers,)
        True for numeric columns of whole numbers or truth values.
    """

    numbers: np.ndarray
    codes: np.ndarray
    continuous: np.ndarray
    nominal: np.ndarray
    whole: np.ndarray


class MixedRows(NamedTuple):
    """Synthetic rows, before they are put into the container of the user.

    Attributes
    ----------
    numbers : ndarray of shape (n_new, n_numbers)
        Values of numeric columns, in floating point.
    sources : ndarray of shape (n_new, n_nominal)
        Row whose category is taken, for each nominal column.
    """

    numbers: np.ndarray
    sources: np.ndarray


def check_mixed(estimator, X, accept_sparse=False):
    """Check a table that may have categories; read no column of it.

    Parameters
    ----------
    estimator : estimator object
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.
    accept_sparse : bool or list of str, default=False
        As for scikit-learn's ``check_array``.

    Returns
    -------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        A frame as it is; an array of objects if it has categories.
    """
    if library_of(X) is not None:
        validate_data(estimator, with_names(X), skip_check_array=True)
        if 0 in X.shape:
            raise ValueError(
                f"X has shape {X.shape}; at least one row and one column are required."
            )
        return X
    if isinstance(X, list | tuple) and np.asarray(X).dtype.kind in "US":
        # Numbers among strings stay numbers.
        X = np.array(X, dtype=object)
    options = {"accept_sparse": accept_sparse, "ensure_all_finite": False}
    return validate_data(estimator, X, dtype=None, **options)


def split_table(estimator, X, categorical_features):
    """Check a table and split it into numbers and categories.

    Parameters
    ----------
    estimator : estimator object
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : {array-like, dataframe} of shape (n_samples, n_features)
        The table.
    categorical_features : {"auto"} or array-like of shape (n_nominal,) or (n_features,)
        Nominal columns: by what they hold, by number or name, or as a mask.

    Returns
    -------
    X : {ndarray, dataframe} of shape (n_samples, n_features)
        What the columns of synthetic rows are put behind.
    table : MixedTable
        Its columns by kind.
    """
    X = check_mixed(estimator, X)
    if not isinstance(categorical_features, str):
        return X, read_table(X, np.sort(resolve_columns(categorical_features, X)))
    boxed = library_of(X) is None and X.dtype == object
    if boxed and set(column_kinds(X)) <= set(NUMBERS):
        X = check_table(X, ensure_all_finite="allow-nan", input_name="X")
    return X, read_table(X, np.flatnonzero(detect_nominal(X)))


def read_table(X, nominal):
    """Read numbers and levels.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.
    nominal : ndarray of int
        Positions of the columns of categories; all others are numbers.

    Returns
    -------
    table : MixedTable
        Its columns by kind, those of categories in the order of ``nominal``.
    """
    if sparse.issparse(X):
        X = X.toarray()
    codes = np.empty((X.shape[0], nominal.size), dtype=np.int32, order="F")
    for i, j in enumerate(nominal):
        codes[:, i] = read_levels(column_at(X, j), name_at(X, j))
    continuous = np.setdiff1d(np.arange(X.shape[1]), nominal)
    numbers, whole = _read_numbers(X, continuous)
    assert_all_finite(numbers, allow_nan=True, input_name="X")
    return MixedTable(numbers, codes, continuous, nominal, whole)


def _read_numbers(X, columns):
    """Return numeric columns in floating point, and which hold whole numbers."""
    single, double = np.dtype(np.float32), np.float64
    kind = X.dtype.kind if library_of(X) is None else "O"
    if kind in "fb" or (kind in "iu" and not is_wide(X)):
        numbers = X if columns.size == X.shape[1] else X[:, columns]
        numbers = np.ascontiguousarray(numbers, single if X.dtype == single else double)
        return numbers, np.full(columns.size, kind != "f")
    read = [read_numbers(column_at(X, j), name_at(X, j)) for j in columns]
    is_single = bool(read) and all(values.dtype == single for values, _ in read)
    numbers = np.empty((X.shape[0], columns.size), single if is_single else double)
    for i, (values, _) in enumerate(read):
        numbers[:, i] = values
    return numbers, np.array([is_whole for _, is_whole in read], dtype=bool)


def first_rows(codes):
    """Return rows in which every level of every nominal column appears.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_nominal)
        Levels of the nominal columns.

    Returns
    -------
    rows : ndarray of shape (n_nominal, n_most_levels)
        For each column the first row with each level; the first is repeated where a
        column has fewer levels than others.
    """
    firsts = []
    for levels in codes.T:
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
    pairs = zip(columns, rows, strict=True)
    parts = [take_rows(column_at(X, j), part) for j, part in pairs]
    return table_of(parts, X, columns)


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


def extend_table(X, table, new, origin, kept=None):
    """Put synthetic rows behind the rows of a table.

    Parameters
    ----------
    X : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The given rows.
    table : MixedTable
        The same by kind of column.
    new : MixedRows
        The synthetic rows.
    origin : Origin
        What their numbers are made of.
    kept : ndarray of int, default=None
        Given rows that stay; None is all.

    Returns
    -------
    X_resampled : {ndarray, sparse matrix, dataframe} of shape \
            (n_kept + n_new, n_features)
        Of the container and types of ``X``; a frame has a new default index.
    """
    by_column = X.tocsc() if sparse.issparse(X) else X
    columns = [None] * X.shape[1]
    for i, j in enumerate(table.nominal):
        columns[j] = take_rows(column_at(by_column, j), new.sources[:, i])
    for i, j in enumerate(table.continuous):
        places = origin.of_column(i)
        values, whole = new.numbers[:, i], table.whole[i]
        columns[j] = write_column(column_at(by_column, j), values, *places, whole=whole)
    given = X if kept is None else take_rows(X, kept)
    return join_columns(given, columns)
