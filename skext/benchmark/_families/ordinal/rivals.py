"""Rivals of the ordinal classifiers that no package offers as a classifier."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class RareVersusRest(ClassifierMixin, BaseEstimator):
    """Logistic regression of the last class, and another one among the others.

    What is done in practice where the last class alone is of interest; the other
    classes do not help to find its weights.
    """

    def fit(self, X, y):
        """Fit both regressions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Codes of the classes, from low to high.

        Returns
        -------
        model : RareVersusRest
            The model itself.
        """
        self.classes_ = np.unique(y)
        rare = y == self.classes_[-1]
        self.rare_ = LogisticRegression(max_iter=1000).fit(X, rare)
        self.others_ = None
        if self.classes_.size > 2:
            self.others_ = LogisticRegression(max_iter=1000).fit(X[~rare], y[~rare])
        return self

    def predict_proba(self, X):
        """Multiply the probability of not being rare with those of the others.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        proba = self.rare_.predict_proba(X)
        if self.others_ is None:
            return proba
        return np.hstack([proba[:, :1] * self.others_.predict_proba(X), proba[:, 1:]])

    def predict(self, X):
        """Name the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Codes.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class OrdinalPeer(ClassifierMixin, BaseEstimator):
    """A cumulative logit model of another package, made to look like a classifier.

    Parameters
    ----------
    package : {"skordinal", "mord", "statsmodels"}, default="skordinal"
        Whose model it is. That of mord has another loss, and a small ridge penalty.
    """

    def __init__(self, package="skordinal"):
        self.package = package

    def fit(self, X, y):
        """Fit the model to codes without gaps.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Codes of the classes, from low to high.

        Returns
        -------
        model : OrdinalPeer
            The model itself.
        """
        self.classes_, codes = np.unique(y, return_inverse=True)
        X = np.asarray(X, dtype=np.float64)
        if self.package == "statsmodels":
            from statsmodels.miscmodels.ordinal_model import OrderedModel

            model = OrderedModel(codes, X, distr="logit")
            found = model.fit(method="bfgs", maxiter=1000, disp=0)
            self.proba_ = lambda rows: found.model.predict(found.params, exog=rows)
        elif self.package == "mord":
            from mord import LogisticAT

            self.proba_ = LogisticAT(alpha=1.0).fit(X, codes).predict_proba
        else:
            from skordinal.classifiers import POM

            self.proba_ = POM(max_iter=1000).fit(X, codes).predict_proba
        return self

    def predict_proba(self, X):
        """Ask the model.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return np.asarray(self.proba_(np.asarray(X, dtype=np.float64)))

    def predict(self, X):
        """Name the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Codes.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
