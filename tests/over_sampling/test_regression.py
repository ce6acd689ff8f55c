"""SMOTER and SMOGN: counts, where rows come from, targets, kinds of input."""

import numpy as np
import pytest
from imblearn.base import is_sampler
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler

from skext.over_sampling._mixed.regression import SMOGN, SMOTER

BOTH = [SMOTER, SMOGN]
TAIL = [[1, 0], [9, 1]]


def make(n_samples=400, seed=0, n_features=4):
    """Make a target with a long tail."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) * [1, 10, 0.1, 5][:n_features]
    y = np.exp(X[:, 0] + 0.1 * rng.normal(size=n_samples))
    return X, y


# Counts and origins


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("strategy", ["balance", "extreme", [0.5, 3.7], [1, 1.01]])
@pytest.mark.parametrize("under_sample", [True, False])
def test_counts_are_exact(cls, strategy, under_sample):
    X, y = make()
    sampler = cls(sampling_strategy=strategy, under_sample=under_sample, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    sizes = np.bincount(sampler.bumps_)
    found = np.bincount(sampler.bumps_[sampler.sample_indices_])
    assert len(X_new) == len(y_new) == found.sum()
    assert dict(enumerate(found)) == sampler.sampling_strategy_
    if isinstance(strategy, list):
        wanted = np.rint(np.array(strategy) * sizes)
    else:
        share = len(y) / sizes.size
        wanted = np.full(2, share) if strategy == "balance" else share**2 / sizes
        wanted = np.rint(wanted * len(y) / wanted.sum())
    if not under_sample:
        wanted = np.maximum(wanted, sizes)
    assert_array_equal(found, wanted)
    for bump, count in sampler.n_synthetic_.items():
        assert count == wanted[bump] - sizes[bump]


@pytest.mark.parametrize("cls", BOTH)
def test_rows_that_stay_come_first_and_are_not_changed(cls):
    X, y = make()
    sampler = cls(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    n_kept = len(X_new) - len(sampler.partner_indices_)
    kept = sampler.sample_indices_[:n_kept]
    assert (np.diff(kept) > 0).all()
    assert_array_equal(X_new[:n_kept], X[kept])
    assert_array_equal(y_new[:n_kept], y[kept])


@pytest.mark.parametrize("cls", BOTH)
def test_under_sampling_takes_rows_of_large_bumps_only(cls):
    """Ports drop rows of the whole table and keep the others."""
    X, y = make()
    sampler = cls(random_state=0)
    sampler.fit_resample(X, y)
    n_kept = len(sampler.sample_indices_) - len(sampler.partner_indices_)
    kept = sampler.sample_indices_[:n_kept]
    rare = np.flatnonzero(sampler.relevance_ >= 0.5)
    assert set(rare) <= set(kept)
    # All rows of the large bump have the same chance.
    times = np.zeros(len(y))
    for seed in range(300):
        sampler.set_params(random_state=seed).fit_resample(X, y)
        times[sampler.sample_indices_[:n_kept]] += 1
    large = np.flatnonzero(sampler.bumps_ == 0)
    share = sampler.sampling_strategy_[0] / large.size
    error = np.sqrt(300 * share * (1 - share))
    assert np.abs((times[large] - 300 * share) / error).max() < 4.5


def test_every_row_of_a_bump_is_used_equally_often():
    X, y = make()
    sampler = SMOTER(sampling_strategy=[1, 3.3], random_state=0)
    sampler.fit_resample(X, y)
    base = sampler.sample_indices_[len(X) :]
    counts = np.bincount(base, minlength=len(X))[sampler.bumps_ == 1]
    assert set(counts) == {2, 3}


def test_bumps_do_not_share_their_draws():
    """Ports restart the random numbers before every draw."""
    X, y = make()
    y = np.where(np.arange(len(y)) % 2, y, -y)
    sampler = SMOTER(sampling_strategy=[3, 1, 3], random_state=0)
    sampler.fit_resample(X, y)
    assert len(np.unique(sampler.gaps_)) == len(sampler.gaps_)
    assert stats.kstest(sampler.gaps_, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("interpolation", ["segment", "box"])
def test_smoter_by_its_formula(interpolation):
    X, y = make()
    sampler = SMOTER(interpolation=interpolation, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    n_new = len(sampler.partner_indices_)
    base, partner = sampler.sample_indices_[-n_new:], sampler.partner_indices_
    gaps = sampler.gaps_.reshape(n_new, -1)
    assert gaps.shape[1] == (1 if interpolation == "segment" else X.shape[1])
    expected = X[base] + gaps * (X[partner] - X[base])
    assert_allclose(X_new[-n_new:], expected, rtol=1e-12)
    ranges = np.ptp(X, axis=0)
    to_base = (np.abs(expected - X[base]) / ranges).sum(axis=1)
    to_partner = (np.abs(expected - X[partner]) / ranges).sum(axis=1)
    target = (to_partner * y[base] + to_base * y[partner]) / (to_base + to_partner)
    assert_allclose(y_new[-n_new:], target, rtol=1e-10)
    if interpolation == "segment":
        linear = y[base] + gaps[:, 0] * (y[partner] - y[base])
        assert_allclose(y_new[-n_new:], linear, rtol=1e-10)


def test_target_does_not_depend_on_the_last_column_alone():
    """The authors' loop over columns overwrites both distances."""
    X, y = make()
    constant = np.column_stack([X, np.ones(len(X))])
    found = SMOTER(random_state=0).fit_resample(constant, y)[1]
    assert_allclose(found, SMOTER(random_state=0).fit_resample(X, y)[1])


