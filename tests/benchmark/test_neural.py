"""The track of networks: tasks, methods, the suite, the paper's protocol."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from skext.benchmark import TaskInfo, load_tasks
from skext.benchmark._engine.methods import build
from skext.benchmark._engine.metrics import predict, score
from skext.benchmark._engine.runner import resolve_device
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import (
    METHODS,
    TRACKS,
    default_methods,
    track_metrics,
)
from skext.benchmark._families.neural.tasks import TASKS, noisy_table

PAPERS = Path(__file__).parents[2] / "benchmarks" / "papers"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_tasks(task):
    loaded = load_task(task)
    assert loaded.task_type == "binary"
    ((train, test),) = loaded.splits[0]
    assert not set(train) & set(test)
    assert len(train) + len(test) == len(loaded.y)
    assert np.unique(loaded.y[train]).size == 2


def test_wrong_labels_are_training_labels():
    from sklearn.datasets import load_digits

    found = noisy_table("odd-digits")
    ((train, test),) = found["splits"]
    truth = np.where(load_digits().target[:1000] % 2, "odd", "even")
    wrong = found["y"] != truth
    assert wrong[train].mean() == pytest.approx(0.2)
    assert not wrong[test].any()


def test_who_takes_part():
    names = {method.name for method in default_methods("neural")}
    assert names == {
        "dummy",
        "hist-gradient-boosting",
        "logistic",
        "mlp-small",
        "skext-ensloss-small",
        "skext-hinge-net-small",
        "skext-log-hinge-net-small",
        "skext-tabm-small",
        "skext-tabular-net-small",
    }
    assert TRACKS["neural"].baseline in names
    assert track_metrics("neural", "binary")[0] == "accuracy"
    assert {task.track for task in load_tasks("ensloss")} == {"neural"}
    assert len(load_tasks("ensloss")) == 14


def test_networks_need_torch_and_differ_by_loss_only():
    pair = [METHODS[f"skext-{n}-small"] for n in ("hinge-net", "log-hinge-net")]
    info = TaskInfo("t", "neural", "binary", 100, 5, 2, (), device="cuda")
    models = [method.make(info).get_params() for method in pair]
    differing = {name for name in models[0] if models[0][name] != models[1][name]}
    assert differing == {"loss"}
    assert {"torch", "skorch"} <= set(pair[0].needs)
    # Small networks stay on the CPU, the others go where the task is to run.
    assert models[0]["device"] == "cpu"
    assert METHODS["skext-ensloss"].make(info).device == "cuda"
    assert METHODS["skext-ensloss"].gpu


def test_a_run_of_tracks_does_not_look_for_a_gpu(monkeypatch):
    """Looking loads torch, which takes seconds."""

    def never():
        raise AssertionError

    pytest.importorskip("torch")
    monkeypatch.setattr("torch.cuda.is_available", never)
    assert resolve_device("auto", None) == "cpu"


@pytest.mark.parametrize(
    "name", ["skext-ensloss-small", "skext-tabm-small", "skext-realmlp"]
)
def test_methods_learn(name):
    pytest.importorskip("torch")
    loaded = load_task(TASKS[0])
    info = TaskInfo.of(loaded)
    model = build(METHODS[name], info, seed=0)
    if not name.endswith("small"):
        model.set_params(model__max_epochs=10, model__hidden_layer_sizes=(32,))
    ((train, test),) = loaded.splits[0]
    model.fit(loaded.X[train], loaded.y[train])
    found = predict(model, loaded.X[test], "binary", 2)
    values = score(("accuracy", "roc_auc"), loaded.y[test], found, "binary")
    assert values["accuracy"][0] > 0.85
    assert values["roc_auc"][0] > 0.9


@pytest.mark.skipif(not PAPERS.is_dir(), reason="installed without it")
def test_paper_protocol(monkeypatch, capsys):
    pytest.importorskip("torch")
    words = "reproduce_ensloss.py --quick --epochs 3 --device cpu --data flipped"
    words += " --losses BCE EnsLoss log_hinge"
    monkeypatch.setattr(sys, "argv", words.split())
    runpy.run_path(str(PAPERS / "reproduce_ensloss.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "accuracy, mean of the repetitions" in printed
    assert "majority" in printed
    assert "2 layers against log_hinge: better / equal / worse" in printed


@pytest.mark.skipif(not PAPERS.is_dir(), reason="installed without it")
def test_published_figures_are_of_the_tables_of_the_suite():
    script = runpy.run_path(str(PAPERS / "reproduce_ensloss.py"))
    found = script["published"]()
    names = {task.id.rpartition("/")[2] for task in load_tasks("ensloss")}
    assert {name for name, _ in found} == names
    # The paper's means over its tables.
    means = {
        depth: [np.mean([v[k] for (_, d), v in found.items() if d == depth])
                for k in ("BCE", "EXP", "HINGE", "EnsLoss")]
        for depth in (1, 3, 5)
    }  # fmt: skip
    np.testing.assert_allclose(means[1], [0.8846, 0.8882, 0.8909, 0.8911], atol=1e-4)
    np.testing.assert_allclose(means[3], [0.8689, 0.8682, 0.8723, 0.8806], atol=1e-4)
    np.testing.assert_allclose(means[5], [0.8465, 0.8541, 0.8618, 0.8800], atol=1e-4)
