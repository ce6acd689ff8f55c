"""Exact solution for many rows by solving for few of them.

Rows far from the fitted quantile have a dual variable at one end of its box. They are
glued together into one linear term, the rest is solved exactly, and rows that end on
the wrong side are released (Portnoy and Koenker, 1997). Gluing can only lower the
objective and does not change it if no row is on the wrong side, so that the result is
the optimum over all rows; a certificate over all rows is computed in any case.
"""

from typing import NamedTuple

import numpy as np

from skext.quantile import _kernels
from skext.quantile._interior_point import Block, dual_bound, least_loss, solve_block

# Factor of the size of the first subset, share of the rows above which no subset is
# worth while, and width of the band in standard errors.
_SUBSET, _WORTH, _WIDTH = 3.0, 0.4, 4.0
_MAX_ROUNDS = 30


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
    """

    w: np.ndarray
    intercept: float
    loss: float
    gap: float
    n_iter: int
    a: np.ndarray


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

    def solve(self, index, linear, w0=None, scale=0.0, tol=None):
        """Solve for some rows; the table is copied once."""
        A, y, tau, s = _take(self.rows, index)
        point = solve_block(
            Block(A, y, tau, s, linear, scale),
            self.constraint,
            fit_intercept=self.fit_intercept,
            w0=w0,
            tol=self.tol if tol is None else tol,
            max_iter=self.max_iter,
        )
        self.n_iter += point.n_iter
        return point

    def adjoint(self, a):
        """Product of all columns and the constant with a dual variable."""
        out = np.empty(self.n_columns + 1)
        _kernels.adjoint(self.rows.table, a, out[:-1])
        out[-1] = a.sum()
        return out

    def look(self, point):
        """Residuals of all rows and their loss."""
        rows = self.rows
        _kernels.residuals(rows.table, rows.y, point.w, point.intercept, self.r)
        return _kernels.loss(self.r, rows.tau, rows.s)

    def finish(self, point):
        """Clean the weights and certify them on all rows; ``self.a`` is the dual."""
        w = point.w
        if self.constraint.positive:
            w = np.where(w < 1e-10, 0.0, w)
        if self.constraint.total:
            w = w / w.sum()
        loss = self.look(point._replace(w=w))
        x, z = np.append(w, point.intercept), self.adjoint(self.a)
        if not self.fit_intercept:
            x, z = x[:-1], z[:-1]
        value = float(np.vdot(self.rows.y, self.a))
        bound = dual_bound(value, z, x, self.constraint, self.n_columns)
        least = least_loss(self.rows.y, self.rows.s)
        gap = max((loss - bound) / max(loss, least), 0.0)
        return Weights(w, point.intercept, loss, gap, self.n_iter, self.a)

    def solve_all(self):
        """Solve for all rows at once."""
        index = np.arange(self.r.size)
        point = self.solve(index, np.zeros(self.n_columns + 1))
        self.a.ravel()[:] = point.a
        # The gap of the solver is that of the shifted table, which rounds less.
        found = self.finish(point)
        return found._replace(gap=min(found.gap, max(point.gap, 0.0)))


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
    loss = problem.look(point)
    band = _band(problem, index, point)
    found = _close(problem, band, point, loss)
    return problem.solve_all() if found is None else problem.finish(found)


def _close(problem, band, point, loss):
    """Solve inside the band until no glued row is on the wrong side.

    Leaves the dual variable in ``problem.a``; returns None where all rows had better
    be solved at once.
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
        found = problem.solve(index, problem.adjoint(problem.a), point.w, scale)
        if not found.gap < 1e-3:
            # The glued rows leave no optimum: the band missed it.
            problem.look(point)
            band *= 3
            n_inside = _kernels.glue(problem.r, band, rows.tau, rows.s, side, problem.a)
            continue
        point = found
        scale = problem.look(point)
        n_released = _kernels.release(problem.r, side, problem.a)
        if n_released == 0:
            problem.a.ravel()[index] = point.a
            return point
        n_inside += n_released
    return None
