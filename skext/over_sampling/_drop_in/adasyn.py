"""ADASYN: more synthetic rows from the rows that are harder to learn."""

import imblearn.over_sampling
import numpy as np

from skext.over_sampling._core.allocation import exact_counts
from skext.over_sampling._core.parameters import INTERPOLATION, SEARCH, constraints
from skext.over_sampling._core.partners import (
    count_foreign,
    neighbors_by_class,
    usable_in_table,
)
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.utils._sklearn import StrOptions
from skext.utils._warnings import warn_user


@imblearn.over_sampling.ADASYN.register
class ADASYN(SyntheticSampler):
    r"""Over-sample with more synthetic rows where a class is surrounded by others.

    A row gets synthetic rows in proportion to the share :math:`r_i` of other classes
    among its ``n_neighbors`` nearest rows [1]_; they lie on segments to its nearest
    rows of the same class. The class is a drop-in for imbalanced-learn's: for two
    classes and an integer seed the same rows come out whenever the peer makes the
    number of rows that it was asked for, unless the data have duplicates.

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
    n_neighbors : int or object, default=5
        Number of neighbours, or an object with ``fit`` and ``kneighbors`` whose
        ``n_neighbors`` counts the row itself.
    partners : {"class", "mixed"}, default="class"
        Where the other end of a segment comes from: the nearest rows of the class,
        or, as in the paper, those of its rows that are among the nearest of all.
    allocation : {"balanced", "random"}, default="balanced"
        Whether each row gets its share of synthetic rows (to one), as in the paper,
        or the rows to interpolate from are drawn with these shares as chances.
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do if there are too few rows for the neighbours asked for: use all
        there are and warn (a class of one row is an error), repeat the rows of the
        class and warn, or raise ``ValueError``.
    on_empty : {"raise", "smote"}, default="raise"
        What to do with a class whose rows have no neighbour of another class: raise
        ``RuntimeError``, or interpolate from all its rows alike and warn.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    nn_ : object
        Neighbour search with ``n_neighbors`` one above the parameter.
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
    SMOTE : Interpolates from all rows of a class alike.
    BorderlineSMOTE : Interpolates from the rows near the border only.
    imblearn.over_sampling.ADASYN : The peer.

    Notes
    -----
    All classes share one search among all rows; neighbours are exact and Euclidean, so
    scale the features before.

    The shares :math:`G r_i / \sum r` are rounded to the nearest; where this does not
    add up to :math:`G`, the largest remainders decide instead, ties at random. The
    peer rounds each for itself and makes too many rows or too few, even none.

    The threshold and the level of balance of the paper are in ``sampling_strategy``.
    With ``partners="mixed"`` a row without its like among its neighbours, for which
    the paper has no rule, is paired with the nearest rows of the class.

    References
    ----------
    .. [1] H. He, Y. Bai, E. A. Garcia, S. Li, "ADASYN: Adaptive Synthetic Sampling
       Approach for Imbalanced Learning", International Joint Conference on Neural
       Networks, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import ADASYN
    >>> X, y = make_classification(weights=[0.8], class_sep=0.5, random_state=0)
    >>> np.bincount(y).tolist()
    [81, 19]
    >>> X_resampled, y_resampled = ADASYN(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    """

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "on_empty",
        n_neighbors=SEARCH,
        partners=[StrOptions({"class", "mixed"})],
    )
    _searches = {"n_neighbors": "nn_"}
    _counted_in = "n_neighbors"

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        n_neighbors=5,
        partners="class",
        allocation="balanced",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        on_empty="raise",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.n_neighbors = n_neighbors
        self.partners = partners
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.on_empty = on_empty
        self.n_jobs = n_jobs

    def _survey(self, engine, rng, wanted):
        """Find the nearest rows of any class."""
        search = self._search("n_neighbors")
        k = usable_in_table(engine.X.shape[0], search, self.on_small_class)
        return neighbors_by_class(engine, wanted, search, k)

    def _place(self, rare):
        rows, near = rare.rows, rare.known
        shares = count_foreign(rare.engine, rows, near) / near.shape[1]
        if not shares.any():
            return self._without_foreign(rare)
        if rare.sample_weight is not None:
            shares = shares * rare.weights()
        seed = self._draw_seeds(rare, shares)
        used, place = np.unique(seed, return_inverse=True)
        same = self._partners(rare, rows[used])
        column = rare.rng.randint(0, same.shape[1], size=seed.size)
        base, partner = rows[seed], same[place, column]
        if self.partners == "mixed":
            partner = self._draw_mixed(rare, base, partner, near[seed])
        return Plan(base, partner, self._gaps(rare))

    def _draw_seeds(self, rare, shares):
        """Choose the position of the seed of each synthetic row."""
        n_samples, chances = rare.n_samples, shares / shares.sum()
        if self.allocation == "random":
            return rare.rng.choice(shares.size, size=n_samples, p=chances)
        counts = exact_counts(rare.rng, n_samples, shares)
        return np.repeat(np.arange(shares.size), counts)

    def _draw_mixed(self, rare, base, partner, near):
        """Choose one of the neighbours that are of the class, if there are any."""
        y = rare.engine.y
        same = y[near] == y[base][:, None]
        counts = same.sum(axis=1)
        wanted = rare.rng.randint(0, np.maximum(counts, 1))
        column = np.argmax(np.cumsum(same, axis=1) > wanted[:, None], axis=1)
        return np.where(counts > 0, near[np.arange(base.size), column], partner)

    def _without_foreign(self, rare):
        message = f"No neighbour of class {str(rare.label)!r} is of another class"
        if self.on_empty == "raise":
            raise RuntimeError(
                f"{message}: ADASYN is not suited for this specific dataset with "
                f"n_neighbors={self.n_neighbors!r}. Use SMOTE instead, or "
                "on_empty='smote'."
            )
        warn_user(f"{message}; all its rows are interpolated from alike.")
        return super()._place(rare)
