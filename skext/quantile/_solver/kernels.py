"""Compiled passes over the rows for the weights of an aggregation.

The interior-point passes work on a table ``A`` of shape (n_columns, n_rows), one
column of the problem after the other, in blocks of rows that stay in the cache. The
passes over all data take a table of shape (n_groups, n_columns, n_members): one
problem row for each group and member, so that one level is (1, n_columns, n_rows)
and all levels together are (n_samples, n_models, n_levels), without a copy.

A loop either writes or sums, or it is in a function that may not reorder sums: else
whether a loop is vectorised, and so its rounding, could depend on where arrays lie in
memory.
"""

import numpy as np

from skext.utils._numba import jit

_BLOCK = 256


@jit(reassociate=True)
def evaluate(A, y, up, lo, w, state, move, r, d, scratch, H, Aa, Ah, sums):
    """Take a step, then collect all that the next step needs.

    Parameters
    ----------
    A : ndarray of shape (n_columns, n_rows)
        The table.
    y : ndarray of shape (n_rows,)
        The target.
    up, lo : ndarrays of shape (n_rows,)
        Ends of the dual box ``[-lo, up]``.
    w : ndarray of shape (n_columns,)
        Weights after the step.
    state : ndarray of shape (4, n_rows)
        Positive and negative part of the residuals, distance of the dual variable to
        the upper and to the lower end of its box; moved.
    move : ndarray of shape (4, n_rows)
        What is added to ``state``.
    r, d : ndarrays of shape (n_rows,)
        Outputs: residuals, weights of the normal equations.
    scratch : ndarray of shape (n_columns, block)
        Memory for weighted rows.
    H : ndarray of shape (n_columns, n_columns)
        Output, zeros before: normal equations, lower triangle.
    Aa, Ah : ndarrays of shape (n_columns,)
        Outputs, zeros before: products of the table with the dual variable and with
        ``d * r``.
    sums : ndarray of shape (3,)
        Outputs: loss, product of target and dual variable, complementarity.
    """
    n_columns, n_rows = A.shape
    loss = value = products = 0.0
    for start in range(0, n_rows, _BLOCK):
        stop = min(start + _BLOCK, n_rows)
        for i in range(start, stop):
            r[i] = y[i]
        for j in range(n_columns):
            wj = w[j]
            for i in range(start, stop):
                r[i] -= wj * A[j, i]
        part = _move_rows(y, up, lo, state, move, r, d, start, stop)
        loss += part[0]
        value += part[1]
        products += part[2]
        for j in range(n_columns):
            for i in range(start, stop):
                scratch[j, i - start] = d[i] * A[j, i]
        for j in range(n_columns):
            total_a = total_h = 0.0
            for i in range(start, stop):
                total_a += A[j, i] * (up[i] - state[2, i])
                total_h += scratch[j, i - start] * r[i]
            Aa[j] += total_a
            Ah[j] += total_h
        _add_products(A, scratch, start, stop, H)
    sums[0] = loss
    sums[1] = value
    sums[2] = products


@jit(inner=True)
def _move_rows(y, up, lo, state, move, r, d, start, stop):
    """Move the state of some rows; return loss, dual value and complementarity."""
    loss = value = products = 0.0
    for i in range(start, stop):
        u = state[0, i] + move[0, i]
        v = state[1, i] + move[1, i]
        p = state[2, i] + move[2, i]
        g = state[3, i] + move[3, i]
        state[0, i] = u
        state[1, i] = v
        state[2, i] = p
        state[3, i] = g
        loss += max(up[i] * r[i], -lo[i] * r[i])
        value += y[i] * (up[i] - p)
        products += u * p + v * g
        d[i] = p * g / (u * g + v * p)
    return loss, value, products


@jit(reassociate=True, inner=True)
def _add_products(A, weighted, start, stop, H):
    """Add ``weighted @ A[:, start:stop].T`` to the lower triangle, four rows at a time.

    Tiles of two by four sums need half the loads of single sums.
    """
    n_columns = A.shape[0]
    for j in range(0, n_columns - 1, 2):
        k = 0
        while k + 2 <= j + 2:
            a = b = c = e = 0.0
            for i in range(start, stop):
                x, z = weighted[j, i - start], weighted[j + 1, i - start]
                a += x * A[k, i]
                b += x * A[k + 1, i]
                c += z * A[k, i]
                e += z * A[k + 1, i]
            H[j, k] += a
            H[j, k + 1] += b
            H[j + 1, k] += c
            H[j + 1, k + 1] += e
            k += 2
    if n_columns % 2:
        j = n_columns - 1
        for k in range(n_columns):
            a = 0.0
            for i in range(start, stop):
                a += weighted[j, i - start] * A[k, i]
            H[j, k] += a


