"""SMOTER and SMOGN: kinds of input, and corners."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats

from skext.over_sampling._mixed.regression import SMOGN, SMOTER

BOTH = [SMOTER, SMOGN]
TAIL = [[1, 0], [9, 1]]


def make(n_samples=400, seed=0, n_features=4):
    """Make a target with a long tail."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) * [1, 10, 0.1, 5][:n_features]
    y = np.exp(X[:, 0] + 0.1 * rng.normal(size=n_samples))
    return X, y


def make_mixed(n_samples=400, seed=0):
    """Make a frame with columns of many types, and a target."""
    X, y = make(n_samples, seed)
    rng = np.random.default_rng(seed + 100)
    frame = pd.DataFrame(
        {
            "float": X[:, 0],
            "category": pd.Categorical(rng.choice(list("xyz"), n_samples)),
            "int8": (X[:, 1]).round().astype("int8"),
            "bool": rng.random(n_samples) < 0.3,
            "string": rng.choice(["u", "v"], n_samples),
            "Int64": pd.array(X[:, 3].round(), dtype="Int64"),
            "float32": X[:, 2].astype("float32"),
            "object": rng.choice(["a", 1, None], n_samples).astype(object),
        },
        index=np.arange(n_samples)[::-1] + 7,
    )
    return frame, pd.Series(y, name="target", index=frame.index)


# Categories, types, missing values


@pytest.mark.parametrize("cls", BOTH)
def test_data_frames_keep_every_type(cls):
    frame, y = make_mixed()
    before = frame.copy()
    sampler = cls(random_state=0)
    X_new, y_new = sampler.fit_resample(frame, y)
    assert X_new.dtypes.equals(frame.dtypes)
    assert_array_equal(X_new.index, np.arange(len(X_new)))
    assert y_new.name == "target"
    assert y_new.dtype == y.dtype
    pd.testing.assert_frame_equal(frame, before)
    n_kept = len(X_new) - len(sampler.gaps_)
    kept = sampler.sample_indices_[:n_kept]
    pd.testing.assert_frame_equal(
        X_new[:n_kept], frame.iloc[kept].reset_index(drop=True)
    )
    assert list(sampler.feature_names_in_) == list(frame.columns)


def test_categories_come_from_either_parent():
    frame, y = make_mixed()
    sampler = SMOTER(sampling_strategy=[1, 40], random_state=0)
    X_new, _ = sampler.fit_resample(frame, y)
    base = frame.iloc[sampler.sample_indices_[len(frame) :]]
    partner = frame.iloc[sampler.partner_indices_]
    for name in ("category", "bool", "string", "object"):
        new = X_new[name].astype(object)[len(frame) :].to_numpy()
        a, b = (rows[name].astype(object).to_numpy() for rows in (base, partner))
        from_a = (new == a) | (pd.isna(new) & pd.isna(a))
        from_b = (new == b) | (pd.isna(new) & pd.isna(b))
        assert (from_a | from_b).all()
        differ = from_a != from_b
        times = differ.sum()
        assert stats.binomtest(int(from_a[differ].sum()), int(times)).pvalue > 1e-3


def test_targets_count_categories():
    frame, y = make_mixed()
    sampler = SMOTER(random_state=0)
    X_new, y_new = sampler.fit_resample(frame, y)
    n_new = len(sampler.gaps_)
    numbers = ["float", "int8", "Int64", "float32"]
    nominal = ["category", "bool", "string", "object"]
    values = frame[numbers].astype(float).to_numpy()
    new = X_new[numbers].astype(float).to_numpy()[-n_new:]
    distances = []
    for rows in (sampler.sample_indices_[-n_new:], sampler.partner_indices_):
        d = (np.abs(new - values[rows]) / np.ptp(values, axis=0)).sum(axis=1)
        for name in nominal:
            a = X_new[name].astype(object).fillna("-").to_numpy()[-n_new:]
            d += a != frame[name].astype(object).fillna("-").to_numpy()[rows]
        distances.append(d)
    near, away = distances
    y = y.to_numpy()
    target = away * y[sampler.sample_indices_[-n_new:]]
    target = (target + near * y[sampler.partner_indices_]) / (near + away)
    assert_allclose(y_new.to_numpy()[-n_new:], target, rtol=1e-6)


