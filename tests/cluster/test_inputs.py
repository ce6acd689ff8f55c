"""Inputs that users have: points, rounded numbers, far rows, weights, units, types."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score

from skext.cluster import (
    PPPClustering,
    SeparableFeatureSelector,
    clusterability_score,
    merge_summaries,
    summarize_rows,
)
from skext.cluster._reduce.columns import describe_columns, far_rows
from skext.cluster._reduce.copies import find_copies

CORNERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def corners(n=200, d=2, seed=0, sd=1.0):
    """Three clusters; further columns have none."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], n)
    X = sd * rng.normal(size=(3 * n, d))
    X[:, :2] += CORNERS[y]
    return X, y


def n_clusters(X, **options):
    return PPPClustering().fit(X, **options).n_clusters_


# Points


@pytest.mark.parametrize("min_cluster_size", [2, 3, 50])
def test_points_are_clusters(min_cluster_size):
    X = np.repeat(CORNERS, 200, axis=0)
    model = PPPClustering(min_cluster_size=min_cluster_size).fit(X)
    assert model.n_clusters_ == 3
    for corner in CORNERS:
        near = np.linalg.norm(model.cluster_centers_ - corner, axis=1).min()
        assert near < 1e-12
    assert len({*zip(*X.T, model.labels_, strict=True)}) == 3
    assert len(set(model.predict(CORNERS))) == 3
    assert np.all(np.isfinite(model.score_samples(X)))
    assert PPPClustering(min_cluster_size=300).fit(X).n_clusters_ == 1


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_points_anywhere(k, d):
    rng = np.random.default_rng(10 * k + d)
    points = 10.0 * rng.normal(size=(k, d))
    sizes = rng.integers(60, 150, k)
    model = PPPClustering().fit(np.repeat(points, sizes, axis=0))
    assert model.n_clusters_ == k
    weighted = PPPClustering().fit(points, sample_weight=sizes)
    np.testing.assert_array_equal(weighted.cluster_centers_, model.cluster_centers_)
    np.testing.assert_array_equal(np.repeat(weighted.labels_, sizes), model.labels_)


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_indicators_of_categories_are_points(k):
    X = np.eye(k)[np.random.default_rng(k).integers(0, k, 60 * k)]
    for rows in (X, X.astype(bool), X.astype(np.int8), X.tolist()):
        labels = PPPClustering().fit(rows).labels_
        assert adjusted_rand_score(X.argmax(axis=1), labels) == 1.0


def test_a_point_beside_a_cluster_and_inside_one():
    rng = np.random.default_rng(0)
    point, cloud = np.zeros((300, 2)), rng.normal(size=(300, 2))
    assert n_clusters(np.vstack([point, cloud + 10.0])) == 2
    assert n_clusters(np.vstack([point, cloud])) == 1
    zeros = np.append(np.zeros(800), rng.exponential(size=200))
    assert n_clusters(zeros[:, None]) == 1


def test_nearly_points():
    X = np.repeat(CORNERS, 200, axis=0)
    X += 1e-9 * np.random.default_rng(0).normal(size=X.shape)
    assert n_clusters(X) == 3


# Rounded numbers


@pytest.mark.parametrize("decimals", [0, 1, 2])
@pytest.mark.parametrize("n", [50, 200, 2000])
@pytest.mark.parametrize("sd", [0.4, 0.7, 1.0, 1.5])
def test_rounded_clusters(sd, n, decimals):
    X, y = corners(n, sd=sd)
    found = PPPClustering().fit(X.round(decimals))
    assert found.n_clusters_ == 3
    assert adjusted_rand_score(y, found.labels_) > 0.98


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("sd", [0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0])
def test_one_rounded_cluster(sd, d):
    X = np.round(sd * np.random.default_rng(0).normal(size=(3000, d)))
    assert n_clusters(X) == 1
    # The same in other units, and seen by other numbers of digits.
    assert n_clusters(0.1 * X + 3.0) == 1
    assert n_clusters((X / 7.0).astype(np.float32)) == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mean", [0.3, 0.5, 0.7, 1, 2, 3, 10])
def test_counts_are_one_cluster(mean, seed):
    rng = np.random.default_rng(seed)
    assert n_clusters(rng.poisson(mean, (2000, 2))) == 1
    if mean >= 0.5:
        # Of the others two or three values are left, which are points.
        assert n_clusters(np.round(mean * rng.exponential(size=(2000, 2)))) == 1


