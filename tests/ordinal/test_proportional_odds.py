"""Proportional odds against published digits, identities and other solvers."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skext.ordinal import ProportionalOdds
from skext.ordinal._solver.links import link_cdf


def test_wine_table(wine):
    X, y = wine
    model = ProportionalOdds(tol=1e-9).fit(X, y)
    assert_allclose(model.coef_, [2.503102, 1.527798], atol=1e-6)
    expected = [-1.344383, 1.250809, 3.466887, 5.006404]
    assert_allclose(model.thresholds_, expected, atol=1e-6)
    assert -72 * model.objective_ == pytest.approx(-86.491923, abs=1e-6)
    assert model.kkt_violation_ <= 1e-9
    assert 1 <= model.n_iter_ <= 10


def test_cells_of_the_table_with_weights(wine):
    X, y = wine
    cells, counts = np.unique(np.column_stack([X, y]), axis=0, return_counts=True)
    assert len(cells) == 15
    found = ProportionalOdds(tol=1e-9).fit(
        cells[:, :2], cells[:, 2].astype(int), sample_weight=counts
    )
    expected = ProportionalOdds(tol=1e-9).fit(X, y)
    assert_allclose(found.coef_, expected.coef_, rtol=1e-8)
    assert_allclose(found.thresholds_, expected.thresholds_, rtol=1e-8)


def test_sign_of_the_weights(wine):
    X, y = wine
    model = ProportionalOdds().fit(X, y)
    eta = model.thresholds_ - (X @ model.coef_)[:, np.newaxis]
    assert_allclose(model.linear_predictor(X), eta)
    assert_allclose(model.predict_cumulative_proba(X), expit(eta))
    # Warm wine is more bitter, and has a positive weight.
    low, high = model.predict_expected([[0, 0], [1, 0]])
    assert model.coef_[0] > 0
    assert high > low


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
def test_general_optimiser_agrees(wine, link):
    X, y = wine
    model = ProportionalOdds(alpha=0.01, link=link, tol=1e-9).fit(X, y)
    scale = X.std(axis=0)

    def objective(z):
        steps = np.concatenate([z[:1], np.exp(z[1:4])])
        eta = np.cumsum(steps) - (X @ z[4:])[:, np.newaxis]
        cdf = np.pad(link_cdf(link, eta), ((0, 0), (1, 1)))
        cdf[:, -1] = 1
        proba = np.diff(cdf, axis=1)[np.arange(y.size), y]
        return -np.log(proba).mean() + 0.005 * ((z[4:] * scale) ** 2).sum()

    start = np.array([-1.0, 0, 0, 0, 0, 0])
    found = minimize(objective, start, method="BFGS", options={"gtol": 1e-7})
    assert model.objective_ == pytest.approx(found.fun, abs=1e-9)
    assert_allclose(model.coef_, found.x[4:], atol=1e-4)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_two_classes_are_logistic_regression(ordinal_data, l1_ratio):
    X, y = ordinal_data
    y = np.minimum(y, 1)
    X = X / X.std(axis=0)
    model = ProportionalOdds(alpha=0.02, l1_ratio=l1_ratio, tol=1e-9).fit(X, y)
    peer = LogisticRegression(
        C=1 / (0.02 * y.size),
        l1_ratio=l1_ratio,
        solver="saga" if l1_ratio else "lbfgs",
        tol=1e-8,
        max_iter=10000,
        random_state=0,
    ).fit(X, y)
    assert_allclose(model.coef_, peer.coef_[0], atol=1e-4)
    assert_allclose(-model.thresholds_, peer.intercept_, atol=1e-4)


@pytest.mark.parametrize(
    ("link", "mirrored"),
    [("logit", "logit"), ("probit", "probit"), ("cloglog", "loglog")],
)
def test_reversed_classes(ordinal_data, link, mirrored):
    X, y = ordinal_data
    model = ProportionalOdds(link=link, tol=1e-9).fit(X, y)
    turned = ProportionalOdds(link=mirrored, tol=1e-9).fit(X, 3 - y)
    assert_allclose(turned.coef_, -model.coef_, atol=1e-6)
    assert_allclose(turned.thresholds_, -model.thresholds_[::-1], atol=1e-6)
    assert_allclose(turned.predict_proba(X)[:, ::-1], model.predict_proba(X), atol=1e-7)


def test_unpenalised_thresholds_balance_the_shares(ordinal_data):
    X, y = ordinal_data
    for alpha in (0.0, 0.1):
        model = ProportionalOdds(alpha, tol=1e-9).fit(X, y)
        proba = model.predict_cumulative_proba(X)
        if alpha == 0:
            # The score of the thresholds vanishes; for logits it is a weighted
            # balance, whose sum is that of the residual P(y > k) + P(y > k - 1).
            residual = np.pad(proba, ((0, 0), (1, 1)))
            residual[:, -1] = 1
            rows = np.arange(y.size)
            total = 1 - residual[rows, y] - residual[rows, y + 1]
            assert total.sum() == pytest.approx(0, abs=1e-6)
        assert np.diff(model.thresholds_).min() > 0


def test_large_penalty_leaves_the_shares(ordinal_data):
    X, y = ordinal_data
    model = ProportionalOdds(alpha=10.0, l1_ratio=1.0).fit(X, y)
    assert_array_equal(model.coef_, np.zeros(5))
    shares = np.bincount(y) / y.size
    assert_allclose(model.predict_proba(X[:3]), [shares] * 3, atol=1e-8)


def test_separated_rows():
    X = np.arange(12.0)[:, np.newaxis]
    y = np.repeat([0, 1, 2], 4)
    model = ProportionalOdds(alpha=0.01).fit(X, y)
    assert model.score(X, y) == 1
    with warnings.catch_warnings():
        # There is no optimum; whether steps get tiny before they stop is rounding.
        warnings.filterwarnings("ignore", "ProportionalOdds", ConvergenceWarning)
        model = ProportionalOdds(max_iter=200).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.score(X, y) == 1


def test_convergence_warning(ordinal_data):
    X, y = ordinal_data
    with pytest.warns(ConvergenceWarning, match=r"ProportionalOdds.*tol=1e-09") as seen:
        ProportionalOdds(max_iter=1, tol=1e-9).fit(X, y)
    assert seen[0].filename == __file__


def test_warm_start(ordinal_data):
    X, y = ordinal_data
    model = ProportionalOdds(warm_start=True, tol=1e-8).fit(X, y)
    coef = model.coef_.copy()
    model.fit(X, y)
    assert model.n_iter_ <= 1
    assert_allclose(model.coef_, coef, atol=1e-7)
    # Another shape starts afresh.
    model.fit(X[:, :2], y)
    assert model.coef_.shape == (2,)
    model.fit(X, np.minimum(y, 2))
    assert_allclose(
        model.coef_,
        ProportionalOdds(tol=1e-8).fit(X, np.minimum(y, 2)).coef_,
        atol=1e-6,
    )
