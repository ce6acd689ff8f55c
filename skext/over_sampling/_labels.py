"""Class labels on their way into a sampler."""

import numpy as np
from imblearn.utils import check_target_type
from scipy import sparse
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skext.utils._columns import column_kind, library_of

# Kinds whose values arrays of numpy hold without a box around each.
_PLAIN = {"boolean": np.bool_, "integer": np.int64, "float": np.float64}

_BINARIZER = "sklearn.preprocessing.MultiLabelBinarizer"


def check_labels(y):
    """Check labels of classes and return them as an array.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or a column of zeros and ones for each class.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        One label for each row.
    indicator : bool
        Whether ``y`` has a column for each class.

    Raises
    ------
    ValueError
        If a label is missing, or ``y`` holds no classes.
    """
    if y is None:
        raise ValueError(
            "This sampler requires y to be passed, but the target y is None."
        )
    y = plain_target(y)
    if not sparse.issparse(y):
        refuse_missing(y)
        y = unboxed(y)
    kind = type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass"):
        check_classification_targets(y)
    if kind == "multilabel-indicator":
        return check_target_type(y), True
    return column_or_1d(y), False


def plain_target(y):
    """Return a target as an array of numpy, if it is not sparse.

    Parameters
    ----------
    y : {array-like, dataframe, series, sparse matrix}
        The target.

    Returns
    -------
    y : {ndarray, sparse matrix}
        Nullable and Arrow types are replaced by those of numpy, or by objects where
        values are missing.
    """
    library = library_of(y)
    if library is None:
        return y if sparse.issparse(y) else _as_array(y)
    if hasattr(y, "columns"):
        n_columns = y.shape[1]
        take = y.to_series if library == "polars" else lambda j: y.iloc[:, j]
        columns = [plain_target(take(j)) for j in range(n_columns)]
        return np.column_stack(columns) if columns else np.empty(y.shape)
    if library == "polars":
        if y.null_count() == 0:
            return y.to_numpy()
        return np.array(y.to_list(), dtype=object)
    if isinstance(y.dtype, np.dtype):
        return y.to_numpy()
    if y.isna().any():
        return np.asarray(y.astype(object))
    kind = getattr(y.dtype, "numpy_dtype", None)
    if column_kind(y) in _PLAIN and kind is not None and kind.kind in "biuf":
        return y.to_numpy(dtype=kind)
    return np.asarray(y)


def _as_array(y):
    try:
        return np.asarray(y)
    except ValueError as error:
        raise ValueError(
            "y is a list whose entries differ in length. Give one label for each row, "
            f"or, for sets of labels, the table of zeros and ones that {_BINARIZER} "
            "makes of them."
        ) from error


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


def unboxed(y):
    """Return labels among objects as numbers or truth values, if all are such."""
    if y.dtype.kind != "O" or y.ndim != 1 or y.size == 0:
        return y
    kind = column_kind(y)
    if kind in _PLAIN:
        try:
            return y.astype(_PLAIN[kind])
        except (OverflowError, TypeError, ValueError):
            return y
    if kind != "text":
        names = sorted({type(label).__name__ for label in y})
        shown = ", ".join(names[:5])
        cure = "turn them into strings or whole numbers"
        if set(names) & {"dict", "frozenset", "list", "set", "tuple"}:
            cure = f"make a table of zeros and ones of them with {_BINARIZER}"
        raise ValueError(
            f"y holds values of type {shown}, which are no labels that can be told "
            f"apart and sorted (Unknown label type); {cure}."
        )
    return y
