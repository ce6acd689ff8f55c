"""Each variant that interpolates between given rows against a plain account of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from scipy.spatial.distance import cdist
from sklearn.datasets import make_classification

from skext._neighbors import distances as _distances
from skext._neighbors.engine import NeighborEngine
from skext.over_sampling._drop_in.smote import SMOTE
from skext.over_sampling._segment import assembled as _assembled
from skext.over_sampling._segment import lee as _lee
from skext.over_sampling._segment import mwmote as _mwmote
from skext.over_sampling._segment import prowsyn as _prowsyn
from skext.over_sampling._segment.assembled import AssembledSMOTE, assemble
from skext.over_sampling._segment.guided import GuidedSMOTE
from skext.over_sampling._segment.lee import LeeSMOTE
from skext.over_sampling._segment.mwmote import MWMOTE
from skext.over_sampling._segment.prowsyn import (
    ProWSyn,
    level_weights,
    proximity_levels,
)
from skext.over_sampling._segment.safe_level import (
    SafeLevelSMOTE,
    safe_interval,
    safe_levels,
)


def make(n_samples=200, seed=0, share=0.3, n_features=4, flip=0.1):
    return make_classification(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=4,
        n_redundant=0,
        weights=[1 - share],
        class_sep=0.6,
        flip_y=flip,
        random_state=seed,
    )


def nearest(X, rows, references, k):
    """Nearest references by brute force, equal distances by number."""
    found = []
    for i in rows:
        distance = [((X[i] - X[j]) ** 2).sum() for j in references]
        order = sorted(zip(distance, references, strict=True))
        found.append([j for _, j in order if j != i][:k])
    return np.array(found)


def check_moments(X, new, pairs):
    """Compare with (base, partner, chance, low, high of the gap), at 4.5 errors."""
    d = X.shape[1]
    mean, second, total = np.zeros(d), np.zeros((d, d)), 0.0
    for i, j, w, low, high in pairs:
        delta, total = X[j] - X[i], total + w
        g1, g2 = (low + high) / 2, (low * low + low * high + high * high) / 3
        cross = np.outer(X[i], delta)
        mean += w * (X[i] + g1 * delta)
        second += w * (np.outer(X[i], X[i]) + g1 * (cross + cross.T))
        second += w * g2 * np.outer(delta, delta)
    assert total == pytest.approx(1)
    error = new.std(axis=0) / np.sqrt(len(new))
    assert (np.abs(new.mean(axis=0) - mean) < 4.5 * error).all()
    products = new[:, :, None] * new[:, None, :]
    error = products.std(axis=0) / np.sqrt(len(new))
    assert (np.abs(products.mean(axis=0) - second) < 4.5 * error).all()


def make_many(cls, X, y, n_new=100_000, **options):
    """Return the synthetic rows of class 1, and the sampler."""
    n_rare = (y == 1).sum()
    sampler = cls(sampling_strategy={1: n_rare + n_new}, random_state=0, **options)
    return sampler.fit_resample(X, y)[0][len(X) :], sampler


# ProWSyn


def plain_levels(X, y, label, k, n_levels):
    left = [i for i in range(len(y)) if y[i] == label]
    others = [i for i in range(len(y)) if y[i] != label]
    level = dict.fromkeys(left, n_levels)
    for number in range(1, n_levels):
        if not left:
            break
        near = set(nearest(X, others, left, k).ravel().tolist())
        for i in near:
            level[i] = number
        left = [i for i in left if i not in near]
    return np.array([level[i] for i in range(len(y)) if y[i] == label])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("k", "n_levels"), [(5, 5), (1, 3), (2, 1), (40, 4)])
def test_levels_of_prowsyn(seed, k, n_levels, monkeypatch):
    X, y = make(80, seed)
    if seed % 2:
        # Ties, exact in floating point.
        X = np.round(2 * X)
    expected = plain_levels(X, y, 1, k, n_levels)
    rows = np.flatnonzero(y == 1)
    assert_array_equal(
        proximity_levels(NeighborEngine(X, y), rows, k, n_levels), expected
    )
    monkeypatch.setattr(_prowsyn, "_BLOCK", 28)
    assert_array_equal(
        proximity_levels(NeighborEngine(X, y), rows, k, n_levels), expected
    )


def test_moments_of_prowsyn():
    X, y = make(120)
    levels = plain_levels(X, y, 1, 1, 4)
    rows = np.flatnonzero(y == 1)
    assert len(set(levels)) == 3
    weights = np.exp(-0.7 * (levels - 1))
    weights /= weights.sum()
    pairs = []
    for i, level in enumerate(levels):
        mates = [j for j in range(len(rows)) if levels[j] == level and j != i]
        mates = mates or [j for j in range(len(rows)) if j != i]
        pairs += [(rows[i], rows[j], weights[i] / len(mates), 0, 1) for j in mates]
    new, _ = make_many(ProWSyn, X, y, k_neighbors=1, n_levels=4, theta=0.7)
    check_moments(X, new, pairs)


def test_a_row_alone_in_its_level_has_partners():
    X = np.r_[np.arange(10.0), 20, 21, 25][:, None]
    y = np.repeat([0, 1], [10, 3])
    _, sampler = make_many(ProWSyn, X, y, 3000, k_neighbors=1, n_levels=5)
    assert sampler.levels_[1].tolist() == [1, 2, 3]
    base, partner = sampler.sample_indices_[13:], sampler.partner_indices_
    assert (base != partner).all()
    pairs = {(10, 11), (10, 12), (11, 10), (11, 12), (12, 10), (12, 11)}
    assert set(zip(base.tolist(), partner.tolist(), strict=True)) == pairs
    counts = np.bincount(base)[10:]
    expected = np.exp(-np.arange(3.0)) / np.exp(-np.arange(3.0)).sum() * 3000
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_weights_of_levels():
    levels = np.array([1, 1, 1, 3, 2, 3])
    by_row = level_weights(levels, 1.0)
    assert_allclose(by_row / by_row[0], np.exp(-np.array([0, 0, 0, 2, 1, 2.0])))
    assert_allclose(level_weights(levels, 0.0), 1 / 6)
    by_level = level_weights(levels, 0.5, "level")
    total = np.bincount(levels, by_level)[1:]
    assert_allclose(total / total[0], np.exp(-0.5 * np.arange(3)))
    assert_allclose(by_level[:3], by_level[0])
    given = np.array([0, 0, 0, 1, 1, 3.0])
    assert_allclose(level_weights(levels, 1e4, given=given), [0, 0, 0, 0, 1, 0])
    found = level_weights(levels, 0.5, "level", given)
    assert_allclose(found[5] / found[3], 3)
    assert_allclose((found[3] + found[5]) / found[4], np.exp(-0.5))


def test_theta_zero_uses_all_rows_alike():
    """One chance in a thousand to fail by accident; fixed seed."""
    X, y = make()
    _, sampler = make_many(ProWSyn, X, y, 20_000, theta=0)
    counts = np.bincount(sampler.sample_indices_[len(y) :])[np.flatnonzero(y == 1)]
    assert stats.chisquare(counts).pvalue > 1e-3


# Safe levels


def plain_safe_levels(X, y, label, k):
    everyone = range(len(y))
    return np.array(
        [(y[near] == label).sum() for near in nearest(X, everyone, everyone, k)]
    )


@pytest.mark.parametrize("seed", range(4))
def test_safe_levels(seed):
    X, y = make(70, seed)
    if seed % 2:
        X = np.round(2 * X)
    engine, rows = NeighborEngine(X, y), np.flatnonzero(y == 1)
    neighbors = engine.among_all(rows, 5)
    expected = plain_safe_levels(X, y, 1, 5)
    found = safe_levels(engine, rows, neighbors)
    assert_array_equal(neighbors, nearest(X, rows, range(70), 5))
    assert_array_equal(found[rows], expected[rows])
    assert_array_equal(found[neighbors], expected[neighbors])


def test_safe_intervals():
    """All five cases of the paper."""
    cases = [
        (3, 0, 0, 0),
        (4, 4, 0, 1),
        (4, 1, 0, 1 / 4),
        (1, 4, 3 / 4, 1),
        (0, 2, 1, 1),
    ]
    own, other, low, high = np.array(cases, dtype=float).T
    found = safe_interval(own.astype(int), other.astype(int))
    assert_allclose(found, [low, high])


@pytest.mark.parametrize("partners", ["all", "class"])
def test_moments_of_safe_level(partners):
    X, y = make(120, flip=0.2)
    rows = np.flatnonzero(y == 1)
    level = plain_safe_levels(X, y, 1, 5)
    lists = nearest(X, rows, range(120) if partners == "all" else rows, 5)
    pairs = []
    for i, near in zip(rows, lists, strict=True):
        for j in near:
            p, n = level[i], level[j]
            if p == n == 0:
                continue
            q = p / n if n > 0 else np.inf
            interval = (0, 0) if n == 0 else (0, 1 / q) if q > 1 else (1 - q, 1)
            pairs.append((i, j, *interval))
    assert (level[rows] == 0).any()
    new, sampler = make_many(
        SafeLevelSMOTE, X, y, partners=partners, interpolation="segment"
    )
    check_moments(X, new, [(i, j, 1 / len(pairs), a, b) for i, j, a, b in pairs])
    assert_array_equal(sampler.safe_levels_[1], level[rows])


def test_box_of_safe_level():
    """A gap for each feature, in the interval of the pair."""
    X, y = make(150)
    _, sampler = make_many(SafeLevelSMOTE, X, y, 2000)
    level = plain_safe_levels(X, y, 1, 5)
    base, partner = sampler.sample_indices_[150:], sampler.partner_indices_
    low, high = safe_interval(level[base], level[partner])
    assert (sampler.gaps_ >= low[:, None] - 1e-12).all()
    assert (sampler.gaps_ <= high[:, None] + 1e-12).all()
    free = high > low
    place = (sampler.gaps_[free] - low[free, None]) / (high - low)[free, None]
    for column in place.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(place[:, 0], place[:, 1])[0, 1]) < 4.5 / np.sqrt(len(place))


# Lee


@pytest.mark.parametrize("options", [{}, {"interpolation": "box"}, {"k_neighbors": 3}])
def test_lee_without_rejection_is_smote(options):
    X, y = make()
    found = LeeSMOTE(rejection_level=1, random_state=0, **options).fit_resample(X, y)
    expected = SMOTE(random_state=0, **options).fit_resample(X, y)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


def foreign_shares(X, y, new, k=5):
    near = np.argsort(cdist(new, X), axis=1)[:, :k]
    return (y[near] != 1).mean(axis=1)


@pytest.mark.parametrize("level", [0.5, 0.3])
@pytest.mark.parametrize("batch", [65_536, 50])
def test_lee_keeps_rows_among_their_class(level, batch, monkeypatch):
    monkeypatch.setattr(_lee, "_BATCH", batch)
    X, y = make()
    new, sampler = make_many(LeeSMOTE, X, y, 500, rejection_level=level)
    assert len(new) == 500
    assert (foreign_shares(X, y, new) < level).all()
    assert sampler.rejection_level_[1] == level
    plain, _ = make_many(SMOTE, X, y, 20_000)
    rate = (foreign_shares(X, y, plain) < level).mean()
    assert 0.1 < rate < 0.9
    assert sampler.acceptance_rate_[1] == pytest.approx(rate, abs=0.1)


def test_lee_is_smote_on_condition():
    """The mean over the rows of SMOTE that pass, at 4.5 errors."""
    X, y = make()
    new, _ = make_many(LeeSMOTE, X, y, 20_000)
    plain, _ = make_many(SMOTE, X, y, 60_000)
    plain = plain[foreign_shares(X, y, plain) < 0.5]
    error = np.sqrt(new.var(axis=0) / len(new) + plain.var(axis=0) / len(plain))
    assert (np.abs(new.mean(axis=0) - plain.mean(axis=0)) < 4.5 * error).all()


def test_balanced_lee_prefers_no_row():
    """Surplus rows are left out at random, not those of the last seeds."""
    X, y = make(share=0.4, flip=0)
    X[y == 1] += 20
    _, sampler = make_many(LeeSMOTE, X, y, 5, allocation="balanced")
    first = sampler.sample_indices_[len(y) :]
    _, sampler = make_many(LeeSMOTE, X, y, 4 * (y == 1).sum(), allocation="balanced")
    counts = np.bincount(sampler.sample_indices_[len(y) :])[y == 1]
    assert set(counts) == {4}
    assert len(set(first)) == 5


def test_the_level_of_lee_rises_when_nothing_passes():
    X, y = make(share=0.3, flip=0)
    X[y == 1] = X[y == 0][:: 140 // 61][: (y == 1).sum()] + 1e-3
    _, sampler = make_many(LeeSMOTE, X, y, 100, rejection_level=0.0)
    assert 0 < sampler.rejection_level_[1] <= 1.01
    rounds = sampler.rejection_level_[1] / 0.1
    assert rounds == pytest.approx(round(rounds))
    assert sampler.n_synthetic_ == {1: 100}


# MWMOTE


def plain_mwmote(X, y, label, k_noisy, k_majority, k_minority, threshold, maximum):
    """The paper's steps, pair after pair."""
    rows = [i for i in range(len(y)) if y[i] == label]
    others = [i for i in range(len(y)) if y[i] != label]
    everyone = list(range(len(y)))
    kept = [
        i for i in rows if (y[nearest(X, [i], everyone, k_noisy)[0]] == label).any()
    ]
    border = sorted(set(nearest(X, kept, others, k_majority).ravel().tolist()))
    near = {b: nearest(X, [b], rows, k_minority)[0].tolist() for b in border}
    informative = sorted({i for b in border for i in near[b]})

    def closeness(b, i):
        if i not in near[b]:
            return 0.0
        distance = np.linalg.norm(X[b] - X[i]) / X.shape[1]
        inverse = 1 / distance if distance > 0 else np.inf
        return min(inverse, threshold) / threshold * maximum

    weight = dict.fromkeys(rows, 0.0)
    for b in border:
        total = 0.0
        for i in informative:
            total += closeness(b, i)
        for i in informative:
            weight[i] += closeness(b, i) * closeness(b, i) / total
    return kept, np.array([weight[i] for i in rows])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"k_noisy": 2, "k_majority": 1, "k_minority": 4},
        {"k_minority": 0.25, "closeness_threshold": 2.0, "closeness_maximum": 0.5},
        {"k_minority": 1000},
    ],
)
def test_weights_of_mwmote(seed, options):
    X, y = make(80, seed)
    X[::9] = X[1]
    rows = np.flatnonzero(y == 1)
    given = options.get("k_minority", 0.5)
    k = given if isinstance(given, int) else int(given * rows.size)
    kept, expected = plain_mwmote(
        X,
        y,
        1,
        options.get("k_noisy", 5),
        options.get("k_majority", 3),
        min(k, rows.size),
        options.get("closeness_threshold", 5.0),
        options.get("closeness_maximum", 2.0),
    )
    sampler = MWMOTE(random_state=0, **options)
    sampler.fit_resample(X, y)
    assert_array_equal(
        _mwmote.informed_rows(NeighborEngine(X, y), rows, options.get("k_noisy", 5)),
        kept,
    )
    assert_allclose(sampler.selection_weights_[1], expected, rtol=1e-10, atol=1e-14)


