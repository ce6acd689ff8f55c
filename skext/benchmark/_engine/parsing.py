"""Small texts from the command line: durations, sizes, fold rules, near misses."""

import difflib
import re
import sys

from skext.exceptions import BenchmarkError

_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def parse_duration(text) -> float | None:
    """Seconds in ``"90s"``, ``"1h30m"``, ``"500ms"`` or a plain number.

    None stays None.
    """
    if text is None:
        return None
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    else:
        compact = str(text).replace(" ", "").lower()
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|min|s|m|h|d|$)", compact)
        if not parts or "".join(n + u for n, u in parts) != compact:
            raise BenchmarkError(
                f"Duration {text!r} is not understood; write seconds or a form such "
                "as '90s', '15m' or '1h30m'."
            )
        seconds = sum(float(n) * _SECONDS.get(u, 1.0) for n, u in parts)
    if not 0 < seconds < float("inf"):
        raise BenchmarkError(f"Duration {text!r} must be positive and finite.")
    return seconds


def parse_size(text) -> int | None:
    """Bytes in ``"2GB"``, ``"512MiB"`` or a plain number. None stays None."""
    if text is None:
        return None
    if isinstance(text, int | float) and not isinstance(text, bool):
        if not abs(text) <= sys.maxsize:
            raise BenchmarkError(
                f"Size {text!r} is no number of bytes; leave it out for no limit."
            )
        size = int(text)
    else:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]i?)?b?", str(text).strip().lower())
        if match is None:
            raise BenchmarkError(
                f"Size {text!r} is not understood; write bytes or a form such as "
                "'512MB' or '2GiB'."
            )
        size = int(float(match[1]) * _BYTES[match[2] or ""])
    if not 0 < size <= sys.maxsize:
        raise BenchmarkError(
            f"Size {text!r} must be positive, and at most {sys.maxsize} bytes."
        )
    return size


def parse_folds(text) -> tuple[int, int] | str:
    """``(n_repeats, n_folds)`` in ``"5"`` or ``"3x10"``; ``"task"`` stays a word."""
    if text == "task":
        return "task"
    match = re.fullmatch(r"(?:(\d+)x)?(\d+)", str(text).strip().lower())
    if match is None:
        raise BenchmarkError(
            f"Folds {text!r} are not understood; write 'task', a number of folds such "
            "as '5', or repeats and folds such as '3x10'."
        )
    repeats, folds = int(match[1] or 1), int(match[2])
    if folds < 2 or repeats < 1:
        raise BenchmarkError(
            f"Folds {text!r} must name at least 2 folds and at least 1 repeat."
        )
    return repeats, folds


def parse_statuses(text, known) -> tuple:
    """Statuses of jobs in ``"failed,timeout"`` or a list of them. None is no one."""
    names = text.split(",") if isinstance(text, str) else list(text or ())
    for name in names:
        if name not in known:
            raise unknown("status", name, known)
    return tuple(names)


def parse_device(text) -> str:
    """Return the name of a device, and refuse what is none."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(text)):
        raise BenchmarkError(
            f"Device {text!r} is not understood; write 'auto', 'cpu', 'cuda' or a "
            "form such as 'cuda:1'."
        )
    return text


def unknown(kind, name, known) -> BenchmarkError:
    """Error for a name that is not known, with the nearest ones that are."""
    known = sorted({str(k) for k in known})
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    if near:
        cure = "Did you mean " + " or ".join(repr(n) for n in near) + "?"
        if len(known) <= 6:
            cure += f" Known: {', '.join(known)}."
    elif len(known) <= 12:
        cure = "Known: " + ", ".join(known) + "."
    elif kind in ("suite", "task", "method", "metric"):
        cure = f"See 'skext bench list {kind}s' for the {len(known)} known ones."
    elif kind == "speed case":
        cure = f"See 'skext bench list speed' for the {len(known)} known ones."
    else:
        cure = "Known: " + ", ".join(known) + "."
    return BenchmarkError(f"Unknown {kind} {name!r}. {cure}")
