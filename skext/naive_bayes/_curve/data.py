"""Nested training sets for learning curves."""

from numbers import Integral

import numpy as np

_MAX_DRAWS = 1000


def nested_order(codes, n_first, sampling, rng):
    """Order rows so that every beginning of the order is a training set.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Class indices; every class has a row.
    n_first : int
        Size of the smallest training set, which must have all classes.
    sampling : {"stratified", "reject"}
        "stratified" starts with one row of each class and keeps the shares of the
        classes; "reject" draws at random until the smallest set has all classes.
    rng : RandomState
        Source of randomness.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        A permutation of the rows.

    Raises
    ------
    ValueError
        If the smallest set is too small for the classes, or none was found.
    """
    counts = np.bincount(codes)
    if n_first < counts.size:
        raise ValueError(
            f"train_sizes has {n_first} and must be at least the number of classes, "
            f"{counts.size}, because a classifier has to see all of them."
        )
    if sampling == "reject":
        return _drawn_order(codes, n_first, rng)
    order = rng.permutation(codes.size)
    by_class = order[np.argsort(codes[order], kind="stable")]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.empty(codes.size, dtype=np.intp)
    rank[by_class] = np.arange(codes.size) - starts
    # Row r of a class comes when the class shall have r rows; firsts come first.
    due = (rank + rng.uniform(size=codes.size)) / counts[codes]
    due[rank == 0] -= 1.0
    return np.argsort(due, kind="stable")


def _drawn_order(codes, n_first, rng):
    n_classes = codes.max() + 1
    for _ in range(_MAX_DRAWS):
        order = rng.permutation(codes.size)
        if np.unique(codes[order[:n_first]]).size == n_classes:
            return order
    raise ValueError(
        f"sampling='reject' found no {n_first} rows with all {n_classes} classes in "
        f"{_MAX_DRAWS} draws; use sampling='stratified' or larger train_sizes."
    )


def check_train_sizes(train_sizes, n_pool, n_classes):
    """Return increasing numbers of training rows.

    Parameters
    ----------
    train_sizes : array-like of shape (n_sizes,) or None
        Numbers of rows, or parts of the pool; None spaces eight sizes evenly in the
        logarithm.
    n_pool : int
        Number of rows that there are.
    n_classes : int
        Number of classes.

    Returns
    -------
    sizes : ndarray of shape (n_sizes,)
        Sorted, without repetition.

    Raises
    ------
    ValueError
        If a size is not between 1 and the size of the pool.
    """
    if train_sizes is None:
        smallest = min(max(2 * n_classes, 10), n_pool)
        train_sizes = np.geomspace(smallest, n_pool, 8).round().astype(int)
    sizes = np.atleast_1d(np.asarray(train_sizes))
    if sizes.dtype.kind == "f" and np.all((sizes > 0) & (sizes <= 1)):
        sizes = np.maximum((sizes * n_pool).astype(int), 1)
    whole = sizes.dtype.kind in "iu" or np.array_equal(sizes, np.round(sizes))
    if sizes.ndim != 1 or not sizes.size or not whole or sizes.min() < 1:
        raise ValueError(
            f"train_sizes={train_sizes!r} must be positive numbers of rows or parts of "
            "1."
        )
    sizes = np.unique(sizes.astype(int))
    if sizes[-1] > n_pool:
        raise ValueError(
            f"train_sizes has {sizes[-1]} and must be at most {n_pool}, the rows that "
            "are not kept for the test; lower it or test_size."
        )
    return sizes


def check_test_set(test_size, X, y):
    """Tell whether ``test_size`` is a test set, and check it.

    Parameters
    ----------
    test_size : float, int or tuple of (X_test, y_test)
        Part or number of the rows, or rows of their own.
    X, y : array-like
        The data.

    Returns
    -------
    test : tuple of (X_test, y_test) or None
        None if test rows are to be drawn from the data.

    Raises
    ------
    ValueError
        If a test set has other labels or lengths that differ.
    """
    if isinstance(test_size, tuple):
        if len(test_size) != 2:
            raise ValueError(
                f"test_size is a tuple of length {len(test_size)} and must be a number "
                "or a pair (X_test, y_test)."
            )
        X_test, y_test = test_size
        y_test = np.asarray(y_test)
        X_test = X_test if hasattr(X_test, "shape") else np.asarray(X_test)
        if X_test.shape[0] != y_test.shape[0]:
            raise ValueError(
                f"test_size has {X_test.shape[0]} rows in X_test but "
                f"{y_test.shape[0]} in y_test; give as many."
            )
        strange = np.setdiff1d(y_test, y)
        if strange.size:
            raise ValueError(
                f"test_size must have labels that are in y, and it has "
                f"{strange.tolist()}; leave these rows out."
            )
        return X_test, y_test
    n_samples = y.shape[0]
    n_test = test_size if isinstance(test_size, Integral) else test_size * n_samples
    if not 1 <= n_test < n_samples:
        raise ValueError(
            f"test_size={test_size!r} must leave rows for training and for testing; "
            f"there are {n_samples} rows."
        )
    return None
