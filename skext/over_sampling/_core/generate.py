"""From the plan of the synthetic rows to the rows themselves."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skext.over_sampling._core.integers import fit_to, is_wide, whole_values
from skext.over_sampling._core.kernels import (
    count_sparse,
    fill_missing,
    interpolate_dense,
    interpolate_sparse,
)
from skext.utils._parallel import run_chunks

# Types that the kernels read and write directly.
_KERNEL_TYPES = (np.dtype(np.float64), np.dtype(np.float32))
# Rows that are made at once where a conversion needs room of its own.
_BLOCK = 16_384


class Plan(NamedTuple):
    """Where each synthetic row lies.

    Attributes
    ----------
    base, partner : ndarray of shape (n_new,)
        Row numbers of both ends of the segment.
    gaps : ndarray of shape (n_new, 1) or (n_new, n_features)
        Place on the segment, from 0 (the base) to 1; per feature in a box.
    key : int
        Seeds the decisions about missing values.
    """

    base: np.ndarray
    partner: np.ndarray
    gaps: np.ndarray
    key: int = 0


class Rounding(NamedTuple):
    """Which columns hold whole numbers, and how values become whole.

    Attributes
    ----------
    columns : ndarray of shape (n_features,)
        True for columns of whole numbers.
    function : callable
        ``numpy.rint`` or ``numpy.trunc``.
    """

    columns: np.ndarray
    function: np.ufunc


def append_rows(X, plan, rounding, n_jobs=None):
    """Return the given rows and behind them the synthetic ones.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    plan : Plan
        The synthetic rows.
    rounding : Rounding
        The columns of whole numbers.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    X_resampled : {ndarray, sparse matrix} of shape (n_samples + n_new, n_features)
        In the container and the type of ``X``.
    """
    if sparse.issparse(X):
        new = make_sparse(X, plan, rounding, n_jobs)
        if X.dtype.kind in "iu":
            new = type(new)(_whole_sparse(X.tocsc(), new, plan, rounding))
        return sparse.vstack([X, new.astype(X.dtype)], format=X.format)
    n_samples = X.shape[0]
    out = np.empty((n_samples + plan.base.size, X.shape[1]), dtype=X.dtype)
    out[:n_samples] = X
    make_dense(X, plan, rounding, out[n_samples:], n_jobs)
    if X.dtype.kind in "iu" and is_wide(X):
        for j in range(X.shape[1]):
            _correct(X[:, j], out[n_samples:, j], plan, rounding, j)
    return out


def _correct(given, new, plan, rounding, j):
    """Make whole numbers anew that have too many digits for floating point."""
    if is_wide(given):
        gap = plan.gaps[:, j if plan.gaps.shape[1] > 1 else 0]
        places = (plan.base, plan.partner, gap, rounding.function)
        new[:] = whole_values(given, None, np.zeros(gap.size), *places)


def _whole_sparse(X, new, plan, rounding):
    """Return new rows of a sparse table of whole numbers in its type."""
    ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
    wide = [j for j, (a, b) in enumerate(ends) if is_wide(X.data[a:b])]
    new = new.tocoo()
    left = ~np.isin(new.col, wide)
    data, row, col = [fit_to(new.data[left], X.dtype)], [new.row[left]], [new.col[left]]
    for j in wide:
        made = np.zeros(plan.base.size, dtype=X.dtype)
        _correct(X[:, [j]].toarray()[:, 0], made, plan, rounding, j)
        row.append(np.flatnonzero(made))
        data.append(made[row[-1]])
        col.append(np.full(row[-1].size, j))
    entries = [np.concatenate(part) for part in (data, row, col)]
    return sparse.csr_array((entries[0], tuple(entries[1:])), shape=new.shape)


def make_dense(X, plan, rounding, out, n_jobs=None):
    """Write the synthetic rows into ``out``, of shape (n_new, n_features)."""
    if plan.base.size == 0 or X.shape[1] == 0:
        return
    dtype = X.dtype if X.dtype in _KERNEL_TYPES else np.dtype(np.float64)
    parents, plan = _gather(X, plan, dtype)
    total = parents.sum()
    missing = bool(np.isnan(total))
    for start in range(0, plan.base.size, _BLOCK if out.dtype != dtype else out.size):
        part = slice(start, start + (_BLOCK if out.dtype != dtype else out.size))
        block = out[part]
        rows = block if out.dtype == dtype else np.empty(block.shape, dtype=dtype)
        piece = (parents, plan.base[part], plan.partner[part], plan.gaps[part])
        options = {"n_jobs": n_jobs, "min_chunk": max(1, 100_000 // X.shape[1])}
        run_chunks(interpolate_dense, rows.shape[0], *piece, rows, **options)
        if missing:
            key = np.uint64(plan.key + start)
            run_chunks(fill_missing, rows.shape[0], *piece, key, rows, **options)
        if not np.isfinite(total):
            _without_overflow(*piece, rows)
        if rounding.columns.all():
            rounding.function(rows, out=rows)
        elif rounding.columns.any():
            rows[:, rounding.columns] = rounding.function(rows[:, rounding.columns])
        if rows is not block:
            block[:] = rows if out.dtype.kind == "b" else fit_to(rows, out.dtype)


def _without_overflow(parents, base, partner, gaps, rows):
    """Make values anew whose parents are too far apart for a difference."""
    i, j = np.nonzero(~np.isfinite(rows))
    a, b = parents[base[i], j], parents[partner[i], j]
    gap = gaps[i, j if gaps.shape[1] > 1 else 0]
    known = np.isfinite(a) & np.isfinite(b)
    between = (1 - gap[known]) * a[known] + gap[known] * b[known]
    rows[i[known], j[known]] = between


def _gather(X, plan, dtype):
    """Copy the rows that are needed, and renumber the plan."""
    needed = np.zeros(X.shape[0], dtype=bool)
    needed[plan.base] = True
    needed[plan.partner] = True
    number = np.cumsum(needed) - 1
    parents = np.ascontiguousarray(X[needed], dtype=dtype)
    return parents, plan._replace(base=number[plan.base], partner=number[plan.partner])


def make_sparse(X, plan, rounding, n_jobs=None):
    """Return the synthetic rows in CSR format, in floating point."""
    rows = X.tocsr()
    if rows.dtype not in _KERNEL_TYPES:
        rows = rows.astype(np.float64)
    if not rows.has_canonical_format:
        rows = rows.copy() if rows is X else rows
        rows.sum_duplicates()
    n_new = plan.base.size
    arrays = (rows.data, rows.indices, rows.indptr, plan.base, plan.partner, plan.gaps)
    sizes = np.empty(n_new, dtype=np.intp)
    run_chunks(count_sparse, n_new, *arrays, sizes, n_jobs=n_jobs, min_chunk=512)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    data = np.empty(indptr[-1], dtype=rows.dtype)
    indices = np.empty(indptr[-1], dtype=rows.indices.dtype)
    run_chunks(
        interpolate_sparse,
        n_new,
        *arrays,
        data,
        indices,
        indptr,
        n_jobs=n_jobs,
        min_chunk=512,
    )
    whole = rounding.columns[indices]
    data[whole] = rounding.function(data[whole])
    new = type(rows)((data, indices, indptr), shape=(n_new, X.shape[1]))
    if whole.any():
        new.eliminate_zeros()
    return new
