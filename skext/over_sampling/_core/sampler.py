"""The base of all samplers: check the table, plan synthetic rows, write them.

A sampler says in ``_place`` where the rows of one class come from: mostly pairs of
given rows and places between them. Everything around that is done here: tables and
labels of all kinds, weights, exact counts, one random stream, origins, whole numbers.
"""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from imblearn.base import BaseSampler
from imblearn.utils import check_neighbors_object, check_sampling_strategy
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext._neighbors.engine import NeighborEngine
from skext.base import SkextMixin
from skext.over_sampling._core.allocation import allocate
from skext.over_sampling._core.frames import (
    as_numbers,
    integer_columns,
    measured_table,
    refuse_truth_values,
    take_labels,
    with_names,
)
from skext.over_sampling._core.labels import check_labels
from skext.over_sampling._core.parameters import INTERPOLATION, constraints
from skext.over_sampling._core.partners import (
    Search,
    find_neighbors,
    own_search,
    refuse_lonely,
    usable_neighbors,
)
from skext.over_sampling._core.plan import Plan, RareClass, join, keep_constant
from skext.over_sampling._core.weights import resample_weighted
from skext.over_sampling._core.write import Rounding, write
from skext.utils._columns import library_of
from skext.utils._random import fit_rng
from skext.utils._sklearn import fit_context
from skext.utils._tables import validate_table

# Largest dense table, in bytes, that is made of a sparse one.
_DENSE_LIMIT = 2**31


class Given(NamedTuple):
    """What a sampler gets, checked.

    Attributes
    ----------
    X, y : object
        The table and the labels as the user gave them.
    numbers : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table as an array.
    labels : ndarray of shape (n_samples,)
        One label for each row.
    indicator : bool
        Whether ``y`` has a column for each class.
    table : object
        The table in which neighbours are found, and of which rows are made.
    """

    X: object
    y: object
    numbers: object
    labels: np.ndarray
    indicator: bool
    table: object = None

    @property
    def typed(self):
        """The table whose columns have the types that count."""
        return self.numbers if library_of(self.X) is None else self.X


