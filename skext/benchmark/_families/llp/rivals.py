"""Rivals of the classifiers that learn from bags, as one would write them at once."""

import numpy as np
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import RidgeCV


class RidgeOnBagMeans(ClassifierMixin, BaseEstimator):
    """Ridge regression of the shares of bags on the means of their rows.

    Parameters
    ----------
    classes : array-like of shape (2,), default=(0, 1)
        Labels; proportions refer to the second.
    """

    def __init__(self, classes=(0, 1)):
        self.classes = classes

    def fit(self, X, y):
        """Fit the regression, strength by generalised cross-validation over bags.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : ndarray of shape (n_samples,)
            A target of :func:`skext.label_proportions.bag_target`.

        Returns
        -------
        model : RidgeOnBagMeans
            The model itself.
        """
        self.classes_ = np.array(self.classes)
        _, first, bags = np.unique(y["bag"], return_index=True, return_inverse=True)
        sizes = np.bincount(bags)
        means = np.zeros((sizes.size, X.shape[1]))
        np.add.at(means, bags, np.asarray(X))
        means /= sizes[:, np.newaxis]
        shares = y["proportion"][first]
        self.share_ = np.clip(np.average(shares, weights=sizes), 1e-6, 1 - 1e-6)
        self.ridge_ = RidgeCV(np.logspace(-4, 3, 15)).fit(means, shares, sizes)
        return self

    def predict_proba(self, X):
        """Turn predicted shares into probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``. Equal to the shares to first order
            around the overall share, and within 0 and 1.
        """
        excess = self.ridge_.predict(np.asarray(X)) - self.share_
        spread = self.share_ * (1 - self.share_)
        proba = expit(logit(self.share_) + excess / spread)
        return np.column_stack([1 - proba, proba])

    def predict(self, X):
        """Predict the more probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Codes.
        """
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]
