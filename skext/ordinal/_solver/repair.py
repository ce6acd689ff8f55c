"""From linear predictors to probabilities, and the repair of rows that cross.

Separate weights per threshold can make P(y <= k) smaller than P(y <= k - 1) in some
rows. Such rows, and no others, are repaired on the cumulative probabilities, before
differences are taken.
"""

import numpy as np

from skext.ordinal._solver.links import MIRRORED_LINK, link_cdf
from skext.utils._numba import jit


@jit
def _pool_rows(rows, cdf, survival, start, stop):
    """Pool adjacent violators in some rows, in place.

    ``survival`` is 1 - ``cdf`` without its rounding. Whichever of the two is small
    decides, so that crossings far in a tail are seen, too.
    """
    n_thresholds = cdf.shape[1]
    lower = np.empty(n_thresholds)
    upper = np.empty(n_thresholds)
    size = np.empty(n_thresholds, dtype=np.intp)
    for i in range(start, stop):
        row = rows[i]
        n_blocks = 0
        for k in range(n_thresholds):
            f, s, count = cdf[row, k], survival[row, k], 1
            while n_blocks > 0:
                previous = n_blocks - 1
                crossed = f < lower[previous] if f < 0.5 else s > upper[previous]
                if not crossed:
                    break
                total = count + size[previous]
                f = (count * f + size[previous] * lower[previous]) / total
                s = (count * s + size[previous] * upper[previous]) / total
                count = total
                n_blocks = previous
            lower[n_blocks], upper[n_blocks], size[n_blocks] = f, s, count
            n_blocks += 1
        k = 0
        for block in range(n_blocks):
            for _ in range(size[block]):
                cdf[row, k] = lower[block]
                survival[row, k] = upper[block]
                k += 1


def crossing_rows(eta):
    """Return the rows whose linear predictors decrease somewhere.

    Parameters
    ----------
    eta : ndarray of shape (n_samples, n_classes - 1)
        Linear predictors.

    Returns
    -------
    rows : ndarray of shape (n_crossing,)
        Indices of the rows.
    """
    return np.flatnonzero((eta[:, 1:] < eta[:, :-1]).any(axis=1))


def cumulative_probabilities(eta, link, crossing):
    """Return P(y <= k) and P(y > k), repaired.

    Parameters
    ----------
    eta : ndarray of shape (n_samples, n_classes - 1)
        Linear predictors; not modified.
    link : {"logit", "probit", "cloglog", "loglog"}
        The distribution.
    crossing : {"isotonic", "sort", "raise"}
        What happens to rows that cross.

    Returns
    -------
    cdf : ndarray of shape (n_samples, n_classes - 1)
        P(y <= k), not decreasing along each row.
    survival : ndarray of shape (n_samples, n_classes - 1)
        P(y > k), accurate where ``cdf`` is close to one.
    """
    rows = crossing_rows(eta)
    if rows.size and crossing == "raise":
        raise ValueError(
            f"crossing='raise', and the cumulative probabilities cross in {rows.size} "
            f"of {eta.shape[0]} rows, the first of them row {rows[0]}; use "
            "crossing='isotonic' or 'sort' to repair such rows, or a larger alpha or "
            "fusion_weight, which make them rarer."
        )
    if rows.size and crossing == "sort":
        eta = eta.copy()
        eta[rows] = np.sort(eta[rows], axis=1)
    cdf = link_cdf(link, eta)
    survival = link_cdf(MIRRORED_LINK[link], -eta)
    if rows.size and crossing == "isotonic":
        _pool_rows(rows, cdf, survival, 0, rows.size)
    return cdf, survival


def class_probabilities(eta, link, crossing):
    """Return the probability of each class.

    Differences are taken in the tail where both numbers are small.

    Parameters
    ----------
    eta : ndarray of shape (n_samples, n_classes - 1)
        Linear predictors; not modified.
    link : {"logit", "probit", "cloglog", "loglog"}
        The distribution.
    crossing : {"isotonic", "sort", "raise"}
        What happens to rows that cross.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        In the ordinal order; not negative, rows sum to one.
    """
    cdf, survival = cumulative_probabilities(eta, link, crossing)
    proba = np.empty((eta.shape[0], eta.shape[1] + 1))
    proba[:, 0] = cdf[:, 0]
    proba[:, -1] = survival[:, -1]
    inner = proba[:, 1:-1]
    np.subtract(cdf[:, 1:], cdf[:, :-1], out=inner)
    upper = cdf[:, :-1] > 0.5
    np.subtract(survival[:, :-1], survival[:, 1:], out=inner, where=upper)
    # Monotone up to the last digit of the distribution function.
    np.maximum(inner, 0.0, out=inner)
    return proba
