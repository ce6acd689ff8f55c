"""How the networks of local weights are trained; this loads torch."""

import copy
import math
from typing import NamedTuple

import numpy as np

from skext.quantile._core.groups import keep_back
from skext.utils._torch.device import resolve_device
from skext.utils._torch.perceptron import Perceptron, as_arrays, layer_sizes
from skext.utils._torch.seeds import seeded_torch
from skext.utils._torch.training import loss_history, make_net

# Standard deviations of so many typical distances are those of a few gross targets.
_GROSS = 100.0


class Trainer:
    """Data of a gate in the units of its networks, and how one is trained.

    Parameters
    ----------
    aggregator : QuantileAggregator
        Its parameters and its global weights.
    options : dict
        Options of the network.
    shape : Shape
        What the outputs stand for.
    x : ndarray of shape (n_samples, n_features)
        Features.
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Predictions.
    y, s : ndarrays of shape (n_samples,)
        Target and positive weights of the rows.
    groups : ndarray of shape (n_samples,) or None
        Numbers of groups that are not to be torn apart.
    """

    def __init__(self, aggregator, options, shape, x, Z, y, s, groups=None):
        self.aggregator, self.options, self.shape = aggregator, options, shape
        self.groups = groups
        center = float(np.average(y, weights=s))
        scale = float(np.sqrt(np.average((y - center) ** 2, weights=s))) or 1.0
        middle, typical = _typical(y)
        if scale > _GROSS * typical > 0:
            # A few gross targets leave the others no room.
            center, scale = middle, typical
        y, Z = (y - center) / scale, (Z - center) / scale
        self.target = np.column_stack([y, s / s.mean()]).astype(np.float32)
        self.inputs = {"x": x.astype(np.float32), "z": Z.astype(np.float32)}
        self.margin = aggregator.crossing_margin
        if self.margin == "adaptive":
            self.margin = options["margin_scale"] * _distances(
                Z, y, s, aggregator.quantiles_
            )

    def part(self, rows):
        """Return some of the rows."""
        inputs = {key: value[rows] for key, value in self.inputs.items()}
        return GateRows(inputs, self.target[rows])

    def split(self, seed):
        """Draw training and validation rows."""
        n = len(self.target)
        if n < 2:
            return np.arange(n), np.arange(n)
        share = self.options["validation_fraction"]
        n_valid = min(max(1, round(share * n)), n - 1)
        return keep_back(n, n_valid, np.random.RandomState(seed), self.groups)

    def train(self, seed):
        """Train one network.

        Parameters
        ----------
        seed : int
            Seed of its rows, its start and the order of its batches.

        Returns
        -------
        network : callable
            From features to logits.
        losses : dict of ndarray of shape (n_epochs,)
            Losses by epoch.
        """
        device = resolve_device(self.aggregator.device)
        # Neither torch's global stream nor its determinism is ours to change.
        with seeded_torch(seed, device):
            train, valid = self.split(seed)
            data = self.part(valid)
            module = self._module()
            net = self._net(module, data, len(train), device)
            net.initialize()
            first, before = copy.deepcopy(module.state_dict()), _loss(net, data)
            net.fit(self.part(train), None)
            if not _loss(net, data) <= before:
                module.load_state_dict(first)
        module = module.cpu().eval()
        losses = loss_history(net)
        if self.aggregator.gate is not None:
            return TorchNetwork(module), losses
        coefs, intercepts = as_arrays(module.logits)
        intercepts[-1] += module.offset.numpy()
        return Perceptron(coefs, intercepts, "elu"), losses

    def _net(self, module, valid, n_train, device):
        """Make the net of skorch around a module."""
        from torch.optim import Adam

        options, size = self.options, self.options["batch_size"]
        if size == "auto":
            size = 2 ** (3 + math.floor(math.log10(max(n_train, 10))))
        params = {
            "optimizer": Adam,
            "optimizer__amsgrad": True,
            "optimizer__weight_decay": options["weight_decay"],
            "lr": options["learning_rate_init"],
            "max_epochs": options["max_epochs"],
            "batch_size": size,
            "patience": options["n_iter_no_change"],
        }
        if _is_net(self.aggregator.gate):
            params = _params_of(self.aggregator.gate)
        loss = _make_loss(self.aggregator, self.margin, device)
        return make_net(module, loss, Batches, valid=valid, device=device, **params)

    def _module(self):
        """Build the network: logits from features, and the combined quantiles."""
        import torch

        shape, weights = self.shape, self.aggregator.weights_
        n_features = self.inputs["x"].shape[1]
        logits = self._logits(n_features)
        offset = np.zeros(shape.n_outputs)
        if self.options["start_at_global"]:
            # From there early stopping can only improve.
            offset = np.log(np.maximum(weights, 1e-4)).reshape(-1)

        class GateModule(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.logits = logits
                start = torch.as_tensor(offset, dtype=torch.float32)
                self.register_buffer("offset", start)

            def outputs(self, x):
                found = self.logits(x)
                if found.shape != (len(x), shape.n_outputs):
                    raise ValueError(
                        f"gate returned the shape {tuple(found.shape)}, expected "
                        f"{(len(x), shape.n_outputs)}: n_outputs for each row."
                    )
                return found + self.offset

            def forward(self, x, z):
                w = torch.softmax(self.outputs(x).reshape(len(x), *shape.split), dim=1)
                if shape.granularity == "coarse":
                    return torch.einsum("bm,bmk->bk", w, z)
                if shape.granularity == "medium":
                    return (w * z).sum(dim=1)
                return torch.einsum("bj,bjk->bk", z.reshape(len(z), -1), w)

        return GateModule()

    def _logits(self, n_features):
        """Build the part with parameters: the user's, or layers of ELU."""
        import torch
        from torch import nn

        gate, n_outputs = self.aggregator.gate, self.shape.n_outputs
        if gate is not None:
            make, params = gate, {}
            if _is_net(gate):
                make, params = gate.module, gate.get_params_for("module")
            found = make
            if not isinstance(make, nn.Module):
                found = make(n_features, n_outputs, **params)
            if not isinstance(found, nn.Module):
                raise TypeError(
                    f"gate made a {type(found).__name__}, expected a torch.nn.Module."
                )
            return copy.deepcopy(found)
        parts, width = [], n_features
        for units in layer_sizes(self.options["hidden_layer_sizes"]):
            if parts:
                parts.append(nn.Dropout(self.options["dropout"]))
            parts += [nn.Linear(width, units), nn.ELU()]
            width = units
        head = nn.Linear(width, n_outputs)
        if self.options["start_at_global"]:
            with torch.no_grad():
                head.weight.mul_(0.1)
                head.bias.zero_()
        return nn.Sequential(*parts, head)


def _typical(y):
    """Return the median of targets, and how far those that differ are from it."""
    middle = float(np.median(y))
    apart = np.abs(y - middle)
    return middle, float(np.median(apart[apart > 0])) if apart.any() else 0.0


def _distances(Z, y, s, levels):
    """Distances between the quantiles of the residuals of the median model."""
    middle = int(np.abs(levels - 0.5).argmin())
    r = y - np.median(Z[:, :, middle], axis=1)
    found = np.quantile(r, levels, weights=s, method="inverted_cdf")
    return np.maximum(found[np.newaxis] - found[:, np.newaxis], 0.0)


def _is_net(gate):
    return hasattr(gate, "get_params_for")


def _params_of(gate):
    """Parameters of a user's net but for those that are ours to set."""
    ours = {"module", "criterion", "train_split", "device", "dataset"}
    params = {
        key: value
        for key, value in gate.get_params(deep=False).items()
        if key not in ours
        and not key.startswith(("module__", "criterion__", "iterator_", "callbacks__"))
    }
    return copy.deepcopy(params)


class GateRows(NamedTuple):
    """Rows for a network: features and predictions; targets and weights."""

    inputs: dict
    target: np.ndarray


class Batches:
    """Slices of tensors, which cost less than rows that are collected one by one."""

    def __init__(self, rows, batch_size=128, shuffle=False):
        from torch import as_tensor

        self.inputs = {key: as_tensor(part) for key, part in rows.inputs.items()}
        self.target, self.shuffle = as_tensor(rows.target), shuffle
        self.size = len(self.target) if batch_size == -1 else batch_size

    def __len__(self):
        return -(-len(self.target) // self.size)

    def __iter__(self):
        from torch import arange, randperm

        order = (randperm if self.shuffle else arange)(len(self.target))
        for rows in order.split(self.size):
            part = {key: value[rows] for key, value in self.inputs.items()}
            yield part, self.target[rows]


def _loss(net, dataset):
    """Mean loss of a data set without dropout."""
    total = n = 0.0
    for batch in net.get_iterator(dataset, training=False):
        count = len(batch[1])
        total += float(net.validation_step(batch)["loss"]) * count
        n += count
    return total / n


class TorchNetwork:
    """A fitted network of the user's.

    Parameters
    ----------
    module : torch.nn.Module
        With a part ``logits`` and an ``offset``.
    """

    def __init__(self, module):
        self.logits, self.offset = module.logits, module.offset.numpy()

    def __call__(self, x):
        """Return the logits of some rows."""
        import torch

        with torch.no_grad():
            found = self.logits(torch.as_tensor(x, dtype=torch.float32))
        return found.numpy().astype(np.float64) + self.offset


def _make_loss(aggregator, margin, device):
    """Build the loss: pinball, and a penalty for quantiles that cross."""
    import torch

    penalty = aggregator.crossing_penalty
    levels = np.asarray(aggregator.quantiles_, dtype=np.float32)
    pairs = torch.triu(torch.ones(len(levels), len(levels)), diagonal=1)
    pairs = (pairs / pairs.sum().clamp(min=1.0)).to(device)
    levels = torch.as_tensor(levels, device=device)
    margin = torch.as_tensor(margin, dtype=torch.float32, device=device)

    def loss(predicted, target, inputs):
        y, s = target[:, :1], target[:, 1]
        r = y - predicted
        losses = torch.maximum(levels * r, (levels - 1) * r).mean(dim=1)
        if penalty > 0:
            over = predicted[:, :, None] - predicted[:, None, :] + margin
            losses = losses + penalty * (over.clamp(min=0) * pairs).sum((1, 2))
        return (s * losses).mean()

    return loss
