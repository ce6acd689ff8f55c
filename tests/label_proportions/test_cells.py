"""Approximate neighbours of many rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors

from skext.label_proportions._inference import cells, graph
from skext.label_proportions._inference.graph import neighbor_graph


@pytest.fixture
def small_cells(monkeypatch):
    monkeypatch.setattr(cells, "_CELL", 128)


@pytest.fixture(scope="module")
def X():
    """Ten columns near a surface of three dimensions, two rows twice."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3)) @ rng.normal(size=(3, 10))
    X = np.tanh(X) + 0.05 * rng.normal(size=(3000, 10))
    X[[7, 1500]] = X[[8, 20]]
    return X


def test_most_neighbors_are_found(X, small_cells):
    distances, found = cells.neighbors_in_cells(X, 5)
    exact, wanted = NearestNeighbors(n_neighbors=5).fit(X).kneighbors()
    hits = (found[:, :, np.newaxis] == wanted[:, np.newaxis]).any(axis=2)
    assert hits.mean() > 0.97
    assert (found != np.arange(3000)[:, np.newaxis]).all()
    assert all(np.unique(row).size == 5 for row in found)
    assert (np.diff(distances, axis=1) >= 0).all()
    gaps = np.linalg.norm(X[:, np.newaxis] - X[found], axis=2)
    assert_allclose(distances, gaps, rtol=1e-4, atol=1e-6)
    assert (distances >= exact * (1 - 1e-4) - 1e-6).all()
    assert found[7, 0] == 8
    assert found[20, 0] == 1500


def test_threads_offsets_and_order_of_rows(X, small_cells):
    X = np.round(X * 2**10) / 2**10
    distances, found = cells.neighbors_in_cells(X, 5)
    again = cells.neighbors_in_cells(X.copy(), 5, n_jobs=2)
    assert_array_equal(again[1], found)
    order = np.random.default_rng(1).permutation(3000)
    moved, _ = cells.neighbors_in_cells(X[order] + 2.0**20, 5)
    assert np.isclose(moved, distances[order], rtol=1e-4).mean() > 0.95


def test_rows_that_are_all_equal(small_cells):
    distances, found = cells.neighbors_in_cells(np.ones((600, 9)), 3)
    assert (distances == 0).all()
    assert (found != np.arange(600)[:, np.newaxis]).all()
    assert all(np.unique(row).size == 3 for row in found)


def test_graph_of_many_rows(X, small_cells, monkeypatch):
    exact, scale = neighbor_graph(X, 5)
    monkeypatch.setattr(graph, "_MANY_ROWS", 1000)
    near, near_scale = neighbor_graph(X, 5)
    assert exact.multiply(near > 0).nnz > 0.97 * exact.nnz
    assert near_scale == pytest.approx(scale, rel=0.01)
    for options in ({"metric": "manhattan"}, {"n_neighbors": 200}):
        monkeypatch.setattr(graph, "_MANY_ROWS", 1000)
        one, _ = neighbor_graph(X, **options)
        monkeypatch.setattr(graph, "_MANY_ROWS", 10_000)
        two, _ = neighbor_graph(X, **options)
        assert (one != two).nnz == 0
