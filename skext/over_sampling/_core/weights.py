"""Weights of rows: a row of weight zero is as if it were not there."""

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length

from skext.utils._labels import plain_target
from skext.utils._sklearn import check_sample_weight
from skext.utils._tables import join_rows, take_rows

# Attributes that hold numbers of rows of the input, alone or for each class.
_ROW_NUMBERS = (
    "partner_indices_",
    "neighbor_indices_",
    "in_danger_indices",
    "moved_indices_",
)
# Attributes with a value for each row of the input, and that of a row left out.
_ROW_VALUES = {"relevance_": np.nan, "bumps_": -1}


def resample_weighted(sampler, X, y, sample_weight):
    """Let a sampler see only the rows that have a weight.

    Parameters
    ----------
    sampler : SyntheticSampler
        Its ``_fit_resample`` gets scaled weights, none of them zero.
    X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
        The table.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The target.
    sample_weight : array-like of shape (n_samples,)
        Weights. Rows without one are left out and put back behind or between the
        given rows; the numbers of rows that the sampler knows are adapted.

    Returns
    -------
    X_resampled, y_resampled : object
        As from ``_fit_resample``.
    """
    if not np.any(np.asarray(sample_weight)):
        refuse_no_weight()
    given = check_sample_weight(sample_weight, X, ensure_non_negative=True)
    check_consistent_length(X, y, given)
    # A power of two changes no digit, and sums of weights cannot overflow.
    exponent = int(np.frexp(given.max())[1])
    weight = np.ldexp(given, -exponent)
    used = np.flatnonzero(weight)
    if used.size == given.size:
        result = sampler._fit_resample(X, y, weight)
    else:
        rest = np.flatnonzero(weight == 0)
        if sampler._has_classes:
            _refuse_lost_classes(sampler, y, used, rest)
        result = _without(sampler, X, y, weight, used, rest)
    if hasattr(sampler, "sample_weight_"):
        sampler.sample_weight_ = np.ldexp(sampler.sample_weight_, exponent)
    return result


def refuse_no_weight(label=None):
    """Refuse weights that are zero for all rows, or for all rows of a class."""
    rows, cure = "all rows", ""
    if label is not None:
        rows += f" of class {str(label)!r}"
        cure = ", or leave the class out of sampling_strategy"
    raise ValueError(f"sample_weight is zero for {rows}; give a weight to some{cure}.")


def _without(sampler, X, y, weight, used, rest):
    """Resample some rows, put the others back, and renumber what is known of rows."""
    X_used, y_used = take_rows(X, used), take_rows(y, used)
    try:
        X_new, y_new = sampler._fit_resample(X_used, y_used, weight[used])
    except (RuntimeError, ValueError) as error:
        raise type(error)(
            f"With {rest.size} of {weight.size} rows left out, for which "
            f"sample_weight is zero: {error}"
        ) from error
    # Where each row of the result comes from, if it is a given row: else -1.
    origin, given = _given_rows(sampler, used, rest)
    place = np.concatenate([given, rest])
    if (np.diff(given[given >= 0]) > 0).all():
        last = given.size + rest.size
        order = np.argsort(
            np.where(place < 0, last + weight.size, place), kind="stable"
        )
    else:
        order = np.arange(place.size)
    sampler.sample_indices_ = np.concatenate([origin, rest])[order]
    if hasattr(sampler, "kept_indices_"):
        made = sampler.kept_indices_ - used.size + weight.size
        kept = np.where(given < 0, made, given)
        sampler.kept_indices_ = np.concatenate([kept, rest])[order]
    if hasattr(sampler, "sample_weight_"):
        weights = [sampler.sample_weight_, np.zeros(rest.size)]
        sampler.sample_weight_ = np.concatenate(weights)[order]
    _renumber(sampler, used, weight.size)
    if hasattr(sampler, "_cleaner"):
        getattr(sampler, f"{sampler._cleaner}_").sample_indices_ = sampler.kept_indices_
    joined = (
        take_rows(join_rows(new, take_rows(all_, rest)), order)
        for new, all_ in ((X_new, X), (y_new, y))
    )
    return tuple(joined)


def _given_rows(sampler, used, rest):
    """Return the origin of each row, and its number or -1 if it is synthetic."""
    found = sampler.sample_indices_
    origin = np.where(found < 0, -1, used[found])
    if hasattr(sampler, "kept_indices_"):
        synthetic = sampler.kept_indices_ >= used.size
    else:
        n_new = sum(sampler.n_synthetic_.values())
        synthetic = np.arange(origin.size) >= origin.size - n_new
    return origin, np.where(synthetic, -1, origin)


def _renumber(sampler, used, n_samples):
    for name in _ROW_NUMBERS:
        found = getattr(sampler, name, None)
        if isinstance(found, dict):
            setattr(sampler, name, {label: used[rows] for label, rows in found.items()})
        elif found is not None:
            setattr(sampler, name, used[found])
    for name, value in _ROW_VALUES.items():
        found = getattr(sampler, name, None)
        if found is not None:
            values = np.full(n_samples, value, dtype=found.dtype)
            values[used] = found
            setattr(sampler, name, values)


def _refuse_lost_classes(sampler, y, used, rest):
    """Refuse weights that are zero for a whole class which might get rows."""
    step = getattr(sampler, "smote", None)
    strategy = (sampler if step is None else step).sampling_strategy
    if sparse.issparse(y) or callable(strategy):
        return
    labels = np.asarray(plain_target(y))
    if labels.ndim != 1:
        return
    left = set(labels[used].tolist())
    for label in labels[rest].tolist():
        wanted = not isinstance(strategy, dict) or label in strategy
        # A missing label differs from itself.
        if label not in left and wanted and label is not None and label == label:
            refuse_no_weight(label)
