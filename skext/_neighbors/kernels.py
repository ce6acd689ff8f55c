"""Compiled loops of the neighbour search.

All distances are squared, in float64, from direct differences, summed in the order of
the columns: dense and sparse rows have the same distance to the last bit. Neighbours
are ordered by distance, then by row number, so that results do not depend on the order
in which rows are visited.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def split_rows(X, order, leaf_size):
    """Reorder row numbers so that each ``leaf_size`` of them lie close together.

    Halves of the rows are split at a median of the column with the widest spread.
    """
    starts = np.empty(128, dtype=np.intp)
    stops = np.empty(128, dtype=np.intp)
    starts[0], stops[0] = 0, order.size
    depth = 1
    while depth > 0:
        depth -= 1
        start, stop = starts[depth], stops[depth]
        n_leaves = (stop - start + leaf_size - 1) // leaf_size
        if n_leaves < 2:
            continue
        column = _widest_column(X, order, start, stop)
        if column < 0:
            continue
        middle = start + leaf_size * (n_leaves // 2)
        _select(X, order, column, start, stop - 1, middle)
        starts[depth], stops[depth] = start, middle
        starts[depth + 1], stops[depth + 1] = middle, stop
        depth += 2


@jit
def _widest_column(X, order, start, stop):
    """Find the column with the widest spread; -1 if all rows are equal."""
    low = X[order[start]].copy()
    high = low.copy()
    for i in range(start + 1, stop):
        row = X[order[i]]
        for j in range(row.size):
            low[j] = min(low[j], row[j])
            high[j] = max(high[j], row[j])
    best, widest = -1, 0.0
    for j in range(low.size):
        if high[j] - low[j] > widest:
            best, widest = j, high[j] - low[j]
    return best


@jit
def _select(X, order, column, low, high, middle):
    """Partition so that no row before ``middle`` exceeds one behind (Hoare's FIND)."""
    while low < high:
        pivot = X[order[(low + high) // 2], column]
        i, j = low, high
        while i <= j:
            while X[order[i], column] < pivot:
                i += 1
            while X[order[j], column] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@jit
def pack_leaves(X, order, leaves, low, high):
    """Copy ordered rows into ``leaves`` of shape (n_leaves, n_features, leaf_size).

    The last leaf is filled with NaN. ``low`` and ``high`` get the corners of the boxes.
    """
    n_leaves, n_features, leaf_size = leaves.shape
    leaves[n_leaves - 1] = np.nan
    for leaf in range(n_leaves):
        low[leaf] = np.inf
        high[leaf] = -np.inf
        start = leaf * leaf_size
        for i in range(min(leaf_size, order.size - start)):
            row = X[order[start + i]]
            for j in range(n_features):
                leaves[leaf, j, i] = row[j]
                low[leaf, j] = min(low[leaf, j], row[j])
                high[leaf, j] = max(high[leaf, j], row[j])


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


@jit(fastmath={"contract"})
def _leaf_distances(Q, first, active, n_active, leaf, tile):
    """Squared distances of the active queries to all rows of a leaf.

    Columns come in slices, so that a slice of the leaf stays in the fastest cache,
    and queries in pairs, which share what is loaded; ``tile`` has a row to spare for
    the last one without a partner.
    """
    n_features, leaf_size = leaf.shape
    tile[:n_active] = 0.0
    for begin in range(0, n_features, 32):
        end = min(begin + 32, n_features)
        whole = begin + (end - begin) // 4 * 4
        for a in range(0, n_active, 2):
            x = Q[first + active[a]]
            y = Q[first + active[min(a + 1, n_active - 1)]]
            to_x, to_y = tile[a], tile[a + 1]
            for f in range(begin, whole, 4):
                x0, x1, x2, x3 = x[f], x[f + 1], x[f + 2], x[f + 3]
                y0, y1, y2, y3 = y[f], y[f + 1], y[f + 2], y[f + 3]
                r0, r1, r2, r3 = leaf[f], leaf[f + 1], leaf[f + 2], leaf[f + 3]
                for j in range(leaf_size):
                    a0, a1, a2, a3 = r0[j], r1[j], r2[j], r3[j]
                    d0, d1, d2, d3 = a0 - x0, a1 - x1, a2 - x2, a3 - x3
                    total = to_x[j] + d0 * d0
                    total = total + d1 * d1
                    total = total + d2 * d2
                    to_x[j] = total + d3 * d3
                    d0, d1, d2, d3 = a0 - y0, a1 - y1, a2 - y2, a3 - y3
                    total = to_y[j] + d0 * d0
                    total = total + d1 * d1
                    total = total + d2 * d2
                    to_y[j] = total + d3 * d3
            for f in range(whole, end):
                x0, y0, r0 = x[f], y[f], leaf[f]
                for j in range(leaf_size):
                    d0 = r0[j] - x0
                    to_x[j] = to_x[j] + d0 * d0
                    d0 = r0[j] - y0
                    to_y[j] = to_y[j] + d0 * d0


@jit
def _box_distance(low, high, other_low, other_high):
    """Lower bound of the squared distance between points of two boxes."""
    total = 0.0
    for j in range(low.size):
        gap = max(low[j] - other_high[j], other_low[j] - high[j], 0.0)
        total += gap * gap
    # Rounding may not turn the bound into more than a distance.
    return total * (1.0 - 1e-12)


@jit
def _visit(
    Q, rows, first, n, leaf, low, high, leaf_rows, distances, found, tile, active
):
    """Compare a group of queries with the rows of a leaf; return the largest radius."""
    k = found.shape[1]
    n_active = 0
    for i in range(n):
        query = Q[first + i]
        if _box_distance(query, query, low, high) <= distances[i, k - 1]:
            active[n_active] = i
            n_active += 1
    _leaf_distances(Q, first, active, n_active, leaf, tile)
    for a in range(n_active):
        i = active[a]
        sums = tile[a]
        radius = distances[i, k - 1]
        hits = 0
        for j in range(sums.size):
            hits += sums[j] <= radius
        if hits == 0:
            continue
        for j in range(leaf_rows.size):
            if sums[j] <= distances[i, k - 1] and leaf_rows[j] != rows[first + i]:
                _insert(distances[i], found[first + i], sums[j], leaf_rows[j])
    radius = 0.0
    for i in range(n):
        radius = max(radius, distances[i, k - 1])
    return radius


@jit
def search_leaves(Q, rows, group, leaves, low, high, leaf_rows, found, start, stop):
    """Find the nearest rows of the leaves for groups of queries.

    Parameters
    ----------
    Q : ndarray of shape (n_queries, n_features)
        Queries, each ``group`` of which lie close together.
    rows : ndarray of shape (n_queries,)
        Their row numbers: a row is not its own neighbour.
    group : int
        Queries per group; groups ``start`` to ``stop`` are searched.
    leaves, low, high : ndarray
        As :func:`pack_leaves` writes them.
    leaf_rows : ndarray of shape (n_rows,)
        Row numbers in the order of the leaves.
    found : ndarray of shape (n_queries, k)
        Gets the row numbers of the neighbours.
    """
    n_leaves, n_features, size = leaves.shape
    k = found.shape[1]
    distances = np.empty((group, k))
    tile = np.empty((group + 1, size))
    active = np.empty(group, dtype=np.intp)
    bounds = np.empty(n_leaves)
    own_low, own_high = np.empty(n_features), np.empty(n_features)
    for g in range(start, stop):
        first = g * group
        n = min(group, Q.shape[0] - first)
        own_low[:] = Q[first]
        own_high[:] = Q[first]
        for i in range(1, n):
            for j in range(n_features):
                own_low[j] = min(own_low[j], Q[first + i, j])
                own_high[j] = max(own_high[j], Q[first + i, j])
        distances[:] = np.inf
        found[first : first + n] = -1
        for leaf in range(n_leaves):
            bounds[leaf] = _box_distance(own_low, own_high, low[leaf], high[leaf])
        radius = np.inf
        visited = -1
        # Enough leaves to fill every list; then only those within the radius.
        while radius == np.inf and visited < n_leaves:
            nearest = np.argmin(bounds)
            if bounds[nearest] == np.inf:
                break
            bounds[nearest] = np.inf
            here = leaf_rows[nearest * size : (nearest + 1) * size]
            radius = _visit(
                Q, rows, first, n, leaves[nearest], low[nearest], high[nearest], here,
                distances, found, tile, active,
            )  # fmt: skip
        near = np.flatnonzero(bounds <= radius)
        near = near[np.argsort(bounds[near])]
        for leaf in near:
            if bounds[leaf] > radius or bounds[leaf] == np.inf:
                break
            here = leaf_rows[leaf * size : (leaf + 1) * size]
            radius = _visit(
                Q, rows, first, n, leaves[leaf], low[leaf], high[leaf], here,
                distances, found, tile, active,
            )  # fmt: skip


@jit(fastmath={"contract"})
def search_missing(Q, rows, R, reference_rows, found, start, stop):
    """Find the nearest rows by the Euclidean distance for missing values.

    The squared distance over columns that both rows know is scaled up to all columns;
    rows with no common column are infinitely far.
    """
    n_features = R.shape[1]
    distances = np.empty(found.shape[1])
    for i in range(start, stop):
        distances[:] = np.inf
        found[i] = -1
        query = Q[i]
        for j in range(R.shape[0]):
            if reference_rows[j] == rows[i]:
                continue
            other = R[j]
            total, known = 0.0, 0
            for f in range(n_features):
                d = other[f] - query[f]
                if d == d:
                    total = total + d * d
                    known += 1
            distance = total * n_features / known if known > 0 else np.inf
            _insert(distances, found[i], distance, reference_rows[j])


@jit(fastmath={"contract"})
def _sparse_distance(a, a_columns, b, b_columns):
    """Squared distance of two sparse rows with sorted columns."""
    total = 0.0
    p = q = 0
    while p < a.size or q < b.size:
        if q == b.size or (p < a.size and a_columns[p] < b_columns[q]):
            d = a[p]
            p += 1
        elif p == a.size or b_columns[q] < a_columns[p]:
            d = b[q]
            q += 1
        else:
            d = b[q] - a[p]
            p += 1
            q += 1
        total = total + d * d
    return total


@jit
def search_sparse(Q, rows, R, columns_of_R, norms, reference_rows, found, start, stop):
    """Find the nearest sparse rows.

    Inner products, which need few operations, bound the distances from both sides;
    the rows that the bounds cannot exclude are compared directly.

    Parameters
    ----------
    Q, R : tuple of ndarray
        CSR arrays (data, indices, indptr) of the queries and the reference rows.
    rows, reference_rows : ndarray
        Their row numbers.
    columns_of_R : tuple of ndarray
        CSC arrays of the reference rows.
    norms : ndarray of shape (n_reference,)
        Squared norms of the reference rows.
    found : ndarray of shape (n_queries, k)
        Gets the row numbers of the neighbours.
    """
    q_data, q_indices, q_indptr = Q
    r_data, r_indices, r_indptr = R
    c_data, c_indices, c_indptr = columns_of_R
    k, n = found.shape[1], norms.size
    products = np.empty(n)
    distances = np.empty(k)
    most = 0
    for j in range(n):
        most = max(most, r_indptr[j + 1] - r_indptr[j])
    for i in range(start, stop):
        here = slice(q_indptr[i], q_indptr[i + 1])
        query, columns = q_data[here], q_indices[here]
        products[:] = 0.0
        norm = 0.0
        for p in range(query.size):
            norm += query[p] * query[p]
            for c in range(c_indptr[columns[p]], c_indptr[columns[p] + 1]):
                products[c_indices[c]] += query[p] * c_data[c]
        error = 4.0 * (most + query.size + 8) * 2.3e-16
        found[i] = -1
        distances[:] = np.inf
        for j in range(n):
            both = norm + norms[j]
            upper = both - 2.0 * products[j] + error * both
            if reference_rows[j] != rows[i] and upper < distances[k - 1]:
                _insert(distances, found[i], upper, j)
        limit = distances[k - 1]
        found[i] = -1
        distances[:] = np.inf
        for j in range(n):
            both = norm + norms[j]
            lower = both - 2.0 * products[j] - error * both
            if lower > limit or reference_rows[j] == rows[i]:
                continue
            there = slice(r_indptr[j], r_indptr[j + 1])
            distance = _sparse_distance(query, columns, r_data[there], r_indices[there])
            _insert(distances, found[i], distance, reference_rows[j])
