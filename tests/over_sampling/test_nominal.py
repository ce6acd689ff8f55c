"""SMOTENC and SMOTEN: the peer, the paper, provenance, distributions, corners."""

import collections
import tracemalloc
import warnings

import imblearn.over_sampling
import numpy as np
import pandas as pd
import pytest
from imblearn.combine import SMOTEENN
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

import skext.over_sampling
from skext.over_sampling._mixed.nominal import SMOTEN, SMOTENC


def make(weights=(0.8, 0.2), n=200, seed=0, n_levels=4):
    """Three numbers, then two nominal columns, in one array of numbers."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.choice(len(weights), size=n, p=weights))
    X = rng.normal(size=(n, 5)) + y[:, None]
    X[:, 3:] = np.minimum(rng.poisson(1 + y[:, None], size=(n, 2)), n_levels - 1)
    return X, y


def make_names(weights=(0.7, 0.3), n=300, seed=0, q=4, n_levels=6):
    """Strings only."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.choice(len(weights), size=n, p=weights))
    shares = rng.dirichlet(np.ones(n_levels), size=(len(weights), q))
    X = np.empty((n, q), dtype=object)
    for i in range(n):
        for j in range(q):
            X[i, j] = "abcdefghij"[rng.choice(n_levels, p=shares[y[i], j])]
    return X, y


def modes(values):
    """The most frequent of some values."""
    counts = collections.Counter(values)
    return {value for value, n in counts.items() if n == max(counts.values())}


def voters_of(sampler, X, y, seed_votes):
    """For each synthetic row the rows that vote."""
    base = sampler.sample_indices_[len(X) :]
    lines = {}
    for label, neighbors in sampler.neighbor_indices_.items():
        rows = np.flatnonzero(y == label)
        for row, line in zip(rows, neighbors, strict=True):
            lines[row] = [row, *line] if seed_votes else list(line)
    return [lines[row] for row in base]


# The peer


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("strategy", ["auto", 0.7, "all", {1: 111}])
def test_smotenc_is_that_of_imbalanced_learn(seed, strategy):
    """Numbers bit for bit, nominal values wherever a vote has one winner."""
    X, y = make(seed=seed)
    options = {"sampling_strategy": strategy, "random_state": seed}
    peer = imblearn.over_sampling.SMOTENC([3, 4], **options)
    expected, y_expected = peer.fit_resample(X, y)
    sampler = SMOTENC([3, 4], **options)
    found, y_found = sampler.fit_resample(X, y)
    assert_array_equal(y_found, y_expected)
    assert_array_equal(found[:, :3], expected[:, :3])
    clear = 0
    for i, line in enumerate(voters_of(sampler, X, y, False), start=len(X)):
        for j in (3, 4):
            if len(modes(X[line, j])) == 1:
                assert found[i, j] == expected[i, j]
                clear += 1
    assert clear > 40
    assert sampler.median_std_.keys() == peer.median_std_.keys()
    for label, median in sampler.median_std_.items():
        assert_allclose(median, peer.median_std_[label])
    assert_array_equal(sampler.categorical_features_, peer.categorical_features_)
    assert_array_equal(sampler.continuous_features_, peer.continuous_features_)
    assert sampler.n_features_ == peer.n_features_
    assert sampler.nn_k_.n_neighbors == 6
    pairs = zip(
        sampler.categorical_encoder_.categories_,
        peer.categorical_encoder_.categories_,
        strict=True,
    )
    for ours, theirs in pairs:
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("seed", range(4))
def test_smoten_is_that_of_imbalanced_learn(seed):
    """Wherever neighbours and votes are free of ties."""
    X, y = make_names(seed=seed, q=8, n_levels=10)
    peer = imblearn.over_sampling.SMOTEN(random_state=seed)
    expected, y_expected = peer.fit_resample(X, y)
    sampler = SMOTEN(random_state=seed)
    found, y_found = sampler.fit_resample(X, y)
    assert_array_equal(y_found, y_expected)
    assert_array_equal(found[: len(X)], X)
    clear = 0
    for i, line in enumerate(voters_of(sampler, X, y, True), start=len(X)):
        for j in range(X.shape[1]):
            if len(modes(X[line, j])) == 1:
                assert found[i, j] == expected[i, j]
                clear += 1
    assert clear > 200
    for ours, theirs in zip(
        sampler.categorical_encoder_.categories_,
        peer.categorical_encoder_.categories_,
        strict=True,
    ):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize("cls", [SMOTENC, SMOTEN])
