"""Tables of all kinds: checked, taken apart and put together again."""

import sys

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skext.utils._columns import column_kinds, library_of
from skext.utils._sklearn import safe_indexing

_ENCODE = "encode them, as OneHotEncoder or OrdinalEncoder does"
# What columns hold that are no numbers, and what makes numbers of it.
_HELD = {
    "boolean": ("truth values", "turn them into zeros and ones"),
    "category": ("categories", _ENCODE),
    "complex": ("complex numbers", "give their parts as columns"),
    "date": (
        "dates or durations",
        "turn them into numbers, such as days since a start, or parts of a date",
    ),
    "other": ("lists or objects", "give each row one number"),
    "text": ("text", _ENCODE),
}
NO_NUMBERS = frozenset(_HELD)
"""Kinds of columns between whose values nothing lies."""

# How the errors of a conversion begin, in contrast to those of a check of values.
_CONVERSION = ("could not convert", "setting an array element")


def validate_table(estimator, X, *args, **options):
    """Check a table as ``sklearn.utils.validation.validate_data`` does.

    Dates are refused, which become nanoseconds or days otherwise; columns that
    cannot become numbers are named.

    Parameters
    ----------
    estimator : estimator object
        Whose table it is.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.
    *args, **options
        What ``validate_data`` takes.

    Returns
    -------
    checked : ndarray, sparse matrix, or tuple of these
        As from ``validate_data``.

    Raises
    ------
    ValueError
        If a column holds dates, or no numbers.
    """
    return _named(X, lambda X: validate_data(estimator, X, *args, **options), options)


def check_table(X, **options):
    """Check a table as ``sklearn.utils.check_array`` does, with the same refusals.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.
    **options
        What ``check_array`` takes.

    Returns
    -------
    checked : {ndarray, sparse matrix}
        As from ``check_array``.

    Raises
    ------
    ValueError
        If a column holds dates, or no numbers.
    """
    return _named(X, lambda X: check_array(X, **options), options)


def _densified(X, options):
    """Return a frame without sparse columns where no sparse tables are taken.

    Nor are those taken that leave out other values than zeros.
    """
    if library_of(X) != "pandas":
        return X
    import pandas as pd

    sparse_columns = {
        name: dtype
        for name, dtype in X.dtypes.items()
        if isinstance(dtype, pd.SparseDtype)
    }
    zeros = all(dtype.fill_value == 0 for dtype in sparse_columns.values())
    if not sparse_columns or (zeros and options.get("accept_sparse")):
        return X
    return X.astype({name: dtype.subtype for name, dtype in sparse_columns.items()})


def _named(X, check, options):
    refuse_columns(X, {"date"})
    table = _densified(X, options)
    try:
        return check(table)
    except (TypeError, ValueError) as error:
        if "NAType" not in str(error):
            explain_columns(X, error)
            raise
    import pandas as pd

    lost = pd.isna(table)
    frame = library_of(table) == "pandas"
    return check(table.mask(lost, np.nan) if frame else np.where(lost, np.nan, table))


def explain_columns(X, error, cure=None):
    """Refuse columns that made a conversion to numbers fail, if that is what failed.

    Parameters
    ----------
    X : object
        The table.
    error : Exception
        What was raised.
    cure : str, default=None
        As for :func:`refuse_columns`.
    """
    if isinstance(error, TypeError) or str(error).startswith(_CONVERSION):
        if isinstance(X, (list, tuple)):
            X = np.array(X, dtype=object)
        # Of single objects scikit-learn's suite wants the words of float().
        single = isinstance(error, TypeError) and library_of(X) is None
        known = {"other"} if single else set()
        refuse_columns(X, {"category", "date", "other", "text"} - known, error, cure)


def refuse_columns(X, kinds, cause=None, cure=None, found=None):
    """Refuse a table that has columns of some kinds.

    Parameters
    ----------
    X : object
        The table; what has no columns yet, as a list, is left to other checks.
    kinds : set of str
        Kinds that are refused, as from :func:`skext.utils._columns.column_kind`.
    cause : Exception, default=None
        What made one look.
    cure : str, default=None
        What to do about columns other than dates; None is the usual.
    found : list of str of length n_features, default=None
        What the columns hold, if it is known.

    Raises
    ------
    ValueError
        If a column is of one of them.
    """
    if library_of(X) is None:
        kind = getattr(getattr(X, "dtype", None), "kind", None)
        if kind is None or kind in "fiu" or X.ndim != 2:
            return
    found = column_kinds(X) if found is None else found
    wrong = [j for j, kind in enumerate(found) if kind in kinds]
    if wrong:
        names = getattr(X, "columns", range(len(found)))
        held = [found[j] for j in wrong]
        if cure is None or set(held) == {"date"}:
            cure = "; ".join(dict.fromkeys(_HELD[kind][1] for kind in held))
        said = columns_hold([names[j] for j in wrong], *held)
        raise ValueError(f"{said} where numbers are needed; {cure}.") from cause


