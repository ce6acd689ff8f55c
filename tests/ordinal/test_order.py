"""Where the order of the classes comes from, and in which order results are."""

import numpy as np
import pandas as pd
import polars
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from skext.metrics import make_ordinal_scorer
from skext.ordinal import PRESTO, PRESTOCV, ProportionalOdds
from skext.ordinal._order import declared_order, spread_thresholds

WORDS = np.array(["low", "mid", "high", "top"])
KIND = pd.CategoricalDtype(WORDS.tolist(), ordered=True)


def as_categorical(codes):
    return pd.Series(WORDS[codes]).astype(KIND)


def test_categorical_equals_codes(ordinal_data):
    X, codes = ordinal_data
    expected = PRESTO(0.01).fit(X, codes)
    y = as_categorical(codes)
    for target in (y, y.array):
        model = PRESTO(0.01).fit(X, target)
        assert model.ordered_classes_.tolist() == WORDS.tolist()
        assert model.classes_.tolist() == sorted(WORDS)
        assert_array_equal(model.coef_, expected.coef_)
        assert_array_equal(model.thresholds_, expected.thresholds_)
    ranks = np.argsort(WORDS)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X)[:, ranks])
    assert_array_equal(model.predict(X), WORDS[expected.predict(X)])
    assert_array_equal(model.predict_median(X), WORDS[expected.predict_median(X)])
    assert_array_equal(
        model.predict_cumulative_proba(X), expected.predict_cumulative_proba(X)
    )
    assert_array_equal(model.predict_expected(X), expected.predict_expected(X))
    assert model.score(X, y) == expected.score(X, codes)


def test_column_of_a_frame(ordinal_data):
    X, codes = ordinal_data
    y = as_categorical(codes).to_frame()
    with pytest.warns(DataConversionWarning):
        model = ProportionalOdds().fit(X, y)
    assert model.ordered_classes_.tolist() == WORDS.tolist()


def test_list_of_classes_equals_codes(ordinal_data):
    X, codes = ordinal_data
    model = PRESTO(0.01, classes=WORDS.tolist()).fit(X, WORDS[codes])
    assert_array_equal(model.coef_, PRESTO(0.01).fit(X, codes).coef_)
    # The list wins over the type.
    y = as_categorical(codes)
    turned = PRESTO(0.01, classes=WORDS[::-1].tolist(), anchor="last").fit(X, y)
    assert turned.ordered_classes_.tolist() == WORDS[::-1].tolist()
    assert_allclose(turned.predict_proba(X), model.predict_proba(X), atol=1e-4)


def test_searches_and_scorers_with_categories_equal_codes(ordinal_data):
    X, codes = ordinal_data
    y = as_categorical(codes)
    grid = {"alpha": [0.005, 0.02, 0.08]}
    for scoring in (
        "neg_log_loss",
        "accuracy",
        make_ordinal_scorer("ranked_probability_score"),
    ):
        found = GridSearchCV(PRESTO(), grid, scoring=scoring, cv=3).fit(X, y)
        expected = GridSearchCV(PRESTO(), grid, scoring=scoring, cv=3).fit(X, codes)
        assert found.best_params_ == expected.best_params_
        for key in ("split0_test_score", "mean_test_score"):
            assert_allclose(found.cv_results_[key], expected.cv_results_[key], 1e-12)
        scores = cross_val_score(PRESTO(), X, y, scoring=scoring, cv=3)
        again = cross_val_score(PRESTO(), X, codes, scoring=scoring, cv=3)
        assert_allclose(scores, again, 1e-12)


def test_scikit_learn_pairs_columns_with_sorted_labels(ordinal_data):
    X, codes = ordinal_data
    y = as_categorical(codes)
    model = ProportionalOdds().fit(X, y)
    loss = log_loss(WORDS[codes], model.predict_proba(X), labels=model.classes_)
    assert loss == pytest.approx(model.objective_, rel=1e-10)
    calibrated = CalibratedClassifierCV(
        ProportionalOdds(classes=WORDS.tolist()), cv=3
    ).fit(X, WORDS[codes])
    found = log_loss(WORDS[codes], calibrated.predict_proba(X))
    assert found < 1.05 * loss


def test_sorted_strings_warn(ordinal_data):
    X, codes = ordinal_data
    with pytest.warns(UserWarning, match="'high' < 'low' < 'mid' < 'top'") as caught:
        model = ProportionalOdds().fit(X, WORDS[codes])
    assert caught[0].filename == __file__
    assert model.ordered_classes_.tolist() == sorted(WORDS)
    # Two classes have one order up to the sign.
    ProportionalOdds().fit(X, WORDS[np.minimum(codes, 1)])
    # Categories without an order say nothing.
    with pytest.warns(UserWarning, match="sorted order"):
        ProportionalOdds().fit(X, pd.Categorical(WORDS[codes]))


