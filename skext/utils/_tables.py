"""Tables of numbers on their way into an estimator."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skext.utils._columns import column_kinds, library_of

_CURES = {
    "date": "turn them into numbers, such as days since a start, or parts of a date",
    "category": "encode them, as OneHotEncoder or OrdinalEncoder does",
    "text": "encode them, as OneHotEncoder or OrdinalEncoder does",
    "other": "give each row one number",
}
_NAMES = {
    "date": "dates or durations",
    "category": "categories",
    "text": "text",
    "other": "lists or objects",
}

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
    table = _densified(X, options)
    return _named(X, validate_data, estimator, table, *args, **options)


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
    return _named(X, check_array, _densified(X, options), **options)


def _densified(X, options):
    """Return a frame without sparse columns where no sparse tables are taken."""
    if library_of(X) != "pandas" or options.get("accept_sparse"):
        return X
    import pandas as pd

    dense = {
        name: dtype.subtype
        for name, dtype in X.dtypes.items()
        if isinstance(dtype, pd.SparseDtype)
    }
    return X.astype(dense) if dense else X


def _named(X, check, *args, **options):
    refuse_columns(X, {"date"})
    try:
        return check(*args, **options)
    except (TypeError, ValueError) as error:
        if isinstance(error, TypeError) or str(error).startswith(_CONVERSION):
            if isinstance(X, (list, tuple)):
                X = np.array(X, dtype=object)
            # Of single objects scikit-learn's suite wants the words of float().
            known = {"other"} if isinstance(error, TypeError) else set()
            refuse_columns(X, set(_CURES) - known, error)
        raise


def refuse_columns(X, kinds, cause=None):
    """Refuse a table that has columns of some kinds.

    Parameters
    ----------
    X : object
        The table; what has no columns yet, as a list, is left to other checks.
    kinds : set of str
        Kinds that are refused, as from :func:`skext.utils._columns.column_kind`.
    cause : Exception, default=None
        What made one look.

    Raises
    ------
    ValueError
        If a column is of one of them.
    """
    if library_of(X) is None and not _is_suspect(X):
        return
    found = column_kinds(X)
    wrong = [j for j, kind in enumerate(found) if kind in kinds]
    if not wrong:
        return
    kind = found[wrong[0]]
    wrong = [j for j in wrong if found[j] == kind]
    names = list(getattr(X, "columns", range(len(found))))
    shown = ", ".join(repr(names[j]) for j in wrong[:5])
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    raise ValueError(
        f"X has columns of {_NAMES[kind]} ({shown}{more}), which are no numbers; "
        f"{_CURES[kind]}."
    ) from cause


def _is_suspect(X):
    dtype = getattr(X, "dtype", None)
    kind = getattr(dtype, "kind", None)
    return kind in ("O", "M", "m", "U", "S") and getattr(X, "ndim", 0) == 2
