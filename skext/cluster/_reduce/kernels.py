"""Compiled loops of the variance tree.

Every sum here is *exact*: a value is brought into [-1, 1], rounded to a multiple of a
common unit by adding and taking away a large number, ``magic``, and multiples of one
unit add without rounding error as long as their sum stays below ``2 ** 52`` units. An
exact sum does not depend on the order of its terms. That is why neither the order of
the rows nor the number of threads can change a bit of the tree.

Kernels call functions of this file only.
"""

import math

import numpy as np

from skext.utils._numba import jit


@jit(inline="always")
def _magic(bound):
    """Return what rounds to the finest unit in which sums to ``bound`` are exact.

    Adding it and taking it away rounds to multiples of ``2 ** -52`` times the power
    of two above ``2 * bound``.
    """
    _, exponent = math.frexp(2.0 * bound)
    return math.ldexp(1.5, exponent)


@jit(inline="always")
def _power_of_two_above(x):
    """Exact scale: dividing by it loses no bit and brings ``x`` below one."""
    if x <= 0.0:
        return 1.0
    _, exponent = math.frexp(x)
    return math.ldexp(1.0, max(exponent, -1000))


@jit
def box_frame(lower, upper, center, inverse):
    """Middle of a box, and per feature one over a power of two above its half."""
    for j in range(lower.size):
        center[j] = lower[j] + 0.5 * (upper[j] - lower[j])
        half = max(upper[j] - center[j], center[j] - lower[j])
        inverse[j] = 1.0 / _power_of_two_above(half)


@jit(inline="always")
def _add_rows(rows, first, last, center, inverse, magic, total, square, low, high):
    """Add rows first:last to sums, sums of squares, minima and maxima; all weigh one.

    Four rows per sweep keep the running sums in registers for longer.
    """
    d = center.size
    t = first
    while t + 4 <= last:
        x0 = rows[t]
        x1 = rows[t + 1]
        x2 = rows[t + 2]
        x3 = rows[t + 3]
        for j in range(d):
            a = x0[j]
            b = x1[j]
            c = x2[j]
            e = x3[j]
            m = center[j]
            s = inverse[j]
            za = (a - m) * s
            zb = (b - m) * s
            zc = (c - m) * s
            ze = (e - m) * s
            total[j] += (((za + magic) - magic) + ((zb + magic) - magic)) + (
                ((zc + magic) - magic) + ((ze + magic) - magic)
            )
            square[j] += (((za * za + magic) - magic) + ((zb * zb + magic) - magic)) + (
                ((zc * zc + magic) - magic) + ((ze * ze + magic) - magic)
            )
            lo = min(min(a, b), min(c, e))
            hi = max(max(a, b), max(c, e))
            low[j] = min(low[j], lo)
            high[j] = max(high[j], hi)
        t += 4
    while t < last:
        x0 = rows[t]
        for j in range(d):
            a = x0[j]
            za = (a - center[j]) * inverse[j]
            total[j] += (za + magic) - magic
            square[j] += (za * za + magic) - magic
            low[j] = min(low[j], a)
            high[j] = max(high[j], a)
        t += 1


@jit(inline="always")
def _add_weighted_rows(
    rows, weights, first, last, center, inverse, magic, total, square, low, high
):
    """Add weighted rows to the sums; return the number of rows with weight."""
    d = center.size
    n = 0
    for t in range(first, last):
        weight = weights[t]
        if weight <= 0.0:
            continue
        n += 1
        x = rows[t]
        for j in range(d):
            z = (x[j] - center[j]) * inverse[j]
            total[j] += (weight * z + magic) - magic
            square[j] += (weight * z * z + magic) - magic
            low[j] = min(low[j], x[j])
            high[j] = max(high[j], x[j])
    return n


@jit
def extend_box(rows, weights, low, high):
    """Extend a box to all rows with weight."""
    weighted = weights.size > 0
    for i in range(rows.shape[0]):
        if weighted and weights[i] <= 0.0:
            continue
        x = rows[i]
        for j in range(low.size):
            low[j] = min(low[j], x[j])
            high[j] = max(high[j], x[j])


@jit(inline="always")
def _add_weights(weights, first, last, magic):
    """Exact sum of some weights."""
    total = 0.0
    for t in range(first, last):
        total += (weights[t] + magic) - magic
    return total


