"""The best epoch of a fit: its score, its weights, and when to give up."""

import math

import torch


class Monitor:
    """Keep the weights of the best epoch and count the epochs without progress.

    Parameters
    ----------
    module : nn.Module
        Whose parameters and buffers are kept.
    patience : int or None
        Epochs without a better score after which to stop; None never stops.
    min_gain : float, default=0.0
        By which share of itself the best score has to be beaten.
    """

    def __init__(self, module, patience, *, min_gain=0.0):
        self.module = module
        self.patience, self.min_gain = patience, min_gain
        self.best_score = -math.inf
        self.best_epoch = None
        self.misses = 0
        self._kept = None

    @property
    def exhausted(self):
        """Whether the patience is at its end."""
        return self.patience is not None and self.misses >= self.patience

    def update(self, score, epoch):
        """Take in the score of an epoch.

        Of equal scores the last is kept: it has trained longer, and its margins are
        wider. Only a better score renews the patience, or a plateau at the ceiling
        would go on for ever.

        Parameters
        ----------
        score : float
            Larger is better; nan never is.
        epoch : int
            Number of the epoch.

        Returns
        -------
        better : bool
            Whether it beats all scores before.
        """
        floor = self.best_score
        if self.best_epoch is not None:
            floor += self.min_gain * abs(floor)
        better = score > floor
        self.misses = 0 if better else self.misses + 1
        if better or score == self.best_score:
            self.best_score, self.best_epoch = score, epoch
            self._keep()
        return better

    def restore(self):
        """Put the weights of the best epoch back."""
        if self._kept is not None:
            with torch.no_grad():
                for tensor, kept in zip(self._tensors(), self._kept, strict=True):
                    tensor.copy_(kept)

    def _keep(self):
        tensors = self._tensors()
        if self._kept is None:
            self._kept = [tensor.detach().clone() for tensor in tensors]
            return
        with torch.no_grad():
            for tensor, kept in zip(tensors, self._kept, strict=True):
                kept.copy_(tensor)

    def _tensors(self):
        return [*self.module.parameters(), *self.module.buffers()]
