"""Nothing but the rows decides."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skext.cluster import PPPClustering

OUTPUTS = ("cluster_centers_", "means_", "covariances_", "linkage_matrix_", "bic_path_")


def overlapping(n=900, seed=0, d=3):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 5, n)
    return 4.0 * rng.normal(size=(5, d))[y] + rng.normal(size=(n, d))


def assert_same(found, expected):
    for name in OUTPUTS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("table", ["wine", "overlapping", "reduced", "wide"])
def test_order_of_rows(table):
    if table == "wine":
        X = StandardScaler().fit_transform(load_wine(return_X_y=True)[0])
    elif table == "wide":
        X = overlapping(400, d=40)
    else:
        X = overlapping(25_000 if table == "reduced" else 900)
    expected = PPPClustering().fit(X)
    rng = np.random.default_rng(0)
    for _ in range(3):
        order = rng.permutation(len(X))
        found = PPPClustering().fit(X[order])
        assert_same(found, expected)
        np.testing.assert_array_equal(found.labels_, expected.labels_[order])


@pytest.mark.parametrize("n", [900, 25_000])
def test_number_of_threads(n):
    X = overlapping(n, d=12)
    expected = PPPClustering().fit(X)
    for threads in (2, 4):
        assert_same(PPPClustering(n_jobs=threads).fit(X), expected)
        with threadpool_limits(threads):
            found = PPPClustering().fit(X)
        assert_same(found, expected)
        np.testing.assert_array_equal(found.labels_, expected.labels_)


@pytest.mark.parametrize("n", [600, 23_000])
def test_weights_are_repetitions(n):
    X = overlapping(n)
    weights = np.random.default_rng(1).integers(0, 3, n)
    weighted = PPPClustering().fit(X, sample_weight=weights.astype(float))
    repeated = PPPClustering().fit(np.repeat(X, weights, axis=0))
    assert_same(weighted, repeated)
    np.testing.assert_array_equal(
        np.repeat(weighted.labels_, weights), repeated.labels_
    )


def test_weight_zero_is_removal():
    X = overlapping()
    weights = np.ones(len(X))
    weights[::3] = 0.0
    weighted = PPPClustering().fit(X, sample_weight=weights)
    assert_same(weighted, PPPClustering().fit(X[weights > 0]))
    assert len(weighted.labels_) == len(X)


def test_importance_has_no_scale():
    X = overlapping()
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    model = PPPClustering(weight_type="importance")
    small = model.fit(X, sample_weight=1e-3 * weights).labels_
    np.testing.assert_array_equal(model.fit(X, sample_weight=weights).labels_, small)
    even = model.fit(X, sample_weight=np.full(len(X), 7.0)).labels_
    np.testing.assert_array_equal(PPPClustering().fit(X).labels_, even)


def test_translation_and_scale():
    X = overlapping()
    expected = PPPClustering().fit(X)
    moved = PPPClustering().fit(37.5 * X + 100.0)
    np.testing.assert_array_equal(moved.labels_, expected.labels_)
    np.testing.assert_allclose(
        moved.cluster_centers_, 37.5 * expected.cluster_centers_ + 100.0, rtol=1e-6
    )
    # Powers of two change no bit.
    doubled = PPPClustering().fit(4.0 * X)
    np.testing.assert_array_equal(
        doubled.cluster_centers_, 4.0 * expected.cluster_centers_
    )


@pytest.mark.parametrize("kind", ["full", "spherical"])
def test_rotation(kind):
    rng = np.random.default_rng(3)
    X = 9.0 * rng.normal(size=(4, 3))[rng.integers(0, 4, 600)]
    X += rng.normal(size=(600, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    model = PPPClustering(covariance_type=kind)
    expected = model.fit(X).labels_
    found = model.fit(X @ turn).labels_
    pairs = set(zip(expected, found, strict=True))
    assert len(pairs) == len(set(expected)) == len(set(found))


def test_float32_is_read_as_it_is():
    X = overlapping().astype(np.float32)
    found = PPPClustering().fit(X)
    assert_same(found, PPPClustering().fit(X.astype(np.float64)))
    assert found.cluster_centers_.dtype == np.float64


def test_labels_of_a_row_do_not_depend_on_the_others():
    X = overlapping()
    model = PPPClustering().fit(X)
    density = model.score_samples(X)
    proba = model.predict_proba(X)
    for size in (1, 7, 63, 64, 65, 500):
        np.testing.assert_array_equal(model.predict(X[:size]), model.labels_[:size])
        np.testing.assert_array_equal(model.score_samples(X[-size:]), density[-size:])
        np.testing.assert_array_equal(model.predict_proba(X[-size:]), proba[-size:])
