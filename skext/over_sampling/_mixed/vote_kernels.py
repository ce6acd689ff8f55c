"""Compiled loops of the votes about categories.

Categories are whole numbers, 0 to the number of levels of a column.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def tally(codes, n_levels, voters, winners, n_winners, start, stop):
    """Find the most frequent levels of a column among the voters of each seed.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Levels of the column.
    n_levels : int
        Number of levels.
    voters : ndarray of shape (n_seeds, n_voters)
        Row numbers.
    winners : ndarray of shape (n_seeds, n_voters)
        Gets, for each level that is most frequent, the first row that has it.
    n_winners : ndarray of shape (n_seeds,)
        Gets the number of such levels.
    """
    counts = np.zeros(n_levels, dtype=np.int64)
    for i in range(start, stop):
        most = 0
        for row in voters[i]:
            counts[codes[row]] += 1
            most = max(most, counts[codes[row]])
        n = 0
        for row in voters[i]:
            if counts[codes[row]] == most:
                winners[i, n] = row
                n += 1
            counts[codes[row]] = 0
        n_winners[i] = n


@jit
def _uniform(key, i, j):
    """Hash three numbers to one in [0, 1): the finalizer of SplitMix64."""
    z = key + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
    z ^= np.uint64(j + 1) * np.uint64(0xD1B54A32D192ED03)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@jit
def draw_winners(winners, n_winners, seed, key, column, chosen, start, stop):
    """Choose one of the winners for each synthetic row.

    Parameters
    ----------
    winners, n_winners : ndarray
        As :func:`tally` writes them.
    seed : ndarray of shape (n_new,)
        Seed of each synthetic row.
    key : numpy.uint64
        Decides between equals, with the position and the column.
    column : int
        Number of the nominal column.
    chosen : ndarray of shape (n_new,)
        Gets the row whose value the synthetic row takes.
    """
    for i in range(start, stop):
        n = n_winners[seed[i]]
        which = 0 if n == 1 else int(_uniform(key, i, column) * n)
        chosen[i] = winners[seed[i], which]
