"""Tests of two methods on one task whose cross-validation splits overlap."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy import stats

from skext.model_selection._statistics import (
    check_rope,
    corrected_resampled_t,
    five_by_two_f,
)
from skext.utils._plotting import check_confidence_level
from skext.utils._sklearn import Interval, StrOptions, validate_params


@dataclass(frozen=True)
class PairedTestResult:
    """Outcome of a test of two methods on one task.

    Parameters
    ----------
    statistic : float
        Test statistic; infinite if the splits differ all by the same amount.
    pvalue : float
        Probability of a statistic at least as extreme if the methods were equal.
    df : int or tuple of int
        Degrees of freedom of t or F.
    mean_difference : float
        Mean of ``scores_a - scores_b``.
    standard_error : float or None
        Corrected standard error of the mean difference; None for the F test.
    differences : ndarray of shape (n_splits,)
        ``scores_a - scores_b`` of every split.
    """

    statistic: float
    pvalue: float
    df: int | tuple
    mean_difference: float
    standard_error: float | None
    differences: np.ndarray

    def _posterior(self, what):
        if self.standard_error is None:
            raise ValueError(
                f"The 5x2cv F test has no {what}; use corrected_resampled_ttest."
            )

    def confidence_interval(self, confidence_level=0.95):
        """Confidence interval of the mean difference.

        Parameters
        ----------
        confidence_level : float, default=0.95
            Level, between 0 and 1.

        Returns
        -------
        low, high : float
            Ends of the two-sided interval.
        """
        self._posterior("confidence interval")
        check_confidence_level(confidence_level)
        half = stats.t.ppf((1 + confidence_level) / 2, self.df) * self.standard_error
        return float(self.mean_difference - half), float(self.mean_difference + half)

    def probabilities(self, rope=0.01):
        """Bayesian correlated t-test: which method is better, and is it by enough.

        With a flat prior the posterior of the mean difference is the Student
        distribution of the frequentist test.

        Parameters
        ----------
        rope : float, default=0.01
            Mean differences up to this size count as practically equal.

        Returns
        -------
        a_higher, equivalent, b_higher : float
            Posterior probabilities that ``scores_a`` are higher by more than
            ``rope``, that the difference is within it, and that ``scores_b`` are
            higher. For losses and errors higher means worse.

        References
        ----------
        .. [1] G. Corani, A. Benavoli, "A Bayesian approach for comparing
           cross-validated algorithms on multiple data sets", Machine Learning 100
           (2015).
        """
        self._posterior("posterior probabilities")
        check_rope(rope)
        mean, error = self.mean_difference, self.standard_error
        if error == 0:
            if rope == 0 and mean == 0:
                return 0.5, 0.0, 0.5
            return float(mean > rope), float(abs(mean) <= rope), float(mean < -rope)
        above = float(stats.t.sf((rope - mean) / error, self.df))
        below = float(stats.t.cdf((-rope - mean) / error, self.df))
        return above, max(0.0, 1.0 - above - below), below


def _scores(name, values):
    values = np.asarray(values, dtype=float)
    if not np.isfinite(values).all():
        n_bad = int((~np.isfinite(values)).sum())
        raise ValueError(
            f"{name} has {n_bad} missing or infinite values; leave the failed splits "
            "out of both arrays."
        )
    return values


def _paired(scores_a, scores_b):
    a, b = _scores("scores_a", scores_a), _scores("scores_b", scores_b)
    if a.shape != b.shape:
        raise ValueError(
            f"scores_a has shape {a.shape} but scores_b has {b.shape}; give the scores "
            "of both methods on the same splits in the same order."
        )
    return a - b


def _mean_rows(name, values, n_splits):
    values = np.asarray(values, dtype=float)
    if values.ndim and values.size != n_splits:
        raise ValueError(
            f"{name} has {values.size} values for {n_splits} splits; give one number, "
            "or one per split."
        )
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(f"{name}={values} must be positive; give numbers of rows.")
    return float(values.mean())


@validate_params(
    {
        "scores_a": ["array-like"],
        "scores_b": ["array-like"],
        "n_train": ["array-like", Interval(Real, 0, None, closed="neither")],
        "n_test": ["array-like", Interval(Real, 0, None, closed="neither")],
        "alternative": [StrOptions({"two-sided", "greater", "less"})],
    },
    prefer_skip_nested_validation=True,
)
def corrected_resampled_ttest(
    scores_a, scores_b, *, n_train, n_test, alternative="two-sided"
):
    """Compare two methods by their scores on the same cross-validation splits.

    Training sets of different splits share rows, so their scores are correlated and
    the ordinary paired t test finds differences where there are none. This test
    multiplies the variance of the J differences by ``1 / J + n_test / n_train``
    instead of ``1 / J``. It suits repeated random splits and repeated k-fold
    cross-validation; 10 repeats of 10 folds are a common choice.

    Parameters
    ----------
    scores_a, scores_b : array-like of shape (n_splits,) or (n_repeats, n_folds)
        Scores of the two methods, split by split.
    n_train, n_test : int or array-like of shape (n_splits,)
        Number of rows in the training and in the test sets. The fractions
        ``n_train=0.9, n_test=0.1`` do as well.
    alternative : {"two-sided", "greater", "less"}, default="two-sided"
        What is tested: that the means differ, that ``scores_a`` are greater, or that
        they are less.

    Returns
    -------
    result : PairedTestResult
        Statistic, p-value and mean difference, with the methods
        ``confidence_interval`` and ``probabilities``.

    Raises
    ------
    ValueError
        If the shapes differ, there are fewer than two splits, or scores are missing.

    See Also
    --------
    five_by_two_cv_ftest : Test with few fits, for slow estimators.
    compare_estimators : Splits, fits, scores and tests in one call.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine
       Learning 52 (2003).
    .. [2] R. R. Bouckaert, E. Frank, "Evaluating the replicability of significance
       tests for comparing learning algorithms", PAKDD 2004.

    Examples
    --------
    >>> from skext.model_selection import corrected_resampled_ttest
    >>> result = corrected_resampled_ttest(
    ...     [0.91, 0.94, 0.90, 0.93, 0.92],
    ...     [0.88, 0.90, 0.89, 0.91, 0.89],
    ...     n_train=120,
    ...     n_test=30,
    ... )
    >>> round(result.pvalue, 3)
    0.027
    >>> [round(end, 3) for end in result.confidence_interval()]
    [0.005, 0.047]
    """
    differences = _paired(scores_a, scores_b).ravel()
    if len(differences) < 2:
        raise ValueError(f"scores_a has {len(differences)} splits; give at least 2.")
    train = _mean_rows("n_train", n_train, len(differences))
    test = _mean_rows("n_test", n_test, len(differences))
    found = corrected_resampled_t(differences, test / train, alternative=alternative)
    return PairedTestResult(
        found.statistic,
        found.pvalue,
        found.df,
        found.mean,
        found.standard_error,
        differences,
    )


@validate_params(
    {"scores_a": ["array-like"], "scores_b": ["array-like"]},
    prefer_skip_nested_validation=True,
)
def five_by_two_cv_ftest(scores_a, scores_b):
    """Compare two methods by five repeats of two-fold cross-validation.

    The sum of the ten squared differences, divided by twice the sum of the five
    variances, is compared with the F distribution with 10 and 5 degrees of freedom.
    The two training sets of a repeat are disjoint, and the answer does not depend on
    the order of the folds.

    Parameters
    ----------
    scores_a, scores_b : array-like of shape (5, 2) or (10,)
        Scores of the two methods by repeat and fold: the order that
        ``RepeatedStratifiedKFold(n_splits=2, n_repeats=5)`` gives.

    Returns
    -------
    result : PairedTestResult
        Statistic, p-value and mean difference.

    Raises
    ------
    ValueError
        If there are not ten scores of each, or scores are missing.

    See Also
    --------
    corrected_resampled_ttest : For any number of splits; more powerful with many.
    compare_estimators : Splits, fits, scores and tests in one call.

    References
    ----------
    .. [1] E. Alpaydin, "Combined 5 x 2 cv F test for comparing supervised
       classification learning algorithms", Neural Computation 11 (1999).

    Examples
    --------
    >>> from skext.model_selection import five_by_two_cv_ftest
    >>> result = five_by_two_cv_ftest(
    ...     [[0.90, 0.92], [0.91, 0.93], [0.89, 0.92], [0.90, 0.91], [0.92, 0.90]],
    ...     [[0.86, 0.87], [0.88, 0.88], [0.85, 0.88], [0.87, 0.86], [0.87, 0.86]],
    ... )
    >>> round(result.pvalue, 4)
    0.0025
    """
    differences = _paired(scores_a, scores_b)
    if differences.shape not in ((5, 2), (10,)):
        raise ValueError(
            f"scores_a has shape {differences.shape}; give 5 repeats of 2 folds as "
            "an array of shape (5, 2) or (10,)."
        )
    differences = differences.ravel()
    found = five_by_two_f(differences)
    return PairedTestResult(
        found.statistic,
        found.pvalue,
        (10, 5),
        float(differences.mean()),
        None,
        differences,
    )


def compare_estimators(
    estimator_a,
    estimator_b,
    X,
    y=None,
    *,
    test="corrected_resampled_ttest",
    scoring=None,
    cv=None,
    random_state=None,
    n_jobs=None,
    params=None,
):
    """Fit two estimators on the same splits and test whether they differ.

    Parameters
    ----------
    estimator_a, estimator_b : estimator object
        Estimators to compare; they are cloned.
    X : array-like of shape (n_samples, n_features)
        Data.
    y : array-like of shape (n_samples,), default=None
        Target.
    test : {"corrected_resampled_ttest", "five_by_two_cv_ftest"}, \
