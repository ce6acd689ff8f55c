"""MLSMOTE: synthetic rows with sets of labels."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils import column_or_1d

from skext._neighbors.nominal import median_deviation, mixed_neighbors
from skext.over_sampling._core.allocation import balanced_counts
from skext.over_sampling._core.frames import Origin, append_to_frame, take_labels
from skext.over_sampling._core.labels import check_labels
from skext.over_sampling._core.parameters import constraints
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._mixed.tables import MixedRows
from skext.over_sampling._mixed.target_base import TargetSampler, container_of
from skext.utils._columns import library_of
from skext.utils._labels import refuse_missing
from skext.utils._sklearn import Interval, StrOptions


class MLSMOTE(TargetSampler):
    """Over-sample rare labels of a multi-label target.

    A label is rare if its imbalance ratio, the count of the most frequent label over
    its own, is above the mean of the ratios. Every row that carries a rare label
    gives one synthetic row between itself and one of its neighbours among the rows
    that carry it too, with a set of labels on which they agree [1]_.

    Parameters
    ----------
    sampling_strategy : {"auto"}, float or dict, default="auto"
        How many rows are made: one for each row with a rare label, and for each rare
        label of it; so many times this number; or a dict of the number of rows to
        make for each label, by column number or name of a data frame. The total of a
        label also grows by the rows that are made for others.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    k_neighbors : int, default=5
        Number of neighbours among the rows with the label.
    label_set : {"ranking", "union", "intersection"}, default="ranking"
        Labels of a synthetic row: those of more than half of the row and its
        neighbours, of any of them, or of all.
    categorical_features : {"auto"} or array-like of shape (n_nominal,) or \
            (n_features,), default="auto"
        Columns of categories: those of text, categories, truth values and mixed
        objects; or their numbers, their names in a data frame, or a mask.
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a label of at most ``k_neighbors`` rows: use all its other
        rows as neighbours and warn (a label of one row is an error), repeat its rows
        and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels,)
        Names of the columns of a data frame, or their numbers; the classes if ``y``
        has one for each row.
    imbalance_ratios_ : ndarray of shape (n_labels,)
        Count of the most frequent label over that of each; infinite for a label that
        does not occur.
    sampling_strategy_ : dict
        Number of rows to make for each label.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_numbers)
        Where on the segment, from 0 (the base row) to 1; per number in a box.
    n_synthetic_ : dict
        Number of rows made for each label that gets any.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    skext.over_sampling.SMOTE : Balances classes, of which each row has one.

    Notes
    -----
    Ratios are those of the given rows throughout, and their mean is taken over the
    labels that occur. If all labels are equally frequent none is rare, and the data
    come back as they are. A row with several rare labels is used for each of them.

    Distances are Euclidean: scale the features before. A differing category adds the
    square of the median standard deviation of the numbers among the rows with the
    label, as in SMOTE-NC (1 if there are no numbers). With missing values the squared
    distance over the columns known in both rows is scaled up to all. A synthetic row
    takes the most frequent category of the neighbours, ties at random.

    References
    ----------
    .. [1] F. Charte, A. J. Rivera, M. J. del Jesus, F. Herrera, "MLSMOTE:
       Approaching Imbalanced Multilabel Learning through Synthetic Instance
       Generation", Knowledge-Based Systems 89, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.over_sampling import MLSMOTE
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> Y = (X > [0, 0.2, 1.5]).astype(int)
    >>> Y.sum(axis=0).tolist()
    [94, 85, 11]
    >>> sampler = MLSMOTE(random_state=0)
    >>> X_resampled, Y_resampled = sampler.fit_resample(X, Y)
    >>> sampler.sampling_strategy_
    {2: 11}
    >>> Y_resampled.sum(axis=0).tolist()[2]
    22
    """

    _parameter_constraints: dict = constraints(
        *("k_neighbors", "categorical_features"),
        *("interpolation", "integer_features", "on_small_class"),
        sampling_strategy=[
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
            dict,
        ],
        label_set=[StrOptions({"ranking", "union", "intersection"})],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        label_set="ranking",
        categorical_features="auto",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.label_set = label_set
        self.categorical_features = categorical_features
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _check_target(self, y):
        values = y.toarray() if sparse.issparse(y) else container_of(y)[0]
        refuse_missing(values)
        if values.ndim == 1 or values.shape[1:] == (1,):
            # A class per row is a set of one label.
            classes, _ = check_labels(column_or_1d(values))
            self.labels_, codes = np.unique(classes, return_inverse=True)
            return (codes[:, None] == np.arange(self.labels_.size)).astype(np.int64)
        right = values.ndim == 2 and values.dtype.kind in "biufO"
        if not right or not np.isin(values, [0, 1]).all():
            raise ValueError(
                f"y of shape {values.shape} and type {values.dtype} holds no sets of "
                "labels; give zeros and ones with a column for each label (see "
                "MultiLabelBinarizer), or one class for each row. For numbers use "
                "SMOTER."
            )
        self.labels_ = np.asarray(getattr(y, "columns", range(values.shape[1])))
        return values.astype(np.int64)

    def _extend_target(self, y, checked, kept, new, origin):
        if sparse.issparse(y):
            if y.shape[1] == 1:
                return y.tocsr()[self.sample_indices_].asformat(y.format)
            return sparse.vstack([y, type(y)(new.astype(y.dtype))], format=y.format)
        values, is_list = container_of(y)
        if values.ndim == 1 or values.shape[1] == 1:
            # The rows that carry a class have no other.
            return take_labels(y, None, self.sample_indices_, True)
        if library_of(y) is not None:
            return append_to_frame(y, new.astype(np.float64), Origin(origin.base))
        values = np.concatenate([values, new.astype(values.dtype)])
        return values.tolist() if is_list else values

    def _make(self, table, y, sample_weight, rng):
        """Make rows label after label, from the given rows only."""
        self._find_rare(y)
        parts, small, self.n_synthetic_ = [], [], {}
        for column, label in enumerate(self.labels_.tolist()):
            n_new = self.sampling_strategy_.get(label, 0)
            if n_new == 0:
                continue
            rows = np.flatnonzero(y[:, column])
            weights = None if sample_weight is None else sample_weight[rows]
            k = self._group_k(rows.size, f"Label {label!r}", small)
            seed = np.repeat(
                np.arange(rows.size), balanced_counts(rng, rows.size, n_new, weights)
            )
            parts.append(self._make_rows(rng, table, y, rows, seed, k))
            self.n_synthetic_[label] = n_new
        self._warn_small(small)
        return np.arange(y.shape[0]), *self._join(parts, table, y)

    def _find_rare(self, y):
        """Set the imbalance ratios and the numbers of rows to make."""
        if y.shape[1] < 2:
            raise ValueError(
                f"y has one class only, {self.labels_.tolist()!r}; give two labels or "
                "more, as one alone is as frequent as itself."
            )
        counts = y.sum(axis=0)
        if not counts.any():
            raise ValueError("y holds zeros only; give a label to some rows.")
        ratios = np.full(counts.size, np.inf)
        np.divide(counts.max(), counts, out=ratios, where=counts > 0)
        self.imbalance_ratios_ = ratios
        names = self.labels_.tolist()
        if isinstance(self.sampling_strategy, dict):
            self.sampling_strategy_ = _checked_numbers(
                self.sampling_strategy, dict(zip(names, counts.tolist(), strict=True))
            )
            return
        times = 1.0 if isinstance(self.sampling_strategy, str) else None
        times = float(self.sampling_strategy) if times is None else times
        rare = (ratios > ratios[counts > 0].mean()) & (counts > 0)
        self.sampling_strategy_ = {
            names[j]: int(np.rint(times * counts[j])) for j in np.flatnonzero(rare)
        }

    def _make_rows(self, rng, table, y, rows, seed, k):
        """Make the synthetic rows of a label, of which ``seed`` tells the bases."""
        neighbors = np.arange(rows.size)[:, None]
        if k > 0:
            numbers, codes = table.numbers[rows], table.codes[rows]
            # Categories alone are all alike.
            penalty = median_deviation(numbers) ** 2 if numbers.shape[1] > 0 else 1.0
            near = numbers, codes, penalty, k
            neighbors = mixed_neighbors(*near, n_jobs=self.n_jobs)[0]
        neighbors = rows[neighbors[seed]]
        base = rows[seed]
        column = rng.randint(neighbors.shape[1], size=seed.size)
        partner = neighbors[np.arange(seed.size), column]
        gaps = self._draw_gaps(rng, seed.size, table)
        sources = vote(rng, table.codes, neighbors)
        key = rng.randint(2**31 - 1)
        plan = Plan(base, partner, gaps, key)
        new = MixedRows(self._interpolate(table, plan), sources)
        return plan, new, agree(y, base, neighbors, self.label_set)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        return tags


def agree(y, base, neighbors, label_set):
    """Choose the labels of synthetic rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_labels)
        Zeros and ones.
    base : ndarray of shape (n_new,)
        Row that each synthetic one is made from.
    neighbors : ndarray of shape (n_new, k)
        Its neighbours.
    label_set : {"ranking", "union", "intersection"}
        More than half of these rows, any, or all.

    Returns
    -------
    labels : ndarray of shape (n_new, n_labels)
        Zeros and ones.
    """
    votes = y[base]
    for column in neighbors.T:
        votes += y[column]
    voters = neighbors.shape[1] + 1
    if label_set == "ranking":
        return (2 * votes > voters).astype(y.dtype)
    return (votes >= (1 if label_set == "union" else voters)).astype(y.dtype)


def vote(rng, codes, neighbors):
    """Choose the most frequent category among some rows.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Decides ties, for each synthetic row and column anew.
    codes : ndarray of shape (n_samples, n_nominal)
        Categories.
    neighbors : ndarray of shape (n_new, k)
        Rows that vote.

    Returns
    -------
    sources : ndarray of shape (n_new, n_nominal)
        A row with the winning category.
    """
    sources = np.empty((neighbors.shape[0], codes.shape[1]), dtype=np.intp)
    for column in range(codes.shape[1]):
        ballots = codes[neighbors, column]
        counts = np.zeros(ballots.shape)
        for voter in range(ballots.shape[1]):
            counts += ballots == ballots[:, [voter]]
        counts += rng.uniform(size=counts.shape)
        winner = counts.argmax(axis=1)
        sources[:, column] = neighbors[np.arange(len(neighbors)), winner]
    return sources


def _checked_numbers(wanted, counts):
    """Check a dict of numbers of rows to make."""
    for label, number in wanted.items():
        if label not in counts:
            raise ValueError(
                f"sampling_strategy={wanted!r} has label {label!r}, which y does not "
                f"have; its labels are {list(counts)}."
            )
        whole = isinstance(number, Integral) and number >= 0
        if not whole or (number > 0 and counts[label] == 0):
            raise ValueError(
                f"sampling_strategy={wanted!r} wants {number!r} rows for label "
                f"{label!r}, of which y has {counts[label]}; give a whole number, and "
                "zero for a label that does not occur."
            )
    return {label: int(number) for label, number in wanted.items()}
