"""Scores of ordinal predictions, and of the probability of a rare class."""

import warnings

import numpy as np
from sklearn.metrics import cohen_kappa_score
from sklearn.utils import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    column_or_1d,
)

from skext.utils._class_order import declared_order, encode, resolve_order
from skext.utils._labels import read_labels
from skext.utils._ordinal_losses import (
    event_brier_losses,
    event_log_losses,
    ranked_probability_losses,
)
from skext.utils._sklearn import check_sample_weight

# Rounding that the sum of a row of probabilities may show, single precision included.
_SUM_TOLERANCE = 1e-4


def find_order(class_order, *targets):
    """Decide on the order of the classes, from a list or from the targets.

    Parameters
    ----------
    class_order : array-like of shape (n_classes,) or None
        Labels from low to high.
    *targets : array-like of shape (n_samples,)
        Labels of rows; the first one whose type declares an order decides if
        ``class_order`` is None.

    Returns
    -------
    order : ClassOrder
        The classes.
    """
    values = [_checked(target) for target in targets]
    if len({value.dtype.kind in "OU" for value in values}) > 1:
        kinds = " and ".join(str(value.dtype) for value in values)
        raise ValueError(
            f"y_true and y_pred have labels of several kinds, {kinds}; convert one of "
            "them."
        )
    found = np.unique(np.concatenate(values))
    declared = (declared_order(target) for target in targets)
    declared = next((order for order in declared if order is not None), None)
    if class_order is not None:
        class_order = _plain(class_order)
    return resolve_order(found, class_order, declared, may_be_codes=False)


def _plain(target):
    """Return a target as an array; the only column of a frame as a vector."""
    values = np.asarray(target)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype != object or values.ndim != 1:
        return values
    # Intervals have an order of their own, whatever classifiers make of them.
    is_interval = values.size and type(values[0]).__name__ == "Interval"
    return values if is_interval else np.asarray(read_labels(values))


def _checked(target):
    values = column_or_1d(_plain(target))
    if values.size == 0:
        raise ValueError("y_true has no rows; give at least one.")
    assert_all_finite(values)
    return values


def _positions(order, target):
    return encode(column_or_1d(_plain(target)), order)


def _weights(sample_weight, n_samples):
    if sample_weight is None:
        return None
    rows = np.empty((n_samples, 1))
    return check_sample_weight(
        sample_weight, rows, dtype=np.float64, ensure_non_negative=True
    )


def check_proba(y_proba, n_samples, order, classes):
    """Return probabilities with their columns in the ordinal order.

    Parameters
    ----------
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        As ``predict_proba`` gives them; one column is the second class of two.
    n_samples : int
        Number of rows of the target.
    order : ClassOrder
        The classes.
    classes : array-like of shape (n_classes,) or None
        Labels of the columns; None is the sorted labels.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        A new array.
    """
    proba = check_array(y_proba, dtype=np.float64, ensure_2d=False)
    if proba.ndim == 1:
        proba = np.column_stack([1 - proba, proba])
    columns = order.classes if classes is None else column_or_1d(_plain(classes))
    if proba.shape != (n_samples, columns.size):
        raise ValueError(
            f"y_proba of shape {proba.shape} must have {n_samples} rows, and a column "
            f"for each of the {columns.size} classes {columns.tolist()}; name all "
            "classes by class_order=, also those without a row in y_true."
        )
    if sorted(columns.tolist()) != order.classes.tolist():
        raise ValueError(
            f"classes={columns.tolist()} must be the labels {order.classes.tolist()} "
            "in the order of the columns of y_proba."
        )
    if proba.min() < -_SUM_TOLERANCE or proba.max() > 1 + _SUM_TOLERANCE:
        raise ValueError(
            f"y_proba has values from {proba.min():.3g} to {proba.max():.3g}, which "
            "must lie between 0 and 1; give probabilities, not scores."
        )
    gap = np.abs(proba.sum(axis=1) - 1).max()
    if gap > _SUM_TOLERANCE:
        raise ValueError(
            f"y_proba must have rows that sum to 1, and one misses it by {gap:.3g}; "
            "divide each row by its sum."
        )
    place = {label: j for j, label in enumerate(columns.tolist())}
    return proba[:, [place[label] for label in order.ordered.tolist()]]


