"""PRESTO: separate weights per threshold, shrunk towards proportional odds."""

from numbers import Real

import numpy as np

from skext.ordinal._base import (
    MODEL_CONSTRAINTS,
    BaseOrdinal,
    check_alphas,
    check_penalty_factor,
)
from skext.ordinal._solver.path import solve_path
from skext.utils._sklearn import Interval, StrOptions, fit_context

PRESTO_CONSTRAINTS: dict = {
    **MODEL_CONSTRAINTS,
    "main_weight": [Interval(Real, 0, None, closed="left")],
    "fusion_weight": [Interval(Real, 0, None, closed="both")],
    "anchor": [StrOptions({"first", "last"})],
    "non_crossing": [StrOptions({"train"}), None],
    "barrier": [Interval(Real, 0, None, closed="neither")],
    "solver": [StrOptions({"auto", "gram", "rows"})],
}


def differences(coef, anchor):
    """Return what the penalty sees: the weights of the anchor, and all changes.

    Parameters
    ----------
    coef : ndarray of shape (n_classes - 1, n_features)
        Weights.
    anchor : {"first", "last"}
        The threshold from which changes count.

    Returns
    -------
    differences : ndarray of shape (n_classes - 1, n_features)
        Row of the anchor: its weights; other rows: the change from the neighbour on
        the side of the anchor.
    """
    if anchor == "first":
        return np.diff(coef, axis=0, prepend=0.0)
    return -np.diff(coef, axis=0, append=0.0)


class BasePRESTO(BaseOrdinal):
    """What PRESTO and its cross-validation share; subclasses have the parameters."""

    def _solve(self, data, *, start=None, n_jobs=None, alphas=None, **grid):
        """Return models for some strengths."""
        return solve_path(
            data.X,
            data.y,
            data.present.size,
            data.sample_weight,
            alphas=check_alphas(alphas),
            main_weight=self.main_weight,
            fusion_weight=self.fusion_weight,
            l1_ratio=self.l1_ratio,
            standardize=self.standardize,
            penalty_factor=check_penalty_factor(
                self.penalty_factor, self.n_features_in_
            ),
            anchor=self.anchor,
            link=self.link,
            non_crossing=self.non_crossing,
            barrier=self.barrier,
            solver=self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            start=start,
            n_jobs=n_jobs,
            **grid,
        )

    def _publish(self, path, index, order, present):
        """Set the attributes that describe one model of a path."""
        super()._publish(path, index, order, present)
        self.difference_coef_ = differences(self.coef_, self.anchor)
        self.n_crossing_train_ = int(path.n_crossing[index])
        return self


