"""Targets on their way into an estimator: labels of classes, and numbers."""

import contextlib
import sys

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.utils._columns import column_kind, library_of

# Kinds whose values arrays of numpy hold without a box around each.
_PLAIN = {"boolean": np.bool_, "integer": np.int64, "float": np.float64}
_BINARIZER = "sklearn.preprocessing.MultiLabelBinarizer"


def plain_target(y):
    """Return a target as an array of numpy, of the type that its values are of.

    Parameters
    ----------
    y : {array-like, dataframe, series, sparse matrix}
        The target.

    Returns
    -------
    y : {ndarray, sparse matrix, array of another library}
        Integers and truth values of nullable and Arrow types stay such, which become
        floats on their way through scikit-learn; where values are missing, they are
        among objects. Sparse matrices, and arrays of libraries other than numpy, are
        untouched.

    Raises
    ------
    ValueError
        If ``y`` is a list whose entries differ in length.
    """
    if sparse.issparse(y):
        return y
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(
        y, (pandas.Index, pandas.api.extensions.ExtensionArray)
    ):
        y = pandas.Series(y)
    library = library_of(y)
    if library is None:
        return y if hasattr(y, "dtype") else _plain_list(y)
    if not hasattr(y, "columns"):
        return _plain_polars(y) if library == "polars" else _plain_pandas(y)
    take = y.to_series if library == "polars" else lambda j: y.iloc[:, j]
    columns = [plain_target(take(j)) for j in range(y.shape[1])]
    return np.column_stack(columns) if columns else np.empty(y.shape)


def _plain_list(y):
    try:
        found = np.asarray(y)
    except ValueError as error:
        raise ValueError(
            "y is a list whose entries differ in length. Give one label for each row, "
            f"or, for sets of labels, the table of zeros and ones that {_BINARIZER} "
            "makes of them."
        ) from error
    # Text beside anything else would become text as a whole, missing values included.
    if found.dtype.kind not in "US" or found.ndim != 1:
        return found
    is_text = all(isinstance(value, (str, bytes)) for value in y)
    return found if is_text else np.array(y, dtype=object)


def _plain_polars(y):
    if y.null_count() == 0:
        return y.to_numpy()
    return np.array(y.to_list(), dtype=object)


def _plain_pandas(y):
    if isinstance(y.dtype, np.dtype):
        return y.to_numpy()
    arrow = getattr(y.dtype, "pyarrow_dtype", None)
    if arrow is not None and column_kind(y) == "category":
        return np.array(y.array.__arrow_array__().to_pylist(), dtype=object)
    if y.isna().any():
        return np.asarray(y.astype(object))
    kind = getattr(y.dtype, "numpy_dtype", None)
    if column_kind(y) in _PLAIN and kind is not None and kind.kind in "biuf":
        return y.to_numpy(dtype=kind)
    return np.asarray(y)


def refuse_missing(y):
    """Refuse a target with missing or infinite values.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The target.

    Raises
    ------
    ValueError
        If there are any; the first row is named.
    """
    if y.dtype.kind not in "fcOMm":
        return
    if y.dtype.kind == "f":
        missing = np.isnan(y)
    else:
        import pandas as pd

        missing = np.asarray(pd.isna(y))
    if missing.ndim > 1:
        missing = missing.any(axis=tuple(range(1, missing.ndim)))
    if missing.any():
        raise ValueError(
            f"Input y contains NaN: {missing.sum()} of {missing.size} values are "
            f"missing, the first in row {np.flatnonzero(missing)[0]}; leave these rows "
            "out, or fill in what is missing."
        )
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")


def read_labels(y):
    """Return labels of classes as an array, or say what is wrong with them.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels.

    Returns
    -------
    labels : {ndarray, sparse matrix, array of another library}
        As from :func:`plain_target`; numbers and truth values among objects leave
        them. Shape and number of classes are for other checks.

    Raises
    ------
    ValueError
        If labels are missing, dates, intervals, or of several kinds.
    """
    if y is None:
        return y
    y = plain_target(y)
    if not isinstance(y, np.ndarray):
        return y
    refuse_missing(y)
    if y.dtype.kind in "Mm":
        _refuse_dates()
    if y.dtype.kind != "O" or y.size == 0 or y.size != y.shape[0]:
        return y
    return _unboxed(y.ravel()).reshape(y.shape)


def _unboxed(values):
    """Return labels among objects as numbers or truth values, if all are such."""
    kind = column_kind(values)
    if kind in _PLAIN:
        for dtype in (_PLAIN[kind], np.uint64):
            with contextlib.suppress(OverflowError, TypeError, ValueError):
                return values.astype(dtype)
        return values
    if kind == "text":
        return values
    if kind == "date":
        _refuse_dates()
    names = sorted({type(label).__name__ for label in values})
    if names == ["Interval"]:
        raise ValueError(
            f"Unknown label type: intervals, such as {values[0]}, which scikit-learn's "
            "metrics do not know. Give y as codes, pandas.cut(..., labels=False), or "
            "as names, pandas.cut(..., labels=[...])."
        )
    shown = ", ".join(names[:5])
    if set(names) & {"dict", "frozenset", "list", "set", "tuple"}:
        cure = f"make a table of zeros and ones of them with {_BINARIZER}"
    elif len(names) > 1:
        shown = f"several kinds, {shown}"
        cure = "make all of them strings, or all of them numbers"
    else:
        cure = "turn them into strings or whole numbers"
    raise ValueError(
        f"Unknown label type: y holds values of {shown}, which cannot be told apart "
        f"and sorted; {cure}."
    )


def _refuse_dates():
    raise ValueError(
        "Unknown label type: y has dates or durations, which are neither classes nor "
        "numbers; turn them into text, or into numbers such as days since a start."
    )


def read_numbers(y):
    """Return the target of a regression as numbers, or say what is wrong with it.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Numbers.

    Returns
    -------
    numbers : ndarray of the same shape, dtype float64
        Finite.

    Raises
    ------
    ValueError
        If values are missing, infinite, dates, or no numbers.
    """
    y = plain_target(y)
    y = y.toarray() if sparse.issparse(y) else np.asarray(y)
    refuse_missing(y)
    kind = y.dtype.kind
    if kind == "O" and y.size:
        kind = column_kind(y.ravel())
    if kind in ("M", "m", "date"):
        _refuse_dates()
    if kind == "c":
        raise ValueError("Complex data not supported: y must hold real numbers.")
    try:
        numbers = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y holds no numbers ({error}); a classifier takes labels."
        ) from error
    assert_all_finite(numbers, input_name="y")
    return numbers


def refuse_fractions(labels):
    """Refuse numbers that are not whole, which scikit-learn takes for measurements.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Distinct labels.

    Raises
    ------
    ValueError
        If there is one.
    """
    if labels.dtype.kind != "f":
        return
    broken = labels[labels != np.round(labels)]
    if broken.size:
        raise ValueError(
            f"Unknown label type: continuous. y has numbers that are not whole, such "
            f"as {broken[0]:g}, which scikit-learn takes for the target of a "
            "regression. If they stand for classes, give them as codes, "
            "numpy.unique(y, return_inverse=True)[1], or as strings."
        )
