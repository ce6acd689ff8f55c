"""The runner: plan jobs, skip what is known, run the rest, store as it comes."""

import contextlib
import os
import platform
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import joblib

from skext.benchmark import _catalog, _metrics
from skext.benchmark._backends import THREAD_VARIABLES, backend_context, stream
from skext.benchmark._jobs import FINAL, Job, job_key, library_versions
from skext.benchmark._limits import closing_child
from skext.benchmark._methods import TaskInfo, describe_parameters, job_seed
from skext.benchmark._parsing import parse_duration, parse_size
from skext.benchmark._progress import make_progress
from skext.benchmark._results import BenchmarkResults
from skext.benchmark._store import ResultStore, export
from skext.benchmark._tasks import load_task
from skext.exceptions import BenchmarkError, DataNotAvailableError


def plan_jobs(tasks, methods, *, metrics, seed, lite, n_tune, strict_env, device, say):
    """Every (task, method, repeat, fold), balanced and cheap ones first.

    Parameters
    ----------
    tasks : list of Task
        What to run on.
    methods : list of Method or None
        None takes the default methods of each task's track.

    Returns
    -------
    plan : list of (Job or None, row)
        ``row`` is what the store keeps; the job is None if it cannot run.
    properties : list of dict
        One for each task.
    unavailable : dict of str to str
        Tasks whose data are not here, with the reason.
    """
    planned, properties, unavailable = [], [], {}
    for task in tasks:
        try:
            loaded = load_task(task)
        except (DataNotAvailableError, OSError) as exc:
            unavailable[task.id] = str(exc)
            continue
        properties.append(loaded.properties())
        names = _metrics_of(loaded, metrics)
        info = TaskInfo.of(loaded, primary_metric=names[0], device=device)
        chosen = methods
        if chosen is None:
            chosen = _catalog.default_methods(loaded.track)
        for method in chosen:
            if not method.can_do(loaded.task_type):
                continue
            planned += _plan_method(
                loaded, method, info, tuple(names), seed, lite, n_tune, strict_env
            )
    if planned:
        for reason in dict.fromkeys(unavailable.values()):
            names = [name for name in unavailable if unavailable[name] == reason]
            say(f"Left out: {', '.join(names)}: {reason}")
    planned.sort(key=lambda item: item[0])
    rows = []
    for position, (_, job, row) in enumerate(planned):
        rows.append((job, (*row, position)))
    return rows, properties, unavailable


def _metrics_of(loaded, asked):
    """Metrics asked for that this type of task has; the track's own by default."""
    if not asked:
        return _catalog.track_metrics(loaded.track, loaded.task_type)
    kind = loaded.task_type
    names = [name for name in asked if kind in _metrics.get_metric(name).task_types]
    if not names:
        raise BenchmarkError(
            f"None of the metrics {', '.join(asked)} is defined for task "
            f"{loaded.task.id!r}, which is {kind}; see 'skext bench list metrics'."
        )
    return names


