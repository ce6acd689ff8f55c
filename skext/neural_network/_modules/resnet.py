"""Residual network for tables."""

from torch import nn

from skext.neural_network._modules.activations import make_activation
from skext.neural_network._modules.base import check_widths
from skext.neural_network._modules.compander import Linear
from skext.neural_network._modules.dropout import make_dropout
from skext.neural_network._modules.layers import (
    make_head,
    make_normalization,
)
from skext.neural_network._modules.mlp import HeadedModule


class ResNet(HeadedModule):
    """Residual network: x + dropout(linear(dropout(act(linear(norm(x)))))) per block.

    Parameters
    ----------
    n_features : int
        Number of inputs.
    n_outputs : int
        Number of scores per row.
    hidden_layer_sizes : sequence of int, default=(256, 256, 256)
        One entry per block; all equal, since a block adds to its input.
    activation : str or callable, default="relu"
        Activation function.
    normalization : {"batch", "layer", None}, default="batch"
        What each block and the output layer begin with.
    dropout : float, default=0.0
        Rate inside the blocks and before the output layer.
    ghost_batch_size : int, default=None
        Rows per ghost batch of the batch normalisation.
    dropout_samples : int, default=1
        Dropout masks before the output layer per row and step.
    hidden_factor : float, default=2.0
        Units inside a block, relative to its width.
    residual_dropout : float, default=0.0
        Rate on what a block adds.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko, "Revisiting Deep
       Learning Models for Tabular Data", NeurIPS 2021.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import ResNet
    >>> ResNet(5, 3, (16, 16))(torch.zeros(4, 5)).shape
    torch.Size([4, 3])
    """

    def __init__(
        self,
        n_features,
        n_outputs,
        hidden_layer_sizes=(256, 256, 256),
        *,
        activation="relu",
        normalization="batch",
        dropout=0.0,
        ghost_batch_size=None,
        dropout_samples=1,
        hidden_factor=2.0,
        residual_dropout=0.0,
    ):
        super().__init__()
        widths = check_widths(hidden_layer_sizes)
        if len(set(widths)) != 1:
            raise ValueError(
                f"hidden_layer_sizes={hidden_layer_sizes!r} must repeat one width for "
                "module='resnet', such as (256, 256, 256)."
            )
        width, inner = widths[0], max(1, round(hidden_factor * widths[0]))

        def normalize():
            return make_normalization(normalization, width, ghost_batch_size)

        blocks = [
            _Residual(
                *normalize(),
                Linear(width, inner),
                make_activation(activation),
                *make_dropout(dropout),
                Linear(inner, width),
                *make_dropout(residual_dropout),
            )
            for _ in widths
        ]
        end = [*normalize(), make_activation(activation)]
        self.body = nn.Sequential(Linear(n_features, width), *blocks, *end)
        self.head = make_head(width, n_outputs, dropout, dropout_samples)


class _Residual(nn.Sequential):
    """What its layers give, added to their input."""

    def forward(self, input):
        return input + super().forward(input)
