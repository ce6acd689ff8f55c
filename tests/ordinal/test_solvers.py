import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize

from skext.ordinal._solver.links import LINK_CODES, link_cdf
from skext.ordinal._solver.path import solve_path

# Randall (1989): cells (warm, yes) and their counts of the ratings 1 to 5.
WINE = {
    (0.0, 0.0): (4, 9, 5, 0, 0),
    (0.0, 1.0): (1, 7, 8, 2, 0),
    (1.0, 0.0): (0, 5, 8, 3, 2),
    (1.0, 1.0): (0, 1, 5, 7, 5),
}


def wine():
    """Return the cells with their counts as weights."""
    rows = [(cell, k, n) for cell, counts in WINE.items() for k, n in enumerate(counts)]
    rows = [row for row in rows if row[2]]
    X, y, weight = (np.array(column) for column in zip(*rows, strict=True))
    return X, y, weight.astype(float)


def make_data(n_samples=200, n_features=4, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) * rng.uniform(0.1, 10, n_features)
    X += rng.normal(size=n_features) * 3
    score = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=n_features)
    score += rng.logistic(size=n_samples)
    cuts = np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1] ** 0.7)
    return X, np.searchsorted(cuts, score)


def solve_shared(X, y, n_classes, weight=None, *, alpha=0.0, l1_ratio=0.0, **options):
    """Fit models whose thresholds share their weights."""
    options = {"alphas": [alpha], "l1_ratio": l1_ratio, "tol": 1e-6, **options}
    path = solve_path(X, y, n_classes, weight, fusion_weight=np.inf, **options)
    assert (path.coefs == path.coefs[:, :1]).all()
    return path._replace(coefs=path.coefs[:, :1])


def probabilities(link, X, thresholds, coefs):
    """Return class probabilities by plain differences."""
    cdf = link_cdf(link, thresholds - X @ coefs.T)
    return np.diff(np.pad(cdf, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))))


def penalised_loss(
    X, y, weight, link, thresholds, coefs, alpha, factors, l1_ratio, standardize=True
):
    """Return the objective from its definition."""
    weight = weight / weight.sum()
    proba = probabilities(link, X, thresholds, coefs)
    loss = -weight @ np.log(proba[np.arange(y.size), y])
    center = weight @ X
    deviation = np.sqrt(weight @ (X - center) ** 2) if standardize else 1.0
    z = np.diff(coefs * deviation, axis=0, prepend=0.0)
    used = np.where(z == 0.0, 0.0, factors)
    penalty = l1_ratio * np.abs(z) + 0.5 * (1 - l1_ratio) * z**2
    return loss + alpha * (used * penalty).sum()


def brute_force(X, y, weight, link, alpha, factors, l1_ratio):
    """Minimise with a general solver over positive and negative parts."""
    weight = weight / weight.sum()
    center = weight @ X
    deviation = np.sqrt(weight @ (X - center) ** 2)
    scaled = (X - center) / deviation
    size, width = factors.shape
    n_classes = size + 1
    index = np.arange(y.size)

    def unpack(v):
        half = (v.size - size) // 2
        z = (v[size : size + half] - v[size + half :]).reshape(size, width)
        return v[:size], z

    def objective(v):
        intercepts, z = unpack(v)
        eta = intercepts + scaled @ np.cumsum(z, axis=0).T
        padded = np.pad(eta, ((0, 0), (1, 1)), constant_values=((0, 0), (-40, 40)))
        upper, lower = padded[index, y + 1], padded[index, y]
        share = link_cdf(link, upper) - link_cdf(link, lower)
        if not (share > 0).all():
            return 1e8, np.zeros_like(v)
        h = 1e-5
        slopes = np.zeros((y.size, n_classes + 1))
        for shift, at, sign in ((1, upper, -1.0), (0, lower, 1.0)):
            density = (link_cdf(link, at + h) - link_cdf(link, at - h)) / (2 * h)
            slopes[index, y + shift] += sign * weight * density / share
        slopes = slopes[:, 1:-1]
        g = (slopes.T @ scaled)[::-1].cumsum(axis=0)[::-1]
        g += alpha * (1 - l1_ratio) * factors * z
        l1 = alpha * l1_ratio * factors
        value = (
            -weight @ np.log(share)
            + 0.5 * alpha * (1 - l1_ratio) * (factors * z**2).sum()
        )
        value += l1.ravel() @ (v[size:].reshape(2, -1).sum(axis=0))
        return value, np.concatenate(
            (slopes.sum(axis=0), (g + l1).ravel(), (l1 - g).ravel())
        )

    shares = np.bincount(y, weight, n_classes).cumsum()[:-1]
    grid = np.linspace(-8, 8, 20001)
    start = np.zeros(size + 2 * factors.size)
    start[:size] = np.interp(shares, link_cdf(link, grid), grid)
    bounds = [(None, None)] * size + [(0, None)] * (2 * factors.size)
    options = {"gtol": 1e-9, "ftol": 0.0, "maxiter": 3000, "maxcor": 40}
    found = minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return found.fun


