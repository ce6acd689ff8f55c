"""Safe-level SMOTE: synthetic rows close to the safer end of the segment."""

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from skext.over_sampling._core.parameters import INTERPOLATION, constraints
from skext.over_sampling._core.partners import as_smote_instead
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.utils._sklearn import StrOptions


@BaseOverSampler.register
class SafeLevelSMOTE(SyntheticSampler):
    """Over-sample close to rows among whose neighbours their class is frequent.

    The safe level of a row is the number of rows of the class among its
    ``k_neighbors`` nearest rows of all classes [1]_. A synthetic row lies between a
    row :math:`p` of the class and one of its nearest rows :math:`n`, of any class,
    closer to the safer one: with the ratio :math:`q` of the safe level of :math:`p` to
    that of :math:`n`, gaps are uniform on :math:`[0, 1/q]` if :math:`q > 1` and on
    :math:`[1-q, 1]` if :math:`q < 1`. Where both levels are zero there is noise, and
    nothing is made.

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
        Number of nearest rows.
    partners : {"all", "class"}, default="all"
        Whether the other end of a synthetic row is one of the nearest rows of all
        classes, as in the paper, or of the class only.
    allocation : {"random", "balanced"}, default="random"
        Whether pairs of rows are drawn independently, or each row of the class is used
        as often as its number of pairs says (to one).
    interpolation : {"segment", "box"}, default="box"
        One random gap for all features of a synthetic row, or, as in the paper, one
        for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of one row: "duplicate" repeats it and warns, the
        others raise ``ValueError``. See the notes for other small classes.
    on_empty : {"raise", "smote"}, default="raise"
        What to do if all rows of a class are noise: raise ``ValueError``, or warn and
        interpolate between neighbours of the class.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    safe_levels_ : dict
        Safe level of each row of each class that was over-sampled, in the order of
        the rows.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of each synthetic row, of any class.
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
    SMOTE : Neighbours of the same class, all places alike.
    LeeSMOTE : Rejects synthetic rows among other classes.

    Notes
    -----
    The paper draws a row and a neighbour and makes nothing of noise, so that fewer
    rows than wanted come out. Here the draw is among all other pairs, which is the
    same distribution, and the number of rows is exact. As in the paper a row with safe
    level 0 whose neighbour has a higher one is replaced by the neighbour, even if that
    is of another class; ``partners="class"`` avoids this.

    A table of at most ``k_neighbors`` rows has all other rows as neighbours. With
    ``partners="class"`` or ``on_empty="smote"`` a class of at most ``k_neighbors`` rows
    is treated as ``on_small_class`` says.

    References
    ----------
    .. [1] C. Bunkhumpornpat, K. Sinapiromsaran, C. Lursinsap, "Safe-Level-SMOTE:
       Safe-Level-Synthetic Minority Over-Sampling TEchnique for Handling the Class
       Imbalanced Problem", Advances in Knowledge Discovery and Data Mining (PAKDD),
       2009.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import SafeLevelSMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> sampler = SafeLevelSMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    >>> sampler.safe_levels_[1].max() <= 5
    np.True_
    """

    _noted = ("safe_levels_",)
    _needs_pair = True

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "k_neighbors",
        "on_empty",
        partners=[StrOptions({"all", "class"})],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        partners="all",
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
        self.partners = partners
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.on_empty = on_empty
        self.n_jobs = n_jobs

    def _place(self, rare):
        rows, engine = rare.rows, rare.engine
        k = min(self.k_neighbors, engine.X.shape[0] - 1)
        neighbors = engine.among_all(rows, k)
        levels = safe_levels(engine, rows, neighbors)
        if self.partners == "class":
            neighbors = self._partners(rare, rows)
        own, other = levels[rows], levels[neighbors]
        self.safe_levels_[rare.label] = own
        admissible = (own[:, None] > 0) | (other > 0)
        if not admissible.any():
            reason = "has noise only: no neighbour is of the class"
            as_smote_instead(rare.label, reason, self.on_empty)
            return super()._place(rare)
        # Admissible neighbours first: a position among them says which.
        order = np.argsort(~admissible, axis=1, kind="stable")
        n_pairs, weights = admissible.sum(axis=1), rare.weights()
        seed = self._draw(rare, n_pairs * (1.0 if weights is None else weights))
        column = order[seed, rare.rng.randint(0, n_pairs[seed])]
        low, high = safe_interval(own[seed], other[seed, column])
        gaps = low[:, None] + self._gaps(rare) * (high - low)[:, None]
        return Plan(rows[seed], neighbors[seed, column], gaps)


def safe_levels(engine, rows, neighbors):
    """Count the rows of a class among the neighbours of its rows, and of these.

    Parameters
    ----------
    engine : NeighborEngine
        Search in the table.
    rows : ndarray of shape (n_rows,)
        Row numbers of the class.
    neighbors : ndarray of shape (n_rows, k)
        Their nearest rows, of all classes.

    Returns
    -------
    levels : ndarray of shape (n_samples,)
        Safe levels of the rows and of their neighbours; -1 for all other rows.
    """
    member = np.zeros(engine.X.shape[0], dtype=bool)
    member[rows] = True
    levels = np.full(member.size, -1)
    levels[rows] = member[neighbors].sum(axis=1)
    foreign = np.unique(neighbors[~member[neighbors]])
    if foreign.size > 0:
        others = engine.among_all(foreign, neighbors.shape[1])
        levels[foreign] = member[others].sum(axis=1)
    return levels


def safe_interval(own, other):
    """Return the smallest and the largest gap for the safe levels of both ends.

    Parameters
    ----------
    own, other : ndarray of shape (n_pairs,)
        Safe levels of the base and of the partner, not both 0.

    Returns
    -------
    low, high : ndarray of shape (n_pairs,)
        Bounds in [0, 1].
    """
    low = np.maximum(0.0, 1.0 - own / np.maximum(other, 1))
    low[other == 0] = 0.0
    high = np.minimum(1.0, other / np.maximum(own, 1))
    high[own == 0] = 1.0
    return low, high
