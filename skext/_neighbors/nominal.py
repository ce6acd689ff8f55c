"""Nearest neighbours in tables with nominal columns, exact and without one-hot codes.

Distances are those of the paper of SMOTE: a penalty for each nominal column that
differs (SMOTE-NC), or the value difference metric (SMOTE-N). A row is never its own
neighbour: it is excluded by its index.
"""

import numpy as np
from scipy import sparse

from skext._neighbors.engine import NeighborEngine, ask_search, pack_leaves
from skext._neighbors.nominal_kernels import (
    measure_levels,
    search_levels,
    search_mixed,
    search_mixed_missing,
    search_pairs,
)
from skext.utils._parallel import run_chunks

# Rows that are compared at once.
_LEAF_SIZE = 128


def mixed_neighbors(numbers, codes, penalty, k, *, medians=False, n_jobs=None):
    """Find the nearest other rows of a table of numbers and categories.

    All pairs are compared, which for some thousand rows takes less time than leaves.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_numbers)
        Numeric columns; NaN is a missing value.
    codes : ndarray of shape (n_rows, n_nominal)
        Categories as whole numbers.
    penalty : float
        What a differing category adds to the squared distance.
    k : int
        Number of neighbours, less than the number of rows.
    medians : bool, default=False
        Whether distances are wanted too.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Returns
    -------
    neighbors : ndarray of shape (n_rows, k)
        Row numbers, the nearest first, equal distances by number.
    distances : ndarray of shape (n_rows, k) or None
        Their distances.
    medians : ndarray of shape (n_rows,) or None
        Median distance of each row to all others.
    """
    n_rows = numbers.shape[0]
    if codes.shape[1] == 0 and not medians:
        rows = np.arange(n_rows)
        engine = NeighborEngine(numbers, rows, n_jobs=n_jobs)
        return engine.nearest(rows, rows, k), None, None
    found = np.empty((n_rows, k), dtype=np.intp)
    distances, middle = np.empty((n_rows, k)), np.empty(n_rows if medians else 0)
    run_chunks(
        search_pairs,
        n_rows,
        np.ascontiguousarray(numbers.T, dtype=np.float64),
        np.ascontiguousarray(codes.T),
        float(penalty),
        bool(np.isnan(numbers.sum())),
        found,
        distances,
        middle,
        n_jobs=n_jobs,
        min_chunk=32,
    )
    return found, distances, middle if medians else None


def median_deviation(numbers):
    """Return the median of the standard deviations of columns with known values.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_numbers)
        NaN is a missing value.

    Returns
    -------
    median : float
        Zero if there is no such column.
    """
    numbers = numbers.astype(np.float64)
    known = ~np.isnan(numbers)
    counts = known.sum(axis=0)
    if not counts.any():
        return 0.0
    numbers, counts = numbers[:, counts > 0], counts[counts > 0]
    known = known[:, known.any(axis=0)]
    mean = np.where(known, numbers, 0.0).sum(axis=0) / counts
    square = np.where(known, numbers - mean, 0.0) ** 2
    return float(np.median(np.sqrt(square.sum(axis=0) / counts)))


class MixedEngine(NeighborEngine):
    """Nearest rows of a class by numbers and nominal values.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers)
        Numeric columns; NaN is a missing value.
    codes : ndarray of shape (n_samples, n_nominal)
        Categories as whole numbers.
    y : ndarray of shape (n_samples,)
        Class labels.
    n_jobs : int, default=None
        Number of threads. Results do not depend on it.
    """

    def __init__(self, numbers, codes, y, *, n_jobs=None):
        super().__init__(numbers, y, n_jobs=n_jobs)
        self.codes = codes

    def median_std(self, label):
        """Return the median of the standard deviations of a class's numbers."""
        return median_deviation(self.X[self.rows(label)])

    def within(self, label, k, search=None):
        """Find the nearest rows of the same class for each row of a class.

        Parameters
        ----------
        label : object
            The class, of more than ``k`` rows.
        k : int
            Number of neighbours.
        search : object with ``fit`` and ``kneighbors``, default=None
            A search of the user instead of the exact one; it is given a sparse table
            with the same Euclidean distances.

        Returns
        -------
        neighbors : ndarray of shape (n_rows, k)
            Row numbers in the whole table, the nearest first.
        """
        rows, median = self.rows(label), self.median_std(label)
        numbers = np.ascontiguousarray(self.X[rows], dtype=np.float64)
        codes = np.ascontiguousarray(self.codes[rows])
        if search is not None:
            return rows[ask_search(search, _indicators(numbers, codes, median), k)]
        found = np.empty((rows.size, k), dtype=np.intp)
        if np.isnan(numbers.sum()):
            arrays = (numbers, codes, median**2, found)
            options = {"n_jobs": self.n_jobs, "min_chunk": 16}
            run_chunks(search_mixed_missing, rows.size, *arrays, **options)
        else:
            _search_leaves(numbers, codes, median**2, found, self.n_jobs)
        return rows[found]


