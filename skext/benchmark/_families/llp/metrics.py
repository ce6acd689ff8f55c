"""Metrics of what probabilities of rows say about bags of them.

The rows of a test fold are put into random bags of one size, whatever the size of the
bags that were learned from, so that the values of different tasks can be compared.
"""

import numpy as np

_BAG_SIZE = 32


def _test_bags(y, n_classes):
    """Put rows into bags: the same ones for all methods."""
    from skext.label_proportions import bag_target

    bags = np.random.default_rng(0).permutation(y.size) // _BAG_SIZE
    counts = np.zeros((bags.max() + 1, n_classes))
    np.add.at(counts, (bags, y), 1)
    return bag_target(bags, counts=counts[:, 1] if n_classes == 2 else counts)


def bag_share_error(y, proba):
    """Mean absolute error of the shares of the classes in bags of 32 test rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Codes of the classes.
    proba : ndarray of shape (n_samples, n_classes)
        Predicted probabilities.

    Returns
    -------
    error : float
        Weighted by the rows of the bags.
    """
    from skext.label_proportions import bag_mean_absolute_error

    target = _test_bags(y, proba.shape[1])
    return float(bag_mean_absolute_error(target, _clipped(proba)))


def bag_count_log_loss(y, proba):
    """Log loss of the counts in bags of 32 test rows, per row.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Codes of the classes.
    proba : ndarray of shape (n_samples, n_classes)
        Predicted probabilities, clipped at 1e-7.

    Returns
    -------
    loss : float
        Minus the mean logarithm of the probability of the counts.
    """
    from skext.label_proportions import bag_count_log_loss

    target = _test_bags(y, proba.shape[1])
    return float(bag_count_log_loss(target, np.clip(proba, 1e-7, 1 - 1e-7)))


def _clipped(proba):
    # Sums of probabilities can exceed one by rounding.
    return np.clip(proba, 0.0, 1.0)
