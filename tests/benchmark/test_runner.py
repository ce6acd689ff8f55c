import os
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skext.benchmark import Benchmark, load_tasks, read_results
from skext.benchmark._engine.plan import plan_jobs
from skext.benchmark._engine.store import ResultStore
from skext.exceptions import BenchmarkError

METHODS = {"bayes": GaussianNB(), "logistic": LogisticRegression()}


def scores(results):
    frame = results.to_frame()
    columns = ["task", "method", "repeat", "fold", "metric"]
    return frame.set_index(columns)["value"].sort_index()


@pytest.fixture
def bench(tables):
    return Benchmark(tables, METHODS, metrics=["accuracy", "log_loss"], folds=3)


def test_results_are_those_of_scikit_learn(bench, tables, tmp_path):
    results = bench.run(tmp_path, backend="sequential")
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = tables["three"]
    expected = cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression()),
        X,
        y,
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
    )
    found = scores(results).loc["three", "logistic", 0, :, "accuracy"]
    np.testing.assert_allclose(found, expected)


def test_folder_holds_tables_and_the_story_of_the_run(bench, tmp_path):
    results = bench.run(tmp_path, backend="sequential")
    frame = pd.read_parquet(tmp_path / "results.parquet")
    assert len(frame) == 2 * 2 * 3 * 2
    assert results.counts() == {"ok": 12}
    assert pd.read_csv(tmp_path / "failures.csv").empty
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert set(summary["method"]) == {"bayes", "logistic"}
    assert results.info["versions"]["scikit-learn"]
    assert results.info["ended"] == "complete"
    again = read_results(tmp_path)
    pd.testing.assert_frame_equal(again.to_frame(), results.to_frame())
    assert "2 tasks" in repr(again)
    assert "<table" in again._repr_html_()
    assert "three" in bench._repr_html_()


def test_same_scores_whatever_runs_the_jobs(bench, tmp_path):
    expected = scores(bench.run(tmp_path / "one", backend="sequential"))
    loky = scores(bench.run(tmp_path / "two", backend="loky", n_jobs=2))
    pd.testing.assert_series_equal(loky, expected)
    with joblib.parallel_config("threading", n_jobs=2):
        threads = scores(bench.run(tmp_path / "three", n_jobs=2))
    pd.testing.assert_series_equal(threads, expected)


def test_unknown_dask_scheduler_is_named(bench, tmp_path):
    pytest.importorskip("dask.distributed")
    with pytest.raises(BenchmarkError, match="No dask scheduler answers at 'nothing:/"):
        bench.run(tmp_path, backend="dask", scheduler="nothing://")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_same_scores_on_a_dask_cluster(bench, tmp_path):
    distributed = pytest.importorskip("dask.distributed")
    expected = scores(bench.run(tmp_path / "here", backend="sequential"))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        results = bench.run(
            tmp_path / "there", backend="dask", scheduler=cluster.scheduler_address
        )
    pd.testing.assert_series_equal(scores(results), expected)
    assert results.to_frame()["host"].nunique() >= 1


def test_running_again_fits_nothing(toys, tables, tmp_path, monkeypatch):
    count = tmp_path / "count"
    monkeypatch.setenv("TOY_COUNT", str(count))
    bench = Benchmark(tables, ["toys:Counts"], metrics=["accuracy"], folds=3)
    first = bench.run(tmp_path / "run", backend="sequential")
    assert len(count.read_text().split()) == 6
    second = bench.run(tmp_path / "run", backend="sequential")
    assert len(count.read_text().split()) == 6
    pd.testing.assert_series_equal(scores(second), scores(first))
    # Another metric comes from the stored predictions, another seed does not.
    more = Benchmark(tables, ["toys:Counts"], metrics=["log_loss"], folds=3)
    third = more.run(tmp_path / "run", backend="sequential")
    assert len(count.read_text().split()) == 6
    assert scores(third).index.get_level_values("metric").nunique() == 2
    Benchmark(
        tables, ["toys:Counts"], metrics=["accuracy"], folds=3, random_state=1
    ).run(tmp_path / "run", backend="sequential")
    assert len(count.read_text().split()) == 12
    bench.run(tmp_path / "run", backend="sequential", fresh=True)
    assert len(count.read_text().split()) == 18


