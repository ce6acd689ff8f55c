"""The examples of the gallery run, and none of their pictures is empty.

The gallery runs a file block by block and takes all figures that are open after a
block, the first of them as the thumbnail. A figure made in one block and drawn on in
the next is thus shown empty.
"""

import re
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "docs" / "examples").glob("plot_*.py"))
# Lines that begin a block of text, as sphinx-gallery reads them.
BORDER = re.compile(r"^(?:# ?%%.*|#{20,})$", re.MULTILINE)


def empty_axes(figure):
    """Axes that are switched on and show neither lines, shapes, points nor text."""
    return [
        ax
        for ax in figure.axes
        if ax.axison
        and not (ax.has_data() or ax.texts or ax.patches or ax.images or ax.tables)
    ]


def figures_of_blocks(text, name, pyplot):
    """Run blocks one by one; yield the figures that each leaves open."""
    space, line = {"__name__": "__main__"}, 0
    for block in BORDER.split(text):
        exec(compile("\n" * line + block, name, "exec"), space)
        line += block.count("\n")
        yield [pyplot.figure(number) for number in pyplot.get_fignums()]
        pyplot.close("all")


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.filterwarnings("ignore:Animation was deleted")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_shows_data(path, pyplot):
    n_figures = 0
    for figures in figures_of_blocks(path.read_text(), str(path), pyplot):
        for figure in figures:
            n_figures += 1
            assert figure.axes, "a figure without axes"
            assert not empty_axes(figure), "a picture with empty axes"
    assert n_figures > 0


def test_empty_pictures_are_seen(pyplot):
    early = "figure, ax = plt.subplots()\n# %%\n# Text.\n\nax.plot([0, 1])\n"
    text = "import matplotlib.pyplot as plt\n" + early
    blocks = figures_of_blocks(text, "early", pyplot)
    assert len(empty_axes(next(blocks)[0])) == 1
    assert next(blocks) == []
    _, axes = pyplot.subplots(2)
    axes[0].scatter([0], [1])
    assert empty_axes(axes[0].figure) == [axes[1]]
    axes[1].set_axis_off()
    assert empty_axes(axes[0].figure) == []