def test_rounding_in_a_reduced_table():
    rng = np.random.default_rng(0)
    one = np.round(1.5 * rng.normal(size=(30_000, 5)))
    assert n_clusters(one) == 1
    X, y = corners(10_000, 5)
    found = PPPClustering().fit(X.round())
    assert adjusted_rand_score(y, found.labels_) > 0.99


def test_what_might_be_points_is_told():
    line = np.repeat(10.0 * np.arange(5)[:, None], 100, axis=0)
    with pytest.warns(UserWarning, match="X has 5 different rows, .* OneHotEncoder"):
        assert n_clusters(line) == 1
    assert n_clusters(line[:300]) == 3
    indicators = (line == np.unique(line)).astype(float)
    assert n_clusters(indicators) == 5


def test_what_a_column_shows():
    rng = np.random.default_rng(0)
    columns = np.column_stack(
        [
            rng.normal(size=600),
            np.round(rng.normal(size=600)),
            np.round(1.5 * rng.normal(size=600), 1) + 4.0,
            rng.integers(0, 2, 600),
            rng.choice([0.0, 10.0, 20.0], 600),
            rng.choice([0.0, 1.0, 2.0], 600, p=[0.05, 0.9, 0.05]),
            np.full(600, 7.0),
        ]
    )
    found = describe_columns(columns, np.ones(600), 600.0, 3.0)
    steps = [0.0, 1.0, 0.1, 0.0, 0.0, 1.0, 0.0]
    np.testing.assert_allclose(found.steps, steps, rtol=1e-9)
    assert found.few.tolist() == [False, False, False, True, True, True, True]
    np.testing.assert_allclose(found.gaps[1:], [1.0, 0.1, 1.0, 10.0, 1.0, 0.0])


# Far rows


@pytest.mark.parametrize("far", [30.0, 300.0, 1e4, 1e5, 1e8, 1e12, -1e5])
@pytest.mark.parametrize("n_far", [1, 2])
def test_far_rows_hide_no_cluster(n_far, far):
    X, y = corners()
    rng = np.random.default_rng(1)
    everywhere = np.vstack([X, far * (1.0 + rng.uniform(size=(n_far, 2)))])
    one_column = X.copy()
    one_column[: 100 * n_far : 100, 1] = far
    for table in (everywhere, one_column):
        model = PPPClustering().fit(table)
        near = (np.abs(table[:600] - X) == 0).all(axis=1)
        assert adjusted_rand_score(y[near], model.labels_[:600][near]) > 0.95
        assert model.n_clusters_ == 3
        np.testing.assert_array_equal(model.predict(table), model.labels_)


@pytest.mark.parametrize("sentinel", [-999.0, -99999.0, 1e9])
@pytest.mark.parametrize("share", [0.01, 0.05])
@pytest.mark.parametrize("shape", [(200, 2), (10_000, 5), (1000, 40)])
def test_sentinels_hide_no_cluster(shape, share, sentinel):
    X, y = corners(*shape)
    rng = np.random.default_rng(2)
    missing = rng.random(len(X)) < share
    X[missing, 1] = sentinel
    labels = PPPClustering().fit(X).labels_
    assert adjusted_rand_score(y[~missing], labels[~missing]) > 0.99
    # They are clusters of their own.
    assert not set(labels[missing]) & set(labels[~missing])


@pytest.mark.parametrize("far", [1e5, 1e9])
def test_far_rows_hide_no_cluster_in_reduced_and_wide_tables(far):
    for shape in ((10_000, 5), (500, 40)):
        X, y = corners(*shape)
        X[7, 1] = far
        labels = PPPClustering().fit(X).labels_
        assert adjusted_rand_score(y, labels) > 0.99
        model = PPPClustering().partial_fit(X[::2]).partial_fit(X[1::2])
        assert adjusted_rand_score(y, model.predict(X)) > 0.98


def test_far_clusters_hide_no_near_ones():
    X, y = corners(100)
    for far in (1e3, 1e5, 1e9):
        table = np.vstack([X, X + far])
        assert n_clusters(table) == 6
        assert adjusted_rand_score(
            np.append(y, y + 3), PPPClustering().fit_predict(table)
        )


def test_which_rows_are_far():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 3))
    rows[0, 0] = 1e3
    rows[1:4, 1] = -1e4
    rows[4, 2], rows[5, 2] = 1e5, 1e9
    ones = np.ones(500)
    marginals = describe_columns(rows, ones, 500.0, 3.0)
    far, alone = far_rows(rows, ones, marginals, 3.0)
    assert np.flatnonzero(far).tolist() == [0, 1, 2, 3, 4, 5]
    assert np.flatnonzero(alone).tolist() == [0, 4, 5]
    heavy = rng.standard_t(3, size=(2000, 5))
    ones = np.ones(2000)
    marginals = describe_columns(heavy, ones, 2000.0, 3.0)
    assert far_rows(heavy, ones, marginals, 3.0)[0].sum() <= 2


