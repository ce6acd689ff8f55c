"""What the variants have in common whose new rows lie between two given rows."""

from numbers import Integral

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler

from skext._neighbors.engine import NeighborEngine
from skext.over_sampling._core.allocation import allocate
from skext.over_sampling._core.sampler import SyntheticMixin, _join
from skext.over_sampling._core.small import usable_neighbors
from skext.utils._random import fit_rng
from skext.utils._sklearn import StrOptions
from skext.utils._warnings import warn_user


class PairSampler(SyntheticMixin, BaseOverSampler):
    """Base of the variants: class after class, pairs of rows and places between them.

    A variant changes ``_seeds``, ``_partners`` or ``_gaps``, or all at once in
    ``_place``. It can rely on two rows or more in the class. ``_noted`` names the
    attributes that hold something for each class.
    """

    _noted = ()

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "random_state": ["random_state", np.random.Generator],
        "allocation": [StrOptions({"random", "balanced"})],
        "interpolation": [StrOptions({"segment", "box"})],
        "integer_features": [StrOptions({"round", "truncate"})],
        "on_small_class": [StrOptions({"shrink", "duplicate", "raise"})],
        "n_jobs": [Integral, None],
    }

    def _make_plan(self, X, y, sample_weight):
        """Place all synthetic rows, class by class, and note where they come from."""
        for name in self._noted:
            setattr(self, name, {})
        rng = fit_rng(self.random_state)
        engine = NeighborEngine(X, y, n_jobs=self.n_jobs)
        parts, self.n_synthetic_ = [], {}
        for label, n_samples in self.sampling_strategy_.items():
            if n_samples > 0:
                place = self._repeat if self._is_single(engine, label) else self._place
                parts.append(place(rng, engine, label, int(n_samples), sample_weight))
                self.n_synthetic_[label] = int(n_samples)
        plan = _join(parts, self._gap_width(engine), rng)
        self._note_origins(X.shape[0], plan, sample_weight)
        return plan

    def _place(self, rng, engine, label, n_samples, sample_weight):
        """Return base, partner and gap of the synthetic rows of a class."""
        seeds, weights = self._seeds(engine, label, sample_weight)
        partners = self._partners(engine, label, seeds)
        seed, column = allocate(
            rng, seeds.size, partners.shape[1], n_samples, self.allocation, weights
        )
        base, partner = seeds[seed], partners[seed, column]
        return base, partner, self._gaps(rng, engine, base, partner)

    def _partners(self, engine, label, seeds):
        """Return the nearest rows of the class for each of its rows."""
        k = self._class_neighbors(label, seeds.size)
        return engine.within(label, k) if k > 0 else seeds[:, None]

    def _repeat(self, rng, engine, label, n_samples, sample_weight):
        """Return copies of the rows of a class as its synthetic rows."""
        rows, weights = self._seeds_of_class(engine, label, sample_weight)
        seed, _ = allocate(rng, rows.size, 1, n_samples, self.allocation, weights)
        base = rows[seed]
        # The draw keeps the stream the same for all kinds of rows.
        return base, base, rng.uniform(size=(n_samples, self._gap_width(engine)))

    def _seeds_of_class(self, engine, label, sample_weight):
        """Return all rows of the class with the weights that the user gave."""
        return SyntheticMixin._seeds(self, engine, label, sample_weight)

    def _is_single(self, engine, label):
        """Tell whether the class has one row, which is repeated or refused."""
        if engine.rows(label).size > 1:
            return False
        if self.on_small_class != "duplicate":
            raise ValueError(
                f"Class {str(label)!r} has 1 row, and nothing lies between a row and "
                "itself (Expected n_neighbors <= n_samples_fit); give more rows, or "
                "on_small_class='duplicate'."
            )
        warn_user(f"Class {str(label)!r} has 1 row, which is repeated.")
        return True

    def _class_neighbors(self, label, n_rows):
        """Return how many neighbours a class of this size has; 0 to repeat rows."""
        return usable_neighbors(label, n_rows, self.k_neighbors, self.on_small_class)

    def _when_empty(self, label, reason):
        """Raise, or warn that the class is over-sampled as by SMOTE."""
        message = f"Class {str(label)!r} {reason}"
        if self.on_empty == "raise":
            raise ValueError(
                f"{message}; scale the features, or give on_empty='smote' to "
                "interpolate between neighbours of the class instead."
            )
        warn_user(f"{message}; its neighbouring rows are interpolated as by SMOTE.")


def draw_companions(rng, groups, seed):
    """Draw another member of the group of each seed.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    groups : ndarray of shape (n_rows,)
        Number of the group of each row, from 0.
    seed : ndarray of shape (n_samples,)
        Positions of rows.

    Returns
    -------
    companion : ndarray of shape (n_samples,)
        Positions of other rows of the same group, all equally likely; the seed itself
        if it is alone.
    """
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    rank -= starts[groups]
    own = groups[seed]
    step = rng.randint(1, np.maximum(sizes[own], 2))
    return order[starts[own] + (rank[seed] + step) % sizes[own]]
