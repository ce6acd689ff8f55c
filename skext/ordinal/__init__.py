"""Classifiers for ordered classes, with probabilities that rare classes can rely on.

They know the order from the labels, from an ordered pandas categorical or from a list,
and keep to scikit-learn's order of the columns of probabilities.
"""

from skext.ordinal._plot.coefficient_path import CoefficientPathDisplay
from skext.ordinal._plot.cumulative_probability import CumulativeProbabilityDisplay
from skext.ordinal._presto import PRESTO
from skext.ordinal._presto_cv import PRESTOCV
from skext.ordinal._presto_path import presto_path
from skext.ordinal._proportional_odds import ProportionalOdds
from skext.ordinal._proportional_odds_cv import ProportionalOddsCV

__all__ = [
    "PRESTO",
    "PRESTOCV",
    "CoefficientPathDisplay",
    "CumulativeProbabilityDisplay",
    "ProportionalOdds",
    "ProportionalOddsCV",
    "presto_path",
]
