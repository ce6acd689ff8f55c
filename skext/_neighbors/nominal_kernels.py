"""Compiled loops for tables with nominal columns.

Nominal values are whole numbers, 0 to the number of levels of a column. Distances are
squared and in float64; neighbours are ordered by distance, then by row number, so that
results do not depend on the order in which rows are visited.
"""

import numpy as np

from skext.utils._numba import jit

# Rows whose distances are computed at once, so that they stay in the fastest cache.
_BLOCK = 256


@jit
def _insert(distances, neighbors, distance, row):
    """Put a candidate into the sorted list if it belongs there."""
    last = distances.size - 1
    if distance > distances[last]:
        return
    if distance == distances[last] and 0 <= neighbors[last] < row:
        return
    i = last
    while i > 0 and (
        distances[i - 1] > distance
        or (
            distances[i - 1] == distance
            and (neighbors[i - 1] < 0 or neighbors[i - 1] > row)
        )
    ):
        distances[i] = distances[i - 1]
        neighbors[i] = neighbors[i - 1]
        i -= 1
    distances[i] = distance
    neighbors[i] = row


@jit
def _box_distance(query, low, high):
    """Lower bound of the squared distance from a point to the points of a box."""
    total = 0.0
    for j in range(low.size):
        gap = max(low[j] - query[j], query[j] - high[j], 0.0)
        total += gap * gap
    # Rounding may not turn the bound into more than a distance.
    return total * (1.0 - 1e-12)


@jit
def _take_nearest(tile, radius, rows, own, distances, found):
    """Put the rows of a block that are within the radius into the sorted list."""
    hits = 0
    for j in range(tile.size):
        hits += tile[j] <= radius
    if hits == 0:
        return
    last = distances.size - 1
    for j in range(rows.size):
        if tile[j] <= distances[last] and rows[j] != own:
            _insert(distances, found, tile[j], rows[j])


@jit(fastmath={"contract"})
def search_mixed(queries, leaves, penalty, found, start, stop):
    """Find the nearest rows by Euclidean distance with a penalty for other levels.

    Parameters
    ----------
    queries : tuple of ndarray
        Numbers, of shape (n_queries, n_continuous), close queries next to each other;
        levels, of shape (n_queries, n_nominal); and row numbers: a row is not its own
        neighbour.
    leaves : tuple of ndarray
        Numbers of the rows, of shape (n_leaves, n_continuous, leaf_size), NaN where
        there is no row; their levels, of shape (n_leaves, n_nominal, leaf_size);
        lowest and highest numbers, of shape (2, n_leaves, n_continuous); and row
        numbers, of shape (n_rows,).
    penalty : float
        Added to the squared distance for each nominal column that differs.
    found : ndarray of shape (n_queries, k)
        Gets the row numbers of the neighbours.
    """
    Q, codes, rows = queries
    numbers, leaf_codes, boxes, leaf_rows = leaves
    n_leaves, n_continuous, size = numbers.shape
    last = found.shape[1] - 1
    distances = np.empty(found.shape[1])
    bounds = np.empty(n_leaves)
    tile, differ = np.empty(size), np.empty(size, dtype=np.int32)
    for i in range(start, stop):
        query, levels = Q[i], codes[i]
        distances[:] = np.inf
        found[i] = -1
        for leaf in range(n_leaves):
            bounds[leaf] = _box_distance(query, boxes[0, leaf], boxes[1, leaf])
        for leaf in np.argsort(bounds):
            radius = distances[last]
            if bounds[leaf] > radius:
                break
            tile[:] = 0.0
            for f in range(n_continuous):
                x, column = query[f], numbers[leaf, f]
                for j in range(size):
                    d = column[j] - x
                    tile[j] = tile[j] + d * d
            differ[:] = 0
            for f in range(levels.size):
                level, nominal = levels[f], leaf_codes[leaf, f]
                for j in range(size):
                    differ[j] += nominal[j] != level
            for j in range(size):
                tile[j] = tile[j] + penalty * differ[j]
            here = leaf_rows[leaf * size : (leaf + 1) * size]
            _take_nearest(tile, radius, here, rows[i], distances, found[i])


@jit(fastmath={"contract"})
def search_mixed_missing(X, codes, penalty, found, start, stop):
    """Find the nearest rows of a class with missing numbers.

    The squared distance over the columns that both rows know, nominal ones included,
    is scaled up to all columns.
    """
    n_rows, n_continuous = X.shape
    n_nominal = codes.shape[1]
    n_columns = n_continuous + n_nominal
    distances = np.empty(found.shape[1])
    for i in range(start, stop):
        distances[:] = np.inf
        found[i] = -1
        for j in range(n_rows):
            if j == i:
                continue
            total, known, differ = 0.0, n_nominal, 0
            for f in range(n_continuous):
                d = X[j, f] - X[i, f]
                if d == d:
                    total = total + d * d
                    known += 1
            for f in range(n_nominal):
                differ += codes[j, f] != codes[i, f]
            distance = (total + penalty * differ) * n_columns / known
            _insert(distances, found[i], distance, j)


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
def search_pairs(
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


@jit
def _from_levels(shares, offsets, levels, table):
    """Squared differences of the levels of one row to all levels, in one array."""
    for f in range(levels.size):
        own = shares[levels[f]]
        for level in range(offsets[f], offsets[f + 1]):
            total = 0.0
            for c in range(own.size):
                total += abs(own[c] - shares[level, c])
            table[level] = total * total


@jit
def search_levels(shares, offsets, codes, rows, found, start, stop):
    """Find the nearest rows of a class by the value difference metric.

    Parameters
    ----------
    shares : ndarray of shape (n_levels, n_classes)
        Shares of the classes among the rows of each level, all columns one behind
        the other.
    offsets : ndarray of shape (n_nominal + 1,)
        Where the levels of each column begin.
    codes : ndarray of shape (n_nominal, n_rows)
        Levels of the rows, as positions in ``shares``.
    rows : ndarray of shape (n_rows,)
        Row numbers.
    found : ndarray of shape (n_rows, k)
        Gets the row numbers of the neighbours.
    """
    n_nominal, n_rows = codes.shape
    last = found.shape[1] - 1
    distances = np.empty(found.shape[1])
    table = np.empty(shares.shape[0])
    tile = np.empty(_BLOCK)
    for i in range(start, stop):
        _from_levels(shares, offsets, codes[:, i], table)
        distances[:] = np.inf
        found[i] = -1
        for first in range(0, n_rows, _BLOCK):
            radius = distances[last]
            here = rows[first : first + _BLOCK]
            sums = tile[: here.size]
            sums[:] = 0.0
            for f in range(n_nominal):
                levels = codes[f, first : first + _BLOCK]
                hits = 0
                for j in range(sums.size):
                    sums[j] += table[levels[j]]
                    hits += sums[j] <= radius
                if hits == 0:
                    break
            _take_nearest(sums, radius, here, rows[i], distances, found[i])


@jit
def measure_levels(shares, offsets, codes, distances, start, stop):
    """Write the value difference metric between all rows of a class."""
    table = np.empty(shares.shape[0])
    for i in range(start, stop):
        _from_levels(shares, offsets, codes[:, i], table)
        distances[i] = 0.0
        for f in range(codes.shape[0]):
            for j in range(codes.shape[1]):
                distances[i, j] += table[codes[f, j]]
