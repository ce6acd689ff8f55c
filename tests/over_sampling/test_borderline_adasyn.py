"""BorderlineSMOTE and ADASYN: parity, exact answers and distributions."""

import imblearn.over_sampling
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import make_classification

from skext.over_sampling import SMOTE
from skext.over_sampling._drop_in.adasyn import ADASYN
from skext.over_sampling._drop_in.borderline import BorderlineSMOTE


def make(weights=(0.85, 0.15), n_samples=300, seed=0, n_features=5, sep=0.7):
    return make_classification(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        class_sep=sep,
        flip_y=0,
        random_state=seed,
    )


def neighbors_of(X, references, k):
    """Brute force: the nearest references of each row, never the row itself."""
    distance = np.linalg.norm(X[:, None] - X[references][None], axis=2)
    distance[references, np.arange(references.size)] = np.inf
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return references[order], np.take_along_axis(distance, order, axis=1)


def two_piles():
    """Two classes that are far from each other."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(40, 2)), rng.normal(size=(20, 2)) + 50])
    return X, np.repeat([0, 1], [40, 20])


# BorderlineSMOTE


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_features", [4, 20])
@pytest.mark.parametrize("strategy", ["auto", 0.7, {1: 97}])
def test_borderline_same_rows_as_imbalanced_learn(seed, n_features, strategy):
    X, y = make(seed=seed, n_features=n_features)
    options = {"sampling_strategy": strategy, "random_state": seed}
    peer = imblearn.over_sampling.BorderlineSMOTE(**options)
    ours = BorderlineSMOTE(**options)
    expected, found = peer.fit_resample(X, y), ours.fit_resample(X, y)
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1], expected[1])
    assert_array_equal(ours.in_danger_indices[1], peer.in_danger_indices[1])
    assert ours.nn_k_.n_neighbors == peer.nn_k_.n_neighbors
    assert ours.nn_m_.n_neighbors == peer.nn_m_.n_neighbors


def test_borderline_same_rows_for_many_classes_with_one_stream():
    X, y = make((0.6, 0.25, 0.15))
    found, expected = (
        cls(random_state=np.random.RandomState(3)).fit_resample(X, y)
        for cls in (BorderlineSMOTE, imblearn.over_sampling.BorderlineSMOTE)
    )
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("m", [1, 4, 5, 10])
def test_danger_by_brute_force(m):
    """The rule is about neighbours of other classes: m/2 <= m' < m."""
    X, y = make((0.6, 0.25, 0.15))
    sampler = BorderlineSMOTE(
        random_state=0, m_neighbors=m, sampling_strategy="all", on_empty="smote"
    )
    near, _ = neighbors_of(X, np.arange(len(X)), m)
    foreign = (y[near] != y[:, None]).sum(axis=1)
    danger = (foreign >= m / 2) & (foreign < m)
    if m == 1:
        # With one neighbour a row is noise or safe.
        with pytest.warns(UserWarning, match="no row in danger"):
            sampler.fit_resample(X, y)
        assert sampler.in_danger_indices == {}
        return
    sampler.fit_resample(X, y)
    for label, rows in sampler.in_danger_indices.items():
        assert_array_equal(rows, np.flatnonzero(danger & (y == label)))
    assert danger[sampler.sample_indices_[len(X) :]].all()


def test_danger_with_duplicates():
    """The row itself is not among its neighbours, its duplicates are."""
    X = np.repeat([[0.0], [10.0]], [6, 6], axis=0)
    y = np.array([1, 1, 1, 0, 0, 0] + [0] * 6)
    sampler = BorderlineSMOTE(
        random_state=0, m_neighbors=5, k_neighbors=2, sampling_strategy={1: 9}
    )
    new = sampler.fit_resample(X, y)[0][12:]
    assert_array_equal(sampler.in_danger_indices[1], [0, 1, 2])
    assert_array_equal(new, np.zeros((6, 1)))
    assert (sampler.sample_indices_[12:] != sampler.partner_indices_).all()


def test_borderline_partners_are_neighbors():
    X, y = make()
    for kind in ("borderline-1", "borderline-2"):
        sampler = BorderlineSMOTE(
            random_state=0, kind=kind, sampling_strategy={1: 3000}
        )
        sampler.fit_resample(X, y)
        rows = np.flatnonzero(y == 1) if kind == "borderline-1" else np.arange(len(X))
        near, _ = neighbors_of(X, rows, 5)
        base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
        assert (near[base] == partner[:, None]).any(axis=1).all()
        for row in np.unique(base):
            assert set(partner[base == row]) == set(near[row])


