"""How the networks of local weights are trained; imported where torch is.

Nothing at the top of this module needs torch or skorch.
"""

import copy
import math

import numpy as np

from skext.quantile._core.groups import keep_back
from skext.quantile._gate.network import Perceptron
from skext.utils._torch.device import resolve_device
from skext.utils._torch.seeds import seeded_torch

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
        """Return inputs and targets of some rows."""
        part = {key: value[rows] for key, value in self.inputs.items()}
        return part, self.target[rows]

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
        log : list of dict
            Losses by epoch.
        """
        import torch
        from skorch.dataset import Dataset

        # Neither torch's global stream nor its determinism is ours to change.
        with seeded_torch(seed, resolve_device(self.aggregator.device)):
            train, valid = self.split(seed)
            data = Dataset(*self.part(valid))
            module = self._module(torch)
            net = self._net(torch, module, data, len(train))
            net.initialize()
            first, before = copy.deepcopy(module.state_dict()), _loss(net, data)
            net.fit(*self.part(train))
            module = net.module_
            if not _loss(net, data) <= before:
                module.load_state_dict(first)
        log = [
            {key: row[key] for key in ("epoch", "train_loss", "valid_loss")}
            for row in net.history
        ]
        module = module.cpu().eval()
        own = self.aggregator.gate is not None
        return TorchNetwork(module) if own else Perceptron(_layers(module)), log

    def _net(self, torch, module, valid, n_train):
        """Make the skorch net around a module."""
        from skorch import NeuralNet
        from skorch.callbacks import EarlyStopping
        from skorch.helper import predefined_split

        options, size = self.options, self.options["batch_size"]
        if size == "auto":
            size = 2 ** (3 + math.floor(math.log10(max(n_train, 10))))
        params = {
            "optimizer": torch.optim.Adam,
            "optimizer__amsgrad": True,
            "optimizer__weight_decay": options["weight_decay"],
            "lr": options["lr"],
            "max_epochs": options["max_epochs"],
            "batch_size": size,
            "callbacks": [EarlyStopping(patience=options["patience"], load_best=True)],
            "verbose": 0,
        }
        if _is_net(self.aggregator.gate):
            params = _params_of(self.aggregator.gate)
        batches = _batches(torch)
        return NeuralNet(
            module,
            criterion=_criterion(torch, self.aggregator, self.margin),
            iterator_train=batches,
            iterator_train__shuffle=True,
            iterator_valid=batches,
            train_split=predefined_split(valid),
            device=resolve_device(self.aggregator.device),
            **params,
        )

    def _module(self, torch):
        """Build the network: logits from features, and the combined quantiles."""
        shape, weights = self.shape, self.aggregator.weights_
        n_features = self.inputs["x"].shape[1]
        logits = self._logits(torch, n_features)
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

    def _logits(self, torch, n_features):
        """Build the part with parameters: the user's, or layers of ELU."""
        gate, n_outputs, nn = self.aggregator.gate, self.shape.n_outputs, torch.nn
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
        for layer in range(self.options["n_layers"]):
            if layer:
                parts.append(nn.Dropout(self.options["dropout"]))
            parts += [nn.Linear(width, self.options["hidden_size"]), nn.ELU()]
            width = self.options["hidden_size"]
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


def _batches(torch):
    """Build an iterator that slices tensors instead of collecting rows one by one."""

    class Batches:
        def __init__(self, dataset, batch_size=128, shuffle=False):
            self.inputs = {k: torch.as_tensor(v) for k, v in dataset.X.items()}
            self.target = torch.as_tensor(dataset.y)
            n = len(self.target)
            self.size = n if batch_size == -1 else batch_size
            self.shuffle, self.n = shuffle, n

        def __len__(self):
            return -(-self.n // self.size)

        def __iter__(self):
            order = torch.randperm(self.n) if self.shuffle else torch.arange(self.n)
            for rows in order.split(self.size):
                part = {key: value[rows] for key, value in self.inputs.items()}
                yield part, self.target[rows]

    return Batches


def _loss(net, dataset):
    """Mean loss of a data set without dropout."""
    total = n = 0.0
    for batch in net.get_iterator(dataset, training=False):
        count = len(batch[1])
        total += float(net.validation_step(batch)["loss"]) * count
        n += count
    return total / n


def _layers(module):
    """Copy the layers of our own network into arrays."""
    found = []
    for layer in module.logits:
        if hasattr(layer, "weight"):
            matrix = layer.weight.detach().numpy().T.astype(np.float64)
            constant = layer.bias.detach().numpy().astype(np.float64)
            found.append([matrix.copy(), constant])
    found[-1][1] = found[-1][1] + module.offset.numpy().astype(np.float64)
    return [tuple(layer) for layer in found]


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


def _criterion(torch, aggregator, margin):
    """Build the loss: pinball, and a penalty for quantiles that cross."""
    levels = np.asarray(aggregator.quantiles_, dtype=np.float32)
    penalty = aggregator.crossing_penalty

    class Criterion(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("levels", torch.as_tensor(levels))
            pairs = torch.triu(torch.ones(len(levels), len(levels)), diagonal=1)
            self.register_buffer("pairs", pairs / pairs.sum().clamp(min=1.0))
            apart = torch.as_tensor(margin, dtype=torch.float32)
            self.register_buffer("margin", apart)

        def forward(self, predicted, target):
            y, s = target[:, :1], target[:, 1]
            r = y - predicted
            losses = torch.maximum(self.levels * r, (self.levels - 1) * r).mean(dim=1)
            if penalty > 0:
                over = predicted[:, :, None] - predicted[:, None, :] + self.margin
                losses = losses + penalty * (over.clamp(min=0) * self.pairs).sum((1, 2))
            return (s * losses).mean()

    return Criterion
