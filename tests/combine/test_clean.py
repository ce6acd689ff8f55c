"""SMOTEENN and SMOTETomek: parity, exact answers, and every kind of input."""

import imblearn.combine
import imblearn.over_sampling
import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import NearestNeighbors

from skext._neighbors.engine import NeighborEngine
from skext.combine import SMOTEENN, SMOTETomek
from skext.combine._kernels import vote
from skext.over_sampling import SMOTE
from skext.over_sampling._drop_in.adasyn import ADASYN
from skext.over_sampling._drop_in.borderline import BorderlineSMOTE

both = pytest.mark.parametrize("cls", [SMOTEENN, SMOTETomek])


def make(weights=(0.8, 0.2), n_samples=300, seed=0, sep=0.6):
    return make_classification(
        n_samples=n_samples,
        n_features=5,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        class_sep=sep,
        flip_y=0,
        random_state=seed,
    )


def distances(X):
    found = np.linalg.norm(X[:, None] - X[None], axis=2)
    np.fill_diagonal(found, np.inf)
    return found


# The peer, and the exact answer


@both
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("strategy", ["auto", 0.7, {1: 99}])
def test_same_rows_as_imbalanced_learn(cls, seed, strategy):
    X, y = make(seed=seed)
    options = {"random_state": seed, "sampling_strategy": strategy}
    expected = getattr(imblearn.combine, cls.__name__)(**options).fit_resample(X, y)
    found = cls(**options).fit_resample(X, y)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["all", "mode"])
@pytest.mark.parametrize("strategy", ["all", "auto", "majority", [1], []])
@pytest.mark.parametrize("number", [1, 4, NearestNeighbors(n_neighbors=6)])
def test_editing_of_all_kinds(kind, strategy, number):
    X, y = make((0.5, 0.3, 0.2))
    enn = EditedNearestNeighbours(
        sampling_strategy=strategy, n_neighbors=number, kind_sel=kind
    )
    smote = SMOTE(random_state=0)
    sampler = SMOTEENN(smote=smote, enn=enn)
    found = sampler.fit_resample(X, y)
    expected = enn.fit_resample(*smote.fit_resample(X, y))
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)
    assert_array_equal(sampler.enn_.sample_indices_, enn.sample_indices_)
    assert_array_equal(sampler.kept_indices_, enn.sample_indices_)
    assert sampler.enn_.sampling_strategy_ == enn.sampling_strategy_
    assert sampler.enn_.nn_.n_neighbors == enn.nn_.n_neighbors


@pytest.mark.parametrize("strategy", ["all", "auto", "majority", [1], []])
def test_links_of_all_classes(strategy):
    X, y = make((0.5, 0.3, 0.2))
    tomek = TomekLinks(sampling_strategy=strategy)
    smote = SMOTE(random_state=0)
    sampler = SMOTETomek(smote=smote, tomek=tomek)
    found = sampler.fit_resample(X, y)
    expected = tomek.fit_resample(*smote.fit_resample(X, y))
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)
    assert_array_equal(sampler.tomek_.sample_indices_, tomek.sample_indices_)


