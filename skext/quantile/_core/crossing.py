"""Rows of quantiles that do not decrease."""

import numpy as np
from sklearn.utils import check_array

from skext.quantile._core import row_kernels as _row_kernels
from skext.utils._parallel import run_chunks
from skext.utils._sklearn import StrOptions, validate_params

NON_CROSSING = ("sort", "isotonic", "minmax")


def uncross(Q, method, center=None, n_jobs=None):
    """Make rows non-decreasing; see :func:`isotonize`.

    Parameters
    ----------
    Q : ndarray of shape (n_rows, n_levels)
        Rows of float64.
    method : {"sort", "isotonic", "minmax", None}
        How; None returns the rows as they are.
    center : int, default=None
        Level from which ``"minmax"`` starts; None is the middle one.
    n_jobs : int, default=None
        Threads over rows.

    Returns
    -------
    out : ndarray of shape (n_rows, n_levels)
        New array unless the method is None.
    """
    if method is None or Q.shape[1] < 2 or not len(Q):
        return Q
    out = np.empty(Q.shape)
    if method == "sort":
        if Q.shape[1] > 48:
            # Insertion is quadratic in the number of levels for wild rows.
            return np.sort(Q, axis=1)
        run_chunks(_row_kernels.sort_rows, len(Q), Q, out, n_jobs=n_jobs)
    elif method == "isotonic":
        run_chunks(_row_kernels.pool_rows, len(Q), Q, out, n_jobs=n_jobs)
    else:
        center = (Q.shape[1] - 1) // 2 if center is None else center
        run_chunks(_row_kernels.sweep_rows, len(Q), Q, center, out, n_jobs=n_jobs)
    return out


@validate_params(
    {
        "Q": ["array-like"],
        "method": [StrOptions(set(NON_CROSSING))],
    },
    prefer_skip_nested_validation=True,
)
def isotonize(Q, method="sort"):
    """Make rows of quantiles non-decreasing.

    Parameters
    ----------
    Q : array-like of shape (n_samples, n_levels)
        Predicted quantiles, one column per level in increasing order of the levels.
    method : {"sort", "isotonic", "minmax"}, default="sort"
        ``"sort"`` sorts each row, ``"isotonic"`` projects it onto the non-decreasing
        vectors by least squares, ``"minmax"`` takes the running maximum upward and
        the running minimum downward from the middle level.

    Returns
    -------
    out : ndarray of shape (n_samples, n_levels)
        The new rows, of float64.

    Raises
    ------
    ValueError
        If ``Q`` is not a finite two-dimensional array; infinite values are allowed
        where no row is changed by averaging, i.e. not with ``"isotonic"``.

    See Also
    --------
    MultiQuantileRegressor : Does it after one fit for each level.

    Notes
    -----
    Sorting and the projection never increase the sum of pinball losses of a row,
    whatever the target is [1]_; ``"minmax"`` can. The cost is O(n_samples * n_levels)
    for rows that are nearly sorted.

    References
    ----------
    .. [1] Rasool Fakoor, Taesup Kim, Jonas Mueller, Alexander J. Smola and Ryan J.
       Tibshirani, "Flexible Model Aggregation for Quantile Regression", Journal of
       Machine Learning Research 24, 2023.

    Examples
    --------
    >>> from skext.quantile import isotonize
    >>> isotonize([[1.0, 3.0, 2.0]])
    array([[1., 2., 3.]])
    >>> isotonize([[1.0, 3.0, 2.0]], method="isotonic")
    array([[1. , 2.5, 2.5]])
    """
    finite = True if method == "isotonic" else "allow-nan"
    Q = check_array(Q, dtype=np.float64, ensure_all_finite=False, input_name="Q")
    if np.isnan(Q).any() or (finite is True and not np.isfinite(Q).all()):
        raise ValueError(
            f"Q holds NaN{' or infinity' if finite is True else ''}, which "
            f"method={method!r} cannot order; replace or remove such rows."
        )
    out = uncross(np.ascontiguousarray(Q), method)
    return out.copy() if out is Q else out
