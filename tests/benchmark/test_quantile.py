"""Quantiles in the benchmark: what is asked for, how it is judged, the track."""

import random
import sys

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_regression
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import BayesianRidge, Ridge
from sklearn.model_selection import RandomizedSearchCV

from skext import metrics
from skext.benchmark import Benchmark, Task, TaskInfo, load_tasks
from skext.benchmark._engine.methods import build
from skext.benchmark._engine.metrics import Predictions, predict, score
from skext.benchmark._engine.runner import score_stored
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import (
    METHODS,
    TRACKS,
    default_methods,
    dummy_of,
    track_metrics,
)
from skext.benchmark._families.quantile.rivals import (
    EXPERT_TASK,
    LEVELS,
    Expert,
    NeighbourQuantiles,
    base_models,
)
from skext.datasets import make_quantile_experts
from skext.exceptions import BenchmarkError
from skext.quantile import LinearQuantileRegressor, QuantileStackingRegressor


def info(name="mine", n_rows=400, n_columns=3, **options):
    options = {"primary_metric": "weighted_interval_score", **options}
    return TaskInfo(name, "quantile", "quantile", n_rows, n_columns, 0, (), **options)


@pytest.fixture(scope="module")
def rows():
    data = make_quantile_experts(400, quantiles=LEVELS, random_state=0)
    return data.data, data.target, data


def values(y, predictions, names=TRACKS["quantile"].metrics["quantile"]):
    found = score(names, y, predictions, "quantile")
    return {name: value for name, (value, _) in found.items()}


def test_metrics_are_the_public_ones(rows):
    _, y, data = rows
    Q = data.expert_quantiles[:, 2]
    found = values(y, Predictions(Q[:, 3], quantiles=Q))
    ends = Q[:, [0, -1]]
    expected = {
        "weighted_interval_score": metrics.weighted_interval_score(y, Q, LEVELS),
        "pinball_loss": metrics.pinball_loss(y, Q, LEVELS),
        "coverage_error": abs(metrics.interval_coverage(y, ends) - 0.9),
        "quantile_calibration_error": metrics.quantile_calibration_error(y, Q, LEVELS),
        "crossing_rate": 0.0,
        "interval_width": metrics.mean_interval_width(ends),
    }
    assert found == pytest.approx(expected)
    assert track_metrics("quantile", "quantile") == tuple(expected)
    mixed = Q.copy()
    mixed[:100] = Q[:100, ::-1]
    crossed = values(y, Predictions(Q[:, 3], quantiles=mixed))
    assert crossed["crossing_rate"] == pytest.approx(0.25)
    assert values(y, Predictions(y), ("rmse", "mae", "r2"))["r2"] == 1.0


def test_levels_are_in_pairs_and_among_the_defaults(rows):
    assert np.allclose(np.add(LEVELS, LEVELS[::-1]), 1)
    # So a regressor with the levels of the package can be asked for them.
    X, y, _ = rows
    every = LinearQuantileRegressor(non_crossing=None).fit(X, y)
    few = LinearQuantileRegressor(quantiles=LEVELS, non_crossing=None).fit(X, y)
    asked = predict(every, X, "quantile", 0).quantiles
    np.testing.assert_allclose(asked, few.predict_quantiles(X), rtol=1e-6, atol=1e-6)


def test_wrapped_regressors_are_asked_and_others_are_not(rows):
    X, y, _ = rows
    model = TransformedTargetRegressor(
        BayesianRidge(), func=np.exp, inverse_func=np.log
    )
    Q = predict(model.fit(X, y / 10), X, "quantile", 0).quantiles
    assert Q.shape == (400, len(LEVELS))
    assert (np.diff(Q) > 0).all()
    plain = predict(Ridge().fit(X, y), X, "quantile", 0)
    assert plain.quantiles is None
    value, reason = score(["weighted_interval_score"], y, plain, "quantile")[
        "weighted_interval_score"
    ]
    assert np.isnan(value)
    assert "MultiQuantileRegressor" in reason
    assert values(y, plain, ["mae"])["mae"] > 0
    # A model of one level is no model of seven.
    one = HistGradientBoostingRegressor(
        loss="quantile", quantile=0.5, max_iter=2, random_state=0
    )
    with pytest.raises(ValueError, match="level"):
        predict(one.fit(X, y), X, "quantile", 0)


def test_regression_tasks_ask_for_no_quantiles(rows):
    X, y, _ = rows
    model = LinearQuantileRegressor(quantiles=LEVELS).fit(X, y)
    assert predict(model, X, "regression", 0).get("quantiles") is None
    assert METHODS["skext-linear-quantile"].can_do("regression")


def test_the_track_decides_about_the_type():
    X, y = load_diabetes(return_X_y=True)
    loaded = load_task(Task("d", track="quantile", arrays=(X, y.astype(int))))
    assert loaded.task_type == loaded.track == "quantile"
    assert loaded.y.dtype == np.float64
    assert loaded.properties()["n_classes"] is None
    assert load_task(Task("r", arrays=(X, y))).track == "regression"
    words = np.where(y > 100, "a", "b")
    with pytest.raises(BenchmarkError, match="'w' is a quantile task, but its target"):
        load_task(Task("w", track="quantile", arrays=(X, words)))


def test_the_suite_is_for_quantiles():
    tasks = load_tasks("quantile")
    assert {task.track for task in tasks} == {"quantile"}
    assert {"quantile/concrete_compressive_strength", "quantile/abalone"} <= {
        task.id for task in tasks
    }


