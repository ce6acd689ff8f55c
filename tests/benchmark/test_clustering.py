"""Tasks without a supervisor: the whole table is fitted, labels only score."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from skext.benchmark import Benchmark, Method, Task, TaskInfo
from skext.benchmark._engine.methods import build
from skext.benchmark._engine.metrics import Predictions, score
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import METHODS, default_methods
from skext.benchmark._families.clustering.tasks import TASKS
from skext.benchmark._suites import load_tasks

NAMES = ["adjusted_rand", "exact_k", "k_error", "adjusted_mutual_info"]


def scores(y, label):
    found = score(NAMES, np.array(y), Predictions(np.array(label)), "clustering")
    return {name: value for name, (value, _) in found.items()}


def test_metrics():
    assert scores([0, 0, 1, 1], [7, 7, 3, 3]) == {
        "adjusted_rand": 1.0,
        "exact_k": 1.0,
        "k_error": 0.0,
        "adjusted_mutual_info": pytest.approx(1.0),
    }
    noisy = scores([0, 0, 0, 1, 1, 1], [0, 0, -1, 1, 1, -1])
    assert noisy["exact_k"] == 1.0
    assert 0 < noisy["adjusted_rand"] < 1
    nothing = scores([0, 0, 0, 0], [0, 1, 2, 2])
    assert nothing["k_error"] == 2.0
    assert nothing["adjusted_rand"] == 0.0
    assert scores([0, 0, 0], [5, 5, 5])["adjusted_rand"] == 1.0


class Spy(ClusterMixin, BaseEstimator):
    """Refuses to be told anything about the clusters."""

    def fit(self, X, y=None):
        assert y is None
        self.labels_ = (X[:, 0] > 0).astype(int)
        return self


def spy(info):
    assert info.task_type == "clustering"
    assert info.n_classes == 0
    return Spy()


def test_no_method_is_told_the_truth(tmp_path):
    X, y = make_blobs(60, centers=[[-9, 0], [9, 0]], random_state=0)
    task = Task(id="two", track="clustering", arrays=(X, y), folds=(2, 2))
    bench = Benchmark([task], [Method("spy", spy)])
    frame = bench.run(tmp_path / "run", backend="sequential", progress="none")
    frame = frame.to_frame()
    assert set(frame["status"]) == {"ok"}
    rows = frame[frame["metric"] == "adjusted_rand"]
    assert rows["value"].tolist() == [1.0] * 4
    assert rows["n_train"].tolist() == [60] * 4


def test_folds_are_orders_of_the_whole_table():
    X, y = make_blobs(50, random_state=0)
    task = Task(id="t", track="clustering", arrays=(X, y), folds=(2, 3))
    loaded = load_task(task)
    orders = [loaded.split(r, f)[0] for r in range(2) for f in range(3)]
    np.testing.assert_array_equal(orders[0], np.arange(50))
    assert len({order.tobytes() for order in orders}) == 6
    assert all(np.array_equal(np.sort(order), orders[0]) for order in orders)
    assert TaskInfo.of(loaded).n_classes == 0
    assert loaded.properties()["n_classes"] is None


def test_a_table_without_clusters_is_a_task():
    X = np.random.default_rng(0).normal(size=(30, 2))
    loaded = load_task(Task(id="t", track="clustering", arrays=(X, np.zeros(30, int))))
    assert loaded.task_type == "clustering"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_offline_tasks(task):
    loaded = load_task(task)
    assert loaded.track == loaded.task_type == "clustering"
    assert 100 <= loaded.X.shape[0] <= 3000


def test_the_suite_is_for_clustering():
    assert {task.track for task in load_tasks("cluster")} == {"clustering"}


PEERS = ["kmeans-silhouette", "gmm-bic", "hdbscan"]
PEERS += [name for name in METHODS if name.startswith("clustpy")]


@pytest.mark.parametrize("name", PEERS)
def test_peers_find_what_is_obvious(name):
    for package in METHODS[name].needs:
        pytest.importorskip(package)
    X, y = make_blobs(300, centers=4, random_state=1, cluster_std=0.3)
    info = TaskInfo("t", "clustering", "clustering", 300, 2, 0, ())
    labels = build(METHODS[name], info, seed=0).fit_predict(X)
    assert scores(y, labels)["exact_k"] == 1.0


def test_methods_join_by_default():
    names = [method.name for method in default_methods("clustering")]
    assert {"skext-ppp", "kmeans-silhouette", "gmm-bic", "bayesian-gmm"} <= set(names)
    assert METHODS["clustpy-x-means"].needs == ("clustpy",)
    assert all(METHODS[name].can_do("clustering") for name in names)
    assert not METHODS["logistic"].can_do("clustering")


def test_results_have_a_report(tmp_path):
    tables = {
        str(seed): make_blobs(80, random_state=seed, cluster_std=0.5)
        for seed in range(2)
    }
    tasks = [
        Task(id=name, track="clustering", arrays=data, folds=(1, 1))
        for name, data in tables.items()
    ]
    bench = Benchmark(tasks, {"dummy": "dummy-clustering", "three": KMeans(3)})
    results = bench.run(tmp_path / "run", backend="sequential", progress="none")
    report = tmp_path / "report.html"
    results.report(report)
    assert "adjusted_rand" in report.read_text()
    summary = results.summary().set_index("method")
    assert summary["mean_score"]["three"] > summary["mean_score"]["dummy-clustering"]
