"""The bags whose proportions are known, for a model of one or of all classes."""

import numpy as np
from scipy import sparse


class KnownBags:
    """Bags with known proportions and their rows, numbered anew.

    Parameters
    ----------
    bags : Bags
        All bags.
    k : int or None
        Number of the class; None is all of them, each with a column of its own.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of all rows.
    parts : ndarray of shape (n_samples,), default=None
        Parts into which rows are cut.
    """

    def __init__(self, bags, k, sample_weight, parts=None):
        kept = bags.known()
        self.rows = np.flatnonzero(np.append(kept, False)[bags.codes])
        self.codes = (np.cumsum(kept) - 1)[bags.codes[self.rows]]
        self.parts = None if parts is None else parts[self.rows]
        self.sizes = bags.sizes[kept]
        column = slice(None) if k is None else k
        self.shares = bags.proportions[kept, column]
        self.counts = bags.count_table()[kept, column]
        self.sample_weight = None
        self.row_weight = np.ones(self.rows.size)
        if sample_weight is not None:
            self.sample_weight = self.row_weight = sample_weight[self.rows]
        self.weights = np.bincount(self.codes, self.row_weight)
        self.bags = bags._replace(
            ids=bags.ids[kept],
            codes=self.codes,
            sizes=self.sizes,
            proportions=bags.proportions[kept],
        )

    @property
    def n_classes(self):
        """Number of classes of one model of them all; None for one of a class."""
        return self.shares.shape[1] if self.shares.ndim == 2 else None

    def gather(self):
        """Return the matrix that sums up the rows of each bag."""
        shape = (self.sizes.size, self.codes.size)
        rows = np.arange(self.codes.size)
        ones = np.ones(self.codes.size)
        return sparse.csr_array((ones, (self.codes, rows)), shape=shape)

    @property
    def certain(self):
        """The share of all bags that count, if it is 0 or 1; else None."""
        shares = self.shares[self.weights > 0]
        if np.isin(shares[0], (0.0, 1.0)).all() and (shares == shares[0]).all():
            return shares[0]
        return None
