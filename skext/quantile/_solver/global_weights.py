"""Constant weights of an aggregation: one optimisation problem per block."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skext.quantile._solver.blocks import CONSTRAINTS
from skext.quantile._solver.column_generation import solve_columns
from skext.quantile._solver.interior_point import is_optimal
from skext.quantile._solver.many_rows import Rows, Weights, grouped, solve_rows
from skext.utils._parallel import run_chunks
from skext.utils._warnings import warn_user

# Predictions of a table that HiGHS solves in no time.
_SMALL = 200_000
# Who allows fewer iterations wants no better solution.
_MANY = 50


class GlobalWeights(NamedTuple):
    """Weights of an aggregation and their certificates.

    Attributes
    ----------
    weights : ndarray
        Of shape (n_models,), (n_models, n_levels) or (n_models, n_levels, n_levels).
    intercept : ndarray of shape (n_levels,)
        Constants.
    gap : ndarray of shape (n_blocks,)
        Relative duality gap of each problem.
    loss : ndarray of shape (n_blocks,)
        Weighted sum of the pinball losses of each problem.
    n_iter : ndarray of shape (n_blocks,)
        Iterations.
    """

    weights: np.ndarray
    intercept: np.ndarray
    gap: np.ndarray
    loss: np.ndarray
    n_iter: np.ndarray


def fit_global(
    Z,
    y,
    quantiles,
    granularity,
    *,
    constraint="simplex",
    fit_intercept=False,
    sample_weight=None,
    bandwidth=None,
    solver="ipm",
    tol=1e-10,
    max_iter=100,
    n_jobs=None,
):
    """Find optimal constant weights.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Predictions; float32 or float64, never copied as a whole.
    y : ndarray of shape (n_samples,)
        Target.
    quantiles : ndarray of shape (n_levels,)
        Increasing levels.
    granularity : {"coarse", "medium", "fine"}
        What the weights depend on.
    constraint : str, default="simplex"
        Key of ``CONSTRAINTS``.
    fit_intercept : bool, default=False
        Whether to add constants: one for all levels if coarse, else one for each.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows; rows of weight zero do not count.
    bandwidth : int, default=None
        Distance in levels from which on fine weights are zero.
    solver : {"ipm", "highs", "auto"}, default="ipm"
        Interior point with preprocessing, the dual linear program of scipy, or the
        latter where the former stalls on a small table.
    tol : float, default=1e-10
        Relative duality gap to stop at.
    max_iter : int, default=100
        Largest number of iterations of one interior-point solution.
    n_jobs : int, default=None
        Threads over levels.

    Returns
    -------
    found : GlobalWeights
        Weights and certificates.
    """
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    if (s == 0).any():
        kept = s > 0
        Z, y, s = Z[kept], y[kept], s[kept]
    y, s = (np.ascontiguousarray(part, dtype=np.float64) for part in (y, s))
    rule = CONSTRAINTS[constraint]
    options = {"fit_intercept": fit_intercept, "tol": tol, "max_iter": max_iter}
    n_models, n_levels = Z.shape[1:]

    def solve(k, solver):
        if granularity == "coarse":
            shape = (len(y), n_levels)
            rows = Rows(
                Z,
                np.broadcast_to(y[:, np.newaxis], shape),
                np.broadcast_to(quantiles, shape),
                np.broadcast_to(s[:, np.newaxis], shape),
            )
        elif granularity == "medium" or solver == "highs":
            columns = Z[:, :, k]
            if granularity == "fine":
                columns = Z.reshape(len(y), -1)[
                    :, _near(k, n_models, n_levels, bandwidth)
                ]
            rows = grouped(np.ascontiguousarray(columns.T), y, quantiles[k], s)
        if solver == "highs":
            found = solve_highs(rows, constraint, fit_intercept)
        elif granularity == "fine":
            return solve_columns(
                Z.reshape(len(y), -1),
                np.arange(n_models) * n_levels + k,
                _near(k, n_models, n_levels, bandwidth),
                y,
                quantiles[k],
                s,
                rule,
                **options,
            )
        else:
            return solve_rows(rows, rule, **options)
        if granularity == "fine":
            w = np.zeros(n_models * n_levels)
            w[_near(k, n_models, n_levels, bandwidth)] = found.w
            found = found._replace(w=w)
        return found

    blocks = [None] * (1 if granularity == "coarse" else n_levels)

    def solve_some(start, stop):
        for k in range(start, stop):
            found = solve(k, "highs" if solver == "highs" else "ipm")
            if solver == "auto" and max_iter >= _MANY and Z.size <= _SMALL:
                gap, loss = np.array([found.gap]), np.array([found.loss / repeats])
                if not is_optimal(gap, loss, y, s, tol):
                    # Models that are far off leave the other one too few digits.
                    found = _better(found, lambda k=k: solve(k, "highs"))
            # The dual variable of all rows is not needed any more.
            blocks[k] = found._replace(a=None, near=None)

    repeats = n_levels if granularity == "coarse" else 1
    run_chunks(solve_some, len(blocks), n_jobs=n_jobs, min_chunk=1)
    found = _collect(blocks, granularity, n_models, n_levels)
    if not is_optimal(found.gap, found.loss / repeats, y, s, tol):
        warn_user(
            f"The weights have a relative duality gap of {found.gap.max():.1e}, more "
            f"than tol={tol:.1e}; increase max_iter, scale the predictions, or use "
            "solver='highs'.",
            ConvergenceWarning,
        )
    return found


def _better(found, solve):
    """Return another solution where it is there and better."""
    try:
        other = solve()
    except RuntimeError:
        return found
    return other if other.loss < found.loss else found


def _near(level, n_models, n_levels, bandwidth):
    """Tell which columns may get weight in a level."""
    if bandwidth is None:
        return np.ones(n_models * n_levels, dtype=bool)
    near = np.abs(np.arange(n_levels) - level) <= bandwidth
    return np.tile(near, n_models)


def _collect(blocks, granularity, n_models, n_levels):
    weights = np.array([block.w for block in blocks])
    intercept = np.array([block.intercept for block in blocks])
    if granularity == "coarse":
        weights, intercept = weights[0], np.repeat(intercept, n_levels)
    elif granularity == "medium":
        weights = np.ascontiguousarray(weights.T)
    else:
        weights = weights.reshape(n_levels, n_models, n_levels)
        weights = np.ascontiguousarray(weights.transpose(1, 2, 0))
    return GlobalWeights(
        weights,
        intercept,
        np.array([block.gap for block in blocks]),
        np.array([block.loss for block in blocks]),
        np.array([block.n_iter for block in blocks]),
    )


def solve_highs(rows, constraint, fit_intercept=False):
    """Solve the dual linear program with scipy: slower, but somebody else's work.

    Parameters
    ----------
    rows : Rows
        The problem; copied.
    constraint : str
        Key of ``CONSTRAINTS``.
    fit_intercept : bool, default=False
        Whether to add a free constant.

    Returns
    -------
    weights : Weights
        Weights, loss and gap.
    """
    from scipy.optimize import linprog

    rule = CONSTRAINTS[constraint]
    n_models = rows.table.shape[1]
    A = np.moveaxis(rows.table, 1, 0).reshape(n_models, -1).astype(np.float64)
    y, tau, s = (np.ravel(part) for part in rows[1:])
    given = A, y, s
    # The tolerances of HiGHS are absolute.
    middle, means, units = 0.0, np.zeros(n_models), np.ones(n_models)
    if fit_intercept or rule.total:
        middle = float(y.mean())
        means[:] = A.mean(axis=1) if fit_intercept and not rule.total else middle
    y = y - middle
    unit = float(np.abs(y).mean()) or 1.0
    units[:] = unit
    if not rule.total:
        sizes = np.abs(A - means[:, np.newaxis]).mean(axis=1)
        units[sizes > 0] = sizes[sizes > 0]
    A, y = (A - means[:, np.newaxis]) / units[:, np.newaxis], y / unit
    s = s / s.mean()
    total = np.full((n_models, 1), -1.0 if rule.total else 0.0)
    models = np.hstack([A, total])
    constant = np.append(np.ones(len(y)), 0.0)[np.newaxis]
    keys = ("A_ub", "b_ub") if rule.positive else ("A_eq", "b_eq")
    problem = {keys[0]: models, keys[1]: np.zeros(n_models)}
    if fit_intercept:
        rows_eq = [problem["A_eq"], constant] if "A_eq" in problem else [constant]
        problem["A_eq"] = np.vstack(rows_eq)
        problem["b_eq"] = np.zeros(len(problem["A_eq"]))
    box = np.column_stack([(tau - 1) * s, tau * s])
    bounds = np.vstack([box, [-np.inf, np.inf] if rule.total else [0.0, 0.0]])
    cost = np.append(-y, 1.0 if rule.total else 0.0)
    result = linprog(cost, bounds=bounds, method="highs", **problem)
    if result.status != 0:
        raise RuntimeError(f"solver='highs' failed: {result.message} Use solver='ipm'.")
    found = result.ineqlin if rule.positive else result.eqlin
    w = -found.marginals[:n_models]
    intercept = -float(result.eqlin.marginals[-1]) if fit_intercept else 0.0
    if rule.positive:
        w = np.maximum(w, 0.0)
    r = y - intercept - w @ A
    loss = float(s @ np.maximum(tau * r, (tau - 1) * r))
    gap = max(loss + result.fun, 0.0) / max(loss, np.finfo(float).tiny)
    w = w * unit / units
    if fit_intercept:
        intercept = intercept * unit + middle - means @ w
    A, y, s = given
    r = y - intercept - w @ A
    loss = float(s @ np.maximum(tau * r, (tau - 1) * r))
    return Weights(w, intercept, loss, gap, int(result.nit), None)
