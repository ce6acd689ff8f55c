"""Conformal calibration of predicted quantiles."""

import math
from typing import NamedTuple

import numpy as np

from skext.quantile._core import row_kernels as _row_kernels
from skext.utils._parallel import run_chunks
from skext.utils._warnings import warn_user

# Levels are decimal fractions, ranks must not depend on how they are rounded.
_ROUNDING = 1e-9


def high_rank(probability, n):
    """One-based rank ``ceil(probability * (n + 1))``; above n means infinity."""
    return math.ceil(probability * (n + 1) - _ROUNDING)


def sides(levels):
    """Return the numbers of levels below and above the median."""
    return int((levels < 0.5 - 1e-9).sum()), int((levels > 0.5 + 1e-9).sum())


def check_symmetric(levels, symmetric):
    """Refuse to calibrate intervals of levels that do not come in pairs."""
    if symmetric and not np.allclose(levels + levels[::-1], 1.0, rtol=0, atol=1e-9):
        raise ValueError(
            "symmetric=True calibrates intervals, which needs levels in pairs of tau "
            f"and 1 - tau, and quantiles={levels.tolist()}; complete the pairs, or set "
            "symmetric=False to calibrate every level by itself."
        )


def scores(Q, y, levels, symmetric):
    """Conformity scores: how far the target is outside, by level.

    Parameters
    ----------
    Q : ndarray of shape (n_samples, n_levels)
        Quantiles that did not see the targets.
    y : ndarray of shape (n_samples,)
        Targets.
    levels : ndarray of shape (n_levels,)
        Levels.
    symmetric : bool
        Whether both ends of an interval share one score.

    Returns
    -------
    E : ndarray of shape (n_samples, n_levels)
        Scores; those of the median mean nothing.
    """
    n_low, _ = sides(levels)
    E = y[:, np.newaxis] - Q
    E[:, :n_low] *= -1
    if symmetric:
        E = np.maximum(E, E[:, ::-1])
    return E


def tail_probabilities(levels, symmetric):
    """Return the probability of a miss that each level may have."""
    tails = np.minimum(levels, 1 - levels)
    return 2 * tails if symmetric else tails


def warn_if_infinite(levels, symmetric, n):
    """Warn of levels for which too few rows are left."""
    tails = tail_probabilities(levels, symmetric)
    outer = [
        level
        for level, tail in zip(levels, tails, strict=True)
        if abs(level - 0.5) > 1e-9 and high_rank(1 - tail, n) > n
    ]
    if outer:
        needed = math.ceil(1 / tails[levels == outer[0]][0] - _ROUNDING) - 1
        warn_user(
            f"{n} rows are too few to calibrate the levels "
            f"{[round(float(level), 6) for level in outer]}: their quantiles are "
            f"infinite. Use at least {needed} rows for calibration or fewer extreme "
            "levels."
        )


def fit_shifts(E, levels, symmetric):
    """Order statistics of the scores, infinite where there are too few.

    Parameters
    ----------
    E : ndarray of shape (n_samples, n_levels)
        Scores.
    levels : ndarray of shape (n_levels,)
        Levels.
    symmetric : bool
        As for ``scores``.

    Returns
    -------
    shifts : ndarray of shape (n_levels,)
        How far each level moves outward; zero for the median.
    """
    n = len(E)
    shifts = np.zeros(len(levels))
    for k, tail in enumerate(tail_probabilities(levels, symmetric)):
        if abs(levels[k] - 0.5) > 1e-9:
            rank = high_rank(1 - tail, n)
            shifts[k] = (
                np.inf if rank > n else np.partition(E[:, k], rank - 1)[rank - 1]
            )
    return shifts


