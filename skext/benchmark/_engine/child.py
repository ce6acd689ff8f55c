"""A child process for one worker's jobs, which can be killed at any moment.

The standard pools refuse to start processes from daemonic ones, and dask's workers
are daemonic; a plain subprocess that speaks pickle over its pipes has no such rule.
"""

import atexit
import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback

import cloudpickle

_LENGTH = 8


class ChildDied(RuntimeError):
    """The child ended without an answer."""


class UnreadError(RuntimeError):
    """The child could not read a call; ``module`` is what it cannot import, if so."""

    def __init__(self, text, module=None):
        super().__init__(text)
        self.module = module


class Child:
    """Run functions in a child process, one at a time.

    Parameters
    ----------
    environment : dict of str to str, default=None
        Variables to set beside those of this process.

    Attributes
    ----------
    n_calls : int
        Calls that were answered so far.
    """

    def __init__(self, environment=None):
        paths = os.pathsep.join(p for p in sys.path if p)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from skext.benchmark._engine.child import serve; serve()",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {}), "PYTHONPATH": paths},
            # A group of its own: Ctrl-C is for the run, which then ends its children,
            # and whatever a job has started can be ended with it.
            start_new_session=True,
        )
        self.n_calls = 0
        self._answers = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        atexit.register(self.kill)

    def _read(self):
        try:
            while True:
                self._answers.put(pickle.load(self._process.stdout))
        # Whatever cannot be read is no answer, and nothing after it can be trusted.
        except Exception:
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
        UnreadError
            If the child could not read the call.
        """
        return self.send(cloudpickle.dumps((function, args)), timeout=timeout)

    def send(self, message, *, timeout=None):
        """Do what :meth:`call` does with a call that is pickled already."""
        try:
            # Its length first: what cannot be read must not be mixed with the next.
            self._process.stdin.write(len(message).to_bytes(_LENGTH))
            self._process.stdin.write(message)
            self._process.stdin.flush()
            answer = self._wait(timeout)
        except TimeoutError:
            raise
        except (OSError, ValueError):
            answer = None
        if answer is None:
            raise ChildDied(self._how_it_ended())
        self.n_calls += 1
        kind, value = answer
        if kind == "unread":
            raise UnreadError(*value)
        if kind == "raised":
            raise RuntimeError(value)
        return value

    def _wait(self, timeout):
        """Wait for an answer or the end of the child.

        A process that the child has started may hold the pipe open when the child is
        gone, so both are watched.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 1.0 if end is None else end - time.monotonic()
            gone = self._has_ended()
            try:
                return self._answers.get(timeout=max(min(left, 1.0), 0.001))
            except queue.Empty:
                if gone:
                    return None
                if left <= 1.0 and end is not None and time.monotonic() >= end:
                    raise TimeoutError from None

    def _has_ended(self):
        """Whether the child has ended; it is not reaped, so its number stays taken."""
        if not hasattr(os, "waitid"):
            return self._process.poll() is not None
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        try:
            return os.waitid(os.P_PID, self._process.pid, flags) is not None
        except ChildProcessError:
            return True

    def _how_it_ended(self):
        end = time.monotonic() + 10
        while not self._has_ended():
            if time.monotonic() > end:
                return "it closed its pipes"
            time.sleep(0.01)
        self.kill()
        return _describe_exit(self._process.returncode)

    def kill(self):
        """End the child, and what it has started, whatever they do."""
        atexit.unregister(self.kill)
        if self._process.returncode is None:
            with contextlib.suppress(OSError, AttributeError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


def _describe_exit(code):
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def serve():
    """Answer calls until the pipe closes; the main loop of the child."""
    # What a job prints or reads must not get between the calls and their answers.
    answers, calls = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    itself = os.getpid()
    leave_with(os.getppid())
    while True:
        message = calls.read(int.from_bytes(calls.read(_LENGTH)))
        if not message:
            return
        try:
            function, args = pickle.loads(message)
        except BaseException as exc:
            answer = ("unread", (traceback.format_exc(), getattr(exc, "name", None)))
        else:
            try:
                answer = ("done", function(*args))
            # A job may raise anything, SystemExit and KeyboardInterrupt included.
            except BaseException:
                answer = ("raised", traceback.format_exc())
        if os.getpid() != itself:
            # A fork that the job has made and forgotten.
            os._exit(0)
        try:
            message = cloudpickle.dumps(answer)
        except Exception:
            message = cloudpickle.dumps(("raised", traceback.format_exc()))
        answers.write(message)
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
    with contextlib.suppress(OSError, AttributeError):
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
