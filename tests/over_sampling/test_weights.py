"""A row of weight zero is as if it were not there, in every sampler."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skext import combine, over_sampling

# Parameters with which the toy table is not refused, and those that see more rows.
OPTIONS = {
    "ADASYN": [{}, {"partners": "mixed", "allocation": "random"}],
    "BorderlineSMOTE": [{"on_empty": "smote"}, {"kind": "borderline-2"}],
    "CCR": [{}, {"generator": "ball", "energy": 2.0}],
    "GeometricSMOTE": [{}, {"selection_strategy": "majority"}],
    "KMeansSMOTE": [{"kmeans_estimator": 3, "cluster_balance_threshold": 0.05}],
    "PolynomialFitSMOTE": [{}, {"topology": "mesh"}, {"topology": "poly"}],
    "SMOTENC": [{"categorical_features": [0]}],
}
NUMBERS = ("SMOTER", "SMOGN")
CLASSES = {
    name: getattr(module, name)
    for module in (over_sampling, combine)
    for name in module.__all__
    if name != "ResampledClassifier"
}
SAMPLERS = [
    cls(random_state=0, **options)
    for name, cls in sorted(CLASSES.items())
    for options in OPTIONS.get(name, [{}])
]
every_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda s: repr(s).replace("random_state=0", "")
)


def make(sampler, seed=0, n=120):
    """Return a table and a target of the kind that a sampler takes."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n - n // 4, n // 4])
    X = rng.normal(size=(n, 3)) + 1.2 * y[:, None]
    X[:, 0] = np.rint(X[:, 0])
    order = rng.permutation(n)
    X, y = X[order], y[order]
    name = type(sampler).__name__
    if name == "SMOTEN":
        X = np.rint(X)
    if name in NUMBERS:
        return X, np.where(y == 1, 9.0, 0.0) + X[:, 1]
    if name == "MLSMOTE":
        return X, np.column_stack([y, 1 - y, X[:, 1] > 0]).astype(int)
    return X, y


def resample(sampler, X, y, weight):
    sampler = clone(sampler)
    if type(sampler).__name__ in NUMBERS:
        sampler.set_params(relevance=[[3, 0], [6, 1]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sampler, *sampler.fit_resample(X, y, sample_weight=weight)


def weights(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.choice([0.0, 0.5, 1.0, 3.0], size=n)


@every_sampler
@pytest.mark.parametrize("broken", [1e6, np.inf, np.nan])
def test_a_row_of_weight_zero_is_left_out(sampler, broken):
    X, y = make(sampler)
    weight = weights(len(X))
    used = np.flatnonzero(weight)
    expected, X_expected, y_expected = resample(sampler, X[used], y[used], weight[used])
    X[weight == 0] = broken
    found, X_new, y_new = resample(sampler, X, y, weight)
    # The rows left out stay among the given ones, and nothing else is new.
    there = found.sample_weight_ > 0
    assert_array_equal(X_new[there], X_expected)
    assert_array_equal(y_new[there], y_expected)
    assert_array_equal(found.sample_weight_[there], expected.sample_weight_)
    assert_array_equal(found.sample_indices_[~there], np.flatnonzero(weight == 0))
    assert_array_equal(X_new[~there], X[weight == 0])
    assert_array_equal(y_new[~there], y[weight == 0])
    # Attributes name rows of the table that was given.
    assert_array_equal(found.sample_indices_[there], used[expected.sample_indices_])
    if hasattr(expected, "partner_indices_"):
        assert_array_equal(found.partner_indices_, used[expected.partner_indices_])
    if hasattr(expected, "kept_indices_"):
        given = found.kept_indices_ < len(X)
        kept = found.kept_indices_[given]
        assert_array_equal(found.sample_weight_[given], weight[kept])
    elif type(sampler).__name__ not in NUMBERS:
        assert_array_equal(found.sample_indices_[: len(X)], np.arange(len(X)))
        assert_array_equal(found.sample_weight_[: len(X)], weight)
    else:
        assert (found.bumps_[weight == 0] == -1).all()
        assert np.isnan(found.relevance_[weight == 0]).all()


@every_sampler
@pytest.mark.parametrize("factor", [2.0**-1060, 1e-6, 3.0, 2.0**1020])
def test_a_factor_of_all_weights_changes_nothing(sampler, factor):
    X, y = make(sampler)
    weight = weights(len(X))
    expected, X_expected, y_expected = resample(sampler, X, y, weight)
    found, X_new, y_new = resample(sampler, X, y, factor * weight)
    # Sums of weights are rounded.
    assert_allclose(X_new, X_expected, rtol=1e-12, atol=1e-12)
    assert_allclose(y_new, y_expected, rtol=1e-12, atol=1e-12)
    assert_allclose(found.sample_weight_ / factor, expected.sample_weight_, rtol=1e-4)


@every_sampler
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda w: -w, "Negative values.*sample_weight"),
        (lambda w: 0 * w, "sample_weight is zero for all rows"),
        (lambda w: w[1:], "sample_weight"),
        (lambda w: np.where(w == 3, np.nan, w), "sample_weight contains NaN"),
        (lambda w: np.where(w == 3, np.inf, w), "sample_weight contains infinity"),
    ],
)
def test_bad_weights(sampler, bad, said):
    X, y = make(sampler)
    with pytest.raises(ValueError, match=said):
        resample(sampler, X, y, bad(weights(len(X))))


