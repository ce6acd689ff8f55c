"""SMOTE-IPF: over-sampling, then removal of rows that an ensemble contradicts."""

from numbers import Real

import numpy as np
from imblearn.utils import check_sampling_strategy
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_array

from skext.over_sampling._core.frames import (
    as_plain_csr,
    measured_table,
    take_labels,
    with_names,
)
from skext.over_sampling._core.offsets import for_trees
from skext.over_sampling._core.parameters import (
    COUNT,
    INTERPOLATION,
    SEARCH,
    constraints,
)
from skext.over_sampling._core.sampler import SyntheticSampler
from skext.over_sampling._drop_in.smote import SMOTE
from skext.utils._columns import library_of
from skext.utils._parallel import run_chunks
from skext.utils._random import fit_rng
from skext.utils._sklearn import HasMethods, Interval, StrOptions
from skext.utils._tables import take_rows
from skext.utils._warnings import warn_user


class SMOTEIPF(SyntheticSampler):
    """Over-sample by SMOTE, then remove rows by an iterative partitioning filter.

    The table with the synthetic rows is split into ``n_partitions`` parts, a decision
    tree is fitted to each part, and all trees predict all rows. Rows of which most (or
    all) trees contradict the label are removed. This is repeated until few are removed
    in several passes in a row [1]_.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in imbalanced-learn: "auto" brings all
        classes but the largest to its size, a float is the wanted ratio of minority
        to majority (two classes only), "minority", "not minority", "not majority"
        and "all" name classes, a dict gives the number of rows of each class after
        resampling, and a callable returns such a dict for ``y``. The numbers are those
        before the filter.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    k_neighbors : int or object, default=5
        Number of neighbours, or an object with ``fit`` and ``kneighbors`` whose
        ``n_neighbors`` counts the row itself.
    n_partitions : int, default=9
        Number of parts, each with the same share of every class (to one row).
    voting : {"majority", "consensus"}, default="majority"
        Whether a row is removed if more than half of the trees contradict its label,
        or only if all do.
    estimator : object, default=None
        Classifier to fit to each part; None is ``DecisionTreeClassifier()``.
    tol : float, default=0.01
        A pass that removes fewer rows than this share of the given ones is quiet.
    n_quiet_passes : int, default=3
        Number of quiet passes in a row that end the filter.
    max_iter : int, default=30
        Largest number of passes.
    filter_original : bool, default=True
        Whether given rows may be removed, or only synthetic ones.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class is used equally often (to one).
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
    integer_features : {"round", "truncate"}, default="round"
        How values of integer columns become whole: to the nearest, or, as in
        imbalanced-learn, towards zero, which shrinks them.
    on_small_class : {"shrink", "duplicate", "raise"}, default="shrink"
        What to do with a class of at most ``k_neighbors`` rows: use all its other
        rows as neighbours and warn (a class of one row is an error), repeat its rows
        and warn, or raise ``ValueError``.
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to make for each class.
    smote_ : SMOTE
        The fitted over-sampler; its attributes tell how synthetic rows were made.
    kept_indices_ : ndarray of shape (n_resampled,)
        Row of the over-sampled table that each row of the output is.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    n_removed_ : dict
        Number of rows removed from each class.
    n_iter_ : int
        Number of passes.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    SMOTE : Without the filter.
    imblearn.combine.SMOTEENN : Removal by nearest neighbours.

    Notes
    -----
    Since rows are removed, given ones among them unless ``filter_original=False``,
    classes are not exactly balanced, and neither are all given rows in the output;
    those that are come first, unchanged and in order.

    As in the paper each tree sees one part of the table; the implementation of
    published comparisons fits each to the other parts together, which is eight times
    the work for almost equal trees. Decisions of our own: the share ``tol`` is of the
    given rows; a pass that would remove the last rows of a class leaves that class as
    it is; there are never more parts than rows; the filter warns if ``max_iter`` passes
    were not enough.

    References
    ----------
    .. [1] J. A. Sáez, J. Luengo, J. Stefanowski, F. Herrera, "SMOTE-IPF: Addressing the
       noisy and borderline examples problem in imbalanced classification by a
       re-sampling method with filtering", Information Sciences 291, 2015.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import SMOTEIPF
    >>> X, y = make_classification(weights=[0.9], flip_y=0.05, random_state=0)
    >>> sampler = SMOTEIPF(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> len(y_resampled) + sum(sampler.n_removed_.values())
    180
    """

    _parameter_constraints: dict = constraints(
        *INTERPOLATION,
        k_neighbors=SEARCH,
        n_partitions=[COUNT],
        voting=[StrOptions({"majority", "consensus"})],
        estimator=[HasMethods(["fit", "predict"]), None],
        tol=[Interval(Real, 0, 1, closed="both")],
        n_quiet_passes=[COUNT],
        max_iter=[COUNT],
        filter_original=["boolean"],
    )

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        n_partitions=9,
        voting="majority",
        estimator=None,
        tol=0.01,
        n_quiet_passes=3,
        max_iter=30,
        filter_original=True,
        allocation="random",
        interpolation="segment",
        integer_features="round",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.k_neighbors = k_neighbors
        self.n_partitions = n_partitions
        self.voting = voting
        self.estimator = estimator
        self.tol = tol
        self.n_quiet_passes = n_quiet_passes
        self.max_iter = max_iter
        self.filter_original = filter_original
        self.allocation = allocation
        self.interpolation = interpolation
        self.integer_features = integer_features
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    def _fit_resample(self, X, y, sample_weight=None):
        """Over-sample and filter."""
        _, checked_y, indicator = self._check_X_y(X, y)
        self.sampling_strategy_ = check_sampling_strategy(
            self.sampling_strategy, checked_y, self._sampling_type
        )
        rng = fit_rng(self.random_state)
        table = self._over_sample(rng, X, y, sample_weight)
        origins = self.smote_.sample_indices_
        kept = self._filter(rng, table, checked_y[origins], checked_y.size)
        self.kept_indices_, self.sample_indices_ = kept, origins[kept]
        # No attribute of an earlier call may survive.
        vars(self).pop("sample_weight_", None)
        if sample_weight is not None:
            self.sample_weight_ = self.smote_.sample_weight_[kept]
        labels = take_labels(y, checked_y, self.sample_indices_, indicator)
        return take_rows(table, kept), labels

    def _over_sample(self, rng, X, y, sample_weight):
        """Return the table with synthetic rows behind the given ones."""
        names = ("sampling_strategy", "k_neighbors", "allocation", "interpolation")
        names += ("integer_features", "on_small_class", "n_jobs")
        options = {name: getattr(self, name) for name in names}
        self.smote_ = SMOTE(random_state=rng, **options)
        return self.smote_.fit_resample(X, y, sample_weight=sample_weight)[0]

    def _filter(self, rng, table, y, n_given):
        """Return the rows that are kept, and note what was removed."""
        X = check_array(with_names(table), accept_sparse="csr", ensure_all_finite=False)
        X = measured_table(table if library_of(table) is not None else X, X)
        model = self.estimator
        if model is None:
            model, X = DecisionTreeClassifier(), for_trees(X)
        else:
            X = X.astype(np.float64, copy=False)
        if sparse.issparse(X):
            X = as_plain_csr(X)
        names, codes = np.unique(y, return_inverse=True)
        allowed = np.ones(codes.size, dtype=bool)
        allowed[:n_given] = self.filter_original
        kept, self.n_iter_, quiet = partitioning_filter(
            X,
            codes,
            allowed,
            rng,
            model=model,
            n_partitions=self.n_partitions,
            consensus=self.voting == "consensus",
            quiet_below=self.tol * n_given,
            n_quiet=self.n_quiet_passes,
            max_iter=self.max_iter,
            n_jobs=self.n_jobs,
        )
        if quiet < self.n_quiet_passes:
            warn_user(
                f"The filter still removed rows after max_iter={self.max_iter} passes "
                f"({quiet} of {self.n_quiet_passes} quiet ones in a row); increase "
                "max_iter or tol.",
                ConvergenceWarning,
            )
        left = np.bincount(codes[kept], minlength=names.size)
        removed = np.bincount(codes, minlength=names.size) - left
        self.n_removed_ = dict(zip(names.tolist(), removed.tolist(), strict=True))
        return kept


