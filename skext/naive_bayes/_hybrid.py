"""Logistic regression that starts from a generative solution."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.naive_bayes._base import MomentClassifier
from skext.naive_bayes._hybrid_solver import (
    HybridProblem,
    class_log_proba,
    solve_hybrid,
    unpack,
)
from skext.naive_bayes._lda import ShrinkageLDA
from skext.naive_bayes._loo.scores import loo_scores
from skext.naive_bayes._probe import LinearGaussianNB
from skext.utils._labels import read_labels, refuse_fractions
from skext.utils._probabilities import best_class
from skext.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from skext.utils._tables import validate_table
from skext.utils._warnings import warn_user


class Stage(NamedTuple):
    """A fitted prior and the problem that it leaves to logistic regression.

    Attributes
    ----------
    prior : estimator object
        Fitted generative probe.
    center : ndarray of shape (n_features,)
        Mean of the rows.
    scale : float
        Root of the mean variance of the features.
    unit : float
        Root of the mean square of the scores.
    problem : HybridProblem
        Scaled scores and features, classes and weights.
    """

    prior: object
    center: np.ndarray
    scale: float
    unit: float
    problem: HybridProblem


def _columns(scores):
    """Return scores of many classes, or the difference of the scores of two."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim == 1:
        return scores[:, np.newaxis]
    return scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else scores


def _training_scores(prior, X, y, weights):
    """Return scores of each row by a prior that has not seen it."""
    if isinstance(prior, FrozenEstimator):
        scores = _columns(prior.decision_function(X))
    else:
        scores = _columns(loo_scores(prior, X, y, weights))
        # Rows that are alone in their class have none; theirs shall say nothing.
        scores[~np.isfinite(scores).all(axis=1)] = 0.0
    if scores.shape[1] > 1:
        scores -= scores.mean(axis=1, keepdims=True)
    return scores


def make_stage(prior, X, y, codes, weights):
    """Scale features and scores to about one, whatever their units.

    Parameters
    ----------
    prior : estimator object
        Fitted generative probe.
    X : ndarray of shape (n_samples, n_features)
        Training rows.
    y, codes : ndarray of shape (n_samples,)
        Labels and class indices.
    weights : ndarray of shape (n_samples,)
        Positive sample weights.

    Returns
    -------
    stage : Stage
        The problem and what it was scaled with.
    """
    total = weights.sum()
    center = weights @ X / total
    Z = X - center
    squares = Z**2
    spread = np.sqrt(weights @ squares / total)
    # Without any variance there is nothing to be learnt from the features.
    scale = float(np.sqrt(weights @ squares.mean(axis=1) / total)) or 1.0
    Z /= scale
    spread = np.where(spread > 2.0**-50 * np.abs(center), spread / scale, 1.0)
    scores = _training_scores(prior, X, y, weights)
    unit = float(np.sqrt(weights @ (scores**2).mean(axis=1) / total)) or 1.0
    scores /= unit
    problem = HybridProblem(scores, Z, codes, weights, float(total), spread)
    return Stage(prior, center, scale, unit, problem)


def combined_scores(stage, solution, X):
    """Return scores of all classes, or one column with the difference of two."""
    scores = _columns(stage.prior.decision_function(X)) * (solution.tau / stage.unit)
    scores += (X - stage.center) @ (solution.delta.T / stage.scale)
    return scores + solution.offset


