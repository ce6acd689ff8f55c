"""Small functions of the closed-form probes: priors and class labels."""

import numpy as np
from sklearn.utils import column_or_1d

from skext.naive_bayes._moments.moments import check_comparable, union_of_labels


def class_prior(priors, counts, default="empirical"):
    """Return the class probabilities for these class counts.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), "uniform", "empirical" or None
        The parameter of an estimator; None is ``default``.
    counts : ndarray of shape (n_classes,)
        Sum of the sample weights of each class; classes without data get zero.
    default : {"uniform", "empirical"}, default="empirical"
        What None means.
    """
    priors = default if priors is None else priors
    if isinstance(priors, str):
        if priors == "uniform":
            counts = (counts > 0).astype(np.float64)
        return counts / counts.sum()
    prior = np.asarray(priors, dtype=np.float64)
    if prior.shape != counts.shape:
        raise ValueError(
            f"priors must have one entry for each of the {counts.size} classes, "
            f"got shape {prior.shape}; Number of priors must match number of "
            "classes (for partial_fit, pass all of them as `classes`)."
        )
    if not np.all(prior >= 0):
        raise ValueError(f"priors must be non-negative, got {prior.tolist()}.")
    if not np.isclose(prior.sum(), 1.0):
        raise ValueError(
            f"priors must sum to 1, got {prior.tolist()} with sum {prior.sum()}."
        )
    prior = np.where(counts > 0, prior, 0.0)
    if not prior.any():
        raise ValueError(
            f"priors must be positive for some class with training data, got "
            f"{np.asarray(priors).tolist()} for classes with the counts "
            f"{counts.tolist()}."
        )
    return prior / prior.sum()


def join_classes(known, labels, classes, fixed):
    """Return the sorted class labels after a batch with these labels.

    Parameters
    ----------
    known : ndarray of shape (n_known,)
        Labels so far.
    labels : ndarray of shape (n_labels,)
        Labels of the batch.
    classes : array-like of shape (n_classes,) or None
        What the caller declared in this call.
    fixed : bool
        Whether an earlier call declared the classes.
    """
    if classes is not None:
        declared = np.unique(column_or_1d(classes))
        if fixed and not np.array_equal(declared, known):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to "
                f"partial_fit, was: {known!r}; pass the same classes or none."
            )
        check_comparable(declared, known)
        if not np.isin(known, declared).all():
            raise ValueError(
                f"classes must contain the labels seen so far, {known.tolist()}, got "
                f"{declared.tolist()}; add the missing ones."
            )
    elif fixed:
        declared = known
    else:
        return union_of_labels(known, labels)
    check_comparable(labels, declared)
    unknown = labels[~np.isin(labels, declared)]
    if unknown.size:
        raise ValueError(
            f"y must only have labels from `classes`, got {unknown.tolist()}, which do "
            f"not exist in the initial classes {declared.tolist()}; declare all labels "
            "in the first call of partial_fit, or none to let the classes grow."
        )
    return declared
