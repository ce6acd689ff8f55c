"""Sufficient statistics by class index: how they are summed up and merged."""

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.naive_bayes._moments.kernels import (
    csc_moments,
    csr_moments,
    dense_column_moments,
    dense_row_moments,
    sort_by_class,
)
from skext.naive_bayes._moments.scatter import Scatter, frozen, scatter_of_residuals
from skext.utils._parallel import run_chunks

# Sizes that fix where sums are split. They depend on the data only, never on the
# number of threads, so that a fit gives the same bits for every n_jobs.
_TILE_COLUMNS = 384
_CHUNK_BYTES = 256 * 2**20
_CHUNK_ROWS = 65536
_CONVERTED_ROWS = 4096
_ITEMS_PER_ROUND = 16
# Below this many numbers a thread costs more than it saves.
_MIN_SIZE_FOR_THREADS = 2**18


class MomentState:
    """Class counts, class means and pooled within-class sums of squares.

    These are all that the models need to know about their training data. Two states
    of disjoint data merge exactly, whatever the order.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.
    means : ndarray of shape (n_classes, n_features)
        Weighted mean of each class; zero for a class without data.
    squares : ndarray of shape (n_features,) or (1,)
        Weighted sum of squared deviations from the mean of the own class; one
        entry is the sum over all features.
    products : Scatter, default=None
        Weighted sum of outer products of these deviations, if it is wanted.
    """

    def __init__(self, counts, means, squares, products=None):
        self.counts = counts
        self.means = means
        self.squares = squares
        self.products = products

    @classmethod
    def empty(cls, n_classes, n_features, covariance="diag"):
        """Return the state of no data at all."""
        return cls(
            np.zeros(n_classes),
            np.zeros((n_classes, n_features)),
            np.zeros(1 if covariance == "spherical" else n_features),
            Scatter(n_features) if covariance == "full" else None,
        )

    @classmethod
    def from_data(
        cls,
        X,
        codes,
        n_classes,
        sample_weight=None,
        n_jobs=None,
        covariance="diag",
        dtype=np.float64,
    ):
        """Return the state of a data set; ``codes`` are class indices.

        Rows with weight zero are not read. Outer products are multiplied in
        ``dtype`` and summed in float64. Non-finite input gives a state that is not
        finite, for :func:`check_moments_finite`.
        """
        codes = frozen(np.ascontiguousarray(codes, dtype=np.intp))
        weights = sample_weight
        if weights is not None:
            weights = frozen(np.ascontiguousarray(weights, dtype=np.float64))
        counts = np.bincount(codes, sample_weight, minlength=n_classes).astype(float)
        if X.shape[0] * X.shape[1] < _MIN_SIZE_FOR_THREADS:
            n_jobs = 1
        with np.errstate(over="ignore", invalid="ignore"):
            if sparse.issparse(X):
                moments = _sparse_moments(X, codes, weights, counts, n_jobs)
            else:
                moments = _dense_moments(X, codes, weights, n_classes, n_jobs)
        moments.counts = counts
        if covariance == "spherical":
            moments.squares = moments.squares.sum(keepdims=True)
        elif covariance == "full" and moments.is_finite():
            moments.products = scatter_of_residuals(
                X, codes, moments.means, weights, n_jobs=n_jobs, dtype=dtype
            )
        return moments

    @property
    def total_count(self):
        """Sum of all sample weights."""
        return self.counts.sum()

    def copy(self):
        """Return an independent state."""
        products = None if self.products is None else self.products.copy()
        return MomentState(
            self.counts.copy(), self.means.copy(), self.squares.copy(), products
        )

    def is_finite(self):
        """Tell whether all sums stayed finite."""
        return bool(np.isfinite(self.squares).all() and np.isfinite(self.means).all())

    def scatter_matrix(self):
        """Return the outer products, with the diagonal of highest precision."""
        matrix = self.products.matrix().copy()
        np.fill_diagonal(matrix, self.squares)
        return matrix

    def merge(self, other, rows):
        """Add the state of further data whose class ``i`` is our class ``rows[i]``."""
        self._make_writable()
        mine = self.counts[rows]
        both = mine + other.counts
        gain = np.divide(other.counts, both, out=np.zeros_like(both), where=both > 0)
        delta = other.means - self.means[rows]
        self.squares += other.squares
        self.squares += self._between(mine * gain, delta)
        if self.products is not None:
            self.products.merge(other.products)
            self.products.add_rows(_weighted_rows(mine * gain, delta))
        delta *= gain[:, np.newaxis]
        self.means[rows] += delta
        self.counts[rows] = both

    def remove(self, other, rows):
        """Undo the merge of a state whose class ``i`` is our class ``rows[i]``.

        Counts must not become negative; a class that keeps no more than rounding
        has no data left.
        """
        self._make_writable()
        before = self.counts[rows]
        left = before - other.counts
        left[left <= 1e-12 * before] = 0.0
        share = np.divide(other.counts, left, out=np.zeros_like(left), where=left > 0)
        step = (other.means - self.means[rows]) * share[:, np.newaxis]
        self.means[rows] -= step
        delta = other.means - self.means[rows]
        weight = np.divide(
            left * other.counts, before, out=np.zeros_like(left), where=before > 0
        )
        self.squares -= other.squares
        self.squares -= self._between(weight, delta)
        np.maximum(self.squares, 0.0, out=self.squares)
        if self.products is not None:
            self.products.remove(other.products, _weighted_rows(weight, delta))
        self.means[rows[left == 0]] = 0.0
        self.counts[rows] = left

    def expanded_counts(self, rows, n_classes):
        """Return the counts of more classes; our class ``i`` is ``rows[i]``."""
        counts = np.zeros(n_classes)
        counts[rows] = self.counts
        return counts

    def expanded(self, rows, n_classes):
        """Return a state of ``n_classes`` in which our class ``i`` is ``rows[i]``."""
        counts = self.expanded_counts(rows, n_classes)
        means = np.zeros((n_classes, self.means.shape[1]))
        means[rows] = self.means
        return MomentState(counts, means, self.squares, self.products)

    def _between(self, weights, delta):
        """Return the weighted sum of squares of ``delta`` in the shape of ours."""
        if self.squares.size < delta.shape[1]:
            return np.einsum("k,kj,kj->", weights, delta, delta)
        return np.einsum("k,kj,kj->j", weights, delta, delta)

    def _make_writable(self):
        # A state that came out of joblib may be a read-only memory map.
        self.counts, self.means, self.squares = (
            np.require(array, requirements="W")
            for array in (self.counts, self.means, self.squares)
        )


