"""SVM-SMOTE: synthetic rows around the support vectors of a class."""

from numbers import Real

import imblearn.over_sampling
import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.svm import SVC

from skext.over_sampling._core.frames import as_plain_csr
from skext.over_sampling._core.offsets import near_zero
from skext.over_sampling._core.parameters import INTERPOLATION, SEARCH, constraints
from skext.over_sampling._core.partners import (
    count_foreign,
    neighbors_of_all,
    usable_in_table,
)
from skext.over_sampling._core.plan import join
from skext.over_sampling._drop_in.smote import SMOTE
from skext.utils._random import seed_parts
from skext.utils._sklearn import HasMethods, Interval, StrOptions
from skext.utils._warnings import warn_user


@imblearn.over_sampling.SVMSMOTE.register
class SVMSMOTE(SMOTE):
    r"""Over-sample by interpolation and extrapolation from support vectors.

    A support vector machine finds the rows that decide about the border [1]_. Support
    vectors of which all ``m_neighbors`` nearest rows are of another class are noise
    and not used. Those with at least half of them of another class are in danger: a
    synthetic row lies between such a row and a neighbour of its class. The others are
    safe: a synthetic row lies on the side away from the neighbour, up to ``out_step``
    of the distance, and so pushes the border outwards.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in imbalanced-learn: "auto" brings all
        classes but the largest to its size, a float is the wanted ratio of minority
        to majority (two classes only), "minority", "not minority", "not majority"
        and "all" name classes, a dict gives the number of rows of each class after
        resampling, and a callable returns such a dict for ``y``.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness, also of an ``svm_estimator`` without a seed.
    k_neighbors : int or object, default=5
        Number of neighbours to interpolate to, or an object with ``fit`` and
        ``kneighbors`` whose ``n_neighbors`` counts the row itself.
    m_neighbors : int or object, default=10
        Number of neighbours that decide whether a row is noise or in danger, or an
        object.
    svm_estimator : estimator object, default=None
        The machine; None is ``SVC(gamma="scale")``, which sees columns far from zero
        (beside their spread) centred. It is fitted once.
    out_step : float, default=0.5
        Longest step away from a neighbour, as a share of the distance.
    support : {"attribute", "margin"}, default="attribute"
        Which rows support: those in the attribute ``support_``, or those on the wrong
        side of their margin, :math:`y f(x) \le 1` up to twice the tolerance of a
        machine that names support vectors, for which any classifier trained
        with the hinge loss will do (``LinearSVC``, or one behind a kernel map).
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to start from are drawn independently or each one of a group
        is used equally often (to one).
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
        What to do with a class without support vectors, or with noise only: raise
        ``ValueError``, or interpolate from all its rows and warn.
    n_jobs : int, default=None
        Number of threads of the neighbour search. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    nn_k_ : object
        Neighbour search with ``n_neighbors`` equal to ``k_neighbors + 1``.
    nn_m_ : object
        Neighbour search with ``n_neighbors`` equal to ``m_neighbors + 1``.
    svm_estimator_ : estimator object
        The fitted machine.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        The neighbour of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_features)
        Where on the line from the base row (0) to the neighbour (1); negative away
        from it, down to ``-out_step``. Per feature in a box.
    n_synthetic_ : dict
        Number of rows made for each class, always the number asked for.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    BorderlineSMOTE : Finds the border by neighbours alone.
    imblearn.over_sampling.SVMSMOTE : The peer.

    Notes
    -----
    A draw from Beta(10, 10) divides the rows of a class between the two groups, as in
    imbalanced-learn; the paper spreads them evenly over the support vectors, which
    ``allocation="balanced"`` does within a group. If one group is empty, the other
    makes all rows; the peer then forgets the share of the empty one.

    The time of ``SVC`` grows with the square of the number of rows or faster: above
    some ten thousand use ``support="margin"`` with a linear machine. For more than two
    classes the margin is that of the class against the rest, so the classifier has to
    work that way, as ``LinearSVC`` does. The machine is trained without weights;
    ``sample_weight`` counts when rows are drawn. Missing values are refused.

    A synthetic row that lies beyond its base has the weight of its base.

    References
    ----------
    .. [1] H. M. Nguyen, E. W. Cooper, K. Kamei, "Borderline Over-Sampling for
       Imbalanced Data Classification", International Journal of Knowledge Engineering
       and Soft Data Paradigms 3(1), 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import SVMSMOTE
    >>> X, y = make_classification(weights=[0.8], class_sep=0.5, random_state=0)
    >>> np.bincount(y).tolist()
    [81, 19]
    >>> X_resampled, y_resampled = SVMSMOTE(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    """

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "on_empty",
        k_neighbors=SEARCH,
        m_neighbors=SEARCH,
        svm_estimator=[HasMethods(["fit", "predict"]), None],
        out_step=[Interval(Real, 0, 1, closed="both")],
        support=[StrOptions({"attribute", "margin"})],
    )
    _searches = {"k_neighbors": "nn_k_", "m_neighbors": "nn_m_"}
    _takes_missing = False

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        m_neighbors=10,
        svm_estimator=None,
        out_step=0.5,
        support="attribute",
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        on_empty="raise",
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
        self.svm_estimator = svm_estimator
        self.out_step = out_step
        self.support = support
        self.on_empty = on_empty

    def _survey(self, engine, rng, wanted):
        """Find the support vectors that are no noise, and those in danger."""
        self.svm_estimator_ = self._machine(rng)
        if not wanted:
            return {}
        X = as_plain_csr(engine.X) if sparse.issparse(engine.X) else engine.X
        if self.svm_estimator is None:
            X, _ = near_zero(X)
        self.svm_estimator_.fit(X, engine.y)
        rows = np.sort(_SUPPORT[self.support](self.svm_estimator_, X, engine.y))
        rows = rows[np.isin(engine.y[rows], list(wanted))]
        search = self._search("m_neighbors")
        m = usable_in_table(engine.X.shape[0], search, self.on_small_class)
        foreign = np.empty(0, dtype=np.intp)
        if rows.size > 0:
            near = neighbors_of_all(engine, rows, search, m)
            foreign = count_foreign(engine, rows, near)
        danger = foreign >= m / 2
        known = {}
        for label in wanted:
            kept = (engine.y[rows] == label) & (foreign < m)
            known[label] = rows[kept & danger], rows[kept & ~danger]
        return known

    def _machine(self, rng):
        """Return the support vector machine, with a seed and not yet fitted."""
        if self.svm_estimator is None:
            machine = SVC(gamma="scale", random_state=self.random_state)
        else:
            machine = clone(self.svm_estimator)
        if self.random_state is not None:
            seed_parts(rng, machine)
        return machine

    def _place(self, rare):
        usable = [seeds.size > 0 for seeds in rare.known]
        if not any(usable):
            return self._without_support(rare)
        n_inside = int(rare.rng.beta(10, 10) * (rare.n_samples + 1))
        if not all(usable):
            n_inside = rare.n_samples if usable[0] else 0
        steps = ((n_inside, 1.0), (rare.n_samples - n_inside, -self.out_step))
        parts = []
        for seeds, (number, step) in zip(rare.known, steps, strict=True):
            if seeds.size > 0:
                near = self._partners(rare, seeds)
                weights = rare.weights(seeds)
                plan = self._between(rare, seeds, near, weights, number)
                parts.append(plan._replace(gaps=step * plan.gaps))
        return join(parts)

    def _without_support(self, rare):
        if self.on_empty == "raise":
            raise ValueError(
                "All support vectors are considered as noise. SVM-SMOTE is not "
                f"adapted to your dataset (class {str(rare.label)!r}). Try another "
                "SMOTE variant, or on_empty='smote'."
            )
        warn_user(
            f"Class {str(rare.label)!r} has no support vector that is not noise; all "
            "its rows are interpolated from."
        )
        return super()._place(rare)


