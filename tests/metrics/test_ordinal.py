"""Scores of ordinal predictions against brute force, identities and scikit-learn."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, cohen_kappa_score, log_loss

from skext.metrics import (
    ordinal_mean_absolute_error,
    quadratic_weighted_kappa,
    ranked_probability_score,
    rare_class_brier,
    rare_class_log_loss,
    rare_probability_mse,
)

SIZES = ["small", "medium", "large", "huge"]
LABELLED = (ordinal_mean_absolute_error, quadratic_weighted_kappa)
PROBABILISTIC = (ranked_probability_score, rare_class_log_loss, rare_class_brier)


def _draw(seed, n=40, k=4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    truth[:k] = np.arange(k)
    proba = rng.dirichlet(np.ones(k) / 2, n)
    weight = rng.random(n)
    return truth, proba.argmax(axis=1), proba, weight


def _named(truth, proba):
    """Replace places by names, and sort the columns by name."""
    names = np.array(SIZES)
    return names[truth], proba[:, np.argsort(names)]


@pytest.mark.parametrize("seed", range(10))
def test_mean_absolute_error_by_brute_force(seed):
    truth, guess, _, weight = _draw(seed)
    distance = np.abs(truth - guess)
    assert ordinal_mean_absolute_error(truth, guess) == pytest.approx(distance.mean())
    found = ordinal_mean_absolute_error(truth, guess, sample_weight=weight)
    assert found == pytest.approx(np.average(distance, weights=weight))
    macro = np.mean(
        [np.average(distance[truth == c], weights=weight[truth == c]) for c in range(4)]
    )
    found = ordinal_mean_absolute_error(
        truth, guess, sample_weight=weight, average="macro"
    )
    assert found == pytest.approx(macro)


@pytest.mark.parametrize("seed", range(10))
def test_kappa_is_that_of_scikit_learn_on_places(seed):
    truth, guess, _, weight = _draw(seed)
    expected = cohen_kappa_score(truth, guess, weights="quadratic")
    assert quadratic_weighted_kappa(truth, guess) == pytest.approx(expected)
    names = np.array(SIZES)
    found = quadratic_weighted_kappa(
        names[truth], names[guess], class_order=SIZES, sample_weight=weight
    )
    expected = cohen_kappa_score(
        truth, guess, weights="quadratic", sample_weight=weight
    )
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(10))
def test_ranked_probability_score_is_the_crps(seed):
    """E|X - y| - E|X - X'| / 2, by enumeration."""
    truth, _, proba, weight = _draw(seed)
    places = np.arange(4)
    apart = np.abs(places[:, np.newaxis] - places)
    expected = np.array(
        [p @ apart[y] - 0.5 * p @ apart @ p for p, y in zip(proba, truth, strict=True)]
    )
    assert ranked_probability_score(truth, proba) == pytest.approx(expected.mean())
    found = ranked_probability_score(truth, proba, sample_weight=weight, normalize=True)
    assert found == pytest.approx(np.average(expected, weights=weight) / 3)


def test_ranked_probability_score_of_sure_predictions_is_the_distance():
    truth, guess, _, _ = _draw(0)
    found = ranked_probability_score(truth, np.eye(4)[guess])
    assert found == pytest.approx(ordinal_mean_absolute_error(truth, guess))
    opposite = np.eye(4)[[3, 0]]
    worst = ranked_probability_score(
        [0, 3], opposite, class_order=range(4), normalize=True
    )
    assert worst == 1


def test_ranked_probability_score_is_proper():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    truth = np.arange(4)

    def expected(q):
        return ranked_probability_score(truth, np.tile(q, (4, 1)), sample_weight=p)

    rng = np.random.default_rng(0)
    assert all(expected(q) > expected(p) for q in rng.dirichlet(np.ones(4), 50))


