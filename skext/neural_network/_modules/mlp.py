"""The plain multi-layer perceptron."""

from torch import nn

from skext.neural_network._modules.activations import make_activation
from skext.neural_network._modules.base import TabularModule, check_widths
from skext.neural_network._modules.compander import Linear
from skext.neural_network._modules.dropout import make_dropout
from skext.neural_network._modules.layers import (
    make_head,
    make_normalization,
)


class HeadedModule(TabularModule):
    """A body of hidden layers and an :class:`OutputHead` named ``head``."""

    @property
    def ensemble_dim(self):
        """1 in training with several dropout masks, else None."""
        return 1 if self.training and self.head.n_samples > 1 else None

    def forward(self, X):
        """Score rows.

        Parameters
        ----------
        X : Tensor of shape (B, n_features)
            Rows.

        Returns
        -------
        scores : Tensor
            Shape (B,) or (B, n_outputs); with several dropout masks, in training,
            (B, dropout_samples) or (B, dropout_samples, n_outputs).
        """
        return self.head(self.body(X))


class MLP(HeadedModule):
    """Multi-layer perceptron: linear, activation, normalisation, dropout per layer.

    Parameters
    ----------
    n_features : int
        Number of inputs.
    n_outputs : int
        Number of scores per row.
    hidden_layer_sizes : sequence of int, default=(256, 256, 256)
        Units per hidden layer; empty for a linear model.
    activation : str or callable, default="relu"
        Activation function.
    normalization : {"batch", "layer", None}, default="batch"
        What follows the activation.
    dropout : float, default=0.0
        Rate after every hidden layer.
    ghost_batch_size : int, default=None
        Rows per ghost batch of the batch normalisation.
    dropout_samples : int, default=1
        Dropout masks of the last hidden layer per row and step.

    Notes
    -----
    The activation stands before the normalisation, as in the reference recipe of [1]_.

    References
    ----------
    .. [1] B. Dai, "EnsLoss: Stochastic Calibrated Loss Ensembles for Preventing
       Overfitting in Classification", ICML 2025.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import MLP
    >>> MLP(5, 3, (16, 16))(torch.zeros(4, 5)).shape
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
    ):
        super().__init__()
        widths = check_widths(hidden_layer_sizes)
        layers, width = [], n_features
        for i, units in enumerate(widths):
            layers += [Linear(width, units), make_activation(activation)]
            layers += make_normalization(normalization, units, ghost_batch_size)
            if i < len(widths) - 1:  # the head drops the last layer
                layers += make_dropout(dropout)
            width = units
        self.body = nn.Sequential(*layers)
        rate = dropout if widths else 0.0
        self.head = make_head(width, n_outputs, rate, dropout_samples)
