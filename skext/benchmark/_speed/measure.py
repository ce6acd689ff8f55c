"""Speed ratios against named peers, measured so that a busy machine cannot lie.

Both sides run in one process on the same data, their results are compared first,
and then they are timed in turn (ours, peer, peer, ours, ...). With one thread the
CPU time counts, which other processes do not disturb; with several the wall time
counts, which asks for an idle machine.
"""

import fnmatch
import time
from dataclasses import asdict, dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from skext.benchmark._engine.jobs import peak_memory_mb, reset_peak_memory
from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.track import speed_cases
from skext.exceptions import BenchmarkError
from skext.utils._environment import library_versions


@dataclass
class SpeedReport:
    """Measured ratio, peer's time over ours.

    Attributes
    ----------
    ratio : float
        Median of the ratios of neighbouring runs.
    low, high : float
        Bootstrap interval of the median at 95 %.
    ours, peer : float
        Median seconds.
    first_call : float
        Seconds of our first call, with loading or compiling the kernels.
    ours_mb, peer_mb : float or None
        Peak memory above what was held before the call, in MiB.
    """

    case: str
    peer_name: str
    size: str
    shape: tuple
    threads: int
    clock: str
    ratio: float
    low: float
    high: float
    ours: float
    peer: float
    first_call: float
    n_pairs: int
    ours_mb: float | None = None
    peer_mb: float | None = None
    versions: dict = field(default_factory=dict)

    def to_dict(self):
        """Plain values."""
        return asdict(self)


def measure(case, size, *, threads=1, n_pairs=9):
    """Measure one case at one size.

    Parameters
    ----------
    case : SpeedCase
        What to compare.
    size : str
        Key of ``case.sizes``.
    threads : int, default=1
        Threads that both may use.
    n_pairs : int, default=9
        Number of pairs of runs.

    Returns
    -------
    report : SpeedReport
        Ratio with interval, times and memory.
    """
    data = case.make(*case.sizes[size])
    share = 1.0 if case.peer_share is None else case.peer_share(data)
    clock = time.process_time if threads == 1 else time.perf_counter
    with threadpool_limits(threads):
        began = clock()
        ours = case.ours(data, threads)
        first_call = clock() - began
        case.check(ours, case.peer(data, threads), data)
        del ours
        times = np.empty((n_pairs, 2))
        for pair in range(n_pairs):
            order = (0, 1) if pair % 2 == 0 else (1, 0)
            for side in order:
                call = (case.ours, case.peer)[side]
                began = clock()
                call(data, threads)
                times[pair, side] = clock() - began
        memory = [_extra_memory(call, data, threads) for call in (case.ours, case.peer)]
    times[:, 1] /= share
    ratios = times[:, 1] / np.maximum(times[:, 0], 1e-9)
    low, high = _median_interval(ratios)
    return SpeedReport(
        case=case.name,
        peer_name=case.peer_name,
        size=size,
        shape=case.sizes[size],
        threads=threads,
        clock="CPU" if threads == 1 else "wall",
        ratio=float(np.median(ratios)),
        low=low,
        high=high,
        ours=float(np.median(times[:, 0])),
        peer=float(np.median(times[:, 1])),
        first_call=first_call,
        n_pairs=n_pairs,
        ours_mb=memory[0],
        peer_mb=memory[1],
        versions=library_versions(),
    )


def _median_interval(values, n_draws=2000):
    rng = np.random.default_rng(0)
    draws = rng.integers(0, values.size, size=(n_draws, values.size))
    medians = np.median(values[draws], axis=1)
    return float(np.quantile(medians, 0.025)), float(np.quantile(medians, 0.975))


def _extra_memory(call, data, threads):
    reset_peak_memory()
    before = peak_memory_mb()
    call(data, threads)
    after = peak_memory_mb()
    return None if before is None or after is None else max(after - before, 0.0)


def run_speed(names=(), *, threads=1, n_pairs=9, sizes=None):
    """Measure the chosen cases one after the other.

    Parameters
    ----------
    names : list of str, default=()
        Cases or globs; empty is all.
    threads, n_pairs : int
        As in :func:`measure`.
    sizes : list of str, default=None
        None is "small" and "typical"; a case that lacks a size leaves it out.

    Yields
    ------
    report : SpeedReport
        One for each case and size.
    """
    for case in select_cases(names):
        for size in sizes or ("small", "typical"):
            if size in case.sizes:
                yield measure(case, size, threads=threads, n_pairs=n_pairs)


def select_cases(names):
    """Cases by name or glob, all if no name is given, whose packages are here."""
    cases, chosen = speed_cases(), {}
    for name in names or ["*"]:
        found = fnmatch.filter(cases, name)
        if not found:
            raise unknown("speed case", name, cases)
        here = [key for key in found if cases[key].missing() is None]
        if not here:
            raise BenchmarkError(f"Speed case {name!r} {cases[found[0]].missing()}.")
        chosen.update((key, cases[key]) for key in here)
    return list(chosen.values())


def print_speed(report, say):
    """Print one measurement."""
    shape = " x ".join(str(n) for n in report.shape)
    memory = ""
    if report.ours_mb is not None:
        memory = f"; extra memory {report.ours_mb:.0f} against {report.peer_mb:.0f} MiB"
    say(
        f"{report.case} ({report.size}: {shape}, {report.threads} thread(s)): "
        f"{report.ratio:.2f}x {report.peer_name} "
        f"[{report.low:.2f}, {report.high:.2f}], "
        f"{report.clock} {report.ours * 1e3:.2f} against {report.peer * 1e3:.2f} ms, "
        f"first call {report.first_call:.2f} s{memory}"
    )
