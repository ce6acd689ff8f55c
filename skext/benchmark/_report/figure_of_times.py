"""The figure of score against fit time, with names where they cover nothing."""

import itertools

import numpy as np

from skext.benchmark._engine.text import format_number, format_seconds, shorten
from skext.benchmark._report.drawing import (
    CHARACTER,
    MARKER,
    WIDTH,
    Figure,
    bounded,
    family_legend,
    family_of,
    nice_ticks,
    stretches,
    tick_text,
    x_grid,
)
from skext.benchmark._report.svg import COLOR, Canvas, styled


@styled
def score_against_time(key, analysis, method_info, *, dummy=None):
    """Quality against cost, with the methods that nothing beats in both.

    The dummy is left out where it would squeeze all others.
    """
    on_scale = bounded(analysis.scores)
    column = "mean_score" if on_scale else "mean_rank"
    table = analysis.summary[[column, "fit_time"]].astype(float).dropna()
    table = table[table["fit_time"] > 0]
    label = f"mean {analysis.metric}" if on_scale else f"mean rank by {analysis.metric}"
    left_out = ""
    if dummy in table.index:
        others = table.drop(index=dummy)
        if stretches(table.loc[dummy, column], others[column]):
            value = format_number(table.loc[dummy, column])
            left_out = f" Far below and not drawn: {dummy}, with a {label} of {value}."
            table = others
    if len(table) < 2:
        return None
    upward = analysis.greater_is_better and on_scale
    x, y = np.log10(table["fit_time"].to_numpy()), table[column].to_numpy()
    canvas = Canvas(key, WIDTH, 404)
    ax = canvas.axes(64, 22, WIDTH - 64 - 24, 330)
    # At least most of a decade, so that equal times do not look different.
    pad = max(0.06 * (x.max() - x.min()) + 0.08, 0.45 - (x.max() - x.min()) / 2)
    ax.set_xlim(x.min() - pad, x.max() + max(pad, 0.25))
    span = (y.max() - y.min()) or 0.1
    edges = (y.min() - 0.1 * span, y.max() + 0.1 * span)
    ax.set_ylim(*(edges if upward else edges[::-1]))
    _time_axis(ax)
    ax.set_yticks(nice_ticks(*edges))
    ax.yaxis.set_major_formatter(lambda v, _: tick_text(v))
    ax.grid(axis="y", color=COLOR["grid"], linewidth=0.8)
    ax.text(0, 1.03, f"↑ better: {label}", transform=ax.transAxes, color=COLOR["muted"])
    front = _pareto(x, y if upward else -y)
    ax.plot(x[front], y[front], color=COLOR["front"], linewidth=1.6, zorder=1.5)
    for i, name in enumerate(table.index):
        family = family_of(method_info, name)
        title = (
            f"{name}: {label} {format_number(y[i])}, "
            f"fit {format_seconds(table['fit_time'].iloc[i])}"
        )
        canvas.points(
            ax, x[i : i + 1], y[i : i + 1], [title], color=family,
            marker=MARKER[family], size=9.5,
        )  # fmt: skip
    line = np.column_stack([x[front], y[front]])
    _place_labels(ax, x, y, list(table.index), method_info, line=line)
    winners = ", ".join(table.index[front])
    alt = (
        f"Scatter plot of {label} against median fit time for {len(table)} methods. "
        f"Not beaten in both at once: {winners}."
    )
    caption = (
        "Up is better, left is faster; the time axis is logarithmic. The line joins "
        f"the methods that no other beats in both.{left_out}"
    )
    return Figure(
        key,
        "Score against fit time",
        canvas.svg(alt),
        alt,
        caption,
        family_legend(method_info, table.index),
    )


def _pareto(cost, gain):
    """Positions of the points that no other beats in both, by rising cost."""
    best, front = -np.inf, []
    for i in np.lexsort((-gain, cost)):
        if gain[i] > best:
            best = gain[i]
            front.append(i)
    return np.array(front)


def _time_axis(ax):
    low, high = ax.get_xlim()
    ticks = np.arange(np.ceil(low), np.floor(high) + 1)
    if len(ticks) < 3:
        fine = [
            np.log10(m) + p for p in np.arange(low // 1, high + 1) for m in (1, 2, 5)
        ]
        ticks = np.array([t for t in fine if low <= t <= high])
    x_grid(ax, ticks, [format_seconds(10.0**t) for t in ticks])
    ax.set_xlabel("median fit time per fold", labelpad=8)


def _place_labels(ax, x, y, names, method_info, *, line):
    """Write names beside their points where they cover no point, name or line."""
    points = ax.transData.transform(np.column_stack([x, y]))
    frame = ax.get_window_extent()
    taken = [(px - 6, py - 6, px + 6, py + 6) for px, py in points]
    taken += _boxes_along(ax.transData.transform(line))
    for i in np.argsort(-points[:, 1], kind="stable"):
        text = shorten(names[i], 26)
        width = CHARACTER * len(text)
        best = None
        for dx, dy in _LABEL_PLACES:
            left = points[i, 0] + (dx if dx > 0 else dx - width)
            left = left if dx else points[i, 0] - width / 2
            box = (left, points[i, 1] + dy - 7, left + width, points[i, 1] + dy + 7)
            cost = sum(_overlap(box, other) for other in taken)
            cost += 40 * max(0, frame.x0 + 2 - box[0])
            cost += 40 * max(0, box[2] - frame.x1 - 20)
            cost += 40 * (max(0, frame.y0 - box[1]) + max(0, box[3] - frame.y1 - 4))
            cost += 0.6 * (abs(dx) + abs(dy))
            if best is None or cost < best[0]:
                best = (cost, dx, dy, box)
        _, dx, dy, box = best
        taken.append(box)
        ours = family_of(method_info, names[i]) == "skext"
        ax.annotate(
            text,
            (x[i], y[i]),
            xytext=(dx, dy),
            textcoords="offset points",
            ha="left" if dx > 0 else "right" if dx < 0 else "center",
            va="center_baseline",
            fontsize=12,
            weight="bold" if ours else "normal",
            annotation_clip=False,
        )


_LABEL_PLACES = [(10, 0), (-10, 0), (0, 14), (0, -14), (8, 11), (8, -11), (-8, 11)]
_LABEL_PLACES += [(-8, -11), (8, 20), (8, -20), (-8, 20), (-8, -20), (0, 26), (0, -26)]


def _boxes_along(corners, step=4.0):
    """Little boxes that cover a line of several pieces."""
    boxes = []
    for start, stop in itertools.pairwise(corners):
        n_steps = max(1, int(np.hypot(*(stop - start)) / step))
        for share in np.linspace(0, 1, n_steps + 1):
            px, py = start + share * (stop - start)
            boxes.append((px - step / 2, py - step / 2, px + step / 2, py + step / 2))
    return boxes


def _overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)