def partitioning_filter(
    X, codes, allowed, rng, *, model, n_partitions, consensus, quiet_below, n_quiet,
    max_iter, n_jobs=None,
):  # fmt: skip
    """Remove rows whose labels are contradicted, pass after pass.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The table.
    codes : ndarray of shape (n_samples,)
        Classes, from 0.
    allowed : ndarray of shape (n_samples,)
        True for rows that may be removed.
    rng : numpy.random.RandomState
        Source of randomness.
    model : estimator object
        Cloned for each part.
    n_partitions : int
        Number of parts.
    consensus : bool
        Whether all models must contradict, or more than half.
    quiet_below, n_quiet : float, int
        Passes that remove fewer rows, and how many in a row are the end.
    max_iter : int
        Largest number of passes.
    n_jobs : int, default=None
        Number of threads.

    Returns
    -------
    kept : ndarray of int
        Rows that are left, in order.
    n_iter : int
        Number of passes.
    quiet : int
        Number of quiet passes at the end.
    """
    kept, quiet, n_iter = np.arange(codes.size), 0, 0
    while quiet < n_quiet and n_iter < max_iter:
        parts = deal_out(rng, codes[kept], n_partitions)
        n_parts = parts.max() + 1
        models = [_seeded(model, rng) for _ in range(n_parts)]
        here = X if kept.size == codes.size else X[kept]
        wrong = np.empty((n_parts, kept.size), dtype=bool)
        run_chunks(
            _contradict,
            n_parts,
            models,
            here,
            codes[kept],
            parts,
            wrong,
            n_jobs=n_jobs,
            min_chunk=1,
        )
        votes = wrong.sum(axis=0)
        noisy = votes == n_parts if consensus else 2 * votes > n_parts
        noisy &= allowed[kept]
        noisy &= ~_last_of_class(codes[kept], noisy)
        kept = kept[~noisy]
        n_iter += 1
        quiet = quiet + 1 if noisy.sum() < max(quiet_below, 1) else 0
    return kept, n_iter, quiet


