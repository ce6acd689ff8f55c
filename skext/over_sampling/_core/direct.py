"""What samplers have in common whose rows are no points between two given rows.

Such a sampler writes the rows of a class itself, in floating point, and says which
given row each belongs to. Everything around that is shared: tables and labels of all
kinds, whole numbers, weights, exact counts.
"""

from typing import NamedTuple

import numpy as np
from imblearn.utils import check_sampling_strategy
from scipy import sparse

from skext._neighbors.engine import NeighborEngine
from skext.over_sampling._core.frames import (
    Origin,
    append_to_frame,
    measured_table,
    take_labels,
    write_column,
)
from skext.over_sampling._core.integers import fit_to
from skext.over_sampling._core.sampler import SyntheticMixin
from skext.over_sampling._core.weights import weighted
from skext.utils._columns import library_of
from skext.utils._random import fit_rng
from skext.utils._sklearn import fit_context
from skext.utils._tables import column_at, take_rows

# Largest dense table, in bytes, that is made of a sparse one.
_DENSE_LIMIT = 2**31
# Modules between a warning and the call of the user.


class NewRows(NamedTuple):
    """Synthetic rows of a class.

    Attributes
    ----------
    rows : ndarray of shape (n_new, n_features)
        The rows, in floating point; whoever gets them may write into them.
    base : ndarray of shape (n_new,)
        The given row, of the same class, that each was made from.
    partner : ndarray of shape (n_new,), default=None
        The given row at the other end, for methods that have one.
    gap : ndarray of shape (n_new,) or (n_new, n_features), default=None
        Place between base and partner, likewise.
    """

    rows: np.ndarray
    base: np.ndarray
    partner: np.ndarray | None = None
    gap: np.ndarray | None = None


