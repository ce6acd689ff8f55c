"""DBSMOTE: clusters, shortest paths, and draws on their edges."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.cluster import DBSCAN
from sklearn.preprocessing import scale

from skext.over_sampling._placed.dbscan import (
    DBSMOTE,
    cluster_rows,
    dense_radius,
    dense_rows,
    near_pairs,
    paths_to_centres,
)


def blobs(seed=0, sizes=(25, 15, 20), n_features=2):
    rng = np.random.default_rng(seed)
    return np.vstack(
        [
            rng.normal(size=(size, n_features)) + 8 * rng.normal(size=n_features)
            for size in sizes
        ]
    )


def make(seed=0, sizes=(25, 15, 20)):
    rare = blobs(seed, sizes)
    X = np.vstack([rare, np.random.default_rng(1).normal(size=(150, 2)) * 6])
    return X, np.repeat([1, 0], [len(rare), 150])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_features", [1, 2, 6])
def test_near_pairs(seed, n_features):
    table = np.round(blobs(seed, n_features=n_features), 1)
    distance = np.linalg.norm(table[:, None] - table, axis=2)
    for radius in (0.05, 0.9, 30.0):
        graph = near_pairs(table, radius).tocoo()
        found = np.full(distance.shape, np.inf)
        found[graph.row, graph.col] = graph.data
        expected = np.where(distance <= radius, distance, np.inf)
        np.fill_diagonal(expected, np.inf)
        assert_allclose(found, expected)
        # Equal rows are a pair, with the distance zero.
        assert graph.nnz == np.isfinite(expected).sum()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("min_samples", [2, 4, 6])
def test_clusters_are_those_of_scikit_learn(seed, min_samples):
    table = blobs(seed)
    eps = 0.9
    graph = near_pairs(table, eps)
    dense = dense_rows(graph, min_samples)
    clusters = cluster_rows(graph, dense)
    model = DBSCAN(eps=eps, min_samples=min_samples).fit(table)
    assert_array_equal(np.flatnonzero(dense), model.core_sample_indices_)
    assert_array_equal(clusters[dense], model.labels_[dense])
    assert_array_equal(clusters == -1, model.labels_ == -1)
    # A border row belongs to its nearest dense row.
    distance = np.linalg.norm(table[:, None] - table[dense], axis=2)
    border = ~dense & (clusters >= 0)
    nearest = np.flatnonzero(dense)[distance[border].argmin(axis=1)]
    assert_array_equal(clusters[border], clusters[nearest])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("repeated", [False, True])
def test_paths_are_shortest(seed, repeated):
    table = blobs(seed, (14, 10, 12))
    if repeated:
        table = np.repeat(table, 3, axis=0)
    graph = near_pairs(table, 1.0)
    dense = dense_rows(graph, 3)
    clusters = cluster_rows(graph, dense)
    predecessor = paths_to_centres(table, graph, dense, clusters)
    shortest = np.linalg.norm(table[:, None] - table, axis=2)
    shortest[shortest > 1.0] = np.inf
    shortest[~(dense[:, None] | dense) | (clusters[:, None] != clusters)] = np.inf
    np.fill_diagonal(shortest, 0)
    for k in range(len(table)):
        shortest = np.minimum(shortest, shortest[:, k, None] + shortest[k])
    assert (predecessor[clusters == -1] < 0).all()
    for number in range(clusters.max() + 1):
        rows = np.flatnonzero(clusters == number)
        away = np.linalg.norm(table[rows] - table[rows].mean(axis=0), axis=1)
        (centre,) = rows[predecessor[rows] < 0]
        assert away[rows == centre][0] == pytest.approx(away.min())
        for row in rows:
            length, at = 0.0, row
            for _ in range(len(rows)):
                if at == centre:
                    break
                following = predecessor[at]
                assert dense[at] or dense[following]
                assert clusters[following] == number
                length += np.linalg.norm(table[at] - table[following])
                at = following
            assert at == centre
            assert length == pytest.approx(shortest[row, centre])


def test_provenance():
    X, y = make()
    sampler = DBSMOTE(random_state=0)
    found = sampler.fit_resample(X, y)[0]
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    gaps = sampler.gaps_[:, None]
    expected = X[base] + gaps * (X[partner] - X[base])
    assert_allclose(found[len(X) :], expected, rtol=1e-12)
    scaled = scale(X[y == 1])
    distance = np.linalg.norm(scaled[base] - scaled[partner], axis=1)
    assert (distance <= sampler.eps_[1] * (1 + 1e-12)).all()
    clusters = sampler.cluster_labels_[1]
    assert (clusters[base] >= 0).all()
    assert_array_equal(clusters[base], clusters[partner])
    assert (base != partner).all()


def test_edges_and_gaps_have_the_right_distribution():
    """Edges by enumeration of all paths; one chance in a thousand; seed fixed."""
    X, y = make(sizes=(12, 9))
    sampler = DBSMOTE(sampling_strategy={1: 20_000}, random_state=0)
    sampler.fit_resample(X, y)
    table = scale(X[y == 1])
    graph = near_pairs(table, sampler.eps_[1])
    dense = dense_rows(graph, 3)
    predecessor = paths_to_centres(table, graph, dense, cluster_rows(graph, dense))
    seeds = np.flatnonzero(predecessor >= 0)
    expected = np.zeros(len(table))
    for row in seeds:
        path = []
        while predecessor[row] >= 0:
            path.append(row)
            row = predecessor[row]
        expected[path] += 1 / len(seeds) / len(path)
    base = sampler.sample_indices_[len(X) :]
    assert_array_equal(sampler.partner_indices_, predecessor[base])
    counts = np.bincount(base, minlength=len(table))
    assert_array_equal(counts[expected == 0], 0)
    used = expected > 0
    result = stats.chisquare(counts[used], expected[used] * len(base))
    assert result.pvalue > 1e-3
    assert stats.kstest(sampler.gaps_, "uniform").pvalue > 1e-3


def test_noise_is_not_used():
    X, y = make()
    far = np.array([[500.0, 500.0]])
    X, y = np.vstack([X, far]), np.append(y, 1)
    sampler = DBSMOTE(random_state=0)
    sampler.fit_resample(X, y)
    assert sampler.cluster_labels_[1][-1] == -1
    assert len(X) - 1 not in sampler.sample_indices_[len(X) :]


def test_box():
    X, y = make()
    sampler = DBSMOTE(interpolation="box", random_state=0)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    a = X[sampler.sample_indices_[len(X) :]]
    b = X[sampler.partner_indices_]
    assert sampler.gaps_.shape == new.shape
    assert (new >= np.minimum(a, b) - 1e-12).all()
    assert (new <= np.maximum(a, b) + 1e-12).all()
    assert np.ptp(sampler.gaps_, axis=1).max() > 0.5


def test_default_radius():
    """Nine in ten rows are dense, not many more."""
    table = scale(blobs(sizes=(40, 30, 30)))
    for k in (1, 2, 5):
        radius = dense_radius(table, k)
        share = dense_rows(near_pairs(table, radius), k + 1).mean()
        assert 0.9 <= share <= 0.93
    assert dense_radius(np.zeros((9, 2)), 2) == 1.0
    mostly = np.zeros((50, 1))
    mostly[0] = 3.0
    assert dense_radius(mostly, 2) == pytest.approx(3.0)


@pytest.mark.parametrize("eps", [1e-12, 0.01])
def test_a_radius_without_clusters_is_enlarged(eps):
    X, y = make()
    sampler = DBSMOTE(eps=eps, random_state=0)
    with pytest.warns(UserWarning, match=f"eps={eps:.3g} makes no cluster") as caught:
        _, y_new = sampler.fit_resample(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert (y_new == 1).sum() == (y == 0).sum()
    steps = np.log(sampler.eps_[1] / eps) / np.log(1.5)
    assert steps == pytest.approx(round(steps), abs=1e-6)
    scaled = scale(X[y == 1])
    smaller = near_pairs(scaled, sampler.eps_[1] / 1.5)
    assert not dense_rows(smaller, 3).any()


def test_scale_and_translation():
    X, y = make()
    factor, shift = np.array([100.0, 0.25]), np.array([3.0, -7.0])
    found = DBSMOTE(random_state=0).fit_resample(X * factor + shift, y)[0]
    expected = DBSMOTE(random_state=0).fit_resample(X, y)[0] * factor + shift
    assert_allclose(found, expected, rtol=1e-8)


def test_weights_leave_too_few_rows():
    X, y = make()
    weight = np.ones(len(X))
    weight[1:60] = 0.0
    with pytest.raises(ValueError, match="59 of 210 rows left out.*'1' has 1 row"):
        DBSMOTE(random_state=0).fit_resample(X, y, weight)


@pytest.mark.parametrize(
    "options", [{"eps": 0}, {"min_samples": 1}, {"interpolation": "line"}]
)
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        DBSMOTE(**options).fit_resample(*make())
