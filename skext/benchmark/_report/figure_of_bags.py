"""The figure of scores against the size of the bags that were learned from."""

import numpy as np

from skext.benchmark._engine.text import format_number, shorten
from skext.benchmark._report.drawing import (
    CHARACTER,
    MARKER,
    WIDTH,
    Figure,
    bounded,
    family_legend,
    family_of,
    nice_ticks,
    tick_text,
    x_grid,
)
from skext.benchmark._report.svg import COLOR, Canvas, styled

_LINE = 17.0


def scores_by_bag_size(scores, tasks):
    """Average scores over the tables that come in bags of every size.

    Parameters
    ----------
    scores : DataFrame of shape (n_tasks, n_methods)
        Scores.
    tasks : DataFrame
        Properties of the tasks, by name.

    Returns
    -------
    means : DataFrame of shape (n_sizes, n_methods) or None
        None if there are fewer than two sizes, or no table has all of the most sizes
        that any has.
    n_tables : int
        Number of tables.
    """
    if "bag_size" not in tasks:
        return None, 0
    sizes = tasks["bag_size"].reindex(scores.index).dropna().astype(int)
    tables = [
        str(name).removesuffix(f"-bags{size}")
        for name, size in zip(sizes.index, sizes, strict=True)
    ]
    table = scores.loc[sizes.index].copy()
    table["table"], table["size"] = tables, sizes
    found = table.groupby("table")["size"].nunique()
    if found.empty or found.max() < 2:
        return None, 0
    most = found.index[found == found.max()]
    table = table[table["table"].isin(most)]
    common = table.groupby("size")["table"].nunique() == len(most)
    if common.sum() < 2:
        return None, 0
    means = table.drop(columns="table").groupby("size").mean()
    return means[common.reindex(means.index)], len(most)


@styled
def score_against_bag_size(key, analysis, tasks, method_info):
    """One line for each method: how its score goes with the size of the bags."""
    means, n_tables = scores_by_bag_size(analysis.scores, tasks)
    if means is None or not bounded(means):
        return None
    names = list(means.columns)
    canvas = Canvas(key, WIDTH, 120 + max(250, _LINE * len(names)))
    height = canvas.height - 90
    right = 34 + CHARACTER * max(len(shorten(name, 26)) for name in names)
    ax = canvas.axes(64, 22, WIDTH - 64 - right, height)
    x = np.log2(means.index.to_numpy(float))
    values = means.to_numpy(float)
    span = (np.nanmax(values) - np.nanmin(values)) or 0.1
    edges = np.nanmin(values) - 0.04 * span, np.nanmax(values) + 0.04 * span
    upward = analysis.greater_is_better
    ax.set_ylim(*(edges if upward else edges[::-1]))
    ax.set_xlim(x[0] - 0.1, x[-1] + 0.1)
    x_grid(ax, x, [f"{size:,}" for size in means.index])
    ax.set_xlabel("rows in a bag", labelpad=8)
    ax.set_yticks(nice_ticks(*edges))
    ax.yaxis.set_major_formatter(lambda v, _: tick_text(v))
    ax.grid(axis="y", color=COLOR["grid"], linewidth=0.8)
    label = f"mean {analysis.metric}"
    ax.text(0, 1.03, f"↑ better: {label}", transform=ax.transAxes, color=COLOR["muted"])
    for name in names:
        _draw_line(canvas, ax, x, means[name], method_info)
    _write_names(ax, x[-1], means.iloc[-1], edges, upward, height, method_info)
    last = means.iloc[-1].sort_values(ascending=not upward)
    alt = (
        f"Lines of {label} over bag sizes from {means.index[0]} to {means.index[-1]} "
        f"for {len(names)} methods. At the largest bags {last.index[0]} is best with "
        f"{format_number(last.iloc[0])}."
    )
    caption = (
        f"Mean over the {n_tables} tables that come in bags of all these sizes. A "
        "method has learned from the bags only as far as it is above its controls, "
        "which are told wrong shares; those that are told all labels or none do not "
        "depend on the size."
    )
    return Figure(
        key,
        "Score against bag size",
        canvas.svg(alt),
        alt,
        caption,
        family_legend(method_info, names),
    )


def _draw_line(canvas, ax, x, scores, method_info):
    family = family_of(method_info, scores.name)
    dashes = (4, 3) if str(scores.name).startswith("control-") else (None, None)
    ax.plot(x, scores, color=COLOR[family], linewidth=1.6, dashes=dashes, alpha=0.8)
    titles = [
        f"{scores.name}, bags of {size}: {format_number(value)}"
        for size, value in scores.items()
    ]
    canvas.points(ax, x, scores, titles, color=family, marker=MARKER[family], size=6.5)


def _write_names(ax, x, scores, edges, upward, height, method_info):
    """Write names at the ends of the lines, moved apart, with thin lines to them."""
    scores = scores.dropna().sort_values(ascending=not upward)
    low, high = edges
    wanted = (high - scores if upward else scores - low) / (high - low) * height
    places = _apart(wanted.to_numpy(), _LINE, height)
    for name, start, place in zip(scores.index, wanted, places, strict=True):
        ax.annotate(
            shorten(name, 26),
            (x, scores[name]),
            xytext=(24, start - place),
            textcoords="offset points",
            va="center_baseline",
            fontsize=12,
            weight="bold" if family_of(method_info, name) == "skext" else "normal",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": COLOR["grid"],
                "linewidth": 0.8,
                "relpos": (0, 0.5),
                "shrinkA": 0,
                "shrinkB": 5,
            },
        )


def _apart(places, gap, height):
    """Move sorted places so that neighbours are at least a gap apart."""
    places = np.array(places, dtype=float)
    for i in range(1, places.size):
        places[i] = max(places[i], places[i - 1] + gap)
    if places.size and places[-1] > height:
        places[-1] = height
        for i in range(places.size - 2, -1, -1):
            places[i] = min(places[i], places[i + 1] - gap)
    return places
