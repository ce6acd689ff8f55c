"""Rows that live in other array libraries, such as tensors of PyTorch on a GPU.

With ``sklearn.config_context(array_api_dispatch=True)`` class sums and scores are
computed by the library and on the device of the rows. The sums of each chunk come to
the host in float64 and are merged there like any others, so that a fitted model
always has the same state. Class sums are products with an indicator matrix, because
scattered additions are not reproducible on a GPU.
"""

from typing import NamedTuple

import numpy as np
import sklearn
from scipy import sparse

from skext.naive_bayes._moments.scatter import Scatter
from skext.naive_bayes._moments.state import MomentState
from skext.utils._sklearn import get_namespace_and_device, move_to

_CHUNK_BYTES = 256 * 2**20
_MAX_CHUNK_ROWS = 65536


class Namespace(NamedTuple):
    """An array library and a device of it.

    Attributes
    ----------
    xp : module
        The array namespace.
    device : object
        Where the arrays are.
    wide : dtype
        The widest real type there.
    """

    xp: object
    device: object
    wide: object


def namespace_of(X):
    """Return the :class:`Namespace` of rows, or None for numpy and without dispatch."""
    if not sklearn.get_config()["array_api_dispatch"]:
        return None
    if isinstance(X, np.ndarray) or sparse.issparse(X):
        return None
    xp, is_array_api, device = get_namespace_and_device(X)
    if not is_array_api or "numpy" in xp.__name__:
        return None
    wide = _widest(xp, device)
    return Namespace(xp, device, wide)


def _widest(xp, device):
    """Return float64 where the device has it."""
    try:
        xp.zeros(1, dtype=xp.float64, device=device)
    except (TypeError, RuntimeError, ValueError):
        return xp.float32
    return xp.float64


def as_numpy(array):
    """Return an array on the host; None stays None."""
    if array is None or isinstance(array, np.ndarray) or sparse.issparse(array):
        return array
    if not sklearn.get_config()["array_api_dispatch"]:
        return np.asarray(array)
    return move_to(array, xp=np, device="cpu")


def make_token(found=None):
    """Return a small array that remembers a library and a device."""
    if found is None:
        return np.zeros(1)
    return found.xp.zeros(1, dtype=found.wide, device=found.device)


def convert_like(array, token):
    """Move a numpy array to where ``token`` is."""
    with sklearn.config_context(array_api_dispatch=True):
        xp, _, device = get_namespace_and_device(token)
        return move_to(array, xp=xp, device=device)


def take_labels(classes, best, found):
    """Return the labels at some positions, in the library if it has their type."""
    if isinstance(classes, np.ndarray):
        if classes.dtype.kind not in "biuf":
            return classes[as_numpy(best)]
        classes = to_device(classes, found)
    return found.xp.take(classes, best)


def to_device(array, found, dtype=None):
    """Copy a numpy array to the library and device."""
    array = found.xp.asarray(np.ascontiguousarray(array), device=found.device)
    return array if dtype is None else found.xp.astype(array, dtype)


