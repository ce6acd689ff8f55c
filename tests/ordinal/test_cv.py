"""Cross-validation: scores, folds, choice, routing."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer, log_loss, make_scorer
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_validate

from skext import metrics
from skext.metrics import make_ordinal_scorer
from skext.ordinal import (
    PRESTO,
    PRESTOCV,
    CoefficientPathDisplay,
    ProportionalOdds,
    ProportionalOddsCV,
)
from skext.ordinal._cv import LOSSES, choose

FOLDS = StratifiedKFold(4, shuffle=True, random_state=0)
SMALL = {"n_alphas": 4, "eps": 0.1, "cv": FOLDS}


def brier(y, proba):
    return ((np.eye(proba.shape[1])[y] - proba) ** 2).sum(axis=1)


def outside(model, alphas, X, y, score, weight=None, folds=FOLDS):
    """Scores of a loop that knows only fit and predict_proba."""
    scores = np.empty((len(alphas), folds.get_n_splits()))
    for f, (train, test) in enumerate(folds.split(X, y)):
        for m, alpha in enumerate(alphas):
            model.set_params(alpha=alpha)
            part = None if weight is None else weight[train]
            model.fit(X[train], y[train], sample_weight=part)
            part = None if weight is None else weight[test]
            scores[m, f] = score(y[test], model.predict_proba(X[test]), part)
    return scores


METRICS = {
    "brier": lambda y, p, w: np.average(brier(y, p), weights=w),
    "log_loss": lambda y, p, w: log_loss(y, p, sample_weight=w),
    "ranked_probability_score": lambda y, p, w: metrics.ranked_probability_score(
        y, p, sample_weight=w
    ),
    "rare_class_log_loss": lambda y, p, w: metrics.rare_class_log_loss(
        y, p, sample_weight=w
    ),
    "rare_class_brier": lambda y, p, w: metrics.rare_class_brier(y, p, sample_weight=w),
}


@pytest.mark.parametrize("scoring", sorted(LOSSES))
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_equal_a_loop_outside(ordinal_data, scoring, weighted):
    X, y = ordinal_data
    weight = np.random.RandomState(0).uniform(0.2, 2, y.size) if weighted else None
    # One of the two has rows that cross and are repaired.
    options = {"tol": 1e-9, "non_crossing": "train" if weighted else None}
    model = PRESTOCV(
        scoring=scoring, n_alphas=4, eps=0.1 if weighted else 1e-2, cv=FOLDS, **options
    )
    model.fit(X, y, sample_weight=weight)
    expected = outside(PRESTO(**options), model.alphas_, X, y, METRICS[scoring], weight)
    assert model.scores_.shape == (4, 4)
    assert_allclose(model.scores_, -expected, atol=1e-6)


def test_scores_of_proportional_odds(ordinal_data):
    X, y = ordinal_data
    model = ProportionalOddsCV(tol=1e-9, l1_ratio=0.5, **SMALL).fit(X, y)
    single = ProportionalOdds(l1_ratio=0.5, tol=1e-9)
    expected = outside(single, model.alphas_, X, y, METRICS["brier"])
    assert_allclose(model.scores_, -expected, atol=1e-6)
    assert model.coef_path_.shape == (4, 5)
    assert_array_equal(model.coef_path_[model.alphas_ == model.alpha_][0], model.coef_)
    single.set_params(alpha=model.alpha_).fit(X, y)
    assert_allclose(model.coef_, single.coef_, atol=1e-6)


@pytest.mark.parametrize("anchor", ["first", "last"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_the_chosen_model(ordinal_data, anchor, kind):
    X, y = ordinal_data
    model = PRESTOCV(anchor=anchor, tol=1e-8, **SMALL).fit(kind(X), y)
    best = model.scores_.mean(axis=1).argmax()
    assert model.alpha_ == model.alphas_[best]
    assert_array_equal(model.coef_path_[best], model.coef_)
    assert_array_equal(model.threshold_path_[best], model.thresholds_)
    assert (np.diff(model.alphas_) < 0).all()
    single = PRESTO(model.alpha_, anchor=anchor, tol=1e-8).fit(kind(X), y)
    assert_allclose(model.coef_, single.coef_, atol=1e-5)
    assert_allclose(model.difference_coef_, single.difference_coef_, atol=1e-5)


def test_choice():
    scores = np.array([[1.0, 1.2], [1.5, 1.7], [1.3, 2.1], [1.0, 1.0]])
    # The largest strength of equal ones; 1.7 - 0.4 reaches up to the second.
    assert choose(scores, "min") == 2
    assert choose(scores, "1se") == 1
    assert choose(scores[[0, 0]], "min") == 0
    assert choose(scores[:, :1], "1se") == choose(scores[:, :1], "min") == 1
    holes = scores.copy()
    holes[2, 0] = np.nan
    assert choose(holes, "min") == 1
    with pytest.raises(ValueError, match="NaN for every"):
        choose(np.full((2, 2), np.nan), "min")


def test_one_standard_error_is_not_weaker(ordinal_data):
    X, y = ordinal_data
    least = PRESTOCV(n_alphas=10, eps=0.1, cv=FOLDS).fit(X, y)
    safe = PRESTOCV(n_alphas=10, eps=0.1, cv=FOLDS, selection="1se").fit(X, y)
    assert safe.alpha_ >= least.alpha_
    assert_array_equal(safe.scores_, least.scores_)


def test_given_alphas_are_sorted(ordinal_data):
    X, y = ordinal_data
    model = PRESTOCV(alphas=[0.02, 0.1, 0.05], cv=3, random_state=0).fit(X, y)
    assert model.alphas_.tolist() == [0.1, 0.05, 0.02]
    for alphas, message in [([0.1, -1], "negative"), ([], "list"), ([np.nan], "list")]:
        with pytest.raises(ValueError, match=message):
            PRESTOCV(alphas=alphas).fit(X, y)


@pytest.mark.parametrize(
    "scoring",
    [
        "neg_log_loss",
        "accuracy",
        make_ordinal_scorer("rare_class_log_loss"),
        make_scorer(log_loss, response_method="predict_proba", greater_is_better=False),
        lambda estimator, X, y: estimator.score(X, y),
    ],
)
def test_scorers(ordinal_data, scoring):
    X, y = ordinal_data
    words = np.array(["low", "mid", "high", "top"])
    model = PRESTOCV(scoring=scoring, tol=1e-8, class_order=words, **SMALL)
    model.fit(pd.DataFrame(X, columns=list("abcde")), words[y])
    alpha = model.alphas_[2]
    single = PRESTO(alpha, class_order=words, tol=1e-8)
    expected = cross_validate(
        single, X, words[y], scoring=get_scorer(scoring), cv=FOLDS, error_score="raise"
    )
    assert_allclose(model.scores_[2], expected["test_score"], atol=1e-6)


def test_weights_reach_scorers(ordinal_data):
    X, y = ordinal_data
    weight = np.random.RandomState(0).uniform(0.2, 2, y.size)
    ours = PRESTOCV(scoring="log_loss", **SMALL).fit(X, y, sample_weight=weight)
    theirs = PRESTOCV(scoring="neg_log_loss", **SMALL).fit(X, y, sample_weight=weight)
    assert_allclose(ours.scores_, theirs.scores_, rtol=1e-10)


def test_rows_of_weight_zero_are_not_there(ordinal_data):
    X, y = ordinal_data
    weight = np.random.RandomState(0).randint(0, 2, y.size)
    kept = weight > 0
    options = {"n_alphas": 4, "eps": 0.1, "cv": 3, "random_state": 0}
    found = PRESTOCV(**options).fit(X, y, sample_weight=weight)
    expected = PRESTOCV(**options).fit(X[kept], y[kept])
    assert_allclose(found.scores_, expected.scores_, rtol=1e-8)
    assert_allclose(found.coef_, expected.coef_, atol=1e-8)
    pairs = [(np.flatnonzero(kept), np.flatnonzero(~kept))]
    with pytest.raises(ValueError, match="test rows all have weight 0"):
        PRESTOCV(n_alphas=3, eps=0.1, cv=pairs).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_number_of_jobs_and_backends(ordinal_data, backend):
    X, y = ordinal_data
    expected = PRESTOCV(**SMALL).fit(X, y)
    with parallel_config(backend=backend):
        found = PRESTOCV(n_jobs=2, **SMALL).fit(X, y)
    assert_array_equal(found.scores_, expected.scores_)
    assert_array_equal(found.coef_, expected.coef_)
    # Pairs of indices from a generator, too.
    pairs = FOLDS.split(X, y)
    with parallel_config(backend=backend):
        found = PRESTOCV(n_alphas=4, eps=0.1, cv=pairs, n_jobs=2).fit(X, y)
    assert_array_equal(found.scores_, expected.scores_)


def test_seeds(ordinal_data):
    X, y = ordinal_data
    options = {"n_alphas": 3, "eps": 0.1, "cv": 3}
    first = PRESTOCV(random_state=0, **options).fit(X, y)
    same = PRESTOCV(random_state=0, **options).fit(X, y)
    other = PRESTOCV(random_state=1, **options).fit(X, y)
    assert_array_equal(first.scores_, same.scores_)
    assert (first.scores_ != other.scores_).any()
    rng = np.random.default_rng(0)
    assert np.isfinite(PRESTOCV(random_state=rng, **options).fit(X, y).scores_).all()


def test_folds_are_stratified(ordinal_data):
    """Each fold scores the rare class."""
    X, y = ordinal_data
    rare = np.flatnonzero(y == 3)[:5]
    kept = np.concatenate([np.flatnonzero(y < 3), rare])
    model = PRESTOCV(scoring="rare_class_brier", n_alphas=3, eps=0.1, random_state=0)
    model.fit(X[kept], y[kept])
    assert (model.scores_ < -1e-4).all()


def test_tiny_classes(ordinal_data):
    X, y = ordinal_data
    y = y.copy()
    y[y == 3] = 2
    y[7] = 3
    options = {"n_alphas": 3, "eps": 0.1, "cv": 3, "random_state": 0}
    with pytest.warns(UserWarning, match=r"classes \[3\] have fewer rows") as seen:
        model = PRESTOCV(scoring="log_loss", **options).fit(X, y)
    assert seen[0].filename == __file__
    # The fold without it in training has the floor of the log loss.
    assert np.isfinite(model.scores_).all()
    assert model.predict_proba(X)[:, 3].max() > 0
    with pytest.raises(ValueError, match="cv=3 must not be larger"):
        PRESTOCV(**options).fit(X[:4], [0, 0, 1, 1])


def test_fold_with_one_class(ordinal_data):
    X, y = ordinal_data
    pairs = [(np.flatnonzero(y == 0), np.flatnonzero(y > 0))]
    with pytest.raises(ValueError, match=r"1 class: \[0\]"):
        PRESTOCV(n_alphas=3, eps=0.1, cv=pairs).fit(X, y)


def test_crossing_rows_that_are_errors_are_not_chosen(crossing_data):
    X, y = crossing_data
    alphas = [0.2, 0.05, 1e-4]
    options = {"alphas": alphas, "cv": 3, "random_state": 0, "non_crossing": None}
    model = PRESTOCV(crossing="raise", **options).fit(X, y)
    assert np.isnan(model.scores_[2]).any()
    assert model.alpha_ > 1e-4
    assert np.isfinite(model.scores_[0]).all()


def test_balanced_weights_are_those_of_the_fold(ordinal_data):
    X, y = ordinal_data
    model = PRESTOCV(class_weight="balanced", tol=1e-9, **SMALL).fit(X, y)
    single = PRESTO(class_weight="balanced", tol=1e-9)
    expected = outside(single, model.alphas_, X, y, METRICS["brier"])
    assert_allclose(model.scores_, -expected, atol=1e-6)


def test_groups_need_routing(ordinal_data):
    X, y = ordinal_data
    groups = np.arange(y.size) // 20
    model = PRESTOCV(n_alphas=3, eps=0.1, cv=GroupKFold(3))
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        model.fit(X, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        model.fit(X, y, groups=groups)
        pairs = list(GroupKFold(3).split(X, y, groups))
        expected = PRESTOCV(n_alphas=3, eps=0.1, cv=pairs).fit(X, y)
        assert_array_equal(model.scores_, expected.scores_)
        # Through a search, with weights.
        weight = np.random.RandomState(0).uniform(0.5, 2, y.size)
        routed = model.set_fit_request(sample_weight=True)
        routed.set_score_request(sample_weight=False)
        found = cross_validate(
            routed,
            X,
            y,
            cv=GroupKFold(2),
            params={"groups": groups, "sample_weight": weight},
            error_score="raise",
            return_estimator=True,
        )
        train, _ = next(GroupKFold(2).split(X, y, groups))
        expected = PRESTOCV(n_alphas=3, eps=0.1, cv=GroupKFold(3)).fit(
            X[train], y[train], sample_weight=weight[train], groups=groups[train]
        )
        assert_array_equal(found["estimator"][0].scores_, expected.scores_)


def test_routing_to_scorers(ordinal_data):
    X, y = ordinal_data
    weight = np.random.RandomState(0).uniform(0.5, 2, y.size)
    with sklearn.config_context(enable_metadata_routing=True):
        results = []
        for wanted in (True, False):
            scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=wanted)
            model = PRESTOCV(scoring=scorer, **SMALL).set_fit_request(
                sample_weight=True
            )
            results.append(model.fit(X, y, sample_weight=weight).scores_)
        assert (results[0] != results[1]).all()
    expected = PRESTOCV(scoring="log_loss", **SMALL).fit(X, y, sample_weight=weight)
    assert_allclose(results[0], expected.scores_, rtol=1e-10)


def test_one_warning_for_all_folds(ordinal_data):
    X, y = ordinal_data
    with pytest.warns(ConvergenceWarning) as seen:
        PRESTOCV(max_iter=1, tol=1e-9, **SMALL).fit(X, y)
    texts = [str(one.message) for one in seen]
    assert len(texts) == 2
    assert "of 4 alphas" in texts[0]
    assert "in the folds for" in texts[1]
    assert {one.filename for one in seen} == {__file__}


def test_display_of_the_path(ordinal_data, pyplot):
    X, y = ordinal_data
    for model in (PRESTOCV(**SMALL), ProportionalOddsCV(**SMALL)):
        display = CoefficientPathDisplay.from_estimator(model.fit(X, y))
        assert display.alpha == model.alpha_


@pytest.fixture
def rare_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X[:, 0] + rng.logistic(size=200) > 1).astype(int)
    y[:2] = 2
    return X, y


@pytest.mark.parametrize(
    "scoring",
    [
        "neg_log_loss",
        "d2_log_loss_score",
        "neg_brier_score",
        make_scorer(log_loss, response_method="predict_proba", greater_is_better=False),
    ],
    ids=str,
)
@pytest.mark.parametrize("cls", [PRESTOCV, ProportionalOddsCV])
def test_folds_without_a_class(rare_data, cls, scoring):
    """A scorer is told the classes, so that it can score folds that lack one."""
    X, y = rare_data
    model = cls(scoring=scoring, n_alphas=3, cv=3, random_state=0)
    with pytest.warns(UserWarning, match=r"classes \[2\] have fewer rows"):
        model.fit(X, y)
    assert np.isfinite(model.scores_).all()
    if "log_loss" not in str(scoring) or "d2" in str(scoring):
        return
    own = cls(scoring="log_loss", n_alphas=3, cv=3, random_state=0)
    with pytest.warns(UserWarning, match="fewer rows"):
        assert_allclose(own.fit(X, y).scores_, model.scores_, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:Only one class:UserWarning")
@pytest.mark.filterwarnings("ignore:The classes:UserWarning")
def test_folds_that_cannot_be_scored_are_left_out(rare_data):
    X, y = rare_data
    model = PRESTOCV(scoring="roc_auc_ovr", n_alphas=3, cv=3, random_state=0)
    with pytest.warns(UserWarning, match="NaN for every strength in 1 of 3 folds"):
        model.fit(X, y)
    best = np.nanmean(model.scores_, axis=1).argmax()
    assert model.alpha_ == model.alphas_[best]


@pytest.mark.parametrize("scoring", sorted(LOSSES))
def test_own_scoring_is_not_routed(ordinal_data, scoring):
    X, y = ordinal_data
    expected = ProportionalOddsCV(scoring=scoring, **SMALL).fit(X, y)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = ProportionalOddsCV(scoring=scoring, **SMALL).fit(X, y)
    assert_array_equal(routed.scores_, expected.scores_)


@pytest.mark.parametrize("scoring", ["roc_auc", "r2"])
def test_a_scorer_for_something_else_is_named(scoring):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.repeat(["a", "b", "c"], 20)
    with pytest.raises(ValueError, match=f"scoring='{scoring}' cannot score"):
        PRESTOCV(
            scoring=scoring,
            n_alphas=2,
            cv=2,
            random_state=0,
            class_order=["a", "b", "c"],
        ).fit(X, y)


def test_no_folds():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.repeat([0, 1, 2], 20)
    with pytest.raises(ValueError, match=r"cv=\[\] makes no folds"):
        PRESTOCV(cv=[], n_alphas=2, random_state=0).fit(X, y)
