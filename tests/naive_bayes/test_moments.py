import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skext.naive_bayes import ClassMoments
from skext.naive_bayes._moments.scatter import Scatter

KINDS = ["diag", "full", "spherical"]


def make_data(n=300, d=6, n_classes=4, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n)])
    mix = rng.normal(size=(d, d))
    X = rng.normal(size=(y.size, d)) @ mix + rng.normal(size=(n_classes, d))[y]
    return X + offset, y


def two_pass(X, y, weights=None, kind="full"):
    """Labels, counts, means and scatter, the obvious way, in float64."""
    X = np.asarray(X, dtype=np.float64)
    weights = np.ones(len(y)) if weights is None else weights
    classes = np.unique(y)
    counts = np.array([weights[y == k].sum() for k in classes])
    means = np.zeros((classes.size, X.shape[1]))
    for row, k in enumerate(classes):
        if counts[row] > 0:
            means[row] = weights[y == k] @ X[y == k] / counts[row]
    residual = (X - means[np.searchsorted(classes, y)]) * np.sqrt(weights)[:, None]
    full = residual.T @ residual
    ss = {"full": full, "diag": full.diagonal(), "spherical": np.trace(full)}[kind]
    return classes, counts, means, ss


def same(moments, expected, rtol=1e-11):
    classes, counts, means, ss = expected
    assert_array_equal(moments.classes, classes)
    assert_allclose(moments.count, counts, rtol=1e-12)
    assert_allclose(moments.mean, means, rtol=rtol, atol=rtol)
    scale = np.abs(ss).max()
    assert_allclose(moments.ss, ss, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["C", "F", "strided", "csr", "csc"])
@pytest.mark.parametrize("weighted", [False, True])
def test_update(kind, layout, weighted):
    X, y = make_data()
    weights = np.random.default_rng(1).choice([0, 1, 2, 0.3], y.size)
    weights = weights if weighted else None
    if layout in ("csr", "csc"):
        X[np.abs(X) < 1] = 0
        data = sparse.csr_array(X).asformat(layout)
    elif layout == "strided":
        data = np.repeat(X, 2, axis=1)[:, ::2]
    else:
        data = np.asarray(X, order=layout)
    moments = ClassMoments(kind).update(data, y, weights)
    same(moments, two_pass(X, y, weights, kind))
    assert moments.n_features == 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parts", [2, 7, 60, 304])
def test_parts_merge_in_any_order(kind, parts):
    X, y = make_data(offset=100.0)
    expected = two_pass(X, y, kind=kind)
    rng = np.random.default_rng(parts)
    names = np.array(["a", "bb", "c", "dddd"])[y]
    moments = [
        ClassMoments(kind).update(X[part], names[part])
        for part in np.array_split(rng.permutation(y.size), parts)
    ]
    while len(moments) > 1:
        other = moments.pop(rng.integers(len(moments)))
        i = rng.integers(len(moments))
        moments[i] = other + moments[i]
    assert_array_equal(moments[0].classes, ["a", "bb", "c", "dddd"])
    same(moments[0], (moments[0].classes, *expected[1:]), rtol=1e-10)


@pytest.mark.parametrize("n", [30, 500])
def test_single_rows_of_wide_and_long_data(n):
    """Rows wait for a matrix product; the result does not depend on it."""
    X, y = make_data(n=n, d=40)
    moments = ClassMoments("full")
    for i in range(y.size):
        moments.update(X[i : i + 1], y[i : i + 1])
        if i % 50 == 3:
            assert moments.ss.shape == (40, 40)
    same(moments, two_pass(X, y), rtol=1e-10)


def test_float32_with_a_large_offset():
    rng = np.random.default_rng(0)
    X = rng.normal(1e4, 1, (20_000, 16)).astype(np.float32)
    y = rng.integers(0, 3, 20_000)
    expected = two_pass(X, y)
    parts = [ClassMoments().update(X[i::7], y[i::7]) for i in range(7)]
    merged = parts[0].merge(*parts[1:])
    assert_allclose(merged.ss, expected[3].diagonal(), rtol=1e-11)
    full = ClassMoments("full").update(X, y)
    same(full, expected, rtol=1e-11)
    narrow = ClassMoments("full", dtype=np.float32).update(X, y)
    assert_allclose(narrow.ss.diagonal(), expected[3].diagonal(), rtol=1e-11)
    assert_allclose(narrow.ss, expected[3], atol=1e-5 * expected[3].max())


@pytest.mark.parametrize("kind", KINDS)
def test_remove_undoes_update(kind):
    X, y = make_data()
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2, y.size)
    gone = rng.random(y.size) < 0.4
    gone[y == 2] = True
    moments = ClassMoments(kind).update(X, y, weights)
    moments.remove(X[gone], y[gone], weights[gone])
    keep = ~gone
    _, counts, means, ss = two_pass(X[keep], y[keep], weights[keep], kind)
    assert_array_equal(moments.classes, [0, 1, 2, 3])
    assert_allclose(moments.count, np.insert(counts, 2, 0), rtol=1e-9)
    assert_allclose(moments.mean, np.insert(means, 2, 0, axis=0), atol=1e-9)
    assert_allclose(moments.ss, ss, rtol=1e-9, atol=1e-9)
    moments.update(X[gone], y[gone], weights[gone])
    same(moments, two_pass(X, y, weights, kind), rtol=1e-9)
    everything = ClassMoments(kind).update(X, y).remove(X, y)
    assert not everything.count.any()
    assert not everything.mean.any()