def test_gap_of_the_second_kind():
    """Uniform on (0, 0.5) towards another class; the peer's mean there is 0.13.

    One chance in a thousand for each test to fail by accident.
    """
    X, y = make()
    options = {"kind": "borderline-2", "sampling_strategy": {1: 20_000}}
    sampler = BorderlineSMOTE(random_state=0, **options)
    sampler.fit_resample(X, y)
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    other = y[base] != y[partner]
    assert other.mean() > 0.2
    gaps = sampler.gaps_
    assert stats.kstest(gaps[other], stats.uniform(0, 0.5).cdf).pvalue > 1e-3
    assert stats.kstest(gaps[~other], "uniform").pvalue > 1e-3
    assert abs(gaps[other].mean() - 0.25) < 0.01
    pairs, counts = np.unique(np.stack([base, partner]), axis=1, return_counts=True)
    assert pairs.shape[1] == 5 * sampler.in_danger_indices[1].size
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("kind", ["borderline-1", "borderline-2"])
def test_borderline_moments(kind):
    """Mean and second moments against the sum over all pairs, at 4.5 errors."""
    X, y = make(n_samples=80, n_features=4)
    strategy = {1: int((y == 1).sum()) + 200_000}
    sampler = BorderlineSMOTE(
        sampling_strategy=strategy, random_state=0, k_neighbors=3, kind=kind
    )
    new = sampler.fit_resample(X, y)[0][len(X) :]
    seeds = sampler.in_danger_indices[1]
    rows = np.flatnonzero(y == 1) if kind == "borderline-1" else np.arange(len(X))
    near, _ = neighbors_of(X, rows, 3)
    mean, second = np.zeros(4), np.zeros((4, 4))
    for i in seeds:
        for j in near[i]:
            end = 1.0 if y[j] == 1 else 0.5
            w, d = 1 / (3 * seeds.size), X[j] - X[i]
            cross = np.outer(X[i], d)
            mean += w * (X[i] + end / 2 * d)
            second += w * (np.outer(X[i], X[i]) + end / 2 * (cross + cross.T))
            second += w * end**2 / 3 * np.outer(d, d)
    error = new.std(axis=0) / np.sqrt(len(new))
    assert (np.abs(new.mean(axis=0) - mean) < 4.5 * error).all()
    products = new[:, :, None] * new[:, None, :]
    error = products.std(axis=0) / np.sqrt(len(new))
    assert (np.abs(products.mean(axis=0) - second) < 4.5 * error).all()


@pytest.mark.parametrize("kind", ["borderline-1", "borderline-2"])
def test_nothing_in_danger(kind):
    X, y = two_piles()
    sampler = BorderlineSMOTE(kind=kind, random_state=0)
    with pytest.warns(UserWarning, match=r"gets no synthetic row of the 20 asked for"):
        X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert sampler.in_danger_indices == {}
    assert sampler.n_synthetic_ == {1: 0}
    with pytest.raises(ValueError, match="no row in danger for m_neighbors=10"):
        BorderlineSMOTE(kind=kind, on_empty="raise").fit_resample(X, y)
    sampler = BorderlineSMOTE(kind=kind, on_empty="smote", random_state=0)
    with pytest.warns(UserWarning, match="all its rows are interpolated from"):
        X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new, SMOTE(random_state=0).fit_resample(X, y)[0])


def test_balanced_allocation_uses_each_row_in_danger_equally_often():
    X, y = make()
    sampler = BorderlineSMOTE(random_state=0, allocation="balanced")
    sampler.fit_resample(X, y)
    counts = np.bincount(sampler.sample_indices_[len(X) :], minlength=len(X))
    assert np.ptp(counts[sampler.in_danger_indices[1]]) <= 1


# ADASYN


def peer_counts(X, y, label, number, k=5):
    """The numbers of rows that imbalanced-learn makes from each row of a class."""
    rows = np.flatnonzero(y == label)
    near = neighbors_of(X, np.arange(len(X)), k)[0][rows]
    share = (y[near] != label).mean(axis=1)
    return np.rint(share / share.sum() * number)


def test_adasyn_same_rows_as_imbalanced_learn():
    """Wherever the peer makes the number of rows that it was asked for."""
    equal = 0
    for seed in range(60):
        X, y = make(seed=seed, n_features=(4, 20)[seed % 2])
        number = (y == 0).sum() - (y == 1).sum()
        exact = peer_counts(X, y, 1, number).sum() == number
        expected = imblearn.over_sampling.ADASYN(random_state=seed).fit_resample(X, y)
        found = ADASYN(random_state=seed).fit_resample(X, y)
        assert (found[1] == 1).sum() == (y == 0).sum()
        assert (len(expected[0]) == len(found[0])) == exact
        if exact:
            assert_array_equal(found[0], expected[0])
            assert_array_equal(found[1], expected[1])
            equal += 1
    assert 2 <= equal < 50


