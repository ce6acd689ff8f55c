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
def search_mixed_missing(X, codes, rows, penalty, found, start, stop):
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
            _insert(distances, found[i], distance, rows[j])


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


@jit
def tally(codes, n_levels, voters, winners, n_winners, start, stop):
    """Find the most frequent levels of a column among the voters of each seed.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Levels of the column.
    n_levels : int
        Number of levels.
    voters : ndarray of shape (n_seeds, n_voters)
        Row numbers.
    winners : ndarray of shape (n_seeds, n_voters)
        Gets, for each level that is most frequent, the first row that has it.
    n_winners : ndarray of shape (n_seeds,)
        Gets the number of such levels.
    """
    counts = np.zeros(n_levels, dtype=np.int64)
    for i in range(start, stop):
        most = 0
        for row in voters[i]:
            counts[codes[row]] += 1
            most = max(most, counts[codes[row]])
        n = 0
        for row in voters[i]:
            if counts[codes[row]] == most:
                winners[i, n] = row
                n += 1
            counts[codes[row]] = 0
        n_winners[i] = n


@jit
def _uniform(key, i, j):
    """Hash three numbers to one in [0, 1): the finalizer of SplitMix64."""
    z = key + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
    z ^= np.uint64(j + 1) * np.uint64(0xD1B54A32D192ED03)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@jit
def draw_winners(winners, n_winners, seed, key, column, chosen, start, stop):
    """Choose one of the winners for each synthetic row.

    Parameters
    ----------
    winners, n_winners : ndarray
        As :func:`tally` writes them.
    seed : ndarray of shape (n_new,)
        Seed of each synthetic row.
    key : numpy.uint64
        Decides between equals, with the position and the column.
    column : int
        Number of the nominal column.
    chosen : ndarray of shape (n_new,)
        Gets the row whose value the synthetic row takes.
    """
    for i in range(start, stop):
        n = n_winners[seed[i]]
        which = 0 if n == 1 else int(_uniform(key, i, column) * n)
        chosen[i] = winners[seed[i], which]
