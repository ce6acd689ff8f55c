import numpy as np
import pytest

from skext.ordinal._solver.descent_kernels import _solve_tridiagonal, gram_descent
from skext.ordinal._solver.kernels import (
    _above,
    _below,
    _between,
    barrier_rows,
    natural_rows,
    shared_rows,
    smallest_gaps,
    step_bound,
)
from skext.ordinal._solver.links import LINK_CODES, link_cdf

LINKS = list(LINK_CODES.items())
MIRROR = {"logit": "logit", "probit": "probit", "cloglog": "loglog"}
MIRROR["loglog"] = "cloglog"


def value_of(link, lower, upper):
    """Obvious -log(F(upper) - F(lower)) in the tail where both are small."""
    direct = link_cdf(link, upper) - link_cdf(link, lower)
    mirrored = link_cdf(MIRROR[link], -lower) - link_cdf(MIRROR[link], -upper)
    return -np.log(direct if link_cdf(link, lower) < 0.5 else mirrored)


@pytest.mark.parametrize(("link", "code"), LINKS)
def test_terms_of_a_middle_class(link, code):
    rng = np.random.default_rng(0)
    for _ in range(200):
        lower = rng.normal() * 1.5
        upper = lower + 10.0 ** rng.uniform(-1, 0.7)
        value, *slopes = _between(code, lower, upper)
        assert value == pytest.approx(value_of(link, lower, upper), rel=1e-9, abs=1e-12)
        h = 1e-5
        near = [
            _between(code, lower + a * h, upper + b * h)
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))
        ]
        lower_change = (np.array(near[0]) - near[1]) / (2 * h)
        upper_change = (np.array(near[2]) - near[3]) / (2 * h)
        expected = [
            lower_change[0],
            upper_change[0],
            lower_change[1],
            upper_change[2],
            upper_change[1],
        ]
        scale = 1.0 + np.abs(slopes).max()
        np.testing.assert_allclose(slopes, expected, rtol=1e-5, atol=1e-7 * scale)


@pytest.mark.parametrize(("link", "code"), LINKS)
@pytest.mark.parametrize("side", [_below, _above])
def test_terms_of_the_outer_classes(link, code, side):
    for eta in np.linspace(-4, 4, 41):
        value, slope, curvature = side(code, eta)
        share = link_cdf(link, eta)
        if side is _above:
            share = link_cdf(MIRROR[link], -eta)
        assert value == pytest.approx(-np.log(share), rel=1e-9)
        h = 1e-5
        up, down = side(code, eta + h), side(code, eta - h)
        assert slope == pytest.approx((up[0] - down[0]) / (2 * h), rel=1e-5, abs=1e-9)
        assert curvature == pytest.approx(
            (up[1] - down[1]) / (2 * h), rel=1e-5, abs=1e-9
        )


@pytest.mark.parametrize(("link", "code"), LINKS)
def test_tiny_differences_keep_their_digits(link, code):
    # P is the density times the difference, where differences of P would be noise.
    h = 1e-3
    density = (link_cdf(link, 0.3 + h) - link_cdf(link, 0.3 - h)) / (2 * h)
    for gap in (1e-6, 1e-9, 1e-12):
        value, g0, g1, h0, h1, mixed = _between(code, 0.3, 0.3 + gap)
        actual = (0.3 + gap) - 0.3
        assert value == pytest.approx(-np.log(density * actual), abs=1e-5)
        np.testing.assert_allclose([g0 * actual, g1 * actual], [1, -1], rtol=1e-5)
        curved = np.array([h0, h1, mixed]) * actual**2
        np.testing.assert_allclose(curved, [1, 1, -1], rtol=1e-5)


@pytest.mark.parametrize(("link", "code"), LINKS)
@pytest.mark.parametrize("scale", [30.0, 700.0])
def test_extreme_predictors_stay_finite(link, code, scale):
    for lower in (-scale, -scale / 2, 0.0, scale / 2):
        for gap in (1e-9, 1.0, scale / 2, scale):
            assert np.isfinite(_between(code, lower, lower + gap)).all()
    for side in (_below, _above):
        assert np.isfinite(side(code, scale)).all()
        assert np.isfinite(side(code, -scale)).all()


def rows_of(n_classes, seed):
    rng = np.random.default_rng(seed)
    y = np.sort(np.concatenate((np.arange(n_classes), rng.integers(0, n_classes, 40))))
    thresholds = np.sort(rng.normal(size=n_classes - 1) * 2)
    return y, rng.exponential(size=y.size), thresholds, rng.normal(size=y.size) * 3


