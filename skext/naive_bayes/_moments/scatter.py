"""Pooled within-class scatter matrices: rows while they are few, then a matrix."""

import numpy as np
from scipy import sparse

from skext.naive_bayes._moments.kernels import class_residuals
from skext.utils._parallel import run_chunks

# Rows of one product: enough for the matrix product to be fast, few enough for the
# float32 sums inside of it to stay accurate.
_PRODUCT_ROWS = 4096
_PRODUCT_BYTES = 32 * 2**20
_BLOCK_COLUMNS = 1024


class Scatter:
    """Sum of the outer products of rows.

    While there are fewer rows than features the rows themselves are kept, which is
    smaller and lets a solver work in the space of the rows. Afterwards new rows wait
    until a block of them is worth a matrix product, so that updates by single rows
    are cheap.

    Parameters
    ----------
    n_features : int
        Length of a row.
    matrix : ndarray of shape (n_features, n_features), default=None
        Sum so far.
    """

    def __init__(self, n_features, matrix=None):
        self.n_features = n_features
        self._matrix = matrix
        self._rows = []
        self._n_rows = 0

    def copy(self):
        """Return an independent scatter."""
        matrix = None if self._matrix is None else self._matrix.copy()
        new = Scatter(self.n_features, matrix)
        # Blocks of rows are never written to.
        new._rows, new._n_rows = list(self._rows), self._n_rows
        return new

    def add_rows(self, rows):
        """Add the outer products of rows, of shape (n_rows, n_features)."""
        if rows.shape[0] == 0:
            return
        self._rows.append(rows)
        self._n_rows += rows.shape[0]
        limit = self.n_features if self._matrix is None else self.n_features // 8 + 32
        if self._n_rows >= limit:
            self._flush()

    def merge(self, other):
        """Add another scatter."""
        if other._matrix is not None:
            if self._matrix is None:
                self._matrix = other._matrix.copy()
            else:
                self._matrix = np.require(self._matrix, requirements="W")
                self._matrix += other._matrix
        for rows in other._rows:
            self.add_rows(rows)

    def remove(self, other, rows):
        """Subtract another scatter and the outer products of rows."""
        self._flush()
        self._matrix -= other.copy().matrix()
        self._matrix -= rows.T @ rows
        # Rounding may leave a variance below zero.
        diagonal = np.maximum(self._matrix.diagonal(), 0.0)
        np.fill_diagonal(self._matrix, diagonal)

    def matrix(self):
        """Return the sum as a matrix, which belongs to this scatter."""
        if self._rows or self._matrix is None:
            self._flush()
        return self._matrix

    def factor(self):
        """Return rows with these outer products, or None if there are too many."""
        if self._matrix is not None:
            return None
        if not self._rows:
            return np.zeros((0, self.n_features))
        if len(self._rows) > 1:
            self._rows = [np.concatenate(self._rows)]
        return self._rows[0]

    def columns(self, start, stop):
        """Return some columns of the sum without making all of it."""
        factor = self.factor()
        if factor is None:
            return self.matrix()[:, start:stop]
        return factor.T @ factor[:, start:stop]

    def _flush(self):
        if self._matrix is None:
            self._matrix = np.zeros((self.n_features, self.n_features))
        self._matrix = np.require(self._matrix, requirements="W")
        if self._rows:
            rows = np.concatenate(self._rows)
            self._matrix += rows.T @ rows
        self._rows, self._n_rows = [], 0


def column_blocks(n_features):
    """Yield (start, stop) of blocks of columns that bound temporary memory."""
    for start in range(0, n_features, _BLOCK_COLUMNS):
        yield start, min(start + _BLOCK_COLUMNS, n_features)


def residual_chunks(X, codes, means, weights, *, n_jobs=None, dtype=np.float64):
    """Yield (start, stop, deviations from the class means) of chunks of rows.

    Deviations are taken in float64 and rounded to ``dtype``. With weights, rows are
    multiplied with their square roots. The yielded buffer is reused.
    """
    n_samples, n_features = X.shape
    if sparse.issparse(X):
        X = X.tocsr()
    itemsize = np.dtype(dtype).itemsize
    chunk = int(np.clip(_PRODUCT_BYTES // (itemsize * n_features), 64, _PRODUCT_ROWS))
    buffer = np.empty((min(chunk, n_samples), n_features), dtype=dtype)
    codes, means = frozen(codes), frozen(means)
    roots = None if weights is None else frozen(np.sqrt(weights))
    for start in range(0, n_samples, chunk):
        stop = min(start + chunk, n_samples)
        block = _contiguous(X[start:stop])
        run_chunks(
            class_residuals,
            stop - start,
            block,
            codes[start:stop],
            means,
            None if roots is None else roots[start:stop],
            buffer,
            n_jobs=n_jobs,
            min_chunk=1 + 2**18 // n_features,
        )
        yield start, stop, buffer[: stop - start]


def scatter_of_residuals(X, codes, means, weights, *, n_jobs, dtype):
    """Return the scatter of the deviations from given class means."""
    n_features = X.shape[1]
    scatter = Scatter(n_features)
    if X.shape[0] < n_features:
        for _, _, rows in residual_chunks(X, codes, means, weights, n_jobs=n_jobs):
            scatter.add_rows(rows[rows.any(axis=1)].copy())
        return scatter
    total = np.zeros((n_features, n_features))
    for _, _, rows in residual_chunks(
        X, codes, means, weights, n_jobs=n_jobs, dtype=dtype
    ):
        total += rows.T @ rows
    return Scatter(n_features, total)


def frozen(array):
    """Return a read-only view.

    numba compiles writable and read-only arrays separately; showing every input as
    read-only keeps one compiled version and accepts memory maps.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def _contiguous(block):
    """Return rows as a read-only dense array that the kernel takes."""
    if sparse.issparse(block):
        block = block.toarray()
    keep = block.dtype in (np.float32, np.float64) and block.dtype.isnative
    return frozen(np.ascontiguousarray(block, dtype=None if keep else np.float64))
