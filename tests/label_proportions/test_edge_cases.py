"""What users do to bags, for all classifiers, with two classes and with three."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skext.label_proportions import (
    BagKFold,
    BagProportionClassifier,
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    EasyLLPClassifier,
    MeanMapClassifier,
    SelfLabelingLLPClassifier,
    bag_target,
)

ESTIMATORS = [
    BeliefPropagationLLPClassifier(LogisticRegression()),
    DLLPClassifier(),
    CountLikelihoodClassifier(),
    CountLikelihoodClassifier(LogisticRegression(), max_iter=2),
    EasyLLPClassifier(),
    MeanMapClassifier(),
    MeanMapClassifier(laplacian=True),
    SelfLabelingLLPClassifier(),
    BagProportionClassifier(),
]
IDS = [repr(e).replace("\n", "") for e in ESTIMATORS]


def counts_of(ids, y, n_classes):
    """Count labels by bag, as users would."""
    table = {i: np.bincount(y[ids == i], minlength=n_classes) for i in np.unique(ids)}
    return table if n_classes > 2 else {i: int(c[1]) for i, c in table.items()}


def problem(n_classes):
    rng = np.random.default_rng(0)
    X, y = make_blobs(60, centers=n_classes, random_state=0)
    # Strings, unsorted, with gaps.
    ids = np.array([f"d{k * 7}" for k in rng.permutation(60) // 6])
    return X, y, ids


def unknown(counts, n_classes):
    first = min(counts)
    return {**counts, first: np.full(n_classes, np.nan) if n_classes > 2 else np.nan}


def case(name, n_classes):
    """Return rows and a target."""
    X, y, ids = problem(n_classes)
    counts = counts_of(ids, y, n_classes)
    if name == "duplicated rows":
        return np.repeat(X[:20], 3, axis=0), bag_target(ids, counts=counts)
    if name == "equal rows":
        return np.ones_like(X), bag_target(ids, counts=counts)
    if name == "one bag":
        ids = np.zeros(60, int)
        return X, bag_target(ids, counts=counts_of(ids, y, n_classes))
    if name == "bags of one row":
        ids = np.arange(60)
        return X, bag_target(ids, counts=counts_of(ids, y, n_classes))
    if name == "unknown bag":
        lost = unknown(counts, n_classes)
        return X, bag_target(ids, counts=lost, unknown="ignore")
    if name == "rows in no bag":
        ids = np.where(ids == min(counts), None, ids.astype(object))
        return X, bag_target(ids, counts=counts)
    if name == "all of one class":
        y = np.full(60, n_classes - 1)
        return X, bag_target(ids, counts=counts_of(ids, y, n_classes))
    frame = pd.DataFrame(X, columns=["a", "b"], index=range(5, 65))
    return frame, bag_target(pd.Series(ids, index=frame.index), counts=counts)


CASES = [
    "duplicated rows",
    "equal rows",
    "one bag",
    "bags of one row",
    "unknown bag",
    "rows in no bag",
    "all of one class",
    "data frame",
]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=IDS)
def test_odd_bags(estimator, n_classes):
    for name in CASES:
        X, target = case(name, n_classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = clone(estimator).fit(X, target)
        proba = model.predict_proba(X)
        assert proba.shape == (60, n_classes), name
        assert_allclose(proba.sum(axis=1), 1, err_msg=name)
        assert np.isfinite(model.score(X, target)), name
        posterior = model.disaggregate(X, target)
        known = ~np.isnan(target["proportion"]).reshape(60, -1).any(axis=1)
        mass = posterior[known].sum(axis=0)
        share = target["proportion"][known].reshape(known.sum(), -1)
        assert_allclose(mass[-1], share[:, -1].sum(), atol=1e-6, err_msg=name)
        if name == "all of one class":
            assert (model.predict(X) == n_classes - 1).all()
        if isinstance(estimator, BeliefPropagationLLPClassifier):
            inferred = model.pseudo_label_proba_[known]
            assert_allclose(inferred.sum(axis=0), mass, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_inside_bags_are_nobodys_business(n_classes):
    """Permuted inside bags, they leave every bit of a search as it was."""
    X, y, ids = problem(n_classes)
    rng = np.random.default_rng(1)
    other = y.copy()
    for i in np.unique(ids):
        other[ids == i] = rng.permutation(y[ids == i])
    assert (other != y).any()
    for estimator in (ESTIMATORS[0], ESTIMATORS[2]):
        name = "C" if hasattr(estimator, "C") else "similarity_strength"
        found = []
        for labels in (y, other):
            target = bag_target(ids, counts=counts_of(ids, labels, n_classes))
            search = GridSearchCV(estimator, {name: [0.5, 1.0]}, cv=BagKFold(3))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                search.fit(X, target)
            found.append((search.cv_results_["mean_test_score"], search))
        assert_array_equal(found[0][0], found[1][0])
        assert_array_equal(found[0][1].predict_proba(X), found[1][1].predict_proba(X))
        with pytest.raises(ValueError, match="must be the same in all rows"):
            clone(estimator).fit(X, y > 0, bags=ids)


def test_graph_in_pieces():
    """No edge joins the clusters, and one row has no neighbour at all."""
    X = np.concatenate([np.arange(20.0), 1e6 + np.arange(20.0), [1e9]])[:, np.newaxis]
    y = np.repeat([0, 1, 0], [20, 20, 1])
    ids = np.arange(41) % 5
    target = bag_target(ids, counts=counts_of(ids, y, 2))
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(), n_neighbors=2, neighbor_threshold=3.0, standardize=False
    ).fit(X, target)
    assert model.converged_
    mass = np.bincount(ids, model.pseudo_label_proba_[:, 1])
    assert_allclose(mass, model.bag_counts_, atol=1e-8)
