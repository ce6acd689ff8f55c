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

from skext.over_sampling._mixed_kernels import search_mixed
from skext.over_sampling._neighbors import NeighborEngine
from skext.utils._columns import library_of
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
        Nominal columns: by type, by number or name, or as a mask.

    Returns
    -------
    X : {ndarray, dataframe} of shape (n_samples, n_features)
        What the columns of synthetic rows are put behind.
    table : MixedTable
        Its columns by kind.
    """
    automatic = isinstance(categorical_features, str)
    if library_of(X) is None:
        dtype = "numeric" if automatic else None
        X = validate_data(
            estimator,
            X,
            dtype=dtype,
            ensure_all_finite="allow-nan" if automatic else False,
        )
        types = [X.dtype] * X.shape[1]
        found = np.full(X.shape[1], X.dtype.kind == "b")
    else:
        validate_data(estimator, X, skip_check_array=True)
        types = list(X.dtypes)
        found = np.array([not _is_number(dtype) for dtype in types], dtype=bool)
    nominal = found
    if not automatic:
        names = getattr(X, "columns", None)
        nominal = _named_columns(categorical_features, X.shape[1], names)
    _refuse_numbers(found & ~nominal & (library_of(X) is not None), X)
    numbers = _numbers(X, np.flatnonzero(~nominal))
    codes = np.empty((X.shape[0], nominal.sum()), dtype=np.int64)
    for column, j in enumerate(np.flatnonzero(nominal)):
        codes[:, column] = _codes(_column(X, j))
    whole = [is_whole(dtype) for dtype in types]
    return X, MixedTable(numbers, codes, nominal, np.array(whole, bool)[~nominal])


def _is_number(dtype):
    if hasattr(dtype, "is_numeric"):
        return dtype.is_numeric()
    from pandas.api import types as check

    return check.is_numeric_dtype(dtype) and not check.is_bool_dtype(dtype)


def is_whole(dtype):
    if hasattr(dtype, "is_integer"):
        return dtype.is_integer()
    if isinstance(dtype, np.dtype):
        return dtype.kind in "iu"
    from pandas.api.types import is_integer_dtype

    return is_integer_dtype(dtype)


def _named_columns(chosen, n_features, names):
    """Turn numbers, names or a mask of columns into a mask."""
    chosen = np.asarray(chosen)
    if chosen.dtype.kind == "b" and chosen.shape == (n_features,):
        return chosen
    known = list(range(n_features))
    if chosen.dtype.kind not in "iu":
        known = [] if names is None else list(names)
    mask = np.zeros(n_features, dtype=bool)
    for name in chosen.ravel().tolist():
        place = name + n_features if isinstance(name, int) and name < 0 else name
        if place not in known or chosen.dtype.kind == "b":
            raise ValueError(
                f"categorical_features={chosen.tolist()!r} does not fit to a table of "
                f"{n_features} columns; give numbers of columns, names of columns of "
                "a data frame, or one truth value for each column."
            )
        mask[known.index(place)] = True
    return mask


def _refuse_numbers(wrong, X):
    if wrong.any():
        columns = np.asarray(X.columns, dtype=object)[wrong].tolist()
        raise ValueError(
            f"X has columns that are neither numbers nor among categorical_features "
            f"({', '.join(map(repr, columns[:5]))}); name them there, or leave it at "
            "'auto'."
        )


def _column(X, j):
    library = library_of(X)
    if library == "polars":
        return X[:, int(j)]
    return X.iloc[:, j] if library == "pandas" else X[:, j]


def _numbers(X, columns):
    """Return numeric columns in floating point, checked."""
    library = library_of(X)
    if library == "pandas":
        numbers = X.iloc[:, columns].to_numpy(dtype=np.float64, na_value=np.nan)
    elif library == "polars":
        numbers = np.empty((X.shape[0], columns.size))
        for place, j in enumerate(columns):
            numbers[:, place] = X[:, int(j)].cast(float).to_numpy()
    else:
        numbers = X if columns.size == X.shape[1] else X[:, columns]
        if numbers.dtype.kind != "f" or numbers.dtype.itemsize < 4:
            numbers = numbers.astype(np.float64)
    if columns.size > 0:
        check_array(numbers, ensure_all_finite="allow-nan", input_name="X")
    return numbers


def _codes(column):
    """Give a number to each category of a column, of which missing is one."""
    import pandas as pd

    if library_of(column) == "polars":
        column = np.array(column.to_list(), dtype=object)
    return pd.factorize(column, use_na_sentinel=False)[0]


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


def extend_table(X, kept, table, new):
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

    Returns
    -------
    X_resampled : {ndarray, dataframe} of shape (n_kept + n_new, n_features)
        Every column has the type it had.
    """
    place = np.where(table.nominal, np.cumsum(table.nominal), np.cumsum(~table.nominal))
    columns = [
        (new.sources if nominal else new.numbers)[:, place[j] - 1]
        for j, nominal in enumerate(table.nominal)
    ]
    if library_of(X) is None:
        out = np.empty((kept.size + len(new.numbers), X.shape[1]), dtype=X.dtype)
        out[: kept.size] = X[kept]
        for j, (column, nominal) in enumerate(zip(columns, table.nominal, strict=True)):
            out[kept.size :, j] = X[column, j] if nominal else fit_to(column, X.dtype)
        return out
    return _extend_frame(X, kept, columns, table.nominal)


def _extend_frame(X, kept, columns, nominal):
    if library_of(X) == "polars":
        polars = sys.modules["polars"]
        parts = [
            X[:, j][column] if taken else _polars_numbers(X[:, j], column)
            for j, (column, taken) in enumerate(zip(columns, nominal, strict=True))
        ]
        return polars.concat([X[kept], polars.DataFrame(parts)])
    import pandas as pd

    parts = {}
    for j, (column, taken) in enumerate(zip(columns, nominal, strict=True)):
        # By position: names may be repeated.
        given = X.iloc[:, j]
        if taken:
            parts[j] = given.iloc[column].reset_index(drop=True)
        else:
            parts[j] = pd.Series(fit_to(column, given.dtype)).astype(given.dtype)
    new = pd.DataFrame(parts)
    new.columns = X.columns
    return pd.concat([X.iloc[kept], new], ignore_index=True)


def _polars_numbers(given, values):
    nulls = given.dtype.is_integer() or given.null_count() > 0
    polars = sys.modules["polars"]
    values = np.ascontiguousarray(values, dtype=np.float64)
    return polars.Series(given.name, values, nan_to_null=nulls).cast(given.dtype)


def fit_to(values, dtype):
    """Keep values of a column of whole numbers within the range of its type.

    Parameters
    ----------
    values : ndarray of shape (n_new,)
        Synthetic values.
    dtype : dtype
        Type of the column.

    Returns
    -------
    values : ndarray of shape (n_new,)
        The same, but for values beyond the range.
    """
    dtype = getattr(dtype, "numpy_dtype", dtype)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iu":
        return values
    limits = np.iinfo(dtype)
    # The largest of 64 bits is no float.
    high = limits.max if dtype.itemsize < 8 else np.nextafter(float(limits.max), 0)
    return np.clip(values, limits.min, high)
