import copy
import functools
import operator
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA

CENTER = np.full(6, 0.5)
ESTIMATORS = [
    LinearGaussianNB(),
    LinearGaussianNB(priors="uniform", shrinkage=0.3, temperature=0.5),
    ShrinkageLDA(),
    ShrinkageLDA(shrinkage="oas"),
    NearestClassMean(),
    NearestClassMean(metric="cosine"),
    NearestClassMean(metric="seuclidean"),
    NearestClassMean(feature_transform="center-l2", center=CENTER),
]


def make_data(n=200, d=6, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n)])
    X = rng.normal(size=(y.size, d)) + rng.normal(size=(n_classes, d))[y]
    return X, np.array(["d", "bb", "a", "c"])[y]


def same(model, expected):
    assert_array_equal(model.classes_, expected.classes_)
    X, _ = make_data(seed=1)
    for name in ("class_count_", "class_prior_", "theta_", "coef_", "center_"):
        assert_allclose(getattr(model, name), getattr(expected, name), atol=1e-9)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-9)


@pytest.fixture(params=ESTIMATORS, ids=repr)
def estimator(request):
    return copy.deepcopy(request.param)


def fitted(estimator, X, y):
    return copy.deepcopy(estimator).fit(X, y)


@pytest.mark.parametrize("parts", [2, 7, 50])
def test_parts_add_up(estimator, parts):
    X, y = make_data()
    expected = fitted(estimator, X, y)
    order = np.random.default_rng(parts).permutation(y.size)
    models = [
        copy.deepcopy(estimator).partial_fit(X[rows], y[rows])
        for rows in np.array_split(order, parts)
    ]
    same(functools.reduce(operator.add, models), expected)
    same(models[0].merge(*models[1:]), expected)


def test_classes_align_by_label(estimator):
    X, y = make_data()
    low = y < "bc"
    first, second = (
        fitted(estimator, X[low], y[low]),
        fitted(estimator, X[~low], y[~low]),
    )
    expected = fitted(estimator, X, y)
    same(first + second, expected)
    same(second + first, expected)
    assert first.classes_.tolist() == ["a", "bb"]
    assert first.class_count_.sum() == low.sum()


def test_sum_leaves_both_alone(estimator):
    X, y = make_data()
    first, second = (
        fitted(estimator, X[:100], y[:100]),
        fitted(estimator, X[100:], y[100:]),
    )
    both = first + second
    both.partial_fit(X, y)
    same(first, fitted(estimator, X[:100], y[:100]))
    same(second, fitted(estimator, X[100:], y[100:]))
    doubled = fitted(estimator, X, y)
    doubled.merge(doubled)
    assert doubled.class_count_.sum() == 2 * y.size


def test_moments_are_a_copy(estimator):
    X, y = make_data()
    model = fitted(estimator, X, y)
    moments = model.moments_
    assert_array_equal(moments.classes, model.classes_)
    assert_array_equal(moments.count, model.class_count_)
    assert_array_equal(moments.mean, model.theta_)
    moments.merge(moments)
    same(model, fitted(estimator, X, y))


def test_pickles_merge(estimator):
    X, y = make_data()
    models = [fitted(estimator, X[i::3], y[i::3]) for i in range(3)]
    models = pickle.loads(pickle.dumps(models))
    same(models[0].merge(*models[1:]), fitted(estimator, X, y))


def test_what_does_not_fit_changes_nothing(estimator):
    X, y = make_data()
    model, fine = fitted(estimator, X, y), fitted(estimator, X, y)
    cls = type(estimator)
    narrow = cls().fit(X[:, :2], y)
    numbers = copy.deepcopy(estimator).fit(X, np.arange(y.size) % 3)
    other = NearestClassMean() if cls is LinearGaussianNB else LinearGaussianNB()
    for wrong, message in [
        (other.fit(X, y), "must be"),
        (narrow, "must have 6 features"),
        (numbers, "labels of one kind"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.merge(fine, wrong)
    with pytest.raises(NotFittedError):
        model.merge(cls())
    with pytest.raises(NotFittedError):
        copy.deepcopy(estimator).merge(model)
    with pytest.raises(TypeError):
        model + 1
    same(model, fitted(estimator, X, y))
    same(model.merge(), fitted(estimator, X, y))


def test_declared_classes_are_binding(estimator):
    X, y = make_data()
    part = y < "bc"
    model = copy.deepcopy(estimator)
    model.partial_fit(X[part], y[part], classes=["a", "bb"])
    with pytest.raises(ValueError, match="initial classes"):
        model.merge(fitted(estimator, X, y))
    model.merge(fitted(estimator, X[part], y[part]))
    assert model.class_count_.sum() == 2 * part.sum()


def test_feature_names():
    X, y = make_data()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = LinearGaussianNB().fit(frame, y)
    with pytest.raises(ValueError, match="must have the feature names"):
        model.merge(LinearGaussianNB().fit(frame[list("fedcba")], y))
    assert model.merge(LinearGaussianNB().fit(frame, y)).class_count_.sum() == 408


def test_nearest_means_of_different_transforms():
    X, y = make_data()
    model = NearestClassMean(feature_transform="center-l2").fit(X[:100], y[:100])
    other = NearestClassMean(feature_transform="center-l2").fit(X[100:], y[100:])
    with pytest.raises(ValueError, match="same center"):
        model.merge(other)
    with pytest.raises(ValueError, match="metric and feature_transform"):
        model.merge(NearestClassMean().fit(X, y))


def test_given_priors_must_fit_all_classes():
    X, y = make_data()
    part = y < "bc"
    model = LinearGaussianNB(priors=[0.5, 0.5]).fit(X[part], y[part])
    with pytest.raises(ValueError, match="Number of priors"):
        model.merge(LinearGaussianNB().fit(X, y))
    assert model.classes_.tolist() == ["a", "bb"]


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_layouts_merge(estimator, convert):
    X, y = make_data()
    model = fitted(estimator, convert(X[:100]), y[:100])
    same(model.merge(fitted(estimator, X[100:], y[100:])), fitted(estimator, X, y))


def test_classes_grow_one_by_one(estimator):
    X, y = make_data()
    model = copy.deepcopy(estimator)
    for label in "d", "a", "c", "bb":
        model.partial_fit(X[y == label], y[y == label])
        assert set(model.predict(X)) <= set(model.classes_)
    same(model, fitted(estimator, X, y))
