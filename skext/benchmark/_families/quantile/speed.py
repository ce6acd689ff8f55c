"""The speed cases of quantiles: weights, linear fits, rows in order, CV+.

A peer that would take minutes for all levels or rows is given some of them.
"""

from functools import partial

import numpy as np
from numpy.testing import assert_allclose
from scipy.optimize import isotonic_regression
from scipy.special import ndtri
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import KFold

from skext.benchmark._speed.case import SpeedCase, by_size
from skext.quantile import (
    ConformalQuantileRegressor,
    LinearQuantileRegressor,
    QuantileAdapter,
    QuantileAggregator,
    isotonize,
)
from skext.quantile._solver.global_weights import solve_highs
from skext.quantile._solver.many_rows import grouped

_HIGHS = "scipy.optimize.linprog, HiGHS on the dual"


def _forecasts(n_samples, n_models, n_levels, n_asked):
    """Targets, predictions of models with errors of their own, and levels."""
    rng = np.random.default_rng(0)
    levels = np.arange(1, n_levels + 1) / (n_levels + 1)
    y = rng.standard_normal(n_samples)
    centre = 0.7 * y[:, np.newaxis] + 0.5 * rng.standard_normal((n_samples, n_models))
    centre += 0.3 * rng.standard_normal(n_models)
    width = rng.uniform(0.4, 1.2, n_models)[:, np.newaxis] * ndtri(levels)
    Z = centre[:, :, np.newaxis] + width
    # The peer's time differs between the middle and the tails.
    asked = np.unique(np.linspace(0, n_levels - 1, n_asked).astype(int))
    return {"Z": Z, "y": y, "levels": levels, "asked": asked}


def _share_of_levels(data):
    return len(data["asked"]) / len(data["levels"])


def _aggregate(data, n_jobs, granularity):
    model = QuantileAggregator(data["levels"], granularity=granularity, n_jobs=n_jobs)
    return model.fit(data["Z"], data["y"])


def _highs(data, n_jobs, fine):
    """Losses of some levels."""
    Z, y = data["Z"], data["y"]
    losses = []
    for k in data["asked"]:
        columns = Z.reshape(len(y), -1) if fine else Z[:, :, k]
        columns = np.ascontiguousarray(columns.T)
        rows = grouped(columns, y, data["levels"][k], np.ones(len(y)))
        losses.append(solve_highs(rows, "simplex").loss)
    return np.array(losses)


def _same_losses(ours, peer, data):
    if ours.duality_gap_.max() > 1e-8:
        raise AssertionError(f"Our largest duality gap is {ours.duality_gap_.max()}.")
    assert_allclose(ours.objective_[data["asked"]], peer, rtol=1e-9)


def _linear_rows(n_samples, n_features):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features))
    noise = rng.standard_normal(n_samples) * np.exp(0.3 * X[:, 0])
    return X, X @ rng.standard_normal(n_features) + noise


def _fit_linear(data, n_jobs):
    return LinearQuantileRegressor([0.25], fit_intercept=False).fit(*data)


def _fit_scikit_learn(data, n_jobs):
    return QuantileRegressor(quantile=0.25, alpha=0, fit_intercept=False).fit(*data)


def _same_objective(ours, peer, data):
    losses = [
        mean_pinball_loss(data[1], model.predict(data[0]), alpha=0.25)
        for model in (ours, peer)
    ]
    assert_allclose(*losses, rtol=1e-9)


def _crossing_rows(n_rows, n_levels, n_asked):
    """Quantiles with noise: with 19 levels a third of the rows is out of order."""
    rng = np.random.default_rng(0)
    Q = np.linspace(0, 1, n_levels) + 0.02 * rng.standard_normal((n_rows, n_levels))
    return {"Q": Q, "asked": min(n_asked, n_rows)}


def _isotonize(data, n_jobs):
    return isotonize(data["Q"], method="isotonic")


def _scipy_loop(data, n_jobs):
    return np.array([isotonic_regression(row).x for row in data["Q"][: data["asked"]]])


def _scikit_learn_loop(data, n_jobs):
    grid = np.arange(data["Q"].shape[1])
    rows = data["Q"][: data["asked"]]
    return np.array([IsotonicRegression().fit_transform(grid, row) for row in rows])