def ordinal_mean_absolute_error(
    y_true, y_pred, *, class_order=None, sample_weight=None, average="micro"
):
    """Mean number of classes between the truth and the prediction.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    class_order : array-like of shape (n_classes,), default=None
        All classes from low to high. None takes the order of an ordered pandas
        categorical, else sorts the labels that occur.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    average : {"micro", "macro"}, default="micro"
        Mean over the rows, or mean over the classes that occur in ``y_true`` of the
        mean over their rows, which a common class cannot dominate.

    Returns
    -------
    error : float
        Between 0 and ``n_classes - 1``.

    Raises
    ------
    ValueError
        If a label is not listed, or shapes disagree.

    See Also
    --------
    quadratic_weighted_kappa : Squared distance, corrected for chance.
    ranked_probability_score : The same idea for probabilities.

    Notes
    -----
    Without ``class_order`` a class that occurs in neither array is not known, and the
    distance between its neighbours is one step.

    References
    ----------
    .. [1] S. Baccianella, A. Esuli, F. Sebastiani, "Evaluation Measures for Ordinal
       Regression", Intelligent Systems Design and Applications, 2009.

    Examples
    --------
    >>> from skext.metrics import ordinal_mean_absolute_error
    >>> order = ["low", "medium", "high"]
    >>> ordinal_mean_absolute_error(
    ...     ["low", "low", "high"], ["low", "high", "medium"], class_order=order
    ... )
    1.0
    """
    if average not in ("micro", "macro"):
        raise ValueError(f"average={average!r} must be 'micro' or 'macro'.")
    check_consistent_length(y_true, y_pred)
    order = find_order(class_order, y_true, y_pred)
    truth = _positions(order, y_true)
    weight = _weights(sample_weight, truth.size)
    distance = np.abs(truth - _positions(order, y_pred)).astype(np.float64)
    if average == "micro":
        return float(np.average(distance, weights=weight))
    total = np.bincount(truth, weights=weight)
    summed = np.bincount(
        truth, weights=distance if weight is None else distance * weight
    )
    present = total > 0
    return float(np.mean(summed[present] / total[present]))


def quadratic_weighted_kappa(y_true, y_pred, *, class_order=None, sample_weight=None):
    """Agreement of ordinal labels, squared distances corrected for chance.

    It is scikit-learn's :func:`~sklearn.metrics.cohen_kappa_score` with quadratic
    weights, of the places of the labels in their true order.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    class_order : array-like of shape (n_classes,), default=None
        All classes from low to high. None takes the order of an ordered pandas
        categorical, else sorts the labels that occur.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    kappa : float
        1 for perfect agreement, 0 for that of chance; NaN if both arrays have one
        and the same label only.

    Raises
    ------
    ValueError
        If a label is not listed, or shapes disagree.

    See Also
    --------
    ordinal_mean_absolute_error : Mean distance.

    References
    ----------
    .. [1] J. Cohen, "Weighted kappa: Nominal scale agreement provision for scaled
       disagreement or partial credit", Psychological Bulletin 70 (1968).

    Examples
    --------
    >>> from skext.metrics import quadratic_weighted_kappa
    >>> order = ["low", "medium", "high"]
    >>> truth = ["low", "low", "medium", "high"]
    >>> guess = ["low", "medium", "medium", "high"]
    >>> round(quadratic_weighted_kappa(truth, guess, class_order=order), 3)
    0.8
    """
    check_consistent_length(y_true, y_pred)
    order = find_order(class_order, y_true, y_pred)
    truth, guess = _positions(order, y_true), _positions(order, y_pred)
    weight = _weights(sample_weight, truth.size)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        # Agreement that is undefined is reported as NaN.
        warnings.simplefilter("ignore")
        kappa = cohen_kappa_score(
            truth,
            guess,
            labels=np.arange(order.ordered.size),
            weights="quadratic",
            sample_weight=weight,
        )
    return float(kappa)


def ranked_probability_score(
    y_true,
    y_proba,
    *,
    class_order=None,
    classes=None,
    normalize=False,
    sample_weight=None,
):
    r"""Mean squared error of the cumulative probabilities; smaller is better.

    .. math:: \sum_{k=1}^{K-1} \bigl(P(y \le k) - 1[y \le k]\bigr)^2

    It is strictly proper, and a prediction that is wrong by one class costs less than
    one that is wrong by two.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes, columns in the order of ``classes``.
    class_order : array-like of shape (n_classes,), default=None
        All classes from low to high. None takes the order of an ordered pandas
        categorical, else sorts the labels that occur.
    classes : array-like of shape (n_classes,), default=None
        Labels of the columns. None is the sorted labels, as ``predict_proba`` of
        every classifier has them.
    normalize : bool, default=False
        Whether to divide by ``n_classes - 1``, so that the worst value is 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    score : float
        Between 0 and ``n_classes - 1``, or 1 if normalised.

    Raises
    ------
    ValueError
        If a label is not listed, shapes disagree, or rows are no probabilities.

    See Also
    --------
    rare_class_log_loss : Only one class counts.

    Notes
    -----
    It is the continuous ranked probability score (CRPS) of the distribution on the
    places 0, 1, 2, ... of the classes: the expected distance to the truth, less half
    the expected distance of two independent draws. With two classes it is the Brier
    score.

    References
    ----------
    .. [1] E. S. Epstein, "A scoring system for probability forecasts of ranked
       categories", Journal of Applied Meteorology 8 (1969).
    .. [2] T. Gneiting, A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and
       Estimation", Journal of the American Statistical Association 102 (2007).

    Examples
    --------
    >>> from skext.metrics import ranked_probability_score
    >>> order = ["low", "medium", "high"]  # columns: high, low, medium
    >>> near, far = [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]
    >>> ranked_probability_score(["low"], near, class_order=order)
    1.0
    >>> ranked_probability_score(["low"], far, class_order=order)
    2.0
    """
    order = find_order(class_order, y_true)
    truth = _positions(order, y_true)
    proba = check_proba(y_proba, truth.size, order, classes)
    weight = _weights(sample_weight, truth.size)
    score = np.average(ranked_probability_losses(proba, truth), weights=weight)
    return float(score / (proba.shape[1] - 1) if normalize else score)


