"""Weights that nothing holds, although the gradient nearly vanishes.

If some rows can be told apart along a direction that no other row contradicts, weights
without a penalty grow for ever, and a fit stops somewhere on the way. A tiny penalty
has its minimum elsewhere then; where there is an optimum it changes next to nothing.
"""

import numpy as np
from scipy.special import log_expit, log_ndtr
from sklearn.exceptions import ConvergenceWarning

from skext.ordinal._solver.links import MIRRORED_LINK
from skext.utils._warnings import warn_user

TINY = 1e-9
"""Penalty that holds what nothing else holds."""
LESS_TINY = 1e-6
TINY_TOL = 1e-11
MAX_ITER = 60

# Newton steps along a direction without an optimum lower the logarithm of a doubt by
# about one, for ever; near an optimum they become smaller and smaller. Tails of other
# links are too steep to tell by the predictor.
_STILL = {"logit": 0.05, "probit": 0.05}
# Rows that are as certain as this without any penalty are beyond comparison.
_CERTAIN = -60.0


def _log_below(link, eta):
    """Return the logarithm of the distribution function."""
    if link == "logit":
        return log_expit(eta)
    if link == "probit":
        return log_ndtr(eta)
    if link == "cloglog":
        return np.log(-np.expm1(-np.exp(np.minimum(eta, 700.0))))
    return -np.exp(np.minimum(-eta, 700.0))


def _scores(data, coef):
    """Return products of rows and weights, a column for each vector of weights."""
    scores = data.X @ coef.T
    scores = scores.toarray() if hasattr(scores, "toarray") else np.asarray(scores)
    return scores[:, np.newaxis] if scores.ndim == 1 else scores


def _can_be_certain(thresholds, scores, link, limit):
    """Tell whether any row, whatever its class, is beyond a doubt of this logarithm."""
    largest = (thresholds - scores.min(axis=0)).max()
    smallest = (thresholds - scores.max(axis=0)).min()
    with np.errstate(divide="ignore"):
        above = _log_below(MIRRORED_LINK[link], -largest)
        below = _log_below(link, smallest)
    return min(above, below) < limit


def _log_doubts(data, eta, link):
    """Return the logarithms of the probabilities to be above and below the class.

    Where there is no such class they are zero; the shape is (2, n_samples).
    """
    doubts = np.zeros((2, data.y.size))
    with np.errstate(divide="ignore"):
        rows = np.flatnonzero(data.y < eta.shape[1])
        upper = eta[rows, data.y[rows]]
        doubts[0, rows] = _log_below(MIRRORED_LINK[link], -upper)
        rows = np.flatnonzero(data.y > 0)
        lower = eta[rows, data.y[rows] - 1]
        doubts[1, rows] = _log_below(link, lower)
    return doubts


def is_held(alpha, factors, main_weight, fusion_weight):
    """Tell whether all weights have a penalty.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    factors : ndarray of shape (n_features,) or None
        Penalty of each feature.
    main_weight, fusion_weight : float
        Factors of the penalty of :class:`~skext.ordinal.PRESTO`.
    """
    all_held = alpha > 0 and main_weight > 0 and fusion_weight > 0
    return bool(all_held and (factors is None or factors.all()))


def tiny_penalty(alpha, tiny, factors, n_features, main_weight, fusion_weight):
    """Return parameters in which what had no penalty has a tiny one.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    tiny : float
        What takes the place of nothing.
    factors : array-like of shape (n_features,) or None
        Penalty of each feature.
    n_features : int
        Number of features.
    main_weight, fusion_weight : float
        Factors of the penalty of :class:`~skext.ordinal.PRESTO`.

    Returns
    -------
    alpha : float
        Positive.
    factors : ndarray of shape (n_features,)
        Positive.
    main_weight, fusion_weight : float
        Positive.
    """
    if alpha == 0:
        fusion_weight = fusion_weight if np.isinf(fusion_weight) else 1.0
        return tiny, np.ones(n_features), 1.0, fusion_weight
    small = tiny / alpha
    factors = np.ones(n_features) if factors is None else np.asarray(factors, float)
    factors = np.where(factors > 0, factors, small)
    return alpha, factors, main_weight or small, fusion_weight or small


def warn_if_unbounded(
    path, index, data, link, solve, *, name, tol, has_barrier, features=None
):
    """Warn if a model of a path has no finite optimum, although it has converged.

    Parameters
    ----------
    path : LinearPath
        Models.
    index : int
        The one to look at; it has weights without a penalty.
    data : TrainingData
        The rows.
    link : {"logit", "probit", "cloglog", "loglog"}
        The distribution.
    solve : callable
        ``solve(start, tiny)`` returns the path of one model with a tiny penalty.
    name : str
        Of the estimator or function.
    tol : float
        Tolerance of the path.
    has_barrier : bool
        Whether rows are kept from crossing, which may stop weights or let them grow
        together.
    features : ndarray of shape (n_features,), default=None
        Names.
    """
    if not path.converged[index]:
        return
    if path.last_move[index] < _STILL.get(link, 0.0):
        return
    thresholds, coef = path.thresholds[index], path.coefs[index]
    limit, scores = 0.5 * np.log(tol), _scores(data, coef)
    if not _can_be_certain(thresholds, scores, link, limit):
        return
    doubts = _log_doubts(data, thresholds - scores, link)
    if not (doubts < limit).any():
        return
    start = thresholds, coef.toarray() if hasattr(coef, "toarray") else coef
    if has_barrier:
        # What a barrier does, it does to both.
        first = solve(start, LESS_TINY)
        start = first.thresholds[0], first.coefs[0]
        doubts = _log_doubts(data, start[0] - _scores(data, start[1]), link)
    found = solve(start, TINY)
    scores = _scores(data, found.coefs[0])
    after = _log_doubts(data, found.thresholds[0] - scores, link)
    if not ((after > _CERTAIN) & (np.abs(after - doubts) > 1.0)).any():
        return
    grown = np.abs(found.coefs[0] - start[1]) > 0.02 * np.abs(start[1])
    grown = np.asarray(grown.toarray() if hasattr(grown, "toarray") else grown)
    grown = np.flatnonzero(np.atleast_2d(grown).any(axis=0))
    names = grown.tolist() if features is None else features[grown].tolist()
    shown = ", ".join(map(repr, names[:5])) + ", ..." * (len(names) > 5)
    what = f"the weights of {shown}" if names else "thresholds"
    warn_user(
        f"{name} did not converge: at alpha={path.alphas[index]:.3g} there seems to be "
        f"no finite optimum, because some rows can be separated and {what} grow "
        "without bound; increase alpha.",
        ConvergenceWarning,
    )
