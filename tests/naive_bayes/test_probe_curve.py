"""The display of learning curves: what is drawn, and where the curves cross."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

from skext.naive_bayes import LinearGaussianNB, ProbeLearningCurveDisplay
from skext.naive_bayes._curve.curve import ProbeLearningCurve

SIZES = np.array([10, 100, 1000])


def curve(names=("a", "b"), seed=0):
    rng = np.random.default_rng(seed)
    means = np.array([[0.2, 0.2, 0.2], [0.4, 0.1, 0.05], [0.3, 0.3, 0.3]])
    records = [
        {"estimator": name, "n_train": size, "repeat": r, "error": e, "log_loss": 2 * e}
        for name, mean in zip(names, means, strict=False)
        for r in range(6)
        for size, e in zip(SIZES, mean + rng.normal(0, 0.01, 3), strict=True)
    ]
    return ProbeLearningCurve(pd.DataFrame(records), ["error", "log_loss"])


def test_lines_bands_and_the_crossing_are_those_of_the_result(pyplot):
    result = curve()
    display = ProbeLearningCurveDisplay.from_result(result)
    assert [line.get_label() for line in display.lines_] == ["a", "b"]
    for line, name in zip(display.lines_, "ab", strict=True):
        values = result.values(name)
        np.testing.assert_array_equal(line.get_xdata(), SIZES)
        np.testing.assert_allclose(line.get_ydata(), values.mean(axis=0))
        half = t.ppf(0.975, 5) * values.std(axis=0, ddof=1) / np.sqrt(6)
        np.testing.assert_allclose(display.half_width[name], half)
    assert display.crossover == result.crossover("a", "b")
    (mark,) = set(display.ax_.lines) - set(display.lines_)
    assert mark.get_xdata()[0] == display.crossover.n_train
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_ylabel() == "test error"


@pytest.mark.parametrize(
    ("names", "crossover", "marks"),
    [
        (("a", "b", "c"), "auto", 0),
        (("a", "b", "c"), ("a", "b"), 1),
        (("a", "b"), None, 0),
        (("a", "b"), ("b", "a"), 0),  # ahead in the end: nothing to mark
        (("a",), "auto", 0),
    ],
)
def test_which_crossing_is_marked(pyplot, names, crossover, marks):
    display = ProbeLearningCurveDisplay.from_result(
        curve(names), crossover=crossover, metric="log_loss"
    )
    assert len(display.ax_.lines) == len(names) + marks
    assert display.ax_.get_ylabel() == "test log loss"


def test_given_axes_and_styles(pyplot):
    _, ax = pyplot.subplots()
    result = curve()
    display = ProbeLearningCurveDisplay.from_result(
        result, ax=ax, curve_kwargs={"linewidth": 3}, confidence_level=0.5
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert {line.get_linewidth() for line in display.lines_} == {3}
    other = ProbeLearningCurveDisplay.from_result(result)
    assert display.half_width["a"][0] < other.half_width["a"][0]


def test_one_repeat_has_no_band():
    display = ProbeLearningCurveDisplay([1, 2], {"a": [[0.1, 0.2]]})
    assert display.half_width["a"].tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"values\['a'\] has shape \(2,\)"):
        ProbeLearningCurveDisplay([1, 2], {"a": [0.1, 0.2]})
    with pytest.raises(ValueError, match="confidence_level"):
        ProbeLearningCurveDisplay([1], {"a": [[0.1]]}, confidence_level=2)


def test_from_estimators(pyplot):
    X, y = load_iris(return_X_y=True)
    display = ProbeLearningCurveDisplay.from_estimators(
        [LinearGaussianNB(), GaussianNB()],
        X,
        y,
        train_sizes=[9, 60],
        n_repeats=3,
        scoring="accuracy",
        random_state=0,
    )
    assert list(display.mean) == ["LinearGaussianNB", "GaussianNB"]
    assert display.ax_.get_ylabel() == "accuracy"


def test_infinite_ends_are_drawn_up_to_the_edge(pyplot):
    display = ProbeLearningCurveDisplay(
        SIZES, {"a": np.zeros((2, 3))}, crossover=(50.0, 10.0, np.inf)
    ).plot()
    (band,) = display.ax_.patches
    left, right = band.get_x(), band.get_x() + band.get_width()
    assert (left, right) == (10.0, 1000.0)
