"""Geometric SMOTE: synthetic rows in a deformed ball around a rare row."""

from numbers import Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from skext.over_sampling._core.allocation import allocate
from skext.over_sampling._core.parameters import SEARCH, constraints
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._placed.geometric_kernels import choose_nearer, place_in_ball
from skext.utils._parallel import run_chunks
from skext.utils._random import draw_normals
from skext.utils._sklearn import Interval, StrOptions


@BaseOverSampler.register
class GeometricSMOTE(SyntheticSampler):
    """Over-sample in balls around the rows of a class.

    Around a row of the class a ball is drawn whose surface passes through another
    row, and the synthetic row is drawn inside it [1]_. The ball may be cut off on one
    side and flattened to an ellipsoid around the axis through both rows.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in imbalanced-learn: "auto" brings all
        classes but the largest to its size, a float is the wanted ratio of minority
        to majority (two classes only), "minority", "not minority", "not majority"
        and "all" name classes, a dict gives the number of rows of each class after
        resampling, and a callable returns such a dict for ``y``.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    k_neighbors : int or object, default=5
        Number of neighbours, or an object with ``fit`` and ``kneighbors`` whose
        ``n_neighbors`` counts the row itself. Not used by the strategy "majority".
    selection_strategy : {"combined", "minority", "majority"}, default="combined"
        The row that the surface passes through: one of the ``k_neighbors`` nearest
        of the same class ("minority"), the nearest row of any other class
        ("majority"), or whichever of these two is nearer ("combined").
    truncation_factor : float, default=1.0
        From -1 to 1. At 0 the ball is whole, at 1 only the half towards the surface
        row is left, at -1 only the other half.
    deformation_factor : float, default=0.0
        From 0, a ball, to 1, the segment of its axis.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows at the centres are drawn independently or each row of the
        class is used equally often (to one).
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of at most ``k_neighbors`` rows: use all its other
        rows as neighbours and warn (a class of one row is an error), repeat its rows
        and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    nn_k_ : object
        Neighbour search with ``n_neighbors`` equal to ``k_neighbors + 1``.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or at whose ball's centre.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input on the surface of each synthetic row's ball.
    n_synthetic_ : dict
        Number of rows made for each class.
    sample_weight_ : ndarray of shape (n_resampled,)
        Weights of the rows, if some were given.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTE : Draws from the segment instead.

    Notes
    -----
    With ``deformation_factor=1`` a synthetic row lies on the segment, but not
    uniformly: for radius one, the square of its place follows the beta distribution
    with parameters 1/2 and (n_features + 1) / 2, so that with many features it is
    close to the centre. With one feature and "minority" it is SMOTE.

    A point beyond the truncation is mirrored, as in the authors' program, so that for
    a factor strictly between 0 and 1 the part opposite to what was cut off gets
    twice the density. If both rows are equal, the row is repeated; if both rows of
    "combined" are equally far, the one of the same class is taken.

    Values of integer columns are rounded and kept in the range of their type. New
    rows of a sparse table are dense. Distances are Euclidean: scale the features
    before. Weights decide how often a row is at the centre, not who is a neighbour.

    References
    ----------
    .. [1] G. Douzas, F. Bacao, "Geometric SMOTE: a geometrically enhanced drop-in
       replacement for SMOTE", Information Sciences 501, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import GeometricSMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> sampler = GeometricSMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    """

    _parameter_constraints: dict = constraints(
        "allocation",
        "on_small_class",
        k_neighbors=SEARCH,
        selection_strategy=[StrOptions({"combined", "minority", "majority"})],
        truncation_factor=[Interval(Real, -1, 1, closed="both")],
        deformation_factor=[Interval(Real, 0, 1, closed="both")],
    )
    _searches = {"k_neighbors": "nn_k_"}
    _takes_missing = False
    _is_dense = True

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        selection_strategy="combined",
        truncation_factor=1.0,
        deformation_factor=0.0,
        allocation="random",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.selection_strategy = selection_strategy
        self.truncation_factor = truncation_factor
        self.deformation_factor = deformation_factor
        self.allocation = allocation
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _place(self, rare):
        centres, n_samples = rare.rows, rare.n_samples
        neighbors = centres[:, None]
        if self.selection_strategy != "majority":
            neighbors = self._partners(rare, centres)
        seed, column = allocate(
            rare.rng,
            *neighbors.shape,
            n_samples,
            self.allocation,
            rare.weights(),
        )
        base, surface = centres[seed], neighbors[seed, column]
        if self.selection_strategy != "minority":
            surface = self._surface(rare, base, surface)
        table, (centre, edge) = gather(rare.engine.X, base, surface)
        rows = draw_normals(rare.rng, (n_samples, table.shape[1]))
        radius = rare.rng.uniform(size=n_samples) ** (1 / max(1, rows.shape[1]))
        run_chunks(
            place_in_ball,
            n_samples,
            table,
            centre,
            edge,
            radius,
            float(self.truncation_factor),
            float(self.deformation_factor),
            rows,
            n_jobs=self.n_jobs,
        )
        return Plan(base, surface, rows=rows)

    def _surface(self, rare, base, neighbor):
        """Return the nearest row of another class, or the neighbour if nearer."""
        engine = rare.engine
        used, position = np.unique(base, return_inverse=True)
        foreign = np.flatnonzero(engine.y != rare.label)
        if foreign.size == 1:
            nearest = np.repeat(foreign, base.size)
        else:
            nearest = engine.nearest(used, foreign, 1)[position, 0]
        if self.selection_strategy == "majority":
            return nearest
        table, (centre, first, second) = gather(engine.X, base, neighbor, nearest)
        chosen = np.empty_like(first)
        rows = (table, centre, first, second, chosen)
        run_chunks(choose_nearer, base.size, *rows, n_jobs=self.n_jobs)
        return np.where(chosen == second, nearest, neighbor)


def gather(X, *indices):
    """Copy the rows that some index arrays name, and renumber these.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The table.
    *indices : ndarray of int
        Row numbers.

    Returns
    -------
    table : ndarray of shape (n_used, n_features)
        The rows that occur, in double precision.
    renumbered : list of ndarray of int
        The arrays, with row numbers of ``table``.
    """
    needed = np.zeros(X.shape[0], dtype=bool)
    for index in indices:
        needed[index] = True
    number = np.cumsum(needed) - 1
    table = np.ascontiguousarray(X[needed], dtype=np.float64)
    return table, [number[index] for index in indices]
