"""The order of the classes: where it comes from, and how labels become positions."""

from numbers import Number
from typing import NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from skext.utils._columns import categories_of, library_of
from skext.utils._warnings import warn_user


class ClassOrder(NamedTuple):
    """Labels in both orders and the way between them."""

    classes: np.ndarray
    """Labels, sorted, shape (n_classes,)."""
    ordered: np.ndarray
    """Labels in the ordinal order, shape (n_classes,)."""
    position: np.ndarray
    """Place in ``ordered`` of each entry of ``classes``, shape (n_classes,)."""
    names: np.ndarray | None = None
    """What ``ordered`` stands for, if the labels are codes of other labels."""


def declared_order(y):
    """Return the order that the type of a target declares.

    Parameters
    ----------
    y : object
        Whatever the user gave, before any conversion to an array.

    Returns
    -------
    labels : ndarray of shape (n_classes,) or None
        Categories of an ordered pandas categorical or dictionary of Arrow (bare, as a
        series, or as the only column of a frame) or of a polars ``Enum``, unused ones
        included; None if the type says nothing about an order.
    """
    if library_of(y) == "pandas" and y.ndim == 2 and y.shape[1] == 1:
        y = y.iloc[:, 0]
    elif library_of(y) == "polars" and hasattr(y, "columns") and y.width == 1:
        y = y.to_series()
    categories, is_ordered = categories_of(y)
    return categories if is_ordered else None


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
    listed = _listed(classes) if classes is not None else column_or_1d(declared)
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
    if classes is not None and _may_be_codes(labels, listed):
        return _order_of_codes(labels, listed, sorter, parameter)
    known = set(listed.tolist())
    unknown = [label for label in labels.tolist() if label not in known]
    if unknown:
        raise ValueError(
            f"y must only have labels from {source}, {listed.tolist()}, got "
            f"{unknown[:5]}; add the missing labels in their place, or correct y."
            + _hint_at_codes(labels, parameter)
        )
    return ClassOrder(sorted_labels, listed, sorter)


def _listed(classes):
    """Return the parameter ``classes`` as an array; a type has it as categories."""
    categories = getattr(classes, "categories", None)
    if categories is not None and not hasattr(classes, "__len__"):
        classes = getattr(categories, "to_list", lambda: categories)()
    return column_or_1d(classes)


def _may_be_codes(labels, listed):
    """Tell whether labels are integers, and none of the listed ones is a number."""
    if labels.dtype.kind not in "iu" or listed.dtype.kind not in "OUST":
        return False
    return not any(isinstance(label, Number) for label in listed.tolist())


def _order_of_codes(labels, listed, sorter, parameter):
    """Return the order of the codes that scikit-learn's meta-estimators hand over.

    They encode labels before they fit, by position in the sorted order.
    """
    n_classes, names = listed.size, listed.tolist()
    codes = np.argsort(sorter)
    in_order = bool((np.diff(sorter) > 0).all())
    cure = (
        f"Give y and {parameter} in one kind: integer codes as y, as meta-estimators "
        f"of scikit-learn need them, and {parameter}=range({n_classes}) if they count "
        "from the lowest class."
    )
    if labels[0] < 0 or labels[-1] >= n_classes:
        raise ValueError(
            f"y must only have labels from {parameter}, {names}, or their codes from "
            f"0 to {n_classes - 1}, got {labels[:5].tolist()}. {cure}"
        )
    if in_order and labels[-1] < n_classes - 1:
        # Whichever classes these are, their order is that of the codes.
        return ClassOrder(labels, labels, np.arange(labels.size))
    if labels[-1] < n_classes - 1:
        raise ValueError(
            f"y has codes up to {labels[-1]} for the {n_classes} labels of "
            f"{parameter}, {names}, so that there is no telling which labels they "
            f"stand for. {cure}"
        )
    if not in_order:
        meaning = ", ".join(f"{code} is {names[sorter[code]]!r}" for code in labels)
        warn_user(
            f"y has integers and {parameter} has none: they are taken for positions "
            f"in sorted({parameter}), which scikit-learn's meta-estimators hand over "
            f"({meaning}). {parameter}={codes.tolist()} says so without this warning. "
            f"If they count from the lowest class instead, use "
            f"{parameter}=range({n_classes})."
        )
    classes = np.arange(n_classes, dtype=labels.dtype)
    return ClassOrder(classes, classes[codes], sorter, listed)


def _hint_at_codes(labels, parameter):
    """Return what may be wrong if labels are 0, 1, 2, ..."""
    if labels.dtype.kind not in "iu" or labels[0] != 0 or labels[-1] >= labels.size:
        return ""
    return (
        " If scikit-learn made these codes, in cross_val_predict or a meta-estimator, "
        f"use integer codes as y and {parameter}."
    )


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
