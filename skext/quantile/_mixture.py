"""Equal mixture of the distributions of several models."""

import numpy as np

from skext.quantile import _row_kernels
from skext.utils._parallel import run_chunks


def pool_probabilities(Z, levels, n_jobs=None):
    """Quantiles of the mean of the models' distribution functions.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_models, n_levels)
        Predictions; those of a model that cross are sorted.
    levels : ndarray of shape (n_levels,)
        Increasing levels, two or more.
    n_jobs : int, default=None
        Threads over rows.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        Non-decreasing quantiles. Distribution functions are linear between quantiles
        and exponential beyond, with the slope of the two outermost ones.
    """
    out = np.empty((len(Z), len(levels)))
    ordered = np.ascontiguousarray(np.sort(Z, axis=2), dtype=np.float64)
    run_chunks(
        _row_kernels.mix_distributions, len(Z), ordered, levels, out, n_jobs=n_jobs
    )
    return out