def test_selector_is_not_led_by_far_rows_and_copies():
    rng = np.random.default_rng(1)
    X, _ = corners(130)
    noise = rng.normal(size=(390, 3)) @ rng.normal(size=(3, 6))
    table = np.hstack([X, noise + 0.3 * rng.normal(size=(390, 6))])
    expected = SeparableFeatureSelector().fit(table)
    assert expected.get_support(indices=True).tolist() == [0, 1]
    far = table.copy()
    far[3, 0], far[5, 4] = 1e6, -1e5
    copied = np.hstack([table, -2.0 * table[:, [0, 5]] + 1.0])
    for other in (far, copied, table + 1e8, 1e8 * table, 1e-8 * table):
        found = SeparableFeatureSelector().fit(other)
        assert found.get_support(indices=True).tolist() == [0, 1]
        assert found.is_clusterable_
        assert found.estimator_.n_clusters_ == 3


def test_selector_takes_points_and_rounded_numbers():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(300, 3))
    points = np.hstack([np.repeat(CORNERS, 100, axis=0), noise])
    found = SeparableFeatureSelector().fit(points)
    assert found.get_support(indices=True).tolist() == [0, 1]
    assert found.is_clusterable_
    for sd in (0.5, 1.0, 2.0):
        rounded = np.round(sd * rng.normal(size=(400, 4)))
        assert not SeparableFeatureSelector().fit(rounded).is_clusterable_
    with pytest.warns(UserWarning, match="min_features=9 is more than the 3 columns"):
        SeparableFeatureSelector(min_features=9).fit(noise)


# Units, offsets, copies


def equal_up_to_order(first, second):
    return adjusted_rand_score(first, second) == 1.0


@pytest.mark.parametrize("shape", [(200, 2), (200, 5), (8000, 3), (300, 40)])
def test_units_offsets_and_copies_change_nothing(shape):
    X, _ = corners(*shape)
    expected = PPPClustering().fit(X).labels_
    slope = -3.0 * X[:, 1] + 7.0
    tables = {
        "small": 1e-8 * X,
        "large": 1e8 * X,
        "tiny": 1e-140 * X,
        "enormous": 1e140 * X,
        "offset": X + 1e8,
        "offsets": X + np.resize([1e8, -1e8, 0.0, 1e3], X.shape[1]),
        "copy": np.column_stack([X, X[:, 0]]),
        "copies in front": np.column_stack([1e8 * X[:, 0], slope, X]),
        "all twice": np.hstack([X, X]),
        "copy in float32": np.column_stack([X, X[:, 0].astype(np.float32)]),
        "sum": np.column_stack([X, X[:, 0] + X[:, 1]]),
        "constant": np.insert(X, 1, 1e300, axis=1),
    }
    for name, table in tables.items():
        found = PPPClustering().fit(table)
        assert equal_up_to_order(found.labels_, expected), name
        np.testing.assert_array_equal(found.predict(table), found.labels_)


def test_each_column_in_its_own_unit_is_warned_of():
    X, _ = corners(200, 5)
    expected = PPPClustering().fit(X).labels_
    for units in ([1e-8, 1e8, 1, 1, 1], [1, 1, 1e8, 1e-8, 1e4]):
        with pytest.warns(UserWarning, match="put a StandardScaler first"):
            found = PPPClustering().fit(X * units).labels_
        assert equal_up_to_order(found, expected)


def test_copies_in_attributes():
    X, _ = corners(200, 3)
    plain = PPPClustering().fit(X)
    model = PPPClustering().fit(np.column_stack([X, 5.0 - 2.0 * X[:, 1]]))
    np.testing.assert_array_equal(model.labels_, plain.labels_)
    # Products of wider matrices are rounded otherwise on some processors.
    np.testing.assert_allclose(
        model.covariances_[:, :3, :3], plain.covariances_, rtol=1e-14
    )
    np.testing.assert_allclose(
        model.cluster_centers_[:, 3], 5.0 - 2.0 * plain.cluster_centers_[:, 1]
    )
    np.testing.assert_allclose(
        model.covariances_[:, 3, 3], 4.0 * plain.covariances_[:, 1, 1]
    )
    np.testing.assert_allclose(
        model.covariances_[:, 0, 3], -2.0 * plain.covariances_[:, 0, 1]
    )
    np.testing.assert_array_equal(model.covariances_, model.covariances_.swapaxes(1, 2))


