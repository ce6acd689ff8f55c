"""Hartigan's dip: how far a sample is from having one mode.

The dip is the largest gap between the empirical distribution function and the
nearest unimodal one; a distribution function is unimodal if it is convex up to some
point and concave from there on. No model is fitted, which makes it a check on what a
model found.

References
----------
.. [1] J. A. Hartigan and P. M. Hartigan, "The dip test of unimodality", Annals of
   Statistics 13, 1985.
.. [2] P. M. Hartigan, "Computation of the dip statistic to test for unimodality",
   Applied Statistics 34, 1985 (AS 217).
"""

import functools

import numpy as np

from skext.utils._numba import jit

# From here on, the dip times the root of the number of rows has its limiting
# distribution to within one per cent.
_LARGEST_SIMULATED = 1000
_N_SIMULATED = 10_000


def dip_statistic(values):
    """Compute the dip of a sample.

    Parameters
    ----------
    values : array-like of shape (n_samples,)
        Any numbers, in any order.

    Returns
    -------
    dip : float
        Between ``1 / (2 * n_samples)``, or 0 for equal values, and 1/4.
    """
    values = np.sort(np.asarray(values, dtype=np.float64))
    if values.size == 0 or values[0] == values[-1]:
        return 0.0
    distinct, counts = np.unique(values, return_counts=True)
    return float(_dip(distinct, np.cumsum(counts) / values.size))


def dip_test(values):
    """Test a sample for having one mode.

    The null hypothesis is a uniform distribution, which is the hardest unimodal one
    to tell from two modes in large samples.

    Parameters
    ----------
    values : array-like of shape (n_samples,)
        Any numbers, in any order.

    Returns
    -------
    dip : float
        The statistic.
    pvalue : float
        Share of uniform samples with a dip as large, from a fixed simulation: the
        same for every call. Beyond what was simulated the tail is continued as that
        of a normal distribution.
    """
    n = len(values)
    dip = dip_statistic(values)
    if n < 4:
        return dip, 1.0
    size = min(n, _LARGEST_SIMULATED)
    null = _simulated_dips(_rounded(size)) * np.sqrt(_rounded(size))
    scaled = dip * np.sqrt(n)
    above = null.size - np.searchsorted(null, scaled, side="left")
    if above >= 10:
        return dip, float(above / null.size)
    first, second = null[-null.size // 100], null[-10]
    slope = np.log(null.size / 1000) / max(second**2 - first**2, 1e-300)
    tail = np.exp(-slope * (scaled**2 - second**2))
    return dip, float(max(10 / null.size * min(tail, 1.0), 1e-12))


def _rounded(n):
    """Sample size that is simulated for ``n``: exact up to 20, then in steps of 5 %."""
    if n <= 20:
        return n
    return min(round(20 * 1.05 ** round(np.log(n / 20) / np.log(1.05))), 1000)


@functools.lru_cache(maxsize=64)
def _simulated_dips(n):
    """Sorted dips of uniform samples, always the same."""
    rng = np.random.default_rng(n)
    dips = np.empty(_N_SIMULATED)
    heights = np.arange(1, n + 1) / n
    for start in range(0, _N_SIMULATED, 1000):
        # Sums of exponential numbers, divided by their total, are sorted uniforms.
        x = np.cumsum(rng.standard_exponential((1000, n)), axis=1)
        _dips(x, heights, dips[start : start + 1000])
    dips.sort()
    dips.flags.writeable = False
    return dips


@jit
def _dips(samples, heights, out):
    for i in range(samples.shape[0]):
        out[i] = _dip(samples[i], heights)


@jit
def _hull(x, y, first, last, sign, knots):
    """Knots of the greatest convex minorant (sign 1) or least concave majorant (-1)."""
    n = 0
    for i in range(first, last + 1):
        while n >= 2:
            a = knots[n - 2]
            b = knots[n - 1]
            turn = (y[b] - y[a]) * (x[i] - x[b]) - (y[i] - y[b]) * (x[b] - x[a])
            if sign * turn < 0.0:
                break
            n -= 1
        knots[n] = i
        n += 1
    return n


@jit
def _fill(x, y, knots, n, values):
    """Evaluate the broken line through the knots at all points between them."""
    for s in range(n - 1):
        a = knots[s]
        b = knots[s + 1]
        slope = (y[b] - y[a]) / (x[b] - x[a])
        for i in range(a, b):
            values[i] = y[a] + slope * (x[i] - x[a])
    values[knots[n - 1]] = y[knots[n - 1]]


@jit
def _dip(x, upper):
    """Dip of distinct sorted values whose distribution function jumps to ``upper``.

    The modal interval shrinks until the convex minorant and the concave majorant
    within it are no further apart than what the tails already force.
    """
    n = x.size
    lower = np.empty(n)
    lower[0] = 0.0
    for i in range(1, n):
        lower[i] = upper[i - 1]
    convex = np.empty(n)
    concave = np.empty(n)
    knots = np.empty(n, dtype=np.int64)
    other = np.empty(n, dtype=np.int64)
    # As a literal it would compile `_hull` once more.
    first = np.int64(0)
    last = n - 1
    worst = 0.0
    while True:
        n_convex = _hull(x, lower, first, last, 1.0, knots)
        n_concave = _hull(x, upper, first, last, -1.0, other)
        _fill(x, lower, knots, n_convex, convex)
        _fill(x, upper, other, n_concave, concave)
        gap = -1.0
        left = first
        right = last
        # The next knot of the other line encloses where the gap is largest.
        s = 0
        for r in range(n_convex):
            i = knots[r]
            while s < n_concave - 1 and other[s] < i:
                s += 1
            if concave[i] - convex[i] > gap:
                gap = concave[i] - convex[i]
                left = i
                right = other[s]
        s = 0
        for r in range(n_concave):
            i = other[r]
            while s < n_convex - 1 and knots[s + 1] <= i:
                s += 1
            if concave[i] - convex[i] > gap:
                gap = concave[i] - convex[i]
                left = knots[s]
                right = i
        if gap <= worst:
            return 0.5 * worst
        for i in range(first, left + 1):
            worst = max(worst, upper[i] - convex[i])
        for i in range(right, last + 1):
            worst = max(worst, concave[i] - lower[i])
        if left == first and right == last:
            return 0.5 * worst
        first = left
        last = right