def shift(Q, shifts, levels):
    """Move quantiles outward and make the intervals nested.

    Parameters
    ----------
    Q : ndarray of shape (n_samples, n_levels)
        Quantiles.
    shifts : ndarray of shape (n_levels,)
        As ``fit_shifts`` found them.
    levels : ndarray of shape (n_levels,)
        Levels.

    Returns
    -------
    out : ndarray of shape (n_samples, n_levels)
        Calibrated, non-decreasing quantiles.
    """
    n_low, _ = sides(levels)
    signs = np.where(np.arange(len(levels)) < n_low, -1.0, 1.0)
    return nest(Q + signs * shifts, levels)


def nest(Q, levels):
    """Make calibrated intervals nested by widening outer ones.

    An interval whose ends have crossed is empty: both become its midpoint, unless
    they have to move outward for an inner interval.
    """
    n_low, n_high = sides(levels)
    n_levels = Q.shape[1]
    out = Q.copy()
    for k in range(min(n_low, n_high)):
        low, high = n_low - 1 - k, n_levels - n_high + k
        if abs(levels[low] + levels[high] - 1) < 1e-9 or k == 0:
            crossed = out[:, low] > out[:, high]
            middle = (out[crossed, low] + out[crossed, high]) / 2
            out[crossed, low] = out[crossed, high] = middle
    parts = [out]
    centers = [n_low]
    if n_low + n_high == n_levels:
        parts = [out[:, :n_low], out[:, n_low:]]
        centers = [n_low - 1, 0]
    for part, center in zip(parts, centers, strict=True):
        if part.shape[1] > 1:
            rows = np.ascontiguousarray(part)
            swept = np.empty(rows.shape)
            run_chunks(_row_kernels.sweep_rows, len(rows), rows, center, swept)
            part[:] = swept
    return out


class CrossScores(NamedTuple):
    """Scores of all rows, sorted inside each fold.

    Attributes
    ----------
    E : ndarray of shape (n_levels, n_samples)
        Scores, fold by fold, ascending inside each.
    offsets : ndarray of shape (n_folds + 1,)
        Where folds begin.
    """

    E: np.ndarray
    offsets: np.ndarray


def collect_scores(parts):
    """Sort the scores of each fold.

    Parameters
    ----------
    parts : list of ndarray of shape (n_fold_samples, n_levels)
        Scores of each fold.

    Returns
    -------
    found : CrossScores
        All of them.
    """
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    E = np.concatenate([np.sort(part, axis=0) for part in parts])
    return CrossScores(np.ascontiguousarray(E.T), offsets.astype(np.int64))


def cross_shift(Q, found, levels, symmetric, n_jobs=None):
    """Calibrated quantiles from those of the fold models, by CV+.

    Parameters
    ----------
    Q : ndarray of shape (n_folds, n_rows, n_levels)
        Quantiles of the model that left each fold out.
    found : CrossScores
        Scores.
    levels : ndarray of shape (n_levels,)
        Levels.
    symmetric : bool
        As for ``scores``.
    n_jobs : int, default=None
        Threads over rows.

    Returns
    -------
    out : ndarray of shape (n_rows, n_levels)
        Order statistics of shifted quantiles; the mean of the folds for the median.
        Not nested yet.
    """
    n = found.E.shape[1]
    n_low, _ = sides(levels)
    out = np.empty(Q.shape[1:])
    column = np.empty(Q.shape[1])
    for k, tail in enumerate(tail_probabilities(levels, symmetric)):
        if abs(levels[k] - 0.5) <= 1e-9:
            out[:, k] = Q[:, :, k].mean(axis=0)
            continue
        # Lower ends are the mirror image of upper ones: x - e = -(-x + e) exactly.
        sign = -1.0 if k < n_low else 1.0
        rank = high_rank(1 - tail, n)
        if rank > n:
            out[:, k] = sign * np.inf
            continue
        centers = np.ascontiguousarray(sign * Q[:, :, k].T)
        run_chunks(
            _row_kernels.select_shifted,
            len(column),
            centers,
            found.E[k],
            found.offsets,
            rank - 1,
            column,
            n_jobs=n_jobs,
            min_chunk=256,
        )
        out[:, k] = sign * column
    return out
