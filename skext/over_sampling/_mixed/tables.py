"""Tables with numbers and categories, on their way into and out of a sampler.

A category of a synthetic row is always that of a given row. Samplers therefore say
from which row each comes, and the column is asked for it: every type survives,
and no encoding has to be undone.
"""

import sys
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skext._neighbors.engine import NeighborEngine
from skext._neighbors.mixed_kernels import search_mixed
from skext.over_sampling._core.frames import (
    new_values,
    take_rows,
    with_names,
    write_column,
)
from skext.over_sampling._core.reading import (
    column_at,
    detect_nominal,
    name_at,
    read_levels,
    read_numbers,
    resolve_columns,
)
from skext.utils._columns import NUMBERS, column_kinds, library_of
from skext.utils._parallel import run_chunks


class MixedTable(NamedTuple):
    """The columns of a table by kind.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples, n_numbers)
        Numeric columns in floating point; NaN is a missing value.
    codes : ndarray of shape (n_samples, n_nominal)
        Categories as whole numbers; missing is one of them.
    nominal : ndarray of shape (n_features,)
        True for columns of categories.
    whole : ndarray of shape (n_numbers,)
        True for numeric columns of whole numbers.
    """

    numbers: np.ndarray
    codes: np.ndarray
    nominal: np.ndarray
    whole: np.ndarray


class NewRows(NamedTuple):
    """Synthetic rows, before they are put into the container of the user.

    Attributes
    ----------
    numbers : ndarray of shape (n_new, n_numbers)
        Values of numeric columns.
    sources : ndarray of shape (n_new, n_nominal)
        Row whose category is taken, for each nominal column.
    """

    numbers: np.ndarray
    sources: np.ndarray


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
    automatic = isinstance(categorical_features, str)
    if library_of(X) is None:
        X = _check_array(estimator, X, automatic)
    else:
        validate_data(estimator, with_names(X), skip_check_array=True)
        if 0 in X.shape:
            raise ValueError(
                f"X has shape {X.shape}; at least one row and one column are required."
            )
    nominal = detect_nominal(X) if automatic else np.zeros(X.shape[1], dtype=bool)
    if not automatic:
        nominal[resolve_columns(categorical_features, X)] = True
    numbers, whole = _numbers(X, np.flatnonzero(~nominal))
    codes = np.empty((X.shape[0], nominal.sum()), dtype=np.int64)
    for column, j in enumerate(np.flatnonzero(nominal)):
        codes[:, column] = read_levels(column_at(X, j), name_at(X, j))
    return X, MixedTable(numbers, codes, nominal, whole)


def _check_array(estimator, X, automatic):
    """Return an array: of numbers, or of objects if it has categories."""
    if isinstance(X, list | tuple) and np.asarray(X).dtype.kind in "US":
        # Numbers among strings stay numbers.
        X = np.array(X, dtype=object)
    X = validate_data(estimator, X, dtype=None, ensure_all_finite=False)
    boxed = X.dtype == object
    if boxed and automatic and set(column_kinds(X)) <= set(NUMBERS):
        return check_array(X, ensure_all_finite="allow-nan", input_name="X")
    return X


def _numbers(X, columns):
    """Return numeric columns in floating point, and which hold whole numbers."""
    if library_of(X) is None and X.dtype.kind in "fiub":
        numbers = X if columns.size == X.shape[1] else X[:, columns]
        if numbers.dtype.kind != "f" or numbers.dtype.itemsize not in (4, 8):
            numbers = numbers.astype(np.float64)
        whole = np.full(columns.size, X.dtype.kind != "f")
    else:
        numbers, whole = np.empty((X.shape[0], columns.size)), []
        for place, j in enumerate(columns):
            numbers[:, place], is_whole = read_numbers(column_at(X, j), name_at(X, j))
            whole.append(is_whole)
    if columns.size > 0:
        check_array(numbers, ensure_all_finite="allow-nan", input_name="X")
    return numbers, np.array(whole, dtype=bool)


