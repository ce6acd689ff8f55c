"""Where the order of the classes comes from, and in which order results are."""

import warnings

import numpy as np
import pandas as pd
import polars
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)

from skext.metrics import make_ordinal_scorer
from skext.ordinal import PRESTO, PRESTOCV, ProportionalOdds
from skext.ordinal._base import spread_thresholds
from skext.utils._class_order import declared_order

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
    model = PRESTO(0.01, class_order=WORDS.tolist()).fit(X, WORDS[codes])
    assert_array_equal(model.coef_, PRESTO(0.01).fit(X, codes).coef_)
    # The list wins over the type.
    y = as_categorical(codes)
    turned = PRESTO(0.01, class_order=WORDS[::-1].tolist(), anchor="last").fit(X, y)
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
        ProportionalOdds(class_order=WORDS.tolist()), cv=3
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
        (["low", "mid", "high"], r"class_order=.* must have all .*\['top'\]"),
        (["low", "mid", "high", "top", "low"], "distinct"),
        (["low", "mid", 3, "top"], "one kind|must have all labels of y"),
    ],
)
def test_wrong_classes(ordinal_data, classes, message):
    X, codes = ordinal_data
    with pytest.raises(ValueError, match=message):
        PRESTO(class_order=classes).fit(X, WORDS[codes])


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
    model.set_params(class_order=np.arange(5))
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


def meta_estimators(model):
    return {
        "stacking": StackingClassifier([("model", model)], LogisticRegression()),
        "voting": VotingClassifier([("model", model)], voting="soft"),
        "bagging": BaggingClassifier(model, 3, random_state=0),
        "calibrated": CalibratedClassifierCV(model, ensemble=False, cv=3),
        "calibrated ensemble": CalibratedClassifierCV(model, cv=3),
    }


@pytest.mark.parametrize("name", meta_estimators(None))
@pytest.mark.parametrize("cls", [ProportionalOdds, PRESTO])
def test_meta_estimators_with_names(ordinal_data, cls, name):
    """They encode labels; the result is that of codes."""
    X, codes = ordinal_data
    expected = meta_estimators(cls())[name].fit(X, codes)
    model = meta_estimators(cls(class_order=WORDS.tolist()))[name]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y has integers and class_order has none")
        model.fit(X, WORDS[codes])
    proba = expected.predict_proba(X)[:, np.argsort(WORDS)]
    # The final regression of a stack knows the columns in another order.
    assert_allclose(model.predict_proba(X), proba, atol=1e-3)
    assert np.mean(model.predict(X) == WORDS[expected.predict(X)]) > 0.99


def test_cross_val_predict_with_names(ordinal_data):
    X, codes = ordinal_data
    expected = cross_val_predict(PRESTO(), X, codes, method="predict_proba")
    with pytest.warns(
        UserWarning, match=r"0 is 'high'.*class_order=\[1, 2, 0, 3\] says"
    ):
        found = cross_val_predict(
            PRESTO(class_order=WORDS.tolist()), X, WORDS[codes], method="predict_proba"
        )
    loss = log_loss(codes, expected)
    assert log_loss(WORDS[codes], found) == pytest.approx(loss, rel=0.01)
    # The cure that the warning names.
    codes_of_words = np.unique(WORDS[codes], return_inverse=True)[1]
    model = PRESTO(class_order=[1, 2, 0, 3])
    again = cross_val_predict(model, X, codes_of_words, method="predict_proba")
    assert_array_equal(again, found)


