"""K-means SMOTE: synthetic rows within clusters where a class is strong."""

import math
from numbers import Integral, Real

import imblearn.over_sampling
import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics.pairwise import euclidean_distances
from threadpoolctl import threadpool_limits

from skext._neighbors.distances import is_filled
from skext.over_sampling._core.allocation import exact_counts
from skext.over_sampling._core.frames import as_plain_csr
from skext.over_sampling._core.offsets import near_zero
from skext.over_sampling._core.parameters import (
    COUNT,
    INTERPOLATION,
    SEARCH,
    constraints,
)
from skext.over_sampling._core.partners import find_neighbors, usable_neighbors
from skext.over_sampling._core.plan import join
from skext.over_sampling._drop_in.kmeans_kernels import sum_distances
from skext.over_sampling._drop_in.smote import SMOTE
from skext.utils._parallel import run_chunks
from skext.utils._random import seed_parts
from skext.utils._sklearn import HasMethods, StrOptions
from skext.utils._warnings import warn_user

# Sparse rows whose distances to all others are held at once.
_BLOCK = 256
# Mean distances beyond this, or below its inverse, come from units, not from data.
_ODD_UNIT = 1e4


@imblearn.over_sampling.KMeansSMOTE.register
class KMeansSMOTE(SMOTE):
    r"""Over-sample within the clusters where a class is strong enough.

    All rows are clustered. In the clusters where the share of the class reaches
    ``cluster_balance_threshold``, synthetic rows are made as by SMOTE, and the more of
    them the sparser the class is there [1]_: cluster :math:`f` with :math:`n_f` rows
    of the class at mean distance :math:`D_f` gets rows in proportion to
    :math:`D_f^e / n_f`. With one cluster the rows are those of SMOTE.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in imbalanced-learn: "auto" brings all
        classes but the largest to its size, a float is the wanted ratio of minority
        to majority (two classes only), "minority", "not minority", "not majority"
        and "all" name classes, a dict gives the number of rows of each class after
        resampling, and a callable returns such a dict for ``y``.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness, also of a ``kmeans_estimator`` without a seed.
    k_neighbors : int or object, default=2
        Number of neighbours, or an object with ``fit`` and ``kneighbors`` whose
        ``n_neighbors`` counts the row itself.
    n_jobs : int, default=None
        Number of threads of the searches. The result does not depend on it.
    kmeans_estimator : int or estimator object, default=None
        The clustering, or the number of clusters; None is ``MiniBatchKMeans``. It is
        fitted once.
    cluster_balance_threshold : {"auto", "paper"} or float, default="auto"
        Share of the class from which on a cluster is used. "auto" is half the share
        of the class in the rows to be made for all classes, as in imbalanced-learn;
        "paper" uses the clusters of which the class has more than half.
    density_exponent : {"auto", "paper"} or float, default="auto"
        The exponent :math:`e`. "auto" is
        :math:`0.16\,(\log_{1.6} n_f)^{1.8}`, as in imbalanced-learn; "paper" is the
        number of features.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class in a cluster is used equally often (to one).
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of at most ``k_neighbors`` rows: use all its other
        rows as neighbours and warn (a class of one row is an error), repeat its rows
        and warn, or raise ``ValueError``.
    on_empty : {"raise", "smote"}, default="raise"
        What to do with a class that no cluster is used for: raise ``RuntimeError``,
        or interpolate in the whole class as SMOTE does, and warn.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    nn_k_ : object
        Neighbour search with ``n_neighbors`` equal to ``k_neighbors + 1``.
    kmeans_estimator_ : estimator object
        The fitted clustering.
    cluster_balance_threshold_ : str or float
        The threshold; minus infinity for one cluster.
    cluster_counts_ : dict of object to ndarray of shape (n_clusters,)
        For each class the number of rows made in each cluster.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_features)
        Where on the segment, from 0 (the base row) to 1; per feature in a box.
    n_synthetic_ : dict
        Number of rows made for each class, always the number asked for.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTE : Interpolates in the whole class.
    imblearn.over_sampling.KMeansSMOTE : The peer.

    Notes
    -----
    The weights of the clusters are computed from logarithms, since :math:`D^e` has no
    floating-point number for some hundred features. They are rounded so that the
    numbers of all clusters add up, by the largest remainder; the peer rounds each one
    up and makes too many rows. Clusters whose rows of the class are all equal have no
    sparsity to compare: if this holds for all, they get the same number.

    The clustering runs on one thread and in double precision, so that neither the
    number of cores nor the type of the table moves a row to another cluster. The
    distances of all pairs of a class in a cluster are summed, in a time that grows
    with the square of their number but in little memory. ``sample_weight`` counts when
    rows are drawn and when clusters are weighted, not in the clustering. Missing
    values are refused.

    References
    ----------
    .. [1] G. Douzas, F. Bacao, F. Last, "Improving Imbalanced Learning through a
       Heuristic Oversampling Method Based on k-Means and SMOTE", Information Sciences
       465, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from skext.over_sampling import KMeansSMOTE
    >>> X, y = make_blobs([100, 800, 100], centers=[(-10, 0), (0, 0), (10, 0)],
    ...                   random_state=0)
    >>> y = y == 1
    >>> sampler = KMeansSMOTE(kmeans_estimator=3, random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [800, 800]
    >>> sorted(sampler.cluster_counts_[False].tolist())[0]
    0
    """

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "on_empty",
        k_neighbors=SEARCH,
        kmeans_estimator=[HasMethods(["fit", "predict"]), COUNT, None],
        cluster_balance_threshold=[StrOptions({"auto", "paper"}), Real],
        density_exponent=[StrOptions({"auto", "paper"}), Real],
    )
    _noted = ("cluster_counts_",)
    _takes_missing = False

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=2,
        n_jobs=None,
        kmeans_estimator=None,
        cluster_balance_threshold="auto",
        density_exponent="auto",
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        on_empty="raise",
    ):
        super().__init__(
            sampling_strategy=sampling_strategy,
            random_state=random_state,
            k_neighbors=k_neighbors,
            allocation=allocation,
            interpolation=interpolation,
            integer_features=integer_features,
            on_small_class=on_small_class,
            n_jobs=n_jobs,
        )
        self.kmeans_estimator = kmeans_estimator
        self.cluster_balance_threshold = cluster_balance_threshold
        self.density_exponent = density_exponent
        self.on_empty = on_empty

    def _survey(self, engine, rng, wanted):
        """Cluster all rows; find which rows of each class are in which cluster."""
        self.kmeans_estimator_ = self._clustering(rng)
        self._note_threshold(getattr(self.kmeans_estimator_, "n_clusters", 0))
        if not wanted:
            return {}
        X = engine.X.astype(np.float64, copy=False)
        X = as_plain_csr(X) if sparse.issparse(X) else X
        offset = None
        if self.kmeans_estimator is None or isinstance(self.kmeans_estimator, Integral):
            X, offset = near_zero(X)
        # OpenMP does not survive a fork, and its sums depend on the threads.
        with threadpool_limits(1, user_api="openmp"):
            self.kmeans_estimator_.fit(X)
            if hasattr(self.kmeans_estimator_, "labels_"):
                clusters = self.kmeans_estimator_.labels_
            else:
                clusters = self.kmeans_estimator_.predict(X)
        if offset is not None:
            self.kmeans_estimator_.cluster_centers_ += offset
        clusters = np.unique(clusters, return_inverse=True)[1]
        sizes = np.bincount(clusters)
        self._note_threshold(sizes.size)
        total = sum(wanted.values())
        return {
            label: (clusters, sizes, n_samples / total / 2)
            for label, n_samples in wanted.items()
        }

    def _clustering(self, rng):
        """Return the clustering, with a seed and not yet fitted."""
        given, seed = self.kmeans_estimator, self.random_state
        if given is None:
            model = MiniBatchKMeans(random_state=seed)
        elif isinstance(given, Integral):
            model = MiniBatchKMeans(n_clusters=given, random_state=seed)
        else:
            model = clone(given)
        if seed is not None:
            seed_parts(rng, model)
        return model

    def _note_threshold(self, n_clusters):
        given = self.cluster_balance_threshold
        self.cluster_balance_threshold_ = -np.inf if n_clusters == 1 else given

    def _place(self, rare):
        rows, search = rare.rows, self._search("k_neighbors")
        k = search.k
        if k is not None:
            k = usable_neighbors(rare.label, rows.size, k, self.on_small_class)
        if k == 0:
            return self._repeat(rare)
        used, inside = self._select(rows, k, rare.known)
        if not inside:
            return self._without_cluster(rare)
        shares = self._shares(rare, inside)
        counts = exact_counts(rare.rng, rare.n_samples, shares)
        self.cluster_counts_[rare.label] = np.zeros(rare.known[1].size, dtype=np.intp)
        self.cluster_counts_[rare.label][used] = counts
        parts = []
        for part, count in zip(inside, counts.tolist(), strict=True):
            if count > 0:
                near = find_neighbors(rare.engine, part, part, k, search.own)
                weights = rare.weights(part)
                parts.append(self._between(rare, part, near, weights, count))
        return join(parts)

    def _select(self, rows, k, known):
        """Return the clusters to use, and the rows of the class in each of them."""
        clusters, sizes, half = known
        own = np.bincount(clusters[rows], minlength=sizes.size)
        enough = own > (1 if k is None else k)
        used = np.flatnonzero(self._is_strong(own, sizes, half) & enough)
        inside = [rows[clusters[rows] == cluster] for cluster in used]
        return used, inside

    def _is_strong(self, own, sizes, half):
        """Tell in which clusters the class has the share that is asked for."""
        threshold = self.cluster_balance_threshold_
        if isinstance(threshold, str) and threshold == "paper":
            return sizes - own < own
        return own / sizes >= (half if isinstance(threshold, str) else threshold)

    def _shares(self, rare, inside):
        """Weigh clusters by the sparsity of the class in them."""
        X = rare.engine.X
        logs, exponents, distances = np.empty((3, len(inside)))
        for i, rows in enumerate(inside):
            distances[i] = mean_distance(X, rows, self.n_jobs)
            exponents[i] = self._exponent(rows.size, X.shape[1])
            logs[i] = log_sparsity(distances[i], rows.size, exponents[i])
        self._warn_of_units(distances, exponents)
        shares = normalize_logs(logs)
        if rare.sample_weight is not None:
            shares = shares * [rare.weights(rows).mean() for rows in inside]
        return shares

    def _warn_of_units(self, distances, exponents):
        """Say that the unit of the features decides about the clusters."""
        known = distances > 0
        if known.any() and np.ptp(exponents) > 0:
            middle = np.exp(np.log(distances[known]).mean())
            if not 1 / _ODD_UNIT < middle < _ODD_UNIT:
                warn_user(
                    f"Rows of a cluster are {middle:.3g} apart, and with "
                    "density_exponent='auto' so odd a unit decides which cluster gets "
                    "the rows; scale the features, or give density_exponent='paper'."
                )

    def _exponent(self, n_rows, n_features):
        if self.density_exponent == "auto":
            return 0.16 * math.log(n_rows, 1.6) ** 1.8
        if self.density_exponent == "paper":
            return n_features
        return self.density_exponent

    def _without_cluster(self, rare):
        message = f"No clusters found with sufficient samples of class {rare.label}"
        if self.on_empty == "raise":
            raise RuntimeError(
                f"{message} for cluster_balance_threshold="
                f"{self.cluster_balance_threshold!r}. Try lowering the "
                "cluster_balance_threshold or increasing the number of clusters, or "
                "give on_empty='smote'."
            )
        warn_user(f"{message}; its rows are interpolated as by SMOTE.")
        return super()._place(rare)


