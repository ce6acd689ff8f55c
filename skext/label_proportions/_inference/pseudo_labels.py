"""Labels out of probabilities."""

import numpy as np


def among_all_rows(proba, rows, bags):
    """Put probabilities of some rows among those of all.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        Probabilities.
    rows : ndarray of shape (n_rows,)
        Rows they are of.
    bags : Bags
        All bags.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        The other rows get the share of their bag.
    """
    if rows.size == bags.codes.size:
        return proba
    flat = 1 / proba.shape[1]
    share = np.where(np.isnan(bags.proportions), flat, bags.proportions)
    found = np.concatenate([share, np.full((1, proba.shape[1]), flat)])[bags.codes]
    found[rows] = proba
    return found


def by_threshold(proba, threshold):
    """Label rows by a threshold, or by their most probable class if there are more."""
    if proba.ndim == 1:
        return (proba >= threshold).astype(float)
    return np.eye(proba.shape[1])[proba.argmax(axis=1)]
