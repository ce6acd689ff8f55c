"""From a table and targets to what the solvers work with."""

import numpy as np
from scipy import sparse

from skext.ordinal._solver.dense import DenseDesign
from skext.ordinal._solver.rows import Rows
from skext.ordinal._solver.sparse import SparseDesign


def prepare(X, y, n_classes, sample_weight, standardize):
    """Sort rows by class and scale columns.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Features; not modified.
    y : ndarray of shape (n_samples,)
        Positions of the classes, all of which have rows of positive weight.
    n_classes : int
        Number of classes.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights.
    standardize : bool
        Divide the columns by their standard deviation.

    Returns
    -------
    rows : Rows
        The targets.
    design : DenseDesign or SparseDesign
        The table.
    """
    small = np.int16 if n_classes < 2**15 else np.int64
    order = np.argsort(np.asarray(y).astype(small), kind="stable")
    if sample_weight is None:
        weight = np.full(order.size, 1.0 / order.size)
    else:
        weight = np.asarray(sample_weight, dtype=np.float64)[order]
        if not weight.all():
            order, weight = order[weight > 0], weight[weight > 0]
        weight = weight / weight.sum()
    labels = np.asarray(y)[order].astype(np.int64)
    bounds = np.searchsorted(labels, np.arange(n_classes + 1))
    rows = Rows(labels, weight, bounds, labels - 1)
    if sparse.issparse(X):
        return rows, SparseDesign(X, order, weight, standardize)
    return rows, DenseDesign(X, order, weight, standardize)
