"""What the variants that interpolate between given rows have in common."""

import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from samplers import samplers_in
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skext.over_sampling._ipf import SMOTEIPF
from skext.over_sampling._segment.lee import LeeSMOTE
from skext.over_sampling._segment.mwmote import MWMOTE
from skext.over_sampling._segment.prowsyn import ProWSyn
from skext.over_sampling._segment.safe_level import SafeLevelSMOTE
from skext.over_sampling._segment.smobd import SMOBD

PAIRS = samplers_in("_segment")
ALL = [*PAIRS, SMOTEIPF]
# All but these use the nearest rows of a class.
NEAREST = [cls for cls in PAIRS if cls not in (MWMOTE, ProWSyn, SafeLevelSMOTE)]
WITH_NOISE = [cls for cls in PAIRS if hasattr(cls(), "on_empty")]


def make(weights=(0.7, 0.3), n_samples=300, seed=0, n_features=5):
    return make_classification(
        n_samples=n_samples,
        n_features=n_features,
        n_informative=4,
        n_redundant=0,
        n_classes=len(weights),
        n_clusters_per_class=1,
        weights=list(weights),
        class_sep=0.7,
        flip_y=0.05,
        random_state=seed,
    )


THREE = (0.6, 0.25, 0.15)


# Exactness of what comes out


@pytest.mark.parametrize("cls", PAIRS)
@pytest.mark.parametrize("interpolation", ["segment", "box"])
@pytest.mark.parametrize("allocation", ["random", "balanced"])
def test_provenance(cls, interpolation, allocation):
    X, y = make(THREE)
    sampler = cls(interpolation=interpolation, allocation=allocation, random_state=0)
    X_before = X.copy()
    X_new, y_new = sampler.fit_resample(X, y)
    n = len(X)
    assert_array_equal(X, X_before)
    assert_array_equal(X_new[:n], X)
    assert_array_equal(y_new[:n], y)
    assert len(set(np.bincount(y_new))) == 1
    assert_array_equal(sampler.sample_indices_[:n], np.arange(n))
    base, partner = sampler.sample_indices_[n:], sampler.partner_indices_
    gaps = sampler.gaps_ if interpolation == "box" else sampler.gaps_[:, None]
    assert gaps.shape == (base.size, X.shape[1] if interpolation == "box" else 1)
    assert ((gaps >= 0) & (gaps <= 1)).all()
    assert_allclose(X_new[n:], X[base] + gaps * (X[partner] - X[base]), rtol=1e-12)
    assert_array_equal(y[base], y_new[n:])
    if cls is not SafeLevelSMOTE:
        assert_array_equal(y[partner], y_new[n:])
    for label, count in sampler.n_synthetic_.items():
        assert (y_new[n:] == label).sum() == count
    for name in cls._noted:
        assert set(getattr(sampler, name)) == {
            k for k, v in sampler.n_synthetic_.items() if v
        }


@pytest.mark.parametrize("cls", PAIRS)
@pytest.mark.parametrize(
    ("strategy", "counts"),
    [
        ("auto", [176, 176, 176]),
        ("minority", [176, 77, 176]),
        ("not minority", [176, 176, 47]),
        ("all", [176, 176, 176]),
        ({1: 111, 2: 50}, [176, 111, 50]),
        ({2: 47}, [176, 77, 47]),
        (lambda y: {2: 200}, [176, 77, 200]),
    ],
)
def test_counts_are_exact(cls, strategy, counts):
    X, y = make(THREE)
    assert np.bincount(y).tolist() == [176, 77, 47]
    sampler = cls(sampling_strategy=strategy, random_state=0)
    found = sampler.fit_resample(X, y)[1]
    assert np.bincount(found).tolist() == counts


