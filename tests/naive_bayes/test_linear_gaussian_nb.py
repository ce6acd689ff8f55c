import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skext.datasets._generators import make_gaussian_mixture
from skext.naive_bayes import LinearGaussianNB


@parametrize_with_checks([LinearGaussianNB(), LinearGaussianNB(priors="uniform")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def make_data(n=200, d=5, n_classes=4, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n)])
    means = rng.normal(size=(n_classes, d))
    scale = 10.0 ** rng.uniform(-1, 1, d)
    X = (means[y] + rng.normal(size=(y.size, d))) * scale + offset
    return X, y


def brute_force_joint(X, y, rows, var_smoothing=1e-9, priors=None, weight=None):
    weight = np.ones(len(y)) if weight is None else weight
    classes = np.unique(y)
    means = np.stack(
        [np.average(X[y == k], axis=0, weights=weight[y == k]) for k in classes]
    )
    counts = np.array([weight[y == k].sum() for k in classes])
    residual = X - means[np.searchsorted(classes, y)]
    variance = np.average(residual**2, axis=0, weights=weight)
    center = np.average(X, axis=0, weights=weight)
    total = np.average((X - center) ** 2, axis=0, weights=weight)
    variance = variance + var_smoothing * total
    priors = counts / counts.sum() if priors is None else np.asarray(priors)
    density = [norm.logpdf(rows, m, np.sqrt(variance)).sum(axis=1) for m in means]
    return np.stack(density, axis=1) + np.log(priors)


@pytest.mark.parametrize("n_classes", [2, 3, 7, 40])
@pytest.mark.parametrize("weighted", [False, True])
def test_densities_match_brute_force(n_classes, weighted):
    X, y = make_data(n=300, n_classes=n_classes)
    weight = np.random.default_rng(1).uniform(0.1, 3, y.size) if weighted else None
    model = LinearGaussianNB().fit(X, y, sample_weight=weight)
    joint = brute_force_joint(X, y, X[:100], weight=weight)
    assert_allclose(model.predict_joint_log_proba(X[:100]), joint, rtol=1e-10)
    evidence = logsumexp(joint, axis=1)
    assert_allclose(model.score_samples(X[:100]), evidence, rtol=1e-10)
    log_proba = joint - evidence[:, None]
    assert_allclose(model.predict_log_proba(X[:100]), log_proba, atol=1e-10)
    assert_allclose(model.predict_proba(X[:100]), np.exp(log_proba), atol=1e-12)
    assert_array_equal(model.predict(X[:100]), joint.argmax(axis=1))


@pytest.mark.parametrize("n_classes", [1, 2, 3, 40])
def test_decision_function_is_linear_in_the_coefficients(n_classes):
    X, y = make_data(n_classes=n_classes)
    model = LinearGaussianNB().fit(X, y)
    rows = 1 if n_classes <= 2 else n_classes
    assert model.coef_.shape == (rows, 5)
    assert model.intercept_.shape == (rows,)
    expected = X @ model.coef_.T + model.intercept_
    if n_classes == 2:
        expected = expected[:, 0]
    assert_allclose(model.decision_function(X), expected, atol=1e-10)


def test_agrees_with_nearest_centroid():
    X, y = make_data(seed=3)
    model = LinearGaussianNB(var_smoothing=0).fit(X, y)
    peer = NearestCentroid(priors="empirical").fit(X, y)
    # The peer divides by n - n_classes, and its scores lack the factor 1/2.
    n = len(y)
    scale = (n - 4) / n
    ours = (model.decision_function(X) - np.log(model.class_prior_)) * scale
    theirs = peer.decision_function(X) / 2 - np.log(model.class_prior_)
    difference = ours - theirs
    assert_allclose(difference, difference[:, [0]] + np.zeros(4), atol=1e-10)


