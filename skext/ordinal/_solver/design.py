"""Rows and tables as the solvers see them: sorted by class, columns scaled.

Dense tables are here, sparse ones in ``sparse_design.py``.
"""

from typing import NamedTuple

import numpy as np

# Blocks of rows that stay in the processor's cache.
_BLOCK_BYTES = 1 << 19


class Rows(NamedTuple):
    """Targets of the rows, sorted by class."""

    y: np.ndarray
    """Class of each row, shape (n_samples,)."""
    weight: np.ndarray
    """Weights that sum to one, shape (n_samples,)."""
    bounds: np.ndarray
    """First row of each class and the end, shape (n_classes + 1,)."""
    first: np.ndarray
    """Threshold of the first predictor of each row, ``y - 1`` or 0."""
    full: bool = False
    """Whether rows have all predictors instead of their own two."""

    @property
    def n_classes(self):
        """Number of classes."""
        return self.bounds.size - 1

    @property
    def shares(self):
        """Weighted share of each class."""
        return np.add.reduceat(self.weight, self.bounds[:-1])

    def with_all_predictors(self):
        """Return the same rows for a loss that looks at all predictors."""
        return self._replace(first=np.zeros_like(self.first), full=True)


def threshold_sums(rows, values):
    """Sum columns of rows over the thresholds that they belong to.

    Parameters
    ----------
    rows : Rows
        The targets.
    values : ndarray of shape (n_rows, m)
        Column t belongs to the threshold ``first + t``.

    Returns
    -------
    sums : ndarray of shape (n_classes - 1,)
        Sums.
    """
    if rows.full:
        return values.sum(axis=0)
    by_class = np.add.reduceat(values, rows.bounds[:-1], axis=0)
    sums = (
        by_class[:-1, 1].copy() if values.shape[1] > 1 else np.zeros(len(by_class) - 1)
    )
    sums += by_class[1:, 0]
    return sums


def mixed_sums(rows, mixed):
    """Sum mixed derivatives between the thresholds k and k + 1.

    Parameters
    ----------
    rows : Rows
        The targets.
    mixed : ndarray of shape (n_rows, m - 1)
        Column t is between the thresholds ``first + t`` and ``first + t + 1``.

    Returns
    -------
    sums : ndarray of shape (n_classes - 2,)
        Sums.
    """
    if rows.full:
        return mixed.sum(axis=0)
    return np.add.reduceat(mixed[:, 0], rows.bounds[:-1])[1:-1]


