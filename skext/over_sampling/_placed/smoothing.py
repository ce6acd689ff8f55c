"""Over-sampling by smoothing: draws from normal distributions around given rows."""

from numbers import Real

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from skext.over_sampling._core.parameters import COUNT, constraints
from skext.over_sampling._core.partners import require_rows, usable_neighbors
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._placed.smoothing_kernels import add_noise, mix_neighbors
from skext.utils._parallel import run_chunks
from skext.utils._random import draw_normals
from skext.utils._sklearn import Interval


def normal_bandwidth(table):
    """Return the widths of Gaussian kernels that suit normally distributed rows.

    The width of feature j is (4 / ((n_features + 2) n_rows))^(1 / (n_features + 4))
    times its standard deviation, which minimizes the asymptotic mean integrated
    squared error of the density.

    Parameters
    ----------
    table : ndarray of shape (n_rows, n_features)
        At least two rows.

    Returns
    -------
    width : ndarray of shape (n_features,)
        One for each feature.
    """
    n_rows, n_features = table.shape
    factor = (4 / ((n_features + 2) * n_rows)) ** (1 / (n_features + 4))
    return factor * table.std(axis=0, ddof=1)


class _SpreadSampler(SyntheticSampler):
    """Base of samplers that add independent normal noise to each feature."""

    _parameter_constraints: dict = constraints("allocation")
    _takes_missing = False
    _is_dense = True

    def _place(self, rare):
        require_rows(rare.label, rare.rows.size, 2, "a standard deviation")
        table = rare.table()
        seed = self._draw(rare, rare.weights())
        rows = draw_normals(rare.rng, (rare.n_samples, table.shape[1]))
        spread = (table, seed, self._deviation(table), rows)
        run_chunks(add_noise, rare.n_samples, *spread, n_jobs=self.n_jobs)
        return Plan(rare.rows[seed], rows=rows)


