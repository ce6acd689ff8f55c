"""The columns in which clusters stand apart most, with a check against luck."""

import math
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy.special import entr
from sklearn.base import BaseEstimator, clone
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.cluster._ppp import PPPClustering
from skext.cluster._reduce.canonical import lexicographic_order
from skext.cluster._reduce.columns import describe_columns, far_rows
from skext.cluster._reduce.copies import find_copies
from skext.cluster._reduce.input import refuse_sparse
from skext.cluster._separability.clusterability import clusterability_score
from skext.cluster._separability.dip import dip_test
from skext.utils._sklearn import HasMethods, Interval, fit_context
from skext.utils._tables import validate_table
from skext.utils._warnings import warn_user

_FEWEST = 3.0


class _Trial(NamedTuple):
    """One subset of columns and the model fitted to it."""

    columns: np.ndarray
    model: object
    score: float
    information: float


class SeparableFeatureSelector(SelectorMixin, SkextMixin, BaseEstimator):
    r"""Select the columns whose clusters are the most separable.

    Starting with all columns, a clustering is fitted, columns are ranked by the
    share of their variance that lies within the clusters, the worst are dropped, and
    so on. Kept is the subset whose rows tell the most about their cluster: the
    mutual information of row and cluster is

    .. math::

        H(\pi) - \mathrm{mean}_i \, H(T_i) ,

    where :math:`T_i` are the probabilities of the clusters given row :math:`i`,
    :math:`\pi` their means and :math:`H` the entropy. It grows with the number of
    clusters that stand apart, while :func:`clusterability_score` is near one as soon
    as a single cluster does. Of subsets that are about as good, the smallest is kept.

    A search for clusters finds some in any table if it looks long enough. Two
    corrections are made for the number of fits: each fit must show stronger evidence
    for a cluster, and what was found is confirmed by a test that knows no model,
    on rows that its direction was not chosen by.

    Parameters
    ----------
    estimator : estimator object, default=None
        Clustering with ``predict_proba`` and ``n_clusters_``; clones are fitted. Its
        parameter ``min_evidence``, if there is one, is raised by the logarithm of
        the number of fits. None is :class:`PPPClustering`.
    step : float, default=0.7
        Factor from one number of columns to the next, between 0 and 1.
    min_features : int, default=1
        Smallest number of columns.
    min_gain : float, default=0.005
        By what share of the highest information a larger subset must be better.
    significance_level : float, default=0.05
        Level of the confirmation, for all fits together.

    Attributes
    ----------
    support_ : ndarray of shape (n_features,)
        Whether a column is selected.
    estimator_ : estimator object
        Clustering fitted to the selected columns.
    clusterability_ : float
        Its :func:`clusterability_score`, which the selection makes optimistic.
    path_ : dict of str to ndarray of shape (n_subsets,)
        ``n_features``, ``n_clusters``, ``clusterability`` and ``information`` of the
        subsets tried.
    n_fits_ : int
        Number of fits that the corrections count.
    dip_pvalue_ : float
        P-value of the dip test on the selected columns, times ``n_fits_``, at most 1.
    is_clusterable_ : bool
        Whether there are several clusters and ``dip_pvalue_`` is below
        ``significance_level``.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if they are all text.

    See Also
    --------
    clusterability_score : The score.

    Notes
    -----
    With one cluster in all columns together there is no ranking, and columns are
    ranked by the information that each has alone.

    For the confirmation, rows are put into an order that does not depend on how they
    came and dealt into two halves. On either half the clustering is fitted anew,
    and the other half is projected on the discriminant axis of its clusters. The
    smaller of the two p-values is doubled. Clusters that are a small share of the
    rows can be real and yet too few for the dip to see.

    Copies of columns are never selected beside their originals, and rows that are far
    from all others in a column have no part in the ranking and in the test.

    One fit per subset, about ``log(n_features) / log(1 / step)`` of them, and one
    more for each column if all columns together have one cluster.

    The abstract of [1]_ says that its method identifies the most separable set; how,
    is ours.

    References
    ----------
    .. [1] Mujahid Sultan, "Probabilistic Partitive Partitioning (PPP)",
       arXiv:2003.04372, 2020.
    .. [2] J. A. Hartigan and P. M. Hartigan, "The dip test of unimodality", Annals
       of Statistics 13, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from skext.cluster import SeparableFeatureSelector
    >>> X, _ = make_blobs(300, centers=3, n_features=2, random_state=3)
    >>> noise = np.random.default_rng(0).normal(size=(300, 6))
    >>> selector = SeparableFeatureSelector().fit(np.hstack([X, noise]))
    >>> selector.is_clusterable_
    True
    >>> bool(selector.get_support()[:2].any())
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "step": [Interval(Real, 0, 1, closed="neither")],
        "min_features": [Interval(Integral, 1, None, closed="left")],
        "min_gain": [Interval(Real, 0, None, closed="left")],
        "significance_level": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        estimator=None,
        *,
        step=0.7,
        min_features=1,
        min_gain=0.005,
        significance_level=0.05,
    ):
        self.estimator = estimator
        self.step = step
        self.min_features = min_features
        self.min_gain = min_gain
        self.significance_level = significance_level

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find the columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : None
            Ignored.

        Returns
        -------
        self : SeparableFeatureSelector
            Fitted.
        """
        refuse_sparse(X, type(self).__name__)
        X = validate_table(self, X, dtype=[np.float64, np.float32], order="C")
        if self.min_features > X.shape[1]:
            warn_user(
                f"min_features={self.min_features} is more than the {X.shape[1]} "
                "columns of X; all of them are kept."
            )
        near, columns = _near_and_different(X)
        sizes = _subset_sizes(len(columns), self.min_features, self.step)
        first = _try(self._clustering(len(sizes)), X, columns)
        n_fits, alone = len(sizes), None
        if first.model.n_clusters_ == 1 and len(columns) > 1:
            n_fits += len(columns)
            clustering = self._clustering(n_fits)
            alone = np.zeros(X.shape[1])
            for j in columns:
                alone[j] = _try(clustering, X, np.array([j])).information
        trials = _walk_down(self._clustering(n_fits), X, sizes, first, alone, near)
        best = _smallest_good(trials, self.min_gain)
        self.support_ = np.zeros(X.shape[1], dtype=bool)
        self.support_[best.columns] = True
        self.estimator_ = best.model
        self.clusterability_ = best.score
        self.path_ = {
            "n_features": np.array([len(trial.columns) for trial in trials]),
            "n_clusters": np.array([trial.model.n_clusters_ for trial in trials]),
            "clusterability": np.array([trial.score for trial in trials]),
            "information": np.array([trial.information for trial in trials]),
        }
        self.n_fits_ = n_fits
        self.dip_pvalue_ = 1.0
        if best.model.n_clusters_ > 1:
            # The test is corrected for the fits itself.
            pvalue = _confirm(self._clustering(1), X[near][:, best.columns])
            self.dip_pvalue_ = min(1.0, n_fits * pvalue)
        self.is_clusterable_ = bool(
            best.model.n_clusters_ > 1 and self.dip_pvalue_ < self.significance_level
        )
        return self

    def _clustering(self, n_fits):
        found = PPPClustering() if self.estimator is None else clone(self.estimator)
        evidence = found.get_params(deep=False).get("min_evidence")
        if evidence is not None:
            found.set_params(min_evidence=evidence + math.log(n_fits))
        return found

    def _get_support_mask(self):
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _subset_sizes(n_features, min_features, step):
    """Numbers of columns from all of them downwards."""
    sizes = [n_features]
    while sizes[-1] > min_features:
        sizes.append(max(min(int(sizes[-1] * step), sizes[-1] - 1), min_features))
    return sizes


