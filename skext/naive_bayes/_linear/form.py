"""The linear classifier that a set of class moments stands for."""

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.naive_bayes._moments.kernels import score_rows
from skext.utils._parallel import run_chunks

_CHUNK_BYTES = 8 * 2**20
_MAX_CHUNK_ROWS = 4096
_MAX_DIRECT_ROWS = 65536
# Up to here one compiled pass over the rows beats centring and a matrix product.
_FEW_CLASSES = 32
_MIN_SIZE_FOR_THREADS = 2**18
# Weights beyond this are too close to the range of float32 to be used in it.
_MAX_FLOAT32_WEIGHT = 1e12


class LinearForm:
    """Scores ``(x - center) @ weights.T + bias`` and the common normalizer.

    Subtracting a centre that all classes share changes no decision and keeps the
    scores accurate when the features have large offsets.

    Parameters
    ----------
    weights : ndarray of shape (n_classes, n_features)
        Class means minus centre, divided by the variances.
    bias : ndarray of shape (n_classes,)
        Score of each class at the centre; minus infinity rules a class out.
    center : ndarray of shape (n_features,)
        Mean of the class means, weighted with the priors.
    spread : DiagonalSpread, MatrixSpread or RowSpread
        Covariance within the classes.
    epsilon : float or ndarray of shape (n_features,)
        What was added to the pooled variances.
    shrinkage : float
        Weight of the target in the covariance.
    """

    def __init__(self, weights, bias, center, spread, *, epsilon, shrinkage):
        self.weights = weights
        self.bias = bias
        self.center = center
        self.spread = spread
        self.epsilon = epsilon
        self.shrinkage = shrinkage
        self.fits_float32 = bool(np.abs(weights).max() < _MAX_FLOAT32_WEIGHT)
        self._operators = {}

    def __getstate__(self):
        return {**self.__dict__, "_operators": {}}

    @property
    def coef(self):
        """Weights for raw features; one row only when there are two classes."""
        if self.bias.size == 2:
            return self.weights[1:] - self.weights[:1]
        return self.weights

    @property
    def intercept(self):
        """Scores at the origin; one only when there are two classes."""
        intercept = self.bias - self.weights @ self.center
        return intercept[1:] - intercept[:1] if self.bias.size == 2 else intercept

    def compute_dtype(self, X):
        """Return the float type in which scores of ``X`` are computed."""
        if X.dtype in (np.float32, np.float16) and self.fits_float32:
            return np.dtype(np.float32)
        return np.dtype(np.float64)

    def operator(self, dtype, every_class):
        """Return weights, bias and centre in ``dtype``.

        With two classes there is one row, the difference of their scores, unless
        ``every_class`` asks for both. The bias belongs to the centre as rounded to
        ``dtype``.
        """
        key = (dtype, every_class)
        if key not in self._operators:
            center = self.center.astype(dtype)
            bias = self.bias + self.weights @ (center.astype(np.float64) - self.center)
            weights = self.weights
            if bias.size == 2 and not every_class:
                bias, weights = bias[1:] - bias[:1], weights[1:] - weights[:1]
            self._operators[key] = weights.astype(dtype), bias.astype(dtype), center
        return self._operators[key]

    def map_chunks(self, X, function, out, *, name, joint=False, n_jobs=None):
        """Fill ``out`` with ``function(scores)`` of chunks of rows.

        ``scores`` has one column for each class, or a single one for two classes;
        ``function`` may overwrite it. With ``joint=True`` it has the joint
        log-densities of all classes in float64. Sizes of chunks depend on shapes
        and types only.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_features)
            Rows, not yet known to be finite.
        function : callable
            Maps scores of a chunk to what ``out`` shall hold.
        out : ndarray of shape (n_samples, ...)
            Filled and returned.
        name : str
            Name of the estimator for error messages.
        joint : bool, default=False
            Whether joint log-densities are wanted instead of linear scores.
        n_jobs : int, default=None
            Number of threads where there are few classes.

        Returns
        -------
        out : ndarray of shape (n_samples, ...)
            The filled array.
        """
        if sparse.issparse(X):
            operator = self.operator(np.dtype(np.float64), joint)
            chunks = _score_sparse(X.tocsr(), *operator)
        elif joint:
            chunks = _score_many(X, *self.operator(np.dtype(np.float64), joint))
        else:
            operator = self.operator(self.compute_dtype(X), joint)
            if operator[1].size <= _FEW_CLASSES:
                chunks = _score_few(X, *operator, n_jobs)
            else:
                chunks = _score_many(X, *operator)
        for start, suspects, scores, chunk in chunks:
            assert_all_finite(suspects, estimator_name=name, input_name="X")
            if joint:
                scores += self.log_normalizer(chunk)[:, np.newaxis]
            out[start : start + scores.shape[0]] = function(scores)
        return out

    def log_normalizer(self, chunk):
        """Return what all joint log-densities of a row have in common.

        ``chunk`` holds centred dense rows or raw sparse rows. Features without any
        variance carry no information and are left out.
        """
        precision = getattr(self.spread, "precision", None)
        if not sparse.issparse(chunk):
            distance = self.spread.distances(chunk)
        elif precision is None:
            distance = self.spread.distances(chunk.toarray() - self.center)
        else:
            # (x - c)^2 = c^2 + x (x - 2 c), and the last term needs entries only.
            column = self.center[chunk.indices]
            entries = chunk.data * (chunk.data - 2 * column) * precision[chunk.indices]
            owner = np.repeat(np.arange(chunk.shape[0]), np.diff(chunk.indptr))
            distance = np.bincount(owner, entries, minlength=chunk.shape[0])
            distance += (self.center**2 * precision).sum()
        return self.spread.constant - 0.5 * distance


