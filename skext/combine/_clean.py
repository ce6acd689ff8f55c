"""SMOTE, and then rows are removed that contradict their neighbours."""

from numbers import Integral

import imblearn.combine
import numpy as np
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks
from imblearn.utils import check_neighbors_object, check_sampling_strategy
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags

from skext._neighbors.engine import NeighborEngine
from skext.combine._kernels import vote
from skext.over_sampling import SMOTE
from skext.over_sampling._core.frames import measured_table, with_names
from skext.over_sampling._core.parameters import constraints
from skext.over_sampling._core.partners import find_neighbors
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.utils._columns import library_of
from skext.utils._parallel import run_chunks
from skext.utils._random import fit_rng, seed_parts
from skext.utils._sklearn import HasMethods
from skext.utils._tables import check_table, refuse_columns, take_rows
from skext.utils._warnings import warn_user

_CURE = "encode them, or over-sample with SMOTENC, without a cleaning"


class _CleaningSampler(SyntheticSampler):
    """Base of over-samplers with a cleaning step behind them.

    A sampler names the step in ``_cleaner``, and says in ``_keep`` which rows a step
    of the type ``_known`` leaves.
    """

    def _fit_resample(self, X, y, sample_weight=None):
        """Over-sample and clean."""
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        _refuse_categories(X)
        self._validate_estimator()
        if self.random_state is not None:
            seed_parts(fit_rng(self.random_state), self.smote_)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        X_new, y_new = self.smote_.fit_resample(X, y, **given)
        self._copy_attributes()
        labels = _as_labels(y_new)
        kept = self._clean(_as_numbers(X_new), labels)
        self._note_kept(kept, labels, n_samples)
        return take_rows(X_new, kept), take_rows(y_new, kept)

    def _validate_estimator(self):
        """Make both steps, not yet fitted; the name is imbalanced-learn's."""
        if self.smote is None:
            names = ("sampling_strategy", "random_state", "n_jobs")
            self.smote_ = SMOTE(**{name: getattr(self, name) for name in names})
        else:
            self.smote_ = clone(self.smote)
        cleaner = getattr(self, self._cleaner)
        if cleaner is None:
            cleaner = self._known(sampling_strategy="all", n_jobs=self.n_jobs)
        setattr(self, f"{self._cleaner}_", clone(cleaner))

    def _copy_attributes(self):
        """Take over what the over-sampler knows about its input."""
        for name in ("n_features_in_", "feature_names_in_", "sampling_strategy_"):
            vars(self).pop(name, None)
            if hasattr(self.smote_, name):
                setattr(self, name, getattr(self.smote_, name))

    def _note_kept(self, kept, labels, n_samples):
        """Set the attributes that tell where each row comes from."""
        self.kept_indices_ = kept
        # An over-sampler that does not tell leaves synthetic rows without an origin.
        origin = np.arange(labels.size)
        origin[n_samples:] = -1
        self.sample_indices_ = getattr(self.smote_, "sample_indices_", origin)[kept]
        vars(self).pop("sample_weight_", None)
        if hasattr(self.smote_, "sample_weight_"):
            self.sample_weight_ = self.smote_.sample_weight_[kept]
        gone = np.setdiff1d(labels, labels[kept])
        if gone.size > 0:
            shown = ", ".join(repr(str(label)) for label in gone[:5])
            warn_user(
                f"The cleaning after over-sampling removed all rows of class {shown}; "
                f"give {self._cleaner}= a sampling_strategy that spares it."
            )

    def _clean(self, X, y):
        """Return the numbers of the rows to keep."""
        step = getattr(self, f"{self._cleaner}_")
        if type(step) is not self._known:
            # A subclass may have rules of its own.
            step.fit_resample(X, y)
            return step.sample_indices_
        step.n_features_in_ = X.shape[1]
        step.sampling_strategy_ = check_sampling_strategy(
            step.sampling_strategy, y, "clean-sampling"
        )
        classes, codes = np.unique(y, return_inverse=True)
        wanted = [i for i, c in enumerate(classes) if c in step.sampling_strategy_]
        targets = np.isin(codes, wanted)
        engine = NeighborEngine(X, codes, n_jobs=self.n_jobs)
        step.sample_indices_ = self._keep(step, engine, targets, classes.size)
        return step.sample_indices_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = (
            self.smote is None or get_tags(self.smote).input_tags.allow_nan
        )
        return tags


