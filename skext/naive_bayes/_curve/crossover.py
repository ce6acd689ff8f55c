"""Where one learning curve crosses another."""

from typing import NamedTuple

import numpy as np


class Crossover(NamedTuple):
    """Number of training rows from which one probe is at least as good as another.

    Parameters
    ----------
    n_train : float
        Estimate; the smallest size if the second probe is never behind, infinity if
        it is behind at the largest size.
    low, high : float
        Bootstrap interval; infinity means beyond the largest size.
    overtaken : float
        Part of the bootstrap draws in which the second probe is not behind at the
        largest size.
    """

    n_train: float
    low: float
    high: float
    overtaken: float


def find_crossover(sizes, gaps):
    """Return the size after which each gap stays at most zero.

    Parameters
    ----------
    sizes : ndarray of shape (n_sizes,)
        Increasing numbers of training rows.
    gaps : ndarray of shape (n_curves, n_sizes)
        Loss of the second probe minus loss of the first.

    Returns
    -------
    crossing : ndarray of shape (n_curves,)
        Linear interpolation of the gap in the logarithm of the size; the first size
        if no gap is positive, infinity if the last one is.
    """
    ahead = gaps > 0
    # Last size at which the first probe is better, -1 if there is none.
    last = sizes.size - 1 - np.argmax(ahead[:, ::-1], axis=1)
    last[~ahead.any(axis=1)] = -1
    crossing = np.where(last < 0, float(sizes[0]), np.inf)
    inside = np.flatnonzero((last >= 0) & (last < sizes.size - 1))
    left, right = last[inside], last[inside] + 1
    before, after = gaps[inside, left], gaps[inside, right]
    share = before / (before - after)
    position = np.log(sizes)
    crossing[inside] = np.exp(
        position[left] + share * (position[right] - position[left])
    )
    return crossing


def bootstrap_crossover(sizes, gaps, *, confidence_level, n_resamples, rng):
    """Estimate a crossover and its interval from paired repeats.

    Parameters
    ----------
    sizes : ndarray of shape (n_sizes,)
        Increasing numbers of training rows.
    gaps : ndarray of shape (n_repeats, n_sizes)
        Loss of the second probe minus loss of the first, by repeat.
    confidence_level : float
        Coverage of the interval.
    n_resamples : int
        Number of bootstrap draws of whole repeats.
    rng : RandomState
        Source of the draws.

    Returns
    -------
    crossover : Crossover
        Estimate from the mean gap, and percentiles of the draws.
    """
    n_repeats = gaps.shape[0]
    # How often each repeat is drawn is all that its mean depends on.
    counts = rng.multinomial(n_repeats, np.full(n_repeats, 1 / n_repeats), n_resamples)
    drawn = find_crossover(sizes, counts @ gaps / n_repeats)
    tail = (1 - confidence_level) / 2
    # This kind of quantile is one of the draws, so infinities do no harm.
    low, high = np.quantile(drawn, [tail, 1 - tail], method="inverted_cdf")
    estimate = find_crossover(sizes, gaps.mean(axis=0, keepdims=True))[0]
    return Crossover(
        float(estimate), float(low), float(high), float(np.isfinite(drawn).mean())
    )
