"""A track is one object: registered, it takes part everywhere."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import median_absolute_error

from skext.benchmark import Benchmark, Method, Task
from skext.benchmark._engine import track as registry
from skext.benchmark._engine.kinds import KINDS, Kind
from skext.benchmark._engine.metrics import METRICS, Metric
from skext.benchmark._engine.track import FIGURES, TRACKS, Track, register
from skext.exceptions import BenchmarkError


def ask_signs(estimator, X):
    """Ask for one more prediction."""
    return {"signs": np.sign(estimator.predict(X))}


TOY = Track(
    "toy",
    "Signs of numbers.",
    metrics={"signed": ("sign_hits", "median_error")},
    baseline="toy-ridge",
    dummy="dummy-regressor",
    kinds=(Kind("signed", "toy", "numbers", by_track=True, ask=ask_signs),),
    own_metrics=(
        Metric(
            "sign_hits",
            lambda y, signs: np.mean(signs == np.sign(y)),
            "share of right signs",
            needs="signs",
            task_types=("signed",),
        ),
        Metric(
            "median_error",
            median_absolute_error,
            "median error",
            greater_is_better=False,
            task_types=("signed",),
            scoring="neg_median_absolute_error",
            in_units=True,
        ),
    ),
    methods=(
        Method(
            "toy-ridge",
            Ridge,
            tracks=("toy",),
            description="ridge",
            space={"alpha": [0.1, 1.0]},
        ),
    ),
    guests=("dummy-regressor",),
)


@pytest.fixture
def toy():
    registries = (TRACKS, registry.METHODS, METRICS, KINDS)
    before = [dict(known) for known in registries]
    register(TOY)
    yield TOY
    for known, old in zip(registries, before, strict=True):
        known.clear()
        known.update(old)


def test_a_registered_track_runs_and_is_reported(toy, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    task = Task("t", track="toy", arrays=(X, X[:, 0] + 0.1), folds=(1, 3))
    results = Benchmark(task, tune=2).run(tmp_path, backend="sequential")
    assert results.tracks == ["toy"]
    assert results.metrics("toy") == ["sign_hits", "median_error"]
    analysis = results.analyse("toy")
    assert analysis.baseline == "toy-ridge"
    # The guest cannot do this kind of task unless it says so.
    assert set(results.to_frame()["method"]) == {"toy-ridge"}
    assert analysis.scores.loc["t", "toy-ridge"] > 0.9
    assert results.analyse("toy", "median_error").relative
    assert "Signs of numbers." in results.report(tmp_path / "r.html").read_text()


def test_a_name_is_taken_once(toy):
    with pytest.raises(ValueError, match="name='toy' is taken by another track"):
        register(toy)
    again = Track(
        "other", "", metrics={}, baseline="", own_metrics=(METRICS["median_error"],)
    )
    with pytest.raises(ValueError, match="name='median_error' is taken"):
        register(again)


def test_tracks_bring_what_they_name():
    for track in TRACKS.values():
        kinds = {kind.name for kind in track.kinds}
        assert kinds <= set(track.metrics)
        for task_type, names in track.metrics.items():
            assert all(task_type in METRICS[name].task_types for name in names)
        assert {track.baseline, track.dummy} <= set(registry.METHODS)
        assert set(FIGURES) <= set(track.figures)
        assert all(task.track in ("auto", track.name) for task in track.tasks)
    with pytest.raises(BenchmarkError, match="'nothing'"):
        Benchmark(Task("t", track="nothing", arrays=([[1.0]], [1])))
