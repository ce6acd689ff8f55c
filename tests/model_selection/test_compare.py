"""Tests of two methods on one task."""

import baycomp
import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import RepeatedStratifiedKFold, ShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skext.model_selection import (
    compare_estimators,
    corrected_resampled_ttest,
    five_by_two_cv_ftest,
)
from skext.model_selection._statistics import corrected_resampled_t


def _pair(seed, shape, shift=0.02):
    rng = np.random.default_rng(seed)
    b = rng.normal(0.8, 0.03, shape)
    return b + rng.normal(shift, 0.03, shape), b


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_without_shared_rows_it_is_the_paired_t_test(alternative):
    a, b = _pair(0, 12)
    expected = stats.ttest_rel(a, b, alternative=alternative)
    found = corrected_resampled_t(a - b, 0.0, alternative=alternative)
    np.testing.assert_allclose(found[:3], [*expected, 11])
    found = corrected_resampled_ttest(
        a, b, n_train=1e15, n_test=1, alternative=alternative
    )
    np.testing.assert_allclose([found.statistic, found.pvalue], expected)
    np.testing.assert_allclose(
        found.confidence_interval(0.9), stats.ttest_rel(a, b).confidence_interval(0.9)
    )


def test_corrected_t_by_the_formula():
    a, b = _pair(1, (10, 10))
    d = (a - b).ravel()
    t = d.mean() / np.sqrt((1 / 100 + 30 / 270) * d.var(ddof=1))
    found = corrected_resampled_ttest(a, b, n_train=270, n_test=30)
    np.testing.assert_allclose(found.statistic, t)
    np.testing.assert_allclose(found.pvalue, 2 * stats.t.sf(abs(t), 99))
    fractions = corrected_resampled_ttest(a, b, n_train=0.9, n_test=0.1)
    np.testing.assert_allclose(fractions.statistic, t)
    by_split = corrected_resampled_ttest(a, b, n_train=[270] * 100, n_test=[30] * 100)
    np.testing.assert_allclose(by_split.statistic, t)
    assert found.df == 99


