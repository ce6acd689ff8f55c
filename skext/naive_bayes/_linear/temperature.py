"""One factor for all scores, so that probabilities mean what they say."""

import numpy as np
from scipy.optimize import minimize_scalar

from skext.naive_bayes._linear.outputs import log_sum_exp
from skext.utils._warnings import warn_user

_BOUNDS = (np.log(1e-8), np.log(100.0))


def mean_log_probability(scores, codes, weights, temperature=1.0):
    """Return the weighted mean log-probability of the true class.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Scores; minus infinity rules a class out.
    codes : ndarray of shape (n_samples,)
        True classes.
    weights : ndarray of shape (n_samples,)
        Sample weights.
    temperature : float, default=1.0
        Factor of the scores.
    """
    scaled = scores * scores.dtype.type(temperature)
    own = scaled[np.arange(codes.size), codes].astype(np.float64)
    return float(weights @ (own - log_sum_exp(scaled)) / weights.sum())


def fit_temperature(scores, codes, weights):
    """Return the best factor of the scores, and its mean log-probability.

    The logarithmic loss is convex in the factor. The search is over its logarithm,
    up to a factor of 100, which is reached if all rows are right.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Scores of rows that were not used to find them.
    codes : ndarray of shape (n_samples,)
        True classes.
    weights : ndarray of shape (n_samples,)
        Sample weights.
    """

    def loss(log_temperature):
        return -mean_log_probability(scores, codes, weights, np.exp(log_temperature))

    found = minimize_scalar(
        loss, bounds=_BOUNDS, method="bounded", options={"xatol": 1e-5}
    )
    return float(np.exp(found.x)), -float(found.fun)


def warn_no_rows():
    """Say that no row can be left out."""
    warn_user(
        "No row can be left out, because every class has a single one; 'loo' has no "
        "effect. Give a number, or more rows."
    )
