"""What the counts of bags say about their rows."""

import itertools

import numpy as np
from scipy.special import expit, logit, softmax

from skext.label_proportions._counts.many_class_kernels import count_vector_messages
from skext.label_proportions._counts.two_class_kernels import count_messages
from skext.utils._parallel import run_chunks

# Rows that are worth a thread of their own.
_ROWS_PER_THREAD = 4096
# Rows times states of a bag up to which counts of several classes are exact.
LATTICE_LIMIT = 2e6


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


def top_classes(score, bags, counts):
    """Give each row of a bag one class, so that all counts are met.

    Rows and classes are matched by turns, the pair with the largest score first. With
    two classes these are the top rows.

    Parameters
    ----------
    score : ndarray of shape (n_samples, n_classes)
        Probabilities, for instance.
    bags : Bags
        The bags.
    counts : ndarray of shape (n_bags, n_classes)
        Whole numbers of rows of each class.

    Returns
    -------
    chosen : ndarray of shape (n_samples, n_classes)
        One-hot; zero for rows in no bag or one of unknown counts.
    """
    n_classes = score.shape[1]
    chosen = np.zeros(score.shape)
    order, indptr = bags.order()
    for b, (first, last) in enumerate(itertools.pairwise(indptr)):
        if np.isnan(counts[b]).any():
            continue
        rows = order[first:last]
        room = counts[b].astype(np.int64)
        best = np.argsort(-score[rows].ravel(), kind="stable")
        where, which = best // n_classes, best % n_classes
        waiting = np.ones(rows.size, dtype=bool)
        for i, c in zip(where.tolist(), which.tolist(), strict=True):
            if waiting[i] and room[c] > 0:
                waiting[i], chosen[rows[i], c] = False, 1.0
                room[c] -= 1
    return chosen


def label_by_counts(proba, bags, counts):
    """Label as many rows of each bag as are of a class, by their probabilities.

    Parameters
    ----------
    proba : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of the second of two classes, or of all classes.
    bags : Bags
        The bags.
    counts : ndarray of shape (n_bags,)
        Numbers of rows of the second class; those of all classes come from ``bags``.

    Returns
    -------
    labels : ndarray of the shape of ``proba``
        Zeros and ones.
    """
    if proba.ndim == 1:
        return top_rows(proba, bags, counts)
    return top_classes(proba, bags, whole_counts(bags))


def whole_counts(bags):
    """Return whole numbers of rows of each class that add up to the sizes of bags.

    Parameters
    ----------
    bags : Bags
        The bags; NaN stays for those of unknown shares.

    Returns
    -------
    counts : ndarray of shape (n_bags, n_classes)
        Rounded down, and up where the rest is largest.
    """
    counts = bags.count_table()
    whole = np.floor(counts)
    missing = bags.sizes - whole.sum(axis=1)
    rank = np.argsort(np.argsort(whole - counts, axis=1, kind="stable"), axis=1)
    return whole + (rank < missing[:, np.newaxis])


def as_proba(scores):
    """Return the logistic of scores, or the softmax of several ones of each row."""
    return expit(scores) if scores.ndim == 1 else softmax(scores, axis=1)


def as_scores(proba, least):
    """Return log-odds, or logarithms of several probabilities of each row.

    Parameters
    ----------
    proba : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of the second class, or of all classes.
    least : float
        What smaller probabilities are raised to.

    Returns
    -------
    scores : ndarray of the same shape
        Finite.
    """
    if proba.ndim == 1:
        return logit(np.clip(proba, least, 1 - least))
    return np.log(np.maximum(proba, least))


def count_posterior(
    scores, bags, counts, n_jobs=None, arranged=None, bag_strength=np.inf
):
    """Return probabilities of rows given the counts of their bags.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Log-odds of independent rows; or their log-probabilities of all classes, up to
        a constant for each row.
    bags : Bags
        The bags.
    counts : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Numbers of positive rows, or whole numbers of rows of each class; NaN is
        unknown.
    n_jobs : int, default=None
        Number of threads.
    arranged : tuple of ndarray, default=None
        Result of ``bags.arranged()``, for callers that ask again and again.
    bag_strength : float, default=inf
        How much a wrong count of two classes costs: ``bag_strength * (k - count)**2``;
        infinity makes counts certain.

    Returns
    -------
    posterior : ndarray of the shape of ``scores``
        Probabilities; those of bags with known counts add up to them.
    log_probability : ndarray of shape (n_bags,)
        Logarithm of the probability of the counts of each bag; that of the expected
        factor if they are not certain.
    """
    order, indptr = bags.order() if arranged is None else arranged
    h, counts = np.ascontiguousarray(scores[order]), np.ascontiguousarray(counts)
    message, logs = np.zeros_like(h), np.zeros(len(counts))
    kernel, option = count_messages, float(bag_strength)
    if h.ndim == 2:
        kernel, option = count_vector_messages, LATTICE_LIMIT
    run_chunks(
        kernel,
        logs.size,
        h,
        indptr,
        counts,
        option,
        np.zeros(counts.shape),
        message,
        logs,
        n_jobs=n_jobs,
        min_chunk=max(1, _ROWS_PER_THREAD * logs.size // max(len(h), 1)),
    )
    posterior = np.empty_like(h)
    posterior[order] = as_proba(h + message)
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
