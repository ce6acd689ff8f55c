"""Whole numbers of every type stay in the range of it, and exact beyond 2^53."""

import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from samplers import samplers_in
from scipy import sparse
from sklearn.base import clone

from skext import combine, over_sampling
from skext.over_sampling._core.integers import is_wide, whole_values

NUMBERS = ("SMOTER", "SMOGN")
# Parameters with which no sampler refuses a class of which few rows differ.
OPTIONS = {
    "KMeansSMOTE": {"kmeans_estimator": 2},
    "LVQSMOTE": {"on_small_class": "duplicate"},
    "SMOTENC": {"categorical_features": [1]},
    "SMOTER": {"relevance": [[1, 0], [8, 1]]},
    "SMOGN": {"relevance": [[1, 0], [8, 1]]},
}
CLASSES = {
    name: getattr(module, name)
    for module in (over_sampling, combine)
    for name in module.__all__
    if name != "ResampledClassifier"
}
for each, cls in CLASSES.items():
    if "on_empty" in cls().get_params():
        OPTIONS.setdefault(each, {})["on_empty"] = "smote"
SAMPLERS = [
    cls(random_state=0, **OPTIONS.get(name, {})) for name, cls in CLASSES.items()
]
every_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda s: type(s).__name__
)
# Those whose rows lie between given ones: no noise, no steps beyond an end.
BETWEEN = set(CLASSES) - {cls.__name__ for cls in samplers_in("_placed")}
BETWEEN = BETWEEN - {"SMOGN", "SVMSMOTE"} | {"DBSMOTE"}
LARGEST = {"int64": 2**63 - 1, "uint64": 2**64 - 1}
N_COMMON, N_RARE = 40, 8


def resample(sampler, X):
    y = np.repeat([0, 1], [N_COMMON, N_RARE])
    sampler = clone(sampler)
    if type(sampler).__name__ in NUMBERS:
        y = y * 9.0
    if type(sampler).__name__ == "MLSMOTE":
        y = np.column_stack([y, 1 - y])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        X_new, _ = sampler.fit_resample(X, y)
    if hasattr(sampler, "kept_indices_"):
        made = sampler.kept_indices_ >= len(y)
    else:
        number = len(sampler.sample_indices_)
        made = np.arange(number) >= number - sum(sampler.n_synthetic_.values())
    return sampler, X_new, made


def container(kind, values, dtype):
    """Return a table with a column of whole numbers, and how to read it."""
    small = np.arange(len(values)) % 7
    if kind in ("csr", "csc", "array"):
        table = np.column_stack([np.array(values, dtype), small.astype(dtype)])
        if kind == "array":
            return table
        return getattr(sparse, f"{kind}_array")(table)
    other = np.random.default_rng(0).normal(size=len(values))
    if kind == "polars":
        polars = pytest.importorskip("polars")
        types = {"int64": polars.Int64, "uint64": polars.UInt64}
        column = polars.Series("whole", values, dtype=types[dtype])
        return polars.DataFrame({"whole": column, "small": small, "other": other})
    if kind == "arrow":
        pytest.importorskip("pyarrow")
        kind = f"{dtype}[pyarrow]"
    kinds = {"numpy": dtype, "nullable": dtype.replace("i", "I").replace("u", "U")}
    kinds["sparse"] = pd.SparseDtype(dtype, 0)
    column = pd.Series(values, dtype=object if kind == "object" else dtype)
    column = column.astype(kinds.get(kind, kind))
    return pd.DataFrame({"whole": column, "small": small, "other": other})


def new_values_of(table, made):
    if hasattr(table, "columns"):
        column = table["whole"]
        column = column.to_list() if hasattr(column, "to_list") else column.tolist()
    else:
        column = (table.toarray() if sparse.issparse(table) else table)[:, 0].tolist()
    return [int(value) for value, new in zip(column, made, strict=True) if new]


TABLES = [
    ("array", "int64"),
    ("array", "uint64"),
    ("csr", "uint64"),
    ("csc", "int64"),
    ("numpy", "int64"),
    ("nullable", "uint64"),
    ("arrow", "int64"),
    ("object", "int64"),
    ("sparse", "int64"),
    ("polars", "uint64"),
]


