"""The plan of a run: which jobs there are, and what cannot be one and why."""

import uuid
from dataclasses import dataclass, field

from skext.benchmark._engine import metrics as _metrics
from skext.benchmark._engine.identity import UnknownContentError, fingerprint
from skext.benchmark._engine.jobs import (
    Job,
    Outcome,
    content_of,
    job_key,
    record_failure,
)
from skext.benchmark._engine.methods import TaskInfo, describe_parameters, job_seed
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.text import printable
from skext.benchmark._engine.track import default_methods, track_metrics
from skext.exceptions import BenchmarkError, DataNotAvailableError


@dataclass
class Plan:
    """What a run will do.

    Attributes
    ----------
    jobs : list of (Job or None, row)
        ``row`` is what the store keeps; the job is None if it cannot run.
    tasks : list of dict
        Properties of the tasks that were loaded.
    task_types : dict of str to str
        Their kinds of targets.
    methods : dict of str to dict
        What the report says about each method.
    unavailable : dict of str to str
        Tasks whose data are not here, or that no chosen metric is for; with the reason.
    broken : dict of str to str
        Tasks that cannot be loaded or used, with the reason.
    failed : list of Outcome
        Jobs whose estimator could not be made.
    notes : list of str
        What a person should know before the run.
    """

    jobs: list = field(default_factory=list)
    tasks: list = field(default_factory=list)
    task_types: dict = field(default_factory=dict)
    methods: dict = field(default_factory=dict)
    unavailable: dict = field(default_factory=dict)
    broken: dict = field(default_factory=dict)
    failed: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def plan_jobs(tasks, methods, *, metrics, seed, lite, n_tune, strict_env, device):
    """Every (task, method, repeat, fold), balanced and cheap ones first.

    Parameters
    ----------
    tasks : list of Task
        What to run on.
    methods : list of Method or None
        None takes the default methods of each task's track.
    metrics : tuple of str or None
        None takes those of each task's track.
    seed, lite, n_tune, strict_env, device : object
        As in ``RunOptions``.

    Returns
    -------
    plan : Plan
        Jobs in the order in which they shall run.

    Raises
    ------
    BenchmarkError
        If there is nothing to run because of how the run was called.
    """
    plan = Plan()
    planned, no_metric, unmade = [], None, None
    for task in tasks:
        loaded = _load(task, plan)
        if loaded is None:
            continue
        try:
            names = _metrics_of(loaded, metrics)
        except BenchmarkError as exc:
            no_metric = no_metric or exc
            plan.unavailable[task.id] = str(exc)
            continue
        plan.notes += loaded.notes
        plan.tasks.append(loaded.properties())
        plan.task_types[task.id] = loaded.task_type
        info = TaskInfo.of(loaded, primary_metric=names[0], device=device)
        chosen = methods
        if chosen is None:
            chosen = default_methods(loaded.track)
        for method in chosen:
            if not method.can_do(loaded.task_type):
                continue
            items, exc = _plan_method(
                loaded, method, info, tuple(names), seed, lite, n_tune, strict_env, plan
            )
            planned += items
            unmade = unmade or exc
    if not planned and no_metric is not None and not plan.broken:
        raise no_metric
    made = [job for _, job, _ in planned if job is not None]
    if isinstance(unmade, BenchmarkError) and not made:
        raise unmade
    planned.sort(key=lambda item: item[0])
    for position, (_, job, row) in enumerate(planned):
        plan.jobs.append((job, (*row, position)))
    plan.notes = list(dict.fromkeys(plan.notes))
    return plan


def _load(task, plan):
    """Load a task, or write down why it cannot take part."""
    try:
        return load_task(task)
    except DataNotAvailableError as exc:
        plan.unavailable[task.id] = str(exc)
    except OSError as exc:
        # Of our own loaders it says that there are no data.
        ours = task.loader.startswith("skext.")
        found = plan.unavailable if ours else plan.broken
        found[task.id] = printable(str(exc) if ours else _in_words(exc))
    except BenchmarkError as exc:
        plan.broken[task.id] = str(exc)
    except KeyboardInterrupt:
        raise
    # A loader may do anything, and the other tasks shall not suffer.
    except BaseException as exc:
        plan.broken[task.id] = _in_words(exc)
    return None


