import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from skext.utils._class_weights import class_factors

CLASSES = np.array(["low", "mid", "high"])


def test_nothing_asked_is_none():
    assert class_factors(None, np.array([0, 1]), CLASSES) is None


def test_balanced_weighs_the_classes_that_have_rows():
    codes = np.array([0, 0, 0, 2])
    found = class_factors("balanced", codes, CLASSES)
    np.testing.assert_allclose(found, [4 / 6, 1, 2])
    weight = np.array([1.0, 2, 3, 4])
    found = class_factors("balanced", codes, CLASSES, weight)
    np.testing.assert_allclose(np.bincount(codes, found[codes] * weight), [5, 0, 5])
    full = np.array([0, 1, 1, 2])
    peer = compute_class_weight("balanced", classes=np.arange(3), y=full)
    np.testing.assert_allclose(class_factors("balanced", full, CLASSES), peer)


def test_a_dictionary_may_leave_out_labels_and_name_some_without_rows():
    found = class_factors({"high": 3, "mid": 0}, np.array([0, 2]), CLASSES)
    assert found.tolist() == [1, 0, 3]


def test_codes_go_by_their_names_too():
    codes, names = np.array([0, 1, 2]), CLASSES
    for given in ({0: 5}, {"low": 5}):
        found = class_factors(given, codes, np.array([0, 1, 2]), names=names)
        assert found.tolist() == [5, 1, 1]
    with pytest.raises(ValueError, match="labels that are no classes, \\['top'\\]"):
        class_factors({"top": 5, 0: 1}, codes, np.arange(3), names=names)


@pytest.mark.parametrize("factor", [-1, np.inf, np.nan, "much", None])
def test_factors_are_finite_and_not_negative(factor):
    with pytest.raises(ValueError, match="class_weight=.* finite numbers of at least"):
        class_factors({"low": factor}, np.array([0, 1]), CLASSES)
