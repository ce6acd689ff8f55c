"""Samplers for targets that are not classes: numbers, and sets of labels."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length

from skext.over_sampling._core.frames import Origin
from skext.over_sampling._core.plan import Plan
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._core.write import Rounding, make_dense
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


class TargetSampler(SyntheticSampler):
    """Base class of samplers whose targets imbalanced-learn's samplers refuse.

    A subclass has the parameters ``random_state``, ``categorical_features``,
    ``interpolation``, ``integer_features``, ``on_small_class`` and ``n_jobs``, and says
    how to check a target and how to make rows.
    """

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

    def _fit_resample(self, X, y, sample_weight=None):
        """Check, make rows and write them."""
        checked_X, table, checked_y = self._check(X, y)
        rng = fit_rng(self.random_state)
        origins, new, y_new = self._make(table, checked_y, sample_weight, rng)
        kept, *places = origins
        self._note(kept, Plan(*places), sample_weight)
        places = Origin(*places, self._rounding())
        X_resampled = extend_table(checked_X, table, new, places, kept)
        if isinstance(X, list):
            X_resampled = X_resampled.tolist()
        return X_resampled, self._extend_target(y, checked_y, kept, y_new, places)

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

    def _draw_gaps(self, rng, n_new, table):
        """Draw places between two rows, one for each row or each number."""
        width = table.numbers.shape[1] if self._in_box() else 1
        return rng.uniform(size=(n_new, width))

    def _interpolate(self, table, base, partner, gaps, key):
        """Return the numbers of rows between two rows each."""
        new = np.empty((base.size, table.numbers.shape[1]), dtype=table.numbers.dtype)
        rounding = Rounding(table.whole, self._rounding())
        plan = Plan(base, partner, gaps, key)
        make_dense(table.numbers, plan, rounding, new, self.n_jobs)
        return new

    def _group_k(self, n_rows, name, small):
        """Return how many neighbours a group of rows has; 0 to repeat its rows."""
        k = self.k_neighbors
        if n_rows > k:
            return k
        if self.on_small_class == "duplicate":
            small.append(f"{name} ({n_rows})")
            return 0
        if self.on_small_class == "raise" or n_rows == 1:
            raise ValueError(
                f"{name} has {n_rows} {'row' if n_rows == 1 else 'rows'}, too few for "
                f"k_neighbors={k}; give at most k_neighbors={max(n_rows - 1, 1)}, or "
                "on_small_class='duplicate'."
            )
        small.append(f"{name} ({n_rows})")
        return n_rows - 1

    def _warn_small(self, small):
        """Say once which groups had too few rows."""
        if not small:
            return
        done = "their rows are repeated"
        if self.on_small_class != "duplicate":
            done = "all their other rows are used as neighbours"
        shown = ", ".join(small[:5]) + (", ..." if len(small) > 5 else "")
        warn_user(
            f"Groups of rows are too small for {self.k_neighbors} neighbours, so "
            f"{done}: {shown}."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
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
