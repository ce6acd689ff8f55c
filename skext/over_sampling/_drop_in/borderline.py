"""Borderline-SMOTE: synthetic rows from the rows in danger only."""

from numbers import Integral

import imblearn.over_sampling
import numpy as np

from skext.over_sampling._core.parameters import INTERPOLATION, SEARCH, constraints
from skext.over_sampling._core.partners import (
    count_foreign,
    neighbors_by_class,
    neighbors_of_all,
    usable_in_table,
)
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._drop_in.smote import SMOTE
from skext.utils._sklearn import StrOptions
from skext.utils._warnings import warn_user


@imblearn.over_sampling.BorderlineSMOTE.register
class BorderlineSMOTE(SMOTE):
    r"""Over-sample by interpolation from the rows near the border of a class.

    Of the ``m_neighbors`` nearest rows of any class, let :math:`m'` be of another
    class. A row is noise if :math:`m' = m`, in danger if :math:`m/2 \le m' < m`, and
    safe otherwise. Synthetic rows start at rows in danger [1]_, towards neighbours of
    the same class (``"borderline-1"``) or of any (``"borderline-2"``). The class is a
    drop-in for imbalanced-learn's: with ``"borderline-1"``, two classes and an integer
    seed the same rows come out unless the data have duplicates.

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
    k_neighbors : int or object, default=5
        Number of neighbours to interpolate to, or an object with ``fit`` and
        ``kneighbors`` whose ``n_neighbors`` counts the row itself.
    m_neighbors : int or object, default=10
        Number of neighbours that decide whether a row is in danger, or an object.
    kind : {"borderline-1", "borderline-2"}, default="borderline-1"
        Whether to interpolate to neighbours of the same class, or of any; towards
        another class a synthetic row stays in the nearer half of the segment.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row in
        danger is used equally often (to one).
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do if there are too few rows for the neighbours asked for: use all
        there are and warn (a class of one row is an error), repeat the rows of the
        class and warn, or raise ``ValueError``.
    on_empty : {"keep", "smote", "raise"}, default="keep"
        What to do with a class without rows in danger: leave it as it is and warn,
        as the peer does without a word, interpolate from all its rows and warn, or
        raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    nn_k_ : object
        Neighbour search with ``n_neighbors`` equal to ``k_neighbors + 1``.
    nn_m_ : object
        Neighbour search with ``n_neighbors`` equal to ``m_neighbors + 1``.
    in_danger_indices : dict of object to ndarray of shape (n_danger,)
        Rows in danger of each class that has some.
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
    SMOTE : Interpolates from all rows of a class.
    ADASYN : Rows with more foreign neighbours get more synthetic ones.
    imblearn.over_sampling.BorderlineSMOTE : The peer.

    Notes
    -----
    All classes share one search among all rows; neighbours are exact and Euclidean, so
    scale the features before.

    For ``"borderline-2"`` the paper pairs a row in danger with its nearest rows of its
    own class and with those of the others; as in imbalanced-learn, one list of the
    ``k_neighbors`` nearest rows of any class serves for both. The gap towards another
    class is uniform on (0, 0.5), as in the paper. The peer multiplies it by a second
    uniform number, so that the mean gap is 0.13 where 0.25 is due.

    With an integer seed and several classes the rows differ from imbalanced-learn's
    on purpose: there all classes share the same random numbers.

    References
    ----------
    .. [1] H. Han, W.-Y. Wang, B.-H. Mao, "Borderline-SMOTE: A New Over-Sampling Method
       in Imbalanced Data Sets Learning", Advances in Intelligent Computing, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import BorderlineSMOTE
    >>> X, y = make_classification(weights=[0.8], class_sep=0.5, random_state=0)
    >>> np.bincount(y).tolist()
    [81, 19]
    >>> sampler = BorderlineSMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    >>> len(sampler.in_danger_indices[1]) < 19
    True
    """

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        k_neighbors=SEARCH,
        m_neighbors=SEARCH,
        kind=[StrOptions({"borderline-1", "borderline-2"})],
        on_empty=[StrOptions({"keep", "smote", "raise"})],
    )
    _noted = ("in_danger_indices",)
    _searches = {"k_neighbors": "nn_k_", "m_neighbors": "nn_m_"}

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        m_neighbors=10,
        kind="borderline-1",
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        on_empty="keep",
        n_jobs=None,
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
        self.m_neighbors = m_neighbors
        self.kind = kind
        self.on_empty = on_empty

    def _survey(self, engine, rng, wanted):
        """Find the nearest rows of any class; the number that decides about danger."""
        n_rows, search = engine.X.shape[0], self._search("m_neighbors")
        m = usable_in_table(n_rows, search, self.on_small_class)
        k = 0
        if self._one_search():
            partners = self._search("k_neighbors")
            k = usable_in_table(n_rows, partners, self.on_small_class)
        found = neighbors_by_class(engine, wanted, search, max(m, k))
        return {label: (m, k, near) for label, near in found.items()}

    def _one_search(self):
        """Tell whether the search for danger finds the partners, too."""
        numbers = (self.k_neighbors, self.m_neighbors)
        both = all(isinstance(number, Integral) for number in numbers)
        return both and self.kind == "borderline-2"

    def _place(self, rare):
        m, k, near = rare.known
        foreign = count_foreign(rare.engine, rare.rows, near[:, :m])
        danger = (foreign >= m / 2) & (foreign < m)
        if not danger.any():
            return self._without_danger(rare)
        seeds = rare.rows[danger]
        self.in_danger_indices[rare.label] = seeds
        if self.kind == "borderline-1":
            partners = self._partners(rare, seeds)
        elif self._one_search():
            partners = near[danger, :k]
        else:
            partners = self._among_all(rare.engine, seeds)
        plan = self._between(rare, seeds, partners, rare.weights(seeds))
        if self.kind == "borderline-2":
            # Towards another class in the nearer half.
            y = rare.engine.y
            plan.gaps[y[plan.base] != y[plan.partner]] *= 0.5
        return plan

    def _among_all(self, engine, seeds):
        """Find the nearest rows of any class with the search for partners."""
        search = self._search("k_neighbors")
        k = search.k
        if k is not None:
            k = usable_in_table(engine.X.shape[0], search, self.on_small_class)
        return neighbors_of_all(engine, seeds, search, k)

    def _without_danger(self, rare):
        message = f"Class {str(rare.label)!r} has no row in danger"
        if self.on_empty == "raise":
            raise ValueError(
                f"{message} for m_neighbors={self.m_neighbors!r}; give another "
                "number, or on_empty='smote' to interpolate from all its rows."
            )
        if self.on_empty == "smote":
            warn_user(f"{message}; all its rows are interpolated from.")
            return super()._place(rare)
        warn_user(
            f"{message} and gets no synthetic row of the {rare.n_samples} asked for; "
            "give on_empty='smote' to interpolate from all its rows."
        )
        none = np.empty(0, dtype=np.intp)
        return Plan(none, none, self._gaps(rare, 0))