@pytest.mark.parametrize(("link", "code"), LINKS)
@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_shared_rows_equal_natural_rows(link, code, n_classes):
    y, weight, thresholds, scores = rows_of(n_classes, n_classes)
    padded = np.concatenate(([0.0], thresholds, [0.0]))
    eta = np.column_stack((padded[y] + scores, padded[y + 1] + scores))
    natural, shared = np.empty((y.size, 6)), np.empty((y.size, 6))
    natural_rows(code, y, n_classes - 1, weight, eta, natural, 0, y.size)
    args = (code, y, n_classes - 1, weight, thresholds, scores, shared)
    shared_rows(*args, 0, 7)
    shared_rows(*args, 7, y.size)
    natural[:, 2:4] += natural[:, 4:5] * ((y > 0) & (y < n_classes - 1))[:, None]
    np.testing.assert_allclose(shared, natural, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("link", "code"), LINKS)
def test_barrier_rows(link, code):
    y, weight, _, _ = rows_of(4, 1)
    rng = np.random.default_rng(1)
    eta = np.cumsum(rng.uniform(0.02, 0.6, size=(y.size, 3)), axis=1) - 0.5

    def evaluate(eta, barrier):
        out = np.empty((y.size, 9))
        barrier_rows(code, y, 3, weight, barrier, eta, out, 0, y.size)
        return out

    out = evaluate(eta, 0.3)
    h = 1e-6
    for k in range(3):
        shift = h * (np.arange(3) == k)
        up, down = evaluate(eta + shift, 0.3), evaluate(eta - shift, 0.3)
        change = (up - down) / (2 * h)
        np.testing.assert_allclose(out[:, k], change[:, 8], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(out[:, 3 + k], change[:, k], rtol=1e-4, atol=1e-4)
        if k < 2:
            np.testing.assert_allclose(
                out[:, 6 + k], change[:, k + 1], rtol=1e-4, atol=1e-4
            )
    # Without a barrier only the own predictors count.
    padded = np.pad(eta, ((0, 0), (1, 1)))
    own = np.take_along_axis(padded, np.column_stack((y, y + 1)), axis=1)
    natural = np.empty((y.size, 6))
    natural_rows(code, y, 3, weight, own, natural, 0, y.size)
    np.testing.assert_allclose(evaluate(eta, 0.0)[:, 8], natural[:, 5])
    eta[3, 1] = eta[3, 0]
    assert np.isinf(evaluate(eta, 0.3)[3, 8])


def test_rows_outside_of_the_domain_have_an_infinite_loss():
    out = np.empty((1, 6))
    y = np.array([1])
    for pair in ([1.0, 1.0], [1.0, 0.0], [np.nan, 1.0]):
        natural_rows(None, y, 2, np.ones(1), np.array([pair]), out, 0, 1)
        assert np.isinf(out[0, 5])


def test_step_bound_and_gaps():
    eta = np.array([[0.0, 1.0, 3.0], [0.0, 2.0, 1.5]])
    step = np.array([[0.0, -0.5, 0.0], [0.0, 0.0, 0.0]])
    assert step_bound(eta, step, 0, 2) == 2.0
    assert step_bound(eta, np.zeros_like(eta), 0, 2) == np.inf
    assert smallest_gaps(eta, 0, 2) == (-0.5, 1)


def test_tridiagonal_solution():
    rng = np.random.default_rng(0)
    for size in (1, 2, 5):
        off = rng.normal(size=max(size - 1, 1))
        diag = rng.uniform(3, 4, size=size)
        rhs = rng.normal(size=size)
        matrix = np.diag(diag)
        for k in range(size - 1):
            matrix[k, k + 1] = matrix[k + 1, k] = off[k]
        solution = np.empty(size)
        _solve_tridiagonal(diag, off, rhs, solution, np.empty(size))
        np.testing.assert_allclose(matrix @ solution, rhs, atol=1e-12)


def test_descent_solves_the_quadratic_problem():
    rng = np.random.default_rng(0)
    for size, width in ((1, 3), (3, 1), (4, 5)):
        diag = np.empty((size, width, width))
        off = rng.normal(size=(max(size - 1, 0), width, width)) * 0.3
        off += off.transpose(0, 2, 1).copy()
        for k in range(size):
            root = rng.normal(size=(width, 2 * width))
            diag[k] = root @ root.T + 4 * np.eye(width)
        l1 = rng.uniform(0, 4, size=(size, width))
        l2 = rng.uniform(0, 1, size=(size, width))
        l1[:, 0] = l2[:, 0] = 0.0
        g = rng.normal(size=(size, width)) * 4
        z, step = np.zeros((size, width)), np.zeros((size, width))
        gram_descent(diag, off, g.copy(), z, l1, l2, 1e-28, 10_000, step)
        np.testing.assert_allclose(step, np.cumsum(z, axis=0), atol=1e-12)
        slope = g + np.einsum("kij,kj->ki", diag, step)
        slope[:-1] += np.einsum("kij,kj->ki", off, step[1:])
        slope[1:] += np.einsum("kij,kj->ki", off, step[:-1])
        slope = slope[::-1].cumsum(axis=0)[::-1] + l2 * z
        moved = z != 0.0
        assert 0 < moved.sum() < z.size or size == 1 or width == 1
        np.testing.assert_allclose((slope + l1 * np.sign(z))[moved], 0, atol=1e-9)
        assert (np.abs(slope) <= l1 + 1e-9)[~moved].all()
