"""Where jobs run: processes of ours or any joblib backend, results as they come."""

import contextlib
import functools
import itertools
import os
import tempfile
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import cloudpickle
import joblib

from skext.benchmark._engine.child import leave_with
from skext.benchmark._engine.limits import ChildPool, run_limited
from skext.benchmark._engine.tasks import StoredArrays
from skext.exceptions import BenchmarkError
from skext.utils._environment import THREAD_VARIABLES
from skext.utils._optional import optional_import

BACKENDS = ("loky", "sequential", "dask", "ray")


def run_on_backend(jobs, name, *, n_jobs, inner_threads, scheduler):
    """Run jobs and yield their outcomes in the order of completion.

    Parameters
    ----------
    jobs : list of Job
        What to run.
    name : {"loky", "sequential", "dask", "ray"} or None
        None takes the backend of an enclosing ``joblib.parallel_config``.
    n_jobs : int
        Workers; -1 is all cores (or all workers of the cluster).
    inner_threads : int or None
        Threads within a job; None is cores divided by workers.
    scheduler : str or None
        Address of a dask or ray cluster; None starts one on this machine.

    Yields
    ------
    outcome : Outcome
        One for each job.
    """
    if name == "sequential":
        with ChildPool() as pool:
            yield from (run_limited(job, pool) for job in jobs)
    elif name == "loky" or (name is None and _is_local()):
        yield from _run_in_children(jobs, _workers(n_jobs), inner_threads)
    else:
        # A cluster may wait for ever for a worker that has died, so each worker
        # keeps a child process for the jobs.
        jobs = [replace(job, isolate=True) for job in jobs]
        with _joblib_context(name, n_jobs, inner_threads, scheduler) as workers:
            yield from _run_by_joblib(jobs, workers)


def _is_local():
    """Whether joblib would use processes or threads of this machine only."""
    backend = type(joblib.parallel.get_active_backend()[0]).__name__
    return backend in ("LokyBackend", "ThreadingBackend", "SequentialBackend")


@contextlib.contextmanager
def _joblib_context(name, n_jobs, inner_threads, scheduler):
    """Make a backend of joblib current and say how many workers it has."""
    if name is None:
        with joblib.parallel_config(n_jobs=n_jobs):
            yield joblib.effective_n_jobs(n_jobs)
    elif name == "dask":
        with _dask_client(n_jobs, inner_threads, scheduler) as workers:
            yield workers
    else:
        with _ray(n_jobs, inner_threads, scheduler) as workers:
            yield workers


def _run_in_children(jobs, n_workers, inner_threads):
    """Run jobs in child processes, one for each worker."""
    environment = _thread_variables(n_workers, inner_threads)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="skext-"))
        workers = stack.enter_context(ThreadPoolExecutor(n_workers))
        # Closed first, so that no thread waits for a job that nobody wants.
        pool = stack.enter_context(ChildPool(environment))
        tasks = {}

        def start(job):
            if job.task.id not in tasks:
                path = Path(folder) / f"{len(tasks)}.pickle"
                tasks[job.task.id] = _put_down(job.task, path)
            job = replace(job, task=tasks[job.task.id], isolate=True)
            return workers.submit(run_limited, job, pool)

        jobs = iter(jobs)
        running = {start(job) for job in itertools.islice(jobs, n_workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {start(job) for job in itertools.islice(jobs, len(done))}
            for future in done:
                yield future.result()


def _thread_variables(n_workers, inner_threads):
    """Variables that share the cores among the workers; one may use what is there."""
    if n_workers == 1 and inner_threads is None:
        return {}
    threads = inner_threads or max(1, joblib.cpu_count() // n_workers)
    general = os.environ.get("OMP_NUM_THREADS")
    found = {
        name: str(inner_threads or os.environ.get(name) or general or threads)
        for name in THREAD_VARIABLES
    }
    # What joblib takes for all cores within a job.
    return {**found, "LOKY_MAX_CPU_COUNT": str(threads)}


def _put_down(task, path):
    """Write data given in memory to a file, so that they are not sent with each job."""
    if task.arrays is None:
        return task
    try:
        with open(path, "wb") as file:
            cloudpickle.dump(task.arrays, file)
    # What cannot be pickled fails in its jobs, where it is recorded.
    except Exception:
        return task
    return replace(task, arrays=StoredArrays(str(path)))


def _workers(n_jobs):
    return joblib.cpu_count() if n_jobs == -1 else joblib.effective_n_jobs(n_jobs)


@contextlib.contextmanager
def _dask_client(n_jobs, inner_threads, scheduler):
    distributed = optional_import(
        "dask.distributed", extra="dask", purpose="The dask backend"
    )
    dask = optional_import("dask", extra="dask")
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            n_workers = _workers(n_jobs)
            # dask limits OMP, MKL and OpenBLAS in its workers but not numba.
            threads = {name: str(inner_threads or 1) for name in THREAD_VARIABLES}
            stack.enter_context(
                dask.config.set({"distributed.nanny.pre-spawn-environ": threads})
            )
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    dashboard_address=None,
                )
            )
            client = stack.enter_context(distributed.Client(cluster))
        else:
            client = stack.enter_context(_connect(distributed, scheduler))
        workers = sum(client.nthreads().values())
        if n_jobs > 0:
            workers = min(workers, n_jobs)
        with joblib.parallel_config("dask", n_jobs=workers):
            yield max(workers, 1)


def _connect(distributed, scheduler):
    try:
        return distributed.Client(scheduler, timeout="20s", set_as_default=True)
    except (OSError, ValueError) as exc:
        raise BenchmarkError(
            f"No dask scheduler answers at {scheduler!r} ({exc}); start one with "
            "'dask scheduler' and give its address, such as 'tcp://127.0.0.1:8786'."
        ) from exc


@contextlib.contextmanager
def _ray(n_jobs, inner_threads, scheduler):
    ray = optional_import("ray", extra="ray", purpose="The ray backend")
    from ray.util.joblib import register_ray

    register_ray()
    threads = {name: str(inner_threads or 1) for name in THREAD_VARIABLES}
    options = {"runtime_env": {"env_vars": threads}, "log_to_driver": False}
    started = not ray.is_initialized()
    if started:
        if scheduler is None:
            options["num_cpus"] = _workers(n_jobs)
            options["include_dashboard"] = False
        else:
            options["address"] = scheduler
        ray.init(**options)
    try:
        workers = int(ray.cluster_resources().get("CPU", 1))
        workers = workers if n_jobs == -1 else min(workers, n_jobs)
        with joblib.parallel_config("ray", n_jobs=workers):
            yield workers
    finally:
        if started:
            ray.shutdown()


def _run_by_joblib(jobs, n_workers):
    """Run jobs on the current backend of joblib."""
    call = functools.partial(joblib.delayed(_run_for), os.getpid())
    parallel = (
        joblib.Parallel(
            return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs"
        )
        if _streams()
        else None
    )
    if parallel is not None:
        yield from parallel(call(job) for job in jobs)
        return
    # Some backends (multiprocessing, ray) only return lists: block by block.
    jobs = iter(jobs)
    while block := [job for _, job in zip(range(4 * n_workers), jobs, strict=False)]:
        yield from joblib.Parallel(batch_size=1)(call(job) for job in block)


def _run_for(runner, job):
    """Run a job of a runner; a local worker does not outlive it."""
    leave_with(runner)
    return run_limited(job)


def _streams():
    backend = joblib.Parallel()._backend
    return getattr(backend, "supports_return_generator", False)
