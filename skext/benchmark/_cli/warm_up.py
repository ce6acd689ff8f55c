"""Compile kernels before they are needed, so that no fit waits for the compiler."""

import time
import warnings

import numpy as np


def warm_up(say=None):
    """Fit every estimator of skext on a small table in both float types.

    Parameters
    ----------
    say : callable, default=None
        Called with a line for each estimator.

    Returns
    -------
    seconds : float
        Wall time.
    """
    from sklearn.utils import get_tags

    from skext.utils.discovery import all_estimators

    began = time.perf_counter()
    for name, cls in all_estimators():
        start = time.perf_counter()
        # Seeded, because a draw would move the user's global stream.
        seed = {"random_state": 0} if "random_state" in cls().get_params() else {}
        sparse = get_tags(cls()).input_tags.sparse
        reason = _try(lambda cls=cls, seed=seed: cls(**seed), sparse=sparse)
        if say is not None:
            seconds = f"{time.perf_counter() - start:.1f} s"
            say(f"{name}: {f'not on its own: {reason}' if reason else seconds}")
    return time.perf_counter() - began


_KINDS = ("binary", "quantile", "regression", "clustering")


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
    from skext.benchmark._engine.methods import TaskInfo, set_random_state

    began = time.perf_counter()
    # Networks compile nothing that lasts, and loading torch takes seconds.
    methods = [method for method in methods if "torch" not in method.needs]
    for method in methods:
        if limit is not None and time.perf_counter() - began > limit:
            break
        if method.family != "skext" or method.missing() is not None:
            continue
        for kind in [kind for kind in _KINDS if method.can_do(kind)][:1]:
            info = TaskInfo("warm-up", "", kind, 60, 20, 2 * (kind == "binary"), ())

            def make(method=method, info=info):
                estimator = method.make(info)
                set_random_state(estimator, 0)
                return estimator

            # What fails here fails in its jobs, where it is recorded.
            _try(make, dtypes=(np.float64,), kind=kind)
    return time.perf_counter() - began


def _try(make, *, dtypes=(np.float64, np.float32), kind=None, sparse=False):
    """Exercise new estimators; return why it failed, or an empty text."""
    from scipy.sparse import csr_array
    from sklearn.base import is_regressor

    try:
        estimator = make()
        regression = kind in ("regression", "quantile") or is_regressor(estimator)
        X, y = _table(regression)
        for dtype in dtypes:
            _exercise(make(), X.astype(dtype), y)
            if sparse:
                _exercise(make(), csr_array(X.astype(dtype)), y)
    except Exception as exc:
        return f"{type(exc).__name__}: {' '.join(str(exc).split())[:100]}"
    return ""


def _table(regression):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [40, 20])
    X = rng.normal(size=(60, 20)) + y[:, None]
    return X, X[:, 0] + rng.normal(size=60) if regression else y


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
