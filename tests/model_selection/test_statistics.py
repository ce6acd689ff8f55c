"""Statistics against scipy, scikit-posthocs, baycomp and enumeration."""

import itertools
import math
import warnings

import baycomp
import numpy as np
import pytest
from scipy import stats

from skext.model_selection import _statistics as _stats

with warnings.catch_warnings():
    # The package warns about its own plotting dependencies at import.
    warnings.simplefilter("ignore")
    import scikit_posthocs


def _scores(seed, n_tasks, n_methods, *, ties=False):
    scores = np.random.default_rng(seed).normal(0.8, 0.05, (n_tasks, n_methods))
    return np.round(scores, 1) if ties else scores


# Ranks and differences


@pytest.mark.parametrize("greater", [True, False])
def test_ranks_share_ties_and_follow_the_direction(greater):
    scores = [[0.9, 0.8, 0.9, 0.1], [0.1, 0.2, 0.3, 0.4]]
    expected = [[1.5, 3, 1.5, 4], [4, 3, 2, 1]]
    ranks = _stats.average_ranks(scores, greater_is_better=greater)
    expected = np.array(expected) if greater else 5 - np.array(expected)
    np.testing.assert_array_equal(ranks, expected)


def test_ranks_ignore_rounding_and_mark_incomplete_tasks():
    scores = [[0.1 + 0.2, 0.3, 0.0], [1.0, np.nan, 0.0]]
    ranks = _stats.average_ranks(scores)
    np.testing.assert_array_equal(ranks[0], [1.5, 1.5, 3])
    assert np.isnan(ranks[1]).all()
    tiny = _stats.average_ranks([[1e-300, 2e-300], [1e300, 2e300], [np.inf, 1.0]])
    np.testing.assert_array_equal(tiny, [[2, 1], [2, 1], [1, 2]])


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("greater", [True, False])
def test_differences_are_antisymmetric_and_zero_for_rounding(relative, greater):
    a, b = np.array([3.0, 0.1 + 0.2, 0.0, -2.0]), np.array([4.0, 0.3, 0.0, 1.0])
    options = {"relative": relative, "greater_is_better": greater}
    d = _stats.oriented_differences(a, b, **options)
    np.testing.assert_array_equal(d, -_stats.oriented_differences(b, a, **options))
    first = -0.25 if relative else -1.0
    np.testing.assert_allclose(d[:3], [first if greater else -first, 0, 0])


# Friedman


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("n", "k"), [(3, 3), (7, 4), (20, 6)])
def test_friedman_matches_scipy(n, k, ties):
    scores = _scores(n, n, k, ties=ties)
    found = _stats.friedman_test(_stats.average_ranks(scores))
    expected = stats.friedmanchisquare(*scores.T)
    np.testing.assert_allclose(found.chi2, expected.statistic)
    np.testing.assert_allclose(found.chi2_pvalue, expected.pvalue)


@pytest.mark.parametrize("seed", range(3))
def test_iman_davenport_is_the_analysis_of_variance_of_ranks(seed):
    n, k = 9, 4
    ranks = _stats.average_ranks(_scores(seed, n, k, ties=seed == 2))
    found = _stats.friedman_test(ranks)
    treatment = n * ((ranks.mean(axis=0) - ranks.mean()) ** 2).sum()
    rest = ((ranks - ranks.mean()) ** 2).sum() - treatment
    f = (treatment / (k - 1)) / (rest / ((k - 1) * (n - 1)))
    np.testing.assert_allclose(found.f, f)
    np.testing.assert_allclose(found.f_pvalue, stats.f.sf(f, k - 1, (k - 1) * (n - 1)))


def test_friedman_with_complete_agreement_gives_the_permutation_probability():
    found = _stats.friedman_test([[1, 2, 3]] * 4)
    assert found.f == np.inf
    orders = list(itertools.permutations([1, 2, 3]))
    agree = sum(len(set(draw)) == 1 for draw in itertools.product(orders, repeat=4))
    np.testing.assert_allclose(found.f_pvalue, agree / len(orders) ** 4)
    tied = _stats.friedman_test([[1.5, 1.5, 3]] * 4)
    np.testing.assert_allclose(tied.f_pvalue, 1 / 3**3)


@pytest.mark.parametrize(
    "ranks", [np.full((5, 3), 2.0), [[1, 2, 3]], np.ones((4, 1)), np.empty((0, 3))]
)
def test_friedman_without_information_finds_nothing(ranks):
    found = _stats.friedman_test(ranks)
    assert (found.chi2, found.chi2_pvalue, found.f, found.f_pvalue) == (0, 1, 0, 1)


# Wilcoxon and Holm


def _enumerated(differences):
    """Two-sided p-value from all assignments of signs."""
    d = np.asarray(differences)[np.asarray(differences) != 0]
    ranks = stats.rankdata(np.abs(d))
    sums = [
        np.dot(signs, ranks) for signs in itertools.product([0, 1], repeat=len(ranks))
    ]
    plus = ranks[d > 0].sum()
    low = np.mean(np.array(sums) <= plus + 1e-9)
    high = np.mean(np.array(sums) >= plus - 1e-9)
    return min(1.0, 2 * min(low, high))


