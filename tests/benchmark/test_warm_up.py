import re

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.base import BaseEstimator

from skext.benchmark import Method
from skext.benchmark._cli import commands
from skext.benchmark._cli.main import main
from skext.benchmark._engine.warm_up import Example, warm_up, warm_up_methods
from skext.naive_bayes import LinearGaussianNB


class Records(LinearGaussianNB):
    seen: list = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append((X.dtype, len(np.unique(y))))
        return super().fit(X, y, sample_weight)


class Broken(BaseEstimator):
    def fit(self, X, y):
        raise RuntimeError("not today")


@pytest.fixture(autouse=True)
def forget():
    Records.seen.clear()


def method(name, factory, **options):
    return Method(name, factory, **{"family": "skext", **options})


def test_methods_of_the_run_are_compiled_and_no_others():
    methods = [
        method("ours", Records),
        method("peer", Records, family="peer"),
        method("absent", Records, needs=("no_such_package_x",)),
        method("regression", Records, task_types=("regression",)),
    ]
    assert warm_up_methods(methods) > 0
    # The last one is given numbers, which it refuses; that is for its jobs to tell.
    assert Records.seen == [(np.dtype("f8"), 2), (np.dtype("f8"), 60)]


def test_a_method_that_fails_stops_nothing():
    warm_up_methods([method("broken", Broken), method("ours", Records)])
    assert len(Records.seen) == 1


def test_nothing_is_started_after_the_limit():
    warm_up_methods([method("ours", Records)], limit=-1.0)
    assert not Records.seen


class Open(Records):
    """Takes everything, and notes what it was given."""

    tables: list = []

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        return tags

    def fit(self, X, y, sample_weight=None):
        layout = X.format if issparse(X) else "F" if X.flags.f_contiguous else "C"
        missing = not issparse(X) and bool(np.isnan(X).any())
        self.tables.append((layout, X.dtype.name, missing))
        return super().fit(X, y) if not missing else self


def examples_of(**estimators):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), np.repeat([0, 1], 30)
    module = "skext.naive_bayes"
    return [Example(name, module, e, X, y) for name, e in estimators.items()]


def test_examples_are_fitted_to_tables_of_all_kinds():
    Open.tables.clear()
    said = []
    assert warm_up(examples_of(open=Open()), n_jobs=1, say=said.append) > 0
    assert Open.tables == [
        ("C", "float64", False),
        ("C", "float32", False),
        ("F", "float64", False),
        ("C", "float64", True),
        ("csr", "float64", False),
        ("csr", "float32", False),
        ("csc", "float64", False),
    ]
    assert len(said) == 1
    assert said[0].startswith("open: ")


def test_several_processes_and_an_example_that_fails():
    said = []
    several = examples_of(good=LinearGaussianNB(), bad=LinearGaussianNB(shrinkage="x"))
    warm_up(several, n_jobs=2, say=said.append)
    good, bad = sorted(said, reverse=True)
    assert good.startswith("good: ")
    assert good.endswith(" s")
    assert bad.startswith("bad: not on its own: ")
    assert "shrinkage" in bad


class Ends(BaseEstimator):
    """Ends the process that it comes to."""

    def __reduce__(self):
        return exec, ("import os; os._exit(3)",)


def test_a_process_that_ends_is_replaced():
    said = []
    several = examples_of(end=Ends(), more=LinearGaussianNB(), good=LinearGaussianNB())
    warm_up(several, n_jobs=2, say=said.append)
    good, *bad = sorted(said, reverse=True, key=lambda line: line.endswith(" s"))
    assert len(said) == 3
    assert good.endswith(" s")
    assert any(line.startswith("end: not on its own: its process") for line in bad)


def test_command_says_how_long_it_took(monkeypatch, capsys):
    some = examples_of(good=LinearGaussianNB())
    monkeypatch.setattr(commands, "examples", lambda: some)
    assert main(["warm-up", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"All kernels are compiled: \d+\.\d s on 1 core", out)
    assert main(["bench", "warm-up", "--jobs", "0"]) == 2
    assert "above 0, or -1" in capsys.readouterr().err
