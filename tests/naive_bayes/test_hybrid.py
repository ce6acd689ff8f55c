"""Logistic regression on generative scores: limits, gradient, leave-one-out scores."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

from skext.naive_bayes import (
    GenerativeLogisticRegression,
    LinearGaussianNB,
    NearestClassMean,
    ShrinkageLDA,
)
from skext.naive_bayes._hybrid import make_stage
from skext.naive_bayes._hybrid_solver import HybridProblem, objective_and_gradient


def overlapping(n_classes, n_samples=400, n_features=5):
    """Classes that no linear function separates."""
    rng = np.random.default_rng(n_classes)
    y = np.arange(n_samples) % n_classes
    centres = rng.normal(size=(n_classes, n_features))
    X = 0.7 * centres[y] + rng.normal(size=(n_samples, n_features))
    X[:, 1] += 0.8 * X[:, 0]
    return X * [1, 2, 1, 0.5, 1] + 3, y


# Limits.


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("prior", ["nb", "lda"])
def test_small_c_gives_the_generative_scores_and_offsets(n_classes, prior):
    X, y = overlapping(n_classes)
    model = GenerativeLogisticRegression(prior=prior, C=1e-10, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(model.delta_, 0, atol=1e-7)
    base = (LinearGaussianNB() if prior == "nb" else ShrinkageLDA()).fit(X, y)
    expected = model.tau_ * base.decision_function(X) + model.offset_
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-5)
    assert model.tau_ > 0


@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("prior", ["nb", "lda"])
def test_large_c_gives_unpenalized_logistic_regression(n_classes, prior):
    X, y = overlapping(n_classes)
    model = GenerativeLogisticRegression(
        prior=prior, C=np.inf, tol=1e-9, max_iter=5000
    ).fit(X, y)
    plain = LogisticRegression(C=np.inf, tol=1e-9, max_iter=5000).fit(X, y)
    expected = plain.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-4)
    assert model.tau_ == 0.0


def test_without_prior_scores_it_is_penalized_logistic_regression():
    """A prior that says nothing leaves the problem of scikit-learn."""
    X, y = overlapping(3)
    X = scale(X)
    silent = LogisticRegression(C=1e-12).fit(X, y)
    silent.coef_[:] = 0
    silent.intercept_[:] = 0
    model = GenerativeLogisticRegression(
        prior=FrozenEstimator(silent), C=0.3, tol=1e-9, max_iter=2000
    ).fit(X, y)
    plain = LogisticRegression(C=0.3, tol=1e-9, max_iter=2000).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)
    two = y < 2
    silent = FrozenEstimator(
        LogisticRegression(C=1e-12).fit(np.zeros((8, 5)), np.arange(8) % 2)
    )
    model = clone(model).set_params(prior=silent).fit(X[two], y[two])
    plain.fit(X[two], y[two])
    # Features of a part of the rows have other means and scales.
    factor = 1 / model.scale_**2
    assert factor == pytest.approx(1, rel=0.2)
    Z = (X[two] - model.center_) / model.scale_
    plain.fit(Z, y[two])
    np.testing.assert_allclose(
        model.predict_proba(X[two]), plain.predict_proba(Z), atol=1e-5
    )


# The solver.


@pytest.mark.parametrize("n_columns", [1, 3])
def test_gradient_against_differences(n_columns):
    rng = np.random.default_rng(0)
    n = 20
    problem = HybridProblem(
        rng.normal(size=(n, n_columns)),
        rng.normal(size=(n, 4)),
        rng.integers(max(n_columns, 2), size=n),
        (w := rng.uniform(0.5, 2, n)),
        w.sum(),
    )
    point = rng.normal(size=problem.n_parameters)
    value, gradient = objective_and_gradient(point, problem, 0.7)
    expected = approx_fprime(
        point, lambda p: objective_and_gradient(p, problem, 0.7)[0], 1e-7
    )
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
    # The value, by the definition.
    tau, offset = point[0], point[1 : 1 + n_columns]
    delta = point[1 + n_columns :].reshape(n_columns, 4)
    scores = tau * problem.scores + problem.Z @ delta.T + offset
    if n_columns == 1:
        scores = np.column_stack([np.zeros(n), scores])
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = log_loss(problem.codes, proba, sample_weight=w)
    assert value == pytest.approx(loss + (delta**2).sum() / (2 * 0.7 * w.sum()))


def test_start_is_not_better_than_the_end_and_weights_are_optimal():
    X, y = overlapping(3)
    model = GenerativeLogisticRegression(tol=1e-9, max_iter=2000).fit(X, y)
    stage = make_stage(model.prior_, X, y, y, np.ones(len(y)))
    best = np.concatenate(
        [[model.tau_ * stage.unit], model.offset_, model.delta_.ravel()]
    )
    value, gradient = objective_and_gradient(best, stage.problem, 1.0)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)
    assert value < objective_and_gradient(stage.problem.start(), stage.problem, 1.0)[0]


def test_too_few_iterations_are_reported():
    X, y = overlapping(3)
    with pytest.warns(ConvergenceWarning, match="after 2 iterations.*max_iter"):
        GenerativeLogisticRegression(max_iter=2).fit(X, y)


# Leave-one-out scores.


@pytest.mark.parametrize("prior", [LinearGaussianNB(), ShrinkageLDA(shrinkage=0.0)])
def test_training_scores_are_those_of_priors_that_have_not_seen_the_row(prior):
    X, y = overlapping(3, 30)
    fitted = clone(prior).fit(X, y)
    stage = make_stage(fitted, X, y, y, np.ones(30))
    for row in range(30):
        rest = np.arange(30) != row
        other = clone(prior).fit(X[rest], y[rest])
        expected = other.predict_joint_log_proba(X[row : row + 1])[0]
        found = stage.problem.scores[row] * stage.unit
        np.testing.assert_allclose(
            found, expected - expected.mean(), rtol=1e-6, atol=1e-6
        )


def test_separable_training_data_do_not_freeze_the_prior():
    """With d > n the prior separates what it has seen, and still is corrected."""
    X, y = make_classification(
        60, 120, n_informative=30, n_redundant=0, class_sep=0.5, random_state=0
    )
    prior = ShrinkageLDA(shrinkage=0.1)
    assert clone(prior).fit(X, y).score(X, y) == 1.0
    model = GenerativeLogisticRegression(prior=prior).fit(X, y)
    assert np.abs(model.delta_).max() > 1e-3


def test_a_row_alone_in_its_class():
    X, y = load_iris(return_X_y=True)
    y = y.copy()
    y[0] = 7
    model = GenerativeLogisticRegression().fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2, 7]
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) > 0.9


def test_nothing_but_single_rows():
    X = np.random.default_rng(0).normal(size=(3, 4))
    with pytest.warns(UserWarning, match="No class has two"):
        model = GenerativeLogisticRegression().fit(X, ["a", "b", "c"])
    assert model.score(X, ["a", "b", "c"]) == 1.0


# Weights, scales, priors.


@pytest.mark.parametrize("prior", ["nb", "lda"])
def test_weights_are_repetitions(prior):
    X, y = overlapping(3, 60)
    weights = np.random.default_rng(0).integers(0, 4, 60)
    model = GenerativeLogisticRegression(prior=prior, tol=1e-9, max_iter=2000)
    weighted = clone(model).fit(X, y, sample_weight=weights)
    rows = np.repeat(np.arange(60), weights)
    repeated = clone(model).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-5)
    np.testing.assert_allclose(weighted.tau_, repeated.tau_, atol=1e-5)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        clone(model).fit(X, y, sample_weight=weights - 1.0)


def test_one_common_scale_and_shift_change_nothing():
    X, y = overlapping(3, 120)
    plain = GenerativeLogisticRegression(tol=1e-8, max_iter=1000).fit(X, y)
    moved = GenerativeLogisticRegression(tol=1e-8, max_iter=1000).fit(1e3 * X + 1e5, y)
    np.testing.assert_allclose(
        plain.predict_proba(X), moved.predict_proba(1e3 * X + 1e5), atol=1e-4
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_coefficients_are_those_of_the_decision_function(n_classes):
    X, y = overlapping(n_classes)
    for prior in ("nb", "lda", NearestClassMean()):
        model = GenerativeLogisticRegression(prior=prior).fit(X, y)
        scores = X @ model.coef_.T + model.intercept_
        found = model.decision_function(X)
        if n_classes == 2:
            assert found.ndim == 1
            scores = scores[:, 0]
            np.testing.assert_allclose(found, scores, atol=1e-8)
            expected = np.log(model.predict_proba(X)[:, 1]) - np.log(
                model.predict_proba(X)[:, 0]
            )
            np.testing.assert_allclose(found, expected, atol=1e-8)
        else:
            gap = found - scores
            np.testing.assert_allclose(gap - gap[:, :1], 0, atol=1e-8)
        np.testing.assert_allclose(
            np.log(model.predict_proba(X)), model.predict_log_proba(X), atol=1e-10
        )


def test_a_frozen_prior_is_used_as_it_is():
    X, y = overlapping(3)
    half = np.arange(400) % 8 < 4
    svc = LinearSVC(max_iter=10_000, random_state=0).fit(X[half], y[half])
    prior = FrozenEstimator(svc)
    model = GenerativeLogisticRegression(prior=prior, C=1e-10).fit(X[~half], y[~half])
    assert model.prior_ is prior
    expected = model.tau_ * svc.decision_function(X) + model.offset_
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-5)
    assert clone(model).prior is prior


def test_a_temperature_of_the_prior_does_not_matter():
    X, y = overlapping(3)
    plain = GenerativeLogisticRegression().fit(X, y)
    cool = GenerativeLogisticRegression(prior=LinearGaussianNB(temperature=0.2))
    np.testing.assert_allclose(
        cool.fit(X, y).decision_function(X), plain.decision_function(X), atol=1e-8
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": GaussianNB()}, "'prior'"),
        ({"prior": LogisticRegression()}, "'nb', 'lda'.*FrozenEstimator"),
        ({"Cs": [0.0, 1.0]}, r"Cs=\[.* must be positive"),
        ({"Cs": []}, r"Cs=\[.* must be positive"),
        ({"C": 0.0}, "'C'"),
    ],
)
def test_bad_parameters_are_named(options, message):
    X, y = overlapping(2, 40)
    with pytest.raises(ValueError, match=message):
        GenerativeLogisticRegression(**options).fit(X, y)


def test_bad_data_are_named():
    X, y = overlapping(2, 40)
    with pytest.raises(ValueError, match="one class only"):
        GenerativeLogisticRegression().fit(X, np.zeros(40))
    prior = FrozenEstimator(LinearSVC(random_state=0).fit(X, y))
    with pytest.raises(ValueError, match=r"classes \[0, 1\] .* those of y, \[1, 2\]"):
        GenerativeLogisticRegression(prior=prior).fit(X, y + 1)
    with pytest.raises(NotFittedError):
        GenerativeLogisticRegression(prior=FrozenEstimator(LinearSVC())).fit(X, y)


# Choosing the strength.


def test_cross_validation_by_hand():
    X, y = load_breast_cancer(return_X_y=True)
    X, y = scale(X)[:90], y[:90]
    strengths = [1.0, 0.01, 10.0]
    model = GenerativeLogisticRegression(Cs=strengths, cv=3, tol=1e-8).fit(X, y)
    assert model.Cs_.tolist() == [0.01, 1.0, 10.0]
    losses = np.empty((3, 3))
    for fold, (train, test) in enumerate(StratifiedKFold(3).split(X, y)):
        for column, C in enumerate(model.Cs_):
            part = GenerativeLogisticRegression(C=C, tol=1e-8).fit(X[train], y[train])
            losses[fold, column] = log_loss(y[test], part.predict_proba(X[test]))
    np.testing.assert_allclose(model.cv_log_loss_, losses, atol=1e-4)
    assert model.Cs_[losses.mean(axis=0).argmin()] == model.C_
    single = GenerativeLogisticRegression(C=model.C_, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(model.coef_, single.coef_, atol=1e-6)


def test_grid_of_strengths_and_folds_without_a_class():
    X, y = load_iris(return_X_y=True)
    model = GenerativeLogisticRegression(Cs=3, cv=2, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(model.Cs_, [1e-4, 1.0, 1e4])
    assert model.cv_log_loss_.shape == (2, 3)
    splits = [(np.arange(100), np.arange(100, 150))]
    with pytest.raises(ValueError, match="fewer folds, or C"):
        GenerativeLogisticRegression(Cs=3, cv=splits).fit(X, y)


def test_the_unit_of_the_weights_is_that_of_c():
    X, y = overlapping(2)
    one = GenerativeLogisticRegression(C=1.0, tol=1e-8).fit(X, y)
    for unit in (0.1, 1 / len(y)):
        other = GenerativeLogisticRegression(C=1.0 / unit, tol=1e-8)
        other.fit(X, y, sample_weight=np.full(len(y), unit))
        assert abs(other.tau_ - one.tau_) < 1e-4


def test_attributes_of_a_search_do_not_outlive_it():
    X, y = overlapping(2, 100)
    model = GenerativeLogisticRegression(Cs=2).fit(X, y)
    assert hasattr(model, "Cs_")
    model.set_params(Cs=None).fit(X, y)
    assert not hasattr(model, "Cs_")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_a_penalty_rows_that_can_be_separated_are_named(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = np.digitize(X[:, 0] + rng.logistic(size=300), [-0.5, 1.0][3 - n_classes :])
    y = np.unique(y, return_inverse=True)[1]
    model = GenerativeLogisticRegression(C=np.inf)
    model.fit(X, y)
    # A mark of some rows of the last class.
    X[:, 3] = 0
    X[np.flatnonzero(y == y.max())[:5], 3] = 1
    with pytest.warns(ConvergenceWarning, match="no finite optimum.*choose a finite C"):
        model.fit(X, y)
    GenerativeLogisticRegression(C=1.0).fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_a_penalty_units_do_not_matter(n_classes):
    X, y = overlapping(n_classes)
    X = np.column_stack((X, np.full(len(X), 1e8 / 3)))
    units = 10.0 ** np.random.default_rng(0).permutation(np.linspace(-3, 3, X.shape[1]))
    plain = GenerativeLogisticRegression(C=np.inf).fit(X, y)
    other = GenerativeLogisticRegression(C=np.inf).fit(X * units, y)
    np.testing.assert_allclose(
        other.predict_proba(X * units), plain.predict_proba(X), atol=1e-6
    )
    assert other.n_iter_ == plain.n_iter_
