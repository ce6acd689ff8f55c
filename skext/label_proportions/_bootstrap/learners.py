"""The classifiers that learn labels if the user brings none."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier

from skext.label_proportions._bootstrap.features import RobustFeatures
from skext.label_proportions._linear.logistic import cross_entropy
from skext.label_proportions._linear.solver import choose_units, minimize_linear

_SMALLEST_LEAF, _LARGEST_LEAF, _LEAVES = 5, 60, 50
_MANY_BAGS = 2000
# Of features whose variances add up to one.
_PENALTY, _MOST_ITERATIONS, _TOLERANCE = 30.0, 1000, 1e-5


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
    """Logistic regression on features without tails, whatever their units.

    It takes probabilities of labels as they are.
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
        classes, codes = np.unique(y, return_inverse=True)
        return self._fit(X, np.eye(classes.size)[codes], classes, sample_weight)

    def fit_proba(self, X, proba, sample_weight=None):
        """Fit the model to probabilities.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Rows, validated.
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities of the labels 0, 1, ....
        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, proba, np.arange(proba.shape[1]), sample_weight)

    def _fit(self, X, proba, classes, weight):
        weight = np.ones(X.shape[0]) if weight is None else weight
        self.features_, n_classes = RobustFeatures(X, weight), classes.size
        F, units = choose_units(self.features_(X), weight, _PENALTY, True)
        self.model_, _ = minimize_linear(
            F,
            cross_entropy(proba, weight),
            _PENALTY,
            units=units,
            total_weight=weight.sum(),
            fit_intercept=True,
            max_iter=_MOST_ITERATIONS,
            tol=_TOLERANCE,
            name=type(self).__name__,
            n_classes=None if n_classes == 2 else n_classes,
        )
        self.classes_, self.n_features_in_ = classes, X.shape[1]
        return self

    def predict_proba(self, X):
        """Return probabilities of the classes."""
        proba = self.model_.predict(self.features_(X))
        return proba if proba.ndim == 2 else np.column_stack([1 - proba, proba])

    def predict(self, X):
        """Return the most probable labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
