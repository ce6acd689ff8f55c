"""From the plan of the synthetic rows to the rows themselves, behind the given ones."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skext.over_sampling._core.frames import Origin, append_to_frame, write_column
from skext.over_sampling._core.integers import fit_to, is_wide, whole_values
from skext.over_sampling._core.kernels import (
    count_sparse,
    fill_missing,
    interpolate_dense,
    interpolate_sparse,
)
from skext.utils._columns import library_of
from skext.utils._parallel import run_chunks
from skext.utils._tables import column_at, take_rows

# Types that the kernels read and write directly.
_KERNEL_TYPES = (np.dtype(np.float64), np.dtype(np.float32))
# Rows that are made at once where a conversion needs room of its own.
_BLOCK = 16_384


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


def write(X, numbers, table, plan, rounding, n_jobs=None):
    """Put the synthetic rows behind the given ones, in their container.

    Parameters
    ----------
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        What the user gave.
    numbers : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The same as an array.
    table : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The same in floating point, large whole numbers measured from the smallest.
    plan : Plan
        The synthetic rows.
    rounding : Rounding
        The columns of whole numbers.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    X_resampled : {list, ndarray, dataframe, sparse matrix}
        In the container and the types of ``X``.
    """
    made, n_samples = plan.rows, numbers.shape[0]
    if made is None and library_of(X) is not None:
        made = _interpolate(table, plan, rounding, n_jobs)
    if made is None:
        resampled = append_rows(numbers, plan, rounding, n_jobs)
    else:
        resampled = _append_made(X, numbers, made, _origin(plan, rounding))
    if plan.moved is not None:
        order = np.arange(n_samples + plan.base.size)
        order[n_samples:] += plan.moved.size
        order[plan.moved] = n_samples + np.arange(plan.moved.size)
        resampled = take_rows(resampled, order)
    return resampled.tolist() if isinstance(X, list) else resampled


def _origin(plan, rounding):
    """Tell what the rows that a plan holds are made of."""
    if plan.partner is not None:
        return Origin(*plan[:3], rounding.function)
    moved = plan.base[:0] if plan.moved is None else plan.moved
    return Origin(np.concatenate([moved, plan.base]), function=rounding.function)


def _interpolate(X, plan, rounding, n_jobs):
    """Return the synthetic rows alone, in floating point."""
    if sparse.issparse(X):
        return make_sparse(X, plan, rounding, n_jobs)
    dtype = X.dtype if X.dtype.kind == "f" else np.float64
    new = np.empty((plan.base.size, X.shape[1]), dtype=dtype)
    make_dense(X, plan, rounding, new, n_jobs)
    return new


def _append_made(X, numbers, rows, origin):
    """Put rows that are made behind the given ones."""
    if library_of(X) is not None:
        return append_to_frame(X, rows, origin)
    if sparse.issparse(numbers):
        new = type(numbers.tocsr())(_typed(numbers.tocsc(), rows, origin))
        return sparse.vstack([numbers, new], format=numbers.format)
    shape = (numbers.shape[0] + rows.shape[0], rows.shape[1])
    # A type may have an order of bytes that is not the machine's.
    table = np.empty(shape, dtype=numbers.dtype)
    table[: numbers.shape[0]] = numbers
    table[numbers.shape[0] :] = _typed(numbers, rows, origin)
    return table


def _typed(X, rows, origin):
    """Return new rows in the type of a table; whole numbers stay in its range."""
    if X.dtype.kind not in "iu":
        return fit_to(rows, X.dtype)
    new = np.empty(rows.shape, dtype=X.dtype)
    for j in range(rows.shape[1]):
        new[:, j] = write_column(column_at(X, j), rows[:, j], *origin.of_column(j))
    return new


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
        _correct(column_at(X, j), made, plan, rounding, j)
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
