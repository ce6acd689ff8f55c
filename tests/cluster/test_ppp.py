"""The clustering as a user sees it."""

import math
import pickle

import numpy as np
import pytest
from scipy.cluster.hierarchy import is_monotonic, is_valid_linkage
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_iris,
    load_wine,
    make_blobs,
    make_moons,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.cluster import PPPClustering
from skext.datasets import make_unclustered


def blobs(k=4, n=600, d=2, seed=0, sigma=6.0):
    """Clusters whose centres are at least so many standard deviations apart."""
    rng = np.random.default_rng(seed)
    centers = np.empty((0, d))
    half = 0.8 * sigma * max(1.0, k ** (1 / d))
    while len(centers) < k:
        drawn = rng.uniform(-half, half, d)
        if np.all(np.linalg.norm(centers - drawn, axis=1) >= sigma):
            centers = np.vstack([centers, drawn])
        half *= 1.001
    y = rng.integers(0, k, n)
    return centers[y] + rng.normal(size=(n, d)), y


@pytest.mark.parametrize("seed", range(12))
def test_separated_clusters_are_recovered(seed):
    k, d = [(1, 2), (3, 2), (7, 5), (12, 3), (20, 10), (30, 20)][seed % 6]
    X, y = blobs(k, 100 * k + 100, d, seed)
    model = PPPClustering().fit(X)
    assert model.n_clusters_ == k
    assert adjusted_rand_score(y, model.labels_) > 0.99