def test_which_columns_are_copies():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 400))
    columns = np.array([1e8 * a, b, 2.0 * a - 1.0, c, -b + 1e6, a + b, a + 1e-3 * c])
    found = find_copies(columns, np.ones(400), 0.1 * columns.std(axis=1))
    assert found.kept.tolist() == [1, 2, 3, 5, 6]
    assert found.copies.tolist() == [0, 4]
    assert found.sources.tolist() == [1, 0]
    np.testing.assert_allclose(found.slopes, [5e7, -1.0])


@pytest.mark.parametrize("factor", [1e160, 1e300])
@pytest.mark.parametrize("n", [200, 8000])
def test_numbers_whose_squares_overflow_are_refused(n, factor):
    X, _ = corners(n)
    with pytest.raises(ValueError, match=r"column \d .* overflow; divide the column"):
        PPPClustering().fit(factor * X)
    with pytest.raises(ValueError, match="overflow"):
        summarize_rows(factor * X)
    model = PPPClustering().fit(X)
    for method in (model.predict, model.predict_proba, model.score_samples):
        with pytest.raises(ValueError, match="overflow"):
            method([[factor, 0.0]])
    far = model.predict_proba([[1e140, 0.0]])
    np.testing.assert_array_equal(np.sort(far[0]), [0.0, 0.0, 1.0])


@pytest.mark.parametrize("factor", [1e-160, 1e-300, 1e-320])
def test_numbers_whose_squares_vanish_are_refused(factor):
    with pytest.raises(ValueError, match="vanish; multiply X"):
        PPPClustering().fit(factor * corners()[0])


# Weights


def test_a_constant_times_the_weights_changes_nothing():
    X, _ = corners()
    rng = np.random.default_rng(0)
    expected = PPPClustering().fit(X)
    for constant in (1e-6, 1.0 / len(X), 0.5, 2.0, 10.0, 1000.0):
        found = PPPClustering().fit(X, sample_weight=np.full(len(X), constant))
        np.testing.assert_array_equal(found.labels_, expected.labels_)
        np.testing.assert_allclose(found.weights_, expected.weights_)
    for weights in (rng.uniform(0.5, 2.0, len(X)), rng.integers(1, 20, len(X))):
        expected = PPPClustering().fit(X, sample_weight=weights).labels_
        assert set(expected) == {0, 1, 2}
        for constant in (1e-6, 1.0 / weights.sum(), 0.1, 7.0, 1e6):
            found = PPPClustering().fit(X, sample_weight=constant * weights).labels_
            np.testing.assert_array_equal(found, expected)


def test_few_observations_are_told():
    X, _ = corners()
    small = np.full(len(X), 1.0 / len(X))
    model = PPPClustering(weight_type="frequency")
    with pytest.warns(UserWarning, match='adds up to 1 for 600 rows, .*"importance"'):
        model.partial_fit(X, sample_weight=small)
    with pytest.warns(UserWarning, match="adds up to 1 for 600 rows"):
        model.fit(X, sample_weight=small)
    with pytest.warns(UserWarning, match="adds up to 1 for 600 rows"):
        model.fit_summary(summarize_rows(X, small))
    assert PPPClustering().partial_fit(X, sample_weight=small).n_clusters_ == 3
    assert PPPClustering().fit_summary(summarize_rows(X, small)).n_clusters_ == 3


@pytest.mark.parametrize("copies", ["random", 2, 10, 100])
def test_repeated_rows_are_no_clusters(copies):
    X, y = corners()
    rng = np.random.default_rng(0)
    times = rng.integers(1, 20, 600) if copies == "random" else np.full(600, copies)
    found = PPPClustering().fit(np.repeat(X, times, axis=0))
    assert found.n_clusters_ == 3
    drawn = rng.integers(0, 600, 3000)
    again = PPPClustering().fit(X[drawn])
    assert adjusted_rand_score(y[drawn], again.labels_) > 0.99


