"""Jobs under a time or memory limit run in a child process that can be killed.

A signal cannot interrupt compiled code, so a limit that holds needs a process of
its own. Each worker keeps one child and reuses it until a job has to be killed.
"""

import contextlib
import threading
import time

from skext.benchmark._child import Child, ChildDied
from skext.benchmark._jobs import Outcome, run_job

_of_this_thread = threading.local()


def run_limited(job) -> Outcome:
    """Run a job, in a killable child if it has a limit or must be isolated."""
    if job.time_limit is None and job.memory_limit is None and not job.isolate:
        return run_job(job)
    if job.deadline is not None and time.time() > job.deadline:
        return Outcome(job.key, "pending")
    child = _child()
    try:
        # The first job of a child pays for imports; that is not the job's time.
        child.call(_ready, timeout=300)
        return child.call(_run_in_child, job, timeout=job.time_limit)
    except TimeoutError:
        _drop(child)
        limit = f"{job.time_limit:g} s" if job.time_limit else "300 s for the start"
        return _ended(job, "timeout", f"killed after the time limit of {limit}")
    except ChildDied as exc:
        _drop(child)
        if job.memory_limit is None:
            return _ended(job, "failed", f"the process of the job died: {exc}")
        limit = f"{job.memory_limit / 2**20:.0f} MiB"
        text = f"the process died under the memory limit of {limit}: {exc}"
        return _ended(job, "memory", text)
    except Exception as exc:
        # The job could not be sent or its answer not be read.
        _drop(child)
        last = str(exc).strip().splitlines()[-1]
        outcome = _ended(job, "failed", last[:500])
        outcome.traceback = str(exc)[-8000:]
        return outcome


def _ended(job, status, error):
    return Outcome(job.key, status, error=error, finished=time.time())


def _child():
    child = getattr(_of_this_thread, "child", None)
    if child is None:
        child = _of_this_thread.child = Child()
    return child


def _drop(child):
    _of_this_thread.child = None
    child.kill()


@contextlib.contextmanager
def closing_child():
    """End the child of this thread with the block, if there is one."""
    try:
        yield
    finally:
        child = getattr(_of_this_thread, "child", None)
        if child is not None:
            _drop(child)


def _ready():
    import sklearn.pipeline  # noqa: F401

    return True


def _run_in_child(job):
    with memory_limit(job.memory_limit):
        return run_job(job)


@contextlib.contextmanager
def memory_limit(n_bytes):
    """Limit how much address space a block may add (POSIX; elsewhere no limit)."""
    if n_bytes is None:
        yield
        return
    try:
        import resource
    except ImportError:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _address_space() + n_bytes
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space():
    try:
        with open("/proc/self/statm") as statm:
            pages = int(statm.read().split()[0])
    except OSError:
        return 0
    import resource

    return pages * resource.getpagesize()
