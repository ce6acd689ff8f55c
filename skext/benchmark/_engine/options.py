"""The options of a run, each written once: for Python, files and the command line."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral, Real
from typing import NamedTuple

from skext.benchmark._engine.backends import BACKENDS
from skext.benchmark._engine.jobs import FINAL
from skext.benchmark._engine.kinds import task_types
from skext.benchmark._engine.parsing import (
    parse_device,
    parse_duration,
    parse_folds,
    parse_size,
    parse_statuses,
    unknown,
)
from skext.benchmark._engine.track import TRACKS
from skext.exceptions import BenchmarkError


class Value(NamedTuple):
    """What an option may hold.

    Attributes
    ----------
    words : str
        How a person would say it.
    holds : callable
        Whether a value of a file or of Python is one.
    parse : callable, default=None
        Raises a BenchmarkError that says what is wrong with a value.
    """

    words: str
    holds: Callable
    parse: Callable | None = None

    def check(self, value, told):
        """Refuse a value, which ``told`` writes with its name."""
        if not self.holds(value):
            raise BenchmarkError(f"{told} must be {self.words}.")


class Name(NamedTuple):
    """One of some names, which are looked up when they are needed."""

    kind: str
    names: Callable

    def check(self, value, told):
        """Refuse a value."""
        self.parse(value)

    def parse(self, text):
        """Refuse a text, and name the nearest."""
        if not isinstance(text, str) or text not in self.names():
            raise unknown(self.kind, text, self.names())


def _whole(words, test):
    def holds(value):
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        return whole and test(value)

    return Value(words, holds)


def _read_by(words, parse, types):
    def holds(value):
        if isinstance(value, bool) or not isinstance(value, types):
            return False
        try:
            parse(value)
        except BenchmarkError:
            return False
        return True

    return Value(words, holds, parse)


TEXT = Value("a text", lambda value: isinstance(value, str))
TEXTS = Value(
    'a list of texts, such as ["one", "two"]',
    lambda value: (
        isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    ),
)
FLAG = Value("true or false", lambda value: isinstance(value, bool))
COUNT = _whole("a whole number above 0", lambda value: value > 0)
FROM_ZERO = _whole("a whole number, 0 or more", lambda value: value >= 0)
FOLDS = _read_by(
    '"task", a number of folds, or a text such as "3x10"', parse_folds, (str, int)
)
TASK_TYPE = Name("task_type", task_types)
TRACK = Name("track", lambda: ("auto", *TRACKS))
_WORKERS = _whole(
    "a whole number above 0, or -1 for all cores", lambda value: value != 0
)
_DURATION = _read_by(
    'seconds or a text such as "90s" or "1h30m"', parse_duration, (str, Real)
)
_SIZE = _read_by('bytes or a text such as "512MB" or "2GiB"', parse_size, (str, Real))
_DEVICE = _read_by(
    '"auto", "cpu", "cuda" or a text such as "cuda:1"', parse_device, str
)
_STATUSES = _read_by(
    "a list of " + ", ".join(FINAL),
    lambda value: parse_statuses(value, FINAL),
    (str, list, tuple),
)


def option(default, value, text, *flags, group, metavar=None, in_files=True):
    """Make a field of an option, with all that the command line and files must know."""
    metadata = {"value": value, "text": text, "flags": flags, "group": group}
    metadata |= {"metavar": metavar, "in_files": in_files}
    return field(default=default, metadata=metadata)


@dataclass
class RunOptions:
    """How a run is carried out; what is compared is not among it.

    The command line and files have the same options, ``--jobs`` for ``n_jobs``.

    Parameters
    ----------
    metrics : list of str, default=None
        None takes those of the track. The first is the headline.
    lite : bool, default=False
        First fold of each task only.
    tune : int, default=0
        Number of random configurations tried for methods of the catalogue.
    seed : int, default=0
        Seed of the estimators.
    n_jobs : int, default=-1
        Number of workers; -1 is all cores, or all workers of a cluster.
    inner_threads : int, default=None
        Threads within a job; None is cores divided by workers.
    backend : {"loky", "sequential", "dask", "ray"}, default=None
        None is joblib's current one; the command line takes "loky".
    scheduler : str, default=None
        Address of a dask or ray cluster; None starts one on this machine.
    budget : str or float, default=None
        Start no job after this long: seconds, or a text such as "2h".
    time_limit : str or float, default=None
        End a job after this long.
    memory_limit : str or int, default=None
        End a job that needs more: bytes, or a text such as "4GB".
    device : str, default="auto"
        "auto", "cpu", "cuda" or a form such as "cuda:1".
    progress : {"none", "plain", "auto"}, default="none"
        What is shown meanwhile; the command line takes "auto".
    retry : str or list of str, default=()
        Statuses of jobs to try again: "failed", "timeout", "memory", "ok".
    fresh : bool, default=False
        Forget earlier results in the folder.
    save_predictions : bool, default=None
        None keeps those of tables under 50000 rows.
    strict_env : bool, default=False
        Whether results of other versions of the libraries do not count as done.

    Examples
    --------
    >>> from skext.benchmark import RunOptions
    >>> RunOptions(time_limit="5m").n_jobs
    -1
    """

    metrics: tuple | None = option(
        None, TEXTS, "the first leads", group="what is compared", metavar="NAME"
    )
    lite: bool = option(False, FLAG, "first fold only", group="what is compared")
    tune: int = option(
        0, FROM_ZERO, "N random configurations", group="what is compared", metavar="N"
    )
    seed: int = option(
        0, FROM_ZERO, "of splits and methods", group="what is compared", metavar="N"
    )
    n_jobs: int = option(
        -1,
        _WORKERS,
        "workers; -1 all cores",
        *("-j", "--jobs"),
        group="how it runs",
        metavar="N",
    )
    inner_threads: int | None = option(
        None, COUNT, "threads within a job", group="how it runs", metavar="N"
    )
    backend: str | None = option(
        None,
        Name("backend", lambda: BACKENDS),
        "loky, dask, ray or sequential",
        group="how it runs",
    )
    scheduler: str | None = option(
        None, TEXT, "of a dask or ray cluster", group="how it runs", metavar="ADDRESS"
    )
    budget: object = option(
        None,
        _DURATION,
        "start no job after this long",
        group="how it runs",
        metavar="DUR",
    )
    time_limit: object = option(
        None, _DURATION, "of one job", group="how it runs", metavar="DUR"
    )
    memory_limit: object = option(
        None, _SIZE, "of one job", group="how it runs", metavar="SIZE"
    )
    device: str = option(
        "auto", _DEVICE, "for networks", group="how it runs", metavar="auto|cpu|cuda"
    )
    progress: str = option(
        "none",
        Name("progress", lambda: ("auto", "plain", "none")),
        "auto, plain or none",
        group="how it runs",
    )
    retry: tuple = option(
        (),
        _STATUSES,
        "try failed, timeout, memory jobs again",
        group="results",
        metavar="STATUS[,..]",
    )
    fresh: bool = option(False, FLAG, "forget earlier results", group="results")
    save_predictions: bool | None = option(
        None, FLAG, "default: for tables under 50000 rows", group="results"
    )
    strict_env: bool = option(
        False,
        FLAG,
        "results of other library versions do not count as done",
        group="results",
    )

    def __post_init__(self):
        for entry in fields(self):
            given, value = getattr(self, entry.name), entry.metadata["value"]
            if given is not None or entry.default is not None:
                value.check(given, f"{entry.name}={given!r}")
        self.retry = parse_statuses(self.retry, FINAL)
        self.metrics = tuple(self.metrics) if self.metrics else None

    def to_dict(self) -> dict:
        """Return plain values, for ``run.json``.

        Returns
        -------
        values : dict of str to object
            One for each option.
        """
        return asdict(self)


def _other_default(name, default):
    """Make the same option with another default."""
    return field(
        default=default, metadata=RunOptions.__dataclass_fields__[name].metadata
    )


@dataclass
class RunCall(RunOptions):
    """What ``skext bench run`` is told: what is compared, beside how."""

    suites: tuple = option((), TEXTS, "", group="")
    methods: tuple | None = option(
        None,
        TEXTS,
        "names, globs, or package.module:factory",
        *("-m", "--methods"),
        group="what is compared",
        metavar="NAME",
    )
    tasks: tuple | None = option(
        None,
        TEXTS,
        "tasks, or globs",
        *("-t", "--tasks"),
        group="what is compared",
        metavar="ID",
    )
    track: str | None = option(
        None, TRACK, "compare all tasks under this track", group="what is compared"
    )
    task_type: str | None = option(
        None, TASK_TYPE, "kind of the targets", group="what is compared", metavar="TYPE"
    )
    folds: object = option(
        None,
        FOLDS,
        "splits of each task",
        group="what is compared",
        metavar="task|K|RxK",
    )
    max_rows: int | None = option(
        None, COUNT, "sample tables", group="what is compared", metavar="N"
    )
    backend: str | None = _other_default("backend", "loky")
    progress: str = _other_default("progress", "auto")
    offline: bool | None = option(None, FLAG, "never open a connection", group="data")
    data_home: str | None = option(
        None, TEXT, "scikit-learn's data home", group="data", metavar="DIR"
    )
    out: str | None = option(
        None,
        TEXT,
        "rerunning with the same DIR resumes",
        *("-o", "--out"),
        group="results",
        metavar="DIR",
    )
    allow_failures: bool = option(
        False, FLAG, "exit with 0 all the same", group="results"
    )
    dry_run: bool = option(
        False, FLAG, "print the plan only", group="results", in_files=False
    )


def flags_of(entry) -> tuple:
    """Names of an option on the command line, the long one last."""
    return entry.metadata["flags"] or (f"--{entry.name.replace('_', '-')}",)


def key_of(entry) -> str:
    """Name of an option in a file."""
    return flags_of(entry)[-1].lstrip("-").replace("-", "_")