def sum_up(X, codes, n_classes, weights, found, covariance):
    """Return the moments of rows on their device.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        The rows.
    codes : ndarray of shape (n_samples,)
        Class index of each row, on the host.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_samples,) or None
        Sample weights, on the host.
    found : Namespace
        Where the rows are.
    covariance : {"diag", "full", "spherical"}
        What to sum up.

    Returns
    -------
    state : MomentState
        The moments, on the host.
    """
    n_samples, n_features = X.shape
    state = MomentState.empty(n_classes, n_features, covariance)
    widest = max(n_features, n_classes)
    rows = int(np.clip(_CHUNK_BYTES // (8 * widest), 64, _MAX_CHUNK_ROWS))
    for start in range(0, n_samples, rows):
        stop = min(start + rows, n_samples)
        # Classes that a chunk does not have cost nothing.
        present, local = np.unique(codes[start:stop], return_inverse=True)
        chunk_weights = None if weights is None else weights[start:stop]
        # What is not finite is found in the sums.
        with np.errstate(over="ignore", invalid="ignore"):
            chunk = _sum_up_chunk(
                X[start:stop, :], local, present.size, chunk_weights, found, covariance
            )
            state.merge(chunk, present)
    return state


def _sum_up_chunk(X, codes, n_classes, weights, found, covariance):
    """Return the moments of a chunk that has all of its classes."""
    xp = found.xp
    weights = np.ones(codes.size) if weights is None else weights
    counts = np.bincount(codes, weights, minlength=n_classes)
    wide = xp.astype(X, found.wide)
    weight = to_device(weights, found, found.wide)
    # Rows of weight zero are not read, whatever they hold.
    if not weights.all():
        wide = xp.where(weight[:, None] > 0, wide, xp.zeros_like(wide))
    class_of = to_device(codes, found)
    # A row that counts, so that no digits are lost far from zero.
    first = int(np.argmax(weights > 0))
    shift = wide[first : first + 1, :]
    indicator = xp.astype(
        class_of[None, :] == xp.arange(n_classes, device=found.device)[:, None],
        found.wide,
    )
    shares = np.divide(1.0, counts, out=np.zeros(n_classes), where=counts > 0)
    means = (
        shift
        + xp.matmul(indicator * weight[None, :], wide - shift)
        * (to_device(shares, found, found.wide)[:, None])
    )
    residuals = wide - xp.take(means, class_of, axis=0)
    squares = xp.sum(residuals * residuals * weight[:, None], axis=0)
    squares = np.asarray(as_numpy(squares), dtype=np.float64)
    means = np.array(as_numpy(means), dtype=np.float64)
    means[counts == 0] = 0.0
    products = None
    if covariance == "full":
        residuals = residuals * xp.sqrt(weight)[:, None]
        matrix = as_numpy(xp.matmul(xp.permute_dims(residuals, (1, 0)), residuals))
        products = Scatter(X.shape[1], np.array(matrix, dtype=np.float64))
    elif covariance == "spherical":
        squares = squares.sum(keepdims=True)
    return MomentState(counts, means, squares, products)


def map_chunks(X, function, form, found, *, name, joint, every_class):
    """Return ``function(scores, found)`` of all rows, computed on their device.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        The rows.
    function : callable
        Maps scores of a chunk, and where they are, to results.
    form : LinearForm
        The classifier.
    found : Namespace
        Where the rows are.
    name : str
        Name of the estimator for error messages.
    joint : bool
        Whether the scores are joint log-densities.
    every_class : bool
        Whether two classes have two columns.

    Returns
    -------
    results : array of shape (n_samples, ...)
        In the library and on the device of the rows.
    """
    xp = found.xp
    narrow = X.dtype == xp.float32 and form.fits_float32 and not joint
    dtype = xp.float32 if narrow else found.wide
    weights, bias, center = form.operator(np.dtype(np.float64), every_class)
    weights = to_device(weights.T, found, dtype)
    bias = to_device(bias, found, dtype)
    wide_center = to_device(center, found, found.wide)
    widest = max(*X.shape[1:], bias.shape[0])
    rows = int(np.clip(_CHUNK_BYTES // (8 * widest), 64, _MAX_CHUNK_ROWS))
    results = []
    for start in range(0, X.shape[0], rows):
        stop = min(start + rows, X.shape[0])
        values = xp.astype(X[start:stop, :], found.wide) - wide_center
        check_finite(values, found, name)
        scores = xp.matmul(xp.astype(values, dtype), weights) + bias
        if joint:
            scores = scores + _log_normalizer(form, values, found)[:, None]
        results.append(function(scores, found))
    return results[0] if len(results) == 1 else xp.concat(results)


def check_finite(values, found, name):
    """Raise scikit-learn's error for rows with NaN or infinity."""
    xp = found.xp
    if bool(xp.all(xp.isfinite(values))):
        return
    kind = "NaN" if bool(xp.any(xp.isnan(values))) else "infinity"
    raise ValueError(f"Input X contains {kind}.\n{name} takes finite rows only.")


def _log_normalizer(form, values, found):
    """Return what all joint log-densities of centred rows have in common."""
    precision = getattr(form.spread, "precision", None)
    if precision is not None:
        precision = to_device(precision, found, found.wide)
        distance = found.xp.sum(values * values * precision[None, :], axis=1)
    else:
        rows = np.asarray(as_numpy(values), dtype=np.float64)
        distance = to_device(form.spread.distances(rows), found, found.wide)
    return float(form.spread.constant) - 0.5 * distance


def as_is(scores, found):
    """Return the scores."""
    return scores


def best_class(scores, found):
    """Return the index of the largest score; a single column is a difference."""
    xp = found.xp
    if scores.shape[1] == 1:
        return xp.astype(scores[:, 0] > 0, xp.int64)
    return xp.argmax(scores, axis=1)


def log_sum_exp(scores, found):
    """Return ``log(sum(exp(scores)))`` of each row."""
    xp = found.xp
    largest = xp.max(scores, axis=1, keepdims=True)
    return xp.log(xp.sum(xp.exp(scores - largest), axis=1)) + largest[:, 0]


def log_softmax(scores, found, temperature=1.0):
    """Return log-probabilities of all classes."""
    scores = found.xp.astype(scores, found.wide) * temperature
    return scores - log_sum_exp(scores, found)[:, None]


def softmax(scores, found, temperature=1.0):
    """Return probabilities of all classes."""
    return found.xp.exp(log_softmax(scores, found, temperature))
