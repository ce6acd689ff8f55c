"""Messages of a bag whose numbers of rows of all classes are known.

The rows of a bag are independent given their scores ``h``, one for each class, and
the factor of the bag is one where the numbers of rows of all classes are the known
ones. Wanted for each row are the logarithms of what the factor says for each class.

As with one count, everything is computed for tilted scores ``h + tilt`` under which
the known counts are the expected ones, which changes nothing in exact arithmetic.
Small bags go through the recursion over the lattice of partial counts. For large ones
the number of the other rows is approximately Gaussian under the tilt; a second tilt
makes rows add up to the counts.
"""

import math

import numpy as np

from skext.utils._numba import jit

# Scores of classes that the counts of a bag rule out.
RULED_OUT = -1000.0


@jit
def _log_sum(x):
    top = x.max()
    total = 0.0
    for value in x:
        total += math.exp(value - top)
    return top + math.log(total)


@jit
def _softmax(x, shift, out):
    top = -np.inf
    for c in range(x.size):
        out[c] = x[c] + shift[c]
        top = max(top, out[c])
    total = 0.0
    for c in range(x.size):
        out[c] = math.exp(out[c] - top)
        total += out[c]
    for c in range(x.size):
        out[c] /= total


@jit
def _invert(matrix, inverse):
    """Invert a small positive definite matrix in place; return its log-determinant."""
    size = matrix.shape[0]
    inverse[:] = 0.0
    log_determinant = 0.0
    for j in range(size):
        inverse[j, j] = 1.0
    for j in range(size):
        pivot = max(matrix[j, j], 1e-12)
        log_determinant += math.log(pivot)
        for k in range(size):
            matrix[j, k] /= pivot
            inverse[j, k] /= pivot
        for i in range(size):
            if i != j:
                factor = matrix[i, j]
                for k in range(size):
                    matrix[i, k] -= factor * matrix[j, k]
                    inverse[i, k] -= factor * inverse[j, k]
    return log_determinant


@jit
def _expected(h, tilt, p, sums, variance):
    """Write tilted probabilities, expected counts and the reduced covariance."""
    size, n = h.shape
    sums[:] = 0.0
    variance[:] = 0.0
    for i in range(size):
        _softmax(h[i], tilt, p[i])
        for c in range(n):
            sums[c] += p[i, c]
        for c in range(n - 1):
            variance[c, c] += p[i, c]
            for d in range(n - 1):
                variance[c, d] -= p[i, c] * p[i, d]


@jit
def find_tilts(h, counts, tilt, p, relative):
    """Find the tilt under which the counts are expected, and tilted probabilities.

    A Newton step is kept if it halves the error; otherwise rows and columns are scaled
    by turns, which always converges.

    Parameters
    ----------
    h : ndarray of shape (size, n_classes)
        Scores.
    counts : ndarray of shape (n_classes,)
        Positive counts.
    tilt : ndarray of shape (n_classes,)
        Where to start; gets the tilt.
    p : ndarray of shape (size, n_classes)
        Gets the probabilities.
    relative : float
        Largest error of a count, in rows, at which to stop.
    """
    n = counts.size
    sums, old = np.empty(n), np.empty(n)
    variance, inverse = np.empty((n - 1, n - 1)), np.empty((n - 1, n - 1))
    last, newton = np.inf, False
    for _ in range(1000):
        _expected(h, tilt, p, sums, variance)
        error = 0.0
        for c in range(n):
            error = max(error, abs(sums[c] - counts[c]))
        if error <= relative:
            break
        if newton and not error < 0.5 * last:
            # Back to where the step was taken from, and scale instead.
            tilt[:] = old
            _expected(h, tilt, p, sums, variance)
            newton = False
        else:
            newton = True
            last = error
        if newton:
            old[:] = tilt
            _invert(variance, inverse)
            for c in range(n - 1):
                step = 0.0
                for d in range(n - 1):
                    step += inverse[c, d] * (counts[d] - sums[d])
                tilt[c] += min(max(step, -20.0), 20.0)
        else:
            for c in range(n):
                tilt[c] += math.log(counts[c] / max(sums[c], 1e-300))
            last = np.inf
    return


