"""The order of the classes: where it comes from, and how labels become positions."""

import sys
from typing import NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from skext.utils._warnings import warn_user


class ClassOrder(NamedTuple):
    """Labels in both orders and the way between them."""

    classes: np.ndarray
    """Labels, sorted, shape (n_classes,)."""
    ordered: np.ndarray
    """Labels in the ordinal order, shape (n_classes,)."""
    position: np.ndarray
    """Place in ``ordered`` of each entry of ``classes``, shape (n_classes,)."""


def declared_order(y):
    """Return the order that the type of a target declares.

    Parameters
    ----------
    y : object
        Whatever the user gave, before any conversion to an array.

    Returns
    -------
    labels : ndarray of shape (n_classes,) or None
        Categories of an ordered pandas categorical (bare, as a series, or as the only
        column of a frame) or of a polars ``Enum``, unused ones included; None if the
        type says nothing about an order.
    """
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None:
        if isinstance(y, pandas.DataFrame) and y.shape[1] == 1:
            y = y.iloc[:, 0]
        dtype = getattr(y, "dtype", None)
        if isinstance(dtype, pandas.CategoricalDtype):
            return np.asarray(dtype.categories) if dtype.ordered else None
    if polars is not None:
        if isinstance(y, polars.DataFrame) and y.shape[1] == 1:
            y = y.to_series()
        if isinstance(y, polars.Series) and isinstance(y.dtype, polars.Enum):
            return np.asarray(y.dtype.categories.to_list(), dtype=object)
    return None


def resolve_order(labels, classes=None, declared=None, *, parameter="classes"):
    """Decide on the order of the classes.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Distinct labels of the training data, sorted.
    classes : array-like of shape (n_classes,), default=None
        The parameter ``classes``, which wins.
    declared : ndarray of shape (n_classes,), default=None
        What :func:`declared_order` found.
    parameter : str, default="classes"
        Name of the parameter ``classes`` in messages.

    Returns
    -------
    order : ClassOrder
        Includes the classes that are listed but have no rows.
    """
    if classes is None and declared is None:
        if labels.size > 2 and labels.dtype.kind in "OUST":
            shown = " < ".join(repr(str(label)) for label in labels[:5])
            more = " < ..." if labels.size > 5 else ""
            warn_user(
                f"y has string labels and nothing says how they are ordered: the "
                f"sorted order {shown}{more} is used. Pass them in order as "
                f"{parameter}=[...], or make y an ordered pandas Categorical; "
                f"{parameter}=sorted(set(y)) keeps the sorted order without this "
                "warning."
            )
        return ClassOrder(labels, labels, np.arange(labels.size))
    source = parameter if classes is not None else "the categories of y"
    listed = column_or_1d(classes if classes is not None else declared)
    if labels.dtype.kind in "OU" and listed.dtype.kind in "OU":
        # Predictions come back with the type of y.
        listed = listed.astype(object if labels.dtype.kind == "O" else str)
    sorter = _sort(listed, source)
    sorted_labels = listed[sorter]
    if (sorted_labels[1:] == sorted_labels[:-1]).any():
        raise ValueError(
            f"{source} must have distinct labels, got {listed.tolist()}; list each "
            "label once."
        )
    known = set(listed.tolist())
    unknown = [label for label in labels.tolist() if label not in known]
    if unknown:
        raise ValueError(
            f"y must only have labels from {source}, {listed.tolist()}, got "
            f"{unknown[:5]}; add the missing labels in their place, or correct y."
        )
    return ClassOrder(sorted_labels, listed, sorter)


def _sort(labels, source):
    """Return the permutation that sorts labels of one kind."""
    try:
        return np.argsort(labels, kind="stable")
    except TypeError:
        raise ValueError(
            f"{source} must have labels of one kind, got {labels.tolist()}; make all "
            "of them strings or all of them numbers."
        ) from None


def encode(y, order):
    """Return the ordinal position of each label.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels, all of them in ``order.classes``.
    order : ClassOrder
        The classes.

    Returns
    -------
    positions : ndarray of shape (n_samples,), dtype intp
        Places in ``order.ordered``.
    """
    return order.position[np.searchsorted(order.classes, y)]


def spread_thresholds(present, n_classes):
    """Return which fitted threshold stands at each threshold of all classes.

    A class without rows has probability zero, because its two thresholds coincide;
    before the first class that has rows the threshold is minus infinity, after the
    last one it is plus infinity.

    Parameters
    ----------
    present : ndarray of shape (n_present,)
        Ordinal positions of the classes that have rows, increasing.
    n_classes : int
        Number of classes, those without rows included.

    Returns
    -------
    source : ndarray of shape (n_classes - 1,)
        Index of the fitted threshold; -1 and ``n_present - 1`` are the infinite ones.
    """
    return np.searchsorted(present, np.arange(n_classes - 1), side="right") - 1
