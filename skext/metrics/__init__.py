"""Displays of comparisons between methods."""

from skext.metrics._plot._critical_difference import CriticalDifferenceDisplay

__all__ = ["CriticalDifferenceDisplay"]
