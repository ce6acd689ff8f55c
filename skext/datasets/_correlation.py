"""Correlation matrices for simulations."""

from numbers import Real

import numpy as np
from scipy.linalg import LinAlgError, cholesky, eigvalsh, toeplitz


def correlation_factor(correlation, n_features):
    """Return a correlation matrix and its lower Cholesky factor.

    Parameters
    ----------
    correlation : float, array-like of shape (n_features, n_features) or None
        A number ``r`` stands for ``r ** abs(i - j)``.
    n_features : int
        Number of rows and columns.

    Returns
    -------
    matrix : ndarray of shape (n_features, n_features) or None
        The correlation matrix.
    factor : ndarray of shape (n_features, n_features) or None
        ``matrix == factor @ factor.T``.

    Raises
    ------
    ValueError
        If the matrix is not symmetric and positive definite with a unit diagonal.
    """
    if correlation is None:
        return None, None
    if isinstance(correlation, Real):
        matrix = toeplitz(float(correlation) ** np.arange(n_features))
    else:
        matrix = np.array(correlation, dtype=np.float64)
        _check_shape(matrix, n_features)
    try:
        return matrix, cholesky(matrix, lower=True)
    except LinAlgError:
        raise ValueError(
            "correlation has the smallest eigenvalue "
            f"{eigvalsh(matrix, subset_by_index=[0, 0])[0]:.3g} and must be positive "
            "definite; mix it with the identity matrix."
        ) from None


def _check_shape(matrix, n_features):
    if matrix.shape != (n_features, n_features):
        raise ValueError(
            f"correlation has shape {matrix.shape} and must be a number or have shape "
            f"({n_features}, {n_features}); give one row and column for each feature."
        )
    close = {"rtol": 0, "atol": 1e-10}
    if not np.allclose(matrix, matrix.T, **close):
        raise ValueError(
            "correlation differs from its transpose and must be symmetric; average "
            "the two."
        )
    if not np.allclose(np.diag(matrix), 1, **close):
        raise ValueError(
            f"correlation has the diagonal {np.diag(matrix)} and must have ones there; "
            "divide by the standard deviations."
        )
