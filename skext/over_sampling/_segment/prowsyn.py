"""ProWSyn: synthetic rows nearer to the other classes get more weight."""

from numbers import Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from skext.over_sampling._core.parameters import COUNT, INTERPOLATION, constraints
from skext.over_sampling._core.partners import draw_companions
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.utils._sklearn import Interval, StrOptions

# Values of the rows outside the class that are searched at once.
_BLOCK = 1 << 21


@BaseOverSampler.register
class ProWSyn(SyntheticSampler):
    r"""Over-sample in proportion to the proximity to the other classes.

    The rows of a class are divided into levels [1]_: the first holds the nearest
    neighbours of the rows of other classes, the next the nearest among those that are
    left, and so on. A row of level :math:`l` is chosen in proportion to
    :math:`\exp(-\theta (l - 1))`, and a synthetic row lies on the segment between it
    and another row of its level.

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
        Number of rows of the class that each row outside brings to a level.
    n_levels : int, default=5
        Number of levels. The last holds all rows that no other has taken.
    theta : float, default=1.0
        How fast the weight falls from level to level; 0 makes all rows equal.
    weighting : {"row", "level"}, default="row"
        Whether :math:`\exp(-\theta (l - 1))` is the weight of each row of a level, or
        of the level as a whole, shared by its rows.
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
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    levels_ : dict
        Level of each row of each class that was over-sampled, from 1 (near the other
        classes), in the order of the rows.
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
    MWMOTE : Weights by distance and density, partners of the same cluster.
    SMOTE : All rows alike.

    Notes
    -----
    Each level takes one search for the neighbours of all rows outside the class among
    the rows that are left, in blocks, so that little memory is needed.

    Points that the paper leaves open, or that are known implementations differ in:
    the levels before the last come from searches, so that there are ``n_levels - 1`` of
    these; the weight belongs to each row (``weighting="row"``), while the
    implementation of published comparisons gives it to the level; a row alone in its
    level is paired with any row of the class.

    References
    ----------
    .. [1] S. Barua, M. M. Islam, K. Murase, "ProWSyn: Proximity Weighted Synthetic
       Oversampling Technique for Imbalanced Data Set Learning", Advances in Knowledge
       Discovery and Data Mining (PAKDD), 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import ProWSyn
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> sampler = ProWSyn(k_neighbors=1, random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    >>> sampler.levels_[1].max() <= 5
    np.True_
    """

    _noted = ("levels_",)
    _needs_pair = True

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "k_neighbors",
        n_levels=[COUNT],
        theta=[Interval(Real, 0, None, closed="left")],
        weighting=[StrOptions({"row", "level"})],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        n_levels=5,
        theta=1.0,
        weighting="row",
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.n_levels = n_levels
        self.theta = theta
        self.weighting = weighting
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _place(self, rare):
        rows, rng = rare.rows, rare.rng
        levels = proximity_levels(rare.engine, rows, self.k_neighbors, self.n_levels)
        self.levels_[rare.label] = levels
        weights = level_weights(levels, self.theta, self.weighting, rare.weights())
        seed = self._draw(rare, weights)
        companion = draw_companions(rng, levels - 1, seed)
        lonely = np.flatnonzero(companion == seed)
        step = rng.randint(1, rows.size, size=lonely.size)
        companion[lonely] = (seed[lonely] + step) % rows.size
        return Plan(rows[seed], rows[companion], self._gaps(rare))


def proximity_levels(engine, rows, k_neighbors, n_levels):
    """Divide the rows of a class by their proximity to all other rows.

    Parameters
    ----------
    engine : NeighborEngine
        Search in the table.
    rows : ndarray of shape (n_rows,)
        Row numbers of the class.
    k_neighbors : int
        Number of nearest rows that each other row brings to a level.
    n_levels : int
        Number of levels.

    Returns
    -------
    levels : ndarray of shape (n_rows,)
        From 1, the nearest.
    """
    n_samples, n_features = engine.X.shape
    outside = np.ones(n_samples, dtype=bool)
    outside[rows] = False
    others = np.flatnonzero(outside)
    step = max(1, _BLOCK // max(n_features, 1))
    levels = np.full(n_samples, n_levels)
    left = rows
    for level in range(1, n_levels):
        if left.size <= k_neighbors:
            levels[left] = level
            break
        near = np.zeros(n_samples, dtype=bool)
        for start in range(0, others.size, step):
            block = others[start : start + step]
            near[engine.nearest(block, left, k_neighbors).ravel()] = True
        levels[near] = level
        left = left[~near[left]]
        if left.size == 0:
            break
    return levels[rows]


def level_weights(levels, theta, weighting="row", given=None):
    """Compute the chance of each row to be interpolated from.

    Parameters
    ----------
    levels : ndarray of shape (n_rows,)
        From :func:`proximity_levels`.
    theta : float
        Decay from level to level.
    weighting : {"row", "level"}, default="row"
        Whether the size of a level counts.
    given : ndarray of shape (n_rows,), default=None
        Weights of the user, not all zero.

    Returns
    -------
    weights : ndarray of shape (n_rows,)
        With the sum 1.
    """
    given = np.ones(levels.size) if given is None else given
    # From the first level that counts, so that a large theta leaves something.
    depth = np.maximum(levels - levels[given > 0].min(), 0)
    weights = given * np.exp(-theta * depth)
    if weighting == "level":
        total = np.bincount(levels, given)[levels]
        weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return weights / weights.sum()
