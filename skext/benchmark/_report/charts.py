"""What the figures of the benchmark report have in common: charts, rows, hover texts.

A chart is a plain dict that plotly.js draws in the page. Colours are the page's CSS
variables, so that the same chart follows light mode, dark mode and print; ``narrow``
holds what is different on a phone.
"""

import base64
import functools
import gzip
from dataclasses import dataclass
from html import escape

import numpy as np

from skext.utils._optional import optional_import
from skext.utils._plotting import shorten

SYMBOL = {
    "skext": "circle",
    "peer": "square",
    "baseline": "triangle-up",
    "user": "diamond",
}


@dataclass(frozen=True)
class Figure:
    """Charts, at least ``width`` pixels wide each, with the texts around them."""

    title: str
    charts: list
    alt: str
    caption: str
    legend: tuple = ()
    width: int = 300


@dataclass(frozen=True)
class Run:
    """What a figure may use beside the analysis of a track.

    Attributes
    ----------
    methods : dict of str to dict
        What is known about each method.
    tasks : DataFrame
        Properties of the tasks, by name.
    dummy : str
        Trivial method of the track.
    calibration : dict of str to ReliabilityBins
        Forecasts against what came, of each method with stored probabilities.
    """

    methods: dict
    tasks: object
    dummy: str
    calibration: dict


@functools.cache
def plotly_bundle():
    """Return plotly.js, packed: 2 MB of text in the place of 5 MB."""
    offline = optional_import(
        "plotly.offline", extra="bench", purpose="The benchmark report"
    )
    packed = gzip.compress(offline.get_plotlyjs().encode(), 9, mtime=0)
    return base64.b64encode(packed).decode()


def paint(name):
    """Return a colour of the page."""
    return f"var(--{name})"


def family_of(methods, name):
    """Return the family of a method; unknown ones count as the user's."""
    family = (methods.get(name) or {}).get("family")
    return family if family in SYMBOL else "user"


def family_legend(methods, names):
    """Families that occur among the methods, in a fixed order."""
    present = {family_of(methods, name) for name in names}
    return tuple(family for family in SYMBOL if family in present)


def bounded(scores):
    """Whether the scores of different tasks lie on one scale (-1 to 1)."""
    values = scores.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    return bool(values.size and np.abs(values).max() <= 1 + 1e-9)


def stretches(values, others):
    """Whether drawing some values would squeeze the others into half the axis."""
    values, others = (np.asarray(v, dtype=float).ravel() for v in (values, others))
    values, others = values[np.isfinite(values)], others[np.isfinite(others)]
    if not values.size or others.size < 2:
        return False
    together = np.ptp(np.concatenate([values, others]))
    return bool(together > 2 * np.ptp(others))


def label(name, methods, limit=30):
    """Write the name of a method; ours in bold."""
    text = escape(shorten(name, limit))
    return f"<b>{text}</b>" if family_of(methods, name) == "skext" else text


def numbers(values):
    """Six digits of each value; a gap where it is not finite."""
    values = np.asarray(values, dtype=float).ravel()
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]


def trace(x, y, hover, color, *, marker=None, line=None, **options):
    """Draw points, a line or both, each point with its text under the pointer."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(x),
        "y": numbers(y),
        "hovertext": [escape(text) for text in hover],
        "hoverinfo": "text" if hover else "skip",
        "cliponaxis": False,
        "marker": {"color": paint(color), "size": 9, **(marker or {})},
        "line": {"color": paint(color), "width": 2, **(line or {})},
        **options,
    }


def method_trace(x, y, hover, family, *, hollow=False, marker=None, **options):
    """Draw points of a method in the colour and shape of its family."""
    edge = {"width": 2 if hollow else 0, "color": paint(family)}
    symbol = SYMBOL[family] + ("-open" if hollow else "")
    style = {"symbol": symbol, "opacity": 0.85, "line": edge, **(marker or {})}
    return trace(x, y, hover, family, marker=style, **options)


def chart(traces, height, *, xaxis, yaxis, narrow=None, title=(), **layout):
    """Lay traces out on axes in the style of the page, below a title of two lines."""
    clear = "rgba(0,0,0,0)"
    font = {"family": "system-ui, sans-serif", "size": 12.5, "color": paint("ink")}
    box = {"bgcolor": paint("surface"), "bordercolor": paint("muted"), "font": font}
    return {
        "title": title,
        "data": traces,
        "narrow": narrow or {},
        "layout": {
            "height": height,
            "margin": {"l": 8, "r": 24, "t": 8, "b": 44},
            "font": font,
            "hoverlabel": {**box, "align": "left"},
            "paper_bgcolor": clear,
            "plot_bgcolor": clear,
            "showlegend": False,
            "hovermode": "closest",
            # Dragging scrolls the page on a phone; the tool bar zooms.
            "dragmode": False,
            "xaxis": axis(**xaxis),
            "yaxis": axis(**yaxis),
            **layout,
        },
    }


def axis(title="", **options):
    """Return an axis without frame, in quiet colours."""
    muted = {"color": paint("muted")}
    return {
        "title": {"text": title, "font": {**muted, "size": 12.5}, "standoff": 8},
        "gridcolor": paint("grid"),
        "tickfont": muted,
        "tickangle": 0,
        "zeroline": False,
        "automargin": True,
        **options,
    }


def row_axis(names, methods, limit=30):
    """Put the methods on the y axis, first on top."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [label(name, methods, limit) for name in names],
        "tickfont": {"color": paint("ink")},
        "range": [len(names) - 0.5, -0.5],
        "fixedrange": True,
        "ticklabelstandoff": 8,
    }


def rows(traces, names, methods, *, pitch=30, limit=30, narrow=None, **options):
    """Lay traces out on one row for each method."""
    short = row_axis(names, methods, 16)["ticktext"]
    return chart(
        traces,
        pitch * len(names) + 56,
        yaxis=row_axis(names, methods, limit),
        narrow={"yaxis.ticktext": short, **(narrow or {})},
        **options,
    )


def upward_axis(what, edges, upward):
    """Put scores on the y axis, the better ones on top."""
    ends = numbers(edges if upward else edges[::-1])
    return {"title": f"{what} (up is better)", "range": ends}
