"""Scores relative to those of a baseline."""

import numpy as np
from sklearn.utils import check_array


def relative_score(scores, baseline):
    """Geometric mean over tasks of scores relative to those of a baseline.

    Parameters
    ----------
    scores : array-like of shape (n_tasks,) or (n_tasks, n_methods)
        Positive scores such as weighted interval scores.
    baseline : array-like of shape (n_tasks,)
        Positive scores of the baseline on the same tasks.

    Returns
    -------
    ratio : float or ndarray of shape (n_methods,)
        Below 1 if a method is better than the baseline, for losses.

    Raises
    ------
    ValueError
        If scores are not positive and finite, or shapes do not fit.

    See Also
    --------
    weighted_interval_score : A score whose unit cancels here.

    Examples
    --------
    >>> from skext.metrics import relative_score
    >>> round(relative_score([1.0, 40.0], [2.0, 20.0]), 6)
    1.0
    """
    scores = check_array(scores, ensure_2d=False, dtype=np.float64, input_name="scores")
    baseline = check_array(
        baseline, ensure_2d=False, dtype=np.float64, input_name="baseline"
    )
    if baseline.ndim != 1 or len(scores) != len(baseline):
        raise ValueError(
            f"baseline of shape {baseline.shape} must have one score for each row of "
            f"scores, which are of shape {scores.shape}."
        )
    for name, values in (("scores", scores), ("baseline", baseline)):
        if not (values > 0).all():
            raise ValueError(
                f"{name} must be positive, and the smallest is {values.min():g}; "
                "ratios need losses that are not zero."
            )
    ratio = np.exp((np.log(scores).T - np.log(baseline)).mean(axis=-1))
    return float(ratio) if scores.ndim == 1 else ratio
