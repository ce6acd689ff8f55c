"""Linear probes in closed form: the estimators."""

from numbers import Integral, Real

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skext.base import SkextMixin
from skext.naive_bayes._linear_form import derive_linear_form
from skext.naive_bayes._moments import ClassMoments, check_moments_finite
from skext.utils._sklearn import (
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
)


def _read_only(array):
    """Return a view that protects the state of an estimator."""
    view = array.view()
    view.flags.writeable = False
    return view


def _best_class(scores):
    """Return the index of the largest score; a single column is a difference."""
    if scores.shape[1] == 1:
        return scores[:, 0] > 0
    return scores.argmax(axis=1)


def _log_sum_exp(scores):
    """Return ``log(sum(exp(scores)))`` of each row."""
    largest = scores.max(axis=1, keepdims=True)
    return np.log(np.exp(scores - largest).sum(axis=1)) + largest[:, 0]


def _log_softmax(scores):
    """Return log-probabilities of all classes."""
    scores = scores.astype(np.float64)
    scores -= _log_sum_exp(scores)[:, np.newaxis]
    return scores


def _log_sigmoid(scores):
    """Return log-probabilities of two classes from the difference of their scores."""
    return -np.logaddexp(0, scores.astype(np.float64) * [[1, -1]])


def _softmax(scores):
    """Return probabilities of all classes."""
    scores = scores.astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def _sigmoid(scores):
    """Return probabilities of two classes from the difference of their scores."""
    return expit(scores.astype(np.float64) * [[-1, 1]])


def _join_classes(known, labels, classes, fixed):
    """Return the sorted class labels after a batch with these labels.

    Parameters
    ----------
    known : ndarray of shape (n_known,)
        Labels so far.
    labels : ndarray of shape (n_labels,)
        Labels of the batch.
    classes : array-like of shape (n_classes,) or None
        What the caller declared in this call.
    fixed : bool
        Whether an earlier call declared the classes.
    """
    if classes is not None:
        declared = np.unique(column_or_1d(classes))
        if fixed and not np.array_equal(declared, known):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to "
                f"partial_fit, was: {known!r}; pass the same classes or none."
            )
        _check_comparable(declared, known)
        if not np.isin(known, declared).all():
            raise ValueError(
                f"classes must contain the labels seen so far, {known.tolist()}, got "
                f"{declared.tolist()}; add the missing ones."
            )
    elif fixed:
        declared = known
    else:
        _check_comparable(labels, known)
        return np.union1d(known, labels) if known.size else labels
    _check_comparable(labels, declared)
    unknown = labels[~np.isin(labels, declared)]
    if unknown.size:
        raise ValueError(
            f"y must only have labels from `classes`, got {unknown.tolist()}, which do "
            f"not exist in the initial classes {declared.tolist()}; declare all labels "
            "in the first call of partial_fit, or none to let the classes grow."
        )
    return declared


def _check_comparable(labels, known):
    """Refuse to mix numbers and strings, which numpy would turn into strings."""
    if known.size and (labels.dtype.kind in "biuf") != (known.dtype.kind in "biuf"):
        raise ValueError(
            f"y must have labels of one kind, got {labels.tolist()} after "
            f"{known.tolist()}; convert them to strings or to numbers."
        )


