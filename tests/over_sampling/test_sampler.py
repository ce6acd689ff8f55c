"""The base of all samplers: what a variant gets for a method of its own."""

import imblearn.combine
import imblearn.over_sampling
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling.base import BaseOverSampler
from numpy.testing import assert_allclose, assert_array_equal

from skext import combine, over_sampling
from skext.over_sampling._core.parameters import INTERPOLATION, constraints
from skext.over_sampling._core.plan import Plan, join
from skext.over_sampling._core.sampler import SyntheticSampler

DROP_INS = [
    (getattr(module, name), getattr(theirs, name))
    for module, theirs in (
        (over_sampling, imblearn.over_sampling),
        (combine, imblearn.combine),
    )
    for name in module.__all__
    if hasattr(theirs, name)
]


@BaseOverSampler.register
class FarSMOTE(SyntheticSampler):
    """The example of the page for developers: the farthest of the neighbours."""

    _parameter_constraints: dict = constraints(*INTERPOLATION, "k_neighbors")
    _needs_pair = True

    def __init__(self, *, random_state=None, k_neighbors=5, on_small_class="shrink"):
        super().__init__()
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.on_small_class = on_small_class
        self.allocation, self.interpolation, self.n_jobs = "random", "segment", None

    def _partners(self, rare, seeds):
        return super()._partners(rare, seeds)[:, -1:]


class Copies(SyntheticSampler):
    """Writes its rows itself."""

    _parameter_constraints: dict = constraints("allocation")
    _takes_missing = False
    _is_dense = True

    def __init__(self, *, random_state=None):
        super().__init__()
        self.random_state = random_state
        self.allocation, self.n_jobs = "random", None

    def _place(self, rare):
        seed = self._draw(rare, rare.weights())
        return Plan(rare.rows[seed], rows=rare.table()[seed] + 1.0)


def make(n=60):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 3)), np.repeat([0, 1], [n - 12, 12])


@pytest.mark.parametrize(("ours", "theirs"), DROP_INS)
def test_drop_ins_are_registered(ours, theirs):
    assert issubclass(ours, theirs)
    assert theirs not in ours.__mro__
    mine = [cls for cls in ours.__mro__ if cls.__module__.startswith("skext.")]
    assert len(mine) <= 5


def test_there_are_drop_ins():
    assert len(DROP_INS) >= 9


def test_a_variant_of_one_method():
    X, y = make()
    sampler = FarSMOTE(random_state=0)
    frame = pd.DataFrame(X, columns=list("abc"))
    X_new, y_new = sampler.fit_resample(frame, y)
    assert isinstance(sampler, BaseOverSampler)
    assert list(X_new.columns) == ["a", "b", "c"]
    assert np.bincount(y_new).tolist() == [48, 48]
    base, partner = sampler.sample_indices_[60:], sampler.partner_indices_
    for i, j in zip(base, partner, strict=True):
        distance = np.linalg.norm(X[48:] - X[i], axis=1)
        assert j == 48 + np.argsort(distance)[5]
    gaps = sampler.gaps_[:, None]
    assert_allclose(X_new.to_numpy()[60:], X[base] + gaps * (X[partner] - X[base]))
    weight = np.r_[np.ones(54), np.zeros(6)]
    sampler.fit_resample(X, y, sample_weight=weight)
    assert sampler.partner_indices_.max() < 54


def test_a_variant_that_writes_rows():
    X, y = make()
    sampler = Copies(random_state=0)
    X_new, _ = sampler.fit_resample(np.rint(X).astype(int), y)
    assert X_new.dtype.kind == "i"
    assert_array_equal(X_new[60:], np.rint(X[sampler.sample_indices_[60:]]) + 1)
    assert not hasattr(sampler, "partner_indices_")
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN, for which Copies has no rule"):
        sampler.fit_resample(X, y)


@pytest.mark.parametrize("rule", ["raise", "duplicate"])
def test_a_class_of_one_row(rule):
    X, y = make()
    X, y = X[:49], y[:49]
    sampler = FarSMOTE(random_state=0, on_small_class=rule)
    if rule == "raise":
        with pytest.raises(ValueError, match="Class '1' has 1 row, and nothing lies"):
            sampler.fit_resample(X, y)
        return
    with pytest.warns(UserWarning, match="Class '1' has 1 row, which is repeated"):
        X_new, _ = sampler.fit_resample(X, y)
    assert_array_equal(X_new[49:], np.tile(X[48], (47, 1)))


def test_join():
    a = Plan(np.array([1]), np.array([2]), np.array([[0.5]]))
    b = Plan(np.array([3]), np.array([4]), np.array([[0.25]]))
    joined = join([a, b], np.random.RandomState(0))
    assert_array_equal(joined.base, [1, 3])
    assert_array_equal(joined.gaps, [[0.5], [0.25]])
    assert joined.key == np.random.RandomState(0).randint(2**31 - 1)
    assert join([], n_gaps=3).gaps.shape == (0, 3)
    written = Plan(np.array([1]), rows=np.ones((1, 2)))
    assert join([written], np.random.RandomState(0)).key == 0
