"""Catalogue entries of clusterings that find the number of clusters themselves."""

import importlib.util

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import Pipeline

from skext.benchmark._engine.factories import entries, estimator
from skext.benchmark._engine.tasks import resolve

_HERE = "skext.benchmark._families.clustering.methods"


class OneCluster(ClusterMixin, BaseEstimator):
    """The trivial clustering."""

    def fit(self, X, y=None):
        """Put all rows into one cluster."""
        self.labels_ = np.zeros(X.shape[0], dtype=np.intp)
        return self


class KMeansSilhouette(ClusterMixin, BaseEstimator):
    """K-means with the number of clusters of the best silhouette.

    It never answers one cluster, for which there is no silhouette.
    """

    def __init__(
        self, max_clusters=50, patience=10, n_init=3, max_rows=2000, random_state=None
    ):
        self.max_clusters = max_clusters
        self.patience = patience
        self.n_init = n_init
        self.max_rows = max_rows
        self.random_state = random_state

    def fit(self, X, y=None):
        """Try two clusters, three, ... until nothing has improved for a while."""
        best, worse = -np.inf, 0
        size = min(self.max_rows, X.shape[0])
        for k in range(2, min(self.max_clusters, X.shape[0] - 1) + 1):
            model = KMeans(k, n_init=self.n_init, random_state=self.random_state)
            labels = model.fit_predict(X)
            if np.unique(labels).size < 2:
                break
            score = silhouette_score(
                X, labels, sample_size=size, random_state=self.random_state
            )
            if score > best:
                best, worse, self.labels_ = score, 0, labels
            else:
                worse += 1
            if worse == self.patience:
                break
        return self


class GaussianMixtureBIC(ClusterMixin, BaseEstimator):
    """Gaussian mixture with the number of components of the lowest BIC."""

    def __init__(
        self, covariance_type="full", max_clusters=50, patience=5, random_state=None
    ):
        self.covariance_type = covariance_type
        self.max_clusters = max_clusters
        self.patience = patience
        self.random_state = random_state

    def fit(self, X, y=None):
        """Try one component, two, ... until nothing has improved for a while."""
        best, worse = np.inf, 0
        for k in range(1, min(self.max_clusters, X.shape[0] // 2) + 1):
            model = GaussianMixture(
                k, covariance_type=self.covariance_type, random_state=self.random_state
            ).fit(X)
            score = model.bic(X)
            if score < best:
                best, worse, self.model_ = score, 0, model
            else:
                worse += 1
            if worse == self.patience:
                break
        self.labels_ = self.model_.predict(X)
        return self


def hdbscan(info):
    """HDBSCAN whose smallest cluster has a hundredth of the rows."""
    return HDBSCAN(min_cluster_size=max(5, info.n_rows // 100), copy=True)


def separable_ppp():
    """Select the most separable columns, then cluster."""
    parts = {"selector": "SeparableFeatureSelector", "clustering": "PPPClustering"}
    return Pipeline(
        [(name, resolve(f"skext.cluster:{cls}")()) for name, cls in parts.items()]
    )


_method = entries(tracks=("clustering",), task_types=("clustering",))

CLUSTERINGS = (
    _method(
        "dummy-clustering",
        estimator(f"{_HERE}:OneCluster"),
        "baseline",
        "all rows in one cluster",
        cost=0.1,
    ),
    _method(
        "kmeans-silhouette",
        estimator(f"{_HERE}:KMeansSilhouette"),
        "baseline",
        "k-means, number of clusters by the silhouette",
        cost=8.0,
    ),
    _method(
        "gmm-bic",
        estimator(f"{_HERE}:GaussianMixtureBIC"),
        "baseline",
        "Gaussian mixture with full covariances, number of components by BIC",
        cost=8.0,
    ),
    _method(
        "skext-ppp",
        estimator("skext.cluster:PPPClustering"),
        "skext",
        "k-means partitions validated by a Gaussian mixture, deterministic",
        cost=2.0,
    ),
    _method(
        "skext-ppp-separable-columns",
        separable_ppp,
        "skext",
        "PPPClustering on the most separable columns",
        tracks=(),
        cost=10.0,
    ),
    _method(
        "bayesian-gmm",
        estimator(
            "sklearn.mixture:BayesianGaussianMixture", n_components=20, max_iter=300
        ),
        "peer",
        "variational Gaussian mixture, 20 components at most",
        cost=6.0,
    ),
    _method(
        "hdbscan",
        hdbscan,
        "peer",
        "HDBSCAN, smallest cluster a hundredth of the rows",
    ),
    *(
        _method(
            f"clustpy-{name}",
            estimator(f"clustpy.centroid:{cls}", max_n_clusters=100),
            "peer",
            f"{cls} of ClustPy, 100 clusters at most",
            needs=("clustpy",),
            # An optional peer that is not there shall leave no empty rows.
            tracks=("clustering",) if importlib.util.find_spec("clustpy") else (),
            cost=6.0,
        )
        for name, cls in (
            ("x-means", "XMeans"),
            ("g-means", "GMeans"),
            ("projected-dip-means", "ProjectedDipMeans"),
        )
    ),
)
