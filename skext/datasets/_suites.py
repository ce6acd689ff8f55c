"""Frozen lists of benchmark tasks, which need no server to be read."""

import difflib
import functools
import json
from dataclasses import dataclass, fields
from importlib import resources

import numpy as np

from skext.datasets._openml import (
    is_offline,
    load_openml,
    load_table,
    resolve_data_home,
)
from skext.exceptions import BenchmarkError, DataNotAvailableError


@dataclass(frozen=True)
class SuiteTask:
    """One table of a frozen list. What is not known is None.

    Parameters
    ----------
    name : str
        Name, unique within the list.
    task_type : {"binary", "multiclass", "regression"}
        Kind of target.
    data_id, task_id : int or None
        Numbers on OpenML.
    version : int or None
        Version of the data set.
    target : str or None
        Column to predict; None is the one that OpenML names.
    n_rows, n_columns, n_classes : int or None
        Size of the table, target not counted.
    minority_share : float or None
        Share of the rarest class.
    md5 : str or None
        Checksum of the ARFF file.
    licence, citation : str or None
        Terms and source.
    n_folds, n_repeats : int or None
        Splits that the list asks for.
    positive_class : str or None
        Positive class of a binary task.
    class_order : tuple of str, "numeric" or None
        True order of ordinal classes.
    bin_edges : tuple of float or None
        Where a numeric target is cut into classes.
    selected : bool
        False for tables that are left out unless named, such as images.
    source : {"openml", "zenodo"}
        Where the data are.
    notes : str or None
        Anything else to know.
    """

    name: str
    task_type: str
    data_id: int | None = None
    task_id: int | None = None
    version: int | None = None
    target: str | None = None
    n_rows: int | None = None
    n_columns: int | None = None
    n_classes: int | None = None
    minority_share: float | None = None
    md5: str | None = None
    licence: str | None = None
    citation: str | None = None
    n_folds: int | None = None
    n_repeats: int | None = None
    positive_class: str | None = None
    class_order: tuple | str | None = None
    bin_edges: tuple | None = None
    selected: bool = True
    source: str = "openml"
    notes: str | None = None


@dataclass(frozen=True)
class Suite:
    """A frozen list of tasks.

    Parameters
    ----------
    name, version : str
        What to write down beside a result.
    title, description : str
        For people.
    frozen : str
        Date on which the list was closed.
    citation : str
        Whom to cite.
    sources : tuple of str
        Where the entries were taken from.
    tasks : tuple of SuiteTask
        The entries.
    bag_sizes : tuple of int
        Sizes of the bags that the tables are cut into, if they are.
    """

    name: str
    version: str
    title: str
    description: str
    frozen: str
    citation: str
    sources: tuple
    tasks: tuple
    bag_sizes: tuple = ()

    @property
    def selected(self) -> tuple:
        """Entries that a benchmark runs unless others are named."""
        return tuple(task for task in self.tasks if task.selected)

    def to_frame(self):
        """List the entries in a table.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each task.
        """
        import pandas as pd

        names = [field.name for field in fields(SuiteTask)]
        rows = [[getattr(task, name) for name in names] for task in self.tasks]
        return pd.DataFrame(rows, columns=names)


def _folder():
    return resources.files("skext.datasets") / "suites"


def list_suites() -> list[str]:
    """Name the frozen lists.

    Returns
    -------
    names : list of str
        In alphabetical order.

    Examples
    --------
    >>> from skext.datasets import list_suites
    >>> list_suites()[:3]
    ['cc18', 'cluster', 'ctr23']
    """
    found = [entry.name for entry in _folder().iterdir()]
    return sorted(name[:-5] for name in found if name.endswith(".json"))


@functools.lru_cache
def load_suite(name: str) -> Suite:
    """Read a frozen list of benchmark tasks; no data are loaded.

    Parameters
    ----------
    name : str
        One of :func:`list_suites`.

    Returns
    -------
    suite : Suite
        The list.

    Raises
    ------
    BenchmarkError
        If there is no such list; it is a ``ValueError``.

    See Also
    --------
    load_suite_task : Load the data of an entry.
    skext.benchmark.load_suite : The same tasks, ready to be run.

    Examples
    --------
    >>> from skext.datasets import load_suite
    >>> suite = load_suite("cc18")
    >>> len(suite.tasks), suite.tasks[0].name, suite.tasks[0].task_type
    (72, 'kr-vs-kp', 'binary')
    """
    known = list_suites()
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise BenchmarkError(
            f"There is no suite {name!r}.{hint} Known: {', '.join(known)}."
        )
    story = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    tasks = tuple(_entry(item) for item in story.pop("tasks"))
    lists = {key: tuple(v) for key, v in story.items() if isinstance(v, list)}
    return Suite(**{**story, **lists}, tasks=tasks)


def _entry(item):
    lists = {key: tuple(v) for key, v in item.items() if isinstance(v, list)}
    return SuiteTask(**{**item, **lists})


