"""Compiled loops over rows: loss, gradient and curvature of cumulative links.

Row i of class c sees two linear predictors only, ``lower`` at threshold c - 1 and
``upper`` at threshold c; the loss is -log(F(upper) - F(lower)). The kernels write one
line per row into ``out``: for m predictors per row the m gradients, the m second
derivatives, the m - 1 mixed derivatives of neighbours, and the loss; all weighted.
An infinite loss marks rows outside of the domain.

Links have numbers: 1 probit, 2 cloglog, 3 loglog. The logit is None: numba leaves out
what None does not reach, so that nobody waits for links that are not in use.
"""

import math

import numpy as np

from skext.utils._numba import jit

_HALF_LOG_2PI = 0.9189385332046727
_ROOT_HALF = 0.7071067811865476
# Differences of predictors from which on the barrier is zero.
_BARRIER_WIDTH = 0.25


@jit(inner=True)
def _logit_above(u):
    """Terms of -log F(u): the value, minus its derivative and the curvature."""
    if u >= 0.0:
        t = math.exp(-u)
        s = t / (1.0 + t)
        return math.log1p(t), s, s / (1.0 + t)
    t = math.exp(u)
    s = 1.0 / (1.0 + t)
    return math.log1p(t) - u, s, s * t / (1.0 + t)


@jit(inner=True)
def _logit_between(lower, upper):
    """Terms of a middle class, with as few exponentials as possible."""
    d = upper - lower
    # t1 = exp(-|upper|) and t2 = exp(-|lower|) never overflow.
    t1 = math.exp(-abs(upper))
    t2 = math.exp(-abs(lower))
    if d > 0.5 and d < 600.0 and t1 > 0.0 and t2 > 0.0:
        if lower >= 0.0:
            shrink = t1 / t2
        elif upper <= 0.0:
            shrink = t2 / t1
        else:
            shrink = t1 * t2
        gap = 1.0 - shrink
    else:
        gap = -math.expm1(-d)
        shrink = 1.0 - gap if d > 0.5 else math.exp(-d)
    a1, a2 = 1.0 / (1.0 + t1), 1.0 / (1.0 + t2)
    value = math.log((1.0 + t1) * (1.0 + t2) / gap)
    c1, c2 = t1 * a1 * a1, t2 * a2 * a2
    if upper >= 0.0:
        s1 = t1 * a1
    else:
        s1 = a1
        value -= upper
    if lower >= 0.0:
        s2 = a2
        value += lower
    else:
        s2 = t2 * a2
    e = shrink / gap
    q = e / gap
    return value, s2 + e, -s1 - e, c2 + q, c1 + q, -q


@jit(inner=True)
def _normal_tail(x):
    """Return the log of the normal distribution function and density / function."""
    if x < -35.0:
        r = 1.0 / (x * x)
        series = r * (r * (r * (r * (105.0 - 945.0 * r) - 15.0) + 3.0) - 1.0)
        log_cdf = -0.5 * x * x - math.log(-x) - _HALF_LOG_2PI + math.log1p(series)
        return log_cdf, -x / (1.0 + series)
    if x > 0.0:
        above = 0.5 * math.erfc(x * _ROOT_HALF)
        return math.log1p(-above), math.exp(-0.5 * x * x - _HALF_LOG_2PI) / (
            1.0 - above
        )
    cdf = 0.5 * math.erfc(-x * _ROOT_HALF)
    return math.log(cdf), math.exp(-0.5 * x * x - _HALF_LOG_2PI) / cdf


@jit(inner=True)
def _probit_between(lower, upper):
    """Terms of a middle class whose predictors have a mean that is not positive."""
    d = upper - lower
    mean = 0.5 * (lower + upper)
    if d * (1.0 + abs(mean)) < 1e-3:
        # Rule of the middle with its first correction; nothing cancels.
        scale = d * (1.0 + (mean * mean - 1.0) * d * d / 24.0)
        value = 0.5 * mean * mean + _HALF_LOG_2PI - math.log(scale)
        r1 = math.exp(-0.25 * d * (upper + mean)) / scale
        r2 = math.exp(0.25 * d * (lower + mean)) / scale
    else:
        log1, r1 = _normal_tail(upper)
        log2, r2 = _normal_tail(lower)
        ratio = math.exp(log2 - log1)
        gap = -math.expm1(log2 - log1)
        value = -log1 - math.log(gap)
        r1 = r1 / gap
        r2 = r2 * ratio / gap
    h1 = max(r1 * (r1 + upper), 0.0)
    h2 = max(r2 * (r2 - lower), 0.0)
    return value, r2, -r1, h2, h1, -r1 * r2


