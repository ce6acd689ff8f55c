"""Figures of the benchmark report."""

import numpy as np

from skext.benchmark._engine.text import format_number, percent, shorten
from skext.benchmark._report.drawing import (
    MARKER,
    ROW,
    WIDTH,
    Figure,
    family_legend,
    family_of,
    gutter,
    method_rows,
    nice_ticks,
    stretches,
    tick_text,
    x_grid,
)
from skext.benchmark._report.svg import COLOR, Canvas, styled


@styled
def critical_difference(key, analysis, method_info):
    """Mean ranks on a line; bars join methods that the tests do not tell apart."""
    if analysis.n_tasks < 2 or len(analysis.summary) < 3:
        return None
    from skext.model_selection import CriticalDifferenceDisplay

    display = CriticalDifferenceDisplay.from_analysis(analysis)
    font_size = 12.5
    height = round(72 * display.natural_size(font_size)[1])
    canvas = Canvas(key, WIDTH, height)
    display.plot(canvas.axes(0, 0, WIDTH, height), font_size=font_size)
    ranks = zip(display.method_names, display.mean_ranks, strict=True)
    groups = [
        " and ".join(display.method_names[i] for i in clique)
        for clique in display.cliques
    ]
    alt = "Mean ranks: " + ", ".join(f"{name} {rank:.2f}" for name, rank in ranks) + "."
    if groups:
        alt += f" Not told apart: {'; '.join(groups)}."
    tested = (
        "All pairs are tested; a method may share bars with several others."
        if analysis.pairwise is not None
        else "They are too few for tests."
    )
    caption = f"Ranks are averaged over {analysis.n_tasks} tasks. {tested}"
    return Figure(key, "Critical differences", canvas.svg(alt), alt, caption)