def test_weights_of_mwmote_do_not_depend_on_blocks(monkeypatch):
    X, y = make(150)
    expected = make_many(MWMOTE, X, y, 10)[1].selection_weights_[1]
    monkeypatch.setattr(_distances, "_BLOCK", 300)
    found = make_many(MWMOTE, X, y, 10)[1].selection_weights_[1]
    assert_allclose(found, expected, rtol=1e-12)


def plain_average_clusters(P, limit):
    clusters = [[i] for i in range(len(P))]
    distance = cdist(P, P)
    while len(clusters) > 1:
        means = [
            (distance[np.ix_(a, b)].mean(), i, j)
            for i, a in enumerate(clusters)
            for j, b in enumerate(clusters)
            if i < j
        ]
        smallest, i, j = min(means)
        if smallest > limit:
            break
        clusters[i] += clusters.pop(j)
    return {frozenset(cluster) for cluster in clusters}


def members(labels):
    return {frozenset(np.flatnonzero(labels == c).tolist()) for c in np.unique(labels)}


@pytest.mark.parametrize("scale_of", [0.0, 1.0, 1.5, 3.0, 100.0])
def test_clusters_of_mwmote(scale_of):
    X, y = make(100)
    kept, _ = plain_mwmote(X, y, 1, 5, 3, 5, 5.0, 2.0)
    spacing = [
        np.linalg.norm(X[i] - X[j])
        for i, (j,) in zip(kept, nearest(X, kept, kept, 1), strict=True)
    ]
    expected = plain_average_clusters(X[y == 1], scale_of * np.mean(spacing))
    _, sampler = make_many(MWMOTE, X, y, 2000, cluster_scale=scale_of)
    clusters = sampler.clusters_[1]
    assert members(clusters) == expected
    number = np.cumsum(y == 1) - 1
    base, partner = sampler.sample_indices_[100:], sampler.partner_indices_
    assert_array_equal(clusters[number[base]], clusters[number[partner]])
    alone = np.bincount(clusters)[clusters[number[base]]] == 1
    assert_array_equal(base == partner, alone)


