"""Small networks that skorch trains on batches of any form."""

import itertools
import math

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.helper import predefined_split
from skorch.utils import to_device
from torch import nn

from skext.utils._torch.device import resolve_device
from skext.utils._torch.monitor import Monitor

# A loss has to fall by such a share of itself to count as better.
_MIN_GAIN = 1e-4


class RectifiedLayers(nn.Module):
    """Linear layers with rectified units between them, drawn from numpy's generator.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, units of the hidden layers, outputs.
    rng : RandomState
        Draws the weights; torch's own stream is neither read nor moved.
    dtype : str
        Precision.
    """

    def __init__(self, sizes, rng, dtype):
        super().__init__()
        self.layers = nn.ModuleList()
        for n_in, n_out in itertools.pairwise(sizes):
            layer = nn.utils.skip_init(
                nn.Linear, n_in, n_out, dtype=getattr(torch, dtype)
            )
            bound = math.sqrt(6.0 / n_in)
            drawn = rng.uniform(-bound, bound, size=(n_out, n_in)).astype(dtype)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(drawn))
                layer.bias.zero_()
            self.layers.append(layer)

    def forward(self, x, **others):
        """Return what the last layer gives; other inputs are for the loss alone."""
        for layer in self.layers[:-1]:
            x = torch.relu(layer(x))
        return self.layers[-1](x)


class BestEpoch(Callback):
    """Stop without progress on the hold-out, and go back to its best epoch.

    Parameters
    ----------
    patience : int
        Epochs without a better loss.
    """

    def __init__(self, patience):
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.monitor = Monitor(net.module_, self.patience, min_gain=_MIN_GAIN)

    def on_epoch_end(self, net, **kwargs):
        """Look at the loss of the hold-out."""
        last = net.history[-1]
        self.monitor.update(-last["valid_loss"], last["epoch"])
        if self.monitor.exhausted:
            # How skorch is told to stop.
            raise KeyboardInterrupt

    def on_train_end(self, net, **kwargs):
        """Put the weights of the best epoch back."""
        self.monitor.restore()


def make_net(module, loss, batches, *, valid=None, patience=None, device, **params):
    """Return a net of skorch around a module; ``net.fit(data, None)`` trains it.

    Parameters
    ----------
    module : nn.Module
        Called with the inputs of a batch by name; trained in place.
    loss : callable
        Maps the output, what is known of a batch, on the device, and its inputs to a
        mean loss.
    batches : type
        Called as ``batches(data, batch_size, shuffle)``; goes through pairs of a dict
        of inputs and what is known.
    valid : object, default=None
        Data that are held out.
    patience : int, default=None
        Epochs without a better loss on them, after which training stops.
    device : str or torch.device
        Where it is trained.
    **params : dict
        Further arguments of ``skorch.NeuralNet``.

    Returns
    -------
    net : skorch.NeuralNet
        Not trained.
    """

    class Net(NeuralNet):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            return loss(y_pred, to_device(y_true, self.device), X)

    options = {
        "criterion": nn.Identity,
        "dataset": _as_it_is,
        "iterator_train": batches,
        "iterator_train__shuffle": True,
        "iterator_valid": batches,
        "train_split": None if valid is None else predefined_split(valid),
        "callbacks": [] if patience is None else [BestEpoch(patience)],
        "device": resolve_device(device),
        "verbose": 0,
    }
    return Net(module, **{**options, **params})


def loss_history(net):
    """Return the mean losses by epoch, an array for each of them."""
    rows = net.history.to_list()
    return {
        name: np.array([row[name] for row in rows])
        for name in ("train_loss", "valid_loss")
        if all(name in row for row in rows)
    }


def _as_it_is(data, target=None):
    """Keep skorch from wrapping the data."""
    return data