def test_remove_refuses_what_is_not_there():
    X, y = make_data()
    moments = ClassMoments().update(X[:50], y[:50])
    with pytest.raises(ValueError, match=r"labels, \['z'\]|labels, \[9\]"):
        moments.remove(X[:1], [9])
    with pytest.raises(ValueError, match="more rows out of a class than it has"):
        moments.remove(X, y)
    same(moments, two_pass(X[:50], y[:50], kind="diag"))


@pytest.mark.parametrize("kind", KINDS)
def test_subset_keeps_the_pooled_covariance(kind):
    X, y = make_data()
    moments = ClassMoments(kind).update(X, y)
    part = moments.subset([3, 1])
    assert_array_equal(part.classes, [1, 3])
    assert_array_equal(part.count, moments.count[[1, 3]])
    assert_array_equal(part.mean, moments.mean[[1, 3]])
    assert_allclose(part.ss / part.count.sum(), moments.ss / moments.count.sum())
    with pytest.raises(ValueError, match=r"classes has labels, \[7\]"):
        moments.subset([7])


@pytest.mark.parametrize("kind", KINDS)
def test_dict_and_pickle(kind, tmp_path):
    X, y = make_data()
    moments = ClassMoments(kind).update(X[:200], y[:200])
    content = moments.to_dict()
    np.savez(tmp_path / "moments.npz", **content)
    stored = np.load(tmp_path / "moments.npz")
    listed = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in content.items()}
    expected = two_pass(X, y, kind=kind)
    for again in (
        ClassMoments.from_dict(content),
        ClassMoments.from_dict(stored),
        ClassMoments.from_dict(json.loads(json.dumps(listed))),
        pickle.loads(pickle.dumps(moments)),
        moments.copy(),
    ):
        assert_array_equal(again.ss, moments.ss)
        same(again.update(X[200:], y[200:]), expected, rtol=1e-10)
    same(moments, two_pass(X[:200], y[:200], kind=kind))
    empty = ClassMoments.from_dict(ClassMoments(kind).to_dict())
    same(empty.update(X, y), expected)
    with pytest.raises(ValueError, match="newer skext"):
        ClassMoments.from_dict({**content, "version": 99})


def test_merge_with_itself_and_with_nothing():
    X, y = make_data()
    moments = ClassMoments("full").update(X, y)
    doubled = moments.copy()
    doubled.merge(doubled)
    assert_allclose(doubled.ss, 2 * moments.ss)
    assert_array_equal(doubled.count, 2 * moments.count)
    moments.merge(ClassMoments("full"), ClassMoments("full"))
    same(moments, two_pass(X, y))
    same(ClassMoments("full") + moments, two_pass(X, y))


def test_what_does_not_fit_changes_nothing():
    X, y = make_data()
    moments = ClassMoments().update(X, y)
    fine = ClassMoments().update(X, y)
    for other, message in [
        (ClassMoments("full"), "covariance='diag'"),
        (ClassMoments().update(X[:, :2], y), "must have 6 features"),
        (ClassMoments().update(X, y.astype(str)), "labels of one kind"),
        (X, "must be ClassMoments"),
    ]:
        with pytest.raises(ValueError, match=message):
            moments.merge(fine, other)
    with pytest.raises(TypeError):
        moments + 1
    with pytest.raises(ValueError, match="6 features"):
        moments.update(X[:, :2], y)
    with pytest.raises(ValueError, match="NaN"):
        moments.update(np.full((1, 6), np.nan), [0])
    with pytest.raises(ValueError, match="Negative"):
        moments.update(X, y, -np.ones(y.size))
    same(moments, two_pass(X, y, kind="diag"))
    with pytest.raises(ValueError, match="read-only"):
        moments.mean[0] = 1
    with pytest.raises(ValueError, match="covariance='tied' must be one of"):
        ClassMoments("tied")
    with pytest.raises(ValueError, match="dtype=.* must be"):
        ClassMoments(dtype=np.int32)
    assert repr(ClassMoments("full")) == (
        "ClassMoments('full', n_classes=0, n_features=None, count=0)"
    )


def test_scatter_keeps_few_rows_as_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 8))
    scatter = Scatter(8)
    assert scatter.factor().shape == (0, 8)
    scatter.add_rows(rows[:2])
    scatter.add_rows(rows[2:])
    assert scatter.factor().shape == (5, 8)
    assert_allclose(scatter.columns(2, 5), (rows.T @ rows)[:, 2:5])
    other = scatter.copy()
    other.add_rows(rows)
    assert other.factor() is None
    assert_allclose(other.matrix(), 2 * rows.T @ rows)
    scatter.merge(other)
    assert_allclose(scatter.matrix(), 3 * rows.T @ rows)
