"""Principal components of the predictions of each level."""

from typing import NamedTuple

import numpy as np


class Factors(NamedTuple):
    """Leading components of the models.

    Attributes
    ----------
    means : ndarray of shape (n_models, n_levels)
        Means of the predictions.
    basis : ndarray of shape (n_levels, n_models, n_components)
        Orthonormal directions.
    """

    means: np.ndarray
    basis: np.ndarray

    def scores(self, Z):
        """Return the components of rows, (n_samples, n_components, n_levels)."""
        out = np.empty((len(Z), self.basis.shape[2], Z.shape[2]))
        for k, basis in enumerate(self.basis):
            out[:, :, k] = (Z[:, :, k] - self.means[:, k]) @ basis
        return out

    def back(self, found):
        """Turn weights of the components into those of the models."""
        weights = np.einsum("kjr,rk->jk", self.basis, found.weights)
        intercept = found.intercept - (self.means * weights).sum(axis=0)
        return found._replace(weights=weights, intercept=intercept)


def find_factors(Z, s, n_components):
    """Find the directions in which the predictions of a level vary most.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Predictions.
    s : ndarray of shape (n_samples,)
        Weights of the rows.
    n_components : int
        Number of directions, at most that of the models.

    Returns
    -------
    factors : Factors
        Means and directions.
    """
    n_models, n_levels = Z.shape[1:]
    means = np.empty((n_models, n_levels))
    basis = np.empty((n_levels, n_models, min(n_components, n_models)))
    share = s / s.sum()
    for k in range(n_levels):
        table = Z[:, :, k].astype(np.float64)
        means[:, k] = share @ table
        table -= means[:, k]
        _, vectors = np.linalg.eigh((table * share[:, np.newaxis]).T @ table)
        basis[k] = vectors[:, ::-1][:, : basis.shape[2]]
    return Factors(means, basis)
