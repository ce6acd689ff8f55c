"""Rows that are handed on to regressors as they are: their checks and weights."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import (
    assert_all_finite,
    check_consistent_length,
    column_or_1d,
    get_tags,
)
from sklearn.utils.validation import validate_data

from skext.quantile._core.base import refuse_dates
from skext.utils._quantiles.forms import is_frozen, weight_params
from skext.utils._sklearn import (
    check_method_params,
    check_sample_weight,
    safe_indexing,
)
from skext.utils._warnings import warn_user


def weigh(estimator, X, y, sample_weight, fit_params):
    """Leave out rows of weight zero, and name the other weights for a regressor.

    Parameters
    ----------
    estimator : estimator object
        The regressor.
    X, y : array-like of shape (n_samples, n_features), ndarray of shape (n_samples,)
        Rows.
    sample_weight : array-like of shape (n_samples,) or None
        Weights.
    fit_params : dict
        What else ``fit`` is given.

    Returns
    -------
    X, y : array-like of shape (n_kept, n_features), ndarray of shape (n_kept,)
        The rows that count.
    params : dict
        All that ``fit`` is given.
    """
    if sample_weight is None:
        return X, y, dict(fit_params)
    s = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    kept = np.flatnonzero(s)
    if len(kept) < len(s):
        if not len(kept):
            raise ValueError(
                "sample_weight is zero for all rows; give a weight to some."
            )
        fit_params = check_method_params(X, fit_params, indices=kept)
        X, y, s = safe_indexing(X, kept), y[kept], s[kept]
    params = weight_params(estimator, s)
    if not params and s.min() < s.max() and not is_frozen(estimator):
        warn_user(
            f"{type(estimator).__name__} takes no sample_weight: all rows of positive "
            "weight count alike."
        )
    return X, y, {**fit_params, **params}


def check_rows(estimator, X):
    """Check the number of features of new rows, leaving them to base models."""
    flat = isinstance(X, np.ndarray) and X.ndim == 1
    if flat or (isinstance(X, list | tuple) and X and np.ndim(X[0]) == 0):
        raise ValueError(
            "X must have two dimensions, got one. Reshape your data with "
            "X.reshape(1, -1) if it is a single row."
        )
    validate_data(estimator, X, reset=False, skip_check_array=True)


def check_table(estimator, X, y):
    """Register the features and check the target, leaving ``X`` to base models.

    Parameters
    ----------
    estimator : estimator object
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : array-like of shape (n_samples, n_features)
        Anything that base models take.
    y : array-like of shape (n_samples,)
        Target.

    Returns
    -------
    X : array-like of shape (n_samples, n_features)
        The same, indexable by rows.
    y : ndarray of shape (n_samples,)
        Finite numbers of float64.
    """
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but "
            "the target y is None."
        )
    refuse_dates(y)
    if issparse(X):
        if not get_tags(estimator).input_tags.sparse:
            raise TypeError(
                f"Sparse data was passed for X, but {type(estimator).__name__} with "
                "these base models takes dense data only; use X.toarray()."
            )
        X = X.tocsr()
    elif not hasattr(X, "shape"):
        X = np.asarray(X)
    validate_data(estimator, X, y, skip_check_array=True)
    y = np.asarray(y)
    if y.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: y has the type {y.dtype}.")
    if y.dtype.kind in "SU":
        raise ValueError(
            f"y has the type {y.dtype} and must be numeric; convert it to numbers."
        )
    try:
        y = column_or_1d(y, dtype=np.float64, warn=True)
    except (TypeError, ValueError) as error:
        if y.ndim > 1 and y.shape[1] > 1:
            raise ValueError(
                f"y has the shape {y.shape} and must be one-dimensional; fit one model "
                "for each output."
            ) from error
        raise ValueError(
            f"y has the type {y.dtype} and must be numeric ({error})."
        ) from error
    assert_all_finite(y, input_name="y")
    check_consistent_length(X, y)
    return X, y
