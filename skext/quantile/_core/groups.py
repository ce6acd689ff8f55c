"""Rows that belong together: whole groups are kept back, or none of their rows."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import (
    check_consistent_length,
    column_or_1d,
    has_fit_parameter,
)

from skext.utils._sklearn import base_search_cv, routing_enabled

BaseSearchCV = base_search_cv()


def check_groups(groups, y):
    """Check the groups of rows.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        Labels of any kind.
    y : ndarray of shape (n_samples,)
        Target.

    Returns
    -------
    groups : ndarray of shape (n_samples,) or None
        The same labels.
    """
    if groups is None:
        return None
    groups = column_or_1d(groups)
    try:
        check_consistent_length(groups, y)
    except ValueError as error:
        raise ValueError(
            f"groups has {len(groups)} labels for {len(y)} rows; give one for each."
        ) from error
    missing = np.array([label is None or label != label for label in groups.tolist()])
    if missing.any():
        raise ValueError(
            f"groups has no label for {int(missing.sum())} of {len(y)} rows; give each "
            "of them a label of its own if it belongs to no group."
        )
    return groups


def group_codes(groups):
    """Return the numbers of the groups of rows; None for no groups."""
    if groups is None:
        return None
    try:
        return np.unique(groups, return_inverse=True)[1].ravel()
    except TypeError:
        # Labels of several types have no order.
        known = {}
        return np.array([known.setdefault(label, len(known)) for label in groups])


def keep_back(n_samples, size, rng, groups=None):
    """Draw rows to keep back, or whole groups of about as many rows.

    Parameters
    ----------
    n_samples : int
        Number of rows, two or more.
    size : int
        Number of rows to keep back.
    rng : RandomState
        Source of randomness.
    groups : array-like of shape (n_samples,), default=None
        Labels of groups.

    Returns
    -------
    train, rest : ndarray of shape (n_train,), ndarray of shape (n_rest,)
        Sorted row numbers.
    """
    if groups is None:
        order = rng.permutation(n_samples)
        return np.sort(order[size:]), np.sort(order[:size])
    codes = group_codes(groups)
    count = np.bincount(codes)
    if len(count) < 2:
        raise ValueError(
            f"groups has the single label {groups[0]!r}: whole groups are kept back, "
            "which needs two of them; leave groups out to split rows."
        )
    order = rng.permutation(len(count))
    near = np.abs(np.cumsum(count[order])[:-1] - size)
    chosen = np.isin(codes, order[: int(near.argmin()) + 1])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def group_params(estimator, groups):
    """Name the groups of rows as the fit of a regressor wants them.

    Parameters
    ----------
    estimator : estimator object
        The regressor, possibly wrapped.
    groups : ndarray of shape (n_samples,) or None
        Labels.

    Returns
    -------
    params : dict
        Empty if there are no groups or the regressor has no use for them.
    """
    if groups is None:
        return {}
    if routing_enabled():
        taken = get_routing_for_object(estimator).consumes("fit", ["groups"])
        return {"groups": groups} if taken else {}
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        found = group_params(last, groups)
        return {f"{step}__{key}": value for key, value in found.items()}
    if isinstance(estimator, BaseSearchCV) or has_fit_parameter(estimator, "groups"):
        return {"groups": groups}
    return {}
