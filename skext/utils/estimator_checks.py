"""Checks of estimators beyond those of scikit-learn and imbalanced-learn.

They test what users of many cores, shared machines and long pipelines run into. Each
is a function ``check_*(name, estimator)`` that raises ``AssertionError``, or
``unittest.SkipTest`` where there is nothing to check; use them for your own estimators
with :func:`parametrize_with_skext_checks`.
"""

import os
import pickle
import random
import sys
import tempfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from unittest import SkipTest

import joblib
import numpy as np
from joblib.externals.loky import get_reusable_executor
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_clusterer, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

__all__ = [
    "check_after_fork",
    "check_concurrent_threads",
    "check_float32",
    "check_leaves_no_trace",
    "check_memory_map",
    "check_n_jobs",
    "check_pandas",
    "check_pickle_and_clone",
    "check_processes",
    "check_refit",
    "check_row_subsets",
    "check_unfitted",
    "parametrize_with_skext_checks",
    "yield_checks",
]

_PER_ROW = (
    "predict",
    "predict_proba",
    "decision_function",
    "score_samples",
    "transform",
)


def make_data(estimator, dtype=np.float64, n_samples=90):
    """Make a table and a target that suit the kind of estimator.

    Parameters
    ----------
    estimator : estimator object
        Decides about the target.
    dtype : dtype, default=numpy.float64
        Type of the table.
    n_samples : int, default=90
        Number of rows.

    Returns
    -------
    X : ndarray of shape (n_samples, 4)
        Positive numbers.
    y : ndarray of shape (n_samples,)
        Three classes of unequal size, or numbers for a regressor.
    """
    rng = np.random.RandomState(0)
    sizes = [n_samples // 2, n_samples // 3]
    y = np.repeat([0, 1, 2], [*sizes, n_samples - sum(sizes)])
    X = np.abs(rng.normal(size=(n_samples, 4)) + y[:, None] + 4)
    if is_regressor(estimator):
        y = X.sum(axis=1) + rng.normal(size=n_samples)
    elif get_tags(estimator).classifier_tags is not None:
        y = y if get_tags(estimator).classifier_tags.multi_class else np.minimum(y, 1)
    return np.ascontiguousarray(X, dtype=dtype), y


def run(estimator, X, y, X_new=None):
    """Fit an estimator and collect all that it says.

    Parameters
    ----------
    estimator : estimator object
        Not modified; a seeded clone is fitted.
    X : array-like of shape (n_samples, n_features)
        Training data.
    y : array-like of shape (n_samples,)
        Target.
    X_new : array-like of shape (n_new, n_features), default=None
        Rows to predict; None is the training data.

    Returns
    -------
    outputs : dict of str to object
        Results by name of the method.
    """
    estimator = seeded(estimator)
    if hasattr(estimator, "fit_resample"):
        X_resampled, y_resampled = estimator.fit_resample(X, y)
        return {"X": X_resampled, "y": y_resampled}
    estimator.fit(X, y)
    return ask(estimator, X if X_new is None else X_new)


def ask(estimator, X):
    """Collect what a fitted estimator says about rows."""
    found = {
        name: getattr(estimator, name)(X)
        for name in _PER_ROW
        if hasattr(estimator, name)
    }
    if is_clusterer(estimator):
        found["labels"] = estimator.labels_
    return found


def seeded(estimator):
    """Return a clone with a fixed seed."""
    estimator = clone(estimator)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator


def assert_same(found, expected, what, **tolerance):
    """Compare outputs of :func:`run`; exactly, unless a tolerance is given."""
    assert found.keys() == expected.keys(), what
    for name in expected:
        a, b = _plain(found[name]), _plain(expected[name])
        message = f"{name} differs: {what}"
        if tolerance and a.dtype.kind == "f":
            assert_allclose(a, b, err_msg=message, **tolerance)
        else:
            assert_array_equal(a, b, err_msg=message)


def _plain(value):
    return value.toarray() if hasattr(value, "toarray") else np.asarray(value)


def _with_jobs(estimator, n_jobs):
    if "n_jobs" not in estimator.get_params():
        return estimator
    return clone(estimator).set_params(n_jobs=n_jobs)


def _global_states():
    """Every global random state that a fit could disturb."""
    legacy = np.random.get_state()
    states = {
        "numpy": repr((legacy[1].tobytes(), legacy[2:])),
        "random": repr(random.getstate()),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = repr(torch.random.get_rng_state().numpy().tobytes())
    return states


def check_leaves_no_trace(name, estimator):
    """Fitting changes neither parameters, nor the data, nor anything global.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    estimator = seeded(estimator)
    X, y = make_data(estimator)
    X_before, y_before = X.copy(), y.copy()
    parameters = {k: repr(v) for k, v in estimator.get_params().items()}
    states, threads = _global_states(), set(threading.enumerate())
    errors, filters = np.geterr(), list(warnings.filters)
    with tempfile.TemporaryDirectory() as folder:
        here = os.getcwd()
        os.chdir(folder)
        try:
            getattr(estimator, "fit_resample", estimator.fit)(X, y)
            if not hasattr(estimator, "fit_resample"):
                ask(estimator, X)
            assert os.listdir(folder) == [], f"{name} left files behind"
        finally:
            os.chdir(here)
    assert {k: repr(v) for k, v in estimator.get_params().items()} == parameters, (
        f"fit of {name} changed its parameters"
    )
    assert_array_equal(X, X_before, err_msg=f"{name} modified X")
    assert_array_equal(y, y_before, err_msg=f"{name} modified y")
    after = _global_states()
    # A package that only this fit has imported, torch, had no state before.
    for library, state in states.items():
        assert after[library] == state, f"{name} changed a random state of {library}"
    assert np.geterr() == errors, f"{name} changed numpy's error handling"
    assert list(warnings.filters) == filters, f"{name} changed the warning filters"
    left = [thread for thread in threading.enumerate() if thread not in threads]
    assert not left, f"{name} left threads behind: {left}"


def check_n_jobs(name, estimator):
    """Check that the number of threads does not change the results.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    if "n_jobs" not in estimator.get_params():
        raise SkipTest("has no n_jobs")
    X, y = make_data(estimator, n_samples=600)
    expected = run(_with_jobs(estimator, 1), X, y)
    for n_jobs in (2, 3):
        found = run(_with_jobs(estimator, n_jobs), X, y)
        assert_same(found, expected, f"{name} with n_jobs={n_jobs}")


def check_concurrent_threads(name, estimator):
    """Two threads may fit at the same time.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    X, y = make_data(estimator)
    expected = run(estimator, X, y)
    with ThreadPoolExecutor(2) as pool:
        waiting = [
            pool.submit(run, _with_jobs(estimator, 2), X, y, None) for _ in range(4)
        ]
        for found in waiting:
            assert_same(found.result(), expected, f"{name} in concurrent threads")


def check_processes(name, estimator):
    """Worker processes of joblib give the same results.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    X, y = make_data(estimator)
    expected = run(estimator, X, y)
    # joblib takes the memory of a worker that loads torch for a leak, and may stop it
    # while an answer is waited for: such workers start fresh, and serve once.
    fresh = "device" in estimator.get_params()
    if fresh:
        get_reusable_executor().shutdown(wait=True)
    calls = (joblib.delayed(run)(estimator, X, y) for _ in range(2))
    for found in joblib.Parallel(n_jobs=2, backend="loky")(calls):
        assert_same(found, expected, f"{name} in a loky worker", rtol=1e-12)
    if fresh:
        get_reusable_executor().shutdown(wait=True)


def check_after_fork(name, estimator, timeout=60):
    """Check that a forked process can fit, even after its parent has used threads.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    timeout : float, default=60
        Seconds after which the child counts as hanging.
    """
    if not hasattr(os, "fork") or sys.platform == "darwin":
        raise SkipTest("the platform does not fork safely")
    import select
    import signal

    X, y = make_data(estimator)
    expected = run(_with_jobs(estimator, 2), X, y)
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns about forking with threads, which is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            found = run(_with_jobs(estimator, 2), X, y)
            assert_same(found, expected, f"{name} after fork", rtol=1e-12)
            os.write(writer, b"equal")
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], timeout)
        if not ready:
            os.kill(child, signal.SIGKILL)
        answer = os.read(reader, 5) if ready else b"hang"
    finally:
        os.close(reader)
        os.waitpid(child, 0)
    assert answer != b"hang", f"{name} hangs in a forked process"
    assert answer == b"equal", f"{name} fails or differs in a forked process"


