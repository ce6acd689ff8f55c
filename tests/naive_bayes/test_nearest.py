import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import normalize

from skext.naive_bayes import LinearGaussianNB, NearestClassMean

FORMS = [
    {},
    {"metric": "cosine"},
    {"metric": "seuclidean"},
    {"feature_transform": "l2"},
    {"feature_transform": "center-l2"},
    {"metric": "cosine", "feature_transform": "center-l2"},
    {"metric": "seuclidean", "feature_transform": "l2"},
]


def make_data(n=200, d=5, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n)])
    X = rng.normal(size=(y.size, d)) + 2 * rng.normal(size=(n_classes, d))[y]
    return X * np.linspace(0.5, 2, d) + 1, y


def transformed(X, form, origin):
    if form.get("feature_transform") == "center-l2":
        X = X - origin
    if form.get("feature_transform") or form.get("metric") == "cosine":
        return normalize(X)
    return X


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("priors", ["uniform", "empirical", [0.1, 0.2, 0.3, 0.4]])
def test_densities_match_brute_force(form, priors):
    X, y = make_data()
    model = NearestClassMean(priors=priors, **form).fit(X, y)
    rows = transformed(X, form, X.mean(axis=0))
    means = np.stack([rows[y == k].mean(axis=0) for k in range(4)])
    assert_allclose(model.theta_, means, atol=1e-12)
    if form.get("metric") == "cosine":
        means = normalize(means)
    squares = ((rows - means[y]) ** 2).mean(axis=0)
    if form.get("metric") != "seuclidean":
        squares = np.full(5, squares.mean())
    assert_allclose(model.var_, squares, rtol=1e-7)
    joint = np.stack(
        [multivariate_normal(m, np.diag(squares)).logpdf(rows) for m in means], axis=1
    ) + np.log(model.class_prior_)
    assert_allclose(model.predict_joint_log_proba(X), joint, rtol=1e-6, atol=1e-6)
    assert_allclose(model.score_samples(X), logsumexp(joint, axis=1), atol=1e-5)
    assert_array_equal(model.predict(X), joint.argmax(axis=1))
    scores = rows @ model.coef_.T + model.intercept_
    assert_allclose(model.decision_function(X), scores, atol=1e-9)


def test_nearest_by_distance():
    X, y = make_data()
    peer = NearestCentroid().fit(X, y)
    assert_array_equal(NearestClassMean().fit(X, y).predict(X), peer.predict(X))
    shared = LinearGaussianNB(shrinkage=1.0, priors="uniform", var_smoothing=0)
    assert_array_equal(
        NearestClassMean().fit(X, y).predict(X), shared.fit(X, y).predict(X)
    )
    cosine = NearestClassMean(metric="cosine").fit(X, y)
    means = np.stack([normalize(X)[y == k].mean(axis=0) for k in range(4)])
    nearest = (normalize(X) @ normalize(means).T).argmax(axis=1)
    assert_array_equal(cosine.predict(X), nearest)
    scaled = NearestClassMean(metric="seuclidean").fit(X, y)
    bayes = LinearGaussianNB(priors="uniform").fit(X, y)
    assert_array_equal(scaled.predict_proba(X), bayes.predict_proba(X))


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("layout", ["F", "strided", "csr", "csc"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int16])
def test_layouts_and_types(form, layout, dtype):
    X, y = make_data()
    X = np.round(4 * X)
    typed = X.astype(dtype)
    expected = NearestClassMean(**form).fit(X, y)
    if layout in ("csr", "csc"):
        if dtype == np.float16:
            pytest.skip("scipy has no sparse matrices of this type")
        given = sparse.csr_array(typed).asformat(layout)
    elif layout == "strided":
        given = np.repeat(typed, 2, axis=1)[:, ::2]
    else:
        given = np.asarray(typed, order=layout)
    before = given.copy()
    model = NearestClassMean(**form).fit(given, y)
    assert_allclose(model.theta_, expected.theta_, atol=1e-6)
    assert_allclose(
        model.decision_function(given), expected.decision_function(X), atol=1e-3
    )
    assert_allclose(model.score_samples(given), expected.score_samples(X), rtol=1e-5)
    difference = given != before
    assert not (difference.nnz if sparse.issparse(difference) else difference.any())


