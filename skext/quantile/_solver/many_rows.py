"""Exact solution for many rows by solving for few of them.

Rows far from the fitted quantile have a dual variable at one end of its box. They are
glued together into one linear term, the rest is solved exactly, and rows that end on
the wrong side are released (Portnoy and Koenker, 1997). Gluing can only lower the
objective and does not change it if no row is on the wrong side, so that the result is
the optimum over all rows; a certificate over all rows is computed in any case.
"""

from typing import NamedTuple

import numpy as np

from skext.quantile._solver import kernels as _kernels
from skext.quantile._solver import vertex as _vertex
from skext.quantile._solver.blocks import Block
from skext.quantile._solver.interior_point import (
    dual_bound,
    least_loss,
    solve_block,
    solve_on,
)

# Factor of the size of the first subset, share of the rows above which no subset is
# worth while, and width of the band in standard errors.
_SUBSET, _WORTH, _WIDTH = 3.0, 0.4, 4.0
_MAX_ROUNDS = 30
# Targets this many typical distances from the middle are gross. Rows that tell what is
# typical.
_GROSS, _FEW = 1e5, 64
# A vertex is proved if its dual variables leave their box by no more than rounding,
# and if the gap is no larger.
_OUTSIDE, _EXACT = 1e-9, 1e-9
# Models are dropped from a basis so many times.
_DROPS = 4
# Gap from which on the vertex beside the optimum is tried.
_NEAR = 1e-7


class Rows(NamedTuple):
    """All rows of a problem, without a copy of the table.

    Attributes
    ----------
    table : ndarray of shape (n_groups, n_columns, n_members)
        One row for each group and member; float32 or float64.
    y, tau, s : ndarrays of shape (n_groups, n_members)
        Target, level and weight of each row.
    """

    table: np.ndarray
    y: np.ndarray
    tau: np.ndarray
    s: np.ndarray


class Weights(NamedTuple):
    """Optimal weights over all rows.

    Attributes
    ----------
    w : ndarray of shape (n_columns,)
        Weights.
    intercept : float
        Constant.
    loss : float
        Sum of the weighted pinball losses.
    gap : float
        Difference between the loss and a lower bound, relative to the loss.
    n_iter : int
        Iterations of all interior-point solutions together.
    a : ndarray of shape (n_groups, n_members)
        Dual variable.
    below : float
        Weight of the rows below the quantile, if it is exact.
    size : float
        Size of residuals that are rounding, if it is exact.
    near : ndarray of shape (n_near,) or None
        Flat positions of the rows that the quantile runs through, if it is exact.
    """

    w: np.ndarray
    intercept: float
    loss: float
    gap: float
    n_iter: int
    a: np.ndarray
    below: float = 0.0
    size: float = 0.0
    near: np.ndarray | None = None


def grouped(columns, y, tau, s):
    """Make rows of one level from a table of shape (n_columns, n_rows)."""
    return Rows(
        columns[np.newaxis],
        y[np.newaxis],
        np.broadcast_to(np.float64(tau), (1, len(y))),
        s[np.newaxis],
    )


def _take(rows, index):
    """Copy some rows, given by their flat index, in the layout of the solver."""
    n_members = rows.table.shape[2]
    if rows.table.shape[0] == 1:
        A = rows.table[0][:, index].astype(np.float64, order="C")
        where = (np.zeros_like(index), index)
    else:
        where = np.divmod(index, n_members)
        A = rows.table[where[0], :, where[1]].T.astype(np.float64, order="C")
    y, tau, s = (part[where].astype(np.float64) for part in rows[1:])
    return A, y, tau, s