@styled
def probability_bars(key, analysis, method_info):
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
    left, height = gutter(table.index), ROW * len(table)
    canvas = Canvas(key, WIDTH, height + 32)
    ax = canvas.axes(left, 4, WIDTH - left - 26, height)
    method_rows(ax, list(table.index), method_info)
    start = np.zeros(len(table))
    for part, color in zip(parts, ("better", "equal", "worse"), strict=True):
        share = table[part].to_numpy()
        bars = ax.barh(
            np.arange(len(table)), share, left=start, height=0.62, color=COLOR[color]
        )
        for row, bar in enumerate(bars):
            name, value = table.index[row], share[row]
            canvas.titled(bar, [f"{name}: P({part[2:]}) = {value:.3f}"])
            if value >= 0.07:
                ax.text(
                    start[row] + value / 2,
                    row,
                    percent(value),
                    ha="center",
                    va="center_baseline",
                    fontsize=11.5,
                    color=COLOR[f"on-{color}"],
                )
        start = start + share
    ax.set_xlim(0, 1)
    x_grid(ax, [0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    best = table.index[0]
    alt = (
        f"Stacked bars for {len(table)} methods against {analysis.baseline}. "
        f"{best} comes first: better with probability "
        f"{percent(table['p_better'].iloc[0])}, practically equivalent "
        f"{percent(table['p_equivalent'].iloc[0])}, worse "
        f"{percent(table['p_worse'].iloc[0])}."
    )
    caption = (
        f"Bayesian signed-rank test over {analysis.n_tasks} tasks: how probable it is "
        f"that the method is better than, equivalent to (within ±{analysis.rope:g}) "
        f"or worse than {analysis.baseline}."
    )
    return Figure(
        key,
        f"Probability of beating {analysis.baseline}",
        canvas.svg(alt),
        alt,
        caption,
        ("better", "equal", "worse"),
    )


@styled
def difference_dots(key, analysis, method_info, *, dummy=None):
    """One dot per task: by how much each method beats the baseline there.

    The dummy is left out where it would squeeze all others.
    """
    if analysis.differences is None or analysis.baseline not in analysis.scores:
        return None
    table, relative = analysis.differences, analysis.relative
    table = table.drop(columns=analysis.baseline).dropna(axis=1, how="all")
    left_out = ""
    if dummy in table:
        others = table.drop(columns=dummy)
        if stretches(table[dummy], np.append(others, 0.0)):
            left_out = f" Far to the left and not drawn: {dummy}, with a median of "
            left_out += _difference_text(table[dummy].median(), relative) + "."
            table = others
    if table.empty:
        return None
    medians = table.median().sort_values(ascending=False, kind="stable")
    table = table[medians.index]
    left, height = gutter(table.columns), (ROW + 4) * table.shape[1]
    canvas = Canvas(key, WIDTH, height + 52)
    ax = canvas.axes(left, 4, WIDTH - left - 22, height)
    method_rows(ax, list(table.columns), method_info)
    _difference_axis(ax, table.to_numpy(), relative)
    if not relative and analysis.rope:
        ax.axvspan(-analysis.rope, analysis.rope, color=COLOR["band"], linewidth=0)
    ax.axvline(0, color=COLOR["muted"], linewidth=1.2)
    for row, name in enumerate(table.columns):
        _difference_row(canvas, ax, row, table[name].dropna(), analysis, method_info)
    failed = analysis.raw_scores.reindex(columns=table.columns).isna().any(axis=None)
    better = "right" if medians.iloc[0] > 0 else "left"
    alt = (
        f"Dot plot with one dot per task and one row per method; right of zero is "
        f"better than {analysis.baseline}. {medians.index[0]} has the highest median "
        f"({_difference_text(medians.iloc[0], relative)}), on the {better} side of "
        "zero."
    )
    unit = "relative difference" if relative else "difference"
    caption = (
        f"Each dot is a task: {unit} in {analysis.metric} to {analysis.baseline}, "
        "right is better. The vertical tick is the median over tasks"
        + (
            ""
            if relative
            else f", the band the region of equivalence ±{analysis.rope:g}"
        )
        + "."
        + (" Hollow marks are failures that the dummy stands in for." if failed else "")
        + left_out
    )
    return Figure(
        key,
        f"Task by task against {analysis.baseline}",
        canvas.svg(alt),
        alt,
        caption,
        family_legend(method_info, table.columns),
    )


def _difference_text(value, relative):
    return f"{tick_text(round(100 * value, 1))} %" if relative else format_number(value)


def _difference_axis(ax, values, relative):
    """Choose a linear scale, or a symmetric logarithmic one for wide spreads."""
    size = np.abs(values[np.isfinite(values)])
    top = float(size.max(initial=0.0)) or 0.01
    typical = float(np.median(size[size > 0])) if (size > 0).any() else top
    low = min(float(np.nanmin(values)), 0.0)
    high = max(float(np.nanmax(values)), 0.0)
    suffix = " %" if relative else ""
    scale = 100 if relative else 1
    if top > 25 * typical:
        linear = 10.0 ** np.floor(np.log10(typical))
        ax.set_xscale("symlog", linthresh=linear, linscale=0.6)
        powers = linear * 10.0 ** np.arange(0, np.ceil(np.log10(top / linear)) + 1)
        ticks = np.concatenate([-powers[::-1], [0.0], powers])
        step = 2 if (len(ticks) > 11) else 1
        middle = len(powers)
        ticks = [t for i, t in enumerate(ticks) if (i - middle) % step == 0]
        low, high = low * 1.3, high * 1.3
        ticks = [t for t in ticks if low <= t <= high]
    else:
        # All differences may be zero.
        margin = 0.04 * (high - low) or 0.01
        low, high = low - margin, high + margin
        ticks = nice_ticks(low, high)
    ax.set_xlim(low if low < 0 else -0.05 * high, high if high > 0 else -0.05 * low)
    signs = ["" if t <= 0 else "+" for t in ticks]
    labels = [
        f"{s}{tick_text(t * scale)}{suffix}" for s, t in zip(signs, ticks, strict=True)
    ]
    x_grid(ax, ticks, labels)
    for x, side, text in ((0, "left", "← worse"), (1, "right", "better →")):
        ax.text(
            x, 0, text, transform=ax.transAxes + _shift(0, -42), ha=side,
            color=COLOR["muted"],
        )  # fmt: skip


def _difference_row(canvas, ax, row, values, analysis, method_info):
    name = values.name
    family = family_of(method_info, name)
    # A low-discrepancy spread keeps dots apart and is the same in every run.
    offset = ((np.arange(values.size) * 0.618034) % 1 - 0.5) * 0.5
    failed = np.zeros(values.size, dtype=bool)
    if name in analysis.raw_scores:
        failed = analysis.raw_scores[name].reindex(values.index).isna().to_numpy()
    for hollow in (False, True):
        some = failed == hollow
        if some.any():
            titles = [
                f"{name} on {task}: {value:+.4f}{' (failed, dummy)' if hollow else ''}"
                for task, value in values[some].items()
            ]
            canvas.points(
                ax,
                values.to_numpy()[some],
                row + offset[some],
                titles,
                color=family,
                marker=MARKER[family],
                size=7,
                hollow=hollow,
            )
    ax.plot(
        [values.median()] * 2, [row - 0.36, row + 0.36], color=COLOR["ink"], linewidth=2
    )


_PROPERTIES = {
    "n_rows": "rows",
    "n_columns": "columns",
    "minority_share": "minority share",
}


@styled
def ranks_by_property(key, analysis, tasks, method_info):
    """Mean rank on the lower and the upper half of the tasks, by task property."""
    ranks = analysis.ranks.dropna(axis=1, how="all")
    halves = _halves(ranks, tasks)
    if len(ranks) < 6 or ranks.shape[1] < 2 or not halves:
        return None
    names = list(ranks.mean().sort_values(kind="stable").index)
    left, height = gutter(names), ROW * len(names)
    gap, top = 26, 40
    panel = (WIDTH - left - 14 - gap * (len(halves) - 1)) / len(halves)
    canvas = Canvas(key, WIDTH, top + height + 48)
    for i, (label, split, low, high) in enumerate(halves):
        ax = canvas.axes(left + i * (panel + gap), top, panel, height)
        if i == 0:
            method_rows(ax, names, method_info)
        else:
            ax.set_ylim(len(names) - 0.5, -0.5)
            ax.set_yticks([])
        _rank_panel(canvas, ax, ranks, names, (low, high), (label, split), method_info)
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
    return Figure(
        key,
        "Rank by task property",
        canvas.svg(alt),
        alt,
        caption,
        family_legend(method_info, names),
    )


def _halves(ranks, tasks):
    """Split the tasks at the middle of each property that varies."""
    found = []
    for column, label in _PROPERTIES.items():
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
            found.append((label, split, low, high))
    return found


def _rank_panel(canvas, ax, ranks, names, halves, text, method_info):
    label, split = text
    low, high = (ranks.loc[half, names].mean() for half in halves)
    for row, name in enumerate(names):
        if row:
            ax.axhline(row - 0.5, color=COLOR["grid"], linewidth=0.6, alpha=0.6)
        family = family_of(method_info, name)
        ax.plot(
            [low[name], high[name]], [row, row], color=COLOR[family], linewidth=2.5,
            alpha=0.45, solid_capstyle="butt",
        )  # fmt: skip
        for value, hollow, sign in ((low[name], True, "≤"), (high[name], False, ">")):
            canvas.points(
                ax,
                [value],
                [row],
                [f"{name}, {label} {sign} {format_number(split)}: rank {value:.2f}"],
                color=family,
                marker=MARKER[family],
                size=7.5,
                hollow=hollow,
            )
    top = max(ranks.shape[1], 2)
    ax.set_xlim(0.6, top + 0.4)
    ticks = [t for t in nice_ticks(1, top, 4) if t == int(t) and t > 1]
    x_grid(ax, [1, *ticks], [f"{t:g}" for t in [1, *ticks]])
    ax.set_xlabel("mean rank", labelpad=6)
    ax.text(0, 1, label, transform=ax.transAxes + _shift(0, 20), weight="bold")
    bound = f"hollow ≤ {format_number(split)} < filled"
    ax.text(
        0, 1, bound, transform=ax.transAxes + _shift(0, 5), color=COLOR["muted"],
        fontsize=11.5,
    )  # fmt: skip


def _shift(x, y):
    from matplotlib.transforms import Affine2D

    return Affine2D().translate(x, y)


@styled
def reliability(key, curves, method_info, *, limit=12):
    """Small multiples: forecast probabilities against what happened."""
    curves = {n: c for n, c in curves.items() if len(c[0])}
    if not curves:
        return None
    errors = {name: calibration_error(curve) for name, curve in curves.items()}
    names = sorted(curves, key=lambda name: (errors[name], name))
    shown = names[:limit]
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    side, gap, top = 146, 38, 44
    canvas = Canvas(key, WIDTH, rows * (side + top + 30))
    for i, name in enumerate(shown):
        left = 40 + (i % columns) * (side + gap)
        ax = canvas.axes(left, top + (i // columns) * (side + top + 30), side, side)
        _reliability_panel(canvas, ax, name, curves[name], errors[name], method_info)
    alt = (
        f"Reliability plots of {len(shown)} methods: share of positives against mean "
        f"forecast. {names[0]} has the smallest calibration error "
        f"({errors[names[0]]:.3f}), {names[-1]} the largest ({errors[names[-1]]:.3f})."
    )
    caption = (
        "Forecast probability (across) against the share of positives that came "
        "(up), pooled over the binary tasks in ten bins; the diagonal is perfect, and "
        "larger dots hold more rows. ECE is the mean gap weighted by rows."
    )
    if len(shown) < len(names):
        caption += f" Shown: the best {limit} of {len(names)}."
    return Figure(
        key,
        "Reliability of the probabilities",
        canvas.svg(alt),
        alt,
        caption,
        family_legend(method_info, shown),
    )


def calibration_error(curve):
    """Mean gap between forecast and outcome, weighted by the number of rows."""
    forecast, outcome, weight = (np.asarray(part, dtype=float) for part in curve)
    return float(np.abs(forecast - outcome) @ weight / weight.sum())


def _reliability_panel(canvas, ax, name, curve, error, method_info):
    forecast, outcome, weight = (np.asarray(part, dtype=float) for part in curve)
    family = family_of(method_info, name)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ticks, labels = [0, 0.5, 1], ["0", "0.5", "1"]
    x_grid(ax, ticks, labels)
    ax.set_yticks(ticks, labels)
    ax.grid(axis="y", color=COLOR["grid"], linewidth=0.8)
    ax.plot([0, 1], [0, 1], color=COLOR["muted"], linewidth=1, dashes=(4, 3))
    ax.plot(forecast, outcome, color=COLOR[family], linewidth=1.6)
    sizes = 4 + 6 * np.sqrt(weight / weight.max())
    for x, y, n, size in zip(forecast, outcome, weight, sizes, strict=True):
        title = f"{name}: forecast {x:.3f}, came {y:.3f}, {n:,.0f} rows"
        canvas.points(
            ax, [x], [y], [title], color=family, marker=MARKER[family], size=size
        )
    place = ax.transAxes + _shift(0, 23)
    ours = family == "skext"
    ax.text(
        0, 1, shorten(name, 24), transform=place, fontsize=12,
        weight="bold" if ours else "normal",
    )  # fmt: skip
    ax.text(
        0, 1, f"ECE {error:.3f}", transform=ax.transAxes + _shift(0, 8),
        color=COLOR["muted"], fontsize=11.5,
    )  # fmt: skip
