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
    n_features = X.shape[1]
    starts = np.empty(128, dtype=np.intp)
    stops = np.empty(128, dtype=np.intp)
    low, high = np.empty(n_features), np.empty(n_features)
    starts[0] = 0
    stops[0] = order.size
    depth = 1
    while depth > 0:
        depth -= 1
        first, behind = starts[depth], stops[depth]
        n_leaves = (behind - first + leaf_size - 1) // leaf_size
        if n_leaves < 2:
            continue
        for j in range(n_features):
            low[j] = np.inf
            high[j] = -np.inf
        for i in range(first, behind):
            row = order[i]
            for j in range(n_features):
                value = X[row, j]
                low[j] = value if value < low[j] else low[j]
                high[j] = value if value > high[j] else high[j]
        column, widest = -1, 0.0
        for j in range(n_features):
            spread = high[j] - low[j]
            if spread > widest:
                column, widest = j, spread
        if column < 0:
            continue
        middle = first + leaf_size * (n_leaves // 2)
        # No row before the middle may exceed one behind (Hoare's FIND).
        start, stop = first, behind - 1
        while start < stop:
            pivot = X[order[(start + stop) // 2], column]
            i, j = start, stop
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
                stop = j
            elif middle >= i:
                start = i
            else:
                break
        starts[depth] = first
        stops[depth] = starts[depth + 1] = middle
        stops[depth + 1] = behind
        depth += 2


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
    begin = 0
    while begin < n_features:
        end = begin + 32
        if end > n_features:
            end = n_features
        a = 0
        while a < n_active:
            x = Q[first + active[a]]
            y = x
            if a + 1 < n_active:
                y = Q[first + active[a + 1]]
            to_x, to_y = tile[a], tile[a + 1]
            if begin == 0:
                for j in range(leaf_size):
                    to_x[j] = 0.0
                    to_y[j] = 0.0
            f = begin
            while f + 4 <= end:
                r0, r1 = leaf[f], leaf[f + 1]
                r2, r3 = leaf[f + 2], leaf[f + 3]
                x0, x1 = x[f], x[f + 1]
                x2, x3 = x[f + 2], x[f + 3]
                y0, y1 = y[f], y[f + 1]
                y2, y3 = y[f + 2], y[f + 3]
                for j in range(leaf_size):
                    a0, a1 = r0[j], r1[j]
                    a2, a3 = r2[j], r3[j]
                    total = to_x[j] + (a0 - x0) * (a0 - x0)
                    total = total + (a1 - x1) * (a1 - x1)
                    total = total + (a2 - x2) * (a2 - x2)
                    to_x[j] = total + (a3 - x3) * (a3 - x3)
                    total = to_y[j] + (a0 - y0) * (a0 - y0)
                    total = total + (a1 - y1) * (a1 - y1)
                    total = total + (a2 - y2) * (a2 - y2)
                    to_y[j] = total + (a3 - y3) * (a3 - y3)
                f += 4
            while f < end:
                r0, x0, y0 = leaf[f], x[f], y[f]
                for j in range(leaf_size):
                    a0 = r0[j]
                    to_x[j] = to_x[j] + (a0 - x0) * (a0 - x0)
                    to_y[j] = to_y[j] + (a0 - y0) * (a0 - y0)
                f += 1
            a += 2
        begin = end


@jit
def _box_distance(low, high, other_low, other_high):
    """Lower bound of the squared distance between points of two boxes."""
    total = 0.0
    for j in range(low.size):
        above, below = low[j] - other_high[j], other_low[j] - high[j]
        gap = above if above > below else below
        if gap > 0.0:
            total += gap * gap
    # Rounding may not turn the bound into more than a distance.
    return total * (1.0 - 1e-12)


@jit
def search_leaves(Q, rows, group, leaves, boxes, leaf_rows, found, start, stop):
    """Find the nearest rows of the leaves for groups of queries.

    Parameters
    ----------
    Q : ndarray of shape (n_queries, n_features)
        Queries, each ``group`` of which lie close together.
    rows : ndarray of shape (n_queries,)
        Their row numbers: a row is not its own neighbour.
    group : int
        Queries per group; groups ``start`` to ``stop`` are searched.
    leaves : ndarray of shape (n_leaves, n_features, leaf_size)
        The rows, NaN where there is none.
    boxes : ndarray of shape (2, n_leaves, n_features)
        Lowest and highest values of each leaf.
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
    near, bounds = np.empty(n_leaves, dtype=np.intp), np.empty(n_leaves)
    own_low, own_high = np.empty(n_features), np.empty(n_features)
    for g in range(start, stop):
        first = g * group
        n = Q.shape[0] - first
        if n > group:
            n = group
        for j in range(n_features):
            own_low[j] = own_high[j] = Q[first, j]
        for i in range(n):
            for j in range(n_features):
                value = Q[first + i, j]
                own_low[j] = value if value < own_low[j] else own_low[j]
                own_high[j] = value if value > own_high[j] else own_high[j]
            for j in range(k):
                distances[i, j] = np.inf
                found[first + i, j] = -1
        for leaf in range(n_leaves):
            near[leaf] = leaf
            bounds[leaf] = _box_distance(
                own_low, own_high, boxes[0, leaf], boxes[1, leaf]
            )
        radius, n_near = np.inf, n_leaves
        while True:
            # The nearest leaf comes next, those beyond the radius never.
            best, left = 0, 0
            for i in range(n_near):
                bound = bounds[i]
                if bound <= radius and bound < np.inf:
                    bounds[left], near[left] = bound, near[i]
                    if bound < bounds[best]:
                        best = left
                    left += 1
            if left == 0:
                break
            leaf = near[best]
            n_near = left - 1
            bounds[best], near[best] = bounds[n_near], near[n_near]
            low, high = boxes[0, leaf], boxes[1, leaf]
            # No literal, for which the distances would be compiled once more.
            n_active = np.int64(0)
            for i in range(n):
                query = Q[first + i]
                if _box_distance(query, query, low, high) <= distances[i, k - 1]:
                    active[n_active] = i
                    n_active += 1
            _leaf_distances(Q, first, active, n_active, leaves[leaf], tile)
            here = leaf_rows[leaf * size : (leaf + 1) * size]
            for a in range(n_active):
                i, hits = active[a], 0
                limit = distances[i, k - 1]
                for j in range(size):
                    hits += tile[a, j] <= limit
                if hits == 0:
                    continue
                own = rows[first + i]
                for j in range(here.size):
                    if tile[a, j] <= distances[i, k - 1] and here[j] != own:
                        _insert(distances[i], found[first + i], tile[a, j], here[j])
            radius = 0.0
            for i in range(n):
                if distances[i, k - 1] > radius:
                    radius = distances[i, k - 1]


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
