"""Tasks of OpenML: their table and their splits, from openml-python's cache."""

import os
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from skext.datasets._suite_lists import list_suites, load_suite
from skext.exceptions import DataNotAvailableError
from skext.utils._optional import optional_import

_NAMESPACE = "{http://openml.org/openml}"


class OpenMLTask(NamedTuple):
    """A table, a target and, where they are on this machine, the splits.

    Attributes
    ----------
    data_id : int
        Data set.
    target : str or None
        Name of the target column.
    splits : list of (ndarray, ndarray) or None
        Training and test rows, folds of the first repeat first.
    n_folds : int or None
        Folds per repeat.
    """

    data_id: int
    target: str | None
    splits: list | None
    n_folds: int | None


def find_task(task_id: int, *, offline: bool) -> OpenMLTask:
    """Look a task up: openml-python's cache, its server, then our frozen lists.

    Raises
    ------
    DataNotAvailableError
        If the task is nowhere to be found.
    """
    folder = _openml_cache() / "tasks" / str(task_id)
    if not (folder / "datasplits.arff").is_file() and not offline:
        _download(task_id)
    if (folder / "task.xml").is_file():
        return _read_task(folder, task_id)
    frozen = _frozen(task_id)
    if frozen is not None:
        return frozen
    raise DataNotAvailableError(
        f"OpenML task {task_id} is not here: there is no {str(folder)!r}, and no "
        "frozen suite names the task. Load it once online with the package 'openml' "
        "installed (pip install 'skext[bench]'), or name its table with data_id."
    )


def _openml_cache() -> Path:
    """Where openml-python keeps its files."""
    root = os.environ.get("OPENML_CACHE_DIR")
    if root is None:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        root = Path(cache) / "openml"
    return Path(root) / "org" / "openml" / "www"


def _download(task_id):
    """Let openml-python bring a task into its cache.

    Only the call is guarded: a server that cannot be reached leaves the frozen lists.
    """
    try:
        openml = optional_import("openml", extra="bench", purpose="An OpenML task")
    except ImportError:
        return
    try:
        openml.tasks.get_task(task_id, download_data=False, download_splits=True)
    except (OSError, openml.exceptions.PyOpenMLError):
        return


def _read_task(folder, task_id):
    try:
        root = ElementTree.parse(folder / "task.xml").getroot()
        source = root.find(f".//{_NAMESPACE}source_data")
        data_id = int(source.find(f"{_NAMESPACE}data_set_id").text)
        target = source.find(f"{_NAMESPACE}target_feature").text
    except (OSError, ElementTree.ParseError, AttributeError, ValueError) as exc:
        raise DataNotAvailableError(
            f"OpenML task {task_id}: {str(folder / 'task.xml')!r} cannot be understood "
            f"({exc}); delete the folder and load the task online."
        ) from exc
    splits, n_folds = None, None
    if (folder / "datasplits.arff").is_file():
        splits, n_folds = read_splits(folder / "datasplits.arff")
    return OpenMLTask(data_id, target.strip(), splits, n_folds)


def read_splits(path: Path):
    """Read the splits of a task.

    Parameters
    ----------
    path : path-like
        ARFF file with the columns type, rowid, repeat and fold.

    Returns
    -------
    splits : list of (ndarray, ndarray)
        Training and test rows, folds of the first repeat first.
    n_folds : int
        Folds per repeat.
    """
    from scipy.io import arff

    try:
        table, _ = arff.loadarff(path)
        is_test = table["type"] == b"TEST"
        rows = table["rowid"].astype(np.intp)
        repeats = table["repeat"].astype(np.intp)
        folds = table["fold"].astype(np.intp)
    # Each is raised by scipy for one or another kind of damage.
    except (OSError, ValueError, StopIteration, NotImplementedError) as exc:
        raise DataNotAvailableError(
            f"The splits in {str(path)!r} cannot be read ({exc!r}); delete the file "
            "and load the task online."
        ) from exc
    splits = []
    for repeat in np.unique(repeats):
        for fold in np.unique(folds):
            here = (repeats == repeat) & (folds == fold)
            splits.append(
                (np.sort(rows[here & ~is_test]), np.sort(rows[here & is_test]))
            )
    return splits, int(np.unique(folds).size)


def _frozen(task_id):
    """Table and target of a task in one of the frozen lists; no splits."""
    for name in list_suites():
        for entry in load_suite(name).tasks:
            if entry.task_id == task_id and entry.data_id is not None:
                return OpenMLTask(entry.data_id, entry.target, None, None)
    return None
