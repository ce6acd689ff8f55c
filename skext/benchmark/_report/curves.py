"""Figures of scores against costs, and of forecasts against what came."""

import numpy as np

from skext.benchmark._engine.text import format_number, format_seconds
from skext.benchmark._report.charts import (
    Figure,
    bounded,
    chart,
    family_legend,
    family_of,
    label,
    method_trace,
    numbers,
    stretches,
    trace,
    upward_axis,
)
from skext.utils._probabilities import calibration_error


def score_against_time(analysis, run):
    """Quality against cost, with the methods that nothing beats in both.

    The dummy is left out where it would squeeze all others.
    """
    on_scale = bounded(analysis.scores)
    column = "mean_score" if on_scale else "mean_rank"
    table = analysis.summary[[column, "fit_time"]].astype(float).dropna()
    table = table[table["fit_time"] > 0]
    what = f"mean {analysis.metric}" if on_scale else f"mean rank by {analysis.metric}"
    left_out = ""
    if run.dummy in table.index:
        others = table.drop(index=run.dummy)
        if stretches(table.loc[run.dummy, column], others[column]):
            value = format_number(table.loc[run.dummy, column])
            left_out = f" Far below and not drawn: {run.dummy}, with {what} {value}."
            table = others
    if len(table) < 2:
        return None
    upward = analysis.greater_is_better and on_scale
    x, y = table["fit_time"].to_numpy(), table[column].to_numpy()
    front = _pareto(x, y if upward else -y)
    ends = np.log10([x.min(), x.max()])
    # At least most of a decade, so that equal times do not look different.
    pad = max(0.08 + 0.06 * np.ptp(ends), 0.45 - np.ptp(ends) / 2)
    ends += [-pad, pad]
    span = np.ptp(y) or 0.1
    edges = [y.min() - 0.1 * span, y.max() + 0.15 * span]
    ticks = [
        m * 10.0**p
        for p in range(int(ends[0] // 1), int(ends[1]) + 2)
        for m in ((1,) if np.ptp(ends) > 3 else (1, 2, 5))
    ]
    traces = [trace(x[front], y[front], [], "front", mode="lines")]
    for i, name in enumerate(table.index):
        hover = f"{name}: {what} {format_number(y[i])}, fit {format_seconds(x[i])}"
        text = label(name, run.methods, 20) if i in front else ""
        side = {front[0]: "right", front[-1]: "left"}.get(i, "center")
        named = {"mode": "markers+text", "text": [text], "textposition": f"top {side}"}
        point = x[i], y[i], [hover], family_of(run.methods, name)
        traces.append(method_trace(*point, marker={"size": 11}, **named))
    drawing = chart(
        traces,
        404,
        xaxis={
            "title": "median fit time per fold",
            "type": "log",
            "range": numbers(ends),
            "tickvals": ticks,
            "ticktext": [format_seconds(t) for t in ticks],
        },
        yaxis=upward_axis(what, edges, upward),
    )
    alt = (
        f"Scatter plot of {what} against median fit time for {len(table)} methods. "
        f"Not beaten in both at once: {', '.join(table.index[front])}."
    )
    caption = (
        "Up is better, left is faster; the time axis is logarithmic. The line joins "
        "and names the methods that no other beats in both; point at the others for "
        f"their names.{left_out}"
    )
    legend = family_legend(run.methods, table.index)
    return Figure("Score against fit time", [drawing], alt, caption, legend)


def _pareto(cost, gain):
    """Positions of the points that no other beats in both, by rising cost."""
    best, front = -np.inf, []
    for i in np.lexsort((-gain, cost)):
        if gain[i] > best:
            best = gain[i]
            front.append(i)
    return np.array(front)


def reliability(analysis, run, *, limit=12):
    """Small multiples: forecast probabilities against what happened."""
    curves = run.calibration
    if not curves:
        return None
    errors = {
        name: calibration_error(c.predicted, c.n_events / c.n_rows, c.n_rows)
        for name, c in curves.items()
    }
    names = sorted(curves, key=lambda name: (errors[name], name))
    shown = names[:limit]
    charts = [
        _reliability_panel(name, curves[name], errors[name], run.methods)
        for name in shown
    ]
    alt = (
        f"Reliability plots of {len(shown)} methods: share of positives against mean "
        f"forecast. {names[0]} has the smallest calibration error "
        f"({errors[names[0]]:.3f}), {names[-1]} the largest ({errors[names[-1]]:.3f})."
    )
    caption = (
        "Forecast probability (across) against the share of positives that came "
        "(up), pooled over the binary tasks in up to ten bins of about equal size; the "
        "diagonal is perfect. ECE is the mean gap weighted by rows."
    )
    if len(shown) < len(names):
        caption += f" Shown: the best {limit} of {len(names)}."
    legend = family_legend(run.methods, shown)
    return Figure("Reliability of the probabilities", charts, alt, caption, legend, 150)


def _reliability_panel(name, bins, error, methods):
    shares = bins.n_events / bins.n_rows
    hover = [
        f"{name}: forecast {x:.3f}, came {y:.3f}, {n:,.0f} rows"
        for x, y, n in zip(bins.predicted, shares, bins.n_rows, strict=True)
    ]
    family = family_of(methods, name)
    style = {"marker": {"size": 8}, "mode": "lines+markers"}
    dots = method_trace(bins.predicted, shares, hover, family, **style)
    perfect = {"dash": "dash", "width": 1}
    ends = {"range": [0, 1], "tickvals": [0, 0.5, 1], "fixedrange": True}
    return chart(
        [trace([0, 1], [0, 1], [], "muted", mode="lines", line=perfect), dots],
        176,
        xaxis=ends,
        yaxis=ends,
        title=(name, f"ECE {error:.3f}"),
        margin={"l": 8, "r": 8, "t": 8, "b": 24},
    )
