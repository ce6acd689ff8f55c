"""From what a user names to tasks: suites, OpenML ids, TOML files, Python data."""

import fnmatch
from dataclasses import replace

from skext import datasets
from skext.benchmark._engine.config import read_config
from skext.benchmark._engine.inputs import read_bunch
from skext.benchmark._engine.kinds import task_types
from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.tasks import Task, openml_task
from skext.benchmark._engine.track import TRACKS, offline_tasks, track_of_suite

# Bags of a size that leaves fewer of them than this are no task.
_FEWEST_BAGS = 5


def load_tasks(
    name,
    *,
    folds=None,
    max_rows=None,
    data_home=None,
    offline=None,
    seed=0,
    task_type=None,
):
    """List the tasks of a suite, ready for :class:`Benchmark`.

    Parameters
    ----------
    name : str
        ``"offline"`` (bundled and simulated data), a frozen list such as
        ``"cc18"`` (see :func:`skext.datasets.list_suites`), ``"openml:<data id>"``,
        ``"task:<task id>"`` or a TOML file.
    folds : "task", int or tuple of (int, int), default=None
        Number of folds, or repeats and folds. None takes the suite's own rule.
    max_rows : int, default=None
        Sample larger tables down to this many rows.
    data_home : path-like, default=None
        Folder of the data; None is scikit-learn's data home.
    offline : bool, default=None
        True never opens a connection. None follows ``SKEXT_OFFLINE``.
    seed : int, default=0
        Seed of splits and sampling.
    task_type : str or dict, default=None
        Kind of the targets, as of :class:`Task`; a dict maps ids of tasks to it. None
        takes what the data say.

    Returns
    -------
    tasks : list of Task
        Nothing is loaded yet.

    Raises
    ------
    BenchmarkError
        If there is no such suite.

    Examples
    --------
    >>> from skext.benchmark import load_tasks
    >>> [task.id for task in load_tasks("offline")][:3]
    ['iris', 'wine', 'breast-cancer']
    """
    source = {"data_home": None if data_home is None else str(data_home)}
    source["offline"] = offline
    if name == "offline":
        tasks = offline_tasks()
    elif name.startswith(("openml:", "task:")):
        tasks = [openml_task(name, source)]
    elif name.endswith(".toml"):
        tasks = read_config(name, source)["tasks"]
    else:
        tasks = _frozen_tasks(name, source)
    changes = {"seed": seed}
    if folds is not None:
        changes["folds"] = (1, folds) if isinstance(folds, int) else folds
    if max_rows is not None:
        changes["max_rows"] = max_rows
    return [_told(replace(task, **changes), task_type) for task in tasks]


def _frozen_tasks(name, source):
    known = [*datasets.list_suites(), "offline"]
    if name not in known:
        raise unknown("suite", name, known)
    suite = datasets.load_suite(name)
    tasks = [
        Task(
            id=f"{suite.name}/{entry.name}",
            track=track_of_suite(suite.name),
            loader="skext.benchmark._suites:load_entry",
            arguments=(("suite", suite.name), ("entry", entry.name), *source.items()),
            folds="task" if entry.task_id else (1, 5),
            positive_class=entry.positive_class,
            source=f"OpenML data {entry.data_id}" if entry.data_id else "OpenML",
            suite=f"{suite.name} {suite.version}",
        )
        for entry in suite.selected
    ]
    return _in_bags(tasks, suite) if suite.bag_sizes else tasks


def _in_bags(tasks, suite):
    """Make a task of each table and each size of bags that it has rows for."""
    return [
        replace(
            task,
            id=f"{task.id}-bags{size}",
            source=f"{task.source}, bags of {size} rows",
            bag_size=size,
        )
        for task, entry in zip(tasks, suite.selected, strict=True)
        for size in suite.bag_sizes
        if entry.n_rows is None or _FEWEST_BAGS * size <= entry.n_rows
    ]


def load_entry(suite, entry, **source):
    """Load one task of a frozen list; runs in the workers."""
    entries = {task.name: task for task in datasets.load_suite(suite).tasks}
    return datasets.load_suite_task(entries[entry], **source)


def select_tasks(tasks, patterns):
    """Tasks by id, by the last part of the id, or by glob."""
    if not patterns:
        return tasks
    names = {task.id: (task.id, task.id.rpartition("/")[2]) for task in tasks}
    chosen = []
    for pattern in patterns:
        found = [
            task
            for task in tasks
            if any(fnmatch.fnmatch(name, pattern) for name in names[task.id])
        ]
        if not found:
            raise unknown("task", pattern, [n for pair in names.values() for n in pair])
        chosen += [task for task in found if task not in chosen]
    return chosen


def as_tasks(given, **options):
    """Make tasks of whatever :class:`Benchmark` was given.

    Parameters
    ----------
    given : str, Task, list of those, skext.datasets.Suite, or dict
        A dict maps a name to ``(X, y)`` or a Bunch.
    **options : dict
        ``folds``, ``max_rows``, ``data_home``, ``offline``, ``seed``, ``task_type`` as
        in :func:`load_tasks`.

    Returns
    -------
    tasks : list of Task
        With the options applied.
    """
    if isinstance(given, str):
        return load_tasks(given, **options)
    changes = {key: options[key] for key in ("max_rows",) if options.get(key)}
    changes["seed"] = options.get("seed", 0)
    if options.get("folds") is not None:
        folds = options["folds"]
        changes["folds"] = (1, folds) if isinstance(folds, int) else folds
    if isinstance(given, Task):
        return [_told(replace(given, **changes), options.get("task_type"))]
    if isinstance(given, dict):
        return [
            _told(_given_in_python(name, data, changes), options.get("task_type"))
            for name, data in given.items()
        ]
    if hasattr(given, "tasks") and hasattr(given, "name"):
        return load_tasks(given.name, **options)
    return [task for item in given for task in as_tasks(item, **options)]


def _given_in_python(name, data, changes):
    if isinstance(data, Task):
        return replace(data, id=name, **changes)
    bunch = read_bunch(data, name, loader=False)
    arrays = (bunch["X"], bunch["y"])
    return Task(id=str(name), arrays=arrays, source="given in Python", **changes)


def _told(task, task_type):
    """Set the kind of the target, and refuse kinds and tracks that do not exist."""
    if isinstance(task_type, dict):
        task_type = task_type.get(task.id)
    task = task if task_type is None else replace(task, task_type=task_type)
    if task.task_type not in (None, *task_types()):
        raise unknown("task_type", task.task_type, task_types())
    if task.track not in ("auto", *TRACKS):
        raise unknown("track", task.track, TRACKS)
    return task
