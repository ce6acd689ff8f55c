"""What the counts of bags say about their rows."""

import numpy as np
from scipy.special import expit

from skext.label_proportions._count_kernels import count_messages
from skext.utils._parallel import run_chunks

# Rows that are worth a thread of their own.
_ROWS_PER_THREAD = 4096


def top_rows(score, bags, counts):
    """Mark as many rows of each bag as are positive, those with the largest scores.

    Parameters
    ----------
    score : ndarray of shape (n_samples,)
        Any score.
    bags : Bags
        The bags.
    counts : ndarray of shape (n_bags,)
        Numbers of positive rows.

    Returns
    -------
    chosen : ndarray of shape (n_samples,)
        1 for positive, 0 for negative rows and those in no bag.
    """
    bagged = np.flatnonzero(bags.codes >= 0)
    order = bagged[np.lexsort((-score[bagged], bags.codes[bagged]))]
    codes = bags.codes[order]
    starts = np.concatenate([[0], np.cumsum(bags.sizes)])
    rank = np.arange(order.size) - starts[codes]
    chosen = np.zeros(score.size)
    chosen[order] = rank < np.round(counts)[codes]
    return chosen


def count_posterior(log_odds, bags, counts, strength=np.inf, n_jobs=None):
    """Return probabilities of rows given the counts of their bags.

    Parameters
    ----------
    log_odds : ndarray of shape (n_samples,)
        Of independent rows.
    bags : Bags
        The bags.
    counts : ndarray of shape (n_bags,)
        Numbers of positive rows; NaN is unknown.
    strength : float, default=inf
        Strength of the counts.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    posterior : ndarray of shape (n_samples,)
        Probabilities; those of bags with certain counts add up to them.
    log_probability : ndarray of shape (n_bags,)
        Logarithm of the probability of each count.
    """
    order, indptr = bags.order()
    h = log_odds[order]
    message = np.zeros(h.size)
    logs = np.zeros(counts.size)
    run_chunks(
        count_messages,
        counts.size,
        h,
        indptr,
        counts,
        float(strength),
        np.zeros(counts.size),
        message,
        logs,
        n_jobs=n_jobs,
        min_chunk=max(1, _ROWS_PER_THREAD * counts.size // max(h.size, 1)),
    )
    posterior = np.empty(h.size)
    posterior[order] = expit(h + message)
    return posterior, logs


def normalize_rows(proba):
    """Divide rows by their sums; rows of zeros become flat.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Not negative.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    """
    total = proba.sum(axis=1, keepdims=True)
    flat = np.full_like(proba, 1 / proba.shape[1])
    return np.divide(proba, total, out=flat, where=total > 0)