@every_sampler
@pytest.mark.parametrize(("kind", "dtype"), TABLES)
def test_between_two_sentinels_lies_the_sentinel(sampler, kind, dtype):
    name = type(sampler).__name__
    if kind in ("csr", "csc") and name in (*NUMBERS, "MLSMOTE"):
        pytest.skip("takes no sparse tables")
    largest = LARGEST[dtype]
    values = [100, largest] * (N_COMMON // 2) + [largest] * N_RARE
    X = container(kind, values, dtype)
    _, X_new, made = resample(sampler, X)
    found = new_values_of(X_new, made)
    # MLSMOTE makes rows for the other label, too.
    if name != "MLSMOTE":
        assert set(found) <= {largest}
    assert all(100 <= value <= largest for value in found)
    types = "schema" if kind == "polars" else "dtypes" if hasattr(X, "columns") else ""
    if types:
        assert list(getattr(X_new, types)) == list(getattr(X, types))
    else:
        assert X_new.dtype == X.dtype


@every_sampler
@pytest.mark.parametrize("start", [2**60, 2**63 - 3000, -(2**63)])
def test_between_large_numbers_lie_large_numbers(sampler, start):
    name = type(sampler).__name__
    steps = np.random.default_rng(1).integers(0, 2999, size=N_COMMON + N_RARE)
    values = [start + int(step) for step in steps]
    small, X_small, made = resample(sampler, container("numpy", steps, "int64"))
    large, X_large, _ = resample(sampler, container("numpy", values, "int64"))
    assert_array_equal(small.sample_indices_, large.sample_indices_)
    found = np.array(new_values_of(X_large, made), dtype=object) - start
    expected = new_values_of(X_small, made)
    end = 2**63 - 1 - start
    # Halves are rounded to even numbers, which an odd start makes odd.
    near = [
        abs(a - min(max(b, 0 if start < 0 else b), end))
        for a, b in zip(found.tolist(), expected, strict=True)
    ]
    assert max(near, default=0) <= 1
    if name in BETWEEN:
        assert all(min(values) <= start + step <= max(values) for step in found)


@every_sampler
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32", "UInt8"])
def test_small_types_do_not_wrap_around(sampler, dtype):
    rng = np.random.default_rng(0)
    info = np.iinfo(dtype.lower())
    ends = rng.choice([info.min, info.max], size=N_COMMON + N_RARE)
    frame = pd.DataFrame({"whole": ends, "other": rng.normal(size=len(ends))})
    frame["whole"] = frame["whole"].astype(dtype)
    frame["small"] = np.arange(len(ends)) % 3
    sampler = clone(sampler)
    if type(sampler).__name__ == "SMOTENC":
        sampler.set_params(categorical_features=[2])
    _, X_new, made = resample(sampler, frame)
    assert X_new["whole"].dtype == frame["whole"].dtype
    # Close to a parent: what wraps around is close to the other end.
    found = np.array(new_values_of(X_new, made), dtype=float)
    assert ((found >= info.min) & (found <= info.max)).all()


@pytest.mark.parametrize("function", [np.rint, np.trunc])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64, object])
@pytest.mark.parametrize("size", [10, 2**40, 2**62, 2**63 - 1])
def test_places_between_whole_numbers_are_exact(dtype, size, function):
    rng = np.random.default_rng(0)
    low = 0 if dtype is np.uint64 else -size
    given = rng.integers(low, size, size=1000, endpoint=True).astype(dtype)
    base, partner = rng.integers(1000, size=(2, 3000))
    gap = rng.uniform(size=3000)
    gap[:200], gap[200:400], gap[400:600] = 0, 1, -0.5
    a, b = given[base].astype(object), given[partner].astype(object)
    exact = [p + Fraction(g) * (q - p) for p, q, g in zip(a, b, gap, strict=True)]
    floats = np.array([float(x) for x in exact])
    if is_wide(given):
        floats = floats - float(given.min())
    found = whole_values(given, None, floats, base, partner, gap, function)
    assert found.dtype == dtype
    limits = np.iinfo(np.int64 if dtype is object else dtype)
    for p, q, g, x, value in zip(a, b, gap, exact, found.tolist(), strict=True):
        if g >= 0:
            assert min(p, q) <= value <= max(p, q)
        elif dtype is not object:
            x = min(max(x, limits.min), limits.max)
        assert abs(value - x) <= 1 + abs(q - p) * Fraction(2) ** -50


