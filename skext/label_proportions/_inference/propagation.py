"""Belief propagation over a graph of rows and bags with known counts."""

import math
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning

from skext.label_proportions._counts.many_class_kernels import count_vector_messages
from skext.label_proportions._counts.posterior import LATTICE_LIMIT
from skext.label_proportions._counts.two_class_kernels import count_messages
from skext.label_proportions._inference.many_class_kernels import (
    edge_energies_classes,
    receive_classes,
    send_classes,
    settle_classes,
)
from skext.label_proportions._inference.two_class_kernels import (
    edge_energies,
    receive,
    send,
    settle,
)
from skext.utils._parallel import run_chunks
from skext.utils._warnings import warn_user

# Rows that are worth a thread of their own.
_ROWS_PER_THREAD = 4096
# Sweeps without progress before damping is raised, if marginals swing to and fro.
_PATIENCE = 10
# Sweeps in one direction before it is halved, and what is as good as none.
_DRIFT = 3
_NO_DAMPING = 0.1
_STRONGER_DAMPING = (0.7, 0.9)


class Propagation(NamedTuple):
    """Where belief propagation ended; rows are in the order of the input."""

    marginals: np.ndarray
    """Probabilities that rows are positive, shape (n_samples,), or those of all
    classes, shape (n_samples, n_classes)."""
    log_odds: np.ndarray
    """Their logits, of the same shape; scores of all classes."""
    n_iter: int
    """Number of sweeps."""
    residual: float
    """Largest change of a marginal in the last sweep."""
    converged: bool
    """Whether the residual is below the tolerance."""
    log_partition: float
    """Bethe approximation of the logarithm of the partition function."""
    count_log_likelihood: float
    """Logarithm of the probability of the counts, by what neighbours say."""


class Graph(NamedTuple):
    """A symmetric graph whose rows are sorted by bag."""

    indptr: np.ndarray
    indices: np.ndarray
    reverse: np.ndarray
    """Place of the opposite of each directed edge."""
    stay: np.ndarray
    """``exp(-weight)`` of each directed edge."""


def layout(codes, counts):
    """Append the rows in no bag as a bag of unknown count.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Number of the bag of each row, -1 for none.
    counts : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Numbers of positive rows, or of the rows of all classes.

    Returns
    -------
    order, indptr, counts, n_bagged
        As :func:`propagate` takes them.
    """
    n_bags = len(counts)
    order = np.argsort(np.where(codes < 0, n_bags, codes), kind="stable")
    sizes = np.bincount(codes[codes >= 0], minlength=n_bags)
    n_bagged = int(sizes.sum())
    if n_bagged < codes.size:
        sizes = np.append(sizes, codes.size - n_bagged)
        counts = np.concatenate([counts, np.full((1, *counts.shape[1:]), np.nan)])
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    return order, indptr, np.ascontiguousarray(counts, dtype=np.float64), n_bagged


def arrange_graph(graph, order, strength):
    """Sort the rows of a symmetric graph and find opposite edges.

    Parameters
    ----------
    graph : sparse matrix of shape (n_samples, n_samples)
        Similarities; symmetric. The diagonal is left out.
    order : ndarray of shape (n_samples,)
        Row of the input for each row of the result.
    strength : float
        Factor of the similarities.

    Returns
    -------
    graph : Graph
        The arrays that kernels take.
    """
    n_samples = order.size
    place = np.empty(n_samples, dtype=np.int64)
    place[order] = np.arange(n_samples)
    found = sparse.coo_array(graph)
    kept = (found.row != found.col) & (found.data != 0)
    rows, columns = place[found.row[kept]], place[found.col[kept]]
    weights = strength * found.data[kept].astype(np.float64)
    if not np.isfinite(weights).all():
        raise ValueError("graph holds NaN or infinity; give numbers.")
    csr = sparse.csr_array((weights, (rows, columns)), shape=(n_samples, n_samples))
    csr.sum_duplicates()
    csr.sort_indices()
    numbered = sparse.csr_array(
        (np.arange(csr.nnz), csr.indices, csr.indptr), shape=csr.shape
    )
    back = numbered.T.tocsr()
    back.sort_indices()
    same = np.array_equal(back.indices, csr.indices) and np.array_equal(
        back.indptr, csr.indptr
    )
    if not same or not np.allclose(csr.data, csr.data[back.data], rtol=1e-6, atol=0):
        raise ValueError(
            "graph is not symmetric: some similarity differs from that of the opposite "
            "edge; use graph.maximum(graph.T) for instance."
        )
    index = np.int32 if csr.nnz < 2**31 else np.int64
    return Graph(
        csr.indptr.astype(np.int64),
        csr.indices.astype(index),
        back.data.astype(index),
        np.exp(-csr.data),
    )


