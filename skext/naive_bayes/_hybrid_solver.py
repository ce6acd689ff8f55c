"""Logistic regression on top of given scores: objective and solver."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from skext.utils._probabilities import log_sigmoid, log_softmax


class HybridProblem(NamedTuple):
    """Data of the problem; with two classes, one column stands for their difference.

    Attributes
    ----------
    scores : ndarray of shape (n_samples, n_columns)
        Generative scores, scaled to a mean square of about one.
    Z : ndarray of shape (n_samples, n_features)
        Centred and scaled features.
    codes : ndarray of shape (n_samples,)
        Class indices.
    weights : ndarray of shape (n_samples,)
        Sample weights; they sum to ``total``.
    total : float
        Sum of the sample weights.
    spread : ndarray of shape (n_features,), default=1.0
        Standard deviations of the columns of ``Z``; 1 where they do not vary.
    """

    scores: np.ndarray
    Z: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    total: float
    spread: np.ndarray | float = 1.0

    @property
    def n_parameters(self):
        """Number of unknowns: factor, offsets and weights."""
        return 1 + self.scores.shape[1] * (1 + self.Z.shape[1])

    def start(self):
        """Return the scores alone as a point to start from."""
        parameters = np.zeros(self.n_parameters)
        parameters[0] = 1.0
        return parameters


class HybridSolution(NamedTuple):
    """Solution of a problem.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
        All unknowns, to start from.
    tau : float
        Factor of the scores.
    offset : ndarray of shape (n_columns,)
        Constant of each column.
    delta : ndarray of shape (n_columns, n_features)
        Weights of the features.
    gradient : float
        Largest entry of the projected gradient.
    n_iter : int
        Iterations.
    converged : bool
        Whether the tolerance was met.
    """

    parameters: np.ndarray
    tau: float
    offset: np.ndarray
    delta: np.ndarray
    gradient: float
    n_iter: int
    converged: bool


def class_log_proba(scores):
    """Return log-probabilities of all classes.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_columns)
        Scores of the classes, or one column with the difference of two.

    Returns
    -------
    log_proba : ndarray of shape (n_samples, n_classes)
        Logarithms of the softmax.
    """
    return log_sigmoid(scores) if scores.shape[1] == 1 else log_softmax(scores)


def unpack(parameters, n_columns):
    """Return factor, offsets and weights."""
    rest = parameters[1 + n_columns :]
    return parameters[0], parameters[1 : 1 + n_columns], rest.reshape(n_columns, -1)


def objective_and_gradient(parameters, problem, C):
    """Return the penalized mean log loss and its gradient.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
        Factor, offsets, weights.
    problem : HybridProblem
        The data.
    C : float
        Inverse strength of the penalty on the weights; may be infinite.

    Returns
    -------
    value : float
        Objective.
    gradient : ndarray of shape (n_parameters,)
        Its derivative.
    """
    scores, Z, codes, weights, total, _ = problem
    n_columns = scores.shape[1]
    tau, offset, delta = unpack(parameters, n_columns)
    strength = 1.0 / (C * total)
    log_proba = class_log_proba(tau * scores + Z @ delta.T + offset)
    rows = np.arange(codes.size)
    value = -(weights @ log_proba[rows, codes]) / total
    value += 0.5 * strength * (delta**2).sum()
    error = np.exp(log_proba)
    error[rows, codes] -= 1.0
    error *= (weights / total)[:, np.newaxis]
    if n_columns == 1:
        error = error[:, 1:]
    gradient = np.empty_like(parameters)
    gradient[0] = np.einsum("ik,ik->", error, scores)
    gradient[1 : 1 + n_columns] = error.sum(axis=0)
    gradient[1 + n_columns :] = (error.T @ Z + strength * delta).ravel()
    return value, gradient


def solve_hybrid(problem, C, start, *, max_iter, tol):
    """Minimize the objective over a non-negative factor, offsets and weights.

    Parameters
    ----------
    problem : HybridProblem
        The data.
    C : float
        Inverse strength of the penalty on the weights.
    start : ndarray of shape (n_parameters,)
        Where to start.
    max_iter : int
        Most iterations.
    tol : float
        Largest entry of the projected gradient at the end; for features divided by
        their spread if there is no penalty.

    Returns
    -------
    solution : HybridSolution
        The minimum, or the best point that was reached.
    """
    n_columns, n_features = problem.scores.shape[1], problem.Z.shape[1]
    factors = np.ones(problem.n_parameters)
    if np.isinf(C):
        # Units do not matter then, and must not keep the solver from the optimum.
        weights = factors[1 + n_columns :].reshape(n_columns, n_features)
        weights *= problem.spread
    bounds = [(0.0, None)] + [(None, None)] * (problem.n_parameters - 1)

    def scaled(parameters):
        value, gradient = objective_and_gradient(parameters / factors, problem, C)
        return value, gradient / factors

    found = minimize(
        scaled,
        start * factors,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={
            "maxiter": max_iter,
            "maxfun": 10 * max_iter,
            "maxls": 50,
            "gtol": tol,
            "ftol": 64 * np.finfo(float).eps,
        },
    )
    gradient = np.abs(found.jac)
    if found.x[0] <= 0:
        gradient[0] = max(0.0, -found.jac[0])
    parameters = found.x / factors
    tau, offset, delta = unpack(parameters, n_columns)
    return HybridSolution(
        parameters=parameters,
        tau=float(tau),
        offset=offset.copy(),
        delta=delta.copy(),
        gradient=float(gradient.max()),
        n_iter=int(found.nit),
        converged=bool(found.success),
    )
