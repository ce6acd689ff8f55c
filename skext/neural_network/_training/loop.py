"""The loop over batches: nothing in it waits for the device."""

from typing import NamedTuple

import torch

from skext.neural_network._training.noise import takes_noise
from skext.neural_network._training.optimizers import needs_closure

# Rows of a forward pass without gradients; bounds the memory of wide networks.
EVALUATION_ROWS = 8192
# A product of few rows takes another kernel, whose sums end in other last bits.
ROW_MULTIPLE = 16


class Epoch(NamedTuple):
    """What one epoch leaves behind.

    Attributes
    ----------
    losses : list of Tensor
        Loss of each batch, on the device.
    scores : list of Tensor
        Scores of each batch in training mode; empty unless asked for.
    """

    losses: list
    scores: list


def make_forward(module, criterion, *, compile=False, is_sorted=False):
    """Return ``forward(X, y, weight, noise) -> (loss, scores)``.

    Parameters
    ----------
    module, criterion : nn.Module
        Network and loss; weight and noise are passed on where they are not None.
    compile : bool or dict, default=False
        Compile by ``torch.compile``, with these options.
    is_sorted : bool, default=False
        Whether the noise descends, which is then told to the criterion.

    Returns
    -------
    forward : callable
        One call of the network and the loss.
    """

    def forward(X, y, weight, noise):
        scores = module(X)
        extras = {}
        if weight is not None:
            extras["sample_weight"] = weight
        if noise is not None:
            extras["noise"] = noise
            if is_sorted:
                extras["noise_is_sorted"] = True
        return criterion(scores, y, **extras), scores

    if compile:
        options = compile if isinstance(compile, dict) else {}
        return torch.compile(forward, **options)
    return forward


def make_step(forward, optimizer, *, grad_clip=None, on_gradient=None):
    """Return ``step(X, y, weight, noise) -> (loss, scores)``, both detached.

    Parameters
    ----------
    forward : callable
        From `make_forward`.
    optimizer : torch.optim.Optimizer
        Steps once a call.
    grad_clip : float, default=None
        Largest norm of the gradient.
    on_gradient : callable, default=None
        Called with the batch between the gradient and the step.

    Returns
    -------
    step : callable
        One step of training.
    """
    params = [p for group in optimizer.param_groups for p in group["params"]]
    # Looked up now, since schedulers of callbacks wrap it when training begins.
    update = optimizer.step

    def gradient(X, y, weight, noise):
        for param in params:
            param.grad = None
        loss, scores = forward(X, y, weight, noise)
        loss.backward()
        if grad_clip is not None:
            torch.nn.utils.clip_grad_norm_(params, grad_clip)
        if on_gradient is not None:
            on_gradient(X, y)
        return loss.detach(), scores.detach()

    def step(X, y, weight, noise):
        result = gradient(X, y, weight, noise)
        update()
        return result

    def step_with_closure(X, y, weight, noise):
        results = []

        def closure():
            results.append(gradient(X, y, weight, noise))
            return results[-1][0]

        update(closure)
        return results[0]

    return step_with_closure if needs_closure(optimizer) else step


def run_epoch(step, batches, noises, *, before=None, after=None, keep_scores=False):
    """Train on the batches of an epoch.

    Parameters
    ----------
    step : callable
        From `make_step`.
    batches : list of (X, y, weight)
        Views of the epoch's rows.
    noises : iterable
        Noise of the loss of each batch, or None.
    before, after : callable, default=None
        ``before(i, batch)`` and ``after(batch, loss, scores)`` of each batch.
    keep_scores : bool, default=False
        Keep the scores too.

    Returns
    -------
    epoch : Epoch
        Losses and scores, still on the device.
    """
    losses, kept = [], []
    for i, (batch, noise) in enumerate(zip(batches, noises, strict=True)):
        if before is not None:
            before(i, batch)
        loss, scores = step(*batch, noise)
        losses.append(loss)
        if keep_scores:
            kept.append(scores)
        if after is not None:
            after(batch, loss, scores)
    return Epoch(losses, kept)


@torch.no_grad()
def evaluate(module, X, *, n_rows=EVALUATION_ROWS):
    """Yield the output of a module in evaluation mode, chunk by chunk.

    Few rows are filled up by copies of the first, so that the scores of a row do not
    depend on how many others are asked for.

    Parameters
    ----------
    module : nn.Module
        Network; its mode is put back.
    X : Tensor of shape (n_samples, n_features)
        Rows on the device of the module.
    n_rows : int, default=8192
        Rows of a chunk.

    Yields
    ------
    scores : Tensor of shape (chunk, ...)
        Raw output.
    """
    training = module.training
    module.eval()
    try:
        for chunk in X.split(n_rows):
            missing = -len(chunk) % ROW_MULTIPLE
            if not missing:
                yield module(chunk)
                continue
            filled = torch.cat([chunk, chunk[:1].expand(missing, -1)])
            yield module(filled)[: len(chunk)]
    finally:
        module.train(training)


@torch.no_grad()
def row_losses(module, criterion, table):
    """Return the loss of every row in evaluation mode, without weights.

    Parameters
    ----------
    module, criterion : nn.Module
        Network and loss; the criterion needs an attribute ``reduction``.
    table : Table
        Rows.

    Returns
    -------
    losses : Tensor of shape (n_samples,)
        On the device.
    """
    if not hasattr(criterion, "reduction"):
        raise ValueError(
            f"loss={type(criterion).__name__} has no attribute 'reduction', by which "
            "the sampler asks for the losses of rows; use another loss or sampler."
        )
    reduction, training = criterion.reduction, criterion.training
    criterion.eval()
    criterion.reduction = "none"
    try:
        parts = []
        targets = table.y.split(EVALUATION_ROWS)
        for scores, y in zip(evaluate(module, table.X), targets, strict=True):
            losses = criterion(scores, y)
            parts.append(losses.reshape(len(y), -1).mean(1))
        return torch.cat(parts)
    finally:
        criterion.reduction = reduction
        criterion.train(training)


def draws_globally(modules, *, supplied=None):
    """Tell whether modules may draw from torch's default generator in training.

    Layers of torch and of this package do if they drop something; any other code is
    suspected unless it has an attribute ``uses_global_rng = False``.

    Parameters
    ----------
    modules : list of nn.Module
        Network and loss.
    supplied : nn.Module, default=None
        A random loss whose noise the loop draws.

    Returns
    -------
    draws : bool
        Whether training has to take hold of the generator.
    """
    return any(
        _part_draws(part)
        for root in modules
        for part in root.modules()
        if part is not supplied
    )


def _part_draws(part):
    declared = getattr(part, "uses_global_rng", None)
    if declared is not None:
        return bool(declared)
    known = type(part).__module__.startswith(("torch.nn.", "skext."))
    if not known or isinstance(part, torch.nn.RReLU) or takes_noise(part):
        return True
    rates = getattr(part, "p", 0), getattr(part, "dropout", 0)
    return any(isinstance(rate, (int, float)) and rate > 0 for rate in rates)
