import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss

from skext.naive_bayes import LinearGaussianNB, ShrinkageLDA
from skext.naive_bayes._loo import tuning as _loo_tuning
from skext.naive_bayes._loo.scores import loo_scores
from skext.utils._probabilities import fit_temperature, mean_log_probability


def make_data(n=200, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = rng.normal(size=(n, 4)) + y[:, None]
    # Copies of features make naive Bayes too sure of itself.
    return np.repeat(X, 5, axis=1) + rng.normal(0, 0.1, (n, 20)), y


def test_recovers_a_known_factor():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, (100_000, 3))
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    y = (rng.random((100_000, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    weights = np.ones(y.size)
    temperature, score = fit_temperature(scores * 5, y, weights)
    assert_allclose(temperature, 0.2, rtol=0.03)
    assert score == mean_log_probability(scores * 5, y, weights, temperature)
    for other in (0.9, 1.1):
        worse = mean_log_probability(scores * 5, y, weights, temperature * other)
        assert score > worse


def test_infinite_scores_and_weights():
    scores = np.array([[1.0, 2, -np.inf], [3, 1, -np.inf], [1, 2, -np.inf]])
    y, weights = np.array([1, 0, 0]), np.array([1.0, 2, 0.5])
    temperature, score = fit_temperature(scores, y, weights)
    repeated = fit_temperature(
        scores[[0, 0, 1, 1, 1, 1, 2]], y[[0, 0, 1, 1, 1, 1, 2]], np.ones(7)
    )
    assert_allclose((temperature, score), repeated, rtol=1e-4)


@pytest.mark.parametrize("cls", [LinearGaussianNB, ShrinkageLDA])
def test_leaves_labels_and_scores_alone(cls):
    X, y = make_data()
    plain, tempered = cls().fit(X, y), cls(temperature="loo").fit(X, y)
    assert tempered.temperature_ < 1 or cls is ShrinkageLDA
    assert_array_equal(plain.predict(X), tempered.predict(X))
    assert_array_equal(plain.decision_function(X), tempered.decision_function(X))
    assert_allclose(
        plain.predict_joint_log_proba(X), tempered.predict_joint_log_proba(X)
    )
    scores = tempered.temperature_ * tempered.decision_function(X)
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    proba /= proba.sum(axis=1, keepdims=True)
    assert_allclose(tempered.predict_proba(X), proba, atol=1e-12)
    assert_allclose(tempered.predict_log_proba(X), np.log(proba), atol=1e-9)
    given = cls(temperature=tempered.temperature_).fit(X, y)
    assert_array_equal(given.predict_proba(X), tempered.predict_proba(X))
    two = cls(temperature=0.1).fit(X, y > 0)
    scores = 0.1 * two.decision_function(X)
    assert_allclose(two.predict_proba(X)[:, 1], 1 / (1 + np.exp(-scores)))
    assert_allclose(two.predict_log_proba(X)[:, 0], -np.log1p(np.exp(scores)))


def test_best_on_left_out_rows():
    X, y = make_data()
    model = LinearGaussianNB(temperature="loo").fit(X, y)
    scores = loo_scores(LinearGaussianNB().fit(X, y), X, y)
    temperature, score = fit_temperature(scores, y, np.ones(y.size))
    assert_allclose(model.temperature_, temperature)
    assert_allclose(model.loo_score_, score)


def test_rows_stand_for_all_when_there_are_many(monkeypatch):
    X, y = make_data(n=2000)
    expected = LinearGaussianNB(temperature="loo", shrinkage="loo").fit(X, y)
    monkeypatch.setattr(_loo_tuning, "_MAX_HELD", 600 * 3 * 5)
    model = LinearGaussianNB(temperature="loo", shrinkage="loo").fit(X, y)
    assert model.temperature_ != expected.temperature_
    assert_allclose(model.temperature_, expected.temperature_, rtol=0.2)


def test_close_to_the_best_on_new_rows():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(y.size)
    train, test = order[:300], order[300:]
    plain = LinearGaussianNB().fit(X[train], y[train])
    raw = log_loss(y[test], plain.predict_proba(X[test]))
    model = LinearGaussianNB(temperature="loo").fit(X[train], y[train])
    found = log_loss(y[test], model.predict_proba(X[test]))
    scores = plain.decision_function(X[test])
    _, best = fit_temperature(scores, y[test], np.ones(test.size))
    assert found < 0.5 * raw
    assert found < 1.05 * -best
