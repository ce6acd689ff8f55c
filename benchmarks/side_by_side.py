"""Several networks of one architecture trained side by side, on one device.

A small network cannot fill a GPU, but its copies for all folds of a cross-validation
can: their weights get a leading axis and share every launch.
"""

import copy
from typing import NamedTuple

import numpy as np
import torch
from torch.func import functional_call, stack_module_state, vmap

from skext.neural_network._training.batches import batch_sizes, to_tensor
from skext.neural_network._training.optimizers import make_optimizer, parameter_groups
from skext.neural_network._training.rates import Rates


class Folds(NamedTuple):
    """Networks trained side by side.

    Attributes
    ----------
    modules : list of nn.Module
        One network a fold, in evaluation mode.
    losses : ndarray of shape (n_epochs, n_folds)
        Mean training loss.
    """

    modules: list
    losses: np.ndarray


def fit_folds(
    module,
    criterion,
    X,
    y,
    folds,
    *,
    seeds,
    optimizer="adamw",
    optimizer_params=None,
    lr=1e-3,
    weight_decay=0.0,
    lr_schedule="constant",
    batch_size=128,
    max_epochs=200,
    device="cpu",
):
    """Train a network on each of several sets of rows, all together.

    Parameters
    ----------
    module : callable
        Function without arguments that builds the network; called once a fold.
    criterion : nn.Module
        ``criterion(scores, target)``, a scalar.
    X : array-like or Tensor of shape (n_samples, n_features)
        Rows of all folds.
    y : array-like or Tensor of shape (n_samples,)
        Targets.
    folds : list of array-like of int
        Training rows of each fold. Where they are not equally many, an epoch of the
        larger ones leaves out rows at random.
    seeds : list of SeedStreams
        Random streams of each fold.
    optimizer, optimizer_params, lr, weight_decay, lr_schedule : object
        As in ``skext.neural_network._training.net.make_net``.
    batch_size, max_epochs : int
        As in ``skext.neural_network._training.net.make_net``.
    device : str or torch.device, default="cpu"
        Where they are trained.

    Returns
    -------
    folds : Folds
        Networks and losses. A network gets the weights that it would get alone, up to
        rounding, unless it drops units at random.

    Notes
    -----
    Networks run under ``torch.func.vmap``; losses are computed fold by fold, because
    ranks of one must not see another. There is no hold-out and no callback.
    """
    device = torch.device(device)
    X, y = to_tensor(X, device, torch.float32), to_tensor(y, device)
    folds = [torch.as_tensor(np.asarray(rows)) for rows in folds]
    modules = []
    for streams in seeds:
        with streams.forked("init"):
            modules.append(module().to(device).train())
    params, buffers = stack_module_state(modules)
    skeleton = copy.deepcopy(modules[0]).to("meta")

    def call(params, buffers, rows):
        return functional_call(skeleton, (params, buffers), (rows,))

    together = vmap(call, randomness="different")
    groups = _stacked_groups(modules[0], params, lr=lr, weight_decay=weight_decay)
    steps = make_optimizer(optimizer, groups, lr=lr, params=optimizer_params)
    rates = Rates(steps, lr_schedule)
    sizes = batch_sizes(min(map(len, folds)), batch_size)
    criterion = criterion.to(device).train()
    history = []
    for epoch in range(max_epochs):
        rates.plan(len(sizes), max_epochs * len(sizes), epoch * len(sizes))
        losses = []
        with seeds[0].forked("dropout", epoch, device=device):
            for i, (rows, targets) in enumerate(
                _epoch(X, y, folds, seeds, epoch, sizes)
            ):
                rates.set(i)
                steps.zero_grad()
                scores = together(params, buffers, rows)
                each = torch.stack(list(map(criterion, scores, targets)))
                each.sum().backward()
                steps.step()
                losses.append(each.detach() * rows.shape[1])
        history.append(torch.stack(losses).sum(0) / sum(sizes))
    _unstack(modules, params, buffers)
    return Folds(modules, torch.stack(history).cpu().numpy())


def _epoch(X, y, folds, seeds, epoch, sizes):
    """Yield the batches of an epoch, each with a leading axis of folds."""
    orders = [
        rows[torch.randperm(len(rows), generator=streams.generator("shuffle", epoch))]
        for rows, streams in zip(folds, seeds, strict=True)
    ]
    order = torch.stack([rows[: sum(sizes)] for rows in orders]).to(X.device)
    return zip(X[order].split(sizes, 1), y[order].split(sizes, 1), strict=True)


def _stacked_groups(module, params, *, lr, weight_decay):
    """Return the groups of a module with stacked parameters in place of its own."""
    names = {param: name for name, param in module.named_parameters()}
    groups = parameter_groups([module], lr=lr, weight_decay=weight_decay)
    return [
        {**group, "params": [params[names[param]] for param in group["params"]]}
        for group in groups
    ]


@torch.no_grad()
def _unstack(modules, params, buffers):
    for i, module in enumerate(modules):
        for name, param in module.named_parameters():
            param.copy_(params[name][i])
        for name, buffer in module.named_buffers():
            buffer.copy_(buffers[name][i])
        module.eval()
