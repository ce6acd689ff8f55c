"""Perceptron in neural-tangent parametrisation with data-dependent start."""

import math

import torch
from torch import nn

from skext.neural_network._modules.activations import make_activation
from skext.neural_network._modules.base import check_widths
from skext.neural_network._modules.compander import Linear
from skext.neural_network._modules.dropout import make_dropout
from skext.neural_network._modules.embeddings import PeriodicEmbedding
from skext.neural_network._modules.layers import (
    OutputHead,
    make_normalization,
)
from skext.neural_network._modules.mlp import HeadedModule

# Rows that are enough to choose starting values.
_MAX_ROWS = 4096


class InputScale(nn.Module):
    """Learned factor per column, at six times the learning rate.

    Parameters
    ----------
    n_features : int
        Number of columns; the factors begin at 1.
    """

    parameter_scales = {"scale": (6.0, 1.0)}

    def __init__(self, n_features):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_features))

    def forward(self, X):
        """Scale the columns.

        Parameters
        ----------
        X : Tensor of shape (B, n_features)
            Rows.

        Returns
        -------
        scaled : Tensor of shape (B, n_features)
            Scaled rows.
        """
        return X * self.scale


class NTKLinear(Linear):
    """Linear layer x W' / sqrt(in_features) + b with weights of unit variance.

    Its bias learns at a tenth of the learning rate and does not decay.

    Parameters
    ----------
    in_features : int
        Number of inputs.
    out_features : int
        Number of outputs.
    zero : bool, default=False
        Whether weights and biases begin at 0 (the output layer); otherwise both are
        standard normal.
    """

    parameter_scales = {"bias": (0.1, 0.0)}

    def __init__(self, in_features, out_features, zero=False):
        super().__init__(in_features, out_features)
        self.factor = 1.0 / math.sqrt(in_features)
        for parameter in (self.weight, self.bias):
            if zero:
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter)

    def effective_weight(self):
        """Return the matrix that multiplies the input.

        Returns
        -------
        weight : Tensor of shape (out_features, in_features)
            Scaled weights.
        """
        return self.compressed_weight() * self.factor


class ParametricActivation(nn.Module):
    """Mixture a f(x) + (1 - a) x with a learned share a per unit, 1 at the start.

    Parameters
    ----------
    function : torch.nn.Module
        Activation f.
    width : int
        Number of units.
    """

    parameter_scales = {"share": (0.1, 1.0)}

    def __init__(self, function, width):
        super().__init__()
        self.function = function
        self.share = nn.Parameter(torch.ones(width))

    def forward(self, input):
        """Apply the activation.

        Parameters
        ----------
        input : Tensor of shape (B, width)
            Inputs.

        Returns
        -------
        output : Tensor of shape (B, width)
            Outputs.
        """
        return torch.lerp(input, self.function(input), self.share)


