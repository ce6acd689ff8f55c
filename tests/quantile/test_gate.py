"""Local weights; skipped without torch and skorch."""

import pickle

import numpy as np
import pytest
from scipy.stats import norm

from skext.quantile import (
    LinearQuantileRegressor,
    QuantileAggregator,
    QuantileStackingRegressor,
)

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
LEVELS = np.array([0.1, 0.5, 0.9])


def data(n=600, seed=0):
    """Each of two experts is right on one side."""
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1, 1, size=(n, 2))
    y = rng.normal(size=n)
    right = X[:, :1] > 0
    good = np.zeros((n, 1)) + norm.ppf(LEVELS)
    Z = np.stack([good + 3 * right, good + 3 * ~right], axis=1)
    return X, y, Z


def loss(y, Q):
    r = y[:, None] - Q
    return np.maximum(LEVELS * r, (LEVELS - 1) * r).mean()


FAST = {"max_epochs": 40, "learning_rate_init": 1e-2, "hidden_layer_sizes": (16, 16)}


@pytest.mark.parametrize("granularity", ["coarse", "medium", "fine"])
def test_experts_are_found(granularity):
    X, y, Z = data()
    model = QuantileAggregator(
        LEVELS,
        granularity=granularity,
        local=True,
        gate_params=FAST,
        random_state=0,
        crossing_penalty=0.5,
        crossing_margin=0.01,
        device="cpu",
    )
    state = torch.random.get_rng_state()
    model.fit(Z, y, X)
    assert torch.equal(state, torch.random.get_rng_state())
    X_new, y_new, Z_new = data(seed=1)
    best = loss(y_new, np.zeros((600, 1)) + norm.ppf(LEVELS))
    assert loss(y_new, model.predict_quantiles(Z_new, X=X_new)) < 1.15 * best
    w = model.predict_weights(X_new)
    axes = (1, 2) if granularity == "fine" else 1
    assert np.allclose(w.sum(axis=axes), 1)
    again = pickle.loads(pickle.dumps(model.fit(Z, y, X)))
    expected = model.predict(Z_new, X=X_new)
    assert np.array_equal(again.predict(Z_new, X=X_new), expected)
    assert len(model.history_["train_loss"]) == model.n_iter_


def test_without_features_to_learn_from_nothing_gets_worse():
    _, y, Z = data()
    flat = np.zeros((600, 1))
    model = QuantileAggregator(
        LEVELS, local=True, gate_params=FAST, random_state=0, device="cpu"
    ).fit(Z, y, flat)
    globally = QuantileAggregator(LEVELS).fit(Z, y)
    ours = loss(y, model.predict_quantiles(Z, X=flat))
    assert ours < 1.01 * loss(y, globally.predict_quantiles(Z))


def test_one_model_is_the_identity():
    X, y, Z = data()
    model = QuantileAggregator(
        LEVELS,
        granularity="coarse",
        local=True,
        gate_params=FAST,
        device="cpu",
        random_state=0,
    ).fit(Z[:, :1], y, X)
    assert np.allclose(model.predict_quantiles(Z[:, :1], X=X), Z[:, 0])


def test_errors_and_stack():
    X, y, Z = data(200)
    model = QuantileAggregator(
        LEVELS, local=True, gate_params=FAST, random_state=0, device="cpu"
    )
    with pytest.raises(ValueError, match="pass X"):
        model.fit(Z, y)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(Z, y, np.where(X[3] == X, np.nan, X))
    with pytest.raises(ValueError, match="unknown keys"):
        QuantileAggregator(
            LEVELS, local=True, gate_params={"a": 1}, random_state=0
        ).fit(Z, y, X)
    stack = QuantileStackingRegressor(
        [("a", LinearQuantileRegressor()), ("b", LinearQuantileRegressor())],
        quantiles=LEVELS,
        local=True,
        cv=2,
        gate_params=FAST,
        random_state=0,
    ).fit(X, y)
    assert stack.predict_weights(X).shape == (200, 2, 3)
    assert np.isfinite(stack.predict(X)).all()


class Linear(torch.nn.Module):
    """Network of a user: one linear layer."""

    def __init__(self, n_features, n_outputs, scale=1.0):
        super().__init__()
        self.layer, self.scale = torch.nn.Linear(n_features, n_outputs), scale

    def forward(self, x):
        return self.scale * self.layer(x)


def test_networks_of_users():
    from skorch import NeuralNet

    X, y, Z = data()
    X_new, y_new, Z_new = data(seed=1)
    net = NeuralNet(
        Linear,
        criterion=torch.nn.MSELoss,
        module__scale=2.0,
        optimizer=torch.optim.SGD,
        optimizer__momentum=0.9,
        lr=0.5,
        max_epochs=20,
        batch_size=100,
        verbose=0,
    )
    best = loss(y_new, np.zeros((600, 1)) + norm.ppf(LEVELS))
    for gate in (Linear, net):
        model = QuantileAggregator(
            LEVELS,
            granularity="coarse",
            local=True,
            gate=gate,
            gate_params=FAST,
            random_state=0,
            device="cpu",
        ).fit(Z, y, X)
        found = model.predict_quantiles(Z_new, X=X_new)
        assert loss(y_new, found) < 1.25 * best
        assert np.allclose(model.predict_weights(X_new).sum(axis=1), 1)
        again = pickle.loads(pickle.dumps(model))
        assert np.array_equal(again.predict_quantiles(Z_new, X=X_new), found)
    assert model.n_iter_ == 20
    assert not net.initialized_
    for gate, message in (
        (lambda n, m: torch.nn.Linear(n, m + 1), "gate returned the shape"),
        (lambda n, m: 3, "expected a torch.nn.Module"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            model.set_params(gate=gate).fit(Z, y, X)


def test_adaptive_margins_are_distances_of_residual_quantiles():
    from skext.quantile._gate.gate import DEFAULTS, Shape
    from skext.quantile._gate.training import Trainer

    X, y, Z = data()
    model = QuantileAggregator(
        LEVELS, local=True, crossing_penalty=1.0, crossing_margin="adaptive"
    )
    model.quantiles_ = LEVELS
    trainer = Trainer(model, DEFAULTS, Shape("medium", 2, 3), X, Z, y, np.ones(600))
    r = (y - np.median(Z[:, :, 1], axis=1)) / y.std()
    at = np.quantile(r, LEVELS, method="inverted_cdf")
    for k in range(3):
        for other in range(k, 3):
            expected = DEFAULTS["margin_scale"] * (at[other] - at[k])
            assert np.isclose(trainer.margin[k, other], expected)
    model.set_params(gate_params={**FAST, "max_epochs": 2}, random_state=0)
    assert np.isfinite(model.fit(Z, y, X).predict(Z, X=X)).all()
