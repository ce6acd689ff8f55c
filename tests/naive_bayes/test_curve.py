"""Learning curves: nested sets, one pass for merged fits, exact crossings."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skext.naive_bayes import LinearGaussianNB, NearestClassMean, ShrinkageLDA
from skext.naive_bayes._curve.crossover import bootstrap_crossover, find_crossover
from skext.naive_bayes._curve.curve import ProbeLearningCurve, probe_learning_curve
from skext.naive_bayes._curve.data import check_train_sizes, nested_order
from skext.naive_bayes._curve.fit import is_mergeable, nested_fits, warm_started


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True)


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers the rows that each fit saw; the first feature is the row number."""

    seen = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen.append(X[:, 0].astype(int).tolist())
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


# Nested training sets.


@pytest.mark.parametrize("seed", range(5))
def test_stratified_order_keeps_all_classes_and_their_shares(seed):
    rng = np.random.RandomState(seed)
    codes = rng.permutation(np.repeat([0, 1, 2, 3], [600, 300, 99, 1]))
    order = nested_order(codes, 4, "stratified", rng)
    assert sorted(order) == list(range(1000))
    assert set(codes[order[:4]]) == {0, 1, 2, 3}
    for size in (10, 50, 200, 500):
        counts = np.bincount(codes[order[:size]], minlength=4)
        share = size * np.bincount(codes) / 1000
        # One of each class comes first, whatever its share.
        assert np.all(np.abs(counts - share) <= 4)
    assert counts[3] == 1


def test_stratified_order_is_random_within_classes():
    codes = np.repeat([0, 1], 50)
    orders = [
        tuple(nested_order(codes, 2, "stratified", np.random.RandomState(s))[:10])
        for s in range(20)
    ]
    assert len(set(orders)) == 20


def test_reject_is_simple_random_given_that_all_classes_are_there():
    codes = np.repeat([0, 1], [8, 2])
    rng = np.random.RandomState(0)
    rare = []
    for _ in range(2000):
        order = nested_order(codes, 3, "reject", rng)
        assert sorted(order) == list(range(10))
        rare.append(codes[order[:3]].sum())
    # Hypergeometric: one of two rare rows in 56 of 120 sets, both in 8.
    expected = 8 / 64
    observed = np.mean(np.array(rare) == 2)
    assert abs(observed - expected) < 4 * np.sqrt(expected * (1 - expected) / 2000)


def test_reject_gives_up_and_says_why():
    codes = np.zeros(30_000, dtype=int)
    codes[0] = 1
    with pytest.raises(ValueError, match="1000 draws; use sampling='stratified'"):
        nested_order(codes, 2, "reject", np.random.RandomState(0))
    with pytest.raises(ValueError, match="has 1 and .*number of classes, 2"):
        nested_order(codes, 1, "stratified", np.random.RandomState(0))


def test_train_sizes():
    assert check_train_sizes([50, 10, 50], 100, 2).tolist() == [10, 50]
    assert check_train_sizes([0.1, 0.5, 1.0], 100, 2).tolist() == [10, 50, 100]
    automatic = check_train_sizes(None, 1000, 10)
    assert automatic[0] == 20
    assert automatic[-1] == 1000
    assert automatic.size == 8
    assert check_train_sizes(None, 6, 5).tolist() == [6]
    for bad in ([0], [-1.0], [10.5], [[1, 2]], []):
        with pytest.raises(ValueError, match="train_sizes"):
            check_train_sizes(bad, 100, 2)
    with pytest.raises(ValueError, match="has 101 and must be at most 100.*; lower it"):
        check_train_sizes([101], 100, 2)


def test_training_sets_are_nested_paired_and_apart_from_the_test():
    X, y = load_iris(return_X_y=True)
    X = np.column_stack([np.arange(len(X)), X])
    Recorder.seen.clear()
    probe_learning_curve(
        {"a": Recorder(), "b": Recorder()},
        X,
        y,
        train_sizes=[5, 20, 60],
        n_repeats=2,
        test_size=30,
        scoring="error",
        random_state=0,
    )
    runs = [Recorder.seen[i : i + 3] for i in range(0, 12, 3)]
    for small, middle, large in runs:
        assert small == middle[:5]
        assert middle == large[:20]
        assert len(set(large)) == 60
    assert runs[0] == runs[1]
    assert runs[2] == runs[3]
    assert runs[0] != runs[2]