class DirectMixin(SyntheticMixin):
    """Mixin for over-samplers that write the rows of a class themselves.

    It stands left of a sampler of imbalanced-learn and needs the parameters
    ``sampling_strategy`` and ``random_state``, and the method ``_rows_of_class``.
    """

    @fit_context(prefer_skip_nested_validation=True)
    @weighted
    def fit_resample(self, X, y, sample_weight=None, **params):
        """Add synthetic rows to the rare classes.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The table, without missing values. Columns of a data frame keep their
            types; a sparse table stays one, but its new rows are dense.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: how often each is used. One of weight zero is left out
            of all that is computed and counted, and stays among the given rows. A
            synthetic row gets the weight of the row it was made from, see
            ``sample_weight_``.
        **params : dict
            Not used; for compatibility with imbalanced-learn.

        Returns
        -------
        X_resampled : {ndarray, dataframe, sparse matrix} of shape \
                (n_resampled, n_features)
            The given rows in their order, then the synthetic ones.
        y_resampled : ndarray or Series of shape (n_resampled,)
            Their labels.

        Raises
        ------
        ValueError
            If there is one class only, a column is not numeric, a value is missing or
            infinite, a class is too small, or a sparse table is too large to be made
            dense.
        """
        checked_X, checked_y, indicator = self._check_X_y(X, y)
        self.sampling_strategy_ = check_sampling_strategy(
            self.sampling_strategy, checked_y, self._sampling_type
        )
        source = X if library_of(X) is not None else checked_X
        table = measured_table(source, checked_X)
        moved, rows = self._make_rows(table, checked_y, sample_weight)
        origin = self._origin(moved, checked_X.shape[0])
        X_resampled = _assemble(X, checked_X, moved, rows, origin)
        return X_resampled, take_labels(y, checked_y, self.sample_indices_, indicator)

    def _fit_resample(self, X, y, **params):
        """Resample checked arrays, as other samplers of imbalanced-learn do."""
        moved, rows = self._make_rows(measured_table(X, X), y, None)
        origin = self._origin(moved, X.shape[0])
        return _assemble(X, X, moved, rows, origin), y[self.sample_indices_]

    def _check_X_y(self, X, y, accept_sparse=None):
        X, y, indicator = super()._check_X_y(X, y, accept_sparse)
        if not sparse.issparse(X) and X.dtype.kind == "f" and np.isnan(X).any():
            raise ValueError(
                f"X contains NaN, for which {type(self).__name__} has no rule; impute "
                "the values before, or use SMOTE, which takes missing values."
            )
        return X, y, indicator

    def _make_rows(self, X, y, sample_weight):
        """Make the rows of all classes, and note where they come from.

        Returns the numbers of the given rows that are replaced (none, except for
        methods that move rows), and a table with their new values and, behind them,
        the synthetic rows.
        """
        n_samples, n_features = X.shape
        if sparse.issparse(X):
            X = self._make_dense(X)
            X = measured_table(X, X)
        rng = fit_rng(self.random_state)
        engine = NeighborEngine(X, y, n_jobs=getattr(self, "n_jobs", None))
        parts, self.n_synthetic_ = [], {}
        for label, n_new in self.sampling_strategy_.items():
            if n_new > 0:
                part = self._rows_of_class(engine, label, n_new, rng, sample_weight)
                _keep_constant(engine, label, part)
                parts.append(part)
                self.n_synthetic_[label] = int(n_new)
        self._note_new_rows(n_samples, n_features, parts, sample_weight)
        moved, values = self._moved_rows(engine, rng)
        return moved, np.concatenate([values, *(part.rows for part in parts)])

    def _origin(self, moved, n_samples):
        """Return what moved and synthetic rows are made of."""
        base = np.concatenate([moved, self.sample_indices_[n_samples:]])
        partner, gaps = getattr(self, "partner_indices_", None), None
        if partner is not None and hasattr(self, "gaps_"):
            gaps = self.gaps_.reshape(partner.size, -1)
        return Origin(base, partner, gaps)

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

    def _rows_of_class(self, engine, label, n_samples, rng, sample_weight):
        """Make the synthetic rows of one class.

        Parameters
        ----------
        engine : NeighborEngine
            The dense table, the labels and their neighbours.
        label : object
            The class.
        n_samples : int
            Number of rows.
        rng : numpy.random.RandomState
            Source of randomness.
        sample_weight : ndarray of shape (n_samples,) or None
            Weights of the given rows.

        Returns
        -------
        new : NewRows
            The rows and their origins.
        """
        raise NotImplementedError

    def _moved_rows(self, engine, rng):
        """Return numbers and new values of the given rows that are replaced."""
        return np.empty(0, dtype=np.intp), np.empty((0, engine.X.shape[1]))

    def _note_new_rows(self, n_samples, n_features, parts, sample_weight):
        """Set the attributes that tell where each row comes from."""
        base = [part.base for part in parts]
        self.sample_indices_ = np.concatenate([np.arange(n_samples), *base])
        # No attribute of an earlier call may survive.
        for name in ("partner_indices_", "gaps_", "sample_weight_"):
            vars(self).pop(name, None)
        if parts and parts[0].partner is not None:
            self.partner_indices_ = np.concatenate([part.partner for part in parts])
        if parts and parts[0].gap is not None:
            self.gaps_ = np.concatenate([part.gap for part in parts])
        if sample_weight is not None:
            self.sample_weight_ = sample_weight[self.sample_indices_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


def _assemble(X, checked_X, moved, rows, origin):
    """Put new rows behind the given ones, of which some are replaced.

    Parameters
    ----------
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        What the user gave.
    checked_X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The same as an array.
    moved : ndarray of shape (n_moved,)
        Numbers of the rows to replace.
    rows : ndarray of shape (n_moved + n_new, n_features)
        Their new values, then the synthetic rows.
    origin : Origin
        What these are made of.

    Returns
    -------
    X_resampled : {list, ndarray, dataframe, sparse matrix}
        In the container and the types of ``X``.
    """
    n_samples = checked_X.shape[0]
    order = np.arange(n_samples + rows.shape[0] - moved.size)
    order[n_samples:] += moved.size
    order[moved] = n_samples + np.arange(moved.size)
    if library_of(X) is not None:
        table = append_to_frame(X, rows, origin)
        return table if moved.size == 0 else take_rows(table, order)
    if sparse.issparse(checked_X):
        new = type(checked_X.tocsr())(_typed(checked_X.tocsc(), rows, origin))
        table = sparse.vstack([checked_X, new], format=checked_X.format)
        if moved.size > 0:
            table = table.tocsr()[order].asformat(checked_X.format)
        return table
    table = np.empty((order.size, rows.shape[1]), dtype=checked_X.dtype)
    table[:n_samples] = checked_X
    rows = _typed(checked_X, rows, origin)
    table[moved] = rows[: moved.size]
    table[n_samples:] = rows[moved.size :]
    return table.tolist() if isinstance(X, list) else table


def _keep_constant(engine, label, part):
    """Let large numbers that are the same in the whole class stay what they are.

    Sums of them are rounded, in steps that are no rounding to who sees a sentinel.
    """
    first = engine.X[engine.rows(label)[0]]
    for j in np.flatnonzero(np.abs(first) > 2.0**53):
        if (engine.X[engine.rows(label), j] == first[j]).all():
            part.rows[:, j] = first[j]


def _typed(X, rows, origin):
    """Return new rows in the type of a table; whole numbers stay in its range."""
    if X.dtype.kind not in "iu":
        return fit_to(rows, X.dtype)
    new = np.empty(rows.shape, dtype=X.dtype)
    for j in range(rows.shape[1]):
        new[:, j] = write_column(column_at(X, j), rows[:, j], *origin.of_column(j))
    return new


def draw_normals(rng, shape):
    """Draw standard normal numbers, several times faster than a ``RandomState``.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness, of which a child is seeded.
    shape : tuple of int
        How many.

    Returns
    -------
    normals : ndarray
        In double precision.
    """
    seed = rng.randint(2**31 - 1, size=4)
    return np.random.Generator(np.random.SFC64(seed)).standard_normal(shape)


def class_table(engine, label):
    """Return a copy of the rows of a class, in double precision."""
    return np.ascontiguousarray(engine.X[engine.rows(label)], dtype=np.float64)


def require_rows(label, n_rows, needed, why):
    """Refuse a class that is too small for a method."""
    if n_rows < needed:
        raise ValueError(
            f"Class {str(label)!r} has {n_rows} {'row' if n_rows == 1 else 'rows'}, "
            f"and {why} needs at least {needed}; leave the class out of "
            "sampling_strategy, or repeat its rows with RandomOverSampler."
        )
