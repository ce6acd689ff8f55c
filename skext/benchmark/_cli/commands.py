"""What each command does. Printing happens here and nowhere else."""

import json
import shlex
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from skext.benchmark import _suites
from skext.benchmark._benchmark import RunOptions, default_folder
from skext.benchmark._cli.config import read_config
from skext.benchmark._engine.jobs import FINAL, library_versions
from skext.benchmark._engine.metrics import METRICS, get_metric
from skext.benchmark._engine.parsing import (
    parse_duration,
    parse_folds,
    parse_size,
    parse_statuses,
    unknown,
)
from skext.benchmark._engine.runner import (
    Runner,
    check_device,
    environment,
    make_plan,
    refuse_duplicates,
    score_stored,
)
from skext.benchmark._engine.store import ResultStore, export
from skext.benchmark._engine.tasks import DEFAULT_TRACK
from skext.benchmark._engine.text import shorten, without_scores, write_file
from skext.benchmark._families import catalog as _catalog
from skext.benchmark._results import read_results
from skext.exceptions import BenchmarkError, MissingDependencyError

# Tables that cannot be loaded are listed up to this number.
SHOWN = 3


def say(text="", file=None):
    """Print a line."""
    print(text, file=file or sys.stdout, flush=True)


def table(frame, **options):
    """Format a data frame to fit the terminal."""
    width = shutil.get_terminal_size((100, 20)).columns
    options = {"index": False, "na_rep": "", "line_width": max(width, 100), **options}
    return frame.to_string(float_format=lambda v: f"{v:.4g}", **options)


# skext bench run


def run(arguments):
    """Run suites and report."""
    plain = not arguments.suites
    options, tasks, methods = _gather(arguments)
    if arguments.dry_run:
        return _dry_run(options, tasks, methods)
    folder = Path(arguments.out or default_folder(_stem(arguments.suites)))
    # The main job shall end within two minutes on any machine.
    short = plain and options.budget is None and arguments.tune == 0
    seconds = _warm(tasks, methods, limit=30.0 if short else None)
    if short:
        options.budget = max(30.0, 90.0 - seconds)
    runner = Runner(tasks, methods, options)
    runner.extra_info = {
        "suites": arguments.suites or ["offline"],
        "kernel_warm_up_seconds": seconds,
    }
    results = runner.run(folder)
    return _conclude(results, folder, allow_failures=arguments.allow_failures)


def _gather(arguments):
    """Options, tasks and methods of a run, from the command line and TOML files."""
    source = {"data_home": arguments.data_home, "offline": arguments.offline}
    configs = []
    for name in arguments.suites:
        if name.endswith(".toml"):
            configs.append(read_config(name, source))
            _apply_config(arguments, configs[-1]["run"])
            source = {"data_home": arguments.data_home, "offline": arguments.offline}
    folds = None if arguments.folds is None else parse_folds(arguments.folds)
    given = {**source, "folds": folds, "max_rows": arguments.max_rows}
    given["task_type"] = arguments.task_type
    suites = [name for name in arguments.suites if not name.endswith(".toml")]
    suites += [name for config in configs for name in config["run"].get("suites", [])]
    tasks = _suites.as_tasks(
        [task for config in configs for task in config["tasks"]],
        seed=arguments.seed,
        **given,
    )
    if not suites and not tasks:
        suites = ["offline"]
    for name in suites:
        tasks += _suites.load_suite(name, seed=arguments.seed, **given)
    refuse_duplicates(tasks, None)
    tasks = _suites.select_tasks(tasks, arguments.tasks)
    if arguments.track is not None:
        if arguments.track not in _catalog.TRACKS:
            raise unknown("track", arguments.track, _catalog.TRACKS)
        tasks = [replace(task, track=arguments.track) for task in tasks]
    methods = None
    if arguments.methods:
        methods = _catalog.select_methods(arguments.methods)
    extra = [method for config in configs for method in config["methods"]]
    if extra:
        methods = [*(methods or []), *extra]
    return _options(arguments), tasks, methods


def _apply_config(arguments, run_table):
    """Take the options of a file that the command line does not name."""
    for name, value in run_table.items():
        if name != "suites" and name not in arguments.explicit:
            setattr(arguments, name, value)


