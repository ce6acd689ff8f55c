"""Paths of models over the strength of the penalty, with warm starts."""

from typing import NamedTuple

import numpy as np

from skext.ordinal._solver.kernels import smallest_gaps
from skext.ordinal._solver.links import link_code, link_ppf
from skext.ordinal._solver.newton import Loss, Penalty, from_thresholds, minimise
from skext.ordinal._solver.shared import minimise_shared

# Below this gap between neighbouring predictors a row counts as crossing.
MARGIN = 1e-9
_GRAM_LIMIT = 500
_SHARED_LIMIT = 300


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
