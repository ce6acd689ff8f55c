"""Compiled loops of maximization: moments, families of covariances, components.

Tables stand on their side, ``(n_features, n_rows)``, so that the inner loops run over
neighbouring numbers. Kernels call functions of this file only. Inlining by numba
saves compiling a function by itself and once more in the kernel that calls it.

Families of covariances are coded as bits: 1 spherical, 2 diagonal, 4 probabilistic
principal components, 8 full.
"""

import math

import numpy as np

from skext.utils._numba import jit

_SMALLEST_SHARE = 1e-5
_ROUNDING = 1e-14


@jit(reassociate=True)
def moments(rows, spread, weights, n, mean, cov, work):
    """Write weighted mean and covariance of the first ``n`` rows; return the weight.

    ``spread`` has the variances within each row where a row stands for a whole leaf,
    or no columns. ``work`` has room for ``n`` numbers.
    """
    d = rows.shape[0]
    mass = 0.0
    for i in range(n):
        mass += weights[i]
    for j in range(d):
        total = 0.0
        for i in range(n):
            total += weights[i] * rows[j, i]
        mean[j] = total / mass
    for j in range(d):
        m = mean[j]
        for i in range(n):
            work[i] = weights[i] * (rows[j, i] - m)
        for f in range(j + 1):
            total = 0.0
            m = mean[f]
            for i in range(n):
                total += work[i] * (rows[f, i] - m)
            cov[j, f] = total / mass
            cov[f, j] = cov[j, f]
    if spread.shape[1] > 0:
        for j in range(d):
            total = 0.0
            for i in range(n):
                total += weights[i] * spread[j, i]
            cov[j, j] += total / mass
    return mass


@jit(reassociate=True)
def _cholesky(matrix, lower):
    """Write the Cholesky factor; return the logarithm of the determinant."""
    d = matrix.shape[0]
    log_det = 0.0
    for j in range(d):
        for i in range(j, d):
            s = matrix[i, j]
            for f in range(j):
                s -= lower[i, f] * lower[j, f]
            if i == j:
                # What is smaller is rounding.
                s = math.sqrt(max(s, _ROUNDING * matrix[j, j], 1e-300))
                lower[j, j] = s
                log_det += 2.0 * math.log(s)
            else:
                lower[i, j] = s / lower[j, j]
                lower[j, i] = 0.0
    return log_det


@jit(reassociate=True)
def _invert_transposed(lower, factor):
    """Write P, upper triangular, with inverse covariance P @ P.T, over zeros."""
    d = lower.shape[0]
    for j in range(d):
        factor[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, d):
            s = 0.0
            for f in range(j, i):
                s += lower[i, f] * factor[j, f]
            factor[j, i] = -s / lower[i, i]


@jit(inline="always")
def choose_family(cov, mass, count, rules, full, factor):
    """Choose the family of one covariance by its information criterion.

    ``cov`` is the maximum likelihood estimate on entry and the model's on exit.
    ``rules`` is (smallest variances, ridge, logarithm of the sample size, families).
    Returns logarithm of the determinant, number of parameters, family, criterion, and
    whether principal components might be better; then their eigenvectors are those
    of ``full``.
    """
    floor, ridge, log_n, families = rules
    d = cov.shape[0]
    trace = 0.0
    ratio = 0.0
    level = 0.0
    diag_log_det = 0.0
    for j in range(d):
        v = max(cov[j, j], floor[j])
        trace += cov[j, j]
        level += v
        ratio += cov[j, j] / v
        diag_log_det += math.log(v)
    level /= d
    eigen = d > 1 and (families & 12) > 0 and count > d + 1.0
    best = np.inf
    family = 0
    n_params = 0.0
    log_det = 0.0
    if d == 1 or (families & 1) > 0 or ((families & 2) == 0 and not eigen):
        best = mass * (d * math.log(level) + trace / level) + (d + 1.0) * log_n
        family = 1
        n_params = d + 1.0
        log_det = d * math.log(level)
    if d > 1 and (families & 2) > 0:
        score = mass * (diag_log_det + ratio) + 2.0 * d * log_n
        if score < best:
            best = score
            family = 2
            n_params = 2.0 * d
            log_det = diag_log_det
    wanted = False
    if eigen:
        for i in range(d):
            for j in range(d):
                full[i, j] = cov[i, j]
            full[i, i] += max(floor[i] - cov[i, i], 0.0) + ridge[i]
        full_log_det = _cholesky(full, factor)
        # With two features probabilistic principal components are the full family.
        if (families & 8) > 0 or d == 2:
            p = d + 0.5 * d * (d + 1.0)
            score = mass * (full_log_det + d) + p * log_n
            if score < best:
                best = score
                family = 8
                n_params = p
                log_det = full_log_det
        # No rank has a higher likelihood than the full matrix.
        bound = mass * (full_log_det + d) + (2.0 * d + 1.0) * log_n
        wanted = (families & 4) > 0 and d > 2 and bound < best
    if family == 8:
        _write_full(full, factor, cov)
    elif family > 0:
        _write_diagonal(cov, floor, family, level, factor)
    return log_det, n_params, family, best, wanted


