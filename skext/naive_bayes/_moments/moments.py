"""Class moments: what the linear probes know about their data, by class label."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skext.naive_bayes._moments.scatter import Scatter
from skext.naive_bayes._moments.state import MomentState, check_moments_finite
from skext.utils._labels import read_labels, refuse_fractions
from skext.utils._sklearn import check_sample_weight
from skext.utils._tables import check_table

_COVARIANCES = ("diag", "full", "spherical")
_FORMAT = "skext.naive_bayes.ClassMoments"
_VERSION = 1


class ClassMoments:
    r"""Counts and means of the classes, and the pooled within-class scatter.

    These sufficient statistics are all that :class:`LinearGaussianNB`,
    :class:`ShrinkageLDA` and :class:`NearestClassMean` need. Moments of separate
    parts of the data merge exactly, in any order, and rows can be taken out again:

    .. math:: N_k = \sum_{y_i = k} w_i, \quad
       \mu_k = \frac{1}{N_k} \sum_{y_i = k} w_i x_i, \quad
       S = \sum_i w_i (x_i - \mu_{y_i}) (x_i - \mu_{y_i})^T.

    Parameters
    ----------
    covariance : {"diag", "full", "spherical"}, default="diag"
        What is kept of :math:`S`: its diagonal, all of it, or its trace.
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        Type in which the off-diagonal products of ``"full"`` are multiplied, before
        they are summed in float64. float32 takes half the time and leaves a relative
        error of about 1e-6 between features.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Labels, sorted.
    count : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.
    mean : ndarray of shape (n_classes, n_features)
        Weighted mean of each class; zeros for a class without data.
    ss : float or ndarray of shape (n_features,) or (n_features, n_features)
        Pooled within-class sum of squares, or of products.
    n_features : int or None
        Number of features; None before the first data.

    See Also
    --------
    LinearGaussianNB : Classifier with one variance per feature.
    ShrinkageLDA : Classifier with a full covariance.

    Notes
    -----
    Sums are kept in float64 and always as deviations from a mean, never as raw second
    moments, by the update of Chan, Golub and LeVeque [1]_. ``update`` costs
    O(n_samples * n_features), with ``"full"`` O(n_samples * n_features ** 2); a merge
    costs O(n_classes * n_features). With ``"full"``, rows are kept as they are while
    there are fewer than features, which spares the matrix for wide data until ``ss``
    is read.

    References
    ----------
    .. [1] Tony F. Chan, Gene H. Golub and Randall J. LeVeque, "Algorithms for
       Computing the Sample Variance: Analysis and Recommendations", The American
       Statistician 37, 1983.

    Examples
    --------
    >>> from skext.naive_bayes import ClassMoments
    >>> first = ClassMoments().update([[1.0, 2], [3, 2]], ["a", "a"])
    >>> second = ClassMoments().update([[5.0, 0]], ["b"])
    >>> both = first + second
    >>> both.classes.tolist(), both.count.tolist()
    (['a', 'b'], [2.0, 1.0])
    >>> both.mean.tolist()
    [[2.0, 2.0], [5.0, 0.0]]
    >>> both.ss.tolist()
    [2.0, 0.0]
    """

    def __init__(self, covariance="diag", *, dtype=np.float64):
        if covariance not in _COVARIANCES:
            raise ValueError(
                f"covariance={covariance!r} must be one of {_COVARIANCES}."
            )
        if np.dtype(dtype) not in (np.float64, np.float32):
            raise ValueError(f"dtype={dtype!r} must be float64 or float32.")
        self.covariance = covariance
        self.dtype = np.dtype(dtype)
        self._classes = np.empty(0, dtype=np.intp)
        self._state = None

    @classmethod
    def _of(cls, classes, state, covariance):
        """Wrap a state without copying it."""
        moments = cls(covariance)
        moments._classes, moments._state = classes, state
        return moments

    @property
    def classes(self):
        """Labels, sorted."""
        return _shown(self._classes)

    @property
    def count(self):
        """Sum of the sample weights of each class."""
        return np.zeros(0) if self._state is None else _shown(self._state.counts)

    @property
    def mean(self):
        """Weighted mean of each class."""
        if self._state is None:
            return np.zeros((0, 0))
        return _shown(self._state.means)

    @property
    def ss(self):
        """Pooled within-class sum of squares, or of products."""
        if self._state is None:
            return 0.0 if self.covariance == "spherical" else np.zeros(0)
        if self.covariance == "full":
            return self._state.scatter_matrix()
        if self.covariance == "spherical":
            return float(self._state.squares[0])
        return _shown(self._state.squares)

    @property
    def n_features(self):
        """Number of features; None before the first data."""
        return None if self._state is None else self._state.means.shape[1]

    def __repr__(self):
        return (
            f"{type(self).__name__}({self.covariance!r}, n_classes="
            f"{self._classes.size}, n_features={self.n_features}, "
            f"count={self.count.sum():g})"
        )

    def copy(self):
        """Return an independent copy.

        Returns
        -------
        moments : ClassMoments
            The copy.
        """
        new = ClassMoments(self.covariance, dtype=self.dtype)
        new._classes = self._classes.copy()
        new._state = None if self._state is None else self._state.copy()
        return new

    def update(self, X, y, sample_weight=None):
        """Add rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows. Memory maps are read in chunks; with ``"full"``, sparse rows
            are made dense chunk by chunk.
        y : array-like of shape (n_samples,)
            Their labels; new ones extend ``classes``.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        self : ClassMoments
            The updated moments.

        Raises
        ------
        ValueError
            If the rows are not finite, have another number of features, or weights
            are negative.
        """
        labels, batch = self._summarize(X, y, sample_weight)
        self._add(labels, batch)
        return self

    def merge(self, *others):
        """Add other moments in place; classes are aligned by label.

        Parameters
        ----------
        *others : ClassMoments
            Moments of further data, with the same ``covariance``.

        Returns
        -------
        self : ClassMoments
            The merged moments.

        Raises
        ------
        ValueError
            If the kinds of covariance or the numbers of features differ. Nothing is
            merged then.
        """
        for other in others:
            self._check_other(other)
        for other in others:
            if other._state is not None:
                # Merging with oneself must not read what it writes.
                state = other._state.copy() if other is self else other._state
                self._add(other._classes, state)
        return self

    def __add__(self, other):
        if not isinstance(other, ClassMoments):
            return NotImplemented
        return self.copy().merge(other)

    def remove(self, X, y, sample_weight=None):
        """Take rows out that have been added before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row is taken out.

        Returns
        -------
        self : ClassMoments
            The moments of the remaining rows; classes without rows stay.

        Raises
        ------
        ValueError
            If a class has fewer rows than are taken out.

        Notes
        -----
        Precision is that of the sums before: taking out nearly all rows leaves few
        digits. That the very rows were added is not checked.
        """
        labels, batch = self._summarize(X, y, sample_weight)
        unknown = labels[~np.isin(labels, self._classes)]
        if unknown.size:
            raise ValueError(
                f"y has labels, {unknown.tolist()}, that these moments do not know; "
                f"they know {self._classes.tolist()}. Add rows before removing them."
            )
        rows = np.searchsorted(self._classes, labels)
        short = batch.counts > self._state.counts[rows] * (1 + 1e-9)
        if short.any():
            raise ValueError(
                f"y takes more rows out of a class than it has: "
                f"{batch.counts[short].tolist()} from the classes "
                f"{labels[short].tolist()} of {self._state.counts[rows][short]} rows; "
                "remove only what was added."
            )
        self._state.remove(batch, rows)
        return self

    def subset(self, classes):
        """Return the moments of some of the classes.

        The sums of squares of single classes are not kept, so the pooled covariance
        stays that of all classes: ``ss / count.sum()`` does not change.

        Parameters
        ----------
        classes : array-like of shape (n_subset,)
            Labels to keep.

        Returns
        -------
        moments : ClassMoments
            Counts and means of these classes.

        Raises
        ------
        ValueError
            If a label is not among ``classes``.
        """
        wanted = np.unique(column_or_1d(classes))
        unknown = wanted[~np.isin(wanted, self._classes)]
        if unknown.size:
            raise ValueError(
                f"classes has labels, {unknown.tolist()}, that these moments do not "
                f"know; choose among {self._classes.tolist()}."
            )
        rows = np.searchsorted(self._classes, wanted)
        state = self._state
        total = state.total_count
        share = state.counts[rows].sum() / total if total > 0 else 0.0
        products = None
        if state.products is not None:
            products = Scatter(self.n_features, state.products.matrix() * share)
        new = ClassMoments(self.covariance, dtype=self.dtype)
        new._classes = wanted
        new._state = MomentState(
            state.counts[rows], state.means[rows], state.squares * share, products
        )
        return new

    def to_dict(self):
        """Return everything as plain arrays, for storing without pickle.

        Returns
        -------
        content : dict of str to object
            Input of :meth:`from_dict`. Arrays are copies.
        """
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "covariance": self.covariance,
            "dtype": self.dtype.name,
            "classes": self._classes.copy(),
            "count": np.array(self.count),
            "mean": np.array(self.mean),
            "ss": np.array(self.ss),
        }

    @classmethod
    def from_dict(cls, content):
        """Restore what :meth:`to_dict` returned.

        Parameters
        ----------
        content : dict of str to object
            The stored arrays; lists and array files such as ``numpy.load`` gives are
            accepted.

        Returns
        -------
        moments : ClassMoments
            The moments.

        Raises
        ------
        ValueError
            If the content is of another kind or of a newer version.
        """
        kind, version = str(content["format"]), int(content["version"])
        if kind != _FORMAT or version > _VERSION:
            raise ValueError(
                f"content has the format {kind!r} of version {version}, and "
                f"{_FORMAT!r} up to version {_VERSION} can be read; use a newer skext."
            )
        moments = cls(str(content["covariance"]), dtype=str(content["dtype"]))
        moments._classes = np.array(content["classes"])
        counts = np.array(content["count"], dtype=np.float64)
        means = np.array(content["mean"], dtype=np.float64)
        ss = np.array(content["ss"], dtype=np.float64)
        if moments._classes.size == 0:
            return moments
        products = None
        if moments.covariance == "full":
            products, ss = Scatter(means.shape[1], ss), ss.diagonal().copy()
        moments._state = MomentState(counts, means, np.atleast_1d(ss), products)
        return moments

    def _summarize(self, X, y, sample_weight):
        """Validate rows; return their sorted labels and their state."""
        X = check_table(
            X, accept_sparse=("csr", "csc"), ensure_all_finite=False, dtype="numeric"
        )
        y = column_or_1d(read_labels(y))
        check_consistent_length(X, y)
        if self._state is not None and X.shape[1] != self.n_features:
            raise ValueError(
                f"X has {X.shape[1]} features, and the rows before had "
                f"{self.n_features} features; give the same columns."
            )
        if sample_weight is not None:
            sample_weight = check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        labels, codes = encode_labels(y)
        batch = MomentState.from_data(
            X,
            codes,
            labels.size,
            sample_weight,
            covariance=self.covariance,
            dtype=self.dtype,
        )
        check_moments_finite(batch, X, type(self).__name__)
        return labels, batch

    def _add(self, labels, batch):
        """Merge a state with these labels."""
        if self._state is None:
            self._classes, self._state = labels.copy(), batch.copy()
            return
        merged = union_of_labels(self._classes, labels)
        if merged.size > self._classes.size:
            rows = np.searchsorted(merged, self._classes)
            self._state = self._state.expanded(rows, merged.size)
        self._classes = merged
        self._state.merge(batch, np.searchsorted(merged, labels))

    def _check_other(self, other):
        """Refuse moments that do not fit ours."""
        if not isinstance(other, ClassMoments):
            raise ValueError(
                f"others has {type(other).__name__} and must be ClassMoments; "
                "summarize rows with update."
            )
        if other.covariance != self.covariance:
            raise ValueError(
                f"others has covariance={other.covariance!r} and must have "
                f"covariance={self.covariance!r}; make all moments with the same one."
            )
        if None not in (self.n_features, other.n_features) and (
            other.n_features != self.n_features
        ):
            raise ValueError(
                f"others has {other.n_features} features and must have "
                f"{self.n_features} features; summarize the same columns."
            )
        if other._state is not None:
            check_comparable(other._classes, self._classes)


def encode_labels(y):
    """Return sorted labels and the position of each row's label among them.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.

    Returns
    -------
    labels : ndarray of shape (n_labels,)
        Distinct labels.
    codes : ndarray of shape (n_samples,)
        Positions.
    """
    labels, codes = np.unique(y, return_inverse=True)
    refuse_fractions(labels)
    return labels, codes


def _shown(array):
    """Return a view that protects the state."""
    view = array.view()
    view.flags.writeable = False
    return view


def check_comparable(labels, known):
    """Refuse to mix numbers and strings, which numpy would turn into strings."""
    if known.size and (labels.dtype.kind in "biuf") != (known.dtype.kind in "biuf"):
        raise ValueError(
            f"y has {labels.tolist()} after {known.tolist()} and must have labels of "
            "one kind; convert them to strings or to numbers."
        )


def union_of_labels(known, labels):
    """Return the sorted union; all labels must be numbers, or none."""
    check_comparable(labels, known)
    return np.union1d(known, labels) if known.size else labels


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
                f"classes={declared.tolist()} must have all labels seen so far, "
                f"{known.tolist()}; add the missing ones."
            )
    elif fixed:
        declared = known
    else:
        return union_of_labels(known, labels)
    check_comparable(labels, declared)
    unknown = labels[~np.isin(labels, declared)]
    if unknown.size:
        raise ValueError(
            f"y has labels, {unknown.tolist()}, that do not exist in the initial "
            f"classes {declared.tolist()}; declare all labels in the first call of "
            "partial_fit, or none to let the classes grow."
        )
    return declared
