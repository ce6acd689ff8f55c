"""Compiled loops that turn normal numbers into rows of smoothed samples."""

from skext.utils._numba import jit


@jit
def add_noise(table, base, deviation, rows, start, stop):
    """Scale normal numbers in ``rows`` by feature and add the base rows."""
    for i in range(start, stop):
        given, row = table[base[i]], rows[i]
        for j in range(row.size):
            row[j] = given[j] + deviation[j] * row[j]


@jit
def mix_neighbors(table, base, neighbors, normals, scale, rows, start, stop):
    """Write draws from the normal distributions of neighbourhoods into ``rows``.

    The neighbourhood of a base row is the row itself and its ``neighbors``, K + 1
    rows with mean m. With z from ``normals``, m + scale * sum_r z_r (x_r - m) has the
    covariance scale^2 * sum_r (x_r - m)(x_r - m)'. It is written as the base row plus
    multiples of the differences from it, which is exact if all rows are equal.
    """
    n_rows = neighbors.shape[1] + 1
    for i in range(start, stop):
        z, row, given = normals[i], rows[i], table[base[i]]
        mean = 0.0
        for r in range(n_rows):
            mean += z[r]
        mean /= n_rows
        for j in range(row.size):
            row[j] = given[j]
        for r in range(1, n_rows):
            share = 1.0 / n_rows + scale * (z[r] - mean)
            other = table[neighbors[base[i], r - 1]]
            for j in range(row.size):
                row[j] += share * (other[j] - given[j])
