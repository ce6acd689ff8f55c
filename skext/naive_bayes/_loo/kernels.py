"""Compiled loops of exact leave-one-out scores with independent features."""

import numpy as np

from skext.utils._numba import jit


@jit(reassociate=True, inner=True)
def _leave_out(row, own, overall, squares, total_squares, numbers, tiny, left, spread):
    """Write variances within classes, and in total, of the data without a row.

    ``numbers`` has the factors of the squared deviations from the own mean and from
    the overall mean, and the inverse of the remaining weight. Less than the part
    ``tiny`` of the sum with the row is rounding. Returns the means of both.
    """
    zero = row.dtype.type(0)
    within_factor, total_factor, inverse = numbers[0], numbers[1], numbers[2]
    sum_within = zero
    sum_total = zero
    for j in range(row.size):
        residual = row[j] - own[j]
        rest = squares[j] - within_factor * residual * residual
        rest = rest * inverse if rest > tiny * squares[j] else zero
        left[j] = rest
        sum_within += rest
        shifted = row[j] - overall[j]
        rest = total_squares[j] - total_factor * shifted * shifted
        rest = rest * inverse if rest > tiny * total_squares[j] else zero
        spread[j] = rest
        sum_total += rest
    size = row.dtype.type(row.size)
    return sum_within / size, sum_total / size


@jit(reassociate=True, inner=True)
def _precisions(left, spread, mean, mean_total, smoothing, alpha, out):
    """Write inverse variances as the estimator would use them without the row."""
    one = left.dtype.type(1)
    zero = left.dtype.type(0)
    shift = alpha * mean
    if mean == zero:
        # No class has two different rows left.
        value = mean_total + smoothing * mean_total
        value = one / value if value > zero else zero
        for j in range(left.size):
            out[j] = value if spread[j] > zero else zero
    elif shift > zero or smoothing > zero:
        keep = one - alpha
        for j in range(left.size):
            value = keep * left[j] + shift + smoothing * spread[j]
            out[j] = one / value if spread[j] > zero else zero
    else:
        floor = left.dtype.type(2.0**-52)
        for j in range(left.size):
            value = left[j] if left[j] > zero else floor * spread[j]
            out[j] = one / value if spread[j] > zero else zero


@jit(reassociate=True, inner=True)
def _one_to_all(row, means, precision, distances):
    """Write squared distances of a row from all means under one set of weights."""
    n_classes = means.shape[0]
    zero = row.dtype.type(0)
    k = 0
    while k + 4 <= n_classes:
        m0, m1, m2, m3 = means[k], means[k + 1], means[k + 2], means[k + 3]
        s0 = s1 = s2 = s3 = zero
        for j in range(row.size):
            d0 = row[j] - m0[j]
            d1 = row[j] - m1[j]
            d2 = row[j] - m2[j]
            d3 = row[j] - m3[j]
            s0 += precision[j] * d0 * d0
            s1 += precision[j] * d1 * d1
            s2 += precision[j] * d2 * d2
            s3 += precision[j] * d3 * d3
        distances[k] = s0
        distances[k + 1] = s1
        distances[k + 2] = s2
        distances[k + 3] = s3
        k += 4
    while k < n_classes:
        m0 = means[k]
        s0 = zero
        for j in range(row.size):
            d0 = row[j] - m0[j]
            s0 += precision[j] * d0 * d0
        distances[k] = s0
        k += 1


@jit(reassociate=True, inner=True)
def _five_to_all(row, means, precisions, distances):
    """Write squared distances under five sets of weights, each difference once."""
    p0, p1, p2 = precisions[0], precisions[1], precisions[2]
    p3, p4 = precisions[3], precisions[4]
    zero = row.dtype.type(0)
    n_classes = means.shape[0]
    for k in range(0, n_classes, 2):
        # An odd number of classes has its last one done twice.
        following = min(k + 1, n_classes - 1)
        mean, other = means[k], means[following]
        s0 = s1 = s2 = s3 = s4 = zero
        t0 = t1 = t2 = t3 = t4 = zero
        for j in range(row.size):
            d = row[j] - mean[j]
            e = row[j] - other[j]
            d *= d
            e *= e
            s0 += p0[j] * d
            s1 += p1[j] * d
            s2 += p2[j] * d
            s3 += p3[j] * d
            s4 += p4[j] * d
            t0 += p0[j] * e
            t1 += p1[j] * e
            t2 += p2[j] * e
            t3 += p3[j] * e
            t4 += p4[j] * e
        distances[0, k], distances[1, k], distances[2, k] = s0, s1, s2
        distances[3, k], distances[4, k] = s3, s4
        distances[0, following], distances[1, following] = t0, t1
        distances[2, following], distances[3, following] = t2, t3
        distances[4, following] = t4


@jit(reassociate=True)
def loo_scores_few(
    X, codes, numbers, means, common, alphas, smoothing, tiny, distances, start, stop
):
    """Write squared distances of the rows start:stop from all class means.

    Each row is measured with the variances of the data without it.
    ``distances[g, i, k]`` belongs to ``alphas[g]``; the mean of the own class still
    has the row in it. ``common`` has the overall mean, and the sums of squares
    within classes and in total; everything has one float type and is centred.
    """
    n_features = means.shape[1]
    left = np.empty(n_features, X.dtype)
    spread = np.empty(n_features, X.dtype)
    precisions = np.empty((alphas.size, n_features), X.dtype)
    for i in range(start, stop):
        row = X[i]
        mean, mean_total = _leave_out(
            row,
            means[codes[i]],
            common[0],
            common[1],
            common[2],
            numbers[i],
            tiny,
            left,
            spread,
        )
        for g in range(alphas.size):
            _precisions(
                left,
                spread,
                mean,
                mean_total,
                smoothing,
                alphas[g],
                precisions[g],
            )
        if alphas.size == 5:
            _five_to_all(row, means, precisions, distances[:, i])
        else:
            for g in range(alphas.size):
                _one_to_all(row, means, precisions[g], distances[g, i])


@jit(reassociate=True)
def loo_operands(
    X, codes, numbers, means, common, alpha, smoothing, tiny, left, right, start, stop
):
    """Write the factors whose products are distances, for many classes.

    Rows start:stop of ``left`` get inverse variances of the data without the row,
    ``right`` the row times these. Everything is as in :func:`loo_scores_few`.
    """
    n_features = means.shape[1]
    within = np.empty(n_features, X.dtype)
    spread = np.empty(n_features, X.dtype)
    for i in range(start, stop):
        row = X[i]
        mean, mean_total = _leave_out(
            row,
            means[codes[i]],
            common[0],
            common[1],
            common[2],
            numbers[i],
            tiny,
            within,
            spread,
        )
        precision = left[i]
        _precisions(within, spread, mean, mean_total, smoothing, alpha, precision)
        for j in range(n_features):
            right[i, j] = precision[j] * row[j]
