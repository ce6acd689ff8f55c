"""Votes about categories: counts and ties."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from skext.over_sampling._core.plan import Plan
from skext.over_sampling._mixed.nominal_base import elect
from skext.over_sampling._mixed.vote_kernels import tally


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
    chosen = elect(codes.T, np.arange(3), ballots, plan)
    values = np.take_along_axis(codes, chosen.T, axis=1)
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
    assert_array_equal(elect(codes.T, np.arange(3), ballots, plan, n_jobs=2), chosen)
    other = elect(codes.T, np.arange(3), ballots, plan._replace(key=8))
    assert not np.array_equal(other, chosen)
