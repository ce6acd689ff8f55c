"""Minimization over linear functions of the features."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from skext.label_proportions._core.models import LinearModel
from skext.utils._warnings import warn_user

_POLISHES = 3
_MAX_POLISHED = 500
_DIFFERENCE = 1e-5
# How often a line search that got stuck is begun anew.
_RESTARTS = 3
# Columns this near to mean 0 and variance 1 are left as they are.
_STANDARD = 1e-6
# Means that are farther from 0, in standard deviations, are taken off first.
_FAR = 1e3
# Squares below this have lost digits.
_TINY = 1e-250


class Units(NamedTuple):
    """Units in which weights are searched: all features are alike in them."""

    mean: np.ndarray
    """Of the features, zero if there is no constant, shape (n_features,)."""
    scale: np.ndarray
    """What a weight is multiplied by, shape (n_features,)."""
    applied: bool
    """Whether rows are in these units, or weights are turned for each evaluation."""

    @property
    def of_rows(self):
        """Scale of the rows that the solver is given, relative to the user's."""
        return self.scale if self.applied else np.ones_like(self.scale)


def choose_units(X, weight, C, fit_intercept):
    """Choose the units of a search for weights.

    The minimum is that of the user's features and of a penalty on their weights. Only
    the way there depends on the units.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.
    C : float
        Inverse strength of the penalty.
    fit_intercept : bool
        Whether there is a constant, so that means may be taken off.

    Returns
    -------
    rows : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Those to search with: the same, or a copy if means are far from zero.
    units : Units
        The units.
    """
    total = weight.sum()
    mean = weight @ X / total if fit_intercept else np.zeros(X.shape[1])
    rows = None
    if sparse.issparse(X):
        spread = np.sqrt(_sparse_squares(X, weight, mean) / total)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            square = np.einsum("i,ij,ij->j", weight, X, X) / total - mean**2
            near = mean**2 <= _FAR**2 * square
        none = square <= _TINY
        if none.any():
            near[none] &= ~X[:, none].any(axis=0)
        if near.all():
            spread = np.sqrt(square)
        else:
            rows = X - mean
            spread = _spreads(rows, weight / total)
            # What is left of a constant is rounding.
            spread[X.min(axis=0) == X.max(axis=0)] = 0.0
    # A feature that the penalty rules has no need of more.
    least = 0.0 if np.isinf(C) else np.sqrt(1.0 / (total * C))
    scale = np.maximum(spread, least)
    scale[~((scale > 0) & np.isfinite(scale))] = 1.0
    if rows is not None:
        rows /= scale
        return rows, Units(mean, scale, True)
    if (np.abs(mean) <= _STANDARD).all() and (np.abs(scale - 1) <= _STANDARD).all():
        return X, Units(np.zeros_like(mean), np.ones_like(scale), False)
    return X, Units(mean, scale, False)


def _spreads(rows, weight):
    """Return roots of weighted mean squares; those of large numbers are finite."""
    most = np.abs(rows).max(axis=0)
    most[most == 0] = 1.0
    part = rows / most
    return most * np.sqrt(np.einsum("i,ij,ij->j", weight, part, part))


def _sparse_squares(X, weight, mean):
    """Return weighted sums of squared distances from the mean."""
    X = X.tocsr()
    per_entry = np.repeat(weight, np.diff(X.indptr))
    off = X.data - mean[X.indices]
    found = np.bincount(X.indices, per_entry * off**2, minlength=X.shape[1])
    there = np.bincount(X.indices, per_entry, minlength=X.shape[1])
    return found + np.maximum(weight.sum() - there, 0.0) * mean**2


def _polish(gradient, x, free, tol):
    """Take Newton steps where a line search cannot tell values apart any more.

    The Hessian comes from differences of gradients, whose error only costs steps.
    """
    slope = gradient(x)
    index = np.arange(x.size)[free]
    if index.size > _MAX_POLISHED:
        return x
    hessian = np.empty((index.size, index.size))
    for row, j in enumerate(index):
        step = np.zeros(x.size)
        step[j] = _DIFFERENCE
        change = gradient(x + step) - gradient(x - step)
        hessian[row] = change[index] / (2 * _DIFFERENCE)
    hessian = 0.5 * (hessian + hessian.T)
    for _ in range(_POLISHES):
        if np.abs(slope).max() <= tol:
            break
        moved = x.copy()
        moved[index] -= np.linalg.lstsq(hessian, slope[index])[0]
        new = gradient(moved)
        if not np.abs(new).max() < np.abs(slope).max():
            break
        x, slope = moved, new
    return x


