"""MLSMOTE: rare labels, counts, sets of labels, kinds of input."""

import numpy as np
import pandas as pd
import pytest
from imblearn.base import is_sampler
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from skext.over_sampling._mixed.multilabel import MLSMOTE, agree, vote


def make(n_samples=300, seed=0):
    """Make five labels, of which the last two are rare."""
    X, Y = make_multilabel_classification(
        n_samples=n_samples, n_features=6, n_classes=5, random_state=seed
    )
    rng = np.random.default_rng(seed)
    X = X + 0.01 * rng.normal(size=X.shape)
    Y[:, 3] *= rng.random(n_samples) < 0.2
    Y[:, 4] *= rng.random(n_samples) < 0.15
    return X, Y


def seed_rows(sampler, Y):
    """Tell for each synthetic row of which label's bag it is, by the counts."""
    return np.repeat(
        list(sampler.n_synthetic_), list(sampler.n_synthetic_.values())
    ), sampler.sample_indices_[len(Y) :]


# Which labels, how many rows


def test_ratios_and_counts():
    X, Y = make()
    sampler = MLSMOTE(random_state=0)
    X_new, Y_new = sampler.fit_resample(X, Y)
    counts = Y.sum(axis=0)
    ratios = counts.max() / counts
    assert_allclose(sampler.imbalance_ratios_, ratios)
    rare = np.flatnonzero(ratios > ratios.mean())
    assert 0 < rare.size < 3
    assert sampler.sampling_strategy_ == {j: counts[j] for j in rare}
    assert sampler.n_synthetic_ == sampler.sampling_strategy_
    assert len(X_new) == len(Y_new) == len(X) + counts[rare].sum()
    assert_array_equal(X_new[: len(X)], X)
    assert_array_equal(Y_new[: len(X)], Y)
    # Every row with the label once.
    label, base = seed_rows(sampler, Y)
    for j in rare:
        assert_array_equal(np.sort(base[label == j]), np.flatnonzero(Y[:, j]))
    assert_array_equal(Y_new[len(X) :][np.arange(len(base)), label], 1)


@pytest.mark.parametrize("times", [0.5, 1, 2.5])
def test_so_many_times(times):
    X, Y = make()
    sampler = MLSMOTE(sampling_strategy=times, random_state=0)
    sampler.fit_resample(X, Y)
    label, base = seed_rows(sampler, Y)
    for j, number in sampler.sampling_strategy_.items():
        assert number == np.rint(times * Y[:, j].sum())
        used = np.bincount(base[label == j], minlength=len(Y))[Y[:, j] == 1]
        assert set(used) <= {int(times), int(np.ceil(times))}


def test_numbers_for_chosen_labels():
    X, Y = make()
    sampler = MLSMOTE(sampling_strategy={0: 7, 4: 13, 1: 0}, random_state=0)
    X_new, Y_new = sampler.fit_resample(X, Y)
    assert sampler.n_synthetic_ == {0: 7, 4: 13}
    assert len(X_new) == len(X) + 20
    assert Y_new[len(X) : len(X) + 7, 0].all()
    assert Y_new[len(X) + 7 :, 4].all()
    frame = pd.DataFrame(Y, columns=list("abcde"))
    sampler.set_params(sampling_strategy={"a": 7, "e": 13})
    assert_array_equal(sampler.fit_resample(X, frame)[1], Y_new)
    assert sampler.labels_.tolist() == list("abcde")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({9: 3}, "label 9, which y does not have"),
        ({0: -3}, "wants -3 rows"),
        ({0: 2.5}, "wants 2.5 rows"),
        ({2: 1}, "of which y has 0"),
    ],
)
def test_numbers_that_cannot_be(wanted, said):
    X, Y = make()
    Y[:, 2] = 0
    with pytest.raises(ValueError, match=said):
        MLSMOTE(sampling_strategy=wanted).fit_resample(X, Y)


def test_labels_that_do_not_occur_are_left_out_of_the_mean():
    X, Y = make()
    expected = MLSMOTE(random_state=0).fit_resample(X, Y)
    more = np.insert(Y, 2, 0, axis=1)
    sampler = MLSMOTE(random_state=0)
    found = sampler.fit_resample(X, more)
    assert np.isinf(sampler.imbalance_ratios_[2])
    assert_array_equal(found[0], expected[0])
    assert_array_equal(np.delete(found[1], 2, axis=1), expected[1])


