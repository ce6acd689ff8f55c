"""Metrics of quantiles: loops over rows, closed forms, identities, scorers."""

import inspect
import itertools
import pickle

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest, norm
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skext.metrics
from skext.metrics import (
    _quantile,
    crossing_rate,
    crps_from_quantiles,
    interval_coverage,
    interval_score,
    make_quantile_scorer,
    mean_interval_width,
    pinball_loss,
    pit_values,
    quantile_calibration_error,
    quantile_coverage,
    relative_score,
    weighted_interval_score,
)
from skext.quantile import LinearQuantileRegressor, predict_quantiles

LEVELS = np.array([0.05, 0.2, 0.5, 0.8, 0.95])
WITH_LEVELS = [
    pinball_loss,
    weighted_interval_score,
    crps_from_quantiles,
    quantile_coverage,
    quantile_calibration_error,
]


@pytest.fixture
def data():
    """Targets, crossing quantiles with some exact hits, weights with zeros."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=60)
    Q = norm.ppf(LEVELS) + rng.normal(scale=0.7, size=(60, 5))
    Q[:5, 2] = y[:5]
    return y, Q, rng.integers(0, 4, size=60).astype(float)


def loss(y, g, tau):
    return tau * (y - g) if y >= g else (1 - tau) * (g - y)


def test_pinball_loss_is_that_of_scikit_learn(data):
    y, Q, w = data
    expected = [
        mean_pinball_loss(y, Q[:, k], alpha=tau, sample_weight=w)
        for k, tau in enumerate(LEVELS)
    ]
    found = pinball_loss(y, Q, LEVELS, sample_weight=w, multioutput="raw_values")
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert pinball_loss(y, Q, LEVELS, sample_weight=w) == pytest.approx(found.mean())


def test_both_forms_of_the_weighted_interval_score(data):
    y, Q, w = data
    total = np.abs(y - Q[:, 2])
    for low, high in ((0, 4), (1, 3)):
        alpha = 2 * LEVELS[low]
        width = Q[:, high] - Q[:, low]
        miss = np.maximum(Q[:, low] - y, 0) + np.maximum(y - Q[:, high], 0)
        total = total + alpha * width + 2 * miss
    expected = np.average(total, weights=w)
    found = weighted_interval_score(y, Q, LEVELS, sample_weight=w, normalize=False)
    assert found == pytest.approx(expected, rel=1e-13)
    averaged = weighted_interval_score(y, Q, LEVELS, sample_weight=w)
    assert averaged == pytest.approx(expected / 5, rel=1e-13)
    assert averaged == pytest.approx(2 * pinball_loss(y, Q, LEVELS, sample_weight=w))
    wis = crps_from_quantiles(y, Q, LEVELS, sample_weight=w)
    assert wis == pytest.approx(averaged, rel=1e-13)


@pytest.mark.parametrize("columns", [[0, 1, 2, 3, 4], [0, 1, 3, 4]])
@pytest.mark.parametrize("normalize", [True, False])
def test_parts_of_the_weighted_interval_score(data, columns, normalize):
    y, Q, w = data
    Q, levels = Q[:, columns], LEVELS[columns]
    options = {"sample_weight": w, "normalize": normalize}
    parts = weighted_interval_score(y, Q, levels, decompose=True, **options)
    total = weighted_interval_score(y, Q, levels, **options)
    assert parts.score == pytest.approx(total, rel=1e-12)
    assert parts.score == pytest.approx(sum(parts[1:]), rel=1e-12)
    above = weighted_interval_score(y + 99, Q, levels, decompose=True, **options)
    assert above.overprediction == 0
    assert above.dispersion == pytest.approx(parts.dispersion)
    below = weighted_interval_score(y - 99, Q, levels, decompose=True, **options)
    assert below.underprediction == 0


def test_interval_score_belongs_to_two_pinball_losses(data):
    y, Q, w = data
    for low, high in ((0, 4), (1, 3)):
        alpha = 2 * LEVELS[low]
        pair, levels = Q[:, [low, high]], LEVELS[[low, high]]
        found = interval_score(y, pair, 1 - alpha, sample_weight=w)
        wis = weighted_interval_score(y, pair, levels, sample_weight=w)
        assert found * alpha / 2 == pytest.approx(wis, rel=1e-12)
    assert interval_score([3.0], [[0, 2]], 0.8) == pytest.approx(2 + 10)
    assert interval_score([1.0], [[0, 2]], 0.8) == pytest.approx(2)


def test_counts_by_loops(data):
    y, Q, w = data
    rows = range(len(y))
    share = [
        sum(w[i] for i in rows if y[i] <= Q[i, k]) / w.sum() for k in range(len(LEVELS))
    ]
    np.testing.assert_allclose(quantile_coverage(y, Q, LEVELS, sample_weight=w), share)
    distance = np.abs(np.array(share) - LEVELS)
    for norm_, expected in (
        ("mean", distance.mean()),
        ("rms", np.sqrt((distance**2).mean())),
        ("max", distance.max()),
    ):
        found = quantile_calibration_error(y, Q, LEVELS, norm=norm_, sample_weight=w)
        assert found == pytest.approx(expected)
    pair = Q[:, [1, 3]]
    inside = [pair[i, 0] <= y[i] <= pair[i, 1] for i in rows]
    found = interval_coverage(y, pair, sample_weight=w)
    assert found == pytest.approx(np.average(inside, weights=w))
    width = mean_interval_width(pair, sample_weight=w)
    assert width == pytest.approx(np.average(pair[:, 1] - pair[:, 0], weights=w))
    steps = [[max(Q[i, k] - Q[i, k + 1], 0) for k in range(4)] for i in rows]
    for options, values in (
        ({}, [any(row) for row in steps]),
        ({"per": "pair"}, [np.mean(np.array(row) > 0) for row in steps]),
        ({"magnitude": True}, [sum(row) for row in steps]),
        ({"per": "pair", "magnitude": True}, [np.mean(row) for row in steps]),
    ):
        found = crossing_rate(Q, sample_weight=w, **options)
        assert found == pytest.approx(np.average(values, weights=w))


def test_both_ends_belong_to_an_interval():
    assert interval_coverage([0, 2, 3], [[0, 2]] * 3) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(
        quantile_coverage([0, 2], [[0, 2]] * 2, [0.3, 0.7]), [0.5, 1]
    )
    assert crossing_rate([[1.0, 1.0, 1.0]]) == 0
    assert crossing_rate([[1.0], [2.0]]) == 0


def test_piecewise_linear_crps_by_numerical_integration(data):
    y, Q, _ = data
    for i in range(12):
        edges = np.sort(np.concatenate([[0, 1], LEVELS]))

        def integrand(tau, i=i):
            return 2 * loss(y[i], np.interp(tau, LEVELS, Q[i]), tau)

        expected = sum(
            quad(integrand, a, b, limit=200, epsabs=1e-11)[0]
            for a, b in itertools.pairwise(edges)
        )
        found = crps_from_quantiles(
            y[i : i + 1], Q[i : i + 1], LEVELS, method="piecewise_linear"
        )
        assert found == pytest.approx(expected, rel=1e-7)


def test_crps_of_one_level_is_the_absolute_error():
    found = crps_from_quantiles([1.0, -2], [0, 0], 0.3, method="piecewise_linear")
    assert found == pytest.approx(1.5)
    assert crps_from_quantiles([1.0, -2], [0, 0], 0.5) == pytest.approx(1.5)


@pytest.mark.parametrize("method", ["wis", "piecewise_linear"])
def test_crps_of_a_normal_distribution(method):
    levels = np.arange(1, 1000) / 1000
    y = np.linspace(-2, 2, 9)
    Q = np.tile(3 + 2 * norm.ppf(levels), (9, 1))
    closed = 2 * (y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi))
    found = crps_from_quantiles(3 + 2 * y, Q, levels, method=method)
    assert found == pytest.approx(closed.mean(), rel=1e-3)


def test_pit_of_the_truth_is_uniform():
    rng = np.random.default_rng(1)
    center, scale = rng.normal(size=4000), rng.uniform(0.5, 2, size=4000)
    levels = np.arange(1, 100) / 100
    Q = center[:, None] + scale[:, None] * norm.ppf(levels)
    y = center + scale * rng.normal(size=4000)
    assert kstest(pit_values(y, Q, levels, random_state=0), "uniform").pvalue > 0.01
    # Five levels only: interpolation is wrong between them, but not at them.
    few = pit_values(y, Q[:, [4, 19, 49, 79, 94]], LEVELS, random_state=0)
    assert np.abs((few[:, None] <= LEVELS).mean(axis=0) - LEVELS).max() < 0.025


def test_pit_of_counts_is_uniform():
    """Atoms, also at the bound of the distribution."""
    rng = np.random.default_rng(2)
    probability = np.array([0.37, 0.33, 0.2, 0.1])
    levels = np.arange(1, 100) / 100
    row = np.searchsorted(np.cumsum(probability) + 1e-12, levels).astype(float)
    y = rng.choice(4, size=4000, p=probability).astype(float)
    pit = pit_values(y, np.tile(row, (4000, 1)), levels, random_state=0)
    assert kstest(pit, "uniform").statistic < 0.03


def test_pit_in_known_places():
    Q = np.tile([0.0, 1, 1, 1, 3], (6, 1))
    y = [-1.0, 0, 0.5, 1, 2, 9]
    pit = np.array([pit_values(y, Q, LEVELS, random_state=i) for i in range(50)])
    assert (pit[:, [1, 2, 4]] == pit[0, [1, 2, 4]]).all()
    np.testing.assert_allclose(pit[0, [1, 2, 4]], [0.05, 0.125, 0.875])
    for column, low, high in ((0, 0, 0.05), (3, 0.2, 0.8), (5, 0.95, 1)):
        assert low <= pit[:, column].min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < pit[:, column].max() <= high
    shuffled = pit_values(y, Q[:, [3, 0, 4, 1, 2]], LEVELS, random_state=0)
    np.testing.assert_array_equal(shuffled, pit[0])
    constant = pit_values(np.zeros(500), np.zeros((500, 5)), LEVELS, random_state=0)
    assert kstest(constant, "uniform").pvalue > 0.01


def test_pit_with_infinite_and_huge_quantiles():
    Q = [[-np.inf, 0, np.inf]] * 2 + [[-1.7e308, 0, 1.7e308]]
    pit = pit_values([-3.0, 3, 0.85e308], Q, [0.1, 0.5, 0.9], random_state=0)
    assert 0.1 <= pit[0] <= 0.5 <= pit[1] <= 0.9
    assert pit[2] == pytest.approx(0.7)


@pytest.mark.parametrize("metric", WITH_LEVELS)
def test_weights_are_repetitions_and_blocks_do_not_matter(data, metric, monkeypatch):
    y, Q, w = data
    found = metric(y, Q, LEVELS, sample_weight=w)
    times = w.astype(int)
    repeated = metric(np.repeat(y, times), np.repeat(Q, times, axis=0), LEVELS)
    np.testing.assert_allclose(found, repeated, rtol=1e-12)
    monkeypatch.setattr(_quantile, "_BLOCK", 17)
    np.testing.assert_allclose(metric(y, Q, LEVELS, sample_weight=w), found, rtol=1e-12)
    pit = pit_values(y, Q, LEVELS, random_state=0)
    monkeypatch.undo()
    np.testing.assert_array_equal(pit, pit_values(y, Q, LEVELS, random_state=0))


@pytest.mark.parametrize("metric", WITH_LEVELS)
def test_inputs_are_left_alone_and_single_precision_is_taken(data, metric):
    y, Q, _ = data
    Q = Q.astype(np.float32)
    Q.flags.writeable = y.flags.writeable = False
    found = metric(y, Q, LEVELS)
    np.testing.assert_array_equal(found, metric(y, Q.astype(float), LEVELS))
    column = np.array(y).reshape(-1, 1).tolist()
    np.testing.assert_array_equal(found, metric(np.ravel(column).tolist(), Q, LEVELS))


def test_infinite_quantiles():
    """Calibration with few rows makes them."""
    Q = [[-np.inf, -1, 0, 1, np.inf]] * 2
    y = [0.0, 5.0]
    # A row of weight zero does not count, whatever it holds.
    assert weighted_interval_score(y, Q, LEVELS) == np.inf
    for method in ("wis", "piecewise_linear"):
        assert crps_from_quantiles(y, Q, LEVELS, method=method) == np.inf
    assert mean_interval_width(np.array(Q)[:, [0, 4]]) == np.inf
    np.testing.assert_array_equal(quantile_coverage(y, Q, LEVELS), [0, 0, 0.5, 0.5, 1])
    assert crossing_rate([[-np.inf, -np.inf, np.inf, np.inf]], magnitude=True) == 0
    Q[1] = [1, 1, 1, 1, 1]
    found = weighted_interval_score(y, Q, LEVELS, sample_weight=[0, 1])
    assert found == pytest.approx(4)
    with pytest.raises(ValueError, match="finite"):
        weighted_interval_score(y, Q, LEVELS, decompose=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantiles": None}, "5 columns for 19 levels"),
        ({"quantiles": [0.1, 0.2]}, "5 columns for 2 levels"),
        ({"quantiles": LEVELS[::-1]}, "increase strictly"),
        ({"quantiles": LEVELS * 100}, "strictly between 0 and 1"),
        ({"y_quantiles": np.full((60, 5), np.nan)}, "y_quantiles contains NaN"),
        ({"y_true": np.full(60, np.inf)}, "y_true contains inf"),
        ({"y_true": np.zeros(59)}, "inconsistent numbers"),
        ({"y_true": np.zeros((60, 2))}, "1d array"),
        ({"sample_weight": np.zeros(60)}, "zero"),
        ({"sample_weight": -np.ones(60)}, "[Nn]egative"),
    ],
)
def test_bad_input(data, change, message):
    y, Q, w = data
    params = {"y_true": y, "y_quantiles": Q, "quantiles": LEVELS, "sample_weight": w}
    for metric in WITH_LEVELS:
        with pytest.raises(ValueError, match=message):
            metric(**{**params, **change})


def test_bad_intervals_and_levels_without_partners(data):
    y, Q, _ = data
    for call in (
        lambda: interval_coverage(y, Q),
        lambda: interval_score(y, Q),
        lambda: mean_interval_width(Q),
    ):
        with pytest.raises(ValueError, match="two columns"):
            call()
    with pytest.raises(ValueError, match="coverage"):
        interval_score(y, Q[:, :2], coverage=95)
    with pytest.raises(ValueError, match="complete the pairs"):
        weighted_interval_score(y, Q[:, :2], LEVELS[:2], decompose=True)


@pytest.fixture(scope="module")
def table():
    X, y = load_diabetes(return_X_y=True)
    return X[:150, :4], y[:150]


def test_scorers_in_searches_pipelines_and_transformed_targets(table):
    X, y = table
    inner = make_pipeline(StandardScaler(), LinearQuantileRegressor(quantiles=LEVELS))
    model = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp)
    scorer = make_quantile_scorer(pinball_loss, quantiles=[0.2, 0.8])
    grid = {"regressor__linearquantileregressor__fit_intercept": [True, False]}
    search = GridSearchCV(model, grid, scoring=scorer, cv=3).fit(X, y)
    assert search.best_params_ == {next(iter(grid)): True}
    Q = predict_quantiles(search, X, [0.2, 0.8])
    assert scorer(search, X, y) == -pinball_loss(y, Q, [0.2, 0.8])
    w = np.arange(150.0)
    weighted = pinball_loss(y, Q, [0.2, 0.8], sample_weight=w)
    assert scorer(search, X, y, sample_weight=w) == -weighted


def test_several_scorers_at_once(table):
    X, y = table
    scoring = {
        "wis": make_quantile_scorer("weighted_interval_score"),
        "inside": make_quantile_scorer(
            interval_coverage, quantiles=[0.05, 0.95], greater_is_better=True
        ),
        "crossing": make_quantile_scorer(crossing_rate, per="pair"),
        "worst": make_quantile_scorer(quantile_calibration_error, norm="max"),
    }
    model = LinearQuantileRegressor(quantiles=LEVELS)
    found = cross_validate(model, X, y, scoring=scoring, cv=3, error_score="raise")
    assert (found["test_wis"] < 0).all()
    assert (found["test_inside"] > 0.6).all()
    np.testing.assert_array_equal(found["test_crossing"], 0)
    assert (found["test_worst"] < 0).all()


def test_scorer_takes_the_levels_of_the_regressor(table):
    X, y = table
    one = QuantileRegressor(quantile=0.8, alpha=0).fit(X, y)
    expected = mean_pinball_loss(y, one.predict(X), alpha=0.8)
    assert make_quantile_scorer(pinball_loss)(one, X, y) == pytest.approx(-expected)
    every = LinearQuantileRegressor(quantiles=LEVELS).fit(X, y)
    expected = weighted_interval_score(y, every.predict_quantiles(X), LEVELS)
    for metric in (weighted_interval_score, "weighted_interval_score"):
        assert make_quantile_scorer(metric)(every, X, y) == -expected


def test_scorer_is_pickled_printed_and_routed(table):
    import sklearn

    X, y = table
    scorer = make_quantile_scorer(
        quantile_calibration_error, quantiles=[0.5], norm="max"
    )
    assert repr(scorer) == (
        "make_quantile_scorer(quantile_calibration_error, quantiles=[0.5], norm='max')"
    )
    model = LinearQuantileRegressor(quantiles=LEVELS).fit(X, y)
    assert pickle.loads(pickle.dumps(scorer))(model, X, y) == scorer(model, X, y)
    w = np.linspace(0, 1, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_quantile_scorer(pinball_loss).set_score_request(
            sample_weight=True
        )
        plain = LinearQuantileRegressor(quantiles=LEVELS)
        plain.set_fit_request(sample_weight=True)
        found = cross_val_score(
            plain, X, y, scoring=routed, cv=2, params={"sample_weight": w}
        )
    expected = []
    for test in (slice(0, 75), slice(75, 150)):
        train = np.setdiff1d(np.arange(150), np.arange(150)[test])
        plain.fit(X[train], y[train], sample_weight=w[train])
        expected.append(routed(plain, X[test], y[test], sample_weight=w[test]))
    np.testing.assert_allclose(found, expected)


def test_bad_scorers(table):
    X, y = table
    model = LinearQuantileRegressor(quantiles=LEVELS).fit(X, y)
    with pytest.raises(ValueError, match="metric='wis' is not known; give a function"):
        make_quantile_scorer("wis")
    with pytest.raises(ValueError, match="increase strictly"):
        make_quantile_scorer(pinball_loss, quantiles=[0.5, 0.1])
    for bad in (
        make_quantile_scorer(quantile_coverage),
        make_quantile_scorer(weighted_interval_score, decompose=True),
    ):
        with pytest.raises(ValueError, match="one number"):
            bad(model, X, y)


def test_order_of_parameters_is_the_same_everywhere():
    for metric in WITH_LEVELS:
        names = list(inspect.signature(metric).parameters)
        assert names[:3] == ["y_true", "y_quantiles", "quantiles"]
        assert metric.__name__ in skext.metrics.__all__


def test_relative_score():
    scores, baseline = np.array([[1.0, 2], [8, 2], [3, 3]]), np.array([2.0, 4, 3])
    found = relative_score(scores, baseline)
    np.testing.assert_allclose(found, [1.0, 0.5 ** (1 / 3)])
    assert relative_score(scores[:, 1], baseline) == pytest.approx(found[1])
    np.testing.assert_allclose(relative_score(9 * scores, 9 * baseline), found)
    for bad in ((scores, baseline[:2]), (scores, scores), (scores - 1, baseline)):
        with pytest.raises(ValueError, match="must"):
            relative_score(*bad)
