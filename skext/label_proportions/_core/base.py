"""What classifiers that learn from label proportions have in common."""

from abc import ABCMeta, abstractmethod

import numpy as np
from scipy.special import logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.label_proportions._bags.metrics import bag_count_log_loss
from skext.label_proportions._bags.targets import is_bag_target, read_bags
from skext.label_proportions._core.models import ConstantModel
from skext.label_proportions._counts.posterior import (
    count_posterior,
    count_vector_posterior,
    normalize_rows,
    whole_counts,
)
from skext.utils._sklearn import check_sample_weight
from skext.utils._tables import validate_table

_MOST_CERTAIN = 1e-12


def _all_probabilistic(self):
    return getattr(self, "_gives_proba", True)


class BaseLLPClassifier(ClassifierMixin, SkextMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the classifiers: targets in, probabilities out.

    Subclasses fit one model of the second of two classes, and one model of all classes
    if there are more. Those that cannot (``_jointly`` says so) fit each against the
    rest, to the counts of its own, and divide the probabilities by their sum.
    """

    # Bags are what the estimator is for, so routing asks for them.
    __metadata_request__fit = {"bags": True}
    __metadata_request__score = {"bags": True}

    @abstractmethod
    def _fit_class(self, X, bags, k, sample_weight):
        """Return a model of class ``k``."""

    def _jointly(self):
        """Tell whether more than two classes get one model."""
        return True

    def _fit_classes(self, X, bags, sample_weight):
        """Return a model of all classes, of which there are more than two."""
        raise NotImplementedError

    def _prepare(self, X, bags, sample_weight, rows, given):
        """Do what is common to all classes.

        Those are the ``rows`` of the bags ``given`` that have a weight.
        """

    def _fit(self, X, y, sample_weight, bags, **options):
        """Validate and fit all models."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None; make it by bag_target."
            )
        X = validate_table(
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
        counts = found.count_table()
        self.bag_counts_ = counts[:, -1].copy() if counts.shape[1] <= 2 else counts
        rows, given = found.weighted_rows(weight), found
        if rows.size < X.shape[0]:
            # A bag without weight is as good as left out, whatever is in its rows.
            X, found, weight = X[rows], found.take(rows), weight[rows]
            if not found.known().any():
                raise ValueError(
                    "sample_weight must be positive in a row of a bag whose proportion "
                    "is known, got zeros in all of them."
                )
        self._prepare(X, found, weight, rows, given)
        numbers = [1] if found.classes.size == 2 else range(found.classes.size)
        if found.classes.size == 1:
            self._models = [ConstantModel(1.0)]
        elif found.classes.size > 2 and self._jointly():
            self._models = [self._fit_classes(X, found, weight)]
        else:
            self._models = [self._fit_class(X, found, k, weight) for k in numbers]
        self._gives_proba = all(
            hasattr(model.estimator, "predict_proba")
            for model in self._models
            if hasattr(model, "estimator")
        )
        return self

    def _check_input(self, X):
        check_is_fitted(self)
        return validate_table(
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
        if hasattr(self._models[0], "predict_classes"):
            return self._models[0].predict_classes(X)
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
            If a bag is cut, or counts do not fit.
        """
        X = self._check_input(X)
        found = read_bags(y, bags, self.classes_)
        proba = self._proba(X)
        if self.classes_.size > 2:
            scores = np.log(np.maximum(proba, _MOST_CERTAIN))
            return count_vector_posterior(scores, found, whole_counts(found))[0]
        if self.classes_.size == 1:
            return proba
        p = np.clip(proba[:, 1], _MOST_CERTAIN, 1 - _MOST_CERTAIN)
        posterior, _ = count_posterior(logit(p), found, np.round(found.counts()))
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