@pytest.mark.parametrize("n", range(1, 11))
@pytest.mark.parametrize("kind", ["continuous", "ties", "zeros"])
def test_signed_rank_matches_enumeration(n, kind):
    rng = np.random.default_rng(n)
    d = rng.normal(0.3, 1, n)
    if kind == "ties":
        d = np.where(d > 0, 1.0, -1.0) * rng.integers(1, 4, n)
    elif kind == "zeros":
        d = rng.integers(-2, 4, n).astype(float)
    found = _stats.signed_rank_test(d)
    assert found.exact
    np.testing.assert_allclose(found.pvalue, _enumerated(d), rtol=1e-12)


@pytest.mark.parametrize("n", [6, 13, 14, 30, 50, 90])
def test_signed_rank_matches_scipy_exact(n):
    d = np.random.default_rng(n).normal(0.3, 1, n)
    expected = stats.wilcoxon(d, method="exact")
    found = _stats.signed_rank_test(d)
    np.testing.assert_allclose(found.pvalue, expected.pvalue, rtol=1e-9)
    assert found.statistic == expected.statistic


@pytest.mark.parametrize("n", [8, 11])
def test_signed_rank_matches_scipy_with_ties(n):
    # scipy enumerates up to 13 values.
    d = np.random.default_rng(n).integers(-3, 5, n).astype(float)
    expected = stats.wilcoxon(d, method="auto").pvalue
    np.testing.assert_allclose(_stats.signed_rank_test(d).pvalue, expected)


def test_signed_rank_is_normal_beyond_a_hundred_and_nearly_equal_there():
    d = np.random.default_rng(0).normal(0.15, 1, 150)
    found = _stats.signed_rank_test(d)
    assert not found.exact
    assert found.pvalue == stats.wilcoxon(d, method="asymptotic").pvalue
    exact = stats.wilcoxon(d, method="exact").pvalue
    np.testing.assert_allclose(found.pvalue, exact, rtol=0.05)


@pytest.mark.parametrize("d", [[], [0.0, 0.0], [np.nan, 0.0]])
def test_signed_rank_without_differences(d):
    assert _stats.signed_rank_test(d) == (0.0, 1.0, 0, True)


def test_signed_rank_drops_missing_differences():
    d = [0.3, np.nan, -0.1, 0.5, 0.2]
    assert _stats.signed_rank_test(d) == _stats.signed_rank_test([0.3, -0.1, 0.5, 0.2])


def test_holm_by_hand():
    adjusted = _stats.holm([0.01, 0.04, 0.03, np.nan, 0.005])
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, np.nan, 0.02])
    np.testing.assert_array_equal(_stats.holm([0.9, 0.8]), [1, 1])
    assert _stats.holm([]).shape == (0,)


@pytest.mark.parametrize("seed", range(3))
def test_pairwise_matches_scikit_posthocs(seed):
    scores = _scores(seed, 12, 5) + np.linspace(0, 0.08, 5)
    ours = _stats.pairwise_signed_rank(scores)
    theirs = scikit_posthocs.posthoc_wilcoxon(list(scores.T), p_adjust="holm")
    np.testing.assert_allclose(ours, theirs.to_numpy())


def test_pairwise_of_identical_methods_and_incomplete_tasks():
    scores = np.repeat(_scores(0, 8, 1), 3, axis=1)
    np.testing.assert_array_equal(_stats.pairwise_signed_rank(scores), np.ones((3, 3)))
    scores = _scores(1, 10, 3)
    holes = np.vstack([scores, [0.5, np.nan, 0.5]])
    np.testing.assert_array_equal(
        _stats.pairwise_signed_rank(holes), _stats.pairwise_signed_rank(scores)
    )


def test_relative_pairwise_does_not_depend_on_the_units_of_the_tasks():
    scores = np.abs(_scores(2, 9, 3))
    units = 10.0 ** np.arange(-4, 5)[:, None]
    np.testing.assert_allclose(
        _stats.pairwise_signed_rank(scores * units, relative=True),
        _stats.pairwise_signed_rank(scores, relative=True),
    )


# Nemenyi


@pytest.mark.parametrize("ties", [False, True])
def test_nemenyi_matches_scikit_posthocs(ties):
    scores = _scores(4, 12, 5, ties=ties) + np.linspace(0, 0.08, 5).round(1 + 9)
    ours = _stats.nemenyi(_stats.average_ranks(scores))
    theirs = scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_critical_difference_has_the_published_value_and_the_pvalue_alpha():
    # q(0.05) = 2.569 for four methods (Demšar 2006, table 5), 14 tasks.
    np.testing.assert_allclose(
        _stats.critical_difference(14, 4), 2.569 * math.sqrt(20 / 84), rtol=1e-3
    )
    length = _stats.critical_difference(10, 3)
    apart = 2 - length / 2, 2.0, 2 + length / 2
    np.testing.assert_allclose(_stats.nemenyi([apart] * 10)[0, 2], 0.05, rtol=1e-6)
    assert _stats.critical_difference(0, 3) == np.inf
    np.testing.assert_array_equal(_stats.nemenyi(np.empty((0, 2))), np.ones((2, 2)))


