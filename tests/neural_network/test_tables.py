"""Containers, types and weights: the same net, or one clear sentence."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.datasets import make_classification

from skext.neural_network import (
    EnsLossClassifier,
    OrdinalNetClassifier,
    TabularNetClassifier,
    TabularNetRegressor,
)

pytest.importorskip("torch")
pa = pytest.importorskip("pyarrow")

QUICK = {
    "hidden_layer_sizes": (8,),
    "max_epochs": 3,
    "batch_size": 32,
    "device": "cpu",
    "random_state": 0,
}
CLASSIFIERS = [TabularNetClassifier, EnsLossClassifier, OrdinalNetClassifier]
NETS = [*CLASSIFIERS, TabularNetRegressor]
X, Y = make_classification(80, 5, flip_y=0.1, random_state=0)
X = X.round(2)  # what a float32 or a text keeps
FRAME = pd.DataFrame(X, columns=list("abcde"))
READ_ONLY = X.copy()
READ_ONLY.setflags(write=False)


def predicted(model, rows=X):
    return getattr(model, "decision_function", model.predict)(rows)


TABLES = {
    "list": X.tolist(),
    "read-only": READ_ONLY,
    "Fortran": np.asfortranarray(X),
    "strided": np.repeat(X, 2, axis=0)[::2],
    "object": X.astype(object),
    "frame": FRAME,
    "odd index": FRAME.set_index(np.arange(80)[::-1] * 3),
    "nullable": FRAME.astype("Float64"),
    "Arrow": FRAME.astype("double[pyarrow]"),
    "frame of objects": FRAME.astype(object),
    "mixed": FRAME.astype({"a": "Float64", "b": object, "c": "double[pyarrow]"}),
    "polars": pl.from_pandas(FRAME),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("cls", [TabularNetClassifier, TabularNetRegressor])
def test_tables(cls, name):
    expected = predicted(cls(**QUICK).fit(X, Y))
    model = cls(**QUICK).fit(TABLES[name], Y)
    np.testing.assert_array_equal(predicted(model, TABLES[name]), expected)


def test_memory_maps(tmp_path):
    np.save(tmp_path / "X.npy", X)
    table = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = predicted(TabularNetClassifier(**QUICK).fit(X, Y))
    model = TabularNetClassifier(**QUICK).fit(table, Y)
    np.testing.assert_array_equal(predicted(model, table), expected)


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.uint64, np.float32, np.float16, "boolean", "UInt8"]
)
def test_whole_numbers(dtype):
    whole = (X > 0).astype(float)
    expected = predicted(TabularNetClassifier(**QUICK).fit(whole, Y), whole)
    table = pd.DataFrame(whole).astype(dtype)
    model = TabularNetClassifier(**QUICK).fit(table, Y)
    np.testing.assert_allclose(predicted(model, table), expected, atol=1e-5)


TEXT = FRAME.assign(c=np.where(X[:, 0] > 0, "u", "v"))
DAYS = FRAME.assign(c=pd.date_range("2020", periods=80))
REFUSED = {
    "object": (TEXT.astype({"c": object}), "'c' of X holds text"),
    "string": (TEXT.astype({"c": "string"}), "'c' of X holds text"),
    "category": (TEXT.astype({"c": "category"}), "'c' of X holds categories .*encode"),
    "dictionary": (
        TEXT.assign(
            c=TEXT.c.astype("string[pyarrow]").astype(
                pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
            )
        ),
        "'c' of X holds categories",
    ),
    "polars text": (pl.from_pandas(TEXT), "'c' of X holds text"),
    "list": ([["a", 1.0]] * 80, "Column 0 of X holds text"),
    "dates": (DAYS, "Column 'c' of X holds dates or durations .*days since"),
    "durations": (DAYS.assign(c=DAYS.c - DAYS.c[0]), "'c' of X holds dates"),
    "periods": (DAYS.assign(c=DAYS.c.dt.to_period("D")), "'c' of X holds dates"),
    "zones": (
        DAYS.assign(c=DAYS.c.dt.tz_localize("UTC")),
        "'c' of X holds dates",
    ),
    "objects of dates": (DAYS.assign(c=DAYS.c.dt.date), "'c' of X holds dates"),
    "array of dates": (DAYS[["c"]].to_numpy(), "dates or durations"),
    "polars dates": (pl.from_pandas(DAYS), "'c' of X holds dates"),
    "nothing": (FRAME.astype("Float64").mask(X > 1), "X contains NaN.*SimpleImputer"),
    "None": (FRAME.astype(object).mask(X > 1, None), "X contains NaN.*SimpleImputer"),
    "infinity": (FRAME.mask(X > 1, np.inf), "X contains infinity"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("cls", NETS)
def test_tables_that_hold_no_numbers(cls, name):
    table, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        cls(**QUICK).fit(table, Y)
    with pytest.raises(ValueError, match=message):
        cls(**QUICK).partial_fit(table, Y, *([[0, 1]] if cls in CLASSIFIERS else []))
    if hasattr(table, "columns") and len(table.columns) == 5:
        with pytest.raises(ValueError, match=message):
            cls(**QUICK).fit(FRAME, Y).predict(table)


def test_sparse_tables():
    with pytest.raises(TypeError, match=r"[Ss]parse.*dense"):
        TabularNetClassifier(**QUICK).fit(sparse.csr_array(X), Y)


WORDS = np.where(Y, "yes", "no")
LABELS = {
    "bool": Y == 1,
    "float": Y.astype(float),
    "text": WORDS,
    "list of text": WORDS.tolist(),
    "objects": WORDS.astype(object),
    "objects of bool": (Y == 1).astype(object),
    "category": pd.Series(WORDS, dtype="category"),
    "unused category": pd.Series(pd.Categorical(WORDS, ["no", "never", "yes"])),
    "category of numbers": pd.Series(Y, dtype="category"),
    "Int64": pd.Series(Y, dtype="Int64"),
    "boolean": pd.Series(Y == 1, dtype="boolean"),
    "Arrow int": pd.Series(Y, dtype="int64[pyarrow]"),
    "Arrow bool": pd.Series(Y == 1, dtype="bool[pyarrow]"),
    "string": pd.Series(WORDS, dtype="string"),
    "Arrow string": pd.Series(WORDS, dtype="string[pyarrow]"),
    "dictionary": pd.Series(
        WORDS.tolist(), dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
    ),
    "polars": pl.Series(Y),
    "polars text": pl.Series(WORDS),
    "polars category": pl.Series(WORDS).cast(pl.Categorical),
    "large": Y.astype(np.uint64) + np.uint64(2**63),
    "nullable large": pd.Series(Y.astype(np.uint64) + np.uint64(2**63), dtype="UInt64"),
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_labels(cls, name):
    y = LABELS[name]
    plain = cls(**QUICK).fit(X, Y)
    model = cls(**QUICK).fit(X, y)
    np.testing.assert_array_equal(predicted(model), predicted(plain))
    assert len(model.classes_) == 2
    assert sorted(map(str, model.classes_)) == sorted({str(v) for v in y})


def test_types_of_the_classes():
    for name, kind in (("Int64", "i"), ("boolean", "b"), ("nullable large", "u")):
        model = TabularNetClassifier(**QUICK).fit(X, LABELS[name])
        assert model.classes_.dtype.kind == kind
        assert model.predict(X).dtype.kind == kind


GAPS = np.arange(80) == 3
MISSING = {
    "float": np.where(GAPS, np.nan, Y),
    "list": ["a", "b", "a", None] * 20,
    "list with nan": ["a", "b", "a", np.nan] * 20,
    "objects": pd.Series(WORDS, dtype=object).mask(GAPS),
    "Int64": pd.Series(Y, dtype="Int64").mask(GAPS),
    "boolean": pd.Series(Y == 1, dtype="boolean").mask(GAPS),
    "string": pd.Series(WORDS, dtype="string").mask(GAPS),
    "category": pd.Series(WORDS, dtype="category").mask(GAPS),
    "Arrow": pd.Series(WORDS, dtype="string[pyarrow]").mask(GAPS),
    "polars": pl.Series([0, 1, 0, None] * 20),
    "frame": pd.DataFrame({"y": pd.Series(WORDS, dtype=object).mask(GAPS)}),
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_missing_labels(cls, name):
    with pytest.raises(ValueError, match="y contains NaN: .* first in row 3"):
        cls(**QUICK).fit(X, MISSING[name])


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_labels_that_are_no_classes(kind):
    mixed = np.array([1 if y else "a" for y in Y], dtype=object)
    mixed = mixed.tolist() if kind is list else pd.Series(mixed)
    with pytest.raises(ValueError, match="y holds values of several kinds, int, str"):
        TabularNetClassifier(**QUICK).fit(X, mixed)
    days = [datetime.date(2020 + int(y), 1, 1) for y in Y]
    with pytest.raises(ValueError, match="y has dates"):
        TabularNetClassifier(**QUICK).fit(X, kind(days))


TARGET = X[:, 0].round(2)
TARGETS = {
    "list": TARGET.tolist(),
    "objects": TARGET.astype(object),
    "Float64": pd.Series(TARGET, dtype="Float64"),
    "Arrow": pd.Series(TARGET, dtype="double[pyarrow]"),
    "polars": pl.Series(TARGET),
}


@pytest.mark.parametrize("name", TARGETS)
def test_targets(name):
    expected = TabularNetRegressor(**QUICK).fit(X, TARGET).predict(X)
    found = TabularNetRegressor(**QUICK).fit(X, TARGETS[name]).predict(X)
    np.testing.assert_array_equal(found, expected)


NUMBERLESS = {
    "dates": (DAYS.c, "y has dates or durations"),
    "array of dates": (DAYS.c.to_numpy(), "y has dates or durations"),
    "durations": (DAYS.c - DAYS.c[0], "y has dates or durations"),
    "frame of dates": (DAYS[["c"]], "y has dates or durations"),
    "polars dates": (pl.Series(DAYS.c), "y has dates or durations"),
    "text": (WORDS, r"y holds no numbers \(could not convert"),
    "None": (TARGET.astype(object).tolist()[:-1] + [None], "contains NaN"),
    "NA": (pd.Series(TARGET, dtype="Float64").mask(GAPS), "contains NaN"),
    "infinity": (np.where(GAPS, np.inf, TARGET), "contains infinity"),
}


@pytest.mark.parametrize("name", NUMBERLESS)
def test_targets_that_are_no_numbers(name):
    y, message = NUMBERLESS[name]
    with pytest.raises(ValueError, match=message):
        TabularNetRegressor(**QUICK).fit(X, y)


@pytest.mark.parametrize("value", [1e6, np.nan, np.inf])
@pytest.mark.parametrize("table", [np.asarray, pd.DataFrame, pl.DataFrame, list])
@pytest.mark.parametrize("cls", NETS)
def test_a_row_without_weight_is_not_there(cls, table, value):
    y = np.digitize(X[:, 0], [-0.7, 0.7])
    spoilt, labels = X.copy(), y.astype(float)
    spoilt[10:20] = value
    labels[10:15] = 9.0
    if cls is TabularNetRegressor:
        labels[10:20] = value
    weight = np.random.default_rng(0).uniform(0.5, 2, 80)
    weight[10:20] = 0
    kept = weight > 0
    clean = cls(**QUICK).fit(X[kept], labels[kept], sample_weight=weight[kept])
    model = cls(**QUICK).fit(table(spoilt), labels, sample_weight=weight)
    rows = pd.DataFrame(X) if table is pd.DataFrame else X
    rows = table(X) if table is pl.DataFrame else rows
    np.testing.assert_array_equal(predicted(model, rows), predicted(clean))
    for name in ("scaler_mean_", "scaler_scale_", "classes_", "target_scale_"):
        if hasattr(clean, name):
            np.testing.assert_array_equal(getattr(model, name), getattr(clean, name))


@pytest.mark.parametrize("factor", [3.0, 1e-30, 1e30, 1e-200, 1e200])
@pytest.mark.parametrize("cls", NETS)
def test_a_factor_of_all_weights_changes_nothing(cls, factor):
    weight = np.random.default_rng(0).integers(0, 4, 80) * 1.0
    expected = predicted(cls(**QUICK).fit(X, Y, sample_weight=weight))
    model = cls(**QUICK).fit(X, Y, sample_weight=weight * factor)
    np.testing.assert_allclose(predicted(model), expected, atol=1e-5)
    plain = predicted(cls(**QUICK).fit(X, Y))
    model = cls(**QUICK).fit(X, Y, sample_weight=np.full(80, factor))
    np.testing.assert_array_equal(predicted(model), plain)


@pytest.mark.parametrize("cls", NETS)
def test_weights_that_leave_no_row(cls):
    with pytest.raises(ValueError, match="at least one non-zero"):
        cls(**QUICK).fit(X, Y, sample_weight=np.zeros(80))


def test_inputs_are_not_written_to():
    table, y, weight = X.copy(), Y.astype(float), np.linspace(0, 1, 80)
    groups = np.arange(80) // 2
    given = (table, y, weight, groups)
    copies = [part.copy() for part in given]
    for part in given:
        part.setflags(write=False)
    for cls in NETS:
        cls(**QUICK).fit(table, y, sample_weight=weight, groups=groups).predict(table)
    for part, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(part, copy)
