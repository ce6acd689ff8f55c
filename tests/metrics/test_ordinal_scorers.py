"""Scorers: the order of the classes comes from the estimator."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext import metrics
from skext.metrics import make_ordinal_scorer, ordinal_scorers

ORDER = ["low", "mid", "high", "top"]


class Ordered(ClassifierMixin, BaseEstimator):
    """Logistic regression that is told the order of its classes."""

    def __init__(self, classes=None, C=1.0):
        self.classes = classes
        self.C = C

    def fit(self, X, y):
        self.model_ = LogisticRegression(C=self.C).fit(X, np.asarray(y))
        self.classes_ = self.model_.classes_
        self.ordered_classes_ = np.asarray(self.classes)
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


def _data(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    place = np.digitize(X[:, 0] + 0.5 * rng.standard_normal(n), [-0.5, 0.5, 1.5])
    return X, np.array(ORDER)[place], place


def _expected(model, X, y):
    proba, guess = model.predict_proba(X), model.predict(X)
    return {
        "ordinal_mean_absolute_error": -metrics.ordinal_mean_absolute_error(
            y, guess, labels=ORDER
        ),
        "macro_ordinal_mean_absolute_error": -metrics.ordinal_mean_absolute_error(
            y, guess, labels=ORDER, average="macro"
        ),
        "quadratic_weighted_kappa": metrics.quadratic_weighted_kappa(
            y, guess, labels=ORDER
        ),
        "ranked_probability_score": -metrics.ranked_probability_score(
            y, proba, labels=ORDER
        ),
        "rare_class_log_loss": -metrics.rare_class_log_loss(y, proba, labels=ORDER),
        "rare_class_brier": -metrics.rare_class_brier(y, proba, labels=ORDER),
    }


@pytest.mark.parametrize("wrap", ["plain", "pipeline", "search"])
def test_order_of_the_estimator_is_found(wrap):
    X, y, _ = _data()
    model = Ordered(ORDER)
    if wrap == "pipeline":
        model = make_pipeline(StandardScaler(), model)
    elif wrap == "search":
        model = GridSearchCV(
            make_pipeline(StandardScaler(), model), {"ordered__C": [0.1, 1]}, cv=2
        )
    model.fit(X, y)
    expected = _expected(model, X, y)
    scorers = ordinal_scorers()
    assert set(scorers) == set(expected)
    for name, scorer in scorers.items():
        assert scorer(model, X, y) == pytest.approx(expected[name]), name


def test_order_may_be_given_or_come_from_the_target():
    X, y, place = _data()
    model = LogisticRegression().fit(X, y)
    kind = pd.CategoricalDtype(ORDER, ordered=True)
    for name, expected in _expected(model, X, y).items():
        given = make_ordinal_scorer(name, labels=ORDER)
        assert given(model, X, y) == pytest.approx(expected)
        plain = make_ordinal_scorer(name)
        assert plain(model, X, pd.Series(y).astype(kind)) == pytest.approx(expected)
    sorted_model = LogisticRegression().fit(X, place)
    found = make_ordinal_scorer("quadratic_weighted_kappa")(sorted_model, X, place)
    expected = metrics.quadratic_weighted_kappa(place, sorted_model.predict(X))
    assert found == pytest.approx(expected)


def test_cross_validation_and_search():
    X, y, _ = _data()
    found = cross_validate(Ordered(ORDER), X, y, scoring=ordinal_scorers(), cv=3)
    for name in ordinal_scorers():
        assert np.isfinite(found[f"test_{name}"]).all()
    search = GridSearchCV(
        Ordered(ORDER),
        {"C": [1e-4, 1.0]},
        scoring=make_ordinal_scorer("rare_class_log_loss"),
        cv=3,
    )
    assert search.fit(X, y).best_params_ == {"C": 1.0}


def test_options_reach_the_metric():
    X, y, _ = _data()
    model = Ordered(ORDER).fit(X, y)
    found = make_ordinal_scorer("rare_class_brier", rare="low")(model, X, y)
    proba = model.predict_proba(X)
    expected = np.mean((proba[:, 1] - (y == "low")) ** 2)  # high, low, mid, top
    assert found == pytest.approx(-expected)
    weight = np.arange(y.size, dtype=float)
    scorer = make_ordinal_scorer("ranked_probability_score", normalize=True)
    found = scorer(model, X, y, sample_weight=weight)
    expected = metrics.ranked_probability_score(
        y, proba, labels=ORDER, normalize=True, sample_weight=weight
    )
    assert found == pytest.approx(-expected)


def test_weights_are_routed():
    X, _, place = _data()
    weight = np.random.default_rng(0).random(place.size)
    scorer = make_ordinal_scorer("ordinal_mean_absolute_error")
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_validate(
            LogisticRegression().set_fit_request(sample_weight=False),
            X,
            place,
            scoring=scorer.set_score_request(sample_weight=True),
            params={"sample_weight": weight},
            cv=[(np.arange(100), np.arange(100, 200))],
        )
    model = LogisticRegression().fit(X[:100], place[:100])
    expected = metrics.ordinal_mean_absolute_error(
        place[100:], model.predict(X[100:]), sample_weight=weight[100:]
    )
    assert found["test_score"] == pytest.approx(-expected)


def test_class_that_was_not_in_the_training_rows():
    X, y, place = _data()
    rows = y != "top"
    model = Ordered(["low", "mid", "high"]).fit(X[rows], y[rows])
    scorer = make_ordinal_scorer("rare_class_log_loss", labels=ORDER)
    share = np.mean(~rows)
    assert scorer(model, X, y) == pytest.approx(
        share * np.log(np.finfo(float).eps), rel=1e-6
    )
    with pytest.raises(ValueError, match=r"y has the classes \['top'\]"):
        make_ordinal_scorer("rare_class_log_loss")(model, X, y)
    # Sorted labels tell their place.
    plain = DummyClassifier().fit(X[rows], place[rows])
    found = make_ordinal_scorer("ranked_probability_score")(plain, X, place)
    proba = np.c_[plain.predict_proba(X), np.zeros(len(X))]
    assert found == pytest.approx(-metrics.ranked_probability_score(place, proba))


def test_scorers_travel():
    scorer = make_ordinal_scorer("rare_class_brier", labels=ORDER, rare="mid")
    X, y, _ = _data()
    model = LogisticRegression().fit(X, y)
    expected = scorer(model, X, y)
    for other in (pickle.loads(pickle.dumps(scorer)), clone(scorer)):
        assert other(model, X, y) == expected
    assert "rare_class_brier" in repr(scorer)


def test_unknown_metric():
    with pytest.raises(ValueError, match="metric must be one of"):
        make_ordinal_scorer("accuracy")
