"""Sufficient statistics of the Gaussian model with one variance for all classes."""

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.naive_bayes._kernels import (
    csc_moments,
    csr_moments,
    dense_column_moments,
    dense_row_moments,
    sort_by_class,
)
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


class ClassMoments:
    """Class counts, class means and pooled within-class sums of squares.

    These are all that the model needs to know about its training data. Two states
    of disjoint data merge exactly, whatever the order.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.
    means : ndarray of shape (n_classes, n_features)
        Weighted mean of each class; zero for a class without data.
    squares : ndarray of shape (n_features,)
        Weighted sum of squared deviations from the mean of the own class.
    """

    def __init__(self, counts, means, squares):
        self.counts = counts
        self.means = means
        self.squares = squares

    @classmethod
    def empty(cls, n_classes, n_features):
        """Return the state of no data at all."""
        return cls(
            np.zeros(n_classes),
            np.zeros((n_classes, n_features)),
            np.zeros(n_features),
        )

    @classmethod
    def from_data(cls, X, codes, n_classes, sample_weight=None, n_jobs=None):
        """Return the state of a data set; ``codes`` are class indices.

        Rows with weight zero are not read. Non-finite input raises ``ValueError``
        with scikit-learn's message.
        """
        codes = _frozen(np.ascontiguousarray(codes, dtype=np.intp))
        weights = np.empty(0) if sample_weight is None else sample_weight
        weights = _frozen(np.ascontiguousarray(weights, dtype=np.float64))
        counts = np.bincount(codes, sample_weight, minlength=n_classes).astype(float)
        if X.shape[0] * X.shape[1] < _MIN_SIZE_FOR_THREADS:
            n_jobs = 1
        with np.errstate(over="ignore", invalid="ignore"):
            if sparse.issparse(X):
                moments = _sparse_moments(X, codes, weights, counts, n_jobs)
            else:
                moments = _dense_moments(X, codes, weights, n_classes, n_jobs)
        moments.counts = counts
        return moments

    @property
    def total_count(self):
        """Sum of all sample weights."""
        return self.counts.sum()

    def is_finite(self):
        """Tell whether all sums stayed finite."""
        return bool(np.isfinite(self.squares).all() and np.isfinite(self.means).all())

    def merge(self, other, rows):
        """Add the state of further data whose class ``i`` is our class ``rows[i]``."""
        # A state that came out of joblib may be a read-only memory map.
        self.counts, self.means, self.squares = (
            np.require(array, requirements="W")
            for array in (self.counts, self.means, self.squares)
        )
        mine = self.counts[rows]
        both = mine + other.counts
        gain = np.divide(other.counts, both, out=np.zeros_like(both), where=both > 0)
        delta = other.means - self.means[rows]
        self.squares += other.squares
        self.squares += np.einsum("k,kj,kj->j", mine * gain, delta, delta)
        delta *= gain[:, np.newaxis]
        self.means[rows] += delta
        self.counts[rows] = both

    def expanded(self, rows, n_classes):
        """Return a state of ``n_classes`` in which our class ``i`` is ``rows[i]``."""
        wider = ClassMoments.empty(n_classes, self.means.shape[1])
        wider.counts[rows] = self.counts
        wider.means[rows] = self.means
        wider.squares[:] = self.squares
        return wider


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
        f"X has values whose squared deviations exceed the range of float64, got a "
        f"largest absolute value of {np.abs(values).max():.3g}; rescale the features."
    )


def _frozen(array):
    """Return a read-only view.

    numba compiles writable and read-only arrays separately; showing every input as
    read-only keeps one compiled version and accepts memory maps.
    """
    view = array.view()
    view.flags.writeable = False
    return view


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
    X = _frozen(X)
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
        self.bounds = np.empty(n_classes + 1, dtype=np.intp)
        self.order = np.empty(self.stop - start, dtype=np.intp)
        sort_by_class(codes, weights, start, self.stop, self.bounds, self.order)
        self.moments = ClassMoments.empty(n_classes, n_features)
        if weights.size:
            kept = codes[start : self.stop], weights[start : self.stop]
            self.moments.counts += np.bincount(*kept, minlength=n_classes)
        else:
            self.moments.counts += np.diff(self.bounds)


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
        local = weights[job.start : job.stop] if weights.size else weights
        tile = ClassMoments.empty(means.shape[0], j1 - j0)
        dense_row_moments(
            _frozen(block),
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
    entries = _frozen(data), _frozen(X.indices), _frozen(X.indptr)
    moments = ClassMoments.empty(counts.size, X.shape[1])
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
