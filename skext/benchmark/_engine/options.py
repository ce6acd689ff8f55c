"""The options of a run, each written once: for Python, files and the command line."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import partial
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
    sign : str, default=None
        What stands for it in the help of the command line.
    """

    words: str
    holds: Callable
    parse: Callable | None = None
    sign: str | None = None

    def check(self, value, told):
        """Refuse a value, which ``told`` writes with its name."""
        if not self.holds(value):
            raise BenchmarkError(f"{told} must be {self.words}.")


class Name(NamedTuple):
    """One of some names, which are looked up when they are needed."""

    kind: str
    names: Callable
    sign: str | None = None

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

    return Value(words, holds, sign="N")


def _read_by(words, parse, types, sign):
    def holds(value):
        if isinstance(value, bool) or not isinstance(value, types):
            return False
        try:
            parse(value)
        except BenchmarkError:
            return False
        return True

    return Value(words, holds, parse, sign)


TEXT = Value("a text", lambda value: isinstance(value, str), sign="TEXT")
TEXTS = Value(
    'a list of texts, such as ["one", "two"]',
    lambda value: (
        isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    ),
    sign="NAME",
)
FLAG = Value("true or false", lambda value: isinstance(value, bool))
COUNT = _whole("a whole number above 0", lambda value: value > 0)
FROM_ZERO = _whole("a whole number, 0 or more", lambda value: value >= 0)
FOLDS = _read_by(
    '"task", a number of folds, or a text such as "3x10"',
    parse_folds,
    (str, int),
    "task|K|RxK",
)
TASK_TYPE = Name("task_type", task_types, "TYPE")
TRACK = Name("track", lambda: ("auto", *TRACKS), "NAME")
WORKERS = _whole("a whole number above 0, or -1 for all cores", bool)
_BACKEND = Name("backend", lambda: BACKENDS)
_PROGRESS = Name("progress", lambda: ("auto", "plain", "none"))
_DURATION = _read_by(
    'seconds or a text such as "90s" or "1h30m"', parse_duration, (str, Real), "DUR"
)
_SIZE = _read_by(
    'bytes or a text such as "512MB" or "2GiB"', parse_size, (str, Real), "SIZE"
)
_DEVICE = _read_by(
    '"auto", "cpu", "cuda" or a text such as "cuda:1"', parse_device, str, "DEVICE"
)
_STATUSES = _read_by(
    "a list of " + ", ".join(FINAL),
    lambda value: parse_statuses(value, FINAL),
    (str, list, tuple),
    "STATUS[,..]",
)


def _option(group, default, value, text, *flags):
    """Make a field of all that the command line and files must know of an option."""
    metadata = {"value": value, "text": text, "flags": flags, "group": group}
    return field(default=default, metadata=metadata)


GROUPS = ("what is compared", "how it runs", "data", "results")
_what, _how, _data, _store = (partial(_option, group) for group in GROUPS)


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

    metrics: tuple | None = _what(None, TEXTS, "the first leads")
    lite: bool = _what(False, FLAG, "first fold only")
    tune: int = _what(0, FROM_ZERO, "N random configurations")
    seed: int = _what(0, FROM_ZERO, "of splits and methods")
    n_jobs: int = _how(-1, WORKERS, "workers; -1 all cores", "-j", "--jobs")
    inner_threads: int | None = _how(None, COUNT, "threads within a job")
    backend: str | None = _how(None, _BACKEND, ", ".join(BACKENDS))
    scheduler: str | None = _how(None, TEXT, "address of a dask or ray cluster")
    budget: object = _how(None, _DURATION, "start no job after this long")
    time_limit: object = _how(None, _DURATION, "of one job")
    memory_limit: object = _how(None, _SIZE, "of one job")
    device: str = _how("auto", _DEVICE, "auto, cpu or cuda")
    progress: str = _how("none", _PROGRESS, "auto, plain or none")
    retry: tuple = _store((), _STATUSES, "try failed, timeout, memory jobs again")
    fresh: bool = _store(False, FLAG, "forget earlier results")
    save_predictions: bool | None = _store(
        None, FLAG, "default: for tables under 50000 rows"
    )
    strict_env: bool = _store(
        False, FLAG, "results of other library versions do not count as done"
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


@dataclass
class RunCall(RunOptions):
    """What ``skext bench run`` is told: what is compared, beside how."""

    suites: tuple = _option("", (), TEXTS, "")
    methods: tuple | None = _what(
        None, TEXTS, "names, globs, or package.module:factory", "-m", "--methods"
    )
    tasks: tuple | None = _what(None, TEXTS, "tasks, or globs", "-t", "--tasks")
    track: str | None = _what(None, TRACK, "compare all tasks under this track")
    task_type: str | None = _what(None, TASK_TYPE, "kind of the targets")
    folds: object = _what(None, FOLDS, "splits of each task")
    max_rows: int | None = _what(None, COUNT, "sample tables")
    backend: str | None = _how("loky", _BACKEND, ", ".join(BACKENDS))
    progress: str = _how("auto", _PROGRESS, "auto, plain or none")
    offline: bool | None = _data(None, FLAG, "never open a connection")
    data_home: str | None = _data(None, TEXT, "folder; scikit-learn's by default")
    out: str | None = _store(
        None, TEXT, "folder; rerunning with the same resumes", "-o", "--out"
    )
    allow_failures: bool = _store(False, FLAG, "exit with 0 all the same")
    dry_run: bool = _store(False, FLAG, "print the plan only")


def flags_of(entry) -> tuple:
    """Names of an option on the command line, the long one last."""
    return entry.metadata["flags"] or (f"--{entry.name.replace('_', '-')}",)


def key_of(entry) -> str:
    """Name of an option in a file."""
    return flags_of(entry)[-1].lstrip("-").replace("-", "_")
