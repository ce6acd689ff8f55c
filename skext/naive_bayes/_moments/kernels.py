"""Compiled loops that turn rows into class counts, means and sums of squares.

All kernels accumulate in float64 whatever the input is, fill arrays that the caller
allocated, and call only functions of this file. Features are independent of each
other, so a caller may split the columns over threads without changing one bit.

Weights may be None, which means that every weight is one; numba then leaves out what
is for weights only.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def sort_by_class(codes, weights, start, stop, bounds, order):
    """Write the rows start:stop with a positive weight, grouped by class.

    Rows of class ``k`` end up in ``order[bounds[k]:bounds[k + 1]]``, in their
    original order. ``bounds`` has zeros before.
    """
    n_classes = bounds.size - 1
    for i in range(start, stop):
        if _counts(weights, i):
            bounds[codes[i] + 1] += 1
    for k in range(n_classes):
        bounds[k + 1] += bounds[k]
    # Each bound runs to the next one, and then all of them move on by a place.
    for i in range(start, stop):
        if _counts(weights, i):
            k = codes[i]
            order[bounds[k]] = i
            bounds[k] += 1
    for k in range(n_classes, 0, -1):
        bounds[k] = bounds[k - 1]
    bounds[0] = 0


@jit(inner=True)
def _counts(weights, i):
    """Tell whether a row has a weight."""
    if weights is None:
        return True
    return weights[i] > 0.0


@jit(inner=True)
def _weight_of(weights, i):
    """Return the weight of a row."""
    if weights is None:
        return 1.0
    return weights[i]


@jit(reassociate=True, inner=True)
def _add_block(X, order, first, last, j0, shift, total, squares):
    """Add rows ``order[first:last]``, shifted, to sums; four rows per sweep."""
    width = shift.size
    r = first
    while r + 4 <= last:
        row0 = X[order[r], j0 : j0 + width]
        row1 = X[order[r + 1], j0 : j0 + width]
        row2 = X[order[r + 2], j0 : j0 + width]
        row3 = X[order[r + 3], j0 : j0 + width]
        for j in range(width):
            c = shift[j]
            v0 = np.float64(row0[j]) - c
            v1 = np.float64(row1[j]) - c
            v2 = np.float64(row2[j]) - c
            v3 = np.float64(row3[j]) - c
            total[j] += (v0 + v1) + (v2 + v3)
            squares[j] += (v0 * v0 + v1 * v1) + (v2 * v2 + v3 * v3)
        r += 4
    while r < last:
        row0 = X[order[r], j0 : j0 + width]
        for j in range(width):
            v0 = np.float64(row0[j]) - shift[j]
            total[j] += v0
            squares[j] += v0 * v0
        r += 1


@jit(reassociate=True, inner=True)
def _add_weighted_block(X, order, weights, first, last, j0, shift, total, squares):
    """Add rows ``order[first:last]``, shifted and weighted, to sums."""
    width = shift.size
    for r in range(first, last):
        weight = weights[order[r]]
        row = X[order[r], j0 : j0 + width]
        for j in range(width):
            v = np.float64(row[j]) - shift[j]
            total[j] += weight * v
            squares[j] += weight * v * v


@jit
def dense_row_moments(X, order, bounds, weights, means, squares, start, stop):
    """Class means and pooled sums of squares of the columns start:stop, row by row.

    ``X`` is C-contiguous. Each class is read in blocks of rows. A block is shifted
    by one of its own rows, the one with the largest weight, which bounds the ratio
    of the shifted to the centred sum of squares by the number of rows in the block:
    whatever the data, no more than two digits cancel. Blocks are joined by the
    update of Chan, Golub and LeVeque, which does not cancel at all.
    """
    block_rows = 128
    width = stop - start
    memory = np.empty((3, width))
    shift, total, block_squares = memory[0], memory[1], memory[2]
    for k in range(bounds.size - 1):
        mean = means[k, start:stop]
        done = 0.0
        first = bounds[k]
        while first < bounds[k + 1]:
            last = min(first + block_rows, bounds[k + 1])
            anchor = first
            if weights is None:
                size = float(last - first)
            else:
                size = 0.0
                for r in range(first, last):
                    size += weights[order[r]]
                    if weights[order[r]] > weights[order[anchor]]:
                        anchor = r
            reference = X[order[anchor], start:stop]
            for j in range(width):
                shift[j] = reference[j]
                total[j] = 0.0
                block_squares[j] = 0.0
            if weights is None:
                _add_block(
                    X, order, first + 1, last, start, shift, total, block_squares
                )
            else:
                _add_weighted_block(
                    X, order, weights, first, last, start, shift, total, block_squares
                )
            done += size
            gain = size / done
            between = size * (1.0 - gain)
            for j in range(width):
                offset = total[j] / size
                delta = shift[j] + offset - mean[j]
                squares[start + j] += (
                    block_squares[j] - total[j] * offset + delta * delta * between
                )
                mean[j] += delta * gain
            first = last


@jit(reassociate=True)
def dense_column_moments(columns, order, bounds, weights, means, squares, start, stop):
    """Class means and pooled sums of squares of the features start:stop.

    ``columns`` is the transpose of Fortran-ordered data: C-contiguous of shape
    (n_features, n_samples). Each feature is gathered once into a buffer in class
    order and then read in two passes.
    """
    n_rows = bounds[-1]
    values = np.empty(n_rows)
    row_weights = np.empty(n_rows)
    for r in range(n_rows):
        row_weights[r] = _weight_of(weights, order[r])
    for j in range(start, stop):
        column = columns[j]
        for r in range(n_rows):
            values[r] = column[order[r]]
        pooled = 0.0
        for k in range(bounds.size - 1):
            first = bounds[k]
            last = bounds[k + 1]
            if first == last:
                continue
            reference = values[first]
            size = 0.0
            total = 0.0
            for r in range(first, last):
                size += row_weights[r]
                total += row_weights[r] * (values[r] - reference)
            mean = reference + total / size
            rest = 0.0
            square = 0.0
            for r in range(first, last):
                v = values[r] - mean
                rest += row_weights[r] * v
                square += row_weights[r] * v * v
            # The residuals sum to what rounding left in the mean.
            means[k, j] = mean + rest / size
            pooled += square - rest * rest / size
        squares[j] = pooled


@jit
def csr_moments(data, indices, indptr, codes, weights, counts, means, buffer, squares):
    """Class means and pooled sums of squares of compressed sparse rows.

    The stored entries are read twice, for the means and for the squares around
    them; entries that are not stored add ``(count - stored) * mean ** 2``. The
    second pass also corrects what rounding left in the means. ``buffer`` is a
    work array of zeros, of the shape of ``means``.
    """
    n_classes, n_features = means.shape
    for i in range(codes.size):
        k = codes[i]
        weight = _weight_of(weights, i)
        if weight == 0.0:
            continue
        for p in range(indptr[i], indptr[i + 1]):
            means[k, indices[p]] += weight * data[p]
            buffer[k, indices[p]] += weight
    # From here on, the buffer has sums of residuals instead of stored weights.
    for k in range(n_classes):
        if counts[k] > 0.0:
            for j in range(n_features):
                mean = means[k, j] / counts[k]
                absent = max(counts[k] - buffer[k, j], 0.0)
                means[k, j] = mean
                buffer[k, j] = -absent * mean
                squares[j] += absent * mean * mean
    for i in range(codes.size):
        k = codes[i]
        weight = _weight_of(weights, i)
        if weight == 0.0:
            continue
        for p in range(indptr[i], indptr[i + 1]):
            v = data[p] - means[k, indices[p]]
            buffer[k, indices[p]] += weight * v
            squares[indices[p]] += weight * v * v
    for k in range(n_classes):
        if counts[k] > 0.0:
            for j in range(n_features):
                correction = buffer[k, j] / counts[k]
                squares[j] -= correction * buffer[k, j]
                means[k, j] += correction
    for j in range(n_features):
        squares[j] = max(squares[j], 0.0) if np.isfinite(squares[j]) else np.nan


@jit
def csc_moments(
    data, indices, indptr, codes, weights, counts, means, squares, start, stop
):
    """Class means and pooled sums of squares of compressed sparse columns.

    The arithmetic is that of :func:`csr_moments`.
    """
    n_classes = counts.size
    total = np.empty(n_classes)
    buffer = np.empty(n_classes)
    for j in range(start, stop):
        for k in range(n_classes):
            total[k] = buffer[k] = 0.0
        for p in range(indptr[j], indptr[j + 1]):
            i = indices[p]
            weight = _weight_of(weights, i)
            if weight > 0.0:
                total[codes[i]] += weight * data[p]
                buffer[codes[i]] += weight
        pooled = 0.0
        for k in range(n_classes):
            if counts[k] > 0.0:
                total[k] /= counts[k]
                absent = max(counts[k] - buffer[k], 0.0)
                buffer[k] = -absent * total[k]
                pooled += absent * total[k] * total[k]
        for p in range(indptr[j], indptr[j + 1]):
            i = indices[p]
            weight = _weight_of(weights, i)
            if weight > 0.0:
                v = data[p] - total[codes[i]]
                buffer[codes[i]] += weight * v
                pooled += weight * v * v
        for k in range(n_classes):
            if counts[k] > 0.0:
                correction = buffer[k] / counts[k]
                pooled -= correction * buffer[k]
                means[k, j] = total[k] + correction
        squares[j] = max(pooled, 0.0) if np.isfinite(pooled) else np.nan


@jit(reassociate=True)
def score_rows(X, center, weights, bias, scores, start, stop):
    """Write ``(X - center) @ weights.T + bias`` for the rows start:stop.

    ``X`` is C-contiguous and everything has one float type. For few classes this
    beats a matrix product, because each row is read once and the difference stays
    in the cache. Every row is computed on its own: its scores do not depend on its
    neighbours. A row with NaN or infinity has non-finite scores throughout.
    """
    n_classes, n_features = weights.shape
    zero = bias.dtype.type(0)
    row = np.empty(n_features, center.dtype)
    for i in range(start, stop):
        for j in range(n_features):
            row[j] = X[i, j] - center[j]
        k = 0
        while k + 4 <= n_classes:
            w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            s0 = s1 = s2 = s3 = zero
            for j in range(n_features):
                s0 += row[j] * w0[j]
                s1 += row[j] * w1[j]
                s2 += row[j] * w2[j]
                s3 += row[j] * w3[j]
            scores[i, k] = s0 + bias[k]
            scores[i, k + 1] = s1 + bias[k + 1]
            scores[i, k + 2] = s2 + bias[k + 2]
            scores[i, k + 3] = s3 + bias[k + 3]
            k += 4
        while k < n_classes:
            w0 = weights[k]
            s0 = zero
            for j in range(n_features):
                s0 += row[j] * w0[j]
            scores[i, k] = s0 + bias[k]
            k += 1


@jit
def class_residuals(X, codes, means, roots, out, start, stop):
    """Write the deviations of the rows start:stop from the means of their classes.

    They are taken in float64 and rounded to the type of ``out``. ``roots`` are factors
    of the rows; a row with the factor zero is not read.
    """
    n_features = X.shape[1]
    for i in range(start, stop):
        factor = _weight_of(roots, i)
        mean = means[codes[i]]
        if factor == 0.0:
            for j in range(n_features):
                out[i, j] = 0.0
        else:
            for j in range(n_features):
                out[i, j] = (np.float64(X[i, j]) - mean[j]) * factor
