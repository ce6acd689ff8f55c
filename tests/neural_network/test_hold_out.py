"""Hold-outs of nets: rare classes, groups, and what decides on the epoch."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from skext.neural_network import (
    EnsLossClassifier,
    OrdinalNetClassifier,
    TabularNetClassifier,
    TabularNetRegressor,
    TemperatureSampler,
)
from skext.neural_network._core.hold_out import (
    group_codes,
    hold_out_classes,
    hold_out_rows,
)

pytest.importorskip("torch")

QUICK = {
    "hidden_layer_sizes": (8,),
    "max_epochs": 3,
    "device": "cpu",
    "random_state": 0,
}
CLASSIFIERS = [TabularNetClassifier, EnsLossClassifier, OrdinalNetClassifier]
NETS = [*CLASSIFIERS, TabularNetRegressor]


@pytest.fixture(scope="module")
def rare():
    """Three classes and a fourth of three rows."""
    X, y = make_classification(
        300, 10, n_informative=6, n_classes=3, flip_y=0, random_state=0
    )
    y[:3] = 3
    return X, y


@pytest.mark.parametrize("n_rare", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_a_rare_class_is_in_both_parts(n_rare, seed):
    codes = np.repeat([0, 1, 2], [200, 100, n_rare])
    held = hold_out_classes(codes, 0.1, np.random.default_rng(seed))
    assert np.bincount(codes[held]).min() >= 1
    assert np.bincount(codes[~held]).min() >= 1
    assert abs(held.sum() - round(len(codes) / 10)) <= 1


def test_more_rare_classes_than_rows_to_hold_out():
    # Ten classes of two rows beside one of eighty: a larger hold-out has them all.
    codes = np.concatenate([np.repeat(0, 80), np.arange(1, 9).repeat(2)])
    held = hold_out_classes(codes, 0.1, np.random.default_rng(0))
    assert np.bincount(codes[held]).tolist() == [8] + [1] * 8
    # Unless it would be more than twice as large.
    codes = np.arange(40).repeat(2)
    assert hold_out_classes(codes, 0.1, np.random.default_rng(0)).sum() == 8


@pytest.mark.parametrize(
    "scoring",
    [None, "accuracy", "neg_log_loss", "roc_auc_ovr", "roc_auc_ovo"]
    + ["neg_brier_score", "d2_log_loss_score", "f1_macro", "balanced_accuracy"],
)
@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_every_score_takes_a_rare_class(scoring, cls, rare):
    X, y = rare
    model = cls(**QUICK, scoring=scoring).fit(X, y)
    assert model.n_iter_ == 3
    key = "valid_loss" if scoring is None else "valid_score"
    assert np.isfinite(model.history_[key]).all()


@pytest.mark.parametrize("scoring", ["neg_log_loss", "neg_brier_score"])
def test_scores_know_a_class_that_is_not_held_out(scoring, rare):
    X, y = rare
    with pytest.warns(UserWarning, match="a single row"):
        model = TabularNetClassifier(**QUICK, scoring=scoring).fit(X[2:], y[2:])
    assert np.isfinite(model.history_["valid_score"]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore:.*a single row:UserWarning")
def test_a_score_that_is_not_defined_leaves_it_to_the_loss(rare):
    X, y = rare
    by_loss = TabularNetClassifier(**QUICK)
    by_score = TabularNetClassifier(**QUICK, scoring="roc_auc_ovr")
    by_loss.fit(X[2:], y[2:])
    with pytest.warns(UserWarning, match="scoring='roc_auc_ovr' is not defined"):
        by_score.fit(X[2:], y[2:])
    assert by_score.best_epoch_ == by_loss.best_epoch_ is not None
    np.testing.assert_array_equal(by_score.predict_proba(X), by_loss.predict_proba(X))


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_the_loss_decides_by_default(cls):
    X, y = make_classification(200, 8, flip_y=0.1, random_state=0)
    model = cls(**{**QUICK, "max_epochs": 15}).fit(X, y)
    best = model.history_["valid_loss"][model.best_epoch_ - 1]
    assert best == model.history_["valid_loss"].min()
    assert cls().scoring is None


@pytest.mark.parametrize("cls", [TabularNetClassifier, EnsLossClassifier])
def test_rare_positives_are_learned(cls):
    # Logistic regression has .852. Stopped by the accuracy, which is that of the
    # majority at once, nets had .75 and .82 and predicted no positive.
    X, y = make_classification(
        4000,
        20,
        n_informative=6,
        weights=[0.97],
        class_sep=0.8,
        flip_y=0,
        random_state=0,
    )
    X, X_new, y, y_new = train_test_split(X, y, stratify=y, random_state=0)
    model = cls((32,), device="cpu", random_state=0).fit(X, y)
    assert roc_auc_score(y_new, model.predict_proba(X_new)[:, 1]) > 0.84
    assert model.predict(X_new).sum() > 0


def test_groups_are_held_out_whole():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 400)
    codes = (rng.random(400) < 0.2).astype(int)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        for held in (
            hold_out_classes(codes, 0.1, rng, groups),
            hold_out_rows(400, 0.1, rng, groups),
        ):
            assert not set(groups[held]) & set(groups[~held])
            assert 25 <= held.sum() <= 60
        held = hold_out_classes(codes, 0.1, rng, groups)
        assert set(codes[held]) == set(codes[~held]) == {0, 1}


def test_classes_that_groups_are_made_of():
    # Each group is of one class, the last class is one group.
    groups = np.arange(20).repeat(10)
    codes = np.array([0, 1] * 9 + [1, 2])[groups]
    with pytest.warns(UserWarning, match="1 of the classes have rows of a single"):
        held = hold_out_classes(codes, 0.1, np.random.default_rng(0), groups)
    assert set(codes[held]) == {0, 1}
    assert set(codes[~held]) == {0, 1, 2}
    one = np.zeros(200, dtype=int)
    with pytest.warns(UserWarning, match="none can be held out"):
        assert hold_out_classes(codes, 0.1, np.random.default_rng(0), one) is None


@pytest.mark.parametrize("cls", NETS)
def test_groups_of_a_fit(cls, monkeypatch):
    seen = {}

    def spy(self, rows, groups, seeds, families):
        train, valid, groups = split(self, rows, groups, seeds, families)
        seen["held"], seen["train"] = valid.index, train.index
        return train, valid, groups

    split = cls._split
    monkeypatch.setattr(cls, "_split", spy)
    X, y = make_classification(200, 5, random_state=0)
    groups = np.arange(200) // 4
    weight = np.arange(200) % 5  # rows without weight do not shift the groups
    names = [f"p{group}" for group in groups]
    found = []
    for given in (
        groups,
        names,
        np.array(names, dtype=object),
        pd.Series(names, dtype="string"),
        pd.Series(groups, dtype="Int64"),
        pl.Series(names),
    ):
        model = cls(**QUICK).fit(X, y, sample_weight=weight, groups=given)
        assert not set(groups[seen["held"]]) & set(groups[seen["train"]])
        assert not (weight[seen["held"]] == 0).any()
        found.append(model.predict(X))
    np.testing.assert_array_equal(found[1:], found[:1] * 5)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2, 3], r"groups has shape \(3,\) but there are 40 rows"),
        (
            [None] + ["a"] * 39,
            "groups has no label in 1 of 40 rows, the first of which",
        ),
        ([np.nan] + [1.0] * 39, "groups has no label"),
        ([[1]] * 40, r"groups has shape \(40, 1\)"),
    ],
)
def test_bad_groups(groups, message):
    X, y = make_classification(40, 5, random_state=0)
    with pytest.raises(ValueError, match=message):
        TabularNetClassifier(**QUICK).fit(X, y, groups=groups)


def test_large_group_numbers_do_not_collide():
    numbers = pd.Series([2**63 + 1, 2**63 + 2, 2**63 + 1], dtype="UInt64")
    assert group_codes(numbers, 3).tolist() == [0, 1, 0]
    assert group_codes(["b", 1, "b"], 3).tolist() == [0, 1, 0]


def test_hold_outs_of_groups_are_quiet():
    X, y = make_classification(200, 5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TabularNetClassifier(**QUICK).fit(X, y, groups=np.arange(200) % 40)


@pytest.mark.parametrize("cls", [TabularNetClassifier, TabularNetRegressor])
def test_scores_that_take_no_weights(cls, rare):
    X, y = rare
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    names = ["neg_max_error"]
    if cls is TabularNetClassifier:
        names = ["roc_auc_ovo", "adjusted_rand_score", "v_measure_score"]
    for name in names:
        with pytest.warns(UserWarning, match="takes no weights") as caught:
            model = cls(**QUICK, scoring=name).fit(X, y, sample_weight=weight)
        assert len(caught) == 1
        assert np.isfinite(model.history_["valid_score"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "class"}, "sampler='class' must be a sampler"),
        ({"sampler": TemperatureSampler}, "must be a sampler, such as"),
        ({"sampler": TemperatureSampler(by="klass")}, "by='klass' is unknown"),
        (
            {"sampler": TemperatureSampler(by=[None] * 300)},
            "sampler.by has no label in 300 of 300",
        ),
        ({"class_weight": {0: -1.0}}, "class_weight=.*factors; correct .*0: -1.0"),
        ({"class_weight": {0: float("nan")}}, "class_weight=.*factors; correct"),
        ({"class_weight": {0: "a"}}, "class_weight=.*factors; correct"),
        ({"hidden_layer_sizes": (8.5,)}, "must be positive integers"),
        ({"hidden_layer_sizes": ("a",)}, "must be positive integers"),
        ({"loss": np.mean}, "loss=.* must be a name, a module"),
        ({"loss": lambda: 3}, "must make a torch.nn.Module"),
    ],
)
def test_options_that_are_nothing(options, message, rare):
    model = TabularNetClassifier(**{**QUICK, **options})
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(*rare)


def test_regressors_have_no_classes_to_balance(rare):
    model = TabularNetRegressor(**QUICK, sampler=TemperatureSampler())
    with pytest.raises(ValueError, match="sampler.by='class' needs classes"):
        model.fit(*rare)


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision"])
def test_a_scorer_for_two_classes_is_named(scoring):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(151, 2)), np.r_[np.repeat([0, 1, 2], 50), 3]
    model = TabularNetClassifier(
        scoring=scoring, max_epochs=2, device="cpu", random_state=0
    )
    with (
        pytest.raises(ValueError, match=f"scoring='{scoring}' cannot score"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        model.fit(X, y)
