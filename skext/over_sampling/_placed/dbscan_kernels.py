"""Compiled loop over shortest paths."""

from skext.utils._numba import jit


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
