"""Linear classifiers whose loss is one of bags."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.special import expit, logit, logsumexp, softmax, xlogy

from skext.label_proportions._core.base import BaseLLPClassifier
from skext.label_proportions._core.models import (
    ConstantClasses,
    ConstantModel,
    ScoreModel,
)
from skext.label_proportions._linear.solver import choose_units, minimize_linear
from skext.utils._sklearn import Interval, StrOptions, fit_context

__all__ = ["DLLPClassifier", "EasyLLPClassifier"]

_TINY = 1e-300


class BaseLinearLLPClassifier(BaseLLPClassifier):
    """Base of the linear classifiers."""

    _parameter_constraints: dict = {
        "C": [Interval(Real, 0, None, closed="right")],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "classes": ["array-like", None],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, bags=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            A target of :func:`bag_target`; or, along with ``bags``, the share of
            positive rows of the bag of each row; or plain labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; a bag weighs as much as its rows together, and counts
            refer to rows whatever their weights.
        bags : array-like of shape (n_samples,), default=None
            Bag of each row, if ``y`` has shares.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        self._n_iter = [0]
        self._fit(X, y, sample_weight, bags)
        self.n_iter_ = max(max(self._n_iter), 1)
        del self._n_iter
        self._set_coef()
        return self

    def _set_coef(self):
        """Set weights and constants; those of a constant model are 0 and infinite."""
        nothing = np.zeros(self.n_features_in_)
        model = self._models[0]
        if isinstance(model, ConstantClasses):
            self.coef_ = np.zeros((self.classes_.size, self.n_features_in_))
            with np.errstate(divide="ignore"):
                self.intercept_ = np.log(model.proba)
        elif hasattr(model, "predict_classes"):
            self.coef_, self.intercept_ = model.coef, model.intercept
        else:
            self.coef_ = np.array([getattr(m, "coef", nothing) for m in self._models])
            self.intercept_ = np.array(
                [
                    logit(m.probability)
                    if isinstance(m, ConstantModel)
                    else m.intercept
                    for m in self._models
                ]
            )

    def decision_function(self, X):
        """Compute the linear scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log-odds of ``classes_[1]``, or scores of each class, whose softmax has the
            probabilities, if there are more than two; estimates of -1 or 1 for a
            squared loss.
        """
        X = self._check_input(X)
        scores = X @ self.coef_.T + self.intercept_
        return scores[:, 0] if self.classes_.size <= 2 else scores

    def _fit_class(self, X, bags, k, sample_weight):
        known = KnownBags(bags, k, sample_weight)
        if known.certain is not None:
            return ConstantModel(known.certain)
        if known.rows.size < X.shape[0]:
            X = X[known.rows]
        X, units = choose_units(X, known.row_weight, self.C, self.fit_intercept)
        loss, linear = self._loss(X, known, units)
        model, n_iter = minimize_linear(
            X,
            loss,
            self.C,
            units=units,
            total_weight=known.row_weight.sum(),
            fit_intercept=self.fit_intercept,
            max_iter=self._most_iterations(),
            tol=self.tol,
            name=type(self).__name__,
            linear=linear,
        )
        self._n_iter.append(n_iter)
        return self._as_model(model)

    def _fit_classes(self, X, bags, sample_weight):
        known = KnownBags(bags, None, sample_weight)
        if known.certain is not None:
            return ConstantClasses(known.certain)
        if known.rows.size < X.shape[0]:
            X = X[known.rows]
        X, units = choose_units(X, known.row_weight, self.C, self.fit_intercept)
        loss, linear = self._classes_loss(X, known, units)
        model, n_iter = minimize_linear(
            X,
            loss,
            self.C,
            units=units,
            total_weight=known.row_weight.sum(),
            fit_intercept=self.fit_intercept,
            max_iter=self._most_iterations(),
            tol=self.tol,
            name=type(self).__name__,
            linear=linear,
            n_classes=known.shares.shape[1],
        )
        self._n_iter.append(n_iter)
        return model

    def _as_model(self, model):
        """Return the model that turns scores into probabilities."""
        return model

    def _most_iterations(self):
        return self.max_iter

    def _loss(self, X, bags, units):
        """Return the loss as a function of scores, and a linear part."""
        raise NotImplementedError

    def _classes_loss(self, X, bags, units):
        """Return the loss as a function of scores of all classes, and a linear part."""
        raise NotImplementedError


class KnownBags:
    """Bags with known proportions and their rows, numbered anew.

    Parameters
    ----------
    bags : Bags
        All bags.
    k : int or None
        Number of the class; None is all of them, each with a column of its own.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of all rows.
    """

    def __init__(self, bags, k, sample_weight):
        kept = bags.known()
        self.rows = np.flatnonzero(np.append(kept, False)[bags.codes])
        self.codes = (np.cumsum(kept) - 1)[bags.codes[self.rows]]
        self.sizes = bags.sizes[kept]
        if k is None:
            self.shares = bags.proportions[kept]
            self.counts = bags.count_table()[kept]
        else:
            self.shares = bags.proportions[kept, k]
            self.counts = bags.counts(k)[kept]
        self.row_weight = np.ones(self.rows.size)
        if sample_weight is not None:
            self.row_weight = sample_weight[self.rows]
        self.weights = np.bincount(self.codes, self.row_weight)
        self.bags = bags._replace(
            ids=bags.ids[kept],
            codes=self.codes,
            sizes=self.sizes,
            proportions=bags.proportions[kept],
        )

    def gather(self):
        """Return the matrix that sums up the rows of each bag."""
        shape = (self.sizes.size, self.codes.size)
        rows = np.arange(self.codes.size)
        ones = np.ones(self.codes.size)
        return sparse.csr_array((ones, (self.codes, rows)), shape=shape)

    @property
    def certain(self):
        """The share of all bags that count, if it is 0 or 1; else None."""
        shares = self.shares[self.weights > 0]
        if np.isin(shares[0], (0.0, 1.0)).all() and (shares == shares[0]).all():
            return shares[0]
        return None


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

    def __init__(
        self, C=1.0, *, fit_intercept=True, max_iter=1000, tol=1e-6, classes=None
    ):
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.classes = classes

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
        self.C = C
        self.loss = loss
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.classes = classes

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
