"""Constraints, blocks of rows, and the units in which they are solved."""

from typing import NamedTuple

import numpy as np

# A direction in which columns differ by less than this many of their roundings is none.
_NOISE = 16.0


class Constraint(NamedTuple):
    """What the weights of the models must obey; an intercept is always free."""

    positive: bool
    total: bool


CONSTRAINTS = {
    "simplex": Constraint(positive=True, total=True),
    "nonneg": Constraint(positive=True, total=False),
    "affine": Constraint(positive=False, total=True),
    "free": Constraint(positive=False, total=False),
}


class Block(NamedTuple):
    """One optimisation problem: rows with levels and weights.

    Attributes
    ----------
    A : ndarray of shape (n_columns, n_rows)
        Table of float64 that the solver may overwrite.
    y : ndarray of shape (n_rows,)
        Target.
    tau, s : ndarrays of shape (n_rows,)
        Level and positive weight of each row.
    linear : ndarray of shape (n_columns + 1,)
        What rows outside of the block add to the gradient of the weights; the last
        entry belongs to the intercept.
    scale : float
        Loss that the gap is measured against; 0 for the loss of the block.
    constant : float
        What a shift of the weights has added to the linear term.
    center : ndarray of shape (n_columns,) or 0
        What was subtracted from the columns, row by row, to compute ``linear``.
    eps : float
        Rounding of one number of the table, relative to it.
    """

    A: np.ndarray
    y: np.ndarray
    tau: np.ndarray
    s: np.ndarray
    linear: np.ndarray
    scale: float = 0.0
    constant: float = 0.0
    center: np.ndarray | float = 0.0
    eps: float = float(np.finfo(np.float64).eps)


class Way(NamedTuple):
    """How the weights of the table follow from those that the solver works with.

    The last row of all belongs to the intercept; ``unit`` is how large weights are that
    move quantiles by the size of the target.
    """

    matrix: np.ndarray
    shift: np.ndarray
    weight: float
    unit: np.ndarray

    def back(self, x, n_models):
        """Return weights and intercept of the given table."""
        w = self.shift + self.matrix @ x
        return w[:n_models], float(w[n_models])

    def product(self, linear, center):
        """Return what a linear term is for the weights of the solver, and a constant.

        ``linear`` has products with columns from which ``center`` was subtracted.
        """
        center = np.broadcast_to(center, len(linear) - 1)
        constant = self.matrix[-1] + center @ self.matrix[:-1]
        of_shift = self.shift[-1] + center @ self.shift[:-1]
        return (
            linear[:-1] @ self.matrix[:-1] + linear[-1] * constant,
            float(linear[:-1] @ self.shift[:-1] + linear[-1] * of_shift),
        )


def rescale(block, constraint, fit_intercept):
    """Bring a block into a well-conditioned form in place.

    With weights that sum to one, the mean of the models may be subtracted from every
    row; with an intercept, the mean of every column. Weights without a sign are
    replaced by those of an orthonormal basis.

    Returns
    -------
    scaled : Block
        The problem to solve.
    constraint : Constraint
        Its constraint.
    way : Way
        The way back.
    """
    A, y, n_models = block.A, block.y.copy(), block.A.shape[0]
    noise = np.zeros(n_models + fit_intercept)
    if not constraint.positive:
        noise[:n_models] = block.eps * np.abs(A).max(axis=1)
    # Weighted means, so that a row of weight two is the same as two rows.
    share = block.s / block.s.sum()
    size, sizes = share @ np.abs(y), np.abs(A) @ share
    if constraint.total:
        center = A.mean(axis=0)
        A -= center
        y -= center
    means, y_mean = np.zeros(n_models), 0.0
    if fit_intercept:
        means, y_mean = A @ share, share @ y
        A -= means[:, np.newaxis]
        y -= y_mean
    # What is left of a constant column is rounding.
    A[np.abs(A) @ share <= 1e-13 * sizes] = 0.0
    target = share @ np.abs(y)
    if target <= 1e-14 * size:
        target = 1.0
    columns = np.full(n_models, target)
    if not constraint.total:
        columns = np.sqrt(np.einsum("ij,ij,j->i", A, A, share))
        columns[columns == 0] = 1.0
    A /= columns[:, np.newaxis]
    # Weights and intercept of the given table, from those of the scaled one.
    matrix = np.zeros((n_models + 1, n_models + fit_intercept))
    shift = np.zeros(n_models + 1)
    matrix[:n_models, :n_models] = np.diag(target / columns)
    shift[n_models] = y_mean
    if fit_intercept:
        matrix[n_models, :n_models] = -means * target / columns
        matrix[n_models, n_models] = target
        A = np.concatenate([A, np.ones((1, A.shape[1]))])
    y /= target
    if not constraint.positive:
        noise[:n_models] /= columns
        A, y, basis, origin = _orthonormal(
            A, y, share, n_models, constraint.total, noise
        )
        shift += matrix @ origin
        matrix = matrix @ basis
        constraint = CONSTRAINTS["free"]
    weight = block.s.mean()
    unit = target * weight
    way = Way(matrix, shift, weight, np.append(target / columns, target))
    linear, constant = way.product(block.linear, block.center)
    scaled = Block(
        A,
        y,
        block.tau,
        block.s / weight,
        linear / unit,
        block.scale / unit,
        constant / unit,
    )
    return scaled, constraint, way


def _orthonormal(A, y, share, n_models, total, noise):
    """Replace columns without a sign by orthogonal ones of mean square one.

    ``noise`` is the rounding of the numbers in each column.

    Returns
    -------
    Q : ndarray of shape (n_basis, n_rows)
        The new columns.
    y : ndarray of shape (n_rows,)
        What is left to fit.
    basis : ndarray of shape (n_columns, n_basis)
        Weights of the old columns from those of the new ones.
    origin : ndarray of shape (n_columns,)
        Weights that all new weights zero stand for.
    """
    n_columns = A.shape[0]
    origin, basis = np.zeros(n_columns), np.eye(n_columns)
    if total:
        # Differences to the mean of the models keep the sum of the weights.
        origin[:n_models] = 1.0 / n_models
        basis[:n_models, :n_models] -= 1.0 / n_models
        y = y - origin @ A
        A = basis.T @ A
    # The basis of singular vectors gives collinear columns the smallest weights.
    R = np.linalg.qr((A * np.sqrt(share)).T, mode="r")
    _, values, rotation = np.linalg.svd(R, full_matrices=False)
    # What remains of columns that differ by their offsets is the rounding of their
    # numbers: a model of it would need weights that drown predictions in rounding.
    least = np.minimum(_NOISE * np.sqrt(rotation**2 @ noise**2), 1e-2 * values[0])
    rank = max(1, int((values > np.maximum(1e-13 * values[0], least)).sum()))
    inverse = np.zeros((n_columns, rank))
    if values[0] > 0:
        inverse = rotation[:rank].T / values[:rank]
    Q = inverse.T @ A
    return Q, y, basis @ inverse, origin
