"""Lee's SMOTE: synthetic rows among other classes are rejected."""

import math
from numbers import Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse

from skext._neighbors.engine import NeighborEngine
from skext.over_sampling._core.parameters import INTERPOLATION, constraints
from skext.over_sampling._core.plan import Plan, join
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._core.write import Rounding, make_sparse
from skext.utils._sklearn import Interval

# Proposals that are judged at once, and batches without success until the bar is moved.
_BATCH = 65_536
_PATIENCE = 6


@BaseOverSampler.register
class LeeSMOTE(SyntheticSampler):
    """Over-sample by SMOTE and reject rows that land among other classes.

    A synthetic row is proposed as by SMOTE, and kept if the share of other classes
    among its ``k_neighbors`` nearest given rows is below ``rejection_level`` [1]_.
    Proposals are repeated until the number of rows is reached.

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
        Number of neighbours, of the class for interpolation and of all given rows for
        the judgement.
    rejection_level : float, default=0.5
        Share of other classes from which on a proposal is rejected; from 1 on none is.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class is proposed equally often (to one).
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of at most ``k_neighbors`` rows: use all its other
        rows as neighbours and warn (a class of one row is an error), repeat its rows
        and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    rejection_level_ : dict
        For each class the level at which the last rows were kept: higher than
        ``rejection_level`` if nothing was.
    acceptance_rate_ : dict
        Share of the proposals for each class that passed.
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
    SMOTE : Without rejection; the same rows as with ``rejection_level=1``.
    SMOTEIPF : Removes rows that trees contradict, after over-sampling.

    Notes
    -----
    After six batches of proposals none of which was kept the level rises by 0.1, so
    that the search ends; ``rejection_level_`` tells. Rows are judged before values of
    integer columns are rounded, and by the columns in which both of their ends are
    known. A table of fewer than ``k_neighbors`` rows is used whole, and the share is of
    the neighbours that there are.

    References
    ----------
    .. [1] J. Lee, N. Kim, J.-H. Lee, "An Over-Sampling Technique with Rejection for
       Imbalanced Class Learning", International Conference on Ubiquitous Information
       Management and Communication (IMCOM), 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import LeeSMOTE
    >>> X, y = make_classification(weights=[0.8], random_state=0)
    >>> sampler = LeeSMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [81, 81]
    >>> sampler.rejection_level_[1]
    0.5
    """

    _noted = ("rejection_level_", "acceptance_rate_")
    _needs_pair = True

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "k_neighbors",
        rejection_level=[Interval(Real, 0, None, closed="left")],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        rejection_level=0.5,
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.rejection_level = rejection_level
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _place(self, rare):
        seeds, weights = self._seeds(rare)
        partners = self._partners(rare, seeds)
        level, failures, tried, passed = self.rejection_level, 0, 0, 0
        missing, kept = rare.n_samples, []
        while missing > 0:
            n_proposed = _batch_size(missing, passed, tried)
            plan = self._between(rare, seeds, partners, weights, n_proposed)
            good = np.arange(n_proposed)
            if level < 1:
                good = np.flatnonzero(self._foreign_shares(rare, plan) < level)
            tried, passed = tried + n_proposed, passed + good.size
            failures = 0 if good.size > 0 else failures + 1
            if good.size > missing:
                # The seeds of a balanced batch are in order.
                good = np.sort(rare.rng.permutation(good)[:missing])
            kept.append(Plan(*(column[good] for column in plan[:3])))
            missing -= good.size
            if failures == _PATIENCE:
                level, failures = level + 0.1, 0
        self.rejection_level_[rare.label] = level
        self.acceptance_rate_[rare.label] = passed / tried
        return join(kept)

    def _foreign_shares(self, rare, plan):
        """Return the share of other classes among the given rows near proposals."""
        X, y = rare.engine.X, rare.engine.y
        if sparse.issparse(X):
            no_rounding = Rounding(np.zeros(X.shape[1], dtype=bool), np.rint)
            new = make_sparse(X, plan, no_rounding, self.n_jobs)
            table = sparse.vstack([X, new], format="csr")
        else:
            a, b = (np.asarray(X[end], dtype=np.float64) for end in plan[:2])
            table = np.concatenate([X, a + plan.gaps * (b - a)])
        given = np.arange(X.shape[0])
        k = min(self.k_neighbors, given.size)
        search = NeighborEngine(table, None, n_jobs=self.n_jobs)
        nearest = search.nearest(given.size + np.arange(plan.base.size), given, k)
        return (y[nearest] != rare.label).mean(axis=1)


def _batch_size(missing, passed, tried):
    """Return how many rows to propose, judged by the rate of success so far."""
    if tried == 0:
        return min(missing, _BATCH)
    rate = max(passed / tried, 0.01)
    return min(max(math.ceil(1.2 * missing / rate), 16), _BATCH)
