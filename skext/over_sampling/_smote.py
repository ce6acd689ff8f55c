"""SMOTE: synthetic rows between a rare row and one of its nearest neighbours."""

import warnings
from numbers import Integral

import numpy as np
from imblearn.over_sampling import SMOTE as _BaseSMOTE
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse

from skext.base import SkextMixin
from skext.over_sampling._frames import Table
from skext.over_sampling._kernels import (
    count_sparse,
    interpolate_dense,
    interpolate_sparse,
)
from skext.over_sampling._neighbors import neighbors_within
from skext.utils._parallel import run_chunks
from skext.utils._random import fit_rng
from skext.utils._sklearn import HasMethods, Interval, StrOptions, fit_context


def allocate(rng, n_seeds, n_partners, n_samples, allocation):
    """Choose a seed row and one of its partners for each synthetic row.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    n_seeds, n_partners : int
        Rows to choose from, and partners of each.
    n_samples : int
        Number of synthetic rows.
    allocation : {"random", "balanced"}
        Independent draws, or every seed equally often (to one).

    Returns
    -------
    seed, partner : ndarray of shape (n_samples,)
        Number of the seed, and position in its list of partners.
    """
    if allocation == "random":
        # The stream of imbalanced-learn.
        return np.divmod(
            rng.randint(0, n_seeds * n_partners, size=n_samples), n_partners
        )
    rounds, rest = divmod(n_samples, n_seeds)
    seed = np.repeat(np.arange(n_seeds), rounds)
    seed = np.concatenate([seed, np.sort(rng.permutation(n_seeds)[:rest])])
    return seed, rng.randint(0, n_partners, size=n_samples)


