"""Classifiers that are told counts of bags in the place of labels."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from skext.exceptions import BenchmarkError

CONTROLS = ("flat", "shuffled")
_BAG_SIZE = 32


def from_bags(estimator, task=None, *, control=None):
    """Let a classifier of bags take part where labels are given.

    The result cuts its training rows into random bags and tells the classifier their
    counts, and nothing else about the labels. A method of the benchmark that is not
    wrapped is told all labels.

    Parameters
    ----------
    estimator : estimator object
        A classifier that takes targets of :func:`skext.label_proportions.bag_target`
        and has a parameter ``classes``.
    task : TaskInfo, default=None
        The task, which says the size of the bags. They have 32 rows if it does not.
    control : {"flat", "shuffled"}, default=None
        "flat" says that each bag has the overall share, "shuffled" deals the shares
        to the bags at random. None tells the truth.

    Returns
    -------
    classifier : estimator object
        An ordinary classifier.

    See Also
    --------
    skext.label_proportions.make_bags : Cuts the bags.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.benchmark import from_bags
    >>> from skext.label_proportions import DLLPClassifier
    >>> X, y = make_classification(500, random_state=0)
    >>> from_bags(DLLPClassifier()).fit(X, y).predict_proba(X).shape
    (500, 2)
    """
    size = getattr(task, "bag_size", None) or _BAG_SIZE
    return FromBags(estimator, size, control)


class FromBags(ClassifierMixin, BaseEstimator):
    """Cut the training rows into random bags, and keep all labels but their counts.

    What such a classifier loses against one that is told the labels is the price of
    aggregation. A control is told wrong counts, so that what it gains over guessing is
    owed to the geometry of the rows.

    Parameters
    ----------
    estimator : estimator object
        A classifier of :mod:`skext.label_proportions`.
    bag_size : int, default=32
        Number of rows of a bag.
    control : {"flat", "shuffled"}, default=None
        "flat" says that each bag has the overall share, "shuffled" deals the shares
        to the bags at random. None tells the truth.
    bag_seed : int, default=0
        Seed of the bags. It is none of the seeds that a benchmark sets, so that all
        methods are told about the same bags.
    """

    def __init__(self, estimator, bag_size=_BAG_SIZE, control=None, bag_seed=0):
        self.estimator = estimator
        self.bag_size = bag_size
        self.control = control
        self.bag_seed = bag_seed

    def fit(self, X, y):
        """Fit the classifier to counts.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Codes of the classes.

        Returns
        -------
        model : FromBags
            The model itself.

        Raises
        ------
        BenchmarkError
            If there is no such control.
        """
        # Loads numba, which listing methods does not need.
        from skext.label_proportions import make_bags

        if self.control is not None and self.control not in CONTROLS:
            raise BenchmarkError(
                f"control={self.control!r} must be None or one of {CONTROLS}."
            )
        size = min(self.bag_size, len(y))
        bags = make_bags(X, y, bag_size=size, random_state=self.bag_seed)
        target = bags.target
        if self.control is not None:
            target = control_target(target, self.control, seed=self.bag_seed)
        model = clone(self.estimator)
        names = np.unique(y).tolist()
        self.estimator_ = model.set_params(classes=names).fit(bags.data, target)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self.estimator_.predict_proba(X)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Codes.
        """
        return self.estimator_.predict(X)


def control_target(target, control, *, seed=0):
    """Take what bags say about their rows out of a target.

    Parameters
    ----------
    target : ndarray of shape (n_samples,)
        A target of :func:`skext.label_proportions.bag_target`, all rows in bags.
    control : {"flat", "shuffled"}
        Give each bag the overall share, or deal the shares to the bags at random.
    seed : int, default=0
        Seed of the deal.

    Returns
    -------
    target : ndarray of shape (n_samples,)
        The same bags with other counts. Counts are whole; if there are two classes,
        flat bags of more than one row have rows of both, since a rare class would be
        rounded away.
    """
    # Loads numba, which listing methods does not need.
    from skext.label_proportions import bag_target

    _, first, bags = np.unique(target["bag"], return_index=True, return_inverse=True)
    sizes, shares = target["size"][first], target["proportion"][first]
    two = shares.ndim == 1
    if two:
        shares = np.column_stack([1 - shares, shares])
    if control == "flat":
        shares = np.tile(np.average(shares, axis=0, weights=sizes), (sizes.size, 1))
    else:
        shares = np.random.default_rng(seed).permutation(shares)
    counts = _whole(shares * sizes[:, np.newaxis])
    if not two:
        return bag_target(bags, counts=counts)
    positive = counts[:, 1]
    if control == "flat":
        positive = np.where(sizes > 1, np.clip(positive, 1, sizes - 1), positive)
    return bag_target(bags, counts=positive)


def _whole(amounts):
    """Round the entries of each row to whole numbers with the same sum."""
    counts = np.floor(amounts + 1e-9)
    missing = np.rint(amounts.sum(axis=1) - counts.sum(axis=1))
    place = np.argsort(np.argsort(counts - amounts, axis=1, kind="stable"), axis=1)
    return counts + (place < missing[:, np.newaxis])
