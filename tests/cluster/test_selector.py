"""The most separable columns, and the check against luck."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline

from skext.cluster import PPPClustering, SeparableFeatureSelector
from skext.cluster._separability.selector import _subset_sizes, _within_share
from skext.datasets import make_separated_clusters, make_unclustered


@pytest.fixture(scope="module")
def hidden():
    """Two columns with three clusters among thirty correlated ones without."""
    rng = np.random.default_rng(1)
    found = make_separated_clusters(400, 2, n_clusters=3, separation=6, random_state=1)
    noise = 2.0 * rng.normal(size=(400, 4)) @ rng.normal(size=(4, 30))
    noise += 0.3 * rng.normal(size=(400, 30))
    order = rng.permutation(32)
    return np.hstack([found.data, noise])[:, order], found.target, order


@pytest.fixture(scope="module")
def selector(hidden):
    return SeparableFeatureSelector().fit(hidden[0])


def test_informative_columns_are_found(selector, hidden):
    X, truth, order = hidden
    chosen = order[selector.get_support(indices=True)]
    assert set(chosen) == {0, 1}
    # All columns together hide the clusters.
    assert selector.path_["n_clusters"][0] == 1
    assert selector.estimator_.n_clusters_ == 3
    assert adjusted_rand_score(truth, selector.estimator_.labels_) > 0.98
    assert selector.is_clusterable_
    assert selector.dip_pvalue_ < 0.05
    assert selector.clusterability_ > 0.9
    assert selector.transform(X).shape == (400, len(chosen))
    np.testing.assert_array_equal(
        selector.estimator_.labels_, selector.estimator_.predict(selector.transform(X))
    )


def test_path_and_number_of_fits(selector):
    assert selector.path_["n_features"].tolist() == [32, 22, 15, 10, 7, 4, 2, 1]
    assert selector.n_fits_ == 8 + 32
    assert len(selector.path_["information"]) == 8


def test_order_of_rows_and_columns(selector, hidden):
    X = hidden[0]
    p = np.random.default_rng(1).permutation(len(X))
    other = SeparableFeatureSelector().fit(X[p])
    np.testing.assert_array_equal(other.support_, selector.support_)
    assert other.dip_pvalue_ == selector.dip_pvalue_
    turned = SeparableFeatureSelector().fit(X[:, ::-1])
    np.testing.assert_array_equal(turned.support_[::-1], selector.support_)


@pytest.mark.parametrize("kind", ["uniform", "normal", "exponential"])
def test_tables_without_clusters_are_not_called_clusterable(kind):
    """Four tables of each kind; the level of the whole search is 5 %."""
    for seed in range(4):
        X = make_unclustered(300, 8, kind=kind, random_state=seed).data
        assert not SeparableFeatureSelector().fit(X).is_clusterable_


def test_evidence_grows_with_the_number_of_fits():
    found = SeparableFeatureSelector(PPPClustering(min_evidence=3.0))._clustering(10)
    assert found.min_evidence == pytest.approx(3.0 + np.log(10))


def test_sizes_of_the_subsets():
    assert _subset_sizes(10, 1, 0.7) == [10, 7, 4, 2, 1]
    assert _subset_sizes(10, 4, 0.7) == [10, 7, 4]
    assert _subset_sizes(3, 5, 0.7) == [3]
    assert _subset_sizes(3, 1, 0.99) == [3, 2, 1]


def test_share_within_clusters():
    X = np.array([[0.0, 1.0, 5.0], [0.0, 3.0, 5.0], [2.0, 1.0, 5.0], [2.0, 3.0, 5.0]])
    share = _within_share(X, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(share, [0.0, 1.0, 1.0])


def test_in_a_pipeline_with_names(hidden):
    pd = pytest.importorskip("pandas")
    X, y, _ = hidden
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(32)])
    pipeline = make_pipeline(SeparableFeatureSelector(), PPPClustering())
    labels = pipeline.fit_predict(frame)
    assert len(labels) == len(y)
    selector = pipeline[0].set_output(transform="pandas")
    assert list(selector.transform(frame).columns) == list(
        selector.get_feature_names_out()
    )


def test_one_column():
    x = (
        np.random.default_rng(0).normal(size=(200, 1))
        + 8 * (np.arange(200) % 2)[:, None]
    )
    selector = SeparableFeatureSelector().fit(x)
    assert selector.support_.tolist() == [True]
    assert selector.is_clusterable_
