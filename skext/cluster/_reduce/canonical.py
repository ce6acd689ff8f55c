"""One form for tables that hold the same rows, whatever their order."""

from typing import NamedTuple

import numpy as np


class Canonical(NamedTuple):
    """Distinct rows in lexicographic order.

    Attributes
    ----------
    rows : ndarray of shape (n_distinct, n_features)
        Rows in float64.
    weights : ndarray of shape (n_distinct,)
        Sum of the weights of equal rows.
    """

    rows: np.ndarray
    weights: np.ndarray


def canonical_rows(X, sample_weight=None):
    """Sort rows, join equal ones, leave out those without weight.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights; a weight of two is the same as the row twice.

    Returns
    -------
    canonical : Canonical
        The same to the last bit for every order of the rows.
    """
    # Adding zero makes -0.0 and 0.0 the same.
    rows = np.asarray(X, dtype=np.float64) + 0.0
    if sample_weight is not None:
        kept = sample_weight > 0
        rows, sample_weight = rows[kept], sample_weight[kept]
    order = lexicographic_order(rows)
    rows = rows[order]
    starts = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    first = np.flatnonzero(starts)
    if sample_weight is None:
        weights = np.diff(np.append(first, len(rows))).astype(np.float64)
    else:
        # Equal rows are sorted by weight, so that their sum has one order.
        group = np.cumsum(starts) - 1
        sample_weight = sample_weight[order]
        inner = np.lexsort([sample_weight, group])
        weights = np.add.reduceat(sample_weight[inner], first)
    return Canonical(np.ascontiguousarray(rows[first]), weights)


def lexicographic_order(rows):
    """Order of the rows by their first column, ties by the second, and so on."""
    order = np.argsort(rows[:, 0], kind="stable")
    first = rows[order, 0]
    tied = np.zeros(len(rows), dtype=bool)
    equal = first[1:] == first[:-1]
    tied[1:] |= equal
    tied[:-1] |= equal
    if tied.any() and rows.shape[1] > 1:
        # Sorting only the ties by all columns keeps the rest where it is.
        places = np.flatnonzero(tied)
        among = order[places]
        order[places] = among[np.lexsort(rows[among].T[::-1])]
    return order


def resolution(values):
    """Smallest gap between different values of each column; zero if there is none.

    Parameters
    ----------
    values : ndarray of shape (n_values, n_features)
        Columns.

    Returns
    -------
    gaps : ndarray of shape (n_features,)
        Gaps.
    """
    steps = np.diff(np.sort(values, axis=0), axis=0)
    steps[steps <= 0.0] = np.inf
    gaps = steps.min(axis=0, initial=np.inf)
    return np.where(np.isfinite(gaps), gaps, 0.0)
