"""Losses that are robust to distributions of labels."""

import math

import torch
from torch.nn import functional

from skext.neural_network._losses.base import TabularLoss, check_choice, class_index

NORMALIZATIONS = ("l1", "softplus", None)


def normalize_scores(scores, normalize):
    """Divide the scores of each row by their mean size.

    Parameters
    ----------
    scores : Tensor of shape (..., K)
        Scores of the classes.
    normalize : {"l1", "softplus", None}
        Divide by the mean absolute value, make positive by the softplus first, or
        leave as they are.

    Returns
    -------
    scores : Tensor of shape (..., K)
        Scores with a mean size of 1.
    """
    if normalize is None:
        return scores
    if normalize == "softplus":
        scores = functional.softplus(scores)
    # Scores that are all zero stay zero.
    floor = torch.finfo(scores.dtype).eps
    return scores / scores.abs().mean(-1, keepdim=True).clamp_min(floor)


def log_mean_exp(values):
    """Compute the logarithm of the mean of exponentials over the last axis.

    Parameters
    ----------
    values : Tensor of shape (..., K)
        Exponents.

    Returns
    -------
    result : Tensor of shape (...)
        Between the mean and the largest exponent.
    """
    return values.logsumexp(-1) - math.log(values.shape[-1])


def adaptive_lambda(gaps, lam, alpha, n_iter):
    """Find the strength for each row by iterating to the fixed point from above.

    Parameters
    ----------
    gaps : Tensor of shape (..., K)
        Scores minus that of the observed class, plus the margin.
    lam : float
        Largest strength, where the iteration starts.
    alpha : float
        Weight of the penalty, above 1; the strength stays above lam (1 - 1 / alpha).
    n_iter : int
        Number of iterations; the sequence descends.

    Returns
    -------
    strength : Tensor of shape (...)
        Strengths, without gradient.
    """
    log_k = math.log(gaps.shape[-1])
    gaps = gaps.detach()
    strength = torch.full_like(gaps[..., 0], lam)
    for _ in range(n_iter):
        log_p = (gaps / strength.unsqueeze(-1)).log_softmax(-1)
        divergence = log_k + (log_p.exp() * log_p).sum(-1)
        # Rounding can make the divergence slightly too large.
        share = (divergence / (alpha * log_k)).clamp(0.0, 1.0 / alpha)
        strength = lam * (1.0 - share)
    return strength


