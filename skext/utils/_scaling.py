"""Centres and scales of columns, in double precision."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

# Beyond these sizes squares leave double precision.
_SMALL, _LARGE = 1e-140, 1e140
#: A column is so many times its range away from zero, before its mean is in parts.
FAR = 1024.0


class Scaler(NamedTuple):
    """Mean and scale of each feature.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Subtracted.
    scale : ndarray of shape (n_features,)
        Divided by.
    parts : ndarray of shape (2, n_features) or None
        The mean in two parts, subtracted one after the other, where a feature is far
        from zero: their sum has lost digits that the differences still have.
    """

    mean: np.ndarray
    scale: np.ndarray
    parts: np.ndarray | None = None

    def center(self, X):
        """Return values from which the mean is subtracted."""
        if self.parts is None:
            return X - self.mean
        return (X - self.parts[0]) - self.parts[1]

    def __call__(self, X):
        """Return rows as a dense table, centred and scaled."""
        X = X.toarray() if sparse.issparse(X) else X
        return self.center(X) / self.scale


def fit_scaler(X, weight, standardize=True):
    """Return weighted mean and spread of each feature.

    The spread is the standard deviation or, of a feature with two values, their
    distance: the code of a rare category would be blown up by its small deviation.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Finite numbers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    standardize : bool, default=True
        False gives mean 0 and scale 1.

    Returns
    -------
    scaler : Scaler
        In float64; a constant feature has scale 1.
    """
    if not standardize:
        return Scaler(np.zeros(X.shape[1]), np.ones(X.shape[1]))
    if weight is not None and not np.all(weight):
        rows = np.flatnonzero(weight)
        X, weight = X[rows], weight[rows]
    if sparse.issparse(X):
        return _fit_sparse(X, weight)
    low, high = X.min(axis=0), X.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    unit = np.ones(X.shape[1])
    odd = (size > _LARGE) | ((size < _SMALL) & (size > 0))
    if odd.any():
        # A power of two, by which nothing is rounded.
        unit[odd] = np.exp2(np.floor(np.log2(size[odd])))
        X, low, high, size = X / unit, low / unit, high / unit, size / unit
    spread = high.astype(np.float64) - low
    varies = spread > 16 * np.finfo(np.float64).eps * size
    # These differences are exact; scikit-learn would take small ones for rounding.
    far = varies & (np.minimum(np.abs(low), np.abs(high)) > FAR * spread)
    first = np.where(far, low, 0.0)
    if far.any():
        X, low, high = X - first, low - first, high - first
    found = StandardScaler().fit(X, sample_weight=weight)
    mean, scale = found.mean_, found.scale_.copy()
    two = ((low == X) | (high == X)).all(axis=0) & varies
    scale[two] = (high - low)[two]
    scale = np.maximum(scale * unit, np.finfo(np.float64).tiny)
    parts = np.stack([first, mean]) * unit if far.any() else None
    return Scaler((first + mean) * unit, scale, parts)


def _fit_sparse(X, weight):
    """Do the same for a sparse table, whose columns are not far from zero."""
    found = StandardScaler(with_mean=False).fit(X, sample_weight=weight)
    scale = found.scale_.copy()
    X = X.tocsr()
    low, high = (f(axis=0).toarray().ravel() for f in (X.min, X.max))
    columns = X.indices
    other = (X.data != low[columns]) & (X.data != high[columns])
    n_other = np.bincount(columns, other, minlength=X.shape[1])
    gaps = np.bincount(columns, minlength=X.shape[1]) < X.shape[0]
    zero_is_third = gaps & (low != 0) & (high != 0)
    two = (n_other == 0) & ~zero_is_third & (low < high)
    scale[two] = (high - low)[two]
    return Scaler(found.mean_, scale)
