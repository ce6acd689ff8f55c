"""Several quantiles from any regressor."""

from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.quantile._core.base import QuantilePredictorMixin
from skext.quantile._core.crossing import NON_CROSSING, uncross
from skext.quantile._core.ties import Ties
from skext.quantile._core.training_rows import check_rows, check_table, weigh
from skext.quantile._regression.linear import LinearQuantileRegressor
from skext.utils._quantiles.forms import (
    allows,
    ask,
    check_answer,
    find_form,
    fit_one,
    named_form,
    own_levels,
    predict_levels,
    split_levels,
    takes_numbers,
)
from skext.utils._quantiles.levels import check_levels
from skext.utils._sklearn import (
    HasMethods,
    StrOptions,
    fit_context,
)
from skext.utils._tables import refuse_columns


def predict_quantiles(estimator, X, quantiles=None):
    """Predict quantiles with a fitted regressor of any library.

    Parameters
    ----------
    estimator : estimator object
        Fitted regressor that can predict quantiles: anything in ``skext.quantile``,
        scikit-learn's quantile regressors, LightGBM, XGBoost, CatBoost,
        quantile-forest, NGBoost, Gaussian processes, :class:`QuantileAdapter`; or one
        of them as the last step of a ``Pipeline``, inside a search such as
        ``GridSearchCV``, or inside a ``TransformedTargetRegressor``.
    X : array-like of shape (n_samples, n_features)
        Rows to predict; handed on untouched.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels. None is the levels that the regressor was fitted for, or
        0.05, 0.10, ..., 0.95 if it predicts any.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        One column per level, as the regressor predicts them: rows may cross, see
        :func:`isotonize`.

    Raises
    ------
    TypeError
        If the regressor cannot predict quantiles; lists what is accepted.
    ValueError
        If it was fitted for other levels and cannot interpolate, or predicts NaN.

    See Also
    --------
    MultiQuantileRegressor : Fits a regressor for several levels.

    Notes
    -----
    Quantiles of a transformed target are transformed back level by level; a
    decreasing transform turns the order of the levels round.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skext.quantile import predict_quantiles
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GaussianProcessRegressor(alpha=0.5))
    >>> predict_quantiles(model.fit(X, y), X[:3], [0.1, 0.5, 0.9]).shape
    (3, 3)
    """
    return predict_levels(estimator, X, quantiles)[0]