def test_target_of_equal_parents_is_their_mean():
    """Ports compute y_i + y_j / 2."""
    X = np.r_[np.zeros((6, 2)), np.random.default_rng(0).normal(size=(30, 2))]
    y = np.r_[np.arange(10.0, 16.0), np.linspace(0, 1, 30)]
    sampler = SMOTER(relevance=TAIL, sampling_strategy=[1, 4], random_state=0)
    _, y_new = sampler.fit_resample(X, y)
    base, partner = sampler.sample_indices_[36:], sampler.partner_indices_
    assert base.size == 18
    assert_allclose(y_new[36:], (y[base] + y[partner]) / 2)


@pytest.mark.parametrize("cls", BOTH)
def test_partners_are_near_rows_of_the_bump(cls):
    X, y = make()
    sampler = cls(random_state=0, k_neighbors=3)
    sampler.fit_resample(X, y)
    base = sampler.sample_indices_[-len(sampler.partner_indices_) :]
    partner = sampler.partner_indices_
    rows = np.flatnonzero(sampler.bumps_ == 1)
    scaled = X / np.ptp(X, axis=0)
    for i in np.unique(base):
        distance = np.linalg.norm(scaled[rows] - scaled[i], axis=1)
        distance[rows == i] = np.inf
        nearest = rows[np.argsort(distance, kind="stable")[:3]]
        used = partner[(base == i) & (partner != i)]
        assert set(used) <= set(nearest)


def test_scale_of_features_does_not_matter():
    X, y = make()
    found = SMOTER(random_state=0).fit_resample(X * [1, 8, 64, 0.5] + 3, y)
    expected = SMOTER(random_state=0).fit_resample(X, y)
    assert_allclose(found[0], expected[0] * [1, 8, 64, 0.5] + 3)
    assert_allclose(found[1], expected[1])


# SMOGN


def test_smogn_chooses_by_half_the_median_distance():
    X, y = make()
    sampler = SMOGN(k_neighbors=20, sampling_strategy=[1, 8], random_state=0)
    sampler.fit_resample(X, y)
    base = sampler.sample_indices_[len(X) :]
    noise = np.isnan(sampler.gaps_)
    assert 0.05 < noise.mean() < 0.95
    assert_array_equal(sampler.partner_indices_[noise], base[noise])
    rows = np.flatnonzero(sampler.bumps_ == 1)
    scaled = X / np.ptp(X, axis=0)
    near = {}
    for i in rows:
        distance = np.linalg.norm(scaled[rows] - scaled[i], axis=1)
        limit = np.median(distance[rows != i]) / 2
        order = np.argsort(np.where(rows == i, np.inf, distance))[:20]
        near[i] = {rows[j] for j in order if distance[j] < limit}
    for i, j in zip(base[~noise], sampler.partner_indices_[~noise], strict=True):
        assert j in near[i]
    expected = np.array([1 - len(near[i]) / 20 for i in base])
    error = np.sqrt((expected * (1 - expected)).sum())
    assert abs(noise.sum() - expected.sum()) < 4.5 * error


