"""Rows before training: labels, weights, hold-out, scale and repetitions."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from skext.utils._scaling import center_and_scale
from skext.utils._warnings import warn_user

#: Fewer rows than this leave none to hold out.
FEWEST_ROWS = 20


class Rows(NamedTuple):
    """Validated rows of positive weight.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features as they came, float32 or float64.
    y : ndarray of shape (n_samples,)
        Codes of the classes, or numbers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows, float64.
    index : ndarray of shape (n_samples,)
        Where the rows stood in what the user gave.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    index: np.ndarray

    def take(self, rows):
        """Return some of the rows."""
        return Rows(*(None if part is None else part[rows] for part in self))


class Scaler(NamedTuple):
    """Mean and scale of each feature.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Subtracted.
    scale : ndarray of shape (n_features,)
        Divided by.
    """

    mean: np.ndarray
    scale: np.ndarray


def check_finite(X):
    """Refuse missing and infinite values, naming the cure."""
    # A sum is the cheapest look; it may overflow, so that it only clears.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum(dtype=np.float64)) or np.isfinite(X).all():
            return
    what = "NaN" if np.isnan(X).any() else "infinity (inf)"
    raise ValueError(
        f"X contains {what}. A net takes finite numbers only: impute them first, e.g. "
        "by sklearn.impute.SimpleImputer in a pipeline (infinity: replace it by NaN)."
    )


def encode_labels(y, classes):
    """Return the position of each label in the sorted classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    classes : ndarray of shape (n_classes,)
        Known labels, sorted.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        Integers from 0 to ``n_classes - 1``.

    Raises
    ------
    ValueError
        If a label is not known.
    """
    unknown = np.setdiff1d(y, classes)
    if unknown.size:
        raise ValueError(
            f"y has labels that are not among the classes {classes.tolist()[:20]}: "
            f"{unknown.tolist()[:5]}. Name all classes in the first call of "
            "partial_fit, or fit again."
        )
    return np.searchsorted(classes, y)


def class_factors(class_weight, rows, classes):
    """Return the factor of each class, ones where nothing is asked for.

    Parameters
    ----------
    class_weight : {"balanced"}, dict or None
        The parameter.
    rows : Rows
        Rows with codes of classes.
    classes : ndarray of shape (n_classes,)
        Labels of the codes.

    Returns
    -------
    factors : ndarray of shape (n_classes,)
        Factors of the weights.
    """
    factors = np.ones(len(classes))
    if class_weight is None:
        return factors
    present = np.unique(rows.y)
    if isinstance(class_weight, dict):
        known = set(classes.tolist())
        unknown = [label for label in class_weight if label not in known]
        if unknown:
            raise ValueError(
                f"class_weight={class_weight!r} has labels that y does not have: "
                f"{unknown}. The classes are {classes.tolist()[:20]}."
            )
        given = {
            code: class_weight.get(classes.tolist()[code], 1.0) for code in present
        }
        factors[present] = [given[code] for code in present]
        return factors
    factors[present] = compute_class_weight(
        class_weight, classes=present, y=rows.y, sample_weight=rows.weight
    )
    return factors


def hold_out_classes(codes, fraction, rng):
    """Split rows at random, each class in its share.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,)
        Classes of the rows.
    fraction : float
        Share of the rows to hold out.
    rng : numpy.random.Generator
        Source of the choice.

    Returns
    -------
    held : ndarray of bool of shape (n_samples,) or None
        Rows to hold out. Every class keeps a row for training, so that a class of a
        single row has none in the hold-out. None where too few rows are left.
    """
    counts = np.bincount(codes)
    lonely = counts == 1
    if len(codes) < FEWEST_ROWS or counts.max() < 2:
        _warn_no_hold_out(len(codes))
        return None
    if lonely.any():
        warn_user(
            f"{lonely.sum()} of the classes have a single row each, which is trained "
            "on: the hold-out of early stopping says nothing about them."
        )
    total = max(1, round(fraction * len(codes)))
    quota = _quotas(counts, fraction, total, rng)
    held = np.zeros(len(codes), dtype=bool)
    for code in np.flatnonzero(quota):
        members = np.flatnonzero(codes == code)
        held[rng.choice(members, quota[code], replace=False)] = True
    return held


