"""Units and offsets of the features are nobody's business but the penalty's."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skext.label_proportions import (
    BagProportionClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    EasyLLPClassifier,
    MeanMapClassifier,
    SelfLabelingLLPClassifier,
    make_bags,
)
from skext.label_proportions._linear.solver import choose_units

LINEAR = [
    DLLPClassifier(),
    CountLikelihoodClassifier(),
    EasyLLPClassifier(),
    EasyLLPClassifier(loss="squared"),
    MeanMapClassifier(),
    MeanMapClassifier(laplacian=True),
]
IDS = [repr(e) for e in LINEAR]
every = pytest.mark.parametrize("estimator", LINEAR, ids=IDS)
N_FEATURES = 6


def problem(n_classes=2):
    X, y = make_classification(
        600,
        N_FEATURES,
        n_informative=4,
        n_classes=n_classes,
        n_clusters_per_class=1,
        class_sep=0.5,
        flip_y=0.4,
        random_state=0,
    )
    bags = make_bags(X, y, bag_size=6, random_state=0)
    return bags.data, bags.target, bags.y_true


def fitted(estimator, X, target, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        return type(estimator)(**{**estimator.get_params(), **params}).fit(X, target)


OFFSETS = {
    "years": 2000.0,
    "stamps": 1e8,
    "of each its own": np.array([1e8, -1e4, 0, 3e6, 1e2, -1.0]),
}


@pytest.mark.parametrize("n_classes", [2, 3])
@every
def test_offsets_change_nothing(estimator, n_classes):
    X, target, _ = problem(n_classes)
    plain = fitted(estimator, X, target, tol=1e-8)
    for offset in OFFSETS.values():
        moved = fitted(estimator, X + offset, target, tol=1e-8)
        assert_allclose(
            moved.predict_proba(X + offset), plain.predict_proba(X), atol=2e-5
        )
        assert_allclose(moved.coef_, plain.coef_, rtol=1e-4, atol=1e-5)


@every
def test_units_change_nothing_without_penalty(estimator):
    X, target, _ = problem()
    units = 10.0 ** np.array([8, -8, 0, 5, -3, 2])
    if getattr(estimator, "laplacian", False):
        # Which bags are alike hangs on the units, as documented.
        units = np.full(N_FEATURES, 1e5)
    plain = fitted(estimator, X, target, C=np.inf)
    for offset in (0.0, OFFSETS["of each its own"]):
        scaled = fitted(estimator, (X + offset) * units, target, C=np.inf)
        found = scaled.predict_proba((X + offset) * units)
        assert_allclose(found, plain.predict_proba(X), atol=1e-6)
        assert_allclose(scaled.coef_ * units, plain.coef_, rtol=1e-5)


@every
def test_the_penalty_is_that_of_the_weights_of_the_user(estimator):
    """Weights of features in units twice as large are penalized as four times C."""
    X, target, _ = problem()
    if getattr(estimator, "laplacian", False):
        estimator = MeanMapClassifier()
    one = fitted(estimator, X, target, C=0.4, tol=1e-9)
    other = fitted(estimator, 200 * X, target, C=1e-5, tol=1e-9)
    assert_allclose(200 * other.coef_, one.coef_, rtol=1e-4)


@every
def test_an_income_and_a_year_are_learned_from(estimator):
    X, target, y = problem()
    area = roc_auc_score(y, fitted(estimator, X, target).decision_function(X))
    wide = X.copy()
    wide[:, 5] *= 1e5
    wide[:, 0] += 2000
    model = fitted(estimator, wide, target)
    assert model.coef_.all()
    found = roc_auc_score(y, model.decision_function(wide))
    assert found > area - (0.1 if getattr(estimator, "laplacian", False) else 0.02)


def test_with_bags_of_one_row_it_is_logistic_regression():
    X, _, y = problem()
    X = X * np.array([1, 3, 0.5, 10, 0.1, 1]) + 3
    expected = LogisticRegression(tol=1e-10, max_iter=5000).fit(X - 3, y)
    for estimator in (DLLPClassifier(), CountLikelihoodClassifier()):
        for offset in (0.0, 1e6):
            model = fitted(estimator, X + offset, y, tol=1e-9)
            assert_allclose(model.coef_, expected.coef_, rtol=1e-4, atol=1e-6)


@every
def test_sparse_rows_in_other_units(estimator):
    X, target, _ = problem()
    X = np.where(np.abs(X) < 0.5, 0.0, X) * 10.0 ** np.array([3, -2, 0, 5, 1, 0])
    dense = fitted(estimator, X, target, tol=1e-8)
    thin = fitted(estimator, sparse.csr_array(X), target, tol=1e-8)
    assert_allclose(thin.predict_proba(X), dense.predict_proba(X), atol=1e-5)


@every
def test_a_constant_and_a_repeated_feature(estimator):
    X, target, _ = problem()
    plain = fitted(estimator, X, target, C=np.inf).predict_proba(X)
    for constant in (0.0, 1.0, 1e8, 0.1):
        more = np.column_stack([X, np.full(len(X), constant)])
        model = fitted(estimator, more, target, C=np.inf)
        assert_allclose(model.predict_proba(more), plain, atol=1e-5)
    twice = np.column_stack([X, X[:, 0]])
    if not getattr(estimator, "laplacian", False):
        model = fitted(estimator, twice, target, C=np.inf, tol=1e-8)
        assert_allclose(model.predict_proba(twice), plain, atol=1e-4)


@every
def test_numbers_whose_squares_are_infinite(estimator):
    X, target, _ = problem()
    if getattr(estimator, "laplacian", False):
        estimator = MeanMapClassifier()
    one = fitted(estimator, X, target, C=np.inf).predict_proba(X)
    for factor in (1e200, 1e-200):
        found = fitted(estimator, X * factor, target, C=np.inf)
        assert_allclose(found.predict_proba(X * factor), one, atol=1e-6)


@every
def test_without_a_constant(estimator):
    X, target, _ = problem()
    units = 10.0 ** np.array([8, -8, 0, 5, -3, 2])
    if getattr(estimator, "laplacian", False):
        units = np.full(N_FEATURES, 1e5)
    options = {"fit_intercept": False, "C": np.inf}
    plain = fitted(estimator, X, target, **options)
    scaled = fitted(estimator, X * units, target, **options)
    assert (scaled.intercept_ == 0).all()
    assert_allclose(scaled.predict_proba(X * units), plain.predict_proba(X), atol=1e-6)


@every
def test_what_does_not_converge_says_so(estimator):
    X, target, _ = problem()
    with pytest.warns(ConvergenceWarning, match="an entry of the gradient is"):
        type(estimator)(**{**estimator.get_params(), "max_iter": 1}).fit(X, target)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_classifier_that_users_do_not_bring(n_classes):
    """scikit-learn's own stops early far from zero, and says nothing."""
    X, target, _ = problem(n_classes)
    for estimator in (
        BagProportionClassifier(),
        SelfLabelingLLPClassifier(max_iter=100),
    ):
        plain = estimator.fit(X, target).predict_proba(X)
        for offset in OFFSETS.values():
            found = estimator.fit(X + offset, target)
            assert_allclose(found.predict_proba(X + offset), plain, atol=1e-5)
        assert isinstance(estimator.estimator_, LogisticRegression)
    wide = BagProportionClassifier().fit(X * 1e8, target)
    plain = BagProportionClassifier().fit(X, target)
    assert_allclose(wide.predict_proba(X * 1e8), plain.predict_proba(X), atol=0.02)


def test_many_features_whose_search_gets_stuck():
    """Too many for Newton steps: begun anew, or a warning."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 600)) + 1e8
    bags = make_bags(X, (X[:, 0] > 1e8).astype(int), bag_size=4, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = CountLikelihoodClassifier(tol=1e-13).fit(bags.data, bags.target)
    assert model.coef_.any()
    assert caught
    assert issubclass(caught[0].category, ConvergenceWarning)


def test_standard_features_are_left_alone():
    X = np.random.default_rng(0).normal(size=(50, 3))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    weight = np.ones(50)
    rows, units = choose_units(X, weight, 1.0, True)
    assert rows is X
    assert_array_equal(units.mean, 0)
    assert_array_equal(units.scale, 1)
    far = X + 1e6
    before = far.copy()
    far.setflags(write=False)
    rows, units = choose_units(far, weight, 1.0, True)
    assert units.applied
    assert_array_equal(far, before)
    assert_allclose(rows, X, atol=1e-9)
