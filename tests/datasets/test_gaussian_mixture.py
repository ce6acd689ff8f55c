"""The simulation with correlated features: its truth is exact."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from skext.datasets import make_gaussian_mixture


def covariance(data):
    scale = np.sqrt(data.variances)
    return data.correlation * scale * scale[:, np.newaxis]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("correlation", [-0.6, 0.5, "matrix"])
def test_posterior_is_bayes_rule(n_classes, correlation):
    d = 7
    if correlation == "matrix":
        rows = np.random.default_rng(0).normal(size=(d, 2 * d))
        correlation = np.corrcoef(rows)
    data = make_gaussian_mixture(
        80,
        d,
        n_classes=n_classes,
        separation=1.5,
        correlation=correlation,
        random_state=0,
    )
    joint = np.stack(
        [multivariate_normal(m, covariance(data)).pdf(data.data) for m in data.means],
        axis=1,
    )
    expected = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(data.posterior, expected, rtol=1e-8, atol=1e-12)
    gap = data.means[1] - data.means[0]
    distance = gap @ np.linalg.solve(covariance(data), gap)
    assert np.sqrt(distance) == pytest.approx(1.5)


def test_error_rates_by_integration():
    """Both rates, from the overlap of the densities along the decisive direction."""
    data = make_gaussian_mixture(
        2, 6, n_classes=3, separation=1.2, correlation=0.7, random_state=0
    )
    sigma = covariance(data)
    gap = data.means[1] - data.means[0]
    for weights, rate in (
        (np.linalg.solve(sigma, gap), data.bayes_error),
        (gap / data.variances, data.naive_bayes_error),
    ):
        centres = data.means @ weights
        std = np.sqrt(weights @ sigma @ weights)
        edges = [-np.inf, *(centres[1:] + centres[:-1]) / 2, np.inf]
        right = [
            norm.cdf(edges[k + 1], c, std) - norm.cdf(edges[k], c, std)
            for k, c in enumerate(centres)
        ]
        assert rate == pytest.approx(1 - np.mean(right))

        def best(x, centres=centres, std=std):
            return norm.pdf(x, centres, std).max() / 3

        ends = centres[0] - 10 * std, centres[-1] + 10 * std
        mass = quad(best, *ends, points=edges[1:-1], limit=200)[0]
        assert rate == pytest.approx(1 - mass)
    assert data.naive_bayes_error > data.bayes_error + 0.005


@pytest.mark.parametrize("correlation", [None, 0.8])
def test_error_rates_are_reached(correlation):
    n = 40_000
    data = make_gaussian_mixture(
        n, 8, separation=1.5, correlation=correlation, random_state=1
    )
    distance = ((data.data[:, np.newaxis] - data.means) ** 2 / data.variances).sum(-1)
    for rate, wrong in (
        (data.bayes_error, data.posterior.argmax(axis=1) != data.target),
        (data.naive_bayes_error, distance.argmin(axis=1) != data.target),
    ):
        # Four standard errors: one false alarm in 16,000.
        assert abs(wrong.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / n)
    if correlation is None:
        assert data.correlation is None
        assert data.naive_bayes_error == data.bayes_error


def test_an_identity_matrix_changes_nothing():
    plain = make_gaussian_mixture(50, 5, n_classes=3, random_state=0)
    same = make_gaussian_mixture(
        50, 5, n_classes=3, correlation=np.eye(5), random_state=0
    )
    for name in ("data", "target", "posterior", "bayes_error", "naive_bayes_error"):
        np.testing.assert_allclose(same[name], plain[name], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("correlation", "message"),
    [
        (1.0, "'correlation'"),
        (np.eye(3), r"has shape \(3, 3\) and must .* shape \(4, 4\)"),
        (np.eye(4) + np.eye(4, k=1), "symmetric"),
        (2 * np.eye(4), "diagonal"),
        (
            1.5 * np.eye(4) - 0.5,
            r"smallest eigenvalue -0.5 and must be positive definite",
        ),
    ],
)
def test_no_other_matrix_is_taken(correlation, message):
    with pytest.raises(ValueError, match=message):
        make_gaussian_mixture(10, 4, correlation=correlation)
