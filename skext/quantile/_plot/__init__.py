"""Displays of quantiles, one file each."""

from skext.quantile._plot.calibration import QuantileCalibrationDisplay
from skext.quantile._plot.fan_chart import FanChartDisplay
from skext.quantile._plot.pit import PITHistogramDisplay
from skext.quantile._plot.weights import AggregationWeightsDisplay
from skext.quantile._plot.widths import IntervalWidthDisplay

__all__ = [
    "AggregationWeightsDisplay",
    "FanChartDisplay",
    "IntervalWidthDisplay",
    "PITHistogramDisplay",
    "QuantileCalibrationDisplay",
]
