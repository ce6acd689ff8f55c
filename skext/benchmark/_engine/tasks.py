"""Benchmark tasks: where the data come from and how they are split."""

import contextlib
import functools
import hashlib
import importlib
import json
import pickle
from dataclasses import dataclass, field

import numpy as np

from skext.benchmark._engine.inputs import (
    as_table,
    as_target,
    kind_of_target,
    label_texts,
    read_bunch,
)
from skext.benchmark._engine.kinds import KINDS, target_of
from skext.exceptions import BenchmarkError
from skext.utils._tables import take_rows


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
        Repeats and folds; where targets are clusters each is the whole table, its rows
        in another order; "task" takes the splits that come with the data where there
        are any, else one repeat of ten folds.
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
    task_type : {"binary", "multiclass", "classification", "regression"}, default=None
        Kind of the target. None takes what the loader says, or else looks: labels and
        up to 20 distinct whole numbers are classes, other numbers are numbers.
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
    task_type: str | None = None

    def cache_key(self) -> str:
        """Identify what :func:`load_task` returns.

        Returns
        -------
        key : str
            Equal for equal tasks in all processes.
        """
        fields = [self.id, self.loader, sorted(self.arguments), self.folds]
        fields += [self.max_rows, self.seed, self.positive_class, self.bag_size]
        fields += [self.track, self.task_type, getattr(self.arrays, "path", None)]
        return json.dumps(fields, default=str)


def openml_task(name, source) -> Task:
    """Make a task of ``openml:<data id>`` or ``task:<task id>``."""
    kind, _, number = name.partition(":")
    if not number.isdigit():
        raise BenchmarkError(
            f"{name!r} is not understood; write '{kind}:' and a number, such as "
            f"'{kind}:31'."
        )
    key = "data_id" if kind == "openml" else "task_id"
    return Task(
        id=name,
        loader="skext.datasets:load_openml",
        arguments=((key, int(number)), *source.items()),
        folds="task" if kind == "task" else (1, 5),
        source="OpenML",
    )


def offline_task(name, loader, source, /, *, track="auto", folds=(1, 5), **arguments):
    """Make a task that needs no network; what is left over is for the loader."""
    return Task(
        id=name,
        track=track,
        loader=loader,
        arguments=tuple(sorted(arguments.items())),
        folds=folds,
        source=source,
        suite="offline 1",
    )


@dataclass(frozen=True)
class StoredArrays:
    """Data given in memory, in a file for the workers of this machine."""

    path: str

    def load(self):
        """Read ``(X, y)``."""
        with open(self.path, "rb") as file:
            return pickle.load(file)


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
    notes: tuple = ()

    @property
    def n_classes(self) -> int:
        """Number of classes, zero for numbers and in clustering."""
        return len(self.classes) if target_of(self.task_type) == "classes" else 0

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
    except (Exception, SystemExit) as exc:
        raise BenchmarkError(
            f"{path!r} cannot be imported: its module raises {type(exc).__name__}: "
            f"{exc}."
        ) from exc
    return found


def load_task(task) -> LoadedTask:
    """Load, check and split the data of a task; the last few stay in memory."""
    return _load_keyed(_Keyed(task))


def forget_tasks():
    """Load tasks anew: arrays and files may have changed since the last run."""
    _load_keyed.cache_clear()


# The key decides about hits; a task itself cannot be hashed when it has lists.
class _Keyed:
    def __init__(self, task):
        self.task, self.key = task, task.cache_key()

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        if isinstance(self.task.arrays, tuple):
            return self.task is other.task
        return self.key == other.key


@functools.lru_cache(maxsize=3)
def _load_keyed(keyed):
    return _prepare(keyed.task)


