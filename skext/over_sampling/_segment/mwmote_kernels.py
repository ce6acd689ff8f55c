"""Compiled loop that weighs the rows of a class by the other classes near them."""

import numpy as np

from skext.utils._numba import jit


@jit
def _select_smallest(values, order, k):
    """Reorder ``order`` so that its first k entries point at the smallest values.

    Equal values go by their number (Hoare's FIND).
    """
    low, high = 0, order.size - 1
    while low < high:
        pivot = order[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[order[i]] < values[pivot] or (
                values[order[i]] == values[pivot] and order[i] < pivot
            ):
                i += 1
            while values[order[j]] > values[pivot] or (
                values[order[j]] == values[pivot] and order[j] > pivot
            ):
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@jit
def add_information(distances, k, n_features, threshold, maximum, totals, start, stop):
    """Add the information weights that border rows of other classes give to a class.

    Parameters
    ----------
    distances : ndarray of shape (n_border, n_rows)
        Distances from border rows of other classes to the rows of the class.
    k : int
        Number of nearest rows of the class that a border row gives weight to.
    n_features : int
        Distances are divided by it.
    threshold, maximum : float
        Closeness is the inverse of the distance, cut at the threshold and scaled to
        the maximum.
    totals : ndarray of shape (n_blocks, n_rows)
        Gets the sum over the border rows of each block; there is one block for each
        equal part of the border rows, so that the order of the sums is fixed.
    """
    n_border, n_rows = distances.shape
    n_blocks = totals.shape[0]
    order = np.empty(n_rows, dtype=np.intp)
    closeness = np.empty(k)
    for block in range(start, stop):
        total = totals[block]
        first = block * n_border // n_blocks
        for y in range(first, (block + 1) * n_border // n_blocks):
            row = distances[y]
            for i in range(n_rows):
                order[i] = i
            _select_smallest(row, order, k)
            both = 0.0
            for i in range(k):
                distance, near = row[order[i]], threshold
                if n_features < threshold * distance:
                    near = n_features / distance
                closeness[i] = near / threshold * maximum
                both += closeness[i]
            if both > 0.0:
                for i in range(k):
                    # Closeness times density factor.
                    total[order[i]] += closeness[i] * (closeness[i] / both)