def _try(clustering, X, columns):
    model = clone(clustering)
    rows = X[:, columns]
    labels = model.fit(rows).labels_
    score = information = 0.0
    if model.n_clusters_ > 1 and len(np.unique(labels)) > 1:
        proba = model.predict_proba(rows)
        score = clusterability_score(proba=proba)
        information = float(
            entr(proba.mean(axis=0)).sum() - entr(proba).sum(axis=1).mean()
        )
    return _Trial(columns, model, score, information)


def _smallest_good(trials, min_gain):
    """Take the last subset, which is the smallest, of those close to the best."""
    information = np.array([trial.information for trial in trials])
    good = information >= (1.0 - min_gain) * information.max()
    if not information.max() > 0.0:
        return trials[0]
    return trials[int(np.flatnonzero(good)[-1])]


def _near_and_different(X):
    """Rows that are far in no column, and columns that are no copies.

    The others would decide about every variance, and make clusters of one column look
    as if more of them saw them.
    """
    rows = np.asarray(X, dtype=np.float64)
    ones = np.ones(len(rows))
    marginals = describe_columns(rows, ones, float(len(rows)), _FEWEST)
    near = ~far_rows(rows, ones, marginals, _FEWEST)[0]
    varying = np.flatnonzero(marginals.gaps > 0.0)
    if not varying.size:
        return near, np.arange(X.shape[1])
    order = lexicographic_order(rows)
    found = find_copies(rows[order][:, varying].T, ones, marginals.widths[varying])
    copies = varying[found.copies]
    return near, np.setdiff1d(np.arange(X.shape[1]), copies)


