"""Displays of ordinal models."""

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skext.ordinal import CoefficientPathDisplay, CumulativeProbabilityDisplay

ORDER = ["low", "mid", "high"]


class Ordered(LogisticRegression):
    """Logistic regression with a path and an order, both made up."""

    def fit(self, X, y):
        super().fit(X, y)
        self.ordered_classes_ = np.array(ORDER)
        self.alphas_ = np.array([0.3, 0.1, 0.03])
        self.alpha_ = 0.1
        scale = np.arange(3)[:, np.newaxis, np.newaxis]
        self.coef_path_ = scale * np.ones((3, 2, X.shape[1]))
        return self


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((600, 3)), columns=["a", "b$", "c"])
    place = np.digitize(X["a"] + rng.standard_normal(600), [0, 1.5])
    return X, np.array(ORDER)[place]


@pytest.mark.parametrize("kind", ["stacked", "cumulative"])
@pytest.mark.parametrize("frame", [True, False])
def test_probabilities_follow_the_model(pyplot, data, kind, frame):
    X, y = data
    X = X if frame else X.to_numpy()
    model = make_pipeline(StandardScaler(), Ordered()).fit(X, y)
    feature = "b$" if frame else 1
    display = CumulativeProbabilityDisplay.from_estimator(model, X, feature, kind=kind)
    assert display.class_names == ORDER
    assert display.feature_name == ("b$" if frame else "feature 1")
    table = np.tile(np.median(X, axis=0), (100, 1))
    table[:, 1] = display.values
    assert display.values[0] == pytest.approx(np.quantile(np.asarray(X)[:, 1], 0.01))
    table = pd.DataFrame(table, columns=X.columns) if frame else table
    expected = model.predict_proba(table)[:, [1, 2, 0]]  # sorted: high, low, mid
    np.testing.assert_allclose(display.proba, expected)
    np.testing.assert_allclose(display.cumulative[:, 1], 1 - expected[:, 2])
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == (ORDER[::-1] if kind == "stacked" else ["≤ mid", "≤ low"])
    if kind == "cumulative":
        curves = [line.get_ydata() for line in display.ax_.lines]
        np.testing.assert_array_equal(np.transpose(curves), display.cumulative)
    display.figure_.canvas.draw()


def test_other_features_may_be_text_or_given(pyplot, data):
    X, y = data
    X = X.assign(kind=np.where(X["c"] > 1, "rare", "common"), flag=X["b$"] > 0)
    codes = OneHotEncoder(handle_unknown="error")
    prepare = make_column_transformer((codes, ["kind"]), remainder="passthrough")
    model = make_pipeline(prepare, Ordered()).fit(X, y)
    usual = CumulativeProbabilityDisplay.from_estimator(model, X, "a")
    row = [0.0, 0.5, -1.0, "rare", False]
    given = CumulativeProbabilityDisplay.from_estimator(model, X, "a", row=row)
    table = pd.DataFrame([row] * 100, columns=X.columns).assign(a=given.values)
    expected = model.predict_proba(table)[:, [1, 2, 0]]
    np.testing.assert_allclose(given.proba, expected)
    assert not np.allclose(usual.proba, given.proba)
    gaps = X.assign(kind=X["kind"].where(X.index % 7 > 0), a=X["a"].astype("Float64"))
    gaps.loc[3, "a"] = pd.NA
    again = CumulativeProbabilityDisplay.from_estimator(model, gaps, "b$")
    assert again.proba.shape == (100, 3)
    flag = CumulativeProbabilityDisplay.from_estimator(model, X, "flag")
    assert flag.values.tolist() == [0, 1]
    with pytest.raises(ValueError, match="not numeric"):
        CumulativeProbabilityDisplay.from_estimator(model, X, "kind")
    with pytest.raises(ValueError, match="row has 2 values"):
        CumulativeProbabilityDisplay.from_estimator(model, X, "a", row=[1, 2])


def test_bad_input_of_probabilities(data):
    X, y = data
    make = CumulativeProbabilityDisplay.from_estimator
    with pytest.raises(NotFittedError):
        make(Ordered(), X, 0)
    model = Ordered().fit(X.to_numpy(), y)
    X = X.to_numpy()
    for feature in (3, "a", -4):
        with pytest.raises(ValueError, match="is not a column of X"):
            make(model, X, feature)
    with pytest.raises(ValueError, match="percentiles="):
        make(model, X, 0, percentiles=(0.5, 0.5))
    with pytest.raises(ValueError, match="grid_resolution="):
        make(model, X, 0, grid_resolution=1)
    with pytest.raises(ValueError, match="X is sparse"):
        make(model, sparse.csr_array(X), 0)
    with pytest.raises(ValueError, match="kind='area' must be"):
        make(model, X, 0, kind="area")
    with pytest.raises(ValueError, match="proba has shape"):
        CumulativeProbabilityDisplay([0, 1], np.ones((2, 3)), ["a", "b"])


