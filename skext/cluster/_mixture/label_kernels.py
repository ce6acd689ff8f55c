"""Compiled loops that tell which cluster a row belongs to.

Rows are handled in blocks of 64, the last one filled up, so that each row goes
through the same vector instructions whatever stands beside it. Kernels call functions
of this file only.

``frame`` is (center, inverse scale, columns, basis): a row is centred, scaled, reduced
to the varying columns, and projected if the basis has columns. ``model`` is (means,
factors, diagonal, constants, tightness): per component the upper triangular factor of
the inverse covariance, whether it is diagonal, the joint log-density at the mean, and
the smallest eigenvalue of the inverse covariance.
"""

import math

import numpy as np

from skext.utils._numba import jit

_BLOCK = 64
# What is smaller by this many nats does not change a sum in double precision.
_NEGLIGIBLE = 45.0


@jit(reassociate=True)
def _load(rows, first, last, frame, raw, z, rest):
    """Bring up to 64 rows into the frame, lying on their side.

    ``rest`` is the squared length of what the projection leaves out.
    """
    center, inverse, columns, basis = frame
    n_columns = columns.size
    for j in range(n_columns):
        f = columns[j]
        m = center[f]
        x = raw[j]
        for i in range(_BLOCK):
            x[i] = (rows[min(first + i, last - 1), f] - m) * inverse
    if basis.shape[1] == 0:
        return
    for i in range(_BLOCK):
        rest[i] = 0.0
    for j in range(n_columns):
        x = raw[j]
        for i in range(_BLOCK):
            rest[i] += x[i] * x[i]
    for q in range(basis.shape[1]):
        y = z[q]
        for i in range(_BLOCK):
            y[i] = 0.0
        for j in range(n_columns):
            a = basis[j, q]
            x = raw[j]
            for i in range(_BLOCK):
                y[i] += a * x[i]
        for i in range(_BLOCK):
            rest[i] -= y[i] * y[i]


@jit(reassociate=True)
def _bound(z, mean, constant, tightness, out):
    """No joint density is above that with the largest variance everywhere."""
    for i in range(_BLOCK):
        out[i] = 0.0
    for j in range(mean.size):
        m = mean[j]
        x = z[j]
        for i in range(_BLOCK):
            out[i] += (x[i] - m) * (x[i] - m)
    half = 0.5 * tightness
    for i in range(_BLOCK):
        out[i] = constant - half * out[i]


@jit(reassociate=True)
def _density(z, mean, factor, diagonal, constant, work, y, out):
    """Joint log-density of the rows of a block with one component."""
    d = mean.size
    for i in range(_BLOCK):
        out[i] = 0.0
    for j in range(d):
        m = mean[j]
        x = z[j]
        w = work[j]
        for i in range(_BLOCK):
            w[i] = x[i] - m
    for j in range(d):
        a = factor[j, j]
        w = work[j]
        for i in range(_BLOCK):
            y[i] = a * w[i]
        if not diagonal:
            for f in range(j):
                a = factor[f, j]
                w = work[f]
                for i in range(_BLOCK):
                    y[i] += a * w[i]
        for i in range(_BLOCK):
            out[i] += y[i] * y[i]
    for i in range(_BLOCK):
        out[i] = constant - 0.5 * out[i]


@jit(inline="always")
def _all_densities(z, model, thorough, work, y, upper, joint, best):
    """Joint log-densities of a block; minus infinity where it cannot matter.

    ``thorough`` leaves nothing out. ``best`` is the largest of each row.
    """
    means, factors, diagonal, constants, tightness = model
    n_components = constants.size
    start = 0
    for k in range(n_components):
        _bound(z, means[k], constants[k], tightness[k], upper[k])
        if upper[k, 0] > upper[start, 0]:
            start = k
    for i in range(_BLOCK):
        best[i] = -np.inf
    for t in range(n_components):
        k = start if t == 0 else (t - 1 if t <= start else t)
        needed = thorough
        if not thorough:
            for i in range(_BLOCK):
                needed = needed or upper[k, i] > best[i] - _NEGLIGIBLE
        if needed:
            _density(
                z, means[k], factors[k], diagonal[k], constants[k], work, y, joint[k]
            )
            for i in range(_BLOCK):
                best[i] = max(best[i], joint[k, i])
        else:
            for i in range(_BLOCK):
                joint[k, i] = -np.inf


