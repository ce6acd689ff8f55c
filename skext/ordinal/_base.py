"""What the ordinal classifiers have in common: checking, classes, prediction."""

import copy
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.ordinal._solver.links import MIRRORED_LINK
from skext.ordinal._solver.repair import (
    class_probabilities,
    crossing_rows,
    cumulative_probabilities,
)
from skext.ordinal._solver.separation import (
    MAX_ITER,
    TINY_TOL,
    is_held,
    tiny_penalty,
    warn_if_unbounded,
)
from skext.utils._class_order import declared_order, encode, resolve_order
from skext.utils._class_weights import class_factors
from skext.utils._labels import read_labels, refuse_fractions
from skext.utils._sklearn import Interval, StrOptions, check_sample_weight
from skext.utils._tables import validate_table
from skext.utils._warnings import warn_user


class TrainingData(NamedTuple):
    """Rows for a solver: only classes that have rows of positive weight."""

    X: object
    """{ndarray, sparse matrix} of shape (n_samples, n_features)."""
    y: np.ndarray
    """Positions among the classes of ``present``, shape (n_samples,)."""
    sample_weight: np.ndarray | None
    """Class weights included, shape (n_samples,)."""
    present: np.ndarray
    """Ordinal positions of the classes with rows, shape (n_present,)."""


# Parameters that describe the model, and those of a sequence of penalties.
MODEL_CONSTRAINTS: dict = {
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "link": [StrOptions(set(MIRRORED_LINK))],
    "class_order": ["array-like", None],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "standardize": ["boolean"],
    "penalty_factor": ["array-like", None],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
}
GRID_CONSTRAINTS: dict = {
    "alphas": ["array-like", None],
    "n_alphas": [Interval(Integral, 1, None, closed="left")],
    "eps": [Interval(Real, 0, 1, closed="neither")],
}


def select_training_data(X, positions, order, sample_weight, class_weight):
    """Weight rows and leave out what has no weight.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Validated table.
    positions : ndarray of shape (n_samples,)
        Ordinal position of the class of each row.
    order : ClassOrder
        The classes.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    class_weight : {"balanced"}, dict or None
        Factors by class.

    Returns
    -------
    data : TrainingData
        What a solver takes.
    """
    if sample_weight is not None and not sample_weight.all():
        rows = np.flatnonzero(sample_weight)
        X, positions, sample_weight = X[rows], positions[rows], sample_weight[rows]
    present, y = np.unique(positions, return_inverse=True)
    factors = class_factors(
        class_weight, positions, order.ordered, sample_weight, names=order.names
    )
    if factors is not None:
        weight = factors[positions]
        sample_weight = weight if sample_weight is None else weight * sample_weight
        if not weight.all():
            rows = np.flatnonzero(weight)
            X, sample_weight = X[rows], sample_weight[rows]
            present, y = np.unique(positions[rows], return_inverse=True)
    if present.size < 2:
        found = order.ordered[present].tolist()
        raise ValueError(
            f"y has rows of positive weight from {len(found)} "
            f"class{'es' * (not found)}: {found}, and must have some from at least 2 "
            "classes; add rows of others."
        )
    return TrainingData(X, y, sample_weight, present)


def check_alphas(alphas):
    """Return strengths in decreasing order, or None.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,) or None
        The parameter.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,) or None
        Finite and not negative.
    """
    if alphas is None:
        return None
    found = np.asarray(alphas, dtype=np.float64)
    if found.ndim != 1 or found.size == 0 or not np.isfinite(found).all():
        raise ValueError(
            f"alphas={alphas!r} must be a list of finite numbers; None makes one."
        )
    if found.min() < 0:
        raise ValueError(f"alphas={alphas!r} must not be negative; 0 is no penalty.")
    return np.sort(found)[::-1].copy()