def _search_leaves(numbers, codes, penalty, found, n_jobs):
    """Search leaves of rows whose numbers are close to each other."""
    order, leaves, boxes = pack_leaves(numbers, _LEAF_SIZE)
    n_rows, (n_leaves, _, size) = len(numbers), leaves.shape
    padded = np.full((n_leaves * size, codes.shape[1]), -1, dtype=np.int32)
    padded[:n_rows] = codes[order]
    by_leaf = padded.reshape(n_leaves, size, -1).transpose(0, 2, 1)
    queries = (numbers[order], codes[order], order)
    packed = (leaves, np.ascontiguousarray(by_leaf), boxes, order)
    neighbors = np.empty_like(found)
    options = {"n_jobs": n_jobs, "min_chunk": 128}
    run_chunks(search_mixed, n_rows, queries, packed, penalty, neighbors, **options)
    found[order] = neighbors


def _indicators(numbers, codes, median):
    """Return a sparse table whose Euclidean distances are the mixed ones."""
    n_rows, n_nominal = codes.shape
    columns, n_columns = np.empty((n_rows, n_nominal), dtype=np.intp), 0
    for f in range(n_nominal):
        levels, place = np.unique(codes[:, f], return_inverse=True)
        columns[:, f] = place + n_columns
        n_columns += levels.size
    # Two entries differ where a level does.
    data = np.full(columns.size, median / np.sqrt(2))
    indptr = np.arange(0, columns.size + 1, n_nominal)
    shape = (n_rows, n_columns)
    indicators = sparse.csr_matrix((data, columns.ravel(), indptr), shape=shape)
    return sparse.hstack([sparse.csr_matrix(numbers), indicators], format="csr")


class LevelEngine(NeighborEngine):
    """Nearest rows of a class by the value difference metric.

    Of two classes the metric is the Euclidean distance between the doubled shares of
    one of them, which the ordinary search finds; of more it is measured level by level.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_nominal)
        Levels as whole numbers.
    y : ndarray of shape (n_samples,)
        Class labels of all rows, from which the shares are counted.
    n_jobs : int, default=None
        Number of threads. Results do not depend on it.
    """

    def __init__(self, codes, y, *, n_jobs=None):
        classes, y_codes = np.unique(y, return_inverse=True)
        self.codes = codes
        self.shares = [_shares(column, y_codes, classes.size) for column in codes.T]
        self.binary = classes.size == 2
        super().__init__(np.empty((y.size, 0)), y, n_jobs=n_jobs)
        if self.binary:
            self.X = np.empty(codes.shape)
            for f, column in enumerate(codes.T):
                self.X[:, f] = 2.0 * self.shares[f][column, 1]

    def within(self, label, k, search=None):
        """Find the nearest rows of the same class for each row of a class.

        Parameters
        ----------
        label : object
            The class, of more than ``k`` rows.
        k : int
            Number of neighbours.
        search : object with ``fit`` and ``kneighbors``, default=None
            A search of the user instead of the exact one, for precomputed distances.

        Returns
        -------
        neighbors : ndarray of shape (n_rows, k)
            Row numbers in the whole table, the nearest first.
        """
        rows = self.rows(label)
        if search is None and self.binary:
            return self.nearest(rows, rows, k)
        levels = self._levels_of(rows)
        if search is not None:
            distances = np.empty((rows.size, rows.size))
            options = {"n_jobs": self.n_jobs, "min_chunk": 32}
            run_chunks(measure_levels, rows.size, *levels, distances, **options)
            return rows[ask_search(search, distances, k)]
        found = np.empty((rows.size, k), dtype=np.intp)
        options = {"n_jobs": self.n_jobs, "min_chunk": 32}
        run_chunks(search_levels, rows.size, *levels, rows, found, **options)
        return found

    def _levels_of(self, rows):
        """Return shares, offsets and codes of the levels that rows of a class have."""
        shares, offsets = [], [0]
        codes = np.empty((self.codes.shape[1], rows.size), dtype=np.int32)
        for f, all_codes in enumerate(self.codes.T):
            levels, place = np.unique(all_codes[rows], return_inverse=True)
            codes[f] = place + offsets[-1]
            shares.append(self.shares[f][levels])
            offsets.append(offsets[-1] + levels.size)
        return np.concatenate(shares), np.array(offsets), codes


def _shares(codes, y_codes, n_classes):
    """Shares of the classes among the rows of each level."""
    n_levels = codes.max() + 1
    counts = np.bincount(
        codes.astype(np.intp) * n_classes + y_codes, minlength=n_levels * n_classes
    ).reshape(n_levels, n_classes)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
