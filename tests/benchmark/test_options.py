"""Options of a run: each is one field, and means the same wherever it is given."""

from dataclasses import fields

import pytest

from skext.benchmark import Benchmark, RunOptions
from skext.benchmark._cli.main import main
from skext.benchmark._cli.parser import parse
from skext.benchmark._cli.run import gather, given_by
from skext.benchmark._engine.config import read_config
from skext.benchmark._engine.options import FLAG, RunCall, key_of
from skext.benchmark._engine.store import ResultStore
from skext.exceptions import BenchmarkError

# A value of each option that is not its default: in words, and as a file has it.
VALUES = {
    "methods": ("dummy lda", '["dummy", "lda"]'),
    "tasks": ("iris", '["iris"]'),
    "metrics": ("f1", '["f1"]'),
    "folds": ("3x2", '"3x2"'),
    "retry": ("failed", '"failed"'),
    "backend": ("dask", '"dask"'),
    "progress": ("plain", '"plain"'),
    "device": ("cuda:1", '"cuda:1"'),
    "budget": ("2h", '"2h"'),
    "time_limit": ("5m", '"5m"'),
    "memory_limit": ("1GB", '"1GB"'),
    "track": ("ordinal", '"ordinal"'),
    "task_type": ("regression", '"regression"'),
    "scheduler": ("here", '"here"'),
    "data_home": ("there", '"there"'),
    "out": ("folder", '"folder"'),
}
ENTRIES = [
    entry for entry in fields(RunCall) if entry.name not in ("suites", "dry_run")
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_command_line_and_file_say_the_same(tmp_path, entry):
    flag = f"--{key_of(entry).replace('_', '-')}"
    words, text = VALUES.get(entry.name, ("7", "7"))
    if entry.metadata["value"] is FLAG:
        words, text = "", "true"
    given = given_by(parse(["bench", "run", flag, *words.split()]))
    path = tmp_path / "mine.toml"
    path.write_text(f"[run]\n{key_of(entry)} = {text}\n")
    assert given == read_config(path)["run"]
    assert getattr(RunCall(**given), entry.name) != entry.default


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_jobs": 0}, ["n_jobs=0", "-1 for all cores"]),
        ({"seed": "x"}, ["seed='x'", "whole number"]),
        ({"lite": "no"}, ["lite='no'", "true or false"]),
        ({"backend": "lokky"}, ["'lokky'", "'loky'"]),
        ({"time_limit": "soon"}, ["time_limit='soon'", "90s"]),
        ({"retry": "brocken"}, ["retry='brocken'", "failed"]),
        ({"metrics": "accuracy"}, ["metrics='accuracy'", "list of texts"]),
    ],
)
def test_wrong_values_are_named_in_python(options, words):
    with pytest.raises(BenchmarkError) as found:
        RunOptions(**options)
    for word in words:
        assert word in str(found.value)


def test_options_of_a_run_in_python(tables, tmp_path):
    bench = Benchmark(tables, ["dummy"], folds=2, random_state=3)
    options = RunOptions(backend="sequential", lite=True, seed=5)
    results = bench.run(tmp_path / "a", options, metrics=["f1"])
    assert results.info["options"]["seed"] == 5
    assert results.counts() == {"ok": 2}
    assert results.metrics("classification") == ["f1"]
    results = bench.run(tmp_path / "b", backend="sequential")
    assert results.info["options"]["seed"] == 3
    with pytest.raises(BenchmarkError, match="'n_job'.*'n_jobs'"):
        bench.run(tmp_path / "c", n_job=2)


def test_a_store_of_an_older_version_is_resumed_by_its_command_line(tmp_path, capsys):
    folder = tmp_path / "run"
    call = "bench run offline -t iris -m dummy lda --folds 2 --backend sequential "
    call += f"--progress none --out {folder}"
    assert main(call.split()) == 0
    with ResultStore(folder) as store:
        options = {"seed": 0, "command": store.meta()["command"]}
        store.set_meta(options=options)
    assert main(["bench", "resume", str(folder)]) == 0
    with ResultStore(folder) as store:
        assert store.meta()["n_run"] == 0
        assert store.meta()["options"]["tasks"] == ["iris"]


def test_data_home_of_a_file_holds_for_its_own_tasks(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[run]\ndata_home = "there"\noffline = true\n[[tasks]]\ndata_id = 3'
    )
    _, tasks, _ = gather({"suites": [str(path)]})
    assert dict(tasks[0].arguments) == {
        "data_id": 3,
        "data_home": "there",
        "offline": True,
    }
    _, tasks, _ = gather({"suites": [str(path)], "data_home": "here"})
    assert dict(tasks[0].arguments)["data_home"] == "here"