@jit
def _messages_by_lattice(p, counts, tilt, message):
    """Write messages by recursions over partial counts of all but the last class.

    Returns the logarithm of the tilted probability of the counts.
    """
    size, n = p.shape
    strides, length = np.empty(n - 1, dtype=np.int64), 1
    for c in range(n - 1):
        strides[c] = length
        length *= int(counts[c]) + 1
    place = np.empty((length, n - 1), dtype=np.int64)
    for state in range(length):
        for c in range(n - 1):
            place[state, c] = (state // strides[c]) % (int(counts[c]) + 1)
    forward = np.zeros((size + 1, length))
    forward[0, 0] = 1.0
    for i in range(size):
        for state in range(length):
            value = forward[i, state] * p[i, n - 1]
            for c in range(n - 1):
                if place[state, c] > 0:
                    value += forward[i, state - strides[c]] * p[i, c]
            forward[i + 1, state] = value
    backward = np.zeros(length)
    backward[length - 1] = 1.0
    said = np.empty(n)
    for i in range(size - 1, -1, -1):
        said[:] = 0.0
        for state in range(length):
            reached = forward[i, state]
            value = p[i, n - 1] * backward[state]
            said[n - 1] += reached * backward[state]
            for c in range(n - 1):
                if place[state, c] < int(counts[c]):
                    ahead = backward[state + strides[c]]
                    said[c] += reached * ahead
                    value += p[i, c] * ahead
            # What comes later in the order has not been overwritten yet.
            backward[state] = value
        floor = 1e-15 * said.sum()
        for c in range(n):
            message[i, c] = math.log(max(said[c], floor)) + tilt[c]
    return math.log(forward[size, length - 1])


@jit
def _messages_by_gauss(h, p, counts, tilt, message):
    """Write messages by a Gaussian law of the counts of the other rows.

    Returns the saddle-point approximation of the logarithm of the tilted probability.
    """
    size, n = p.shape
    m = n - 1
    total, other = np.zeros((m, m)), np.empty((m, m))
    inverse, d = np.empty((m, m)), np.empty(m)
    for i in range(size):
        for c in range(m):
            total[c, c] += p[i, c]
            for k in range(m):
                total[c, k] -= p[i, c] * p[i, k]
    for i in range(size):
        for c in range(m):
            for k in range(m):
                other[c, k] = total[c, k] + p[i, c] * p[i, k]
            other[c, c] -= p[i, c] - 1e-10
        _invert(other, inverse)
        for c in range(n):
            for k in range(m):
                d[k] = (1.0 if k == c else 0.0) - p[i, k]
            quadratic = 0.0
            for j in range(m):
                for k in range(m):
                    quadratic += d[j] * inverse[j, k] * d[k]
            message[i, c] = tilt[c] - min(0.5 * quadratic, 34.5)
    again = np.zeros(n)
    find_tilts(h + message, counts, again, p, 1e-12 * size)
    for i in range(size):
        for c in range(n):
            message[i, c] += again[c]
    log_determinant = _invert(total, inverse)
    return -0.5 * (m * math.log(2.0 * math.pi) + log_determinant)


@jit
def _bag(h, counts, limit, tilt, message):
    """Write the messages of a bag; return the log-probability of its counts."""
    size, n_classes = h.shape
    active = np.flatnonzero(counts > 0.0)
    n = active.size
    log_probability = 0.0
    message[:] = 0.0
    # The class with the most rows comes last: the lattice leaves it out.
    most = 0
    for c in range(n):
        if counts[active[c]] > counts[active[most]]:
            most = c
    active[most], active[n - 1] = active[n - 1], active[most]
    x, wanted, t = np.empty((size, n)), np.empty(n), np.empty(n)
    for c in range(n):
        wanted[c] = counts[active[c]]
        t[c] = tilt[active[c]]
    for i in range(size):
        for c in range(n):
            x[i, c] = h[i, active[c]]
        log_probability -= _log_sum(h[i])
        for c in range(n_classes):
            if counts[c] <= 0.0:
                message[i, c] = RULED_OUT
    if n == 1:
        for i in range(size):
            log_probability += x[i, 0]
        return log_probability
    length = 1.0
    for c in range(n - 1):
        length *= wanted[c] + 1.0
    exact = size * length <= limit
    p, found = np.empty((size, n)), np.empty((size, n))
    find_tilts(x, wanted, t, p, 0.1 if exact else 1e-10 * size)
    shifted = np.empty(n)
    for i in range(size):
        for c in range(n):
            shifted[c] = x[i, c] + t[c]
        log_probability += _log_sum(shifted)
    for c in range(n):
        log_probability -= t[c] * wanted[c]
        tilt[active[c]] = t[c]
    if exact:
        log_probability += _messages_by_lattice(p, wanted, t, found)
    else:
        log_probability += _messages_by_gauss(x, p, wanted, t, found)
    for i in range(size):
        top = found[i].max()
        for c in range(n):
            message[i, active[c]] = found[i, c] - top
    return log_probability


@jit
def count_vector_messages(h, indptr, counts, limit, tilts, messages, logs, start, stop):
    """Write the messages of the bags start:stop.

    Parameters
    ----------
    h : ndarray of shape (n_samples, n_classes)
        Scores of the rows, bag after bag.
    indptr : ndarray of shape (n_bags + 1,)
        Where bags start and end.
    counts : ndarray of shape (n_bags, n_classes)
        Whole numbers of rows of all classes; NaN is unknown.
    limit : float
        Largest number of rows times states for which the lattice is used.
    tilts : ndarray of shape (n_bags, n_classes)
        Where to look for the tilts first; gets those that were used.
    messages : ndarray of shape (n_samples, n_classes)
        Gets the messages.
    logs : ndarray of shape (n_bags,)
        Gets the logarithms of the probabilities of the counts.
    """
    for b in range(start, stop):
        first, last = indptr[b], indptr[b + 1]
        if np.isnan(counts[b]).any():
            messages[first:last] = 0.0
            logs[b] = 0.0
        elif last > first:
            logs[b] = _bag(
                h[first:last], counts[b], limit, tilts[b], messages[first:last]
            )