# Fits.


def test_who_can_be_merged():
    assert is_mergeable(LinearGaussianNB())
    assert is_mergeable(ShrinkageLDA())
    assert is_mergeable(ShrinkageLDA(shrinkage=0.3))
    assert is_mergeable(NearestClassMean(metric="cosine", feature_transform="l2"))
    assert not is_mergeable(LinearGaussianNB(shrinkage="loo"))
    assert not is_mergeable(LinearGaussianNB(temperature="loo"))
    assert not is_mergeable(ShrinkageLDA(shrinkage="ledoit-wolf"))
    assert not is_mergeable(NearestClassMean(feature_transform="center-l2"))
    assert not is_mergeable(GaussianNB())
    assert not is_mergeable(SGDClassifier())
    assert not is_mergeable(make_pipeline(StandardScaler(), LinearGaussianNB()))


@pytest.mark.parametrize(
    "probe", [LinearGaussianNB(), ShrinkageLDA(), NearestClassMean()]
)
def test_merged_fits_are_those_of_single_fits(cancer, monkeypatch, probe):
    X, y = cancer
    order = np.random.default_rng(0).permutation(len(y))
    sizes = np.array([10, 37, 200, 500])
    seen = []
    update = type(probe).partial_fit

    def counted(self, X, *args, **kwargs):
        seen.append(len(X))
        return update(self, X, *args, **kwargs)

    monkeypatch.setattr(type(probe), "partial_fit", counted)
    fits = nested_fits(probe, X, y, order, sizes, np.unique(y))
    last = 0.0
    for size, (model, seconds) in zip(sizes, fits, strict=True):
        single = clone(probe).fit(X[order[:size]], y[order[:size]])
        np.testing.assert_allclose(model.coef_, single.coef_, rtol=1e-7, atol=1e-9)
        assert seconds > 0
        last = seconds
    assert last < 10
    # One pass over the largest set.
    assert sum(seen) == 500


def test_warm_starts_change_the_time_only(cancer):
    X, y = cancer
    X = StandardScaler().fit_transform(X)
    probe = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))
    assert warm_started(probe)[-1].warm_start
    assert not probe[-1].warm_start
    assert not warm_started(SGDClassifier()).warm_start
    assert not warm_started(LogisticRegression(solver="liblinear")).warm_start
    order = np.random.default_rng(0).permutation(len(y))
    sizes = np.array([50, 100, 300])
    warm = nested_fits(probe, X, y, order, sizes, np.unique(y))
    for size, (model, _) in zip(sizes, warm, strict=True):
        cold = clone(probe).fit(X[order[:size]], y[order[:size]])
        np.testing.assert_allclose(model[-1].coef_, cold[-1].coef_, atol=1e-4)


# The function.


def test_frame_is_tidy_and_complete(cancer):
    probes = {"nb": LinearGaussianNB(), "ridge": RidgeClassifier()}
    curve = probe_learning_curve(
        probes, *cancer, train_sizes=[10, 50], n_repeats=3, random_state=0
    )
    frame = curve.frame
    assert (
        list(frame)
        == ["estimator n_train repeat error log_loss fit_time score_time".split()][0]
    )
    assert len(frame) == 2 * 2 * 3
    assert frame["error"].between(0, 1).all()
    assert (frame[["fit_time", "score_time"]] >= 0).all(axis=None)
    missing = frame["log_loss"].isna()
    assert set(frame["estimator"][missing]) == {"ridge"}
    assert curve.values("nb").shape == (3, 2)
    assert "train_sizes=[10, 50], n_repeats=3" in repr(curve)
    with pytest.raises(ValueError, match="log loss needs predict_proba"):
        curve.crossover("nb", "ridge", metric="log_loss")