def _walk_down(clustering, X, sizes, first, alone, near):
    """Fit subset after subset, each of the best columns of the one before."""
    trials = [first]
    for size in sizes[1:]:
        last = trials[-1]
        if last.score > 0.0:
            labels = last.model.labels_[near]
            rank = -_within_share(X[near][:, last.columns], labels)
        elif alone is not None:
            rank = alone[last.columns]
        else:
            rank = np.zeros(len(last.columns))
        kept = np.argsort(-rank, kind="stable")[:size]
        trials.append(_try(clustering, X, np.sort(last.columns[kept])))
    return trials


def _within_share(X, labels):
    """Share of each column's variance that lies within the clusters."""
    centered = X - X.mean(axis=0, dtype=np.float64)
    total = (centered**2).sum(axis=0)
    within = np.zeros(X.shape[1])
    for k in np.unique(labels):
        rows = centered[labels == k]
        within += ((rows - rows.mean(axis=0)) ** 2).sum(axis=0)
    return np.divide(within, total, out=np.ones(X.shape[1]), where=total > 0)


def _confirm(clustering, X):
    """P-value of the dip, each half projected on the axis of the other."""
    order = np.lexsort(X.T[::-1])
    halves = order[::2], order[1::2]
    pvalues = [
        _dip_along_axis(clustering, X[here], X[there])
        for here, there in (halves, halves[::-1])
    ]
    return min(1.0, 2.0 * min(pvalues))


def _dip_along_axis(clustering, here, there):
    """Test one half along the widest discriminant axis of the other's clusters."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    if here.shape[1] == 1:
        return dip_test(there[:, 0])[1]
    labels = clone(clustering).fit(here).labels_
    found, counts = np.unique(labels, return_counts=True)
    if len(found) < 2 or len(here) <= len(found):
        return 1.0
    spread = here.std(axis=0)
    varying = spread > 0
    model = LinearDiscriminantAnalysis(
        solver="eigen", shrinkage="auto", priors=counts / counts.sum(), n_components=1
    )
    here, there = (
        here[:, varying] / spread[varying],
        there[:, varying] / spread[varying],
    )
    try:
        axis = model.fit(here, labels).scalings_[:, 0]
    except np.linalg.LinAlgError:
        # Clusters that are points have no width: any axis between them will do.
        means = np.array([here[labels == k].mean(axis=0) for k in found])
        axis = np.linalg.svd(means - means.mean(axis=0))[2][0]
    return dip_test(there @ axis)[1]
