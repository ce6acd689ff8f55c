"""SMOTE: parity, exactness, distribution, and every kind of input."""

import imblearn.over_sampling
import numpy as np
import pandas as pd
import pytest
from imblearn.combine import SMOTETomek
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import NearestNeighbors

from skext.over_sampling import SMOTE


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


# The peer, and the exact answer


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_features", [4, 20])
@pytest.mark.parametrize("strategy", ["auto", 0.7, "all", {1: 77}])
def test_same_rows_as_imbalanced_learn(seed, n_features, strategy):
    X, y = make(seed=seed, n_features=n_features)
    options = {"sampling_strategy": strategy, "random_state": seed}
    expected = imblearn.over_sampling.SMOTE(**options).fit_resample(X, y)
    found = SMOTE(**options).fit_resample(X, y)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


def test_same_rows_for_many_classes_with_one_stream():
    X, y = make((0.6, 0.25, 0.15))
    rng = np.random.RandomState(3)
    expected = imblearn.over_sampling.SMOTE(random_state=rng).fit_resample(X, y)
    found = SMOTE(random_state=np.random.RandomState(3)).fit_resample(X, y)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


def test_classes_do_not_share_their_draws():
    """With an integer seed each class of the peer gets the same random numbers."""
    X, y = make((0.6, 0.2, 0.2))
    sampler = SMOTE(random_state=0)
    _, y_new = sampler.fit_resample(X, y)
    labels = y_new[len(y) :]
    first, second = sampler.gaps_[labels == 1], sampler.gaps_[labels == 2]
    n = min(len(first), len(second))
    assert not np.allclose(first[:n], second[:n])