def test_agrees_with_gaussian_nb_when_variances_are_equal():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(50, 4))
    base -= base.mean(axis=0)
    means = rng.normal(size=(3, 4))
    X = np.concatenate([base + m for m in means])
    y = np.repeat([0, 1, 2], 50)
    # The peer's smoothing is relative to the largest variance of all features.
    ours = LinearGaussianNB(var_smoothing=0).fit(X, y)
    peer = GaussianNB(var_smoothing=0).fit(X, y)
    assert_allclose(
        ours.predict_joint_log_proba(X), peer.predict_joint_log_proba(X), rtol=1e-8
    )
    assert_allclose(ours.epsilon_, peer.epsilon_)
    assert_allclose(ours.var_, peer.var_[0])


def test_simulation_reaches_the_bayes_error():
    truth = make_gaussian_mixture(60_000, 20, separation=2.0, random_state=0)
    half = slice(0, 30_000), slice(30_000, None)
    model = LinearGaussianNB().fit(truth.data[half[0]], truth.target[half[0]])
    error = 1 - model.score(truth.data[half[1]], truth.target[half[1]])
    tolerance = 3 * np.sqrt(truth.bayes_error * (1 - truth.bayes_error) / 30_000)
    assert abs(error - truth.bayes_error) < tolerance
    direction = (truth.means[1] - truth.means[0]) / truth.variances
    cosine = direction @ model.coef_[0]
    cosine /= np.linalg.norm(direction) * np.linalg.norm(model.coef_[0])
    assert cosine > 0.998


