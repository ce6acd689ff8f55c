"""SVMSMOTE: parity, groups, margins."""

import imblearn.over_sampling
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

from skext.over_sampling import SMOTE
from skext.over_sampling._drop_in.svm import SVMSMOTE


def make(weights=(0.8, 0.2), n_samples=300, seed=0, sep=0.7):
    return make_classification(
        n_samples=n_samples,
        n_features=5,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        class_sep=sep,
        flip_y=0,
        random_state=seed,
    )


def groups(X, y, label, support, m=10):
    """Brute force: the support vectors of a class in danger, and the safe ones."""
    distance = np.linalg.norm(X[:, None] - X[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1)[:, :m]
    foreign = (y[near] != label).sum(axis=1)
    own = np.isin(np.arange(len(y)), support) & (y == label) & (foreign < m)
    return np.flatnonzero(own & (foreign >= m / 2)), np.flatnonzero(
        own & (foreign < m / 2)
    )


@pytest.mark.parametrize("seed", range(5))
def test_same_rows_as_imbalanced_learn_with_one_stream(seed):
    """With a generator; with an integer the peer's groups share their draws."""
    X, y = make(seed=seed)
    machine = SVC(gamma="scale", random_state=0)
    found, expected = (
        cls(
            random_state=np.random.RandomState(seed), svm_estimator=machine
        ).fit_resample(X, y)
        for cls in (SVMSMOTE, imblearn.over_sampling.SVMSMOTE)
    )
    assert_array_equal(found[0], expected[0])
    assert_array_equal(found[1], expected[1])


def test_groups_by_brute_force():
    X, y = make((0.6, 0.25, 0.15))
    sampler = SVMSMOTE(random_state=0, out_step=0.3)
    _, y_new = sampler.fit_resample(X, y)
    base, gaps = sampler.sample_indices_[len(X) :], sampler.gaps_
    labels = y_new[len(X) :]
    for label in (1, 2):
        danger, safe = groups(X, y, label, sampler.svm_estimator_.support_)
        inside = (labels == label) & (gaps >= 0)
        outside = (labels == label) & (gaps < 0)
        assert set(base[inside]) <= set(danger)
        assert set(base[outside]) <= set(safe)
        # Beta(10, 10) is between 0.1 and 0.9 but for one chance in a million.
        assert 0.1 < inside.sum() / (labels == label).sum() < 0.9
    assert gaps.min() > -0.3


def test_gaps_are_uniform():
    """One chance in a thousand for each test to fail by accident."""
    X, y = make()
    sampler = SVMSMOTE(random_state=0, out_step=0.4, sampling_strategy={1: 20_000})
    sampler.fit_resample(X, y)
    gaps = sampler.gaps_
    assert stats.kstest(gaps[gaps >= 0], "uniform").pvalue > 1e-3
    assert stats.kstest(-gaps[gaps < 0], stats.uniform(0, 0.4).cdf).pvalue > 1e-3


def test_an_empty_group_takes_no_rows_away():
    """The peer forgets the share of the empty group."""
    missed = 0
    for seed in range(6):
        X, y = make(seed=seed, n_samples=100, sep=2.0)
        expected = (y == 0).sum()
        peer = imblearn.over_sampling.SVMSMOTE(random_state=seed)
        missed += (peer.fit_resample(X, y)[1] == 1).sum() < expected
        sampler = SVMSMOTE(random_state=seed)
        assert (sampler.fit_resample(X, y)[1] == 1).sum() == expected
        danger, safe = groups(X, y, 1, sampler.svm_estimator_.support_)
        assert (sampler.gaps_ < 0).any() == (safe.size > 0)
        assert (sampler.gaps_ >= 0).any() == (danger.size > 0)
    assert missed > 0


def test_rows_without_weight_are_no_support():
    X, y = make()
    sampler = SVMSMOTE(random_state=0)
    sampler.fit_resample(X, y)
    danger, _ = groups(X, y, 1, sampler.svm_estimator_.support_)
    weight = np.ones(len(X))
    weight[danger] = 0
    sampler.fit_resample(X, y, sample_weight=weight)
    assert sampler.svm_estimator_.shape_fit_[0] == len(X) - danger.size


def test_no_step_repeats_safe_rows():
    X, y = make()
    sampler = SVMSMOTE(random_state=0, out_step=0)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    still = sampler.gaps_ == 0
    assert still.any()
    assert_array_equal(new[still], X[sampler.sample_indices_[len(X) :][still]])


def test_machine_is_fitted_once():
    fits = []

    class Counting(SVC):
        def fit(self, X, y, sample_weight=None):
            fits.append(len(X))
            return super().fit(X, y, sample_weight)

    X, y = make((0.6, 0.25, 0.15))
    SVMSMOTE(random_state=0, svm_estimator=Counting()).fit_resample(X, y)
    assert fits == [len(X)]


def test_margin_of_a_support_vector_machine():
    """The rows within the margin are the support vectors, but for rounding."""
    X, y = make()
    machine = SVC(kernel="linear", tol=1e-8)
    given = SVMSMOTE(random_state=0, svm_estimator=machine).fit_resample(X, y)[0]
    sampler = SVMSMOTE(random_state=0, svm_estimator=machine, support="margin")
    sampler.fit_resample(X, y)
    scores = sampler.svm_estimator_.decision_function(X) * (2 * y - 1)
    used = np.unique(sampler.sample_indices_[len(X) :])
    assert (scores[used] <= 1).all()
    assert set(used) <= set(sampler.svm_estimator_.support_)
    assert given.shape[0] == len(sampler.sample_indices_)


@pytest.mark.parametrize("weights", [(0.8, 0.2), (0.6, 0.25, 0.15)])
@pytest.mark.parametrize("machine", [LinearSVC(), SGDClassifier()])
def test_margin_of_linear_machines(weights, machine):
    X, y = make(weights)
    names = np.array(["b", "a", "c"])[y]
    options = {"svm_estimator": machine, "support": "margin", "random_state": 0}
    sampler = SVMSMOTE(**options)
    found, labels = sampler.fit_resample(X, names)
    assert len(set(np.unique(labels, return_counts=True)[1])) == 1
    fitted = sampler.svm_estimator_
    scores = fitted.decision_function(X)
    if scores.ndim == 1:
        own = scores * np.where(names == fitted.classes_[1], 1, -1)
    else:
        own = scores[np.arange(len(X)), np.searchsorted(fitted.classes_, names)]
    assert (own[sampler.sample_indices_[len(X) :]] <= 1).all()
    # A machine without a seed is given one.
    assert_array_equal(SVMSMOTE(**options).fit_resample(X, names)[0], found)
    assert machine.random_state is None


def test_estimators_that_are_no_such_machine():
    X, y = make()
    with pytest.raises(RuntimeError, match="support='margin'"):
        SVMSMOTE(svm_estimator=LogisticRegression()).fit_resample(X, y)
    with pytest.raises(ValueError, match="needs an svm_estimator with a decision_fun"):
        SVMSMOTE(svm_estimator=KNeighborsClassifier(), support="margin").fit_resample(
            X, y
        )


def test_noise_only():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(100, 2)), rng.normal(size=(3, 2)) * 0.1])
    y = np.repeat([0, 1], [100, 3])
    options = {"random_state": 0, "k_neighbors": 2, "m_neighbors": 2}
    X[-3:] += [[0, 0], [1, 1], [-1, -1]]
    with pytest.raises(ValueError, match="SVM-SMOTE is not adapted to your dataset"):
        SVMSMOTE(**options).fit_resample(X, y)
    with pytest.warns(UserWarning, match="Class '1' has no support vector"):
        found = SVMSMOTE(on_empty="smote", **options).fit_resample(X, y)[0]
    expected = SMOTE(random_state=0, k_neighbors=2).fit_resample(X, y)[0]
    assert_array_equal(found, expected)
