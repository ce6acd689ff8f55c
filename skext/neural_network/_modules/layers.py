"""Normalisation layers by name, and the output layer with dropout."""

from torch import nn

from skext.neural_network._modules.compander import Linear
from skext.neural_network._modules.dropout import Dropout, draw_masks
from skext.neural_network._modules.ghost import GhostBatchNorm1d

NORMALIZATIONS = ("batch", "layer", None)


def make_normalization(normalization, width, ghost_batch_size=None):
    """Make the layers that normalise `width` columns.

    Parameters
    ----------
    normalization : {"batch", "layer", None}
        Kind.
    width : int
        Number of columns.
    ghost_batch_size : int, default=None
        Rows per ghost batch of the batch normalisation; None uses the whole batch.

    Returns
    -------
    layers : list of torch.nn.Module
        One layer or none.

    Raises
    ------
    ValueError
        If the name is unknown, or ghost batches are asked for without batch
        normalisation.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(
            f"normalization={normalization!r} is unknown; choose one of "
            f"{NORMALIZATIONS}."
        )
    if ghost_batch_size is not None and normalization != "batch":
        raise ValueError(
            f"ghost_batch_size={ghost_batch_size!r} does not go with "
            f"normalization={normalization!r}; set ghost_batch_size=None, or "
            "normalization='batch'."
        )
    if normalization is None:
        return []
    if normalization == "layer":
        return [nn.LayerNorm(width)]
    if ghost_batch_size is None:
        return [nn.BatchNorm1d(width)]
    return [GhostBatchNorm1d(width, ghost_batch_size, interleaved=True)]


class OutputHead(Dropout):
    """Dropout and the linear output layer, for one mask or several at once.

    With `n_samples` masks, every row is given to the same linear layer under that
    many independent masks while training, so that the criterion averages their
    losses; the cost is that of the output layer only. Prediction drops nothing.

    Parameters
    ----------
    linear : torch.nn.Module
        Output layer, over the last axis.
    p : float, default=0.0
        Dropout rate in [0, 1).
    n_samples : int, default=1
        Number of masks.

    References
    ----------
    .. [1] H. Inoue, "Multi-Sample Dropout for Accelerated Training and Better
       Generalization", arXiv 1905.09788, 2019.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network._modules.compander import Linear
    >>> from skext.neural_network._modules.layers import OutputHead
    >>> head = OutputHead(Linear(16, 3), p=0.5, n_samples=8)
    >>> head(torch.ones(5, 16)).shape, head.eval()(torch.ones(5, 16)).shape
    (torch.Size([5, 8, 3]), torch.Size([5, 3]))
    """

    def __init__(self, linear, p=0.0, n_samples=1):
        super().__init__(p)
        if n_samples < 1:
            raise ValueError(f"dropout_samples={n_samples!r} must be at least 1.")
        self.linear, self.n_samples = linear, int(n_samples)

    def extra_repr(self):
        """Describe the layer.

        Returns
        -------
        text : str
            The present rate and the number of masks.
        """
        return f"p={self.p}, n_samples={self.n_samples}"

    def forward(self, hidden):
        """Score rows.

        Parameters
        ----------
        hidden : Tensor of shape (B, H)
            Values of the last hidden layer.

        Returns
        -------
        scores : Tensor
            Shape (B, K), or (B, n_samples, K) in training with several masks; without
            the last axis if K is 1.
        """
        if not self.training or self.n_samples == 1:
            return squeeze_scores(self.linear(super().forward(hidden)))
        if self.p == 0:
            scores = self.linear(hidden).unsqueeze(1)
            return squeeze_scores(scores.expand(-1, self.n_samples, -1))
        keep = 1.0 - self.p
        shape = (hidden.shape[0], self.n_samples, hidden.shape[1])
        # The rows are scaled rather than their many masked copies.
        masked = draw_masks(shape, keep, hidden) * (hidden / keep).unsqueeze(1)
        return squeeze_scores(self.linear(masked))


def make_head(width, n_outputs, dropout, dropout_samples):
    """Make an output layer of ours with torch's usual starting weights.

    Parameters
    ----------
    width : int
        Units of the last hidden layer.
    n_outputs : int
        Number of scores per row.
    dropout : float
        Dropout rate before the output layer.
    dropout_samples : int
        Number of masks.

    Returns
    -------
    head : OutputHead
        The layer.
    """
    return OutputHead(Linear(width, n_outputs), dropout, dropout_samples)


def squeeze_scores(scores):
    """Drop the last axis if it has one entry.

    Parameters
    ----------
    scores : Tensor of shape (..., K)
        Scores.

    Returns
    -------
    scores : Tensor
        Shape (...) if K is 1, else as given.
    """
    return scores.squeeze(-1) if scores.shape[-1] == 1 else scores
