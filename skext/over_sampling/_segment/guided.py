"""Guided SMOTE: partners along the main direction of the class."""

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse

from skext._neighbors.distances import blocks, principal_direction
from skext.over_sampling._core.parameters import INTERPOLATION, constraints
from skext.over_sampling._core.sampler import SyntheticSampler


@BaseOverSampler.register
class GuidedSMOTE(SyntheticSampler):
    """Over-sample along the direction in which a class extends.

    Among its ``k_neighbors`` nearest rows of the class, a row is interpolated with the
    one that lies most nearly in the first principal direction of the class, forwards
    or backwards [1]_. In comparisons of over-samplers the method goes by the name of
    G-SMOTE; it is not Geometric SMOTE.

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
    k_neighbors : int, default=5
        Number of neighbours to choose the partner from.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class is used equally often (to one).
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
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
    directions_ : dict
        First principal direction of each class that was over-sampled, a unit vector
        over the features.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_features)
        Where on the segment, from 0 (the base row) to 1; per feature in a box.
    n_synthetic_ : dict
        Number of rows made for each class.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTE : All neighbours alike.

    Notes
    -----
    This is the linear version. A duplicate has no direction and is chosen last; equal
    angles go to the nearer row. Missing values count as the mean of the class for the
    principal direction, and as no difference for the angle. If all rows of the class
    are equal the partner is the nearest.

    References
    ----------
    .. [1] T. Sandhan, J. Y. Choi, "Handling Imbalanced Datasets by Partially Guided
       Hybrid Sampling for Pattern Recognition", International Conference on Pattern
       Recognition (ICPR), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import GuidedSMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> sampler = GuidedSMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    >>> sampler.directions_[1].shape
    (20,)
    """

    _noted = ("directions_",)
    _needs_pair = True

    _parameter_constraints: dict = constraints(*INTERPOLATION, "k_neighbors")

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _partners(self, rare, seeds):
        """Return the one neighbour of each seed that the direction chooses."""
        X, neighbors = rare.engine.X, super()._partners(rare, seeds)
        direction = principal_direction(X[seeds])
        self.directions_[rare.label] = direction
        cosines = direction_cosines(X, seeds, neighbors, direction)
        best = np.argmax(np.abs(cosines), axis=1)
        return np.take_along_axis(neighbors, best[:, None], axis=1)


def direction_cosines(X, rows, neighbors, direction):
    """Compute the cosine between a direction and the way to each neighbour.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    rows : ndarray of shape (n_rows,)
        Row numbers.
    neighbors : ndarray of shape (n_rows, k)
        Row numbers of their neighbours.
    direction : ndarray of shape (n_features,)
        Unit vector.

    Returns
    -------
    cosines : ndarray of shape (n_rows, k)
        Zero where the two rows are equal.
    """
    cosines = np.zeros(neighbors.shape)
    for part in blocks(rows.size, X.shape[1]):
        here = X[rows[part]]
        for column in range(neighbors.shape[1]):
            there = X[neighbors[part, column]]
            if sparse.issparse(X):
                way = there.astype(np.float64) - here.astype(np.float64)
                squares = np.asarray(way.multiply(way).sum(axis=1)).ravel()
            else:
                way = np.asarray(there, np.float64) - np.asarray(here, np.float64)
                way[np.isnan(way)] = 0.0
                squares = (way * way).sum(axis=1)
            along = np.asarray(way @ direction).ravel()
            length = np.sqrt(squares)
            np.divide(along, length, out=cosines[part, column], where=length > 0)
    return cosines