def test_codes_of_names(ordinal_data):
    X, codes = ordinal_data
    positions = np.unique(WORDS[codes], return_inverse=True)[1]
    expected = ProportionalOdds(class_order=WORDS.tolist()).fit(X, WORDS[codes])
    with pytest.warns(UserWarning, match="positions"):
        model = ProportionalOdds(
            class_order=WORDS.tolist(), class_weight=dict.fromkeys(WORDS, 1.0)
        ).fit(X, positions)
    assert model.classes_.tolist() == [0, 1, 2, 3]
    assert model.ordered_classes_.tolist() == [1, 2, 0, 3]
    assert_allclose(model.coef_, expected.coef_, rtol=1e-9)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    # Names that sort as they are ranked leave no doubt.
    letters = np.array(["a", "b", "c", "d"])
    model = ProportionalOdds(class_order=letters).fit(X, codes)
    assert_array_equal(model.coef_, ProportionalOdds().fit(X, codes).coef_)
    kept = codes < 3
    model = ProportionalOdds(class_order=letters).fit(X[kept], codes[kept])
    assert model.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], "no telling which labels.*integer codes as y"),
        ([0, 1, 7], "from 0 to 3, .*integer codes as y"),
        ([-1, 0, 1], "from 0 to 3, .*integer codes as y"),
    ],
)
def test_numbers_that_cannot_be_codes(ordinal_data, labels, message):
    X, codes = ordinal_data
    with pytest.raises(ValueError, match=message):
        PRESTO(class_order=WORDS.tolist()).fit(X, np.array(labels)[codes % 3])


def test_codes_of_other_numbers_are_hinted_at(ordinal_data):
    X, codes = ordinal_data
    with pytest.raises(
        ValueError, match=r"\[0\] are missing.*scikit-learn made these codes"
    ):
        PRESTO(class_order=[1, 2, 3, 4]).fit(X, codes)


@pytest.mark.parametrize("ordered", [True, False])
def test_dictionaries_of_arrow(ordinal_data, ordered):
    pa = pytest.importorskip("pyarrow")
    X, codes = ordinal_data
    dictionary = pa.DictionaryArray.from_arrays(
        pa.array(codes), pa.array(WORDS.tolist()), ordered=ordered
    )
    y = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([dictionary])))
    if not ordered:
        with pytest.warns(UserWarning, match="sorted order"):
            ProportionalOdds().fit(X, y)
        return
    model = ProportionalOdds().fit(X, y)
    assert model.ordered_classes_.tolist() == WORDS.tolist()
    assert_array_equal(model.coef_, ProportionalOdds().fit(X, codes).coef_)


def test_types_as_classes(ordinal_data):
    X, codes = ordinal_data
    expected = ProportionalOdds().fit(X, codes).coef_
    for classes in (KIND, pd.Index(WORDS)):
        model = ProportionalOdds(class_order=classes).fit(X, WORDS[codes])
        assert model.ordered_classes_.tolist() == WORDS.tolist()
        assert_array_equal(model.coef_, expected)


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(range(4)).astype("Int64"),
        pd.Series(range(4)).astype("int8[pyarrow]"),
        pd.Series(range(4)).astype(object),
        np.arange(4).astype(object),
        polars.Series(range(4)),
    ],
    ids=lambda y: str(y.dtype),
)
def test_integers_stay_integers(ordinal_data, y):
    X, codes = ordinal_data
    y = y[codes] if not hasattr(y, "take") else y.take(codes)
    model = ProportionalOdds().fit(X, y)
    assert model.classes_.dtype.kind == "i"
    assert model.predict(X).dtype.kind == "i"
    assert_array_equal(model.coef_, ProportionalOdds().fit(X, codes).coef_)


@pytest.mark.parametrize("classes", [None, [0.5, 1.0, 1.5, 2.0]])
def test_half_stars_are_named(ordinal_data, classes):
    X, codes = ordinal_data
    for y in (codes / 2 + 0.5, pd.Series(codes / 2 + 0.5, dtype="category")):
        message = r"Unknown label type: continuous.* such as 0.5.*as codes"
        with pytest.raises(ValueError, match=message):
            ProportionalOdds(class_order=classes).fit(X, y)


def test_intervals_are_named(ordinal_data):
    X, codes = ordinal_data
    y = pd.cut(codes, [-1, 0, 1, 2, 3])
    for target in (y, pd.Series(y), np.asarray(y)):
        with pytest.raises(ValueError, match=r"intervals.*labels=False"):
            ProportionalOdds().fit(X, target)
    ProportionalOdds().fit(X, pd.cut(codes, [-1, 0, 1, 2, 3], labels=WORDS))