@pytest.mark.parametrize("cls", PAIRS)
def test_gaps_are_uniform(cls):
    """Not the quotient of two draws; one chance in a thousand to fail, fixed seed."""
    X, y = make()
    sampler = cls(
        sampling_strategy={1: 20_000}, interpolation="segment", random_state=0
    )
    sampler.fit_resample(X, y)
    gaps = sampler.gaps_
    if cls is SafeLevelSMOTE:
        levels = np.full(len(y), -1)
        levels[y == 1] = sampler.safe_levels_[1]
        base, partner = sampler.sample_indices_[len(y) :], sampler.partner_indices_
        gaps = gaps[levels[base] == levels[partner]]
        assert gaps.size > 1000
    if cls is not LeeSMOTE:
        assert stats.kstest(gaps, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("cls", PAIRS)
def test_classes_do_not_share_their_draws(cls):
    X, y = make(THREE)
    sampler = cls(random_state=0, interpolation="segment")
    y_new = sampler.fit_resample(X, y)[1][len(y) :]
    first, second = sampler.gaps_[y_new == 1], sampler.gaps_[y_new == 2]
    n = min(len(first), len(second))
    assert not np.allclose(first[:n], second[:n])


@pytest.mark.parametrize("cls", PAIRS)
def test_rotation_and_translation(cls):
    if cls is SMOBD:
        pytest.skip("standardisation is not invariant under rotation")
    X, y = make()
    rotation = stats.ortho_group.rvs(5, random_state=0)
    options = {"random_state": 0, "interpolation": "segment"}
    found = cls(**options).fit_resample(X @ rotation + np.arange(5.0), y)[0]
    expected = cls(**options).fit_resample(X, y)[0] @ rotation + np.arange(5.0)
    assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("cls", PAIRS)
def test_order_of_features(cls):
    X, y = make()
    order = [3, 1, 4, 0, 2]
    options = {"random_state": 0, "interpolation": "segment"}
    found = cls(**options).fit_resample(X[:, order], y)[0]
    assert_allclose(found, cls(**options).fit_resample(X, y)[0][:, order])


# Kinds of input


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("fmt", ["csr_array", "csc_matrix"])
def test_sparse_is_dense(cls, fmt):
    X, y = make(THREE)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = 0
    expected, y_expected = cls(random_state=0).fit_resample(X, y)
    given = getattr(sparse, fmt)(X)
    before = given.copy()
    found, y_found = cls(random_state=0).fit_resample(given, y)
    assert type(found) is type(given)
    assert_allclose(found.toarray(), expected, rtol=1e-8, atol=1e-12)
    assert_array_equal(y_found, y_expected)
    assert (given != before).nnz == 0


@pytest.mark.parametrize("cls", ALL)
def test_missing_values(cls):
    X, y = make(THREE)
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    X_new, y_new = cls(random_state=0).fit_resample(X, y)
    if cls is not SMOTEIPF:
        assert_array_equal(X_new[: len(X)], X)
        assert len(set(np.bincount(y_new))) == 1
    share = np.isnan(X_new[-200:]).mean()
    assert 0.03 < share < 0.2
    X[5, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        cls(random_state=0).fit_resample(X, y)


@pytest.mark.parametrize("cls", ALL)
def test_threads_change_nothing(cls):
    X, y = make(n_samples=1500)
    expected = cls(random_state=0, n_jobs=1).fit_resample(X, y)
    found = cls(random_state=0, n_jobs=2).fit_resample(X, y)
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("cls", ALL)
def test_data_frames(cls):
    X, y = make()
    frame = pd.DataFrame(X, columns=list("abcde"), index=np.arange(300) * 2)
    frame["b"] = (frame["b"] * 10).round().astype("int32")
    frame["c"] = frame["c"].astype("float32")
    frame["d"] = (frame["d"] * 10).round().astype("Int64")
    before = frame.copy()
    labels = pd.Series(np.array(["no", "yes"])[y], name="t", dtype="category")
    sampler = cls(random_state=0)
    found, y_found = sampler.fit_resample(frame, labels)
    pd.testing.assert_frame_equal(frame, before)
    assert found.dtypes.equals(frame.dtypes)
    assert y_found.dtype == labels.dtype
    assert y_found.name == "t"
    assert_array_equal(found.index, np.arange(len(found)))
    assert len(found) == len(y_found) == len(sampler.sample_indices_)
    given = sampler.sample_indices_[: 300 if cls is not SMOTEIPF else 100]
    expected = frame.iloc[given].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.iloc[: len(given)], expected)


@pytest.mark.parametrize("cls", ALL)
def test_polars_and_lists(cls):
    polars = pytest.importorskip("polars")
    X, y = make()
    expected, y_expected = cls(random_state=0).fit_resample(X, y)
    found, y_found = cls(random_state=0).fit_resample(
        polars.DataFrame(X, schema=list("abcde")), polars.Series("t", y)
    )
    assert_allclose(found.to_numpy(), expected)
    assert_array_equal(y_found.to_numpy(), y_expected)
    found, y_found = cls(random_state=0).fit_resample(X.tolist(), y.tolist())
    assert [type(found), type(y_found)] == [list, list]
    assert_allclose(found, expected)
    assert_array_equal(y_found, y_expected)


@pytest.mark.parametrize("cls", PAIRS)
def test_integers_are_rounded_not_cut(cls):
    X, y = make()
    whole = np.rint(X * 4).astype(int)
    for rule, function in [("round", np.rint), ("truncate", np.trunc)]:
        sampler = cls(random_state=0, integer_features=rule, interpolation="segment")
        found = sampler.fit_resample(whole, y)[0]
        assert found.dtype == whole.dtype
        base, partner = sampler.sample_indices_[len(X) :], sampler.partner_indices_
        exact = whole[base] + sampler.gaps_[:, None] * (whole[partner] - whole[base])
        assert_array_equal(found[len(X) :], function(exact))


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [7, -3]])
def test_labels_of_all_kinds(cls, labels):
    X, y = make()
    named = np.array(labels)[y]
    found = cls(random_state=0).fit_resample(X, named)[1]
    assert found.dtype == named.dtype
    assert set(found.tolist()) == set(labels)


