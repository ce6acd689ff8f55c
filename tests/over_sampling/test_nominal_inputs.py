"""Every kind of table that SMOTENC and SMOTEN take, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skext.over_sampling._mixed.nominal import SMOTEN, SMOTENC


def make_frame(n=120, n_rare=30, seed=0):
    """A column of nearly every type that pandas has."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n - n_rare, n_rare])
    word = rng.choice(["red", "green", "blue"], size=n)
    frame = pd.DataFrame({"double": rng.normal(size=n) + y})
    frame["single"] = rng.normal(size=n).astype(np.float32)
    frame["small"] = rng.integers(0, 100, size=n).astype(np.int8)
    frame["unsigned"] = rng.integers(0, 200, size=n).astype(np.uint8)
    frame["Int64"] = pd.array(rng.integers(0, 9, size=n), dtype="Int64")
    frame["Float32"] = pd.array(rng.normal(size=n), dtype="Float32")
    frame["category"] = pd.Categorical(word, ["blue", "green", "red", "never"])
    frame["ordered"] = pd.Categorical(word, ["green", "blue", "red"], ordered=True)
    frame["numbers"] = pd.Categorical(rng.integers(5, size=n) * 10)
    frame["object"] = pd.Series(word, dtype=object)
    frame["string"] = pd.Series(word, dtype="string")
    frame["str"] = pd.Series(word, dtype="str")
    frame["bool"] = rng.random(n) < 0.4
    frame["boolean"] = pd.array(rng.random(n) < 0.4, dtype="boolean")
    frame["mixed"] = pd.Series(
        [["x", 1, 2.5, True][i % 4] for i in range(n)], dtype=object
    )
    frame.index = np.arange(n)[::-1] + 7
    return frame, pd.Series(y, name="target", index=frame.index)


NOMINAL = "category ordered numbers object string str bool boolean mixed".split()


def with_gaps(frame, seed=1):
    """The same with missing values wherever the type has any."""
    rng = np.random.default_rng(seed)
    frame = frame.copy()
    for name in frame.columns.drop(["small", "unsigned", "bool"]):
        frame.loc[rng.random(len(frame)) < 0.2, name] = None
    return frame


@pytest.mark.parametrize("missing", [False, True])
def test_pandas_keeps_every_type_and_category(missing):
    frame, y = make_frame()
    frame = with_gaps(frame) if missing else frame
    before = frame.copy()
    sampler = SMOTENC(random_state=0)
    found, y_found = sampler.fit_resample(frame, y)
    pd.testing.assert_frame_equal(frame, before)
    assert_array_equal(frame.columns[sampler.categorical_features_], NOMINAL)
    assert found.dtypes.equals(frame.dtypes)
    assert list(found["category"].cat.categories) == ["blue", "green", "red", "never"]
    assert found["ordered"].cat.ordered
    assert_array_equal(found.index, np.arange(len(found)))
    pd.testing.assert_frame_equal(found.iloc[:120], frame.reset_index(drop=True))
    assert y_found.name == "target"
    assert (y_found == 1).sum() == (y_found == 0).sum() == 90
    new = found.iloc[120:]
    for name in NOMINAL:
        kinds = {repr(value) for value in new[name]}
        assert kinds <= {repr(value) for value in frame[name]}
    if not missing:
        assert not found.isna().any().any()
    else:
        names = frame.columns.drop(["small", "unsigned", "bool"])
        assert new[names].isna().any(axis=None)


def test_nominal_frames():
    frame, y = make_frame()
    for part in (frame[NOMINAL], with_gaps(frame)[NOMINAL], frame):
        found, y_found = SMOTEN(random_state=0).fit_resample(part, y)
        assert found.dtypes.equals(part.dtypes)
        pd.testing.assert_frame_equal(found.iloc[:120], part.reset_index(drop=True))
        assert len(found) == len(y_found) == 180
        for name in part:
            kinds = {repr(value) for value in found[name].iloc[120:]}
            assert kinds <= {repr(value) for value in part[name]}


