"""What classifiers that learn from label proportions have in common."""

from abc import ABCMeta, abstractmethod

import numpy as np
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from skext.base import SkextMixin
from skext.label_proportions._bags import is_bag_target, read_bags
from skext.label_proportions._counts import count_posterior, normalize_rows
from skext.label_proportions._metrics import bag_count_log_loss
from skext.utils._sklearn import check_sample_weight

# Soft labels below this weight are left out.
_NO_WEIGHT = 1e-6
_MOST_CERTAIN = 1e-12


class ConstantModel:
    """A model that gives every row the same probability.

    Parameters
    ----------
    probability : float
        Of the second class.
    """

    def __init__(self, probability):
        self.probability = probability

    def predict_positive(self, X):
        """Return the probability for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples,)
            Of the second class.
        """
        return np.full(X.shape[0], float(self.probability))


class LinearModel:
    """Probabilities from a linear function.

    Parameters
    ----------
    coef : ndarray of shape (n_features,)
        Weights.
    intercept : float
        Constant.
    """

    def __init__(self, coef, intercept):
        self.coef = coef
        self.intercept = intercept

    def predict_positive(self, X):
        """Return the probability for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples,)
            Of the second class.
        """
        return expit(X @ self.coef + self.intercept)


class ScoreModel(LinearModel):
    """A linear function that estimates -1 or 1, twice the probability less one."""

    def predict_positive(self, X):
        """Return the probability for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples,)
            Of the second class.
        """
        scores = X @ self.coef + self.intercept
        return np.clip(0.5 * (scores + 1), 0, 1)