@pytest.mark.parametrize("cls", ALL)
def test_wrong_targets(cls):
    X, y = make()
    with pytest.raises(ValueError, match="class"):
        cls().fit_resample(X, np.zeros_like(y))
    with pytest.raises(ValueError, match="Unknown label type"):
        cls().fit_resample(X, X[:, 0])
    with pytest.raises(ValueError, match="[Mm]ultilabel"):
        cls().fit_resample(X, np.stack([y, y], axis=1))
    with pytest.raises(ValueError, match="X hold truth values"):
        cls().fit_resample(X > 0, y)


@pytest.mark.parametrize("cls", ALL)
def test_generators(cls):
    X, y = make()
    options = {"random_state": np.random.default_rng(0)}
    first = cls(**options).fit_resample(X, y)[0]
    second = cls(**options).fit_resample(X, y)[0]
    third = cls(random_state=np.random.default_rng(0)).fit_resample(X, y)[0]
    assert_array_equal(first, third)
    assert first.shape != second.shape or not np.array_equal(first, second)


# Small classes, duplicates, nothing to do


@pytest.mark.parametrize("cls", ALL)
def test_a_class_of_one_row(cls):
    X, y = make()
    X, y = X[np.r_[y == 0]], y[y == 0]
    y[7] = 1
    for rule in ("shrink", "raise"):
        with pytest.raises(ValueError, match="1 row.*on_small_class='duplicate'"):
            cls(random_state=0, on_small_class=rule).fit_resample(X, y)
    sampler = cls(random_state=0, on_small_class="duplicate")
    if cls is SMOTEIPF:
        sampler.set_params(filter_original=False)
    with pytest.warns(UserWarning, match="1 row.* repeated") as caught:
        X_new, y_new = sampler.fit_resample(X, y)
    assert caught[0].filename == __file__ or cls is SMOTEIPF
    assert_array_equal(X_new[y_new == 1], np.tile(X[7], ((y_new == 1).sum(), 1)))
    if cls is not SMOTEIPF:
        assert len(set(np.bincount(y_new))) == 1


@pytest.mark.parametrize("cls", NEAREST)
def test_a_small_class(cls):
    X, y = make()
    few = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:4]]
    X, y = X[few], y[few]
    with pytest.raises(ValueError, match=r"4 rows.*k_neighbors=5.*at most k_neigh.*=3"):
        cls(random_state=0, on_small_class="raise").fit_resample(X, y)
    with pytest.warns(UserWarning, match="all 3 others are used") as caught:
        y_new = cls(random_state=0).fit_resample(X, y)[1]
    assert [w.filename for w in caught] == [__file__]
    assert len(set(np.bincount(y_new))) == 1
    sampler = cls(random_state=0, on_small_class="duplicate")
    with pytest.warns(UserWarning, match="repeated") as caught:
        y_new = sampler.fit_resample(X, y)[1]
    assert [w.filename for w in caught] == [__file__]
    assert len(set(np.bincount(y_new))) == 1
    assert_array_equal(sampler.partner_indices_, sampler.sample_indices_[len(y) :])


@pytest.mark.parametrize("cls", [ProWSyn, SafeLevelSMOTE, MWMOTE])
@pytest.mark.parametrize("n_rare", [2, 3])
def test_few_rows_are_enough_for_the_others(cls, n_rare):
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(5, 1, size=(40, 3)), rng.normal(0, 0.1, size=(n_rare, 3))]
    y = np.repeat([0, 1], [40, n_rare])
    found = cls(random_state=0).fit_resample(X, y)[1]
    assert np.bincount(found).tolist() == [40, 40]


@pytest.mark.parametrize("cls", ALL)
def test_duplicates(cls):
    """Rows that are their own neighbours, and a class without any extent."""
    X, y = make()
    X_new, y_new = cls(random_state=0).fit_resample(np.repeat(X, 3, 0), np.repeat(y, 3))
    assert np.isfinite(X_new).all()
    X[y == 1] = X[y == 1][0]
    X_new, y_new = cls(random_state=0).fit_resample(X, y)
    same = X_new[len(X) :] if cls is not SMOTEIPF else X_new[y_new == 1]
    assert_allclose(same, np.broadcast_to(X[y == 1][0], same.shape))
    if cls is not SMOTEIPF:
        assert len(set(np.bincount(y_new))) == 1


