"""Compiled coordinate descent on the quadratic model of the loss.

The weights of one column form a block of K - 1 numbers beta_k, whose penalised form is
zeta_0 = beta_0, zeta_k = beta_k - beta_(k - 1). Curvature is tridiagonal in the
threshold index: ``diag[k]``, and ``off[k]`` between the thresholds k and k + 1. Blocks
are minimised one after the other. Blocks without a penalty, such as the intercepts,
have an exact solution.
"""

import numpy as np

from skext.utils._numba import jit


@jit(inner=True)
def _solve_tridiagonal(diag, off, rhs, solution, work):
    """Solve a small positive definite system; zero pivots give zeros."""
    size = rhs.size
    for k in range(size):
        pivot = diag[k]
        value = rhs[k]
        if k > 0:
            pivot -= off[k - 1] * work[k - 1]
            value -= off[k - 1] * solution[k - 1]
        if pivot <= 1e-13 * diag[k] or pivot <= 0.0:
            work[k] = 0.0
            solution[k] = 0.0
            continue
        if k < size - 1:
            work[k] = off[k] / pivot
        solution[k] = value / pivot
    for k in range(size - 2, -1, -1):
        solution[k] -= work[k] * solution[k + 1]


@jit(inner=True)
def _is_free(l1, l2, j):
    """Tell whether a block has no penalty."""
    free = True
    for k in range(l1.shape[0]):
        free = free and l1[k, j] == 0.0 and l2[k, j] == 0.0
    return free


@jit(inner=True)
def _rests(z, g, l1, j):
    """Tell whether a block of zeros stays where it is."""
    total = 0.0
    for k in range(g.size - 1, -1, -1):
        total += g[k]
        if z[k, j] != 0.0 or abs(total) > l1[k, j]:
            return False
    return True


@jit(inner=True)
def _solve_block(z, g, diag, off, l1, l2, j, limit, work, step):
    """Minimise over the block of column j and return the largest decrease.

    ``g`` and ``step`` refer to beta; ``z``, the zetas of all columns, is changed.
    """
    size = g.size
    if _is_free(l1, l2, j):
        for k in range(size):
            work[1, k] = -g[k]
        _solve_tridiagonal(diag, off, work[1], step, work[0])
        largest = 0.0
        previous = 0.0
        for k in range(size):
            largest = max(largest, diag[k] * step[k] * step[k])
            z[k, j] += step[k] - previous
            previous = step[k]
        return largest
    gradient, own, shared = work[0], work[1], work[2]
    total = tail = 0.0
    for k in range(size - 1, -1, -1):
        total += g[k]
        gradient[k] = total
        tail += diag[k] + (2.0 * off[k] if k < size - 1 else 0.0)
        own[k] = tail
        shared[k] = tail + (off[k - 1] if k > 0 else 0.0)
        step[k] = 0.0
    largest = 0.0
    for _sweep in range(20 if size > 1 else 1):
        change = 0.0
        for k in range(size):
            curvature = own[k] + l2[k, j]
            if curvature <= 0.0 or l1[k, j] == np.inf:
                continue
            old = z[k, j]
            target = curvature * old - gradient[k] - l2[k, j] * old
            if target > l1[k, j]:
                new = (target - l1[k, j]) / curvature
            elif target < -l1[k, j]:
                new = (target + l1[k, j]) / curvature
            else:
                new = 0.0
            delta = new - old
            if delta == 0.0:
                continue
            z[k, j] = new
            step[k] += delta
            change = max(change, curvature * delta * delta)
            for i in range(k):
                gradient[i] += shared[k] * delta
            gradient[k] += own[k] * delta
            for i in range(k + 1, size):
                gradient[i] += shared[i] * delta
        largest = max(largest, change)
        if change <= limit or change <= 1e-4 * largest:
            break
    for k in range(1, size):
        step[k] += step[k - 1]
    return largest


