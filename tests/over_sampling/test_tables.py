"""Columns and labels of every type: the same rows, or one sentence."""

import datetime
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skext import combine, over_sampling
from skext.over_sampling import (
    MLSMOTE,
    ROSE,
    SMOGN,
    SMOTE,
    SMOTEN,
    SMOTENC,
    SMOTER,
    ResampledClassifier,
)

POINTS = [[1, 0], [8, 1]]
OPTIONS = {
    "BorderlineSMOTE": {"on_empty": "smote"},
    "KMeansSMOTE": {"kmeans_estimator": 2, "on_empty": "smote"},
    "SMOTENC": {"categorical_features": [0]},
    "SMOTER": {"relevance": POINTS},
    "SMOGN": {"relevance": POINTS},
}
SAMPLERS = [
    getattr(module, name)(random_state=0, **OPTIONS.get(name, {}))
    for module in (over_sampling, combine)
    for name in module.__all__
    if name != "ResampledClassifier"
]
every_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda s: type(s).__name__
)
CLASSIFYING = [s for s in SAMPLERS if type(s).__name__ not in ("SMOTER", "SMOGN")]
TARGETS = ("SMOTER", "SMOGN", "MLSMOTE")


def make(sampler, n=80, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n - n // 4, n // 4])
    X = np.rint(4 * (rng.normal(size=(n, 4)) + 1.2 * y[:, None])) / 4
    X[:, 0] = np.rint(X[:, 0])
    name = type(sampler).__name__
    X = np.rint(X) if name == "SMOTEN" else X
    return X, y * 9.0 if name in ("SMOTER", "SMOGN") else y


def resample(sampler, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(sampler).fit_resample(X, y)


def as_floats(table):
    if sparse.issparse(table):
        return table.toarray()
    return np.asarray(table, dtype=float)


# Tables


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def read_only_csr(X):
    X = sparse.csr_array(X)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    return X


def long_csr(X):
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


TABLES = {
    "read-only": read_only,
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "big-endian": lambda X: X.astype(">f8"),
    "list": lambda X: X.tolist(),
    "frame": pd.DataFrame,
    "other index": lambda X: pd.DataFrame(X, index=np.arange(len(X))[::-1]),
    "same names": lambda X: pd.DataFrame(X, columns=list("aabb")),
    "Float64": lambda X: pd.DataFrame(X).astype("Float64"),
    "objects": lambda X: pd.DataFrame(X).astype(object),
    "sparse frame": lambda X: pd.DataFrame(X).astype(pd.SparseDtype(float, 0)),
    "read-only frame": lambda X: pd.DataFrame(read_only(X), copy=False),
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
    "read-only csr": read_only_csr,
    "long csr": long_csr,
}


@every_sampler
@pytest.mark.parametrize("kind", [*TABLES, "memory map", "arrow", "polars"])
def test_tables_of_every_kind(sampler, kind, tmp_path):
    X, y = make(sampler)
    name = type(sampler).__name__
    if "cs" in kind and name in TARGETS:
        pytest.skip("takes no sparse tables")
    X_expected, y_expected = resample(sampler, X, y)
    if kind == "memory map":
        np.save(tmp_path / "X.npy", X)
        table = np.load(tmp_path / "X.npy", mmap_mode="r")
    elif kind == "arrow":
        pytest.importorskip("pyarrow")
        table = pd.DataFrame(X).astype("double[pyarrow]")
    elif kind == "polars":
        table = pytest.importorskip("polars").DataFrame(X)
    else:
        table = TABLES[kind](X)
    X_new, y_new = resample(sampler, table, y)
    assert isinstance(table, type(X_new)) or kind == "memory map"
    if hasattr(table, "dtypes"):
        assert list(X_new.dtypes) == list(table.dtypes)
    elif kind != "list":
        assert X_new.dtype == table.dtype
    tolerance = {"float16": 1e-2, "float32": 1e-5}.get(kind, 1e-12)
    X_new = as_floats(X_new)
    assert X_new.shape == X_expected.shape
    assert_allclose(X_new, X_expected, rtol=tolerance, atol=tolerance)
    assert_array_equal(y_new, y_expected)


# Labels


def labels_of_every_type(y):
    words = np.where(y, "b", "a")
    yield "list", y.tolist()
    yield "truth values", y == 1
    yield "truth values among objects", (y == 1).astype(object)
    yield "numbers among objects", y.astype(object)
    yield "words", words
    yield "words among objects", words.astype(object)
    yield "floating point", y * 2.0
    yield "small", y.astype(np.uint8)
    yield "read-only", read_only(y)
    yield "column", y[:, None]
    yield "frame", pd.DataFrame({"label": words})
    for dtype in ("Int64", "Float64", "category", "object"):
        yield dtype, pd.Series(y).astype(dtype)
    for dtype in ("string", "str", "category"):
        yield f"words as {dtype}", pd.Series(words).astype(dtype)
    yield "boolean", pd.Series(y == 1, dtype="boolean")
    yield "sparse", pd.Series(y).astype(pd.SparseDtype(int))
    yield "unused categories", pd.Series(pd.Categorical(words, ["z", "b", "a"]))
    yield "categorical", pd.Categorical(words, ["z", "b", "a"])
    try:
        import pyarrow
    except ImportError:
        return
    for dtype in ("int64[pyarrow]", "bool[pyarrow]"):
        yield dtype, pd.Series(y).astype("int64[pyarrow]").astype(dtype)
    texts = pyarrow.array(words.tolist())
    for array in (texts, texts.dictionary_encode()):
        array = pyarrow.chunked_array([array])
        yield str(array.type), pd.Series(pd.arrays.ArrowExtensionArray(array))


def labels_of_polars(y):
    polars = pytest.importorskip("polars")
    words = polars.Series("label", np.where(y, "b", "a"))
    yield "whole numbers", polars.Series("label", y)
    yield "truth values", polars.Series("label", y == 1)
    yield "words", words
    yield "categories", words.cast(polars.Categorical)
    yield "levels", words.cast(polars.Enum(["z", "b", "a"]))
    yield "frame", polars.DataFrame([words])


@pytest.mark.parametrize("sampler", CLASSIFYING, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("source", [labels_of_every_type, labels_of_polars])
def test_labels_of_every_type(sampler, source):
    X, y = make(sampler)
    expected = resample(sampler, X, y)[0]
    for kind, labels in source(y):
        X_new, found = resample(sampler, X, labels)
        assert_array_equal(X_new, expected, err_msg=kind)
        assert type(found) is type(labels), kind
        if hasattr(labels, "dtype"):
            assert found.dtype == labels.dtype, kind
        assert len(found) == len(X_new), kind


def test_labels_of_every_type_in_a_classifier():
    X, y = make(SMOTE())
    expected = ResampledClassifier(random_state=0).fit(X, y).predict_proba(X)
    for source in (labels_of_every_type, labels_of_polars):
        for kind, labels in source(y):
            model = ResampledClassifier(random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = model.fit(X, labels).predict_proba(X)
            assert_allclose(found, expected, err_msg=kind)
            assert model.predict(X).shape == y.shape


def missing_labels(n):
    words = ["a", "b", "a", None] * (n // 4)
    yield words
    yield np.array(["a", "b", "a", np.nan] * (n // 4), dtype=object)
    for dtype in ("object", "str", "string", "category"):
        yield pd.Series(words, dtype=dtype)
    yield pd.Series([0, 1, 0, None] * (n // 4), dtype="Int64")
    yield np.array([0, 1, 0, np.nan] * (n // 4))
    try:
        import polars
    except ImportError:
        return
    yield polars.Series(words)
    yield polars.Series(words, dtype=polars.Categorical)
    yield polars.Series([True, False, True, None] * (n // 4))


@pytest.mark.parametrize(
    "sampler", [*CLASSIFYING, ResampledClassifier()], ids=lambda s: type(s).__name__
)
def test_missing_labels_are_named(sampler):
    X, _ = make(sampler)
    for labels in missing_labels(len(X)):
        run = sampler.fit if hasattr(sampler, "predict") else sampler.fit_resample
        said = "Input y contains NaN: 20 of 80 values are missing, the first in row 3"
        with pytest.raises(ValueError, match=said):
            run(X, labels)


def test_labels_without_an_order():
    X, _ = make(SMOTE())
    mixed = np.array([1] * 60 + ["a"] * 20, dtype=object)
    with pytest.raises(ValueError, match="values of several kinds, int, str"):
        SMOTE().fit_resample(X, mixed)
    sets = [{"a", "b"}, {"a"}] * 40
    ragged = [["a", "b"], ["a"]] * 40
    for sampler in (SMOTE(), MLSMOTE()):
        for labels in (sets, ragged):
            with pytest.raises(ValueError, match="y .*MultiLabelBinarizer"):
                sampler.fit_resample(X, labels)


def test_missing_values_in_tables_of_labels():
    X, y = make(MLSMOTE())
    table = pd.DataFrame({"a": y, "b": 1 - y}).astype("Int64")
    table.iloc[4, 0] = pd.NA
    for labels in (table, table.astype(float), table.to_numpy(float, na_value=np.nan)):
        with pytest.raises(ValueError, match="y contains NaN: 1 of 80.*row 4"):
            MLSMOTE().fit_resample(X, labels)


# Truth values among objects


def make_flags(missing=False):
    rng = np.random.default_rng(0)
    flags = np.array([True, False] * 40, dtype=object)
    flags[::5] = None if missing else flags[::5]
    y = np.repeat([0, 1], [60, 20])
    frame = pd.DataFrame({"v": rng.normal(size=80) + y, "flag": flags})
    return frame.assign(c=list("ab") * 40), y


MIXED = [
    (SMOTENC, {}, 1),
    (SMOTER, {"relevance": POINTS}, 9.0),
    (SMOGN, {"relevance": POINTS}, 9.0),
    (MLSMOTE, {}, 1),
]
every_mixed = pytest.mark.parametrize(
    ("cls", "options", "factor"), MIXED, ids=[cls.__name__ for cls, *_ in MIXED]
)


@every_mixed
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("named", ["auto", ["c"]])
def test_truth_values_among_objects(cls, options, factor, missing, named):
    frame, y = make_flags(missing)
    sampler = cls(categorical_features=named, random_state=0, **options)
    typed = frame.assign(flag=frame["flag"].astype("boolean"))
    expected = sampler.fit_resample(typed, y * factor)[0]["flag"]
    kinds = [frame]
    if named != "auto":
        sampler.set_params(categorical_features=[2])
        kinds += [frame.to_numpy(dtype=object), frame.to_numpy(dtype=object).tolist()]
    for table in kinds:
        found = sampler.fit_resample(table, y * factor)[0]
        if not isinstance(found, pd.DataFrame):
            found = pd.DataFrame(list(found), columns=list(frame))
        flags = found["flag"].tolist()
        assert {type(flag) for flag in flags} <= {bool, type(None)}
        assert flags == [None if pd.isna(flag) else flag for flag in expected]


def test_truth_values_are_no_numbers():
    frame, y = make_flags()
    table = frame[["v", "flag"]]
    objects = table.to_numpy(dtype=object)
    for sampler in (SMOTE(), ROSE(), combine.SMOTEENN()):
        for given in (table, objects, objects.tolist(), table.astype({"flag": bool})):
            with pytest.raises(ValueError, match="Column .* of X holds truth values"):
                sampler.fit_resample(given, y)


# Arrow dictionaries


@pytest.mark.parametrize("values", [["a", "b"], [3, 7], ["a", None]], ids=str)
@pytest.mark.parametrize("named", ["auto", ["kind"]])
def test_arrow_dictionaries_are_categories(values, named):
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array(values * 40).dictionary_encode()
    # Parts have dictionaries of their own.
    parts = pyarrow.chunked_array([column.slice(0, 30), column.slice(30)])
    frame, y = make_flags()
    frame = frame[["v"]].assign(kind=pd.arrays.ArrowExtensionArray(parts))
    expected = frame.assign(kind=pd.Categorical(values * 40))
    samplers = [cls(categorical_features=named, **o) for cls, o, _ in MIXED]
    for sampler, factor in zip(samplers, (1, 9.0, 9.0, 1), strict=True):
        sampler.set_params(random_state=0)
        found = sampler.fit_resample(frame, y * factor)[0]
        same = sampler.fit_resample(expected, y * factor)[0]
        assert found.dtypes.equals(frame.dtypes)
        assert_array_equal(found["v"], same["v"])
        plain = [[None if pd.isna(v) else v for v in t["kind"]] for t in (found, same)]
        assert plain[0] == plain[1]
    sampler = SMOTEN(random_state=0)
    found = sampler.fit_resample(frame[["kind"]], y)[0]
    assert found.dtypes.equals(frame[["kind"]].dtypes)
    with pytest.raises(ValueError, match="Column 'kind' of X holds categories"):
        SMOTE().fit_resample(frame, y)


# Columns that are neither numbers nor categories


def columns_to_refuse(n):
    yield "dates", pd.date_range("2020", periods=n)
    yield "dates", pd.date_range("2020", periods=n, tz="UTC")
    yield "dates", pd.to_timedelta(np.arange(n), unit="D")
    yield "dates", pd.period_range("2020", periods=n, freq="D")
    days = [datetime.date(2020, 1, 1 + i % 28) for i in range(n)]
    yield "dates", pd.Series(days, dtype=object)
    yield "dates", pd.Series([None, *days[1:]], dtype=object)
    yield "complex", np.arange(n) + 1j


@every_mixed
def test_dates_and_complex_numbers_are_refused(cls, options, factor):
    frame, y = make_flags()
    for kind, column in columns_to_refuse(len(y)):
        table = frame[["v", "c"]].assign(odd=column)
        said = f"Column 'odd' of X holds {kind}.*add it to"
        for named in ("auto", ["c"]):
            sampler = cls(categorical_features=named, **options)
            with pytest.raises(ValueError, match=said):
                sampler.fit_resample(table, y * factor)
        sampler = cls(categorical_features=[1], **options)
        with pytest.raises(ValueError, match=f"Column 2 of X holds {kind}"):
            sampler.fit_resample(table.to_numpy(dtype=object), y * factor)


def test_samplers_of_numbers_refuse_dates():
    frame, y = make_flags()
    for sampler in (SMOTE(), ROSE(), combine.SMOTETomek()):
        for kind, column in columns_to_refuse(len(y)):
            with pytest.raises(ValueError, match=f"Column 'odd' of X holds {kind}"):
                sampler.fit_resample(frame[["v"]].assign(odd=column), y)
        days = np.datetime64("2020-01-01") + np.arange(160).reshape(80, 2)
        with pytest.raises(ValueError, match="dates"):
            sampler.fit_resample(days, y)
        with pytest.raises(ValueError, match="dates"):
            sampler.fit_resample(days.astype(object), y)


@every_mixed
@pytest.mark.parametrize("kind", ["objects", "arrow", "struct", "polars", "array"])
def test_cells_that_are_lists(cls, options, factor, kind):
    frame, y = make_flags()
    frame["odd"] = [[i % 3] for i in range(80)]
    if kind == "struct":
        frame["odd"] = [{"a": i % 3} for i in range(80)]
    if kind in ("arrow", "struct"):
        pyarrow = pytest.importorskip("pyarrow")
        frame["odd"] = pd.arrays.ArrowExtensionArray(pyarrow.array(frame["odd"]))
    elif kind in ("polars", "array"):
        polars = pytest.importorskip("polars")
        odd = polars.Array(polars.Int64, 1) if kind == "array" else None
        lists = polars.Series("odd", frame.pop("odd").tolist(), dtype=odd)
        frame = polars.from_pandas(frame).with_columns(lists)
    with pytest.raises(ValueError, match="Column 'odd' of X holds values that"):
        cls(random_state=0, **options).fit_resample(frame, y * factor)


@every_mixed
def test_whole_numbers_of_128_bits(cls, options, factor):
    polars = pytest.importorskip("polars")
    _, y = make_flags()
    numbers = np.random.default_rng(0).integers(1000, size=80)
    letters = [["a", "b"][i % 2] for i in range(80)]
    table = polars.DataFrame({"v": numbers, "c": letters})
    large = polars.col("v").cast(polars.Int128) + 2**100
    sampler = cls(random_state=0, **options)
    expected = sampler.fit_resample(table, y * factor)[0]
    found = sampler.fit_resample(table.with_columns(large), y * factor)[0]
    assert found.schema["v"] == polars.Int128
    assert [value - 2**100 for value in found["v"]] == expected["v"].to_list()


def test_strings_of_numpy_are_categories():
    X = np.array([["a", "b"], ["c", "d"]] * 20, dtype=np.dtypes.StringDType())
    y = np.repeat([0, 1], [28, 12])
    found = SMOTEN(random_state=0).fit_resample(X, y)[0]
    expected = SMOTEN(random_state=0).fit_resample(X.astype(object), y)[0]
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("cls", [SMOTER, SMOGN, MLSMOTE])
def test_text_among_objects_is_a_category(cls):
    frame, y = make_flags()
    table = frame[["v", "c"]]
    options = {} if cls is MLSMOTE else {"relevance": POINTS}
    target = y * 9.0
    if cls is MLSMOTE:
        target = y
    expected = cls(random_state=0, **options).fit_resample(table, target)[0]
    array = table.to_numpy(dtype=object)
    for given in (array, array.tolist()):
        found = cls(random_state=0, **options).fit_resample(given, target)[0]
        assert_array_equal(np.array(found, dtype=object), expected.to_numpy(object))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, None, 2.0, 2.5], float),
        ([1, None, 2, 4], int),
        ([Decimal("1.5"), None, Decimal(2), Decimal(4)], Decimal),
    ],
    ids=["floating point", "whole", "decimal"],
)
def test_numbers_among_objects(values, kind):
    frame, y = make_flags()
    frame["odd"] = pd.Series(values * 20, dtype=object)
    typed = frame.assign(odd=frame["odd"].astype(float))
    for cls, options, factor in MIXED:
        sampler = cls(categorical_features=["c", "flag"], random_state=0, **options)
        found = sampler.fit_resample(frame, y * factor)[0]["odd"]
        assert {type(value) for value in found} == {kind, type(None)}
        if kind is not int:
            expected = sampler.fit_resample(typed, y * factor)[0]["odd"]
            assert_allclose(found.astype(float), expected.astype(float))
    found = SMOTE(random_state=0).fit_resample(frame[["v", "odd"]], y)[0]["odd"]
    assert {type(value) for value in found} == {kind, type(None)}


# Words


def test_cleaning_needs_numbers():
    frame, y = make_flags()
    lists = frame.to_numpy(dtype=object).tolist()
    for cls in (combine.SMOTEENN, combine.SMOTETomek):
        for table in (frame, frame.astype({"c": "category"}), lists):
            with pytest.raises(ValueError, match="SMOTENC, without a cleaning"):
                cls(smote=SMOTENC()).fit_resample(table, y)


def test_advice_for_targets_without_rare_values_can_be_followed():
    X, _ = make(SMOTER())
    for y in (
        np.random.default_rng(0).uniform(size=80),
        1e8 + np.random.default_rng(0).uniform(size=80) / 100,
        np.r_[np.zeros(30), np.ones(50)],
    ):
        with pytest.raises(ValueError, match="give control points") as caught:
            SMOTER().fit_resample(X, y)
        points = str(caught.value).split("such as relevance=")[1].split(", or lower")[0]
        _, y_new = SMOTER(relevance=eval(points), random_state=0).fit_resample(X, y)
        assert y.min() <= y_new.min() <= y_new.max() <= y.max()
    with pytest.raises(ValueError, match="all are 5.0, so give a target that"):
        SMOTER().fit_resample(X, np.full(80, 5.0))


@every_sampler
def test_no_rows_asked_for(sampler):
    X, y = make(sampler)
    name = type(sampler).__name__
    if name in ("SMOTER", "SMOGN"):
        pytest.skip("has no dict of classes")
    strategy = {1: 0} if name == "MLSMOTE" else {1: 20}
    if hasattr(sampler, "smote"):
        sampler = clone(sampler).set_params(smote=SMOTE(sampling_strategy=strategy))
    else:
        sampler = clone(sampler).set_params(sampling_strategy=strategy)
    for table in (X, pd.DataFrame(X), X.tolist()):
        X_new, y_new = resample(sampler, table, y)
        assert type(X_new) is type(table)
        assert len(X_new) == len(y_new) <= len(X)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_what_is_missing_among_objects_stays_what_it_is(missing):
    words = pd.Series(["a", "b", missing, missing] * 20, dtype=object)
    frame = pd.DataFrame({"v": np.arange(80.0) % 7, "word": words})
    y = np.repeat([0, 1], [60, 20])
    for cls, options, factor in [*MIXED, (SMOTEN, {}, 1)]:
        found = cls(random_state=0, **options).fit_resample(frame, y * factor)[0]
        assert {repr(word) for word in found["word"]} <= {"'a'", "'b'", repr(missing)}
