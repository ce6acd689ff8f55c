import numpy as np
import pytest
from sklearn import metrics as skm
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsRegressor

from skext.benchmark._engine.metrics import METRICS, get_metric, predict, score
from skext.exceptions import BenchmarkError


@pytest.fixture
def multiclass():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    X = rng.normal(size=(90, 3)) + y[:, None]
    return X, y


def scores_of(estimator, X, y, task_type, n_classes, names):
    predictions = predict(estimator.fit(X, y), X, task_type, n_classes)
    return predictions, {
        name: value
        for name, (value, _) in score(names, y, predictions, task_type).items()
    }


def test_multiclass_metrics_equal_those_of_scikit_learn(multiclass):
    X, y = multiclass
    names = ["accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss", "brier"]
    p, found = scores_of(LogisticRegression(), X, y, "multiclass", 3, names)
    assert found["accuracy"] == skm.accuracy_score(y, p.label)
    assert found["balanced_accuracy"] == pytest.approx(
        skm.balanced_accuracy_score(y, p.label)
    )
    assert found["f1"] == skm.f1_score(y, p.label, average="macro")
    assert found["log_loss"] == pytest.approx(skm.log_loss(y, p.proba))
    assert found["roc_auc"] == pytest.approx(
        skm.roc_auc_score(y, p.proba, multi_class="ovo")
    )
    assert found["brier"] == pytest.approx(
        skm.brier_score_loss(y, p.proba, scale_by_half=False)
    )


def test_binary_metrics_equal_those_of_scikit_learn(multiclass):
    X, y = multiclass
    y = (y == 2).astype(int)
    names = ["roc_auc", "average_precision", "log_loss", "brier", "geometric_mean"]
    p, found = scores_of(LogisticRegression(), X, y, "binary", 2, names)
    assert found["roc_auc"] == skm.roc_auc_score(y, p.score)
    assert found["average_precision"] == skm.average_precision_score(y, p.score)
    assert found["log_loss"] == pytest.approx(skm.log_loss(y, p.proba))
    assert found["brier"] == pytest.approx(skm.brier_score_loss(y, p.score))
    recalls = skm.recall_score(y, p.label, average=None)
    assert found["geometric_mean"] == pytest.approx(np.sqrt(np.prod(recalls)))


def test_regression_metrics(multiclass):
    X, y = multiclass
    y = y + 0.5
    p, found = scores_of(
        KNeighborsRegressor(), X, y, "regression", 0, ["r2", "rmse", "mae"]
    )
    assert found["r2"] == skm.r2_score(y, p.label)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((y - p.label) ** 2)))
    assert found["mae"] == pytest.approx(np.mean(np.abs(y - p.label)))


def test_an_estimator_without_probabilities_is_ranked_by_its_decision(multiclass):
    X, y = multiclass
    y = (y == 2).astype(int)
    predictions = predict(RidgeClassifier().fit(X, y), X, "binary", 2)
    values = score(["roc_auc", "log_loss"], y, predictions, "binary")
    assert values["roc_auc"][0] > 0.5
    assert np.isnan(values["log_loss"][0])
    assert "predict_proba" in values["log_loss"][1]


def test_a_class_that_the_training_fold_lacks_gets_probability_zero(multiclass):
    X, y = multiclass
    model = LogisticRegression().fit(X[y < 2], y[y < 2])
    predictions = predict(model, X, "multiclass", 3)
    assert predictions.proba.shape == (90, 3)
    assert np.all(predictions.proba[:, 2] == 0)
    values = score(["log_loss", "roc_auc"], y, predictions, "multiclass")
    assert np.isfinite(values["log_loss"][0])
    assert np.isfinite(values["roc_auc"][0])


def test_a_test_fold_of_one_class_has_no_roc_curve(multiclass):
    X, y = multiclass
    y = (y == 2).astype(int)
    model = LogisticRegression().fit(X, y)
    predictions = predict(model, X[y == 0], "binary", 2)
    values = score(["roc_auc"], y[y == 0], predictions, "binary")
    assert np.isnan(values["roc_auc"][0])
    assert "one class" in values["roc_auc"][1]


def test_a_test_fold_that_lacks_a_class_still_has_an_auc(multiclass):
    X, y = multiclass
    model = LogisticRegression().fit(X, y)
    keep = y != 1
    predictions = predict(model, X[keep], "multiclass", 3)
    value, _ = score(["roc_auc"], y[keep], predictions, "multiclass")["roc_auc"]
    assert 0.5 < value <= 1.0


def test_unknown_and_undefined_metrics_are_named():
    with pytest.raises(BenchmarkError, match="Unknown metric 'acuracy'.*'accuracy'"):
        get_metric("acuracy")
    predictions = predict(
        KNeighborsRegressor(1).fit([[0.0], [1.0]], [0.0, 1.0]), [[0.0]], "regression", 0
    )
    with pytest.raises(BenchmarkError, match="not defined for regression"):
        score(["accuracy"], np.zeros(1), predictions, "regression")


def test_every_metric_says_what_it_is():
    for metric in METRICS.values():
        assert metric.description
        assert metric.needs in ("label", "proba", "score", "quantiles")


class Says:
    """A fitted classifier that gives what it is told to give."""

    classes_ = np.array([0, 1])

    def __init__(self, label, proba=None):
        self.label = label
        if proba is not None:
            self.predict_proba = lambda X: proba

    def predict(self, X):
        return self.label


GOOD = np.zeros(4, dtype=int)


@pytest.mark.parametrize(
    ("task_type", "label", "proba", "reason"),
    [
        ("binary", GOOD, np.full((4, 2), np.nan), "predict_proba gave not a finite"),
        ("binary", GOOD, np.c_[GOOD - 1.0, GOOD + 2.0], "negative probabilities"),
        ("binary", GOOD, np.ones((4, 3)), r"shape \(4, 3\) for 4 rows and 2 classes"),
        ("binary", GOOD, np.ones(4), r"shape \(4,\) for 4 rows"),
        ("binary", np.full(4, 0.3), None, "a regressor.*task_type='regression'"),
        ("binary", GOOD[:3], None, r"predict gave an array of shape \(3,\)"),
        ("regression", np.array([1.0, np.nan, 1, 1]), None, "in 1 of 4 places"),
        ("regression", np.array([1.0, np.inf, 1, 1]), None, "in 1 of 4 places"),
        ("regression", np.float64(3), None, r"shape \(\) for 4 rows"),
        ("regression", np.ones(1), None, r"shape \(1,\) for 4 rows"),
        ("regression", np.ones((4, 2)), None, r"shape \(4, 2\) for 4 rows"),
    ],
)
def test_predictions_that_no_metric_could_score_are_refused(
    task_type, label, proba, reason
):
    with pytest.raises(ValueError, match=reason):
        predict(Says(label, proba), np.zeros((4, 1)), task_type, 2)


def test_a_column_of_predictions_is_not_broadcast():
    y = np.arange(4.0)
    found = predict(Says(y[:, None]), np.zeros((4, 1)), "regression", 0)
    assert score(["rmse"], y, found, "regression")["rmse"] == (0.0, "")


def test_a_metric_that_cannot_be_computed_leaves_the_others_alone():
    proba = np.full((4, 2), 0.9)
    found = predict(Says(GOOD, proba), np.zeros((4, 1)), "binary", 2)
    names = ["accuracy", "ranked_probability_score"]
    values = score(names, np.array([0, 1, 0, 1]), found, "binary")
    assert values["accuracy"][0] == 0.5
    assert np.isnan(values["ranked_probability_score"][0])
    assert "not computable" in values["ranked_probability_score"][1]
