import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA
from skext.naive_bayes._loo import scores as loo
from skext.naive_bayes._loo.scores import loo_scores
from skext.naive_bayes._loo.tuning import ALPHAS, LAMBDAS


def make_data(n=60, d=5, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes).repeat(2), rng.integers(0, n_classes, n)])
    X = rng.normal(size=(y.size, d)) + rng.normal(size=(n_classes, d))[y]
    return X * 10.0 ** rng.uniform(-1, 1, d), y


def centred(scores):
    return scores - scores.mean(axis=1, keepdims=True)


def refitted(estimator, X, y, weight=None):
    """Decision values of every row by a fit without it."""
    found = []
    for i in range(y.size):
        rest = np.ones(y.size) if weight is None else weight.copy()
        rest[i] -= min(1.0, rest[i])
        keep = rest > 0
        model = clone(estimator).fit(X[keep], y[keep], rest[keep])
        found.append(model.decision_function(X[i : i + 1])[0])
    return centred(np.array(found))


CENTER = np.full(5, 0.3)
ESTIMATORS = [
    LinearGaussianNB(),
    LinearGaussianNB(shrinkage=0.5),
    LinearGaussianNB(shrinkage=1.0),
    LinearGaussianNB(var_smoothing=0.1),
    LinearGaussianNB(var_smoothing=0.0, priors=[0.1, 0.2, 0.3, 0.4]),
    LinearGaussianNB(priors="uniform", shrinkage=0.1),
    NearestClassMean(),
    NearestClassMean(priors="empirical"),
    NearestClassMean(metric="cosine"),
    NearestClassMean(metric="seuclidean"),
    NearestClassMean(feature_transform="l2"),
    NearestClassMean(metric="seuclidean", feature_transform="l2"),
    NearestClassMean(feature_transform="center-l2", center=CENTER),
    NearestClassMean(metric="cosine", feature_transform="center-l2", center=CENTER),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_to_refits(estimator, weighted):
    X, y = make_data()
    weight = np.random.default_rng(1).choice([1.0, 2, 3, 0.5, 0.25], y.size)
    weight = weight if weighted else None
    model = clone(estimator).fit(X, y, weight)
    expected = refitted(estimator, X, y, weight)
    found = centred(loo_scores(model, X, y, weight))
    assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    if estimator.get_params().get("feature_transform") != "center-l2":
        found = centred(loo_scores(model, sparse.csr_array(X), y, weight))
        assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_larger_data_equal_to_refits(alpha):
    X, y = make_data(n=180, d=20, n_classes=10)
    estimator = LinearGaussianNB(shrinkage=alpha)
    expected = refitted(estimator, X, y)
    found = centred(loo_scores(estimator.fit(X, y), X, y))
    assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("n_alphas", [1, 3, 5])
@pytest.mark.parametrize("n_classes", [1, 2, 3, 4, 7])
def test_compiled_loops_equal_matrix_products(monkeypatch, n_alphas, n_classes):
    X, y = make_data(d=70, n_classes=n_classes)
    state = LinearGaussianNB().fit(X, y)._moments
    prior = state.counts / state.counts.sum()
    left = loo.leave_out(state.counts, prior, y, None, empirical=True)
    alphas = ALPHAS[:n_alphas]

    def all_scores():
        chunks = list(loo.diagonal_chunks(X, state, left, alphas, 1e-9))
        return [list(parts) for _, parts in chunks]

    few = all_scores()
    monkeypatch.setattr(loo, "_FEW_CLASSES", 0)
    many = all_scores()
    assert_allclose(few, many, rtol=1e-9, atol=1e-9)


def lda_without_each_row(X, y, shrinkage, weight=None):
    """Refits that hold the target at its value for all rows."""
    weight = np.ones(y.size) if weight is None else weight
    classes = range(y.max() + 1)

    def moments(w):
        means = np.stack(
            [np.average(X[y == k], axis=0, weights=w[y == k]) for k in classes]
        )
        rows = (X - means[y]) * np.sqrt(w)[:, None]
        return means, rows.T @ rows / w.sum()

    target = np.diag(np.diag(moments(weight)[1]))
    found = []
    for i in range(y.size):
        rest = weight.copy()
        rest[i] -= min(1, rest[i])
        means, S = moments(rest)
        precision = np.linalg.inv((1 - shrinkage) * S + shrinkage * target)
        away = X[i] - means
        prior = np.bincount(y, rest) / rest.sum()
        found.append(
            np.log(prior) - 0.5 * np.einsum("ki,ij,kj->k", away, precision, away)
        )
    return np.array(found)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("d", [5, 90])
@pytest.mark.parametrize("weighted", [False, True])
def test_discriminant_analysis_with_held_target(shrinkage, d, weighted):
    if shrinkage == 0 and d == 90:
        pytest.skip("singular")
    X, y = make_data(d=d)
    weight = np.random.default_rng(1).choice([1.0, 2, 0.5], y.size)
    weight = weight if weighted else None
    model = ShrinkageLDA(shrinkage=shrinkage).fit(X, y, weight)
    expected = lda_without_each_row(X, y, shrinkage, weight)
    found = loo_scores(model, X, y, weight)
    assert_allclose(found, expected, rtol=1e-10, atol=1e-9)


def test_rows_alone_in_their_class():
    X, y = make_data()
    X, y = np.vstack([X, X[:1]]), np.append(y, 4)
    for estimator in (LinearGaussianNB(), ShrinkageLDA(), NearestClassMean()):
        scores = loo_scores(estimator.fit(X, y), X, y)
        assert np.isnan(scores[-1]).all()
        assert np.isfinite(scores[:-1]).all()


def test_feature_that_varies_in_one_row_only():
    """Without that row it is constant, and a refit does not look at it."""
    X, y = make_data()
    X[:, 1] = 0
    X[5, 1] = 1e3
    model = LinearGaussianNB().fit(X, y)
    expected = refitted(LinearGaussianNB(), X, y)
    found = centred(loo_scores(model, X, y))
    assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())


