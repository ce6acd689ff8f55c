"""PRESTO against published digits, limits of the family and invariances."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skext.ordinal import PRESTO, ProportionalOdds, presto_path
from skext.ordinal._solver.links import link_cdf
from skext.ordinal._solver.repair import class_probabilities, cumulative_probabilities

EXACT = {"tol": 1e-9}

WINE_OBJECTIVES = {
    0.2: 1.4231897786,
    0.1: 1.3541215670,
    0.05: 1.2892511148,
    0.02: 1.2377020368,
    0.01: 1.2161238429,
    0.005: 1.2015060045,
}


def test_wine_objectives(wine):
    alphas, _, _, info = presto_path(*wine, alphas=list(WINE_OBJECTIVES), **EXACT)
    assert_array_equal(alphas, list(WINE_OBJECTIVES))
    assert_allclose(info.objective, list(WINE_OBJECTIVES.values()), atol=1e-9)
    assert info.converged.all()
    assert presto_path(*wine)[0][0] == pytest.approx(0.3005401235, abs=1e-9)


def test_wine_weights(wine):
    X, y = wine
    model = PRESTO(0.1, **EXACT).fit(X, y)
    assert_allclose(model.coef_, [[1.503744, 0.664336]] * 4, atol=1e-6)
    expected = [-1.850874, 0.449588, 2.285480, 3.644891]
    assert_allclose(model.thresholds_, expected, atol=1e-6)
    model = PRESTO(0.05, **EXACT).fit(X, y)
    warm = [1.951432, 1.951432, 1.987304, 1.987304]
    assert_allclose(model.coef_[:, 0], warm, atol=1e-6)
    assert_allclose(model.coef_[:, 1], 1.068512, atol=1e-6)
    assert np.count_nonzero(model.difference_coef_) == 3
    assert_allclose(np.cumsum(model.difference_coef_, axis=0), model.coef_)
    expected = [0.009767, 0.090131, 0.346297, 0.326306, 0.227500]
    assert_allclose(model.predict_proba([[1, 1]])[0], expected, atol=1e-6)
    assert model.n_crossing_train_ == 0
    assert model.kkt_violation_ <= 1e-9
    assert model.count_crossing(X) == 0


def test_large_alpha_is_the_null_model(ordinal_data):
    X, y = ordinal_data
    top = presto_path(X, y, n_alphas=2)[0][0]
    assert not PRESTO(1.0001 * top, **EXACT).fit(X, y).coef_.any()
    assert PRESTO(0.999 * top, **EXACT).fit(X, y).coef_.any()


@pytest.mark.parametrize("fusion_weight", [np.inf, 1e6])
def test_no_changes_is_lasso_proportional_odds(ordinal_data, fusion_weight):
    X, y = ordinal_data
    model = PRESTO(0.02, fusion_weight=fusion_weight, **EXACT).fit(X, y)
    expected = ProportionalOdds(0.02, l1_ratio=1.0, **EXACT).fit(X, y)
    assert_allclose(model.coef_, [expected.coef_] * 3, atol=1e-6)
    assert_allclose(model.thresholds_, expected.thresholds_, atol=1e-6)
    assert model.objective_ == pytest.approx(expected.objective_, abs=1e-9)


def test_free_main_weights_are_maximum_likelihood(ordinal_data):
    X, y = ordinal_data
    model = PRESTO(5.0, main_weight=0.0, **EXACT).fit(X, y)
    expected = ProportionalOdds(**EXACT).fit(X, y)
    assert_allclose(model.coef_, [expected.coef_] * 3, atol=1e-6)
    assert_allclose(model.thresholds_, expected.thresholds_, atol=1e-6)


def test_two_classes_are_lasso(ordinal_data):
    X, y = ordinal_data
    y = np.minimum(y, 1)
    X = X / X.std(axis=0)
    model = PRESTO(0.02, **EXACT).fit(X, y)
    peer = LogisticRegression(
        C=1 / (0.02 * y.size),
        l1_ratio=1.0,
        solver="saga",
        tol=1e-8,
        max_iter=10000,
        random_state=0,
    ).fit(X, y)
    assert_allclose(model.coef_, peer.coef_, atol=1e-5)
    assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=1e-5)


def test_no_penalty_is_not_worse_than_any(ordinal_data):
    X, y = ordinal_data
    free = PRESTO(0.0, non_crossing=None).fit(X, y)
    shared = ProportionalOdds().fit(X, y)
    assert free.objective_ < shared.objective_
    # The score of every free threshold is zero.
    step = 1e-5
    rows = np.arange(y.size)
    for k in range(3):
        losses = []
        for move in (-step, step):
            eta = free.linear_predictor(X)
            eta[:, k] += move
            proba = np.diff(np.pad(link_cdf("logit", eta), ((0, 0), (1, 1))), axis=1)
            proba[:, -1] += 1
            losses.append(-np.log(proba[rows, y]).mean())
        assert (losses[1] - losses[0]) / (2 * step) == pytest.approx(0, abs=2e-5)


@pytest.mark.parametrize(
    ("link", "mirrored"),
    [
        ("logit", "logit"),
        ("probit", "probit"),
        ("cloglog", "loglog"),
        ("loglog", "cloglog"),
    ],
)
def test_reversed_classes_with_the_other_anchor(ordinal_data, link, mirrored):
    X, y = ordinal_data
    model = PRESTO(0.02, link=link, tol=1e-8).fit(X, y)
    turned = PRESTO(0.02, link=mirrored, anchor="last", tol=1e-8).fit(X, 3 - y)
    assert_allclose(turned.coef_, -model.coef_[::-1], atol=1e-5)
    assert_allclose(turned.thresholds_, -model.thresholds_[::-1], atol=1e-5)
    assert_allclose(turned.difference_coef_, -model.difference_coef_[::-1], atol=1e-5)
    assert_allclose(turned.predict_proba(X)[:, ::-1], model.predict_proba(X), atol=1e-6)
    assert turned.objective_ == pytest.approx(model.objective_, abs=1e-9)
    # Without it, the direction matters.
    other = PRESTO(0.02, link=mirrored).fit(X, 3 - y)
    moved = np.abs(other.predict_proba(X)[:, ::-1] - model.predict_proba(X))
    assert moved.max() > 1e-3


def test_invariances(ordinal_data):
    X, y = ordinal_data
    model = PRESTO(0.01, **EXACT).fit(X, y)
    proba = model.predict_proba(X)

    def check(table, target=y, weight=None, columns=slice(None), **parameters):
        found = PRESTO(0.01, **{**EXACT, **parameters})
        found.fit(table, target, sample_weight=weight)
        return found

    shift = np.array([0.0, 5.0, -3.0, 100.0, 1.0])
    shifted = check(X + shift)
    assert_allclose(shifted.coef_, model.coef_, atol=1e-7)
    assert_allclose(shifted.predict_proba(X + shift), proba, atol=1e-8)
    assert_allclose(
        shifted.thresholds_, model.thresholds_ + model.coef_ @ shift, atol=1e-5
    )
    scale = np.array([1.0, 10.0, 0.01, 3.0, 1e4])
    assert_allclose(check(X * scale).coef_ * scale, model.coef_, atol=1e-7)
    order = np.random.RandomState(0).permutation(y.size)
    assert_allclose(check(X[order], y[order]).coef_, model.coef_, atol=1e-7)
    assert_allclose(check(X[:, ::-1]).coef_[:, ::-1], model.coef_, atol=1e-7)
    weight = np.random.RandomState(1).randint(0, 4, y.size)
    weighted = check(X, weight=weight)
    repeated = check(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    assert weighted.objective_ == pytest.approx(repeated.objective_, abs=1e-12)
    halves = check(np.tile(X, (2, 1)), np.tile(y, 2), np.full(2 * y.size, 0.5))
    assert_allclose(halves.coef_, model.coef_, atol=1e-7)
    for kind in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array):
        found = check(kind(X))
        assert_allclose(found.coef_, model.coef_, atol=1e-6)
        assert_allclose(found.predict_proba(kind(X)), proba, atol=1e-6)
    assert_allclose(check(X.astype(np.float32)).coef_, model.coef_, atol=1e-5)
    for solver in ("gram", "rows"):
        assert_allclose(check(X, solver=solver).coef_, model.coef_, atol=1e-6)


def test_penalty_factor(ordinal_data):
    X, y = ordinal_data
    factor = np.array([0.0, 1.0, 1.0, 1.0, 50.0])
    model = PRESTO(0.02, penalty_factor=factor).fit(X, y)
    assert np.count_nonzero(model.difference_coef_[:, 0]) == 3
    assert not model.coef_[:, 4].any()
    # A factor acts like the scale of a feature that is not standardised.
    scale = np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    scaled = PRESTO(0.02, standardize=False, **EXACT).fit(X / scale, y)
    found = PRESTO(0.02, standardize=False, penalty_factor=scale, **EXACT).fit(X, y)
    assert_allclose(found.coef_, scaled.coef_ / scale, atol=1e-6)


def test_constant_feature_gets_no_weight(ordinal_data):
    X, y = ordinal_data
    X = np.column_stack([X, np.full(y.size, 7.0)])
    for alpha in (0.0, 0.02):
        model = PRESTO(alpha, non_crossing=None).fit(X, y)
        assert not model.coef_[:, -1].any()


def test_ridge_variant(ordinal_data):
    X, y = ordinal_data
    model = PRESTO(0.02, l1_ratio=0.0, tol=1e-8).fit(X, y)
    assert np.count_nonzero(model.difference_coef_) == 15
    weaker = PRESTO(0.002, l1_ratio=0.0, tol=1e-8).fit(X, y)
    assert np.abs(weaker.difference_coef_).sum() > np.abs(model.difference_coef_).sum()


def test_training_rows_do_not_cross(crossing_data):
    X, y = crossing_data
    natural = PRESTO(1e-4, non_crossing=None).fit(X, y)
    assert natural.n_crossing_train_ > 0
    assert natural.n_crossing_train_ == natural.count_crossing(X)
    safe = PRESTO(1e-4, max_iter=1000).fit(X, y)
    assert safe.n_crossing_train_ == safe.count_crossing(X) == 0
    assert safe.objective_ > natural.objective_
    # Where the natural model does not cross, it is the model.
    assert_array_equal(
        PRESTO(0.05).fit(X, y).coef_, PRESTO(0.05, non_crossing=None).fit(X, y).coef_
    )


@pytest.mark.parametrize("crossing", ["isotonic", "sort"])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
def test_repair_of_rows_that_cross(crossing_data, link, crossing):
    X, y = crossing_data
    model = PRESTO(1e-3, link=link, non_crossing=None, crossing=crossing).fit(X, y)
    far = np.random.RandomState(2).standard_normal((500, 4)) * 6
    eta = model.linear_predictor(far)
    crosses = (np.diff(eta, axis=1) < 0).any(axis=1)
    assert 0 < crosses.sum() == model.count_crossing(far) < 500
    cumulative = model.predict_cumulative_proba(far)
    raw = link_cdf(link, eta)
    assert_array_equal(cumulative[~crosses], raw[~crosses])
    assert (np.diff(cumulative, axis=1) >= -1e-15).all()
    if crossing == "sort":
        assert_array_equal(cumulative, np.sort(raw, axis=1))
    else:
        assert_allclose(cumulative.sum(axis=1), raw.sum(axis=1), atol=1e-12)
    proba = model.predict_proba(far)
    assert proba.min() >= 0
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    model.set_params(crossing="raise")
    with pytest.raises(ValueError, match=rf"cross in {crosses.sum()} of 500 rows"):
        model.predict_proba(far)
    assert_array_equal(model.predict_proba(far[~crosses]), proba[~crosses])


def test_isotonic_repair_is_the_projection():
    from sklearn.isotonic import isotonic_regression

    eta = np.random.RandomState(0).standard_normal((200, 6)) * 3
    found, survival = cumulative_probabilities(eta, "logit", "isotonic")
    expected = [isotonic_regression(row) for row in link_cdf("logit", eta)]
    assert_allclose(found, expected, atol=1e-12)
    assert_allclose(found + survival, 1, rtol=1e-12)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
@pytest.mark.parametrize("crossing", ["isotonic", "sort"])
def test_probabilities_of_huge_predictors(link, crossing):
    rng = np.random.RandomState(0)
    eta = rng.uniform(-700, 700, size=(300, 4))
    eta = np.vstack([eta, np.sort(eta, axis=1), np.full((1, 4), 700.0)])
    before = eta.copy()
    proba = class_probabilities(eta, link, crossing)
    assert_array_equal(eta, before)
    assert not np.isnan(proba).any()
    assert proba.min() >= 0
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    # Both tails keep their relative accuracy.
    tail = class_probabilities(np.array([[30.0, 35.0]]), "logit", crossing)
    assert tail[0, 2] == pytest.approx(np.exp(-35), rel=1e-10)
    assert tail[0, 1] == pytest.approx(np.exp(-30) - np.exp(-35), rel=1e-10)


def test_expected_score(wine):
    X, y = wine
    model = PRESTO(0.01).fit(X, y)
    proba = model.predict_proba(X)
    assert_allclose(model.predict_expected(X), proba @ np.arange(5))
    assert_allclose(model.predict_expected(X, [0, 0, 0, 0, 1]), proba[:, 4])
    with pytest.raises(ValueError, match="one entry for each of the 5 classes"):
        model.predict_expected(X, [1, 2])


def test_median(wine):
    X, y = wine
    model = PRESTO(0.01).fit(X, y)
    for row, label in zip(model.predict_proba(X), model.predict_median(X), strict=True):
        assert row[:label].sum() < 0.5 <= row[: label + 1].sum() + 1e-12


def test_path_equals_single_fits(ordinal_data):
    X, y = ordinal_data
    alphas, thresholds, coefs, info = presto_path(X, y, n_alphas=6, tol=1e-8)
    assert info.n_iter.shape == info.kkt_violation.shape == (6,)
    assert info.ordered_classes.tolist() == [0, 1, 2, 3]
    for m, alpha in enumerate(alphas):
        model = PRESTO(alpha, tol=1e-8).fit(X, y)
        assert_allclose(coefs[m], model.coef_, atol=1e-5)
        assert_allclose(thresholds[m], model.thresholds_, atol=1e-5)
        assert info.objective[m] == pytest.approx(model.objective_, abs=1e-8)
        assert info.n_crossing[m] == model.n_crossing_train_


def test_path_of_wide_sparse_rows():
    X = sparse.random_array((60, 1200), density=0.02, rng=0, format="csr")
    y = np.random.RandomState(0).randint(0, 3, 60)
    options = {"n_alphas": 3, "eps": 0.5}
    alphas, thresholds, coefs, _ = presto_path(
        X, y, class_order=[0, 1, 2, 3], **options
    )
    assert isinstance(coefs, list)
    assert coefs[0].shape == (3, 1200)
    assert all(sparse.issparse(coef) for coef in coefs)
    assert np.isposinf(thresholds[:, 2]).all()
    # Equal columns can share a weight in any way, which changes no objective.
    _, _, dense, info = presto_path(X.toarray(), y, **options)
    assert dense.shape == (3, 2, 1200)
    model = PRESTO(alphas[2]).fit(X, y)
    assert model.objective_ == pytest.approx(info.objective[2], abs=1e-5)
    assert model.coef_.shape == (2, 1200)


def test_path_stops_early(ordinal_data):
    X, y = ordinal_data
    options = {"n_alphas": 60, "eps": 1e-5, "non_crossing": None}
    alphas, thresholds, coefs, _ = presto_path(X, y, early_stopping=True, **options)
    assert len(alphas) == len(thresholds) == len(coefs) < 60


@pytest.mark.parametrize("anchor", ["first", "last"])
def test_warm_start(ordinal_data, anchor):
    X, y = ordinal_data
    model = PRESTO(0.005, warm_start=True, anchor=anchor, tol=1e-8).fit(X, y)
    cold = model.n_iter_
    coef = model.coef_.copy()
    model.fit(X, y)
    assert model.n_iter_ < cold
    assert_allclose(model.coef_, coef, atol=1e-6)
    model.set_params(alpha=0.01).fit(X, y)
    expected = PRESTO(0.01, anchor=anchor, tol=1e-8).fit(X, y)
    assert_allclose(model.coef_, expected.coef_, atol=1e-6)


def test_convergence_warning(ordinal_data):
    X, y = ordinal_data
    with pytest.warns(ConvergenceWarning, match=r"PRESTO .*at alpha=0.001.*max_iter"):
        PRESTO(0.001, max_iter=1, tol=1e-9).fit(X, y)
    with pytest.warns(ConvergenceWarning, match=r"presto_path .* of 3 alphas"):
        presto_path(X, y, alphas=[0.1, 0.01, 0.001], max_iter=1, tol=1e-9)


def test_borrows_strength_for_the_rare_class():
    """On average over seeds better than both rivals at the true probabilities."""
    from skext.datasets import make_ordinal
    from skext.metrics import rare_probability_mse

    ratios = []
    for seed in range(6):
        data = make_ordinal(1500, intercepts=(0, 3, 5), random_state=seed)
        X, y, truth = data.data, data.target, data.posterior[:, -1]
        ours = PRESTO(0.003).fit(X, y).predict_proba(X)[:, -1]
        odds = ProportionalOdds().fit(X, y).predict_proba(X)[:, -1]
        binary = LogisticRegression(C=np.inf, max_iter=1000).fit(X, y == 3)
        rivals = (odds, binary.predict_proba(X)[:, -1])
        mse = rare_probability_mse(truth, ours)
        ratios.append([mse / rare_probability_mse(truth, p) for p in rivals])
    assert (np.exp(np.log(ratios).mean(axis=0)) < 1.0).all()