class LinearGaussianNB(ClassifierMixin, SkextMixin, BaseEstimator):
    r"""Gaussian naive Bayes with one variance per feature, shared by all classes.

    Sharing the variances makes the classifier linear. It is fitted in closed form
    from the class means :math:`\mu_k`, the class priors :math:`\pi_k` and the pooled
    variances :math:`\sigma_j^2`, and predicts the class with the largest

    .. math:: \log \pi_k - \frac12 \sum_j \frac{(x_j - \mu_{kj})^2}{\sigma_j^2}.

    On frozen embeddings and other wide data it needs far fewer labels than logistic
    regression to come close to its own best accuracy [1]_; with many labels logistic
    regression wins. In statistics it is known as diagonal linear discriminant
    analysis [2]_.

    Parameters
    ----------
    priors : {"uniform", "empirical"} or array-like of shape (n_classes,), default=None
        Class probabilities in the order of ``classes_``. ``None`` and
        ``"empirical"`` use the class frequencies of the training data,
        ``"uniform"`` gives all classes the same probability. A class without any
        training data cannot be predicted: its probability is zero and the others
        are scaled to sum to one.
    var_smoothing : float, default=1e-9
        Part of the largest total variance of all features that is added to each
        variance.
    n_jobs : int, default=None
        Number of threads for fitting, and for predicting few classes. ``None``
        means one unless in a :func:`joblib.parallel_config` context, ``-1`` means
        all cores. The result is the same, bit for bit, for any number. Predicting
        many classes is a matrix product, which the linear algebra library spreads
        over threads by its own settings.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    class_count_ : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.
    class_prior_ : ndarray of shape (n_classes,)
        Probability of each class.
    theta_ : ndarray of shape (n_classes, n_features)
        Mean of each feature in each class; zeros for a class without data.
    var_ : ndarray of shape (n_features,)
        Pooled variance of each feature, smoothing included.
    center_ : ndarray of shape (n_features,)
        Mean of the class means, weighted with ``class_prior_``.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of the features in the decision function; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constants of the decision function.
    epsilon_ : float
        Absolute value that was added to each variance.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    sklearn.naive_bayes.GaussianNB : One variance per feature and class; quadratic.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : Full covariance.
    sklearn.neighbors.NearestCentroid : Nearest class mean.

    Notes
    -----
    Fitting costs O(n_samples * n_features) in one pass, predicting
    O(n_samples * n_features * n_classes) in one matrix product over chunks of rows.
    Statistics are kept in float64 for any input; float32 input is not copied, other
    types are converted chunk by chunk, sparse input stays sparse. Scores of
    float32 and float16 rows are computed in float32, other scores and all joint and
    marginal log-densities in float64; probabilities are normalized in float64.

    Variances are maximum likelihood estimates, with the number of rows as divisor,
    as in [1]_. Unlike there, smoothing is relative to the total variance, which
    follows from the statistics, so the order of batches does not matter.

    If no class has two different rows, the mean total variance serves all features.
    A feature that is constant over all classes gets weight zero.

    References
    ----------
    .. [1] Chenyu Zheng, Guoqiang Wu, Fan Bao, Yue Cao, Chongxuan Li and Jun Zhu,
       "Revisiting Discriminative vs. Generative Classifiers: Theory and
       Implications", International Conference on Machine Learning, 2023.
    .. [2] Sandrine Dudoit, Jane Fridlyand and Terence P. Speed, "Comparison of
       Discrimination Methods for the Classification of Tumors Using Gene Expression
       Data", Journal of the American Statistical Association 97, 2002.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skext.naive_bayes import LinearGaussianNB
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LinearGaussianNB().fit(X[:900], y[:900])
    >>> round(model.score(X[900:], y[900:]), 2)
    0.85

    Rows may come in batches, and new classes may appear on the way:

    >>> model = LinearGaussianNB()
    >>> for start in range(0, 900, 5):
    ...     model = model.partial_fit(X[start : start + 5], y[start : start + 5])
    >>> round(model.score(X[900:], y[900:]), 2)
    0.85
    """

    _parameter_constraints: dict = {
        "priors": ["array-like", StrOptions({"uniform", "empirical"}), None],
        "var_smoothing": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(self, *, priors=None, var_smoothing=1e-9, n_jobs=None):
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model, forgetting earlier data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Memory maps are read front to back, once.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts: weight 2 equals the row twice, weight 0
            equals the row left out, though its class stays in ``classes_``.

        Returns
        -------
        self : LinearGaussianNB
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``X`` is not finite, weights are negative or all zero, or ``priors``
            do not fit the classes.
        """
        labels, batch = self._summarize(X, y, sample_weight, reset=True)
        prior = self._class_prior(batch.counts)
        form = derive_linear_form(batch, prior, self.var_smoothing)
        self.classes_ = labels
        self._classes_are_fixed = False
        self._moments = batch
        self._prior = prior
        self._form = form
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Update the model with further rows.

        The result is that of one ``fit`` on all rows, in any order, to rounding.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Further training data.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that may ever occur. Once given, other labels are errors.
            If never given, the set of classes grows with the data.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, as in ``fit``.

        Returns
        -------
        self : LinearGaussianNB
            The updated estimator.

        Raises
        ------
        ValueError
            As in ``fit``, or if ``y`` has labels that are not in ``classes``, or
            ``classes`` contradicts earlier calls. The model is then unchanged.
        """
        first = not hasattr(self, "classes_")
        labels, batch = self._summarize(X, y, sample_weight, reset=first)
        known = labels[:0] if first else self.classes_
        fixed = not first and self._classes_are_fixed
        merged = _join_classes(known, labels, classes, fixed)
        if first:
            moments = ClassMoments.empty(merged.size, batch.squares.size)
        elif merged.size > known.size:
            rows = np.searchsorted(merged, known)
            moments = self._moments.expanded(rows, merged.size)
        else:
            moments = self._moments
        rows = np.searchsorted(merged, labels)
        counts = moments.counts.copy()
        counts[rows] += batch.counts
        prior = self._class_prior(counts)
        moments.merge(batch, rows)
        self.classes_ = merged
        self._classes_are_fixed = fixed or classes is not None
        self._moments = moments
        self._prior = prior
        # Derived when first asked for, so that many small updates stay cheap.
        self._form = None
        return self

    def predict(self, X):
        """Predict the most probable class; the first one on ties.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            A label of ``classes_`` for each row.
        """
        X = self._check_input(X)
        best = np.empty(X.shape[0], dtype=np.intp)
        self._map_chunks(X, _best_class, best)
        return self.classes_[best]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        X = self._check_input(X)
        proba = np.empty((X.shape[0], self.classes_.size))
        function = _sigmoid if self.classes_.size == 2 else _softmax
        return self._map_chunks(X, function, proba)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        X = self._check_input(X)
        log_proba = np.empty((X.shape[0], self.classes_.size))
        function = _log_sigmoid if self.classes_.size == 2 else _log_softmax
        return self._map_chunks(X, function, log_proba)

    def predict_joint_log_proba(self, X):
        """Compute the joint log-density of each row with each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        joint : ndarray of shape (n_samples, n_classes), dtype float64
            ``log P(class) + log p(row | class)``, in the order of ``classes_``.
        """
        X = self._check_input(X)
        joint = np.empty((X.shape[0], self.classes_.size))
        return self._map_chunks(X, np.asarray, joint, joint=True)

    def score_samples(self, X):
        """Compute the log-density of each row under the mixture of all classes.

        Low values mark rows unlike the training data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_density : ndarray of shape (n_samples,), dtype float64
            ``log p(row)``.
        """
        X = self._check_input(X)
        density = np.empty(X.shape[0])
        return self._map_chunks(X, _log_sum_exp, density, joint=True)

    def decision_function(self, X):
        """Compute the linear scores whose largest decides.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            ``X @ coef_.T + intercept_``. For two classes one number per row, which
            is positive for ``classes_[1]``.
        """
        X = self._check_input(X)
        n_samples, n_classes = X.shape[0], self.classes_.size
        dtype = np.float32 if X.dtype in (np.float32, np.float16) else np.float64
        if n_classes == 2:
            return self._map_chunks(X, np.ravel, np.empty(n_samples, dtype=dtype))
        scores = np.empty((n_samples, n_classes), dtype=dtype)
        return self._map_chunks(X, np.asarray, scores)

    @property
    def class_count_(self):
        """Sum of the sample weights of each class."""
        return _read_only(self._fitted("_moments").counts)

    @property
    def class_prior_(self):
        """Probability of each class."""
        return _read_only(self._fitted("_prior"))

    @property
    def theta_(self):
        """Mean of each feature in each class."""
        return _read_only(self._fitted("_moments").means)

    @property
    def var_(self):
        """Pooled variance of each feature, smoothing included."""
        return _read_only(self._fitted_form().variance)

    @property
    def center_(self):
        """Mean of the class means, weighted with the priors."""
        return _read_only(self._fitted_form().center)

    @property
    def coef_(self):
        """Weights of the features in the decision function."""
        return _read_only(self._fitted_form().coef)

    @property
    def intercept_(self):
        """Constants of the decision function."""
        return _read_only(self._fitted_form().intercept)

    @property
    def epsilon_(self):
        """Absolute value that was added to each variance."""
        return self._fitted_form().epsilon

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _fitted(self, name):
        """Return private state, or say that a fitted attribute is missing."""
        if name not in self.__dict__:
            raise AttributeError(
                f"This {type(self).__name__} instance is not fitted yet; call 'fit' "
                "or 'partial_fit' before reading its fitted attributes."
            )
        return self.__dict__[name]

    def _fitted_form(self):
        """Return the linear form, derived now if data came since."""
        form = self._fitted("_form")
        if form is None:
            form = derive_linear_form(self._moments, self._prior, self.var_smoothing)
            self._form = form
        return form

    def _summarize(self, X, y, sample_weight, *, reset):
        """Validate one batch; return its sorted labels and its moments."""
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse=("csr", "csc"),
            ensure_all_finite=False,
        )
        labels, codes = np.unique(y, return_inverse=True)
        # Asked only where it can raise: it warns about small batches of many classes.
        if labels.dtype.kind == "f" and (labels != np.round(labels)).any():
            check_classification_targets(y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        batch = ClassMoments.from_data(
            X, codes, labels.size, sample_weight, n_jobs=self.n_jobs
        )
        check_moments_finite(batch, X, type(self).__name__)
        return labels, batch

    def _class_prior(self, counts):
        """Return the class probabilities for these class counts."""
        if self.priors is None or isinstance(self.priors, str):
            if self.priors == "uniform":
                counts = (counts > 0).astype(np.float64)
            return counts / counts.sum()
        prior = np.asarray(self.priors, dtype=np.float64)
        if prior.shape != counts.shape:
            raise ValueError(
                f"priors must have one entry for each of the {counts.size} classes, "
                f"got shape {prior.shape}; Number of priors must match number of "
                "classes (for partial_fit, pass all of them as `classes`)."
            )
        if not np.all(prior >= 0):
            raise ValueError(f"priors must be non-negative, got {prior.tolist()}.")
        if not np.isclose(prior.sum(), 1.0):
            raise ValueError(
                f"priors must sum to 1, got {prior.tolist()} with sum {prior.sum()}."
            )
        prior = np.where(counts > 0, prior, 0.0)
        if not prior.any():
            raise ValueError(
                f"priors must be positive for some class with training data, got "
                f"{np.asarray(self.priors).tolist()} for classes with the counts "
                f"{counts.tolist()}."
            )
        return prior / prior.sum()

    def _check_input(self, X):
        """Validate rows to predict, without a pass over the values."""
        check_is_fitted(self)
        return validate_data(
            self,
            X,
            reset=False,
            accept_sparse=("csr", "csc"),
            ensure_all_finite=False,
        )

    def _map_chunks(self, X, function, out, *, joint=False):
        """Fill ``out`` from scores of chunks of rows; see ``LinearForm``."""
        return self._fitted_form().map_chunks(
            X,
            function,
            out,
            name=type(self).__name__,
            joint=joint,
            n_jobs=self.n_jobs,
        )
