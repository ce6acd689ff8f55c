import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf_shrinkage as sklearn_ledoit_wolf
from sklearn.covariance import oas as sklearn_oas
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError

from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA
from skext.naive_bayes._linear.shrinkage import oas_shrinkage

RULES = ["auto", "schafer-strimmer", "oas", "ledoit-wolf", "ks", 0.3]


def make_data(n=300, d=6, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n)])
    mix = rng.normal(size=(d, d))
    X = rng.normal(size=(y.size, d)) @ mix + rng.normal(size=(n_classes, d))[y]
    return X, y


def residuals(X, y):
    means = np.stack([X[y == k].mean(axis=0) for k in np.unique(y)])
    return X - means[y], means


def centred(scores):
    return scores - scores.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_without_shrinkage_equals_scikit_learn(dtype):
    X, y = make_data(n=2000)
    X = X.astype(dtype)
    ours = ShrinkageLDA(shrinkage=0).fit(X, y)
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(X.astype(np.float64), y)
    expected = peer.decision_function(X.astype(np.float64))
    scale = np.abs(centred(expected)).max()
    tolerance = 1e-8 if dtype == np.float64 else 1e-4
    found = centred(ours.decision_function(X))
    assert_allclose(found, centred(expected), atol=tolerance * scale)
    assert_allclose(ours.covariance_, peer.covariance_, atol=1e-5)


def test_full_shrinkage_is_naive_bayes():
    X, y = make_data()
    X[:, 2] = 7.0
    X[:, 3] *= 1e-6
    ours = ShrinkageLDA(shrinkage=1.0).fit(X, y)
    peer = LinearGaussianNB(var_smoothing=0).fit(X, y)
    assert_allclose(
        ours.predict_joint_log_proba(X), peer.predict_joint_log_proba(X), rtol=1e-10
    )
    wide = ShrinkageLDA(shrinkage=1.0).fit(np.tile(X, 60), y)
    peer.fit(np.tile(X, 60), y)
    assert_allclose(
        wide.predict_joint_log_proba(np.tile(X, 60)),
        peer.predict_joint_log_proba(np.tile(X, 60)),
        rtol=1e-10,
    )


@pytest.mark.parametrize("d", [5, 400])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("priors", [None, "uniform"])
def test_densities_match_brute_force(d, rule, priors):
    """Few and many features, the second in the space of the rows."""
    X, y = make_data(d=d)
    model = ShrinkageLDA(shrinkage=rule, priors=priors).fit(X, y)
    residual, means = residuals(X, y)
    S = residual.T @ residual / len(y)
    target = np.diag(S)
    if rule in ("oas", "ledoit-wolf", "ks"):
        # The identity of standardized features.
        target = X.var(axis=0) * np.mean(target / X.var(axis=0))
    target = np.diag(target)
    weight = model.shrinkage_
    assert 0 < weight < 1
    covariance = (1 - weight) * S + weight * target
    assert_allclose(model.covariance_, covariance, atol=1e-11 * np.abs(S).max())
    joint = np.stack(
        [multivariate_normal(m, covariance).logpdf(X[:20]) for m in means], axis=1
    ) + np.log(model.class_prior_)
    assert_allclose(model.predict_joint_log_proba(X[:20]), joint, rtol=1e-8)
    assert_allclose(model.score_samples(X[:20]), logsumexp(joint, axis=1), rtol=1e-8)
    proba = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    assert_allclose(model.predict_proba(X[:20]), proba, atol=1e-7)
    assert_array_equal(model.predict(X[:20]), joint.argmax(axis=1))


def test_analytic_shrinkage_by_explicit_loops():
    X, y = make_data(n=25, d=3, n_classes=2)
    n, freedom = len(y), len(y) - 2
    residual, _ = residuals(X, y)
    Z = residual / np.sqrt((residual**2).mean(axis=0))
    gauss = sampled = denominator = 0.0
    for i in range(3):
        for j in range(3):
            if i == j:
                continue
            products = [Z[t, i] * Z[t, j] for t in range(n)]
            r = sum(products) / n
            gauss += (1 - r**2) ** 2 / freedom
            sampled += sum((p - r) ** 2 for p in products) / (n * freedom)
            denominator += r**2
    found = ShrinkageLDA(shrinkage="auto").fit(X, y).shrinkage_
    assert_allclose(found, gauss / denominator, rtol=1e-12)
    found = ShrinkageLDA(shrinkage="schafer-strimmer").fit(X, y).shrinkage_
    assert_allclose(found, sampled / denominator, rtol=1e-12)


