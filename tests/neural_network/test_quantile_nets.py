"""The tabular net as a regressor of quantiles."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.neural_network import PinballLoss, TabularNetRegressor
from skext.quantile import (
    ConformalQuantileRegressor,
    MultiQuantileRegressor,
    QuantileStackingRegressor,
    predict_quantiles,
)

torch = pytest.importorskip("torch")

LEVELS = [0.1, 0.5, 0.9]
NET = TabularNetRegressor(
    (16,),
    loss="pinball",
    max_epochs=30,
    batch_size=32,
    learning_rate_init=0.01,
    device="cpu",
    random_state=0,
)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1600, 2))
    return X, 100 * X[:, 0] + 30 * rng.normal(size=1600)


@pytest.mark.parametrize("module", ["mlp", "tabm"])
def test_several_levels(module, data):
    X, y = data
    model = clone(NET).set_params(quantiles=LEVELS, module=module)
    model.fit(X[:800], y[:800])
    Q = model.predict_quantiles(X[800:])
    below = (y[800:, None] <= Q).mean(axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.06)
    assert (np.diff(Q, axis=1) >= 0).all()
    assert model.n_outputs_ == 3
    np.testing.assert_array_equal(model.predict(X[800:]), Q[:, 1])
    np.testing.assert_array_equal(model.predict_quantiles(X[800:], [0.9]), Q[:, 2:])
    between = model.predict_quantiles(X[800:], [0.3])[:, 0]
    assert ((Q[:, 0] <= between) & (between <= Q[:, 1])).all()
    with pytest.raises(ValueError, match="beyond the fitted levels"):
        model.predict_quantiles(X, [0.99])


def test_one_level_is_what_it_was(data):
    X, y = data
    one = clone(NET).set_params(loss_params={"quantile": 0.9}).fit(X[:400], y[:400])
    assert one.quantiles_.tolist() == [0.9]
    Q = one.predict_quantiles(X)
    np.testing.assert_array_equal(Q[:, 0], one.predict(X))
    same = clone(NET).set_params(quantiles=[0.9]).fit(X[:400], y[:400])
    np.testing.assert_array_equal(same.predict(X), one.predict(X))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda net: net,
        lambda net: make_pipeline(StandardScaler(), net),
        lambda net: TransformedTargetRegressor(
            net, func=np.negative, inverse_func=np.negative
        ),
    ],
    ids=["bare", "pipeline", "target"],
)
def test_inside_of_regressors_of_quantiles(wrap, data):
    X, y = data
    model = MultiQuantileRegressor(wrap(NET), quantiles=LEVELS).fit(X[:800], y[:800])
    below = (y[800:, None] <= model.predict_quantiles(X[800:])).mean(axis=0)
    np.testing.assert_allclose(below, LEVELS, atol=0.06)


def test_stacked_and_conformal(data):
    X, y = data
    conformal = ConformalQuantileRegressor(NET, quantiles=LEVELS, random_state=0).fit(
        X[:800], y[:800]
    )
    low, high = conformal.predict_interval(X[800:], 0.8).T
    assert 0.72 < ((y[800:] >= low) & (y[800:] <= high)).mean() < 0.9
    estimators = [("a", NET), ("b", clone(NET).set_params(hidden_layer_sizes=()))]
    stack = QuantileStackingRegressor(
        estimators, quantiles=LEVELS, cv=2, random_state=0
    )
    assert stack.fit(X[:300], y[:300]).predict_quantiles(X).shape == (1600, 3)
    fitted = clone(NET).set_params(quantiles=LEVELS).fit(X[:300], y[:300])
    assert predict_quantiles(fitted, X, LEVELS).shape == (1600, 3)


def test_other_losses_have_no_quantiles(data):
    X, y = data
    model = clone(NET).set_params(loss="squared_error")
    assert not hasattr(model, "predict_quantiles")
    assert not hasattr(model.fit(X[:100], y[:100]), "quantiles_")
    with pytest.raises(ValueError, match="does not go with loss='squared_error'"):
        model.set_params(quantiles=LEVELS).fit(X, y)
    # As scikit-learn's boosting, it is set to the loss of quantiles; one net has all.
    huber = clone(NET).set_params(loss="huber")
    several = MultiQuantileRegressor(huber, quantiles=LEVELS).fit(X[:100], y[:100])
    assert [net.loss for net in several.estimators_] == ["pinball"]
    assert several.predict_quantiles(X).shape == (len(X), len(LEVELS))
    with pytest.raises(ValueError, match="not fitted for quantiles"):
        predict_quantiles(huber.fit(X[:100], y[:100]), X, LEVELS)
    with pytest.raises(ValueError, match="must increase strictly"):
        clone(NET).set_params(quantiles=[0.9, 0.1]).fit(X, y)


def test_file_and_scoring(data, tmp_path):
    X, y = data
    scoring = "neg_mean_absolute_error"
    model = (
        clone(NET).set_params(quantiles=LEVELS, scoring=scoring).fit(X[:400], y[:400])
    )
    model.save(tmp_path / "net.zip")
    again = TabularNetRegressor.load(tmp_path / "net.zip", device="cpu")
    np.testing.assert_array_equal(
        again.predict_quantiles(X), model.predict_quantiles(X)
    )
    best = model.history_["valid_score"][model.best_epoch_ - 1]
    assert best == model.history_["valid_score"].max()


def test_loss_of_several_levels():
    rng = np.random.default_rng(0)
    scores, target = (
        torch.tensor(rng.normal(size=(7, 3))).float(),
        torch.tensor(rng.normal(size=7)).float(),
    )
    alone = [
        PinballLoss(q, reduction="none")(scores[:, k], target)
        for k, q in enumerate(LEVELS)
    ]
    found = PinballLoss(LEVELS, reduction="none")(scores, target)
    torch.testing.assert_close(found, torch.stack(alone).mean(0))
    members = torch.stack([scores, scores], dim=1)
    loss = PinballLoss(LEVELS, reduction="none", ensemble_dim=1)
    torch.testing.assert_close(loss(members, target).mean(1), found)
    with pytest.raises(ValueError, match="a column for each of the 3 quantiles"):
        PinballLoss(LEVELS)(scores[:, :2], target)
    with pytest.raises(ValueError, match="between 0 and 1"):
        PinballLoss([0.5, 1.0])
