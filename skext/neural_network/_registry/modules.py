"""Networks by name, class or factory."""

import inspect

from torch import nn

from skext.neural_network._modules.base import TabularModule, group_parameters
from skext.neural_network._modules.compander import (
    WEIGHT_TRANSFORMS,
    compand_weights,
)
from skext.neural_network._modules.ghost import GhostBatchNorm1d
from skext.neural_network._modules.layers import squeeze_scores
from skext.neural_network._registry.names import MODULES


def build_module(
    module,
    *,
    n_features,
    n_outputs,
    hidden_layer_sizes=(256, 256, 256),
    activation="auto",
    normalization="auto",
    dropout="auto",
    ghost_batch_size=None,
    weight_transform=None,
    dropout_samples=1,
    params=None,
    data=None,
):
    """Build a network.

    Parameters
    ----------
    module : str, class or callable
        A name in ``MODULES``, or something that is called as
        ``module(n_features, n_outputs, **params)`` and returns a torch module.
    n_features : int
        Number of inputs.
    n_outputs : int
        Number of scores per row.
    hidden_layer_sizes : sequence of int, default=(256, 256, 256)
        Units per hidden layer; this and the next three are not used by modules of the
        user.
    activation : str or callable, default="auto"
        Activation function; ``"auto"`` takes the usual one of the named module.
    normalization : {"auto", "batch", "layer", None}, default="auto"
        Normalisation after each hidden layer.
    dropout : float or "auto", default="auto"
        Dropout rate.
    ghost_batch_size : int, default=None
        Rows per ghost batch of the batch normalisation. In a module of the user every
        ``torch.nn.BatchNorm1d`` is replaced.
    weight_transform : {"arctan", None}, default=None
        Bound on the weights of linear layers, see :class:`WeightCompander`.
    dropout_samples : int, default=1
        Dropout masks per row and step in the last hidden layer.
    params : dict, default=None
        Further arguments of the module.
    data : Tensor of shape (n_samples, n_features), default=None
        Scaled training rows, for modules that adapt their starting values.

    Returns
    -------
    network : torch.nn.Module
        ``forward`` gives (B,) or (B, n_outputs), and (B, m) or (B, m, n_outputs) when
        its attribute ``ensemble_dim`` is 1 in the current mode. It also has
        ``parameter_groups()``.

    Raises
    ------
    ValueError
        If a name is unknown or options do not go together.
    TypeError
        If `module` is neither a name, a class nor a factory, or does not give a torch
        module.

    Notes
    -----
    Starting values come from the current generator of torch and nothing else; fork and
    seed it for reproducible networks.
    """
    if weight_transform not in WEIGHT_TRANSFORMS:
        raise ValueError(
            f"weight_transform={weight_transform!r} is unknown; choose one of "
            f"{WEIGHT_TRANSFORMS}."
        )
    if isinstance(module, str):
        network = _named_module(
            module,
            n_features,
            n_outputs,
            {
                "hidden_layer_sizes": hidden_layer_sizes,
                "activation": activation,
                "normalization": normalization,
                "dropout": dropout,
                "ghost_batch_size": ghost_batch_size,
                "dropout_samples": dropout_samples,
            },
            params,
            data,
        )
    else:
        network = _users_module(module, n_features, n_outputs, params, dropout_samples)
        if ghost_batch_size is not None:
            _use_ghost_batches(network, ghost_batch_size)
    if weight_transform is not None:
        compand_weights(network)
    return network


class ScoreAdapter(TabularModule):
    """A module of the user with scores in the shape of ours.

    Parameters
    ----------
    inner : torch.nn.Module
        Gives (B, n_outputs), (B,) or, with its own attribute ``ensemble_dim`` equal to
        1, one axis more in the middle.
    n_outputs : int
        Number of scores per row.
    """

    def __init__(self, inner, n_outputs):
        super().__init__()
        self.inner, self.n_outputs = inner, n_outputs

    @property
    def ensemble_dim(self):
        """Attribute of the same name of the inner module, or None."""
        return getattr(self.inner, "ensemble_dim", None)

    def parameter_groups(self):
        """Group the parameters as the inner module says.

        Returns
        -------
        groups : list of dict
            See :meth:`TabularModule.parameter_groups`.
        """
        if hasattr(self.inner, "parameter_groups"):
            return self.inner.parameter_groups()
        return group_parameters(self.inner)

    def forward(self, X):
        """Score rows.

        Parameters
        ----------
        X : Tensor of shape (B, n_features)
            Rows.

        Returns
        -------
        scores : Tensor
            Shape (B,) for one output, else (B, n_outputs).
        """
        scores = self.inner(X)
        axes = 1 + (self.n_outputs > 1) + (self.ensemble_dim is not None)
        if self.n_outputs == 1 and scores.ndim == axes + 1:
            scores = squeeze_scores(scores)
        wrong = scores.ndim != axes or scores.shape[0] != X.shape[0]
        if wrong or (self.n_outputs > 1 and scores.shape[-1] != self.n_outputs):
            raise ValueError(
                f"module gives scores of shape {tuple(scores.shape)} for "
                f"{X.shape[0]} rows and n_outputs={self.n_outputs}; return "
                "(n_rows, n_outputs)."
            )
        return scores


def _named_module(name, n_features, n_outputs, options, params, data):
    """Make a module of ours; "auto" leaves its default."""
    if name not in MODULES:
        raise ValueError(
            f"module={name!r} is unknown; choose one of {tuple(MODULES)}, or give a "
            "class or a factory(n_features, n_outputs)."
        )
    cls = MODULES[name].find()
    options = {
        key: value
        for key, value in options.items()
        if not (isinstance(value, str) and value == "auto")
    }
    if "data" in inspect.signature(cls).parameters:
        options["data"] = data
    return cls(n_features, n_outputs, **options, **(params or {}))


def _users_module(module, n_features, n_outputs, params, dropout_samples):
    if isinstance(module, nn.Module) or not callable(module):
        raise TypeError(
            f"module={module!r} must be a name in {tuple(MODULES)}, a class or a "
            "factory(n_features, n_outputs) that makes a new network at each call."
        )
    if dropout_samples != 1:
        raise ValueError(
            f"dropout_samples={dropout_samples!r} needs a module by name; use "
            "dropout_samples=1 with a module of your own."
        )
    network = module(n_features, n_outputs, **(params or {}))
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"module={module!r} must make a torch.nn.Module, and makes a "
            f"{type(network).__name__}; give a class of such modules."
        )
    return ScoreAdapter(network, n_outputs)


def _use_ghost_batches(network, ghost_batch_size):
    for part in list(network.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.BatchNorm1d:
                ghost = GhostBatchNorm1d(
                    child.num_features,
                    ghost_batch_size,
                    child.eps,
                    child.momentum,
                    child.affine,
                    child.track_running_stats,
                    interleaved=True,
                )
                ghost.load_state_dict(child.state_dict())
                setattr(part, name, ghost.train(child.training))
