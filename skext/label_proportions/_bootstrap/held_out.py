"""How well opinions of rows foretell counts of bags that they do not come from."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax

from skext.label_proportions._core.known_bags import KnownBags
from skext.label_proportions._counts.posterior import count_posterior, whole_counts

# Temperatures that are tried, and how far their logarithms usually are from zero.
_TEMPERATURES = np.exp(np.linspace(-1.5, 1.5, 13))
_LOG_DEVIATION = 0.5
_MOST_STEPS = 10
_LONGEST_STEP = 2.0
_STILL = 1e-3
_LARGEST_SCORE = 30.0
_TINY = 1e-12


class Calibration(NamedTuple):
    """How opinions are to be read, and how well they then foretell counts."""

    log_probability: float
    """Of the counts, less the price of an unusual temperature."""
    factor: float
    """By which scores are multiplied, one over the temperature."""
    shift: float | np.ndarray
    """What is added to them: a number, or one for each class."""

    def __call__(self, scores):
        """Return calibrated scores."""
        return self.factor * clipped(scores) + self.shift


def clipped(scores):
    """Return scores that leave a doubt."""
    return np.clip(scores, -_LARGEST_SCORE, _LARGEST_SCORE)


def calibrate(scores, bags, k, weight=None, bag_strength=np.inf, n_jobs=None):
    """Find the temperature and the shift under which counts are most probable.

    The shift makes the numbers of rows of each class the expected ones, over all bags
    together: what opinions say of the order of rows is not judged by their level.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Log-odds of rows, or scores of all classes, which do not come from the counts
        of their own bags.
    bags : Bags
        The bags.
    k : int or None
        Number of the class; None is all of them.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    bag_strength : float, default=inf
        How certain counts are.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    calibration : Calibration
        The best one.
    """
    known = KnownBags(bags, k, weight)
    if not known.sizes.size:
        return Calibration(0.0, 1.0, 0.0)
    # The counts of all classes are whole numbers, whatever the shares.
    counts = known.counts if k is not None else whole_counts(known.bags)
    weights = known.weights / known.sizes
    weights = weights / weights.mean()
    scores, arranged = clipped(scores[known.rows]), known.bags.arranged()
    total = counts.sum(axis=0)
    shift = 0.0 if k is not None else np.zeros(counts.shape[1])
    best = None
    for factor in _TEMPERATURES:
        warm = factor * scores
        shift = _level(warm, total, shift)
        _, logs = count_posterior(
            warm + shift, known.bags, counts, n_jobs, arranged, bag_strength
        )
        value = weights @ logs - 0.5 * (np.log(factor) / _LOG_DEVIATION) ** 2
        if best is None or value > best.log_probability:
            best = Calibration(float(value), float(factor), shift)
    return best


def _level(scores, total, shift):
    """Return the shift at which numbers of rows are the expected ones."""
    for _ in range(_MOST_STEPS):
        if scores.ndim == 1:
            p = expit(scores + shift)
            step = (total - p.sum()) / (_TINY + (p * (1 - p)).sum())
        else:
            p = softmax(scores + shift, axis=1).sum(axis=0)
            step = np.log((total + _TINY) / (p + _TINY))
            step = step - step.mean()
        step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        shift = np.clip(shift + step, -_LARGEST_SCORE, _LARGEST_SCORE)
        if np.abs(step).max() < _STILL:
            break
    return shift
