"""SMOTE-NC and SMOTE-N: synthetic rows for tables with nominal columns."""

import imblearn.over_sampling
import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from skext._neighbors.nominal import LevelEngine, MixedEngine
from skext.over_sampling._core.parameters import INTERPOLATION, SEARCH, constraints
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.reading import detect_nominal, resolve_columns
from skext.over_sampling._mixed.nominal_base import NominalSampler
from skext.utils._columns import library_of
from skext.utils._sklearn import HasMethods
from skext.utils._warnings import warn_user

_ENCODER = [HasMethods(["fit_transform", "inverse_transform"]), None]


@imblearn.over_sampling.SMOTENC.register
class SMOTENC(NominalSampler):
    r"""Over-sample tables of numbers and categories (SMOTE-NC).

    The numbers of a synthetic row lie between a row of the class and one of its
    ``k_neighbors`` nearest rows of the same class; each nominal value is the most
    frequent one among all these neighbours [1]_. The squared distance between rows is

    .. math::
        \sum_{j\ \mathrm{continuous}} (a_j - b_j)^2
        + \mathrm{Med}^2 \cdot \#\{j\ \mathrm{nominal}: a_j \neq b_j\},

    where Med is the median of the standard deviations of the continuous columns
    within the class. The class is a drop-in for imbalanced-learn's, without one-hot
    codes, whose size grows with the number of categories.

    Parameters
    ----------
    categorical_features : "auto" or array-like of shape (n_nominal,), default="auto"
        Which columns are nominal: positions, names or a mask of all. "auto", for data
        frames, takes all columns of categories, strings, truth values and objects
        other than numbers; dates are refused unless they are named.
    categorical_encoder : object, default=None
        One-hot encoder with one column per category, only fitted for use by others;
        the sampler itself does not need it. None is a
        :class:`~sklearn.preprocessing.OneHotEncoder`.
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
        ``n_neighbors`` counts the row itself; it is given a sparse table of the rows
        of a class in which Euclidean distances are those above.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class is used equally often (to one), as in the paper.
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all continuous columns of a synthetic row, or one for each.
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
    categorical_encoder_ : object
        The fitted encoder.
    categorical_features_ : ndarray of shape (n_categorical,)
        Positions of the nominal columns.
    continuous_features_ : ndarray of shape (n_continuous,)
        Positions of the others.
    median_std_ : dict
        Med, for each class that is over-sampled.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_continuous)
        Where on the segment, from 0 (the base row) to 1; per column in a box.
    neighbor_indices_ : dict
        For each class that is over-sampled, an array with a line for each of its
        rows, in the order of the input: the rows that vote.
    n_synthetic_ : dict
        Number of rows made for each class.
    sample_weight_ : ndarray of shape (n_resampled,)
        Weights of the rows of the output, if weights were given.
    n_features_ : int
        Number of features of the input, as in imbalanced-learn.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTEN : For tables of categories only.
    SMOTE : For tables of numbers only.
    imblearn.over_sampling.SMOTENC : The peer.

    Notes
    -----
    The row itself has no vote, as in the paper. Ties are broken at random, in each
    synthetic row anew. Neighbours at equal distances are taken in the order of rows.
    A row is excluded from its own neighbours by its index, so that duplicates are
    neighbours of each other.

    Where the paper is silent: a missing nominal value is a level of its own, which
    can win a vote. A distance between rows with missing numbers is that of the
    columns that both know, times the number of all columns over the number of these.
    A number of which one parent is missing is missing with the probability that this
    parent is the nearer one in terms of the gap, which keeps the share of missing
    values. Med is taken over observed values. If it is 0, nominal columns do not
    count in the distance, as the formula says. Truth values outside
    ``categorical_features`` are interpolated as 0 and 1 and rounded.

    The cost is that of a pruned scan over pairs of rows of a class; the memory is
    about that of the result. With two classes and an integer seed, numbers equal
    those of imbalanced-learn bit for bit unless there are duplicates or all
    continuous columns are integer, where the peer loses the nominal columns.

    References
    ----------
    .. [1] N. V. Chawla, K. W. Bowyer, L. O. Hall, W. P. Kegelmeyer, "SMOTE:
       Synthetic Minority Over-sampling Technique", Journal of Artificial
       Intelligence Research 16, 2002, section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skext.over_sampling import SMOTENC
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({
    ...     "income": rng.normal(40, 8, size=60).round(1),
    ...     "town": rng.choice(["Ulm", "Aachen", "Jena"], size=60),
    ...     "owner": rng.random(60) < 0.3,
    ... })
    >>> y = np.repeat([0, 1], [50, 10])
    >>> sampler = SMOTENC(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [50, 50]
    >>> sampler.categorical_features_.tolist()
    [1, 2]
    >>> X_resampled.dtypes.equals(X.dtypes)
    True
    """

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        "categorical_features",
        k_neighbors=SEARCH,
        categorical_encoder=_ENCODER,
    )
    _noted = ("neighbor_indices_", "median_std_")

    def __init__(
        self,
        categorical_features="auto",
        *,
        categorical_encoder=None,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        self.categorical_features = categorical_features
        self.categorical_encoder = categorical_encoder
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _validate_column_types(self, X):
        """Find the nominal columns."""
        self.n_features_ = X.shape[1]
        if isinstance(self.categorical_features, str):
            if library_of(X) is None:
                raise ValueError(
                    "With categorical_features='auto' the input data should be a "
                    "pandas.DataFrame or a polars.DataFrame, whose columns have types. "
                    f"Got {type(X)} instead; name the columns, as in "
                    "categorical_features=[0, 3]."
                )
            nominal = np.flatnonzero(detect_nominal(X))
        else:
            nominal = resolve_columns(self.categorical_features, X)
        self.categorical_features_ = nominal
        self.continuous_features_ = np.setdiff1d(np.arange(X.shape[1]), nominal)

    def _refuse_one_kind(self):
        selected = f"categorical_features={self.categorical_features!r} selects"
        if self.categorical_features_.size == self.n_features_in_:
            raise ValueError(
                "SMOTE-NC is not designed to work only with categorical features. It "
                f"requires some numerical features; {selected} all {self.n_features_} "
                "columns. Use SMOTEN, or give columns of numbers a numeric type."
            )
        if self.categorical_features_.size == 0:
            raise ValueError(
                "SMOTE-NC is not designed to work only with numerical features. It "
                f"requires some categorical features; {selected} none of the "
                f"{self.n_features_} columns. Use SMOTE, or name nominal columns."
            )

    def _read(self, given):
        X = given.numbers
        self._validate_column_types(X)
        self._refuse_one_kind()
        default = OneHotEncoder(handle_unknown="ignore")
        table, n_columns = self._read_columns(X, self.categorical_features_, default)
        categories = getattr(self.categorical_encoder_, "categories_", None)
        if n_columns is not None and categories is not None:
            n_categories = sum(len(levels) for levels in categories)
            if n_columns != n_categories:
                raise ValueError(
                    "SMOTENC requires a one-hot encoding with one column per category; "
                    f"categorical_encoder={self.categorical_encoder!r} makes "
                    f"{n_columns} columns for {n_categories} categories. Give one "
                    "that keeps all, such as OneHotEncoder(handle_unknown='ignore')."
                )
        return table

    def _engine(self, table, labels):
        return MixedEngine(table.numbers, table.codes, labels, n_jobs=self.n_jobs)

    def _place(self, rare):
        self.median_std_[rare.label] = rare.engine.median_std(rare.label)
        return super()._place(rare)

    def _voters(self, seeds, neighbors):
        return neighbors


@imblearn.over_sampling.SMOTEN.register
class SMOTEN(NominalSampler):
    r"""Over-sample tables of categories (SMOTE-N).

    Each value of a synthetic row is the most frequent one among a row of the class
    and its ``k_neighbors`` nearest rows of the same class, by the value difference
    metric [1]_: the squared distance between rows is

    .. math::
        \sum_j \Big(\sum_c |p_j(c \mid a_j) - p_j(c \mid b_j)|\Big)^2,

    where :math:`p_j(c \mid v)` is the share of class :math:`c` among all rows that
    have value :math:`v` in column :math:`j`. The class is a drop-in for
    imbalanced-learn's, without tables of all distances.

    Parameters
    ----------
    categorical_encoder : object, default=None
        Ordinal encoder, only fitted for use by others; the sampler itself does not
        need it. None is a :class:`~sklearn.preprocessing.OrdinalEncoder`.
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
        ``n_neighbors`` counts the row itself; it is given all distances between the
        rows of a class and ``metric="precomputed"``.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to start from are drawn independently or each row of the
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
    categorical_encoder_ : object
        The fitted encoder.
    categorical_features_ : ndarray of shape (n_features,)
        Positions of the nominal columns: all.
    continuous_features_ : ndarray of shape (0,)
        Positions of the others: none.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    neighbor_indices_ : dict
        For each class that is over-sampled, an array with a line for each of its
        rows, in the order of the input: the rows that vote besides the row itself.
    n_synthetic_ : dict
        Number of rows made for each class.
    sample_weight_ : ndarray of shape (n_resampled,)
        Weights of the rows of the output, if weights were given: a synthetic row has
        that of the row it was made from.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTENC : For tables of numbers and categories.
    imblearn.over_sampling.SMOTEN : The peer.

    Notes
    -----
    Nothing is interpolated, so there are neither partners nor gaps. All columns are
    nominal, whatever their type; bin numbers before, or use :class:`SMOTENC`.

    Of two classes the metric is the Euclidean distance between the numbers
    :math:`2 p_j(1 \mid a_j)`, so that the ordinary search applies. Of more classes
    distances are summed from differences of levels, and no more than one row's are
    held in memory.

    Where the paper is silent: ties in a vote are broken at random, in each synthetic
    row anew (imbalanced-learn takes the value that is first in sorted order);
    neighbours at equal distances are taken in the order of rows; a missing value is a
    level of its own, which can win a vote. The shares are counted without weights.

    References
    ----------
    .. [1] N. V. Chawla, K. W. Bowyer, L. O. Hall, W. P. Kegelmeyer, "SMOTE:
       Synthetic Minority Over-sampling Technique", Journal of Artificial
       Intelligence Research 16, 2002, section 6.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.over_sampling import SMOTEN
    >>> colour = ["green"] * 12 + ["red"] * 18 + ["blue"] * 10
    >>> size = ["small", "large"] * 20
    >>> X = np.array([colour, size], dtype=object).T
    >>> y = np.array(["apple"] * 28 + ["plum"] * 12)
    >>> X_resampled, y_resampled = SMOTEN(random_state=0).fit_resample(X, y)
    >>> sorted(y_resampled.tolist()).count("plum")
    28
    """

    _parameter_constraints: dict = constraints(
        "allocation",
        "on_small_class",
        k_neighbors=SEARCH,
        categorical_encoder=_ENCODER,
    )

    def __init__(
        self,
        categorical_encoder=None,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        allocation="random",
        on_small_class="shrink",
        n_jobs=None,
    ):
        self.categorical_encoder = categorical_encoder
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.allocation = allocation
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _read(self, given):
        X = given.numbers
        if sparse.issparse(X):
            warn_user(
                "Passing a sparse matrix to SMOTEN is not really efficient since it "
                "is converted to a dense array internally.",
                DataConversionWarning,
            )
        self.categorical_features_ = np.arange(X.shape[1])
        self.continuous_features_ = np.empty(0, dtype=np.intp)
        default = OrdinalEncoder(dtype=np.int32, encoded_missing_value=-1)
        return self._read_columns(X, self.categorical_features_, default)[0]

    def _engine(self, table, labels):
        return LevelEngine(table.codes, labels, n_jobs=self.n_jobs)

    def _survey(self, engine, rng, wanted):
        # A search of the user gets the distances between all rows of a class.
        self.nn_k_.set_params(metric="precomputed")
        return {}

    def _place(self, rare):
        self._partners(rare, rare.rows)
        return Plan(rare.rows[self._draw(rare, rare.weights())])

    def _voters(self, seeds, neighbors):
        return np.column_stack([seeds, neighbors])
