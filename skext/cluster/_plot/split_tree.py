"""How clusters were found and how they hang together, as trees."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skext.utils._plotting import one_axes, text_color


class SplitTreeDisplay:
    """The splits of a clustering, or the dendrogram of what they led to.

    The splits are the record of the search. They are no strict nesting, because rows
    move between components after each level. The dendrogram is one: it joins
    components in the order of the saddles between them.

    Parameters
    ----------
    split_tree : ndarray of shape (n_nodes,)
        Structured, with the fields ``node``, ``parent``, ``level``, ``weight``,
        ``gain``, ``accepted`` and ``reason``.
    linkage : ndarray of shape (n_components - 1, 4), default=None
        Dendrogram in the form of scipy.
    component_to_cluster : ndarray of shape (n_components,), default=None
        Cluster of each component, to name the leaves.

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
    >>> from skext.cluster import PPPClustering, SplitTreeDisplay
    >>> X, _ = make_blobs(300, centers=3, random_state=0, cluster_std=0.4)
    >>> display = SplitTreeDisplay.from_estimator(PPPClustering().fit(X))
    >>> display.linkage.shape
    (2, 4)
    """

    def __init__(self, split_tree, *, linkage=None, component_to_cluster=None):
        self.split_tree = split_tree
        self.linkage = linkage
        self.component_to_cluster = component_to_cluster

    @classmethod
    def from_estimator(cls, estimator, *, kind="splits", ax=None, **options):
        """Read the trees of a clustering, and draw one.

        Parameters
        ----------
        estimator : PPPClustering
            A fitted one.
        kind : {"splits", "dendrogram"}, default="splits"
            Which one.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        **options : dict
            As in :meth:`plot`.

        Returns
        -------
        display : SplitTreeDisplay
            Already drawn.
        """
        check_is_fitted(estimator, "split_tree_")
        display = cls(
            estimator.split_tree_,
            linkage=np.asarray(estimator.linkage_matrix_),
            component_to_cluster=np.asarray(estimator.component_to_cluster_),
        )
        return display.plot(ax=ax, kind=kind, **options)

    def plot(self, ax=None, *, kind="splits", reasons=None):
        """Draw one of the trees.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        kind : {"splits", "dendrogram"}, default="splits"
            Which one.
        reasons : bool, default=None
            Whether to write why a node was not split; None does so for up to 15 of
            them.

        Returns
        -------
        display : SplitTreeDisplay
            The object itself.

        Raises
        ------
        ValueError
            If ``kind`` is unknown.
        """
        if kind not in ("splits", "dendrogram"):
            raise ValueError(f"kind={kind!r} must be 'splits' or 'dendrogram'.")
        ax = one_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        ink = text_color()
        if kind == "splits":
            self._draw_splits(ax, ink, reasons)
        else:
            self._draw_dendrogram(ax, ink)
        for side in ("top", "right", "bottom"):
            ax.spines[side].set_visible(False)
        return self

    def _draw_splits(self, ax, ink, reasons):
        nodes = _last_records(self.split_tree)
        place = _places(nodes)
        share = nodes["weight"] / max(nodes["weight"].max(), 1e-300)
        for record, size in zip(nodes, share, strict=True):
            x, y = place[int(record["node"])]
            parent = place.get(int(record["parent"]))
            if parent is not None:
                ax.plot([parent[0], x], [parent[1], y], color=ink, lw=0.8, zorder=1)
            face = ink if record["accepted"] else "white"
            ax.scatter([x], [y], s=20 + 180 * size, color=face, edgecolor=ink, zorder=2)
        unsplit = nodes[~nodes["accepted"].astype(bool)]
        if reasons is None:
            reasons = len(unsplit) <= 15
        if reasons:
            for record in unsplit:
                x, y = place[int(record["node"])]
                reason = _text(record["reason"])
                ax.annotate(
                    reason,
                    (x, y),
                    xytext=(0, -10),
                    textcoords="offset points",
                    rotation=90,
                    ha="center",
                    va="top",
                    fontsize=7,
                )
        ax.set_xticks([])
        levels = np.unique(nodes["level"])
        ax.set_yticks(levels)
        ax.set_ylabel("level")
        low = float(levels.max())
        ax.set_ylim(low + (0.35 * (low + 1) if reasons else 0.5), -0.5)

    def _draw_dendrogram(self, ax, ink):
        from scipy.cluster.hierarchy import dendrogram

        if self.linkage is None or not len(self.linkage):
            ax.text(0.5, 0.5, "one component", ha="center", transform=ax.transAxes)
            ax.set_xticks([])
            return
        tree = dendrogram(self.linkage, no_plot=True)
        for x, y in zip(tree["icoord"], tree["dcoord"], strict=True):
            ax.plot(x, y, color=ink, lw=1.0)
        leaves = tree["leaves"]
        names = leaves
        if self.component_to_cluster is not None:
            names = self.component_to_cluster[leaves]
        ax.set_xticks(5 + 10 * np.arange(len(leaves)), [str(int(k)) for k in names])
        ax.set_xlabel("cluster of the component")
        ax.set_ylabel("fall from the highest peak to the saddle")
        ax.set_ylim(bottom=0.0)


def _last_records(split_tree):
    """One record for each node: a node that was tried again has several."""
    split_tree = np.asarray(split_tree)
    last = {int(node): i for i, node in enumerate(split_tree["node"])}
    return split_tree[sorted(last.values())]


def _places(nodes):
    """Place of each node: leaves side by side, parents above the middle."""
    levels = {int(r["node"]): float(r["level"]) for r in nodes}
    children = {node: [] for node in levels}
    roots = []
    for record in nodes:
        siblings = children.get(int(record["parent"]), roots)
        (siblings if int(record["parent"]) != int(record["node"]) else roots).append(
            int(record["node"])
        )
    place, next_x = {}, 0.0
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            x = float(np.mean([place[child][0] for child in children[node]]))
            place[node] = (x, levels[node])
        elif children[node]:
            waiting.append((node, True))
            waiting += [(child, False) for child in reversed(children[node])]
        else:
            place[node] = (next_x, levels[node])
            next_x += 1.0
    return place


def _text(reason):
    return reason.decode() if isinstance(reason, bytes) else str(reason)
