"""Weights of rows that follow from their losses within the batch."""

import copy

import torch
from torch import nn

from skext.neural_network._losses.base import TabularLoss, align, check_choice

STRATEGIES = ("lin_upper", "quadratic", "extremes", "uniform")
SCALES = ("minmax", "rank")
MIN_RANGE = 1e-6


def scale_losses(losses, keep, scale="minmax"):
    """Map the losses of a batch to [-1, 1].

    Parameters
    ----------
    losses : Tensor of shape (B,) or (B, m)
        Losses of rows; columns are independent of each other.
    keep : Tensor of shape (B,) or (B, m)
        True for rows that count.
    scale : {"minmax", "rank"}, default="minmax"
        Linear between the smallest and the largest loss, or by (average) rank, which
        outliers cannot stretch.

    Returns
    -------
    scaled : Tensor of the same shape
        All -1 if the losses are constant and the scale is ``"minmax"``, all 0 if it is
        ``"rank"``.
    """
    if scale == "minmax":
        low = losses.masked_fill(~keep, torch.inf).amin(0)
        high = losses.masked_fill(~keep, -torch.inf).amax(0)
        return 2.0 * (losses - low) / (high - low).clamp_min(MIN_RANGE) - 1.0
    rows = losses.masked_fill(~keep, torch.inf).movedim(0, -1).contiguous()
    ordered = rows.sort(dim=-1).values
    below = torch.searchsorted(ordered, rows)
    up_to = torch.searchsorted(ordered, rows, right=True)
    rank = (0.5 * (below + up_to - 1)).to(losses.dtype).movedim(-1, 0)
    last = keep.sum(0).sub(1).clamp_min(1)
    # A single row has rank 0 and would count as the easiest one.
    return torch.where(keep.sum(0) > 1, 2.0 * rank / last - 1.0, 0.0)


def score_losses(scaled, strategy):
    """Score scaled losses: the larger, the more a row counts.

    Parameters
    ----------
    scaled : Tensor
        Losses in [-1, 1].
    strategy : {"lin_upper", "quadratic", "extremes", "uniform"}
        Down-weight easy rows, both ends, the middle, or none.

    Returns
    -------
    score : Tensor
        Of the same shape.
    """
    if strategy == "lin_upper":
        return (scaled + 1.0).clamp_max(1.0)
    if strategy == "quadratic":
        return 1.0 - scaled.square()
    if strategy == "extremes":
        return scaled.abs()
    return torch.zeros_like(scaled)


