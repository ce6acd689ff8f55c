"""The simulation of experts: its truth, and the order of what combines them."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from skext.datasets import make_quantile_experts
from skext.metrics import quantile_coverage, weighted_interval_score
from skext.quantile import QuantileAggregator

LEVELS = np.arange(1, 10) / 10


def test_truth_is_the_truth():
    data = make_quantile_experts(20_000, quantiles=LEVELS, random_state=0)
    covered = quantile_coverage(data.target, data.true_quantiles, LEVELS)
    np.testing.assert_allclose(covered, LEVELS, atol=0.012)
    # Mean and deviation read off the quantiles make the target standard normal.
    median = data.true_quantiles[:, 4]
    scale = (data.true_quantiles[:, 8] - median) / norm.ppf(0.9)
    assert set(np.round(scale, 12)) == {0.3, 1.0}
    assert kstest((data.target - median) / scale, "norm").pvalue > 0.01


def test_experts_are_right_where_they_are_said_to_be():
    data = make_quantile_experts(500, random_state=1)
    right = data.data[:, 0] > 0
    gaps = data.expert_quantiles - data.true_quantiles[:, np.newaxis]
    assert data.expert_names[:2] == ["right", "left"]
    np.testing.assert_allclose(gaps[right, 0], 0, atol=1e-12)
    np.testing.assert_allclose(gaps[~right, 1], 0, atol=1e-12)
    # Elsewhere they are off by the same amount at all levels.
    assert np.ptp(gaps[:, :2], axis=2).max() < 1e-12
    assert np.abs(gaps[~right, 0]).mean() > 0.5
    widths = np.ptp(data.expert_quantiles, axis=2) / np.ptp(
        data.true_quantiles, axis=1, keepdims=True
    )
    np.testing.assert_allclose(widths[:, :3], [[1, 1, 0.5]] * 500)
    # The narrow one has the errors of both.
    errors = gaps[:, :, 9]
    inside = np.where(right, 0, errors[:, 0]) + np.where(right, errors[:, 1], 0)
    first = 1.5 * np.sin(4 * data.data[:, 2])
    second = 1.5 * np.cos(5 * data.data[:, 1] + 1)
    np.testing.assert_allclose(inside, np.where(right, second, first), atol=1e-12)
    np.testing.assert_allclose(errors[:, 2], first + second, atol=1e-12)
    # The last one says the same to everybody.
    assert np.ptp(data.expert_quantiles[:, 4], axis=0).max() == 0


def test_more_freedom_is_better():
    """Scores of new rows, to three digits as computed by another program."""
    expected = {"average": 0.593, "median": 0.542, "coarse": 0.483}
    expected.update(medium=0.474, fine=0.441)
    train = make_quantile_experts(3000, quantiles=LEVELS, random_state=0)
    test = make_quantile_experts(5000, quantiles=LEVELS, random_state=1)

    def score(Q):
        return weighted_interval_score(test.target, Q, LEVELS)

    best = min(score(test.expert_quantiles[:, j]) for j in range(5))
    oracle = score(test.true_quantiles)
    assert best == pytest.approx(0.618, rel=0.03)
    assert oracle == pytest.approx(0.401, rel=0.03)
    found = {}
    for granularity in expected:
        model = QuantileAggregator(LEVELS, granularity=granularity)
        model.fit(train.expert_quantiles, train.target)
        found[granularity] = score(model.predict_quantiles(test.expert_quantiles))
    assert found == pytest.approx(expected, rel=0.03)
    order = [best, *found.values(), oracle]
    assert order == sorted(order, reverse=True)


def test_seeds_and_levels():
    first, again, other = (make_quantile_experts(5, random_state=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.target, again.target)
    assert (first.target != other.target).all()
    few = make_quantile_experts(5, quantiles=[0.25, 0.5], random_state=0)
    np.testing.assert_array_equal(few.target, first.target)
    np.testing.assert_allclose(
        few.expert_quantiles[:, :, 1], first.expert_quantiles[:, :, 9]
    )
    with pytest.raises(ValueError, match="must increase strictly"):
        make_quantile_experts(5, quantiles=[0.5, 0.5])
