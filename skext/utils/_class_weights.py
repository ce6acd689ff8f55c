"""From a parameter ``class_weight`` to one factor for each class."""

from numbers import Real

import numpy as np
from sklearn.utils.class_weight import compute_class_weight


def class_factors(class_weight, codes, classes, sample_weight=None, *, names=None):
    """Return the factor of each class, or None where nothing is asked for.

    Parameters
    ----------
    class_weight : {"balanced"}, dict or None
        The parameter. Labels that it leaves out have the factor 1; ``"balanced"``
        gives all classes that have rows the same weight.
    codes : ndarray of int of shape (n_samples,)
        Position in ``classes`` of the label of each row.
    classes : ndarray of shape (n_classes,)
        Labels, those without rows included.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows.
    names : ndarray of shape (n_classes,), default=None
        What ``classes`` stand for, if they are codes of other labels, by which
        ``class_weight`` may then go as well.

    Returns
    -------
    factors : ndarray of shape (n_classes,) or None
        Finite and not negative.

    Raises
    ------
    ValueError
        If ``class_weight`` has unknown labels or factors that are no such numbers.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, dict):
        return _given_factors(class_weight, classes, names)
    factors = np.ones(len(classes))
    present = np.unique(codes)
    factors[present] = compute_class_weight(
        class_weight, classes=present, y=codes, sample_weight=sample_weight
    )
    return factors


def _given_factors(class_weight, classes, names):
    """Return the factors of a dictionary.

    Labels without rows are no mistake here, unlike in scikit-learn's function.
    """
    known = classes.tolist()
    if names is not None and set(class_weight) <= set(names.tolist()):
        known = names.tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise ValueError(
            f"class_weight={class_weight!r} has labels that are no classes, {unknown}; "
            f"the classes are {known[:20]}."
        )
    bad = {
        label: value
        for label, value in class_weight.items()
        if not isinstance(value, Real) or not 0 <= value < np.inf
    }
    if bad:
        raise ValueError(
            f"class_weight={class_weight!r} must have finite numbers of at least 0 as "
            f"factors; correct {bad}."
        )
    return np.array([class_weight.get(label, 1.0) for label in known], dtype=float)