def test_classes_and_parameters_are_supersets(cls):
    peer = getattr(imblearn.over_sampling, cls.__name__)
    assert issubclass(cls, peer)
    assert issubclass(cls, skext.over_sampling.SMOTE)
    theirs = set(
        peer(**({"categorical_features": [0]} if cls is SMOTENC else {})).get_params()
    )
    assert theirs <= set(cls().get_params())
    assert set(cls().get_params()) == set(cls._parameter_constraints)


# Provenance, votes and counts


@pytest.mark.parametrize("interpolation", ["segment", "box"])
@pytest.mark.parametrize("allocation", ["random", "balanced"])
def test_provenance_of_smotenc(interpolation, allocation):
    X, y = make((0.6, 0.25, 0.15), n=400)
    sampler = SMOTENC(
        [3, 4], interpolation=interpolation, allocation=allocation, random_state=0
    )
    found, y_found = sampler.fit_resample(X, y)
    n = len(X)
    assert_array_equal(found[:n], X)
    assert_array_equal(y_found[:n], y)
    assert np.unique(np.bincount(y_found)).size == 1
    assert sum(sampler.n_synthetic_.values()) == len(found) - n
    base, partner = sampler.sample_indices_[n:], sampler.partner_indices_
    assert_array_equal(y[base], y_found[n:])
    gaps = sampler.gaps_ if interpolation == "box" else sampler.gaps_[:, None]
    expected = X[base, :3] + gaps * (X[partner, :3] - X[base, :3])
    assert_allclose(found[n:, :3], expected, rtol=1e-12)
    for i, line in enumerate(voters_of(sampler, X, y, False)):
        assert partner[i] in line
        assert base[i] not in line
        for j in (3, 4):
            assert found[n + i, j] in modes(X[line, j])
    if allocation == "balanced":
        for label in sampler.n_synthetic_:
            assert np.ptp(np.bincount(base, minlength=n)[y == label]) <= 1


@pytest.mark.parametrize("n_classes", [2, 3])
def test_provenance_of_smoten(n_classes):
    X, y = make_names((0.6, 0.25, 0.15)[:n_classes] if n_classes == 3 else (0.7, 0.3))
    sampler = SMOTEN(random_state=0, allocation="balanced")
    found, y_found = sampler.fit_resample(X, y)
    n = len(X)
    assert_array_equal(found[:n], X)
    base = sampler.sample_indices_[n:]
    assert_array_equal(y[base], y_found[n:])
    for i, line in enumerate(voters_of(sampler, X, y, True)):
        for j in range(X.shape[1]):
            assert found[n + i, j] in modes(X[line, j])
    for label, count in sampler.n_synthetic_.items():
        assert (y_found[n:] == label).sum() == count
        assert np.ptp(np.bincount(base, minlength=n)[y == label]) <= 1
    assert not hasattr(sampler, "partner_indices_")


def test_tie_that_the_peer_gives_to_the_first_in_order():
    """Three red rows against three blue ones for each red seed."""
    X = np.array(["green"] * 5 + ["red"] * 10 + ["blue"] * 7, dtype=object)
    y = np.repeat([0, 1, 0, 1, 0], [5, 3, 7, 5, 2])
    sampler = SMOTEN(sampling_strategy={1: 4008}, random_state=0)
    new = sampler.fit_resample(X[:, None], y)[0][22:, 0]
    red_seed = X[sampler.sample_indices_[22:]] == "red"
    assert (new[~red_seed] == "blue").all()
    share = (new[red_seed] == "red").mean()
    # Half, within 4.5 standard errors.
    assert abs(share - 0.5) < 4.5 * 0.5 / np.sqrt(red_seed.sum())


