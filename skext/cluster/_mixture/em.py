"""Gaussian mixtures with a family of covariance for each component."""

import math
from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.expectation_kernels import expect, log_density
from skext.cluster._mixture.maximization_kernels import (
    choose_family,
    eigen_small,
    fit_components,
    try_components,
)

# Of more features the linear algebra library is faster.
_OWN_ROTATIONS = 16
FAMILIES = {1: "spherical", 2: "diag", 4: "ppca", 8: "full"}


class Data(NamedTuple):
    """Rows, or representatives of rows, lying on their side.

    Attributes
    ----------
    rows : ndarray of shape (n_features, n_rows)
        Values.
    spread : ndarray of shape (n_features, n_rows) or (n_features, 0)
        Variances within what each row stands for; no columns if it is a point.
    weights : ndarray of shape (n_rows,)
        How much each row counts as evidence.
    counts : ndarray of shape (n_rows,)
        How many rows it counts as where the size of a component is bounded: distinct
        ones, or all where copies are observations of their own.
    """

    rows: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    counts: np.ndarray

    def part(self, index):
        """Give some of the rows."""
        return Data(
            np.take(self.rows, index, axis=1),
            np.take(self.spread, index, axis=1) if self.spread.size else self.spread,
            self.weights[index],
            self.counts[index],
        )


class Rules(NamedTuple):
    """What a component may look like.

    Attributes
    ----------
    floor : ndarray of shape (n_features,)
        Smallest variances.
    ridge : ndarray of shape (n_features,)
        Added to the diagonal of families with correlations.
    log_n : float
        Logarithm of the sample size in the information criterion.
    families : int
        Sum of the codes of the allowed families.
    """

    floor: np.ndarray
    ridge: np.ndarray
    log_n: float
    families: int


class Mixture(NamedTuple):
    """Components, each with its mass, mean, covariance and family.

    Attributes
    ----------
    mass : ndarray of shape (n_components,)
        Weight of the rows.
    means : ndarray of shape (n_components, n_features)
        Centres.
    covariances : ndarray of shape (n_components, n_features, n_features)
        Covariances of the model.
    factors : ndarray of shape (n_components, n_features, n_features)
        Upper triangular, ``inverse covariance = factor @ factor.T``.
    log_dets : ndarray of shape (n_components,)
        Logarithms of the determinants of the covariances.
    n_params : ndarray of shape (n_components,)
        Free parameters without the mixing weight.
    family : ndarray of shape (n_components,)
        Codes.
    """

    mass: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    factors: np.ndarray
    log_dets: np.ndarray
    n_params: np.ndarray
    family: np.ndarray

    def select(self, index):
        """Give some of the components, in the order of ``index``."""
        return Mixture(*(values[index] for values in self))


class State(NamedTuple):
    """A mixture and what it says about the rows.

    Attributes
    ----------
    mixture : Mixture
        The components.
    resp : ndarray of shape (n_components, n_rows)
        Responsibilities.
    joint : ndarray of shape (n_components, n_rows)
        Joint log-densities.
    log_likelihood : float
        Weighted sum over the rows.
    ids : ndarray of shape (n_components,)
        Which components of the start are left.
    n_iter : int
        Iterations done.
    converged : bool
        Whether the last iteration gained too little to go on.
    """

    mixture: Mixture
    resp: np.ndarray
    joint: np.ndarray
    log_likelihood: float
    ids: np.ndarray
    n_iter: int
    converged: bool

    @property
    def n_params(self):
        """Free parameters of the mixture."""
        return float(self.mixture.n_params.sum()) + len(self.mixture.mass) - 1.0

    def bic(self, log_n):
        """Bayesian information criterion; less is better."""
        return self.n_params * log_n - 2.0 * self.log_likelihood


