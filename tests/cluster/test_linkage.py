"""Dendrogram of the components."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import is_monotonic, is_valid_linkage

from skext.cluster._mixture.linkage import cut_by_prominence, cut_into, saddle_linkage


def landscape(seed, k):
    """Random peaks, and saddles below both of their peaks."""
    rng = np.random.default_rng(seed)
    peaks = rng.normal(size=k)
    saddles = np.minimum.outer(peaks, peaks) - rng.exponential(size=(k, k))
    return peaks, np.maximum(saddles, saddles.T)


@pytest.mark.parametrize("seed", range(20))
def test_is_a_linkage(seed):
    peaks, saddles = landscape(seed, 2 + seed % 7)
    tree = saddle_linkage(saddles, peaks)
    assert is_valid_linkage(tree)
    assert is_monotonic(tree)


def test_one_component_has_no_joins():
    tree = saddle_linkage(np.zeros((1, 1)), np.zeros(1))
    assert tree.shape == (0, 4)
    assert cut_into(tree, 1).tolist() == [0]
    assert cut_by_prominence(np.zeros((1, 1)), np.zeros(1), 0.5).tolist() == [0]


@pytest.mark.parametrize("seed", range(20))
def test_cuts(seed):
    k = 2 + seed % 7
    peaks, saddles = landscape(seed, k)
    tree = saddle_linkage(saddles, peaks)
    for n_groups in range(1, k + 1):
        groups = cut_into(tree, n_groups)
        assert sorted(set(groups)) == list(range(n_groups))
    for prominence in (0.0, 0.3, 1.0):
        groups = cut_by_prominence(saddles, peaks, prominence)
        assert len(set(groups)) <= len(set(cut_by_prominence(saddles, peaks, 0.0)))
        # The highest path from one group to another goes down far enough.
        top = {g: peaks[groups == g].max() for g in set(groups)}
        apart = groups[:, None] != groups
        for a, b in zip(*np.nonzero(apart), strict=True):
            lower = min(top[groups[a]], top[groups[b]])
            assert lower - saddles[a, b] > prominence
    assert len(set(cut_by_prominence(saddles, peaks, 100.0))) == 1
