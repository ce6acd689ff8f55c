"""Ordinal data: a simulation whose truth is known, and a small classic table."""

from numbers import Integral, Real

import numpy as np
from scipy.special import expit, ndtr
from sklearn.utils import Bunch

from skext.utils._random import fit_rng
from skext.utils._sklearn import Interval, StrOptions, validate_params

# P(y <= k) for a linear predictor.
_LINKS = {
    "logit": expit,
    "probit": ndtr,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
    "loglog": lambda eta: np.exp(-np.exp(-eta)),
}


def _draw_coefs(rng, design, n_thresholds, n_features, density, effect):
    """Draw the weights of every threshold in the linear predictor of P(y <= k)."""
    shape = (n_thresholds, n_features)
    if design == "dense":
        return rng.uniform(-effect, effect, size=shape).cumsum(axis=0)
    steps = float(effect) * (rng.random_sample(shape) < density)
    if design == "proportional":
        return np.repeat(steps[:1], n_thresholds, axis=0)
    steps[1:] *= rng.choice([-1.0, 1.0], size=(n_thresholds - 1, n_features))
    return steps.cumsum(axis=0)


def _class_probabilities(eta, link):
    """Difference of the cumulative probabilities, precise in the upper tail."""
    mirrored = {"cloglog": "loglog", "loglog": "cloglog"}.get(link, link)
    padding = ((0, 0), (1, 1))
    with np.errstate(over="ignore"):
        cdf = np.pad(_LINKS[link](eta), padding)
        survival = np.pad(_LINKS[mirrored](-eta), padding)
    cdf[:, -1] = 1.0
    survival[:, 0] = 1.0
    upper = cdf[:, :-1] > 0.5
    return np.where(upper, survival[:, :-1] - survival[:, 1:], np.diff(cdf, axis=1))


@validate_params(
    {
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_classes": [Interval(Integral, 2, None, closed="left")],
        "design": [StrOptions({"sparse", "dense", "proportional"})],
        "intercepts": ["array-like", None],
        "density": [Interval(Real, 0, 1, closed="both")],
        "effect": [Interval(Real, 0, None, closed="left")],
        "link": [StrOptions(set(_LINKS))],
        "max_tries": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
    },
    prefer_skip_nested_validation=True,
)
def make_ordinal(
    n_samples=2500,
    n_features=10,
    *,
    n_classes=4,
    design="sparse",
    intercepts=None,
    density=0.5,
    effect=0.5,
    link="logit",
    max_tries=1000,
    random_state=None,
):
    r"""Generate ordered classes of which the last is rare.

    Features are independent and uniform between -1 and 1. The cumulative
    probabilities are

    .. math:: P(y \le k \mid x) = F(\alpha_k - x^\top \theta_k)

    with weights that change a little from one threshold to the next: the simulation
    of [1]_.

    Parameters
    ----------
    n_samples : int, default=2500
        Number of rows.
    n_features : int, default=10
        Number of features.
    n_classes : int, default=4
        Number of classes.
    design : {"sparse", "dense", "proportional"}, default="sparse"
        How the weights are drawn. With ``"sparse"`` those of the first threshold are
        ``-effect`` with probability ``density``, else 0, and change at each further
        threshold by ``effect`` or ``-effect`` with probability ``density``. With
        ``"dense"`` the first ones and all changes are uniform between ``-effect`` and
        ``effect``. With ``"proportional"`` nothing changes after the first threshold,
        so that the proportional odds model is the right one.
    intercepts : array-like of shape (n_classes - 1,), default=None
        Increasing thresholds :math:`\alpha`. None is 0, 3, 5, 7 and so on, so that
        classes become rarer and rarer.
    density : float, default=0.5
        Part of the weights that are not zero, or change; not used by ``"dense"``.
    effect : float, default=0.5
        Size of the weights and of their changes.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution :math:`F`; the default intercepts suit the logit.
    max_tries : int, default=1000
        Draws in which a class probability is negative in some row, or a class has no
        row, are thrown away as a whole; so many may be.
    random_state : int, RandomState, Generator or None, default=None
        Source of randomness; an integer makes the result reproducible.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            Features.
        target : ndarray of shape (n_samples,)
            Class of each row, from 0, in the true order.
        posterior : ndarray of shape (n_samples, n_classes)
            True probability of each class given the row.
        thresholds : ndarray of shape (n_classes - 1,)
            True :math:`\alpha`.
        coef : ndarray of shape (n_classes - 1, n_features)
            True :math:`\theta`, with the sign of the ``coef_`` of estimators: positive
            weights push to higher classes.
        n_tries : int
            Number of draws that it took.

    Raises
    ------
    ValueError
        If a parameter is out of range, or every draw had to be thrown away.

    See Also
    --------
    skext.metrics.rare_probability_mse : Compare predicted and true probabilities.

    Notes
    -----
    Thresholds with weights of their own do not give probabilities everywhere. The
    more rows and features, and the closer the intercepts, the more draws are thrown
    away; ``"proportional"`` never loses one for this reason.

    References
    ----------
    .. [1] G. Faletto, J. Bien, "Predicting Rare Events by Shrinking Towards
       Proportional Odds", International Conference on Machine Learning, 2023.

    Examples
    --------
    >>> from skext.datasets import make_ordinal
    >>> data = make_ordinal(random_state=0)
    >>> data.data.shape, data.posterior.shape
    ((2500, 10), (2500, 4))
    >>> bool(data.posterior[:, -1].mean() < 0.02)
    True
    """
    rng = fit_rng(random_state)
    alpha = _check_intercepts(intercepts, n_classes)
    crossed = 0
    for n_tries in range(1, max_tries + 1):
        X = rng.uniform(-1, 1, size=(n_samples, n_features))
        beta = _draw_coefs(rng, design, alpha.size, n_features, density, effect)
        uniform = rng.random_sample(n_samples)
        eta = alpha + X @ beta.T
        if (eta[:, 1:] < eta[:, :-1]).any():
            crossed += 1
            continue
        posterior = _class_probabilities(eta, link)
        target = (uniform[:, np.newaxis] > posterior.cumsum(axis=1)[:, :-1]).sum(axis=1)
        if np.bincount(target, minlength=n_classes).all():
            return Bunch(
                data=X,
                target=target,
                posterior=posterior,
                thresholds=alpha,
                coef=0.0 - beta,
                n_tries=n_tries,
            )
    raise ValueError(
        f"max_tries={max_tries} draws were thrown away: {crossed} had a negative class "
        f"probability in some row, {max_tries - crossed} a class without rows. Use "
        f"intercepts further apart than {alpha.tolist()} or a smaller effect against "
        "the first, intercepts closer together or more rows against the second, or "
        "raise max_tries."
    )


