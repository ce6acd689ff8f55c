"""MWMOTE: weights by the information of border rows, partners of the same cluster."""

from numbers import Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans

from skext._neighbors.distances import (
    MOST_ROWS,
    blocks,
    condensed_distances,
    distance_block,
    pair_distances,
)
from skext.over_sampling._core.parameters import COUNT, INTERPOLATION, constraints
from skext.over_sampling._core.partners import as_smote_instead, draw_companions
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._segment.mwmote_kernels import add_information
from skext.utils._parallel import run_chunks
from skext.utils._sklearn import Interval, StrOptions
from skext.utils._warnings import warn_user

# Parts of a block of border rows that are summed on their own, whatever the threads.
_PARTS = 16
# Widths of a table, in units of the threshold, beyond which it decides nothing.
_WIDE = 1e6


@BaseOverSampler.register
class MWMOTE(SyntheticSampler):
    r"""Over-sample rows that are hard to learn, within clusters of their class.

    Rows of the class near the border to other classes are weighted by their distance
    to the border rows there and by how sparse the class is [1]_. A synthetic row lies
    on the segment between a row drawn by weight and another of its cluster, so that
    segments do not cross other classes.

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
    k_noisy : int, default=5
        Neighbours that tell noise: a row of the class without any of its class among
        them is left out; k1 in the paper.
    k_majority : int, default=3
        Number of nearest rows of other classes of each remaining row; they are the
        border; k2 in the paper.
    k_minority : int, float or None, default=None
        Number of nearest rows of the class that a border row gives weight to; a float
        is a share of the class, None is half of it; k3 in the paper.
    closeness_threshold : float, default=5.0
        Inverse distance (per feature) from which on rows are equally close, C_f(th) in
        the paper.
    closeness_maximum : float, default=2.0
        Closeness of such rows, CMAX in the paper.
    clustering : {"average", "kmeans"}, default="average"
        Average linkage as in the paper, whose cost grows with the square of the size
        of the class, or k-means for classes of more than 20 000 rows.
    cluster_scale : float, default=3.0
        Clusters are merged up to this multiple of the mean distance between nearest
        neighbours, C_p in the paper; for average linkage.
    n_clusters : int, default=10
        Number of clusters, for k-means.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently, or each is used
        as often as its weight says (to one).
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of one row: "duplicate" repeats it and warns, the
        others raise ``ValueError``.
    on_empty : {"raise", "smote"}, default="raise"
        What to do if all rows of a class are noise: raise ``ValueError``, or warn and
        interpolate with one of the ``k_noisy`` nearest rows of the class.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    selection_weights_ : dict
        Weight of each row of each class that was over-sampled, in the order of the
        rows, before ``sample_weight``.
    clusters_ : dict
        Number of the cluster of each such row, from 0.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_features)
        Where on the segment, from 0 (the base row) to 1; per feature in a box.
    n_synthetic_ : dict
        Number of rows made for each class.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    ProWSyn : Weights by levels of proximity.

    Notes
    -----
    For a border row :math:`y` and each of its ``k_minority`` nearest rows :math:`x` of
    the class, closeness is :math:`C_f = \min(d / |y - x|, C_f(th)) / C_f(th) \cdot
    CMAX` with :math:`d` features, and 0 for other rows; the density factor is
    :math:`C_f` divided by its sum over the class, and the weight of :math:`x` is the
    sum over the border rows of their product.

    The closeness is absolute: scale the features before; there is a warning if all
    rows are nearer than the threshold, or none is by far.

    A row alone in its cluster is copied: its segment would lead through other
    classes. The mean distance between nearest neighbours is taken over the rows that
    are not noise (all rows if there is only one of these), without zeros. Clusters are
    made of all rows of the class.

    References
    ----------
    .. [1] S. Barua, M. M. Islam, X. Yao, K. Murase, "MWMOTE: Majority Weighted
       Minority Oversampling Technique for Imbalanced Data Set Learning", IEEE
       Transactions on Knowledge and Data Engineering 26(2), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import MWMOTE
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> sampler = MWMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    >>> sampler.selection_weights_[1].shape
    (19,)
    """

    _noted = ("selection_weights_", "clusters_")
    _needs_pair = True

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "on_empty",
        k_noisy=[COUNT],
        k_majority=[COUNT],
        k_minority=[COUNT, Interval(Real, 0, 1, closed="right"), None],
        closeness_threshold=[Interval(Real, 0, None, closed="neither")],
        closeness_maximum=[Interval(Real, 0, None, closed="neither")],
        clustering=[StrOptions({"average", "kmeans"})],
        cluster_scale=[Interval(Real, 0, None, closed="left")],
        n_clusters=[COUNT],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_noisy=5,
        k_majority=3,
        k_minority=None,
        closeness_threshold=5.0,
        closeness_maximum=2.0,
        clustering="average",
        cluster_scale=3.0,
        n_clusters=10,
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        on_empty="raise",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_noisy = k_noisy
        self.k_majority = k_majority
        self.k_minority = k_minority
        self.closeness_threshold = closeness_threshold
        self.closeness_maximum = closeness_maximum
        self.clustering = clustering
        self.cluster_scale = cluster_scale
        self.n_clusters = n_clusters
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.on_empty = on_empty
        self.n_jobs = n_jobs

    def _place(self, rare):
        rows, engine, label = rare.rows, rare.engine, rare.label
        kept = informed_rows(engine, rows, self.k_noisy)
        if kept.size == 0:
            reason = f"has no row near another of it (k_noisy={self.k_noisy})"
            as_smote_instead(label, reason, self.on_empty)
            return super()._place(rare)
        weights = self._information(engine, rows, kept)
        clusters = self._clusters(rare, kept)
        self.selection_weights_[label], self.clusters_[label] = weights, clusters
        given = rare.weights()
        seed = self._draw(rare, weights if given is None else weights * given)
        partner = rows[draw_companions(rare.rng, clusters, seed)]
        return Plan(rows[seed], partner, self._gaps(rare))

    def _partners(self, rare, seeds):
        return rare.engine.within(rare.label, min(self.k_noisy, seeds.size - 1))

    def _information(self, engine, rows, kept):
        """Return the weight of each row of the class, of which some are not noise."""
        border = border_rows(engine, rows, kept, self.k_majority)
        self._warn_of_units(engine.X, np.union1d(border, rows))
        k = 0.5 if self.k_minority is None else self.k_minority
        k = max(1, int(k * rows.size)) if isinstance(k, float) else k
        weights = information_weights(
            engine.X,
            border,
            rows,
            min(k, rows.size),
            float(self.closeness_threshold),
            float(self.closeness_maximum),
            self.n_jobs,
        )
        # Only where no column is known in both rows is all information lost.
        return weights if weights.any() else np.ones(rows.size)

    def _warn_of_units(self, X, rows):
        """Say that the unit of the features decides what is close."""
        P = sparse.csc_array(X[rows]) if sparse.issparse(X) else X[rows]
        if sparse.issparse(P):
            low, high = (np.asarray(end.todense()) for end in (P.min(0), P.max(0)))
        else:
            low, high = np.fmin.reduce(P, axis=0), np.fmax.reduce(P, axis=0)
        span = np.sqrt(np.nansum((high - low).astype(np.float64) ** 2))
        wide = span * self.closeness_threshold / X.shape[1]
        if 0 < wide < 1:
            warn_user(
                f"All rows are at most {span:.3g} apart, which is nearer than "
                f"closeness_threshold={self.closeness_threshold!r} tells apart for "
                f"{X.shape[1]} features, so that all count as equally close; scale "
                "the features, or give a larger threshold."
            )
        elif wide > _WIDE:
            warn_user(
                f"Rows are up to {span:.3g} apart, so that "
                f"closeness_threshold={self.closeness_threshold!r} is as if it were "
                "not there; scale the features, or give a smaller threshold."
            )

    def _clusters(self, rare, kept):
        """Return the number of the cluster of each row."""
        rows, X = rare.rows, rare.engine.X
        if self.clustering == "average":
            if rows.size > MOST_ROWS:
                raise ValueError(
                    f"clustering='average' compares all pairs of the {rows.size} rows "
                    f"of class {str(rare.label)!r}, more than it can for over "
                    f"{MOST_ROWS} rows; give clustering='kmeans'."
                )
            among = kept if kept.size > 1 else rows
            limit = self.cluster_scale * mean_spacing(rare.engine, among)
            return average_clusters(X, rows, limit)
        P = X[rows]
        if not sparse.issparse(P) and np.isnan(P.sum()):
            raise ValueError(
                "clustering='kmeans' cannot take missing values; give "
                "clustering='average', or impute before."
            )
        seed = rare.rng.randint(2**31 - 1)
        n_clusters = min(self.n_clusters, rows.size)
        means = KMeans(n_clusters, n_init=1, random_state=seed)
        found = means.fit_predict(P.astype(np.float64))
        return np.unique(found, return_inverse=True)[1]