def _same_rows(ours, peer, data):
    assert_allclose(ours[: data["asked"]], peer, rtol=0, atol=1e-12)


def _point(fitted, X, quantiles):
    """Predict the mean for all levels, as residuals around a mean want it."""
    return np.repeat(fitted.predict(X)[:, np.newaxis], len(quantiles), axis=1)


def _calibrated(n_samples, n_test, n_folds):
    """Fit both to the same folds; only prediction is timed."""
    from mapie.regression import CrossConformalRegressor

    X, y = _linear_rows(n_samples + n_test, 5)
    X_train, y_train, X_test = X[:n_samples], y[:n_samples], X[n_samples:]
    levels = [0.05, 0.95]
    ours = ConformalQuantileRegressor(
        QuantileAdapter(LinearRegression(), _point, quantiles=levels),
        quantiles=levels,
        method="cv+",
        cv=KFold(n_folds),
    )
    peer = CrossConformalRegressor(
        LinearRegression(), cv=KFold(n_folds), random_state=0
    )
    peer.fit_conformalize(X_train, y_train)
    return {"ours": ours.fit(X_train, y_train), "peer": peer, "X": X_test}


def _predict_ours(data, n_jobs):
    return data["ours"].set_params(n_jobs=n_jobs).predict_interval(data["X"], 0.9)


def _predict_mapie(data, n_jobs):
    return data["peer"].predict_interval(data["X"])[1][:, :, 0]


def _same_intervals(ours, peer, data):
    # Order statistics of the same numbers; the ranks may differ by one.
    width = np.mean(peer[:, 1] - peer[:, 0])
    assert_allclose(ours, peer, rtol=0, atol=0.05 * width)
    assert_allclose(ours.mean(axis=0), peer.mean(axis=0), rtol=0, atol=0.01 * width)


def _weights_case(name, description, fine, sizes):
    return SpeedCase(
        name=name,
        peer_name=_HIGHS,
        description=description,
        make=_forecasts,
        ours=partial(_aggregate, granularity="fine" if fine else "medium"),
        peer=partial(_highs, fine=fine),
        check=_same_losses,
        sizes=sizes,
        peer_share=_share_of_levels,
    )


def _rows_case(name, peer_name, peer, n_asked):
    return SpeedCase(
        name=name,
        peer_name=peer_name,
        description="rows of quantiles put in order by least squares",
        make=_crossing_rows,
        ours=_isotonize,
        peer=peer,
        check=_same_rows,
        sizes=by_size((1000, 9, 200), (20_000, 19, n_asked), (100_000, 19, n_asked)),
        peer_share=lambda data: data["asked"] / len(data["Q"]),
    )


CASES = (
    _weights_case(
        "quantile-medium",
        "weights for each model and level",
        False,
        by_size((500, 3, 5, 5), (10_000, 10, 19, 5), (100_000, 10, 19, 3)),
    ),
    _weights_case(
        "quantile-fine",
        "weights that mix levels",
        True,
        by_size((500, 3, 5, 5), (5000, 5, 9, 3), (20_000, 6, 19, 3)),
    ),
    SpeedCase(
        name="linear-quantile",
        peer_name="sklearn.linear_model.QuantileRegressor",
        description="fit of one level, no penalty",
        make=_linear_rows,
        ours=_fit_linear,
        peer=_fit_scikit_learn,
        check=_same_objective,
        sizes=by_size((200, 5), (2000, 10), (20_000, 10)),
    ),
    _rows_case(
        "quantile-isotonic",
        "loop over scipy.optimize.isotonic_regression",
        _scipy_loop,
        5000,
    ),
    _rows_case(
        "quantile-isotonic-scikit-learn",
        "loop over sklearn.isotonic.IsotonicRegression",
        _scikit_learn_loop,
        500,
    ),
    SpeedCase(
        name="quantile-cv-plus",
        peer_name="mapie.regression.CrossConformalRegressor",
        description="prediction by CV+ around a linear model, ten folds",
        make=_calibrated,
        ours=_predict_ours,
        peer=_predict_mapie,
        check=_same_intervals,
        sizes=by_size((500, 200, 10), (3000, 3000, 10), (10_000, 10_000, 10)),
        needs=("mapie",),
    ),
)
