"""The data of frozen lists of benchmark tasks."""

import numpy as np
from sklearn.utils import Bunch

from skext.datasets._openml import (
    is_offline,
    load_openml,
    load_table,
    resolve_data_home,
)
from skext.datasets._suite_lists import load_suite
from skext.exceptions import DataNotAvailableError


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
