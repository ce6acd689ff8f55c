"""Nearest class mean: the estimator."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.naive_bayes._base import MomentClassifier
from skext.naive_bayes._linear.nearest import (
    chunk_rows,
    solve_nearest,
    transform_foreign,
    transform_rows,
    weighted_mean,
)
from skext.naive_bayes._linear.solve import solve_diagonal
from skext.naive_bayes._loo.scores import diagonal_scores, nearest_chunks
from skext.naive_bayes._moments import array_api as _array_api
from skext.naive_bayes._moments.state import MomentState
from skext.utils._sklearn import StrOptions

_VAR_SMOOTHING = 1e-9


class NearestClassMean(MomentClassifier):
    r"""Classifier of the nearest class mean, updatable and mergeable.

    It stores a count and a mean per class and predicts the class whose mean is
    nearest, a strong baseline on embeddings of pre-trained models, in particular if
    classes arrive over time [1]_. Probabilities are those of Gaussian classes
    with one variance :math:`\sigma^2` for all features and classes,

    .. math:: \log \pi_k - \frac{\lVert x - \mu_k \rVert^2}{2 \sigma^2},

    which for equal priors :math:`\pi_k` decide for the nearest mean.

    Parameters
    ----------
    metric : {"euclidean", "cosine", "seuclidean"}, default="euclidean"
        Distance between rows and means. ``"cosine"`` divides rows by their lengths
        before they are averaged, and means by theirs. ``"seuclidean"`` divides
        features by their pooled standard deviations within classes.
    feature_transform : {None, "l2", "center-l2"}, default=None
        What is done to rows first: ``"l2"`` divides them by their lengths,
        ``"center-l2"`` subtracts the mean of all training rows before [2]_.
    center : array-like of shape (n_features,), default=None
        What ``"center-l2"`` subtracts; ``None`` takes the mean of the rows of
        ``fit``, or of the first call of ``partial_fit``. It stays fixed then.
    priors : str or array-like of shape (n_classes,), default="uniform"
        ``"uniform"``, ``"empirical"`` for the class frequencies of the training
        data, or class probabilities in the order of ``classes_``. Other than uniform
        priors move the boundaries. A class without any training data cannot be
        predicted.
    n_jobs : int, default=None
        Number of threads for fitting, and for predicting few classes. ``None``
        means one unless in a :func:`joblib.parallel_config` context, ``-1`` means
        all cores. The result is the same for any number.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    class_count_ : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.
    class_prior_ : ndarray of shape (n_classes,)
        Probability of each class.
    theta_ : ndarray of shape (n_classes, n_features)
        Mean of the transformed rows of each class; zeros for a class without data.
    var_ : ndarray of shape (n_features,)
        Variances within classes that the probabilities use.
    origin_ : ndarray of shape (n_features,)
        What is subtracted from rows; zeros unless ``feature_transform="center-l2"``.
    center_ : ndarray of shape (n_features,)
        Mean of the class means, weighted with ``class_prior_``.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of the transformed features in the decision function; one row for two
        classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constants of the decision function.
    moments_ : ClassMoments
        Copy of the sufficient statistics of the transformed rows.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    LinearGaussianNB : ``metric="seuclidean"`` with class frequencies as priors.
    sklearn.neighbors.NearestCentroid : Without updates, weights and merging.

    Notes
    -----
    Fitting costs O(n_samples * n_features) in one pass, two with ``"center-l2"``;
    predicting O(n_samples * n_features * n_classes) in one matrix product over chunks.
    Sparse rows stay sparse, except for ``"center-l2"``, which makes chunks of them
    dense.

    The centre of ``"center-l2"`` is fixed because normalized rows cannot be moved to
    another centre afterwards. Models with different centres do not merge: give all of
    them the same ``center``.

    With ``"cosine"`` the variance is the mean squared distance of unit rows from the
    unit mean of their class, and log-densities are those of unit rows.

    References
    ----------
    .. [1] Paul Janson, Wenxuan Zhang, Rahaf Aljundi and Mohamed Elhoseiny, "A Simple
       Baseline that Questions the Use of Pretrained-Models in Continual Learning",
       2022, arXiv:2210.04428.
    .. [2] Yan Wang, Wei-Lun Chao, Kilian Q. Weinberger and Laurens van der Maaten,
       "SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning",
       2019, arXiv:1911.04623.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skext.naive_bayes import NearestClassMean
    >>> X, y = load_digits(return_X_y=True)
    >>> model = NearestClassMean(feature_transform="center-l2").fit(X[:900], y[:900])
    >>> round(model.score(X[900:], y[900:]), 2)
    0.88

    Classes may arrive one after the other:

    >>> model = NearestClassMean()
    >>> for digit in range(10):
    ...     rows = y[:900] == digit
    ...     model = model.partial_fit(X[:900][rows], y[:900][rows])
    >>> round(model.score(X[900:], y[900:]), 2)
    0.88
    """

    _default_prior = "uniform"

    _parameter_constraints: dict = {
        "metric": [StrOptions({"euclidean", "cosine", "seuclidean"})],
        "feature_transform": [StrOptions({"l2", "center-l2"}), None],
        "center": ["array-like", None],
        "priors": ["array-like", StrOptions({"uniform", "empirical"}), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        metric="euclidean",
        feature_transform=None,
        center=None,
        priors="uniform",
        n_jobs=None,
    ):
        self.metric = metric
        self.feature_transform = feature_transform
        self.center = center
        self.priors = priors
        self.n_jobs = n_jobs

    @property
    def var_(self):
        """Variances within classes that the probabilities use."""
        return self._publish(self._fitted_form().spread.variance)

    @property
    def origin_(self):
        """What is subtracted from rows."""
        origin = self._fitted("_tuned").origin
        return self._publish(
            np.zeros(self.n_features_in_) if origin is None else origin
        )

    @property
    def _covariance(self):
        return "diag" if self.metric == "seuclidean" else "spherical"

    @property
    def _normalizes(self):
        return self.feature_transform is not None or self.metric == "cosine"

    def _solve(self, state, prior, tuned):
        if self.metric == "seuclidean":
            return solve_diagonal(state, prior, _VAR_SMOOTHING)
        return solve_nearest(state, prior, cosine=self.metric == "cosine")

    def _loo_chunks(self, X, left):
        parts = [(0, X.shape[0], X)]
        if self._normalizes:
            parts = self._transformed(X, self._tuned.origin)
        for start, stop, rows in parts:
            part = left.rows(start, stop)
            if self.metric == "seuclidean":
                found = diagonal_scores(rows, self._moments, part, 0.0, _VAR_SMOOTHING)
            else:
                cosine = self.metric == "cosine"
                found = nearest_chunks(rows, self._moments, part, cosine=cosine)
            for inner, scores in found:
                yield start + inner, scores

    def _find_origin(self, X, sample_weight, reset):
        if self.feature_transform != "center-l2":
            return None
        if not reset:
            return self._tuned.origin
        if self.center is None:
            rows = _array_api.as_numpy(X)
            origin = weighted_mean(rows, sample_weight)
            if not np.isfinite(origin).all():
                values = rows.data if sparse.issparse(rows) else rows
                name = type(self).__name__
                assert_all_finite(values, estimator_name=name, input_name="X")
            return origin
        center = np.asarray(self.center, dtype=np.float64)
        if center.shape != (X.shape[1],) or not np.isfinite(center).all():
            raise ValueError(
                f"center of shape {center.shape} must be {X.shape[1]} finite numbers, "
                "one for each feature."
            )
        return center.copy()

    def _sum_up(self, X, codes, n_classes, sample_weight, origin):
        if not self._normalizes:
            return super()._sum_up(X, codes, n_classes, sample_weight, origin)
        state = MomentState.empty(n_classes, X.shape[1], self._covariance)
        for start, stop, rows in self._transformed(X, origin, sample_weight):
            present, local = np.unique(codes[start:stop], return_inverse=True)
            weights = None if sample_weight is None else sample_weight[start:stop]
            batch = super()._sum_up(rows, local, present.size, weights, None)
            state.merge(batch, present)
        return state

    def _sum_up_foreign(self, X, codes, n_classes, sample_weight, origin, found):
        if sample_weight is not None and not sample_weight.all():
            # Rows of weight zero need not be finite.
            used = _array_api.to_device(sample_weight > 0, found)[:, None]
            X = found.xp.where(used, X, found.xp.zeros_like(X))
        X = self._transform_foreign(X, origin, found)
        return super()._sum_up_foreign(X, codes, n_classes, sample_weight, None, found)

    def _transformed(self, X, origin, sample_weight=None, dtype=np.float64):
        """Yield (start, stop, transformed rows)."""
        if sparse.issparse(X):
            X = X.tocsr()
        size = chunk_rows(X.shape[1])
        for start in range(0, X.shape[0], size):
            stop = min(start + size, X.shape[0])
            rows = X[start:stop]
            if sample_weight is not None and not sample_weight[start:stop].all():
                # Rows of weight zero need not be finite.
                rows = rows.copy()
                rows[np.flatnonzero(sample_weight[start:stop] == 0)] = 0
            rows = transform_rows(
                rows,
                origin,
                name=type(self).__name__,
                dtype=dtype,
            )
            yield start, stop, rows

    def _transform_foreign(self, X, origin, found):
        if not self._normalizes:
            return X
        if origin is not None:
            origin = _array_api.to_device(origin, found, found.wide)
        return transform_foreign(
            X,
            origin,
            found=found,
            name=type(self).__name__,
        )

    def _map_chunks(self, X, function, out, *, joint=False):
        if not self._normalizes:
            return super()._map_chunks(X, function, out, joint=joint)
        narrow = X.dtype in (np.float32, np.float16)
        dtype = np.float32 if narrow and not joint else np.float64
        for start, stop, rows in self._transformed(X, self._tuned.origin, dtype=dtype):
            super()._map_chunks(rows, function, out[start:stop], joint=joint)
        return out

    def _map_foreign(self, X, found, function, *, joint=False, every_class=False):
        rows = self._transform_foreign(X, self._tuned.origin, found)
        if X.dtype == found.xp.float32 and not joint:
            rows = found.xp.astype(rows, X.dtype)
        return super()._map_foreign(
            rows, found, function, joint=joint, every_class=every_class
        )

    def _check_mergeable(self, other):
        super()._check_mergeable(other)
        mine = (self.metric, self.feature_transform)
        theirs = (other.metric, other.feature_transform)
        if mine != theirs:
            raise ValueError(
                f"others has {theirs} and must have metric and feature_transform "
                f"{mine}; fit all models with the same parameters."
            )
        if not np.array_equal(self.origin_, other.origin_):
            raise ValueError(
                "others has another origin_ than this model; give all models the same "
                "center."
            )
