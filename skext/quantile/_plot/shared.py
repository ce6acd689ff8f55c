"""What several displays of quantiles share."""

import numpy as np


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