@pytest.mark.parametrize("link", LINK_CODES)
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 2.0), (0.0, 1.0), (1.0, 0.0)])
def test_objective_of_a_general_solver(link, l1_ratio, weights):
    X, y = make_data()
    weight = np.random.default_rng(0).exponential(size=y.size) + 0.1
    factor = np.array([1.0, 2.0, 0.0, 0.5])
    main, fusion = weights
    factors = np.vstack((main * factor, np.tile(fusion * factor, (2, 1))))
    solution = solve_path(
        X, y, 4, weight, alphas=[0.05, 0.003], main_weight=main, fusion_weight=fusion,
        l1_ratio=l1_ratio, penalty_factor=factor, link=link, non_crossing=None,
        tol=1e-8,
    )  # fmt: skip
    assert solution.converged.all()
    for i, alpha in enumerate(solution.alphas):
        expected = brute_force(X, y, weight, link, alpha, factors, l1_ratio)
        model = solution.thresholds[i], solution.coefs[i]
        own = penalised_loss(X, y, weight, link, *model, alpha, factors, l1_ratio)
        assert own == pytest.approx(solution.objective[i], abs=1e-10)
        assert own == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("solver", ["gram", "rows"])
@pytest.mark.parametrize("form", [np.array, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("non_crossing", ["train", None])
def test_all_ways_to_solve_agree(solver, form, l1_ratio, non_crossing):
    X, y = make_data(seed=3)
    options = {
        "alphas": [0.03, 0.002], "l1_ratio": l1_ratio, "tol": 1e-9,
        "non_crossing": non_crossing,
    }  # fmt: skip
    expected = solve_path(X, y, 4, **options)
    found = solve_path(form(X), y, 4, solver=solver, **options)
    assert found.converged.all()
    np.testing.assert_allclose(found.coefs, expected.coefs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.objective, expected.objective, atol=1e-10)
    np.testing.assert_array_equal(found.n_crossing, expected.n_crossing)


def test_wine_proportional_odds():
    X, y, weight = wine()
    rows = np.repeat(np.arange(y.size), weight.astype(int))
    for solution in (
        solve_shared(X, y, 5, weight, tol=1e-9),
        solve_shared(X[rows], y[rows], 5, tol=1e-9),
        solve_shared(sparse.csr_array(X), y, 5, weight, tol=1e-9),
    ):
        coefs, found = solution.coefs[0, 0], solution.thresholds[0]
        np.testing.assert_allclose(coefs, [2.503102, 1.527798], atol=1e-6)
        thresholds = [-1.344383, 1.250809, 3.466887, 5.006404]
        np.testing.assert_allclose(found, thresholds, atol=1e-6)
        assert -72 * solution.objective[0] == pytest.approx(-86.491923, abs=1e-6)
        assert solution.n_crossing[0] == 0


def test_wine_path():
    X, y, weight = wine()
    top = solve_path(X, y, 5, weight, n_alphas=1, tol=1e-9).alphas[0]
    assert top == pytest.approx(0.3005401235, abs=1e-9)
    alphas = [0.2, 0.1, 0.05, 0.02, 0.01, 0.005]
    solution = solve_path(X, y, 5, weight, alphas=alphas, tol=1e-9)
    expected = [
        1.4231897786, 1.3541215670, 1.2892511148, 1.2377020368, 1.2161238429,
        1.2015060045,
    ]  # fmt: skip
    np.testing.assert_allclose(solution.objective, expected, atol=2e-10)
    shared = np.tile([1.503744, 0.664336], (4, 1))
    np.testing.assert_allclose(solution.coefs[1], shared, atol=1e-6)
    warm = [1.951432, 1.951432, 1.987304, 1.987304]
    np.testing.assert_allclose(solution.coefs[2][:, 0], warm, atol=1e-6)
    proba = probabilities(
        "logit", np.ones((1, 2)), solution.thresholds[2], solution.coefs[2]
    )
    found = [0.009767, 0.090131, 0.346297, 0.326306, 0.227500]
    np.testing.assert_allclose(proba[0], found, atol=1e-6)


@pytest.mark.parametrize("link", LINK_CODES)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_shared_weights(link, n_classes):
    # A dense table, working sets of a sparse one, and the limit of the fusion.
    X, y = make_data(300, 3, n_classes, seed=n_classes)
    for alpha, l1_ratio in ((0.0, 0.0), (0.02, 1.0), (0.02, 0.5), (0.1, 0.0)):
        options = {"l1_ratio": l1_ratio, "link": link, "tol": 1e-9}
        one = solve_shared(X, y, n_classes, alpha=alpha, **options)
        assert one.converged.all()
        assert one.coefs.shape == (1, 1, 3)
        table = sparse.csr_array(X)
        other = solve_shared(table, y, n_classes, alpha=alpha, **options)
        np.testing.assert_allclose(other.coefs, one.coefs, rtol=1e-5, atol=1e-7)
        pinned = solve_path(
            X, y, n_classes, alphas=[alpha], fusion_weight=np.inf, solver="rows",
            **options,
        )  # fmt: skip
        assert pinned.coefs.shape == (1, n_classes - 1, 3)
        np.testing.assert_allclose(pinned.coefs[0, -1], one.coefs[0, 0], atol=1e-6)
        if alpha > 0 and l1_ratio == 1.0 and n_classes > 2:
            strong = solve_path(
                X, y, n_classes, alphas=[alpha], fusion_weight=1e8, **options
            )
            np.testing.assert_allclose(strong.coefs[0, -1], one.coefs[0, 0], atol=1e-6)


def test_large_tables_start_from_some_of_the_rows():
    X, y = make_data(30_000, 3, 4)
    y[y == 3] = 2
    y[:5] = 3
    weight = np.random.default_rng(0).exponential(size=y.size)
    found = solve_shared(X, y, 4, weight, tol=1e-8)
    rows = solve_shared(sparse.csr_array(X), y, 4, weight, tol=1e-8)
    np.testing.assert_allclose(found.coefs, rows.coefs, rtol=1e-5, atol=1e-7)
    assert found.kkt_violation[0] <= 1e-8


def test_path_of_shared_weights():
    X, y = make_data(300, 5)
    path = solve_shared(X, y, 4, alphas=None, l1_ratio=1.0, n_alphas=5, tol=1e-8)
    assert path.coefs.shape == (5, 1, 5)
    assert not path.coefs[0].any()
    assert path.coefs[-1].any()
    for i in (1, 4):
        one = solve_shared(X, y, 4, alpha=path.alphas[i], l1_ratio=1.0, tol=1e-8)
        np.testing.assert_allclose(path.coefs[i], one.coefs[0], rtol=1e-5, atol=1e-7)


def test_two_classes_are_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    X, y = make_data(200, 3, 2)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    found = solve_path(scaled, y, 2, alphas=[0.02], tol=1e-10)
    peer = LogisticRegression(
        l1_ratio=1.0, C=1 / (0.02 * y.size), solver="saga", tol=1e-10,
        max_iter=100_000, random_state=0,
    ).fit(scaled, y)  # fmt: skip
    np.testing.assert_allclose(found.coefs[0], peer.coef_, atol=1e-6)


@pytest.mark.parametrize("link", LINK_CODES)
@pytest.mark.parametrize("form", [np.array, sparse.csr_array])
def test_separated_classes(link, form):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    for solution in (
        solve_shared(form(X), y, 3, link=link),
        solve_path(form(X), y, 3, alphas=[0.01, 0.0], link=link),
    ):
        assert not solution.converged[-1]
        assert np.isfinite(solution.coefs).all()
        assert np.isfinite(solution.thresholds).all()
        assert solution.n_crossing[-1] == 0
    assert solution.converged[0]


@pytest.mark.parametrize("l1_ratio", [1.0, 0.0])
@pytest.mark.parametrize("alpha", [0.01, 0.0])
def test_dependent_and_constant_columns(l1_ratio, alpha):
    X, y = make_data(150, 3)
    table = np.column_stack((X, 2 * X[:, 0], np.full(150, 7.1), X[:, 1] - X[:, 2]))
    for form in (np.array, sparse.csc_array):
        found = solve_path(form(table), y, 4, alphas=[alpha], l1_ratio=l1_ratio)
        assert found.converged.all()
        assert not found.coefs[0][:, 4].any()
    shared = solve_shared(table, y, 4, alpha=alpha, l1_ratio=l1_ratio)
    assert shared.converged.all()
    assert not shared.coefs[0, 0, 4]


def test_nothing_but_constants():
    y = np.arange(30) % 3
    for X in (np.ones((30, 2)), sparse.csr_array((30, 2))):
        for found in (solve_path(X, y, 3), solve_shared(X, y, 3)):
            assert found.converged.all()
            assert not np.asarray(found.coefs).any()
            np.testing.assert_allclose(
                link_cdf("logit", found.thresholds[0]), [1 / 3, 2 / 3]
            )


@pytest.mark.parametrize("shift", [1e3, 1e6])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.0])
def test_shifted_columns(shift, l1_ratio):
    X, y = make_data(150, 3)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    options = {"alphas": [0.02, 0.001], "l1_ratio": l1_ratio, "tol": 1e-9}
    plain = solve_path(X, y, 4, **options)
    moved = solve_path(X + shift, y, 4, **options)
    np.testing.assert_allclose(moved.coefs, plain.coefs, atol=1e-8)
    for i in range(2):
        a = link_cdf("logit", plain.thresholds[i] - X @ plain.coefs[i].T)
        b = link_cdf("logit", moved.thresholds[i] - (X + shift) @ moved.coefs[i].T)
        np.testing.assert_allclose(a, b, atol=1e-8)


