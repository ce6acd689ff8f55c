"""Criteria of other libraries, with weights of rows and members."""

import copy

from torch import nn

from skext.neural_network._losses.base import TabularLoss, lay_out, reduce_losses


class ModuleLoss(TabularLoss):
    """Give a criterion of another library weights of rows and members.

    Parameters
    ----------
    module : nn.Module
        Called with scores of shape (B,) or (B, K) and a target; copied. It has an
        attribute ``reduction`` that can be set to ``"none"``.
    n_outputs : int
        Outputs of one member.
    numbers : bool
        Whether targets are numbers rather than class codes.
    """

    def __init__(self, module, n_outputs, numbers):
        super().__init__(reduction=module.reduction)
        self.module = copy.deepcopy(module)
        self.by_row = copy.deepcopy(module)
        self.by_row.reduction = "none"
        self.n_outputs, self.numbers = n_outputs, numbers
        robust = isinstance(module, (nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss))
        self.robust = getattr(module, "robust", robust)
        self.link = getattr(module, "link", "identity" if numbers else "logit")
        self.link_scale = getattr(module, "link_scale", 1.0)

    def forward(self, scores, target, sample_weight=None):
        """Compute the loss of a batch.

        Parameters
        ----------
        scores : Tensor of shape (B,), (B, K), (B, m) or (B, m, K)
            Output of the network.
        target : Tensor of shape (B,)
            Classes or numbers.
        sample_weight : Tensor of shape (B,), default=None
            Weights of the rows.

        Returns
        -------
        loss : Tensor
            As the module reduces it if there are neither weights nor members.
        """
        layout = lay_out(scores, None, self.n_outputs)
        plain = sample_weight is None and not layout.members
        if plain and self.reduction == self.module.reduction:
            return self.module(layout.scores, self._cast(target, layout))
        losses = self._row_losses(layout, target)
        return reduce_losses(losses, sample_weight, self.reduction)

    def _cast(self, target, layout):
        # One logit for two classes wants 0.0 and 1.0, columns want codes.
        if self.numbers or not layout.columns:
            return target.to(layout.scores.dtype)
        return target.long()

    def _row_losses(self, layout, target):
        scores, target = layout.scores, self._cast(target, layout)
        if layout.members:
            n_members = scores.shape[1]
            target = target.repeat_interleave(n_members, dim=0)
            losses = self.by_row(scores.flatten(0, 1), target)
            losses = losses.reshape(len(scores), n_members, -1)
        else:
            losses = self.by_row(scores, target).reshape(len(scores), -1)
        return losses.mean(-1)
