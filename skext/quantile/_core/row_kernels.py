"""Compiled passes over rows of quantiles."""

import numpy as np

from skext.utils._numba import jit


@jit
def sort_rows(Q, out, start, stop):
    """Sort every row; cheap for rows that are nearly sorted.

    Parameters
    ----------
    Q : ndarray of shape (n_rows, n_levels)
        The rows.
    out : ndarray of shape (n_rows, n_levels)
        Output.
    start, stop : int
        Rows to work on.
    """
    for i in range(start, stop):
        out[i, 0] = Q[i, 0]
        for j in range(1, Q.shape[1]):
            x = Q[i, j]
            k = j - 1
            while k >= 0 and out[i, k] > x:
                out[i, k + 1] = out[i, k]
                k -= 1
            out[i, k + 1] = x


@jit
def pool_rows(Q, out, start, stop):
    """Project every row onto the non-decreasing rows by pooling adjacent violators.

    Parameters
    ----------
    Q : ndarray of shape (n_rows, n_levels)
        The rows.
    out : ndarray of shape (n_rows, n_levels)
        Output.
    start, stop : int
        Rows to work on.
    """
    n_levels = Q.shape[1]
    # Blocks keep their first value and the sum of what is above it: a block of equal
    # values has exactly that value, and large offsets cost no digits.
    base = np.empty(n_levels)
    mean = np.empty(n_levels)
    size = np.empty(n_levels, np.int64)
    for i in range(start, stop):
        sorted_already = True
        out[i, 0] = Q[i, 0]
        for j in range(1, n_levels):
            out[i, j] = Q[i, j]
            if Q[i, j] < Q[i, j - 1]:
                sorted_already = False
        if sorted_already:
            continue
        n_blocks = 0
        for j in range(n_levels):
            mean[n_blocks] = Q[i, j]
            size[n_blocks] = 1
            while n_blocks > 0 and mean[n_blocks - 1] > mean[n_blocks]:
                last, before = n_blocks, n_blocks - 1
                total = size[before] + size[last]
                share = size[last] / total
                mean[before] += share * (mean[last] - mean[before])
                size[before] = total
                n_blocks -= 1
            n_blocks += 1
        j = 0
        for block in range(n_blocks):
            # Means of means round; summing the members once more rounds less.
            first = Q[i, j]
            total_above = 0.0
            for k in range(j, j + size[block]):
                total_above += Q[i, k] - first
            base[block] = first + total_above / size[block]
            if block > 0 and base[block] < base[block - 1]:
                base[block] = base[block - 1]
            for _ in range(size[block]):
                out[i, j] = base[block]
                j += 1


@jit
def sweep_rows(Q, center, out, start, stop):
    """Take running extremes outward from one level.

    Parameters
    ----------
    Q : ndarray of shape (n_rows, n_levels)
        The rows.
    center : int
        Level to start from; levels above get the running maximum, levels below the
        running minimum.
    out : ndarray of shape (n_rows, n_levels)
        Output.
    start, stop : int
        Rows to work on.
    """
    n_levels = Q.shape[1]
    for i in range(start, stop):
        out[i, center] = Q[i, center]
        for j in range(center + 1, n_levels):
            out[i, j] = max(Q[i, j], out[i, j - 1])
        for j in range(center - 1, -1, -1):
            out[i, j] = min(Q[i, j], out[i, j + 1])


@jit
def mix_rows(Z, weights, intercept, convex, out, start, stop):
    """Weighted sums over models for every level.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_models, n_levels)
        Predictions of the models.
    weights : ndarray of shape (n_models, n_levels)
        Weights.
    intercept : ndarray of shape (n_levels,)
        Constants.
    convex : bool
        Whether weights are those of a mean, which rounding must not take out of the
        range of what is averaged: models that agree are right to the last digit.
    out : ndarray of shape (n_rows, n_levels)
        Output.
    start, stop : int
        Rows to work on.
    """
    for i in range(start, stop):
        for k in range(weights.shape[1]):
            out[i, k] = intercept[k]
        for j in range(weights.shape[0]):
            for k in range(weights.shape[1]):
                # A model that is not used must not spoil anything.
                if weights[j, k] != 0.0:
                    out[i, k] += weights[j, k] * np.float64(Z[i, j, k])
        if convex:
            for k in range(weights.shape[1]):
                low, high = np.inf, -np.inf
                for j in range(weights.shape[0]):
                    if weights[j, k] != 0.0:
                        low = min(low, np.float64(Z[i, j, k]))
                        high = max(high, np.float64(Z[i, j, k]))
                out[i, k] = min(max(out[i, k], low), high)


@jit
def linear_rows(X, coef, intercept, out, start, stop):
    """Linear predictions of all levels; those of a row depend on no other row.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows.
    coef : ndarray of shape (n_features, n_levels)
        Coefficients.
    intercept : ndarray of shape (n_levels,)
        Constants.
    out : ndarray of shape (n_rows, n_levels)
        Output.
    start, stop : int
        Rows to work on.
    """
    for i in range(start, stop):
        for k in range(coef.shape[1]):
            out[i, k] = 0.0
        for j in range(coef.shape[0]):
            x = np.float64(X[i, j])
            for k in range(coef.shape[1]):
                out[i, k] += x * coef[j, k]
        for k in range(coef.shape[1]):
            out[i, k] += intercept[k]