def test_classes_do_not_share_their_draws():
    X, y = make((0.6, 0.2, 0.2), n=400)
    sampler = SMOTENC([3, 4], random_state=0)
    _, y_found = sampler.fit_resample(X, y)
    labels = y_found[len(y) :]
    first, second = sampler.gaps_[labels == 1], sampler.gaps_[labels == 2]
    n = min(first.size, second.size)
    assert not np.allclose(first[:n], second[:n])


def test_draws_have_the_right_distribution():
    """One chance in a thousand for each test to fail by accident; seed fixed."""
    X, y = make()
    sampler = SMOTENC([3, 4], sampling_strategy={1: 20_000}, random_state=1)
    sampler.fit_resample(X, y)
    assert stats.kstest(sampler.gaps_, "uniform").pvalue > 1e-3
    base = sampler.sample_indices_[len(X) :]
    assert stats.chisquare(np.bincount(base)[y == 1]).pvalue > 1e-3
    pairs = np.unique(np.stack([base, sampler.partner_indices_]), axis=1).shape[1]
    assert pairs == 5 * (y == 1).sum()
    nominal = SMOTEN(sampling_strategy={1: 20_000}, random_state=1)
    nominal.fit_resample(np.floor(X), y)
    base = nominal.sample_indices_[len(X) :]
    assert stats.chisquare(np.bincount(base)[y == 1]).pvalue > 1e-3


def test_order_of_columns():
    X, y = make()
    expected = SMOTENC([3, 4], random_state=0).fit_resample(X, y)[0]
    found = SMOTENC([1, 4], random_state=0).fit_resample(X[:, [2, 3, 0, 1, 4]], y)[0]
    assert_allclose(found, expected[:, [2, 3, 0, 1, 4]])


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_threads_change_nothing(n_jobs):
    X, y = make((0.6, 0.25, 0.15), n=30_000)
    options = {"random_state": 0, "sampling_strategy": {1: 9000, 2: 6000}}
    for make_sampler in (lambda **o: SMOTENC([3, 4], **o), SMOTEN):
        values = X if make_sampler is not SMOTEN else np.floor(X)
        expected = make_sampler(n_jobs=1, **options).fit_resample(values, y)[0]
        found = make_sampler(n_jobs=n_jobs, **options).fit_resample(values, y)[0]
        assert_array_equal(found, expected)


# Faults of peers