def columns_hold(names, *kinds):
    """Say that some columns hold things of some kinds; the beginning of an error."""
    shown = ", ".join(map(repr, names[:5]))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    some, hold = ("Columns", "hold") if len(names) > 1 else ("Column", "holds")
    held = " and ".join(dict.fromkeys(_HELD[kind][0] for kind in kinds))
    return f"{some} {shown}{more} of X {hold} {held}"


def column_at(X, j):
    """Return a column: a series of the library of a frame, or an array."""
    library = library_of(X)
    if library == "pandas":
        return X.iloc[:, j]
    if library == "polars":
        return X.to_series(int(j))
    return X[:, [j]].toarray()[:, 0] if sparse.issparse(X) else X[:, j]


def name_at(X, j):
    """Return the name of a column, or its position."""
    return int(j) if library_of(X) is None else X.columns[j]


def is_extension(thing):
    """Tell whether something is an array of pandas, such as a Categorical."""
    pandas = sys.modules.get("pandas")
    extension = None if pandas is None else pandas.api.extensions.ExtensionArray
    return extension is not None and isinstance(thing, extension)


def take_rows(table, rows):
    """Return some rows of a table, a column or a target in its own container.

    Parameters
    ----------
    table : {array-like, sparse matrix, dataframe, series} of shape (n_samples, ...)
        The table.
    rows : ndarray of int
        Row numbers.

    Returns
    -------
    part : {ndarray, sparse matrix, dataframe, series, list} of shape (n_rows, ...)
        Of pandas with a new default index.
    """
    if isinstance(table, np.ndarray):
        return table[rows]
    if is_extension(table):
        return table.take(rows)
    if sparse.issparse(table):
        return table.tocsr()[rows].asformat(table.format)
    part = safe_indexing(table, rows)
    return part.reset_index(drop=True) if library_of(table) == "pandas" else part


def join_rows(table, more):
    """Put rows behind a table or a target, in its container and type.

    Parameters
    ----------
    table, more : {ndarray, sparse matrix, dataframe, series, list}
        Of the same container.

    Returns
    -------
    joined : {ndarray, sparse matrix, dataframe, series, list}
        Of pandas with a new default index.
    """
    library = library_of(table)
    if library == "polars":
        return sys.modules["polars"].concat([table, more])
    if library == "pandas" or is_extension(table):
        import pandas as pd

        parts = [table, more] if library else [pd.Series(table), pd.Series(more)]
        if library and table.ndim == 1:
            parts[1] = more.rename(table.name)
        joined = pd.concat(parts, ignore_index=True)
        return joined if library else joined.array
    if isinstance(table, list):
        return table + list(more)
    if sparse.issparse(table):
        return sparse.vstack([table, more.astype(table.dtype)], format=table.format)
    more = np.asarray(more).reshape(-1, *table.shape[1:])
    # Text may be longer than any in the table.
    longer = more.dtype.kind == table.dtype.kind and table.dtype.kind in "SU"
    dtype = None if longer else table.dtype
    return np.concatenate([table, more], dtype=dtype, casting="unsafe")


def table_of(columns, like, positions=slice(None)):
    """Make a table of columns, in the container of another.

    Parameters
    ----------
    columns : list of {ndarray, series} of shape (n_rows,)
        The columns; of polars with their names.
    like : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The other table.
    positions : {ndarray of int, slice}, default=slice(None)
        Which of its columns they stand for.

    Returns
    -------
    table : {ndarray, sparse matrix, dataframe} of shape (n_rows, n_columns)
        Of pandas with a new default index.
    """
    library = library_of(like)
    if library == "polars":
        return sys.modules["polars"].DataFrame(columns)
    if library == "pandas":
        import pandas as pd

        # By position: names may be repeated.
        table = pd.DataFrame(dict(enumerate(columns)))
        table.columns = like.columns[positions]
        return table
    table = np.empty((len(columns[0]), len(columns)), dtype=like.dtype)
    for j, column in enumerate(columns):
        table[:, j] = column
    return type(like)(table) if sparse.issparse(like) else table


def join_columns(table, columns):
    """Put rows, given as columns, behind a table, in its container and type.

    Parameters
    ----------
    table : {ndarray, sparse matrix, dataframe} of shape (n_samples, n_features)
        The table.
    columns : list of {ndarray, series} of shape (n_rows,)
        The columns of the other rows, as for :func:`table_of`.

    Returns
    -------
    joined : {ndarray, sparse matrix, dataframe} of shape \
            (n_samples + n_rows, n_features)
        Of pandas with a new default index.
    """
    if not isinstance(table, np.ndarray):
        return join_rows(table, table_of(columns, table))
    n_given = table.shape[0]
    joined = np.empty((n_given + len(columns[0]), len(columns)), dtype=table.dtype)
    joined[:n_given] = table
    for j, column in enumerate(columns):
        joined[n_given:, j] = column
    return joined
