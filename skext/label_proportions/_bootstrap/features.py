"""Features of the linear model of counts: alike in size, and without long tails."""

import numpy as np
from scipy import sparse

from skext.utils._scaling import Scaler, fit_scaler

# Where values are bent, in robust standard deviations.
_BEND = 3.0
# The middle half of a normal distribution, in standard deviations.
_MIDDLE_HALF = 1.349
# Rows and entries whose quartiles and variances are those of all.
_ENOUGH_ROWS, _ENOUGH_ENTRIES = 100_000, 50_000_000
# Rows that are written at a time.
_BLOCK = 16_384


class RobustFeatures:
    """Features whose variances add up to one, numbers also in a form without tails.

    Numbers appear twice, scaled by their standard deviation, and by their middle half
    and bent towards three of those, so that single far values decide nothing. Columns
    of two values are scaled by their distance: a rare category has a small variance.
    Sparse tables stay sparse, so that their features are not centred.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows; NaN is the mean.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    """

    def __init__(self, X, weight=None):
        thin = sparse.issparse(X)
        self.missing = None if thin or not np.isnan(X).any() else _means(X)
        X = self._filled(X)
        self.scaler = fit_scaler(X, weight)
        two = _sparse_two_values(X) if thin else _two_values(X)
        self.bent = np.flatnonzero(~two)
        most = min(_ENOUGH_ROWS, max(_ENOUGH_ENTRIES // max(X.shape[1], 1), 1))
        X = X[:: -(-X.shape[0] // most)]
        self._fit_bend(X)
        variances = _sparse_variances if thin else _variances
        plain = variances(X.multiply(1 / self.scaler.scale) if thin else self.scaler(X))
        bent = plain.copy()
        bent[self.bent] = variances(self._bent(X))
        # Two tables, of plain and of bent columns, of the same total variance. Columns
        # of two values are the same in both, and are written once.
        of_plain, of_bent = 0.5 / _total(plain), 0.5 / _total(bent)
        self.factor = np.full(X.shape[1], _root(of_plain + of_bent))
        self.factor[self.bent] = _root(of_plain)
        self.bent_factor = _root(of_bent)

    def _filled(self, X):
        if self.missing is None:
            return X
        return np.where(np.isnan(X), self.missing, X)

    def _fit_bend(self, X):
        some = X[:, self.bent]
        Z = self._some_scaled(some.toarray() if sparse.issparse(some) else some)
        low, self.middle, high = np.quantile(Z, [0.25, 0.5, 0.75], axis=0)
        half = (high - low) / _MIDDLE_HALF
        # More than half of the values may be equal.
        self.width = np.where(half > 0, half, 1.0)
        self.level = 0.0
        if sparse.issparse(X):
            # What is zero stays zero.
            self.level = self._bend(self._some_scaled(np.zeros((1, self.bent.size))))[0]
        else:
            self.level = self._bend(Z).mean(axis=0)

    def _some_scaled(self, columns):
        """Return the bent columns of a dense table, scaled."""
        parts = self.scaler.parts
        parts = None if parts is None else parts[:, self.bent]
        mean, scale = self.scaler.mean[self.bent], self.scaler.scale[self.bent]
        return Scaler(mean, scale, parts)(columns)

    def _bend(self, Z, places=slice(None)):
        """Return values without tails; sparse ones say in which columns they are."""
        t = (Z - self.middle[places]) / self.width[places]
        level = self.level[places] if np.ndim(self.level) else self.level
        return t / np.sqrt(1 + (t / _BEND) ** 2) - level

    def _bent(self, X):
        if not sparse.issparse(X):
            return self._bend(self._some_scaled(X[:, self.bent]))
        some = sparse.csr_array(X[:, self.bent], dtype=np.float64)
        places, column = some.indices, self.bent[some.indices]
        Z = (some.data - self.scaler.mean[column]) / self.scaler.scale[column]
        some.data = self._bend(Z, places)
        return some

    def __call__(self, X):
        """Return the features of rows.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        features : {ndarray, sparse array} of shape (n_samples, n_columns)
            In double precision.
        """
        if sparse.issparse(X):
            plain = sparse.csr_array(X.multiply(self.factor / self.scaler.scale))
            return sparse.hstack([plain, self.bent_factor * self._bent(X)], "csr")
        n_features = X.shape[1]
        out = np.empty((X.shape[0], n_features + self.bent.size))
        for first in range(0, X.shape[0], _BLOCK):
            block = out[first : first + _BLOCK]
            Z = block[:, :n_features]
            Z[...] = self.scaler(self._filled(X[first : first + _BLOCK]))
            block[:, n_features:] = self.bent_factor * self._bend(Z[:, self.bent])
            Z *= self.factor
        return out


def _two_values(X):
    lowest, highest = X.min(axis=0), X.max(axis=0)
    return ((lowest == X) | (highest == X)).all(axis=0)


def _sparse_two_values(X):
    X = X.tocsr()
    low, high = (f(axis=0).toarray().ravel() for f in (X.min, X.max))
    other = (X.data != low[X.indices]) & (X.data != high[X.indices])
    n_other = np.bincount(X.indices, other, minlength=X.shape[1])
    gaps = np.bincount(X.indices, minlength=X.shape[1]) < X.shape[0]
    return (n_other == 0) & ~(gaps & (low != 0) & (high != 0))


def _means(X):
    """Return means of what is known; of nothing, zero."""
    known = ~np.isnan(X)
    total = np.where(known, X, 0.0).sum(axis=0)
    return total / np.maximum(known.sum(axis=0), 1)


def _variances(X):
    return X.var(axis=0)


def _sparse_variances(X):
    square = X.multiply(X).mean(axis=0)
    return np.maximum(np.asarray(square) - np.asarray(X.mean(axis=0)) ** 2, 0.0)


def _total(variance):
    total = variance.sum()
    return total if total > 0 else 1.0


def _root(number):
    return float(np.sqrt(number))
