"""Exact messages of a bag whose number of positive rows is known.

The rows of a bag are independent given their log-odds ``h``; the factor of the bag is
``f(k)`` for ``k`` positive rows: one at the known count and zero elsewhere, or
``exp(-strength * (k - count)^2)``. Wanted for each row is the log-ratio of what the
factor says for a positive and for a negative row.

Everything is computed for tilted log-odds ``h + tilt`` under which the count is the
expected one. That changes nothing in exact arithmetic, and keeps all numbers of a size
that floating point can hold. Small bags go through the recursion over partial counts;
large ones through the Fourier transform of the count, at a number of frequencies that
does not grow with the bag.
"""

import math

import numpy as np

from skext.utils._numba import jit

# Log-odds of rows that the count of their bag decides.
CERTAIN = 1000.0
# Up to here the recursion, with its products of positive numbers, is the faster one.
SMALL_BAG = 48


@jit
def _probability(x):
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


@jit
def _softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@jit
def find_tilt(h, count, strength, tilt):
    """Return a tilt under which about ``count`` rows are positive.

    Any tilt gives the same messages, so a root to within a fraction of the standard
    deviation of the count is enough. Newton steps are kept inside a bracket.
    """
    inverse = 0.0 if np.isinf(strength) else 0.5 / strength
    low, high = -np.inf, np.inf
    for _ in range(200):
        total, variance = 0.0, 0.0
        for i in range(h.size):
            q = _probability(h[i] + tilt)
            total += q
            variance += q * (1.0 - q)
        excess = total - count + tilt * inverse
        if abs(excess) <= 0.025 * max(1.0, math.sqrt(variance)):
            break
        if excess > 0.0:
            high = tilt
        else:
            low = tilt
        slope = variance + inverse
        step = excess / slope if slope > 1e-300 else np.inf
        new = tilt - step
        if not (low < new < high) or abs(step) > 20.0:
            if np.isinf(low):
                new = high - 8.0
            elif np.isinf(high):
                new = low + 8.0
            else:
                new = 0.5 * (low + high)
        if new == tilt:
            break
        tilt = new
    return tilt


@jit
def messages_by_recursion(h, count, strength, tilt, message):
    """Write the messages by recursions over partial counts; exact, quadratic in time.

    Returns the logarithm of the expectation of the factor.
    """
    size = h.size
    forward = np.zeros((size + 1, size + 1))
    backward = np.zeros(size + 2)
    forward[0, 0] = 1.0
    log_scale = 0.0
    for i in range(size):
        q = _probability(h[i] + tilt)
        p = _probability(-h[i] - tilt)
        log_scale += _softplus(h[i] + tilt) - _softplus(h[i])
        forward[i + 1, 0] = forward[i, 0] * p
        for k in range(1, i + 2):
            forward[i + 1, k] = forward[i, k] * p + forward[i, k - 1] * q
    if np.isinf(strength):
        backward[int(count)] = 1.0
        log_scale -= tilt * count
    else:
        largest = -np.inf
        for k in range(size + 1):
            largest = max(largest, -strength * (k - count) ** 2 - tilt * k)
        for k in range(size + 1):
            backward[k] = math.exp(-strength * (k - count) ** 2 - tilt * k - largest)
        log_scale += largest
    partition = 0.0
    for k in range(size + 1):
        partition += forward[size, k] * backward[k]
    for i in range(size - 1, -1, -1):
        positive, negative = 0.0, 0.0
        for k in range(i + 1):
            positive += forward[i, k] * backward[k + 1]
            negative += forward[i, k] * backward[k]
        tiny = 1e-15 * (positive + negative)
        positive, negative = max(positive, tiny), max(negative, tiny)
        message[i] = math.log(positive / negative) + tilt
        q = _probability(h[i] + tilt)
        p = _probability(-h[i] - tilt)
        for k in range(i + 1):
            backward[k] = p * backward[k] + q * backward[k + 1]
    return math.log(partition) + log_scale