def _options(arguments):
    retry = parse_statuses(arguments.retry, FINAL)
    for name in arguments.metrics or ():
        get_metric(name)
    check_device(arguments.device)
    parse_duration(arguments.budget)
    parse_duration(arguments.time_limit)
    parse_size(arguments.memory_limit)
    return RunOptions(
        metrics=tuple(arguments.metrics) if arguments.metrics else None,
        seed=arguments.seed,
        lite=arguments.lite,
        tune=arguments.tune,
        strict_env=arguments.strict_env,
        n_jobs=arguments.jobs,
        inner_threads=arguments.inner_threads,
        backend=arguments.backend,
        scheduler=arguments.scheduler,
        budget=arguments.budget,
        time_limit=arguments.time_limit,
        memory_limit=arguments.memory_limit,
        device=arguments.device,
        retry=retry,
        fresh=arguments.fresh,
        save_predictions=arguments.save_predictions,
        progress=arguments.progress,
        command=arguments.command_line,
    )


def _stem(suites):
    if not suites:
        return "offline"
    name = Path(suites[0]).stem if suites[0].endswith(".toml") else suites[0]
    return name.replace(":", "-") + ("-and-more" if len(suites) > 1 else "")


def _dry_run(options, tasks, methods):
    plan = make_plan(tasks, methods, options)
    for note in plan.notes:
        say(note)
    for task in plan.tasks:
        names = [row[1] for _, row in plan.jobs if row[0] == task["id"]]
        folds = task["n_repeats"] * task["n_folds"]
        say(
            f"{task['id']}: {task['task_type']}, {task['n_rows']} x "
            f"{task['n_columns']}, {1 if options.lite else folds} fold(s), methods: "
            + ", ".join(sorted(set(names)))
        )
    for name, reason in plan.unavailable.items():
        say(f"{name}: left out: {reason}")
    for name, reason in plan.broken.items():
        say(f"{name}: failed: {reason}")
    skipped = {(row[1], row[8]) for _, row in plan.jobs if row[8]}
    for name, reason in sorted(skipped):
        say(f"{name}: skipped: {reason}")
    unmade = {(row[1], row[4]) for _, row in plan.jobs}
    errors = {outcome.key: outcome.error for outcome in plan.failed}
    for name, error in sorted({(n, errors[k]) for n, k in unmade if k in errors}):
        say(f"{name}: failed: {error}")
    say(f"{sum(job is not None for job, _ in plan.jobs)} jobs would run.")
    return 0


def _warm(tasks, methods, *, limit):
    """Compile the kernels of a run before anything is timed; returns the seconds."""
    from skext.benchmark._cli.warm_up import warm_up_methods

    if methods is None:
        tracks = {task.track for task in tasks}
        if "auto" in tracks:
            tracks |= set(DEFAULT_TRACK.values())
        methods = [m for m in _catalog.METHODS.values() if tracks & set(m.tracks)]
    return warm_up_methods(methods, limit=limit)


def _conclude(results, folder, *, allow_failures=False):
    """Print the tables, write the report, choose the exit code."""
    for track in results.tracks:
        say()
        _say_track(results, track)
    say()
    counts = results.counts()
    if counts:
        say(", ".join(f"{number} jobs {status}" for status, number in counts.items()))
    unavailable = results.info.get("unavailable") or {}
    if unavailable:
        say(f"{len(unavailable)} tasks left out:")
        for name, reason in list(unavailable.items())[:SHOWN]:
            say(f"  {name}: {reason}")
        if len(unavailable) > SHOWN:
            say(f"  ... and {len(unavailable) - SHOWN} others, all in the report.")
    broken = results.info.get("broken") or {}
    for name, reason in broken.items():
        say(f"Task {name} failed: {reason}")
    say(f"Results: {folder}")
    try:
        say(f"Report: {results.report(folder / 'report.html')}")
    except MissingDependencyError as exc:
        say(f"No report: {exc}")
    bad = sum(counts.get(status, 0) for status in ("failed", "timeout", "memory"))
    if results.info.get("ended") == "interrupted":
        return 130
    return 1 if (bad or broken) and not allow_failures else 0


def _say_track(results, track):
    """Print the comparison of one track."""
    from skext.benchmark._analysis.compare import headline

    frame = results.track_frame(track)
    metric = results.primary_metric(track)
    rows = frame[frame["metric"] == metric]
    if not rows.loc[rows["status"] == "ok", "value"].notna().any():
        say(f"{track}: {without_scores(rows)}")
        return
    analysis = results.analyse(track)
    say(f"{track}: {analysis.metric} against {analysis.baseline or 'no baseline'}")
    if len(analysis.summary):
        say(_short_summary(analysis))
    say(headline(analysis))
    for note in analysis.notes:
        say(f"  note: {note}")