@pytest.mark.parametrize(
    "labels", [[0, 1, 2, 3], [-1.0, 0.0, 2.0, 7.0], [3, 10, 20, 100]]
)
def test_numbers_are_sorted(ordinal_data, labels):
    X, codes = ordinal_data
    model = ProportionalOdds().fit(X, np.array(labels)[codes])
    assert model.ordered_classes_.tolist() == labels
    assert model.classes_.tolist() == labels


def test_booleans(ordinal_data):
    X, codes = ordinal_data
    model = ProportionalOdds().fit(X, codes > 0)
    assert model.classes_.tolist() == [False, True]
    assert model.predict(X).dtype == bool
    assert model.score(X, codes > 0) > 0.6


def test_polars_enum():
    y = polars.Series(["b", "a", "c"], dtype=polars.Enum(["c", "b", "a"]))
    assert declared_order(y).tolist() == ["c", "b", "a"]
    assert declared_order(y.to_frame()).tolist() == ["c", "b", "a"]
    assert declared_order(polars.Series(["a"])) is None
    model = ProportionalOdds().fit([[0.0], [1.0], [0.5], [0.2]], y.append(y[:1]))
    assert model.ordered_classes_.tolist() == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["low", "mid", "high"], r"y must only have labels from classes.*\['top'\]"),
        (["low", "mid", "high", "top", "low"], "distinct"),
        (["low", "mid", 3, "top"], "one kind|labels from classes"),
    ],
)
def test_wrong_classes(ordinal_data, classes, message):
    X, codes = ordinal_data
    with pytest.raises(ValueError, match=message):
        PRESTO(classes=classes).fit(X, WORDS[codes])


def test_missing_category(ordinal_data):
    X, codes = ordinal_data
    y = as_categorical(codes)
    y[3] = None
    with pytest.raises(ValueError, match="NaN"):
        PRESTO().fit(X, y)


@pytest.mark.parametrize("absent", [[0], [2], [4], [0, 1], [3, 4], [0, 2, 4]])
@pytest.mark.parametrize("model", [PRESTO(0.02), ProportionalOdds(0.01)])
def test_absent_classes_have_probability_zero(wine, model, absent):
    X, y = wine
    kept = ~np.isin(y, absent)
    model.set_params(classes=np.arange(5))
    model.fit(X[kept], y[kept])
    assert model.classes_.tolist() == [0, 1, 2, 3, 4]
    assert model.thresholds_.shape == (4,)
    proba = model.predict_proba(X)
    assert (proba[:, absent] == 0).all()
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    # The others are as if the class did not exist.
    present = np.setdiff1d(np.arange(5), absent)
    alone = type(model)(model.alpha).fit(X[kept], y[kept])
    assert_array_equal(proba[:, present], alone.predict_proba(X))
    cumulative = model.predict_cumulative_proba(X)
    assert_allclose(np.cumsum(proba, axis=1)[:, :-1], cumulative, atol=1e-12)
    assert not np.isnan(model.linear_predictor(X)).any()
    assert (np.diff(model.linear_predictor(X)[:, np.isfinite(model.thresholds_)]) >= 0
    ).all()  # fmt: skip
    with np.errstate(divide="raise"):
        assert np.isneginf(model.predict_log_proba(X)[:, absent]).all()
    assert np.isin(model.predict_median(X), present).all()
    assert np.isin(model.predict(X), present).all()


def test_unused_category_is_an_absent_class(ordinal_data):
    X, codes = ordinal_data
    kind = pd.CategoricalDtype(["lowest", *WORDS], ordered=True)
    y = pd.Series(WORDS[codes]).astype(kind)
    model = PRESTO().fit(X, y)
    assert model.classes_.size == 5
    assert np.isneginf(model.thresholds_[0])
    assert (model.predict_proba(X)[:, model.classes_ == "lowest"] == 0).all()
    # In a fold, too.
    folds = StratifiedKFold(3)
    scores = PRESTOCV(cv=folds, n_alphas=4, eps=0.1).fit(X, y).scores_
    assert_allclose(
        scores, PRESTOCV(cv=folds, n_alphas=4, eps=0.1).fit(X, codes).scores_
    )


def test_spread_thresholds():
    assert spread_thresholds(np.array([0, 1, 2]), 3).tolist() == [0, 1]
    assert spread_thresholds(np.array([1, 3]), 5).tolist() == [-1, 0, 0, 1]