@pytest.mark.parametrize(
    ("layout", "dtype"),
    [
        (layout, dtype)
        for layout in ("C", "F", "strided", "csr", "csc")
        for dtype in (np.float64, np.float32, np.float16, np.int16, ">f4")
        # scipy has no sparse matrices of these types.
        if not (layout.startswith("cs") and dtype in (np.float16, ">f4"))
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_layouts_and_types(layout, dtype, weighted):
    X, y = make_data(d=11, n_classes=3)
    X = np.round(X).clip(-50, 50)
    weight = np.random.default_rng(1).integers(0, 3, y.size) if weighted else None
    if sparse_layout := layout in ("csr", "csc"):
        X[np.abs(X) < 2] = 0
    expected = LinearGaussianNB().fit(X, y, weight)
    typed = X.astype(dtype)
    if sparse_layout:
        given = sparse.csr_array(typed).asformat(layout)
    elif layout == "strided":
        given = np.repeat(typed, 2, axis=1)[:, ::2]
    else:
        given = np.asarray(typed, order=layout)
    model = LinearGaussianNB().fit(given, y, weight)
    assert_allclose(model.theta_, expected.theta_, rtol=1e-12, atol=1e-13)
    assert_allclose(model.var_, expected.var_, rtol=1e-12)
    assert_allclose(
        model.predict_joint_log_proba(given), expected.predict_joint_log_proba(X)
    )
    tolerance = 1e-9 if dtype in (np.float64, np.int16) or sparse_layout else 2e-4
    assert_allclose(
        model.decision_function(given), expected.decision_function(X), atol=tolerance
    )


def test_sparse_duplicates_and_explicit_zeros():
    X = sparse.csr_matrix(
        ([1.0, 2.0, 0.0, 5.0, 4.0], ([0, 0, 1, 1, 2], [1, 1, 0, 1, 0])), shape=(4, 2)
    )
    raw = sparse.csr_array(
        (np.array([1.0, 2.0, 0, 5, 4]), np.array([1, 1, 0, 1, 0]), [0, 2, 4, 5, 5]),
        shape=(4, 2),
    )
    y = [0, 0, 1, 1]
    expected = LinearGaussianNB().fit(X.toarray(), y)
    model = LinearGaussianNB().fit(raw, y)
    assert_allclose(model.var_, expected.var_)
    assert raw.nnz == 5


def test_large_offset_in_float32():
    rng = np.random.default_rng(0)
    X = rng.normal(1e4, 1, (20_000, 16)).astype(np.float32)
    y = rng.integers(0, 3, 20_000)
    X[:, 0] += y
    wide = X.astype(np.float64)
    residual = wide - np.stack([wide[y == k].mean(axis=0) for k in range(3)])[y]
    expected = (residual**2).mean(axis=0)
    for data in (X, np.asfortranarray(X)):
        model = LinearGaussianNB(var_smoothing=0).fit(data, y)
        assert_allclose(model.var_, expected, rtol=1e-11)
        reference = LinearGaussianNB(var_smoothing=0).fit(wide, y)
        margin = np.sort(reference.decision_function(wide), axis=1)
        clear = margin[:, -1] - margin[:, -2] > 1e-3
        assert clear.mean() > 0.95
        same = model.predict(data) == reference.predict(wide)
        assert same[clear].all()


@pytest.mark.parametrize("n_classes", [2, 3, 40])
def test_threads_change_no_bit(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 900)).astype(np.float32)
    y = rng.integers(0, n_classes, 1200)
    for data in (X, np.asfortranarray(X), X.astype(np.float16), sparse.csc_array(X)):
        one = LinearGaussianNB(n_jobs=1).fit(data, y)
        for n_jobs in (2, 3):
            many = LinearGaussianNB(n_jobs=n_jobs).fit(data, y)
            assert_array_equal(one.theta_, many.theta_)
            assert_array_equal(one.var_, many.var_)
            assert_array_equal(
                one.decision_function(data), many.decision_function(data)
            )


def test_narrow_data_is_split_into_chunks_of_rows(monkeypatch):
    monkeypatch.setattr("skext.naive_bayes._moments.state._CHUNK_ROWS", 64)
    monkeypatch.setattr("skext.naive_bayes._moments.state._CONVERTED_ROWS", 50)
    monkeypatch.setattr("skext.naive_bayes._moments.state._MIN_SIZE_FOR_THREADS", 0)
    monkeypatch.setattr("skext.naive_bayes._moments.state._TILE_COLUMNS", 3)
    X, y = make_data(n=1000, d=7, offset=100)
    weight = np.random.default_rng(0).integers(0, 3, y.size).astype(float)
    joint = brute_force_joint(X, y, X[:50], weight=weight)
    for data in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        for n_jobs in (1, 3):
            model = LinearGaussianNB(n_jobs=n_jobs).fit(data, y, weight)
            assert_allclose(model.predict_joint_log_proba(X[:50]), joint, rtol=1e-9)


def test_integer_weights_equal_repeated_rows():
    X, y = make_data()
    weight = np.random.default_rng(0).integers(0, 4, y.size)
    weighted = LinearGaussianNB().fit(X, y, sample_weight=weight)
    repeated = LinearGaussianNB().fit(np.repeat(X, weight, axis=0), y.repeat(weight))
    assert_allclose(weighted.theta_, repeated.theta_, rtol=1e-12)
    assert_allclose(weighted.var_, repeated.var_, rtol=1e-12)
    assert_allclose(weighted.class_count_, repeated.class_count_)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_zero_weight_equals_absence(convert):
    X, y = make_data()
    X[::7] = 1e6
    weight = np.random.default_rng(0).uniform(0.5, 2, y.size)
    weight[::7] = 0
    keep = weight > 0
    weighted = LinearGaussianNB().fit(convert(X), y, sample_weight=weight)
    without = LinearGaussianNB().fit(convert(X[keep]), y[keep], weight[keep])
    assert_array_equal(weighted.theta_, without.theta_)
    assert_array_equal(weighted.var_, without.var_)


def test_class_without_weight_is_never_predicted():
    X, y = make_data(n_classes=3)
    for lost in range(3):
        weight = np.where(y == lost, 0.0, 1.0)
        for priors in (None, "uniform", [0.2, 0.3, 0.5]):
            model = LinearGaussianNB(priors=priors).fit(X, y, sample_weight=weight)
            keep = y != lost
            assert model.class_count_[lost] == 0
            assert model.class_prior_[lost] == 0
            assert_allclose(model.class_prior_.sum(), 1)
            assert lost not in model.predict(X)
            proba = model.predict_proba(X)
            assert not proba[:, lost].any()
            if not isinstance(priors, list):
                alone = LinearGaussianNB(priors=priors).fit(X[keep], y[keep])
                assert_allclose(np.delete(proba, lost, 1), alone.predict_proba(X))
                assert_allclose(model.center_, alone.center_)
    two = y < 2
    for lost in (0, 1):
        weight = (y[two] != lost).astype(float)
        model = LinearGaussianNB().fit(X[two], y[two], sample_weight=weight)
        assert_array_equal(np.unique(model.predict(X)), [1 - lost])
        assert_array_equal(model.predict_proba(X)[:, lost], 0)


def test_bad_weights():
    X, y = make_data()
    weight = np.ones(y.size)
    with pytest.raises(ValueError, match="at least one non-zero"):
        LinearGaussianNB().fit(X, y, sample_weight=0 * weight)
    weight[3] = -1
    with pytest.raises(ValueError, match="Negative values"):
        LinearGaussianNB().fit(X, y, sample_weight=weight)


def test_tiny_first_weight_and_outliers_do_not_cancel():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    X[0] = 1e6
    y = np.zeros(500, dtype=int)
    weight = np.ones(500)
    weight[0] = 1e-16
    model = LinearGaussianNB(var_smoothing=0).fit(X, y, sample_weight=weight)
    mean = np.average(X, axis=0, weights=weight)
    expected = np.average((X - mean) ** 2, axis=0, weights=weight)
    assert_allclose(model.var_, expected, rtol=1e-11)
    model.fit(X, y)
    assert_allclose(model.var_, X.var(axis=0), rtol=1e-11)


def same_model(first, second, rtol=1e-9):
    assert_array_equal(first.classes_, second.classes_)
    for name in ("class_count_", "class_prior_", "theta_", "var_", "coef_"):
        assert_allclose(getattr(first, name), getattr(second, name), rtol=rtol)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_batches_in_any_order_give_the_same_model(size):
    X, y = make_data(offset=1e3)
    expected = LinearGaussianNB().fit(X, y)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(y.size)
        model = LinearGaussianNB()
        for start in range(0, y.size, size):
            rows = order[start : start + size]
            model.partial_fit(X[rows], y[rows])
        same_model(model, expected)
        assert_allclose(model.epsilon_, expected.epsilon_)


def test_classes_grow_when_not_declared():
    X, y = make_data()
    names = np.array(["d", "bb", "a", "long name"])[y]
    model = LinearGaussianNB()
    for label in ("d", "long name", "a", "bb"):
        model.partial_fit(X[names == label], names[names == label])
        assert set(model.predict(X)) <= set(model.classes_)
    same_model(model, LinearGaussianNB().fit(X, names))
    with pytest.raises(ValueError, match="labels of one kind"):
        model.partial_fit(X, y)
    same_model(model, LinearGaussianNB().fit(X, names))


def test_declared_classes_are_binding():
    X, y = make_data(n_classes=3)
    model = LinearGaussianNB()
    with pytest.raises(ValueError, match=r"\[2\].*initial classes \[0, 1\]"):
        model.partial_fit(X, y, classes=[0, 1])
    model.partial_fit(X[y == 1], y[y == 1], classes=[2, 0, 1])
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_array_equal(model.predict(X), 1)
    model.partial_fit(X[y != 1], y[y != 1])
    same_model(model, LinearGaussianNB().fit(X, y))
    with pytest.raises(ValueError, match="do not exist in the initial classes"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1])
    same_model(model, LinearGaussianNB().fit(X, y))
    grown = LinearGaussianNB().fit(X, y)
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] must have all labels"):
        grown.partial_fit(X, y, classes=[0, 1])
    grown.partial_fit(X[:1], y[:1], classes=[0, 1, 2, 3])
    assert_array_equal(grown.classes_, [0, 1, 2, 3])


