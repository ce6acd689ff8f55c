import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skext.naive_bayes._moments.kernels import score_rows, sort_by_class
from skext.naive_bayes._moments.state import MomentState


def two_pass(X, codes, n_classes, weights):
    """Class means and pooled sums of squares, the obvious way."""
    means = np.zeros((n_classes, X.shape[1]))
    squares = np.zeros(X.shape[1])
    for k in range(n_classes):
        rows, weight = X[codes == k], weights[codes == k]
        if weight.sum() > 0:
            means[k] = weight @ rows / weight.sum()
            squares += weight @ (rows - means[k]) ** 2
    return means, squares


@pytest.mark.parametrize("layout", ["C", "F"])
def test_moments_on_random_tiny_cases(layout):
    rng = np.random.default_rng(0)
    for case in range(300):
        n, d, n_classes = rng.integers(1, 8, 3)
        X = rng.choice([0, 1, -1, 1e-8, 1e8, 0.1], size=(n, d))
        codes = rng.integers(0, n_classes, n)
        weights = rng.choice([0, 1, 2, 1e-6], n) if case % 2 else np.ones(n)
        given = weights if case % 2 else None
        moments = MomentState.from_data(
            np.asarray(X, order=layout), codes, n_classes, given
        )
        means, squares = two_pass(X, codes, n_classes, weights)
        assert_allclose(moments.means, means, rtol=1e-12, atol=1e-8)
        assert_allclose(moments.squares, squares, rtol=1e-12, atol=1e-15)
        assert_allclose(moments.counts, np.bincount(codes, weights, n_classes))


@pytest.mark.parametrize("parts", [2, 7, 100])
def test_merging_parts_in_any_order(parts):
    rng = np.random.default_rng(parts)
    n, d, n_classes = 700, 6, 5
    X = rng.normal(size=(n, d)) * 10.0 ** np.linspace(-3, 3, d) + 1e3
    codes = rng.integers(0, n_classes, n)
    means, squares = two_pass(X, codes, n_classes, np.ones(n))
    rows = np.arange(n_classes)
    states = [
        MomentState.from_data(X[part], codes[part], n_classes)
        for part in np.array_split(rng.permutation(n), parts)
    ]
    while len(states) > 1:
        other = states.pop(rng.integers(len(states)))
        states[rng.integers(len(states))].merge(other, rows)
    assert_allclose(states[0].means, means, rtol=1e-14)
    # Features with a deviation of 1e-3 around 1e3 carry six digits fewer.
    assert_allclose(states[0].squares[1:], squares[1:], rtol=1e-11)
    assert_allclose(states[0].squares, squares, rtol=1e-9)


def test_sort_by_class_is_stable_and_drops_zero_weights():
    codes = np.array([2, 0, 2, 1, 0, 2])
    weights = np.array([1.0, 1, 0, 1, 1, 1])
    bounds, order = np.zeros(5, np.intp), np.empty(6, np.intp)
    sort_by_class(codes, weights, 0, 6, bounds, order)
    assert_array_equal(bounds, [0, 2, 3, 5, 5])
    assert_array_equal(order[:5], [1, 4, 3, 0, 5])


@pytest.mark.parametrize("n_classes", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_score_rows(n_classes, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 33)).astype(dtype)
    weights = rng.normal(size=(n_classes, 33)).astype(dtype)
    center, bias = rng.normal(size=33).astype(dtype), np.ones(n_classes, dtype)
    bias[0] = -np.inf
    scores = np.zeros((20, n_classes), dtype)
    score_rows(X, center, weights, bias, scores, 3, 17)
    expected = (X.astype(float) - center) @ weights.T.astype(float) + bias
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    assert_allclose(scores[3:17], expected[3:17], atol=tolerance)
    assert not scores[:3].any()
    assert not scores[17:].any()
    X[5, 30] = np.inf
    weights[:] = 0
    with np.errstate(invalid="ignore"):
        score_rows(X, center, weights, np.zeros(n_classes, dtype), scores, 5, 6)
    assert np.isnan(scores[5]).all()
