"""Linear classifiers whose loss is one of bags."""

from numbers import Integral, Real

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit, xlogy
from sklearn.exceptions import ConvergenceWarning

from skext.label_proportions._base import (
    BaseLLPClassifier,
    ConstantModel,
    LinearModel,
    ScoreModel,
)
from skext.utils._sklearn import Interval, StrOptions, fit_context
from skext.utils._warnings import warn_user

__all__ = ["DLLPClassifier", "EasyLLPClassifier"]

_TINY = 1e-300
_POLISHES = 3
_MAX_POLISHED = 500
_DIFFERENCE = 1e-5


def _polish(gradient, x, free, tol):
    """Take Newton steps where a line search cannot tell values apart any more.

    The Hessian comes from differences of gradients, whose error only costs steps.
    """
    slope = gradient(x)
    index = np.arange(x.size)[free]
    if index.size > _MAX_POLISHED:
        return x
    hessian = np.empty((index.size, index.size))
    for row, j in enumerate(index):
        step = np.zeros(x.size)
        step[j] = _DIFFERENCE
        change = gradient(x + step) - gradient(x - step)
        hessian[row] = change[index] / (2 * _DIFFERENCE)
    hessian = 0.5 * (hessian + hessian.T)
    for _ in range(_POLISHES):
        if np.abs(slope).max() <= tol:
            break
        moved = x.copy()
        moved[index] -= np.linalg.lstsq(hessian, slope[index])[0]
        new = gradient(moved)
        if not np.abs(new).max() < np.abs(slope).max():
            break
        x, slope = moved, new
    return x


def minimize_linear(
    X, loss, C, *, total_weight, fit_intercept, max_iter, tol, name, linear=None
):
    """Minimize ``C * loss(scores) + |coef|^2 / 2`` over linear scores.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    loss : callable
        Maps scores of shape (n_samples,) to the loss and its gradient.
    C : float
        Inverse strength of the penalty; infinity is none.
    total_weight : float
        Weight of all rows, by which the objective is divided.
    fit_intercept : bool
        Whether there is a constant, which is not penalized.
    max_iter : int
        Largest number of iterations.
    tol : float
        Largest entry of the gradient.
    name : str
        Of the estimator, for the warning.
    linear : tuple of ndarray of shape (n_features,) and float, default=None
        What is taken from the loss for each unit of the weights and the constant.

    Returns
    -------
    model : LinearModel
        The solution.
    n_iter : int
        Number of iterations.
    """
    n_features = X.shape[1]
    scale = 1.0 / total_weight
    penalty = 0.0 if np.isinf(C) else scale / C

    def objective(parameters):
        coef, intercept = parameters[:n_features], parameters[n_features]
        value, slope = loss(X @ coef + intercept)
        gradient = np.empty_like(parameters)
        gradient[:n_features] = scale * (X.T @ slope) + penalty * coef
        gradient[n_features] = scale * slope.sum() if fit_intercept else 0.0
        if linear is not None:
            value = value - linear[0] @ coef - linear[1] * intercept
            gradient[:n_features] -= scale * linear[0]
            gradient[n_features] -= scale * linear[1] * fit_intercept
        return scale * value + 0.5 * penalty * (coef @ coef), gradient

    found = minimize(
        objective,
        np.zeros(n_features + 1),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": max_iter,
            "maxfun": 20 * max_iter,
            "gtol": tol,
            "ftol": 0.0,
        },
    )
    n_iter, parameters = found.nit, found.x
    if found.status != 1 and np.abs(found.jac).max() > tol:
        free = slice(None) if fit_intercept else slice(n_features)
        parameters = _polish(lambda x: objective(x)[1], parameters, free, tol)
    if found.status == 1:
        warn_user(
            f"{name} did not converge in {n_iter} iterations; increase max_iter or "
            "scale the features.",
            ConvergenceWarning,
        )
    return LinearModel(parameters[:n_features], float(parameters[n_features])), n_iter


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
        self.coef_ = np.array([getattr(m, "coef", nothing) for m in self._models])
        self.intercept_ = np.array(
            [
                logit(m.probability) if isinstance(m, ConstantModel) else m.intercept
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
            Scores of ``classes_[1]``, or of each class if there are more than two:
            log-odds, but for a squared loss.
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
        model, n_iter = minimize_linear(
            X,
            self._loss(known),
            self.C,
            total_weight=known.row_weight.sum(),
            fit_intercept=self.fit_intercept,
            max_iter=self._most_iterations(),
            tol=self.tol,
            name=type(self).__name__,
        )
        self._n_iter.append(n_iter)
        return self._as_model(model)

    def _as_model(self, model):
        """Return the model that turns scores into probabilities."""
        return model

    def _most_iterations(self):
        return self.max_iter

    def _loss(self, bags):
        """Return the loss as a function of scores."""
        raise NotImplementedError


class KnownBags:
    """Bags with known proportions and their rows, numbered anew.

    Parameters
    ----------
    bags : Bags
        All bags.
    k : int
        Number of the class.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of all rows.
    """

    def __init__(self, bags, k, sample_weight):
        kept = bags.known()
        self.rows = np.flatnonzero(np.append(kept, False)[bags.codes])
        self.codes = (np.cumsum(kept) - 1)[bags.codes[self.rows]]
        self.sizes = bags.sizes[kept]
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

    @property
    def certain(self):
        """The share of all bags that count, if it is 0 or 1; else None."""
        shares = self.shares[self.weights > 0]
        if shares[0] in (0.0, 1.0) and (shares == shares[0]).all():
            return float(shares[0])
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
        Largest entry of the gradient of the mean loss at the solution.
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
    convex; the start is zero. With bags of one row it is logistic regression. Scale
    the features first. More than two classes are fitted one against the rest.

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

    def _loss(self, bags):
        def loss(scores):
            p, q = expit(scores), expit(-scores)
            mean = np.bincount(bags.codes, p) / bags.sizes
            rest = np.bincount(bags.codes, q) / bags.sizes
            mean, rest = np.maximum(mean, _TINY), np.maximum(rest, _TINY)
            cross = -xlogy(bags.shares, mean) - xlogy(1 - bags.shares, rest)
            slope = (1 - bags.shares) / rest - bags.shares / mean
            slope *= bags.weights / bags.sizes
            return bags.weights @ cross, slope[bags.codes] * p * q

        return loss


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
        Largest entry of the gradient of the mean loss at the solution.
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
    More than two classes are fitted one against the rest.

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

    def _loss(self, bags):
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

        return log_loss if self.loss == "log" else squared_loss

    def _as_model(self, model):
        if self.loss == "log":
            return model
        return ScoreModel(model.coef, model.intercept)
