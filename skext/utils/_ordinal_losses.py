"""What rows with ordered classes lose by predicted probabilities.

The only definition: the metrics average these, and so do the cross-validations.
"""

import numpy as np

SMALLEST = np.finfo(np.float64).eps
"""Probabilities are clipped here, as by scikit-learn's log loss."""


def brier_losses(proba, truth):
    """Return squared distances between probabilities and what happened.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities, columns in the order of the classes.
    truth : ndarray of shape (n_samples,)
        Positions of the true classes.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        From 0 to 2.
    """
    right = proba[np.arange(truth.size), truth]
    return (proba**2).sum(axis=1) + 1.0 - 2.0 * right


def log_losses(proba, truth):
    """Return negative logarithms of the probabilities of what happened.

    Parameters
    ----------
    proba, truth
        As in :func:`brier_losses`.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        Finite.
    """
    right = proba[np.arange(truth.size), truth]
    return -np.log(np.clip(right, SMALLEST, 1.0 - SMALLEST))


def ranked_probability_losses(proba, truth):
    """Return summed squared errors of the cumulative probabilities.

    Parameters
    ----------
    proba, truth
        As in :func:`brier_losses`.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        From 0 to ``n_classes - 1``.
    """
    cumulative = np.cumsum(proba[:, :-1], axis=1)
    happened = truth[:, np.newaxis] <= np.arange(cumulative.shape[1])
    return ((cumulative - happened) ** 2).sum(axis=1)


def event_log_losses(p, event):
    """Return negative logarithms of the probability of what happened, of two things.

    Parameters
    ----------
    p : ndarray of shape (n_samples,)
        Probability of the event.
    event : ndarray of shape (n_samples,)
        Whether it happened.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        Finite.
    """
    p = np.clip(p, SMALLEST, 1.0 - SMALLEST)
    return -np.where(event, np.log(p), np.log1p(-p))


def event_brier_losses(p, event):
    """Return squared differences of the probability of an event and what happened.

    Parameters
    ----------
    p, event
        As in :func:`event_log_losses`.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        From 0 to 1.
    """
    return (p - event) ** 2
