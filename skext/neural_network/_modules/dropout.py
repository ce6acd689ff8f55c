"""Dropout with cheap random masks."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def draw_masks(shape, keep, like):
    """Draw independent entries that are 1 with probability `keep`, else 0.

    Parameters
    ----------
    shape : tuple of int
        Shape of the masks.
    keep : float
        Probability in (0, 1].
    like : Tensor
        Gives type and device.

    Returns
    -------
    masks : Tensor of shape `shape`
        Zeros and ones; on a processor `keep` is rounded to a multiple of 2**-16.

    Notes
    -----
    On a processor each word of 64 random bits gives four entries, which takes a tenth
    of the time of torch's Bernoulli draws; those made dropout the most expensive layer
    of a small network.
    """
    if like.device.type != "cpu":
        masks = torch.empty(shape, dtype=like.dtype, device=like.device)
        return masks.bernoulli_(keep)
    size = math.prod(shape)
    bits = _random_words((size + 3) // 4).view(torch.int16)[:size].view(shape)
    # Integers from -2**15 on; those below the bound become 1. Arithmetic on floats is
    # faster than comparing and converting, and half precision would be too coarse.
    exact = torch.float64 if like.dtype == torch.float64 else torch.float32
    bound = max(1, round(keep * 2**16)) - 2**15
    return bits.to(exact).neg_().add_(bound).clamp_(0.0, 1.0).to(like.dtype)


def _random_words(n_words):
    """Draw 64-bit integers; both branches draw the same ones."""
    if torch.compiler.is_compiling():
        # The compiler knows no random_, and randint adds its lower bound.
        return torch.randint(-(2**63), 2**63 - 1, (n_words,)) ^ -(2**63)
    return torch.empty(n_words, dtype=torch.int64).random_(-(2**63), None)


class Dropout(nn.Module):
    """Dropout by cheap random masks.

    Parameters
    ----------
    p : float
        Rate in [0, 1).
    """

    def __init__(self, p):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout={p!r} must be in [0, 1).")
        self.p = p

    def extra_repr(self):
        """Describe the layer.

        Returns
        -------
        text : str
            The rate.
        """
        return f"p={self.p}"

    def forward(self, input):
        """Drop entries while training.

        Parameters
        ----------
        input : Tensor
            Values.

        Returns
        -------
        output : Tensor
            Values, each either 0 or divided by 1 - p; unchanged in prediction.
        """
        if not self.training or self.p == 0:
            return input
        if input.device.type != "cpu":
            return F.dropout(input, self.p)
        keep = 1.0 - self.p
        return input * draw_masks(input.shape, keep, input).div_(keep)


def make_dropout(rate):
    """Make the dropout layer of a rate.

    Parameters
    ----------
    rate : float
        Share of inputs that are dropped, in [0, 1).

    Returns
    -------
    layers : list of torch.nn.Module
        One layer, or none if the rate is 0.
    """
    return [Dropout(rate)] if rate else []
