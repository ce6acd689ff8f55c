"""Assembled SMOTE: border rows interpolated within clusters of one direction."""

from numbers import Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from skext._neighbors.distances import (
    MOST_ROWS,
    distance_block,
    principal_direction,
)
from skext.over_sampling._core.parameters import COUNT, INTERPOLATION, constraints
from skext.over_sampling._core.partners import usable_neighbors
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._segment.assembled_kernels import (
    closest_pair,
    find_nearest,
    forbid,
    merge,
)
from skext.utils._sklearn import Interval


@BaseOverSampler.register
class AssembledSMOTE(SyntheticSampler):
    """Over-sample within clusters of border rows that extend in one direction.

    Rows of the class that have a row of another class among their ``k_neighbors``
    nearest are at the border [1]_. They are clustered bottom-up by single linkage;
    large clusters are merged only if their principal directions are close, so that a
    cluster follows a stretch of the border. All other rows form one more cluster, and
    rows are interpolated with neighbours of their cluster.

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
    k_neighbors : int, default=5
        Number of neighbours, of all classes to tell the border and of the cluster for
        interpolation.
    min_cluster_size : int, default=2
        Clusters of fewer rows are merged whatever their direction.
    min_cosine : float, default=0.3
        Larger clusters are merged if the cosine of the angle between their first
        principal directions is above this.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class is used equally often (to one).
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of at most ``k_neighbors`` rows: use all other rows of
        a cluster as neighbours and warn (a class of one row is an error), repeat its
        rows and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    clusters_ : dict
        Number of the cluster of each row of each class that was over-sampled, in the
        order of the rows; -1 for rows that are not at the border.
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
    SMOTE : One cluster of all rows.
    MWMOTE : Clusters by average linkage.

    Notes
    -----
    Every row of the class is interpolated from equally often on average, which shares
    the rows among clusters in proportion to their size; the paper leaves this open. A
    pair of clusters that may not be merged stays apart until one of both is merged with
    a third. A cluster of equal rows has no direction and may be merged with any. A
    cluster of at most ``k_neighbors`` rows has all its others as neighbours; a row
    alone in its cluster is interpolated with its nearest rows of the class. Without
    border rows the method is SMOTE.

    Clustering takes memory and time in proportion to the square of the number of
    border rows.

    References
    ----------
    .. [1] B. Zhou, C. Yang, H. Guo, J. Hu, "A quasi-linear SVM combined with assembled
       SMOTE for imbalanced data classification", International Joint Conference on
       Neural Networks (IJCNN), 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import AssembledSMOTE
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> sampler = AssembledSMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    >>> sampler.clusters_[1].shape
    (19,)
    """

    _noted = ("clusters_",)
    _needs_pair = True

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "k_neighbors",
        min_cluster_size=[COUNT],
        min_cosine=[Interval(Real, 0, 1, closed="both")],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        min_cluster_size=2,
        min_cosine=0.3,
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.min_cluster_size = min_cluster_size
        self.min_cosine = min_cosine
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _place(self, rare):
        (rows, weights), label = self._seeds(rare), rare.label
        clusters = self._clusters(rare)
        self.clusters_[label] = clusters
        k = usable_neighbors(label, rows.size, self.k_neighbors, self.on_small_class)
        if k == 0:
            return self._repeat(rare)
        partners, counts = cluster_neighbors(rare.engine, label, rows, clusters, k)
        if (counts == k).all():
            # The same numbers as for SMOTE, which this is with one cluster.
            return self._between(rare, rows, partners, weights)
        seed = self._draw(rare, weights)
        column = rare.rng.randint(0, counts[seed])
        return Plan(rows[seed], partners[seed, column], self._gaps(rare))

    def _clusters(self, rare):
        """Return the cluster of each row, -1 for all rows within the class."""
        rows, engine, label = rare.rows, rare.engine, rare.label
        k = min(self.k_neighbors, engine.X.shape[0] - 1)
        foreign = engine.y[engine.among_all(rows, k)] != label
        border = np.flatnonzero(foreign.any(axis=1))
        clusters = np.full(rows.size, -1)
        if border.size > MOST_ROWS:
            raise ValueError(
                f"Class {str(label)!r} has {border.size} rows at the border, of which "
                f"all pairs are compared, more than can be for over {MOST_ROWS} rows; "
                "use another sampler, or a sample of the rows."
            )
        if border.size > 0:
            clusters[border] = assemble(
                engine.X, rows[border], self.min_cluster_size, self.min_cosine
            )
        return clusters


def assemble(X, rows, min_size=2, min_cosine=0.3):
    """Cluster rows bottom-up by single linkage and direction.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    rows : ndarray of shape (n_rows,)
        Row numbers.
    min_size : int, default=2
        Smaller clusters are merged whatever their direction.
    min_cosine : float, default=0.3
        Larger ones only if the cosine between their directions is above this.

    Returns
    -------
    clusters : ndarray of shape (n_rows,)
        Numbers from 0, by the first row of each.
    """
    n_rows = rows.size
    distances = np.ascontiguousarray(distance_block(X, rows, rows))
    np.fill_diagonal(distances, np.inf)
    alive = np.ones(n_rows, dtype=bool)
    nearest, radius = np.empty(n_rows, dtype=np.intp), np.empty(n_rows)
    state = (distances, alive, nearest, radius)
    find_nearest(*state, 0, n_rows)
    members, directions = [[i] for i in range(n_rows)], {}

    def direction(cluster):
        if cluster not in directions:
            directions[cluster] = principal_direction(X[rows[members[cluster]]])
        return directions[cluster]

    while (a := closest_pair(alive, radius)) >= 0:
        b = nearest[a]
        if min(len(members[a]), len(members[b])) >= min_size:
            one, other = direction(a), direction(b)
            if one.any() and other.any() and abs(one @ other) <= min_cosine:
                forbid(*state, a, b)
                continue
        merge(*state, a, b)
        members[a] += members[b]
        directions.pop(a, None)
        directions.pop(b, None)
    clusters = np.empty(n_rows, dtype=np.intp)
    for number, cluster in enumerate(np.flatnonzero(alive)):
        clusters[members[cluster]] = number
    return clusters


def cluster_neighbors(engine, label, rows, clusters, k):
    """Find the nearest rows of the same cluster.

    Parameters
    ----------
    engine : NeighborEngine
        Search in the table.
    label : object
        The class.
    rows, clusters : ndarray of shape (n_rows,)
        Row numbers of the class, and their clusters.
    k : int
        Number of neighbours, fewer than there are rows.

    Returns
    -------
    partners : ndarray of shape (n_rows, k)
        Row numbers of neighbours, the first ``counts`` of which are set.
    counts : ndarray of shape (n_rows,)
        The others of a cluster if these are fewer than ``k``; a row alone in its
        cluster has its nearest rows of the class.
    """
    partners, counts = np.zeros((rows.size, k), dtype=np.intp), np.full(rows.size, k)
    names, sizes = np.unique(clusters, return_counts=True)
    for cluster, size in zip(names, sizes, strict=True):
        members = np.flatnonzero(clusters == cluster)
        if size == rows.size:
            partners[:] = engine.within(label, k)
        elif size == 1:
            partners[members] = engine.nearest(rows[members], rows, k)
        else:
            count = min(k, size - 1)
            here = rows[members]
            partners[members, :count] = engine.nearest(here, here, count)
            counts[members] = count
    return partners, counts