@pytest.mark.parametrize("chosen", [[1, 2], [1, -2], [False, True, True, False]])
def test_columns_named_as_categories(chosen):
    X, y = make()
    X[:, 1:3] = np.random.default_rng(0).integers(3, size=(len(X), 2)) + 0.5
    sampler = SMOTER(categorical_features=chosen, random_state=0)
    X_new, _ = sampler.fit_resample(X, y)
    assert set(np.unique(X_new[:, 1:3])) == {0.5, 1.5, 2.5}
    frame = pd.DataFrame(X, columns=list("abcd"))
    sampler.set_params(categorical_features=["b", "c"])
    assert_array_equal(sampler.fit_resample(frame, y)[0].to_numpy(), X_new)


def test_arrays_of_objects():
    X, y = make(n_features=2)
    words = np.random.default_rng(0).choice(["x", "y"], size=len(y))
    table = np.empty((len(y), 3), dtype=object)
    table[:, :2], table[:, 2] = X, words
    X_new, _ = SMOGN(categorical_features=[2], random_state=0).fit_resample(table, y)
    assert X_new.dtype == object
    assert set(X_new[:, 2]) == {"x", "y"}
    assert np.isfinite(X_new[:, :2].astype(float)).all()


@pytest.mark.parametrize("chosen", [["z"], [4], [True], [[1.5]]])
def test_columns_that_do_not_exist(chosen):
    X, y = make()
    with pytest.raises(ValueError, match="categorical_features"):
        SMOTER(categorical_features=chosen).fit_resample(X, y)


def test_columns_forgotten_as_categories():
    frame, y = make_mixed()
    with pytest.raises(ValueError, match="Column 'string' of X.*add it to"):
        SMOTER(categorical_features=["category"]).fit_resample(frame, y)


def test_only_categories():
    X, y = make()
    frame = pd.DataFrame({"a": X[:, 0] > 0, "b": np.where(X[:, 1] > 1, "x", "y")})
    for cls in BOTH:
        X_new, y_new = cls(random_state=0).fit_resample(frame, y)
        assert X_new.dtypes.equals(frame.dtypes)
        assert np.isfinite(y_new).all()
        found = cls(random_state=0).fit_resample(X > 0, y)[0]
        assert found.dtype == bool