def isolated():
    """Rows of class 1 each hidden among rows of class 0; nothing to learn there."""
    rng = np.random.default_rng(0)
    centres = 100.0 * np.arange(8)[:, None] * np.ones(2)
    X = (centres[:, None] + rng.normal(size=(8, 12, 2))).reshape(-1, 2)
    y = np.tile(np.r_[1, np.zeros(11, dtype=int)], 8)
    # Beside the others, which are nearer to each other.
    X[y == 1] = centres + 6
    return X, y


@pytest.mark.parametrize("cls", WITH_NOISE)
def test_nothing_to_interpolate_is_never_silent(cls):
    X, y = isolated()
    options = {"max_eps": 1e-6} if cls is SMOBD else {}
    with pytest.raises(ValueError, match="Class '1'.*on_empty='smote'"):
        cls(random_state=0, **options).fit_resample(X, y)
    sampler = cls(random_state=0, on_empty="smote", **options)
    with pytest.warns(UserWarning, match="Class '1'.*SMOTE") as caught:
        y_new = sampler.fit_resample(X, y)[1]
    assert [w.filename for w in caught] == [__file__]
    assert np.bincount(y_new).tolist() == [88, 88]
    n = len(y)
    assert (y[sampler.partner_indices_] == 1).all()
    assert (sampler.partner_indices_ != sampler.sample_indices_[n:]).all()


@pytest.mark.parametrize("cls", [c for c in PAIRS if c not in WITH_NOISE])
def test_isolated_rows_are_no_problem_for_the_others(cls):
    X, y = isolated()
    assert np.bincount(cls(random_state=0).fit_resample(X, y)[1]).tolist() == [88, 88]


# Weights


@pytest.mark.parametrize("cls", ALL)
def test_weights_of_the_rows(cls):
    X, y = make()
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    rare = np.flatnonzero(y == 1)
    weight[rare[::2]] = 0
    sampler = cls(random_state=0)
    X_new, _ = sampler.fit_resample(X, y, sample_weight=weight)
    origins = sampler.sample_indices_
    assert sampler.sample_weight_.shape == (len(X_new),)
    if cls is not SMOTEIPF:
        assert not np.isin(origins[len(X) :], rare[::2]).any()
        assert_array_equal(sampler.sample_weight_[: len(X)], weight)
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "sample_weight_")
    with pytest.raises(ValueError, match="sample_weight"):
        sampler.fit_resample(X, y, sample_weight=1.0 - y)
    with pytest.raises(ValueError, match="sample_weight"):
        sampler.fit_resample(X, y, sample_weight=-1.0 * np.ones(len(y)))


@pytest.mark.parametrize("cls", PAIRS)
def test_equal_weights_change_no_chance(cls):
    X, y = make()
    options = {"random_state": 0, "allocation": "balanced"}
    plain, weighted = cls(**options), cls(**options)
    plain.fit_resample(X, y)
    weighted.fit_resample(X, y, sample_weight=np.full(len(y), 2.5))
    if cls is LeeSMOTE:
        return
    counts = [
        np.bincount(sampler.sample_indices_[len(y) :], minlength=len(y))
        for sampler in (plain, weighted)
    ]
    assert np.abs(counts[0] - counts[1]).max() <= 1


# The interface


@pytest.mark.parametrize("cls", ALL)
def test_pipeline_and_grid(cls):
    X, y = make()
    search = GridSearchCV(
        make_pipeline(cls(random_state=0), LogisticRegression()),
        {f"{cls.__name__.lower()}__interpolation": ["segment", "box"]},
        cv=3,
    )
    search.fit(X, y)
    assert search.best_score_ > 0.6
    assert clone(cls(n_jobs=2)).get_params()["n_jobs"] == 2


@pytest.mark.parametrize("cls", ALL)
def test_errors_name_the_parameter(cls):
    X, y = make()
    with pytest.raises(ValueError, match="'interpolation' parameter.*'line'"):
        cls(interpolation="line").fit_resample(X, y)


@pytest.mark.parametrize("cls", ALL)
def test_examples_run(cls, monkeypatch):
    import doctest
    import sys

    import skext.over_sampling

    module = sys.modules[cls.__module__]
    monkeypatch.setattr(skext.over_sampling, cls.__name__, cls, raising=False)
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
