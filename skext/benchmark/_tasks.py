"""Benchmark tasks: where the data come from and how they are split."""

import functools
import hashlib
import importlib
import json
from dataclasses import dataclass, field

import numpy as np

from skext.exceptions import BenchmarkError

DEFAULT_TRACK = {
    "binary": "classification",
    "multiclass": "classification",
    "regression": "regression",
    "quantile": "quantile",
    "clustering": "clustering",
}
# Task types whose targets are numbers.
NUMERIC = ("regression", "quantile")


@dataclass(frozen=True)
class Task:
    """A table, a target and a rule for splitting it.

    A task says how to load its data and carries none itself (``arrays`` is for
    data handed over in Python), so that it travels cheaply to workers.

    Parameters
    ----------
    id : str
        Unique name within a run.
    track : str
        Comparison that the task belongs to.
    loader : str
        ``package.module:function``; returns a Bunch with ``X``, ``y`` and, if it
        knows them, ``categorical_mask``, ``task_type``, ``splits``, ``sha256``, and
        ``class_order``, the labels of ordered classes from low to high.
    arguments : tuple of (str, object) pairs, default=()
        Keyword arguments of the loader; must be plain values.
    folds : "task" or tuple of (int, int), default=(1, 5)
        Repeats and folds; in clustering each is the whole table, its rows in another
        order; "task" takes the splits that come with the data where
        there are any, else one repeat of ten folds.
    max_rows : int, default=None
        Larger tables are cut to a seeded, stratified sample of this many rows.
    seed : int, default=0
        Seed of splits and sampling. It does not depend on the method.
    positive_class : str, default=None
        Class with code 1 in a binary task; None is the rarer one.
    arrays : tuple of (X, y), default=None
        Data given in memory.
    source : str, default=""
        Where the data come from, for people.
    suite : str, default=""
        Name and version of the suite that the task belongs to.
    bag_size : int, default=None
        Rows of the bags whose counts are told in the place of labels.
    """

    id: str
    track: str = "auto"
    loader: str = ""
    arguments: tuple = ()
    folds: tuple | str = (1, 5)
    max_rows: int | None = None
    seed: int = 0
    positive_class: str | None = None
    arrays: tuple | None = field(default=None, compare=False, repr=False)
    source: str = ""
    suite: str = ""
    bag_size: int | None = None

    def cache_key(self) -> str:
        """Identify what :func:`load_task` returns.

        Returns
        -------
        key : str
            Equal for equal tasks in all processes.
        """
        fields = [self.id, self.loader, sorted(self.arguments), self.folds]
        fields += [self.max_rows, self.seed, self.positive_class, self.bag_size]
        return json.dumps(fields, default=str)


@dataclass(frozen=True)
class LoadedTask:
    """The data of a task, ready for use.

    ``y`` holds codes 0 .. n_classes - 1 in classification (1 is the positive
    class of a binary task, and codes of ordered classes are their positions), in
    clustering those of the true clusters, and float64 values in regression and in
    quantile tasks.
    """

    task: Task
    X: object
    y: np.ndarray
    categorical: tuple
    task_type: str
    track: str
    classes: tuple
    splits: tuple
    n_repeats: int
    data_sha256: str
    split_sha256: str

    @property
    def n_classes(self) -> int:
        """Number of classes, zero for numbers and in clustering."""
        return 0 if self.task_type == "clustering" else len(self.classes)

    def split(self, repeat, fold):
        """Training and test rows of one fold."""
        return self.splits[repeat][fold]

    def properties(self) -> dict:
        """Size and shape of the table, for the report."""
        import pandas as pd

        frame = self.X if hasattr(self.X, "iloc") else pd.DataFrame(self.X)
        share = None
        if self.n_classes:
            share = float(np.bincount(self.y).min() / self.y.size)
        return {
            "id": self.task.id,
            "name": self.task.id,
            "track": self.track,
            "task_type": self.task_type,
            "n_rows": int(frame.shape[0]),
            "n_columns": int(frame.shape[1]),
            "n_classes": self.n_classes or None,
            "minority_share": share,
            "n_categorical": len(self.categorical),
            "n_missing": int(frame.isna().to_numpy().sum()),
            "bag_size": self.task.bag_size,
            "n_duplicates": int(frame.duplicated().sum()),
            "source": self.task.source,
            "suite": self.task.suite,
            "n_repeats": self.n_repeats,
            "n_folds": len(self.splits[0]),
            "data_sha256": self.data_sha256,
            "split_sha256": self.split_sha256,
        }