@jit(reassociate=True)
def predict_step(A, w_step, state, r, d, s, da, c0, c1, Ac0, Ac1, sums):
    """Move rows along the affine direction and prepare the corrector.

    The right-hand side of the corrector is linear in the centring parameter, which is
    known only afterwards: ``c0 + centre * c1``.

    Parameters
    ----------
    A : ndarray of shape (n_columns, n_rows)
        The table.
    w_step : ndarray of shape (n_columns,)
        Affine direction of the weights.
    state : ndarray of shape (4, n_rows)
        As in ``evaluate``.
    r, d, s : ndarrays of shape (n_rows,)
        Residuals, weights of the normal equations, weights of the rows.
    da, c0, c1 : ndarrays of shape (n_rows,)
        Outputs: direction of the dual variable and the two right-hand sides.
    Ac0, Ac1 : ndarrays of shape (n_columns,)
        Outputs, zeros before: their products with the table.
    sums : ndarray of shape (5,)
        Outputs: largest relative decrease of the primal and of the dual rows, and the
        three coefficients of the complementarity along both steps.
    """
    n_columns, n_rows = A.shape
    primal = dual = by_primal = by_dual = by_both = 0.0
    for start in range(0, n_rows, _BLOCK):
        stop = min(start + _BLOCK, n_rows)
        for i in range(start, stop):
            da[i] = r[i]
        for j in range(n_columns):
            wj = w_step[j]
            for i in range(start, stop):
                da[i] -= wj * A[j, i]
        part = _predict_rows(state, r, d, s, da, c0, c1, start, stop)
        primal = max(primal, part[0])
        dual = max(dual, part[1])
        by_primal += part[2]
        by_dual += part[3]
        by_both += part[4]
        for j in range(n_columns):
            total_0 = total_1 = 0.0
            for i in range(start, stop):
                total_0 += A[j, i] * c0[i]
                total_1 += A[j, i] * c1[i]
            Ac0[j] += total_0
            Ac1[j] += total_1
    sums[0] = primal
    sums[1] = dual
    sums[2] = by_primal
    sums[3] = by_dual
    sums[4] = by_both


@jit(inner=True)
def _predict_rows(state, r, d, s, da, c0, c1, start, stop):
    """Affine direction of some rows; return its limits and its coefficients."""
    primal = dual = by_primal = by_dual = by_both = 0.0
    for i in range(start, stop):
        u, v, p, g = state[0, i], state[1, i], state[2, i], state[3, i]
        step = da[i] * d[i]
        over_p, over_g = 1.0 / p, 1.0 / g
        x, z = step * over_p, step * over_g
        du, dv = u * (x - 1.0), -v * (z + 1.0)
        primal = max(primal, max(1.0 - x, 1.0 + z))
        dual = max(dual, max(x, -z))
        by_primal += du * p + dv * g
        by_dual += step * (v - u)
        by_both += step * (dv - du)
        da[i] = step
        c0[i] = d[i] * (r[i] - step * (du * over_p + dv * over_g))
        c1[i] = d[i] * (over_g - over_p) * s[i]
    return primal, dual, by_primal, by_dual, by_both


@jit(reassociate=True)
def correct_step(A, w_step, state, d, s, da, c0, c1, centre, move, sums):
    """Compute the direction of all rows; ``da`` is the affine one and is used up.

    Parameters
    ----------
    A : ndarray of shape (n_columns, n_rows)
        The table.
    w_step : ndarray of shape (n_columns,)
        Direction of the weights.
    state : ndarray of shape (4, n_rows)
        As in ``evaluate``.
    d, s, da, c0, c1 : ndarrays of shape (n_rows,)
        As filled by the passes before, and the weights of the rows.
    centre : float
        Complementarity to aim at, for a row of weight one.
    move : ndarray of shape (4, n_rows)
        Output: direction of ``state``.
    sums : ndarray of shape (2,)
        Outputs: largest relative decrease of the primal and of the dual rows.
    """
    n_columns, n_rows = A.shape
    primal = dual = 0.0
    for start in range(0, n_rows, _BLOCK):
        stop = min(start + _BLOCK, n_rows)
        for i in range(start, stop):
            move[3, i] = 0.0
        for j in range(n_columns):
            wj = w_step[j]
            for i in range(start, stop):
                move[3, i] += wj * A[j, i]
        part = _correct_rows(state, d, s, da, c0, c1, centre, move, start, stop)
        primal = max(primal, part[0])
        dual = max(dual, part[1])
    sums[0] = primal
    sums[1] = dual