def test_values_are_those_of_a_loop_by_hand():
    """One repeat with a test set of its own."""
    X, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(150)
    test = X[rows[:50]], y[rows[:50]]
    X, y = X[rows[50:]], y[rows[50:]]
    Recorder.seen.clear()
    curve = probe_learning_curve(
        {"nb": LinearGaussianNB(), "who": Recorder()},
        np.column_stack([np.arange(100), X]),
        y,
        train_sizes=[12, 100],
        n_repeats=1,
        test_size=(np.column_stack([np.zeros(50), test[0]]), test[1]),
        scoring=["error", "log_loss", "balanced_accuracy"],
        random_state=3,
    )
    for column, train in enumerate(Recorder.seen):
        Z = np.column_stack([train, X[train]])
        model = LinearGaussianNB().fit(Z, y[train])
        Z_test = np.column_stack([np.zeros(50), test[0]])
        error = np.mean(model.predict(Z_test) != test[1])
        loss = log_loss(test[1], model.predict_proba(Z_test))
        assert curve.values("nb")[0, column] == pytest.approx(error)
        assert curve.values("nb", "log_loss")[0, column] == pytest.approx(loss)
    assert curve.values("who", "balanced_accuracy").tolist() == [[1 / 3, 1 / 3]]


def test_result_does_not_depend_on_the_number_of_processes(cancer):
    def run(n_jobs):
        # Threads start at once; the jobs are the same.
        with parallel_config("threading"):
            curve = probe_learning_curve(
                [LinearGaussianNB(), DummyClassifier()],
                *cancer,
                train_sizes=[10, 100],
                n_repeats=3,
                n_jobs=n_jobs,
                random_state=0,
            )
        return curve.frame.drop(columns=["fit_time", "score_time"])

    pd.testing.assert_frame_equal(run(None), run(2))


@pytest.mark.parametrize("kind", ["frame", "csr", "coo", "list"])
def test_containers(kind):
    X, y = load_iris(return_X_y=True)
    labels = np.array(["u", "v", "w"])[y]
    given = {
        "frame": pd.DataFrame(X, columns=list("abcd"), index=np.arange(150)[::-1]),
        "csr": sparse.csr_array(X),
        "coo": sparse.coo_array(X),
        "list": X.tolist(),
    }[kind]
    options = {"train_sizes": [6, 40], "n_repeats": 2, "random_state": 0}
    found = probe_learning_curve({"nb": LinearGaussianNB()}, given, labels, **options)
    plain = probe_learning_curve({"nb": LinearGaussianNB()}, X, y, **options)
    np.testing.assert_allclose(found.values("nb"), plain.values("nb"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimators": [GaussianNB(), GaussianNB()]}, "different names"),
        ({"estimators": {}}, "different names"),
        ({"scoring": []}, "scoring"),
        ({"scoring": "nonsense"}, "nonsense"),
        ({"sampling": "bootstrap"}, "'sampling'"),
        ({"test_size": 150}, "leave rows for training"),
        ({"test_size": (np.zeros((2, 4)),)}, "pair"),
        ({"test_size": (np.zeros((2, 4)), [0, 7])}, r"labels that are in y.*\[7\]"),
        ({"test_size": (np.zeros((2, 4)), [0])}, "2 rows in X_test but 1"),
        ({"train_sizes": [2]}, "has 2 and .*number of classes, 3"),
    ],
)
def test_bad_arguments_are_named(options, message):
    X, y = load_iris(return_X_y=True)
    options = {"estimators": [LinearGaussianNB()], "train_sizes": [10]} | options
    options |= {"random_state": 0}
    with pytest.raises(ValueError, match=message):
        probe_learning_curve(X=X, y=y, **options)


# Crossings.