def test_killed_run_continues_where_it_stopped(toys, tables, tmp_path, monkeypatch):
    count = tmp_path / "count"
    monkeypatch.setenv("TOY_COUNT", str(count))
    bench = Benchmark(tables, ["toys:Counts"], metrics=["accuracy"], folds=5)
    expected = scores(bench.run(tmp_path / "whole", backend="sequential"))
    count.unlink()

    np.savez(tmp_path / "tables.npz", **{f"X_{k}": v[0] for k, v in tables.items()})
    np.savez(tmp_path / "labels.npz", **{f"y_{k}": v[1] for k, v in tables.items()})
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, numpy as np\n"
        "from skext.benchmark import Benchmark\n"
        "X, y = np.load(sys.argv[1]), np.load(sys.argv[2])\n"
        "tables = {k[2:]: (X[k], y['y_' + k[2:]]) for k in X.files}\n"
        "bench = Benchmark(tables, ['toys:Counts'], metrics=['accuracy'], folds=5)\n"
        "bench.run(sys.argv[3], backend='sequential')\n"
    )
    call = [sys.executable, str(script), str(tmp_path / "tables.npz")]
    call += [str(tmp_path / "labels.npz"), str(tmp_path / "cut")]
    process = subprocess.Popen(call, env={**os.environ, "TOY_SLEEP": "0.2"})
    database = tmp_path / "cut" / "results.sqlite"
    for _ in range(400):
        time.sleep(0.05)
        if database.exists() and _n_jobs_done(database) >= 3:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_stored = _n_jobs_done(database)
    assert 3 <= n_stored < 10
    half_way = read_results(tmp_path / "cut")
    assert half_way.counts()["pending"] == 10 - n_stored

    monkeypatch.setenv("TOY_SLEEP", "0")
    n_before = len(count.read_text().split())
    subprocess.run(call, check=True, env=dict(os.environ))
    fits = count.read_text().split()
    assert len(fits) - n_before == 10 - n_stored
    found = scores(read_results(tmp_path / "cut"))
    pd.testing.assert_series_equal(found, expected)
    # Only a job that was under way at the moment of the kill may run twice.
    assert len(fits) <= 11


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_command_leaves_no_worker_and_continues(toys, tmp_path, monkeypatch):
    count = tmp_path / "count"
    monkeypatch.setenv("TOY_COUNT", str(count))
    call = [sys.executable, "-m", "skext", "bench", "run", "offline"]
    call += "-t iris wine -m toys:Counts dummy --folds 6 -j 2 --progress none".split()
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*call, "-o", str(whole)], check=True, capture_output=True)
    count.unlink()

    slow = {**os.environ, "TOY_SLEEP": "0.4"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*call, "-o", str(cut)], env=slow, **quiet)
    for _ in range(1200):
        time.sleep(0.05)
        if _n_jobs_done(cut / "results.sqlite") >= 14:
            break
    workers = _children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_stored = _n_jobs_done(cut / "results.sqlite")
    assert 14 <= n_stored < 24
    assert workers
    for _ in range(100):
        if not any(os.path.exists(f"/proc/{pid}") for pid in workers):
            break
        time.sleep(0.1)
    else:
        pytest.fail("workers outlive the run that was killed")

    n_before = len(count.read_text().split())
    again = [*call, "-o", str(cut)]
    subprocess.run(again, check=True, capture_output=True)
    fits = count.read_text().split()
    assert len(fits) <= 12 + 2, "only the jobs under way may run twice"
    assert len(fits) > n_before
    pd.testing.assert_series_equal(
        scores(read_results(cut)), scores(read_results(whole)), check_exact=True
    )
    times = ["fit_time", "predict_time"]
    tables = [pd.read_csv(f / "summary.csv").drop(columns=times) for f in (cut, whole)]
    pd.testing.assert_frame_equal(*tables)
    assert read_results(cut).info["n_resumed"] == n_stored


