"""Files of fitted nets: arrays of numpy and one JSON text in a zip, no pickle."""

import json
import os
import zipfile
from numbers import Integral, Real

import numpy as np

FORMAT = "skext.neural_network/1"
_TEXT = "model.json"


def write_archive(path, arrays, meta):
    """Write arrays and a dict to one file, which appears whole or not at all.

    Parameters
    ----------
    path : str or path-like
        File; replaced if it exists.
    arrays : dict of str to ndarray
        Arrays without Python objects.
    meta : dict
        What JSON can say.
    """
    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        raise ValueError(
            f"{objects} hold Python objects, which a file without pickle cannot keep; "
            "use labels that are numbers or strings, or pickle the estimator."
        )
    path = os.fspath(path)
    unfinished = f"{path}.part"
    try:
        with open(unfinished, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        with zipfile.ZipFile(unfinished, "a") as archive:
            archive.writestr(_TEXT, json.dumps({"format": FORMAT, **meta}, indent=1))
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)


def read_archive(path):
    """Read what :func:`write_archive` wrote; nothing of the file is executed.

    Parameters
    ----------
    path : str or path-like
        File.

    Returns
    -------
    arrays : dict of str to ndarray
        Arrays by name.
    meta : dict
        The JSON text.

    Raises
    ------
    ValueError
        If the file is none of ours.
    """
    path = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            meta = json.loads(archive.read(_TEXT))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as exc:
        raise ValueError(f"{path!r} is not a file made by save().") from exc
    if meta.get("format") != FORMAT:
        raise ValueError(
            f"{path!r} has the format {meta.get('format')!r}; this version of skext "
            f"reads {FORMAT!r}."
        )
    with np.load(path, allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files if name != _TEXT}
    return arrays, meta


def check_archive(path, meta, estimator, parameters):
    """Refuse a file of another estimator, or one that needs more parameters.

    Parameters
    ----------
    path : str or path-like
        File.
    meta : dict
        Its JSON text.
    estimator : str
        Class that is to be loaded.
    parameters : dict
        What was given beside the file.

    Raises
    ------
    ValueError
        Naming the cure.
    """
    if meta["estimator"] != estimator:
        raise ValueError(
            f"path={str(path)!r} holds a {meta['estimator']}, not a {estimator}; use "
            f"{meta['estimator']}.load."
        )
    needed = {"module", "loss"} & {*meta["left_out"]} - {*parameters}
    if needed:
        raise ValueError(
            f"path={str(path)!r} does not hold {sorted(needed)}, which JSON cannot "
            "say; pass what was given to the constructor: "
            f"load(path, {min(needed)}=...)."
        )


def to_json(value):
    """Return a value as JSON can keep it.

    Parameters
    ----------
    value : object
        A number, string, None, list, tuple, dict or array of those.

    Returns
    -------
    plain : object
        Tuples, arrays and dicts with keys other than strings are marked by a dict of
        one key.

    Raises
    ------
    TypeError
        If there is anything else in it.
    """
    if value is None or isinstance(value, str | bool | np.bool_):
        return bool(value) if isinstance(value, np.bool_) else value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, np.ndarray):
        return {"~array": to_json(value.tolist()), "dtype": value.dtype.str}
    if isinstance(value, tuple):
        return {"~tuple": [to_json(part) for part in value]}
    if isinstance(value, list):
        return [to_json(part) for part in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("~") for key in value):
            return {key: to_json(part) for key, part in value.items()}
        return {"~dict": [[to_json(key), to_json(part)] for key, part in value.items()]}
    raise TypeError(f"{type(value).__name__} is nothing that JSON can keep")


def from_json(plain):
    """Return what :func:`to_json` was given.

    Parameters
    ----------
    plain : object
        From JSON.

    Returns
    -------
    value : object
        The value.
    """
    if isinstance(plain, list):
        return [from_json(part) for part in plain]
    if not isinstance(plain, dict):
        return plain
    if "~array" in plain:
        values = from_json(plain["~array"])
        if plain["dtype"] != "|O":
            return np.array(values, dtype=plain["dtype"])
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    if "~tuple" in plain:
        return tuple(from_json(part) for part in plain["~tuple"])
    if "~dict" in plain:
        return {from_json(key): from_json(part) for key, part in plain["~dict"]}
    return {key: from_json(part) for key, part in plain.items()}


def split_parameters(parameters):
    """Separate what JSON can keep from what it cannot.

    Parameters
    ----------
    parameters : dict
        Parameters of a constructor.

    Returns
    -------
    plain : dict
        Those that can be kept, by :func:`to_json`.
    left_out : list of str
        Names of the others.
    """
    plain, left_out = {}, []
    for name, value in parameters.items():
        try:
            plain[name] = to_json(value)
        except TypeError:
            left_out.append(name)
    return plain, left_out