def test_noise_has_the_right_deviations():
    """Against a normal distribution, at a level of one in a thousand each."""
    X, y = make(n_features=3)
    sampler = SMOGN(
        k_neighbors=30, sampling_strategy=[1, 60], perturbation=0.05, random_state=0
    )
    X_new, y_new = sampler.fit_resample(X, y)
    base = sampler.sample_indices_[len(X) :]
    noise = np.isnan(sampler.gaps_)
    assert noise.sum() > 500
    rows = sampler.bumps_ == 1
    moved = (X_new[len(X) :] - X[base])[noise] / (0.05 * X[rows].std(axis=0, ddof=1))
    shift = (y_new[len(X) :] - y[base])[noise] / (0.05 * y[rows].std(ddof=1))
    for z in (*moved.T, shift):
        assert stats.kstest(z, "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(np.c_[moved, shift].T) - np.eye(4)).max() < 0.15


def test_noise_shrinks_with_the_distances():
    """Rows at distance d from each other: the deviation is at most d / 2."""
    X, y = make(n_samples=200)
    X[y > 3] = X[y > 3][0] + 1e-6 * np.random.default_rng(0).normal(size=4)
    X[y > 3] += 1e-6 * np.random.default_rng(1).normal(size=((y > 3).sum(), 4))
    sampler = SMOGN(
        relevance=[[0, 0], [3, 0.5], [4, 1]],
        perturbation=1.0,
        k_neighbors=10,
        random_state=0,
    )
    _, y_new = sampler.fit_resample(X, y)
    noise = np.isnan(sampler.gaps_)
    assert noise.any()
    n_new = len(noise)
    shift = (y_new[-n_new:] - y[sampler.sample_indices_[-n_new:]])[noise]
    assert np.abs(shift).max() < 1e-4 * y[y > 3].std()


def test_categories_of_noise_follow_their_frequencies():
    """The authors' code draws all categories alike."""
    X, y = make(n_features=2)
    rng = np.random.default_rng(0)
    kind = rng.choice([0, 1, 2], size=len(y), p=[0.7, 0.25, 0.05])
    X = np.column_stack([X, kind])
    sampler = SMOGN(
        categorical_features=[2],
        k_neighbors=30,
        sampling_strategy=[1, 60],
        random_state=0,
    )
    X_new, _ = sampler.fit_resample(X, y)
    noise = np.isnan(sampler.gaps_)
    found = np.bincount(X_new[len(X) :][noise, 2].astype(int), minlength=3)
    rows = sampler.bumps_ == 1
    share = np.bincount(kind[rows], minlength=3) / rows.sum()
    assert stats.chisquare(found, share * found.sum()).pvalue > 1e-3


def test_without_perturbation_noise_repeats_rows():
    X, y = make()
    sampler = SMOGN(perturbation=0, k_neighbors=20, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    noise = np.isnan(sampler.gaps_)
    base = sampler.sample_indices_[-len(noise) :][noise]
    assert_array_equal(X_new[-len(noise) :][noise], X[base])
    assert_array_equal(y_new[-len(noise) :][noise], y[base])


# Where it is used


@pytest.mark.parametrize("cls", BOTH)
def test_pipelines_and_grids(cls):
    X, y = make()
    name = cls.__name__.lower()
    assert is_sampler(cls())
    model = make_pipeline(StandardScaler(), cls(random_state=0), Ridge())
    assert np.isfinite(cross_val_score(model, X, y)).all()
    grid = {
        f"{name}__k_neighbors": [3, 5],
        f"{name}__sampling_strategy": ["balance", "extreme"],
        f"{name}__relevance": ["auto", [[1, 0], [4, 1]]],
    }
    search = GridSearchCV(model, grid, cv=3, n_jobs=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    # Nothing is resampled in prediction.
    assert search.predict(X).shape == y.shape


def test_rare_values_are_predicted_better():
    X, y = make(n_samples=2000)
    train, test = slice(0, 1000), slice(1000, None)
    rare = y[test] > 5
    errors = []
    for steps in ([], [SMOTER(random_state=0)], [SMOGN(random_state=0)]):
        model = make_pipeline(*steps, Ridge()).fit(X[train], y[train])
        errors.append(np.abs(model.predict(X[test]) - y[test])[rare].mean())
    assert max(errors[1:]) < 0.8 * errors[0]
