"""What samplers that write their rows themselves share: inputs, counts, corners."""

import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from numpydoc.validate import validate
from samplers import samplers_in
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skext.over_sampling._core import sampler as _sampler
from skext.over_sampling._placed.ccr import CCR
from skext.over_sampling._placed.dbscan import DBSMOTE
from skext.over_sampling._placed.geometric import GeometricSMOTE
from skext.over_sampling._placed.lvq import LVQSMOTE
from skext.over_sampling._placed.polynomial import PolynomialFitSMOTE
from skext.over_sampling._placed.smoothing import ROSE, GaussianSMOTE

CLASSES = samplers_in("_placed")
VARIANTS = [
    *(cls(random_state=0) for cls in CLASSES),
    GeometricSMOTE(random_state=0, selection_strategy="minority"),
    GeometricSMOTE(random_state=0, selection_strategy="majority"),
    PolynomialFitSMOTE(random_state=0, topology="bus"),
    PolynomialFitSMOTE(random_state=0, topology="mesh"),
    PolynomialFitSMOTE(random_state=0, topology="poly"),
    CCR(random_state=0, generator="ball", energy=2.0),
    DBSMOTE(random_state=0, interpolation="box"),
]
every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
every_variant = pytest.mark.parametrize(
    "sampler", VARIANTS, ids=lambda sampler: repr(sampler).replace("random_state=0", "")
)


def make(weights=(0.85, 0.15), n_samples=200, seed=0, n_features=5):
    return make_classification(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        flip_y=0,
        random_state=seed,
    )


# The suites


# Of numpydoc's complaints these are none for a class of ours, see test_docstrings.
TOLERATED = {"GL01", "SA04", "ES01", "SS06"}


@every_class
def test_docstrings(cls):
    found = validate(f"{cls.__module__}.{cls.__name__}")["errors"]
    assert not [text for code, text in found if code not in TOLERATED]


# Counts and origins


@every_variant
@pytest.mark.parametrize("strategy", ["auto", "all", {1: 77}, {1: 41, 2: 100}])
def test_counts_are_exact(sampler, strategy):
    X, y = make((0.7, 0.2, 0.1))
    sampler = clone(sampler).set_params(sampling_strategy=strategy)
    X_new, y_new = sampler.fit_resample(X, y)
    counts = np.bincount(y)
    for label, n_new in sampler.sampling_strategy_.items():
        assert (y_new == label).sum() == counts[label] + n_new
        assert sampler.n_synthetic_.get(label, 0) == n_new
    assert_array_equal(y_new, y[sampler.sample_indices_])
    assert_array_equal(y_new[: len(y)], y)
    assert_array_equal(sampler.sample_indices_[: len(y)], np.arange(len(y)))
    assert np.isfinite(X_new).all()
    assert len(X_new) == len(y_new)


@every_variant
def test_given_rows_stay(sampler):
    X, y = make()
    X_new, _ = sampler.fit_resample(X, y)
    kept = np.ones(len(X), dtype=bool)
    if isinstance(sampler, CCR):
        kept[sampler.moved_indices_] = False
    assert_array_equal(X_new[: len(X)][kept], X[kept])


@every_variant
def test_classes_do_not_share_their_draws(sampler):
    """Two classes with the same rows get different new ones."""
    X, y = make((0.5, 0.5), n_samples=100)
    X = np.vstack([X[y == 0], X[y == 0], X[y == 1] + 9, X[y == 1] + 9])
    y = np.repeat([0, 1, 2, 2], 50)
    sampler = clone(sampler).set_params(sampling_strategy={0: 97, 1: 97})
    X_new, y_new = sampler.fit_resample(X, y)
    new, labels = X_new[len(X) :], y_new[len(X) :]
    assert not np.array_equal(new[labels == 0], new[labels == 1])


@every_variant
def test_threads_change_nothing(sampler):
    X, y = make(n_samples=4000)
    X = X * 0.3
    expected = clone(sampler).set_params(n_jobs=1).fit_resample(X, y)[0]
    found = clone(sampler).set_params(n_jobs=2).fit_resample(X, y)[0]
    assert_array_equal(found, expected)


