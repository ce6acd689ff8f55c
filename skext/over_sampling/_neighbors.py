"""Exact nearest neighbours of the rows of a table among themselves.

A row is never its own neighbour: it is excluded by its index, not by its distance,
so that duplicated rows count as neighbours of each other.
"""

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse
from scipy.spatial import cKDTree
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

# Up to here a k-d tree visits few enough leaves to beat the matrix product.
_MAX_TREE_FEATURES = 14


def neighbors_within(X, k, *, search=None, n_jobs=None):
    """Find the k nearest other rows of each row.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        At least k + 1 rows.
    k : int
        Number of neighbours.
    search : object with ``fit`` and ``kneighbors``, default=None
        A search of the user; None is an exact Euclidean one.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    neighbors : ndarray of shape (n_rows, k)
        Row numbers, the nearest first.
    """
    if search is not None:
        found = (
            clone(search).fit(X).kneighbors(X, n_neighbors=k + 1, return_distance=False)
        )
    elif not sparse.issparse(X) and X.shape[1] <= _MAX_TREE_FEATURES:
        found = _search_tree(X, k + 1, effective_n_jobs(n_jobs))
    else:
        engine = NearestNeighbors(n_neighbors=k + 1, algorithm="brute", n_jobs=n_jobs)
        with threadpool_limits(effective_n_jobs(n_jobs)):
            found = engine.fit(X).kneighbors(X, return_distance=False)
    return drop_self(found)


def _search_tree(X, n_neighbors, workers):
    tree = cKDTree(X, leafsize=32, balanced_tree=False, compact_nodes=True)
    # Neighbouring queries visit the same leaves, which are then in the cache.
    order = tree.indices
    _, found = tree.query(X[order], n_neighbors, workers=workers)
    neighbors = np.empty_like(found)
    neighbors[order] = found
    return neighbors


def drop_self(found):
    """Remove each row's own number from its list, or the last entry if absent.

    Parameters
    ----------
    found : ndarray of shape (n_rows, k + 1)
        Nearest rows, the row itself among them unless it has many duplicates.

    Returns
    -------
    neighbors : ndarray of shape (n_rows, k)
        The others, in the same order.
    """
    n_rows, width = found.shape
    own = found == np.arange(n_rows)[:, None]
    own[~own.any(axis=1), -1] = True
    return found[~own].reshape(n_rows, width - 1)