def test_crossing_by_hand():
    sizes = np.array([10, 100, 1000])
    gaps = np.array(
        [
            [0.1, -0.1, -0.1],  # half way between 10 and 100
            [-0.1, -0.1, -0.1],  # never behind
            [0.1, 0.1, 0.1],  # never ahead
            [0.1, -0.1, 0.3],  # behind at last
            [-0.1, 0.3, -0.1],  # the last crossing counts
            [0.1, 0.0, 0.0],  # at least as good is enough
        ]
    )
    expected = [10**1.5, 10, np.inf, np.inf, 10**2.75, 100]
    np.testing.assert_allclose(find_crossover(sizes, gaps), expected)


def test_crossing_of_known_curves():
    """Straight lines in the logarithm, so that interpolation is exact."""
    sizes = np.geomspace(10, 1000, 7).round()
    rng = np.random.default_rng(0)
    shift = rng.normal(0, 0.1, 400)
    gaps = np.log(77) + shift[:, np.newaxis] - np.log(sizes)
    found = bootstrap_crossover(
        sizes,
        gaps,
        confidence_level=0.95,
        n_resamples=4000,
        rng=np.random.RandomState(0),
    )
    assert found.n_train == pytest.approx(77 * np.exp(shift.mean()))
    half = 1.96 * shift.std() / 20
    assert np.log(found.high / found.low) == pytest.approx(2 * half, rel=0.1)
    assert found.overtaken == 1.0


def test_interval_reaches_beyond_the_sizes():
    sizes = np.array([10, 100])
    gaps = np.array([[0.1, -0.1], [0.1, -0.1], [0.1, 0.15]])
    options = {"confidence_level": 0.9, "n_resamples": 5000}
    found = bootstrap_crossover(sizes, gaps, rng=np.random.RandomState(0), **options)
    assert 10 < found.low <= found.n_train < 100
    assert found.high == np.inf
    # Behind at the end: at least two of three draws are the third repeat.
    assert found.overtaken == pytest.approx(1 - 7 / 27, abs=0.03)


def frame_of(errors, metric="error"):
    records = [
        {"estimator": name, "n_train": size, "repeat": r, metric: value}
        for name, table in errors.items()
        for r, row in enumerate(table)
        for size, value in zip([10, 100], row, strict=True)
    ]
    return ProbeLearningCurve(pd.DataFrame(records), [metric])


def test_scores_that_shall_be_great_are_turned_round():
    errors = {"a": [[0.2, 0.2]], "b": [[0.3, 0.1]]}
    hits = {name: 1 - np.array(table) for name, table in errors.items()}
    for curve in (frame_of(errors), frame_of(hits, "accuracy")):
        assert curve.crossover("a", "b").n_train == pytest.approx(10**1.5)
    with pytest.raises(ValueError, match=r"estimator='c' must be one of \['a', 'b'\]"):
        curve.crossover("a", "c")
    with pytest.raises(ValueError, match="metric=.* must be"):
        curve.crossover("a", "b", metric="error")
    with pytest.raises(ValueError, match="confidence_level"):
        curve.crossover("a", "b", confidence_level=95)


def test_two_regimes_on_breast_cancer(cancer):
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    curve = probe_learning_curve(
        {"nb": LinearGaussianNB(), "logistic": logistic},
        *cancer,
        train_sizes=[6, 12, 40, 200],
        n_repeats=10,
        scoring="error",
        random_state=0,
    )
    found = curve.crossover("nb", "logistic")
    assert 6 <= found.low <= found.n_train <= found.high < 200


def test_test_sets_without_a_class():
    """Scorers of probabilities are told all classes."""
    X, y = load_iris(return_X_y=True)
    kept = y < 2
    curve = probe_learning_curve(
        {"nb": LinearGaussianNB(), "lr": LogisticRegression(max_iter=1000)},
        X,
        y,
        train_sizes=[30],
        n_repeats=1,
        test_size=(X[kept], y[kept]),
        scoring=["error", "log_loss", "neg_log_loss", "neg_brier_score"],
        random_state=0,
    )
    frame = curve.frame
    np.testing.assert_allclose(frame["log_loss"], -frame["neg_log_loss"], rtol=1e-9)
    assert np.isfinite(frame["neg_brier_score"]).all()
