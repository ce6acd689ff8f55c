"""Tables and targets of every kind: the same task, or one clear sentence."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier

from skext.benchmark import Benchmark, Method, Task
from skext.benchmark._engine.inputs import as_table
from skext.benchmark._engine.methods import TaskInfo, build
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import METHODS
from skext.exceptions import BenchmarkError

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

N = 120
RNG = np.random.default_rng(0)
FLOAT = RNG.normal(size=N)
FLOAT[:5] = np.nan
WHOLE = RNG.integers(0, 50, N)
FLAG = RNG.random(N) < 0.4
WORD = [None if i % 17 == 0 else "uvw"[i % 3] for i in range(N)]
Y = (np.nan_to_num(FLOAT) + 0.02 * WHOLE + FLAG + RNG.normal(size=N) > 1).astype(int)


def plain():
    return pd.DataFrame({"f": FLOAT, "n": WHOLE, "b": FLAG, "w": WORD})


def gaps(values):
    return [None if v is None or v != v else v for v in values]


TABLES = {
    "pandas": plain,
    "nullable": lambda: plain().convert_dtypes(),
    "string": lambda: plain().astype({"w": "string"}),
    "category": lambda: plain().astype({"w": "category"}),
    "arrow": lambda: pd.DataFrame(
        {
            name: pd.array(gaps(column), dtype=pd.ArrowDtype(kind))
            for (name, column), kind in zip(
                plain().items(),
                (pa.float64(), pa.int32(), pa.bool_(), pa.string()),
                strict=True,
            )
        }
    ),
    "arrow dictionary": lambda: plain().assign(
        w=pd.array(WORD, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    ),
    "pyarrow table": lambda: pa.table(
        {name: gaps(column) for name, column in plain().items()}
    ),
    "objects": lambda: plain().astype(object),
    "array of objects": lambda: plain().astype(object).to_numpy(),
    "rows of lists": lambda: [
        list(row) for row in plain().itertuples(index=False, name=None)
    ],
    "polars": lambda: pl.DataFrame(
        {name: gaps(column) for name, column in plain().items()}
    ),
    "polars category": lambda: pl.DataFrame(
        {name: gaps(column) for name, column in plain().items()}
    ).with_columns(pl.col("w").cast(pl.Categorical)),
    "sparse column": lambda: plain().assign(n=pd.arrays.SparseArray(WHOLE)),
    "another index": lambda: plain().set_axis(range(N)[::-1], axis=0),
    "one name twice": lambda: plain().set_axis(["a", "a", "a", "b"], axis=1),
    "numbers as names": lambda: plain().set_axis([0, "1", 1, 2.0], axis=1),
    "levels of names": lambda: plain().set_axis(
        pd.MultiIndex.from_product([["a", "b"], ["c", "d"]]), axis=1
    ),
    "bytes": lambda: plain().assign(w=[w and w.encode() for w in WORD]),
}


CODED = Method("tree", DecisionTreeClassifier(max_depth=4), preprocess="ordinal")


def predictions(X, method):
    loaded = load_task(Task("t", arrays=(X, Y), folds=(1, 3)))
    assert loaded.task_type == "binary"
    info = TaskInfo.of(loaded)
    model = build(method, info, seed=0)
    train, test = loaded.split(0, 0)
    part = loaded.X.iloc if hasattr(loaded.X, "iloc") else loaded.X
    model = clone(model).fit(part[train], loaded.y[train])
    return info.categorical, model.predict_proba(part[test])[:, 1]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(
    "method", [METHODS["logistic"], CODED], ids=lambda method: method.name
)
def test_the_same_task_in_every_container(name, method):
    categorical, expected = predictions(plain(), method)
    assert categorical == (2, 3)
    table = TABLES[name]()
    before = table.copy() if hasattr(table, "copy") else None
    found_categorical, found = predictions(table, method)
    assert found_categorical == categorical
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    if isinstance(before, pd.DataFrame):
        pd.testing.assert_frame_equal(table, before)


NUMBERS = RNG.normal(size=(N, 3))
ARRAYS = {
    "lists": NUMBERS.tolist,
    "read only": lambda: np.frombuffer(NUMBERS.tobytes()).reshape(N, 3),
    "fortran": lambda: np.asfortranarray(NUMBERS),
    "objects": lambda: NUMBERS.astype(object),
    "sparse": lambda: sparse.csr_matrix(NUMBERS),
    "sparse array": lambda: sparse.coo_array(NUMBERS),
    "sparse frame": lambda: pd.DataFrame.sparse.from_spmatrix(
        sparse.csr_matrix(NUMBERS)
    ),
    "texts": lambda: NUMBERS.astype(str),
    "polars": lambda: pl.DataFrame(NUMBERS),
    "frame": lambda: pd.DataFrame(NUMBERS),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_numbers_in_every_container(name, tmp_path):
    X, categorical = as_table(ARRAYS[name](), "t")
    assert categorical == ()
    np.testing.assert_allclose(np.asarray(X, dtype=float), NUMBERS)


def test_numbers_beside_texts_in_an_array_stay_numbers():
    X, categorical = as_table(np.c_[NUMBERS, np.where(Y, "u", "v")], "t")
    assert categorical == (3,)
    np.testing.assert_allclose(X.iloc[:, :3].to_numpy(dtype=float), NUMBERS)


CLASSES = {
    "whole": lambda: Y,
    "floats": lambda: Y * 1.0,
    "booleans": lambda: Y.astype(bool),
    "texts": lambda: np.where(Y, "b", "a"),
    "objects": lambda: np.where(Y, "b", "a").astype(object),
    "whole objects": lambda: Y.astype(object),
    "lists": Y.tolist,
    "column": lambda: Y[:, None],
    "frame": lambda: pd.DataFrame({"t": Y}),
    "series": lambda: pd.Series(Y, index=range(N)[::-1]),
    "nullable": lambda: pd.Series(Y, dtype="Int8"),
    "nullable boolean": lambda: pd.Series(Y.astype(bool), dtype="boolean"),
    "string": lambda: pd.Series(np.where(Y, "b", "a"), dtype="string"),
    "category": lambda: pd.Series(np.where(Y, "b", "a"), dtype="category"),
    "category of numbers": lambda: pd.Series(Y, dtype="category"),
    "categorical": lambda: pd.Categorical(np.where(Y, "b", "a")),
    "arrow": lambda: pd.Series(Y, dtype=pd.ArrowDtype(pa.int8())),
    "arrow texts": lambda: pd.Series(
        np.where(Y, "b", "a"), dtype=pd.ArrowDtype(pa.string())
    ),
    "polars": lambda: pl.Series(Y),
    "polars frame": lambda: pl.DataFrame({"t": np.where(Y, "b", "a")}),
    "bytes": lambda: np.where(Y, b"b", b"a"),
    "decimals of floats": lambda: np.where(Y, 0.5, 0.25),
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_classes_in_every_container(name):
    told = "classification" if name == "decimals of floats" else None
    task = Task("t", arrays=(NUMBERS, CLASSES[name]()), folds=(1, 3), task_type=told)
    loaded = load_task(task)
    assert loaded.task_type == "binary"
    assert loaded.y.dtype == np.intp
    expected = load_task(Task("t", arrays=(NUMBERS, Y), folds=(1, 3)))
    np.testing.assert_array_equal(loaded.y, expected.y)
    assert loaded.split_sha256 == expected.split_sha256


@pytest.mark.parametrize(
    ("y", "expected", "said"),
    [
        (np.arange(N) % 2 * 1.0, "binary", False),
        (np.arange(N) % 2, "binary", False),
        (np.arange(N) % 2 * 2.0 - 1, "binary", False),
        (np.arange(N) % 4, "multiclass", False),
        (np.arange(N) % 4 * 1.0, "multiclass", True),
        (np.arange(N) % 15, "multiclass", False),
        (pd.Series(np.arange(N) % 4, dtype="Int64"), "multiclass", False),
        (np.arange(N) % 40 + 20, "regression", True),
        (np.arange(N), "regression", True),
        (np.arange(N) * 1.0, "regression", False),
        (np.arange(N) * 0.1, "regression", False),
        (np.where(np.arange(N) % 2, 0.5, 1.5), "regression", False),
        (np.array([str(i % 40) for i in range(N)]), "multiclass", False),
        (pd.Series(np.arange(N) % 40).astype("category"), "multiclass", False),
    ],
)
def test_the_kind_of_a_target(y, expected, said):
    loaded = load_task(Task("t", arrays=(NUMBERS, y), folds=(1, 2)))
    assert loaded.task_type == expected
    assert bool(loaded.notes) == said
    if said:
        other = "multiclass" if expected == "regression" else "regression"
        assert f"task_type='{other}'" in loaded.notes[0]
        task = Task("t", arrays=(NUMBERS, y), folds=(1, 2), task_type=other)
        told = load_task(task)
        assert told.task_type == other
        assert not told.notes


def test_a_benchmark_can_be_told_the_kind(tmp_path, capsys):
    ages = np.round(20 * NUMBERS[:, 0] + 50).astype(int)
    tasks = {"ages": (NUMBERS, ages)}
    for told, expected in (
        (None, "regression"),
        ({"ages": "multiclass"}, "multiclass"),
    ):
        bench = Benchmark(tasks, ["dummy*"], folds=2, task_type=told)
        results = bench.run(tmp_path / expected, backend="sequential", progress="plain")
        frame = results.to_frame()
        assert set(frame["task_type"]) == {expected}
        assert set(frame["job_status"]) == {"ok"}
        assert ("count as numbers" in capsys.readouterr().err) == (told is None)
    bench = Benchmark(tasks, ["dummy*"], folds=2)
    with pytest.warns(UserWarning, match="count as numbers"):
        bench.run(tmp_path / "regression", backend="sequential")


def test_labels_that_are_numbers_are_in_their_order():
    y = np.repeat([10, 9, 2], 40)
    for given in (y, y * 1.0, y.astype(object), pd.Series(y, dtype="category")):
        loaded = load_task(Task("t", arrays=(NUMBERS, given), folds=(1, 3)))
        assert loaded.classes == ("2", "9", "10")


@pytest.mark.parametrize("positive", [0, "0", 0.0, "0.0"])
def test_the_positive_class_by_number_or_text(positive):
    for y in (Y, Y * 1.0):
        task = Task("t", arrays=(NUMBERS, y), positive_class=positive, folds=(1, 3))
        np.testing.assert_array_equal(load_task(task).y, 1 - Y)


DAYS = pd.Series(pd.date_range("2020", periods=N))
REFUSED = {
    "dates": (lambda: plain().assign(when=DAYS), Y, ["'when'", "dates", "numbers"]),
    "zoned dates": (
        lambda: plain().assign(when=DAYS.dt.tz_localize("UTC")),
        Y,
        ["'when'", "dates"],
    ),
    "durations": (lambda: plain().assign(w=DAYS - DAYS[0]), Y, ["'w'", "dates"]),
    "objects of dates": (
        lambda: plain().assign(w=DAYS.dt.date),
        Y,
        ["'w'", "dates", "leave them out"],
    ),
    "dates in an array": (
        lambda: DAYS.to_numpy()[:, None],
        Y,
        ["'0'", "dates"],
    ),
    "polars dates": (lambda: pl.DataFrame({"d": DAYS.dt.date}), Y, ["'d'", "dates"]),
    "lists in cells": (
        lambda: plain().assign(w=[[1]] * N),
        Y,
        ["'w'", "lists", "columns of it"],
    ),
    "complex": (lambda: NUMBERS + 1j, Y, ["complex", "parts"]),
    "one dimension": (lambda: NUMBERS[:, 0], Y, ["(120,)", "two dimensions"]),
    "a series": (lambda: pd.Series(FLOAT), Y, ["(120,)", "two dimensions"]),
    "three dimensions": (lambda: NUMBERS[..., None], Y, ["two dimensions"]),
    "no columns": (lambda: pd.DataFrame(index=range(N)), Y, ["at least one column"]),
    "labels with None": (
        plain,
        pd.Series(np.where(Y, "p", "n")).mask(np.arange(N) < 5),
        ["5 of 120 targets are missing", "leave these rows out"],
    ),
    "labels with NA": (
        plain,
        pd.Series(Y, dtype="Int64").mask(np.arange(N) < 3),
        ["3 of 120 targets are missing"],
    ),
    "polars labels with null": (
        plain,
        pl.Series([None, *Y[1:].tolist()]),
        ["1 of 120 targets are missing"],
    ),
    "numbers with NaN": (plain, FLOAT, ["5 of 120 targets are missing"]),
    "infinite numbers": (
        plain,
        np.where(np.arange(N) < 2, np.inf, 0.5),
        ["infinite", "leave these rows out"],
    ),
    "two targets": (plain, NUMBERS[:, :2], ["(120, 2)", "each of several targets"]),
    "dates as target": (plain, DAYS, ["target holds dates"]),
    "lists as target": (plain, pd.Series([[1]] * N), ["target holds lists"]),
    "one class": (plain, np.ones(N), ["one class only"]),
    "other length": (plain, Y[:-1], ["120 rows in X but 119 in y"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_named_with_its_cure(name, tmp_path):
    make, y, words = REFUSED[name]
    with pytest.raises(BenchmarkError) as found:
        load_task(Task("mine", arrays=(make(), y), folds=(1, 3)))
    for word in ("'mine'", *words):
        assert word in str(found.value)
    tasks = {"mine": (make(), y), "good": (NUMBERS, Y)}
    bench = Benchmark(tasks, ["dummy"], metrics=["accuracy"], folds=2)
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"ok": 2}
    assert results.info["broken"] == {"mine": str(found.value)}


def test_a_regressor_on_classes_is_told_so(tmp_path):
    from sklearn.linear_model import Ridge

    bench = Benchmark(
        {"t": (NUMBERS, Y)}, {"m": Ridge(), "dummy": METHODS["dummy"]}, folds=2
    )
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"ok": 2, "failed": 2}
    assert "task_type='regression'" in results.failures()["error"][0]
