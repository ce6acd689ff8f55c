"""What all samplers do alike that look at all rows before they place new ones."""

import warnings

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import NearestNeighbors

from skext._neighbors.engine import NeighborEngine
from skext.over_sampling._core.allocation import exact_counts
from skext.over_sampling._core.partners import find_neighbors
from skext.over_sampling._drop_in.adasyn import ADASYN
from skext.over_sampling._drop_in.borderline import BorderlineSMOTE
from skext.over_sampling._drop_in.kmeans import KMeansSMOTE
from skext.over_sampling._drop_in.svm import SVMSMOTE

SAMPLERS = {
    "borderline-1": BorderlineSMOTE(random_state=0),
    "borderline-2": BorderlineSMOTE(random_state=0, kind="borderline-2"),
    "svm": SVMSMOTE(random_state=0),
    "kmeans": KMeansSMOTE(
        random_state=0, kmeans_estimator=4, cluster_balance_threshold=0.05
    ),
    "adasyn": ADASYN(random_state=0),
    "adasyn-mixed": ADASYN(random_state=0, partners="mixed", allocation="random"),
}
every_sampler = pytest.mark.parametrize("name", sorted(SAMPLERS))


def new(name, **options):
    """A fresh sampler with some parameters changed."""
    sampler = SAMPLERS[name]
    return type(sampler)(**{**sampler.get_params(deep=False), **options})


def make(weights=(0.6, 0.25, 0.15), n_samples=300, seed=0, n_features=4):
    return make_classification(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=n_features,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        class_sep=0.6,
        flip_y=0,
        random_state=seed,
    )


@every_sampler
def test_provenance(name):
    X, y = make()
    sampler = new(name)
    X_new, y_new = sampler.fit_resample(X, y)
    n = len(X)
    assert_array_equal(X_new[:n], X)
    assert_array_equal(y_new[:n], y)
    base, partner = sampler.sample_indices_[n:], sampler.partner_indices_
    assert_array_equal(y[base], y_new[n:])
    assert (base != partner).all()
    gaps = sampler.gaps_[:, None]
    assert_allclose(X_new[n:], X[base] + gaps * (X[partner] - X[base]), rtol=1e-12)
    if name != "borderline-2":
        assert_array_equal(y[partner], y_new[n:])


@every_sampler
@pytest.mark.parametrize("strategy", ["auto", "all", "minority", {1: 117, 2: 99}])
def test_counts_are_exact(name, strategy):
    X, y = make()
    sampler = new(name, sampling_strategy=strategy)
    _, y_new = sampler.fit_resample(X, y)
    for label, number in sampler.sampling_strategy_.items():
        assert (y_new[len(y) :] == label).sum() == number
        assert sampler.n_synthetic_.get(label, 0) == number


