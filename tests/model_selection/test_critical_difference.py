"""The critical-difference diagram: groups, and labels that one can read."""

import itertools
import sys
import types

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from skext.model_selection import CriticalDifferenceDisplay
from skext.model_selection import _statistics as _stats


@pytest.fixture
def pyplot():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def _scores(k, n=15, spread=0.03, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(np.linspace(0.9, 0.8, k), spread, (n, k))


def _label_boxes(display):
    FigureCanvasAgg(display.figure_).draw()
    renderer = display.figure_.canvas.get_renderer()
    return [(t.get_text(), t.get_window_extent(renderer)) for t in display.ax_.texts]


def test_stored_ranks_are_sorted_and_groups_come_from_the_matrix(pyplot):
    scores = _scores(6)[:, ::-1]
    names = list("fedcba")
    display = CriticalDifferenceDisplay.from_scores(scores, method_names=names)
    ranks = _stats.average_ranks(scores).mean(axis=0)
    np.testing.assert_array_equal(display.mean_ranks, np.sort(ranks))
    assert display.method_names == [names[i] for i in np.argsort(ranks, kind="stable")]
    order = [names.index(name) for name in display.method_names]
    pvalues = _stats.pairwise_signed_rank(scores)
    np.testing.assert_array_equal(display.pvalues, pvalues[np.ix_(order, order)])
    assert display.cliques == _stats.maximal_cliques(display.pvalues)


def test_groups_may_pass_over_a_method(pyplot):
    p = np.ones((3, 3))
    p[1, [0, 2]] = p[[0, 2], 1] = 0.01
    display = CriticalDifferenceDisplay([1, 2, 3], ["a", "b", "c"], pvalues=p).plot()
    assert display.cliques == [[0, 2]]
    members = [line for line in display.ax_.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in members] == [2]
    # The method in between has no dot on the bar.
    stem = [
        line.get_xdata()[0] for line in display.ax_.lines if len(line.get_xdata()) == 3
    ]
    assert stem[1] not in members[0].get_xdata()


@pytest.mark.parametrize("k", [2, 3, 7, 20])
@pytest.mark.parametrize("test", ["wilcoxon", "nemenyi"])
def test_labels_do_not_overlap_and_stay_inside(pyplot, k, test):
    names = [f"some-method-with-a-name-{i}" for i in range(k)]
    display = CriticalDifferenceDisplay.from_scores(
        _scores(k), method_names=names, test=test
    )
    boxes = _label_boxes(display)
    frame = display.figure_.bbox
    for text, box in boxes:
        assert box.x0 >= frame.x0 - 1, text
        assert box.x1 <= frame.x1 + 1, text
        assert box.y0 >= frame.y0 - 1, text
        assert box.y1 <= frame.y1 + 1, text
    for (text, a), (other, b) in itertools.combinations(boxes, 2):
        assert not a.shrunk(0.98, 0.9).overlaps(b.shrunk(0.98, 0.9)), (text, other)
    shown = [text for text, _ in boxes]
    assert all(any(name in text for text in shown) for name in names)


def test_small_axes_shrink_the_font_and_cut_names_in_the_middle(pyplot):
    figure = Figure(figsize=(4, 1.2))
    ax = figure.add_axes((0, 0, 1, 1))
    names = [f"start-{'x' * 60}-end{i}" for i in range(8)]
    display = CriticalDifferenceDisplay.from_scores(
        _scores(8), method_names=names, ax=ax
    )
    assert display.ax_ is ax
    boxes = _label_boxes(display)
    for text, box in boxes:
        assert box.x0 >= -1, text
        assert box.x1 <= display.figure_.bbox.x1 + 1, text
    labels = [text for text, _ in boxes if "start" in text]
    assert len(labels) == 8
    assert all("…" in text for text in labels)


def test_names_are_never_read_as_formulas(pyplot):
    names = ["a$x^$", "$$\\frac", "<b>&", "", "模型"]
    p = np.ones((5, 5))
    display = CriticalDifferenceDisplay([1, 2, 3, 4, 5], names, pvalues=p)
    assert display.natural_size()[0] > 0
    CriticalDifferenceDisplay(display.mean_ranks[:4], names[:4]).plot()
    FigureCanvasAgg(pyplot.gcf()).draw()


def test_only_the_text_colour_is_used(pyplot):
    with pyplot.rc_context({"text.color": "#123456"}):
        display = CriticalDifferenceDisplay.from_scores(_scores(5))
    colours = {line.get_color() for line in display.ax_.lines}
    colours |= {text.get_color() for text in display.ax_.texts}
    assert colours == {"#123456"}


def test_without_tests_there_are_ranks_only(pyplot):
    display = CriticalDifferenceDisplay([2.5, 1.0, 2.5], ["a", "b", "c"]).plot()
    assert display.pvalues is None
    assert display.cliques == []
    assert not any("join" in text.get_text() for text in display.ax_.texts)


def test_dataframes_directions_and_missing_scores(pyplot):
    table = pd.DataFrame(_scores(3), columns=["good", "fair", "poor"])
    table.loc[2, "fair"] = np.nan
    display = CriticalDifferenceDisplay.from_scores(table)
    assert display.method_names == ["good", "fair", "poor"]
    assert display.n_tasks == 14
    errors = CriticalDifferenceDisplay.from_scores(table, greater_is_better=False)
    assert errors.method_names == ["poor", "fair", "good"]
    np.testing.assert_allclose(errors.mean_ranks, 4 - display.mean_ranks[::-1])


def test_identical_methods_are_one_group(pyplot):
    display = CriticalDifferenceDisplay.from_scores(np.full((8, 3), 0.5))
    np.testing.assert_array_equal(display.mean_ranks, [2, 2, 2])
    assert display.cliques == [[0, 1, 2]]


def test_from_results_and_from_analysis(pyplot):
    names = ["poor", "good"]
    analysis = types.SimpleNamespace(
        summary=pd.DataFrame({"mean_rank": [1.2, 1.8]}, index=names[::-1]),
        pairwise=pd.DataFrame([[1, 0.03], [0.03, 1]], index=names, columns=names),
        n_tasks=9,
        metric="accuracy",
    )
    asked = []

    class Results:
        def analyse(self, track, metric):
            asked.append((track, metric))
            return analysis

    display = CriticalDifferenceDisplay.from_results(Results(), metric="accuracy")
    assert asked == [(None, "accuracy")]
    assert display.method_names == ["good", "poor"]
    assert display.n_tasks == 9
    assert display.figure_ is not None
    analysis.n_tasks = 0
    with pytest.raises(ValueError, match="results has no task"):
        CriticalDifferenceDisplay.from_results(Results())


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        (np.ones(3), {}, r"scores has shape \(3,\)"),
        (np.ones((3, 1)), {}, "two methods"),
        (np.full((3, 2), np.nan), {}, "no task"),
        (np.ones((3, 2)), {"test": "t"}, "test='t'"),
        (np.ones((3, 2)), {"significance_level": 5}, "significance_level=5"),
        (np.ones((3, 2)), {"method_names": ["a"]}, "1 method_names"),
    ],
)
def test_bad_input(scores, options, message):
    with pytest.raises(ValueError, match=message):
        CriticalDifferenceDisplay.from_scores(scores, **options)


def test_bad_pvalues():
    with pytest.raises(ValueError, match="pvalues has shape"):
        CriticalDifferenceDisplay([1, 2], ["a", "b"], pvalues=np.ones((3, 3)))


def test_matplotlib_is_imported_by_drawing_only():
    import subprocess

    code = (
        "import sys, skext.model_selection as m; "
        "m.CriticalDifferenceDisplay([1, 2], ['a', 'b']); "
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
