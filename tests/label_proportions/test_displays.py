"""Displays of scores by bag size and of calibration."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from skext.label_proportions import (
    BagSizeCurveDisplay,
    BeliefPropagationLLPClassifier,
    MarginalCalibrationDisplay,
    make_bags,
)


def test_curves_and_controls_are_those_given(pyplot):
    scores = {"a": [[0.9, 0.8, 0.7], [0.8, 0.8, 0.6]], "b": [0.6, 0.6, 0.5]}
    controls = {"a": [0.5, 0.5, 0.5], "degree": [0.7, 0.7, 0.7]}
    display = BagSizeCurveDisplay([8, 32, 128], scores, controls, ceiling=0.95).plot()
    assert_allclose(display.lines_["a"].get_ydata(), [0.85, 0.8, 0.65])
    assert_allclose(display.lines_["b"].get_ydata(), [0.6, 0.6, 0.5])
    own, other = display.control_lines_["a"], display.control_lines_["degree"]
    assert own.get_color() == display.lines_["a"].get_color()
    assert own.get_linestyle() == ":"
    assert other.get_color() == "0.45"
    assert len(display.ax_.collections) == 1  # the band of the repeated one
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["a", "b", "a, control", "degree", "all labels known"]
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["8", "32", "128"]


def test_scores_from_predictions(pyplot):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    good = {8: y + rng.normal(size=100), 32: y + rng.normal(size=(2, 100))}
    good = {size: np.atleast_2d(p)[[0, -1]] for size, p in good.items()}
    flat = {8: rng.random(100), 32: rng.random(100)}
    _, ax = pyplot.subplots()
    display = BagSizeCurveDisplay.from_predictions(
        y, {"model": good}, {"model": flat}, ax=ax, baseline=None
    )
    assert display.ax_ is ax
    assert display.scores["model"].shape == (2, 2)
    assert display.scores["model"][1, 1] == roc_auc_score(y, good[32][1])
    assert display.controls["model"][0, 0] == roc_auc_score(y, flat[8])
    assert len(ax.lines) == 2
    with pytest.raises(ValueError, match="bag sizes"):
        BagSizeCurveDisplay.from_predictions(y, {"a": flat, "b": {8: flat[8]}})


@pytest.mark.parametrize(
    ("sizes", "scores", "match"),
    [
        ([8, 8], {"a": [1, 1]}, "must increase"),
        ([8, 32], {"a": [1, 1, 1]}, "one column for each of the 2"),
    ],
)
def test_bad_curves(sizes, scores, match):
    with pytest.raises(ValueError, match=match):
        BagSizeCurveDisplay(sizes, scores)


def test_bands_cover_what_is_calibrated(pyplot):
    rng = np.random.default_rng(0)
    inside = total = 0
    for _ in range(20):
        p = rng.beta(0.5, 1.0, size=2000)
        y = rng.random(2000) < p
        display = MarginalCalibrationDisplay.from_predictions(y, p, n_bins=10)
        pyplot.close("all")
        assert display.n_rows.sum() == 2000
        assert display.n_positive.sum() == y.sum()
        seen = (display.observed >= display.low) & (display.observed <= display.high)
        inside, total = inside + seen.sum(), total + seen.size
    # 200 bands, of which a little less than one in twenty may be missed.
    assert binom.sf(total - inside - 1, total, 0.05) > 1e-3
    wrong = MarginalCalibrationDisplay.from_predictions(y, p**3, n_bins=10)
    assert (wrong.observed > wrong.high).sum() > 5
    assert wrong.calibration_error > 0.1


def test_ties_stay_in_one_bin(pyplot):
    p = np.repeat([0.1, 0.5], [70, 30])
    y = np.arange(100) % 2
    display = MarginalCalibrationDisplay.from_predictions(y, p, n_bins=10)
    assert_array_equal(display.n_rows, [70, 30])
    assert_allclose(display.predicted, [0.1, 0.5])
    one = MarginalCalibrationDisplay.from_predictions(y, np.full(100, 0.5), n_bins=3)
    assert_array_equal(one.n_rows, [100])


def test_marginals_of_a_fitted_model(pyplot):
    X, y = make_blobs(300, centers=2, cluster_std=2.0, random_state=0)
    bags = make_bags(X, y, bag_size=10, random_state=0)
    model = BeliefPropagationLLPClassifier(LogisticRegression(), max_iter=500)
    with pytest.raises(NotFittedError):
        MarginalCalibrationDisplay.from_estimator(model, bags.y_true)
    model.fit(bags.data, bags.target)
    display = MarginalCalibrationDisplay.from_estimator(model, bags.y_true, name="BP")
    assert display.n_positive.sum() == y.sum()
    # Mass equals counts, so that errors above and below cancel out.
    assert_allclose(display.predicted @ display.n_rows, y.sum(), atol=1e-6)
    assert display.line_.get_label().startswith("BP, calibration error")
    other = MarginalCalibrationDisplay.from_estimator(model, bags.y_true, pos_label=0)
    assert other.n_positive.sum() == 300 - y.sum()
    with pytest.raises(ValueError, match="pos_label='x' must be one of"):
        MarginalCalibrationDisplay.from_estimator(model, bags.y_true, pos_label="x")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([0.1], [1, 2], [3, 4]), "one entry for each bin"),
        (([0.1], [1], [3], 1.5), "confidence"),
    ],
)
def test_bad_bins(arguments, match):
    options = {"confidence_level": arguments[3]} if len(arguments) > 3 else {}
    with pytest.raises(ValueError, match=match):
        MarginalCalibrationDisplay(*arguments[:3], **options)
    with pytest.raises(ValueError, match="between 0 and 1"):
        MarginalCalibrationDisplay.from_predictions([0, 1], [0.5, 1.5])
    with pytest.raises(ValueError, match="n_bins"):
        MarginalCalibrationDisplay.from_predictions([0, 1], [0.5, 0.5], n_bins=0)


def test_labels_that_are_not_those_of_the_estimator():
    X, y = make_blobs(60, centers=2, random_state=0)
    bags = make_bags(X, y, bag_size=6, random_state=0)
    model = BeliefPropagationLLPClassifier(LogisticRegression())
    model.fit(bags.data, bags.target)
    for labels in (np.array(["no", "yes"])[bags.y_true], bags.y_true + 1):
        with pytest.raises(ValueError, match="must only have those of"):
            MarginalCalibrationDisplay.from_estimator(model, labels)
    with pytest.raises(ValueError, match="some are missing"):
        MarginalCalibrationDisplay.from_estimator(model, [None, *bags.y_true[1:]])
