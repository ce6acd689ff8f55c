"""Clustering that finds the number of clusters, the same way every time.

:class:`PPPClustering` cuts by two-means, lets a Gaussian mixture judge, and finds the
number of clusters of tables of any size. :func:`summarize_rows` reduces parts of a
table wherever they are; :class:`SeparableFeatureSelector` looks for the columns in
which clusters stand apart.
"""

from skext.cluster._plot import (
    ClusterPlaneDisplay,
    SeparabilityDisplay,
    SplitTreeDisplay,
)
from skext.cluster._ppp import PPPClustering
from skext.cluster._reduce.stream import merge_summaries, summarize_rows
from skext.cluster._separability.clusterability import (
    clusterability_score,
    separability_matrix,
)
from skext.cluster._separability.selector import SeparableFeatureSelector

__all__ = [
    "ClusterPlaneDisplay",
    "PPPClustering",
    "SeparabilityDisplay",
    "SeparableFeatureSelector",
    "SplitTreeDisplay",
    "clusterability_score",
    "merge_summaries",
    "separability_matrix",
    "summarize_rows",
]
