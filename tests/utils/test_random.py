"""The generator of a fit, and what is drawn from it."""

import numpy as np
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_array_equal
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from skext.over_sampling import SMOTE
from skext.utils._random import draw_normals, fit_rng, seed_parts


def test_a_generator_is_wrapped():
    generator = np.random.default_rng(0)
    first = fit_rng(generator).randint(1000, size=5)
    second = fit_rng(generator).randint(1000, size=5)
    assert not np.array_equal(first, second)
    assert_array_equal(first, fit_rng(np.random.default_rng(0)).randint(1000, size=5))


def test_parts_get_seeds():
    """All that have none, at any depth, each another; given ones stay."""
    parts = make_pipeline(SMOTE(), LogisticRegression()), SVC(random_state=3)
    seed_parts(np.random.RandomState(0), *parts)
    found = [parts[0][0].random_state, parts[0][1].random_state]
    expected = np.random.RandomState(0).randint(2**31 - 1, size=2).tolist()
    assert sorted(found) == sorted(expected)
    assert parts[1].random_state == 3


def test_a_generator_becomes_what_scikit_learn_takes():
    machine = SVC(random_state=np.random.default_rng(0))
    seed_parts(np.random.RandomState(0), machine)
    expected = fit_rng(np.random.default_rng(0)).randint(1000, size=3)
    assert_array_equal(machine.random_state.randint(1000, size=3), expected)


def test_normals():
    drawn = draw_normals(np.random.RandomState(0), (2000, 2))
    assert drawn.shape == (2000, 2)
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3
    assert_array_equal(drawn, draw_normals(np.random.RandomState(0), (2000, 2)))
