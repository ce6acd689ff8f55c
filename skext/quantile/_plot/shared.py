"""What several displays of quantiles share."""

import numpy as np
from scipy.special import bdtr

from skext.quantile._regression.multi import predict_quantiles
from skext.utils._optional import optional_import
from skext.utils._quantiles.forms import own_levels
from skext.utils._quantiles.levels import check_levels, default_levels


def one_axes(ax):
    """Return the given axes, or those of a new figure."""
    if ax is not None:
        return ax
    pyplot = optional_import("matplotlib.pyplot", extra="plot", purpose="Plotting")
    return pyplot.subplots(layout="constrained")[1]


def ask_estimator(estimator, X, quantiles):
    """Return the quantiles of a fitted regressor, and their levels."""
    levels = own_levels(estimator, X) if quantiles is None else check_levels(quantiles)
    levels = default_levels() if levels is None else levels
    return predict_quantiles(estimator, X, levels), levels


def check_confidence(confidence):
    """Refuse a confidence that is no probability."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}.")


def central_pairs(levels):
    """Return the column numbers of central intervals, widest first, and coverages."""
    pairs = [
        (low, high)
        for low in range(len(levels))
        for high in range(low + 1, len(levels))
        if abs(levels[low] + levels[high] - 1) < 1e-9
    ]
    coverages = np.array([levels[high] - levels[low] for low, high in pairs])
    return pairs, coverages


def effective_rows(sample_weight, n_samples):
    """Return how many equal rows tell as much as weighted ones."""
    if sample_weight is None:
        return n_samples
    w = np.asarray(sample_weight, dtype=np.float64)
    return max(1, round(float(w.sum() ** 2 / (w @ w))))


def binomial_band(p, n_rows, confidence):
    """Shares of ``n_rows`` between which a binomial share lies.

    Parameters
    ----------
    p : ndarray of shape (n_levels,)
        Probabilities.
    n_rows : int
        Number of rows.
    confidence : float
        Probability that is aimed at, for each level by itself.

    Returns
    -------
    low, high : ndarrays of shape (n_levels,)
        Smallest and largest share inside of the band, both tails at most half of the
        rest.
    """
    tail = (1 - confidence) / 2
    return (
        np.array([_quantile(tail, n_rows, value) for value in p]) / n_rows,
        np.array([_quantile(1 - tail, n_rows, value) for value in p]) / n_rows,
    )


def _quantile(probability, n, p):
    """Smallest count with at least a probability at or below it, by bisection."""
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        if bdtr(middle, n, p) >= probability - 1e-12:
            high = middle
        else:
            low = middle
    return high


def percent(share):
    """Write a share as a percentage."""
    return f"{100 * share:.4g} %"