def test_moments_of_mwmote():
    X, y = make(120)
    _, weights = plain_mwmote(X, y, 1, 5, 3, 18, 5.0, 2.0)
    new, sampler = make_many(MWMOTE, X, y, k_minority=18, cluster_scale=1.5)
    rows, clusters = np.flatnonzero(y == 1), sampler.clusters_[1]
    weights /= weights.sum()
    pairs = []
    for i in range(len(rows)):
        mates = [j for j in np.flatnonzero(clusters == clusters[i]) if j != i] or [i]
        pairs += [(rows[i], rows[j], weights[i] / len(mates), 0, 1) for j in mates]
    assert len(set(clusters)) > 2
    check_moments(X, new, pairs)


def test_kmeans_of_mwmote(monkeypatch):
    X, y = make()
    monkeypatch.setattr(_mwmote, "MOST_ROWS", 10)
    with pytest.raises(ValueError, match="clustering='kmeans'"):
        MWMOTE(random_state=0).fit_resample(X, y)
    _, sampler = make_many(MWMOTE, X, y, 500, clustering="kmeans", n_clusters=4)
    assert len(set(sampler.clusters_[1])) == 4
    number = np.cumsum(y == 1) - 1
    clusters = sampler.clusters_[1]
    base, partner = sampler.sample_indices_[len(y) :], sampler.partner_indices_
    assert_array_equal(clusters[number[base]], clusters[number[partner]])
    found = MWMOTE(clustering="kmeans", random_state=0).fit_resample(
        sparse.csr_array(X), y
    )
    assert len(set(np.bincount(found[1]))) == 1
    X[3, 1] = X[y == 1, 0][0] = np.nan
    X[np.flatnonzero(y == 1)[0], 0] = np.nan
    with pytest.raises(ValueError, match="clustering='average'"):
        MWMOTE(clustering="kmeans", random_state=0).fit_resample(X, y)


