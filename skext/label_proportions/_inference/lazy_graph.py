"""The graph of rows, which is made when it is asked for."""

from skext.label_proportions._inference.graph import neighbor_graph
from skext.utils._warnings import warn_user


class LazyGraph:
    """Similarities of all rows, and of some.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Where neighbours are searched.
    given : sparse array or None
        A graph that is not to be made.
    options : dict
        Of :func:`neighbor_graph`.
    """

    def __init__(self, X, given, **options):
        self.X, self.given, self.options = X, given, options
        self.length_scale = float("nan")
        self._made = None

    @property
    def has_scale(self):
        """Whether the similarities tell distances."""
        return self.given is None and self.options["kernel"] in _POWERS

    def of_all(self):
        """Return the graph of all rows."""
        if self.given is not None:
            return self.given
        if self._made is None:
            n_samples, n_neighbors = self.X.shape[0], self.options["n_neighbors"]
            if n_neighbors >= n_samples:
                warn_user(
                    f"n_neighbors={n_neighbors} is too large for {n_samples} rows; all "
                    f"other {n_samples - 1} rows are neighbours."
                )
            self._made, self.length_scale = neighbor_graph(self.X, **self.options)
        return self._made

    def of(self, rows):
        """Return the graph of some rows, each with as many neighbours; None is all."""
        if rows is None:
            return self.of_all()
        if self.given is not None:
            return self.given[rows][:, rows]
        return neighbor_graph(self.X[rows], **self.options)[0]

    def rescaled(self, graph, factor):
        """Return similarities under a multiple of the length scale."""
        if factor == 1:
            return graph
        graph = graph.copy()
        graph.data = graph.data ** (factor ** -_POWERS[self.options["kernel"]])
        return graph


# Of the length scale, in the logarithm of a similarity.
_POWERS = {"exponential": 1, "gaussian": 2}
