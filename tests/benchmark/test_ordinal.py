"""Ordered classes in the benchmark: codes, metrics, rivals, and the track."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skext import metrics
from skext.benchmark import Task, TaskInfo, load_tasks
from skext.benchmark._engine.methods import build
from skext.benchmark._engine.metrics import Predictions, predict, score
from skext.benchmark._engine.tasks import load_task
from skext.benchmark._engine.track import (
    METHODS,
    TRACKS,
    default_methods,
    track_metrics,
)
from skext.benchmark._families.ordinal.rivals import OrdinalPeer, RareVersusRest
from skext.benchmark._families.ordinal.tasks import diabetes_classes
from skext.datasets import make_ordinal
from skext.exceptions import BenchmarkError

ORDER = ("low", "mid", "high")


def given_order():
    rng = np.random.default_rng(0)
    return {
        "X": rng.standard_normal((60, 2)),
        "y": np.array(ORDER)[np.arange(60) % 3],
        "class_order": (*ORDER, "never"),
    }


def incomplete_order():
    return {**given_order(), "class_order": ORDER[:2]}


def test_codes_are_ordinal_positions():
    loaded = load_task(Task("here", loader=f"{__name__}:given_order"))
    assert loaded.classes == ORDER
    assert loaded.y.tolist() == list(np.arange(60) % 3)
    with pytest.raises(BenchmarkError, match=r"has the classes \['high'\]"):
        load_task(Task("incomplete", loader=f"{__name__}:incomplete_order"))


def test_ordered_categories_give_the_order():
    data = given_order()
    kind = pd.CategoricalDtype(ORDER, ordered=True)
    y = pd.Series(data["y"]).astype(kind)
    loaded = load_task(Task("memory", arrays=(data["X"], y)))
    assert loaded.classes == ORDER
    plain = load_task(Task("plain", arrays=(data["X"], y.astype(object))))
    assert plain.classes == tuple(sorted(ORDER))
    assert plain.data_sha256 != loaded.data_sha256


def test_numbers_are_not_sorted_as_text():
    X = np.zeros((30, 1))
    y = np.repeat([2, 10, 9], 10)
    bunch = pd.Series(y).astype(pd.CategoricalDtype([2, 9, 10], ordered=True))
    assert load_task(Task("t", arrays=(X, bunch))).classes == ("2", "9", "10")


def test_metrics_equal_the_public_ones():
    data = make_ordinal(1000, random_state=0)
    model = LogisticRegression().fit(data.data, data.target)
    predictions = predict(model, data.data, "multiclass", 4)
    names = ("ranked_probability_score", "rare_class_log_loss", "ordinal_mae")
    found = score(names, data.target, predictions, "multiclass")
    proba = model.predict_proba(data.data)
    expected = [
        metrics.ranked_probability_score(data.target, proba),
        metrics.rare_class_log_loss(data.target, proba),
        metrics.ordinal_mean_absolute_error(
            data.target, model.predict(data.data), class_order=range(4)
        ),
    ]
    for name, value in zip(names, expected, strict=True):
        assert found[name][0] == pytest.approx(value), name


def test_certain_mistakes_stay_finite():
    sure = Predictions(np.array([2]), np.array([[0.0, 0.0, 1.0]]))
    found = score(("rare_class_log_loss",), np.array([0]), sure, "multiclass")
    assert found["rare_class_log_loss"][0] == pytest.approx(
        metrics.rare_class_log_loss([0], sure.proba, class_order=range(3))
    )


def test_track():
    assert track_metrics("ordinal", "multiclass")[0] == "ranked_probability_score"
    names = {method.name for method in default_methods("ordinal")}
    assert {"dummy", "logistic", "rare-vs-rest", "skext-presto"} <= names
    assert TRACKS["ordinal"].baseline in names
    tasks = [task for task in load_tasks("offline") if task.track == "ordinal"]
    assert len(tasks) == 5
    assert {task.track for task in load_tasks("ordinal")} == {"ordinal"}


def test_diabetes_is_cut_as_described():
    y = pd.Series(diabetes_classes()["y"])
    shares = y.value_counts(normalize=True)[["low", "raised", "high", "very high"]]
    np.testing.assert_allclose(shares, [0.5, 0.35, 0.12, 0.03], atol=0.005)


def test_rare_versus_rest():
    data = make_ordinal(1000, random_state=0)
    model = RareVersusRest().fit(data.data, data.target)
    proba = model.predict_proba(data.data)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    binary = LogisticRegression(max_iter=1000).fit(data.data, data.target == 3)
    np.testing.assert_allclose(proba[:, 3], binary.predict_proba(data.data)[:, 1])
    assert set(model.predict(data.data)) <= {0, 1, 2, 3}
    two = RareVersusRest().fit(data.data, data.target == 3)
    np.testing.assert_allclose(two.predict_proba(data.data)[:, 1], proba[:, 3])


# Options of scipy that mord still passes.
@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")
@pytest.mark.parametrize("package", ["skordinal", "mord", "statsmodels"])
def test_peers(package):
    pytest.importorskip(package)
    options = {"n_classes": 3, "intercepts": [-1, 1], "design": "proportional"}
    data = make_ordinal(600, 3, effect=2, density=1, random_state=0, **options)
    model = OrdinalPeer(package).fit(data.data, data.target * 2)  # with gaps
    proba = model.predict_proba(data.data)
    assert model.classes_.tolist() == [0, 2, 4]
    assert set(model.predict(data.data)) <= {0, 2, 4}
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
    assert np.corrcoef(proba[:, 2], data.posterior[:, 2])[0, 1] > 0.98


def test_missing_peers_name_the_package(monkeypatch):
    method = METHODS["mord-all-threshold"]
    monkeypatch.setitem(sys.modules, "mord", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert method.missing().endswith("pip install mord")


@pytest.mark.parametrize(
    "metric", ["ranked_probability_score", "rare_class_log_loss", "ordinal_mae"]
)
def test_tuning_by_an_ordinal_metric(metric):
    data = make_ordinal(500, 4, n_classes=3, intercepts=[0, 2], random_state=0)
    loaded = load_task(Task("t", track="ordinal", arrays=(data.data, data.target)))
    info = TaskInfo.of(loaded, primary_metric=metric)
    search = build(METHODS["logistic"], info, seed=0, n_tune=2)
    search.fit(data.data, data.target)
    assert search.best_score_ < 0