@every_variant
def test_sample_weight(sampler):
    X, y = make()
    rare = np.flatnonzero(y == 1)
    weight = np.ones(len(X))
    # Some methods cannot begin at each of two rows.
    weight[rare[: len(rare) // 2]] = 0.0
    weight[rare[-1]] = 2.0
    _, y_new = sampler.fit_resample(X, y, weight)
    assert (y_new[sampler.sample_weight_ > 0] == 1).sum() == (y == 0).sum()
    origins = sampler.sample_indices_
    assert_array_equal(sampler.sample_weight_, weight[origins])
    assert (weight[origins[len(X) :]] > 0).all()
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "sample_weight_")
    weight[rare] = 0.0
    with pytest.raises(ValueError, match="sample_weight is zero for all rows"):
        sampler.fit_resample(X, y, weight)


# Kinds of input


@every_variant
@pytest.mark.parametrize("fmt", ["csr", "csc"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_sparse_is_dense(sampler, fmt, kind):
    X, y = make((0.6, 0.25, 0.15))
    X[np.random.default_rng(0).random(X.shape) < 0.3] = 0
    expected, y_expected = sampler.fit_resample(X, y)
    given = getattr(sparse, f"{fmt}_{kind}")(X)
    before = given.copy()
    found, y_found = sampler.fit_resample(given, y)
    assert type(found) is type(given)
    assert found.dtype == X.dtype
    assert_array_equal(found.toarray(), expected)
    assert_array_equal(y_found, y_expected)
    assert (given != before).nnz == 0


@every_class
def test_large_sparse_tables_are_refused(cls, monkeypatch):
    X, y = make()
    monkeypatch.setattr(_sampler, "_DENSE_LIMIT", 1000)
    with pytest.raises(ValueError, match=r"340 x 5 numbers would fill.*TruncatedSVD"):
        cls(random_state=0).fit_resample(sparse.csr_array(X), y)


@every_variant
def test_lists_and_float32(sampler):
    X, y = make()
    expected, y_expected = sampler.fit_resample(X, y)
    found, y_found = sampler.fit_resample(X.tolist(), y.tolist())
    assert isinstance(found, list)
    assert isinstance(y_found, list)
    assert_array_equal(found, expected)
    assert_array_equal(y_found, y_expected)
    found = sampler.fit_resample(X.astype(np.float32), y)[0]
    assert found.dtype == np.float32
    assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@every_variant
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_whole_numbers_are_rounded_and_in_range(sampler, dtype):
    """A noisy value below zero must not become 255."""
    X, y = make(n_samples=400)
    low = -6 if dtype != np.uint8 else 0
    whole = np.clip(np.rint(X * 3), low, 9).astype(dtype)
    exact = sampler.fit_resample(whole.astype(float), y)[0]
    found = sampler.fit_resample(whole, y)[0]
    assert found.dtype == dtype
    info = np.iinfo(dtype)
    assert_array_equal(found, np.clip(np.rint(exact), info.min, info.max))


@every_variant
def test_data_frames_keep_every_type(sampler):
    X, y = make()
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["b"] = (frame["b"] * 10).round().astype("int32")
    frame["c"] = frame["c"].astype("float32")
    frame["d"] = (frame["d"] * 10).round().astype("Int64")
    frame["e"] = (frame["e"] * 10).round().clip(0, 40).astype("UInt8")
    frame.index = np.arange(len(X))[::-1] + 100
    series = pd.Series(y, name="target", index=frame.index, dtype="category")
    found, labels = sampler.fit_resample(frame, series)
    assert found.dtypes.equals(frame.dtypes)
    assert list(found.columns) == list(frame.columns)
    assert labels.dtype == series.dtype
    assert labels.name == "target"
    assert_array_equal(found.index, np.arange(len(found)))
    assert (labels == 1).sum() == (y == 0).sum()
    assert not found.isna().any(axis=None)
    plain = sampler.fit_resample(frame.astype(float), y)[0]
    assert_allclose(found["a"], plain["a"])
    assert_allclose(found["b"], np.rint(plain["b"]))
    assert_allclose(found["e"].astype(int), np.rint(plain["e"]).clip(0, 255))


@every_variant
def test_polars(sampler):
    polars = pytest.importorskip("polars")
    X, y = make()
    frame = polars.DataFrame({f"c{j}": X[:, j] for j in range(5)})
    frame = frame.with_columns((polars.col("c1") * 10).round().cast(polars.Int32))
    found, labels = sampler.fit_resample(frame, polars.Series("y", y))
    assert found.schema == frame.schema
    assert labels.name == "y"
    assert found.height == len(labels) == 2 * (y == 0).sum()


@every_variant
@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [7, -3]])
def test_labels_of_all_kinds(sampler, labels):
    X, y = make()
    named = np.array(labels)[y]
    found = sampler.fit_resample(X, named)[1]
    assert found.dtype == named.dtype
    names, counts = np.unique(found, return_counts=True)
    assert set(names.tolist()) == set(labels)
    assert counts[0] == counts[1]


def test_columns_without_numbers_are_named():
    X, y = make()
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["c"] = frame["c"] > 0
    with pytest.raises(ValueError, match="'c'"):
        ROSE().fit_resample(frame, y)


@every_class
def test_missing_and_infinite_values_are_refused(cls):
    X, y = make()
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match=f"NaN, for which {cls.__name__} has no rule"):
        cls().fit_resample(X, y)
    frame = pd.DataFrame(np.rint(X)).astype("Int64")
    with pytest.raises(ValueError, match="NaN"):
        cls().fit_resample(frame, y)
    X[3, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        cls().fit_resample(X, y)


# Corners


@every_variant
def test_nothing_to_do(sampler):
    X, y = make((0.5, 0.5))
    X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert sampler.n_synthetic_ == {}
    assert_array_equal(sampler.sample_indices_, np.arange(len(X)))


@every_class
def test_one_class(cls):
    with pytest.raises(ValueError, match="class"):
        cls().fit_resample(np.ones((5, 2)), np.zeros(5))


@every_variant
def test_equal_rows_give_equal_rows(sampler):
    """Where all rows of a class are the same, no method has anywhere else to go."""
    rng = np.random.default_rng(0)
    X = np.vstack([np.full((12, 3), 7.3), 90 + rng.normal(size=(30, 3))])
    y = np.repeat([1, 0], [12, 30])
    if isinstance(sampler, LVQSMOTE):
        with pytest.raises(ValueError, match=r"12 rows \(1 different\)"):
            sampler.fit_resample(X, y)
        return
    new = sampler.fit_resample(X, y)[0][42:]
    if isinstance(sampler, CCR):
        assert (np.abs(new - 7.3).sum(axis=1) <= sampler.energy + 1e-12).all()
    elif getattr(sampler, "selection_strategy", None) == "majority":
        assert np.isfinite(new).all()
    else:
        assert_allclose(new, np.full((18, 3), 7.3), rtol=1e-14)


@every_class
def test_a_class_of_one_row(cls):
    X, y = make()
    y = np.where(np.arange(len(y)) == 3, 2, y)
    if cls is CCR:
        assert (CCR(random_state=0).fit_resample(X, y)[1] == 2).sum() == (y == 0).sum()
        return
    with pytest.raises(ValueError, match="Class '2' has 1 row"):
        cls(random_state=0).fit_resample(X, y)
    if "on_small_class" in cls().get_params():
        sampler = cls(random_state=0, on_small_class="duplicate")
        with pytest.warns(UserWarning, match="repeated"):
            X_new, y_new = sampler.fit_resample(X, y)
        assert_array_equal(X_new[y_new == 2], np.tile(X[3], ((y_new == 2).sum(), 1)))


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (GeometricSMOTE(), "k_neighbors=5 .*at most k_neighbors=3"),
        (GaussianSMOTE(k_neighbors=5), "k_neighbors=5 .*at most k_neighbors=3"),
        (DBSMOTE(min_samples=6), "min_samples=6 .*at most min_samples=4"),
        (LVQSMOTE(), "n_codewords=10 and k_neighbors=5"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_small_classes(sampler, said):
    X, y = make(weights=(0.98, 0.02))
    assert (y == 1).sum() == 4
    with pytest.warns(UserWarning, match="Class '1' has 4 rows.*too few") as caught:
        _, y_new = sampler.set_params(random_state=0).fit_resample(X, y)
    # The warning points to the call, and comes once.
    assert [warning.filename for warning in caught] == [__file__]
    assert (y_new == 1).sum() == (y == 0).sum()
    with pytest.raises(ValueError, match=f"Class '1' has 4 rows.*{said}"):
        sampler.set_params(on_small_class="raise").fit_resample(X, y)
    sampler.set_params(on_small_class="duplicate")
    with pytest.warns(UserWarning, match="rows are repeated"):
        X_new, _ = sampler.fit_resample(X, y)
    rare = {tuple(row) for row in X[y == 1]}
    assert {tuple(row) for row in X_new[len(X) :]} <= rare


@every_class
def test_generator_of_numpy(cls):
    X, y = make()
    rng = np.random.default_rng(0)
    first = cls(random_state=rng).fit_resample(X, y)[0]
    second = cls(random_state=rng).fit_resample(X, y)[0]
    assert not np.array_equal(first, second)
    again = cls(random_state=np.random.default_rng(0)).fit_resample(X, y)[0]
    assert_array_equal(first, again)


def test_targets_that_are_not_classes():
    X, y = make()
    with pytest.raises(ValueError, match="Unknown label type"):
        ROSE().fit_resample(X, y + 0.37)
    with pytest.raises(ValueError, match="Multilabel and multioutput"):
        ROSE().fit_resample(X, np.stack([y, 1 - y, y], axis=1))


def test_grid_search():
    X, y = make(n_samples=400)
    model = make_pipeline(GeometricSMOTE(random_state=0), LogisticRegression())
    grid = {
        "geometricsmote__truncation_factor": [-1.0, 0.0, 1.0],
        "geometricsmote__selection_strategy": ["combined", "majority"],
    }
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@every_variant
def test_wide_tables(sampler):
    """More features than rows of the class."""
    X, y = make_classification(100, 60, weights=[0.8], flip_y=0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X_new, y_new = sampler.fit_resample(X, y)
    assert np.isfinite(X_new).all()
    assert (y_new == 1).sum() == (y == 0).sum()


@every_variant
def test_one_feature(sampler):
    X, y = make()
    X_new, y_new = sampler.fit_resample(X[:, :1], y)
    assert np.isfinite(X_new).all()
    assert (y_new == 1).sum() == (y == 0).sum()
