"""What all closed-form probes share: fitting, updating, merging and predicting."""

import copy
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.naive_bayes._linear.shrinkage import ROW_RULES
from skext.naive_bayes._linear.solve import class_prior
from skext.naive_bayes._loo.tuning import Tuned
from skext.naive_bayes._moments import array_api as _array_api
from skext.naive_bayes._moments.moments import ClassMoments, encode_labels, join_classes
from skext.naive_bayes._moments.state import MomentState, check_moments_finite
from skext.utils._labels import read_labels
from skext.utils._probabilities import (
    best_class,
    log_sigmoid,
    log_softmax,
    log_sum_exp,
    sigmoid,
    softmax,
)
from skext.utils._sklearn import (
    check_same_namespace,
    check_sample_weight,
    fit_context,
)
from skext.utils._tables import validate_table


class Batch(NamedTuple):
    """One validated batch of rows and its sufficient statistics.

    Attributes
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    labels : ndarray of shape (n_labels,)
        Sorted labels that occur.
    codes : ndarray of shape (n_samples,)
        Position of the label of each row.
    weights : ndarray of shape (n_samples,) or None
        Sample weights.
    state : MomentState
        Moments of these labels.
    origin : ndarray of shape (n_features,) or None
        What was subtracted from the rows.
    token : array of shape (1,)
        An array of the library and device that the rows came from.
    """

    X: np.ndarray
    labels: np.ndarray
    codes: np.ndarray
    weights: np.ndarray | None
    state: MomentState
    origin: np.ndarray | None
    token: object


def joined(moments, known, merged, labels, batch):
    """Return moments with classes ``merged`` after ``batch`` is added to them."""
    if merged.size > known.size:
        moments = moments.expanded(np.searchsorted(merged, known), merged.size)
    moments.merge(batch, np.searchsorted(merged, labels))
    return moments


