"""Compiled loop in which the neighbours of a row vote about it."""

import numpy as np

from skext.utils._numba import jit


@jit
def vote(neighbors, codes, rows, n_classes, unanimous, kept, start, stop):
    """Tell which rows agree with their neighbours.

    Parameters
    ----------
    neighbors : ndarray of shape (n_rows, k)
        Row numbers.
    codes : ndarray of shape (n_samples,)
        Number of the class of each row, from 0.
    rows : ndarray of shape (n_rows,)
        The rows that are voted about.
    n_classes : int
        Number of classes.
    unanimous : bool
        Whether all neighbours have to be of the row's class, or its class has to be
        the most frequent one, of several the first.
    kept : ndarray of shape (n_rows,)
        Gets the verdicts.
    """
    votes = np.empty(n_classes, dtype=np.intp)
    for i in range(start, stop):
        own = codes[rows[i]]
        votes[:] = 0
        for neighbor in neighbors[i]:
            votes[codes[neighbor]] += 1
        if unanimous:
            kept[i] = votes[own] == neighbors.shape[1]
        else:
            kept[i] = np.argmax(votes) == own
