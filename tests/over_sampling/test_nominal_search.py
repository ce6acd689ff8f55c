"""Neighbours and votes of nominal tables against literal loops and the formulas."""

import itertools

import numpy as np
import pytest
from imblearn.metrics.pairwise import ValueDifferenceMetric
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from skext.over_sampling._mixed.nominal_tables import Table
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder

from skext._neighbors.nominal import LevelEngine, MixedEngine
from skext._neighbors.nominal_kernels import tally
from skext.over_sampling._core.generate import Plan
from skext.over_sampling._mixed.nominal_base import elect


def make_table(rng, n, n_continuous, n_nominal, n_levels, whole=False):
    numbers = rng.normal(size=(n, n_continuous)) * rng.exponential(3, size=n_continuous)
    if whole:
        numbers = np.rint(numbers)
    codes = rng.integers(n_levels, size=(n_nominal, n)).astype(np.int32)
    return Table(numbers, codes, np.full(n_continuous, whole))


def mixed_distances(table, rows, median):
    """All squared distances, by the formula; NaN where both do not know a column."""
    numbers, codes = table.numbers[rows], table.codes[:, rows]
    difference = (numbers[:, None] - numbers[None]) ** 2
    known = ~np.isnan(difference)
    differ = (codes[:, :, None] != codes[:, None, :]).sum(axis=0)
    total = np.where(known, difference, 0).sum(axis=2) + median**2 * differ
    n_columns = numbers.shape[1] + codes.shape[0]
    total *= n_columns / (known.sum(axis=2) + codes.shape[0])
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
        table = Table(table.numbers[take], table.codes[:, take], table.whole)
    if missing:
        table.numbers[rng.random(table.numbers.shape) < 0.3] = np.nan
    y = (np.arange(n) % 4 == 0).astype(int)
    engine = MixedEngine(table, y)
    rows = engine.rows(0)
    k = min(5, rows.size - 1)
    distances = mixed_distances(table, rows, engine.median_std(0))
    assert_nearest(engine.within(0, k), rows, distances, k)
    again = MixedEngine(table, y, n_jobs=2).within(0, k)
    assert_array_equal(again, engine.within(0, k))


def test_example_of_the_paper():
    """Squared distance of (1,2,3,A,B,C) and (4,6,5,A,D,E): 9 + 16 + 4 + 2 Med^2."""
    numbers = np.array([[1.0, 2, 3], [4, 6, 5], [3, 5, 10]])
    codes = np.array([[0, 0, 0], [0, 1, 1], [0, 1, 1]], dtype=np.int32)
    table = Table(numbers, codes, np.zeros(3, dtype=bool))
    engine = MixedEngine(table, np.zeros(3))
    median = np.median(numbers.std(axis=0))
    assert_allclose(engine.median_std(0), median)
    distances = mixed_distances(table, np.arange(3), median)
    assert_allclose(distances[0, 1], 9 + 16 + 4 + 2 * median**2)


def test_median_ignores_missing_numbers():
    table = make_table(np.random.default_rng(0), 50, 3, 1, 3)
    table.numbers[:20, 0] = np.nan
    table.numbers[:, 2] = np.nan
    engine = MixedEngine(table, np.zeros(50))
    expected = np.median([table.numbers[20:, 0].std(), table.numbers[:, 1].std()])
    assert_allclose(engine.median_std(0), expected)
    table.numbers[:] = np.nan
    assert MixedEngine(table, np.zeros(50)).median_std(0) == 0


def test_distances_are_those_of_scaled_one_hot_codes():
    table = make_table(np.random.default_rng(1), 300, 3, 3, 7)
    engine = MixedEngine(table, np.zeros(300))
    indicators = OneHotEncoder(sparse_output=False).fit_transform(table.codes.T)
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
    engine = MixedEngine(table, y)
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
    engine = LevelEngine(table, y)
    vdm = ValueDifferenceMetric().fit(table.codes.T, y)
    rows = engine.rows(1)
    distances = vdm.pairwise(table.codes.T[rows])
    np.fill_diagonal(distances, np.inf)
    k = 5
    assert_nearest(engine.within(1, k), rows, distances, k)
    again = LevelEngine(table, y, n_jobs=2).within(1, k)
    assert_array_equal(again, engine.within(1, k))