def test_labels_of_one_frequency_give_the_data_back():
    X, _ = make()
    Y = np.tile([[1, 0], [0, 1], [1, 1]], (100, 1))
    sampler = MLSMOTE(random_state=0)
    X_new, Y_new = sampler.fit_resample(X, Y)
    assert_array_equal(X_new, X)
    assert_array_equal(Y_new, Y)
    assert sampler.n_synthetic_ == {}
    assert sampler.partner_indices_.size == sampler.gaps_.size == 0


def test_only_given_rows_are_used():
    """Rows made for one label are no neighbours for the next."""
    X, Y = make()
    Y[:, 3] = Y[:, 4]
    sampler = MLSMOTE(sampling_strategy={3: 50, 4: 50}, random_state=0)
    sampler.fit_resample(X, Y)
    assert sampler.sample_indices_.max() < len(X)
    assert sampler.partner_indices_.max() < len(X)


# The rows


@pytest.mark.parametrize("interpolation", ["segment", "box"])
def test_rows_lie_between_near_rows_with_the_label(interpolation):
    X, Y = make()
    sampler = MLSMOTE(interpolation=interpolation, k_neighbors=3, random_state=0)
    X_new, _ = sampler.fit_resample(X, Y)
    label, base = seed_rows(sampler, Y)
    partner = sampler.partner_indices_
    gaps = sampler.gaps_.reshape(len(base), -1)
    assert gaps.shape[1] == (1 if interpolation == "segment" else X.shape[1])
    expected = X[base] + gaps * (X[partner] - X[base])
    assert_allclose(X_new[len(X) :], expected, rtol=1e-12)
    assert (base != partner).all()
    for j in sampler.n_synthetic_:
        rows = np.flatnonzero(Y[:, j])
        search = NearestNeighbors(n_neighbors=4).fit(X[rows])
        lists = rows[search.kneighbors(X[rows], return_distance=False)]
        nearest = {row: set(others) for row, others in zip(rows, lists, strict=True)}
        for i, k in zip(base[label == j], partner[label == j], strict=True):
            assert k in nearest[i]


def test_draws_have_the_right_distribution():
    """One chance in a thousand for each test to fail by accident; seed fixed."""
    X, Y = make()
    sampler = MLSMOTE(sampling_strategy={4: 20_000}, random_state=0)
    sampler.fit_resample(X, Y)
    assert stats.kstest(sampler.gaps_, "uniform").pvalue > 1e-3
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    pairs, counts = np.unique(np.stack([base, partner]), axis=1, return_counts=True)
    assert pairs.shape[1] == 5 * Y[:, 4].sum()
    assert stats.chisquare(counts).pvalue > 1e-3


def test_duplicates_are_neighbours_but_no_row_is_its_own():
    rng = np.random.default_rng(0)
    X = np.r_[np.repeat(rng.normal(size=(3, 2)), 8, axis=0), rng.normal(size=(60, 2))]
    Y = np.repeat([[0, 1], [1, 0]], [24, 60], axis=0)
    sampler = MLSMOTE(sampling_strategy=20, random_state=0)
    sampler.fit_resample(X, Y)
    assert (sampler.sample_indices_[84:] != sampler.partner_indices_).all()


