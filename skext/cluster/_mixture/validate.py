"""Which components are clusters of their own: valleys of the mixture density."""

from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.em import joint_log_density, log_constants
from skext.cluster._mixture.valley import measure_valley

_LINE = np.linspace(0.0, 1.0, 33)
# Mahalanobis distances from which on other components need not be looked at, and
# beyond which a deep valley needs no test.
_FAR = 12.0
_CLEAR = 6.0
_DEEP = 3.0
_MOST_FOR_RIDGES = 20
_BACKGROUND = 1.6
_VETO_DEPTH = 0.3
_CHUNK_POINTS = 65_536


class Pairs(NamedTuple):
    """All pairs of components.

    Attributes
    ----------
    peaks : ndarray of shape (n_components,)
        Log-density of the mixture at the means.
    depths : ndarray of shape (n_components, n_components)
        By how much the log-density falls between; zero without a valley.
    evidence : ndarray of shape (n_components, n_components)
        For the valley, in nats; infinite for those too clear to be tested.
    saddles : ndarray of shape (n_components, n_components)
        Log-density at the saddle.
    """

    peaks: np.ndarray
    depths: np.ndarray
    evidence: np.ndarray
    saddles: np.ndarray


class Clusters(NamedTuple):
    """Groups of components.

    Attributes
    ----------
    cluster : ndarray of shape (n_components,)
        Cluster of each component.
    background : ndarray of shape (n_components,)
        Whether it is a faint cloud around several clusters.
    """

    cluster: np.ndarray
    background: np.ndarray


def compare_components(data, state, min_evidence, cells=None):
    """Measure the valley between each pair of components.

    Parameters
    ----------
    data : Data
        Rows.
    state : State
        Mixture and responsibilities.
    min_evidence : float
        Valleys with less are none.
    cells : ndarray of shape (n_features,), default=None
        Variances within the cells of rounded numbers.

    Returns
    -------
    pairs : Pairs
        Symmetric matrices.
    """
    mixture = state.mixture
    k = len(mixture.mass)
    peaks = np.logaddexp.reduce(joint_log_density(mixture, mixture.means.T), axis=0)
    depths, evidence = np.zeros((2, k, k))
    if k > 1:
        distance = _distances(mixture)
        near = np.minimum(distance, distance.T)
        i, j = np.triu_indices(k, 1)
        falls = _far_falls(mixture, distance, i, j)
        close = near[i, j] < _FAR
        falls[close] = _falls(mixture, i[close], j[close])
        for a, b, fall in zip(i, j, falls, strict=True):
            found = np.inf
            if fall < _DEEP or near[a, b] < _CLEAR:
                valley = _pair_valley(data, state, a, b, cells)
                found = valley.evidence
                if valley.depth <= 0.0 or valley.evidence <= min_evidence:
                    fall = 0.0
            depths[a, b] = depths[b, a] = fall
            evidence[a, b] = evidence[b, a] = found
    saddles = np.minimum.outer(peaks, peaks) - depths
    return Pairs(peaks, depths, evidence, saddles)


def _distances(mixture):
    """Mahalanobis distance of all means, by the covariance of the first index."""
    steps = mixture.means[None, :, :] - mixture.means[:, None, :]
    return np.linalg.norm(steps @ mixture.factors, axis=2)


def _far_falls(mixture, distance, i, j):
    """Fall of the density on the way between components, without all others."""
    constants = log_constants(mixture)
    t = _LINE[:, None]
    first = constants[i] - 0.5 * (t * distance[i, j]) ** 2
    second = constants[j] - 0.5 * ((1.0 - t) * distance[j, i]) ** 2
    lowest = np.logaddexp(first, second).min(axis=0)
    return np.maximum(np.minimum(constants[i], constants[j]) - lowest, 0.0)