class MomentClassifier(ClassifierMixin, SkextMixin, BaseEstimator):
    """Base of classifiers that need nothing but class moments of their data.

    A subclass says which covariance it keeps and implements ``_solve``.
    """

    _covariance = "diag"
    _default_prior = "empirical"

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model, forgetting earlier data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Memory maps are read front to back, in chunks.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts: weight 2 equals the row twice, weight 0
            equals the row left out, though its class stays in ``classes_``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``X`` is not finite, weights are negative or all zero, or ``priors``
            do not fit the classes.
        """
        batch = self._summarize(X, y, sample_weight, reset=True)
        prior = self._class_prior(batch.state.counts)
        tuned = self._tune(batch, prior)
        form = self._solve(batch.state, prior, tuned)
        self.classes_ = batch.labels
        self._classes_are_fixed = False
        self._moments = batch.state
        self._tuned = tuned._replace(prior=prior, origin=batch.origin)
        self._form = form
        self._token = batch.token
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Update the model with further rows.

        The result is that of one ``fit`` on all rows, in any order, to rounding.
        What ``fit`` has chosen from single rows (a ``"loo"`` parameter) is kept.

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
        self : object
            The updated estimator.

        Raises
        ------
        ValueError
            As in ``fit``, or if ``y`` has labels that are not in ``classes``, or
            ``classes`` contradicts earlier calls, or a parameter asks for what
            only ``fit`` can choose. The model is then unchanged.
        """
        first = not hasattr(self, "classes_")
        tuned = self._tuned_without_rows(None if first else self._tuned)
        batch = self._summarize(X, y, sample_weight, reset=first)
        known = batch.labels[:0] if first else self._labels()
        fixed = not first and self._classes_are_fixed
        merged = join_classes(known, batch.labels, classes, fixed)
        if first:
            n_features = batch.state.means.shape[1]
            moments = MomentState.empty(merged.size, n_features, self._covariance)
            known = merged
        else:
            moments = self._moments
        counts = moments.expanded_counts(np.searchsorted(merged, known), merged.size)
        counts[np.searchsorted(merged, batch.labels)] += batch.state.counts
        prior = self._class_prior(counts)
        self._moments = joined(moments, known, merged, batch.labels, batch.state)
        self.classes_ = merged
        self._classes_are_fixed = fixed or classes is not None
        origin = batch.origin if first else self._tuned.origin
        self._tuned = tuned._replace(prior=prior, origin=origin)
        # Derived when first asked for, so that many small updates stay cheap.
        self._form = None
        if first:
            self._token = batch.token
        return self

    def merge(self, *others):
        """Add the data of other fitted models to this one, exactly.

        Classes are aligned by label. Parameters, and what ``fit`` has chosen from
        single rows, stay those of this model.

        Parameters
        ----------
        *others : estimators of the same class
            Models fitted on other rows of the same features.

        Returns
        -------
        self : object
            The model of all data.

        Raises
        ------
        ValueError
            If the models do not fit together. This model is then unchanged.
        """
        check_is_fitted(self)
        for other in others:
            self._check_mergeable(other)
        tuned = self._tuned_without_rows(self._tuned)
        moments, classes = self._moments.copy(), self._labels()
        for other in others:
            labels = other._labels()
            merged = join_classes(classes, labels, None, self._classes_are_fixed)
            moments = joined(moments, classes, merged, labels, other._moments)
            classes = merged
        prior = self._class_prior(moments.counts)
        self.classes_, self._moments, self._form = classes, moments, None
        self._tuned = tuned._replace(prior=prior, origin=self._tuned.origin)
        return self

    def __add__(self, other):
        if not isinstance(other, type(self)):
            return NotImplemented
        check_is_fitted(self)
        # Merging replaces fitted state instead of changing it.
        return copy.copy(self).merge(other)

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
        X = self._check_input(X, "predict")
        if (found := _array_api.namespace_of(X)) is not None:
            best = self._map_foreign(X, found, _array_api.best_class)
            return _array_api.take_labels(self.classes_, best, found)
        best = np.empty(X.shape[0], dtype=np.intp)
        self._map_chunks(X, best_class, best)
        return self._labels()[best]

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
        return self._probabilities(X, "predict_proba", sigmoid, softmax)

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
        return self._probabilities(X, "predict_log_proba", log_sigmoid, log_softmax)

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
        X = self._check_input(X, "predict_joint_log_proba")
        if (found := _array_api.namespace_of(X)) is not None:
            return self._map_foreign(X, found, _array_api.as_is, joint=True)
        joint = np.empty((X.shape[0], self._moments.counts.size))
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
        X = self._check_input(X, "score_samples")
        if (found := _array_api.namespace_of(X)) is not None:
            return self._map_foreign(X, found, _array_api.log_sum_exp, joint=True)
        density = np.empty(X.shape[0])
        return self._map_chunks(X, log_sum_exp, density, joint=True)

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
            is positive for ``classes_[1]``. The temperature is not applied.
        """
        X = self._check_input(X, "decision_function")
        n_samples, n_classes = X.shape[0], self._moments.counts.size
        if (found := _array_api.namespace_of(X)) is not None:
            scores = self._map_foreign(X, found, _array_api.as_is)
            return scores[:, 0] if n_classes == 2 else scores
        dtype = np.float32 if X.dtype in (np.float32, np.float16) else np.float64
        if n_classes == 2:
            return self._map_chunks(X, np.ravel, np.empty(n_samples, dtype=dtype))
        scores = np.empty((n_samples, n_classes), dtype=dtype)
        return self._map_chunks(X, np.asarray, scores)

    @property
    def moments_(self):
        """Copy of the sufficient statistics of the training data."""
        state = self._fitted("_moments").copy()
        return ClassMoments._of(self._labels().copy(), state, self._covariance)

    @property
    def class_count_(self):
        """Sum of the sample weights of each class."""
        return self._publish(self._fitted("_moments").counts)

    @property
    def class_prior_(self):
        """Probability of each class."""
        return self._publish(self._fitted("_tuned").prior)

    @property
    def theta_(self):
        """Mean of each feature in each class."""
        return self._publish(self._fitted("_moments").means)

    @property
    def center_(self):
        """Mean of the class means, weighted with the priors."""
        return self._publish(self._fitted_form().center)

    @property
    def coef_(self):
        """Weights of the features in the decision function."""
        return self._publish(self._fitted_form().coef)

    @property
    def intercept_(self):
        """Constants of the decision function."""
        return self._publish(self._fitted_form().intercept)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags

    def _solve(self, state, prior, tuned):
        """Return the linear form of class moments."""
        raise NotImplementedError

    def _loo_chunks(self, X, left):
        """Yield (start, scores) of chunks of training rows without each row."""
        raise NotImplementedError

    def _tune(self, batch, prior):
        """Return what only the training rows can tell, and given numbers."""
        return self._tuned_without_rows(None)

    def _tuned_without_rows(self, previous):
        """Return what holds after data came whose rows are not at hand.

        Parameters
        ----------
        previous : Tuned or None
            What an earlier fit has decided.
        """
        values = {}
        for name in ("shrinkage", "temperature"):
            value = getattr(self, name, None)
            if isinstance(value, str) and value in ROW_RULES:
                value = getattr(previous, name, None)
                if value is None:
                    raise ValueError(
                        f"{name}={getattr(self, name)!r} must be known before "
                        "partial_fit or merge, because it needs single rows; call fit "
                        "first, whose choice is kept, or give a number."
                    )
            values[name] = None if isinstance(value, str) else value
        if values["temperature"] is None:
            values["temperature"] = 1.0
        return Tuned(**values)

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
            form = self._solve(self._moments, self._tuned.prior, self._tuned)
            self._form = form
        return form

    def _loo_score(self):
        """Return what a fit has computed, or say that it has not."""
        score = self._fitted("_tuned").loo_score
        if score is None:
            raise AttributeError(
                f"This {type(self).__name__} has no loo_score_; it is computed by "
                "fit with shrinkage='loo' or temperature='loo'."
            )
        return score

    def _publish(self, array):
        """Return a view that protects the state, in the library of the data."""
        if not isinstance(self._token, np.ndarray):
            return _array_api.convert_like(array.copy(), self._token)
        view = array.view()
        view.flags.writeable = False
        return view

    def _summarize(self, X, y, sample_weight, *, reset):
        """Validate one batch and sum it up."""
        X, y = self._validate(X, read_labels(y), reset=reset)
        found = _array_api.namespace_of(X)
        y, sample_weight = _array_api.as_numpy(y), _array_api.as_numpy(sample_weight)
        labels, codes = encode_labels(y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, codes, dtype=np.float64, ensure_non_negative=True
            )
        origin = self._find_origin(X, sample_weight, reset)
        if found is None:
            state = self._sum_up(X, codes, labels.size, sample_weight, origin)
            check_moments_finite(state, X, type(self).__name__)
            token = _array_api.make_token()
        else:
            state = self._sum_up_foreign(
                X, codes, labels.size, sample_weight, origin, found
            )
            if not state.is_finite():
                rows = _array_api.as_numpy(X)
                check_moments_finite(state, rows, type(self).__name__)
            token = _array_api.make_token(found)
        return Batch(X, labels, codes, sample_weight, state, origin, token)

    def _find_origin(self, X, sample_weight, reset):
        """Return what to subtract from all rows, if anything."""
        return None

    def _sum_up(self, X, codes, n_classes, sample_weight, origin):
        """Return the moments of a batch."""
        return MomentState.from_data(
            X,
            codes,
            n_classes,
            sample_weight,
            n_jobs=self.n_jobs,
            covariance=self._covariance,
        )

    def _sum_up_foreign(self, X, codes, n_classes, sample_weight, origin, found):
        """Return the moments of a batch of another array library."""
        return _array_api.sum_up(
            X, codes, n_classes, sample_weight, found, self._covariance
        )

    def _labels(self):
        """Return the class labels on the host."""
        return _array_api.as_numpy(self.classes_)

    def _class_prior(self, counts):
        """Return the class probabilities for these class counts."""
        return class_prior(self.priors, counts, self._default_prior)

    def _check_mergeable(self, other):
        """Refuse a model that does not fit ours."""
        if type(other) is not type(self):
            raise ValueError(
                f"others has {type(other).__name__} and must be {type(self).__name__} "
                "like this model; merge their moments_ instead."
            )
        check_is_fitted(other)
        if other.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"others has {other.n_features_in_} features and must have "
                f"{self.n_features_in_} features; fit all models on the same columns."
            )
        mine = getattr(self, "feature_names_in_", None)
        theirs = getattr(other, "feature_names_in_", None)
        if mine is not None and theirs is not None and not np.array_equal(mine, theirs):
            raise ValueError(
                f"others has {theirs.tolist()} and must have the feature names "
                f"{mine.tolist()}; fit all models on the same columns in one order."
            )

    def _check_input(self, X, method):
        """Validate rows to predict, without a pass over the values."""
        check_is_fitted(self)
        check_same_namespace(X, self, attribute="class_prior_", method=method)
        return self._validate(X, reset=False)

    def _validate(self, *arrays, reset):
        """Validate a table, and labels, in the type that they have."""
        options = {"accept_sparse": ("csr", "csc"), "ensure_all_finite": False}
        found = validate_table(self, *arrays, reset=reset, **options)
        X = found[0] if isinstance(found, tuple) else found
        if X.dtype == object:
            # Frames of several types, whose columns are named if they hold no numbers.
            options["dtype"] = np.float64
            found = validate_table(self, *arrays, reset=reset, **options)
        return found

    def _probabilities(self, X, method, of_two, of_many):
        """Return what a function makes of the scores times the temperature."""
        X = self._check_input(X, method)
        temperature = self._tuned.temperature
        if (found := _array_api.namespace_of(X)) is not None:
            function = getattr(_array_api, of_many.__name__)
            function = partial(function, temperature=temperature)
            return self._map_foreign(X, found, function, every_class=True)
        function = of_two if self._moments.counts.size == 2 else of_many
        out = np.empty((X.shape[0], self._moments.counts.size))
        return self._map_chunks(X, partial(function, temperature=temperature), out)

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

    def _map_foreign(self, X, found, function, *, joint=False, every_class=False):
        """Return what ``_map_chunks`` does for arrays of another library."""
        return _array_api.map_chunks(
            X,
            function,
            self._fitted_form(),
            found,
            name=type(self).__name__,
            joint=joint,
            every_class=every_class or joint,
        )