def fit_mixture(data, rules, resp, n_iter, tol=1e-5):
    """Run expectation-maximization from responsibilities.

    Parameters
    ----------
    data : Data
        Rows.
    rules : Rules
        Allowed components.
    resp : ndarray of shape (n_components, n_rows)
        Start; it is overwritten.
    n_iter : int
        Largest number of iterations.
    tol : float, default=1e-5
        Stop when the log-likelihood per unit of weight gains less.

    Returns
    -------
    state : State
        Components with less than one and a half rows are gone.
    """
    k, n = resp.shape
    mixture = _empty_mixture(k, data.rows.shape[0])
    ids, joint = np.arange(k), np.empty((k, n))
    bar = tol * data.weights.sum()
    log_likelihood, before, done, converged = -np.inf, -np.inf, 0, False
    while done < n_iter and not converged:
        kept = _maximize(data, rules, resp[: len(ids)], mixture)
        ids = ids[kept]
        log_likelihood = expect(data, len(ids), mixture, joint, resp)
        done += 1
        converged = bool(log_likelihood - before < bar)
        before = log_likelihood
    left = len(ids)
    if left < k:
        mixture = Mixture(*(values[:left] for values in mixture))
        resp, joint = resp[:left], joint[:left]
    return State(mixture, resp, joint, log_likelihood, ids, done, converged)


def _empty_mixture(k, d):
    return Mixture(
        np.empty(k),
        np.empty((k, d)),
        np.empty((k, d, d)),
        np.empty((k, d, d)),
        np.empty(k),
        np.empty(k),
        np.empty(k, dtype=np.int64),
    )


def _maximize(data, rules, resp, mixture):
    """Fit all components to their responsibilities; return which are left."""
    k, d = resp.shape[0], data.rows.shape[0]
    kept, scores = np.empty(k, dtype=np.int64), np.empty(k)
    larger = np.empty(k, dtype=np.bool_)
    matrices = np.empty((k, d, d))
    left = fit_components(data, rules, resp, (*mixture, scores), kept, larger, matrices)
    for c in np.flatnonzero(larger[:left]):
        found = _try_components(
            matrices[c],
            mixture.mass[c],
            rules.log_n,
            scores[c],
            mixture.covariances[c],
            mixture.factors[c],
        )
        if found[1] > 0.0:
            mixture.log_dets[c], mixture.n_params[c] = found
            mixture.family[c] = 4
    return kept[:left]


def _try_components(matrix, *others):
    """Try the principal components of a covariance, which may be overwritten."""
    d = len(matrix)
    if d > _OWN_ROTATIONS:
        return try_components(*np.linalg.eigh(matrix), *others)
    values, vectors = np.empty(d), np.empty((d, d))
    eigen_small(matrix, values, vectors)
    return try_components(values, vectors, *others)


def fit_covariance(cov, mass, count, rules, factor):
    """Choose the family of a covariance, which is replaced by the model's.

    Parameters
    ----------
    cov : ndarray of shape (n_features, n_features)
        Maximum likelihood estimate on entry, the model's on exit.
    mass, count : float
        Weight, and number of distinct rows.
    rules : Rules
        Allowed families.
    factor : ndarray of shape (n_features, n_features)
        Overwritten by the factor of the inverse.

    Returns
    -------
    log_det : float
        Logarithm of the determinant.
    n_params : float
        Number of parameters.
    family : int
        Code.
    """
    full = np.empty_like(cov)
    log_det, n_params, family, best, wanted = choose_family(
        cov, mass, count, rules, full, factor
    )
    if wanted:
        values, vectors = np.linalg.eigh(full)
        found = try_components(values, vectors, mass, rules.log_n, best, cov, factor)
        if found[1] > 0.0:
            return *found, 4
    return log_det, n_params, family


def log_constants(mixture):
    """Logarithm of the joint density of each component at its mean."""
    d = mixture.means.shape[1]
    share = np.log(mixture.mass / mixture.mass.sum())
    return share - 0.5 * (mixture.log_dets + d * math.log(2.0 * math.pi))


def joint_log_density(mixture, points):
    """Evaluate all components.

    Parameters
    ----------
    mixture : Mixture
        The components.
    points : ndarray of shape (n_features, n_points)
        Points, lying on their side.

    Returns
    -------
    joint : ndarray of shape (n_components, n_points)
        Joint log-densities.
    """
    constants = log_constants(mixture)
    points = np.ascontiguousarray(points)
    no_spread = np.empty((points.shape[0], 0))
    joint = np.empty((len(constants), points.shape[1]))
    for k, constant in enumerate(constants):
        log_density(
            points,
            no_spread,
            mixture.means[k],
            mixture.factors[k],
            bool(mixture.family[k] < 4),
            constant,
            joint[k],
        )
    return joint
