"""Compiled loops over near rows and shortest paths.

The rows whose pairs are searched are sorted by one column, whose values bound the
distances.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def _squared_distance(a, b, limit):
    """Return the squared distance, or a part of it that is over the limit."""
    total = 0.0
    for j in range(a.size):
        total += (a[j] - b[j]) ** 2
        if total > limit:
            break
    return total


@jit
def count_near(table, column, radius, counts, start, stop):
    """Count the other rows at most ``radius`` away from each row."""
    limit = radius * radius
    for i in range(start, stop):
        row = table[i]
        counts[i] = 0
        first = np.searchsorted(table[:, column], row[column] - radius)
        for j in range(first, table.shape[0]):
            if table[j, column] > row[column] + radius:
                break
            if j != i and _squared_distance(row, table[j], limit) <= limit:
                counts[i] += 1


@jit
def list_near(table, column, radius, indptr, indices, distance, start, stop):
    """Write what :func:`count_near` counted, and the distances, behind ``indptr``."""
    limit = radius * radius
    for i in range(start, stop):
        row, n_found = table[i], indptr[i]
        first = np.searchsorted(table[:, column], row[column] - radius)
        for j in range(first, table.shape[0]):
            if table[j, column] > row[column] + radius:
                break
            squared = _squared_distance(row, table[j], limit)
            if j != i and squared <= limit:
                indices[n_found], distance[n_found] = j, np.sqrt(squared)
                n_found += 1


@jit
def pick_edges(predecessor, seed, share, base, partner, start, stop):
    """Pick an edge of the path from each seed to the source of its tree.

    Parameters
    ----------
    predecessor : ndarray of shape (n_rows,)
        Next row on the path; negative at a source, which no seed is.
    seed : ndarray of shape (n_samples,)
        Where the paths begin.
    share : ndarray of shape (n_samples,)
        From 0 to 1: how far along the path the edge is.
    base, partner : ndarray of shape (n_samples,)
        Written: both ends of the edge, the one nearer to the seed first.
    """
    for i in range(start, stop):
        row, n_edges = seed[i], 0
        while predecessor[row] >= 0:
            row = predecessor[row]
            n_edges += 1
        row = seed[i]
        for _ in range(min(int(share[i] * n_edges), n_edges - 1)):
            row = predecessor[row]
        base[i], partner[i] = row, predecessor[row]
