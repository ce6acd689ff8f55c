"""Compiled loops that write synthetic rows into arrays of the caller.

``base`` and ``partner`` are positions of rows; ``gaps`` has one column (a point on the
segment between them) or one per feature (a point in the box). A difference is taken
in the type of the data, the rest in float64, as numpy does with a float64 gap.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def interpolate_dense(X, base, partner, gaps, out, start, stop):
    """Write ``X[base] + gaps * (X[partner] - X[base])`` into ``out[start:stop]``."""
    n_features = X.shape[1]
    if gaps.shape[1] == 1:
        for i in range(start, stop):
            a, b, row, gap = X[base[i]], X[partner[i]], out[i], gaps[i, 0]
            for j in range(n_features):
                row[j] = a[j] + gap * np.float64(b[j] - a[j])
    else:
        for i in range(start, stop):
            a, b, row, gap_of = X[base[i]], X[partner[i]], out[i], gaps[i]
            for j in range(n_features):
                row[j] = a[j] + gap_of[j] * np.float64(b[j] - a[j])


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
def fill_missing(X, base, partner, gaps, key, out, start, stop):
    """Decide about values of which one parent is missing.

    The base says with probability 1 - gap, the partner with probability gap, whether
    the value is missing; if not, it is that of the parent that has one. Numbers depend
    on the key and the position only.
    """
    n_features = X.shape[1]
    for i in range(start, stop):
        for j in range(n_features):
            a, b = X[base[i], j], X[partner[i], j]
            if np.isnan(a) == np.isnan(b):
                continue
            gap = gaps[i, 0] if gaps.shape[1] == 1 else gaps[i, j]
            asked = b if _uniform(key, i, j) < gap else a
            out[i, j] = asked


@jit
def count_sparse(data, indices, indptr, base, partner, gaps, sizes, start, stop):
    """Count the entries of synthetic rows that are not zero.

    The rows of the CSR arrays have sorted indices without repetition.
    """
    one_gap = gaps.shape[1] == 1
    for i in range(start, stop):
        p, p_end = indptr[base[i]], indptr[base[i] + 1]
        q, q_end = indptr[partner[i]], indptr[partner[i] + 1]
        size = 0
        while p < p_end or q < q_end:
            first = q == q_end or (p < p_end and indices[p] <= indices[q])
            column = indices[p] if first else indices[q]
            a = b = data.dtype.type(0)
            if p < p_end and indices[p] == column:
                a = data[p]
                p += 1
            if q < q_end and indices[q] == column:
                b = data[q]
                q += 1
            gap = gaps[i, 0] if one_gap else gaps[i, column]
            if a + gap * np.float64(b - a) != 0.0:
                size += 1
        sizes[i] = size


@jit
def interpolate_sparse(
    data, indices, indptr, base, partner, gaps, out_data, out_indices, out_indptr,
    start, stop,
):  # fmt: skip
    """Write the entries that :func:`count_sparse` counted behind ``out_indptr``."""
    one_gap = gaps.shape[1] == 1
    for i in range(start, stop):
        p, p_end = indptr[base[i]], indptr[base[i] + 1]
        q, q_end = indptr[partner[i]], indptr[partner[i] + 1]
        r = out_indptr[i]
        while p < p_end or q < q_end:
            first = q == q_end or (p < p_end and indices[p] <= indices[q])
            column = indices[p] if first else indices[q]
            a = b = data.dtype.type(0)
            if p < p_end and indices[p] == column:
                a = data[p]
                p += 1
            if q < q_end and indices[q] == column:
                b = data[q]
                q += 1
            gap = gaps[i, 0] if one_gap else gaps[i, column]
            value = a + gap * np.float64(b - a)
            if value != 0.0:
                out_data[r] = value
                out_indices[r] = column
                r += 1
