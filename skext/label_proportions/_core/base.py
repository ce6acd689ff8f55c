"""What classifiers that learn from label proportions have in common."""

from abc import ABCMeta, abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.label_proportions._bags.metrics import bag_count_log_loss
from skext.label_proportions._bags.split import parts_of_bags
from skext.label_proportions._bags.targets import (
    Bags,
    is_bag_target,
    read_bags,
    refuse_unknown,
)
from skext.label_proportions._core.known_bags import KnownBags
from skext.label_proportions._core.models import ConstantModel
from skext.label_proportions._counts.posterior import (
    as_scores,
    count_posterior,
    normalize_rows,
    whole_counts,
)
from skext.utils._sklearn import check_sample_weight
from skext.utils._tables import validate_table

_MOST_CERTAIN = 1e-12


def _all_probabilistic(self):
    return getattr(self, "_gives_proba", True)


class FitData(NamedTuple):
    """What is fitted: rows of bags that have a weight."""

    X: object
    bags: Bags
    weight: np.ndarray | None
    rows: np.ndarray
    """Which of the given rows they are."""
    given: Bags
    """Bags of all given rows."""
    parts: np.ndarray | None
    """Part of each row, if ``cv`` says it."""


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
    def _fit_known(self, X, known):
        """Return a model of rows in bags of known shares, and what to tell of the fit.

        That of all classes if ``known.n_classes`` is not None.
        """

    def _fit_class(self, data, k):
        """Return a model of class ``k``, of all if that is None; and what to tell."""
        X, known = data.X, KnownBags(data.bags, k, data.weight, data.parts)
        if known.certain is not None:
            return ConstantModel(known.certain), None
        X = X if known.rows.size == X.shape[0] else X[known.rows]
        return self._fit_known(X, known)

    def _jointly(self):
        """Tell whether more than two classes get one model."""
        return True

    def _check_fit(self, X, y, sample_weight, bags, **options):
        """Validate what ``fit`` is given, and describe the bags."""
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
        given = read_bags(y, bags, self.classes)
        if given.codes.size != X.shape[0]:
            raise ValueError(
                f"X and y have inconsistent numbers of samples: [{X.shape[0]}, "
                f"{given.codes.size}]; give an entry of y for each row."
            )
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            if not weight.any():
                raise ValueError(
                    "sample_weight is zero for all rows; give a weight to some."
                )
        self.classes_ = given.classes
        self.bag_ids_, self.bag_sizes_ = given.ids, given.sizes
        if not given.ids.size:
            raise ValueError(
                "y has no rows in bags, but -1 throughout; give bags to some rows."
            )
        refuse_unknown(given, "y")
        counts = given.count_table()
        self.bag_counts_ = counts[:, -1].copy() if counts.shape[1] <= 2 else counts
        parts = parts_of_bags(self.cv, given) if hasattr(self, "cv") else None
        rows = given.weighted_rows(weight)
        if rows.size == X.shape[0]:
            return FitData(X, given, weight, rows, given, parts)
        # A bag without weight is as good as left out, whatever is in its rows.
        found = given.take(rows)
        refuse_unknown(found, "y", " and that has a row of positive sample_weight")
        parts = None if parts is None else parts[rows]
        return FitData(X[rows], found, weight[rows], rows, given, parts)

    def _fit_models(self, data, *context):
        """Fit all models; return what each of them has to tell."""
        n_classes = data.bags.classes.size
        if n_classes == 1:
            self._models, told = [ConstantModel(1.0)], []
        else:
            numbers = [1] if n_classes == 2 else range(n_classes)
            if n_classes > 2 and self._jointly():
                numbers = [None]
            fitted = [self._fit_class(data, k, *context) for k in numbers]
            self._models, told = map(list, zip(*fitted, strict=True))
        self._gives_proba = all(
            hasattr(model.estimator, "predict_proba")
            for model in self._models
            if hasattr(model, "estimator")
        )
        return told

    def _fitted_estimators(self):
        """Return the classifier inside the model, or a list of those of each class."""
        found = [getattr(model, "estimator", None) for model in self._models]
        return found[0] if len(found) == 1 else found

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
        columns = [model.predict(X) for model in self._models]
        if columns[0].ndim == 2:
            return columns[0]
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
        if self.classes_.size == 1:
            return proba
        if self.classes_.size > 2:
            scores = as_scores(proba, _MOST_CERTAIN)
            return count_posterior(scores, found, whole_counts(found))[0]
        log_odds = as_scores(proba[:, 1], _MOST_CERTAIN)
        posterior, _ = count_posterior(log_odds, found, np.round(found.counts()))
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
