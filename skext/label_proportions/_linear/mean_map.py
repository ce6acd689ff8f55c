"""Classifiers from the means of the classes, which bags determine."""

from numbers import Real

import numpy as np
from scipy import sparse
from scipy.linalg import pinvh, solve
from scipy.sparse.linalg import spsolve
from scipy.special import expit, logsumexp, softmax
from sklearn.neighbors import kneighbors_graph

from skext.label_proportions._linear.base import BaseLinearLLPClassifier
from skext.utils._sklearn import Interval

__all__ = ["MeanMapClassifier"]

# Up to so many bags the Laplacian is that of all pairs.
_FEW_BAGS = 1000
_NEIGHBORS = 10
_RIDGE = 1e-6


def bag_means(X, known):
    """Return the weighted mean of the rows of each bag.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows of the bags.
    known : KnownBags
        The bags.

    Returns
    -------
    means : ndarray of shape (n_bags, n_features)
        Zero for a bag without weight.
    """
    shape = (known.sizes.size, known.codes.size)
    rows = np.arange(known.codes.size)
    gather = sparse.csr_array((known.row_weight, (known.codes, rows)), shape=shape)
    sums = gather @ X
    sums = sums.toarray() if sparse.issparse(sums) else sums
    weight = known.weights[:, np.newaxis]
    return np.divide(sums, weight, out=np.zeros_like(sums), where=weight > 0)


def class_sums(means, shares, weights):
    """Return the estimated sum of all rows of each class, by least squares.

    The means of bags are regressed on their shares: the plane passes through the mean
    of the rows of a class where its share is one.

    Parameters
    ----------
    means : ndarray of shape (n_bags, n_features)
        Means of the bags.
    shares : ndarray of shape (n_bags, n_classes)
        Shares of the classes.
    weights : ndarray of shape (n_bags,)
        Weights of the bags.

    Returns
    -------
    sums : ndarray of shape (n_classes, n_features)
        Weighted sums of the rows of the classes.
    """
    overall = np.average(means, axis=0, weights=weights)
    share = np.average(shares, axis=0, weights=weights)
    spread = shares - share
    covariance = spread.T @ (weights[:, np.newaxis] * spread) / weights.sum()
    # Shares that hardly vary say nothing, and get no slope.
    inverse = pinvh(covariance, atol=1e-12, rtol=1e-10)
    product = spread.T @ (weights[:, np.newaxis] * (means - overall)) / weights.sum()
    of_class = overall + (np.eye(share.size) - share) @ inverse @ product
    return weights.sum() * share[:, np.newaxis] * of_class


def smooth_class_sums(means, shares, weights, gamma, scale):
    """Return the same sums from class means that vary smoothly over similar bags.

    Parameters
    ----------
    means : ndarray of shape (n_bags, n_features)
        Means of the bags.
    shares : ndarray of shape (n_bags, n_classes)
        Shares of the classes.
    weights : ndarray of shape (n_bags,)
        Weights of the bags.
    gamma : float
        Strength of the Laplacian penalty, relative to the mean weight.
    scale : ndarray of shape (n_features,)
        Of the features, for the distances of bags.

    Returns
    -------
    sums : ndarray of shape (n_classes, n_features)
        Weighted sums of the rows of the classes.
    """
    n_bags, n_classes = shares.shape
    if n_bags < 2:
        return class_sums(means, shares, weights)
    few = n_bags * n_classes <= 2 * _FEW_BAGS
    k = n_bags - 1 if few else _NEIGHBORS
    # Neither the ridge nor the rounding of distances shall know where zero is.
    overall = np.average(means, axis=0, weights=weights)
    means = means - overall
    distance = kneighbors_graph(means * scale, k, mode="distance")
    distance = distance.maximum(distance.T).tocsr()
    scale = np.median(distance.data) if distance.nnz else 1.0
    similarity = distance.copy()
    similarity.data = np.exp(-distance.data / scale) if scale > 0 else distance.data + 1
    degree = np.asarray(similarity.sum(axis=1)).ravel()
    laplacian = sparse.diags_array(degree + _RIDGE) - similarity
    laplacian = laplacian * (gamma * weights.mean() / max(degree.mean(), _RIDGE))
    blocks = [
        [
            sparse.diags_array(weights * a * b)
            + (laplacian if j == c else 0 * laplacian)
            for j, b in enumerate(shares.T)
        ]
        for c, a in enumerate(shares.T)
    ]
    system = sparse.block_array(blocks).tocsc()
    right = np.vstack([(weights * a)[:, np.newaxis] * means for a in shares.T])
    if few:
        found = solve(system.toarray(), right, assume_a="pos")
    else:
        found = spsolve(system, right)
        found = found.toarray() if sparse.issparse(found) else found
    found = found.reshape(n_classes, n_bags, -1)
    rows = weights[:, np.newaxis] * shares
    return np.einsum("bc,cbf->cf", rows, found) + np.outer(rows.sum(axis=0), overall)


