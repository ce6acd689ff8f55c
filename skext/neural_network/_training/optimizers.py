"""Optimisers by name, their parameter groups, and the rate of large batches."""

import inspect
import math

import torch

_OPTIMIZERS = {
    "adamw": (torch.optim.AdamW, {}),
    "adam": (torch.optim.Adam, {}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9}),
}
OPTIMIZER_NAMES = tuple(_OPTIMIZERS)


def scaled_rate(lr, *, lr_scaling, batch_size, reference):
    """Return the learning rate for a batch size, given the one for another.

    Parameters
    ----------
    lr : float
        Rate meant for batches of ``reference`` rows.
    lr_scaling : {"sqrt", "linear"} or None
        How the rate grows with the batch.
    batch_size : int
        Rows of a batch.
    reference : int
        Rows of a batch that ``lr`` is meant for.

    Returns
    -------
    lr : float
        Scaled rate.
    """
    ratio = batch_size / reference
    if lr_scaling is None:
        return lr
    if lr_scaling == "sqrt":
        return lr * math.sqrt(ratio)
    if lr_scaling == "linear":
        return lr * ratio
    raise ValueError(
        f"lr_scaling={lr_scaling!r} is unknown; choose None, 'sqrt' or 'linear'."
    )


def parameter_groups(modules, *, lr, weight_decay):
    """Return the groups of all trainable parameters of some modules.

    A module may have a method ``parameter_groups()`` that returns dicts with
    ``"params"`` and the factors ``"lr_scale"`` and ``"weight_decay_scale"``; what it
    does not name gets the factors 1. Groups with the same factors are merged, since
    each group costs a call of its own in every step.

    Parameters
    ----------
    modules : list of nn.Module
        Module and criterion.
    lr, weight_decay : float
        Values that the factors multiply.

    Returns
    -------
    groups : list of dict
        Groups for a torch optimiser.
    """
    scales = {}
    for module in modules:
        for group in getattr(module, "parameter_groups", list)():
            pair = group.get("lr_scale", 1.0), group.get("weight_decay_scale", 1.0)
            params = group["params"]
            params = [params] if isinstance(params, torch.Tensor) else params
            scales.update((param, pair) for param in params)
    merged, seen = {}, set()
    for module in modules:
        for param in module.parameters():
            if param.requires_grad and param not in seen:
                seen.add(param)
                merged.setdefault(scales.get(param, (1.0, 1.0)), []).append(param)
    return [
        {"params": params, "lr": lr * rate, "weight_decay": weight_decay * decay}
        for (rate, decay), params in merged.items()
    ]


def make_optimizer(optimizer, groups, *, lr, params=None, capturable=False):
    """Build an optimiser over parameter groups.

    Parameters
    ----------
    optimizer : {"adamw", "adam", "sgd"} or type
        Name, or a class of the form of ``torch.optim``'s.
    groups : list of dict
        From `parameter_groups`.
    lr : float
        Default rate.
    params : dict, default=None
        Further arguments.
    capturable : bool, default=False
        Make it usable inside a CUDA graph.

    Returns
    -------
    optimizer : torch.optim.Optimizer
        Fused where torch has a fused kernel for it, because the loop over small
        tensors would cost as much as the network.

    Raises
    ------
    ValueError
        If the name is unknown or an argument is refused.
    """
    known = not isinstance(optimizer, type)
    if known and optimizer not in _OPTIMIZERS:
        raise ValueError(
            f"optimizer={optimizer!r} is unknown; choose one of {OPTIMIZER_NAMES} or "
            "an optimiser class of torch."
        )
    cls, options = _OPTIMIZERS[optimizer] if known else (optimizer, {})
    options = {**options, **(params or {})}
    if known and not {"fused", "foreach"} & options.keys() and _can_fuse(groups):
        options["fused"] = True
    if capturable and "capturable" in inspect.signature(cls).parameters:
        options.setdefault("capturable", True)
    groups = _without_foreign_options(cls, groups)
    if len(groups) == 1:
        # Some optimisers (L-BFGS) take no groups at all.
        options = {**{k: v for k, v in groups[0].items() if k != "params"}, **options}
        groups = groups[0]["params"]
    try:
        return cls(groups, **{"lr": lr, **options})
    except TypeError as exc:
        raise ValueError(
            f"optimizer_params={params!r} does not fit {cls.__name__}: {exc}."
        ) from exc


def _without_foreign_options(cls, groups):
    """Drop a weight decay of 0 that the class does not know, refuse another."""
    signature = inspect.signature(cls).parameters
    if "weight_decay" in signature or any(
        part.kind is part.VAR_KEYWORD for part in signature.values()
    ):
        return groups
    if any(group["weight_decay"] for group in groups):
        raise ValueError(
            f"{cls.__name__} has no weight decay; set weight_decay=0 or choose "
            "another optimizer."
        )
    return [
        {key: value for key, value in group.items() if key != "weight_decay"}
        for group in groups
    ]


def _can_fuse(groups):
    return all(
        param.device.type in ("cpu", "cuda") and param.is_floating_point()
        for group in groups
        for param in group["params"]
    )


def needs_closure(optimizer):
    """Tell whether ``step`` evaluates the loss itself, as L-BFGS does."""
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty
