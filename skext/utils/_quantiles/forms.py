"""How regressors of all kinds are asked for quantiles.

Nothing here imports another library: classes are recognised by name.
"""

import inspect
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import make_scorer, mean_pinball_loss
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skext.utils._quantiles.levels import (
    change_levels,
    check_levels,
    default_levels,
)
from skext.utils._sklearn import base_search_cv, routing_enabled

BaseSearchCV = base_search_cv()

ACCEPTED = (
    "a method predict_quantiles(X, quantiles) or an argument 'quantiles' of predict "
    "(quantile-forest, TabPFN, everything in skext.quantile); scikit-learn's "
    "QuantileRegressor, GradientBoostingRegressor or HistGradientBoostingRegressor; "
    "TabularNetRegressor; "
    "LGBMRegressor; XGBRegressor; CatBoostRegressor; a method pred_dist(X) whose "
    "result has ppf (NGBoost); an argument 'return_std' of predict (Gaussian "
    "processes, BayesianRidge); QuantileAdapter(estimator, predict_fn) around "
    "anything else; MultiQuantileRegressor(estimator, quantile_param=...) around a "
    "regressor with a parameter for one level; any of them as the last step of a "
    "Pipeline, inside a search or a TransformedTargetRegressor, or fitted already "
    "inside of a FrozenEstimator"
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
    # Unless it has that loss already, and a method predict_quantiles with it.
    ("skext", "TabularNetRegressor"): ("quantiles", {"loss": "pinball"}),
}


