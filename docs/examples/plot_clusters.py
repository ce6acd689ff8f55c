"""
How clusters were found, and how far apart they are
===================================================

:class:`~skext.cluster.PPPClustering` records why it split and why it stopped, and how
deep the valleys between its clusters are. Four pictures of one fit.
"""

import matplotlib.pyplot as plt

from skext.cluster import (
    ClusterPlaneDisplay,
    PPPClustering,
    SeparabilityDisplay,
    SplitTreeDisplay,
)
from skext.datasets import make_separated_clusters

# %%
# Six stretched clusters in five columns.

data = make_separated_clusters(
    1200, 5, n_clusters=6, separation=4.5, shape="rotated", random_state=4
)
model = PPPClustering().fit(data.data)

# %%
# First the rows in the plane in which the centres lie furthest apart. Clusters that
# overlap here may be apart in the other columns, which is what the matrix of the
# valleys says. Below, filled dots were split. The dendrogram joins components over the
# highest saddles first; ``model.cut_tree`` cuts it anywhere without a new fit.

figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
ClusterPlaneDisplay.from_estimator(model, data.data, ax=axes[0, 0])
SeparabilityDisplay.from_estimator(model, ax=axes[0, 1])
SplitTreeDisplay.from_estimator(model, ax=axes[1, 0])
SplitTreeDisplay.from_estimator(model, kind="dendrogram", ax=axes[1, 1])
plt.show()
