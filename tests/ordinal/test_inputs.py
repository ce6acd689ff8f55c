"""Kinds of input, weights, errors."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skext.ordinal import (
    PRESTO,
    PRESTOCV,
    ProportionalOdds,
    ProportionalOddsCV,
    presto_path,
)

MODELS = [
    PRESTO(0.02),
    ProportionalOdds(0.02),
    PRESTOCV(n_alphas=3, eps=0.1, cv=3, random_state=0),
    ProportionalOddsCV(n_alphas=3, eps=1e-3, cv=3, random_state=0),
]
IDS = ["PRESTO", "ProportionalOdds", "PRESTOCV", "ProportionalOddsCV"]
every_model = pytest.mark.parametrize("model", MODELS, ids=IDS)
METHODS = [
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_cumulative_proba",
    "linear_predictor",
    "predict_median",
    "predict_expected",
    "count_crossing",
]


@every_model
def test_kinds_of_tables(ordinal_data, model):
    X, y = ordinal_data
    expected = clone(model).fit(X, y).predict_proba(X)
    tables = [
        np.asfortranarray(X),
        X[:, ::-1][:, ::-1],
        X.tolist(),
        sparse.csr_matrix(X),
        sparse.csc_array(X),
        sparse.coo_array(X),
        X.astype(np.float32),
    ]
    for table in tables:
        found = clone(model).fit(table, y)
        assert found.predict_proba(table).dtype == np.float64
        assert_allclose(found.predict_proba(table), expected, atol=1e-4)
    frame = pd.DataFrame(X, columns=list("abcde"))
    found = clone(model).fit(frame, pd.Series(y))
    assert found.feature_names_in_.tolist() == list("abcde")
    assert_allclose(found.predict_proba(frame), expected, atol=1e-10)
    with pytest.raises(ValueError, match="feature names"):
        found.predict(frame[list("bacde")])


@every_model
def test_data_stay_as_they_are(ordinal_data, model):
    X, y = ordinal_data
    weight = np.ones(y.size)
    for table in (X, sparse.csr_matrix(X), sparse.csc_matrix(X)):
        before = table.copy()
        model = clone(model).fit(table, y, sample_weight=weight)
        model.predict_proba(table)
        assert abs(table - before).max() == 0
    assert (weight == 1).all()


@every_model
def test_pickles_and_clones(ordinal_data, model):
    X, y = ordinal_data
    model = clone(model).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


@pytest.mark.parametrize("method", METHODS)
@every_model
def test_unfitted(model, method):
    with pytest.raises(NotFittedError):
        getattr(clone(model), method)([[0.0]])


@every_model
def test_not_finite(ordinal_data, model):
    X, y = ordinal_data
    for value in (np.nan, np.inf):
        broken = X.copy()
        broken[3, 1] = value
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            clone(model).fit(broken, y)
    with pytest.raises(ValueError, match="NaN"):
        clone(model).fit(X, np.where(y == 3, np.nan, y))


@every_model
def test_one_class(ordinal_data, model):
    X, y = ordinal_data
    with pytest.raises(ValueError, match=r"1 class: \[0\], .*at least 2 classes"):
        clone(model).fit(X, np.zeros(y.size, dtype=int))
    weight = (y == 2).astype(float)
    with pytest.raises(ValueError, match=r"from 1 class: \[2\]"):
        clone(model).fit(X, y, sample_weight=weight)


@every_model
def test_wrong_weights(ordinal_data, model):
    X, y = ordinal_data
    with pytest.raises(ValueError, match="zero"):
        clone(model).fit(X, y, sample_weight=np.zeros(y.size))
    with pytest.raises(ValueError, match="[Nn]egative"):
        clone(model).fit(X, y, sample_weight=np.where(y == 3, -1.0, 1.0))
    with pytest.raises(ValueError, match="shape"):
        clone(model).fit(X, y, sample_weight=np.ones(3))


@every_model
def test_continuous_target(ordinal_data, model):
    X, y = ordinal_data
    with pytest.raises(ValueError, match="continuous"):
        clone(model).fit(X, y + 0.5 * X[:, 0])


@pytest.mark.parametrize("model", MODELS[:2], ids=IDS[:2])
def test_weights_are_repetitions(ordinal_data, model):
    X, y = ordinal_data
    model = clone(model).set_params(tol=1e-9)
    weight = np.random.RandomState(0).randint(0, 4, y.size)
    found = clone(model).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(y.size), weight)
    expected = clone(model).fit(X[rows], y[rows])
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-8)
    # The size of weights does not matter.
    scaled = clone(model).fit(X, y, sample_weight=1000.0 * weight)
    assert_allclose(scaled.predict_proba(X), found.predict_proba(X), atol=1e-8)
    # A class all of whose rows have weight zero keeps its label.
    gone = clone(model).fit(X, y, sample_weight=(y != 1).astype(float))
    assert gone.classes_.tolist() == [0, 1, 2, 3]
    assert (gone.predict_proba(X)[:, 1] == 0).all()


@pytest.mark.parametrize("model", MODELS[:2], ids=IDS[:2])
def test_class_weight(ordinal_data, model):
    X, y = ordinal_data
    model = clone(model).set_params(tol=1e-9)
    given = {0: 1.0, 2: 3.0, 3: 0.5}
    found = clone(model).set_params(class_weight=given).fit(X, y)
    rows = np.array([given.get(label, 1.0) for label in y])
    expected = clone(model).fit(X, y, sample_weight=rows)
    assert_allclose(found.coef_, expected.coef_, atol=1e-10)
    found = clone(model).set_params(class_weight="balanced").fit(X, y)
    expected = clone(model).fit(X, y, sample_weight=1 / np.bincount(y)[y])
    assert_allclose(found.coef_, expected.coef_, atol=1e-8)
    none = clone(model).set_params(class_weight={1: 0.0}).fit(X, y)
    assert (none.predict_proba(X)[:, 1] == 0).all()
    for wrong, message in [({7: 1.0}, r"no classes, \[7\]"), ({1: -1.0}, "at least 0")]:
        with pytest.raises(ValueError, match=f"class_weight.*{message}"):
            clone(model).set_params(class_weight=wrong).fit(X, y)


@every_model
@pytest.mark.parametrize(
    ("factor", "message"),
    [([1.0, 2.0], "5 features"), ([1, 1, 1, 1, -1], "negative"), ([np.inf] * 5, "fin")],
)
def test_wrong_penalty_factor(ordinal_data, model, factor, message):
    X, y = ordinal_data
    with pytest.raises(ValueError, match=f"penalty_factor.*{message}"):
        clone(model).set_params(penalty_factor=factor).fit(X, y)


@pytest.mark.parametrize("model", MODELS[:2], ids=IDS[:2])
def test_class_of_one_row(ordinal_data, model):
    X, y = ordinal_data
    y = np.minimum(y, 2)
    y[11] = 3
    model = clone(model).fit(X, y)
    proba = model.predict_proba(X)
    assert proba[:, 3].mean() == pytest.approx(1 / y.size, rel=0.5)


@pytest.mark.parametrize("model", MODELS[:2], ids=IDS[:2])
def test_more_features_than_rows(model):
    rng = np.random.RandomState(0)
    X = rng.standard_normal((40, 100))
    y = np.digitize(X[:, 0] + 0.3 * rng.standard_normal(40), [-0.5, 0.5])
    found = clone(model).set_params(alpha=0.1).fit(X, y)
    assert found.score(X, y) > 0.7
    if isinstance(model, PRESTO):
        assert np.abs(found.coef_[:, 0]).min() > 0


def test_two_rows():
    for model in (PRESTO(0.1), ProportionalOdds(0.1)):
        proba = model.fit([[0.0], [1.0]], [0, 1]).predict_proba([[0.0], [1.0]])
        assert proba[0, 0] > 0.5 > proba[1, 0]


def test_parameters_are_checked(ordinal_data):
    X, y = ordinal_data
    for name, value in [
        ("alpha", -1.0),
        ("crossing", "clip"),
        ("anchor", "middle"),
        ("link", "cauchit"),
        ("barrier", 0.0),
        ("l1_ratio", 1.5),
        ("non_crossing", "all"),
    ]:
        with pytest.raises(ValueError, match=name):
            PRESTO(**{name: value}).fit(X, y)
    with pytest.raises(ValueError, match="scoring"):
        PRESTOCV(scoring="nonsense").fit(X, y)
    with pytest.raises(ValueError, match="eps"):
        presto_path(X, y, eps=1.0)
