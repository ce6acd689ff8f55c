"""Fixtures for all tests."""

import os

# Each worker of pytest-xdist has one core: threads that wait for one another by
# turning would steal it. It has to be set before numpy is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

# Without this scikit-learn's array API check skips itself in silence. It has to be
# set before scipy is imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# No test may reach the network.
os.environ["SKEXT_OFFLINE"] = "1"

import contextlib
import importlib.util
import random
import threading

import numpy as np
import pytest

# rich draws a random number when it is imported, wherever that happens first.
with contextlib.suppress(ImportError):
    import rich.style  # noqa: F401

# What others have made for the same purposes; most are in the extra "peers".
PEERS = ("clustpy", "mapie", "mord", "pgmax", "quantile_forest", "skordinal")

# Suites of others, which draw from the global state themselves.
FOREIGN = ("test_scikit_learn", "test_scikit_learn_checks", "test_imbalanced_learn")


@pytest.fixture(autouse=True)
def guard_random_state(request):
    """Fail a test after which a global random state has moved."""
    legacy, plain = np.random.get_state(), random.getstate()
    yield
    moved = not np.array_equal(legacy[1], np.random.get_state()[1])
    moved = moved or legacy[2:] != np.random.get_state()[2:]
    if moved or plain != random.getstate():
        np.random.set_state(legacy)
        random.setstate(plain)
        if request.node.originalname in FOREIGN:
            return
        pytest.fail("the test changed a global random state")


@pytest.fixture
def no_new_threads():
    """Fail a test that leaves a thread behind."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left, left


@pytest.fixture
def pyplot():
    """matplotlib's pyplot without a window; figures are closed afterwards."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.close("all")
    yield pyplot
    pyplot.close("all")


def pytest_terminal_summary(terminalreporter):
    """Say which peers nothing was compared with, and how many tests that left out."""
    absent = [name for name in PEERS if importlib.util.find_spec(name) is None]
    reasons = [str(r.longrepr) for r in terminalreporter.stats.get("skipped", ())]
    n_skipped = sum(any(f"'{name}'" in why for name in absent) for why in reasons)
    if n_skipped:
        terminalreporter.write_line(
            f"Peers that are not installed: {', '.join(absent)} ({n_skipped} tests "
            "skipped). Most of them are in the extra 'peers'."
        )
