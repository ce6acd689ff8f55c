"""Rows before training: labels, weights and repetitions."""

from typing import NamedTuple

import numpy as np


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


def check_finite(X):
    """Refuse missing and infinite values, naming the cure."""
    # A sum is the cheapest look; it may overflow, so that it only clears.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum(dtype=np.float64)) or np.isfinite(X).all():
            return
    what = "NaN" if np.isnan(X).any() else "infinity (inf)"
    raise ValueError(
        f"X contains {what}; a net takes finite numbers only: impute them first, e.g. "
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
            f"{unknown.tolist()[:5]}; name all classes in the first call of "
            "partial_fit, or fit again."
        )
    return np.searchsorted(classes, y)


def tame_weights(weight):
    """Return weights of a size whose sums and squares are numbers.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
        Positive numbers.

    Returns
    -------
    weight : ndarray of shape (n_samples,) or None
        The same, divided by a power of two; None for equal ones, which say nothing.
    """
    if weight.min() == weight.max():
        return None
    return weight / np.exp2(np.floor(np.log2(weight.max())))


def relative_weights(rows):
    """Divide weights by the largest one: a constant factor changes nothing.

    Parameters
    ----------
    rows : Rows
        Any rows.

    Returns
    -------
    rows : Rows
        The same.
    """
    if rows.weight is None or not len(rows.weight):
        return rows
    return rows._replace(weight=rows.weight / rows.weight.max())


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
