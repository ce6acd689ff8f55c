"""The command line: ``skext bench ...``, ``skext info`` and ``skext warm-up``."""

import argparse
import contextlib
import shlex
import sqlite3
import sys
from pathlib import Path

from skext.benchmark._engine.inputs import TASK_TYPES
from skext.exceptions import (
    BenchmarkError,
    DataNotAvailableError,
    MissingDependencyError,
)

_ERRORS = (BenchmarkError, DataNotAvailableError, MissingDependencyError)


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    code : int
        0 if all is well, 1 if jobs failed or a bar was missed, 2 if the call is
        wrong or cannot be carried out, 130 if interrupted.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    from skext.benchmark._cli import commands as _commands

    try:
        arguments = parse(argv)
        return getattr(_commands, arguments.action)(arguments) or 0
    except _ERRORS as exc:
        return _complain(exc)
    except KeyboardInterrupt:
        return _complain("interrupted; finished jobs are kept", code=130)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone; that is no error of ours.
        sys.stderr.close()
        return 0
    except sqlite3.Error as exc:
        return _complain(
            f"The results could not be written ({exc}); finished jobs are kept: make "
            "room or repair the folder and run the same command again."
        )
    except OSError as exc:
        where = f" {str(exc.filename)!r}" if exc.filename else ""
        return _complain(
            f"Cannot read or write{where}: {exc.strerror or exc}; finished jobs are "
            "kept: make room or correct the path and run the same command again."
        )


def parse(argv):
    """Parse a command line; ``explicit`` are the options that it names."""
    words = _with_default_command(argv)
    arguments = build_parser().parse_args(words)
    told = build_parser()
    _suppress_defaults(told)
    arguments.command_line = shlex.join(["skext", *argv])
    arguments.explicit = frozenset(vars(told.parse_args(words)))
    return arguments


