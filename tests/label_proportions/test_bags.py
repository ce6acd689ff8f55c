import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skext.label_proportions import (
    BagKFold,
    BagShuffleSplit,
    LeaveOneBagOut,
    StratifiedBagKFold,
    bag_count_log_loss,
    bag_log_loss,
    bag_mean_absolute_error,
    bag_root_mean_squared_error,
    bag_summary,
    bag_target,
    make_bags,
)
from skext.label_proportions._bags.targets import read_bags

BAGS = ["b", "a", "b", "c", "a", "b"]


@pytest.mark.parametrize(
    "given",
    [
        {"counts": {"a": 2, "b": 1, "c": 0}},
        {"counts": [2, 1, 0]},
        {"counts": [1, 2, 1, 0, 2, 1]},
        {"proportions": [1, 1 / 3, 0]},
        {"proportions": {"a": 1.0, "b": 1 / 3, "c": 0.0}},
    ],
)
@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pd.Categorical])
def test_all_ways_to_give_bags(given, kind):
    target = bag_target(kind(BAGS), **given)
    assert_array_equal(target["bag"], [1, 0, 1, 2, 0, 1])
    assert_array_equal(target["size"], [3, 2, 3, 1, 2, 3])
    assert_allclose(target["proportion"], [1 / 3, 1, 1 / 3, 0, 1, 1 / 3])
    found = read_bags(target)
    assert_array_equal(found.counts(), [2, 1, 0])
    assert_array_equal(found.classes, [0, 1])


def test_integers_stay_what_they_are_and_pickle():
    target = bag_target([7, 3, 7, -1], counts={7: 1, 3: 1})
    assert target["bag"].tolist() == [7, 3, 7, -1]
    assert np.isnan(target["proportion"][3])
    assert_array_equal(pickle.loads(pickle.dumps(target))["bag"], target["bag"])
    found = read_bags(target)
    assert found.codes.tolist() == [1, 0, 1, -1]


def test_three_classes():
    target = bag_target([0, 0, 0, 1], counts=[[1, 1, 1], [0, 0, 1]])
    found = read_bags(target, classes=["x", "y", "z"])
    assert_array_equal(found.counts(2), [1, 1])
    with pytest.raises(ValueError, match="add up to the share 0.6"):
        bag_target([0, 0, 0], counts=[[1, 1, 0]])


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({}, "Neither"),
        ({"counts": [1], "proportions": [1]}, "Both"),
        ({"counts": [3, 0]}, "has the share"),
        ({"proportions": [1.2, 0]}, "has the share"),
        ({"proportions": [np.nan, 0]}, "unknown='ignore'"),
        ({"counts": {0: 1}}, "no entry for the bags \\[1\\]"),
        ({"counts": [1, 2, 3]}, "has the shape"),
        ({"counts": [0, 1, 0, 0]}, "differs within bag 0"),
        ({"counts": [1, 1], "sizes": [1, 2]}, "at least the number of rows"),
    ],
)
def test_bad_targets(given, match):
    with pytest.raises(ValueError, match=match):
        bag_target([0, 0, 1, 1], **given)


def test_cut_bags_are_noticed():
    target = bag_target([0, 0, 1, 1], counts=[1, 1])
    with pytest.raises(ValueError, match="bag 1 has 1 of its 2 rows.*use BagKFold"):
        read_bags(target[:3])
    with pytest.raises(ValueError, match="fractions"):
        bag_target([0.5, 1], counts=[1, 1])


def make_target(n_bags=13, seed=0):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, size=n_bags)
    bags = rng.permutation(np.repeat(np.arange(n_bags), sizes))
    return bag_target(bags, counts=rng.binomial(sizes, 0.4))


