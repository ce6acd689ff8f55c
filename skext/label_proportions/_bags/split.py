"""Splitters that keep bags whole."""

import sys
from numbers import Integral

import numpy as np
from sklearn.model_selection import BaseCrossValidator, ShuffleSplit
from sklearn.utils import check_random_state, indexable

from skext.label_proportions._bags.numbering import number_bags
from skext.label_proportions._bags.targets import is_bag_target

__all__ = ["BagKFold", "BagShuffleSplit", "LeaveOneBagOut", "StratifiedBagKFold"]


def _bags_of(y, groups, name):
    """Return bags and the number of each row's, -1 for rows in no bag."""
    if is_bag_target(y):
        bags = np.asarray(y)["bag"]
    elif groups is not None:
        bags = groups
    else:
        raise ValueError(
            f"{name} needs bags: give a target of bag_target as y, or groups."
        )
    numbered = number_bags(bags)
    return numbered.ids, numbered.codes


def _refuse_encoding(frame):
    """Raise if scikit-learn is about to take bags for classes.

    Its ``cross_val_predict`` numbers the values of ``y`` for all methods but "predict",
    and hands the numbers to the estimator as labels. Nobody but the splitter sees the
    bags before.
    """
    module = frame.f_globals.get("__name__", "")
    if not module.startswith("sklearn.") or frame.f_code.co_name != "cross_val_predict":
        return
    method = frame.f_locals.get("method", "predict")
    if method != "predict":
        raise ValueError(
            f"cross_val_predict takes bags for classes with method={method!r}; use "
            "skext.label_proportions.bag_cross_val_predict."
        )


class _BagSplitter(BaseCrossValidator):
    """Base of splitters that yield the bags to train and to test on.

    Rows in no bag are in every training set and in no test set.
    """

    # With routing, bags reach the splitter as they reach the estimator.
    __metadata_request__split = {"bags": True, "groups": True}

    def split(self, X, y=None, groups=None, bags=None):
        """Yield indices of training and test rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            A target of :func:`bag_target`.
        groups : array-like of shape (n_samples,), default=None
            Bags of the rows, if ``y`` is no such target.
        bags : array-like of shape (n_samples,), default=None
            The same; the name under which metadata routing passes them.

        Yields
        ------
        train : ndarray of shape (n_train,)
            Indices of training rows.
        test : ndarray of shape (n_test,)
            Indices of test rows.
        """
        if is_bag_target(y):
            _refuse_encoding(sys._getframe(1))
        groups = groups if bags is None else bags
        X, y, groups = indexable(X, y, groups)
        ids, codes = _bags_of(y, groups, type(self).__name__)
        for train, test in self._iter_bags(ids.size, codes, y):
            in_train, in_test = np.zeros((2, ids.size + 1), dtype=bool)
            in_train[train] = in_test[test] = True
            # The last place is that of rows in no bag.
            in_train[-1] = True
            yield np.flatnonzero(in_train[codes]), np.flatnonzero(in_test[codes])


class BagKFold(_BagSplitter):
    """K folds of whole bags.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    shuffle : bool, default=False
        Whether bags are dealt at random. Otherwise the largest bag goes to the fold
        with the fewest rows, and so on.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffle.

    See Also
    --------
    StratifiedBagKFold : Balances the proportions, too.

    Notes
    -----
    Rows in no bag are in every training set and in no test set.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.label_proportions import BagKFold, bag_target
    >>> target = bag_target([0, 0, 1, 1, 2, 2], counts=[1, 0, 2])
    >>> for train, test in BagKFold(3).split(np.zeros((6, 1)), target):
    ...     print(test)
    [0 1]
    [2 3]
    [4 5]
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None, bags=None):
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups, bags : object
            Not used.

        Returns
        -------
        n_splits : int
            Number of folds.
        """
        return self.n_splits

    def _check(self, n_bags):
        whole = isinstance(self.n_splits, Integral)
        if not whole or self.n_splits < 2 or self.n_splits > n_bags:
            raise ValueError(
                f"n_splits={self.n_splits!r} must be an integer from 2 to the number "
                f"of bags, {n_bags}."
            )

    def _iter_bags(self, n_bags, codes, y):
        self._check(n_bags)
        folds = self._deal(n_bags, codes, y)
        for fold in range(self.n_splits):
            yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)

    def _deal(self, n_bags, codes, y):
        sizes = np.bincount(codes[codes >= 0], minlength=n_bags)
        folds = np.empty(n_bags, dtype=np.intp)
        if self.shuffle:
            rng = check_random_state(self.random_state)
            folds[rng.permutation(n_bags)] = np.arange(n_bags) % self.n_splits
            return folds
        rows = np.zeros(self.n_splits)
        for b in np.argsort(-sizes, kind="stable"):
            folds[b] = rows.argmin()
            rows[folds[b]] += sizes[b]
        return folds