def test_shrinkage_to_the_identity():
    X, y = make_data(n=60, d=8)
    n, residual = len(y), residuals(X, y)[0]
    deviation = X.std(axis=0)
    residual /= deviation
    S = residual.T @ residual / n
    found = ShrinkageLDA(shrinkage="ledoit-wolf").fit(X, y).shrinkage_
    expected = sklearn_ledoit_wolf(residual, assume_centered=True)
    assert_allclose(found, expected, rtol=1e-10)
    formula = oas_shrinkage(np.trace(S), np.sum(S * S), 8, n)
    assert_allclose(formula, sklearn_oas(residual, assume_centered=True)[1])
    found = ShrinkageLDA(shrinkage="oas").fit(X, y).shrinkage_
    assert_allclose(found, oas_shrinkage(np.trace(S), np.sum(S * S), 8, n - 4))
    # The published precision, up to the factor that the notes explain.
    model = ShrinkageLDA(shrinkage="ks").fit(X, y)
    precision = 8 * np.linalg.inv((n - 1) * S + np.trace(S) * np.eye(8))
    factor = 8 / (n - 1 + 8)
    covariance = model.covariance_ / np.outer(deviation, deviation)
    assert_allclose(np.linalg.inv(covariance) * factor, precision, rtol=1e-10)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("d", [6, 200])
def test_integer_weights_equal_repeated_rows(rule, d):
    X, y = make_data(n=80, d=d)
    weight = np.random.default_rng(0).integers(0, 4, y.size)
    weighted = ShrinkageLDA(shrinkage=rule).fit(X, y, sample_weight=weight)
    repeated = ShrinkageLDA(shrinkage=rule)
    repeated.fit(np.repeat(X, weight, axis=0), y.repeat(weight))
    assert_allclose(weighted.shrinkage_, repeated.shrinkage_, rtol=1e-9)
    assert_allclose(
        weighted.decision_function(X), repeated.decision_function(X), atol=1e-8
    )
    X[weight == 0] = np.nan
    again = ShrinkageLDA(shrinkage=rule).fit(X, y, sample_weight=weight)
    assert_array_equal(again.coef_, weighted.coef_)


@pytest.mark.parametrize("rule", ["auto", "oas", "ks", 0.2])
@pytest.mark.parametrize("d", [5, 500])
@pytest.mark.parametrize("size", [1, 50])
def test_batches_in_any_order_give_the_same_model(rule, d, size):
    X, y = make_data(n=150, d=d)
    expected = ShrinkageLDA(shrinkage=rule).fit(X, y)
    order = np.random.default_rng(size).permutation(y.size)
    model = ShrinkageLDA(shrinkage=rule)
    for start in range(0, y.size, size):
        rows = order[start : start + size]
        model.partial_fit(X[rows], y[rows])
    assert_allclose(model.shrinkage_, expected.shrinkage_, rtol=1e-9)
    assert_allclose(
        model.decision_function(X), expected.decision_function(X), atol=1e-7
    )


def test_invariances():
    X, y = make_data()
    rng = np.random.default_rng(1)
    scores = ShrinkageLDA(shrinkage=0).fit(X, y).decision_function(X)
    A = rng.normal(size=(6, 6))
    moved = ShrinkageLDA(shrinkage=0).fit(X @ A + 5, y).decision_function(X @ A + 5)
    assert_allclose(moved, scores, atol=1e-8)
    scale = 10.0 ** rng.uniform(-3, 3, 6)
    for rule in (*RULES, "loo", 0.4):
        scores = ShrinkageLDA(shrinkage=rule).fit(X, y).decision_function(X)
        moved = ShrinkageLDA(shrinkage=rule).fit(X * scale, y)
        assert_allclose(moved.decision_function(X * scale), scores, atol=1e-8)


@pytest.mark.parametrize("rule", [*RULES, "loo"])
def test_one_class(rule):
    X, y = make_data()
    model = ShrinkageLDA(shrinkage=rule).fit(X, np.full(y.size, "only"))
    assert set(model.predict(X)) == {"only"}
    assert_array_equal(model.predict_proba(X), 1)


@pytest.mark.parametrize("rule", [*RULES, "loo", 0.0])
def test_one_row_per_class_is_nearest_mean(rule):
    X, _ = make_data(n=20)
    y = np.arange(len(X))
    model = ShrinkageLDA(shrinkage=rule)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert any("No class has two different rows" in str(w.message) for w in caught)
    rows = make_data(n=100, seed=1)[0]
    nearest = NearestClassMean().fit(X, y)
    assert_array_equal(model.predict(rows), nearest.predict(rows))
    assert np.isfinite(model.score_samples(rows)).all()


@pytest.mark.parametrize("rule", [*RULES, "loo"])
def test_constant_features(rule):
    X = np.full((9, 3), 0.1)
    y = [0, 1, 1, 1, 2, 2, 2, 2, 2]
    model = ShrinkageLDA(shrinkage=rule)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    assert_array_equal(model.predict(X + 1), 2)
    X, y = make_data()
    full = np.insert(X, 2, 0.1, axis=1)
    model = ShrinkageLDA(shrinkage=rule).fit(full, y)
    without = ShrinkageLDA(shrinkage=rule).fit(X, y)
    assert_allclose(
        model.predict_joint_log_proba(full), without.predict_joint_log_proba(X)
    )
    assert np.isfinite(model.coef_).all()


def test_feature_that_separates_without_variance():
    X, y = make_data(n_classes=2)
    X[:, 1] = y
    model = ShrinkageLDA().fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1
    assert ShrinkageLDA(shrinkage="oas").fit(X, y).score(X, y) == 1


