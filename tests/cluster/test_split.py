"""Cuts in two against brute force."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from skext.cluster._mixture.em import Data, Rules
from skext.cluster._mixture.split import best_split
from skext.cluster._mixture.split_kernels import cut_line, two_means


def squares(values, weights, side):
    total = 0.0
    for part in (side, ~side):
        mean = np.average(values[part], weights=weights[part], axis=0)
        away = (values[part] - mean) ** 2
        total += (weights[part] * away.reshape(len(away), -1).sum(axis=1)).sum()
    return total


@pytest.mark.parametrize("seed", range(100))
def test_cut_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 9))
    values = rng.integers(-3, 4, n).astype(float) * rng.choice([1.0, 1e-6, 1e6])
    weights = rng.integers(1, 4, n).astype(float)
    side = np.empty(n, dtype=bool)
    order = np.argsort(values, kind="stable")
    found = cut_line(values, weights, np.ones(values.size), order, 0.0, side)
    cuts = np.unique(values)[1:]
    assert found == (len(cuts) > 0)
    if found:
        best = min(squares(values, weights, values >= cut) for cut in cuts)
        assert squares(values, weights, side) == pytest.approx(best, rel=1e-9)
        assert values[side].min() > values[~side].max()


@pytest.mark.parametrize("seed", range(10))
def test_two_means_ends_where_kmeans_does(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(80, 3)) + 2.0 * rng.integers(0, 2, 80)[:, None]
    weights = rng.integers(1, 4, 80).astype(float)
    side = rows[:, 0] > np.median(rows[:, 0])
    start = np.stack(
        [
            np.average(rows[part], weights=weights[part], axis=0)
            for part in (~side, side)
        ]
    )
    before = squares(rows, weights, side)
    sides = np.ascontiguousarray(side)
    assert two_means(np.ascontiguousarray(rows.T), weights, 100, sides)
    assert squares(rows, weights, sides) <= before
    expected = KMeans(2, init=start, n_init=1, tol=0.0).fit(rows, sample_weight=weights)
    np.testing.assert_array_equal(sides, expected.labels_ == 1)


def cell(rows):
    n, d = rows.shape
    rows = rows - rows.mean(axis=0)
    data = Data(np.ascontiguousarray(rows.T), np.empty((d, 0)), *np.ones((2, n)))
    variance = rows.var(axis=0)
    return data, Rules(1e-6 * variance, 1e-9 * variance, np.log(n), 15)


OPTIONS = {"min_rows": 3.0, "lookahead": 1, "directions": "pca+ics"}


def test_two_groups_are_split_and_one_is_not():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    assert best_split(*cell(rows), **OPTIONS).gain <= 0.0
    rows[:80] += [6, 0, 0]
    split = best_split(*cell(rows), **OPTIONS)
    assert split.gain > 0.0
    assert len(split.resp) == 2
    side = split.resp[0] > 0.5
    assert side[:80].all() != side[80:].all()


def test_look_ahead_sees_four_in_a_row():
    rng = np.random.default_rng(0)
    places = np.repeat(np.arange(4), 25)
    rows = np.stack([5.0 * places, np.zeros(100)], axis=1) + rng.normal(size=(100, 2))
    options = OPTIONS | {"directions": "pca"}
    blind = best_split(*cell(rows), **(options | {"lookahead": 0}))
    assert blind.gain <= 0.0
    split = best_split(*cell(rows), **options)
    assert split.gain > 0.0
    assert len(split.resp) == 4


def test_small_groups_are_found_by_kurtosis():
    """A small far group hides in the principal directions of many others."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1000, 4)) * [10, 10, 1, 1]
    rows[:15, 3] += 12
    split = best_split(*cell(rows), **OPTIONS)
    assert split.gain > 0.0
    sizes = sorted(split.resp.sum(axis=1))
    assert sizes[0] == pytest.approx(15, abs=1)


def test_no_part_has_too_few_rows():
    rows = np.zeros((50, 1))
    rows[:, 0] = np.linspace(0, 1, 50)
    rows[:2, 0] = 1000.0, 1001.0
    split = best_split(*cell(rows), **OPTIONS)
    assert split.resp is None or split.resp.sum(axis=1).min() >= 3.0