def load_suite_task(entry, *, data_home=None, offline=None):
    """Load the data of an entry of a frozen list.

    Parameters
    ----------
    entry : SuiteTask
        The entry.
    data_home : path-like, default=None
        Folder of the data, as in :func:`load_openml`.
    offline : bool, default=None
        As in :func:`load_openml`.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        As of :func:`load_openml`, with ``positive_class`` and ``class_order`` (names
        of the classes from low to high, or None) besides. A numeric target of a
        classification task becomes text, in classes between the entry's
        ``bin_edges`` if it has any.

    Raises
    ------
    DataNotAvailableError
        If the data are not here and may not or cannot be downloaded.

    Examples
    --------
    >>> from skext.datasets import load_suite, load_suite_task
    >>> entry = load_suite("ordinal").tasks[0]
    >>> load_suite_task(entry).class_order  # doctest: +SKIP
    ('1', '2', '3', '4', '5', '6', '7', '8', '9')
    """
    if entry.source == "zenodo":
        bunch = _load_zenodo(entry, data_home, is_offline(offline))
    else:
        bunch = load_table(
            entry.data_id,
            entry.task_id,
            suggested=entry.target,
            data_home=data_home,
            offline=offline,
        )
    if entry.task_type == "regression" and bunch.task_type != "regression":
        bunch.y = bunch.y.astype(str).astype("float64")
    elif entry.task_type != "regression" and bunch.task_type == "regression":
        bunch.y = _classes_of(bunch.y.to_numpy(), entry.bin_edges)
    bunch.task_type = entry.task_type
    bunch.class_order = _class_order(entry, bunch.y)
    bunch.positive_class = entry.positive_class
    return bunch


def _load_zenodo(entry, data_home, offline):
    """One of imbalanced-learn's tables, in its own cache."""
    import pandas as pd
    from imblearn.datasets import fetch_datasets
    from sklearn.utils import Bunch

    home = resolve_data_home(data_home, create=not offline)
    try:
        found = fetch_datasets(
            data_home=str(home),
            filter_data=(entry.name,),
            download_if_missing=not offline,
        )[entry.name]
    except OSError as exc:
        raise DataNotAvailableError(
            f"The table {entry.name!r} of imbalanced-learn's collection is not in "
            f"{str(home / 'zenodo')!r} ({exc}); fetch it once with a network by "
            "'skext bench fetch imbalanced'."
        ) from exc
    X = np.asarray(found.data, dtype=np.float64)
    names = [f"x{j}" for j in range(X.shape[1])]
    y = pd.Series(found.target).astype(int).astype(str).astype("category")
    return Bunch(
        X=pd.DataFrame(X, columns=names),
        y=y,
        feature_names=names,
        target_name=entry.target,
        categorical_mask=np.zeros(X.shape[1], dtype=bool),
        categories={},
        task_type="binary",
        splits=None,
        n_folds=None,
        data_id=None,
        name=entry.name,
        version=entry.version,
        licence=entry.licence,
        citation=entry.citation,
        sha256=None,
    )


def _classes_of(values, edges):
    """Text classes of a numeric target, cut at the edges if there are any."""
    import pandas as pd

    if edges is None:
        kinds = np.unique(values)
        names = [f"{value:g}" for value in kinds]
        codes = np.searchsorted(kinds, values)
    else:
        codes = np.searchsorted(np.asarray(edges), values, side="left")
        names = [str(level) for level in range(len(edges) + 1)]
    return pd.Series(pd.Categorical.from_codes(codes, names))


def _class_order(entry, y):
    if entry.bin_edges is not None:
        return tuple(str(level) for level in range(len(entry.bin_edges) + 1))
    if entry.class_order is None:
        return None
    names = [str(name) for name in y.cat.categories]
    if entry.class_order == "numeric":
        return tuple(sorted(names, key=float))
    return tuple(name for name in entry.class_order if name in names)


def fetch_suite(names, *, data_home=None, offline=None):
    """Bring the data of suites onto this machine, one table after the other.

    Parameters
    ----------
    names : str or list of str
        Suites, ``"openml:<data id>"`` or ``"task:<task id>"``.
    data_home : path-like, default=None
        Folder of the data, as in :func:`load_openml`.
    offline : bool, default=None
        True only says what is here.

    Yields
    ------
    row : dict
        ``task``, ``status`` ("ok" or "missing"), ``shape``, ``licence`` and
        ``reason`` of each table.

    Raises
    ------
    BenchmarkError
        If there is no such suite; it is a ``ValueError``.

    Examples
    --------
    >>> from skext.datasets import fetch_suite
    >>> for row in fetch_suite("llp", offline=True):  # doctest: +SKIP
    ...     print(row["task"], row["status"])
    """
    if isinstance(names, str):
        names = [names]
    calls = [call for name in names for call in _calls(name)]
    for label, load, argument in calls:
        row = dict.fromkeys(("task", "status", "shape", "licence", "reason"))
        row["task"] = label
        try:
            bunch = load(**argument, data_home=data_home, offline=offline)
        except (OSError, ValueError) as exc:
            row.update(status="missing", reason=str(exc))
        else:
            n_rows, n_columns = bunch.X.shape
            row.update(status="ok", shape=f"{n_rows} x {n_columns}")
            row["licence"] = bunch.licence
        yield row


def _calls(name):
    """List what to load for a name: (label, function, arguments)."""
    kind, _, number = name.partition(":")
    if kind in ("openml", "task") and number.isdigit():
        key = "data_id" if kind == "openml" else "task_id"
        return [(name, load_openml, {key: int(number)})]
    suite = load_suite(name)
    return [
        (f"{suite.name}/{entry.name}", load_suite_task, {"entry": entry})
        for entry in suite.selected
    ]