def test_failed_update_leaves_the_model_unchanged():
    X, y = make_data()
    model = LinearGaussianNB().partial_fit(X, y)
    bad = X.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(bad, y)
    same_model(model, LinearGaussianNB().fit(X, y), rtol=1e-12)


def test_fit_forgets():
    X, y = make_data()
    model = (
        LinearGaussianNB().partial_fit(X, y, classes=range(9)).fit(X[y < 2], y[y < 2])
    )
    same_model(model, LinearGaussianNB().fit(X[y < 2], y[y < 2]), rtol=0)


def test_priors():
    X, y = make_data(n_classes=3)
    given = [0.5, 0.3, 0.2]
    model = LinearGaussianNB(priors=given).fit(X, y)
    joint = brute_force_joint(X, y, X, priors=given)
    assert_allclose(model.predict_joint_log_proba(X), joint)
    assert_allclose(LinearGaussianNB(priors="uniform").fit(X, y).class_prior_, 1 / 3)
    same = LinearGaussianNB(priors="empirical").fit(X, y)
    assert_array_equal(same.class_prior_, LinearGaussianNB().fit(X, y).class_prior_)
    never = LinearGaussianNB(priors=[0, 0.5, 0.5]).fit(X, y)
    assert 0 not in never.predict(X)
    for priors, message in [
        ([0.5, 0.5], "Number of priors must match number of classes"),
        ([0.5, 0.3, 0.3], "must sum to 1"),
        ([1.5, -0.3, -0.2], "must not be negative"),
        ("equal", "'priors' parameter"),
    ]:
        with pytest.raises(ValueError, match=message):
            LinearGaussianNB(priors=priors).fit(X, y)
    with pytest.raises(ValueError, match="positive for some class"):
        LinearGaussianNB(priors=[1, 0]).partial_fit([[1.0]], [1], classes=[0, 1])


