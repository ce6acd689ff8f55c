import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import kneighbors_graph

from skext.label_proportions import bp_marginals


def make_tree(seed, n_bags=4, size=3):
    """Bags joined to a tree by single edges."""
    rng = np.random.default_rng(seed)
    bags = rng.permutation(np.repeat(np.arange(n_bags), size))
    weights = np.zeros((bags.size, bags.size))
    for b in range(1, n_bags):
        i = rng.choice(np.flatnonzero(bags == b))
        j = rng.choice(np.flatnonzero(bags == rng.integers(b)))
        weights[i, j] = weights[j, i] = rng.exponential() * 2
    counts = {b: int(rng.integers(0, size + 1)) for b in range(n_bags)}
    return weights, bags, counts, rng.normal(size=bags.size)


@pytest.mark.parametrize("schedule", ["parallel", "sequential"])
@pytest.mark.parametrize("strength", [np.inf, 1.0, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_exact_on_trees(seed, strength, schedule, oracle):
    weights, bags, counts, unary = make_tree(seed)
    expected, log_partition = oracle.enumerate_model(
        weights, bags, counts, unary, strength
    )
    marginals, info = bp_marginals(
        sparse.csr_array(weights),
        bags,
        counts,
        unary,
        bag_strength=strength,
        damping=0.0,
        tol=1e-13,
        schedule=schedule,
        return_info=True,
    )
    assert_allclose(marginals, expected, atol=1e-10)
    assert_allclose(info.log_partition, log_partition, atol=1e-10)
    assert info.converged
    assert info.residual < 1e-13


def test_rows_that_never_move_are_heard():
    """In turn, too: the row of the second bag is certain from the beginning."""
    graph = sparse.csr_array(([2.0, 2.0], ([0, 2], [2, 0])), shape=(3, 3))
    for schedule in ("parallel", "sequential"):
        marginals = bp_marginals(graph, [0, 0, 1], [1, 1], schedule=schedule, tol=1e-9)
        assert_allclose(marginals, [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2)), 1])


def test_similarity_strength_multiplies_the_graph():
    weights, bags, counts, unary = make_tree(7)
    graph = sparse.csr_array(weights)
    options = {"damping": 0.0, "tol": 1e-12}
    one = bp_marginals(3 * graph, bags, counts, unary, **options)
    other = bp_marginals(graph, bags, counts, unary, similarity_strength=3.0, **options)
    assert_allclose(one, other, rtol=1e-13)


def make_problem(n=3000, size=30, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    graph = kneighbors_graph(X, 4)
    bags = rng.permutation(n) // size
    counts = np.bincount(bags, X[:, 0] > 0.5)
    return graph.maximum(graph.T), bags, counts


def test_threads_do_not_change_a_bit():
    graph, bags, counts = make_problem(20_000)
    options = {"tol": 0.0, "max_iter": 10}
    one = bp_marginals(graph, bags, counts, n_jobs=1, **options)
    for n_jobs in (2, 4):
        other = bp_marginals(graph, bags, counts, n_jobs=n_jobs, **options)
        assert_array_equal(other, one)


def test_counts_are_met():
    graph, bags, counts = make_problem()
    marginals = bp_marginals(graph, bags, counts, similarity_strength=0.3)
    assert_allclose(np.bincount(bags, marginals), counts, atol=1e-10)


def test_order_of_rows_and_names_of_bags_do_not_matter():
    graph, bags, counts = make_problem(600, 20)
    options = {"similarity_strength": 0.3, "tol": 1e-10}
    marginals = bp_marginals(graph, bags, counts, **options)
    shuffled = np.random.default_rng(1).permutation(600)
    names = np.array([f"bag {b:05d}" for b in bags])
    other = bp_marginals(
        graph[shuffled][:, shuffled], names[shuffled], counts, **options
    )
    assert_allclose(other, marginals[shuffled], atol=1e-8)
    undamped = bp_marginals(graph, bags, counts, damping=0.0, **options)
    assert_allclose(undamped, marginals, atol=1e-6)
    in_turn = bp_marginals(graph, bags, counts, schedule="sequential", **options)
    assert_allclose(in_turn, marginals, atol=1e-6)


def test_without_edges_a_bag_shares_out_its_count():
    graph = sparse.csr_array((6, 6))
    bags = [0, 0, 0, 0, 1, -1]
    marginals, info = bp_marginals(graph, bags, [1, 1], return_info=True)
    assert_allclose(marginals, [0.25] * 4 + [1, 0.5], atol=1e-13)
    assert info.n_iter == 1
    assert info.converged


def test_rows_in_no_bag_and_unknown_bags_listen_to_neighbours():
    graph = sparse.csr_array(np.ones((3, 3)) - np.eye(3))
    for bags, counts in (([0, 1, -1], [1, 1]), ([0, 1, 2], [1, 1, np.nan])):
        marginals = bp_marginals(graph, bags, counts, damping=0.0, tol=1e-12)
        assert_allclose(marginals[2], 1 / (1 + np.exp(-2)), rtol=1e-10)


def test_flipping_labels_gives_the_complement():
    graph, bags, counts = make_problem(600, 20)
    unary = np.random.default_rng(2).normal(size=600)
    options = {"similarity_strength": 0.3, "tol": 1e-9}
    one = bp_marginals(graph, bags, counts, unary, **options)
    sizes = np.bincount(bags)
    other = bp_marginals(graph, bags, sizes - counts, -unary, **options)
    assert_allclose(one, 1 - other, atol=1e-7)


def test_weak_coupling_agrees_with_factors_of_all_pairs(oracle):
    rng = np.random.default_rng(0)
    bags = np.repeat(np.arange(4), 4)
    for _ in range(3):
        upper = np.triu(rng.random((16, 16)) < 0.15, 1) * 0.3
        weights = upper + upper.T
        counts = dict(enumerate(rng.integers(0, 5, size=4).tolist()))
        unary = rng.normal(size=16) * 0.3
        exact, _ = oracle.enumerate_model(weights, bags, counts, unary, 0.1)
        found = bp_marginals(
            sparse.csr_array(weights), bags, counts, unary, bag_strength=0.1, tol=1e-9
        )
        pairs = oracle.all_pairs_marginals(weights, bags, counts, unary, 0.1)
        # Both are approximations here, and so near the truth that both are right.
        assert np.abs(found - exact).mean() < 2e-3
        assert np.abs(pairs - exact).mean() < 5e-3


def test_says_when_it_does_not_converge():
    graph, bags, counts = make_problem(600, 20)
    with pytest.warns(ConvergenceWarning, match="similarity_strength"):
        bp_marginals(graph, bags, counts, max_iter=2, similarity_strength=10.0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"counts": [3, 1]}, "counts has 3 for bag 0"),
        ({"counts": [0.5, 1]}, "whole numbers"),
        ({"counts": [1]}, "entry for each of the 2 bags"),
        ({"graph": sparse.csr_array(np.triu(np.ones((4, 4))))}, "symmetric"),
        ({"graph": sparse.csr_array((3, 3))}, "graph has the shape"),
        ({"unary": [0, 0, np.nan, 0]}, "finite log-odds"),
    ],
)
def test_bad_input(change, match):
    given = {
        "graph": sparse.csr_array((4, 4)),
        "bags": [0, 0, 1, 1],
        "counts": [1, 1],
        **change,
    }
    with pytest.raises(ValueError, match=match):
        bp_marginals(**given)
