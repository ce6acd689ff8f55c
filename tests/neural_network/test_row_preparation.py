import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from skext.neural_network._core.hold_out import hold_out_classes, hold_out_rows
from skext.neural_network._core.rows import (
    Rows,
    check_finite,
    drop_negligible,
    encode_labels,
    merge_repetitions,
)
from skext.utils._scaling import apply_scaler, fit_scaler


def rows_of(X, y, weight=None):
    return Rows(np.asarray(X), np.asarray(y), weight, np.arange(len(y)))


def test_hold_out_is_stratified():
    codes = np.repeat([0, 1, 2], [500, 300, 200])
    held = hold_out_classes(codes, 0.1, np.random.default_rng(0))
    assert np.bincount(codes[held]).tolist() == [50, 30, 20]
    again = hold_out_classes(codes, 0.1, np.random.default_rng(0))
    assert (held == again).all()


def test_many_small_classes_share_the_hold_out():
    codes = np.repeat(np.arange(50), 3)
    held = hold_out_classes(codes, 0.1, np.random.default_rng(0))
    assert held.sum() == 15
    assert np.bincount(codes[held], minlength=50).max() == 1


def test_a_class_of_one_row_is_trained_on():
    codes = np.array([0] * 20 + [1] * 20 + [2])
    with pytest.warns(UserWarning, match="1 of the classes have a single row"):
        held = hold_out_classes(codes, 0.5, np.random.default_rng(0))
    assert not held[-1]
    assert held.sum() == 20


@pytest.mark.parametrize("codes", [np.arange(19) % 2, np.arange(25)])
def test_too_few_rows_to_hold_out(codes):
    with pytest.warns(UserWarning, match="rows are too few to hold some out"):
        assert hold_out_classes(codes, 0.1, np.random.default_rng(0)) is None


def test_hold_out_of_numbers():
    assert hold_out_rows(101, 0.1, np.random.default_rng(0)).sum() == 10
    with pytest.warns(UserWarning, match="rows are too few"):
        assert hold_out_rows(19, 0.1, np.random.default_rng(0)) is None


@pytest.mark.parametrize("weighted", [False, True])
def test_scaler_against_scikit_learn(weighted):
    rng = np.random.default_rng(0)
    X = rng.normal(3, 5, size=(80, 4))
    X[:, 2] = 0.1
    weight = rng.integers(1, 4, 80).astype(float) if weighted else None
    peer = StandardScaler().fit(X, sample_weight=weight)
    found = fit_scaler(X, weight)
    np.testing.assert_allclose(found.mean, peer.mean_)
    np.testing.assert_allclose(found.scale, peer.scale_)
    table = apply_scaler(X, found, block=7)
    assert table.dtype == np.float32
    np.testing.assert_allclose(table, peer.transform(X), atol=1e-5)


def test_codes_of_rare_categories_are_not_blown_up():
    X = np.zeros((200, 3))
    X[:2, 0], X[:, 1], X[7:, 2] = 1.0, np.arange(200), -4.0
    found = fit_scaler(X, None)
    np.testing.assert_allclose(found.scale, [1.0, X[:, 1].std(), 4.0])
    again = fit_scaler(np.repeat(X, 2, axis=0), None)
    np.testing.assert_allclose(again.scale, found.scale)


def test_values_beyond_single_precision():
    X = np.array([[1e300], [2e300], [0.0]]) * 1e-150
    assert np.isfinite(apply_scaler(X, fit_scaler(X, None))).all()
    with pytest.raises(ValueError, match="too large for float32"):
        apply_scaler(X, fit_scaler(X, None, standardize=False))


def test_missing_values_are_refused_with_the_cure():
    for bad, word in ((np.nan, "NaN"), (np.inf, "inf")):
        with pytest.raises(ValueError, match=f"(?s){word}.*SimpleImputer"):
            check_finite(np.array([[0.0, bad]]))
    check_finite(np.full((4, 1), 1e308))


def test_unknown_labels_are_named():
    classes = np.array(["a", "b"])
    assert encode_labels(np.array(["b", "a"]), classes).tolist() == [1, 0]
    with pytest.raises(ValueError, match="'c'"):
        encode_labels(np.array(["c", "a"]), classes)


def test_repetitions_and_weights_merge_to_the_same_arrays():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    weight = rng.integers(0, 4, 30)
    repeated = merge_repetitions(rows_of(X.repeat(weight, 0), y.repeat(weight)))
    order = rng.permutation(np.flatnonzero(weight))
    weighted = merge_repetitions(
        rows_of(X[order], y[order], weight[order].astype(float))
    )
    for a, b in zip(repeated[:3], weighted[:3], strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_that_single_precision_cannot_hear():
    rows = rows_of(np.zeros((3, 1)), np.arange(3), np.array([1e-8, 1e-6, 1.0]))
    assert drop_negligible(rows).index.tolist() == [1, 2]
