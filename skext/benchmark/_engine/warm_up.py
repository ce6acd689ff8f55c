"""Compile kernels before they are needed, so that no fit waits for the compiler."""

import multiprocessing
import threading
import time
import warnings
from collections import defaultdict
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from joblib import effective_n_jobs
from scipy.sparse import csc_array, csr_array
from sklearn.base import clone, is_regressor
from sklearn.utils import get_tags
from threadpoolctl import threadpool_limits

from skext.benchmark._engine.kinds import KINDS
from skext.benchmark._engine.methods import TaskInfo, set_random_state


@dataclass(frozen=True)
class Example:
    """An estimator that is not fitted yet, and what it may be fitted to.

    Parameters
    ----------
    name : str
        Class, and in parentheses what sets the example apart from others of the class.
    module : str
        Public module that exports the class.
    estimator : estimator
        Seeded, if it takes a seed.
    X, y : ndarray
        Table and target.
    """

    name: str
    module: str
    estimator: object
    X: object = field(repr=False)
    y: object = field(repr=False)


def warm_up(examples, *, n_jobs=-1, say=None):
    """Fit examples on tables of both float types, in several processes.

    Parameters
    ----------
    examples : list of Example
        What is fitted.
    n_jobs : int, default=-1
        Number of processes; -1 is all cores, 1 is this process.
    say : callable, default=None
        Called with a line for each example.

    Returns
    -------
    seconds : float
        Wall time.
    """
    began = time.perf_counter()

    def tell(name, seconds, reason):
        if say is not None:
            what = f"not on its own: {reason}" if reason else f"{seconds:.1f} s"
            say(f"{name}: {what}")

    n_jobs = min(effective_n_jobs(n_jobs), len(examples))
    if n_jobs <= 1:
        for example in examples:
            tell(*_compile(example))
        return time.perf_counter() - began
    packages = defaultdict(list)
    for example in reversed(examples):
        packages[example.module].append(example)
    lock, taken = threading.Lock(), set()
    with ThreadPoolExecutor(n_jobs) as pool:
        workers = [
            pool.submit(_work, packages, taken, lock, tell) for _ in range(n_jobs)
        ]
        for worker in workers:
            worker.result()
    return time.perf_counter() - began


def _work(packages, taken, lock, tell):
    """Let one process compile, package after package, until nothing is left.

    Two processes in one package would both compile what its kernels share. So each goes
    to one where nobody is, and helps others at the end only.
    """
    package, process = None, _new_process()
    try:
        while True:
            with lock:
                if not packages.get(package):
                    left = [name for name, waiting in packages.items() if waiting]
                    if not left:
                        return
                    package = max(
                        left, key=lambda name: (name not in taken, len(packages[name]))
                    )
                    taken.add(package)
                example = packages[package].pop()
            try:
                found = process.submit(_compile, example).result()
            except BrokenExecutor as exc:
                found = example.name, 0.0, f"its process ended: {exc}"
                process = _new_process()
            with lock:
                tell(*found)
    finally:
        process.shutdown()


def _new_process():
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, context, initializer=_use_one_thread)


def _use_one_thread():
    threadpool_limits(1)


def _compile(example):
    began = time.perf_counter()
    reason = try_out(lambda: clone(example.estimator), example.X, example.y)
    return example.name, time.perf_counter() - began, reason


def try_out(make, X, y, dtypes=(np.float64, np.float32)) -> str:
    """Fit estimators to a small table, and let them predict.

    Parameters
    ----------
    make : callable
        Returns a new estimator.
    X, y : ndarray
        Table and target.
    dtypes : tuple of type
        Float types of the table, in turn. If there are several, tables with missing
        values and sparse ones follow, of estimators that take them.

    Returns
    -------
    reason : str
        Why it failed on the first one; empty if it did not.
    """
    try:
        _exercise(make(), X.astype(dtypes[0]), y)
    except Exception as exc:
        return f"{type(exc).__name__}: {' '.join(str(exc).split())[:100]}"
    others = [X.astype(dtype) for dtype in dtypes[1:]]
    if len(dtypes) > 1 and X.ndim == 2:
        others += _uncommon_tables(X, dtypes, get_tags(make()).input_tags)
    for table in others:
        try:
            _exercise(make(), table, y)
        except Exception:
            # An option, or an estimator inside, refuses what others take.
            continue
    return ""


def _uncommon_tables(X, dtypes, tags):
    """Tables by columns, with missing values, and sparse ones."""
    found = [np.asfortranarray(X)]
    if tags.allow_nan:
        found.append(X.copy())
        found[-1][::7, -1] = np.nan
    if tags.sparse:
        found += [csr_array(X.astype(dtype)) for dtype in dtypes]
        found.append(csc_array(X))
    return found


def _exercise(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(estimator, "fit_resample"):
            estimator.fit_resample(X, y)
            return
        estimator.fit(X, y)
        for method in ("predict", "predict_proba", "predict_quantiles", "transform"):
            if hasattr(estimator, method):
                getattr(estimator, method)(X)


def warm_up_methods(methods, *, limit=None):
    """Compile what the methods of a run need, and nothing else.

    Parameters
    ----------
    methods : list of Method
        Methods of other packages compile nothing of ours and are passed over.
    limit : float, default=None
        Start with no method after this many seconds; the rest compiles in its jobs.

    Returns
    -------
    seconds : float
        Wall time.
    """
    began = time.perf_counter()
    # Networks compile nothing that lasts, and loading torch takes seconds.
    methods = [method for method in methods if "torch" not in method.needs]
    for method in methods:
        if limit is not None and time.perf_counter() - began > limit:
            break
        if method.family != "skext" or method.missing() is not None:
            continue
        for kind in [kind for kind in KINDS.values() if method.can_do(kind.name)][:1]:
            n_classes = 2 * (kind.target == "classes")
            info = TaskInfo("warm-up", "", kind.name, 60, 20, n_classes, ())

            def make(method=method, info=info):
                estimator = method.make(info)
                set_random_state(estimator, 0)
                return estimator

            # What fails here fails in its jobs, where it is recorded.
            _try_method(make, numbers=kind.target == "numbers")
    return time.perf_counter() - began


def _try_method(make, *, numbers):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [40, 20])
    X = rng.normal(size=(60, 20)) + y[:, None]
    try:
        numbers = numbers or is_regressor(make())
    except Exception:
        return
    if numbers:
        y = X[:, 0] + rng.normal(size=60)
    try_out(make, X, y, dtypes=(np.float64,))
