"""The protocol of the paper on aggregation, small."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from skext.metrics import weighted_interval_score

FOLDER = Path(__file__).parents[2] / "benchmarks" / "papers"
LEVELS = np.arange(1, 10) / 10

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="installed without it")


@pytest.fixture
def models(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return runpy.run_path(str(FOLDER / "quantile_base_models.py"))


def test_whole_protocol(monkeypatch, capsys):
    monkeypatch.syspath_prepend(FOLDER)
    words = "--no-torch --tables diabetes --levels 3 --splits 1 --folds 2 --settings 2"
    words = ["reproduce_quantile.py", *words.split(), "--trees", "5"]
    monkeypatch.setattr(sys, "argv", words)
    runpy.run_path(str(FOLDER / "reproduce_quantile.py"), run_name="__main__")
    scores, coverage = capsys.readouterr().out.split("coverage of")
    lines = [line.rsplit(maxsplit=2) for line in scores.splitlines()]
    ratio = {
        line[0]: float(line[2]) for line in lines if line and line[-1][-1].isdigit()
    }
    assert ratio["global fine"] == 1.0
    kinds = {"QRF", "QET", "GBM", "average", "median", "QRA", "global coarse"}
    assert set(ratio) == kinds | {"global medium", "global fine"}
    assert 0.7 < ratio["global medium"] < 1.3
    assert "global medium" in coverage


def test_trees_are_weighted_quantiles(models):
    """Against the definition, tree by tree and row by row."""
    X, y = load_diabetes(return_X_y=True)
    X, y, X_new = X[:150], y[:150], X[150:160]
    for kind in ("QRF", "QET"):
        model = models["QuantileTrees"](kind, 5, random_state=0).fit(X, y)
        Q = model.predict_quantiles(X_new, LEVELS)
        inside, asked = model.trees_.apply(X), model.trees_.apply(X_new)
        for row in range(len(X_new)):
            shared = inside == asked[row]
            weights = (shared / shared.sum(axis=0)).mean(axis=1)
            order = np.argsort(y, kind="stable")
            cdf = weights[order].cumsum()
            expected = [y[order][np.argmax(cdf >= level - 1e-12)] for level in LEVELS]
            np.testing.assert_array_equal(Q[row], expected)


@pytest.mark.parametrize("kind", ["CGN", "SQR", "DQR"])
def test_networks_learn(models, kind):
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 2))
    y = 3 * X[:, 0] + rng.normal(size=400) * np.where(X[:, 1] > 0, 1.0, 0.2)
    model = models["QuantileNetwork"](kind, LEVELS, lr=1e-2, max_epochs=25)
    Q = np.sort(model.fit(X[:300], y[:300]).predict_quantiles(X[300:]), axis=1)
    score = weighted_interval_score(y[300:], Q, LEVELS)
    flat = np.tile(np.quantile(y[:300], LEVELS), (100, 1))
    assert score < 0.5 * weighted_interval_score(y[300:], flat, LEVELS)
    again = models["QuantileNetwork"](kind, LEVELS, lr=1e-2, max_epochs=25)
    np.testing.assert_allclose(
        np.sort(again.fit(X[:300], y[:300]).predict_quantiles(X[300:]), axis=1), Q
    )
