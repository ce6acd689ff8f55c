"""Local weights: a small network turns features into weights of the models.

torch and skorch are needed to learn the weights only; fitted gates are plain arrays,
so that they pickle anywhere and predict without either.
"""

import math
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skext.utils._device import choose_device
from skext.utils._optional import optional_import
from skext.utils._random import fit_rng

DEFAULTS = {
    "hidden_size": 64,
    "n_layers": 2,
    "dropout": 0.05,
    "lr": 1e-3,
    "weight_decay": 1e-7,
    "batch_size": "auto",
    "max_epochs": 200,
    "patience": 20,
    "validation_fraction": 0.15,
    "n_ensemble": 1,
    "start_at_global": True,
}
_ROWS = 2048


class _Shape(NamedTuple):
    granularity: str
    n_models: int
    n_levels: int

    @property
    def n_outputs(self):
        m, q = self.n_models, self.n_levels
        return {"coarse": m, "medium": m * q, "fine": m * q * q}[self.granularity]

    @property
    def split(self):
        """Shape of the outputs of a row: simplex first."""
        m, q = self.n_models, self.n_levels
        return {"coarse": (m,), "medium": (m, q), "fine": (m * q, q)}[self.granularity]


class Gate:
    """Fitted networks, averaged.

    Attributes
    ----------
    layers : list of list of (ndarray, ndarray)
        Weights and constants of each layer of each network.
    history : list of dict
        Losses by epoch.
    n_epochs : int
        Epochs of the network that took most.
    """

    def __init__(self, transformer, shape, layers, history):
        self.transformer, self.shape = transformer, shape
        self.layers, self.history = layers, history
        self.n_epochs = max([1, *(entry["epoch"] for entry in history)])

    def _simplex(self, x):
        """Weights of some rows, simplex along the second axis."""
        total = 0.0
        for network in self.layers:
            h = x
            for matrix, constant in network[:-1]:
                h = h @ matrix + constant
                h = np.where(h > 0, h, np.expm1(np.minimum(h, 0)))
            matrix, constant = network[-1]
            h = (h @ matrix + constant).reshape(len(x), *self.shape.split)
            h = np.exp(h - h.max(axis=1, keepdims=True))
            total = total + h / h.sum(axis=1, keepdims=True)
        return total / len(self.layers)

    def weights(self, X):
        """Return the weights of rows in the public layout."""
        w = self._simplex(encode(self.transformer, X))
        if self.shape.granularity == "fine":
            w = w.reshape(len(w), self.shape.n_models, self.shape.n_levels, -1)
        return w

    def combine(self, Z, X):
        """Combine predictions of shape (n_samples, n_models, n_levels)."""
        x = encode(self.transformer, X)
        if len(x) != len(Z):
            raise ValueError(
                f"X has {len(x)} rows, Z has {len(Z)}; give the same rows."
            )
        out = np.empty((len(Z), self.shape.n_levels))
        for start in range(0, len(Z), _ROWS):
            rows = slice(start, start + _ROWS)
            z, w = np.asarray(Z[rows], dtype=np.float64), self._simplex(x[rows])
            if self.shape.granularity == "coarse":
                out[rows] = np.einsum("im,imk->ik", w, z)
            elif self.shape.granularity == "medium":
                out[rows] = (w * z).sum(axis=1)
            else:
                out[rows] = np.einsum("ij,ijk->ik", z.reshape(len(z), -1), w)
        return out


