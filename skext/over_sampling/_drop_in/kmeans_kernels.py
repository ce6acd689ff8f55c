"""Compiled loop that sums the distances of all pairs of rows."""

import numpy as np

from skext.utils._numba import jit


@jit(reassociate=True)
def sum_distances(columns, sums, start, stop):
    """Sum the distances of each row to all rows behind it.

    Item ``i`` stands for the rows ``i`` and ``n - 1 - i``, which together have the
    same number of pairs for every item.

    Parameters
    ----------
    columns : ndarray of shape (n_features, n_rows)
        The rows, transposed.
    sums : ndarray of shape (n_rows,)
        Gets the sums.
    """
    n_features, n_rows = columns.shape
    squares = np.empty(n_rows)
    for item in range(start, stop):
        for side in range(2):
            row = item if side == 0 else n_rows - 1 - item
            if side == 1 and row == item:
                continue
            squares[row + 1 :] = 0.0
            for f in range(n_features):
                column, value = columns[f], columns[f, row]
                for j in range(row + 1, n_rows):
                    d = column[j] - value
                    squares[j] += d * d
            total = 0.0
            for j in range(row + 1, n_rows):
                total += np.sqrt(squares[j])
            sums[row] = total
