"""Compile kernels before they are needed, so that no fit waits for the compiler."""

import time
import warnings

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import is_regressor
from sklearn.utils import get_tags

from skext.utils.discovery import all_estimators


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
    began = time.perf_counter()
    for name, cls in all_estimators():
        start = time.perf_counter()
        # Seeded, because a draw would move the user's global stream.
        seed = {"random_state": 0} if "random_state" in cls().get_params() else {}
        sparse = get_tags(cls()).input_tags.sparse
        reason = try_out(lambda cls=cls, seed=seed: cls(**seed), sparse=sparse)
        if say is not None:
            seconds = f"{time.perf_counter() - start:.1f} s"
            say(f"{name}: {f'not on its own: {reason}' if reason else seconds}")
    return time.perf_counter() - began


def try_out(
    make, *, dtypes=(np.float64, np.float32), regression=None, sparse=False
) -> str:
    """Fit estimators to a small table, and let them predict.

    Parameters
    ----------
    make : callable
        Returns a new estimator.
    dtypes : tuple of type
        Float types of the table, in turn.
    regression : bool, default=None
        Whether targets are numbers; None asks the estimator.
    sparse : bool, default=False
        Whether to try sparse tables as well.

    Returns
    -------
    reason : str
        Why it failed; empty if it did not.
    """
    try:
        estimator = make()
        X, y = _table(is_regressor(estimator) if regression is None else regression)
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
