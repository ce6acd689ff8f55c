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


def find_ordered_classes(estimator):
    """Return the ordinal order that a fitted estimator knows, or None.

    Parameters
    ----------
    estimator : estimator object
        A classifier, a pipeline that ends in one, or a search over either.

    Returns
    -------
    labels : ndarray of shape (n_classes,) or None
        Labels from low to high.
    """
    while estimator is not None:
        found = getattr(estimator, "ordered_classes_", None)
        if found is not None:
            return np.asarray(found)
        inner = None
        for name in ("best_estimator_", "estimator_"):
            inner = getattr(estimator, name, inner)
        if inner is None and getattr(estimator, "steps", None):
            inner = estimator.steps[-1][1]
        estimator = inner
    return None


def resolve_order(labels, class_order=None, declared=None, *, may_be_codes=True):
    """Decide on the order of the classes.

    Parameters
    ----------
    labels : ndarray of shape (n_labels,)
        Distinct labels of the data, sorted.
    class_order : array-like of shape (n_classes,), default=None
        The parameter, which wins.
    declared : ndarray of shape (n_classes,), default=None
        What :func:`declared_order` found.
    may_be_codes : bool, default=True
        Whether integers may stand for the labels of ``class_order``.

    Returns
    -------
    order : ClassOrder
        Includes the classes that are listed but have no rows.
    """
    if class_order is None and declared is None:
        _warn_if_unordered(labels)
        return ClassOrder(labels, labels, np.arange(labels.size))
    if class_order is None:
        listed, source = column_or_1d(declared), "y has the categories {}, which"
    else:
        listed, source = _listed(class_order), "class_order={}"
    if labels.dtype.kind in "OU" and listed.dtype.kind in "OU":
        # Predictions come back with the type of y.
        listed = listed.astype(object if labels.dtype.kind == "O" else str)
    source = source.format(listed.tolist())
    sorter = _sort(listed, source)
    sorted_labels = listed[sorter]
    if (sorted_labels[1:] == sorted_labels[:-1]).any():
        raise ValueError(f"{source} must have distinct labels; list each label once.")
    if class_order is not None and may_be_codes and _are_codes(labels, listed):
        return _order_of_codes(labels, listed, sorter)
    known = set(listed.tolist())
    unknown = [label for label in labels.tolist() if label not in known]
    if unknown:
        raise ValueError(
            f"{source} must have all labels of y from low to high, and {unknown[:5]} "
            "are missing; add them in their place, or correct y."
            + (_hint_at_codes(labels) if may_be_codes else "")
        )
    return ClassOrder(sorted_labels, listed, sorter)


def _warn_if_unordered(labels):
    """Say that the sorted order of strings is taken for lack of a better one."""
    if labels.size < 3 or labels.dtype.kind not in "OUST":
        return
    shown = " < ".join(repr(str(label)) for label in labels[:5])
    more = " < ..." if labels.size > 5 else ""
    warn_user(
        f"y has string labels and nothing says how they are ordered: the sorted order "
        f"{shown}{more} is used. Pass them in order as class_order=[...], or make y an "
        "ordered pandas Categorical; class_order=sorted(set(y)) keeps the sorted order "
        "without this warning."
    )


def _listed(class_order):
    """Return the parameter as an array; a type has it as categories."""
    categories = getattr(class_order, "categories", None)
    if categories is not None and not hasattr(class_order, "__len__"):
        class_order = getattr(categories, "to_list", lambda: categories)()
    return column_or_1d(class_order)


def _are_codes(labels, listed):
    """Tell whether labels are integers, and none of the listed ones is a number."""
    if labels.dtype.kind not in "iu" or listed.dtype.kind not in "OUST":
        return False
    return not any(isinstance(label, Number) for label in listed.tolist())


def _order_of_codes(labels, listed, sorter):
    """Return the order of the codes that scikit-learn's meta-estimators hand over.

    They encode labels before they fit, by position in the sorted order.
    """
    n_classes, names = listed.size, listed.tolist()
    codes = np.argsort(sorter)
    in_order = bool((np.diff(sorter) > 0).all())
    cure = (
        "Give y and class_order in one kind: integer codes as y, as meta-estimators "
        f"of scikit-learn need them, and class_order=range({n_classes}) if they count "
        "from the lowest class."
    )
    if labels[0] < 0 or labels[-1] >= n_classes:
        raise ValueError(
            f"class_order={names} must have all labels of y, or y must have their "
            f"codes from 0 to {n_classes - 1}, and it has {labels[:5].tolist()}. {cure}"
        )
    if in_order and labels[-1] < n_classes - 1:
        # Whichever classes these are, their order is that of the codes.
        return ClassOrder(labels, labels, np.arange(labels.size))
    if labels[-1] < n_classes - 1:
        raise ValueError(
            f"class_order={names} has {n_classes} labels and y has codes up to "
            f"{labels[-1]}, so that there is no telling which labels they stand for. "
            f"{cure}"
        )
    if not in_order:
        meaning = ", ".join(f"{code} is {names[sorter[code]]!r}" for code in labels)
        warn_user(
            "y has integers and class_order has none: they are taken for positions "
            "in sorted(class_order), which scikit-learn's meta-estimators hand over "
            f"({meaning}). class_order={codes.tolist()} says so without this warning. "
            f"If they count from the lowest class instead, use "
            f"class_order=range({n_classes})."
        )
    classes = np.arange(n_classes, dtype=labels.dtype)
    return ClassOrder(classes, classes[codes], sorter, listed)


def _hint_at_codes(labels):
    """Return what may be wrong if labels are 0, 1, 2, ..."""
    if labels.dtype.kind not in "iu" or labels[0] != 0 or labels[-1] >= labels.size:
        return ""
    return (
        " If scikit-learn made these codes, in cross_val_predict or a meta-estimator, "
        "use integer codes as y and class_order."
    )


def _sort(labels, source):
    """Return the permutation that sorts labels of one kind."""
    try:
        return np.argsort(labels, kind="stable")
    except TypeError:
        raise ValueError(
            f"{source} must have labels of one kind; make all of them strings or all "
            "of them numbers."
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
