"""Distances and directions of rows, whatever kind of table they are in.

Missing values count as in the neighbour search: a squared distance over the columns
that both rows know is scaled up to all columns.
"""

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import LinearOperator, eigsh
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics.pairwise import euclidean_distances, nan_euclidean_distances

# Rows of which all distances may be held at once (1.5 GiB of them).
MOST_ROWS = 20_000
# Share of entries above which a sparse table is treated as the dense one that it is.
_FILLED = 0.5
# Values in a block of distances.
_BLOCK = 1 << 21
# Above this many rows and columns an iteration finds the principal direction.
_MOST_DIRECT = 1_000


def distance_block(X, rows, references):
    """Compute all distances between two sets of rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    rows, references : ndarray of int
        Row numbers.

    Returns
    -------
    distances : ndarray of shape (n_rows, n_references)
        Euclidean distances; infinite where no column is known in both rows.
    """
    if sparse.issparse(X):
        A, B = (
            sparse.csr_array(X[part]).astype(np.float64) for part in (rows, references)
        )
        if not (is_filled(A) and is_filled(B)):
            return euclidean_distances(A, B)
        # Products lose the digits in which rows far from zero differ.
        return cdist(A.toarray(), B.toarray())
    A, B = (np.asarray(X[part], dtype=np.float64) for part in (rows, references))
    if np.isnan(A.sum()) or np.isnan(B.sum()):
        found = nan_euclidean_distances(A, B)
        return np.where(np.isnan(found), np.inf, found)
    return cdist(A, B)


def is_filled(X):
    """Tell whether most entries of a sparse table are stored."""
    return X.nnz > _FILLED * X.shape[0] * X.shape[1]


def blocks(n_rows, n_references):
    """Yield slices of rows whose distances fit into a block."""
    step = max(1, _BLOCK // max(n_references, 1))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def condensed_distances(X, rows):
    """Compute the distance of each pair of rows, in the order of ``scipy``'s pdist.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    rows : ndarray of int
        Row numbers.

    Returns
    -------
    distances : ndarray of shape (n_rows * (n_rows - 1) / 2,)
        Finite: rows without a common column are as far as the farthest pair.
    """
    if not sparse.issparse(X):
        P = np.asarray(X[rows], dtype=np.float64)
        if not np.isnan(P.sum()):
            return pdist(P)
    n = rows.size
    found, begin = np.empty(n * (n - 1) // 2), 0
    for part in blocks(n, n):
        block = distance_block(X, rows[part], rows)
        for i, row in enumerate(block, part.start):
            found[begin : begin + n - 1 - i] = row[i + 1 :]
            begin += n - 1 - i
    known = np.isfinite(found)
    if not known.all():
        found[~known] = found[known].max() if known.any() else 0.0
    return found


def pair_distances(X, rows, others):
    """Compute the distances between rows and as many others, one to one.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    rows, others : ndarray of shape (n_pairs,)
        Row numbers.

    Returns
    -------
    distances : ndarray of shape (n_pairs,)
        Euclidean distances.
    """
    found = np.empty(rows.size)
    for part in blocks(rows.size, X.shape[1]):
        if sparse.issparse(X):
            A = sparse.csr_array(X[rows[part]]).astype(np.float64)
            difference = A - sparse.csr_array(X[others[part]]).astype(np.float64)
            squares = difference.multiply(difference).sum(axis=1)
            found[part] = np.sqrt(np.asarray(squares).ravel())
            continue
        A, B = (np.asarray(X[each[part]], dtype=np.float64) for each in (rows, others))
        squares = (A - B) ** 2
        missing = np.isnan(squares)
        known = X.shape[1] - missing.sum(axis=1)
        squares[missing] = 0.0
        with np.errstate(invalid="ignore", divide="ignore"):
            distance = np.sqrt(squares.sum(axis=1) * X.shape[1] / known)
        found[part] = np.where(known > 0, distance, np.inf)
    return found


def principal_direction(P):
    """Find the direction in which rows vary most.

    Parameters
    ----------
    P : {ndarray, sparse matrix} of shape (n_rows, n_features)
        The rows; a missing value counts as the mean of its column.

    Returns
    -------
    direction : ndarray of shape (n_features,)
        A unit vector whose largest entry is positive; zeros if all rows are equal.
    """
    n_rows, n_features = P.shape
    if sparse.issparse(P):
        P = sparse.csr_array(P).astype(np.float64)
        mean = np.asarray(P.mean(axis=0)).ravel()
        rest = mean
    else:
        P = np.asarray(P, dtype=np.float64)
        known = ~np.isnan(P)
        mean = np.where(known, P, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        P, rest = np.where(known, P - mean, 0.0), np.zeros(n_features)

    def forth(v):
        return P @ v - rest @ v

    def back(u):
        return P.T @ u - np.multiply.outer(rest, u.sum(axis=0))

    if n_rows < n_features:
        vector = back(_leading(lambda u: forth(back(u)), n_rows))
    else:
        vector = _leading(lambda v: back(forth(v)), n_features)
    length = np.linalg.norm(vector)
    spread = np.linalg.norm(forth(vector / length)) if length > 0 else 0.0
    # What centring leaves of equal rows is rounding.
    if spread <= 1e-12 * np.sqrt(n_rows) * np.linalg.norm(mean):
        return np.zeros(n_features)
    return vector / length * np.sign(vector[np.argmax(np.abs(vector))])


def _leading(multiply, size):
    """Return the eigenvector of the largest eigenvalue of a symmetric map."""
    if size > _MOST_DIRECT:
        start = np.ones(size) + np.arange(size) / size
        operator = LinearOperator((size, size), multiply, dtype=np.float64)
        return eigsh(operator, k=1, v0=start)[1][:, 0]
    matrix = multiply(np.eye(size))
    matrix = (matrix + matrix.T) / 2
    return linalg.eigh(matrix, subset_by_index=[size - 1, size - 1])[1][:, 0]
