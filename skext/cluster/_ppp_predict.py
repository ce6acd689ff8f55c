"""What a fitted mixture of clusters says about rows."""

import math
from numbers import Integral, Real

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from skext.cluster._mixture.label import (
    Labels,
    assign_labels,
    posteriors,
    spherical_mixture,
)
from skext.cluster._mixture.linkage import cut_by_prominence, cut_into
from skext.cluster._mixture.validate import cluster_means
from skext.cluster._reduce.input import check_weights, refuse_huge, refuse_sparse
from skext.utils._parallel import single_blas_thread
from skext.utils._tables import validate_table

_BLOCK_ROWS = 4096


class MixtureClusterMixin(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin
):
    """Methods of a clustering that is a fitted mixture with grouped components."""

    def predict(self, X):
        """Find the cluster of each row; for the training rows that of ``labels_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Cluster of each row; -1 for noise if ``background="noise"``.
        """
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        return self._hide_noise(self._labels_by(X, self.component_to_cluster_))

    def predict_proba(self, X):
        """Compute the probability of each cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Rows sum to one; what belongs to the background is shared out.
        """
        check_is_fitted(self)
        return self._posteriors(self._check_rows(X, reset=False))[0]

    def score_samples(self, X):
        """Compute the logarithm of the density of the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. Features that were constant in ``fit`` do not count.

        Returns
        -------
        density : ndarray of shape (n_samples,)
            Log-density of each row.
        """
        check_is_fitted(self)
        return self._posteriors(self._check_rows(X, reset=False))[1]

    def score(self, X, y=None, sample_weight=None):
        """Compute the mean log-density.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Larger is better.
        """
        density = self.score_samples(X)
        weights = check_weights(sample_weight, density)
        return float(np.average(density, weights=weights))

    def bic(self, X):
        """Compute the Bayesian information criterion.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        bic : float
            Smaller is better. All rows count fully, unlike in ``bic_``.
        """
        density = self.score_samples(X)
        n_params = float(self._mixture.n_params.sum()) + self.n_components_ - 1
        return float(n_params * math.log(len(density)) - 2.0 * density.sum())

    def transform(self, X):
        """Compute the distances to the centres of the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Euclidean distances; float32 for float32 rows.
        """
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        distances = np.empty((len(X), self.n_clusters_), dtype=X.dtype)
        for start in range(0, len(X), _BLOCK_ROWS):
            here = slice(start, start + _BLOCK_ROWS)
            distances[here] = cdist(X[here], self.cluster_centers_)
        return distances

    def cut_tree(self, X=None, *, n_clusters=None, prominence=None):
        """Group the components in another way, without fitting again.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows to label. None is the training rows, each of which follows its most
            probable component.
        n_clusters : int, default=None
            Number of groups: the last joins of ``linkage_matrix_`` are undone.
        prominence : float, default=None
            Groups are the peaks of the density that rise so high above the saddle to
            a higher peak.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Groups, numbered by their first component.

        Raises
        ------
        ValueError
            If not exactly one of ``n_clusters`` and ``prominence`` is given, or it is
            out of range.
        """
        check_is_fitted(self)
        groups = self._cut(n_clusters, prominence)
        if X is not None:
            return self._labels_by(self._check_rows(X, reset=False), groups).labels
        _, fitted = np.unique(self.component_to_cluster_, return_inverse=True)
        if (
            self.assign == "mixture"
            and self.background != "noise"
            and not self.background_.any()
            and np.array_equal(_renumber(fitted), groups)
        ):
            first = np.unique(self.component_to_cluster_, return_index=True)[1]
            return groups[first][self.labels_]
        return groups[self.component_labels_]

    def _cut(self, n_clusters, prominence):
        if (n_clusters is None) == (prominence is None):
            given = "neither" if n_clusters is None else "both"
            raise ValueError(
                f"cut_tree got {given} of n_clusters and prominence; give exactly one."
            )
        if n_clusters is None:
            if not isinstance(prominence, Real) or not prominence >= 0:
                raise ValueError(f"prominence={prominence!r} must be at least 0.")
            return cut_by_prominence(*self._landscape, prominence)
        whole = isinstance(n_clusters, Integral) and not isinstance(n_clusters, bool)
        if not whole or not 1 <= n_clusters <= self.n_components_:
            raise ValueError(
                f"n_clusters={n_clusters!r} must be an integer from 1 to the number of "
                f"components, {self.n_components_}."
            )
        return cut_into(self.linkage_matrix_, int(n_clusters))

    def _check_rows(self, X, reset):
        refuse_sparse(X, type(self).__name__)
        X = validate_table(self, X, reset=reset, dtype=[np.float64, np.float32])
        if not reset:
            refuse_huge(X, center=self._frame.center)
        return X

    def _labels_by(self, X, groups):
        with single_blas_thread():
            return self._label_rows(
                X, self._frame, self._mixture, groups, self._left_out(groups)
            )

    def _left_out(self, groups):
        """Background has no part in labels of clusters; any cut has its own groups."""
        if groups is self.component_to_cluster_:
            return self.background_
        return np.zeros(len(groups), dtype=bool)

    def _label_rows(self, X, frame, mixture, groups, background, order=None):
        cluster = np.where(background, -1, groups)
        found = assign_labels(X, frame, mixture, cluster, self.n_jobs, order)
        if self.assign == "mixture":
            return found
        centers = cluster_means(mixture, groups, background, np.unique(groups))
        nearest = assign_labels(
            X,
            frame,
            spherical_mixture(centers),
            np.arange(len(centers)),
            self.n_jobs,
            order,
        )
        return Labels(nearest.labels, found.component, found.core)

    def _hide_noise(self, found):
        if self.background != "noise" or not self.background_.any():
            return found.labels
        return np.where(self.background_[found.component], -1, found.labels)

    def _posteriors(self, X):
        cluster = np.where(self.background_, -1, self.component_to_cluster_)
        with single_blas_thread():
            return posteriors(
                X, self._frame, self._mixture, cluster, self.n_clusters_, self.n_jobs
            )


def _renumber(groups):
    """Give groups the numbers in which they first occur."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
