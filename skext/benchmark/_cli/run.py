"""``skext bench run`` and ``resume``: from options to jobs, tables and an exit code."""

import shlex
from dataclasses import fields, replace
from pathlib import Path

from skext.benchmark._analysis.compare import headline
from skext.benchmark._benchmark import default_folder, run_tasks
from skext.benchmark._cli.parser import parse
from skext.benchmark._cli.printing import say, table
from skext.benchmark._engine.config import read_config
from skext.benchmark._engine.kinds import KINDS
from skext.benchmark._engine.metrics import get_metric
from skext.benchmark._engine.options import RunCall
from skext.benchmark._engine.parsing import parse_folds
from skext.benchmark._engine.runner import make_plan, refuse_duplicates
from skext.benchmark._engine.store import ResultStore
from skext.benchmark._engine.text import without_scores
from skext.benchmark._engine.track import METHODS, select_methods
from skext.benchmark._engine.warm_up import warm_up_methods
from skext.benchmark._suites import as_tasks, load_tasks, select_tasks
from skext.exceptions import BenchmarkError, MissingDependencyError
from skext.utils._plotting import shorten

# Tables that cannot be loaded are listed up to this number.
SHOWN = 3


def run(arguments):
    """Run suites and report."""
    return _start(given_by(arguments), arguments.command_line)


def resume(arguments):
    """Run with the options of an earlier run once more, into the same folder."""
    with ResultStore(arguments.dir, create=False) as store:
        story = store.meta()
    command, options = story.get("command", ""), story.get("options") or {}
    if "suites" not in options:
        # Of an older version, which wrote down the command line only.
        words = shlex.split(command)[1:]
        if words[:1] != ["bench"]:
            raise BenchmarkError(
                f"The run in {arguments.dir!r} was started from Python; call "
                "Benchmark.run with that folder once more to continue it."
            )
        options = given_by(parse(words))
    # The folder may have been moved, and its results shall stay.
    return _start({**options, "out": arguments.dir, "fresh": False}, command)


def given_by(arguments) -> dict:
    """Options that a command line names."""
    known = {entry.name for entry in fields(RunCall)}
    return {name: value for name, value in vars(arguments).items() if name in known}


def _start(given, command):
    options, tasks, methods = gather(given)
    if options.dry_run:
        return _dry_run(options, tasks, methods)
    folder = Path(options.out or default_folder(_stem(options.suites)))
    # The main job shall end within two minutes on any machine.
    short = not options.suites and options.budget is None and options.tune == 0
    seconds = _warm(tasks, methods, limit=30.0 if short else None)
    if short:
        options.budget = max(30.0, 90.0 - seconds)
    results = run_tasks(
        tasks,
        methods,
        options,
        folder,
        command=command,
        suites=options.suites or ["offline"],
        kernel_warm_up_seconds=seconds,
    )
    return _conclude(results, folder, allow_failures=options.allow_failures)


def gather(given):
    """Read what a run is told: the command line, over files, over defaults.

    Parameters
    ----------
    given : dict
        Options by their names in ``RunCall``.

    Returns
    -------
    options : RunCall
        All options.
    tasks : list of Task
        What to run on.
    methods : list of Method or None
        None is the default methods of each track.
    """
    configs, told = [], {}
    for name in given.get("suites", ()):
        if name.endswith(".toml"):
            configs.append(read_config(name, _source({**told, **given})))
            told |= {k: v for k, v in configs[-1]["run"].items() if k != "suites"}
    options = RunCall(**{**told, **given})
    for name in options.metrics or ():
        get_metric(name)
    how = {
        **_source(vars(options)),
        "folds": None if options.folds is None else parse_folds(options.folds),
        "max_rows": options.max_rows,
        "task_type": options.task_type,
        "seed": options.seed,
    }
    suites = [name for name in options.suites if not name.endswith(".toml")]
    suites += [name for config in configs for name in config["run"].get("suites", [])]
    tasks = as_tasks([task for config in configs for task in config["tasks"]], **how)
    if not suites and not tasks:
        suites = ["offline"]
    for name in suites:
        tasks += load_tasks(name, **how)
    refuse_duplicates(tasks, None)
    tasks = select_tasks(tasks, options.tasks)
    if options.track is not None:
        tasks = [replace(task, track=options.track) for task in tasks]
    methods = select_methods(options.methods) if options.methods else None
    extra = [method for config in configs for method in config["methods"]]
    if extra:
        methods = [*(methods or []), *extra]
    return options, tasks, methods


def _source(told):
    return {name: told.get(name) for name in ("data_home", "offline")}


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
    if methods is None:
        tracks = {task.track for task in tasks}
        if "auto" in tracks:
            tracks |= {kind.track for kind in KINDS.values()}
        methods = [m for m in METHODS.values() if tracks & set(m.tracks)]
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
