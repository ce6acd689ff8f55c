"""The classifiers that learn labels if the user brings none."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skext.label_proportions._bootstrap.features import RobustFeatures

_SMALLEST_LEAF, _LARGEST_LEAF, _LEAVES = 5, 60, 50
_MANY_BAGS = 2000
# Of features whose variances add up to one.
_PENALTY = 30.0


def default_learners(n_samples, n_bags, dense):
    """Return the classifiers among which held-out counts choose.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    n_bags : int
        Number of bags.
    dense : bool
        Whether the table is dense, which boosted trees ask for.

    Returns
    -------
    learners : list of estimator object
        The first one is taken if nothing speaks for another.
    """
    linear = RobustLogisticRegression()
    return [default_trees(n_samples, n_bags), linear] if dense else [linear]


def default_trees(n_samples, n_bags):
    """Return boosted trees that do not follow the noise of inferred labels.

    Parameters
    ----------
    n_samples : int
        Number of rows, each of which has a label 0 and a label 1.
    n_bags : int
        Number of bags: each count says about as much as a label.
    """
    leaf = np.clip(2 * n_samples // _LEAVES, _SMALLEST_LEAF, _LARGEST_LEAF)
    return HistGradientBoostingClassifier(
        max_iter=100 if n_bags > _MANY_BAGS else 60,
        learning_rate=0.12,
        max_leaf_nodes=16 if n_bags > _MANY_BAGS else 6,
        min_samples_leaf=int(leaf),
        max_features=0.5,
        max_bins=63,
        early_stopping=False,
    )


class RobustLogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression on features without tails, whatever their units."""

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
        self.features_ = RobustFeatures(X, sample_weight)
        self.model_ = LogisticRegression(C=_PENALTY, max_iter=1000)
        self.model_.fit(self.features_(X), y, sample_weight)
        self.classes_, self.n_features_in_ = self.model_.classes_, X.shape[1]
        return self

    def predict_proba(self, X):
        """Return probabilities of the classes."""
        return self.model_.predict_proba(self.features_(X))

    def predict(self, X):
        """Return the most probable labels."""
        return self.model_.predict(self.features_(X))