@every_sampler
@pytest.mark.parametrize("fmt", ["csr", "csc"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_sparse_is_dense(name, fmt, kind):
    X, y = make()
    X[np.random.default_rng(0).random(X.shape) < 0.3] = 0
    expected, y_expected = new(name).fit_resample(X, y)
    given = getattr(sparse, f"{fmt}_{kind}")(X)
    found, y_found = new(name).fit_resample(given, y)
    assert type(found) is type(given)
    assert_allclose(found.toarray(), expected, rtol=1e-8, atol=1e-12)
    assert_array_equal(y_found, y_expected)


@every_sampler
def test_threads_change_nothing(name):
    X, y = make(n_samples=2000)
    expected = new(name, n_jobs=1).fit_resample(X, y)[0]
    assert_array_equal(new(name, n_jobs=2).fit_resample(X, y)[0], expected)


@every_sampler
def test_containers_and_types_are_kept(name):
    X, y = make()
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["b"] = (frame["b"] * 10).round().astype("Int64")
    frame["c"] = frame["c"].astype("float32")
    frame["d"] = (frame["d"] * 10).round().astype("int16")
    labels = pd.Series(np.array(["x", "y", "z"])[y], name="t", dtype="category")
    found, found_labels = new(name).fit_resample(frame, labels)
    assert found.dtypes.equals(frame.dtypes)
    assert found_labels.dtype == labels.dtype
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(dict(zip("abcd", X.T, strict=True)))
    found, found_labels = new(name).fit_resample(frame, polars.Series("t", y))
    assert found.schema == frame.schema
    expected, y_expected = new(name).fit_resample(X, y)
    assert_allclose(found.to_numpy(), expected)
    assert_array_equal(found_labels.to_numpy(), y_expected)
    found, found_labels = new(name).fit_resample(X.tolist(), y.tolist())
    assert_allclose(found, expected)
    assert isinstance(found_labels, list)
    found = new(name).fit_resample(X.astype(np.float32), y)[0]
    assert found.dtype == np.float32


@every_sampler
def test_classes_do_not_share_their_draws(name):
    """With an integer seed each class of the peer gets the same random numbers."""
    X, y = make()
    sampler = new(name)
    _, y_new = sampler.fit_resample(X, y)
    gaps = [np.abs(sampler.gaps_[y_new[len(y) :] == label]) for label in (1, 2)]
    assert np.intersect1d(*gaps).size == 0


@every_sampler
def test_generator_of_numpy(name):
    X, y = make()
    first, second, third = (
        new(name, random_state=np.random.default_rng(seed)).fit_resample(X, y)[0]
        for seed in (1, 1, 2)
    )
    assert_array_equal(first, second)
    assert first.shape == third.shape
    assert not np.array_equal(first, third)


@every_sampler
def test_box_has_a_gap_for_each_feature(name):
    X, y = make()
    sampler = new(name, interpolation="box")
    found = sampler.fit_resample(X, y)[0][len(X) :]
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    assert sampler.gaps_.shape == found.shape
    assert_allclose(found, X[base] + sampler.gaps_ * (X[partner] - X[base]))
    assert np.ptp(sampler.gaps_, axis=1).min() > 0


@every_sampler
def test_weights(name):
    X, y = make()
    weight = np.random.default_rng(0).random(len(X)) * (np.arange(len(X)) % 3 > 0)
    sampler = new(name)
    X_new, _ = sampler.fit_resample(X, y, sample_weight=weight)
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    assert (weight[base] > 0).all()
    assert_array_equal(sampler.sample_weight_[: len(X)], weight)
    gap = np.maximum(sampler.gaps_, 0)
    expected = (1 - gap) * weight[base] + gap * weight[partner]
    assert_allclose(sampler.sample_weight_[len(X) :], expected, atol=1e-15)
    assert len(sampler.sample_weight_) == len(X_new)
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "sample_weight_")
    with pytest.raises((ValueError, RuntimeError), match=r"sample_weight|clusters"):
        sampler.fit_resample(X, y, sample_weight=np.where(y == 2, 0.0, 1.0))


@every_sampler
def test_weights_of_one_give_a_sample_of_the_same_kind(name):
    """Seeds are drawn alike; one chance in a thousand of a false alarm."""
    X, y = make((0.7, 0.3))
    options = {"sampling_strategy": {1: 20_000}}
    if name == "kmeans":
        options["kmeans_estimator"] = KMeans(4, random_state=0)
    plain = new(name, **options)
    plain.fit_resample(X, y)
    weighted = new(name, random_state=1, **options)
    weighted.fit_resample(X, y, sample_weight=np.ones(len(X)))
    counts = np.array(
        [
            np.bincount(sampler.sample_indices_[len(X) :], minlength=len(X))
            for sampler in (plain, weighted)
        ]
    )
    counts = counts[:, counts.sum(axis=0) > 10]
    if name == "svm":
        # Each run draws the sizes of its two groups.
        return
    assert stats.chi2_contingency(counts).pvalue > 1e-3


@every_sampler
def test_one_class_and_one_row(name):
    with pytest.raises(ValueError, match="class"):
        new(name).fit_resample(np.ones((5, 2)), np.zeros(5))
    X, y = make()
    y = np.where(np.arange(len(y)) == 3, 7, np.minimum(y, 1))
    sampler = new(name, sampling_strategy={7: 20})
    if name.startswith("borderline"):
        # The row is noise, and none is in danger.
        with pytest.warns(UserWarning, match="Class '7' has no row in danger"):
            assert len(sampler.fit_resample(X, y)[0]) == len(X)
        return
    with pytest.raises((ValueError, RuntimeError), match="7"):
        sampler.fit_resample(X, y)


@every_sampler
def test_small_classes(name):
    X, y = make((0.7, 0.3))
    few = np.flatnonzero(y == 1)[:3]
    kept = np.concatenate([np.flatnonzero(y == 0), few])
    X, y = X[kept], y[kept]
    X[y == 1] = X[:3] + 0.05
    number = "n_neighbors" if name.startswith("adasyn") else "k_neighbors"
    options = {number: 5, "sampling_strategy": {1: 30}}
    if name == "kmeans":
        options["cluster_balance_threshold"] = 0.0
        options["kmeans_estimator"] = 1
    if name.startswith("borderline") or name == "svm":
        options["m_neighbors"] = 60
    if name != "borderline-2":
        with pytest.warns(UserWarning, match="too few for 5 neighbours; all 2 others"):
            _, y_new = new(name, **options).fit_resample(X, y)
        assert (y_new == 1).sum() == 30
        with pytest.raises(ValueError, match=rf"at most {number}=2"):
            new(name, on_small_class="raise", **options).fit_resample(X, y)
        sampler = new(name, on_small_class="duplicate", **options)
        with pytest.warns(UserWarning, match="rows are repeated"):
            X_new, _ = sampler.fit_resample(X, y)
        if not name.endswith("mixed"):
            given = {tuple(row) for row in X[y == 1]}
            assert {tuple(row) for row in X_new[len(X) :]} <= given
    else:
        _, y_new = new(name, **options).fit_resample(X, y)
        assert (y_new == 1).sum() == 30


@every_sampler
def test_warnings_point_at_the_line_of_the_user(name):
    X, y = make((0.7, 0.3), n_samples=60)
    first = "m_neighbors" if hasattr(SAMPLERS[name], "m_neighbors") else "n_neighbors"
    if name == "kmeans":
        pytest.skip("looks at no neighbours among all rows")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        new(name, **{first: 70}).fit_resample(X, y)
    said = [w for w in caught if "X has 60 rows, too few" in str(w.message)]
    assert len(said) == 1
    assert said[0].filename == __file__
    with pytest.raises(ValueError, match=f"at most {first}=59"):
        new(name, **{first: 70}, on_small_class="raise").fit_resample(X, y)


@every_sampler
def test_nothing_to_do(name):
    X, y = make((0.5, 0.5))
    y = np.arange(len(y)) % 2
    sampler = new(name)
    X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert sampler.n_synthetic_ == {}


@every_sampler
def test_values_that_are_no_numbers(name):
    X, y = make()
    broken = X.copy()
    broken[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        new(name).fit_resample(broken, y)
    broken[:60, 0] = np.nan
    if name in ("svm", "kmeans"):
        with pytest.raises(ValueError, match="NaN"):
            new(name).fit_resample(broken, y)
        assert not new(name).__sklearn_tags__().input_tags.allow_nan
    else:
        found, y_new = new(name).fit_resample(broken, y)
        assert (np.bincount(y_new) == (y == 0).sum()).all()
        assert not np.isnan(found[:, 1:]).any()


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"kmeans", "svm"}))
def test_rotation_translation_and_order_of_features(name):
    X, y = make()
    rotation = stats.ortho_group.rvs(4, random_state=0)
    expected = new(name).fit_resample(X, y)[0]
    found = new(name).fit_resample(X @ rotation + np.arange(4.0), y)[0]
    assert_allclose(found, expected @ rotation + np.arange(4.0), rtol=1e-8, atol=1e-10)
    order = [3, 1, 0, 2]
    found = new(name).fit_resample(X[:, order], y)[0]
    assert_allclose(found, expected[:, order], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"kmeans"}))
