import operator
import os
import signal
import sys
import time

import pytest

from skext.benchmark._engine.child import Child, ChildDied
from skext.benchmark._engine.limits import memory_limit


@pytest.fixture
def child():
    child = Child()
    yield child
    child.kill()


def test_calls_are_answered_in_order(child):
    assert [child.call(operator.mul, 2, x) for x in range(3)] == [0, 2, 4]
    assert child.call(os.getpid) != os.getpid()


def test_functions_of_main_travel_by_value(child):
    assert child.call(lambda x: x + 1, 41) == 42


def test_what_a_job_prints_does_not_disturb_the_answers(child):
    def chatty():
        print("to standard output")
        os.write(1, b"straight to the descriptor\n")
        return "answer"

    assert child.call(chatty) == "answer"


def test_an_exception_comes_back_as_text(child):
    def fails():
        raise KeyError("lost")

    with pytest.raises(RuntimeError, match="KeyError: 'lost'"):
        child.call(fails)
    assert child.call(operator.mul, 2, 4) == 8


def test_an_endless_call_can_be_killed(child):
    def endless():
        while True:
            pass

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        child.call(endless, timeout=0.5)
    child.kill()
    assert time.monotonic() - began < 10


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_death_is_named(child):
    with pytest.raises(ChildDied, match="SIGKILL"):
        child.call(os.kill, child.call(os.getpid), signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is enforced on Linux")
def test_memory_limit_bounds_what_is_added(child):
    def allocate(n_bytes):
        import numpy as np

        with memory_limit(300_000_000):
            return np.ones(n_bytes // 8).nbytes

    assert child.call(allocate, 100_000_000) == 100_000_000
    with pytest.raises(RuntimeError, match="Unable to allocate"):
        child.call(allocate, 800_000_000)
    # The limit ends with the block.
    assert child.call(lambda: bytearray(800_000_000) is not None)


def test_child_ends_with_its_parent(tmp_path):
    import subprocess

    code = (
        "import os, sys, time\n"
        "from skext.benchmark._engine.child import Child\n"
        "child = Child()\n"
        "print(child.call(os.getpid), flush=True)\n"
        "child.call(time.sleep, 60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _alive(pid):
            break
        time.sleep(0.1)
    assert not _alive(pid)


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody waits for counts as ended.
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().split()[2] != "Z"
    except OSError:
        return True
