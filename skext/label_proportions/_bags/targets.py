"""Targets that say how many rows of a bag are positive, and how they are read."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skext.label_proportions._bags.columns import as_labels, as_numbers
from skext.label_proportions._bags.numbering import NO_BAG, number_bags
from skext.label_proportions._bags.per_bag import per_bag
from skext.utils._warnings import warn_user

# How far a count may be from a whole number, in rows.
_WHOLE = 1e-6
# Half a unit of the sixth decimal of a share, and of the last bit of float32.
_SIX_DECIMALS = 5.1e-7
# How much of a row rounding of a share may make, for the count to be beyond doubt.
_BEYOND_DOUBT = 0.25
_DECIMALS = range(3, 9)
# More integers than this are hardly labels.
_MANY_LABELS = 20


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
        return self.count_table()[:, k]

    def count_table(self):
        """Return how many rows of each bag are of each class.

        Shares may be rounded: if all of them are those of whole numbers, to as many
        decimals as they have, these are the numbers.
        """
        counts = self.proportions * self.sizes[:, np.newaxis]
        whole, rounding = np.round(counts), self.sizes[:, np.newaxis] * _SIX_DECIMALS
        off = np.abs(counts - whole)
        near = off <= np.maximum(_WHOLE, np.where(rounding < 0.1, rounding, 0.0))
        if not (near | np.isnan(counts)).all():
            places = _decimals(self.proportions)
            if places is not None and _are_rounded(self, whole, places):
                return whole
        return np.where(near, whole, counts)

    def order(self):
        """Return the rows bag after bag, those in no bag last, and where bags start.

        The order within a bag is that of the rows.
        """
        sortable = np.where(self.codes < 0, self.ids.size, self.codes)
        order = np.argsort(sortable, kind="stable")
        return order, np.concatenate([[0], np.cumsum(self.sizes)])

    def arranged(self):
        """Return the same, with a slice for the order if rows are in it already."""
        order, indptr = self.order()
        in_order = np.array_equal(order, np.arange(order.size))
        return (slice(None) if in_order else order), indptr

    def weighted_rows(self, weight):
        """Return rows of bags in which a row has a weight, and weighted ones in none.

        Parameters
        ----------
        weight : ndarray of shape (n_samples,) or None
            Weights of the rows; None is ones.

        Returns
        -------
        rows : ndarray of shape (n_rows,)
            Indices, increasing.
        """
        if weight is None:
            return np.arange(self.codes.size)
        bagged = self.codes >= 0
        total = np.bincount(self.codes[bagged], weight[bagged], minlength=self.ids.size)
        return np.flatnonzero(np.where(bagged, total[self.codes] > 0, weight > 0))

    def take(self, rows):
        """Return some rows, of whole bags, and their bags numbered anew."""
        codes = self.codes[rows]
        kept = np.zeros(self.ids.size, dtype=bool)
        kept[codes[codes >= 0]] = True
        number = np.append(np.cumsum(kept) - 1, NO_BAG)
        return self._replace(
            ids=self.ids[kept],
            codes=number[codes],
            sizes=self.sizes[kept],
            proportions=self.proportions[kept],
        )

    def known(self):
        """Return which bags have known proportions."""
        return ~np.isnan(self.proportions).any(axis=1)


def refuse_unknown(bags, name, more=""):
    """Raise if nothing is known about any bag.

    Parameters
    ----------
    bags : Bags
        The bags.
    name : str
        What they were read from.
    more : str, default=""
        What else is asked of a bag.
    """
    if not bags.known().any():
        raise ValueError(
            f"{name} has no bag whose proportion is known{more}; give the count or the "
            "proportion of one at least."
        )


def _decimals(shares):
    """Return the number of decimals that shares were rounded to, None if to none."""
    known = shares[~np.isnan(shares)]
    for places in _DECIMALS:
        if (np.abs(known - np.round(known, places)) <= 1e-12).all():
            return places
    return None


def _are_rounded(bags, whole, places):
    """Tell whether all shares are those of whole numbers, and of no others."""
    half = 0.5 * 10.0**-places
    known = bags.known()
    sizes = bags.sizes[known]
    off = np.abs(bags.proportions[known] - whole[known] / sizes[:, np.newaxis])
    return (
        (off <= half + 1e-12).all()
        and (sizes * half <= _BEYOND_DOUBT).all()
        and (whole[known].sum(axis=1) == sizes).all()
    )


def bag_target(bags, *, counts=None, proportions=None, sizes=None, unknown="error"):
    """Make a target out of bags and what is known of them.

    The result has one entry per row, so that it can be sliced along with the rows:
    by pipelines, searches and cross-validation, with splitters such as
    :class:`BagKFold` that keep bags whole.

    Parameters
    ----------
    bags : array-like of shape (n_samples,)
        Bag of each row: integers, strings, dates, or other objects of one type that
        can be sorted, in any order. -1 and missing values (None, NaN, NA) stand for a
        row in no bag.
    counts : dict, series, dataframe or array-like of shape (n_bags,) or (n_samples,), \
