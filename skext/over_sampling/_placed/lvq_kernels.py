"""Compiled loops over the codebook of a class."""

import numpy as np

from skext.utils._numba import jit


@jit
def pick_distinct(table, limit):
    """Return the numbers of the first ``limit`` rows that differ from all before."""
    found = np.empty(limit, dtype=np.intp)
    n_found = 0
    for i in range(table.shape[0]):
        if n_found == limit:
            break
        new = True
        for f in range(n_found):
            same = True
            for j in range(table.shape[1]):
                if table[i, j] != table[found[f], j]:
                    same = False
                    break
            if same:
                new = False
                break
        if new:
            found[n_found] = i
            n_found += 1
    return found[:n_found]


@jit
def match_pairs(products, match, start, stop):
    """Find for each pair of codewords another pair with nearly the same difference.

    Parameters
    ----------
    products : ndarray of shape (n_codewords, n_codewords)
        Inner products of the codewords, of which there are at least four.
    match : ndarray of shape (n_codewords, n_codewords, 2)
        Written for first codewords ``start`` to ``stop``: the pair p, q of others
        whose difference p - q is nearest to a - b. Of equally near ones it is the
        first in the order of p and q.
    """
    n = products.shape[0]
    for a in range(start, stop):
        for b in range(n):
            best = np.inf
            match[a, b, 0] = match[a, b, 1] = 0
            if a == b:
                continue
            for p in range(n):
                if p in (a, b):
                    continue
                for q in range(n):
                    if q in (p, a, b):
                        continue
                    # |p - q|^2 - 2 (p - q)(a - b), the part that depends on p, q.
                    off = products[p, p] + products[q, q] - 2 * products[p, q]
                    off -= 2 * (products[p, a] - products[p, b])
                    off += 2 * (products[q, a] - products[q, b])
                    if off < best:
                        best = off
                        match[a, b, 0], match[a, b, 1] = p, q


@jit
def shift_rows(codebook, table, first, reference, moved, rows, start, stop):
    """Write ``codebook[first] + (table[moved] - codebook[reference])``."""
    for i in range(start, stop):
        a, r, s, row = (
            codebook[first[i]],
            codebook[reference[i]],
            table[moved[i]],
            rows[i],
        )
        for j in range(row.size):
            row[j] = a[j] + (s[j] - r[j])