@jit
def try_components(values, vectors, mass, log_n, best, cov, factor):
    """Compare probabilistic principal components of every rank with the best so far.

    ``values`` ascend. If a rank is better, its covariance is written. Returns
    logarithm of the determinant and number of parameters, which is zero if none is.
    """
    d = values.size
    least = max(_ROUNDING * values[d - 1], 1e-300)
    total = 0.0
    for j in range(d):
        total += max(values[j], least)
    rank = 0
    noise = 0.0
    n_params = 0.0
    kept_log = 0.0
    kept = 0.0
    for q in range(1, d - 1):
        value = max(values[d - q], least)
        kept_log += math.log(value)
        kept += value
        rest = (total - kept) / (d - q)
        if rest <= 0.0:
            continue
        p = d + 1.0 + d * q - 0.5 * q * (q - 1)
        score = mass * (kept_log + (d - q) * math.log(rest) + d) + p * log_n
        if score < best:
            best = score
            rank = q
            noise = rest
            n_params = p
    if rank == 0:
        return 0.0, 0.0
    full = np.zeros((d, d))
    for k in range(d - rank, d):
        extra = values[k] - noise
        for i in range(d):
            a = extra * vectors[i, k]
            for j in range(i + 1):
                full[i, j] += a * vectors[j, k]
    for i in range(d):
        full[i, i] += noise
        for j in range(i):
            full[j, i] = full[i, j]
    log_det = _cholesky(full, factor)
    _write_full(full, factor, cov)
    return log_det, n_params


@jit(inline="always")
def _write_full(full, factor, cov):
    """Write the covariance, and turn its Cholesky factor into that of the inverse.

    An assignment of slices would compile the text of its error message, for seconds.
    """
    d = cov.shape[0]
    inverse = np.zeros((d, d))
    _invert_transposed(factor, inverse)
    for i in range(d):
        for j in range(d):
            cov[i, j] = full[i, j]
            factor[i, j] = inverse[i, j]


@jit(inline="always")
def _write_diagonal(cov, floor, family, level, factor):
    """Write covariance and factor of a spherical or diagonal family."""
    d = cov.shape[0]
    for j in range(d):
        v = level if family == 1 else max(cov[j, j], floor[j])
        for f in range(d):
            cov[j, f] = 0.0
            factor[j, f] = 0.0
        cov[j, j] = v
        factor[j, j] = 1.0 / math.sqrt(v)