class _Problem:
    """One problem over all rows and what has been learned about it."""

    def __init__(self, rows, constraint, fit_intercept, tol, max_iter):
        self.rows, self.constraint = rows, constraint
        self.fit_intercept, self.tol, self.max_iter = fit_intercept, tol, max_iter
        self.n_columns = rows.table.shape[1]
        self.n_iter = 0
        self.r = np.empty(rows.y.shape)
        self.a = np.empty(rows.y.shape)
        self.gross = _gross(rows.y)
        self.least = least_loss(rows.y, rows.s)
        self.center = np.zeros(self.n_columns)
        if fit_intercept or constraint.total:
            # Any constant will do that leaves little of columns far from zero.
            some = rows.table[:_FEW, :, :_FEW].astype(np.float64)
            self.center = some.mean(axis=(0, 2))
        if not fit_intercept:
            self.center[:] = self.center.mean()

    def solve(self, index, linear, w0=None, scale=0.0, tol=None):
        """Solve for some rows; the table is copied once."""
        A, y, tau, s = _take(self.rows, index)
        point = solve_block(
            Block(
                A,
                y,
                tau,
                s,
                linear,
                scale,
                center=self.center,
                eps=float(np.finfo(self.rows.table.dtype).eps),
            ),
            self.constraint,
            fit_intercept=self.fit_intercept,
            w0=w0,
            tol=self.tol if tol is None else tol,
            max_iter=self.max_iter,
        )
        self.n_iter += point.n_iter
        return point

    def adjoint(self):
        """Product of all centred columns and the constant with the dual variable."""
        out = np.zeros(self.n_columns + 1)
        _kernels.adjoint(self.rows.table, self.a, self.center, out[:-1])
        out[-1] = self.a.sum()
        return out

    def look(self, w, intercept):
        """Residuals of all rows and their loss."""
        rows = self.rows
        _kernels.residuals(rows.table, rows.y, w, intercept, self.r)
        return _kernels.loss(self.r, rows.tau, rows.s)

    def look_at_most(self, point):
        """Residuals of all rows; the loss of those whose target is not gross."""
        loss = self.look(point.w, point.intercept)
        if self.gross is None:
            return loss
        rows = self.rows
        return _kernels.loss(np.where(self.gross, 0.0, self.r), rows.tau, rows.s)

    def finish(self, point, inside=None):
        """Go to a vertex if there is one near, and certify the result on all rows.

        ``inside`` has the flat positions of the rows whose dual variable is not known
        yet to be at the end of its box, as ``self.a`` has it, and ``self.r`` the
        residuals of all others; None is all of them, of which nothing is known.
        """
        known, inside = inside is not None, slice(None) if inside is None else inside
        for tol in (None, self.tol):
            if tol is not None and point.gap > tol:
                before = point.n_iter
                point = solve_on(point, tol, max(self.max_iter - before, 1))
                self.n_iter += point.n_iter - before
            elif tol is not None:
                break
            self.a.ravel()[inside] = point.a
            w = point.w
            if self.constraint.positive:
                least = 1e-10 * point.way.unit[: len(w)]
                w = np.where(w < least, 0.0, w)
            if self.constraint.total:
                w = w / w.sum()
            if not known:
                self.look(w, point.intercept)
            found = self._finish_exactly(point, w, inside)
            if found is not None:
                return found
            known = False
        # No vertex is near: the gap has to do.
        loss = self.look(w, point.intercept)
        return self._certify(w, point.intercept, loss, self.adjoint(), point.way.unit)

    def _certify(self, w, intercept, loss, z, unit):
        """Prove weights on all rows, for columns of which the middle was subtracted."""
        rows = self.rows
        x = np.append(w, intercept + self.center @ w)
        if not self.fit_intercept:
            x, z, unit = x[:-1], z[:-1], unit[:-1]
        bound = dual_bound(0.0, z, x, self.constraint, self.n_columns, unit)
        excess = _kernels.excess(self.r, rows.tau, rows.s, self.a) - x @ z - bound
        gap = max(excess / max(loss, self.least), 0.0)
        return Weights(w, intercept, loss, gap, self.n_iter, self.a)

    def is_proved(self, found):
        """Tell whether nothing but rounding is left of the gap."""
        left = found.gap * max(found.loss, self.least)
        if left <= max(self.tol, _EXACT) * found.loss:
            return True
        return left <= 1e-14 * float(np.vdot(self.rows.s, np.abs(self.rows.y)))

    def _finish_exactly(self, point, w, inside):
        """Cross over to a vertex; None if none near the point is optimal."""
        rows, a = self.rows, self.a.ravel()
        y, tau, s = (np.ravel(part) for part in rows[1:])
        index, share = _vertex.inside_rows(
            *(part[inside] for part in (self.r.ravel(), y, a, tau, s))
        )
        index = index if isinstance(inside, slice) else inside[index]
        C = np.ascontiguousarray(_take(rows, index)[0].T)
        some = _vertex.Candidates(C, y[index], s[index], share)
        for trial in _vertex.supports(w, point.way.unit[:-1], self.constraint):
            found = self._try(some, index, point, trial)
            if found is not None:
                return found
        return None

    def _try(self, some, index, point, w):
        """Solve with the models that have weight; None if that is not optimal."""
        near = w, point.intercept
        for _ in range(_DROPS):
            T, start = _vertex.directions(point.way, w, self.constraint, self.center)
            if len(index) < bool(T.shape[1]):
                return None
            vertex = _vertex.find_vertex(
                some, T, start, near, self.center, self.fit_intercept
            )
            negative = self.constraint.positive & (vertex.w < 0)
            if not negative.any():
                return self._prove(some, index, point, T, vertex)
            w = np.where(negative, 0.0, w)
        return None

    def _prove(self, some, index, point, T, vertex):
        """Solve for the dual variable of the basis; None if there is no proof."""
        rows, a = self.rows, self.a.ravel()
        tau, s = (np.ravel(part) for part in rows[2:])
        before = self.a.copy()
        loss = self.look(vertex.w, vertex.intercept)
        perfect = loss <= 1e-4 * self.least
        if perfect and loss <= 1e-14 * float(np.vdot(rows.s, np.abs(rows.y))):
            # A perfect fit proves itself.
            self.a[...] = 0.0
            z = np.zeros(self.n_columns + 1)
            return self._exact(vertex, point, loss, z, 0.0)
        below = _settle(self.r, vertex.size, rows.tau, rows.s, self.a)
        z = self.adjoint()
        basis = index[vertex.basis]
        g = z[:-1] @ T[:-1] + z[-1] * (T[-1] + self.center @ T[:-1])
        moved = a[basis] + _vertex.dual_step(vertex, g)
        up, lo = tau[basis] * s[basis], (tau[basis] - 1.0) * s[basis]
        outside = np.maximum(moved - up, lo - moved) / s[basis]
        if np.isfinite(outside).all() and outside.max(initial=0.0) <= _OUTSIDE:
            step = np.clip(moved, lo, up) - a[basis]
            a[basis] += step
            z[:-1] += step @ (some.C[vertex.basis] - self.center)
            z[-1] += step.sum()
            found = self._exact(vertex, point, loss, z, below)
            if self.is_proved(found):
                return found
        self.a[...] = before
        return None

    def _exact(self, vertex, point, loss, z, below):
        found = self._certify(vertex.w, vertex.intercept, loss, z, point.way.unit)
        near = np.flatnonzero(np.abs(self.r) <= vertex.size)
        return found._replace(below=below, size=vertex.size, near=near)

    def solve_all(self):
        """Solve for all rows at once."""
        found = None if self.gross is None else self._solve_most()
        if found is None:
            none, rows = np.zeros(self.n_columns + 1), np.arange(self.r.size)
            found = self.finish(self.solve(rows, none, tol=self.near(self.r.size)))
        return found

    def near(self, n_rows):
        """Gap at which the vertex can be told, if so many rows are inside."""
        return min(_NEAR, max(self.tol, n_rows / self.r.size**3))

    def _solve_most(self):
        """Solve with gross targets glued to their sides; None if that fails.

        A gap relative to a loss that few rows make up says nothing about the others.
        """
        rows, above = self.rows, self.rows.y > np.median(self.rows.y)
        side = np.where(above, rows.tau * rows.s, (rows.tau - 1.0) * rows.s)
        self.a[...] = np.where(self.gross, side, 0.0)
        index = np.flatnonzero(~self.gross.ravel())
        point = self.solve(index, self.adjoint(), tol=self.near(len(index)))
        self.look(point.w, point.intercept)
        if not point.gap < 1e-3 or ((self.r > 0) != above)[self.gross].any():
            return None
        found = self.finish(point, index)
        return found if self.is_proved(found) else None