def _plan_method(loaded, method, info, metrics, seed, lite, n_tune, strict_env):
    missing = method.missing()
    size = info.n_rows * (info.n_columns + 5) * max(1, info.n_classes) ** 0.5
    items = []
    folds = [
        (repeat, fold)
        for repeat, splits in enumerate(loaded.splits)
        for fold in range(len(splits))
    ]
    for repeat, fold in folds[:1] if lite else folds:
        one_seed = job_seed(seed, loaded.task.id, method.name, repeat, fold)
        job, key = None, f"skipped:{loaded.task.id}:{method.name}:{repeat}:{fold}"
        if missing is None:
            key = job_key(
                loaded,
                method,
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
    return items


def score_stored(arrays, metrics, task_type):
    """Score what :meth:`ResultStore.load_predictions` returned."""
    arrays = dict(arrays)
    truth = arrays.pop("truth")
    arrays.pop("rows")
    predictions = _metrics.Predictions(**arrays)
    return _metrics.score(metrics, truth, predictions, task_type)


_LOCAL = ("loky", "sequential")


class Runner:
    """Run a plan into a folder. :class:`Benchmark` and the command line use it."""

    def __init__(self, tasks, methods, options):
        self.tasks, self.methods, self.options = tasks, methods, options
        self.extra_info = {}

    def run(self, folder):
        """Run what is not known yet.

        Returns
        -------
        results : BenchmarkResults
            Everything in the folder, older jobs included.
        """
        o = self.options
        for name in o.metrics or ():
            _metrics.get_metric(name)
        with ResultStore(folder) as store:
            store.lock()
            if o.fresh:
                store.clear()
            progress_say = _printer(o.progress)
            plan, properties, unavailable = plan_jobs(
                self.tasks,
                self.methods,
                metrics=o.metrics,
                seed=o.seed,
                lite=o.lite,
                n_tune=o.tune,
                strict_env=o.strict_env,
                device=resolve_device(o.device, self.methods),
                say=progress_say,
            )
            if not plan:
                raise BenchmarkError(_nothing_to_do(unavailable))
            store.save_plan(
                [row for _, row in plan], properties, _describe(plan, properties)
            )
            todo = self._todo(store, plan, properties)
            began, clock = time.time(), time.process_time()
            previous = store.meta()
            info = {
                "command": o.command or shlex.join(["python", *sys.argv]),
                "started": previous.get("started", began),
                "options": o.to_dict(),
                "unavailable": unavailable,
                "n_resumed": len([1 for job, _ in plan if job]) - len(todo),
                **self.extra_info,
                **environment(),
            }
            store.set_meta(**info)
            ended = self._run_jobs(store, todo, progress_say)
            store.set_meta(
                finished=time.time(),
                wall_seconds=previous.get("wall_seconds", 0.0) + time.time() - began,
                ended=ended,
                n_run=len(todo),
                parent_cpu_seconds=time.process_time() - clock,
            )
            results = BenchmarkResults.from_store(store)
        export(results, folder)
        return results

    def _todo(self, store, plan, properties):
        """Jobs that have no result, or one that is to be tried again."""
        o = self.options
        statuses, scored = store.statuses(), store.scored()
        rows = {task["id"]: task["n_rows"] for task in properties}
        done = set(FINAL) - set(o.retry)
        todo = []
        for job, _ in plan:
            if job is None:
                continue
            status = statuses.get(job.key)
            if status in done:
                if status != "ok" or set(job.metrics) <= scored.get(job.key, set()):
                    continue
                if self._score_stored(store, job):
                    continue
            keep = o.save_predictions
            todo.append(
                replace(
                    job,
                    time_limit=parse_duration(o.time_limit),
                    memory_limit=parse_size(o.memory_limit),
                    keep_predictions=rows[job.task.id] < 50_000
                    if keep is None
                    else keep,
                )
            )
        return todo

    @staticmethod
    def _score_stored(store, job):
        """Compute a missing metric from stored predictions if there are any."""
        arrays = store.load_predictions(job.key)
        if arrays is None:
            return False
        task_type = load_task(job.task).task_type
        store.add_scores(job.key, score_stored(arrays, job.metrics, task_type))
        return True

    def _run_jobs(self, store, todo, say):
        """Run jobs until all are done or the budget is spent; return how it ended."""
        if not todo:
            say("Nothing left to run: all jobs have results.")
            return "complete"
        o = self.options
        budget = parse_duration(o.budget)
        deadline = None if budget is None else time.time() + budget
        pending = {job.key: replace(job, deadline=deadline) for job in todo}
        ended = "complete"
        environment_id = _environment_id()
        with make_progress(o.progress, len(todo)) as progress, closing_child():
            # A second pass runs what was lost when a worker process died. joblib's
            # dask backend waits for ever for a dead worker, and ray's may, so there
            # each worker keeps a child process for the jobs from the start.
            for isolate in (False, True) if o.backend in _LOCAL else (True,):
                jobs = [replace(job, isolate=isolate) for job in pending.values()]
                try:
                    for outcome in self._stream(jobs):
                        job = pending.pop(outcome.key)
                        fold = f"{job.repeat}.{job.fold}"
                        label = f"{job.task.id} {job.method.name} {fold}"
                        if outcome.status == "pending":
                            ended = "budget"
                        else:
                            store.add(outcome, environment_id)
                        progress.update(outcome, label)
                    break
                except BrokenProcessPool as exc:
                    if isolate:
                        raise
                    progress.note(
                        f"A worker process died ({type(exc).__name__}); each of the "
                        f"{len(pending)} jobs left now runs in a process of its own."
                    )
                except KeyboardInterrupt:
                    progress.note("Interrupted; finished jobs are kept.")
                    ended = "interrupted"
                    break
        return ended

    def _stream(self, jobs):
        """Run CPU jobs on the backend; GPU jobs one at a time in this process."""
        o = self.options
        gpu = [job for job in jobs if job.method.gpu and job.device != "cpu"]
        cpu = [job for job in jobs if not (job.method.gpu and job.device != "cpu")]
        if cpu:
            sequential = o.backend == "sequential"
            with backend_context(
                o.backend,
                n_jobs=o.n_jobs,
                inner_threads=o.inner_threads,
                scheduler=o.scheduler,
            ) as workers:
                yield from stream(cpu, workers, sequential=sequential)
        yield from stream(gpu, 1, sequential=True)


def _printer(kind):
    if kind == "none":
        return lambda text: None
    return lambda text: print(text, file=sys.stderr, flush=True)  # noqa: T201


def _nothing_to_do(unavailable):
    if not unavailable:
        return (
            "Nothing to run: no chosen method can do any chosen task; see "
            "'skext bench list methods'."
        )
    first = next(iter(unavailable.values()))
    return (
        f"Nothing to run: none of the {len(unavailable)} chosen tasks has its data "
        f"here. The first: {first}"
    )


def _describe(plan, properties):
    """Collect what the report says about each method."""
    described = {}
    for job, row in plan:
        name = row[1]
        if name in described or job is None:
            described.setdefault(name, {"description": "", "family": "user"})
            if job is None or "params" in described[name]:
                continue
        loaded = load_task(job.task)
        estimator = job.method.make(TaskInfo.of(loaded))
        parameters = describe_parameters(estimator)
        described[name] = {
            "description": job.method.description,
            "family": job.method.family,
            "preprocess": job.method.preprocess,
            "class": parameters["class"],
            "params": parameters.get("params", {}),
        }
    return described


def check_device(device):
    """Refuse what is not the name of a device."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(device)):
        raise BenchmarkError(
            f"Device {device!r} is not understood; write 'auto', 'cpu', 'cuda' or a "
            "form such as 'cuda:1'."
        )


def resolve_device(device, methods):
    """``"cuda"`` or ``"cpu"`` for "auto".

    Asking loads torch, which takes seconds, so only a GPU method makes us ask.
    """
    check_device(device)
    if device != "auto":
        return device
    if methods is None:
        # Without a track a method runs only if it is named.
        methods = [method for method in _catalog.METHODS.values() if method.tracks]
    if any(method.gpu and method.missing() is None for method in methods):
        with contextlib.suppress(ImportError):
            import torch

            return "cuda" if torch.cuda.is_available() else "cpu"
    return "cpu"


def environment() -> dict:
    """Where a run happens: machine, versions, threads, git."""
    return {
        "host": {
            "cpu": _cpu_model(),
            "cores": joblib.cpu_count(),
            "memory": _memory_bytes(),
            "platform": platform.platform(),
        },
        "versions": library_versions(),
        "threads": {name: os.environ.get(name) for name in THREAD_VARIABLES},
        "git": _git(),
    }


def _environment_id():
    import hashlib
    import json

    text = json.dumps([library_versions(), _cpu_model()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _cpu_model():
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes():
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _git():
    """Commit of the code that runs, if it runs from a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        call = ["git", "-C", str(folder)]
        commit = subprocess.run(
            [*call, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10
        )
        dirty = subprocess.run(
            [*call, "status", "--porcelain"], capture_output=True, text=True, timeout=10
        )
        if commit.returncode == 0:
            changed = bool(dirty.stdout.strip())
            return {"commit": commit.stdout.strip(), "dirty": changed}
    return None
