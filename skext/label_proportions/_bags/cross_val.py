"""Predictions of rows by models that did not see their bags."""

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils import check_consistent_length

from skext.label_proportions._bags.split import BagKFold
from skext.label_proportions._bags.targets import is_bag_target
from skext.utils._sklearn import safe_indexing

__all__ = ["bag_cross_val_predict"]

_METHODS = ("predict_proba", "decision_function")


def bag_cross_val_predict(
    estimator, X, target, *, cv=None, method="predict_proba", n_jobs=None
):
    """Predict each row by a fit to other bags.

    What :func:`~sklearn.model_selection.cross_val_predict` is for labels. That one
    takes the bags for classes if asked for probabilities.

    Parameters
    ----------
    estimator : estimator object
        A classifier of this module, or a pipeline that ends in one; cloned.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows.
    target : ndarray of shape (n_samples,)
        A target of :func:`bag_target`.
    cv : int or splitter, default=None
        Number of folds of whole bags, or a splitter that keeps bags whole and tests no
        bag twice. None is 5.
    method : {"predict_proba", "decision_function"}, default="predict_proba"
        What is asked of the fits.
    n_jobs : int, default=None
        Number of fits at a time.

    Returns
    -------
    predictions : ndarray of shape (n_samples,) or (n_samples, n_classes)
        As ``method`` returns them, in the order of the rows; NaN for rows that are not
        tested, such as those in no bag.

    Raises
    ------
    ValueError
        If ``target`` is none of :func:`bag_target`, or a row is tested twice.

    See Also
    --------
    BagKFold : The folds.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.label_proportions import (
    ...     DLLPClassifier, bag_cross_val_predict, make_bags
    ... )
    >>> X, y = make_classification(600, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> bag_cross_val_predict(DLLPClassifier(), bags.data, bags.target, cv=3).shape
    (600, 2)
    """
    if not is_bag_target(target):
        raise ValueError(
            "target is none of bag_target; make it by that, or take "
            "sklearn.model_selection.cross_val_predict for labels of rows."
        )
    if method not in _METHODS:
        raise ValueError(f"method={method!r} must be one of {_METHODS}.")
    target = np.asarray(target)
    check_consistent_length(X, target)
    if cv is None or isinstance(cv, (int, np.integer)):
        cv = BagKFold(5 if cv is None else int(cv))
    splits = list(cv.split(X, target, target["bag"]))
    tested = np.concatenate([test for _, test in splits])
    if np.unique(tested).size != tested.size:
        raise ValueError(f"cv={cv!r} must test each row at most once; take BagKFold.")
    found = Parallel(n_jobs=n_jobs)(
        delayed(_predict)(clone(estimator), X, target, train, test, method)
        for train, test in splits
    )
    found = np.concatenate(found)
    predictions = np.full((target.size, *found.shape[1:]), np.nan)
    predictions[tested] = found
    return predictions


def _predict(estimator, X, target, train, test, method):
    """Fit to some rows and predict others."""
    estimator.fit(safe_indexing(X, train), target[train])
    return getattr(estimator, method)(safe_indexing(X, test))
