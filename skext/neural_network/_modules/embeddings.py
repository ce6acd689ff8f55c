"""Numeric embeddings: every column becomes a few learned functions of itself."""

import math

import torch
from torch import nn


class PeriodicEmbedding(nn.Module):
    """Periodic features with bias, a linear map per column, and the column itself.

    Column x becomes (x, A cos(2 pi (w x) + b) + c), with frequencies w, phases b,
    matrix A and shift c of its own.

    Parameters
    ----------
    n_features : int
        Number of columns.
    n_frequencies : int, default=16
        Periodic functions per column.
    n_outputs : int, default=4
        Results per column, the column itself included.
    sigma : float, default=0.1
        Standard deviation of the starting frequencies; larger ones resolve finer
        detail.

    Notes
    -----
    Parameters learn at a tenth of the learning rate. Cost O(B n_features
    n_frequencies n_outputs).

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On Embeddings for Numerical Features
       in Tabular Deep Learning", NeurIPS 2022.
    .. [2] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network._modules.embeddings import PeriodicEmbedding
    >>> PeriodicEmbedding(3, n_outputs=4)(torch.zeros(5, 3)).shape
    torch.Size([5, 12])
    """

    parameter_scales = dict.fromkeys(
        ("frequency", "phase", "weight", "bias"), (0.1, 1.0)
    )

    def __init__(self, n_features, n_frequencies=16, n_outputs=4, sigma=0.1):
        super().__init__()
        if n_outputs < 2:
            raise ValueError(
                f"n_outputs={n_outputs!r} of an embedding must be at least 2: the "
                "column and one function of it."
            )
        self.out_features = n_features * n_outputs
        bound = 1.0 / math.sqrt(n_frequencies)
        shape = (n_features, n_frequencies)
        self.frequency = nn.Parameter(torch.randn(shape) * sigma)
        self.phase = nn.Parameter((2 * torch.rand(shape) - 1) * math.pi)
        matrix = (n_features, n_frequencies, n_outputs - 1)
        self.weight = nn.Parameter((2 * torch.rand(matrix) - 1) * bound)
        self.bias = nn.Parameter((2 * torch.rand(n_features, matrix[2]) - 1) * bound)

    def forward(self, X):
        """Embed rows.

        Parameters
        ----------
        X : Tensor of shape (B, n_features)
            Rows.

        Returns
        -------
        embedded : Tensor of shape (B, n_features * n_outputs)
            The results of a column stand together, the column itself first.
        """
        columns = X.t().unsqueeze(2)
        angles = torch.addcmul(
            self.phase.unsqueeze(1), columns, 2 * math.pi * self.frequency.unsqueeze(1)
        )
        # One matrix product per column, all columns in one call.
        mapped = torch.baddbmm(self.bias.unsqueeze(1), torch.cos(angles), self.weight)
        return torch.cat([columns, mapped], dim=2).transpose(0, 1).flatten(1)
