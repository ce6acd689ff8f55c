"""Benchmark files: TOML tables, checked key by key."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path

from skext.benchmark._engine.methods import from_user
from skext.benchmark._engine.options import (
    COUNT,
    FOLDS,
    TASK_TYPE,
    TEXT,
    TEXTS,
    TRACK,
    Name,
    RunCall,
    Value,
    key_of,
)
from skext.benchmark._engine.parsing import parse_folds, unknown
from skext.benchmark._engine.tasks import Task, openml_task
from skext.exceptions import BenchmarkError

# What each key may hold.
_RUN = {key_of(entry): entry for entry in fields(RunCall)}
del _RUN["dry_run"]
_TASK = {
    "name": TEXT,
    "data_id": COUNT,
    "task_id": COUNT,
    "loader": TEXT,
    "track": TRACK,
    "task_type": TASK_TYPE,
    "folds": FOLDS,
    "positive_class": Value(
        "a label, as text or number", lambda value: isinstance(value, str | int | float)
    ),
}
_METHOD = {
    "name": TEXT,
    "factory": TEXT,
    "preprocess": Name("preprocess", lambda: ("scale", "ordinal", "none")),
    "tracks": TEXTS,
    "task_types": TEXTS,
    "description": TEXT,
}


def read_config(path, source=None):
    """Read a benchmark file.

    Parameters
    ----------
    path : path-like
        TOML with a table ``[run]`` (the command line's options, with ``_`` for
        ``-``) and lists ``[[tasks]]`` and ``[[methods]]``.
    source : dict, default=None
        ``data_home`` and ``offline`` where the file does not decide.

    Returns
    -------
    config : dict
        ``run`` (options by their names in ``RunCall``), ``tasks`` (list of Task) and
        ``methods`` (list of Method).

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
    for key in set(run) - set(_RUN):
        raise unknown(f"option in [run] of {path.name}", key, _RUN)
    kinds = {key: entry.metadata["value"] for key, entry in _RUN.items()}
    _check(run, kinds, f"{path.name}, [run]")
    told = {key: value for key, value in (source or {}).items() if value is not None}
    source = {key: told.get(key, run.get(key)) for key in ("data_home", "offline")}
    items = {name: _tables(content, name, path) for name in ("tasks", "methods")}
    return {
        "run": {_RUN[key].name: value for key, value in run.items()},
        "tasks": [_task(item, source, path) for item in items["tasks"]],
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
        if key in kinds:
            try:
                kinds[key].check(value, f"{key} = {_shown(value)}")
            except BenchmarkError as exc:
                raise BenchmarkError(f"{where}: {exc}") from None


def _method(item, path):
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
        _check({"track": track}, _TASK, where)
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
        prefix = "openml" if kind == "data_id" else "task"
        task = openml_task(f"{prefix}:{value}", source)
        arguments = task.arguments + tuple(item.items())
        task = replace(task, id=name or task.id, arguments=arguments)
    return replace(task, **options)