@jit
def _sum_up(rows, weights, first, last, center, inverse, total, square, low, high):
    """Write the sums of rows first:last; return how many have weight, and how much."""
    for j in range(total.size):
        total[j] = 0.0
        square[j] = 0.0
        low[j] = np.inf
        high[j] = -np.inf
    count = last - first
    mass = float(count)
    if weights.size == 0:
        magic = _magic(mass)
        _add_rows(rows, first, last, center, inverse, magic, total, square, low, high)
        return count, mass
    bound = 0.0
    for t in range(first, last):
        bound = max(bound, weights[t])
    mass = _add_weights(weights, first, last, _magic(bound * count))
    magic = _magic(mass)
    count = _add_weighted_rows(
        rows, weights, first, last, center, inverse, magic, total, square, low, high
    )
    return count, mass


@jit
def is_loose(low, high, inverse):
    """Tell whether the frame is so wide that rounding to its unit hides the rows."""
    loose = False
    for j in range(low.size):
        width = (high[j] - low[j]) * inverse[j]
        loose = loose or 0.0 < width < 0.03
    return loose


@jit
def best_split(n, mass, total, square, low, high, center, inverse, importance):
    """Widest feature of a node, the weight times variance along it, and its mean.

    ``importance`` multiplies the variances. A priority of zero means that the rows
    are all equal. Rounding does not decide between features that are equally wide,
    as all are at the root: the first one is taken.
    """
    best = 0.0
    bar = 0.0
    feature = -1
    if n >= 2:
        for j in range(total.size):
            if low[j] < high[j]:
                spread = square[j] - total[j] * total[j] / mass
                spread *= importance[j] / (inverse[j] * inverse[j])
                best = max(best, spread)
                if spread > bar:
                    bar = spread * (1.0 + 1e-9)
                    feature = j
    threshold = 0.0
    if feature >= 0:
        threshold = center[feature] + total[feature] / mass / inverse[feature]
        # Rounding must not leave a child empty.
        if not low[feature] <= threshold < high[feature]:
            threshold = low[feature]
    return feature, best, threshold


@jit(inline="always")
def _partition(rows, weights, order, first, last, feature, threshold):
    """Move the rows up to the threshold to the front; return where the others start."""
    weighted = weights.size > 0
    d = rows.shape[1]
    a = first
    b = last - 1
    while True:
        while a <= b and rows[a, feature] <= threshold:
            a += 1
        while a <= b and rows[b, feature] > threshold:
            b -= 1
        if a > b:
            return a
        for j in range(d):
            v = rows[a, j]
            rows[a, j] = rows[b, j]
            rows[b, j] = v
        k = order[a]
        order[a] = order[b]
        order[b] = k
        if weighted:
            w = weights[a]
            weights[a] = weights[b]
            weights[b] = w


@jit
def grow_cell(
    rows,
    weights,
    order,
    lower,
    upper,
    importance,
    tau,
    ceiling,
    feature,
    threshold,
    left,
    priority,
    start,
    stop,
):
    """Split a cell, and the parts of it, wherever the priority is above ``tau``.

    The cell's rows, weights and ``order`` are rearranged so that each node's rows
    are neighbours. Nodes are numbered parent first; the two children of a node have
    neighbouring numbers. The number of nodes is returned.

    ``ceiling`` is the priority of the parent: rounding aside, no child exceeds it.
    """
    n, d = rows.shape
    n_levels = 64
    stack = np.empty(n_levels, dtype=np.int64)
    boxes = np.empty((n_levels, 2, d))
    center = np.empty(d)
    inverse = np.empty(d)
    total = np.empty(d)
    square = np.empty(d)
    low = np.empty(d)
    high = np.empty(d)
    start[0] = 0
    stop[0] = n
    priority[0] = ceiling
    stack[0] = 0
    # Assigning whole rows takes the compiler several times as long as a loop.
    for j in range(d):
        boxes[0, 0, j] = lower[j]
        boxes[0, 1, j] = upper[j]
    depth = 1
    n_nodes = 1
    while depth > 0:
        depth -= 1
        g = stack[depth]
        first = start[g]
        last = stop[g]
        box_frame(boxes[depth, 0], boxes[depth, 1], center, inverse)
        count = 0
        mass = 0.0
        for _ in range(2):
            count, mass = _sum_up(
                rows, weights, first, last, center, inverse, total, square, low, high
            )
            if not is_loose(low, high, inverse):
                break
            box_frame(low, high, center, inverse)
        f, worth, cut = best_split(
            count, mass, total, square, low, high, center, inverse, importance
        )
        worth = min(worth, priority[g])
        priority[g] = worth
        feature[g] = -1
        left[g] = -1
        threshold[g] = 0.0
        if f < 0 or worth <= tau:
            continue
        middle = _partition(rows, weights, order, first, last, f, cut)
        feature[g] = f
        threshold[g] = cut
        left[g] = n_nodes
        for side in range(2):
            child = n_nodes + side
            start[child] = first if side == 0 else middle
            stop[child] = middle if side == 0 else last
            priority[child] = worth
        # The larger child waits, which keeps the stack below log2(n) entries.
        waiting = n_nodes if middle - first >= last - middle else n_nodes + 1
        for child in (waiting, 2 * n_nodes + 1 - waiting):
            stack[depth] = child
            for j in range(d):
                boxes[depth, 0, j] = low[j]
                boxes[depth, 1, j] = high[j]
            if child == n_nodes:
                boxes[depth, 1, f] = cut
            else:
                boxes[depth, 0, f] = cut
            depth += 1
        n_nodes += 2
    return n_nodes


