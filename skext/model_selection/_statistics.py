"""Statistics for comparing methods over tasks: pure functions on arrays.

Conventions: rows are tasks, columns are methods; differences are positive where the
first method is better. Tasks with a missing value are left out, and every degenerate
input (no task, one task, identical methods) has a defined answer without a warning.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import gammaln

# Scores closer than this, relative to their size, differ by rounding only.
_ROUNDING = 1e-12
# The exact null distribution is cheap up to here; beyond, the normal one is as good.
_MAX_EXACT = 100


class FriedmanResult(NamedTuple):
    """Friedman's test and the correction of Iman and Davenport."""

    chi2: float
    chi2_pvalue: float
    f: float
    f_pvalue: float
    df1: int
    df2: int


class SignedRankResult(NamedTuple):
    """Wilcoxon's signed-rank test of paired differences."""

    statistic: float
    pvalue: float
    n_used: int
    exact: bool


class BayesResult(NamedTuple):
    """Posterior probabilities of the Bayesian signed-rank test."""

    better: float
    equivalent: float
    worse: float


class RecordResult(NamedTuple):
    """Number of tasks won, tied and lost."""

    wins: int
    ties: int
    losses: int


class MedianResult(NamedTuple):
    """Median with a bootstrap interval."""

    median: float
    low: float
    high: float


class TResult(NamedTuple):
    """Corrected resampled t test."""

    statistic: float
    pvalue: float
    df: int
    mean: float
    standard_error: float


class FResult(NamedTuple):
    """Combined 5x2cv F test."""

    statistic: float
    pvalue: float


def check_rope(rope, error=ValueError):
    """Refuse a half width of the region of equivalence that is none."""
    if not rope >= 0:
        raise error(f"rope={rope!r} must be 0 or more; give a difference like 0.01.")


# --------------------------------------------------------------------------
# Differences and ranks


def _known(values):
    values = np.asarray(values, dtype=float)
    return values[~np.isnan(values)]


def _complete(table):
    table = np.asarray(table, dtype=float)
    return table[~np.isnan(table).any(axis=1)]