def _listed(machine, X, y):
    """Return the support vectors that the machine names."""
    if not hasattr(machine, "support_"):
        raise RuntimeError(
            "`svm_estimator` is required to exposed a `support_` fitted attribute, "
            f"which {type(machine).__name__} does not have; give a support vector "
            "machine, or support='margin'."
        )
    return np.asarray(machine.support_)


def _within_margin(machine, X, y):
    """Return the rows that are not beyond the margin on their own side."""
    if not hasattr(machine, "decision_function"):
        raise ValueError(
            "support='margin' needs an svm_estimator with a decision_function, which "
            f"{type(machine).__name__} does not have; give such a machine, or "
            "support='attribute'."
        )
    scores = np.asarray(machine.decision_function(X))
    codes = np.unique(y, return_inverse=True)[1]
    if scores.ndim == 1 or scores.shape[1] == 1:
        own = np.ravel(scores) * (2 * codes - 1)
    else:
        own = scores[np.arange(codes.size), codes]
    # Support vectors lie on the margin as exactly as the solver stops.
    slack = 2 * getattr(machine, "tol", 0.0) if hasattr(machine, "support_") else 0.0
    return np.flatnonzero(own <= 1 + slack)


_SUPPORT = {"attribute": _listed, "margin": _within_margin}