def deal_out(rng, codes, n_partitions):
    """Assign rows to parts like cards, class after class.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Shuffles.
    codes : ndarray of shape (n_rows,)
        Classes.
    n_partitions : int
        Number of parts; at most as many as rows are used.

    Returns
    -------
    parts : ndarray of shape (n_rows,)
        Parts from 0, the sizes of which, in all and in each class, differ by at most
        one.
    """
    order = rng.permutation(codes.size)
    order = order[np.argsort(codes[order], kind="stable")]
    parts = np.empty(codes.size, dtype=np.intp)
    parts[order] = np.arange(codes.size) % min(n_partitions, codes.size)
    return parts


def _seeded(model, rng):
    """Return a clone that draws from its own stream, if it draws at all."""
    model = clone(model)
    if "random_state" in model.get_params():
        model.set_params(random_state=rng.randint(2**31 - 1))
    return model


def _contradict(models, X, codes, parts, wrong, start, stop):
    """Fit models ``start`` to ``stop`` and note which labels they contradict."""
    for part in range(start, stop):
        rows = np.flatnonzero(parts == part)
        model = models[part].fit(X[rows], codes[rows])
        wrong[part] = model.predict(X) != codes


def _last_of_class(codes, noisy):
    """Tell which rows belong to a class of which nothing would be left."""
    left = np.bincount(codes[~noisy], minlength=codes.max() + 1)
    return left[codes] == 0
