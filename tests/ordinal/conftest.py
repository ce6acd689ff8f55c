"""Data for the tests of ordinal classifiers."""

import numpy as np
import pytest
from scipy.special import expit

from skext.datasets import load_wine_bitterness


@pytest.fixture
def wine():
    """72 tastings: temperature and contact, rating from 0 to 4."""
    X, y = load_wine_bitterness(return_X_y=True)
    return X, y - 1


@pytest.fixture
def crossing_data():
    """Rows on which a natural fit with a small penalty crosses."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((150, 4)) + [0, 3, -2, 1]
    latent = X @ [1.0, -0.5, 0.0, 0.3] + 1.5 * rng.logistic(size=150)
    return X, np.digitize(latent, np.quantile(latent, [0.4, 0.7, 0.9]))


@pytest.fixture
def ordinal_data():
    """Four classes with weights that change at the last threshold."""
    rng = np.random.RandomState(1)
    X = rng.uniform(-1, 1, size=(400, 5))
    eta = np.array([0.0, 1.5, 3.0]) - np.column_stack(
        [X @ [1.0, 0.5, 0, 0, 0]] * 2 + [X @ [1.0, 0.5, 0.7, 0, 0]]
    )
    return X, (rng.uniform(size=(400, 1)) > expit(eta)).sum(axis=1)
