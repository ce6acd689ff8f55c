"""Scales of columns, dense and sparse."""

import numpy as np
from numpy.testing import assert_allclose
from scipy import sparse

from skext.utils._scaling import fit_scaler


def test_scales_of_dense_and_sparse_tables():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.random(50) < 0.02,
            rng.normal(size=50),
            np.ones(50),
            np.where(rng.random(50) < 0.5, 3.0, -2.0),
            np.where(rng.random(50) < 0.5, 3.0, 0.0),
            rng.integers(0, 3, size=50),
            np.zeros(50),
        ]
    ).astype(float)
    X[0, 0] = 1
    weight = rng.uniform(size=50)
    # A row of weight 0 is none.
    weight[7] = 0
    X[7] = 9e9
    for table in (X, sparse.csr_array(X), sparse.csr_matrix(X), sparse.csc_array(X)):
        mean, scale, _ = fit_scaler(table, weight)
        assert_allclose(mean, np.average(X, axis=0, weights=weight))
        assert_allclose(scale[[0, 2, 3, 4, 6]], [1, 1, 5, 3, 1])
        spread = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
        assert_allclose(scale[[1, 5]], spread[[1, 5]])


def test_constant_columns_with_weights_have_a_scale():
    """The weighted variance of a constant is less than zero by rounding."""
    for seed in (13, 16, 25):
        rng = np.random.default_rng(seed)
        X = np.full((50, 1), rng.normal() * 10.0 ** rng.integers(-3, 4))
        assert fit_scaler(X, rng.random(50)).scale == 1