class Form(NamedTuple):
    """The way in which a regressor gives quantiles.

    Attributes
    ----------
    kind : str
        "method", "argument", "distribution" and "gaussian" take any level after one
        fit; "all" takes all levels before one fit; "one" needs a fit for each level;
        "frozen" is fitted already and is asked as it is.
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


def _layer(estimator):
    """Return the prefix and the regressor one layer further in; None for the last."""
    if isinstance(estimator, Pipeline):
        name, inner = estimator.steps[-1]
        return f"{name}__", inner
    if isinstance(estimator, TransformedTargetRegressor):
        return "regressor__", estimator.regressor
    if isinstance(estimator, BaseSearchCV | FrozenEstimator):
        return "estimator__", estimator.estimator
    return None


def _fitted_layer(fitted):
    """Return the fitted regressor one layer further in; None for the last."""
    if isinstance(fitted, BaseSearchCV):
        return fitted.best_estimator_
    if isinstance(fitted, TransformedTargetRegressor):
        return fitted.regressor_
    layer = _layer(fitted)
    return None if layer is None else layer[1]


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
    while layer := _layer(estimator):
        prefix, estimator = prefix + layer[0], layer[1]
    return estimator, prefix


def is_frozen(estimator):
    """Tell whether the regressor inside is fitted already and is to stay so."""
    while not isinstance(estimator, FrozenEstimator):
        layer = _layer(estimator)
        if layer is None:
            return False
        estimator = layer[1]
    return True


def takes_numbers(estimator):
    """Tell whether a regressor is one of scikit-learn's, with nothing in front of it.

    They make numbers of whatever can become some, dates of polars for one.
    """
    inner, prefix = unwrap(estimator)
    bare = all(part in ("", "estimator", "regressor") for part in prefix.split("__"))
    return bare and type(inner).__module__.partition(".")[0] == "sklearn"


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
    if is_frozen(estimator):
        find_form(inner, name)
        return Form("frozen", prefix)
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


def split_levels(levels, form):
    """Return the levels of each fit: all of them, or one after the other."""
    return np.split(levels, len(levels)) if form.kind == "one" else [levels]


def prepare(estimator, levels, form):
    """Make an unfitted clone that predicts the levels of one fit.

    Parameters
    ----------
    estimator : estimator object
        Not changed.
    levels : ndarray of shape (n_levels,)
        Levels; a single one if the form needs a fit for each.
    form : Form
        Its form.

    Returns
    -------
    copy : estimator object
        The clone. Searches inside judge a single level by its own loss.
    """
    copy = clone(estimator)
    if form.kind in ("one", "all"):
        values = {form.prefix + key: value for key, value in form.fixed.items()}
        value = float(levels[0]) if form.kind == "one" else list(map(float, levels))
        if form.parameter == "loss_function":
            # CatBoost wants text, and another word for a single level.
            word = "MultiQuantile" if len(levels) > 1 else "Quantile"
            value = f"{word}:alpha=" + ",".join(f"{level:.12g}" for level in levels)
        copy.set_params(**values, **{form.prefix + form.parameter: value})
        if form.kind == "one":
            _judge_by_pinball(copy, value)
        return copy
    name = form.prefix + "quantiles"
    if form.kind == "method" and copy.get_params().get(name, 0) is None:
        copy.set_params(**{name: levels.copy()})
    return copy


def _judge_by_pinball(estimator, level):
    """Give searches inside that have no score the loss of the level."""
    while not isinstance(estimator, FrozenEstimator) and (layer := _layer(estimator)):
        if isinstance(estimator, BaseSearchCV) and estimator.scoring is None:
            estimator.scoring = make_scorer(
                mean_pinball_loss, greater_is_better=False, alpha=level
            )
        estimator = layer[1]


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
    if isinstance(estimator, FrozenEstimator):
        return {}
    if layer := _layer(estimator):
        found = weight_params(layer[1], sample_weight)
        prefix = layer[0] if isinstance(estimator, Pipeline) else ""
        return {prefix + key: value for key, value in found.items()}
    taken = has_fit_parameter(estimator, "sample_weight")
    return {"sample_weight": sample_weight} if taken else {}


def fit_one(estimator, levels, X, y, form, params):
    """Fit a clone for the levels of one fit.

    Parameters
    ----------
    estimator : estimator object
        Not changed.
    levels : ndarray of shape (n_levels,)
        As ``split_levels`` made them.
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
        Fitted for its levels. A decreasing transform of the target turns levels
        round, so that the regressor inside is fitted for the opposite ones.
    """
    fitted = prepare(estimator, levels, form).fit(X, y, **params)
    if form.kind in ("one", "all", "method") and _turns_target(fitted, y):
        opposite = mirror(levels)
        if not np.array_equal(opposite, levels):
            fitted = prepare(estimator, opposite, form).fit(X, y, **params)
    return fitted


def mirror(levels):
    """Return the levels of the negative target, without the rounding of 1 - level."""
    opposite = 1.0 - levels[::-1]
    return np.where(np.abs(opposite - levels) < 1e-12, levels, opposite.round(12))


def _turns_target(fitted, y):
    """Tell whether transforms of the target turn its order round."""
    y = np.array([[np.min(y)], [np.max(y)]], dtype=np.float64)
    while fitted is not None:
        if isinstance(fitted, TransformedTargetRegressor):
            y = np.asarray(fitted.transformer_.transform(y)).reshape(-1, 1)
        fitted = _fitted_layer(fitted)
    return bool(y[1, 0] < y[0, 0])


def _turns_back(transformer, Q):
    """Tell whether the inverse of a monotone transform turns the order round.

    Predictions show the range in which the transform is monotone; if they are all the
    same, their neighbourhood does.
    """
    middle = float(np.median(Q))
    near = 1e-3 * abs(middle) or 1e-3
    for low, high in (
        tuple(np.quantile(Q, [0.25, 0.75])),
        (float(Q.min()), float(Q.max())),
        (middle - near, middle + near),
        (middle - 1.0, middle + 1.0),
    ):
        with np.errstate(all="ignore"):
            ends = transformer.inverse_transform(np.array([[low], [high]]))
        first, last = np.ravel(ends)
        if np.isfinite([first, last]).all() and first != last:
            return bool(last < first)
    return False


def own_levels(fitted, X=None):
    """Return the levels that a fitted regressor was fitted for; None for any.

    Parameters
    ----------
    fitted : estimator object
        The regressor, possibly wrapped.
    X : array-like of shape (n_samples, n_features), default=None
        Rows; a transformed target needs them to tell whether levels turn round.

    Returns
    -------
    levels : ndarray of shape (n_levels,) or None
        Levels of the target as given.
    """
    inner = _fitted_layer(fitted)
    if inner is not None:
        known = own_levels(inner, _through(fitted, X))
        transformed = isinstance(fitted, TransformedTargetRegressor)
        if not transformed or known is None or X is None:
            return known
        turned = _turns_back(fitted.transformer_, ask(fitted.regressor_, X, known))
        return mirror(known) if turned else known
    if hasattr(fitted, "quantiles_"):
        return check_levels(fitted.quantiles_)
    form = find_form(fitted)
    if form.kind == "one":
        for key, value in form.fixed.items():
            if fitted.get_params()[key] != value:
                raise ValueError(
                    f"{type(fitted).__name__} was fitted with {key}="
                    f"{fitted.get_params()[key]!r}, not for a quantile; fit it with "
                    f"{key}={value!r} or inside of MultiQuantileRegressor."
                )
        return check_levels(fitted.get_params()[form.parameter])
    if form.kind == "all":
        value = fitted.get_params().get(form.parameter)
        if isinstance(value, str):
            value = [float(part) for part in value.partition("=")[2].split(",") if part]
        if value is None or not np.size(value):
            raise ValueError(
                f"{type(fitted).__name__} was not fitted for quantiles; set "
                f"{form.parameter}, or fit it inside of MultiQuantileRegressor."
            )
        return check_levels(value)
    return None


def _through(fitted, X):
    """Take rows through all steps of a pipeline but the last one."""
    if X is None or not isinstance(fitted, Pipeline) or len(fitted.steps) < 2:
        return X
    return fitted[:-1].transform(X)


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
    if isinstance(fitted, TransformedTargetRegressor):
        return _ask_transformed(fitted, X, levels, name)
    inner = _fitted_layer(fitted)
    if inner is not None:
        return ask(inner, _through(fitted, X), levels, name)
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
    transformer, inner = fitted.transformer_, fitted.regressor_
    known = own_levels(inner, X)
    first = levels if known is None else known
    Q = ask(inner, X, first, name)
    turned = _turns_back(transformer, Q)
    wanted = mirror(levels) if turned else levels
    single = known is not None and len(known) == 1
    if not single and not np.array_equal(wanted, first):
        Q = ask(inner, X, wanted, name)
    columns = [transformer.inverse_transform(column.reshape(-1, 1)) for column in Q.T]
    Q = np.column_stack([np.ravel(column) for column in columns])
    Q = Q[:, ::-1] if turned else Q
    if single:
        return _known_levels(Q, mirror(known) if turned else known, levels, inner)
    return Q


def predict_levels(fitted, X, quantiles=None):
    """Ask a fitted regressor for the given levels, its own ones, or the default ones.

    Parameters
    ----------
    fitted : estimator object
        The regressor.
    X : array-like of shape (n_samples, n_features)
        Rows.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        Checked quantiles.
    levels : ndarray of shape (n_levels,)
        Their levels.
    """
    known = own_levels(fitted, X)
    if quantiles is not None:
        levels = check_levels(quantiles)
    else:
        levels = default_levels() if known is None else known
    Q = ask(fitted, X, levels)
    return check_answer(Q, X, len(levels), type(fitted).__name__), levels


def count_rows(X):
    """Return the number of rows of a table of any kind."""
    return X.shape[0] if hasattr(X, "shape") else np.asarray(X).shape[0]


def check_answer(Q, X, n_levels, name):
    """Refuse answers that no aggregation could use, naming the model."""
    n_samples = count_rows(X)
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