@jit(inline="always")
def _cluster_sums(joint, best, cluster, i, sums):
    """Densities of the clusters, in units of the best component's.

    Returns the density of the components that belong to none.
    """
    for c in range(sums.size):
        sums[c] = 0.0
    outside = 0.0
    for k in range(cluster.size):
        t = joint[k, i] - best[i]
        if t > -_NEGLIGIBLE:
            if cluster[k] >= 0:
                sums[cluster[k]] += math.exp(t)
            else:
                outside += math.exp(t)
    return outside


@jit
def label_rows(
    rows, frame, model, groups, threshold, labels, component, core, start, stop
):
    """Write the cluster, the component, and whether the row is in the core.

    ``groups`` is (cluster of each component, number of clusters); the background has
    -1. A row is in the core if the probability of its cluster is at least
    ``threshold``.
    """
    n_components, d = model[0].shape
    cluster, n_clusters = groups
    raw = np.empty((frame[2].size, _BLOCK))
    z = np.empty((d, _BLOCK)) if frame[3].shape[1] > 0 else raw
    work = np.empty((d, _BLOCK))
    joint, upper = np.empty((n_components, _BLOCK)), np.empty((n_components, _BLOCK))
    rest, y, best = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    sums = np.empty(n_clusters)
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        _load(rows, first, last, frame, raw, z, rest)
        _all_densities(z, model, False, work, y, upper, joint, best)
        for i in range(last - first):
            top = 0
            for k in range(1, n_components):
                if joint[k, i] > joint[top, i]:
                    top = k
            outside = _cluster_sums(joint, best, cluster, i, sums)
            winner = -1
            total = outside
            for c in range(n_clusters):
                total += sums[c]
                if sums[c] > 0.0 and (winner < 0 or sums[c] > sums[winner]):
                    winner = c
            if winner < 0:
                # All that is near is background: the least unlikely cluster.
                winner = _nearest(z, i, model, cluster)
            labels[first + i] = winner
            component[first + i] = top
            core[first + i] = cluster[top] >= 0 and sums[winner] >= threshold * total


@jit(inline="always")
def _nearest(z, i, model, cluster):
    """Cluster of the component with the highest density, background left out."""
    means, factors, diagonal, constants, _ = model
    best = -np.inf
    winner = 0
    for k in range(constants.size):
        if cluster[k] < 0:
            continue
        square = 0.0
        for j in range(means.shape[1]):
            y = 0.0
            for f in range(j if diagonal[k] else 0, j + 1):
                y += factors[k, f, j] * (z[f, i] - means[k, f])
            square += y * y
        if constants[k] - 0.5 * square > best:
            best = constants[k] - 0.5 * square
            winner = cluster[k]
    return winner


@jit
def posterior_rows(rows, frame, model, cluster, noise, proba, density, start, stop):
    """Write probabilities of the clusters and the log-density in the frame.

    ``noise`` is the inverse variance of what a projection leaves out.
    """
    n_components, d = model[0].shape
    n_clusters = proba.shape[1]
    raw = np.empty((frame[2].size, _BLOCK))
    z = np.empty((d, _BLOCK)) if frame[3].shape[1] > 0 else raw
    work = np.empty((d, _BLOCK))
    joint, upper = np.empty((n_components, _BLOCK)), np.empty((n_components, _BLOCK))
    rest, y, best = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    for i in range(_BLOCK):
        rest[i] = 0.0
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        _load(rows, first, last, frame, raw, z, rest)
        _all_densities(z, model, True, work, y, upper, joint, best)
        for i in range(last - first):
            total = 0.0
            inside = -np.inf
            for k in range(n_components):
                total += math.exp(joint[k, i] - best[i])
                if cluster[k] >= 0:
                    inside = max(inside, joint[k, i])
            density[first + i] = best[i] + math.log(total) - 0.5 * noise * rest[i]
            row = proba[first + i]
            for c in range(n_clusters):
                row[c] = 0.0
            total = 0.0
            for k in range(n_components):
                if cluster[k] >= 0:
                    share = math.exp(joint[k, i] - inside)
                    row[cluster[k]] += share
                    total += share
            for c in range(n_clusters):
                row[c] /= total
