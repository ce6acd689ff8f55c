"""First opinions from the counts, and the choices by held-out counts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skext.label_proportions import (
    BeliefPropagationLLPClassifier,
    CountLikelihoodClassifier,
    bag_target,
    make_bags,
)
from skext.label_proportions._bags.targets import read_bags
from skext.label_proportions._bootstrap.features import RobustFeatures
from skext.label_proportions._bootstrap.held_out import calibrate
from skext.label_proportions._bootstrap.linear_counts import (
    CountData,
    choose_fit,
    fit_counts,
    without_own_bag,
)
from skext.label_proportions._bootstrap.opinions import FirstOpinions, narrow
from skext.label_proportions._core.known_bags import KnownBags

RNG = np.random.default_rng(0)


def problem(n_samples=600, size=6, n_features=4, seed=0):
    """Draw a linear problem; features are centred."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    X -= X.mean(axis=0)
    y = (rng.random(n_samples) < expit(X[:, 0] - 1)).astype(int)
    # As features are made for the model: the sum of their variances is one.
    X /= np.sqrt(n_features)
    codes = np.arange(n_samples) // size
    target = bag_target(codes, counts=np.bincount(codes, y))
    return X, y, target


def count_data(X, target, **options):
    bags = read_bags(target, None, None)
    return CountData.of(X, KnownBags(bags, 1, None), **options)


# The linear model of counts


@pytest.mark.parametrize("n_features", [4, 150])
def test_fit_is_the_penalised_maximum(n_features):
    """More and fewer features than bags: both sides of the curvature."""
    X, _, target = problem(n_features=n_features)
    fit = fit_counts(count_data(X, target), 2.0)
    model = CountLikelihoodClassifier(C=2.0, tol=1e-8).fit(X, target)
    # The constant has a prior, too, that hardly matters.
    assert_allclose(fit.theta[1:], model.coef_[0], atol=2e-3)
    assert_allclose(fit.theta[0], model.intercept_[0], atol=5e-3)


def test_rows_of_known_labels_are_logistic_regression():
    X, y, _ = problem()
    target = bag_target(np.arange(len(y)), counts=y)
    fit = fit_counts(count_data(X, target), 2.0)
    model = LogisticRegression(C=2.0, tol=1e-8).fit(X, y)
    assert_allclose(fit.theta[1:], model.coef_[0], atol=2e-3)


@pytest.mark.parametrize("n_features", [3, 40])
def test_own_bag_is_left_out(n_features):
    X, _, target = problem(240, 8, n_features)
    data = count_data(X, target)
    fit = fit_counts(data, 2.0)
    found, off, moved = without_own_bag(data, fit), [], []
    for b in range(30):
        rest = target["bag"] != b
        other = fit_counts(count_data(X[rest], target[rest]), 2.0)
        exact = other.predict(X[~rest])
        off.append(found[~rest] - exact)
        moved.append(fit.scores[~rest] - exact)
    assert np.sqrt(np.mean(np.square(off))) < 0.35 * np.sqrt(np.mean(np.square(moved)))


def test_evidence_is_that_of_a_grid():
    """Laplace's approximation against a sum over constants and weights."""
    X, _, target = problem(300, 6, 1)
    data = count_data(X, target)
    variance = 1.5
    fit = fit_counts(data, variance)
    constants = fit.theta[0] + np.linspace(-1.5, 1.5, 61)
    weights = fit.theta[1] + np.linspace(-1.5, 1.5, 61)
    logs = np.empty((61, 61))
    center = np.log(data.counts.sum() / (len(X) - data.counts.sum()))
    for i, a in enumerate(constants):
        for j, w in enumerate(weights):
            _, log = data.posterior(a + X[:, 0] * w)
            prior = -0.5 * ((a - center) ** 2 / 100 + w**2 / variance)
            logs[i, j] = log.sum() + prior
    cell = (constants[1] - constants[0]) * (weights[1] - weights[0])
    normal = -np.log(2 * np.pi) - 0.5 * np.log(100 * variance)
    total = np.log(np.exp(logs - logs.max()).sum() * cell) + logs.max() + normal
    assert abs(fit.evidence - total) < 0.25


def test_variance_follows_the_evidence():
    """Labels that features tell nearly, and labels that they do not tell."""
    X, _, _ = problem(2000, 4)
    F = RobustFeatures(X)(X)
    codes = np.arange(2000) // 4
    variances = []
    for slope in (0.0, 6.0):
        y = RNG.random(2000) < expit(slope * X[:, 0])
        target = bag_target(codes, counts=np.bincount(codes, y))
        variances.append(choose_fit(count_data(F, target)).variance)
    assert variances[0] <= 1 < 4 <= variances[1]


