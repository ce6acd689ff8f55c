"""The neighbour engine against the obvious search."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics.pairwise import nan_euclidean_distances
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors

from skext._neighbors.engine import NeighborEngine, drop_self


def brute_force(X, rows, references, k):
    """Sort all direct distances; equal ones by row number; leave the row out."""
    found = np.empty((len(rows), k), dtype=np.intp)
    for i, row in enumerate(rows):
        others = np.sort(references[references != row])
        distances = ((X[others] - X[row]) ** 2).sum(axis=1)
        found[i] = others[np.argsort(distances, kind="stable")[:k]]
    return found


def distances_of(X, rows, found):
    return np.sqrt(((X[found] - X[rows][:, None]) ** 2).sum(axis=2))


def tables(rng, n):
    """Tables with ties, duplicates, constant columns and huge scales."""
    plain = rng.normal(size=(n, 4))
    yield "plain", plain
    yield "one column", plain[:, :1].copy()
    yield "ties", rng.integers(0, 3, size=(n, 3)).astype(float)
    yield "duplicates", plain[rng.integers(0, min(n, 5), size=n)]
    yield "identical", np.ones((n, 2))
    yield "constant column", np.column_stack([plain, np.full(n, 7.0)])
    yield "huge", plain * 1e150
    yield "tiny", plain * 1e-150
    yield "far away", plain + 1e6
    yield "wide", rng.normal(size=(n, 67))


@pytest.mark.parametrize("n", [2, 3, 7, 50, 500])
def test_equals_brute_force(n):
    rng = np.random.default_rng(n)
    for name, X in tables(rng, n):
        for k in {1, min(3, n - 1), n - 1 if n <= 50 else 9}:
            engine = NeighborEngine(X, np.zeros(n))
            rows = np.arange(n)
            found = engine.within(0, k)
            assert found.shape == (n, k)
            assert (found >= 0).all(), name
            assert (found != rows[:, None]).all(), f"{name}: own row"
            assert all(len(set(row)) == k for row in found.tolist()), name
            expected = brute_force(X, rows, rows, k)
            # Sums in another order may differ in the last digit where rows tie.
            assert_allclose(
                distances_of(X, rows, found),
                distances_of(X, rows, expected),
                rtol=1e-12,
                err_msg=name,
            )


def test_ties_are_broken_by_the_row_number():
    X = np.array([[0.0], [1.0], [-1.0], [1.0], [0.0], [0.0]])
    found = NeighborEngine(X, np.zeros(6)).within(0, 5)
    assert found[0].tolist() == [4, 5, 1, 2, 3]
    assert found[4].tolist() == [0, 5, 1, 2, 3]


def test_a_row_with_many_duplicates_is_never_its_own_neighbor():
    X = np.repeat(np.random.default_rng(0).normal(size=(40, 3)), 8, axis=0)
    found = NeighborEngine(X, np.zeros(320)).within(0, 5)
    rows = np.arange(320)
    assert (found != rows[:, None]).all()
    assert_array_equal(found // 8, np.repeat(rows // 8, 5).reshape(-1, 5))


def test_classes_are_searched_apart_and_numbered_in_the_whole_table():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 3)), rng.integers(0, 3, 300)
    engine = NeighborEngine(X, y)
    for label in range(3):
        rows = np.flatnonzero(y == label)
        assert_array_equal(engine.within(label, 4), brute_force(X, rows, rows, 4))
    assert engine.within(1, 4) is engine.within(1, 4)


def test_among_all_and_between_groups():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(900, 5)), rng.integers(0, 2, 900)
    engine = NeighborEngine(X, y)
    rows, others = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    everything = np.arange(900)
    assert_array_equal(engine.among_all(rows, 7), brute_force(X, rows, everything, 7))
    assert_array_equal(engine.nearest(rows, others, 3), brute_force(X, rows, others, 3))


@pytest.mark.parametrize("n_features", [1, 3, 4, 33, 200])
def test_sparse_equals_dense(n_features):
    rng = np.random.default_rng(n_features)
    X = rng.normal(size=(250, n_features)) * (rng.random((250, n_features)) < 0.2)
    X = np.vstack([X, X[:30], np.zeros((5, n_features))])
    y = np.zeros(len(X))
    expected = NeighborEngine(X, y).within(0, 6)
    for container in (sparse.csr_matrix, sparse.csr_array, sparse.csc_array):
        assert_array_equal(NeighborEngine(container(X), y).within(0, 6), expected)


def test_sparse_close_rows_far_from_the_origin():
    """Inner products lose all digits here; the direct distances decide."""
    rng = np.random.default_rng(0)
    X = 1e8 + rng.normal(size=(60, 3)) * 1e-3
    y = np.zeros(60)
    expected = NeighborEngine(X, y).within(0, 4)
    assert_array_equal(NeighborEngine(sparse.csr_array(X), y).within(0, 4), expected)


def test_missing_values():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5))
    X[rng.random(X.shape) < 0.3] = np.nan
    X[3] = np.nan
    distances = nan_euclidean_distances(X)
    distances[np.isnan(distances)] = np.inf
    np.fill_diagonal(distances, np.nan)
    found = NeighborEngine(X, np.zeros(80)).within(0, 5)
    expected = np.sort(distances, axis=1)[:, :5]
    assert_allclose(np.take_along_axis(distances, found, axis=1), expected)
    assert_array_equal(found[3], [0, 1, 2, 4, 5])


@pytest.mark.parametrize("kind", ["dense", "sparse", "missing"])
def test_threads_do_not_change_the_result(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 4))
    if kind == "sparse":
        X = sparse.csr_array(X * (rng.random(X.shape) < 0.5))
    elif kind == "missing":
        X[rng.random(X.shape) < 0.1] = np.nan
    y = np.zeros(1000)
    expected = NeighborEngine(X, y, n_jobs=1).within(0, 5)
    for n_jobs in (2, 3):
        assert_array_equal(NeighborEngine(X, y, n_jobs=n_jobs).within(0, 5), expected)


@pytest.mark.parametrize(
    "search",
    [NearestNeighbors(n_neighbors=6), KNeighborsTransformer(n_neighbors=5)],
    ids=lambda search: type(search).__name__,
)
def test_a_search_of_the_user(search):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    engine = NeighborEngine(X, y)
    assert_array_equal(engine.within(1, 5, search), engine.within(1, 5))
    assert not hasattr(search, "n_features_in_")


def test_drop_self():
    found = np.array([[0, 2, 1], [2, 1, 0], [0, 1, 3]])
    assert drop_self(found).tolist() == [[2, 1], [2, 0], [0, 1]]
