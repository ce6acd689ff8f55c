"""From a table to clusters and their attributes: reduce, search, validate, describe."""

import math
from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.em import FAMILIES, Data, Rules
from skext.cluster._mixture.frame import Frame, cells_of, make_frame
from skext.cluster._mixture.label import CORE
from skext.cluster._mixture.linkage import saddle_linkage
from skext.cluster._mixture.posterior import (
    between_clusters,
    cluster_posterior,
    clusterability,
)
from skext.cluster._mixture.search import Search, find_components
from skext.cluster._mixture.validate import (
    Clusters,
    Pairs,
    cluster_means,
    compare_components,
    group_components,
)
from skext.cluster._reduce.canonical import canonical_rows
from skext.cluster._reduce.columns import describe_columns, far_rows
from skext.cluster._reduce.input import refuse_huge
from skext.cluster._reduce.variance_tree import build_variance_tree
from skext.utils._warnings import warn_user

_BLOCK_VALUES = 2**18
# A table with more distinct rows is reduced to as many leaves.
MOST_ROWS = 20_000
N_LEAVES = 4096
# Points that are clusters by their copies alone, and how much heavier than the others
# a row must be if there are more.
_MOST_POINTS = 20
# Copies of each row on average that are too many to be an accident.
_REPEATED = 1.25
_LOG_FEW = math.log(500.0)
_ALLOWED = {"auto": 15, "spherical": 1, "diag": 2, "ppca": 4, "full": 8}


class Settings(NamedTuple):
    """What the search reads of the parameters of the estimator."""

    max_clusters: int
    covariance_type: str
    min_evidence: float
    min_prominence: float
    bridge_prominence: float
    compactness_veto: float
    coarsening: float | None
    lookahead: int
    directions: str
    min_cluster_size: int
    row_reduction: object
    feature_reduction: object
    background: str
    max_levels: int
    max_iter: int
    tol: float
    reg_covar: float
    n_jobs: int | None

    @classmethod
    def of(cls, estimator):
        """Read them."""
        return cls(*(getattr(estimator, name) for name in cls._fields))


class Summary(NamedTuple):
    """Representatives of a table, in the user's units.

    Attributes
    ----------
    means : ndarray of shape (n_representatives, n_features)
        Rows, or means of leaves.
    weights : ndarray of shape (n_representatives,)
        Total weight of each.
    variances : ndarray of shape (n_representatives, n_features) or (0, n_features)
        Variances within leaves; none for rows.
    counts : ndarray of shape (n_representatives,)
        Distinct rows of each.
    edges : tuple of two ndarray of shape (n_representatives, n_features)
        Boxes around them.
    """

    means: np.ndarray
    weights: np.ndarray
    variances: np.ndarray
    counts: np.ndarray
    edges: tuple

    def part(self, index):
        """Give some of the representatives."""
        variances = self.variances[index] if self.variances.size else self.variances
        return Summary(
            self.means[index],
            self.weights[index],
            variances,
            self.counts[index],
            tuple(edge[index] for edge in self.edges),
        )


class Solution(NamedTuple):
    """Everything that a fit finds."""

    frame: Frame
    data: Data
    rules: Rules
    search: Search
    pairs: Pairs
    clusters: Clusters
    reduction_loss: float


def summarize(X, sample_weight, settings):
    """Reduce a table to its distinct rows, or to leaves if there are too many.

    Returns
    -------
    summary : Summary
        The same for every order of the rows.
    leaf : ndarray of shape (n_samples,) or None
        Leaf of each row.
    """
    limit, n_leaves = _limits(settings.row_reduction)
    if limit is not None and len(X) > limit:
        tree = build_variance_tree(X, sample_weight, n_leaves, settings.n_jobs)
        if tree.counts.sum() > limit:
            return summary_of_tree(tree), tree.leaf
    refuse_huge(X, sample_weight)
    rows, weights = canonical_rows(X, sample_weight)
    return Summary(rows, weights, rows[:0], np.ones(len(rows)), (rows,)), None


def summary_of_tree(tree):
    """Take the leaves of a variance tree as representatives."""
    kept = tree.weights > 0.0
    return Summary(
        tree.means[kept],
        tree.weights[kept],
        tree.variances[kept],
        tree.counts[kept].astype(np.float64),
        # The edges of the boxes are values that occur.
        (tree.lower[kept], tree.upper[kept]),
    )


