"""Benchmark methods: how an estimator is made for a task."""

import copy
import importlib.util
import inspect
import json
import zlib
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, RandomizedSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from skext.benchmark._engine.identity import public_path
from skext.benchmark._engine.kinds import target_of
from skext.benchmark._engine.metrics import METRICS
from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.tasks import resolve
from skext.exceptions import BenchmarkError


@dataclass(frozen=True)
class TaskInfo:
    """What a factory may know about the task that it makes an estimator for.

    The training labels are not among it.

    Parameters
    ----------
    id, track : str
        Name of the task, and comparison that it belongs to.
    task_type : str
        Kind of target, such as "binary", "multiclass" or "regression".
    n_rows, n_columns, n_classes : int
        Size of the table; no classes where targets are numbers and in clustering.
    categorical : tuple of int
        Columns that are not numeric.
    primary_metric : str, default=None
        Metric that is reported first.
    device : str, default="cpu"
        Where methods that can use a GPU shall run.
    bag_size : int, default=None
        Rows of the bags whose counts are told in the place of labels.
    """

    id: str
    track: str
    task_type: str
    n_rows: int
    n_columns: int
    n_classes: int
    categorical: tuple
    primary_metric: str | None = None
    device: str = "cpu"
    bag_size: int | None = None

    @classmethod
    def of(cls, loaded, *, primary_metric=None, device="cpu"):
        """Describe a loaded task.

        Parameters
        ----------
        loaded : LoadedTask
            The task with its data.
        primary_metric : str, default=None
            Metric that is reported first.
        device : str, default="cpu"
            Where methods that can use a GPU shall run.

        Returns
        -------
        info : TaskInfo
            The description.
        """
        return cls(
            id=loaded.task.id,
            track=loaded.track,
            task_type=loaded.task_type,
            n_rows=int(loaded.X.shape[0]),
            n_columns=int(loaded.X.shape[1]),
            n_classes=loaded.n_classes,
            categorical=loaded.categorical,
            primary_metric=primary_metric,
            device=device,
            bag_size=loaded.task.bag_size,
        )


@dataclass(frozen=True)
class Method:
    """An estimator that takes part in a benchmark.

    Parameters
    ----------
    name : str
        Name in tables and on the command line.
    factory : str, callable or estimator
        ``package.module:name`` of, or itself: an estimator class, an estimator,
        or a function that returns one, given nothing or the :class:`TaskInfo`.
    tracks : tuple of str, default=()
        Comparisons that the method joins by default; empty joins on request only.
    task_types : tuple of str, default=()
        Task types that it can do; empty is all.
    preprocess : {"scale", "ordinal", "none"}, default="scale"
        What is fitted before it within the training fold: impute, one-hot encode
        and scale; impute and integer-code; nothing.
    needs : tuple of str, default=()
        Packages without which its jobs are skipped, with the reason.
    extra : str, default="bench"
        Extra of skext that brings the packages; None if there is none.
    space : dict, default=None
        Parameter distributions for ``--tune``, in terms of the estimator.
    family : {"skext", "peer", "baseline", "user"}, default="user"
        Whose method it is.
    cost : float, default=1.0
        Rough fit time relative to logistic regression; cheap jobs run first.
    gpu : bool, default=False
        Runs on the GPU where there is one; such jobs run one at a time.
    description : str, default=""
        One line for tables.
    """

    name: str
    factory: object
    tracks: tuple = ()
    task_types: tuple = ()
    preprocess: str = "scale"
    needs: tuple = ()
    extra: str | None = "bench"
    space: dict | None = field(default=None, compare=False)
    family: str = "user"
    cost: float = 1.0
    gpu: bool = False
    description: str = ""

    def missing(self) -> str | None:
        """Say why the method cannot run here.

        Returns
        -------
        reason : str or None
            None if nothing is missing.
        """
        return missing_package(self.needs, self.extra)

    def can_do(self, task_type) -> bool:
        """Tell whether the method handles a type of task.

        Parameters
        ----------
        task_type : str
            Kind of target, such as "binary", "multiclass" or "regression".

        Returns
        -------
        answer : bool
            True if it does.
        """
        return not self.task_types or task_type in self.task_types

    def make(self, info):
        """Build the bare estimator for a task.

        Parameters
        ----------
        info : TaskInfo
            The task.

        Returns
        -------
        estimator : estimator object
            A new one, without preprocessing.

        Raises
        ------
        BenchmarkError
            If the factory gives no estimator.
        """
        source = self.factory
        if isinstance(source, str):
            source = resolve(source)
        if not inspect.isclass(source) and _is_estimator(source):
            return copy.deepcopy(source)
        if not callable(source):
            raise BenchmarkError(
                f"Method {self.name!r}: {self.factory!r} is neither an estimator nor "
                "a function that returns one."
            )
        estimator = source(info) if _wants_task(source) else source()
        if isinstance(estimator, Method):
            return estimator.make(info)
        if not _is_estimator(estimator):
            raise BenchmarkError(
                f"Method {self.name!r}: {self.factory!r} returned "
                f"{type(estimator).__name__}, which has neither fit nor fit_resample."
            )
        return estimator


