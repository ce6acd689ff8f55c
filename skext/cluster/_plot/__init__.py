"""Displays of clusterings."""

from skext.cluster._plot._plane import ClusterPlaneDisplay
from skext.cluster._plot._separability import SeparabilityDisplay
from skext.cluster._plot._split_tree import SplitTreeDisplay

__all__ = ["ClusterPlaneDisplay", "SeparabilityDisplay", "SplitTreeDisplay"]