class SyntheticSampler(SkextMixin, BaseSampler):
    """Base of samplers that add synthetic rows to classes.

    A variant changes one of four methods:

    ``_survey``
        What has to be known of all rows before the first class.
    ``_place``
        The plan of the rows of a class; as here, from ``_seeds`` to ``_partners``.
    ``_seeds``
        Rows of a class to start from, and their weights.
    ``_partners``
        For each of them the rows that may be at the other end.

    Attributes
    ----------
    _has_classes : bool
        Whether targets are classes.
    _noted : tuple of str
        Fitted attributes that hold something for each class.
    _searches : dict
        The parameters that may be a search of the user, and the attributes with it.
    _counted_in : str
        The parameter that says how many partners a row has.
    _needs_pair : bool
        Whether classes of one row are repeated, or refused, without being placed.
    _takes_missing, _is_dense : bool
        Whether NaN is a missing value, and whether sparse tables are made dense.
    """

    _sampling_type = "over-sampling"
    _parameter_constraints: dict = constraints(*INTERPOLATION)

    _has_classes = True
    _noted = ()
    _searches: dict = {}
    _counted_in = "k_neighbors"
    _needs_pair = False
    _takes_missing = True
    _is_dense = False

    @fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, sample_weight=None, **params):
        """Resample a table: add synthetic rows where there are few.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The table. Columns of a data frame keep their types. Missing values, text
            and sparse tables are taken by the samplers whose ``input_tags`` say so.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels; for samplers of other targets numbers, or sets of labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A row is used in proportion to its weight; one of
            weight zero is left out of all that is computed and counted, and stays
            among the given rows. The weights of the result are in ``sample_weight_``.
        **params : dict
            Not used; for compatibility with imbalanced-learn.

        Returns
        -------
        X_resampled : {ndarray, dataframe, sparse matrix} of shape \
                (n_resampled, n_features)
            The given rows in their order, without those that the method removes, then
            the synthetic ones. In the container and the types of ``X``.
        y_resampled : array-like of shape (n_resampled,) or (n_resampled, n_outputs)
            Their targets, in the container and the type of ``y``.

        Raises
        ------
        ValueError
            If a column or a value is of a kind that the sampler does not take, the
            target is of another kind or has nothing rare, or a class is too small.
        """
        if sample_weight is None:
            return self._fit_resample(X, y)
        return resample_weighted(self, X, y, sample_weight)

    def _fit_resample(self, X, y, sample_weight=None):
        """Check, plan and write."""
        given = self._check(X, y)
        engine = self._engine(given.table, given.labels)
        plan = self._plan(engine, fit_rng(self.random_state), sample_weight)
        self._note(np.arange(given.labels.size), plan, sample_weight)
        labels = take_labels(y, given.labels, self.sample_indices_, given.indicator)
        return self._write(given, plan), labels

    # Check

    def _check(self, X, y):
        """Return a table and labels as the other steps need them."""
        numbers, labels, indicator = self._check_X_y(X, y)
        self.sampling_strategy_ = check_sampling_strategy(
            self.sampling_strategy, labels, self._sampling_type
        )
        given = Given(X, y, numbers, labels, indicator)
        return given._replace(table=self._read(given))

    def _check_X_y(self, X, y, accept_sparse=None):
        if library_of(X) is not None:
            integer_columns(X)
            X = with_names(as_numbers(X))
        elif not sparse.issparse(X):
            refuse_truth_values(X)
        y, indicator = check_labels(y)
        X, y = validate_table(
            self,
            X,
            y,
            reset=True,
            accept_sparse=accept_sparse or ["csr", "csc"],
            ensure_all_finite="allow-nan",
        )
        if sparse.issparse(X):
            assert_all_finite(X, input_name="X")
        elif not self._takes_missing and X.dtype.kind == "f" and np.isnan(X).any():
            raise ValueError(
                f"X contains NaN, for which {type(self).__name__} has no rule; impute "
                "the values before, or use SMOTE, which takes missing values."
            )
        integer_columns(X)
        return X, y, indicator

    def _read(self, given):
        """Return the table in which neighbours are found."""
        if self._is_dense and sparse.issparse(given.numbers):
            dense = self._make_dense(given.numbers)
            return measured_table(dense, dense)
        return measured_table(given.typed, given.numbers)

    def _make_dense(self, X):
        """Refuse a sparse table whose dense form would fill the memory."""
        n_rows = X.shape[0] + sum(self.sampling_strategy_.values())
        n_bytes = n_rows * X.shape[1] * 8
        if n_bytes > _DENSE_LIMIT:
            raise ValueError(
                f"X is sparse and {type(self).__name__} makes dense rows: "
                f"{n_rows} x {X.shape[1]} numbers would fill {n_bytes / 2**30:.1f} "
                f"GiB, and {_DENSE_LIMIT / 2**30:.1f} GiB is the limit; reduce the "
                "features before, for instance by TruncatedSVD, or use SMOTE, whose "
                "rows stay sparse."
            )
        return X.toarray()

    # Plan

    def _engine(self, table, labels):
        return NeighborEngine(table, labels, n_jobs=self.n_jobs)

    def _plan(self, engine, rng, sample_weight):
        """Place all synthetic rows, class by class."""
        for name, attribute in self._searches.items():
            found = check_neighbors_object(name, getattr(self, name), 1)
            setattr(self, attribute, found)
        for name in ("n_synthetic_", *self._noted):
            setattr(self, name, {})
        wanted = {k: int(n) for k, n in self.sampling_strategy_.items() if n > 0}
        known = self._survey(engine, rng, wanted)
        parts = []
        for label, n_samples in wanted.items():
            rare = RareClass(
                engine, label, n_samples, rng, sample_weight, known.get(label)
            )
            if self._needs_pair and rare.rows.size == 1:
                refuse_lonely(label, self.on_small_class)
                part = self._repeat(rare)
            else:
                part = self._place(rare)
            if part.rows is not None:
                keep_constant(rare, part.rows)
            parts.append(part)
            self.n_synthetic_[label] = part.base.size
        return join(parts, rng, self._n_gaps(engine))

    def _survey(self, engine, rng, wanted):
        """Return a dict of what is known about each class of ``wanted``."""
        return {}

    def _place(self, rare):
        """Return the plan of the synthetic rows of a class."""
        seeds, weights = self._seeds(rare)
        return self._between(rare, seeds, self._partners(rare, seeds), weights)

    def _seeds(self, rare):
        """Return the rows to start from, and their weights or None."""
        return rare.rows, rare.weights()

    def _partners(self, rare, seeds):
        """Return for each seed the nearest rows of the class, or itself if repeated."""
        (name, k, own), rows = self._search(self._counted_in), rare.rows
        if k is not None:
            small = self.on_small_class
            k = usable_neighbors(rare.label, rows.size, k, small, name)
        if k == 0:
            return seeds[:, None]
        if np.array_equal(seeds, rows):
            return rare.engine.within(rare.label, k, own)
        return find_neighbors(rare.engine, seeds, rows, k, own)

    def _search(self, name):
        """Return how a parameter wants neighbours to be found."""
        given = getattr(self, name)
        if isinstance(given, Integral):
            return Search(name, given)
        return own_search(name, given, getattr(self, self._searches[name]))

    def _between(self, rare, seeds, partners, weights, n_samples=None):
        """Place rows between seeds and their partners."""
        n_samples = rare.n_samples if n_samples is None else n_samples
        seed, column = allocate(
            rare.rng, seeds.size, partners.shape[1], n_samples, self.allocation, weights
        )
        base, partner = seeds[seed], partners[seed, column]
        return Plan(base, partner, self._gaps(rare, n_samples))

    def _repeat(self, rare):
        """Place copies of the rows of a class."""
        return self._between(rare, rare.rows, rare.rows[:, None], rare.weights())

    def _draw(self, rare, weights):
        """Draw positions of rows of the class, one for each synthetic row."""
        size = rare.rows.size if weights is None else weights.size
        drawn = allocate(rare.rng, size, 1, rare.n_samples, self.allocation, weights)
        return drawn[0]

    def _gaps(self, rare, n_samples=None):
        """Draw places between base and partner."""
        n_samples = rare.n_samples if n_samples is None else n_samples
        return rare.rng.uniform(size=(n_samples, self._n_gaps(rare.engine)))

    def _n_gaps(self, engine):
        """Return how many numbers place a row."""
        return engine.X.shape[1] if self._in_box() else 1

    def _in_box(self):
        return getattr(self, "interpolation", "segment") == "box"

    # Write

    def _write(self, given, plan):
        """Return the table with the synthetic rows behind the given ones."""
        rounding = Rounding(integer_columns(given.typed), self._rounding())
        return write(given.X, given.numbers, given.table, plan, rounding, self.n_jobs)

    def _rounding(self):
        rounds = getattr(self, "integer_features", "round") == "round"
        return np.rint if rounds else np.trunc

    def _note(self, kept, plan, sample_weight):
        """Set the attributes that tell where each row comes from."""
        base, partner, gaps = plan[:3]
        self.sample_indices_ = np.concatenate([kept, base])
        # No attribute of an earlier call may survive.
        for name in ("partner_indices_", "gaps_", "sample_weight_"):
            vars(self).pop(name, None)
        if partner is not None:
            self.partner_indices_ = partner
        if gaps is not None:
            self.gaps_ = gaps if self._in_box() else gaps[:, 0]
        if sample_weight is not None:
            weight = sample_weight[base]
            if plan.rows is None and partner is not None and gaps.shape[1] > 0:
                # A step away from the partner makes no weight negative; noise, of which
                # the place is NaN, belongs to the base.
                gap = np.nan_to_num(np.maximum(gaps, 0.0).mean(axis=1))
                weight = (1 - gap) * weight + gap * sample_weight[partner]
            self.sample_weight_ = np.concatenate([sample_weight[kept], weight])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        tags.input_tags.allow_nan = self._takes_missing
        return tags
