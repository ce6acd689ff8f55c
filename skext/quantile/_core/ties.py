"""Targets that many rows share, which predictions meet exactly or not at all."""

import numpy as np

# Rows to look for ties in first, the least share of a tied value, and how many
# roundings of the largest target a prediction may be off.
_SAMPLE, _SHARE, _ROUNDINGS = 1000, 1e-3, 16


class Ties:
    """Tied targets; predictions next to one are it.

    A prediction that differs from a target by its last digit is above or below it by
    chance. Where many rows share the target, that decides whether an interval covers.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Increasing values that are shared.
    size : float
        How far predictions may be off.
    """

    def __init__(self, values, size):
        self.values, self.size = values, size

    @classmethod
    def of(cls, y):
        """Find the ties among targets of shape (n_samples,)."""
        step = max(1, len(y) // _SAMPLE)
        some = np.sort(y[::step])
        if not (some[1:] == some[:-1]).any():
            return cls(np.zeros(0), 0.0)
        values, counts = np.unique(y, return_counts=True)
        shared = values[counts >= max(2, _SHARE * len(y))]
        size = _ROUNDINGS * np.finfo(np.float64).eps * np.abs(y).max()
        return cls(shared, float(size))

    @classmethod
    def among(cls, parts, size):
        """Collect what several sets of targets have more than once."""
        found = [np.unique(part, return_counts=True) for part in parts]
        found = [values[counts > 1] for values, counts in found]
        return cls(np.unique(np.concatenate([np.zeros(0), *found])), size)

    def snap(self, Q):
        """Return quantiles of any shape with rounding beside ties taken off."""
        if not len(self.values):
            return Q
        above = np.searchsorted(self.values, Q)
        for place in (above - 1, above):
            near = self.values[np.clip(place, 0, len(self.values) - 1)]
            Q = np.where(np.abs(Q - near) <= self.size, near, Q)
        return Q
