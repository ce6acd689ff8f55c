"""The speed cases of learning from label proportions.

PGMax knows pairs of rows only, so that it gets the same distribution as a factor for
each pair of rows of a bag.
"""

import warnings

import numpy as np
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skext.benchmark._speed.case import SpeedCase, by_size
from skext.label_proportions import (
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    bp_marginals,
    make_bags,
)
from skext.label_proportions._counts.two_class_kernels import (
    find_tilt,
    messages_by_recursion,
    messages_by_transform,
)
from skext.label_proportions._inference.graph import neighbor_graph
from skext.label_proportions._inference.propagation import arrange_graph, propagate

_N_SWEEPS = 100
# A count that is wrong by one row costs this much; so did it in the paper.
_BAG_STRENGTH = 10.0


# Messages of counts


def _bags_of_log_odds(n_bags, size):
    rng = np.random.default_rng(0)
    h = rng.normal(-1.0, 2.0, size=(n_bags, size))
    counts = rng.binomial(size, 0.3, size=n_bags).astype(float)
    return h, counts


def _messages(kernel, data):
    """Return the messages of each bag by one of the two kernels."""
    h, counts = data
    found = np.empty_like(h)
    for row, count, message in zip(h, counts, found, strict=True):
        kernel(row, count, np.inf, find_tilt(row, count, np.inf, 0.0), message)
    return found


def _by_transform(data, n_jobs):
    return _messages(messages_by_transform, data)


def _by_recursion(data, n_jobs):
    return _messages(messages_by_recursion, data)


def _equal_messages(ours, peer, data):
    assert_allclose(ours, peer, rtol=0, atol=1e-11)


# Sweeps of belief propagation


def _graph_in_two_sizes_of_bags(n_samples, size, other_size):
    """Neighbours in the plane, the rows in random bags of two sizes."""
    rng = np.random.default_rng(0)
    graph, _ = neighbor_graph(rng.normal(size=(n_samples, 2)))
    order = rng.permutation(n_samples)
    y = rng.random(n_samples) < 0.3
    return {
        side: _arranged(graph, order, y, rows)
        for side, rows in (("ours", size), ("peer", other_size))
    }


def _arranged(graph, order, y, size):
    indptr = np.append(np.arange(0, order.size, size), order.size)
    counts = np.add.reduceat(y[order].astype(float), indptr[:-1])
    # Rows in the same places for both sizes: only the bags differ.
    return arrange_graph(graph, order, 1.0), order, indptr, counts


def _sweep(data, side, n_jobs):
    graph, order, indptr, counts = data[side]
    found = propagate(
        graph, order, indptr, counts, order.size, max_iter=10, tol=0.0, n_jobs=n_jobs
    )
    totals = np.add.reduceat(found.marginals[order], indptr[:-1])
    return totals, counts


def _sweep_large_bags(data, n_jobs):
    return _sweep(data, "ours", n_jobs)


def _sweep_small_bags(data, n_jobs):
    return _sweep(data, "peer", n_jobs)


def _counts_hold(ours, peer, data):
    for totals, counts in (ours, peer):
        assert_allclose(totals, counts, atol=1e-6)


# Belief propagation against PGMax


def _clusters_in_bags(n_samples, size):
    """Clusters that agree with the classes, their graph, and the pairs of PGMax."""
    X, y = make_classification(
        n_samples,
        10,
        n_informative=5,
        n_clusters_per_class=2,
        class_sep=1.2,
        random_state=0,
    )
    bags = make_bags(X, y, bag_size=size, remainder="drop", random_state=0)
    graph, _ = neighbor_graph(bags.data, standardize=True)
    codes = bags.target["bag"]
    counts = np.bincount(codes, bags.y_true)
    return {
        "graph": graph,
        "upper": sparse.triu(graph, 1).tocoo(),
        "degree": np.asarray(graph.sum(axis=1)).ravel(),
        "bags": codes,
        "counts": counts,
        "y": bags.y_true,
        "size": size,
    }


