"""The displays: what is drawn, from what, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm
from sklearn.base import BaseEstimator
from sklearn.linear_model import BayesianRidge

from skext.metrics import interval_coverage, mean_interval_width, quantile_coverage
from skext.quantile import (
    AggregationWeightsDisplay,
    FanChartDisplay,
    IntervalWidthDisplay,
    LinearQuantileRegressor,
    PITHistogramDisplay,
    QuantileAggregator,
    QuantileCalibrationDisplay,
    QuantileStackingRegressor,
)
from skext.utils._probabilities import consistency_band

pytestmark = pytest.mark.usefixtures("pyplot")
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
rng = np.random.RandomState(0)
X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a_1", "b"])
y = X["a_1"].to_numpy() + rng.normal(size=300)
TRUTH = X[["a_1"]].to_numpy() + norm.ppf(LEVELS)
MODEL = LinearQuantileRegressor(LEVELS).fit(X, y)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_binomial_bands_are_those_of_scipy():
    for n, confidence_level in ((7, 0.9), (100, 0.95), (12_345, 0.5)):
        low, high = consistency_band(LEVELS, n, confidence_level)
        tail = (1 - confidence_level) / 2
        np.testing.assert_allclose(low * n, binom.ppf(tail, n, LEVELS).round())
        np.testing.assert_allclose(high * n, binom.ppf(1 - tail, n, LEVELS).round())


@pytest.mark.parametrize("difference", [False, True])
def test_calibration(difference):
    display = QuantileCalibrationDisplay.from_estimator(
        MODEL, X, y, difference=difference
    )
    expected = quantile_coverage(y, MODEL.predict_quantiles(X), LEVELS)
    np.testing.assert_allclose(display.coverage, expected)
    drawn = display.line_.get_ydata()
    np.testing.assert_allclose(drawn, expected - LEVELS * difference)
    assert display.n_rows == 300
    assert labels(display.ax_) == ["95 % of 300 rows", "LinearQuantileRegressor"]
    QuantileCalibrationDisplay.from_predictions(
        y, TRUTH, LEVELS, name="truth", ax=display.ax_, difference=difference
    )
    assert labels(display.ax_).count("95 % of 300 rows") == 1


def test_calibration_of_ties_and_weights():
    weights = np.repeat([1.0, 0.0, 2.0], 100)
    display = QuantileCalibrationDisplay.from_predictions(
        np.round(y), np.round(TRUTH), LEVELS, sample_weight=weights
    )
    part = weights > 0
    below = np.round(y)[part, None] < np.round(TRUTH)[part]
    np.testing.assert_allclose(
        display.below, np.average(below, axis=0, weights=weights[part])
    )
    assert (display.below < display.coverage).all()
    assert display.n_rows == round(300**2 / 500)
    with pytest.raises(ValueError, match="confidence_level=95 must lie"):
        QuantileCalibrationDisplay([0.5], [0.5], 10, confidence_level=95)
    with pytest.raises(ValueError, match="one entry for each level"):
        QuantileCalibrationDisplay([0.5], [0.5, 0.6], 10)


def test_pit_histogram():
    display = PITHistogramDisplay.from_predictions(y, TRUTH, LEVELS, random_state=0)
    assert display.counts.sum() == 300
    assert np.isclose(display.density @ np.diff(display.edges), 1)
    inside = (display.low <= display.density) & (display.density <= display.high)
    assert inside.mean() > 0.7
    narrow = PITHistogramDisplay.from_estimator(
        MODEL, X, 3 * y, n_bins=5, random_state=0
    )
    assert narrow.density[0] > narrow.high[0]
    assert narrow.ax_.get_title() == "LinearQuantileRegressor"
    with pytest.raises(ValueError, match="n_bins=0"):
        PITHistogramDisplay.from_predictions(y, TRUTH, LEVELS, n_bins=0)
    with pytest.raises(ValueError, match="one more than bins"):
        PITHistogramDisplay([1, 2], [0, 1])


def test_fan_chart_over_a_feature():
    display = FanChartDisplay.from_estimator(MODEL, X, y, feature="a_1", max_rows=100)
    assert len(display.x) == 100
    assert (np.diff(display.x) >= 0).all()
    assert display.ax_.get_xlabel() == "a_1"
    assert display.bands == [(0, 4), (1, 3)]
    names = labels(display.ax_)
    assert names[:3] == ["90 %", "50 %", "median"]
    assert names[3].startswith("targets outside: ")
    by_number = FanChartDisplay.from_estimator(MODEL, X, feature=1)
    assert by_number.ax_.get_xlabel() == "feature 1"
    assert by_number.y_true is None


def test_fan_chart_ranks_rows_and_shows_infinite_quantiles():
    Q = TRUTH.copy()
    Q[::2, 0] = -np.inf
    display = FanChartDisplay.from_predictions(y, Q, LEVELS, max_bands=1)
    center = display.y_quantiles[:, 2]
    assert (np.diff(center) >= 0).all()
    assert labels(display.ax_)[0] == "90 %"
    low, high = display.ax_.get_ylim()
    assert np.isfinite([low, high]).all()
    assert low < min(y.min(), TRUTH.min())
    odd = FanChartDisplay.from_predictions(None, TRUTH[:, :2], LEVELS[:2])
    assert labels(odd.ax_) == ["0.05 to 0.25"]
    only = FanChartDisplay.from_predictions(None, TRUTH[:, 2], [0.5])
    assert labels(only.ax_) == ["median"]
    for params, message in (
        ({"max_rows": 0}, "max_rows=0"),
        ({"x": [1, 2]}, "one place for each"),
    ):
        with pytest.raises(ValueError, match=message):
            FanChartDisplay.from_predictions(y, TRUTH, LEVELS, **params)


def test_interval_widths():
    display = IntervalWidthDisplay.from_estimator(MODEL, X, y)
    Q = MODEL.predict_quantiles(X)
    np.testing.assert_allclose(display.coverage, [0.5, 0.9])
    for k, ends in ((0, [1, 3]), (1, [0, 4])):
        assert np.isclose(display.mean[k], mean_interval_width(Q[:, ends]))
        assert np.isclose(display.observed[k], interval_coverage(y, Q[:, ends]))
    np.testing.assert_allclose(display.line_.get_ydata(), display.mean)
    plain = IntervalWidthDisplay.from_predictions(None, Q, LEVELS, ax=display.ax_)
    assert plain.observed is None
    infinite = TRUTH.copy()
    infinite[0, [0, 4]] = -np.inf, np.inf
    shown = IntervalWidthDisplay.from_predictions(y, infinite, LEVELS, band=None)
    assert shown.line_.get_ydata().size == 1
    with pytest.raises(ValueError, match="no central interval"):
        IntervalWidthDisplay.from_predictions(y, Q[:, :2], LEVELS[:2])


def test_any_regressor_can_be_shown():
    other = BayesianRidge().fit(X, y)
    assert len(QuantileCalibrationDisplay.from_estimator(other, X, y).quantiles) == 19
    display = PITHistogramDisplay.from_estimator(
        other, X, y, quantiles=[0.2, 0.5, 0.8], random_state=0
    )
    assert display.counts.sum() == 300


Z = np.stack([TRUTH, TRUTH + 1, TRUTH * 0.5], axis=1)


@pytest.mark.parametrize(
    ("granularity", "options", "shape"),
    [
        ("medium", {}, (3, 5)),
        ("qra", {}, (3, 5)),
        ("fine", {}, (15, 5)),
        ("fine", {"level": 0.75}, (3, 5)),
    ],
)
def test_heat_maps(granularity, options, shape):
    display = AggregationWeightsDisplay.from_predictions(
        y, Z, LEVELS, granularity=granularity, model_names=list("abc"), **options
    )
    (image,) = display.ax_.images
    assert image.get_array().shape == shape
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == list("abc")
    signed = display.weights.min() < 0
    assert image.get_cmap().name == ("RdBu_r" if signed else "Blues")
    expected = QuantileAggregator(LEVELS, granularity=granularity).fit(Z, y).weights_
    np.testing.assert_allclose(display.weights, expected)
    if options:
        np.testing.assert_allclose(image.get_array(), expected[:, :, 3])


def test_bars_and_lines():
    bars = AggregationWeightsDisplay.from_predictions(
        y, Z, LEVELS, granularity="coarse"
    )
    widths = [patch.get_width() for patch in bars.ax_.patches]
    np.testing.assert_allclose(widths, bars.weights)
    stack = QuantileStackingRegressor(
        [("one", LinearQuantileRegressor()), ("two", LinearQuantileRegressor())],
        quantiles=LEVELS,
        cv=2,
    ).fit(X, y)
    lines = AggregationWeightsDisplay.from_estimator(stack, kind="lines")
    assert [name.strip() for name in labels(lines.ax_)] == ["one", "two"]
    np.testing.assert_allclose(lines.weights, stack.weights_)


class LocalWeights(BaseEstimator):
    """Stands in for a fitted stack with local weights."""

    local, quantiles_, granularity = True, LEVELS, "coarse"

    def __sklearn_is_fitted__(self):
        return True

    def fit(self):
        return self

    def predict_weights(self, X):
        return np.column_stack([np.linspace(0, 1, len(X)), np.linspace(1, 0, len(X))])


def test_local_weights_are_averaged():
    display = AggregationWeightsDisplay.from_estimator(LocalWeights(), X)
    np.testing.assert_allclose(display.weights, 0.5)
    assert (display.spread > 0.25).all()
    assert display.ax_.get_title() == "means over rows"
    with pytest.raises(ValueError, match="pass X"):
        AggregationWeightsDisplay.from_estimator(LocalWeights())


def test_weights_that_cannot_be_shown():
    median = QuantileAggregator(LEVELS, granularity="median").fit(Z, y)
    with pytest.raises(ValueError, match="has no weights"):
        AggregationWeightsDisplay.from_estimator(median)
    display = AggregationWeightsDisplay(np.full((2, 5), 0.5), LEVELS)
    for options, message in (
        ({"kind": "bars"}, "does not show medium"),
        ({"level": 0.5}, "fine weights only"),
    ):
        with pytest.raises(ValueError, match=message):
            display.plot(**options)
    fine = AggregationWeightsDisplay(np.full((2, 5, 5), 0.1), LEVELS)
    with pytest.raises(ValueError, match="none of the levels"):
        fine.plot(level=0.3)
    for weights, options, message in (
        (0.5, {}, "0 dimensions"),
        (np.ones((2, 4)), {}, "one entry for each level"),
        (np.ones(2), {"model_names": ["a"]}, "1 entries for 2 models"),
    ):
        with pytest.raises(ValueError, match=message):
            AggregationWeightsDisplay(weights, LEVELS, **options)
