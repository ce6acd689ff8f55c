"""Fitted attributes of the clustering."""

import math

import numpy as np

from skext.cluster._mixture.em import FAMILIES
from skext.cluster._mixture.linkage import saddle_linkage
from skext.cluster._mixture.posterior import (
    between_clusters,
    cluster_posterior,
    clusterability,
)
from skext.cluster._mixture.validate import cluster_means

_CORE = 0.95
_BLOCK_VALUES = 2**18


def describe(solution):
    """Translate what a fit found into attributes, in the user's units.

    Parameters
    ----------
    solution : Solution
        Result of the search.

    Returns
    -------
    attributes : dict of str to object
        By name.
    """
    mixture = solution.search.state.mixture
    found = {
        "n_components_": len(mixture.mass),
        "component_weights_": mixture.mass / mixture.mass.sum(),
        "component_family_": np.array([FAMILIES[int(f)] for f in mixture.family]),
        "component_to_cluster_": solution.clusters.cluster,
        "background_": solution.clusters.background,
        "reduction_loss_": solution.reduction_loss,
        "n_representatives_": len(solution.data.weights),
    }
    found |= _describe_mixture(solution)
    found |= _describe_clusters(solution)
    found |= _describe_search(solution)
    return found


def _describe_mixture(solution):
    mixture, frame = solution.search.state.mixture, solution.frame
    covariances = frame.restore_covariances(mixture.covariances)
    factors = np.zeros_like(covariances)
    varying = np.ix_(frame.columns, frame.columns)
    for k, covariance in enumerate(covariances):
        if frame.basis.shape[1]:
            factors[k][varying] = _inverse_factor(covariance[varying])
        else:
            factors[k][varying] = mixture.factors[k] / frame.scale
    return {
        "means_": frame.restore(mixture.means),
        "covariances_": covariances,
        "precisions_cholesky_": factors,
    }


def _inverse_factor(covariance):
    """Upper triangular factor of the inverse, also of what is nearly singular."""
    size = np.sqrt(np.diag(covariance))
    matrix = covariance / size / size[:, None]
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        matrix[np.diag_indices_from(matrix)] += 1e-10
        lower = np.linalg.cholesky(matrix)
    return np.linalg.inv(lower).T / size[:, None]


def _describe_clusters(solution):
    mixture, clusters = solution.search.state.mixture, solution.clusters
    label, background = clusters
    n_clusters = int(label.max()) + 1
    everything = np.arange(n_clusters)
    centers = cluster_means(mixture, label, background, everything)
    inside = np.where(background, -1, label)
    mass = np.bincount(label[~background], mixture.mass[~background], n_clusters)
    proba = cluster_posterior(solution.search.state.resp, inside, n_clusters)
    weights = solution.data.weights
    top = solution.search.state.resp.argmax(axis=0)
    core = (proba.max(axis=0) >= _CORE) & ~background[top]
    depths, evidence = between_clusters(solution.pairs, inside, n_clusters)
    others = depths + np.diag(np.full(n_clusters, np.inf))
    return {
        "n_clusters_": n_clusters,
        "cluster_centers_": solution.frame.restore(centers),
        "weights_": mass / mass.sum(),
        "clusterability_": clusterability(proba, weights),
        "core_clusterability_": clusterability(proba[:, core], weights[core]),
        "separability_matrix_": depths,
        "evidence_matrix_": evidence,
        "cluster_separability_": others.min(axis=1),
    }


def _describe_search(solution):
    search, pairs = solution.search, solution.pairs
    state = search.state
    tree = saddle_linkage(pairs.saddles, pairs.peaks)
    # The criterion of the user's units: each row has its density times a constant.
    volume = 2.0 * solution.data.weights.sum() * solution.frame.log_volume()
    return {
        "bic_": float(state.bic(solution.rules.log_n) + volume),
        "bic_path_": search.bic_path + volume,
        "n_levels_": search.n_levels,
        "n_iter_": max(int(state.n_iter), 1),
        "converged_": bool(state.converged),
        "split_tree_": search.tree,
        "linkage_matrix_": tree,
        "children_": tree[:, :2].astype(np.int64),
        "distances_": tree[:, 2].copy(),
        "peaks_": pairs.peaks - solution.frame.log_volume(),
    }


def drop_empty(solution, labels):
    """Give clusters that no row belongs to up; None if there are none.

    Their components become background, which changes no label.
    """
    label, background = solution.clusters
    n_clusters = int(label.max()) + 1
    used = np.bincount(labels, minlength=n_clusters) > 0
    if used.all():
        return None
    empty = ~used[label]
    number = np.cumsum(used) - 1
    nearest = np.zeros(len(label), dtype=np.int64)
    for c in np.flatnonzero(empty):
        saddles = np.where(empty, -np.inf, solution.pairs.saddles[c])
        nearest[c] = number[label[saddles.argmax()]]
    clusters = solution.clusters._replace(
        cluster=np.where(empty, nearest, number[label]), background=background | empty
    )
    return solution._replace(clusters=clusters)


def inertia_of(X, weights, labels, centers):
    """Weighted sum of squared distances of rows to their centres."""
    parts = []
    step = max(_BLOCK_VALUES // X.shape[1], 1)
    for start in range(0, len(X), step):
        here = slice(start, start + step)
        away = X[here] - centers[labels[here]]
        square = np.einsum("ij,ij->i", away, away)
        parts.append(square.sum() if weights is None else square @ weights[here])
    return math.fsum(parts)
