"""Perceptrons: drawn by numpy, trained by torch, kept as arrays.

A fitted one pickles anywhere and predicts without torch.
"""

from typing import NamedTuple

import numpy as np

from skext.utils._scaling import Scaler

# Rows that go through the layers at a time.
_ROWS = 8192


def _relu(x):
    return np.maximum(x, 0.0)


def _elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


_ACTIVATIONS = {"relu": _relu, "elu": _elu}


class Perceptron(NamedTuple):
    """Fitted layers as plain arrays.

    Attributes
    ----------
    coefs : list of ndarray of shape (n_units, n_next_units)
        Weights.
    intercepts : list of ndarray of shape (n_next_units,)
        Constants.
    activation : {"relu", "elu"}
        What follows the hidden layers.
    scaler : Scaler or None
        Applied to the rows first.
    """

    coefs: list
    intercepts: list
    activation: str = "relu"
    scaler: Scaler | None = None

    def __call__(self, X, *, activate_last=False):
        """Return what the last layer gives for rows."""
        activate, parts = _ACTIVATIONS[self.activation], []
        for start in range(0, max(X.shape[0], 1), _ROWS):
            h = X[start : start + _ROWS]
            h = h if self.scaler is None else self.scaler(h)
            layers = zip(self.coefs, self.intercepts, strict=True)
            for number, (coef, intercept) in enumerate(layers, 1):
                h = h @ coef + intercept
                if number < len(self.coefs) or activate_last:
                    h = activate(h)
            parts.append(h)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def as_arrays(layers):
    """Copy the linear ones of some layers into lists of weights and of constants."""
    linear = [layer for layer in layers if hasattr(layer, "weight")]
    coefs = [layer.weight.detach().cpu().numpy().T for layer in linear]
    intercepts = [layer.bias.detach().cpu().numpy() for layer in linear]
    return (
        [np.array(coef, dtype=np.float64, order="C") for coef in coefs],
        [np.array(intercept, dtype=np.float64) for intercept in intercepts],
    )


def layer_sizes(hidden_layer_sizes):
    """Return the sizes of hidden layers as a tuple of integers, or raise."""
    found = np.atleast_1d(hidden_layer_sizes)
    whole = found.size == 0 or found.dtype.kind in "iu"
    if found.ndim > 1 or not whole or min(found, default=1) < 1:
        raise ValueError(
            f"hidden_layer_sizes={hidden_layer_sizes!r} must be positive integers; "
            "give (128, 64) for two layers, say, or () for a linear model."
        )
    return tuple(int(size) for size in found)
