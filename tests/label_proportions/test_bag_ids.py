"""Whatever bags are called and however numbers are given, they find each other."""

import datetime
import uuid

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skext.label_proportions import (
    BagKFold,
    CountLikelihoodClassifier,
    bag_mean_absolute_error,
    bag_target,
    bp_marginals,
)
from skext.label_proportions._bags.targets import read_bags

# 10 comes last as a number, and second as a text.
ROWS = [10, 2, 2, 1, 10, None]
COUNTS = {1: 1, 2: 1, 10: 2}
SHARES = [1.0, 0.5, 0.5, 1.0, 1.0, np.nan]


def polars(values, **options):
    return pytest.importorskip("polars").Series(values, **options)


def arrow(values, kind):
    pa = pytest.importorskip("pyarrow")
    kind = {
        "dictionary": pa.dictionary(pa.int32(), pa.int64()),
        "words": pa.dictionary(pa.int32(), pa.string()),
        "string": pa.string(),
    }[kind]
    return pd.Series(values, dtype=pd.ArrowDtype(kind))


INTEGERS = {
    "list": lambda v: v,
    "objects": lambda v: np.array(v, dtype=object),
    "floats": lambda v: np.array([np.nan if i is None else i for i in v]),
    "minus one": lambda v: np.array([-1 if i is None else i for i in v], dtype=np.int8),
    "minus one among objects": lambda v: np.array(
        [-1 if i is None else i for i in v], dtype=object
    ),
    "float series": pd.Series,
    "Int64": lambda v: pd.Series(v, dtype="Int64"),
    "UInt64": lambda v: pd.Series(v, dtype="UInt64"),
    "category": lambda v: pd.Series(v, dtype="category"),
    "Categorical": pd.Categorical,
    "frame": lambda v: pd.DataFrame({"bag": v}),
    "masked": lambda v: np.ma.masked_equal([99 if i is None else i for i in v], 99),
    "dictionary": lambda v: arrow(v, "dictionary"),
    "polars": polars,
}


@pytest.mark.parametrize("kind", INTEGERS)
def test_integers_with_gaps(kind):
    bags = INTEGERS[kind](ROWS)
    aligned = pd.Series(COUNTS).loc[[10, 1, 2]]
    for counts in (COUNTS, [1, 1, 2], aligned, aligned.astype("Int64")):
        target = bag_target(bags, counts=counts)
        assert target["bag"].tolist() == [10, 2, 2, 1, 10, -1]
        assert_array_equal(target["proportion"], SHARES)
    full = INTEGERS[kind](ROWS[:5])
    assert bag_target(full, counts=COUNTS)["bag"].tolist() == [10, 2, 2, 1, 10]