def rare_event(y_true, y_proba, class_order, classes, rare):
    """Return whether each row is rare, and the probability that it is."""
    order = find_order(class_order, y_true)
    truth = _positions(order, y_true)
    proba = check_proba(y_proba, truth.size, order, classes)
    rare = order.ordered[-1:] if rare is None else np.atleast_1d(np.asarray(rare))
    unknown = [c for c in rare.tolist() if c not in order.ordered.tolist()]
    if unknown or not 0 < rare.size < order.ordered.size:
        raise ValueError(
            f"rare={rare.tolist()} must be one or some, but not all, of "
            f"{order.ordered.tolist()}; name classes that occur."
        )
    chosen = np.isin(order.ordered, rare)
    return chosen[truth], proba[:, chosen].sum(axis=1)


def rare_class_log_loss(
    y_true, y_proba, *, class_order=None, classes=None, rare=None, sample_weight=None
):
    """Log loss of the question whether a row is of the rare class.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes, columns in the order of ``classes``.
    class_order : array-like of shape (n_classes,), default=None
        All classes from low to high. None takes the order of an ordered pandas
        categorical, else sorts the labels that occur.
    classes : array-like of shape (n_classes,), default=None
        Labels of the columns. None is the sorted labels.
    rare : label or list of labels, default=None
        The rare class, or classes, whose probabilities are added. None is the
        highest class.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    loss : float
        Mean negative log probability of what happened. Probabilities are clipped by
        the machine epsilon, as in :func:`sklearn.metrics.log_loss`.

    Raises
    ------
    ValueError
        If a label is not listed, shapes disagree, or rows are no probabilities.

    See Also
    --------
    rare_class_brier : Squared error.
    rare_probability_mse : Against true probabilities, in simulations.

    Examples
    --------
    >>> from skext.metrics import rare_class_log_loss
    >>> proba = [[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.4, 0.5]]
    >>> round(rare_class_log_loss([0, 1, 2], proba), 3)
    0.341
    """
    event, p = rare_event(y_true, y_proba, class_order, classes, rare)
    weight = _weights(sample_weight, p.size)
    return float(np.average(event_log_losses(p, event), weights=weight))


def rare_class_brier(
    y_true, y_proba, *, class_order=None, classes=None, rare=None, sample_weight=None
):
    """Brier score of the question whether a row is of the rare class.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities of the classes, columns in the order of ``classes``.
    class_order : array-like of shape (n_classes,), default=None
        All classes from low to high. None takes the order of an ordered pandas
        categorical, else sorts the labels that occur.
    classes : array-like of shape (n_classes,), default=None
        Labels of the columns. None is the sorted labels.
    rare : label or list of labels, default=None
        The rare class, or classes, whose probabilities are added. None is the
        highest class.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    loss : float
        Mean squared difference of the probability and what happened.

    Raises
    ------
    ValueError
        If a label is not listed, shapes disagree, or rows are no probabilities.

    See Also
    --------
    rare_class_log_loss : Weighs mistakes about small probabilities more.

    Examples
    --------
    >>> from skext.metrics import rare_class_brier
    >>> proba = [[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.4, 0.5]]
    >>> round(rare_class_brier([0, 1, 2], proba), 3)
    0.1
    """
    event, p = rare_event(y_true, y_proba, class_order, classes, rare)
    weight = _weights(sample_weight, p.size)
    return float(np.average(event_brier_losses(p, event), weights=weight))


def rare_probability_mse(p_true, p_pred, *, sample_weight=None):
    """Mean squared error of probabilities whose truth is known.

    Parameters
    ----------
    p_true : array-like of shape (n_samples,)
        True probability of the rare class, from a simulation.
    p_pred : array-like of shape (n_samples,)
        Predicted probability.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    error : float
        Mean squared difference.

    Raises
    ------
    ValueError
        If a value is no probability, or shapes disagree.

    See Also
    --------
    rare_class_brier : For real data, where only labels are known.
    skext.datasets.make_ordinal : Simulated data with true probabilities.

    Examples
    --------
    >>> from skext.metrics import rare_probability_mse
    >>> round(rare_probability_mse([0.01, 0.02], [0.02, 0.02]), 6)
    5e-05
    """
    checked = []
    for name, value in (("p_true", p_true), ("p_pred", p_pred)):
        array = column_or_1d(check_array(value, ensure_2d=False, dtype=np.float64))
        if array.min() < 0 or array.max() > 1:
            raise ValueError(
                f"{name} has values from {array.min():.3g} to {array.max():.3g}, which "
                "must lie between 0 and 1; give probabilities."
            )
        checked.append(array)
    check_consistent_length(*checked)
    weight = _weights(sample_weight, checked[0].size)
    return float(np.average((checked[0] - checked[1]) ** 2, weights=weight))