class _Sweeps:
    """State of belief propagation, rows sorted by bag, and its steps."""

    count, settle, edges = map(staticmethod, (count_messages, settle, edge_energies))
    send, receive = map(staticmethod, (send, receive))

    def __init__(self, graph, unary, indptr, counts, bag_strength, n_jobs):
        n_samples, n_bags = unary.shape[0], counts.shape[0]
        self.graph, self.unary, self.n_jobs = graph, unary, n_jobs
        self.indptr, self.counts, self.bag_strength = indptr, counts, bag_strength
        self.received = np.zeros((graph.stay.size, *unary.shape[1:]))
        self.sent = np.zeros_like(self.received)
        self.collected = unary.copy()
        self.message = np.zeros_like(unary)
        self.new_message = np.zeros_like(unary)
        self.total = np.zeros_like(unary)
        self.proba = np.zeros_like(unary)
        self.moves = np.zeros_like(unary)
        self.tilts = np.zeros(counts.shape)
        self.logs = np.zeros(n_bags)
        self.changes = np.zeros(n_bags)
        self.agreement = np.zeros(n_bags)
        self.bags_per_thread = max(1, _ROWS_PER_THREAD * n_bags // max(n_samples, 1))

    def _run(self, kernel, n_items, *args, bags=False):
        chunk = self.bags_per_thread if bags else _ROWS_PER_THREAD
        run_chunks(kernel, n_items, *args, n_jobs=self.n_jobs, min_chunk=chunk)

    def _bag_arguments(self, damping):
        counting = (
            self.collected,
            self.indptr,
            self.counts,
            self.bag_strength,
            self.tilts,
            self.new_message,
            self.logs,
        )
        settling = (
            self.collected,
            self.message,
            self.new_message,
            damping,
            self.indptr,
            self.total,
            self.proba,
            self.moves,
            self.changes,
            self.agreement,
        )
        return counting, settling

    def _row_arguments(self, damping):
        graph = self.graph
        sending = (
            graph.indptr,
            graph.stay,
            self.total,
            self.received,
            self.sent,
            damping,
        )
        receiving = (
            graph.indptr,
            graph.reverse,
            self.unary,
            self.sent,
            self.received,
            self.collected,
        )
        return sending, receiving

    def ask_bags(self, damping):
        """Let all bags speak; return the largest change of a marginal."""
        counting, settling = self._bag_arguments(damping)
        self._run(self.count, self.logs.size, *counting, bags=True)
        self._run(self.settle, self.logs.size, *settling, bags=True)
        return float(self.changes.max(initial=0.0))

    def send_all(self, damping):
        """Let all rows speak to their neighbours."""
        sending, _ = self._row_arguments(damping)
        self._run(self.send, len(self.unary), *sending)

    def sweep(self, damping):
        """Renew all messages from the old ones."""
        self.send_all(damping)
        _, receiving = self._row_arguments(damping)
        self._run(self.receive, len(self.unary), *receiving)
        return self.ask_bags(damping)

    def sweep_in_turn(self, damping):
        """Renew messages bag after bag, each from the newest ones."""
        counting, settling = self._bag_arguments(damping)
        sending, receiving = self._row_arguments(damping)
        for b in range(self.logs.size):
            first, last = int(self.indptr[b]), int(self.indptr[b + 1])
            self.receive(*receiving, first, last)
            self.count(*counting, b, b + 1)
            self.settle(*settling, b, b + 1)
            self.send(*sending, first, last)
        return float(self.changes.max(initial=0.0))

    def log_sums(self, scores):
        """Return the sum over rows of the log-partition of their scores."""
        return np.logaddexp(0, scores).sum()

    def log_partition(self, n_bagged):
        """Return minus the Bethe free energy."""
        graph, energy = self.graph, np.zeros(len(self.unary))
        self._run(
            self.edges,
            energy.size,
            graph.indptr,
            graph.indices,
            graph.reverse,
            graph.stay,
            self.total,
            self.received,
            energy,
        )
        # Rows of bags: what the bag expects of independent rows, and their sum.
        inside = self.logs.sum() + self.log_sums(self.collected[:n_bagged])
        outside = self.log_sums(self.total[n_bagged:])
        return float(inside + outside + energy.sum())


class _ClassSweeps(_Sweeps):
    """The same for more than two classes, with a column for each."""

    count, settle = map(staticmethod, (count_vector_messages, settle_classes))
    send, receive = map(staticmethod, (send_classes, receive_classes))
    edges = staticmethod(edge_energies_classes)

    def log_sums(self, scores):
        """Return the sum over rows of the log-partition of their scores."""
        return logsumexp(scores, axis=1).sum() if len(scores) else 0.0


class _Damping:
    """Less damping while marginals drift one way, more if they swing and stay.

    Parameters
    ----------
    value : float
        Where to start.
    """

    def __init__(self, value):
        self.value = self.usual = value
        self.drift = self.swings = self.stalled = 0
        self.best = math.inf

    def adapt(self, change, agreement):
        """Learn from the size of a change, and from its product with the last one."""
        self.stalled = 0 if change < self.best else self.stalled + 1
        self.best = min(self.best, change)
        if agreement < 0:
            self.drift, self.swings = 0, self.swings + 1
            self.value = self.usual
        else:
            self.drift, self.swings = self.drift + 1, 0
        if self.drift >= _DRIFT:
            self.value = 0.0 if self.value <= _NO_DAMPING else 0.5 * self.value
            self.drift = 0
        if self.stalled >= _PATIENCE and self.swings >= _PATIENCE // 2:
            stronger = [d for d in _STRONGER_DAMPING if d > self.usual]
            self.value = self.usual = stronger[0] if stronger else self.usual
            self.stalled = self.swings = 0


def propagate(
    graph,
    order,
    indptr,
    counts,
    n_bagged,
    *,
    unary=None,
    initial=None,
    bag_strength=np.inf,
    damping=0.5,
    max_iter=100,
    tol=1e-3,
    schedule="parallel",
    n_jobs=None,
    progress=None,
):
    """Run belief propagation until marginals stand still.

    Parameters
    ----------
    graph : Graph
        With rows in the order of ``order``.
    order : ndarray of shape (n_samples,)
        Row of the input for each row of the graph: bag after bag, then rows that are
        in no bag as one last bag with an unknown count.
    indptr : ndarray of shape (n_bags + 1,)
        Where bags start and end.
    counts : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Numbers of positive rows, or of the rows of all classes; NaN is unknown.
    n_bagged : int
        Number of rows before those that are in no bag.
    unary : ndarray of shape (n_samples,) or (n_samples, n_classes), default=None
        Log-odds of the rows of the input, or scores of all classes; None is zero.
    initial : ndarray of the shape of ``unary``, default=None
        Where to start: added to ``unary`` until neighbours have spoken.
    bag_strength : float, default=inf
        How much a wrong count costs: ``bag_strength * (k - count) ** 2``. Counts of
        all classes are certain.
    damping : float, default=0.5
        Share of an old message that is kept, to begin with.
    max_iter : int, default=100
        Largest number of sweeps.
    tol : float, default=1e-3
        Largest change of a marginal at which to stop.
    schedule : {"parallel", "sequential"}, default="parallel"
        All messages at once, or bag after bag.
    n_jobs : int, default=None
        Number of threads of the parallel schedule.
    progress : callable, default=None
        Called with the number of the sweep, the change and the damping.

    Returns
    -------
    result : Propagation
        Marginals and how they were found.
    """
    shape = (order.size, *counts.shape[1:])
    start = np.zeros(shape) if unary is None else np.asarray(unary, float)[order]
    if counts.ndim == 1:
        state = _Sweeps(graph, start, indptr, counts, float(bag_strength), n_jobs)
    else:
        state = _ClassSweeps(graph, start, indptr, counts, LATTICE_LIMIT, n_jobs)
    if initial is not None and graph.stay.size:
        state.collected += initial[order]
    change = state.ask_bags(0.0)
    n_iter = 1
    converged = graph.stay.size == 0
    step = state.sweep if schedule == "parallel" else state.sweep_in_turn
    if converged:
        change = 0.0
    else:
        rule = _Damping(damping)
        if schedule == "sequential":
            # What a row knows at first moves others even if it never moves itself.
            state.send_all(0.0)
        while n_iter < max_iter:
            change = step(rule.value)
            n_iter += 1
            if progress is not None:
                progress(n_iter, change, rule.value)
            if change < tol:
                converged = True
                break
            rule.adapt(change, float(state.agreement.sum()))
    # The last word of the bags, so that rows add up to the counts.
    state.ask_bags(0.0)
    log_odds, marginals = np.empty(shape), np.empty(shape)
    log_odds[order], marginals[order] = state.total, state.proba
    return Propagation(
        marginals,
        log_odds,
        n_iter,
        change,
        converged,
        state.log_partition(n_bagged),
        float(state.logs.sum()),
    )


def warn_not_converged(result, tol, name):
    """Warn if marginals still moved when the sweeps were used up.

    Parameters
    ----------
    result : Propagation
        Where it ended.
    tol : float
        What was asked for; zero asks for all sweeps.
    name : str
        Who warns.
    """
    if not result.converged and tol > 0:
        warn_user(
            f"{name} did not converge: a marginal still moved by {result.residual:.3g} "
            f"after {result.n_iter} sweeps, asked is tol={tol:.3g}. Lower "
            "similarity_strength, increase max_iter or damping, or use "
            "schedule='sequential'.",
            ConvergenceWarning,
        )
