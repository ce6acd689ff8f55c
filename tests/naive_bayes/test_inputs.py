"""Kinds of tables and labels: the same model, or a sentence that says why not."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skext.naive_bayes import (
    ClassMoments,
    GenerativeLogisticRegression,
    LinearGaussianNB,
    NearestClassMean,
    ShrinkageLDA,
    naive_bayes_diagnostics,
)

PROBES = [
    LinearGaussianNB(temperature="loo"),
    ShrinkageLDA(shrinkage="ledoit-wolf"),
    NearestClassMean(metric="seuclidean"),
    NearestClassMean(feature_transform="center-l2"),
    GenerativeLogisticRegression(),
]
every_probe = pytest.mark.parametrize("probe", PROBES, ids=repr)


@pytest.fixture
def data():
    """Numbers that are the same in every type."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return np.round(4 * (rng.normal(size=(60, 4)) + y[:, None])), y


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


TABLES = {
    "list": lambda X: X.tolist(),
    "float32": lambda X: X.astype(np.float32),
    "int64": lambda X: X.astype(np.int64),
    "int8": lambda X: X.astype(np.int8),
    "object": lambda X: X.astype(object),
    "Fortran": np.asfortranarray,
    "read-only": read_only,
    "pandas": lambda X: pd.DataFrame(X, columns=list("abcd")),
    "nullable": lambda X: pd.DataFrame(X).astype("Int64"),
    "arrow": lambda X: pd.DataFrame(X).astype("double[pyarrow]"),
    "mixed": lambda X: pd.DataFrame(X).astype({0: "Int8", 1: "float32", 2: object}),
    "categories of numbers": lambda X: pd.DataFrame(X).astype({0: "category"}),
    "sparse frame": lambda X: pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X)),
    "polars": lambda X: pl.DataFrame(X, schema=list("abcd")),
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
}


@pytest.mark.parametrize("name", TABLES)
@every_probe
def test_tables(data, probe, name):
    X, y = data
    expected = clone(probe).fit(X, y).predict_proba(X)
    table = TABLES[name](X)
    if isinstance(probe, GenerativeLogisticRegression) and name in ("csr", "csc"):
        with pytest.raises(TypeError, match="dense data is required"):
            clone(probe).fit(table, y)
        return
    found = clone(probe).fit(table, y).predict_proba(table)
    assert_allclose(found, expected, atol=1e-4)


def with_column(X, values):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["b"] = values
    return frame


WRONG = {
    "dates": lambda X: with_column(X, pd.Timestamp("2020-01-01")),
    "durations": lambda X: with_column(X, pd.Timedelta("1D")),
    "periods": lambda X: with_column(X, pd.Period("2020")),
    "days": lambda X: with_column(X, datetime.date(2020, 1, 1)),
    "text": lambda X: with_column(X, "word"),
    "categories": lambda X: with_column(X, pd.Categorical(["u", "v"] * 30)),
    "polars dates": lambda X: pl.from_pandas(with_column(X, pd.Timestamp("2020"))),
    "polars text": lambda X: pl.from_pandas(with_column(X, "word")),
}


@pytest.mark.parametrize("name", WRONG)
@every_probe
def test_columns_that_are_no_numbers(data, probe, name):
    X, y = data
    table = WRONG[name](X)
    with pytest.raises(ValueError, match="Column 'b' of X holds .* numbers are"):
        clone(probe).fit(table, y)
    model = clone(probe).fit(pd.DataFrame(X, columns=list("abcd")), y)
    with pytest.raises(ValueError, match="Column 'b' of X holds .* numbers are"):
        model.predict(table)


def test_only_dates(data):
    X, y = data
    days = np.datetime64("2020-01-01") + np.arange(120).reshape(60, 2)
    model = LinearGaussianNB().fit(X, y)
    for call in (
        lambda table: LinearGaussianNB().fit(table, y),
        lambda table: ClassMoments().update(table, y),
        lambda table: naive_bayes_diagnostics(model, table, y),
    ):
        for table in (days, pd.DataFrame(days), pl.DataFrame(days)):
            with pytest.raises(ValueError, match="dates or durations"):
                call(table)


WORDS = np.array(["low", "mid", "high"])
LABELS = {
    "int8": lambda y: y.astype(np.int8),
    "objects": lambda y: y.astype(object),
    "Int64": lambda y: pd.Series(y).astype("Int64"),
    "arrow": lambda y: pd.Series(y).astype("int64[pyarrow]"),
    "polars": pl.Series,
    "list": lambda y: y.tolist(),
    "categories": lambda y: pd.Series(y).astype("category"),
    "whole floats": lambda y: y.astype(float),
}


@pytest.mark.parametrize("name", LABELS)
@every_probe
def test_labels(data, probe, name):
    X, y = data
    expected = clone(probe).fit(X, y)
    found = clone(probe).fit(X, LABELS[name](y))
    assert_array_equal(found.classes_, [0, 1, 2])
    assert found.classes_.dtype.kind == ("f" if "float" in name else "i")
    assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


@every_probe
def test_labels_with_gaps_or_of_several_kinds(data, probe):
    X, y = data
    for gaps in (
        pd.Series(WORDS[y]).where(y > 0, None),
        pd.Series(y).astype("Int64").where(y > 0),
        np.where(y > 0, WORDS[y], None),
        np.where(y > 0, y, np.nan),
    ):
        with pytest.raises(ValueError, match="NaN"):
            clone(probe).fit(X, gaps)
    mixed = np.array([1, "a"] * 30, dtype=object)
    with pytest.raises(ValueError, match="several kinds, int, str"):
        clone(probe).fit(X, mixed)
    with pytest.raises(ValueError, match="continuous.*such as 0.5"):
        clone(probe).fit(X, y / 2)
    with pytest.raises(ValueError, match="intervals"):
        clone(probe).fit(X, pd.cut(y, [-1, 0, 1, 2]))


@every_probe
def test_truth_values(data, probe):
    X, y = data
    for flags in (y > 0, (y > 0).astype(object), pd.Series(y > 0).astype("boolean")):
        model = clone(probe).fit(X, flags)
        assert model.predict(X).dtype == bool
        assert model.classes_.tolist() == [False, True]