def check_penalty_factor(penalty_factor, n_features):
    """Return the factors as an array, or None.

    Parameters
    ----------
    penalty_factor : array-like of shape (n_features,) or None
        The parameter.
    n_features : int
        Number of columns of the table.

    Returns
    -------
    penalty_factor : ndarray of shape (n_features,) or None
        Finite and not negative.
    """
    if penalty_factor is None:
        return None
    factor = np.asarray(penalty_factor, dtype=np.float64)
    if factor.shape != (n_features,):
        raise ValueError(
            f"penalty_factor of shape {factor.shape} must have one entry for each of "
            f"the {n_features} features; give all of them, 1 is neutral."
        )
    if not (np.isfinite(factor) & (factor >= 0)).all():
        raise ValueError(
            f"penalty_factor={factor.tolist()} must be finite and not negative; use 0 "
            "for features without a penalty."
        )
    return factor


def spread_thresholds(present, n_classes):
    """Return which fitted threshold stands at each threshold of all classes.

    A class without rows has probability zero, because its two thresholds coincide;
    before the first class that has rows the threshold is minus infinity, after the
    last one it is plus infinity.

    Parameters
    ----------
    present : ndarray of shape (n_present,)
        Ordinal positions of the classes that have rows, increasing.
    n_classes : int
        Number of classes, those without rows included.

    Returns
    -------
    source : ndarray of shape (n_classes - 1,)
        Index of the fitted threshold; -1 and ``n_present - 1`` are the infinite ones.
    """
    return np.searchsorted(present, np.arange(n_classes - 1), side="right") - 1


def spread_model(thresholds, coef, present, n_classes):
    """Give thresholds and weights to the classes without rows, too.

    Parameters
    ----------
    thresholds : ndarray of shape (n_present - 1,)
        Between the classes that have rows.
    coef : {ndarray, sparse matrix} of shape (n_present - 1, n_features) or \
(n_features,)
        Weights, of each threshold or shared.
    present : ndarray of shape (n_present,)
        Ordinal positions of the classes that have rows.
    n_classes : int
        Number of all classes.

    Returns
    -------
    thresholds : ndarray of shape (n_classes - 1,)
        A class without rows is between equal ones, or beyond an infinite one.
    coef : ndarray of shape (n_classes - 1, n_features) or (n_features,)
        Weights that go with them.
    """
    source = spread_thresholds(present, n_classes)
    padded = np.concatenate(([-np.inf], thresholds, [np.inf]))
    coef = np.asarray(coef.toarray() if hasattr(coef, "toarray") else coef)
    if coef.ndim == 2:
        coef = coef[np.clip(source, 0, len(coef) - 1)]
    return padded[source + 1], np.array(coef, order="C")


def spread_path(path, present, n_classes):
    """Give the models of a path thresholds for classes without rows, too.

    Parameters
    ----------
    path : LinearPath
        Models of the classes that have rows.
    present : ndarray of shape (n_present,)
        Ordinal positions of these classes.
    n_classes : int
        Number of all classes.

    Returns
    -------
    thresholds : ndarray of shape (n_alphas, n_classes - 1)
        Thresholds.
    coefs : ndarray of shape (n_alphas, n_classes - 1, n_features), \
(n_alphas, n_features) or list
        Weights, of the kind that they are in ``path``.
    """
    if present.size == n_classes:
        return path.thresholds, path.coefs
    pairs = [
        spread_model(thresholds, coef, present, n_classes)
        for thresholds, coef in zip(path.thresholds, path.coefs, strict=True)
    ]
    coefs = [coef for _, coef in pairs]
    if isinstance(path.coefs, list):
        coefs = [type(path.coefs[0])(coef) for coef in coefs]
    else:
        coefs = np.array(coefs)
    return np.array([thresholds for thresholds, _ in pairs]), coefs


def warn_not_converged(path, name, tol):
    """Warn once about all models of a path that missed the tolerance."""
    missed = np.flatnonzero(~path.converged)
    if missed.size == 0:
        return
    worst = missed[np.argmax(path.kkt_violation[missed])]
    where = f" for {missed.size} of {path.alphas.size} alphas" * (path.alphas.size > 1)
    alpha, violation = path.alphas[worst], path.kkt_violation[worst]
    if violation <= tol:
        # Gradients vanish on the way to infinity, too.
        reason = f"at alpha={alpha:.3g} there seems to be no finite optimum, because "
        reason += "the classes can be separated; increase alpha."
    else:
        reason = (
            f"the optimality violation is {violation:.3g} at alpha={alpha:.3g}, asked "
            f"is tol={tol:.3g}. Increase max_iter or tol; if the classes can be "
            "separated, increase alpha."
        )
    warn_user(f"{name} did not converge{where}: {reason}", ConvergenceWarning)


