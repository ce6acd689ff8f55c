"""What displays share."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skext.utils._plotting import (
    check_confidence_level,
    check_entries,
    curve_style,
    last_step,
    one_axes,
    percent,
    plain_legend,
    shades,
    shorten,
)


def test_axes_are_those_given_or_new_ones(pyplot):
    _, ax = pyplot.subplots()
    assert one_axes(ax) is ax
    assert one_axes(None).figure is not ax.figure


def test_styles_of_users_win_by_whatever_alias():
    style = curve_style({"lw": 3, "c": "k"}, linewidth=1, color="C0", marker="o")
    assert style == {"linewidth": 3, "color": "k", "marker": "o"}
    assert curve_style(None, marker="o") == {"marker": "o"}
    with pytest.raises(TypeError, match="aliases"):
        curve_style({"lw": 3, "linewidth": 2})


def test_a_dollar_begins_no_formula(pyplot):
    _, ax = pyplot.subplots()
    ax.plot([0, 1], label="$a$ and $b")
    plain_legend(ax, loc="upper left")
    assert not ax.get_legend().get_texts()[0].get_parse_math()
    ax.figure.canvas.draw()


def test_shades_are_ordered_by_lightness(pyplot):
    lightness = [np.dot(color[:3], (0.3, 0.6, 0.1)) for color in shades(5)]
    assert lightness == sorted(lightness)
    assert len(shades(1, "plasma")) == 1


@pytest.mark.parametrize(
    ("share", "text"), [(0.95, "95 %"), (0.999, "99.9 %"), (1 / 3, "33.33 %")]
)
def test_percent(share, text):
    assert percent(share) == text


def test_long_labels_are_cut_in_the_middle():
    assert shorten("short") == "short"
    cut = shorten("skext-smote-with-a-long-name-3", 15)
    assert len(cut) == 15
    assert cut.startswith("skext-smo")
    assert cut.endswith("ame-3")


def test_what_is_refused():
    for level in (0, 1, 95):
        with pytest.raises(ValueError, match=f"confidence_level={level} must lie"):
            check_confidence_level(level)
    display = SimpleNamespace(a=[1, 2], b=np.ones(2), c=[1])
    check_entries(display, "bin", "a", "b")
    with pytest.raises(ValueError, match=r"b of shape \(2,\), c of shape \(1,\); give"):
        check_entries(display, "bin", "a", "b", "c")


def test_the_last_step_is_inside_of_pipelines_and_searches():
    model = LogisticRegression()
    assert last_step(make_pipeline("passthrough", model)) is model
    search = GridSearchCV(make_pipeline(model), {"logisticregression__C": [1]}, cv=2)
    search.fit(np.arange(8.0).reshape(-1, 1), [0, 1] * 4)
    assert isinstance(last_step(search), LogisticRegression)
