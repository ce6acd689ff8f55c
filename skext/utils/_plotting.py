"""What several displays share: axes, styles and words."""

import numpy as np

from skext.utils._optional import optional_import


def pyplot():
    """Return matplotlib's pyplot, or say how to install it."""
    return optional_import("matplotlib.pyplot", extra="plot", purpose="Plotting")


def one_axes(ax):
    """Return the given axes, or those of a new figure."""
    return ax if ax is not None else pyplot().subplots(layout="constrained")[1]


def text_color():
    """Return the colour of texts, which follows dark styles."""
    return pyplot().rcParams["text.color"]


def shades(n, cmap="viridis"):
    """Return colours of ordered things, from dark to light, apart also in grey."""
    colors = pyplot().get_cmap(cmap)
    return [colors(0.05 + 0.87 * i / max(n - 1, 1)) for i in range(n)]


def curve_style(curve_kwargs, **defaults):
    """Lay what users say of a curve over what we do, by whatever alias they say it."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return defaults | normalize_kwargs(curve_kwargs or {}, Line2D)


def plain_legend(ax, *args, **kwargs):
    """Draw a legend in which a dollar in a name begins no formula."""
    for text in ax.legend(*args, **kwargs).get_texts():
        text.set_parse_math(False)


def percent(share):
    """Write a share as a percentage."""
    return f"{100 * share:.4g} %"


def shorten(text, limit=30):
    """Cut a label in the middle, where names of variants differ least."""
    text = str(text)
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (limit - 1 - head) :]


def check_confidence_level(confidence_level):
    """Refuse a level that is no probability."""
    if not 0 < confidence_level < 1:
        raise ValueError(
            f"confidence_level={confidence_level!r} must lie between 0 and 1; give a "
            "probability such as 0.95."
        )


def check_entries(display, each, *names):
    """Refuse attributes that do not have one entry for each bin, level or the like."""
    shapes = {name: np.shape(getattr(display, name)) for name in names}
    if len(set(shapes.values())) > 1:
        given = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"There are {given}; give one entry for each {each}.")


def last_step(estimator):
    """Return the model inside pipelines and searches."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif getattr(estimator, "steps", None):
            estimator = estimator.steps[-1][1]
        else:
            return estimator