def mixed_neighbors(numbers, codes, penalty, k, *, medians=False, n_jobs=None):
    """Find the nearest other rows of a table of numbers and categories.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_numbers)
        Numeric columns on a common scale; NaN is a missing value.
    codes : ndarray of shape (n_rows, n_nominal)
        Categories as whole numbers.
    penalty : float
        What a differing category adds to the squared distance.
    k : int
        Number of neighbours, less than the number of rows.
    medians : bool, default=False
        Whether distances are wanted too.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Returns
    -------
    neighbors : ndarray of shape (n_rows, k)
        Row numbers, the nearest first, equal distances by number.
    distances : ndarray of shape (n_rows, k) or None
        Their distances.
    medians : ndarray of shape (n_rows,) or None
        Median distance of each row to all others.
    """
    n_rows = numbers.shape[0]
    if codes.shape[1] == 0 and not medians:
        rows = np.arange(n_rows)
        engine = NeighborEngine(numbers, np.zeros(n_rows), n_jobs=n_jobs)
        return engine.nearest(rows, rows, k), None, None
    found = np.empty((n_rows, k), dtype=np.intp)
    distances = np.empty((n_rows, k))
    middle = np.empty(n_rows if medians else 0)
    run_chunks(
        search_mixed,
        n_rows,
        np.ascontiguousarray(numbers.T, dtype=np.float64),
        np.ascontiguousarray(codes.T),
        float(penalty),
        bool(np.isnan(numbers.sum())),
        found,
        distances,
        middle,
        n_jobs=n_jobs,
        min_chunk=32,
    )
    return found, distances, middle if medians else None


def vote(rng, codes, neighbors):
    """Choose the most frequent category among some rows.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Decides ties, for each synthetic row and column anew.
    codes : ndarray of shape (n_samples, n_nominal)
        Categories.
    neighbors : ndarray of shape (n_new, k)
        Rows that vote.

    Returns
    -------
    sources : ndarray of shape (n_new, n_nominal)
        A row with the winning category.
    """
    sources = np.empty((neighbors.shape[0], codes.shape[1]), dtype=np.intp)
    for column in range(codes.shape[1]):
        ballots = codes[neighbors, column]
        counts = np.zeros(ballots.shape)
        for voter in range(ballots.shape[1]):
            counts += ballots == ballots[:, [voter]]
        counts += rng.uniform(size=counts.shape)
        winner = counts.argmax(axis=1)
        sources[:, column] = neighbors[np.arange(len(neighbors)), winner]
    return sources


def extend_table(X, kept, table, new, origin):
    """Put synthetic rows behind the rows of a table.

    Parameters
    ----------
    X : {ndarray, dataframe} of shape (n_samples, n_features)
        The given rows.
    kept : ndarray of shape (n_kept,)
        Those that stay.
    table : MixedTable
        Kinds of the columns.
    new : NewRows
        The synthetic rows.
    origin : Origin
        What their numbers are made of.

    Returns
    -------
    X_resampled : {ndarray, dataframe} of shape (n_kept + n_new, n_features)
        Every column has the type it had.
    """
    library = library_of(X)
    write = new_values if library is None else write_column
    place = np.where(table.nominal, np.cumsum(table.nominal), np.cumsum(~table.nominal))
    columns = []
    for j, nominal in enumerate(table.nominal):
        given, i = column_at(X, j), place[j] - 1
        if nominal:
            columns.append(take_rows(given, new.sources[:, i]))
        else:
            columns.append(write(given, new.numbers[:, i], *origin.of_column(i)))
    if library is None:
        out = np.empty((kept.size + len(new.numbers), X.shape[1]), dtype=X.dtype)
        out[: kept.size] = X[kept]
        for j, column in enumerate(columns):
            out[kept.size :, j] = column
        return out
    if library == "polars":
        polars = sys.modules["polars"]
        return polars.concat([X[kept], polars.DataFrame(columns)])
    import pandas as pd

    # By position: names may be repeated.
    rows = pd.DataFrame(dict(enumerate(columns)))
    rows.columns = X.columns
    return pd.concat([X.iloc[kept], rows], ignore_index=True)