def test_one_class():
    X, y = make_data()
    model = LinearGaussianNB().fit(X, np.full(y.size, "only"))
    assert set(model.predict(X)) == {"only"}
    assert_array_equal(model.predict_proba(X), 1)
    assert_allclose(
        model.score_samples(X), brute_force_joint(X, np.zeros(y.size), X)[:, 0]
    )


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("repeats", [1, 3])
def test_no_variance_within_classes_is_nearest_mean(convert, repeats):
    X, _ = make_data(n=20)
    X += 0.1
    y = np.arange(len(X))
    with pytest.warns(UserWarning, match="No class has two different rows"):
        model = LinearGaussianNB().fit(
            convert(np.repeat(X, repeats, axis=0)), np.repeat(y, repeats)
        )
    rows = make_data(n=100, seed=1)[0]
    nearest = ((rows[:, None] - X) ** 2).sum(axis=2).argmin(axis=1)
    assert_array_equal(model.predict(rows), nearest)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("var_smoothing", [0, 1e-9])
def test_constant_features(convert, var_smoothing):
    X = np.full((9, 3), 0.1)
    y = [0, 1, 1, 1, 2, 2, 2, 2, 2]
    model = LinearGaussianNB(var_smoothing=var_smoothing).fit(convert(X), y)
    assert_array_equal(model.coef_, 0)
    rows = convert(np.random.default_rng(0).normal(size=(5, 3)))
    assert_array_equal(model.predict(rows), 2)
    assert_allclose(model.predict_proba(rows), np.tile([1 / 9, 3 / 9, 5 / 9], (5, 1)))
    full, y = make_data(d=4, n_classes=3)
    full[:, 2] = 0.1
    model = LinearGaussianNB(var_smoothing=0).fit(convert(full), y)
    without = LinearGaussianNB(var_smoothing=0).fit(np.delete(full, 2, axis=1), y)
    assert_allclose(
        model.predict_joint_log_proba(convert(full)),
        without.predict_joint_log_proba(np.delete(full, 2, axis=1)),
        rtol=1e-9,
    )


def test_feature_that_separates_without_variance():
    X, y = make_data(n_classes=2)
    X[:, 1] = y
    model = LinearGaussianNB().fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1
    model = LinearGaussianNB(var_smoothing=0)
    with pytest.warns(UserWarning, match="1 features do not vary"):
        model.fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1
    assert model.score(X.astype(np.float32), y) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_classes", [2, 3, 40])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_non_finite_input(bad, n_classes, dtype):
    X, y = make_data(n_classes=n_classes)
    X = X.astype(dtype)
    model = LinearGaussianNB().fit(X, y)
    X[4, 2] = bad
    match = "Input X contains " + ("NaN" if np.isnan(bad) else "infinity")
    formats = [np.asarray, np.asfortranarray]
    if dtype != np.float16:
        formats += [sparse.csr_array, sparse.csc_array]
    for convert in formats:
        for call in (
            lambda data: LinearGaussianNB().fit(data, y),
            model.predict,
            model.predict_proba,
            model.decision_function,
            model.score_samples,
        ):
            with pytest.raises(ValueError, match=match):
                call(convert(X))


