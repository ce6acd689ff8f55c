"""The search among numbers and categories."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skext._neighbors.nominal import mixed_neighbors
from skext._neighbors.nominal_kernels import _median_root


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("n_nominal", [0, 2])
@pytest.mark.parametrize("n_rows", [2, 7, 8, 40])
def test_search_against_brute_force(missing, n_nominal, n_rows):
    rng = np.random.default_rng(n_rows)
    numbers = rng.integers(4, size=(n_rows, 3)) + 0.0
    codes = rng.integers(3, size=(n_rows, n_nominal))
    if missing:
        numbers[rng.random(numbers.shape) < 0.4] = np.nan
    k = min(5, n_rows - 1)
    found, distances, medians = mixed_neighbors(numbers, codes, 0.7, k, medians=True)
    for i in range(n_rows):
        all_distances = []
        for j in range(n_rows):
            known = ~np.isnan(numbers[i] - numbers[j])
            total = ((numbers[i] - numbers[j])[known] ** 2).sum()
            total += 0.7 * (codes[i] != codes[j]).sum()
            n_known, width = known.sum() + n_nominal, 3 + n_nominal
            square = total * width / n_known if n_known > 0 else np.inf
            all_distances.append(np.sqrt(square))
        others = np.delete(all_distances, i)
        order = np.delete(np.arange(n_rows), i)
        order = order[np.argsort(others.round(12), kind="stable")][:k]
        assert_allclose(distances[i], np.sort(others)[:k])
        assert_allclose(np.array(all_distances)[found[i]], np.sort(others)[:k])
        assert_array_equal(found[i], order)
        expected = np.median(others) if np.isfinite(others).all() else None
        if expected is not None:
            assert_allclose(medians[i], expected)
    plain = mixed_neighbors(numbers, codes, 0.7, k)[0]
    if not missing:
        assert_array_equal(plain, found)


@pytest.mark.parametrize("n", [1, 2, 3, 9, 10, 4096, 4097, 9000, 9001])
@pytest.mark.parametrize("kind", ["normal", "sorted", "ties", "equal", "infinite"])
def test_median(n, kind):
    rng = np.random.default_rng(n)
    values = rng.chisquare(3, size=n)
    if kind == "sorted":
        values.sort()
    elif kind == "ties":
        values = np.rint(values)
    elif kind == "equal":
        values[:] = 2
    elif kind == "infinite":
        values[rng.random(n) < 0.3] = np.inf
    expected = np.sort(np.sqrt(values))[[(n - 1) // 2, n // 2]].mean()
    found = _median_root(values.copy(), np.empty(512), np.empty(n))
    assert_allclose(found, expected)


def test_search_among_many_rows():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(5000, 3))
    codes = rng.integers(2, size=(5000, 1))
    found, distances, medians = mixed_neighbors(numbers, codes, 1, 4, medians=True)
    for i in range(0, 5000, 250):
        square = ((numbers - numbers[i]) ** 2).sum(axis=1)
        square += codes[:, 0] != codes[i, 0]
        others = np.sqrt(np.delete(square, i))
        assert_allclose(distances[i], np.sort(others)[:4])
        assert_allclose(np.sqrt(square[found[i]]), distances[i])
        assert_allclose(medians[i], np.median(others))
