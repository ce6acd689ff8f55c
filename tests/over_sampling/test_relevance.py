"""Relevance of target values: the cubic, the box plot, bumps."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

from skext.over_sampling._mixed.relevance import (
    _hinges,
    box_plot_points,
    bump_sizes_wanted,
    check_points,
    evaluate,
    limited_slopes,
    number_bumps,
    relevance_of,
)


def random_points(seed, n_points=6):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(0.1, 2, size=n_points))
    value = rng.choice([0, 0.2, 0.5, 1], size=n_points)
    return np.column_stack([x, value, rng.normal(scale=3, size=n_points)])


@pytest.mark.parametrize("seed", range(30))
def test_the_cubic_is_that_of_scipy(seed):
    points = random_points(seed)
    y = np.linspace(points[0, 0], points[-1, 0], 301)
    spline = CubicHermiteSpline(points[:, 0], points[:, 1], limited_slopes(points))
    assert_allclose(evaluate(points, y), spline(y), atol=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_monotone_between_control_points(seed):
    points = random_points(seed)
    for (a, p, _), (b, q, _) in itertools.pairwise(points):
        phi = evaluate(points, np.linspace(a, b, 101))
        assert (np.sign(q - p) * np.diff(phi) >= -1e-12).all()
        assert np.ptp(phi) <= abs(q - p) + 1e-12
        assert_allclose(phi[[0, -1]], [p, q], atol=1e-12)


def test_slopes_that_are_fine_are_kept():
    x = np.array([0.0, 1.0, 2.5, 4.0])
    value = np.array([0.0, 0.1, 0.7, 1.0])
    spline = PchipInterpolator(x, value)
    points = np.column_stack([x, value, spline.derivative()(x)])
    assert_allclose(limited_slopes(points), points[:, 2])
    y = np.linspace(0, 4, 50)
    assert_allclose(evaluate(points, y), spline(y))


def test_slopes_that_are_too_steep_end_on_the_circle():
    points = np.array([[0.0, 0.0, 8.0], [1.0, 1.0, 6.0]])
    slopes = limited_slopes(points)
    assert_allclose(np.hypot(*slopes), 3)
    assert_allclose(slopes[0] / slopes[1], 8 / 6)
    assert_array_equal(limited_slopes(points * [1, 1, -1]), 0)


def test_values_and_slopes_at_control_points():
    points = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [5.0, 1.0, 0.0]])
    h = 1e-6
    for x, value, _ in points:
        assert evaluate(points, np.array([x]))[0] == value
        both = evaluate(points, np.array([x - h, x + h]))
        assert abs(both - value).max() < 1e-10
    # Half way up a cubic with flat ends.
    assert_allclose(evaluate(points, np.array([1.0, 3.5])), 0.5)


def test_linear_beyond_the_ends_and_cut():
    points = np.array([[0.0, 0.5, -0.1], [1.0, 0.2, 0.0]])
    y = np.array([-1.0, -3.0, -100.0, 2.0, 100.0])
    assert_allclose(evaluate(points, y), [0.6, 0.8, 1, 0.2, 0.2])


def test_box_plot():
    """Tukey's hinges of 1 to 9 are 3 and 7; whiskers reach from -3 to 13."""
    y = np.array([9.0, 2, 3, 4, 5, 6, 7, 8, 1])
    assert_array_equal(box_plot_points(y), [[1, 0, 0], [5, 0, 0], [9, 0, 0]])
    y = np.array([9.0, 2, 3, 4, 5, 6, 7, 8, 20])
    # Sorted: 2 ... 9, 20; hinges 4 and 8, so that whiskers reach from -2 to 14.
    assert_array_equal(box_plot_points(y), [[2, 0, 0], [6, 0, 0], [9, 1, 0]])
    y = np.array([-30.0, *range(2, 10), 40])
    assert_array_equal(box_plot_points(y), [[2, 1, 0], [5.5, 0, 0], [9, 1, 0]])


@pytest.mark.parametrize("n", range(1, 12))
def test_hinges(n):
    """Medians of both halves, which share the median if the number is odd."""
    y = np.sort(np.random.default_rng(n).normal(size=n))
    half = (n + 1) // 2
    expected = [np.median(y[:half]), np.median(y), np.median(y[n - half :])]
    assert_allclose(_hinges(y), expected)


def test_many_equal_values():
    """A whisker without length would ask for relevance 0 and 1 at one value."""
    y = np.r_[np.zeros(60), 1, 3, 3, 8, -2]
    points = box_plot_points(y)
    assert_array_equal(points, [[-2, 1, 0], [0, 0, 0], [1, 1, 0]])
    phi = evaluate(points, y)
    assert_array_equal(phi, [0.0] * 60 + [1] * 5)


def test_constant():
    assert_array_equal(relevance_of(np.ones(5), "auto")[0], 0)


def test_forms():
    y = np.array([0.0, 1.0, 2.0])
    phi, points = relevance_of(y, [[2, 1], [0, 0]])
    assert_allclose(phi, [0, 0.5, 1])
    assert_array_equal(points, [[0, 0, 0], [2, 1, 0]])
    phi, points = relevance_of(y, lambda y: y / 2)
    assert_allclose(phi, [0, 0.5, 1])
    assert points is None


@pytest.mark.parametrize(
    ("relevance", "said"),
    [
        ([1.0, 2.0], "shape \\(2,\\)"),
        ([[0.0, 1.0]], "at least two"),
        ([[0.0, 1.0], [0.0, 0.5]], "differ"),
        ([[0.0, 1.0], [np.inf, 0.5]], "finite"),
        ([[0.0, 1.0], [1.0, 1.5]], "from 0 to 1"),
        (lambda y: y[:-1], "shape"),
        (lambda y: y - 5, "from 0 to 1"),
        (lambda y: y * np.nan, "from 0 to 1"),
    ],
)
def test_bad_forms(relevance, said):
    with pytest.raises(ValueError, match=said):
        relevance_of(np.array([0.0, 1.0, 2.0]), relevance)


def test_given_points_are_not_changed():
    points = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    before = points.copy()
    check_points(points)
    limited_slopes(points[::-1])
    assert_array_equal(points, before)


@pytest.mark.parametrize("seed", range(20))
def test_bumps_are_maximal_runs(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(12, size=30) + 0.0
    phi = rng.uniform(size=12)[y.astype(int)]
    bumps = number_bumps(y, phi, 0.5)
    expected, last, number = {}, None, -1
    for value in np.unique(y):
        rare = phi[y == value][0] >= 0.5
        number += rare is not last and rare != last
        expected[value], last = number, rare
    assert_array_equal(bumps, [expected[value] for value in y])


def test_sizes_wanted():
    sizes = np.array([10, 80, 30])
    assert_array_equal(bump_sizes_wanted(sizes, "balance"), [40, 40, 40])
    inverse = 1 / sizes
    expected = np.rint(120 * inverse / inverse.sum())
    assert_array_equal(bump_sizes_wanted(sizes, "extreme"), expected)
    assert_array_equal(bump_sizes_wanted(sizes, [2, 0.5, 1]), [20, 40, 30])
    assert_array_equal(bump_sizes_wanted(sizes, [0.001, 1, 1]), [1, 80, 30])
    with pytest.raises(ValueError, match=r"3 bumps.*\[10, 80, 30\]"):
        bump_sizes_wanted(sizes, [1, 2])
    with pytest.raises(ValueError, match="must have positive"):
        bump_sizes_wanted(sizes, [1, 2, 0])
