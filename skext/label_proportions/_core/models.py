"""What the classifiers fit: functions from rows to probabilities.

A model of one class has probabilities of shape (n_samples,), one of all classes those
of shape (n_samples, n_classes).
"""

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skext.label_proportions._counts.posterior import as_proba

# Soft labels below this weight are left out.
_NO_WEIGHT = 1e-6


class ConstantModel:
    """A model that gives every row the same probabilities.

    Parameters
    ----------
    proba : float or ndarray of shape (n_classes,)
        Of the second class, or of all classes.
    """

    def __init__(self, proba):
        self.proba = np.asarray(proba, dtype=np.float64)

    def predict(self, X):
        """Return the probabilities of each row."""
        return np.tile(self.proba, (X.shape[0], *([1] * self.proba.ndim)))


class LinearModel:
    """Probabilities from one linear function, or from one for each class.

    Parameters
    ----------
    coef : ndarray of shape (n_features,) or (n_classes, n_features)
        Weights.
    intercept : float or ndarray of shape (n_classes,)
        Constants.
    """

    def __init__(self, coef, intercept):
        self.coef = coef
        self.intercept = intercept

    def scores(self, X):
        """Return the values of the functions."""
        return X @ self.coef.T + self.intercept

    def predict(self, X):
        """Return the probabilities of each row."""
        return as_proba(self.scores(X))


class ScoreModel(LinearModel):
    """A linear function that estimates -1 or 1, twice the probability less one."""

    def predict(self, X):
        """Return the probability of each row."""
        return np.clip(0.5 * (self.scores(X) + 1), 0, 1)


class FittedModel:
    """A fitted classifier of the labels 0, 1, ....

    Parameters
    ----------
    estimator : estimator object
        Fitted.
    n_classes : int, default=None
        Number of classes, of which the estimator may have seen fewer; None is a model
        of the label 1.
    """

    def __init__(self, estimator, n_classes=None):
        self.estimator = estimator
        self.n_classes = n_classes

    def predict(self, X):
        """Return the probabilities of each row, or what scores have in their place."""
        several = self.n_classes is not None
        if hasattr(self.estimator, "predict_proba"):
            found = self.estimator.predict_proba(X)
        else:
            found = self.estimator.decision_function(X)
            if not several:
                return expit(found)
            if found.ndim == 1:
                found = np.column_stack([np.zeros_like(found), found])
            found = softmax(found, axis=1)
        proba = np.zeros((X.shape[0], self.n_classes or 2))
        proba[:, np.asarray(self.estimator.classes_, dtype=np.intp)] = found
        return proba if several else proba[:, 1]


def fit_soft_labels(estimator, X, proba, sample_weight=None):
    """Fit a classifier to probabilities of labels.

    Each row takes part once with each label, weighted by the probability of the
    label, unless the classifier takes probabilities.

    Parameters
    ----------
    estimator : estimator object
        A classifier; cloned.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    proba : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Probabilities of the label 1, or of the labels 0, 1, ....
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    model : ConstantModel or FittedModel
        What was fitted.
    """
    n_classes = proba.shape[1] if proba.ndim == 2 else None
    names = np.arange(n_classes) if n_classes else np.array([1, 0])
    table = proba if n_classes else np.column_stack([proba, 1 - proba])
    weight = np.ones(len(proba)) if sample_weight is None else sample_weight
    of_label = table * weight[:, np.newaxis]
    columns, rows = np.nonzero(_NO_WEIGHT * weight.max() < of_label.T)
    labels = names[columns]
    present = np.unique(labels)
    if present.size == 1:
        return ConstantModel(np.eye(n_classes)[present[0]] if n_classes else present[0])
    if hasattr(estimator, "fit_proba"):
        ordered = table if n_classes else table[:, ::-1]
        fitted = clone(estimator).fit_proba(X, ordered, weight)
        return FittedModel(fitted, n_classes)
    certain = n_classes or np.isin(proba, (0, 1)).all()
    if certain and rows.size == np.count_nonzero(weight):
        # Rows keep their order, and need no weights.
        order = np.argsort(rows, kind="stable")
        labels, rows = labels[order], rows[order]
        weights = None if sample_weight is None else weight[rows]
    else:
        weights = of_label[rows, columns]
    same = rows.size == len(proba) and np.array_equal(rows, np.arange(rows.size))
    options = {} if weights is None else {"sample_weight": weights}
    fitted = clone(estimator).fit(X if same else X[rows], labels, **options)
    return FittedModel(fitted, n_classes)


def takes_weights(estimator):
    """Tell whether ``fit`` of an estimator takes sample weights."""
    return has_fit_parameter(estimator, "sample_weight")
