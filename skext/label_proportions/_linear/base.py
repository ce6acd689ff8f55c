"""What linear classifiers of bags have in common."""

from numbers import Integral, Real

import numpy as np
from scipy.special import logit

from skext.label_proportions._core.base import BaseLLPClassifier
from skext.label_proportions._core.models import ConstantModel
from skext.label_proportions._linear.solver import choose_units, minimize_linear
from skext.utils._sklearn import Interval, fit_context


class BaseLinearLLPClassifier(BaseLLPClassifier):
    """Base of the linear classifiers."""

    _parameter_constraints: dict = {
        "C": [Interval(Real, 0, None, closed="right")],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "classes": ["array-like", None],
    }

    def __init__(
        self, C=1.0, *, fit_intercept=True, max_iter=1000, tol=1e-6, classes=None
    ):
        self.C = C
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.classes = classes

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
        told = self._fit_models(self._check_fit(X, y, sample_weight, bags))
        self.n_iter_ = max([1, *filter(None, told)])
        self._set_attributes()
        return self

    def _set_attributes(self):
        """Set weights and constants; those of a constant model are 0 and infinite."""
        parts = [_linear_part(model, self.n_features_in_) for model in self._models]
        if parts[0][0].ndim == 2:
            self.coef_, self.intercept_ = parts[0]
        else:
            self.coef_ = np.array([coef for coef, _ in parts])
            self.intercept_ = np.array([intercept for _, intercept in parts])

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

    def _fit_known(self, X, known):
        X, units = choose_units(X, known.row_weight, self.C, self.fit_intercept)
        make_loss = self._loss if known.n_classes is None else self._classes_loss
        loss, linear = make_loss(X, known, units)
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
            n_classes=known.n_classes,
        )
        return self._as_model(model), n_iter

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


def _linear_part(model, n_features):
    """Return weights and constants, zero and infinite for a constant model."""
    if not isinstance(model, ConstantModel):
        return model.coef, model.intercept
    with np.errstate(divide="ignore"):
        intercept = np.log(model.proba) if model.proba.ndim else logit(model.proba)
    return np.zeros((*model.proba.shape, n_features)), intercept