@pytest.mark.parametrize("n", [200, 8000])
def test_broken_rows_of_weight_zero(n):
    X, _ = corners(n)
    rng = np.random.default_rng(0)
    broken = np.vstack([X, 1e6 * rng.normal(size=(30, 2)), np.full((5, 2), 1e300)])
    weights = np.append(np.ones(len(X)), np.zeros(35))
    expected = PPPClustering().fit(X)
    with np.errstate(over="ignore", invalid="ignore"):
        found = PPPClustering().fit(broken[:-5], sample_weight=weights[:-5])
    np.testing.assert_array_equal(found.labels_[: len(X)], expected.labels_)
    np.testing.assert_array_equal(found.covariances_, expected.covariances_)
    assert found.inertia_ == pytest.approx(expected.inertia_, rel=1e-12)
    summary = summarize_rows(broken, weights)
    plain = summarize_rows(X)
    for name in ("means", "weights", "variances", "counts", "lower", "upper"):
        np.testing.assert_array_equal(getattr(summary, name), getattr(plain, name))
    batch = PPPClustering().partial_fit(broken[:-5], sample_weight=weights[:-5])
    np.testing.assert_array_equal(
        batch.cluster_centers_, PPPClustering().partial_fit(X).cluster_centers_
    )
    proba = expected.predict_proba(X[:50])
    padded = np.vstack([proba, np.full((2, proba.shape[1]), -5.0)])
    score = clusterability_score(proba=padded, sample_weight=[1.0] * 50 + [0.0] * 2)
    assert score == clusterability_score(proba=proba)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.r_[np.nan, np.ones(599)], "sample_weight contains NaN"),
        (-np.ones(600), "Negative values"),
        (np.ones(5), r"expected \(600,\)"),
        (np.ones((600, 2)), "1D array"),
        (np.zeros(600), "at least one non-zero"),
        (np.full(600, np.datetime64("2024-01-01")), "dates or durations; give numbers"),
    ],
    ids=["nan", "negative", "short", "2-D", "zero", "dates"],
)
def test_bad_weights_are_named(weights, message):
    X, _ = corners()
    model = PPPClustering().fit(X)
    proba = model.predict_proba(X)
    for call in (
        lambda: PPPClustering().fit(X, sample_weight=weights),
        lambda: PPPClustering().partial_fit(X, sample_weight=weights),
        lambda: model.score(X, sample_weight=weights),
        lambda: summarize_rows(X, weights),
        lambda: clusterability_score(proba=proba, sample_weight=weights),
    ):
        with pytest.raises(ValueError, match=message):
            call()


# Types


def containers(X):
    """The same rows in other clothes."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b"])
    yield "list", X.tolist()
    for dtype in (np.int32, np.float32, np.float64, object, np.longdouble, ">f8"):
        yield str(dtype), X.astype(dtype)
    yield "Fortran", np.asfortranarray(X)
    readonly = X.copy()
    readonly.flags.writeable = False
    yield "read-only", readonly
    for dtype in ("Int64", "Float32", object, "category"):
        yield f"pandas {dtype}", frame.astype(dtype)
    yield "pandas sparse", frame.astype(pandas.SparseDtype(float, 0.0))
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        pass
    else:
        yield "Arrow", frame.astype("int64[pyarrow]")
    try:
        import polars
    except ImportError:
        return
    yield "polars", polars.DataFrame({"a": X[:, 0], "b": X[:, 1]})


def test_containers_give_the_same():
    X = corners(60, sd=3.0)[0].round().astype(np.int64)
    expected = PPPClustering().fit(X.astype(float)).labels_
    for name, rows in containers(X):
        before = X.copy()
        model = PPPClustering().fit(rows)
        np.testing.assert_array_equal(model.labels_, expected, err_msg=name)
        np.testing.assert_array_equal(model.predict(rows), expected, err_msg=name)
        assert summarize_rows(rows).weights.sum() == len(X)
        np.testing.assert_array_equal(X, before)


def test_dates_and_sparse_matrices_are_refused():
    pandas = pytest.importorskip("pandas")
    X, _ = corners(30)
    frame = pandas.DataFrame(X, columns=["a", "b"])
    days = frame.assign(b=pandas.to_datetime(np.arange(90), unit="D"))
    for call in (
        PPPClustering().fit,
        PPPClustering().partial_fit,
        SeparableFeatureSelector().fit,
        summarize_rows,
        clusterability_score,
    ):
        with pytest.raises(ValueError, match="Column 'b' of X holds dates or dur"):
            call(days)
        with pytest.raises(TypeError, match=r"or pass X\.toarray\(\)"):
            call(csr_array(X))


def test_what_is_no_summary_is_named():
    X, _ = corners(30)
    with pytest.raises(TypeError, match="summary is of type ndarray"):
        PPPClustering().fit_summary(X)
    with pytest.raises(TypeError, match="summaries holds a ndarray"):
        merge_summaries([X, X])
    alone = merge_summaries(summarize_rows(X))
    np.testing.assert_array_equal(alone.means, summarize_rows(X).means)
    with pytest.raises(ValueError, match="n_representatives=True"):
        summarize_rows(X, n_representatives=True)
