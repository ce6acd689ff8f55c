"""Whether the data like a valley between two groups."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import isotonic_regression

_GRID = 513
_TINY = 1e-300
_NARROWEST = 50.0


class Valley(NamedTuple):
    """What two groups look like along the axis that separates them best.

    Attributes
    ----------
    depth : float
        Share by which the density of two Gaussians falls from the lower peak to the
        lowest point between; zero if there is a single peak.
    evidence : float
        Log-likelihood ratio of that density and the nearest one with a single peak.
    """

    depth: float
    evidence: float


def measure_valley(rows, spread, first, second, step, pooled, cells=None):
    """Compare one peak and two along the discriminant axis.

    Parameters
    ----------
    rows : ndarray of shape (n_features, n_rows)
        Rows of both groups.
    spread : ndarray of shape (n_features, n_rows) or (n_features, 0)
        Variances within the rows.
    first, second : ndarray of shape (n_rows,)
        Weights of the rows in the two groups.
    step : ndarray of shape (n_features,)
        From the mean of the first to the mean of the second.
    pooled : ndarray of shape (n_features, n_features)
        Covariance within the groups.
    cells : ndarray of shape (n_features,), default=None
        Variances within the cells of rounded numbers. Between cells that touch, there
        is no valley, which two bells have only if each is as wide as half a cell.

    Returns
    -------
    valley : Valley
        Depth and evidence.
    """
    size = np.sqrt(np.maximum(np.diag(pooled), _TINY))
    matrix = pooled / size / size[:, None]
    matrix[np.diag_indices_from(matrix)] += 1e-9
    axis = np.linalg.solve(matrix, step / size) / size
    length = math.sqrt(axis @ (pooled @ axis))
    if not length > 0.0:
        return Valley(0.0, 0.0)
    axis /= length
    line = axis @ rows
    inner = (axis * axis) @ spread if spread.shape[1] else None
    # Covariances of parsimonious families are too small on this axis, which was
    # chosen for its small variance: estimate anew from the projected rows.
    blur = 0.0 if cells is None else 2.0 * float((axis * axis) @ cells)
    a = _line_moments(line, inner, first, blur)
    b = _line_moments(line, inner, second, blur)
    share = first.sum() / (first.sum() + second.sum())
    grid, density = _two_bells(*_visible(a, b), share)
    peaks = 1 + np.flatnonzero(
        (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])
    )
    if len(peaks) < 2:
        return Valley(0.0, 0.0)
    left, right = peaks[0], peaks[-1]
    lower = min(density[left], density[right])
    depth = 1.0 - density[left : right + 1].min() / lower
    single = _one_peak(density, left, right)
    ratio = np.log(density + _TINY) - np.log(single * (density.sum() / single.sum()))
    evidence = _expect(grid, ratio, line, inner, first + second)
    return Valley(float(depth), float(evidence))


def _line_moments(line, inner, weights, blur):
    mass = weights.sum()
    mean = weights @ line / mass
    variance = weights @ (line - mean) ** 2 / mass
    if inner is not None:
        variance += weights @ inner / mass + blur
    return mean, math.sqrt(max(variance, _TINY))


def _visible(a, b):
    """Widen what the grid could not see; a point has no width at all."""
    least = abs(a[0] - b[0]) / _NARROWEST
    return (a[0], max(a[1], least)), (b[0], max(b[1], least))


def _two_bells(a, b, share):
    low = min(a[0] - 4 * a[1], b[0] - 4 * b[1])
    high = max(a[0] + 4 * a[1], b[0] + 4 * b[1])
    grid = np.linspace(low, high, _GRID)
    density = share / a[1] * np.exp(-0.5 * ((grid - a[0]) / a[1]) ** 2)
    density += (1 - share) / b[1] * np.exp(-0.5 * ((grid - b[0]) / b[1]) ** 2)
    return grid, density


def _one_peak(density, left, right):
    """Least squares projection on densities whose peak is the higher of the two."""
    single = density.copy()
    if density[left] >= density[right]:
        single[left:] = isotonic_regression(density[left:], increasing=False).x
    else:
        single[: right + 1] = isotonic_regression(density[: right + 1]).x
    return single + _TINY


def _expect(grid, values, line, inner, weights):
    """Sum of interpolated values; a row with a spread is three points."""
    if inner is None:
        return weights @ np.interp(line, grid, values)
    away = np.sqrt(3.0 * inner)
    total = 4.0 * np.interp(line, grid, values)
    total += np.interp(line - away, grid, values)
    total += np.interp(line + away, grid, values)
    return weights @ total / 6.0
