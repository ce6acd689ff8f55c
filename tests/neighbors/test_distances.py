"""Distances and directions of rows of all kinds of tables."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import nan_euclidean_distances

from skext._neighbors import distances as _distances


@pytest.mark.parametrize("block", [1 << 21, 40])
@pytest.mark.parametrize("kind", ["dense", "missing", "csr", "csc"])
def test_distances(kind, block, monkeypatch):
    monkeypatch.setattr(_distances, "_BLOCK", block)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    X[rng.random(X.shape) < 0.3] = np.nan if kind == "missing" else 0
    X[4] = 1.0
    expected = nan_euclidean_distances(X, X)
    expected[np.isnan(expected)] = np.inf
    table = getattr(sparse, f"{kind}_array")(X) if kind.startswith("cs") else X
    rows, others = np.array([4, 1, 8, 20, 3]), np.array([7, 9, 8, 4, 29])
    found = _distances.distance_block(table, rows, others)
    assert_allclose(found, expected[np.ix_(rows, others)], atol=1e-7)
    found = _distances.pair_distances(table, rows, others)
    assert_allclose(found, expected[rows, others], atol=1e-12)
    found = _distances.condensed_distances(table, rows)
    upper = expected[np.ix_(rows, rows)][np.triu_indices(5, 1)]
    upper[np.isinf(upper)] = upper[np.isfinite(upper)].max()
    assert_allclose(found, upper, atol=1e-7)


def test_distances_of_rows_without_a_common_column():
    X = np.array([[1.0, np.nan], [np.nan, 2.0], [3.0, 5.0]])
    found = _distances.pair_distances(X, np.array([0, 0]), np.array([1, 2]))
    assert_allclose(found, [np.inf, np.sqrt(8)])
    assert_allclose(
        _distances.condensed_distances(X, np.arange(3)),
        [np.sqrt(18), np.sqrt(8), np.sqrt(18)],
    )


# Directions


@pytest.mark.parametrize("shape", [(60, 4), (8, 20), (3, 3), (2, 5), (40, 1)])
@pytest.mark.parametrize("limit", [1000, 0])
def test_principal_direction(shape, limit, monkeypatch):
    if limit == 0 and min(shape) < 4:
        pytest.skip("the iteration is for large tables")
    monkeypatch.setattr(_distances, "_MOST_DIRECT", limit)
    P = np.random.default_rng(0).normal(size=shape) * np.linspace(3, 1, shape[1]) + 7
    P[np.random.default_rng(1).random(shape) < 0.2] = 0
    expected = PCA(n_components=1).fit(P).components_[0]
    for table in (P, sparse.csr_array(P), sparse.csc_matrix(P), P.astype(np.float32)):
        found = _distances.principal_direction(table)
        assert abs(found @ expected) == pytest.approx(1, abs=1e-6)
        assert np.linalg.norm(found) == pytest.approx(1)
        assert found[np.abs(found).argmax()] > 0


def test_principal_direction_of_equal_rows():
    P = np.full((6, 3), 1e3 / 7)
    assert_array_equal(_distances.principal_direction(P), 0)
    assert_array_equal(_distances.principal_direction(sparse.csr_array(P)), 0)
    P[0] = np.nan
    assert_array_equal(_distances.principal_direction(P), 0)