class LossReweighting(TabularLoss):
    r"""Wrap a loss so that rows of a batch count by their loss.

    Losses of a batch are mapped to h in [-1, 1]; a row has the weight
    :math:`\propto \exp(a(h) / r)` with :math:`a = \min(h + 1, 1)`
    (``"lin_upper"``: easy rows count less, hard ones alike, so that outliers are not
    chased), :math:`1 - h^2` (``"quadratic"``), :math:`|h|` (``"extremes"``) or 0.

    Parameters
    ----------
    base_loss : nn.Module
        Criterion with an attribute ``reduction``; it is copied.
    strategy : {"lin_upper", "quadratic", "extremes", "uniform"}, default="lin_upper"
        Which rows count more.
    temperature : float, default=1.0
        The larger r, the more equal the weights.
    warmup : float, default=0.05
        First share of the training, in which all rows count alike; see ``progress``.
    scale : {"minmax", "rank"}, default="minmax"
        Map losses linearly, or by their rank, which one extreme loss cannot disturb.
    reduction : {"mean", "sum", "none"}, default="mean"
        ``"mean"`` is the weighted mean; ``"sum"`` is that times the number of rows;
        ``"none"`` gives the parts of the latter.

    Attributes
    ----------
    progress : float
        Share of the training that is done; the loop sets it. 1 if nobody does, which
        leaves out the warm-up.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    - Weights are constants for the gradient. Weights of the user multiply them, and
      the product is normalised again; rows of weight zero take no part in the scale.
    - In evaluation mode it is the mean of the base loss.
    - With wrong labels, hard rows are often the wrong ones.

    References
    ----------
    .. [1] Sow et al., "Dynamic Loss-Based Sample Reweighting for Improved Large
       Language Model Pretraining", ICLR 2025.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import LogLoss, LossReweighting
    >>> scores, target = torch.tensor([4.0, 1.0, -2.0]), torch.tensor([1, 1, 1])
    >>> LogLoss(reduction="none")(scores, target)
    tensor([0.0181, 0.3133, 2.1269])
    >>> LossReweighting(LogLoss())(scores, target)
    tensor(1.2327)
    """

    def __init__(
        self,
        base_loss,
        strategy="lin_upper",
        temperature=1.0,
        warmup=0.05,
        *,
        scale="minmax",
        reduction="mean",
    ):
        super().__init__(reduction=reduction)
        if not isinstance(base_loss, nn.Module) or not hasattr(base_loss, "reduction"):
            raise ValueError(
                f"base_loss={base_loss!r} must be a module with the attribute "
                "'reduction'."
            )
        if not temperature > 0.0:
            raise ValueError(f"temperature={temperature!r} must be positive.")
        if not 0.0 <= warmup <= 1.0:
            raise ValueError(f"warmup={warmup!r} must be between 0 and 1.")
        self.base_loss = copy.deepcopy(base_loss)
        self.base_loss.reduction = "none"
        self.strategy = check_choice("strategy", strategy, STRATEGIES)
        self.scale = check_choice("scale", scale, SCALES)
        self.temperature, self.warmup = temperature, warmup
        self.link = getattr(base_loss, "link", "logit")
        self.link_scale = getattr(base_loss, "link_scale", 1.0)
        self.ensemble_dim = getattr(base_loss, "ensemble_dim", None)

    @property
    def n_outputs(self):
        """Outputs of one member, if known; those of the base loss."""
        return getattr(self.base_loss, "n_outputs", None)

    @n_outputs.setter
    def n_outputs(self, value):
        self.base_loss.n_outputs = value

    def link_scores(self, scores):
        """Transform scores as the base loss does.

        Parameters
        ----------
        scores : Tensor of shape (B,) or (B, K)
            Output of the network, without members.

        Returns
        -------
        scores : Tensor of the same shape
            Those that the link applies to.
        """
        own = getattr(self.base_loss, "link_scores", None)
        return scores if own is None else own(scores)

    def forward(self, scores, target, sample_weight=None):
        """Compute the loss of a batch.

        Parameters
        ----------
        scores : Tensor of shape (B,), (B, K), (B, m) or (B, m, K)
            Output of the network, as the base loss wants it.
        target : Tensor of shape (B,)
            Target, as the base loss wants it.
        sample_weight : Tensor of shape (B,), default=None
            Weights of the rows.

        Returns
        -------
        loss : Tensor
            A scalar, or for ``reduction="none"`` of shape (B,) or (B, m).
        """
        losses = self.base_loss(scores, target)
        parts = losses * self._weigh(losses.detach(), sample_weight)
        if self.reduction == "none":
            return parts * losses.shape[0]
        total = parts.sum(0).mean()
        return total * losses.shape[0] if self.reduction == "sum" else total

    def _weigh(self, losses, sample_weight):
        """Weights of the rows that sum to one, constant for the gradient."""
        with torch.no_grad():
            weight = torch.ones_like(losses)
            if sample_weight is not None:
                weight = weight * align(sample_weight.to(losses.dtype), losses)
            if self.training and self.progress >= self.warmup:
                keep = weight > 0.0
                score = score_losses(
                    scale_losses(losses, keep, self.scale), self.strategy
                )
                # Relative to the best row, so that some weight is 1 at any temperature.
                best = score.masked_fill(~keep, -torch.inf).amax(0).clamp_min(-1.0)
                weight = weight * torch.exp((score - best) / self.temperature)
            tiny = torch.finfo(losses.dtype).tiny
            return weight / weight.sum(0).clamp_min(tiny)

    def extra_repr(self):
        """Return the parameters that the representation shows.

        Returns
        -------
        text : str
            Names and values.
        """
        return (
            f"strategy={self.strategy!r}, temperature={self.temperature}, "
            f"warmup={self.warmup}, scale={self.scale!r}, reduction={self.reduction!r}"
        )
