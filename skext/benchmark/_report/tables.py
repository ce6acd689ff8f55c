"""The summary of a run as plain text: Markdown, CSV, LaTeX or for a terminal."""

import re

from skext.benchmark._analysis.compare import headline
from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.text import format_number, without_scores
from skext.utils._optional import optional_import

_COLUMNS = {
    "method": "method",
    "mean_rank": "mean rank",
    "mean_score": "mean score",
    "median_difference": "median difference",
    "wins": "wins",
    "ties": "ties",
    "losses": "losses",
    "p_better": "P(better)",
    "p_equivalent": "P(equivalent)",
    "p_worse": "P(worse)",
    "fit_time": "fit time (s)",
    "predict_time": "predict time (s)",
    "n_failed": "failed",
}


def render_tables(results, fmt="md", metric=None, baseline=None, *, rope=0.01) -> str:
    """Write the summary of every track as plain text.

    Parameters
    ----------
    results : BenchmarkResults
        Results of a run.
    fmt : {"md", "csv", "latex", "text"}, default="md"
        Markdown, one CSV table with the track as a column, LaTeX with booktabs
        rules, or aligned text for a terminal.
    metric, baseline : str, default=None
        As in :func:`write_report`.
    rope : float, default=0.01
        Differences up to this size count as practically equal.

    Returns
    -------
    text : str
        The tables.

    Raises
    ------
    BenchmarkError
        If the format, the metric or the baseline is unknown.
    """
    if fmt not in ("md", "csv", "latex", "text"):
        raise unknown("format", fmt, ["md", "csv", "latex", "text"])
    import pandas as pd

    frame = results.to_frame()
    tables, blocks = [], []
    for track, (name, base) in choose(results, metric, baseline).items():
        rows = frame[(frame["track"] == track) & (frame["metric"] == name)]
        if not rows.loc[rows["status"] == "ok", "value"].notna().any():
            blocks.append((track, without_scores(rows), None))
            continue
        analysis = results.analyse(track, name, baseline=base, rope=rope)
        table = analysis.summary.sort_values("mean_rank", kind="stable")
        table = table.rename_axis("method").reset_index()
        blocks.append((f"{track} ({name})", headline(analysis), _plain(table)))
        tables.append(
            table.assign(track=track, metric=name, baseline=analysis.baseline)
        )
    if fmt == "csv":
        if not tables:
            return "track,metric,baseline,method\n"
        table = pd.concat(tables, ignore_index=True)
        first = ["track", "metric", "baseline", "method"]
        table = table[first + [c for c in table if c not in first]]
        return table.to_csv(index=False, lineterminator="\n")
    writer = {"md": _markdown, "latex": _latex, "text": _text}[fmt]
    return "\n".join(writer(*block) for block in blocks)


def _plain(table):
    """Columns worth printing, as short texts."""
    import pandas as pd

    shown = {}
    for column, label in _COLUMNS.items():
        if column not in table or table[column].isna().all():
            continue
        values = table[column]
        if column == "method":
            shown[label] = values.astype(str)
        elif column in ("wins", "ties", "losses", "n_failed"):
            shown[label] = [
                "" if pd.isna(value) else f"{int(value)}" for value in values
            ]
        else:
            digits = 2 if column == "mean_rank" else 3
            shown[label] = [
                "" if pd.isna(value) else format_number(value, digits).replace("−", "-")
                for value in values
            ]
    return pd.DataFrame(shown)


def _markdown(title, sentence, table):
    lines = [f"### {title}", "", sentence, ""]
    if table is not None:
        rows = [[str(c) for c in table.columns], *table.to_numpy().tolist()]
        rows = [
            [re.sub(r"([|\\<>`*_])", r"\\\1", cell) for cell in row] for row in rows
        ]
        rule = [":--", *["--:"] * (table.shape[1] - 1)]
        table_rows = [rows[0], rule, *rows[1:]]
        lines += [*(f"| {' | '.join(row)} |" for row in table_rows), ""]
    return "\n".join(lines)


def _text(title, sentence, table):
    lines = [title, sentence]
    if table is not None:
        width = table["method"].str.len().max()
        left = {"method": lambda name: name.ljust(width)}
        lines.append(table.to_string(index=False, formatters=left))
    return "\n".join([*lines, ""])


_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "%_&#${}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
        "−": "$-$",
    }
)


def _latex(title, sentence, table):
    optional_import("jinja2", extra="bench", purpose="A LaTeX table")
    if table is None:
        return f"% {title}: {sentence}\n"
    style = table.style.format(escape="latex").format_index(escape="latex", axis=1)
    style = style.hide(axis="index")
    caption = f"{title}. {sentence}".translate(_LATEX)
    alignment = "l" + "r" * (table.shape[1] - 1)
    return style.to_latex(hrules=True, column_format=alignment, caption=caption)


def choose(results, metric, baseline):
    """Metric and baseline of each track."""
    frame = results.to_frame()
    methods = {
        track: list(dict.fromkeys(rows["method"]))
        for track, rows in frame.groupby("track", sort=False)
    }
    metrics = {track: results.metrics(track) for track in results.tracks}
    if metric is not None and not any(metric in names for names in metrics.values()):
        raise unknown(
            "metric", metric, sorted({n for m in metrics.values() for n in m})
        )
    if baseline is not None and not any(baseline in m for m in methods.values()):
        raise unknown(
            "method", baseline, sorted({n for m in methods.values() for n in m})
        )
    return {
        track: (
            metric if metric in metrics[track] else results.primary_metric(track),
            baseline if baseline in methods[track] else results.baseline(track),
        )
        for track in results.tracks
    }
