"""The figure of scores against the size of the bags that were learned from."""

import numpy as np

from skext.benchmark._engine.text import format_number
from skext.benchmark._report.charts import (
    Figure,
    bounded,
    chart,
    family_legend,
    family_of,
    label,
    method_trace,
    numbers,
    paint,
    upward_axis,
)


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


_LINE = 17


def score_against_bag_size(analysis, run):
    """One line for each method: how its score goes with the size of the bags."""
    means, n_tables = scores_by_bag_size(analysis.scores, run.tasks)
    if means is None or not bounded(means):
        return None
    what, upward = f"mean {analysis.metric}", analysis.greater_is_better
    low, high = means.min(axis=None), means.max(axis=None)
    margin = 0.04 * ((high - low) or 0.1)
    edges = [low - margin, high + margin]
    traces = []
    for name, scores in means.items():
        hover = [
            f"{name}, bags of {size}: {format_number(value)}"
            for size, value in scores.items()
        ]
        dash = "dash" if str(name).startswith("control-") else "solid"
        traces.append(
            method_trace(
                means.index, scores, hover, family_of(run.methods, name),
                marker={"size": 8}, mode="lines+markers",
                line={"dash": dash, "width": 1.6},
            )
        )  # fmt: skip
    last = means.iloc[-1].dropna().sort_values(ascending=not upward)
    height = max(250, _LINE * len(last))
    # Where the scores end on the axis, in pixels from its top.
    ends = np.abs(last.to_numpy() - edges[int(upward)]) / np.ptp(edges) * height
    names = [
        _name_at_the_end(means.index[-1], last[name], label(name, run.methods, 26), gap)
        for name, gap in zip(
            last.index, _apart(ends, _LINE, height) - ends, strict=True
        )
    ]
    drawing = chart(
        traces,
        height + 64,
        xaxis={
            "title": "rows in a bag",
            "type": "log",
            "tickvals": numbers(means.index),
            "ticktext": [f"{size:,}" for size in means.index],
        },
        yaxis=upward_axis(what, edges, upward),
        annotations=names,
        margin={"l": 8, "r": 200, "t": 8, "b": 56},
        narrow={"annotations": [], "margin.r": 16},
    )
    alt = (
        f"Lines of {what} over bag sizes from {means.index[0]} to {means.index[-1]} "
        f"for {means.shape[1]} methods. At the largest bags {last.index[0]} is best "
        f"with {format_number(last.iloc[0])}."
    )
    caption = (
        f"Mean over the {n_tables} tables that come in bags of all these sizes. A "
        "method has learned from the bags only as far as it is above its controls, "
        "which are told wrong shares; those that are told all labels or none do not "
        "depend on the size."
    )
    legend = family_legend(run.methods, means.columns)
    return Figure("Score against bag size", [drawing], alt, caption, legend)


def _name_at_the_end(size, score, name, gap):
    """Write a name beside the end of a line, with a thin line to it."""
    return {
        "x": float(np.log10(size)),
        "y": float(score),
        "text": name,
        "ax": 26,
        "ay": float(gap),
        "xanchor": "left",
        "arrowhead": 0,
        "arrowwidth": 1,
        "standoff": 6,
        "arrowcolor": paint("grid"),
    }


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
