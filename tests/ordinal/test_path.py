import numpy as np
import pytest
from scipy import sparse

from skext.ordinal._solver.links import LINK_CODES, link_cdf
from skext.ordinal._solver.path import solve_path


def make_data(n_samples=250, n_features=6, n_classes=4, seed=0):
    """Return rows whose thresholds differ in their weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    coefs = np.cumsum(rng.normal(size=(n_classes - 1, n_features)) * 0.4, axis=0)
    thresholds = np.linspace(-1, 2.5, n_classes - 1)
    eta = np.sort(thresholds - X @ coefs.T, axis=1)
    y = (rng.uniform(size=(n_samples, 1)) > link_cdf("logit", eta)).sum(axis=1)
    return X, y


def violation(X, y, thresholds, coefs, alpha, main, fusion, link="logit"):
    """Return the largest violation of optimality, from numerical densities."""
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    z = np.diff(-coefs * X.std(axis=0), axis=0, prepend=0.0)
    eta = thresholds - X @ coefs.T
    cdf = np.pad(link_cdf(link, eta), ((0, 0), (1, 1)))
    cdf[:, -1] = 1.0
    h = 1e-5
    density = (link_cdf(link, eta + h) - link_cdf(link, eta - h)) / (2 * h)
    own = np.arange(y.size)
    share = cdf[own, y + 1] - cdf[own, y]
    slopes = np.zeros_like(eta)
    for k in range(eta.shape[1]):
        slopes[:, k] -= (y == k) * density[:, k] / share
        slopes[:, k] += (y == k + 1) * density[:, k] / share
    slopes /= y.size
    gradient = (slopes.T @ scaled)[::-1].cumsum(axis=0)[::-1]
    bound = np.full(z.shape, alpha * fusion)
    bound[0] = alpha * main
    at_zero = np.maximum(np.abs(gradient) - bound, 0.0)
    found = np.where(z == 0, at_zero, np.abs(gradient + bound * np.sign(z)))
    return max(found.max(), np.abs(slopes.sum(axis=0)).max())


@pytest.mark.parametrize("link", LINK_CODES)
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 2.0), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("form", [np.array, sparse.csr_array])
def test_optimality_along_a_path(link, weights, form):
    X, y = make_data()
    path = solve_path(
        form(X), y, 4, main_weight=weights[0], fusion_weight=weights[1], link=link,
        non_crossing=None, tol=1e-6,
    )  # fmt: skip
    assert path.alphas.shape == (20,)
    assert path.coefs.shape == (20, 3, 6)
    assert path.converged.all()
    for i, alpha in enumerate(path.alphas):
        model = path.thresholds[i], path.coefs[i]
        assert violation(X, y, *model, alpha, *weights, link) <= 2e-6
    assert (np.diff(path.objective) < 0).all()


def test_screening_loses_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 200))
    y = np.digitize(X[:, :4].sum(axis=1) + rng.logistic(size=150), [-1.5, 1, 3])
    path = solve_path(X, y, 4, n_alphas=10, eps=0.1, tol=1e-6, non_crossing=None)
    for i, alpha in enumerate(path.alphas):
        model = path.thresholds[i], path.coefs[i]
        assert violation(X, y, *model, alpha, 1.0, 1.0) <= 2e-6


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, np.inf)])
@pytest.mark.parametrize("factor", [None, np.array([1.0, 2.0, 0.0, 1.0, 1.0, 1.0])])
def test_largest_alpha(l1_ratio, weights, factor):
    X, y = make_data()
    options = {
        "main_weight": weights[0], "fusion_weight": weights[1], "l1_ratio": l1_ratio,
        "penalty_factor": factor,
    }  # fmt: skip
    top = solve_path(X, y, 4, n_alphas=1, tol=1e-9, **options).alphas[0]
    options |= {"tol": 1e-8, "non_crossing": None}
    above = solve_path(X, y, 4, alphas=[1.001 * top], **options).coefs[0]
    below = solve_path(X, y, 4, alphas=[0.98 * top], **options).coefs[0]
    weight = np.full((3, 6), weights[1])
    weight[0] = weights[0]
    if factor is not None:
        weight = np.where(
            np.isinf(weight), np.inf, np.where(np.isinf(weight), 1.0, weight) * factor
        )
    penalised = weight > 0
    assert not np.diff(above, axis=0, prepend=0.0)[penalised].any()
    assert np.diff(below, axis=0, prepend=0.0)[penalised].any()


def test_nothing_is_penalised():
    X, y = make_data()
    path = solve_path(X, y, 4, main_weight=0.0, fusion_weight=np.inf)
    np.testing.assert_array_equal(path.alphas, [0.0])


@pytest.mark.parametrize("form", [np.array, sparse.csr_array])
@pytest.mark.parametrize("solver", ["gram", "rows"])
@pytest.mark.parametrize("n_classes", [3, 4, 6])
def test_no_training_row_crosses(form, solver, n_classes):
    X, y = make_data(60, 5, 3, seed=8)
    if n_classes > 3:
        X, y = make_data(200, 5, n_classes, seed=2)
    options = {"alphas": [0.1, 0.01, 0.001, 0.0001], "solver": solver, "tol": 1e-6}
    # Passes over columns need very many sweeps where most rows touch the barrier.
    slow = solver == "rows"
    if slow:
        options |= {"alphas": [0.1, 0.01], "max_iter": 15}
    natural = solve_path(form(X), y, n_classes, non_crossing=None, **options)
    held = solve_path(form(X), y, n_classes, **options)
    assert natural.n_crossing.any()
    assert not held.n_crossing.any()
    assert slow or held.converged.all()
    for i in range(held.alphas.size):
        eta = held.thresholds[i] - X @ held.coefs[i].T
        assert (np.diff(eta, axis=1) > 0).all()
        other = natural.thresholds[i] - X @ natural.coefs[i].T
        crossing = (np.diff(other, axis=1) < 0).any(axis=1).sum()
        assert natural.n_crossing[i] == crossing
        if crossing == 0:
            np.testing.assert_array_equal(held.coefs[i], natural.coefs[i])
        else:
            assert held.objective[i] > natural.objective[i]


def test_weaker_barriers_approach_the_constrained_optimum():
    X, y = make_data(200, 5, 4, seed=2)
    gaps = [
        solve_path(X, y, 4, alphas=[0.001], barrier=barrier, tol=1e-9).objective[0]
        for barrier in (1e-2, 1e-4, 1e-6)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    # Each unit of weight on the border costs at most one barrier.
    assert gaps[1] - gaps[2] < 4 * 1e-4 * 2
    assert gaps[0] - gaps[1] < 4 * 1e-2 * 2


def test_start():
    X, y = make_data()
    options = {"alphas": [0.01], "tol": 1e-8, "non_crossing": None}
    cold = solve_path(X, y, 4, **options)
    warm = solve_path(X, y, 4, start=(cold.thresholds[0], cold.coefs[0]), **options)
    assert warm.n_iter[0] == 0
    np.testing.assert_allclose(warm.coefs, cold.coefs, atol=1e-12)
    # Outside of the domain a start is ignored.
    outside = (cold.thresholds[0][::-1].copy(), cold.coefs[0])
    again = solve_path(X, y, 4, start=outside, **options)
    np.testing.assert_allclose(again.coefs, cold.coefs, atol=1e-6)


def test_early_stopping():
    X, y = make_data()
    whole = solve_path(X, y, 4, n_alphas=40, eps=1e-6)
    path = solve_path(X, y, 4, n_alphas=40, eps=1e-6, early_stopping=True)
    assert 5 < path.alphas.size < 40
    np.testing.assert_array_equal(path.coefs, whole.coefs[: path.alphas.size])


def test_too_few_iterations_are_reported():
    X, y = make_data()
    path = solve_path(X, y, 4, alphas=[0.001], max_iter=1, non_crossing=None)
    assert path.n_iter[0] == 1
    assert not path.converged[0]
    assert path.kkt_violation[0] > 1e-5


def test_wide_sparse_tables_give_sparse_weights():
    rng = np.random.default_rng(0)
    X = sparse.random_array((300, 1500), density=0.02, rng=rng, format="csr")
    y = np.arange(300) % 3
    options = {"n_alphas": 4, "eps": 0.3, "non_crossing": None}
    path = solve_path(X, y, 3, **options)
    assert len(path.coefs) == 4
    assert all(isinstance(coef, sparse.csr_array) for coef in path.coefs)
    assert path.coefs[0].shape == (2, 1500)
    assert path.coefs[-1].nnz > 0
    dense = solve_path(X.toarray(), y, 3, **options)
    np.testing.assert_allclose(path.coefs[-1].toarray(), dense.coefs[-1], atol=1e-3)
    assert path.converged.all()
    assert dense.converged.all()


@pytest.mark.parametrize("n_classes", [2, 20])
def test_few_and_many_classes(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 4))
    score = X[:, 0] + rng.logistic(size=900)
    y = np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))
    path = solve_path(X, y, n_classes, n_alphas=6)
    assert path.converged.all()
    assert not path.n_crossing.any()
    assert path.coefs.shape == (6, n_classes - 1, 4)


@pytest.mark.parametrize("position", [0, 2])
def test_class_of_one_row(position):
    X, _ = make_data(120, 3)
    y = np.where(X[:, 0] + np.sin(7 * X[:, 1]) > 0, 1, 3 - 1 - position)
    y[4] = position
    path = solve_path(X, y, 3)
    assert path.converged.all()
    assert np.isfinite(path.coefs).all()
