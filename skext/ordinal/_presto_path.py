"""Models for a sequence of penalties: the function, and what the estimators share."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch

from skext.ordinal._base import (
    BaseOrdinal,
    LinearPath,
    check_penalty_factor,
    select_training_data,
    spread_model,
    warn_not_converged,
)
from skext.ordinal._solver.problems import solve_path
from skext.ordinal._solver.repair import MIRRORED_LINK
from skext.ordinal._solver.separation import (
    MAX_ITER,
    TINY_TOL,
    is_held,
    tiny_penalty,
    warn_if_unbounded,
)
from skext.utils._sklearn import Interval, StrOptions, validate_params

LINK = StrOptions(set(MIRRORED_LINK))

# Parameters that describe the model; the path and the estimators have them all.
PRESTO_CONSTRAINTS: dict = {
    "main_weight": [Interval(Real, 0, None, closed="left")],
    "fusion_weight": [Interval(Real, 0, None, closed="both")],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "anchor": [StrOptions({"first", "last"})],
    "link": [LINK],
    "class_order": ["array-like", None],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "standardize": ["boolean"],
    "penalty_factor": ["array-like", None],
    "non_crossing": [StrOptions({"train"}), None],
    "barrier": [Interval(Real, 0, None, closed="neither")],
    "tol": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "solver": [StrOptions({"auto", "gram", "rows"})],
}
GRID_CONSTRAINTS: dict = {
    "alphas": ["array-like", None],
    "n_alphas": [Interval(Integral, 1, None, closed="left")],
    "eps": [Interval(Real, 0, 1, closed="neither")],
}


def check_alphas(alphas):
    """Return strengths in decreasing order, or None.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,) or None
        The parameter.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,) or None
        Finite and not negative.
    """
    if alphas is None:
        return None
    found = np.asarray(alphas, dtype=np.float64)
    if found.ndim != 1 or found.size == 0 or not np.isfinite(found).all():
        raise ValueError(
            f"alphas must be a list of finite numbers, got {alphas!r}; None makes one."
        )
    if found.min() < 0:
        raise ValueError(
            f"alphas must not be negative, got {found.min()}; 0 is no penalty."
        )
    return np.sort(found)[::-1].copy()


def solve_anchored(data, anchor, link, start, **options):
    """Fit models, with published signs, whose first or last weights are the anchor.

    Parameters
    ----------
    data : TrainingData
        The rows.
    anchor : {"first", "last"}
        The threshold whose weights are penalised themselves. The last one is the first
        one of the reversed classes under the mirrored link.
    link : {"logit", "probit", "cloglog", "loglog"}
        The distribution.
    start : tuple of (thresholds, coef) or None
        Where to start, with published signs.
    **options : dict
        Further arguments of the solver.

    Returns
    -------
    path : LinearPath
        One model for each strength.
    """
    n_present = data.present.size
    y, first = data.y, anchor == "first"
    if not first:
        y, link = n_present - 1 - y, MIRRORED_LINK[link]
    if start is not None:
        thresholds, coef = start
        start = (thresholds, -coef) if first else (-thresholds[::-1], coef[::-1])
    found = solve_path(
        data.X, y, n_present, data.sample_weight, link=link, start=start, **options
    )
    thresholds, coefs = found.intercepts, found.coefs
    if not first:
        thresholds = -thresholds[:, ::-1]
    if isinstance(coefs, list):
        coefs = [-coef if first else coef[::-1] for coef in coefs]
    else:
        coefs = 0.0 - coefs if first else coefs[:, ::-1]
    return LinearPath(
        found.alphas,
        thresholds,
        coefs,
        found.n_iter,
        found.kkt_violation,
        found.objective,
        found.n_crossing,
        found.converged,
        found.last_move,
    )


def differences(coef, anchor):
    """Return what the penalty sees: the weights of the anchor, and all changes.

    Parameters
    ----------
    coef : ndarray of shape (n_classes - 1, n_features)
        Weights.
    anchor : {"first", "last"}
        The threshold from which changes count.

    Returns
    -------
    differences : ndarray of shape (n_classes - 1, n_features)
        Row of the anchor: its weights; other rows: the change from the neighbour on
        the side of the anchor.
    """
    if anchor == "first":
        return np.diff(coef, axis=0, prepend=0.0)
    return -np.diff(coef, axis=0, append=0.0)


class _PathModel(BaseOrdinal):
    """Validation of the input of :func:`presto_path`, nothing else."""

    def __init__(self, class_order):
        self.class_order = class_order

    def _solve(self, data, *, start=None, n_jobs=None, **grid):
        raise NotImplementedError


@validate_params(
    {
        **PRESTO_CONSTRAINTS,
        **GRID_CONSTRAINTS,
        "early_stopping": ["boolean"],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=True,
)
def presto_path(
    X,
    y,
    *,
    alphas=None,
    n_alphas=20,
    eps=1e-2,
    sample_weight=None,
    main_weight=1.0,
    fusion_weight=1.0,
    l1_ratio=1.0,
    anchor="first",
    link="logit",
    class_order=None,
    class_weight=None,
    standardize=True,
    penalty_factor=None,
    non_crossing="train",
    barrier=1e-4,
    tol=1e-5,
    max_iter=100,
    solver="auto",
    early_stopping=False,
    n_jobs=None,
):
    """Fit PRESTO models for a decreasing sequence of penalties.

    Each fit starts from the one before, which makes the whole sequence hardly dearer
    than its last model.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training data.
    y : array-like of shape (n_samples,)
        Class labels.
    alphas : array-like of shape (n_alphas,), default=None
        Strengths of the penalty; they are used in decreasing order. None makes a
        geometric sequence that begins with the smallest strength for which all
        penalised weights are zero.
    n_alphas : int, default=20
        Length of that sequence.
    eps : float, default=1e-2
        Its last strength divided by its first one.
    sample_weight : array-like of shape (n_samples,), default=None
        How often each row counts.
    main_weight : float, default=1.0
        Factor of the penalty of the weights of the anchor.
    fusion_weight : float, default=1.0
        Factor of the penalty of changes between thresholds; ``numpy.inf`` for none.
    l1_ratio : float, default=1.0
        Share of absolute values in the penalty; the rest are halves of squares.
    anchor : {"first", "last"}, default="first"
        Threshold whose weights are penalised themselves.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function of the cumulative probabilities.
    class_order : array-like of shape (n_classes,), default=None
        All labels in order. None takes the order of an ordered categorical ``y``, else
        sorts the labels.
    class_weight : dict or "balanced", default=None
        Factors of the weights of rows, by label.
    standardize : bool, default=True
        Whether penalties are of weights for features with standard deviation one.
    penalty_factor : array-like of shape (n_features,), default=None
        Factor of the penalty of each feature; None is 1.
    non_crossing : {"train"} or None, default="train"
        Whether cumulative probabilities must increase in all training rows.
    barrier : float, default=1e-4
        Strength of the barrier that sees to it.
    tol : float, default=1e-5
        Largest violation of the optimality conditions.
    max_iter : int, default=100
        Largest number of Newton steps for each strength.
    solver : {"auto", "gram", "rows"}, default="auto"
        Whether the quadratic models are stored as cross-products of features, or
        solved by passes over the rows.
    early_stopping : bool, default=False
        Whether to end the sequence once the fit hardly improves.
    n_jobs : int, default=None
        Number of threads for passes over the rows.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
        Strengths, decreasing.
    thresholds : ndarray of shape (n_alphas, n_classes - 1)
        As ``thresholds_`` of :class:`PRESTO`.
    coefs : ndarray of shape (n_alphas, n_classes - 1, n_features) or list
        As ``coef_`` of :class:`PRESTO`. For sparse ``X`` with more than 1000 features
        a list of sparse arrays of shape (n_classes - 1, n_features).
    info : Bunch
        Arrays of shape (n_alphas,) under ``objective``, ``kkt_violation``, ``n_iter``,
        ``n_crossing`` and ``converged``, and the labels in order under
        ``ordered_classes``.

    Raises
    ------
    ValueError
        If the input is not finite, labels are not in ``class_order``, or fewer than two
        classes have rows of positive weight.

    See Also
    --------
    PRESTO : One model.
    PRESTOCV : Choose among the models of a path.

    Notes
    -----
    The signs are those of the estimators: ``thresholds[m] - X @ coefs[m].T`` are the
    linear predictors.

    References
    ----------
    .. [1] Gregory Faletto and Jacob Bien, "Predicting Rare Events by Shrinking Towards
       Proportional Odds", International Conference on Machine Learning, 2023.

    Examples
    --------
    >>> from skext.datasets import load_wine_bitterness
    >>> from skext.ordinal import presto_path
    >>> X, y = load_wine_bitterness(return_X_y=True)
    >>> alphas, thresholds, coefs, info = presto_path(X, y, n_alphas=5)
    >>> alphas.round(4)
    array([0.3005, 0.095 , 0.0301, 0.0095, 0.003 ])
    >>> coefs.shape
    (5, 4, 2)
    """
    model = _PathModel(class_order)
    X, positions, order, weight = model._check_training_set(X, y, sample_weight)
    data = select_training_data(X, positions, order, weight, class_weight)
    options = {
        "main_weight": main_weight,
        "fusion_weight": fusion_weight,
        "l1_ratio": l1_ratio,
        "standardize": standardize,
        "penalty_factor": check_penalty_factor(penalty_factor, X.shape[1]),
        "non_crossing": non_crossing,
        "barrier": barrier,
        "solver": solver,
        "n_jobs": n_jobs,
    }
    path = solve_anchored(
        data,
        anchor,
        link,
        None,
        alphas=check_alphas(alphas),
        n_alphas=n_alphas,
        eps=eps,
        tol=tol,
        max_iter=max_iter,
        early_stopping=early_stopping,
        **options,
    )
    warn_not_converged(path, "presto_path", tol)
    _warn_if_unbounded(path, data, anchor, link, options, model, tol)
    thresholds, coefs = spread_path(path, data.present, order.ordered.size)
    info = Bunch(
        objective=path.objective,
        kkt_violation=path.kkt_violation,
        n_iter=path.n_iter,
        n_crossing=path.n_crossing,
        converged=path.converged,
        ordered_classes=order.ordered,
    )
    return path.alphas, thresholds, coefs, info


def _warn_if_unbounded(path, data, anchor, link, options, model, tol):
    """Look for weights that nothing holds at the end of a path."""
    alpha = path.alphas[-1]
    factors, main = options["penalty_factor"], options["main_weight"]
    fusion = options["fusion_weight"]
    if is_held(alpha, factors, main, fusion):
        return
    n_features = data.X.shape[1]

    def solve(start, tiny):
        found = tiny_penalty(alpha, tiny, factors, n_features, main, fusion)
        changed = {
            "alphas": [found[0]],
            "penalty_factor": found[1],
            "main_weight": found[2],
            "fusion_weight": found[3],
            "tol": TINY_TOL,
            "max_iter": MAX_ITER,
        }
        return solve_anchored(data, anchor, link, start, **{**options, **changed})

    warn_if_unbounded(
        path,
        path.alphas.size - 1,
        data,
        link,
        solve,
        name="presto_path",
        tol=tol,
        has_barrier=options["non_crossing"] is not None,
        features=getattr(model, "feature_names_in_", None),
    )


def spread_path(path, present, n_classes):
    """Give the models of a path thresholds for classes without rows, too.

    Parameters
    ----------
    path : LinearPath
        Models of the classes that have rows.
    present : ndarray of shape (n_present,)
        Ordinal positions of these classes.
    n_classes : int
        Number of all classes.

    Returns
    -------
    thresholds : ndarray of shape (n_alphas, n_classes - 1)
        Thresholds.
    coefs : ndarray of shape (n_alphas, n_classes - 1, n_features), \
(n_alphas, n_features) or list
        Weights, of the kind that they are in ``path``.
    """
    if present.size == n_classes:
        return path.thresholds, path.coefs
    pairs = [
        spread_model(thresholds, coef, present, n_classes)
        for thresholds, coef in zip(path.thresholds, path.coefs, strict=True)
    ]
    coefs = [coef for _, coef in pairs]
    if isinstance(path.coefs, list):
        coefs = [type(path.coefs[0])(coef) for coef in coefs]
    else:
        coefs = np.array(coefs)
    return np.array([thresholds for thresholds, _ in pairs]), coefs
