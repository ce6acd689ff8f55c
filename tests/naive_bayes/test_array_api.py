"""Rows of other array libraries; libraries that are not installed are skipped."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA
from skext.naive_bayes._moments import array_api

METHODS = [
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "decision_function",
    "score_samples",
]
ESTIMATORS = [
    LinearGaussianNB(),
    LinearGaussianNB(shrinkage="loo", temperature="loo"),
    ShrinkageLDA(),
    ShrinkageLDA(shrinkage="ledoit-wolf", priors="uniform"),
    NearestClassMean(),
    NearestClassMean(metric="cosine"),
    NearestClassMean(metric="seuclidean", feature_transform="center-l2"),
]


def library(name):
    """Return a function that makes arrays of a library, and its name."""
    module = pytest.importorskip(name.partition(":")[0])
    if name.endswith(":cuda"):
        if not module.cuda.is_available():
            pytest.skip("no GPU")
        return lambda array: module.asarray(array, device="cuda")
    return module.asarray


@pytest.fixture(params=["array_api_strict", "torch", "torch:cuda"])
def convert(request):
    return library(request.param)


@pytest.fixture(autouse=True)
def dispatch():
    with sklearn.config_context(array_api_dispatch=True):
        yield


def make_data(n_classes=3, n=90, d=5, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n)])
    return rng.normal(size=(y.size, d)) + rng.normal(size=(n_classes, d))[y], y


def on_host(array):
    return np.asarray(array_api.as_numpy(array))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("n_classes", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_same_as_numpy(convert, estimator, n_classes, dtype):
    X, y = make_data(n_classes)
    X = X.astype(dtype)
    expected = clone(estimator).fit(X, y)
    given = convert(X)
    model = clone(estimator).fit(given, convert(y))
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    for method in METHODS:
        found, wanted = getattr(model, method)(given), getattr(expected, method)(X)
        assert type(found) is type(given)
        assert getattr(found, "device", None) == getattr(given, "device", None)
        assert on_host(found).dtype == wanted.dtype
        assert_allclose(on_host(found), wanted, rtol=tolerance, atol=tolerance)
    for name in ("theta_", "coef_", "intercept_", "class_prior_", "center_"):
        assert type(getattr(model, name)) is type(given)
        assert_allclose(
            on_host(getattr(model, name)), getattr(expected, name), atol=tolerance
        )


@pytest.mark.parametrize("estimator", ESTIMATORS[::2], ids=repr)
def test_chunks_weights_and_updates(convert, estimator, monkeypatch):
    X, y = make_data()
    weight = np.random.default_rng(0).integers(0, 3, y.size).astype(float)
    if getattr(estimator, "feature_transform", None):
        estimator = clone(estimator).set_params(center=X.mean(axis=0))
    expected = clone(estimator).fit(X, y, weight)
    X[weight == 0] = np.nan
    monkeypatch.setattr(array_api, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(array_api, "_MAX_CHUNK_ROWS", 64)
    model = clone(estimator)
    for rows in (slice(0, 30), slice(30, None)):
        model.partial_fit(
            convert(X[rows]), convert(y[rows]), sample_weight=convert(weight[rows])
        )
    rows = make_data(seed=1)[0]
    assert_allclose(
        on_host(model.predict_proba(convert(rows))),
        expected.predict_proba(rows),
        atol=1e-9,
    )
    both = model + model
    assert on_host(both.class_count_).sum() == 2 * weight.sum()


def test_labels_may_be_strings(convert):
    X, y = make_data()
    names = np.array(["a", "b", "c"])[y]
    model = LinearGaussianNB().fit(convert(X), names)
    assert_array_equal(
        model.predict(convert(X)), LinearGaussianNB().fit(X, names).predict(X)
    )


@pytest.mark.parametrize("estimator", ESTIMATORS[::2], ids=repr)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_input(convert, estimator, bad):
    X, y = make_data()
    model = clone(estimator).fit(convert(X), convert(y))
    X[4, 2] = bad
    match = "Input X contains " + ("NaN" if np.isnan(bad) else "infinity")
    for call in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=match):
            call(convert(X), convert(y))
    for call in (model.predict, model.score_samples):
        with pytest.raises(ValueError, match=match):
            call(convert(X))


def test_another_library_in_predict(convert):
    X, y = make_data()
    model = ShrinkageLDA().fit(convert(X), convert(y))
    with pytest.raises(ValueError, match="must use the same namespace"):
        model.predict(X)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(
        on_host(copy.predict(convert(X))), on_host(model.predict(convert(X)))
    )
    from sklearn.utils._array_api import move_estimator_to

    moved = move_estimator_to(model, np, "cpu")
    assert_array_equal(moved.predict(X), ShrinkageLDA().fit(X, y).predict(X))


def test_without_dispatch_tensors_are_converted():
    torch = pytest.importorskip("torch")
    X, y = make_data()
    with sklearn.config_context(array_api_dispatch=False):
        model = LinearGaussianNB().fit(torch.asarray(X), torch.asarray(y))
        assert isinstance(model.predict(torch.asarray(X)), np.ndarray)