def resolve(path):
    """Import ``package.module:name``."""
    module, _, name = path.partition(":")
    if not module or not name:
        raise BenchmarkError(
            f"{path!r} does not name an object; write 'package.module:name'."
        )
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as exc:
        raise BenchmarkError(
            f"{path!r} cannot be imported ({exc}); is the package installed and on "
            "PYTHONPATH, and the name spelled as in the module?"
        ) from exc
    return found


def load_task(task) -> LoadedTask:
    """Load, check and split the data of a task; the last few stay in memory."""
    if task.arrays is not None:
        return _prepare(task)
    return _load_cached(task.cache_key(), task)


# The key decides about hits; a task itself cannot be hashed when it has lists.
class _Keyed:
    def __init__(self, key, task):
        self.key, self.task = key, task

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


@functools.lru_cache(maxsize=3)
def _load_keyed(keyed):
    return _prepare(keyed.task)


def _load_cached(key, task):
    return _load_keyed(_Keyed(key, task))


def _prepare(task) -> LoadedTask:
    if task.arrays is not None:
        X, y = task.arrays
        bunch = {"X": X, "y": y}
    else:
        bunch = resolve(task.loader)(**dict(task.arguments))
    X, y = bunch["X"], np.asarray(bunch["y"])
    class_order = bunch.get("class_order")
    if class_order is None and getattr(
        getattr(bunch["y"], "dtype", None), "ordered", 0
    ):
        class_order = bunch["y"].dtype.categories
    if hasattr(X, "toarray"):
        X = X.toarray()
    elif not hasattr(X, "iloc"):
        X = np.asarray(X)
    if X.shape[0] != y.shape[0]:
        raise BenchmarkError(
            f"Task {task.id!r} has {X.shape[0]} rows in X but {y.shape[0]} in y."
        )
    task_type = bunch.get("task_type") or _infer_type(y)
    if task.track in ("clustering", "quantile"):
        task_type = task.track
    splits = bunch.get("splits")
    if task.max_rows is not None and X.shape[0] > task.max_rows:
        rows = _sample_rows(y, task.max_rows, task_type, task.seed)
        X = X.iloc[rows].reset_index(drop=True) if hasattr(X, "iloc") else X[rows]
        y, splits = y[rows], None
    positive_class = bunch.get("positive_class")
    codes, classes = _encode(y, task_type, task, positive_class, class_order)
    folds = _make_splits(task, codes, task_type, splits, bunch)
    return LoadedTask(
        task=task,
        X=X,
        y=codes,
        categorical=_categorical_columns(X, bunch.get("categorical_mask")),
        task_type=task_type,
        track=DEFAULT_TRACK[task_type] if task.track == "auto" else task.track,
        classes=classes,
        splits=folds,
        n_repeats=len(folds),
        data_sha256=_hash_data(X, codes, classes),
        split_sha256=_hash_splits(folds),
    )


def _infer_type(y):
    if y.dtype.kind == "f":
        return "regression"
    return "binary" if np.unique(y).size == 2 else "multiclass"


def _encode(y, task_type, task, positive_class, class_order=None):
    if task_type in NUMERIC:
        try:
            return y.astype(np.float64), ()
        except ValueError:
            raise BenchmarkError(
                f"Task {task.id!r} is a {task_type} task, but its target is not "
                "numeric; give it another track."
            ) from None
    classes, codes = np.unique(y.astype(str), return_inverse=True)
    if classes.size < 2 and task_type != "clustering":
        raise BenchmarkError(
            f"Task {task.id!r} has one class only ({classes.tolist()}); there is "
            "nothing to classify."
        )
    if task_type == "binary":
        positive = task.positive_class or positive_class
        if positive is None:
            one = int(np.argmin(np.bincount(codes)[::-1]) == 0)
        elif str(positive) in classes:
            one = int(np.flatnonzero(classes == str(positive))[0])
        else:
            raise BenchmarkError(
                f"Positive class {positive!r} of task {task.id!r} is not among its "
                f"classes {classes.tolist()}."
            )
        if one == 0:
            codes, classes = 1 - codes, classes[::-1]
    elif class_order is not None:
        codes, classes = _in_order(codes, classes, class_order, task)
    return codes.astype(np.intp), tuple(classes.tolist())


