"""What must not change a probe: units, offsets, order, weights that say nothing."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skext.naive_bayes import (
    GenerativeLogisticRegression,
    LinearGaussianNB,
    NearestClassMean,
    ShrinkageLDA,
)
from skext.naive_bayes._loo.scores import loo_scores

UNITLESS = [
    LinearGaussianNB(),
    LinearGaussianNB(var_smoothing=0.0),
    LinearGaussianNB(var_smoothing=0.1, temperature="loo"),
    NearestClassMean(metric="seuclidean"),
    *[
        ShrinkageLDA(shrinkage=rule, temperature=temperature)
        for rule in ("auto", "schafer-strimmer", "oas", "ledoit-wolf", "ks", "loo", 0.3)
        for temperature in (1.0, "loo")
    ],
]
ALL = [
    *UNITLESS,
    LinearGaussianNB(shrinkage="loo"),
    NearestClassMean(),
    NearestClassMean(metric="cosine"),
    NearestClassMean(feature_transform="center-l2"),
    GenerativeLogisticRegression(tol=1e-8),
    GenerativeLogisticRegression(prior="lda", Cs=3, cv=3, tol=1e-8),
]


def make_data(n=90, d=6, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes).repeat(3), rng.integers(0, n_classes, n)])
    X = rng.normal(size=(y.size, d)) + rng.normal(size=(n_classes, d))[y]
    return X, y


def log_odds(model, X):
    scores = model.predict_log_proba(X)
    return scores - scores[:, :1]


def ratio_and_income(n=2000):
    """A feature of small numbers tells the classes apart, one of large ones not."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    ratio = 0.1 * rng.normal(size=n) + 0.3 * y
    return np.column_stack([ratio, rng.lognormal(10.5, 0.7, n)]), y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("estimator", UNITLESS, ids=repr)
def test_small_numbers_beside_large_ones(estimator, dtype):
    X, y = ratio_and_income()
    scaled = StandardScaler().fit_transform(X)
    expected = clone(estimator).fit(scaled, y).score(scaled, y)
    assert expected > 0.93
    X = X.astype(dtype)
    model = clone(estimator).fit(X, y)
    assert_allclose(model.score(X, y), expected, atol=0.002)


@pytest.mark.parametrize("n", [90, 20])
@pytest.mark.parametrize("estimator", UNITLESS, ids=repr)
def test_units(estimator, n):
    """More rows than features, and fewer."""
    X, y = make_data(n=n, d=6 if n == 90 else 60)
    units = 10.0 ** np.random.default_rng(1).permutation(np.linspace(-8, 8, X.shape[1]))
    plain, scaled = clone(estimator).fit(X, y), clone(estimator).fit(X * units, y)
    assert_allclose(log_odds(scaled, X * units), log_odds(plain, X), rtol=1e-6)
    plain, scaled = loo_scores(plain, X, y), loo_scores(scaled, X * units, y)
    assert_allclose(scaled - scaled[:, :1], plain - plain[:, :1], rtol=1e-6)


@pytest.mark.parametrize("estimator", UNITLESS, ids=repr)
def test_units_of_float32(estimator):
    X, y = make_data()
    units = 10.0 ** np.arange(-6, 6, 2)
    exact = clone(estimator).fit(X, y)
    rows = (X * units).astype(np.float32)
    found = clone(estimator).fit(rows, y)
    assert_allclose(log_odds(found, rows), log_odds(exact, X), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_offsets(estimator):
    if getattr(estimator, "metric", None) == "cosine":
        pytest.skip("an angle depends on the origin")
    X, y = make_data()
    for offset, tolerance in ((1e4, 1e-8), (1e8, 1e-4)):
        plain = clone(estimator).fit(X, y)
        moved = clone(estimator).fit(X + offset, y)
        assert_allclose(
            log_odds(moved, X + offset),
            log_odds(plain, X),
            rtol=tolerance,
            atol=tolerance,
        )


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_constant_columns(estimator):
    if getattr(estimator, "metric", None) == "cosine":
        pytest.skip("a constant column changes angles")
    if isinstance(estimator, GenerativeLogisticRegression):
        pytest.skip("the penalty is in units of the mean variance")
    X, y = make_data()
    plain = clone(estimator).fit(X, y)
    for value in (0.0, 0.1, 1e8 / 3):
        wide = np.insert(X, 2, value, axis=1)
        model = clone(estimator).fit(wide, y)
        if getattr(estimator, "shrinkage", 0) == "loo" and "NB" in repr(estimator):
            assert model.score(wide, y) >= plain.score(X, y) - 0.02
        elif hasattr(estimator, "metric") and estimator.metric == "euclidean":
            # The common variance is a mean over all features.
            assert_array_equal(model.predict(wide), plain.predict(X))
        else:
            assert_allclose(log_odds(model, wide), log_odds(plain, X), rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("estimator", UNITLESS, ids=repr)
def test_columns_that_are_constant_within_classes(estimator, unit):
    X, y = make_data()
    X[:, 1] = unit * y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = clone(estimator).fit(X, y)
    assert model.score(X, y) == 1
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize("broken", [1e6, np.nan, np.inf])
@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_weight_zero_leaves_the_row_out(estimator, broken):
    X, y = make_data()
    weight = np.random.default_rng(2).choice([0.0, 1.0, 2.0], y.size)
    kept = weight > 0
    expected = clone(estimator).fit(X[kept], y[kept], sample_weight=weight[kept])
    damaged = X.copy()
    damaged[~kept] = broken
    hybrid = isinstance(estimator, GenerativeLogisticRegression)
    if hybrid and not np.isfinite(broken):
        return
    model = clone(estimator).fit(damaged, y, sample_weight=weight)
    assert_allclose(log_odds(model, X), log_odds(expected, X), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_order_of_the_rows(estimator):
    if getattr(estimator, "Cs", None) is not None:
        pytest.skip("folds depend on the order")
    X, y = make_data()
    order = np.random.default_rng(3).permutation(y.size)
    plain, moved = clone(estimator).fit(X, y), clone(estimator).fit(X[order], y[order])
    assert_allclose(log_odds(moved, X), log_odds(plain, X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
@pytest.mark.parametrize("smoothing", [0.0, 1e-9, 0.1])
def test_streams_and_parts_in_other_units(shrinkage, smoothing):
    X, y = make_data()
    X *= 10.0 ** np.linspace(-4, 4, 6)
    estimator = LinearGaussianNB(shrinkage=shrinkage, var_smoothing=smoothing)
    whole = clone(estimator).fit(X, y)
    stream = clone(estimator)
    for rows in np.array_split(np.arange(y.size), 7):
        stream.partial_fit(X[rows], y[rows])
    halves = slice(0, 40), slice(40, None)
    merged = sum(
        [clone(estimator).fit(X[rows], y[rows]) for rows in halves[1:]],
        clone(estimator).fit(X[halves[0]], y[halves[0]]),
    )
    for model in (stream, merged):
        assert_allclose(model.epsilon_, whole.epsilon_, rtol=1e-9)
        assert_allclose(log_odds(model, X), log_odds(whole, X), rtol=1e-7, atol=1e-9)
    assert_allclose(whole.epsilon_, smoothing * X.var(axis=0), rtol=1e-9)
