"""Labels and probabilities of rows, block by block."""

from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.em import Mixture, log_constants
from skext.cluster._mixture.label_kernels import label_rows, posterior_rows
from skext.cluster._mixture.validate import cluster_means
from skext.utils._numba import as_float64
from skext.utils._parallel import run_chunks

_BLOCK_VALUES = 2**17
CORE = 0.95


class Labels(NamedTuple):
    """What is said about each row.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,)
        Cluster.
    component : ndarray of shape (n_samples,)
        Most probable component.
    core : ndarray of shape (n_samples,)
        Whether the cluster is sure.
    """

    labels: np.ndarray
    component: np.ndarray
    core: np.ndarray


def model_for_kernel(mixture):
    """Give what the compiled loops read."""
    tightness = 1.0 / np.linalg.eigvalsh(mixture.covariances)[:, -1]
    return (
        np.ascontiguousarray(mixture.means),
        np.ascontiguousarray(mixture.factors),
        mixture.family < 4,
        log_constants(mixture),
        # Rounding must not turn a bound into none.
        tightness * (1.0 - 1e-6),
    )


def spherical_mixture(centers):
    """Components of equal weight and width: the nearest centre is the best."""
    k, d = centers.shape
    unit = np.repeat(np.eye(d)[np.newaxis], k, axis=0)
    return Mixture(
        np.ones(k),
        centers,
        unit,
        unit.copy(),
        np.zeros(k),
        np.zeros(k),
        np.ones(k, dtype=np.int64),
    )


def assign_labels(X, frame, mixture, cluster, n_jobs=None, order=None):
    """Find the cluster of each row.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows of any float type; they are read in blocks.
    frame : Frame
        Coordinates of the mixture.
    mixture : Mixture
        Components.
    cluster : ndarray of shape (n_components,)
        Cluster of each; -1 for those that rows are not given to.
    n_jobs : int, default=None
        Number of threads.
    order : ndarray of shape (n_samples,), default=None
        Order in which neighbours are near each other, which saves time only.

    Returns
    -------
    labels : Labels
        The same for a row whatever stands beside it.
    """
    n = len(X)
    found = Labels(
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int32),
        np.empty(n, dtype=bool),
    )
    frame, model = frame.for_kernel(), model_for_kernel(mixture)
    groups = (cluster, int(cluster.max()) + 1)

    def work(start, stop):
        for first, last in _blocks(start, stop, X.shape[1]):
            if order is None:
                here = slice(first, last)
                rows = X[here]
            else:
                here = order[first:last]
                rows = np.take(X, here, axis=0)
            parts = Labels(*(values[first:last] for values in found))
            if order is not None:
                parts = Labels(*(np.empty_like(values) for values in parts))
            size = last - first
            label_rows(as_float64(rows), frame, model, groups, CORE, *parts, 0, size)
            if order is not None:
                for values, part in zip(found, parts, strict=True):
                    values[here] = part

    run_chunks(work, n, n_jobs=n_jobs)
    return found


def group_rows(X, frame, mixture, clusters, assign, n_jobs=None, order=None):
    """Find the group of each row, by the mixture or by the nearest centre.

    Parameters
    ----------
    X, frame, mixture, n_jobs, order
        As in :func:`assign_labels`.
    clusters : Clusters
        Groups of the components; rows are not given to the background.
    assign : {"mixture", "centers"}
        By what.

    Returns
    -------
    labels : Labels
        As of :func:`assign_labels`.
    """
    groups, background = clusters
    inside = np.where(background, -1, groups)
    found = assign_labels(X, frame, mixture, inside, n_jobs, order)
    if assign == "mixture":
        return found
    centers = cluster_means(mixture, groups, background, np.unique(groups))
    nearest = spherical_mixture(centers)
    numbers = np.arange(len(centers))
    labels = assign_labels(X, frame, nearest, numbers, n_jobs, order).labels
    return found._replace(labels=labels)


def posteriors(X, frame, mixture, cluster, n_clusters, n_jobs=None):
    """Compute probabilities of the clusters and log-densities of the rows.

    Parameters
    ----------
    X, frame, mixture, cluster, n_jobs
        As in :func:`assign_labels`.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_clusters)
        Rows sum to one.
    density : ndarray of shape (n_samples,)
        Log-density in the user's units.
    """
    n = len(X)
    proba, density = np.empty((n, n_clusters)), np.empty(n)
    noise = 1.0 / frame.noise if frame.basis.shape[1] else 0.0
    volume = frame.log_volume()
    frame, model = frame.for_kernel(), model_for_kernel(mixture)

    def work(start, stop):
        for first, last in _blocks(start, stop, X.shape[1]):
            posterior_rows(
                as_float64(X[first:last]),
                frame,
                model,
                cluster,
                noise,
                proba[first:last],
                density[first:last],
                0,
                last - first,
            )

    run_chunks(work, n, n_jobs=n_jobs)
    density -= volume
    return proba, density


def _blocks(start, stop, n_features):
    step = max(_BLOCK_VALUES // n_features // 64 * 64, 64)
    for first in range(start, stop, step):
        yield first, min(first + step, stop)
