"""Displays of clusterings."""

from skext.cluster._plot.plane import ClusterPlaneDisplay
from skext.cluster._plot.separability import SeparabilityDisplay
from skext.cluster._plot.split_tree import SplitTreeDisplay

__all__ = ["ClusterPlaneDisplay", "SeparabilityDisplay", "SplitTreeDisplay"]