@BaseOverSampler.register
class ROSE(_SpreadSampler):
    """Over-sample by a smoothed bootstrap of each class.

    A synthetic row is a random row of the class plus independent normal noise in each
    feature, that is, a draw from the kernel density estimate of the class [1]_.

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
    shrinkage : float, default=1.0
        Factor of the kernel's width; 0 repeats rows.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows that get noise are drawn independently or each row of the
        class is used equally often (to one).
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
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
    imblearn.over_sampling.RandomOverSampler : Has a smoothed bootstrap, too.
    GaussianSMOTE : Noise with the covariance of the neighbourhood.

    Notes
    -----
    The width in feature j is ``(4 / ((d + 2) n))^(1 / (d + 4))`` times the standard
    deviation of the class in it (with n - 1 in the denominator), where d is the
    number of features and n the number of rows *of the class*. Implementations that
    take the number of all rows, as imbalanced-learn's, give a rare class too little
    noise.

    The paper makes a new table of synthetic rows only; here the given rows stay.
    Weights decide how often a row is used, not the width.

    Values of integer columns are rounded and kept in the range of their type. New
    rows of a sparse table are dense.

    References
    ----------
    .. [1] G. Menardi, N. Torelli, "Training and assessing classification rules with
       imbalanced data", Data Mining and Knowledge Discovery 28, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import ROSE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> X_resampled, y_resampled = ROSE(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    """

    _parameter_constraints: dict = constraints(
        "allocation", shrinkage=[Interval(Real, 0, None, closed="left")]
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        shrinkage=1.0,
        allocation="random",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.shrinkage = shrinkage
        self.allocation = allocation
        self.n_jobs = n_jobs

    def _deviation(self, table):
        return self.shrinkage * normal_bandwidth(table)


@BaseOverSampler.register
class RandomWalkSMOTE(_SpreadSampler):
    """Over-sample by one step of a random walk from each row of a class.

    A synthetic row is a row of the class plus independent normal noise in each
    feature whose standard deviation is the standard error of the mean of the class
    in it, so that mean and covariance of the class hardly change [1]_.

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
    allocation : {"random", "balanced"}, default="random"
        Whether the rows that walk are drawn independently or each row of the class
        is used equally often (to one).
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
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
    ROSE : Wider noise, from density estimation.

    Notes
    -----
    The step in feature j is ``sd_j / sqrt(n)`` times a standard normal number, where
    n is the number of rows of the class and the standard deviation has n - 1 in the
    denominator. Implementations exist that interpolate between rows in addition; the
    paper does not. Nominal columns, whose values the paper draws by frequency, are
    refused. Weights decide how often a row is used, not the step.

    Values of integer columns are rounded and kept in the range of their type. New
    rows of a sparse table are dense.

    References
    ----------
    .. [1] H. Zhang, M. Li, "RWO-Sampling: A random walk over-sampling approach to
       imbalanced data classification", Information Fusion 20, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import RandomWalkSMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> X_resampled, y_resampled = RandomWalkSMOTE(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    """

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        allocation="random",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.allocation = allocation
        self.n_jobs = n_jobs

    def _deviation(self, table):
        return table.std(axis=0, ddof=1) / np.sqrt(table.shape[0])


@BaseOverSampler.register
class GaussianSMOTE(SyntheticSampler):
    r"""Over-sample from normal distributions fitted to neighbourhoods.

    For a random row of the class, mean and covariance of the row and its nearest
    neighbours in the class are taken, and the synthetic row is drawn from the normal
    distribution that has them [1]_. The method is also known as multivariate Gaussian
    SMOTE (MGS).

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
    k_neighbors : int, default=None
        Number of neighbours. None is one more than the number of features, as in the
        paper, or all other rows of a class that has fewer.
    covariance_scale : float, default=1.0
        Factor of the covariance.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows whose neighbourhoods are used are drawn independently or
        each row of the class is used equally often (to one).
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
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
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
    ROSE : Noise that is independent in the features.

    Notes
    -----
    With K neighbours the covariance has K + 1 in the denominator. It is never formed:
    with the rows :math:`x_0, ..., x_K` of the neighbourhood, their mean
    :math:`\mu` and independent standard normal numbers :math:`z_r`, the synthetic
    row is

    .. math::

        \mu + \sqrt{\lambda / (K + 1)} \sum_r z_r (x_r - \mu),

    which has exactly the mean :math:`\mu` and :math:`\lambda` times the covariance,
    at a cost proportional to the number of features, and also where the covariance is
    singular. Distances are Euclidean: scale the features before. Weights decide how
    often a row's neighbourhood is used, not who is a neighbour.

    Values of integer columns are rounded and kept in the range of their type. New
    rows of a sparse table are dense.

    References
    ----------
    .. [1] A. Sakho, E. Malherbe, E. Scornet, "Do we need rebalancing strategies? A
       theoretical and empirical study around SMOTE and its variants",
       arXiv:2402.03819, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import GaussianSMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> X_resampled, y_resampled = GaussianSMOTE(random_state=0).fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    """

    _parameter_constraints: dict = constraints(
        "allocation",
        "on_small_class",
        k_neighbors=[COUNT, None],
        covariance_scale=[Interval(Real, 0, None, closed="left")],
    )
    _takes_missing = False
    _is_dense = True

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=None,
        covariance_scale=1.0,
        allocation="random",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.covariance_scale = covariance_scale
        self.allocation = allocation
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _place(self, rare):
        seeds, n_samples, k = rare.rows, rare.n_samples, self.k_neighbors
        if k is None:
            k = min(rare.engine.X.shape[1] + 1, max(seeds.size - 1, 1))
        k = usable_neighbors(rare.label, seeds.size, k, self.on_small_class)
        seed = self._draw(rare, rare.weights())
        neighbors = np.empty((seeds.size, 0), dtype=np.intp)
        if k > 0:
            neighbors = np.searchsorted(seeds, rare.engine.within(rare.label, k))
        rows = np.empty((n_samples, rare.engine.X.shape[1]))
        run_chunks(
            mix_neighbors,
            n_samples,
            rare.table(),
            seed,
            neighbors,
            draw_normals(rare.rng, (n_samples, k + 1)),
            np.sqrt(self.covariance_scale / (k + 1)),
            rows,
            n_jobs=self.n_jobs,
        )
        return Plan(seeds[seed], rows=rows)