def test_unknown_labels():
    X, y = make_data()
    model = LinearGaussianNB().fit(X, y)
    with pytest.raises(ValueError, match=r"y has labels, \[9\]"):
        loo_scores(model, X, np.where(y == 0, 9, y))


def log_probability(scores, y):
    scores = scores - scores.max(axis=1, keepdims=True)
    own = scores[np.arange(y.size), y]
    return np.mean(own - np.log(np.exp(scores).sum(axis=1)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_classes", [3, 40])
def test_best_shrinkage_of_naive_bayes(dtype, n_classes):
    X, y = make_data(n=200, d=12, n_classes=n_classes)
    X = X.astype(dtype)
    model = LinearGaussianNB(shrinkage="loo").fit(X, y)
    values = {}
    for alpha in ALPHAS:
        fixed = LinearGaussianNB(shrinkage=alpha).fit(X, y)
        values[alpha] = log_probability(loo_scores(fixed, X, y), y)
    assert model.shrinkage_ == max(values, key=values.get)
    assert_allclose(model.loo_score_, max(values.values()), rtol=1e-4)
    fixed = LinearGaussianNB(shrinkage=model.shrinkage_).fit(X, y)
    assert_array_equal(model.predict(X), fixed.predict(X))


@pytest.mark.parametrize("weighted", [False, True])
def test_best_shrinkage_of_discriminant_analysis(weighted):
    X, y = make_data(n=50, d=12, n_classes=3)
    weight = np.random.default_rng(1).choice([1.0, 2, 0.5], y.size)
    weight = weight if weighted else np.ones(y.size)
    model = ShrinkageLDA(shrinkage="loo").fit(X, y, weight if weighted else None)
    values = {}
    for shrinkage in LAMBDAS:
        scores = lda_without_each_row(X, y, shrinkage, weight)
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[np.arange(y.size), y] - np.log(np.exp(scores).sum(axis=1))
        values[shrinkage] = np.average(own, weights=weight)
    assert model.shrinkage_ == max(values, key=values.get)
    assert_allclose(model.loo_score_, max(values.values()), rtol=1e-9)


def test_score_exists_only_where_computed():
    X, y = make_data()
    for cls in (LinearGaussianNB, ShrinkageLDA):
        with pytest.raises(AttributeError, match="no loo_score_"):
            _ = cls().fit(X, y).loo_score_
        model = cls(temperature="loo").fit(X, y)
        assert model.loo_score_ < 0
        model.partial_fit(X, y)
        assert not hasattr(model, "loo_score_")


def test_no_row_can_be_left_out():
    X, _ = make_data(n=3, n_classes=2)
    y = np.arange(len(X))
    for cls in (LinearGaussianNB, ShrinkageLDA):
        with (
            pytest.warns(UserWarning, match="No row can be left out"),
            pytest.warns(UserWarning, match="No class has two different rows"),
        ):
            model = cls(shrinkage="loo", temperature="loo").fit(X, y)
        assert model.temperature_ == 1.0
        assert_array_equal(model.predict(X), y)


def test_without_shrinkage_is_no_choice_for_singular_data():
    X, y = make_data()
    X = np.column_stack([X, X[:, 0] + X[:, 1], np.ones(y.size)])
    model = ShrinkageLDA(shrinkage="loo").fit(X, y)
    assert model.shrinkage_ > 0
    assert np.isfinite(model.loo_score_)
    singular = ShrinkageLDA(shrinkage=0, temperature="loo")
    with (
        pytest.raises(ValueError, match=r"shrinkage=.* must be positive"),
        pytest.warns(UserWarning, match="singular"),
    ):
        singular.fit(X, y)
