"""SMOTER and SMOGN: more rows where a continuous target is rare, fewer elsewhere."""

from numbers import Real

import numpy as np
from sklearn.utils import RegressorTags, check_array

from skext._neighbors.nominal import mixed_neighbors
from skext.over_sampling._core.allocation import balanced_counts
from skext.over_sampling._core.frames import write_column
from skext.over_sampling._core.integers import is_wide
from skext.over_sampling._core.parameters import constraints
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.reading import plain_integers
from skext.over_sampling._mixed.relevance import (
    bump_sizes_wanted,
    number_bumps,
    relevance_of,
)
from skext.over_sampling._mixed.tables import MixedRows
from skext.over_sampling._mixed.target_base import TargetSampler, container_of
from skext.utils._columns import NUMBERS, column_kind, library_of
from skext.utils._labels import refuse_missing
from skext.utils._sklearn import Interval, StrOptions
from skext.utils._tables import column_at, join_rows, take_rows


class SMOTER(TargetSampler):
    """Over-sample rare values of a continuous target by interpolation.

    A relevance from 0 to 1 says which target values matter [1]_, [2]_. The rows,
    sorted by target, fall into bumps, on which the relevance stays on one side of
    ``threshold``. Bumps that are too small get synthetic rows between neighbours,
    their targets interpolated too; bumps that are too large lose rows.

    Parameters
    ----------
    sampling_strategy : {"balance", "extreme"} or array-like of shape (n_bumps,), \
            default="balance"
        Sizes of the bumps: all the same; in inverse proportion to what they were; or
        the ratios of new to old sizes, in the order of the target.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    k_neighbors : int, default=5
        Number of neighbours within the bump.
    relevance : {"auto"}, array-like of shape (n_points, 2 or 3) or callable, \
            default="auto"
        How much a target value matters: by the outliers of the box plot; by control
        points, each a value, its relevance and, if wanted, a slope (zero otherwise);
        or by a function that maps an array of values to numbers from 0 to 1.
    threshold : float, default=0.5
        Values of at least this relevance are rare.
    under_sample : bool, default=True
        Whether bumps that are too large lose rows.
    categorical_features : {"auto"} or array-like of shape (n_nominal,) or \
            (n_features,), default="auto"
        Columns of categories: those of text, categories, truth values and mixed
        objects; or their numbers, their names in a data frame, or a mask.
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns, and of an integer target, become whole.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a bump of at most ``k_neighbors`` rows that needs more: use
        all its other rows as neighbours and warn (a bump of one row is an error),
        repeat its rows and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    relevance_ : ndarray of shape (n_samples,)
        Relevance of each target value.
    relevance_points_ : ndarray of shape (n_points, 3) or None
        Control points: value, relevance and slope. None if ``relevance`` is callable.
    bumps_ : ndarray of shape (n_samples,)
        Bump of each row, numbered in the order of the target.
    sampling_strategy_ : dict
        Number of rows of each bump after resampling.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_numbers)
        Where on the segment, from 0 (the base row) to 1; per number in a box.
    n_synthetic_ : dict
        Number of rows made for each bump that gets any.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOGN : Adds noise instead where neighbours are far away.

    Notes
    -----
    *Relevance.* With "auto" the median has relevance 0; a side with outliers of the
    box plot (beyond 1.5 times the distance of Tukey's hinges) has relevance 1 from
    the end of its whisker on, a side without them 0 at its end. If there are no
    outliers nothing is rare, which is an error; give control points then. Slopes are
    limited so that the cubic is monotone between control points [3]_.

    *Distances* are Euclidean after division of every number by its range in the
    table; a differing category counts 1. The features therefore need no scaler. With
    missing values the squared distance over the columns known in both rows is scaled
    up to all.

    *Rows.* The papers' share of rows per bump is rounded to the nearest number, and
    each row of the bump is used equally often, to one. A synthetic row takes each
    category from either parent with probability 1/2. Its target is the mean of the
    parents' targets, weighted by the inverse of the distances to them, which are
    summed over all features; it is the plain mean if both are zero.

    Bumps that are under-sampled lose rows of their own only. The rows that stay come
    first, unchanged and in their order.

    References
    ----------
    .. [1] L. Torgo, R. P. Ribeiro, B. Pfahringer, P. Branco, "SMOTE for Regression",
       Portuguese Conference on Artificial Intelligence, 2013.
    .. [2] R. P. Ribeiro, "Utility-based Regression", PhD thesis, University of
       Porto, 2011.
    .. [3] F. N. Fritsch, R. E. Carlson, "Monotone Piecewise Cubic Interpolation",
       SIAM Journal on Numerical Analysis 17, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.over_sampling import SMOTER
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = np.exp(X[:, 0] + 0.1 * rng.normal(size=300))
    >>> sampler = SMOTER(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(sampler.bumps_).tolist()
    [245, 55]
    >>> sampler.sampling_strategy_
    {0: 150, 1: 150}
    >>> bool(np.mean(y_resampled > 3) > 2 * np.mean(y > 3))
    True
    """

    _parameter_constraints: dict = constraints(
        *("k_neighbors", "categorical_features"),
        *("interpolation", "integer_features", "on_small_class"),
        sampling_strategy=[StrOptions({"balance", "extreme"}), "array-like"],
        relevance=[StrOptions({"auto"}), "array-like", callable],
        threshold=[Interval(Real, 0, 1, closed="right")],
        under_sample=["boolean"],
    )
    # Whether half the median distance of a row is wanted with its neighbours.
    _needs_medians = False

    def __init__(
        self,
        *,
        sampling_strategy="balance",
        random_state=None,
        k_neighbors=5,
        relevance="auto",
        threshold=0.5,
        under_sample=True,
        categorical_features="auto",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.relevance = relevance
        self.threshold = threshold
        self.under_sample = under_sample
        self.categorical_features = categorical_features
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _check_target(self, y):
        values = container_of(y)[0]
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        refuse_missing(values)
        kind = "several columns"
        if values.ndim == 1:
            # The type of a column tells categories of numbers from numbers.
            column = column_at(y, 0) if hasattr(y, "columns") else y
            kind = column_kind(values if library_of(y) is None else column)
        if kind not in NUMBERS:
            raise ValueError(
                f"y of shape {values.shape} and type {values.dtype} holds {kind}, but "
                f"{type(self).__name__} takes one number for each row; for classes use "
                "SMOTE, for sets of labels MLSMOTE."
            )
        return check_array(values, ensure_2d=False, dtype=np.float64, input_name="y")

    def _extend_target(self, y, checked, kept, new, origin):
        base, partner, gaps, function = origin
        # Targets have places of their own between those of the parents.
        width = checked[partner] - checked[base]
        place = np.divide(
            new - checked[base], width, out=np.zeros(new.size), where=width != 0
        )
        noise = np.isnan(gaps).any(axis=1)
        place = np.where(noise, np.nan, np.clip(place, 0, 1))
        origin = (base, partner, place, function)
        values, is_list = container_of(y)
        if column_kind(values.reshape(-1)) == "integer":
            # Large numbers are measured from the smallest.
            plain, _ = plain_integers(values.reshape(-1))
            new = new - (float(plain.min()) if is_wide(plain) else 0.0)
        library = library_of(y)
        if library is None:
            made = write_column(values.reshape(-1), new, *origin)
            values = np.concatenate([values[kept], made.reshape(-1, *values.shape[1:])])
            return values.tolist() if is_list else values
        one_column = len(y.shape) == 2
        made = write_column(column_at(y, 0) if one_column else y, new, *origin)
        if library == "pandas":
            import pandas as pd

            made = pd.Series(made)
        if one_column and library == "pandas":
            made = made.to_frame(y.columns[0])
        elif one_column:
            made = made.to_frame()
        return join_rows(take_rows(y, kept), made)

    def _make(self, table, y, sample_weight, rng):
        """Resample bump after bump, in the order of the target."""
        self._find_bumps(y)
        sizes = np.bincount(self.bumps_)
        scale = _ranges(table.numbers)
        kept, parts, small = np.ones(y.size, dtype=bool), [], []
        self.n_synthetic_ = {}
        for bump, wanted in self.sampling_strategy_.items():
            rows = np.flatnonzero(self.bumps_ == bump)
            if wanted < rows.size:
                kept[rows] = False
                kept[rng.choice(rows, size=wanted, replace=False)] = True
            elif wanted > rows.size:
                weights = None if sample_weight is None else sample_weight[rows]
                name = f"Bump {bump} (y from {y[rows].min():g} to {y[rows].max():g})"
                k = self._group_k(rows.size, name, small)
                counts = balanced_counts(rng, rows.size, wanted - rows.size, weights)
                seed = np.repeat(np.arange(rows.size), counts)
                parts.append(self._make_bump(rng, table, scale, y, rows, seed, k))
                self.n_synthetic_[bump] = int(wanted - sizes[bump])
        self._warn_small(small)
        return np.flatnonzero(kept), *self._join(parts, table, y)

    def _find_bumps(self, y):
        phi, points = relevance_of(y, self.relevance)
        self.relevance_, self.relevance_points_ = phi, points
        rare = phi >= self.threshold
        if not rare.any():
            reason = ""
            if isinstance(self.relevance, str):
                reason = ", as none is an outlier of the box plot"
            raise ValueError(
                f"threshold={self.threshold} is reached by no value of y with "
                f"relevance={self.relevance!r}{reason}; {_advice(y)}."
            )
        if rare.all():
            raise ValueError(
                f"threshold={self.threshold} is reached by all values of y with "
                f"relevance={self.relevance!r}, so that there is one class only and "
                "nothing to balance; give other control points, or raise it."
            )
        self.bumps_ = number_bumps(y, phi, self.threshold)
        sizes = np.bincount(self.bumps_)
        wanted = bump_sizes_wanted(sizes, self.sampling_strategy)
        if not self.under_sample:
            wanted = np.maximum(wanted, sizes)
        self.sampling_strategy_ = dict(enumerate(wanted.tolist()))

    def _make_bump(self, rng, table, scale, y, rows, seed, k):
        """Make the synthetic rows of a bump, of which ``seed`` tells the bases."""
        distance = median = None
        partner = seed
        if k > 0:
            near = table.numbers[rows] / scale, table.codes[rows], 1.0, k
            options = {"medians": self._needs_medians, "n_jobs": self.n_jobs}
            neighbors, distances, medians = mixed_neighbors(*near, **options)
            column = rng.randint(k, size=seed.size)
            partner = neighbors[seed, column]
            if self._needs_medians:
                distance, median = distances[seed, column], medians[seed]
        base, partner = rows[seed], rows[partner]
        gaps = self._draw_gaps(rng, seed.size, table)
        coins = rng.uniform(size=(seed.size, table.codes.shape[1])) < 0.5
        sources = np.where(coins, base[:, None], partner[:, None])
        key = rng.randint(2**31 - 1)
        plan = Plan(base, partner, gaps, key)
        new = MixedRows(self._interpolate(table, plan), sources)
        made = plan, new, interpolate_target(table, scale, y, base, partner, new)
        if distance is not None:
            made = self._add_noise(rng, table, y, rows, made, distance, median)
        return made

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # The target is a number.
        tags.regressor_tags = RegressorTags()
        return tags


class SMOGN(SMOTER):
    """Over-sample rare values of a continuous target by interpolation or noise.

    As :class:`SMOTER`, but a synthetic row lies between a row and a neighbour only if
    these are near; otherwise it is the row with a little Gaussian noise [1]_. Near is
    closer than half the median distance from the row to the others of its bump.

    Parameters
    ----------
    sampling_strategy : {"balance", "extreme"} or array-like of shape (n_bumps,), \
            default="balance"
        Sizes of the bumps: all the same; in inverse proportion to what they were; or
        the ratios of new to old sizes, in the order of the target.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    k_neighbors : int, default=5
        Number of neighbours within the bump.
    relevance : {"auto"}, array-like of shape (n_points, 2 or 3) or callable, \
            default="auto"
        How much a target value matters: by the outliers of the box plot; by control
        points, each a value, its relevance and, if wanted, a slope (zero otherwise);
        or by a function that maps an array of values to numbers from 0 to 1.
    threshold : float, default=0.5
        Values of at least this relevance are rare.
    perturbation : float, default=0.02
        Standard deviation of the noise, in standard deviations of the bump. It is
        made smaller where half the median distance is smaller.
    under_sample : bool, default=True
        Whether bumps that are too large lose rows.
    categorical_features : {"auto"} or array-like of shape (n_nominal,) or \
            (n_features,), default="auto"
        Columns of categories: those of text, categories, truth values and mixed
        objects; or their numbers, their names in a data frame, or a mask.
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns, and of an integer target, become whole.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a bump of at most ``k_neighbors`` rows that needs more: use
        all its other rows as neighbours and warn (a bump of one row is an error),
        repeat its rows and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    relevance_ : ndarray of shape (n_samples,)
        Relevance of each target value.
    relevance_points_ : ndarray of shape (n_points, 3) or None
        Control points: value, relevance and slope. None if ``relevance`` is callable.
    bumps_ : ndarray of shape (n_samples,)
        Bump of each row, numbered in the order of the target.
    sampling_strategy_ : dict
        Number of rows of each bump after resampling.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row; the
        base row itself where noise was added.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_numbers)
        Where on the segment, from 0 (the base row) to 1; per number in a box. NaN
        where noise was added.
    n_synthetic_ : dict
        Number of rows made for each bump that gets any.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTER : Interpolates always; its notes hold here too.

    Notes
    -----
    The noise of a number has the standard deviation of the number in the bump times
    the smaller of ``perturbation`` and half the median distance (distances as for
    :class:`SMOTER`: ranges are one). The target gets noise in the same way, a
    category is drawn as often as it occurs in the bump. A missing value stays
    missing. The median leaves out the row itself. All distances within a bump that
    gets rows are computed, so that the time grows with its square.

    References
    ----------
    .. [1] P. Branco, L. Torgo, R. P. Ribeiro, "SMOGN: a Pre-processing Approach for
       Imbalanced Regression", Proceedings of Machine Learning Research 74, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.over_sampling import SMOGN
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = np.exp(X[:, 0] + 0.1 * rng.normal(size=300))
    >>> sampler = SMOGN(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> sampler.n_synthetic_
    {1: 95}
    >>> bool(0 < np.isnan(sampler.gaps_).mean() < 1)
    True
    """

    _parameter_constraints: dict = {
        **SMOTER._parameter_constraints,
        "perturbation": [Interval(Real, 0, None, closed="left")],
    }
    _needs_medians = True

    def __init__(
        self,
        *,
        sampling_strategy="balance",
        random_state=None,
        k_neighbors=5,
        relevance="auto",
        threshold=0.5,
        perturbation=0.02,
        under_sample=True,
        categorical_features="auto",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(
            sampling_strategy=sampling_strategy,
            random_state=random_state,
            k_neighbors=k_neighbors,
            relevance=relevance,
            threshold=threshold,
            under_sample=under_sample,
            categorical_features=categorical_features,
            interpolation=interpolation,
            integer_features=integer_features,
            on_small_class=on_small_class,
            n_jobs=n_jobs,
        )
        self.perturbation = perturbation

    def _add_noise(self, rng, table, y, rows, made, distance, median):
        """Replace the rows whose partner is far by their base with noise."""
        plan, new, target = made
        far = np.flatnonzero(distance >= median / 2)
        base = plan.base[far]
        size = np.minimum(self.perturbation, median[far] / 2)
        numbers = table.numbers[base] + (
            size[:, None]
            * _deviations(table.numbers[rows])
            * rng.standard_normal(size=(far.size, table.numbers.shape[1]))
        )
        numbers[:, table.whole] = self._rounding()(numbers[:, table.whole])
        new.numbers[far] = numbers
        target[far] = y[base] + (
            size * _deviations(y[rows, None])[0] * rng.standard_normal(size=far.size)
        )
        drawn = rng.randint(rows.size, size=(far.size, table.codes.shape[1]))
        new.sources[far] = rows[drawn]
        plan.partner[far] = base
        plan.gaps[far] = np.nan
        return plan, new, target


def _advice(y):
    """Say what makes values of a target rare."""
    low, middle, high = float(y.min()), float(np.median(y)), float(y.max())
    if low == high:
        return f"all are {low!r}, so give a target that varies"
    points = [[middle, 0], [high, 1]] if middle < high else [[low, 1], [middle, 0]]
    return f"give control points, such as relevance={points!r}, or lower it"


def interpolate_target(table, scale, y, base, partner, new):
    """Average the targets of two rows by the inverse distances to them.

    Parameters
    ----------
    table : MixedTable
        The given rows.
    scale : ndarray of shape (n_numbers,)
        Ranges of the numbers.
    y : ndarray of shape (n_samples,)
        Targets.
    base, partner : ndarray of shape (n_new,)
        Parents of each synthetic row.
    new : MixedRows
        The synthetic rows.

    Returns
    -------
    target : ndarray of shape (n_new,)
        Between those of the parents.
    """
    near, away = (
        np.nansum(np.abs(new.numbers - table.numbers[rows]) / scale, axis=1)
        + (_take(table.codes, new.sources) != table.codes[rows]).sum(axis=1)
        for rows in (base, partner)
    )
    total = near + away
    share = np.divide(near, total, out=np.full(total.shape, 0.5), where=total > 0)
    return (1 - share) * y[base] + share * y[partner]


def _take(codes, sources):
    return codes[sources, np.arange(codes.shape[1])]


def _ranges(numbers):
    """Return the range of each column, 1 where it has none."""
    numbers = numbers.astype(np.float64, copy=False)
    scale = np.fmax.reduce(numbers, axis=0) - np.fmin.reduce(numbers, axis=0)
    return np.where(scale > 0, scale, 1.0)


def _deviations(numbers):
    """Return the standard deviation of each column without its missing values."""
    numbers = numbers.astype(np.float64, copy=False)
    known = (~np.isnan(numbers)).sum(axis=0)
    mean = np.nansum(numbers, axis=0) / np.maximum(known, 1)
    squares = np.nansum((numbers - mean) ** 2, axis=0)
    return np.sqrt(squares / np.maximum(known - 1, 1))