def test_the_same_rows_from_every_container():
    frame, y = make_frame()
    frame = frame[["double", "Float32", "small", "object", "category"]]
    frame = frame.astype({"Float32": float})
    expected = SMOTENC(random_state=0).fit_resample(frame, y)[0].to_numpy(dtype=object)
    array = frame.to_numpy(dtype=object)
    found = SMOTENC([3, 4], random_state=0).fit_resample(array, y.to_numpy())[0]
    assert found.dtype == object
    assert_array_equal(found, expected)
    assert all(isinstance(value, int) for value in found[:, 2])
    lists = SMOTENC([3, 4], random_state=0).fit_resample(array.tolist(), y.tolist())
    assert isinstance(lists[0], list)
    assert lists[0] == expected.tolist()
    assert isinstance(lists[1], list)
    mask = SMOTENC([False] * 3 + [True] * 2, random_state=0).fit_resample(array, y)[0]
    assert_array_equal(mask, expected)
    names = SMOTENC(["object", "category"], random_state=0).fit_resample(frame, y)[0]
    assert_array_equal(names.to_numpy(dtype=object), expected)
    behind = SMOTENC([-1, 3, -2], random_state=0)
    assert_array_equal(behind.fit_resample(array, y)[0], expected)
    assert_array_equal(behind.categorical_features_, [4, 3])


@pytest.mark.parametrize("missing", [False, True])
def test_polars(missing):
    polars = pytest.importorskip("polars")
    frame, y = make_frame()
    names = ["double", "single", "small", "Int64", "category", "object", "bool"]
    frame = (with_gaps(frame) if missing else frame)[names]
    kinds = {
        "category": polars.Categorical,
        "single": polars.Float32,
        "small": polars.Int8,
        "Int64": polars.Int64,
        "object": polars.Enum(["red", "green", "blue"]),
        "double": polars.Float64,
        "bool": polars.Boolean,
    }
    columns = {
        name: [None if pd.isna(value) else value for value in frame[name]]
        for name in names
    }
    given = polars.DataFrame(columns, schema_overrides=kinds)
    given = given.with_columns(text=polars.col("object").cast(polars.String))
    sampler = SMOTENC(random_state=0)
    found, y_found = sampler.fit_resample(given, polars.Series("target", y.to_numpy()))
    assert found.schema == given.schema
    assert found[:120].equals(given)
    assert_array_equal(sampler.categorical_features_, [4, 5, 6, 7])
    assert isinstance(y_found, polars.Series)
    assert y_found.name == "target"
    assert len(found) == len(y_found) == 180
    new = found[120:]
    for name in ("double", "single"):
        assert not new[name].is_nan().any()
    assert (new.null_count().sum_horizontal().item() > 0) == missing
    same = frame[names].assign(text=frame["object"])
    expected = SMOTENC(random_state=0).fit_resample(same, y)[0]
    assert new["text"].to_list() == [
        None if pd.isna(value) else value for value in expected["text"][120:]
    ]
    nominal, _ = SMOTEN(random_state=0).fit_resample(given, y)
    assert nominal.schema == given.schema
    named = SMOTENC(["object", "category"], random_state=0)
    named.fit_resample(given.drop("text"), y)
    assert_array_equal(named.categorical_features_, [5, 4])
    assert_array_equal(named.feature_names_in_, names)


@pytest.mark.parametrize("fmt", ["csr", "csc"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_sparse_is_dense(fmt, kind, dtype):
    rng = np.random.default_rng(0)
    X = (rng.integers(0, 4, size=(100, 5)) * (rng.random((100, 5)) < 0.5)).astype(dtype)
    y = np.repeat([0, 1], [70, 30])
    given = getattr(sparse, f"{fmt}_{kind}")(X)
    before = given.copy()
    expected = SMOTENC([0, 3], random_state=0).fit_resample(X, y)[0]
    found = SMOTENC([0, 3], random_state=0).fit_resample(given, y)[0]
    assert type(found) is type(given)
    assert found.dtype == expected.dtype == dtype
    assert_array_equal(found.toarray(), expected)
    expected = SMOTEN(random_state=0).fit_resample(X, y)[0]
    with pytest.warns(DataConversionWarning, match="is not really efficient") as log:
        found = SMOTEN(random_state=0).fit_resample(given, y)[0]
    assert log[0].filename == __file__
    assert type(found) is type(given)
    assert_array_equal(found.toarray(), expected)
    assert (given != before).nnz == 0


def test_single_precision():
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(90, 3)), rng.integers(4, size=(90, 2))])
    y = np.repeat([0, 1], [60, 30])
    found = SMOTENC([3, 4], random_state=0).fit_resample(X.astype(np.float32), y)[0]
    assert found.dtype == np.float32
    assert_allclose(
        found, SMOTENC([3, 4], random_state=0).fit_resample(X, y)[0], rtol=1e-4
    )


