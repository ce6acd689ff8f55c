"""Benchmark files: TOML tables, checked key by key."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

from skext.benchmark._engine.backends import BACKENDS
from skext.benchmark._engine.inputs import TASK_TYPES
from skext.benchmark._engine.jobs import FINAL
from skext.benchmark._engine.parsing import (
    DEVICES,
    parse_duration,
    parse_folds,
    parse_size,
    parse_statuses,
    unknown,
)
from skext.benchmark._engine.tasks import Task
from skext.exceptions import BenchmarkError


def _is_text(value):
    return isinstance(value, str)


def _is_whole(value, least):
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_texts(value):
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_read_by(parse):
    def test(value):
        if isinstance(value, bool):
            return False
        try:
            parse(value)
        except BenchmarkError:
            return False
        return True

    return test


def _is_among(names):
    return lambda value: isinstance(value, str) and value in names


def _are_statuses(value):
    if not isinstance(value, str | list):
        return False
    return _is_read_by(lambda names: parse_statuses(names, FINAL))(value)


def _one_of(names):
    return "one of " + ", ".join(f'"{name}"' for name in names)


_TEXT = (_is_text, "a text")
_TEXTS = (_are_texts, 'a list of texts, such as ["one", "two"]')
_FLAG = (lambda value: isinstance(value, bool), "true or false")
_COUNT = (lambda value: _is_whole(value, 1), "a whole number above 0")
_FROM_ZERO = (lambda value: _is_whole(value, 0), "a whole number, 0 or more")
_DURATION = (_is_read_by(parse_duration), 'seconds or a text such as "90s" or "1h30m"')
_SIZE = (_is_read_by(parse_size), 'bytes or a text such as "512MB" or "2GiB"')
_FOLDS = (
    _is_read_by(parse_folds),
    '"task", a number of folds, or a text such as "3x10"',
)
_TYPE = (_is_among(TASK_TYPES), _one_of(TASK_TYPES))
_LABEL = (
    lambda value: isinstance(value, str | int | float),
    "a label, as text or number",
)

# What each key may hold, and how a person would say it.
RUN = {
    "suites": _TEXTS,
    "tasks": _TEXTS,
    "methods": _TEXTS,
    "metrics": _TEXTS,
    "folds": _FOLDS,
    "lite": _FLAG,
    "max_rows": _COUNT,
    "tune": _FROM_ZERO,
    "jobs": (
        lambda value: _is_whole(value, 1) or (_is_whole(value, -1) and value != 0),
        "a whole number above 0, or -1 for all cores",
    ),
    "inner_threads": _COUNT,
    "backend": (_is_among(BACKENDS), _one_of(BACKENDS)),
    "scheduler": _TEXT,
    "budget": _DURATION,
    "time_limit": _DURATION,
    "memory_limit": _SIZE,
    "device": (
        lambda value: isinstance(value, str) and re.fullmatch(DEVICES, value),
        '"auto", "cpu", "cuda" or a text such as "cuda:1"',
    ),
    "out": _TEXT,
    "retry": (_are_statuses, "a list of " + ", ".join(FINAL)),
    "fresh": _FLAG,
    "offline": _FLAG,
    "data_home": _TEXT,
    "seed": _FROM_ZERO,
    "progress": (
        _is_among(("auto", "plain", "none")),
        _one_of(("auto", "plain", "none")),
    ),
    "save_predictions": _FLAG,
    "allow_failures": _FLAG,
    "strict_env": _FLAG,
    "track": _TEXT,
    "task_type": _TYPE,
}
_TASK = {
    "name": _TEXT,
    "data_id": _COUNT,
    "task_id": _COUNT,
    "loader": _TEXT,
    "track": _TEXT,
    "task_type": _TYPE,
    "folds": _FOLDS,
    "positive_class": _LABEL,
}
_PREPROCESSING = ("scale", "ordinal", "none")
_METHOD = {
    "name": _TEXT,
    "factory": _TEXT,
    "preprocess": (_is_among(_PREPROCESSING), _one_of(_PREPROCESSING)),
    "tracks": _TEXTS,
    "task_types": _TEXTS,
    "description": _TEXT,
}


def read_config(path, source=None):
    """Read a benchmark file.

    Parameters
    ----------
    path : path-like
        TOML with a table ``[run]`` (the command line's options, with ``_`` for
        ``-``) and lists ``[[tasks]]`` and ``[[methods]]``.
    source : dict, default=None
        ``data_home`` and ``offline`` for the tasks.

    Returns
    -------
    config : dict
        ``run`` (dict), ``tasks`` (list of Task), ``methods`` (list of Method).

    Raises
    ------
    BenchmarkError
        If the file cannot be read, or a key is unknown or holds what it must not; the
        message names file, key and value.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError:
        raise BenchmarkError(f"File {str(path)!r} does not exist.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise BenchmarkError(f"File {str(path)!r} cannot be read: {exc}.") from exc
    for key in set(content) - {"run", "tasks", "methods"}:
        raise unknown(f"table in {path.name}", key, ("run", "tasks", "methods"))
    run = content.get("run", {})
    if not isinstance(run, dict):
        raise BenchmarkError(f"{path.name}: run = {run!r} must be a table, [run].")
    run = {key.replace("-", "_"): value for key, value in run.items()}
    for key in set(run) - set(RUN):
        raise unknown(f"option in [run] of {path.name}", key, RUN)
    _check(run, RUN, f"{path.name}, [run]")
    _check_track(run.get("track"), f"{path.name}, [run]")
    items = {name: _tables(content, name, path) for name in ("tasks", "methods")}
    return {
        "run": run,
        "tasks": [_task(item, source or {}, path) for item in items["tasks"]],
        "methods": [_method(item, path) for item in items["methods"]],
    }


def _tables(content, name, path):
    found = content.get(name, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BenchmarkError(
            f"{path.name}: {name} = {_shown(found)} must be a list of tables; begin "
            f"each with [[{name}]]."
        )
    return found


def _shown(value):
    """Write a value as it stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace('"', '\\"') + '"'
    return repr(value)


def _check(table, kinds, where):
    for key, value in table.items():
        if key in kinds and not kinds[key][0](value):
            raise BenchmarkError(
                f"{where}: {key} = {_shown(value)} must be {kinds[key][1]}."
            )


def _check_track(track, where):
    from skext.benchmark._families.catalog import TRACKS

    if track not in (None, "auto", *TRACKS):
        error = unknown("track", track, TRACKS)
        raise BenchmarkError(f"{where}: {error}")


def _method(item, path):
    from skext.benchmark._engine.methods import from_user

    item = dict(item)
    if "factory" not in item:
        raise BenchmarkError(
            f"A method in {path.name} lacks 'factory'; write "
            'factory = "package.module:name".'
        )
    name = item.get("name", item["factory"])
    where = f"{path.name}, [[methods]] {name!r}"
    for key in set(item) - set(_METHOD):
        raise unknown(f"key of [[methods]] in {path.name}", key, _METHOD)
    _check(item, _METHOD, where)
    for key in ("tracks", "task_types"):
        if key in item:
            item[key] = tuple(item[key])
    for track in item.get("tracks", ()):
        _check_track(track, where)
    factory = item.pop("factory")
    item.pop("name", None)
    return from_user(name, factory, **item)


def _task(item, source, path):
    item = dict(item)
    kinds = [key for key in ("data_id", "task_id", "loader") if key in item]
    if len(kinds) != 1:
        raise BenchmarkError(
            f"{path.name}: task {item!r} must have exactly one of data_id, task_id and "
            "loader."
        )
    where = f"{path.name}, [[tasks]] {item.get('name', item[kinds[0]])!r}"
    _check(item, _TASK, where)
    _check_track(item.get("track"), where)
    options = {
        key: item.pop(key)
        for key in ("track", "task_type", "positive_class")
        if key in item
    }
    if "folds" in item:
        options["folds"] = parse_folds(item.pop("folds"))
    kind = kinds[0]
    value = item.pop(kind)
    name = item.pop("name", None)
    if kind == "loader":
        task = Task(
            id=name or value, loader=value, arguments=tuple(item.items()), source=value
        )
    else:
        from skext.benchmark._suites import openml_task

        prefix = "openml" if kind == "data_id" else "task"
        task = openml_task(f"{prefix}:{value}", source)
        arguments = task.arguments + tuple(item.items())
        task = replace(task, id=name or task.id, arguments=arguments)
    return replace(task, **options)