@imblearn.combine.SMOTEENN.register
class SMOTEENN(_CleaningSampler):
    """Over-sample with SMOTE, then remove rows that contradict their neighbours.

    After over-sampling, Wilson's editing removes the rows of which not all of the
    three nearest neighbours are of their own class [1]_. The class is a drop-in for
    imbalanced-learn's.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows before the cleaning, as in :class:`SMOTE`. Not
        used if ``smote`` is given.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness, also of a ``smote`` without a seed.
    smote : sampler object, default=None
        The over-sampler, of skext or imbalanced-learn; None is :class:`SMOTE`.
    enn : sampler object, default=None
        The editing; None is ``EditedNearestNeighbours(sampling_strategy="all")``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows made for each class before the cleaning.
    smote_ : sampler object
        The fitted over-sampler.
    enn_ : sampler object
        The editing; its ``sample_indices_`` are the ``kept_indices_``.
    kept_indices_ : ndarray of shape (n_resampled,)
        Rows of the over-sampled table that are left; those from the number of given
        rows on are synthetic.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from; -1 if the
        over-sampler does not tell.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTETomek : Removes fewer rows.
    imblearn.combine.SMOTEENN : The peer.

    Notes
    -----
    The rows come out class by class, as from imbalanced-learn, and given rows may be
    missing among them; rows of weight zero are behind all others. All classes share
    one search among all rows, which excludes a row from its own neighbours by its
    index, so that duplicates of another class are seen.

    If a class loses all its rows there is a warning. With missing values, a neighbour
    that shares no known value with a row says nothing about it.

    References
    ----------
    .. [1] G. E. A. P. A. Batista, R. C. Prati, M. C. Monard, "A Study of the Behavior
       of Several Methods for Balancing Machine Learning Training Data", ACM SIGKDD
       Explorations 6(1), 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.combine import SMOTEENN
    >>> X, y = make_classification(weights=[0.8], n_samples=200, random_state=0)
    >>> np.bincount(y).tolist()
    [160, 40]
    >>> sampler = SMOTEENN(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> len(X_resampled) < 320
    True
    """

    _cleaner = "enn"
    _known = EditedNearestNeighbours

    _parameter_constraints: dict = constraints(
        smote=[HasMethods(["fit_resample"]), None],
        enn=[EditedNearestNeighbours, None],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        smote=None,
        enn=None,
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.smote = smote
        self.enn = enn
        self.n_jobs = n_jobs

    def _keep(self, step, engine, targets, n_classes):
        """Ask the neighbours of the rows of the targeted classes."""
        step.nn_ = check_neighbors_object("n_neighbors", step.n_neighbors, 1)
        k = step.nn_.n_neighbors - 1
        n_rows = engine.X.shape[0]
        if not 1 <= k < n_rows:
            raise ValueError(
                f"enn has n_neighbors={step.n_neighbors!r} where {n_rows} rows have "
                f"1 to {n_rows - 1} neighbours (Expected n_neighbors <= "
                "n_samples_fit); give it another number."
            )
        search = None if isinstance(step.n_neighbors, Integral) else step.nn_
        rows = np.flatnonzero(targets)
        kept = np.ones(n_rows, dtype=bool)
        if rows.size > 0:
            near = find_neighbors(engine, rows, np.arange(n_rows), k, search)
            near = _without_strangers(engine.X, rows, near)
            verdicts = np.empty(rows.size, dtype=bool)
            unanimous = step.kind_sel == "all"
            arrays = (near, engine.y, rows, n_classes, unanimous, verdicts)
            run_chunks(vote, rows.size, *arrays, n_jobs=self.n_jobs)
            kept[rows] = verdicts
        # Class by class, as from imbalanced-learn.
        order = np.argsort(engine.y, kind="stable")
        return order[kept[order]]


@imblearn.combine.SMOTETomek.register
class SMOTETomek(_CleaningSampler):
    """Over-sample with SMOTE, then remove pairs of rows that contradict each other.

    A Tomek link is a pair of rows of different classes, each of which is the nearest
    neighbour of the other. Both are removed after over-sampling [1]_. The class is a
    drop-in for imbalanced-learn's.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows before the cleaning, as in :class:`SMOTE`. Not
        used if ``smote`` is given.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness, also of a ``smote`` without a seed.
    smote : sampler object, default=None
        The over-sampler, of skext or imbalanced-learn; None is :class:`SMOTE`.
    tomek : sampler object, default=None
        The cleaning; None is ``TomekLinks(sampling_strategy="all")``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows made for each class before the cleaning.
    smote_ : sampler object
        The fitted over-sampler.
    tomek_ : sampler object
        The cleaning; its ``sample_indices_`` are the ``kept_indices_``.
    kept_indices_ : ndarray of shape (n_resampled,)
        Rows of the over-sampled table that are left; those from the number of given
        rows on are synthetic.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from; -1 if the
        over-sampler does not tell.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTEENN : Removes more rows.
    imblearn.combine.SMOTETomek : The peer.

    Notes
    -----
    The rows keep their order, but given ones may be missing. Of several rows at the
    same distance the first counts as the nearest. A row is excluded from its own
    neighbours by its index, so that equal rows of different classes are a link.

    If a class loses all its rows there is a warning. With missing values, a neighbour
    that shares no known value with a row says nothing about it.

    References
    ----------
    .. [1] G. E. A. P. A. Batista, R. C. Prati, M. C. Monard, "A Study of the Behavior
       of Several Methods for Balancing Machine Learning Training Data", ACM SIGKDD
       Explorations 6(1), 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.combine import SMOTETomek
    >>> X, y = make_classification(weights=[0.8], n_samples=200, random_state=0)
    >>> np.bincount(y).tolist()
    [160, 40]
    >>> sampler = SMOTETomek(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> len(X_resampled) <= 320
    True
    """

    _cleaner = "tomek"
    _known = TomekLinks

    _parameter_constraints: dict = constraints(
        smote=[HasMethods(["fit_resample"]), None],
        tomek=[TomekLinks, None],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        smote=None,
        tomek=None,
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.smote = smote
        self.tomek = tomek
        self.n_jobs = n_jobs

    def _keep(self, step, engine, targets, n_classes):
        """Remove rows of the targeted classes that are part of a link."""
        everything = np.arange(engine.X.shape[0])
        nearest = find_neighbors(engine, everything, everything, 1)
        nearest = _without_strangers(engine.X, everything, nearest)[:, 0]
        mutual = nearest[nearest] == everything
        linked = mutual & (engine.y[nearest] != engine.y)
        return np.flatnonzero(~(linked & targets))


def _without_strangers(X, rows, near):
    """Let a row take the place of neighbours that share no known value with it."""
    if sparse.issparse(X) or X.dtype.kind != "f" or not np.isnan(X.sum()):
        return near
    known = ~np.isnan(X)
    near = near.copy()
    for column in near.T:
        common = (known[rows] & known[column]).any(axis=1)
        column[~common] = rows[~common]
    return near


def _refuse_categories(X):
    """Refuse columns that an over-sampler might take, but no cleaning does."""
    if isinstance(X, list | tuple) and np.asarray(X).dtype.kind in "US":
        X = np.array(X, dtype=object)
    refuse_columns(X, {"category", "text"}, cure=_CURE)


def _as_labels(y):
    """Return one label per row; of indicators the position of the one."""
    y = y.to_numpy() if library_of(y) is not None else np.asarray(y)
    if y.ndim == 2:
        return y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    return y


def _as_numbers(X):
    """Return a resampled table as an array or a sparse matrix."""
    numbers = check_table(
        with_names(X),
        accept_sparse=["csr", "csc"],
        ensure_all_finite="allow-nan",
        input_name="X",
    )
    return measured_table(X if library_of(X) is not None else numbers, numbers)
