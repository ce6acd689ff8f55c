"""Steps of the mixture against scikit-learn's."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

from skext.cluster._mixture.em import (
    Data,
    Rules,
    fit_covariance,
    fit_mixture,
    joint_log_density,
)
from skext.cluster._mixture.merge import merge_gain, merge_redundant

CODES = {"spherical": 1, "diag": 2, "full": 8}


def make_data(seed, n=60, d=3, spread=False, weighted=False):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    rows += 4.0 * rng.integers(0, 2, n)[:, None]
    weights = rng.integers(1, 4, n).astype(float) if weighted else np.ones(n)
    inner = rng.uniform(size=(n, d)) if spread else np.empty((n, 0))
    data = Data(
        np.ascontiguousarray(rows.T), np.ascontiguousarray(inner.T), weights, np.ones(n)
    )
    if not spread:
        data = data._replace(spread=np.empty((d, 0)))
    return rng, rows, data


def rules_for(d, n, families, floor=0.0):
    return Rules(np.full(d, floor), np.zeros(d), math.log(n), families)


@pytest.mark.parametrize("kind", sorted(CODES))
@pytest.mark.parametrize("seed", range(5))
def test_one_step_equals_scikit_learn(kind, seed):
    rng, rows, data = make_data(seed)
    resp = rng.dirichlet([1, 1, 1], len(rows))
    expected = GaussianMixture(3, covariance_type=kind, reg_covar=0.0)
    expected._initialize(rows, resp)
    rules = rules_for(3, len(rows), CODES[kind])
    state = fit_mixture(data, rules, np.ascontiguousarray(resp.T), 1)
    mixture = state.mixture
    np.testing.assert_allclose(mixture.mass / len(rows), expected.weights_, rtol=1e-9)
    np.testing.assert_allclose(mixture.means, expected.means_, rtol=1e-9, atol=1e-10)
    covariances = expected.covariances_
    if kind == "diag":
        covariances = np.stack([np.diag(c) for c in covariances])
    elif kind == "spherical":
        covariances = np.stack([c * np.eye(3) for c in covariances])
    np.testing.assert_allclose(mixture.covariances, covariances, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        mixture.factors, _compute_precision_cholesky(covariances, "full"), atol=1e-8
    )
    np.testing.assert_allclose(
        np.logaddexp.reduce(state.joint), expected.score_samples(rows), rtol=1e-10
    )
    np.testing.assert_allclose(state.resp.T, expected.predict_proba(rows), atol=1e-10)
    assert state.bic(rules.log_n) == pytest.approx(expected.bic(rows), rel=1e-8)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_principal_components_equal_scikit_learn(rank):
    rng = np.random.default_rng(rank)
    n, d = 400, 6
    loadings = 3.0 * rng.normal(size=(rank, d))
    rows = rng.normal(size=(n, rank)) @ loadings + 0.5 * rng.normal(size=(n, d))
    cov = np.cov(rows.T, bias=True)
    model = cov.copy()
    factor = np.empty((d, d))
    rules = rules_for(d, n, 4)
    log_det, n_params, family = fit_covariance(model, float(n), float(n), rules, factor)
    assert family == 4
    assert n_params == d + 1 + d * rank - rank * (rank - 1) / 2
    # scikit-learn divides by n - 1.
    expected = PCA(rank).fit(rows).get_covariance() * (n - 1) / n
    np.testing.assert_allclose(model, expected, atol=1e-8)
    assert log_det == pytest.approx(np.linalg.slogdet(expected)[1], abs=1e-8)
    np.testing.assert_allclose(factor @ factor.T, np.linalg.inv(expected), atol=1e-8)


def test_family_has_the_lowest_criterion():
    """Enumerate all families and ranks of random covariances."""
    rng = np.random.default_rng(0)
    chosen = set()
    for _ in range(60):
        d, n = int(rng.integers(1, 7)), float(rng.integers(10, 400))
        scale = np.exp(rng.normal(size=d) * rng.choice([0.0, 1.0]))
        root = rng.normal(size=(d, d)) * rng.choice([0.0, 0.3, 2.0]) + np.diag(scale)
        cov = root @ root.T
        values = np.linalg.eigvalsh(cov)[::-1]
        log_n = math.log(n)
        options = {(1, 0): d * math.log(values.mean()) + (d + 1) * log_n / n}
        if d > 1:
            options[2, 0] = np.log(np.diag(cov)).sum() + 2 * d * log_n / n
            options[8, 0] = np.log(values).sum() + d * (d + 3) / 2 * log_n / n
        for q in range(1, d - 1):
            p = d + 1 + d * q - q * (q - 1) / 2
            rest = (d - q) * math.log(values[q:].mean())
            options[4, q] = np.log(values[:q]).sum() + rest + p * log_n / n
        best = min(options, key=options.get)
        model, factor = cov.copy(), np.empty((d, d))
        _, _, family = fit_covariance(model, n, n, rules_for(d, n, 15), factor)
        assert family == best[0]
        chosen.add(family)
    assert chosen == {1, 2, 4, 8}


def test_few_rows_have_no_correlations():
    cov = np.array([[1.0, 0.99], [0.99, 1.0]])
    factor = np.empty((2, 2))
    rules = rules_for(2, 100, 15)
    assert fit_covariance(cov.copy(), 100.0, 3.0, rules, factor)[2] in (1, 2)
    assert fit_covariance(cov.copy(), 100.0, 4.0, rules, factor)[2] == 8
    # Where nothing else is allowed, a sphere is left.
    rules = rules_for(2, 100, 8)
    assert fit_covariance(cov.copy(), 100.0, 3.0, rules, factor)[2] == 1


def test_spread_of_points_is_that_of_a_plain_table():
    rng, rows, data = make_data(3)
    resp = rng.dirichlet([1, 1], len(rows)).T.copy()
    rules = rules_for(3, len(rows), 15)
    plain = fit_mixture(data, rules, resp.copy(), 5)
    zero = data._replace(spread=np.zeros_like(data.rows))
    found = fit_mixture(zero, rules, resp.copy(), 5)
    np.testing.assert_allclose(found.joint, plain.joint, rtol=1e-10)


def test_leaves_with_a_spread_act_as_their_rows():
    """One diagonal component of leaves is that of all rows."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 4)) * [1, 2, 3, 4]
    groups = rows.reshape(30, 10, 4)
    data = Data(
        np.ascontiguousarray(groups.mean(axis=1).T),
        np.ascontiguousarray(groups.var(axis=1).T),
        np.full(30, 10.0),
        np.full(30, 10.0),
    )
    whole = Data(np.ascontiguousarray(rows.T), np.empty((4, 0)), *np.ones((2, 300)))
    rules = rules_for(4, 300, 2)
    found = fit_mixture(data, rules, np.ones((1, 30)), 1)
    expected = fit_mixture(whole, rules, np.ones((1, 300)), 1)
    np.testing.assert_allclose(
        found.mixture.covariances, expected.mixture.covariances, rtol=1e-10
    )
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-10)


