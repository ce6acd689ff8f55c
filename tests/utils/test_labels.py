"""Targets of every type: read as what they are, or refused in one sentence."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from skext.utils._labels import plain_target, read_labels, read_numbers

TEXT = ["b", "a", "b"]
DICTIONARY = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
BIG = 2**62 + 1
DAYS = [datetime.date(2020, 1, day) for day in (1, 2, 3)]

TEXTS = [
    TEXT,
    tuple(TEXT),
    np.array(TEXT),
    np.array(TEXT, dtype=object),
    pd.Series(TEXT),
    pd.Series(TEXT, dtype="string"),
    pd.Series(TEXT, dtype="category"),
    pd.Categorical(TEXT),
    pd.Index(TEXT),
    pd.Series(TEXT, dtype=DICTIONARY),
    pd.Series(TEXT, dtype="string[pyarrow]"),
    pl.Series(TEXT),
    pl.Series(TEXT, dtype=pl.Categorical),
    pl.Series(TEXT, dtype=pl.Enum(["b", "a"])),
]
WHOLE = [
    [BIG, 2, BIG],
    np.array([BIG, 2, BIG]),
    np.array([BIG, 2, BIG], dtype=object),
    pd.Series([BIG, 2, BIG], dtype="Int64"),
    pd.Series([BIG, 2, BIG], dtype="int64[pyarrow]"),
    pd.Series([BIG, 2, BIG], dtype=object),
    pd.Series([BIG, 2, BIG], dtype="category"),
    pl.Series([BIG, 2, BIG]),
]
TRUTH = [
    [True, False, True],
    np.array([True, False, True], dtype=object),
    pd.Series([True, False, True], dtype="boolean"),
    pd.Series([True, False, True], dtype="bool[pyarrow]"),
    pl.Series([True, False, True]),
]
MISSING = [
    ["a", None, "b"],
    ["a", np.nan, "b"],
    [1.0, np.nan, 2.0],
    np.array(["a", None, "b"], dtype=object),
    pd.Series(["a", None, "b"]),
    pd.Series(["a", None, "b"], dtype="string"),
    pd.Series(["a", None, "b"], dtype="category"),
    pd.Series(["a", None, "b"], dtype=DICTIONARY),
    pd.Series([1, None, 2], dtype="Int64"),
    pd.Series([True, None, False], dtype="boolean"),
    pd.Series([1, None, 2], dtype="int64[pyarrow]"),
    pd.Series(pd.to_datetime(["2020", None, "2021"])),
    pl.Series([1, None, 2]),
    pl.Series(["a", None, "b"]),
    pl.DataFrame({"y": ["a", None, "b"]}),
    pd.DataFrame({"y": ["a", None, "b"]}),
]
NO_LABELS = [
    (np.array(DAYS, dtype="M8[D]"), "dates"),
    (DAYS, "dates"),
    (pd.Series(DAYS), "dates"),
    (pl.Series(DAYS), "dates"),
    (["a", 1, "b"], "int, str.*all of them strings"),
    (np.array(["a", 1.5, "b"], dtype=object), "float, str"),
    ([{1}, {2}, {1, 2}], "set.*MultiLabelBinarizer"),
    ([[1], [2], [1, 2]], "differ in length.*MultiLabelBinarizer"),
    (pd.Series(pd.cut([1, 2, 3], 2)), "intervals.*labels="),
]


@pytest.mark.parametrize("y", TEXTS, ids=lambda y: type(y).__name__)
def test_text(y):
    assert read_labels(y).tolist() == TEXT


@pytest.mark.parametrize("y", WHOLE, ids=lambda y: type(y).__name__)
def test_whole_numbers_stay_exact(y):
    found = read_labels(y)
    assert found.dtype == np.int64
    assert found.tolist() == [BIG, 2, BIG]


@pytest.mark.parametrize("y", TRUTH, ids=lambda y: type(y).__name__)
def test_truth_values(y):
    found = read_labels(y)
    assert found.dtype == np.bool_
    assert found.tolist() == [True, False, True]


def test_numbers_beyond_int64():
    big = np.array([2**64 - 1, 1], dtype=object)
    assert read_labels(big).tolist() == [2**64 - 1, 1]


@pytest.mark.parametrize("y", MISSING, ids=lambda y: type(y).__name__)
def test_missing_labels(y):
    with pytest.raises(ValueError, match=r"Input y contains NaN: 1 of 3.*row 1"):
        read_labels(y)


@pytest.mark.parametrize(("y", "message"), NO_LABELS)
def test_no_labels(y, message):
    with pytest.raises(ValueError, match=message):
        read_labels(y)


def test_columns_and_tables():
    assert read_labels(pd.DataFrame({"y": [1, 2]}, dtype="Int64")).shape == (2, 1)
    assert read_labels(pl.DataFrame({"a": [0, 1], "b": [1, 1]})).tolist() == [
        [0, 1],
        [1, 1],
    ]
    assert read_labels(np.array([[1], [2]], dtype=object)).dtype == np.int64


def test_what_others_check_is_untouched():
    matrix = sparse.csr_array(np.eye(2))
    assert read_labels(matrix) is matrix
    assert read_labels(None) is None
    y = np.array([1, 2])
    assert plain_target(y) is y


@pytest.mark.parametrize(
    "y",
    [
        [1, 2, 3],
        np.array([1, 2, 3], dtype=object),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, 2, 3], dtype="double[pyarrow]"),
        pl.Series([1, 2, 3]),
        np.array([True, True, True]) * np.array([1, 2, 3]),
    ],
    ids=lambda y: type(y).__name__,
)
def test_numbers(y):
    found = read_numbers(y)
    assert found.dtype == np.float64
    assert found.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b", "c"], "holds no numbers.*classifier"),
        ([1.0, np.inf, 2.0], "infinity"),
        ([1.0, None, 2.0], "contains NaN"),
        (pd.Series(DAYS), "dates"),
        (np.array([1j, 2]), "Complex"),
    ],
)
def test_no_numbers(y, message):
    with pytest.raises(ValueError, match=message):
        read_numbers(y)
