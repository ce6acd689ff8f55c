"""Conditional quantiles: regression, exact stacking, no crossing, coverage.

Quantile regressors of any library are combined by weights that are optimal with a
certificate, their quantiles never cross, and intervals can be calibrated to cover.
"""

from skext.quantile._aggregator import QuantileAggregator
from skext.quantile._conformal_regressor import ConformalQuantileRegressor
from skext.quantile._levels import isotonize
from skext.quantile._linear import LinearQuantileRegressor
from skext.quantile._multi import (
    MultiQuantileRegressor,
    QuantileAdapter,
    predict_quantiles,
)
from skext.quantile._plot import (
    AggregationWeightsDisplay,
    FanChartDisplay,
    IntervalWidthDisplay,
    PITHistogramDisplay,
    QuantileCalibrationDisplay,
)
from skext.quantile._stacking import QuantileStackingRegressor

__all__ = [
    "AggregationWeightsDisplay",
    "ConformalQuantileRegressor",
    "FanChartDisplay",
    "IntervalWidthDisplay",
    "LinearQuantileRegressor",
    "MultiQuantileRegressor",
    "PITHistogramDisplay",
    "QuantileAdapter",
    "QuantileAggregator",
    "QuantileCalibrationDisplay",
    "QuantileStackingRegressor",
    "isotonize",
    "predict_quantiles",
]
