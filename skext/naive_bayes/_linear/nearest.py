"""Nearest class means: rows before means are taken, and what classifies them."""

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext.naive_bayes._linear.solve import linear_form, summarize_state
from skext.naive_bayes._moments.array_api import check_finite
from skext.naive_bayes._moments.state import MomentState

_CHUNK_BYTES = 32 * 2**20
_MAX_CHUNK_ROWS = 8192


def chunk_rows(n_features):
    """Return how many rows to transform at a time."""
    return int(np.clip(_CHUNK_BYTES // (8 * n_features), 64, _MAX_CHUNK_ROWS))


def weighted_mean(X, weights):
    """Return the mean row, in chunks and shifted by the first row."""
    n_samples, n_features = X.shape
    weights = np.ones(n_samples) if weights is None else weights
    if sparse.issparse(X):
        # Rows of weight zero are not read, whatever they hold.
        if not weights.all():
            kept = np.flatnonzero(weights)
            X, weights = X.tocsr()[kept], weights[kept]
        return np.asarray(weights @ X, dtype=np.float64) / weights.sum()
    total, rows = np.zeros(n_features), chunk_rows(n_features)
    kept = weights > 0
    shift = np.asarray(X[np.argmax(kept)], dtype=np.float64)
    for start in range(0, n_samples, rows):
        used = kept[start : start + rows]
        block = X[start : start + rows]
        block = block if used.all() else block[used]
        weight = weights[start : start + rows][used]
        with np.errstate(invalid="ignore", over="ignore"):
            total += weight @ np.subtract(block, shift, dtype=np.float64)
    return shift + total / weights.sum()


def transform_rows(X, origin, *, name, dtype=np.float64):
    """Return rows minus origin, divided by their lengths; zeros stay zeros.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The rows. Sparse rows stay sparse without an origin.
    origin : ndarray of shape (n_features,) or None
        What is subtracted.
    name : str
        Name of the estimator for error messages.
    dtype : dtype, default=numpy.float64
        Type of the result.

    Returns
    -------
    rows : {ndarray, csr matrix} of shape (n_samples, n_features)
        New rows.
    """
    if sparse.issparse(X) and origin is None:
        rows = X.tocsr().astype(dtype, copy=True)
        squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
        factors = _inverse_lengths(squares, X, name)
        rows.data *= np.repeat(factors, np.diff(rows.indptr)).astype(dtype)
        return rows
    dense = X.toarray() if sparse.issparse(X) else X
    with np.errstate(invalid="ignore", over="ignore"):
        # Without an origin, nothing is lost by subtracting zero.
        rows = np.subtract(dense, 0.0 if origin is None else origin, dtype=np.float64)
        squares = np.einsum("ij,ij->i", rows, rows)
        rows *= _inverse_lengths(squares, X, name)[:, np.newaxis]
    return rows.astype(dtype, copy=False)


def transform_foreign(X, origin, *, found, name):
    """Return transformed rows of another array library; see ``transform_rows``."""
    xp = found.xp
    rows = xp.astype(X, found.wide)
    if origin is not None:
        rows = rows - origin
    lengths = xp.sqrt(xp.sum(rows * rows, axis=1))[:, None]
    check_finite(lengths, found, name)
    return rows / xp.where(lengths > 0, lengths, xp.ones_like(lengths))


def _inverse_lengths(squares, X, name):
    """Return factors that make rows of these squared lengths unit rows."""
    if not np.isfinite(squares).all():
        values = X.data if sparse.issparse(X) else X
        assert_all_finite(values, estimator_name=name, input_name="X")
        raise ValueError(
            f"X has rows whose lengths exceed the range of float64, with a largest "
            f"absolute value of {np.abs(values).max():.3g}; rescale the features."
        )
    lengths = np.sqrt(squares)
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def solve_nearest(state, prior, *, cosine):
    """Return the classifier with one variance for everything.

    Parameters
    ----------
    state : MomentState
        Spherical moments of the transformed rows.
    prior : ndarray of shape (n_classes,)
        Class probabilities; zero for classes without data.
    cosine : bool
        Whether means are divided by their lengths.

    Returns
    -------
    form : LinearForm
        Weights, bias, centre and variances.
    """
    means, squares = state.means, state.squares[0]
    if cosine:
        means, lengths = unit_means(means)
        squares = squares + state.counts @ (lengths - (lengths > 0)) ** 2
    moved = MomentState(state.counts, means, np.array([squares]))
    summary = summarize_state(moved, prior)
    variance = summary.within
    if not variance.any():
        # The labels do not depend on it.
        variance = np.full_like(variance, summary.between.mean())
    return linear_form(summary, prior, variance, 0.0, 1.0)


def unit_means(means):
    """Return means divided by their lengths, and the lengths."""
    lengths = np.sqrt(np.einsum("kj,kj->k", means, means))
    factors = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return means * factors[:, np.newaxis], lengths