def oriented_differences(a, b, *, greater_is_better=True, relative=False):
    """Differences between two methods, positive where the first is better.

    Parameters
    ----------
    a, b : array-like of shape (n_tasks,)
        Scores of the two methods.
    greater_is_better : bool, default=True
        False for errors and losses.
    relative : bool, default=False
        Divide by the larger of the two absolute scores: for an error, the share of
        it that the better method saves. Swapping the methods changes signs only.

    Returns
    -------
    differences : ndarray of shape (n_tasks,)
        Exactly zero where the scores differ by rounding only.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    difference = a - b if greater_is_better else b - a
    size = np.maximum(np.abs(a), np.abs(b))
    difference = np.where(np.abs(difference) <= _ROUNDING * size, 0.0, difference)
    if relative:
        difference = difference / np.where(size > 0, size, 1.0)
    return difference


def _round_digits(values):
    """Round to 40 bits (12 digits), so that rounding errors make no order."""
    significand, exponent = np.frexp(values)
    return np.ldexp(np.round(significand * 2.0**40), exponent - 40)


def average_ranks(scores, *, greater_is_better=True):
    """Rank the methods on every task; ties share the mean of their ranks.

    Parameters
    ----------
    scores : array-like of shape (n_tasks, n_methods)
        One score per task and method.
    greater_is_better : bool, default=True
        False for errors and losses.

    Returns
    -------
    ranks : ndarray of shape (n_tasks, n_methods)
        1 is best; NaN on tasks where a score is missing.
    """
    scores = np.asarray(scores, dtype=float)
    ranks = np.full(scores.shape, np.nan)
    known = ~np.isnan(scores).any(axis=1)
    if known.any() and scores.shape[1]:
        rounded = _round_digits(scores[known])
        order = -rounded if greater_is_better else rounded
        ranks[known] = stats.rankdata(order, axis=1)
    return ranks


def friedman_test(ranks):
    """Test whether any method differs: Friedman's chi-squared and the F form.

    Parameters
    ----------
    ranks : array-like of shape (n_tasks, n_methods)
        Ranks within tasks, ties averaged, as from :func:`average_ranks`.

    Returns
    -------
    result : FriedmanResult
        Where all tasks agree completely the F statistic is infinite and its p-value
        the exact permutation probability of that agreement.
    """
    ranks = _complete(ranks)
    n, k = ranks.shape
    df1, df2 = max(k - 1, 0), max((k - 1) * (n - 1), 0)
    # Sum of squares within tasks: k (k² - 1) / 12 per task, less where tied.
    within = ((ranks - (k + 1) / 2) ** 2).sum()
    if n < 2 or k < 2 or within == 0:
        return FriedmanResult(0.0, 1.0, 0.0, 1.0, df1, df2)
    between = n * ((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum()
    chi2 = float(n * (k - 1) * between / within)
    chi2_p = float(stats.chi2.sf(chi2, df1))
    rest = n * (k - 1) - chi2
    if rest <= 1e-9 * n * (k - 1):
        f_p = _full_agreement(ranks[0], n)
        return FriedmanResult(chi2, chi2_p, np.inf, f_p, df1, df2)
    f = (n - 1) * chi2 / rest
    return FriedmanResult(chi2, chi2_p, f, float(stats.f.sf(f, df1, df2)), df1, df2)


def _full_agreement(pattern, n):
    """Probability that n tasks rank alike if the order is random on each."""
    _, counts = np.unique(pattern, return_counts=True)
    log_orders = gammaln(len(pattern) + 1) - gammaln(counts + 1).sum()
    return float(np.exp(-(n - 1) * log_orders))


# --------------------------------------------------------------------------
# Pairs of methods


def signed_rank_test(differences):
    """Wilcoxon's two-sided signed-rank test; zero differences are dropped.

    The p-value is exact, also with tied differences, up to 100 non-zero differences,
    and from the normal approximation with tie correction beyond.

    Parameters
    ----------
    differences : array-like of shape (n_tasks,)
        Paired differences; NaN are dropped.

    Returns
    -------
    result : SignedRankResult
        The statistic is the smaller of the two rank sums; p is 1 without a
        difference.
    """
    d = _known(differences)
    d = d[d != 0]
    n = len(d)
    if n == 0:
        return SignedRankResult(0.0, 1.0, 0, True)
    ranks = stats.rankdata(_round_digits(np.abs(d)))
    plus, total = ranks[d > 0].sum(), ranks.sum()
    statistic = float(min(plus, total - plus))
    if n > _MAX_EXACT:
        p = stats.wilcoxon(d, method="asymptotic").pvalue
        return SignedRankResult(statistic, float(p), n, False)
    # Mean ranks are multiples of a half: twice the sum has an integer distribution.
    steps = np.rint(2 * ranks).astype(int)
    distribution = np.zeros(steps.sum() + 1)
    distribution[0] = 1.0
    for step in steps:
        shifted = np.zeros_like(distribution)
        shifted[step:] = distribution[:-step]
        distribution = (distribution + shifted) / 2
    tail = distribution[: int(np.rint(2 * statistic)) + 1].sum()
    return SignedRankResult(statistic, float(min(1.0, 2 * tail)), n, True)


def holm(pvalues):
    """Adjust p-values for multiple tests by Holm's step-down method.

    Parameters
    ----------
    pvalues : array-like of shape (n_tests,)
        Raw p-values; NaN stay NaN and are not counted.

    Returns
    -------
    adjusted : ndarray of shape (n_tests,)
        Adjusted p-values, in the order of the input.
    """
    pvalues = np.asarray(pvalues, dtype=float)
    adjusted = pvalues.copy()
    known = np.flatnonzero(~np.isnan(pvalues))
    order = known[np.argsort(pvalues[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(pvalues[order] * factors))
    return adjusted


def pairwise_signed_rank(scores, *, relative=False):
    """Wilcoxon tests of all pairs of methods, adjusted by Holm's method.

    Parameters
    ----------
    scores : array-like of shape (n_tasks, n_methods)
        One score per task and method; the direction does not matter.
    relative : bool, default=False
        Test relative differences, for scores whose units differ by task.

    Returns
    -------
    pvalues : ndarray of shape (n_methods, n_methods)
        Adjusted p-values: symmetric, 1 on the diagonal.
    """
    scores = _complete(scores)
    k = scores.shape[1]
    pairs = list(combinations(range(k), 2))
    raw = [
        signed_rank_test(
            oriented_differences(scores[:, i], scores[:, j], relative=relative)
        ).pvalue
        for i, j in pairs
    ]
    return _symmetric(k, pairs, holm(raw))


def _symmetric(k, pairs, values):
    matrix = np.ones((k, k))
    for (i, j), value in zip(pairs, values, strict=True):
        matrix[i, j] = matrix[j, i] = value
    return matrix


def nemenyi(ranks):
    """Nemenyi's test of all pairs of methods, from their mean ranks.

    Its answer for two methods depends on which others are compared; prefer
    :func:`pairwise_signed_rank`.

    Parameters
    ----------
    ranks : array-like of shape (n_tasks, n_methods)
        Ranks within tasks.

    Returns
    -------
    pvalues : ndarray of shape (n_methods, n_methods)
        Symmetric, 1 on the diagonal.
    """
    ranks = _complete(ranks)
    n, k = ranks.shape
    if n == 0 or k < 2:
        return np.ones((k, k))
    means = ranks.mean(axis=0)
    pairs = list(combinations(range(k), 2))
    gaps = np.array([abs(means[i] - means[j]) for i, j in pairs])
    q = gaps / np.sqrt(k * (k + 1) / (12.0 * n))
    values = stats.studentized_range.sf(q, k, np.inf)
    return _symmetric(k, pairs, np.clip(values, 0.0, 1.0))


def critical_difference(n_tasks, n_methods, *, significance_level=0.05):
    """Difference of mean ranks that is significant by Nemenyi's test."""
    if n_tasks < 1 or n_methods < 2:
        return np.inf
    q = stats.studentized_range.isf(significance_level, n_methods, np.inf)
    return float(q * np.sqrt(n_methods * (n_methods + 1) / (12.0 * n_tasks)))


