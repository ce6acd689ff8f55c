"""Targets that say how many rows of a bag are positive, and how they are read."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

# How far a count may be from a whole number, in rows.
_WHOLE = 1e-6
_NO_BAG = -1


class Bags(NamedTuple):
    """Bags of rows and what is known of them."""

    ids: np.ndarray
    """Identifiers, sorted, shape (n_bags,)."""
    codes: np.ndarray
    """Number of the bag of each row, -1 for rows in no bag, shape (n_samples,)."""
    sizes: np.ndarray
    """Number of rows, shape (n_bags,)."""
    proportions: np.ndarray
    """Share of each class, NaN if unknown, shape (n_bags, n_classes)."""
    classes: np.ndarray
    """Labels of the classes, shape (n_classes,)."""

    def counts(self, k=1):
        """Return how many rows of each bag are of class ``k``."""
        counts = self.proportions[:, k] * self.sizes
        whole = np.round(counts)
        return np.where(np.abs(counts - whole) <= _WHOLE, whole, counts)

    def count_table(self):
        """Return how many rows of each bag are of each class."""
        numbers = range(self.classes.size)
        return np.column_stack([self.counts(k) for k in numbers])

    def order(self):
        """Return the rows bag after bag, those in no bag last, and where bags start.

        The order within a bag is that of the rows.
        """
        sortable = np.where(self.codes < 0, self.ids.size, self.codes)
        order = np.argsort(sortable, kind="stable")
        return order, np.concatenate([[0], np.cumsum(self.sizes)])

    def known(self):
        """Return which bags have known proportions."""
        return ~np.isnan(self.proportions).any(axis=1)


def bag_target(bags, *, counts=None, proportions=None, sizes=None, unknown="error"):
    """Make a target out of bags and what is known of them.

    The result has one entry per row, so that it can be sliced along with the rows:
    by pipelines, searches and cross-validation, with splitters such as
    :class:`BagKFold` that keep bags whole.

    Parameters
    ----------
    bags : array-like of shape (n_samples,)
        Bag of each row: integers or strings, in any order. -1 (or None among strings)
        stands for a row in no bag.
    counts : dict or array-like of shape (n_bags,) or (n_samples,), default=None
        Number of positive rows of each bag: a dict by bag, an array of shape
        (n_bags,) in the sorted order of the bags, or one of shape (n_samples,) that
        repeats it in each row. For more than two classes the numbers of all classes,
        of shape (n_bags, n_classes) or (n_samples, n_classes).
    proportions : dict or array-like of shape (n_bags,) or (n_samples,), default=None
        The same for shares of rows instead of numbers. Exactly one of ``counts`` and
        ``proportions`` is given.
    sizes : dict or array-like of shape (n_bags,) or (n_samples,), default=None
        Numbers of rows of the bags. None counts rows.
    unknown : {"error", "ignore"}, default="error"
        What to do if nothing is known about a bag, that is, its count is NaN. The
        rows of an unknown bag serve as unlabelled ones.

    Returns
    -------
    target : ndarray of shape (n_samples,)
        Structured, with the fields ``bag`` (int64), ``proportion`` (float64, or as
        many of them as there are classes) and ``size`` (int64). Strings are replaced
        by their numbers in sorted order.

    Raises
    ------
    ValueError
        If shapes do not fit, a share is not between 0 and 1, or a count is larger
        than its bag.

    See Also
    --------
    make_bags : Cut labelled data into bags.
    bag_summary : How much a target says.

    Examples
    --------
    >>> from skext.label_proportions import bag_target
    >>> target = bag_target(["b", "a", "b", "a"], counts={"a": 2, "b": 1})
    >>> target["proportion"].tolist()
    [0.5, 1.0, 0.5, 1.0]
    """
    if (counts is None) == (proportions is None):
        raise ValueError(
            "Exactly one of counts and proportions must be given, got "
            f"{'neither' if counts is None else 'both'}."
        )
    ids, codes, first_rows = number_bags(bags)
    rows = np.bincount(codes[codes >= 0], minlength=ids.size)
    if sizes is None:
        size = rows
    else:
        size = per_bag(sizes, "sizes", ids, codes, first_rows).astype(np.int64)
        if (size < rows).any():
            b = int(np.argmax(size < rows))
            raise ValueError(
                f"sizes must be at least the numbers of rows, got {size[b]} for bag "
                f"{ids[b].item()!r} with {rows[b]} rows; correct it, or leave it out."
            )
    name = "counts" if proportions is None else "proportions"
    given = counts if proportions is None else proportions
    share = per_bag(given, name, ids, codes, first_rows)
    if counts is not None:
        divisor = size if share.ndim == 1 else size[:, np.newaxis]
        share = share / divisor
    _check_shares(share, ids, name, size, unknown)
    dtype = [
        ("bag", np.int64),
        ("proportion", np.float64, share.shape[1:]),
        ("size", np.int64),
    ]
    target = np.empty(codes.size, dtype=dtype)
    numeric = ids.dtype.kind in "iu"
    target["bag"] = np.append(ids, _NO_BAG)[codes] if numeric else codes
    nothing = np.full((1, *share.shape[1:]), np.nan)
    target["proportion"] = np.concatenate([share, nothing])[codes]
    target["size"] = np.append(size, 1)[codes]
    return target


def number_bags(bags):
    """Return sorted bags, the number of each row's, and a row of each."""
    bags = column_or_1d(bags)
    if bags.dtype.kind == "f" and np.isfinite(bags).all():
        if (bags != np.round(bags)).any():
            raise ValueError("bags must be integers or strings, got fractions.")
        bags = bags.astype(np.int64)
    if bags.dtype.kind == "O":
        none = np.array([b is None or b != b for b in bags])
        bags = np.where(none, "", bags).astype(str) if none.any() else bags
        if not none.any():
            try:
                bags = np.array(bags.tolist())
            except ValueError:
                bags = bags.astype(str)
    elif bags.dtype.kind in "iu":
        none = bags == _NO_BAG
    elif bags.dtype.kind in "US":
        none = np.zeros(bags.size, dtype=bool)
    else:
        raise ValueError(
            f"bags must be integers or strings, got values of type {bags.dtype}."
        )
    ids, first_rows, inverse = np.unique(
        bags[~none], return_index=True, return_inverse=True
    )
    codes = np.full(bags.size, _NO_BAG, dtype=np.int64)
    codes[~none] = inverse
    return ids, codes, np.flatnonzero(~none)[first_rows]