class RealMLP(HeadedModule):
    """Perceptron with the starting values and learning rates of RealMLP.

    Numeric embeddings, a learned scale per column, then per hidden layer a linear map
    in neural-tangent parametrisation, a parametric activation and dropout; the output
    layer begins at zero.

    Parameters
    ----------
    n_features : int
        Number of inputs, expected on a common robust scale.
    n_outputs : int
        Number of scores per row.
    hidden_layer_sizes : sequence of int, default=(256, 256, 256)
        Units per hidden layer.
    activation : str or callable, default="selu"
        Activation function; Mish is usual for regression.
    normalization : {"batch", "layer", None}, default=None
        What follows the activation; the original has none.
    dropout : float, default=0.15
        Rate after every hidden layer.
    ghost_batch_size : int, default=None
        Rows per ghost batch of the batch normalisation.
    dropout_samples : int, default=1
        Dropout masks of the last hidden layer per row and step.
    embedding : bool, default=True
        Whether to use :class:`PeriodicEmbedding`.
    n_frequencies : int, default=16
        Periodic functions per column.
    embedding_size : int, default=4
        Results per column.
    sigma : float, default=0.1
        Standard deviation of the starting frequencies.
    data : Tensor of shape (n_samples, n_features), default=None
        Training rows that choose the starting values (at most 4096 of them, drawn at
        random); None uses standard normal rows.

    Notes
    -----
    Own implementation after the description in [1]_. Data-dependent start, layer by
    layer: weights are drawn standard normal, each unit is divided by the standard
    deviation of its inputs' combination over the rows, and its bias is chosen such that
    the unit is zero at a random convex combination of five rows, which puts the bend
    of every unit inside the data [2]_.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.
    .. [2] I. Steinwart, "A Sober Look at Neural Network Initializations",
       arXiv 1903.11482, 2019.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import RealMLP
    >>> network = RealMLP(5, 3, (16, 16))
    >>> network(torch.randn(4, 5)).abs().max()
    tensor(0., grad_fn=<MaxBackward1>)
    >>> sorted({group["lr_scale"] for group in network.parameter_groups()})
    [0.1, 1.0, 6.0]
    """

    def __init__(
        self,
        n_features,
        n_outputs,
        hidden_layer_sizes=(256, 256, 256),
        *,
        activation="selu",
        normalization=None,
        dropout=0.15,
        ghost_batch_size=None,
        dropout_samples=1,
        embedding=True,
        n_frequencies=16,
        embedding_size=4,
        sigma=0.1,
        data=None,
    ):
        super().__init__()
        widths = check_widths(hidden_layer_sizes)
        layers, width = [], n_features
        if embedding:
            layers.append(
                PeriodicEmbedding(n_features, n_frequencies, embedding_size, sigma)
            )
            width = layers[0].out_features
        layers.append(InputScale(width))
        for i, units in enumerate(widths):
            function = make_activation(activation)
            layers += [NTKLinear(width, units), ParametricActivation(function, units)]
            layers += make_normalization(normalization, units, ghost_batch_size)
            if i < len(widths) - 1:  # the head drops the last layer
                layers += make_dropout(dropout)
            width = units
        self.body = nn.Sequential(*layers)
        rate = dropout if widths else 0.0
        output = NTKLinear(width, n_outputs, zero=True)
        self.head = OutputHead(output, rate, dropout_samples)
        self._adapt(_starting_rows(data, n_features))

    @torch.no_grad()
    def _adapt(self, rows):
        """Choose the starting values of every hidden layer from what reaches it."""
        self.eval()  # no dropout; a fresh normalisation lets values pass
        for layer in self.body:
            if isinstance(layer, NTKLinear):
                _start_from_rows(layer, rows)
            rows = layer(rows)
        self.train()


def _starting_rows(data, n_features):
    if data is None or not len(data):
        return torch.randn(_MAX_ROWS // 4, n_features)
    if len(data) > _MAX_ROWS:
        # Positions come from the processor's generator, wherever the data are.
        drawn = torch.randint(len(data), (_MAX_ROWS,))
        data = data[drawn.to(data.device)]
    return data.detach().to("cpu", torch.get_default_dtype())


def _start_from_rows(layer, rows, n_mixed=5):
    layer.bias.zero_()
    units = layer(rows)
    spread = units.std(dim=0, correction=0)
    # Units that do not vary keep their weights.
    spread = torch.where(spread > 1e-6, spread, 1.0)
    layer.weight.div_(spread.unsqueeze(1))
    # What a unit gives for a convex combination of rows is that combination of what
    # it gives for them. Exponential draws over their sum are uniform on the simplex.
    mixed = torch.randint(len(rows), (n_mixed, layer.out_features))
    shares = torch.empty(mixed.shape, dtype=units.dtype).exponential_()
    shares /= shares.sum(dim=0)
    layer.bias.copy_(-(shares * (units / spread).gather(0, mixed)).sum(dim=0))
