"""Over-sampling along paths to the centres of dense clusters."""

from numbers import Integral, Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from skext._neighbors.engine import NeighborEngine
from skext.over_sampling._core.allocation import allocate
from skext.over_sampling._core.kernels import interpolate_dense
from skext.over_sampling._core.parameters import constraints
from skext.over_sampling._core.partners import usable_neighbors
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._placed.dbscan_kernels import pick_edges
from skext.utils._parallel import run_chunks
from skext.utils._sklearn import Interval
from skext.utils._warnings import warn_user

# Share of the rows of a class that are dense with the default radius.
_QUANTILE = 0.9


@BaseOverSampler.register
class DBSMOTE(SyntheticSampler):
    """Over-sample along shortest paths to the centres of a class's clusters.

    DBSCAN divides the class into clusters of any shape. In each, the row nearest to
    the mean is the centre, and a synthetic row lies on a random edge of the shortest
    path from a random row to the centre, through dense places [1]_: rows become
    dense near the centres and sparse at the borders. Noise is not used.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in imbalanced-learn: "auto" brings all
        classes but the largest to its size, a float is the wanted ratio of minority
        to majority (two classes only), "minority", "not minority", "not majority"
        and "all" name classes, a dict gives the number of rows of each class after
        resampling, and a callable returns such a dict for ``y``.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    eps : float, default=None
        Radius of a neighbourhood, in standard deviations of the class. None takes the
        distance within which nine in ten rows of the class have ``min_samples`` rows.
    min_samples : int, default=3
        Number of rows in the neighbourhood of a dense row, itself included.
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows at which paths begin are drawn independently or each row in
        a cluster, but for the centres, is used equally often (to one).
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of fewer than ``min_samples`` rows: lower the number
        to that of its rows and warn (a class of one row is an error), repeat its
        rows and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    eps_ : dict
        Radius that was used for each class that got rows.
    cluster_labels_ : dict of ndarray of shape (n_rows,)
        Number of the cluster of each row of these classes; -1 is noise.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or that is at the outer end
        of its edge.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the inner end of the edge of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_features)
        Where on the edge, from 0 (the outer end) to 1; per feature in a box.
    n_synthetic_ : dict
        Number of rows made for each class.
    sample_weight_ : ndarray of shape (n_resampled,)
        Weights of the rows, if some were given.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTE : Draws between neighbours, wherever they are.

    Notes
    -----
    Each class is standardized for the distances. An edge joins rows at most ``eps``
    apart of which one at least is dense. A border row that several clusters reach
    belongs to that of the nearest dense row. The centre of a cluster is no beginning
    of a path, as its path has no edge.

    The paper takes the radius from a plot; the default is a rule for the same knee.
    If a radius that was given makes no cluster, it is multiplied by 1.5 until there
    is one, with a warning.

    The pairs within ``eps`` are held in memory, which are many if a class has dense
    places and remote rows; a smaller ``eps`` helps. Weights decide how often a path
    begins at a row, not the clusters.

    Values of integer columns are rounded and kept in the range of their type. New
    rows of a sparse table are dense.

    References
    ----------
    .. [1] C. Bunkhumpornpat, K. Sinapiromsaran, C. Lursinsap, "DBSMOTE:
       Density-Based Synthetic Minority Over-sampling TEchnique", Applied
       Intelligence 36, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import DBSMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> X_resampled, y_resampled = DBSMOTE(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    """

    _parameter_constraints: dict = constraints(
        "interpolation",
        "allocation",
        "on_small_class",
        eps=[Interval(Real, 0, None, closed="neither"), None],
        min_samples=[Interval(Integral, 2, None, closed="left")],
    )
    _noted = ("eps_", "cluster_labels_")
    _takes_missing = False
    _is_dense = True

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        eps=None,
        min_samples=3,
        interpolation="segment",
        allocation="random",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.eps = eps
        self.min_samples = min_samples
        self.interpolation = interpolation
        self.allocation = allocation
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _place(self, rare):
        rows, weights, n_samples = rare.rows, rare.weights(), rare.n_samples
        table = rare.table()
        k = usable_neighbors(
            rare.label,
            rows.size,
            self.min_samples - 1,
            self.on_small_class,
            name="min_samples",
            with_self=True,
        )
        predecessor = np.arange(rows.size)
        if k > 0:
            scaled = StandardScaler().fit_transform(table)
            predecessor = self._paths(rare.label, scaled, k)
        inside = np.flatnonzero(predecessor >= 0)
        weights = None if weights is None else weights[inside]
        seed, _ = allocate(
            rare.rng, inside.size, 1, n_samples, self.allocation, weights
        )
        base, partner = np.empty((2, n_samples), dtype=np.intp)
        if k == 0:
            base[:] = partner[:] = inside[seed]
        else:
            share = rare.rng.uniform(size=n_samples)
            edges = (predecessor, inside[seed], share, base, partner)
            run_chunks(pick_edges, n_samples, *edges)
        gaps, new = self._gaps(rare), np.empty((n_samples, table.shape[1]))
        places = (table, base, partner, gaps, new)
        run_chunks(interpolate_dense, n_samples, *places, n_jobs=self.n_jobs)
        return Plan(rows[base], rows[partner], gaps, rows=new)

    def _paths(self, label, scaled, k):
        """Return the next row on the way to the centre for each row of a cluster."""
        wanted = dense_radius(scaled, k, self.n_jobs) if self.eps is None else self.eps
        eps = wanted
        graph = near_pairs(scaled, eps, self.n_jobs)
        if not dense_rows(graph, k + 1).any():
            needed = farthest_of(scaled, k, self.n_jobs).min()
            eps *= 1.5 ** max(1, np.ceil(np.log(needed / eps) / np.log(1.5)))
            graph = near_pairs(scaled, eps, self.n_jobs)
        if eps != wanted:
            warn_user(
                f"eps={wanted:.3g} makes no cluster of class {str(label)!r}; "
                f"{eps:.3g} is used."
            )
        dense = dense_rows(graph, k + 1)
        clusters = cluster_rows(graph, dense)
        self.eps_[label], self.cluster_labels_[label] = float(eps), clusters
        return paths_to_centres(scaled, graph, dense, clusters)


