"""Samplers for targets that are not classes: numbers, and sets of labels."""

from abc import abstractmethod

import numpy as np
from sklearn.utils import check_consistent_length

from skext.over_sampling._core.frames import Origin
from skext.over_sampling._core.labels import require_target
from skext.over_sampling._core.partners import refuse_few
from skext.over_sampling._core.plan import join
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._core.write import Rounding, make_dense
from skext.over_sampling._mixed.tables import MixedRows, extend_table, split_table
from skext.utils._labels import plain_target
from skext.utils._random import fit_rng
from skext.utils._sklearn import fit_context
from skext.utils._warnings import warn_user


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
        """Return which rows stay, and for the new ones plan, rows and targets."""

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
        kept, plan, new, y_new = self._make(table, checked_y, sample_weight, rng)
        self._note(kept, plan, sample_weight)
        places = Origin(*plan[:3], self._rounding())
        X_resampled = extend_table(checked_X, table, new, places, kept)
        if isinstance(X, list):
            X_resampled = X_resampled.tolist()
        return X_resampled, self._extend_target(y, checked_y, kept, y_new, places)

    def _check(self, X, y):
        require_target(y)
        X, table = split_table(self, X, self.categorical_features)
        checked = self._check_target(y)
        check_consistent_length(table.numbers, checked)
        return X, table, checked

    def _draw_gaps(self, rng, n_new, table):
        """Draw places between two rows, one for each row or each number."""
        return rng.uniform(size=(n_new, self._width(table)))

    def _width(self, table):
        return table.numbers.shape[1] if self._in_box() else 1

    def _interpolate(self, table, plan):
        """Return the numbers of rows between two rows each."""
        shape = (plan.base.size, table.numbers.shape[1])
        new = np.empty(shape, dtype=table.numbers.dtype)
        rounding = Rounding(table.whole, self._rounding())
        make_dense(table.numbers, plan, rounding, new, self.n_jobs)
        return new

    def _join(self, parts, table, y):
        """Put plans, rows and targets of groups of rows behind each other."""
        plan = join([part[0] for part in parts], n_gaps=self._width(table))
        # No part is as one without rows.
        none = MixedRows(table.numbers[:0], np.empty((0, table.codes.shape[1]), int))
        columns = zip(none, *(part[1] for part in parts), strict=True)
        rows = MixedRows(*(np.concatenate(column) for column in columns))
        return plan, rows, np.concatenate([y[:0], *(part[2] for part in parts)])

    def _group_k(self, n_rows, name, small):
        """Return how many neighbours a group of rows has; 0 to repeat its rows."""
        k = self.k_neighbors
        if n_rows > k:
            return k
        if self.on_small_class == "duplicate":
            small.append(f"{name} ({n_rows})")
            return 0
        if self.on_small_class == "raise" or n_rows == 1:
            which = f"{name} has {n_rows} {'row' if n_rows == 1 else 'rows'}"
            refuse_few(which, n_rows, k)
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