@pytest.mark.parametrize(
    "splitter",
    [
        BagKFold(3),
        BagKFold(3, shuffle=True, random_state=0),
        StratifiedBagKFold(3),
        StratifiedBagKFold(3, shuffle=True, random_state=0),
        BagShuffleSplit(3, random_state=0),
        LeaveOneBagOut(),
    ],
)
def test_splitters_keep_bags_whole(splitter):
    target = make_target()
    X = np.zeros((target.size, 1))
    n_splits = 0
    tested = np.zeros(target.size, dtype=int)
    for train, test in splitter.split(X, target):
        assert np.intersect1d(target["bag"][train], target["bag"][test]).size == 0
        assert np.intersect1d(train, test).size == 0
        read_bags(target[train])
        read_bags(target[test])
        tested[test] += 1
        n_splits += 1
    assert n_splits == splitter.get_n_splits(X, target)
    if not isinstance(splitter, BagShuffleSplit):
        assert (tested == 1).all()
    if type(splitter) is not StratifiedBagKFold:
        by_groups = list(splitter.split(X, groups=target["bag"]))
        for (a, b), (c, d) in zip(splitter.split(X, target), by_groups, strict=True):
            assert_array_equal(a, c)
            assert_array_equal(b, d)


def test_folds_are_balanced():
    target = make_target(60, 1)
    X = np.zeros((target.size, 1))
    for splitter in (BagKFold(5), StratifiedBagKFold(5)):
        rows = [test.size for _, test in splitter.split(X, target)]
        assert max(rows) - min(rows) <= 8
    shares = [
        target["proportion"][test].mean()
        for _, test in StratifiedBagKFold(5).split(X, target)
    ]
    assert np.ptp(shares) < 0.12


def test_rows_in_no_bag_are_trained_on():
    target = bag_target([0, 0, 1, -1], counts=[1, 0])
    for splitter in (BagKFold(2), BagShuffleSplit(2, test_size=0.5, random_state=0)):
        for train, _ in splitter.split(np.zeros((4, 1)), target):
            assert 3 in train


def test_splitters_need_bags():
    with pytest.raises(ValueError, match="BagKFold needs bags"):
        next(BagKFold().split(np.zeros((4, 1)), [0, 1, 0, 1]))
    with pytest.raises(ValueError, match="n_splits=.* must be"):
        next(BagKFold(3).split(np.zeros((2, 1)), groups=[0, 1]))
    with pytest.raises(ValueError, match="needs proportions"):
        next(StratifiedBagKFold(2).split(np.zeros((2, 1)), groups=[0, 1]))


@pytest.mark.parametrize("method", ["random", "feature", "cluster", "sorted"])
def test_make_bags(method):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(103, 2))
    y = (X[:, 0] > 0.3).astype(int)
    bags = make_bags(X, y, bag_size=10, method=method, random_state=0)
    assert_array_equal(bags.data, X[bags.order])
    assert_array_equal(bags.y_true, y[bags.order])
    assert np.sort(bags.order).tolist() == list(range(103))
    found = read_bags(bags.target)
    counts = np.bincount(found.codes, bags.y_true)
    assert_array_equal(found.counts(), counts)
    information = bag_summary(bags.target).information
    if method == "random":
        assert information < 3
        assert found.sizes.tolist() == [10] * 10 + [3]
        dropped = make_bags(X, y, bag_size=10, remainder="drop", random_state=0)
        assert dropped.order.size == 100
    else:
        assert information > 3


@pytest.mark.parametrize("heterogeneity", [0, 0.3, 1])
def test_shares_as_different_as_asked_for(heterogeneity):
    rng = np.random.default_rng(0)
    y = (rng.random(20_000) < 0.3).astype(int)
    X = np.zeros((y.size, 1))
    bags = make_bags(
        X,
        y,
        bag_size=20,
        method="proportion",
        heterogeneity=heterogeneity,
        random_state=0,
    )
    assert np.sort(bags.order).tolist() == list(range(y.size))
    # Of correlation rho, the variance of the sum is inflated by 1 + (B - 1) rho.
    expected = 1 + 19 * heterogeneity if heterogeneity else 0
    assert abs(bag_summary(bags.target).information - expected) < 1.2


