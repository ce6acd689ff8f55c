"""Kernels, allocation and generation against one-line formulas."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats

from skext.over_sampling._core import kernels as kernels
from skext.over_sampling._core.allocation import allocate, balanced_counts
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.write import Rounding, append_rows, make_dense

# Without compilation numpy warns about the arithmetic of the hash, which wraps around.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")


def make_plan(rng, n, n_new, width=1):
    return Plan(
        rng.integers(0, n, n_new),
        rng.integers(0, n, n_new),
        rng.uniform(size=(n_new, width)),
    )


def formula(X, plan):
    a, b = X[plan.base], X[plan.partner]
    return a + plan.gaps * (b - a)


KEEP = Rounding(np.zeros(4, dtype=bool), np.rint)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("width", [1, 4])
def test_dense_is_numpy_to_the_bit(dtype, width):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 4)).astype(dtype)
    plan = make_plan(rng, 20, 57, width)
    out = np.empty((57, 4), dtype=dtype)
    kernels.interpolate_dense(X, plan.base, plan.partner, plan.gaps, out, 0, 57)
    assert_array_equal(out, formula(X, plan).astype(dtype))


def test_only_the_given_rows_are_written():
    rng = np.random.default_rng(0)
    X, plan = rng.normal(size=(20, 4)), make_plan(rng, 20, 10)
    out = np.full((10, 4), -1.0)
    kernels.interpolate_dense(X, plan.base, plan.partner, plan.gaps, out, 3, 6)
    assert (out[[0, 1, 2, 6, 7, 8, 9]] == -1).all()
    assert (out[3:6] != -1).all()


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
@pytest.mark.parametrize("density", [0.0, 0.3, 1.0])
def test_sparse_equals_dense(width, dtype, density):
    rng = np.random.default_rng(0)
    X = rng.integers(-9, 9, size=(20, 4)) * (rng.random((20, 4)) < density)
    X = np.abs(X).astype(dtype) if dtype == np.uint8 else X.astype(dtype)
    plan = make_plan(rng, 20, 60, width)
    rounding = Rounding(np.full(4, np.issubdtype(dtype, np.integer)), np.rint)
    dense = append_rows(X, plan, rounding)
    for container in (sparse.csr_array, sparse.csc_matrix):
        found = append_rows(container(X), plan, rounding)
        assert isinstance(found, container)
        assert found.dtype == dtype
        assert_array_equal(found.toarray(), dense)
        assert found.nnz == np.count_nonzero(dense)


def test_sparse_with_repeated_and_unsorted_entries():
    rows = sparse.csr_array(([1.0, 2.0, 5.0, 3.0], [2, 0, 2, 1], [0, 3, 4]), (2, 3))
    before = rows.data.copy()
    plan = Plan(np.array([0]), np.array([1]), np.array([[0.5]]))
    found = append_rows(rows, plan, Rounding(np.zeros(3, dtype=bool), np.rint))
    assert_array_equal(found.toarray()[2], [1.0, 1.5, 3.0])
    assert_array_equal(rows.data, before)


@pytest.mark.parametrize(
    ("function", "expected"), [(np.rint, [0, 2, 2, -2]), (np.trunc, [0, 1, 2, -1])]
)
def test_whole_numbers(function, expected):
    """Half to even, or towards zero."""
    X = np.array([[0, 1, 2, -1], [1, 2, 3, -2]])
    plan = Plan(np.array([0]), np.array([1]), np.array([[0.5]]))
    found = append_rows(X, plan, Rounding(np.ones(4, dtype=bool), function))
    assert found.dtype == X.dtype
    assert found[2].tolist() == expected


def test_rounding_does_not_shrink():
    rng = np.random.default_rng(0)
    X = rng.integers(-5, 6, size=(300, 4))
    plan = make_plan(rng, 300, 50_000)
    exact = formula(X, plan)
    found = append_rows(X, plan, Rounding(np.ones(4, dtype=bool), np.rint))[300:]
    assert_array_equal(found, np.rint(exact))
    assert abs(np.abs(found).mean() - np.abs(exact).mean()) < 0.02


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.int8, np.uint64])
def test_types_without_a_kernel(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 50, size=(20, 4)).astype(dtype)
    plan = make_plan(rng, 20, 40_000)
    whole = np.issubdtype(dtype, np.integer)
    found = append_rows(X, plan, Rounding(np.full(4, whole), np.rint))
    assert found.dtype == dtype
    exact = formula(X.astype(np.float64), plan)
    assert_allclose(found[20:], np.rint(exact) if whole else exact, rtol=1e-3)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_and_read_only_input(order):
    rng = np.random.default_rng(0)
    X = np.array(rng.normal(size=(20, 4)), order=order)
    X.flags.writeable = False
    plan = make_plan(rng, 20, 30)
    assert_array_equal(append_rows(X, plan, KEEP)[20:], formula(X, plan))


def test_nothing_to_make():
    X, none = np.ones((3, 4)), np.empty(0, dtype=np.intp)
    plan = Plan(none, none, np.empty((0, 1)))
    found = append_rows(X, plan, KEEP)
    assert_array_equal(found, X)
    assert not np.shares_memory(found, X)
    assert append_rows(sparse.csr_array(X), plan, KEEP).shape == (3, 4)


def test_missing_values_keep_their_frequency():
    """One parent decides, with probabilities 1 - gap and gap.

    A binomial count of 40 000 within 4.5 standard errors: one false alarm in 150 000.
    """
    n = 40_000
    X = np.array([[1.0, 5.0, np.nan, np.nan], [2.0, np.nan, 7.0, np.nan]])
    for gap in (0.0, 0.2, 0.7):
        plan = Plan(np.zeros(n, int), np.ones(n, int), np.full((n, 1), gap), key=5)
        out = np.empty((n, 4))
        make_dense(X, plan, KEEP, out)
        assert_allclose(out[:, 0], 1 + gap)
        assert np.isnan(out[:, 3]).all()
        for column, value, chance in ((1, 5.0, gap), (2, 7.0, 1 - gap)):
            missing = np.isnan(out[:, column])
            assert (out[~missing, column] == value).all()
            error = 4.5 * np.sqrt(chance * (1 - chance) / n)
            assert abs(missing.mean() - chance) <= error
        # Columns decide independently of each other.
        both = np.isnan(out[:, 1]) & np.isnan(out[:, 2])
        error = 4.5 * np.sqrt(0.25 / n)
        assert abs(both.mean() - gap * (1 - gap)) <= error


def test_hash_is_uniform():
    """Kolmogorov-Smirnov with a false alarm in 10 000."""
    draw = kernels._uniform
    rows = np.array([draw(np.uint64(3), i, 0) for i in range(3000)])
    columns = np.array([draw(np.uint64(3), 0, j) for j in range(3000)])
    assert stats.kstest(rows, "uniform").pvalue > 1e-4
    assert stats.kstest(columns, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(rows[1:], rows[:-1])[0, 1]) < 0.08


@pytest.mark.parametrize("n_samples", [0, 1, 6, 7, 8, 100])
@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_counts(n_samples, weighted):
    rng = np.random.RandomState(0)
    weights = np.array([0.0, 1, 2, 3, 1, 1, 6]) if weighted else None
    counts = balanced_counts(rng, 7, n_samples, weights)
    share = np.ones(7) / 7 if weights is None else weights / weights.sum()
    assert counts.sum() == n_samples
    assert (np.abs(counts - n_samples * share) < 1).all()
    if weighted:
        assert counts[0] == 0


@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 3.0, 0.0])])
def test_random_allocation_has_the_right_frequencies(weights):
    """Chi-square with a false alarm in 10 000."""
    seed, partner = allocate(np.random.RandomState(0), 4, 3, 30_000, "random", weights)
    share = np.ones(4) / 4 if weights is None else weights / weights.sum()
    expected = np.outer(share, np.ones(3) / 3).ravel() * 30_000
    counts = np.bincount(3 * seed + partner, minlength=12)
    assert (counts[expected == 0] == 0).all()
    used = expected > 0
    assert stats.chisquare(counts[used], expected[used]).pvalue > 1e-4