@jit(inner=True)
def _cloglog_above(u):
    """Terms of -log F(u) for F(x) = 1 - exp(-exp(x))."""
    e = math.exp(min(u, 700.0))
    if e < 1e-3:
        r = 1.0 - e / 2.0 + e * e / 12.0
        return -u + e / 2.0 - e * e / 24.0, r, r * (e / 2.0 + e * e / 12.0)
    r = e * math.exp(-e) / -math.expm1(-e)
    return -math.log(-math.expm1(-e)), r, r * (r - 1.0 + e)


@jit(inner=True)
def _cloglog_between(lower, upper):
    """Terms of a middle class."""
    d = upper - lower
    if upper < -30.0:
        gap = -math.expm1(-d)
        r1 = 1.0 / gap
        r2 = math.exp(-d) / gap
        return -upper - math.log(gap), r2, -r1, r1 * r2, r1 * r2, -r1 * r2
    e1 = math.exp(min(upper, 700.0))
    e2 = math.exp(min(lower, 700.0))
    delta = e2 * math.expm1(d) if d < 1.0 else e1 - e2
    below = -math.expm1(-delta)
    shrink = math.exp(-delta)
    r1 = e1 * shrink / below
    r2 = e2 / below
    if e1 < 1e-3:
        h1 = r1 * (e2 / delta + e1 / 2.0 + e1 * delta / 12.0)
    else:
        h1 = max(r1 * (r1 - 1.0 + e1), 0.0)
    h2 = r2 * (1.0 + r2 * shrink)
    return e2 - math.log(below), r2, -r1, h2, h1, -r1 * r2


@jit(inner=True)
def _between(link, lower, upper):
    """Return value, two gradients, two curvatures and the mixed derivative."""
    if link is None:
        return _logit_between(lower, upper)
    if link == 1:
        if lower + upper <= 0.0:
            return _probit_between(lower, upper)
        value, g1, g0, h1, h0, mixed = _probit_between(-upper, -lower)
        return value, -g0, -g1, h0, h1, mixed
    if link == 2:
        return _cloglog_between(lower, upper)
    value, g1, g0, h1, h0, mixed = _cloglog_between(-upper, -lower)
    return value, -g0, -g1, h0, h1, mixed


@jit(inner=True)
def _below(link, upper):
    """Return value, gradient and curvature of -log F(upper), the first class."""
    if link is None:
        value, s, curvature = _logit_above(upper)
        return value, -s, curvature
    if link == 1:
        log_cdf, r = _normal_tail(upper)
        return -log_cdf, -r, max(r * (r + upper), 0.0)
    if link == 2:
        value, r, curvature = _cloglog_above(upper)
        return value, -r, curvature
    e = math.exp(min(-upper, 700.0))
    return e, -e, e


@jit(inner=True)
def _above(link, lower):
    """Return value, gradient and curvature of -log(1 - F(lower)), the last class."""
    if link is None:
        value, g, curvature = _below(link, -lower)
    else:
        value, g, curvature = _below(5 - link if link > 1 else link, -lower)
    return value, -g, curvature


@jit
def natural_rows(link, y, last, weight, eta, out, start, stop):
    """Evaluate rows with their own two predictors, ``eta`` of shape (n_samples, 2).

    ``last`` is the last class; ``out`` has shape (n_samples, 6).
    """
    for i in range(start, stop):
        c, w = y[i], weight[i]
        out[i, 0] = out[i, 1] = out[i, 2] = out[i, 3] = out[i, 4] = 0.0
        if c == 0:
            value, g1, h1 = _below(link, eta[i, 1])
            out[i, 1], out[i, 3] = w * g1, w * h1
        elif c == last:
            value, g0, h0 = _above(link, eta[i, 0])
            out[i, 0], out[i, 2] = w * g0, w * h0
        elif eta[i, 1] > eta[i, 0]:
            value, g0, g1, h0, h1, mixed = _between(link, eta[i, 0], eta[i, 1])
            out[i, 0], out[i, 1] = w * g0, w * g1
            out[i, 2], out[i, 3] = w * h0, w * h1
            out[i, 4] = w * mixed
        else:
            value = np.inf
        out[i, 5] = w * value


