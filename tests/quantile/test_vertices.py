"""Exact quantiles: ties, units, offsets, columns that look alike, gross values."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import QuantileRegressor

from skext.metrics import interval_coverage
from skext.quantile import (
    ConformalQuantileRegressor,
    LinearQuantileRegressor,
    MultiQuantileRegressor,
    QuantileAggregator,
    QuantileStackingRegressor,
)

LEVELS = [0.05, 0.5, 0.95]


def pinball(y, q, tau):
    r = y - q
    return float(np.maximum(tau * r, (tau - 1) * r).sum())


def make_rows(n=300, p=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, np.exp(X[:, 0] + 0.5 * rng.normal(size=n)), rng


def tied(kind, n=600):
    """Tables with a target that many rows share."""
    X, y, rng = make_rows(n)
    often, more = rng.random(n) < 0.7, rng.exponential(size=n)
    if kind == "zeros":
        return X, np.where(often, 0.0, more)
    if kind == "price":
        return X, np.where(often, 19.99, 19.99 + more)
    if kind == "far from zero":
        return X + 1e6, np.where(often, 1e8 + 0.1, 1e8 + more)
    if kind == "two groups":
        X[:, 0] = X[:, 0] > 0
        return X, np.where(often, 0.1 + 0.2 * X[:, 0], more)
    if kind == "one-hot":
        group = rng.integers(4, size=n)
        values = np.array([0.1, 0.3, 0.7, 1.1])
        return np.eye(4)[group], np.where(often, values[group], more)
    if kind == "counts":
        return X, rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    return np.round(X, 1), np.round(y, 1)


KINDS = [
    "zeros",
    "price",
    "far from zero",
    "two groups",
    "one-hot",
    "counts",
    "rounded",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("positive", [False, True])
def test_levels_hold_at_ties(kind, positive):
    X, y = tied(kind)
    model = LinearQuantileRegressor(LEVELS, positive=positive).fit(X, y)
    Q = model.predict_quantiles(X)
    assert ((y[:, None] <= Q).mean(axis=0) >= np.array(LEVELS) - 1e-12).all()
    assert ((y[:, None] >= Q).mean(axis=0) >= 1 - np.array(LEVELS) - 1e-12).all()
    # No target is missed by its last digits; three or four rows may be a vertex.
    apart = np.abs(y[:, None] - Q)
    missed = (apart > 0) & (apart <= 1e-12 * np.abs(y).max())
    assert missed.sum(axis=0).max() <= X.shape[1] + 1
    assert model.duality_gap_.max() < 1e-9
    # Neither do predictions depend on the rows that come with them.
    one_by_one = [model.predict_quantiles(X[i : i + 1])[0] for i in range(20)]
    assert np.array_equal(np.array(one_by_one), Q[:20])


@pytest.mark.parametrize("value", [0.0, 19.99])
@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiQuantileRegressor(quantiles=LEVELS),
        lambda: ConformalQuantileRegressor(quantiles=LEVELS, random_state=0),
        lambda: ConformalQuantileRegressor(quantiles=LEVELS, method="cv+", cv=3),
        lambda: QuantileStackingRegressor(
            [("a", LinearQuantileRegressor()), ("b", LinearQuantileRegressor())],
            quantiles=LEVELS,
            cv=2,
        ),
        lambda: MultiQuantileRegressor(
            TransformedTargetRegressor(
                LinearQuantileRegressor(), func=np.log1p, inverse_func=np.expm1
            ),
            quantiles=LEVELS,
        ),
    ],
    ids=["multi", "cqr", "cv+", "stack", "transformed"],
)
def test_ties_are_met_through_all_layers(make, value):
    X, y = tied("zeros")
    y = y + value
    Q = make().fit(X, y).predict_quantiles(X)
    assert (Q[:, 1] == value).mean() > 0.95
    assert (y >= Q[:, 0]).mean() > 0.9
    assert interval_coverage(y, Q[:, ::2]) > 0.9


@pytest.mark.parametrize("granularity", ["coarse", "medium", "fine", "average"])
def test_models_that_agree_are_right(granularity):
    _, y = tied("price")
    Z = np.repeat(np.sort(y.reshape(-1, 1), axis=1)[:, None], 3, axis=1)
    Z = np.where(y[:, None, None] == 19.99, 19.99, Z + np.arange(3)[:, None] - 1)
    model = QuantileAggregator([0.5], granularity=granularity).fit(Z, y)
    assert (model.predict(Z)[y == 19.99] == 19.99).all()


def test_distribution_at_an_atom():
    X, y = tied("zeros")
    cdf = LinearQuantileRegressor().fit(X, y).predict_cdf(X, 0.0)
    assert abs(cdf.mean() - (y <= 0).mean()) < 0.05


@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
def test_a_column_more_costs_nothing(tau):
    rng = np.random.default_rng(0)
    day = np.arange(400) + rng.random(400)
    y = 0.01 * day + rng.gumbel(size=400)
    one = LinearQuantileRegressor([tau]).fit(day[:, None], y)
    both = np.c_[day, 2020 + day / 365.25]
    model = LinearQuantileRegressor([tau]).fit(both, y)
    assert model.objective_[0] <= one.objective_[0] * (1 + 1e-9)
    assert np.isclose(
        pinball(y, model.predict(both), tau), model.objective_[0], rtol=1e-12
    )
    assert np.abs(model.coef_).max() < 100


@pytest.mark.parametrize("n", [200, 20_000])
@pytest.mark.parametrize("offset", [0.0, 1.0, 1e4, 1e6, 1e8])
def test_columns_that_differ_by_an_offset(offset, n):
    X, y, _ = make_rows(n)
    levels = [0.1, 0.5, 0.9]
    wanted = LinearQuantileRegressor(levels).fit(X, y)
    table = np.c_[X, X[:, 0] + offset]
    model = LinearQuantileRegressor(levels).fit(table, y)
    assert np.allclose(model.objective_, wanted.objective_, rtol=1e-6)
    found = model.predict_quantiles(table)
    assert np.allclose(found, wanted.predict_quantiles(X), atol=1e-5)
    shifted = LinearQuantileRegressor(levels).fit(X + offset, y + offset)
    assert np.allclose(
        shifted.predict_quantiles(X + offset) - offset,
        wanted.predict_quantiles(X),
        atol=1e-5,
    )


@pytest.mark.parametrize("positive", [False, True])
def test_units_and_weights_change_nothing(positive):
    X, y, rng = make_rows()
    s = rng.random(300)
    options = {"positive": positive}
    wanted = LinearQuantileRegressor(LEVELS, **options).fit(X, y, s)
    units = np.array([2.0**-27, 2.0**27, 2.0**10])
    for factor in (2.0**-27, 2.0**27):
        model = LinearQuantileRegressor(LEVELS, **options)
        model.fit(X * units, y * factor, s * factor)
        found = model.predict_quantiles(X * units) / factor
        assert np.allclose(found, wanted.predict_quantiles(X), atol=1e-9)
        assert model.duality_gap_.max() < 1e-9


def test_order_of_rows_changes_nothing():
    X, y, rng = make_rows()
    order = rng.permutation(len(y))
    wanted = LinearQuantileRegressor(LEVELS).fit(X, y)
    model = LinearQuantileRegressor(LEVELS).fit(X[order], y[order])
    assert np.allclose(model.coef_, wanted.coef_, rtol=1e-12)


@pytest.mark.parametrize("n", [400, 20_000])
@pytest.mark.parametrize("big", [1e8, 1e12])
def test_gross_targets_change_nothing(n, big):
    X, y, _ = make_rows(n)
    y[:3] = 1e3, 2e3, -1e3
    wanted = LinearQuantileRegressor([0.1, 0.9]).fit(X, y).predict_quantiles(X)
    y[:3] = big, 2 * big, -big
    model = LinearQuantileRegressor([0.1, 0.9]).fit(X, y)
    assert np.allclose(model.predict_quantiles(X), wanted, atol=1e-9)


def test_gross_columns():
    X, y, rng = make_rows()
    X[:5, 1] = 1e9 * rng.normal(size=5)
    scaled = (X - np.median(X, axis=0)) / np.abs(X).mean(axis=0)
    for tau in (0.1, 0.9):
        model = LinearQuantileRegressor([tau]).fit(X, y)
        other = QuantileRegressor(quantile=tau, alpha=0).fit(scaled, y)
        best = pinball(y, other.predict(scaled), tau)
        assert pinball(y, model.predict(X), tau) <= best * (1 + 1e-6)


def test_small_random_tables_against_highs():
    rng = np.random.default_rng(0)
    for _ in range(40):
        n, p = rng.integers(5, 120), rng.integers(1, 5)
        X, tau = rng.normal(size=(n, p)), rng.choice([0.05, 0.3, 0.9])
        y = X[:, 0] + rng.normal(size=n)
        kind = rng.integers(4)
        if kind == 1:
            X, y = np.round(X), np.round(y)
        elif kind == 2:
            X = (X > 0) * 1.0
        elif kind == 3:
            X, y = np.c_[X, X[:, 0]], np.where(rng.random(n) < 0.7, 0.0, y)
        model = LinearQuantileRegressor([tau]).fit(X, y)
        best = QuantileRegressor(quantile=tau, alpha=0).fit(X, y)
        least = pinball(y, best.predict(X), tau)
        assert pinball(y, model.predict(X), tau) <= least * (1 + 1e-9) + 1e-9
        assert (y <= model.predict(X)).mean() >= tau - 1e-12
        sparse = LinearQuantileRegressor([tau]).fit(csr_matrix(X), y)
        assert np.allclose(sparse.predict(csr_matrix(X)), model.predict(X), atol=1e-9)


def test_units_of_the_other_solver():
    _, y, rng = make_rows()
    Z = y[:, None, None] + rng.normal(size=(300, 3, 1)) + np.array([-1.0, 0.0, 1.0])
    for constraint in ("simplex", "nonneg", "affine", "free"):
        for fit_intercept in (False, True):
            options = {"constraint": constraint, "fit_intercept": fit_intercept}
            weights = [
                QuantileAggregator([0.1, 0.5, 0.9], solver=solver, **options)
                .fit(Z * unit, y * unit)
                .predict_quantiles(Z * unit)
                / unit
                for solver in ("highs", "ipm")
                for unit in (1.0, 2.0**-27, 2.0**27)
            ]
            for other in weights[1:]:
                assert np.allclose(other, weights[0], atol=1e-5)