@jit(inner=True)
def _correct_rows(state, d, s, da, c0, c1, centre, move, start, stop):
    """Direction of some rows, whose product with the table is in ``move[3]``."""
    primal = dual = 0.0
    for i in range(start, stop):
        u, v, p, g = state[0, i], state[1, i], state[2, i], state[3, i]
        affine = da[i]
        over_p, over_g = 1.0 / p, 1.0 / g
        du = u * (affine * over_p - 1.0)
        dv = -v * (affine * over_g + 1.0)
        step = c0[i] + centre * c1[i] - d[i] * move[3, i]
        aim = centre * s[i]
        du = (aim + du * affine + u * step) * over_p - u
        dv = (aim - dv * affine - v * step) * over_g - v
        primal = max(primal, max(-du / u, -dv / v))
        dual = max(dual, max(step * over_p, -step * over_g))
        move[0, i] = du
        move[1, i] = dv
        move[2, i] = -step
        move[3, i] = step
    return primal, dual


@jit(reassociate=True)
def residuals(table, y, w, constant, out):
    """Residuals of all rows of a grouped table.

    Parameters
    ----------
    table : ndarray of shape (n_groups, n_columns, n_members)
        The table.
    y : ndarray of shape (n_groups, n_members)
        The target.
    w : ndarray of shape (n_columns,)
        Weights.
    constant : float
        Intercept.
    out : ndarray of shape (n_groups, n_members)
        Output.
    """
    n_groups, n_columns, n_members = table.shape
    for group in range(n_groups):
        for start in range(0, n_members, _BLOCK):
            stop = min(start + _BLOCK, n_members)
            for i in range(start, stop):
                out[group, i] = y[group, i] - constant
            for j in range(n_columns):
                wj = w[j]
                if wj != 0.0:
                    for i in range(start, stop):
                        out[group, i] -= wj * np.float64(table[group, j, i])


@jit(reassociate=True)
def adjoint(table, a, center, out):
    """Product of every column of a grouped table with a value for each row.

    Parameters
    ----------
    table : ndarray of shape (n_groups, n_columns, n_members)
        The table.
    a : ndarray of shape (n_groups, n_members)
        Values.
    center : ndarray of shape (n_columns,)
        What is subtracted from each column first.
    out : ndarray of shape (n_columns,)
        Output, zeros before.
    """
    n_groups, n_columns, n_members = table.shape
    for group in range(n_groups):
        for start in range(0, n_members, _BLOCK):
            stop = min(start + _BLOCK, n_members)
            for j in range(n_columns):
                middle, total = center[j], 0.0
                for i in range(start, stop):
                    total += (np.float64(table[group, j, i]) - middle) * a[group, i]
                out[j] += total


@jit(reassociate=True)
def spreads(table, columns, reference, factor, out):
    """Norm of ``factor.T @ c`` for every row, ``c`` its contrasts to one column.

    Parameters
    ----------
    table : ndarray of shape (n_groups, n_columns, n_members)
        The table.
    columns : ndarray of shape (n_active,)
        Columns that take part.
    reference : int
        Column that is subtracted; -1 for none.
    factor : ndarray of shape (n_active + 1, n_active + 1)
        Triangular root of a covariance; the last row and column belong to a constant
        and are zero without an intercept.
    out : ndarray of shape (n_groups, n_members)
        Output.
    """
    n_groups, _, n_members = table.shape
    n_active = columns.shape[0]
    c = np.empty((n_active + 1, _BLOCK))
    for group in range(n_groups):
        for start in range(0, n_members, _BLOCK):
            stop = min(start + _BLOCK, n_members)
            for j in range(n_active):
                column = columns[j]
                for i in range(start, stop):
                    c[j, i - start] = table[group, column, i]
                if reference >= 0:
                    for i in range(start, stop):
                        c[j, i - start] -= table[group, reference, i]
            for i in range(start, stop):
                c[n_active, i - start] = 1.0
                out[group, i] = 0.0
            for k in range(n_active + 1):
                for i in range(stop - start):
                    total = 0.0
                    for j in range(k, n_active + 1):
                        total += factor[j, k] * c[j, i]
                    out[group, start + i] += total * total
            for i in range(start, stop):
                out[group, i] = np.sqrt(out[group, i])


