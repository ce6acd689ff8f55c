"""The linear classifier by the unbiased loss of EasyLLP."""

import numpy as np
from scipy.special import expit, logsumexp, softmax

from skext.label_proportions._core.models import ScoreModel
from skext.label_proportions._linear.base import BaseLinearLLPClassifier
from skext.utils._sklearn import StrOptions

__all__ = ["EasyLLPClassifier"]


class EasyLLPClassifier(BaseLinearLLPClassifier):
    r"""Linear classifier by the unbiased loss of EasyLLP.

    Each row takes part with both labels, at weights whose expectation over random
    bags gives the supervised loss: :math:`B_b (a_b - P) + P` for the positive and
    :math:`B_b (P - a_b) + 1 - P` for the negative label, where :math:`P` is the share
    of positive rows overall.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, as in
        :class:`~sklearn.linear_model.LogisticRegression`.
    loss : {"log", "squared"}, default="log"
        Loss of a label: the logistic one, or the squared difference of the score and
        the label as -1 or 1.
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
    DLLPClassifier : Matches mean probabilities.

    Notes
    -----
    Unbiased only if bags are random draws of rows. Weights can be negative, but those
    of a row add up to one, and both losses then remain convex: the log loss is
    ``softplus(score) - weight * score``. Its penalty keeps the solution finite. With
    ``loss="squared"`` the probability is ``(score + 1) / 2``, cut to between 0 and 1.
    With more than two classes the same weights, one per class, go with the softmax of
    linear scores; the squared losses of the classes do not depend on each other.

    References
    ----------
    .. [1] R. Busa-Fekete, H. Choi, T. Dick, C. Gentile, A. Medina, "Easy Learning
       from Label Proportions", Advances in Neural Information Processing Systems, 2023.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.label_proportions import EasyLLPClassifier, make_bags
    >>> X, y = make_classification(1000, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> model = EasyLLPClassifier().fit(bags.data, bags.target)
    >>> model.predict_proba(X).shape
    (1000, 2)
    """

    _parameter_constraints: dict = {
        **BaseLinearLLPClassifier._parameter_constraints,
        "loss": [StrOptions({"log", "squared"})],
    }

    def __init__(
        self,
        C=1.0,
        *,
        loss="log",
        fit_intercept=True,
        max_iter=1000,
        tol=1e-6,
        classes=None,
    ):
        super().__init__(
            C, fit_intercept=fit_intercept, max_iter=max_iter, tol=tol, classes=classes
        )
        self.loss = loss

    def _loss(self, X, bags, units):
        share = bags.shares[bags.codes]
        size = bags.sizes[bags.codes]
        overall = np.average(share, weights=bags.row_weight)
        positive = size * (share - overall) + overall
        weight = bags.row_weight

        def log_loss(scores):
            value = np.logaddexp(0, scores) - positive * scores
            return weight @ value, weight * (expit(scores) - positive)

        def squared_loss(scores):
            # The weights of -1 and 1 add up to one.
            wanted = 2 * positive - 1
            value = 0.5 * (scores**2 - 2 * wanted * scores)
            return weight @ value, weight * (scores - wanted)

        return (log_loss if self.loss == "log" else squared_loss), None

    def _jointly(self):
        # Squared losses of several classes do not depend on each other.
        return self.loss == "log"

    def _classes_loss(self, X, bags, units):
        share = bags.shares[bags.codes]
        size = bags.sizes[bags.codes][:, np.newaxis]
        overall = np.average(share, axis=0, weights=bags.row_weight)
        label = size * (share - overall) + overall
        weight = bags.row_weight

        def loss(scores):
            value = logsumexp(scores, axis=1) - (label * scores).sum(axis=1)
            slope = weight[:, np.newaxis] * (softmax(scores, axis=1) - label)
            return weight @ value, slope

        return loss, None

    def _as_model(self, model):
        if self.loss == "log":
            return model
        return ScoreModel(model.coef, model.intercept)
