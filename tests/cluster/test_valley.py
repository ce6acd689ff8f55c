"""Valleys between two groups, and groups of components."""

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression

from skext.cluster import PPPClustering
from skext.cluster._mixture.em import Data, Mixture, State, joint_log_density
from skext.cluster._mixture.validate import (
    compare_components,
    group_components,
)
from skext.cluster._mixture.valley import _one_peak, _two_bells, measure_valley
from skext.cluster._solve import Settings

SETTINGS = Settings.of(PPPClustering(min_evidence=2.0))


@pytest.mark.parametrize("distance", [1.9, 1.98, 2.02, 2.1, 3.0])
def test_two_equal_bells_have_two_peaks_from_two_deviations_on(distance):
    _, density = _two_bells((-distance / 2, 1.0), (distance / 2, 1.0), 0.5)
    inner = (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])
    assert np.count_nonzero(inner) == (2 if distance > 2.0 else 1)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.8])
def test_one_peak_is_the_isotonic_projection(share):
    _, density = _two_bells((-3.0, 1.0), (3.0, 1.5), share)
    peaks = 1 + np.flatnonzero(
        (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])
    )
    left, right = peaks[0], peaks[-1]
    found = _one_peak(density, left, right)
    if density[left] >= density[right]:
        tail = isotonic_regression(density[left:], increasing=False)
        expected = np.concatenate([density[:left], tail])
    else:
        head = isotonic_regression(density[: right + 1])
        expected = np.concatenate([head, density[right + 1 :]])
    np.testing.assert_allclose(found, expected, atol=1e-10)
    top = found.argmax()
    assert np.all(np.diff(found[: top + 1]) >= 0)
    assert np.all(np.diff(found[top:]) <= 0)


def test_evidence_of_data():
    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, 400)
    step = np.array([1.0, 0.0])
    for distance, there in ((1.0, False), (5.0, True)):
        rows = rng.normal(size=(400, 2)) + distance * side[:, None] * step
        valley = measure_valley(
            np.ascontiguousarray(rows.T),
            np.empty((2, 0)),
            (side == 0).astype(float),
            (side == 1).astype(float),
            distance * step,
            np.eye(2),
        )
        assert (valley.evidence > 10.0) == there
        assert (valley.depth > 0.5) == there
    # One Gaussian that was cut in two looks like two groups; the rows do not.
    rows = rng.normal(size=(2000, 2))
    side = rows[:, 0] > 0
    step = rows[side].mean(axis=0) - rows[~side].mean(axis=0)
    cov = 0.5 * (np.cov(rows[side].T) + np.cov(rows[~side].T))
    valley = measure_valley(
        rows.T.copy(), np.empty((2, 0)), 1.0 - side, 1.0 * side, step, cov
    )
    assert valley.evidence < 2.0


def mixture_of(means, scales, mass, rng, n):
    means = np.asarray(means, dtype=float)
    k, d = means.shape
    scales = np.broadcast_to(np.asarray(scales, dtype=float), k)
    eye = np.eye(d)[None]
    mixture = Mixture(
        n * np.asarray(mass, dtype=float),
        means,
        scales[:, None, None] ** 2 * eye,
        eye / scales[:, None, None],
        2 * d * np.log(scales),
        np.full(k, d + 1.0),
        np.ones(k, dtype=np.int64),
    )
    drawn = rng.choice(k, n, p=mass)
    rows = means[drawn] + scales[drawn][:, None] * rng.normal(size=(n, d))
    joint = joint_log_density(mixture, rows.T)
    total = np.logaddexp.reduce(joint)
    data = Data(np.ascontiguousarray(rows.T), np.empty((d, 0)), *np.ones((2, n)))
    state = State(
        mixture, np.exp(joint - total), joint, total.sum(), np.arange(k), 1, True
    )
    return data, state


def test_saddle_between_two_is_exact():
    rng = np.random.default_rng(0)
    data, state = mixture_of([[-3, 0], [3, 0]], 1.0, [0.5, 0.5], rng, 1000)
    pairs = compare_components(data, state, 2.0)
    middle = np.logaddexp.reduce(joint_log_density(state.mixture, np.zeros((2, 1))))
    assert pairs.saddles[0, 1] == pytest.approx(middle[0], abs=1e-10)
    assert pairs.peaks[0] == pytest.approx(pairs.peaks[1])
    assert pairs.depths[0, 1] == pytest.approx(pairs.peaks[0] - middle[0])


def test_groups_of_components():
    rng = np.random.default_rng(0)
    # Two overlapping components, and one apart.
    data, state = mixture_of([[0, 0], [1, 0], [12, 0]], 1.0, [0.3, 0.3, 0.4], rng, 1500)
    pairs = compare_components(data, state, 2.0)
    clusters = group_components(data, state, pairs, SETTINGS)
    assert clusters.cluster.tolist() == [0, 0, 1]
    assert not clusters.background.any()


def test_a_faint_cloud_is_background_and_no_glue():
    rng = np.random.default_rng(0)
    data, state = mixture_of(
        [[-4, 0], [0, 0], [4, 0]], [0.5, 8.0, 0.5], [0.45, 0.1, 0.45], rng, 3000
    )
    pairs = compare_components(data, state, 2.0)
    clusters = group_components(data, state, pairs, SETTINGS)
    assert clusters.cluster[0] != clusters.cluster[2]
    assert clusters.background.tolist() == [False, True, False]
    kept = group_components(data, state, pairs, SETTINGS._replace(background="cluster"))
    assert not kept.background.any()