def inverse_scale(deviation, constant, standardize):
    """Return factors for columns.

    Parameters
    ----------
    deviation : ndarray of shape (n_features,)
        Standard deviations.
    constant : ndarray of shape (n_features,)
        Which columns do not vary.
    standardize : bool
        Divide by the standard deviation.

    Returns
    -------
    inverse : ndarray of shape (n_features,)
        Zero for columns that do not vary.
    """
    if not standardize:
        return np.where(constant, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        inverse = 1.0 / deviation
    return np.where(constant | ~np.isfinite(inverse), 0.0, inverse)


class Design:
    """Change between parameters for given columns and for scaled ones."""

    def original(self, theta):
        """Return intercepts and weights for columns as they were given.

        Parameters
        ----------
        theta : ndarray of shape (n_thresholds, 1 + n_features)
            Parameters for centred and scaled columns, intercepts first.

        Returns
        -------
        intercepts : ndarray of shape (n_thresholds,)
            Intercepts.
        coefs : ndarray of shape (n_thresholds, n_features)
            Weights.
        """
        coefs = theta[:, 1:] * self.inverse
        return theta[:, 0] - coefs @ self.mean, coefs

    def scaled(self, intercepts, coefs):
        """Return parameters for the scaled columns; the inverse of ``original``.

        Parameters
        ----------
        intercepts : ndarray of shape (n_thresholds,)
            Intercepts.
        coefs : ndarray of shape (n_thresholds, n_features)
            Weights.

        Returns
        -------
        theta : ndarray of shape (n_thresholds, 1 + n_features)
            Parameters; zero for columns that do not vary.
        """
        theta = np.zeros((intercepts.size, self.inverse.size + 1))
        usable = self.inverse > 0.0
        theta[:, 1:][:, usable] = coefs[:, usable] / self.inverse[usable]
        theta[:, 0] = intercepts + coefs[:, usable] @ self.mean[usable]
        return theta


def _blocks(start, stop, height):
    """Cut a range into ranges of bounded length."""
    for first in range(start, stop, height):
        yield first, min(first + height, stop)


def _height(width):
    """Return a number of rows whose block stays in the cache."""
    return max(64, _BLOCK_BYTES // (8 * width))


class DenseDesign(Design):
    """Centred and scaled columns, one after the other, behind a column of ones.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features.
    order : ndarray of shape (n_rows,)
        Rows of X by class.
    weight : ndarray of shape (n_rows,)
        Weights of these rows, with sum one.
    standardize : bool
        Divide the columns by their standard deviation.
    """

    def __init__(self, X, order, weight, standardize):
        n_rows, n_features = order.size, X.shape[1]
        columns = np.empty((n_features + 1, n_rows))
        columns[0] = 1.0
        table = columns[1:]
        blocks = list(_blocks(0, n_rows, max(64, _height(n_features + 1) // 4)))
        # Far from zero a mean loses digits: the mean of some rows goes first.
        base = X[order[blocks[0][0] : blocks[0][1]]].mean(axis=0)
        mean, square = np.zeros(n_features), np.zeros(n_features)
        with np.errstate(over="ignore", invalid="ignore"):
            for a, b in blocks:
                part = X[order[a:b]]
                part -= base
                mean += weight[a:b] @ part
                table[:, a:b] = part.T
                part *= part
                square += weight[a:b] @ part
            total = square.copy()
            square -= mean * mean
            # Otherwise rounding errors are all that is left, or squares overflow.
            good = np.isfinite(square) & (square > 1e-6 * total)
            good &= square > 1e-24 * base * base + 1e-280
        deviation = np.sqrt(np.where(good, square, 1.0))
        constant = np.zeros(n_features, dtype=bool)
        for j in np.flatnonzero(~good):
            spread = table[j].max() - table[j].min()
            constant[j] = spread == 0.0
            if not constant[j]:
                mean[j] = spread * (weight @ (table[j] / spread))
                relative = (table[j] - mean[j]) / spread
                deviation[j] = spread * np.sqrt(weight @ relative**2)
        self.mean = base + mean
        self.inverse = inverse_scale(deviation, constant, standardize)
        for a, b in blocks:
            block = table[:, a:b]
            block -= mean[:, None]
            block *= self.inverse[:, None]
        self.columns = columns
        self.n_rows, self.n_features = n_rows, n_features
        self.informative = self.inverse > 0.0
        self.is_sparse = False

    def select(self, features):
        """Return the design restricted to some features."""
        if features.size == self.n_features:
            return DenseBlock(self.columns, features)
        picked = np.concatenate(([0], features + 1))
        return DenseBlock(self.columns[picked], features)

    def gradient(self, rows, residual):
        """Multiply the gradients of the rows with all columns."""
        return DenseBlock(self.columns, None).gradient(rows, residual)


class DenseBlock:
    """Some columns of a dense design, the intercepts' one first.

    Parameters
    ----------
    columns : ndarray of shape (1 + n_selected, n_rows)
        The columns.
    features : ndarray of shape (n_selected,)
        Their positions.
    """

    def __init__(self, columns, features):
        self.columns, self.features = columns, features
        self.height = _height(columns.shape[0])
        self._stored = None

    def columns_for_descent(self):
        """Return the columns as :func:`row_descent` takes them, all entries stored."""
        if self._stored is None:
            n_selected, n_rows = self.columns.shape[0] - 1, self.columns.shape[1]
            indptr = np.arange(n_selected + 1, dtype=np.int64) * n_rows
            indices = np.tile(np.arange(n_rows, dtype=np.int32), n_selected)
            data = self.columns[1:].reshape(-1)
            numbers = np.arange(n_selected)
            self._stored = indptr, indices, data, numbers, np.zeros(n_selected)
        return self._stored

    def predictors(self, rows, theta):
        """Return the predictors of each row: its own two, or all of them."""
        if rows.full:
            return self.columns.T @ theta.T
        eta = np.empty((rows.y.size, 2))
        bounds, last = rows.bounds, rows.n_classes - 1
        for c in range(last + 1):
            block = self.columns[:, bounds[c] : bounds[c + 1]]
            part = eta[bounds[c] : bounds[c + 1]]
            if c == 0:
                part[:, 0] = 0.0
                part[:, 1] = theta[0] @ block
            elif c == last:
                part[:, 0] = theta[c - 1] @ block
                part[:, 1] = 0.0
            else:
                part[:] = (theta[c - 1 : c + 1] @ block).T
        return eta

    def gradient(self, rows, residual):
        """Sum gradients of the rows, shape (n_thresholds, 1 + n_selected)."""
        n_thresholds = rows.n_classes - 1
        if rows.full:
            return (self.columns @ residual).T
        sums = np.zeros((n_thresholds + 2, self.columns.shape[0]))
        for c in range(rows.n_classes):
            a, b = rows.bounds[c], rows.bounds[c + 1]
            sums[c : c + 2] += (self.columns[:, a:b] @ residual[a:b]).T
        return sums[1:-1]

    def cross(self, weight, start, stop):
        """Return the cross-product of rows with weights of one sign."""
        width = self.columns.shape[0]
        total = np.zeros((width, width))
        for a, b in _blocks(start, stop, self.height):
            part = self.columns[:, a:b] * np.sqrt(weight[a - start : b - start])
            # numpy sees that both are the same and computes half of the product.
            total += part @ part.T
        return total

    def _cross_some(self, weight):
        """Return the cross-product of the rows whose weight is not zero."""
        kept = np.flatnonzero(weight)
        if 2 * kept.size > weight.size:
            return self.cross(weight, 0, weight.size)
        part = DenseBlock(np.take(self.columns, kept, axis=1), None)
        return part.cross(weight[kept], 0, kept.size)

    def gram(self, rows, curvature):
        """Return the blocks of the Hessian, in the threshold index tridiagonal.

        Parameters
        ----------
        rows : Rows
            The targets.
        curvature : ndarray of shape (n_rows, 2 * m - 1)
            Second derivatives and mixed ones, for m predictors per row.

        Returns
        -------
        diag : ndarray of shape (n_thresholds, width, width)
            Blocks of the thresholds.
        off : ndarray of shape (n_thresholds - 1, width, width)
            Blocks between neighbours.
        """
        width, n_thresholds = self.columns.shape[0], rows.n_classes - 1
        diag = np.empty((n_thresholds, width, width))
        off = np.empty((max(n_thresholds - 1, 0), width, width))
        bounds = rows.bounds
        for k in range(n_thresholds):
            if rows.full:
                diag[k] = self._cross_some(curvature[:, k])
                if k < n_thresholds - 1:
                    off[k] = -self._cross_some(-curvature[:, n_thresholds + k])
                continue
            a, b, c = bounds[k : k + 3]
            weight = np.concatenate((curvature[a:b, 1], curvature[b:c, 0]))
            diag[k] = self.cross(weight, a, c)
            if k < n_thresholds - 1:
                off[k] = -self.cross(-curvature[b:c, 2], b, c)
        return diag, off
