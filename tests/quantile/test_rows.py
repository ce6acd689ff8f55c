"""Order of rows, interpolation between levels, shifted order statistics."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from skext.quantile import isotonize
from skext.quantile._regression.conformal import CrossScores, cross_shift
from skext.utils._quantiles.levels import (
    cdf_from_quantiles,
    change_levels,
    check_levels,
    draw,
)

LEVELS = np.arange(1, 20) / 20


def rows(q=19, n=400, seed=0):
    rng = np.random.RandomState(seed)
    Q = norm.ppf(np.arange(1, q + 1) / (q + 1)) + 0.3 * rng.normal(size=(n, q))
    Q[::3] = np.round(Q[::3])
    Q[::7] *= 1e12
    return Q


@pytest.mark.parametrize("method", ["sort", "isotonic"])
def test_never_worse_for_any_target(method):
    Q = rows()
    out = isotonize(Q, method)
    for y in (-1e13, -1.0, 0.0, 0.3, 5.0, 1e13):
        before, after = (
            np.maximum(LEVELS * (y - R), (LEVELS - 1) * (y - R)).sum(1)
            for R in (Q, out)
        )
        assert (after <= before + 1e-12 * np.abs(before)).all()
    assert (np.diff(out, axis=1) >= 0).all()
    assert np.array_equal(isotonize(out, method), out)
    assert (out.min(1) >= Q.min(1)).all()
    assert (out.max(1) <= Q.max(1)).all()


def test_isotonic_is_the_projection():
    Q = rows()
    expected = np.array([isotonic_regression(row).x for row in Q])
    size = np.abs(Q).max(axis=1, keepdims=True)
    assert (np.abs(isotonize(Q, "isotonic") - expected) <= 1e-12 * size).all()


def test_sort_and_minmax():
    Q = rows(q=60)
    assert np.array_equal(isotonize(Q), np.sort(Q, axis=1))
    assert np.array_equal(isotonize(rows()), np.sort(rows(), axis=1))
    assert isotonize([[3.0, 1.0, 2.0, 0.0]], method="minmax").tolist() == [
        [1.0, 1.0, 2.0, 2.0]
    ]


def test_isotonize_leaves_its_input_and_refuses_nonsense():
    Q = rows()
    before = Q.copy()
    for method in ("sort", "isotonic", "minmax"):
        isotonize(Q, method)
        assert np.array_equal(Q, before)
    one = np.ones((3, 1))
    assert isotonize(one) is not one
    with pytest.raises(ValueError, match="NaN"):
        isotonize([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="infinity"):
        isotonize([[-np.inf, 1.0]], method="isotonic")
    assert isotonize([[1.0, -np.inf]]).tolist() == [[-np.inf, 1.0]]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0.5, 0.1], "increase"),
        ([0.1, 0.1], "increase"),
        ([0.0, 0.5], "between 0 and 1"),
        ([10, 50], "percentages"),
        ([np.nan], "between"),
        ([], "non-empty"),
        ([[0.1]], "one-dimensional"),
    ],
)
def test_bad_levels(levels, message):
    with pytest.raises(ValueError, match=message):
        check_levels(levels)


def test_interpolation():
    Q = norm.ppf(LEVELS)[None].repeat(3, 0)
    assert change_levels(Q, LEVELS, LEVELS) is Q
    assert np.array_equal(change_levels(Q, LEVELS, LEVELS[[2, 5]]), Q[:, [2, 5]])
    between = change_levels(Q, LEVELS, np.array([0.33, 0.5]))
    assert np.allclose(between[0], norm.ppf([0.33, 0.5]), atol=1e-3)
    with pytest.raises(ValueError, match="extrapolate"):
        change_levels(Q, LEVELS, np.array([0.01]))
    wide = np.array([0.01, 0.5, 0.99])
    found = change_levels(Q, LEVELS, wide, "gaussian")
    assert np.allclose(found[0], norm.ppf(wide))
    tails = change_levels(Q, LEVELS, wide, "exponential")[0]
    assert tails[0] < Q[0, 0]
    assert np.isclose(tails[0], -tails[2])
    infinite = np.array([[-np.inf, 0.0, 1.0]])
    found = change_levels(infinite, np.array([0.1, 0.5, 0.9]), np.array([0.3, 0.7]))
    assert np.isneginf(found[0, 0])
    assert np.isclose(found[0, 1], 0.5)


def test_distribution_function_and_draws():
    Q = np.array([[0.0, 1.0, 1.0, 2.0]]).repeat(6, 0)
    levels = np.array([0.2, 0.4, 0.6, 0.8])
    y = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    assert np.allclose(cdf_from_quantiles(Q, levels, y), [0, 0.2, 0.3, 0.6, 0.8, 1])
    draws = draw(norm.ppf(LEVELS)[None], LEVELS, 20_000, 0)
    assert abs(np.median(draws)) < 0.05
    assert np.array_equal(draw(Q, levels, 2, 1), draw(Q, levels, 2, 1))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("sizes", [[1, 1, 1], [3, 0, 5], [40, 41, 39, 1], [300, 200]])
def test_cross_shift_is_brute_force(symmetric, sizes):
    """Bit for bit, with ties, infinite where there are too few rows."""
    rng = np.random.RandomState(sum(sizes))
    levels = np.array([0.05, 0.2, 0.5, 0.8, 0.95])
    n, K = sum(sizes), len(sizes)
    for decimals in (15, 1):
        parts = [np.round(rng.normal(size=(size, 5)), decimals) for size in sizes]
        Q = np.round(rng.normal(size=(K, 30, 5)), decimals)
        E = np.concatenate([np.sort(part, axis=0) for part in parts]).T.copy()
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        found = cross_shift(Q, CrossScores(E, offsets), levels, symmetric)
        fold = np.repeat(np.arange(K), sizes)
        for k, tau in ((0, 0.05), (1, 0.2), (3, 0.2), (4, 0.05)):
            alpha = 2 * tau if symmetric else tau
            for i in range(30):
                if k < 2:
                    values = np.sort(Q[fold, i, k] - E[k])
                    rank = int(np.floor(alpha * (n + 1) + 1e-9))
                    want = -np.inf if rank == 0 else values[rank - 1]
                else:
                    values = np.sort(Q[fold, i, k] + E[k])
                    rank = int(np.ceil((1 - alpha) * (n + 1) - 1e-9))
                    want = np.inf if rank > n else values[rank - 1]
                assert found[i, k] == want
