"""Choice of shrinkage and temperature by exact leave-one-out log-probabilities."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import eigh

from skext.naive_bayes._linear.shrinkage import (
    ROW_RULES,
    ledoit_wolf_shrinkage,
    schafer_strimmer_shrinkage,
    shrinkage_of_moments,
)
from skext.naive_bayes._linear.solve import summarize_state
from skext.naive_bayes._loo import scores as _loo
from skext.naive_bayes._moments import array_api as _array_api
from skext.utils._probabilities import fit_temperature, mean_log_probability
from skext.utils._warnings import warn_user

ALPHAS = (0.0, 0.1, 0.3, 0.6, 1.0)
LAMBDAS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
# Numbers that may be held at a time to find temperatures; beyond, evenly spaced rows
# stand for all, whose scores are exact all the same.
_MAX_HELD = 2**26


class Tuned(NamedTuple):
    """What a fit has decided beyond the moments.

    Attributes
    ----------
    prior : ndarray of shape (n_classes,)
        Class probabilities.
    origin : ndarray of shape (n_features,) or None
        What is subtracted from all rows.
    shrinkage : float or None
        Weight of the target; None if it follows from the moments.
    temperature : float
        Factor of the scores in probabilities.
    loo_score : float or None
        Mean leave-one-out log-probability of the true class, if computed.
    """

    prior: np.ndarray | None = None
    origin: np.ndarray | None = None
    shrinkage: float | None = None
    temperature: float = 1.0
    loo_score: float | None = None


def tune_diagonal(estimator, batch, prior):
    """Return what ``"loo"`` parameters of :class:`LinearGaussianNB` come to."""
    alphas = ALPHAS if estimator.shrinkage == "loo" else (estimator.shrinkage,)
    X, left, weights = _rows_to_leave_out(estimator, batch, prior, len(alphas))
    if X is None:
        return _untuned(estimator, alphas[0])
    narrow = X.dtype in (np.float32, np.float16)
    chunks = _loo.diagonal_chunks(
        X,
        batch.state,
        left,
        alphas,
        estimator.var_smoothing,
        dtype=np.float32 if narrow else np.float64,
        n_jobs=estimator.n_jobs,
    )
    return _choose(estimator, chunks, alphas, left, weights)


def tune_full(estimator, batch, prior):
    """Return what rules of :class:`ShrinkageLDA` that need rows come to."""
    rule, state = estimator.shrinkage, batch.state
    X = _array_api.as_numpy(batch.X)
    weights = np.empty(0) if batch.weights is None else batch.weights
    shrinkage = rule
    if rule == "schafer-strimmer":
        shrinkage = schafer_strimmer_shrinkage(state, X, batch.codes, weights)
    elif rule == "ledoit-wolf":
        shrinkage = ledoit_wolf_shrinkage(state, X, batch.codes, weights)
    elif isinstance(rule, str) and rule not in ROW_RULES:
        shrinkage = shrinkage_of_moments(rule, state)
    lambdas = LAMBDAS if rule == "loo" else (shrinkage,)
    fixed = estimator.temperature != "loo" and rule != "loo"
    if fixed:
        return _decided(shrinkage, estimator.temperature)
    X, left, weights = _rows_to_leave_out(estimator, batch, prior, len(lambdas))
    if X is None or not state.squares.any():
        return _untuned(estimator, 1.0 if rule == "loo" else shrinkage)
    if rule == "loo":
        lambdas, chunks = _eigen_chunks(X, state, prior, left)
    else:
        identity = estimator._shrinks_to_identity()
        found = _loo.full_chunks(X, state, prior, left, shrinkage, identity)
        chunks = ((start, [scores]) for start, scores in found)
    return _choose(estimator, chunks, lambdas, left, weights)


def _decided(shrinkage, temperature, loo_score=None):
    """Return a decision as plain numbers."""
    return Tuned(
        shrinkage=float(shrinkage),
        temperature=float(temperature),
        loo_score=loo_score,
    )


def _untuned(estimator, shrinkage):
    """Return the decision when no row can be left out."""
    warn_user(
        "No row can be left out, because every class has a single one; 'loo' has no "
        "effect. Give a number, or more rows."
    )
    temperature = 1.0 if estimator.temperature == "loo" else estimator.temperature
    return _decided(shrinkage, temperature)


def _rows_to_leave_out(estimator, batch, prior, n_values):
    """Return rows, their :class:`LeftOut` and weights; None if there are none."""
    state = batch.state
    X, codes, weights = _array_api.as_numpy(batch.X), batch.codes, batch.weights
    weights = np.ones(codes.size) if weights is None else weights
    lost = state.counts[codes] - np.minimum(weights, 1) <= 1e-9 * state.counts[codes]
    useful = (weights > 0) & ~lost
    if not useful.any():
        return None, None, None
    if estimator.temperature == "loo":
        limit = max(1, _MAX_HELD // (state.counts.size * n_values))
        step = -(-int(useful.sum()) // limit)
        if step > 1:
            kept = np.zeros(codes.size, dtype=bool)
            kept[np.flatnonzero(useful)[::step]] = True
            useful = kept
    if not useful.all():
        X = X.tocsr() if sparse.issparse(X) else X
        X, codes, weights = X[useful], codes[useful], weights[useful]
    priors = estimator.priors
    empirical = priors is None or (isinstance(priors, str) and priors == "empirical")
    left = _loo.leave_out(state.counts, prior, codes, weights, empirical=empirical)
    return X, left, weights


def _choose(estimator, chunks, values, left, weights):
    """Return the value, temperature and score with the best log-probability.

    ``chunks`` yields (start, iterator over the values), and this yields scores of
    shape (n_rows, n_classes).
    """
    size = weights.size
    if estimator.temperature != "loo":
        sums = np.zeros(len(values))
        for start, parts in chunks:
            for g, scores in enumerate(parts):
                rows = slice(start, min(start + scores.shape[0], size))
                mean = mean_log_probability(
                    scores, left.codes[rows], weights[rows], estimator.temperature
                )
                sums[g] += mean * weights[rows].sum()
        best = int(np.argmax(sums))
        score = float(sums[best] / weights.sum())
        return _decided(values[best], estimator.temperature, score)
    held = [None] * len(values)
    for start, parts in chunks:
        for g, scores in enumerate(parts):
            if held[g] is None:
                held[g] = np.empty((size, scores.shape[1]), dtype=scores.dtype)
            held[g][start : start + scores.shape[0]] = scores
    fits = [fit_temperature(scores, left.codes, weights) for scores in held]
    best = int(np.argmax([score for _, score in fits]))
    temperature, score = fits[best]
    return _decided(values[best], temperature, score)


def _eigen_chunks(X, state, prior, left):
    """Return values of the shrinkage, and their scores of chunks for ``_choose``.

    The target is the identity for standardized features, so that the eigenvectors of
    their correlations serve all values. No shrinkage is left out if the correlations
    have no inverse, or may have none without a row.
    """
    summary = summarize_state(state, prior)
    total = state.total_count
    used = summary.within > 0
    scale = np.sqrt(summary.within[used])
    matrix = state.scatter_matrix()[np.ix_(used, used)]
    matrix /= total * scale
    matrix /= scale[:, np.newaxis]
    values, vectors = eigh(matrix, overwrite_a=True, check_finite=False)
    np.maximum(values, 0.0, out=values)
    vectors = vectors / scale[:, np.newaxis]
    freedom = total - np.count_nonzero(state.counts)
    regular = values[0] > 1e-10 and freedom > values.size + 1 and used.all()
    lambdas = LAMBDAS if regular else LAMBDAS[1:]
    means = summary.deviation[:, used] @ vectors

    def chunks():
        for start, rows in _loo.dense_chunks(X, summary.center):
            part = left.rows(start, start + rows.shape[0])
            rotated = (rows if used.all() else rows[:, used]) @ vectors
            scores = _eigen_scores(rotated, values, means, total, part, lambdas)
            yield start, scores

    return lambdas, chunks()


def _eigen_scores(rotated, values, means, total, left, lambdas):
    """Yield scores of rows in the space of eigenvectors for each shrinkage."""
    squared = rotated**2
    for shrinkage in lambdas:
        out = np.empty((rotated.shape[0], means.shape[0]))
        for value in np.unique(left.removed):
            chosen = left.removed == value
            if chosen.all():
                chosen = slice(None)
            inverse = (1 - shrinkage) * total / (total - value) * values
            inverse = 1 / (inverse + shrinkage)
            weighted = means * inverse
            one = left.select(chosen)
            out[chosen] = _loo.full_scores(
                squared[chosen] @ inverse,
                rotated[chosen] @ weighted.T,
                weighted @ means.T,
                one,
                1 - shrinkage,
            )
        yield out
