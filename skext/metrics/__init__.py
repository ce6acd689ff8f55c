"""Scores of ordinal predictions, of rare classes and of quantiles."""

from skext.metrics._ordinal import (
    ordinal_mean_absolute_error,
    quadratic_weighted_kappa,
    ranked_probability_score,
    rare_class_brier,
    rare_class_log_loss,
    rare_probability_mse,
)
from skext.metrics._ordinal_scorers import make_ordinal_scorer
from skext.metrics._plot.rare_class_calibration import RareClassCalibrationDisplay
from skext.metrics._quantile import (
    crps_from_quantiles,
    interval_score,
    pinball_loss,
    weighted_interval_score,
)
from skext.metrics._quantile_calibration import (
    crossing_rate,
    interval_coverage,
    mean_interval_width,
    pit_values,
    quantile_calibration_error,
    quantile_coverage,
)
from skext.metrics._quantile_scorers import make_quantile_scorer
from skext.metrics._relative import relative_score

__all__ = [
    "RareClassCalibrationDisplay",
    "crossing_rate",
    "crps_from_quantiles",
    "interval_coverage",
    "interval_score",
    "make_ordinal_scorer",
    "make_quantile_scorer",
    "mean_interval_width",
    "ordinal_mean_absolute_error",
    "pinball_loss",
    "pit_values",
    "quadratic_weighted_kappa",
    "quantile_calibration_error",
    "quantile_coverage",
    "ranked_probability_score",
    "rare_class_brier",
    "rare_class_log_loss",
    "rare_probability_mse",
    "relative_score",
    "weighted_interval_score",
]