def test_all_classes_share_one_search_among_all_rows(name, monkeypatch):
    X, y = make()
    asked = []
    search = NeighborEngine.nearest

    def count(engine, rows, references, k):
        asked.append(references.size)
        return search(engine, rows, references, k)

    monkeypatch.setattr(NeighborEngine, "nearest", count)
    new(name, sampling_strategy="all").fit_resample(X, y)
    assert asked.count(len(X)) == 1
    assert len(asked) > 1 or name == "borderline-2"


@every_sampler
def test_search_of_the_user(name):
    X, y = make()
    if name.startswith("adasyn"):
        options = {"n_neighbors": NearestNeighbors(n_neighbors=6)}
    else:
        k = SAMPLERS[name].k_neighbors
        options = {"k_neighbors": NearestNeighbors(n_neighbors=k + 1)}
    if hasattr(SAMPLERS[name], "m_neighbors"):
        options["m_neighbors"] = NearestNeighbors(n_neighbors=11, algorithm="brute")
    found = new(name, **options).fit_resample(X, y)[0]
    assert_allclose(found, new(name).fit_resample(X, y)[0])


@every_sampler
def test_search_that_finds_the_row_only(name):
    X, y = make()
    number = "n_neighbors" if name.startswith("adasyn") else "k_neighbors"
    search = NearestNeighbors(n_neighbors=1)
    with pytest.raises(ValueError, match=f"{number}=NearestNeighbors.*at least 2"):
        new(name, **{number: search}).fit_resample(X, y)


