"""Closed-form linear probes: naive Bayes, discriminant analysis, nearest class mean.

They fit in one pass over the data and have nothing that must be tuned. Their state
is a set of class moments, which can be updated with new rows and new classes, and
merged with the state of other data.
"""

from skext.naive_bayes._curve.curve import ProbeLearningCurve, probe_learning_curve
from skext.naive_bayes._diagnostics import (
    NaiveBayesDiagnostics,
    naive_bayes_diagnostics,
)
from skext.naive_bayes._hybrid import GenerativeLogisticRegression
from skext.naive_bayes._lda import ShrinkageLDA
from skext.naive_bayes._moments.moments import ClassMoments
from skext.naive_bayes._nearest import NearestClassMean
from skext.naive_bayes._plot.probe_curve import ProbeLearningCurveDisplay
from skext.naive_bayes._probe import LinearGaussianNB

__all__ = [
    "ClassMoments",
    "GenerativeLogisticRegression",
    "LinearGaussianNB",
    "NaiveBayesDiagnostics",
    "NearestClassMean",
    "ProbeLearningCurve",
    "ProbeLearningCurveDisplay",
    "ShrinkageLDA",
    "naive_bayes_diagnostics",
    "probe_learning_curve",
]
