"""The search: split all components level by level, heal, merge, keep the best."""

from typing import NamedTuple

import numpy as np

from skext.cluster._mixture.em import State, fit_mixture
from skext.cluster._mixture.merge import merge_redundant
from skext.cluster._mixture.split import best_split
from skext.utils._parallel import run_chunks

TREE_DTYPE = np.dtype(
    [
        ("node", np.int64),
        ("parent", np.int64),
        ("level", np.int64),
        ("weight", np.float64),
        ("gain", np.float64),
        ("accepted", np.bool_),
        ("reason", "U40"),
    ]
)

_LEVEL_EM = 6
_TRIFLE = 1e-3
_FEWEST_ROWS = 6
_FULL = "max_clusters reached"
# Values that a thread must have to do, or starting it costs more.
_WORTH_A_THREAD = 20_000


class Search(NamedTuple):
    """Result of the search.

    Attributes
    ----------
    state : State
        The best mixture.
    tree : ndarray of shape (n_records,)
        What was tried, in order; see ``TREE_DTYPE``.
    nodes : list of int
        Node of each component.
    bic_path : ndarray of shape (n_levels + 1,)
        Information criterion after each level.
    n_levels : int
        Levels with a split.
    n_refused : int
        Components that would be split if there could be more of them.
    ended_by : tuple of str
        Parameters that ended the search too early.
    """

    state: State
    tree: np.ndarray
    nodes: list
    bic_path: np.ndarray
    n_levels: int
    n_refused: int
    ended_by: tuple


class _Component(NamedTuple):
    """What is remembered of a component between levels."""

    node: int
    # Mass and mean at which no split was worth it, or None.
    settled: tuple | None
    # Whether it came of a merger: a cut in two would be undone again.
    merged: bool = False


class _Log:
    """Record of all nodes."""

    def __init__(self):
        self.records, self.parents, self.levels, self.undone = [], [-1], [0], {}

    def new_node(self, parent, level):
        """Make a new node and return its number."""
        self.parents.append(parent)
        self.levels.append(level)
        return len(self.parents) - 1

    def write(self, node, weight, gain, accepted, reason):
        """Add one record."""
        self.records.append(
            (
                node,
                self.parents[node],
                self.levels[node],
                weight,
                gain,
                accepted,
                reason,
            )
        )

    def undo(self, n_records):
        """Forget all but the first records, which lead to the best mixture."""
        for node, *_, accepted, reason in self.records[n_records:]:
            self.undone[node] = "undone, too little gain" if accepted else reason
        del self.records[n_records:]

    def table(self):
        """All records."""
        return np.array(self.records, dtype=TREE_DTYPE)


def find_components(data, rules, settings):
    """Find the mixture with the lowest information criterion.

    Parameters
    ----------
    data : Data
        Rows in canonical order.
    rules : Rules
        Allowed components.
    settings : Settings
        Limits: parameters of the estimator.

    Returns
    -------
    search : Search
        Mixture and record.
    """
    log = _Log()
    total = data.weights.sum()
    state = fit_mixture(data, rules, np.ones((1, len(data.weights))), 1)
    known = [_Component(0, None)]
    lowest = state.bic(rules.log_n)
    best, path, worse, n_levels = (state, known, 0), [lowest], 0, 0
    threshold = max(1e-4 * total, rules.log_n)
    ended_by = ()
    for level in range(1, settings.max_levels + 1):
        resp, known = _split_all(data, rules, settings, state, known, level, log)
        if resp is None:
            break
        n_levels = level
        state = fit_mixture(data, rules, resp, _LEVEL_EM)
        known = [known[i] for i in state.ids]
        state, known = _merge(data, rules, state, known, level, log)
        path.append(state.bic(rules.log_n))
        if path[-1] < lowest - threshold:
            best, lowest, worse = (state, known, len(log.records)), path[-1], 0
        else:
            worse += 1
            if worse == 2:
                break
    else:
        if settings.max_levels > 0 and worse == 0:
            # The last level improved the mixture, and the next one might, too.
            ended_by = ("max_levels",)
    return _finish(data, rules, settings, best, log, path, n_levels, ended_by)


