"""Batch normalisation with the statistics of small groups inside a large batch."""

import torch
import torch.nn.functional as F
from torch import nn

# Up to here single updates cost less than the weighted sum of all groups.
_FEW_GROUPS = 3


class GhostBatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation over ghost batches.

    In training, a batch of B rows is cut into G = max(1, round(B /
    `ghost_batch_size`)) groups of nearly equal size, never of one row, and each group
    is normalised by its own mean and variance. Prediction is that of
    :class:`torch.nn.BatchNorm1d`.

    Parameters
    ----------
    num_features : int
        Number of columns d.
    ghost_batch_size : int, default=128
        Wanted rows per group.
    eps : float, default=1e-5
        Added to variances.
    momentum : float or None, default=0.1
        Weight of the newest group in the running statistics; None averages over all
        groups seen.
    affine : bool, default=True
        Whether to learn a scale and a shift per column.
    track_running_stats : bool, default=True
        Whether to keep statistics for prediction.
    interleaved : bool, default=False
        Whether group g takes the rows g, g + G, g + 2 G, ... (of the first so many rows
        that make groups of one size, then of the others), rather than consecutive ones.
        With shuffled rows both have the same distribution; interleaved groups need
        neither copies of the batch nor of the gradient.

    Notes
    -----
    All groups are normalised in one call. The running statistics are those of visiting
    the groups one after the other, m being the momentum:
    (1-m)**G r + sum_j m (1-m)**(G-1-j) r_j. Which rows share a group depends on their
    order in the batch, so rows have to be shuffled. Cost O(B d).

    References
    ----------
    .. [1] E. Hoffer, I. Hubara, D. Soudry, "Train longer, generalize better: closing
       the generalization gap in large batch training of neural networks",
       NeurIPS 2017.

    Examples
    --------
    >>> import torch
    >>> from skext.neural_network._modules.ghost import GhostBatchNorm1d
    >>> layer = GhostBatchNorm1d(3, ghost_batch_size=4, affine=False)
    >>> x = torch.arange(24.0).reshape(8, 3)
    >>> layer(x).reshape(2, 4, 3).mean(dim=1).abs().max() < 1e-6
    tensor(True)
    """

    def __init__(
        self,
        num_features,
        ghost_batch_size=128,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        interleaved=False,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        if ghost_batch_size < 2:
            raise ValueError(
                f"ghost_batch_size={ghost_batch_size!r} must be at least 2: a group "
                "of one row has no variance."
            )
        self.ghost_batch_size = int(ghost_batch_size)
        self.interleaved = interleaved

    def extra_repr(self):
        """Describe the layer.

        Returns
        -------
        text : str
            Parameters shown by ``print``.
        """
        return f"{super().extra_repr()}, ghost_batch_size={self.ghost_batch_size}"

    def forward(self, input):
        """Normalise the columns.

        Parameters
        ----------
        input : Tensor of shape (B, d)
            Rows.

        Returns
        -------
        output : Tensor of shape (B, d)
            Normalised rows.
        """
        n_rows = input.shape[0]
        n_groups = min(max(1, round(n_rows / self.ghost_batch_size)), n_rows // 2)
        if not self.training or n_groups <= 1:
            return super().forward(input)
        size, n_large = divmod(n_rows, n_groups)
        if n_large == 0:
            output, means, variances = self._groups(input, n_groups)
        else:  # so many groups have one row more
            cut = n_large * (size + 1)
            first, second = torch.split(input, [cut, n_rows - cut])
            results = zip(
                self._groups(first, n_large),
                self._groups(second, n_groups - n_large),
                strict=True,
            )
            output, means, variances = (torch.cat(pair) for pair in results)
        if self.track_running_stats:
            self._update(means, variances)
        return output

    def _groups(self, rows, n_groups):
        """Normalise equal groups: a pair (group, column) is a column of one call."""
        width = self.num_features
        size = rows.shape[0] // n_groups
        if self.interleaved:
            wide = rows
        else:
            wide = rows.reshape(n_groups, size, width).transpose(0, 1)
        wide = wide.reshape(size, n_groups * width)
        like = self.running_mean if self.track_running_stats else rows
        # With momentum 1 these receive the means and the unbiased variances.
        means = torch.zeros(n_groups * width, dtype=like.dtype, device=like.device)
        variances = torch.ones_like(means)
        weight, bias = self.weight, self.bias
        if self.affine:
            weight = weight.expand(n_groups, width).reshape(-1)
            bias = bias.expand(n_groups, width).reshape(-1)
        wide = F.batch_norm(wide, means, variances, weight, bias, True, 1.0, self.eps)
        if not self.interleaved:
            wide = wide.view(size, n_groups, width).transpose(0, 1)
        return (
            wide.reshape(n_groups * size, width),
            means.view(n_groups, width),
            variances.view(n_groups, width),
        )

    @torch.no_grad()
    def _update(self, means, variances):
        n_groups = means.shape[0]
        self.num_batches_tracked.add_(n_groups)
        if self.momentum is None:
            share = n_groups / self.num_batches_tracked.to(means.dtype)
            self.running_mean.lerp_(means.mean(dim=0), share)
            self.running_var.lerp_(variances.mean(dim=0), share)
            return
        if n_groups <= _FEW_GROUPS:
            for mean, variance in zip(means, variances, strict=True):
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance, self.momentum)
            return
        left = 1.0 - self.momentum
        ages = torch.arange(
            n_groups - 1, -1, -1, dtype=means.dtype, device=means.device
        )
        shares = torch.pow(left, ages)
        for running, groups in (
            (self.running_mean, means),
            (self.running_var, variances),
        ):
            running.addmv_(groups.t(), shares, beta=left**n_groups, alpha=self.momentum)
