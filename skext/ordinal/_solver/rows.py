"""Rows sorted by class, and what dense and sparse tables have in common."""

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Targets of the rows, sorted by class."""

    y: np.ndarray
    """Class of each row, shape (n_samples,)."""
    weight: np.ndarray
    """Weights that sum to one, shape (n_samples,)."""
    bounds: np.ndarray
    """First row of each class and the end, shape (n_classes + 1,)."""
    first: np.ndarray
    """Threshold of the first predictor of each row, ``y - 1`` or 0."""
    full: bool = False
    """Whether rows have all predictors instead of their own two."""

    @property
    def n_classes(self):
        """Number of classes."""
        return self.bounds.size - 1

    @property
    def shares(self):
        """Weighted share of each class."""
        return np.add.reduceat(self.weight, self.bounds[:-1])

    def with_all_predictors(self):
        """Return the same rows for a loss that looks at all predictors."""
        return self._replace(first=np.zeros_like(self.first), full=True)


def inverse_scale(deviation, constant, standardize):
    """Return factors for columns.

    Parameters
    ----------
    deviation : ndarray of shape (n_features,)
        Standard deviations.
    constant : ndarray of shape (n_features,)
        Which columns do not vary.
    standardize : bool
        Divide by the standard deviation.

    Returns
    -------
    inverse : ndarray of shape (n_features,)
        Zero for columns that do not vary.
    """
    if not standardize:
        return np.where(constant, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        inverse = 1.0 / deviation
    return np.where(constant | ~np.isfinite(inverse), 0.0, inverse)


class Design:
    """Change between parameters for given columns and for scaled ones."""

    def original(self, theta):
        """Return intercepts and weights for columns as they were given.

        Parameters
        ----------
        theta : ndarray of shape (n_thresholds, 1 + n_features)
            Parameters for centred and scaled columns, intercepts first.

        Returns
        -------
        intercepts : ndarray of shape (n_thresholds,)
            Intercepts.
        coefs : ndarray of shape (n_thresholds, n_features)
            Weights.
        """
        coefs = theta[:, 1:] * self.inverse
        return theta[:, 0] - coefs @ self.mean, coefs

    def scaled(self, intercepts, coefs):
        """Return parameters for the scaled columns; the inverse of ``original``.

        Parameters
        ----------
        intercepts : ndarray of shape (n_thresholds,)
            Intercepts.
        coefs : ndarray of shape (n_thresholds, n_features)
            Weights.

        Returns
        -------
        theta : ndarray of shape (n_thresholds, 1 + n_features)
            Parameters; zero for columns that do not vary.
        """
        theta = np.zeros((intercepts.size, self.inverse.size + 1))
        usable = self.inverse > 0.0
        theta[:, 1:][:, usable] = coefs[:, usable] / self.inverse[usable]
        theta[:, 0] = intercepts + coefs[:, usable] @ self.mean[usable]
        return theta