def _limits(row_reduction):
    if row_reduction is None:
        return None, None
    if row_reduction == "auto":
        return MOST_ROWS, N_LEAVES
    return int(row_reduction), int(row_reduction)


def solve(summary, settings, total_weight=None):
    """Find the clusters of a summary.

    Parameters
    ----------
    summary : Summary
        Representatives.
    settings : Settings
        Parameters.
    total_weight : float, default=None
        Sample size that the weights stand for; None is their sum.

    Returns
    -------
    solution : Solution
        Everything found.
    """
    size = float(summary.weights.sum())
    n_rows = size if total_weight is None else total_weight
    min_rows = float(settings.min_cluster_size)
    marginals, counts, wanted = _look_at(summary, n_rows, min_rows)
    far, alone = far_rows(summary.means, counts, marginals, min_rows)
    while alone.any():
        # They are no cluster, and nothing shall be measured by them.
        summary, everything = summary.part(~alone), size
        size = float(summary.weights.sum())
        n_rows *= size / everything
        marginals, counts, wanted = _look_at(summary, n_rows, min_rows)
        far, alone = far_rows(summary.means, counts, marginals, min_rows)
    summary = summary._replace(counts=counts)
    frame, data, floor, variance, loss = make_frame(summary, marginals, far, settings)
    cells = cells_of(frame, marginals)
    if settings.coarsening is not None:
        wanted /= 1.0 + wanted / settings.coarsening
    data = data._replace(weights=data.weights * (wanted / size))
    # Below e rows there is no evidence for anything.
    log_n = max(math.log(wanted), 1.0)
    ridge = 1e-3 * settings.reg_covar * variance
    rules = Rules(floor, ridge, log_n, _ALLOWED[settings.covariance_type])
    search = find_components(data, rules, settings)
    # A flat density, cut in two, gains evidence with every row.
    evidence = settings.min_evidence + 0.5 * max(log_n - _LOG_FEW, 0.0)
    pairs = compare_components(data, search.state, evidence, cells)
    clusters = group_components(data, search.state, pairs, settings, cells)
    return Solution(frame, data, rules, search, pairs, clusters, loss)


def _look_at(summary, n_rows, min_rows):
    """Describe the columns, and tell what counts as how many rows.

    Numbers without rounding do not meet: copies of a row are one observation, however
    often it was written down. They are evidence if all columns are rounded or have few
    values, and so is a row that has very many.

    Returns
    -------
    marginals : Marginals
        Of the columns.
    counts : ndarray of shape (n_representatives,)
        Rows that each counts as, for the smallest size of a component.
    n_effective : float
        Rows that all count as, for the evidence.
    """
    values = np.concatenate(summary.edges)
    weights = summary.weights * (n_rows / summary.weights.sum())
    shares = np.tile(weights / len(summary.edges), len(summary.edges))
    marginals = describe_columns(values, shares, n_rows, min_rows)
    if (marginals.few | (marginals.steps > 0.0)).all():
        if (marginals.steps > 0.0).any() and _are_points(weights, n_rows):
            warn_user(
                f"X has {len(weights)} different rows, about equally often, whose "
                "values are in equal steps: they are taken for rounded numbers, not "
                "for clusters. If they are categories, encode them by OneHotEncoder."
            )
        # Columns of a few values would have no width, and their points no distance.
        points = marginals.few & (marginals.steps == 0.0)
        steps = np.where(points, marginals.gaps / math.sqrt(3.0), marginals.steps)
        marginals = marginals._replace(steps=steps, gaps=steps, few=points)
        return marginals, weights, n_rows
    counts = summary.counts
    many = weights >= max(math.sqrt(n_rows), 2.0)
    if len(weights) > _MOST_POINTS:
        many &= weights >= _MOST_POINTS * np.median(weights)
    point = many & (counts <= 1.0)
    rest = weights[~point].sum()
    # Kish's effective number of different rows.
    different = rest**2 / max((weights[~point] ** 2 / counts[~point]).sum(), 1e-300)
    if rest > _REPEATED * different:
        n_rows = n_rows - rest + different
    return marginals, np.where(point, weights, counts), n_rows


def _are_points(weights, n_rows):
    """Tell whether a few rows, about equally often, make up the table."""
    few = len(weights) <= _MOST_POINTS and weights.min() >= math.sqrt(n_rows)
    return few and weights.max() <= 3.0 * weights.min()


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
    core = (proba.max(axis=0) >= CORE) & ~background[top]
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
