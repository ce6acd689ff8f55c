"""The command line: ``skext bench ...``, ``skext info`` and ``skext warm-up``.

The options of ``skext bench run`` are those of ``RunCall``, which files have, too.
cyclopts would make them of the dataclass as well. But ``skext warm-up`` and ``skext
info`` must run with what skext needs anyway, and it would bring rich and docutils to
every machine; and so a wrong value is refused in the words that files and Python have.
"""

import argparse
import contextlib
import shlex
from dataclasses import fields
from functools import partial
from pathlib import Path

from skext import __version__
from skext.benchmark._engine.options import (
    COUNT,
    FLAG,
    GROUPS,
    TEXTS,
    WORKERS,
    RunCall,
    RunOptions,
    flags_of,
)
from skext.exceptions import BenchmarkError


def parse(argv):
    """Parse a command line; of a run there are only the options that it names."""
    arguments = build_parser().parse_args(_with_default_command(argv))
    arguments.command_line = shlex.join(["skext", *argv])
    return arguments


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
    _add_first_fit(sub)
    for parent in (commands, sub):
        _add(parent, "info", "versions, threads, caches and devices", "info")
        warm_up = _add(parent, "warm-up", "compile all kernels now", "warm_up")
        _add_jobs(warm_up, -1)
    return parser


def _add(commands, name, text, action):
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    parser.set_defaults(action=action)
    return parser


def _add_run(commands):
    parser = _add(commands, "run", "run suites; the default is 'offline'", "run")
    parser.argument_default = argparse.SUPPRESS
    parser.add_argument(
        "suites",
        nargs="*",
        metavar="SUITE",
        default=argparse.SUPPRESS,
        help="offline, a frozen list (see 'skext bench list suites'), FILE.toml, "
        "openml:<data id> or task:<task id>",
    )
    groups = {name: parser.add_argument_group(name) for name in GROUPS}
    # What is compared comes first.
    order = [*vars(RunCall)["__annotations__"], *vars(RunOptions)["__annotations__"]]
    for entry in sorted(fields(RunCall), key=lambda entry: order.index(entry.name)):
        if entry.metadata["group"]:
            _add_option(groups[entry.metadata["group"]], entry)
    _add_online(groups["data"])


def _add_option(group, entry):
    """Add an option by what its field says."""
    value, options = entry.metadata["value"], {"help": entry.metadata["text"]}
    if value is FLAG and entry.default is None:
        options["action"] = argparse.BooleanOptionalAction
    elif value is FLAG:
        options["action"] = "store_true"
    else:
        read = str if value is TEXTS else partial(_read, value)
        options |= {"metavar": value.sign, "type": read}
        options |= {"nargs": "+"} if value is TEXTS else {}
    group.add_argument(
        *flags_of(entry), dest=entry.name, default=argparse.SUPPRESS, **options
    )


def _read(value, text):
    """Read a word of the command line, and refuse it in the words of the option."""
    try:
        if value.parse is not None:
            value.parse(text)
            return text
        with contextlib.suppress(ValueError):
            text = int(text) if not value.holds(text) else text
        value.check(text, repr(str(text)))
    except BenchmarkError as exc:
        raise argparse.ArgumentTypeError(str(exc).rstrip(".")) from None
    return text


def _add_online(group):
    group.add_argument(
        "--online", dest="offline", action="store_false", default=argparse.SUPPRESS
    )


def _add_data_options(parser):
    group = parser.add_argument_group("data")
    for entry in fields(RunCall):
        if entry.metadata["group"] == "data":
            _add_option(group, entry)
    _add_online(group)
    parser.set_defaults(offline=None, data_home=None)


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
    parser.add_argument("--threads", type=partial(_read, COUNT), default=1, metavar="N")
    parser.add_argument("--pairs", type=partial(_read, COUNT), default=9, metavar="N")
    parser.add_argument(
        "--size", choices=("small", "typical", "large"), nargs="+", metavar="SIZE"
    )
    parser.add_argument("--min-ratio", type=float, metavar="R", help="else exit with 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")


def _add_jobs(parser, default):
    parser.add_argument(
        *("-j", "--jobs"),
        type=partial(_read, WORKERS),
        default=default,
        metavar="N",
        help=f"processes at the same time; -1 all cores; {default} if not given",
    )


def _add_first_fit(commands):
    text = "first fits without and with compiled kernels"
    parser = _add(commands, "first-fit", text, "first_fit")
    parser.add_argument("names", nargs="*", metavar="NAME", help="estimators, or globs")
    _add_jobs(parser, 1)
    bar = "of any first fit; else exit with 1"
    parser.add_argument("--max-seconds", type=float, metavar="S", help=bar)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the figures")