def _weighted_rows(weights, delta):
    """Return the rows whose outer products are those of ``delta``, weighted."""
    used = weights > 0
    return delta[used] * np.sqrt(weights[used])[:, np.newaxis]


def check_moments_finite(moments, X, estimator_name):
    """Name the reason if sums over ``X`` are not finite.

    Looking at the sums spares a pass over the data.

    Raises
    ------
    ValueError
        With scikit-learn's message for NaN and infinity, or because the squares of
        finite values exceed the range of float64.
    """
    if moments.is_finite():
        return
    values = X.data if sparse.issparse(X) else X
    assert_all_finite(values, estimator_name=estimator_name, input_name="X")
    raise ValueError(
        f"X has values whose squared deviations exceed the range of float64, with a "
        f"largest absolute value of {np.abs(values).max():.3g}; rescale the features."
    )


def _dense_moments(X, codes, weights, n_classes, n_jobs):
    """Accumulate over chunks of rows times tiles of columns.

    A chunk is as large as it may be, because each one costs a merge, but small
    enough to read a memory map of any length front to back.
    """
    X = np.asarray(X)
    n_samples, n_features = X.shape
    native = X.dtype in (np.float32, np.float64) and X.dtype.isnative
    if native and X.flags.c_contiguous:
        layout = "rows"
    elif native and X.flags.f_contiguous:
        layout, X = "columns", X.T
    else:
        layout = "converted"
    X = frozen(X)
    if layout == "converted":
        chunk = _CONVERTED_ROWS
    else:
        chunk = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // (X.itemsize * n_features)))
    starts = range(0, n_samples, chunk)
    n_tiles = -(-n_features // _TILE_COLUMNS)
    per_round = max(1, _ITEMS_PER_ROUND // n_tiles)
    every_class = np.arange(n_classes)
    moments = None
    for begin in range(0, len(starts), per_round):
        jobs = [
            _Chunk(codes, weights, n_classes, n_features, start, start + chunk)
            for start in starts[begin : begin + per_round]
        ]
        run_chunks(
            _run_items,
            len(jobs) * n_tiles,
            X,
            weights,
            layout,
            jobs,
            n_tiles,
            n_jobs=n_jobs,
            min_chunk=1,
        )
        for job in jobs:
            if moments is None:
                moments = job.moments
            else:
                moments.merge(job.moments, every_class)
    return moments


class _Chunk:
    """Rows of one chunk in class order, and the state that they fill."""

    def __init__(self, codes, weights, n_classes, n_features, start, stop):
        self.start = start
        self.stop = min(stop, codes.size)
        self.bounds = np.zeros(n_classes + 1, dtype=np.intp)
        self.order = np.empty(self.stop - start, dtype=np.intp)
        sort_by_class(codes, weights, start, self.stop, self.bounds, self.order)
        self.moments = MomentState.empty(n_classes, n_features)
        if weights is None:
            self.moments.counts += np.diff(self.bounds)
        else:
            kept = codes[start : self.stop], weights[start : self.stop]
            self.moments.counts += np.bincount(*kept, minlength=n_classes)


def _run_items(X, weights, layout, jobs, n_tiles, start, stop):
    """Run the (chunk, tile of columns) pairs number start to stop."""
    for item in range(start, stop):
        job = jobs[item // n_tiles]
        n_features = job.moments.squares.size
        j0 = (item % n_tiles) * _TILE_COLUMNS
        j1 = min(j0 + _TILE_COLUMNS, n_features)
        means, squares = job.moments.means, job.moments.squares
        if layout == "columns":
            dense_column_moments(
                X, job.order, job.bounds, weights, means, squares, j0, j1
            )
            continue
        if layout == "rows":
            dense_row_moments(X, job.order, job.bounds, weights, means, squares, j0, j1)
            continue
        block = X[job.start : job.stop, j0:j1]
        keep = block.dtype == np.float32 and block.dtype.isnative
        block = np.ascontiguousarray(block, dtype=None if keep else np.float64)
        local = None if weights is None else weights[job.start : job.stop]
        tile = MomentState.empty(means.shape[0], j1 - j0)
        dense_row_moments(
            frozen(block),
            job.order - job.start,
            job.bounds,
            local,
            tile.means,
            tile.squares,
            0,
            j1 - j0,
        )
        means[:, j0:j1] = tile.means
        squares[j0:j1] = tile.squares


def _sparse_moments(X, codes, weights, counts, n_jobs):
    """Accumulate over stored entries only."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    keep = X.dtype in (np.float32, np.float64) and X.dtype.isnative
    data = X.data if keep else X.data.astype(np.float64)
    entries = frozen(data), frozen(X.indices), frozen(X.indptr)
    moments = MomentState.empty(counts.size, X.shape[1])
    if X.format == "csr":
        buffer = np.zeros_like(moments.means)
        csr_moments(
            *entries, codes, weights, counts, moments.means, buffer, moments.squares
        )
    else:
        run_chunks(
            csc_moments,
            X.shape[1],
            *entries,
            codes,
            weights,
            counts,
            moments.means,
            moments.squares,
            n_jobs=n_jobs,
            min_chunk=256,
        )
    return moments
