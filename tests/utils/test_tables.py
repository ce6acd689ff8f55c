"""Refusals of tables that hold no numbers."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator

from skext.utils._tables import check_table, validate_table

DAYS = [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)]
DATES = [
    pd.DataFrame({"when": pd.to_datetime(DAYS), "x": [1.0, 2.0]}),
    pd.DataFrame({"when": pd.to_datetime(DAYS)}),
    pd.DataFrame({"when": pd.to_timedelta([1, 2], "D")}),
    pd.DataFrame({"when": pd.Series(DAYS, dtype="date32[pyarrow]")}),
    pd.DataFrame({"when": DAYS}),
    pl.DataFrame({"when": DAYS, "x": [1.0, 2.0]}),
]
NAMED = [
    pd.DataFrame({"x": [1.0, 2.0], "sort": ["a", "b"]}),
    pd.DataFrame({"sort": pd.Categorical(["a", "b"])}),
    pl.DataFrame({"x": [1.0, 2.0], "sort": ["a", "b"]}),
]


@pytest.mark.parametrize("X", DATES)
def test_dates_are_no_numbers(X):
    with pytest.raises(ValueError, match=r"dates or durations \('when'\).*days since"):
        check_table(X)
    with pytest.raises(ValueError, match="dates"):
        validate_table(BaseEstimator(), X)


def test_arrays_of_dates():
    with pytest.raises(ValueError, match=r"dates or durations \(0\)"):
        check_table(np.array([["2020"], ["2021"]], dtype="M8[ns]"))


@pytest.mark.parametrize("X", NAMED)
def test_columns_that_are_no_numbers_are_named(X):
    with pytest.raises(ValueError, match=r"columns of .* \('sort'\).*encode them"):
        check_table(X, dtype=np.float64)


def test_lists_and_arrays_of_text():
    for X in ([["a", 1.0]], np.array([["a", 1.0]], dtype=object)):
        with pytest.raises(ValueError, match=r"columns of text \(0\)"):
            check_table(X, dtype=np.float64)


def test_columns_of_lists():
    X = pd.DataFrame({"x": [1.0, 2.0], "pairs": [[1], [2]]})
    with pytest.raises(ValueError, match=r"lists or objects \('pairs'\).*one number"):
        check_table(X, dtype=np.float64)


def test_frames_of_sparse_columns():
    X = pd.DataFrame({"a": [0.0, 1.0], "b": [2.0, 0.0]})
    table = X.astype(pd.SparseDtype(float, 0.0))
    assert_array_equal(check_table(table), X)
    assert sparse.issparse(check_table(table, accept_sparse=True))


def test_many_columns_are_counted():
    with pytest.raises(ValueError, match="and 2 more"):
        check_table(pd.DataFrame([["a"] * 7]), dtype=np.float64)


def test_numbers_pass():
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    for table in (
        X,
        X.tolist(),
        X.astype(int),
        X.astype(object),
        X.astype(str).astype(object),
        pd.DataFrame(X).astype("Float64"),
        pd.DataFrame(X).astype("int64[pyarrow]"),
        pd.DataFrame(X).astype("category"),
        pl.DataFrame(X),
        sparse.csr_array(X),
    ):
        found = check_table(table, dtype=np.float64, accept_sparse=True)
        assert_array_equal(found.toarray() if sparse.issparse(found) else found, X)


def test_other_errors_stay():
    with pytest.raises(ValueError, match="Input X contains NaN"):
        check_table(pd.DataFrame({"x": [1.0, np.nan]}), input_name="X")
    with pytest.raises(ValueError, match="Complex data not supported"):
        check_table(np.array([[1j]]))