class GenerativeLogisticRegression(ClassifierMixin, SkextMixin, BaseEstimator):
    r"""Logistic regression that is shrunk to naive Bayes or LDA instead of to zero.

    This estimator is experimental: its parameters and defaults may change.

    The scores are :math:`\tau s_k(x) + \delta_k \cdot z + e_k` with the scores
    :math:`s` of a generative probe and standardized features :math:`z`. Sought are
    the factor :math:`\tau \ge 0`, corrections :math:`\delta` and offsets :math:`e`
    that minimize

    .. math:: \sum_i w_i \log \frac{1}{p(y_i | x_i)}
        + \frac1{2C} \sum_k \|\delta_k\|^2 .

    A small ``C`` gives the generative probe with calibrated probabilities, a large
    one logistic regression.

    Parameters
    ----------
    prior : {"nb", "lda"} or estimator, default="nb"
        The generative probe: :class:`LinearGaussianNB`, :class:`ShrinkageLDA`, or
        one of this package's closed-form probes with other parameters, which is
        cloned and fitted. A fitted :class:`~sklearn.frozen.FrozenEstimator` with a
        ``decision_function`` is used as it is; fit it on other rows than these.
    C : float, default=1.0
        Inverse strength of the penalty. Ignored if ``Cs`` is given. With infinity
        there is a warning if some rows can be separated, since there is no optimum.
    Cs : int or array-like of shape (n_Cs,), default=None
        Strengths to choose from by the log loss in cross-validation; a number asks
        for as many between 1e-4 and 1e4, evenly spaced in the logarithm.
    cv : int, cross-validation generator or iterable, default=None
        Splits for ``Cs``; None is five stratified folds.
    max_iter : int, default=200
        Most iterations of L-BFGS.
    tol : float, default=1e-4
        Largest entry of the gradient of the mean loss at the end.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted class labels.
    prior_ : estimator object
        The fitted generative probe.
    C_ : float
        Inverse strength that was used.
    Cs_ : ndarray of shape (n_Cs,)
        Strengths that were tried, increasing. Only with ``Cs``.
    cv_log_loss_ : ndarray of shape (n_folds, n_Cs)
        Log loss of each. Only with ``Cs``.
    tau_ : float
        Factor of the scores of ``prior_``.
    delta_ : ndarray of shape (n_classes, n_features) or (1, n_features)
        Corrections, for features minus ``center_`` over ``scale_``; one row for two
        classes.
    offset_ : ndarray of shape (n_classes,) or (1,)
        Offsets of the classes.
    center_ : ndarray of shape (n_features,)
        Mean of the training rows.
    scale_ : float
        Root of the mean variance of the features.
    coef_ : ndarray of shape (n_classes, n_features) or (1, n_features)
        Weights of raw features in the decision function, prior included. Only if
        the prior has them.
    intercept_ : ndarray of shape (n_classes,) or (1,)
        Constants of the decision function. Only if the prior has them.
    n_iter_ : int
        Iterations of the last solution.
    n_features_in_ : int
        Number of features seen during ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of features seen during ``fit``. Only if they are all strings.

    See Also
    --------
    LinearGaussianNB : The prior "nb".
    ShrinkageLDA : The prior "lda".
    sklearn.linear_model.LogisticRegressionCV : Shrunk to zero.

    Notes
    -----
    While training, each row gets the scores of a probe that was fitted without it,
    in closed form. With scores of the probe that has seen the row, training data
    that the probe separates would make :math:`\delta = 0` the solution whatever
    ``C``. Rows that are alone in their class have no such scores and are left to
    :math:`\delta` and :math:`e`.

    The factor is bounded below by zero. Leaving a row out makes the score of its own
    class worse, so a negative factor, balanced by :math:`\delta`, would predict the
    training labels perfectly and nothing else. With the bound, a large ``C`` makes
    the factor fall to zero and leaves plain logistic regression.

    Features are scaled by one common number; if their units differ, standardize them
    first, as for logistic regression. With ``C=numpy.inf`` units do not matter. Rows
    with weight zero are left out. The loss is a sum over rows: weights times a constant
    are ``C`` times that constant. Each iteration costs two matrix products,
    O(n_samples * n_features * n_classes).

    References
    ----------
    .. [1] Andrew Y. Ng and Michael I. Jordan, "On Discriminative vs. Generative
       Classifiers: A comparison of logistic regression and naive Bayes", Advances
       in Neural Information Processing Systems 14, 2001.
    .. [2] Chenyu Zheng, Guoqiang Wu, Fan Bao, Yue Cao, Chongxuan Li and Jun Zhu,
       "Revisiting Discriminative vs. Generative Classifiers: Theory and
       Implications", International Conference on Machine Learning, 2023.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skext.naive_bayes import GenerativeLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = scale(X)
    >>> model = GenerativeLogisticRegression(Cs=5).fit(X[:100], y[:100])
    >>> model.score(X[100:], y[100:]) > 0.93
    True
    """

    _parameter_constraints: dict = {
        "prior": [StrOptions({"nb", "lda"}), HasMethods(["fit", "decision_function"])],
        "C": [Interval(Real, 0, None, closed="right")],
        "Cs": [Interval(Integral, 1, None, closed="left"), "array-like", None],
        "cv": ["cv_object"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, prior="nb", C=1.0, Cs=None, cv=None, max_iter=200, tol=1e-4):
        self.prior = prior
        self.C = C
        self.Cs = Cs
        self.cv = cv
        self.max_iter = max_iter
        self.tol = tol

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the prior, then what is to be added to it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; rows with weight zero are left out.

        Returns
        -------
        self : GenerativeLogisticRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is one class only, or the prior knows other classes or is not
            one of those that are described above.
        """
        X, y = validate_table(self, X, read_labels(y), dtype=np.float64)
        refuse_fractions(np.unique(y))
        check_classification_targets(y)
        weights = np.ones(y.size)
        if sample_weight is not None:
            weights = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        kept = np.flatnonzero(weights > 0)
        classes = np.unique(y[kept])
        if classes.size < 2:
            raise ValueError(
                f"y has one class only, {classes.tolist()}; add rows of another class."
            )
        data = X, y, np.searchsorted(classes, y), weights
        for name in ("Cs_", "cv_log_loss_"):
            vars(self).pop(name, None)
        self.C_ = self.C if self.Cs is None else self._choose_strength(*data)
        if kept.size < y.size:
            data = [array[kept] for array in data]
        prior = self._fit_prior(data[0], data[1], data[3])
        stage = make_stage(prior, *data)
        found = solve_hybrid(
            stage.problem,
            self.C_,
            stage.problem.start(),
            max_iter=self.max_iter,
            tol=self.tol,
        )
        self._warn_unless_converged(found)
        if np.isinf(self.C_) and found.converged:
            self._warn_if_unbounded(stage.problem, found)
        self.classes_ = classes
        self.prior_ = stage.prior
        self.tau_ = found.tau / stage.unit
        self.delta_, self.offset_ = found.delta, found.offset
        self.center_, self.scale_ = stage.center, stage.scale
        self.n_iter_ = max(found.n_iter, 1)
        self._publish_coefficients()
        return self

    def decision_function(self, X):
        """Compute the scores whose largest decides.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number per row, positive for ``classes_[1]``.
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            A label of ``classes_`` for each row.
        """
        labels = best_class(self._scores(X)).astype(np.intp)
        return self.classes_[labels]

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return class_log_proba(self._scores(X))

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return np.exp(self.predict_log_proba(X))

    def _scores(self, X):
        check_is_fitted(self)
        X = validate_table(self, X, reset=False, dtype=np.float64)
        scores = self.tau_ * _columns(self.prior_.decision_function(X))
        scores += (X - self.center_) @ (self.delta_.T / self.scale_)
        return scores + self.offset_

    def _fit_prior(self, X, y, weights):
        """Return the fitted generative probe."""
        if isinstance(self.prior, FrozenEstimator):
            check_is_fitted(self.prior)
            if not np.array_equal(self.prior.classes_, np.unique(y)):
                raise ValueError(
                    f"prior knows the classes {self.prior.classes_.tolist()} and must "
                    f"know those of y, {np.unique(y).tolist()}; fit it on all of them."
                )
            return self.prior
        if isinstance(self.prior, MomentClassifier):
            prior = clone(self.prior)
        elif isinstance(self.prior, str):
            prior = LinearGaussianNB() if self.prior == "nb" else ShrinkageLDA()
        else:
            raise ValueError(
                f"prior={self.prior!r} must be 'nb', 'lda', a closed-form probe of "
                "skext.naive_bayes or a FrozenEstimator; fit it on other rows and wrap "
                "it in sklearn.frozen.FrozenEstimator."
            )
        return prior.fit(X, y, sample_weight=weights)

    def _choose_strength(self, X, y, codes, weights):
        """Return the strength with the smallest log loss in cross-validation."""
        strengths = self.Cs
        if isinstance(strengths, Integral):
            strengths = np.logspace(-4, 4, strengths)
        strengths = np.unique(np.asarray(strengths, dtype=np.float64))
        if strengths.ndim != 1 or not strengths.size or not strengths.min() > 0:
            raise ValueError(f"Cs={self.Cs!r} must be positive numbers.")
        n_classes = np.unique(codes[weights > 0]).size
        losses, sizes = [], []
        for train, test in self._split(X, y, weights):
            if not test.size:
                continue
            if np.unique(codes[train]).size < n_classes:
                raise ValueError(
                    f"cv={self.cv!r} leaves no training row of some class in a fold; "
                    "use fewer folds, or C instead of Cs."
                )
            fold = X[train], y[train], codes[train], weights[train]
            stage = make_stage(self._fit_prior(*fold[:2], fold[3]), *fold)
            losses.append(
                [
                    -np.average(
                        class_log_proba(combined_scores(stage, found, X[test]))[
                            np.arange(test.size), codes[test]
                        ],
                        weights=weights[test],
                    )
                    for found in self._path(stage, strengths)
                ]
            )
            sizes.append(weights[test].sum())
        self.Cs_, self.cv_log_loss_ = strengths, np.array(losses)
        mean = np.average(self.cv_log_loss_, axis=0, weights=sizes)
        return float(strengths[mean.argmin()])

    def _split(self, X, y, weights):
        """Yield folds without rows of weight zero."""
        cv = 5 if self.cv is None else self.cv
        kept = np.flatnonzero(weights > 0)
        if isinstance(cv, Integral) or hasattr(cv, "split"):
            splitter = check_cv(cv, y[kept], classifier=True)
            for train, test in splitter.split(X[kept], y[kept]):
                yield kept[train], kept[test]
            return
        # Numbers of rows count all of them.
        for train, test in check_cv(cv, y, classifier=True).split(X, y):
            yield tuple(rows[weights[rows] > 0] for rows in (train, test))

    def _path(self, stage, strengths):
        """Yield the solutions for increasing strengths, each from the last one."""
        start = stage.problem.start()
        for C in strengths:
            found = solve_hybrid(
                stage.problem, C, start, max_iter=self.max_iter, tol=self.tol
            )
            start = found.parameters
            yield found

    def _warn_unless_converged(self, found):
        if not found.converged:
            warn_user(
                f"L-BFGS stopped after {found.n_iter} iterations with a gradient of "
                f"{found.gradient:.2g} instead of {self.tol:.2g}; increase max_iter or "
                "standardize the features.",
                ConvergenceWarning,
            )

    def _warn_if_unbounded(self, problem, found):
        """Look for rows whose scores go on growing without a penalty."""
        further = solve_hybrid(
            problem,
            self.C_,
            found.parameters,
            max_iter=self.max_iter,
            tol=1e-3 * self.tol,
        )
        step = further.parameters - found.parameters
        tau, offset, delta = unpack(step, problem.scores.shape[1])
        moved = np.abs(tau * problem.scores + problem.Z @ delta.T + offset)
        if moved.max() > 1.0:
            warn_user(
                "At C=inf there seems to be no finite optimum, because some rows can "
                "be separated and scores grow without bound; choose a finite C.",
                ConvergenceWarning,
            )

    def _publish_coefficients(self):
        """Set the weights of raw features if the prior has them."""
        for name in ("coef_", "intercept_"):
            self.__dict__.pop(name, None)
        coef = getattr(self.prior_, "coef_", None)
        if coef is None:
            return
        delta = self.delta_ / self.scale_
        self.coef_ = self.tau_ * coef + delta
        shift = self.offset_ - delta @ self.center_
        self.intercept_ = self.tau_ * self.prior_.intercept_ + shift
