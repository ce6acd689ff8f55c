"""Where jobs run: any joblib backend, results streamed back as they come."""

import contextlib
import functools
import os

import joblib

from skext.benchmark._child import leave_with
from skext.benchmark._limits import run_limited
from skext.benchmark._parsing import unknown
from skext.exceptions import BenchmarkError
from skext.utils._optional import optional_import

BACKENDS = ("loky", "sequential", "dask", "ray")

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@contextlib.contextmanager
def backend_context(name, *, n_jobs, inner_threads, scheduler):
    """Make a backend current and say how many workers it has.

    Parameters
    ----------
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
    n_workers : int
        Number of jobs that run at the same time.
    """
    if name not in (None, *BACKENDS):
        raise unknown("backend", name, BACKENDS)
    if n_jobs == 0:
        raise BenchmarkError("Number of workers 0 must be positive, or -1 for all.")
    if name is None:
        with joblib.parallel_config(n_jobs=n_jobs):
            yield joblib.effective_n_jobs(n_jobs)
    elif name == "sequential":
        yield 1
    elif name == "loky":
        workers = _workers(n_jobs)
        # An explicit number of threads or joblib's cores // workers.
        with joblib.parallel_config(
            "loky", n_jobs=workers, inner_max_num_threads=inner_threads
        ):
            yield workers
    elif name == "dask":
        with _dask_client(n_jobs, inner_threads, scheduler) as workers:
            yield workers
    else:
        with _ray(n_jobs, inner_threads, scheduler) as workers:
            yield workers


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


def stream(jobs, n_workers, *, sequential):
    """Run jobs and yield their outcomes in the order of completion.

    Parameters
    ----------
    jobs : iterator of Job
        Consumed only a little ahead of the workers.
    n_workers : int
        Jobs at the same time.
    sequential : bool
        Run in this process.

    Yields
    ------
    outcome : Outcome
        One for each job.
    """
    if sequential:
        yield from map(run_limited, jobs)
        return
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
