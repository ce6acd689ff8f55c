"""Memory beyond the data: bounded, whatever the number of rows."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA

pytest.importorskip("resource")

PRELUDE = """
import resource, sys
import numpy as np
from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA

path, n, d = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
out = np.memmap(path, dtype=np.float32, mode="w+", shape=(n, d))
y = rng.integers(0, 5, n)
means = rng.normal(size=(5, d))
for start in range(0, n, 1000):
    block = rng.normal(size=(1000, d)) + means[y[start : start + 1000]]
    out[start : start + 1000] = block
out.flush()
del out

def models():
    return [
        LinearGaussianNB(temperature=0.5),
        NearestClassMean(metric="cosine"),
        ShrinkageLDA(),
    ]

def use(model, X, y):
    model.predict(X), model.predict_proba(X[:1000]), model.decision_function(X[:1000])

def used(kind):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(kind):
                return int(line.split()[1]) * 1024

# Compile and load everything before the limit.
for model in models():
    X = np.memmap(path, dtype=np.float32, mode="r", shape=(2000, d))
    use(model.fit(X, y[:2000]), X, y[:2000])
    use(model.partial_fit(X[:500], y[:500]), X, y)
del X
"""

WINDOWS = """
limit = used("VmSize") + 48 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    np.memmap(path, dtype=np.float32, mode="r", shape=(n, d))
except OSError:
    pass
else:
    raise AssertionError("the limit does not hold")
for model in models():
    for start in range(0, n, 5000):
        offset = start * d * 4
        X = np.memmap(path, np.float32, "r", offset=offset, shape=(5000, d))
        model.partial_fit(X, y[start : start + 5000])
    assert model.class_count_.sum() == n
    assert np.mean(model.predict(X) == y[start : start + 5000]) > 0.9
"""

WHOLE = """
limit = used("VmData") + 48 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
X = np.memmap(path, dtype=np.float32, mode="r", shape=(n, d))
try:
    np.array(X)
except MemoryError:
    pass
else:
    raise AssertionError("the limit does not hold")
for model in models():
    model.fit(X, y)
    assert np.mean(model.predict(X) == y) > 0.9
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
@pytest.mark.parametrize("body", [WINDOWS, WHOLE], ids=["windows", "whole"])
def test_memory_map_larger_than_the_limit(tmp_path, body):
    command = [
        sys.executable,
        "-c",
        PRELUDE + body,
        str(tmp_path / "X"),
        "200000",
        "80",
    ]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def peak_of(call):
    """Megabytes that a call allocates at most."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


@pytest.mark.parametrize(
    "model",
    [
        LinearGaussianNB(),
        LinearGaussianNB(shrinkage="loo"),
        NearestClassMean(),
        NearestClassMean(metric="cosine"),
        NearestClassMean(feature_transform="center-l2"),
        ShrinkageLDA(),
        ShrinkageLDA(shrinkage="loo"),
        ShrinkageLDA(shrinkage="ledoit-wolf"),
    ],
    ids=repr,
)
def test_peak_does_not_grow_with_the_rows(model):
    n, d = 100_000, 100
    X = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    y = np.arange(n) % 7
    data = X.nbytes / 2**20

    def run():
        model.fit(X, y)
        model.predict(X)

    run()
    # Labels and their positions, weights and counts have the length of the data.
    per_row = 14 * 8 * n / 2**20
    assert peak_of(run) < per_row + 26
    assert data > 38