def _settle(r, size, tau, s, a):
    """Put the dual variable of rows off the quantile to the end of its box, in place.

    Residuals up to ``size`` are none. Returns the weight of the rows below.
    """
    below = r < -size
    np.multiply(tau, s, out=a, where=r > size)
    np.multiply(tau - 1.0, s, out=a, where=below)
    # Row after row: sums in pairs would round differently.
    return float(s[below].cumsum()[-1:].sum())


def _gross(y):
    """Tell which targets are so far from all others that they drown their losses."""
    low, high = float(y.min()), float(y.max())
    n_groups, n_members = y.shape
    some = y[:: max(1, n_groups // _FEW), :: max(1, n_members // _FEW)]
    some = np.sort(some, axis=None)
    middle = some[len(some) // 2]
    apart = np.abs(some - middle)
    apart = np.sort(apart[apart > 0])
    reach = _GROSS * apart[len(apart) // 2] if len(apart) else np.inf
    if max(high - middle, middle - low) <= reach:
        return None
    return np.abs(y - middle) > reach


def _band(problem, index, point):
    """Half the width of a band that holds all rows in doubt, from a subset."""
    rows = problem.rows
    A, y, tau, s = _take(rows, index)
    r = np.abs(y - point.intercept - point.w @ A)
    h = np.quantile(r, min(1.0, 2.0 * len(index) ** (-1 / 3)))
    density = np.mean(r <= h) / (2 * h) if h > 0 else np.inf
    band = np.empty(rows.y.shape)
    largest = np.abs(point.w).max()
    active = np.flatnonzero(np.abs(point.w) > 1e-4 * largest)
    reference = -1
    if problem.constraint.total:
        reference = int(active[np.argmax(np.abs(point.w[active]))])
        active = active[active != reference]
    if h == 0 or (not len(active) and not problem.fit_intercept):
        band[:] = h
        return band
    C = A[active] - A[reference] if reference >= 0 else A[active]
    if problem.fit_intercept:
        C = np.concatenate([C, np.ones((1, C.shape[1]))])
    gram = (C * (s / s.mean())) @ C.T
    variance = (tau * (1 - tau)).mean() / density**2
    values, vectors = np.linalg.eigh(gram)
    kept = values > 1e-12 * values[-1]
    root = vectors[:, kept] * np.sqrt(variance / values[kept])
    factor = np.zeros((len(active) + 1, len(active) + 1))
    lower = np.linalg.qr(root.T, mode="r").T
    factor[: lower.shape[0], : lower.shape[1]] = lower
    _kernels.spreads(rows.table, active, reference, factor, band)
    band *= _WIDTH
    band += 1e-3 * h
    return band


def solve_rows(
    rows, constraint, *, fit_intercept=False, w0=None, tol=1e-10, max_iter=100
):
    """Minimise a weighted sum of pinball losses over all rows.

    Parameters
    ----------
    rows : Rows
        The problem; all weights positive.
    constraint : Constraint
        What the weights must obey.
    fit_intercept : bool, default=False
        Whether to add a free constant.
    w0 : ndarray of shape (n_columns,), default=None
        Weights of a similar problem.
    tol : float, default=1e-10
        Duality gap, relative to the loss, to stop at.
    max_iter : int, default=100
        Largest number of iterations of one interior-point solution.

    Returns
    -------
    weights : Weights
        Weights and their certificate over all rows.
    """
    problem = _Problem(rows, constraint, fit_intercept, tol, max_iter)
    n_rows = rows.y.size
    size = int(
        _SUBSET * (problem.n_columns + fit_intercept) ** (1 / 3) * n_rows ** (2 / 3)
    )
    if size > _WORTH * n_rows:
        return problem.solve_all()
    # Any subset leads to the same optimum, so a fixed seed is as good as any.
    index = np.random.RandomState(0).choice(n_rows, size, replace=False)
    index.sort()
    none = np.zeros(problem.n_columns + 1)
    point = problem.solve(index, none, w0, tol=max(tol, 1e-6))
    loss = problem.look_at_most(point)
    band = _band(problem, index, point)
    found = _close(problem, band, point, loss)
    if found is not None:
        done = problem.finish(*found)
        if problem.is_proved(done):
            return done
    return problem.solve_all()


def _close(problem, band, point, loss):
    """Solve inside the band until no glued row is on the wrong side.

    Leaves the dual variable in ``problem.a``; returns the solution and the rows inside
    of the band, or None where all rows had better be solved at once.
    """
    rows = problem.rows
    side = np.empty(rows.y.shape, dtype=np.int8)
    n_inside = _kernels.glue(problem.r, band, rows.tau, rows.s, side, problem.a)
    scale = loss
    for _ in range(_MAX_ROUNDS):
        while n_inside < 4 * problem.n_columns + 20:
            band *= 2
            band += 1e-6 * np.abs(problem.r).mean()
            n_inside = _kernels.glue(problem.r, band, rows.tau, rows.s, side, problem.a)
        if n_inside > 0.7 * rows.y.size:
            return None
        index = np.flatnonzero(side.ravel() == 0)
        tol = problem.near(len(index))
        found = problem.solve(index, problem.adjoint(), point.w, scale, tol)
        if not found.gap < 1e-3:
            # The glued rows leave no optimum: the band missed it.
            problem.look(point.w, point.intercept)
            band *= 3
            n_inside = _kernels.glue(problem.r, band, rows.tau, rows.s, side, problem.a)
            continue
        point = found
        scale = problem.look_at_most(point)
        n_released = _kernels.release(problem.r, side, problem.a)
        if n_released == 0:
            return point, index
        n_inside += n_released
    return None
