"""The plan of a sampler: a class that is to grow, and where its new rows come from."""

from typing import NamedTuple

import numpy as np

from skext._neighbors.engine import NeighborEngine


class RareClass(NamedTuple):
    """A class that gets synthetic rows, as samplers see it.

    Attributes
    ----------
    engine : NeighborEngine
        All rows, their labels and their neighbours.
    label : object
        The class.
    n_samples : int
        Number of rows to make.
    rng : numpy.random.RandomState
        Source of randomness.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of all given rows.
    known : object, default=None
        What a look at all rows has told about the class.
    """

    engine: NeighborEngine
    label: object
    n_samples: int
    rng: np.random.RandomState
    sample_weight: np.ndarray | None = None
    known: object = None

    @property
    def rows(self):
        """Numbers of the rows of the class."""
        return self.engine.rows(self.label)

    def weights(self, rows=None):
        """Return the weights of some rows or of the class, None if there are none."""
        if self.sample_weight is None:
            return None
        return self.sample_weight[self.rows if rows is None else rows]

    def table(self):
        """Return a copy of the rows of the class, in double precision."""
        return np.ascontiguousarray(self.engine.X[self.rows], dtype=np.float64)


class Plan(NamedTuple):
    """Where synthetic rows come from: those of one class, or all.

    Attributes
    ----------
    base : ndarray of shape (n_new,)
        Given row, of the same class, that each starts from.
    partner : ndarray of shape (n_new,), default=None
        Given row at the other end, for methods that have one.
    gaps : ndarray of shape (n_new, 1) or (n_new, n_features), default=None
        Place between both, from 0 (the base) to 1; per feature in a box.
    key : int, default=0
        Seeds the decisions about missing values.
    rows : ndarray of shape (n_new, n_features), default=None
        The rows, in floating point, of methods that write them; whoever gets them may
        write into them. Without, rows are interpolated.
    moved : ndarray of shape (n_moved,), default=None
        Given rows whose new values stand before the synthetic ones in ``rows``.
    """

    base: np.ndarray
    partner: np.ndarray | None = None
    gaps: np.ndarray | None = None
    key: int = 0
    rows: np.ndarray | None = None
    moved: np.ndarray | None = None


def join(parts, rng=None, n_gaps=1):
    """Put plans behind each other, of which there may be none.

    Parameters
    ----------
    parts : list of Plan
        Plans of the same kind, of classes or parts of one.
    rng : numpy.random.RandomState, default=None
        Gives the plan its key, if rows are interpolated; None for parts of a class.
    n_gaps : int, default=1
        Numbers that place a row, if there are no parts that tell.

    Returns
    -------
    plan : Plan
        All rows, in the order of the parts.
    """
    if not parts:
        none = np.empty(0, dtype=np.intp)
        return Plan(none, none, np.empty((0, n_gaps)))
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("base", "partner", "gaps", "rows")
        if getattr(parts[0], name) is not None
    }
    # The last number to be drawn: it shifts no other.
    key = 0 if rng is None or "rows" in columns else int(rng.randint(2**31 - 1))
    return Plan(**columns, key=key)


def keep_constant(rare, rows):
    """Let large numbers that are the same in the whole class stay what they are.

    Sums of them are rounded, in steps that are no rounding to who sees a sentinel.

    Parameters
    ----------
    rare : RareClass
        The class.
    rows : ndarray of shape (n_new, n_features)
        Its synthetic rows, which are changed.
    """
    first = rare.engine.X[rare.rows[0]]
    for j in np.flatnonzero(np.abs(first) > 2.0**53):
        if (rare.engine.X[rare.rows, j] == first[j]).all():
            rows[:, j] = first[j]
