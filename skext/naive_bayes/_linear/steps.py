"""What the closed-form probes hand from one step of a fit to the next."""

from typing import NamedTuple

import numpy as np

from skext.naive_bayes._moments.state import MomentState


class Batch(NamedTuple):
    """One validated batch of rows and its sufficient statistics.

    Attributes
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows.
    labels : ndarray of shape (n_labels,)
        Sorted labels that occur.
    codes : ndarray of shape (n_samples,)
        Position of the label of each row.
    weights : ndarray of shape (n_samples,) or None
        Sample weights.
    state : MomentState
        Moments of these labels.
    origin : ndarray of shape (n_features,) or None
        What was subtracted from the rows.
    token : array of shape (1,)
        An array of the library and device that the rows came from.
    """

    X: np.ndarray
    labels: np.ndarray
    codes: np.ndarray
    weights: np.ndarray | None
    state: MomentState
    origin: np.ndarray | None
    token: object


class Tuned(NamedTuple):
    """What a fit has decided beyond the moments.

    Attributes
    ----------
    prior : ndarray of shape (n_classes,)
        Class probabilities.
    origin : ndarray of shape (n_features,) or None
        What is subtracted from all rows.
    shrinkage : float or None
        Weight of the target; None if it follows from the moments.
    temperature : float
        Factor of the scores in probabilities.
    loo_score : float or None
        Mean leave-one-out log-probability of the true class, if computed.
    """

    prior: np.ndarray | None = None
    origin: np.ndarray | None = None
    shrinkage: float | None = None
    temperature: float = 1.0
    loo_score: float | None = None


def joined(moments, known, merged, labels, batch):
    """Return moments with classes ``merged`` after ``batch`` is added to them."""
    if merged.size > known.size:
        moments = moments.expanded(np.searchsorted(merged, known), merged.size)
    moments.merge(batch, np.searchsorted(merged, labels))
    return moments
