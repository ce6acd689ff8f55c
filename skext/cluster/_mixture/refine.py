"""Expectation-maximization on all rows, after a search on representatives."""

import numpy as np

from skext.cluster._mixture.em import (
    Mixture,
    fit_covariance,
    joint_log_density,
    log_constants,
)
from skext.cluster._reduce.canonical import lexicographic_order

_BLOCK = 4096
# Squared Mahalanobis distance.
_FAR = 1e4


def refine_mixture(solution, X, sample_weight, n_iter):
    """Improve the components by a few iterations on all rows.

    Parameters
    ----------
    solution : Solution
        Result of a search on representatives.
    X : ndarray of shape (n_samples, n_features)
        All rows; they are read in blocks, in an order that does not depend on how
        they came.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights.
    n_iter : int
        Number of iterations.

    Returns
    -------
    solution : Solution
        With other components; clusters and record stay.
    """
    order = lexicographic_order(X)
    mixture = solution.search.state.mixture
    for _ in range(n_iter):
        mixture = _iterate(solution, mixture, X, sample_weight, order)
    state = solution.search.state._replace(mixture=mixture)
    return solution._replace(search=solution.search._replace(state=state))


def _iterate(solution, mixture, X, sample_weight, order):
    k, d = mixture.means.shape
    mass, count = np.zeros((2, k))
    first, second = np.zeros((k, d)), np.zeros((k, d, d))
    for start in range(0, len(order), _BLOCK):
        here = order[start : start + _BLOCK]
        rows = _in_frame(solution.frame, np.take(X, here, axis=0))
        joint = joint_log_density(mixture, rows)
        resp = np.exp(joint - np.logaddexp.reduce(joint, axis=0))
        weights = np.ones(len(here)) if sample_weight is None else sample_weight[here]
        # Rows that were left out of the search would take a component along.
        away = (2.0 * (log_constants(mixture)[:, None] - joint)).min(axis=0)
        weights = np.where(away > _FAR, 0.0, weights)
        count += resp @ (weights > 0)
        for c in range(k):
            share = resp[c] * weights
            centered = rows - mixture.means[c][:, None]
            mass[c] += share.sum()
            first[c] += centered @ share
            second[c] += (centered * share) @ centered.T
    return _maximize(solution, mixture, mass, count, first, second)


def _maximize(solution, mixture, mass, count, first, second):
    """Components of the new moments, in the coarsened number of rows."""
    scale = solution.data.weights.sum() / mass.sum()
    fresh = Mixture(*(values.copy() for values in mixture))
    for c in range(len(mass)):
        if count[c] < 1.5 or mass[c] <= 0.0:
            continue
        step = first[c] / mass[c]
        cov = second[c] / mass[c] - np.outer(step, step)
        fresh.mass[c] = scale * mass[c]
        fresh.means[c] += step
        fresh.log_dets[c], fresh.n_params[c], fresh.family[c] = fit_covariance(
            cov, fresh.mass[c], count[c], solution.rules, fresh.factors[c]
        )
        fresh.covariances[c] = cov
    return fresh


def _in_frame(frame, rows):
    rows = (rows[:, frame.columns] - frame.center[frame.columns]) / frame.scale
    if frame.basis.shape[1]:
        rows = rows @ frame.basis
    return np.ascontiguousarray(rows.T)
