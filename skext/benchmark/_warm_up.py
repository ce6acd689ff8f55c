"""Compile every kernel once, so that no fit has to wait for the compiler."""

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
    from scipy import sparse
    from sklearn.utils import get_tags

    from skext.utils.discovery import all_estimators

    began = time.perf_counter()
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [40, 20])
    base = rng.normal(size=(60, 20)) + y[:, None]
    for name, cls in all_estimators():
        start = time.perf_counter()
        # Seeded, because a draw would move the user's global stream.
        seed = {"random_state": 0} if "random_state" in cls().get_params() else {}
        for dtype in (np.float64, np.float32):
            X = base.astype(dtype)
            _exercise(cls(**seed), X, y)
            if get_tags(cls()).input_tags.sparse:
                _exercise(cls(**seed), sparse.csr_array(X), y)
        if say is not None:
            say(f"{name}: {time.perf_counter() - start:.1f} s")
    return time.perf_counter() - began


def _exercise(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(estimator, "fit_resample"):
            estimator.fit_resample(X, y)
            return
        estimator.fit(X, y)
        for method in ("predict", "predict_proba", "transform"):
            if hasattr(estimator, method):
                getattr(estimator, method)(X)
