"""The linear classifier that a set of class moments stands for."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

_CHUNK_BYTES = 16 * 2**20
_MAX_CHUNK_ROWS = 4096
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
    variance : ndarray of shape (n_features,)
        Variance of each feature within the classes.
    epsilon : float
        What was added to the pooled variances.
    """

    def __init__(self, weights, bias, center, variance, epsilon):
        self.weights = weights
        self.bias = bias
        self.center = center
        self.variance = variance
        self.epsilon = epsilon
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
        if X.dtype not in (np.float32, np.float16):
            return np.dtype(np.float64)
        if np.abs(self.weights).max() > _MAX_FLOAT32_WEIGHT:
            return np.dtype(np.float64)
        return np.dtype(np.float32)

    def operator(self, dtype):
        """Return transposed weights, bias and centre in ``dtype``.

        With two classes there is one column: the difference of their scores.
        The bias belongs to the centre as rounded to ``dtype``.
        """
        if dtype not in self._operators:
            center = self.center.astype(dtype)
            shift = self.weights @ (self.center - center.astype(np.float64))
            bias = self.bias - shift
            if bias.size == 2:
                bias = bias[1:] - bias[:1]
            weights = np.ascontiguousarray(self.coef.T, dtype=dtype)
            self._operators[dtype] = weights, bias.astype(dtype), center
        return self._operators[dtype]

    def map_chunks(self, X, function, out, *, estimator_name, dtype=None):
        """Fill ``out`` with ``function(scores, squares)`` of chunks of rows.

        ``scores`` has one column for each class, or one in all for two classes;
        ``function`` may overwrite it. Sizes of chunks depend on shapes only.
        """
        dtype = self.compute_dtype(X) if dtype is None else np.dtype(dtype)
        weights, bias, center = self.operator(dtype)
        n_samples, n_features = X.shape
        widest = max(n_features, bias.size) * dtype.itemsize
        rows = int(np.clip(_CHUNK_BYTES // widest, 64, _MAX_CHUNK_ROWS))
        if sparse.issparse(X):
            chunks = self._sparse_chunks(X.tocsr(), rows, weights, bias, center)
        else:
            chunks = _dense_chunks(X, rows, dtype, weights, bias, center)
        for start, values, scores, centered in chunks:
            assert_all_finite(values, estimator_name=estimator_name, input_name="X")
            out[start : start + scores.shape[0]] = function(scores, centered)
        return out

    def _sparse_chunks(self, X, rows, weights, bias, center):
        """Yield scores without subtracting the centre from the entries.

        The arithmetic is in float64, where the offset of sparse data does no harm.
        """
        weights, bias, center = self.operator(np.dtype(np.float64))
        bias = bias - center @ weights
        for start in range(0, X.shape[0], rows):
            chunk = X[start : start + rows].astype(np.float64)
            yield start, chunk.data, chunk @ weights + bias, chunk

    def log_normalizer(self, chunk):
        """Return what all joint log-densities of a row have in common.

        ``chunk`` holds centred dense rows or raw sparse rows. Features without any
        variance carry no information and are left out.
        """
        used = self.variance > 0
        precision = np.divide(1.0, self.variance, out=np.zeros(used.size), where=used)
        constant = np.log(2 * np.pi * self.variance[used]).sum()
        if sparse.issparse(chunk):
            # (x - c)^2 = c^2 + x (x - 2 c), and the last term needs entries only.
            column = self.center[chunk.indices]
            entries = chunk.data * (chunk.data - 2 * column) * precision[chunk.indices]
            owner = np.repeat(np.arange(chunk.shape[0]), np.diff(chunk.indptr))
            distance = np.bincount(owner, entries, minlength=chunk.shape[0])
            distance += (self.center**2 * precision).sum()
        else:
            distance = np.einsum("ij,ij,j->i", chunk, chunk, precision)
        return -0.5 * (distance + constant)

    def centered_bias(self):
        """Return the two scores at the centre that ``operator`` subtracted."""
        return self.bias


def _dense_chunks(X, rows, dtype, weights, bias, center):
    """Yield (first row, raw rows, scores, centred rows) in reused buffers."""
    n_samples, n_features = X.shape
    rows = min(rows, n_samples)
    order = "F" if X.flags.f_contiguous and not X.flags.c_contiguous else "C"
    buffer = np.empty((rows, n_features), dtype=dtype, order=order)
    scores = np.empty((rows, bias.size), dtype=dtype)
    # Non-finite rows are reported by the caller, with a better message.
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, n_samples, rows):
            values = X[start : start + rows]
            size = values.shape[0]
            np.subtract(values, center, out=buffer[:size], casting="same_kind")
            np.matmul(buffer[:size], weights, out=scores[:size])
            scores[:size] += bias
            yield start, values, scores[:size], buffer[:size]


def derive_linear_form(moments, prior, var_smoothing):
    """Turn class moments into a :class:`LinearForm`.

    Parameters
    ----------
    moments : ClassMoments
        The sufficient statistics.
    prior : ndarray of shape (n_classes,)
        Class probabilities; zero for classes without data.
    var_smoothing : float
        Part of the largest total variance that is added to each variance.

    Returns
    -------
    form : LinearForm
        Weights, bias, centre and variances.
    """
    total = moments.total_count
    seen = moments.counts > 0
    means = moments.means
    # Variances of a few units in the last place of the means are rounding.
    noise = (2.0**-50 * np.abs(means).max(axis=0)) ** 2
    within = moments.squares / total
    within[within <= noise] = 0.0
    weighted = np.where(seen, moments.counts / total, 0.0)
    overall, spread = _spread_of_means(means, weighted, seen)
    between = np.einsum("k,kj,kj->j", weighted, spread, spread)
    between[between <= noise] = 0.0
    center, deviation = (
        (overall, spread)
        if np.array_equal(prior, weighted)
        else _spread_of_means(means, prior, seen)
    )
    variance, epsilon = _smooth_variance(within, within + between, var_smoothing)
    informative = (variance > 0) & (between > 0)
    deviation[:, ~informative] = 0.0
    weights = np.divide(
        deviation, variance, out=np.zeros_like(deviation), where=informative
    )
    with np.errstate(divide="ignore"):
        bias = np.log(prior)
    bias -= 0.5 * np.einsum("kj,kj->k", weights, deviation)
    return LinearForm(weights, bias, center, variance, epsilon)


def _spread_of_means(means, probability, seen):
    """Return the weighted mean of the class means and the deviations from it.

    The first class serves as origin, so that a feature on which all classes agree
    has a spread of exactly zero. Classes without data get zeros.
    """
    origin = means[np.argmax(seen)]
    deviation = means - origin
    deviation[~seen] = 0.0
    step = probability @ deviation
    deviation -= step
    deviation[~seen] = 0.0
    return origin + step, deviation


def _smooth_variance(within, total, var_smoothing):
    """Return the variances that the model uses, and epsilon."""
    largest = total.max()
    epsilon = float(var_smoothing * largest)
    if largest > 0 and not within.any():
        warnings.warn(
            "No class has two different rows, so the variance within classes is "
            "unknown; the mean total variance of the features is used for all of "
            "them, which predicts the class with the nearest mean.",
            UserWarning,
            stacklevel=5,
        )
        return np.full_like(within, total.mean() + epsilon), epsilon
    variance = within + epsilon
    # Zero variance only happens without smoothing: where all data agree it does no
    # harm, elsewhere the weight would be infinite.
    flat = (variance == 0) & (total > 0)
    if flat.any():
        warnings.warn(
            f"{flat.sum()} features do not vary within classes but differ between "
            "them; set var_smoothing > 0, because their weights are now limited by "
            "the precision of float64 only.",
            UserWarning,
            stacklevel=5,
        )
        variance[flat] = 2.0**-52 * total[flat]
    return variance, epsilon
