"""Activation functions by name."""

from torch import nn

_ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
    "identity": nn.Identity,
}
ACTIVATION_NAMES = tuple(_ACTIVATIONS)


def make_activation(activation):
    """Make one activation layer.

    Parameters
    ----------
    activation : str or callable
        One of ``ACTIVATION_NAMES``, or something that makes a module without
        arguments (such as a class of torch.nn).

    Returns
    -------
    layer : torch.nn.Module
        A new layer at each call.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if isinstance(activation, str):
        if activation not in _ACTIVATIONS:
            raise ValueError(
                f"activation={activation!r} is unknown; choose one of "
                f"{ACTIVATION_NAMES} or give a class of torch.nn."
            )
        return _ACTIVATIONS[activation]()
    return activation()
