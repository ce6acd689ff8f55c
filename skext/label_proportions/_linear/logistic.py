"""The classifier that learns labels if the user brings none."""

import numpy as np
from scipy.special import expit, logsumexp, softmax
from sklearn.linear_model import LogisticRegression

from skext.label_proportions._linear.solver import choose_units, minimize_linear


def default_learner():
    """Return the classifier that stands for None."""
    return DefaultLogisticRegression(max_iter=1000, tol=1e-6)


class DefaultLogisticRegression(LogisticRegression):
    """Logistic regression that finds its minimum whatever the units of the features.

    Only the fit differs from scikit-learn's, which stops early, without a word, where
    means are far from zero.
    """

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Rows, validated.
        y : ndarray of shape (n_samples,)
            Labels.
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = self.classes_.size
        X, units = choose_units(X, weight, self.C, True)
        model, n_iter = minimize_linear(
            X,
            cross_entropy(np.eye(n_classes)[codes], weight),
            self.C,
            units=units,
            total_weight=weight.sum(),
            fit_intercept=True,
            max_iter=self.max_iter,
            tol=self.tol,
            name="LogisticRegression",
            n_classes=None if n_classes == 2 else n_classes,
        )
        self.coef_ = np.atleast_2d(model.coef)
        self.intercept_ = np.ravel(model.intercept)
        self.n_iter_ = np.array([n_iter], dtype=np.int32)
        self.n_features_in_ = X.shape[1]
        return self


def cross_entropy(proba, weight):
    """Return the loss of probabilities of labels as a function of scores.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities of the labels, zeros and ones if these are known.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    loss : callable
        Maps scores, of one column less an axis if there are two classes, to the loss
        and its gradient.
    """
    if proba.shape[1] == 2:
        p = proba[:, 1]
        return lambda scores: (
            weight @ (np.logaddexp(0, scores) - p * scores),
            weight * (expit(scores) - p),
        )

    def loss(scores):
        value = logsumexp(scores, axis=1) - (proba * scores).sum(axis=1)
        slope = weight[:, np.newaxis] * (softmax(scores, axis=1) - proba)
        return weight @ value, slope

    return loss
