"""Ways of combining that are not weights of the models' quantiles alone."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.linear_model import QuantileRegressor

from skext.quantile import (
    LinearQuantileRegressor,
    QuantileAggregator,
    QuantileStackingRegressor,
)
from skext.quantile._aggregation.combine_rows import pool_probabilities

LEVELS = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


def predictions(n=200, m=4, seed=0):
    rng = np.random.RandomState(seed)
    center = rng.normal(size=n)
    y = center + rng.normal(size=n)
    Z = np.empty((n, m, 5))
    for j in range(m):
        place = rng.uniform(0.5, 1) * center + rng.normal() + 0.2 * rng.normal(size=n)
        Z[:, j] = place[:, None] + rng.uniform(0.5, 2) * norm.ppf(LEVELS)
    return Z, y


def pinball(y, q, tau):
    return np.maximum(tau * (y - q), (tau - 1) * (y - q)).sum()


def distribution(row, levels, x):
    """Distribution function of one model: linear inside, exponential outside."""
    if x < row[0]:
        rate = np.log(levels[1] / levels[0]) / (row[1] - row[0])
        return levels[0] * np.exp(rate * (x - row[0]))
    if x > row[-1]:
        above = 1 - levels[-2:]
        rate = np.log(above[0] / above[1]) / (row[-1] - row[-2])
        return 1 - above[1] * np.exp(-rate * (x - row[-1]))
    return np.interp(x, row, levels)


def test_probabilities_are_averaged():
    """The mean distribution function has the levels at the combined quantiles."""
    Z, y = predictions(30)
    model = QuantileAggregator(LEVELS, granularity="average", pool="probability")
    Q = model.fit(Z, y).predict_quantiles(Z)
    assert (np.diff(Q, axis=1) > 0).all()
    for i in range(30):
        for k, level in enumerate(LEVELS):
            mean = np.mean([distribution(row, LEVELS, Q[i, k]) for row in Z[i]])
            assert np.isclose(mean, level, atol=1e-12)


def test_probability_average_of_equal_models_and_of_two_points():
    Z, _ = predictions(30, m=1)
    same = pool_probabilities(np.repeat(Z, 3, axis=1), LEVELS)
    assert np.allclose(same, Z[:, 0], rtol=1e-12, atol=1e-12)
    # Two atoms: half of the mass is at each.
    atoms = np.array([[[0.0] * 5, [1.0] * 5]])
    assert pool_probabilities(atoms, LEVELS).tolist() == [[0, 0, 0, 1, 1]]
    # Crossing quantiles of a model are sorted; nothing is changed in place.
    turned = Z[:, :, ::-1].copy()
    assert np.allclose(pool_probabilities(turned, LEVELS), Z[:, 0])
    assert np.array_equal(turned, Z[:, :, ::-1])


def test_average_of_quantiles_is_sharper():
    """It has the mean of the mixture, and never a larger variance."""
    levels = np.arange(1, 1000) / 1000
    normal = norm.ppf(levels)
    Z = np.stack([normal - 1, 2 * normal + 2, 0.5 * normal])[np.newaxis]
    mixed, averaged = pool_probabilities(Z, levels)[0], Z.mean(axis=1)[0]
    assert abs(mixed.mean() - averaged.mean()) < 0.01
    assert averaged.std() < 0.8 * mixed.std()
    variance = np.mean([1, 4, 0.25]) + np.var([-1, 2, 0])
    assert abs(mixed.std() / np.sqrt(variance) - 1) < 0.02


def test_pools_in_a_stack_and_what_is_refused():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(80, 2)), rng.normal(size=80)
    stack = QuantileStackingRegressor(
        [
            ("a", LinearQuantileRegressor()),
            ("b", LinearQuantileRegressor(fit_intercept=False)),
        ],
        quantiles=LEVELS,
        granularity="average",
        pool="probability",
        cv=2,
    ).fit(X, y)
    expected = pool_probabilities(stack.base_quantiles(X), LEVELS)
    assert np.array_equal(stack.predict_quantiles(X), expected)
    Z = np.zeros((10, 2, 5))
    for params, message in (
        ({"pool": "probability"}, "granularity='average'"),
        ({"gate": max}, "local=True"),
    ):
        with pytest.raises(ValueError, match=message):
            QuantileAggregator(LEVELS, **params).fit(Z, np.arange(10))
    one = QuantileAggregator([0.5], granularity="average", pool="probability")
    with pytest.raises(ValueError, match="two levels"):
        one.fit(Z[:, :, 0], np.arange(10))


@pytest.mark.parametrize("n_components", [1, 2, 9])
def test_factor_regression_is_regression_on_components(n_components):
    Z, y = predictions()
    model = QuantileAggregator(
        LEVELS, granularity="fqra", n_components=n_components, non_crossing=None
    ).fit(Z, y)
    Q = model.predict_quantiles(Z)
    for k, tau in enumerate(LEVELS):
        parts = PCA(min(n_components, 4)).fit_transform(Z[:, :, k])
        other = QuantileRegressor(quantile=tau, alpha=0).fit(parts, y)
        ours = pinball(y, Q[:, k], tau)
        assert ours <= pinball(y, other.predict(parts), tau) * (1 + 1e-9)
        assert np.isclose(ours, model.objective_[k], rtol=1e-9)
    assert model.weights_.shape == (4, 5)
    assert (model.duality_gap_ < 1e-9).all()
    if n_components == 9:
        qra = QuantileAggregator(LEVELS, granularity="qra").fit(Z, y)
        assert np.allclose(model.objective_, qra.objective_, rtol=1e-9)


def test_factors_of_weighted_rows_are_those_of_repeated_ones():
    Z, y = predictions(100)
    s = np.random.RandomState(0).randint(0, 3, 100)
    model = QuantileAggregator(LEVELS, granularity="fqra")
    weighted = model.fit(Z, y, sample_weight=s).predict_quantiles(Z)
    repeated = model.fit(Z.repeat(s, 0), y.repeat(s)).predict_quantiles(Z)
    assert np.allclose(weighted, repeated, atol=1e-6)


def test_scores_relative_to_the_combination():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(80, 2))
    y = X[:, 0] + 0.1 * rng.normal(size=80)
    stack = QuantileStackingRegressor(
        [
            ("good", LinearQuantileRegressor()),
            ("bad", LinearQuantileRegressor(positive=True, fit_intercept=False)),
        ],
        quantiles=LEVELS,
        cv=2,
    ).fit(X, y)
    relative = stack.relative_wis_
    assert relative["aggregate"] == 1
    assert relative["bad"] > relative["good"] >= 1
    own = stack.oof_scores_["aggregate"]
    assert relative["bad"] == stack.oof_scores_["bad"] / own
    assert stack.fit(X, np.zeros(80)).relative_wis_["aggregate"] == 1
