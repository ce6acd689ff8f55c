"""What the classifiers fit: functions from rows to probabilities."""

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

# Soft labels below this weight are left out.
_NO_WEIGHT = 1e-6


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


class ConstantClasses:
    """A model of several classes that gives every row the same probabilities.

    Parameters
    ----------
    proba : ndarray of shape (n_classes,)
        Of the classes.
    """

    def __init__(self, proba):
        self.proba = np.asarray(proba, dtype=np.float64)

    def predict_classes(self, X):
        """Return the probabilities for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Of all classes.
        """
        return np.tile(self.proba, (X.shape[0], 1))


class SoftmaxModel:
    """Probabilities of several classes from linear functions.

    Parameters
    ----------
    coef : ndarray of shape (n_classes, n_features)
        Weights.
    intercept : ndarray of shape (n_classes,)
        Constants.
    """

    def __init__(self, coef, intercept):
        self.coef = coef
        self.intercept = intercept

    def predict_classes(self, X):
        """Return the probabilities for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Of all classes.
        """
        return softmax(X @ self.coef.T + self.intercept, axis=1)


class WrappedClasses:
    """A fitted classifier of the labels 0, 1, ....

    Parameters
    ----------
    estimator : estimator object
        Fitted.
    n_classes : int
        Number of classes, of which the estimator may have seen fewer.
    """

    def __init__(self, estimator, n_classes):
        self.estimator = estimator
        self.n_classes = n_classes

    def predict_classes(self, X):
        """Return the probabilities for each row, or the softmax of its scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Of all classes.
        """
        if hasattr(self.estimator, "predict_proba"):
            found = self.estimator.predict_proba(X)
        else:
            scores = self.estimator.decision_function(X)
            if scores.ndim == 1:
                scores = np.column_stack([np.zeros_like(scores), scores])
            found = softmax(scores, axis=1)
        proba = np.zeros((X.shape[0], self.n_classes))
        proba[:, np.asarray(self.estimator.classes_, dtype=np.intp)] = found
        return proba


def fit_soft_classes(estimator, X, proba, sample_weight=None):
    """Fit a classifier to probabilities of the labels 0, 1, ....

    Each row takes part once with each label, weighted by the probability of the
    label.

    Parameters
    ----------
    estimator : estimator object
        A classifier; cloned.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities of the labels.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    model : ConstantClasses or WrappedClasses
        What was fitted.
    """
    n_samples, n_classes = proba.shape
    weight = np.ones(n_samples) if sample_weight is None else sample_weight
    labels, rows = np.nonzero(_NO_WEIGHT * weight.max() < (proba * weight[:, None]).T)
    present = np.unique(labels)
    if present.size == 1:
        return ConstantClasses(np.arange(n_classes) == present[0])
    if rows.size == np.count_nonzero(weight):
        # Labels are certain: rows keep their order, and need no weights.
        order = np.argsort(rows, kind="stable")
        labels, rows = labels[order], rows[order]
        weights = None if sample_weight is None else weight[rows]
    else:
        weights = proba[rows, labels] * weight[rows]
    same = rows.size == n_samples and np.array_equal(rows, np.arange(n_samples))
    options = {} if weights is None else {"sample_weight": weights}
    fitted = clone(estimator).fit(X if same else X[rows], labels, **options)
    return WrappedClasses(fitted, n_classes)


def predict(model, X):
    """Return the probabilities of a model: of the second class, or of all classes."""
    if hasattr(model, "predict_classes"):
        return model.predict_classes(X)
    return model.predict_positive(X)


def takes_weights(estimator):
    """Tell whether ``fit`` of an estimator takes sample weights."""
    return has_fit_parameter(estimator, "sample_weight")
