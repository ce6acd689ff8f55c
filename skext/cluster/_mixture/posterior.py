"""What the probabilities say about the clusters as a whole."""

import numpy as np


def clusterability(proba, weights):
    """Share of the guessing error that knowing the rows removes.

    Parameters
    ----------
    proba : ndarray of shape (n_clusters, n_rows)
        Probabilities.
    weights : ndarray of shape (n_rows,)
        Weights.

    Returns
    -------
    score : float
        Between 0 and 1; 0 for one cluster.
    """
    total = weights.sum()
    if len(proba) < 2 or not total > 0.0:
        return 0.0
    guess = 1.0 - (proba @ weights).max() / total
    if not guess > 0.0:
        return 0.0
    error = 1.0 - proba.max(axis=0) @ weights / total
    return float(min(max(1.0 - error / guess, 0.0), 1.0))


def cluster_posterior(resp, cluster, n_clusters):
    """Probabilities of the clusters from those of the components.

    Parameters
    ----------
    resp : ndarray of shape (n_components, n_rows)
        Responsibilities.
    cluster : ndarray of shape (n_components,)
        Cluster of each component; -1 for the background.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    proba : ndarray of shape (n_clusters, n_rows)
        The background's part is shared out.
    """
    proba = np.stack([resp[cluster == c].sum(axis=0) for c in range(n_clusters)])
    total = proba.sum(axis=0)
    # Where there is background only, nothing is known.
    unknown = total <= 0.0
    proba[:, unknown] = 1.0
    total[unknown] = n_clusters
    return proba / total


def between_clusters(pairs, cluster, n_clusters):
    """Depth and evidence of the valley between clusters at its highest saddle.

    Parameters
    ----------
    pairs : Pairs
        Of the components.
    cluster : ndarray of shape (n_components,)
        Cluster of each component; -1 for the background.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    depths, evidence : ndarray of shape (n_clusters, n_clusters)
        Symmetric, with zeros on the diagonal.
    """
    depths, evidence = np.zeros((2, n_clusters, n_clusters))
    members = [np.flatnonzero(cluster == c) for c in range(n_clusters)]
    peaks = np.array([pairs.peaks[mine].max() for mine in members])
    for a in range(n_clusters):
        for b in range(a + 1, n_clusters):
            saddles = pairs.saddles[np.ix_(members[a], members[b])]
            i, j = np.unravel_index(saddles.argmax(), saddles.shape)
            depth = max(min(peaks[a], peaks[b]) - saddles[i, j], 0.0)
            depths[a, b] = depths[b, a] = depth
            found = pairs.evidence[members[a][i], members[b][j]]
            evidence[a, b] = evidence[b, a] = found
    return depths, evidence
