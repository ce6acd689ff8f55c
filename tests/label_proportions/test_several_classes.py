"""More than two classes: count vectors, Potts messages and joint models."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import logsumexp, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import kneighbors_graph

from skext.label_proportions import (
    BagProportionClassifier,
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    DLLPClassifier,
    EasyLLPClassifier,
    MeanMapClassifier,
    SelfLabelingLLPClassifier,
    bag_count_log_loss,
    bag_target,
    bp_marginals,
    make_bags,
)
from skext.label_proportions._bags.targets import Bags
from skext.label_proportions._counts.many_class_kernels import count_vector_messages
from skext.label_proportions._counts.posterior import (
    count_posterior,
    top_classes,
    top_rows,
    whole_counts,
)


def enumerate_bag(h, counts):
    """Posterior and log-probability of the counts over all labellings."""
    size, n_classes = h.shape
    log_p = h - logsumexp(h, axis=1, keepdims=True)
    labels = np.array(list(itertools.product(range(n_classes), repeat=size)))
    kept = np.all(
        [(labels == c).sum(axis=1) == counts[c] for c in range(n_classes)], axis=0
    )
    labels = labels[kept]
    energy = log_p[np.arange(size), labels].sum(axis=1)
    total = logsumexp(energy)
    weight = np.exp(energy - total)
    return np.column_stack([weight @ (labels == c) for c in range(n_classes)]), total


def ask_bag(h, counts, limit=2e6):
    message, logs = np.zeros_like(h), np.zeros(1)
    count_vector_messages(
        h,
        np.array([0, len(h)]),
        np.array([counts], dtype=float),
        limit,
        np.zeros((1, h.shape[1])),
        message,
        logs,
        0,
        1,
    )
    return softmax(h + message, axis=1), logs[0]


@pytest.mark.parametrize("scale", [0.3, 3.0, 30.0])
@pytest.mark.parametrize(
    "counts", [[2, 2, 2], [0, 3, 3], [6, 0, 0], [1, 4, 1], [1, 2, 1, 2]]
)
def test_small_bags_are_exact(counts, scale):
    rng = np.random.default_rng(0)
    for _ in range(5):
        h = rng.normal(size=(sum(counts), len(counts))) * scale
        expected, log_probability = enumerate_bag(h, counts)
        found, log_found = ask_bag(h, counts)
        assert_allclose(found, expected, atol=1e-11)
        assert_allclose(log_found, log_probability, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("size", "mean_error"), [(12, 0.008), (30, 0.002), (90, 4e-4)])
def test_large_bags_are_nearly_exact_and_add_up(size, mean_error):
    rng = np.random.default_rng(1)
    errors, log_errors = [], []
    for _ in range(6):
        h = rng.normal(size=(size, 3)) * 2
        drawn = (h + rng.gumbel(size=h.shape)).argmax(axis=1)
        counts = np.bincount(drawn, minlength=3)
        exact, log_exact = ask_bag(h, counts)
        near, log_near = ask_bag(h, counts, limit=0)
        assert_allclose(near.sum(axis=0), counts, atol=1e-9 * size)
        errors.append(np.abs(near - exact).mean())
        log_errors.append(abs(log_near - log_exact))
    assert np.mean(errors) < mean_error
    assert np.mean(log_errors) < 2.0 / size


def test_hard_bags_meet_their_counts():
    """Scores that are far apart, far from what the counts want, and equal."""
    rng = np.random.default_rng(2)
    for limit in (0, 2e6):
        for h in (
            rng.normal(size=(60, 3)) * 30 + [50, 0, -50],
            np.zeros((60, 3)),
            np.repeat([[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]], 20, axis=0),
        ):
            for counts in ([1, 1, 58], [20, 20, 20], [58, 2, 0]):
                found, log_probability = ask_bag(h, counts, limit)
                assert_allclose(found.sum(axis=0), counts, atol=1e-7)
                assert np.isfinite(log_probability)


def test_two_classes_are_those_of_one_count():
    rng = np.random.default_rng(3)
    codes = rng.permutation(np.repeat(np.arange(3), [5, 40, 300]))
    sizes = np.bincount(codes)
    counts = np.array([2.0, 13.0, 290.0])
    bags = Bags(np.arange(3), codes, sizes, np.zeros((3, 2)), np.arange(2))
    h = rng.normal(size=codes.size)
    one, logs_one = count_posterior(h, bags, counts)
    both = np.column_stack([sizes - counts, counts])
    two, logs_two = count_posterior(np.column_stack([np.zeros_like(h), h]), bags, both)
    assert_allclose(two[:, 1], one, atol=1e-12)
    assert_allclose(logs_two, logs_one, rtol=1e-12)


def make_tree(seed, n_classes=3):
    rng = np.random.default_rng(seed)
    bags = rng.permutation(np.repeat(np.arange(3), 3))
    weights = np.zeros((9, 9))
    for b in (1, 2):
        i = rng.choice(np.flatnonzero(bags == b))
        j = rng.choice(np.flatnonzero(bags == rng.integers(b)))
        weights[i, j] = weights[j, i] = rng.exponential() * 2
    y = rng.integers(0, n_classes, 9)
    counts = [np.bincount(y[bags == b], minlength=n_classes) for b in range(3)]
    return weights, bags, np.array(counts), rng.normal(size=(9, n_classes))


@pytest.mark.parametrize("schedule", ["parallel", "sequential"])
@pytest.mark.parametrize("seed", range(4))
def test_exact_on_trees(seed, schedule):
    weights, bags, counts, unary = make_tree(seed)
    labels = np.array(list(itertools.product(range(3), repeat=9)))
    energy = unary[np.arange(9), labels].sum(axis=1)
    for i, j in zip(*np.nonzero(np.triu(weights)), strict=True):
        energy -= weights[i, j] * (labels[:, i] != labels[:, j])
    for b, c in itertools.product(range(3), range(3)):
        right = (labels[:, bags == b] == c).sum(axis=1) == counts[b, c]
        energy = np.where(right, energy, -np.inf)
    log_partition = logsumexp(energy)
    p = np.exp(energy - log_partition)
    marginals, info = bp_marginals(
        sparse.csr_array(weights),
        bags,
        counts,
        unary,
        damping=0.0,
        tol=1e-13,
        schedule=schedule,
        return_info=True,
    )
    for c in range(3):
        assert_allclose(marginals[:, c], p @ (labels == c), atol=1e-10)
    assert_allclose(info.log_partition, log_partition, atol=1e-10)


def make_problem(n=600, size=20, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    graph = kneighbors_graph(X, 4)
    bags = rng.permutation(n) // size
    y = np.digitize(X[:, 0], [-0.5, 0.5]) if n_classes == 3 else (X[:, 0] > 0.5) * 1
    counts = [np.bincount(y[bags == b], minlength=n_classes) for b in np.unique(bags)]
    unary = rng.normal(size=(n, n_classes))
    return graph.maximum(graph.T), bags, np.array(counts), unary


def test_two_columns_are_belief_propagation_with_two_classes():
    graph, bags, counts, unary = make_problem(n_classes=2)
    options = {"similarity_strength": 0.4, "tol": 1e-11, "max_iter": 300}
    log_odds = unary[:, 1] - unary[:, 0]
    one, info_one = bp_marginals(
        graph, bags, counts[:, 1], log_odds, return_info=True, **options
    )
    two, info_two = bp_marginals(
        graph, bags, counts, unary, return_info=True, **options
    )
    assert_allclose(two[:, 1], one, atol=1e-9)
    offset = unary[:, 0].sum()
    assert_allclose(info_two.log_partition - offset, info_one.log_partition, rtol=1e-9)
    assert_allclose(
        info_two.count_log_likelihood, info_one.count_log_likelihood, rtol=1e-8
    )


@pytest.mark.parametrize("size", [20, 300])
def test_counts_threads_and_names_of_classes(size):
    graph, bags, counts, unary = make_problem(size=size)
    options = {"similarity_strength": 0.4, "tol": 1e-10, "max_iter": 500}
    found = bp_marginals(graph, bags, counts, unary, **options)
    mass = np.column_stack([np.bincount(bags, column) for column in found.T])
    assert_allclose(mass, counts, atol=1e-8)
    again = bp_marginals(graph, bags, counts, unary, n_jobs=3, **options)
    assert_array_equal(again, found)
    order = [2, 0, 1]
    other = bp_marginals(graph, bags, counts[:, order], unary[:, order], **options)
    assert_allclose(other, found[:, order], atol=1e-7)


def test_rows_in_no_bag_and_unknown_bags():
    graph = sparse.csr_array(np.ones((3, 3)) - np.eye(3))
    for bags, counts in (
        ([0, 1, -1], [[0, 1, 0], [0, 1, 0]]),
        ([0, 1, 2], [[0, 1, 0], [0, 1, 0], [np.nan, 0, 0]]),
    ):
        found = bp_marginals(graph, bags, counts, damping=0.0, tol=1e-12)
        expected = softmax([0, 2, 0])
        assert_allclose(found[2], expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"counts": [[1, 1, 1], [1, 1, 0]]}, "add up to the size"),
        ({"counts": [[3, -1, 0], [1, 1, 0]]}, "counts has 3 for bag 0"),
        ({"counts": [[0.5, 1.5, 0], [1, 1, 0]]}, "whole numbers"),
        ({"bag_strength": 1.0}, "bag_strength=1.0 must be infinite"),
        ({"unary": np.zeros(4)}, "finite log-odds of shape"),
    ],
)
def test_bad_input(change, match):
    given = {
        "graph": sparse.csr_array((4, 4)),
        "bags": [0, 0, 1, 1],
        "counts": [[1, 1, 0], [0, 1, 1]],
        **change,
    }
    with pytest.raises(ValueError, match=match):
        bp_marginals(**given)


LINEAR = [
    DLLPClassifier(tol=1e-9),
    CountLikelihoodClassifier(tol=1e-9),
    EasyLLPClassifier(tol=1e-9),
    MeanMapClassifier(tol=1e-9),
]


@pytest.mark.parametrize("estimator", LINEAR, ids=repr)
def test_bags_of_one_row_are_multinomial_regression(estimator):
    X, y = load_iris(return_X_y=True)
    expected = LogisticRegression(tol=1e-10, max_iter=5000).fit(X, y).predict_proba(X)
    found = clone(estimator).fit(X, y)
    assert_allclose(found.predict_proba(X), expected, atol=1e-4)
    assert_allclose(softmax(found.decision_function(X), axis=1), expected, atol=1e-4)


EVERY = [
    *LINEAR,
    EasyLLPClassifier(loss="squared"),
    MeanMapClassifier(laplacian=True),
    CountLikelihoodClassifier(LogisticRegression(), max_iter=3),
    SelfLabelingLLPClassifier(max_iter=100),
    BagProportionClassifier(),
    BeliefPropagationLLPClassifier(LogisticRegression(), max_iter=500),
    BeliefPropagationLLPClassifier(
        LogisticRegression(), max_iter=500, pseudo_labels="count"
    ),
    BeliefPropagationLLPClassifier(
        LogisticRegression(), max_iter=500, bag_strength=2.0
    ),
]


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(300, centers=3, random_state=1)
    return X, y, make_bags(X, y, bag_size=10, random_state=0)


@pytest.mark.parametrize("estimator", EVERY, ids=lambda e: repr(e).replace("\n", ""))
def test_names_of_classes_do_not_matter(estimator, blobs):
    X, y, bags = blobs
    model = clone(estimator).fit(bags.data, bags.target)
    proba = model.predict_proba(X)
    assert (model.predict(X) == y).mean() > 0.8
    order = [1, 2, 0]
    target = bag_target(
        bags.target["bag"], proportions=bags.target["proportion"][:, order]
    )
    other = clone(estimator).fit(bags.data, target).predict_proba(X)
    # Rows with equal scores may be labelled otherwise.
    assert np.abs(other - proba[:, order]).mean() < 2e-3


def test_likelihood_of_large_bags(blobs):
    """Beyond the lattice the saddle point decides."""
    X, y, _ = blobs
    bags = make_bags(X, y, bag_size=50, random_state=0)
    model = CountLikelihoodClassifier().fit(bags.data, bags.target)
    assert (model.predict(X) == y).mean() > 0.9


def test_disaggregation_adds_up(blobs):
    _, _, bags = blobs
    model = DLLPClassifier().fit(bags.data, bags.target)
    found = model.disaggregate(bags.data, bags.target)
    codes = bags.target["bag"]
    mass = np.column_stack([np.bincount(codes, column) for column in found.T])
    assert_allclose(mass, model.bag_counts_, atol=1e-9)
    alone = model.predict_proba(bags.data)
    assert (found.argmax(axis=1) == bags.y_true).mean() >= (
        alone.argmax(axis=1) == bags.y_true
    ).mean()


def test_count_log_loss_is_that_of_the_vector():
    proba = np.random.default_rng(0).dirichlet(np.ones(3), size=6)
    target = bag_target([0, 0, 0, 1, 1, 1], counts=[[1, 1, 1], [0, 3, 0]])
    logs = [
        enumerate_bag(np.log(proba[:3]), [1, 1, 1])[1],
        enumerate_bag(np.log(proba[3:]), [0, 3, 0])[1],
    ]
    assert_allclose(bag_count_log_loss(target, proba), -sum(logs) / 6, rtol=1e-10)


def test_rows_are_matched_to_counts():
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.repeat(np.arange(4), 5))
    shares = rng.dirichlet(np.ones(3), size=4)
    bags = Bags(np.arange(4), codes, np.full(4, 5), shares, np.arange(3))
    counts = whole_counts(bags)
    assert_array_equal(counts.sum(axis=1), 5)
    assert np.abs(counts - 5 * shares).max() < 1
    score = rng.random((20, 3))
    chosen = top_classes(score, bags, counts)
    assert_array_equal(chosen.sum(axis=1), 1)
    for b in range(4):
        assert_array_equal(chosen[codes == b].sum(axis=0), counts[b])
    two = Bags(np.arange(4), codes, np.full(4, 5), shares[:, :2], np.arange(2))
    positive = counts[:, 0]
    both = np.column_stack([5 - positive, positive])
    p = rng.random(20)
    found = top_classes(np.column_stack([1 - p, p]), two, both)
    assert_array_equal(found[:, 1], top_rows(p, two, positive))
