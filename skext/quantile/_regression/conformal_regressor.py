"""Conformal calibration of any quantile regressor."""

from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.quantile._core.base import QuantilePredictorMixin
from skext.quantile._core.folds import partition, split_rows
from skext.quantile._core.groups import (
    check_groups,
    group_params,
)
from skext.quantile._core.ties import Ties
from skext.quantile._core.training_rows import check_rows, check_table
from skext.quantile._regression.conformal import (
    check_symmetric,
    collect_scores,
    cross_shift,
    fit_shifts,
    nest,
    scores,
    shift,
    warn_if_infinite,
)
from skext.quantile._regression.multi import MultiQuantileRegressor
from skext.utils._quantiles.forms import allows, is_frozen
from skext.utils._quantiles.levels import check_levels
from skext.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
    safe_indexing,
)
from skext.utils._warnings import warn_user


class ConformalQuantileRegressor(
    QuantilePredictorMixin, MetaEstimatorMixin, SkextMixin, BaseEstimator
):
    r"""Quantiles whose intervals cover with a guaranteed probability.

    ``"cqr"`` keeps some rows back and moves each interval outward (or inward) by an
    order statistic of how far their targets are outside [1]_. Then
    :math:`P(y \in [l(x), u(x)]) \ge 1 - \alpha` for exchangeable rows, whatever the
    regressor. ``"cv+"`` uses all rows through cross-validation [2]_; it guarantees
    about :math:`1 - 2 \alpha` and is close to :math:`1 - \alpha` in practice.

    Parameters
    ----------
    estimator : estimator object, default=None
        Any regressor that can predict quantiles, see :func:`predict_quantiles`. None
        is :class:`LinearQuantileRegressor`. A fitted one inside of
        :class:`~sklearn.frozen.FrozenEstimator` is calibrated on all rows, which it
        must not have seen.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    method : {"cqr", "cv+"}, default="cqr"
        Split calibration or cross-validation.
    symmetric : bool, default=True
        Whether both ends of an interval move by the same amount, which needs levels
        in pairs. Otherwise every level is calibrated by itself, so that its own
        probability is guaranteed; intervals are slightly wider.
    calibration_size : float or int, default=0.2
        Share or number of rows for ``"cqr"``; about so many if there are groups.
    cv : int, splitter, iterable or "prefit", default=5
        Folds for ``"cv+"``: a partition of the rows. An int stands for
        :class:`~sklearn.model_selection.GroupKFold` if there are groups. With
        ``"cqr"``, ``"prefit"`` is for a fitted regressor, as if it were frozen.
    n_jobs : int, default=None
        Number of joblib workers over folds and threads over rows. ``None`` means one
        unless in a :func:`joblib.parallel_config` context, ``-1`` means all cores.
    random_state : int, RandomState instance or None, default=None
        Chooses the rows for ``"cqr"``.

    Attributes
    ----------
    estimators_ : list of MultiQuantileRegressor
        The fitted regressor, or one for each fold.
    quantiles_ : ndarray of shape (n_levels,)
        Levels.
    shifts_ : ndarray of shape (n_levels,)
        How far each level moves outward; only for ``"cqr"``.
    conformity_scores_ : ndarray of shape (n_calibration, n_levels)
        Scores of the calibration rows; for ``"cv+"`` of all rows, in the order of the
        folds and ascending inside each. The column of the median is not used.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    QuantileStackingRegressor : Has the same calibration inside.

    Notes
    -----
    The median is left alone. Each interval is calibrated by itself and then widened,
    if need be, to hold the ones inside of it; widening keeps every guarantee. Ends
    that cross become their midpoint: an empty interval.

    If n calibration rows are too few for a level, i.e. if
    ``ceil((1 - alpha) * (n + 1)) > n``, its quantiles are infinite, with a warning:
    no finite interval would have the guarantee.

    ``"cv+"`` keeps the n scores sorted inside of K folds and selects order statistics
    of K shifted lists, which takes O(n) memory and about O(K log(n) ** 2) time for a
    row; the result is that of sorting all n shifted scores, bit for bit.

    Scores are not weighted: ``sample_weight`` goes to the regressor only.

    Rows of one group resemble each other more than new rows do. With ``groups``, whole
    groups are kept back, so that intervals cover rows of new groups about as often as
    they say.

    References
    ----------
    .. [1] Yaniv Romano, Evan Patterson and Emmanuel Candès, "Conformalized Quantile
       Regression", NeurIPS, 2019.
    .. [2] Rina Foygel Barber, Emmanuel Candès, Aaditya Ramdas and Ryan J. Tibshirani,
       "Predictive Inference with the Jackknife+", Annals of Statistics 49, 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skext.quantile import ConformalQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ConformalQuantileRegressor(quantiles=[0.1, 0.9], random_state=0)
    >>> interval = model.fit(X[:300], y[:300]).predict_interval(X[300:], coverage=0.8)
    >>> inside = (interval[:, 0] <= y[300:]) & (y[300:] <= interval[:, 1])
    >>> bool(0.7 < inside.mean() < 0.9)
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods("fit"), None],
        "quantiles": ["array-like", None],
        "method": [StrOptions({"cqr", "cv+"})],
        "symmetric": ["boolean"],
        "calibration_size": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 1, None, closed="left"),
        ],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        quantiles=None,
        method="cqr",
        symmetric=True,
        calibration_size=0.2,
        cv=5,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.quantiles = quantiles
        self.method = method
        self.symmetric = symmetric
        self.calibration_size = calibration_size
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit the regressor and calibrate it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, handed on to the regressor.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights for the regressor; calibration takes all rows of positive weight
            alike.
        groups : array-like of shape (n_samples,), default=None
            Labels of rows that belong together: whole groups are kept back, and none
            is in two folds. Also handed on to a search inside.

        Returns
        -------
        self : object
            The fitted regressor.
        """
        X, y = check_table(self, X, y)
        levels = check_levels(self.quantiles)
        check_symmetric(levels, self.symmetric)
        groups = check_groups(groups, y)
        frozen = self.cv == "prefit" or is_frozen(self._base())
        if frozen and self.method == "cv+":
            raise ValueError(
                "method='cv+' fits the regressor for each fold and cannot use a fitted "
                "one; use method='cqr'."
            )
        weights, kept = None, np.arange(len(y))
        if sample_weight is not None:
            weights = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            kept = np.flatnonzero(weights)
        if len(kept) < 2 - frozen:
            raise ValueError(
                f"n_samples={len(kept)} is too few: calibration needs two rows."
            )
        folds = None
        if self.method == "cv+":
            folds = partition(self.cv, X, y, groups, kept=kept)
        if weights is not None:
            X, y, weights = safe_indexing(X, kept), y[kept], weights[kept]
            groups = None if groups is None else groups[kept]
            if not (weights == weights[0]).all():
                warn_user(
                    "sample_weight is used to fit the regressor but not to calibrate "
                    "it: coverage is that of unweighted rows."
                )
        self.quantiles_, self._ties = levels, Ties.of(y)
        if self.method == "cqr":
            train = rest = np.arange(len(y))
            if not frozen:
                train, rest = split_rows(
                    len(y), self.calibration_size, self.random_state, groups
                )
            self._fit_split(X, y, weights, groups, train, rest)
        else:
            self._fit_folds(X, y, weights, groups, folds)
        warn_if_infinite(levels, self.symmetric, len(self.conformity_scores_))
        return self

    def _base(self):
        if self.cv != "prefit":
            return MultiQuantileRegressor(self.estimator)._base()
        check_is_fitted(self.estimator)
        return FrozenEstimator(self.estimator)

    def _fit_split(self, X, y, weights, groups, train, rest):
        model = self._fit_rows(X, y, weights, groups, train)
        self.estimators_ = [model]
        Q = model.predict_quantiles(safe_indexing(X, rest))
        E = scores(Q, y[rest], self.quantiles_, self.symmetric)
        self.conformity_scores_ = E
        self.shifts_ = fit_shifts(E, self.quantiles_, self.symmetric)

    def _fit_folds(self, X, y, weights, groups, folds):
        calls = (
            delayed(self._fit_fold)(X, y, weights, groups, train, test)
            for train, test in folds
        )
        found = list(Parallel(n_jobs=self.n_jobs, prefer="threads")(calls))
        self.estimators_ = [model for model, _ in found]
        self._scores = collect_scores([E for _, E in found])
        self.conformity_scores_ = self._scores.E.T

    def _fit_fold(self, X, y, weights, groups, train, test):
        model = self._fit_rows(X, y, weights, groups, train)
        Q = model.predict_quantiles(safe_indexing(X, test))
        return model, scores(Q, y[test], self.quantiles_, self.symmetric)

    def _fit_rows(self, X, y, weights, groups, rows):
        model = MultiQuantileRegressor(self._base(), quantiles=self.quantiles_)
        part = None if weights is None else weights[rows]
        params = {}
        if groups is not None:
            params = group_params(self._base(), groups[rows])
        return model.fit(safe_indexing(X, rows), y[rows], sample_weight=part, **params)

    def _predict_levels(self, X):
        check_is_fitted(self)
        check_rows(self, X)
        if self.method == "cqr":
            Q = self.estimators_[0].predict_quantiles(X)
            return self._ties.snap(shift(Q, self.shifts_, self.quantiles_))
        Q = np.stack([model.predict_quantiles(X) for model in self.estimators_])
        found = cross_shift(
            Q, self._scores, self.quantiles_, self.symmetric, self.n_jobs
        )
        return self._ties.snap(nest(found, self.quantiles_))

    def _own_median(self, X):
        found = [model._own_median(X) for model in self.estimators_]
        return None if found[0] is None else np.mean(found, axis=0)

    def _own_levels(self, X):
        parts = [model.predict_quantiles(X) for model in self.estimators_]
        return np.mean(parts, axis=0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        base = MultiQuantileRegressor(self.estimator)
        tags.input_tags.allow_nan = allows(base, "allow_nan")
        tags.input_tags.sparse = allows(base, "sparse")
        return tags
