"""What the figures of the benchmark report have in common: rows, axes, legends."""

from dataclasses import dataclass

import numpy as np

from skext.benchmark._engine.text import shorten
from skext.benchmark._report.svg import COLOR

MARKER = {"skext": "o", "peer": "s", "baseline": "^", "user": "D"}
WIDTH = 760
ROW = 30
# Mean advance of a system font at 12.5 px, rounded up.
CHARACTER = 6.9


@dataclass(frozen=True)
class Figure:
    """An inline SVG drawing with the texts around it."""

    key: str
    title: str
    svg: str
    alt: str
    caption: str
    legend: tuple = ()


def family_of(method_info, name):
    """Return the family of a method; unknown ones count as the user's."""
    family = (method_info.get(name) or {}).get("family")
    return family if family in MARKER else "user"


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


def gutter(names):
    return int(min(230, 26 + CHARACTER * max(len(shorten(n)) for n in names)))


def method_rows(ax, names, method_info, *, baseline=None):
    """Put the methods on the y axis, first on top; ours in bold."""
    from matplotlib.transforms import blended_transform_factory

    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks([])
    where = blended_transform_factory(ax.figure.transFigure, ax.transData)
    for row, name in enumerate(names):
        ours = family_of(method_info, name) == "skext"
        ax.text(
            2 / (ax.figure.get_figwidth() * 72),
            row,
            shorten(name),
            transform=where,
            va="center_baseline",
            weight="bold" if ours else "normal",
            color=COLOR["muted" if name == baseline else "ink"],
        )
        if row:
            ax.axhline(row - 0.5, color=COLOR["grid"], linewidth=0.6, alpha=0.6)


def x_grid(ax, ticks, labels):
    ax.set_xticks(ticks, labels)
    ax.xaxis.set_minor_locator(null_locator())
    ax.grid(axis="x", color=COLOR["grid"], linewidth=0.8)


def null_locator():
    from matplotlib.ticker import NullLocator

    return NullLocator()


def nice_ticks(low, high, count=6):
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [t for t in ticks if low - 1e-12 <= t <= high + 1e-12]


def tick_text(value):
    return f"{value:.6g}".replace("-", "−")


def family_legend(method_info, names):
    """Families that occur among the methods, in a fixed order."""
    present = {family_of(method_info, name) for name in names}
    return tuple(family for family in MARKER if family in present)
