"""SMOTE on missing values, weights, frames, labels and searches of all kinds."""

import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import SMOTE as Peer
from imblearn.pipeline import Pipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neighbors import NearestNeighbors

from skext.over_sampling import SMOBD, SMOTE, SMOTEIPF, SVMSMOTE, KMeansSMOTE

# Without compilation numpy warns about the arithmetic of the hash, which wraps around.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


def make(seed=0, weights=(0.8, 0.2), n_samples=200):
    return make_classification(
        n_samples=n_samples,
        n_features=5,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        flip_y=0,
        random_state=seed,
    )


# Missing values


def make_missing(share=0.2):
    X, y = make(n_samples=600)
    X[np.random.default_rng(0).random(X.shape) < share] = np.nan
    return X, y


def test_missing_values():
    """The share of missing values stays; 4.5 standard errors, 5 columns."""
    X, y = make_missing()
    sampler = SMOTE(
        sampling_strategy={1: 20_000}, allocation="balanced", random_state=0
    )
    new = sampler.fit_resample(X, y)[0][len(X) :]
    a, b = X[sampler.sample_indices_[len(X) :]], X[sampler.partner_indices_]
    gap = sampler.gaps_[:, None]
    both = ~np.isnan(a) & ~np.isnan(b)
    assert_array_equal(new[both], (a + gap * (b - a))[both])
    assert np.isnan(new[np.isnan(a) & np.isnan(b)]).all()
    one = np.isnan(a) != np.isnan(b)
    known = one & ~np.isnan(new)
    assert_array_equal(new[known], np.where(np.isnan(a), b, a)[known])
    chance = (1 - gap) * np.isnan(a) + gap * np.isnan(b)
    error = 4.5 * np.sqrt((chance * (1 - chance)).sum(axis=0)) / len(new)
    assert (np.abs(np.isnan(new).mean(axis=0) - chance.mean(axis=0)) < error).all()


def test_missing_values_do_not_depend_on_threads_or_container():
    X, y = make_missing()
    expected = SMOTE(random_state=0, n_jobs=1).fit_resample(X, y)[0]
    assert_array_equal(SMOTE(random_state=0, n_jobs=2).fit_resample(X, y)[0], expected)
    frame, _ = SMOTE(random_state=0).fit_resample(pd.DataFrame(X), y)
    assert_array_equal(frame.to_numpy(), expected)


def test_missing_values_reach_a_model_that_takes_them():
    X, y = make_missing()
    model = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    steps = [("smote", SMOTE(random_state=0)), ("model", clone(model))]
    found = Pipeline(steps).fit(X, y).predict_proba(X)
    X_new, y_new = SMOTE(random_state=0).fit_resample(X, y)
    assert np.isnan(X_new[len(X) :]).any()
    assert_array_equal(found, model.fit(X_new, y_new).predict_proba(X))


# Weights


def test_weights_of_the_rows():
    """Rows are used in proportion to their weights; false alarm 1 in 1000."""
    X, y = make()
    weight = np.random.default_rng(0).uniform(0, 2, len(y))
    weight[np.flatnonzero(y == 1)[:3]] = 0
    sampler = SMOTE(sampling_strategy={1: 20_000}, random_state=0)
    sampler.fit_resample(X, y, sample_weight=weight)
    base = sampler.sample_indices_[len(X) :]
    counts = np.bincount(base, minlength=len(X))[y == 1]
    rare = weight[y == 1]
    assert (counts[rare == 0] == 0).all()
    used = rare > 0
    expected = rare[used] / rare.sum() * base.size
    assert stats.chisquare(counts[used], expected).pvalue > 1e-3
    gap = sampler.gaps_
    new = (1 - gap) * weight[base] + gap * weight[sampler.partner_indices_]
    assert_allclose(sampler.sample_weight_, np.concatenate([weight, new]))
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "sample_weight_")


def test_balanced_weights_are_exact_to_one_row():
    X, y = make()
    weight = np.random.default_rng(0).uniform(0, 2, len(y))
    sampler = SMOTE(sampling_strategy={1: 1000}, allocation="balanced", random_state=0)
    sampler.fit_resample(X, y, sample_weight=weight)
    base = sampler.sample_indices_[len(X) :]
    counts = np.bincount(base, minlength=len(X))[y == 1]
    shares = weight[y == 1] / weight[y == 1].sum() * base.size
    assert (np.abs(counts - shares) < 1).all()