def _check_intercepts(intercepts, n_classes):
    if intercepts is None:
        return np.concatenate([[0.0], 3.0 + 2.0 * np.arange(n_classes - 2)])
    alpha = np.array(intercepts, dtype=np.float64)
    if alpha.shape != (n_classes - 1,):
        raise ValueError(
            f"intercepts={alpha.tolist()} must have n_classes - 1 = {n_classes - 1} "
            "entries; change it or n_classes."
        )
    if not (np.isfinite(alpha).all() and (np.diff(alpha) > 0).all()):
        raise ValueError(f"intercepts={alpha.tolist()} must be finite and increase.")
    return alpha


# Rows of each rating 1 to 5, by temperature and contact.
_WINE = {
    (0, 0): (4, 9, 5, 0, 0),
    (0, 1): (1, 7, 8, 2, 0),
    (1, 0): (0, 5, 8, 3, 2),
    (1, 1): (0, 1, 5, 7, 5),
}


@validate_params(
    {"return_X_y": ["boolean"], "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_wine_bitterness(*, return_X_y=False, as_frame=False):
    """Load the bitterness of wine as nine judges tasted it.

    A factorial experiment on the making of white wine: the grapes were pressed at two
    temperatures, with or without contact of the juice and the skins. Every judge tasted
    two bottles of each kind and rated the bitterness from 1 to 5. The table of [1]_ is
    the usual first example of the proportional odds model.

    =================   ================
    Samples total                   72
    Features                         2
    Classes                          5
    Rows per class      5, 22, 26, 12, 7
    =================   ================

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether the data are a pandas DataFrame, and the target a Series of an ordered
        categorical type, from which estimators of :mod:`skext.ordinal` know the order.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch` or tuple
        ``(data, target)`` if ``return_X_y`` is true, else a Bunch with the attributes

        data : {ndarray, DataFrame} of shape (72, 2)
            1 for pressing in the warm, and 1 for contact with the skins; else 0.
        target : {ndarray, Series} of shape (72,)
            Rating, 1 (least) to 5 (most bitter).
        feature_names : list of str
            ``["warm", "contact"]``.
        target_names : ndarray of shape (5,)
            The ratings.
        frame : DataFrame of shape (72, 3) or None
            Both together, with ``as_frame=True``.
        DESCR : str
            Description.

    Notes
    -----
    The judge and the bottle are left out, so rows of one cell are equal.

    References
    ----------
    .. [1] J. H. Randall, "The analysis of sensory data by generalized linear model",
       Biometrical Journal 31 (1989).

    Examples
    --------
    >>> from skext.datasets import load_wine_bitterness
    >>> X, y = load_wine_bitterness(return_X_y=True, as_frame=True)
    >>> X.shape, y.cat.ordered
    ((72, 2), True)
    """
    cells = np.array(list(_WINE), dtype=np.float64)
    counts = np.array(list(_WINE.values()))
    ratings = np.arange(1, 6)
    data = np.repeat(cells, counts.sum(axis=1), axis=0)
    target = np.concatenate([np.repeat(ratings, row) for row in counts])
    names, frame = ["warm", "contact"], None
    if as_frame:
        import pandas as pd

        data = pd.DataFrame(data, columns=names)
        kind = pd.CategoricalDtype(ratings, ordered=True)
        target = pd.Series(target, name="bitterness").astype(kind)
        frame = data.assign(bitterness=target)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=names,
        target_names=ratings,
        DESCR=_DESCR,
    )


_DESCR = (
    "Bitterness of white wine, rated from 1 to 5 by nine judges, by the temperature "
    "of pressing and the contact with the skins; 72 tastings. J. H. Randall, 'The "
    "analysis of sensory data by generalized linear model', Biometrical Journal 31 "
    "(1989)."
)
