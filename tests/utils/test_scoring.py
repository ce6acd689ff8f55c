"""Scorers of rows in which a class is missing."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import get_scorer, make_scorer, recall_score

from skext.metrics import ranked_probability_score
from skext.utils._scoring import explained, with_labels

X = np.zeros((6, 1))
Y = np.array(["a", "a", "b", "b", "c", "c"])
MODEL = DummyClassifier(strategy="prior").fit(X, Y)


@pytest.mark.parametrize(
    "name", ["neg_log_loss", "neg_brier_score", "d2_log_loss_score"]
)
def test_a_missing_class(name):
    with pytest.raises(ValueError, match="labels"):
        get_scorer(name)(MODEL, X[:4], Y[:4])
    assert np.isfinite(with_labels(name, MODEL.classes_)(MODEL, X[:4], Y[:4]))


@pytest.mark.parametrize(
    "name", ["accuracy", "f1_macro", "neg_log_loss", "roc_auc_ovr"]
)
def test_nothing_changes_where_all_classes_are(name):
    assert with_labels(name, MODEL.classes_)(MODEL, X, Y) == get_scorer(name)(
        MODEL, X, Y
    )


def test_averages_over_the_labels_at_hand_stay():
    expected = get_scorer("recall_macro")(MODEL, X[:4], Y[:4])
    assert with_labels("recall_macro", MODEL.classes_)(MODEL, X[:4], Y[:4]) == expected


def test_two_classes_that_are_no_numbers():
    model = DummyClassifier(strategy="prior").fit(X, np.repeat(["no", "yes"], 3))
    score = with_labels("neg_brier_score", model.classes_)(model, X[:3], ["no"] * 3)
    assert score == pytest.approx(-0.25)


def test_callables_and_set_labels_stay():
    def mine(estimator, X, y):
        return 1.0

    own = make_scorer(recall_score, response_method="predict", average="macro")
    assert with_labels(mine, MODEL.classes_) is mine
    assert with_labels(own, MODEL.classes_) is own


def test_the_given_scorer_is_not_changed():
    scorer = get_scorer("neg_log_loss")
    with_labels(scorer, MODEL.classes_)
    assert "labels" not in scorer._kwargs


def test_a_scorer_that_cannot_score_is_named():
    message = r"scoring='roc_auc' cannot score.*'roc_auc_ovr'"
    with pytest.raises(ValueError, match=message), explained("roc_auc"):
        get_scorer("roc_auc")(MODEL, X, Y)


def test_metrics_of_ordered_classes_are_told_the_order():
    order = np.array(["c", "a", "b"])
    scorer = make_scorer(ranked_probability_score, response_method="predict_proba")
    found = with_labels(scorer, MODEL.classes_, order)(MODEL, X[:4], Y[:4])
    proba = MODEL.predict_proba(X[:4])
    assert found == ranked_probability_score(Y[:4], proba, class_order=order)
