"""SMOBD, and what several variants compute: distances, directions, companions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from scipy.spatial.distance import cdist
from sklearn.cluster import OPTICS
from sklearn.datasets import make_classification
from sklearn.preprocessing import scale

from skext._neighbors import distances as _distances
from skext.over_sampling._core.partners import draw_companions
from skext.over_sampling._segment import guided as _guided
from skext.over_sampling._segment.smobd import SMOBD, is_noise


def make(flip=0.1):
    return make_classification(
        n_samples=200,
        n_features=4,
        n_informative=4,
        n_redundant=0,
        weights=[0.7],
        class_sep=0.6,
        flip_y=flip,
        random_state=0,
    )


def make_many(cls, X, y, n_new, **options):
    """Return the synthetic rows of class 1, and the sampler."""
    n_rare = (y == 1).sum()
    sampler = cls(sampling_strategy={1: n_rare + n_new}, random_state=0, **options)
    return sampler.fit_resample(X, y)[0][len(X) :], sampler


# SMOBD


@pytest.mark.parametrize("options", [{}, {"core_weight": "inverse"}, {"max_eps": 1.2}])
def test_weights_of_smobd(options):
    X, y = make()
    P = scale(X[y == 1])
    D = cdist(P, P)
    eps = options.get("max_eps", np.inf)
    core = np.sort(D, axis=1)[:, 4]
    core[core > eps] = np.inf
    clustering = OPTICS(min_samples=5, max_eps=eps).fit(P)
    assert_allclose(clustering.core_distances_, core)
    reach = np.where(np.isinf(clustering.reachability_), core, clustering.reachability_)
    noise = core > 1.8 * core[np.isfinite(core)].mean()
    noise &= reach > 1.8 * reach[np.isfinite(reach)].mean()
    radius = eps if np.isfinite(eps) else core.mean()
    counts = (radius >= D).sum(axis=1)
    core = np.where(np.isinf(core), 1.1 * core[np.isfinite(core)].max(), core)
    part = core.min() / core if "core_weight" in options else core / core.max()
    expected = np.where(noise, 0, 0.5 * part + 0.5 * counts / counts.max())
    _, sampler = make_many(SMOBD, X, y, 20_000, **options)
    found = sampler.density_weights_[1]
    assert_allclose(found, expected, rtol=1e-10)
    assert noise.any()
    drawn = np.bincount(sampler.sample_indices_[len(y) :], minlength=len(y))[y == 1]
    assert not drawn[noise].any()
    chances = found[~noise] / found.sum() * 20_000
    assert stats.chisquare(drawn[~noise], chances).pvalue > 1e-3


def test_an_infinite_reachability_is_not_the_end_of_noise():
    core = np.array([1.0, 1, 1, 1, 9, np.inf])
    reach = np.array([1.0, 1, 1, 1, 9, np.inf])
    assert is_noise(core, reach, 1.8).tolist() == [False] * 4 + [True] * 2
    assert is_noise(core, reach[::-1].copy(), 1.8).tolist() == [False] * 6


def test_smobd_does_not_depend_on_the_scale():
    """Raw distances beyond max_eps made the peer return the data unchanged."""
    X, y = make()
    units = np.array([1e-3, 1e4, 1.0, 50.0])
    _, one = make_many(SMOBD, X, y, 10, max_eps=1.2)
    _, other = make_many(SMOBD, X * units, y, 10, max_eps=1.2)
    assert_allclose(other.density_weights_[1], one.density_weights_[1], rtol=1e-8)


def test_an_outlier_is_not_interpolated_from():
    X, y = make(flip=0)
    outlier = np.flatnonzero(y == 1)[5]
    X[outlier] += 40
    _, sampler = make_many(SMOBD, X, y, 2000)
    assert sampler.density_weights_[1][5] == 0
    assert not (sampler.sample_indices_[len(y) :] == outlier).any()


def test_box_of_smobd():
    X, y = make()
    new, sampler = make_many(SMOBD, X, y, 2000)
    a, b = X[sampler.sample_indices_[len(y) :]], X[sampler.partner_indices_]
    assert (new >= np.minimum(a, b) - 1e-12).all()
    assert (new <= np.maximum(a, b) + 1e-12).all()
    assert np.ptp(sampler.gaps_, axis=1).min() > 0


# Parts in common


def test_companions():
    """Every other member alike; one chance in a thousand to fail, fixed seed."""
    rng = np.random.RandomState(0)
    groups = np.array([2, 0, 2, 1, 2, 0, 2])
    seed = rng.randint(0, 7, size=30_000)
    found = draw_companions(rng, groups, seed)
    assert_array_equal(groups[found], groups[seed])
    assert_array_equal(found == seed, seed == 3)
    for i in (0, 2, 4, 6):
        counts = np.bincount(found[seed == i], minlength=7)[
            [j for j in (0, 2, 4, 6) if j != i]
        ]
        assert stats.chisquare(counts).pvalue > 1e-3


def test_cosines_of_duplicates_and_sparse_rows(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4))
    X[rng.random(X.shape) < 0.4] = 0
    X[1] = X[0]
    rows, near = np.arange(20), (np.arange(20)[:, None] + [1, 2, 3]) % 20
    direction = np.array([0.5, 0.5, 0.5, 0.5])
    expected = _guided.direction_cosines(X, rows, near, direction)
    assert expected[0, 0] == 0
    assert (np.abs(expected) <= 1 + 1e-12).all()
    monkeypatch.setattr(_distances, "_BLOCK", 12)
    for table in (X, sparse.csr_array(X), sparse.csc_matrix(X)):
        assert_allclose(
            _guided.direction_cosines(table, rows, near, direction),
            expected,
            atol=1e-14,
        )