def _propagate(data, n_jobs):
    with warnings.catch_warnings():
        # As many sweeps as the peer, whether they are needed or not.
        warnings.simplefilter("ignore")
        return bp_marginals(
            data["graph"],
            data["bags"],
            data["counts"],
            bag_strength=_BAG_STRENGTH,
            max_iter=_N_SWEEPS,
            tol=0.0,
            n_jobs=n_jobs,
        )


def _propagate_pairs(data, n_jobs):
    """Build the graph of all pairs and run the peer on it."""
    _restore_attribute_of_jax()
    from pgmax import fgraph, fgroup, infer, vgroup

    pairs, weights, evidence = _as_pairs(data)
    rows = vgroup.NDVarArray(num_states=2, shape=(data["y"].size,))
    names = [rows[i] for i in range(data["y"].size)]
    potential = np.zeros((weights.size, 2, 2))
    potential[:, 1, 1] = weights
    factors = fgroup.PairwiseFactorGroup(
        variables_for_factors=[[names[i], names[j]] for i, j in pairs.tolist()],
        log_potential_matrix=potential,
    )
    graph = fgraph.FactorGraph(variable_groups=rows)
    graph.add_factors(factors)
    inferer = infer.build_inferer(graph.bp_state, backend="bp")
    state = inferer.init(evidence_updates={rows: evidence})
    state = inferer.run(state, num_iters=_N_SWEEPS, damping=0.5, temperature=1.0)
    marginals = infer.get_marginals(inferer.get_beliefs(state))
    return np.asarray(marginals[rows])[:, 1]