@pytest.mark.parametrize("seed", range(5))
def test_rare_scores_are_those_of_scikit_learn(seed):
    truth, _, proba, weight = _draw(seed)
    proba[0] = [0, 0, 0, 1]  # certain, and wrong: the truth is class 0
    event = truth == 3
    found = rare_class_log_loss(truth, proba, sample_weight=weight)
    expected = log_loss(event, proba[:, 3], sample_weight=weight)
    assert found == pytest.approx(expected, rel=1e-10)
    assert np.isfinite(found)
    found = rare_class_brier(truth, proba, sample_weight=weight)
    expected = brier_score_loss(event, proba[:, 3], sample_weight=weight)
    assert found == pytest.approx(expected)
    both = rare_class_brier(truth, proba, rare=[2, 3])
    assert both == pytest.approx(np.mean((proba[:, 2:].sum(axis=1) - (truth > 1)) ** 2))
    assert rare_class_brier(truth, proba, rare=0) == pytest.approx(
        np.mean((proba[:, 0] - (truth == 0)) ** 2)
    )


def test_two_classes_reduce_to_the_brier_score():
    rng = np.random.default_rng(0)
    p, y = rng.random(30), rng.integers(0, 2, 30)
    expected = brier_score_loss(y, p)
    assert ranked_probability_score(y, p) == pytest.approx(expected)
    assert ranked_probability_score(y, np.c_[1 - p, p]) == pytest.approx(expected)
    assert rare_class_brier(y, p) == pytest.approx(expected)


@pytest.mark.parametrize("metric", LABELLED + PROBABILISTIC)
def test_names_do_not_matter(metric):
    truth, guess, proba, weight = _draw(1)
    if metric in LABELLED:
        expected = metric(truth, guess, sample_weight=weight)
        found = metric(
            np.array(SIZES)[truth],
            np.array(SIZES)[guess],
            class_order=SIZES,
            sample_weight=weight,
        )
    else:
        expected = metric(truth, proba, sample_weight=weight)
        names, columns = _named(truth, proba)
        found = metric(names, columns, class_order=SIZES, sample_weight=weight)
        again = metric(
            names, proba, class_order=SIZES, classes=SIZES, sample_weight=weight
        )
        assert again == pytest.approx(expected)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("metric", LABELLED + PROBABILISTIC)
def test_ordered_categories_say_the_order(metric):
    truth, guess, proba, _ = _draw(2)
    names, columns = _named(truth, proba)
    kind = pd.CategoricalDtype(SIZES, ordered=True)
    series = pd.Series(names, index=np.arange(100, 140)).astype(kind)
    other = np.array(SIZES)[guess] if metric in LABELLED else columns
    expected = metric(names, other, class_order=SIZES)
    assert metric(series, other) == pytest.approx(expected)
    assert metric(series.to_frame(), other) == pytest.approx(expected)


@pytest.mark.parametrize("metric", LABELLED + PROBABILISTIC)
def test_weights_are_repetitions(metric):
    truth, guess, proba, _ = _draw(3)
    times = np.random.default_rng(0).integers(0, 4, truth.size)
    times[:4] = 1
    other = guess if metric in LABELLED else proba
    found = metric(truth, other, sample_weight=times)
    expected = metric(np.repeat(truth, times), np.repeat(other, times, axis=0))
    assert found == pytest.approx(expected)


def test_strings_without_an_order_warn():
    with pytest.warns(UserWarning, match="string labels"):
        ordinal_mean_absolute_error(["a", "b", "c"], ["a", "c", "c"])


def test_labels_may_have_classes_without_rows():
    proba = np.full((2, 5), 0.2)
    found = ranked_probability_score([1, 2], proba, class_order=range(5))
    expected = [(0.2 * np.arange(1, 5) - (np.arange(4) >= y)) ** 2 for y in (1, 2)]
    assert found == pytest.approx(np.sum(expected) / 2)
    assert ordinal_mean_absolute_error([0, 4], [4, 4], class_order=range(5)) == 2
    assert ordinal_mean_absolute_error([0, 4], [4, 4]) == 0.5


