"""The variance tree: a table of any size as a few thousand boxes with moments.

The tree starts with one leaf and again and again splits the leaf whose weight times
variance along its widest feature is the largest, at the mean of that feature, until
there are enough leaves. No row is lost: a far group of a hundred rows among millions
has a large variance around it and gets leaves of its own.

The priority of a child never exceeds its parent's, because the squares of a subset
about its own mean are at most its part of the whole. The greedy tree therefore has
exactly the splits above some priority, and subtrees can be grown independently down
to a guess of it; which splits there are in the end does not depend on the guess.
"""

from typing import NamedTuple

import numpy as np

from skext.cluster._reduce.input import refuse_huge
from skext.cluster._reduce.kernels import (
    best_split,
    box_frame,
    describe_leaves,
    extend_box,
    grow_cell,
    is_loose,
)
from skext.cluster._reduce.route_kernel import route_and_add
from skext.utils._numba import as_float64
from skext.utils._parallel import run_chunks

# Rows that are converted to float64 at a time, in numbers (4 MiB).
_BLOCK_VALUES = 2**19
# A cell is grown in one piece; its rows shall stay in the cache of a core.
_CELL_VALUES = 2**18
_CELL_ROWS = 1024
_NO_WEIGHTS = np.empty(0)
# Standard deviations between the quarters of a normal distribution, and how much larger
# than in one the deviation is where far rows make it so.
_BULK_DEVIATIONS = 1.35
_STRETCHED = 10.0
_FEWEST_LEAVES = 50


class VarianceTree(NamedTuple):
    """Representatives of a table and the tree that rows are sent down.

    Attributes
    ----------
    means : ndarray of shape (n_leaves, n_features)
        Mean of the rows of each leaf. Leaves are numbered from left to right.
    weights : ndarray of shape (n_leaves,)
        Total weight.
    variances : ndarray of shape (n_leaves, n_features)
        Variance of each feature within the leaf.
    counts : ndarray of shape (n_leaves,)
        Number of distinct rows; in a merged tree the sum over the parts.
    lower, upper : ndarray of shape (n_leaves, n_features)
        Smallest box around the rows of the leaf.
    leaf : ndarray of shape (n_samples,)
        Leaf of each row that the tree was built of, in the order given.
    """

    means: np.ndarray
    weights: np.ndarray
    variances: np.ndarray
    counts: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    leaf: np.ndarray


