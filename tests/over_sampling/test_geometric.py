"""Geometric SMOTE: the shape of the ball, and who is on its surface."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.neighbors import NearestNeighbors

from skext.over_sampling._placed.geometric import GeometricSMOTE


def make(n_samples=200, n_features=5, seed=0):
    return make_classification(
        n_samples,
        n_features,
        n_redundant=0,
        weights=[0.85],
        flip_y=0,
        random_state=seed,
    )


def resample(X, y, n_rare=2000, **options):
    """Return the sampler and, of each new row, base, surface row and place.

    The place is relative to the radius: along the axis, and its length.
    """
    sampler = GeometricSMOTE(
        sampling_strategy={1: n_rare}, **{"random_state": 0, **options}
    )
    new = sampler.fit_resample(X, y)[0][len(X) :]
    base, surface = sampler.sample_indices_[len(X) :], sampler.partner_indices_
    axis = X[surface] - X[base]
    radius = np.linalg.norm(axis, axis=1)
    place = (new - X[base]) / radius[:, None]
    along = (place * axis).sum(axis=1) / radius
    return sampler, base, surface, along, np.linalg.norm(place, axis=1)


def literal(table, centre, surface, radius, truncation, deformation, normals):
    """The definition, row by row."""
    out = np.empty_like(normals)
    for i, z in enumerate(normals):
        a, s = table[centre[i]], table[surface[i]]
        R = np.linalg.norm(s - a)
        if R == 0:
            out[i] = a
            continue
        v = z / np.linalg.norm(z) * radius[i]
        e = (s - a) / R
        p = v @ e
        if (truncation > 0 and p < truncation - 1) or (
            truncation < 0 and p > truncation + 1
        ):
            v = v - 2 * p * e
            p = -p
        v = p * e + (1 - deformation) * (v - p * e)
        out[i] = a + R * v
    return out


@pytest.mark.parametrize("truncation", [-1.0, -0.4, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("deformation", [0.0, 0.6, 1.0])
def test_kernel_is_the_definition(truncation, deformation):
    from skext.over_sampling._placed.geometric_kernels import place_in_ball

    rng = np.random.default_rng(0)
    table = rng.normal(size=(20, 4)) * 3
    table[7] = table[3]
    centre, surface = rng.integers(20, size=(2, 300))
    surface[:5], centre[:5] = 7, 3
    radius, normals = rng.random(300), rng.normal(size=(300, 4))
    rows = normals.copy()
    arguments = (table, centre, surface, radius, truncation, deformation)
    place_in_ball(*arguments, rows, 0, 300)
    assert_allclose(rows, literal(*arguments, normals), rtol=1e-10, atol=1e-12)
    assert_array_equal(rows[:5], table[centre[:5]])


@pytest.mark.parametrize("strategy", ["minority", "majority", "combined"])
def test_surface_rows(strategy):
    X, y = make()
    _, base, surface, _, _ = resample(X, y, selection_strategy=strategy)
    rare, rest = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    search = NearestNeighbors(n_neighbors=6).fit(X[rare])
    lists = dict(zip(rare, rare[search.kneighbors(X[rare])[1]][:, 1:], strict=True))
    search = NearestNeighbors(n_neighbors=1).fit(X[rest])
    distance, found = search.kneighbors(X[rare])
    foreign = dict(zip(rare, rest[found[:, 0]], strict=True))
    distance = dict(zip(rare, distance[:, 0], strict=True))
    seen = set()
    for a, s in zip(base, surface, strict=True):
        seen.add((a, s))
        if y[s] == 1:
            assert s in lists[a]
            if strategy == "combined":
                assert np.linalg.norm(X[s] - X[a]) <= distance[a] + 1e-12
        else:
            assert s == foreign[a]
            if strategy == "combined":
                assert distance[a] < np.linalg.norm(X[lists[a][-1]] - X[a])
    # All that is possible occurs.
    possible = {
        "minority": {(a, s) for a in rare for s in lists[a]},
        "majority": {(a, foreign[a]) for a in rare},
        "combined": {
            (a, s if np.linalg.norm(X[s] - X[a]) <= distance[a] else foreign[a])
            for a in rare
            for s in lists[a]
        },
    }
    assert seen == possible[strategy]


@pytest.mark.parametrize("truncation", [-1.0, -0.5, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("deformation", [0.0, 0.5, 1.0])
def test_rows_are_in_the_truncated_ball(truncation, deformation):
    X, y = make()
    _, _, _, along, length = resample(
        X, y, truncation_factor=truncation, deformation_factor=deformation
    )
    assert (length <= 1 + 1e-12).all()
    if truncation >= 0:
        assert (along >= truncation - 1 - 1e-12).all()
    if truncation <= 0:
        assert (along <= truncation + 1 + 1e-12).all()
    across = np.sqrt(np.maximum(length**2 - along**2, 0))
    assert (across <= 1 - deformation + 1e-7).all()


@pytest.mark.parametrize("n_features", [2, 5, 12])
def test_distribution_in_the_whole_ball(n_features):
    """Radius and axis part of the uniform distribution; one in a thousand each."""
    X, y = make(n_features=n_features)
    _, _, _, along, length = resample(X, y, 20_000, truncation_factor=0.0)
    assert stats.kstest(length**n_features, "uniform").pvalue > 1e-3
    beta = stats.beta(1 / 2, (n_features + 1) / 2)
    assert stats.kstest(along**2, beta.cdf).pvalue > 1e-3
    assert stats.binomtest((along > 0).sum(), along.size).pvalue > 1e-3


def test_full_deformation_is_not_smote():
    X, y = make(n_features=12)
    _, _, _, along, length = resample(X, y, 20_000, deformation_factor=1.0)
    assert_allclose(along, length, rtol=1e-6)
    assert stats.kstest(along**2, stats.beta(1 / 2, 13 / 2).cdf).pvalue > 1e-3
    assert stats.kstest(along, "uniform").pvalue < 1e-9


def test_one_feature_is_smote():
    X, y = make(n_features=4)
    _, _, _, along, _ = resample(X[:, :1], y, 20_000, selection_strategy="minority")
    assert stats.kstest(along, "uniform").pvalue > 1e-3


def test_translation_and_scale():
    X, y = make()
    found = GeometricSMOTE(random_state=0).fit_resample(8 * X - 3, y)[0]
    expected = 8 * GeometricSMOTE(random_state=0).fit_resample(X, y)[0] - 3
    assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_centres_are_drawn_evenly_or_exactly():
    X, y = make()
    rare = np.flatnonzero(y == 1)
    _, base, *_ = resample(X, y, 20_000)
    assert stats.chisquare(np.bincount(base)[rare]).pvalue > 1e-3
    _, base, *_ = resample(X, y, rare.size * 5 + 3, allocation="balanced")
    assert sorted(np.bincount(base)[rare])[-4:] == [4, 5, 5, 5]


def test_single_foreign_row():
    X, y = make()
    keep = np.append(np.flatnonzero(y == 1), np.flatnonzero(y == 0)[0])
    X, y = X[keep], y[keep]
    sampler = GeometricSMOTE(
        sampling_strategy={1: 90}, selection_strategy="majority", random_state=0
    )
    sampler.fit_resample(X, y)
    assert set(sampler.partner_indices_) == {len(X) - 1}


def test_neighbour_objects():
    X, y = make()
    search = NearestNeighbors(n_neighbors=4)
    sampler, *_ = resample(X, y, k_neighbors=search)
    assert sampler.nn_k_.n_neighbors == 4
    expected, *_ = resample(X, y, k_neighbors=3)
    assert_array_equal(sampler.partner_indices_, expected.partner_indices_)
    with pytest.raises(ValueError, match="at least 2"):
        resample(X, y, k_neighbors=NearestNeighbors(n_neighbors=1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"truncation_factor": 1.1}, "truncation_factor"),
        ({"deformation_factor": -0.1}, "deformation_factor"),
        ({"selection_strategy": "both"}, "selection_strategy"),
    ],
)
def test_bad_parameters_are_named(options, said):
    X, y = make()
    with pytest.raises(ValueError, match=said):
        GeometricSMOTE(**options).fit_resample(X, y)
