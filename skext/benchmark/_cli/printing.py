"""How commands print. Printing happens here and nowhere else."""

import shutil
import sys


def say(text="", file=None):
    """Print a line."""
    print(text, file=file or sys.stdout, flush=True)


def table(frame, **options):
    """Format a data frame to fit the terminal."""
    width = shutil.get_terminal_size((100, 20)).columns
    options = {"index": False, "na_rep": "", "line_width": max(width, 100), **options}
    return frame.to_string(float_format=lambda v: f"{v:.4g}", **options)


def left_aligned(columns, rows):
    """Format rows of texts under their columns, without spaces at the ends of lines."""
    lines = [columns, *rows]
    widths = [max(len(line[j]) for line in lines) for j in range(len(columns))]
    return "\n".join(
        "  ".join(f"{v:<{w}}" for v, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
