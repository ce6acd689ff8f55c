"""A child process for one worker's jobs, which can be killed at any moment.

The standard pools refuse to start processes from daemonic ones, and dask's workers
are daemonic; a plain subprocess that speaks pickle over its pipes has no such rule.
"""

import atexit
import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
import traceback

import cloudpickle


class ChildDied(RuntimeError):
    """The child ended without an answer."""


class Child:
    """Run functions in a child process, one at a time."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from skext.benchmark._child import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        self._answers = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        atexit.register(self.kill)

    def _read(self):
        try:
            while True:
                self._answers.put(pickle.load(self._process.stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._answers.put(None)

    def call(self, function, *args, timeout=None):
        """Call ``function(*args)`` in the child.

        Raises
        ------
        TimeoutError
            If there is no answer in time. The child is then good for nothing but
            :meth:`kill`.
        ChildDied
            If the child ended.
        """
        try:
            self._process.stdin.write(cloudpickle.dumps((function, args)))
            self._process.stdin.flush()
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError from None
        except OSError:
            answer = None
        if answer is None:
            code = self._process.wait(timeout=10)
            raise ChildDied(_describe_exit(code))
        failed, value = answer
        if failed:
            raise RuntimeError(value)
        return value

    def kill(self):
        """End the child whatever it does."""
        atexit.unregister(self.kill)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


def _describe_exit(code):
    if code >= 0:
        return f"exit code {code}"
    import signal

    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def serve():
    """Answer calls until the pipe closes; the main loop of the child."""
    # What a job prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    leave_with(os.getppid())
    while True:
        try:
            function, args = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        except Exception:
            answer = (True, traceback.format_exc())
        else:
            try:
                answer = (False, function(*args))
            except Exception:
                answer = (True, traceback.format_exc())
        answers.write(cloudpickle.dumps(answer))
        answers.flush()


def leave_with(parent):
    """End this process once its parent is gone, even in the middle of a job.

    Parameters
    ----------
    parent : int
        Process to follow; nothing happens if it is not the parent of this one.
    """
    if os.getppid() == parent and parent not in _followed:
        _followed.add(parent)
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


_followed = set()


def _follow(parent):
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