@pytest.mark.parametrize("power", [12, 150])
def test_columns_of_very_different_scale(power):
    X, y = make_data(150, 3)
    scale = np.array([10.0**-power, 1.0, 10.0**power])
    a = solve_path(X, y, 4, n_alphas=5)
    b = solve_path(X * scale, y, 4, n_alphas=5)
    np.testing.assert_allclose(b.coefs * scale, a.coefs, rtol=1e-9, atol=1e-12)


def test_more_features_than_rows():
    rng = np.random.default_rng(0)
    y = np.arange(50) % 4
    X = rng.normal(size=(50, 400))
    for found in (
        solve_path(X, y, 4, n_alphas=8),
        solve_path(X, y, 4, n_alphas=4, l1_ratio=0.0),
        solve_shared(X, y, 4, alpha=0.1),
        solve_shared(X, y, 4, alpha=0.1, l1_ratio=1.0),
    ):
        assert found.converged.all()
        assert not found.n_crossing.any()


def test_weights_are_repetitions():
    X, y = make_data(120, 3)
    weight = np.random.default_rng(0).integers(0, 4, size=y.size)
    rows = np.repeat(np.arange(y.size), weight)
    for alphas in ([0.05, 0.005], [0.0]):
        options = {"alphas": alphas, "tol": 1e-10}
        a = solve_path(X, y, 4, weight.astype(float), **options)
        b = solve_path(X[rows], y[rows], 4, **options)
        np.testing.assert_allclose(a.coefs, b.coefs, atol=1e-10)
        np.testing.assert_allclose(a.objective, b.objective, rtol=1e-13)


def test_inputs_stay_as_they_are():
    X, y = make_data(120, 3)
    tables = X.copy(), sparse.csr_array(X), sparse.csc_array(X)
    weight = np.ones(120)
    for table in tables:
        values = table if isinstance(table, np.ndarray) else table.data
        before = values.copy()
        values.setflags(write=False)
        solve_path(table, y, 4, weight, n_alphas=3)
        solve_shared(table, y, 4, weight)
        np.testing.assert_array_equal(values, before)


def test_threads_change_nothing():
    X, y = make_data(9000, 3)
    for solve in (solve_path, solve_shared):
        options = {"n_alphas": 3} if solve is solve_path else {}
        a, b = solve(X, y, 4, **options), solve(X, y, 4, n_jobs=2, **options)
        np.testing.assert_array_equal(a.coefs, b.coefs)