@pytest.mark.parametrize(
    "bad", [lambda y: -1.0 + 0 * y, lambda y: 1.0 - y, lambda y: [1]]
)
def test_bad_weights(bad):
    X, y = make()
    with pytest.raises(ValueError, match="sample_weight"):
        SMOTE(random_state=0).fit_resample(X, y, sample_weight=bad(y))


# Data frames


@pytest.mark.parametrize(
    "dtype",
    ["float64", "float32", "int64", "int8", "uint16", "Int64", "UInt8", "Float32"]
    + ["int64[pyarrow]", "double[pyarrow]"],
)
def test_column_types_of_pandas(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    X, y = make()
    whole = np.abs(np.rint(X * 10)) % 100
    frame = pd.DataFrame({"a": X[:, 0], "b": whole[:, 1]})
    frame["b"] = (
        frame["b"].astype("int64" if "nt" in dtype else "float64").astype(dtype)
    )
    found, _ = SMOTE(random_state=0).fit_resample(frame, y)
    assert found.dtypes.equals(frame.dtypes)
    pd.testing.assert_frame_equal(found.iloc[: len(X)], frame)
    expected = SMOTE(random_state=0).fit_resample(frame.astype("float64"), y)[0]
    assert_allclose(found["a"], expected["a"])
    exact = expected["b"].to_numpy()
    given = found["b"].to_numpy(dtype=float)
    assert_allclose(given, np.rint(exact) if "nt" in dtype else exact, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "int64[pyarrow]"])
def test_missing_values_of_pandas(dtype):
    if "pyarrow" in dtype:
        pytest.importorskip("pyarrow")
    X, y = make()
    column = pd.Series(np.rint(X[:, 1] * 10)).astype("Int64").astype(dtype)
    column[np.arange(0, 200, 3)] = pd.NA
    frame = pd.DataFrame({"a": X[:, 0], "b": column})
    found, _ = SMOTE(random_state=0).fit_resample(frame, y)
    assert found.dtypes.equals(frame.dtypes)
    pd.testing.assert_frame_equal(found.iloc[:200], frame)
    assert 0 < found["b"].iloc[200:].isna().mean() < 1


def test_large_integers_of_the_given_rows_are_untouched():
    X, y = make()
    frame = pd.DataFrame({"a": X[:, 0], "key": 2**60 + np.arange(200)})
    found, _ = SMOTE(random_state=0).fit_resample(frame, y)
    assert_array_equal(found["key"].iloc[:200], frame["key"])


def test_sparse_frame_equals_dense():
    X, y = make()
    X[np.random.default_rng(0).random(X.shape) < 0.6] = 0
    frame = pd.DataFrame(X).astype(pd.SparseDtype(float, 0.0))
    found, _ = SMOTE(random_state=0).fit_resample(frame, y)
    assert found.dtypes.equals(frame.dtypes)
    assert_allclose(found.to_numpy(), SMOTE(random_state=0).fit_resample(X, y)[0])


@pytest.mark.parametrize("missing", [False, True])
def test_column_types_of_polars(missing):
    polars = pytest.importorskip("polars")
    X, y = make()
    whole = [int(v) for v in np.abs(X[:, 1] * 10)]
    if missing:
        whole[::3] = [None] * len(whole[::3])
    frame = polars.DataFrame(
        [
            polars.Series("a", X[:, 0]),
            polars.Series("b", whole, dtype=polars.Int16),
            polars.Series("c", X[:, 2], dtype=polars.Float32),
        ]
    )
    labels = polars.Series("y", np.array(["no", "yes"])[y], dtype=polars.Categorical)
    found, y_found = SMOTE(random_state=0).fit_resample(frame, labels)
    assert found.schema == frame.schema
    assert found.head(200).equals(frame)
    assert y_found.dtype == labels.dtype
    assert y_found.name == "y"
    assert y_found.value_counts()["count"].n_unique() == 1
    assert (found["b"].null_count() > frame["b"].null_count()) is missing
    assert list(SMOTE().fit(frame, labels).feature_names_in_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="'d'.*SMOTENC"):
        SMOTE().fit_resample(frame.with_columns(d=polars.lit("x")), labels)


