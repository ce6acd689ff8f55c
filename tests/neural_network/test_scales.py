"""Units, offsets and gross values, in columns and in targets."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_classification
from sklearn.metrics import mean_absolute_error

from skext.neural_network import (
    EnsLossClassifier,
    OrdinalNetClassifier,
    TabularNetClassifier,
    TabularNetRegressor,
)
from skext.utils._scaling import Scaler, fit_robust_scaler, fit_scaler, to_standard

torch = pytest.importorskip("torch")

QUICK = {
    "hidden_layer_sizes": (16,),
    "max_epochs": 12,
    "batch_size": 32,
    "learning_rate_init": 0.01,
    "device": "cpu",
    "random_state": 0,
}
CLASSIFIERS = [TabularNetClassifier, EnsLossClassifier, OrdinalNetClassifier]
NETS = [*CLASSIFIERS, TabularNetRegressor]
ROBUST = [
    {"loss": "absolute_error"},
    {"loss": "huber"},
    {"loss": "pinball", "loss_params": {"quantile": 0.5}},
    {"loss": torch.nn.L1Loss()},
    {"loss": torch.nn.SmoothL1Loss},
]


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def binary():
    return make_classification(200, 5, flip_y=0.1, random_state=0)


def predicted(model, X):
    return getattr(model, "decision_function", model.predict)(X)


@pytest.mark.parametrize("options", ROBUST, ids=lambda o: str(o["loss"]))
@pytest.mark.parametrize("gross", [1e5, -1e15, 1e300])
def test_gross_targets_do_not_move_robust_losses(options, gross, diabetes):
    X, y = diabetes
    spoilt = y.copy()
    spoilt[::100] = gross
    clean = spoilt == y
    model = TabularNetRegressor(**{**QUICK, "max_epochs": 40}, **options)
    with np.errstate(over="ignore"):  # skorch's history has the sum of the losses
        model.fit(X, spoilt)
    # A constant has 66, the median line of scikit-learn 43.
    assert mean_absolute_error(y[clean], model.predict(X)[clean]) < 46


@pytest.mark.parametrize("gross", [1e6, 1e12, 1e20])
def test_a_gross_target_in_the_hold_out_does_not_hide_the_others(gross, diabetes):
    X, y = diabetes
    y = y.copy()
    y[::7] = gross
    model = TabularNetRegressor(**QUICK, loss="absolute_error").fit(X, y)
    losses = model.history_["valid_loss"]
    assert len(np.unique(losses)) == len(losses)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("unit", [1e-200, 1e-8, 1e8])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_units_and_offsets_of_the_target(loss, unit, offset, diabetes):
    X, y = diabetes
    y = y / y.std()
    model = TabularNetRegressor(**QUICK, loss=loss)
    plain = clone(model).fit(X, y).predict(X)
    moved = clone(model).fit(X, (y + offset) * unit).predict(X)
    error = moved / unit - offset - plain
    assert np.abs(error).max() < (1e-2 if offset else 1e-5)


def test_squared_errors_of_far_targets_are_told(diabetes):
    X, y = diabetes
    y = y.copy()
    y[::50] = 1e6
    with pytest.warns(UserWarning, match="y has a few values so far off.*robust loss"):
        TabularNetRegressor(**QUICK).fit(X, y)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("value", [0.0, 7.0, -3e-9, 1e12])
def test_a_constant_target_is_predicted(loss, value):
    X = np.random.default_rng(0).normal(size=(50, 3))
    model = TabularNetRegressor(**QUICK, loss=loss, scoring="r2")
    model.fit(X, np.full(50, value))
    assert (model.predict(X) == value).all()


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_most_targets_equal(loss):
    X = np.random.default_rng(0).normal(size=(300, 3))
    y = np.where(X[:, 0] > 1, 1000 * X[:, 0], 0.0)
    y[:3] = 1e9
    found = fit_robust_scaler(y, None)
    assert found.mean == 0
    assert 100 < found.scale < 3000
    model = TabularNetRegressor(**QUICK, loss=loss).fit(X, y)
    assert np.abs(model.predict(X)).max() < 1e4


def test_weights_of_the_robust_scale():
    rng = np.random.default_rng(0)
    y, weight = rng.normal(size=41), rng.integers(1, 5, 41).astype(float)
    repeated = fit_robust_scaler(y.repeat(weight.astype(int)), None)
    for factor in (1.0, 1e-9, 7.0):
        np.testing.assert_allclose(
            fit_robust_scaler(y, factor * weight)[:2], repeated[:2]
        )
    normal = fit_robust_scaler(rng.normal(3, 5, size=100_000), None)
    np.testing.assert_allclose(normal[:2], [3, 5], rtol=0.03)


def test_a_target_that_is_cut_off():
    found = to_standard(np.array([1e300, -1e300, 0.0]), Scaler(0.0, 1e-300))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("cls", NETS)
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_units_and_offsets_of_columns(cls, offset, binary):
    X, y = binary
    plain = cls(**QUICK).fit(X, y)
    unit = np.array([1e-8, 1e-3, 1.0, 1e4, 1e8])
    moved = (X + offset) * unit
    found = predicted(cls(**QUICK).fit(moved, y), moved)
    expected = predicted(plain, X)
    allowed = 2e-2 if offset else 1e-4
    assert np.abs(found - expected).max() < allowed * max(1, np.abs(expected).max())


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_columns_whose_squares_are_no_numbers(size, binary):
    X, y = binary
    plain = TabularNetClassifier(**QUICK).fit(X, y).decision_function(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = TabularNetClassifier(**QUICK).fit(X * size, y)
        np.testing.assert_allclose(found.decision_function(X * size), plain, atol=1e-4)


def test_small_spread_beside_a_large_offset_and_many_rows():
    rng = np.random.default_rng(0)
    X = 1e8 + 1e-3 * rng.normal(size=(200_000, 1))
    found = fit_scaler(X, None)
    assert found.scale == pytest.approx(1e-3, rel=0.01)
    z = (X - found.mean) / found.scale
    assert abs(z.mean()) < 1e-3
    # Rounding alone is no spread.
    assert fit_scaler(np.where(X > 1e8, 0.3, 0.1 + 0.2), None).scale == 1.0


@pytest.mark.parametrize("cls", NETS)
def test_a_gross_value_in_a_column_is_told(cls, binary):
    X, y = binary
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame.loc[3, "b"] = -99999.0
    with pytest.warns(UserWarning, match=r"Columns of X \('b'\) have a few values"):
        cls(**QUICK).fit(frame, y)
    with pytest.warns(UserWarning, match=r"Columns of X \(1\) have a few values"):
        cls(**QUICK).fit(frame.to_numpy(), y)


def test_ordinary_columns_are_quiet():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.normal(size=500),
            rng.exponential(size=500),
            rng.lognormal(size=500),
            rng.poisson(0.02, size=500),
            rng.standard_t(3, size=500),
            np.ones(500),
            np.eye(500)[0],
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TabularNetClassifier(**QUICK).fit(X, X[:, 0] > 0)


def test_single_precision_without_scaling_is_told(binary):
    X, y = binary
    model = TabularNetClassifier(**QUICK, standardize=False).fit(X, y)
    with pytest.warns(UserWarning, match=r"Columns of X \(2\).*standardize=True"):
        model.fit(X + np.array([0, 0, 1e8, 0, 0]), y)


@pytest.mark.parametrize("cls", NETS)
def test_a_constant_column_is_not_looked_at(cls, binary, tmp_path):
    X, y = binary
    X = np.column_stack([X, np.full(len(X), 2020.0)])
    model = cls(**QUICK).fit(X, y)
    later = X + np.array([0, 0, 0, 0, 0, 1.0])
    np.testing.assert_array_equal(predicted(model, later), predicted(model, X))
    model.save(tmp_path / "net.zip")
    again = cls.load(tmp_path / "net.zip", device="cpu")
    np.testing.assert_array_equal(predicted(again, later), predicted(model, X))
    # A stream may bring other values of it, and learns from them then.
    model.partial_fit(later, y)
    assert (predicted(model, later) != predicted(model, X)).any()
