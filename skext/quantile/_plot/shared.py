"""What several displays of quantiles share."""

import numpy as np

from skext.quantile._regression.multi import predict_quantiles
from skext.utils._quantiles.forms import own_levels
from skext.utils._quantiles.levels import check_levels, default_levels


def ask_estimator(estimator, X, quantiles):
    """Return the quantiles of a fitted regressor, and their levels."""
    levels = own_levels(estimator, X) if quantiles is None else check_levels(quantiles)
    levels = default_levels() if levels is None else levels
    return predict_quantiles(estimator, X, levels), levels


def central_pairs(levels):
    """Return the column numbers of central intervals, widest first, and coverages."""
    pairs = [
        (low, high)
        for low in range(len(levels))
        for high in range(low + 1, len(levels))
        if abs(levels[low] + levels[high] - 1) < 1e-9
    ]
    coverages = np.array([levels[high] - levels[low] for low, high in pairs])
    return pairs, coverages


def effective_rows(sample_weight, n_samples):
    """Return how many equal rows tell as much as weighted ones."""
    if sample_weight is None:
        return n_samples
    w = np.asarray(sample_weight, dtype=np.float64)
    return max(1, round(float(w.sum() ** 2 / (w @ w))))
