"""Neighbours in nominal tables against literal loops and the formulas."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from imblearn.metrics.pairwise import ValueDifferenceMetric
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder

from skext._neighbors.nominal import LevelEngine, MixedEngine


class Table(NamedTuple):
    numbers: np.ndarray
    codes: np.ndarray


def make_table(rng, n, n_continuous, n_nominal, n_levels, whole=False):
    numbers = rng.normal(size=(n, n_continuous)) * rng.exponential(3, size=n_continuous)
    if whole:
        numbers = np.rint(numbers)
    codes = rng.integers(n_levels, size=(n_nominal, n)).astype(np.int32).T
    return Table(numbers, codes)


def mixed_distances(table, rows, median):
    """All squared distances, by the formula; NaN where both do not know a column."""
    numbers, codes = table.numbers[rows], table.codes[rows]
    difference = (numbers[:, None] - numbers[None]) ** 2
    known = ~np.isnan(difference)
    differ = (codes[:, None] != codes[None]).sum(axis=2)
    total = np.where(known, difference, 0).sum(axis=2) + median**2 * differ
    n_columns = numbers.shape[1] + codes.shape[1]
    total *= n_columns / (known.sum(axis=2) + codes.shape[1])
    np.fill_diagonal(total, np.inf)
    return total


def assert_nearest(found, rows, distances, k):
    """The right distances, own rows excluded, equal ones in the order of rows."""
    assert found.shape == (rows.size, k)
    place = {row: i for i, row in enumerate(rows)}
    for i, line in enumerate(found):
        assert rows[i] not in line
        assert len(set(line)) == k
        here = distances[i, [place[row] for row in line]]
        assert_allclose(here, np.sort(distances[i])[:k], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("missing", [False, True])
def test_mixed_neighbours_against_all_pairs(seed, missing):
    rng = np.random.default_rng(seed)
    n = [8, 20, 150, 700][seed % 4]
    shape = (rng.integers(1, 5), rng.integers(1, 5), rng.integers(1, 6))
    table = make_table(rng, n, *shape, whole=seed % 3 == 0)
    if seed % 5 == 0:
        # Many duplicates.
        take = rng.integers(max(n // 6, 2), size=n)
        table = Table(table.numbers[take], table.codes[take])
    if missing:
        table.numbers[rng.random(table.numbers.shape) < 0.3] = np.nan
    y = (np.arange(n) % 4 == 0).astype(int)
    engine = MixedEngine(*table, y)
    rows = engine.rows(0)
    k = min(5, rows.size - 1)
    distances = mixed_distances(table, rows, engine.median_std(0))
    assert_nearest(engine.within(0, k), rows, distances, k)
    again = MixedEngine(*table, y, n_jobs=2).within(0, k)
    assert_array_equal(again, engine.within(0, k))


def test_example_of_the_paper():
    """Squared distance of (1,2,3,A,B,C) and (4,6,5,A,D,E): 9 + 16 + 4 + 2 Med^2."""
    numbers = np.array([[1.0, 2, 3], [4, 6, 5], [3, 5, 10]])
    codes = np.array([[0, 0, 0], [0, 1, 1], [0, 1, 1]], dtype=np.int32)
    table = Table(numbers, codes)
    engine = MixedEngine(*table, np.zeros(3))
    median = np.median(numbers.std(axis=0))
    assert_allclose(engine.median_std(0), median)
    distances = mixed_distances(table, np.arange(3), median)
    assert_allclose(distances[0, 1], 9 + 16 + 4 + 2 * median**2)


def test_median_ignores_missing_numbers():
    table = make_table(np.random.default_rng(0), 50, 3, 1, 3)
    table.numbers[:20, 0] = np.nan
    table.numbers[:, 2] = np.nan
    engine = MixedEngine(*table, np.zeros(50))
    expected = np.median([table.numbers[20:, 0].std(), table.numbers[:, 1].std()])
    assert_allclose(engine.median_std(0), expected)
    table.numbers[:] = np.nan
    assert MixedEngine(*table, np.zeros(50)).median_std(0) == 0


def test_distances_are_those_of_scaled_one_hot_codes():
    table = make_table(np.random.default_rng(1), 300, 3, 3, 7)
    engine = MixedEngine(*table, np.zeros(300))
    indicators = OneHotEncoder(sparse_output=False).fit_transform(table.codes)
    scaled = indicators * engine.median_std(0) / np.sqrt(2)
    both = np.hstack([table.numbers, scaled])
    nearest = NearestNeighbors(n_neighbors=6).fit(both)
    distance, found = nearest.kneighbors(both)
    distances = np.sqrt(mixed_distances(table, np.arange(300), engine.median_std(0)))
    ours = np.take_along_axis(distances, engine.within(0, 5), axis=1)
    assert_allclose(ours, distance[:, 1:], rtol=1e-7)
    assert_array_equal(engine.within(0, 5), found[:, 1:])


def test_a_search_of_the_user_finds_the_same():
    rng = np.random.default_rng(2)
    table = make_table(rng, 200, 3, 3, 7)
    y = rng.integers(2, size=200)
    engine = MixedEngine(*table, y)
    search = NearestNeighbors(n_neighbors=6)
    assert_array_equal(engine.within(1, 5, search), engine.within(1, 5))


# The value difference metric


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_levels_against_all_pairs(seed, n_classes):
    rng = np.random.default_rng(seed)
    n = [30, 120, 700][seed % 3]
    table = make_table(rng, n, 0, rng.integers(1, 6), rng.integers(2, 12))
    y = rng.integers(n_classes, size=n)
    y[:n_classes] = np.arange(n_classes)
    y[: n // 2] = 1
    engine = LevelEngine(table.codes, y)
    vdm = ValueDifferenceMetric().fit(table.codes, y)
    rows = engine.rows(1)
    distances = vdm.pairwise(table.codes[rows])
    np.fill_diagonal(distances, np.inf)
    k = 5
    assert_nearest(engine.within(1, k), rows, distances, k)
    again = LevelEngine(table.codes, y, n_jobs=2).within(1, k)
    assert_array_equal(again, engine.within(1, k))


def test_binary_embedding_is_the_metric():
    rng = np.random.default_rng(3)
    table = make_table(rng, 80, 0, 4, 6)
    y = rng.integers(2, size=80)
    embedded = LevelEngine(table.codes, y).X
    found = ((embedded[:, None] - embedded[None]) ** 2).sum(axis=2)
    expected = ValueDifferenceMetric().fit(table.codes, y).pairwise(table.codes)
    assert_allclose(found, expected, atol=1e-14)


def test_embedding_and_levels_agree():
    """The search for many classes, told that there are two."""
    rng = np.random.default_rng(4)
    table = make_table(rng, 400, 0, 5, 9)
    engine = LevelEngine(table.codes, rng.integers(2, size=400))
    expected = engine.within(1, 5)
    engine.binary = False
    distances = engine.X[engine.rows(1)]
    distances = ((distances[:, None] - distances[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    assert_nearest(engine.within(1, 5), engine.rows(1), distances, 5)
    assert (engine.within(1, 5) == expected).mean() > 0.98


@pytest.mark.parametrize("n_classes", [2, 3])
def test_precomputed_search_of_the_user(n_classes):
    rng = np.random.default_rng(5)
    table = make_table(rng, 300, 0, 6, 20)
    engine = LevelEngine(table.codes, rng.integers(n_classes, size=300))
    search = NearestNeighbors(n_neighbors=6, metric="precomputed")
    assert_array_equal(engine.within(1, 5, search), engine.within(1, 5))


def test_small_tables_in_full():
    """All tables of four rows and two columns of two levels."""
    for levels in itertools.product([0, 1], repeat=8):
        codes = np.array(levels, dtype=np.int32).reshape(4, 2)
        table = Table(np.arange(4.0)[:, None], codes)
        engine = MixedEngine(*table, np.zeros(4))
        rows = np.arange(4)
        distances = mixed_distances(table, rows, engine.median_std(0))
        assert_nearest(engine.within(0, 2), rows, distances, 2)
