"""Scaling of columns before a network, without torch."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skext.neural_network._modules._scaling import apply_scaling, fit_scaling


@pytest.fixture
def X():
    rng = np.random.RandomState(0)
    return rng.lognormal(size=(101, 4)) * [1, 1e3, 1e-3, 5] + [0, 1e4, 0, -7]


def test_standard_is_that_of_scikit_learn(X):
    weights = np.random.RandomState(1).randint(0, 4, len(X))
    for sample_weight in (None, weights):
        ours = apply_scaling(X, fit_scaling(X, "standard", sample_weight), dtype=float)
        peer = StandardScaler().fit(X, sample_weight=sample_weight).transform(X)
        np.testing.assert_allclose(ours, peer, rtol=1e-9, atol=1e-9)


def test_robust_clip_by_formula(X):
    before = X.copy()
    Z = apply_scaling(X, fit_scaling(X, "robust_clip"), dtype=float)
    for j, column in enumerate(X.T):
        low, middle, high = np.sort(column)[[25, 50, 75]]
        z = (column - middle) / (high - low)
        np.testing.assert_allclose(Z[:, j], z / np.sqrt(1 + (z / 3) ** 2))
    assert np.abs(Z).max() < 3
    assert (np.argsort(Z, axis=0) == np.argsort(X, axis=0)).all()
    assert np.array_equal(X, before)


@pytest.mark.parametrize("kind", ["standard", "robust_clip"])
def test_weights_are_repetition(X, kind):
    weights = np.random.RandomState(1).randint(0, 4, len(X))
    one = fit_scaling(X, kind, weights)
    other = fit_scaling(np.repeat(X, weights, axis=0), kind)
    np.testing.assert_allclose(one.center, other.center)
    np.testing.assert_allclose(one.scale, other.scale)


@pytest.mark.parametrize("kind", ["standard", "robust_clip"])
def test_unit_of_measurement_does_not_matter(X, kind):
    one = apply_scaling(X, fit_scaling(X, kind))
    other = apply_scaling(X * 64 - 8, fit_scaling(X * 64 - 8, kind))
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("kind", ["standard", "robust_clip", None])
def test_types_and_constant_columns(kind):
    X = np.array([[1, 0.1, 0], [1, 0.1, 0], [1, 0.1, 0], [1, 0.1, 8]], np.float32)
    scaling = fit_scaling(X, kind)
    assert scaling.scale.dtype == scaling.center.dtype == np.float64
    assert scaling.scale[0] == 1.0
    Z = apply_scaling(np.asfortranarray(X), scaling)
    assert Z.dtype == np.float32
    assert Z.flags.c_contiguous
    assert np.isfinite(Z).all()
    if kind is None:
        np.testing.assert_array_equal(Z, X)
        assert not np.shares_memory(Z, X)
    else:
        np.testing.assert_allclose(Z[:, :2], 0, atol=1e-6)
    if kind == "robust_clip":
        # Equal quartiles: half the range.
        assert scaling.scale[2] == 4.0


def test_unknown_kind(X):
    with pytest.raises(ValueError, match="kind='nonsense' is unknown"):
        fit_scaling(X, "nonsense")
