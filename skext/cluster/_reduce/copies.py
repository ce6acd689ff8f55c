"""Columns that say the same as another one, in whatever unit."""

from typing import NamedTuple

import numpy as np

_SAME = 1e-5
_NEAR = 1e-3


class Copies(NamedTuple):
    """Columns that are left out, and what they are copies of.

    Attributes
    ----------
    kept : ndarray of shape (n_kept,)
        Columns that are no copies.
    copies : ndarray of shape (n_copies,)
        The others.
    sources : ndarray of shape (n_copies,)
        For each of them the place of its original among those kept.
    slopes : ndarray of shape (n_copies,)
        Units of the copy per unit of the original.
    """

    kept: np.ndarray
    copies: np.ndarray
    sources: np.ndarray
    slopes: np.ndarray


def find_copies(rows, weights, widths):
    """Find columns that are a multiple of another one, up to an offset.

    Parameters
    ----------
    rows : ndarray of shape (n_features, n_rows)
        Varying columns, lying on their side.
    weights : ndarray of shape (n_rows,)
        Weights.
    widths : ndarray of shape (n_features,)
        Widths of what is dense in each column; a copy differs by less.

    Returns
    -------
    copies : Copies
        Of copies in different units, the one whose unit is the most like those of the
        other columns is kept, otherwise the first.
    """
    d = len(rows)
    shares = weights / weights.sum()
    centered = rows - (rows @ shares)[:, None]
    sizes = np.sqrt(centered**2 @ shares)
    # Copies have the same product with any vector.
    probe = np.cos(1.0 + np.arange(len(weights)) ** 1.5) * shares
    marks = np.abs(centered @ probe) / sizes
    order = np.argsort(marks, kind="stable")
    group = np.arange(d)
    for place, i in enumerate(order):
        for j in order[place + 1 :]:
            if marks[j] - marks[i] > _NEAR * marks[i] + _SAME:
                break
            if group[i] != group[j] and _is_copy(i, j, centered, shares, widths):
                group[group == group[j]] = group[i]
    names, counts = np.unique(group, return_counts=True)
    if len(names) == d:
        none = np.empty(0, dtype=np.intp)
        return Copies(np.arange(d), none, none, np.empty(0))
    odd = np.abs(np.round(np.log2(sizes / np.median(sizes))))
    source = np.arange(d)
    for name in names[counts > 1]:
        mine = np.flatnonzero(group == name)
        source[mine] = mine[np.argmin(odd[mine])]
    kept = np.flatnonzero(source == np.arange(d))
    copies = np.flatnonzero(source != np.arange(d))
    products = np.einsum(
        "ij,ij,j->i", centered[copies], centered[source[copies]], shares
    )
    slopes = products / sizes[source[copies]] ** 2
    return Copies(kept, copies, np.searchsorted(kept, source[copies]), slopes)


def _is_copy(i, j, centered, shares, widths):
    slope = (centered[i] * centered[j]) @ shares / (centered[i] ** 2 @ shares)
    away = np.abs(centered[j] - slope * centered[i]).max()
    return away <= _SAME * min(widths[j], abs(slope) * widths[i])
