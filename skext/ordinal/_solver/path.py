"""Penalised cumulative-link models for decreasing strengths of the penalty.

A model has P(y <= k | x) = F(thresholds[k] - x . coefs[k]). With zeta_0 = coefs[0] and
zeta_k = coefs[k] - coefs[k - 1], the objective is the weighted mean of -log P(y_i)
plus, for each strength alpha,

    alpha * sum_kj w_k c_j (l1_ratio |zeta_kj| + (1 - l1_ratio) / 2 zeta_kj^2)

with w_0 = ``main_weight``, w_k = ``fusion_weight`` and c = ``penalty_factor``, on
columns with standard deviation one if ``standardize``. With the last threshold as the
anchor, zeta and the weights w count from there.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skext.ordinal._solver.barrier import NonCrossing
from skext.ordinal._solver.design import DenseDesign, Rows
from skext.ordinal._solver.kernels import smallest_gaps
from skext.ordinal._solver.links import MIRRORED_LINK, link_code, link_ppf
from skext.ordinal._solver.newton import Loss, Penalty, from_thresholds, minimise
from skext.ordinal._solver.shared import minimise_shared
from skext.ordinal._solver.sparse_design import SparseDesign

# Sparse tables with more features give sparse weights.
_DENSE_FEATURES = 1000
_GRAM_LIMIT = 500
_SHARED_LIMIT = 300


class LinearPath(NamedTuple):
    """Models for decreasing strengths of the penalty."""

    alphas: np.ndarray
    """Strengths, shape (n_alphas,)."""
    thresholds: np.ndarray
    """Shape (n_alphas, n_classes - 1)."""
    coefs: object
    """Weights for the columns as given, shape (n_alphas, n_classes - 1, n_features);
    for wide sparse tables a list of CSR arrays (n_classes - 1, n_features)."""
    n_iter: np.ndarray
    """Newton steps, shape (n_alphas,)."""
    kkt_violation: np.ndarray
    """Largest violation of the optimality conditions on scaled columns."""
    objective: np.ndarray
    """Penalised mean loss on scaled columns, without a barrier."""
    n_crossing: np.ndarray
    """Rows in which some class has a negative probability."""
    converged: np.ndarray
    """Whether the violation is at most ``tol``."""
    last_move: np.ndarray
    """Largest change of the predictor of a row in the last step; infinite if it was
    not looked at."""


def solve_path(
    X,
    y,
    n_classes,
    sample_weight=None,
    *,
    alphas=None,
    n_alphas=20,
    eps=1e-2,
    main_weight=1.0,
    fusion_weight=1.0,
    l1_ratio=1.0,
    penalty_factor=None,
    anchor="first",
    link="logit",
    standardize=True,
    non_crossing="train",
    barrier=1e-4,
    solver="auto",
    tol=1e-5,
    max_iter=100,
    early_stopping=False,
    start=None,
    n_jobs=None,
):
    """Fit models with separate weights per threshold for decreasing strengths.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Features in float64, sparse ones as CSR or CSC; not modified.
    y : ndarray of shape (n_samples,)
        Positions of the classes; each has a row of positive weight.
    n_classes : int
        Number of classes, at least 2.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows.
    alphas : array-like of shape (n_alphas,), default=None
        Strengths, decreasing. None takes a geometric grid from the smallest strength
        for which all penalised weights are zero, as if ``l1_ratio`` were 0.01 where it
        is smaller.
    n_alphas : int, default=20
        Length of the grid.
    eps : float, default=1e-2
        Last strength of the grid relative to the first one.
    main_weight, fusion_weight : float, default=1.0
        Penalty of the weights of the anchor and of their changes. An infinite
        ``fusion_weight`` makes all thresholds share their weights.
    l1_ratio : float, default=1.0
        Share of the absolute values in the penalty.
    penalty_factor : ndarray of shape (n_features,), default=None
        Penalty of each feature; None is 1.
    anchor : {"first", "last"}, default="first"
        The threshold whose weights are penalised themselves.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function.
    standardize : bool, default=True
        Penalise the weights of columns with standard deviation one.
    non_crossing : {"train", None}, default="train"
        Whether no class of any row may have a negative probability.
    barrier : float, default=1e-4
        Strength of the barrier that holds rows apart, where it is needed.
    solver : {"auto", "gram", "rows"}, default="auto"
        Whether quadratic models are stored as cross-products.
    tol : float, default=1e-5
        Largest violation of the optimality conditions.
    max_iter : int, default=100
        Largest number of Newton steps for each strength.
    early_stopping : bool, default=False
        End the path once the fit hardly improves.
    start : tuple of (thresholds, coefs), default=None
        Where to start, for columns as given.
    n_jobs : int, default=None
        Threads for loops over rows.

    Returns
    -------
    path : LinearPath
        One model for each strength.
    """
    # The last threshold is the first one of the reversed classes.
    is_reversed = anchor == "last"
    if is_reversed:
        y, link = n_classes - 1 - y, MIRRORED_LINK[link]
    rows, design = _prepare(X, y, n_classes, sample_weight, standardize)
    weights = penalty_weights(
        n_classes - 1,
        design.n_features,
        main_weight,
        fusion_weight,
        penalty_factor,
        l1_ratio,
    )
    problem = PathProblem(rows, design, link, weights, tol, max_iter, solver, n_jobs)
    keeper = None
    if non_crossing is not None and n_classes > 2 and np.isfinite(fusion_weight):
        keeper = NonCrossing(problem, barrier)
    if alphas is not None:
        alphas = np.atleast_1d(np.asarray(alphas, dtype=np.float64))
    if alphas is not None and weights.at(alphas[0]).is_smooth:
        # No working sets, and no need to know where weights appear.
        point, top = problem.origin(), alphas[0]
    else:
        point = problem.null_point()
        top = problem.largest_alpha(point)
    if alphas is None:
        alphas = np.geomspace(top, top * eps, n_alphas) if top > 0 else np.zeros(1)
    if start is not None:
        thresholds, coefs = start
        point = problem.started(
            point,
            *(
                (-thresholds[::-1], coefs[::-1])
                if is_reversed
                else (thresholds, -coefs)
            ),
        )
    previous = weights.at(max(top, alphas[0]))
    collected = []
    for alpha in alphas:
        penalty = weights.at(alpha)
        features = problem.screen(penalty, point, previous)
        point = problem.fit(penalty, point.z, features, problem.loss)
        shown = point if keeper is None else keeper.keep(penalty, point)
        collected.append((shown, problem.objective(penalty, shown)))
        previous = penalty
        if early_stopping and _is_flat(collected, problem.null_loss):
            break
    return _collect(alphas[: len(collected)], collected, design, is_reversed)


def _is_flat(collected, null_loss):
    """Tell whether the last model explains all, or hardly more than the one before."""
    explained = [1.0 - point.loss / null_loss for point, _ in collected[-2:]]
    if explained[-1] > 0.999:
        return True
    return len(collected) > 5 and explained[-1] - explained[0] < 1e-5 * abs(
        explained[-1]
    )


def _collect(alphas, collected, design, is_reversed):
    """Return points as models for the columns as given."""
    points = [point for point, _ in collected]
    thresholds, coefs = [], []
    for point in points:
        intercepts, weights = design.original(np.cumsum(point.z, axis=0))
        thresholds.append(-intercepts[::-1] if is_reversed else intercepts)
        coefs.append(weights[::-1] if is_reversed else 0.0 - weights)
    if design.is_sparse and design.n_features > _DENSE_FEATURES:
        coefs = [sparse.csr_array(coef) for coef in coefs]
    else:
        coefs = np.array(coefs)
    return LinearPath(
        alphas,
        np.array(thresholds),
        coefs,
        np.array([point.n_iter for point in points]),
        np.array([point.violation for point in points]),
        np.array([objective for _, objective in collected]),
        np.array([point.n_crossing for point in points]),
        np.array([point.converged for point in points]),
        np.array([point.last_move for point in points]),
    )


def _prepare(X, y, n_classes, sample_weight, standardize):
    """Sort rows by class and scale columns.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Features; not modified.
    y : ndarray of shape (n_samples,)
        Positions of the classes, all of which have rows of positive weight.
    n_classes : int
        Number of classes.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights.
    standardize : bool
        Divide the columns by their standard deviation.

    Returns
    -------
    rows : Rows
        The targets.
    design : DenseDesign or SparseDesign
        The table.
    """
    small = np.int16 if n_classes < 2**15 else np.int64
    order = np.argsort(np.asarray(y).astype(small), kind="stable")
    if sample_weight is None:
        weight = np.full(order.size, 1.0 / order.size)
    else:
        weight = np.asarray(sample_weight, dtype=np.float64)[order]
        if not weight.all():
            order, weight = order[weight > 0], weight[weight > 0]
        weight = weight / weight.sum()
    labels = np.asarray(y)[order].astype(np.int64)
    bounds = np.searchsorted(labels, np.arange(n_classes + 1))
    rows = Rows(labels, weight, bounds, labels - 1)
    if sparse.issparse(X):
        return rows, SparseDesign(X, order, weight, standardize)
    return rows, DenseDesign(X, order, weight, standardize)


class Weights(NamedTuple):
    """Factors of the penalty, shape (n_thresholds, 1 + n_features) each."""

    main: np.ndarray
    """Factor of each weight; infinite ones pin a weight to zero."""
    l1_ratio: float

    def at(self, alpha):
        """Return the penalty of a strength."""
        pinned = np.isinf(self.main)
        factor = np.where(pinned, 0.0, self.main)
        l1 = alpha * self.l1_ratio * factor
        l1[pinned] = np.inf
        return Penalty(l1, alpha * (1.0 - self.l1_ratio) * factor)

    def pinning(self):
        """Return the penalty under which all penalised weights are zero."""
        return Penalty(np.where(self.main > 0.0, np.inf, 0.0), np.zeros_like(self.main))


def penalty_weights(
    n_thresholds, n_features, main_weight, fusion_weight, penalty_factor, l1_ratio
):
    """Combine the factors of thresholds and features."""
    factor = np.ones(n_features) if penalty_factor is None else penalty_factor
    main = np.zeros((n_thresholds, n_features + 1))
    main[0, 1:] = main_weight * factor
    if np.isinf(fusion_weight):
        main[1:, 1:] = np.inf
    else:
        main[1:, 1:] = fusion_weight * factor
    return Weights(main, float(l1_ratio))


def _as_dense(coefs):
    """Return weights as an array."""
    if hasattr(coefs, "toarray"):
        coefs = coefs.toarray()
    return np.atleast_2d(np.asarray(coefs, dtype=np.float64))


class Point(NamedTuple):
    """A solution on the scaled columns."""

    z: np.ndarray
    loss: float
    gradient: np.ndarray
    violation: float
    n_iter: int
    smallest_gap: float
    n_crossing: int
    converged: bool
    last_move: float = np.inf
    """Largest change of the predictor of a row in the last step; infinite if it was
    not looked at."""


class PathProblem:
    """A data set, a link and a penalty, to be solved for several strengths.

    Parameters
    ----------
    rows : Rows
        The targets.
    design : DenseDesign or SparseDesign
        The table.
    link : str
        Name of the link.
    weights : Weights
        Factors of the penalty.
    tol : float
        Largest violation of the optimality conditions.
    max_iter : int
        Largest number of Newton steps for one strength.
    solver : {"auto", "gram", "rows"}
        How the quadratic models are solved.
    n_jobs : int or None
        Number of threads for the loops over rows.
    """

    def __init__(self, rows, design, link, weights, tol, max_iter, solver, n_jobs):
        self.rows, self.design, self.weights = rows, design, weights
        self.tol, self.max_iter, self.solver = tol, max_iter, solver
        shares = rows.shares
        self.null_loss = -float(shares @ np.log(shares))
        self.loss = Loss(rows, link_code(link), 0.0, n_jobs)
        n_thresholds = rows.n_classes - 1
        cumulative = np.cumsum(shares)[:-1]
        self.null = np.zeros((n_thresholds, design.n_features + 1))
        self.null[:, 0] = np.diff(link_ppf(link, cumulative), prepend=0.0)
        self.informative = np.flatnonzero(design.informative)
        self._block = None

    def origin(self):
        """Return the model without weights, before anything is computed."""
        nothing = np.zeros_like(self.null)
        return Point(self.null, self.null_loss, nothing, np.inf, 0, np.inf, 0, False)

    def null_point(self):
        """Return the best model in which all penalised weights are zero."""
        pinning = self.weights.pinning()
        free = (pinning.l1[:, 1:] == 0.0).any(axis=0) & self.design.informative
        return self.fit(pinning, self.null, np.flatnonzero(free), self.loss)

    def started(self, point, intercepts, coefs):
        """Return ``point`` moved to given parameters if they are in the domain."""
        theta = self.design.scaled(
            np.asarray(intercepts, dtype=np.float64), _as_dense(coefs)
        )
        z = np.diff(theta, axis=0, prepend=0.0)
        z[np.isinf(self.weights.main)] = 0.0
        features = self.informative
        columns = np.concatenate(([0], features + 1))
        block = self._select(features)
        eta = block.predictors(self.rows, np.cumsum(z[:, columns], axis=0))
        _, value = self.loss.evaluate(eta)
        return point._replace(z=z) if np.isfinite(value) else point

    def largest_alpha(self, point):
        """Return the smallest strength for which ``point`` is optimal."""
        main = self.weights.main[:, 1:]
        counted = (main > 0.0) & np.isfinite(main)
        if not counted.any():
            return 0.0
        ratio = np.abs(point.gradient[:, 1:][counted]) / main[counted]
        return float(ratio.max()) / max(self.weights.l1_ratio, 0.01)

    def screen(self, penalty, point, previous):
        """Return the features that may have weights, by the strong rule."""
        if penalty.is_smooth:
            return self.informative
        # The bound on the change of the gradient between two strengths.
        bound = 2.0 * penalty.l1 - np.where(np.isinf(previous.l1), 0.0, previous.l1)
        kept = (np.abs(point.gradient) >= bound) | (point.z != 0.0)
        return np.flatnonzero(kept[:, 1:].any(axis=0) & self.design.informative)

    def fit(self, penalty, z, features, loss):
        """Minimise over all columns, starting with some of them.

        Parameters
        ----------
        penalty : Penalty
            Of all columns.
        z : ndarray of shape (n_thresholds, 1 + n_features)
            Start, inside of the domain; zero outside of ``features``.
        features : ndarray of shape (n_selected,)
            The first working set.
        loss : Loss
            The natural loss, or the one with a barrier.

        Returns
        -------
        point : Point
            The solution.
        """
        if self.is_simple:
            return self._fit_shared(penalty, z)
        z = z.copy()
        rows, design = loss.rows, self.design
        m = rows.n_classes - 1 if rows.full else 2
        known, n_iter = None, 0
        while True:
            block = self._select(features)
            columns = np.concatenate(([0], features + 1))
            part = penalty.select(columns)
            found = minimise(
                loss, block, part, np.ascontiguousarray(z[:, columns]),
                self._target(part), self.max_iter - n_iter,
                self._use_gram(features.size, part), known,
            )  # fmt: skip
            z[:, columns] = found.z
            n_iter += found.n_iter
            known = found.eta, found.out, found.loss
            if features.size == self.informative.size:
                gradient = np.zeros_like(z)
                gradient[:, columns] = found.gradient
                violation = found.violation
                break
            gradient = from_thresholds(design.gradient(rows, found.out[:, :m]))
            gradient += penalty.l2 * z
            violations = penalty.violation(gradient, z)
            violation = float(violations.max())
            reached = found.violation <= self._target(part)(found.loss)
            worst = violations[:, 1:].max(axis=0)
            worst[features] = 0.0
            missed = np.flatnonzero(worst > self.tol)
            if missed.size == 0 or not reached or n_iter >= self.max_iter:
                break
            most = max(20, 2 * features.size)
            if missed.size > most:
                missed = missed[np.argpartition(-worst[missed], most)[:most]]
            features = np.sort(np.concatenate((features, missed)))
        target = self._target(penalty)(found.loss)
        return self._point(z, found, gradient, violation, n_iter, target, loss)

    def _fit_shared(self, penalty, z):
        """Minimise with one dense vector of weights."""
        columns = self.informative + 1
        l1, l2 = (np.ascontiguousarray(a[0, columns]) for a in penalty)
        weights = np.where(np.isinf(l1), 0.0, z[0, columns])
        kept = np.concatenate(([0], columns))
        target = self._target(penalty.select(kept))
        found = minimise_shared(
            self.rows, self._select(self.informative).columns, self.loss.link, l1, l2,
            np.cumsum(z[:, 0]), weights, target, self.max_iter, self.loss.n_jobs,
        )  # fmt: skip
        z, gradient = np.zeros_like(z), np.zeros_like(z)
        z[:, 0] = np.diff(found.thresholds, prepend=0.0)
        z[0, columns], gradient[0, columns] = found.weights, found.gradient
        converged = bool(found.violation <= target(found.loss))
        return Point(
            z, found.loss, gradient, found.violation, found.n_iter, np.inf, 0,
            converged, found.last_move,
        )  # fmt: skip

    def _point(self, z, found, gradient, violation, n_iter, target, loss):
        """Count the rows that cross and put the results together."""
        if self.rows.n_classes == 2 or self.weights_are_shared:
            gap, n_crossing = np.inf, 0
        else:
            eta = found.eta
            if not loss.rows.full:
                full = self.rows.with_all_predictors()
                features = np.flatnonzero((z[:, 1:] != 0.0).any(axis=0))
                columns = np.concatenate(([0], features + 1))
                theta = np.cumsum(z[:, columns], axis=0)
                eta = self.design.select(features).predictors(full, theta)
                eta = np.ascontiguousarray(eta)
            gap, n_crossing = smallest_gaps(eta, 0, eta.shape[0])
        converged = bool(violation <= target)
        return Point(
            z, found.loss, gradient, violation, n_iter, gap, n_crossing, converged
        )

    @property
    def weights_are_shared(self):
        """Whether all thresholds have the same weights."""
        return bool(np.isinf(self.weights.main).any())

    @property
    def is_simple(self):
        """Whether there is one vector of weights and a small dense table."""
        one = self.weights_are_shared or self.rows.n_classes == 2
        small = self.informative.size <= _SHARED_LIMIT
        return one and small and not self.design.is_sparse and self.solver == "auto"

    def _select(self, features):
        """Return a block; the last one is kept."""
        if self._block is None or not np.array_equal(self._block.features, features):
            self._block = self.design.select(features)
        return self._block

    def _use_gram(self, width, penalty):
        """Choose how the quadratic model is stored."""
        if self.solver != "auto":
            return self.solver == "gram"
        if self.design.is_sparse:
            return width <= 100
        if penalty.is_smooth:
            return width <= 300
        return width <= max(64, min(_GRAM_LIMIT, self.rows.y.size // 4))

    def _target(self, penalty):
        """Return the violation to stop at, as a function of the loss.

        Without a penalty the gradient vanishes when classes can be separated,
        although there is no optimum; it does not vanish relative to the loss.
        """
        l1, l2 = penalty.l1[:, 1:], penalty.l2[:, 1:]
        tol = self.tol
        if not ((l1 == 0.0) & (l2 == 0.0)).any():
            return lambda loss: tol
        return lambda loss: tol * min(1.0, 100.0 * loss / self.null_loss)

    def objective(self, penalty, point):
        """Return the penalised objective, without a barrier."""
        return point.loss + penalty.absolute(point.z) + penalty.squares(point.z)