class BaseOrdinal(ClassifierMixin, SkextMixin, BaseEstimator, metaclass=ABCMeta):
    """Prediction from thresholds and weights; subclasses have the fit."""

    # How rows that cross are repaired; rows with shared weights never do.
    crossing = "isotonic"

    def _check_training_set(self, X, y, sample_weight):
        """Validate; return the table, positions, order and weights of the rows."""
        declared = declared_order(y)
        X, y = validate_table(
            self,
            X,
            read_labels(y),
            accept_sparse=("csr", "csc"),
            dtype=np.float64,
            order="C",
        )
        labels = np.unique(y)
        refuse_fractions(labels)
        check_classification_targets(y)
        order = resolve_order(labels, self.class_order, declared)
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        return X, encode(y, order), order, sample_weight

    @abstractmethod
    def _solve(self, data, *, start=None, n_jobs=None, **grid):
        """Return a LinearPath for the strengths that ``grid`` describes."""

    def _fit_one(self, X, y, sample_weight):
        """Fit the model of the parameter ``alpha``."""
        X, positions, order, weight = self._check_training_set(X, y, sample_weight)
        data = select_training_data(X, positions, order, weight, self.class_weight)
        start = self._previous_start(order, data.present, X.shape[1])
        path = self._solve(data, start=start, alphas=[self.alpha])
        warn_not_converged(path, type(self).__name__, self.tol)
        self._warn_if_unbounded(path, 0, data)
        return self._publish(path, 0, order, data.present)

    def _warn_if_unbounded(self, path, index, data, name=None):
        """Look for weights that nothing holds."""
        alpha, n_features = path.alphas[index], data.X.shape[1]
        given = (
            check_penalty_factor(self.penalty_factor, n_features),
            n_features,
            getattr(self, "main_weight", 1.0),
            getattr(self, "fusion_weight", np.inf),
        )
        if is_held(alpha, given[0], *given[2:]):
            return

        def solve(start, tiny):
            again = copy.copy(self)
            strength, again.penalty_factor, *weights = tiny_penalty(alpha, tiny, *given)
            if hasattr(self, "main_weight"):
                again.main_weight, again.fusion_weight = weights
            again.tol, again.max_iter = TINY_TOL, MAX_ITER
            return again._solve(data, start=start, alphas=[strength])

        warn_if_unbounded(
            path,
            index,
            data,
            self.link,
            solve,
            name=name or type(self).__name__,
            tol=self.tol,
            has_barrier=getattr(self, "non_crossing", None) is not None,
            features=getattr(self, "feature_names_in_", None),
        )

    def _previous_start(self, order, present, n_features):
        """Return thresholds and weights of an earlier fit of the same shape."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        if (
            self.coef_.shape[-1] != n_features
            or not np.array_equal(self._present, present)
            or not np.array_equal(self.ordered_classes_, order.ordered)
        ):
            return None
        return self._finite_part()

    def _finite_part(self):
        """Return the thresholds between classes with rows, and their weights."""
        kept = self._present[:-1]
        coef = self.coef_ if self.coef_.ndim == 1 else self.coef_[kept]
        return self.thresholds_[kept], coef

    def _publish(self, path, index, order, present):
        """Set the attributes that describe one model of a path."""
        self.classes_ = order.classes
        self.ordered_classes_ = order.ordered
        self._present = present
        self._link = self.link
        self.thresholds_, self.coef_ = spread_model(
            path.thresholds[index], path.coefs[index], present, order.ordered.size
        )
        self.objective_ = float(path.objective[index])
        self.kkt_violation_ = float(path.kkt_violation[index])
        self.n_iter_ = int(path.n_iter[index])
        return self

    def _check_input(self, X):
        """Validate rows to predict."""
        check_is_fitted(self)
        return validate_table(
            self,
            X,
            reset=False,
            accept_sparse=("csr", "csc"),
            dtype=np.float64,
            order="C",
        )

    def _finite_predictor(self, X):
        """Return the linear predictors between classes that have rows."""
        thresholds, coef = self._finite_part()
        scores = X @ coef.T
        return thresholds - (scores[:, np.newaxis] if scores.ndim == 1 else scores)

    def _ordered_proba(self, X):
        """Return probabilities of validated rows, columns in the ordinal order."""
        found = class_probabilities(
            self._finite_predictor(X), self._link, self.crossing
        )
        n_classes = self.ordered_classes_.size
        if self._present.size == n_classes:
            return found
        proba = np.zeros((found.shape[0], n_classes))
        proba[:, self._present] = found
        return proba

    def linear_predictor(self, X):
        """Compute the linear predictors, without any repair.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        eta : ndarray of shape (n_samples, n_classes - 1)
            ``thresholds_ - X @ coef_.T``; column k belongs to the probability of
            ``ordered_classes_[: k + 1]``. It decreases somewhere in rows that cross.
        """
        X = self._check_input(X)
        finite = self._finite_predictor(X)
        source = spread_thresholds(self._present, self.ordered_classes_.size)
        padded = np.pad(finite, ((0, 0), (1, 1)))
        padded[:, 0], padded[:, -1] = -np.inf, np.inf
        return padded[:, source + 1]

    def count_crossing(self, X):
        """Count the rows whose cumulative probabilities cross and need a repair.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        n_crossing : int
            Number of rows in which some linear predictor is below the one before.
        """
        X = self._check_input(X)
        return int(crossing_rows(self._finite_predictor(X)).size)

    def predict_cumulative_proba(self, X):
        """Predict the probability of each class or a lower one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        cumulative : ndarray of shape (n_samples, n_classes - 1)
            Column k is the probability of ``ordered_classes_[: k + 1]``; not
            decreasing along each row, since rows that cross are repaired.
        """
        X = self._check_input(X)
        found, _ = cumulative_probabilities(
            self._finite_predictor(X), self._link, self.crossing
        )
        source = spread_thresholds(self._present, self.ordered_classes_.size)
        padded = np.pad(found, ((0, 0), (1, 1)))
        padded[:, -1] = 1.0
        return padded[:, source + 1]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``, which is sorted, as scikit-learn's
            metrics expect; ``ordered_classes_`` has another order if labels do not
            sort as they are ranked.
        """
        X = self._check_input(X)
        ranks = np.argsort(self.ordered_classes_, kind="stable")
        return self._ordered_proba(X)[:, ranks]

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``; minus infinity for a class that had
            no rows.
        """
        proba = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(proba)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            A label of ``classes_`` for each row; the first one on ties.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_median(self, X):
        """Predict the median class, the best guess under absolute error.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The lowest class whose cumulative probability is at least one half.
        """
        cumulative = self.predict_cumulative_proba(X)
        return self.ordered_classes_[(cumulative < 0.5).sum(axis=1)]

    def predict_expected(self, X, scores=None):
        """Predict the expected score.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        scores : array-like of shape (n_classes,), default=None
            Value of each class, in the order of ``ordered_classes_``. None is
            0, 1, 2, ...

        Returns
        -------
        expected : ndarray of shape (n_samples,)
            Scores, weighted with the probabilities.

        Raises
        ------
        ValueError
            If ``scores`` does not have one entry for each class.
        """
        X = self._check_input(X)
        n_classes = self.ordered_classes_.size
        scores = np.arange(n_classes) if scores is None else np.asarray(scores)
        if scores.shape != (n_classes,):
            raise ValueError(
                f"scores of shape {scores.shape} must have one entry for each of the "
                f"{n_classes} classes, in the order {self.ordered_classes_.tolist()}."
            )
        return self._ordered_proba(X) @ scores.astype(np.float64)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        # Classes that are not in order along some direction cannot be told apart.
        tags.classifier_tags.poor_score = True
        return tags