@pytest.mark.parametrize("seed", range(4))
def test_duplicates_by_brute_force(seed):
    """A row is excluded by its number; equal rows of another class are seen."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, size=(60, 2)).astype(float)
    y = (X[:, 0] + rng.normal(size=60) > 1.5).astype(int)
    smote = SMOTE(sampling_strategy={}, random_state=0)
    distance = distances(X)
    near = np.argsort(distance, axis=1, kind="stable")
    expected = (y[near[:, :3]] == y[:, None]).all(axis=1)
    sampler = SMOTEENN(smote=smote)
    sampler.fit_resample(X, y)
    assert set(sampler.kept_indices_) == set(np.flatnonzero(expected))
    nearest = near[:, 0]
    linked = (nearest[nearest] == np.arange(60)) & (y[nearest] != y)
    sampler = SMOTETomek(smote=smote)
    sampler.fit_resample(X, y)
    assert_array_equal(sampler.kept_indices_, np.flatnonzero(~linked))


def test_equal_rows_of_two_classes_are_a_link():
    X = np.array([[0.0], [0.0], [5.0], [6.0], [9.0], [9.5]])
    y = np.array([0, 1, 0, 0, 1, 1])
    _, y_new = SMOTETomek(random_state=0).fit_resample(X, y)
    assert_array_equal(y_new, [0, 0, 1, 1])


def test_all_classes_share_one_search(monkeypatch):
    X, y = make((0.5, 0.3, 0.2))
    asked = []
    search = NeighborEngine.nearest

    def count(engine, rows, references, k):
        asked.append(references.size)
        return search(engine, rows, references, k)

    monkeypatch.setattr(NeighborEngine, "nearest", count)
    size = 3 * (y == 0).sum()
    SMOTEENN(random_state=0).fit_resample(X, y)
    assert asked.count(size) == 1


def test_votes_by_enumeration():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n, k, n_classes = rng.integers(1, 8), rng.integers(1, 6), rng.integers(1, 5)
        codes = rng.integers(0, n_classes, n)
        rows = rng.integers(0, n, 5)
        near = rng.integers(0, n, (5, k))
        for unanimous in (True, False):
            kept = np.empty(5, dtype=bool)
            vote(near, codes, rows, n_classes, unanimous, kept, 0, 5)
            for i in range(5):
                votes = np.bincount(codes[near[i]], minlength=n_classes)
                if unanimous:
                    assert kept[i] == (codes[near[i]] == codes[rows[i]]).all()
                else:
                    assert kept[i] == (votes.argmax() == codes[rows[i]])


# Kinds of input


@both
def test_origin_of_the_rows(cls):
    X, y = make()
    sampler = cls(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    given = sampler.kept_indices_ < len(X)
    assert_array_equal(X_new[given], X[sampler.sample_indices_[given]])
    assert_array_equal(y_new, y[sampler.sample_indices_])
    assert sampler.sampling_strategy_ == sampler.smote_.sampling_strategy_
    assert sampler.n_features_in_ == 5
    sampler.set_params(smote=imblearn.over_sampling.SMOTE(random_state=0))
    sampler.fit_resample(X, y)
    assert (sampler.sample_indices_[given] >= 0).all()
    assert (sampler.sample_indices_[~given] == -1).all()


@both
@pytest.mark.parametrize("fmt", ["csr", "csc"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_sparse_is_dense(cls, fmt, kind):
    X, y = make()
    X[np.random.default_rng(0).random(X.shape) < 0.3] = 0
    expected, y_expected = cls(random_state=0).fit_resample(X, y)
    given = getattr(sparse, f"{fmt}_{kind}")(X)
    found, y_found = cls(random_state=0).fit_resample(given, y)
    assert type(found) is type(given)
    assert_allclose(found.toarray(), expected)
    assert_array_equal(y_found, y_expected)


@both
def test_containers_and_types_are_kept(cls):
    X, y = make()
    expected, y_expected = cls(random_state=0).fit_resample(X, y)
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame["b"] = (frame["b"] * 10).round().astype("Int64")
    frame["c"] = frame["c"].astype("float32")
    labels = pd.Series(np.array(["x", "y"])[y], name="t", dtype="category")
    sampler = cls(random_state=0)
    found, found_labels = sampler.fit_resample(frame, labels)
    assert found.dtypes.equals(frame.dtypes)
    assert found_labels.dtype == labels.dtype
    assert_array_equal(found.index, np.arange(len(found)))
    assert_array_equal(found_labels.index, found.index)
    assert list(sampler.feature_names_in_) == list("abcde")
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(dict(zip("abcde", X.T, strict=True)))
    found, found_labels = cls(random_state=0).fit_resample(frame, polars.Series("t", y))
    assert found.schema == frame.schema
    assert_allclose(found.to_numpy(), expected)
    assert_array_equal(found_labels.to_numpy(), y_expected)
    found, found_labels = cls(random_state=0).fit_resample(X.tolist(), y.tolist())
    assert_allclose(found, expected)
    assert found_labels == y_expected.tolist()
    found = cls(random_state=0).fit_resample(X.astype(np.float32), y)[0]
    assert found.dtype == np.float32


@both
def test_indicators(cls):
    X, y = make((0.5, 0.3, 0.2))
    expected, y_expected = cls(random_state=0).fit_resample(X, y)
    found, labels = cls(random_state=0).fit_resample(X, np.eye(3, dtype=int)[y])
    assert_array_equal(found, expected)
    assert_array_equal(labels, np.eye(3, dtype=int)[y_expected])


@both
def test_threads_change_nothing(cls):
    X, y = make(n_samples=5000)
    expected = cls(random_state=0, n_jobs=1).fit_resample(X, y)[0]
    assert_array_equal(cls(random_state=0, n_jobs=2).fit_resample(X, y)[0], expected)


@both
def test_missing_values(cls):
    X, y = make()
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.2] = np.nan
    # Two rows of which nothing is known, so that nothing contradicts them.
    X[[np.flatnonzero(y == 0)[0], np.flatnonzero(y == 1)[0]]] = np.nan
    sampler = cls(random_state=0)
    found, y_new = sampler.fit_resample(X, y)
    assert len(found) == len(y_new)
    unknown = np.flatnonzero(np.isnan(X).all(axis=1))
    assert np.isin(unknown, sampler.kept_indices_).all()
    assert cls().__sklearn_tags__().input_tags.allow_nan
    other = cls(smote=imblearn.over_sampling.SMOTE())
    assert not other.__sklearn_tags__().input_tags.allow_nan
    with pytest.raises(ValueError, match="NaN"):
        other.fit_resample(X, y)


@both
def test_weights(cls):
    X, y = make()
    weight = np.random.default_rng(0).random(len(X)) * (np.arange(len(X)) % 3 > 0)
    sampler = cls(random_state=0)
    X_new, _ = sampler.fit_resample(X, y, sample_weight=weight)
    assert len(sampler.sample_weight_) == len(X_new)
    given = sampler.kept_indices_ < len(X)
    rows = sampler.sample_indices_
    assert_array_equal(sampler.sample_weight_[given], weight[rows[given]])
    assert (weight[rows[~given]] > 0).all()
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "sample_weight_")


# Parts


@both
@pytest.mark.parametrize(
    "smote",
    [
        BorderlineSMOTE(random_state=0),
        ADASYN(random_state=0),
        imblearn.over_sampling.SMOTE(random_state=0),
        imblearn.over_sampling.RandomOverSampler(random_state=0),
    ],
)
def test_any_over_sampler(cls, smote):
    X, y = make()
    sampler = cls(smote=smote)
    found, _ = sampler.fit_resample(X, y)
    expected = smote.fit_resample(X, y)[0]
    assert_array_equal(found, expected[sampler.kept_indices_])
    assert sampler.smote_ is not smote


@both
def test_an_over_sampler_without_seed_gets_one(cls):
    X, y = make()
    first, second = (
        cls(smote=SMOTE(), random_state=0).fit_resample(X, y)[0] for _ in range(2)
    )
    assert_array_equal(first, second)
    seeds = [np.random.default_rng(seed) for seed in (1, 1)]
    first, second = (cls(random_state=seed).fit_resample(X, y)[0] for seed in seeds)
    assert_array_equal(first, second)


def test_cleaning_of_the_user():
    class Half(EditedNearestNeighbours):
        def _fit_resample(self, X, y):
            self.sample_indices_ = np.arange(0, len(X), 2)
            return X[::2], y[::2]

    X, y = make()
    sampler = SMOTEENN(random_state=0, enn=Half())
    found = sampler.fit_resample(X, y)[0]
    assert_array_equal(found, SMOTE(random_state=0).fit_resample(X, y)[0][::2])


def test_a_class_that_vanishes():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(100, 2)), [[0, 0], [2, 2], [-2, 1], [1, -2]]])
    y = np.repeat([0, 1], [100, 4])
    smote = SMOTE(sampling_strategy={1: 4}, random_state=0)
    with pytest.warns(UserWarning, match="removed all rows of class '1'; give enn="):
        _, y_new = SMOTEENN(smote=smote).fit_resample(X, y)
    assert (y_new == 0).all()


@both
def test_bad_parameters_are_named(cls):
    X, y = make()
    with pytest.raises(ValueError, match="'smote' parameter"):
        cls(smote=LogisticRegression()).fit_resample(X, y)
    with pytest.raises(ValueError, match="'n_jobs' parameter"):
        cls(n_jobs="all").fit_resample(X, y)
    with pytest.raises(ValueError, match="Unknown label type"):
        cls().fit_resample(X, y + 0.37)
    with pytest.raises(ValueError, match="class"):
        cls().fit_resample(X, np.zeros(len(X)))


def test_more_neighbors_than_rows():
    X, y = make(n_samples=30)
    enn = EditedNearestNeighbours(n_neighbors=60)
    with pytest.raises(ValueError, match="enn has n_neighbors=60 where 48 rows"):
        SMOTEENN(enn=enn, random_state=0).fit_resample(X, y)


@both
def test_cross_validation_of_a_pipeline(cls):
    X, y = make()
    model = make_pipeline(cls(random_state=0), LogisticRegression())
    assert np.isfinite(cross_val_score(model, X, y, scoring="roc_auc")).all()
