"""What each command does, but the running of jobs."""

import json
import sys
import time
import webbrowser
from pathlib import Path

from joblib import effective_n_jobs

from skext import datasets
from skext.benchmark._cli.printing import left_aligned, say
from skext.benchmark._engine.metrics import METRICS, get_metric
from skext.benchmark._engine.runner import score_stored
from skext.benchmark._engine.store import ResultStore, export
from skext.benchmark._engine.text import write_file
from skext.benchmark._engine.track import METHODS, offline_tasks, speed_cases
from skext.benchmark._engine.warm_up import warm_up as compile_kernels
from skext.benchmark._families.examples import examples
from skext.benchmark._report.page import render_tables
from skext.benchmark._results import BenchmarkResults, read_results
from skext.benchmark._speed import first_fit as _first_fit
from skext.benchmark._speed.measure import print_speed, run_speed
from skext.benchmark._suites import load_tasks
from skext.exceptions import BenchmarkError
from skext.utils._environment import (
    caches,
    cpu_model,
    device,
    environment,
    library_versions,
)

# skext bench report, compare, score


def report(arguments):
    """Write the report of a run, in one of several formats."""
    results = read_results(arguments.dir)
    options = {"metric": arguments.metric, "baseline": arguments.baseline}
    if arguments.format == "html":
        path = Path(arguments.out or Path(arguments.dir) / "report.html")
        results.report(path, rope=arguments.rope, **options)
        say(f"Report: {path}")
        if arguments.open:
            webbrowser.open(path.resolve().as_uri())
        return 0
    text = render_tables(results, fmt=arguments.format, **options)
    if arguments.out:
        write_file(arguments.out, text + "\n")
        say(f"Report: {arguments.out}")
    else:
        say(text)
    return 0


def compare(arguments):
    """Compare two methods of a run."""
    found = read_results(arguments.dir).compare(
        arguments.a,
        arguments.b,
        metric=arguments.metric,
        rope=arguments.rope,
        track=arguments.track,
    )
    say(str(found))
    return 0


def score(arguments):
    """Compute further metrics from stored predictions; nothing is fitted."""
    for name in arguments.metrics:
        get_metric(name)
    n_scored, n_missing = 0, 0
    with ResultStore(arguments.dir, create=False) as store:
        store.lock()
        jobs, _ = store.frame()
        for job in jobs[jobs["status"] == "ok"].itertuples():
            names = [
                name
                for name in arguments.metrics
                if job.task_type in METRICS[name].task_types
            ]
            if not names:
                continue
            arrays = store.load_predictions(job.key)
            if arrays is None:
                n_missing += 1
                continue
            store.add_scores(job.key, score_stored(arrays, names, job.task_type))
            n_scored += 1
        if not n_scored and not n_missing:
            raise BenchmarkError(
                f"None of the metrics {', '.join(arguments.metrics)} is defined for a "
                f"finished job in {arguments.dir!r}; see 'skext bench list metrics'."
            )
        results = BenchmarkResults.from_store(store)
    say(f"{n_scored} jobs scored with {', '.join(arguments.metrics)}.")
    if n_missing:
        say(
            f"{n_missing} jobs have no stored predictions; run them again with "
            "--save-predictions --retry ok."
        )
    export(results, Path(arguments.dir))
    return 0 if n_scored else 1


# skext bench fetch, list


def fetch(arguments):
    """Download the data of suites, or say what is here already."""
    bad = 0
    for row in datasets.fetch_suite(
        arguments.suites, data_home=arguments.data_home, offline=arguments.offline
    ):
        say("  ".join(str(value) for value in row.values() if value is not None))
        bad += row["status"] not in ("ok", "cached")
    say(f"{bad} tasks could not be had." if bad else "All tasks are here.")
    return 1 if bad else 0


