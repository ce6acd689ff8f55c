"""Frozen lists of benchmark tasks, which need no server to be read."""

import difflib
import functools
import json
from dataclasses import dataclass, fields
from importlib import resources

from skext.exceptions import BenchmarkError


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
    skext.benchmark.load_tasks : The same tasks, ready to be run.

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
