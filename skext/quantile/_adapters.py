"""How regressors of all kinds are asked for quantiles.

Nothing here imports another library: classes are recognised by name.
"""

import inspect
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import make_scorer, mean_pinball_loss
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skext.quantile._levels import change_levels, check_levels
from skext.utils._sklearn import base_search_cv, routing_enabled

BaseSearchCV = base_search_cv()

ACCEPTED = (
    "a method predict_quantiles(X, quantiles) or an argument 'quantiles' of predict "
    "(quantile-forest, TabPFN, everything in skext.quantile); scikit-learn's "
    "QuantileRegressor, GradientBoostingRegressor or HistGradientBoostingRegressor; "
    "LGBMRegressor; XGBRegressor; CatBoostRegressor; a method pred_dist(X) whose "
    "result has ppf (NGBoost); an argument 'return_std' of predict (Gaussian "
    "processes, BayesianRidge); QuantileAdapter(estimator, predict_fn) around "
    "anything else; MultiQuantileRegressor(estimator, quantile_param=...) around a "
    "regressor with a parameter for one level; any of them as the last step of a "
    "Pipeline, inside a search or a TransformedTargetRegressor"
)

# Library and class to the parameter for one level and what else has to be set.
_ONE_LEVEL = {
    ("sklearn", "QuantileRegressor"): ("quantile", {}),
    ("sklearn", "GradientBoostingRegressor"): ("alpha", {"loss": "quantile"}),
    ("sklearn", "HistGradientBoostingRegressor"): ("quantile", {"loss": "quantile"}),
    ("sklearn", "DummyRegressor"): ("quantile", {"strategy": "quantile"}),
    ("lightgbm", "LGBMRegressor"): ("alpha", {"objective": "quantile"}),
}
# The same for libraries that fit all levels at once.
_ALL_LEVELS = {
    ("xgboost", "XGBRegressor"): ("quantile_alpha", {"objective": "reg:quantileerror"}),
    ("catboost", "CatBoostRegressor"): ("loss_function", {}),
}


class Form(NamedTuple):
    """The way in which a regressor gives quantiles.

    Attributes
    ----------
    kind : str
        "method", "argument", "distribution" and "gaussian" take any level after one
        fit; "all" takes all levels before one fit; "one" needs a fit for each level.
    prefix : str
        Where nested parameters begin.
    parameter : str or None
        Parameter for one or for all levels.
    fixed : dict
        Other parameters to set.
    """

    kind: str
    prefix: str = ""
    parameter: str | None = None
    fixed: dict = {}


def _arguments(function):
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def unwrap(estimator):
    """Return the regressor inside of a pipeline, a search or a transformed target.

    Parameters
    ----------
    estimator : estimator object
        Not necessarily fitted.

    Returns
    -------
    inner : estimator object
        The regressor that predicts.
    prefix : str
        Prefix of its parameters.
    """
    prefix = ""
    while True:
        if isinstance(estimator, Pipeline):
            prefix += f"{estimator.steps[-1][0]}__"
            estimator = estimator.steps[-1][1]
        elif isinstance(estimator, BaseSearchCV):
            prefix += "estimator__"
            estimator = estimator.estimator
        elif isinstance(estimator, TransformedTargetRegressor):
            prefix += "regressor__"
            estimator = estimator.regressor
        else:
            return estimator, prefix


def find_form(estimator, name=None):
    """Find out how a regressor gives quantiles.

    Parameters
    ----------
    estimator : estimator object
        The regressor, possibly wrapped.
    name : str, default=None
        Its name for messages.

    Returns
    -------
    form : Form
        The first form that fits.

    Raises
    ------
    TypeError
        If there is none.
    """
    inner, prefix = unwrap(estimator)
    if hasattr(inner, "predict_quantiles"):
        return Form("method", prefix)
    if "quantiles" in _arguments(getattr(inner, "predict", None)):
        return Form("argument", prefix)
    for cls in type(inner).__mro__:
        key = (cls.__module__.partition(".")[0], cls.__name__)
        if key in _ONE_LEVEL:
            return Form("one", prefix, *_ONE_LEVEL[key])
        if key in _ALL_LEVELS:
            return Form("all", prefix, *_ALL_LEVELS[key])
    if hasattr(inner, "pred_dist"):
        return Form("distribution", prefix)
    if "return_std" in _arguments(getattr(inner, "predict", None)):
        return Form("gaussian", prefix)
    label = (
        type(inner).__name__ if name is None else f"{name!r} ({type(inner).__name__})"
    )
    raise TypeError(f"{label} cannot predict quantiles. Accepted are: {ACCEPTED}.")


def named_form(estimator, parameter):
    """Return the form of a regressor whose user names the parameter of the level."""
    _, prefix = unwrap(estimator)
    full = parameter if parameter in estimator.get_params() else prefix + parameter
    if full not in estimator.get_params():
        raise ValueError(
            f"quantile_param={parameter!r} is no parameter of "
            f"{type(estimator).__name__}; its parameters are "
            f"{sorted(estimator.get_params(deep=False))}."
        )
    return Form("one", "", full)


