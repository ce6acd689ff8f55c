"""A Bayesian linear model of counts, and what it says of bags that it did not see.

The log-odds of a row are a linear function of its features; the count of a bag is the
sum of its independent labels. Weights have a normal prior, whose variance is chosen by
the evidence. With m bags and d features a step costs O(n d + m d min(m, d)).
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, logit

from skext.label_proportions._counts.posterior import count_posterior

# The variance of log-odds that is expected, and the deviation of its logarithm.
_VARIANCE, _LOG_DEVIATION = 2.0, 0.7
_SMALLEST, _LARGEST = 2.0**-4, 2.0**10
# Of the constant, which is as good as free.
_CONSTANT_VARIANCE = 100.0
_MOST_STEPS = 50
_SHORTEST = 1e-4
_TINY = 1e-12
# Log-probability by which a step has to be better, while a variance is looked for,
# and at the end.
_ROUGH, _FINE = 1e-2, 1e-8
# No bag decides on its own fit more than this.
_MOST_LEVERAGE = 0.999
# Bags for which weights are held at the same time.
_BAGS_AT_ONCE = 4096


class CountData(NamedTuple):
    """Rows in bags whose counts are known."""

    features: object
    """Of the rows, shape (n_samples, n_columns)."""
    codes: np.ndarray
    """Number of the bag of each row."""
    bags: object
    """The bags."""
    counts: np.ndarray
    """Number of positive rows of each bag."""
    weights: np.ndarray
    """Weight of each bag; their mean is one."""
    bag_strength: float
    """How certain counts are."""
    center: np.ndarray | None = None
    """Means of the features, which are taken off in all products."""

    @classmethod
    def of(cls, features, known, bag_strength=np.inf, center=None):
        """Return the data of bags with known counts of one class.

        Parameters
        ----------
        features : {ndarray, sparse array} of shape (n_samples, n_columns)
            Of their rows.
        known : KnownBags
            The bags.
        bag_strength : float, default=inf
            How certain counts are.
        center : ndarray of shape (n_columns,), default=None
            Means of the features, if these are sparse.
        """
        weights = known.weights / known.sizes
        weights = weights / weights.mean()
        bags, counts = known.bags, known.counts
        return cls(features, known.codes, bags, counts, weights, bag_strength, center)

    def posterior(self, scores, n_jobs=None):
        """Return probabilities of rows, and log-probabilities of counts."""
        return count_posterior(
            scores,
            self.bags,
            self.counts,
            n_jobs=n_jobs,
            bag_strength=self.bag_strength,
        )

    def sums(self, of_row):
        """Return the features of each bag, summed with a factor for each row."""
        n_samples, n_bags = self.codes.size, self.counts.size
        gather = sparse.csr_array(
            (of_row, (self.codes, np.arange(n_samples))), shape=(n_bags, n_samples)
        )
        total = gather @ self.features
        total = total.toarray() if sparse.issparse(total) else total
        sums = np.bincount(self.codes, of_row, n_bags)
        if self.center is not None:
            total = total - sums[:, np.newaxis] * self.center
        return np.column_stack([sums, total])

    def scores(self, theta):
        """Return the log-odds of the rows."""
        return linear_scores(self.features, theta, self.center)

    def total(self, of_row):
        """Return the features of all rows, summed with a factor for each."""
        sums, total = of_row.sum(), self.features.T @ of_row
        if self.center is not None:
            total = total - sums * self.center
        return np.concatenate([[sums], total])

    def own_scores(self, rows, theta):
        """Return the log-odds of rows, each by constants and weights of its own."""
        part = self.features[rows]
        scores = theta[:, 0].copy()
        if sparse.issparse(part):
            scores += np.asarray(part.multiply(theta[:, 1:]).sum(axis=1)).ravel()
        else:
            scores += np.einsum("ij,ij->i", part, theta[:, 1:])
        return scores if self.center is None else scores - theta[:, 1:] @ self.center


def linear_scores(features, theta, center):
    """Return log-odds: a constant, and the sum of weights times centred features."""
    scores = features @ theta[1:] + theta[0]
    return scores if center is None else scores - center @ theta[1:]


class CountFit(NamedTuple):
    """The most probable weights, and how probable the counts are."""

    theta: np.ndarray
    """The constant and the weights."""
    variance: float
    """Of the prior."""
    evidence: float
    """Logarithm of the probability of the counts, in the approximation of Laplace."""
    slopes: np.ndarray
    """What a weight does to counts, in standard deviations of them, one row a bag."""
    residual: np.ndarray
    """Probability of each row by its count, less that without it."""
    scores: np.ndarray
    """Log-odds of the rows."""

    def predict(self, features, center=None):
        """Return the log-odds of rows."""
        return linear_scores(features, self.theta, center)


def fit_counts(data, variance, theta=None, tol=_FINE, n_jobs=None):
    """Find the most probable weights.

    Parameters
    ----------
    data : CountData
        Bags and rows.
    variance : float
        Of each weight, before counts are seen.
    theta : ndarray of shape (n_columns + 1,), default=None
        Where to start.
    tol : float
        Gain of log-probability at which to stop.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    fit : CountFit
        Found by steps of Fisher's scoring.
    """
    n_columns = data.features.shape[1]
    prior = np.full(n_columns + 1, variance)
    prior[0] = _CONSTANT_VARIANCE
    center = np.zeros(n_columns + 1)
    center[0] = _overall(data)
    theta = center.copy() if theta is None else theta

    def judge(theta):
        scores = data.scores(theta)
        posterior, logs = data.posterior(scores, n_jobs)
        off = theta - center
        value = data.weights @ logs - 0.5 * (off / prior) @ off
        return scores, posterior, value

    scores, posterior, value = judge(theta)
    for _ in range(_MOST_STEPS):
        slopes, residual = _slopes(data, scores, posterior)
        gradient = data.total(data.weights[data.codes] * residual)
        gradient -= (theta - center) / prior
        step = _Curvature(slopes, prior).solve(gradient)
        length, gain = 1.0, -np.inf
        while gain < 0 and length >= _SHORTEST:
            new = theta + length * step
            found = judge(new)
            gain, length = found[2] - value, 0.5 * length
        if gain < 0:
            break
        theta, (scores, posterior, value) = new, found
        if gain < tol:
            break
    slopes, residual = _slopes(data, scores, posterior)
    evidence = value - 0.5 * _Curvature(slopes, prior).log_determinant()
    return CountFit(theta, variance, evidence, slopes, residual, scores)


def _overall(data):
    """Return the log-odds of the share of all rows."""
    n_samples = data.codes.size
    share = np.clip(data.counts.sum() / n_samples, 0.5 / n_samples, 1 - 0.5 / n_samples)
    return float(logit(share))


def _slopes(data, scores, posterior):
    p = expit(scores)
    unsure = p * (1 - p)
    slopes = data.sums(unsure)
    noise = 0.0 if np.isinf(data.bag_strength) else 0.5 / data.bag_strength
    slopes *= np.sqrt(data.weights / (slopes[:, 0] + noise + _TINY))[:, np.newaxis]
    return slopes, posterior - p


class _Curvature:
    """The matrix ``slopes.T @ slopes + 1 / prior``, by its smaller side."""

    def __init__(self, slopes, prior):
        self.slopes, self.prior = slopes, prior
        self.dual = slopes.shape[0] < slopes.shape[1]
        if self.dual:
            matrix = (slopes * prior) @ slopes.T
        else:
            root = np.sqrt(prior)
            matrix = root[:, np.newaxis] * (slopes.T @ slopes) * root
        matrix[np.diag_indices_from(matrix)] += 1.0
        self.factor = cho_factor(matrix, lower=True)

    def log_determinant(self):
        """Return that of the matrix times the prior."""
        return 2 * np.log(np.diag(self.factor[0])).sum()

    def solve(self, columns):
        """Return the product of the inverse with columns."""
        prior = self.prior if columns.ndim == 1 else self.prior[:, np.newaxis]
        if self.dual:
            flat = prior * columns
            inner = cho_solve(self.factor, self.slopes @ flat)
            return flat - prior * (self.slopes.T @ inner)
        root = np.sqrt(prior)
        return root * cho_solve(self.factor, root * columns)


def choose_fit(data, n_jobs=None):
    """Fit with the variance that makes counts most probable, given what is usual.

    Parameters
    ----------
    data : CountData
        Bags and rows.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    fit : CountFit
        Its features have a total variance of one, so that the variance of weights is
        that of log-odds.
    """

    def at(variance, theta):
        fit = fit_counts(data, variance, theta, _ROUGH, n_jobs)
        far = np.log(variance / _VARIANCE) / _LOG_DEVIATION
        return fit.evidence - 0.5 * far**2, fit

    best = at(_VARIANCE, None)
    for factor in (2.0, 0.5):
        moved, variance = False, best[1].variance * factor
        while _SMALLEST <= variance <= _LARGEST:
            found = at(variance, best[1].theta)
            if found[0] <= best[0]:
                break
            best, moved, variance = found, True, variance * factor
        if moved:
            break
    return fit_counts(data, best[1].variance, best[1].theta, _FINE, n_jobs)


def without_own_bag(data, fit):
    """Return log-odds of rows by the fit to all bags but their own.

    By one step of Newton from the fit to all bags, as exact as the quadratic
    approximation.

    Parameters
    ----------
    data : CountData
        Bags and rows.
    fit : CountFit
        The fit.

    Returns
    -------
    scores : ndarray of shape (n_samples,)
        Log-odds.
    """
    prior = np.full(fit.theta.size, fit.variance)
    prior[0] = _CONSTANT_VARIANCE
    curvature = _Curvature(fit.slopes, prior)
    pulls = data.sums(data.weights[data.codes] * fit.residual)
    order, indptr = data.bags.order()
    scores = np.empty_like(fit.scores)
    for first in range(0, data.counts.size, _BAGS_AT_ONCE):
        last = min(first + _BAGS_AT_ONCE, data.counts.size)
        slopes, pull = fit.slopes[first:last], pulls[first:last]
        by_slope, by_pull = curvature.solve(slopes.T), curvature.solve(pull.T)
        leverage = np.einsum("ij,ji->i", slopes, by_slope)
        rest = np.maximum(1 - leverage, 1 - _MOST_LEVERAGE)
        share = np.einsum("ij,ji->i", slopes, by_pull) / rest
        moved = -(by_pull + by_slope * share).T
        rows = order[indptr[first] : indptr[last]]
        own = data.own_scores(rows, moved[data.codes[rows] - first])
        scores[rows] = fit.scores[rows] + own
    return scores