@pytest.mark.parametrize("kind", ["Int64", "int64[pyarrow]", "object", "polars"])
def test_missing_values_beside_sentinels(kind):
    if "pyarrow" in kind:
        pytest.importorskip("pyarrow")
    largest = LARGEST["int64"]
    values = [100, largest, None] * 16
    other = np.random.default_rng(0).normal(size=48)
    if kind == "polars":
        polars = pytest.importorskip("polars")
        X = polars.DataFrame({"whole": values, "other": other})
    else:
        X = pd.DataFrame({"whole": pd.Series(values, dtype=object), "other": other})
        if kind != "object":
            X["whole"] = X["whole"].astype("Int64").astype(kind)
    y = np.repeat([0, 1], [36, 12])
    sampler = over_sampling.SMOTE(random_state=0, sampling_strategy={1: 400})
    found = sampler.fit_resample(X, y)[0]["whole"][48:]
    base, partner = sampler.sample_indices_[48:], sampler.partner_indices_
    for value, a, b in zip(found.to_list(), base, partner, strict=True):
        parents = [values[row] for row in (a, b) if values[row] is not None]
        if pd.isna(value):
            assert len(parents) < 2
        else:
            assert min(parents) <= value <= max(parents)
    assert sum(pd.isna(value) for value in found.to_list()) > 0


@pytest.mark.parametrize("sampler", ["SMOTENC", "SMOTER", "MLSMOTE"])
def test_decimal_numbers_stay_decimal(sampler):
    values = [Decimal(i) / 4 for i in range(48)]
    X = pd.DataFrame({"money": values, "small": np.arange(48) % 3})
    sampler = CLASSES[sampler](random_state=0, **OPTIONS.get(sampler, {}))
    _, X_new, made = resample(sampler, X)
    assert made.any()
    assert {type(value) for value in X_new["money"]} == {Decimal}
    arrow = pytest.importorskip("pyarrow")
    X["money"] = X["money"].astype(pd.ArrowDtype(arrow.decimal128(10, 2)))
    _, again, _ = resample(sampler, X)
    assert again["money"].dtype == X["money"].dtype
    near = again["money"].astype(float) - X_new["money"].astype(float)
    assert near.abs().max() <= 0.005 + 1e-12


@pytest.mark.parametrize("dtype", ["int64", "Int64", "uint64", "object", "list"])
def test_large_whole_targets(dtype):
    """A target at the end of its type stays there."""
    largest = LARGEST["int64"]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    values = [int(v) for v in rng.integers(0, 100, size=50)] + [largest] * 10
    y = values if dtype == "list" else pd.Series(values, dtype=dtype)
    for cls in (over_sampling.SMOTER, over_sampling.SMOGN):
        sampler = cls(relevance=[[1000, 0], [2000, 1]], random_state=0)
        y_new = sampler.fit_resample(X, y)[1]
        y_new = y_new if dtype == "list" else y_new.tolist()
        assert y_new.count(largest) == 30
        assert all(0 <= value < 100 for value in y_new if value != largest)


@pytest.mark.parametrize("interpolation", ["segment", "box"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sentinels_of_floating_point(dtype, interpolation):
    """Between the smallest and the largest number lies a number."""
    largest = np.finfo(dtype).max
    X = np.array([[-largest, 0], [largest, 1]] * 24, dtype=dtype)
    X[::5, 1] = np.nan
    y = np.repeat([0, 1], [36, 12])
    options = {"k_neighbors": 9, "interpolation": interpolation}
    sampler = over_sampling.SMOTE(random_state=0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = sampler.fit_resample(X, y)[0][48:, 0]
    assert np.isfinite(found).all()
    assert np.unique(found).size > 2