@pytest.mark.parametrize("dtype", ["U5", "S5", object, bool, np.int16, "M8[D]"])
def test_nominal_arrays_keep_their_type(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(60, 3)).astype(np.int16)
    X = X.astype("M8[D]") if dtype == "M8[D]" else X.astype(dtype)
    y = np.repeat([0, 1], [40, 20])
    found = SMOTEN(random_state=0).fit_resample(X, y)[0]
    assert found.dtype == X.dtype
    assert found.shape == (80, 3)
    assert_array_equal(found[:60], X)


def test_truth_values_that_are_not_nominal():
    """Rounded, where the peer turns everything below one into False."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=600), "c": rng.choice(["a", "b"], 600)})
    frame["flag"] = rng.random(600) < 0.5
    y = np.repeat([0, 1], [400, 200])
    sampler = SMOTENC(["c"], random_state=0)
    found = sampler.fit_resample(frame, y)[0]
    assert found["flag"].dtype == bool
    share = found["flag"][600:].mean()
    assert abs(share - frame["flag"][400:].mean()) < 0.1
    assert_array_equal(sampler.continuous_features_, [0, 2])


def test_labels_of_all_kinds():
    frame, y = make_frame()
    for labels in (["no", "yes"], [False, True], ["ä", "ß"], [2.0, 1.0]):
        named = np.array(labels)[y]
        found = SMOTENC(random_state=0).fit_resample(frame, named)[1]
        assert found.dtype == named.dtype
        assert {str(name) for name in found} == {str(name) for name in labels}
    kinds = y.astype("category").cat.rename_categories(["no", "yes"])
    found = SMOTENC(random_state=0).fit_resample(frame, kinds)[1]
    assert found.dtype == kinds.dtype


# Missing values


def test_share_of_missing_values_is_kept():
    """In each column, within 4.5 standard errors."""
    rng = np.random.default_rng(0)
    n = 1500
    X = np.hstack([rng.normal(size=(n, 3)), rng.integers(3, size=(n, 1))])
    for j, share in enumerate([0.1, 0.4, 0.0]):
        X[rng.random(n) < share, j] = np.nan
    y = np.repeat([0, 1], [n - 500, 500])
    sampler = SMOTENC([3], random_state=0, sampling_strategy={1: 10_500})
    found = sampler.fit_resample(X, y)[0]
    base, partner = sampler.sample_indices_[n:], sampler.partner_indices_
    gap, new = sampler.gaps_, found[n:]
    for j in range(3):
        lost = np.isnan(new[:, j])
        a, b = np.isnan(X[base, j]), np.isnan(X[partner, j])
        chance = (1 - gap) * a + gap * b
        error = np.sqrt((chance * (1 - chance)).sum()) + 1e-9
        assert abs(lost.sum() - chance.sum()) < 4.5 * error + 1e-9
        assert lost[a & b].all()
        assert not lost[~a & ~b].any()
        known = ~a & ~b
        exact = X[base, j] + gap * (X[partner, j] - X[base, j])
        assert_allclose(new[known, j], exact[known], rtol=1e-12)
        copied = (a ^ b) & ~lost
        parent = np.where(a, X[partner, j], X[base, j])
        assert_array_equal(new[copied, j], parent[copied])


def test_a_missing_nominal_value_is_a_level():
    X = np.array([["a", 0.0]] * 6 + [[None, 1.0]] * 6 + [["a", 5.0]] * 20, dtype=object)
    y = np.repeat([1, 0], [12, 20])
    found = SMOTENC([0], random_state=0).fit_resample(X, y)[0][32:]
    near = found[:, 1].astype(float)
    assert {repr(value) for value in found[near < 0.5, 0]} == {"'a'"}
    assert {repr(value) for value in found[near > 0.5, 0]} == {"None"}
    for missing in (None, np.nan, pd.NA, float("nan")):
        X[6:12, 0] = missing
        again = SMOTENC([0], random_state=0).fit_resample(X, y)[0][32:]
        assert_array_equal(pd.isna(again[:, 0]), pd.isna(found[:, 0]))


# What is refused, and what is said


def test_tables_without_types_need_names():
    X = np.array([[1.0, "a"], [2.0, "b"]] * 10, dtype=object)
    with pytest.raises(ValueError, match="the input data should be a pandas.DataFrame"):
        SMOTENC().fit_resample(X, [0] * 15 + [1] * 5)


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ([0, 10], r"all features must be in \[0, 2\]"),
        ([-4], "all features must be in"),
        ([True, False], "mask of shape"),
        (["z"], r"does not have, \['z'\].*it has \['a', 'b', 'c'\]"),
        ([0.5], "no list; give positions"),
        ([], "only with numerical features.*Use SMOTE"),
        ([0, 1, 2], "only with categorical features.*Use SMOTEN"),
        ("auto", "only with numerical features"),
        ("all", "categorical_features"),
    ],
)
def test_selections_that_are_refused(selection, said):
    frame = pd.DataFrame(np.arange(60.0).reshape(20, 3), columns=list("abc"))
    with pytest.raises(ValueError, match=said):
        SMOTENC(selection).fit_resample(frame, [0] * 14 + [1] * 6)


def test_names_need_a_frame():
    with pytest.raises(ValueError, match="of type ndarray has no names"):
        SMOTENC(["a"]).fit_resample(np.eye(20), [0] * 14 + [1] * 6)


def test_columns_that_are_not_numbers_are_named():
    frame, y = make_frame()
    for name in ("category", "string", "mixed", "object", "str"):
        with pytest.raises(ValueError, match=f"Column '{name}' of X.*add it to"):
            SMOTENC(["numbers"]).fit_resample(frame[["numbers", "double", name]], y)
    frame["time"] = pd.Timestamp("2020-01-01")
    with pytest.raises(ValueError, match="Column 'time' of X holds dates"):
        SMOTENC().fit_resample(frame, y)
    texts = np.array([["a", "1.5"], ["b", "2"]] * 10)
    with pytest.raises(ValueError, match="Column 1 of X"):
        SMOTENC([0]).fit_resample(texts, [0] * 14 + [1] * 6)


def test_values_that_cannot_be_compared():
    X = np.empty((20, 2), dtype=object)
    X[:, 0] = np.arange(20.0)
    for i in range(20):
        X[i, 1] = [i % 2]
    with pytest.raises(ValueError, match="Column 1 of X holds .*cannot be compared"):
        SMOTENC([1]).fit_resample(X, [0] * 14 + [1] * 6)


@pytest.mark.parametrize("kind", ["array", "object", "frame"])
def test_infinite_numbers(kind):
    X = np.hstack([np.arange(40.0).reshape(20, 2), np.ones((20, 1))])
    X[3, 1] = np.inf
    X = {"array": X, "object": X.astype(object), "frame": pd.DataFrame(X)}[kind]
    with pytest.raises(ValueError, match="infinity"):
        SMOTENC([2]).fit_resample(X, [0] * 14 + [1] * 6)


def test_empty_frames():
    with pytest.raises(ValueError, match="at least one row"):
        SMOTENC().fit_resample(pd.DataFrame({"a": [], "b": []}), [])
    with pytest.raises(ValueError, match="at least one row"):
        SMOTEN().fit_resample(pd.DataFrame(index=range(4)), [0, 0, 0, 1])


def test_missing_labels():
    frame, y = make_frame()
    with pytest.raises(ValueError, match="NaN"):
        SMOTENC().fit_resample(frame, y.where(y == 0))


@pytest.mark.parametrize("cls", [SMOTENC, SMOTEN])
def test_arrow_columns(cls):
    pytest.importorskip("pyarrow")
    frame, y = make_frame()
    arrow = frame[["double", "small", "str", "bool"]].convert_dtypes(
        dtype_backend="pyarrow"
    )
    found = cls(random_state=0).fit_resample(arrow, y)[0]
    assert found.dtypes.equals(arrow.dtypes)
    assert len(found) == 180