def _as_pairs(data):
    """Write the distribution as terms of rows and of pairs of positive rows."""
    size, upper = data["size"], data["upper"]
    n_samples = data["y"].size
    first, second = np.triu_indices(size, 1)
    starts = np.arange(0, n_samples, size)[:, np.newaxis]
    within = np.column_stack([(starts + first).ravel(), (starts + second).ravel()])
    edges = np.column_stack([upper.row, upper.col])
    pairs = np.vstack([within, edges])
    # (y_i - y_j)^2 = y_i + y_j - 2 y_i y_j, and the same for the square of the count.
    weights = np.concatenate([np.full(len(within), -2 * _BAG_STRENGTH), 2 * upper.data])
    evidence = np.zeros((n_samples, 2), dtype=np.float32)
    counts = data["counts"][data["bags"]]
    evidence[:, 1] = -_BAG_STRENGTH * (1 - 2 * counts) - data["degree"]
    keys = pairs[:, 0] * n_samples + pairs[:, 1]
    unique, place = np.unique(keys, return_inverse=True)
    return (
        np.column_stack([unique // n_samples, unique % n_samples]),
        np.bincount(place, weights),
        evidence,
    )


def _restore_attribute_of_jax():
    """Give PGMax an attribute that newer versions of jax have no more."""
    from types import SimpleNamespace

    import jax
    from jax.extend.backend import get_backend

    if not hasattr(jax.lib, "xla_bridge"):
        jax.lib.xla_bridge = SimpleNamespace(get_backend=get_backend)


def _areas(ours, peer, data):
    """Areas under the ROC curve of both."""
    return [roc_auc_score(data["y"], np.nan_to_num(p, nan=0.5)) for p in (ours, peer)]


def _ranks_as_well(ours, peer, data):
    areas = _areas(ours, peer, data)
    if areas[0] < areas[1] - 1e-3:
        raise AssertionError(
            f"Our area under the ROC curve is {areas[0]:.4f}, the peer's "
            f"{areas[1]:.4f}."
        )


# The count likelihood against logistic regression

_N_ITERATIONS = 20


def _rows_in_bags(n_samples, n_features, size):
    X, y = make_classification(
        n_samples, n_features, n_informative=n_features // 3, random_state=0
    )
    bags = make_bags(X, y, bag_size=size, random_state=0)
    return bags.data, bags.target, bags.y_true


def _iterate(model, X, y):
    with warnings.catch_warnings():
        # Both stop after the same number of iterations on purpose.
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def _fit_counts(data, n_jobs):
    model = CountLikelihoodClassifier(max_iter=_N_ITERATIONS, tol=1e-15, n_jobs=n_jobs)
    return _iterate(model, data[0], data[1])


def _fit_labels(data, n_jobs):
    model = LogisticRegression(max_iter=_N_ITERATIONS, tol=1e-15)
    return _iterate(model, data[0], data[2])


def _same_iterations(ours, peer, data):
    n_iter = ours.n_iter_, int(peer.n_iter_[0])
    if n_iter != (_N_ITERATIONS, _N_ITERATIONS):
        raise AssertionError(f"{n_iter} iterations are not the same work.")
    agreement = np.corrcoef(ours.decision_function(data[0]), data[2])[0, 1]
    if agreement < 0.2:
        raise AssertionError(f"Scores and labels are correlated by {agreement:.2f}.")


# The whole loop against its first opinion


def _fit_loop(data, n_jobs):
    model = BeliefPropagationLLPClassifier(
        LogisticRegression(max_iter=1000), n_rounds=3, n_jobs=n_jobs
    )
    return model.fit(data[0], data[1])


def _fit_to_end(data, n_jobs):
    return CountLikelihoodClassifier(n_jobs=n_jobs).fit(data[0], data[1])


def _ranks_rows_as_well(ours, peer, data):
    areas = [
        roc_auc_score(data[2], m.predict_proba(data[0])[:, 1]) for m in (ours, peer)
    ]
    if areas[0] < areas[1] - 0.02:
        raise AssertionError(
            f"Our area under the ROC curve is {areas[0]:.4f}, that of the linear model "
            f"{areas[1]:.4f}."
        )


CASES = (
    SpeedCase(
        name="count-messages",
        peer_name="recursion over partial counts",
        description="exact messages of bags, linear against quadratic in their rows",
        make=_bags_of_log_odds,
        ours=_by_transform,
        peer=_by_recursion,
        check=_equal_messages,
        sizes=by_size((100, 128), (20, 512), (4, 2048)),
    ),
    SpeedCase(
        name="bp-bag-size",
        peer_name="the same in bags of 8",
        description="ten sweeps of belief propagation in bags of 2048 rows",
        make=_graph_in_two_sizes_of_bags,
        ours=_sweep_large_bags,
        peer=_sweep_small_bags,
        check=_counts_hold,
        sizes=by_size((16_384, 2048, 8), (204_800, 2048, 8)),
    ),
    SpeedCase(
        name="count-likelihood",
        peer_name="sklearn.linear_model.LogisticRegression",
        description="20 iterations of L-BFGS, told counts against all labels",
        make=_rows_in_bags,
        ours=_fit_counts,
        peer=_fit_labels,
        check=_same_iterations,
        sizes=by_size((1000, 20, 32), (27_000, 130, 128)),
    ),
    SpeedCase(
        name="bp-loop",
        peer_name="skext.label_proportions.CountLikelihoodClassifier",
        description="choices and three rounds of belief propagation, one linear fit",
        make=_rows_in_bags,
        ours=_fit_loop,
        peer=_fit_to_end,
        check=_ranks_rows_as_well,
        sizes=by_size((1000, 20, 32), (27_000, 130, 128)),
    ),
    SpeedCase(
        name="bp-pgmax",
        peer_name="pgmax.infer",
        description="belief propagation, 100 sweeps on the same graph, build and run",
        make=_clusters_in_bags,
        ours=_propagate,
        peer=_propagate_pairs,
        check=_ranks_as_well,
        sizes=by_size((1024, 8), (8192, 32), (27_008, 128)),
        needs=("pgmax", "jax"),
    ),
)