@jit(inline="always")
def _distinct_rows(bits, weights, first, last, table, seen):
    """Count the rows first:last with weight that are not equal to an earlier one.

    Rows are told apart by a hash of 64 bits.
    """
    weighted = weights.size > 0
    mask = table.size - 1
    for i in range(seen.size):
        seen[i] = False
    n = 0
    for t in range(first, last):
        if weighted and weights[t] <= 0.0:
            continue
        h = np.uint64(1469598103934665603)
        for j in range(bits.shape[1]):
            h = (h ^ bits[t, j]) * np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(32)
        position = np.int64(h >> np.uint64(1)) & mask
        while seen[position] and table[position] != h:
            position = (position + 1) & mask
        if not seen[position]:
            seen[position] = True
            table[position] = h
            n += 1
    return n


@jit
def describe_leaves(
    rows, bits, weights, inner, edges, mass, mean, variance, count, lower, upper
):
    """Weight, mean, diagonal variance, distinct rows and box of each group of rows.

    The group ``k`` has the rows ``edges[k]:edges[k + 1]``. ``bits`` are the rows as
    unsigned integers; ``inner`` has the variances within each row where rows stand
    for many, or no rows at all.
    """
    d = rows.shape[1]
    center = np.empty(d)
    inverse = np.empty(d)
    total = np.empty(d)
    square = np.empty(d)
    longest = 0
    for k in range(edges.size - 1):
        longest = max(longest, edges[k + 1] - edges[k])
    capacity = 16
    while capacity < 2 * longest:
        capacity *= 2
    table = np.empty(capacity, dtype=np.uint64)
    seen = np.empty(capacity, dtype=np.bool_)
    for k in range(edges.size - 1):
        first = edges[k]
        last = edges[k + 1]
        low = lower[k]
        high = upper[k]
        for j in range(d):
            low[j] = np.inf
            high[j] = -np.inf
        extend_box(rows[first:last], weights[first:last], low, high)
        box_frame(low, high, center, inverse)
        _, mass[k] = _sum_up(
            rows, weights, first, last, center, inverse, total, square, low, high
        )
        for j in range(d):
            offset = total[j] / mass[k]
            mean[k, j] = min(max(center[j] + offset / inverse[j], low[j]), high[j])
            spread = square[j] / mass[k] - offset * offset
            if low[j] == high[j]:
                spread = 0.0
            variance[k, j] = max(spread, 0.0) / (inverse[j] * inverse[j])
        if inner.shape[0] > 0:
            _add_inner(weights, inner, first, last, mass[k], total, variance[k])
        size = 16
        while size < 2 * (last - first):
            size *= 2
        count[k] = _distinct_rows(bits, weights, first, last, table[:size], seen[:size])


@jit(inline="always")
def _add_inner(weights, inner, first, last, mass, total, variance):
    """Add the mean of the variances within the rows, exactly summed."""
    for j in range(variance.size):
        largest = 0.0
        for t in range(first, last):
            largest = max(largest, inner[t, j])
        if largest == 0.0:
            continue
        scale = _power_of_two_above(largest)
        magic = _magic(mass)
        total[j] = 0.0
        for t in range(first, last):
            total[j] += (weights[t] * (inner[t, j] / scale) + magic) - magic
        variance[j] += scale * (total[j] / mass)