# Bayesian signed-rank test


@pytest.mark.parametrize("rope", [0.0, 0.01, 0.05])
@pytest.mark.parametrize(("n", "shift"), [(1, 0.02), (8, 0.01), (30, -0.004)])
def test_bayesian_signed_rank_matches_baycomp(n, shift, rope):
    d = np.random.default_rng(n).normal(shift, 0.03, n)
    ours = _stats.bayesian_signed_rank(d, rope=rope, n_samples=20_000)
    theirs = (
        baycomp.SignedRankTest.probs(
            np.zeros(n), d, rope=rope, nsamples=20_000, random_state=1
        )
        if rope == 0
        else baycomp.SignedRankTest(
            np.zeros(n), d, rope=rope, nsamples=20_000, random_state=1
        ).probs()
    )
    if rope == 0:
        theirs = (theirs[0], 0.0, theirs[-1])
    # Four standard errors of the difference of two Monte-Carlo shares.
    np.testing.assert_allclose(ours, theirs[::-1], atol=0.02)
    np.testing.assert_allclose(sum(ours), 1)


def test_bayesian_signed_rank_is_reproducible_and_symmetric():
    d = np.random.default_rng(0).normal(0.01, 0.03, 12)
    a, b = _stats.bayesian_signed_rank(d), _stats.bayesian_signed_rank(-d)
    assert a == _stats.bayesian_signed_rank(d)
    np.testing.assert_allclose(a, b[::-1], atol=1e-12)


def test_bayesian_signed_rank_degenerate_cases():
    zeros = np.zeros(10)
    assert _stats.bayesian_signed_rank(zeros) == (0, 1, 0)
    assert _stats.bayesian_signed_rank(zeros, rope=0) == (0.5, 0, 0.5)
    assert _stats.bayesian_signed_rank(np.full(10, 0.5)).better > 0.999
    assert np.isnan(_stats.bayesian_signed_rank([np.nan])).all()
    # One task: beats the prior of half a task with probability P(w1 (w1 + ...)).
    alone = _stats.bayesian_signed_rank([1.0], rope=0.01)
    assert alone.worse == 0
    assert 0.5 < alone.better < 1


def test_bayesian_single_task_closed_form():
    # Sums are 0 (prior with itself) or above: better = 1 - u², equivalent = u², with
    # u ~ Beta(1/2, 1); P(u² < 1/2) = 2 ** -0.25.
    found = _stats.bayesian_signed_rank([1.0], n_samples=40_000)
    np.testing.assert_allclose(found.better, 2**-0.25, atol=0.01)


# Effect sizes


def test_record_counts_by_the_rope():
    d = [0.81 - 0.80, 0.80 - 0.81, 0.02, -0.02, 0.0, np.nan]
    assert _stats.record(d, rope=0.01) == (1, 3, 1)
    assert _stats.record(d) == (2, 1, 2)
    assert _stats.record([]) == (0, 0, 0)


def test_bootstrap_median_matches_scipy():
    d = np.random.default_rng(3).normal(0.02, 0.05, 25)
    ours = _stats.bootstrap_median(d, random_state=1)
    theirs = stats.bootstrap(
        (d,), np.median, method="percentile", n_resamples=10_000, rng=2
    ).confidence_interval
    assert ours.median == np.median(d)
    np.testing.assert_allclose(ours[1:], theirs, atol=0.003)


def test_bootstrap_median_degenerate_cases():
    assert _stats.bootstrap_median([0.2] * 4) == (0.2, 0.2, 0.2)
    alone = _stats.bootstrap_median([0.2, np.nan])
    assert alone.median == 0.2
    assert np.isnan(alone[1:]).all()
    assert np.isnan(_stats.bootstrap_median([])).all()


# Cliques


def _brute_force_cliques(linked):
    k = len(linked)
    groups = [
        set(group)
        for size in range(2, k + 1)
        for group in itertools.combinations(range(k), size)
        if all(linked[i, j] for i, j in itertools.combinations(group, 2))
    ]
    return sorted(
        sorted(group) for group in groups if not any(group < other for other in groups)
    )


@pytest.mark.parametrize("seed", range(40))
def test_cliques_match_brute_force(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 8))
    pvalues = np.triu(rng.random((k, k)), 1)
    pvalues += pvalues.T + np.eye(k)
    alpha = rng.choice([0.1, 0.5, 0.9])
    found = _stats.maximal_cliques(pvalues, significance_level=alpha)
    assert found == _brute_force_cliques(pvalues >= alpha)


def test_cliques_need_not_be_contiguous_and_unknown_pvalues_do_not_link():
    p = np.array([[1, 0.01, 0.5], [0.01, 1, 0.01], [0.5, 0.01, 1]])
    assert _stats.maximal_cliques(p) == [[0, 2]]
    assert _stats.maximal_cliques(np.full((3, 3), np.nan)) == []
    assert _stats.maximal_cliques(np.ones((20, 20))) == [list(range(20))]
