import json

import numpy as np
import pytest

from skext.benchmark._cli.main import main
from skext.benchmark._engine.warm_up import Example
from skext.benchmark._families.examples import examples
from skext.benchmark._speed.first_fit import (
    COLUMNS,
    FirstFit,
    as_csv,
    run_first_fits,
    select_examples,
    table_row,
    too_slow,
)
from skext.exceptions import BenchmarkError
from skext.naive_bayes import LinearGaussianNB
from skext.neural_network import TabularNetClassifier
from skext.utils.discovery import all_estimators

ROWS = np.random.default_rng(0).normal(size=(60, 3))
CODES = np.repeat([0, 1], 30)


def example(name, estimator, module="skext.naive_bayes"):
    return Example(name, module, estimator, ROWS, CODES)


@pytest.fixture(scope="module")
def every_example():
    return examples(n_rows=200)


@pytest.fixture(scope="module")
def measured():
    """One that works, one that fails, and one whose process ends."""
    broken = example("broken", LinearGaussianNB(shrinkage="no such rule"))
    gone = example("gone", Ends())
    return list(run_first_fits([example("works", LinearGaussianNB()), broken, gone]))


class Ends:
    """Ends its process as soon as it is loaded."""

    def __reduce__(self):
        return exec, ("import os; os._exit(3)",)


def test_every_public_estimator_has_an_example(every_example):
    names = {type(e.estimator).__name__ for e in every_example}
    assert names == {name for name, _ in all_estimators()}
    assert len({e.name for e in every_example}) == len(every_example)


def test_names_globs_and_classes_choose(every_example):
    def chosen(*names):
        return [e.name for e in select_examples(every_example, names)]

    assert len(chosen()) == len(every_example)
    assert chosen("SMOTE") == ["SMOTE", "SMOTE (box)"]
    assert chosen("PPPClustering") == ["PPPClustering", "PPPClustering (reduced)"]
    assert chosen("PPPClustering (reduced)") == ["PPPClustering (reduced)"]
    rows = ["PRESTO", "PRESTO (rows)", "PRESTO (train)", "PRESTOCV"]
    assert chosen("PRESTO*", "PRESTO") == rows
    with pytest.raises(BenchmarkError, match="'SMOTEE'.*'SMOTE"):
        chosen("SMOTEE")


def test_a_first_fit_compiles_and_the_next_process_does_not(measured):
    found = measured[0]
    assert found.status == "ok"
    assert found.first > found.second
    assert 0 < found.compiled < found.first
    assert found.n_kernels > 0
    assert found.recompiled == 0
    assert found.cached_first < found.first
    times = list(found.kernels.values())
    assert times == sorted(times, reverse=True)
    assert any(name.startswith("skext.naive_bayes._moments") for name in found.kernels)


def test_failures_are_rows_with_a_reason(measured):
    _, broken, gone = measured
    assert broken.status == gone.status == "failed"
    assert "no such rule" in broken.reason
    assert gone.reason.startswith("its process ended with 3")
    assert table_row(broken)[-1].startswith("failed: ")


def test_what_needs_a_package_is_skipped(monkeypatch, tmp_path):
    # A package of that name that cannot be imported, before all others.
    (tmp_path / "torch.py").write_text("raise ImportError('absent')\n")
    monkeypatch.syspath_prepend(tmp_path)
    net = TabularNetClassifier()
    (found,) = run_first_fits([example("net", net, module="skext.neural_network")])
    assert found.status == "skipped"
    assert "skext[deep]" in found.reason


def test_table_and_file(measured):
    rows = [table_row(found) for found in measured]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert all(isinstance(cell, str) for row in rows for cell in row)
    lines = as_csv(measured).splitlines()
    assert lines[0].startswith("name,status,reason,imports,first,second")
    assert len(lines) == 4


def test_bar():
    reports = [FirstFit("a", first=1.0), FirstFit("b", first=3.0), FirstFit("c")]
    assert too_slow(reports, None) == []
    assert [r.name for r in too_slow(reports, 2.0)] == ["b"]


def test_command(capsys, tmp_path):
    files = [tmp_path / "found.json", tmp_path / "found.csv"]
    call = ["bench", "first-fit", "NearestClassMean", "--max-seconds", "0"]
    call += ["--json", str(files[0]), "--csv", str(files[1])]
    assert main(call) == 1
    out = capsys.readouterr().out
    assert "NearestClassMean: the first fit takes" in out
    found = json.loads(files[0].read_text())
    assert found["first_fits"][0]["name"] == "NearestClassMean"
    assert "numba" in found["versions"]
    assert files[1].read_text().count("\n") == 2
