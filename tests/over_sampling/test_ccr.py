"""CCR: radii, pushed rows, and draws in balls of the city-block distance."""

import numpy as np
import pandas as pd
import pytest
from imblearn.base import BaseSampler
from imblearn.over_sampling.base import BaseOverSampler
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.datasets import make_classification

from skext.over_sampling._placed.ccr import CCR, displacements, energy_radii

KEY = np.uint64(7)


def make(n_samples=200, scale=0.3):
    X, y = make_classification(
        n_samples, 4, weights=[0.85], n_redundant=0, flip_y=0, random_state=0
    )
    return X * scale, y


def city_block(a, b):
    return np.abs(a[:, None] - b).sum(axis=2)


def grow(distances, energy):
    """Spend the energy step by step, from one row to the next."""
    radius, spent = 0.0, 0.0
    distances = np.sort(distances)
    for n_inside, distance in enumerate(distances):
        cost = (distance - radius) * (n_inside + 1)
        if spent + cost >= energy:
            return radius + (energy - spent) / (n_inside + 1)
        radius, spent = distance, spent + cost
    return radius + (energy - spent) / (len(distances) + 1)


@pytest.mark.parametrize("seed", range(40))
def test_radii(seed):
    rng = np.random.default_rng(seed)
    rare = rng.normal(size=(rng.integers(1, 6), rng.integers(1, 5)))
    others = rng.normal(size=(rng.integers(1, 40), rare.shape[1]))
    others[rng.random(len(others)) < 0.2] = rare[0]
    energy = 10 ** rng.uniform(-3, 2)
    radii = energy_radii(rare, others, energy)
    distance = city_block(rare, others)
    paid = radii + np.maximum(0, radii[:, None] - distance).sum(axis=1)
    assert np.abs(paid - energy).max() < 1e-10
    assert_allclose(radii, [grow(row, energy) for row in distance], rtol=1e-9)
    assert_array_equal(energy_radii(rare, others, energy, 2), radii)


@pytest.mark.parametrize("seed", range(10))
def test_displacements(seed):
    rng = np.random.default_rng(seed)
    rare, others = rng.normal(size=(12, 3)), rng.normal(size=(30, 3))
    radii = rng.uniform(0.2, 3, size=12)
    expected = np.zeros_like(others)
    for i in range(12):
        for j in range(30):
            step = others[j] - rare[i]
            distance = np.abs(step).sum()
            if distance < radii[i]:
                expected[j] += (radii[i] - distance) / distance * step
    found = displacements(others, rare, radii, KEY)
    assert_allclose(found, expected, atol=1e-12)


def test_a_row_at_the_centre_is_pushed_by_the_radius():
    rare, others = np.zeros((1, 4)), np.zeros((50, 4))
    moves = displacements(others, rare, np.array([0.7]), KEY)
    assert_allclose(np.abs(moves).sum(axis=1), 0.7)
    assert len(np.unique(moves, axis=0)) == 50
    tiny = displacements(others + 1e-310, rare, np.array([0.7]), KEY)
    assert np.isfinite(tiny).all()


def test_a_ball_is_empty_afterwards():
    """The package smote-variants computes the new places and forgets them."""
    rng = np.random.default_rng(0)
    X = np.vstack([np.zeros((1, 3)), rng.normal(size=(60, 3)) / 2])
    y = np.repeat([1, 0], [1, 60])
    sampler = CCR(energy=10.0, random_state=0)
    found, _ = sampler.fit_resample(X, y)
    radius = sampler.radii_[1][0]
    assert 0 < sampler.moved_indices_.size < 60
    assert (np.abs(found[1:61]).sum(axis=1) >= radius - 1e-12).all()
    moved = sampler.moved_indices_
    assert_allclose(np.abs(found[moved]).sum(axis=1), radius)
    # Along the line from the centre.
    cosine = (found[moved] * X[moved]).sum(axis=1) / (
        np.linalg.norm(found[moved], axis=1) * np.linalg.norm(X[moved], axis=1)
    )
    assert_allclose(cosine, 1)
    kept = np.setdiff1d(np.arange(61), moved)
    assert_array_equal(found[kept], X[kept])
    assert (np.abs(found[61:]).sum(axis=1) <= radius + 1e-12).all()


@pytest.mark.parametrize("generator", ["sequential", "ball"])
@pytest.mark.parametrize("energy", [0.1, 1.0, 20.0])
def test_rows_and_counts(generator, energy):
    X, y = make()
    sampler = CCR(generator=generator, energy=energy, random_state=0)
    found = sampler.fit_resample(X, y)[0]
    base, new = sampler.sample_indices_[len(X) :], found[len(X) :]
    rare = np.flatnonzero(y == 1)
    radii = np.zeros(len(X))
    radii[rare] = energy_radii(X[rare], X[y == 0], energy)
    assert_allclose(sampler.radii_[1], radii[rare])
    assert (np.abs(new - X[base]).sum(axis=1) <= radii[base] * (1 + 1e-12)).all()
    shares = 1 / radii[rare]
    shares *= len(new) / shares.sum()
    assert np.abs(np.bincount(base, minlength=len(X))[rare] - shares).max() < 1
    moves = displacements(X[y == 0], X[rare], radii[rare], KEY)
    assert_allclose(found[: len(X)][y == 0], X[y == 0] + moves)
    assert_array_equal(found[rare], X[rare])
    moved = np.flatnonzero(y == 0)[moves.any(axis=1)]
    assert_array_equal(sampler.moved_indices_, moved)


