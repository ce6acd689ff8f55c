import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import multivariate_normal

from skext.datasets import (
    make_cluster_problem,
    make_separated_clusters,
    make_unclustered,
)

SHAPES = "spherical scaled rotated student uniform skewed laplace".split()
NULLS = "normal student lognormal laplace exponential uniform ball".split()


@pytest.mark.parametrize("shape", SHAPES)
def test_truth_of_the_clusters(shape):
    data = make_separated_clusters(
        30_000, 3, n_clusters=4, separation=3.0, shape=shape, random_state=0
    )
    assert pdist(data.centers).min() >= 3.0
    np.testing.assert_allclose(data.posterior.sum(axis=1), 1)
    for k in range(4):
        rows = data.data[data.target == k]
        assert len(rows) == data.weights[k] * 30_000
        error = np.sqrt(np.diag(data.covariances[k]) / len(rows))
        assert np.all(abs(rows.mean(axis=0) - data.centers[k]) < 5 * error)
        spread = np.trace(data.covariances[k])
        # The fourth moments of the heavy-tailed shapes are large.
        np.testing.assert_allclose(
            np.cov(rows.T), data.covariances[k], atol=0.06 * spread
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_posterior_is_calibrated(shape):
    data = make_separated_clusters(
        40_000,
        2,
        n_clusters=4,
        separation=1.5,
        shape=shape,
        imbalance=0.5,
        random_state=1,
    )
    for k in range(4):
        chance = data.posterior[:, k]
        for low, high in [(0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.01)]:
            inside = (chance >= low) & (chance < high)
            variance = (chance[inside] * (1 - chance[inside])).sum()
            gap = abs((data.target[inside] == k).sum() - chance[inside].sum())
            # One false alarm in 16,000 for each of 16 groups and 7 shapes.
            assert gap <= 4 * np.sqrt(variance) + 1e-6 * len(chance)


def test_posterior_of_normal_clusters_is_bayes_rule():
    data = make_separated_clusters(
        200, 3, n_clusters=3, separation=2, shape="rotated", imbalance=1, random_state=2
    )
    joint = np.stack(
        [
            w * multivariate_normal(m, C).pdf(data.data)
            for w, m, C in zip(
                data.weights, data.centers, data.covariances, strict=True
            )
        ],
        axis=1,
    )
    np.testing.assert_allclose(
        data.posterior, joint / joint.sum(axis=1, keepdims=True), atol=1e-12
    )


def test_sizes():
    data = make_separated_clusters(103, 2, n_clusters=10, random_state=0)
    counts = np.bincount(data.target)
    assert counts.sum() == 103
    assert counts.max() - counts.min() <= 1
    data = make_separated_clusters(3, 2, n_clusters=7, random_state=0)
    assert data.centers.shape == (7, 2)
    assert np.isfinite(data.posterior).all()


@pytest.mark.parametrize("number", range(20))
def test_problems_by_number(number):
    problem = make_cluster_problem(number)
    k = len(problem.centers)
    assert 1 <= k <= 15
    assert problem.data.shape == (len(problem.target), problem.centers.shape[1])
    assert np.array_equal(np.unique(problem.target), np.arange(k))
    assert k == 1 or pdist(problem.centers).min() >= problem.separation
    np.testing.assert_array_equal(make_cluster_problem(number).data, problem.data)
    means = [problem.data[problem.target == j].mean(axis=0) for j in range(k)]
    assert abs(np.array(means) - problem.centers).max() < 1.2


def test_first_problem_never_changes():
    """Published figures refer to the numbers of the tables."""
    problem = make_cluster_problem(0)
    assert problem.data.shape == (780, 5)
    first = [1.61747439502, -3.39276663023, 3.7025505078, 1.78769500643, -1.88367784591]
    np.testing.assert_allclose(problem.data[0], first, rtol=1e-10)


@pytest.mark.parametrize("kind", NULLS)
def test_nulls_have_one_mode_in_the_middle(kind):
    data = make_unclustered(5000, 3, kind=kind, random_state=0)
    assert data.data.shape == (5000, 3)
    assert not data.target.any()
    assert np.isfinite(data.data).all()
    if kind == "ball":
        radius = np.linalg.norm(data.data, axis=1)
        assert radius.max() <= 1
        # Half of the volume lies outside of radius 2 ** (-1 / 3).
        assert np.mean(radius > 0.5 ** (1 / 3)) == pytest.approx(0.5, abs=0.03)


def test_generators_leave_the_global_state_alone():
    for make in (make_separated_clusters, make_unclustered):
        first, second = make(random_state=7), make(random_state=7)
        np.testing.assert_array_equal(first.data, second.data)
        assert not np.array_equal(first.data, make(random_state=8).data)
        make(random_state=np.random.default_rng(0))


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="'shape'"):
        make_separated_clusters(shape="round")
    with pytest.raises(ValueError, match="'kind'"):
        make_unclustered(kind="gaussian")
    with pytest.raises(ValueError, match="'number'"):
        make_cluster_problem(-1)
