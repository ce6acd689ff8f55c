import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from skext.datasets._generators import make_gaussian_mixture, make_imbalanced_mixture


@pytest.mark.parametrize("n_classes", [2, 3, 5, 7])
@pytest.mark.parametrize("rescale", [True, False])
def test_mixture_posterior_is_bayes_rule(n_classes, rescale):
    data = make_gaussian_mixture(
        60, 9, n_classes=n_classes, separation=1.5, rescale=rescale, random_state=0
    )
    density = np.stack(
        [
            norm.logpdf(data.data, mean, np.sqrt(data.variances)).sum(axis=1)
            for mean in data.means
        ],
        axis=1,
    )
    joint = np.exp(density) * data.priors
    expected = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(data.posterior, expected, rtol=1e-9, atol=1e-12)
    counts = np.bincount(data.target, minlength=n_classes)
    assert counts.max() - counts.min() <= 1


def test_mixture_bayes_error_of_the_paper():
    for d in (2, 10, 20):
        data = make_gaussian_mixture(2, d, random_state=0)
        assert data.bayes_error == pytest.approx(norm.cdf(-np.sqrt((d + 1) / 2)))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_mixture_bayes_error_is_reached_by_the_true_posterior(n_classes):
    n = 40_000
    data = make_gaussian_mixture(
        n, 6, n_classes=n_classes, separation=1.5, random_state=1
    )
    error = np.mean(data.posterior.argmax(axis=1) != data.target)
    # Four standard errors: one false alarm in 16,000.
    tolerance = 4 * np.sqrt(data.bayes_error * (1 - data.bayes_error) / n)
    assert abs(error - data.bayes_error) < tolerance
    spread = ((data.means[1] - data.means[0]) ** 2 / data.variances).sum()
    assert np.sqrt(spread) == pytest.approx(1.5)


def test_mixture_moments():
    data = make_gaussian_mixture(20_000, 4, n_classes=3, random_state=2)
    assert data.means[:, 0].tolist() == [-2, 0, 1]
    for k in range(3):
        rows = data.data[data.target == k]
        error = np.sqrt(data.variances / len(rows))
        assert np.all(abs(rows.mean(axis=0) - data.means[k]) < 5 * error)
        ratio = rows.var(axis=0) / data.variances
        assert np.all(abs(ratio - 1) < 5 * np.sqrt(2 / len(rows)))


def test_imbalanced_posterior_is_bayes_rule():
    data = make_imbalanced_mixture(
        300, 3, minority_fraction=0.1, n_minority_clusters=2, random_state=0
    )
    common = 0.9 * multivariate_normal(np.zeros(3)).pdf(data.data)
    rare = sum(
        0.05 * multivariate_normal(center, data.cluster_std**2).pdf(data.data)
        for center in data.centers
    )
    np.testing.assert_allclose(data.posterior[:, 1], rare / (rare + common))
    np.testing.assert_allclose(data.posterior.sum(axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(data.centers, axis=1), 2)
    np.testing.assert_array_equal(data.cluster >= 0, data.target == 1)


def test_imbalanced_posterior_is_calibrated():
    data = make_imbalanced_mixture(50_000, minority_fraction=0.05, random_state=3)
    chance = data.posterior[:, 1]
    assert data.target.sum() == 2500
    for low, high in [(0, 0.05), (0.05, 0.3), (0.3, 0.7), (0.7, 1)]:
        inside = (chance >= low) & (chance <= high)
        variance = (chance[inside] * (1 - chance[inside])).sum()
        gap = abs(data.target[inside].sum() - chance[inside].sum())
        assert gap < 4 * np.sqrt(variance)


@pytest.mark.parametrize("make", [make_gaussian_mixture, make_imbalanced_mixture])
def test_random_state(make):
    first, second = make(random_state=7), make(random_state=7)
    np.testing.assert_array_equal(first.data, second.data)
    assert not np.array_equal(first.data, make(random_state=8).data)
    make(random_state=np.random.default_rng(0))
    state = np.random.get_state()[1].copy()
    make(random_state=1)
    np.testing.assert_array_equal(state, np.random.get_state()[1])


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="'minority_fraction'"):
        make_imbalanced_mixture(minority_fraction=0.7)
    with pytest.raises(ValueError, match="'n_classes'"):
        make_gaussian_mixture(n_classes=1)
    tiny = make_imbalanced_mixture(10, minority_fraction=0.01, random_state=0)
    assert tiny.target.sum() == 1
