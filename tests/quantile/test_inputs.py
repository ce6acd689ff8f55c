"""Groups, fitted regressors, infinite ends, odd targets and threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.metrics import interval_coverage
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
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = X[:, 0] + RNG.normal(size=200)
GROUPS = np.repeat(np.arange(20), 10)[RNG.permutation(200)]


class Watcher(RegressorMixin, BaseEstimator):
    """Remembers the groups it was fitted on, which are its only feature."""

    def fit(self, X, y):
        self.seen_ = set(np.asarray(X)[:, 0])
        return self

    def predict(self, X, quantiles):
        assert not self.seen_ & set(np.asarray(X)[:, 0])
        return np.zeros((len(X), 1)) + np.asarray(quantiles)


def stack(**options):
    models = [("watcher", Watcher())]
    return QuantileStackingRegressor(models, quantiles=LEVELS, refit=False, **options)


KEEPERS = {
    "cqr": ConformalQuantileRegressor(Watcher(), quantiles=LEVELS, random_state=0),
    "cv+": ConformalQuantileRegressor(Watcher(), quantiles=LEVELS, method="cv+", cv=3),
    "cv+, splitter": ConformalQuantileRegressor(
        Watcher(), quantiles=LEVELS, method="cv+", cv=LeaveOneGroupOut()
    ),
    "stack": stack(cv=3),
    "stack, splitter": stack(cv=GroupKFold(3)),
    "stack, cqr": stack(cv=GroupKFold(3), conformalize="cqr", random_state=0),
    "stack, int and cqr": stack(cv=3, conformalize="cqr", random_state=0),
    "stack, cv+": stack(cv=3, conformalize="cv+"),
    "stack, weights": stack(cv=3, conformalize="cqr", random_state=0),
}


@pytest.mark.parametrize("name", KEEPERS)
def test_groups_are_never_torn(name):
    """The models refuse to predict a group that they have seen."""
    table = np.column_stack([GROUPS, X])
    weights = np.ones(200)
    if "weights" in name:
        weights[::7] = 0.0
    KEEPERS[name].fit(table, Y, groups=GROUPS, sample_weight=weights)


@pytest.mark.parametrize("method", ["cqr", "cv+"])
def test_intervals_cover_new_groups(method):
    covered, torn = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        group = rng.permutation(np.repeat(np.arange(60), 12))
        table = rng.normal(size=(60, 4))[group] + 0.05 * rng.normal(size=(720, 4))
        y = 3 * rng.normal(size=60)[group] + 0.5 * rng.normal(size=720)
        old = group < 40
        trees = GradientBoostingRegressor(n_estimators=10, max_depth=4, random_state=0)
        model = ConformalQuantileRegressor(
            trees, quantiles=[0.05, 0.95], method=method, cv=3, random_state=0
        )
        for given, found in ((group[old], covered), (None, torn)):
            model.fit(table[old], y[old], groups=given)
            interval = model.predict_interval(table[~old], 0.9)
            found.append(interval_coverage(y[~old], interval))
    assert 0.84 < np.mean(covered) < 0.97
    assert np.mean(torn) < np.mean(covered) - 0.03


@pytest.mark.parametrize(
    "make",
    [
        list,
        lambda g: [f"g{i}" for i in g],
        lambda g: [i if i % 2 else f"g{i}" for i in g],
        lambda g: g.astype(float),
        lambda g: pd.Series(g, index=np.arange(200)[::-1], dtype="Int64"),
        lambda g: pd.Series(g).astype(str).astype("category"),
        lambda g: pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(g, "D")),
    ],
)
def test_labels_of_groups(make):
    for name in ("cqr", "cv+", "stack, cqr"):
        KEEPERS[name].fit(np.column_stack([GROUPS, X]), Y, groups=make(GROUPS))


@pytest.mark.parametrize("method", ["cqr", "cv+"])
def test_messages_about_groups(method):
    model = ConformalQuantileRegressor(
        quantiles=LEVELS, method=method, cv=3, random_state=0
    )
    with pytest.raises(ValueError, match="groups has a? ?(the )?single label"):
        model.fit(X, Y, groups=np.zeros(200))
    with pytest.raises(ValueError, match="groups has no label for 10 of 200 rows"):
        model.fit(X, Y, groups=np.where(GROUPS == 3, np.nan, GROUPS))
    with pytest.raises(ValueError, match="groups has 3 labels for 200 rows"):
        model.fit(X, Y, groups=[1, 2, 3])
    model = ConformalQuantileRegressor(quantiles=LEVELS, method="cv+", cv=GroupKFold(3))
    with pytest.raises(ValueError, match="needs groups: pass them to fit"):
        model.fit(X, Y)
    with (
        pytest.warns(UserWarning, match="tears groups apart"),
        pytest.warns(UserWarning, match="ignored"),
    ):
        model.set_params(cv=KFold(3, shuffle=True, random_state=0)).fit(
            X, Y, groups=GROUPS
        )


def test_groups_reach_searches_and_meta_estimators():
    search = GridSearchCV(
        LinearQuantileRegressor(LEVELS), {"positive": [False]}, cv=GroupKFold(3)
    )
    for base in (search, make_pipeline(StandardScaler(), search)):
        model = ConformalQuantileRegressor(base, quantiles=LEVELS, random_state=0)
        model.fit(X, Y, groups=GROUPS)
        QuantileStackingRegressor([("a", base)], quantiles=LEVELS, cv=2).fit(
            X, Y, groups=GROUPS
        )
    with sklearn.config_context(enable_metadata_routing=True):
        for name in ("cqr", "cv+", "stack, cqr"):
            model = sklearn.base.clone(KEEPERS[name]).set_fit_request(groups=True)
            found = cross_validate(
                model,
                np.column_stack([GROUPS, X]),
                Y,
                cv=GroupKFold(3),
                params={"groups": GROUPS},
                error_score="raise",
            )
            assert np.isfinite(found["test_score"]).all()


def test_the_gate_keeps_groups_together():
    from skext.quantile._core.groups import keep_back

    train, rest = keep_back(200, 30, np.random.RandomState(0), GROUPS)
    assert not set(GROUPS[train]) & set(GROUPS[rest])
    assert sorted([*train, *rest]) == list(range(200))
    assert 20 <= len(rest) <= 40


def test_fitted_regressors_are_calibrated_on_all_rows():
    linear = LinearQuantileRegressor(LEVELS).fit(X[:100], Y[:100])
    trees = GradientBoostingRegressor(loss="quantile", alpha=0.9, random_state=0)
    trees.fit(X[:100], Y[:100])
    new, y = X[100:], Y[100:]
    frozen = ConformalQuantileRegressor(FrozenEstimator(linear), quantiles=LEVELS)
    prefit = ConformalQuantileRegressor(linear, quantiles=LEVELS, cv="prefit")
    for model in (frozen, prefit):
        model.fit(new, y)
        assert model.conformity_scores_.shape == (100, 3)
        expected = linear.predict_quantiles(new) + model.shifts_ * np.array([-1, 1, 1])
        assert np.allclose(model.predict_quantiles(new), expected)
        with pytest.raises(ValueError, match="use method='cqr'"):
            model.set_params(method="cv+").fit(new, y)
    for fitted, levels in ((linear, LEVELS), (trees, [0.9])):
        model = MultiQuantileRegressor(FrozenEstimator(fitted), quantiles=levels)
        found = model.fit(new, y, sample_weight=np.ones(100)).predict_quantiles(new)
        assert np.array_equal(found, predict_quantiles(fitted, new))
        assert np.array_equal(found, predict_quantiles(FrozenEstimator(fitted), new))
    with pytest.raises(ValueError, match="fitted for the level 0.9 only"):
        model.set_params(quantiles=LEVELS).fit(new, y).predict(new)
    QuantileStackingRegressor(
        [("a", FrozenEstimator(linear)), ("b", LinearQuantileRegressor())],
        quantiles=LEVELS,
        cv=2,
    ).fit(new, y)


@pytest.mark.filterwarnings("ignore:.*too few to calibrate")
@pytest.mark.filterwarnings("ignore:0.5 is not among the levels")
@pytest.mark.parametrize("kind", ["cqr", "cv+", "stack", "stack, cv+"])
def test_what_lies_between_infinite_ends(kind):
    levels, models = [0.01, 0.99], [("linear", LinearQuantileRegressor())]
    model = {
        "cqr": ConformalQuantileRegressor(quantiles=levels, random_state=0),
        "cv+": ConformalQuantileRegressor(quantiles=levels, method="cv+", cv=3),
        "stack": QuantileStackingRegressor(
            models, quantiles=levels, cv=2, conformalize="cqr", random_state=0
        ),
        "stack, cv+": QuantileStackingRegressor(
            models, quantiles=levels, cv=3, conformalize="cv+"
        ),
    }[kind]
    model.fit(X[:40], Y[:40])
    for coverage in (0.1, 0.5, 0.98):
        interval = model.predict_interval(X[:5], coverage)
        assert (interval == [-np.inf, np.inf]).all()
    middle = model.predict(X)
    assert np.isfinite(middle).all()
    assert np.array_equal(model.predict_quantiles(X, [0.5])[:, 0], middle)
    assert np.corrcoef(middle, X[:, 0])[0, 1] > 0.7
    assert np.isfinite(model.score(X, Y))
    assert not np.isnan(model.sample(X, 20, random_state=0)).any()
    assert ((model.predict_cdf(X, 0.0) >= 0) & (model.predict_cdf(X, 0.0) <= 1)).all()
    wide = model.predict_interval(X[:5], 0.999, extrapolate="gaussian")
    assert (wide == [-np.inf, np.inf]).all()
    if kind.startswith("stack"):
        assert np.isfinite(model.set_params(point="mean").predict(X)).all()


def test_one_infinite_end_widens_intervals():
    from skext.utils._quantiles.levels import change_levels

    levels = np.array([0.05, 0.5, 0.95])
    Q = np.array([[-np.inf, 1.0, 2.0], [0.0, 1.0, np.inf], [-np.inf, np.inf, np.inf]])
    out = change_levels(Q, levels, np.array([0.275, 0.5, 0.725]))
    expected = [[-np.inf, 1.0, 1.5], [0.5, 1.0, np.inf], [-np.inf, np.inf, np.inf]]
    assert np.allclose(out, expected)


def test_advice_can_be_followed():
    model = LinearQuantileRegressor(LEVELS).fit(X, Y)
    with pytest.raises(ValueError, match="predict_quantiles or predict_interval"):
        model.predict_interval(X, 0.99)
    for shape in ("gaussian", "exponential"):
        wide = model.predict_interval(X, 0.99, extrapolate=shape)
        assert (wide[:, 0] <= model.predict_interval(X, 0.8)[:, 0]).all()


def test_levels_far_from_the_median_warn():
    model = LinearQuantileRegressor([0.05, 0.95]).fit(X, Y)
    with pytest.warns(UserWarning, match="Fit with the level 0.5"):
        model.predict(X)
    for quiet in ([0.4, 0.6], [0.9], [0.7, 0.9], [0.05, 0.5, 0.95]):
        LinearQuantileRegressor(quiet).fit(X, Y).predict(X)
    # Regressors that know all levels are asked for the median.
    ridge = BayesianRidge().fit(X, Y)
    for model in (
        MultiQuantileRegressor(BayesianRidge(), quantiles=[0.05, 0.99]),
        ConformalQuantileRegressor(
            FrozenEstimator(ridge), quantiles=[0.01, 0.95], symmetric=False
        ),
        QuantileAdapter(BayesianRidge(), predict_quantiles, quantiles=[0.05, 0.99]),
    ):
        assert np.allclose(model.fit(X, Y).predict(X), ridge.predict(X))


@pytest.mark.parametrize(
    "model",
    [
        LinearQuantileRegressor(LEVELS),
        MultiQuantileRegressor(quantiles=LEVELS),
        ConformalQuantileRegressor(quantiles=LEVELS, random_state=0),
        QuantileAdapter(LinearQuantileRegressor(), predict_quantiles, quantiles=LEVELS),
        QuantileStackingRegressor(
            [("a", LinearQuantileRegressor())], quantiles=LEVELS, cv=2
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_targets(model):
    flags = Y > 0
    expected = model.fit(X, flags.astype(float)).predict_quantiles(X)
    for y in (
        flags,
        flags.astype(object),
        flags.tolist(),
        pd.Series(flags, dtype="boolean"),
        pd.Series(flags, index=np.arange(200)[::-1]),
    ):
        assert np.array_equal(model.fit(X, y).predict_quantiles(X), expected)
    days = pd.date_range("2020", periods=200)
    for y in (days, pd.Series(days), days.to_numpy(), days - days[0]):
        with pytest.raises(ValueError, match="y holds dates"):
            model.fit(X, y)


def test_flags_and_dates_for_the_aggregator():
    Z = X[:, :, None]
    weights = [QuantileAggregator([0.5]).fit(Z, y).weights_ for y in (Y > 0, Y > 0.0)]
    assert np.array_equal(*weights)
    with pytest.raises(ValueError, match="y holds dates"):
        QuantileAggregator([0.5]).fit(Z, pd.date_range("2020", periods=200))


def test_local_weights_do_not_depend_on_threads():
    pytest.importorskip("skorch")
    Z = np.cumsum(np.abs(np.random.default_rng(0).normal(size=(200, 3, 3))), axis=2)
    params = {"max_epochs": 3}

    def fit():
        model = QuantileAggregator(
            LEVELS, local=True, random_state=0, gate_params=params, device="cpu"
        )
        model.fit(Z, Y, X=X, groups=GROUPS)
        return model.predict_interval(Z, 0.8, X=X)

    expected = fit()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fit(), range(8)))
    assert all(np.array_equal(one, expected) for one in found)


@pytest.mark.parametrize("options", [{}, {"loss": "pinball"}])
def test_nets_with_the_pinball_loss(options):
    pytest.importorskip("skorch")
    from skext.neural_network import TabularNetRegressor

    net = TabularNetRegressor(max_epochs=60, device="cpu", random_state=0, **options)
    model = MultiQuantileRegressor(net, quantiles=[0.1, 0.9]).fit(X, Y)
    Q = model.predict_quantiles(X)
    assert 0.5 < interval_coverage(Y, Q) < 1
    (fitted,) = model.estimators_
    assert fitted.quantiles_.tolist() == [0.1, 0.9]
    assert np.array_equal(predict_quantiles(fitted, X), Q)
    if not options:
        with pytest.raises(ValueError, match="was not fitted for quantiles"):
            predict_quantiles(net.fit(X, Y), X)
