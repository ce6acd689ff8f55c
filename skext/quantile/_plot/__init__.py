"""Displays of quantiles, one file each."""

from skext.quantile._plot._calibration import QuantileCalibrationDisplay
from skext.quantile._plot._fan_chart import FanChartDisplay
from skext.quantile._plot._pit import PITHistogramDisplay
from skext.quantile._plot._weights import AggregationWeightsDisplay
from skext.quantile._plot._widths import IntervalWidthDisplay

__all__ = [
    "AggregationWeightsDisplay",
    "FanChartDisplay",
    "IntervalWidthDisplay",
    "PITHistogramDisplay",
    "QuantileCalibrationDisplay",
]
