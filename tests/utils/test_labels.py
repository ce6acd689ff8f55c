"""Labels keep the type that they have; what is no label is named."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from skext.utils._labels import plain_labels, refuse_fractions

INTEGERS = [
    np.array([0, 2, 1], dtype=object),
    pd.Series([0, 2, 1], dtype="Int8"),
    pd.Series([0, 2, 1], dtype="int16[pyarrow]"),
    pd.Series([0, 2, 1], dtype=object),
    pd.array([0, 2, 1], dtype="Int64"),
    pd.Index([0, 2, 1], dtype="Int64"),
    pl.Series([0, 2, 1]),
]


@pytest.mark.parametrize("y", INTEGERS, ids=lambda y: f"{type(y).__name__}-{y.dtype}")
def test_integers(y):
    found = plain_labels(y)
    assert found.dtype.kind == "i"
    assert_array_equal(found, [0, 2, 1])


def test_large_integers_keep_all_digits():
    largest = 2**64 - 1
    found = plain_labels(np.array([largest, 2**63], dtype=object))
    assert found.dtype == np.uint64
    assert found[0] == largest


def test_truth_values():
    for y in (
        np.array([True, False], dtype=object),
        pd.Series([True, False], dtype="boolean"),
        pl.Series([True, False]),
    ):
        assert plain_labels(y).dtype == bool


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 1]),
        np.array(["a", "b"]),
        np.array([[0, 1], [1, 0]], dtype=object),
        [0, 1],
        ["a", "b"],
        [[0, 1], [1, 0]],
        [[0], [1, 0]],
        pd.Series(["a", "b"], dtype="category"),
        pd.DataFrame({"y": [0, 1]}),
    ],
)
def test_others_are_left_to_later_checks(y):
    assert plain_labels(y) is y


@pytest.mark.parametrize(
    "y",
    [
        [None, "a"],
        np.array([None, 1], dtype=object),
        pd.Series([1, None], dtype="Int64"),
        pd.Series(["a", None], dtype="string"),
        pd.Series(["a", None], dtype="category"),
        pl.Series(["a", None]),
    ],
)
def test_missing_labels(y):
    with pytest.raises(ValueError, match="y contains NaN: 1 of 2 labels"):
        plain_labels(y)


@pytest.mark.parametrize("y", [[1, "a"], np.array([1, "a"], dtype=object)])
def test_several_kinds(y):
    with pytest.raises(ValueError, match="several kinds, int, str"):
        plain_labels(y)


def test_intervals():
    y = pd.cut([1, 2], [0, 1, 2])
    for labels in (y, pd.Series(y), np.asarray(y)):
        with pytest.raises(ValueError, match=r"intervals, such as \(0, 1\]"):
            plain_labels(labels)


def test_fractions():
    refuse_fractions(np.array([0.0, 1.0]))
    refuse_fractions(np.array(["a"]))
    with pytest.raises(ValueError, match=r"Unknown label type: continuous.*0\.5"):
        refuse_fractions(np.array([0.0, 0.5]))