@jit
def select_shifted(centers, scores, offsets, rank, out, start, stop):
    """Find an order statistic of shifted, sorted lists for every row.

    The lists of row i are ``centers[i, f] + scores[offsets[f]:offsets[f + 1]]``; sums
    are compared as floating-point arithmetic makes them, so that the answer is the
    one that sorting all of them would give, bit for bit. Each round removes at least
    a quarter of the candidates around the weighted median of the lists' medians.

    Parameters
    ----------
    centers : ndarray of shape (n_rows, n_lists)
        Shifts.
    scores : ndarray of shape (n_scores,)
        All lists, each in ascending order.
    offsets : ndarray of shape (n_lists + 1,)
        Where they begin.
    rank : int
        Zero-based rank to find, below ``n_scores``.
    out : ndarray of shape (n_rows,)
        Output.
    start, stop : int
        Rows to work on.
    """
    n_lists = centers.shape[1]
    low = np.empty(n_lists, np.int64)
    high = np.empty(n_lists, np.int64)
    left = np.empty(n_lists, np.int64)
    right = np.empty(n_lists, np.int64)
    medians = np.empty(n_lists)
    sizes = np.empty(n_lists, np.int64)
    rest = np.empty(32)
    for i in range(start, stop):
        for f in range(n_lists):
            low[f], high[f] = offsets[f], offsets[f + 1]
        wanted = rank
        while True:
            total = 0
            for f in range(n_lists):
                total += high[f] - low[f]
            if total <= 32:
                count = 0
                for f in range(n_lists):
                    for k in range(low[f], high[f]):
                        x = centers[i, f] + scores[k]
                        place = count
                        while place > 0 and rest[place - 1] > x:
                            rest[place] = rest[place - 1]
                            place -= 1
                        rest[place] = x
                        count += 1
                out[i] = rest[wanted]
                break
            n_open = 0
            for f in range(n_lists):
                size = high[f] - low[f]
                if size > 0:
                    medians[n_open] = centers[i, f] + scores[low[f] + size // 2]
                    sizes[n_open] = size
                    n_open += 1
            _sort_together(medians, sizes, n_open)
            covered = sizes[0]
            place = 0
            while 2 * covered < total:
                place += 1
                covered += sizes[place]
            pivot = medians[place]
            below = equal = 0
            for f in range(n_lists):
                a, b = low[f], high[f]
                while a < b:
                    middle = (a + b) // 2
                    if centers[i, f] + scores[middle] < pivot:
                        a = middle + 1
                    else:
                        b = middle
                left[f] = a
                b = high[f]
                while a < b:
                    middle = (a + b) // 2
                    if centers[i, f] + scores[middle] <= pivot:
                        a = middle + 1
                    else:
                        b = middle
                right[f] = a
                below += left[f] - low[f]
                equal += right[f] - left[f]
            if wanted < below:
                for f in range(n_lists):
                    high[f] = left[f]
            elif wanted < below + equal:
                out[i] = pivot
                break
            else:
                wanted -= below + equal
                for f in range(n_lists):
                    low[f] = right[f]


@jit(inner=True)
def _sort_together(values, others, size):
    """Sort the first values in place, and others along with them, as Shell does."""
    gap = size
    while gap > 1:
        gap = gap * 5 // 11 if gap > 2 else 1
        for k in range(gap, size):
            x, other = values[k], others[k]
            j = k
            while j >= gap and values[j - gap] > x:
                values[j], others[j] = values[j - gap], others[j - gap]
                j -= gap
            values[j], others[j] = x, other


@jit
def mix_distributions(Z, levels, out, start, stop):
    """Quantiles of the mean of several distribution functions, by bisection.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_models, n_levels)
        Non-decreasing quantiles of each model.
    levels : ndarray of shape (n_levels,)
        Increasing levels.
    out : ndarray of shape (n_rows, n_levels)
        Output.
    start, stop : int
        Rows to work on.
    """
    n_models, n_levels = Z.shape[1], Z.shape[2]
    for i in range(start, stop):
        for k in range(n_levels):
            # Each model has less probability below the lowest of the quantiles, and
            # all of them have enough at the highest.
            low = high = Z[i, 0, k]
            for j in range(1, n_models):
                low = min(low, Z[i, j, k])
                high = max(high, Z[i, j, k])
            if k > 0:
                low = min(max(low, out[i, k - 1]), high)
            wanted = levels[k] * n_models * (1.0 - 1e-14)
            if low < high and _mass(Z, levels, i, low) >= wanted:
                high = low
            while low < high:
                middle = low + (high - low) / 2
                if middle <= low or middle >= high:
                    break
                if _mass(Z, levels, i, middle) >= wanted:
                    high = middle
                else:
                    low = middle
            out[i, k] = high


@jit(inner=True)
def _mass(Z, levels, i, x):
    """Sum over the models of the probability at or below a value."""
    n_models, n_levels = Z.shape[1], Z.shape[2]
    total = 0.0
    for j in range(n_models):
        count = 0
        for k in range(n_levels):
            if Z[i, j, k] <= x:
                count += 1
        if count == 0:
            gap = Z[i, j, 1] - Z[i, j, 0]
            if gap > 0.0:
                slope = np.log(levels[1] / levels[0]) / gap
                total += levels[0] * np.exp(-slope * (Z[i, j, 0] - x))
        elif count == n_levels:
            above, last = 1.0 - levels[n_levels - 1], Z[i, j, n_levels - 1]
            gap = last - Z[i, j, n_levels - 2]
            if gap > 0.0:
                slope = np.log((1.0 - levels[n_levels - 2]) / above) / gap
                total += 1.0 - above * np.exp(-slope * (x - last))
            else:
                total += 1.0
        else:
            left, right = Z[i, j, count - 1], Z[i, j, count]
            share = (x - left) / (right - left)
            total += levels[count - 1] + share * (levels[count] - levels[count - 1])
    return total