def test_chunks(monkeypatch):
    X, y = make_data()
    weight = np.random.default_rng(0).integers(0, 3, y.size).astype(float)
    for form in FORMS:
        expected = NearestClassMean(**form).fit(X, y, weight)
        proba = expected.predict_proba(X)
        with monkeypatch.context() as patch:
            patch.setattr("skext.naive_bayes._linear.nearest._CHUNK_BYTES", 1)
            model = NearestClassMean(**form).fit(X, y, weight)
            assert_allclose(model.theta_, expected.theta_, atol=1e-12)
            assert_allclose(model.predict_proba(X), proba, atol=1e-10)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_weights(form, convert):
    X, y = make_data()
    weight = np.random.default_rng(0).integers(0, 4, y.size)
    weighted = NearestClassMean(**form).fit(convert(X), y, sample_weight=weight)
    repeated = NearestClassMean(**form)
    repeated.fit(convert(np.repeat(X, weight, axis=0)), y.repeat(weight))
    assert_allclose(weighted.theta_, repeated.theta_, atol=1e-12)
    assert_allclose(weighted.var_, repeated.var_, rtol=1e-9)
    assert_allclose(weighted.origin_, repeated.origin_, atol=1e-12)
    if convert is np.asarray:
        X[weight == 0] = np.nan
        again = NearestClassMean(**form).fit(X, y, sample_weight=weight)
        assert_allclose(again.theta_, weighted.theta_, atol=1e-12)
    lost = NearestClassMean(**form).fit(convert(X), y, np.where(y == 1, 0, weight))
    assert 1 not in lost.predict(convert(np.nan_to_num(X)))


def test_center_stays_as_it_was_first():
    X, y = make_data()
    model = NearestClassMean(feature_transform="center-l2")
    model.partial_fit(X[:50], y[:50])
    assert_allclose(model.origin_, X[:50].mean(axis=0))
    model.partial_fit(X[50:], y[50:])
    assert_allclose(model.origin_, X[:50].mean(axis=0))
    given = NearestClassMean(feature_transform="center-l2", center=X[:50].mean(axis=0))
    given.fit(X, y)
    assert_allclose(model.predict_proba(X), given.predict_proba(X), atol=1e-9)
    refit = model.fit(X, y)
    assert_allclose(refit.origin_, X.mean(axis=0))
    assert not NearestClassMean(center=np.ones(5)).fit(X, y).origin_.any()
    for center in (np.ones(4), np.full(5, np.nan)):
        bad = NearestClassMean(feature_transform="center-l2", center=center)
        with pytest.raises(ValueError, match="center .* must be 5 finite numbers"):
            bad.fit(X, y)


def test_large_offset_of_the_center():
    rng = np.random.default_rng(0)
    X = rng.normal(1e4, 1, (5000, 6)).astype(np.float32)
    model = NearestClassMean(feature_transform="center-l2").fit(X, X[:, 0] > 1e4)
    assert_allclose(model.origin_, X.astype(np.float64).mean(axis=0), rtol=1e-13)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_zero_rows_and_one_row_per_class(form):
    X = np.vstack([np.zeros(3), np.eye(3)])
    y = np.array(["zero", "a", "b", "c"])
    model = NearestClassMean(**form)
    if form.get("metric") == "seuclidean":
        with pytest.warns(UserWarning, match="No class has two different rows"):
            model.fit(X, y)
    else:
        model.fit(X, y)
    assert_array_equal(model.predict(X)[1:], y[1:])
    assert np.isfinite(model.predict_proba(X)).all()
    only = NearestClassMean(**form).fit(np.vstack([X, X + 1]), ["only"] * 8)
    assert_array_equal(only.predict_proba(X), 1)
    constant = NearestClassMean(**form).fit(np.full((4, 3), 0.1), [0, 1, 0, 1])
    assert_array_equal(constant.predict(X), 0)
    assert_allclose(constant.predict_proba(X), 0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_non_finite_input(bad, form, convert):
    X, y = make_data()
    model = NearestClassMean(**form).fit(convert(X), y)
    X[4, 2] = bad
    match = "Input X contains " + ("NaN" if np.isnan(bad) else "infinity")
    for call in (
        lambda: NearestClassMean(**form).fit(convert(X), y),
        lambda: model.partial_fit(convert(X), y),
        lambda: model.predict(convert(X)),
        lambda: model.score_samples(convert(X)),
    ):
        with pytest.raises(ValueError, match=match):
            call()


def test_overflow_of_lengths_is_named():
    model = NearestClassMean(metric="cosine")
    with pytest.raises(ValueError, match=r"lengths exceed.*1e\+200"):
        model.fit([[1e200, 1], [1, 2.0]], [0, 1])


def test_ties_go_to_the_first_class():
    X, y = [[-1.0], [1.0], [-1.0], [1.0]], ["b", "a", "b", "a"]
    assert NearestClassMean().fit(X, y).predict([[0.0]]) == ["a"]