@pytest.mark.parametrize(
    "given", [[[True]], [[1 + 2j]], [["a"]]], ids=["bool", "complex", "string"]
)
def test_tables_without_numbers(given):
    with pytest.raises(ValueError):
        SMOTE().fit_resample(np.array(given * 20), [0] * 5 + [1] * 15)


def test_lists():
    X, y = make()
    expected = SMOTE(random_state=0).fit_resample(X, y)
    found = SMOTE(random_state=0).fit_resample(X.tolist(), y.tolist())
    assert [type(part) for part in found] == [list, list]
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1], expected[1])


# Labels


@pytest.mark.parametrize("dtype", ["category", "string", "Int64", "boolean", "object"])
def test_label_types_of_pandas(dtype):
    X, y = make()
    names = np.array(["no", "yes"])[y] if dtype not in ("Int64", "boolean") else y
    labels = pd.Series(names, name="label", index=np.arange(200) * 2).astype(dtype)
    if dtype == "category":
        labels = labels.cat.set_categories(["yes", "maybe", "no"], ordered=True)
    found = SMOTE(random_state=0).fit_resample(X, labels)[1]
    assert found.dtype == labels.dtype
    assert found.name == "label"
    assert_array_equal(found.index, np.arange(len(found)))
    assert found.value_counts()[lambda counts: counts > 0].nunique() == 1


@pytest.mark.parametrize("as_frame", [False, True])
def test_a_column_per_class(as_frame):
    X, y = make(weights=(0.6, 0.25, 0.15))
    indicator = np.eye(3, dtype=int)[y]
    expected = SMOTE(random_state=0).fit_resample(X, y)
    given = pd.DataFrame(indicator, columns=list("abc")) if as_frame else indicator
    found = SMOTE(random_state=0).fit_resample(X, given)
    assert type(found[1]) is type(given)
    assert_array_equal(found[0], expected[0])
    assert_array_equal(np.asarray(found[1]).argmax(axis=1), expected[1])


# Strategies, searches and the rest of the interface


@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("auto", {0: 120, 1: 120, 2: 120}),
        ("minority", {0: 120, 1: 50, 2: 120}),
        ("not minority", {0: 120, 1: 120, 2: 30}),
        ("not majority", {0: 120, 1: 120, 2: 120}),
        ("all", {0: 120, 1: 120, 2: 120}),
        ({2: 33, 0: 121}, {0: 121, 1: 50, 2: 33}),
        (lambda y: {1: 51}, {0: 120, 1: 51, 2: 30}),
    ],
)
@pytest.mark.parametrize("allocation", ["random", "balanced"])
def test_counts_are_exact(strategy, counts, allocation):
    y = np.repeat([0, 1, 2], [120, 50, 30])
    X = np.random.default_rng(0).normal(size=(200, 3))
    sampler = SMOTE(sampling_strategy=strategy, allocation=allocation, random_state=0)
    labels = sampler.fit_resample(X, y)[1]
    assert dict(enumerate(np.bincount(labels))) == counts
    made = {k: v - n for (k, v), n in zip(counts.items(), [120, 50, 30], strict=True)}
    assert sampler.n_synthetic_ == {k: v for k, v in made.items() if v}


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_object(n_jobs):
    X, y = make()
    search = NearestNeighbors(n_neighbors=4, n_jobs=n_jobs)
    found = SMOTE(k_neighbors=search, random_state=0).fit_resample(X, y)[0]
    assert_array_equal(
        found, Peer(k_neighbors=search, random_state=0).fit_resample(X, y)[0]
    )
    assert_array_equal(
        found, SMOTE(k_neighbors=3, random_state=0).fit_resample(X, y)[0]
    )
    sampler = SMOTE(k_neighbors=NearestNeighbors(n_neighbors=1))
    with pytest.raises(ValueError, match="at least 2"):
        sampler.fit_resample(X, y)


