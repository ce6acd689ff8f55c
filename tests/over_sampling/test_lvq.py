"""LVQ-SMOTE: the codebook, matching pairs, and which rows are moved."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import make_classification

from skext.over_sampling._placed.lvq import (
    LVQSMOTE,
    draw_near,
    draw_pairs,
    match_all,
    nearest_to,
)
from skext.over_sampling._placed.lvq_kernels import pick_distinct


def make(seed=0):
    return make_classification(
        300, 5, weights=[0.8], n_redundant=0, flip_y=0, random_state=seed
    )


@pytest.mark.parametrize("size", [4, 5, 9])
@pytest.mark.parametrize("seed", range(5))
def test_matches_are_those_of_a_literal_search(size, seed):
    codebook = np.random.default_rng(seed).normal(size=(size, 3)) + 50
    match = match_all(codebook)
    for a, b in itertools.permutations(range(size), 2):
        off = {
            (p, q): ((codebook[p] - codebook[q] - codebook[a] + codebook[b]) ** 2).sum()
            for p, q in itertools.permutations(range(size), 2)
            if not {p, q} & {a, b}
        }
        assert off[tuple(match[a, b])] == pytest.approx(min(off.values()))


def test_threads_find_the_same_matches():
    codebook = np.random.default_rng(0).normal(size=(30, 3))
    assert_array_equal(match_all(codebook, 1), match_all(codebook, 2))


@pytest.mark.parametrize("block", [1, 10_000])
def test_rows_near_a_codeword(block, monkeypatch):
    monkeypatch.setattr("skext.over_sampling._placed.lvq._BLOCK", block)
    rng = np.random.default_rng(0)
    codebook, table = rng.normal(size=(6, 3)), rng.normal(size=(40, 3))
    near = nearest_to(codebook, table, 5)
    distance = np.linalg.norm(codebook[:, None] - table, axis=2)
    for i in range(6):
        assert set(near[i]) == set(np.argsort(distance[i])[:5])


def test_distinct_rows():
    table = np.array([[1.0, 2], [1, 2], [1, 3], [0, 2], [1, 3], [5, 5]])
    assert_array_equal(pick_distinct(table, 10), [0, 2, 3, 5])
    assert_array_equal(pick_distinct(table, 3), [0, 2, 3])


def test_new_rows_are_moved_rows():
    X, y = make()
    sampler = LVQSMOTE(random_state=0, n_codewords=7, k_neighbors=3)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    moved = sampler.sample_indices_[len(X) :]
    codebook = sampler.codebooks_[1]
    assert codebook.shape == (7, 5)
    match, rare = match_all(codebook), np.flatnonzero(y == 1)
    near = rare[nearest_to(codebook, X[rare], 3)]
    step = codebook[:, None] - codebook
    for row, origin in zip(new, moved, strict=True):
        off = np.abs(row - X[origin] - step).max(axis=2)
        a, r = np.unravel_index(np.argmin(off), off.shape)
        assert off[a, r] < 1e-9
        assert origin in near[r]
        assert any(r in match[a, b] for b in range(7) if b != a)


def test_draws_have_the_right_distribution():
    """One chance in a thousand for each test; seed fixed."""
    rng = np.random.RandomState(0)
    codebook = np.random.default_rng(0).normal(size=(6, 3))
    match = match_all(codebook)
    first, reference = draw_pairs(rng, match, 30_000)
    expected = np.zeros((6, 6))
    for a, b in itertools.permutations(range(6), 2):
        for r in match[a, b]:
            expected[a, r] += 30_000 / 30 / 2
    counts = np.zeros((6, 6))
    np.add.at(counts, (first, reference), 1)
    assert_array_equal(counts[expected == 0], 0)
    used = expected > 0
    assert stats.chisquare(counts[used], expected[used]).pvalue > 1e-3
    near = np.array([[3, 5, 8], [0, 1, 2]])
    rows = draw_near(rng, near, np.repeat([0, 1], 6000))
    counts = np.bincount(rows, minlength=9)
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-3
    weights = np.array([0, 0, 0, 1.0, 9, 0, 9, 9, 3.0])
    rows = draw_near(rng, near, np.repeat([0, 1], 6000), weights)
    counts = np.bincount(rows, minlength=9)
    assert counts[5] == 0
    assert stats.binomtest(counts[3], 6000, 0.25).pvalue > 1e-3
    # Where no row has a weight they count alike.
    assert stats.chisquare(counts[:3]).pvalue > 1e-3


def test_duplicated_rows():
    """As many codewords as there are different rows, and no warning of k-means."""
    rng = np.random.default_rng(0)
    X = np.vstack([np.repeat(rng.normal(size=(6, 3)), 5, axis=0), np.eye(3)[[0] * 60]])
    y = np.repeat([1, 0], [30, 60])
    with pytest.warns(UserWarning, match=r"30 rows \(6 different\)") as caught:
        new = LVQSMOTE(random_state=0).fit_resample(X, y)[0]
    assert len(caught) == 1
    assert np.isfinite(new).all()
    sampler = LVQSMOTE(random_state=0, n_codewords=6)
    sampler.fit_resample(X, y)
    found = sampler.codebooks_[1]
    assert_allclose(
        found[np.lexsort(found.T)],
        np.unique(X[:30], axis=0)[np.lexsort(np.unique(X[:30], axis=0).T)],
    )


def test_three_different_rows_are_too_few():
    X = np.vstack([np.repeat(np.eye(3), 4, axis=0), np.zeros((30, 3))])
    y = np.repeat([1, 0], [12, 30])
    with pytest.raises(ValueError, match=r"12 rows \(3 different\).*four different"):
        LVQSMOTE(random_state=0).fit_resample(X, y)


def test_translation():
    X, y = make()
    found = LVQSMOTE(random_state=0).fit_resample(X + 16.0, y)[0]
    expected = LVQSMOTE(random_state=0).fit_resample(X, y)[0] + 16.0
    assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("options", [{"n_codewords": 3}, {"k_neighbors": 0}])
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        LVQSMOTE(**options).fit_resample(*make())