def test_grid_of_many_clusters():
    rng = np.random.default_rng(5)
    y = np.repeat(np.arange(49), 60)
    X = np.stack([y % 7, y // 7], axis=1) * 6.0 + rng.normal(size=(len(y), 2))
    model = PPPClustering().fit(X)
    assert model.n_clusters_ == 49
    assert adjusted_rand_score(y, model.labels_) > 0.97


@pytest.mark.parametrize(
    ("load", "scale", "k", "score"),
    [
        (load_iris, False, 2, 0.56),
        (load_wine, True, 3, 0.9),
        (load_breast_cancer, True, 2, 0.8),
    ],
)
def test_named_tables(load, scale, k, score):
    X, y = load(return_X_y=True)
    model = PPPClustering()
    if scale:
        model = make_pipeline(StandardScaler(), model)
    labels = model.fit_predict(X)
    assert len(np.unique(labels)) == k
    assert adjusted_rand_score(y, labels) > score


@pytest.mark.parametrize("kind", ["normal", "student", "lognormal", "uniform"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_tables_without_clusters_have_one(kind, d):
    rng = np.random.default_rng(d)
    X = rng.standard_normal((500, d))
    if kind == "student":
        X /= np.sqrt(rng.chisquare(3, (500, 1)) / 3)
    elif kind == "lognormal":
        X = np.exp(0.5 * X)
    elif kind == "uniform":
        X = rng.uniform(size=(500, d))
    assert PPPClustering().fit(X).n_clusters_ == 1


def test_a_small_far_cluster_in_a_large_table_is_found():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 3)) + 8.0 * rng.integers(0, 2, 60_000)[:, None]
    X[:60] = rng.normal(size=(60, 3)) + [40, 0, 0]
    model = PPPClustering().fit(X)
    assert model.n_clusters_ == 3
    assert len(np.unique(model.labels_[:60])) == 1
    assert np.bincount(model.labels_)[model.labels_[0]] == 60
    assert model.n_representatives_ == 4096
    assert 0.0 < model.reduction_loss_ < 0.1
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    refined = PPPClustering(refine=2).fit(X)
    assert adjusted_rand_score(model.labels_, refined.labels_) > 0.999
    order = rng.permutation(len(X))
    again = PPPClustering(refine=2).fit(X[order])
    np.testing.assert_array_equal(again.labels_, refined.labels_[order])


def test_reduced_table_with_enough_leaves_is_the_table():
    X, _ = blobs(3, 300)
    whole = PPPClustering(row_reduction=None).fit(X)
    same = PPPClustering(row_reduction=300).fit(X)
    np.testing.assert_array_equal(whole.cluster_centers_, same.cluster_centers_)
    fewer = PPPClustering(row_reduction=100).fit(X)
    assert fewer.n_representatives_ == 100
    assert adjusted_rand_score(whole.labels_, fewer.labels_) > 0.98


def test_moons_are_joined_from_components():
    X, y = make_moons(1000, noise=0.06, random_state=1)
    model = PPPClustering().fit(X)
    assert model.n_clusters_ == 2
    assert model.n_components_ > 2
    assert adjusted_rand_score(y, model.labels_) > 0.95


def test_wide_tables_are_projected():
    X, y = blobs(4, 500, 50, seed=1)
    model = PPPClustering().fit(X)
    assert model._frame.basis.shape[1] < 50
    assert adjusted_rand_score(y, model.labels_) > 0.99
    assert model.means_.shape == (model.n_components_, 50)
    full = PPPClustering(feature_reduction=None).fit(X)
    assert adjusted_rand_score(y, full.labels_) > 0.99
    # The density is one over all features.
    mixture = GaussianMixture(model.n_components_)
    mixture.weights_ = model.component_weights_
    mixture.means_ = model.means_
    mixture.precisions_cholesky_ = model.precisions_cholesky_
    mixture.covariances_ = model.covariances_
    np.testing.assert_allclose(
        model.score_samples(X), mixture.score_samples(X), rtol=1e-9
    )
    assert PPPClustering(feature_reduction=3).fit(X)._frame.basis.shape == (50, 3)


def test_probabilities_and_densities_are_those_of_a_mixture():
    X, _ = blobs(5, 700, 3, sigma=4.0)
    X = X * [1.0, 20.0, 0.01] + [5.0, -300.0, 2.0]
    with pytest.warns(UserWarning, match=r"spread by 0\.042 to 75"):
        model = PPPClustering().fit(X)
    assert model.n_clusters_ == model.n_components_
    mixture = GaussianMixture(model.n_components_)
    mixture.weights_ = model.component_weights_
    mixture.means_ = model.means_
    mixture.covariances_ = model.covariances_
    mixture.precisions_cholesky_ = model.precisions_cholesky_
    order = model.component_to_cluster_
    proba = model.predict_proba(X)[:, order]
    np.testing.assert_allclose(proba, mixture.predict_proba(X), atol=1e-9)
    density = model.score_samples(X)
    np.testing.assert_allclose(density, mixture.score_samples(X), rtol=1e-9)
    assert model.score(X) == pytest.approx(density.mean())
    np.testing.assert_array_equal(model.predict_proba(X).argmax(axis=1), model.labels_)
    parameters = {"spherical": 4, "diag": 6, "ppca": 7, "full": 9}
    n_params = sum(parameters[f] for f in model.component_family_)
    n_params += model.n_components_ - 1
    expected = n_params * math.log(len(X)) - 2 * density.sum()
    assert model.bic(X) == pytest.approx(expected, rel=1e-10)


def test_criterion_without_coarsening_is_that_of_the_rows():
    X, _ = blobs(3, 400, 3)
    model = PPPClustering(coarsening=None, tol=1e-12, max_iter=1000).fit(X)
    assert model.bic_ == pytest.approx(model.bic(X), rel=1e-9)
    assert model.bic_path_[-1] == pytest.approx(model.bic_)


def test_distances_and_names():
    X, _ = blobs(3, 200)
    model = PPPClustering().fit(X)
    distances = model.transform(X)
    expected = np.linalg.norm(X[:, None] - model.cluster_centers_, axis=2)
    np.testing.assert_allclose(distances, expected)
    assert model.transform(X.astype(np.float32)).dtype == np.float32
    names = model.get_feature_names_out()
    assert names.tolist() == ["pppclustering0", "pppclustering1", "pppclustering2"]
    squares = distances[np.arange(200), model.labels_] ** 2
    assert model.inertia_ == pytest.approx(squares.sum())


def test_fitted_attributes_agree():
    X, _ = blobs(6, 900, 2, sigma=4.5)
    model = PPPClustering().fit(X)
    k, n_components = model.n_clusters_, model.n_components_
    assert np.unique(model.labels_).tolist() == list(range(k))
    assert np.unique(model.component_to_cluster_).tolist() == list(range(k))
    assert model.weights_.sum() == pytest.approx(1.0)
    assert model.component_weights_.sum() == pytest.approx(1.0)
    order = np.lexsort(model.cluster_centers_.T[::-1])
    assert order.tolist() == list(range(k))
    assert is_valid_linkage(model.linkage_matrix_)
    assert is_monotonic(model.linkage_matrix_)
    assert model.children_.shape == (n_components - 1, 2)
    np.testing.assert_array_equal(model.distances_, model.linkage_matrix_[:, 2])
    np.testing.assert_array_equal(
        model.separability_matrix_, model.separability_matrix_.T
    )
    assert 0.9 < model.clusterability_ <= model.core_clusterability_ <= 1.0
    core = model.predict_proba(X).max(axis=1) >= 0.95
    np.testing.assert_array_equal(model.core_sample_mask_, core)
    eye = np.eye(2)
    for factor, covariance in zip(
        model.precisions_cholesky_, model.covariances_, strict=True
    ):
        np.testing.assert_allclose(factor @ factor.T @ covariance, eye, atol=1e-9)


def test_record_of_the_search():
    X, _ = blobs(5, 500)
    tree = PPPClustering().fit(X).split_tree_
    assert tree["node"][0] == 0
    assert tree["parent"][0] == -1
    assert tree["accepted"][0]
    assert all(tree["reason"])
    assert set(tree["parent"][1:]) <= set(tree["node"])
    # A split is accepted for a positive gain only.
    assert np.all(tree["gain"][tree["accepted"]] > 0)


def test_cuts_of_the_dendrogram():
    X, _ = blobs(5, 600)
    model = PPPClustering().fit(X)
    assert model.n_components_ == 5
    np.testing.assert_array_equal(model.cut_tree(n_clusters=5), model.component_labels_)
    np.testing.assert_array_equal(
        model.cut_tree(prominence=model.min_prominence), model.component_labels_
    )
    for k in range(1, 6):
        labels = model.cut_tree(n_clusters=k)
        assert len(np.unique(labels)) == k
        np.testing.assert_array_equal(labels, model.cut_tree(X, n_clusters=k))
    assert len(np.unique(model.cut_tree(prominence=1e9))) == 1
    with pytest.raises(ValueError, match="n_clusters=None, prominence=None"):
        model.cut_tree()
    with pytest.raises(ValueError, match="n_clusters=6 must be"):
        model.cut_tree(n_clusters=6)
    with pytest.raises(ValueError, match="prominence=-1"):
        model.cut_tree(prominence=-1)


def test_background_component():
    rng = np.random.default_rng(2)
    X = np.vstack(
        [
            rng.normal(size=(900, 2)) * 0.5 + [-4, 0],
            rng.normal(size=(900, 2)) * 0.5 + [4, 0],
            rng.normal(size=(150, 2)) * 6.0,
        ]
    )
    assigned = PPPClustering().fit(X)
    assert assigned.n_clusters_ == 2
    assert assigned.background_.any()
    assert set(assigned.labels_) == {0, 1}
    noise = PPPClustering(background="noise").fit(X)
    assert set(noise.labels_) == {-1, 0, 1}
    np.testing.assert_array_equal(noise.predict(X), noise.labels_)
    clear = noise.labels_ >= 0
    np.testing.assert_array_equal(noise.labels_[clear], assigned.labels_[clear])
    assert not PPPClustering(background="cluster").fit(X).background_.any()
    np.testing.assert_allclose(assigned.predict_proba(X).sum(axis=1), 1.0)


def test_nearest_centres():
    X, _ = blobs(4, 500)
    model = PPPClustering(assign="centers").fit(X)
    np.testing.assert_array_equal(model.transform(X).argmin(axis=1), model.labels_)
    np.testing.assert_array_equal(model.predict(X), model.labels_)


@pytest.mark.parametrize("kind", ["spherical", "diag", "ppca", "full"])
def test_types_of_covariance(kind):
    X, y = blobs(4, 800, 4)
    model = PPPClustering(covariance_type=kind).fit(X)
    assert set(model.component_family_) == {kind}
    assert adjusted_rand_score(y, model.labels_) > 0.99


def test_limits():
    X, _ = blobs(6, 600)
    with pytest.warns(ConvergenceWarning, match="max_clusters=3 ended .* more would"):
        assert PPPClustering(max_clusters=3).fit(X).n_components_ <= 3
    with pytest.warns(ConvergenceWarning, match="max_levels=1 ended"):
        assert PPPClustering(max_levels=1).fit(X).n_levels_ == 1
    flat = make_unclustered(300, 1, kind="uniform", random_state=0).data
    with pytest.warns(ConvergenceWarning, match="max_iter=1 ended"):
        assert not PPPClustering(max_iter=1).fit(flat).converged_
    assert PPPClustering(max_levels=0).fit(X).n_clusters_ == 1
    strict = PPPClustering(min_evidence=1e9, bridge_prominence=1e9).fit(X)
    # Clusters so far apart need no evidence.
    assert strict.n_clusters_ <= 6


@pytest.mark.parametrize(
    "X",
    [
        np.array([[3.0, 4.0]]),
        np.array([[0.0], [1.0]]),
        np.ones((10, 3)),
        np.arange(5.0).reshape(-1, 1),
        np.full((4, 2), 1e300),
    ],
    ids=["one row", "two rows", "equal rows", "five rows", "huge"],
)
def test_tables_too_small_for_more_than_one_cluster(X):
    model = PPPClustering().fit(X)
    assert model.n_clusters_ == 1
    assert set(model.labels_) == {0}
    np.testing.assert_allclose(model.cluster_centers_[0], X.mean(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal(model.predict_proba(X), 1.0)
    assert np.all(np.isfinite(model.score_samples(X)))
    assert model.clusterability_ == 0.0


def test_constant_columns_are_kept_in_shapes_only():
    X, _ = blobs(3, 300)
    padded = np.insert(X, 1, 7.0, axis=1)
    model, plain = PPPClustering().fit(padded), PPPClustering().fit(X)
    np.testing.assert_array_equal(model.labels_, plain.labels_)
    np.testing.assert_array_equal(model.cluster_centers_[:, 1], 7.0)
    np.testing.assert_array_equal(
        model.cluster_centers_[:, [0, 2]], plain.cluster_centers_
    )
    np.testing.assert_array_equal(model.covariances_[:, 1], 0.0)
    np.testing.assert_allclose(model.score_samples(padded), plain.score_samples(X))


def test_more_features_than_rows():
    X, y = blobs(2, 20, 25, sigma=20.0)
    model = PPPClustering().fit(X)
    assert model.n_clusters_ == 2
    assert adjusted_rand_score(y, model.labels_) == 1.0


def test_wildly_different_scales():
    X, y = blobs(4, 800, 3)
    for factors in ([1e-9, 1.0, 1e9], [1e60, 1e-60, 1.0]):
        with pytest.warns(UserWarning, match="put a StandardScaler first"):
            model = PPPClustering().fit(X * factors)
        assert model.n_clusters_ == 4
        assert adjusted_rand_score(y, model.labels_) > 0.98


def test_collinear_columns_are_no_evidence():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    X = np.column_stack([X, 2.0 * X[:, 0], X.sum(axis=1)])
    assert PPPClustering().fit(X).n_clusters_ == 1


def test_coarse_values_are_no_clusters():
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(2000, 2)), 0)
    assert PPPClustering().fit(X).n_clusters_ == 1
    many = np.round(2.0 * rng.normal(size=(60_000, 3)), 0)
    assert PPPClustering().fit(many).n_clusters_ == 1


def test_bad_input_is_named():
    X, _ = blobs(2, 50)
    with pytest.raises(TypeError, match="TruncatedSVD"):
        PPPClustering().fit(csr_array(X))
    with pytest.raises(ValueError, match="NaN"):
        PPPClustering().fit(np.where(X > 3, np.nan, X))
    with pytest.raises(ValueError, match="non-zero"):
        PPPClustering().fit(X, sample_weight=np.zeros(50))
    with pytest.raises(ValueError, match="Negative values"):
        PPPClustering().fit(X, sample_weight=-np.ones(50))
    model = PPPClustering().fit(X)
    with pytest.raises(TypeError, match="TruncatedSVD"):
        model.predict(csr_array(X))
    with pytest.raises(ValueError, match="3 features"):
        model.predict(np.ones((4, 3)))


def test_batches_in_order():
    X, y = blobs(4, 3000, 3)
    model, again = PPPClustering(), PPPClustering()
    for start in range(0, 3000, 1000):
        model.partial_fit(X[start : start + 1000])
        again.partial_fit(X[start : start + 1000])
    np.testing.assert_array_equal(model.cluster_centers_, again.cluster_centers_)
    assert model.n_clusters_ == 4
    assert len(model.labels_) == 1000
    assert adjusted_rand_score(y, model.predict(X)) > 0.99
    # All rows fit into the summary, so it is that of one fit.
    whole = PPPClustering().fit(X)
    np.testing.assert_allclose(model.cluster_centers_, whole.cluster_centers_)
    # A fit forgets.
    assert len(model.fit(X[:500]).labels_) == 500
    with pytest.warns(UserWarning, match="partial_fit begins anew"):
        model.partial_fit(X[:700])
    assert model._tree.weights.sum() == 700


@pytest.mark.parametrize("background", ["assign", "noise"])
@pytest.mark.parametrize("assign", ["mixture", "centers"])
def test_a_batch_of_some_clusters_keeps_the_others(background, assign):
    X, y = blobs(5, 1500, 2, seed=2)
    model = PPPClustering(background=background, assign=assign).partial_fit(X)
    for cluster in range(5):
        model.partial_fit(X[y == cluster][:3])
        assert model.n_clusters_ == 5
        assert len(model.labels_) == 3
        assert adjusted_rand_score(y, model.predict(X)) > 0.99
    # Batches that come sorted by cluster.
    model = clone(model)
    for cluster in range(5):
        model.partial_fit(X[y == cluster])
    assert model.n_clusters_ == 5
    assert adjusted_rand_score(y, model.predict(X)) > 0.99


def test_rows_of_weight_zero_keep_no_cluster():
    rng = np.random.default_rng(2)
    X, _ = blobs(3, 400, 2)
    weights = np.r_[np.ones(400), np.zeros(50)]
    far = np.r_[X, 1e6 + rng.normal(size=(50, 2))]
    found, expected = PPPClustering().fit(far, sample_weight=weights), PPPClustering()
    np.testing.assert_array_equal(found.labels_[:400], expected.fit(X).labels_)
    np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)
    # Sums of another number of terms are rounded otherwise on some processors.
    assert found.inertia_ == pytest.approx(expected.inertia_, rel=1e-14)


def test_pickle_keeps_predictions():
    X, _ = blobs(4, 30_000)
    model = PPPClustering().fit(X)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.labels_)
    assert len(pickle.dumps(model)) < 2 * model.labels_.nbytes + 100_000
    assert clone(model).get_params() == model.get_params()


def test_pandas_output():
    pandas = pytest.importorskip("pandas")
    X, _ = blobs(3, 100)
    table = pandas.DataFrame(X, columns=["a", "b"])
    model = PPPClustering().set_output(transform="pandas").fit(table)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert (
        model.transform(table).columns.tolist()
        == model.get_feature_names_out().tolist()
    )


def test_agrees_with_the_toys_of_scikit_learn():
    X, y = make_blobs(1500, random_state=170)
    stretched = X @ np.array([[0.6, -0.6], [-0.4, 0.8]])
    for rows in (X, stretched):
        model = PPPClustering().fit(rows)
        assert model.n_clusters_ == 3
        assert adjusted_rand_score(y, model.labels_) > 0.99