@every_sampler
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("allocation", "even"),
        ("interpolation", "line"),
        ("on_empty", "ignore"),
        ("on_small_class", "ignore"),
        ("integer_features", "floor"),
        ("n_jobs", "all"),
    ],
)
def test_bad_parameters_are_named(name, option, value):
    with pytest.raises(ValueError, match=f"'{option}' parameter"):
        new(name, **{option: value}).fit_resample(*make())


@every_sampler
def test_cross_validation_of_a_pipeline(name):
    X, y = make((0.7, 0.3))
    model = make_pipeline(new(name), LogisticRegression())
    assert np.isfinite(cross_val_score(model, X, y, scoring="roc_auc")).all()


def test_own_row_is_dropped_by_its_number():
    """The peer drops the first column, which with duplicates is another row."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(6, 3)), 8, axis=0)
    engine = NeighborEngine(X, np.zeros(48))
    rows, everything = np.arange(3, 40, 2), np.arange(48)
    for search in (None, NearestNeighbors(n_neighbors=6)):
        found = find_neighbors(engine, rows, everything, 5, search)
        assert found.shape == (rows.size, 5)
        assert (found != rows[:, None]).all()
        assert (X[found] == X[rows][:, None]).all()


def test_shares_add_up():
    rng = np.random.RandomState(0)
    for _ in range(300):
        weights = rng.exponential(size=rng.randint(1, 9)) * (rng.rand() < 0.9)
        weights[rng.randint(weights.size)] += 0.1
        number = rng.randint(0, 50)
        counts = exact_counts(rng, number, weights)
        shares = number * weights / weights.sum()
        assert counts.sum() == number
        assert (np.abs(counts - shares) < 1).all()


def test_shares_that_round_well_need_no_draw():
    rng = np.random.RandomState(0)
    assert exact_counts(rng, 10, np.array([0.31, 0.69])).tolist() == [3, 7]
    assert rng.rand() == np.random.RandomState(0).rand()
