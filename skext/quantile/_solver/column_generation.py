"""Column generation for weights that mix levels as well as models."""

import numpy as np

from skext.quantile._solver import kernels as _kernels
from skext.quantile._solver.interior_point import dual_bound, least_loss
from skext.quantile._solver.many_rows import grouped, solve_rows

# Columns that enter in one round, and rounds until all of them enter.
_ENTER, _MAX_ROUNDS = 8, 60
# No columns are left out of a problem that is as small as this.
_SMALL = 24


def solve_columns(
    table,
    start,
    allowed,
    y,
    tau,
    s,
    constraint,
    *,
    fit_intercept=False,
    tol=1e-10,
    max_iter=100,
):
    """Find optimal weights over many columns of which few get any.

    Solves for some columns, computes the multipliers of all others from the dual
    variable, lets the worst ones in, and stops when the certificate over all columns
    holds.

    Parameters
    ----------
    table : ndarray of shape (n_rows, n_columns)
        The columns; float32 or float64.
    start : ndarray of shape (n_start,)
        Columns to begin with.
    allowed : ndarray of shape (n_columns,)
        Whether a column may get weight.
    y, s : ndarrays of shape (n_rows,)
        Target and positive weights of the rows.
    tau : float
        Level.
    constraint : Constraint
        Constraint of the weights.
    fit_intercept : bool, default=False
        Whether to add a free constant.
    tol : float, default=1e-10
        Duality gap to stop at.
    max_iter : int, default=100
        Largest number of iterations of one interior-point solution.

    Returns
    -------
    weights : Weights
        Weights of all columns and the certificate over all of them.
    """
    n_rows = len(y)
    options = {"fit_intercept": fit_intercept, "max_iter": max_iter}
    if not constraint.positive or allowed.sum() <= _SMALL:
        columns = np.flatnonzero(allowed)
    else:
        columns = np.sort(start)
        size = int(3.0 * (2 * len(start)) ** (1 / 3) * n_rows ** (2 / 3))
        if size < 0.3 * n_rows:
            index = np.random.RandomState(0).choice(n_rows, size, replace=False)
            index.sort()
            first = _generate(
                np.ascontiguousarray(table[index], dtype=np.float64),
                columns,
                allowed,
                y[index],
                tau,
                s[index],
                constraint,
                1e-5,
                options,
            )[0]
            columns = np.union1d(columns, np.flatnonzero(first.w))
    return _generate(table, columns, allowed, y, tau, s, constraint, tol, options)[0]


def _generate(table, columns, allowed, y, tau, s, constraint, tol, options):
    """Add columns until the certificate holds; return weights and columns."""
    n_columns = table.shape[1]
    z = np.empty(n_columns)
    least = least_loss(y, s)
    n_iter, w0 = 0, None
    for _ in range(_MAX_ROUNDS):
        part = np.ascontiguousarray(table[:, columns].T)
        found = solve_rows(
            grouped(part, y, tau, s), constraint, w0=w0, tol=tol, **options
        )
        n_iter += found.n_iter
        w = np.zeros(n_columns)
        w[columns] = found.w
        a = found.a[0]
        z[:] = 0.0
        _kernels.price(table, a, z)
        z[~allowed] = -np.inf
        level = z[columns].max() if constraint.total else 0.0
        enough = tol * max(found.loss, least)
        entering = np.flatnonzero(z > level + 0.5 * enough)
        entering = np.setdiff1d(entering, columns)
        gap = found.gap
        if len(entering) and constraint.positive:
            bound = dual_bound(
                float(y @ a), z[allowed], w[allowed], constraint, int(allowed.sum())
            )
            bound -= abs(a.sum()) * abs(found.intercept)
            gap = max((found.loss - bound) / max(found.loss, least), 0.0)
        if not len(entering) or not constraint.positive or gap <= tol:
            break
        best = entering[np.argsort(-z[entering], kind="stable")[:_ENTER]]
        columns = np.union1d(columns, best)
        w0 = w[columns]
    return found._replace(w=w, gap=gap, n_iter=n_iter), columns
