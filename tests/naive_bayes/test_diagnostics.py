"""Diagnostics against brute force, and what they say about known data."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.datasets import load_digits, load_iris

from skext.datasets import make_gaussian_mixture
from skext.naive_bayes import ClassMoments, LinearGaussianNB, ShrinkageLDA
from skext.naive_bayes import _diagnostics as module
from skext.naive_bayes._diagnostics import naive_bayes_diagnostics

LEVELS = np.arange(0, 101, 10)


def brute_force(model, X, y):
    """Averages and variances of log-density ratios, row by row."""
    d = X.shape[1]
    logs = norm.logpdf(
        X[:, np.newaxis], model.theta_, np.sqrt(np.asarray(model.var_))
    ).sum(axis=2)
    beta, alpha, overcount = [], [], []
    for a, b in itertools.combinations(range(len(model.classes_)), 2):
        gap = model.theta_[a] - model.theta_[b]
        expected = (gap**2 / model.var_).sum()
        for label in model.classes_:
            ratio = (logs[:, a] - logs[:, b])[y == label]
            beta.append(abs(ratio.mean()) / d)
            alpha.append(ratio.var() / d)
            overcount.append(ratio.var() / expected)
    return [np.percentile(v, LEVELS) for v in (beta, alpha, overcount)]


@pytest.mark.parametrize("labels", [np.arange(3), np.array(["u", "v", "w"])])
def test_closed_forms_equal_averages_over_the_rows(labels):
    X, y = load_iris(return_X_y=True)
    y = labels[y]
    model = LinearGaussianNB().fit(X, y)
    found = naive_bayes_diagnostics(model, X, y)
    beta, alpha, overcount = brute_force(model, X, y)
    np.testing.assert_allclose(found.beta, beta, rtol=1e-9)
    np.testing.assert_allclose(found.alpha, alpha, rtol=1e-9)
    np.testing.assert_allclose(found.overcount, overcount, rtol=1e-9)
    np.testing.assert_allclose(found.variance, np.percentile(model.var_, LEVELS))
    unit = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    scaled = LinearGaussianNB().fit(unit, y)
    np.testing.assert_allclose(
        found.scaled_variance, np.percentile(scaled.var_, LEVELS), rtol=1e-6
    )
    assert list(found.frame) == [
        "variance",
        "scaled_variance",
        "beta",
        "alpha",
        "overcount",
        "separation",
    ]
    assert "percent" in repr(found)


def test_scales_do_not_matter():
    X, y = load_iris(return_X_y=True)
    plain = naive_bayes_diagnostics(LinearGaussianNB(var_smoothing=0).fit(X, y), X, y)
    X = X * [1e-3, 1, 10, 1e3] + [5, 0, -1e4, 1]
    other = naive_bayes_diagnostics(LinearGaussianNB(var_smoothing=0).fit(X, y), X, y)
    for name in ("beta", "alpha", "overcount", "separation", "scaled_variance"):
        expected = getattr(plain, name)
        np.testing.assert_allclose(getattr(other, name), expected, rtol=1e-6, atol=1e-9)


def test_statistics_alone_leave_out_what_needs_rows():
    X, y = load_iris(return_X_y=True)
    found = naive_bayes_diagnostics(LinearGaussianNB().fit(X, y))
    assert found.alpha is None
    assert found.overcount is None
    assert list(found.frame) == ["variance", "beta", "separation"]
    assert list(found.frame.index) == LEVELS.tolist()


@pytest.mark.parametrize("covariance", ["diag", "full", "spherical"])
def test_statistics_and_other_probes(covariance):
    X, y = load_iris(return_X_y=True)
    moments = ClassMoments(covariance).update(X, y)
    found = naive_bayes_diagnostics(moments, X, y)
    model = LinearGaussianNB(var_smoothing=0).fit(X, y)
    if covariance == "spherical":
        np.testing.assert_allclose(found.variance, model.var_.mean())
        return
    expected = naive_bayes_diagnostics(model, X, y)
    np.testing.assert_allclose(found.frame, expected.frame, rtol=1e-9)
    lda = naive_bayes_diagnostics(ShrinkageLDA().fit(X, y))
    np.testing.assert_allclose(lda.beta, expected.beta, rtol=1e-9)


def test_many_classes_are_sampled(monkeypatch):
    X, y = load_digits(return_X_y=True)
    model = LinearGaussianNB().fit(X, y)
    full = naive_bayes_diagnostics(model, X, y)
    monkeypatch.setattr(module, "_MAX_TRIPLES", 400)
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", 700)
    part = naive_bayes_diagnostics(model, X, y)
    # Forty of forty-five pairs for each class, drawn with replacement.
    inner = slice(1, -1)
    np.testing.assert_allclose(part.beta[inner], full.beta[inner], rtol=0.35)
    np.testing.assert_allclose(part.overcount[inner], full.overcount[inner], rtol=0.35)
    again = naive_bayes_diagnostics(model, X, y)
    np.testing.assert_array_equal(part.beta, again.beta)


def test_constant_features_are_left_out():
    X, y = load_iris(return_X_y=True)
    wide = np.column_stack([X, np.ones(150)])
    plain = naive_bayes_diagnostics(LinearGaussianNB(var_smoothing=0).fit(X, y), X, y)
    found = naive_bayes_diagnostics(
        LinearGaussianNB(var_smoothing=0).fit(wide, y), wide, y
    )
    assert found.n_features == plain.n_features == 4
    np.testing.assert_allclose(found.beta, plain.beta)
    np.testing.assert_allclose(found.overcount, plain.overcount)


def test_independent_features_are_not_overcounted_and_copies_are():
    data = make_gaussian_mixture(20_000, 8, separation=2, random_state=0)
    X, y = data.data, data.target
    found = naive_bayes_diagnostics(LinearGaussianNB().fit(X, y), X, y)
    np.testing.assert_allclose(found.overcount, 1, atol=0.06)
    five = np.hstack([X] * 5)
    found = naive_bayes_diagnostics(LinearGaussianNB().fit(five, y), five, y)
    np.testing.assert_allclose(found.overcount, 5, rtol=0.06)


def test_the_two_families_of_data():
    """Half of the features has the same beta in one, and half the square distance."""
    for separation in (None, 3.0):
        beta, distance = [], []
        for d in (100, 200):
            data = make_gaussian_mixture(
                6000, d, separation=separation, random_state=0, rescale=False
            )
            model = LinearGaussianNB().fit(data.data, data.target)
            found = naive_bayes_diagnostics(model)
            beta.append(found.beta[-1])
            distance.append(found.separation[-1])
        if separation is None:
            assert beta[1] == pytest.approx(beta[0], rel=0.1)
            assert distance[1] > 1.3 * distance[0]
        else:
            assert beta[1] == pytest.approx(beta[0] / 2, rel=0.1)
            assert distance[1] == pytest.approx(distance[0], rel=0.1)


def test_what_cannot_be_diagnosed():
    X, y = load_iris(return_X_y=True)
    model = LinearGaussianNB().fit(X, y)
    with pytest.raises(TypeError, match="LinearGaussianNB; call fit first"):
        naive_bayes_diagnostics(LinearGaussianNB())
    with pytest.raises(TypeError, match="it is int"):
        naive_bayes_diagnostics(3)
    with pytest.raises(ValueError, match="y=None must be given"):
        naive_bayes_diagnostics(model, X)
    with pytest.raises(ValueError, match="features"):
        naive_bayes_diagnostics(model, X[:, :2], y)
    with pytest.raises(ValueError, match=r"labels that the estimator knows.*\[3\]"):
        naive_bayes_diagnostics(model, X, y + 1)
    with pytest.raises(ValueError, match="at least two classes"):
        naive_bayes_diagnostics(LinearGaussianNB().fit(X[:9], y[:9]))
    with pytest.raises(ValueError, match="class with two rows"):
        naive_bayes_diagnostics(model, X[:1], y[:1])
