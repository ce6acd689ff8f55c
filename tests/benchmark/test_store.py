"""Any subset of jobs may have run, failed or be missing: every command works."""

import contextlib
import json
import shutil
import sqlite3

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import make_classification, make_regression

from skext.benchmark import Benchmark, read_results
from skext.benchmark._cli.main import main
from skext.benchmark._engine.jobs import FINAL, Outcome
from skext.benchmark._engine.store import ResultStore, export
from skext.exceptions import BenchmarkError

METHODS = ["logistic", "gaussian-nb", "dummy"]
REGRESSORS = ["ridge", "dummy-regressor"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run of two tracks, and what it takes to run it again."""
    folder = tmp_path_factory.mktemp("whole")
    tasks = {
        name: make_classification(40, 4, random_state=i)
        for i, name in enumerate(("a", "b"))
    }
    tasks["numbers"] = make_regression(40, 4, random_state=0)
    bench = Benchmark(tasks, [*METHODS, *REGRESSORS], folds=2)
    bench.run(folder, backend="sequential")
    keys = list(read_results(folder).to_frame()["key"].unique())
    assert len(keys) == 2 * 3 * 2 + 2 * 2
    return folder, bench, keys


STATES = ("ok", "pending", "failed", "timeout", "memory", "undefined", "unknown")


def damage(folder, copy, states):
    """Copy a run and give each of its jobs another state."""
    copy.mkdir()
    source = sqlite3.connect(folder / "results.sqlite")
    with sqlite3.connect(copy / "results.sqlite") as database:
        source.backup(database)
        for key, state in states.items():
            if state in ("failed", "timeout", "memory"):
                database.execute(
                    "UPDATE jobs SET status=?, error='it broke', fit_time=NULL "
                    "WHERE key=?",
                    [state, key],
                )
            if state == "pending":
                database.execute("DELETE FROM jobs WHERE key=?", [key])
            if state == "undefined":
                database.execute(
                    "UPDATE scores SET value=NULL, reason='none' WHERE key=?", [key]
                )
            elif state != "ok":
                database.execute("DELETE FROM scores WHERE key=?", [key])
    database.close()
    source.close()


@st.composite
def subsets(draw):
    """States of 16 jobs: any mixture, and those of one state throughout."""
    if draw(st.booleans()):
        return [draw(st.sampled_from(STATES))] * 16
    few = draw(st.lists(st.sampled_from(STATES), min_size=1, max_size=3))
    return draw(st.lists(st.sampled_from(few), min_size=16, max_size=16))


@settings(max_examples=25, deadline=None)
@given(states=subsets())
def test_every_command_reads_any_subset(whole, tmp_path_factory, states):
    folder, _, keys = whole
    copy = tmp_path_factory.mktemp("any") / "run"
    damage(folder, copy, dict(zip(keys, states, strict=True)))
    results = read_results(copy)
    counts = results.counts()
    assert sum(counts.values()) == 16
    assert counts.get("failed", 0) == states.count("failed")
    assert counts.get("pending", 0) == states.count("pending")
    for form in ("md", "csv"):
        assert main(["bench", "report", str(copy), "--format", form]) == 0
    export(results, copy)
    assert len(pd.read_csv(copy / "failures.csv")) == sum(
        states.count(s) for s in ("failed", "timeout", "memory")
    )
    assert json.loads((copy / "run.json").read_text())["ended"] == "complete"
    assert set(results.summary()["track"]) <= set(results.tracks)
    assert "tasks" in repr(results)
    assert results._repr_html_()
    with contextlib.suppress(BenchmarkError):
        assert str(results.compare("logistic", "dummy"))
    assert main(["bench", "score", str(copy), "--metrics", "brier"]) in (0, 1, 2)


@settings(max_examples=8, deadline=None)
@given(states=subsets())
def test_the_page_is_written_for_any_subset(whole, tmp_path_factory, states):
    pytest.importorskip("jinja2")
    folder, _, keys = whole
    copy = tmp_path_factory.mktemp("page") / "run"
    damage(folder, copy, dict(zip(keys, states, strict=True)))
    assert main(["bench", "report", str(copy)]) == 0
    page = (copy / "report.html").read_text()
    assert "could not be" not in page
    if "failed" in states or "timeout" in states or "memory" in states:
        assert "it broke" in page


@settings(max_examples=6, deadline=None)
@given(states=subsets())
def test_any_subset_is_completed(whole, tmp_path_factory, states):
    folder, bench, keys = whole
    copy = tmp_path_factory.mktemp("again") / "run"
    damage(folder, copy, dict(zip(keys, states, strict=True)))
    results = bench.run(copy, backend="sequential", save_predictions=False)
    left = [s for s in states if s in ("pending", "unknown")]
    assert results.info["n_run"] == len(left)
    assert "pending" not in results.counts()
    retried = bench.run(copy, backend="sequential", retry=FINAL)
    assert retried.counts() == {"ok": 16}
    columns = ["task", "method", "repeat", "fold", "metric"]
    found, expected = (
        r.to_frame().set_index(columns)["value"].sort_index()
        for r in (retried, read_results(folder))
    )
    pd.testing.assert_series_equal(found, expected)


def test_a_store_without_jobs_can_be_read(tmp_path):
    with ResultStore(tmp_path) as store:
        store.set_meta(broken={"t": "it cannot be loaded"}, unavailable={})
    results = read_results(tmp_path)
    assert results.counts() == {}
    assert results.tracks == []
    assert results.summary().empty
    export(results, tmp_path)
    for form in ("html", "md", "csv"):
        assert main(["bench", "report", str(tmp_path), "--format", form]) == 0
    assert "it cannot be loaded" in (tmp_path / "report.html").read_text()


def test_stores_of_earlier_versions_can_be_read(whole, tmp_path):
    # Keys of another making: results are there, and the jobs run again.
    folder, bench, keys = whole
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    with sqlite3.connect(copy / "results.sqlite") as database:
        for table in ("jobs", "scores", "plan"):
            database.execute(f"UPDATE {table} SET key = 'old-' || key")
    database.close()
    assert read_results(copy).counts() == {"ok": 16}
    assert main(["bench", "report", str(copy), "--format", "md"]) == 0
    again = bench.run(copy, backend="sequential")
    assert again.info["n_run"] == len(keys)
    assert again.counts() == {"ok": 16}


def test_scores_of_any_value_are_kept(tmp_path):
    outcome = Outcome("k", "ok", scores={"a": (np.nan, "none"), "b": (np.inf, "")})
    with ResultStore(tmp_path) as store:
        store.add(outcome)
        assert store.scored() == {"k": {"a", "b"}}
