"""Many perceptrons in one: shared weights, scaling vectors per member."""

import torch
import torch.nn.functional as F
from torch import nn

from skext.neural_network._modules.activations import make_activation
from skext.neural_network._modules.base import TabularModule, check_widths
from skext.neural_network._modules.compander import Linear
from skext.neural_network._modules.dropout import make_dropout
from skext.neural_network._modules.embeddings import PeriodicEmbedding
from skext.neural_network._modules.layers import (
    make_normalization,
    squeeze_scores,
)


class MemberLinear(Linear):
    """Linear layers s * (W (r * x)) + b with a common W and vectors per member.

    Parameters
    ----------
    n_members : int
        Number of members m.
    in_features : int
        Number of inputs.
    out_features : int
        Number of outputs.
    signs : bool, default=False
        Whether `r` begins with random signs, which makes the members differ, rather
        than ones.

    Notes
    -----
    The bias of every member begins with the same values.
    """

    def __init__(self, n_members, in_features, out_features, signs=False):
        super().__init__(in_features, out_features)
        self.n_members = n_members
        start = torch.ones(n_members, in_features)
        if signs:
            start = 2.0 * torch.randint(2, start.shape).to(start.dtype) - 1.0
        self.r = nn.Parameter(start)
        self.s = nn.Parameter(torch.ones(n_members, out_features))
        self.bias = nn.Parameter(self.bias.detach().repeat(n_members, 1))

    def forward(self, input):
        """Apply the layer of every member.

        Parameters
        ----------
        input : Tensor of shape (B, m, in_features) or (B, 1, in_features)
            Inputs per member, or common to all.

        Returns
        -------
        output : Tensor of shape (B, m, out_features)
            Outputs per member.
        """
        return torch.addcmul(
            self.bias, F.linear(input * self.r, self.effective_weight()), self.s
        )


class MemberHead(nn.Module):
    """A separate output layer per member.

    Parameters
    ----------
    n_members : int
        Number of members m.
    in_features : int
        Number of inputs.
    out_features : int
        Number of scores.
    """

    def __init__(self, n_members, in_features, out_features):
        super().__init__()
        bound = in_features**-0.5
        shape = (n_members, in_features, out_features)
        self.weight = nn.Parameter((2 * torch.rand(shape) - 1) * bound)
        shape = (n_members, 1, out_features)
        self.bias = nn.Parameter((2 * torch.rand(shape) - 1) * bound)

    def forward(self, input):
        """Score rows.

        Parameters
        ----------
        input : Tensor of shape (B, m, in_features)
            Hidden values per member.

        Returns
        -------
        scores : Tensor of shape (B, m, out_features)
            Scores per member.
        """
        scores = torch.baddbmm(self.bias, input.transpose(0, 1), self.weight)
        return scores.transpose(0, 1)


class TabM(TabularModule):
    """Ensemble of perceptrons that share their weight matrices.

    Parameters
    ----------
    n_features : int
        Number of inputs.
    n_outputs : int
        Number of scores per row and member.
    hidden_layer_sizes : sequence of int, default=(256, 256, 256)
        Units per hidden layer.
    activation : str or callable, default="relu"
        Activation function.
    normalization : {"batch", "layer", None}, default=None
        What follows the activation; batch normalisation is done per member.
    dropout : float, default=0.1
        Rate after every hidden layer, with masks per member.
    ghost_batch_size : int, default=None
        Rows per ghost batch of the batch normalisation.
    dropout_samples : int, default=1
        Only 1: every member draws masks of its own already.
    n_members : int, default=32
        Number of members m.
    embedding : bool, default=False
        Whether to use :class:`PeriodicEmbedding`, common to all members.

    Notes
    -----
    Train the mean of the members' losses and average their predictions [1]_. Members
    differ at the start by random signs of the inputs and by their output layers.
    Parameters: those of one perceptron, plus three vectors per layer and member, plus
    an output layer per member.

    References
    ----------
    .. [1] Y. Gorishniy, A. Kotelnikov, A. Babenko, "TabM: Advancing Tabular Deep
       Learning with Parameter-Efficient Ensembling", ICLR 2025.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network import TabM
    >>> TabM(5, 3, (16, 16), n_members=8)(torch.zeros(4, 5)).shape
    torch.Size([4, 8, 3])
    """

    def __init__(
        self,
        n_features,
        n_outputs,
        hidden_layer_sizes=(256, 256, 256),
        *,
        activation="relu",
        normalization=None,
        dropout=0.1,
        ghost_batch_size=None,
        dropout_samples=1,
        n_members=32,
        embedding=False,
    ):
        super().__init__()
        if dropout_samples != 1:
            raise ValueError(
                f"dropout_samples={dropout_samples!r} must be 1 for module='tabm': its "
                "members draw separate masks already."
            )
        if n_members < 1:
            raise ValueError(f"n_members={n_members!r} must be at least 1.")
        widths = check_widths(hidden_layer_sizes)
        self.embedding = PeriodicEmbedding(n_features) if embedding else nn.Identity()
        width = self.embedding.out_features if embedding else n_features
        layers = []
        for i, units in enumerate(widths):
            layers.append(MemberLinear(n_members, width, units, signs=i == 0))
            layers.append(make_activation(activation))
            per_member = normalization == "batch"
            total = n_members * units if per_member else units
            normalize = make_normalization(normalization, total, ghost_batch_size)
            layers += [_PerMember(n) if per_member else n for n in normalize]
            layers += make_dropout(dropout)
            width = units
        self.n_members = n_members
        self.body = nn.Sequential(*layers)
        self.head = MemberHead(n_members, width, n_outputs)

    @property
    def ensemble_dim(self):
        """1, the axis of the members."""
        return 1

    def forward(self, X):
        """Score rows.

        Parameters
        ----------
        X : Tensor of shape (B, n_features)
            Rows.

        Returns
        -------
        scores : Tensor of shape (B, m) or (B, m, n_outputs)
            Scores of every member.
        """
        hidden = self.body(self.embedding(X).unsqueeze(1))
        return squeeze_scores(self.head(hidden.expand(-1, self.n_members, -1)))


class _PerMember(nn.Module):
    """A normalisation of columns, applied to (member, unit) pairs as columns."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, input):
        return self.layer(input.flatten(1)).view_as(input)
