"""Scales of columns, for learners that see all of them in the same way."""

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler


def center_and_scale(X, weight=None):
    """Return weighted mean and spread of each column.

    The spread is the standard deviation or, of a column with two values, their
    distance: the code of a rare category would be blown up by its small deviation.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Finite numbers.
    weight : ndarray of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    mean : ndarray of shape (n_features,)
        In float64.
    scale : ndarray of shape (n_features,)
        In float64; 1 for a constant column.
    """
    found = StandardScaler(with_mean=not sparse.issparse(X))
    found.fit(X, sample_weight=weight)
    if weight is not None and not np.all(weight):
        X = X[np.flatnonzero(weight)]
    scale = found.scale_.copy()
    two, distance = _two_values(X)
    scale[two] = distance[two]
    return found.mean_, scale


def _two_values(X):
    """Tell which columns have two values, and return the distance of the extremes."""
    if not sparse.issparse(X):
        low, high = X.min(axis=0), X.max(axis=0)
        return ((low == X) | (high == X)).all(axis=0) & (low < high), high - low
    X = X.tocsr()
    low, high = (f(axis=0).toarray().ravel() for f in (X.min, X.max))
    columns = X.indices
    other = (X.data != low[columns]) & (X.data != high[columns])
    n_other = np.bincount(columns, other, minlength=X.shape[1])
    gaps = np.bincount(columns, minlength=X.shape[1]) < X.shape[0]
    zero_is_third = gaps & (low != 0) & (high != 0)
    return (n_other == 0) & ~zero_is_third & (low < high), high - low
