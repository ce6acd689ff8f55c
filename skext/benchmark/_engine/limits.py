"""Jobs run in child processes, so that none can end more than itself.

A signal cannot interrupt compiled code either, so a limit that holds needs a process
of its own. A pool keeps its children and reuses them until a job has to be killed.
"""

import contextlib
import sys
import threading
import time

import cloudpickle

from skext.benchmark._engine.child import Child, ChildDied, UnreadError
from skext.benchmark._engine.jobs import Outcome, record_failure, run_job
from skext.benchmark._engine.text import printable

START_LIMIT = 300.0


class ChildPool:
    """Children that wait for work; as many as were needed at the same time.

    Parameters
    ----------
    environment : dict of str to str, default=None
        Variables to set in the children.
    """

    def __init__(self, environment=None):
        self._environment = environment
        self._lock = threading.Lock()
        self._idle, self._all = [], set()
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End all children, those at work included; none is started any more."""
        with self._lock:
            self.closed = True
            children, self._all, self._idle = self._all, set(), []
        for child in children:
            child.kill()

    def take(self, *, fresh=False):
        """Return a child to work with, a new one if ``fresh``."""
        with self._lock:
            if self.closed:
                raise ChildDied("the run has ended")
            if self._idle and not fresh:
                return self._idle.pop()
            child = Child(self._environment)
            self._all.add(child)
        # The first job of a child pays for imports; that is not the job's time.
        try:
            child.call(_ready, timeout=START_LIMIT)
        except TimeoutError:
            self.drop(child)
            raise ChildDied(f"it did not start within {START_LIMIT:g} s") from None
        except BaseException:
            self.drop(child)
            raise
        child.n_calls = 0
        return child

    def give(self, child):
        """Take a child back."""
        with self._lock:
            if not self.closed:
                self._idle.append(child)

    def drop(self, child):
        """End a child that is good for nothing any more."""
        with self._lock:
            self._all.discard(child)
        child.kill()

    def send(self, message, *, timeout=None):
        """Have a pickled call answered by a child.

        A child that dies may have been harmed by an earlier call, so the call is made
        once more in a new one.
        """
        for fresh in (False, True):
            child = self.take(fresh=fresh)
            used = child.n_calls > 0
            try:
                answer = child.send(message, timeout=timeout)
            except ChildDied:
                self.drop(child)
                if not used or self.closed:
                    raise
            except UnreadError:
                self.give(child)
                raise
            except BaseException:
                self.drop(child)
                raise
            else:
                self.give(child)
                return answer
        raise AssertionError("a new child has answered nothing before")


# Of a worker of dask, ray and the like, which lives as long as its process.
_of_this_process = ChildPool()


def run_limited(job, pool=None) -> Outcome:
    """Run a job, in a killable child if it has a limit or must be isolated."""
    if job.time_limit is None and job.memory_limit is None and not job.isolate:
        return run_job(job)
    if job.deadline is not None and time.time() > job.deadline:
        return Outcome(job.key, "pending")
    pool = _of_this_process if pool is None else pool
    try:
        message = cloudpickle.dumps((_run_in_child, (job,)))
    except Exception as exc:
        outcome = Outcome(job.key, "failed", finished=time.time())
        record_failure(outcome, exc)
        outcome.error = (
            f"the job cannot be sent to a worker ({outcome.error}); "
            "backend='sequential' needs no sending"
        )[:500]
        return outcome
    try:
        return _send(job, message, pool)
    except TimeoutError:
        text = f"killed after the time limit of {job.time_limit:g} s"
        return _ended(job, "timeout", text)
    except ChildDied as exc:
        if pool.closed:
            return Outcome(job.key, "pending")
        if job.memory_limit is None:
            return _ended(job, "failed", f"the process of the job died: {exc}")
        limit = f"{job.memory_limit / 2**20:.0f} MiB"
        text = f"the process died under the memory limit of {limit}: {exc}"
        return _ended(job, "memory", text)
    except Exception as exc:
        # The call could not be read, or the answer not be sent.
        text = printable(str(exc).strip() or type(exc).__name__)
        outcome = _ended(job, "failed", text.splitlines()[-1][:500])
        outcome.traceback = text[-8000:]
        return outcome


def _send(job, message, pool):
    """Have a job run; what a child cannot import it gets by value."""
    by_value = []
    while True:
        try:
            return pool.send(message, timeout=job.time_limit)
        except UnreadError as exc:
            module = sys.modules.get(exc.module or "")
            if module is None or module in by_value:
                raise
            by_value.append(module)
        with _by_value_lock:
            for module in by_value:
                cloudpickle.register_pickle_by_value(module)
            try:
                message = cloudpickle.dumps((_run_in_child, (job,)))
            finally:
                for module in by_value:
                    cloudpickle.unregister_pickle_by_value(module)


# What is registered holds for all threads.
_by_value_lock = threading.Lock()


def _ended(job, status, error):
    return Outcome(job.key, status, error=error, finished=time.time())


def _ready():
    import sklearn.pipeline  # noqa: F401

    return True


def _run_in_child(job):
    try:
        with memory_limit(job.memory_limit):
            return run_job(job)
    except KeyboardInterrupt as exc:
        # The user's does not reach the child, so the job has raised it.
        outcome = Outcome(job.key, "failed", finished=time.time())
        record_failure(outcome, exc)
        return outcome


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