@pytest.mark.parametrize("label_set", ["ranking", "union", "intersection"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_sets_of_labels(label_set, k):
    rng = np.random.default_rng(k)
    y = rng.integers(2, size=(20, 6))
    base = rng.integers(20, size=40)
    neighbors = rng.integers(20, size=(40, k))
    before = y.copy()
    found = agree(y, base, neighbors, label_set)
    for i in range(40):
        votes = [y[row] for row in (base[i], *neighbors[i])]
        for j in range(6):
            share = np.mean([vote[j] for vote in votes])
            expected = {
                "ranking": share > 0.5,
                "union": share > 0,
                "intersection": share == 1,
            }[label_set]
            assert found[i, j] == expected
    assert_array_equal(y, before)


def test_sets_of_labels_from_the_whole():
    X, Y = make()
    made = {
        label_set: MLSMOTE(label_set=label_set, random_state=0).fit_resample(X, Y)[1]
        for label_set in ("intersection", "ranking", "union")
    }
    assert (made["intersection"] <= made["ranking"]).all()
    assert (made["ranking"] <= made["union"]).all()
    assert made["intersection"].sum() < made["ranking"].sum() < made["union"].sum()


def test_the_ranking_lowers_the_imbalance():
    X, Y = make()
    Y_new = MLSMOTE(random_state=0).fit_resample(X, Y)[1]
    before, after = (y.sum(axis=0).max() / y.sum(axis=0) for y in (Y, Y_new))
    assert after.mean() < 0.8 * before.mean()


# One class for each row


def test_classes_are_sets_of_one_label():
    X, _ = make()
    classes = np.repeat(["a", "b", "c"], [200, 70, 30])
    Y = (classes[:, None] == ["a", "b", "c"]).astype(int)
    for label_set in ("ranking", "union", "intersection"):
        sampler = MLSMOTE(label_set=label_set, random_state=0)
        expected = sampler.fit_resample(X, Y)
        found = sampler.fit_resample(X, classes)
        assert sampler.n_synthetic_ == {"c": 30}
        assert_array_equal(found[0], expected[0])
        assert_array_equal(found[1][:, None] == ["a", "b", "c"], expected[1])
    assert found[1].dtype == classes.dtype
    column = sparse.csr_array((classes == "c")[:, None].astype(int))
    found = MLSMOTE(random_state=0).fit_resample(X, column)[1]
    assert isinstance(found, sparse.csr_array)
    assert found.shape == (330, 1)
    assert found.sum() == 60


def test_one_class():
    X, _ = make()
    with pytest.raises(ValueError, match="one class only"):
        MLSMOTE().fit_resample(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="one class only"):
        MLSMOTE().fit_resample(X, np.ones((len(X), 1)))
    with pytest.raises(ValueError, match="y holds zeros only"):
        MLSMOTE().fit_resample(X, np.zeros((len(X), 3)))


# Categories, types, missing values


def make_frame(n_samples=300, seed=0):
    X, Y = make(n_samples, seed)
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "float": X[:, 0],
            "category": pd.Categorical(rng.choice(list("xyz"), n_samples)),
            "int8": X[:, 1].round().astype("int8"),
            "bool": rng.random(n_samples) < 0.3,
            "string": rng.choice(["u", "v"], n_samples),
            "UInt8": pd.array(X[:, 2].round().clip(0), dtype="UInt8"),
            "float32": X[:, 3].astype("float32"),
        },
        index=np.arange(n_samples)[::-1] + 7,
    )
    return frame, pd.DataFrame(Y, columns=list("abcde"), index=frame.index)


def test_data_frames_keep_every_type():
    frame, Y = make_frame()
    Y = Y.astype({"a": bool, "b": "Int8", "c": "float32", "d": "boolean"})
    before = frame.copy(), Y.copy()
    X_new, Y_new = MLSMOTE(random_state=0).fit_resample(frame, Y)
    assert X_new.dtypes.equals(frame.dtypes)
    assert Y_new.dtypes.equals(Y.dtypes)
    assert_array_equal(X_new.index, np.arange(len(X_new)))
    assert_array_equal(Y_new.index, X_new.index)
    for new, given, copy in zip((X_new, Y_new), (frame, Y), before, strict=True):
        pd.testing.assert_frame_equal(given, copy)
        pd.testing.assert_frame_equal(new[: len(given)], given.reset_index(drop=True))


def test_polars():
    polars = pytest.importorskip("polars")
    frame, Y = make_frame()
    names = ["float", "int8", "bool", "string", "float32"]
    table = polars.DataFrame({name: frame[name].to_list() for name in names})
    table = table.with_columns(polars.col("int8").cast(polars.Int8))
    labels = polars.DataFrame({name: Y[name].to_list() for name in Y}).with_columns(
        polars.col("a").cast(polars.Boolean)
    )
    X_new, Y_new = MLSMOTE(random_state=0).fit_resample(table, labels)
    assert X_new.schema == table.schema
    assert Y_new.schema == labels.schema
    expected = MLSMOTE(random_state=0).fit_resample(frame[names], Y)
    assert_array_equal(Y_new.to_numpy().astype(int), expected[1])
    assert X_new["string"].to_list() == expected[0]["string"].tolist()
    assert_allclose(X_new["float"].to_numpy(), expected[0]["float"])


@pytest.mark.parametrize("kind", ["matrix", "array"])
@pytest.mark.parametrize("fmt", ["csr", "csc"])
def test_sparse_labels(fmt, kind):
    X, Y = make()
    given = getattr(sparse, f"{fmt}_{kind}")(Y)
    found = MLSMOTE(random_state=0).fit_resample(X, given)[1]
    assert type(found) is type(given)
    assert found.dtype == Y.dtype
    assert_array_equal(found.toarray(), MLSMOTE(random_state=0).fit_resample(X, Y)[1])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32, np.uint64])
def test_types_of_labels(dtype):
    X, Y = make()
    found = MLSMOTE(random_state=0).fit_resample(X, Y.astype(dtype))[1]
    assert found.dtype == dtype
    assert_array_equal(found, MLSMOTE(random_state=0).fit_resample(X, Y)[1])


