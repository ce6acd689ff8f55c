"""Primal-dual interior-point method for one weighted sum of pinball losses."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dpotrf, dpotrs

from skext.quantile._solver import kernels as _kernels
from skext.quantile._solver.blocks import Way, rescale

# Share of the way to the boundary that a step may take.
_TO_BOUNDARY = 0.9995
# Complementarity never becomes smaller than this share of its first value.
_TINY = 1e-30
# A loss below this share of the one without any model counts as zero in gaps, and so
# does one that is below rounding for targets far from zero.
_PERFECT, _ROUNDING = 1e-5, 1e-10
# Smallest first residual, in typical values of the target.
_LEAST_START = 1e-3
# Iterations without a smaller gap after which steps get shorter and nearer to the
# centre, as the usual ones can go round in circles, and after which rounding has won.
_CAREFUL, _PATIENCE = 4, 20


class Point(NamedTuple):
    """Solution of a block."""

    w: np.ndarray
    intercept: float
    a: np.ndarray
    gap: float
    n_iter: int
    way: Way
    solver: "_Solver"


def least_loss(y, s):
    """Return the loss that gaps of a perfect fit are measured against."""
    spread, size = _sizes(y, s)
    return max(_PERFECT * spread, _ROUNDING * size) or 1.0


def _sizes(y, s):
    """Return how far targets are from their median and from zero, summed."""
    spread = np.vdot(s, np.abs(y - np.median(y)))
    return float(spread), float(np.vdot(s, np.abs(y)))


def is_optimal(gap, loss, y, s, tol):
    """Tell whether gaps are as small as wanted, or as rounding allows.

    Parameters
    ----------
    gap, loss : ndarrays of shape (n_blocks,)
        Relative gaps and losses of problems with the same target.
    y, s : ndarrays of shape (n_rows,)
        Target and weights of the rows.
    tol : float
        Gap that was asked for.

    Returns
    -------
    optimal : bool
        Whether all of them are; a perfect fit leaves nothing but rounding.
    """
    scale = np.maximum(loss, least_loss(y, s))
    spread, size = _sizes(y, s)
    # Errors of the sums over rows in the units of the solver, and of the targets.
    enough = np.maximum(max(100 * tol, 1e-8) * scale, 1e-11 * spread + 1e-14 * size)
    return bool((gap * scale <= enough).all())


def dual_bound(value, z, x, constraint, n_models, unit=1.0):
    """Lower bound of the loss from a dual variable inside its box.

    Parameters
    ----------
    value : float
        Product of the target (or of what is left of it) and the dual variable.
    z : ndarray of shape (n_columns,)
        Product of each column and the dual variable; models first, then the constant.
    x : ndarray of shape (n_columns,)
        Current weights.
    constraint : Constraint
        Constraint of the models.
    n_models : int
        Number of models among the columns.
    unit : ndarray of shape (n_columns,) or float, default=1.0
        How large weights are that matter.

    Returns
    -------
    bound : float
        For a simplex without intercept a bound for all weights. Free directions have
        a bound only if their products vanish, which rounding does not allow: there it
        holds for weights up to twice the current ones plus one unit, which is enough
        as the loss is convex.
    """
    reach = unit + 2.0 * np.abs(x)
    models = z[:n_models]
    slack = np.abs(z)
    if constraint.positive:
        total = models.max() if constraint.total else 0.0
        slack[:n_models] = np.maximum(models - total, 0.0)
    else:
        total = models.mean() if constraint.total else 0.0
        slack[:n_models] = np.abs(models - total)
    return value - total - reach @ slack


class _Direction(NamedTuple):
    """Direction of the weights, of the common multiplier and of the multipliers."""

    w: np.ndarray
    total: float
    nu: np.ndarray


class _Weights:
    """Weights, their multipliers, and the small linear systems between them."""

    def __init__(self, n_columns, n_models, constraint, linear):
        self.constraint = constraint
        self.linear = linear
        self.bounded = np.zeros(n_columns, dtype=bool)
        self.bounded[:n_models] = constraint.positive
        self.ones = np.zeros(n_columns)
        self.ones[:n_models] = constraint.total
        self.w = np.zeros(n_columns)
        if constraint.positive or constraint.total:
            self.w[:n_models] = 1.0 / n_models
        self.nu = np.zeros(n_columns)
        self.total = 0.0

    def start_multipliers(self, z, product):
        """Choose the multipliers for the first dual variable."""
        bounded = self.bounded
        if self.constraint.total:
            models = z[self.ones > 0]
            self.total = models.max() if self.constraint.positive else models.mean()
        if bounded.any():
            slack = self.total - z[bounded]
            level = 0.1 * np.abs(slack).mean() + product / self.w[bounded].mean()
            self.total += level * self.constraint.total
            self.nu[bounded] = np.maximum(slack + level, level)

    def residuals(self, z):
        """Infeasibility of the weights and of the multipliers."""
        missing = 1.0 - self.ones @ self.w if self.constraint.total else 0.0
        return missing, self.total * self.ones - z - self.nu

    def factorise(self, H):
        """Factor the normal equations, with as little ridge as they need."""
        # Only the lower triangle is read.
        H = H.copy()
        diagonal = np.diagonal(H).copy()
        barrier = np.zeros(len(H))
        barrier[self.bounded] = self.nu[self.bounded] / self.w[self.bounded]
        largest = diagonal.max() or 1.0
        ridge = 1e-14
        while True:
            H.flat[:: len(H) + 1] = (
                diagonal * (1 + ridge) + barrier + ridge * 1e-2 * largest
            )
            # The wrappers of scipy take longer than the work.
            self.factor, failed = dpotrf(H, lower=True, clean=False)
            if not failed:
                break
            ridge *= 100
            if ridge > 1:
                raise LinAlgError("The normal equations are singular.")
        if self.constraint.total:
            self.along = dpotrs(self.factor, self.ones, lower=True)[0]

    def direction(self, Ah, products, missing, dual_missing):
        """Solve for the direction; ``products`` is the wanted change of ``w * nu``."""
        bounded = self.bounded
        right = Ah - dual_missing
        right[bounded] += products[bounded] / self.w[bounded]
        dw = dpotrs(self.factor, right, lower=True)[0]
        total = 0.0
        if self.constraint.total:
            total = (self.ones @ dw - missing) / (self.ones @ self.along)
            dw -= total * self.along
        nu = np.zeros_like(dw)
        nu[bounded] = (products[bounded] - self.nu[bounded] * dw[bounded]) / self.w[
            bounded
        ]
        return _Direction(dw, total, nu)

    def decreases(self, step):
        """Largest relative decrease of the weights and of the multipliers."""
        if not self.bounded.any():
            return 0.0, 0.0
        b = self.bounded
        return (-step.w[b] / self.w[b]).max(), (-step.nu[b] / self.nu[b]).max()

    def move(self, step, primal, dual):
        """Take a step."""
        self.w = self.w + primal * step.w
        self.nu = self.nu + dual * step.nu
        self.total += dual * step.total


def _length(decrease, share):
    """Longest step up to one that keeps a share of everything positive."""
    return 1.0 if decrease <= share else share / decrease


def _start_rows(block, r):
    """First residual parts and dual variable, with balanced products."""
    typical = block.s @ np.abs(r) / block.s.sum()
    half = 0.5 * max(typical, _LEAST_START)
    state = np.empty((4, len(r)))
    state[0] = np.maximum(r, 0) + half
    state[1] = state[0] - r
    total = state[0] + state[1]
    state[2] = block.s * state[1] / total
    state[3] = block.s * state[0] / total
    return state


def solve_block(
    block, constraint, *, fit_intercept=False, w0=None, tol=1e-10, max_iter=100
):
    """Minimise a weighted sum of pinball losses over constrained weights.

    Parameters
    ----------
    block : Block
        The problem; its table is overwritten.
    constraint : Constraint
        What the weights of the models must obey.
    fit_intercept : bool, default=False
        Whether to add a free constant.
    w0 : ndarray of shape (n_columns,), default=None
        Weights to start near.
    tol : float, default=1e-10
        Duality gap, relative to the loss, to stop at.
    max_iter : int, default=100
        Largest number of iterations.

    Returns
    -------
    point : Point
        Weights, dual variable and achieved gap.
    """
    n_models = block.A.shape[0]
    block, constraint, way = rescale(block, constraint, fit_intercept)
    solver = _Solver(block, constraint, n_models, w0)
    solver.start()
    return _point(solver, way, n_models, tol, max_iter)


def _point(solver, way, n_models, tol, max_iter):
    gap, n_iter = solver.run(tol, max_iter)
    w, intercept = way.back(solver.best_w, n_models)
    a = solver.best_a * way.weight
    return Point(w, intercept, a, gap, n_iter, way, solver)


def solve_on(point, tol, max_iter):
    """Go on from a point of ``solve_block`` to a smaller gap."""
    n_models = len(point.w)
    found = _point(point.solver, point.way, n_models, tol, max_iter)
    return found._replace(n_iter=found.n_iter + point.n_iter)


class _Solver:
    """State of the iteration; see Mehrotra (1992) and Portnoy and Koenker (1997)."""

    def __init__(self, block, constraint, n_models, w0):
        self.block, self.constraint, self.n_models = block, constraint, n_models
        A = block.A
        n_columns, n_rows = A.shape
        self.up, self.lo = block.tau * block.s, (1.0 - block.tau) * block.s
        self.weights = _Weights(
            n_columns, min(n_models, n_columns), constraint, block.linear
        )
        if w0 is not None and constraint.positive and constraint.total:
            near = np.maximum(w0, 0.1 / n_models)
            self.weights.w[:n_models] = near / near.sum()
        self.r, self.d = np.empty(n_rows), np.ones(n_rows)
        self.da, self.c0, self.c1 = np.empty((3, n_rows))
        self.move = np.zeros((4, n_rows))
        self.scratch = np.empty((n_columns, _kernels._BLOCK))
        self.H = np.empty((n_columns, n_columns))
        self.products = np.empty((4, n_columns))
        self.Aa, self.Ah, self.Ac0, self.Ac1 = self.products
        self.sums = np.empty(5)
        if not constraint.positive:
            self._start_at_least_squares()
        self.state = _start_rows(block, block.y - self.weights.w @ A)
        # Products of rows aim at their weights, so that a row of weight two stays the
        # same as two rows all the way; those of the models aim at a share of that.
        self.aim = 1e-4 * block.s.sum()
        self.size = 2 * block.s.sum() + self.aim * self.weights.bounded.sum()

    def _start_at_least_squares(self):
        A, weights = self.block.A, self.weights
        weighted = A * self.block.s
        weights.w[:] = np.linalg.lstsq(
            weighted @ A.T, weighted @ self.block.y, rcond=1e-12
        )[0]

    def _evaluate(self):
        """Take the step in ``move``; return gap and complementarity of the rows."""
        block, weights = self.block, self.weights
        # The kernels add to these; clearing them here spares their compiler work.
        self.H[:] = 0.0
        self.products[:] = 0.0
        _kernels.evaluate(
            block.A,
            block.y,
            self.up,
            self.lo,
            weights.w,
            self.state,
            self.move,
            self.r,
            self.d,
            self.scratch,
            self.H,
            self.Aa,
            self.Ah,
            self.sums,
        )
        self.z = self.Aa + block.linear
        primal = self.sums[0] - block.linear @ weights.w
        dual = dual_bound(
            self.sums[1], self.z, weights.w, self.constraint, self.n_models
        )
        # A perfect fit has no loss to measure the gap against.
        least = _PERFECT * (block.s @ np.abs(block.y)) or 1.0
        gap = (primal - dual) / max(block.scale or primal - block.constant, least)
        return gap, self.sums[2]

    def start(self):
        """Choose the multipliers and judge the first point."""
        self.now = self._evaluate()
        self.weights.start_multipliers(self.z, self.aim * self.now[1] / self.size)
        self.best_gap = np.inf

    def run(self, tol, max_iter):
        """Iterate until the gap is small; return it and the number of iterations."""
        weights, stalled = self.weights, 0
        gap, product = self.now
        for n_iter in range(max_iter + 1):
            missing, dual_missing = weights.residuals(self.z)
            if abs(missing) < 1e-10 and gap < self.best_gap:
                self._keep(gap)
                stalled = 0
            elif n_iter:
                stalled += 1
            if self.best_gap <= tol or n_iter == max_iter or stalled > _PATIENCE:
                break
            mu = (product + weights.w @ weights.nu) / self.size
            if not np.isfinite(mu) or mu < _TINY:
                break
            try:
                self._step(mu, missing, dual_missing, careful=stalled > _CAREFUL)
            except LinAlgError:
                break
            gap, product = self.now = self._evaluate()
        if not np.isfinite(self.best_gap):
            self._keep(gap)
        return self.best_gap, n_iter

    def _keep(self, gap):
        self.best_gap = gap
        self.best_w = self.weights.w
        self.best_a = np.clip(self.up - self.state[2], -self.lo, self.up)

    def _step(self, mu, missing, dual_missing, careful):
        """Compute one predictor-corrector direction and go along it."""
        weights, sums = self.weights, self.sums
        A, state, d = self.block.A, self.state, self.d
        weights.factorise(self.H)
        product = sums[2]
        affine = weights.direction(
            self.Ah, -weights.w * weights.nu, missing, dual_missing
        )
        _kernels.predict_step(
            A,
            affine.w,
            state,
            self.r,
            d,
            self.block.s,
            self.da,
            self.c0,
            self.c1,
            self.Ac0,
            self.Ac1,
            sums,
        )
        of_w, of_nu = weights.decreases(affine)
        primal, dual = (
            _length(max(sums[0], of_w), 1.0),
            _length(max(sums[1], of_nu), 1.0),
        )
        ahead = product + primal * sums[2] + dual * sums[3] + primal * dual * sums[4]
        ahead += (weights.w + primal * affine.w) @ (weights.nu + dual * affine.nu)
        centre = max(ahead / self.size / mu, 0.0) ** 3 * mu
        if careful:
            centre = max(centre, 0.1 * mu)
        step = weights.direction(
            self.Ac0 + centre * self.Ac1,
            self.aim * centre - weights.w * weights.nu - affine.w * affine.nu,
            missing,
            dual_missing,
        )
        _kernels.correct_step(
            A,
            step.w,
            state,
            d,
            self.block.s,
            self.da,
            self.c0,
            self.c1,
            centre,
            self.move,
            sums,
        )
        of_w, of_nu = weights.decreases(step)
        share = max(_TO_BOUNDARY, 1.0 - mu)
        share = 0.9 if careful else min(share, 1.0 - 1e-9)
        primal = _length(max(sums[0], of_w), share)
        dual = _length(max(sums[1], of_nu), share)
        weights.move(step, primal, dual)
        self.move[:2] *= primal
        self.move[2:] *= dual
