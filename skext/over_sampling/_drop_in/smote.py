"""SMOTE: synthetic rows between a rare row and one of its nearest neighbours."""

import imblearn.over_sampling

from skext.over_sampling._core.parameters import INTERPOLATION, SEARCH, constraints
from skext.over_sampling._core.sampler import SyntheticSampler


@imblearn.over_sampling.SMOTE.register
class SMOTE(SyntheticSampler):
    """Over-sample by interpolation between neighbouring rows of a class.

    A synthetic row lies on the segment between a row of the class and one of its
    ``k_neighbors`` nearest rows of the same class [1]_. The class is a drop-in for
    imbalanced-learn's: for two classes and an integer seed, and for any number of
    classes and a ``RandomState``, the same rows come out bit for bit unless the data
    have duplicates.

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
        ``n_neighbors`` counts the row itself.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class is used equally often (to one), as in the paper.
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
    nn_k_ : object
        Neighbour search with ``n_neighbors`` equal to ``k_neighbors + 1``.
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
    imblearn.over_sampling.SMOTE : The peer.
    SMOTENC : For tables with categories.
    sklearn.model_selection.TunedThresholdClassifierCV : Often the better answer.

    Notes
    -----
    Neighbours are exact and Euclidean: scale the features before. A row is excluded
    from its own neighbours by its index, so that duplicates are neighbours of each
    other. Synthetic values of integer columns are rounded, not cut off.

    With an integer seed and several classes the rows differ from imbalanced-learn's
    on purpose: there the stream of random numbers starts again for each class, so
    that all classes share the same draws.

    References
    ----------
    .. [1] N. V. Chawla, K. W. Bowyer, L. O. Hall, W. P. Kegelmeyer, "SMOTE:
       Synthetic Minority Over-sampling Technique", Journal of Artificial
       Intelligence Research 16, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import SMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> np.bincount(y).tolist()
    [91, 9]
    >>> sampler = SMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    >>> sampler.n_synthetic_[1]
    82
    """

    _parameter_constraints: dict = constraints(*INTERPOLATION, k_neighbors=SEARCH)
    _searches = {"k_neighbors": "nn_k_"}

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