def test_noisy_counts_weigh_less():
    X, _, target = problem()
    certain = fit_counts(count_data(X, target), 1.0)
    same = fit_counts(count_data(X, target, bag_strength=1e4), 1.0)
    vague = fit_counts(count_data(X, target, bag_strength=1e-3), 1.0)
    assert_allclose(same.theta, certain.theta, atol=1e-3)
    assert np.abs(vague.theta[1:]).max() < 0.5 * np.abs(certain.theta[1:]).max()


def test_sparse_features_are_centred_in_products():
    X, _, target = problem()
    shifted = X + np.array([3.0, 0, -2.0, 0.5])
    center = shifted.mean(axis=0)
    dense = count_data(shifted - center, target)
    thin = count_data(sparse.csr_array(shifted), target, center=center)
    one, two = fit_counts(dense, 1.0), fit_counts(thin, 1.0)
    assert_allclose(two.theta, one.theta, atol=1e-8)
    assert_allclose(two.evidence, one.evidence)
    assert_allclose(without_own_bag(thin, two), without_own_bag(dense, one), atol=1e-7)


def test_first_opinions_know_unlabelled_rows_and_certain_classes():
    X, y, _ = problem()
    codes = np.where(np.arange(600) < 120, -1, np.arange(600) // 6)
    counts = {b: y[codes == b].sum() for b in np.unique(codes[codes >= 0])}
    bags = read_bags(bag_target(codes, counts=counts), None, None)
    found = FirstOpinions(X, bags, 1, None, np.inf)
    assert roc_auc_score(y[:120], found.scores[:120]) > 0.65
    none = read_bags(bag_target(codes, counts=dict.fromkeys(counts, 0)), None, None)
    assert_array_equal(FirstOpinions(X, none, 1, None, np.inf).scores, -10.0)


def test_narrow_tables_stay(monkeypatch):
    from skext.label_proportions._bootstrap import opinions

    X = RNG.normal(size=(50, 30))
    assert narrow(X, 10**6) is X
    monkeypatch.setattr(opinions, "_MANY", 10)
    monkeypatch.setattr(opinions, "_N_DIRECTIONS", 5)
    assert narrow(X, 8) is X
    assert narrow(X, 40).shape == (50, 5)
    assert narrow(sparse.csr_array(X), 40).shape == (50, 5)


# Features


def test_features_have_no_units_and_no_tails():
    X = RNG.normal(size=(500, 3))
    X[:, 2] = RNG.random(500) < 0.03
    F = RobustFeatures(X)(X)
    assert F.shape == (500, 5)
    assert_allclose(F.var(axis=0).sum(), 1)
    assert_allclose(F.mean(axis=0), 0, atol=1e-12)
    moved = X * [1e3, 1e-3, 7.0] + [1e6, -1.0, 3.0]
    assert_allclose(RobustFeatures(moved)(moved), F, atol=1e-8)
    far = X.copy()
    far[0, 0] = 1e9
    bent = RobustFeatures(far)(far)[:, 3]
    assert np.abs(bent).max() < 5 * np.abs(bent[1:]).max()
    X[3, 1] = np.nan
    assert np.isfinite(RobustFeatures(X)(X)).all()


def test_sparse_features_differ_by_a_shift():
    X = RNG.normal(size=(300, 4)) * (RNG.random((300, 4)) < 0.6)
    X[:, 3] = X[:, 3] != 0
    dense = RobustFeatures(X)(X)
    thin = RobustFeatures(sparse.csr_array(X))(sparse.csr_array(X))
    assert sparse.issparse(thin)
    difference = thin.toarray() - dense
    assert_allclose(difference - difference[0], 0, atol=1e-12)


# Choices by held-out counts


def test_calibration_finds_temperature_and_level():
    X, _, _ = problem(6000, 6)
    h = 1.5 * X[:, 0] - 1
    y = RNG.random(6000) < expit(h)
    codes = np.arange(6000) // 6
    bags = read_bags(bag_target(codes, counts=np.bincount(codes, y)), None, None)
    found = calibrate(3 * h + 4, bags, 1)
    assert 0.25 < found.factor < 0.45
    assert np.abs(found(3 * h + 4) - h).mean() < 0.3
    right = calibrate(h, bags, 1)
    assert 0.75 < right.factor < 1.35
    wrong = calibrate(RNG.normal(size=6000), bags, 1)
    assert wrong.log_probability < right.log_probability - 50


def test_calibration_of_several_classes():
    X, y = make_blobs(900, centers=3, cluster_std=2.0, random_state=0)
    scores = LogisticRegression().fit(X, y).predict_log_proba(X)
    bags = make_bags(X, y, bag_size=6, random_state=0)
    read = read_bags(bags.target, None, None)
    scores = scores[bags.order]
    found = calibrate(2 * scores + [0, 1.0, -1.0], read, None)
    assert 0.35 < found.factor < 0.7
    total = np.exp(found(2 * scores + [0, 1.0, -1.0]))
    total = (total / total.sum(axis=1, keepdims=True)).sum(axis=0)
    assert_allclose(total, np.bincount(y), rtol=0.02)


def test_neighbours_are_heard_where_clusters_are_classes():
    options = {"n_informative": 5, "n_clusters_per_class": 2, "class_sep": 1.2}
    X, y = make_classification(4000, 10, random_state=0, **options)
    bags = make_bags(X, y, bag_size=20, random_state=0)
    model = BeliefPropagationLLPClassifier(random_state=0).fit(bags.data, bags.target)
    assert model.similarity_strength_ > 0
    assert roc_auc_score(bags.y_true, model.pseudo_label_proba_[:, 1]) > 0.98


def test_a_line_is_learned_where_a_line_is_all():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 20))
    y = rng.random(3000) < expit(X @ rng.normal(size=20) * 0.6 - 1)
    bags = make_bags(X, y.astype(int), bag_size=8, random_state=0)
    model = BeliefPropagationLLPClassifier(random_state=0).fit(bags.data, bags.target)
    assert model.similarity_strength_ <= 0.3
    assert not hasattr(model.estimator_, "n_iter_no_change")
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.75