class StratifiedBagKFold(BagKFold):
    """K folds of whole bags with about the same sizes and proportions.

    Bags are sorted by proportion, and each run of ``n_splits`` of them is dealt to
    different folds: the largest to the fold with the fewest rows.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    shuffle : bool, default=False
        Whether bags of a run are dealt at random.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffle.

    See Also
    --------
    BagKFold : Does not look at proportions.

    Notes
    -----
    Only proportions of bags are used, which are known.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.label_proportions import StratifiedBagKFold, bag_target
    >>> target = bag_target(np.arange(8) // 2, counts=[2, 2, 0, 0])
    >>> for _, test in StratifiedBagKFold(2).split(np.zeros((8, 1)), target):
    ...     print(target["proportion"][test].mean())
    0.5
    0.5
    """

    def _deal(self, n_bags, codes, y):
        if not is_bag_target(y):
            raise ValueError(
                "StratifiedBagKFold needs proportions: give a target of bag_target as "
                "y."
            )
        rng = check_random_state(self.random_state)
        bagged = codes >= 0
        share = np.empty((n_bags, *y["proportion"].shape[1:]))
        share[codes[bagged]] = y["proportion"][bagged]
        share = share if share.ndim == 1 else share @ np.arange(share.shape[1])
        sizes = np.bincount(codes[bagged], minlength=n_bags)
        order = np.lexsort((sizes, share))
        folds = np.empty(n_bags, dtype=np.intp)
        rows = np.zeros(self.n_splits)
        for start in range(0, n_bags, self.n_splits):
            run = order[start : start + self.n_splits]
            if self.shuffle:
                dealt = rng.permutation(self.n_splits)[: run.size]
            else:
                run = run[np.argsort(-sizes[run], kind="stable")]
                dealt = np.argsort(rows, kind="stable")[: run.size]
            folds[run] = dealt
            rows[dealt] += sizes[run]
        return folds


class BagShuffleSplit(_BagSplitter):
    """Random splits of whole bags.

    Parameters
    ----------
    n_splits : int, default=5
        Number of splits.
    test_size : float or int, default=0.2
        Share or number of bags to test on.
    train_size : float or int, default=None
        Share or number of bags to train on; None is the rest.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Notes
    -----
    Rows in no bag are in every training set and in no test set.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.label_proportions import BagShuffleSplit, bag_target
    >>> target = bag_target(np.arange(10) // 2, counts=[1, 0, 2, 1, 1])
    >>> splits = BagShuffleSplit(2, random_state=0).split(np.zeros((10, 1)), target)
    >>> [test.size for _, test in splits]
    [2, 2]
    """

    def __init__(
        self, n_splits=5, *, test_size=0.2, train_size=None, random_state=None
    ):
        self.n_splits = n_splits
        self.test_size = test_size
        self.train_size = train_size
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None, bags=None):
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups, bags : object
            Not used.

        Returns
        -------
        n_splits : int
            Number of splits.
        """
        return self.n_splits

    def _iter_bags(self, n_bags, codes, y):
        splitter = ShuffleSplit(
            self.n_splits,
            test_size=self.test_size,
            train_size=self.train_size,
            random_state=self.random_state,
        )
        yield from splitter.split(np.arange(n_bags))


class LeaveOneBagOut(_BagSplitter):
    """Test on each bag in turn.

    Notes
    -----
    Rows in no bag are in every training set and in no test set.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.label_proportions import LeaveOneBagOut, bag_target
    >>> target = bag_target([0, 1, 1, 0], counts=[1, 1])
    >>> [test.tolist() for _, test in LeaveOneBagOut().split(np.zeros((4, 1)), target)]
    [[0, 3], [1, 2]]
    """

    def get_n_splits(self, X=None, y=None, groups=None, bags=None):
        """Return the number of bags.

        Parameters
        ----------
        X : object
            Not used.
        y : array-like of shape (n_samples,), default=None
            A target of :func:`bag_target`.
        groups : array-like of shape (n_samples,), default=None
            Bags of the rows, if ``y`` is no such target.
        bags : array-like of shape (n_samples,), default=None
            The same; the name under which metadata routing passes them.

        Returns
        -------
        n_splits : int
            Number of bags.
        """
        groups = groups if bags is None else bags
        return _bags_of(y, groups, type(self).__name__)[0].size

    def _iter_bags(self, n_bags, codes, y):
        if n_bags < 2:
            raise ValueError(f"LeaveOneBagOut needs two bags, and there are {n_bags}.")
        for b in range(n_bags):
            yield np.delete(np.arange(n_bags), b), [b]


def parts_of_bags(cv, bags):
    """Return the part of each row if it is given; None if bags are to be counted off.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        Number of parts, or what yields training and test rows of each.
    bags : Bags
        The bags.

    Returns
    -------
    parts : ndarray of shape (n_samples,) or None
        Numbers; -1 for rows in no bag.

    Raises
    ------
    ValueError
        If a bag is cut, or not in one part.
    """
    if cv is None or isinstance(cv, Integral):
        return None
    codes = bags.codes
    if hasattr(cv, "split"):
        cv = cv.split(codes, groups=codes)
    parts, n_tested = np.full(codes.size, -1), np.zeros(codes.size, dtype=int)
    for number, (_, test) in enumerate(cv):
        parts[test] = number
        n_tested[test] += 1
    bagged = codes >= 0
    of_bag = np.zeros(bags.ids.size, dtype=int)
    of_bag[codes[bagged]] = parts[bagged]
    if (n_tested[bagged] != 1).any() or (of_bag[codes] != parts)[bagged].any():
        raise ValueError(
            "cv must test each bag once and as a whole; give a number of parts, or "
            "BagKFold."
        )
    return np.where(bagged, parts, -1)


def split_by_parts(cv, parts, codes, n_bags):
    """Return training and test rows: those of all parts but one, and of that.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        The parameter; a number cuts the bags.
    parts : ndarray of shape (n_samples,) or None
        As from :func:`parts_of_bags`.
    codes : ndarray of shape (n_samples,)
        Number of the bag of each row.
    n_bags : int
        Number of bags.

    Returns
    -------
    splits : list of (ndarray, ndarray)
        Empty if there are fewer than two parts.
    """
    if parts is None:
        n_splits = min(5 if cv is None else cv, n_bags)
        if n_splits < 2:
            return []
        return list(BagKFold(n_splits).split(codes, groups=codes))
    numbers = np.unique(parts[codes >= 0])
    if numbers.size < 2:
        return []
    return [(np.flatnonzero(parts != k), np.flatnonzero(parts == k)) for k in numbers]
