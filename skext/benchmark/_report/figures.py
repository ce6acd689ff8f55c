"""Figures with one row for each method."""

from html import escape

import numpy as np

from skext.benchmark._engine.text import format_number, percent
from skext.benchmark._report.charts import (
    SYMBOL,
    Figure,
    axis,
    family_legend,
    family_of,
    method_trace,
    numbers,
    paint,
    rows,
    stretches,
    trace,
)
from skext.model_selection import CriticalDifferenceDisplay
from skext.model_selection._plot.critical_difference import stack


def critical_difference(analysis, run):
    """Mean ranks; lines join methods that the tests do not tell apart.

    Methods are rows, not the two columns of names of the printed diagram, which leave
    no room for the axis on a phone.
    """
    if analysis.n_tasks < 2 or len(analysis.summary) < 3:
        return None
    display = CriticalDifferenceDisplay.from_analysis(analysis)
    names, ranks = display.method_names, display.mean_ranks
    traces = [
        method_trace([rank], [row], [f"{name}: mean rank {rank:.2f}"], family)
        for row, (name, rank) in enumerate(zip(names, ranks, strict=True))
        for family in [family_of(run.methods, name)]
    ]
    groups = [" and ".join(names[i] for i in clique) for clique in display.cliques]
    lanes = stack([(clique[0], clique[-1]) for clique in display.cliques], gap=0)
    for clique, group, lane in zip(display.cliques, groups, lanes, strict=True):
        hover = [f"Not told apart: {group}"] * len(clique)
        x = [lane] * len(clique)
        line = trace(x, clique, hover, "ink", mode="lines+markers", line={"width": 3})
        traces.append({**line, "xaxis": "x2"})
    n_lanes = max(lanes, default=-1) + 1
    share = min(0.4, 0.05 * n_lanes + 0.04) if groups else 0
    bare = {"showgrid": False, "showticklabels": False, "fixedrange": True}
    drawing = rows(
        traces,
        names,
        run.methods,
        xaxis={
            "title": "mean rank (1 is best)",
            "domain": [0, 1 - share],
            **_rank_axis(len(names), 10),
        },
        xaxis2=axis(domain=[1 - share, 1], range=[-0.7, n_lanes - 0.3], **bare),
        narrow={"xaxis.dtick": _rank_axis(len(names), 4)["dtick"]},
    )
    alt = "Mean ranks: "
    alt += ", ".join(f"{n} {r:.2f}" for n, r in zip(names, ranks, strict=True)) + "."
    if groups:
        alt += f" Not told apart: {'; '.join(groups)}."
    tested = (
        "All pairs are tested; a line on the right joins methods that the tests do not "
        "tell apart, its dots are the members."
        if analysis.pairwise is not None
        else "They are too few for tests."
    )
    caption = f"Ranks are averaged over {analysis.n_tasks} tasks. {tested}"
    legend = family_legend(run.methods, names)
    return Figure("Critical differences", [drawing], alt, caption, legend)