def check_memory_map(name, estimator):
    """Read-only memory maps are input like any other.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    X, y = make_data(estimator)
    expected = run(estimator, X, y)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "data.joblib")
        joblib.dump((X, y), path)
        X_map, y_map = joblib.load(path, mmap_mode="r")
        found = run(estimator, X_map, y_map)
        assert_same(found, expected, f"{name} on read-only memory maps")
        del X_map, y_map


def check_float32(name, estimator):
    """Single precision stays single where the kind of output asks for it.

    Resampled tables and, where the tags promise it, transformed ones keep the type;
    all results are close to those of float64.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    X, y = make_data(estimator, np.float32)
    found = run(estimator, X, y)
    expected = run(estimator, X.astype(np.float64), y)
    kept = ["X"]
    tags = get_tags(estimator).transformer_tags
    if tags is not None and "float32" in tags.preserves_dtype:
        kept.append("transform")
    for key in kept:
        if key in found:
            assert found[key].dtype == np.float32, f"{name} turned float32 into float64"
    assert_same(found, expected, f"{name} in float32", rtol=1e-3, atol=1e-4)


def check_pickle_and_clone(name, estimator):
    """Check that a pickled fit answers as before, and that a clone is unfitted.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    X, y = make_data(estimator)
    fitted = seeded(estimator)
    if hasattr(fitted, "fit_resample"):
        expected = run(fitted, X, y)
        again = pickle.loads(pickle.dumps(fitted))
        assert_same(run(again, X, y), expected, f"{name} after pickling")
        return
    fitted.fit(X, y)
    expected = ask(fitted, X)
    again = pickle.loads(pickle.dumps(fitted))
    assert_same(ask(again, X), expected, f"{name} after pickling")
    copy = clone(fitted)
    learned = [key for key in vars(copy) if key.endswith("_")]
    assert not learned, f"a clone of {name} is fitted: {learned}"


def check_refit(name, estimator):
    """Fitting again equals fitting afresh.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    X, y = make_data(estimator)
    other, labels = make_data(estimator, n_samples=60)
    model = seeded(estimator)
    if hasattr(model, "fit_resample"):
        model.fit_resample(other[::-1].copy(), labels[::-1].copy())
        X_resampled, y_resampled = model.fit_resample(X, y)
        found = {"X": X_resampled, "y": y_resampled}
    else:
        model.fit(other[::-1].copy(), labels[::-1].copy())
        found = ask(model.fit(X, y), X)
    assert_same(found, run(estimator, X, y), f"{name} fitted again")


