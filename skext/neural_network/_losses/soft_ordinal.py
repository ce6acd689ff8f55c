"""Cross-entropy with soft targets for ordered classes."""

import numpy as np
import torch
from scipy.special import log_softmax

from skext.neural_network._losses.base import TabularLoss

DISTANCES = ("absolute", "squared", "squared_log")


def make_soft_targets(n_classes, alpha=1.0, distance="absolute", positions=None):
    """Compute the distribution of labels that each true class stands for.

    Parameters
    ----------
    n_classes : int
        Number K of ordered classes.
    alpha : float, default=1.0
        The larger, the closer to one-hot targets; 0 is uniform.
    distance : str or array-like of shape (n_classes, n_classes), default="absolute"
        Distance of two classes: ``"absolute"``, ``"squared"``, ``"squared_log"``, or
        given.
    positions : array-like of shape (n_classes,), default=None
        Increasing positions of the classes on the scale; 1, ..., K if not given.

    Returns
    -------
    targets : ndarray of shape (n_classes, n_classes)
        Row t is the target of class t and sums to 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    if n_classes < 2:
        raise ValueError(f"n_classes={n_classes!r} must be at least 2.")
    if not 0.0 <= alpha < np.inf:
        raise ValueError(f"alpha={alpha!r} must be finite and not negative.")
    gaps = _distances(n_classes, distance, positions)
    return np.exp(log_softmax(-alpha * gaps, axis=1))


def _distances(n_classes, distance, positions):
    if not isinstance(distance, str):
        gaps = np.asarray(distance, dtype=np.float64)
        if gaps.shape != (n_classes, n_classes) or not np.isfinite(gaps).all():
            raise ValueError(
                f"distance has shape {gaps.shape}; give finite numbers of the shape "
                f"({n_classes}, {n_classes})."
            )
        return gaps
    if distance not in DISTANCES:
        raise ValueError(
            f"distance={distance!r} is unknown; choose one of {list(DISTANCES)} or "
            "give an array."
        )
    place = np.arange(1.0, n_classes + 1.0)
    if positions is not None:
        place = np.asarray(positions, dtype=np.float64)
        if place.shape != (n_classes,) or not (np.diff(place) > 0.0).all():
            raise ValueError(
                f"positions={positions!r} must be {n_classes} increasing numbers."
            )
    if distance == "squared_log":
        if place[0] <= 0.0:
            raise ValueError(
                f"positions={positions!r} must be positive for 'squared_log'."
            )
        place = np.log(place)
    gaps = np.abs(place[:, None] - place)
    return gaps if distance == "absolute" else gaps**2


class SoftOrdinalLoss(TabularLoss):
    r"""Cross-entropy with targets that spread to neighbouring classes.

    For the true class t the target is
    :math:`q_k \propto \exp(-\alpha \, \varphi(r_t, r_k))`, with a distance of the
    positions r of the ordered classes: mistakes cost more the further they are off.

    Parameters
    ----------
    n_classes : int
        Number of ordered classes.
    alpha : float, default=1.0
        The larger, the closer to plain cross-entropy; 0 is a uniform target.
    distance : str or array-like of shape (n_classes, n_classes), default="absolute"
        Distance of two classes: of their positions (``"absolute"``), its square
        (``"squared"``), the square of that of their logarithms (``"squared_log"``), or
        given.
    positions : array-like of shape (n_classes,), default=None
        Increasing positions of the classes on the scale; 1, ..., K if not given.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights.

    Attributes
    ----------
    targets : Tensor of shape (n_classes, n_classes)
        Row t is the target of class t.

    See Also
    --------
    LogLoss : The limit of a large alpha.

    Notes
    -----
    Probabilities from the scores estimate the smoothed distribution, that of the class
    times ``targets``. :meth:`sharpen` divides by it again.

    References
    ----------
    .. [1] Díaz and Marathe, "Soft Labels for Ordinal Regression", CVPR 2019.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import SoftOrdinalLoss
    >>> loss = SoftOrdinalLoss(3)
    >>> loss.targets[0]
    tensor([0.6652, 0.2447, 0.0900])
    >>> loss(torch.zeros(1, 3), torch.tensor([0]))
    tensor(1.0986)
    """

    def __init__(
        self,
        n_classes,
        alpha=1.0,
        distance="absolute",
        positions=None,
        *,
        ensemble_dim=None,
        reduction="mean",
    ):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        self.n_classes, self.alpha = n_classes, alpha
        targets = make_soft_targets(n_classes, alpha, distance, positions)
        # Persistent in no state: it follows from the parameters.
        self.register_buffer("targets", torch.tensor(targets).float(), persistent=False)

    def _row_losses(self, layout, target):
        scores = layout.scores
        if not layout.columns:
            scores = torch.stack((torch.zeros_like(scores), scores), dim=-1)
        soft = self.targets[target.long()].to(scores.dtype)
        if layout.members:
            soft = soft.unsqueeze(1)
        return scores.logsumexp(-1) - (soft * scores).sum(-1)

    def sharpen(self, probability):
        """Undo the smoothing of predicted probabilities.

        Parameters
        ----------
        probability : array-like of shape (n_samples, n_classes)
            Probabilities of a network trained with this loss.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            Probabilities of the classes themselves: the solution p of p q = probability
            for the matrix q of targets, with negative entries set to zero.
        """
        targets = self.targets.double().cpu().numpy()
        solved = np.linalg.solve(targets.T, np.asarray(probability, np.float64).T).T
        solved = np.maximum(solved, 0.0)
        return solved / solved.sum(axis=1, keepdims=True)
