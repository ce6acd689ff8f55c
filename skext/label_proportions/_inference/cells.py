"""Nearest neighbours of many rows, searched within cells of nearby rows."""

import numpy as np

from skext.utils._parallel import run_chunks

# Lists of more rows than this are no longer cheap.
MOST_NEIGHBORS = 50
# Partitions of the rows; a neighbour is missed if it is in another cell in all.
_N_PARTITIONS = 4
# How often neighbours are asked for their neighbours.
_N_ROUNDS = 2
# Most rows of a cell, and rows whose distances to it are computed at a time.
_CELL = 2048
_BLOCK = 512
# Rows from which a direction is computed.
_SAMPLE = 4096
# Rows that are kept besides the wanted ones; they know more neighbours.
_SPARE = 5


def neighbors_in_cells(X, k, n_jobs=None):
    """Find most of the nearest neighbours of each row by Euclidean distance.

    Rows are split again and again at the median of their projection on a random
    direction, until cells are small; the search within a cell is exhaustive. The
    best of several such partitions are kept, and neighbours of neighbours are tried.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    k : int
        Number of neighbours, at most ``MOST_NEIGHBORS``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Returns
    -------
    distances : ndarray of shape (n_samples, k)
        Of the neighbours, the nearest first.
    neighbors : ndarray of shape (n_samples, k)
        Row numbers.
    """
    X = _centered(X)
    found = np.full((X.shape[0], k + _SPARE), -1, dtype=np.int32)
    squares = np.full(found.shape, np.inf, dtype=np.float32)
    for seed in range(_N_PARTITIONS):
        cells = _split(X, np.random.RandomState(seed))
        run_chunks(
            _search, len(cells), X, cells, squares, found, n_jobs=n_jobs, min_chunk=8
        )
    for _ in range(_N_ROUNDS):
        # A copy, so that no thread sees what another one has just found.
        known = found.copy()
        run_chunks(_ask_neighbors, X.shape[0], X, known, squares, found, n_jobs=n_jobs)
    return np.sqrt(squares[:, :k]), found[:, :k].astype(np.intp)


def _centered(X):
    """Return rows around zero in single precision, after the digits far from it."""
    center = X.mean(axis=0, dtype=np.float64)
    out = np.empty(X.shape, dtype=np.float32)
    for start in range(0, X.shape[0], _CELL):
        out[start : start + _CELL] = X[start : start + _CELL] - center
    return out


def _split(X, rng):
    """Return the row numbers of each cell."""
    n_levels = max(0, int(np.ceil(np.log2(X.shape[0] / _CELL))))
    cells = [np.arange(X.shape[0])]
    for _ in range(n_levels):
        halves = []
        for rows in cells:
            values = X[rows] @ _direction(X, rows, rng)
            order = np.argpartition(values, rows.size // 2)
            halves += np.split(rows[order], [rows.size // 2])
        cells = halves
    # In their order, ties go to the first rows.
    return [np.sort(rows) for rows in cells]


def _direction(X, rows, rng):
    """Draw a direction in which rows differ, and the more, the likelier.

    A step of the power method takes a random direction towards the longest axis.
    """
    sample = X[rows[:: max(1, rows.size // _SAMPLE)]]
    sample = sample - sample.mean(axis=0)
    direction = rng.standard_normal(X.shape[1]).astype(np.float32)
    return sample.T @ (sample @ direction)


def _search(X, cells, squares, found, start, stop):
    """Improve the lists of the rows of the cells start:stop."""
    k = found.shape[1]
    for rows in cells[start:stop]:
        cell = X[rows]
        # Near zero, products lose few digits.
        cell -= cell.mean(axis=0)
        norms = np.einsum("ij,ij->i", cell, cell)
        for first in range(0, rows.size, _BLOCK):
            own = np.arange(first, min(first + _BLOCK, rows.size))
            # Squared distances but for the norm of the row, which changes no order.
            block = cell[own] @ (-2 * cell).T
            block += norms
            block[np.arange(own.size), own] = np.inf
            near = np.argpartition(block, k - 1, axis=1)[:, :k]
            # Differences, not products, say how far.
            gaps = cell[own][:, np.newaxis] - cell[near]
            exact = np.einsum("ijk,ijk->ij", gaps, gaps)
            _merge(rows[own], exact, rows[near], squares, found)


def _ask_neighbors(X, known, squares, found, start, stop):
    """Improve the lists of the rows start:stop by those of their neighbours."""
    # Many neighbours have very many: fewer rows at a time.
    block = max(1, _BLOCK * 100 // found.shape[1] ** 2)
    for first in range(start, stop, block):
        rows = np.arange(first, min(first + block, stop))
        new = np.sort(known[known[rows]].reshape(rows.size, -1), axis=1)
        gaps = X[rows][:, np.newaxis] - X[new]
        exact = np.einsum("ijk,ijk->ij", gaps, gaps)
        exact[new == rows[:, np.newaxis]] = np.inf
        exact[:, 1:][new[:, 1:] == new[:, :-1]] = np.inf
        near = np.argpartition(exact, found.shape[1], axis=1)[:, : found.shape[1]]
        exact, new = (np.take_along_axis(part, near, axis=1) for part in (exact, new))
        _merge(rows, exact, new, squares, found)


def _merge(rows, new_squares, new, squares, found):
    """Merge candidates into the lists of some rows; none comes twice."""
    k = found.shape[1]
    again = (new[:, :, np.newaxis] == found[rows][:, np.newaxis]).any(axis=2)
    new_squares = np.where(again, np.inf, new_squares)
    every = np.concatenate([squares[rows], new_squares], axis=1)
    names = np.concatenate([found[rows], new], axis=1)
    order = np.lexsort((names, every), axis=1)[:, :k]
    squares[rows] = np.take_along_axis(every, order, axis=1)
    found[rows] = np.take_along_axis(names, order, axis=1)
