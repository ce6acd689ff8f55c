"""The reduction of the input space: exact sums, greedy splits, any order of rows."""

import heapq

import numpy as np
import pytest

from skext.cluster._reduce import variance_tree as _variance_tree
from skext.cluster._reduce.variance_tree import (
    build_variance_tree,
    merge_trees,
)


def table(n=5000, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * np.geomspace(1, 50, d)
    return X + rng.integers(0, 4, (n, 1)) * 7.0


def greedy(X, weights, n_leaves):
    """Split by split, with a heap: the definition, slowly."""
    scale = np.sqrt(np.average((X - np.average(X, 0, weights)) ** 2, 0, weights))

    def candidate(rows):
        mean = np.average(X[rows], 0, weights[rows])
        spread = weights[rows] @ ((X[rows] - mean) / scale) ** 2
        # The first of those that differ by rounding only.
        j = int(np.argmax(spread >= spread.max() * (1 - 1e-9)))
        return -spread[j], rows.min(), j, mean[j], rows

    heap = [candidate(np.arange(len(X)))]
    while len(heap) < n_leaves and heap[0][0] < 0:
        _, _, j, cut, rows = heapq.heappop(heap)
        right = X[rows, j] > cut
        for part in (rows[~right], rows[right]):
            heapq.heappush(heap, candidate(part))
    leaf = np.empty(len(X), dtype=int)
    for number, (*_, rows) in enumerate(heap):
        leaf[rows] = number
    return leaf


def same_partition(a, b):
    pairs = len(np.unique(np.stack([a, b]), axis=1).T)
    return pairs == len(np.unique(a)) == len(np.unique(b))


@pytest.fixture(params=[None, "small"])
def cell_size(request, monkeypatch):
    """Cells of all rows, and so small that most splits are made above them."""
    if request.param:
        monkeypatch.setattr(_variance_tree, "_CELL_VALUES", 1)
        monkeypatch.setattr(_variance_tree, "_CELL_ROWS", 16)
        monkeypatch.setattr(_variance_tree, "_BLOCK_VALUES", 999)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_leaves", [1, 2, 7, 60, 300])
def test_splits_are_the_greedy_ones(n_leaves, weighted, cell_size):
    X = table(400)
    weights = np.ones(400)
    if weighted:
        weights = np.random.default_rng(1).gamma(1.0, size=400)
    tree = build_variance_tree(X, weights if weighted else None, n_leaves)
    assert tree.means.shape == (n_leaves, 3)
    assert same_partition(tree.leaf, greedy(X, weights, n_leaves))


@pytest.mark.parametrize("n_leaves", [300, 4096])
def test_any_order_of_rows_and_number_of_threads(n_leaves, cell_size):
    X = table(30_000, 4)
    X[::3] = np.round(X[::3])
    weights = np.random.default_rng(0).gamma(1.0, size=len(X))
    for w in (None, weights):
        tree = build_variance_tree(X, w, n_leaves)
        for seed, n_jobs in ((0, 1), (1, 2), (2, 3)):
            p = np.random.default_rng(seed).permutation(len(X))
            other = build_variance_tree(
                X[p], w if w is None else w[p], n_leaves, n_jobs
            )
            np.testing.assert_array_equal(tree.leaf[p], other.leaf)
            for name in set(tree._fields) - {"leaf"}:
                np.testing.assert_array_equal(
                    getattr(tree, name), getattr(other, name), err_msg=name
                )


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_the_leaves(weighted, cell_size):
    X = table(20_000, 5) + 1e5
    w = np.random.default_rng(3).gamma(0.5, size=len(X))
    tree = build_variance_tree(X, w if weighted else None, 500)
    w = w if weighted else np.ones(len(X))
    np.testing.assert_allclose(tree.weights, np.bincount(tree.leaf, w), rtol=1e-12)
    for k in (0, 17, 250, 499):
        rows, inside = X[tree.leaf == k], w[tree.leaf == k]
        mean = np.average(rows, 0, inside)
        spread = np.average((rows - mean) ** 2, 0, inside)
        np.testing.assert_allclose(tree.means[k], mean, rtol=1e-14)
        np.testing.assert_allclose(tree.variances[k], spread, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(tree.lower[k], rows.min(0))
        np.testing.assert_array_equal(tree.upper[k], rows.max(0))
        assert tree.counts[k] == len(np.unique(rows, axis=0))
    # Total weight, total sum, and within plus between squares are those of the rows.
    assert tree.weights.sum() == pytest.approx(w.sum(), rel=1e-12)
    center = np.average(X, 0, w)
    np.testing.assert_allclose(
        np.average(tree.means, 0, tree.weights), center, rtol=1e-12
    )
    np.testing.assert_allclose(
        tree.weights @ (tree.variances + (tree.means - center) ** 2),
        w @ (X - center) ** 2,
        rtol=1e-10,
    )


def test_priorities_never_grow_downwards():
    X = table(3000)
    weights = np.empty(0)
    top, importance = _variance_tree._grow_top(
        X, weights, np.zeros(3000, np.int32), 10**6, None
    )
    nodes = _variance_tree._grow(
        X.copy(), weights, np.arange(3000), top.boxes[0], importance, 0.0, np.inf
    )
    inner = np.flatnonzero(nodes.left >= 0)
    for side in (0, 1):
        child = nodes.priority[nodes.left[inner] + side]
        assert np.all(child <= nodes.priority[inner])


def test_as_many_leaves_as_distinct_rows():
    X = np.round(table(2000, 2))
    distinct, weights = np.unique(X, axis=0, return_counts=True)
    tree = build_variance_tree(X, None, 4096)
    order = np.lexsort(tree.means.T[::-1])
    np.testing.assert_array_equal(tree.means[order], distinct)
    np.testing.assert_array_equal(tree.weights[order], weights)
    np.testing.assert_array_equal(tree.counts, 1)
    np.testing.assert_array_equal(tree.variances, 0)


def test_weights_are_repetitions_and_zero_is_absence():
    X = table(1500, 3)
    w = np.random.default_rng(5).integers(0, 4, len(X)).astype(float)
    tree = build_variance_tree(X, w, 100)
    other = build_variance_tree(np.repeat(X, w.astype(int), axis=0), None, 100)
    for name in ("means", "weights", "variances", "lower", "upper", "counts"):
        np.testing.assert_allclose(
            getattr(tree, name), getattr(other, name), rtol=1e-11, atol=1e-11
        )
    kept = build_variance_tree(X[w > 0], w[w > 0], 100)
    np.testing.assert_array_equal(tree.leaf[w > 0], kept.leaf)
    np.testing.assert_array_equal(tree.means, kept.means)


def test_a_far_small_group_survives():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300_000, 3))
    X[::3000] = 0.2 * X[::3000] + [9, 9, 9]
    tree = build_variance_tree(X, None, 2000)
    far = np.zeros(len(X), dtype=bool)
    far[::3000] = True
    assert not set(tree.leaf[far]) & set(tree.leaf[~far])