class _Nodes(NamedTuple):
    """Nodes of a tree that may still be larger than asked; parents come first."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    priority: np.ndarray
    start: np.ndarray
    stop: np.ndarray


def build_variance_tree(X, sample_weight=None, n_leaves=4096, n_jobs=None):
    """Reduce rows to the leaves of a variance tree.

    The result is the same to the last bit for every order of the rows and every
    number of threads. Nothing is copied but blocks of rows and a few numbers per
    row.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows of any float type; they are read in blocks.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights; a row of weight zero gets a leaf but has no influence.
    n_leaves : int, default=4096
        Largest number of leaves. There are fewer if there are fewer distinct rows.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    tree : VarianceTree
        Leaves with their moments.

    Notes
    -----
    Variances are compared in units of the overall variance of their feature, so that
    a feature in small units is not overlooked, or of the variance of its bulk if far
    rows make the other one much larger.
    """
    return _build_in_scale(X, sample_weight, None, None, n_leaves, n_jobs)


def merge_trees(trees, n_leaves=4096, n_jobs=None):
    """Join the summaries of several parts of a table into one.

    The leaves of the parts are the rows of the new tree, with their weights, their
    variances and their boxes.

    Parameters
    ----------
    trees : list of VarianceTree
        Summaries of disjoint sets of rows, in any order.
    n_leaves : int, default=4096
        Largest number of leaves.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    tree : VarianceTree
        Its ``leaf`` has the new leaf of each leaf of the parts, one part after the
        other.
    """
    means, weights, variances, counts, lower, upper = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("means", "weights", "variances", "counts", "lower", "upper")
    )
    merged = _build_in_scale(means, weights, variances, counts, n_leaves, n_jobs)
    low = np.full_like(merged.means, np.inf)
    high = np.full_like(merged.means, -np.inf)
    np.minimum.at(low, merged.leaf, lower)
    np.maximum.at(high, merged.leaf, upper)
    return merged._replace(lower=low, upper=high)


def _build_in_scale(X, weights, variances, counts, n_leaves, n_jobs):
    """Build the tree, once more if far rows made features look small."""
    refuse_huge(X, weights)
    tree = _build(X, weights, variances, counts, n_leaves, n_jobs)
    stretch = _stretch(tree)
    if stretch is None:
        return tree
    return _build(X, weights, variances, counts, n_leaves, n_jobs, stretch)


def _stretch(tree):
    """By how much far rows enlarge the variance of each feature, or None."""
    kept = tree.weights > 0.0
    means, weights = tree.means[kept], tree.weights[kept]
    n = len(means)
    if n < _FEWEST_LEAVES:
        return None
    shares = weights / weights.sum()
    # From one of them, so that large constants leave no rounding.
    means = means - means[0]
    variance = shares @ ((means - shares @ means) ** 2 + tree.variances[kept])
    outer = n // 4
    ordered = np.partition(means, (outer, n - 1 - outer), axis=0)
    bulk = (ordered[n - 1 - outer] - ordered[outer]) / _BULK_DEVIATIONS
    far = (bulk > 0.0) & (variance > (_STRETCHED * bulk) ** 2)
    if not far.any():
        return None
    return np.where(far, variance / np.where(far, bulk, 1.0) ** 2, 1.0)


def _build(X, weights, variances, counts, n_leaves, n_jobs, stretch=1.0):
    n, d = X.shape
    weights = _NO_WEIGHTS if weights is None else as_float64(weights)
    node = np.zeros(n, dtype=np.int32)
    cell_rows = max(_CELL_VALUES // d, _CELL_ROWS)
    top, importance = _grow_top(X, weights, node, cell_rows, n_jobs, stretch)
    cells = _from_left_to_right(top)
    # Rows of a cell become neighbours, and so do the cells below any node.
    # Sixteen bits are sorted by counting.
    rank = np.zeros(len(top.left), dtype=np.uint16 if cells.size < 2**16 else np.int64)
    rank[cells] = np.arange(cells.size)
    rank = rank[node]
    order = np.argsort(rank, kind="stable").astype(np.int32 if n < 2**31 else np.int64)
    edges = np.concatenate([[0], np.cumsum(np.bincount(rank, minlength=cells.size))])
    del node, rank
    tau = _guess_of_tau(X, weights, importance, n_leaves)
    while True:
        grown = _grow_cells(
            X, weights, order, edges, cells, top, importance, tau, n_jobs
        )
        nodes = _join(top, cells, edges, grown)
        if tau == 0.0 or np.count_nonzero(nodes.feature >= 0) >= n_leaves - 1:
            break
        # The guess was too high; far below it, every split is taken.
        tau = tau / 4.0 if tau > 1e-9 * nodes.priority[0] else 0.0
    starts = _prune(nodes, n_leaves)
    return _describe(X, weights, variances, counts, order, starts, n_jobs)


def _gather(X, rows):
    # Several times as fast as indexing.
    return as_float64(np.take(X, rows, axis=0))


def _blocks(start, stop, n_features):
    step = max(_BLOCK_VALUES // n_features, 256)
    for first in range(start, stop, step):
        yield first, min(first + step, stop)


class _Sums:
    """Exact sums of the nodes that one pass over the rows fills."""

    def __init__(self, n_nodes, n_features):
        self.size = np.zeros(n_nodes, dtype=np.int64)
        self.mass = np.zeros(n_nodes)
        self.total = np.zeros((n_nodes, n_features))
        self.square = np.zeros((n_nodes, n_features))
        self.low = np.full((n_nodes, n_features), np.inf)
        self.high = np.full((n_nodes, n_features), -np.inf)

    def add(self, other):
        """Join the sums of another thread; being exact, they come in any order."""
        self.size += other.size
        self.mass += other.mass
        self.total += other.total
        self.square += other.square
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)


class _Top:
    """The nodes near the root, which hold too many rows for one cell."""

    def __init__(self, box, mass):
        self.feature, self.threshold, self.left, self.priority = [], [], [], []
        # Of all nodes, also of those without sums yet. A box and a mass are upper
        # bounds, those of the parent, until the node is measured.
        self.boxes, self.masses, self.ceilings = [box], [mass], [np.inf]

    def fresh(self):
        """Numbers of the nodes that are not measured yet."""
        return range(len(self.left), len(self.boxes))

    def frames(self):
        """Centre, scale and rounding of the sums of the fresh nodes."""
        nodes = self.fresh()
        center, inverse = np.empty((2, len(nodes), self.boxes[0].shape[1]))
        for k, g in enumerate(nodes):
            box_frame(self.boxes[g][0], self.boxes[g][1], center[k], inverse[k])
        bounds = np.array([self.masses[g] for g in nodes], dtype=np.float64)
        return center, inverse, np.ldexp(1.5, np.frexp(2.0 * bounds)[1])

    def tables(self, n_settled):
        """Give what routes rows from nodes since ``n_settled`` to the fresh ones."""
        feature = np.full(len(self.left), -1, dtype=np.int32)
        feature[n_settled:] = self.feature[n_settled:]
        threshold = np.array(self.threshold, dtype=np.float64)
        return feature, threshold, np.array(self.left, dtype=np.int32)

    def tighten(self, sums):
        """Replace the boxes of the fresh nodes by the smallest ones."""
        for k, g in enumerate(self.fresh()):
            self.boxes[g] = np.stack([sums.low[k], sums.high[k]])

    def settle(self, sums, frames, importance, cell_rows):
        """Take the sums of the fresh nodes and split those that are too large."""
        nodes = self.fresh()
        for k, g in enumerate(nodes):
            moments = (sums.size[k], sums.mass[k], sums.total[k], sums.square[k])
            box = np.stack([sums.low[k], sums.high[k]])
            f, worth, cut = best_split(
                *moments, box[0], box[1], frames[0][k], frames[1][k], importance
            )
            self.boxes[g], self.masses[g] = box, float(sums.mass[k])
            self.priority.append(min(worth, self.ceilings[g]))
            split = f >= 0 and sums.size[k] > cell_rows
            self.feature.append(f if split else -1)
            self.threshold.append(cut if split else 0.0)
            self.left.append(len(self.boxes) if split else -1)
            if split:
                for side in (1, 0):
                    child = box.copy()
                    child[side, f] = cut
                    self.boxes.append(child)
                    self.masses.append(self.masses[g])
                    self.ceilings.append(self.priority[g])


def _grow_top(X, weights, node, cell_rows, n_jobs, stretch=1.0):
    """Split level by level until no node has more than ``cell_rows`` rows.

    Writes the node of each row. Also returns one over the variance of each feature.
    """
    mass = float(weights.max()) * len(X) if weights.size else float(len(X))
    top = _Top(_ranges(X, weights, n_jobs), mass)
    frames, sums = _measure_where_they_are(top, X, weights, node, n_jobs)
    spread = sums.square[0] - sums.total[0] ** 2 / sums.mass[0]
    spread = np.maximum(spread, 0.0) / (frames[1][0] ** 2 * sums.mass[0])
    importance = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    importance *= stretch
    n_settled = 0
    while True:
        top.settle(sums, frames, importance, cell_rows)
        if not len(top.fresh()):
            return top, importance
        frames, tables = top.frames(), top.tables(n_settled)
        n_settled = len(top.left)
        sums = _pass(X, weights, node, tables, frames, n_settled, n_jobs)
        if any(map(is_loose, sums.low, sums.high, frames[1])):
            top.tighten(sums)
            frames, sums = _measure_where_they_are(top, X, weights, node, n_jobs)


def _measure_where_they_are(top, X, weights, node, n_jobs):
    """Sum up the fresh nodes without moving a row."""
    nodes = top.fresh()
    feature = np.full(nodes.stop, -1, dtype=np.int32)
    feature[nodes.start :] = 0
    itself = np.arange(nodes.stop, dtype=np.int32)
    tables = (feature, np.full(nodes.stop, np.inf), itself)
    frames = top.frames()
    return frames, _pass(X, weights, node, tables, frames, nodes.start, n_jobs)


def _ranges(X, weights, n_jobs):
    """Smallest box around all rows with weight."""
    parts = []

    def work(start, stop):
        box = np.array([[np.inf], [-np.inf]]) * np.ones(X.shape[1])
        for first, last in _blocks(start, stop, X.shape[1]):
            rows = as_float64(X[first:last])
            extend_box(rows, weights[first:last], box[0], box[1])
        parts.append(box)

    run_chunks(work, len(X), n_jobs=n_jobs)
    parts = np.array(parts)
    return np.stack([parts[:, 0].min(axis=0), parts[:, 1].max(axis=0)])


def _pass(X, weights, node, tables, frames, first_child, n_jobs):
    """Route all rows by one level and sum up the nodes where they arrive."""
    n_nodes, d = frames[0].shape
    parts = []

    def work(start, stop):
        sums = _Sums(n_nodes, d)
        for first, last in _blocks(start, stop, d):
            route_and_add(
                as_float64(X[first:last]),
                weights[first:last],
                node[first:last],
                *tables,
                first_child,
                *frames,
                sums.size,
                sums.mass,
                sums.total,
                sums.square,
                sums.low,
                sums.high,
            )
        parts.append(sums)

    run_chunks(work, len(X), n_jobs=n_jobs)
    for part in parts[1:]:
        parts[0].add(part)
    return parts[0]


def _from_left_to_right(top):
    """Leaves of the top, from left to right."""
    found, waiting = [], [0]
    while waiting:
        g = waiting.pop()
        if top.left[g] < 0:
            found.append(g)
        else:
            waiting += [top.left[g] + 1, top.left[g]]
    return np.array(found, dtype=np.int64)


def _guess_of_tau(X, weights, importance, n_leaves):
    """Somewhat below the priority that the last split will have.

    A sample of rows is reduced to as many leaves. A bad guess costs time only.
    """
    step = len(X) // (8 * n_leaves)
    if step < 2:
        return 0.0
    rows = np.array(X[::step], dtype=np.float64, order="C")
    weights = weights[::step].copy()
    box = np.stack([rows.min(axis=0), rows.max(axis=0)])
    nodes = _grow(rows, weights, np.arange(len(rows)), box, importance, 0.0, np.inf)
    worth = np.sort(nodes.priority[nodes.feature >= 0])[::-1]
    if len(worth) < n_leaves:
        return 0.0
    return 0.5 * step * float(worth[n_leaves - 1])


def _grow(rows, weights, order, box, importance, tau, ceiling):
    size = 2 * len(rows)
    feature, left = np.empty((2, size), dtype=np.int32)
    threshold, priority = np.empty((2, size))
    start, stop = np.empty((2, size), dtype=np.int64)
    nodes = _Nodes(feature, threshold, left, priority, start, stop)
    n_nodes = grow_cell(
        rows, weights, order, box[0], box[1], importance, tau, ceiling, *nodes
    )
    return _Nodes(*(values[:n_nodes].copy() for values in nodes))


def _grow_cells(X, weights, order, edges, cells, top, importance, tau, n_jobs):
    """Grow each cell by itself; rows of the same node become neighbours."""
    grown = [None] * cells.size

    def work(start, stop):
        for c in range(start, stop):
            mine = order[edges[c] : edges[c + 1]]
            inside = np.arange(mine.size)
            grown[c] = _grow(
                _gather(X, mine),
                weights[mine] if weights.size else weights,
                inside,
                top.boxes[cells[c]],
                importance,
                tau,
                top.priority[cells[c]],
            )
            mine[:] = mine[inside]

    run_chunks(work, cells.size, n_jobs=n_jobs, min_chunk=1)
    return grown


def _join(top, cells, edges, grown):
    """One tree of the top and what grew in the cells."""
    n_top = len(top.left)
    bases = n_top + np.concatenate(
        [[0], np.cumsum([nodes.feature.size - 1 for nodes in grown])]
    )
    feature, left = np.full((2, bases[-1]), -1, dtype=np.int32)
    threshold, priority = np.zeros((2, bases[-1]))
    start, stop = np.zeros((2, bases[-1]), dtype=np.int64)
    joined = _Nodes(feature, threshold, left, priority, start, stop)
    for values, known in zip(joined[:4], top_lists(top), strict=True):
        values[:n_top] = known
    for c, nodes in enumerate(grown):
        shift = bases[c] - 1
        moved = nodes._replace(
            left=np.where(nodes.left >= 0, nodes.left + shift, -1),
            start=nodes.start + edges[c],
            stop=nodes.stop + edges[c],
        )
        for values, new in zip(joined, moved, strict=True):
            values[cells[c]] = new[0]
            values[bases[c] : bases[c + 1]] = new[1:]
    for g in range(n_top - 1, -1, -1):
        if top.left[g] >= 0:
            start[g], stop[g] = start[left[g]], stop[left[g] + 1]
    return joined


def top_lists(top):
    return top.feature, top.threshold, top.left, top.priority


def _prune(nodes, n_leaves):
    """Keep the splits of the highest priority; return where the leaves begin."""
    splits = np.flatnonzero(nodes.feature >= 0)
    best = np.argsort(-nodes.priority[splits], kind="stable")[: n_leaves - 1]
    splits = splits[best]
    is_leaf = np.zeros(nodes.feature.size, dtype=bool)
    is_leaf[0] = True
    is_leaf[nodes.left[splits]] = True
    is_leaf[nodes.left[splits] + 1] = True
    # Parents go before children, so that no kept split is below a leaf.
    is_leaf[splits] = False
    return np.sort(nodes.start[is_leaf])


def _describe(X, weights, variances, counts, order, starts, n_jobs):
    """Measure the leaves from their rows."""
    edges = np.append(starts, len(X))
    m, d = starts.size, X.shape[1]
    mass, distinct = np.empty(m), np.empty(m, dtype=np.int64)
    mean, variance, lower, upper = np.empty((4, m, d))
    block = max(_BLOCK_VALUES // d, 256)

    def work(start, stop):
        first = start
        while first < stop:
            # As many leaves as fit into a block, but one at least.
            last = int(np.searchsorted(edges, edges[first] + block, side="right")) - 1
            last = min(max(last, first + 1), stop)
            mine = order[edges[first] : edges[last]]
            # Adding zero makes -0.0 and 0.0 the same.
            rows = _gather(X, mine) + 0.0
            describe_leaves(
                rows,
                rows.view(np.uint64),
                weights[mine] if weights.size else weights,
                rows[:0] if variances is None else variances[mine],
                edges[first : last + 1] - edges[first],
                mass[first:last],
                mean[first:last],
                variance[first:last],
                distinct[first:last],
                lower[first:last],
                upper[first:last],
            )
            first = last

    run_chunks(work, m, n_jobs=n_jobs, min_chunk=64)
    leaf = np.empty(len(X), dtype=np.int32)
    leaf[order] = np.repeat(np.arange(m, dtype=np.int32), np.diff(edges))
    if counts is not None:
        distinct = np.bincount(leaf, counts, minlength=m).astype(np.int64)
    return VarianceTree(
        means=mean,
        weights=mass,
        variances=variance,
        counts=distinct,
        lower=lower,
        upper=upper,
        leaf=leaf,
    )
