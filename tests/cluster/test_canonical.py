"""The same rows have one form, whatever their order."""

import numpy as np
import pytest

from skext.cluster._reduce.canonical import (
    canonical_rows,
    lexicographic_order,
    resolution,
)


@pytest.fixture(params=range(20))
def table(request):
    rng = np.random.default_rng(request.param)
    n, d = rng.integers(1, 40), rng.integers(1, 4)
    return rng, rng.integers(-2, 3, (n, d)) / 3.0


def test_order_is_lexicographic(table):
    _, rows = table
    found = rows[lexicographic_order(rows)]
    np.testing.assert_array_equal(found, rows[np.lexsort(rows.T[::-1])])


def test_same_for_every_order(table):
    rng, rows = table
    weights = rng.uniform(0, 2, len(rows)) * (rng.uniform(size=len(rows)) > 0.2)
    weights[0] = 1.0
    expected = canonical_rows(rows, weights)
    for _ in range(5):
        order = rng.permutation(len(rows))
        found = canonical_rows(rows[order], weights[order])
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.weights, expected.weights)
    assert len(np.unique(expected.rows, axis=0)) == len(expected.rows)
    assert expected.weights.sum() == pytest.approx(weights.sum(), rel=1e-14)


def test_weight_is_repetition(table):
    rng, rows = table
    weights = rng.integers(0, 4, len(rows))
    weights[0] = 2
    found = canonical_rows(rows, weights.astype(float))
    repeated = canonical_rows(np.repeat(rows, weights, axis=0))
    np.testing.assert_array_equal(found.rows, repeated.rows)
    np.testing.assert_array_equal(found.weights, repeated.weights)


def test_signs_of_zero_are_one():
    found = canonical_rows(np.array([[0.0, 1.0], [-0.0, 1.0]]))
    assert len(found.rows) == 1
    assert found.weights.tolist() == [2.0]


def test_resolution_is_the_smallest_gap():
    values = np.array([[1.0, 5.0, 0.0], [1.5, 5.0, 10.0], [1.0, 5.0, 3.0]])
    np.testing.assert_array_equal(resolution(values), [0.5, 0.0, 3.0])
    np.testing.assert_array_equal(resolution(values[:1]), [0.0, 0.0, 0.0])
