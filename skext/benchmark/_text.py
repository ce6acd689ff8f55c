"""How numbers, durations and long names are written in reports."""

import numpy as np


def shorten(text, limit=30):
    """Cut a label in the middle, where names of variants differ least."""
    text = str(text)
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (limit - 1 - head) :]


def format_number(value, digits=3):
    """Write a number as a person would: three decimals, or four digits if large."""
    if value is None or not np.isfinite(value):
        return "–"
    if value != 0 and abs(value) < 10.0**-digits:
        return f"{value:.1g}".replace("-", "−")
    text = f"{value:.{digits}f}" if abs(value) < 10 else f"{value:,.4g}"
    if "e" in text:
        text = f"{value:,.0f}"
    return text.replace("-", "−")


def format_seconds(value):
    """Write a duration with a unit of fitting size."""
    if value is None or not np.isfinite(value):
        return "–"
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (120, 1, "s")):
        if value < limit:
            return f"{value * factor:.3g} {unit}"
    return f"{value / 60:.3g} min" if value < 7200 else f"{value / 3600:.3g} h"
