"""The dendrogram of the components, by the saddles between them."""

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform


def saddle_linkage(saddles, peaks):
    """Join components in the order of their saddles.

    Parameters
    ----------
    saddles : ndarray of shape (n_components, n_components)
        Log-density at the saddle between two components.
    peaks : ndarray of shape (n_components,)
        Log-density at the means.

    Returns
    -------
    tree : ndarray of shape (n_components - 1, 4)
        In scipy's form; the distance is from the highest peak down to the saddle.
    """
    if len(peaks) < 2:
        return np.empty((0, 4))
    distances = np.maximum(peaks.max() - saddles, 0.0)
    np.fill_diagonal(distances, 0.0)
    return linkage(squareform(distances, checks=False), "single")


def cut_into(tree, n_groups):
    """Undo the last joins of a dendrogram.

    Parameters
    ----------
    tree : ndarray of shape (n_components - 1, 4)
        In scipy's form.
    n_groups : int
        Number of groups, at most the number of components.

    Returns
    -------
    groups : ndarray of shape (n_components,)
        Numbered by the first component in each.
    """
    return _join(tree, np.arange(len(tree)) <= len(tree) - n_groups)


def cut_by_prominence(saddles, peaks, prominence):
    """Keep peaks apart that rise high enough above the saddle to a higher one.

    Parameters
    ----------
    saddles : ndarray of shape (n_components, n_components)
        Log-density at the saddle between two components.
    peaks : ndarray of shape (n_components,)
        Log-density at the means.
    prominence : float
        Smallest rise.

    Returns
    -------
    groups : ndarray of shape (n_components,)
        Numbered by the first component in each.
    """
    root = np.arange(len(peaks))
    i, j = np.triu_indices(len(peaks), 1)
    for p in np.argsort(-saddles[i, j], kind="stable"):
        a, b = root[i[p]], root[j[p]]
        if peaks[a] < peaks[b]:
            a, b = b, a
        if a != b and peaks[b] - saddles[i[p], j[p]] <= prominence:
            root[root == b] = a
    return _by_first(root)


def _join(tree, kept):
    """Give the groups of the components after some of the joins."""
    k = len(tree) + 1
    members = [[c] for c in range(k)]
    group = list(range(k))
    for (a, b, *_), keep in zip(tree, kept, strict=True):
        joined = members[int(a)] + members[int(b)]
        members.append(joined)
        if keep:
            for c in joined:
                group[c] = min(joined)
    return _by_first(group)


def _by_first(names):
    """Give groups the numbers in which they first occur."""
    _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[inverse].astype(np.int64)
