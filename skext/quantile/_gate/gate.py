"""Local weights: a small network turns features into weights of the models.

torch and skorch are needed to learn the weights only; fitted gates of our own making
are plain arrays, so that they pickle anywhere and predict without either.
"""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skext.utils._quantiles.forms import count_rows
from skext.utils._random import fit_rng
from skext.utils._sklearn import safe_indexing
from skext.utils._torch.loading import require_torch

DEFAULTS = {
    "hidden_layer_sizes": (64, 64),
    "dropout": 0.05,
    "learning_rate_init": 1e-3,
    "weight_decay": 1e-7,
    "batch_size": "auto",
    "max_epochs": 200,
    "n_iter_no_change": 20,
    "validation_fraction": 0.15,
    "n_ensemble": 1,
    "start_at_global": True,
    "margin_scale": 0.05,
}
_ROWS = 2048


class Shape(NamedTuple):
    """What the outputs of a network stand for."""

    granularity: str
    n_models: int
    n_levels: int

    @property
    def n_outputs(self):
        """Number of outputs of a row."""
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
    networks : list of callable
        Fitted networks, from features of float64 to logits.
    history : dict of ndarray
        Number of the network, of the epoch, and its losses.
    n_epochs : int
        Epochs of the network that took most.
    """

    def __init__(self, transformer, shape, networks, history):
        self.transformer, self.shape = transformer, shape
        self.networks, self.history = networks, history
        self.n_epochs = int(history["epoch"].max(initial=1))

    def _simplex(self, x):
        """Weights of some rows, simplex along the second axis."""
        total = 0.0
        for network in self.networks:
            h = network(x).reshape(len(x), *self.shape.split)
            h = np.exp(h - h.max(axis=1, keepdims=True))
            total = total + h / h.sum(axis=1, keepdims=True)
        return total / len(self.networks)

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
            if self.shape.granularity == "fine":
                z = z.reshape(len(z), -1, 1)
                found = np.einsum("ij,ijk->ik", z[:, :, 0], w)
            elif self.shape.granularity == "coarse":
                found = np.einsum("im,imk->ik", w, z)
            else:
                found = (w * z).sum(axis=1)
            # Rounding must not take a mean out of the range of what it averages.
            out[rows] = np.clip(found, z.min(axis=1), z.max(axis=1))
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
            f"gate_params={params!r} has the unknown keys {sorted(unknown)}; give some "
            f"of {sorted(DEFAULTS)}."
        )
    return {**DEFAULTS, **(params or {})}


def fit_gate(aggregator, Z, y, X, s, groups=None):
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
    groups : ndarray of shape (n_samples,), default=None
        Numbers of groups that are not to be torn apart.

    Returns
    -------
    gate : Gate
        Fitted networks.
    """
    require_torch("local=True")
    # torch is loaded by those who train.
    from skext.quantile._gate.training import Trainer

    options = _options(aggregator.gate_params)
    n_rows = count_rows(X)
    if n_rows != len(y):
        raise ValueError(f"X has {n_rows} rows, Z has {len(y)}; give the same rows.")
    kept = np.flatnonzero(s)
    if len(kept) < len(y):
        X, Z, y, s = safe_indexing(X, kept), Z[kept], y[kept], s[kept]
        groups = None if groups is None else groups[kept]
    transformer = _fit_transformer(aggregator.gate_transformer, X)
    x = encode(transformer, X)
    shape = Shape(aggregator.granularity, *Z.shape[1:])
    trainer = Trainer(aggregator, options, shape, x, Z, y, s, groups)
    rng = fit_rng(aggregator.random_state)
    networks, histories = [], []
    for member in range(options["n_ensemble"]):
        seed = int(rng.randint(np.iinfo(np.int32).max))
        network, losses = trainer.train(seed)
        networks.append(network)
        n_epochs = len(losses["train_loss"])
        numbers = {
            "member": np.full(n_epochs, member),
            "epoch": np.arange(n_epochs) + 1,
        }
        histories.append({**numbers, **losses})
    history = {
        name: np.concatenate([part[name] for part in histories])
        for name in histories[0]
    }
    return Gate(transformer, shape, networks, history)