def test_lists():
    X, Y = make()
    found = MLSMOTE(random_state=0).fit_resample(X.tolist(), Y.tolist())
    expected = MLSMOTE(random_state=0).fit_resample(X, Y)
    for a, b in zip(found, expected, strict=True):
        assert isinstance(a, list)
        assert_array_equal(a, b)


def test_most_frequent_category_of_the_neighbours():
    frame, Y = make_frame()
    sampler = MLSMOTE(sampling_strategy={"e": 200}, random_state=0)
    X_new, _ = sampler.fit_resample(frame, Y)
    base = sampler.sample_indices_[len(frame) :]
    rows = np.flatnonzero(Y["e"])
    names = ["float", "int8", "UInt8", "float32"]
    numbers = frame[names].astype(float).to_numpy()[rows]
    nominal = frame[["category", "bool", "string"]].astype(str).to_numpy()[rows]
    penalty = np.median(numbers.std(axis=0)) ** 2
    new = X_new[["category", "bool", "string"]].astype(str).to_numpy()[len(frame) :]
    for place, row in enumerate(rows):
        square = ((numbers - numbers[place]) ** 2).sum(axis=1)
        square += penalty * (nominal != nominal[place]).sum(axis=1)
        square[place] = np.inf
        nearest = np.argsort(square, kind="stable")[:5]
        for column in range(3):
            values, counts = np.unique(nominal[nearest, column], return_counts=True)
            best = set(values[counts == counts.max()])
            assert set(new[base == row, column]) <= best


def test_ties_are_decided_at_random():
    codes = np.array([[0], [1], [2], [0], [1]])
    neighbors = np.tile(np.arange(5), (20_000, 1))
    sources = vote(np.random.RandomState(0), codes, neighbors)
    found = np.bincount(codes[sources[:, 0], 0], minlength=3)
    assert found[2] == 0
    assert stats.binomtest(int(found[0]), 20_000).pvalue > 1e-3


def test_only_categories():
    frame, Y = make_frame()
    part = frame[["category", "bool", "string"]]
    X_new, Y_new = MLSMOTE(random_state=0).fit_resample(part, Y)
    assert X_new.dtypes.equals(part.dtypes)
    assert len(X_new) == len(Y_new)


def test_missing_values():
    """In expectation a value is missing as often as it is in the parents."""
    X, Y = make(1000)
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    X[np.flatnonzero(Y[:, 4])[0]] = np.nan
    sampler = MLSMOTE(sampling_strategy=20, random_state=0)
    X_new, _ = sampler.fit_resample(X, Y)
    base, gap = sampler.sample_indices_[len(X) :], sampler.gaps_[:, None]
    chance = (1 - gap) * np.isnan(X[base])
    chance += gap * np.isnan(X[sampler.partner_indices_])
    surplus = np.isnan(X_new[len(X) :]).sum() - chance.sum()
    assert abs(surplus) < 4.5 * np.sqrt((chance * (1 - chance)).sum())


def test_whole_numbers_are_rounded():
    X, Y = make()
    whole = np.rint(X).astype(int)
    sampler = MLSMOTE(random_state=0)
    X_new, _ = sampler.fit_resample(whole, Y)
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    exact = whole[base] + sampler.gaps_[:, None] * (whole[partner] - whole[base])
    assert X_new.dtype == whole.dtype
    assert_array_equal(X_new[len(X) :], np.rint(exact))
    X_new = sampler.set_params(integer_features="truncate").fit_resample(whole, Y)[0]
    assert_array_equal(X_new[len(X) :], np.trunc(exact))


def test_single_precision_is_kept():
    X, Y = make()
    found = MLSMOTE(random_state=0).fit_resample(X.astype(np.float32), Y)[0]
    assert found.dtype == np.float32
    assert_allclose(found, MLSMOTE(random_state=0).fit_resample(X, Y)[0], rtol=1e-4)


def test_threads_change_nothing():
    frame, Y = make_frame(3000)
    for X in (frame, frame[["float", "float32"]].to_numpy()):
        options = {"sampling_strategy": {"a": 3000, "e": 100}, "random_state": 0}
        expected = MLSMOTE(**options, n_jobs=1).fit_resample(X, Y)
        found = MLSMOTE(**options, n_jobs=2).fit_resample(X, Y)
        for a, b in zip(found, expected, strict=True):
            assert_array_equal(a, b)


# Corners


