"""Compiled pass over all rows, which grows the variance tree by one level at its top.

Sums are exact, by the ``magic`` numbers of the other kernels of the tree.
"""

from skext.utils._numba import jit


@jit
def route_and_add(
    rows,
    weights,
    node,
    feature,
    threshold,
    left,
    first_child,
    center,
    inverse,
    magic,
    size,
    mass,
    total,
    square,
    low,
    high,
):
    """Send rows from their node to one of its children and add them to its sums.

    ``feature`` is -1 for a node that is not split in this pass. The child ``c`` has
    its frame and its sums at the index ``c - first_child``.
    """
    weighted = weights.size > 0
    d = rows.shape[1]
    for i in range(rows.shape[0]):
        g = node[i]
        f = feature[g]
        if f < 0:
            continue
        x = rows[i]
        child = left[g]
        if x[f] > threshold[g]:
            child += 1
        node[i] = child
        s = child - first_child
        weight = 1.0
        if weighted:
            weight = weights[i]
            if weight <= 0.0:
                continue
        round_ = magic[s]
        size[s] += 1
        mass[s] += (weight + round_) - round_
        m = center[s]
        inv = inverse[s]
        a = total[s]
        b = square[s]
        lo = low[s]
        hi = high[s]
        for j in range(d):
            v = x[j]
            z = (v - m[j]) * inv[j]
            a[j] += (weight * z + round_) - round_
            b[j] += (weight * z * z + round_) - round_
            lo[j] = min(lo[j], v)
            hi[j] = max(hi[j], v)