def list_(arguments):
    """Print what there is to choose from."""
    rows = []
    if arguments.what == "suites":
        n_tasks = str(len(offline_tasks()))
        rows.append(("offline", n_tasks, "Bundled and simulated data, no network."))
        for name in datasets.list_suites():
            suite = datasets.load_suite(name)
            rows.append((name, str(len(suite.tasks)), suite.description))
        columns = ("suite", "tasks", "description")
    elif arguments.what == "tasks":
        for task in load_tasks(arguments.suite):
            rows.append((task.id, task.track, task.source))  # noqa: PERF401
        columns = ("task", "track", "source")
    elif arguments.what == "methods":
        for method in METHODS.values():
            tracks = ", ".join(method.tracks)
            text = method.description + (f" ({m})" if (m := method.missing()) else "")
            rows.append((method.name, method.family, tracks, text))
        columns = ("method", "family", "tracks", "description")
    elif arguments.what == "metrics":
        for metric in METRICS.values():
            better = "higher" if metric.greater_is_better else "lower"
            kinds = ", ".join(metric.task_types)
            rows.append((metric.name, better, kinds, metric.description))
        columns = ("metric", "better", "tasks", "description")
    else:
        for case in speed_cases().values():
            reason = case.missing()
            text = case.description + (f" ({reason})" if reason else "")
            rows.append((case.name, case.peer_name, text))
        columns = ("case", "peer", "description")
    say(left_aligned(columns, rows))
    return 0


# skext bench speed, first-fit; skext warm-up; skext info


def speed(arguments):
    """Measure speed ratios against peers."""
    reports = []
    for found in run_speed(
        arguments.names,
        threads=arguments.threads,
        n_pairs=arguments.pairs,
        sizes=arguments.size,
    ):
        print_speed(found, say)
        reports.append(found)
    if arguments.json is not None:
        figures = {**environment(), "cases": [r.to_dict() for r in reports]}
        write_file(arguments.json, json.dumps(figures, indent=2))
        say(f"Figures: {arguments.json}")
    if arguments.min_ratio is None:
        return 0
    slow = [r for r in reports if r.low < arguments.min_ratio]
    for r in slow:
        say(
            f"{r.case} {r.size}: the ratio's lower end {r.low:.2f} is below "
            f"{arguments.min_ratio:g}."
        )
    return 1 if slow else 0


def first_fit(arguments):
    """Measure first fits in new processes, without and with a cache of kernels."""
    chosen = _first_fit.select_examples(examples(), arguments.names)
    say(
        f"CPU seconds on {cpu_model()}; {chosen[0].X.shape[0]} rows. 'cached first' is "
        "a new process that finds the kernels compiled; 'above trivial' is what its "
        "first fit costs more than its second, above a trivial kernel; 'kernels' are "
        "ours + functions of numba that they drag in."
    )
    reports, rows = [], []
    for found in _first_fit.run_first_fits(chosen, n_jobs=arguments.jobs):
        reports.append(found)
        rows.append(_first_fit.table_row(found))
        if sys.stderr.isatty():
            say(f"{len(rows)} of {len(chosen)}: {found.name}", file=sys.stderr)
    say(left_aligned(_first_fit.COLUMNS, rows))
    if arguments.json is not None:
        figures = {**environment(), "first_fits": [r.to_dict() for r in reports]}
        write_file(arguments.json, json.dumps(figures, indent=2))
        say(f"Figures: {arguments.json}")
    if arguments.csv is not None:
        write_file(arguments.csv, _first_fit.as_csv(reports))
        say(f"Figures: {arguments.csv}")
    slow = _first_fit.too_slow(reports, arguments.max_seconds)
    for report in slow:
        say(
            f"{report.name}: the first fit takes {report.first:.2f} s, more than "
            f"{arguments.max_seconds:g}."
        )
    return 1 if slow or any(r.status == "failed" for r in reports) else 0


def warm_up(arguments):
    """Compile all kernels and say how long it took."""
    n_jobs = effective_n_jobs(arguments.jobs)
    seconds = compile_kernels(examples(), n_jobs=n_jobs, say=say)
    say(f"All kernels are compiled: {seconds:.1f} s on {n_jobs} core(s).")
    return 0


def info(arguments):
    """Print versions, threads, caches and devices."""
    found = environment()
    for name, version in library_versions().items():
        say(f"{name}: {version}")
    for name, value in found["host"].items():
        say(f"{name}: {value}")
    for name, value in found["threads"].items():
        say(f"{name}: {value or 'not set'}")
    for name, value in caches().items():
        say(f"{name}: {value}")
    say(f"device: {device()}")
    say(f"date: {time.strftime('%Y-%m-%d %H:%M:%S %z')}")
    return 0
