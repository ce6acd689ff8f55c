"""Rows to calibrate on, and folds."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import GroupKFold, check_cv

from skext.quantile._core.groups import group_codes, keep_back
from skext.utils._random import fit_rng
from skext.utils._sklearn import safe_indexing
from skext.utils._warnings import warn_user


def split_rows(n_samples, calibration_size, random_state, groups=None):
    """Draw calibration rows.

    Parameters
    ----------
    n_samples : int
        Number of rows, two or more.
    calibration_size : float or int
        Share or number of rows.
    random_state : int, RandomState instance or None
        Source of randomness.
    groups : ndarray of shape (n_samples,), default=None
        Labels; whole groups are drawn.

    Returns
    -------
    train, rest : ndarray of shape (n_train,), ndarray of shape (n_calibration,)
        Sorted row numbers.
    """
    if isinstance(calibration_size, Integral):
        size = int(calibration_size)
    else:
        size = round(calibration_size * n_samples)
    if size >= n_samples:
        raise ValueError(
            f"calibration_size={calibration_size} leaves none of the {n_samples} rows "
            "to fit the regressor; use fewer."
        )
    return keep_back(n_samples, max(size, 1), fit_rng(random_state), groups)


def partition(cv, X, y, groups=None, *, kept, least=2):
    """Split rows into folds that hold every row once.

    Parameters
    ----------
    cv : int, splitter or iterable
        As for scikit-learn; an int above the number of rows is reduced, with a warning.
    X, y : array-like of shape (n_samples, n_features), ndarray of shape (n_samples,)
        Data.
    groups : ndarray of shape (n_samples,), default=None
        Labels of groups that are not to be torn apart.
    kept : ndarray of shape (n_kept,)
        Rows that count, sorted; an int splits only them.
    least : int, default=2
        Smallest number of folds.

    Returns
    -------
    folds : list of (ndarray, ndarray)
        Training and test rows, as positions in ``kept``.

    Raises
    ------
    ValueError
        If folds overlap, or leave rows out.
    """
    if isinstance(cv, Integral) or cv is None:
        X, y = safe_indexing(X, kept), y[kept]
        groups = None if groups is None else groups[kept]
        folds = make_folds(cv, X, y, groups)
    else:
        place = np.full(len(y), -1)
        place[kept] = np.arange(len(kept))
        folds = [
            tuple(place[rows][place[rows] >= 0] for rows in fold)
            for fold in make_folds(cv, X, y, groups)
        ]
        folds = [(train, test) for train, test in folds if len(test)]
    tests = np.concatenate([test for _, test in folds])
    count = np.bincount(tests, minlength=len(kept))
    if (count != 1).any() or len(folds) < least:
        raise ValueError(
            f"cv={cv!r} must make {least} folds at least that hold every row once for "
            "'cv+'; use an int or KFold."
        )
    return folds


def make_folds(cv, X, y, groups=None):
    """Split rows as scikit-learn does; see ``partition``."""
    n = len(y)
    if n < 2:
        raise ValueError(f"n_samples={n} is too few: folds need two rows at least.")
    if isinstance(cv, Integral) and cv > n:
        warn_user(f"cv={cv} is more than the {n} rows: {n} folds are used.")
        cv = n
    codes = group_codes(groups)
    if groups is None:
        splitter = check_cv(5 if cv is None else cv, y)
    elif isinstance(cv, Integral) or cv is None:
        splitter = GroupKFold(_number_of_folds(cv, codes))
    else:
        splitter = check_cv(cv, y)
    try:
        folds = list(splitter.split(X, y, groups))
    except ValueError as error:
        if groups is None and "groups" in str(error):
            raise ValueError(f"cv={cv!r} needs groups: pass them to fit.") from error
        raise
    folds = [(np.asarray(train), np.asarray(test)) for train, test in folds]
    if groups is not None and any(
        np.isin(codes[test], codes[train]).any() for train, test in folds
    ):
        warn_user(
            f"cv={cv!r} tears groups apart: models have seen rows of the groups that "
            "they are judged by. Use an int or GroupKFold."
        )
    return folds


def _number_of_folds(cv, codes):
    """Return the number of folds, each of one group at least."""
    wanted, n_groups = 5 if cv is None else cv, int(codes.max()) + 1
    if n_groups < 2:
        raise ValueError(
            "groups has a single label: folds of whole groups need two of them; leave "
            "groups out to split rows."
        )
    if wanted > n_groups:
        warn_user(f"cv={cv} is more than the {n_groups} groups: {n_groups} folds.")
    return min(wanted, n_groups)
