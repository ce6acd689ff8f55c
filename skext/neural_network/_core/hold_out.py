"""Which rows are held out for early stopping and calibration."""

import numpy as np

from skext.utils._labels import plain_target
from skext.utils._warnings import warn_user

#: Fewer rows than this leave none to hold out.
FEWEST_ROWS = 20


def hold_out_classes(codes, fraction, rng, groups=None):
    """Split rows at random, each class in its share.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,)
        Classes of the rows.
    fraction : float
        Share of the rows to hold out.
    rng : numpy.random.Generator
        Source of the choice.
    groups : ndarray of int of shape (n_samples,), default=None
        Codes of groups that stay together.

    Returns
    -------
    held : ndarray of bool of shape (n_samples,) or None
        Rows to hold out. Every class keeps a row for training, so that a class of a
        single row has none in the hold-out; a class of more has one, unless the
        hold-out would become twice as large. None where too few rows are left.
    """
    counts = np.bincount(codes)
    lonely = counts == 1
    if len(codes) < FEWEST_ROWS or counts.max() < 2:
        _warn_no_hold_out(len(codes))
        return None
    if groups is not None:
        return _hold_out_groups(codes, groups, fraction, rng)
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
    # Scores of a hold-out without a class do not hear of it, or are not defined.
    heard = np.maximum(quota, np.minimum(most, 1))
    if heard.sum() <= 2 * total:
        quota = heard
    # Equal remainders are ordered at random.
    order = np.lexsort((rng.permutation(len(counts)), quota - wanted))
    for code in order:
        if quota.sum() >= total:
            break
        quota[code] += quota[code] < most[code]
    return quota


def hold_out_rows(n_rows, fraction, rng, groups=None):
    """Split rows at random.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    fraction : float
        Share to hold out.
    rng : numpy.random.Generator
        Source of the choice.
    groups : ndarray of int of shape (n_rows,), default=None
        Codes of groups that stay together.

    Returns
    -------
    held : ndarray of bool of shape (n_rows,) or None
        Rows to hold out; None where there are too few.
    """
    if n_rows < FEWEST_ROWS:
        _warn_no_hold_out(n_rows)
        return None
    if groups is not None:
        return _hold_out_groups(np.zeros(n_rows, np.intp), groups, fraction, rng)
    held = np.zeros(n_rows, dtype=bool)
    held[rng.permutation(n_rows)[: max(1, round(fraction * n_rows))]] = True
    return held


def _hold_out_groups(codes, groups, fraction, rng):
    """Hold out whole groups: the best beginning of some random orders of them.

    It leaves no class without rows to train on. A class that is missing in the
    hold-out weighs as much as a hold-out that is too large or too small by its size.
    """
    n_groups, n_classes = groups.max() + 1, codes.max() + 1
    counts = np.bincount(groups * n_classes + codes, minlength=n_groups * n_classes)
    counts = counts.reshape(n_groups, n_classes)
    total = counts.sum(axis=0)
    # A class of a single group is trained on, and so is the group.
    lonely = (counts > 0).sum(axis=0) == 1
    free = np.flatnonzero(~(counts[:, lonely] > 0).any(axis=1))
    if not free.size:
        warn_user(
            f"The rows are of {n_groups} groups, of which none can be held out for "
            "early stopping without the last rows of a class: all are trained on, for "
            "max_epochs epochs, and nothing is calibrated. early_stopping=False does "
            "so without this warning."
        )
        return None
    if lonely.any():
        warn_user(
            f"{lonely.sum()} of the classes have rows of a single group each, which is "
            "trained on: the hold-out of early stopping says nothing about them."
        )
    wanted = fraction * total
    needed = (total > 0) & ~lonely
    best_cost, best = np.inf, None
    for _ in range(32 if counts.size < 100_000 else 4):
        order = rng.permutation(free)
        held = counts[order].cumsum(axis=0)
        lost = (held == total)[:, total > 0].sum(axis=1)
        missing = (held == 0)[:, needed].sum(axis=1)
        cost = np.abs(held - wanted).sum(axis=1) / wanted.sum() + missing
        cost[lost > 0] = np.inf
        place = cost.argmin()
        if cost[place] < best_cost:
            best_cost, best = cost[place], order[: place + 1]
    return np.isin(groups, best)


def group_codes(groups, n_samples):
    """Return the number of the group of each row.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        Labels of any kind.
    n_samples : int
        Rows of the table.

    Returns
    -------
    codes : ndarray of int of shape (n_samples,) or None
        From 0, in the order of the first rows of the groups.

    Raises
    ------
    ValueError
        If there is not one label for each row.
    """
    if groups is None:
        return None
    number: dict = {}
    values = row_labels(groups, n_samples, "groups").tolist()
    return np.array([number.setdefault(value, len(number)) for value in values])


def row_labels(labels, n_samples, name):
    """Return one label for each row as an array.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Labels of any kind.
    n_samples : int
        Rows of the table.
    name : str
        What the labels are, for messages.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        Of the type that they are of.

    Raises
    ------
    ValueError
        If there is not one for each row.
    """
    values = np.asarray(plain_target(labels))
    if values.shape != (n_samples,):
        raise ValueError(
            f"{name} has shape {values.shape} but there are {n_samples} rows; give one "
            "label for each row passed to fit."
        )
    missing = np.flatnonzero(_isna(values))
    if missing.size:
        raise ValueError(
            f"{name} has no label in {missing.size} of {n_samples} rows, the first of "
            f"which is row {missing[0]}; give these rows labels of their own, or leave "
            "them out."
        )
    return values


def _isna(values):
    # Few need it, and pandas takes a while to import.
    from pandas import isna

    return np.asarray(isna(values), dtype=bool)


def _warn_no_hold_out(n_rows):
    warn_user(
        f"{n_rows} rows are too few to hold some out for early stopping: all are "
        "trained on, for max_epochs epochs, and nothing is calibrated. "
        "early_stopping=False does so without this warning."
    )
