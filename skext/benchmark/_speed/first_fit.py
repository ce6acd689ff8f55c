"""What the first fit in a new process costs: with no cache of kernels, and with one."""

import csv
import fnmatch
import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.warm_up import Example
from skext.exceptions import BenchmarkError
from skext.utils._environment import THREAD_VARIABLES

_CHILD = Path(__file__).with_name("first_fit_child.py")


@dataclass
class FirstFit:
    """CPU seconds of one example.

    Attributes
    ----------
    name : str
        Name of the example.
    status : {"ok", "skipped", "failed"}
        Skipped is what needs a package that is not installed.
    reason : str
        Why it is not "ok".
    imports, first, second : float
        Import of the package, first and second fit in a process without a cache.
    cached_imports, cached_first, cached_second : float
        The same in another process, with the cache that the first one left.
    above_trivial : float
        What the first fit with a cache costs more than the second, above what a
        trivial kernel costs so.
    compiled : float
        Seconds in which numba compiled in the first process.
    n_kernels, n_dragged_in : int
        Signatures of kernels of skext that were compiled, and of functions of numba
        that these call.
    recompiled : int
        Signatures that were compiled again in spite of the cache.
    kernels : dict of str to float
        Seconds of each kernel without the ones that it calls, slowest first.
    """

    name: str
    status: str = "ok"
    reason: str = ""
    imports: float | None = None
    first: float | None = None
    second: float | None = None
    cached_imports: float | None = None
    cached_first: float | None = None
    cached_second: float | None = None
    above_trivial: float | None = None
    compiled: float | None = None
    n_kernels: int | None = None
    n_dragged_in: int | None = None
    recompiled: int | None = None
    kernels: dict = field(default_factory=dict)

    def to_dict(self):
        """Plain values."""
        return asdict(self)


def select_examples(examples, names):
    """Examples by name, by class or by glob; all if no name is given."""
    if not names:
        return list(examples)
    chosen = {}
    for pattern in names:
        found = [
            e
            for e in examples
            if any(
                fnmatch.fnmatchcase(name, pattern)
                for name in (e.name, type(e.estimator).__name__)
            )
        ]
        if not found:
            raise unknown("estimator", pattern, [e.name for e in examples])
        chosen.update((e.name, e) for e in found)
    return list(chosen.values())


def run_first_fits(examples, *, n_jobs=1):
    """Measure examples, each in two new processes that share a cache of their own.

    Parameters
    ----------
    examples : list of Example
        What to measure.
    n_jobs : int, default=1
        How many to measure at the same time; -1 is all cores. CPU seconds of
        neighbours on one processor are some percent higher.

    Yields
    ------
    found : FirstFit
        One for each example.
    """
    idle = _awakening()
    n_jobs = (os.cpu_count() or 1) if n_jobs < 0 else n_jobs
    with ThreadPoolExecutor(n_jobs) as pool:
        try:
            yield from pool.map(lambda example: _first_fit(example, idle), examples)
        finally:
            pool.shutdown(cancel_futures=True)


def _awakening():
    """Seconds that a trivial kernel costs at its first call although it is cached."""
    X = np.zeros((2, 2))
    _, *warm = _processes(Example("", "numba", None, X, None), 3)
    if not warm:
        raise BenchmarkError("numba cannot compile here; see 'numba -s'.")
    return min(found["seconds"]["first"] - found["seconds"]["second"] for found in warm)


def _processes(example, n_processes=2):
    """Measure in several processes, of which the first finds no cache of kernels.

    If that one fails, it is the only one.
    """
    with tempfile.TemporaryDirectory(prefix="skext-first-fit-") as folder:
        folder = Path(folder)
        given = folder / "example.pkl"
        given.write_bytes(pickle.dumps((example.estimator, example.X, example.y)))
        environment = {
            **os.environ,
            **dict.fromkeys(THREAD_VARIABLES, "1"),
            "NUMBA_CACHE_DIR": str(folder / "kernels"),
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        }
        found = []
        while len(found) < n_processes and "reason" not in (found or [{}])[-1]:
            found.append(_process(example.module, given, environment))
        return found


def _process(module, given, environment):
    out = given.with_name("found.json")
    out.unlink(missing_ok=True)
    # -P: the folder of the file is no place to import from.
    ended = subprocess.run(
        [sys.executable, "-P", str(_CHILD), module, str(given), str(out)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if out.exists():
        return json.loads(out.read_text())
    last = ended.stderr.strip().splitlines()[-1:]
    reason = f"its process ended with {ended.returncode}"
    return {"status": "failed", "reason": ": ".join([reason, *last])}


def _first_fit(example, idle):
    *_, last = found = _processes(example)
    if "reason" in last:
        return FirstFit(example.name, last["status"], last["reason"])
    cold, warm = found
    kernels = {name: sum(times) for name, times in cold["kernels"].items()}
    counts = {name: len(times) for name, times in cold["kernels"].items()}
    n_kernels = sum(n for name, n in counts.items() if not name.startswith("numba."))
    slowest = sorted(kernels.items(), key=lambda item: -item[1])
    one, two = cold["seconds"], warm["seconds"]
    return FirstFit(
        example.name,
        imports=one["import"],
        first=one["first"],
        second=one["second"],
        cached_imports=two["import"],
        cached_first=two["first"],
        cached_second=two["second"],
        above_trivial=two["first"] - two["second"] - idle,
        compiled=sum(kernels.values()),
        n_kernels=n_kernels,
        n_dragged_in=sum(counts.values()) - n_kernels,
        recompiled=sum(map(len, warm["kernels"].values())),
        kernels=dict(slowest),
    )


def too_slow(reports, max_seconds):
    """Choose the reports whose first fit takes longer; none if there is no bar."""
    if max_seconds is None:
        return []
    return [r for r in reports if r.first is not None and r.first > max_seconds]


# How it is told

COLUMNS = (
    *("estimator", "import", "first", "second", "cached first", "above trivial"),
    *("kernels", "compiled", "slowest kernels"),
)


def table_row(found, n_kernels=3):
    """Cells of one row below ``COLUMNS``."""
    if found.status != "ok":
        return (found.name, *[""] * 7, f"{found.status}: {found.reason}")
    times = (
        *(found.imports, found.first, found.second, found.cached_first),
        found.above_trivial,
    )
    slowest = list(found.kernels.items())[:n_kernels]
    return (
        found.name,
        *(f"{seconds:.2f}" for seconds in times),
        f"{found.n_kernels} + {found.n_dragged_in}",
        f"{found.compiled:.2f}",
        ", ".join(f"{name.rpartition('.')[2]} {s:.2f}" for name, s in slowest),
    )


def as_csv(reports) -> str:
    """One line for each example, the kernels in the last column."""
    names = [entry.name for entry in fields(FirstFit)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for report in reports:
        row = report.to_dict()
        row["kernels"] = " ".join(f"{k}={s:.4f}" for k, s in row["kernels"].items())
        writer.writerow([row[name] for name in names])
    return text.getvalue()