def check_row_subsets(name, estimator):
    """Check that an answer about a row does not depend on the rows beside it.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    if hasattr(estimator, "fit_resample"):
        raise SkipTest("a sampler answers about no rows")
    X, y = make_data(estimator)
    model = seeded(estimator).fit(X, y)
    whole = ask(model, X)
    rows = np.array([3, 50, 7])
    whole.pop("labels", None)
    part = ask(model, X[rows])
    part.pop("labels", None)
    whole = {key: _plain(value)[rows] for key, value in whole.items()}
    assert_same(part, whole, f"{name} on some of the rows", rtol=1e-9, atol=1e-12)


def check_pandas(name, estimator):
    """Check that data frames are taken, and given back by samplers with their types.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    import pandas as pd

    X, y = make_data(estimator)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    series = pd.Series(y, name="target")
    model = seeded(estimator)
    if not hasattr(model, "fit_resample"):
        found = ask(model.fit(frame, series), frame)
        expected = run(estimator, X, y)
        # Another memory order moves the last digits.
        assert_same(found, expected, f"{name} on a data frame", rtol=1e-9)
        assert list(model.feature_names_in_) == list(frame.columns)
        return
    frame["c"] = (frame["c"] * 10).round().astype(np.int64)
    frame["d"] = frame["d"].astype(np.float32)
    X_resampled, y_resampled = model.fit_resample(frame, series)
    assert list(X_resampled.columns) == list(frame.columns)
    assert X_resampled.dtypes.equals(frame.dtypes), f"{name} changed the dtypes"
    assert y_resampled.dtype == series.dtype
    assert y_resampled.name == "target"
    assert list(model.feature_names_in_) == list(frame.columns)


def check_unfitted(name, estimator):
    """Check that a method that needs a fit says so.

    Parameters
    ----------
    name : str
        Name for messages.
    estimator : estimator object
        The estimator to check.
    """
    X, _ = make_data(estimator)
    model = clone(estimator)
    named = (*_PER_ROW, "predict_log_proba", "predict_joint_log_proba")
    methods = [method for method in named if hasattr(model, method)]
    if not methods:
        raise SkipTest("has no method that needs a fit")
    for method in methods:
        try:
            getattr(model, method)(X)
        except NotFittedError:
            continue
        raise AssertionError(f"{name}.{method} does not raise NotFittedError")


def yield_checks():
    """List all checks.

    Returns
    -------
    checks : list of callable
        Each takes a name and an estimator.
    """
    return [
        check_leaves_no_trace,
        check_n_jobs,
        check_concurrent_threads,
        check_processes,
        check_after_fork,
        check_memory_map,
        check_float32,
        check_pickle_and_clone,
        check_refit,
        check_row_subsets,
        check_pandas,
        check_unfitted,
    ]


def parametrize_with_skext_checks(estimators):
    """Make a pytest decorator that runs every check on every estimator.

    Parameters
    ----------
    estimators : list of estimator objects
        The estimators to check.

    Returns
    -------
    decorator : pytest.mark
        Gives the test the arguments ``estimator`` and ``check``, a function of the
        name and the estimator.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skext.utils.estimator_checks import parametrize_with_skext_checks
    >>> @parametrize_with_skext_checks([GaussianNB()])
    ... def test_extra(estimator, check):
    ...     check(type(estimator).__name__, estimator)
    """
    import pytest

    pairs = [
        pytest.param(
            estimator, check, id=f"{type(estimator).__name__}-{check.__name__}"
        )
        for estimator in estimators
        for check in yield_checks()
    ]
    return pytest.mark.parametrize(("estimator", "check"), pairs)
