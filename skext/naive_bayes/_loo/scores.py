"""Exact leave-one-out scores of the closed-form probes, without refits.

Leaving row ``i`` of class ``k`` out moves the mean of that class along the row's own
deviation ``r``, to which the row's new deviation ``r * N / (N - w)`` is parallel, and
lowers the pooled sums of squares by ``w * N / (N - w) * r * r``.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from skext.naive_bayes._linear.nearest import unit_means
from skext.naive_bayes._linear.solve import (
    MatrixSpread,
    full_spread,
    shrinkage_target,
    summarize_state,
)
from skext.naive_bayes._loo.kernels import loo_operands, loo_scores_few
from skext.naive_bayes._moments.scatter import frozen
from skext.utils._labels import read_labels
from skext.utils._parallel import run_chunks

_FEW_CLASSES = 32
_CHUNK_BYTES = 16 * 2**20
_MAX_CHUNK_ROWS = 4096


class LeftOut(NamedTuple):
    """What leaving single rows out does to counts and priors.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Class of each row.
    removed : ndarray of shape (n_samples,)
        Weight that is left out, at most one.
    factor : ndarray of shape (n_samples,)
        Own deviation without the row over that with it; NaN if the class is lost.
    rest : ndarray of shape (n_samples,)
        Remaining weight of all classes.
    own_prior : ndarray of shape (n_samples,)
        Log-prior of the own class without the row.
    priors : ndarray of shape (n_classes,) or (n_samples, n_classes)
        Log-priors of all other classes.
    """

    codes: np.ndarray
    removed: np.ndarray
    factor: np.ndarray
    rest: np.ndarray
    own_prior: np.ndarray
    priors: np.ndarray

    def rows(self, start, stop):
        """Return the part of consecutive rows."""
        return self.select(slice(start, stop))

    def select(self, chosen):
        """Return the part of some rows."""
        part = [field[chosen] for field in self[:-1]]
        priors = self.priors
        return LeftOut(*part, priors[chosen] if priors.ndim == 2 else priors)


def leave_out(counts, prior, codes, weights, *, empirical):
    """Return the :class:`LeftOut` of rows of these classes.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.
    prior : ndarray of shape (n_classes,)
        Class probabilities.
    codes : ndarray of shape (n_samples,)
        Class of each row.
    weights : ndarray of shape (n_samples,) or None
        Sample weights.
    empirical : bool
        Whether the priors follow the counts.
    """
    total = counts.sum()
    weights = np.ones(codes.size) if weights is None else weights
    removed = np.minimum(weights, 1.0)
    own = counts[codes]
    left = own - removed
    left = np.where((left > 1e-9 * own) & (removed > 0), left, np.nan)
    rest = total - removed
    with np.errstate(divide="ignore"):
        if empirical:
            own_prior = np.log(left / rest)
            priors = np.log(counts) - np.log(rest)[:, np.newaxis]
            if np.ptp(removed) == 0:
                priors = priors[0]
        else:
            priors = np.log(prior)
            own_prior = np.where(np.isnan(left), np.nan, priors[codes])
    return LeftOut(codes, removed, own / left, rest, own_prior, priors)


def loo_scores(estimator, X, y, sample_weight=None):
    """Return the scores that each training row gets from a fit without it.

    Parameters
    ----------
    estimator : LinearGaussianNB, ShrinkageLDA or NearestClassMean
        Fitted on exactly these rows. Its ``shrinkage_``, and for
        :class:`ShrinkageLDA` its target, are held.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The training rows.
    y : array-like of shape (n_samples,)
        Their labels.
    sample_weight : array-like of shape (n_samples,), default=None
        The weights of the fit. One unit of weight is left out, or all of it if it
        is less.

    Returns
    -------
    scores : ndarray of shape (n_samples, n_classes)
        Log-prior minus half the squared distance, without temperature; differences
        between classes are those of ``decision_function``. Rows whose class has no
        other row are NaN, also those of weight zero.

    Raises
    ------
    ValueError
        If labels are unknown to the estimator.
    """
    check_is_fitted(estimator)
    X = X if sparse.issparse(X) else np.asarray(X)
    y = column_or_1d(read_labels(y))
    classes, state = estimator._labels(), estimator._moments
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        raise ValueError(
            f"y has labels, {unknown.tolist()}, that the model does not know; it knows "
            f"{classes.tolist()}. Pass the training rows."
        )
    codes = np.searchsorted(classes, y)
    prior = estimator._tuned.prior
    default = estimator._default_prior if estimator.priors is None else estimator.priors
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight, dtype=np.float64)
    left = leave_out(
        state.counts,
        prior,
        codes,
        sample_weight,
        empirical=isinstance(default, str) and default == "empirical",
    )
    scores = np.empty((codes.size, classes.size))
    for start, part in estimator._loo_chunks(X, left):
        scores[start : start + part.shape[0]] = part
    return scores


def chunk_size(n_features, itemsize=8):
    """Return how many rows to treat at a time."""
    return int(np.clip(_CHUNK_BYTES // (itemsize * n_features), 64, _MAX_CHUNK_ROWS))


def dense_chunks(X, center, dtype=np.float64):
    """Yield (start, centred dense rows in ``dtype``)."""
    if sparse.issparse(X):
        X = X.tocsr()
    size = chunk_size(X.shape[1], np.dtype(dtype).itemsize)
    for start in range(0, X.shape[0], size):
        rows = X[start : start + size]
        rows = rows.toarray() if sparse.issparse(rows) else rows
        out = np.empty(rows.shape, dtype=dtype)
        yield start, np.subtract(rows, center, out=out, casting="same_kind")


def diagonal_chunks(
    X, state, left, alphas, var_smoothing, *, dtype=np.float64, n_jobs=None
):
    """Yield (start, iterator over scores for each alpha) of chunks.

    Scores have the shape (n_rows, n_classes).

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The training rows.
    state : MomentState
        Their moments.
    left : LeftOut
        Counts without each row.
    alphas : list of float
        Weights of the mean variance.
    var_smoothing : float
        As in the estimator.
    dtype : dtype, default=numpy.float64
        Type of the arithmetic.
    n_jobs : int, default=None
        Number of threads.
    """
    dtype = np.dtype(dtype)
    total, seen = state.total_count, state.counts > 0
    overall = (state.counts / total) @ state.means
    center = overall.astype(dtype)
    means = np.where(seen[:, np.newaxis], state.means - center, 0.0)
    total_squares = state.squares + np.einsum(
        "k,kj,kj->j", state.counts, means - (overall - center), means
    )
    common = np.stack([overall - center, state.squares, total_squares]).astype(dtype)
    numbers = np.stack(
        [left.removed * left.factor, left.removed * total / left.rest, 1 / left.rest],
        axis=1,
    ).astype(dtype)
    means = means.astype(dtype)
    settings = (
        frozen(np.asarray(alphas, dtype=dtype)),
        dtype.type(var_smoothing),
        dtype.type(1e-5 if dtype == np.float32 else 1e-13),
    )
    few = means.shape[0] <= _FEW_CLASSES
    run = _distances_few if few else _distances_many
    for start, rows in dense_chunks(X, center, dtype):
        stop = start + rows.shape[0]
        distances = run(
            frozen(rows),
            frozen(np.ascontiguousarray(left.codes[start:stop])),
            frozen(numbers[start:stop]),
            frozen(means),
            frozen(common),
            *settings,
            n_jobs,
        )
        part = left.rows(start, stop)
        yield start, (_finish(d, part) for d in distances)


def diagonal_scores(X, state, left, alpha, var_smoothing):
    """Yield (start, scores) of chunks for one alpha; see :func:`diagonal_chunks`."""
    for start, parts in diagonal_chunks(X, state, left, [alpha], var_smoothing):
        yield start, next(parts)


def _distances_few(X, codes, numbers, means, common, alphas, smoothing, tiny, n_jobs):
    """Return distances of shape (n_alphas, n_samples, n_classes), compiled."""
    distances = np.empty((alphas.size, X.shape[0], means.shape[0]), dtype=X.dtype)
    run_chunks(
        loo_scores_few,
        X.shape[0],
        X,
        codes,
        numbers,
        means,
        common,
        alphas,
        smoothing,
        tiny,
        distances,
        n_jobs=n_jobs,
        min_chunk=1 + 2**18 // (means.size * alphas.size),
    )
    return distances


def _distances_many(X, codes, numbers, means, common, alphas, smoothing, tiny, n_jobs):
    """Yield distances of shape (n_samples, n_classes) by matrix products."""
    left, right = np.empty_like(X), np.empty_like(X)
    squared, doubled = (means * means).T, (-2 * means).T
    for alpha in alphas:
        run_chunks(
            loo_operands,
            X.shape[0],
            X,
            codes,
            numbers,
            means,
            common,
            alpha,
            smoothing,
            tiny,
            left,
            right,
            n_jobs=n_jobs,
            min_chunk=1 + 2**18 // X.shape[1],
        )
        distances = left @ squared
        distances += right @ doubled
        distances += np.einsum("ij,ij->i", right, X)[:, np.newaxis]
        yield distances


def _finish(distances, left):
    """Turn distances from means that have the row in them into scores, in place."""
    rows = np.arange(left.codes.size)
    own = -0.5 * distances[rows, left.codes] * left.factor**2
    scores = distances
    scores *= -0.5
    scores += left.priors.astype(scores.dtype, copy=False)
    scores[rows, left.codes] = own + left.own_prior
    scores[np.isnan(left.factor)] = np.nan
    return scores


def full_chunks(X, state, prior, left, shrinkage, identity):
    """Yield (start, scores of shape (n_rows, n_classes)) with a full covariance.

    The target is that of all rows. Rows of different weight need a factor each.
    """
    summary = summarize_state(state, prior)
    target = shrinkage_target(summary, identity)
    if not summary.within.any():
        target = np.full_like(target, (summary.within + summary.between).mean())
    removed = np.unique(left.removed[~np.isnan(left.factor)])
    for value in removed if removed.size else np.ones(1):
        rest = state.total_count - value
        spread = full_spread(state, summary, shrinkage, target, divisor=rest)
        if isinstance(spread, MatrixSpread) and spread.is_singular:
            # Without its row, a direction may lose all of its variance.
            raise ValueError(
                f"shrinkage={shrinkage} must be positive for leave-one-out scores with "
                "a singular covariance; use shrinkage='auto'."
            )
        weights = spread.solve(summary.deviation)
        gram = weights @ summary.deviation.T
        for start, rows in dense_chunks(X, summary.center):
            part = left.rows(start, start + rows.shape[0])
            chosen = None
            if removed.size > 1:
                chosen = np.flatnonzero(part.removed == value)
                rows, part = rows[chosen], part.select(chosen)
            scores = full_scores(
                spread.distances(rows), rows @ weights.T, gram, part, 1 - shrinkage
            )
            if chosen is None:
                yield start, scores
            else:
                for i, score in zip(chosen, scores, strict=True):
                    yield start + i, score[np.newaxis]
    for i in np.flatnonzero(np.isnan(left.factor)):
        yield i, np.full((1, state.counts.size), np.nan)


def full_scores(lengths, products, gram, left, keep):
    """Return leave-one-out scores from products under the inverse covariance.

    Parameters
    ----------
    lengths : ndarray of shape (n_rows,)
        Products of centred rows with themselves.
    products : ndarray of shape (n_rows, n_classes)
        Products of centred rows with centred class means.
    gram : ndarray of shape (n_classes, n_classes)
        Products of centred class means.
    left : LeftOut
        Counts without each row.
    keep : float
        Weight of the scatter in the covariance.
    """
    rows = np.arange(left.codes.size)
    own = products[rows, left.codes]
    residual = lengths - 2 * own + gram[left.codes, left.codes]
    distances = lengths[:, np.newaxis] - 2 * products + gram.diagonal()
    # Products of the own deviation with the deviations from all class means.
    cross = (lengths - own)[:, np.newaxis] - products + gram[left.codes]
    distances[rows, left.codes] = residual * left.factor**2
    cross[rows, left.codes] = residual * left.factor
    step = keep * left.removed * left.factor / left.rest
    with np.errstate(divide="ignore", invalid="ignore"):
        cross *= cross
        cross *= (step / (1 - step * residual))[:, np.newaxis]
    distances += cross
    scores = left.priors - 0.5 * distances
    scores[rows, left.codes] = left.own_prior - 0.5 * distances[rows, left.codes]
    scores[np.isnan(left.factor)] = np.nan
    return scores


def nearest_chunks(X, state, left, *, cosine):
    """Yield (start, scores) with one variance for everything.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Some of the training rows, transformed.
    state : MomentState
        Spherical moments of all of them.
    left : LeftOut
        Counts without each row.
    cosine : bool
        Whether means are divided by their lengths.
    """
    means = unit_means(state.means)[0] if cosine else state.means
    used = state.counts > 0
    center = np.zeros(means.shape[1]) if cosine else means[used].mean(axis=0)
    means = np.where(used[:, np.newaxis], means - center, 0.0)
    lengths = np.einsum("kj,kj->k", means, means)
    for start, rows in dense_chunks(X, center):
        part = left.rows(start, start + rows.shape[0])
        squared = np.einsum("ij,ij->i", rows, rows)
        distances = squared[:, np.newaxis] + lengths - 2 * rows @ means.T
        which = np.arange(rows.shape[0]), part.codes
        if cosine:
            own, within = _cosine_without(rows, squared, state, part)
        else:
            own = distances[which] * part.factor**2
            within = state.squares[0] - part.removed * part.factor * distances[which]
        variance = within / (part.rest * means.shape[1])
        distances[which] = own
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = -0.5 * distances / variance[:, np.newaxis]
        scores[which] += (
            part.own_prior - np.broadcast_to(part.priors, scores.shape)[which]
        )
        scores += part.priors
        scores[np.isnan(part.factor)] = np.nan
        yield start, scores


def _cosine_without(rows, squared, state, left):
    """Return squared distances from the own unit mean, and their sum, without rows."""
    lengths = np.sqrt(np.einsum("kj,kj->k", state.means, state.means))
    counts = state.counts
    loss = counts * (1 - 2 * lengths) * (lengths > 0)
    together = state.squares[0] + counts @ lengths**2 + loss.sum()
    own_sum = counts[left.codes][:, np.newaxis] * state.means[left.codes]
    own_sum -= left.removed[:, np.newaxis] * rows
    length = np.sqrt(np.einsum("ij,ij->i", own_sum, own_sum))
    with np.errstate(divide="ignore", invalid="ignore"):
        product = np.einsum("ij,ij->i", rows, own_sum) / length
    unit = length > 1e-12 * counts[left.codes]
    distance = squared + np.where(unit, 1 - 2 * product, 0.0)
    remaining = counts[left.codes] - left.removed
    new_loss = np.where(unit, remaining - 2 * length, 0.0)
    within = together - left.removed * squared - loss[left.codes] + new_loss
    return distance, within
