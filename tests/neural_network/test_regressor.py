import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from skext.neural_network import TabularNetRegressor

pytest.importorskip("torch")

QUICK = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 40,
    "batch_size": 32,
    "learning_rate_init": 0.01,
    "device": "cpu",
    "random_state": 0,
}


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.mark.parametrize("module", ["mlp", "resnet", "realmlp", "tabm"])
def test_every_module_learns(module, diabetes):
    X, y = diabetes
    options = {**QUICK, "hidden_layer_sizes": (16, 16), "module": module}
    model = TabularNetRegressor(**options).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.35


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_every_loss_learns(loss, diabetes):
    X, y = diabetes
    model = TabularNetRegressor(**QUICK, loss=loss).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.35


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_quantiles_are_where_they_should_be(quantile):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2))
    y = X[:, 0] + rng.normal(size=2000)
    params = {"quantile": quantile}
    model = TabularNetRegressor(**QUICK, loss="pinball", loss_params=params)
    model.fit(X[:1000], y[:1000])
    below = (y[1000:] <= model.predict(X[1000:])).mean()
    assert below == pytest.approx(quantile, abs=0.05)


def test_unit_of_the_target_does_not_matter(diabetes):
    X, y = diabetes
    plain = TabularNetRegressor(**QUICK).fit(X, y).predict(X)
    scaled = TabularNetRegressor(**QUICK).fit(X, 1e6 * y - 3e8).predict(X)
    np.testing.assert_allclose((scaled + 3e8) / 1e6, plain, rtol=1e-3)


def test_linear_net_in_full_batches_is_least_squares(diabetes):
    X, y = diabetes
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    options = {
        **QUICK,
        "hidden_layer_sizes": (),
        "normalization": None,
        "batch_size": None,
        "early_stopping": False,
        "weight_decay": 0.0,
        "max_epochs": 3000,
        "learning_rate_init": 0.05,
    }
    model = TabularNetRegressor(**options).fit(X, y, sample_weight=weight)
    peer = Ridge(alpha=1e-8).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=2e-3, atol=0.1)


def test_weights_are_repetitions_in_full_batches(diabetes):
    X, y = diabetes
    X, y = X[:80], y[:80]
    weight = np.random.default_rng(0).integers(0, 4, 80)
    model = TabularNetRegressor(
        **{**QUICK, "normalization": None, "batch_size": None, "early_stopping": False}
    )
    weighted = clone(model).fit(X, y, sample_weight=weight).predict(X)
    repeated = clone(model).fit(X.repeat(weight, 0), y.repeat(weight)).predict(X)
    np.testing.assert_array_equal(weighted, repeated)


@pytest.mark.parametrize("scoring", ["r2", "neg_mean_absolute_error", None])
def test_scores_of_the_hold_out(scoring, diabetes):
    X, y = diabetes
    model = TabularNetRegressor(**QUICK, scoring=scoring).fit(X, y)
    best = model.history_["valid_loss" if scoring is None else "valid_score"]
    best = best.min() if scoring is None else best.max()
    assert np.isfinite(best)
    if scoring == "r2":
        assert 0.3 < best < 0.8
    if scoring == "neg_mean_absolute_error":
        # In the unit of the target, not in standard deviations.
        assert -60 < best < -25


def test_a_constant_target():
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = TabularNetRegressor(**QUICK).fit(X, np.full(50, 7.0))
    np.testing.assert_allclose(model.predict(X), 7.0, atol=1.0)


def test_one_row():
    with pytest.raises(ValueError, match="n_samples=1"):
        TabularNetRegressor(**QUICK, early_stopping=False).fit([[1.0, 2.0]], [3.0])


def test_stream(diabetes):
    X, y = diabetes
    model = TabularNetRegressor(**QUICK)
    for _ in range(30):
        model.partial_fit(X, y)
    assert model.n_iter_ == 30
    assert model.score(X, y) > 0.4