def _finish(data, rules, settings, best, log, path, n_levels, ended_by):
    """Iterate the best state to convergence, and order its components."""
    state, known, n_records = best
    log.undo(n_records)
    if len(known) > 1:
        start = state.resp.copy()
        state = fit_mixture(data, rules, start, settings.max_iter, settings.tol)
        if not state.converged and _still_moves(data, rules, state):
            ended_by += ("max_iter",)
        known = [known[i] for i in state.ids]
        state, known = _merge(data, rules, state, known, n_levels + 1, log)
    order = np.lexsort(state.mixture.means.T[::-1])
    state = state._replace(
        mixture=state.mixture.select(order),
        resp=state.resp[order],
        joint=state.joint[order],
        ids=np.arange(len(order)),
    )
    nodes = [known[i].node for i in order]
    recorded = {record[0]: record[-1] for record in log.records}
    refused = sum(recorded.get(node, log.undone.get(node)) == _FULL for node in nodes)
    for node, mass in zip(nodes, state.mixture.mass, strict=True):
        if node not in recorded:
            reason = log.undone.get(node, "search ended")
            log.write(node, float(mass), np.nan, False, reason)
    path.append(state.bic(rules.log_n))
    tree = log.table()
    return Search(state, tree, nodes, np.array(path), n_levels, refused, ended_by)


def _still_moves(data, rules, state):
    """Tell whether the next iteration would gain more than a trifle."""
    step = fit_mixture(data, rules, state.resp.copy(), 1)
    return step.log_likelihood - state.log_likelihood > _TRIFLE * data.weights.sum()


def _split_all(data, rules, settings, state, known, level, log):
    """Try to split every component that is not settled.

    Returns the responsibilities of the new components, or None if nothing was split.
    """
    mixture, resp = state.mixture, state.resp
    hard = resp.argmax(axis=0)
    members = [np.flatnonzero(hard == k) for k in range(len(known))]
    tries = []
    for k, index in enumerate(members):
        weight = float(mixture.mass[k])
        if _is_settled(known[k], mixture, k):
            continue
        if data.counts[index].sum() < _FEWEST_ROWS:
            log.write(known[k].node, weight, np.nan, False, "too few rows")
        else:
            tries.append(k)
    splits = _try(data, rules, settings, members, tries, known)
    room = settings.max_clusters - len(known)
    parts, remembered, accepted = [], [], False
    for k, component in enumerate(known):
        split = splits.get(k)
        weight = float(mixture.mass[k])
        if split is not None and split.resp is not None and split.gain > 0.0:
            n_more = len(split.resp) - 1
            if n_more <= room:
                room -= n_more
                accepted = True
                log.write(component.node, weight, split.gain, True, "split")
                for part in split.resp:
                    child = np.zeros(resp.shape[1])
                    child[members[k]] = resp[k, members[k]] * part
                    parts.append(child)
                    node = log.new_node(component.node, level)
                    remembered.append(_Component(node, None))
                continue
            log.write(component.node, weight, split.gain, False, _FULL)
        elif split is not None:
            reason = "no gain" if split.resp is not None else "no partition"
            log.write(component.node, weight, split.gain, False, reason)
        parts.append(resp[k])
        if not _is_settled(component, mixture, k):
            component = component._replace(
                settled=(mixture.mass[k], mixture.means[k].copy())
            )
        remembered.append(component)
    return (np.stack(parts) if accepted else None), remembered


def _is_settled(component, mixture, k):
    """Tell whether a component has hardly moved since it was last tried in vain."""
    if component.settled is None:
        return False
    mass, mean = component.settled
    step = mixture.factors[k].T @ (mixture.means[k] - mean)
    return abs(mixture.mass[k] - mass) <= 0.03 * mass and step @ step <= 0.03


def _try(data, rules, settings, members, tries, known):
    """Search all cells for splits; they do not know of each other."""
    found = {}

    def work(start, stop):
        for k in tries[start:stop]:
            found[k] = best_split(
                data.part(members[k]),
                rules,
                min_rows=float(settings.min_cluster_size),
                lookahead=settings.lookahead,
                directions=settings.directions,
                insist=known[k].merged,
            )

    n_values = sum(len(members[k]) for k in tries) * data.rows.shape[0]
    chunk = 1 if n_values > _WORTH_A_THREAD else max(len(tries), 1)
    run_chunks(work, len(tries), n_jobs=settings.n_jobs, min_chunk=chunk)
    return found


def _merge(data, rules, state, known, level, log):
    """Merge redundant components and give the merged ones nodes of their own."""
    owners = [{k} for k in range(len(known))]
    merged, owners = merge_redundant(data, rules, state, owners)
    remembered = []
    for k, members in enumerate(owners):
        if len(members) == 1:
            remembered.append(known[next(iter(members))])
            continue
        nodes = sorted(known[i].node for i in members)
        new = log.new_node(nodes[0], level)
        for i in sorted(members):
            weight = float(state.mixture.mass[i])
            log.write(known[i].node, weight, np.nan, False, f"merged into node {new}")
        remembered.append(_Component(new, None, merged=True))
        log.write(new, float(merged.mixture.mass[k]), np.nan, False, "merged")
    return merged, remembered