def _rank_axis(n_methods, n_ticks):
    step = -(-n_methods // n_ticks)
    return {"range": [0.6, n_methods + 0.4], "tick0": 1, "dtick": step}


def probability_bars(analysis, run):
    """P(better), P(equivalent), P(worse) of each method against the baseline."""
    parts = ["p_better", "p_equivalent", "p_worse"]
    table = analysis.summary
    table = table[table.index != analysis.baseline]
    table = table[[p for p in parts if p in table]].astype(float).dropna()
    if table.empty or table.shape[1] < 3:
        return None
    order = (table["p_better"] + table["p_equivalent"] / 2).sort_values(
        ascending=False, kind="stable"
    )
    table = table.loc[order.index]
    traces = []
    for part, color in zip(parts, ("better", "equal", "worse"), strict=True):
        shares = table[part]
        hover = [f"{name}: P({part[2:]}) = {p:.3f}" for name, p in shares.items()]
        bar = {
            "type": "bar",
            "orientation": "h",
            "width": 0.62,
            "x": numbers(shares),
            "y": list(range(len(shares))),
            "hovertext": [escape(text) for text in hover],
            "hoverinfo": "text",
            "marker": {"color": paint(color), "line": {"width": 0}},
            "text": [percent(p) if p >= 0.07 else "" for p in shares],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "textfont": {"color": paint(f"on-{color}"), "size": 11.5},
        }
        traces.append(bar)
    shares = [0, 0.5, 1]
    drawing = rows(
        traces,
        list(table.index),
        run.methods,
        barmode="stack",
        xaxis={
            "range": [0, 1],
            "tickvals": shares,
            "ticktext": [f"{100 * share:g} %" for share in shares],
        },
    )
    best = table.iloc[0]
    alt = (
        f"Stacked bars for {len(table)} methods against {analysis.baseline}. "
        f"{best.name} comes first: better with probability "
        f"{percent(best['p_better'])}, practically equivalent "
        f"{percent(best['p_equivalent'])}, worse {percent(best['p_worse'])}."
    )
    caption = (
        f"Bayesian signed-rank test over {analysis.n_tasks} tasks: how probable it is "
        f"that the method is better than, equivalent to (within ±{analysis.rope:g}) "
        f"or worse than {analysis.baseline}."
    )
    title = f"Probability of beating {analysis.baseline}"
    return Figure(title, [drawing], alt, caption, ("better", "equal", "worse"))


def difference_dots(analysis, run):
    """One dot per task: by how much each method beats the baseline there.

    The dummy is left out where it would squeeze all others.
    """
    if analysis.differences is None or analysis.baseline not in analysis.scores:
        return None
    table, relative = analysis.differences, analysis.relative
    table = table.drop(columns=analysis.baseline).dropna(axis=1, how="all")
    left_out = ""
    if run.dummy in table:
        others = table.drop(columns=run.dummy)
        if stretches(table[run.dummy], np.append(others, 0.0)):
            left_out = f" Far to the left and not drawn: {run.dummy}, with a median of "
            left_out += _difference_text(table[run.dummy].median(), relative) + "."
            table = others
    if table.empty:
        return None
    medians = table.median().sort_values(ascending=False, kind="stable")
    table = table[medians.index]
    place, xaxis = _difference_axis(table.to_numpy(), 100 if relative else 1)
    failed = analysis.raw_scores.reindex(index=table.index, columns=table.columns)
    failed = failed.isna()
    traces = [
        dots
        for row, name in enumerate(table.columns)
        for dots in _task_dots(row, table[name], failed[name], place, run.methods)
    ]
    hover = [
        f"{name}: median {_difference_text(m, relative)}" for name, m in medians.items()
    ]
    edge = {"width": 2, "color": paint("ink")}
    tick = {"symbol": "line-ns", "size": 22, "line": edge}
    traces.append(trace(place(medians), range(len(medians)), hover, "ink", marker=tick))
    line = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"}
    shapes = [line | {"line": {"color": paint("muted"), "width": 1.2}}]
    if not relative and analysis.rope:
        low, high = numbers(place([-analysis.rope, analysis.rope]))
        band = {"fillcolor": paint("band"), "line": {"width": 0}, "layer": "below"}
        shapes.append({**line, "type": "rect", "x0": low, "x1": high, **band})
    names = list(table.columns)
    style = {"xaxis": xaxis, "shapes": shapes, "narrow": {"xaxis.nticks": 4}}
    drawing = rows(traces, names, run.methods, pitch=34, **style)
    better = "right" if medians.iloc[0] > 0 else "left"
    alt = (
        f"Dot plot with one dot per task and one row per method; right of zero is "
        f"better than {analysis.baseline}. {medians.index[0]} has the highest median "
        f"({_difference_text(medians.iloc[0], relative)}), on the {better} side of "
        "zero."
    )
    unit = "relative difference" if relative else "difference"
    band = f", the band the region of equivalence ±{analysis.rope:g}"
    band = "" if relative else band
    hollow = " Hollow marks are failures that the dummy stands in for."
    caption = (
        f"Each dot is a task: {unit} in {analysis.metric} to {analysis.baseline}, "
        f"right is better. The vertical tick is the median over tasks{band}."
        f"{hollow if failed.any(axis=None) else ''}{left_out}"
    )
    title = f"Task by task against {analysis.baseline}"
    return Figure(title, [drawing], alt, caption, family_legend(run.methods, names))


def _tick_text(value):
    return f"{value:.6g}".replace("-", "−")


def _difference_text(value, relative):
    percentage = f"{_tick_text(round(100 * value, 1))} %"
    return percentage if relative else format_number(value)


def _difference_axis(values, unit):
    """Choose a linear axis, or for wide spreads one that is logarithmic outwards.

    Returns
    -------
    place : callable
        Gives the places of differences on the axis.
    axis : dict
        The axis.
    """
    suffix = " %" if unit == 100 else ""
    xaxis = {"title": "← worse       better →", "ticksuffix": suffix, "nticks": 8}
    size = unit * np.abs(values[np.isfinite(values)])
    top = float(size.max(initial=0.0))
    typical = float(np.median(size[size > 0])) if top else 1.0
    if top <= 25 * typical:
        return lambda d: unit * np.asarray(d), xaxis
    linear = 10.0 ** np.floor(np.log10(typical))
    powers = linear * 10.0 ** np.arange(0, np.ceil(np.log10(top / linear)) + 1, 2)
    ticks = np.concatenate([-powers[::-1], [0.0], powers])
    low, high = unit * min(np.nanmin(values), 0), unit * max(np.nanmax(values), 0)
    ticks = ticks[(ticks >= 1.3 * low) & (ticks <= 1.3 * high)]
    xaxis |= {
        "tickvals": numbers(np.arcsinh(ticks / linear)),
        "ticktext": [f"{_tick_text(t)}{suffix}" for t in ticks],
    }
    return lambda d: np.arcsinh(unit * np.asarray(d) / linear), xaxis


def _task_dots(row, values, failed, place, methods):
    values = values.dropna()
    failed = failed[values.index].to_numpy()
    # A low-discrepancy spread keeps dots apart and is the same in every run.
    offset = ((np.arange(values.size) * 0.618034) % 1 - 0.5) * 0.5
    for hollow in (False, True):
        some = failed == hollow
        if some.any():
            end = " (failed, dummy)" if hollow else ""
            hover = [
                f"{values.name} on {task}: {value:+.4f}{end}"
                for task, value in values[some].items()
            ]
            family = family_of(methods, values.name)
            x, y = place(values[some]), row + offset[some]
            yield method_trace(x, y, hover, family, hollow=hollow, marker={"size": 8})


_PROPERTIES = {
    "n_rows": "rows",
    "n_columns": "columns",
    "minority_share": "minority share",
}


def ranks_by_property(analysis, run):
    """Mean rank on the lower and the upper half of the tasks, by task property."""
    ranks = analysis.ranks.dropna(axis=1, how="all")
    halves = _halves(ranks, run.tasks)
    if len(ranks) < 6 or ranks.shape[1] < 2 or not halves:
        return None
    names = list(ranks.mean().sort_values(kind="stable").index)
    charts = [_rank_panel(ranks, names, half, run.methods) for half in halves]
    listed = ", ".join(label for label, *_ in halves)
    first = halves[0]
    moved = (ranks.loc[first[3]].mean() - ranks.loc[first[2]].mean()).dropna()
    most = moved.abs().idxmax()
    direction = "worse" if moved[most] > 0 else "better"
    alt = (
        f"Mean rank of {len(names)} methods on the lower and the upper half of the "
        f"tasks by {listed}. With more {first[0]}, {most} changes most: its rank gets "
        f"{direction} by {abs(moved[most]):.1f}."
    )
    caption = (
        "Mean rank on tasks at or below the middle value (hollow) and above it "
        "(filled); left is better. A long bar means that the method's standing depends "
        "on the property. Halves of so few tasks are a hint, not a test."
    )
    legend = family_legend(run.methods, names)
    return Figure("Rank by task property", charts, alt, caption, legend, 230)


def _halves(ranks, tasks):
    """Split the tasks at the middle of each property that varies."""
    found = []
    for column, name in _PROPERTIES.items():
        if column not in tasks:
            continue
        values = tasks[column].reindex(ranks.index).astype(float).dropna()
        if len(values) < 6:
            continue
        split = float(np.median(values))
        if values.max() <= split:
            below = values[values < values.max()].to_numpy()
            split = float(below.max(initial=-np.inf))
        low, high = values.index[values <= split], values.index[values > split]
        if min(len(low), len(high)) >= 3:
            found.append((name, split, low, high))
    return found


def _rank_panel(ranks, names, half, methods):
    title, split, low, high = half
    low, high = (ranks.loc[tasks, names].mean() for tasks in (low, high))
    bound, traces = format_number(split), []
    for row, name in enumerate(names):
        family = family_of(methods, name)
        hover = [
            f"{name}, {title} {sign} {bound}: rank {value[name]:.2f}"
            for sign, value in (("≤", low), (">", high))
        ]
        marker = {"symbol": [f"{SYMBOL[family]}-open", SYMBOL[family]]}
        traces.append(
            method_trace(
                [low[name], high[name]], [row, row], hover, family, hollow=True,
                marker=marker, mode="lines+markers",
            )
        )  # fmt: skip
    return rows(
        traces,
        names,
        methods,
        limit=16,
        xaxis={"title": "mean rank", **_rank_axis(len(names), 4)},
        title=(title, f"hollow ≤ {bound} < filled"),
    )