class QuantileAdapter(QuantilePredictorMixin, SkextMixin, BaseEstimator):
    """Any regressor together with a function that reads quantiles from it.

    Parameters
    ----------
    estimator : estimator object
        Regressor with ``fit``.
    predict_fn : callable
        Called as ``predict_fn(fitted, X, quantiles)``; returns an array of shape
        (n_samples, n_levels). A function of a module, not a lambda, where the adapter
        is to be pickled.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.

    Attributes
    ----------
    estimator_ : estimator object
        The fitted regressor.
    quantiles_ : ndarray of shape (n_levels,)
        Levels.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    MultiQuantileRegressor : For regressors with a parameter for one level.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from skext.quantile import QuantileAdapter
    >>> def read(fitted, X, quantiles):
    ...     return fitted.predict(X)[:, None] + 50 * (np.asarray(quantiles) - 0.5)
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = QuantileAdapter(LinearRegression(), read, quantiles=[0.25, 0.75])
    >>> model.fit(X, y).predict_interval(X[:2], coverage=0.5).shape
    (2, 2)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods("fit")],
        "predict_fn": [callable],
        "quantiles": ["array-like", None],
    }

    def __init__(self, estimator, predict_fn, *, quantiles=None):
        self.estimator = estimator
        self.predict_fn = predict_fn
        self.quantiles = quantiles

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Fit the regressor.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, handed on untouched.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, handed on to a regressor that takes them. Rows of
            weight zero are left out.
        **fit_params : dict
            Handed on to the regressor.

        Returns
        -------
        self : object
            The fitted adapter.
        """
        X, y = check_table(self, X, y)
        self.quantiles_ = check_levels(self.quantiles)
        X, y, params = weigh(self.estimator, X, y, sample_weight, fit_params)
        self.estimator_ = clone(self.estimator).fit(X, y, **params)
        return self

    def predict_quantiles(self, X, quantiles=None, extrapolate=None):
        """Predict quantiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.
        quantiles : array-like of shape (n_quantiles,), default=None
            Increasing levels; None is ``quantiles_``. The function is asked for them
            as they are.
        extrapolate : None, default=None
            Ignored: the function decides.

        Returns
        -------
        Q : ndarray of shape (n_samples, n_quantiles)
            One column for each level.
        """
        check_is_fitted(self)
        levels = self.quantiles_ if quantiles is None else check_levels(quantiles)
        return self._ask(X, levels)

    def _ask(self, X, levels):
        check_rows(self, X)
        Q = np.asarray(self.predict_fn(self.estimator_, X, levels), dtype=np.float64)
        return check_answer(Q, X, len(levels), type(self.estimator_).__name__)

    def _predict_levels(self, X):
        return self._ask(X, self.quantiles_)

    def _own_median(self, X):
        return self._ask(X, np.array([0.5]))[:, 0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = allows(self.estimator, "allow_nan")
        tags.input_tags.sparse = allows(self.estimator, "sparse")
        return tags


class MultiQuantileRegressor(
    QuantilePredictorMixin, MetaEstimatorMixin, SkextMixin, BaseEstimator
):
    """Several quantiles from a regressor that fits one level at a time.

    Fits one clone for each level; regressors that know several levels are fitted
    once. Crossing quantiles are put in order.

    Parameters
    ----------
    estimator : estimator object, default=None
        Regressor that can predict quantiles, possibly inside of a ``Pipeline``, a
        search or a ``TransformedTargetRegressor``; see :func:`predict_quantiles`. A
        search without ``scoring`` selects by the pinball loss of each level. None is
        :class:`LinearQuantileRegressor`.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    quantile_param : str, default="auto"
        Parameter of the regressor that takes the level. ``"auto"`` knows those of
        scikit-learn, LightGBM, XGBoost and CatBoost.
    non_crossing : {"sort", "isotonic", "minmax"} or None, default="sort"
        How rows are put in order; see :func:`isotonize`. None leaves them.
    n_jobs : int, default=None
        Number of joblib workers over levels, threads by default. ``None`` means one
        unless in a :func:`joblib.parallel_config` context, ``-1`` means all cores.

    Attributes
    ----------
    estimators_ : list of estimator objects
        The fitted regressors: one for each level, or a single one.
    quantiles_ : ndarray of shape (n_levels,)
        Levels.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    LinearQuantileRegressor : Linear quantiles, all levels at once.
    QuantileStackingRegressor : Combines several regressors.

    Notes
    -----
    ``X`` is handed on untouched, so missing values, categories and sparse matrices
    are the business of the regressor. ``sample_weight`` is handed on to regressors
    that take it; others are fitted without, with a warning. One that is fitted already
    may be inside of :class:`~sklearn.frozen.FrozenEstimator`.

    A quantile that differs from a target which many rows share by its last digits is
    that target.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import GradientBoostingRegressor
    >>> from skext.quantile import MultiQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> boosting = GradientBoostingRegressor(n_estimators=20, random_state=0)
    >>> model = MultiQuantileRegressor(boosting, quantiles=[0.1, 0.5, 0.9]).fit(X, y)
    >>> model.predict(X[:2]).shape, model.predict_quantiles(X[:2]).shape
    ((2,), (2, 3))
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods("fit"), None],
        "quantiles": ["array-like", None],
        "quantile_param": [str],
        "non_crossing": [StrOptions(set(NON_CROSSING)), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        quantiles=None,
        quantile_param="auto",
        non_crossing="sort",
        n_jobs=None,
    ):
        self.estimator = estimator
        self.quantiles = quantiles
        self.quantile_param = quantile_param
        self.non_crossing = non_crossing
        self.n_jobs = n_jobs

    def _base(self):
        return LinearQuantileRegressor() if self.estimator is None else self.estimator

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Fit the regressor for all levels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, handed on untouched.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, handed on to regressors that take them. Rows of weight
            zero are left out.
        **fit_params : dict
            Handed on to every fit.

        Returns
        -------
        self : object
            The fitted regressor.
        """
        X, y = check_table(self, X, y)
        levels = check_levels(self.quantiles)
        base = self._base()
        form = (
            find_form(base)
            if self.quantile_param == "auto"
            else named_form(base, self.quantile_param)
        )
        if form.kind != "method" and takes_numbers(base):
            refuse_columns(X, {"date"})
        X, y, params = weigh(base, X, y, sample_weight, fit_params)
        calls = (
            delayed(fit_one)(base, part, X, y, form, params)
            for part in split_levels(levels, form)
        )
        try:
            fitted = Parallel(n_jobs=self.n_jobs, prefer="threads")(calls)
        except (TypeError, ValueError) as error:
            # Tell the column where that is why, which regressors do not.
            refuse_columns(X, {"date", "category", "text"}, error)
            raise
        self.estimators_ = list(fitted)
        self.quantiles_, self._ties = levels, Ties.of(y)
        return self

    def _predict_levels(self, X):
        check_rows(self, X)
        return self._ties.snap(uncross(self._ask(X), self.non_crossing))

    def _own_median(self, X):
        first = self.estimators_[0]
        if len(self.estimators_) > 1 or own_levels(first, X) is not None:
            return None
        return ask(first, X, np.array([0.5]))[:, 0]

    def _ask(self, X):
        levels = self.quantiles_
        if len(self.estimators_) == 1:
            first = self.estimators_[0]
            if len(levels) > 1 or self.quantile_param == "auto":
                Q = ask(first, X, levels)
                return check_answer(Q, X, len(levels), type(first).__name__)
        columns = [np.ravel(fitted.predict(X)) for fitted in self.estimators_]
        Q = np.column_stack(columns).astype(np.float64)
        name = type(self.estimators_[0]).__name__
        return check_answer(Q, X, len(levels), name)

    def get_metadata_routing(self):
        """Get the routing of metadata to the regressor.

        Returns
        -------
        routing : MetadataRouter
            Own requests and those of the regressor's ``fit``.
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                estimator=self._base(),
                method_mapping=MethodMapping().add(caller="fit", callee="fit"),
            )
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        base = self._base()
        tags.input_tags.allow_nan = allows(base, "allow_nan")
        tags.input_tags.sparse = allows(base, "sparse")
        return tags