def per_bag(values, name, ids, codes, first_rows):
    """Return one value (or line) for each bag."""
    if isinstance(values, dict):
        missing = [b for b in ids.tolist() if b not in values]
        if missing:
            raise ValueError(
                f"{name} must have an entry for every bag, got none for "
                f"{missing[:5]}; add it, NaN is unknown."
            )
        return np.array([values[b] for b in ids.tolist()], dtype=np.float64)
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim in (1, 2) and values.shape[0] == ids.size != codes.size:
        return values
    if values.ndim not in (1, 2) or values.shape[0] != codes.size:
        raise ValueError(
            f"{name} must have an entry for each of the {ids.size} bags or for each "
            f"of the {codes.size} rows, got shape {values.shape}."
        )
    per_bag = values[first_rows]
    bagged = codes >= 0
    same = np.isclose(values[bagged], per_bag[codes[bagged]], equal_nan=True)
    if not same.all():
        b = codes[bagged][np.argmin(same.reshape(same.shape[0], -1).all(axis=1))]
        raise ValueError(
            f"{name} must be the same in all rows of a bag, and differs within bag "
            f"{ids[b].item()!r}."
        )
    return per_bag


def _check_shares(share, ids, name, size, unknown):
    """Raise unless shares are such; add up to one if there are several."""
    lines = share if share.ndim == 2 else share[:, np.newaxis]
    missing = np.isnan(lines).any(axis=1)
    if missing.any() and unknown != "ignore":
        raise ValueError(
            f"{name} must be known for all bags, got NaN for "
            f"{ids[missing][:5].tolist()}; leave such rows out, give them bag -1, or "
            "say unknown='ignore' to use them as unlabelled rows."
        )
    wrong = ~missing & ((lines < -1e-12) | (lines > 1 + 1e-12)).any(axis=1)
    if wrong.any():
        b = int(np.argmax(wrong))
        raise ValueError(
            f"{name} must be shares between 0 and 1, or counts up to the size of the "
            f"bag; bag {ids[b].item()!r} with {size[b]} rows has the share "
            f"{lines[b].tolist()}."
        )
    if share.ndim == 2:
        total = lines.sum(axis=1)
        wrong = ~missing & (np.abs(total - 1) > 1e-6)
        if wrong.any():
            b = int(np.argmax(wrong))
            raise ValueError(
                f"{name} must cover all rows of a bag, and those of bag "
                f"{ids[b].item()!r} add up to the share {total[b]:.6g}; give those of "
                "all classes."
            )
    np.clip(share, 0.0, 1.0, out=share)