@pytest.mark.parametrize("cls", BOTH)
def test_missing_values(cls):
    """In expectation a value is missing as often as it is in the parents."""
    X, y = make(n_samples=1000)
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    X[np.argmax(y)] = np.nan
    sampler = cls(sampling_strategy=[1, 20], random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    assert np.isfinite(y_new).all()
    base, gap = sampler.sample_indices_[len(X) :], np.nan_to_num(sampler.gaps_)
    chance = (1 - gap)[:, None] * np.isnan(X[base])
    chance += gap[:, None] * np.isnan(X[sampler.partner_indices_])
    surplus = np.isnan(X_new[len(X) :]).sum() - chance.sum()
    assert abs(surplus) < 4.5 * np.sqrt((chance * (1 - chance)).sum())


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_array_types_are_kept(cls, dtype):
    X, y = make()
    X = np.rint(X * 10).astype(dtype)
    y = np.rint(y * 10).astype(dtype)
    X_new, y_new = cls(random_state=0).fit_resample(X, y)
    assert X_new.dtype == y_new.dtype == dtype
    expected = cls(random_state=0).fit_resample(X.astype(float), y.astype(float))
    if dtype is np.float32:
        assert_allclose(X_new, expected[0], rtol=1e-4, atol=1e-3)
        assert_allclose(y_new, expected[1], rtol=1e-4, atol=1e-3)
    else:
        assert_array_equal(X_new, np.rint(expected[0]))
        # Targets follow the rows as written.
        assert np.abs(y_new - expected[1]).max() < 40


def test_noise_stays_within_the_type():
    X, y = make()
    X = np.where(X > 0, 255, 0).astype(np.uint8)
    sampler = SMOGN(perturbation=0.5, k_neighbors=20, random_state=0)
    X_new, _ = sampler.fit_resample(X, y)
    noise = np.isnan(sampler.gaps_)
    base = X[sampler.sample_indices_[-len(noise) :][noise]].astype(int)
    moved = np.abs(X_new[-len(noise) :][noise].astype(int) - base)
    assert moved.max() < 250


@pytest.mark.parametrize("cls", BOTH)
def test_containers(cls):
    X, y = make()
    expected_X, expected_y = cls(random_state=0).fit_resample(X, y)
    found = cls(random_state=0).fit_resample(X.tolist(), y.tolist())
    assert isinstance(found[0], list)
    assert isinstance(found[1], list)
    assert_array_equal(found[0], expected_X)
    assert_array_equal(found[1], expected_y)
    _, column = cls(random_state=0).fit_resample(X, y[:, None])
    assert_array_equal(column, expected_y[:, None])
    _, frame = cls(random_state=0).fit_resample(X, pd.DataFrame({"target": y}))
    assert list(frame.columns) == ["target"]
    assert_array_equal(frame["target"], expected_y)
    _, series = cls(random_state=0).fit_resample(
        X, pd.Series(pd.array(np.rint(y * 10), dtype="Int32"), name="whole")
    )
    assert series.dtype == "Int32"


@pytest.mark.parametrize("cls", BOTH)
def test_polars(cls):
    polars = pytest.importorskip("polars")
    frame, y = make_mixed()
    table = polars.DataFrame(
        {
            "a": frame["float"].to_numpy(),
            "b": frame["string"].tolist(),
            "c": frame["int8"].to_numpy(),
            "d": frame["bool"].to_numpy(),
        }
    ).with_columns(polars.col("b").cast(polars.Categorical).alias("e"))
    target = polars.Series("target", y.to_numpy())
    sampler = cls(random_state=0)
    X_new, y_new = sampler.fit_resample(table, target)
    assert X_new.schema == table.schema
    assert isinstance(y_new, polars.Series)
    assert y_new.name == "target"
    same = frame[["float", "string", "int8", "bool"]].assign(e=frame["string"])
    expected = cls(random_state=0).fit_resample(same, y)
    assert_allclose(X_new["a"].to_numpy(), expected[0]["float"])
    assert X_new["b"].to_list() == expected[0]["string"].tolist()
    assert_allclose(y_new.to_numpy(), expected[1])


@pytest.mark.parametrize("cls", BOTH)
def test_threads_change_nothing(cls):
    frame, y = make_mixed(2000)
    for X in (frame, frame[["float", "float32"]].to_numpy()):
        expected = cls(random_state=0, n_jobs=1).fit_resample(X, y)
        found = cls(random_state=0, n_jobs=2).fit_resample(X, y)
        for a, b in zip(found, expected, strict=True):
            assert_array_equal(a, b)


# Corners


@pytest.mark.parametrize("cls", BOTH)
def test_nothing_is_rare(cls):
    X, _ = make()
    y = np.random.default_rng(0).uniform(size=len(X))
    with pytest.raises(ValueError, match=r"outlier of the box plot.*give control"):
        cls().fit_resample(X, y)
    with pytest.raises(ValueError, match="threshold=0.5 is reached by no value"):
        cls(relevance=[[0, 0.1], [1, 0.2]]).fit_resample(X, y)
    with pytest.raises(ValueError, match="one class"):
        cls(relevance=[[0, 0.9], [1, 0.8]]).fit_resample(X, y)
    with pytest.raises(ValueError, match="outlier"):
        cls().fit_resample(X, np.ones(len(X)))


def test_balanced_data_come_back():
    X, _ = make()
    y = np.repeat([0.0, 1.0], len(X) // 2)
    sampler = SMOTER(relevance=[[0, 1], [1, 0]], random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert sampler.n_synthetic_ == {}
    assert sampler.partner_indices_.size == sampler.gaps_.size == 0


@pytest.mark.parametrize("cls", BOTH)
def test_small_bumps(cls):
    X, y = make(n_samples=60)
    y = np.r_[np.linspace(0, 1, 57), 9, 10, 11]
    with pytest.warns(UserWarning, match=r"Bump 1 \(y from 9 to 11\) \(3\)"):
        _, y_new = cls(relevance=TAIL, random_state=0).fit_resample(X, y)
    assert len(y_new) == 60
    with pytest.raises(ValueError, match="has 3 rows.*at most k_neighbors=2"):
        cls(relevance=TAIL, on_small_class="raise", random_state=0).fit_resample(X, y)
    with pytest.warns(UserWarning, match="repeated"):
        X_new, y_new = cls(
            relevance=TAIL, on_small_class="duplicate", random_state=0
        ).fit_resample(X, y)
    assert set(y_new[y_new > 5]) == {9, 10, 11}
    assert {tuple(row) for row in X_new} <= {tuple(row) for row in X}


@pytest.mark.parametrize("cls", BOTH)
def test_a_bump_of_one_row(cls):
    X, y = make(n_samples=60)
    y = np.r_[np.linspace(0, 1, 59), 9]
    with pytest.raises(ValueError, match="has 1 row,.*duplicate"):
        cls(relevance=TAIL, random_state=0).fit_resample(X, y)
    with pytest.warns(UserWarning, match="repeated"):
        _, y_new = cls(
            relevance=TAIL, on_small_class="duplicate", random_state=0
        ).fit_resample(X, y)
    assert (y_new == 9).sum() == 30


@pytest.mark.parametrize("cls", BOTH)
def test_weights(cls):
    X, y = make()
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(y))
    weight[y > 6] = 0
    sampler = cls(sampling_strategy=[1, 20], random_state=0)
    sampler.fit_resample(X, y, sample_weight=weight)
    base = sampler.sample_indices_[len(X) :]
    rows = np.flatnonzero(sampler.bumps_ == 1)
    exact = base.size * weight[rows] / weight[rows].sum()
    assert (np.abs(np.bincount(base, minlength=len(X))[rows] - exact) < 1).all()
    gap = np.nan_to_num(sampler.gaps_)
    new = (1 - gap) * weight[base] + gap * weight[sampler.partner_indices_]
    assert_allclose(sampler.sample_weight_, np.r_[weight, new])
    sampler.fit_resample(X, y)
    assert not hasattr(sampler, "sample_weight_")
    with pytest.raises(ValueError, match="sample_weight is zero"):
        sampler.fit_resample(X, y, sample_weight=(sampler.bumps_ == 0) + 0.0)


@pytest.mark.parametrize(
    "bad", [np.array(["a", "b"] * 200), np.zeros((400, 2)), np.arange(400) > 3]
)
def test_targets_that_are_not_numbers(bad):
    X, _ = make()
    with pytest.raises(ValueError, match="one number for each row"):
        SMOTER().fit_resample(X, bad)


def test_bad_values_are_refused():
    X, y = make()
    with pytest.raises(ValueError, match="y contains NaN"):
        SMOTER().fit_resample(X, np.where(y > 3, np.nan, y))
    with pytest.raises(ValueError, match="X contains infinity"):
        SMOTER().fit_resample(np.where(X > 3, np.inf, X), y)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        SMOTER().fit_resample(X, y[:-1])
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        SMOTER().fit_resample(sparse.csr_array(X), y)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sampling_strategy": "auto"}, "sampling_strategy"),
        ({"k_neighbors": 0}, "k_neighbors"),
        ({"relevance": "box"}, "relevance"),
        ({"threshold": 0}, "threshold"),
        ({"interpolation": "line"}, "interpolation"),
        ({"on_small_class": "ignore"}, "on_small_class"),
        ({"perturbation": -1}, "perturbation"),
    ],
)
def test_bad_parameters_are_named(options, said):
    X, y = make()
    with pytest.raises(ValueError, match=said):
        SMOGN(**options).fit_resample(X, y)


@pytest.mark.parametrize("cls", BOTH)
def test_generator_of_numpy(cls):
    X, y = make()
    rng = np.random.default_rng(0)
    first = cls(random_state=rng).fit_resample(X, y)[0]
    second = cls(random_state=rng).fit_resample(X, y)[0]
    assert not np.array_equal(first, second)
    again = cls(random_state=np.random.default_rng(0)).fit_resample(X, y)[0]
    assert_array_equal(first, again)