def minimize_linear(
    X,
    loss,
    C,
    *,
    units,
    total_weight,
    fit_intercept,
    max_iter,
    tol,
    name,
    linear=None,
    n_classes=None,
):
    """Minimize ``C * loss(scores) + |coef|^2 / 2`` over linear scores.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows, as :func:`choose_units` returns them.
    loss : callable
        Maps scores of shape (n_samples,), or (n_samples, n_classes), to the loss and
        its gradient.
    C : float
        Inverse strength of the penalty; infinity is none.
    units : Units
        From the same function.
    total_weight : float
        Weight of all rows, by which the objective is divided.
    fit_intercept : bool
        Whether there are constants, which are not penalized.
    max_iter : int
        Largest number of iterations.
    tol : float
        Largest entry of the gradient, in the chosen units.
    name : str
        Of the estimator, for the warning.
    linear : tuple of ndarray, default=None
        What is taken from the loss for each unit of the weights and the constants: of
        shapes (n_features,) and (), with a first axis for classes if there are any.
        The features are those of ``X``.
    n_classes : int, default=None
        Number of scores of a row; None is one, without an axis of its own.

    Returns
    -------
    model : LinearModel
        The solution.
    n_iter : int
        Number of iterations.
    """
    n_features, n_scores = X.shape[1], n_classes or 1
    share = 1.0 / total_weight
    penalty = 0.0 if np.isinf(C) else share / C
    free = np.ones((n_scores, n_features + 1), dtype=bool)
    free[:, n_features] = fit_intercept
    inverse = 1.0 / units.scale
    shrink = penalty * inverse
    turned = not units.applied and (units.mean.any() or (units.scale != 1).any())

    def objective(parameters):
        table = parameters.reshape(n_scores, -1)
        coef, intercept = table[:, :n_features], table[:, n_features]
        of_user = coef * inverse
        if turned:
            coef, intercept = of_user, intercept - of_user @ units.mean
        scores = X @ coef.T + intercept
        value, slope = loss(scores if n_classes else scores[:, 0])
        slope = slope.reshape(scores.shape)
        gradient = np.empty_like(table)
        weights, constants = gradient[:, :n_features], gradient[:, n_features]
        np.multiply(share, (X.T @ slope).T, out=weights)
        np.multiply(share, slope.sum(axis=0), out=constants)
        if linear is not None:
            value = value - np.sum(linear[0] * coef) - np.sum(linear[1] * intercept)
            weights -= share * linear[0]
            constants -= share * linear[1]
        if turned:
            weights -= constants[:, np.newaxis] * units.mean
            weights *= inverse
        value = share * value
        if penalty:
            weights += shrink * of_user
            value += 0.5 * penalty * np.vdot(of_user, of_user)
        if not fit_intercept:
            constants[:] = 0.0
        return value, gradient.ravel()

    start = np.zeros(n_scores * (n_features + 1))
    parameters, n_iter, largest = _descend(objective, start, free, max_iter, tol)
    if not largest <= tol:
        warn_user(
            f"{name} did not converge in {n_iter} iterations: an entry of the gradient "
            f"is {largest:.2g}, asked is tol={tol:.2g}; increase max_iter, or lower C "
            "if weights grow without end.",
            ConvergenceWarning,
        )
    table = parameters.reshape(n_scores, -1)
    coef = table[:, :n_features] / units.scale
    intercept = table[:, n_features] - coef @ units.mean
    if n_classes:
        # A number that is added to all scores of a row changes nothing.
        coef, intercept = coef - coef.mean(axis=0), intercept - intercept.mean()
        return LinearModel(coef, intercept), n_iter
    return LinearModel(coef[0], float(intercept[0])), n_iter


def _descend(objective, start, free, max_iter, tol):
    """Return where the search ended, its iterations, and the largest slope there."""
    parameters, n_iter = start, 0
    for _ in range(1 + _RESTARTS):
        found = minimize(
            objective,
            parameters,
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": max_iter - n_iter,
                "maxfun": 20 * max_iter,
                "gtol": tol,
                "ftol": 0.0,
            },
        )
        parameters, n_iter = found.x, n_iter + found.nit
        largest = np.abs(found.jac).max()
        stuck = found.status != 1 and not largest <= tol
        # Newton steps are better, where there are not too many parameters.
        few = free.sum() <= _MAX_POLISHED
        if not stuck or few or found.nit == 0 or n_iter >= max_iter:
            break
    if stuck:
        parameters = _polish(lambda x: objective(x)[1], parameters, free.ravel(), tol)
        largest = np.abs(objective(parameters)[1]).max()
    return parameters, n_iter, largest