def _suppress_defaults(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _suppress_defaults(child)
        else:
            action.default = argparse.SUPPRESS


def _complain(message, code=2):
    text = " ".join(str(message).split())
    print(f"skext: error: {text}", file=sys.stderr)  # noqa: T201
    return code


def _with_default_command(argv):
    """``skext bench`` alone, or with options only, is ``skext bench run``."""
    if argv[:1] == ["bench"] and (
        len(argv) == 1 or (argv[1].startswith("-") and argv[1] not in ("-h", "--help"))
    ):
        return ["bench", "run", *argv[1:]]
    return argv or ["--help"]


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise BenchmarkError(f"{message}; see '{self.prog} --help'.")


def build_parser():
    """Build the parser of the whole command."""
    from skext import __version__

    parser = _Parser(
        prog="skext",
        description="Classical machine learning methods for tabular data.",
        epilog="With no arguments, 'skext bench' compares the methods of skext with "
        "their baselines on bundled and simulated data, in under two minutes.",
    )
    parser.add_argument("--version", action="version", version=f"skext {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    bench = commands.add_parser("bench", help="compare estimators on many tables")
    sub = bench.add_subparsers(metavar="COMMAND", required=True)
    _add_run(sub)
    _add_resume(sub)
    _add_report(sub)
    _add_compare(sub)
    _add_score(sub)
    _add_fetch(sub)
    _add_list(sub)
    _add_speed(sub)
    for parent in (commands, sub):
        _add(parent, "info", "versions, threads, caches and devices", "info")
        _add(parent, "warm-up", "compile all kernels now", "warm_up")
    return parser


def _add(commands, name, text, action):
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    parser.set_defaults(action=action)
    return parser


def _add_run(commands):
    parser = _add(commands, "run", "run suites; the default is 'offline'", "run")
    parser.add_argument(
        "suites",
        nargs="*",
        metavar="SUITE",
        help="offline, a frozen list (see 'skext bench list suites'), FILE.toml, "
        "openml:<data id> or task:<task id>",
    )
    what = parser.add_argument_group("what is compared")
    what.add_argument(
        "-m",
        "--methods",
        nargs="+",
        metavar="NAME",
        help="names, globs, or package.module:factory",
    )
    what.add_argument("-t", "--tasks", nargs="+", metavar="ID", help="tasks, or globs")
    what.add_argument("--metrics", nargs="+", metavar="NAME", help="the first leads")
    what.add_argument("--track", help="compare all tasks under this track")
    what.add_argument(
        "--task-type",
        choices=TASK_TYPES,
        metavar="TYPE",
        help="kind of the targets: " + ", ".join(TASK_TYPES),
    )
    what.add_argument("--folds", metavar="task|K|RxK", help="splits of each task")
    what.add_argument("--lite", action="store_true", help="first fold only")
    what.add_argument("--max-rows", type=_positive, metavar="N", help="sample tables")
    what.add_argument(
        "--tune", type=_positive, default=0, metavar="N", help="N random configurations"
    )
    what.add_argument("--seed", type=_from_zero, default=0, metavar="N")
    how = parser.add_argument_group("how it runs")
    how.add_argument(
        "-j",
        "--jobs",
        type=_workers,
        default=-1,
        metavar="N",
        help="workers; -1 all cores",
    )
    how.add_argument(
        "--inner-threads", type=_positive, metavar="N", help="threads within a job"
    )
    how.add_argument("--backend", default="loky", help="loky, dask, ray or sequential")
    how.add_argument("--scheduler", metavar="ADDRESS", help="of a dask or ray cluster")
    how.add_argument("--budget", metavar="DUR", help="start no job after this long")
    how.add_argument("--time-limit", metavar="DUR", help="of one job")
    how.add_argument("--memory-limit", metavar="SIZE", help="of one job")
    how.add_argument("--device", default="auto", metavar="auto|cpu|cuda")
    how.add_argument(
        "--progress", choices=("auto", "plain", "none"), default="auto", help="display"
    )
    _add_data_options(parser)
    store = parser.add_argument_group("results")
    store.add_argument(
        "-o", "--out", metavar="DIR", help="rerunning with the same DIR resumes"
    )
    store.add_argument(
        "--retry", metavar="STATUS[,..]", help="try failed, timeout, memory jobs again"
    )
    store.add_argument("--fresh", action="store_true", help="forget earlier results")
    store.add_argument(
        "--save-predictions",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="default: for tables under 50000 rows",
    )
    store.add_argument(
        "--strict-env",
        action="store_true",
        help="results of other library versions do not count as done",
    )
    store.add_argument(
        "--allow-failures", action="store_true", help="exit with 0 all the same"
    )
    store.add_argument("--dry-run", action="store_true", help="print the plan only")


def _add_data_options(parser):
    group = parser.add_argument_group("data")
    group.add_argument(
        "--offline",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="never open a connection",
    )
    group.add_argument("--online", dest="offline", action="store_false")
    group.add_argument("--data-home", metavar="DIR", help="scikit-learn's data home")


def _add_resume(commands):
    parser = _add(commands, "resume", "continue a run with its own options", "resume")
    parser.add_argument("dir", metavar="DIR")


def _add_report(commands):
    parser = _add(commands, "report", "write the report of a run", "report")
    parser.add_argument("dir", metavar="DIR")
    parser.add_argument("--metric", metavar="NAME")
    parser.add_argument("--baseline", metavar="NAME")
    parser.add_argument("--rope", type=float, default=0.01, help="practical equality")
    parser.add_argument(
        "--format", choices=("html", "md", "csv", "latex"), default="html"
    )
    parser.add_argument("-o", "--out", metavar="FILE")
    parser.add_argument("--open", action="store_true", help="in a browser")


def _add_compare(commands):
    parser = _add(commands, "compare", "compare two methods of a run", "compare")
    parser.add_argument("dir", metavar="DIR")
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--metric", metavar="NAME")
    parser.add_argument("--track", metavar="NAME")
    parser.add_argument("--rope", type=float, default=0.01, help="practical equality")


def _add_score(commands):
    parser = _add(
        commands, "score", "compute further metrics from stored predictions", "score"
    )
    parser.add_argument("dir", metavar="DIR")
    parser.add_argument("--metrics", nargs="+", required=True, metavar="NAME")


def _add_fetch(commands):
    parser = _add(commands, "fetch", "download, check and convert suites", "fetch")
    parser.add_argument("suites", nargs="+", metavar="SUITE")
    _add_data_options(parser)


def _add_list(commands):
    parser = _add(commands, "list", "what there is to choose from", "list_")
    parser.add_argument(
        "what", choices=("suites", "tasks", "methods", "metrics", "speed")
    )
    parser.add_argument("suite", nargs="?", default="offline", metavar="SUITE")


def _add_speed(commands):
    parser = _add(commands, "speed", "speed ratios against named peers", "speed")
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases, or globs")
    parser.add_argument("--threads", type=_positive, default=1, metavar="N")
    parser.add_argument("--pairs", type=_positive, default=9, metavar="N")
    parser.add_argument(
        "--size", choices=("small", "typical", "large"), nargs="+", metavar="SIZE"
    )
    parser.add_argument("--min-ratio", type=float, metavar="R", help="else exit with 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")


def _workers(text):
    with contextlib.suppress(ValueError):
        if int(text) != 0:
            return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number of workers; write 1 or more, or -1 for all cores"
    )


def _from_zero(text):
    with contextlib.suppress(ValueError):
        if int(text) >= 0:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")


def _positive(text):
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number