@pytest.mark.parametrize("rope", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("runs", [1, 4])
def test_posterior_matches_baycomp(runs, rope):
    a, b = _pair(2, (runs, 5))
    found = corrected_resampled_ttest(a, b, n_train=80, n_test=20)
    theirs = baycomp.CorrelatedTTest(b.ravel(), a.ravel(), rope, runs).probs()
    ours = found.probabilities(rope)
    np.testing.assert_allclose((ours[0], ours[-1]), (theirs[-1], theirs[0]), atol=1e-12)
    np.testing.assert_allclose(sum(ours), 1)


def test_false_alarms_stay_near_the_nominal_level():
    # Equal methods, training sets that share rows: differences with correlation rho.
    rng = np.random.default_rng(0)
    rho, n_trials = 0.1, 2000
    shared = rng.normal(size=(n_trials, 1)) * np.sqrt(rho)
    d = shared + rng.normal(size=(n_trials, 50)) * np.sqrt(1 - rho)
    naive = stats.ttest_1samp(d, 0, axis=1).pvalue
    ours = [corrected_resampled_t(row, 0.1 / 0.9).pvalue for row in d]
    assert (naive < 0.05).mean() > 0.3
    # Three standard errors above 5 %.
    assert (np.array(ours) < 0.05).mean() < 0.065


def test_f_test_by_the_formula_in_both_shapes():
    a, b = _pair(3, (5, 2))
    d = a - b
    variances = ((d - d.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    f = (d**2).sum() / (2 * variances.sum())
    found = five_by_two_cv_ftest(a, b)
    np.testing.assert_allclose(found.statistic, f)
    np.testing.assert_allclose(found.pvalue, stats.f.sf(f, 10, 5))
    assert five_by_two_cv_ftest(a.ravel(), b.ravel()).pvalue == found.pvalue
    swapped = five_by_two_cv_ftest(b[:, ::-1], a[:, ::-1])
    np.testing.assert_allclose(swapped.statistic, f)
    assert swapped.mean_difference == pytest.approx(-found.mean_difference)


def test_identical_and_constant_scores():
    a = np.random.default_rng(4).random(10)
    same = corrected_resampled_ttest(a, a, n_train=9, n_test=1)
    assert (same.statistic, same.pvalue) == (0, 1)
    assert same.confidence_interval() == (0, 0)
    assert same.probabilities(0.01) == (0, 1, 0)
    assert same.probabilities(0) == (0.5, 0, 0.5)
    always = corrected_resampled_ttest(a + 0.1, a, n_train=9, n_test=1)
    assert (always.statistic, always.pvalue) == (np.inf, 0)
    assert always.probabilities(0.01) == (1, 0, 0)
    same = five_by_two_cv_ftest(a, a)
    assert (same.statistic, same.pvalue) == (0, 1)
    always = five_by_two_cv_ftest(a - 0.1, a)
    assert (always.statistic, always.pvalue) == (np.inf, 0)


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([1, 2, 3], [1, 2], {}, "scores_a has shape"),
        ([1, np.nan, 3], [1, 2, 3], {}, "scores_a has 1 missing"),
        ([1, 2, 3], [1, 2, np.inf], {}, "scores_b has 1 missing"),
        ([1], [2], {}, "at least 2"),
        ([1, 2], [2, 3], {"n_train": [1, 2, 3]}, "n_train has 3 values"),
        ([1, 2], [2, 3], {"n_test": [0, 1]}, "n_test=.*positive"),
        ([1, 2], [2, 3], {"n_test": -1}, "n_test"),
        ([1, 2], [2, 3], {"alternative": "both"}, "alternative"),
    ],
)
def test_bad_input_of_the_t_test(a, b, options, message):
    with pytest.raises(ValueError, match=message):
        corrected_resampled_ttest(a, b, **{"n_train": 9, "n_test": 1, **options})


def test_bad_input_of_the_f_test_and_of_results():
    with pytest.raises(ValueError, match=r"shape \(2, 5\)"):
        five_by_two_cv_ftest(np.ones((2, 5)), np.ones((2, 5)))
    a, b = _pair(5, (5, 2))
    with pytest.raises(ValueError, match="no confidence interval"):
        five_by_two_cv_ftest(a, b).confidence_interval()
    found = corrected_resampled_ttest(a, b, n_train=1, n_test=1)
    with pytest.raises(ValueError, match="confidence_level=95"):
        found.confidence_interval(95)
    with pytest.raises(ValueError, match="rope=-1"):
        found.probabilities(-1)


def test_compare_estimators_uses_the_same_splits_for_both():
    X, y = load_breast_cancer(return_X_y=True)
    found = compare_estimators(GaussianNB(), GaussianNB(), X, y, random_state=0)
    assert len(found.differences) == 100
    assert not found.differences.any()
    found = compare_estimators(
        GaussianNB(),
        DummyClassifier(),
        X,
        y,
        test="five_by_two_cv_ftest",
        scoring="roc_auc",
        random_state=0,
    )
    assert found.df == (10, 5)
    assert found.mean_difference > 0.4
    assert found.pvalue < 0.001


def test_compare_estimators_takes_splits_and_parameters():
    X, y = load_diabetes(return_X_y=True)
    cv = ShuffleSplit(4, test_size=0.25, random_state=0)
    found = compare_estimators(
        LinearRegression(),
        DummyRegressor(),
        X,
        y,
        cv=cv,
        params={"sample_weight": np.ones(len(y))},
    )
    splits = list(cv.split(X))
    ratio = len(splits[0][1]) / len(splits[0][0])
    expected = corrected_resampled_t(found.differences, ratio)
    assert found.statistic == expected.statistic
    groups = np.arange(len(y)) % 7
    from sklearn.model_selection import GroupKFold

    grouped = compare_estimators(
        LinearRegression(),
        DummyRegressor(),
        X,
        y,
        cv=GroupKFold(7),
        params={"groups": groups},
    )
    assert len(grouped.differences) == 7


def test_compare_estimators_matches_scores_of_scikit_learn():
    from sklearn.model_selection import cross_val_score

    X, y = load_breast_cancer(return_X_y=True)
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=5)
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    found = compare_estimators(tree, GaussianNB(), X, y, cv=cv)
    a, b = (cross_val_score(model, X, y, cv=cv) for model in (tree, GaussianNB()))
    np.testing.assert_array_equal(found.differences, a - b)


def test_compare_estimators_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="test='anova'"):
        compare_estimators(GaussianNB(), GaussianNB(), [[1]], [1], test="anova")
    with pytest.raises(ValueError, match="cv=5"):
        compare_estimators(
            GaussianNB(),
            GaussianNB(),
            [[1]],
            [1],
            test="five_by_two_cv_ftest",
            cv=5,
        )
