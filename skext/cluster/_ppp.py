"""Clusters found by k-means partitions and validated by a Gaussian mixture."""

import math
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.cluster._mixture.label import group_rows, posteriors
from skext.cluster._mixture.linkage import cut_by_prominence, cut_into
from skext.cluster._mixture.refine import refine_mixture
from skext.cluster._mixture.validate import Clusters
from skext.cluster._reduce.input import check_weights, refuse_huge, refuse_sparse
from skext.cluster._reduce.variance_tree import (
    VarianceTree,
    build_variance_tree,
    merge_trees,
)
from skext.cluster._solve import (
    N_LEAVES,
    Settings,
    describe,
    drop_empty,
    inertia_of,
    solve,
    summarize,
    summary_of_tree,
)
from skext.utils._parallel import single_blas_thread
from skext.utils._sklearn import Interval, StrOptions, fit_context
from skext.utils._tables import validate_table
from skext.utils._warnings import warn_user

_BLOCK_ROWS = 4096


class PPPClustering(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    ClusterMixin,
    SkextMixin,
    BaseEstimator,
):
    r"""Probabilistic partitive partitioning: the clusters, and how many there are.

    Two-means cuts the rows in two again and again; a Gaussian mixture decides which
    cuts are worth keeping, heals the bad ones, and tells at the end which of its
    components are clusters: those between which the density has a valley that the
    data confirm. The number of clusters is found, and nothing is random: the result
    does not depend on a seed, on the order of the rows or on the number of threads.

    This is an implementation of the idea of probabilistic partitive partitioning
    [1]_, k-means partitions validated by a Gaussian mixture. The published abstract
    leaves the details open; ours are described in the notes.

    Parameters
    ----------
    max_clusters : int, default=200
        Largest number of mixture components, and thereby of clusters. A warning tells
        if there would be more.
    covariance_type : {"auto", "spherical", "diag", "ppca", "full"}, default="auto"
        Covariances of the components. ``"auto"`` chooses for each component the one
        with the lowest information criterion; ``"ppca"`` has some principal
        directions and one variance for all others. Components with too few rows are
        spherical or diagonal.
    min_evidence : float, default=1.0
        A valley counts if two peaks explain the rows better than one by so much,
        in nats. For tables of more than 500 rows it is raised by half the logarithm
        of how many times more there are.
    min_prominence : float, default=0.05
        By how much the log-density of a peak must exceed the saddle to a higher one.
    bridge_prominence : float, default=0.7
        The same where there is no valley between two components.
    compactness_veto : float, default=10.0
        Groups of components are not joined if a valley between them as a whole has
        more evidence; ``float("inf")`` joins them all the same.
    coarsening : float or None, default=20000
        No more than about so many rows count as evidence, because no data are
        exactly Gaussian, and with enough rows any deviation is significant. None
        counts all.
    lookahead : {0, 1}, default=1
        Whether cuts into three and four are tried where one into two is not worth it.
    directions : {"pca+ics", "pca"}, default="pca+ics"
        Where two-means starts: the principal directions, or also those with the
        smallest and the largest kurtosis.
    min_cluster_size : int, default=3
        Smallest number of rows of a component. Copies of a row count as one, unless
        all columns are rounded or have few values, or there are so many of them that
        the row is a cluster by itself; see the notes.
    row_reduction : "auto", int or None, default="auto"
        Largest number of representatives that the search works on. ``"auto"`` is 4096
        for tables with more than 20000 distinct rows, None is never.
    feature_reduction : "auto", float, int or None, default="auto"
        Share of the variance, or number of principal components, to search in.
        ``"auto"`` keeps 90 % of the variance of tables with more than 32 varying
        features; None keeps all features.
    background : {"assign", "noise", "cluster"}, default="assign"
        What to do with a faint component around several clusters: give its rows to
        the best cluster, label them -1, or treat it like any other.
    assign : {"mixture", "centers"}, default="mixture"
        Give rows to the most probable cluster or to the nearest centre.
    weight_type : {"auto", "frequency", "importance"}, default="auto"
        Meaning of ``sample_weight``: how often a row occurs, or relative importance,
        whose scale does not matter. ``"auto"`` is frequency if all weights are whole
        numbers, and importance otherwise.
    refine : int, default=0
        Iterations of expectation-maximization on all rows after a search on
        representatives.
    max_levels : int, default=40
        Largest number of rounds of splitting.
    max_iter : int, default=60
        Largest number of iterations of the last expectation-maximization.
    tol : float, default=1e-6
        It stops when the log-likelihood per row gains less.
    reg_covar : float, default=1e-6
        Smallest variance of a component along a feature, as a share of the total
        variance of the feature, or of that of its dense parts where far rows or far
        clusters make the other one much larger.
    n_jobs : int, default=None
        Number of threads. ``None`` means one unless in a
        :func:`joblib.parallel_config` context, ``-1`` means all cores. The result is
        the same for any number.

    Attributes
    ----------
    n_clusters_ : int
        Number of clusters found.
    labels_ : ndarray of shape (n_samples,)
        Cluster of each row; -1 for noise if ``background="noise"``. After
        ``partial_fit`` those of the last batch, after ``fit_summary`` those of the
        representatives.
    component_labels_ : ndarray of shape (n_samples,)
        Most probable component of each row.
    core_sample_mask_ : ndarray of shape (n_samples,)
        Rows whose cluster has a probability of at least 0.95.
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Means of the clusters, in lexicographic order.
    weights_ : ndarray of shape (n_clusters,)
        Share of each cluster.
    inertia_ : float
        Weighted sum of squared distances of the rows to their centres.
    n_components_ : int
        Number of mixture components.
    means_ : ndarray of shape (n_components, n_features)
        Their means.
    covariances_ : ndarray of shape (n_components, n_features, n_features)
        Their covariances; constant features have none.
    precisions_cholesky_ : ndarray of shape (n_components, n_features, n_features)
        Upper triangular factors of the inverse covariances, without constant features
        and copies of others.
    component_weights_ : ndarray of shape (n_components,)
        Their shares.
    component_family_ : ndarray of shape (n_components,)
        Their types of covariance.
    component_to_cluster_ : ndarray of shape (n_components,)
        Their clusters.
    background_ : ndarray of shape (n_components,)
        Which of them are a faint cloud around several clusters.
    bic_ : float
        Information criterion of the mixture, in the coarsened number of rows.
    bic_path_ : ndarray of shape (n_states,)
        The same after each level, and at the end.
    n_levels_ : int
        Number of rounds in which something was split.
    n_iter_ : int
        Iterations of the last expectation-maximization.
    converged_ : bool
        Whether its gain fell below ``tol``.
    split_tree_ : ndarray of shape (n_records,)
        Structured: what was tried at which ``node`` of which ``level``, with its
        ``parent``, ``weight``, ``gain``, whether it was ``accepted``, and the
        ``reason``. Rows move between components after each level, so this is no
        strict nesting.
    linkage_matrix_ : ndarray of shape (n_components - 1, 4)
        Dendrogram of the components in scipy's form; the distance is from the
        highest peak of the log-density down to the saddle.
    children_ : ndarray of shape (n_components - 1, 2)
        First two columns of it.
    distances_ : ndarray of shape (n_components - 1,)
        Third column of it.
    peaks_ : ndarray of shape (n_components,)
        Log-density at the means.
    clusterability_ : float
        Share of the guessing error that knowing a row removes; see
        :func:`clusterability_score`.
    core_clusterability_ : float
        The same for the core rows only.
    separability_matrix_ : ndarray of shape (n_clusters, n_clusters)
        Fall of the log-density to the saddle between clusters.
    evidence_matrix_ : ndarray of shape (n_clusters, n_clusters)
        Evidence for the valley there, in nats.
    cluster_separability_ : ndarray of shape (n_clusters,)
        Smallest separability of each cluster; infinite if there is only one.
    reduction_loss_ : float
        Share of the variance within the representatives.
    n_representatives_ : int
        Number of distinct rows or leaves that the search worked on.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    sklearn.cluster.KMeans : Needs the number of clusters, and a seed.
    sklearn.mixture.GaussianMixture : Needs the number of components, and a seed.
    sklearn.cluster.HDBSCAN : Finds clusters of any shape; has noise.

    Notes
    -----
    1. Rows are sorted and equal ones joined, so a row of weight three is the same as
       three rows. More than 20000 distinct rows are reduced to 4096 leaves of a
       variance tree, which lose no far row.
    2. Each component is cut in two along several directions by the optimal
       threshold and two-means. A few steps of expectation-maximization follow, and
       the best cut is kept if the Bayesian information criterion falls. All
       components together are then improved and redundant ones merged, until no
       cut is worth it.
    3. Between components, the density is followed along the curve that holds all
       stationary points of a pair. There is a valley if the projected rows confirm
       it (``min_evidence``); components without a valley are one cluster.

    Only the roles of k-means, of the mixture and of the reduction of the input are
    from [1]_; the rest is ours, with ideas of [2]_ to [4]_.

    Clusters are convex or nearly so; overlapping ones, centres less than about 2.5
    standard deviations apart, are joined. Features should be scaled, for example by
    :class:`~sklearn.preprocessing.StandardScaler`; a warning tells if columns spread
    by more than a factor of a thousand.

    Numbers that are not rounded do not meet, so copies of a row, and weights above
    one, are no further evidence: only their shares matter. They are evidence in a
    table whose columns are all rounded, or have three values at most. There a rounded
    number stands for all that are rounded to it; columns of two or three values, and
    tables of a few different rows that occur more often than there are of them, have
    points for clusters. Four or more values in equal steps are taken for rounded
    numbers.

    Columns that are copies of another one, in whatever unit, are left out like
    constant ones. Fewer than ``min_cluster_size`` rows that are far from all others
    in a column, by more than ten times what its middle part spans, have no part in
    the search, and are labelled afterwards.

    Reduction costs O(n_samples * n_features * log(n_representatives)), a level of the
    search O(n_representatives * n_components * n_features ** 2), labels O(n_samples *
    n_components * n_features), more where clusters touch. The first fit ever compiles
    for some seconds.

    References
    ----------
    .. [1] Mujahid Sultan, "Probabilistic Partitive Partitioning (PPP)",
       arXiv:2003.04372, 2020.
    .. [2] Dan Pelleg and Andrew Moore, "X-means: Extending K-means with Efficient
       Estimation of the Number of Clusters", International Conference on Machine
       Learning, 2000.
    .. [3] Surajit Ray and Bruce G. Lindsay, "The topography of multivariate normal
       mixtures", Annals of Statistics 33, 2005.
    .. [4] Christian Hennig, "Methods for merging Gaussian mixture components",
       Advances in Data Analysis and Classification 4, 2010.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skext.cluster import PPPClustering
    >>> X, _ = make_blobs(500, centers=5, cluster_std=0.5, random_state=3)
    >>> model = PPPClustering().fit(X)
    >>> model.n_clusters_
    5
    >>> bool((model.predict(X) == model.labels_).all())
    True
    >>> round(model.clusterability_, 2)
    1.0
    """

    _parameter_constraints: dict = {
        "max_clusters": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"auto", "spherical", "diag", "ppca", "full"})],
        "min_evidence": [Interval(Real, 0, None, closed="left")],
        "min_prominence": [Interval(Real, 0, None, closed="left")],
        "bridge_prominence": [Interval(Real, 0, None, closed="left")],
        "compactness_veto": [Interval(Real, 0, None, closed="both")],
        "coarsening": [Interval(Real, 0, None, closed="neither"), None],
        "lookahead": [Interval(Integral, 0, 1, closed="both")],
        "directions": [StrOptions({"pca", "pca+ics"})],
        "min_cluster_size": [Interval(Integral, 2, None, closed="left")],
        "row_reduction": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
            None,
        ],
        "feature_reduction": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "background": [StrOptions({"assign", "noise", "cluster"})],
        "assign": [StrOptions({"mixture", "centers"})],
        "weight_type": [StrOptions({"auto", "frequency", "importance"})],
        "refine": [Interval(Integral, 0, None, closed="left")],
        "max_levels": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "reg_covar": [Interval(Real, 0, None, closed="neither")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        max_clusters=200,
        covariance_type="auto",
        min_evidence=1.0,
        min_prominence=0.05,
        bridge_prominence=0.7,
        compactness_veto=10.0,
        coarsening=20000,
        lookahead=1,
        directions="pca+ics",
        min_cluster_size=3,
        row_reduction="auto",
        feature_reduction="auto",
        background="assign",
        assign="mixture",
        weight_type="auto",
        refine=0,
        max_levels=40,
        max_iter=60,
        tol=1e-6,
        reg_covar=1e-6,
        n_jobs=None,
    ):
        self.max_clusters = max_clusters
        self.covariance_type = covariance_type
        self.min_evidence = min_evidence
        self.min_prominence = min_prominence
        self.bridge_prominence = bridge_prominence
        self.compactness_veto = compactness_veto
        self.coarsening = coarsening
        self.lookahead = lookahead
        self.directions = directions
        self.min_cluster_size = min_cluster_size
        self.row_reduction = row_reduction
        self.feature_reduction = feature_reduction
        self.background = background
        self.assign = assign
        self.weight_type = weight_type
        self.refine = refine
        self.max_levels = max_levels
        self.max_iter = max_iter
        self.tol = tol
        self.reg_covar = reg_covar
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Find the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers. Arrays of float32 and float64 are not copied as a whole.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; see ``weight_type``. Rows of weight zero are labelled only.

        Returns
        -------
        self : PPPClustering
            The fitted estimator.

        Raises
        ------
        TypeError
            If ``X`` is sparse.
        ValueError
            If ``X`` is not finite, holds dates or numbers whose squares overflow or
            vanish, or weights are negative or all zero.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If ``max_clusters``, ``max_levels`` or ``max_iter`` ended the search.
        UserWarning
            If columns spread very differently, or frequencies add up to less than
            the number of rows.
        """
        X = self._check_rows(X, reset=True)
        weights = check_weights(sample_weight, X)
        settings = Settings.of(self)
        with single_blas_thread():
            summary, leaf = summarize(X, weights, settings)
            total = self._sample_size(weights)
            solution = solve(summary, settings, total)
            if self.refine and leaf is not None:
                solution = refine_mixture(solution, X, weights, self.refine)
            solution, labels = self._label_training_rows(solution, X, weights, leaf)
            self._describe(solution, labels, X, weights)
        self._tree = None
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_summary(self, summary, y=None):
        """Find the clusters of rows that were summarised elsewhere.

        Parameters
        ----------
        summary : VarianceTree
            As :func:`summarize_rows` and :func:`merge_summaries` return it.
        y : None
            Ignored.

        Returns
        -------
        self : PPPClustering
            The fitted estimator. Its ``labels_`` are those of the representatives.
        """
        # A summary knows no names of columns.
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if not isinstance(summary, VarianceTree):
            raise TypeError(
                f"summary is of type {type(summary).__name__}; give what "
                "summarize_rows or merge_summaries returns, or give rows to fit."
            )
        self.n_features_in_ = summary.means.shape[1]
        return self._fit_tree(summary, summary.means, summary.weights)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Add rows to the summary of earlier batches, and find the clusters anew.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Further rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : PPPClustering
            The updated estimator; ``labels_`` are those of this batch.

        Notes
        -----
        The same batches in the same order give the same result; another order may
        give another one once there are more rows than representatives. Rows given
        to ``fit`` are not kept: ``partial_fit`` after it begins anew, and warns.
        """
        known = getattr(self, "_tree", None)
        if known is None and hasattr(self, "labels_"):
            warn_user(
                "partial_fit begins anew: fit keeps no summary of its rows. Give all "
                "rows to partial_fit, or clone the estimator first."
            )
        X = self._check_rows(X, reset=known is None)
        weights = check_weights(sample_weight, X)
        n_leaves = N_LEAVES
        if isinstance(self.row_reduction, Integral):
            n_leaves = int(self.row_reduction)
        tree = build_variance_tree(X, weights, n_leaves, self.n_jobs)
        if known is not None:
            tree = merge_trees([known, tree], n_leaves, self.n_jobs)
        tree = tree._replace(leaf=tree.leaf[:0])
        return self._fit_tree(tree, X, weights)

    def _fit_tree(self, tree, X, weights):
        """Fit to a summary and label rows, or the representatives."""
        settings = Settings.of(self)
        with single_blas_thread():
            total = None
            if self._are_importances(tree.weights):
                total = float(tree.counts.sum())
            else:
                _warn_if_light(tree.weights.sum(), tree.counts.sum())
            solution = solve(summary_of_tree(tree), settings, total)
            # Clusters of earlier rows stay, whatever this batch holds.
            weighted = tree.means[tree.weights > 0.0]
            solution, labels = self._label_training_rows(solution, weighted)
            if X is not tree.means:
                labels = self._assign(X, solution)
            self._describe(solution, labels, X, weights)
        self._tree = tree
        return self

    def _are_importances(self, weights):
        """Tell whether the scale of the weights means nothing."""
        if self.weight_type != "auto":
            return self.weight_type == "importance"
        return not np.array_equal(weights, np.floor(weights))

    def _sample_size(self, weights):
        """Kish's effective number of rows, or None for the sum of the weights."""
        if weights is None:
            return None
        if not self._are_importances(weights):
            _warn_if_light(weights.sum(), np.count_nonzero(weights))
            return None
        # The exact sum does not depend on the order.
        return math.fsum(weights) ** 2 / math.fsum(weights**2)

    def _describe(self, solution, labels, X, weights):
        """Set all attributes."""
        self._warn_of_limits(solution.search)
        for name, value in describe(solution).items():
            setattr(self, name, value)
        self._frame, self._mixture = solution.frame, solution.search.state.mixture
        self._landscape = solution.pairs.saddles, solution.pairs.peaks
        self.labels_ = self._hide_noise(labels)
        self.component_labels_ = labels.component
        self.core_sample_mask_ = labels.core
        self.inertia_ = inertia_of(X, weights, labels.labels, self.cluster_centers_)

    def _label_training_rows(self, solution, X, weights=None, leaf=None):
        """Label rows, and give clusters without any of them up."""
        order = None
        if leaf is not None:
            # Rows of a leaf are near each other. Small integers are sorted by counting.
            small = leaf.max(initial=0) < 2**16
            order = np.argsort(leaf.astype(np.uint16) if small else leaf, kind="stable")
        labels = self._assign(X, solution, order)
        there = labels.labels if weights is None else labels.labels[weights > 0.0]
        repaired = drop_empty(solution, there)
        if repaired is not None:
            solution = repaired
            labels = self._assign(X, solution, order)
        return solution, labels

    def _warn_of_limits(self, search):
        """Tell which parameter ended the search."""
        if search.n_refused:
            warn_user(
                f"max_clusters={self.max_clusters} ended the search: it bounds the "
                f"number of components, and {search.n_refused} more would have been "
                "split; raise it.",
                ConvergenceWarning,
            )
        for name in search.ended_by:
            what = "while components were still split"
            if name == "max_iter":
                what = "before expectation-maximization came to rest"
            warn_user(
                f"{name}={getattr(self, name)} ended the search {what}; raise it.",
                ConvergenceWarning,
            )

    def _assign(self, X, solution, order=None):
        mixture, clusters = solution.search.state.mixture, solution.clusters
        return group_rows(
            X, solution.frame, mixture, clusters, self.assign, self.n_jobs, order
        )

    def predict(self, X):
        """Find the cluster of each row; for the training rows that of ``labels_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Cluster of each row; -1 for noise if ``background="noise"``.
        """
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        clusters = Clusters(self.component_to_cluster_, self.background_)
        return self._hide_noise(self._labels_by(X, clusters))

    def predict_proba(self, X):
        """Compute the probability of each cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Rows sum to one; what belongs to the background is shared out.
        """
        check_is_fitted(self)
        return self._posteriors(self._check_rows(X, reset=False))[0]

    def score_samples(self, X):
        """Compute the logarithm of the density of the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. Features that were constant in ``fit`` do not count.

        Returns
        -------
        density : ndarray of shape (n_samples,)
            Log-density of each row.
        """
        check_is_fitted(self)
        return self._posteriors(self._check_rows(X, reset=False))[1]

    def score(self, X, y=None, sample_weight=None):
        """Compute the mean log-density.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Larger is better.
        """
        density = self.score_samples(X)
        weights = check_weights(sample_weight, density)
        return float(np.average(density, weights=weights))

    def bic(self, X):
        """Compute the Bayesian information criterion.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        bic : float
            Smaller is better. All rows count fully, unlike in ``bic_``.
        """
        density = self.score_samples(X)
        n_params = float(self._mixture.n_params.sum()) + self.n_components_ - 1
        return float(n_params * math.log(len(density)) - 2.0 * density.sum())

    def transform(self, X):
        """Compute the distances to the centres of the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Euclidean distances; float32 for float32 rows.
        """
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        distances = np.empty((len(X), self.n_clusters_), dtype=X.dtype)
        for start in range(0, len(X), _BLOCK_ROWS):
            here = slice(start, start + _BLOCK_ROWS)
            distances[here] = cdist(X[here], self.cluster_centers_)
        return distances

    def cut_tree(self, X=None, *, n_clusters=None, prominence=None):
        """Group the components in another way, without fitting again.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows to label. None is the training rows, each of which follows its most
            probable component.
        n_clusters : int, default=None
            Number of groups: the last joins of ``linkage_matrix_`` are undone.
        prominence : float, default=None
            Groups are the peaks of the density that rise so high above the saddle to
            a higher peak.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Groups, numbered by their first component.

        Raises
        ------
        ValueError
            If not exactly one of ``n_clusters`` and ``prominence`` is given, or it is
            out of range.
        """
        check_is_fitted(self)
        groups = self._cut(n_clusters, prominence)
        if X is not None:
            # Background is part of a cut as everything is.
            whole = Clusters(groups, np.zeros(len(groups), dtype=bool))
            return self._labels_by(self._check_rows(X, reset=False), whole).labels
        _, fitted = np.unique(self.component_to_cluster_, return_inverse=True)
        if (
            self.assign == "mixture"
            and self.background != "noise"
            and not self.background_.any()
            and np.array_equal(_renumber(fitted), groups)
        ):
            first = np.unique(self.component_to_cluster_, return_index=True)[1]
            return groups[first][self.labels_]
        return groups[self.component_labels_]

    def _cut(self, n_clusters, prominence):
        if (n_clusters is None) == (prominence is None):
            raise ValueError(
                f"n_clusters={n_clusters!r}, prominence={prominence!r}: give exactly "
                "one of the two."
            )
        if n_clusters is None:
            if not isinstance(prominence, Real) or not prominence >= 0:
                raise ValueError(f"prominence={prominence!r} must be at least 0.")
            return cut_by_prominence(*self._landscape, prominence)
        whole = isinstance(n_clusters, Integral) and not isinstance(n_clusters, bool)
        if not whole or not 1 <= n_clusters <= self.n_components_:
            raise ValueError(
                f"n_clusters={n_clusters!r} must be an integer from 1 to the number of "
                f"components, {self.n_components_}."
            )
        return cut_into(self.linkage_matrix_, int(n_clusters))

    def _check_rows(self, X, reset):
        refuse_sparse(X, type(self).__name__)
        X = validate_table(self, X, reset=reset, dtype=[np.float64, np.float32])
        if not reset:
            refuse_huge(X, center=self._frame.center)
        return X

    def _labels_by(self, X, clusters):
        with single_blas_thread():
            return group_rows(
                X, self._frame, self._mixture, clusters, self.assign, self.n_jobs
            )

    def _hide_noise(self, found):
        if self.background != "noise" or not self.background_.any():
            return found.labels
        return np.where(self.background_[found.component], -1, found.labels)

    def _posteriors(self, X):
        cluster = np.where(self.background_, -1, self.component_to_cluster_)
        with single_blas_thread():
            return posteriors(
                X, self._frame, self._mixture, cluster, self.n_clusters_, self.n_jobs
            )

    @property
    def _n_features_out(self):
        return self.n_clusters_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _warn_if_light(total, n_rows):
    if total < 0.5 * n_rows:
        warn_user(
            f"sample_weight adds up to {total:.3g} for {n_rows} rows, and with "
            'weight_type="frequency" there are no more observations than that. For '
            'weights of any scale use weight_type="importance".'
        )


def _renumber(groups):
    """Give groups the numbers in which they first occur."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
