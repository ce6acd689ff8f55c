"""One job: fit one method on one fold, score it, and never raise."""

import contextlib
import hashlib
import json
import os
import socket
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field

import numpy as np

from skext import __version__
from skext.benchmark._engine import metrics as _metrics
from skext.benchmark._engine.identity import fingerprint, source_of_skext
from skext.benchmark._engine.kinds import target_of
from skext.benchmark._engine.methods import TaskInfo, build
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.text import printable
from skext.utils._environment import library_versions
from skext.utils._tables import take_rows

FINAL = ("ok", "failed", "timeout", "memory")


@dataclass(frozen=True)
class Job:
    """One (task, method, repeat, fold) with all that a worker needs."""

    key: str
    task: object
    method: object
    repeat: int
    fold: int
    seed: int
    metrics: tuple
    data_sha256: str
    split_sha256: str
    n_tune: int = 0
    device: str = "cpu"
    keep_predictions: bool = False
    deadline: float | None = None
    time_limit: float | None = None
    memory_limit: int | None = None
    isolate: bool = False


@dataclass
class Outcome:
    """What came of a job. ``scores`` maps a metric to (value, reason if NaN)."""

    key: str
    status: str
    error: str = ""
    traceback: str = ""
    scores: dict = field(default_factory=dict)
    fit_time: float | None = None
    predict_time: float | None = None
    fit_cpu: float | None = None
    predict_cpu: float | None = None
    peak_rss_mb: float | None = None
    n_train: int | None = None
    n_test: int | None = None
    n_warnings: int = 0
    predictions: dict | None = None
    host: str = ""
    finished: float = 0.0


def job_key(
    loaded,
    method,
    *,
    seed,
    repeat,
    fold,
    info,
    n_tune,
    strict_env,
    content=None,
) -> str:
    """Identity of a job: equal keys mean that the fit need not be repeated.

    ``content`` is what :func:`content_of` says about the method, if it is known.
    """
    if content is None:
        content = content_of(method, method.make(info), n_tune)
    parts = {
        "suite": loaded.task.suite,
        "task": loaded.task.id,
        "task_type": loaded.task_type,
        "data": loaded.data_sha256,
        "split": loaded.split_sha256,
        "classes": loaded.classes,
        "categorical": loaded.categorical,
        "method": method.name,
        "preprocess": method.preprocess,
        "estimator": content,
        "version": __version__,
        "source": source_of_skext(),
        "seed": seed,
        "max_rows": loaded.task.max_rows,
        "repeat": repeat,
        "fold": fold,
    }
    if n_tune:
        parts["tune"] = [n_tune, info.primary_metric]
    if strict_env:
        parts["environment"] = library_versions()
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def content_of(method, estimator, n_tune) -> list:
    """Digests of all that a method is made of, for one task."""
    return [fingerprint(estimator), fingerprint(method.space) if n_tune else ""]


def run_job(job) -> Outcome:
    """Run a job where it stands. Whatever goes wrong becomes a status."""
    outcome = Outcome(job.key, "ok", host=f"{socket.gethostname()}:{os.getpid()}")
    if job.deadline is not None and time.time() > job.deadline:
        outcome.status = "pending"
        return outcome
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _fit_and_score(job, outcome)
        outcome.n_warnings = len(caught)
    except MemoryError as exc:
        # Let go of the frames that hold the big arrays before anything else.
        outcome.status, outcome.error = "memory", f"MemoryError: {exc}"
        exc.__traceback__ = None
    except KeyboardInterrupt:
        raise
    # SystemExit and the like end a program, and a job is none.
    except BaseException as exc:
        record_failure(outcome, exc)
    outcome.finished = time.time()
    return outcome


def record_failure(outcome, exc):
    """Write down why a job failed, whatever the exception is like."""
    outcome.status = "failed"
    try:
        lines = str(exc).strip().splitlines()
    except Exception:
        lines = ["(its text cannot be written)"]
    error = f"{type(exc).__name__}: {lines[0] if lines else ''}"[:500]
    outcome.error = printable(error)
    try:
        text = "".join(traceback.format_exception(exc))[-8000:]
        outcome.traceback = printable(text)
    except Exception:
        outcome.traceback = ""


def _fit_and_score(job, outcome):
    loaded = load_task(job.task)
    if (loaded.data_sha256, loaded.split_sha256) != (job.data_sha256, job.split_sha256):
        raise RuntimeError(
            f"Task {job.task.id!r} has other data or splits on this worker than where "
            "the run was started; give all machines the same data home and versions."
        )
    train, test = loaded.split(job.repeat, job.fold)
    X_train, X_test = take_rows(loaded.X, train), take_rows(loaded.X, test)
    y_train, y_test = loaded.y[train], loaded.y[test]
    outcome.n_train, outcome.n_test = len(train), len(test)
    info = TaskInfo.of(loaded, primary_metric=job.metrics[0], device=job.device)
    estimator = build(job.method, info, seed=job.seed, n_tune=job.n_tune)
    reset_peak_memory()
    clock = _Clock()
    if target_of(loaded.task_type) == "clusters":
        # The labels of the rows themselves; not every clustering knows new rows.
        labels = np.asarray(estimator.fit_predict(X_train), dtype=np.intp)
        outcome.fit_time, outcome.fit_cpu = clock.lap()
        predictions = _metrics.Predictions(labels)
    else:
        estimator.fit(X_train, y_train)
        outcome.fit_time, outcome.fit_cpu = clock.lap()
        predictions = _metrics.predict(
            estimator, X_test, loaded.task_type, loaded.n_classes
        )
    outcome.predict_time, outcome.predict_cpu = clock.lap()
    outcome.peak_rss_mb = peak_memory_mb()
    outcome.scores = _metrics.score(job.metrics, y_test, predictions, loaded.task_type)
    if job.keep_predictions:
        outcome.predictions = {
            **predictions.arrays(),
            "truth": y_test,
            "rows": np.asarray(test),
        }


class _Clock:
    def __init__(self):
        self.lap()

    def lap(self):
        """Wall and CPU seconds since the last lap."""
        now = (time.perf_counter(), time.process_time())
        last = getattr(self, "last", now)
        self.last = now
        return now[0] - last[0], now[1] - last[1]


def reset_peak_memory():
    """Forget the process's peak resident memory (Linux; elsewhere it stays)."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")


def peak_memory_mb() -> float | None:
    """Peak resident memory of this process in megabytes, None if unknown."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
