"""The speed cases of the ordinal classifiers.

Beside the peers there is a plain L-BFGS fit of the same likelihood by scipy, which is
what most implementations do.
"""

import warnings
from functools import partial

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegressionCV

from skext.benchmark._speed.case import SpeedCase, by_size
from skext.datasets import make_ordinal
from skext.ordinal import PRESTOCV, ProportionalOdds, presto_path

_SIZES = by_size((500, 5, 3), (2500, 10, 4), (100_000, 20, 5))
_WIDE = by_size((500, 20, 4), (20_000, 100, 10))


def _parallel_odds(n_samples, n_features, n_classes):
    """Classes of about equal size for which proportional odds are the right model."""
    intercepts = np.linspace(-2, 2, n_classes - 1)
    found = make_ordinal(
        n_samples,
        n_features,
        n_classes=n_classes,
        design="proportional",
        intercepts=intercepts,
        random_state=0,
    )
    return found.data, found.target


def _rare_last(n_samples, n_features, n_classes):
    """Draw the same with a rare last class, which the fusion penalty is for."""
    found = make_ordinal(
        n_samples,
        n_features,
        n_classes=n_classes,
        design="proportional",
        random_state=0,
    )
    return found.data, found.target


def _fit_ours(data, n_jobs):
    model = ProportionalOdds().fit(*data)
    return model.thresholds_, np.ravel(model.coef_)[: data[0].shape[1]]


def _fit_skordinal(data, n_jobs):
    from skordinal.classifiers import POM

    model = POM(tol=1e-8, max_iter=1000).fit(*data)
    return model.predict_proba(data[0])


def _fit_mord(data, n_jobs):
    from mord import LogisticAT

    with warnings.catch_warnings():
        # It passes options that scipy has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        model = LogisticAT(alpha=0).fit(*data)
    return model.theta_, model.coef_


def _fit_statsmodels(data, n_jobs):
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    model = OrderedModel(data[1], data[0], distr="logit")
    found = model.fit(method="bfgs", maxiter=1000, disp=0)
    n_features = data[0].shape[1]
    thresholds = model.transform_threshold_params(found.params)[1:-1]
    return thresholds, np.asarray(found.params)[:n_features]


def _likelihood(parameters, X, y, n_classes):
    """Mean negative log likelihood and its gradient; increments are logarithms."""
    alpha = parameters[0] + np.append(0, np.exp(parameters[1 : n_classes - 1]).cumsum())
    scores = X @ parameters[n_classes - 1 :]
    edges = np.concatenate([[-np.inf], alpha, [np.inf]])
    upper, lower = expit(edges[y + 1] - scores), expit(edges[y] - scores)
    p = np.maximum(upper - lower, 1e-300)
    up, low = upper * (1 - upper) / p, lower * (1 - lower) / p
    n = y.size
    by_edge = np.bincount(y + 1, up, n_classes + 1)
    by_edge -= np.bincount(y, low, n_classes + 1)
    slope = -by_edge[1:-1]
    gradient = np.empty_like(parameters)
    gradient[0] = slope.sum()
    tail = slope[::-1].cumsum()[::-1]
    gradient[1 : n_classes - 1] = tail[1:] * np.exp(parameters[1 : n_classes - 1])
    gradient[n_classes - 1 :] = X.T @ (up - low)
    return -np.log(p).sum() / n, gradient / n


def _fit_lbfgs(data, n_jobs):
    X, y = data
    n_classes = int(y.max()) + 1
    alpha = logit(np.bincount(y).cumsum()[:-1] / y.size)
    start = np.concatenate([alpha[:1], np.log(np.diff(alpha)), np.zeros(X.shape[1])])
    found = minimize(
        _likelihood,
        start,
        (X, y, n_classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "gtol": 1e-6, "ftol": 1e-15},
    )
    steps = np.append(0, np.exp(found.x[1 : n_classes - 1]).cumsum())
    return found.x[0] + steps, found.x[n_classes - 1 :]


def _mean_loss(result, data):
    """Mean negative log likelihood of thresholds and weights, or of probabilities."""
    X, y = data
    if isinstance(result, tuple):
        eta = result[0] - (X @ result[1])[:, np.newaxis]
        cdf = np.pad(expit(eta), ((0, 0), (1, 1)))
        cdf[:, -1] = 1
        result = np.diff(cdf, axis=1)
    return -np.log(result[np.arange(y.size), y]).mean()