class MeanMapClassifier(BaseLinearLLPClassifier):
    r"""Logistic regression that needs the mean of the positive rows only.

    The loss of logistic regression is :math:`\sum_i \log(1 + e^{f_i}) - \sum_{y_i = 1}
    f_i`, and its second part only depends on the sum of the positive rows, which is
    estimated from the means and proportions of the bags.

    Parameters
    ----------
    laplacian : bool, default=False
        Whether each bag has class means of its own that are alike in similar bags,
        instead of the same ones. Bags are similar if their means are near to each
        other in the units of the features.
    gamma : float, default=1.0
        Strength of the likeness.
    C : float, default=1.0
        Inverse strength of the penalty, as in
        :class:`~sklearn.linear_model.LogisticRegression`.
    fit_intercept : bool, default=True
        Whether there is a constant.
    max_iter : int, default=1000
        Largest number of iterations.
    tol : float, default=1e-6
        Largest entry of the gradient of the mean loss at the solution, per standard
        deviation of a feature.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, sorted; of two classes proportions refer to the second.
        None is 0, 1, ....

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constants.
    bag_ids_ : ndarray of shape (n_bags,)
        The bags.
    bag_sizes_ : ndarray of shape (n_bags,)
        Their numbers of rows.
    bag_counts_ : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Their numbers of rows of ``classes_[1]``, or of all classes if there are more
        than two.
    n_iter_ : int
        Number of iterations.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    EasyLLPClassifier : Unbiased for other losses, too.

    Notes
    -----
    Convex, and one pass over the rows for the means. It supposes that rows of a class
    have the same mean in all bags; the Laplacian form of [2]_ relaxes that. If all
    bags have the same proportion, nothing is learned. With bags of one row (and
    without the Laplacian) it is logistic regression. The means of more than two
    classes come from one regression, and the loss is that of their softmax. Features
    in other units only matter to the penalty, and to the likeness of bags: scale them
    first.

    References
    ----------
    .. [1] N. Quadrianto, A. J. Smola, T. S. Caetano, Q. V. Le, "Estimating Labels from
       Label Proportions", Journal of Machine Learning Research 10, 2009.
    .. [2] G. Patrini, R. Nock, P. Rivera, T. Caetano, "(Almost) No Label No Cry",
       Advances in Neural Information Processing Systems, 2014.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from skext.label_proportions import MeanMapClassifier, make_bags
    >>> X, y = make_classification(1000, random_state=0)
    >>> bags = make_bags(X, y, bag_size=10, random_state=0)
    >>> model = MeanMapClassifier().fit(bags.data, bags.target)
    >>> model.predict_proba(X).shape
    (1000, 2)
    """

    _parameter_constraints: dict = {
        **BaseLinearLLPClassifier._parameter_constraints,
        "laplacian": ["boolean"],
        "gamma": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        laplacian=False,
        *,
        gamma=1.0,
        C=1.0,
        fit_intercept=True,
        max_iter=1000,
        tol=1e-6,
        classes=None,
    ):
        self.laplacian = laplacian
        self.gamma = gamma
        super().__init__(
            C, fit_intercept=fit_intercept, max_iter=max_iter, tol=tol, classes=classes
        )

    def _loss(self, X, bags, units):
        weight = bags.row_weight
        shares = np.column_stack([1 - bags.shares, bags.shares])

        def loss(scores):
            return weight @ np.logaddexp(0, scores), weight * expit(scores)

        total = self._sums(X, bags, shares, units)[1]
        return loss, (total, bags.weights @ bags.shares)

    def _sums(self, X, known, shares, units):
        """Return the estimated sums of the rows of all classes."""
        heavy = known.weights > 0
        given = bag_means(X, known)[heavy], shares[heavy], known.weights[heavy]
        if self.laplacian:
            return smooth_class_sums(*given, self.gamma, units.of_rows)
        return class_sums(*given)

    def _classes_loss(self, X, bags, units):
        weight = bags.row_weight

        def loss(scores):
            slope = weight[:, np.newaxis] * softmax(scores, axis=1)
            return weight @ logsumexp(scores, axis=1), slope

        n_rows = bags.weights @ bags.shares
        return loss, (self._sums(X, bags, bags.shares, units), n_rows)
