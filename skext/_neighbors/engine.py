"""Exact nearest neighbours of the rows of a table among themselves.

A row is never its own neighbour: it is excluded by its index, not by its distance,
so that duplicated rows count as neighbours of each other.
"""

import numpy as np
from scipy import sparse
from sklearn.base import clone

from skext._neighbors.kernels import (
    search_leaves,
    search_missing,
    search_sparse,
    split_rows,
)
from skext.utils._parallel import run_chunks

# Rows that are compared at once, and queries that visit them together.
_LEAF_SIZE = 192
_GROUP = 32


class NeighborEngine:
    """Nearest rows of a table by Euclidean distance.

    What is found is kept, so that several steps of a method may ask for the same.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table; NaN, in dense tables only, is a missing value.
    y : ndarray of shape (n_samples,)
        Class labels.
    n_jobs : int, default=None
        Number of threads. Results do not depend on it.
    """

    def __init__(self, X, y, *, n_jobs=None):
        self.X, self.y, self.n_jobs = X, y, n_jobs
        self._rows, self._found = {}, {}

    def rows(self, label):
        """Return the row numbers of a class."""
        if label not in self._rows:
            self._rows[label] = np.flatnonzero(self.y == label)
        return self._rows[label]

    def within(self, label, k, search=None):
        """Find the nearest rows of the same class for each row of a class.

        Parameters
        ----------
        label : object
            The class, of more than ``k`` rows.
        k : int
            Number of neighbours.
        search : object with ``fit`` and ``kneighbors``, default=None
            A search of the user instead of the exact one.

        Returns
        -------
        neighbors : ndarray of shape (n_rows, k)
            Row numbers in the whole table, the nearest first.
        """
        key = (label, k, id(search))
        if key not in self._found:
            rows = self.rows(label)
            if search is None:
                self._found[key] = self.nearest(rows, rows, k)
            else:
                self._found[key] = rows[ask_search(search, self.X[rows], k)]
        return self._found[key]

    def among_all(self, rows, k):
        """Find the nearest rows of any class; see :meth:`nearest`."""
        return self.nearest(rows, np.arange(self.X.shape[0]), k)

    def nearest(self, rows, references, k):
        """Find the nearest reference rows of some rows, which may be among them.

        Parameters
        ----------
        rows, references : ndarray of int
            Row numbers in the table; more than ``k`` references.
        k : int
            Number of neighbours.

        Returns
        -------
        neighbors : ndarray of shape (n_rows, k)
            Row numbers in the table, the nearest first, equal distances by number.
        """
        if sparse.issparse(self.X):
            return _nearest_sparse(self.X, rows, references, k, self.n_jobs)
        Q = np.ascontiguousarray(self.X[rows], dtype=np.float64)
        R = Q
        if references is not rows:
            R = np.ascontiguousarray(self.X[references], dtype=np.float64)
        if np.isnan(Q.sum()) or np.isnan(R.sum()):
            found = np.empty((rows.size, k), dtype=np.intp)
            run_chunks(
                search_missing,
                rows.size,
                Q,
                rows,
                R,
                references,
                found,
                n_jobs=self.n_jobs,
                min_chunk=16,
            )
            return found
        return _nearest_dense(Q, rows, R, references, k, self.n_jobs)


def _nearest_dense(Q, rows, R, references, k, n_jobs):
    """Search leaves of nearby rows with groups of nearby queries."""
    order, leaves, boxes = pack_leaves(R, _LEAF_SIZE)
    query_order = order
    if R is not Q:
        query_order = np.arange(rows.size)
        split_rows(Q, query_order, _GROUP)
    found = np.empty((rows.size, k), dtype=np.intp)
    run_chunks(
        search_leaves,
        -(-rows.size // _GROUP),
        Q[query_order],
        rows[query_order],
        _GROUP,
        leaves,
        boxes,
        references[order],
        found,
        n_jobs=n_jobs,
        min_chunk=8,
    )
    neighbors = np.empty_like(found)
    neighbors[query_order] = found
    return neighbors


def pack_leaves(X, leaf_size):
    """Put rows that lie close together into leaves.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        At least one row, without missing values.
    leaf_size : int
        Rows of a leaf; the last one has the rest.

    Returns
    -------
    order : ndarray of shape (n_rows,)
        Row numbers in the order of the leaves.
    leaves : ndarray of shape (n_leaves, n_features, leaf_size)
        Their values, NaN behind the last row.
    boxes : ndarray of shape (2, n_leaves, n_features)
        Lowest and highest values of each leaf.
    """
    n_rows, n_features = X.shape
    order = np.arange(n_rows)
    n_leaves = -(-n_rows // leaf_size)
    if n_leaves > 1:
        split_rows(X, order, leaf_size)
    leaf_size = min(leaf_size, -(-n_rows // 8) * 8)
    leaves = np.empty((n_leaves, n_features, leaf_size))
    boxes = np.empty((2, n_leaves, n_features))
    for leaf in range(n_leaves):
        rows = X[order[leaf * leaf_size : (leaf + 1) * leaf_size]]
        columns = leaves[leaf, :, : len(rows)]
        columns[:] = rows.T
        columns.min(axis=1, out=boxes[0, leaf])
        columns.max(axis=1, out=boxes[1, leaf])
    leaves[-1, :, len(rows) :] = np.nan
    return order, leaves, boxes


def _nearest_sparse(X, rows, references, k, n_jobs):
    """Search with inner products over the columns that queries use."""
    Q, R = (_csr(X[part]) for part in (rows, references))
    by_column = R.tocsc()
    norms = np.asarray(R.multiply(R).sum(axis=1), dtype=np.float64).ravel()
    found = np.empty((rows.size, k), dtype=np.intp)
    run_chunks(
        search_sparse,
        rows.size,
        (Q.data, Q.indices, Q.indptr),
        rows,
        (R.data, R.indices, R.indptr),
        (by_column.data, by_column.indices, by_column.indptr),
        norms,
        references,
        found,
        n_jobs=n_jobs,
        min_chunk=64,
    )
    return found


def _csr(X):
    """Return a copy in float64 with sorted columns and one index type."""
    X = sparse.csr_array(X, dtype=np.float64, copy=True)
    X.sum_duplicates()
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def ask_search(search, X, k):
    """Ask a search of the user for the neighbours of each row.

    Parameters
    ----------
    search : object with ``fit`` and ``kneighbors``
        It is cloned; a row that it finds for itself is left out.
    X : {ndarray, sparse matrix} of shape (n_rows, n_features)
        Rows of a class.
    k : int or None
        Number of neighbours apart from the row itself, for which ``n_neighbors`` is
        set; None is as many as it finds.

    Returns
    -------
    neighbors : ndarray of shape (n_rows, k)
        Positions in ``X``, the nearest first.
    """
    search = clone(search)
    if k is not None:
        search.n_neighbors = k + 1
    found = search.fit(X).kneighbors(X, return_distance=False)
    return drop_self(np.asarray(found))[:, :k]


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
