"""The best way to split one component: two-means proposes, a mixture decides."""

from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.em import fit_mixture
from skext.cluster._mixture.maximization_kernels import moments
from skext.cluster._mixture.split_kernels import cut_line, two_means

_SHORT_EM = 4
_LONG_EM = 12
_LLOYD = 30
_MOST_WHITENED = 30


class Split(NamedTuple):
    """What came of the search in one cell.

    Attributes
    ----------
    gain : float
        Fall of the information criterion against one component.
    resp : ndarray of shape (n_parts, n_rows) or None
        Responsibilities of the parts.
    """

    gain: float
    resp: np.ndarray | None


_NOTHING = Split(-np.inf, None)


def best_split(data, rules, *, min_rows, lookahead, directions, insist=False):
    """Find the best split of the rows of a cell.

    Parameters
    ----------
    data : Data
        Rows of the cell.
    rules : Rules
        Allowed components.
    min_rows : float
        Each part must have as many distinct rows.
    lookahead : int
        Whether to try four and three parts where two are not worth it. Four equal
        clusters in a row are not improved by a single cut.
    directions : str
        ``"pca"`` or ``"pca+ics"``.
    insist : bool, default=False
        Whether to try more parts even if two are worth it.

    Returns
    -------
    split : Split
        Accept it if the gain is positive.
    """
    one = fit_mixture(data, rules, np.ones((1, len(data.weights))), 1)
    split = _split_in_two(data, rules, one, min_rows, directions)
    if split.resp is None or not lookahead or (split.gain > 0.0 and not insist):
        return split
    if data.counts.sum() < 4 * min_rows:
        return split
    return _look_ahead(data, rules, one, split, min_rows, directions)


def _gain(data, rules, one, resp, n_iter, min_rows):
    """Fit the parts; the gain is minus infinity if one of them is too small."""
    state = fit_mixture(data, rules, resp, n_iter)
    if len(state.ids) < 2 or (state.resp @ data.counts).min() < min_rows:
        return -np.inf, state
    gain = 2.0 * (state.log_likelihood - one.log_likelihood)
    return gain - (state.n_params - one.n_params) * rules.log_n, state


def _split_in_two(data, rules, one, min_rows, directions):
    partitions = _partitions(data, rules, min_rows, directions)
    if not partitions:
        return _NOTHING
    n_iter = _SHORT_EM if len(partitions) > 1 else _LONG_EM
    best, best_gain = None, -np.inf
    for side in partitions:
        resp = np.stack([side, ~side]).astype(np.float64)
        gain, state = _gain(data, rules, one, resp, n_iter, min_rows)
        if gain > best_gain:
            best, best_gain = state.resp, gain
    if best is None:
        return _NOTHING
    if best_gain <= 0.0 and len(partitions) > 1:
        gain, state = _gain(data, rules, one, best.copy(), _LONG_EM, min_rows)
        if gain > best_gain:
            best, best_gain = state.resp, gain
    return Split(best_gain, best)


def _look_ahead(data, rules, one, split, min_rows, directions):
    """Split the halves too, and compare four and three parts with one."""
    upper = split.resp[0] > split.resp[1]
    halves, parts = [], []
    for here in (upper, ~upper):
        index = np.flatnonzero(here)
        whole = here.astype(np.float64)[np.newaxis]
        cut = _NOTHING
        if data.counts[index].sum() > 2 * min_rows:
            mine = data.part(index)
            alone = fit_mixture(mine, rules, np.ones((1, len(index))), 1)
            cut = _split_in_two(mine, rules, alone, min_rows, directions)
        halves.append(whole)
        if cut.resp is None:
            parts.append(None)
        else:
            pair = np.zeros((2, len(upper)))
            pair[:, index] = cut.resp
            parts.append(pair)
    for first, second in (
        (parts[0], parts[1]),
        (parts[0], halves[1]),
        (halves[0], parts[1]),
    ):
        if first is None or second is None:
            continue
        resp = np.concatenate([first, second])
        gain, state = _gain(data, rules, one, resp, _LONG_EM, min_rows)
        if gain > split.gain:
            split = Split(gain, state.resp)
    return split


def _partitions(data, rules, min_rows, directions):
    """All different partitions that two-means reaches from the start directions."""
    found, lines = {}, []
    if len(data.weights) < 2:
        return []
    for line, space in _starts(data, rules, directions):
        lines.append(line)
        side = np.empty(len(line), dtype=bool)
        order = np.argsort(line, kind="stable")
        if not cut_line(line, data.weights, data.counts, order, 0.0, side):
            continue
        sides = []
        if space is not data.rows:
            sides.append(side.copy())
        if two_means(space, data.weights, _LLOYD, side):
            sides.insert(0, side)
        for candidate in sides:
            if _smaller(data.counts, candidate) >= min_rows:
                _add(found, candidate)
    if not found:
        # Each cut went to one or two far rows; more of them may be worth one.
        for line in lines:
            side = np.empty(len(line), dtype=bool)
            order = np.argsort(line, kind="stable")
            if cut_line(line, data.weights, data.counts, order, min_rows, side):
                _add(found, side)
    return list(found.values())


def _add(found, side):
    if side[0]:
        side = ~side
    found.setdefault(side.tobytes(), side)


def _smaller(counts, side):
    count = counts[side].sum()
    return min(count, counts.sum() - count)


def _starts(data, rules, directions):
    """Yield projections of the rows, and the space in which two-means goes on."""
    rows, spread, weights, _ = data
    d, n = rows.shape
    mean, cov = np.empty(d), np.empty((d, d))
    mass = moments(rows, spread, weights, n, mean, cov, np.empty(n))
    _, vectors = np.linalg.eigh(cov)
    centered = rows - mean[:, np.newaxis]
    for direction in canonical_signs(vectors[:, ::-1][:, :2]).T:
        yield np.ascontiguousarray(direction) @ centered, rows
    if directions != "pca+ics":
        return
    most = min(max(1, n // 10), _MOST_WHITENED)
    white = _whiten(centered, cov, np.sqrt(rules.ridge), most)
    if len(white) < 2:
        return
    # Low kurtosis has two groups of a size, high kurtosis a small one far away.
    square = (white**2).sum(axis=0) * weights
    _, vectors = np.linalg.eigh((white * square) @ white.T / mass)
    for direction in canonical_signs(vectors[:, [0, -1]]).T:
        yield np.ascontiguousarray(direction) @ white, white


def _whiten(centered, cov, units, most):
    """Uncorrelated coordinates of variance one, the leading ones first.

    What leads is decided in the units of the whole table, so that no feature is too
    small to be seen.
    """
    values, vectors = np.linalg.eigh(cov / units / units[:, np.newaxis])
    values, vectors = values[::-1], canonical_signs(vectors[:, ::-1])
    rank = min(most, int(np.count_nonzero(values > 1e-10 * values[0])))
    axes = vectors[:, :rank] / np.sqrt(values[:rank]) / units[:, np.newaxis]
    return np.ascontiguousarray(axes.T @ centered)


def canonical_signs(vectors):
    """Make the largest entry of each column positive."""
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return vectors * signs