def mean_distance(X, rows, n_jobs=None):
    """Average the Euclidean distance over all pairs of some rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    rows : ndarray of int
        At least two row numbers.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Returns
    -------
    distance : float
        Zero if all rows are equal.
    """
    n_rows = rows.size
    if sparse.issparse(X) and not is_filled(X):
        P = sparse.csr_array(X[rows]).astype(np.float64)
        sums = np.zeros(n_rows)
        norms = np.asarray(P.multiply(P).sum(axis=1)).ravel()
        for start in range(0, n_rows, _BLOCK):
            part = slice(start, min(start + _BLOCK, n_rows))
            squares = euclidean_distances(P[part], P[start:], squared=True)
            # Inner products leave rounding noise where rows are equal.
            squares[squares < 1e-13 * (norms[part, None] + norms[start:])] = 0.0
            sums[part] = np.triu(np.sqrt(squares), 1).sum(axis=1)
    else:
        P = X[rows].toarray() if sparse.issparse(X) else X[rows]
        columns = np.ascontiguousarray(P.T, dtype=np.float64)
        sums = np.empty(n_rows)
        chunk = max(1, 2_000_000 // (n_rows * columns.shape[0] + 1))
        items = (n_rows + 1) // 2
        run_chunks(sum_distances, items, columns, sums, n_jobs=n_jobs, min_chunk=chunk)
    return float(sums.sum() / (n_rows * (n_rows - 1) / 2))


def log_sparsity(distance, n_rows, exponent):
    """Return the logarithm of ``distance ** exponent / n_rows``."""
    if exponent == 0:
        return -math.log(n_rows)
    if distance == 0:
        return -math.inf if exponent > 0 else math.inf
    return exponent * math.log(distance) - math.log(n_rows)


def normalize_logs(logs):
    """Turn logarithms of weights into shares; alike if none is finite."""
    top = logs.max()
    equal = (logs == top).astype(np.float64)
    shares = equal if np.isinf(top) else np.exp(logs - top)
    return shares / shares.sum()