def _not_worse(ours, peer, data):
    # Ours is the maximum of the likelihood; peers may stop early, and that of mord
    # has another loss.
    gap = _mean_loss(ours, data) - _mean_loss(peer, data)
    if not gap < 1e-7:
        raise AssertionError(f"Our mean negative log likelihood is {gap:.2e} higher.")


def _equal_fit(ours, peer, data):
    _not_worse(ours, peer, data)
    np.testing.assert_allclose(ours[0], peer[0], atol=1e-3)
    np.testing.assert_allclose(ours[1], peer[1], atol=1e-3)


def _path(data, n_jobs, **params):
    return presto_path(*data, n_alphas=20, eps=1e-2, **params)


def _cross_validate(data, n_jobs):
    return PRESTOCV(cv=5, random_state=0).fit(*data)


def _logistic_cv(data, n_jobs):
    return LogisticRegressionCV(
        Cs=20, cv=5, l1_ratios=(0,), use_legacy_attributes=False, scoring="neg_log_loss"
    ).fit(*data)


def _finite_path(ours, peer, data):
    alphas, coefs = ours[0], ours[2]
    if not (np.diff(alphas) < 0).all() or not np.isfinite(coefs).all():
        raise AssertionError("The path is not one of decreasing strengths.")
    # The strongest penalty is the intercept-only model.
    np.testing.assert_allclose(coefs[0], 0, atol=1e-6)


def _similar_loss(ours, peer, data):
    losses = [_mean_loss(model.predict_proba(data[0]), data) for model in (ours, peer)]
    if losses[0] > losses[1] + 0.01:
        raise AssertionError(
            f"Our loss is {losses[0]:.4f}, the peer's {losses[1]:.4f}."
        )


_case = partial(SpeedCase, make=_rare_last)
_odds_case = partial(
    SpeedCase,
    description="fit of a proportional odds model without penalty",
    make=_parallel_odds,
    ours=_fit_ours,
)
_skordinal_case = partial(
    _odds_case,
    peer_name="skordinal.classifiers.POM",
    peer=_fit_skordinal,
    check=_not_worse,
    needs=("skordinal",),
)
_lbfgs_case = partial(
    _odds_case,
    peer_name="scipy.optimize L-BFGS-B",
    peer=_fit_lbfgs,
    check=_equal_fit,
)
_path_case = partial(
    _case,
    peer_name="skext.ordinal.ProportionalOdds",
    peer=_fit_ours,
    check=_finite_path,
    sizes=by_size((500, 5, 3), (2500, 10, 4), (100_000, 20, 4)),
)

CASES = (
    _lbfgs_case("proportional-odds", sizes=_SIZES),
    _lbfgs_case("proportional-odds-wide", sizes=_WIDE),
    _skordinal_case("proportional-odds-skordinal", sizes=_SIZES),
    _skordinal_case("proportional-odds-skordinal-wide", sizes=_WIDE),
    _odds_case(
        "proportional-odds-mord",
        "mord.LogisticAT",
        peer=_fit_mord,
        check=_not_worse,
        sizes=_SIZES,
        needs=("mord",),
    ),
    _odds_case(
        "proportional-odds-statsmodels",
        "statsmodels.miscmodels.OrderedModel",
        peer=_fit_statsmodels,
        check=_equal_fit,
        # Minutes for the large table.
        sizes={**_SIZES, "large": (10_000, 20, 5)},
        needs=("statsmodels",),
    ),
    _path_case(
        "presto-path",
        description="20 strengths, against one fit of a proportional odds model",
        ours=_path,
    ),
    _path_case(
        "presto-path-natural",
        description="the same, crossing of training rows not prevented",
        ours=partial(_path, non_crossing=None),
    ),
    _case(
        "presto-cv",
        "sklearn.linear_model.LogisticRegressionCV",
        "5 folds, 20 strengths",
        ours=_cross_validate,
        peer=_logistic_cv,
        check=_similar_loss,
        sizes=by_size((500, 5, 3), (2500, 10, 4)),
    ),
)
