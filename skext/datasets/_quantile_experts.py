"""Heteroscedastic rows, their true quantiles, and five experts that know a part."""

from numbers import Integral

import numpy as np
from scipy.special import ndtri
from sklearn.utils import Bunch

from skext.utils._quantiles.levels import check_levels
from skext.utils._random import fit_rng
from skext.utils._sklearn import Interval, validate_params

EXPERTS = ("right", "left", "narrow", "first feature", "climatology")


def _center(X):
    return 3 * np.sin(3 * X[:, 0]) + X[:, 1]


def _scale(X):
    return np.where(X[:, 1] > 0, 1.0, 0.3)


def true_quantiles(X, levels):
    """Return the conditional quantiles of the target.

    Parameters
    ----------
    X : ndarray of shape (n_samples, 3)
        Features.
    levels : ndarray of shape (n_levels,)
        Levels.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        One column for each level.
    """
    return _center(X)[:, np.newaxis] + np.outer(_scale(X), ndtri(levels))


def expert_quantiles(X, levels, expert):
    """Return the quantiles that one expert predicts.

    Parameters
    ----------
    X : ndarray of shape (n_samples, 3)
        Features.
    levels : ndarray of shape (n_levels,)
        Levels.
    expert : int
        Position in ``EXPERTS``.

    Returns
    -------
    Q : ndarray of shape (n_samples, n_levels)
        One column for each level.
    """
    normal = ndtri(levels)
    if expert == 4:
        return np.tile(2.2 * normal, (len(X), 1))
    if expert == 3:
        return 3 * np.sin(3 * X[:, :1]) + 1.5 * normal
    first = 1.5 * np.sin(4 * X[:, 2])
    second = 1.5 * np.cos(5 * X[:, 1] + 1)
    left = X[:, 0] <= 0
    error = (left * first, ~left * second, first + second)[expert]
    spread = np.outer(_scale(X), normal) * (0.5 if expert == 2 else 1.0)
    return (_center(X) + error)[:, np.newaxis] + spread


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "quantiles": ["array-like", None],
        "random_state": ["random_state", np.random.Generator],
    },
    prefer_skip_nested_validation=True,
)
def make_quantile_experts(n_samples=3000, *, quantiles=None, random_state=None):
    r"""Generate heteroscedastic rows and the quantiles of five imperfect experts.

    Three features are independent and uniform between -1 and 1. The target is normal,

    .. math:: y = f(x) + s(x) \varepsilon, \qquad f(x) = 3 \sin(3 x_0) + x_1,

    with :math:`s = 1` where :math:`x_1 > 0` and :math:`s = 0.3` elsewhere. With the
    errors :math:`g_1 = 1.5 \sin(4 x_2)` and :math:`g_2 = 1.5 \cos(5 x_1 + 1)`, the
    experts predict, for the normal quantile :math:`z_\tau`,

    1. "right": the truth where :math:`x_0 > 0`, elsewhere :math:`g_1` too much;
    2. "left": the truth where :math:`x_0 \le 0`, elsewhere :math:`g_2` too much;
    3. "narrow": both errors everywhere, and half the spread;
    4. "first feature": :math:`3 \sin(3 x_0) + 1.5 z_\tau`;
    5. "climatology": :math:`2.2 z_\tau`, whatever the row.

    No expert is good everywhere, so that every freedom of the weights pays: those that
    depend on the level beat those that do not, weights that mix levels beat both, and
    weights that depend on the features come close to the truth.

    Parameters
    ----------
    n_samples : int, default=3000
        Number of rows.
    quantiles : array-like of shape (n_levels,), default=None
        Increasing levels; None is 0.05, 0.10, ..., 0.95.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; an integer makes the result reproducible.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, 3)
            Features.
        target : ndarray of shape (n_samples,)
            Target.
        quantiles : ndarray of shape (n_levels,)
            Levels.
        true_quantiles : ndarray of shape (n_samples, n_levels)
            True conditional quantiles.
        expert_quantiles : ndarray of shape (n_samples, 5, n_levels)
            What the experts predict.
        expert_names : list of str
            Names of the experts.

    Raises
    ------
    ValueError
        If the levels do not increase strictly between 0 and 1.

    See Also
    --------
    skext.quantile.QuantileAggregator : Combines the experts.
    skext.metrics.weighted_interval_score : Judges them.

    Notes
    -----
    The experts are fixed functions of the features and have seen no target, so weights
    may be learned on any rows without folds.

    Examples
    --------
    >>> from skext.datasets import make_quantile_experts
    >>> from skext.metrics import weighted_interval_score
    >>> data = make_quantile_experts(2000, random_state=0)
    >>> data.data.shape, data.expert_quantiles.shape
    ((2000, 3), (2000, 5, 19))
    >>> round(weighted_interval_score(data.target, data.true_quantiles), 1)
    0.4
    """
    # The package loads numba, which other simulations do not need.
    levels = check_levels(quantiles)
    rng = fit_rng(random_state)
    X = rng.uniform(-1, 1, size=(n_samples, 3))
    target = _center(X) + _scale(X) * rng.standard_normal(n_samples)
    experts = [expert_quantiles(X, levels, j) for j in range(len(EXPERTS))]
    return Bunch(
        data=X,
        target=target,
        quantiles=levels,
        true_quantiles=true_quantiles(X, levels),
        expert_quantiles=np.stack(experts, axis=1),
        expert_names=list(EXPERTS),
    )