class WrappedModel:
    """A fitted classifier of the labels 0 and 1.

    Parameters
    ----------
    estimator : estimator object
        Fitted.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def predict_positive(self, X):
        """Return the probability for each row, or the logistic of its score.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples,)
            Of the second class.
        """
        if hasattr(self.estimator, "predict_proba"):
            proba = self.estimator.predict_proba(X)
            place = np.flatnonzero(np.asarray(self.estimator.classes_) == 1)
            return proba[:, place[0]] if place.size else np.zeros(X.shape[0])
        return expit(self.estimator.decision_function(X))


def fit_soft_labels(estimator, X, positive, sample_weight=None):
    """Fit a classifier to probabilities of the labels 0 and 1.

    Each row takes part once with each label, weighted by the probability of the
    label.

    Parameters
    ----------
    estimator : estimator object
        A classifier; cloned.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    positive : ndarray of shape (n_samples,)
        Probability of label 1.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    model : ConstantModel or WrappedModel
        What was fitted.
    """
    weight = np.ones(positive.size) if sample_weight is None else sample_weight
    ones = np.flatnonzero(positive * weight > _NO_WEIGHT * weight.max())
    zeros = np.flatnonzero((1 - positive) * weight > _NO_WEIGHT * weight.max())
    if not ones.size or not zeros.size:
        return ConstantModel(float(ones.size > 0))
    hard = ones.size + zeros.size == np.count_nonzero(weight)
    if hard and np.isin(positive, (0, 1)).all():
        rows = np.flatnonzero(weight)
        labels = positive[rows].astype(np.int64)
        weights = None if sample_weight is None else weight[rows]
    else:
        rows = np.concatenate([ones, zeros])
        labels = np.repeat([1, 0], [ones.size, zeros.size])
        weights = np.concatenate(
            [(positive * weight)[ones], ((1 - positive) * weight)[zeros]]
        )
    if rows.size == X.shape[0] and np.array_equal(rows, np.arange(rows.size)):
        table = X
    else:
        table = X[rows]
    options = {} if weights is None else {"sample_weight": weights}
    return WrappedModel(clone(estimator).fit(table, labels, **options))


def takes_weights(estimator):
    """Tell whether ``fit`` of an estimator takes sample weights."""
    return has_fit_parameter(estimator, "sample_weight")


def _all_probabilistic(self):
    return getattr(self, "_gives_proba", True)


class BaseLLPClassifier(ClassifierMixin, SkextMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the classifiers: targets in, probabilities out.

    Subclasses fit one model of the second of two classes. More classes are fitted one
    against the rest, each to the counts of its own, and the probabilities are divided
    by their sum.
    """

    # Bags are what the estimator is for, so routing asks for them.
    __metadata_request__fit = {"bags": True}
    __metadata_request__score = {"bags": True}

    @abstractmethod
    def _fit_class(self, X, bags, k, sample_weight):
        """Return a model of class ``k``."""

    def _prepare(self, X, bags, sample_weight):
        """Do what is common to all classes."""

    def _fit(self, X, y, sample_weight, bags, **options):
        """Validate and fit all models."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None; make it by bag_target."
            )
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            # The last bits of a product depend on the order of its columns.
            order="C",
            **options,
        )
        found = read_bags(y, bags, self.classes)
        if found.codes.size != X.shape[0]:
            raise ValueError(
                f"X and y must have as many rows, got inconsistent numbers of samples: "
                f"[{X.shape[0]}, {found.codes.size}]."
            )
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            if not weight.any():
                raise ValueError(
                    "sample_weight must be positive in some row, got zeros only."
                )
        self.classes_ = found.classes
        self.bag_ids_, self.bag_sizes_ = found.ids, found.sizes
        if not found.ids.size:
            raise ValueError("y must have rows in bags, got bag -1 throughout.")
        if not found.known().any():
            raise ValueError("y must have a bag whose proportion is known, got none.")
        counts = [found.counts(k) for k in range(found.classes.size)]
        self.bag_counts_ = counts[-1] if len(counts) <= 2 else np.column_stack(counts)
        self._prepare(X, found, weight)
        numbers = [1] if found.classes.size == 2 else range(found.classes.size)
        if found.classes.size == 1:
            self._models = [ConstantModel(1.0)]
        else:
            self._models = [self._fit_class(X, found, k, weight) for k in numbers]
        self._gives_proba = all(
            not isinstance(model, WrappedModel)
            or hasattr(model.estimator, "predict_proba")
            for model in self._models
        )
        return self

    def _check_input(self, X):
        check_is_fitted(self)
        return validate_data(
            self,
            X,
            reset=False,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            ensure_all_finite=self._finite_input(),
        )

    def _finite_input(self):
        return True

    def _proba(self, X):
        if self.classes_.size == 1:
            return np.ones((X.shape[0], 1))
        columns = [model.predict_positive(X) for model in self._models]
        if len(columns) == 1:
            return np.column_stack([1 - columns[0], columns[0]])
        return normalize_rows(np.column_stack(columns))

    @available_if(_all_probabilistic)
    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, on their own: no bags are needed.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._proba(self._check_input(X))

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Labels of ``classes_``; the first one on ties.
        """
        best = self._proba(self._check_input(X)).argmax(axis=1)
        return self.classes_[best]

    def disaggregate(self, X, y=None, *, bags=None):
        """Predict rows of new bags whose counts are known.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            A target of :func:`bag_target`, or shares along with ``bags``.
        bags : array-like of shape (n_samples,), default=None
            Bags of the rows, if ``y`` has shares.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities given the counts; in each bag they add up to the counts.

        Raises
        ------
        ValueError
            If there are more than two classes, or counts are not whole numbers.
        """
        X = self._check_input(X)
        if self.classes_.size != 2:
            raise ValueError(
                f"disaggregate needs two classes, got {self.classes_.size}."
            )
        found = read_bags(y, bags, self.classes_)
        counts = found.counts()
        known = ~np.isnan(counts)
        counts[known] = np.round(counts[known])
        p = np.clip(self._proba(X)[:, 1], _MOST_CERTAIN, 1 - _MOST_CERTAIN)
        posterior, _ = count_posterior(logit(p), found, counts)
        return np.column_stack([1 - posterior, posterior])

    def score(self, X, y, sample_weight=None, bags=None):
        """Score on bags by the log-probability of their counts, on labels by accuracy.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            A target of :func:`bag_target`, shares along with ``bags``, or labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of labelled rows; bags count by their rows whatever the weights.
        bags : array-like of shape (n_samples,), default=None
            Bags of the rows, if ``y`` has shares.

        Returns
        -------
        score : float
            Minus the :func:`bag_count_log_loss`, or the accuracy. Greater is better.
        """
        if is_bag_target(y) or bags is not None:
            proba = self._proba(self._check_input(X))
            return -bag_count_log_loss(y, proba, bags=bags)
        return accuracy_score(y, self.predict(X), sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
