"""What a column holds, in every container."""

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skext.utils._columns import categories_of, column_kind, column_kinds, library_of

DAY = datetime.date(2020, 1, 1)


def arrow(values, dtype):
    return pd.Series(values, dtype=pd.ArrowDtype(dtype))


def objects(*values):
    return pd.Series(list(values), dtype=object)


COLUMNS = [
    (pd.Series([1.0, 2.0]), "float"),
    (pd.Series([1, 2], dtype="uint8"), "integer"),
    (pd.Series([1, None], dtype="Int64"), "integer"),
    (pd.Series([1, None], dtype="Float32"), "float"),
    (pd.Series([True, False]), "boolean"),
    (pd.Series([True, None], dtype="boolean"), "boolean"),
    (objects(True, None), "boolean"),
    (objects(np.bool_(True), np.nan), "boolean"),
    (objects(1, None), "integer"),
    (objects(1, 2.5), "float"),
    (objects(decimal.Decimal("1.5")), "float"),
    (objects("a", None), "text"),
    (objects(None, None), "text"),
    (objects("a", 1), "other"),
    (objects([1], [2]), "other"),
    (objects(True, 2), "other"),
    (objects(DAY, None), "date"),
    (objects(pd.Timestamp("2020"), None), "date"),
    (pd.Series(["a", None], dtype="str"), "text"),
    (pd.Series(["a", None], dtype="string"), "text"),
    (pd.Series(["a", "b"], dtype="category"), "category"),
    (pd.Series(pd.cut([1, 2], 2)), "category"),
    (pd.Series(pd.arrays.IntervalArray.from_breaks([0, 1, 2])), "category"),
    (pd.Series(pd.to_datetime(["2020"])), "date"),
    (pd.Series(pd.to_datetime(["2020"], utc=True)), "date"),
    (pd.Series(pd.to_timedelta([1], "D")), "date"),
    (pd.Series(pd.period_range("2020", periods=2)), "date"),
    (pd.Series([1j, 2]), "complex"),
    (pd.Series(pd.arrays.SparseArray([0, 1.0])), "float"),
    (arrow(["a", "b"], pa.dictionary(pa.int32(), pa.string())), "category"),
    (arrow([1, None], pa.int64()), "integer"),
    (arrow([1.5, None], pa.float32()), "float"),
    (arrow([decimal.Decimal(1)], pa.decimal128(5)), "float"),
    (arrow([True, None], pa.bool_()), "boolean"),
    (arrow(["a", None], pa.string()), "text"),
    (arrow([DAY], pa.date32()), "date"),
    (arrow([[1]], pa.list_(pa.int64())), "other"),
    (pl.Series([1, None]), "integer"),
    (pl.Series([1.5]), "float"),
    (pl.Series([decimal.Decimal("1.5")]), "float"),
    (pl.Series([True, None]), "boolean"),
    (pl.Series(["a"]), "text"),
    (pl.Series([None, None]), "text"),
    (pl.Series(["a"], dtype=pl.Categorical), "category"),
    (pl.Series(["a"], dtype=pl.Enum(["b", "a"])), "category"),
    (pl.Series([DAY]), "date"),
    (pl.Series([datetime.timedelta(1)]), "date"),
    (pl.Series([[1]]), "other"),
    (pl.Series([True, None], dtype=pl.Object), "boolean"),
    (np.array([1, 2], dtype=np.int8), "integer"),
    (np.array([True]), "boolean"),
    (np.array(["a"]), "text"),
    (np.array(["2020"], dtype="M8[D]"), "date"),
    (np.array([1j]), "complex"),
]


@pytest.mark.parametrize(
    ("column", "kind"),
    COLUMNS,
    ids=[f"{i}-{kind}" for i, (_, kind) in enumerate(COLUMNS)],
)
def test_column_kind(column, kind):
    assert column_kind(column) == kind
    library = library_of(column)
    if library == "pandas":
        assert column_kinds(pd.DataFrame({0: column})) == [kind]
    elif library == "polars":
        assert column_kinds(pl.DataFrame({"a": column})) == [kind]
    else:
        assert column_kinds(column[:, None]) == [kind]


def test_kinds_of_an_array_of_objects_differ():
    X = np.array([[1, "a", True], [2, "b", None]], dtype=object)
    assert column_kinds(X) == ["integer", "text", "boolean"]


def test_columns_of_one_name():
    X = pd.DataFrame([[1.5, "a"]], columns=["x", "x"])
    assert column_kinds(X) == ["float", "text"]


@pytest.mark.parametrize("ordered", [True, False])
def test_categories_of_pandas(ordered):
    dtype = pd.CategoricalDtype(["low", "high", "unused"], ordered=ordered)
    categories, found = categories_of(pd.Series(["high", "low"], dtype=dtype))
    assert categories.tolist() == ["low", "high", "unused"]
    assert found is ordered


@pytest.mark.parametrize("ordered", [True, False])
def test_categories_of_an_arrow_dictionary(ordered):
    parts = [
        pa.DictionaryArray.from_arrays(
            [1, 0], ["low", "high", "unused"], ordered=ordered
        )
        for _ in range(2)
    ]
    column = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(parts)))
    categories, found = categories_of(column)
    assert categories.tolist() == ["low", "high", "unused"]
    assert found is ordered


def test_categories_of_polars():
    column = pl.Series(["a"], dtype=pl.Enum(["b", "a"]))
    categories, ordered = categories_of(column)
    assert categories.tolist() == ["b", "a"]
    assert ordered
    assert categories_of(pl.Series(["a"], dtype=pl.Categorical)) == (None, False)
    assert categories_of(np.array(["a"])) == (None, False)