def dense_radius(table, k, n_jobs=None):
    """Return a radius within which nine in ten rows have ``k`` others."""
    distance = farthest_of(table, k, n_jobs)
    radius = np.quantile(distance, _QUANTILE, method="higher")
    if radius == 0:
        # Nearly all rows are repeated; the others decide, if there are any.
        radius = distance[distance > 0].min(initial=np.inf)
    # A little more, as the last digits of a distance depend on how it is summed.
    return radius * (1 + 1e-9) if np.isfinite(radius) else 1.0


def farthest_of(table, k, n_jobs=None):
    """Return the distance of each row from the farthest of its ``k`` nearest."""
    engine = NeighborEngine(table, np.zeros(table.shape[0]), n_jobs=n_jobs)
    farthest = engine.within(0, k)[:, -1]
    return np.sqrt(((table - table[farthest]) ** 2).sum(axis=1))


def near_pairs(table, radius, n_jobs=None):
    """Find all pairs of different rows at most ``radius`` apart.

    Parameters
    ----------
    table : ndarray of shape (n_rows, n_features)
        The rows.
    radius : float
        Largest Euclidean distance.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    graph : csr_matrix of shape (n_rows, n_rows)
        The distances, each twice, zeros included.
    """
    # Of a tree, whose distances are sums of differences.
    search = NearestNeighbors(radius=radius, algorithm="kd_tree", n_jobs=n_jobs)
    return search.fit(table).radius_neighbors_graph(mode="distance")


def dense_rows(graph, min_samples):
    """Tell which rows have ``min_samples`` rows near them, themselves included."""
    return np.diff(graph.indptr) + 1 >= min_samples


def cluster_rows(graph, dense):
    """Give each row the number of its cluster.

    Parameters
    ----------
    graph : csr_matrix of shape (n_rows, n_rows)
        Distances of the pairs that are near each other.
    dense : ndarray of shape (n_rows,)
        Which rows are dense.

    Returns
    -------
    clusters : ndarray of shape (n_rows,)
        Connected dense rows, and rows near them, share a number from 0; -1 is noise.
    """
    # Not scikit-learn's DBSCAN: the pairs are there already, from which this takes a
    # tenth of its time, and a border row goes to the nearest cluster, not the first.
    core = np.flatnonzero(dense)
    clusters = np.full(dense.size, -1, dtype=np.intp)
    clusters[core] = connected_components(graph[core][:, core], directed=False)[1]
    edges = graph.tocoo()
    border = ~dense[edges.row] & dense[edges.col]
    row, near, distance = edges.row[border], edges.col[border], edges.data[border]
    # The last one to be written, which is the nearest, stays.
    order = np.lexsort([near, distance])[::-1]
    clusters[row[order]] = clusters[near[order]]
    return clusters


def paths_to_centres(table, graph, dense, clusters):
    """Find the shortest path of each row to the centre of its cluster.

    Parameters
    ----------
    table : ndarray of shape (n_rows, n_features)
        The rows.
    graph : csr_matrix of shape (n_rows, n_rows)
        Distances of the pairs that are near each other.
    dense, clusters : ndarray of shape (n_rows,)
        Which rows are dense, and the number of the cluster of each.

    Returns
    -------
    predecessor : ndarray of shape (n_rows,)
        Next row on the path; negative at centres and in noise.
    """
    order = np.argsort(clusters, kind="stable")
    starts = np.searchsorted(clusters[order], np.arange(clusters.max() + 1))
    centres = []
    for rows in np.split(order, starts)[1:]:
        away = ((table[rows] - table[rows].mean(axis=0)) ** 2).sum(axis=1)
        centres.append(rows[np.argmin(away)])
    edges = graph.tocoo()
    used = (dense[edges.row] | dense[edges.col]) & (
        clusters[edges.row] == clusters[edges.col]
    )
    # A length of zero would be no edge at all.
    length = np.maximum(edges.data[used], np.finfo(np.float64).tiny)
    pairs = (length, (edges.row[used], edges.col[used]))
    tree = sparse.csr_array(pairs, shape=graph.shape)
    _, predecessor, _ = dijkstra(
        tree, indices=centres, min_only=True, return_predecessors=True
    )
    return predecessor
