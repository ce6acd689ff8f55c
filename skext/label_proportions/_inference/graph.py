"""Graphs of similar rows."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics.pairwise import paired_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from skext.label_proportions._inference.cells import MOST_NEIGHBORS, neighbors_in_cells

# Rows whose distances are computed at a time.
_CHUNK = 65536
# Metrics that do not know where zero is, but whose products of rows lose digits far
# from it.
_SHIFTABLE = ("euclidean", "l2", "sqeuclidean", "minkowski", "manhattan", "l1")
_FAR = 1e3
# Beyond so many rows of more than a few columns, for which trees are no help, an exact
# search takes minutes.
_MANY_ROWS = 20_000
_FEW_COLUMNS = 8


def neighbor_graph(
    X,
    n_neighbors=5,
    *,
    metric="euclidean",
    kernel="exponential",
    length_scale="median",
    neighbor_threshold=None,
    symmetrize="union",
    standardize=False,
    n_jobs=None,
):
    """Connect each row with its nearest neighbours.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    n_neighbors : int, default=5
        Neighbours of a row, itself not counted.
    metric : str, default="euclidean"
        Distance of the search.
    kernel : {"exponential", "gaussian", "constant"} or callable, default="exponential"
        Similarity at distance ``d``: ``exp(-d / l)``, ``exp(-(d / l)**2 / 2)``, 1, or
        ``kernel(d / l)``.
    length_scale : "median" or float, default="median"
        The number ``l``; the median is that of the distances of all edges.
    neighbor_threshold : float, default=None
        Largest distance of an edge.
    symmetrize : {"union", "mutual"}, default="union"
        Whether an edge needs one of its rows to name the other, or both.
    standardize : bool, default=False
        Whether features are scaled first.
    n_jobs : int, default=None
        Number of threads of the search.

    Returns
    -------
    graph : sparse array of shape (n_samples, n_samples)
        Symmetric similarities, zero diagonal.
    length_scale : float
        The length scale; NaN without edges.

    Notes
    -----
    Of more than 20 000 dense rows of more than 8 columns, Euclidean neighbours are
    searched within cells, and some are missed, for which others come that are hardly
    farther: ``neighbors_in_cells``. Of 100 000 rows near a surface of 5 dimensions in
    20, 99 % are found; of independent normal columns, the worst case, a third of those
    of 1 000 000 x 30, with distances 5 % too long. Otherwise the search is exact.
    """
    n_samples = X.shape[0]
    k = min(n_neighbors, n_samples - 1)
    if k < 1:
        return sparse.csr_array((n_samples, n_samples)), float("nan")
    if standardize:
        X = StandardScaler(with_mean=not sparse.issparse(X)).fit_transform(X)
    elif metric in _SHIFTABLE and not sparse.issparse(X):
        X = _near_zero(X)
    if _is_large(X, k, metric):
        distances, neighbors = neighbors_in_cells(X, k, n_jobs)
    else:
        search = NearestNeighbors(n_neighbors=k, metric=metric, n_jobs=n_jobs).fit(X)
        # Without an argument, a row is not its own neighbour.
        distances, neighbors = search.kneighbors()
    rows, columns = np.repeat(np.arange(n_samples), k), neighbors.ravel()
    kept = np.ones(rows.size, dtype=bool)
    if neighbor_threshold is not None:
        kept = distances.ravel() <= neighbor_threshold
    rows, columns = rows[kept], columns[kept]
    named = sparse.coo_array(
        (np.ones(rows.size), (rows, columns)), shape=(n_samples, n_samples)
    ).tocsr()
    both = named.minimum(named.T) if symmetrize == "mutual" else named.maximum(named.T)
    edges = both.tocoo()
    upper = edges.row < edges.col
    row, column = edges.row[upper], edges.col[upper]
    # Of an edge that both rows name, rounding could differ between the two searches.
    distance = _distances(X, row, column, metric)
    if length_scale == "median":
        length_scale = float(np.median(distance)) if distance.size else float("nan")
    similarity = _similarity(distance, kernel, length_scale)
    graph = sparse.coo_array(
        (
            np.tile(similarity, 2),
            (np.concatenate([row, column]), np.concatenate([column, row])),
        ),
        shape=(n_samples, n_samples),
    ).tocsr()
    return graph, float(length_scale)


def _is_large(X, k, metric):
    """Tell whether neighbours are searched within cells."""
    return (
        metric in ("euclidean", "l2")
        and not sparse.issparse(X)
        and X.shape[0] > _MANY_ROWS
        and X.shape[1] > _FEW_COLUMNS
        and k <= MOST_NEIGHBORS
    )


def _near_zero(X):
    """Take means off that are far from zero."""
    mean = X.mean(axis=0, dtype=np.float64)
    return X - mean if (np.abs(mean) > _FAR * X.std(axis=0)).any() else X


def _distances(X, row, column, metric):
    """Return the distances of pairs of rows: Euclidean ones for the cosine, too.

    The authors search by the cosine and weigh by the Euclidean distance.
    """
    out = np.empty(row.size)
    for start in range(0, row.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        a, b = X[row[part]], X[column[part]]
        if metric in ("euclidean", "cosine", "l2"):
            if sparse.issparse(X):
                difference = (a - b).tocsr()
                out[part] = np.sqrt(difference.multiply(difference).sum(axis=1)).ravel()
            else:
                out[part] = np.sqrt(np.einsum("ij,ij->i", a - b, a - b))
        else:
            out[part] = paired_distances(a, b, metric=metric)
    return out


def _similarity(distance, kernel, length_scale):
    if kernel == "constant":
        return np.ones_like(distance)
    scaled = distance / length_scale if length_scale > 0 else np.zeros_like(distance)
    if kernel == "exponential":
        return np.exp(-scaled)
    if kernel == "gaussian":
        return np.exp(-0.5 * scaled**2)
    return np.asarray(kernel(scaled), dtype=np.float64)


def check_connectivity(connectivity, X, rows, n_samples):
    """Return the graph that a user brings, symmetric.

    Parameters
    ----------
    connectivity : sparse matrix, or transformer
        Similarities of shape (n_samples, n_samples), or an object whose
        ``fit_transform`` gives them for ``X``.
    X : array-like of shape (n_rows, n_features)
        Rows.
    rows : ndarray of shape (n_rows,)
        Their places among all rows, which a matrix has to have.
    n_samples : int
        Number of all rows.

    Returns
    -------
    graph : sparse array of shape (n_rows, n_rows)
        The larger similarity of each pair.
    """
    given = not hasattr(connectivity, "fit_transform")
    if not given:
        connectivity = clone(connectivity).fit_transform(X)
    graph = sparse.csr_array(connectivity)
    n_wanted = n_samples if given else X.shape[0]
    if graph.shape != (n_wanted, n_wanted):
        raise ValueError(
            f"connectivity has the shape {graph.shape}; give a row and a column for "
            f"each of the {n_wanted} rows of X."
        )
    if given and rows.size < n_samples:
        graph = graph[rows][:, rows]
    if not np.isfinite(graph.data).all():
        raise ValueError("connectivity holds NaN or infinity; give numbers.")
    return graph.maximum(graph.T)
