"""How numbers and durations are written in reports, and reports to disk."""

from pathlib import Path

import numpy as np

from skext.exceptions import BenchmarkError

# With fewer tasks a comparison is a demonstration, not evidence.
FEW_TASKS = 10


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


def signed(value):
    """Write a difference, with a plus where it is positive."""
    text = format_number(value)
    return f"+{text}" if np.isfinite(value) and value > 0 else text


def format_seconds(value):
    """Write a duration with a unit of fitting size."""
    if value is None or not np.isfinite(value):
        return "–"
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (120, 1, "s")):
        if value < limit:
            return f"{value * factor:.3g} {unit}"
    return f"{value / 60:.3g} min" if value < 7200 else f"{value / 3600:.3g} h"


def percent(share):
    """Write an estimated probability as a percentage that never claims certainty."""
    if share > 0.995:
        return "> 99 %"
    return "< 1 %" if share < 0.005 else f"{100 * share:.0f} %"


def without_scores(frame) -> str:
    """Say why there is nothing to compare.

    Parameters
    ----------
    frame : DataFrame
        One row per job and metric, none with a score.

    Returns
    -------
    sentence : str
        How many jobs failed, and the reason that most of them give.
    """
    columns = [c for c in ("task", "method", "repeat", "fold") if c in frame]
    jobs = frame.drop_duplicates(columns)
    status = "job_status" if "job_status" in jobs else "status"
    counts = jobs[status].fillna("pending").value_counts()
    ended = counts.drop("pending", errors="ignore")
    if ended.empty:
        return "No job has finished yet, so there is nothing to compare."
    what = ", ".join(f"{n} {name}" for name, n in ended.items())
    text = f"No job gave a score, so there is nothing to compare: {what}"
    if "pending" in counts:
        text += f", {counts['pending']} not run"
    errors = frame.loc[frame["error"].fillna("") != "", "error"]
    if len(errors):
        text += f". The usual reason: {errors.mode().iloc[0].rstrip('.')}"
    return text + "."


def printable(text) -> str:
    """Text that can be stored and printed: names of files need not be UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_file(path, text) -> Path:
    """Write a text file whole or not at all.

    Parameters
    ----------
    path : path-like
        Its folder is made if needed. Devices and pipes are written to, not replaced.
    text : str
        What to write.

    Returns
    -------
    path : Path
        As given.

    Raises
    ------
    BenchmarkError
        If the file cannot be written.
    """
    path = Path(path)
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
            return path
        part = target.with_name(f"{target.name}.part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(target)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise BenchmarkError(
            f"File {str(path)!r} cannot be written ({exc.strerror or exc}); make room "
            "or give another path."
        ) from exc
    return path
