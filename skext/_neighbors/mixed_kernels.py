"""Compiled search among rows with numbers and categories."""

import numpy as np

from skext.utils._numba import jit


@jit
def _squares(numbers, codes, penalty, i, total):
    """Write squared distances of column ``i`` to all columns; no value is missing."""
    total[:] = 0.0
    for f in range(numbers.shape[0]):
        column, a = numbers[f], numbers[f, i]
        for j in range(total.size):
            total[j] += (column[j] - a) * (column[j] - a)
    for f in range(codes.shape[0]):
        column, code = codes[f], codes[f, i]
        for j in range(total.size):
            total[j] += penalty * (column[j] != code)


@jit
def _squares_missing(numbers, codes, penalty, i, total, known):
    """Write squared distances scaled up from the known numbers; infinite if none."""
    _squares(numbers[:0], codes, penalty, i, total)
    known[:] = codes.shape[0]
    for f in range(numbers.shape[0]):
        column, a = numbers[f], numbers[f, i]
        for j in range(total.size):
            d = column[j] - a
            if d == d:
                total[j] += d * d
                known[j] += 1
    width = numbers.shape[0] + codes.shape[0]
    for j in range(total.size):
        total[j] = total[j] * width / known[j] if known[j] > 0 else np.inf


@jit
def _median_root(values, sample, part):
    """Return the median of the square roots of values; the others give room to work.

    A sorted sample says between which values the median lies almost surely; only the
    values between them are looked at again.
    """
    n = values.size
    half = n // 2
    below, rest = 0, values
    if n > 8 * sample.size:
        step = n // sample.size
        for s in range(sample.size):
            sample[s] = values[s * step]
        sample.sort()
        # Four and a half standard errors of the median of a sample.
        reach = np.int64(2.25 * np.sqrt(sample.size))
        low = sample[sample.size // 2 - reach]
        high = sample[sample.size // 2 + reach]
        size = 0
        for j in range(n):
            part[size] = values[j]
            below += values[j] < low
            size += (values[j] >= low) & (values[j] <= high)
        if below < half < below + size:
            rest = part[:size]
        else:
            below = 0
    ordered = np.partition(rest, half - below)
    upper = np.sqrt(ordered[half - below])
    if n % 2 == 1:
        return upper
    return (np.sqrt(ordered[: half - below].max()) + upper) / 2


@jit
def search_mixed(
    numbers, codes, penalty, missing, neighbors, distances, medians, start, stop
):
    """Find the nearest other rows, their distances and the median distance.

    Parameters
    ----------
    numbers : ndarray of shape (n_numbers, n_rows)
        Numeric columns, each contiguous; NaN only if ``missing``.
    codes : ndarray of shape (n_nominal, n_rows)
        Categories as whole numbers.
    penalty : float
        What a differing category adds to the squared distance.
    missing : bool
        Whether numbers may be NaN. The squared distance over the known columns is
        then scaled up to all columns.
    neighbors, distances : ndarray of shape (n_rows, k)
        Outputs, the nearest first, equal distances by number.
    medians : ndarray of shape (n_rows,) or (0,)
        Output: median distance to the other rows, if it has room.
    start, stop : int
        Range of rows to search for.
    """
    n_rows, k = neighbors.shape
    total, part = np.empty(n_rows), np.empty(n_rows)
    known, sample = np.empty(n_rows, dtype=np.int64), np.empty(512)
    for i in range(start, stop):
        if missing:
            _squares_missing(numbers, codes, penalty, i, total, known)
        else:
            _squares(numbers, codes, penalty, i, total)
        nearest, squares = neighbors[i], distances[i]
        squares[:] = np.inf
        size = 0
        for j in range(n_rows):
            # Rows at infinity count only until there are enough.
            if j == i or (size == k and total[j] >= squares[k - 1]):
                continue
            place = min(size, k - 1)
            while place > 0 and total[j] < squares[place - 1]:
                squares[place] = squares[place - 1]
                nearest[place] = nearest[place - 1]
                place -= 1
            squares[place] = total[j]
            nearest[place] = j
            size = min(size + 1, k)
        for place in range(k):
            squares[place] = np.sqrt(squares[place])
        if medians.size > 0:
            total[i] = total[n_rows - 1]
            medians[i] = _median_root(total[: n_rows - 1], sample, part)