default=None
        Number of positive rows of each bag: a dict by bag; a series of pandas with
        the bags as its index, such as ``groupby(bags).sum()``; an array of shape
        (n_bags,) in the sorted order of the bags; or a series or an array of shape
        (n_samples,) that repeats it in each row. For more than two classes the numbers
        of all classes: a frame of pandas with the bags as its index and the classes,
        sorted, as its columns; or an array of shape (n_bags, n_classes) or (n_samples,
        n_classes).
    proportions : dict, series, dataframe or array-like of shape (n_bags,) or \
(n_samples,), default=None
        The same for shares of rows instead of numbers. Exactly one of ``counts`` and
        ``proportions`` is given.
    sizes : dict, series or array-like of shape (n_bags,) or (n_samples,), default=None
        Numbers of rows of the bags. None counts rows.
    unknown : {"error", "ignore"}, default="error"
        What to do if nothing is known about a bag, that is, its count is NaN. The
        rows of an unknown bag serve as unlabelled ones.

    Returns
    -------
    target : ndarray of shape (n_samples,)
        Structured, with the fields ``bag`` (int64), ``proportion`` (float64, or as
        many of them as there are classes) and ``size`` (int64). Bags that are no
        integers of 64 bits with a sign are replaced by their numbers in sorted order.

    Raises
    ------
    ValueError
        If shapes do not fit, a bag has no entry, a share is not between 0 and 1, or a
        count is larger than its bag.

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
            f"{'Neither' if counts is None else 'Both'} of counts and proportions are "
            "given; give one."
        )
    if unknown not in ("error", "ignore"):
        raise ValueError(f"unknown={unknown!r} must be 'error' or 'ignore'.")
    bags = number_bags(bags)
    ids, codes = bags.ids, bags.codes
    rows = np.bincount(codes[codes >= 0], minlength=ids.size)
    size = rows if sizes is None else _given_sizes(sizes, bags, rows)
    name = "counts" if proportions is None else "proportions"
    given = counts if proportions is None else proportions
    share = per_bag(given, name, bags)
    if counts is not None:
        divisor = size if share.ndim == 1 else size[:, np.newaxis]
        share = share / divisor
    share = _check_shares(share, bags, name, size, unknown)
    return _as_target(bags, share, size)


def _as_target(bags, share, size):
    """Return the structured array."""
    ids, codes = bags.ids, bags.codes
    dtype = [
        ("bag", np.int64),
        ("proportion", np.float64, share.shape[1:]),
        ("size", np.int64),
    ]
    target = np.empty(codes.size, dtype=dtype)
    target["bag"] = np.append(ids, NO_BAG)[codes] if ids.dtype.kind == "i" else codes
    nothing = np.full((1, *share.shape[1:]), np.nan)
    target["proportion"] = np.concatenate([share, nothing])[codes]
    target["size"] = np.append(size, 1)[codes]
    return target


def _given_sizes(sizes, bags, rows):
    """Return the numbers of rows that the user declares."""
    size = per_bag(sizes, "sizes", bags)
    wrong = ~(size >= rows) | (size != np.round(size)) | np.isinf(size)
    if wrong.any():
        b = int(np.argmax(wrong))
        raise ValueError(
            f"sizes has {size[b]:g} for bag {bags.name(b)!r} with {rows[b]} rows; give "
            "at least the number of rows, or leave sizes out."
        )
    return size.astype(np.int64)


def _check_shares(share, bags, name, size, unknown):
    """Return shares, from 0 to 1, that add up to one if there are several."""
    lines = share if share.ndim == 2 else share[:, np.newaxis]
    missing = np.isnan(lines).any(axis=1)
    if missing.any() and unknown != "ignore":
        cure = "or say unknown='ignore' to use them as unlabelled rows"
        cure = cure if name in ("counts", "proportions") else "or make it by bag_target"
        first = [bags.name(b) for b in np.flatnonzero(missing)[:5]]
        raise ValueError(
            f"{name} has NaN for the bags {first}; leave such rows out, give them bag "
            f"-1, {cure}."
        )
    wrong = ~missing & ((lines < -1e-12) | (lines > 1 + 1e-12)).any(axis=1)
    if wrong.any():
        b = int(np.argmax(wrong))
        raise ValueError(
            f"{name} has the share {lines[b].tolist()} for bag {bags.name(b)!r} with "
            f"{size[b]} rows; give shares between 0 and 1, or counts up to the size of "
            "the bag."
        )
    if share.ndim == 2:
        share = _check_sums(share, missing, bags, name, size)
    return np.clip(share, 0.0, 1.0)


