"""Tables of OpenML by number, online and offline."""

import os
from numbers import Integral
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skext.datasets import _openml_cache as cache
from skext.datasets._openml_copies import (
    as_categories,
    as_numbers,
    load_frame,
    load_sparse,
)
from skext.datasets._openml_tasks import find_task
from skext.exceptions import DataNotAvailableError
from skext.utils._sklearn import Interval, validate_params
from skext.utils._warnings import warn_user


@validate_params(
    {
        "data_id": [Interval(Integral, 1, None, closed="left"), None],
        "task_id": [Interval(Integral, 1, None, closed="left"), None],
        "target": [str, None],
        "data_home": [str, os.PathLike, None],
        "offline": ["boolean", None],
        "as_frame": ["boolean"],
        "max_rows": [Interval(Integral, 2, None, closed="left"), None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def load_openml(
    data_id=None,
    *,
    task_id=None,
    target=None,
    data_home=None,
    offline=None,
    as_frame=True,
    max_rows=None,
    random_state=0,
):
    """Load a table of OpenML.

    The files are those of :func:`sklearn.datasets.fetch_openml`: a cache filled by
    either function serves both. Other than there, nothing in the cache is ever
    changed or deleted, tables whose nominal columns are coded by integers can be
    read with every version of pandas, and types do not depend on the parser. A line
    that breaks the rules of ARFF is an error that names it. A table is parsed once;
    after that a copy is read, in parquet if pyarrow is installed, if the data home can
    be written.

    Parameters
    ----------
    data_id : int, default=None
        Number of the data set.
    task_id : int, default=None
        Number of a task, instead of ``data_id``: a table, a target and splits. The
        splits come from openml-python's cache (or server, if it is installed).
    target : str, default=None
        Column to predict; None is the one that OpenML names.
    data_home : path-like, default=None
        Folder of the data. None is the environment variable ``SCIKIT_LEARN_DATA``,
        else ``~/scikit_learn_data``.
    offline : bool, default=None
        True never opens a connection. None follows the environment variable
        ``SKEXT_OFFLINE`` ("1" or "true" mean yes), and is else False.
    as_frame : bool, default=True
        Whether to return pandas objects. Otherwise ``X`` is an array of float64 in
        which nominal columns are codes, and ``y`` an array.
    max_rows : int, default=None
        Larger tables are cut to a random sample of this many rows, stratified by
        class. No class is lost while there are as many rows as classes; else there is
        a warning that names those that are.
    random_state : int, RandomState instance or None, default=0
        Decides about the sample.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        X : DataFrame, ndarray or csr_array of shape (n_samples, n_features)
            Numeric columns are float64; nominal ones are unordered categories of
            text, missing values are NaN. Tables that OpenML stores as sparse are
            CSR arrays.
        y : Series or ndarray of shape (n_samples,)
            Classes as text, or float64 in regression.
        feature_names : list of str
            Names of the columns of ``X``.
        target_name : str
            Name of the target.
        categorical_mask : ndarray of shape (n_features,)
            True where a column is not numeric.
        categories : dict of str to list of str
            Names of the categories of each column that is not numeric, by code where
            ``X`` has codes.
        task_type : {"binary", "multiclass", "regression"}
            Kind of target; one class is "binary", as for scikit-learn.
        splits : list of (ndarray, ndarray) or None
            Training and test rows of the task, folds of the first repeat first.
        n_folds : int or None
            Folds per repeat.
        data_id, name, version, licence, citation, sha256
            What the data are, as OpenML says, and the checksum of the ARFF file.

    Raises
    ------
    DataNotAvailableError
        If the data are not here and may not or cannot be downloaded, or are damaged.
    ValueError
        If no table or no single target is named, or the target has missing or
        undeclared values.

    See Also
    --------
    sklearn.datasets.fetch_openml : The loader whose cache is used.
    load_suite : Lists of tables and tasks.

    Examples
    --------
    >>> from skext.datasets import load_openml
    >>> credit = load_openml(31)  # doctest: +SKIP
    >>> credit.X.shape, credit.task_type  # doctest: +SKIP
    ((1000, 20), 'binary')
    """
    if (data_id is None) == (task_id is None):
        raise ValueError(
            f"data_id={data_id} and task_id={task_id}: name exactly one of the two."
        )
    return load_table(
        data_id,
        task_id,
        target=target,
        data_home=data_home,
        offline=offline,
        as_frame=as_frame,
        max_rows=max_rows,
        random_state=random_state,
    )


def load_table(
    data_id,
    task_id=None,
    *,
    target=None,
    suggested=None,
    data_home=None,
    offline=None,
    as_frame=True,
    max_rows=None,
    random_state=0,
):
    """Do the work of :func:`load_openml`.

    ``suggested`` is the target of a task or list: it gives way to the table's own
    if a curated cache names its columns otherwise.
    """
    offline = is_offline(offline)
    home = resolve_data_home(data_home, create=not offline)
    splits = n_folds = None
    if task_id is not None:
        task = find_task(task_id, offline=offline)
        data_id, splits, n_folds = task.data_id, task.splits, task.n_folds
        suggested = suggested or task.target
    table = _find(data_id, home, offline)
    if target is None and suggested in {column["name"] for column in table.columns}:
        target = suggested
    bunch = _read(table, data_id, _target_name(table, data_id, target), home)
    splits = _check_splits(splits, bunch.y.shape[0], task_id)
    if max_rows is not None and bunch.y.shape[0] > max_rows:
        _sample(bunch, max_rows, random_state)
        splits = None
    bunch.update(splits=splits, n_folds=n_folds if splits is not None else None)
    return bunch if as_frame else _to_arrays(bunch)


def _find(data_id, home, offline):
    try:
        return cache.find_table(data_id, home)
    except DataNotAvailableError:
        if offline:
            raise
    cache.download(data_id, home)
    return cache.find_table(data_id, home)


def is_offline(offline: bool | None) -> bool:
    """Whether connections are forbidden, by argument or environment."""
    if offline is not None:
        return bool(offline)
    return os.environ.get("SKEXT_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def resolve_data_home(data_home, *, create: bool) -> Path:
    """Folder of the data; only made if something may be written to it."""
    given = data_home or os.environ.get("SCIKIT_LEARN_DATA") or "~/scikit_learn_data"
    home = Path(given).expanduser()
    if home.is_dir():
        if not os.access(home, os.R_OK | os.X_OK):
            raise DataNotAvailableError(
                f"data_home={str(home)!r} cannot be read; change its permissions or "
                "name another folder."
            )
        return home
    if not create:
        raise DataNotAvailableError(
            f"data_home={str(home)!r} is not a folder, and offline nothing is "
            "downloaded into it; name the folder that holds 'openml', or allow the "
            "network with offline=False (and SKEXT_OFFLINE unset)."
        )
    try:
        home.mkdir(parents=True)
    except OSError as exc:
        raise DataNotAvailableError(
            f"data_home={str(home)!r} cannot be made ({exc}); name another folder."
        ) from exc
    return home


def _target_name(table, data_id, target):
    names = [column["name"] for column in table.columns]
    if target is None:
        target = table.description.get("default_target_attribute") or ""
        if target not in names:
            several = "no" if not target else f"not one but these: {target!r} as"
            raise ValueError(
                f"OpenML data set {data_id} names {several} target; choose one with "
                f"target=... among {_some(names)}."
            )
    if target not in names:
        raise ValueError(
            f"target={target!r} is not a column of OpenML data set {data_id}; its "
            f"columns are {_some(names)}."
        )
    return target


def _some(names):
    shown = ", ".join(repr(name) for name in names[:12])
    return shown + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _feature_columns(table, target):
    """Columns that carry information: what OpenML says to ignore is left out."""
    targets = (table.description.get("default_target_attribute") or "").split(",")
    return [
        column
        for column in table.columns
        if column["name"] != target
        and column["name"] not in targets
        and column["is_ignore"] != "true"
        and column["is_row_identifier"] != "true"
    ]


def _read(table, data_id, target, home):
    features = _feature_columns(table, target)
    names = [column["name"] for column in features]
    column = next(c for c in table.columns if c["name"] == target)
    numeric_target = column["data_type"] in ("numeric", "real", "integer")
    if table.is_sparse:
        X, y, categories, sha256 = load_sparse(table, data_id, names, target, home)
        y = as_numbers(y) if numeric_target else as_categories(y)
        mask = np.array([name in categories for name in names])
    else:
        frame, story = load_frame(table, data_id, [*names, target], home)
        used = {k: v for k, v in story["undeclared"].items() if k in frame.columns}
        _report_undeclared(used, data_id, target)
        X, y, sha256 = frame[names], frame[target], story["sha256"]
        mask = np.array([str(dtype) != "float64" for dtype in X.dtypes], dtype=bool)
        categories = {
            name: X[name].cat.categories.tolist()
            for name, nominal in zip(names, mask, strict=True)
            if nominal
        }
    _refuse_missing(y, data_id, target)
    task_type = "regression"
    if not numeric_target:
        n_classes = y.cat.categories.size
        task_type = "binary" if n_classes <= 2 else "multiclass"
    said = table.description
    return Bunch(
        X=X,
        y=y,
        feature_names=names,
        target_name=target,
        categorical_mask=mask,
        categories=categories,
        task_type=task_type,
        data_id=int(data_id),
        name=said.get("name"),
        version=said.get("version"),
        licence=said.get("licence"),
        citation=said.get("citation"),
        sha256=sha256,
    )


def _refuse_missing(y, data_id, target):
    import pandas as pd

    n_missing = int(pd.isna(y).sum())
    if n_missing:
        raise ValueError(
            f"target={target!r} of OpenML data set {data_id} has {n_missing} missing "
            f"values among {len(y)}; choose another target."
        )


def _report_undeclared(undeclared, data_id, target):
    """Say that values are not among those that OpenML describes."""
    if target in undeclared:
        value, line = undeclared[target]
        raise ValueError(
            f"target={target!r} of OpenML data set {data_id} has the class {value!r} "
            f"in line {line} of its file, which its description does not know; repair "
            "the file or choose another target."
        )
    if undeclared:
        shown = ", ".join(
            f"{value!r} of {name!r} (line {line})"
            for name, (value, line) in list(undeclared.items())[:5]
        )
        warn_user(
            f"OpenML data set {data_id} has values that its description does not know, "
            f"{shown}; they are categories of their own.",
        )


def _check_splits(splits, n_rows, task_id):
    """Drop splits that speak of another table; a curated one may have other rows."""
    if splits is None:
        return None
    if sum(test.size for _, test in splits) % n_rows == 0 and all(
        max(train.max(initial=0), test.max(initial=0)) < n_rows
        and train.size + test.size <= n_rows
        for train, test in splits
    ):
        return splits
    warn_user(
        f"The splits of OpenML task {task_id} do not fit the table of {n_rows} rows in "
        "the cache and are left out.",
    )
    return None


def _sample(bunch, max_rows, random_state):
    from sklearn.model_selection import train_test_split

    n_rows = bunch.y.shape[0]
    codes = None
    if bunch.task_type != "regression":
        codes = bunch.y.cat.codes.to_numpy()
        counts = np.bincount(codes)
    random_state = check_random_state(random_state)
    if codes is None or (
        counts.min() >= 2 and min(max_rows, n_rows - max_rows) >= counts.size
    ):
        rows, _ = train_test_split(
            np.arange(n_rows),
            train_size=max_rows,
            random_state=random_state,
            stratify=codes,
        )
    else:
        rows = None
    if codes is not None and (
        rows is None or np.unique(codes[rows]).size < counts.size
    ):
        rows = _sample_classes(codes, counts, max_rows, random_state)
        lost = np.setdiff1d(np.arange(counts.size), codes[rows])
        if lost.size:
            names = bunch.y.cat.categories[lost].tolist()
            warn_user(
                f"max_rows={max_rows} leaves no row of {lost.size} of {counts.size} "
                f"classes, {_some(names)}; they remain categories of y.",
            )
    rows = np.sort(rows)
    if hasattr(bunch.X, "iloc"):
        bunch.X = bunch.X.iloc[rows].reset_index(drop=True)
    else:
        bunch.X = bunch.X[rows]
    bunch.y = bunch.y.iloc[rows].reset_index(drop=True)


def _sample_classes(codes, counts, max_rows, random_state):
    """Draw rows of each class in proportion, one at least while there is room."""
    share = counts * (max_rows / counts.sum())
    taken = np.floor(share).astype(np.intp)
    # Classes without a row come first, then those that are owed most.
    owed = share - taken + (taken == 0)
    missing = max_rows - taken.sum()
    taken[np.argsort(-owed, kind="stable")[:missing]] += 1
    empty = np.flatnonzero(taken == 0)
    for code in empty:
        if taken.max() < 2:
            break
        taken[taken.argmax()] -= 1
        taken[code] = 1
    rows = [
        random_state.choice(np.flatnonzero(codes == code), n, replace=False)
        for code, n in enumerate(taken)
    ]
    return np.concatenate(rows)


def _to_arrays(bunch):
    if hasattr(bunch.X, "iloc"):
        columns = []
        for name in bunch.feature_names:
            values = bunch.X[name]
            if str(values.dtype) == "category":
                codes = values.cat.codes.to_numpy().astype(np.float64)
                columns.append(np.where(codes < 0, np.nan, codes))
            else:
                columns.append(values.to_numpy())
        bunch.X = np.column_stack(columns) if columns else np.empty((len(bunch.y), 0))
    bunch.y = np.asarray(bunch.y)
    return bunch
