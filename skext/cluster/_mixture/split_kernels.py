"""Compiled loops that cut the rows of a cell in two.

Kernels call functions of this file only.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def cut_line(values, weights, counts, order, least, side):
    """Cut numbers in two so that the squares about the two means are least.

    The optimum over all cuts that leave so many on either side; ``order`` sorts the
    values. Writes which numbers lie above the cut; returns whether there is a cut.
    """
    n = values.size
    mass = 0.0
    total = 0.0
    for i in range(n):
        mass += weights[i]
        total += weights[i] * values[i]
    best = -np.inf
    cut = n
    below = 0.0
    first = 0.0
    number = 0.0
    everything = 0.0
    for i in range(n):
        everything += counts[i]
    for a in range(n - 1):
        i = order[a]
        below += weights[i]
        number += counts[i]
        first += weights[i] * values[i]
        if number < least or everything - number < least:
            continue
        if values[order[a + 1]] > values[i]:
            rest = total - first
            gain = first * first / below + rest * rest / (mass - below)
            if gain > best:
                best = gain
                cut = a + 1
    for a in range(n):
        side[order[a]] = a >= cut
    return cut < n


@jit
def two_means(rows, weights, n_iter, side):
    """Move rows to the nearer of two means until none moves.

    ``rows`` has shape (n_features, n_rows); ``side`` is the start and the result.
    Returns whether there still are two groups.
    """
    d, n = rows.shape
    means = np.empty((2, d))
    score = np.empty(n)
    for _ in range(n_iter):
        mass = np.zeros(2)
        for i in range(n):
            mass[1 if side[i] else 0] += weights[i]
        if mass[0] <= 0.0 or mass[1] <= 0.0:
            return False
        middle = 0.0
        for i in range(n):
            score[i] = 0.0
        for j in range(d):
            means[0, j] = 0.0
            means[1, j] = 0.0
            for i in range(n):
                means[1 if side[i] else 0, j] += weights[i] * rows[j, i]
            low = means[0, j] / mass[0]
            high = means[1, j] / mass[1]
            step = high - low
            middle += 0.5 * (low + high) * step
            for i in range(n):
                score[i] += step * rows[j, i]
        moved = 0
        for i in range(n):
            above = score[i] >= middle
            if above != side[i]:
                side[i] = above
                moved += 1
        if moved == 0:
            break
    above = 0
    for i in range(n):
        if side[i]:
            above += 1
    return 0 < above < n