@pytest.mark.parametrize("panel", ["threshold", "feature"])
def test_path_of_a_model(pyplot, data, panel):
    X, y = data
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), Ordered())
    model.fit(X, y)
    model[-1].feature_names_in_ = np.array(X.columns, dtype=object)
    display = CoefficientPathDisplay.from_estimator(model, panel=panel)
    assert display.feature_names == ["a", "b$", "c"]
    assert display.threshold_names == ["low | mid", "mid | high"]
    titles = [ax.get_title() for ax in display.axes_]
    names = {"threshold": display.threshold_names, "feature": display.feature_names}
    assert titles == names[panel]
    other = names["feature" if panel == "threshold" else "threshold"]
    for ax in display.axes_:
        assert ax.get_xscale() == "log"
        assert ax.xaxis_inverted()
        curves = [line for line in ax.lines if line.get_label() in other]
        assert len(curves) == len(other)
        np.testing.assert_array_equal(curves[0].get_xdata(), [0.3, 0.1, 0.03])
        np.testing.assert_array_equal(curves[0].get_ydata(), [0, 1, 2])
        assert any(np.allclose(line.get_xdata(), 0.1) for line in ax.lines)
    display.figure_.canvas.draw()


def test_path_of_arrays(pyplot):
    rng = np.random.default_rng(0)
    coefs = rng.standard_normal((3, 2, 15))
    coefs[:, :, 4] *= 100
    display = CoefficientPathDisplay([0.0, 0.1, 0.2], coefs, alpha=0.1)
    assert display.alphas.tolist() == [0.2, 0.1, 0.0]
    np.testing.assert_array_equal(display.coefs[0], coefs[2])
    display.plot(max_features=1)
    line = next(x for x in display.axes_[0].lines if x.get_label() == "feature 4")
    assert line.get_xdata().tolist() == [0.2, 0.1]
    as_sparse = [sparse.csr_matrix(c) for c in coefs]
    other = CoefficientPathDisplay([0.0, 0.1, 0.2], as_sparse)
    np.testing.assert_array_equal(other.coefs, display.coefs)
    shared = CoefficientPathDisplay([0.1, 0.2], coefs[:2, 0])
    assert shared.coefs.shape == (2, 1, 15)
    _, ax = pyplot.subplots()
    assert shared.plot(ax).axes_.tolist() == [ax]


def test_path_of_one_shared_vector(pyplot):
    with pytest.raises(TypeError):
        CoefficientPathDisplay.from_estimator(object())
    model = Ordered().fit(np.eye(6)[:, :3], ORDER * 2)
    model.coef_path_ = np.ones((3, 3))
    display = CoefficientPathDisplay.from_estimator(model)
    assert display.threshold_names == ["all thresholds"]


def test_bad_input_of_paths(pyplot, data):
    with pytest.raises(ValueError, match="has no path"):
        CoefficientPathDisplay.from_estimator(LogisticRegression().fit(*data))
    with pytest.raises(ValueError, match="coefs has shape"):
        CoefficientPathDisplay([1, 2], np.ones((3, 2, 2)))
    with pytest.raises(ValueError, match="feature_names has 1 names"):
        CoefficientPathDisplay([1, 2], np.ones((2, 2, 2)), feature_names=["a"])
    display = CoefficientPathDisplay([1, 2], np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match="panel='class' must be"):
        display.plot(panel="class")
    with pytest.raises(ValueError, match="max_features=0"):
        display.plot(max_features=0)
    with pytest.raises(ValueError, match="ax has 1 axes for 2 panels"):
        display.plot(pyplot.subplots()[1])
    with pytest.raises(ValueError, match="no positive"):
        CoefficientPathDisplay([0], np.ones((1, 2, 2))).plot()


def test_constructors_need_no_matplotlib():
    code = (
        "import sys, skext.ordinal as m; "
        "m.CoefficientPathDisplay([1], [[[1.0]]]); "
        "m.CumulativeProbabilityDisplay([0], [[0.5, 0.5]], 'ab'); "
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_styles_of_many_features_differ(pyplot):
    display = CoefficientPathDisplay([0.2, 0.1], np.ones((2, 1, 25)))
    lines = [
        (line.get_color(), line.get_linestyle())
        for line in display.plot(max_features=25).axes_[0].lines
        if line.get_label().startswith("feature")
    ]
    assert all(a != b for a, b in itertools.combinations(lines, 2))