def test_provenance():
    X, y = make((0.6, 0.25, 0.15))
    sampler = SMOTE(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    n = len(X)
    assert_array_equal(X_new[:n], X)
    assert_array_equal(y_new[:n], y)
    assert_array_equal(sampler.sample_indices_[:n], np.arange(n))
    base, partner = sampler.sample_indices_[n:], sampler.partner_indices_
    assert_array_equal(y[base], y_new[n:])
    assert_array_equal(y[partner], y_new[n:])
    assert (base != partner).all()
    assert ((sampler.gaps_ >= 0) & (sampler.gaps_ < 1)).all()
    expected = X[base] + sampler.gaps_[:, None] * (X[partner] - X[base])
    assert_allclose(X_new[n:], expected, rtol=1e-12)
    for label, count in sampler.n_synthetic_.items():
        assert (y_new[n:] == label).sum() == count
    # Partners are among the five nearest of their own class.
    for label in np.unique(y_new[n:]):
        rows = np.flatnonzero(y == label)
        nearest = NearestNeighbors(n_neighbors=6).fit(X[rows])
        lists = rows[nearest.kneighbors(X[rows], return_distance=False)]
        for i, row in enumerate(rows):
            assert set(partner[base == row]) <= set(lists[i])


def test_moments_are_exact():
    """Mean and second moments against the sum over all pairs, at 4.5 errors."""
    X, y = make(n_samples=80, n_features=4)
    rows = np.flatnonzero(y == 1)
    strategy = {1: rows.size + 200_000}
    sampler = SMOTE(sampling_strategy=strategy, random_state=0, k_neighbors=3)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    P = X[rows]
    distance = np.linalg.norm(P[:, None] - P[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, :3]
    mean, second = np.zeros(4), np.zeros((4, 4))
    for i in range(len(P)):
        for j in nearest[i]:
            w, d = 1 / (3 * len(P)), P[j] - P[i]
            cross = np.outer(P[i], d)
            mean += w * (P[i] + d / 2)
            second += w * (np.outer(P[i], P[i]) + (cross + cross.T) / 2)
            second += w * np.outer(d, d) / 3
    error = new.std(axis=0) / np.sqrt(len(new))
    assert (np.abs(new.mean(axis=0) - mean) < 4.5 * error).all()
    products = new[:, :, None] * new[:, None, :]
    error = products.std(axis=0) / np.sqrt(len(new))
    assert (np.abs(products.mean(axis=0) - second) < 4.5 * error).all()


def test_draws_have_the_right_distribution():
    """One chance in a thousand for each test to fail by accident; seed fixed."""
    X, y = make()
    sampler = SMOTE(sampling_strategy={1: 20_000}, random_state=1)
    sampler.fit_resample(X, y)
    assert stats.kstest(sampler.gaps_, "uniform").pvalue > 1e-3
    base = sampler.sample_indices_[len(X) :]
    counts = np.bincount(base)[np.flatnonzero(y == 1)]
    assert stats.chisquare(counts).pvalue > 1e-3
    pairs = np.unique(np.stack([base, sampler.partner_indices_]), axis=1).shape[1]
    assert pairs == 5 * (y == 1).sum()


def test_balanced_allocation_uses_each_row_equally_often():
    X, y = make()
    n_rare = (y == 1).sum()
    strategy = {1: 4 * n_rare + 7}
    sampler = SMOTE(sampling_strategy=strategy, allocation="balanced", random_state=0)
    sampler.fit_resample(X, y)
    base = sampler.sample_indices_[len(X) :]
    counts = np.bincount(base, minlength=len(X))[y == 1]
    assert set(counts) == {3, 4}
    assert (counts == 4).sum() == 7


def test_box_has_a_gap_for_each_feature():
    X, y = make()
    sampler = SMOTE(interpolation="box", random_state=0)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    a = X[sampler.sample_indices_[len(X) :]]
    b = X[sampler.partner_indices_]
    assert sampler.gaps_.shape == new.shape
    assert (new >= np.minimum(a, b) - 1e-12).all()
    assert (new <= np.maximum(a, b) + 1e-12).all()
    assert np.ptp(sampler.gaps_, axis=1).min() > 0


def test_rotation_and_translation():
    X, y = make()
    rotation = stats.ortho_group.rvs(5, random_state=0)
    shift = np.arange(5.0)
    found = SMOTE(random_state=0).fit_resample(X @ rotation + shift, y)[0]
    expected = SMOTE(random_state=0).fit_resample(X, y)[0] @ rotation + shift
    assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_order_of_features():
    X, y = make()
    order = [3, 1, 4, 0, 2]
    found = SMOTE(random_state=0).fit_resample(X[:, order], y)[0]
    assert_allclose(found, SMOTE(random_state=0).fit_resample(X, y)[0][:, order])


# Kinds of input


@pytest.mark.parametrize("fmt", ["csr", "csc"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("interpolation", ["segment", "box"])
def test_sparse_is_dense(fmt, kind, interpolation):
    X, y = make((0.6, 0.25, 0.15))
    X[np.random.default_rng(0).random(X.shape) < 0.5] = 0
    options = {"random_state": 0, "interpolation": interpolation}
    expected, y_expected = SMOTE(**options).fit_resample(X, y)
    given = getattr(sparse, f"{fmt}_{kind}")(X)
    before = given.copy()
    found, y_found = SMOTE(**options).fit_resample(given, y)
    assert type(found) is type(given)
    assert found.dtype == X.dtype
    assert_allclose(found.toarray(), expected)
    assert_array_equal(y_found, y_expected)
    assert (given != before).nnz == 0


def test_sparse_with_duplicate_entries():
    X, y = make()
    rows = sparse.csr_array(X)
    split = sparse.csr_array(
        (np.repeat(rows.data / 2, 2), np.repeat(rows.indices, 2), rows.indptr * 2),
        rows.shape,
    )
    found = SMOTE(random_state=0).fit_resample(split, y)[0]
    assert_allclose(found.toarray(), SMOTE(random_state=0).fit_resample(X, y)[0])
    assert split.nnz == 2 * rows.nnz


def test_threads_change_nothing():
    X, y = make(n_samples=3000)
    expected = SMOTE(random_state=0, n_jobs=1).fit_resample(X, y)[0]
    found = SMOTE(random_state=0, n_jobs=2).fit_resample(X, y)[0]
    assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_types_are_kept(dtype):
    X, y = make()
    found = SMOTE(random_state=0).fit_resample(X.astype(dtype), y)[0]
    assert found.dtype == dtype
    assert_allclose(found, SMOTE(random_state=0).fit_resample(X, y)[0], rtol=1e-3)


def test_integers_are_rounded_not_cut():
    X, y = make(n_samples=1000)
    whole = np.rint(X * 2).astype(int)
    sampler = SMOTE(random_state=0)
    found = sampler.fit_resample(whole, y)[0]
    assert found.dtype == whole.dtype
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    exact = whole[base] + sampler.gaps_[:, None] * (whole[partner] - whole[base])
    assert_array_equal(found[len(X) :], np.rint(exact))


@pytest.mark.parametrize(
    "labels", [["no", "yes"], [False, True], [7, -3], ["ä", "ß"], [2.0, 1.0]]
)
def test_labels_of_all_kinds(labels):
    X, y = make()
    named = np.array(labels)[y]
    found = SMOTE(random_state=0).fit_resample(X, named)[1]
    assert found.dtype == named.dtype
    names, counts = np.unique(found, return_counts=True)
    assert set(names.tolist()) == set(labels)
    assert counts[0] == counts[1]


def test_data_frames_keep_every_type():
    X, y = make()
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["b"] = (frame["b"] * 10).round().astype("int32")
    frame["c"] = frame["c"].astype("float32")
    frame["d"] = (frame["d"] * 10).round().astype("Int64")
    frame["e"] = (frame["e"] * 10).round().astype("UInt8", errors="ignore")
    frame.index = np.arange(len(X))[::-1] + 100
    series = pd.Series(y, name="target", index=frame.index, dtype="category")
    found, labels = SMOTE(random_state=0).fit_resample(frame, series)
    assert found.dtypes.equals(frame.dtypes)
    assert labels.dtype == series.dtype
    assert labels.name == "target"
    assert_array_equal(found.index, np.arange(len(found)))
    assert_allclose(
        found["a"], SMOTE(random_state=0).fit_resample(frame.astype(float), y)[0]["a"]
    )


def test_columns_without_numbers_are_named():
    X, y = make()
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["c"] = frame["c"] > 0
    frame["e"] = pd.Categorical(np.where(X[:, 4] > 0, "x", "y"))
    with pytest.raises(ValueError, match=r"'c', 'e'.*SMOTENC"):
        SMOTE().fit_resample(frame, y)


def test_polars():
    polars = pytest.importorskip("polars")
    X, y = make()
    frame = polars.DataFrame({f"c{j}": X[:, j] for j in range(5)})
    frame = frame.with_columns((polars.col("c1") * 10).round().cast(polars.Int32))
    found, labels = SMOTE(random_state=0).fit_resample(frame, polars.Series("y", y))
    assert found.schema == frame.schema
    assert labels.name == "y"
    assert found.height == len(labels) == 2 * (y == 0).sum()


# Corners


def test_one_class():
    with pytest.raises(ValueError, match="class"):
        SMOTE().fit_resample(np.ones((5, 2)), np.zeros(5))


def test_small_classes():
    X, y = make(weights=(0.98, 0.02))
    assert (y == 1).sum() == 4
    with pytest.warns(UserWarning, match="Class '1' has 4 rows, too few for 5"):
        X_new, y_new = SMOTE(random_state=0).fit_resample(X, y)
    assert (y_new == 1).sum() == (y == 0).sum()
    with pytest.raises(
        ValueError, match=r"Class '1' has 4 rows.*at most k_neighbors=3"
    ):
        SMOTE(on_small_class="raise", random_state=0).fit_resample(X, y)
    with pytest.warns(UserWarning, match="rows are repeated"):
        X_new, _ = SMOTE(on_small_class="duplicate", random_state=0).fit_resample(X, y)
    rare = {tuple(row) for row in X[y == 1]}
    assert {tuple(row) for row in X_new[len(X) :]} == rare


def test_a_class_of_one_row():
    X, y = make()
    y = np.where(np.arange(len(y)) == 3, 2, y)
    with pytest.raises(ValueError, match="Class '2' has 1 row"):
        SMOTE(random_state=0).fit_resample(X, y)
    with pytest.warns(UserWarning, match="repeated"):
        X_new, y_new = SMOTE(on_small_class="duplicate", random_state=0).fit_resample(
            X, y
        )
    assert_array_equal(X_new[y_new == 2], np.tile(X[3], ((y_new == 2).sum(), 1)))


def test_two_rows_and_one_neighbour():
    X = np.array([[0.0], [1.0], [5.0], [6.0], [7.0], [9.0]])
    y = np.array([1, 1, 0, 0, 0, 0])
    sampler = SMOTE(k_neighbors=1, random_state=0)
    new = sampler.fit_resample(X, y)[0][6:]
    assert ((new >= 0) & (new <= 1)).all()
    assert (sampler.sample_indices_[6:] + sampler.partner_indices_ == 1).all()


def test_equal_rows_give_equal_rows():
    X = np.vstack([np.ones((8, 3)), np.random.default_rng(0).normal(size=(20, 3))])
    y = np.repeat([1, 0], [8, 20])
    sampler = SMOTE(random_state=0)
    new = sampler.fit_resample(X, y)[0][28:]
    assert_array_equal(new, np.ones((12, 3)))
    assert (sampler.sample_indices_[28:] != sampler.partner_indices_).all()


def test_duplicates_are_neighbours_but_no_row_is_its_own():
    rng = np.random.default_rng(0)
    X = np.vstack([np.repeat(rng.normal(size=(5, 3)), 8, axis=0), np.eye(3)[[0] * 60]])
    y = np.repeat([1, 0], [40, 60])
    sampler = SMOTE(sampling_strategy={1: 2000}, random_state=0)
    sampler.fit_resample(X, y)
    assert (sampler.sample_indices_[100:] != sampler.partner_indices_).all()


def test_nothing_to_do():
    X, y = make(weights=(0.5, 0.5))
    sampler = SMOTE(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert sampler.partner_indices_.size == 0
    assert sampler.n_synthetic_ == {}


def test_infinite_values_are_refused():
    X, y = make()
    X[3, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        SMOTE().fit_resample(X, y)
    with pytest.raises(ValueError, match="infinity"):
        SMOTE().fit_resample(sparse.csr_array(X), y)


def test_missing_values_in_sparse_tables_are_refused():
    X, y = make()
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        SMOTE().fit_resample(sparse.csr_array(X), y)


def test_targets_that_are_not_classes():
    X, y = make()
    with pytest.raises(ValueError, match="Unknown label type"):
        SMOTE().fit_resample(X, y + 0.37)
    with pytest.raises(ValueError, match="Multilabel and multioutput"):
        SMOTE().fit_resample(X, np.stack([y, 1 - y, y], axis=1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"k_neighbors": 0}, "k_neighbors"),
        ({"k_neighbors": "five"}, "k_neighbors"),
        ({"allocation": "even"}, "allocation"),
        ({"interpolation": "line"}, "interpolation"),
        ({"on_small_class": "ignore"}, "on_small_class"),
        ({"n_jobs": "all"}, "n_jobs"),
    ],
)
def test_bad_parameters_are_named(options, said):
    X, y = make()
    with pytest.raises(ValueError, match=said):
        SMOTE(**options).fit_resample(X, y)


def test_generator_of_numpy():
    X, y = make()
    rng = np.random.default_rng(0)
    first = SMOTE(random_state=rng).fit_resample(X, y)[0]
    second = SMOTE(random_state=rng).fit_resample(X, y)[0]
    assert not np.array_equal(first, second)
    again = SMOTE(random_state=np.random.default_rng(0)).fit_resample(X, y)[0]
    assert_array_equal(first, again)


# Where it is used


def test_pipelines_grids_and_combinations():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    rows = np.concatenate([np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:40]])
    X, y = X.iloc[rows] / X.std(), y.iloc[rows]
    model = make_pipeline(SMOTE(random_state=0), LogisticRegression(max_iter=2000))
    assert cross_val_score(model, X, y, scoring="roc_auc").mean() > 0.97
    grid = {"smote__k_neighbors": [3, 5], "smote__interpolation": ["segment", "box"]}
    search = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    both = SMOTETomek(smote=SMOTE(random_state=0), random_state=0)
    X_new, y_new = both.fit_resample(X, y)
    assert len(X_new) == len(y_new) > len(X)
