"""Keys of results: equal exactly if what determines the result is equal."""

import functools
import importlib
import os
import subprocess
import sys
import textwrap
import types

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.stats import loguniform, randint, truncnorm, uniform
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skext.benchmark import Benchmark, Task
from skext.benchmark._engine.identity import (
    UnknownContentError,
    fingerprint,
    public_path,
    source_of_skext,
)
from skext.benchmark._engine.methods import TaskInfo
from skext.benchmark._engine.track import METHODS


def frame(last):
    table = pd.DataFrame({"a": np.arange(5000.0), "b": ["x", None] * 2500})
    table.iloc[2500, 0] = last
    return table


class Configuration:
    def __init__(self, **values):
        vars(self).update(values)


class Slots:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


class Chain:
    """An object that refers to itself."""

    def __init__(self, a):
        self.a, self.itself = a, [self]


def adder(n):
    return lambda x: x + n


def power(x, n):
    return x**n


# Makers of a thing from one number, which must tell the numbers apart.
MAKERS = {
    "number": lambda n: n,
    "float": lambda n: 0.1 * n,
    "numpy number": lambda n: np.float32(n),
    "text": str,
    "mapping": lambda n: {"a": {"b": [n]}},
    "order of a mapping": lambda n: dict([("a", 1), ("b", 2)][:: 1 if n else -1]),
    "set": lambda n: {"x", "y", "z", str(n)},
    "loguniform": lambda n: loguniform(1e-3, 10.0 ** (n + 1)),
    "randint": lambda n: randint(0, n + 5),
    "uniform": lambda n: uniform(loc=n, scale=2),
    "truncnorm": lambda n: truncnorm(0, n + 1, loc=3),
    "distribution in a search": lambda n: RandomizedSearchCV(
        LogisticRegression(), {"C": loguniform(1e-2, 10.0 ** (n + 1))}
    ),
    "partial": lambda n: functools.partial(power, n=n),
    "partial of a partial": lambda n: functools.partial(
        functools.partial(power, n=n), 2
    ),
    "argument of a score": lambda n: SelectKBest(functools.partial(f_classif, a=n)),
    "closure": adder,
    "default": lambda n: lambda x, n=n: x + n,
    "method of an object": lambda n: Configuration(a=n).__init__,
    "transformer": lambda n: FunctionTransformer(power, kw_args={"n": n}),
    "pipeline": lambda n: make_pipeline(LogisticRegression(C=n + 1)),
    "configuration": lambda n: Configuration(depth=n, parts=[1, 2]),
    "slots": Slots,
    "cycle": Chain,
    "namespace": lambda n: types.SimpleNamespace(a=n),
    "array": lambda n: np.array([1.0, n]),
    "long array": lambda n: np.append(np.zeros(5000), n),
    "array of objects": lambda n: np.array([n, "a", None], dtype=object),
    "shape": lambda n: np.zeros((n + 1, 6 // (n + 1))),
    "masked array": lambda n: np.ma.masked_array([1, 2], mask=[n, 0]),
    "frame": frame,
    "series": lambda n: pd.Series([1, n]),
    "name of a series": lambda n: pd.Series([1], name=n),
    "index": lambda n: pd.Index([1, n]),
    "categories": lambda n: pd.Categorical(
        ["a"], categories=["a", "b"], ordered=bool(n)
    ),
    "sparse": lambda n: csr_array(np.diag([1.0, n + 1])),
    "random state": np.random.RandomState,
    "generator": np.random.default_rng,
    "slice": lambda n: slice(n),
    "fitted": lambda n: LogisticRegression(max_iter=50).fit(
        np.arange(8.0)[:, None] * (n + 1), np.arange(8) > 3
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_content_decides(name):
    make = MAKERS[name]
    assert fingerprint(make(0)) == fingerprint(make(0))
    assert fingerprint(make(0)) != fingerprint(make(1))


def test_functions_count_by_what_they_do():
    def twice(x):
        return 2 * x

    def also_twice(x):
        return 2 * x

    def thrice(x):
        return 3 * x

    first, second = fingerprint(lambda x: 2 * x), fingerprint(lambda x: 3 * x)
    assert first != second
    assert fingerprint(twice) == fingerprint(also_twice)
    assert fingerprint(twice) != fingerprint(thrice)
    assert fingerprint(np.log) != fingerprint(np.exp)
    assert fingerprint(f_classif) == fingerprint(f_classif)


MODULE = """
import {helper}
FACTOR = {factor}

def scale(x):
    return x * FACTOR

class Base:
    def fit(self, X, y):
        # {comment}
        self.k_ = {constant}
        return self

class Model(Base):
    def predict(self, X):
        return scale(X) + {helper}.SHIFT
"""


@pytest.mark.parametrize("changed", ["factor", "constant", "shift", "comment"])
def test_an_edit_of_anything_that_a_class_uses_is_seen(tmp_path, monkeypatch, changed):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = []
    for value in (1, 2):
        parts = dict.fromkeys(("factor", "constant", "shift", "comment"), 1)
        parts[changed] = value
        name = f"edited_{changed}_{value}"
        # Two modules in place of one that is edited: an import remembers the first.
        helper = f"helper_{changed}_{value if changed == 'shift' else 0}"
        (tmp_path / f"{helper}.py").write_text(f"SHIFT = {parts['shift']}\n")
        text = MODULE.format(helper=helper, **parts).replace(f"import {helper}", "")
        text = f"import {helper} as helping\n" + text.replace(f"{helper}.", "helping.")
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        found.append(fingerprint(importlib.import_module(name).Model()))
    same = found[0] == found[1]
    assert same == (changed == "comment")


def test_an_edited_estimator_runs_again(tables, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    text = textwrap.dedent(
        """
        from sklearn.naive_bayes import GaussianNB
        class Mine(GaussianNB):
            def predict(self, X):
                return 0 * super().predict(X) + {}
        """
    )
    runs = []
    for label in (0, 0, 1):
        (tmp_path / "edited_estimator.py").write_text(text.format(label))
        sys.modules.pop("edited_estimator", None)
        importlib.invalidate_caches()
        bench = Benchmark(
            {"two": tables["two"]},
            ["edited_estimator:Mine"],
            metrics=["accuracy", "balanced_accuracy"],
            folds=2,
        )
        results = bench.run(tmp_path / "run", backend="sequential")
        frame = results.to_frame()
        accuracy = frame[frame["metric"] == "accuracy"]["value"]
        runs.append((results.info["n_run"], accuracy.mean()))
    sys.modules.pop("edited_estimator", None)
    assert [n for n, _ in runs] == [2, 0, 2]
    assert runs[0][1] == runs[1][1] == runs[2][1] == 0.5


def test_a_changed_distribution_runs_again(tables, tmp_path):
    def run(low, high):
        space = {"C": loguniform(low, high)}
        search = RandomizedSearchCV(LogisticRegression(), space, n_iter=2, cv=2)
        bench = Benchmark(
            {"two": tables["two"]}, {"s": search}, metrics=["log_loss"], folds=2
        )
        results = bench.run(tmp_path, backend="sequential")
        return results.info["n_run"], results.to_frame()["value"].mean()

    first, again, other = run(1e-2, 1e2), run(1e-2, 1e2), run(1e-8, 1e-7)
    assert (first[0], again[0], other[0]) == (2, 0, 2)
    assert first[1] == again[1] < 0.6
    assert other[1] == pytest.approx(np.log(2), abs=1e-3)


def test_what_cannot_be_known_is_not_served_again(tables, tmp_path, capsys):
    class Keeps(LogisticRegression):
        def __init__(self, stream=None, C=1.0):
            super().__init__(C=C)
            self.stream = stream

        def __deepcopy__(self, memo):
            return self

    with open(os.devnull) as stream:
        bench = Benchmark(
            {"two": tables["two"]},
            {"keeps": Keeps(stream), "logistic": LogisticRegression()},
            metrics=["accuracy"],
            folds=2,
        )
        options = {"backend": "sequential", "progress": "plain"}
        assert bench.run(tmp_path, **options).info["n_run"] == 4
        said = capsys.readouterr().err
        assert said.count("'keeps' holds in its parameter 'stream' an object of") == 1
        with pytest.warns(UserWarning, match="its jobs run each time"):
            results = bench.run(tmp_path, backend="sequential")
        assert results.info["n_run"] == 2
        assert "stream" in results.info["notes"][0]
    with pytest.raises(UnknownContentError, match="generator"):
        fingerprint({"a": (i for i in range(3))})


class Mute:
    def __repr__(self):
        raise ValueError("says nothing")


@pytest.mark.parametrize(
    "value",
    [1j, np.complex64(1j), np.datetime64("2020-01-01"), b"x", {1: {2}}, Mute(), np.nan],
    ids=lambda value: type(value).__name__,
)
def test_parameters_of_any_type_are_keyed_and_reported(tables, tmp_path, value):
    bench = Benchmark(
        {"two": tables["two"]},
        {"m": Accepts(value), "logistic": LogisticRegression()},
        metrics=["accuracy"],
        folds=2,
    )
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"ok": 4}
    assert results.report(tmp_path / "report.html").is_file()
    assert bench.run(tmp_path, backend="sequential").info["n_run"] == 0


class Accepts(LogisticRegression):
    def __init__(self, value=None):
        super().__init__()
        self.value = value


def test_the_kind_of_task_belongs_to_the_key(tables, tmp_path):
    X = tables["two"][0]
    y = np.arange(40) % 2
    for task_type, n_run in (("classification", 2), ("regression", 2)):
        bench = Benchmark(
            {"t": (X, y)}, {"m": LogisticRegression()}, folds=2, task_type=task_type
        )
        results = bench.run(tmp_path, backend="sequential")
        assert results.info["n_run"] == n_run


def test_data_that_changed_in_place_are_read_again(tables, tmp_path):
    X, y = (array.copy() for array in tables["two"])
    bench = Benchmark({"t": (X, y)}, ["gaussian-nb"], metrics=["accuracy"], folds=2)
    for n_run in (2, 0):
        assert bench.run(tmp_path, backend="sequential").info["n_run"] == n_run
    X[:] = X[::-1].copy()
    assert bench.run(tmp_path, backend="sequential").info["n_run"] == 2


def test_a_file_that_changed_is_read_again(tmp_path, monkeypatch):
    (tmp_path / "reads_a_file.py").write_text(
        "import numpy as np\n"
        "def load(path):\n"
        "    table = np.loadtxt(path)\n"
        "    return table[:, 1:], table[:, 0].astype(int)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = str(tmp_path / "table.txt")
    task = Task("t", loader="reads_a_file:load", arguments=(("path", path),))
    bench = Benchmark(task, ["gaussian-nb"], metrics=["accuracy"], folds=2)
    table = np.c_[np.arange(40) % 2, np.random.default_rng(0).normal(size=(40, 2))]
    for factor, n_run in ((1, 2), (1, 0), (2, 2)):
        np.savetxt(path, table * [1, factor, factor])
        results = bench.run(tmp_path / "run", backend="sequential")
        assert results.info["n_run"] == n_run
    sys.modules.pop("reads_a_file", None)


SCRIPT = """
import sys
sys.path[:0] = {paths!r}
import test_identity as t
from skext.benchmark._engine.identity import fingerprint, source_of_skext
for name, make in t.MAKERS.items():
    print(name, fingerprint(make(0)))
for name, estimator in t.catalogue():
    print(name, fingerprint(estimator))
print(source_of_skext())
"""


def catalogue():
    """Estimators of the methods whose packages are here."""
    for method in METHODS.values():
        for kind in ("binary", "quantile", "regression", "clustering"):
            if method.can_do(kind) and method.missing() is None:
                n_classes = 2 * (kind == "binary")
                info = TaskInfo("t", "", kind, 99, 5, n_classes, (1,), bag_size=8)
                yield method.name, method.make(info)
                break


def test_keys_are_the_same_in_all_processes(tmp_path):
    paths = [os.path.dirname(__file__), *(p for p in sys.path if p)]
    code = SCRIPT.format(paths=paths)
    outs = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    ]
    assert outs[0] == outs[1]
    assert len(outs[0].splitlines()) > len(MAKERS) + 50


def test_paths_are_those_that_a_user_writes():
    from skext.naive_bayes import LinearGaussianNB

    assert public_path(LogisticRegression) == "sklearn.linear_model:LogisticRegression"
    assert public_path(LinearGaussianNB) == "skext.naive_bayes:LinearGaussianNB"
    assert len(source_of_skext()) == 64


def scaler(k, how):
    """Functions that differ in a number and hide it."""
    if how == "wraps a library":

        @functools.wraps(np.linalg.norm)
        def scale(x):
            return np.asarray(x) * k

        return scale
    if how == "exec":
        space = {}
        exec(f"def scale(x): return x * {k}", space)
        return space["scale"]
    if how == "eval":
        return eval("lambda x: x * k", {"k": k})
    return Callable(k)


class Callable:
    def __init__(self, k):
        self.k = k
        functools.update_wrapper(self, np.mean.__wrapped__)

    def __call__(self, x):
        return x * self.k


@pytest.mark.parametrize("how", ["wraps a library", "exec", "eval", "object"])
def test_what_takes_the_name_of_something_else_counts_by_itself(how):
    assert fingerprint(scaler(1, how)) == fingerprint(scaler(1, how))
    assert fingerprint(scaler(1, how)) != fingerprint(scaler(2, how))


@pytest.mark.parametrize("where", ["constant", "inside", "attribute"])
def test_numbers_of_other_modules_are_seen(tmp_path, monkeypatch, where):
    monkeypatch.syspath_prepend(tmp_path)
    names = [f"{name}_{where}" for name in ("settings", "parts", "mine")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    settings, parts, mine = names
    (tmp_path / f"{parts}.py").write_text(
        f"from {settings} import K\ndef scale(x): return x * K\n"
    )
    body = {
        "constant": f"import {parts}\ndef f(x): return {parts}.scale(x)\n",
        "inside": f"def f(x):\n    from {parts} import scale\n    return scale(x)\n",
        "attribute": f"import {settings}\ndef f(x): return x * {settings}.K\n",
    }[where]
    (tmp_path / f"{mine}.py").write_text(body)
    found = []
    for k in (1, 1, 20):
        (tmp_path / f"{settings}.py").write_text(f"K = {k}\n")
        for name in names:
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            found.append(fingerprint(importlib.import_module(mine).f))
        finally:
            sys.dont_write_bytecode = before
    assert found[0] == found[1] != found[2]
