"""Proportional odds: one vector of weights for all thresholds."""

from numbers import Real

import numpy as np

from skext.ordinal._base import (
    MODEL_CONSTRAINTS,
    BaseOrdinal,
    check_alphas,
    check_penalty_factor,
)
from skext.ordinal._solver.path import solve_path
from skext.utils._sklearn import Interval, fit_context


class BaseProportionalOdds(BaseOrdinal):
    """What the estimator and its cross-validation share."""

    def _solve(self, data, *, start=None, n_jobs=None, alphas=None, **grid):
        """Return models for some strengths."""
        if start is not None:
            thresholds, coef = start
            start = thresholds, np.tile(coef, (thresholds.size, 1))
        path = solve_path(
            data.X,
            data.y,
            data.present.size,
            data.sample_weight,
            alphas=check_alphas(alphas),
            fusion_weight=np.inf,
            l1_ratio=self.l1_ratio,
            penalty_factor=check_penalty_factor(
                self.penalty_factor, self.n_features_in_
            ),
            link=self.link,
            standardize=self.standardize,
            tol=self.tol,
            max_iter=self.max_iter,
            start=start,
            n_jobs=n_jobs,
            **grid,
        )
        # All thresholds have the same weights.
        coefs = [coef[:1] for coef in path.coefs]
        if isinstance(path.coefs, list):
            coefs = [coef.toarray() for coef in coefs]
        return path._replace(coefs=np.concatenate(coefs))


class ProportionalOdds(BaseProportionalOdds):
    r"""Proportional odds model, or ordered logit, with an optional penalty.

    The probability of the first classes is

    .. math:: P(y \le k \mid x) = F(\theta_k - x^\top w)

    with increasing thresholds :math:`\theta_k` and the same weights :math:`w` for all
    of them [1]_. Minimised is the mean negative log-likelihood and

    .. math:: \alpha \sum_j c_j \Bigl( \rho\,|w_j| + \frac{1 - \rho}2 w_j^2 \Bigr)

    for features that are scaled to standard deviation one; without a penalty, the
    default, it is maximum likelihood.

    Parameters
    ----------
    alpha : float, default=0.0
        Strength of the penalty.
    l1_ratio : float, default=0.0
        Share :math:`\rho` of absolute values in the penalty.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function :math:`F`. ``"cloglog"`` is the proportional hazards model
        of discrete times.
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
    tol : float, default=1e-6
        Largest violation of the optimality conditions.
    max_iter : int, default=100
        Largest number of Newton steps.
    warm_start : bool, default=False
        Whether to start from the last fit if classes and features are the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; the order of the columns of :meth:`predict_proba`.
    ordered_classes_ : ndarray of shape (n_classes,)
        Labels in the ordinal order; the order of ``thresholds_``.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Thresholds :math:`\theta_k`, increasing.
    coef_ : ndarray of shape (n_features,)
        Weights :math:`w`; positive ones push to higher classes.
    n_iter_ : int
        Number of Newton steps.
    kkt_violation_ : float
        Largest violation of the optimality conditions.
    objective_ : float
        Minimum: mean loss and penalty.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    PRESTO : Weights that may change from threshold to threshold.
    ProportionalOddsCV : Choose ``alpha`` by cross-validation.

    Notes
    -----
    A Newton step costs O(n_samples * n_features**2) for few features, and a few passes
    over the data for many, whatever the number of classes. Without a penalty, data of
    which a direction separates some rows have no finite optimum; the fit stops with
    large weights, and there is a warning.

    A class of ``class_order`` without rows has probability zero: its two thresholds are
    equal, or infinite at the ends. Weight 2 equals the row twice, weight 0 equals the
    row left out; weights times a constant change nothing, since the loss is a mean.

    Meta-estimators of scikit-learn encode labels before they fit, so that the order of
    names is lost; give them integer codes as ``y``. With ``class_order=`` of names,
    codes are taken for positions in ``sorted(class_order)``, with a warning if that is
    not the same.

    References
    ----------
    .. [1] Peter McCullagh, "Regression Models for Ordinal Data", Journal of the Royal
       Statistical Society B 42, 1980.

    Examples
    --------
    >>> from skext.datasets import load_wine_bitterness
    >>> from skext.ordinal import ProportionalOdds
    >>> X, y = load_wine_bitterness(return_X_y=True)
    >>> model = ProportionalOdds().fit(X, y)
    >>> model.coef_.round(4)
    array([2.5031, 1.5278])
    >>> model.thresholds_.round(4)
    array([-1.3444,  1.2508,  3.4669,  5.0064])
    """

    _parameter_constraints: dict = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        **MODEL_CONSTRAINTS,
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        alpha=0.0,
        l1_ratio=0.0,
        *,
        link="logit",
        class_order=None,
        class_weight=None,
        standardize=True,
        penalty_factor=None,
        tol=1e-6,
        max_iter=100,
        warm_start=False,
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.link = link
        self.class_order = class_order
        self.class_weight = class_weight
        self.standardize = standardize
        self.penalty_factor = penalty_factor
        self.tol = tol
        self.max_iter = max_iter
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
        self : ProportionalOdds
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not finite, labels are not in ``class_order``, weights are
            negative, or fewer than two classes have rows of positive weight.
        """
        return self._fit_one(X, y, sample_weight)
