"""Compiled loops for balls of the city-block distance around rare rows.

The rows to search among are sorted by one column, whose values bound the distances.
"""

import numpy as np

from skext.utils._numba import jit


@jit
def _uniform(key, i, j):
    """Hash three numbers to one in [0, 1): the finalizer of SplitMix64."""
    z = key + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
    z ^= np.uint64(j + 1) * np.uint64(0xD1B54A32D192ED03)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@jit
def _distance(a, b, limit):
    """Return the city-block distance, or a part of it that is over the limit."""
    total = 0.0
    for j in range(a.size):
        total += abs(a[j] - b[j])
        if total > limit:
            break
    return total


@jit
def _sort(values, size):
    """Sort the first values (Shell's sort)."""
    step = 1
    while 3 * step < size:
        step = 3 * step + 1
    while step > 0:
        for i in range(step, size):
            value, place = values[i], i
            while place >= step and values[place - step] > value:
                values[place] = values[place - step]
                place -= step
            values[place] = value
        step = step // 3


@jit
def find_radii(rare, others, first, column, energy, radii, start, stop):
    """Write the largest radii that the energy pays for.

    The radius r of a rare row solves r + sum_j max(0, r - d_j) = energy, where d_j
    are its distances from the other rows: the left side grows, piecewise linearly.
    The other rows are sorted by the column; no row before ``first`` is near enough.
    """
    inside = np.empty(others.shape[0])
    for i in range(start, stop):
        row = rare[i]
        # No literal, for which the sort would be compiled once more.
        n_inside = np.int64(0)
        for j in range(first[i], others.shape[0]):
            if others[j, column] > row[column] + energy:
                break
            distance = _distance(row, others[j], energy)
            if distance < energy:
                inside[n_inside] = distance
                n_inside += 1
        _sort(inside, n_inside)
        radius, total = energy, energy
        for j in range(n_inside):
            if radius <= inside[j]:
                break
            total += inside[j]
            radius = total / (j + 2)
        radii[i] = radius


@jit
def push_away(others, rare, radii, first, column, widest, key, moves, start, stop):
    """Add to ``moves`` what takes other rows to the surfaces of the balls.

    A row at distance d from the centre of a ball of radius r moves by r - d on the
    line through both; one at the centre in a direction that the key and its number
    decide. The rare rows are sorted by the column, no row before ``first`` is near
    enough, and no radius is wider than the widest.
    """
    for i in range(start, stop):
        row, move = others[i], moves[i]
        for j in range(first[i], rare.shape[0]):
            if rare[j, column] > row[column] + widest:
                break
            distance = _distance(row, rare[j], radii[j])
            if distance >= radii[j]:
                continue
            if distance > 0:
                for f in range(row.size):
                    step = (row[f] - rare[j, f]) / distance
                    move[f] += (radii[j] - distance) * step
                continue
            total = 0.0
            for f in range(row.size):
                total += abs(2 * _uniform(key, i, f) - 1)
            for f in range(row.size):
                step = (2 * _uniform(key, i, f) - 1) / total
                move[f] += radii[j] * step


@jit
def draw_in_turn(rare, base, radii, key, rows, start, stop):
    """Write draws from the balls, one coordinate after the other.

    Each is uniform in what the earlier ones have left of the radius; then their
    order is mixed.
    """
    n_features = rare.shape[1]
    for i in range(start, stop):
        row, centre, left = rows[i], rare[base[i]], radii[base[i]]
        for j in range(n_features):
            row[j] = (2 * _uniform(key, i, j) - 1) * left
            left = max(0.0, left - abs(row[j]))
        for j in range(n_features - 1, 0, -1):
            k = int(_uniform(key, i, n_features + j) * (j + 1))
            row[j], row[k] = row[k], row[j]
        for j in range(n_features):
            row[j] += centre[j]


@jit
def draw_evenly(rare, base, radii, key, rows, start, stop):
    """Write draws from the uniform distribution in the balls."""
    n_features = rare.shape[1]
    for i in range(start, stop):
        row, centre = rows[i], rare[base[i]]
        # Exponential numbers, divided by the sum of one more, with random signs.
        total = -np.log(1 - _uniform(key, i, n_features))
        for j in range(n_features):
            u = 2 * _uniform(key, i, j) - 1
            value = -np.log(1 - abs(u))
            row[j] = -value if u < 0 else value
            total += value
        for j in range(n_features):
            row[j] = centre[j] + radii[base[i]] * row[j] / total