def _prepare(task) -> LoadedTask:
    if task.arrays is not None:
        stored = isinstance(task.arrays, StoredArrays)
        X, y = task.arrays.load() if stored else task.arrays
        bunch = {"X": X, "y": y}
    else:
        bunch = read_bunch(resolve(task.loader)(**dict(task.arguments)), task.id)
    X, categorical = as_table(bunch["X"], task.id)
    y, is_class, class_order = as_target(bunch["y"], task.id)
    if bunch.get("class_order") is not None:
        class_order = bunch["class_order"]
    if bunch.get("categorical_mask") is not None:
        named = np.flatnonzero(bunch["categorical_mask"]).tolist()
        categorical = tuple(sorted({*named, *_not_numeric(X, categorical)}))
    if X.shape[0] != y.shape[0]:
        raise BenchmarkError(
            f"Task {task.id!r} has {X.shape[0]} rows in X but {y.shape[0]} in y."
        )
    told = task.task_type or bunch.get("task_type")
    for kind in KINDS.values():
        told = kind.name if kind.by_track and kind.track == task.track else told
    task_type, note = kind_of_target(y, is_class, told, task.id)
    splits = bunch.get("splits")
    if task.max_rows is not None and X.shape[0] > task.max_rows:
        rows = _sample_rows(y, task.max_rows, task_type, task.seed)
        X = take_rows(X, rows)
        y, splits = y[rows], None
    positive_class = bunch.get("positive_class")
    codes, classes = _encode(y, task_type, task, positive_class, class_order)
    folds = _make_splits(task, codes, task_type, splits, bunch)
    return LoadedTask(
        task=task,
        X=X,
        y=codes,
        categorical=categorical,
        task_type=task_type,
        track=KINDS[task_type].track if task.track == "auto" else task.track,
        classes=classes,
        splits=folds,
        n_repeats=len(folds),
        data_sha256=_hash_data(X, codes, classes),
        split_sha256=_hash_splits(folds),
        notes=(note,) if note else (),
    )


def _not_numeric(X, categorical):
    """Columns of texts, which are categories whatever a loader says."""
    return [j for j in categorical if X.dtypes.iloc[j].kind not in "fiub"]


def _encode(y, task_type, task, positive_class, class_order=None):
    if target_of(task_type) == "numbers":
        try:
            return y.astype(np.float64), ()
        except ValueError:
            raise BenchmarkError(
                f"Task {task.id!r} is a {task_type} task, but its target is not "
                "numeric; say task_type='classification' or give it another track."
            ) from None
    labels, codes = np.unique(y, return_inverse=True)
    classes = label_texts(labels)
    if classes.size < 2 and target_of(task_type) == "classes":
        raise BenchmarkError(
            f"Task {task.id!r} has one class only ({classes.tolist()}); there is "
            "nothing to classify."
        )
    if task_type == "binary":
        positive = (
            positive_class if task.positive_class is None else task.positive_class
        )
        if positive is None:
            one = int(np.argmin(np.bincount(codes)[::-1]) == 0)
        elif (one := _place(positive, classes)) is None:
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


def _place(label, classes):
    """Position of a class by its text, a number with or without a point."""
    texts = [str(label)]
    with contextlib.suppress(TypeError, ValueError):
        texts.append(label_texts(np.array([float(label)]))[0])
    found = [i for i, name in enumerate(classes.tolist()) if name in texts]
    return found[0] if found else None


def _sample_rows(y, max_rows, task_type, seed):
    from sklearn.model_selection import train_test_split

    stratify = None
    if target_of(task_type) != "numbers":
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

    if target_of(task_type) == "clusters":
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
    stratified = target_of(task_type) == "classes" and np.bincount(y).max() >= n_folds
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

        for j, name in enumerate(X.columns):
            column = X.iloc[:, j]
            digest.update(f"{name}\0{column.dtype}".encode())
            if str(column.dtype) == "category":
                digest.update(repr(column.cat.categories.tolist()).encode())
                column = column.astype(object)
            digest.update(hash_pandas_object(column, index=False).to_numpy().tobytes())
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