TEXTS = {
    "list": lambda v: v,
    "list with NaN": lambda v: [np.nan if i is None else i for i in v],
    "objects": lambda v: np.array(v, dtype=object),
    "str": lambda v: pd.Series(v, dtype="str"),
    "string": lambda v: pd.Series(v, dtype="string"),
    "Arrow": lambda v: arrow(v, "string"),
    "words": lambda v: arrow(v, "words"),
    "category": lambda v: pd.Series(pd.Categorical(v, ["z", "b10", "b2", "b1"])),
    "Index": pd.Index,
    "polars": polars,
    "polars category": lambda v: polars(
        v, dtype=pytest.importorskip("polars").Categorical
    ),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_strings_with_gaps(kind):
    bags = TEXTS[kind]([None if i is None else f"b{i}" for i in ROWS])
    counts = pd.Series({f"b{i}": c for i, c in COUNTS.items()})
    for given in (counts.to_dict(), counts.loc[["b2", "b1", "b10"]], [1, 2, 1]):
        target = bag_target(bags, counts=given)
        assert target["bag"].tolist() == [1, 2, 2, 0, 1, -1]
        assert_array_equal(target["proportion"], SHARES)
    # Types that need no missing value have another way to an array.
    full = TEXTS[kind]([f"b{i}" for i in ROWS[:5]])
    assert bag_target(full, counts=counts)["bag"].tolist() == [1, 2, 2, 0, 1]


@pytest.mark.parametrize("kind", TEXTS)
def test_labels_of_rows_in_any_column(kind):
    labels = ["b1", "b2", "b2", "b1"]
    found = read_bags(TEXTS[kind](labels))
    assert found.classes.tolist() == ["b1", "b2"]
    assert_array_equal(found.counts(), [0, 1, 1, 0])
    if kind == "list with NaN":
        return
    with pytest.raises(ValueError, match="some are missing; leave those"):
        read_bags(TEXTS[kind]([*labels, None]))


def test_dates_and_other_objects():
    dates = [None if i is None else datetime.date(2024, 1, i) for i in ROWS]
    counts = {datetime.date(2024, 1, i): c for i, c in COUNTS.items()}
    stamps = pd.Series(pd.to_datetime(dates))
    for bags in (dates, stamps, np.array(dates, dtype="datetime64[D]")):
        for given in (counts, [1, 1, 2], pd.Series(counts).iloc[::-1]):
            target = bag_target(bags, counts=given)
            assert_array_equal(target["proportion"], SHARES)
    zoned = stamps.dt.tz_localize("Asia/Tokyo")
    given = dict(zip(zoned[[3, 1, 0]], [1, 1, 2], strict=True))
    assert_array_equal(bag_target(zoned, counts=given)["proportion"], SHARES)
    for make in (lambda i: uuid.UUID(int=i), lambda i: (i, "a")):
        bags = [None if i is None else make(i) for i in ROWS]
        given = {make(i): c for i, c in COUNTS.items()}
        assert_array_equal(bag_target(bags, counts=given)["proportion"], SHARES)


def test_large_integers_do_not_collide():
    ids = pd.util.hash_array(np.repeat(np.arange(60), 10))
    y = np.tile([0, 1], 300)
    counts = pd.Series(y).groupby(ids).sum()
    for given in (counts, counts.to_dict(), counts.sample(frac=1, random_state=0)):
        target = bag_target(ids, counts=given)
        assert np.unique(target["bag"]).size == np.unique(ids).size == 60
        assert (target["size"] == 10).all()
    # Mixed with none, as pandas keeps them: objects.
    target = bag_target(
        [2**63 + 5, -1, 3, 2**63 + 4], counts={3: 1, 2**63 + 5: 0, 2**63 + 4: 1}
    )
    assert target["bag"].tolist() == [2, -1, 0, 1]
    assert_array_equal(target["proportion"], [0, np.nan, 1, 1])
    target = bag_target([2**70, 1], counts={1: 0, 2**70: 1})
    assert target["proportion"].tolist() == [1, 0]
    with pytest.raises(ValueError, match="floats do not tell integers apart"):
        bag_target(ids.astype(float), counts=counts.to_numpy())


@pytest.mark.parametrize(
    ("bags", "match"),
    [
        ([1, "1"], "bags holds .*of several types; make all of them strings"),
        ([0.5, None], "fractions"),
        ([np.inf, 1.0], "infinity"),
        (pd.DataFrame({"a": [1, 2], "b": [1, 2]}), r"one column.*ngroup\(\)"),
        (pd.MultiIndex.from_product([[1], [1, 2]]), "one column|2 levels"),
        ([{}, {}], "cannot be sorted"),
        (np.array([1j, 2]), "integers, strings or dates"),
    ],
)
def test_bags_that_are_none(bags, match):
    with pytest.raises(ValueError, match=match):
        bag_target(bags, counts=[1, 1])


def frame():
    return pd.DataFrame(
        {
            "bag": ["b", "a", "b", "a", "c"],
            "day": [1, 1, 2, 2, 2],
            "y": [1, 0, 1, 0, 1],
        }
    )


def test_what_pandas_aggregates_goes_to_its_bag():
    rows = frame()
    right = [1, 0, 1, 0, 1]
    sums = rows.groupby("bag", sort=False).y.sum()
    means = rows.groupby("bag", sort=False).y.mean()
    by_size = rows.bag.value_counts()
    table = pd.crosstab(rows.bag, rows.y)
    for given in (sums, sums.to_frame(), sums.astype("int8[pyarrow]")):
        assert_array_equal(bag_target(rows.bag, counts=given)["proportion"], right)
        target = bag_target(rows.bag.tolist(), counts=given, sizes=by_size)
        assert_array_equal(target["proportion"], right)
    for given in (means, means.astype("Float64"), rows.groupby("bag").y.mean()):
        assert_array_equal(bag_target(rows.bag, proportions=given)["proportion"], right)
    repeated = rows.groupby("bag").y.transform("sum")
    for kept in (rows.bag, rows.bag.tolist(), rows.bag.to_numpy()):
        assert_array_equal(bag_target(kept, counts=repeated)["proportion"], right)
    found = bag_target(rows.bag, counts=table.loc[["c", "a", "b"]])
    assert_array_equal(found["proportion"][:, 1], right)
    graph = np.zeros((5, 5))
    one = bp_marginals(graph, rows.bag, sums)
    assert_array_equal(one, bp_marginals(graph, rows.bag, sums.to_dict()))
    # More bags than the table has rows of, as when rows were lost.
    part = rows.iloc[[0, 1, 3]]
    assert_array_equal(
        bag_target(part.bag, counts=sums, sizes=by_size)["size"], [2, 2, 2]
    )


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (lambda d: d.groupby("bag", as_index=False).y.sum(), "set_index\\('bag'\\)"),
        (lambda d: d.groupby("bag", as_index=False).y.sum().y, "bags its index"),
        (lambda d: d.groupby(["bag", "day"]).y.sum(), "index of 2 levels"),
        (lambda d: d.groupby("bag").y.transform("sum")[::-1], "another order"),
        (lambda d: pd.crosstab(d.bag, d.y)[[1, 0]], "not the classes in sorted order"),
        (lambda d: pd.concat([d.groupby("bag").y.sum()] * 2), "several entries for"),
        (lambda d: d.groupby("bag").y.sum().iloc[:2], "no entry for .*'c'"),
        (lambda d: pd.Series({"a": "x", "b": 1, "c": 1}), "holds 'x'; give numbers"),
        (lambda d: pd.to_datetime(["2020", "2021", "2022"]), "kind 'date'"),
        (lambda d: polars([1, 2, 1]), "group_by has no order"),
    ],
)  # fmt: skip
def test_what_cannot_be_aligned_is_refused(given, match):
    rows = frame()
    with pytest.raises(ValueError, match=match):
        bag_target(rows.bag, counts=given(rows))