def _score_few(X, weights, bias, center, n_jobs):
    """Yield (first row, rows to check, scores, None) from the compiled kernel.

    Rows that are C-contiguous in the right type are not copied.
    """
    n_samples, n_features = X.shape
    direct = X.dtype == weights.dtype and X.dtype.isnative and X.flags.c_contiguous
    rows = _MAX_DIRECT_ROWS if direct else _chunk_rows(weights)
    column = bias.argmax()
    for start in range(0, n_samples, rows):
        values = X[start : start + rows]
        block = np.ascontiguousarray(values, dtype=weights.dtype).view()
        block.flags.writeable = False
        scores = np.empty((values.shape[0], bias.size), dtype=weights.dtype)
        # Non-finite rows are reported by the caller, with a better message.
        with np.errstate(invalid="ignore", over="ignore"):
            run_chunks(
                score_rows,
                values.shape[0],
                block,
                center,
                weights,
                bias,
                scores,
                n_jobs=n_jobs,
                min_chunk=1 + _MIN_SIZE_FOR_THREADS // n_features,
            )
        # Rows that are not finite have no finite score; looking at one column
        # spares a pass over the data.
        suspects = values[~np.isfinite(scores[:, column])]
        yield start, suspects, scores, None


def _score_many(X, weights, bias, center):
    """Yield (first row, rows to check, scores, centred rows) in reused buffers."""
    n_samples, n_features = X.shape
    rows = min(_chunk_rows(weights), n_samples)
    order = "F" if X.flags.f_contiguous and not X.flags.c_contiguous else "C"
    buffer = np.empty((rows, n_features), dtype=weights.dtype, order=order)
    scores = np.empty((rows, bias.size), dtype=weights.dtype)
    for start in range(0, n_samples, rows):
        values = X[start : start + rows]
        size = values.shape[0]
        with np.errstate(invalid="ignore", over="ignore"):
            np.subtract(values, center, out=buffer[:size], casting="same_kind")
            np.matmul(buffer[:size], weights.T, out=scores[:size])
            scores[:size] += bias
        yield start, values, scores[:size], buffer[:size]


def _score_sparse(X, weights, bias, center):
    """Yield (first row, entries to check, scores, raw rows).

    The centre is taken from the scores instead of the entries, in float64, where
    the offsets that sparse data can have do no harm.
    """
    bias = bias - weights @ center
    rows = _chunk_rows(weights)
    for start in range(0, X.shape[0], rows):
        chunk = X[start : start + rows].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            scores = chunk @ weights.T + bias
        yield start, chunk.data, scores, chunk


def _chunk_rows(weights):
    """Return how many rows keep a buffer of features or scores small."""
    widest = max(weights.shape) * weights.itemsize
    return int(np.clip(_CHUNK_BYTES // widest, 64, _MAX_CHUNK_ROWS))