@jit
def gram_descent(diag, off, g, z, l1, l2, limit, max_sweeps, step):
    """Descend on stored cross-products.

    Parameters are ``diag`` (K - 1, P, P), ``off`` (K - 2, P, P), the gradient ``g``
    for beta, ``z`` for zeta and ``step`` for the sum of all steps in beta, all
    (K - 1, P) and changed in place. Returns the number of sweeps.
    """
    size, width = g.shape
    memory = np.empty((7, size))
    work, block_step, block_g = memory[:3], memory[3], memory[4]
    block_diag, block_off = memory[5], memory[6]
    full = True
    for sweep in range(max_sweeps):
        largest = 0.0
        for j in range(width):
            if not full:
                active = _is_free(l1, l2, j)
                for k in range(size):
                    active = active or z[k, j] != 0.0
                if not active:
                    continue
            for k in range(size):
                block_g[k] = g[k, j]
            if _rests(z, block_g, l1, j):
                continue
            for k in range(size):
                block_diag[k] = diag[k, j, j]
            for k in range(size - 1):
                block_off[k] = off[k, j, j]
            change = _solve_block(
                z, block_g, block_diag, block_off, l1, l2, j, limit, work, block_step
            )
            largest = max(largest, change)
            for k in range(size):
                s = block_step[k]
                step[k, j] += s
                if s == 0.0:
                    continue
                for i in range(width):
                    g[k, i] += diag[k, j, i] * s
                if k > 0:
                    for i in range(width):
                        g[k - 1, i] += off[k - 1, j, i] * s
                if k < size - 1:
                    for i in range(width):
                        g[k + 1, i] += off[k, j, i] * s
        if largest <= limit:
            if full:
                return sweep + 1
            full = True
        else:
            full = False
    return max_sweeps


@jit
def column_moments(indptr, indices, data, columns, first, curvature, diag, off):
    """Sum curvature times powers of the entries of columns, by threshold.

    ``curvature`` has m second derivatives and m - 1 mixed ones per row, which belong
    to the thresholds ``first[row]``, ``first[row] + 1``, ...; thresholds have a place
    before and one after for predictors that do not exist. ``diag`` (2, n_columns,
    K + 1) and ``off``, zeros before, get the moments of order 1 and 2.
    """
    m = (curvature.shape[1] + 1) // 2
    for a in range(columns.size):
        j = columns[a]
        for e in range(indptr[j], indptr[j + 1]):
            i, x = indices[e], data[e]
            base = first[i] + 1
            for t in range(m):
                h = curvature[i, t] * x
                diag[0, a, base + t] += h
                diag[1, a, base + t] += h * x
            for t in range(m - 1):
                h = curvature[i, m + t] * x
                off[0, a, base + t] += h
                off[1, a, base + t] += h * x


@jit(inner=True)
def _multiply(diag, off, vector, out):
    """Multiply with a padded tridiagonal matrix."""
    size = vector.size
    for k in range(size):
        total = diag[k] * vector[k]
        if k > 0:
            total += off[k - 1] * vector[k - 1]
        if k < size - 1:
            total += off[k] * vector[k + 1]
        out[k] = total


