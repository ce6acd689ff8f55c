"""Refusals of tables that hold no numbers."""

import datetime
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator

from skext.utils._tables import (
    check_table,
    column_at,
    join_columns,
    join_rows,
    name_at,
    refuse_columns,
    table_of,
    take_rows,
    validate_table,
)

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
    with pytest.raises(ValueError, match="Column 'when' of X holds dates .*days since"):
        check_table(X)
    with pytest.raises(ValueError, match="dates"):
        validate_table(BaseEstimator(), X)


def test_arrays_of_dates():
    with pytest.raises(ValueError, match="Column 0 of X holds dates or durations"):
        check_table(np.array([["2020"], ["2021"]], dtype="M8[ns]"))


@pytest.mark.parametrize("X", NAMED)
def test_columns_that_are_no_numbers_are_named(X):
    with pytest.raises(ValueError, match="Column 'sort' of X holds .*encode them"):
        check_table(X, dtype=np.float64)


def test_lists_and_arrays_of_text():
    for X in ([["a", 1.0]], np.array([["a", 1.0]], dtype=object)):
        with pytest.raises(ValueError, match="Column 0 of X holds text"):
            check_table(X, dtype=np.float64)


def test_columns_of_lists():
    X = pd.DataFrame({"x": [1.0, 2.0], "pairs": [[1], [2]]})
    with pytest.raises(ValueError, match="'pairs' of X holds lists .*one number"):
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


# Rows of tables of all kinds

VALUES = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
KINDS = {
    "array": VALUES,
    "list": VALUES.tolist(),
    "csr": sparse.csr_array(VALUES),
    "csc": sparse.csc_matrix(VALUES),
    "pandas": pd.DataFrame(VALUES, columns=["a", "a"], index=[7, 8, 9]),
    "polars": pl.DataFrame(VALUES, schema=["a", "b"]),
    "series": pd.Series(["x", "y", "z"], name="s", index=[3, 2, 1], dtype="category"),
    "polars series": pl.Series("s", ["x", "y", "z"]),
    "categorical": pd.Categorical(["x", "y", "z"]),
    "Int64": pd.array([1, None, 3], dtype="Int64"),
}


def plain(table):
    table = table.toarray() if sparse.issparse(table) else table
    return np.asarray(table, dtype=object).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_taken_and_joined_in_their_container(kind):
    table = KINDS[kind]
    rows = np.array([2, 0, 2])
    part = take_rows(table, rows)
    joined = join_rows(table, part)
    none = take_rows(table, np.empty(0, dtype=np.intp))
    for found, expected in (
        (part, [plain(table)[row] for row in rows]),
        (joined, plain(table) + [plain(table)[row] for row in rows]),
        (none, []),
    ):
        assert type(found) is type(table)
        assert plain(found) == expected
        for name in ("format", "name", "dtype"):
            assert getattr(found, name, None) == getattr(table, name, None)
        if kind in ("pandas", "series"):
            assert found.index.equals(pd.RangeIndex(len(found)))


def test_joined_rows_have_the_type_of_the_table():
    numbers = np.array([1, 2], dtype=">i2")
    found = join_rows(numbers, np.array([3.0]))
    assert found.dtype == numbers.dtype
    assert found.tolist() == [1, 2, 3]
    assert join_rows(np.array(["a"]), np.array(["long"])).tolist() == ["a", "long"]
    assert join_rows(VALUES.astype(np.float32), VALUES).dtype == np.float32


@pytest.mark.parametrize("kind", ["array", "csr", "csc", "pandas", "polars"])
def test_columns_make_a_table(kind):
    table = KINDS[kind]
    columns = [column_at(table, j) for j in range(2)]
    made = table_of(columns, table)
    joined = join_columns(table, columns)
    for found, expected in ((made, plain(table)), (joined, plain(table) * 2)):
        assert type(found) is type(table)
        assert plain(found) == expected
        assert list(getattr(found, "columns", "")) == list(
            getattr(table, "columns", "")
        )
    one = table_of([columns[1]], table, [1])
    assert plain(one) == [row[1:] for row in plain(table)]


def test_names_of_columns():
    assert name_at(VALUES, 1) == 1
    assert name_at(pd.DataFrame({"a": [1], "b": [2]}), 1) == "b"


def test_refused_kinds_and_their_cure():
    X = pd.DataFrame({"n": [1], "t": ["a"], "u": ["b"], "d": pd.to_datetime(["2020"])})
    said = "Columns 't', 'u' of X hold text where numbers are needed; drop them."
    with pytest.raises(ValueError, match=re.escape(said)):
        refuse_columns(X, {"text"}, cure="drop them")
    said = "Columns 't', 'u', 'd' of X hold text and dates or durations where numbers"
    for cure in (None, "drop them"):
        with pytest.raises(ValueError, match=said):
            refuse_columns(X, {"date", "text"}, cure=cure)
    refuse_columns(X, {"complex", "boolean"})
    refuse_columns([["a"]], {"text"})
    with pytest.raises(ValueError, match="Column 'd' .* such as days since a start"):
        refuse_columns(X[["d"]], {"date"}, cure="drop them")


def test_missing_objects_of_pandas_are_nan():
    values = np.array([[1, 2.5], [pd.NA, 4]], dtype=object)
    for table in (values, pd.DataFrame(values)):
        found = check_table(table, ensure_all_finite="allow-nan")
        assert_array_equal(found, [[1, 2.5], [np.nan, 4]])
        with pytest.raises(ValueError, match="contains NaN"):
            check_table(table)


@pytest.mark.parametrize("fill", [np.nan, 1.0])
def test_sparse_columns_that_leave_out_no_zeros(fill):
    values = np.array([[1.0, 2.0], [fill, 0.0]])
    table = pd.DataFrame(values).astype(pd.SparseDtype(float, fill))
    options = {"accept_sparse": True, "ensure_all_finite": "allow-nan"}
    assert_array_equal(check_table(table, **options), values)


def test_structs_are_no_numbers():
    table = pd.DataFrame({"x": [1.0], "o": [{"a": 1}]})
    for X in (table, pl.from_pandas(table)):
        with pytest.raises(ValueError, match="'o' of X holds lists or objects"):
            check_table(X, dtype=np.float64)