def _children(parent):
    """Processes whose parent is this one."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(name))
    return found


def _n_jobs_done(path):
    import sqlite3

    try:
        with sqlite3.connect(path) as database:
            return database.execute("SELECT count(*) FROM jobs").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_failures_become_rows_and_harm_no_other(toys, tables, tmp_path):
    methods = {
        name: getattr(toys, name)() for name in ("Raises", "Hangs", "Eats", "Dies")
    }
    bench = Benchmark(
        {"two": tables["two"]},
        {**methods, "bayes": GaussianNB()},
        metrics=["accuracy"],
        folds=2,
    )
    # The toys are pickled by reference to a module that workers can import.
    results = bench.run(
        tmp_path, backend="loky", n_jobs=2, time_limit="12s", memory_limit="1GB"
    )
    frame = results.to_frame().set_index("method")
    assert set(frame.loc["bayes", "status"]) == {"ok"}
    assert set(frame.loc["Raises", "status"]) == {"failed"}
    assert set(frame.loc["Hangs", "status"]) == {"timeout"}
    assert set(frame.loc["Eats", "status"]) == {"memory"}
    assert set(frame.loc["Dies", "status"]) == {"memory"}
    failures = results.failures()
    assert len(failures) == 8
    raised = failures[failures["method"] == "Raises"].iloc[0]
    assert raised["error"] == "ValueError: this one always fails"
    assert "Traceback" in raised["traceback"]
    # A failed job is an answer; it is tried again only on request.
    again = bench.run(tmp_path, backend="sequential")
    assert again.info["n_run"] == 0
    retried = bench.run(tmp_path, backend="sequential", retry=("failed",))
    assert retried.info["n_run"] == 2


@pytest.mark.filterwarnings("ignore:A worker stopped:UserWarning")
def test_a_worker_that_dies_is_found_out(toys, tables, tmp_path):
    bench = Benchmark(
        {"two": tables["two"]},
        {"dies": toys.Dies(), "bayes": GaussianNB()},
        metrics=["accuracy"],
        folds=2,
    )
    results = bench.run(tmp_path, backend="loky", n_jobs=2)
    frame = results.to_frame().set_index("method")
    assert set(frame.loc["bayes", "status"]) == {"ok"}
    assert set(frame.loc["dies", "status"]) == {"failed"}
    assert "SIGKILL" in frame.loc["dies", "error"].iloc[0]


def test_preprocessing_and_resampling_see_the_training_fold_only(toys, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    bench = Benchmark(
        {"noise": (X, y)}, ["toys:leaking"], metrics=["accuracy"], folds=5
    )
    found = scores(bench.run(tmp_path, backend="sequential"))
    assert abs(found.mean() - 0.5) < 0.1


def test_budget_leaves_whole_folds(toys, tables, tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_COUNT", str(tmp_path / "count"))
    monkeypatch.setenv("TOY_SLEEP", "0.3")
    bench = Benchmark(tables, ["toys:Counts"], metrics=["accuracy"], folds=10)
    results = bench.run(tmp_path / "run", backend="sequential", budget="1.5s")
    counts = results.counts()
    assert counts["ok"] + counts["pending"] == 20
    assert counts["pending"] >= 10
    assert results.info["ended"] == "budget"
    done = results.to_frame().query("status == 'ok'").groupby("task")["fold"].nunique()
    assert done.max() - done.min() <= 1
    monkeypatch.setenv("TOY_SLEEP", "0")
    assert bench.run(tmp_path / "run", backend="sequential").counts() == {"ok": 20}


def test_plan_is_fold_major_and_cheap_first(tables):
    bench = Benchmark(tables, METHODS, metrics=["accuracy"], folds=3)
    plan = plan_jobs(
        bench.tasks,
        bench.methods,
        metrics=("accuracy",),
        seed=0,
        lite=False,
        n_tune=0,
        strict_env=False,
        device="cpu",
    )
    folds = [job.fold for job, _ in plan.jobs]
    assert folds == sorted(folds)
    assert plan.jobs[0][0].task.id == "two"
    assert len(plan.tasks) == 2
    assert not plan.unavailable
    assert not plan.broken
    lite = Benchmark(tables, METHODS, folds=3)
    assert len(plan.jobs) == 12
    assert lite.methods[0].name == "bayes"


def test_a_method_without_its_package_is_skipped_with_a_reason(tables, tmp_path):
    from skext.benchmark import Method

    absent = Method("absent", "no_such_package_x:Y", needs=("no_such_package_x",))
    bench = Benchmark(tables, [absent, "gaussian-nb"], metrics=["accuracy"], folds=2)
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"ok": 4, "skipped": 4}
    assert results.failures()["error"].str.contains("no_such_package_x").all()


def test_predictions_are_stored_on_request(bench, tables, tmp_path):
    bench.run(tmp_path / "with", backend="sequential")
    stored = list((tmp_path / "with" / "predictions").glob("*.npz"))
    assert len(stored) == 12
    results = read_results(tmp_path / "with")
    bins = results.calibration["classification"]["logistic"]
    assert bins.n_rows.sum() == tables["two"][1].size
    assert bins.n_events.sum() == (tables["two"][1] == max(tables["two"][1])).sum()
    bench.run(tmp_path / "without", backend="sequential", save_predictions=False)
    assert not (tmp_path / "without" / "predictions").exists()
    assert read_results(tmp_path / "without").calibration is None


def test_a_second_run_into_the_same_folder_is_refused(bench, tmp_path):
    pytest.importorskip("fcntl")
    with ResultStore(tmp_path) as store:
        store.lock()
        with pytest.raises(BenchmarkError, match="Another run is writing"):
            bench.run(tmp_path, backend="sequential")


def test_other_methods_join_the_results(tables, tmp_path):
    for methods in (["gaussian-nb"], ["lda"]):
        Benchmark(tables, methods, metrics=["accuracy"], folds=2).run(
            tmp_path, backend="sequential"
        )
    results = read_results(tmp_path)
    assert set(results.to_frame()["method"]) == {"gaussian-nb", "lda"}
    comparison = results.compare("gaussian-nb", "lda")
    assert "gaussian-nb" in str(comparison)


def test_bad_calls_are_named(bench, tables, tmp_path):
    with pytest.raises(BenchmarkError, match="'acuracy'.*'accuracy'"):
        Benchmark(tables, METHODS, metrics=["acuracy"]).run(tmp_path / "a")
    with pytest.raises(BenchmarkError, match="rmse is defined for task 'three'"):
        Benchmark(tables, METHODS, metrics=["rmse"]).run(
            tmp_path / "b", backend="sequential"
        )
    with pytest.raises(BenchmarkError, match="Unknown backend 'lokky'.*'loky'"):
        bench.run(tmp_path / "c", backend="lokky")
    with pytest.raises(BenchmarkError, match="Unknown run option.*n_job"):
        bench.run(tmp_path / "d", n_job=2)
    with pytest.raises(BenchmarkError, match="holds no benchmark run"):
        read_results(tmp_path / "nothing here")
    results = bench.run(tmp_path / "e", backend="sequential")
    with pytest.raises(BenchmarkError, match="Unknown method 'bays'.*'bayes'"):
        results.compare("bays", "logistic")
    with pytest.raises(BenchmarkError, match="'f1' was not computed"):
        results.analyse(metric="f1")
    with pytest.raises(BenchmarkError, match="Unknown suite 'cc81'.*'cc18'"):
        load_tasks("cc81")
    with pytest.raises(BenchmarkError, match="openml:iris"):
        load_tasks("openml:iris")
