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
def _sort(order, values):
    """Sort numbers by the values that they stand for (Shell's sort).

    Close queries follow each other, so that the order of the last is nearly right.
    """
    step = 1
    while 3 * step < order.size:
        step = 3 * step + 1
    while step > 0:
        for i in range(step, order.size):
            number, place = order[i], i
            while place >= step and values[order[place - step]] > values[number]:
                order[place] = order[place - step]
                place -= step
            order[place] = number
        step = step // 3


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
    n_nominal, k = codes.shape[1], found.shape[1]
    distances = np.empty(k)
    near, bounds = np.empty(n_leaves, dtype=np.intp), np.empty(n_leaves)
    tile, differ = np.empty(size), np.empty(size, dtype=np.int32)
    for leaf in range(n_leaves):
        near[leaf] = leaf
    for i in range(start, stop):
        nearest, own = found[i], rows[i]
        for j in range(k):
            distances[j] = np.inf
            nearest[j] = -1
        for leaf in range(n_leaves):
            total = 0.0
            for f in range(n_continuous):
                x = Q[i, f]
                below, above = boxes[0, leaf, f] - x, x - boxes[1, leaf, f]
                gap = above if above > below else below
                if gap > 0.0:
                    total += gap * gap
            # Rounding may not turn the bound into more than a distance.
            bounds[leaf] = total * (1.0 - 1e-12)
        _sort(near, bounds)
        for place in range(n_leaves):
            leaf, radius = near[place], distances[k - 1]
            if bounds[leaf] > radius:
                break
            for j in range(size):
                tile[j] = 0.0
                differ[j] = 0
            for f in range(n_continuous):
                x, column = Q[i, f], numbers[leaf, f]
                for j in range(size):
                    tile[j] = tile[j] + (column[j] - x) * (column[j] - x)
            for f in range(n_nominal):
                level, nominal = codes[i, f], leaf_codes[leaf, f]
                for j in range(size):
                    differ[j] += nominal[j] != level
            hits = 0
            for j in range(size):
                tile[j] = tile[j] + penalty * differ[j]
                hits += tile[j] <= radius
            if hits == 0:
                continue
            for j in range(size):
                # Where there is no row, the distance is NaN.
                if tile[j] <= distances[k - 1] and leaf_rows[leaf * size + j] != own:
                    _insert(distances, nearest, tile[j], leaf_rows[leaf * size + j])


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
def _squares(numbers, codes, penalty, missing, i, total, known):
    """Write squared distances of column ``i`` to all columns.

    With missing numbers they are scaled up from the known ones; infinite if none.
    """
    n_numbers, n_nominal = numbers.shape[0], codes.shape[0]
    for j in range(total.size):
        total[j] = 0.0
    if not missing:
        for f in range(n_numbers):
            column, a = numbers[f], numbers[f, i]
            for j in range(total.size):
                total[j] += (column[j] - a) * (column[j] - a)
    for f in range(n_nominal):
        levels, level = codes[f], codes[f, i]
        for j in range(total.size):
            total[j] += penalty * (levels[j] != level)
    if missing:
        for j in range(total.size):
            known[j] = n_nominal
        for f in range(n_numbers):
            column, a = numbers[f], numbers[f, i]
            for j in range(total.size):
                d = column[j] - a
                if d == d:
                    total[j] += d * d
                    known[j] += 1
        width = n_numbers + n_nominal
        for j in range(total.size):
            total[j] = total[j] * width / known[j] if known[j] > 0 else np.inf


@jit
def _select(values, size, k):
    """Reorder values so that none before ``k`` exceeds it, nor it one behind (FIND)."""
    low, high = 0, size - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break


@jit
def _median_root(values, sample, part):
    """Return the median of the square roots of values; all give room to work.

    A sample says between which values the median lies almost surely; only the values
    between them are looked at again.
    """
    n, size = values.size, sample.size
    half = n // 2
    below, rest, n_rest = 0, values, n
    if n > 8 * size:
        step = n // size
        for s in range(size):
            sample[s] = values[s * step]
        # Four and a half standard errors of the median of a sample.
        reach = np.int64(2.25 * np.sqrt(size))
        last = size // 2 + reach
        _select(sample, size, last)
        _select(sample, last, size // 2 - reach)
        low, high, inside = sample[size // 2 - reach], sample[last], 0
        for j in range(n):
            part[inside] = values[j]
            below += values[j] < low
            inside += (values[j] >= low) & (values[j] <= high)
        if below < half < below + inside:
            rest, n_rest = part, inside
        else:
            below = 0
    half -= below
    _select(rest, n_rest, half)
    upper = np.sqrt(rest[half])
    if n % 2 == 1:
        return upper
    lower = rest[0]
    for j in range(half):
        if rest[j] > lower:
            lower = rest[j]
    return (np.sqrt(lower) + upper) / 2


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
        _squares(numbers, codes, penalty, missing, i, total, known)
        nearest, squares = neighbors[i], distances[i]
        for place in range(k):
            squares[place] = np.inf
        size = 0
        for j in range(n_rows):
            # Rows at infinity count only until there are enough.
            if j == i or (size == k and total[j] >= squares[k - 1]):
                continue
            place = size if size < k else k - 1
            while place > 0 and total[j] < squares[place - 1]:
                squares[place] = squares[place - 1]
                nearest[place] = nearest[place - 1]
                place -= 1
            squares[place] = total[j]
            nearest[place] = j
            size = size + 1 if size < k else k
        for place in range(k):
            squares[place] = np.sqrt(squares[place])
        if medians.size > 0:
            total[i] = total[n_rows - 1]
            medians[i] = _median_root(total[: n_rows - 1], sample, part)


@jit
def _from_levels(shares, offsets, codes, i, table):
    """Squared differences of the levels of one row to all levels, in one array."""
    for f in range(codes.shape[0]):
        own = codes[f, i]
        for level in range(offsets[f], offsets[f + 1]):
            total = 0.0
            for c in range(shares.shape[1]):
                total += abs(shares[own, c] - shares[level, c])
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
    k = found.shape[1]
    distances = np.empty(k)
    table = np.empty(shares.shape[0])
    sums = np.empty(_BLOCK)
    for i in range(start, stop):
        _from_levels(shares, offsets, codes, i, table)
        nearest, own = found[i], rows[i]
        for j in range(k):
            distances[j] = np.inf
            nearest[j] = -1
        for first in range(0, n_rows, _BLOCK):
            radius = distances[k - 1]
            size = n_rows - first
            if size > _BLOCK:
                size = _BLOCK
            for j in range(size):
                sums[j] = 0.0
            hits = size
            for f in range(n_nominal):
                levels, hits = codes[f, first : first + size], 0
                for j in range(levels.size):
                    sums[j] += table[levels[j]]
                    hits += sums[j] <= radius
                if hits == 0:
                    break
            if hits == 0:
                continue
            for j in range(size):
                if sums[j] <= distances[k - 1] and rows[first + j] != own:
                    _insert(distances, nearest, sums[j], rows[first + j])


@jit
def measure_levels(shares, offsets, codes, distances, start, stop):
    """Write the value difference metric between all rows of a class."""
    table = np.empty(shares.shape[0])
    for i in range(start, stop):
        _from_levels(shares, offsets, codes, i, table)
        for j in range(codes.shape[1]):
            distances[i, j] = 0.0
        for f in range(codes.shape[0]):
            for j in range(codes.shape[1]):
                distances[i, j] += table[codes[f, j]]