@jit
def _transform_of_factor(count, strength, tilt, size, step, real, imaginary):
    """Write the Fourier transform of the tilted factor; return its log-scale.

    ``real[j] + 1j * imaginary[j]`` is the sum over counts k of the factor times
    ``exp(-1j * j * step * k)``.
    """
    n_nodes = real.size
    if np.isinf(strength):
        for j in range(n_nodes):
            real[j] = math.cos(step * j * count)
            imaginary[j] = -math.sin(step * j * count)
        return -tilt * count
    center = count - tilt / (2.0 * strength)
    window = math.sqrt(40.0 / strength)
    first = int(max(0.0, math.floor(center - window)))
    last = int(min(float(size), math.ceil(center + window)))
    first, last = min(first, size), max(last, 0)
    nearest = min(max(float(round(center)), float(first)), float(last))
    # What the factor is at most, taken out of the sum.
    offset = strength * (nearest - center) ** 2
    for j in range(n_nodes):
        turn_r, turn_i = math.cos(step * j), -math.sin(step * j)
        z_r, z_i = math.cos(step * j * first), -math.sin(step * j * first)
        sum_r, sum_i = 0.0, 0.0
        for k in range(first, last + 1):
            f = math.exp(offset - strength * (k - center) ** 2)
            sum_r += f * z_r
            sum_i += f * z_i
            z_r, z_i = z_r * turn_r - z_i * turn_i, z_r * turn_i + z_i * turn_r
        real[j] = sum_r
        imaginary[j] = sum_i
    return -tilt * count + tilt * tilt / (4.0 * strength) - offset


@jit(reassociate=True)
def _multiply_rows(q, one_minus_cos, sine, real, imaginary):
    """Multiply the characteristic functions of all rows at all frequencies."""
    for i in range(q.size):
        for j in range(real.size):
            d_r = 1.0 - q[i] * one_minus_cos[j]
            d_i = q[i] * sine[j]
            r = real[j] * d_r - imaginary[j] * d_i
            imaginary[j] = real[j] * d_i + imaginary[j] * d_r
            real[j] = r


@jit(reassociate=True)
def _leave_one_out(q, positive, one_minus_cos, sine, real, imaginary):
    """Sum what the other rows say if this row is positive, or if it is negative."""
    spread = 2.0 * q * (1.0 - q)
    total = 0.0
    if positive:
        for j in range(real.size):
            cosine = 1.0 - one_minus_cos[j]
            r = real[j] * cosine - imaginary[j] * sine[j]
            m = real[j] * sine[j] + imaginary[j] * cosine
            d_r = 1.0 - q * one_minus_cos[j]
            total += (r * d_r + m * q * sine[j]) / (1.0 - spread * one_minus_cos[j])
    else:
        for j in range(real.size):
            d_r = 1.0 - q * one_minus_cos[j]
            total += (real[j] * d_r + imaginary[j] * q * sine[j]) / (
                1.0 - spread * one_minus_cos[j]
            )
    return total


@jit
def messages_by_transform(h, count, strength, tilt, message):
    """Write the messages through the characteristic function of the count.

    The tilted count has a known variance, so Bernstein's inequality bounds the window
    outside of which it has a probability below 1e-16, and with it the number of
    frequencies. Frequencies where the characteristic function is below 1e-17 are left
    out. Returns the logarithm of the expectation of the factor.
    """
    size = h.size
    q = np.empty(size)
    variance, log_scale = 0.0, 0.0
    for i in range(size):
        q[i] = _probability(h[i] + tilt)
        variance += q[i] * _probability(-h[i] - tilt)
        log_scale += _softplus(h[i] + tilt) - _softplus(h[i])
    width = 12.3 + math.sqrt(150.0 + 73.7 * variance) + 3.0
    if not np.isinf(strength):
        width += 2.0 * math.sqrt(40.0 / strength)
    n_points = int(min(size + 1.0, width))
    # Odd, so that no frequency is pi, where a factor of the product can vanish.
    n_points += 1 - n_points % 2
    step = 2.0 * math.pi / n_points
    n_nodes = 1
    while n_nodes <= (n_points - 1) // 2:
        if variance * (1.0 - math.cos(step * n_nodes)) > 41.0:
            break
        n_nodes += 1
    one_minus_cos = np.empty(n_nodes)
    sine = np.empty(n_nodes)
    for j in range(n_nodes):
        one_minus_cos[j] = 2.0 * math.sin(0.5 * step * j) ** 2
        sine[j] = math.sin(step * j)
    real, imaginary = np.ones(n_nodes), np.zeros(n_nodes)
    _multiply_rows(q, one_minus_cos, sine, real, imaginary)
    factor_r, factor_i = np.empty(n_nodes), np.empty(n_nodes)
    log_scale += _transform_of_factor(
        count, strength, tilt, size, step, factor_r, factor_i
    )
    total = 0.0
    for j in range(n_nodes):
        weight = 1.0 if j == 0 else 2.0
        r = weight * (real[j] * factor_r[j] - imaginary[j] * factor_i[j])
        imaginary[j] = weight * (real[j] * factor_i[j] + imaginary[j] * factor_r[j])
        real[j] = r
        total += r
    tiny = 1e-15 * abs(total)
    for i in range(size):
        # (1 - q) * negative + q * positive = total: the larger term by difference.
        if q[i] <= 0.5:
            positive = _leave_one_out(q[i], True, one_minus_cos, sine, real, imaginary)
            negative = (total - q[i] * positive) / (1.0 - q[i])
        else:
            negative = _leave_one_out(q[i], False, one_minus_cos, sine, real, imaginary)
            positive = (total - (1.0 - q[i]) * negative) / q[i]
        positive, negative = max(positive, tiny), max(negative, tiny)
        message[i] = math.log(positive / negative) + tilt
    return math.log(total / n_points) + log_scale