def missing_package(names, extra=None) -> str | None:
    """Name the first package that is not there, and how to get it."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            what = name if extra is None else f"'skext[{extra}]'"
            return f"needs the package '{name}'; install it with: pip install {what}"
    return None


def _is_estimator(thing):
    return hasattr(thing, "fit") or hasattr(thing, "fit_resample")


def _wants_task(source):
    """Whether a factory takes the task as its first, required argument."""
    if inspect.isclass(source):
        return False
    try:
        parameters = list(inspect.signature(source).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    required = [p for p in parameters if p.default is p.empty and p.kind in positional]
    return len(required) == 1


def make_preprocessor(info, kind="scale"):
    """Build the shared preprocessing, to be fitted within the training fold.

    Parameters
    ----------
    info : TaskInfo
        The task.
    kind : {"scale", "ordinal", "none"}, default="scale"
        One-hot codes and standardised numbers, or integer codes and raw numbers.

    Returns
    -------
    transformer : ColumnTransformer or None
        None where nothing is to be done.

    Examples
    --------
    >>> from skext.benchmark import TaskInfo, make_preprocessor
    >>> info = TaskInfo("mine", "classification", "binary", 100, 3, 2, (2,))
    >>> [name for name, _, _ in make_preprocessor(info).transformers]
    ['numeric', 'categorical']
    """
    if kind == "none":
        return None
    categorical = list(info.categorical)
    numeric = [j for j in range(info.n_columns) if j not in set(categorical)]
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    if kind == "scale":
        numbers = make_pipeline(impute, StandardScaler())
        # Rare levels share a column, so that a wide table stays narrow.
        codes = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=30,
            sparse_output=False,
        )
    elif kind == "ordinal":
        numbers = impute
        codes = OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=-1,
            encoded_missing_value=-1,
        )
    else:
        raise unknown("preprocessing", kind, ("scale", "ordinal", "none"))
    parts = [("numeric", numbers, numeric), ("categorical", codes, categorical)]
    return ColumnTransformer(
        [part for part in parts if part[2]], verbose_feature_names_out=False
    )


def build(method, info, *, seed, n_tune=0):
    """Make the estimator that is fitted: preprocessing, method, search, seeds.

    A bare sampler is completed by logistic regression.
    """
    estimator = method.make(info)
    steps = []
    preprocessor = make_preprocessor(info, method.preprocess)
    if preprocessor is not None:
        steps.append(("preprocess", preprocessor))
    if hasattr(estimator, "fit_resample"):
        steps += [("sampler", estimator), ("model", LogisticRegression(max_iter=1000))]
    else:
        steps.append(("model", estimator))
    pipeline = pipeline_of(steps) if len(steps) > 1 else steps[0][1]
    if n_tune and method.space:
        pipeline = _search(pipeline, method, info, n_tune, len(steps) > 1)
    set_random_state(pipeline, seed)
    return pipeline


def pipeline_of(steps):
    """Make a pipeline that may hold samplers."""
    # It loads a test suite, which listing methods need not wait for.
    from imblearn.pipeline import Pipeline

    return Pipeline(steps)


def _search(pipeline, method, info, n_tune, nested):
    prefix = "model__" if nested else ""
    splitter = StratifiedKFold if target_of(info.task_type) == "classes" else KFold
    return RandomizedSearchCV(
        pipeline,
        {prefix + name: values for name, values in method.space.items()},
        n_iter=n_tune,
        scoring=_scorer(info),
        cv=splitter(3, shuffle=True, random_state=0),
        random_state=0,
    )


def _scorer(info):
    """Tuning optimises the metric that is reported first."""
    metric = METRICS.get(info.primary_metric)
    scoring = None if metric is None else metric.scoring
    return scoring(info.task_type) if callable(scoring) else scoring


def set_random_state(estimator, seed):
    """Give every ``random_state`` in an estimator a seed of its own."""
    names = sorted(
        name
        for name in estimator.get_params(deep=True)
        if name == "random_state" or name.endswith("__random_state")
    )
    seeds = np.random.SeedSequence(seed).generate_state(max(len(names), 1))
    values = {name: int(s % (2**31 - 1)) for name, s in zip(names, seeds, strict=False)}
    if values:
        estimator.set_params(**values)


def job_seed(seed, task_id, method_name, repeat, fold) -> int:
    """Seed of one job; independent of the order and the number of workers."""
    words = [seed, zlib.crc32(task_id.encode()), zlib.crc32(method_name.encode())]
    return int(np.random.SeedSequence([*words, repeat, fold]).generate_state(1)[0])


def describe_parameters(estimator) -> dict:
    """Class path and parameters, as the report shows them."""
    found = {"class": public_path(type(estimator))}
    if hasattr(estimator, "get_params"):
        found["params"] = {
            name: _plain(value)
            for name, value in sorted(estimator.get_params(deep=False).items())
        }
    return found


def _plain(value):
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(v) for v in value]
        return sorted(items, key=json.dumps) if isinstance(value, set) else items
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), zlib.crc32(value.tobytes())]
    if inspect.isclass(value) or inspect.isroutine(value):
        return public_path(value)
    if hasattr(value, "get_params"):
        return describe_parameters(value)
    # The default repr holds a memory address, which differs between processes.
    text = repr(value)
    return public_path(type(value)) if " at 0x" in text else text


def from_user(name, thing=None, **options) -> Method:
    """Make a method of ``package.module:factory`` or of a Python object."""
    source = name if thing is None else thing
    if isinstance(source, Method):
        return replace(source, name=name) if thing is not None else source
    if isinstance(source, str):
        found = resolve(source)
        if isinstance(found, Method):
            return found
    return Method(name=name, factory=source, family="user", **options)