@jit
def row_descent(
    matrix, first, rows, residual, model, z, penalty, limit, max_sweeps, step
):
    """Descend by passes over columns of a sparse matrix.

    ``matrix`` is (indptr, indices, data, columns, centers): columns are centred
    without being stored so, by moving the intercepts along. ``rows`` has the
    curvature of each row, ``residual`` the gradients at its predictors, changed in
    place. ``model`` is (diag, off) of :func:`column_moments` with the sums of the
    curvature, order 0, as last column. ``penalty`` is (l1, l2); ``z`` and ``step``
    are (K - 1, 1 + n_columns), the intercepts first. Returns the number of sweeps.
    """
    indptr, indices, data, columns, centers = matrix
    diag, off = model
    l1, l2 = penalty
    m = residual.shape[1]
    size = z.shape[0]
    width = columns.size
    plain_diag, plain_off = diag[0, width], off[0, width]
    memory, padded = np.zeros((9, size)), np.zeros((5, size + 2))
    work, block_step, block_g = memory[:3], memory[3], memory[4]
    block_diag, block_off = memory[5], memory[6]
    free_diag, free_off = memory[7], memory[8]
    gathered, delta, product = padded[0], padded[1], padded[2]
    # Movement of all predictors that is not in the residuals, and its gradient.
    shift, total = padded[3], padded[4]
    for k in range(size):
        free_diag[k], free_off[k] = plain_diag[k + 1], plain_off[k + 1]
    for i in range(residual.shape[0]):
        for t in range(m):
            total[first[i] + 1 + t] += residual[i, t]
    full = True
    for sweep in range(max_sweeps):
        largest = 0.0
        for a in range(-1, width):
            if a < 0:
                # The intercepts: an exact solution without a pass over the rows.
                for k in range(size):
                    block_g[k] = total[k + 1]
                change = _solve_block(
                    z, block_g, free_diag, free_off, l1, l2, 0, limit, work, block_step
                )
                largest = max(largest, change)
                for k in range(size):
                    step[k, 0] += block_step[k]
                    delta[k + 1] = block_step[k]
                    shift[k + 1] += block_step[k]
                _multiply(plain_diag, plain_off, delta, product)
                for k in range(size + 2):
                    total[k] += product[k]
                continue
            if not full:
                active = _is_free(l1, l2, a + 1)
                for k in range(size):
                    active = active or z[k, a + 1] != 0.0
                if not active:
                    continue
            j = columns[a]
            center = centers[j]
            _multiply(diag[0, a], off[0, a], shift, gathered)
            if m == 2:
                for e in range(indptr[j], indptr[j + 1]):
                    i, x = indices[e], data[e]
                    base = first[i] + 1
                    gathered[base] += x * residual[i, 0]
                    gathered[base + 1] += x * residual[i, 1]
            else:
                for e in range(indptr[j], indptr[j + 1]):
                    i, x = indices[e], data[e]
                    base = first[i] + 1
                    for t in range(m):
                        gathered[base + t] += x * residual[i, t]
            for k in range(size):
                block_g[k] = gathered[k + 1] - center * total[k + 1]
            if _rests(z, block_g, l1, a + 1):
                continue
            for k in range(size):
                block_diag[k] = diag[1, a, k + 1] + center * (
                    center * plain_diag[k + 1] - 2.0 * diag[0, a, k + 1]
                )
            for k in range(size - 1):
                block_off[k] = off[1, a, k + 1] + center * (
                    center * plain_off[k + 1] - 2.0 * off[0, a, k + 1]
                )
            change = _solve_block(
                z, block_g, block_diag, block_off, l1, l2, a + 1, limit, work,
                block_step,
            )  # fmt: skip
            largest = max(largest, change)
            moved = False
            for k in range(size):
                step[k, a + 1] += block_step[k]
                delta[k + 1] = block_step[k]
                moved = moved or block_step[k] != 0.0
            if not moved:
                continue
            _multiply(diag[0, a], off[0, a], delta, product)
            for k in range(size + 2):
                total[k] += product[k]
            for e in range(indptr[j], indptr[j + 1]):
                i, x = indices[e], data[e]
                base = first[i] + 1
                for t in range(m):
                    d = x * delta[base + t]
                    residual[i, t] += rows[i, t] * d
                    if t > 0:
                        residual[i, t - 1] += rows[i, m + t - 1] * d
                    if t < m - 1:
                        residual[i, t + 1] += rows[i, m + t] * d
            if center != 0.0:
                for k in range(size):
                    delta[k + 1] *= -center
                    shift[k + 1] += delta[k + 1]
                _multiply(plain_diag, plain_off, delta, product)
                for k in range(size + 2):
                    total[k] += product[k]
        if largest <= limit:
            if full:
                return sweep + 1
            full = True
        else:
            full = False
    return max_sweeps


@jit
def precondition(diag, off, l2, g, out):
    """Solve, for each column, the tridiagonal curvature of the intercepts plus l2."""
    size, width = g.shape
    memory = np.empty((5, size))
    block_diag, block_off, block_g = memory[0], memory[1], memory[2]
    solution, work = memory[3], memory[4]
    for j in range(width):
        for k in range(size):
            block_g[k] = g[k, j]
            block_diag[k] = diag[k] + l2[k, j]
            if k < size - 1:
                block_diag[k] += l2[k + 1, j]
                block_off[k] = off[k] - l2[k + 1, j]
        _solve_tridiagonal(block_diag, block_off, block_g, solution, work)
        for k in range(size):
            out[k, j] = solution[k]


@jit
def gather_columns(indptr, indices, data, columns, first, residual, out):
    """Multiply columns with the gradients of the rows.

    ``out`` (n_columns, K + 1), zeros before, gets the products.
    """
    m = residual.shape[1]
    for a in range(columns.size):
        j = columns[a]
        for e in range(indptr[j], indptr[j + 1]):
            i, x = indices[e], data[e]
            base = first[i] + 1
            for t in range(m):
                out[a, base + t] += x * residual[i, t]


@jit
def scatter_columns(indptr, indices, data, columns, first, weights, out):
    """Add columns times their weights, ``weights`` (n_columns, K + 1), to rows."""
    m = out.shape[1]
    for a in range(columns.size):
        j = columns[a]
        empty = True
        for k in range(weights.shape[1]):
            empty = empty and weights[a, k] == 0.0
        if empty:
            continue
        for e in range(indptr[j], indptr[j + 1]):
            i, x = indices[e], data[e]
            base = first[i] + 1
            for t in range(m):
                out[i, t] += x * weights[a, base + t]
