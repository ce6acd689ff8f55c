"""SMOTE-IPF: the filter step by step, and what may be removed."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skext.over_sampling._drop_in.smote import SMOTE
from skext.over_sampling._ipf import SMOTEIPF, deal_out, partitioning_filter


def make(n_samples=400, seed=0, flip=0.1):
    return make_classification(
        n_samples=n_samples,
        n_features=5,
        n_informative=4,
        n_redundant=0,
        weights=[0.75],
        flip_y=flip,
        random_state=seed,
    )


class Constant(ClassifierMixin, BaseEstimator):
    """Predicts one class, whatever it has seen."""

    def __init__(self, answer=0):
        self.answer = answer

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(X.shape[0], self.answer)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_partitions", [1, 3, 9, 100])
def test_parts_are_stratified(seed, n_partitions):
    rng = np.random.RandomState(seed)
    codes = rng.choice(3, p=[0.7, 0.2, 0.1], size=62)
    parts = deal_out(rng, codes, n_partitions)
    n_parts = min(n_partitions, 62)
    assert_array_equal(np.unique(parts), np.arange(n_parts))
    assert np.ptp(np.bincount(parts)) <= 1
    for c in range(3):
        assert np.ptp(np.bincount(parts[codes == c], minlength=n_parts)) <= 1


def test_parts_are_random():
    parts = np.array(
        [deal_out(np.random.RandomState(s), np.zeros(9, int), 3) for s in range(900)]
    )
    assert np.abs((parts == 0).mean(axis=0) - 1 / 3).max() < 4.5 * np.sqrt(2 / 9 / 900)


@pytest.mark.parametrize("voting", ["majority", "consensus"])
@pytest.mark.parametrize("seed", range(3))
def test_passes_are_those_of_the_paper(voting, seed):
    """A literal account with the same parts; naive Bayes draws nothing."""
    X, y = make(seed=seed)
    sampler = SMOTEIPF(random_state=seed, voting=voting, estimator=GaussianNB())
    sampler.fit_resample(X, y)
    rng = np.random.RandomState(seed)
    X_all, y_all = SMOTE(random_state=rng).fit_resample(X, y)
    rows, quiet, n_passes = list(range(len(y_all))), 0, 0
    while quiet < 3 and n_passes < 30:
        parts = deal_out(rng, y_all[rows], 9)
        answers = []
        for part in range(9):
            own = [r for r, p in zip(rows, parts, strict=True) if p == part]
            answers.append(
                GaussianNB().fit(X_all[own], y_all[own]).predict(X_all[rows])
            )
        left = []
        for i, row in enumerate(rows):
            against = sum(answer[i] != y_all[row] for answer in answers)
            noisy = against == 9 if voting == "consensus" else against > 4.5
            if not noisy:
                left.append(row)
        quiet = quiet + 1 if len(rows) - len(left) < 0.01 * len(y) else 0
        rows, n_passes = left, n_passes + 1
    assert_array_equal(sampler.kept_indices_, rows)
    assert sampler.n_iter_ == n_passes
    assert n_passes > 3 or voting == "consensus"


def test_output_is_part_of_smote():
    X, y = make()
    sampler = SMOTEIPF(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    X_all, y_all = SMOTE(random_state=0).fit_resample(X, y)
    kept = sampler.kept_indices_
    assert_array_equal(X_new, X_all[kept])
    assert_array_equal(y_new, y_all[kept])
    assert_array_equal(sampler.sample_indices_, sampler.smote_.sample_indices_[kept])
    assert (np.diff(kept) > 0).all()
    gone = np.bincount(y_all) - np.bincount(y_new)
    assert sampler.n_removed_ == {0: gone[0], 1: gone[1]}
    assert gone.sum() > 0
    assert sampler.n_iter_ >= 3


def test_wrong_labels_are_found():
    """Most of the flipped rows go, few of the others."""
    X, y = make(1000, flip=0)
    X[y == 1] += 3
    flipped = np.random.default_rng(0).choice(1000, 60, replace=False)
    wrong = y.copy()
    wrong[flipped] = 1 - wrong[flipped]
    sampler = SMOTEIPF(random_state=0)
    sampler.fit_resample(X, wrong)
    kept = np.isin(np.arange(1000), sampler.kept_indices_)
    assert kept[flipped].mean() < 0.3
    assert kept[np.setdiff1d(np.arange(1000), flipped)].mean() > 0.9


def test_given_rows_can_be_spared():
    X, y = make(flip=0.2)
    X_new, y_new = SMOTEIPF(random_state=0, filter_original=False).fit_resample(X, y)
    assert_array_equal(X_new[: len(X)], X)
    assert_array_equal(y_new[: len(X)], y)
    assert len(X_new) < 2 * (y == 0).sum()
    X_new, _ = SMOTEIPF(random_state=0).fit_resample(X, y)
    assert not np.array_equal(X_new[: len(X)], X)


def test_consensus_removes_less():
    X, y = make()
    sizes = [
        len(SMOTEIPF(random_state=0, voting=v).fit_resample(X, y)[1])
        for v in ("majority", "consensus")
    ]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("voting", ["majority", "consensus"])
@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"], [5, 3]])
def test_no_class_disappears(voting, labels):
    X, y = make()
    sampler = SMOTEIPF(random_state=0, voting=voting, estimator=Constant(0))
    y_new = sampler.fit_resample(X, np.array(labels)[y])[1]
    counts = np.unique(y_new, return_counts=True)[1]
    assert counts.tolist() == [(y == 0).sum()] * 2
    assert sum(sampler.n_removed_.values()) == 0


def test_string_labels_and_three_classes():
    """The peer compares votes of 0 and 1."""
    X, y = make_classification(
        n_samples=400, n_informative=4, n_classes=3, weights=[0.6, 0.3], random_state=0
    )
    numbers = SMOTEIPF(random_state=0).fit_resample(X, y)
    names = SMOTEIPF(random_state=0).fit_resample(X, np.array(["a", "b", "c"])[y])
    assert_array_equal(numbers[0], names[0])
    assert set(names[1]) == {"a", "b", "c"}


def test_the_end_of_the_filter():
    X, y = make()
    sampler = SMOTEIPF(random_state=0, max_iter=1)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=1 .*tol") as caught:
        sampler.fit_resample(X, y)
    assert caught[0].filename == __file__
    assert sampler.n_iter_ == 1
    sampler = SMOTEIPF(random_state=0, tol=1.0, n_quiet_passes=2)
    sampler.fit_resample(X, y)
    assert sampler.n_iter_ == 2
    # Nothing removed is quiet even if no share is small enough.
    sampler = SMOTEIPF(random_state=0, tol=0.0, estimator=Constant(0), n_quiet_passes=4)
    sampler.fit_resample(X, y)
    assert sampler.n_iter_ == 4


def test_the_filter_alone():
    rng = np.random.RandomState(0)
    X = np.r_[np.zeros((30, 1)), np.ones((30, 1))]
    codes = np.repeat([0, 1], 30)
    codes[[3, 40]] = 1 - codes[[3, 40]]
    options = {"consensus": False, "quiet_below": 1, "n_quiet": 2, "max_iter": 9}
    kept, n_iter, quiet = partitioning_filter(
        X,
        codes,
        np.ones(60, dtype=bool),
        rng,
        model=DecisionTreeClassifier(),
        n_partitions=3,
        **options,
    )
    assert_array_equal(kept, np.setdiff1d(np.arange(60), [3, 40]))
    assert (n_iter, quiet) == (3, 2)


def test_estimators_are_cloned():
    X, y = make()
    model = DecisionTreeClassifier(max_depth=2, random_state=5)
    sampler = SMOTEIPF(random_state=0, estimator=model)
    expected = sampler.fit_resample(X, y)
    assert not hasattr(model, "tree_")
    assert model.random_state == 5
    found = clone(sampler).set_params(estimator__max_depth=3).fit_resample(X, y)
    assert len(found[0]) != len(expected[0])
