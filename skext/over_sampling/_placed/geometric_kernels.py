"""Compiled loops for rows in a deformed ball around a given row."""

import numpy as np

from skext.utils._numba import jit


@jit(reassociate=True)
def choose_nearer(table, centre, first, second, chosen, start, stop):
    """Write into ``chosen`` which of two rows is nearer to the centre.

    Of equally distant ones it is the first.
    """
    n_features = table.shape[1]
    for i in range(start, stop):
        c, a, b = table[centre[i]], table[first[i]], table[second[i]]
        to_a = to_b = 0.0
        for j in range(n_features):
            to_a += (a[j] - c[j]) ** 2
            to_b += (b[j] - c[j]) ** 2
        chosen[i] = first[i] if to_a <= to_b else second[i]


@jit(reassociate=True)
def place_in_ball(
    table, centre, surface, radius, truncation, deformation, rows, start, stop
):
    """Turn normal numbers in ``rows`` into points around the centres.

    The numbers give a direction, and ``radius``, from 0 to 1, the distance from the
    centre as a share of that of the surface row. A point beyond the truncation is
    reflected along the axis through both rows, and deformation draws all to the axis.
    """
    n_features = table.shape[1]
    for i in range(start, stop):
        c, s, row = table[centre[i]], table[surface[i]], rows[i]
        length = norm = dot = 0.0
        for j in range(n_features):
            step = s[j] - c[j]
            length += step * step
            norm += row[j] * row[j]
            dot += row[j] * step
        if length == 0.0 or norm == 0.0:
            for j in range(n_features):
                row[j] = c[j]
            continue
        length = np.sqrt(length)
        scale = radius[i] / np.sqrt(norm)
        # The part along the axis, as a share of the axis.
        along = scale * dot / length
        kept = along
        if (truncation > 0 and along < truncation - 1) or (
            truncation < 0 and along > truncation + 1
        ):
            kept = -along
        # With v = scale * row: kept * e + (1 - deformation) * (v - along * e).
        on_axis = kept - (1 - deformation) * along
        off_axis = (1 - deformation) * scale * length
        for j in range(n_features):
            row[j] = c[j] + (on_axis * (s[j] - c[j]) + off_axis * row[j])