def _in_words(exc):
    outcome = Outcome("", "")
    record_failure(outcome, exc)
    return f"it cannot be loaded: {outcome.error}"


def _metrics_of(loaded, asked):
    """Metrics asked for that this type of task has; the track's own by default."""
    if not asked:
        return track_metrics(loaded.track, loaded.task_type)
    kind = loaded.task_type
    names = [name for name in asked if kind in _metrics.get_metric(name).task_types]
    if not names:
        raise BenchmarkError(
            f"None of the metrics {', '.join(asked)} is defined for task "
            f"{loaded.task.id!r}, which is {kind}; see 'skext bench list metrics'."
        )
    return names


def _plan_method(loaded, method, info, metrics, seed, lite, n_tune, strict_env, plan):
    """Jobs of one method on one task, and why its estimator could not be made."""
    missing = method.missing()
    content = failure = None
    described = plan.methods.setdefault(
        method.name,
        {
            "description": method.description,
            "family": method.family,
            "preprocess": method.preprocess,
        },
    )
    if missing is None:
        try:
            estimator = method.make(info)
            if "class" not in described:
                described |= _describe(estimator)
            content = _content(method, estimator, n_tune, plan)
        except KeyboardInterrupt:
            raise
        # What a factory does for one task shall not end the run.
        except BaseException as exc:
            failure = exc
    size = info.n_rows * (info.n_columns + 5) * max(1, info.n_classes) ** 0.5
    items = []
    folds = [
        (repeat, fold)
        for repeat, splits in enumerate(loaded.splits)
        for fold in range(len(splits))
    ]
    for repeat, fold in folds[:1] if lite else folds:
        one_seed = job_seed(seed, loaded.task.id, method.name, repeat, fold)
        place = f"{loaded.task.id}:{method.name}:{repeat}:{fold}"
        job, key = None, f"skipped:{place}"
        if failure is not None:
            key = f"unmade:{place}"
            plan.failed.append(_unmade(key, failure))
        elif missing is None:
            key = job_key(
                loaded,
                method,
                content=content,
                seed=one_seed,
                repeat=repeat,
                fold=fold,
                info=info,
                n_tune=n_tune,
                strict_env=strict_env,
            )
            job = Job(
                key=key,
                task=loaded.task,
                method=method,
                repeat=repeat,
                fold=fold,
                seed=one_seed,
                metrics=metrics,
                data_sha256=loaded.data_sha256,
                split_sha256=loaded.split_sha256,
                n_tune=n_tune,
                device=info.device,
            )
        row = (loaded.task.id, method.name, repeat, fold, key, loaded.track)
        row += (loaded.task_type, one_seed, missing or "", " ".join(metrics))
        # Fold by fold over all tasks and methods: a run that stops early still
        # compares everything with everything on the folds that it finished.
        order = (repeat, fold, size * method.cost, loaded.task.id, method.name)
        items.append((order, job, row))
    return items, failure


def _describe(estimator):
    """Class and parameters for the report, which a strange value shall not stop."""
    try:
        parameters = describe_parameters(estimator)
    except Exception:
        return {"class": type(estimator).__qualname__, "params": {}}
    return {"class": parameters["class"], "params": parameters.get("params", {})}


def _content(method, estimator, n_tune, plan):
    """Digest of all that the estimator is made of, or one that never comes again."""
    try:
        return content_of(method, estimator, n_tune)
    except UnknownContentError as exc:
        plan.notes.append(
            f"Method {method.name!r} holds {_where(estimator)}{exc}, whose content "
            "cannot be compared with that of an earlier run, so its jobs run each time."
        )
        return uuid.uuid4().hex


def _where(estimator):
    """Name the parameter whose content is unknown."""
    if not hasattr(estimator, "get_params"):
        return ""
    for name, value in estimator.get_params(deep=False).items():
        try:
            fingerprint(value)
        except UnknownContentError:
            return f"in its parameter {name!r} "
    return ""


def _unmade(key, exc):
    outcome = Outcome(key, "failed")
    record_failure(outcome, exc)
    if not isinstance(exc, BenchmarkError):
        outcome.error = f"the estimator could not be made: {outcome.error}"[:500]
    return outcome
