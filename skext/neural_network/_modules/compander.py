"""Linear layers whose weights may be bounded by a learned odd transformation."""

import math

import torch
import torch.nn.functional as F
from torch import nn

WEIGHT_TRANSFORMS = ("arctan", None)


class WeightCompander(nn.Module):
    """Bounded weights w = a arctan(v / b) of a trained parameter v; experimental.

    Large weights are limited to a pi / 2 and, for a > b, small ones are pushed away
    from 0. The positive numbers a and b are learned, one pair per layer.

    Parameters
    ----------
    scale : float
        Starting value of a and b, so that the slope at 0 is 1.

    Notes
    -----
    The idea is that of [1]_; the arctangent and the starting values are our choice.

    References
    ----------
    .. [1] R. Cakaj, J. Mehnert, B. Yang, "Weight Compander: A Simple Weight
       Reparameterization for Regularization", arXiv 2306.16993, 2023.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network._modules.compander import WeightCompander
    >>> compander = WeightCompander(1.0)
    >>> w = torch.tensor([-0.5, 0.0, 1.2])
    >>> torch.allclose(compander(compander.inverse(w)), w)
    True
    """

    parameter_scales = {"log_a": (1.0, 0.0), "log_b": (1.0, 0.0)}

    def __init__(self, scale):
        super().__init__()
        self.log_a = nn.Parameter(torch.tensor(math.log(scale)))
        self.log_b = nn.Parameter(torch.tensor(math.log(scale)))

    def forward(self, v):
        """Transform trained parameters into weights.

        Parameters
        ----------
        v : Tensor
            Trained parameters.

        Returns
        -------
        w : Tensor
            Weights of the same shape.
        """
        return _Arctan.apply(v, self.log_a, self.log_b)

    def inverse(self, w):
        """Find the parameters that give the weights `w`.

        Parameters
        ----------
        w : Tensor
            Weights, smaller than a pi / 2 in magnitude.

        Returns
        -------
        v : Tensor
            Parameters of the same shape.
        """
        return self.log_b.exp() * torch.tan(w * torch.exp(-self.log_a))


class _Arctan(torch.autograd.Function):
    """a arctan(v / b) in log a and log b, with fewer passes than autograd makes."""

    @staticmethod
    def forward(ctx, v, log_a, log_b):
        w = torch.atan(v * torch.exp(-log_b)).mul_(log_a.exp())
        ctx.save_for_backward(v, w, log_a, log_b)
        return w

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        v, w, log_a, log_b = ctx.saved_tensors
        u = v * torch.exp(-log_b)
        slope = torch.exp(log_a - log_b) / u.mul_(u).add_(1.0)
        for_v = slope.mul_(gradient)
        # dw / d log a = w and dw / d log b = -v dw / dv
        for_a = torch.dot(gradient.flatten(), w.flatten())
        for_b = -torch.dot(for_v.flatten(), v.flatten())
        return for_v, for_a, for_b


class Linear(nn.Linear):
    """Linear layer that can hold a compander of its weights.

    Parameters
    ----------
    in_features : int
        Number of inputs.
    out_features : int
        Number of outputs.
    bias : bool, default=True
        Whether to add a bias.

    Attributes
    ----------
    compander : WeightCompander or None
        If there is one, ``weight`` is what is trained and ``compander(weight)`` is what
        multiplies the input.
    """

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        self.compander = None

    def compressed_weight(self):
        """Return the weights after the compander.

        Returns
        -------
        weight : Tensor of shape (out_features, in_features)
            The parameter itself without compander.
        """
        return self.weight if self.compander is None else self.compander(self.weight)

    def effective_weight(self):
        """Return the matrix that multiplies the input.

        Returns
        -------
        weight : Tensor of shape (out_features, in_features)
            Weights after every transformation.
        """
        return self.compressed_weight()

    def forward(self, input):
        """Apply the layer.

        Parameters
        ----------
        input : Tensor of shape (..., in_features)
            Inputs.

        Returns
        -------
        output : Tensor of shape (..., out_features)
            Outputs.
        """
        return F.linear(input, self.effective_weight(), self.bias)


def compand_weights(module, ratio=2.0):
    """Give every linear layer a compander, without changing its weights.

    Parameters
    ----------
    module : torch.nn.Module
        Network; changed in place. Biases, normalisations, embeddings and scales stay
        as they are. Plain ``torch.nn.Linear`` layers are replaced by ours with the same
        parameters; other subclasses of it are left alone.
    ratio : float, default=2.0
        a and b begin at `ratio` times the largest weight of the layer.

    Returns
    -------
    module : torch.nn.Module
        The network, or its replacement if it is itself a linear layer.
    """
    if type(module) is nn.Linear:
        module = _as_ours(module)
    for part in list(module.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.Linear:
                setattr(part, name, _as_ours(child))
    for part in list(module.modules()):
        if isinstance(part, Linear) and part.compander is None:
            largest = float(part.weight.detach().abs().max())
            compander = WeightCompander(ratio * (largest or 1.0)).to(part.weight)
            with torch.no_grad():
                part.weight.copy_(compander.inverse(part.weight))
            part.compander = compander
    return module


def fold_weights(module):
    """Replace companders by the plain weights that they produce.

    Parameters
    ----------
    module : torch.nn.Module
        Network; changed in place. Predictions stay the same and cost nothing more.

    Returns
    -------
    module : torch.nn.Module
        The same network.
    """
    for part in module.modules():
        if isinstance(part, Linear) and part.compander is not None:
            with torch.no_grad():
                part.weight.copy_(part.compressed_weight())
            part.compander = None
    return module


def _as_ours(layer):
    ours = Linear.__new__(Linear)
    nn.Module.__init__(ours)
    ours.in_features, ours.out_features = layer.in_features, layer.out_features
    ours.weight, ours.bias, ours.compander = layer.weight, layer.bias, None
    ours.train(layer.training)
    return ours
