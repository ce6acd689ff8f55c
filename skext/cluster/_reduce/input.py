"""What rows and weights may be."""

import numpy as np
from scipy.sparse import issparse

from skext.utils._columns import column_kind, library_of
from skext.utils._sklearn import check_sample_weight

# Spreads beyond which squares overflow; below the inverse they vanish.
HUGE = 1e150


def refuse_sparse(X, name):
    """Refuse sparse matrices.

    Parameters
    ----------
    X : object
        What the user gave.
    name : str
        Who does not take it.

    Raises
    ------
    TypeError
        If it is sparse.
    """
    if issparse(X):
        raise TypeError(
            f"{name} does not take sparse X, which centring would fill; reduce it "
            "first, for example by sklearn.decomposition.TruncatedSVD, or pass "
            "X.toarray()."
        )


def refuse_huge(X, sample_weight=None, center=None):
    """Refuse rows whose squares overflow.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite rows.
    sample_weight : ndarray of shape (n_samples,), default=None
        Rows without weight may be anything.
    center : ndarray of shape (n_features,), default=None
        What distances are measured from; None is any of the rows.

    Raises
    ------
    ValueError
        If values of a column are too far apart.
    """
    if max(abs(float(X.max())), abs(float(X.min()))) <= HUGE:
        return
    rows = X if sample_weight is None else X[sample_weight > 0.0]
    if center is None:
        center = rows[0]
    with np.errstate(over="ignore"):
        away = np.abs(rows - center).max(axis=0)
    worst = int(away.argmax())
    if away[worst] > HUGE:
        raise ValueError(
            f"X has values in column {worst} that are {away[worst]:.3g} apart, and the "
            "squares of such numbers overflow; divide the column by a constant first."
        )


def check_weights(sample_weight, X):
    """Check the weights of rows.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        Weights.
    X : ndarray of shape (n_samples, n_features)
        Rows.

    Returns
    -------
    sample_weight : ndarray of shape (n_samples,) or None
        Finite, none of them negative, one positive at least.

    Raises
    ------
    ValueError
        If they are anything else.
    """
    if sample_weight is None:
        return None
    typed = library_of(sample_weight) or isinstance(sample_weight, np.ndarray)
    if typed and len(sample_weight.shape) == 1 and column_kind(sample_weight) == "date":
        raise ValueError("sample_weight holds dates or durations; give numbers.")
    return check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
