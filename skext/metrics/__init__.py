"""Scores of ordinal predictions, and displays of comparisons and of models."""

from skext.metrics._ordinal import (
    ordinal_mean_absolute_error,
    quadratic_weighted_kappa,
    ranked_probability_score,
    rare_class_brier,
    rare_class_log_loss,
    rare_probability_mse,
)
from skext.metrics._ordinal_scorers import make_ordinal_scorer, ordinal_scorers
from skext.metrics._plot._coefficient_path import CoefficientPathDisplay
from skext.metrics._plot._critical_difference import CriticalDifferenceDisplay
from skext.metrics._plot._cumulative_probability import CumulativeProbabilityDisplay
from skext.metrics._plot._probe_curve import ProbeLearningCurveDisplay
from skext.metrics._plot._rare_class_calibration import RareClassCalibrationDisplay

__all__ = [
    "CoefficientPathDisplay",
    "CriticalDifferenceDisplay",
    "CumulativeProbabilityDisplay",
    "ProbeLearningCurveDisplay",
    "RareClassCalibrationDisplay",
    "make_ordinal_scorer",
    "ordinal_mean_absolute_error",
    "ordinal_scorers",
    "quadratic_weighted_kappa",
    "ranked_probability_score",
    "rare_class_brier",
    "rare_class_log_loss",
    "rare_probability_mse",
]
