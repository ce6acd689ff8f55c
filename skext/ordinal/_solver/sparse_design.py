"""Sparse tables for the solvers: never densified, centred only in the arithmetic."""

import numpy as np
from scipy import sparse

from skext.ordinal._solver.descent_kernels import (
    gather_columns,
    scatter_columns,
)
from skext.ordinal._solver.design import Design, inverse_scale, threshold_sums


class SparseDesign(Design):
    """Sparse columns, scaled; their centres are subtracted implicitly.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features)
        Features.
    order : ndarray of shape (n_rows,)
        Rows of X by class.
    weight : ndarray of shape (n_rows,)
        Weights of these rows, with sum one.
    standardize : bool
        Divide the columns by their standard deviation.
    """

    is_sparse = True

    def __init__(self, X, order, weight, standardize):
        matrix = sparse.csc_array(sparse.csr_array(X)[order])
        matrix.sum_duplicates()
        self.n_rows, self.n_features = matrix.shape
        data, indices, indptr = matrix.data, matrix.indices, matrix.indptr
        self.mean = matrix.T @ weight
        low, high = (
            function(matrix).toarray().ravel()
            for function in (lambda m: m.min(axis=0), lambda m: m.max(axis=0))
        )
        column = np.repeat(np.arange(self.n_features), np.diff(indptr))
        centred = data - self.mean[column]
        entry_weight = weight[indices]
        square = np.bincount(column, entry_weight * centred**2, self.n_features)
        stored = np.bincount(column, entry_weight, self.n_features)
        square = square + np.maximum(1.0 - stored, 0.0) * self.mean**2
        self.inverse = inverse_scale(np.sqrt(square), low == high, standardize)
        self.informative = self.inverse > 0.0
        self.matrix = (
            indptr.astype(np.int64),
            indices.astype(np.int32),
            data * self.inverse[column],
        )
        self.centers = self.mean * self.inverse

    def select(self, features):
        """Return the design restricted to some features."""
        return SparseBlock(self.matrix, self.centers, features)

    def gradient(self, rows, residual):
        """Multiply the gradients of the rows with all columns."""
        return self.select(np.arange(self.n_features)).gradient(rows, residual)


class SparseBlock:
    """Some columns of a sparse design, and the intercepts.

    Parameters
    ----------
    matrix : tuple of ndarray
        ``indptr``, ``indices`` and ``data`` of all columns, rows sorted in each.
    centers : ndarray of shape (n_features,)
        What is subtracted from each column.
    features : ndarray of shape (n_selected,)
        Selected columns.
    """

    def __init__(self, matrix, centers, features):
        self.matrix, self.centers, self.features = matrix, centers, features

    def columns_for_descent(self):
        """Return the matrix as :func:`row_descent` takes it."""
        return (*self.matrix, self.features, self.centers)

    def predictors(self, rows, theta):
        """Return the predictors of each row: its own two, or all of them."""
        n_thresholds = theta.shape[0]
        n_predictors = n_thresholds if rows.full else 2
        offset = np.zeros(n_thresholds + 2)
        offset[1:-1] = theta[:, 0] - theta[:, 1:] @ self.centers[self.features]
        weights = np.zeros((self.features.size, n_thresholds + 2))
        weights[:, 1:-1] = theta[:, 1:].T
        eta = offset[(rows.first + 1)[:, None] + np.arange(n_predictors)]
        scatter_columns(*self.matrix, self.features, rows.first, weights, eta)
        return eta

    def gradient(self, rows, residual):
        """Sum gradients of the rows, shape (n_thresholds, 1 + n_selected)."""
        n_thresholds = rows.n_classes - 1
        total = threshold_sums(rows, residual)
        sums = np.zeros((self.features.size, n_thresholds + 2))
        residual = np.ascontiguousarray(residual)
        gather_columns(*self.matrix, self.features, rows.first, residual, sums)
        gradient = np.empty((n_thresholds, 1 + self.features.size))
        gradient[:, 0] = total
        gradient[:, 1:] = sums[:, 1:-1].T
        gradient[:, 1:] -= np.outer(total, self.centers[self.features])
        return gradient

    def gram(self, rows, curvature):
        """Return the blocks of the Hessian, as a dense block does."""
        indptr, indices, data = self.matrix
        shape = (rows.y.size, indptr.size - 1)
        table = sparse.csc_array((data, indices, indptr), shape=shape)
        table = table[:, self.features]
        n_thresholds = rows.n_classes - 1
        width = 1 + self.features.size
        m = (curvature.shape[1] + 1) // 2
        diag = np.empty((n_thresholds, width, width))
        off = np.empty((max(n_thresholds - 1, 0), width, width))
        for k in range(n_thresholds):
            # Predictor t of a row is that of threshold first + t.
            weight = np.zeros(rows.y.size)
            mixed = np.zeros(rows.y.size)
            for t in range(m):
                chosen = rows.first + t == k
                weight[chosen] = curvature[chosen, t]
                if t < m - 1:
                    mixed[chosen] = curvature[chosen, m + t]
            diag[k] = self._cross(table, weight)
            if k < n_thresholds - 1:
                off[k] = self._cross(table, mixed)
        return diag, off

    def _cross(self, table, weight):
        """Return the cross-product of centred columns and a column of ones."""
        center = self.centers[self.features]
        weighted = table.multiply(weight[:, None]).tocsc()
        first, total = weighted.sum(axis=0), weight.sum()
        out = np.empty((1 + center.size, 1 + center.size))
        out[0, 0] = total
        out[0, 1:] = out[1:, 0] = first - total * center
        out[1:, 1:] = (table.T @ weighted).toarray()
        out[1:, 1:] -= np.outer(center, first) + np.outer(
            first - total * center, center
        )
        return out