def bayesian_signed_rank(
    differences, *, rope=0.01, prior_weight=0.5, n_samples=50_000, random_state=0
):
    """Bayesian signed-rank test with a region of practical equivalence.

    The differences get a Dirichlet-process prior with ``prior_weight`` on a
    difference of zero. Each posterior draw of their weights gives the weight of
    pairs of tasks whose mean difference is above, within or below the region; the
    answer is the share of draws in which each of the three is heaviest.

    Parameters
    ----------
    differences : array-like of shape (n_tasks,)
        Positive where the first method is better; NaN are dropped.
    rope : float, default=0.01
        Half width of the region. With 0 no draw counts as equivalent.
    prior_weight : float, default=0.5
        Weight of the prior, in tasks.
    n_samples : int, default=50000
        Posterior draws.
    random_state : int or numpy.random.Generator, default=0
        Seed of the draws.

    Returns
    -------
    result : BayesResult
        Three probabilities that sum to 1; NaN without a difference.

    References
    ----------
    .. [1] A. Benavoli, G. Corani, J. Demšar, M. Zaffalon, "Time for a change: a
       tutorial for comparing multiple classifiers through Bayesian analysis",
       Journal of Machine Learning Research 18 (2017).
    """
    d = _known(differences)
    if len(d) == 0:
        return BayesResult(np.nan, np.nan, np.nan)
    points = np.concatenate([[0.0], d])
    sums = points[:, None] + points[None, :]
    above = _heaviside(sums, 2 * rope)
    below = _heaviside(-sums, 2 * rope)
    rng = np.random.default_rng(random_state)
    counts = np.zeros(3)
    chunk = max(1, 100_000 // len(points))
    for start in range(0, n_samples, chunk):
        size = min(chunk, n_samples - start)
        # A Dirichlet vector up to its scale, which no comparison depends on.
        weights = rng.standard_exponential((size, len(points)))
        weights[:, 0] = rng.standard_gamma(prior_weight, size)
        better = np.einsum("ij,ij->i", weights @ above, weights)
        worse = np.einsum("ij,ij->i", weights @ below, weights)
        total = weights.sum(axis=1) ** 2
        masses = np.stack([better, total - better - worse, worse])
        heaviest = masses >= masses.max(axis=0) - _ROUNDING * total
        shared = heaviest.sum(axis=0) > 1
        counts += heaviest.sum(axis=1)
        if shared.any():
            tied = heaviest[:, shared]
            counts += (tied / tied.sum(axis=0)).sum(axis=1) - tied.sum(axis=1)
    return BayesResult(*(counts / n_samples).tolist())


def _heaviside(values, threshold):
    tolerance = _ROUNDING * max(1.0, abs(threshold))
    gap = values - threshold
    return np.where(np.abs(gap) <= tolerance, 0.5, (gap > 0).astype(float))


# --------------------------------------------------------------------------
# Effect sizes


def record(differences, *, rope=0.0):
    """Count tasks won, tied and lost by more than ``rope``.

    Parameters
    ----------
    differences : array-like of shape (n_tasks,)
        Positive where the first method is better; NaN are dropped.
    rope : float, default=0.0
        A difference up to this size is a tie.

    Returns
    -------
    result : RecordResult
        Their sum is the number of tasks.
    """
    d = _known(differences)
    # 0.81 - 0.80 is larger than 0.01 by rounding only.
    edge = rope + _ROUNDING * max(1.0, rope) if rope else 0.0
    wins, losses = int((d > edge).sum()), int((d < -edge).sum())
    return RecordResult(wins, len(d) - wins - losses, losses)


def bootstrap_median(
    differences, *, confidence_level=0.95, n_resamples=10_000, random_state=0
):
    """Median of the differences with a percentile bootstrap interval over tasks.

    Parameters
    ----------
    differences : array-like of shape (n_tasks,)
        NaN are dropped.
    confidence_level : float, default=0.95
        Level of the interval.
    n_resamples : int, default=10000
        Bootstrap samples of tasks.
    random_state : int or numpy.random.Generator, default=0
        Seed of the samples.

    Returns
    -------
    result : MedianResult
        The interval is NaN with fewer than two tasks, all is NaN with none.
    """
    d = _known(differences)
    if len(d) < 2:
        return MedianResult(float(d[0]) if len(d) else np.nan, np.nan, np.nan)
    low, high = stats.bootstrap(
        (d,),
        np.median,
        n_resamples=n_resamples,
        batch=max(1, 2_000_000 // len(d)),
        confidence_level=confidence_level,
        method="percentile",
        random_state=np.random.default_rng(random_state),
    ).confidence_interval
    return MedianResult(float(np.median(d)), float(low), float(high))


# --------------------------------------------------------------------------
# Two methods on one task


def corrected_resampled_t(differences, test_train_ratio, *, alternative="two-sided"):
    """Student's t with the variance correction of Nadeau and Bengio.

    Parameters
    ----------
    differences : array-like of shape (n_splits,)
        Differences between two methods on overlapping training sets.
    test_train_ratio : float
        Rows of a test set divided by rows of a training set.
    alternative : {"two-sided", "greater", "less"}, default="two-sided"
        What is tested against a mean difference of zero.

    Returns
    -------
    result : TResult
        Without any variation the statistic is 0 or infinite; with fewer than two
        splits statistic and p-value are NaN.
    """
    d = np.asarray(differences, dtype=float)
    n = len(d)
    if n < 2:
        mean = float(d[0]) if n else np.nan
        return TResult(np.nan, np.nan, max(n - 1, 0), mean, np.nan)
    mean, variance = float(d.mean()), float(d.var(ddof=1))
    # Equal differences can have a variance of rounding noise.
    if variance <= (_ROUNDING * np.abs(d).max()) ** 2:
        variance = 0.0
    error = float(np.sqrt((1 / n + test_train_ratio) * variance))
    if error > 0:
        t = mean / error
    else:
        t = 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return TResult(t, _t_pvalue(t, n - 1, alternative), n - 1, mean, error)


def _t_pvalue(t, df, alternative):
    if alternative == "two-sided":
        return float(2 * stats.t.sf(abs(t), df))
    return float(stats.t.sf(t, df) if alternative == "greater" else stats.t.cdf(t, df))


def five_by_two_f(differences):
    """Alpaydin's combined F test on five repeats of two-fold cross-validation.

    Parameters
    ----------
    differences : array-like of shape (5, 2)
        Differences between two methods by repeat and fold.

    Returns
    -------
    result : FResult
        Without any variation the statistic is 0 or infinite.
    """
    d = np.asarray(differences, dtype=float).reshape(5, 2)
    # Variance of a pair: sum of squares around the mean of the two folds.
    variances = (d[:, 0] - d[:, 1]) ** 2 / 2
    size = np.abs(d).max()
    spread = variances.sum()
    if spread <= (_ROUNDING * size) ** 2:
        return FResult(np.inf, 0.0) if size > 0 else FResult(0.0, 1.0)
    f = float((d**2).sum() / (2 * spread))
    return FResult(f, float(stats.f.sf(f, 10, 5)))


# --------------------------------------------------------------------------
# Groups that the tests do not tell apart


def maximal_cliques(pvalues, *, significance_level=0.05):
    """Maximal groups of methods without a significant difference inside.

    Parameters
    ----------
    pvalues : array-like of shape (n_methods, n_methods)
        Adjusted p-values of all pairs.
    significance_level : float, default=0.05
        Pairs with a p-value below this differ.

    Returns
    -------
    cliques : list of list of int
        Groups of two or more; a method may be in several, and a group need not be
        contiguous in the order of the mean ranks.
    """
    linked = np.asarray(pvalues, dtype=float) >= significance_level
    neighbours = [
        {j for j in range(len(linked)) if j != i and linked[i, j]}
        for i in range(len(linked))
    ]
    found = []

    def extend(members, candidates, excluded):
        """Bron and Kerbosch's search with a pivot."""
        if not candidates and not excluded:
            if len(members) > 1:
                found.append(sorted(members))
            return
        pivot = max(
            sorted(candidates | excluded),
            key=lambda node: len(neighbours[node] & candidates),
        )
        for node in sorted(candidates - neighbours[pivot]):
            extend(
                [*members, node],
                candidates & neighbours[node],
                excluded & neighbours[node],
            )
            candidates = candidates - {node}
            excluded = excluded | {node}

    extend([], set(range(len(linked))), set())
    return sorted(found)