def test_series_that_could_be_of_rows_or_of_bags():
    bags = pd.Series([2, 0, 1], name="id")
    labels = pd.Series([1, 0, 0])
    by_bag = labels.rename_axis("id")
    assert_array_equal(bag_target(bags, counts=labels)["proportion"], [1, 0, 0])
    assert_array_equal(bag_target(bags, counts=by_bag)["proportion"], [0, 1, 0])
    with pytest.raises(ValueError, match="may name rows or bags"):
        bag_target([2, 0, 1], counts=labels)
    same = bag_target([0, 1, 2], counts=labels)
    assert_array_equal(same["proportion"], labels)


def test_what_is_given_is_left_alone():
    given = np.array([0.5, 1 + 1e-13])
    bag_target(["a", "a", "b"], proportions=given)
    assert given.tolist() == [0.5, 1 + 1e-13]
    given.setflags(write=False)
    bag_target(["a", "a", "b"], proportions=given)
    counts = np.array([1.0 + 1e-9, 1.0])
    table = np.array([[1.0, 1.0 + 1e-9], [np.nan, 1.0]])
    for marginals_of in (counts, table):
        before = marginals_of.copy()
        marginals_of.setflags(write=False)
        bp_marginals(np.zeros((4, 4)), [0, 0, 1, 1], marginals_of)
        assert_array_equal(marginals_of, before)


def test_unknown_numbers():
    bags = ["b", "a", "b", "c"]
    for counts in (
        {"a": 1, "b": None, "c": 0},
        pd.Series({"a": 1, "b": pd.NA, "c": 0}, dtype="Int64"),
        pd.Series({"a": 1, "b": pd.NA, "c": 0}, dtype=object),
        np.ma.masked_equal([1, 9, 0], 9),
        [1, None, 0],
    ):
        target = bag_target(bags, counts=counts, unknown="ignore")
        assert_array_equal(target["proportion"], [np.nan, 1, np.nan, 0])
        with pytest.raises(ValueError, match=r"NaN for the bags \['b'\]"):
            bag_target(bags, counts=counts)