def test_a_search_that_does_not_tell_its_number():
    class Search(BaseEstimator):
        def fit(self, X):
            self.search_ = NearestNeighbors(n_neighbors=4).fit(X)
            return self

        def kneighbors(self, X, return_distance=True):
            return self.search_.kneighbors(X, return_distance=return_distance)

        def kneighbors_graph(self, X):
            raise NotImplementedError

    X, y = make()
    found = SMOTE(k_neighbors=Search(), random_state=0).fit_resample(X, y)[0]
    assert_array_equal(
        found, SMOTE(k_neighbors=3, random_state=0).fit_resample(X, y)[0]
    )


def test_the_search_shrinks_with_the_class():
    X, y = make()
    keep = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:4]]
    X, y = X[keep], y[keep]
    with pytest.warns(UserWarning, match="all 3 others"):
        found = SMOTE(
            k_neighbors=NearestNeighbors(n_neighbors=6), random_state=0
        ).fit_resample(X, y)[0]
    assert_array_equal(
        found, SMOTE(k_neighbors=3, random_state=0).fit_resample(X, y)[0]
    )


def test_warnings_point_to_the_caller():
    X, y = make()
    keep = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:2]]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SMOTE(random_state=0).fit_resample(X[keep], y[keep])
    assert [w.filename for w in caught] == [__file__]
    assert "2 rows, too few for 5 neighbours; the other is used" in str(
        caught[0].message
    )


def test_truncation_is_that_of_imbalanced_learn():
    X, y = make()
    X = np.rint(X * 5).astype(int) * 2 + np.arange(200)[:, None] % 2
    sampler = SMOTE(integer_features="truncate", random_state=0)
    new = sampler.fit_resample(X, y)[0][200:]
    a, b = X[sampler.sample_indices_[200:]], X[sampler.partner_indices_]
    assert_array_equal(new, np.trunc(a + sampler.gaps_[:, None] * (b - a)))


def test_attributes_that_users_of_imbalanced_learn_know():
    X, y = make()
    sampler = SMOTE(random_state=0)
    sampler.fit_resample(X, y)
    assert sampler.nn_k_.n_neighbors == 6
    assert sampler.sampling_strategy_ == {1: (y == 0).sum() - (y == 1).sum()}
    assert sampler.n_features_in_ == 5
    assert isinstance(sampler, Peer)
    assert set(clone(sampler).get_params()) == set(sampler._parameter_constraints)
    assert SMOTE().fit(X, y).sampling_strategy_ == sampler.sampling_strategy_


def test_cleaning_afterwards():
    X, y = make(n_samples=400)
    options = {"random_state": 0}
    found = SMOTEENN(smote=SMOTE(**options), **options).fit_resample(X, y)
    expected = SMOTEENN(smote=Peer(**options), **options).fit_resample(X, y)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


def test_the_given_table_is_not_shared():
    X, y = make(weights=(0.5, 0.5))
    for given in (X, sparse.csr_array(X), pd.DataFrame(X)):
        found, labels = SMOTE(random_state=0).fit_resample(given, y)
        assert not np.shares_memory(np.asarray(labels), y)
        if not sparse.issparse(given):
            assert not np.shares_memory(np.asarray(found), X)


@pytest.mark.parametrize("sampler", [SVMSMOTE, KMeansSMOTE, SMOTE, SMOTEIPF, SMOBD])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.filterwarnings("ignore")
def test_sparse_entries_in_any_order_stay_the_users(sampler, kind):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.repeat([0, 1], [45, 15])
    starts = np.arange(0, 181, 3).astype(kind)
    columns = np.tile([2, 1, 0], 60).astype(kind)
    unsorted = sparse.csr_array((X[:, ::-1].ravel(), columns, starts))
    halves = sparse.csr_array(
        (
            np.repeat(X.ravel() / 2, 2),
            np.tile([0, 0, 1, 1, 2, 2], 60).astype(kind),
            2 * starts,
        )
    )
    model = sampler(random_state=0)
    if sampler is KMeansSMOTE:
        model.set_params(cluster_balance_threshold=0.01)
    expected = model.fit_resample(sparse.csr_array(X), y)[0].toarray()
    for table in (unsorted, halves):
        before = table.indices.copy(), table.data.copy()
        found = model.fit_resample(table, y)[0].toarray()
        np.testing.assert_array_equal(table.indices, before[0])
        np.testing.assert_array_equal(table.data, before[1])
        np.testing.assert_array_equal(table.toarray(), X)
        np.testing.assert_allclose(found, expected, rtol=1e-10)
