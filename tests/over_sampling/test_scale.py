"""Units and offsets of the features, and threads."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skext import combine, over_sampling
from skext.over_sampling._core.offsets import for_trees, near_zero, sparse_moments

OPTIONS = {
    "BorderlineSMOTE": [{"on_empty": "smote"}, {"kind": "borderline-2"}],
    "CCR": [{}, {"generator": "ball"}],
    "GeometricSMOTE": [{}, {"selection_strategy": "majority"}],
    "KMeansSMOTE": [
        {
            "kmeans_estimator": 3,
            "cluster_balance_threshold": 0.05,
            "density_exponent": "paper",
        }
    ],
    "PolynomialFitSMOTE": [{"topology": name} for name in ("bus", "mesh", "poly")],
    "SMOTENC": [{"categorical_features": [0]}],
    "SMOTER": [{"relevance": [[1, 0], [8, 1]]}],
    "SMOGN": [{"relevance": [[1, 0], [8, 1]]}],
}
TARGETS = ("MLSMOTE", "SMOTER", "SMOGN")
SAMPLERS = [
    getattr(module, name)(random_state=0, **options)
    for module in (over_sampling, combine)
    for name in module.__all__
    # Categories have no unit.
    if name not in ("ResampledClassifier", "SMOTEN")
    for options in OPTIONS.get(name, [{}])
]
every_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda s: repr(s).replace("random_state=0", "")
)


def make(sampler, n=160, seed=0):
    """Return a table whose numbers survive an offset of 1e8 without rounding."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n - n // 4, n // 4])
    X = np.rint((rng.normal(size=(n, 4)) + y[:, None]) * 2**18) / 2**18
    name = type(sampler).__name__
    if name == "SMOTENC":
        X[:, 0] = np.rint(X[:, 0])
    if name == "MLSMOTE":
        return X, np.column_stack([y, 1 - y, X[:, 1] > 0]).astype(int)
    return X, y * 9.0 if name in TARGETS else y


def resample(sampler, X, y):
    sampler = clone(sampler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        X_new, y_new = sampler.fit_resample(X, y)
    X_new = X_new.toarray() if sparse.issparse(X_new) else X_new
    return sampler, X_new, y_new


def same(sampler, X, expected, transform, back, container=np.asarray):
    """Compare with the rows made of a transformed table."""
    before, X_expected, y_expected = expected
    found, X_new, y_new = resample(sampler, container(transform(X[0])), X[1])
    assert_array_equal(found.sample_indices_, before.sample_indices_)
    if hasattr(before, "partner_indices_"):
        assert_array_equal(found.partner_indices_, before.partner_indices_)
    assert_allclose(back(X_new), X_expected, atol=1e-6)
    assert_allclose(y_new, y_expected, atol=1e-6)


@every_sampler
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_offsets_change_nothing(sampler, container):
    if container is sparse.csr_array and type(sampler).__name__ in TARGETS:
        pytest.skip("takes no sparse tables")
    data = make(sampler)
    expected = resample(sampler, *data)
    offset = np.array([1e8, -1e8, 0, 1e8])
    if type(sampler).__name__ == "SVMSMOTE":
        # SVC takes the variance of all entries, that between columns included.
        offset = 1e8
    same(sampler, data, expected, lambda X: X + offset, lambda X: X - offset, container)


@every_sampler
@pytest.mark.parametrize("factor", [1e-8, 2.0**-20, 1e8])
def test_units_change_nothing(sampler, factor):
    if type(sampler).__name__ == "MWMOTE":
        pytest.skip("measures closeness in absolute numbers")
    data = make(sampler)
    expected = resample(sampler, *data)
    if type(sampler).__name__ == "CCR":
        sampler = clone(sampler).set_params(energy=sampler.energy * factor)
    same(sampler, data, expected, lambda X: X * factor, lambda X: X / factor)


def test_a_unit_that_decides_is_named():
    X, y = make(over_sampling.MWMOTE())
    with pytest.warns(UserWarning, match="All rows are at most.*scale the features"):
        over_sampling.MWMOTE(random_state=0).fit_resample(X * 1e-8, y)
    options = {"kmeans_estimator": 3, "cluster_balance_threshold": 0.05}
    sampler = over_sampling.KMeansSMOTE(random_state=0, **options)
    sampler.fit_resample(X, y)
    for factor in (1e-8, 1e8):
        with pytest.warns(UserWarning, match="scale the features, or give density"):
            sampler.fit_resample(X * factor, y)


def test_tables_near_zero_are_left_alone():
    X = np.random.default_rng(0).normal(size=(50, 3)) + [0, 5, 50]
    assert near_zero(X)[0] is X
    assert near_zero(sparse.csr_array(X))[1] is None
    far = X + [0, 0, 1e8]
    found, offset = near_zero(far)
    assert_array_equal(offset[:2], 0)
    assert_allclose(found[:, 2].mean(), 0, atol=1e-6)
    assert_allclose(near_zero(sparse.csc_array(far))[0], found)
    assert for_trees(X).dtype == np.float32
    assert_array_equal(for_trees(X), X.astype(np.float32))
    assert np.unique(for_trees(far)[:, 2]).size == 50


def test_moments_of_sparse_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5)) * (rng.random((40, 5)) < 0.4) + [0, 0, 1e6, 0, 0]
    X[:, 4] = 0
    mean, deviation = sparse_moments(sparse.csr_array(X))
    assert_allclose(mean, X.mean(axis=0), atol=1e-12)
    assert_allclose(deviation, X.std(axis=0), rtol=1e-6)


@every_sampler
def test_threads_and_fits_at_the_same_time(sampler):
    X, y = make(sampler)
    _, X_expected, y_expected = resample(sampler, X, y)
    several = clone(sampler)
    if "n_jobs" in several.get_params():
        several.set_params(n_jobs=2)
    # Warnings are recorded for all threads alike.
    with warnings.catch_warnings(), ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("ignore", UserWarning)
        made = [clone(several) for _ in range(8)]
        results = list(pool.map(lambda s: s.fit_resample(X, y), made))
    for X_new, y_new in results:
        assert_array_equal(X_new, X_expected)
        assert_array_equal(y_new, y_expected)
