"""Conditional quantiles: regression, exact stacking, no crossing, coverage.

Quantile regressors of any library are combined by weights that are optimal with a
certificate, their quantiles never cross, and intervals can be calibrated to cover.
"""

from skext.quantile._aggregation.aggregator import QuantileAggregator
from skext.quantile._aggregation.stacking import QuantileStackingRegressor
from skext.quantile._core.crossing import isotonize
from skext.quantile._plot import (
    AggregationWeightsDisplay,
    FanChartDisplay,
    IntervalWidthDisplay,
    PITHistogramDisplay,
    QuantileCalibrationDisplay,
)
from skext.quantile._regression.conformal_regressor import ConformalQuantileRegressor
from skext.quantile._regression.linear import LinearQuantileRegressor
from skext.quantile._regression.multi import (
    MultiQuantileRegressor,
    QuantileAdapter,
    predict_quantiles,
)

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