def _falls(mixture, i, j):
    """Largest dip of the mixture's log-density along each ridgeline."""
    falls = np.zeros(len(i))
    step = max(_CHUNK_POINTS // len(_LINE), 1)
    for start in range(0, len(i), step):
        a, b = i[start : start + step], j[start : start + step]
        points = _ridgelines(mixture, a, b)
        flat = points.reshape(-1, points.shape[2]).T
        joint = joint_log_density(mixture, flat)
        height = np.logaddexp.reduce(joint, axis=0).reshape(len(a), -1)
        left = np.maximum.accumulate(height, axis=1)
        right = np.maximum.accumulate(height[:, ::-1], axis=1)[:, ::-1]
        dip = np.minimum(left, right) - height
        falls[start : start + step] = dip.max(axis=1)
    return falls


def _ridgelines(mixture, i, j):
    """Curves from mean to mean on which all stationary points of a pair lie."""
    start, step = mixture.means[i], mixture.means[j] - mixture.means[i]
    if mixture.means.shape[1] > _MOST_FOR_RIDGES:
        return start[:, None, :] + _LINE[:, None] * step[:, None, :]
    # Both covariances become diagonal in one basis, so a curve costs one
    # decomposition.
    lower = np.linalg.cholesky(mixture.covariances[i])
    there = np.swapaxes(lower, 1, 2) @ mixture.factors[j]
    values, vectors = np.linalg.eigh(there @ np.swapaxes(there, 1, 2))
    local = np.swapaxes(mixture.factors[i] @ vectors, 1, 2) @ step[:, :, None]
    values, local = values[:, None, :], local[:, None, :, 0]
    t = _LINE[:, None]
    part = t * values / ((1.0 - t) + t * values) * local
    return start[:, None, :] + part @ np.swapaxes(lower @ vectors, 1, 2)


def _pair_valley(data, state, a, b, cells):
    mixture, resp = state.mixture, state.resp
    index = np.flatnonzero((resp[a] > 1e-3) | (resp[b] > 1e-3))
    part = data.part(index)
    share = mixture.mass[[a, b]] / mixture.mass[[a, b]].sum()
    return measure_valley(
        part.rows,
        part.spread,
        part.weights * resp[a, index],
        part.weights * resp[b, index],
        mixture.means[b] - mixture.means[a],
        np.tensordot(share, mixture.covariances[[a, b]], 1),
        cells,
    )


def group_components(data, state, pairs, settings, cells=None):
    """Join components across saddles, the highest first.

    Parameters
    ----------
    data : Data
        Rows.
    state : State
        Mixture and responsibilities.
    pairs : Pairs
        As :func:`compare_components` gives them.
    settings : Settings
        What keeps components apart.
    cells : ndarray of shape (n_features,), default=None
        Variances within the cells of rounded numbers.

    Returns
    -------
    clusters : Clusters
        Clusters are numbered by their centres, in lexicographic order.
    """
    k = len(pairs.peaks)
    groups = _Groups(pairs.peaks)
    i, j = np.triu_indices(k, 1)
    depths = pairs.depths[i, j]
    order = np.lexsort([j, i, depths, -pairs.saddles[i, j]])
    for p in order:
        a, b = groups.root(i[p]), groups.root(j[p])
        if a == b:
            continue
        prominence = min(pairs.peaks[a], pairs.peaks[b]) - pairs.saddles[i[p], j[p]]
        flat = depths[p] <= 0.0
        if prominence > (
            settings.bridge_prominence if flat else settings.min_prominence
        ):
            continue
        both = groups.members(a), groups.members(b)
        if flat and _vetoed(data, state, *both, settings, cells):
            continue
        groups.join(a, b)
    label = np.array([groups.root(c) for c in range(k)])
    background = np.zeros(k, dtype=bool)
    if settings.background != "cluster":
        background = _find_background(state.mixture, pairs, label)
    return Clusters(_canonical_labels(state.mixture, label, background), background)


class _Groups:
    """Disjoint sets whose root has the highest peak."""

    def __init__(self, peaks):
        self.peaks = peaks
        self.parent = list(range(len(peaks)))

    def root(self, c):
        """Find the representative of a component."""
        while self.parent[c] != c:
            c = self.parent[c]
        return c

    def members(self, root):
        """All components with this root."""
        return [c for c in range(len(self.parent)) if self.root(c) == root]

    def join(self, a, b):
        """Join two roots."""
        if self.peaks[a] < self.peaks[b]:
            a, b = b, a
        self.parent[b] = a


def _vetoed(data, state, first, second, settings, cells):
    """Tell whether two groups as a whole are separate, whatever links them."""
    if len(first) + len(second) <= 2 or not np.isfinite(settings.compactness_veto):
        return False
    a = state.resp[first].sum(axis=0) * data.weights
    b = state.resp[second].sum(axis=0) * data.weights
    index = np.flatnonzero(a + b > 1e-4 * data.weights)
    part, a, b = data.part(index), a[index], b[index]
    center_a, cov_a = _moments(part, a)
    center_b, cov_b = _moments(part, b)
    pooled = (a.sum() * cov_a + b.sum() * cov_b) / (a.sum() + b.sum())
    step = center_b - center_a
    valley = measure_valley(part.rows, part.spread, a, b, step, pooled, cells)
    return valley.evidence > settings.compactness_veto and valley.depth > _VETO_DEPTH


def _moments(data, weights):
    mass = weights.sum()
    mean = data.rows @ weights / mass
    centered = data.rows - mean[:, None]
    cov = (centered * weights) @ centered.T / mass
    if data.spread.shape[1]:
        cov[np.diag_indices_from(cov)] += data.spread @ weights / mass
    return mean, cov


def _find_background(mixture, pairs, label):
    """Components that link several clusters and are far fainter than each."""
    k = len(label)
    own = log_constants(mixture)
    background = np.zeros(k, dtype=bool)
    linked = (pairs.depths <= 0.0) & ~np.eye(k, dtype=bool)
    for c in range(k):
        if np.count_nonzero(label == label[c]) < 2:
            continue
        around = {label[q] for q in np.flatnonzero(linked[c])} | {label[c]}
        if len(around) < 2:
            continue
        heights = [own[label == cluster].max() for cluster in around]
        background[c] = own[c] < min(heights) - _BACKGROUND
    for cluster in np.unique(label):
        mine = label == cluster
        if background[mine].all():
            background[mine] = False
    return background


def _canonical_labels(mixture, label, background):
    """Sort the clusters by their centres."""
    roots = np.unique(label)
    centers = cluster_means(mixture, label, background, roots)
    number = np.empty(len(label), dtype=np.int64)
    for new, root in enumerate(roots[np.lexsort(centers.T[::-1])]):
        number[label == root] = new
    return number


def cluster_means(mixture, label, background, clusters):
    """Means of the mixture's clusters."""
    means = []
    for cluster in clusters:
        mine = (label == cluster) & ~background
        mass = mixture.mass[mine]
        means.append(mass @ mixture.means[mine] / mass.sum())
    return np.array(means)