def _in_order(codes, classes, class_order, task):
    """Give codes from low to high instead of by the alphabet."""
    place = {str(label): i for i, label in enumerate(class_order)}
    unknown = [label for label in classes.tolist() if label not in place]
    if unknown:
        raise BenchmarkError(
            f"Task {task.id!r} has the classes {unknown}, which are not in the order "
            f"of its classes, {list(place)}."
        )
    order = np.argsort([place[label] for label in classes.tolist()])
    return np.argsort(order)[codes], classes[order]


def _categorical_columns(X, mask):
    if mask is not None:
        return tuple(int(j) for j in np.flatnonzero(mask))
    if not hasattr(X, "dtypes"):
        return ()
    from pandas.api import types

    return tuple(
        j
        for j, dtype in enumerate(X.dtypes)
        if not types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype)
    )


def _sample_rows(y, max_rows, task_type, seed):
    from sklearn.model_selection import train_test_split

    stratify = None
    if task_type not in NUMERIC:
        counts = np.unique(y.astype(str), return_counts=True)[1]
        if counts.min() >= 2 and max_rows >= counts.size:
            stratify = y.astype(str)
    rows, _ = train_test_split(
        np.arange(y.shape[0]),
        train_size=max_rows,
        random_state=seed,
        stratify=stratify,
    )
    return np.sort(rows)


def _make_splits(task, y, task_type, given, bunch):
    from sklearn import model_selection as ms

    if task_type == "clustering":
        return _make_orders(task, y.shape[0])
    if task.folds == "task" and given is not None:
        per_repeat = int(bunch.get("n_folds") or len(given))
        return tuple(
            tuple(given[start : start + per_repeat])
            for start in range(0, len(given), per_repeat)
        )
    n_repeats, n_folds = (1, 10) if task.folds == "task" else task.folds
    if y.shape[0] < n_folds:
        raise BenchmarkError(
            f"Task {task.id!r} has {y.shape[0]} rows, too few for {n_folds} folds."
        )
    stratified = task_type not in NUMERIC and np.bincount(y).max() >= n_folds
    splitter = ms.StratifiedKFold if stratified else ms.KFold
    repeats = []
    for repeat in range(n_repeats):
        cv = splitter(n_folds, shuffle=True, random_state=task.seed + 7919 * repeat)
        if stratified and np.bincount(y).min() < n_folds:
            repeats.append(_quiet_split(cv, y))
        else:
            repeats.append(tuple(cv.split(np.zeros((y.shape[0], 1)), y)))
    return tuple(repeats)


def _make_orders(task, n_rows):
    """Whole tables in place of folds: the first in its own order, others shuffled."""
    n_repeats, n_folds = (1, 1) if task.folds == "task" else task.folds
    repeats = []
    for repeat in range(n_repeats):
        rng = np.random.default_rng([task.seed, repeat])
        orders = [rng.permutation(n_rows) for _ in range(n_folds)]
        if repeat == 0:
            orders[0] = np.arange(n_rows)
        repeats.append(tuple((order, order) for order in orders))
    return tuple(repeats)


def _quiet_split(cv, y):
    """Split although some class has fewer rows than there are folds."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        return tuple(cv.split(np.zeros((y.shape[0], 1)), y))


def _hash_data(X, y, classes):
    digest = hashlib.sha256(json.dumps([list(X.shape), list(classes)]).encode())
    if hasattr(X, "iloc"):
        from pandas.util import hash_pandas_object

        for name in X.columns:
            column = X[name]
            if str(column.dtype) == "category":
                column = column.astype(object)
            digest.update(str(name).encode())
            digest.update(hash_pandas_object(column, index=False).to_numpy().tobytes())
    elif X.dtype == object:
        digest.update(repr(X.tolist()).encode())
    else:
        digest.update(str(X.dtype).encode() + np.ascontiguousarray(X).tobytes())
    digest.update(np.ascontiguousarray(y).tobytes())
    return digest.hexdigest()


def _hash_splits(splits):
    digest = hashlib.sha256()
    for repeat in splits:
        for train, test in repeat:
            digest.update(np.asarray(train, dtype=np.int64).tobytes() + b"|")
            digest.update(np.asarray(test, dtype=np.int64).tobytes() + b";")
    return digest.hexdigest()
