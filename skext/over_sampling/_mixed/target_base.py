"""Samplers for targets that are not classes: numbers, and sets of labels."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from imblearn.base import BaseSampler
from sklearn.utils import check_consistent_length

from skext.base import SkextMixin
from skext.over_sampling._core.frames import Origin
from skext.over_sampling._core.generate import Plan, Rounding, make_dense
from skext.over_sampling._core.weights import weighted
from skext.over_sampling._mixed.tables import MixedRows, extend_table, split_table
from skext.utils._labels import plain_target
from skext.utils._random import fit_rng
from skext.utils._sklearn import fit_context
from skext.utils._warnings import warn_user


class Origins(NamedTuple):
    """Where the rows of the output come from.

    Attributes
    ----------
    kept : ndarray of shape (n_kept,)
        Given rows that stay.
    base, partner : ndarray of shape (n_new,)
        Given rows that a synthetic one is made of.
    gaps : ndarray of shape (n_new, n_gaps)
        Place between them, from 0 (the base) to 1; NaN for noise around the base.
    """

    kept: np.ndarray
    base: np.ndarray
    partner: np.ndarray
    gaps: np.ndarray


class TargetSampler(SkextMixin, BaseSampler):
    """Base class of samplers whose targets imbalanced-learn's samplers refuse.

    A subclass has the parameters ``random_state``, ``categorical_features``,
    ``interpolation``, ``integer_features``, ``on_small`` and ``n_jobs``, and says how
    to check a target and how to make rows.
    """

    _sampling_type = "over-sampling"
    _has_classes = False

    @abstractmethod
    def _check_target(self, y):
        """Return the target as an array, or raise."""

    @abstractmethod
    def _make(self, table, y, sample_weight, rng):
        """Return the origins, the new rows and their targets."""

    @abstractmethod
    def _extend_target(self, y, checked, kept, new, origin):
        """Return kept and new targets in the container of ``y``."""

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, **params):
        """Check the input; :meth:`fit_resample` does the work.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        **params : dict
            Not used; for compatibility with imbalanced-learn.

        Returns
        -------
        self : object
            The sampler.
        """
        self._check(X, y)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    @weighted
    def fit_resample(self, X, y, sample_weight=None, **params):
        """Add synthetic rows where the target is rare.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            The table. Columns of a data frame keep their types. NaN is a missing
            value.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. A row is used in proportion to its weight; one of
            weight zero is left out of all that is computed and counted, and stays
            among the given rows. The weights of the result are in ``sample_weight_``.
        **params : dict
            Not used; for compatibility with imbalanced-learn.

        Returns
        -------
        X_resampled : {ndarray, dataframe} of shape (n_resampled, n_features)
            The given rows that stay, in their order, then the synthetic ones.
        y_resampled : array-like of shape (n_resampled,) or (n_resampled, n_outputs)
            Their targets, in the container and type of ``y``.

        Raises
        ------
        ValueError
            If the target is of another kind, nothing in it is rare, or a group of
            rare rows is too small.
        """
        checked_X, table, checked_y = self._check(X, y)
        rng = fit_rng(self.random_state)
        origins, new, y_new = self._make(table, checked_y, sample_weight, rng)
        self._note_origins(origins, sample_weight)
        places = Origin(*origins[1:], self._rounding())
        X_resampled = extend_table(checked_X, table, new, places, origins.kept)
        if isinstance(X, list):
            X_resampled = X_resampled.tolist()
        y = self._extend_target(y, checked_y, origins.kept, y_new, places)
        return X_resampled, y

    def _fit_resample(self, X, y, **params):
        """Resample as other samplers of imbalanced-learn do."""
        return self.fit_resample(X, y, **params)

    def _check(self, X, y):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        X, table = split_table(self, X, self.categorical_features)
        checked = self._check_target(y)
        check_consistent_length(table.numbers, checked)
        return X, table, checked

    def _note_origins(self, origins, sample_weight):
        """Set the attributes that tell where each row comes from."""
        kept, base, partner, gaps = origins
        self.sample_indices_ = np.concatenate([kept, base])
        self.partner_indices_ = partner
        self.gaps_ = gaps if self.interpolation == "box" else gaps[:, 0]
        # No attribute of an earlier call may survive.
        vars(self).pop("sample_weight_", None)
        if sample_weight is not None:
            gap = np.zeros(base.size)
            if gaps.shape[1] > 0:
                gap = np.nan_to_num(gaps.mean(axis=1))
            new = (1 - gap) * sample_weight[base] + gap * sample_weight[partner]
            self.sample_weight_ = np.concatenate([sample_weight[kept], new])

    def _draw_gaps(self, rng, n_new, table):
        """Draw places between two rows, one for each row or each number."""
        width = table.numbers.shape[1] if self.interpolation == "box" else 1
        return rng.uniform(size=(n_new, width))

    def _interpolate(self, table, base, partner, gaps, key):
        """Return the numbers of rows between two rows each."""
        new = np.empty((base.size, table.numbers.shape[1]), dtype=table.numbers.dtype)
        plan = Plan(base, partner, gaps, key)
        make_dense(
            table.numbers,
            plan,
            Rounding(table.whole, self._rounding()),
            new,
            self.n_jobs,
        )
        return new

    def _rounding(self):
        return np.rint if self.integer_features == "round" else np.trunc

    def _group_k(self, n_rows, name, small):
        """Return how many neighbours a group of rows has; 0 to repeat its rows."""
        k = self.k_neighbors
        if n_rows > k:
            return k
        if self.on_small == "duplicate":
            small.append(f"{name} ({n_rows})")
            return 0
        if self.on_small == "raise" or n_rows == 1:
            raise ValueError(
                f"{name} has {n_rows} {'row' if n_rows == 1 else 'rows'}, too few for "
                f"k_neighbors={k}; give at most k_neighbors={max(n_rows - 1, 1)}, or "
                "on_small='duplicate'."
            )
        small.append(f"{name} ({n_rows})")
        return n_rows - 1

    def _warn_small(self, small):
        """Say once which groups had too few rows."""
        if not small:
            return
        done = "their rows are repeated"
        if self.on_small != "duplicate":
            done = "all their other rows are used as neighbours"
        shown = ", ".join(small[:5]) + (", ..." if len(small) > 5 else "")
        warn_user(
            f"Groups of rows are too small for {self.k_neighbors} neighbours, so "
            f"{done}: {shown}."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        tags.input_tags.sparse = False
        return tags


def container_of(y):
    """Return a target without its container: an array, and whether it is a list."""
    return plain_target(y), isinstance(y, list)


def no_rows(table):
    """Return the synthetic rows of a table to which none are added."""
    return MixedRows(
        np.empty((0, table.numbers.shape[1]), dtype=table.numbers.dtype),
        np.empty((0, table.codes.shape[1]), dtype=np.intp),
    )