def test_overflow_is_named():
    with pytest.raises(ValueError, match=r"largest absolute value of 1e\+200"):
        LinearGaussianNB().fit([[1e200], [-1e200], [1.0]], [0, 0, 1])


def test_invariances():
    X, y = make_data()
    rng = np.random.default_rng(1)
    model = LinearGaussianNB(var_smoothing=0).fit(X, y)
    scores = model.decision_function(X)
    shift, scale = rng.normal(size=5) * 100, 10.0 ** rng.uniform(-3, 3, 5)
    moved = LinearGaussianNB(var_smoothing=0).fit(X * scale + shift, y)
    assert_allclose(moved.decision_function(X * scale + shift), scores, atol=1e-9)
    rows, columns = rng.permutation(y.size), rng.permutation(5)
    mixed = LinearGaussianNB(var_smoothing=0).fit(X[rows][:, columns], y[rows])
    assert_allclose(mixed.decision_function(X[:, columns]), scores, atol=1e-9)
    renamed = LinearGaussianNB(var_smoothing=0).fit(X, 3 - y)
    assert_allclose(renamed.decision_function(X)[:, ::-1], scores, atol=1e-9)


def test_ties_go_to_the_first_class():
    X, y = np.array([[-1.0], [-3], [1], [3]]), ["a", "a", "b", "b"]
    assert LinearGaussianNB().fit(X, y).predict([[0.0]]) == ["a"]


def test_pickle_and_clone_keep_pending_updates():
    X, y = make_data()
    model = LinearGaussianNB(priors="uniform").partial_fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    again = pickle.loads(pickle.dumps(model))
    same_model(again.partial_fit(X[:9], y[:9]), model.partial_fit(X[:9], y[:9]), 0)
    fresh = clone(model)
    assert fresh.priors == "uniform"
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    with pytest.raises(AttributeError, match="not fitted yet"):
        _ = fresh.coef_


def test_read_only_state_can_be_updated():
    X, y = make_data()
    model = LinearGaussianNB().fit(X, y)
    for name in ("counts", "means", "squares"):
        getattr(model._moments, name).flags.writeable = False
    model.partial_fit(X, y)
    assert_allclose(model.class_count_.sum(), 2 * y.size)
    with pytest.raises(ValueError, match="read-only"):
        model.theta_[0, 0] = 1


def test_memory_map(tmp_path):
    X, y = make_data(n=500)
    X = X.astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = LinearGaussianNB().fit(X, y)
    model = LinearGaussianNB().fit(mapped, y)
    same_model(model, expected, rtol=0)
    assert_array_equal(model.decision_function(mapped), expected.decision_function(X))


def test_dataframe_names():
    X, y = make_data()
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = LinearGaussianNB().fit(frame, pd.Series(y).map(str))
    assert_array_equal(model.feature_names_in_, list("abcde"))
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(frame[list("edcba")], y.astype(str))


def test_results_do_not_depend_on_neighbouring_rows():
    X, y = make_data(n=50)
    model = LinearGaussianNB().fit(X, y)
    alone = np.concatenate([model.decision_function(X[i : i + 1]) for i in range(54)])
    assert_array_equal(alone, model.decision_function(X))


def test_metadata_routing():
    X, y = make_data()
    weight = np.random.default_rng(0).integers(0, 3, y.size)
    with sklearn.config_context(enable_metadata_routing=True):
        probe = (
            LinearGaussianNB()
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True)
        )
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), probe
        )
        pipeline.fit(X, y, sample_weight=weight)
        assert pipeline[-1].class_count_.sum() == weight.sum()
        cross_validate(pipeline, X, y, params={"sample_weight": weight}, cv=2)


def test_extreme_scales_are_silent():
    X, y = make_data(n_classes=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for scale in (1e-30, 1e-12, 1e12, 1e30):
            data = (X * scale).astype(np.float32)
            model = LinearGaussianNB().fit(data, y)
            expected = LinearGaussianNB().fit(X, y).predict(X)
            assert np.mean(model.predict(data) == expected) > 0.99
