"""Regressors, adapters, stacking and calibration through the public interface."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_array
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, LinearRegression, QuantileRegressor
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, LeaveOneOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.quantile import (
    ConformalQuantileRegressor,
    LinearQuantileRegressor,
    MultiQuantileRegressor,
    QuantileAdapter,
    QuantileAggregator,
    QuantileStackingRegressor,
    predict_quantiles,
)

LEVELS = [0.1, 0.5, 0.9]
X, y = load_diabetes(return_X_y=True)
X, y = X[:200], y[:200]


def boosting():
    return GradientBoostingRegressor(n_estimators=10, random_state=0)


def base_models():
    return [("linear", LinearQuantileRegressor()), ("boosting", boosting())]


def pinball(y, Q, levels):
    r = y[:, None] - Q
    return np.maximum(levels * r, (np.asarray(levels) - 1) * r).sum(0)


def test_linear_regression_is_quantile_regression():
    model = LinearQuantileRegressor(LEVELS, non_crossing=None).fit(X, y)
    for k, level in enumerate(LEVELS):
        other = QuantileRegressor(quantile=level, alpha=0).fit(X, y)
        ours = pinball(y, X @ model.coef_.T + model.intercept_, LEVELS)[k]
        theirs = pinball(y, other.predict(X)[:, None], [level])[0]
        assert ours <= theirs * (1 + 1e-9)
        assert np.isclose(ours, model.objective_[k], rtol=1e-10)
    assert (model.duality_gap_ < 1e-9).all()


def test_linear_regression_weights_and_sign():
    s = np.random.RandomState(0).randint(0, 3, len(y))
    weighted = LinearQuantileRegressor(LEVELS).fit(X, y, sample_weight=s)
    repeated = LinearQuantileRegressor(LEVELS).fit(X.repeat(s, 0), y.repeat(s))
    assert np.allclose(weighted.predict(X), repeated.predict(X))
    positive = LinearQuantileRegressor(LEVELS, positive=True).fit(X, y)
    assert (positive.coef_ >= 0).all()
    single = LinearQuantileRegressor(LEVELS).fit(X.astype(np.float32), y)
    assert np.allclose(
        single.predict(X),
        LinearQuantileRegressor(LEVELS).fit(X, y).predict(X),
        rtol=1e-3,
    )


@pytest.mark.parametrize("kind", [csr_array, csc_matrix])
def test_sparse_features(kind):
    thin = np.where(X > 0.02, X, 0.0)
    s = np.arange(len(y)) % 3
    for weights in (None, s):
        dense = LinearQuantileRegressor(LEVELS).fit(thin, y, sample_weight=weights)
        model = clone(dense).fit(kind(thin), y, sample_weight=weights)
        assert np.allclose(model.predict(kind(thin)), dense.predict(thin))
    stack = QuantileStackingRegressor(
        [("linear", LinearQuantileRegressor())], quantiles=LEVELS, cv=2
    ).fit(kind(thin), y)
    assert np.isfinite(stack.predict_quantiles(kind(thin))).all()
    mixed = clone(stack).set_params(estimators=base_models(), local=True)
    with pytest.raises(TypeError, match="dense data only"):
        mixed.fit(kind(thin), y)


def test_prediction_methods():
    model = LinearQuantileRegressor().fit(X, y)
    Q = model.predict_quantiles(X)
    assert Q.shape == (200, 19)
    assert (np.diff(Q, axis=1) >= 0).all()
    assert np.array_equal(model.predict(X), Q[:, 9])
    assert np.array_equal(model.predict(X, quantiles=[0.05, 0.95]), Q[:, [0, 18]])
    assert np.array_equal(model.predict_interval(X), Q[:, [0, 18]])
    cdf = model.predict_cdf(X, Q[:, 4])
    assert (cdf >= 0.25 - 1e-12).all()
    assert np.isclose(np.median(cdf), 0.25)
    assert model.sample(X[:3], 7, random_state=0).shape == (3, 7)
    for bad in (1.0, "a", 0):
        with pytest.raises(ValueError, match="coverage"):
            model.predict_interval(X, coverage=bad)
    with pytest.raises(ValueError, match="extrapolate"):
        model.predict_quantiles(X, [0.01])
    assert model.predict_quantiles(X, [0.01], extrapolate="gaussian").shape == (200, 1)
    upper = LinearQuantileRegressor([0.7, 0.9]).fit(X, y)
    assert np.array_equal(upper.predict(X), upper.predict_quantiles(X)[:, 0])


class Dist:
    def __init__(self, center):
        self.center = center

    def ppf(self, level):
        return self.center + level


class Plain(RegressorMixin, BaseEstimator):
    """Stands in for the regressor of another library."""

    def fit(self, X, y):
        self.center_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.center_)


class NGBLike(Plain):
    def pred_dist(self, X):
        return Dist(self.predict(X))


class ForestLike(Plain):
    def predict(self, X, quantiles=None):
        return np.full((len(X), len(quantiles)), self.center_) + quantiles


class TabPFNLike(Plain):
    def predict(self, X, output_type="mean", quantiles=None):
        assert output_type == "quantiles"
        return [np.full(len(X), self.center_ + level) for level in quantiles]


class LGBMRegressor(Plain):
    def __init__(self, objective=None, alpha=0.9):
        self.objective = objective
        self.alpha = alpha

    def predict(self, X):
        assert self.objective == "quantile"
        return np.full(len(X), self.center_ + self.alpha)


class XGBRegressor(Plain):
    def __init__(self, objective=None, quantile_alpha=None):
        self.objective = objective
        self.quantile_alpha = quantile_alpha

    def predict(self, X):
        assert self.objective == "reg:quantileerror"
        return np.full((len(X), len(self.quantile_alpha)), self.center_) + (
            self.quantile_alpha
        )


class CatBoostRegressor(Plain):
    def __init__(self, loss_function="RMSE"):
        self.loss_function = loss_function

    def predict(self, X):
        name, _, values = self.loss_function.partition(":alpha=")
        levels = [float(value) for value in values.split(",")]
        assert name == ("MultiQuantile" if len(levels) > 1 else "Quantile")
        out = np.full((len(X), len(levels)), self.center_) + levels
        return out if len(levels) > 1 else out[:, 0]


LGBMRegressor.__module__ = "lightgbm.sklearn"
XGBRegressor.__module__ = "xgboost.sklearn"
CatBoostRegressor.__module__ = "catboost.core"
FAKES = [
    NGBLike,
    ForestLike,
    TabPFNLike,
    LGBMRegressor,
    XGBRegressor,
    CatBoostRegressor,
]


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.__name__)
def test_forms_of_other_libraries(fake, wrap):
    model = make_pipeline(StandardScaler(), fake()) if wrap else fake()
    for levels in (LEVELS, [0.5]):
        found = MultiQuantileRegressor(model, quantiles=levels).fit(X, y)
        expected = y.mean() + np.array(levels)
        assert np.allclose(found.predict_quantiles(X[:2]), [expected, expected])


def test_forms_of_scikit_learn():
    for model in (
        boosting(),
        HistGradientBoostingRegressor(max_iter=5, random_state=0),
        QuantileRegressor(alpha=0.1),
        DummyRegressor(),
        GaussianProcessRegressor(alpha=0.1, optimizer=None),
        BayesianRidge(),
        LinearQuantileRegressor(),
    ):
        found = MultiQuantileRegressor(model, quantiles=LEVELS).fit(X, y)
        Q = found.predict_quantiles(X)
        assert Q.shape == (200, 3)
        assert (np.diff(Q, axis=1) >= 0).all()
        assert np.isfinite(Q).all()


def test_unknown_form_lists_what_is_accepted():
    for model in (RandomForestRegressor(), Plain(), LinearRegression()):
        with pytest.raises(TypeError, match=r"cannot predict quantiles.*LGBMRegressor"):
            MultiQuantileRegressor(model).fit(X, y)
    with pytest.raises(TypeError, match="'forest'"):
        QuantileStackingRegressor([("forest", RandomForestRegressor())]).fit(X, y)
    named = MultiQuantileRegressor(
        LGBMRegressor("quantile"), quantile_param="alpha", quantiles=LEVELS
    ).fit(X, y)
    assert np.allclose(named.predict_quantiles(X[:1]), y.mean() + np.array(LEVELS))
    with pytest.raises(ValueError, match="quantile_param='nonsense'"):
        MultiQuantileRegressor(boosting(), quantile_param="nonsense").fit(X, y)


def test_predict_quantiles_of_fitted_models():
    one = QuantileRegressor(quantile=0.3, alpha=0).fit(X, y)
    assert np.array_equal(predict_quantiles(one, X)[:, 0], one.predict(X))
    with pytest.raises(ValueError, match=r"level 0.3 only"):
        predict_quantiles(one, X, LEVELS)
    with pytest.raises(ValueError, match="loss='quantile'"):
        predict_quantiles(
            GradientBoostingRegressor(n_estimators=2, random_state=0).fit(X, y), X
        )
    assert predict_quantiles(BayesianRidge().fit(X, y), X).shape == (200, 19)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LinearQuantileRegressor(LEVELS)),
        {"linearquantileregressor__fit_intercept": [True, False]},
        cv=2,
    ).fit(X, y)
    assert predict_quantiles(search, X).shape == (200, 3)


@pytest.mark.parametrize("inner", ["linear", "boosting", "gaussian"])
@pytest.mark.parametrize("decreasing", [False, True])
def test_transformed_targets(inner, decreasing):
    model = {
        "linear": LinearQuantileRegressor(),
        "boosting": boosting(),
        "gaussian": BayesianRidge(),
    }[inner]
    sign = -1 if decreasing else 1
    wrapped = TransformedTargetRegressor(
        model, func=lambda v: sign * v, inverse_func=lambda v: sign * v
    )
    found = MultiQuantileRegressor(wrapped, quantiles=LEVELS).fit(X, y)
    plain = MultiQuantileRegressor(model, quantiles=LEVELS).fit(X, y)
    Q, expected = found.predict_quantiles(X), plain.predict_quantiles(X)
    if inner == "boosting" and decreasing:
        # Trees break ties differently; the levels must be the right way round.
        assert np.abs(Q.mean(0) - expected.mean(0)).max() < 10
    else:
        assert np.allclose(Q, expected, atol=1e-5)


@pytest.mark.parametrize("shift", [1.0, 100.0])
@pytest.mark.parametrize(
    ("func", "inverse"),
    [
        (lambda v: 1 / v, lambda v: 1 / v),
        (lambda v: -np.log(v), lambda v: np.exp(-v)),
        (lambda v: -np.sqrt(v), lambda v: v**2),
        (np.log, np.exp),
    ],
    ids=["inverse", "minus log", "minus root", "log"],
)
def test_monotone_transforms_and_levels_without_partners(func, inverse, shift):
    """Shares of training targets below the quantiles are those that were asked for."""
    rng = np.random.RandomState(0)
    rows = rng.normal(size=(200, 2))
    target = shift * np.exp(0.3 * rows[:, 0] + 0.2 * rng.normal(size=200))

    def share(Q):
        return np.mean(target[:, None] <= Q, axis=0)

    trees = GradientBoostingRegressor(
        loss="quantile", alpha=0.2, n_estimators=10, random_state=0
    )
    for levels in ([0.3], [0.1, 0.5]):
        for model in (LinearQuantileRegressor(), QuantileRegressor(alpha=0), trees):
            wrapped = TransformedTargetRegressor(
                model, func=func, inverse_func=inverse, check_inverse=False
            )
            found = MultiQuantileRegressor(wrapped, quantiles=levels).fit(rows, target)
            Q = found.predict_quantiles(rows)
            assert np.abs(share(Q) - levels).max() < 0.06
            assert np.allclose(found.predict_quantiles(rows[:1]), Q[:1])
    decreasing = func(2.0) < func(1.0)
    wrapped = TransformedTargetRegressor(trees, func=func, inverse_func=inverse)
    wrapped.set_params(check_inverse=False).fit(rows, target)
    expected = 0.8 if decreasing else 0.2
    assert abs(share(predict_quantiles(wrapped, rows))[0] - expected) < 0.06
    one = predict_quantiles(wrapped, rows[:1], [expected])
    assert np.allclose(one, wrapped.predict(rows[:1]))
    with pytest.raises(ValueError, match=f"level {expected:g} only"):
        predict_quantiles(wrapped, rows, [1 - expected])
    inner = make_pipeline(StandardScaler(), LinearQuantileRegressor([0.1, 0.3]))
    wrapped = TransformedTargetRegressor(inner, func=func, inverse_func=inverse)
    search = GridSearchCV(
        wrapped.set_params(check_inverse=False),
        {"regressor__linearquantileregressor__fit_intercept": [True]},
        cv=2,
    ).fit(rows, target)
    expected = [0.7, 0.9] if decreasing else [0.1, 0.3]
    assert np.abs(share(predict_quantiles(search, rows)) - expected).max() < 0.03


def test_search_selects_by_the_pinball_loss():
    search = GridSearchCV(boosting(), {"max_depth": [1, 3]}, cv=2)
    found = MultiQuantileRegressor(search, quantiles=[0.1, 0.9]).fit(X, y)
    assert found.estimators_[0].best_score_ < 0
    assert search.scoring is None


def shifted(fitted, X, quantiles):
    return fitted.predict(X)[:, None] + np.asarray(quantiles)


def test_five_kinds_in_one_stack():
    models = [
        ("linear", LinearQuantileRegressor()),
        ("boosting", boosting()),
        ("gp", make_pipeline(StandardScaler(), BayesianRidge())),
        ("fake", XGBRegressor()),
        ("own", QuantileAdapter(LinearRegression(), shifted)),
        ("gone", "drop"),
    ]
    stack = QuantileStackingRegressor(models, quantiles=LEVELS, cv=3).fit(X, y)
    assert stack.base_quantiles(X).shape == (200, 5, 3)
    assert stack.oof_scores_["aggregate"] <= min(stack.oof_scores_.values()) + 1e-9
    assert list(stack.named_estimators_) == ["linear", "boosting", "gp", "fake", "own"]
    assert stack.get_params()["boosting__n_estimators"] == 10
    assert clone(stack).set_params(boosting="drop").fit(X, y).weights_.shape == (4, 3)


@pytest.mark.parametrize(
    ("granularity", "shape"),
    [
        ("coarse", (2,)),
        ("medium", (2, 3)),
        ("fine", (2, 3, 3)),
        ("average", (2, 3)),
        ("median", None),
        ("qra", (2, 3)),
    ],
)
def test_granularities(granularity, shape):
    stack = QuantileStackingRegressor(
        base_models(), quantiles=LEVELS, cv=3, granularity=granularity
    ).fit(X, y)
    Q = stack.predict_quantiles(X)
    assert (np.diff(Q, axis=1) >= 0).all()
    if shape is None:
        assert not hasattr(stack, "weights_")
        assert np.allclose(Q, np.sort(np.median(stack.base_quantiles(X), axis=1), 1))
        return
    assert stack.weights_.shape == shape
    assert stack.predict_weights(X[:2]).shape == (2, *shape)


def test_out_of_fold_predictions_are_out_of_fold():
    stack = QuantileStackingRegressor(
        base_models(), quantiles=LEVELS, cv=KFold(4), store_oof=True
    ).fit(X, y)
    for train, test in KFold(4).split(X):
        model = LinearQuantileRegressor(LEVELS).fit(X[train], y[train])
        assert np.allclose(
            stack.oof_quantiles_[test, 0], model.predict_quantiles(X[test])
        )
    direct = QuantileAggregator(LEVELS).fit(stack.oof_quantiles_, y)
    assert np.allclose(direct.weights_, stack.weights_)


def test_folds_of_all_kinds():
    early = [
        (np.arange(100), np.arange(100, 150)),
        (np.arange(150), np.arange(150, 200)),
    ]
    stack = QuantileStackingRegressor(base_models(), quantiles=LEVELS, cv=early)
    stack.set_params(store_oof=True).fit(X, y)
    assert np.isnan(stack.oof_quantiles_[:100]).all()
    assert np.isfinite(stack.oof_quantiles_[100:]).all()
    groups = np.arange(200) // 10
    grouped = clone(stack).set_params(cv=GroupKFold(4), refit=False)
    grouped.fit(X, y, groups=groups)
    assert len(grouped.estimators_) == 4
    fitted = [
        (n, MultiQuantileRegressor(m, quantiles=LEVELS).fit(X, y))
        for n, m in base_models()
    ]
    prefit = QuantileStackingRegressor(fitted, quantiles=LEVELS, cv="prefit").fit(X, y)
    assert prefit.estimators_[0] is fitted[0][1]
    tiny = QuantileStackingRegressor(
        [("linear", LinearQuantileRegressor())], quantiles=LEVELS, cv=LeaveOneOut()
    ).fit(X[:6], y[:6])
    assert np.isfinite(tiny.predict(X)).all()
    with pytest.warns(UserWarning, match="cv=5 is more"):
        clone(tiny).set_params(cv=5).fit(X[:3], y[:3])


def test_weights_of_rows():
    s = np.random.RandomState(0).randint(0, 3, len(y))
    folds = list(KFold(3).split(X))
    groups = np.zeros(len(y), dtype=int)
    for k, (_, test) in enumerate(folds):
        groups[test] = k
    repeated_groups = groups.repeat(s)
    again = [
        (np.flatnonzero(repeated_groups != k), np.flatnonzero(repeated_groups == k))
        for k in range(3)
    ]
    stack = QuantileStackingRegressor(
        [
            ("linear", LinearQuantileRegressor()),
            ("flat", LinearQuantileRegressor(fit_intercept=False)),
        ],
        quantiles=LEVELS,
    )
    weighted = clone(stack).set_params(cv=folds).fit(X, y, sample_weight=s)
    repeated = clone(stack).set_params(cv=again).fit(X.repeat(s, 0), y.repeat(s))
    assert np.allclose(weighted.weights_, repeated.weights_, atol=1e-5)
    for bad in (np.zeros(len(y)), np.ones(3), -np.ones(len(y))):
        with pytest.raises(ValueError):
            stack.fit(X, y, sample_weight=bad)


def test_inputs():
    stack = QuantileStackingRegressor(base_models(), quantiles=LEVELS, cv=2)
    frame = pd.DataFrame(X, columns=list("abcdefghij"))
    assert np.allclose(stack.fit(frame, y).predict(frame), stack.fit(X, y).predict(X))
    flat = stack.fit(X, np.full(len(y), 3.0))
    assert np.allclose(flat.predict_quantiles(X), 3.0, atol=1e-6)
    assert np.isfinite(flat.duality_gap_).all()
    with pytest.raises(ValueError, match="one-dimensional"):
        stack.fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="numeric"):
        stack.fit(X, y.astype(str))
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="y contains"):
            stack.fit(X, np.where(np.arange(len(y)) == 3, wrong, y))
    with pytest.raises(ValueError, match="increase"):
        clone(stack).set_params(quantiles=[0.5, 0.1]).fit(X, y)
    with pytest.raises(ValueError, match=r"\(name, estimator\)"):
        QuantileStackingRegressor([boosting()]).fit(X, y)
    with pytest.raises(ValueError, match="drop"):
        QuantileStackingRegressor([("a", "drop")]).fit(X, y)


def test_missing_values_are_the_business_of_base_models():
    gaps = X.copy()
    gaps[::5, 0] = np.nan
    trees = HistGradientBoostingRegressor(max_iter=5, random_state=0)
    linear = make_pipeline(SimpleImputer(), LinearQuantileRegressor())
    stack = QuantileStackingRegressor(
        [("trees", trees), ("linear", linear)], quantiles=LEVELS, cv=2
    )
    assert np.isfinite(stack.fit(gaps, y).predict(gaps)).all()
    with pytest.raises(ValueError, match="'linear'"):
        clone(stack).set_params(linear=LinearQuantileRegressor()).fit(gaps, y)


def broken(fitted, X, quantiles):
    return np.full((len(X), len(quantiles)), np.nan)


def test_nan_from_a_base_model_is_named():
    model = QuantileAdapter(LinearRegression(), broken)
    with pytest.raises(ValueError, match=r"NaN"):
        QuantileStackingRegressor([("bad", model)], quantiles=LEVELS, cv=2).fit(X, y)
    with pytest.raises(ValueError, match=r"'bad'"):
        QuantileStackingRegressor([("bad", model)], quantiles=LEVELS, cv=2).fit(X, y)


def short(fitted, X, quantiles):
    return np.zeros((len(X) - 1, len(quantiles)))


def test_answers_of_the_wrong_shape_are_named():
    model = QuantileAdapter(LinearRegression(), short, quantiles=LEVELS).fit(X, y)
    with pytest.raises(ValueError, match=r"shape \(199, 3\), expected \(200, 3\)"):
        model.predict_quantiles(X)


def test_weights_reach_the_regressor_of_an_adapter():
    s = np.where(np.arange(len(y)) < 100, 1.0, 0.0)
    model = QuantileAdapter(LinearRegression(), shifted, quantiles=LEVELS)
    half = clone(model).fit(X[:100], y[:100]).predict_quantiles(X)
    assert np.allclose(model.fit(X, y, sample_weight=s).predict_quantiles(X), half)
    multi = MultiQuantileRegressor(model, quantiles=LEVELS)
    assert np.allclose(multi.fit(X, y, sample_weight=s).predict_quantiles(X), half)


def test_options_that_mean_nothing():
    Z = np.zeros((20, 2, 3))
    for params, message in (
        ({"local": True, "granularity": "qra"}, "local=True needs granularity"),
        ({"local": True, "constraint": "free"}, "softmax"),
        ({"crossing_penalty": 1.0}, "crossing_penalty"),
        ({"quantiles": [0.5]}, "3 levels"),
    ):
        with pytest.raises(ValueError, match=message):
            QuantileAggregator(**{"quantiles": LEVELS, **params}).fit(Z, np.arange(20))
    aggregate = QuantileAggregator(LEVELS, shrinkage=1.0).fit(Z, np.arange(20))
    assert np.allclose(aggregate.weights_, 0.5)
    with pytest.raises(ValueError, match="expected predictions of 3"):
        aggregate.predict(np.zeros((5, 2)))


def normal(n, seed):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 1))
    return X, X[:, 0] + rng.normal(size=n)


@pytest.mark.parametrize("n_calibration", [9, 10, 19, 25])
def test_coverage_is_exact(n_calibration):
    """Mean coverage over 600 fits, within 4 standard errors of its exact value."""
    levels, alpha = [0.1, 0.9], 0.2
    rank = int(np.ceil((1 - alpha) * (n_calibration + 1) - 1e-9))
    assert rank <= n_calibration
    hits = []
    for seed in range(600):
        rows, target = normal(20 + n_calibration + 20, seed)
        model = ConformalQuantileRegressor(
            DummyRegressor(),
            quantiles=levels,
            calibration_size=n_calibration,
            random_state=seed,
        ).fit(rows[:-20], target[:-20])
        low, high = model.predict_interval(rows[-20:], coverage=0.8).T
        hits.append(np.mean((low <= target[-20:]) & (target[-20:] <= high)))
    expected = rank / (n_calibration + 1)
    assert abs(np.mean(hits) - expected) < 4 * np.std(hits) / np.sqrt(600)


def test_too_few_rows_make_infinite_intervals():
    rows, target = normal(30, 0)
    model = ConformalQuantileRegressor(
        quantiles=[0.05, 0.5, 0.95], calibration_size=8, random_state=0
    )
    with pytest.warns(UserWarning, match=r"8 rows are too few .* at least 9 rows"):
        model.fit(rows, target)
    Q = model.predict_quantiles(rows)
    assert np.isneginf(Q[:, 0]).all()
    assert np.isposinf(Q[:, 2]).all()
    assert np.isfinite(model.predict(rows)).all()
    assert np.isfinite(
        model.set_params(calibration_size=9).fit(rows, target).shifts_
    ).all()


@pytest.mark.parametrize("method", ["cqr", "cv+"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_calibrated_intervals_are_nested_and_cover(method, symmetric):
    rows, target = normal(400, 1)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    model = ConformalQuantileRegressor(
        DummyRegressor(),
        quantiles=levels,
        method=method,
        symmetric=symmetric,
        random_state=0,
    ).fit(rows, target)
    new, truth = normal(2000, 2)
    Q = model.predict_quantiles(new)
    assert (np.diff(Q, axis=1) >= 0).all()
    for k, coverage in ((0, 0.9), (1, 0.5)):
        inside = np.mean((Q[:, k] <= truth) & (truth <= Q[:, 4 - k]))
        assert coverage - 0.1 < inside < coverage + 0.1


def test_calibration_needs_pairs():
    model = ConformalQuantileRegressor(quantiles=[0.1, 0.5, 0.8])
    with pytest.raises(ValueError, match="symmetric=False"):
        model.fit(X, y)
    model.set_params(symmetric=False, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="hold every row once"):
        model.set_params(method="cv+", cv=[(np.arange(100), np.arange(100, 200))])
        model.fit(X, y)


@pytest.mark.parametrize("conformalize", ["cqr", "cv+"])
def test_conformal_stacks(conformalize):
    stack = QuantileStackingRegressor(
        base_models(),
        quantiles=LEVELS,
        cv=3,
        conformalize=conformalize,
        random_state=0,
    ).fit(X, y)
    Q = stack.predict_quantiles(X)
    assert (np.diff(Q, axis=1) >= 0).all()
    assert np.isfinite(Q).all()
    assert np.mean((Q[:, 0] <= y) & (y <= Q[:, 2])) > 0.7
    assert pickle.loads(pickle.dumps(stack)).predict(X).shape == (200,)
    # Rows of weight zero are no reason to warn of weights.
    stack.fit(X, y, sample_weight=(np.arange(200) > 20).astype(float))


def test_nested_calibration_uses_models_that_saw_neither_fold():
    stack = QuantileStackingRegressor(
        [("linear", LinearQuantileRegressor())],
        quantiles=LEVELS,
        cv=KFold(3),
        conformalize="cv+",
    ).fit(X, y)
    parts = []
    for train, test in KFold(3).split(X):
        model = LinearQuantileRegressor(LEVELS).fit(X[train], y[train])
        Q = model.predict_quantiles(X[test])
        parts.append(np.sort(np.maximum(Q[:, 0] - y[test], y[test] - Q[:, 2])))
    assert np.allclose(stack.conformity_scores_[:, 0], np.concatenate(parts))
