"""The track of clusterings, and its metrics; none needs a model of new rows."""

from functools import partial

import numpy as np
from sklearn import metrics as skm

from skext.benchmark._engine.kinds import Kind
from skext.benchmark._engine.metrics import Metric
from skext.benchmark._engine.track import Track
from skext.benchmark._families.clustering.methods import CLUSTERINGS
from skext.benchmark._families.clustering.tasks import TASKS


def _n_clusters(label):
    """Count the clusters; rows called noise make none."""
    return np.unique(label[label >= 0]).size


def _exact_k(y, label):
    return float(_n_clusters(label) == _n_clusters(y))


def _k_error(y, label):
    return float(abs(_n_clusters(label) - _n_clusters(y)))


_metric = partial(Metric, task_types=("clustering",))

_METRICS = (
    _metric(
        "adjusted_rand",
        skm.adjusted_rand_score,
        "adjusted Rand index against the true clusters",
    ),
    _metric("exact_k", _exact_k, "1 if the number of clusters is right"),
    _metric(
        "k_error",
        _k_error,
        "by how much the number of clusters is wrong",
        greater_is_better=False,
    ),
    _metric(
        "adjusted_mutual_info",
        skm.adjusted_mutual_info_score,
        "adjusted mutual information with the true clusters",
    ),
)

TRACKS = (
    Track(
        "clustering",
        "Clusterings that are not told the number of clusters. They are fitted to the "
        "whole table; the labels only score.",
        metrics={"clustering": tuple(metric.name for metric in _METRICS)},
        baseline="kmeans-silhouette",
        dummy="dummy-clustering",
        kinds=(Kind("clustering", "clustering", "clusters", by_track=True),),
        own_metrics=_METRICS,
        methods=CLUSTERINGS,
        tasks=TASKS,
        suites=("cluster",),
        speed="skext.benchmark._families.clustering.speed:CASES",
    ),
)
