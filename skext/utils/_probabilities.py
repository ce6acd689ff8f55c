"""Probabilities: from scores, one factor of all scores, and how reliable they are."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv, expit, ndtri
from scipy.stats import binom


def best_class(scores):
    """Return the index of the largest score; a single column is a difference."""
    if scores.shape[1] == 1:
        return scores[:, 0] > 0
    return scores.argmax(axis=1)


def log_sum_exp(scores):
    """Return ``log(sum(exp(scores)))`` of each row, in float64.

    Several times as fast as :func:`scipy.special.logsumexp`, with less memory.
    """
    largest = scores.max(axis=1, keepdims=True)
    parts = scores - largest
    np.exp(parts, out=parts)
    return np.log(parts.sum(axis=1, dtype=np.float64)) + largest[:, 0]


def log_softmax(scores, temperature=1.0):
    """Return log-probabilities of all classes."""
    scores = scores.astype(np.float64)
    scores *= temperature
    scores -= log_sum_exp(scores)[:, np.newaxis]
    return scores


def log_sigmoid(scores, temperature=1.0):
    """Return log-probabilities of two classes from the difference of their scores."""
    return -np.logaddexp(0, scores.astype(np.float64) * [[temperature, -temperature]])


def softmax(scores, temperature=1.0):
    """Return probabilities of all classes."""
    scores = scores.astype(np.float64)
    scores *= temperature
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def sigmoid(scores, temperature=1.0):
    """Return probabilities of two classes from the difference of their scores."""
    return expit(scores.astype(np.float64) * [[-temperature, temperature]])


def mean_log_probability(scores, codes, weights, temperature=1.0, *, smoothing=0.0):
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
    smoothing : float, default=0.0
        Share of each row's truth that goes to all classes alike.

    Returns
    -------
    mean : float
        Not positive.
    """
    scaled = scores * scores.dtype.type(temperature)
    own = scaled[np.arange(codes.size), codes].astype(np.float64)
    if smoothing:
        own = (1 - smoothing) * own + smoothing * scaled.mean(axis=1, dtype=np.float64)
    return float(weights @ (own - log_sum_exp(scaled)) / weights.sum())


def fit_temperature(
    scores, codes, weights, *, smoothing=0.0, bounds=(1e-8, 100.0), tol=1e-5
):
    """Return the best factor of the scores, and its mean log-probability.

    The logarithmic loss is convex in the factor, so that one bounded search on its
    logarithm finds the optimum. Without smoothing this is the upper bound if the
    highest score is right in all rows.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Scores of rows that were not used to find them.
    codes : ndarray of shape (n_samples,)
        True classes.
    weights : ndarray of shape (n_samples,)
        Sample weights.
    smoothing : float, default=0.0
        As in :func:`mean_log_probability`.
    bounds : tuple of two floats, default=(1e-8, 100.0)
        Smallest and largest factor.
    tol : float, default=1e-5
        Relative accuracy of the factor.

    Returns
    -------
    temperature : float
        The factor.
    score : float
        What :func:`mean_log_probability` is with it.
    """

    def loss(log_temperature):
        return -mean_log_probability(
            scores, codes, weights, np.exp(log_temperature), smoothing=smoothing
        )

    found = minimize_scalar(
        loss, bounds=np.log(bounds), method="bounded", options={"xatol": tol}
    )
    return float(np.exp(found.x)), -float(found.fun)


class ReliabilityBins(NamedTuple):
    """What was predicted, and what happened, in bins of similar predictions."""

    predicted: np.ndarray
    """Mean predicted probability, shape (n_bins,)."""
    n_events: np.ndarray
    """Rows in which the event happened, shape (n_bins,)."""
    n_rows: np.ndarray
    """Rows, shape (n_bins,)."""


def reliability_bins(event, p, n_bins, *, min_rows=1):
    """Sort rows by their probability into bins of about equal size.

    Parameters
    ----------
    event : ndarray of shape (n_samples,)
        Whether the event happened.
    p : ndarray of shape (n_samples,)
        Predicted probability of it.
    n_bins : int
        Largest number of bins; equal probabilities stay together.
    min_rows : int, default=1
        Smallest number of rows of a bin, if there are as many.

    Returns
    -------
    bins : ReliabilityBins
        In the order of the probabilities.
    """
    order = np.argsort(p, kind="stable")
    p, event = p[order], event[order]
    n = p.size
    n_bins = max(1, min(n_bins, n // min_rows))
    starts, start = [0], 0
    for left in range(n_bins, 1, -1):
        end = start + max(round((n - start) / left), min_rows)
        if end >= n:
            break
        end = int(np.searchsorted(p, p[end - 1], side="right"))
        if n - end < min_rows:
            break
        starts.append(end)
        start = end
    rows = np.diff([*starts, n])
    n_events = np.add.reduceat(event.astype(np.intp), starts)
    return ReliabilityBins(np.add.reduceat(p, starts) / rows, n_events, rows)


def calibration_error(predicted, observed, n_rows):
    """Return the mean distance of what was predicted and observed, over all rows.

    Parameters
    ----------
    predicted, observed : array-like of shape (n_bins,)
        Mean predicted probability, and share of events.
    n_rows : array-like of shape (n_bins,)
        Rows of each bin.

    Returns
    -------
    error : float
        From 0 to 1.
    """
    gaps = np.abs(np.asarray(observed) - np.asarray(predicted))
    return float(np.average(gaps, weights=n_rows))


def consistency_band(p, n_rows, confidence_level):
    """Return between which shares of events lie, if the probabilities are right.

    Parameters
    ----------
    p : ndarray of shape (n_bins,)
        Probabilities.
    n_rows : int or ndarray of shape (n_bins,)
        Rows.
    confidence_level : float
        Probability that is aimed at, for each bin by itself.

    Returns
    -------
    low, high : ndarray of shape (n_bins,)
        Smallest and largest share inside of the band; either tail has at most half of
        the rest.
    """
    tail, p = (1 - confidence_level) / 2, np.clip(p, 0.0, 1.0)
    return binom.ppf(tail, n_rows, p) / n_rows, binom.isf(tail, n_rows, p) / n_rows


def wilson_interval(n_events, n_rows, confidence_level):
    """Return Wilson's score interval of the probability of an event.

    Parameters
    ----------
    n_events, n_rows : ndarray of shape (n_bins,)
        Rows in which it happened, and all rows.
    confidence_level : float
        Level of the interval.

    Returns
    -------
    low, high : ndarray of shape (n_bins,)
        Ends of the interval.
    """
    z = ndtri(0.5 + confidence_level / 2)
    share, part = n_events / n_rows, z**2 / n_rows
    centre = share + part / 2
    half = np.sqrt(part * (share * (1 - share) + part / 4))
    low, high = (centre - half) / (1 + part), (centre + half) / (1 + part)
    # Exact at the ends, where rounding would leave a gap.
    return np.where(n_events == 0, 0.0, low), np.where(n_events == n_rows, 1.0, high)


def exact_interval(n_events, n_rows, confidence_level):
    """Return the interval of Clopper and Pearson of the probability of an event.

    Parameters
    ----------
    n_events, n_rows, confidence_level
        As in :func:`wilson_interval`.

    Returns
    -------
    low, high : ndarray of shape (n_bins,)
        Ends of the interval.
    """
    tail = (1 - confidence_level) / 2
    rest = n_rows - n_events
    low = betaincinv(np.maximum(n_events, 1), rest + 1, tail)
    high = betaincinv(n_events + 1, np.maximum(rest, 1), 1 - tail)
    return np.where(n_events == 0, 0.0, low), np.where(rest == 0, 1.0, high)
