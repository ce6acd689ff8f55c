"""What single columns tell: their rounding, the width of what is in them, far rows."""

from typing import NamedTuple

import numpy as np

# Rows per value from which on the values of a column are taken for rounded numbers,
# and the fewest values that show a rounding.
_FEWEST_COPIES = 5.0
_FEWEST_STEPS = 4
# Two steps between three values are a rounding only if the middle is a clear peak.
_PEAK = 8.0
_NEIGHBOURS = 0.05
_NARROW = 0.1
_BULK = 0.1
# Ranges of the bulk from which on a row is far away.
_FAR = 10.0
_MOST_FAR = 0.1


class Marginals(NamedTuple):
    """Columns, each for itself.

    Attributes
    ----------
    gaps : ndarray of shape (n_features,)
        Smallest gap between different values; zero if there is none.
    steps : ndarray of shape (n_features,)
        Step of the lattice that the values lie on; zero if they lie on none.
    widths : ndarray of shape (n_features,)
        What a twentieth of the values takes up where they are dense.
    bulk : ndarray of shape (2, n_features)
        Where most values are.
    few : ndarray of shape (n_features,)
        Whether there are three values at most.
    """

    gaps: np.ndarray
    steps: np.ndarray
    widths: np.ndarray
    bulk: np.ndarray
    few: np.ndarray


def describe_columns(values, weights, size, min_rows):
    """Look at each column.

    Parameters
    ----------
    values : ndarray of shape (n_values, n_features)
        Values that occur, in any order.
    weights : ndarray of shape (n_values,)
        How often.
    size : float
        Number of rows that the weights stand for.
    min_rows : float
        What is fewer makes no cluster.

    Returns
    -------
    marginals : Marginals
        The same for every order of the values.
    """
    d = values.shape[1]
    gaps, steps, widths = np.zeros((3, d))
    bulk, few = np.zeros((2, d)), np.ones(d, dtype=bool)
    for j in range(d):
        line = np.sort(values[:, j])
        # What differs in the last bit is the same number, computed in two ways.
        rounding = 2.0 * np.spacing(max(abs(line[0]), abs(line[-1])))
        first = np.flatnonzero(np.diff(line) > rounding) + 1
        if not first.size:
            bulk[:, j] = -np.inf, np.inf
            continue
        distinct = np.append(line[:1], line[first])
        bulk[:, j] = _bulk(line, distinct, min_rows)
        few[j] = distinct.size < _FEWEST_STEPS
        between = np.diff(distinct)
        gaps[j] = between.min()
        widths[j] = _width(distinct)
        if size >= _FEWEST_COPIES * distinct.size and _is_even(between, gaps[j]):
            steps[j] = gaps[j]
            if distinct.size < _FEWEST_STEPS:
                mass = np.bincount(np.searchsorted(distinct, values[:, j]), weights)
                if not _has_peak(mass):
                    steps[j] = 0.0
    return Marginals(gaps, steps, widths, bulk, few)


def _bulk(line, distinct, min_rows):
    """Range without the outermost values; of different ones where most are the same."""
    for values in (line, distinct):
        n = values.size
        trim = int(min(max(_BULK * n, min_rows - 1.0), n // 4))
        low, high = values[trim], values[n - 1 - trim]
        if high > low and trim > 0:
            return low, high
    return -np.inf, np.inf


def _width(distinct):
    """Width of a twentieth of the values where they are dense."""
    k = max(1, int(_NEIGHBOURS * distinct.size))
    widths = distinct[k:] - distinct[:-k]
    place = int(_NARROW * widths.size)
    return np.partition(widths, place)[place]


def _is_even(between, gap):
    """Tell whether values are multiples of a step that most neighbours are apart."""
    if between.size < 2 or np.median(between) > 1.01 * gap:
        return False
    multiples = between / gap
    off = np.abs(multiples - np.round(multiples))
    return np.count_nonzero(off > 0.02 + 1e-9 * multiples) <= 0.05 * between.size


def _has_peak(mass):
    return mass.size == 3 and mass[1] ** 2 >= _PEAK * mass[0] * mass[2]


def far_rows(rows, counts, marginals, min_rows):
    """Find rows that are far from all others in a column.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Rows.
    counts : ndarray of shape (n_rows,)
        How many rows each counts as.
    marginals : Marginals
        Of the columns.
    min_rows : float
        Fewer rows are no cluster.

    Returns
    -------
    far : ndarray of shape (n_rows,)
        Whether a value is far from the bulk.
    alone : ndarray of shape (n_rows,)
        Whether there are too few rows there for a cluster.
    """
    low, high = marginals.bulk
    with np.errstate(invalid="ignore"):
        reach = _FAR * (high - low)
        below, above = low - reach, high + reach
    far, alone = np.zeros((2, len(rows)), dtype=bool)
    outside = (rows < below) | (rows > above)
    for j in np.flatnonzero(outside.any(axis=0)):
        far |= outside[:, j]
        middle = 0.5 * low[j] + 0.5 * high[j]
        for side in (rows[:, j] < below[j], rows[:, j] > above[j]):
            index = np.flatnonzero(side)
            if not index.size:
                continue
            away = np.abs(rows[index, j] - middle)
            order = np.argsort(away, kind="stable")
            away = away[order]
            starts = np.append(0, np.flatnonzero(away[1:] > 2.0 * away[:-1]) + 1)
            group = np.cumsum(np.isin(np.arange(away.size), starts)) - 1
            inside = np.bincount(group, counts[index[order]])
            alone[index[order]] |= inside[group] < min_rows
    total = counts.sum()
    if counts[far].sum() > _MOST_FAR * total:
        # So many are no exceptions.
        far[:] = alone[:] = False
    return far, alone
