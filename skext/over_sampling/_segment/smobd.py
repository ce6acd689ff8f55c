"""SMOBD: weights by the density of the class, noise left out."""

from numbers import Integral, Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse
from sklearn.cluster import compute_optics_graph
from sklearn.preprocessing import StandardScaler

from skext._neighbors.distances import MOST_ROWS, blocks, distance_block
from skext.over_sampling._core.parameters import INTERPOLATION, constraints
from skext.over_sampling._core.partners import as_smote_instead
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.utils._sklearn import Interval, StrOptions


@BaseOverSampler.register
class SMOBD(SyntheticSampler):
    """Over-sample by the density of a class, without its noise.

    OPTICS finds the core distance and the reachability of each row of the class. Rows
    where both exceed ``noise_threshold`` times their means are noise and not
    interpolated from; the others are, in proportion to a mean of their core distance
    and of the number of rows around them [1]_. A synthetic row lies in the box between
    such a row and one of its ``k_neighbors`` nearest of the class.

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
        Number of neighbours of the class to interpolate with.
    min_samples : int, default=5
        Number of rows, with the row itself, within its core distance.
    max_eps : float or None, default=None
        Largest distance that OPTICS looks at, between standardised rows; None is
        infinite.
    noise_threshold : float, default=1.8
        Multiple of the means from which on a row is noise.
    core_share : float, default=0.5
        Share of the core distance in the weight; the rest is for the number of rows
        around.
    core_weight : {"distance", "inverse"}, default="distance"
        Whether the first share grows with the core distance (more for sparse places,
        as in the known implementation) or falls with it (less).
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently, or each is used
        as often as its weight says (to one).
    interpolation : {"segment", "box"}, default="box"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of at most ``k_neighbors`` rows: use all its other
        rows as neighbours and warn (a class of one row is an error), repeat its rows
        and warn, or raise ``ValueError``.
    on_empty : {"raise", "smote"}, default="raise"
        What to do if all rows of a class are noise: raise ``ValueError``, or warn and
        interpolate from all alike.
    n_jobs : int, default=None
        Number of threads of the neighbour search. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    density_weights_ : dict
        Weight of each row of each class that was over-sampled, in the order of the
        rows, 0 for noise, before ``sample_weight``.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of each synthetic row.
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
    sklearn.cluster.OPTICS : The source of the distances.
    SMOTE : All rows alike.

    Notes
    -----
    The weight of a row is ``core_share * cd / max(cd) + (1 - core_share) * n / max(n)``
    with its core distance ``cd`` and the number ``n`` of rows around it, itself
    included. Points that are left open, or that known implementations differ in:

    * The rows of a class are standardised for OPTICS, so that ``max_eps`` has a
      meaning; neighbours to interpolate with are those of the given features.
    * Around means within ``max_eps``, and within the mean core distance if that is
      None, as otherwise all numbers would be equal.
    * Where OPTICS starts, reachability is not defined; the core distance stands in for
      it, and means are over finite values. An infinite mean would mean no noise ever.

    OPTICS takes time in proportion to the square of the size of the class.

    References
    ----------
    .. [1] Q. Cao, S. Wang, "Applying Over-sampling Technique Based on Data Density and
       Cost-sensitive SVM to Imbalanced Learning", International Conference on
       Information Management, Innovation Management and Industrial Engineering, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import SMOBD
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> sampler = SMOBD(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    >>> sampler.density_weights_[1].shape
    (19,)
    """

    _noted = ("density_weights_",)
    _needs_pair = True

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "k_neighbors",
        "on_empty",
        min_samples=[Interval(Integral, 2, None, closed="left")],
        max_eps=[Interval(Real, 0, None, closed="neither"), None],
        noise_threshold=[Interval(Real, 0, None, closed="neither")],
        core_share=[Interval(Real, 0, 1, closed="both")],
        core_weight=[StrOptions({"distance", "inverse"})],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        min_samples=5,
        max_eps=None,
        noise_threshold=1.8,
        core_share=0.5,
        core_weight="distance",
        allocation="random",
        interpolation="box",
        integer_features="round",
        on_small_class="shrink",
        on_empty="raise",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.min_samples = min_samples
        self.max_eps = max_eps
        self.noise_threshold = noise_threshold
        self.core_share = core_share
        self.core_weight = core_weight
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.on_empty = on_empty
        self.n_jobs = n_jobs

    def _seeds(self, rare):
        """Return all rows of the class with their density weights."""
        rows, given = super()._seeds(rare)
        max_eps = np.inf if self.max_eps is None else float(self.max_eps)
        P = rare.engine.X[rows].astype(np.float64)
        P = StandardScaler(with_mean=not sparse.issparse(P)).fit_transform(P)
        core, reach = optics_distances(P, min(self.min_samples, rows.size), max_eps)
        noise = is_noise(core, reach, self.noise_threshold)
        if noise.all():
            reason = f"has noise only: no core within max_eps={self.max_eps}"
            as_smote_instead(rare.label, reason, self.on_empty)
            return rows, given
        radius = core[np.isfinite(core)].mean() if max_eps == np.inf else max_eps
        inverse = self.core_weight == "inverse"
        weights = density_weights(
            core, count_around(P, radius), noise, self.core_share, inverse
        )
        if not weights.any():
            # Equal rows: all core distances are zero.
            weights = np.where(noise, 0.0, 1.0)
        self.density_weights_[rare.label] = weights
        return rows, weights if given is None else weights * given