CONTAINERS = {
    "list": lambda X: X.tolist(),
    "frame": pd.DataFrame,
    "csr": sparse.csr_array,
    "csc": sparse.csc_matrix,
}


@every_sampler
@pytest.mark.parametrize("kind", sorted(CONTAINERS))
def test_rows_are_left_out_of_every_container(sampler, kind):
    X, y = make(sampler)
    name = type(sampler).__name__
    if kind.startswith("cs") and name in (*NUMBERS, "MLSMOTE"):
        pytest.skip("takes no sparse tables")
    weight = weights(len(X))
    X[weight == 0] = 1e6
    _, X_expected, y_expected = resample(sampler, X, y, weight)
    target = {"list": y.tolist(), "frame": pd.DataFrame(y) if y.ndim > 1 else None}
    target = target.get(kind, y)
    if target is None:
        target = pd.Series(y, index=np.arange(len(y)) * 2, name="label")
    _, X_new, y_new = resample(sampler, CONTAINERS[kind](X), target, weight)
    assert type(X_new) is type(CONTAINERS[kind](X))
    assert type(y_new) is type(target)
    X_new = X_new.toarray() if sparse.issparse(X_new) else np.asarray(X_new)
    assert_allclose(X_new, X_expected)
    assert_array_equal(y_new, y_expected)
    if kind == "frame":
        assert_array_equal(y_new.index, np.arange(len(y_new)))


def test_labels_of_rows_left_out_do_not_matter():
    X, y = make(over_sampling.SMOTE())
    weight = weights(len(X))
    names = np.array(["no", "yes"], dtype=object)[y]
    names[weight == 0] = None
    _, X_expected, _ = resample(over_sampling.SMOTE(random_state=0), X, y, weight)
    _, X_new, y_new = resample(over_sampling.SMOTE(random_state=0), X, names, weight)
    assert_array_equal(X_new, X_expected)
    assert_array_equal(y_new[: len(X)], names)


def test_a_class_that_has_no_weight():
    X, y = make(over_sampling.SMOTE())
    y[:20] = 2
    weight = np.where(y == 2, 0.0, 1.0)
    said = "sample_weight is zero for all rows of class '2'; give a weight"
    for sampler in (over_sampling.SMOTE(), combine.SMOTEENN()):
        with pytest.raises(ValueError, match=said):
            sampler.fit_resample(X, y, sample_weight=weight)
    sampler = over_sampling.SMOTE(sampling_strategy={1: 90}, random_state=0)
    _, y_new = sampler.fit_resample(X, y, sample_weight=weight)
    assert (y_new[sampler.sample_weight_ > 0] == 1).sum() == 90
    assert (y_new == 2).sum() == 20


def test_errors_say_that_rows_were_left_out():
    X, y = make(over_sampling.SMOTE())
    weight = np.zeros(len(X))
    weight[np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:1]]] = 1
    said = "With 29 of 120 rows left out, for which sample_weight is zero: Class '1'"
    with pytest.raises(ValueError, match=said):
        over_sampling.SMOTE().fit_resample(X, y, sample_weight=weight)


def test_polars_and_weights():
    polars = pytest.importorskip("polars")
    X, y = make(over_sampling.SMOTE())
    weight = weights(len(X))
    sampler = combine.SMOTETomek(random_state=0)
    _, X_expected, y_expected = resample(sampler, X, y, weight)
    frame, labels = polars.DataFrame(X), polars.Series("label", y)
    for given in (weight, polars.Series(weight)):
        _, X_new, y_new = resample(sampler, frame, labels, given)
        assert_array_equal(X_new.to_numpy(), X_expected)
        assert_array_equal(y_new.to_numpy(), y_expected)
