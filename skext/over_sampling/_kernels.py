"""Compiled loops that write synthetic rows into arrays of the caller."""

import numpy as np

from skext.utils._numba import jit


@jit
def interpolate_dense(X, base, partner, gaps, out, start, stop):
    """Write ``X[base] + gaps * (X[partner] - X[base])`` into ``out[start:stop]``.

    ``gaps`` has one column (a point on the segment) or one per feature (a point in
    the box). The difference is taken in the type of ``X``, the rest in float64, as
    numpy does with a float64 gap.
    """
    n_features = X.shape[1]
    one_gap = gaps.shape[1] == 1
    for i in range(start, stop):
        a = X[base[i]]
        b = X[partner[i]]
        gap = gaps[i, 0]
        for j in range(n_features):
            if not one_gap:
                gap = gaps[i, j]
            out[i, j] = a[j] + gap * np.float64(b[j] - a[j])


@jit
def count_sparse(data, indices, indptr, base, partner, gaps, sizes, start, stop):
    """Count the entries of synthetic rows that are not zero.

    The rows of the CSR arrays have sorted indices. ``gaps`` is as in
    :func:`interpolate_dense`.
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
    data,
    indices,
    indptr,
    base,
    partner,
    gaps,
    out_data,
    out_indices,
    out_indptr,
    start,
    stop,
):
    """Write synthetic rows as CSR entries behind ``out_indptr``."""
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
