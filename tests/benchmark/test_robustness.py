"""Nothing but the user ends a run, and the report is always written."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import types

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from skext.benchmark import Benchmark, Task, read_results
from skext.benchmark._cli.main import main
from skext.benchmark._engine.child import ChildDied
from skext.benchmark._engine.limits import ChildPool
from skext.exceptions import BenchmarkError

RAISES = {
    "Raises": "ValueError: this one always fails",
    "Exits": "SystemExit: 3",
    "Interrupts": "KeyboardInterrupt",
    "Closes": "GeneratorExit",
    "Recurses": "RecursionError",
    "Mumbles": "Unprintable: (its text cannot be written)",
    "Asks": "EOFError",
    "NoNumbers": "predict_proba gave not a finite number in",
}
DIES = {
    "Dies": "SIGKILL",
    "ExitsHard": "exit code 0",
    "Crashes": "SIGSEGV",
    "Aborts": "SIGABRT",
    "LeavesOne": "exit code 4",
}


@pytest.mark.skipif(sys.platform != "linux", reason="POSIX signals and fork")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_no_fit_ends_the_run(toys, tables, tmp_path, n_jobs):
    names = [*RAISES, *DIES, "Exhausts", "Forks"]
    methods = {name: getattr(toys, name)() for name in names}
    methods["bayes"] = GaussianNB()
    bench = Benchmark({"two": tables["two"]}, methods, folds=2)
    began = time.monotonic()
    # On any machine: the process that LeavesOne leaves sleeps for a minute.
    results = bench.run(tmp_path, n_jobs=n_jobs, lite=True)
    jobs = results.to_frame().drop_duplicates("method").set_index("method")
    for name, error in {**RAISES, **DIES}.items():
        assert jobs.loc[name, "job_status"] == "failed"
        assert error in jobs.loc[name, "job_error"], name
    assert jobs.loc["Exhausts", "job_status"] == "memory"
    assert jobs.loc[["bayes", "Forks"], "job_status"].eq("ok").all()
    assert "SystemExit" in results.report(tmp_path / "report.html").read_text()
    assert results.info["ended"] == "complete"
    assert bench.run(tmp_path, n_jobs=n_jobs, lite=True).info["n_run"] == 0
    assert time.monotonic() - began < 600


@pytest.mark.parametrize("name", RAISES)
def test_no_exception_ends_a_run_in_this_process(toys, tables, tmp_path, name):
    if name in ("Interrupts", "Asks"):
        pytest.skip("the user's own, in this process")
    methods = {"bad": getattr(toys, name)(), "bayes": GaussianNB()}
    bench = Benchmark({"two": tables["two"]}, methods, metrics=["accuracy"], folds=2)
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"failed": 2, "ok": 2}
    assert RAISES[name] in results.failures()["error"][0]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_run_in_this_process_dies_only_once(toys, tmp_path):
    call = [sys.executable, "-m", "skext", "bench", "run", "offline", "-t", "iris"]
    call += "-m toys:Dies gaussian-nb --folds 2 --backend sequential -o".split()
    call += [str(tmp_path / "run"), "--progress", "none"]
    codes = [subprocess.run(call, capture_output=True).returncode for _ in range(3)]
    # Each of the two jobs ends one run, and is then run in a process of its own.
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 1]
    counts = read_results(tmp_path / "run").counts()
    assert counts == {"failed": 2, "ok": 2}
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_the_run_and_its_children(toys, tmp_path):
    call = [sys.executable, "-m", "skext", "bench", "run", "offline", "-t", "iris"]
    call += "-m gaussian-nb toys:Hangs --folds 2 -j 2 --progress none -o".split()
    process = subprocess.Popen(
        [*call, str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        time.sleep(0.1)
        with contextlib.suppress(BenchmarkError):
            if read_results(tmp_path / "run").counts().get("ok", 0) >= 1:
                break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Report:" in out
    counts = read_results(tmp_path / "run").counts()
    assert counts["ok"] >= 1
    assert counts["pending"] >= 2
    assert "failed" not in counts


BROKEN = {
    "load_broken": "the table is broken",
    "load_and_exit": "SystemExit",
    "load_one_class": "one class only",
    "load_ragged": "rows of the same length",
    "load_nothing": "must return (X, y)",
    "no_such_function": "cannot be imported",
}


def test_tasks_that_cannot_be_used_do_not_stop_the_others(
    toys, tables, tmp_path, capsys
):
    tasks = [Task(name, loader=f"toys:{name}") for name in BROKEN]
    tasks += [Task("good", arrays=tables["two"], folds=(1, 2))]
    bench = Benchmark(tasks, ["gaussian-nb"], metrics=["accuracy"], folds=2)
    results = bench.run(tmp_path, backend="sequential", progress="plain")
    assert results.counts() == {"ok": 2}
    assert set(results.info["broken"]) == set(BROKEN)
    page = results.report(tmp_path / "report.html").read_text()
    said = capsys.readouterr().err
    for name, reason in BROKEN.items():
        assert reason in results.info["broken"][name]
        assert f"Task {name} failed" in said
        assert f"Task {name} failed" in page


def test_a_broken_task_shows_in_the_exit_code(toys, tmp_path, capsys):
    config = tmp_path / "mine.toml"
    config.write_text('[[tasks]]\nname = "bad"\nloader = "toys:load_broken"\n')
    call = f"bench run {config} offline -t iris bad -m dummy --folds 2 --progress none"
    call = [*call.split(), "--backend", "sequential", "-o", str(tmp_path / "run")]
    assert main(call) == 1
    assert "Task bad failed: it cannot be loaded" in capsys.readouterr().out
    assert main([*call, "--allow-failures"]) == 0
    # Alone it leaves nothing to run; what was found out is written all the same.
    alone = ["bench", "run", str(config), "-m", "dummy", "-o", str(tmp_path / "b")]
    assert main(alone) == 2
    assert "the table is broken" in capsys.readouterr().err
    assert "the table is broken" in (tmp_path / "b" / "report.html").read_text()


@pytest.mark.parametrize("factory", ["fails_at_making", "ends_at_making"])
def test_a_factory_that_fails_makes_failed_jobs(toys, tables, tmp_path, factory):
    bench = Benchmark(
        {"two": tables["two"]},
        [f"toys:{factory}", "gaussian-nb"],
        metrics=["accuracy"],
        folds=2,
    )
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"failed": 2, "ok": 2}
    assert "no estimator today" in results.failures()["error"][0]
    again = bench.run(tmp_path, backend="sequential")
    assert again.counts() == {"failed": 2, "ok": 2}
    assert again.info["n_run"] == 0


def test_a_task_that_no_metric_is_for_is_left_out(tables, tmp_path):
    X, y = tables["two"]
    tasks = {"classes": (X, y), "numbers": (X, X[:, 0])}
    bench = Benchmark(tasks, ["ridge", "gaussian-nb"], metrics=["rmse"], folds=2)
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"ok": 2}
    assert "rmse" in results.info["unavailable"]["classes"]


@pytest.mark.parametrize("names", [["p", "q"], ["logistic", "q"], ["logistic"]])
def test_a_baseline_without_results(toys, tables, tmp_path, names, capsys):
    bench = Benchmark(
        {"two": tables["two"]}, {n: toys.Raises() for n in names}, folds=2
    )
    results = bench.run(tmp_path, backend="sequential")
    assert results.counts() == {"failed": 2 * len(names)}
    assert main(["bench", "report", str(tmp_path), "--format", "md"]) == 0
    assert "this one always fails" in capsys.readouterr().out
    assert "this one always fails" in results.report(tmp_path / "r.html").read_text()


@pytest.mark.parametrize("budget", [0.001, 0.5, 3])
def test_a_budget_of_any_size_ends_in_a_report(tmp_path, capsys, budget):
    call = "bench run offline -t iris wine -m logistic gaussian-nb dummy -j 2 "
    call += f"--progress none --budget {budget}s --out {tmp_path / 'run'}"
    assert main(call.split()) == 0
    assert "Report:" in capsys.readouterr().out
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000


def test_a_child_that_dies_of_an_earlier_call_is_replaced():
    with ChildPool() as pool:
        import cloudpickle

        def poison():
            import threading

            threading.Timer(0.3, os._exit, [5]).start()
            return "done"

        assert pool.send(cloudpickle.dumps((poison, ()))) == "done"
        slow = cloudpickle.dumps((lambda: time.sleep(1) or "survived", ()))
        assert pool.send(slow) == "survived"
        with pytest.raises(ChildDied, match="exit code 7"):
            pool.send(cloudpickle.dumps((os._exit, (7,))))
    with pytest.raises(ChildDied, match="the run has ended"):
        pool.send(slow)


def test_what_cannot_be_sent_is_named(tables, tmp_path):
    class Holds(GaussianNB):
        """Carries something that cannot be pickled, but copied."""

        def __init__(self, what=None):
            self.what = what

        def __reduce_ex__(self, protocol):
            raise TypeError("cannot be pickled")

        def __deepcopy__(self, memo):
            return self

    methods = {"holds": Holds(), "logistic": LogisticRegression()}
    bench = Benchmark({"two": tables["two"]}, methods, metrics=["accuracy"], folds=2)
    results = bench.run(tmp_path, n_jobs=1)
    assert results.counts() == {"failed": 2, "ok": 2}
    assert "backend='sequential'" in results.failures()["error"][0]


def test_classes_of_modules_that_workers_cannot_import(tables, tmp_path, monkeypatch):
    modules = [types.ModuleType(f"made_by_hand_{i}") for i in range(2)]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    base = "from sklearn.naive_bayes import GaussianNB\nclass Base(GaussianNB): pass"
    exec(base, vars(modules[0]))
    exec("from made_by_hand_0 import Base\nclass Mine(Base): pass", vars(modules[1]))
    bench = Benchmark(
        {"two": tables["two"]},
        {"mine": modules[1].Mine()},
        metrics=["accuracy"],
        folds=2,
    )
    results = bench.run(tmp_path, n_jobs=1)
    assert results.counts() == {"ok": 2}, results.failures()["traceback"][0]


def test_two_of_one_name_are_refused(tables):
    task = Task("t", arrays=tables["two"])
    with pytest.raises(BenchmarkError, match="Task 't' is named twice"):
        Benchmark([task, task], ["dummy"]).run("nowhere")


def test_errors_that_are_no_utf8_are_written_down(tables, tmp_path):
    class Surrogate(LogisticRegression):
        def fit(self, X, y):
            raise ValueError("bad file \udcff.csv")

    methods = {"bad": Surrogate(), "good": LogisticRegression()}
    bench = Benchmark({"two": tables["two"]}, methods, metrics=["accuracy"], folds=2)
    for _ in range(2):
        results = bench.run(tmp_path, n_jobs=1)
        assert results.counts() == {"failed": 2, "ok": 2}
        assert r"bad file \udcff.csv" in results.failures()["error"][0]