def _quotas(counts, fraction, total, rng):
    """Share ``total`` rows among classes by largest remainders."""
    most = np.maximum(counts - 1, 0)
    wanted = counts * fraction
    quota = np.minimum(np.floor(wanted).astype(np.intp), most)
    # Equal remainders are ordered at random.
    order = np.lexsort((rng.permutation(len(counts)), quota - wanted))
    for code in order:
        if quota.sum() >= total:
            break
        quota[code] += quota[code] < most[code]
    return quota


def hold_out_rows(n_rows, fraction, rng):
    """Split rows at random.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    fraction : float
        Share to hold out.
    rng : numpy.random.Generator
        Source of the choice.

    Returns
    -------
    held : ndarray of bool of shape (n_rows,) or None
        Rows to hold out; None where there are too few.
    """
    if n_rows < FEWEST_ROWS:
        _warn_no_hold_out(n_rows)
        return None
    held = np.zeros(n_rows, dtype=bool)
    held[rng.permutation(n_rows)[: max(1, round(fraction * n_rows))]] = True
    return held


def _warn_no_hold_out(n_rows):
    warn_user(
        f"{n_rows} rows are too few to hold some out for early stopping: all are "
        "trained on, for max_epochs epochs, and nothing is calibrated. "
        "early_stopping=False does so without this warning."
    )


def drop_negligible(rows):
    """Leave out rows whose weight single precision cannot tell from 0.

    Parameters
    ----------
    rows : Rows
        Any rows.

    Returns
    -------
    rows : Rows
        The others. Batch normalisation knows no weights, so that the rest would still
        shape the net although their losses are nothing.
    """
    if rows.weight is None or not len(rows.weight):
        return rows
    heard = rows.weight > np.finfo(np.float32).eps * rows.weight.max()
    return rows if heard.all() else rows.take(np.flatnonzero(heard))


def merge_repetitions(rows):
    """Sort rows and merge equal ones, adding their weights.

    Parameters
    ----------
    rows : Rows
        Any rows.

    Returns
    -------
    rows : Rows
        Distinct rows in an order of their own. Repeated rows and weighted ones
        become the same arrays, to the bit.
    """
    weight = np.ones(len(rows.y)) if rows.weight is None else rows.weight
    keys = np.column_stack([rows.X.astype(np.float64), rows.y.astype(np.float64)])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    merged = np.bincount(group.ravel(), weights=weight)
    return rows.take(first)._replace(weight=merged)


def fit_scaler(X, weight, standardize=True):
    """Return weighted mean and spread of each feature.

    The spread is the standard deviation or, of a feature with two values, their
    distance: the code of a rare category would be blown up by its small deviation.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    standardize : bool, default=True
        False gives mean 0 and scale 1.

    Returns
    -------
    scaler : Scaler
        In float64; a constant feature has scale 1.
    """
    if not standardize:
        return Scaler(np.zeros(X.shape[1]), np.ones(X.shape[1]))
    return Scaler(*center_and_scale(X, weight))


def apply_scaler(X, scaler, block=16384):
    """Standardise rows and store them in single precision.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite numbers; not changed.
    scaler : Scaler
        From :func:`fit_scaler`.
    block : int, default=16384
        Rows at a time, which bounds the memory in float64.

    Returns
    -------
    table : ndarray of shape (n_samples, n_features), dtype float32
        A new array.
    """
    table = np.empty(X.shape, dtype=np.float32)
    try:
        with np.errstate(over="raise"):
            for start in range(0, len(X), block):
                part = X[start : start + block].astype(np.float64, copy=False)
                table[start : start + block] = (part - scaler.mean) / scaler.scale
    except FloatingPointError:
        raise ValueError(
            "X has values that are too large for single precision, "
            f"{np.finfo(np.float32).max:.2g}, after scaling. Rescale or clip them."
        ) from None
    return table
