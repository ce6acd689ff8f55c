"""Smoothed samples: bandwidths, moments, limits."""

import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from skext.over_sampling._placed.smoothing import (
    ROSE,
    GaussianSMOTE,
    RandomWalkSMOTE,
    normal_bandwidth,
)
from skext.over_sampling._placed.smoothing_kernels import mix_neighbors


def make(n_rare=30, n_rest=300, n_features=4):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(n_features, n_features))
    X = rng.normal(size=(n_rare + n_rest, n_features)) @ mixing
    return X, np.repeat([1, 0], [n_rare, n_rest])


def resample(sampler, X, y, n_rare=20_000):
    sampler.set_params(sampling_strategy={1: n_rare}, random_state=0)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    return new, sampler.sample_indices_[len(X) :]


def test_bandwidth_of_hand():
    table = np.array([[0.0, 2.0], [4.0, 2.0], [2.0, 8.0]])
    factor = (4 / (4 * 3)) ** (1 / 6)
    assert_allclose(normal_bandwidth(table), [factor * 2, factor * np.sqrt(12)])


@pytest.mark.parametrize(
    ("sampler", "deviation"),
    [
        (ROSE(), normal_bandwidth),
        (ROSE(shrinkage=0.3), lambda table: 0.3 * normal_bandwidth(table)),
        (
            RandomWalkSMOTE(),
            lambda table: table.std(axis=0, ddof=1) / np.sqrt(len(table)),
        ),
    ],
    ids=["rose", "rose-0.3", "walk"],
)
def test_noise_is_normal_and_independent(sampler, deviation):
    """One chance in a thousand for each test; seed fixed."""
    X, y = make()
    new, base = resample(sampler, X, y)
    noise = (new - X[base]) / deviation(X[y == 1])
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    correlation = np.corrcoef(noise, rowvar=False)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < 4.5 / np.sqrt(len(noise))
    assert stats.chisquare(np.bincount(base)).pvalue > 1e-3


def test_moments():
    """Mean and variance against the sum over the rows, at 4.5 errors."""
    X, y = make()
    rare = X[y == 1]
    for sampler, extra in [
        (ROSE(), normal_bandwidth(rare) ** 2),
        (RandomWalkSMOTE(), rare.var(axis=0, ddof=1) / len(rare)),
    ]:
        new, _ = resample(sampler, X, y, 200_000)
        error = new.std(axis=0) / np.sqrt(len(new))
        assert (np.abs(new.mean(axis=0) - rare.mean(axis=0)) < 4.5 * error).all()
        square = (new - rare.mean(axis=0)) ** 2
        error = square.std(axis=0) / np.sqrt(len(new))
        expected = rare.var(axis=0) + extra
        assert (np.abs(square.mean(axis=0) - expected) < 4.5 * error).all()


def test_width_follows_the_class_and_not_the_whole_table():
    """imbalanced-learn takes the number of all rows, and gives too little noise."""
    X, y = make(20, 19_980)
    new, base = resample(ROSE(), X, y)
    added = (new - X[base]).var(axis=0) / X[y == 1].var(axis=0, ddof=1)
    assert_allclose(added, (4 / (6 * 20)) ** (2 / 8), rtol=0.05)
    peer = RandomOverSampler(
        shrinkage=1.0, random_state=0, sampling_strategy={1: 20_000}
    )
    new = peer.fit_resample(X, y)[0][len(X) :]
    origin = peer.sample_indices_[len(X) :]
    less = (new - X[origin]).var(axis=0) / X[y == 1].var(axis=0, ddof=1)
    assert (less < added / 4).all()


def test_no_shrinkage_is_the_bootstrap():
    X, y = make()
    new, base = resample(ROSE(shrinkage=0.0), X, y)
    assert_array_equal(new, X[base])


def test_balanced_allocation():
    X, y = make()
    for sampler in (ROSE(), RandomWalkSMOTE(), GaussianSMOTE()):
        _, base = resample(sampler.set_params(allocation="balanced"), X, y, 127)
        assert sorted(np.bincount(base)) == [3] * 23 + [4] * 7


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_neighbourhood_moments(scale):
    """Of each base: mean and covariance of its neighbourhood, at 4.5 errors."""
    X, y = make(12)
    rare = X[y == 1]
    sampler = GaussianSMOTE(k_neighbors=5, covariance_scale=scale)
    new, base = resample(sampler, X, y, 240_000)
    near = NearestNeighbors(n_neighbors=6).fit(rare).kneighbors(rare)[1]
    for i in range(len(rare)):
        group, drawn = rare[near[i]], new[base == i]
        mean = group.mean(axis=0)
        error = drawn.std(axis=0) / np.sqrt(len(drawn))
        assert (np.abs(drawn.mean(axis=0) - mean) < 4.5 * error + 1e-10).all()
        centered = drawn - mean
        products = centered[:, :, None] * centered[:, None, :]
        error = products.std(axis=0) / np.sqrt(len(drawn))
        expected = scale * np.cov(group, rowvar=False, ddof=0)
        assert (np.abs(products.mean(axis=0) - expected) < 4.5 * error + 1e-10).all()


def test_mixing_is_its_formula_and_affine():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(9, 3))
    near = np.array([rng.permutation(np.delete(np.arange(9), i))[:4] for i in range(9)])
    base, z = rng.integers(9, size=50), rng.normal(size=(50, 5))
    rows = np.empty((50, 3))
    mix_neighbors(table, base, near, z, 0.4, rows, 0, 50)
    for i in range(50):
        group = table[np.append(base[i], near[base[i]])]
        mean = group.mean(axis=0)
        assert_allclose(rows[i], mean + 0.4 * z[i] @ (group - mean), rtol=1e-10)
    affine, shift = rng.normal(size=(3, 3)), np.array([5.0, -2.0, 100.0])
    moved = np.empty((50, 3))
    mix_neighbors(table @ affine + shift, base, near, z, 0.4, moved, 0, 50)
    assert_allclose(moved, rows @ affine + shift, rtol=1e-10)


def test_default_number_of_neighbours():
    X, y = make()
    expected, _ = resample(GaussianSMOTE(k_neighbors=5), X, y)
    found, _ = resample(GaussianSMOTE(), X, y)
    assert_array_equal(found, expected)
    # A small class is no reason for a warning: the default takes what is there.
    X, y = make(3)
    assert np.isfinite(resample(GaussianSMOTE(), X, y)[0]).all()


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (ROSE(shrinkage=-1), "shrinkage"),
        (GaussianSMOTE(covariance_scale=-1), "covariance_scale"),
        (GaussianSMOTE(k_neighbors=0), "k_neighbors"),
        (RandomWalkSMOTE(allocation="even"), "allocation"),
    ],
    ids=["shrinkage", "covariance_scale", "k_neighbors", "allocation"],
)
def test_bad_parameters_are_named(sampler, said):
    with pytest.raises(ValueError, match=said):
        sampler.fit_resample(*make())