# Guided


@pytest.mark.parametrize("seed", range(3))
def test_partners_of_guided(seed):
    """The column of the eigenvectors, not a row."""
    X, y = make(150, seed)
    rows = np.flatnonzero(y == 1)
    values, vectors = np.linalg.eigh(np.cov(X[rows].T))
    direction = vectors[:, np.argmax(values)]
    lists = nearest(X, rows, rows, 5)
    expected = {}
    for i, near in zip(rows, lists, strict=True):
        cosines = [
            abs((X[j] - X[i]) @ direction) / np.linalg.norm(X[j] - X[i]) for j in near
        ]
        expected[i] = near[int(np.argmax(cosines))]
    new, sampler = make_many(GuidedSMOTE, X, y)
    assert abs(sampler.directions_[1] @ direction) == pytest.approx(1)
    base = sampler.sample_indices_[150:]
    assert_array_equal(sampler.partner_indices_, [expected[i] for i in base])
    pairs = [(i, expected[i], 1 / len(rows), 0, 1) for i in rows]
    check_moments(X, new, pairs)


# Assembled


def plain_assemble(P, min_size, min_cosine):
    """Bottom-up clustering on the whole matrix, searched anew for every step."""
    clusters = [[i] for i in range(len(P))]
    D = cdist(P, P)
    np.fill_diagonal(D, np.inf)

    def direction(cluster):
        return np.linalg.svd(P[cluster] - P[cluster].mean(axis=0))[2][0]

    while len(clusters) > 1 and D.min() < np.inf:
        a, b = np.unravel_index(np.argmin(D), D.shape)
        if min(len(clusters[a]), len(clusters[b])) >= min_size:
            cosine = abs(direction(clusters[a]) @ direction(clusters[b]))
            if cosine <= min_cosine:
                D[a, b] = D[b, a] = np.inf
                continue
        clusters[a] += clusters[b]
        D[a] = D[:, a] = np.minimum(D[a], D[b])
        D = np.delete(np.delete(D, b, axis=0), b, axis=1)
        np.fill_diagonal(D, np.inf)
        del clusters[b]
    return {frozenset(cluster) for cluster in clusters}


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize(("min_size", "min_cosine"), [(2, 0.3), (3, 0.8), (4, 0.95)])
def test_clusters_of_assembled(seed, min_size, min_cosine):
    rng = np.random.default_rng(seed)
    P = rng.normal(size=(rng.integers(1, 40), rng.integers(2, 5)))
    everyone = np.arange(len(P))
    found = assemble(P, everyone, min_size, min_cosine)
    assert members(found) == plain_assemble(P, min_size, min_cosine)
    assert_array_equal(np.unique(found), np.arange(found.max() + 1))
    found = assemble(sparse.csr_array(P), everyone, min_size, min_cosine)
    assert members(found) == plain_assemble(P, min_size, min_cosine)