def test_small_labels():
    X, Y = make()
    Y[:, 4] = 0
    Y[:3, 4] = 1
    sampler = MLSMOTE(random_state=0)
    with pytest.warns(UserWarning, match=r"Label 4 \(3\)") as caught:
        sampler.fit_resample(X, Y)
    assert caught[0].filename == __file__
    assert sampler.n_synthetic_[4] == 3
    with pytest.raises(ValueError, match="Label 4 has 3 rows.*k_neighbors=2"):
        MLSMOTE(on_small_class="raise", random_state=0).fit_resample(X, Y)
    with pytest.warns(UserWarning, match="repeated"):
        X_new, Y_new = MLSMOTE(on_small_class="duplicate", random_state=0).fit_resample(
            X, Y
        )
    new = X_new[-3:]
    assert {tuple(row) for row in new} == {tuple(row) for row in X[:3]}
    order = [np.flatnonzero((X[:3] == row).all(axis=1))[0] for row in new]
    assert_array_equal(Y_new[-3:], Y[order])


def test_a_label_of_one_row():
    X, Y = make()
    Y[:, 4] = 0
    Y[0, 4] = 1
    with pytest.raises(ValueError, match="Label 4 has 1 row,.*duplicate"):
        MLSMOTE(random_state=0).fit_resample(X, Y)
    with pytest.warns(UserWarning, match="repeated"):
        X_new, Y_new = MLSMOTE(on_small_class="duplicate", random_state=0).fit_resample(
            X, Y
        )
    assert_array_equal(X_new[-1], X[0])
    assert_array_equal(Y_new[-1], Y[0])


def test_weights():
    X, Y = make()
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(X))
    sampler = MLSMOTE(sampling_strategy={4: 500}, random_state=0)
    sampler.fit_resample(X, Y, sample_weight=weight)
    base, rows = sampler.sample_indices_[len(X) :], np.flatnonzero(Y[:, 4])
    exact = 500 * weight[rows] / weight[rows].sum()
    assert (np.abs(np.bincount(base, minlength=len(X))[rows] - exact) < 1).all()
    gap = sampler.gaps_
    new = (1 - gap) * weight[base] + gap * weight[sampler.partner_indices_]
    assert_allclose(sampler.sample_weight_, np.r_[weight, new])
    sampler.fit_resample(X, Y)
    assert not hasattr(sampler, "sample_weight_")
    with pytest.raises(ValueError, match="sample_weight is zero.*label 4"):
        sampler.fit_resample(X, Y, sample_weight=1.0 - Y[:, 4])


def test_targets_that_are_neither_labels_nor_classes():
    X, Y = make()
    for bad in (Y * 2, Y + 0.5, np.full(Y.shape, "a")):
        with pytest.raises(ValueError, match="zeros and ones.*MultiLabelBinarizer"):
            MLSMOTE().fit_resample(X, bad)
    with pytest.raises(ValueError, match="Unknown label type"):
        MLSMOTE().fit_resample(X, X[:, 0])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        MLSMOTE().fit_resample(X, Y[:-1])
    with pytest.raises(ValueError, match="X contains infinity"):
        MLSMOTE().fit_resample(np.where(X > 3, np.inf, X), Y)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        MLSMOTE().fit_resample(sparse.csr_array(X), Y)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sampling_strategy": "all"}, "sampling_strategy"),
        ({"sampling_strategy": 0}, "sampling_strategy"),
        ({"k_neighbors": 0}, "k_neighbors"),
        ({"label_set": "vote"}, "label_set"),
        ({"on_small_class": "ignore"}, "on_small_class"),
        ({"n_jobs": "all"}, "n_jobs"),
    ],
)
def test_bad_parameters_are_named(options, said):
    X, Y = make()
    with pytest.raises(ValueError, match=said):
        MLSMOTE(**options).fit_resample(X, Y)


def test_generator_of_numpy():
    X, Y = make()
    rng = np.random.default_rng(0)
    first = MLSMOTE(random_state=rng).fit_resample(X, Y)[0]
    second = MLSMOTE(random_state=rng).fit_resample(X, Y)[0]
    assert not np.array_equal(first, second)
    again = MLSMOTE(random_state=np.random.default_rng(0)).fit_resample(X, Y)[0]
    assert_array_equal(first, again)


# Where it is used


def test_pipelines_and_grids():
    X, Y = make()
    assert is_sampler(MLSMOTE())
    model = make_pipeline(
        StandardScaler(), MLSMOTE(random_state=0), KNeighborsClassifier()
    )
    grid = {
        "mlsmote__k_neighbors": [2, 3],
        "mlsmote__label_set": ["ranking", "union"],
        "mlsmote__sampling_strategy": ["auto", 2.0],
    }
    search = GridSearchCV(model, grid, cv=3, n_jobs=2, scoring="f1_macro")
    search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == Y.shape
