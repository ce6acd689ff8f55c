"""Losses of margins, for two and more classes."""

import math

import torch

from skext.neural_network._losses.base import (
    TabularLoss,
    align,
    check_choice,
    class_index,
)

MULTICLASS = ("pairwise", "ovr")
TAILS = ("log", "log2", None)


def signed_targets(target, scores):
    """Return -1 and 1 for classes 0 and 1, in the dtype of the scores.

    Parameters
    ----------
    target : Tensor of shape (B,)
        Classes 0 and 1.
    scores : Tensor of shape (B,) or (B, m)
        Gives dtype and number of axes.

    Returns
    -------
    signs : Tensor of shape (B,) or (B, 1)
        Signs of the margins.
    """
    return align(target.to(scores.dtype), scores).mul(2.0).sub_(1.0)


def compute_margins(layout, target, multiclass="pairwise"):
    """Compute margins: positive where the score is on the right side.

    Parameters
    ----------
    layout : Layout
        Scores (B[, m]) of class 1, or (B[, m], K).
    target : Tensor of shape (B,)
        Class codes.
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        Score of the class minus those of its K - 1 rivals, or K signed scores.

    Returns
    -------
    margins : Tensor of shape (B[, m]) or (B[, m], K - 1) or (B[, m], K)
        Margins; the last axis is for several classes only.
    """
    scores = layout.scores
    if not layout.columns:
        return scores * signed_targets(target, scores)
    own = class_index(target, layout)
    n_classes = scores.shape[-1]
    if multiclass == "pairwise":
        # Rivals by number, not by a mask: the shape must not depend on the data.
        rivals = torch.arange(n_classes - 1, device=scores.device)
        rivals = rivals + (rivals >= own)
        return scores.gather(-1, own) - scores.gather(-1, rivals)
    is_own = own == torch.arange(n_classes, device=scores.device)
    return torch.where(is_own, scores, -scores)


def log_hinge(margins, tail="log"):
    """Compute the log-hinge.

    Parameters
    ----------
    margins : Tensor
        Margins s of any shape.
    tail : {"log", "log2", None}, default="log"
        Beyond 1 the derivative is -1/s, or -1/(s (1 + log s)^2), or stays -1.

    Returns
    -------
    value : Tensor
        1 - s up to 1; then -log(s), or 1/(1 + log s) - 1, or 1 - s.
    """
    if tail is None:
        return 1.0 - margins
    beyond = margins.clamp_min(1.0)
    hinge, log = beyond - margins, beyond.log()
    return hinge - log if tail == "log" else hinge - log / (1.0 + log)


def log_hinge_tangent(margins, tail="log"):
    """Compute the tangent of the log-hinge at each margin.

    Parameters
    ----------
    margins : Tensor
        Margins s of any shape.
    tail : {"log", "log2", None}, default="log"
        Which log-hinge.

    Returns
    -------
    slope : Tensor
        Minus the derivative, in (0, 1].
    intercept : Tensor
        Value of the tangent at 0: the log-hinge is intercept - slope s.
    """
    if tail is None:
        return torch.ones_like(margins), torch.ones_like(margins)
    beyond = margins.clamp_min(1.0)
    if tail == "log":
        return beyond.reciprocal(), 1.0 - beyond.log()
    decay = (1.0 + beyond.log()).reciprocal()
    square = decay.square()
    return square / beyond, square + decay - 1.0


class MarginLoss(TabularLoss):
    """Base of losses that are functions of the margin.

    Parameters
    ----------
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        Margins for more than two classes.
    ensemble_dim : {None, 1}, default=None
        Axis of members.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined.
    """

    link = "symlog"

    def __init__(self, multiclass="pairwise", *, ensemble_dim=None, reduction="mean"):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        self.multiclass = check_choice("multiclass", multiclass, MULTICLASS)

    def _row_losses(self, layout, target):
        """Sum the losses of the margins of each row.

        Parameters
        ----------
        layout : Layout
            Scores and what their axes are.
        target : Tensor of shape (B,)
            Classes.

        Returns
        -------
        losses : Tensor of shape (B,) or (B, m)
            Not weighted.
        """
        losses = self._of_margins(compute_margins(layout, target, self.multiclass))
        return losses.sum(-1) if layout.columns else losses

    def _of_margins(self, margins):
        """Compute the loss of each margin.

        Parameters
        ----------
        margins : Tensor
            Margins of any shape.

        Returns
        -------
        losses : Tensor
            Of the same shape.
        """
        raise NotImplementedError