def _short_summary(analysis):
    names = {
        "mean_rank": "rank",
        "mean_score": "score",
        "p_better": "P(better)",
        "p_equivalent": "P(equal)",
        "p_worse": "P(worse)",
        "fit_time": "fit s",
        "predict_time": "predict s",
        "n_failed": "failed",
    }
    summary = analysis.summary.rename_axis("method").reset_index()
    summary["method"] = [shorten(name, 40) for name in summary["method"]]
    return table(summary[["method", *names]].rename(columns=names))


# skext bench resume, report, compare, score


def resume(arguments):
    """Run the command that started a run once more, into the same folder."""
    from skext.benchmark._cli.parser import parse

    with ResultStore(arguments.dir, create=False) as store:
        command = store.meta().get("command", "")
    words = shlex.split(command)[1:]
    if words[:1] != ["bench"]:
        raise BenchmarkError(
            f"The run in {arguments.dir!r} was started from Python; call "
            "Benchmark.run with that folder once more to continue it."
        )
    again = parse([word for word in words if word != "--fresh"])
    # The folder may have been moved, and its results shall stay.
    again.out, again.fresh = arguments.dir, False
    again.explicit |= {"out", "fresh"}
    again.command_line = command
    return run(again)


def report(arguments):
    """Write the report of a run, in one of several formats."""
    results = read_results(arguments.dir)
    options = {"metric": arguments.metric, "baseline": arguments.baseline}
    if arguments.format == "html":
        path = Path(arguments.out or Path(arguments.dir) / "report.html")
        results.report(path, rope=arguments.rope, **options)
        say(f"Report: {path}")
        if arguments.open:
            import webbrowser

            webbrowser.open(path.resolve().as_uri())
        return 0
    from skext.benchmark._report.page import render_tables

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
        results = _after_scoring(store)
    say(f"{n_scored} jobs scored with {', '.join(arguments.metrics)}.")
    if n_missing:
        say(
            f"{n_missing} jobs have no stored predictions; run them again with "
            "--save-predictions --retry ok."
        )
    export(results, Path(arguments.dir))
    return 0 if n_scored else 1


def _after_scoring(store):
    from skext.benchmark._results import BenchmarkResults

    return BenchmarkResults.from_store(store)


# skext bench fetch, list


def fetch(arguments):
    """Download the data of suites, or say what is here already."""
    from skext import datasets

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
    import pandas as pd

    rows = []
    if arguments.what == "suites":
        from skext import datasets
        from skext.benchmark._families.offline import offline_tasks

        rows.append(
            ("offline", len(offline_tasks()), "Bundled and simulated data, no network.")
        )
        for name in datasets.list_suites():
            suite = datasets.load_suite(name)
            rows.append((name, len(suite.tasks), suite.description))
        columns = ("suite", "tasks", "description")
    elif arguments.what == "tasks":
        for task in _suites.load_suite(arguments.suite):
            rows.append((task.id, task.track, task.source))  # noqa: PERF401
        columns = ("task", "track", "source")
    elif arguments.what == "methods":
        for method in _catalog.METHODS.values():
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
        from skext.benchmark._speed.cases import CASES

        for case in CASES.values():
            rows.append((case.name, case.peer_name, case.description))  # noqa: PERF401
        columns = ("case", "peer", "description")
    say(_left_aligned(pd.DataFrame(rows, columns=columns)))
    return 0


def _left_aligned(frame):
    widths = [
        max([len(str(value)) for value in frame[name]] + [len(name)]) for name in frame
    ]
    lines = [list(frame.columns), *frame.to_numpy().tolist()]
    return "\n".join(
        "  ".join(f"{v!s:<{w}}" for v, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


# skext bench speed; skext warm-up; skext info


def speed(arguments):
    """Measure speed ratios against peers."""
    from skext.benchmark._speed.measure import print_speed, run_speed

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


def warm_up(arguments):
    """Compile all kernels and say how long it took."""
    from skext.benchmark._cli.warm_up import warm_up as compile_kernels

    seconds = compile_kernels(say)
    say(f"All kernels are compiled, {seconds:.1f} s.")
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
    for name, value in _caches().items():
        say(f"{name}: {value}")
    say(f"device: {_device()}")
    say(f"date: {time.strftime('%Y-%m-%d %H:%M:%S %z')}")
    return 0


def _caches():
    from sklearn.datasets import get_data_home

    import skext

    folder = Path(skext.__file__).parent
    kernels = list(folder.glob("**/*.nbi"))
    return {
        "package": folder,
        "compiled kernels": f"{len(kernels)} below the package folder",
        "data home": get_data_home(),
    }


def _device():
    try:
        import torch
    except ImportError:
        return "cpu (torch is not installed)"
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return f"cpu (torch {torch.__version__} sees no GPU)"
