"""Tables of which others compute with squares or in single precision."""

import numpy as np
from scipy import sparse

# Beyond this many deviations from zero a column is centred.
_FAR = 100.0
# Ranges of columns that trees see as they are.
_NARROW, _WIDE = 1e-3, 1e30


def near_zero(X):
    """Move columns to mean zero that lie far from zero beside their spread.

    Products of such columns lose the digits in which rows differ.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The same if there is none; otherwise dense.
    offset : ndarray of shape (n_features,) or None
        What was subtracted, if anything was.
    """
    if sparse.issparse(X):
        mean, deviation = sparse_moments(X)
    else:
        mean = X.mean(axis=0, dtype=np.float64)
        deviation = X.std(axis=0, dtype=np.float64)
    spread = np.where(deviation > 0, deviation, deviation.max(initial=0.0))
    far = np.abs(mean) > _FAR * spread
    if not far.any() or not np.isfinite(mean).all():
        return X, None
    offset = np.where(far, mean, 0.0)
    dense = X.toarray() if sparse.issparse(X) else X
    return np.asarray(dense, dtype=np.float64) - offset, offset


def sparse_moments(X):
    """Return means and standard deviations of the columns of a sparse table.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features)
        The table.

    Returns
    -------
    mean, deviation : ndarray of shape (n_features,)
        Deviations are computed from differences.
    """
    X = X.tocsc()
    n_samples = max(X.shape[0], 1)
    stored = np.diff(X.indptr)
    column = np.repeat(np.arange(X.shape[1]), stored)
    mean = np.bincount(column, X.data, minlength=X.shape[1]) / n_samples
    squares = (X.data - mean[column]) ** 2
    total = np.bincount(column, squares, minlength=X.shape[1])
    total += (X.shape[0] - stored) * mean**2
    return mean, np.sqrt(total / n_samples)


def for_trees(X):
    """Bring columns that single precision blurs to the range from 0 to 1.

    Trees of scikit-learn read numbers in single precision and take values that differ
    by less than 1e-7 for equal. What a tree says does not depend on such a change.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table; NaN is passed on.

    Returns
    -------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        In single precision.
    """
    if sparse.issparse(X) and near_zero(X)[1] is not None:
        X = X.toarray()
    if sparse.issparse(X):
        size = np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel()
        unusual = (size > 0) & ((size < _NARROW) | (size > _WIDE))
        if unusual.any():
            factor = np.where(unusual, 1 / np.where(size > 0, size, 1.0), 1.0)
            X = X.tocsr() @ sparse.diags_array(factor)
        return X.astype(np.float32)
    low = np.fmin.reduce(X, axis=0).astype(np.float64)
    width = np.fmax.reduce(X, axis=0) - low
    far = np.maximum(np.abs(low), np.abs(low + width)) > 1000 * width
    unusual = (width > 0) & ((width < _NARROW) | (width > _WIDE) | far)
    if unusual.any():
        X = np.array(X, dtype=np.float64)
        X[:, unusual] = (X[:, unusual] - low[unusual]) / width[unusual]
    return X.astype(np.float32, copy=False)