class LogHingeLoss(MarginLoss):
    r"""Hinge loss whose flat part is replaced by a slow logarithm.

    .. math:: \psi(s) = 1 - s \text{ for } s \le 1, \quad -\log s \text{ for } s > 1

    Convex, decreasing, with a bounded and continuous derivative that never vanishes.
    It is what :class:`EnsLoss` weights by random ranks, and the baseline which shows
    what the randomness adds.

    Parameters
    ----------
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        For more than two classes: margins against every rival, or of each class
        against the rest. Losses are summed over the margins of a row.
    tail : {"log", "log2", None}, default="log"
        Beyond 1 the derivative falls to zero as -1/s, or as -1/(s (1 + log s)^2), which
        makes the loss bounded below, or stays -1.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights.

    See Also
    --------
    EnsLoss : The same loss, weighted by a random spectrum.
    HingeLoss : Flat beyond a margin of 1.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import LogHingeLoss
    >>> loss = LogHingeLoss(reduction="none")
    >>> loss(torch.tensor([-1.0, 0.5, 1.0, 2.7183]), torch.ones(4))
    tensor([ 2.0000,  0.5000,  0.0000, -1.0000])
    """

    def __init__(
        self, multiclass="pairwise", *, tail="log", ensemble_dim=None, reduction="mean"
    ):
        super().__init__(multiclass, ensemble_dim=ensemble_dim, reduction=reduction)
        self.tail = check_choice("tail", tail, TAILS)

    def _of_margins(self, margins):
        return log_hinge(margins, self.tail)


class HingeLoss(MarginLoss):
    r"""Hinge loss, :math:`\max(1 - s, 0)`, of margins.

    Parameters
    ----------
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        For more than two classes: margins against every rival, or of each class
        against the rest. Losses are summed over the margins of a row.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights.

    See Also
    --------
    LogHingeLoss : Derivative that never vanishes.

    Notes
    -----
    Scores tell the side of one half and little more: probabilities that are
    calibrated on them are coarse.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import HingeLoss
    >>> HingeLoss()(torch.tensor([0.5, -2.0]), torch.tensor([1, 0]))
    tensor(0.2500)
    """

    def _of_margins(self, margins):
        return torch.relu(1.0 - margins)


class ExponentialLoss(MarginLoss):
    r"""Exponential loss, :math:`\exp(-s)`, of margins.

    Parameters
    ----------
    multiclass : {"pairwise", "ovr"}, default="pairwise"
        For more than two classes: margins against every rival, or of each class
        against the rest. Losses are summed over the margins of a row.
    max_slope : float or None, default=None
        Largest derivative: below a margin of -log(max_slope) the loss goes on as a
        straight line, so that one row cannot overflow. ``None`` is the plain loss,
        which needs clipped gradients.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights.

    See Also
    --------
    LogHingeLoss : Bounded derivative.

    Notes
    -----
    At the optimum a score is half the log-odds, hence ``link_scale`` is 2.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import ExponentialLoss
    >>> ExponentialLoss()(torch.tensor([0.0, -1.0]), torch.tensor([1, 0]))
    tensor(0.6839)
    """

    link = "logit"
    link_scale = 2.0

    def __init__(
        self,
        multiclass="pairwise",
        *,
        max_slope=None,
        ensemble_dim=None,
        reduction="mean",
    ):
        super().__init__(multiclass, ensemble_dim=ensemble_dim, reduction=reduction)
        if max_slope is not None and not max_slope >= 1.0:
            raise ValueError(f"max_slope={max_slope!r} must be at least 1 or None.")
        self.max_slope = max_slope

    def _of_margins(self, margins):
        if self.max_slope is None:
            return torch.exp(-margins)
        bounded = margins.clamp_min(-math.log(self.max_slope))
        return torch.exp(-bounded) + self.max_slope * (bounded - margins)
