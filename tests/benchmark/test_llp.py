"""Label proportions in the benchmark: only counts reach a method, and controls."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score

from skext.benchmark import Benchmark, Task, TaskInfo, load_tasks
from skext.benchmark._engine.methods import build
from skext.benchmark._engine.metrics import Predictions, score
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import (
    METHODS,
    TRACKS,
    default_methods,
    track_metrics,
)
from skext.benchmark._families.llp.figure import _apart, scores_by_bag_size
from skext.benchmark._families.llp.from_bags import FromBags, control_target
from skext.benchmark._families.llp.rivals import RidgeOnBagMeans
from skext.benchmark._families.llp.speed import (
    _BAG_STRENGTH,
    _as_pairs,
    _clusters_in_bags,
)
from skext.benchmark._families.llp.tasks import TASKS
from skext.exceptions import BenchmarkError
from skext.label_proportions import DLLPClassifier, bag_target, make_bags

TOLD_COUNTS = [
    method.name
    for method in METHODS.values()
    if method.name.startswith("control-")
    or (method.family == "skext" and "llp" in method.tracks)
    or method.name == "ridge-on-bag-means"
]


@pytest.fixture(scope="module")
def clusters():
    return make_classification(
        600, 10, n_informative=5, class_sep=1.2, random_state=0, shuffle=True
    )


def info(bag_size=None):
    return TaskInfo("t", "llp", "binary", 600, 10, 2, (), bag_size=bag_size)


@pytest.mark.parametrize("name", TOLD_COUNTS)
def test_only_counts_reach_a_method(name, clusters):
    """Labels that are dealt anew inside each bag change nothing, bit for bit."""
    X, y = clusters
    model = build(METHODS[name], info(20), seed=3)
    step = model.named_steps["model"]
    bags = make_bags(X, y, bag_size=20, random_state=step.bag_seed)
    rng = np.random.default_rng(0)
    dealt = y.copy()
    for bag in np.split(bags.order, 30):
        dealt[bag] = rng.permutation(y[bag])
    assert (dealt != y).sum() > 100
    assert step.bag_size == 20
    first = model.fit(X, y).predict_proba(X)
    second = model.fit(X, dealt).predict_proba(X)
    assert_array_equal(first, second)
    assert_array_equal(model.classes_, [0, 1])
    assert set(model.predict(X)) <= {0, 1}


def test_no_method_is_tuned_by_labels():
    assert len(TOLD_COUNTS) == 10
    for name in TOLD_COUNTS:
        assert METHODS[name].space is None


def test_all_methods_are_told_about_the_same_bags():
    for name in TOLD_COUNTS:
        steps = [
            build(METHODS[name], info(8), seed=seed).named_steps["model"]
            for seed in range(2)
        ]
        assert [(step.bag_size, step.bag_seed) for step in steps] == [(8, 0)] * 2


def test_the_task_says_the_size_of_the_bags(clusters):
    task = Task("t", track="llp", arrays=clusters, bag_size=128)
    described = TaskInfo.of(load_task(task))
    assert METHODS["skext-dllp"].make(described).bag_size == 128
    assert load_task(task).properties()["bag_size"] == 128
    assert METHODS["skext-dllp"].make(info()).bag_size == 32


def test_flat_bags_all_have_the_overall_share():
    target = bag_target(np.repeat(range(5), 10), counts=[1, 2, 3, 4, 5])
    flat = control_target(target, "flat")
    assert_array_equal(flat["proportion"], np.full(50, 0.3))
    assert_array_equal(flat["bag"], target["bag"])
    assert_array_equal(flat["size"], target["size"])


def test_a_rare_class_is_not_rounded_away():
    bags = np.append(np.repeat(range(20), 8), 20)
    flat = control_target(bag_target(bags, counts=[1] + [0] * 20), "flat")
    assert_array_equal(flat["proportion"][:160], np.full(160, 1 / 8))
    assert flat["proportion"][160] == 0  # a bag of one row has a label


def test_shuffled_bags_have_the_shares_of_others():
    counts = np.arange(11)
    target = bag_target(np.repeat(counts, 10), counts=counts)
    dealt = control_target(target, "shuffled", seed=1)
    found = np.round(dealt["proportion"][::10] * 10)
    assert_array_equal(np.sort(found), counts)
    assert (found != counts).sum() > 6
    assert_array_equal(dealt, control_target(target, "shuffled", seed=1))
    assert (dealt != control_target(target, "shuffled", seed=2)).any()


@pytest.mark.parametrize("control", ["flat", "shuffled"])
def test_controls_of_several_classes(control):
    y = np.arange(90) % 3
    bags = make_bags(np.zeros((90, 1)), y, bag_size=7, random_state=0)
    found = control_target(bags.target, control)
    counts = found["proportion"] * found["size"][:, np.newaxis]
    assert_allclose(counts, np.round(counts), atol=1e-9)
    assert_allclose(counts.sum(axis=1), found["size"])


def test_controls_learn_nothing_where_geometry_says_nothing(clusters):
    X, y = clusters
    areas = {}
    for name in ("skext-bp-llp", "control-bp-flat"):
        model = build(METHODS[name], info(20), seed=0).fit(X, y)
        areas[name] = roc_auc_score(y, model.predict_proba(X)[:, 1])
    assert areas["skext-bp-llp"] > 0.9
    assert 0.4 < areas["control-bp-flat"] < 0.6


def test_unknown_control(clusters):
    with pytest.raises(BenchmarkError, match="'flipped'"):
        FromBags(DLLPClassifier(), control="flipped").fit(*clusters)


def test_ridge_on_bag_means():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    singles = bag_target(np.arange(300), counts=y)
    model = RidgeOnBagMeans().fit(X, singles)
    expected = RidgeCV(np.logspace(-4, 3, 15)).fit(X, y)
    assert_allclose(model.ridge_.coef_, expected.coef_)
    bags = make_bags(X, y, bag_size=10, random_state=0)
    model.fit(bags.data, bags.target)
    proba = model.predict_proba(X)
    assert roc_auc_score(y, proba[:, 1]) > 0.7
    assert proba.min() >= 0
    assert proba[:, 1].mean() == pytest.approx(y.mean(), abs=0.05)


def metric_values(y, proba):
    found = score(
        ["bag_share_error", "bag_count_log_loss"],
        y,
        Predictions(proba.argmax(axis=1), proba),
        "binary" if proba.shape[1] == 2 else "multiclass",
    )
    return [value for value, _ in found.values()]


def test_metrics_of_bags_by_hand():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 100), rng.random(100)
    bags = np.random.default_rng(0).permutation(100) // 32
    error = loss = 0.0
    for bag in range(4):
        rows = bags == bag
        error += rows.sum() * abs(p[rows].mean() - y[rows].mean())
        counts = np.ones(1)
        for q in p[rows]:
            counts = np.convolve(counts, [1 - q, q])
        loss -= np.log(counts[y[rows].sum()])
    found = metric_values(y, np.column_stack([1 - p, p]))
    assert_allclose(found, [error / 100, loss / 100])


def test_metrics_of_bags_stay_finite():
    y = np.arange(90) % 3
    sure = np.eye(3)[(y + 1) % 3]
    assert np.isfinite(metric_values(y, sure)).all()
    assert metric_values(y, np.eye(3)[y]) == pytest.approx([0, 0], abs=1e-5)


def test_track():
    names = {method.name for method in default_methods("llp")}
    assert set(TOLD_COUNTS) | {"dummy", "logistic-all-labels"} == names
    assert {"control-bp-flat", "control-bp-shuffled", "skext-bp-llp"} <= names
    assert TRACKS["llp"].baseline == "control-bp-flat"
    assert track_metrics("llp", "binary")[0] == "roc_auc"
    assert "bag_count_log_loss" in track_metrics("llp", "binary")


def test_offline_tasks_differ_in_their_bags_only():
    tasks = TASKS
    assert [task.bag_size for task in tasks] == [8, 32, 128] * 3
    assert "cancer-bags32" in {task.id for task in tasks}
    for first in range(0, 9, 3):
        loaded = [load_task(task) for task in tasks[first : first + 3]]
        assert {one.track for one in loaded} == {"llp"}
        assert {one.task_type for one in loaded} == {"binary"}
        assert len({one.split_sha256 for one in loaded}) == 1
        train, test = loaded[0].split(0, 0)
        assert not set(train) & set(test)
        assert len(train) > 2 * 128


def test_suite_has_a_task_for_each_table_and_size():
    tasks = load_tasks("llp")
    assert {task.track for task in tasks} == {"llp"}
    sizes = {}
    for task in tasks:
        table = task.id.removesuffix(f"-bags{task.bag_size}")
        sizes.setdefault(table, []).append(task.bag_size)
    assert sizes["llp/adult"] == sizes["llp/bank-marketing"] == [8, 32, 128, 512, 2048]
    assert sizes["llp/wdbc"] == [8, 32]  # too few rows for more


def test_scores_by_bag_size():
    names = [f"{table}-bags{size}" for table in "ab" for size in (8, 32)]
    names += ["c-bags8", "plain"]
    scores = pd.DataFrame({"m": [1.0, 0.6, 0.8, 0.4, 0.0, 0.0]}, index=names)
    tasks = pd.DataFrame({"bag_size": [8, 32, 8, 32, 8, None]}, index=names)
    means, n_tables = scores_by_bag_size(scores, tasks)
    assert n_tables == 2  # c has one size only
    assert means.index.tolist() == [8, 32]
    assert_allclose(means["m"], [0.9, 0.5])
    assert scores_by_bag_size(scores[4:], tasks)[0] is None
    assert scores_by_bag_size(scores, tasks[[]])[0] is None


def test_names_at_the_ends_of_lines_do_not_touch():
    places = _apart([0, 1, 2, 95, 99], 10, 100)
    assert (np.diff(places) >= 10).all()
    assert places[-1] <= 100


def test_report_draws_scores_against_bag_size(tmp_path, clusters):
    tasks = [
        Task(f"c-bags{size}", track="llp", arrays=clusters, folds=(1, 2), bag_size=size)
        for size in (8, 32)
    ]
    methods = ["dummy", "skext-dllp", "control-bp-flat", "logistic-all-labels"]
    bench = Benchmark(tasks, methods)
    results = bench.run(tmp_path / "run", backend="sequential", progress="none")
    assert set(results.to_frame()["status"]) == {"ok"}
    results.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Score against bag size" in page
    assert "skext-dllp, bags of 32" in page
    assert "bag size" in page


def test_pairs_are_the_same_distribution():
    """What PGMax is given, up to a constant, for all labellings of a few rows."""
    data = _clusters_in_bags(12, 4)
    pairs, weights, evidence = _as_pairs(data)
    dense = data["graph"].toarray()
    found, expected = [], []
    for code in range(2**12):
        y = (code >> np.arange(12)) & 1
        found.append(evidence[:, 1] @ y + weights @ (y[pairs[:, 0]] * y[pairs[:, 1]]))
        wrong = np.bincount(data["bags"], y) - data["counts"]
        differ = (dense * (y[:, np.newaxis] != y)).sum() / 2
        expected.append(-_BAG_STRENGTH * (wrong**2).sum() - differ)
    assert np.ptp(np.subtract(found, expected)) < 1e-3