def test_likelihood_never_falls():
    for seed in range(5):
        rng, rows, data = make_data(seed, weighted=True)
        resp = rng.dirichlet([1, 1, 1], len(rows)).T.copy()
        rules = rules_for(3, len(rows), 8, floor=1e-9)
        path = [
            fit_mixture(data, rules, resp.copy(), n_iter, -1.0).log_likelihood
            for n_iter in range(1, 8)
        ]
        assert np.all(np.diff(path) >= -1e-9)


def test_joint_density_is_scipys():
    rng, rows, data = make_data(1)
    resp = rng.dirichlet([1, 1], len(rows)).T.copy()
    mixture = fit_mixture(data, rules_for(3, 60, 15), resp, 3).mixture
    joint = joint_log_density(mixture, rows.T)
    for k in range(2):
        expected = multivariate_normal(mixture.means[k], mixture.covariances[k])
        expected = expected.logpdf(rows) + math.log(mixture.mass[k] / 60)
        np.testing.assert_allclose(joint[k], expected, rtol=1e-9)


def test_empty_components_are_dropped():
    _, rows, data = make_data(2)
    resp = np.zeros((3, len(rows)))
    resp[0, :30] = resp[2, 30:] = 1.0
    state = fit_mixture(data, rules_for(3, 60, 1), resp, 1)
    assert state.ids.tolist() == [0, 2]
    np.testing.assert_allclose(state.resp.sum(axis=0), 1.0)


def test_merge_gain_is_the_change_of_the_criterion():
    rng, rows, data = make_data(4, n=200)
    resp = rng.dirichlet([1, 1, 1], len(rows)).T.copy()
    rules = rules_for(3, 200, 15)
    state = fit_mixture(data, rules, resp, 6)
    mixture = state.mixture
    both = state.resp[:1] + state.resp[1:2]
    joined = fit_mixture(data, rules, both.copy(), 1)
    joint = np.stack([joined.joint[0], state.joint[2]])
    after = np.logaddexp.reduce(joint).sum()
    n_params = joined.mixture.n_params[0] + mixture.n_params[2] + 1
    expected = state.bic(rules.log_n) - (n_params * rules.log_n - 2 * after)
    found = merge_gain(
        data, rules, state.joint[:2], state.resp[:2], mixture.n_params[:2].sum()
    )
    # Rows of which the pair has less than 1e-5 are left out.
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-2)


def test_two_components_of_one_gaussian_are_merged():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2))
    rows[:200] += [9, 0]
    data = Data(np.ascontiguousarray(rows.T), np.empty((2, 0)), *np.ones((2, 400)))
    resp = np.zeros((3, 400))
    resp[0, :200] = 1.0
    resp[1, 200:] = rng.uniform(size=200)
    resp[2, 200:] = 1.0 - resp[1, 200:]
    rules = rules_for(2, 400, 15, floor=1e-6)
    state = fit_mixture(data, rules, resp, 5)
    merged, owners = merge_redundant(data, rules, state, [{0}, {1}, {2}])
    assert sorted(map(sorted, owners)) == [[0], [1, 2]]
    assert merged.bic(rules.log_n) < state.bic(rules.log_n)