def test_kappa_without_spread_is_not_a_number():
    assert np.isnan(quadratic_weighted_kappa([1, 1], [1, 1]))
    assert quadratic_weighted_kappa([0, 1, 2], [0, 1, 2]) == 1
    assert quadratic_weighted_kappa([0, 1], [1, 0]) == -1


def test_brute_force_over_all_small_cases():
    for truth in itertools.product(range(3), repeat=3):
        for guess in itertools.product(range(3), repeat=3):
            found = ordinal_mean_absolute_error(truth, guess, class_order=[0, 1, 2])
            pairs = zip(truth, guess, strict=True)
            assert found == pytest.approx(sum(abs(a - b) for a, b in pairs) / 3)


def test_probability_mse():
    rng = np.random.default_rng(0)
    p, q, w = rng.random((3, 20))
    assert rare_probability_mse(p, q) == pytest.approx(np.mean((p - q) ** 2))
    found = rare_probability_mse(p, q, sample_weight=w)
    assert found == pytest.approx(np.average((p - q) ** 2, weights=w))
    with pytest.raises(ValueError, match="p_pred .* must lie between 0 and 1"):
        rare_probability_mse([0.5], [1.5])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        rare_probability_mse([0.5, 0.1], [0.5])


THIRDS = np.full((3, 3), 1 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ordinal_mean_absolute_error([0, 1], [0]), "inconsistent numbers"),
        (
            lambda: ordinal_mean_absolute_error([0, 1], [0, 1], average="mean"),
            "average='mean' must be",
        ),
        (
            lambda: ordinal_mean_absolute_error([0, 1], [0, 2], class_order=[0, 1]),
            r"class_order=\[0, 1\] must have all labels .* \[2\]",
        ),
        (
            lambda: quadratic_weighted_kappa([0, 1], [0, 1], class_order=[0, 1, 1]),
            r"class_order=\[0, 1, 1\] must have distinct",
        ),
        (lambda: ranked_probability_score([0, 1, 1], THIRDS), "of shape"),
        (lambda: ranked_probability_score([0, 1], THIRDS), "must have 2 rows"),
        (
            lambda: ranked_probability_score([0, 1, 2], THIRDS, classes=[0, 1, 3]),
            "classes=.* must be the labels",
        ),
        (lambda: ranked_probability_score([0, 1, 2], 3 * THIRDS - 2), "between 0"),
        (lambda: ranked_probability_score([0, 1, 2], THIRDS / 2), "sum to 1"),
        (lambda: ranked_probability_score([0, 1, 2], THIRDS * np.nan), "NaN"),
        (lambda: rare_class_brier([0, 1, 2], THIRDS, rare=7), "rare=.* must be"),
        (lambda: rare_class_brier([0, 1, 2], THIRDS, rare=[0, 1, 2]), "not all"),
        (
            lambda: rare_class_brier([0, 1, 2], THIRDS, sample_weight=[-1, 1, 1]),
            "Negative values",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_arguments_are_left_alone():
    truth, guess, proba, weight = _draw(4)
    copies = [a.copy() for a in (truth, guess, proba, weight)]
    ranked_probability_score(truth, proba, sample_weight=weight)
    rare_class_log_loss(truth, proba, sample_weight=weight)
    ordinal_mean_absolute_error(truth, guess, sample_weight=weight)
    for array, copy in zip((truth, guess, proba, weight), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_labels_as_objects():
    codes = np.array([0, 1, 2, 1])
    guess = np.array([0, 2, 2, 0])
    expected = ordinal_mean_absolute_error(codes, guess)
    assert ordinal_mean_absolute_error(codes.astype(object), guess) == expected
    assert ordinal_mean_absolute_error(pd.Series(codes).astype(object), guess) == (
        expected
    )
    for gaps in ([None, "a"], np.array(["a", None], dtype=object)):
        with pytest.raises(ValueError, match="y contains NaN"):
            ordinal_mean_absolute_error(gaps, ["a", "a"])
