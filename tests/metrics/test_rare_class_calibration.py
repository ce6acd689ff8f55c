"""The display of the calibration of a rare class."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skext.metrics import RareClassCalibrationDisplay

ORDER = ["low", "mid", "high"]


class Ordered(LogisticRegression):
    """Logistic regression with an order that is made up."""

    def fit(self, X, y):
        super().fit(X, y)
        self.ordered_classes_ = np.array(ORDER)
        return self


@pytest.mark.parametrize("seed", range(10))
def test_bins_have_equal_counts_and_keep_ties(pyplot, seed):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 20, 1234)
    if seed % 2:
        p = p.round(2)
    y = rng.random(1234) < p
    display = RareClassCalibrationDisplay.from_predictions(y, p)
    assert display.n_rows.sum() == 1234
    assert display.n_rows.min() >= 100
    assert display.n_events.sum() == y.sum()
    assert (np.diff(display.predicted) > 0).all()
    if not seed % 2:
        assert display.n_rows.size == 10
        assert np.ptp(display.n_rows) <= 1
    # By brute force: the edges lie between different predictions.
    edges = np.cumsum(display.n_rows)[:-1]
    ranked = np.sort(p)
    assert (ranked[edges - 1] < ranked[edges]).all()
    for low, high, mean in zip(
        [0, *edges], [*edges, 1234], display.predicted, strict=True
    ):
        assert mean == pytest.approx(ranked[low:high].mean())


def test_few_rows_make_few_bins_and_a_note(pyplot):
    rng = np.random.default_rng(0)
    p = rng.random(350)
    display = RareClassCalibrationDisplay.from_predictions(rng.random(350) < p, p)
    assert display.n_rows.tolist() == [117, 116, 117]
    assert display.note == "3 bins of 116 to 117 rows (10 asked, too few rows or ties)"
    assert display.ax_.get_legend().get_texts()[0].get_text() == display.note
    few = RareClassCalibrationDisplay.from_predictions([0, 1, 0], [0.1, 0.2, 0.3])
    assert few.n_rows.tolist() == [3]
    assert few.note.startswith("1 bin of 3 rows")
    tied = RareClassCalibrationDisplay.from_predictions(
        rng.random(900) < 0.1, [0.1] * 900
    )
    assert tied.n_rows.tolist() == [900]
    small = RareClassCalibrationDisplay.from_predictions(
        rng.random(350) < p, p, n_bins=5, min_rows=10
    )
    assert small.note == "5 bins of 70 rows"


@pytest.mark.parametrize("interval", ["wilson", "clopper-pearson"])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_intervals_are_those_of_scipy(interval, level):
    cases = [(k, n) for n in (1, 7, 100, 250) for k in {0, 1, n // 3, n - 1, n}]
    events, rows = np.transpose(cases)
    display = RareClassCalibrationDisplay(
        events / rows,
        events,
        rows,
        interval=interval,
        confidence_level=level,
    )
    method = {"wilson": "wilson", "clopper-pearson": "exact"}[interval]
    for i, (k, n) in enumerate(cases):
        ci = stats.binomtest(int(k), int(n)).proportion_ci(level, method)
        assert display.low[i] == pytest.approx(ci.low, abs=1e-12)
        assert display.high[i] == pytest.approx(ci.high, abs=1e-12)


def test_calibration_of_a_model(pyplot):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((600, 3)), columns=["a", "b$", "c"])
    place = np.digitize(X["a"] + rng.standard_normal(600), [0, 1.5])
    y = np.array(ORDER)[place]
    model = make_pipeline(StandardScaler(), Ordered()).fit(X, y)
    display = RareClassCalibrationDisplay.from_estimator(model, X, y)
    assert display.class_name == "high"
    p = model.predict_proba(X)[:, 0]
    same = RareClassCalibrationDisplay.from_predictions(
        y, p, rare="high", class_order=ORDER, ax=display.ax_
    )
    np.testing.assert_allclose(same.predicted, display.predicted)
    np.testing.assert_array_equal(same.n_events, display.n_events)
    low = RareClassCalibrationDisplay.from_estimator(model, X, y, rare="low", n_bins=2)
    assert low.n_events.sum() == (y == "low").sum()
    assert "predicted probability of low" in low.ax_.get_xlabel()
    display.figure_.canvas.draw()


def test_bad_input_of_calibration():
    make = RareClassCalibrationDisplay.from_predictions
    for options, message in [
        ({"n_bins": 0}, "n_bins=0"),
        ({"min_rows": 0}, "min_rows=0"),
        ({"interval": "normal"}, "interval='normal' must be"),
        ({"confidence_level": 95}, "confidence_level=95 must lie"),
        ({"rare": 5}, "rare=5 must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            make([0, 1, 0], [0.1, 0.2, 0.3], **options)
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        make([0, 1], [0.1, 1.2])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        make([0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="give one entry for each bin"):
        RareClassCalibrationDisplay([0.1], [1, 2], [3, 4])


def test_constructor_needs_no_matplotlib():
    code = (
        "import sys, skext.metrics as m; "
        "m.RareClassCalibrationDisplay([0.1], [1], [9]); "
        "assert not {'matplotlib', 'numba'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_and_styles(pyplot):
    display = RareClassCalibrationDisplay([0.1], [1], [9], name="$")
    display.plot(curve_kwargs={"c": "k", "ls": "none"})
    ((line, *_),) = display.ax_.containers
    assert (line.get_color(), line.get_linestyle()) == ("k", "None")
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text() == "$, 1 bin of 9 rows"
    assert not text.get_parse_math()
    display.plot(name="other")
    assert display.ax_.get_legend().get_texts()[0].get_text().startswith("other, ")