class LDRLoss(TabularLoss):
    r"""Label-distributionally robust loss for noisy labels.

    With :math:`\delta_k = f_k - f_y + c \, 1[k \ne y]` and u the uniform distribution
    of K classes, the loss is

    .. math::
        \max_p \sum_k p_k \delta_k - \lambda \, \mathrm{KL}(p \| u)
        = \lambda \log \Big( \frac{1}{K} \sum_k e^{\delta_k / \lambda} \Big).

    Small :math:`\lambda` gives the largest of the :math:`\delta_k`, 1 cross-entropy
    (minus log K), and a large one their mean, which uniformly wrong labels do not
    bias. With ``adaptive=True`` each row has a :math:`\lambda` of its own, which also
    maximises, under the penalty
    :math:`\alpha \log(K) (\lambda - \lambda_0)^2 / (2 \lambda_0)`.

    Parameters
    ----------
    lam : float, default=10.0
        Strength :math:`\lambda`, or :math:`\lambda_0` if adaptive.
    adaptive : bool, default=False
        Whether the strength is found for each row.
    alpha : float, default=2.0
        Weight of the penalty of the adaptive strength, above 1.
    margin : float, default=0.1
        Margin c by which the observed class is to win.
    normalize : {"l1", "softplus", None}, default="l1"
        Divide the scores of a row by their mean absolute value, after a softplus or
        not. It is what makes the loss robust; it needs a column for each class.
    n_fixed_point : int, default=5
        Iterations for the adaptive strength.
    ensemble_dim : {None, 1}, default=None
        1 if axis 1 of the scores holds members; their losses are averaged.
    reduction : {"mean", "sum", "none"}, default="mean"
        How losses of rows are combined. A weighted mean divides by the sum of the
        weights.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    GeneralizedCrossEntropy : Another loss for wrong labels.

    Notes
    -----
    - The adaptive strength solves
      :math:`\lambda = \lambda_0 (1 - \mathrm{KL}(p \| u) / (\alpha \log K))`,
      :math:`p = \mathrm{softmax}(\delta / \lambda)`. It is found anew in every step by
      a descending iteration and not kept between the epochs for each training row, so
      the loss has no state; p includes the margin. The gradient takes it as constant
      (envelope theorem).
    - A single score for two classes stands for the scores -f/2 and f/2. Normalised,
      they would lose all but the sign; then give the network two outputs.
    - Without normalisation probabilities are the softmax of the scores divided by
      :math:`\lambda`. With it, fit a temperature on held-out :meth:`link_scores`.

    References
    ----------
    .. [1] Zhu, Ying and Yang, "Label Distributionally Robust Losses for Multi-class
       Classification: Consistency, Robustness and Adaptivity", ICML 2023.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import LDRLoss
    >>> scores = torch.tensor([[2.0, 0.0, -1.0], [0.0, 3.0, 0.0]])
    >>> LDRLoss(lam=1.0)(scores, torch.tensor([0, 1]))
    tensor(-0.9533)
    """

    def __init__(
        self,
        lam=10.0,
        adaptive=False,
        alpha=2.0,
        margin=0.1,
        normalize="l1",
        *,
        n_fixed_point=5,
        ensemble_dim=None,
        reduction="mean",
    ):
        super().__init__(ensemble_dim=ensemble_dim, reduction=reduction)
        if not 0.0 < lam < math.inf:
            raise ValueError(f"lam={lam!r} must be positive and finite.")
        if not 1.0 < alpha < math.inf:
            raise ValueError(f"alpha={alpha!r} must be finite and above 1.")
        if not 0.0 <= margin < math.inf:
            raise ValueError(f"margin={margin!r} must be finite and not negative.")
        if n_fixed_point < 1:
            raise ValueError(f"n_fixed_point={n_fixed_point!r} must be at least 1.")
        self.lam, self.adaptive, self.alpha, self.margin = lam, adaptive, alpha, margin
        self.normalize = check_choice("normalize", normalize, NORMALIZATIONS)
        self.n_fixed_point = n_fixed_point
        self.link_scale = 1.0 / lam if normalize is None else 1.0

    @staticmethod
    def defaults(n_outputs):
        """Do not normalise a single score, which has nothing but its size to lose.

        Parameters
        ----------
        n_outputs : int
            Scores of a row and member.

        Returns
        -------
        params : dict
            For a single score.
        """
        return {"normalize": None, "lam": 1.0} if n_outputs == 1 else {}

    def link_scores(self, scores):
        """Normalise scores as the loss does.

        Parameters
        ----------
        scores : Tensor of shape (B,) or (B, K)
            Output of the network, without members.

        Returns
        -------
        scores : Tensor of the same shape
            Scores whose multiples are logits; the order in a row is kept.
        """
        return scores if scores.ndim == 1 else normalize_scores(scores, self.normalize)

    def _row_losses(self, layout, target):
        scores = layout.scores
        if layout.columns:
            scores = normalize_scores(scores, self.normalize)
        elif self.normalize is None:
            scores = torch.stack((-0.5 * scores, 0.5 * scores), dim=-1)
            layout = layout._replace(scores=scores, columns=True)
        else:
            raise ValueError(
                f"normalize={self.normalize!r} must be None for a single score per "
                "row; or give the network an output for each class."
            )
        own = class_index(target, layout)
        codes = torch.arange(scores.shape[-1], device=scores.device)
        gaps = scores - scores.gather(-1, own) + self.margin * (codes != own)
        if not self.adaptive:
            return self.lam * log_mean_exp(gaps / self.lam)
        strength = adaptive_lambda(gaps, self.lam, self.alpha, self.n_fixed_point)
        price = 0.5 * self.alpha * math.log(scores.shape[-1]) / self.lam
        value = strength * log_mean_exp(gaps / strength.unsqueeze(-1))
        return value - price * (strength - self.lam).square()
