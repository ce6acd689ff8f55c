"""What must not change a model: units, offsets, order, weights that say nothing."""

import warnings

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from skext.ordinal import PRESTO, PRESTOCV, ProportionalOdds, ProportionalOddsCV

MODELS = [
    PRESTO(0.02),
    PRESTO(0.02, l1_ratio=0.3, anchor="last", non_crossing=None),
    PRESTO(0.01, main_weight=0),
    ProportionalOdds(),
    ProportionalOdds(0.02, l1_ratio=1.0, link="cloglog"),
    PRESTOCV(n_alphas=3, eps=0.1, cv=3, random_state=0),
    ProportionalOddsCV(n_alphas=3, eps=1e-3, cv=3, random_state=0),
]
every_model = pytest.mark.parametrize("model", MODELS, ids=repr)


@every_model
def test_units_and_offsets(ordinal_data, model):
    X, y = ordinal_data
    expected = clone(model).fit(X, y).predict_proba(X)
    units = 10.0 ** np.array([-8, -3, 0, 4, 8])
    found = clone(model).fit(X * units, y)
    assert_allclose(found.predict_proba(X * units), expected, atol=1e-4)
    for offset in (1e4, 1e8):
        moved = clone(model).fit(X + offset, y)
        assert_allclose(moved.predict_proba(X + offset), expected, atol=1e-4)


@every_model
def test_duplicated_column(ordinal_data, model):
    if model.l1_ratio < 1 and getattr(model, "alpha", 1) > 0:
        pytest.skip("squares of two halves are less than the square of one weight")
    X, y = ordinal_data
    expected = clone(model).fit(X, y).predict_proba(X)
    twice = np.column_stack([X, X[:, 0]])
    found = clone(model).fit(twice, y).predict_proba(twice)
    assert_allclose(found, expected, atol=2e-4)


@every_model
def test_weights(ordinal_data, model):
    """Only their proportions count; a row of weight zero is left out."""
    X, y = ordinal_data
    rng = np.random.default_rng(0)
    weight = rng.choice([0.0, 1.0, 2.0], y.size)
    damaged = X.copy()
    damaged[weight == 0] = 1e6
    found = clone(model).fit(damaged, y, sample_weight=weight)
    kept = weight > 0
    left = clone(model).fit(X[kept], y[kept], sample_weight=weight[kept])
    assert_allclose(found.predict_proba(X), left.predict_proba(X), atol=1e-6)
    for factor in (1e-6, 1e6):
        scaled = clone(model).fit(X, y, sample_weight=factor * np.ones(y.size))
        plain = clone(model).fit(X, y)
        assert_allclose(scaled.predict_proba(X), plain.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("cls", [PRESTOCV, ProportionalOddsCV])
def test_weight_zero_is_in_no_fold_of_a_splitter(ordinal_data, cls):
    X, y = ordinal_data
    weight = np.random.default_rng(0).choice([0.0, 1.0], y.size, p=[0.3, 0.7])
    kept = weight > 0
    model = cls(n_alphas=3, eps=0.1, cv=StratifiedKFold(3))
    found = clone(model).fit(np.where(kept[:, None], X, 1e6), y, sample_weight=weight)
    expected = clone(model).fit(X[kept], y[kept], sample_weight=weight[kept])
    assert_allclose(found.scores_, expected.scores_, atol=1e-6)


@every_model
def test_order_of_the_rows_and_threads(ordinal_data, model):
    X, y = ordinal_data
    expected = clone(model).fit(X, y)
    if not hasattr(model, "cv"):
        order = np.random.default_rng(0).permutation(y.size)
        moved = clone(model).fit(X[order], y[order])
        assert_allclose(moved.predict_proba(X), expected.predict_proba(X), atol=1e-5)
        return
    with parallel_config(n_jobs=2):
        threads = clone(model).fit(X, y)
    assert_array_equal(threads.scores_, expected.scores_)
    assert_array_equal(threads.coef_, expected.coef_)


def unbounded(model, X, y):
    """Whether a fit says that there is no optimum."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    return any("no finite optimum" in str(w.message) for w in caught)


FREE = [
    *[ProportionalOdds(link=link) for link in ("logit", "probit", "cloglog", "loglog")],
    ProportionalOdds(0.1, penalty_factor=[1, 1, 1, 0]),
    ProportionalOddsCV(alphas=[0.1], penalty_factor=[1, 1, 1, 0], cv=3, random_state=0),
    PRESTO(0),
    PRESTO(0, non_crossing=None),
    PRESTO(0, anchor="last"),
    PRESTO(0.01, main_weight=0),
]


def make_rows(n, signal=1.0):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    return X, np.digitize(signal * X[:, 0] + rng.logistic(size=n), [-0.5, 1.0])


@pytest.mark.parametrize("n", [60, 2000])
@pytest.mark.parametrize("model", FREE, ids=repr)
def test_some_rows_can_be_separated(model, n):
    """A mark that only rows of the last class have: its weight has no optimum."""
    X, y = make_rows(n)
    assert not unbounded(clone(model), X, y)
    X[:, 3] = 0
    X[np.flatnonzero(y == 2)[:5], 3] = 1
    assert unbounded(clone(model), X, y)
    # In any unit.
    assert unbounded(clone(model), X * [1, 1, 1, 1e-6], y)


@pytest.mark.parametrize("model", FREE, ids=repr)
def test_strong_features_have_an_optimum(model):
    X, y = make_rows(2000, signal=8.0)
    assert not unbounded(clone(model), X, y)


def test_features_whose_weights_grow_are_named():
    import pandas as pd

    X, y = make_rows(100)
    table = pd.DataFrame(X, columns=["a", "b", "c", "mark"])
    table["mark"] = (y == 2) & (X[:, 1] > 0.3)
    with pytest.warns(UserWarning, match=r"weights of 'mark' grow without bound"):
        ProportionalOdds().fit(table, y)


def test_end_of_a_path_without_penalty():
    from skext.ordinal import presto_path

    X, y = make_rows(100)
    X[:, 3] = (y == 2) & (X[:, 1] > 0.3)
    with pytest.warns(UserWarning, match="presto_path did not converge.*grow"):
        presto_path(X, y, alphas=[0.1, 0])
    presto_path(X, y, alphas=[0.1, 0.05])