def test_rounds_and_trees_where_no_line_tells():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(4000, 2))
    y = (rng.random(4000) < expit(8 * (X[:, 0] - 1.5 * X[:, 1] ** 2))).astype(int)
    bags = make_bags(X, y, bag_size=8, random_state=0)
    model = BeliefPropagationLLPClassifier(random_state=0).fit(bags.data, bags.target)
    line = CountLikelihoodClassifier().fit(bags.data, bags.target)
    area, of_line = (roc_auc_score(y, m.predict_proba(X)[:, 1]) for m in (model, line))
    assert area > of_line + 0.03
    one = clone(model).set_params(n_rounds=1).fit(bags.data, bags.target)
    assert one.n_rounds_ == 1


def test_shuffled_shares_stay_at_chance():
    """Of many draws: no label leaks into what chooses and learns."""
    areas = []
    for seed in range(12):
        X, y = make_classification(600, 5, random_state=seed)
        bags = make_bags(X, y, bag_size=10, random_state=seed)
        target = bags.target.copy()
        share = target["proportion"][::10]
        target["proportion"] = np.repeat(
            np.random.default_rng(seed).permutation(share), 10
        )
        model = BeliefPropagationLLPClassifier(random_state=0)
        model.fit(bags.data, target)
        areas.append(roc_auc_score(y, model.predict_proba(X)[:, 1]))
    assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas) / np.sqrt(12) + 0.02


def test_leaves_as_refiner():
    X, y = make_blobs(400, centers=2, cluster_std=2.0, random_state=0)
    bags = make_bags(X, y, bag_size=10, random_state=0)
    model = BeliefPropagationLLPClassifier(refiner="trees", random_state=0)
    model.fit(bags.data, bags.target)
    assert model.n_rounds_ >= 2
    assert model.refiner_.transform(bags.data).shape[0] == 400
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.9


@pytest.mark.parametrize("n_known", [1, 2, 13])
def test_few_known_bags_among_unknown_ones(n_known):
    X, y = make_blobs(300, centers=2, random_state=0)
    codes = np.arange(300) // 20
    counts = np.bincount(codes, y).astype(float)
    counts[n_known:] = np.nan
    target = bag_target(codes, counts=counts, unknown="ignore")
    model = BeliefPropagationLLPClassifier(random_state=0).fit(X, target)
    assert np.isfinite(model.predict_proba(X)).all()
    if n_known > 2:
        assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.9


@pytest.mark.parametrize("options", [{"bag_strength": 1.0}, {"pseudo_labels": "count"}])
def test_three_classes_at_the_defaults(options):
    X, y = make_blobs(450, centers=3, random_state=1)
    bags = make_bags(X, y, bag_size=15, random_state=0)
    model = BeliefPropagationLLPClassifier(random_state=0, **options)
    model.fit(bags.data, bags.target)
    assert (model.predict(X) == y).mean() > 0.8


def test_noisy_counts_at_the_defaults():
    X, y = make_classification(1500, 6, n_informative=4, random_state=0)
    codes = np.arange(1500) // 25
    noise = np.random.default_rng(0).normal(scale=2, size=60)
    counts = np.clip(np.bincount(codes, y) + noise, 0, 25)
    model = BeliefPropagationLLPClassifier(bag_strength=1 / 8, random_state=0)
    model.fit(X, bag_target(codes, counts=counts))
    # Logistic regression with all labels has .76.
    assert roc_auc_score(y, model.predict_proba(X)[:, 1]) > 0.74