def draws(generator, n_features=3, n_new=20_000):
    X = np.vstack([np.zeros((1, n_features)), np.full((2, n_features), 99.0)])
    sampler = CCR(
        sampling_strategy={1: n_new + 1}, generator=generator, energy=1, random_state=0
    )
    return sampler.fit_resample(X, np.array([1, 0, 0]))[0][3:]


@pytest.mark.parametrize("n_features", [1, 3, 10])
def test_uniform_in_the_ball(n_features):
    """One chance in a thousand for each test; seed fixed."""
    new = draws("ball", n_features)
    length = np.abs(new).sum(axis=1)
    assert stats.kstest(length**n_features, "uniform").pvalue > 1e-3
    # The share of a coordinate, and the independent signs.
    if n_features > 1:
        share = stats.beta(1, n_features - 1)
        assert stats.kstest(np.abs(new[:, 0]) / length, share.cdf).pvalue > 1e-3
    counts = np.bincount((new[:, : min(3, n_features)] > 0) @ [1, 2, 4][:n_features])
    assert stats.chisquare(counts).pvalue > 1e-3


def test_one_coordinate_after_the_other():
    new = np.abs(draws("sequential"))
    # Of the sorted order nothing is left: all coordinates are distributed alike,
    # as a mixture of the first (uniform), second and third draw.
    for j in (1, 2):
        assert stats.ks_2samp(new[:, 0], new[:, j]).pvalue > 1e-3
    left = 1 - new.sum(axis=1)
    # What is left is a product of three uniform numbers: minus its logarithm is gamma.
    assert stats.kstest(-np.log(left), stats.gamma(3).cdf).pvalue > 1e-3
    mean = (1 / 2 + 1 / 4 + 1 / 8) / 3
    assert abs(new.mean() - mean) < 4.5 * new.std() / np.sqrt(len(new))


def test_little_energy_moves_nobody():
    X, y = make()
    sampler = CCR(energy=1e-9, random_state=0)
    with pytest.warns(UserWarning, match="energy=1e-09 is small beside distances"):
        found = sampler.fit_resample(X, y)[0]
    assert_array_equal(found[: len(X)], X)
    assert_array_equal(sampler.radii_[1], np.full((y == 1).sum(), 1e-9))
    with pytest.warns(UserWarning, match="energy=1000000.0 is large beside"):
        CCR(energy=1e6, random_state=0).fit_resample(X, y)


def test_without_cleaning_the_given_rows_stay():
    X, y = make()
    sampler = CCR(energy=5.0, clean=False, random_state=0)
    found = sampler.fit_resample(X, y)[0]
    assert_array_equal(found[: len(X)], X)
    cleaned = CCR(energy=5.0, random_state=0).fit_resample(X, y)[0]
    assert_array_equal(found[len(X) :], cleaned[len(X) :])
    assert sampler.moved_indices_.size == 0


def test_classes_start_from_the_given_table():
    X, y = make()
    y = np.where(np.arange(len(y)) % 17 == 0, 2, y)
    sampler = CCR(energy=2.0, random_state=0)
    found = sampler.fit_resample(X, y)[0]
    expected = X.copy()
    for label in (1, 2):
        rest = y != label
        radii = energy_radii(X[~rest], X[rest], 2.0)
        assert_allclose(sampler.radii_[label], radii)
        expected[rest] += displacements(X[rest], X[~rest], radii, KEY)
    assert_allclose(found[: len(X)], expected, atol=1e-12)


def test_energy_grows_with_features():
    X, y = make()
    expected = CCR(energy=0.5 * 4**1.5, random_state=0).fit_resample(X, y)[0]
    found = CCR(energy=0.5, scaling=1.5, random_state=0).fit_resample(X, y)[0]
    assert_array_equal(found, expected)


def test_pushed_rows_in_every_container():
    X, y = make()
    X = np.rint(X * 20) / 20
    X[np.abs(X) < 0.2] = 0
    sampler = CCR(energy=3.0, random_state=0)
    expected = sampler.fit_resample(X, y)[0]
    assert sampler.moved_indices_.size > 10
    for kind in (sparse.csr_matrix, sparse.csc_array):
        found = sampler.fit_resample(kind(X), y)[0]
        assert type(found) is kind
        assert_array_equal(found.toarray(), expected)
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(len(X)) + 5)
    frame["b"] = np.rint(frame["b"] * 4).astype("Int16")
    found = sampler.fit_resample(frame, y)[0]
    plain = sampler.fit_resample(frame.astype(float), y)[0]
    assert found.dtypes.equals(frame.dtypes)
    assert_array_equal(found.index, np.arange(len(found)))
    assert_allclose(found["a"], plain["a"])
    assert_array_equal(found["b"].astype(float), np.rint(plain["b"]))
    polars = pytest.importorskip("polars")
    found = sampler.fit_resample(polars.DataFrame(X), y)[0]
    assert_array_equal(found.to_numpy(), expected)
    before = X.copy()
    sampler.fit_resample(X, y)
    assert_array_equal(X, before)


def test_is_no_over_sampler_whose_given_rows_stay():
    assert isinstance(CCR(), BaseSampler)
    assert not isinstance(CCR(), BaseOverSampler)


@pytest.mark.parametrize(
    "options", [{"energy": 0}, {"generator": "cube"}, {"clean": "no"}, {"scaling": "d"}]
)
def test_bad_parameters_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        CCR(**options).fit_resample(*make())
