"""Rows and clusters in the plane in which the clusters lie furthest apart."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skext.utils._plotting import one_axes, percent, pyplot, text_color
from skext.utils._tables import check_table


class ClusterPlaneDisplay:
    """Scatter of the rows with an ellipse for each component of the mixture.

    The plane is spanned by the two leading directions of the cluster centres; with
    fewer than three clusters the leading direction of the rows around them is added.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        Rows in the plane.
    labels : ndarray of shape (n_points,)
        Cluster of each row; -1 is noise.
    centers : ndarray of shape (n_clusters, 2)
        Centres of the clusters.
    means : ndarray of shape (n_components, 2)
        Means of the components.
    covariances : ndarray of shape (n_components, 2, 2)
        Their covariances in the plane.
    component_to_cluster : ndarray of shape (n_components,)
        Cluster that each component belongs to.
    share : float, default=None
        Share of the variance of the rows that lies in the plane.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.
    figure_ : matplotlib Figure
        Figure that contains it.

    See Also
    --------
    SeparabilityDisplay : Depth of the valleys between the clusters.
    SplitTreeDisplay : How the clusters were found.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skext.cluster import ClusterPlaneDisplay, PPPClustering
    >>> X, _ = make_blobs(300, centers=3, n_features=5, random_state=0)
    >>> display = ClusterPlaneDisplay.from_estimator(PPPClustering().fit(X), X)
    >>> display.points.shape
    (300, 2)
    """

    def __init__(
        self,
        points,
        labels,
        centers,
        *,
        means,
        covariances,
        component_to_cluster,
        share=None,
    ):
        self.points = points
        self.labels = labels
        self.centers = centers
        self.means = means
        self.covariances = covariances
        self.component_to_cluster = component_to_cluster
        self.share = share

    @classmethod
    def from_estimator(cls, estimator, X, *, max_points=5000, ax=None, **options):
        """Project rows and clusters, and draw.

        Parameters
        ----------
        estimator : PPPClustering
            A fitted one.
        X : array-like of shape (n_samples, n_features)
            Rows to show; they may be others than those of the fit.
        max_points : int, default=5000
            Of more rows, every second, third ... is shown.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **options : dict
            As in :meth:`plot`.

        Returns
        -------
        display : ClusterPlaneDisplay
            Already drawn.

        Raises
        ------
        ValueError
            If there is one feature only, which has no plane.
        """
        check_is_fitted(estimator)
        labels = estimator.predict(X)
        X = check_table(X, dtype=np.float64)
        if X.shape[1] < 2:
            raise ValueError(
                f"X has {X.shape[1]} feature, which has no plane; draw a histogram."
            )
        step = -(-len(X) // max_points)
        X, labels = X[::step], labels[::step]
        middle, axes, share = _leading_plane(
            X, estimator.cluster_centers_, estimator.weights_
        )
        display = cls(
            (X - middle) @ axes.T,
            labels,
            (estimator.cluster_centers_ - middle) @ axes.T,
            means=(estimator.means_ - middle) @ axes.T,
            covariances=axes @ estimator.covariances_ @ axes.T,
            component_to_cluster=np.asarray(estimator.component_to_cluster_),
            share=share,
        )
        return display.plot(ax=ax, **options)

    def plot(self, ax=None, *, n_std=2.0, cmap="tab20"):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        n_std : float, default=2.0
            Size of the ellipses in standard deviations.
        cmap : str, default="tab20"
            Colours of the clusters, which come round again.

        Returns
        -------
        display : ClusterPlaneDisplay
            The object itself.
        """
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        from matplotlib.colors import to_rgba
        from matplotlib.patches import Ellipse

        palette, ink = pyplot().get_cmap(cmap), text_color()

        def color(cluster):
            return ink if cluster < 0 else palette(int(cluster) % palette.N)

        colors = np.array([to_rgba(color(k)) for k in self.labels])
        size = float(np.clip(4000 / max(len(self.points), 1), 2.0, 20.0))
        ax.scatter(
            self.points[:, 0], self.points[:, 1], s=size, c=colors, alpha=0.6, lw=0
        )
        for mean, covariance, cluster in zip(
            self.means, self.covariances, self.component_to_cluster, strict=True
        ):
            width, height, angle = _ellipse(covariance)
            ax.add_patch(
                Ellipse(
                    mean,
                    2 * n_std * width,
                    2 * n_std * height,
                    angle=angle,
                    fill=False,
                    edgecolor=color(cluster),
                    linewidth=1.2,
                )
            )
        ax.plot(self.centers[:, 0], self.centers[:, 1], "+", color=ink, zorder=3)
        ax.set_xlabel("first direction")
        ax.set_ylabel("second direction")
        if self.share is not None:
            ax.set_title(
                f"{len(self.centers)} clusters; the plane has "
                f"{percent(round(self.share, 2))} of the variance",
                fontsize="medium",
            )
        return self


def _leading_plane(X, centers, weights):
    """Two orthonormal directions: of the centres, then of the rows."""
    middle = X.mean(axis=0)
    weights = np.asarray(weights) / np.sum(weights)
    away = (centers - weights @ centers) * np.sqrt(weights)[:, np.newaxis]
    _, sizes, axes = np.linalg.svd(away, full_matrices=False)
    axes = axes[: min(2, np.count_nonzero(sizes > 1e-9 * (1 + sizes.max())))]
    centered = X - middle
    rest = centered - centered @ axes.T @ axes
    if len(axes) < 2:
        _, more = np.linalg.eigh(rest.T @ rest)
        axes = np.vstack([axes, more[:, ::-1].T[: 2 - len(axes)]])
    # The largest entry of a direction is positive, so that pictures agree.
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.where(axes[np.arange(2), largest] < 0, -1.0, 1.0)[:, np.newaxis]
    total = (centered**2).sum()
    share = ((centered @ axes.T) ** 2).sum() / total if total > 0 else 1.0
    return middle, axes, float(share)


def _ellipse(covariance):
    """Half axes of one standard deviation, and the angle in degrees."""
    values, vectors = np.linalg.eigh(covariance)
    width, height = np.sqrt(np.maximum(values[::-1], 0.0))
    return width, height, float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
