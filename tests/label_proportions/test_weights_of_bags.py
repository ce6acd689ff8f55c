"""A bag without weight is a bag left out; weights times a constant are the same."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsTransformer

from skext.label_proportions import (
    BagProportionClassifier,
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    DLLPNetClassifier,
    EasyLLPClassifier,
    MeanMapClassifier,
    SelfLabelingLLPClassifier,
    bag_target,
)

ESTIMATORS = [
    BeliefPropagationLLPClassifier(LogisticRegression()),
    BeliefPropagationLLPClassifier(LogisticRegression(), bag_strength=1.0),
    BeliefPropagationLLPClassifier(
        LogisticRegression(), connectivity=KNeighborsTransformer(n_neighbors=5)
    ),
    DLLPClassifier(),
    DLLPNetClassifier((8,), max_epochs=5, random_state=0),
    CountLikelihoodClassifier(),
    CountLikelihoodClassifier(LogisticRegression(), max_iter=2),
    EasyLLPClassifier(),
    EasyLLPClassifier(loss="squared"),
    MeanMapClassifier(),
    MeanMapClassifier(laplacian=True),
    SelfLabelingLLPClassifier(),
    BagProportionClassifier(),
]
every = pytest.mark.parametrize(
    "estimator", ESTIMATORS, ids=[repr(e).replace("\n", "") for e in ESTIMATORS]
)


def fitted(estimator, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).fit(*args, **options)


def problem(n_classes):
    rng = np.random.default_rng(0)
    X, y = make_blobs(120, centers=n_classes, cluster_std=2.0, random_state=0)
    bags = rng.permutation(120) // 6
    counts = np.zeros((20, n_classes))
    np.add.at(counts, (bags, y), 1)
    target = bag_target(bags, counts=counts if n_classes > 2 else counts[:, 1])
    return X, y, target


@pytest.mark.parametrize("n_classes", [2, 3])
@every
def test_a_bag_without_weight_is_left_out(estimator, n_classes):
    X, _, target = problem(n_classes)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=120)
    gone = target["bag"] >= 15
    kept = fitted(estimator, X[~gone], target[~gone], sample_weight=weight[~gone])
    broken = X.copy()
    broken[gone] = 1e6
    weight[gone] = 0
    model = fitted(estimator, broken, target, sample_weight=weight)
    assert_array_equal(model.predict_proba(X), kept.predict_proba(X))
    assert model.bag_ids_.size == 20
    if hasattr(model, "pseudo_label_proba_"):
        inferred = model.pseudo_label_proba_
        assert_array_equal(inferred[~gone], kept.pseudo_label_proba_)
        share = target["proportion"][gone].reshape(gone.sum(), -1)
        assert_allclose(inferred[gone][:, -1], share[:, -1])


@every
def test_a_label_without_weight_is_left_out(estimator):
    X, y, _ = problem(2)
    weight = np.ones(120)
    weight[::7] = 0
    broken = np.where(weight[:, np.newaxis] > 0, X, 1e6)
    kept = fitted(estimator, X[weight > 0], y[weight > 0], sample_weight=np.ones(102))
    model = fitted(estimator, broken, y, sample_weight=weight)
    assert_array_equal(model.predict_proba(X), kept.predict_proba(X))


@every
def test_an_unlabelled_row_without_weight_is_left_out(estimator):
    X, y, _ = problem(2)
    bags = np.repeat([*range(10), -1], [*[10] * 10, 20])
    counts = np.bincount(bags[:100], y[:100])
    weight = np.ones(120)
    weight[110:] = 0
    broken = np.where(weight[:, np.newaxis] > 0, X, 1e6)
    short = bag_target(bags[:110], counts=counts)
    kept = fitted(estimator, X[:110], short, sample_weight=np.ones(110))
    model = fitted(
        estimator, broken, bag_target(bags, counts=counts), sample_weight=weight
    )
    assert_array_equal(model.predict_proba(X), kept.predict_proba(X))


@every
def test_weights_times_a_constant(estimator):
    """Where there is a penalty, its strength is relative to the weights."""
    X, _, target = problem(2)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=120)
    for factor in (1e-3, 1e3):
        one, other = clone(estimator), clone(estimator)
        if hasattr(estimator, "C"):
            other.set_params(C=1 / factor)
        elif hasattr(estimator, "estimator"):
            one.set_params(estimator=LogisticRegression(tol=1e-8, max_iter=9999))
            other.set_params(
                estimator=LogisticRegression(C=1 / factor, tol=1e-8, max_iter=9999)
            )
        if getattr(estimator, "estimator", None) is not None and hasattr(
            estimator, "C"
        ):
            one.set_params(estimator=LogisticRegression(tol=1e-8))
            other.set_params(estimator=LogisticRegression(C=1 / factor, tol=1e-8))
        one = fitted(one, X, target, sample_weight=weight)
        other = fitted(other, X, target, sample_weight=factor * weight)
        assert_allclose(other.predict_proba(X), one.predict_proba(X), atol=1e-4)


def test_weights_that_leave_nothing():
    X, _, target = problem(2)
    lost = target.copy()
    lost["proportion"][target["bag"] > 0] = np.nan
    weight = np.where(target["bag"] == 0, 0.0, 1.0)
    for estimator in ESTIMATORS:
        with pytest.raises(ValueError, match="whose proportion is known"):
            clone(estimator).fit(X, lost, sample_weight=weight)
        with pytest.raises(ValueError, match="zero"):
            clone(estimator).fit(X, target, sample_weight=0 * weight)


def test_a_graph_of_all_rows():
    X, _, target = problem(2)
    gone = target["bag"] >= 15
    graph = KNeighborsTransformer(n_neighbors=5).fit_transform(X)
    graph.data = np.exp(-graph.data)
    base = BeliefPropagationLLPClassifier(LogisticRegression())
    weight = np.where(gone, 0.0, 1.0)
    model = clone(base).set_params(connectivity=graph)
    model = fitted(model, X, target, sample_weight=weight)
    part = graph[~gone][:, ~gone]
    kept = clone(base).set_params(connectivity=part)
    kept = fitted(kept, X[~gone], target[~gone], sample_weight=weight[~gone])
    assert_array_equal(model.predict_proba(X), kept.predict_proba(X))
    with pytest.raises(ValueError, match="connectivity has the shape"):
        clone(base).set_params(connectivity=part).fit(X, target, sample_weight=weight)


def test_neighbours_far_from_zero():
    X, _, target = problem(2)
    X = np.column_stack([X, np.zeros((120, 20))])
    for options in ({"standardize": False}, {}):
        model = BeliefPropagationLLPClassifier(LogisticRegression(), **options)
        one = fitted(model, X, target).pseudo_label_proba_
        assert_allclose(
            fitted(model, X + 1e8, target).pseudo_label_proba_, one, atol=1e-5
        )