def test_splitters_and_metrics_take_the_same_bags():
    names = pd.Series([f"b{i}" for i in [10, 2, 2, 1, 10, 3]], dtype="string")
    names[5] = pd.NA
    hashed = pd.util.hash_array(names.to_numpy(dtype=object, na_value=""))
    X = np.zeros((6, 1))
    wanted = [t.tolist() for _, t in BagKFold(3).split(X, groups=names)]
    assert sorted(map(tuple, wanted)) == [(0, 4), (1, 2), (3,)]
    tested = [t.tolist() for _, t in BagKFold(4).split(X, groups=hashed)]
    assert sorted(map(tuple, tested)) == [(0, 4), (1, 2), (3,), (5,)]
    shares = pd.Series([0.5, 1, 1, 0, 0.5, 1])
    loss = bag_mean_absolute_error(shares, shares, bags=hashed)
    assert loss == 0
    with pytest.raises(ValueError, match="y has NaN for the bags"):
        read_bags(shares.where(shares < 1), bags=hashed)


def test_targets_that_were_changed():
    target = bag_target([0, 0, 1, 1], counts=[1, 2])
    assert_array_equal(read_bags(list(target)).counts(), [1, 2])
    told = target.copy()
    told["proportion"] = [0, 1, 1, 1]
    with pytest.raises(ValueError, match="must be the same in all rows"):
        read_bags(told)
    told["proportion"] = 1.5
    with pytest.raises(ValueError, match="between 0 and 1"):
        read_bags(told)
    with pytest.raises(ValueError, match="fields bag, proportion and size"):
        read_bags(target[["bag", "size"]])
    with pytest.raises(ValueError, match="holds dates"):
        read_bags(pd.to_datetime(["2020", "2021"]))


@pytest.mark.parametrize("places", [3, 4, 6, 8, "float32"])
def test_rounded_shares(places):
    rng = np.random.default_rng(0)
    sizes = np.array([30, 30, 7, 250, 411])
    counts = np.array([14, 16, 3, 121, 97])
    shares = counts / sizes
    shares = (
        shares.astype(np.float32) if places == "float32" else np.round(shares, places)
    )
    bags = np.repeat(np.arange(5), sizes)
    target = bag_target(bags, proportions=shares)
    assert_array_equal(target["proportion"], shares[bags].astype(float))
    assert_array_equal(read_bags(target).count_table()[:, 1], counts)
    assert_array_equal(read_bags(target).count_table()[:, 0], sizes - counts)
    X = rng.normal(size=(bags.size, 2))
    model = CountLikelihoodClassifier().fit(X, target)
    exact = CountLikelihoodClassifier().fit(X, bag_target(bags, counts=counts))
    assert_array_equal(model.coef_, exact.coef_)
    assert_array_equal(model.bag_counts_, counts)


def test_rounded_shares_of_several_classes():
    counts = np.array([[10, 10, 10], [14, 7, 9], [1, 0, 29]])
    bags = np.repeat(np.arange(3), 30)
    for places in (3, 6):
        target = bag_target(bags, proportions=np.round(counts / 30, places))
        assert_array_equal(read_bags(target).count_table(), counts)
        assert np.abs(target["proportion"].sum(axis=1) - 1).max() < 1e-12
    with pytest.raises(ValueError, match="add up to the share 0.99"):
        bag_target(bags, proportions=counts / 30 * 0.99)


def test_shares_of_no_whole_number_are_named():
    bags = np.repeat([0, 1], 30)
    X = np.zeros((60, 1))
    for shares in ([0.5, 0.48], [0.5, 14.1 / 30], [0.467, 0.4843]):
        target = bag_target(bags, proportions=shares)
        with pytest.raises(ValueError, match=r"bag 1 with 30 rows makes 14.*counts="):
            CountLikelihoodClassifier().fit(X, target)