def prepare(estimator, levels, form):
    """Make the unfitted clones that together predict all levels.

    Parameters
    ----------
    estimator : estimator object
        Not changed.
    levels : ndarray of shape (n_levels,)
        Levels.
    form : Form
        Its form.

    Returns
    -------
    clones : list of estimator objects
        One, or one for each level.
    """
    if form.kind == "one":
        return [at_level(estimator, level, form) for level in levels]
    copy = clone(estimator)
    if form.kind == "all":
        values = {form.prefix + key: value for key, value in form.fixed.items()}
        value = list(map(float, levels))
        if form.parameter == "loss_function":
            # CatBoost wants text, and another word for a single level.
            word = "MultiQuantile" if len(levels) > 1 else "Quantile"
            value = f"{word}:alpha=" + ",".join(f"{level:.12g}" for level in levels)
        values[form.prefix + form.parameter] = value
        return [copy.set_params(**values)]
    name = form.prefix + "quantiles"
    if form.kind == "method" and copy.get_params().get(name, 0) is None:
        copy.set_params(**{name: levels.copy()})
    return [copy]


def at_level(estimator, level, form):
    """Return an unfitted clone for one level; searches judge it by its own loss."""
    copy = clone(estimator)
    values = {form.prefix + key: value for key, value in form.fixed.items()}
    copy.set_params(**values, **{form.prefix + form.parameter: float(level)})
    inner = copy
    while isinstance(inner, Pipeline | BaseSearchCV | TransformedTargetRegressor):
        if isinstance(inner, BaseSearchCV) and inner.scoring is None:
            inner.scoring = make_scorer(
                mean_pinball_loss, greater_is_better=False, alpha=float(level)
            )
        if isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
        elif isinstance(inner, BaseSearchCV):
            inner = inner.estimator
        else:
            inner = inner.regressor
    return copy


def weight_params(estimator, sample_weight):
    """Name the weights of the rows as the fit of an estimator wants them.

    Parameters
    ----------
    estimator : estimator object
        The regressor, possibly wrapped.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights.

    Returns
    -------
    params : dict
        Empty if there are no weights or the regressor takes none.
    """
    if sample_weight is None:
        return {}
    if routing_enabled():
        routing = get_routing_for_object(estimator)
        taken = routing.consumes("fit", ["sample_weight"])
        return {"sample_weight": sample_weight} if taken else {}
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        found = weight_params(last, sample_weight)
        return {f"{step}__{key}": value for key, value in found.items()}
    if isinstance(estimator, BaseSearchCV):
        return weight_params(estimator.estimator, sample_weight)
    if isinstance(estimator, TransformedTargetRegressor):
        return weight_params(estimator.regressor, sample_weight)
    taken = has_fit_parameter(estimator, "sample_weight")
    return {"sample_weight": sample_weight} if taken else {}


def fit_one(estimator, X, y, form, params):
    """Fit one prepared clone and return it.

    Parameters
    ----------
    estimator : estimator object
        As ``prepare`` made it; fitted in place.
    X : array-like of shape (n_samples, n_features)
        Training data, untouched.
    y : ndarray of shape (n_samples,)
        Target.
    form : Form
        Its form.
    params : dict
        Passed on to ``fit``.

    Returns
    -------
    fitted : estimator object
        Fitted for its level. A decreasing transform of the target turns the level
        round, so that the regressor inside is fitted for the opposite one.
    """
    fitted = estimator.fit(X, y, **params)
    if form.kind == "one" and flips(fitted, y):
        level = fitted.get_params()[form.prefix + form.parameter]
        fitted = at_level(estimator, 1.0 - level, form).fit(X, y, **params)
    return fitted


def flips(fitted, y):
    """Tell whether transforms of the target turn its order round."""
    flipped = False
    while True:
        if isinstance(fitted, TransformedTargetRegressor):
            if _decreasing(fitted, y):
                flipped = not flipped
            fitted = fitted.regressor_
        elif isinstance(fitted, Pipeline):
            fitted = fitted.steps[-1][1]
        elif isinstance(fitted, BaseSearchCV):
            fitted = fitted.best_estimator_
        else:
            return flipped


def _decreasing(fitted, y):
    ends = np.array([[np.min(y)], [np.max(y)]], dtype=np.float64)
    low, high = np.ravel(fitted.transformer_.transform(ends))
    return bool(high < low)


def own_levels(fitted):
    """Return the levels that a fitted regressor was fitted for; None for any."""
    inner = _fitted_inner(fitted)
    if hasattr(inner, "quantiles_"):
        return check_levels(inner.quantiles_)
    form = find_form(inner)
    if form.kind == "one":
        for key, value in form.fixed.items():
            if inner.get_params()[key] != value:
                raise ValueError(
                    f"{type(inner).__name__} was fitted with {key}="
                    f"{inner.get_params()[key]!r}, not for a quantile; fit it with "
                    f"{key}={value!r} or inside of MultiQuantileRegressor."
                )
        return check_levels(inner.get_params()[form.parameter])
    if form.kind == "all":
        value = inner.get_params().get(form.parameter)
        if isinstance(value, str):
            value = [float(part) for part in value.partition("=")[2].split(",") if part]
        if value is None or not np.size(value):
            raise ValueError(
                f"{type(inner).__name__} was not fitted for quantiles; set "
                f"{form.parameter}, or fit it inside of MultiQuantileRegressor."
            )
        return check_levels(value)
    return None


