"""Proximal Newton method for one strength of the penalty on one set of columns.

Parameters are ``z`` of shape (n_thresholds, width), the intercepts in the first
column: z[0] belongs to the first threshold, z[k] is the change to threshold k. Their
running sum ``theta`` is what predictors are made of.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skext.ordinal._solver.descent_kernels import (
    column_moments,
    gram_descent,
    precondition,
    row_descent,
)
from skext.ordinal._solver.design import mixed_sums, threshold_sums
from skext.ordinal._solver.kernels import barrier_rows, natural_rows, step_bound
from skext.utils._parallel import run_chunks

# Never go all the way to the border of the domain, where the loss is infinite.
_TO_BORDER = 0.99
_MAX_SWEEPS = 500
_MAX_CG = 500
# Descent is slow where columns, or rows at a barrier, are nearly dependent.
_SWEEPS_BEFORE_EXACT = 30
_MAX_EXACT_STEPS = 30
_MAX_EXACT = 2000


class Penalty(NamedTuple):
    """Elastic net for the columns of ``z``; an infinite l1 pins a weight to zero."""

    l1: np.ndarray
    """Factors of the absolute values, shape (n_thresholds, width)."""
    l2: np.ndarray
    """Factors of half the squares, shape (n_thresholds, width)."""

    @property
    def is_smooth(self):
        """Whether no finite absolute value is in the objective."""
        return bool(((self.l1 == 0.0) | np.isinf(self.l1)).all())

    @property
    def is_shared(self):
        """Whether all thresholds are made to share their weights."""
        return self.l1.shape[1] > 1 and bool(np.isinf(self.l1[1:, 1:]).all())

    def in_rows(self):
        """Return both in the one memory order that kernels are compiled for."""
        return np.ascontiguousarray(self.l1), np.ascontiguousarray(self.l2)

    def select(self, columns):
        """Return the penalty of some columns."""
        return Penalty(self.l1[:, columns], self.l2[:, columns])

    def absolute(self, z):
        """Return the part with absolute values."""
        where = z != 0.0
        return float(self.l1[where] @ np.abs(z[where]))

    def squares(self, z):
        """Return the part with squares."""
        return 0.5 * float(np.vdot(self.l2, z * z))

    def violation(self, gradient, z):
        """Return how far each weight is from optimal, for the smooth gradient."""
        free = np.maximum(np.abs(gradient) - self.l1, 0.0)
        where = z != 0.0
        free[where] = np.abs(gradient[where] + self.l1[where] * np.sign(z[where]))
        return free


class Loss(NamedTuple):
    """The smooth part of the objective as a function of the predictors."""

    rows: object
    link: int | None
    barrier: float = 0.0
    n_jobs: int | None = None

    def evaluate(self, eta):
        """Return the terms of each row and their sum, the weighted mean loss."""
        rows = self.rows
        out = np.empty((eta.shape[0], 3 * eta.shape[1]))
        fixed = (self.link, rows.y, rows.n_classes - 1, rows.weight)
        if rows.full:
            args = (*fixed, self.barrier, eta, out)
            run_chunks(barrier_rows, eta.shape[0], *args, n_jobs=self.n_jobs)
        else:
            run_chunks(natural_rows, eta.shape[0], *fixed, eta, out, n_jobs=self.n_jobs)
        return out, float(out[:, -1].sum())

    def longest_step(self, eta, step):
        """Return the largest multiple of a step that stays in the domain."""
        bounds = self.rows.bounds
        if self.rows.full:
            return step_bound(eta, step, 0, eta.shape[0])
        return step_bound(eta, step, bounds[1], bounds[-2])


class Minimum(NamedTuple):
    """Where the Newton method stopped."""

    z: np.ndarray
    eta: np.ndarray
    out: np.ndarray
    """Terms of the rows at ``eta``."""
    loss: float
    gradient: np.ndarray
    """Of the smooth part for ``z``, shape (n_thresholds, width)."""
    violation: float
    n_iter: int


def from_thresholds(gradient):
    """Return the gradient for ``z`` from that for its running sum."""
    return gradient[::-1].cumsum(axis=0)[::-1]


def minimise(loss, block, penalty, z, tol, max_iter, use_gram, start=None):
    """Minimise loss and penalty over the columns of a block.

    Parameters
    ----------
    loss : Loss
        The smooth part.
    block : DenseBlock or SparseBlock
        Columns.
    penalty : Penalty
        For these columns.
    z : ndarray of shape (n_thresholds, width)
        Start, inside of the domain.
    tol : callable
        Maps the loss to the violation at which to stop.
    max_iter : int
        Largest number of Newton steps.
    use_gram : bool
        Store the cross-products of columns.
    start : tuple of (eta, out, value), default=None
        What is known at the start.

    Returns
    -------
    minimum : Minimum
        The result.
    """
    rows = loss.rows
    m = rows.n_classes - 1 if rows.full else 2
    if start is None:
        eta = block.predictors(rows, np.cumsum(z, axis=0))
        out, value = loss.evaluate(eta)
    else:
        eta, out, value = start
    n_iter = 0
    while True:
        raw = block.gradient(rows, out[:, :m])
        gradient = from_thresholds(raw) + penalty.l2 * z
        violation = float(penalty.violation(gradient, z).max())
        # A gradient of rounding errors that is still too large for a vanishing loss
        # means that classes can be separated.
        if violation <= max(tol(value), 1e-15) or n_iter == max_iter:
            break
        n_iter += 1
        step = _direction(
            rows, block, penalty, z, raw, gradient, out, violation, use_gram
        )
        found = _search(loss, block, penalty, z, gradient, eta, value, step)
        if found is None:
            break
        z, eta, out, value = found
    return Minimum(z, eta, out, value, gradient, violation, n_iter)


def _direction(rows, block, penalty, z, raw, gradient, out, violation, use_gram):
    """Return the step in ``z`` to the minimum of the quadratic model, about."""
    m = rows.n_classes - 1 if rows.full else 2
    curvature = out[:, m:-1]
    pinned = np.isinf(penalty.l1)
    if penalty.is_smooth and (penalty.is_shared or not (use_gram or pinned.any())):
        return _conjugate_gradients(rows, block, penalty, gradient, curvature)
    # Loose while far away; then each Newton step still gains a factor.
    limit = max(1e-3 * (0.1 * violation) ** 2, 1e-28)
    if not use_gram:
        return _descend_rows(rows, block, penalty, z, out, limit)
    diag, off = block.gram(rows, curvature)
    if penalty.is_smooth and not pinned.any():
        return _solve_blocks(diag, off, penalty, raw, z)
    return _descend_gram(diag, off, penalty, raw, z, limit)


def _descend_gram(diag, off, penalty, raw, z, limit):
    """Return the step by descent, with exact solutions where descent is slow."""
    target, slope = z.copy(), raw.copy()
    step = np.zeros(z.shape)
    args = (diag, off, slope, target, *penalty.in_rows(), limit)
    if z.size > _MAX_EXACT:
        gram_descent(*args, _MAX_SWEEPS, step)
        return target - z
    hessian = None
    for _ in range(_MAX_EXACT_STEPS):
        if gram_descent(*args, _SWEEPS_BEFORE_EXACT, step) < _SWEEPS_BEFORE_EXACT:
            break
        if hessian is None:
            hessian = _for_changes(diag, off)
        _move_support(hessian, penalty, slope, target)
        change = np.cumsum(target - z, axis=0)
        slope[:] = raw + _multiply_blocks(diag, off, change)
        step[:] = change
    return target - z


def _for_changes(diag, off):
    """Return the Hessian for ``z`` from the blocks for its running sum."""
    size, width = diag.shape[:2]
    full = np.zeros((size, width, size, width))
    for k in range(size):
        full[k, :, k] = diag[k]
        if k < size - 1:
            full[k, :, k + 1] = off[k]
            full[k + 1, :, k] = off[k].T
    full = full[::-1].cumsum(axis=0)[::-1]
    full = full[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    return full.reshape(size * width, size * width)


def _multiply_blocks(diag, off, v):
    """Multiply with a block tridiagonal matrix."""
    product = np.matmul(diag, v[:, :, None])[:, :, 0]
    if off.size:
        product[:-1] += np.matmul(off, v[1:, :, None])[:, :, 0]
        product[1:] += np.matmul(off.transpose(0, 2, 1), v[:-1, :, None])[:, :, 0]
    return product


def _move_support(hessian, penalty, slope, z):
    """Move ``z`` to the minimum over its support, or until a sign would change."""
    l1, l2 = penalty.l1.ravel(), penalty.l2.ravel()
    flat = z.ravel()
    support = np.flatnonzero((flat != 0.0) | (l1 == 0.0))
    values = flat[support]
    gradient = from_thresholds(slope).ravel()[support]
    gradient += l2[support] * values + l1[support] * np.sign(values)
    part = hessian[np.ix_(support, support)]
    index = np.arange(support.size)
    scale = np.diag(part) + l2[support]
    ridge = 1e-13
    while True:
        part[index, index] = scale * (1.0 + ridge) + 1e-300
        try:
            direction = cho_solve(cho_factor(part, lower=True), -gradient)
            break
        except LinAlgError:
            ridge *= 100.0
    ends = (l1[support] > 0.0) & (values * direction < 0.0)
    ratio = np.full(support.size, np.inf)
    ratio[ends] = -values[ends] / direction[ends]
    t = min(1.0, float(ratio.min()))
    moved = values + t * direction
    moved[ratio <= t] = 0.0
    flat[support] = moved


def _descend_rows(rows, block, penalty, z, out, limit):
    """Return the step by passes over the entries of the columns."""
    m = rows.n_classes - 1 if rows.full else 2
    matrix = block.columns_for_descent()
    columns = matrix[3]
    curvature = np.ascontiguousarray(out[:, m:-1])
    shape = (2, columns.size + 1, rows.n_classes + 1)
    diag, off = np.zeros(shape), np.zeros(shape)
    column_moments(*matrix[:4], rows.first, curvature, diag[:, :-1], off[:, :-1])
    diag[0, -1, 1:-1] = threshold_sums(rows, curvature[:, :m])
    off[0, -1, 1:-2] = mixed_sums(rows, curvature[:, m:])
    target = z.copy()
    step = np.zeros(z.shape)
    residual = out[:, :m].copy()
    row_descent(
        matrix, rows.first, curvature, residual, (diag, off), target,
        penalty.in_rows(), limit, _MAX_SWEEPS, step,
    )  # fmt: skip
    return target - z


def _solve_blocks(diag, off, penalty, raw, z):
    """Solve the Newton system, block tridiagonal in the thresholds."""
    l2 = penalty.l2
    size, width = z.shape
    target = raw.copy()
    diag = diag.copy()
    entries = np.arange(width)
    for k in range(size):
        diag[k, entries, entries] += l2[k]
        target[k] += l2[k] * z[k]
        if k < size - 1:
            diag[k, entries, entries] += l2[k + 1]
            off[k, entries, entries] -= l2[k + 1]
            target[k] -= l2[k + 1] * z[k + 1]
    scale = np.maximum(diag[:, entries, entries], 0.0)
    ridge = 1e-12
    while True:
        try:
            diag[:, entries, entries] = scale * (1.0 + ridge) + 1e-300
            solution = _block_cholesky(diag, off, -target)
            break
        except LinAlgError:
            # Columns that depend on each other, or saturated rows.
            ridge *= 100.0
    solution[1:] -= solution[:-1].copy()
    return solution


def _block_cholesky(diag, off, rhs):
    """Solve a positive definite block tridiagonal system."""
    size = diag.shape[0]
    factors, solution = [], np.empty_like(rhs)
    for k in range(size):
        pivot, value = diag[k], rhs[k]
        if k > 0:
            pivot = pivot - off[k - 1].T @ cho_solve(factors[-1], off[k - 1])
            value = value - off[k - 1].T @ solution[k - 1]
        factors.append(cho_factor(pivot, lower=True))
        solution[k] = cho_solve(factors[-1], value)
    for k in range(size - 2, -1, -1):
        solution[k] -= cho_solve(factors[k], off[k] @ solution[k + 1])
    return solution


def _conjugate_gradients(rows, block, penalty, gradient, curvature):
    """Solve the Newton system without forming it, to a loose tolerance."""
    m = (curvature.shape[1] + 1) // 2
    diag = threshold_sums(rows, curvature[:, :m])
    off = mixed_sums(rows, curvature[:, m:])
    free, l2 = ~np.isinf(penalty.l1), penalty.in_rows()[1]
    shared_scale = diag.sum() + 2.0 * off.sum()

    def multiply(v):
        eta = block.predictors(rows, np.cumsum(v, axis=0))
        residual = curvature[:, :m] * eta
        residual[:, 1:] += curvature[:, m:] * eta[:, :-1]
        residual[:, :-1] += curvature[:, m:] * eta[:, 1:]
        product = from_thresholds(block.gradient(rows, residual))
        return np.where(free, product + penalty.l2 * v, 0.0)

    def solve(r):
        # Columns are nearly uncorrelated with ones, and have the scale of ones.
        beta = r.copy()
        beta[:-1] -= r[1:]
        out = np.empty_like(r)
        precondition(diag, off, l2, beta, out)
        out[1:] -= out[:-1].copy()
        if penalty.is_shared:
            out[:, 1:] = 0.0
            out[0, 1:] = r[0, 1:] / (shared_scale + penalty.l2[0, 1:])
        return out

    residual = np.where(free, -gradient, 0.0)
    step = np.zeros_like(gradient)
    preconditioned = solve(residual)
    direction = preconditioned.copy()
    energy = first = float(np.vdot(residual, preconditioned))
    forcing = min(1e-2, np.sqrt(first))
    for _ in range(_MAX_CG):
        product = multiply(direction)
        curved = float(np.vdot(direction, product))
        if not curved > 0.0:
            break
        length = energy / curved
        step += length * direction
        residual -= length * product
        preconditioned = solve(residual)
        previous, energy = energy, float(np.vdot(residual, preconditioned))
        if not energy > forcing * first:
            break
        direction = preconditioned + (energy / previous) * direction
    return step


def _search(loss, block, penalty, z, gradient, eta, value, step):
    """Shorten a step until the objective decreases enough; None if it cannot."""
    rows = loss.rows
    eta_step = block.predictors(rows, np.cumsum(step, axis=0))
    longest = _TO_BORDER * loss.longest_step(eta, eta_step)
    t = min(1.0, longest)
    absolute = penalty.absolute(z)
    before = value + absolute + penalty.squares(z)
    slope = float(np.vdot(gradient, step)) + penalty.absolute(z + step) - absolute
    if not slope < 0.0:
        return None
    while t > 1e-12:
        new_z = z + step if t == 1.0 else z + t * step
        new_eta = eta + t * eta_step
        out, new_value = loss.evaluate(new_eta)
        after = new_value + penalty.absolute(new_z) + penalty.squares(new_z)
        # Rounding is not an increase.
        if after <= before + 1e-4 * t * slope + 1e-14 * abs(before):
            return new_z, new_eta, out, new_value
        t *= 0.5
    return None
