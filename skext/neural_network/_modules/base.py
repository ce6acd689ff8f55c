"""What every network for tables shares: groups of parameters, dropout rates."""

from torch import nn


class TabularModule(nn.Module):
    """Base of the networks that are chosen by name.

    A sub-module states learning-rate and weight-decay multipliers of its own
    parameters in a class attribute ``parameter_scales``, a dict from the name of the
    parameter to the pair (learning rate, weight decay).
    """

    @property
    def ensemble_dim(self):
        """Axis of parallel predictions in the output of the current mode, or None."""
        return None

    def parameter_groups(self):
        """Group the parameters for the optimiser.

        Returns
        -------
        groups : list of dict
            Keys ``params`` (list of parameters), ``lr_scale`` and
            ``weight_decay_scale``; every trainable parameter is in one group.
        """
        return group_parameters(self)


def group_parameters(module):
    """Group trainable parameters by their learning-rate and decay multipliers.

    Parameters
    ----------
    module : torch.nn.Module
        Any module; sub-modules may have the class attribute ``parameter_scales``.

    Returns
    -------
    groups : list of dict
        See :meth:`TabularModule.parameter_groups`.
    """
    groups, seen = {}, set()
    for part in module.modules():
        scales = getattr(part, "parameter_scales", {})
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                groups.setdefault(scales.get(name, (1.0, 1.0)), []).append(parameter)
    return [
        {"params": params, "lr_scale": rate, "weight_decay_scale": decay}
        for (rate, decay), params in groups.items()
    ]


def check_widths(hidden_layer_sizes):
    """Return the hidden widths as a tuple of positive integers.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        As given by the user.

    Returns
    -------
    widths : tuple of int
        One width per hidden layer; may be empty.

    Raises
    ------
    ValueError
        If a width is smaller than 1.
    """
    try:
        widths = tuple(int(width) for width in hidden_layer_sizes)
    except TypeError:
        widths = (int(hidden_layer_sizes),)
    if any(width < 1 for width in widths):
        raise ValueError(
            f"hidden_layer_sizes={hidden_layer_sizes!r} contains a width below 1; "
            "every hidden layer needs at least one unit."
        )
    return widths
