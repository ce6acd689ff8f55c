"""The dip against a linear program, its null distribution, and invariances."""

import numpy as np
import pytest
from scipy.optimize import linprog

from skext.cluster._separability.dip import dip_statistic, dip_test


def dip_by_linear_program(x):
    """Definition: nearest distribution function that is convex, then concave."""
    x, counts = np.unique(x, return_counts=True)
    n = x.size
    upper = np.cumsum(counts) / counts.sum()
    lower = np.concatenate([[0.0], upper[:-1]])
    best = np.inf
    for mode in range(n):
        # Unknown: left limits (up to the mode), values (from the mode on), gap.
        # Both are one continuous function but for a jump at the mode.
        below, above = np.arange(mode + 1), mode + 1 + np.arange(n - mode)
        size = n + 2
        rows, bounds = [], []

        def at_most(weights, bound, rows=rows, bounds=bounds, size=size):
            row = np.zeros(size)
            for index, weight in weights:
                row[index] += weight
            rows.append(row)
            bounds.append(bound)

        gap = n + 1
        for i in range(n):
            columns = ([below[i]] if i <= mode else []) + (
                [above[i - mode]] if i >= mode else []
            )
            low, high = columns[0], columns[-1]
            at_most([(low, 1.0), (gap, -1.0)], lower[i])
            at_most([(high, -1.0), (gap, -1.0)], -upper[i])
            if low == high:
                continue
            at_most([(low, 1.0), (high, -1.0)], 0.0)
            at_most([(low, -1.0), (gap, -1.0)], -lower[i])
            at_most([(high, 1.0), (gap, -1.0)], upper[i])
        for columns, offset, sign in ((below, 0, 1.0), (above, mode, -1.0)):
            for i in range(len(columns) - 1):
                at_most([(columns[i], 1.0), (columns[i + 1], -1.0)], 0.0)
            for i in range(len(columns) - 2):
                p, q, r = x[offset + i : offset + i + 3]
                slopes = [
                    (columns[i], -1 / (q - p)),
                    (columns[i + 1], 1 / (q - p) + 1 / (r - q)),
                    (columns[i + 2], -1 / (r - q)),
                ]
                at_most([(c, sign * w) for c, w in slopes], 0.0)
        cost = np.zeros(size)
        cost[gap] = 1.0
        found = linprog(cost, np.array(rows), bounds, bounds=[(0, 1)] * size)
        best = min(best, found.fun)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_dip_is_the_distance_to_the_nearest_unimodal_distribution(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(2, 12)
    x = rng.normal(size=n) + rng.integers(0, 2, n) * rng.choice([0.0, 3.0])
    assert dip_statistic(x) == pytest.approx(dip_by_linear_program(x), abs=1e-9)


def test_extremes():
    assert dip_statistic([3.0, 3.0, 3.0]) == 0.0
    assert dip_statistic(np.arange(50.0)) == pytest.approx(1 / 100)
    halves = np.repeat([0.0, 1.0], 500)
    assert dip_statistic(halves) == pytest.approx(0.25)
    assert 0 < dip_test(halves)[1] <= 1e-10
    assert dip_test([1.0, 2.0])[1] == 1.0


def test_order_shift_and_scale_do_not_matter():
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=300)
    dip = dip_statistic(x)
    assert dip_statistic(rng.permutation(x)) == dip
    assert dip_statistic(-4.0 * x) == pytest.approx(dip, rel=1e-9)
    assert dip_statistic(8.0 * x + 1.0) == pytest.approx(dip, rel=1e-9)


@pytest.mark.parametrize("n", [10, 50, 300, 5000])
def test_level_for_uniform_samples(n):
    """At most eleven false alarms at 5 % in 100: chance 1 in 200 at each size."""
    rng = np.random.default_rng(n)
    pvalues = [dip_test(rng.uniform(size=n))[1] for _ in range(100)]
    assert sum(p <= 0.05 for p in pvalues) <= 11
    assert 0.35 < np.mean(pvalues) < 0.65


def test_tail_continues_the_simulation():
    """P-values fall without a jump where the simulated dips end."""
    pvalues = []
    for gap in np.linspace(0.0, 8.0, 60):
        x = np.concatenate([np.linspace(0, 1, 50), np.linspace(0, 1, 50) + gap])
        pvalues.append(dip_test(x)[1])
    assert np.all(np.diff(pvalues) <= 1e-12)
    tail = [p for p in pvalues if 1e-12 < p < 0.01]
    assert len(tail) >= 3
    assert min(tail) < 1e-5


def test_power_against_two_groups():
    rng = np.random.default_rng(0)
    for _ in range(5):
        x = rng.normal(size=200) + 6 * (np.arange(200) % 2)
        assert dip_test(x)[1] < 0.001
        assert dip_test(rng.normal(size=200))[1] > 0.05
