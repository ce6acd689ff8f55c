"""Compiled loops of expectation: densities and responsibilities.

Tables stand on their side, ``(n_features, n_rows)``, so that the inner loops run over
neighbouring numbers. Kernels call functions of this file only.
"""

import math

import numpy as np

from skext.utils._numba import jit

_BLOCK = 128


@jit(reassociate=True)
def log_density(rows, spread, mean, factor, diagonal, constant, out):
    """Write ``constant`` minus half the squared Mahalanobis distance of each row.

    A row that stands for a leaf gets the mean over the leaf.
    """
    d, n = rows.shape
    inner = np.zeros(d)
    if spread.shape[1] > 0:
        for j in range(d):
            for f in range(j, d):
                inner[j] += factor[j, f] * factor[j, f]
    work = np.empty((d, _BLOCK))
    y = np.empty(_BLOCK)
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        square = out[first : first + size]
        for i in range(size):
            square[i] = 0.0
        for j in range(d):
            m = mean[j]
            z = work[j]
            for i in range(size):
                z[i] = rows[j, first + i] - m
        for j in range(d):
            a = factor[j, j]
            z = work[j]
            for i in range(size):
                y[i] = a * z[i]
            for f in range(0 if diagonal else j):
                a = factor[f, j]
                z = work[f]
                for i in range(size):
                    y[i] += a * z[i]
            for i in range(size):
                square[i] += y[i] * y[i]
        if spread.shape[1] > 0:
            for j in range(d):
                a = inner[j]
                for i in range(size):
                    square[i] += a * spread[j, first + i]
        for i in range(size):
            square[i] = constant - 0.5 * square[i]


@jit(inline="always")
def _normalize(joint, weights, k, resp):
    """Write responsibilities; return the weighted log-likelihood."""
    n = joint.shape[1]
    total = 0.0
    for i in range(n):
        largest = joint[0, i]
        for j in range(1, k):
            largest = max(largest, joint[j, i])
        s = 0.0
        for j in range(k):
            t = joint[j, i] - largest
            e = math.exp(t) if t > -40.0 else 0.0
            resp[j, i] = e
            s += e
        for j in range(k):
            resp[j, i] /= s
        total += weights[i] * (largest + math.log(s))
    return total


@jit
def expect(data, k, model, joint, resp):
    """Write joint log-densities and responsibilities; return the log-likelihood."""
    rows, spread, weights, _ = data
    mass, means, _, factors, log_dets, _, family = model
    d = rows.shape[0]
    total = 0.0
    for i in range(weights.size):
        total += weights[i]
    for j in range(k):
        constant = math.log(mass[j] / total)
        constant -= 0.5 * (log_dets[j] + d * math.log(2.0 * math.pi))
        log_density(
            rows, spread, means[j], factors[j], family[j] < 4, constant, joint[j]
        )
    return _normalize(joint, weights, k, resp)
