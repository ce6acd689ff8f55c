"""Losses of class probabilities: cross-entropy and its robust relative."""

import torch
from torch.nn import functional

from skext.neural_network._losses.base import TabularLoss, class_index
from skext.neural_network._losses.margin import signed_targets


def log_probability(layout, target):
    """Compute the log-probability of the observed class.

    Parameters
    ----------
    layout : Layout
        Logits (B[, m]) of class 1, or (B[, m], K).
    target : Tensor of shape (B,)
        Class codes.

    Returns
    -------
    log_probability : Tensor of shape (B,) or (B, m)
        Not positive.
    """
    scores = layout.scores
    if not layout.columns:
        return functional.logsigmoid(scores * signed_targets(target, scores))
    own = scores.gather(-1, class_index(target, layout)).squeeze(-1)
    return own - scores.logsumexp(-1)


class LogLoss(TabularLoss):
    r"""Cross-entropy of logits, for two or more classes.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of the target that is spread evenly over all classes, from 0 to 1.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights.

    See Also
    --------
    GeneralizedCrossEntropy : Less sensitive to wrong labels.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import LogLoss
    >>> LogLoss()(torch.tensor([0.0, 0.0]), torch.tensor([0, 1]))
    tensor(0.6931)
    >>> scores = torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    >>> LogLoss()(scores, torch.tensor([0, 1]), torch.tensor([1.0, 3.0]))
    tensor(0.2395)
    """

    def __init__(self, label_smoothing=0.0, *, ensemble_dim=None, reduction="mean"):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise ValueError(
                f"label_smoothing={label_smoothing!r} must be between 0 and 1."
            )
        self.label_smoothing = label_smoothing

    def _row_losses(self, layout, target):
        scores, smooth = layout.scores, self.label_smoothing
        if not layout.columns:
            losses = functional.softplus(-scores * signed_targets(target, scores))
            if smooth:
                even = functional.softplus(scores) - 0.5 * scores
                losses = (1.0 - smooth) * losses + smooth * even
            return losses
        if layout.members or smooth:
            losses = -log_probability(layout, target)
            if smooth:
                even = scores.logsumexp(-1) - scores.mean(-1)
                losses = (1.0 - smooth) * losses + smooth * even
            return losses
        return functional.cross_entropy(scores, target.long(), reduction="none")


class GeneralizedCrossEntropy(TabularLoss):
    r"""Loss between cross-entropy and mean absolute error, robust to wrong labels.

    .. math:: \ell(f, y) = (1 - p_y^q) / q, \quad p = \mathrm{softmax}(f)

    Parameters
    ----------
    q : float, default=0.7
        From 0, cross-entropy, to 1, the mean absolute error of the probability. The
        larger, the less a row counts that the model finds improbable.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights.

    See Also
    --------
    LogLoss : The limit for q = 0.
    LDRLoss : Another loss for wrong labels.

    Notes
    -----
    For true probabilities :math:`\eta` the optimal softmax is proportional to
    :math:`\eta^{1 / (1 - q)}`, so ``link_scale`` is 1 - q.

    References
    ----------
    .. [1] Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural
       Networks with Noisy Labels", NeurIPS 2018.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import GeneralizedCrossEntropy
    >>> scores, target = torch.tensor([-6.0, 0.0]), torch.tensor([1, 1])
    >>> GeneralizedCrossEntropy(q=0.7, reduction="none")(scores, target)
    tensor([1.4072, 0.5492])
    """

    def __init__(self, q=0.7, *, ensemble_dim=None, reduction="mean"):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"q={q!r} must be between 0 and 1.")
        self.q = q
        # With q = 1 probabilities are not identified; any scale is as good.
        self.link_scale = 1.0 - q if q < 1.0 else 1.0

    def _row_losses(self, layout, target):
        log = log_probability(layout, target)
        if self.q == 0.0:
            return -log
        return -torch.expm1(self.q * log) / self.q