@pytest.mark.parametrize("kind", ["float32", "fortran", "strided", "read-only"])
def test_kinds_of_arrays(kind):
    X = table(4000, 3).astype(np.float32).astype(np.float64)
    expected = build_variance_tree(X, None, 200)
    given = {
        "float32": X.astype(np.float32),
        "fortran": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=0)[::2],
        "read-only": X.copy(),
    }[kind]
    given.flags.writeable = kind != "read-only"
    before = given.copy()
    found = build_variance_tree(given, None, 200)
    np.testing.assert_array_equal(found.means, expected.means)
    np.testing.assert_array_equal(found.leaf, expected.leaf)
    np.testing.assert_array_equal(given, before)


def test_scales_of_features_do_not_matter():
    X = table(5000, 4)
    scale = 2.0 ** np.array([-30, 0, 12, 40])
    plain, scaled = (
        build_variance_tree(X, None, 300),
        build_variance_tree(X * scale, None, 300),
    )
    np.testing.assert_array_equal(plain.leaf, scaled.leaf)
    np.testing.assert_array_equal(plain.means * scale, scaled.means)


@pytest.mark.parametrize(
    "X", [np.zeros((5, 2)), np.ones((1, 3)), np.array([[0.0], [-0.0], [1.0]])]
)
def test_few_distinct_rows(X):
    tree = build_variance_tree(X, None, 10)
    assert len(tree.means) == tree.counts.sum() == len(np.unique(X + 0.0, axis=0))


def test_an_outlier_does_not_hide_the_rest():
    X = np.random.default_rng(0).normal(size=(20_000, 2))
    X[7] = 1e12
    tree = build_variance_tree(X, None, 1000)
    rest = np.delete(np.arange(len(X)), 7)
    plain = build_variance_tree(X[rest], None, 1000)
    # The outlier sets the scale, but the others are still told apart.
    lost = tree.weights @ tree.variances / len(X)
    assert np.all(lost < 4 * plain.weights @ plain.variances / len(X))
    assert tree.weights[tree.leaf[7]] == 1


def test_merged_parts_equal_the_whole_in_all_sums():
    X = table(40_000, 3)
    w = np.random.default_rng(2).gamma(1.0, size=len(X))
    parts = [build_variance_tree(X[i::4], w[i::4], 800) for i in range(4)]
    merged = merge_trees(parts, 1000)
    again = merge_trees(parts[::-1], 1000, n_jobs=2)
    np.testing.assert_array_equal(merged.means, again.means)
    np.testing.assert_array_equal(merged.variances, again.variances)
    center = np.average(X, 0, w)
    assert merged.weights.sum() == pytest.approx(w.sum(), rel=1e-12)
    np.testing.assert_allclose(
        merged.weights @ (merged.variances + (merged.means - center) ** 2),
        w @ (X - center) ** 2,
        rtol=1e-10,
    )
    assert merged.counts.sum() == len(X)
    np.testing.assert_array_equal(merged.lower.min(0), X.min(0))
    np.testing.assert_array_equal(merged.upper.max(0), X.max(0))
    assert len(merged.leaf) == 3200
    # A tree of the tree loses little more than the tree of all rows.
    whole = build_variance_tree(X, w, 1000)
    assert np.all(
        merged.weights @ merged.variances < 1.6 * whole.weights @ whole.variances
    )


def test_merging_few_leaves_keeps_them():
    X = table(3000, 2)
    parts = [
        build_variance_tree(X[:1000], None, 50),
        build_variance_tree(X[1000:], None, 60),
    ]
    merged = merge_trees(parts, 4096)
    assert len(merged.means) == 110
    for name in ("means", "weights", "variances", "counts", "lower", "upper"):
        values = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(
            getattr(merged, name)[merged.leaf], values, rtol=1e-14
        )
