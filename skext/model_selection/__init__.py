"""Comparing two methods on one task, with tests made for cross-validation."""

from skext.model_selection._compare import (
    PairedTestResult,
    compare_estimators,
    corrected_resampled_ttest,
    five_by_two_cv_ftest,
)
from skext.model_selection._plot.critical_difference import CriticalDifferenceDisplay

__all__ = [
    "CriticalDifferenceDisplay",
    "PairedTestResult",
    "compare_estimators",
    "corrected_resampled_ttest",
    "five_by_two_cv_ftest",
]
