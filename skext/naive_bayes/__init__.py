"""Naive Bayes classifiers with a closed-form, linear solution.

They fit in one pass over the data, have nothing to tune, and their state can be
updated with new rows and new classes.
"""

from skext.naive_bayes._probe import LinearGaussianNB

__all__ = ["LinearGaussianNB"]