def is_bag_target(y):
    """Tell whether ``y`` is what :func:`bag_target` makes."""
    names = getattr(getattr(y, "dtype", None), "names", None)
    return names is not None and set(names) >= {"bag", "proportion", "size"}


def read_bags(y, bags=None, classes=None):
    """Read any of the accepted targets.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        A structured target; or shares (with ``bags``); or plain labels, each row then
        being a bag of its own.
    bags : array-like of shape (n_samples,), default=None
        Bag of each row, if ``y`` has shares.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes. None is 0, 1, ... for shares and the sorted labels
        otherwise.

    Returns
    -------
    bags : Bags
        The bags.
    """
    if is_bag_target(y):
        if bags is not None:
            raise ValueError(
                "bags must not be given along with a target of bag_target, which has "
                "its own."
            )
        found = _from_structure(np.asarray(y), classes)
    elif bags is not None:
        check_consistent_length(y, bags)
        target = bag_target(bags, proportions=column_or_1d(y).astype(np.float64))
        found = _from_structure(target, classes)
    else:
        return _from_labels(y, classes)
    _check_whole_bags(found, y)
    return found


def _from_structure(target, classes):
    ids, codes, first_rows = number_bags(target["bag"])
    lines = target["proportion"][first_rows]
    if lines.ndim == 1:
        lines = np.column_stack([1 - lines, lines])
    if classes is None:
        classes = np.arange(lines.shape[1])
    else:
        classes = column_or_1d(classes)
        if (
            np.unique(classes).size != classes.size
            or (np.sort(classes) != classes).any()
        ):
            raise ValueError(
                f"classes must be distinct and sorted, got {classes.tolist()}; "
                "proportions refer to the last one of two."
            )
    if classes.size != lines.shape[1]:
        raise ValueError(
            f"classes must name the {lines.shape[1]} classes of the target, got "
            f"{classes.tolist()}."
        )
    sizes = np.bincount(codes[codes >= 0], minlength=ids.size)
    return Bags(ids, codes, sizes, lines, classes)


def _check_whole_bags(found, y):
    """Raise if rows of a bag are missing."""
    if not is_bag_target(y):
        return
    bagged = found.codes >= 0
    declared = np.zeros(found.ids.size, dtype=np.int64)
    declared[found.codes[bagged]] = np.asarray(y)["size"][bagged]
    partial = np.flatnonzero(declared != found.sizes)
    if partial.size:
        b = partial[0]
        raise ValueError(
            f"y must have whole bags, and bag {found.ids[b]} has {found.sizes[b]} of "
            f"its {declared[b]} rows ({partial.size} bags are cut); use BagKFold or "
            "another splitter of skext.label_proportions as cv."
        )


def _from_labels(y, classes):
    assert_all_finite(np.asarray(y), input_name="y")
    check_classification_targets(y)
    y = column_or_1d(y, warn=True)
    labels = np.unique(y) if classes is None else column_or_1d(classes)
    unknown = np.setdiff1d(y, labels)
    if unknown.size:
        raise ValueError(
            f"y must only have labels of classes, {labels.tolist()}, got "
            f"{unknown[:5].tolist()}."
        )
    labels = np.sort(labels)
    codes = np.arange(y.size)
    proportions = (y[:, np.newaxis] == labels).astype(np.float64)
    sizes = np.ones(y.size, dtype=np.int64)
    return Bags(codes, codes, sizes, proportions, labels)


def check_whole_counts(bags, k=1):
    """Raise unless the counts of known bags are whole numbers.

    Parameters
    ----------
    bags : Bags
        The bags.
    k : int, default=1
        Number of the class.
    """
    counts = bags.counts(k)
    wrong = np.flatnonzero(np.abs(counts - np.round(counts)) > 0)
    if wrong.size:
        b = wrong[0]
        raise ValueError(
            f"y must have whole counts, and the share {bags.proportions[b, k]:.6g} of "
            f"bag {bags.ids[b]} with {bags.sizes[b]} rows makes {counts[b]:.6g} rows; "
            "correct it, or treat counts as noisy by a finite bag_strength where the "
            "estimator has one."
        )
