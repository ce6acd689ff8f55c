"""Penalised cumulative-link models: the functions behind the estimators.

A model has P(y <= k | x) = F(intercepts[k] + x . coefs[k]). With zeta_0 = coefs[0] and
zeta_k = coefs[k] - coefs[k - 1], the objective is the weighted mean of -log P(y_i)
plus, for each strength alpha,

    alpha * sum_kj w_k c_j (l1_ratio |zeta_kj| + (1 - l1_ratio) / 2 zeta_kj^2)

with w_0 = ``main_weight``, w_k = ``fusion_weight`` and c = ``penalty_factor``, on
columns with standard deviation one if ``standardize``.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skext.ordinal._solver.barrier import NonCrossing
from skext.ordinal._solver.design import prepare
from skext.ordinal._solver.path import PathProblem, penalty_weights

# Sparse tables with more features give sparse weights.
_DENSE_FEATURES = 1000


class PathSolution(NamedTuple):
    """Models for decreasing strengths of the penalty."""

    alphas: np.ndarray
    """Strengths, shape (n_alphas,)."""
    intercepts: np.ndarray
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
        Strengths, decreasing. None takes a geometric grid from :func:`alpha_max`.
    n_alphas : int, default=20
        Length of the grid.
    eps : float, default=1e-2
        Last strength of the grid relative to the first one.
    main_weight, fusion_weight : float, default=1.0
        Penalty of the first weights and of their changes. An infinite
        ``fusion_weight`` makes all thresholds share their weights.
    l1_ratio : float, default=1.0
        Share of the absolute values in the penalty.
    penalty_factor : ndarray of shape (n_features,), default=None
        Penalty of each feature; None is 1.
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
    start : tuple of (intercepts, coefs), default=None
        Where to start, for columns as given.
    n_jobs : int, default=None
        Threads for loops over rows.

    Returns
    -------
    solution : PathSolution
        One model for each strength.
    """
    rows, design = prepare(X, y, n_classes, sample_weight, standardize)
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
        point = problem.started(point, *start)
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
    return _collect(alphas[: len(collected)], collected, design, sparse.issparse(X))


def _is_flat(collected, null_loss):
    """Tell whether the last model explains all, or hardly more than the one before."""
    explained = [1.0 - point.loss / null_loss for point, _ in collected[-2:]]
    if explained[-1] > 0.999:
        return True
    return len(collected) > 5 and explained[-1] - explained[0] < 1e-5 * abs(
        explained[-1]
    )


def _collect(alphas, collected, design, is_sparse):
    """Return points as models for the columns as given."""
    points = [point for point, _ in collected]
    models = [design.original(np.cumsum(point.z, axis=0)) for point in points]
    coefs = [coef for _, coef in models]
    if is_sparse and design.n_features > _DENSE_FEATURES:
        coefs = [sparse.csr_array(coef) for coef in coefs]
    else:
        coefs = np.array(coefs)
    return PathSolution(
        alphas,
        np.array([intercepts for intercepts, _ in models]),
        coefs,
        np.array([point.n_iter for point in points]),
        np.array([point.violation for point in points]),
        np.array([objective for _, objective in collected]),
        np.array([point.n_crossing for point in points]),
        np.array([point.converged for point in points]),
        np.array([point.last_move for point in points]),
    )


def alpha_max(
    X,
    y,
    n_classes,
    sample_weight=None,
    *,
    main_weight=1.0,
    fusion_weight=1.0,
    l1_ratio=1.0,
    penalty_factor=None,
    link="logit",
    standardize=True,
):
    """Compute the smallest strength for which all penalised weights are zero.

    Parameters
    ----------
    X, y, n_classes, sample_weight
        As in :func:`solve_path`.
    main_weight, fusion_weight, l1_ratio, penalty_factor, link, standardize
        As in :func:`solve_path`.

    Returns
    -------
    alpha : float
        The strength. Divided by at least 0.01 in place of a smaller ``l1_ratio``.
    """
    rows, design = prepare(X, y, n_classes, sample_weight, standardize)
    weights = penalty_weights(
        n_classes - 1,
        design.n_features,
        main_weight,
        fusion_weight,
        penalty_factor,
        l1_ratio,
    )
    problem = PathProblem(rows, design, link, weights, 1e-9, 100, "auto", None)
    return problem.largest_alpha(problem.null_point())


def solve_proportional_odds(
    X,
    y,
    n_classes,
    sample_weight=None,
    *,
    alpha=0.0,
    l1_ratio=0.0,
    penalty_factor=None,
    link="logit",
    standardize=True,
    tol=1e-6,
    max_iter=100,
    start=None,
    n_jobs=None,
):
    """Fit one model whose thresholds share their weights.

    Parameters
    ----------
    X, y, n_classes, sample_weight
        As in :func:`solve_path`.
    alpha : float, default=0.0
        Strength of the penalty.
    l1_ratio, penalty_factor, link, standardize, tol, max_iter, start, n_jobs
        As in :func:`solve_path`.

    Returns
    -------
    solution : PathSolution
        A path of one model, with ``coefs`` of shape (1, 1, n_features).
    """
    return solve_proportional_odds_path(
        X,
        y,
        n_classes,
        sample_weight,
        alphas=[alpha],
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        link=link,
        standardize=standardize,
        tol=tol,
        max_iter=max_iter,
        start=start,
        n_jobs=n_jobs,
    )


def solve_proportional_odds_path(
    X,
    y,
    n_classes,
    sample_weight=None,
    *,
    alphas=None,
    n_alphas=20,
    eps=1e-2,
    l1_ratio=0.0,
    penalty_factor=None,
    link="logit",
    standardize=True,
    tol=1e-6,
    max_iter=100,
    early_stopping=False,
    start=None,
    n_jobs=None,
):
    """Fit models whose thresholds share their weights for decreasing strengths.

    Parameters
    ----------
    X, y, n_classes, sample_weight
        As in :func:`solve_path`.
    alphas, n_alphas, eps, l1_ratio, penalty_factor, link, standardize
        As in :func:`solve_path`.
    tol, max_iter, early_stopping, start, n_jobs
        As in :func:`solve_path`.

    Returns
    -------
    solution : PathSolution
        One model for each strength, with ``coefs`` of shape (n_alphas, 1, n_features).
    """
    solution = solve_path(
        X,
        y,
        n_classes,
        sample_weight,
        alphas=alphas,
        n_alphas=n_alphas,
        eps=eps,
        fusion_weight=np.inf,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        link=link,
        standardize=standardize,
        tol=tol,
        max_iter=max_iter,
        early_stopping=early_stopping,
        start=start,
        n_jobs=n_jobs,
    )
    coefs = solution.coefs
    if isinstance(coefs, list):
        return solution._replace(coefs=[coef[:1] for coef in coefs])
    return solution._replace(coefs=coefs[:, :1])