default="corrected_resampled_ttest"
        The t test fits each estimator 100 times by default, the F test 10 times.
    scoring : str or callable, default=None
        One metric, as in :func:`sklearn.model_selection.cross_val_score`. None is
        the ``score`` method.
    cv : cross-validation generator or iterable, default=None
        Splits for the t test. None is ten repeats of ten folds, stratified for
        classifiers. The F test makes its own splits.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits where ``cv`` is None.
    n_jobs : int, default=None
        Number of jobs that fit in parallel.
    params : dict, default=None
        Parameters for ``fit``, for the scorer and for the splitter, such as
        ``{"groups": groups}``, by scikit-learn's metadata routing.

    Returns
    -------
    result : PairedTestResult
        ``mean_difference`` is positive where ``estimator_a`` scores higher.

    Raises
    ------
    ValueError
        If ``test`` is unknown, or ``cv`` is given with the F test.

    See Also
    --------
    corrected_resampled_ttest : The test of given scores.
    five_by_two_cv_ftest : The test of given scores of five times two folds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skext.model_selection import compare_estimators
    >>> X, y = load_iris(return_X_y=True)
    >>> result = compare_estimators(
    ...     GaussianNB(), DummyClassifier(), X, y, random_state=0
    ... )
    >>> result.mean_difference > 0.5, result.pvalue < 0.001
    (True, True)
    """
    from sklearn.model_selection import cross_val_score

    if test not in ("corrected_resampled_ttest", "five_by_two_cv_ftest"):
        raise ValueError(
            f"test={test!r} is no test of two methods; give "
            "'corrected_resampled_ttest' or 'five_by_two_cv_ftest'."
        )
    f_test = test == "five_by_two_cv_ftest"
    if f_test and cv is not None:
        raise ValueError(
            f"cv={cv!r} cannot be used with test='five_by_two_cv_ftest', which makes "
            "five times two folds; leave cv out."
        )
    splits = _make_splits(estimator_a, X, y, f_test, cv, random_state, params)
    routed = {k: v for k, v in (params or {}).items() if k != "groups"}
    scores = [
        cross_val_score(
            estimator,
            X,
            y,
            cv=splits,
            scoring=scoring,
            n_jobs=n_jobs,
            params=routed or None,
            error_score="raise",
        )
        for estimator in (estimator_a, estimator_b)
    ]
    if f_test:
        return five_by_two_cv_ftest(*scores)
    return corrected_resampled_ttest(
        *scores,
        n_train=[len(train) for train, _ in splits],
        n_test=[len(test) for _, test in splits],
    )


def _make_splits(estimator, X, y, f_test, cv, random_state, params):
    """Draw the splits once, so that both estimators see the same."""
    from sklearn.base import is_classifier
    from sklearn.model_selection import (
        RepeatedKFold,
        RepeatedStratifiedKFold,
        check_cv,
    )

    if cv is None:
        kind = RepeatedStratifiedKFold if is_classifier(estimator) else RepeatedKFold
        n_splits, n_repeats = (2, 5) if f_test else (10, 10)
        cv = kind(n_splits=n_splits, n_repeats=n_repeats, random_state=random_state)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    return list(cv.split(X, y, groups=(params or {}).get("groups")))
