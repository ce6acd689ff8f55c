import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats
from scipy.optimize import minimize

from skext.utils._probabilities import (
    best_class,
    calibration_error,
    consistency_band,
    exact_interval,
    fit_temperature,
    log_sigmoid,
    log_softmax,
    log_sum_exp,
    mean_log_probability,
    reliability_bins,
    sigmoid,
    softmax,
    wilson_interval,
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_become_those_of_scipy(dtype):
    scores = np.random.default_rng(0).normal(0, 300, (50, 4)).astype(dtype)
    kept, wide = scores.copy(), scores.astype(np.float64) * 0.3
    assert_allclose(softmax(scores, 0.3), special.softmax(wide, axis=1))
    assert_allclose(
        log_softmax(scores, 0.3), special.log_softmax(wide, axis=1), atol=1e-12
    )
    assert_allclose(log_sum_exp(scores), special.logsumexp(scores, axis=1), rtol=1e-6)
    assert_array_equal(best_class(scores), scores.argmax(axis=1))
    assert_array_equal(scores, kept)


def test_one_column_is_the_difference_of_two():
    gap = np.array([[-800.0], [-1.0], [0.0], [2.0], [800.0]])
    both = np.hstack([np.zeros_like(gap), gap])
    assert_allclose(sigmoid(gap, 0.5), softmax(both, 0.5))
    assert_allclose(log_sigmoid(gap, 0.5), log_softmax(both, 0.5), atol=1e-12)
    assert best_class(gap).tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_temperature_against_a_general_optimiser(smoothing):
    rng = np.random.default_rng(1)
    scores, weights = rng.normal(size=(400, 3)), rng.integers(1, 4, 400).astype(float)
    truth = special.softmax(2.5 * scores, axis=1)
    codes = (rng.random((400, 1)) > truth.cumsum(axis=1)).sum(axis=1)

    def loss(theta):
        log_p = special.log_softmax(theta * scores, axis=1)
        own = log_p[np.arange(400), codes]
        rows = (1 - smoothing) * own + smoothing * log_p.mean(axis=1)
        return -np.average(rows, weights=weights)

    peer = minimize(loss, 1.0, method="Nelder-Mead", options={"xatol": 1e-9})
    temperature, score = fit_temperature(
        scores, codes, weights, smoothing=smoothing, tol=1e-7
    )
    assert temperature == pytest.approx(peer.x[0], rel=1e-4)
    assert score == pytest.approx(-peer.fun, abs=1e-10)
    again = mean_log_probability(
        scores, codes, weights, temperature, smoothing=smoothing
    )
    assert score == again


def test_temperature_stays_within_its_bounds():
    scores, codes = np.eye(3), np.arange(3)
    high, _ = fit_temperature(scores, codes, np.ones(3), bounds=(0.1, 20.0))
    low, _ = fit_temperature(scores, codes[::-1] * 0 + 1, np.ones(3), bounds=(0.1, 20))
    assert high == pytest.approx(20, rel=1e-3)
    assert low == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("decimals", [1, 2, 16])
@pytest.mark.parametrize("min_rows", [1, 30])
def test_bins_are_about_equal_and_keep_ties(decimals, min_rows):
    rng = np.random.default_rng(2)
    p = rng.random(237).round(decimals)
    event = rng.random(237) < p
    bins = reliability_bins(event, p, 6, min_rows=min_rows)
    assert bins.n_rows.sum() == 237
    assert bins.n_rows.min() >= min_rows
    assert bins.n_rows.size <= 6
    if decimals == 16:
        assert bins.n_rows.tolist() == [40, 39, 40, 39, 40, 39]
    edges = np.cumsum(bins.n_rows)[:-1]
    ranked = np.sort(p)
    assert (ranked[edges - 1] < ranked[edges]).all()
    parts = np.split(np.argsort(p, kind="stable"), edges)
    assert_allclose(bins.predicted, [p[part].mean() for part in parts])
    assert_array_equal(bins.n_events, [event[part].sum() for part in parts])


def test_few_rows_make_few_bins():
    event, p = np.array([True, False]), np.array([0.2, 0.1])
    assert reliability_bins(event, p, 10).n_rows.tolist() == [1, 1]
    assert reliability_bins(event, p, 10, min_rows=100).n_rows.tolist() == [2]
    assert reliability_bins(event, np.full(2, 0.3), 10).n_events.tolist() == [1]


def test_calibration_error_weighs_the_bins():
    assert calibration_error([0.1, 0.5], [0.2, 0.5], [30, 10]) == pytest.approx(0.075)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_intervals_are_those_of_scipy(level):
    cases = [(k, n) for n in (1, 7, 100, 250) for k in sorted({0, 1, n // 3, n - 1, n})]
    events, rows = np.transpose(cases)
    for interval, method in ((wilson_interval, "wilson"), (exact_interval, "exact")):
        low, high = interval(events, rows, level)
        peers = [
            stats.binomtest(int(k), int(n)).proportion_ci(level, method)
            for k, n in cases
        ]
        assert_allclose(low, [peer.low for peer in peers], atol=1e-12)
        assert_allclose(high, [peer.high for peer in peers], atol=1e-12)


def test_band_holds_its_share_and_no_less_would():
    p = np.array([0.0, 0.03, 0.5, 0.97, 1.0])
    low, high = consistency_band(p, 40, 0.9)
    assert low[0] == high[0] == 0
    assert low[-1] == high[-1] == 1
    counts = np.arange(41)
    for p_, low_, high_ in zip(p, low * 40, high * 40, strict=True):
        chance = stats.binom.pmf(counts, 40, p_)
        assert chance[counts < low_].sum() <= 0.05
        assert chance[counts > high_].sum() <= 0.05
        assert chance[counts <= low_].sum() > 0.05
        assert chance[counts >= high_].sum() > 0.05