def _check_sums(share, missing, bags, name, size):
    """Return shares of several classes that add up to one, but for their rounding."""
    total = share.sum(axis=1)
    places = _decimals(share)
    room = 1e-6 if places is None else max(1e-6, 0.51 * share.shape[1] * 10.0**-places)
    off = np.where(missing, 0.0, np.abs(total - 1))
    if (off > room).any():
        b = int(np.argmax(off > room))
        raise ValueError(
            f"{name} of bag {bags.name(b)!r} add up to the share {total[b]:.6g} of its "
            "rows; give those of all classes."
        )
    if (off <= 1e-9).all():
        return share
    found = Bags(bags.ids, bags.codes, size, share, np.arange(share.shape[1]))
    counts = found.count_table()
    whole = np.where(np.isnan(counts), 0.0, counts)
    if (whole == np.round(whole)).all() and (whole.sum(axis=1) == size)[~missing].all():
        return counts / size[:, np.newaxis]
    return share / total[:, np.newaxis]


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
    if isinstance(y, (list, tuple)) and len(y) and isinstance(y[0], np.void):
        y = np.array(y, dtype=y[0].dtype)
    if is_bag_target(y):
        if bags is not None:
            raise ValueError(
                "bags is given along with a target of bag_target, which has its own; "
                "leave bags out."
            )
        found = _from_structure(np.asarray(y), classes)
    elif getattr(getattr(y, "dtype", None), "names", None) is not None:
        raise ValueError(
            f"y has the fields {y.dtype.names}, not the fields bag, proportion and "
            "size; make it by bag_target."
        )
    elif bags is not None:
        check_consistent_length(y, bags)
        found = _from_structure(_target_of_rows(y, bags), classes)
    else:
        return _from_labels(y, classes)
    _check_whole_bags(found, y)
    return found


def _target_of_rows(y, bags):
    """Make a target out of the share of the bag of each row."""
    bags = number_bags(bags)
    share = as_numbers(y, "y")
    share = share[:, 0] if share.ndim == 2 and share.shape[1] == 1 else share
    if share.ndim != 1:
        raise ValueError(
            f"y has the shape {share.shape}; along with bags give one share for each "
            "row, and make a target of several classes by bag_target."
        )
    size = np.bincount(bags.codes[bags.codes >= 0], minlength=bags.ids.size)
    share = _check_shares(per_bag(share, "y", bags), bags, "y", size, "error")
    return _as_target(bags, share, size)


def _from_structure(target, classes):
    bags = number_bags(target["bag"])
    ids, codes = bags.ids, bags.codes
    lines = per_bag(target["proportion"], "proportions of y", bags)
    if not ((lines >= 0) & (lines <= 1) | np.isnan(lines)).all():
        raise ValueError(
            f"y has proportions from {np.nanmin(lines):g} to {np.nanmax(lines):g}; "
            "make it by bag_target, which wants them between 0 and 1."
        )
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
                f"classes={classes.tolist()} must be distinct and sorted; proportions "
                "refer to the last one of two."
            )
    if classes.size != lines.shape[1]:
        raise ValueError(
            f"classes={classes.tolist()} must name the {lines.shape[1]} classes of the "
            "target."
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
            f"y is cut: bag {found.ids[b]} has {found.sizes[b]} of its {declared[b]} "
            f"rows, and {partial.size} bags are not whole; use BagKFold or another "
            "splitter of skext.label_proportions as cv."
        )


def _from_labels(y, classes):
    y = as_labels(y)
    assert_all_finite(np.asarray(y), input_name="y")
    check_classification_targets(y)
    y = column_or_1d(y, warn=True)
    labels = np.unique(y) if classes is None else column_or_1d(classes)
    if classes is None and y.dtype.kind in "iu" and labels.size > _MANY_LABELS:
        warn_user(
            f"y has {labels.size} different integers, which are taken for labels of "
            "rows. If they are bags, which meta-estimators of scikit-learn make of "
            "a target, fit without those; if they are "
            "labels, name them by classes."
        )
    unknown = np.setdiff1d(y, labels)
    if unknown.size:
        raise ValueError(
            f"classes={labels.tolist()} must have all labels of y, and "
            f"{unknown[:5].tolist()} are not among them; add them, or correct y."
        )
    labels = np.sort(labels)
    codes = np.arange(y.size)
    proportions = (y[:, np.newaxis] == labels).astype(np.float64)
    sizes = np.ones(y.size, dtype=np.int64)
    return Bags(codes, codes, sizes, proportions, labels)


def check_whole_counts(bags, cure):
    """Raise unless the counts of known bags are whole numbers.

    Parameters
    ----------
    bags : Bags
        The bags.
    cure : str
        What to do about noisy counts.
    """
    counts = bags.count_table()
    off = np.nan_to_num(np.abs(counts - np.round(counts)))
    if off.any():
        b = int(off.max(axis=1).argmax())
        k = 1 if counts.shape[1] == 2 else int(off[b].argmax())
        raise ValueError(
            f"y has no whole counts: the share {bags.proportions[b, k]:.12g} of bag "
            f"{bags.ids[b]} with {bags.sizes[b]} rows makes {counts[b, k]:.12g} rows; "
            f"give the count instead, rounded, by bag_target(counts=...), or {cure}."
        )