def test_binary_embedding_is_the_metric():
    rng = np.random.default_rng(3)
    table = make_table(rng, 80, 0, 4, 6)
    y = rng.integers(2, size=80)
    embedded = LevelEngine(table, y).X
    found = ((embedded[:, None] - embedded[None]) ** 2).sum(axis=2)
    expected = ValueDifferenceMetric().fit(table.codes.T, y).pairwise(table.codes.T)
    assert_allclose(found, expected, atol=1e-14)


def test_embedding_and_levels_agree():
    """The search for many classes, told that there are two."""
    rng = np.random.default_rng(4)
    table = make_table(rng, 400, 0, 5, 9)
    engine = LevelEngine(table, rng.integers(2, size=400))
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
    engine = LevelEngine(table, rng.integers(n_classes, size=300))
    search = NearestNeighbors(n_neighbors=6, metric="precomputed")
    assert_array_equal(engine.within(1, 5, search), engine.within(1, 5))


# Votes


@pytest.mark.parametrize("seed", range(20))
def test_tally_against_counting(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(5, size=40).astype(np.int32)
    voters = np.stack([rng.permutation(40)[: rng.integers(1, 9)]] * 3)
    winners, n_winners = np.empty_like(voters), np.empty(3, dtype=np.intp)
    tally(codes, 5, voters, winners, n_winners, 0, 3)
    for line, won, n in zip(voters, winners, n_winners, strict=True):
        counts = np.bincount(codes[line], minlength=5)
        expected = np.flatnonzero(counts == counts.max())
        assert_array_equal(np.sort(codes[won[:n]]), expected)
        assert set(won[:n]) <= set(line)


# Uncompiled, numpy warns of the overflow that the hash is made of.
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_ties_go_to_each_equally_often_and_independently():
    """One chance in a thousand for each test to fail by accident; keys fixed."""
    codes = np.array([[0, 1, 2, 3], [0, 0, 1, 1], [0, 1, 1, 1]], dtype=np.int32)
    n = 24_000
    base = np.zeros(n, dtype=np.intp)
    plan = Plan(base, base, np.zeros((n, 1)), key=7)
    ballots = [
        (np.arange(4)[None], base[: n // 2]),
        (np.arange(4)[None], base[n // 2 :]),
    ]
    chosen = elect(codes, np.arange(3), ballots, plan)
    values = np.take_along_axis(codes, chosen, axis=1)
    assert stats.chisquare(np.bincount(values[0])).pvalue > 1e-3
    assert stats.chisquare(np.bincount(values[1])).pvalue > 1e-3
    assert (values[2] == 1).all()
    table = np.zeros((4, 2))
    np.add.at(table, (values[0], values[1]), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-3
    # Nor do two classes share their ties.
    table = np.zeros((4, 4))
    np.add.at(table, (values[0, : n // 2], values[0, n // 2 :]), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-3
    assert_array_equal(elect(codes, np.arange(3), ballots, plan, n_jobs=2), chosen)
    other = elect(codes, np.arange(3), ballots, plan._replace(key=8))
    assert not np.array_equal(other, chosen)


def test_small_tables_in_full():
    """All tables of four rows and two columns of two levels."""
    for levels in itertools.product([0, 1], repeat=8):
        codes = np.array(levels, dtype=np.int32).reshape(2, 4)
        table = Table(np.arange(4.0)[:, None], codes, np.zeros(1, dtype=bool))
        engine = MixedEngine(table, np.zeros(4))
        rows = np.arange(4)
        distances = mixed_distances(table, rows, engine.median_std(0))
        assert_nearest(engine.within(0, 2), rows, distances, 2)
