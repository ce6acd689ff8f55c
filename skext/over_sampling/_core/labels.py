"""Targets on their way into a sampler."""

from imblearn.utils import check_target_type
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skext.utils._labels import read_labels


def check_labels(y):
    """Check labels of classes and return them as an array.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or a column of zeros and ones for each class.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        One label for each row.
    indicator : bool
        Whether ``y`` has a column for each class.

    Raises
    ------
    ValueError
        If a label is missing, or ``y`` holds no classes.
    """
    require_target(y)
    y = read_labels(y)
    kind = type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass"):
        check_classification_targets(y)
    if kind == "multilabel-indicator":
        return check_target_type(y), True
    return column_or_1d(y), False


def require_target(y):
    """Refuse to resample without a target."""
    if y is None:
        raise ValueError(
            "This sampler requires y to be passed, but the target y is None; give a "
            "label or a number for each row."
        )
