"""Rows on stars, buses, meshes and curves."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.decomposition import PCA

from skext.over_sampling._placed.polynomial import (
    PolynomialFitSMOTE,
    curve_rows,
    even_gaps,
    mesh_plan,
    principal_order,
)


def make(n_rare=20, n_rest=100, n_features=4):
    X = np.random.default_rng(0).normal(size=(n_rare + n_rest, n_features))
    return X, np.repeat([1, 0], [n_rare, n_rest])


def resample(X, y, n_new, **options):
    strategy = {1: (y == 1).sum() + n_new}
    sampler = PolynomialFitSMOTE(sampling_strategy=strategy, random_state=0, **options)
    new = sampler.fit_resample(X, y)[0][len(X) :]
    return sampler, new, sampler.sample_indices_[len(X) :]


def test_even_gaps():
    expected = [1 / 3, 2 / 3, 1 / 2, 1 / 4, 2 / 4, 3 / 4]
    assert_allclose(even_gaps(np.array([2, 0, 1, 3])), expected)


def by_segment(*keys):
    """Group positions by equal keys."""
    groups = {}
    for i, key in enumerate(zip(*keys, strict=True)):
        groups.setdefault(key, []).append(i)
    return groups


@pytest.mark.parametrize("n_new", [7, 20, 53])
def test_star(n_new):
    """Exactly the wanted number, also where it is no multiple of the class."""
    X, y = make()
    sampler, new, base = resample(X, y, n_new)
    assert len(new) == n_new
    mean = X[y == 1].mean(axis=0)
    counts = np.bincount(base, minlength=20)[:20]
    assert np.ptp(counts) <= 1
    for (row,), group in by_segment(base).items():
        gaps = np.arange(1, len(group) + 1) / (len(group) + 1)
        assert_allclose(sampler.gaps_[group], gaps)
        expected = X[row] + gaps[:, None] * (mean - X[row])
        assert_allclose(new[group], expected, rtol=1e-12)
    assert not hasattr(sampler, "partner_indices_")


@pytest.mark.parametrize("shape", [(20, 4), (6, 30)])
def test_bus(shape):
    X, y = make(shape[0], n_features=shape[1])
    sampler, new, base = resample(X, y, 80, topology="bus")
    rare = np.flatnonzero(y == 1)
    order = rare[np.argsort(PCA(1).fit_transform(X[rare])[:, 0])]
    segments = set(zip(base, sampler.partner_indices_, strict=True))
    along = set(itertools.pairwise(order))
    assert segments in (along, {(b, a) for a, b in along})
    groups = by_segment(base, sampler.partner_indices_)
    assert np.ptp([len(group) for group in groups.values()]) <= 1
    for (a, b), group in groups.items():
        gaps = np.arange(1, len(group) + 1) / (len(group) + 1)
        assert_allclose(new[group], X[a] + gaps[:, None] * (X[b] - X[a]), rtol=1e-9)


def test_bus_does_not_depend_on_the_order_of_rows():
    X, _ = make()
    mixed = np.random.default_rng(1).permutation(20)
    order = principal_order(X[:20])
    assert_array_equal(mixed[principal_order(X[:20][mixed])], order)


def test_mesh():
    X, y = make()
    sampler, new, base = resample(X, y, 300, topology="mesh")
    partner = sampler.partner_indices_
    assert (base != partner).all()
    assert len(new) == 300
    for (a, b), group in by_segment(base, partner).items():
        gaps = np.arange(1, len(group) + 1) / (len(group) + 1)
        assert_allclose(new[group], X[a] + gaps[:, None] * (X[b] - X[a]), rtol=1e-12)


def test_mesh_pairs_are_equally_likely():
    base, partner, _ = mesh_plan(np.random.RandomState(0), 8, 20_000)
    counts = np.bincount(base * 8 + partner)
    assert (counts > 0).sum() == 28
    assert stats.chisquare(counts[counts > 0]).pvalue > 1e-3


@pytest.mark.parametrize("shared", [True, False])
def test_curve_is_exact_for_polynomials(shared):
    """Rows on a parabola give rows on the same parabola."""
    t = np.linspace(-1, 1, 15)
    table = np.stack([t + 5, 2 * t + 1, t**2 + 3 * t], axis=1)
    rng = np.random.RandomState(0)
    rows, base = curve_rows(rng, table, 5000, 2, shared)
    drawn = rows[:, 0] - 5
    assert stats.kstest(drawn, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    on_curve = np.isclose(rows[:, 1], 2 * drawn + 1, atol=1e-8)
    on_curve &= np.isclose(rows[:, 2], drawn**2 + 3 * drawn, atol=1e-8)
    if shared:
        assert on_curve.all()
        assert (np.abs(t[base] - drawn) <= 1 / 14 + 1e-9).all()
    else:
        assert on_curve.mean() < 0.01


def test_degree_is_bounded_by_the_rows():
    """With as many coefficients as rows the curve passes through all."""
    X, y = make(4)
    _, new, base = resample(X, y, 500, topology="poly", degree=50)
    assert np.isfinite(new).all()
    exact = np.polynomial.Polynomial.fit
    order = np.argsort(X[:4].mean(axis=1))
    rank = np.linspace(-1, 1, 4)
    # Whatever t is, the first feature determines the others through t.
    grid = np.linspace(-1, 1, 20_001)
    curve = np.stack([exact(rank, X[:4][order][:, j], 3)(grid) for j in range(4)], 1)
    for row in new[:50]:
        assert np.abs(curve - row).max(axis=1).min() < 1e-2
    assert set(base) == set(range(4))


def test_weights():
    X, y = make(6)
    weight = np.ones(len(X))
    weight[:6] = [0, 1, 2, 3, 0, 4]
    sampler = PolynomialFitSMOTE(sampling_strategy={1: 104}, random_state=0)
    sampler.fit_resample(X, y, weight)
    base = sampler.sample_indices_[len(X) :]
    assert_array_equal(np.bincount(base, minlength=6)[:6], weight[:6] * 10)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"topology": "ring"}, "topology"),
        ({"degree": 0}, "degree"),
        ({"shared_parameter": "no"}, "shared_parameter"),
    ],
)
def test_bad_parameters_are_named(options, said):
    with pytest.raises(ValueError, match=said):
        PolynomialFitSMOTE(**options).fit_resample(*make())
