"""The linear classifier whose mean probabilities match the proportions of bags."""

import numpy as np
from scipy.special import expit, softmax, xlogy

from skext.label_proportions._linear.base import BaseLinearLLPClassifier

__all__ = ["DLLPClassifier"]

_TINY = 1e-300


class DLLPClassifier(BaseLinearLLPClassifier):
    r"""Linear classifier whose mean probabilities match the proportions of bags.

    Minimizes the cross-entropy of the proportion :math:`a_b` of each bag and the mean
    of the probabilities of its rows,

    .. math:: C \sum_b w_b \, \mathrm{CE}\Bigl(a_b, \frac{1}{B_b}
        \sum_{i \in b} \sigma(x_i^\top \beta + \alpha)\Bigr)
        + \tfrac12 \lVert \beta \rVert^2,

    where :math:`w_b` is the total weight of the :math:`B_b` rows.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, as in
        :class:`~sklearn.linear_model.LogisticRegression`.
    fit_intercept : bool, default=True
        Whether there is a constant.
    max_iter : int, default=1000
        Largest number of iterations.
    tol : float, default=1e-6
        Largest entry of the gradient of the mean loss at the solution, per standard
        deviation of a feature.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, sorted; of two classes proportions refer to the second.
        None is 0, 1, ....

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constants.
    bag_ids_ : ndarray of shape (n_bags,)
        The bags.
    bag_sizes_ : ndarray of shape (n_bags,)
        Their numbers of rows.
    bag_counts_ : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Their numbers of rows of ``classes_[1]``, or of all classes if there are more
        than two.
    n_iter_ : int
        Number of iterations.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    CountLikelihoodClassifier : The likelihood of the counts instead.
    BeliefPropagationLLPClassifier : Uses similarities of rows.

    Notes
    -----
    The hardest baseline to beat where bags are small. The mean is one of
    probabilities, and its logarithm is taken afterwards, as in [1]_. The loss is not
    convex; the start is zero. With bags of one row it is logistic regression. Features
    in other units only matter to the penalty: scale them first, so that it treats them
    alike.

    With more than two classes the mean is that of probability vectors, the softmax of
    linear scores, and the cross-entropy is that of all shares.

    References
    ----------
    .. [1] E. M. Ardehaly, A. Culotta, "Co-training for Demographic Classification
       Using Deep Learning from Label Proportions", ICDM Workshops, 2017.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.label_proportions import DLLPClassifier, make_bags
    >>> X, y = make_classification(1000, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> model = DLLPClassifier().fit(bags.data, bags.target)
    >>> model.predict_proba(X).shape
    (1000, 2)
    """

    def _loss(self, X, bags, units):
        def loss(scores):
            p, q = expit(scores), expit(-scores)
            mean = np.bincount(bags.codes, p) / bags.sizes
            rest = np.bincount(bags.codes, q) / bags.sizes
            mean, rest = np.maximum(mean, _TINY), np.maximum(rest, _TINY)
            cross = -xlogy(bags.shares, mean) - xlogy(1 - bags.shares, rest)
            slope = (1 - bags.shares) / rest - bags.shares / mean
            slope *= bags.weights / bags.sizes
            return bags.weights @ cross, slope[bags.codes] * p * q

        return loss, None

    def _classes_loss(self, X, bags, units):
        gather = bags.gather()

        def loss(scores):
            p = softmax(scores, axis=1)
            mean = np.maximum(gather @ p / bags.sizes[:, np.newaxis], _TINY)
            value = -(bags.weights @ xlogy(bags.shares, mean).sum(axis=1))
            per_row = (bags.weights / bags.sizes)[:, np.newaxis]
            slope = (-per_row * bags.shares / mean)[bags.codes]
            return value, p * (slope - (p * slope).sum(axis=1, keepdims=True))

        return loss, None
