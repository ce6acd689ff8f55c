"""The runner: plan jobs, skip what is known, run the rest, store as it comes."""

import contextlib
import hashlib
import json
import shlex
import sys
import time
from dataclasses import replace

from skext.benchmark._engine import metrics as _metrics
from skext.benchmark._engine.backends import run_on_backend
from skext.benchmark._engine.jobs import FINAL
from skext.benchmark._engine.parsing import parse_duration, parse_size
from skext.benchmark._engine.plan import plan_jobs
from skext.benchmark._engine.progress import make_progress
from skext.benchmark._engine.store import ResultStore
from skext.benchmark._engine.tasks import forget_tasks
from skext.benchmark._engine.track import METHODS
from skext.exceptions import BenchmarkError
from skext.utils._environment import cpu_model, environment, library_versions
from skext.utils._warnings import warn_user


def score_stored(arrays, metrics, task_type):
    """Score what :meth:`ResultStore.load_predictions` returned."""
    arrays = dict(arrays)
    truth = arrays.pop("truth")
    arrays.pop("rows")
    predictions = _metrics.Predictions(**arrays)
    return _metrics.score(metrics, truth, predictions, task_type)


class Runner:
    """Run a plan into a folder.

    Parameters
    ----------
    tasks : list of Task
        What to run on.
    methods : list of Method or None
        None takes the default methods of each task's track.
    options : RunOptions
        How to run.
    **story : dict
        Further facts about the run, to be kept with the results.
    """

    def __init__(self, tasks, methods, options, **story):
        self.tasks, self.methods, self.options = tasks, methods, options
        self.story = story

    def run(self, folder):
        """Run what is not known yet.

        Returns
        -------
        reason : str
            Why there was nothing to run; empty if there was something.
        """
        o = self.options
        for name in o.metrics or ():
            _metrics.get_metric(name)
        refuse_duplicates(self.tasks, self.methods)
        forget_tasks()
        with ResultStore(folder) as store:
            store.lock()
            if o.fresh:
                store.clear()
            say = _printer(o.progress)
            plan = make_plan(self.tasks, self.methods, o)
            _announce(plan, say, o.progress)
            began, clock = time.time(), time.process_time()
            previous = store.meta()
            n_jobs = sum(job is not None for job, _ in plan.jobs)
            info = {
                "command": shlex.join(["python", *sys.argv]),
                "started": previous.get("started", began),
                "options": o.to_dict(),
                "unavailable": plan.unavailable,
                "broken": plan.broken,
                "notes": plan.notes,
                **self.story,
                **environment(),
            }
            if not plan.jobs:
                # What failed shall be found in the folder all the same.
                store.set_meta(**info)
                return _nothing_to_do(plan)
            store.save_plan([row for _, row in plan.jobs], plan.tasks, plan.methods)
            for outcome in plan.failed:
                store.add(replace(outcome, finished=time.time()), _environment_id())
            todo = self._todo(store, plan)
            store.set_meta(**info, n_resumed=n_jobs - len(todo))
            ended = self._run_jobs(store, todo, say)
            store.set_meta(
                finished=time.time(),
                wall_seconds=previous.get("wall_seconds", 0.0) + time.time() - began,
                ended=ended,
                n_run=len(todo),
                parent_cpu_seconds=time.process_time() - clock,
            )
        return ""

    def _todo(self, store, plan):
        """Jobs that have no result, or one that is to be tried again."""
        o = self.options
        statuses, scored = store.statuses(), store.scored()
        rows = {task["id"]: task["n_rows"] for task in plan.tasks}
        done = set(FINAL) - set(o.retry)
        todo = []
        for job, _ in plan.jobs:
            if job is None:
                continue
            status = statuses.get(job.key)
            if status in done:
                if status != "ok" or set(job.metrics) <= scored.get(job.key, set()):
                    continue
                if self._score_stored(store, job, plan.task_types[job.task.id]):
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
    def _score_stored(store, job, task_type):
        """Compute a missing metric from stored predictions if there are any."""
        arrays = store.load_predictions(job.key)
        if arrays is None:
            return False
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
        with make_progress(o.progress, len(todo)) as progress:
            try:
                with contextlib.closing(self._stream(store, pending.values())) as jobs:
                    for outcome in jobs:
                        job = pending.pop(outcome.key)
                        fold = f"{job.repeat}.{job.fold}"
                        label = f"{job.task.id} {job.method.name} {fold}"
                        if outcome.status == "pending":
                            ended = "budget"
                        else:
                            store.add(outcome, environment_id)
                        progress.update(outcome, label)
            except KeyboardInterrupt:
                progress.note("Interrupted; finished jobs are kept.")
                ended = "interrupted"
        return ended

    def _stream(self, store, jobs):
        """Run CPU jobs on the backend; GPU jobs one at a time on this machine."""
        o = self.options
        jobs = list(jobs)
        gpu = [job for job in jobs if job.method.gpu and job.device != "cpu"]
        cpu = [job for job in jobs if not (job.method.gpu and job.device != "cpu")]
        options = {"inner_threads": o.inner_threads, "scheduler": o.scheduler}
        if o.backend == "sequential":
            yield from self._run_here(store, [*cpu, *gpu])
            return
        yield from run_on_backend(cpu, o.backend, n_jobs=o.n_jobs, **options)
        yield from run_on_backend(gpu, "loky", n_jobs=1, **options)

    @staticmethod
    def _run_here(store, jobs):
        """Run jobs in this process, but one that has ended an earlier run.

        The store knows which job is under way, so that a run that died with one does
        not die with it again.
        """
        fatal = store.marked()

        def mark(job):
            job = replace(job, isolate=job.isolate or job.key == fatal)
            if not job.isolate:
                store.mark(job.key)
            return job

        marked = map(mark, jobs)
        try:
            yield from run_on_backend(
                marked, "sequential", n_jobs=1, inner_threads=None, scheduler=None
            )
        finally:
            store.mark(None)


