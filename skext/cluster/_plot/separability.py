"""The valleys between clusters as a picture."""

import numpy as np

from skext.cluster._separability.clusterability import separability_matrix
from skext.utils._plotting import one_axes


class SeparabilityDisplay:
    """Depth of the valley between each pair of clusters.

    Parameters
    ----------
    matrix : ndarray of shape (n_clusters, n_clusters)
        As :func:`separability_matrix` gives it.
    clusterability : float, default=None
        Score of the whole, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.

    See Also
    --------
    ClusterPlaneDisplay : The rows themselves.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skext.cluster import PPPClustering, SeparabilityDisplay
    >>> X, _ = make_blobs(300, centers=3, random_state=0, cluster_std=0.4)
    >>> SeparabilityDisplay.from_estimator(PPPClustering().fit(X)).matrix.shape
    (3, 3)
    """

    def __init__(self, matrix, *, clusterability=None):
        matrix = np.asarray(matrix, dtype=float)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(
                f"matrix has shape {matrix.shape}; give one row and one column for "
                "each cluster."
            )
        self.matrix = matrix
        self.clusterability = clusterability

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **options):
        """Read the matrix of a clustering, and draw.

        Parameters
        ----------
        estimator : PPPClustering
            A fitted one.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **options : dict
            As in :meth:`plot`.

        Returns
        -------
        display : SeparabilityDisplay
            Already drawn.
        """
        matrix = separability_matrix(estimator)
        score = getattr(estimator, "clusterability_", None)
        return cls(matrix, clusterability=score).plot(ax=ax, **options)

    def plot(self, ax=None, *, cmap="viridis", max_depth=8.0, include_values=None):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        cmap : str, default="viridis"
            Colours.
        max_depth : float, default=8.0
            Depth from which on the colour is the same; a fall of 8 is to 1/3000.
        include_values : bool, default=None
            Whether to write the depths; None does so for up to 12 clusters.

        Returns
        -------
        display : SeparabilityDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        k = len(self.matrix)
        shown = np.minimum(self.matrix, max_depth)
        np.fill_diagonal(shown, np.nan)
        image = ax.imshow(shown, cmap=cmap, vmin=0.0, vmax=max_depth)
        if include_values is None:
            include_values = k <= 12
        if include_values:
            for i in range(k):
                for j in range(k):
                    if i != j:
                        self._write(i, j, shown[i, j] > 0.6 * max_depth)
        ticks = np.arange(k) if k <= 25 else np.arange(0, k, 5)
        ax.set_xticks(ticks)
        ax.set_yticks(ticks)
        ax.set_xlabel("cluster")
        ax.set_ylabel("cluster")
        ax.figure.colorbar(image, ax=ax, label="fall of the log-density")
        if self.clusterability is not None:
            ax.set_title(f"clusterability {self.clusterability:.3f}", fontsize="medium")
        return self

    def _write(self, i, j, bright):
        depth = self.matrix[i, j]
        text = f"{depth:.1f}" if np.isfinite(depth) else "∞"
        color = "black" if bright else "white"
        self.ax_.text(j, i, text, ha="center", va="center", color=color, fontsize=8)
