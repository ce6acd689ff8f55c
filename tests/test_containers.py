"""Every container and type through every public estimator: one result, or one sentence.

The table holds small whole numbers, so that every type can carry it.
"""

import datetime
import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from instances import ESTIMATORS
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone, is_regressor
from sklearn.utils import get_tags

from skext.utils.estimator_checks import ask, seeded

PLACES = range(len(ESTIMATORS))
IDS = [f"{type(e).__name__}{i}" for i, e in enumerate(ESTIMATORS)]
NAMES = ["a", "b", "c", "d"]


def make_table(estimator, n_rows=72):
    """Whole numbers below 128, and a target."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [n_rows // 2, n_rows // 3, n_rows // 6])
    X = np.rint(rng.normal(size=(n_rows, 4)) * 9 + 30 + 9 * y[:, None])
    if is_regressor(estimator):
        y = np.rint(X.sum(axis=1) / 4)
    elif get_tags(estimator).classifier_tags is not None:
        y = y if get_tags(estimator).classifier_tags.multi_class else y % 2
    order = rng.permutation(n_rows)
    return X[order], y[order]


def frame(X):
    return pd.DataFrame(X, columns=NAMES)


def read_only(values):
    values = np.array(values)
    values.flags.writeable = False
    return values


def one_by_one(X):
    """Every column of another type."""
    found = frame(X)
    found["a"] = found["a"].astype("Int16")
    found["b"] = found["b"].astype("float32")
    found["c"] = found["c"].astype("int64[pyarrow]")
    return found


TABLES = {
    "list": lambda X: X.tolist(),
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "int8": lambda X: X.astype(np.int8),
    "uint64": lambda X: X.astype(np.uint64),
    "big-endian": lambda X: X.astype(">f8"),
    "object": lambda X: X.astype(object),
    "column-major": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: X[::-1].copy()[::-1],
    "read-only": read_only,
    "pandas": frame,
    "pandas-int": lambda X: frame(X).astype("int32"),
    "pandas-nullable": lambda X: frame(X).astype("Int64"),
    "pandas-Float64": lambda X: frame(X).astype("Float64"),
    "pandas-arrow": lambda X: frame(X).astype("double[pyarrow]"),
    "pandas-object": lambda X: frame(X).astype(object),
    "pandas-mixed": one_by_one,
    "pandas-sparse": lambda X: frame(X).astype(pd.SparseDtype(float, 0.0)),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "polars-int": lambda X: pl.DataFrame(X, schema=NAMES).cast(pl.Int32),
    "csr": sparse.csr_array,
    "csc-matrix": sparse.csc_matrix,
}
WHOLE = {
    "int8",
    "uint64",
    "pandas-int",
    "pandas-nullable",
    "pandas-mixed",
    "polars-int",
}
LABELS = {
    "list": lambda y: y.tolist(),
    "float": lambda y: y.astype(float),
    "int8": lambda y: y.astype(np.int8),
    "uint16": lambda y: y.astype(np.uint16),
    "read-only": read_only,
    "strided": lambda y: np.repeat(y, 2)[::2],
    "pandas": lambda y: pd.Series(y, name="t", index=np.arange(len(y))[::-1]),
    "pandas-nullable": lambda y: pd.Series(y).astype("Int64"),
    "pandas-arrow": lambda y: pd.Series(y).astype("int64[pyarrow]"),
    "polars": lambda y: pl.Series(y),
}
# Classes only: other labels for the same rows.
TEXT = np.array(["high", "low", "mid"])
CLASSES = {
    "text": lambda y: TEXT[y],
    "text-object": lambda y: TEXT[y].astype(object),
    "text-list": lambda y: TEXT[y].tolist(),
    "text-pandas": lambda y: pd.Series(TEXT[y]),
    "text-string": lambda y: pd.Series(TEXT[y], dtype="string"),
    "text-arrow": lambda y: pd.Series(TEXT[y], dtype=pd.ArrowDtype(pa.string())),
    "text-polars": lambda y: pl.Series(TEXT[y]),
    "category": lambda y: pd.Series(TEXT[y], dtype="category"),
    "category-of-numbers": lambda y: pd.Series(y, dtype="category"),
    "dictionary": lambda y: pd.Series(
        TEXT[y].tolist(), dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
    ),
    "object": lambda y: y.astype(object),
}
NOT_TAKEN = r"[Ss]parse|dense"
# Estimator and container to the reason why it can be neither.
_CLEANED = "cleans after whole numbers were rounded, and so finds other neighbours"
EXCEPTIONS: dict = {
    (name, container): _CLEANED
    for name in ("SMOTEENN", "SMOTEIPF", "SMOTETomek")
    for container in (
        "int8",
        "uint64",
        "pandas-int",
        "pandas-nullable",
        "pandas-mixed",
        "polars-int",
    )
}
EXCEPTIONS["MultiQuantileRegressor", "lists"] = "a regressor of scikit-learn says so"
EXCEPTIONS |= {
    ("SMOTEN", kind): "every column is a category"
    for kind in (
        "dates",
        "objects of dates",
        "dates of arrow",
        "durations",
        "polars dates",
    )
}
# Their target is numbers; others do not look at it.
OF_NUMBERS = {"SMOTER", "SMOGN"}
WITHOUT_TARGET = {"PPPClustering"}


def answer(estimator, X, y):
    model = seeded(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(model, "fit_resample"):
            X_resampled, y_resampled = model.fit_resample(X, y)
            return {"X": X_resampled, "y": y_resampled}
        return ask(model.fit(X, y), X)


def plain(values):
    if hasattr(values, "toarray"):
        values = values.toarray()
    return np.asarray(values)


def same(found, expected, tolerance):
    assert found.keys() == expected.keys()
    for name, wanted in expected.items():
        value, wanted = plain(found[name]), plain(wanted)
        assert value.shape == wanted.shape, name
        if name != "y" and wanted.dtype.kind in "fiu" and value.dtype.kind in "fiuO":
            value, wanted = value.astype(float), wanted.astype(float)
            assert_allclose(value, wanted, err_msg=name, **tolerance)
        else:
            assert (value == wanted).all(), name


@pytest.mark.parametrize("container", TABLES)
@pytest.mark.parametrize("place", PLACES, ids=IDS)
def test_table(place, container):
    estimator = ESTIMATORS[place]
    name = type(estimator).__name__
    reason = EXCEPTIONS.get((name, container))
    if reason is not None:
        pytest.skip(reason)
    X, y = make_table(estimator)
    table = TABLES[container](X)
    expected = answer(estimator, X, y)
    if sparse.issparse(table) and not get_tags(estimator).input_tags.sparse:
        with pytest.raises((TypeError, ValueError), match=NOT_TAKEN):
            answer(estimator, table, y)
        return
    try:
        found = answer(estimator, table, y)
    except TypeError as error:
        if container != "pandas-sparse" or not re.search(NOT_TAKEN, str(error)):
            raise
        return
    if "X" in found and container in WHOLE:
        # Whole numbers stay such.
        same(found, expected, {"rtol": 0, "atol": 0.5})
        return
    narrow = container in ("float32", "float16", "pandas-mixed", "pandas-sparse")
    tolerance = {"rtol": 1e-3, "atol": 1e-3} if narrow else {"rtol": 1e-6, "atol": 1e-8}
    same(found, expected, tolerance)


@pytest.mark.parametrize("container", [*LABELS, *CLASSES])
@pytest.mark.parametrize("place", PLACES, ids=IDS)
def test_target(place, container):
    estimator = ESTIMATORS[place]
    name = type(estimator).__name__
    reason = EXCEPTIONS.get((name, container))
    if reason is not None:
        pytest.skip(reason)
    X, y = make_table(estimator)
    if container in CLASSES and (is_regressor(estimator) or name in OF_NUMBERS):
        pytest.skip("numbers are predicted")
    if name in WITHOUT_TARGET:
        pytest.skip("needs no target")
    labels = LABELS.get(container, CLASSES.get(container))(y.astype(int))
    if is_regressor(estimator):
        y = y.astype(int)
    expected = answer(estimator, X, y)
    found = answer(estimator, X, labels)
    for method in ("y", "predict"):
        if method in expected and container in CLASSES:
            wanted = plain(expected[method])
            if container not in ("object", "category-of-numbers"):
                wanted = TEXT[wanted]
            value = plain(found.pop(method))
            assert (value == wanted).all(), method
            expected.pop(method)
    same(found, expected, {"rtol": 1e-6, "atol": 1e-8})


DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(72)]


def with_column(values):
    def change(X):
        found = frame(X)
        found["b"] = values
        return found

    return change


NO_NUMBERS = {
    "dates": with_column(pd.to_datetime(DAYS)),
    "objects of dates": with_column(pd.Series(DAYS, dtype=object)),
    "dates of arrow": with_column(pd.Series(DAYS, dtype="date32[pyarrow]")),
    "durations": with_column(pd.to_timedelta(range(72), unit="D")),
    "polars dates": lambda X: pl.DataFrame(X, schema=NAMES).with_columns(
        pl.Series("b", DAYS)
    ),
    "complex": with_column(np.arange(72) * 1j),
    "lists": with_column(pd.Series([[1], [2]] * 36)),
}
TEXTS = {
    "text": with_column(["x", "y"] * 36),
    "categories": with_column(pd.Categorical(["x", "y"] * 36)),
    "dictionary": with_column(
        pd.Series(
            ["x", "y"] * 36, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
        )
    ),
    "polars text": lambda X: pl.DataFrame(X, schema=NAMES).with_columns(
        pl.Series("b", ["x", "y"] * 36)
    ),
}
# Take categories and text, as their pages say.
OF_CATEGORIES = {
    "SMOTENC",
    "SMOTEN",
    "SMOTER",
    "SMOGN",
    "MLSMOTE",
}


@pytest.mark.parametrize("kind", [*NO_NUMBERS, *TEXTS])
@pytest.mark.parametrize("place", PLACES, ids=IDS)
def test_no_numbers(place, kind):
    """Refused with the name of the column."""
    estimator = clone(ESTIMATORS[place])
    name = type(estimator).__name__
    X, y = make_table(estimator)
    if name in OF_CATEGORIES and kind in TEXTS:
        pytest.skip("takes categories")
    reason = EXCEPTIONS.get((name, kind))
    if reason is not None:
        pytest.skip(reason)
    if "SMOTENC" in name:
        estimator.set_params(categorical_features=[0])
    table = {**NO_NUMBERS, **TEXTS}[kind](X)
    with pytest.raises((TypeError, ValueError)) as caught:
        answer(estimator, table, y)
    message = str(caught.value)
    assert "'b'" in message or "Complex data not supported" in message, message


MISSING = {
    "NaN": lambda y: np.where(np.arange(len(y)) == 5, np.nan, y),
    "nullable": lambda y: pd.Series(y).astype("Int64").mask(np.arange(len(y)) == 5),
    "arrow": lambda y: (
        pd.Series(y).astype("int64[pyarrow]").mask(np.arange(len(y)) == 5)
    ),
    "None among text": lambda y: np.where(np.arange(len(y)) == 5, None, TEXT[y]),
    "list of text": lambda y: [None if i == 5 else TEXT[c] for i, c in enumerate(y)],
    "text": lambda y: pd.Series(TEXT[y]).mask(np.arange(len(y)) == 5),
    "string": lambda y: pd.Series(TEXT[y], dtype="string").mask(np.arange(len(y)) == 5),
    "category": lambda y: pd.Series(TEXT[y], dtype="category").mask(
        np.arange(len(y)) == 5
    ),
    "polars": lambda y: pl.Series(
        [None if i == 5 else int(c) for i, c in enumerate(y)]
    ),
}


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize("place", PLACES, ids=IDS)
def test_missing_target(place, kind):
    """Refused with one sentence that names the target."""
    estimator = clone(ESTIMATORS[place])
    name = type(estimator).__name__
    if get_tags(estimator).target_tags.required is False and not hasattr(
        estimator, "fit_resample"
    ):
        pytest.skip("needs no target")
    reason = EXCEPTIONS.get((name, kind))
    if reason is not None:
        pytest.skip(reason)
    X, y = make_table(estimator)
    if is_regressor(estimator) and kind not in ("NaN", "nullable", "arrow", "polars"):
        pytest.skip("numbers are predicted")
    with pytest.raises((TypeError, ValueError)) as caught:
        answer(estimator, X, MISSING[kind](y.astype(int)))
    message = str(caught.value)
    assert re.search(r"\by\b", message), message
    assert re.search("NaN|missing|null", message), message