def encode(transformer, X):
    """Turn features into finite numbers for the network."""
    x = transformer.transform(X)
    if hasattr(x, "toarray"):
        x = x.toarray()
    x = np.asarray(x, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError(
            "local=True needs features without NaN or infinity; set gate_transformer, "
            "e.g. to make_pipeline(SimpleImputer(), StandardScaler())."
        )
    return x


def _fit_transformer(transformer, X):
    if transformer is None:
        if hasattr(X, "toarray"):
            raise ValueError(
                "local=True needs dense features; set gate_transformer, e.g. to "
                "TruncatedSVD(), or use X.toarray()."
            )
        transformer = StandardScaler()
        kinds = getattr(X, "dtypes", None)
        if hasattr(X, "iloc") and any(kind.kind not in "biuf" for kind in kinds):
            transformer = make_column_transformer(
                (StandardScaler(), make_column_selector(dtype_include="number")),
                (
                    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                    make_column_selector(dtype_exclude="number"),
                ),
            )
        return transformer.fit(X)
    return clone(transformer).fit(X)


def _options(params):
    unknown = set(params or {}) - set(DEFAULTS)
    if unknown:
        raise ValueError(
            f"gate_params has the unknown keys {sorted(unknown)}; allowed are "
            f"{sorted(DEFAULTS)}."
        )
    return {**DEFAULTS, **(params or {})}


def fit_gate(aggregator, Z, y, X, s):
    """Learn local weights.

    Parameters
    ----------
    aggregator : QuantileAggregator
        Its parameters and its global weights, which training starts from.
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Predictions.
    y, s : ndarrays of shape (n_samples,)
        Target and weights of the rows.
    X : array-like of shape (n_samples, n_features)
        Features.

    Returns
    -------
    gate : Gate
        Fitted networks.
    """
    torch = optional_import("torch", extra="deep", purpose="local=True")
    optional_import("skorch", extra="deep", purpose="local=True")
    options = _options(aggregator.gate_params)
    transformer = _fit_transformer(aggregator.gate_transformer, X)
    x = encode(transformer, X)
    if len(x) != len(y):
        raise ValueError(f"X has {len(x)} rows, Z has {len(y)}; give the same rows.")
    kept = s > 0
    if not kept.all():
        x, Z, y, s = x[kept], Z[kept], y[kept], s[kept]
    shape = _Shape(aggregator.granularity, *Z.shape[1:])
    rng = fit_rng(aggregator.random_state)
    layers, history = [], []
    for member in range(options["n_ensemble"]):
        seed = int(rng.randint(np.iinfo(np.int32).max))
        # Neither torch's global stream nor its determinism is ours to change.
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network, log = _train(torch, aggregator, options, shape, x, Z, y, s, seed)
        layers.append(network)
        history += [{"member": member, **entry} for entry in log]
    return Gate(transformer, shape, layers, history)


def _train(torch, aggregator, options, shape, x, Z, y, s, seed):
    """Train one network; return its layers and the losses by epoch."""
    from skorch import NeuralNet
    from skorch.callbacks import EarlyStopping
    from skorch.dataset import Dataset
    from skorch.helper import predefined_split

    n = len(y)
    order = np.random.RandomState(seed).permutation(n)
    n_valid = min(max(1, round(options["validation_fraction"] * n)), n - 1)
    valid, train = np.sort(order[:n_valid]), np.sort(order[n_valid:])
    if n < 2:
        valid = train = order
    center = float(np.average(y, weights=s))
    scale = float(np.sqrt(np.average((y - center) ** 2, weights=s))) or 1.0
    target = np.column_stack([(y - center) / scale, s / s.mean()]).astype(np.float32)
    inputs = {
        "x": x.astype(np.float32),
        "z": ((Z - center) / scale).astype(np.float32),
    }

    def part(rows):
        return {key: value[rows] for key, value in inputs.items()}, target[rows]

    size = options["batch_size"]
    if size == "auto":
        size = 2 ** (3 + math.floor(math.log10(max(len(train), 10))))
    module = _module(torch, shape, x.shape[1], options, aggregator)
    net = NeuralNet(
        module,
        criterion=_criterion(torch, aggregator),
        optimizer=torch.optim.Adam,
        optimizer__amsgrad=True,
        optimizer__weight_decay=options["weight_decay"],
        lr=options["lr"],
        max_epochs=options["max_epochs"],
        batch_size=size,
        iterator_train__shuffle=True,
        train_split=predefined_split(Dataset(*part(valid))),
        callbacks=[EarlyStopping(patience=options["patience"], load_best=True)],
        device=choose_device(torch, aggregator.device),
        verbose=0,
    )
    net.initialize()
    first, before = _layers(module), _loss(net, Dataset(*part(valid)))
    net.fit(*part(train))
    log = [
        {key: row[key] for key in ("epoch", "train_loss", "valid_loss")}
        for row in net.history
    ]
    after = _loss(net, Dataset(*part(valid)))
    return (_layers(net.module_) if after <= before else first), log


def _loss(net, dataset):
    """Mean loss of a data set without dropout."""
    total = n = 0.0
    for batch in net.get_iterator(dataset, training=False):
        count = len(batch[1])
        total += float(net.validation_step(batch)["loss"]) * count
        n += count
    return total / n


def _layers(module):
    """Copy the layers of a network into arrays."""
    found = []
    for layer in [*module.trunk, module.head]:
        if hasattr(layer, "weight"):
            matrix = layer.weight.detach().cpu().numpy().T.astype(np.float64)
            constant = layer.bias.detach().cpu().numpy().astype(np.float64)
            found.append((matrix.copy(), constant.copy()))
    return found


def _module(torch, shape, n_features, options, aggregator):
    """Build the network: a trunk of ELU layers and a linear head."""
    nn = torch.nn

    class GateModule(nn.Module):
        def __init__(self):
            super().__init__()
            parts, width = [], n_features
            for layer in range(options["n_layers"]):
                if layer:
                    parts.append(nn.Dropout(options["dropout"]))
                parts += [nn.Linear(width, options["hidden_size"]), nn.ELU()]
                width = options["hidden_size"]
            self.trunk = nn.Sequential(*parts)
            self.head = nn.Linear(width, shape.n_outputs)

        def forward(self, x, z):
            a = self.head(self.trunk(x)).reshape(len(x), *shape.split)
            w = torch.softmax(a, dim=1)
            if shape.granularity == "coarse":
                return torch.einsum("bm,bmk->bk", w, z)
            if shape.granularity == "medium":
                return (w * z).sum(dim=1)
            return torch.einsum("bj,bjk->bk", z.reshape(len(z), -1), w)

    module = GateModule()
    if options["start_at_global"]:
        # From there early stopping can only improve.
        start = np.log(np.maximum(aggregator.weights_, 1e-4)).reshape(-1)
        with torch.no_grad():
            module.head.bias.copy_(torch.as_tensor(start, dtype=torch.float32))
            module.head.weight.mul_(0.1)
    return module


def _criterion(torch, aggregator):
    """Build the loss: pinball, and a penalty for quantiles that cross."""
    levels = np.asarray(aggregator.quantiles_, dtype=np.float32)
    penalty, margin = aggregator.crossing_penalty, aggregator.crossing_margin

    class Criterion(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("levels", torch.as_tensor(levels))
            pairs = torch.triu(torch.ones(len(levels), len(levels)), diagonal=1)
            self.register_buffer("pairs", pairs / pairs.sum().clamp(min=1.0))

        def forward(self, predicted, target):
            y, s = target[:, :1], target[:, 1]
            r = y - predicted
            losses = torch.maximum(self.levels * r, (self.levels - 1) * r).mean(dim=1)
            if penalty > 0:
                over = predicted[:, :, None] - predicted[:, None, :] + margin
                losses = losses + penalty * (over.clamp(min=0) * self.pairs).sum((1, 2))
            return (s * losses).mean()

    return Criterion