class SMOTE(SkextMixin, _BaseSMOTE):
    """Over-sample by interpolation between neighbouring rows of a class.

    A synthetic row lies on the segment between a row of the class and one of its
    ``k_neighbors`` nearest rows of the same class [1]_. The class is a drop-in for
    imbalanced-learn's: for two classes and an integer seed, and for any number of
    classes and a ``RandomState``, the same rows come out bit for bit unless the data
    have duplicates.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        Which classes get how many rows, as in imbalanced-learn: "auto" brings all
        classes but the largest to its size, a float is the wanted ratio of minority
        to majority (two classes only), "minority", "not minority", "not majority"
        and "all" name classes, a dict gives the number of rows of each class after
        resampling, and a callable returns such a dict for ``y``.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness.
    k_neighbors : int or object, default=5
        Number of neighbours, or an object with ``fit`` and ``kneighbors`` whose
        ``n_neighbors`` counts the row itself.
    allocation : {"random", "balanced"}, default="random"
        Whether the rows to interpolate from are drawn independently or each row of
        the class is used equally often (to one), as in the paper.
    interpolation : {"segment", "box"}, default="segment"
        One random gap for all features of a synthetic row, or one for each.
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
    nn_k_ : object
        Neighbour search with ``n_neighbors`` equal to ``k_neighbors + 1``.
    sample_indices_ : ndarray of shape (n_resampled,)
        Row of the input that each row of the output is, or was made from.
    partner_indices_ : ndarray of shape (n_new,)
        Row of the input at the other end of the segment of each synthetic row.
    gaps_ : ndarray of shape (n_new,) or (n_new, n_features)
        Where on the segment, from 0 (the base row) to 1; per feature in a box.
    n_synthetic_ : dict
        Number of rows made for each class.
    n_features_in_ : int
        Number of features of the input.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if the input had string column names.

    See Also
    --------
    imblearn.over_sampling.SMOTE : The peer.
    imblearn.over_sampling.SMOTENC : For tables with categories.
    sklearn.model_selection.TunedThresholdClassifierCV : Often the better answer.

    Notes
    -----
    Neighbours are exact and Euclidean: scale the features before. A row is excluded
    from its own neighbours by its index, so that duplicates are neighbours of each
    other. Synthetic values of integer columns are rounded, not cut off.

    With an integer seed and several classes the rows differ from imbalanced-learn's
    on purpose: there the stream of random numbers starts again for each class, so
    that all classes share the same draws.

    References
    ----------
    .. [1] N. V. Chawla, K. W. Bowyer, L. O. Hall, W. P. Kegelmeyer, "SMOTE:
       Synthetic Minority Over-sampling Technique", Journal of Artificial
       Intelligence Research 16, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skext.over_sampling import SMOTE
    >>> X, y = make_classification(weights=[0.9], random_state=0)
    >>> np.bincount(y).tolist()
    [91, 9]
    >>> sampler = SMOTE(random_state=0)
    >>> X_resampled, y_resampled = sampler.fit_resample(X, y)
    >>> np.bincount(y_resampled).tolist()
    [91, 91]
    >>> sampler.n_synthetic_[1]
    82
    """

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "random_state": ["random_state", np.random.Generator],
        "k_neighbors": [
            Interval(Integral, 1, None, closed="left"),
            HasMethods(["kneighbors", "kneighbors_graph"]),
        ],
        "allocation": [StrOptions({"random", "balanced"})],
        "interpolation": [StrOptions({"segment", "box"})],
        "on_small_class": [StrOptions({"shrink", "duplicate", "raise"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        random_state=None,
        k_neighbors=5,
        allocation="random",
        interpolation="segment",
        on_small_class="shrink",
        n_jobs=None,
    ):
        super().__init__(
            sampling_strategy=sampling_strategy,
            random_state=random_state,
            k_neighbors=k_neighbors,
        )
        self.allocation = allocation
        self.interpolation = interpolation
        self.on_small_class = on_small_class
        self.n_jobs = n_jobs

    @fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, **params):
        """Add synthetic rows to the rare classes.

        Parameters
        ----------
        X : {array-like, dataframe, sparse matrix} of shape (n_samples, n_features)
            The table. Columns of a data frame keep their types.
        y : array-like of shape (n_samples,)
            Class labels.
        **params : dict
            Not used; for compatibility with imbalanced-learn.

        Returns
        -------
        X_resampled : {ndarray, dataframe, sparse matrix} of shape \
                (n_resampled, n_features)
            The given rows, unchanged and in their order, then the synthetic ones.
        y_resampled : ndarray or Series of shape (n_resampled,)
            Their labels.

        Raises
        ------
        ValueError
            If there is one class only, a column is not numeric, values are missing
            or infinite, or a class is too small for ``on_small_class``.
        """
        table = Table(X, y)
        params = {**params, "integer_columns": table.integer_columns}
        return table.restore(*super().fit_resample(table.X, table.y, **params))

    def _fit_resample(self, X, y, integer_columns=None):
        self._validate_estimator()
        rng = fit_rng(self.random_state)
        plan = [
            self._plan_class(X, y, label, n_samples, rng)
            for label, n_samples in self.sampling_strategy_.items()
            if n_samples > 0
        ]
        labels = [
            np.full(base.size, label, dtype=y.dtype) for label, base, _, _ in plan
        ]
        base, partner, gaps = (
            _join([part[i] for part in plan], dtype, X)
            for i, dtype in ((1, np.intp), (2, np.intp), (3, np.float64))
        )
        if gaps.ndim == 1:
            gaps = gaps[:, None]
        self.n_synthetic_ = {label: part.size for label, part, _, _ in plan}
        self.sample_indices_ = np.concatenate([np.arange(X.shape[0]), base])
        self.partner_indices_ = partner
        self.gaps_ = gaps[:, 0] if gaps.shape[1] == 1 else gaps
        synthesize = _synthesize_sparse if sparse.issparse(X) else _synthesize_dense
        X_new = synthesize(X, base, partner, gaps, integer_columns, self.n_jobs)
        return X_new, np.concatenate([y, *labels])

    def _plan_class(self, X, y, label, n_samples, rng):
        """Choose base rows, partners and gaps of the synthetic rows of a class."""
        rows = np.flatnonzero(y == label)
        k = self._check_size(label, rows.size)
        width = X.shape[1] if self.interpolation == "box" else 1
        if k == 0:
            seed = allocate(rng, rows.size, 1, n_samples, self.allocation)[0]
            return label, rows[seed], rows[seed], np.zeros((n_samples, width))
        search = None if isinstance(self.k_neighbors, Integral) else self.nn_k_
        neighbors = neighbors_within(X[rows], k, search=search, n_jobs=self.n_jobs)
        seed, column = allocate(rng, rows.size, k, n_samples, self.allocation)
        gaps = rng.uniform(size=(n_samples, width))
        return label, rows[seed], rows[neighbors[seed, column]], gaps

    def _check_size(self, label, n_rows):
        """Return how many neighbours a class of this size has; 0 to repeat rows."""
        k = self.nn_k_.n_neighbors - 1
        if n_rows > k:
            return k
        if self.on_small_class == "duplicate":
            warnings.warn(
                f"Class {str(label)!r} has {n_rows} rows, too few for {k} neighbours; "
                "its rows are repeated.",
                UserWarning,
                stacklevel=6,
            )
            return 0
        if self.on_small_class == "raise" or n_rows == 1:
            raise ValueError(
                f"Class {str(label)!r} has {n_rows} rows, too few for k_neighbors={k} "
                "(Expected n_neighbors <= n_samples_fit); give at most "
                f"k_neighbors={max(n_rows - 1, 1)}, or on_small_class='duplicate'."
            )
        warnings.warn(
            f"Class {str(label)!r} has {n_rows} rows, too few for {k} neighbours; all "
            f"{n_rows - 1} others are used.",
            UserWarning,
            stacklevel=6,
        )
        return n_rows - 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        return tags


def _join(parts, dtype, X):
    """Concatenate, also nothing."""
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def _synthesize_dense(X, base, partner, gaps, integer_columns, n_jobs):
    """Return the given rows and the synthetic ones in one array."""
    n_old, n_new = X.shape[0], base.size
    out = np.empty((n_old + n_new, X.shape[1]), dtype=X.dtype)
    out[:n_old] = X
    new = out[n_old:]
    if X.dtype.kind != "f":
        new = np.empty(new.shape)
        X = X.astype(np.float64)
    run_chunks(
        interpolate_dense,
        n_new,
        np.ascontiguousarray(X),
        base,
        partner,
        gaps,
        new,
        n_jobs=n_jobs,
        min_chunk=max(1, 100_000 // X.shape[1]),
    )
    if out.dtype.kind != "f":
        out[n_old:] = np.rint(new)
    elif integer_columns is not None and integer_columns.any():
        new[:, integer_columns] = np.rint(new[:, integer_columns])
    return out


def _synthesize_sparse(X, base, partner, gaps, integer_columns, n_jobs):
    """Return the given rows and the synthetic ones in the container of ``X``."""
    rows = X.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    n_new = base.size
    arrays = (rows.data, rows.indices, rows.indptr, base, partner, gaps)
    sizes = np.empty(n_new, dtype=np.intp)
    run_chunks(count_sparse, n_new, *arrays, sizes, n_jobs=n_jobs, min_chunk=512)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    data = np.empty(indptr[-1], dtype=np.float64)
    indices = np.empty(indptr[-1], dtype=rows.indices.dtype)
    run_chunks(
        interpolate_sparse,
        n_new,
        *arrays,
        data,
        indices,
        indptr,
        n_jobs=n_jobs,
        min_chunk=512,
    )
    if X.dtype.kind != "f":
        data = np.rint(data)
    elif integer_columns is not None and integer_columns.any():
        whole = integer_columns[indices]
        data[whole] = np.rint(data[whole])
    new = type(rows)((data.astype(X.dtype), indices, indptr), (n_new, X.shape[1]))
    return sparse.vstack([rows, new], format=X.format)