@jit
def glue(r, band, tau, s, side, a):
    """Sort rows into above, inside and below a band around zero.

    Parameters
    ----------
    r : ndarray of shape (n_groups, n_members)
        Residuals.
    band : ndarray of shape (n_groups, n_members)
        Half the width of the band.
    tau, s : ndarrays of shape (n_groups, n_members)
        Levels and weights of the rows.
    side : ndarray of shape (n_groups, n_members)
        Output, of int8: 1 above, 0 inside, -1 below.
    a : ndarray of shape (n_groups, n_members)
        Output: dual variable of the rows outside, zero inside.

    Returns
    -------
    n_inside : int
        Number of rows inside.
    """
    n_inside = 0
    for group in range(r.shape[0]):
        for i in range(r.shape[1]):
            if r[group, i] > band[group, i]:
                side[group, i] = 1
                a[group, i] = tau[group, i] * s[group, i]
            elif r[group, i] < -band[group, i]:
                side[group, i] = -1
                a[group, i] = (tau[group, i] - 1.0) * s[group, i]
            else:
                side[group, i] = 0
                a[group, i] = 0.0
                n_inside += 1
    return n_inside


@jit
def release(r, side, a):
    """Put rows back that ended on the wrong side.

    Parameters
    ----------
    r : ndarray of shape (n_groups, n_members)
        Residuals.
    side : ndarray of shape (n_groups, n_members)
        As ``glue`` left it; changed.
    a : ndarray of shape (n_groups, n_members)
        Dual variable of the rows outside; changed.

    Returns
    -------
    n_released : int
        Number of such rows.
    """
    n_released = 0
    for group in range(r.shape[0]):
        for i in range(r.shape[1]):
            if side[group, i] * r[group, i] < 0.0:
                side[group, i] = 0
                a[group, i] = 0.0
                n_released += 1
    return n_released


@jit(reassociate=True)
def loss(r, tau, s):
    """Weighted pinball loss, summed over all rows.

    Parameters
    ----------
    r : ndarray of shape (n_groups, n_members)
        Residuals.
    tau, s : ndarrays of shape (n_groups, n_members)
        Levels and weights of the rows.

    Returns
    -------
    total : float
        The sum.
    """
    total = 0.0
    for group in range(r.shape[0]):
        for i in range(r.shape[1]):
            x = r[group, i]
            total += s[group, i] * max(tau[group, i] * x, (tau[group, i] - 1.0) * x)
    return total


@jit(reassociate=True)
def excess(r, tau, s, a):
    """Loss that a dual variable does not account for, summed over all rows.

    No term is negative where the dual variable is in its box, so that large losses of
    few rows do not drown the sum.

    Parameters
    ----------
    r : ndarray of shape (n_groups, n_members)
        Residuals.
    tau, s : ndarrays of shape (n_groups, n_members)
        Levels and weights of the rows.
    a : ndarray of shape (n_groups, n_members)
        Dual variable.

    Returns
    -------
    total : float
        The sum.
    """
    total = 0.0
    for group in range(r.shape[0]):
        for i in range(r.shape[1]):
            x, w = r[group, i], s[group, i]
            up = tau[group, i] * w
            lo = (tau[group, i] - 1.0) * w
            total += max((up - a[group, i]) * x, (lo - a[group, i]) * x)
    return total


@jit(reassociate=True)
def price(table, a, out):
    """Product of every column of a row-major table with a value for each row.

    Parameters
    ----------
    table : ndarray of shape (n_rows, n_columns)
        The table.
    a : ndarray of shape (n_rows,)
        Values.
    out : ndarray of shape (n_columns,)
        Output, zeros before.
    """
    n_rows, n_columns = table.shape
    for i in range(n_rows):
        ai = a[i]
        for j in range(n_columns):
            out[j] += ai * np.float64(table[i, j])