def test_adasyn_gives_rows_where_the_peer_gives_none():
    X, y = make()
    strategy = {1: int((y == 1).sum()) + 3}
    peer = imblearn.over_sampling.ADASYN(sampling_strategy=strategy, random_state=0)
    with pytest.raises(ValueError, match="No samples will be generated"):
        peer.fit_resample(X, y)
    _, y_new = ADASYN(sampling_strategy=strategy, random_state=0).fit_resample(X, y)
    assert len(y_new) == len(y) + 3


def test_adasyn_counts_by_brute_force():
    X, y = make((0.6, 0.25, 0.15))
    sampler = ADASYN(random_state=0, n_neighbors=4)
    sampler.fit_resample(X, y)
    near, _ = neighbors_of(X, np.arange(len(X)), 4)
    foreign = (y[near] != y[:, None]).mean(axis=1)
    counts = np.bincount(sampler.sample_indices_[len(X) :], minlength=len(X))
    for label, number in sampler.n_synthetic_.items():
        rows = y == label
        shares = foreign[rows] / foreign[rows].sum() * number
        assert counts[rows].sum() == number
        assert (np.abs(counts[rows] - shares) < 1).all()


def test_adasyn_random_allocation_draws_by_share():
    """One chance in a thousand for each test to fail by accident."""
    X, y = make()
    sampler = ADASYN(random_state=0, allocation="random", sampling_strategy={1: 20_000})
    sampler.fit_resample(X, y)
    near, _ = neighbors_of(X, np.arange(len(X)), 5)
    foreign = (y[near] != 1).mean(axis=1)[y == 1]
    base = sampler.sample_indices_[len(X) :]
    counts = np.bincount(base, minlength=len(X))[y == 1]
    assert (counts[foreign == 0] == 0).all()
    shares = foreign / foreign.sum() * counts.sum()
    used = foreign > 0
    assert stats.chisquare(counts[used], shares[used]).pvalue > 1e-3
    assert stats.kstest(sampler.gaps_, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("partners", ["class", "mixed"])
def test_adasyn_partners(partners):
    X, y = make()
    sampler = ADASYN(random_state=0, partners=partners, sampling_strategy={1: 9000})
    sampler.fit_resample(X, y)
    of_class, _ = neighbors_of(X, np.flatnonzero(y == 1), 5)
    of_all, _ = neighbors_of(X, np.arange(len(X)), 5)
    base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    for row in np.unique(base):
        expected = set(of_class[row])
        if partners == "mixed" and (y[of_all[row]] == 1).any():
            expected = set(of_all[row][y[of_all[row]] == 1])
        found = partner[base == row]
        if found.size > 60:
            assert set(found) == expected
            counts = np.unique(found, return_counts=True)[1]
            assert counts.size == 1 or stats.chisquare(counts).pvalue > 1e-5
        else:
            assert set(found) <= expected


def test_adasyn_without_foreign_neighbors():
    X, y = two_piles()
    with pytest.raises(RuntimeError, match=r"ADASYN is not suited.*Use SMOTE instead"):
        ADASYN().fit_resample(X, y)
    with pytest.warns(UserWarning, match="all its rows are interpolated from alike"):
        found, _ = ADASYN(on_empty="smote", random_state=0).fit_resample(X, y)
    expected = SMOTE(random_state=0, allocation="balanced").fit_resample(X, y)[0]
    assert_allclose(found, expected)


def test_adasyn_weights_multiply_the_shares():
    X, y = make()
    weight = np.random.default_rng(0).random(len(X))
    sampler = ADASYN(random_state=0, sampling_strategy={1: 5000})
    sampler.fit_resample(X, y, sample_weight=weight)
    near, _ = neighbors_of(X, np.arange(len(X)), 5)
    shares = ((y[near] != 1).mean(axis=1) * weight)[y == 1]
    number = 5000 - (y == 1).sum()
    counts = np.bincount(sampler.sample_indices_[len(X) :], minlength=len(X))[y == 1]
    assert (np.abs(counts - shares / shares.sum() * number) < 1).all()


def test_two_rows_in_one_dimension():
    X = np.array([[0.0], [1.0], [0.4], [0.6], [7.0], [9.0]])
    y = np.array([1, 1, 0, 0, 0, 0])
    for sampler in (
        ADASYN(n_neighbors=1, random_state=0),
        BorderlineSMOTE(k_neighbors=1, m_neighbors=3, random_state=0),
    ):
        new = sampler.fit_resample(X, y)[0][6:]
        assert ((new >= 0) & (new <= 1)).all()
        assert (sampler.sample_indices_[6:] + sampler.partner_indices_ == 1).all()
