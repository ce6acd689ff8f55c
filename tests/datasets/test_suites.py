"""The frozen lists and the loading of their entries."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skext.datasets import (
    SuiteTask,
    fetch_suite,
    list_suites,
    load_suite,
    load_suite_task,
)
from skext.exceptions import DataNotAvailableError

pytestmark = pytest.mark.usefixtures("no_network")

SIZES = {"cc18": 72, "ctr23": 35, "tabarena": 51, "imbalanced": 49, "ensloss": 14}
SIZES["quantile"] = 33
SUITES = ["cc18", "cluster", "ctr23", "ensloss", "imbalanced", "llp", "ordinal"]
SUITES += ["quantile", "tabarena"]


def test_all_lists_are_there():
    assert list_suites() == SUITES


@pytest.mark.parametrize("name", SUITES)
def test_list_is_sound(name):
    suite = load_suite(name)
    assert suite.name == name
    assert len(suite.tasks) == SIZES.get(name, len(suite.tasks)) > 5
    assert len({task.name for task in suite.tasks}) == len(suite.tasks)
    assert len(suite.to_frame()) == len(suite.tasks)
    for task in suite.tasks:
        assert task.task_type in ("binary", "multiclass", "regression")
        assert task.source in ("openml", "zenodo")
        assert (task.data_id or task.task_id) or task.source == "zenodo"
    kinds = {task.task_type for task in suite.tasks}
    if name in ("ctr23", "quantile"):
        assert kinds == {"regression"}
    if name in ("imbalanced", "ensloss", "llp"):
        assert kinds == {"binary"}
    if name == "ordinal":
        assert all(t.class_order or t.bin_edges for t in suite.tasks)


def test_images_are_not_selected():
    suite = load_suite("cc18")
    left = {t.task_id for t in suite.tasks} - {t.task_id for t in suite.selected}
    assert left == {3573, 146825, 167121, 167124}


def test_known_numbers():
    """Task and data ids that anybody can check."""
    tasks = {task.task_id: task for task in load_suite("cc18").tasks}
    assert tasks[3].name == "kr-vs-kp"
    assert tasks[31].data_id == 31
    assert tasks[7592].data_id == 1590
    names = {task.name for task in load_suite("imbalanced").tasks}
    assert {"ecoli", "abalone_19", "mammography"} <= names
    tasks = {task.task_id: task for task in load_suite("quantile").tasks}
    automl = [359934, 359931, 359947, 359932, 167210, 359951, 359945, 359930, 359933]
    automl += [359944, 233215, 359948, 233214, 13854, 14097, 359935, 359942, 359939]
    automl += [359940, 359938, 359946, 359936, 359949, 359952, 359941, 233211]
    assert set(automl) <= set(tasks)
    # Shared with the curated suite of regression tables.
    curated = {task.task_id: task.data_id for task in load_suite("ctr23").tasks}
    shared = tasks.keys() & curated.keys()
    assert len(shared) == 5
    assert all(tasks[number].data_id == curated[number] for number in shared)


def test_unknown_list_is_named():
    with pytest.raises(ValueError, match="'cc81'.*'cc18'.*Known: cc18"):
        load_suite("cc81")


ROWS = [f"{i},{3 + i % 6}" for i in range(24)]


def test_numeric_targets_become_ordered_classes(cache):
    cache.add(1, [("a", "numeric"), ("quality", "numeric")], ROWS, "quality")
    entry = SuiteTask("wine", "multiclass", data_id=1, class_order="numeric")
    found = load_suite_task(entry, data_home=cache.home, offline=True)
    assert found.task_type == "multiclass"
    assert found.class_order == ("3", "4", "5", "6", "7", "8")
    assert np.asarray(found.y)[:3].tolist() == ["3", "4", "5"]
    assert not found.y.cat.ordered
    binned = replace(entry, class_order=None, bin_edges=(4.5, 6.5))
    found = load_suite_task(binned, data_home=cache.home, offline=True)
    assert found.class_order == ("0", "1", "2")
    assert_array_equal(np.asarray(found.y)[:6], ["0", "0", "1", "1", "2", "2"])


def test_named_order_and_positive_class(cache):
    columns = [("a", "numeric"), ("level", ["high", "low", "mid"])]
    rows = ["1,low", "2,high", "3,mid", "4,low"]
    cache.add(1, columns, rows, "level")
    entry = SuiteTask(
        "t", "multiclass", data_id=1, class_order=("low", "mid", "high", "top")
    )
    found = load_suite_task(entry, data_home=cache.home, offline=True)
    assert found.class_order == ("low", "mid", "high")
    cache.add(2, [("a", "numeric"), ("class", ["0", "1"])], ["1,0", "2,1"], "class")
    entry = SuiteTask("t", "binary", data_id=2, positive_class="0")
    found = load_suite_task(entry, data_home=cache.home, offline=True)
    assert found.positive_class == "0"
    assert found.class_order is None


def test_target_of_the_list_is_a_suggestion(cache):
    """A curated cache may name the target otherwise."""
    columns = [("a", ["x", "y"]), ("b", "numeric"), ("quality", ["0", "1"])]
    cache.add(1, columns, ["x,1,0", "y,2,1"], "quality")
    entry = SuiteTask("t", "binary", data_id=1, target="class")
    found = load_suite_task(entry, data_home=cache.home, offline=True)
    assert found.target_name == "quality"
    found = load_suite_task(
        replace(entry, target="a"), data_home=cache.home, offline=True
    )
    assert found.target_name == "a"


def test_regression_with_a_nominal_target(cache):
    columns = [("a", "numeric"), ("y", ["1.5", "2", "10"])]
    cache.add(1, columns, ["1,10", "2,1.5", "3,2"], "y")
    entry = SuiteTask("t", "regression", data_id=1)
    found = load_suite_task(entry, data_home=cache.home, offline=True)
    assert found.y.tolist() == [10.0, 1.5, 2.0]
    assert found.y.dtype == np.float64


def test_tables_of_imbalanced_learn(tmp_path):
    entry = next(t for t in load_suite("imbalanced").tasks if t.name == "ecoli")
    (tmp_path / "zenodo").mkdir()
    X = np.random.default_rng(0).normal(size=(20, 7))
    y = np.where(np.arange(20) < 3, 1, -1)
    np.savez(tmp_path / "zenodo" / "x1data.npz", data=X, label=y)
    found = load_suite_task(entry, data_home=tmp_path, offline=True)
    assert_array_equal(found.X.to_numpy(), X)
    assert_array_equal(np.asarray(found.y), y.astype(str))
    assert found.positive_class == "1"
    other = next(t for t in load_suite("imbalanced").tasks if t.name == "abalone")
    with pytest.raises(DataNotAvailableError, match="'abalone'.*zenodo"):
        load_suite_task(other, data_home=tmp_path, offline=True)


def test_fetch_says_what_is_here(credit):
    rows = list(fetch_suite("openml:7", data_home=credit.home, offline=True))
    assert rows[0]["status"] == "ok"
    assert rows[0]["shape"] == "40 x 3"
    rows = list(fetch_suite(["llp"], data_home=credit.home, offline=True))
    assert len(rows) == len(load_suite("llp").selected)
    assert {row["status"] for row in rows} == {"missing"}
    assert "not here" in rows[0]["reason"]
    with pytest.raises(ValueError, match="nonsense"):
        list(fetch_suite("nonsense"))
