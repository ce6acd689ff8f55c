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
from skext.metrics import make_ordinal_scorer

ORDER = ["low", "mid", "high", "top"]
NAMES = {
    "ordinal_mean_absolute_error": {},
    "macro": {"average": "macro"},
    "quadratic_weighted_kappa": {},
    "ranked_probability_score": {},
    "rare_class_log_loss": {},
    "rare_class_brier": {},
}


def make(name, **options):
    metric = "ordinal_mean_absolute_error" if name == "macro" else name
    return make_ordinal_scorer(metric, **NAMES[name], **options)


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
            y, guess, class_order=ORDER
        ),
        "macro": -metrics.ordinal_mean_absolute_error(
            y, guess, class_order=ORDER, average="macro"
        ),
        "quadratic_weighted_kappa": metrics.quadratic_weighted_kappa(
            y, guess, class_order=ORDER
        ),
        "ranked_probability_score": -metrics.ranked_probability_score(
            y, proba, class_order=ORDER
        ),
        "rare_class_log_loss": -metrics.rare_class_log_loss(
            y, proba, class_order=ORDER
        ),
        "rare_class_brier": -metrics.rare_class_brier(y, proba, class_order=ORDER),
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
    assert set(NAMES) == set(expected)
    for name, value in expected.items():
        assert make(name)(model, X, y) == pytest.approx(value), name


def test_order_may_be_given_or_come_from_the_target():
    X, y, place = _data()
    model = LogisticRegression().fit(X, y)
    kind = pd.CategoricalDtype(ORDER, ordered=True)
    for name, expected in _expected(model, X, y).items():
        given = make(name, class_order=ORDER)
        assert given(model, X, y) == pytest.approx(expected)
        plain = make(name)
        assert plain(model, X, pd.Series(y).astype(kind)) == pytest.approx(expected)
    sorted_model = LogisticRegression().fit(X, place)
    found = make_ordinal_scorer("quadratic_weighted_kappa")(sorted_model, X, place)
    expected = metrics.quadratic_weighted_kappa(place, sorted_model.predict(X))
    assert found == pytest.approx(expected)


def test_cross_validation_and_search():
    X, y, _ = _data()
    scoring = {name: make(name) for name in NAMES}
    found = cross_validate(Ordered(ORDER), X, y, scoring=scoring, cv=3)
    for name in NAMES:
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
        y, proba, class_order=ORDER, normalize=True, sample_weight=weight
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
    scorer = make_ordinal_scorer("rare_class_log_loss", class_order=ORDER)
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
    scorer = make_ordinal_scorer("rare_class_brier", class_order=ORDER, rare="mid")
    X, y, _ = _data()
    model = LogisticRegression().fit(X, y)
    expected = scorer(model, X, y)
    for other in (pickle.loads(pickle.dumps(scorer)), clone(scorer)):
        assert other(model, X, y) == expected
    assert "rare_class_brier" in repr(scorer)


def test_unknown_metric():
    with pytest.raises(ValueError, match="metric='accuracy' is not known; give a func"):
        make_ordinal_scorer("accuracy")


def test_functions_are_asked_for_what_they_take():
    X, y, _ = _data()
    model = Ordered(ORDER).fit(X, y)

    def top_share(y_true, y_proba, classes):
        return y_proba[:, list(classes).index("top")].mean()

    def hits(y_true, y_pred):
        return np.mean(y_true == y_pred)

    found = make_ordinal_scorer(top_share)(model, X, y)
    assert found == pytest.approx(-model.predict_proba(X)[:, 3].mean())
    scorer = make_ordinal_scorer(hits, greater_is_better=True)
    assert scorer(model, X, y) == pytest.approx(np.mean(model.predict(X) == y))
    named = make_ordinal_scorer("quadratic_weighted_kappa")
    given = make_ordinal_scorer(metrics.quadratic_weighted_kappa)
    assert named(model, X, y) == given(model, X, y) > 0
    with pytest.raises(ValueError, match="must return one number"):
        make_ordinal_scorer(lambda y_true, y_pred: y_pred)(model, X, y)