class PRESTO(BasePRESTO):
    r"""Ordinal classifier between proportional odds and separate weights.

    The probability of the first classes is

    .. math:: P(y \le k \mid x) = F(\theta_k - x^\top w_k)

    with weights :math:`w_k` of their own for every threshold. Absolute values of the
    weights of the first threshold and of all *changes* from one threshold to the next
    are penalised, so that most changes are exactly zero. A rare last class borrows
    strength from the common ones as far as the data allow it [1]_. Minimised is

    .. math::

        -\frac1W \sum_i s_i \log P(y_i \mid x_i) + \alpha \sum_j c_j \Bigl(
        a\,|w_{0j}| + b \sum_{k \ge 1} |w_{kj} - w_{k-1,j}| \Bigr)

    with the weights :math:`s_i` of the rows, their sum :math:`W`, and features that
    are scaled to standard deviation one.

    Parameters
    ----------
    alpha : float, default=0.01
        Strength of the penalty. Beyond 0.05 to 0.4, as a rule, all weights are zero;
        :class:`PRESTOCV` finds a good value.
    main_weight : float, default=1.0
        Factor :math:`a` of the penalty of the weights of the anchor. With 0 they are
        free, and a large ``alpha`` gives proportional odds without penalty instead of
        weights that are all zero.
    fusion_weight : float, default=1.0
        Factor :math:`b` of the penalty of changes. ``numpy.inf`` allows none, which
        gives :class:`ProportionalOdds`.
    l1_ratio : float, default=1.0
        Share of absolute values in the penalty; the rest are halves of squares. With 0
        weights shrink smoothly and none is exactly zero.
    anchor : {"first", "last"}, default="first"
        The threshold whose weights are penalised themselves, and from which changes
        count. The same data with reversed classes need the other anchor.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function :math:`F`.
    class_order : array-like of shape (n_classes,), default=None
        All labels in order; they may include some that have no rows. None takes the
        order of an ordered categorical ``y``, else sorts the labels, with a warning
        if they are strings.
    class_weight : dict or "balanced", default=None
        Factors of the weights of rows, by label. They distort probabilities.
    standardize : bool, default=True
        Whether penalties are of weights for features with standard deviation one.
        Attributes always are for the features as given.
    penalty_factor : array-like of shape (n_features,), default=None
        Factor :math:`c_j` of the penalty of each feature, 0 for none; None is 1.
    non_crossing : {"train"} or None, default="train"
        With ``"train"`` no class may have a negative probability in any training row.
        None leaves that to ``crossing``.
    barrier : float, default=1e-4
        Strength of the barrier that keeps training rows from crossing. It only acts
        where the model would cross without it; smaller is closer to the optimum and
        slower.
    crossing : {"isotonic", "sort", "raise"}, default="isotonic"
        What happens to rows to predict whose cumulative probabilities decrease
        somewhere: pool neighbours to their mean, sort, or raise an error. Other rows
        are never touched. See :meth:`count_crossing`.
    tol : float, default=1e-5
        Largest violation of the optimality conditions, in units of ``alpha``.
    max_iter : int, default=100
        Largest number of Newton steps.
    solver : {"auto", "gram", "rows"}, default="auto"
        Whether quadratic models are stored as cross-products of features, best for few
        features, or solved by passes over the rows.
    warm_start : bool, default=False
        Whether to start from the last fit if classes and features are the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; the order of the columns of :meth:`predict_proba`.
    ordered_classes_ : ndarray of shape (n_classes,)
        Labels in the ordinal order; the order of all other attributes.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Thresholds :math:`\theta_k`.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        Weights :math:`w_k`; positive ones push to higher classes.
    difference_coef_ : ndarray of shape (n_classes - 1, n_features)
        What is penalised: the weights of the anchor in its row, and in the others the
        change from the neighbouring threshold on the side of the anchor.
    n_crossing_train_ : int
        Number of training rows in which some class has a negative probability before
        the repair.
    n_iter_ : int
        Number of Newton steps.
    kkt_violation_ : float
        Largest violation of the optimality conditions.
    objective_ : float
        Minimum: mean loss and penalty, without the barrier.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    PRESTOCV : Choose ``alpha`` by cross-validation.
    ProportionalOdds : One vector of weights for all thresholds.
    presto_path : Models for a sequence of penalties.

    Notes
    -----
    Limits of the family: a large ``alpha`` gives a model without features, not
    proportional odds, unless ``main_weight=0``; ``fusion_weight=numpy.inf`` gives
    proportional odds with a lasso penalty; ``alpha=0`` the cumulative model without
    restriction, which is not a set of separate logistic regressions; two classes give
    logistic regression with a lasso penalty.

    A gradient costs O(n_samples * n_features) and a Hessian O(n_samples *
    n_features**2), whatever the number of classes, since a row touches two thresholds
    only.

    Unlike the code of the paper, which stops where the first training row crosses, the
    problem under the condition that none does is solved; and intercepts are right for
    features with any mean.

    A class of ``class_order`` without rows has probability zero: its two thresholds are
    equal, or infinite at the ends. Weight 2 equals the row twice, weight 0 equals the
    row left out; weights times a constant change nothing, since the loss is a mean.

    Meta-estimators of scikit-learn encode labels before they fit, so that the order of
    names is lost; give them integer codes as ``y``. With ``class_order=`` of names,
    codes are taken for positions in ``sorted(class_order)``, with a warning if that is
    not the same.

    References
    ----------
    .. [1] Gregory Faletto and Jacob Bien, "Predicting Rare Events by Shrinking Towards
       Proportional Odds", International Conference on Machine Learning, 2023.
    .. [2] Michael J. Wurm, Paul J. Rathouz and Bret M. Hanlon, "Regularized Ordinal
       Regression and the ordinalNet R Package", Journal of Statistical Software 99,
       2021.

    Examples
    --------
    >>> from skext.datasets import load_wine_bitterness
    >>> from skext.ordinal import PRESTO
    >>> X, y = load_wine_bitterness(return_X_y=True)
    >>> model = PRESTO(alpha=0.05).fit(X, y)
    >>> model.coef_.round(3)  # only the weight of warm changes, and only once
    array([[1.951, 1.069],
           [1.951, 1.069],
           [1.987, 1.069],
           [1.987, 1.069]])
    >>> model.predict_proba([[1, 1]]).round(3)
    array([[0.01 , 0.09 , 0.346, 0.326, 0.228]])
    """

    _parameter_constraints: dict = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        **PRESTO_CONSTRAINTS,
        "crossing": [StrOptions({"isotonic", "sort", "raise"})],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        alpha=0.01,
        *,
        main_weight=1.0,
        fusion_weight=1.0,
        l1_ratio=1.0,
        anchor="first",
        link="logit",
        class_order=None,
        class_weight=None,
        standardize=True,
        penalty_factor=None,
        non_crossing="train",
        barrier=1e-4,
        crossing="isotonic",
        tol=1e-5,
        max_iter=100,
        solver="auto",
        warm_start=False,
    ):
        self.alpha = alpha
        self.main_weight = main_weight
        self.fusion_weight = fusion_weight
        self.l1_ratio = l1_ratio
        self.anchor = anchor
        self.link = link
        self.class_order = class_order
        self.class_weight = class_weight
        self.standardize = standardize
        self.penalty_factor = penalty_factor
        self.non_crossing = non_crossing
        self.barrier = barrier
        self.crossing = crossing
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver
        self.warm_start = warm_start

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data; sparse data stay sparse.
        y : array-like of shape (n_samples,)
            Class labels. The order of an ordered pandas categorical is used.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        self : PRESTO
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not finite, labels are not in ``class_order``, weights are
            negative, or fewer than two classes have rows of positive weight.
        """
        return self._fit_one(X, y, sample_weight)
