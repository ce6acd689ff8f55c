"""Rows that share leaves of trees of inferred labels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from skext.label_proportions import (
    BeliefPropagationLLPClassifier,
    LeafRefiner,
    make_bags,
)


def same_labels(Z, y):
    """Share of nearest neighbours that have the label of the row."""
    found = NearestNeighbors(n_neighbors=5).fit(Z).kneighbors(return_distance=False)
    return (y[found] == y[:, np.newaxis]).mean()


@pytest.fixture(scope="module")
def noisy():
    """Two features tell the classes, ten say nothing, and labels are soft and noisy."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 12))
    y = (np.abs(X[:, 0]) + X[:, 1] > 0.8).astype(int)
    return X, y, expit(1.5 * (2 * y - 1) + rng.normal(scale=2, size=1500))


def test_finds_the_features_that_matter(noisy):
    X, y, proba = noisy
    Z = LeafRefiner(max_features=None, random_state=0).fit_transform(X, proba)
    assert Z.shape == (1500, 32)
    assert Z.dtype == np.float32
    assert same_labels(Z, y) > same_labels(X, y) + 0.05


def test_distances_count_leaves_that_are_not_shared(noisy):
    X, _, proba = noisy
    refiner = LeafRefiner(20, n_components=4096, random_state=0).fit(X, proba)
    Z = refiner.transform(X[:40])
    # The features are of scale one, which they are kept in.
    leaves = np.stack([tree.apply(X[:40]) for tree in refiner.trees_], axis=1)
    differ = (leaves[:, np.newaxis] != leaves).mean(axis=2)
    found = ((Z[:, np.newaxis] - Z) ** 2).sum(axis=2)
    assert_allclose(found, differ, atol=0.15)
    assert ((found == 0) == (differ == 0)).all()


def test_units_offsets_threads_and_kinds_of_tables(noisy):
    X, _, proba = noisy
    X = np.round(X * 2**8) / 2**8
    one = LeafRefiner(random_state=0).fit(X, proba)
    expected = one.transform(X)
    for units, offset in ((2.0**-60, 0.0), (2.0**200, 0.0), (1.0, 2.0**25)):
        moved = X * units + offset
        found = clone(one).fit(moved, proba).transform(moved)
        assert_array_equal(found, expected)
    found = clone(one).set_params(n_jobs=2).fit(X, proba).transform(X)
    assert_array_equal(found, expected)
    assert_array_equal(one.transform(X.astype(np.float32)), expected)
    thin = np.where(np.abs(X) > 1, X, 0)
    for table in (sparse.csr_array(thin), sparse.csr_matrix(thin.astype(np.float32))):
        refiner = clone(one).fit(table, proba)
        assert_array_equal(refiner.transform(table), refiner.transform(table.tocsc()))
        assert_array_equal(refiner.transform(table[:9]), refiner.transform(table)[:9])


def test_probabilities_of_all_classes_and_labels(noisy):
    X, y, proba = noisy
    both = np.column_stack([1 - proba, proba])
    options = {"n_estimators": 10, "random_state": 0}
    one = LeafRefiner(**options).fit(X, proba)
    two = LeafRefiner(**options).fit(X, both, bags=np.zeros(1500), counts=[700])
    assert_array_equal(one.transform(X), two.transform(X))
    y = y + (X[:, 0] > 1)
    shares = 0.1 + 0.7 * np.eye(3)[y]
    Z = LeafRefiner(**options).fit(X, shares).transform(X)
    assert same_labels(Z, y) > same_labels(X, y) + 0.05
    names = np.array(["a", "b", "c"])[y]
    Z = LeafRefiner(**options).fit(X, names).transform(X)
    assert same_labels(Z, y) > same_labels(X, y) + 0.05
    with pytest.raises(ValueError, match="between 0 and 1"):
        LeafRefiner().fit(X, 2 * shares)


def test_few_rows_and_equal_labels():
    X = np.arange(6.0).reshape(3, 2)
    for n in (1, 2, 3):
        Z = LeafRefiner(5, random_state=0).fit_transform(X[:n], np.full(n, 0.3))
        assert_array_equal(Z, Z[[0] * n])
    assert LeafRefiner(5, random_state=0).fit(X, [0.1, 0.2, 0.9]).transform(
        1e300 * X
    ).shape == (3, 32)


def test_second_round_of_belief_propagation(noisy):
    X, y, _ = noisy
    bags = make_bags(X, y, bag_size=5, random_state=0)
    rounds = [
        BeliefPropagationLLPClassifier(DummyClassifier(), start="flat"),
        BeliefPropagationLLPClassifier(
            DummyClassifier(),
            start="flat",
            n_rounds=3,
            refiner=LeafRefiner(),
            random_state=0,
        ),
    ]
    scores = [
        roc_auc_score(
            bags.y_true,
            model.fit(bags.data, bags.target).pseudo_label_proba_[:, 1],
        )
        for model in rounds
    ]
    assert scores[1] > scores[0] + 0.02