def _fitted_inner(fitted):
    while True:
        if isinstance(fitted, Pipeline):
            fitted = fitted.steps[-1][1]
        elif isinstance(fitted, BaseSearchCV):
            fitted = fitted.best_estimator_
        elif isinstance(fitted, TransformedTargetRegressor):
            fitted = fitted.regressor_
        else:
            return fitted


def ask(fitted, X, levels, name=None):
    """Ask one fitted regressor for quantiles.

    Parameters
    ----------
    fitted : estimator object
        The regressor, possibly wrapped.
    X : array-like of shape (n_samples, n_features)
        Rows.
    levels : ndarray of shape (n_levels,)
        Increasing levels.
    name : str, default=None
        Its name for messages.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        Its quantiles, as they are.
    """
    if isinstance(fitted, Pipeline):
        if len(fitted.steps) > 1:
            X = fitted[:-1].transform(X)
        return ask(fitted.steps[-1][1], X, levels, name)
    if isinstance(fitted, BaseSearchCV):
        return ask(fitted.best_estimator_, X, levels, name)
    if isinstance(fitted, TransformedTargetRegressor):
        return _ask_transformed(fitted, X, levels, name)
    form = find_form(fitted, name)
    if form.kind in ("one", "all"):
        Q = np.asarray(fitted.predict(X), dtype=np.float64)
        Q = Q.reshape(len(Q), -1)
        return _known_levels(Q, own_levels(fitted), levels, fitted)
    wanted = list(map(float, levels))
    if form.kind == "method":
        Q = fitted.predict_quantiles(X, levels)
    elif form.kind == "argument":
        more = {}
        if "output_type" in _arguments(fitted.predict):
            more["output_type"] = "quantiles"
        Q = fitted.predict(X, quantiles=wanted, **more)
        if isinstance(Q, list | tuple):
            Q = np.column_stack([np.ravel(column) for column in Q])
    elif form.kind == "distribution":
        distribution = fitted.pred_dist(X)
        Q = np.column_stack([np.ravel(distribution.ppf(level)) for level in wanted])
    else:
        from scipy.special import ndtri

        mean, deviation = fitted.predict(X, return_std=True)
        Q = np.ravel(mean)[:, np.newaxis] + np.outer(np.ravel(deviation), ndtri(levels))
    Q = np.asarray(Q, dtype=np.float64)
    return Q.reshape(len(Q), -1) if Q.ndim == 1 else Q


def _known_levels(Q, known, levels, fitted):
    if len(known) == 1 and not np.allclose(levels, known, rtol=0, atol=1e-9):
        raise ValueError(
            f"{type(fitted).__name__} was fitted for the level {known[0]:g} only, not "
            f"for quantiles={levels.tolist()}; fit it inside of "
            "MultiQuantileRegressor to get several levels."
        )
    if len(known) > 1:
        Q = np.sort(Q, axis=1) if len(known) != len(levels) else Q
    return change_levels(Q, known, levels)


def _ask_transformed(fitted, X, levels, name):
    """Invert a monotone transform of the target, level by level."""
    transformer = fitted.transformer_

    def invert(column):
        values = transformer.inverse_transform(np.asarray(column).reshape(-1, 1))
        return np.ravel(values)

    inner = fitted.regressor_
    known = own_levels(inner)
    if known is not None and len(known) == 1:
        Q = ask(inner, X, known, name)
        spread = np.array([Q.min() - 1.0, Q.max() + 1.0])
        flipped = np.diff(invert(spread))[0] < 0
        level = 1 - known if flipped else known
        return _known_levels(invert(Q).reshape(-1, 1), level, levels, inner)
    Q = ask(inner, X, levels, name)
    ends = invert([Q.min(), Q.max()])
    if ends[1] < ends[0]:
        Q = ask(inner, X, 1 - levels[::-1], name)[:, ::-1]
    return np.column_stack([invert(column) for column in Q.T])


def check_answer(Q, n_samples, n_levels, name):
    """Refuse answers that no aggregation could use, naming the model."""
    if Q.shape != (n_samples, n_levels):
        raise ValueError(
            f"The model {name!r} predicted an array of shape {Q.shape}, expected "
            f"({n_samples}, {n_levels}): one row per sample, one column per level."
        )
    if not np.isfinite(Q).all():
        n_bad = int((~np.isfinite(Q)).any(axis=1).sum())
        raise ValueError(
            f"The model {name!r} predicted NaN or infinite quantiles for {n_bad} of "
            f"{n_samples} rows; impute missing values in front of it, or drop it."
        )
    return Q


def allows(estimator, tag):
    """Read an input tag of the regressor inside; False if it has no tags."""
    try:
        return bool(getattr(get_tags(estimator).input_tags, tag))
    except (AttributeError, TypeError):
        return False
