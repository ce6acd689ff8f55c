"""Losses for numbers."""

import math
from collections.abc import Iterable

import torch
from torch.nn import functional

from skext.neural_network._losses.base import TabularLoss


class RegressionLoss(TabularLoss):
    """Base of losses of the difference between a number and its prediction.

    Parameters
    ----------
    ensemble_dim : {None, 1}, default=None
        Axis of members.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined.
    """

    link = "identity"

    def _row_losses(self, layout, target):
        scores = layout.scores
        target = target.to(scores.dtype)
        if not layout.columns:
            target = target.reshape(-1)
        if layout.members:
            target = target.unsqueeze(1)
        if layout.columns and target.ndim < scores.ndim:
            raise ValueError(
                f"target has shape {tuple(target.shape)}; give it a column for each of "
                f"the {scores.shape[-1]} outputs."
            )
        losses = self._of_residuals(target - scores)
        return losses.mean(-1) if layout.columns else losses

    def _of_residuals(self, residuals):
        raise NotImplementedError


class SquaredErrorLoss(RegressionLoss):
    r"""Squared error, :math:`(y - f)^2`.

    Parameters
    ----------
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights. Several outputs of a row are averaged.

    See Also
    --------
    HuberLoss : Less sensitive to outliers.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import SquaredErrorLoss
    >>> SquaredErrorLoss()(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 1.0]))
    tensor(2.)
    """

    def _of_residuals(self, residuals):
        return residuals.square()


class AbsoluteErrorLoss(RegressionLoss):
    r"""Absolute error, :math:`|y - f|`, whose optimum is the median.

    Parameters
    ----------
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights. Several outputs of a row are averaged.

    See Also
    --------
    PinballLoss : Other quantiles.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import AbsoluteErrorLoss
    >>> AbsoluteErrorLoss()(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 1.0]))
    tensor(1.)
    """

    robust = True

    def _of_residuals(self, residuals):
        return residuals.abs()


class HuberLoss(RegressionLoss):
    r"""Huber loss: half the square up to delta, then a straight line.

    Parameters
    ----------
    delta : float, default=1.0
        Residual where the line begins.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights. Several outputs of a row are averaged.

    Raises
    ------
    ValueError
        If delta is not positive.

    See Also
    --------
    SquaredErrorLoss : Twice this loss, for a large delta.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import HuberLoss
    >>> HuberLoss(reduction="none")(torch.tensor([0.0, 0.0]), torch.tensor([0.5, 3.0]))
    tensor([0.1250, 2.5000])
    """

    robust = True

    def __init__(self, delta=1.0, *, ensemble_dim=None, reduction="mean"):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        if not 0.0 < delta < math.inf:
            raise ValueError(f"delta={delta!r} must be positive and finite.")
        self.delta = delta

    def _of_residuals(self, residuals):
        zeros = torch.zeros_like(residuals)
        return functional.huber_loss(
            residuals, zeros, reduction="none", delta=self.delta
        )


class PinballLoss(RegressionLoss):
    r"""Pinball loss, whose optimum is a quantile.

    .. math:: \rho(r) = \max(\tau r, (\tau - 1) r), \quad r = y - f

    Parameters
    ----------
    quantile : float or sequence of float, default=0.5
        Level :math:`\tau` of the quantile, between 0 and 1; several for a network with
        an output for each of them, whose losses are averaged.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights. Several outputs of a row are averaged.

    Raises
    ------
    ValueError
        If a quantile is not between 0 and 1.

    See Also
    --------
    AbsoluteErrorLoss : Twice this loss for the median.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import PinballLoss
    >>> loss = PinballLoss(quantile=0.9, reduction="none")
    >>> loss(torch.tensor([0.0, 0.0]), torch.tensor([1.0, -1.0]))
    tensor([0.9000, 0.1000])
    """

    robust = True

    def __init__(self, quantile=0.5, *, ensemble_dim=None, reduction="mean"):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        several = isinstance(quantile, Iterable)
        levels = tuple(map(float, quantile)) if several else (quantile,)
        if not levels or not all(0.0 < level < 1.0 for level in levels):
            raise ValueError(f"quantile={quantile!r} must be between 0 and 1.")
        self.quantile = levels if several else quantile
        levels = torch.tensor(levels) if several else None
        self.register_buffer("levels", levels, persistent=False)

    def _row_losses(self, layout, target):
        if self.levels is None:
            return super()._row_losses(layout, target)
        if layout.scores.shape[-1] != len(self.quantile) or not layout.columns:
            raise ValueError(
                f"scores has shape {tuple(layout.scores.shape)}; give it a column for "
                f"each of the {len(self.quantile)} quantiles."
            )
        return super()._row_losses(layout, target.reshape(-1, 1))

    def _of_residuals(self, residuals):
        level = self.quantile
        if self.levels is not None:
            level = self.levels.to(residuals.dtype)
        return torch.maximum(level * residuals, (level - 1.0) * residuals)
