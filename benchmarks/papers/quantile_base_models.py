"""The six kinds of base model of ``reproduce_quantile.py``.

Networks: "CGN" predicts the mean and the variance of a normal target, "SQR" takes the
level as one more input and draws it at random while it learns, "DQR" has one output for
each level. Trees: quantiles of the training targets that share leaves with a row, in
random forests ("QRF") and extremely randomised trees ("QET"), and boosting for each
level ("GBM"). The networks need torch.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtri
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skext.quantile import MultiQuantileRegressor

GRIDS = {
    "network": {
        "hidden_size": [64, 128],
        "n_layers": [2, 3],
        "dropout": [0.0, 0.05, 0.1],
        "lr": [1e-3, 3e-4],
    },
    "forest": {"min_samples_leaf": [8, 16, 64], "min_samples_split": [8, 16, 64]},
    "boosting": {
        "estimator__max_leaf_nodes": [10, 50, 100],
        "estimator__min_samples_leaf": [3, 9, 15],
        "estimator__l2_regularization": [0.1, 1.0, 5.0],
        "estimator__max_features": [0.4, 0.6, 1.0],
    },
}


class _Median(RegressorMixin, BaseEstimator):
    def predict(self, X):
        """Predict the median."""
        return self.predict_quantiles(X, [0.5])[:, 0]


class QuantileTrees(_Median):
    """Weighted quantiles of training targets; a weight for every shared leaf."""

    def __init__(
        self,
        kind="QRF",
        n_estimators=50,
        min_samples_leaf=8,
        min_samples_split=8,
        random_state=None,
    ):
        self.kind = kind
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.min_samples_split = min_samples_split
        self.random_state = random_state

    def fit(self, X, y):
        """Grow the trees and note which rows share leaves."""
        cls = RandomForestRegressor if self.kind == "QRF" else ExtraTreesRegressor
        params = self.get_params()
        params.pop("kind")
        self.trees_ = cls(**params).fit(X, y)
        order = np.argsort(y, kind="stable")
        self.y_ = np.asarray(y, dtype=np.float64)[order]
        leaves = self.trees_.apply(X)[order]
        self.encoder_ = OneHotEncoder(handle_unknown="ignore").fit(leaves)
        members = csr_array(self.encoder_.transform(leaves))
        share = 1.0 / (self.n_estimators * members.sum(axis=0))
        self.members_ = csr_array((members * share).T)
        return self

    def predict_quantiles(self, X, quantiles=None):
        """Predict quantiles, one column for each level."""
        leaves = csr_array(self.encoder_.transform(self.trees_.apply(X)))
        Q = np.empty((len(leaves.indptr) - 1, len(quantiles)))
        for start in range(0, len(Q), 500):
            rows = slice(start, start + 500)
            cdf = (leaves[rows] @ self.members_).toarray().cumsum(axis=1)
            last = len(self.y_) - 1
            for k, level in enumerate(quantiles):
                reached = (cdf < level - 1e-12).sum(axis=1)
                Q[rows, k] = self.y_[np.minimum(reached, last)]
        return Q


class QuantileNetwork(_Median):
    """A small network of one of three kinds; stops when left-out rows get worse."""

    def __init__(
        self,
        kind="DQR",
        quantiles=None,
        hidden_size=64,
        n_layers=2,
        dropout=0.05,
        lr=1e-3,
        max_epochs=300,
        patience=20,
        random_state=0,
    ):
        self.kind = kind
        self.quantiles = quantiles
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.lr = lr
        self.max_epochs = max_epochs
        self.patience = patience
        self.random_state = random_state

    def _network(self, torch, n_features):
        nn = torch.nn
        n_in = n_features + (self.kind == "SQR")
        outputs = {"CGN": 2, "SQR": 1, "DQR": len(self.quantiles_)}[self.kind]
        layers = []
        for layer in range(self.n_layers):
            if layer:
                layers.append(nn.Dropout(self.dropout))
            layers += [nn.Linear(n_in, self.hidden_size), nn.ELU()]
            n_in = self.hidden_size
        return nn.Sequential(*layers, nn.Linear(n_in, outputs))

    def _loss(self, torch, network, x, y, level):
        """Mean loss of a batch; ``level`` has one column for SQR."""
        if self.kind == "CGN":
            mean, raw = network(x).T
            variance = torch.nn.functional.softplus(raw) + 1e-6
            return torch.nn.functional.gaussian_nll_loss(mean, y, variance)
        if self.kind == "SQR":
            x = torch.cat([x, level - 0.5], dim=1)
        error = y[:, None] - network(x)
        return torch.maximum(level * error, (level - 1) * error).mean()

    def fit(self, X, y):
        """Learn until the rows that are left out stop to gain."""
        import torch

        self.quantiles_ = np.asarray(self.quantiles, dtype=np.float64)
        self.scale_ = StandardScaler().fit(X)
        self.center_, self.spread_ = np.mean(y), np.std(y) or 1.0
        rng = np.random.default_rng(self.random_state)
        order = rng.permutation(len(y))
        n_left = max(1, len(y) // 5)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            x = torch.as_tensor(self.scale_.transform(X), dtype=torch.float32)
            target = (np.asarray(y) - self.center_) / self.spread_
            target = torch.as_tensor(target, dtype=torch.float32)
            self._learn(torch, x, target, order[n_left:], order[:n_left])
        return self

    def _learn(self, torch, x, y, train, left):
        network = self._network(torch, x.shape[1])
        optimizer = torch.optim.Adam(
            network.parameters(), self.lr, amsgrad=True, weight_decay=1e-7
        )
        levels = torch.as_tensor(self.quantiles_, dtype=torch.float32)[None, :]
        fixed = torch.rand((len(left), 1)) if self.kind == "SQR" else levels
        size = 2 ** (3 + int(np.log10(len(y))))
        best, since, kept = np.inf, 0, network.state_dict()
        for _ in range(self.max_epochs):
            network.train()
            for rows in torch.as_tensor(train)[torch.randperm(len(train))].split(size):
                level = levels
                if self.kind == "SQR":
                    level = torch.rand((len(rows), 1)).clamp(0.001, 0.999)
                optimizer.zero_grad()
                self._loss(torch, network, x[rows], y[rows], level).backward()
                optimizer.step()
            network.eval()
            with torch.no_grad():
                loss = float(self._loss(torch, network, x[left], y[left], fixed))
            since += 1
            if loss < best:
                best, since = loss, 0
                kept = {k: v.clone() for k, v in network.state_dict().items()}
            if since >= self.patience:
                break
        network.load_state_dict(kept)
        self.network_ = network.eval()

    def predict_quantiles(self, X, quantiles=None):
        """Predict quantiles, one column for each level."""
        import torch

        x = torch.as_tensor(self.scale_.transform(X), dtype=torch.float32)
        levels = self.quantiles_ if quantiles is None else np.asarray(quantiles)
        with torch.no_grad():
            if self.kind == "CGN":
                mean, raw = self.network_(x).numpy().astype(np.float64).T
                deviation = np.sqrt(np.logaddexp(0, raw) + 1e-6)
                Q = mean[:, None] + np.outer(deviation, ndtri(levels))
            elif self.kind == "SQR":
                columns = []
                for level in levels:
                    extra = torch.full((len(x), 1), float(level) - 0.5)
                    columns.append(self.network_(torch.cat([x, extra], dim=1)))
                Q = torch.cat(columns, dim=1).numpy().astype(np.float64)
            else:
                Q = self.network_(x).numpy().astype(np.float64)
                Q = np.array([np.interp(levels, self.quantiles_, row) for row in Q])
        return self.center_ + self.spread_ * Q


def base_models(levels, *, max_epochs, n_estimators, networks=True):
    """Name, estimator and grid of each kind."""
    found = []
    for kind in ("CGN", "SQR", "DQR") if networks else ():
        model = QuantileNetwork(kind, quantiles=levels, max_epochs=max_epochs)
        found.append((kind, model, GRIDS["network"]))
    for kind in ("QRF", "QET"):
        model = QuantileTrees(kind, n_estimators, random_state=0)
        found.append((kind, model, GRIDS["forest"]))
    boosting = HistGradientBoostingRegressor(
        max_iter=n_estimators, early_stopping=False, random_state=0
    )
    model = MultiQuantileRegressor(boosting, quantiles=levels)
    found.append(("GBM", model, GRIDS["boosting"]))
    return found