def test_make_bags_of_a_frame_by_a_column():
    X = pd.DataFrame({"county": [3, 1, 3, 1, 2], "z": range(5)})
    bags = make_bags(X, list("xyxyx"), bag_size=2, method="feature", feature="county")
    assert bags.data["county"].tolist() == [1, 1, 2, 3, 3]
    assert bags.target["proportion"].tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["b", "a", "b", "a", None], dtype="string"),
        pd.Series(["b", "a", "b", "a", None], dtype="category"),
        pd.Series(["b", "a", "b", "a", None], dtype=object),
        pd.Series([2, 1, 2, 1, None], dtype="Int64"),
        pd.Series([2, 1, 2, 1, None], dtype="int64[pyarrow]"),
        pd.Series(pd.to_datetime(["2025", "2024", "2025", "2024", None])),
    ],
)
def test_make_bags_by_a_column_with_gaps(column):
    X = pd.DataFrame({"county": column, "z": range(5)})
    for y in (list("xyxyx"), pd.Series(list("xyxyx"), dtype="string")):
        bags = make_bags(X, y, bag_size=2, method="feature", feature="county")
        assert bags.order.tolist() == [1, 3, 0, 2, 4]
        assert bags.target["bag"].tolist() == [0, 0, 1, 1, 2]
        assert bags.target["proportion"].tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([0, 1, None, 1], "some are missing"),
        (pd.Series([0, 1, None, 1], dtype="Int64"), "some are missing"),
        (pd.to_datetime(["2020", "2021", "2022", "2023"]), "holds dates"),
        ([0.1, 0.2, 0.3, 0.4], "Unknown label type"),
        ([0, 1], "inconsistent numbers of samples"),
    ],
)
def test_make_bags_of_no_labels(y, match):
    with pytest.raises(ValueError, match=match):
        make_bags(np.zeros((4, 1)), y, bag_size=2)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "Neither"),
        ({"bag_size": 2.5}, "bag_size=2.5 must be an integer"),
        ({"sizes": [2.5, 1]}, "sizes has the sum 3.5"),
        ({"bag_size": 9}, "bag_size=9 must be"),
        ({"sizes": [3, 3]}, "sizes has the sum 6"),
        ({"bag_size": 2, "method": "other"}, "method='other' must be"),
        ({"bag_size": 2, "remainder": "x"}, "remainder='x' must be"),
    ],
)
def test_make_bags_says_what_is_wrong(options, match):
    with pytest.raises(ValueError, match=match):
        make_bags(np.zeros((4, 1)), [0, 1, 0, 1], **options)


def test_metrics_on_labels_are_the_usual_ones():
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, size=50), rng.random(50)
    target = bag_target(np.arange(50), counts=y)
    assert_allclose(bag_count_log_loss(target, p), log_loss(y, p), rtol=1e-12)
    assert_allclose(bag_log_loss(target, p), log_loss(y, p), rtol=1e-12)
    assert_allclose(bag_mean_absolute_error(target, p), np.abs(y - p).mean())
    rmse = np.sqrt(np.mean((y - p) ** 2))
    assert_allclose(bag_root_mean_squared_error(target, p), rmse)


def test_count_log_loss_is_that_of_a_poisson_binomial():
    rng = np.random.default_rng(0)
    p = rng.random(7)
    law = np.array([1.0])
    for q in p:
        law = np.convolve(law, [1 - q, q])
    for count in range(8):
        target = bag_target(np.zeros(7, dtype=int), counts=[count])
        assert_allclose(bag_count_log_loss(target, p), -np.log(law[count]) / 7)
        by_shares = bag_count_log_loss(np.full(7, count / 7), p, bags=np.zeros(7, int))
        assert_allclose(by_shares, -np.log(law[count]) / 7)


def test_metrics_say_what_is_wrong():
    target = bag_target([0, 0], counts=[1])
    with pytest.raises(ValueError, match="row for each of the 2"):
        bag_log_loss(target, [0.5])
    with pytest.raises(ValueError, match="outside"):
        bag_log_loss(target, [0.5, 1.5])
    with pytest.raises(ValueError, match="column for each"):
        bag_log_loss(target, np.full((2, 3), 1 / 3))
