"""PRESTO models for a sequence of penalties."""

from numbers import Integral

from sklearn.utils import Bunch

from skext.ordinal._base import (
    GRID_CONSTRAINTS,
    select_training_data,
    spread_path,
    warn_not_converged,
)
from skext.ordinal._presto import PRESTO, PRESTO_CONSTRAINTS
from skext.utils._sklearn import validate_params


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
    model = PRESTO(
        main_weight=main_weight,
        fusion_weight=fusion_weight,
        l1_ratio=l1_ratio,
        anchor=anchor,
        link=link,
        class_order=class_order,
        standardize=standardize,
        penalty_factor=penalty_factor,
        non_crossing=non_crossing,
        barrier=barrier,
        tol=tol,
        max_iter=max_iter,
        solver=solver,
    )
    X, positions, order, weight = model._check_training_set(X, y, sample_weight)
    data = select_training_data(X, positions, order, weight, class_weight)
    grid = {"alphas": alphas, "n_alphas": n_alphas, "eps": eps}
    path = model._solve(data, n_jobs=n_jobs, early_stopping=early_stopping, **grid)
    warn_not_converged(path, "presto_path", tol)
    model._warn_if_unbounded(path, path.alphas.size - 1, data, name="presto_path")
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
