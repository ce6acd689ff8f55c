"""What all samplers that make synthetic rows have in common.

A sampler describes each new row by two given rows and a place between them. The steps
are separate, so that a variant changes one of them:

``_seeds``
    Which rows of a class are used, and how often (weights).
``_partners``
    The rows at the other end, a list for each seed.
``_gaps``
    Where between both.

Neighbours come from one engine, which keeps what it has found; the numbers of rows are
always exactly those of ``sampling_strategy_``; the rows are written by compiled loops
straight into the output.
"""

import numpy as np
from imblearn.utils import check_sampling_strategy
from scipy import sparse
from sklearn.utils import assert_all_finite

from skext._neighbors.engine import NeighborEngine
from skext.base import SkextMixin
from skext.over_sampling._core.allocation import allocate
from skext.over_sampling._core.frames import (
    Origin,
    append_to_frame,
    as_numbers,
    integer_columns,
    measured_table,
    refuse_truth_values,
    take_labels,
    with_names,
)
from skext.over_sampling._core.generate import (
    Plan,
    Rounding,
    append_rows,
    make_dense,
    make_sparse,
)
from skext.over_sampling._core.labels import check_labels
from skext.over_sampling._core.weights import weighted
from skext.utils._columns import library_of
from skext.utils._random import fit_rng
from skext.utils._sklearn import fit_context
from skext.utils._tables import validate_table


class SyntheticMixin(SkextMixin):
    """Mixin for over-samplers that interpolate between rows of a class.

    It stands left of a sampler of imbalanced-learn and needs the parameters
    ``sampling_strategy``, ``random_state``, ``allocation``, ``interpolation``,
    ``integer_features`` and ``n_jobs``.
    """

    @fit_context(prefer_skip_nested_validation=True)
    @weighted
    def fit_resample(self, X, y, sample_weight=None, **params):
        """Add synthetic rows to the rare classes.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The table. Columns of a data frame keep their types. NaN is a missing
            value, in dense tables.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A row is interpolated from in proportion to its
            weight; one of weight zero is left out of all that is computed and counted,
            and stays among the given rows. The weights of the result are in
            ``sample_weight_``.
        **params : dict
            Not used; for compatibility with imbalanced-learn.

        Returns
        -------
        X_resampled : {ndarray, dataframe, sparse matrix} of shape \
                (n_resampled, n_features)
            The given rows, unchanged and in their order, then the synthetic ones.
        y_resampled : ndarray or Series of shape (n_resampled,)
            Their labels.

        Raises
        ------
        ValueError
            If there is one class only, a column is not numeric, a value is infinite,
            or a class is too small.
        """
        checked_X, checked_y, indicator = self._check_X_y(X, y)
        self.sampling_strategy_ = check_sampling_strategy(
            self.sampling_strategy, checked_y, self._sampling_type
        )
        source = X if library_of(X) is not None else checked_X
        table = measured_table(source, checked_X)
        plan = self._make_plan(table, checked_y, sample_weight)
        rounding = Rounding(integer_columns(source), self._rounding())
        if library_of(X) is None:
            X_resampled = append_rows(checked_X, plan, rounding, self.n_jobs)
            if isinstance(X, list):
                X_resampled = X_resampled.tolist()
        else:
            new = self._new_rows(table, plan, rounding)
            X_resampled = append_to_frame(X, new, Origin(*plan[:3], self._rounding()))
        return X_resampled, take_labels(y, checked_y, self.sample_indices_, indicator)

    def _fit_resample(self, X, y, **params):
        """Resample checked arrays, as other samplers of imbalanced-learn do."""
        plan = self._make_plan(measured_table(X, X), y, None)
        rounding = Rounding(integer_columns(X), self._rounding())
        X_resampled = append_rows(X, plan, rounding, self.n_jobs)
        return X_resampled, y[self.sample_indices_]

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
        integer_columns(X)
        return X, y, indicator

    def _make_plan(self, X, y, sample_weight):
        """Place all synthetic rows, class by class, and note where they come from."""
        self._validate_estimator()
        rng = fit_rng(self.random_state)
        engine = NeighborEngine(X, y, n_jobs=self.n_jobs)
        parts, self.n_synthetic_ = [], {}
        for label, n_samples in self.sampling_strategy_.items():
            if n_samples > 0:
                seeds, weights = self._seeds(engine, label, sample_weight)
                partners = self._partners(engine, label, seeds)
                seed, column = allocate(
                    rng,
                    seeds.size,
                    partners.shape[1],
                    n_samples,
                    self.allocation,
                    weights,
                )
                base, partner = seeds[seed], partners[seed, column]
                gaps = self._gaps(rng, engine, base, partner)
                parts.append((base, partner, gaps))
                self.n_synthetic_[label] = int(n_samples)
        plan = _join(parts, self._gap_width(engine), rng)
        self._note_origins(X.shape[0], plan, sample_weight)
        return plan

    def _seeds(self, engine, label, sample_weight):
        """Return the rows to interpolate from, and their weights or None."""
        rows = engine.rows(label)
        return rows, None if sample_weight is None else sample_weight[rows]

    def _gaps(self, rng, engine, base, partner):
        """Draw the places between base and partner."""
        return rng.uniform(size=(base.size, self._gap_width(engine)))

    def _gap_width(self, engine):
        return engine.X.shape[1] if self.interpolation == "box" else 1

    def _note_origins(self, n_samples, plan, sample_weight):
        """Set the attributes that tell where each row comes from."""
        base, partner, gaps = plan.base, plan.partner, plan.gaps
        self.sample_indices_ = np.concatenate([np.arange(n_samples), base])
        self.partner_indices_ = partner
        self.gaps_ = gaps if self.interpolation == "box" else gaps[:, 0]
        # No attribute of an earlier call may survive.
        vars(self).pop("sample_weight_", None)
        if sample_weight is not None:
            gap = gaps.mean(axis=1)
            new = (1 - gap) * sample_weight[base] + gap * sample_weight[partner]
            self.sample_weight_ = np.concatenate([sample_weight, new])

    def _rounding(self):
        return np.rint if self.integer_features == "round" else np.trunc

    def _new_rows(self, X, plan, rounding):
        """Return the synthetic rows alone, in floating point."""
        if sparse.issparse(X):
            return make_sparse(X, plan, rounding, self.n_jobs)
        dtype = X.dtype if X.dtype.kind == "f" else np.float64
        new = np.empty((plan.base.size, X.shape[1]), dtype=dtype)
        make_dense(X, plan, rounding, new, self.n_jobs)
        return new

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        tags.input_tags.allow_nan = True
        return tags


def _join(parts, gap_width, rng):
    """Concatenate the plans of the classes, of which there may be none."""
    if not parts:
        none = np.empty(0, dtype=np.intp)
        return Plan(none, none, np.empty((0, gap_width)))
    columns = (
        column[0] if len(parts) == 1 else np.concatenate(column)
        for column in zip(*parts, strict=True)
    )
    # The last number to be drawn: it shifts no other.
    return Plan(*columns, key=int(rng.randint(2**31 - 1)))
