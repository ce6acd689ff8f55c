"""Scaling of the input columns before they reach a network; numpy only."""

from typing import NamedTuple

import numpy as np

SCALING_KINDS = ("standard", "robust_clip", None)


class Scaling(NamedTuple):
    """What :func:`apply_scaling` needs.

    Parameters
    ----------
    kind : {"standard", "robust_clip", None}
        Which transformation.
    center : ndarray of shape (n_features,)
        Means or medians; zeros without scaling.
    scale : ndarray of shape (n_features,)
        Positive divisors; ones without scaling.
    """

    kind: str | None
    center: np.ndarray
    scale: np.ndarray


def fit_scaling(X, kind="standard", sample_weight=None):
    """Learn centre and scale of every column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training rows without missing values.
    kind : {"standard", "robust_clip", None}, default="standard"
        ``"standard"``: mean and standard deviation. ``"robust_clip"``: median and
        interquartile range; a column whose quartiles coincide takes half of its range
        instead. None: nothing is changed. A constant column has scale 1.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights; a row of weight 2 counts like two equal rows, one of weight 0 not at
        all. The quartiles are inverted distribution functions, so this holds for them
        too.

    Returns
    -------
    scaling : Scaling
        Kind, centre and scale in double precision.

    Raises
    ------
    ValueError
        If `kind` is unknown.

    Notes
    -----
    The robust form is the preprocessing of RealMLP [1]_. The smooth clip follows the
    scaling, so that an outlier cannot move further than 3 from the median.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by Default: Strong
       Pre-Tuned MLPs and Boosted Trees on Tabular Data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skext.neural_network._modules._scaling import apply_scaling, fit_scaling
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [1000.0]])
    >>> scaling = fit_scaling(X, "robust_clip")
    >>> apply_scaling(X, scaling, dtype=float).ravel().round(2)
    array([-0.95, -0.49,  0.  ,  0.49,  3.  ])
    """
    X = np.asarray(X)
    if kind is None:
        center, scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
    elif kind == "standard":
        center, scale = _moments(X, sample_weight)
    elif kind == "robust_clip":
        center, scale = _quartiles(X, sample_weight)
    else:
        raise ValueError(f"kind={kind!r} is unknown; choose one of {SCALING_KINDS}.")
    return Scaling(kind, center, scale)


def apply_scaling(X, scaling, dtype=np.float32):
    """Scale rows by what was learned.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows; left untouched.
    scaling : Scaling
        Result of :func:`fit_scaling`.
    dtype : dtype, default=numpy.float32
        Type of the result; the arithmetic is done in double precision.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_features)
        New C-ordered array. ``"standard"``: z = (x - center) / scale.
        ``"robust_clip"``: z / sqrt(1 + (z / 3)**2) of that, which stays within -3, 3.
    """
    X = np.asarray(X)
    if scaling.kind is None:
        return np.array(X, dtype=dtype, order="C")
    Z = np.subtract(X, scaling.center, dtype=np.float64)
    Z /= scaling.scale
    if scaling.kind == "robust_clip":
        Z /= np.hypot(1.0, Z / 3.0)
    return np.ascontiguousarray(Z, dtype=dtype)


def _moments(X, sample_weight):
    center = np.average(X, axis=0, weights=sample_weight).astype(np.float64)
    variance = np.average((X - center) ** 2, axis=0, weights=sample_weight)
    scale = np.sqrt(variance)
    # Rounding leaves a tiny deviation in a constant column of large values.
    tiny = scale <= 10 * np.finfo(np.float64).eps * np.abs(center)
    return center, np.where(tiny, 1.0, scale)


def _quartiles(X, sample_weight):
    X = np.asarray(X, dtype=np.float64)
    if sample_weight is not None:
        seen = np.asarray(sample_weight) > 0
        X, sample_weight = X[seen], np.asarray(sample_weight, np.float64)[seen]
    low, center, high = np.quantile(
        X, (0.25, 0.5, 0.75), axis=0, weights=sample_weight, method="inverted_cdf"
    )
    half_range = 0.5 * (X.max(axis=0) - X.min(axis=0))
    scale = np.where(high > low, high - low, half_range)
    return center, np.where(scale > 0, scale, 1.0)
