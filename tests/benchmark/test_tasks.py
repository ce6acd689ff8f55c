import numpy as np
import pandas as pd
import pytest

from skext.benchmark import Task
from skext.benchmark._engine.tasks import load_task, resolve
from skext.benchmark._engine.track import TRACKS, offline_tasks
from skext.benchmark._suites import as_tasks
from skext.exceptions import BenchmarkError


def in_memory(X, y, **options):
    return load_task(Task(id="here", arrays=(X, y), **options))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 3)), np.repeat(["a", "b"], [80, 20])


def test_labels_become_codes_and_the_rare_class_is_positive(data):
    X, y = data
    loaded = in_memory(X, y)
    assert loaded.task_type == "binary"
    assert loaded.classes == ("a", "b")
    assert loaded.y.sum() == 20
    turned = in_memory(X, np.where(y == "a", "b", "a"))
    assert turned.classes == ("b", "a")
    assert turned.y.sum() == 20
    chosen = in_memory(X, y, positive_class="a")
    assert chosen.y.sum() == 80


def test_splits_are_stratified_seeded_and_independent_of_the_method(data):
    X, y = data
    loaded = in_memory(X, y, folds=(2, 5))
    assert loaded.n_repeats == 2
    for repeat in range(2):
        tests = [loaded.split(repeat, fold)[1] for fold in range(5)]
        assert sorted(np.concatenate(tests)) == list(range(100))
        assert all(loaded.y[test].sum() == 4 for test in tests)
    assert loaded.split_sha256 == in_memory(X, y, folds=(2, 5)).split_sha256
    assert loaded.split_sha256 != in_memory(X, y, folds=(2, 5), seed=1).split_sha256


def test_a_class_smaller_than_the_number_of_folds_is_no_error(data):
    X, _ = data
    y = np.repeat(["a", "b", "c"], [50, 47, 3])
    assert len(in_memory(X, y, folds=(1, 5)).splits[0]) == 5


def test_sampling_keeps_the_shares_and_the_seed(data):
    X, y = data
    loaded = in_memory(X, y, max_rows=50)
    assert loaded.X.shape == (50, 3)
    assert loaded.y.sum() == 10
    np.testing.assert_array_equal(loaded.X, in_memory(X, y, max_rows=50).X)


def test_data_hash_sees_every_change(data):
    X, y = data
    base = in_memory(X, y).data_sha256
    assert base == in_memory(X.copy(), y.copy()).data_sha256
    changed = X.copy()
    changed[3, 1] += 1e-9
    assert base != in_memory(changed, y).data_sha256
    frame = pd.DataFrame(X, columns=list("abc"))
    first = in_memory(frame, y).data_sha256
    assert first == in_memory(frame.copy(), y).data_sha256
    assert first != in_memory(frame.rename(columns={"a": "z"}), y).data_sha256


def test_properties_count_what_the_report_shows():
    frame = pd.DataFrame(
        {
            "x": [1.0, 2.0, 2.0, np.nan] * 5,
            "c": pd.Categorical(["u", "v", "v", "u"] * 5),
        }
    )
    loaded = in_memory(frame, np.arange(20) % 2, folds=(1, 2))
    found = loaded.properties()
    assert found["n_rows"] == 20
    assert found["n_columns"] == 2
    assert found["n_categorical"] == 1
    assert found["n_missing"] == 5
    assert found["n_duplicates"] == 17
    assert found["minority_share"] == 0.5


def test_regression_targets_stay_numbers(data):
    X, _ = data
    loaded = in_memory(X, X[:, 0])
    assert loaded.task_type == "regression"
    assert loaded.n_classes == 0
    assert loaded.track == "regression"


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((10, 1)), np.zeros(9, int), "10 rows in X but 9 in y"),
        (np.zeros((10, 1)), np.zeros(10, int), "one class only"),
        (np.zeros((3, 1)), np.array([0, 1, 0]), "too few for 5 folds"),
    ],
)
def test_bad_data_are_named(X, y, message):
    with pytest.raises(BenchmarkError, match=message):
        in_memory(X, y)


def test_unknown_positive_class(data):
    with pytest.raises(BenchmarkError, match=r"'z'.*\['a', 'b'\]"):
        in_memory(*data, positive_class="z")


def test_resolve():
    assert resolve("sklearn.naive_bayes:GaussianNB").__name__ == "GaussianNB"
    with pytest.raises(BenchmarkError, match="package.module:name"):
        resolve("sklearn.naive_bayes")
    with pytest.raises(BenchmarkError, match="No module named"):
        resolve("no_such_module_anywhere:thing")
    with pytest.raises(BenchmarkError, match="NoSuchClass"):
        resolve("sklearn.naive_bayes:NoSuchClass")


@pytest.mark.parametrize("task", offline_tasks(), ids=lambda task: task.id)
def test_offline_tasks_load_and_are_what_their_track_is_for(task):
    loaded = load_task(task)
    assert loaded.X.shape[0] == loaded.y.shape[0] > 50
    if loaded.track == "imbalanced":
        assert loaded.task_type == "binary"
        assert loaded.y.mean() < 0.25
    elif loaded.track == "ordinal":
        assert loaded.task_type == "multiclass"
        assert np.bincount(loaded.y)[-1] / loaded.y.size < 0.1
        # Each training fold has every class.
        for train, _ in loaded.splits[0]:
            assert np.unique(loaded.y[train]).size == loaded.n_classes
    elif loaded.track == "quantile":
        assert loaded.task_type == "quantile"
    else:
        assert loaded.track in TRACKS


def test_tasks_of_python_data(data):
    tasks = as_tasks({"mine": data}, folds=3, max_rows=60, seed=5)
    assert [task.id for task in tasks] == ["mine"]
    assert (tasks[0].folds, tasks[0].max_rows, tasks[0].seed) == ((1, 3), 60, 5)
