"""How separable clusters are: one number, and a matrix."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from skext.cluster import PPPClustering, clusterability_score, separability_matrix
from skext.datasets import make_separated_clusters


@pytest.mark.parametrize("distance", [1.0, 2.0, 4.0])
def test_two_normal_clusters_in_closed_form(distance):
    """The expected error of the better guess, by quadrature."""

    def error(x):
        a, b = norm.pdf(x), norm.pdf(x - distance)
        return 0.5 * min(a, b)

    expected = 1 - 2 * quad(error, -10, 10 + distance, limit=200)[0]
    rng = np.random.default_rng(0)
    x = rng.normal(size=40_000) + distance * rng.integers(0, 2, 40_000)
    odds = np.exp(distance * x - distance**2 / 2)
    proba = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
    assert clusterability_score(proba=proba) == pytest.approx(expected, abs=1e-2)


def test_extremes():
    assert clusterability_score(proba=np.ones((5, 1))) == 0.0
    assert clusterability_score(proba=[[1.0, 0.0], [1.0, 0.0]]) == 0.0
    assert clusterability_score(proba=[[1.0, 0.0], [0.0, 1.0]]) == 1.0
    assert clusterability_score(proba=[[0.5, 0.5], [0.5, 0.5]]) == 0.0


def test_weights_are_repetitions():
    proba = np.random.default_rng(0).dirichlet(np.ones(3), 20)
    w = np.arange(20) % 3
    assert clusterability_score(proba=proba, sample_weight=w) == pytest.approx(
        clusterability_score(proba=np.repeat(proba, w, axis=0))
    )


def test_estimators_fitted_and_not():
    X = make_separated_clusters(300, 2, n_clusters=3, random_state=0).data
    model = PPPClustering().fit(X)
    score = clusterability_score(X, estimator=model)
    assert score == clusterability_score(X)
    assert score == clusterability_score(X, estimator=PPPClustering())
    assert score == pytest.approx(model.clusterability_, abs=1e-6)
    mixture = GaussianMixture(3, random_state=0)
    assert clusterability_score(X, estimator=mixture) > 0.9
    assert not hasattr(mixture, "means_")


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="X and proba: neither is given"):
        clusterability_score()
    with pytest.raises(ValueError, match="X and proba: both are given"):
        clusterability_score([[1.0]], proba=[[1.0]])
    with pytest.raises(ValueError, match="no probabilities"):
        clusterability_score(proba=[[0.5, 0.2]])


def test_matrix_of_the_valleys():
    X = make_separated_clusters(600, 2, n_clusters=4, separation=6, random_state=0).data
    model = PPPClustering().fit(X)
    matrix = separability_matrix(model)
    assert matrix.shape == (model.n_clusters_,) * 2
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_array_equal(np.diag(matrix), 0)
    assert np.all(matrix[~np.eye(len(matrix), dtype=bool)] > 0)
    # A copy: the model stays as it is.
    matrix[:] = 0
    assert separability_matrix(model).any()