@jit
def _settled_bag(h, count, strength, message):
    """Write the messages of a bag that leaves nothing to compute; tell whether it does.

    Returns the logarithm of the expected factor, too.
    """
    size = h.size
    log_expectation = 0.0
    if np.isnan(count) or strength == 0.0:
        for i in range(size):
            message[i] = 0.0
        return True, log_expectation
    if np.isinf(strength) and (count <= 0.0 or count >= size):
        sign = -1.0 if count <= 0.0 else 1.0
        for i in range(size):
            message[i] = sign * CERTAIN
            log_expectation -= _softplus(-sign * h[i])
        return True, log_expectation
    return False, log_expectation


@jit
def _small_bags(h, indptr, counts, strength, tilts, messages, logs, start, stop):
    """Write the messages of the small ones of the bags start:stop."""
    for b in range(start, stop):
        first, last = indptr[b], indptr[b + 1]
        if last - first > SMALL_BAG:
            continue
        x, message = h[first:last], messages[first:last]
        settled, logs[b] = _settled_bag(x, counts[b], strength, message)
        if not settled:
            tilts[b] = find_tilt(x, counts[b], strength, tilts[b])
            logs[b] = messages_by_recursion(x, counts[b], strength, tilts[b], message)


@jit
def _large_bags(h, indptr, counts, strength, tilts, messages, logs, start, stop):
    """Write the messages of the large ones of the bags start:stop."""
    for b in range(start, stop):
        first, last = indptr[b], indptr[b + 1]
        if last - first <= SMALL_BAG:
            continue
        x, message = h[first:last], messages[first:last]
        settled, logs[b] = _settled_bag(x, counts[b], strength, message)
        if not settled:
            tilts[b] = find_tilt(x, counts[b], strength, tilts[b])
            logs[b] = messages_by_transform(x, counts[b], strength, tilts[b], message)


def count_messages(h, indptr, counts, strength, tilts, messages, logs, start, stop):
    """Write the messages of the bags start:stop.

    Parameters
    ----------
    h : ndarray of shape (n_samples,)
        Log-odds of the rows without what the bags say, bag after bag.
    indptr : ndarray of shape (n_bags + 1,)
        Where bags start and end.
    counts : ndarray of shape (n_bags,)
        Numbers of positive rows; NaN is unknown.
    strength : float
        Strength of the bags, not negative; infinity makes counts certain, and then
        they are whole.
    tilts : ndarray of shape (n_bags,)
        Where to look for the tilts first; gets those that were used.
    messages : ndarray of shape (n_samples,)
        Gets the messages.
    logs : ndarray of shape (n_bags,)
        Gets the logarithms of the expected factors, that is, for an infinite strength
        of the probabilities of the counts.
    """
    sizes = np.diff(indptr[start : stop + 1])
    # Two kernels, each of which is compiled only if there are such bags.
    for kernel, wanted in (
        (_small_bags, sizes <= SMALL_BAG),
        (_large_bags, sizes > SMALL_BAG),
    ):
        if wanted.any():
            kernel(h, indptr, counts, strength, tilts, messages, logs, start, stop)
