"""Minimization over linear functions of the features."""

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from skext.label_proportions._models import LinearModel, SoftmaxModel
from skext.utils._warnings import warn_user

_POLISHES = 3
_MAX_POLISHED = 500
_DIFFERENCE = 1e-5


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
        Rows.
    loss : callable
        Maps scores of shape (n_samples,), or (n_samples, n_classes), to the loss and
        its gradient.
    C : float
        Inverse strength of the penalty; infinity is none.
    total_weight : float
        Weight of all rows, by which the objective is divided.
    fit_intercept : bool
        Whether there are constants, which are not penalized.
    max_iter : int
        Largest number of iterations.
    tol : float
        Largest entry of the gradient.
    name : str
        Of the estimator, for the warning.
    linear : tuple of ndarray, default=None
        What is taken from the loss for each unit of the weights and the constants: of
        shapes (n_features,) and (), with a first axis for classes if there are any.
    n_classes : int, default=None
        Number of scores of a row; None is one, without an axis of its own.

    Returns
    -------
    model : LinearModel or SoftmaxModel
        The solution.
    n_iter : int
        Number of iterations.
    """
    n_features, n_scores = X.shape[1], n_classes or 1
    scale = 1.0 / total_weight
    penalty = 0.0 if np.isinf(C) else scale / C
    free = np.ones((n_scores, n_features + 1), dtype=bool)
    free[:, n_features] = fit_intercept

    def objective(parameters):
        table = parameters.reshape(n_scores, -1)
        coef, intercept = table[:, :n_features], table[:, n_features]
        scores = X @ coef.T + intercept
        value, slope = loss(scores if n_classes else scores[:, 0])
        slope = slope.reshape(scores.shape)
        gradient = np.empty_like(table)
        gradient[:, :n_features] = scale * (X.T @ slope).T + penalty * coef
        gradient[:, n_features] = scale * slope.sum(axis=0)
        if linear is not None:
            value = value - np.sum(linear[0] * coef) - np.sum(linear[1] * intercept)
            gradient[:, :n_features] -= scale * linear[0]
            gradient[:, n_features] -= scale * linear[1]
        gradient[~free] = 0.0
        return scale * value + 0.5 * penalty * np.sum(coef * coef), gradient.ravel()

    found = minimize(
        objective,
        np.zeros(n_scores * (n_features + 1)),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": max_iter,
            "maxfun": 20 * max_iter,
            "gtol": tol,
            "ftol": 0.0,
        },
    )
    n_iter, parameters = found.nit, found.x
    if found.status != 1 and np.abs(found.jac).max() > tol:
        parameters = _polish(lambda x: objective(x)[1], parameters, free.ravel(), tol)
    if found.status == 1:
        warn_user(
            f"{name} did not converge in {n_iter} iterations; increase max_iter or "
            "scale the features.",
            ConvergenceWarning,
        )
    table = parameters.reshape(n_scores, -1)
    if n_classes:
        # A number that is added to all scores of a row changes nothing.
        table = table - table.mean(axis=0)
        return SoftmaxModel(table[:, :n_features], table[:, n_features]), n_iter
    return LinearModel(table[0, :n_features], float(table[0, n_features])), n_iter