def test_integer_columns_leave_the_nominal_ones_in_the_distance():
    """The peer encodes in integers and cuts Med off to zero."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [300, 60])
    numbers = rng.integers(0, 3, size=(360, 2))
    levels = rng.integers(0, 2, size=(360, 3))
    X = np.hstack([numbers, levels])
    assert X.dtype.kind == "i"
    whole = SMOTENC([2, 3, 4], random_state=0)
    found = whole.fit_resample(X, y)[0]
    assert found.dtype == X.dtype
    exact = SMOTENC([2, 3, 4], random_state=0)
    exact.fit_resample(X.astype(float), y)
    assert_array_equal(whole.neighbor_indices_[1], exact.neighbor_indices_[1])
    assert 0 < whole.median_std_[1] < 1
    # The partners share more levels with their row than rows of the class at random.
    base, partner = whole.sample_indices_[360:], whole.partner_indices_
    differ = (levels[base] != levels[partner]).mean()
    rare = levels[y == 1]
    assert differ < 0.6 * (rare[:, None] != rare[None]).mean()
    assert_array_equal(found[:360], X)


def test_med_is_that_of_the_class():
    X, y = make((0.5, 0.3, 0.2), n=600)
    X[y == 1, :3] *= 5
    sampler = SMOTENC([3, 4], random_state=0)
    sampler.fit_resample(X, y)
    for label in (1, 2):
        expected = np.median(X[y == label, :3].std(axis=0))
        assert_allclose(sampler.median_std_[label], expected)


def test_memory_does_not_grow_with_levels():
    rng = np.random.default_rng(0)
    n = 4000
    X = np.hstack([rng.normal(size=(n, 4)), rng.integers(n, size=(n, 4))])
    y = np.repeat([0, 1], [n - 200, 200])
    sampler = SMOTENC([4, 5, 6, 7], random_state=0)
    sampler.fit_resample(X, y)
    tracemalloc.start()
    found, _ = sampler.fit_resample(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A dense table of one-hot codes of the result would take 800 MB.
    assert peak < 8 * found.nbytes


def test_integers_are_rounded_and_not_cut():
    X, y = make()
    X[:, 0] = np.rint(5 * X[:, 0])
    frame = pd.DataFrame(X, columns=list("abcde")).astype({"a": "int32"})
    sampler = SMOTENC(["d", "e"], random_state=0)
    found = sampler.fit_resample(frame, y)[0]
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    exact = X[base, 0] + sampler.gaps_ * (X[partner, 0] - X[base, 0])
    assert_array_equal(found["a"][len(X) :], np.rint(exact))
    cut = SMOTENC(["d", "e"], random_state=0, integer_features="truncate")
    assert_array_equal(cut.fit_resample(frame, y)[0]["a"][len(X) :], np.trunc(exact))


# Weights, sizes and other corners


def test_weights():
    X, y = make()
    weight = np.linspace(0.5, 2, len(X))
    weight[y == 1] = 0
    rare = np.flatnonzero(y == 1)
    weight[rare[:8]] = [1, 3] * 4
    options = {"random_state": 0, "sampling_strategy": {1: 4000}}
    sampler = SMOTENC([3, 4], **options)
    _, y_found = sampler.fit_resample(X, y, sample_weight=weight)
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    assert set(base) == set(rare[:8])
    assert abs(np.isin(base, rare[1:8:2]).mean() - 0.75) < 4.5 * np.sqrt(
        0.1875 / base.size
    )
    expected = (1 - sampler.gaps_) * weight[base] + sampler.gaps_ * weight[partner]
    assert_allclose(sampler.sample_weight_[len(X) :], expected)
    assert sampler.sample_weight_.shape == y_found.shape
    nominal = SMOTEN(**options)
    nominal.fit_resample(np.floor(X), y, sample_weight=weight)
    base = nominal.sample_indices_
    assert_array_equal(nominal.sample_weight_, weight[base])
    assert set(base[len(X) :]) == set(rare[:8])
    nominal.fit_resample(np.floor(X), y)
    assert not hasattr(nominal, "sample_weight_")
    with pytest.raises(ValueError, match="sample_weight is zero for all rows"):
        nominal.fit_resample(np.floor(X), y, sample_weight=(y == 0) * 1.0)


@pytest.mark.parametrize("cls", [SMOTENC, SMOTEN])
def test_small_classes(cls):
    X, y = make(n=50)
    y[:] = 0
    y[:4] = 1
    options = {"random_state": 0}
    if cls is SMOTENC:
        options["categorical_features"] = [3, 4]
    sampler = cls(**options)
    with pytest.warns(UserWarning, match="Class '1' has 4 rows, too few for 5") as log:
        _, y_found = sampler.fit_resample(X, y)
    assert log[0].filename == __file__
    assert (y_found == 1).sum() == 46
    assert sampler.neighbor_indices_[1].shape == (4, 3)
    with pytest.raises(ValueError, match=r"has 4 rows.*at most k_neighbors=3"):
        cls(on_small_class="raise", **options).fit_resample(X, y)
    with pytest.warns(UserWarning, match="rows are repeated"):
        found, _ = cls(on_small_class="duplicate", **options).fit_resample(X, y)
    given = {tuple(row) for row in X[:4]}
    assert {tuple(row) for row in found[50:]} == given
    y[1:4] = 0
    with pytest.raises(ValueError, match="Class '1' has 1 row"):
        sampler.fit_resample(X, y)
    with pytest.warns(UserWarning, match="rows are repeated"):
        found, _ = cls(on_small_class="duplicate", **options).fit_resample(X, y)
    assert_array_equal(found[50:], np.tile(X[0], (48, 1)))


def test_equal_rows_give_equal_rows():
    X = np.ones((60, 3))
    X[40:] = [2, 3, 5]
    y = np.repeat([0, 1], [40, 20])
    for sampler in (SMOTENC([2], random_state=0), SMOTEN(random_state=0)):
        found = sampler.fit_resample(X, y)[0]
        assert_array_equal(found[60:], np.tile([2, 3, 5], (20, 1)))


def test_one_neighbour_is_copied_by_its_levels():
    X, y = make()
    sampler = SMOTENC([3, 4], k_neighbors=1, random_state=0)
    found = sampler.fit_resample(X, y)[0]
    assert_array_equal(found[len(X) :, 3:], X[sampler.partner_indices_, 3:])


@pytest.mark.parametrize("cls", [SMOTENC, SMOTEN])
def test_targets_that_are_refused(cls):
    X, y = make()
    sampler = cls([3, 4]) if cls is SMOTENC else cls()
    with pytest.raises(ValueError, match="class"):
        sampler.fit_resample(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="Unknown label type"):
        sampler.fit_resample(X, y + 0.37)
    with pytest.raises(ValueError, match="Multilabel and multioutput"):
        sampler.fit_resample(X, np.stack([y, 1 - y, y], axis=1))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        sampler.fit_resample(pd.DataFrame(X), y[:-1])


def test_nothing_to_do():
    X, y = make(weights=(0.5, 0.5), n=100)
    y = np.repeat([0, 1], 50)
    for sampler in (SMOTENC([3, 4]), SMOTEN()):
        found, y_found = sampler.fit_resample(X, y)
        assert_array_equal(found, X)
        assert_array_equal(y_found, y)
        assert sampler.n_synthetic_ == {}


def test_generator_of_numpy():
    X, y = make()
    first = SMOTENC([3, 4], random_state=np.random.default_rng(0)).fit_resample(X, y)[0]
    again = SMOTENC([3, 4], random_state=np.random.default_rng(0)).fit_resample(X, y)[0]
    assert_array_equal(first, again)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_searches_of_the_user(n_classes):
    X, y = make((0.5, 0.3, 0.2)[:n_classes] if n_classes == 3 else (0.7, 0.3), n=300)
    search = NearestNeighbors(n_neighbors=6)
    expected = SMOTENC([3, 4], random_state=0).fit_resample(X, y)[0]
    sampler = SMOTENC([3, 4], random_state=0, k_neighbors=search)
    assert_array_equal(sampler.fit_resample(X, y)[0], expected)
    names, labels = make_names(q=8, n_levels=10)
    expected = SMOTEN(random_state=0).fit_resample(names, labels)[0]
    sampler = SMOTEN(random_state=0, k_neighbors=search)
    found = sampler.fit_resample(names, labels)[0]
    assert (found == expected).mean() > 0.97
    assert sampler.nn_k_.metric == "precomputed"
    assert search.metric == "minkowski"


def test_encoders_of_the_user():
    X, y = make()
    encoder = OneHotEncoder(drop="first")
    with pytest.raises(ValueError, match="one column per category"):
        SMOTENC([3, 4], categorical_encoder=encoder).fit_resample(X, y)
    rare = OneHotEncoder(min_frequency=100)
    with pytest.raises(ValueError, match="one column per category"):
        SMOTENC([3, 4], categorical_encoder=rare).fit_resample(X, y)
    expected = SMOTENC([3, 4], random_state=0).fit_resample(X, y)[0]
    encoder = OneHotEncoder(sparse_output=False)
    sampler = SMOTENC([3, 4], categorical_encoder=encoder, random_state=0)
    assert_array_equal(sampler.fit_resample(X, y)[0], expected)
    nominal = SMOTEN(categorical_encoder=OrdinalEncoder(), random_state=0)
    found = nominal.fit_resample(np.floor(X), y)[0]
    assert_array_equal(found, SMOTEN(random_state=0).fit_resample(np.floor(X), y)[0])


def test_pipelines_and_grids():
    X, y = make(n=300)
    frame = pd.DataFrame(X, columns=list("abcde")).astype({"d": str, "e": "category"})
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["d", "e"]), remainder="passthrough"
    )
    model = make_pipeline(
        SMOTENC(random_state=0), encode, LogisticRegression(max_iter=500)
    )
    grid = {
        "smotenc__k_neighbors": [2, 5],
        "smotenc__interpolation": ["segment", "box"],
    }
    search = GridSearchCV(model, grid, cv=3).fit(frame, y)
    assert search.best_score_ > 0.7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SMOTEENN(smote=SMOTENC([3, 4], random_state=0)).fit_resample(X, y)
