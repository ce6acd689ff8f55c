r"""From scores to probabilities: a link, one positive factor, and its fit.

Scores of margin losses are no logits: EnsLoss, say, has an odds ratio that grows like
the score itself, not like its exponential. The link

.. math:: \ell(s) = \operatorname{sign}(s) \log(1 + |s|)

turns them into something that a logistic function understands. It is odd and
increasing, as is a positive factor, so that the most probable class stays the one
with the highest score.
"""

import numpy as np

from skext.utils._probabilities import (
    fit_temperature,
    log_sigmoid,
    log_softmax,
    sigmoid,
    softmax,
)

#: Largest factor and, inverted, the smallest one.
LARGEST_SCALE = 1e3


class ScoreLink:
    """From what a net gives to linked scores, members averaged.

    Parameters
    ----------
    criterion : torch.nn.Module
        Loss of the net. Its attribute ``link`` says what its scores are, logits if it
        has none, and its method ``link_scores`` normalises scores if it has one.
    link : {"logit", "symlog"}
        The link to use.
    n_columns : int
        Scores of a row and member.
    """

    def __init__(self, criterion, link, n_columns):
        self.criterion = criterion
        self.link = link
        self.n_columns = n_columns

    def __call__(self, scores):
        """Link scores without members.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,) or (n_samples, n_columns)
            What the net gives.

        Returns
        -------
        linked : ndarray of the same shape, dtype float64
            Linked scores.
        """
        normalize = getattr(self.criterion, "link_scores", None)
        if normalize is not None:
            import torch

            with torch.no_grad():
                scores = normalize(torch.tensor(scores, dtype=torch.float64)).numpy()
        return link_scores(scores, self.link, n_columns=self.n_columns)

    def average(self, scores):
        """Link the scores of each member, then average them.

        Parameters
        ----------
        scores : Tensor of shape (n_samples, n_members[, n_columns])
            What the net gives.

        Returns
        -------
        linked : Tensor of shape (n_samples,) or (n_samples, n_columns)
            Mean of the linked scores.
        """
        import torch

        rows = scores.detach().cpu().double().numpy()
        linked = self(rows.reshape(-1, *rows.shape[2:])).reshape(rows.shape)
        return torch.from_numpy(linked.mean(axis=1))


def symlog(scores):
    """Return ``sign(scores) * log(1 + abs(scores))``.

    Parameters
    ----------
    scores : ndarray of shape (...)
        Any numbers.

    Returns
    -------
    linked : ndarray of shape (...)
        Of the sign of the scores.
    """
    return np.copysign(np.log1p(np.abs(scores)), scores)


def link_scores(scores, link, *, n_columns=1):
    """Turn scores into what a logistic or softmax function takes.

    Parameters
    ----------
    scores : ndarray of shape (n_samples[, n_members][, n_columns])
        Scores of a net.
    link : {"logit", "symlog"}
        ``"logit"`` leaves them as they are; ``"symlog"`` subtracts the mean over the
        columns, if there are several, and applies :func:`symlog`.
    n_columns : int, default=1
        Columns of one member; with 1 the last axis is not one of classes.

    Returns
    -------
    linked : ndarray of the same shape, dtype float64
        Linked scores.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if link == "logit":
        return scores
    if n_columns > 1:
        scores = scores - scores.mean(axis=-1, keepdims=True)
    return symlog(scores)


def probabilities(linked, scale=1.0):
    """Return class probabilities of linked scores.

    Parameters
    ----------
    linked : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Linked scores; one-dimensional ones are for the second of two classes.
    scale : float, default=1.0
        Positive factor.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        Rows sum to one.
    """
    if linked.ndim == 2:
        return softmax(linked, scale)
    return sigmoid(linked[:, np.newaxis], scale)


def log_probabilities(linked, scale=1.0):
    """Return logarithms of :func:`probabilities`, exact where those are 0.

    Parameters
    ----------
    linked : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Linked scores.
    scale : float, default=1.0
        Positive factor.

    Returns
    -------
    log_proba : ndarray of shape (n_samples, n_classes)
        Finite for finite scores.
    """
    if linked.ndim == 2:
        return log_softmax(linked, scale)
    return log_sigmoid(linked[:, np.newaxis], scale)


def fit_scale(linked, codes, sample_weight=None):
    """Fit the factor by the weighted log-loss of rows that were not trained on.

    Parameters
    ----------
    linked : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Linked scores of the hold-out.
    codes : ndarray of int of shape (n_samples,)
        Classes of its rows.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of its rows.

    Returns
    -------
    scale : float
        The factor.

    Notes
    -----
    Where the highest score is right for every row, the optimum is infinite: each target
    therefore keeps ``K / (n + K)`` of its mass for all ``K`` classes alike, as if one
    more row of each class had been seen at random (Platt's cure).
    """
    if linked.ndim == 1:
        linked = np.column_stack([np.zeros(len(linked)), linked])
    weight = np.ones(len(codes)) if sample_weight is None else sample_weight
    weight = np.asarray(weight, dtype=np.float64)
    # Rows of equal weight that tell as much as the weighted ones.
    effective = 1.0 / np.square(weight / weight.sum()).sum()
    n_classes = linked.shape[1]
    smoothing = n_classes / (effective + n_classes)
    bounds = (1 / LARGEST_SCALE, LARGEST_SCALE)
    found = fit_temperature(
        linked, codes, weight, smoothing=smoothing, bounds=bounds, tol=1e-7
    )
    return found[0]