def test_methods_join_by_default():
    names = {method.name for method in default_methods("quantile")}
    assert {
        "skext-quantile-coarse",
        "skext-quantile-stack",
        "skext-quantile-fine",
    } <= names
    assert {"boosting-quantile", "quantile-median", dummy_of("quantile")} <= names
    assert TRACKS["quantile"].baseline in names
    assert all(METHODS[name].can_do("quantile") for name in names)
    assert not METHODS["ridge"].can_do("quantile")
    assert not METHODS["logistic"].can_do("quantile")


def test_missing_peers_name_the_package(monkeypatch):
    method = METHODS["quantile-forest"]
    monkeypatch.setitem(sys.modules, "quantile_forest", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert method.missing().endswith("pip install quantile_forest")


def test_peer(rows):
    pytest.importorskip("quantile_forest")
    X, y, _ = rows
    state = random.getstate()  # the package seeds the global generator
    model = build(METHODS["quantile-forest"], info(), seed=0).fit(X, y)
    random.setstate(state)
    found = values(y, predict(model, X, "quantile", 0))
    assert found["weighted_interval_score"] < 0.5


@pytest.mark.parametrize(
    "task",
    [t for t in load_tasks("offline") if t.track == "quantile"],
    ids=lambda t: t.id,
)
def test_offline_tasks(task):
    """Stacks are at least as good as the plain average of their models."""
    loaded = load_task(task)
    assert loaded.task_type == "quantile"
    train, test = loaded.split(0, 0)
    X, y = np.asarray(loaded.X), loaded.y
    found = {}
    for name in ("dummy-quantile", "quantile-average", "skext-quantile-fine"):
        model = build(METHODS[name], TaskInfo.of(loaded), seed=0).fit(
            X[train], y[train]
        )
        found[name] = values(y[test], predict(model, X[test], "quantile", 0))
    wis = [found[name]["weighted_interval_score"] for name in found]
    assert wis[0] > wis[1]
    assert wis[2] < 1.02 * wis[1]


def test_stacks_combine_experts_where_there_are_some():
    assert len(base_models(info())) == 3
    assert [name for name, _ in base_models(info(n_rows=5000))][-1] == "boosting"
    experts = base_models(info(EXPERT_TASK))
    assert len(experts) == 5
    model = build(METHODS["skext-quantile-stack"], info(EXPERT_TASK), seed=0)
    assert isinstance(model, QuantileStackingRegressor)


def test_experts_are_those_of_the_data(rows):
    X, y, data = rows
    for number in range(5):
        expert = Expert(number).fit(X, y)
        Q = expert.predict_quantiles(X)
        np.testing.assert_allclose(Q, data.expert_quantiles[:, number])
        np.testing.assert_allclose(expert.predict(X), Q[:, 3])


def test_neighbours():
    X = np.arange(10.0)[:, np.newaxis]
    model = NeighbourQuantiles(n_neighbors=3).fit(X, X[:, 0] ** 2)
    np.testing.assert_allclose(
        model.predict_quantiles([[4.1]], [0.5, 0.75]), [[16, 20.5]]
    )
    assert NeighbourQuantiles(50).fit(X, X[:, 0]).predict(X[:1]) == 4.5


def test_tuning_follows_the_headline():
    X, y = make_regression(200, 3, noise=10, random_state=0)
    method = METHODS["boosting-quantile"]
    space = {"estimator__max_iter": [1, 20]}
    found = {}
    for metric in ("weighted_interval_score", "interval_width"):
        tuned = type(method)(**{**vars(method), "space": space})
        search = build(tuned, info(primary_metric=metric), seed=0, n_tune=2)
        assert isinstance(search, RandomizedSearchCV)
        found[metric] = search.fit(X, y).best_params_
    # The narrowest intervals are no aim.
    assert found["interval_width"] == found["weighted_interval_score"]
    assert found["interval_width"]["model__estimator__max_iter"] == 20


def test_run_store_and_report(tmp_path):
    tables = {str(s): make_regression(80, 2, noise=5, random_state=s) for s in (0, 1)}
    tasks = [
        Task(id=name, track="quantile", arrays=data, folds=(1, 2))
        for name, data in tables.items()
    ]
    methods = {
        "linear": "skext-linear-quantile",
        "dummy-quantile": "dummy-quantile",
        "ridge": Ridge(),
    }
    options = {"backend": "sequential", "progress": "none"}
    bench = Benchmark(tasks, methods)
    results = bench.run(tmp_path / "run", save_predictions=True, **options)
    frame = results.to_frame()
    # A regressor without quantiles is reported as left out, not as failed.
    assert set(frame["status"][frame["method"] != "ridge"]) == {"ok"}
    assert set(frame["status"][frame["method"] == "ridge"]) == {"skipped"}
    summary = results.summary().set_index("method")
    assert (
        summary["mean_rank"]["skext-linear-quantile"]
        < summary["mean_rank"]["dummy-quantile"]
    )
    assert "ridge" not in summary.index
    with np.load(next((tmp_path / "run" / "predictions").glob("*.npz"))) as stored:
        again = score_stored(dict(stored), ["mae"], "quantile")
    assert again["mae"][0] > 0
    results.report(tmp_path / "report.html")
    assert "weighted_interval_score" in (tmp_path / "report.html").read_text()