@jit(inline="always")
def _gather(rows, spread, weights, resp, index, part, inner, a):
    """Collect the rows that a component has a share of; return how many."""
    # As a literal, the number would compile its readers once more.
    c = np.int64(0)
    for i in range(resp.size):
        if resp[i] > _SMALLEST_SHARE:
            index[c] = i
            a[c] = resp[i] * weights[i]
            c += 1
    for j in range(rows.shape[0]):
        for t in range(c):
            part[j, t] = rows[j, index[t]]
    if spread.shape[1] > 0:
        for j in range(rows.shape[0]):
            for t in range(c):
                inner[j, t] = spread[j, index[t]]
    return c


@jit(inline="always")
def _rotate_to_diagonal(matrix, vectors):
    """Find eigenvectors by Jacobi's rotations; the eigenvalues become the diagonal."""
    d = matrix.shape[0]
    for i in range(d):
        for j in range(d):
            vectors[i, j] = 1.0 if i == j else 0.0
    for _ in range(30):
        moved = False
        for p in range(d - 1):
            for q in range(p + 1, d):
                a = matrix[p, q]
                if abs(a) <= 1e-15 * math.sqrt(abs(matrix[p, p] * matrix[q, q])):
                    continue
                moved = True
                theta = (matrix[q, q] - matrix[p, p]) / (2.0 * a)
                t = 1.0 / (abs(theta) + math.sqrt(theta * theta + 1.0))
                if theta < 0.0:
                    t = -t
                c = 1.0 / math.sqrt(t * t + 1.0)
                s = t * c
                for k in range(d):
                    x = matrix[k, p]
                    y = matrix[k, q]
                    matrix[k, p] = c * x - s * y
                    matrix[k, q] = s * x + c * y
                for k in range(d):
                    x = matrix[p, k]
                    y = matrix[q, k]
                    matrix[p, k] = c * x - s * y
                    matrix[q, k] = s * x + c * y
                    x = vectors[k, p]
                    y = vectors[k, q]
                    vectors[k, p] = c * x - s * y
                    vectors[k, q] = s * x + c * y
        if not moved:
            break


@jit
def eigen_small(matrix, values, vectors):
    """Write eigenvalues, ascending, and eigenvectors; the matrix is overwritten."""
    d = matrix.shape[0]
    _rotate_to_diagonal(matrix, vectors)
    for i in range(d):
        values[i] = matrix[i, i]
    for i in range(d - 1):
        least = i
        for j in range(i + 1, d):
            if values[j] < values[least]:
                least = j
        v = values[i]
        values[i] = values[least]
        values[least] = v
        for k in range(d):
            v = vectors[k, i]
            vectors[k, i] = vectors[k, least]
            vectors[k, least] = v


@jit
def fit_components(data, rules, resp, model, kept, larger, matrices):
    """Fit all components to the rows that they have a share of.

    Components with less than one and a half rows are dropped, unless there is only
    one, and the later ones move up. ``kept`` gets the components that are left.
    ``larger`` tells for which ones the principal components of ``matrices`` are still
    to be tried. Returns how many components are left.
    """
    rows, spread, weights, counts = data
    mass, means, covs, factors, log_dets, n_params, family, scores = model
    d, n = rows.shape
    index = np.empty(n, dtype=np.int64)
    part = np.empty((d, n))
    inner = np.empty((d, n if spread.shape[1] > 0 else 0))
    a = np.empty(n)
    line = np.empty(n)
    left = 0
    for j in range(resp.shape[0]):
        count = 0.0
        different = 0.0
        for i in range(n):
            count += resp[j, i] * counts[i]
            different += resp[j, i]
        if spread.shape[1] > 0:
            # What has a width has no need of others for a covariance.
            different = count
        if count < 1.5 and resp.shape[0] > 1:
            continue
        c = _gather(rows, spread, weights, resp[j], index, part, inner, a)
        m = moments(part, inner, a, c, means[left], covs[left], line)
        log_det, p, f, best, wanted = choose_family(
            covs[left], m, different, rules, matrices[left], factors[left]
        )
        larger[left] = wanted
        mass[left] = m
        log_dets[left] = log_det
        n_params[left] = p
        family[left] = f
        scores[left] = best
        kept[left] = j
        left += 1
    return left
