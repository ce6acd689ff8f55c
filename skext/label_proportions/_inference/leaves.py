"""Trees whose leaves say where belief propagation looks for neighbours again."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted

from skext.base import SkextMixin
from skext.label_proportions._bags.columns import as_labels, as_proba
from skext.utils._parallel import run_chunks
from skext.utils._random import fit_rng
from skext.utils._scaling import fit_scaler
from skext.utils._sklearn import Interval, StrOptions, fit_context
from skext.utils._tables import validate_table

__all__ = ["LeafRefiner"]

# Rows that are scaled and sent down the trees at a time.
_CHUNK = 16384
# Trees read single precision, and refuse what does not fit.
_LARGEST = np.finfo(np.float32).max


class LeafRefiner(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, SkextMixin, BaseEstimator
):
    r"""Boosted trees that embed rows by the leaves they fall into.

    Small trees are fitted to the inferred labels of rows, and rows are close if they
    share leaves: features that say nothing about the labels are left alone, and units
    do not matter. Each leaf has a code of random signs, and the sum over the trees is
    the embedding, so that

    .. math:: \lVert z_i - z_j \rVert^2 \approx \frac{1}{T} \, \bigl| \{t : i
        \text{ and } j \text{ are in different leaves of tree } t\} \bigr|

    for :math:`T` trees, with a relative error of about :math:`\sqrt{2 / d}` for
    :math:`d` columns. Needs nothing but scikit-learn.

    Parameters
    ----------
    n_estimators : int, default=50
        Number of trees, for each of more than two classes.
    learning_rate : float, default=0.1
        What a tree adds of what it found. Later trees look at what is left: the
        larger the rate, the more at noise.
    max_leaf_nodes : int, default=32
        Most leaves of a tree. More of them follow labels that are surer.
    max_features : {"sqrt", "log2"}, int, float or None, default="sqrt"
        Features that are tried at a split, as in
        :class:`~sklearn.ensemble.GradientBoostingRegressor`.
    max_samples : int, default=8192
        Most rows that are drawn for a tree, and at most half of them.
    n_components : int, default=32
        Columns of the embedding.
    n_jobs : int, default=None
        Number of threads that embed rows; trees are fitted one after the other. The
        result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the trees and of the codes.

    Attributes
    ----------
    trees_ : list of DecisionTreeRegressor
        The trees, of features that have been scaled.
    codes_ : list of ndarray of shape (n_nodes, n_components)
        The codes of the leaves of each tree.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    BeliefPropagationLLPClassifier : Takes it as ``refiner``.
    EmbeddingRefiner : A network instead of trees.

    Notes
    -----
    Nearness by shared leaves is that of random forests [1]_, here of trees that
    boosting [2]_ chose; the sums of random signs are a random projection [3]_ of the
    indicators of leaves. The time of a fit grows with the rows of a tree, but hardly
    with all rows. Trees of a sparse table sum in another order, so that equally good
    splits may differ from those of the same dense table.

    References
    ----------
    .. [1] L. Breiman, "Random Forests", Machine Learning 45, 2001.
    .. [2] J. H. Friedman, "Stochastic gradient boosting", Computational Statistics &
       Data Analysis 38, 2002.
    .. [3] D. Achlioptas, "Database-friendly random projections: Johnson-Lindenstrauss
       with binary coins", Journal of Computer and System Sciences 66, 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.label_proportions import LeafRefiner
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> proba = 1 / (1 + np.exp(-X[:, 0]))
    >>> LeafRefiner(n_components=8, random_state=0).fit(X, proba).transform(X).shape
    (60, 8)
    """

    _parameter_constraints: dict = {
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "max_leaf_nodes": [Interval(Integral, 2, None, closed="left")],
        "max_features": [
            StrOptions({"sqrt", "log2"}),
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0.0, 1.0, closed="right"),
            None,
        ],
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_estimators=50,
        *,
        learning_rate=0.1,
        max_leaf_nodes=32,
        max_features="sqrt",
        max_samples=8192,
        n_components=32,
        n_jobs=None,
        random_state=None,
    ):
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.max_features = max_features
        self.max_samples = max_samples
        self.n_components = n_components
        self.n_jobs = n_jobs
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, bags=None, counts=None):
        """Fit the trees.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Probabilities of the second of two classes, or of all classes; or labels.
        bags : array-like of shape (n_samples,), default=None
            Not used: what is known of bags is in the probabilities.
        counts : array-like of shape (n_bags,), default=None
            Not used.

        Returns
        -------
        self : LeafRefiner
            The fitted transformer.

        Raises
        ------
        ValueError
            If shapes do not fit, or values are no probabilities.
        """
        X, y = validate_table(
            self,
            X,
            as_labels(y),
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            multi_output=True,
        )
        proba = as_proba(y)
        # The second column of two says all.
        proba = proba[:, 1:] if proba.shape[1] == 2 else proba
        rng = fit_rng(self.random_state)
        self._scaler = fit_scaler(X, None)
        X = _scaled(X, self._scaler)
        n_rows = X.shape[0]
        # Without a row that is left out, there is no loss of such rows.
        share = min(0.5, self.max_samples / n_rows) if n_rows > 1 else 1.0
        self.trees_ = []
        for column in proba.T:
            boosting = GradientBoostingRegressor(
                n_estimators=self.n_estimators,
                learning_rate=self.learning_rate,
                max_depth=None,
                max_leaf_nodes=self.max_leaf_nodes,
                max_features=self.max_features,
                subsample=share,
                random_state=rng.randint(2**31 - 1),
            )
            self.trees_.extend(boosting.fit(X, column).estimators_[:, 0])
        # The squared distance of two codes is 1 / n_trees, but for chance.
        length = np.float32(1 / np.sqrt(2 * self.n_components * len(self.trees_)))
        self.codes_ = [
            rng.choice([-length, length], (tree.tree_.node_count, self.n_components))
            for tree in self.trees_
        ]
        self._n_features_out = self.n_components
        return self

    def transform(self, X):
        """Embed rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Sums of the codes of leaves, in float32.
        """
        check_is_fitted(self)
        X = validate_table(
            self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        Z = np.zeros((X.shape[0], self.n_components), dtype=np.float32)
        run_chunks(self._add_codes, X.shape[0], X, Z, n_jobs=self.n_jobs)
        return Z

    def _add_codes(self, X, Z, start, stop):
        """Add the codes of the leaves of the rows start:stop."""
        for first in range(start, stop, _CHUNK):
            part = slice(first, min(first + _CHUNK, stop))
            rows = _scaled(X[part], self._scaler)
            for tree, codes in zip(self.trees_, self.codes_, strict=True):
                Z[part] += codes[tree.apply(rows, check_input=False)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _scaled(X, scaler):
    """Return rows for trees, which see no digits beyond single precision.

    Trees ask for the order of values alone: columns far from zero are moved near it,
    and units become powers of two, which rounds nothing, in sparse tables neither.
    """
    unit = np.exp2(-np.round(np.log2(scaler.scale)))
    if sparse.issparse(X):
        X = sparse.csr_array(X, copy=True)
        X.data = _as_single(X.data * unit[X.indices])
        # What trees index by.
        X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
        return X
    origin = 0.0 if scaler.parts is None else scaler.parts[0]
    out = np.empty(X.shape, dtype=np.float32)
    for start in range(0, X.shape[0], _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = _as_single((X[part] - origin) * unit)
    return out


def _as_single(values):
    return np.clip(values, -_LARGEST, _LARGEST).astype(np.float32)