@jit
def barrier_rows(link, y, last, weight, barrier, eta, out, start, stop):
    """Evaluate rows with a barrier for the differences d of all neighbours.

    With s = d / width it is -log(s) + (s - 1) - (s - 1)^2 / 2 below s = 1 and zero
    above: convex, with two continuous derivatives, and most rows have no part in it.
    ``eta`` has shape (n_samples, n_classes - 1), ``out`` three times the columns.
    """
    m = eta.shape[1]
    for i in range(start, stop):
        c, w = y[i], weight[i]
        for k in range(3 * m):
            out[i, k] = 0.0
        total = 0.0
        for k in range(1, m):
            d = eta[i, k] - eta[i, k - 1]
            if not d > 0.0:
                total = np.inf
                break
            s = d / _BARRIER_WIDTH
            if s >= 1.0:
                continue
            e = barrier * w * (1.0 - s) ** 2 / (s * _BARRIER_WIDTH)
            q = barrier * w * (1.0 / (s * s) - 1.0) / _BARRIER_WIDTH**2
            total += barrier * (s - 1.0 - 0.5 * (s - 1.0) ** 2 - math.log(s))
            out[i, k] -= e
            out[i, k - 1] += e
            out[i, m + k] += q
            out[i, m + k - 1] += q
            out[i, 2 * m + k - 1] -= q
        if total == np.inf:
            value = np.inf
        elif c == 0:
            value, g1, h1 = _below(link, eta[i, 0])
            out[i, 0] += w * g1
            out[i, m] += w * h1
        elif c == last:
            value, g0, h0 = _above(link, eta[i, m - 1])
            out[i, m - 1] += w * g0
            out[i, 2 * m - 1] += w * h0
        else:
            value, g0, g1, h0, h1, mixed = _between(link, eta[i, c - 1], eta[i, c])
            out[i, c - 1] += w * g0
            out[i, c] += w * g1
            out[i, m + c - 1] += w * h0
            out[i, m + c] += w * h1
            out[i, 2 * m + c - 1] += w * mixed
        out[i, 3 * m - 1] = w * (value + total)


@jit
def shared_rows(link, y, last, weight, thresholds, scores, out, start, stop):
    """Evaluate rows whose thresholds share the score x . b.

    As :func:`natural_rows`, but the curvatures are those of the score, that is with
    the mixed derivative added: no large numbers cancel where thresholds are close.
    """
    previous = -1
    shrink = gap = e = q = log_gap = d = 0.0
    for i in range(start, stop):
        c, w = y[i], weight[i]
        lower = thresholds[c - 1] + scores[i] if c > 0 else 0.0
        upper = thresholds[c] + scores[i] if c < last else 0.0
        out[i, 0] = out[i, 1] = out[i, 2] = out[i, 3] = out[i, 4] = 0.0
        if c == 0:
            value, g1, h1 = _below(link, upper)
            out[i, 1], out[i, 3] = w * g1, w * h1
        elif c == last:
            value, g0, h0 = _above(link, lower)
            out[i, 0], out[i, 2] = w * g0, w * h0
        elif not thresholds[c] > thresholds[c - 1]:
            value = np.inf
        elif link is None:
            if c != previous:
                previous = c
                d = thresholds[c] - thresholds[c - 1]
                shrink, gap = math.exp(-d), -math.expm1(-d)
                e = shrink / gap
                q = e / gap
                log_gap = math.log(gap)
            # One exponential gives both distribution functions.
            if lower >= 0.0:
                t2 = math.exp(-lower)
                t1 = t2 * shrink
            elif upper <= 0.0:
                t1 = math.exp(upper)
                t2 = t1 * shrink
            else:
                t1 = math.exp(-upper)
                t2 = shrink / t1 if shrink > 1e-290 else math.exp(lower)
            product = (1.0 + t1) * (1.0 + t2)
            inverse = 1.0 / product
            a1, a2 = (1.0 + t2) * inverse, (1.0 + t1) * inverse
            value = math.log(product) - log_gap
            s1, s2 = t1 * a1, t2 * a2
            out[i, 2], out[i, 3] = w * s2 * a2, w * s1 * a1
            if upper < 0.0:
                s1 = a1
                value -= upper
            if lower >= 0.0:
                s2 = a2
                value += lower
            out[i, 0], out[i, 1], out[i, 4] = w * (s2 + e), -w * (s1 + e), -w * q
        else:
            value, g0, g1, h0, h1, mixed = _between(link, lower, upper)
            out[i, 0], out[i, 1] = w * g0, w * g1
            out[i, 2] = w * max(h0 + mixed, 0.0)
            out[i, 3] = w * max(h1 + mixed, 0.0)
            out[i, 4] = w * mixed
        out[i, 5] = w * value


@jit
def step_bound(eta, step, start, stop):
    """Return the largest t for which ``eta + t * step`` increases along each row."""
    bound = np.inf
    for i in range(start, stop):
        for k in range(1, eta.shape[1]):
            change = step[i, k] - step[i, k - 1]
            if change < 0.0:
                t = (eta[i, k - 1] - eta[i, k]) / change
                if t < bound:
                    bound = t
    return bound


@jit
def smallest_gaps(eta, start, stop):
    """Return the smallest difference of neighbours and the number of rows below 0."""
    smallest = np.inf
    count = 0
    for i in range(start, stop):
        row = np.inf
        for k in range(1, eta.shape[1]):
            d = eta[i, k] - eta[i, k - 1]
            if d < row:
                row = d
        if row < 0.0:
            count += 1
        if row < smallest:
            smallest = row
    return smallest, count