def _printer(kind):
    if kind == "none":
        return lambda text: None
    return lambda text: print(text, file=sys.stderr, flush=True)  # noqa: T201


def make_plan(tasks, methods, options):
    """Plan the jobs of a run."""
    return plan_jobs(
        tasks,
        methods,
        metrics=options.metrics,
        seed=options.seed,
        lite=options.lite,
        n_tune=options.tune,
        strict_env=options.strict_env,
        device=resolve_device(options.device, methods),
    )


def refuse_duplicates(tasks, methods):
    """Two of one name would write over each other's results."""
    for kind, things in (("Task", tasks), ("Method", methods or ())):
        names = [getattr(thing, "id", None) or thing.name for thing in things]
        for name in names:
            if names.count(name) > 1:
                raise BenchmarkError(
                    f"{kind} {name!r} is named twice; give each {kind.lower()} a name "
                    "of its own."
                )


def _announce(plan, say, progress):
    """Say what a person should know before the jobs run."""
    for note in plan.notes:
        if progress == "none":
            warn_user(note)
        say(note)
    if plan.jobs:
        for reason in dict.fromkeys(plan.unavailable.values()):
            names = [name for name, why in plan.unavailable.items() if why == reason]
            say(f"Left out: {', '.join(names)}: {reason}")
        for name, reason in plan.broken.items():
            say(f"Task {name} failed: {reason}")


def _nothing_to_do(plan):
    failed = {**plan.broken, **plan.unavailable}
    if not failed:
        kinds = ", ".join(sorted(set(plan.task_types.values()))) or "none"
        return (
            "Nothing to run: no chosen method can do any chosen task (kinds of "
            f"tasks: {kinds}); see 'skext bench list methods'."
        )
    first, reason = next(iter(failed.items()))
    if plan.broken:
        if len(failed) == 1:
            return f"Nothing to run: task {first!r} failed: {reason}"
        return (
            f"Nothing to run: none of the {len(failed)} chosen tasks can be used. The "
            f"first, {first!r}: {reason}"
        )
    return (
        f"Nothing to run: none of the {len(failed)} chosen tasks has its data "
        f"here. The first: {reason}"
    )


def resolve_device(device, methods):
    """``"cuda"`` or ``"cpu"`` for "auto".

    Asking loads torch, which takes seconds, so only a GPU method makes us ask.
    """
    if device != "auto":
        return device
    if methods is None:
        # Without a track a method runs only if it is named.
        methods = [method for method in METHODS.values() if method.tracks]
    if any(method.gpu and method.missing() is None for method in methods):
        with contextlib.suppress(ImportError):
            import torch

            return "cuda" if torch.cuda.is_available() else "cpu"
    return "cpu"


def _environment_id():
    text = json.dumps([library_versions(), cpu_model()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
