"""Rows of several models become one: weighted sums, or mixtures of distributions."""

import numpy as np

from skext.quantile._core import row_kernels as _row_kernels
from skext.utils._parallel import run_chunks


def pool_probabilities(Z, levels, n_jobs=None):
    """Quantiles of the mean of the models' distribution functions.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Predictions; those of a model that cross are sorted.
    levels : ndarray of shape (n_levels,)
        Increasing levels, two or more.
    n_jobs : int, default=None
        Threads over rows.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        Non-decreasing quantiles. Distribution functions are linear between quantiles
        and exponential beyond, with the slope of the two outermost ones.
    """
    out = np.empty((len(Z), len(levels)))
    ordered = np.ascontiguousarray(np.sort(Z, axis=2), dtype=np.float64)
    run_chunks(
        _row_kernels.mix_distributions, len(Z), ordered, levels, out, n_jobs=n_jobs
    )
    return out


def plain_average(weights):
    """Return the weights of the plain average in the given shape."""
    n_models = len(weights)
    if weights.ndim < 3:
        return np.full(weights.shape, 1.0 / n_models)
    return np.broadcast_to(np.eye(weights.shape[1]) / n_models, weights.shape)


def mix(Z, weights, intercept, n_jobs=None):
    """Combine predictions by global weights.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Predictions.
    weights : ndarray
        As in ``QuantileAggregator.weights_``.
    intercept : ndarray of shape (n_levels,)
        Constants.
    n_jobs : int, default=None
        Threads over rows.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        Combined quantiles.
    """
    n_rows, n_models, n_levels = Z.shape
    # Coarse weights have one sum, others one for each level.
    sums = weights.reshape(-1, *weights.shape[2:]) if weights.ndim == 3 else weights
    convex = bool(
        (weights >= 0).all()
        and np.allclose(sums.sum(axis=0), 1.0, rtol=0, atol=1e-9)
        and not np.any(intercept)
    )
    if weights.ndim == 3:
        # Few columns have any weight, so a copy of those is small.
        flat = weights.reshape(n_models * n_levels, n_levels)
        used = np.flatnonzero(flat.any(axis=1))
        part = np.asarray(Z.reshape(n_rows, -1)[:, used], dtype=np.float64)
        out = part @ flat[used] + intercept
        for k in range(n_levels if convex else 0):
            columns = part[:, flat[used, k] > 0]
            np.clip(out[:, k], columns.min(1), columns.max(1), out=out[:, k])
        return out
    if weights.ndim == 1:
        weights = np.repeat(weights[:, np.newaxis], n_levels, axis=1)
    out = np.empty((n_rows, n_levels))
    weights, intercept = np.ascontiguousarray(weights), np.ascontiguousarray(intercept)
    args = (Z, weights, intercept, convex, out)
    run_chunks(_row_kernels.mix_rows, n_rows, *args, n_jobs=n_jobs)
    return out