def test_singular_covariance():
    X, y = make_data()
    X = np.column_stack([X, X[:, 0] + X[:, 1]])
    with pytest.warns(UserWarning, match="covariance is singular"):
        model = ShrinkageLDA(shrinkage=0).fit(X, y)
    expected = ShrinkageLDA(shrinkage=0).fit(X[:, :6], y)
    assert_array_equal(model.predict(X), expected.predict(X[:, :6]))
    assert np.isfinite(model.score_samples(X)).all()
    wide, y = make_data(n=20, d=60)
    with pytest.warns(UserWarning, match="covariance is singular"):
        assert ShrinkageLDA(shrinkage=0).fit(wide, y).score(wide, y) > 0.9


def test_class_without_weight_is_never_predicted():
    X, y = make_data(n_classes=3)
    for rule in RULES:
        for lost in range(3):
            weight = np.where(y == lost, 0.0, 1.0)
            model = ShrinkageLDA(shrinkage=rule).fit(X, y, sample_weight=weight)
            keep = y != lost
            alone = ShrinkageLDA(shrinkage=rule).fit(X[keep], y[keep])
            proba = model.predict_proba(X)
            assert not proba[:, lost].any()
            assert_allclose(
                np.delete(proba, lost, 1), alone.predict_proba(X), atol=1e-10
            )


@pytest.mark.parametrize("layout", ["F", "strided", "csr", "csc"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int16])
def test_layouts_and_types(layout, dtype):
    X, y = make_data()
    X = np.round(4 * X).clip(-50, 50)
    expected = ShrinkageLDA().fit(X, y)
    typed = X.astype(dtype)
    if layout in ("csr", "csc"):
        if dtype == np.float16:
            pytest.skip("scipy has no sparse matrices of this type")
        given = sparse.csr_array(typed).asformat(layout)
    elif layout == "strided":
        given = np.repeat(typed, 2, axis=1)[:, ::2]
    else:
        given = np.asarray(typed, order=layout)
    model = ShrinkageLDA().fit(given, y)
    assert_allclose(model.covariance_, expected.covariance_, rtol=1e-5, atol=1e-4)
    assert_allclose(
        model.predict_joint_log_proba(given),
        expected.predict_joint_log_proba(X),
        rtol=1e-5,
    )
    assert_allclose(
        model.decision_function(given), expected.decision_function(X), atol=1e-3
    )


def test_sparse_with_many_features():
    X = sparse.random_array((10, 4097), density=0.01, format="csr", rng=0)
    with pytest.raises(ValueError, match="at most 4096 features if it is sparse"):
        ShrinkageLDA().fit(X, [0, 1] * 5)


def test_rules_that_need_rows_are_for_fit():
    X, y = make_data()
    for rule in ("schafer-strimmer", "ledoit-wolf", "loo"):
        model = ShrinkageLDA(shrinkage=rule)
        with pytest.raises(ValueError, match="needs single rows; call fit first"):
            model.partial_fit(X, y)
        with pytest.raises(NotFittedError):
            model.predict(X)
        chosen = model.fit(X, y).shrinkage_
        assert model.partial_fit(X[:50], y[:50]).shrinkage_ == chosen
        assert model.merge(model).shrinkage_ == chosen
        assert model.class_count_.sum() == 2 * (y.size + 50)
    with pytest.raises(ValueError, match="temperature='loo' must be known"):
        ShrinkageLDA(temperature="loo").partial_fit(X, y)


@pytest.mark.parametrize("d", [5, 400])
def test_pickle(d):
    X, y = make_data(d=d)
    model = ShrinkageLDA().partial_fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(
        copy.partial_fit(X[:9], y[:9]).coef_, model.partial_fit(X[:9], y[:9]).coef_
    )


def test_beats_per_class_shrinkage_on_random_features():
    """scikit-learn shrinks each class on its own, which is weaker when d is large."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(64, 256)) / 8
    errors = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(y.size)
        train, test = order[:300], order[300:]
        F = np.maximum((X - X[train].mean(axis=0)) / 4 @ mix, 0)
        peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        errors.append(
            [
                1 - model.fit(F[train], y[train]).score(F[test], y[test])
                for model in (ShrinkageLDA(), peer)
            ]
        )
    ours, theirs = np.mean(errors, axis=0)
    assert ours <= theirs
    assert ours < 0.05


@pytest.mark.parametrize("rule", RULES)
def test_raw_features_equal_scaled_ones(rule):
    X, y = make_data()
    X = X * 10.0 ** np.linspace(-8, 8, 6) + 10.0 ** np.linspace(-6, 10, 6)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    raw, plain = (ShrinkageLDA(shrinkage=rule).fit(Z, y) for Z in (X, scaled))
    assert_allclose(raw.shrinkage_, plain.shrinkage_, rtol=1e-8)
    assert_allclose(
        raw.decision_function(X), plain.decision_function(scaled), rtol=1e-5, atol=1e-6
    )