def optics_distances(P, min_samples, max_eps):
    """Compute core distances and reachabilities.

    Parameters
    ----------
    P : {ndarray, sparse matrix} of shape (n_rows, n_features)
        Standardised rows.
    min_samples : int
        Number of rows within the core distance.
    max_eps : float
        Largest distance.

    Returns
    -------
    core, reach : ndarray of shape (n_rows,)
        Infinite if there is no core within ``max_eps``. Where the order starts the
        core distance stands for the reachability.
    """
    if max_eps < np.inf and (count_around(P, max_eps) < min_samples).all():
        # No core at all, of which OPTICS would warn.
        return np.full((2, P.shape[0]), np.inf)
    metric = "euclidean"
    if sparse.issparse(P) or np.isnan(P.sum()):
        if P.shape[0] > MOST_ROWS:
            raise ValueError(
                f"A class of {P.shape[0]} rows is too large for tables that are sparse "
                f"or have missing values (at most {MOST_ROWS}); impute them, or reduce "
                "the dimension before."
            )
        rows = np.arange(P.shape[0])
        distances = distance_block(P, rows, rows)
        known = np.isfinite(distances)
        P, metric = np.where(known, distances, distances[known].max()), "precomputed"
    _, core, reach, _ = compute_optics_graph(
        P,
        min_samples=min_samples,
        max_eps=max_eps,
        metric=metric,
        p=2,
        metric_params=None,
        algorithm="auto" if metric == "euclidean" else "brute",
        leaf_size=30,
        n_jobs=None,
    )
    return core, np.where(np.isfinite(reach), reach, core)


def is_noise(core, reach, threshold):
    """Tell which rows have both distances above a multiple of the mean."""
    noise = np.ones(core.size, dtype=bool)
    for distance in (core, reach):
        finite = distance[np.isfinite(distance)]
        limit = threshold * finite.mean() if finite.size > 0 else 0.0
        noise &= distance > limit
    return noise


def count_around(P, radius):
    """Count the rows within a radius of each row, itself included."""
    n_rows = P.shape[0]
    everyone, counts = np.arange(n_rows), np.empty(n_rows)
    for part in blocks(n_rows, n_rows):
        distances = distance_block(P, everyone[part], everyone)
        counts[part] = (distances <= radius).sum(axis=1)
    return counts


def density_weights(core, counts, noise, share, inverse=False):
    """Combine core distances and numbers of rows to weights.

    Parameters
    ----------
    core, counts : ndarray of shape (n_rows,)
        Core distances, and numbers of rows around each row.
    noise : ndarray of shape (n_rows,)
        True for rows that get no weight.
    share : float
        Part of the core distance.
    inverse : bool, default=False
        Whether small core distances count more.

    Returns
    -------
    weights : ndarray of shape (n_rows,)
        Each part is at most 1 before the shares.
    """
    finite = np.isfinite(core)
    largest = core[finite].max()
    core = np.where(finite, core, 1.1 * largest)
    if inverse:
        smallest = core[core > 0].min(initial=np.inf)
        part = np.minimum(smallest / np.maximum(core, 1e-300), 1.0)
    else:
        part = core / max(core.max(), 1e-300)
    weights = share * part + (1 - share) * counts / counts.max()
    weights[noise] = 0.0
    return weights
