"""KMeansSMOTE: parity, numbers per cluster, distances."""

import warnings

import imblearn.over_sampling
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import pdist
from sklearn.cluster import BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans
from sklearn.datasets import make_blobs, make_classification

from skext.over_sampling import SMOTE
from skext.over_sampling._drop_in.kmeans import (
    KMeansSMOTE,
    log_sparsity,
    mean_distance,
    normalize_logs,
)


def make(weights=(0.7, 0.3), n_samples=400, seed=0, n_features=5):
    return make_classification(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        flip_y=0,
        random_state=seed,
    )


def four_groups():
    """The rare class is dense in one group, sparse in another, absent elsewhere."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [100, 0], [0, 100], [100, 100]])
    sizes, spread = [30, 60, 50, 150], [2.0, 9.0, 1.0, 5.0]
    X = np.vstack(
        [
            rng.normal(size=(n, 2)) * s + c
            for n, s, c in zip(sizes, spread, centres, strict=True)
        ]
    )
    group = np.repeat(np.arange(4), sizes)
    y = np.where(group < 2, np.arange(290) % 4 > 0, 0).astype(int)
    return X, y, group


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_features", [4, 20])
def test_one_cluster_is_smote(seed, n_features):
    X, y = make(seed=seed, n_features=n_features)
    sampler = KMeansSMOTE(random_state=seed, kmeans_estimator=1, k_neighbors=5)
    found = sampler.fit_resample(X, y)[0]
    assert_array_equal(found, SMOTE(random_state=seed).fit_resample(X, y)[0])
    assert sampler.cluster_balance_threshold_ == -np.inf
    peer = imblearn.over_sampling.KMeansSMOTE(
        random_state=seed, kmeans_estimator=1, k_neighbors=5
    )
    assert_array_equal(found, peer.fit_resample(X, y)[0])


def test_one_used_cluster_of_several_gives_the_rows_of_the_peer():
    X, y = make_blobs(
        [100, 400, 100], centers=[(-10, 0), (0, 0), (10, 0)], random_state=0
    )
    y = (y == 0).astype(int)
    options = {"random_state": 0, "kmeans_estimator": 3}
    found = KMeansSMOTE(**options).fit_resample(X, y)[0]
    peer = imblearn.over_sampling.KMeansSMOTE(**options)
    assert_array_equal(found, peer.fit_resample(X, y)[0])


@pytest.mark.parametrize("exponent", ["auto", "paper", 0, 1.5, -2])
def test_numbers_per_cluster(exponent):
    X, y, group = four_groups()
    sampler = KMeansSMOTE(
        random_state=0,
        kmeans_estimator=KMeans(4, random_state=0),
        density_exponent=exponent,
    )
    sampler.fit_resample(X, y)
    weights = []
    for g in (0, 1):
        rows = (group == g) & (y == 1)
        n, distance = rows.sum(), pdist(X[rows]).mean()
        auto = 0.16 * np.emath.logn(1.6, n) ** 1.8
        e = {"auto": auto, "paper": X.shape[1]}.get(exponent, exponent)
        weights.append(distance**e / n)
    number = sampler.n_synthetic_[1]
    expected = number * np.array(weights) / np.sum(weights)
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    counts = np.bincount(group[base], minlength=4)
    assert counts.sum() == number
    assert (counts[2:] == 0).all()
    assert (np.abs(counts[:2] - expected) < 1).all()
    assert_array_equal(group[base], group[partner])
    assert sorted(sampler.cluster_counts_[1]) == sorted(counts)


def test_counts_where_the_peer_overshoots():
    X, y = make()
    options = {
        "random_state": 0,
        "kmeans_estimator": 10,
        "cluster_balance_threshold": 0.05,
    }
    peer = imblearn.over_sampling.KMeansSMOTE(**options).fit_resample(X, y)[1]
    assert (peer == 1).sum() > (y == 0).sum()
    assert (KMeansSMOTE(**options).fit_resample(X, y)[1] == 1).sum() == (y == 0).sum()


@pytest.mark.parametrize(
    ("threshold", "used"), [("auto", 2), ("paper", 2), (0.0, 2), (0.8, 0)]
)
def test_thresholds(threshold, used):
    X, y, _ = four_groups()
    sampler = KMeansSMOTE(
        random_state=0,
        kmeans_estimator=KMeans(4, random_state=0),
        cluster_balance_threshold=threshold,
        density_exponent=0,
    )
    if used == 0:
        with pytest.raises(RuntimeError, match=r"No clusters found.*threshold=0\.8"):
            sampler.fit_resample(X, y)
        sampler.set_params(on_empty="smote", k_neighbors=5)
        with pytest.warns(UserWarning, match="interpolated as by SMOTE"):
            found = sampler.fit_resample(X, y)[0]
        assert_array_equal(found, SMOTE(random_state=0).fit_resample(X, y)[0])
        return
    sampler.fit_resample(X, y)
    assert (sampler.cluster_counts_[1] > 0).sum() == used
    assert sampler.cluster_balance_threshold_ == threshold


def test_the_threshold_of_the_paper_is_a_majority():
    X = np.repeat([[0.0], [100.0]], 10, axis=0) + np.arange(20)[:, None] % 10
    y = np.array([1] * 5 + [0] * 5 + [1] * 6 + [0] * 4)
    sampler = KMeansSMOTE(
        random_state=0,
        kmeans_estimator=2,
        cluster_balance_threshold="paper",
        sampling_strategy={1: 31},
    )
    sampler.fit_resample(X, y)
    assert (sampler.sample_indices_[20:] >= 10).all()


def test_many_features_do_not_overflow():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(20, 400)) * s for s in (1e3, 2e3)])
    X[20:] += 1e6
    y = np.tile([0, 1, 1, 1], 10)
    X = np.vstack([X, rng.normal(size=(60, 400)) - 1e6])
    y = np.concatenate([y, np.zeros(60, dtype=int)])
    sampler = KMeansSMOTE(
        random_state=0,
        kmeans_estimator=KMeans(3, random_state=0),
        density_exponent="paper",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.fit_resample(X, y)
    # Twice the distance in 400 dimensions takes all.
    assert (sampler.sample_indices_[len(X) :] >= 20).all()


def test_equal_rows_share_alike():
    X = np.repeat([[0.0, 0.0], [5.0, 5.0], [90.0, 90.0]], [6, 12, 40], axis=0)
    y = np.repeat([1, 1, 0], [6, 12, 40])
    sampler = KMeansSMOTE(random_state=0, kmeans_estimator=3)
    found = sampler.fit_resample(X, y)[0]
    assert sorted(sampler.cluster_counts_[1]) == [0, 11, 11]
    assert not np.isnan(found).any()


def test_clusters_without_weight_are_not_used():
    X, y, group = four_groups()
    sampler = KMeansSMOTE(random_state=0, kmeans_estimator=KMeans(4, random_state=0))
    weight = np.where(group == 0, 0.0, 1.0)
    sampler.fit_resample(X, y, sample_weight=weight)
    assert (group[sampler.sample_indices_[len(X) :]] == 1).all()


def test_clustering_is_fitted_once():
    fits = []

    class Counting(MiniBatchKMeans):
        def fit(self, X, y=None, sample_weight=None):
            fits.append(len(X))
            return super().fit(X, y, sample_weight)

    X, y = make((0.5, 0.3, 0.2))
    sampler = KMeansSMOTE(
        kmeans_estimator=Counting(2), cluster_balance_threshold=0.1, random_state=0
    )
    first = sampler.fit_resample(X, y)[0]
    assert fits == [len(X)]
    assert_array_equal(sampler.fit_resample(X, y)[0], first)
    assert sampler.kmeans_estimator.random_state is None


@pytest.mark.parametrize(
    "clustering",
    [
        MeanShift(bandwidth=40),
        BisectingKMeans(4),
        np.int64(4),
        None,
    ],
)
def test_other_clusterings(clustering):
    X, y, _ = four_groups()
    sampler = KMeansSMOTE(random_state=0, kmeans_estimator=clustering)
    _, y_new = sampler.fit_resample(X, y)
    assert (y_new == 1).sum() == (y_new == 0).sum()


def test_estimator_without_labels():
    class Halves(KMeans):
        def fit(self, X, y=None, sample_weight=None):
            return self

        def predict(self, X):
            return (X[:, 0] > 50).astype(int) * 7

    X, y, group = four_groups()
    sampler = KMeansSMOTE(random_state=0, kmeans_estimator=Halves(2))
    sampler.set_params(cluster_balance_threshold=0.2)
    sampler.fit_resample(X, y)
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    assert_array_equal(group[base] % 2, group[partner] % 2)


@pytest.mark.parametrize("n_rows", [2, 3, 4, 5, 6, 7, 300])
@pytest.mark.parametrize("n_features", [1, 3])
def test_mean_distance(n_rows, n_features):
    rng = np.random.default_rng(n_rows)
    X = np.round(rng.normal(size=(n_rows + 4, n_features)), 1)
    rows = rng.permutation(n_rows + 4)[:n_rows]
    expected = pdist(X[rows]).mean()
    assert_allclose(mean_distance(X, rows), expected, rtol=1e-12)
    assert mean_distance(X, rows) == mean_distance(X, rows, n_jobs=3)
    found = mean_distance(sparse.csr_array(X), rows)
    assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_mean_distance_of_equal_rows_is_zero():
    X = np.tile(np.random.default_rng(0).normal(size=7), (600, 1))
    assert mean_distance(X, np.arange(600)) == 0
    assert mean_distance(sparse.csr_array(X), np.arange(600)) == 0


def test_shares_from_logarithms():
    assert log_sparsity(3.0, 4, 2) == pytest.approx(np.log(9 / 4))
    assert log_sparsity(0.0, 4, 0) == -np.log(4)
    assert log_sparsity(0.0, 4, 2) == -np.inf
    assert log_sparsity(0.0, 4, -2) == np.inf
    assert_allclose(normalize_logs(np.log([1.0, 3.0])), [0.25, 0.75])
    assert_allclose(normalize_logs(np.array([5000.0, 5000.0])), [0.5, 0.5])
    assert_array_equal(normalize_logs(np.array([-np.inf, 0.0])), [0, 1])
    assert_array_equal(normalize_logs(np.array([-np.inf, -np.inf])), [0.5, 0.5])
    assert_array_equal(normalize_logs(np.array([np.inf, 0.0, np.inf])), [0.5, 0, 0.5])
