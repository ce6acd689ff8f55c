"""Compiled steps of a bottom-up clustering in which pairs can be forbidden.

``distances`` is the symmetric matrix of single-link distances between clusters, with an
infinite diagonal; the row of a cluster that was merged into another is dead. For each
cluster ``nearest`` holds the first of the nearest others, ``radius`` its distance.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def find_nearest(distances, alive, nearest, radius, start, stop):
    """Find the nearest other cluster of some clusters."""
    for a in range(start, stop):
        best, smallest = 0, np.inf
        for b in range(alive.size):
            if alive[b] and distances[a, b] < smallest:
                best, smallest = b, distances[a, b]
        nearest[a] = best
        radius[a] = smallest


@jit
def closest_pair(alive, radius):
    """Return the first cluster with the smallest radius; -1 if none is finite."""
    best, smallest = -1, np.inf
    for a in range(alive.size):
        if alive[a] and radius[a] < smallest:
            best, smallest = a, radius[a]
    return best


@jit
def merge(distances, alive, nearest, radius, a, b):
    """Merge cluster ``b`` into ``a``, which comes first."""
    alive[b] = False
    for c in range(alive.size):
        if not alive[c] or c == a:
            continue
        distance = min(distances[a, c], distances[b, c])
        distances[a, c] = distance
        distances[c, a] = distance
        if nearest[c] == b or (distance == radius[c] and a < nearest[c]):
            nearest[c] = a
    distances[a, a] = np.inf
    find_nearest(distances, alive, nearest, radius, a, a + 1)


@jit
def forbid(distances, alive, nearest, radius, a, b):
    """Put two clusters infinitely far apart."""
    distances[a, b] = np.inf
    distances[b, a] = np.inf
    find_nearest(distances, alive, nearest, radius, a, a + 1)
    find_nearest(distances, alive, nearest, radius, b, b + 1)