def test_stretches_of_a_border_are_apart():
    along = np.c_[np.arange(10.0), np.zeros(10)]
    across = np.c_[np.full(10, 12.5), 3 + np.arange(10.0)]
    P = np.r_[along, across]
    assert assemble(P, np.arange(20)).tolist() == [0] * 10 + [1] * 10
    assert assemble(P, np.arange(20), min_cosine=0.0).max() <= 1
    assert assemble(P, np.arange(20), min_size=11).max() == 0
    # Equal rows have no direction.
    P[10:] = P[10]
    assert assemble(P, np.arange(20)).max() == 0


def test_assembled_without_border_is_smote():
    X, y = make()
    X[y == 1] += 50
    sampler = AssembledSMOTE(random_state=0)
    found = sampler.fit_resample(X, y)
    for a, b in zip(found, SMOTE(random_state=0).fit_resample(X, y), strict=True):
        assert_array_equal(a, b)
    assert set(sampler.clusters_[1]) == {-1}


def test_moments_of_assembled():
    X, y = make(120)
    rows = np.flatnonzero(y == 1)
    near = nearest(X, rows, range(120), 5)
    border = (y[near] != 1).any(axis=1)
    new, sampler = make_many(AssembledSMOTE, X, y, min_cosine=0.7)
    clusters = sampler.clusters_[1]
    assert_array_equal(clusters >= 0, border)
    at_border = np.flatnonzero(border)
    expected = plain_assemble(X[rows[border]], 2, 0.7)
    assert members(clusters[border]) == expected
    assert len(expected) > 1
    assert at_border.size < rows.size
    pairs = []
    for i, row in enumerate(rows):
        mates = rows[clusters == clusters[i]]
        mates = nearest(X, [row], mates if mates.size > 1 else rows, 5)[0]
        pairs += [(row, j, 1 / rows.size / len(mates), 0, 1) for j in mates]
    check_moments(X, new, pairs)


def test_too_many_border_rows(monkeypatch):
    monkeypatch.setattr(_assembled, "MOST_ROWS", 10)
    X, y = make()
    with pytest.raises(ValueError, match="rows at the border"):
        AssembledSMOTE(random_state=0).fit_resample(X, y)
