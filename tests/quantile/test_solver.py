"""The solver for global weights against other people's and against enumeration."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import norm

from skext.quantile._solver import many_rows as _many_rows
from skext.quantile._solver.blocks import CONSTRAINTS
from skext.quantile._solver.global_weights import fit_global, solve_highs
from skext.quantile._solver.many_rows import grouped, solve_rows


def pinball(y, q, tau, s=None):
    r = y - q
    return float(np.sum((1 if s is None else s) * np.maximum(tau * r, (tau - 1) * r)))


def highs_on_the_dual(A, y, tau, s=None):
    """Optimal loss over the simplex; A has one column of the problem per row."""
    n_models, n = A.shape
    s = np.ones(n) if s is None else s
    cost = np.append(-y, 1.0)
    table = np.hstack([A, -np.ones((n_models, 1))])
    bounds = [
        ((t - 1) * w, t * w) for t, w in zip(np.broadcast_to(tau, n), s, strict=False)
    ]
    found = linprog(
        cost,
        A_ub=table,
        b_ub=np.zeros(n_models),
        bounds=[*bounds, (None, None)],
        method="highs",
    )
    assert found.status == 0
    return -found.fun


def make_predictions(n, m, q, seed=0):
    """Collinear predictions of m models, the target and the levels."""
    rng = np.random.RandomState(seed)
    tau = np.arange(1, q + 1) / (q + 1)
    x = rng.normal(size=(n, 3))
    f, s = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] ** 2, np.exp(0.4 * x[:, 2])
    y = f + s * rng.standard_t(4, size=n)
    Z = np.empty((n, m, q))
    for j in range(m):
        a, b, c, e = rng.uniform([0.6, -0.3, 0.6, 0.1], [1.2, 0.3, 1.5, 0.6])
        center = a * f + b + e * rng.normal(size=n)
        Z[:, j] = center[:, None] + c * np.outer(
            s ** rng.uniform(0.3, 1), norm.ppf(tau)
        )
        Z[:, j] += 0.1 * e * rng.normal(size=(n, q))
    return Z, y, tau, x


def solve(A, y, tau, s=None, constraint="simplex", fit_intercept=False):
    s = np.ones(len(y)) if s is None else s
    rows = grouped(np.ascontiguousarray(A), y, 0.5, s)
    rows = rows._replace(tau=np.broadcast_to(tau, (1, len(y))))
    return solve_rows(rows, CONSTRAINTS[constraint], fit_intercept=fit_intercept)


def optimum(A, y, tau, s, constraint, fit_intercept):
    """Primal linear program with residuals split into their parts."""
    rule = CONSTRAINTS[constraint]
    (m, n), free = A.shape, int(fit_intercept)
    cost = np.concatenate([np.zeros(m + free), tau * s, (1 - tau) * s])
    table = np.hstack([A.T, np.ones((n, free)), np.eye(n), -np.eye(n)])
    right = y
    if rule.total:
        table = np.vstack([table, np.r_[np.ones(m), np.zeros(free + 2 * n)]])
        right = np.append(y, 1.0)
    bounds = [(0 if rule.positive else None, None)] * m + [(None, None)] * free
    bounds += [(0, None)] * (2 * n)
    return linprog(cost, A_eq=table, b_eq=right, bounds=bounds, method="highs").fun


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("constraint", sorted(CONSTRAINTS))
def test_small_random_problems(constraint, fit_intercept):
    rng = np.random.RandomState(0)
    for _ in range(60):
        n, m = rng.randint(1, 40), rng.randint(1, 8)
        A, y = rng.normal(size=(m, n)), rng.normal(size=n)
        kind = rng.randint(5)
        if kind == 1:
            A[-1] = A[0]
        elif kind == 2:
            A, y = np.round(A), np.round(y)
        elif kind == 3:
            y = A[0].copy()
        elif kind == 4:
            A, y = A * 1e3, y * 1e3
        tau = rng.choice([0.01, 0.3, 0.5, 0.95]) * np.ones(n)
        if rng.rand() < 0.3:
            tau = rng.uniform(0.01, 0.99, n)
        s = rng.randint(1, 5, n).astype(float)
        found = solve(A, y, tau, s, constraint, fit_intercept)
        best = optimum(A, y, tau, s, constraint, fit_intercept)
        size = s @ np.abs(y) + 1e-300
        assert abs(found.loss - best) <= 1e-9 * max(best, 1e-3 * size)
        r = y - found.intercept - found.w @ A
        again = pinball(r, 0, tau, s)
        assert np.isclose(found.loss, again, rtol=1e-12, atol=1e-13 * size)
        if CONSTRAINTS[constraint].positive:
            assert (found.w >= 0).all()
        if CONSTRAINTS[constraint].total:
            assert np.isclose(found.w.sum(), 1, atol=1e-9)


def test_certificate_holds_for_everybody():
    """The dual variable is in its box and proves the gap."""
    Z, y, tau, _ = make_predictions(20_000, 6, 3)
    A = np.ascontiguousarray(Z[:, :, 0].T)
    found = solve(A, y, tau[0])
    a = found.a[0]
    assert (a <= tau[0] + 1e-12).all()
    assert (a >= tau[0] - 1 - 1e-12).all()
    bound = y @ a - (A @ a).max()
    assert (found.loss - bound) / found.loss + 1e-14 >= 0
    assert (found.loss - bound) / found.loss < 1e-9
    assert np.isclose(found.loss, pinball(y, found.w @ A, tau[0]), rtol=1e-12)


@pytest.mark.parametrize("level", [0, 2])
def test_two_models_by_enumeration(level):
    """The loss is piecewise linear in the one free weight."""
    Z, y, tau, _ = make_predictions(150, 2, 5, seed=3)
    z1, z2 = Z[:, 0, level], Z[:, 1, level]
    points = np.clip((y - z2) / (z1 - z2), 0, 1)
    losses = [pinball(y, w * z1 + (1 - w) * z2, tau[level]) for w in points]
    found = solve(np.stack([z1, z2]), y, tau[level])
    assert np.isclose(found.loss, min(losses), rtol=1e-10)


@pytest.mark.parametrize("constraint", sorted(CONSTRAINTS))
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_preprocessing_changes_nothing(constraint, fit_intercept, monkeypatch):
    Z, y, tau, _ = make_predictions(20_000, 5, 3)
    A = np.ascontiguousarray(Z[:, :, 0].T)
    with_bands = solve(A, y, tau[0], None, constraint, fit_intercept)
    monkeypatch.setattr(_many_rows, "_WORTH", 0.0)
    plain = solve(A, y, tau[0], None, constraint, fit_intercept)
    assert np.isclose(with_bands.loss, plain.loss, rtol=1e-9)
    assert with_bands.gap < 1e-9
    assert plain.gap < 1e-9


def test_band_that_misses(monkeypatch):
    """Rows that end on the wrong side are released until none is left."""
    Z, y, tau, _ = make_predictions(20_000, 5, 3)
    A = np.ascontiguousarray(Z[:, :, 0].T)
    monkeypatch.setattr(_many_rows, "_WIDTH", 0.05)
    found = solve(A, y, tau[0])
    assert np.isclose(found.loss, highs_on_the_dual(A, y, tau[0]), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("granularity", ["coarse", "medium", "fine"])
def test_against_highs(granularity, dtype):
    Z, y, tau, _ = make_predictions(1500, 4, 7)
    Z = Z.astype(dtype)
    s = np.random.RandomState(0).randint(0, 4, len(y)).astype(float)
    found = fit_global(Z, y, tau, granularity, sample_weight=s)
    other = fit_global(Z, y, tau, granularity, sample_weight=s, solver="highs")
    assert (np.abs(found.loss / other.loss - 1) < 1e-9).all()
    assert (found.gap < 1e-9).all()
    assert (found.gap >= 0).all()
    assert np.allclose(
        found.weights.reshape(-1, *found.weights.shape[2:]).sum(0), 1
    ) or (granularity == "medium" and np.allclose(found.weights.sum(0), 1))


def test_nesting_of_losses():
    Z, y, tau, _ = make_predictions(3000, 4, 5)
    best = min(sum(pinball(y, Z[:, j, k], tau[k]) for k in range(5)) for j in range(4))
    average = sum(pinball(y, Z[:, :, k].mean(1), tau[k]) for k in range(5))
    fine, medium, coarse = (
        fit_global(Z, y, tau, g).loss.sum() for g in ("fine", "medium", "coarse")
    )
    assert fine <= medium <= coarse <= min(best, average)
    narrow = fit_global(Z, y, tau, "fine", bandwidth=1).loss.sum()
    assert fine <= narrow * (1 + 1e-9)
    assert narrow <= medium * (1 + 1e-9)
    assert np.allclose(fit_global(Z, y, tau, "fine", bandwidth=0).loss.sum(), medium)


def test_invariances():
    Z, y, tau, _ = make_predictions(800, 3, 5)
    w = fit_global(Z, y, tau, "medium").weights
    moved = fit_global(3 * Z + 1e4, 3 * y + 1e4, tau, "medium").weights
    assert np.allclose(w, moved, atol=1e-6)
    turned = fit_global(-Z[:, :, ::-1], -y, 1 - tau[::-1], "medium").weights
    assert np.allclose(w, turned[:, ::-1], atol=1e-6)
    permuted = fit_global(Z[:, [2, 0, 1]], y, tau, "medium").weights
    assert np.allclose(w[[2, 0, 1]], permuted, atol=1e-6)
    s = np.random.RandomState(0).randint(0, 3, len(y))
    weighted = fit_global(Z, y, tau, "medium", sample_weight=s.astype(float)).weights
    repeated = fit_global(Z.repeat(s, 0), y.repeat(s), tau, "medium").weights
    assert np.allclose(weighted, repeated, atol=1e-6)


def test_duplicates_share_their_weight():
    Z, y, tau, _ = make_predictions(500, 3, 3)
    twice = np.concatenate([Z, Z[:, :1]], axis=1)
    w, v = (fit_global(z, y, tau, "medium").weights for z in (Z, twice))
    assert np.allclose(v[0], v[3], atol=1e-7)
    assert np.allclose(v[0] + v[3], w[0], atol=1e-6)


def test_perfect_model_and_constants():
    Z, y, tau, _ = make_predictions(400, 3, 3)
    Z[:, 1] = y[:, None]
    found = fit_global(Z, y, tau, "medium")
    assert np.allclose(found.weights[1], 1, atol=1e-6)
    assert (found.gap < 1e-8).all()
    flat = fit_global(np.ones((30, 2, 3)), np.ones(30), tau, "medium")
    assert np.allclose(flat.loss, 0)
    assert np.isfinite(flat.gap).all()
    one = fit_global(Z[:1], y[:1], tau, "fine")
    assert np.isfinite(one.weights).all()


def test_solve_highs_with_free_weights():
    Z, y, tau, _ = make_predictions(200, 3, 3)
    rows = grouped(np.ascontiguousarray(Z[:, :, 0].T), y, tau[0], np.ones(len(y)))
    for name in CONSTRAINTS:
        for fit_intercept in (False, True):
            found = solve_highs(rows, name, fit_intercept)
            ours = solve_rows(rows, CONSTRAINTS[name], fit_intercept=fit_intercept)
            assert np.isclose(found.loss, ours.loss, rtol=1e-8)


def test_thread_count_changes_nothing():
    Z, y, tau, _ = make_predictions(500, 3, 7)
    a, b = (fit_global(Z, y, tau, "fine", n_jobs=n) for n in (1, 3))
    assert np.array_equal(a.weights, b.weights)


def test_a_bad_start_does_not_matter():
    """A start at a corner led nowhere for two rows and eight models."""
    Z, y, tau, _ = make_predictions(2, 6, 5, seed=35)
    found = fit_global(Z, y, tau, "fine")
    other = fit_global(Z, y, tau, "fine", solver="highs")
    assert np.allclose(found.loss, other.loss, rtol=1e-9)
    assert found.gap.max() < 1e-9


def test_perfect_fits_far_from_zero_do_not_warn():
    """What is left is rounding, of which nobody has to be warned."""
    for seed in range(5):
        for n, m in ((1, 6), (2, 6), (3, 4)):
            Z, y, tau, _ = make_predictions(n, m, 5, seed)
            for granularity in ("medium", "fine"):
                found = fit_global(Z * 1e6 + 1e8, y * 1e6 + 1e8, tau, granularity)
                other = fit_global(Z, y, tau, granularity).loss * 1e6
                assert (np.abs(found.loss - other) <= 1e-9 * other + 1e-5).all()
