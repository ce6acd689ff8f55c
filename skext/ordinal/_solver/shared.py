"""Newton method for thresholds that share their weights, on dense columns."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skext.ordinal._solver.descent_kernels import gram_descent
from skext.ordinal._solver.design import DenseBlock, Rows
from skext.ordinal._solver.kernels import shared_rows
from skext.utils._parallel import run_chunks

# Large tables are first solved for a part of the rows.
_MIN_ROWS = 20_000
_THINNING = 8
_MIN_CLASS = 200


class SharedMinimum(NamedTuple):
    """Where the Newton method stopped."""

    thresholds: np.ndarray
    weights: np.ndarray
    loss: float
    gradient: np.ndarray
    """Of the smooth part for the weights, shape (n_features,)."""
    violation: float
    n_iter: int
    last_move: float
    """Largest change of the predictor of a row in the last step."""


class _Derivatives(NamedTuple):
    """Gradient, and the curvature that involves thresholds."""

    thresholds: np.ndarray
    weights: np.ndarray
    corner: np.ndarray
    """Curvature of the thresholds, shape (n_thresholds, n_thresholds)."""
    border: np.ndarray
    """Between thresholds and weights, shape (n_thresholds, n_features)."""


class _Model(NamedTuple):
    """Curvature after the thresholds are eliminated."""

    reduced: np.ndarray
    factor: tuple | None
    """Cholesky factor with the squares of the penalty, for smooth objectives."""
    border: np.ndarray
    corner: np.ndarray


def thin(rows, columns):
    """Take every eighth row of the large classes; shares of classes stay.

    Parameters
    ----------
    rows : Rows
        The targets.
    columns : ndarray of shape (width, n_rows)
        Columns of the table.

    Returns
    -------
    rows : Rows
        Some of the rows.
    columns : ndarray of shape (width, n_kept)
        The same rows.
    """
    kept, weights = [], []
    for a, b in zip(rows.bounds[:-1], rows.bounds[1:], strict=True):
        step = _THINNING if b - a >= _THINNING * _MIN_CLASS else 1
        kept.append(np.arange(a, b, step))
        weight = rows.weight[a:b:step]
        weights.append(weight * (rows.weight[a:b].sum() / weight.sum()))
    kept = np.concatenate(kept)
    y = rows.y[kept]
    bounds = np.searchsorted(y, np.arange(rows.n_classes + 1))
    few = Rows(y, np.concatenate(weights), bounds, rows.first[kept])
    return few, np.take(columns, kept, axis=1)


def minimise_shared(
    rows, columns, link, l1, l2, thresholds, weights, tol, max_iter, n_jobs
):
    """Minimise loss and penalty over thresholds and shared weights.

    Parameters
    ----------
    rows : Rows
        The targets.
    columns : ndarray of shape (1 + n_features, n_rows)
        Ones, and the columns of the table.
    link : int or None
        Number of the link.
    l1, l2 : ndarray of shape (n_features,)
        Factors of the penalty.
    thresholds : ndarray of shape (n_thresholds,)
        Start, increasing.
    weights : ndarray of shape (n_features,)
        Start.
    tol : callable
        Maps the loss to the violation at which to stop.
    max_iter : int
        Largest number of steps.
    n_jobs : int or None
        Threads for the loop over rows.

    Returns
    -------
    minimum : SharedMinimum
        The result.
    """
    width, n_rows = columns.shape
    if n_rows >= max(_MIN_ROWS, 100 * width) and not weights.any():
        few, some = thin(rows, columns)
        first = minimise_shared(
            few, some, link, l1, l2, thresholds, weights,
            lambda loss: 1e-4, max_iter, n_jobs,
        )  # fmt: skip
        if np.isfinite(first.loss):
            thresholds, weights = first.thresholds, first.weights
    block = DenseBlock(columns, None)
    fixed = (link, rows.y, rows.n_classes - 1, rows.weight)
    penalty = l1, l2

    def evaluate(thresholds, scores):
        out = np.empty((n_rows, 6))
        args = (*fixed, thresholds, scores, out)
        run_chunks(shared_rows, n_rows, *args, n_jobs=n_jobs)
        return out, float(out[:, 5].sum())

    scores = weights @ columns[1:]
    out, value = evaluate(thresholds, scores)
    model, last, n_iter, before = None, np.inf, 0, None
    while True:
        at = _derive(rows, columns, out)
        gradient = at.weights + l2 * weights
        violation = max(
            _violation(gradient, weights, l1), float(np.abs(at.thresholds).max())
        )
        # A gradient of rounding errors that is still too large for a vanishing loss
        # means that classes can be separated.
        if violation <= max(tol(value), 1e-15) or n_iter == max_iter:
            break
        # Old curvature is good enough while each step gains a digit.
        if model is None or violation > 0.1 * last:
            model = _build(block, at, out, l1, l2)
        last = violation
        n_iter += 1
        step = _step(model, at, gradient, weights, penalty, violation)
        found = _search(
            evaluate, columns, penalty, thresholds, weights, scores, value, step,
            float(at.thresholds @ step[0] + gradient @ step[1]),
        )  # fmt: skip
        if found is None:
            break
        before = thresholds, scores
        thresholds, weights, scores, out, value = found
    move = np.inf
    if before is not None:
        move = np.abs(scores - before[1]).max(initial=0.0)
        move = float(move + np.abs(thresholds - before[0]).max(initial=0.0))
    return SharedMinimum(thresholds, weights, value, gradient, violation, n_iter, move)


def _violation(gradient, weights, l1):
    """Return the largest violation of optimality among the weights."""
    if gradient.size == 0:
        return 0.0
    where = weights != 0.0
    found = np.maximum(np.abs(gradient) - l1, 0.0)
    found[where] = np.abs(gradient[where] + l1[where] * np.sign(weights[where]))
    return float(found.max())


def _derive(rows, columns, out):
    """Sum the terms of the rows."""
    n_thresholds, width = rows.n_classes - 1, columns.shape[0]
    # The first and the last line are thresholds that do not exist.
    slopes = np.zeros((n_thresholds + 2, width))
    curved = np.zeros((n_thresholds + 2, width))
    for c in range(rows.n_classes):
        a, b = rows.bounds[c], rows.bounds[c + 1]
        part = (columns[:, a:b] @ out[a:b, :4]).T
        slopes[c : c + 2] += part[:2]
        curved[c : c + 2] += part[2:]
    inner, border = slopes[1:-1], curved[1:-1]
    mixed = np.add.reduceat(out[:, 4], rows.bounds[:-1])
    corner = np.diag(border[:, 0] - mixed[1:] - mixed[:-1])
    index = np.arange(n_thresholds - 1)
    corner[index, index + 1] = corner[index + 1, index] = mixed[1:-1]
    return _Derivatives(
        inner[:, 0].copy(), inner[:, 1:].sum(axis=0), corner, border[:, 1:]
    )


def _build(block, at, out, l1, l2):
    """Return the quadratic model with the thresholds eliminated."""
    full = block.cross(out[:, 2] + out[:, 3], 0, out.shape[0])[1:, 1:]
    corner = at.corner + np.diag(1e-13 * np.diag(at.corner) + 1e-300)
    reduced = full - at.border.T @ np.linalg.solve(corner, at.border)
    factor = None
    if not l1.any():
        index, ridge = np.arange(reduced.shape[0]), 1e-12
        scale = np.maximum(np.diag(full), 0.0) + l2
        while factor is None:
            matrix = reduced.copy()
            matrix[index, index] += l2 + ridge * scale + 1e-300
            try:
                factor = cho_factor(matrix, lower=True)
            except LinAlgError:
                # Columns that depend on each other, or saturated rows.
                ridge *= 100.0
    return _Model(reduced, factor, at.border, corner)


def _step(model, at, gradient, weights, penalty, violation):
    """Return the steps of thresholds and weights."""
    l1, l2 = penalty
    moved = np.linalg.solve(model.corner, at.thresholds)
    if model.factor is not None:
        step = cho_solve(model.factor, model.border.T @ moved - gradient)
    else:
        slope = (at.weights - model.border.T @ moved)[None]
        target, step = weights[None].copy(), np.zeros((1, weights.size))
        off = np.empty((0, weights.size, weights.size))
        limit = max(1e-3 * (0.1 * violation) ** 2, 1e-28)
        diag = np.ascontiguousarray(model.reduced)[None]
        gram_descent(diag, off, slope, target, l1[None], l2[None], limit, 500, step)
        step = target[0] - weights
    return -np.linalg.solve(model.corner, at.thresholds + model.border @ step), step


def _search(
    evaluate, columns, penalty, thresholds, weights, scores, value, step, slope
):
    """Shorten a step until the objective decreases enough; None if it cannot."""
    l1, l2 = penalty
    step0, step1 = step
    score_step = step1 @ columns[1:]
    t = 1.0
    gaps, changes = np.diff(thresholds), np.diff(step0)
    if (changes < 0.0).any():
        closing = changes < 0.0
        t = min(t, 0.99 * float((-gaps[closing] / changes[closing]).min()))

    def absolute(weights):
        where = weights != 0.0
        return float(l1[where] @ np.abs(weights[where]))

    def penalised(weights):
        return absolute(weights) + 0.5 * float(l2 @ weights**2)

    before = value + penalised(weights)
    slope += absolute(weights + step1) - absolute(weights)
    if not slope < 0.0:
        return None
    while t > 1e-12:
        new = weights + t * step1
        new_thresholds, new_scores = thresholds + t * step0, scores + t * score_step
        out, new_value = evaluate(new_thresholds, new_scores)
        after = new_value + penalised(new)
        # Rounding is not an increase.
        if after <= before + 1e-4 * t * slope + 1e-14 * abs(before):
            return new_thresholds, new, new_scores, out, new_value
        t *= 0.5
    return None