def informed_rows(engine, rows, k):
    """Return the rows of a class with another of it among their nearest rows.

    Parameters
    ----------
    engine : NeighborEngine
        Search in the table.
    rows : ndarray of int
        Row numbers of the class.
    k : int
        Number of neighbours.

    Returns
    -------
    kept : ndarray of int
        Row numbers; the others are noise.
    """
    k = min(k, engine.X.shape[0] - 1)
    member = np.zeros(engine.X.shape[0], dtype=bool)
    member[rows] = True
    return rows[member[engine.among_all(rows, k)].any(axis=1)]


def border_rows(engine, rows, kept, k):
    """Return the rows outside a class that are nearest to some of its rows.

    Parameters
    ----------
    engine : NeighborEngine
        Search in the table.
    rows : ndarray of int
        Row numbers of the class.
    kept : ndarray of int
        Those of its rows that count.
    k : int
        Number of neighbours.

    Returns
    -------
    border : ndarray of int
        Row numbers, in order.
    """
    outside = np.ones(engine.X.shape[0], dtype=bool)
    outside[rows] = False
    others = np.flatnonzero(outside)
    if others.size <= k:
        return others
    return np.unique(engine.nearest(kept, others, k))


def information_weights(X, border, rows, k, threshold, maximum, n_jobs=None):
    """Sum the information weights of the rows of a class over the border rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    border, rows : ndarray of int
        Row numbers, of the border and of the class.
    k : int
        Number of nearest rows of the class that a border row gives weight to.
    threshold, maximum : float
        Cut and scale of the closeness.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    weights : ndarray of shape (n_rows,)
        Selection weights, not normalised.
    """
    weights = np.zeros(rows.size)
    for part in blocks(border.size, rows.size):
        distances = np.ascontiguousarray(distance_block(X, border[part], rows))
        totals = np.zeros((min(_PARTS, distances.shape[0]), rows.size))
        run_chunks(
            add_information,
            totals.shape[0],
            distances,
            k,
            float(X.shape[1]),
            threshold,
            maximum,
            totals,
            n_jobs=n_jobs,
            min_chunk=1,
        )
        weights += totals.sum(axis=0)
    return weights


def mean_spacing(engine, rows):
    """Return the mean distance to the nearest neighbour within rows, without zeros."""
    nearest = engine.nearest(rows, rows, 1)[:, 0]
    distances = pair_distances(engine.X, rows, nearest)
    counted = distances[(distances > 0) & np.isfinite(distances)]
    return counted.mean() if counted.size > 0 else 0.0


def average_clusters(X, rows, limit):
    """Cluster rows by average linkage up to a distance.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    rows : ndarray of shape (n_rows,)
        Row numbers, two or more.
    limit : float
        Clusters farther apart are not merged.

    Returns
    -------
    clusters : ndarray of shape (n_rows,)
        Numbers from 0.
    """
    tree = linkage(condensed_distances(X, rows), method="average")
    return fcluster(tree, limit, criterion="distance") - 1
