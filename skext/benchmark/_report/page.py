"""The report of a run: one self-contained HTML page, or plain tables.

This module turns results into plain texts and numbers, ``_figures.py`` into drawings;
the template only lays them out.
"""

import datetime
from functools import partial
from pathlib import Path

import numpy as np

from skext.benchmark._analysis.blocks import UNIT_TYPES
from skext.benchmark._engine.text import (
    FEW_TASKS,
    format_number,
    format_seconds,
    percent,
    signed,
    without_scores,
    write_file,
)
from skext.benchmark._engine.track import TRACKS, dummy_of
from skext.benchmark._report import figures as _figures
from skext.benchmark._report.drawing import bounded, family_of
from skext.benchmark._report.figure_of_bags import score_against_bag_size
from skext.benchmark._report.figure_of_times import score_against_time
from skext.benchmark._report.tables import choose, render_tables
from skext.utils._optional import optional_import

__all__ = ["render_page", "render_tables", "write_report"]

_FAMILIES = {
    "skext": "skext",
    "peer": "named peer",
    "baseline": "baseline",
    "user": "user's method",
}
_LEGEND = {
    **_FAMILIES,
    "better": "better",
    "equal": "practically equivalent",
    "worse": "worse",
}
_MAX_FAILURES = 200


def write_report(results, path, *, metric=None, baseline=None, rope=0.01) -> Path:
    """Write the results of a run as one self-contained HTML page.

    Parameters
    ----------
    results : BenchmarkResults
        Results of a run, finished or not.
    path : path-like
        File to write; its folder is made if needed.
    metric : str, default=None
        Metric of the tables and figures, for the tracks that have it; None is each
        track's primary metric.
    baseline : str, default=None
        Method to compare with, on the tracks where it ran; None is each track's own.
    rope : float, default=0.01
        Differences up to this size count as practically equal.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    BenchmarkError
        If no track has the metric or the baseline, or the file cannot be written.
    """
    page = render_page(results, metric=metric, baseline=baseline, rope=rope)
    return write_file(path, page)


def render_page(results, *, metric=None, baseline=None, rope=0.01) -> str:
    """Return the HTML page of :func:`write_report` as text."""
    jinja2 = optional_import("jinja2", extra="bench", purpose="The benchmark report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    chosen = choose(results, metric, baseline)
    tracks = [
        _track_section(results, i, track, *chosen[track], rope)
        for i, track in enumerate(results.tracks)
    ]
    template = environment.get_template("report.html.j2")
    return template.render(
        run=_run_header(results),
        tracks=tracks,
        methods=_methods(results),
        legend=_LEGEND,
        few_tasks=FEW_TASKS,
        rope=rope,
    )


# --------------------------------------------------------------------------
# Header and footer of the page


def _run_header(results):
    info = results.info
    frame = results.to_frame()
    jobs = _jobs(frame)
    counts = jobs["job_status"].value_counts().to_dict()
    cpu = info.get("cpu_hours")
    if cpu is None:
        cpu = float(np.nansum(jobs[["fit_cpu", "predict_cpu"]].to_numpy(float))) / 3600
    options = info.get("options") or {}
    suites = options.get("suites") or info.get("suites") or []
    suites = [suites] if isinstance(suites, str) else [str(s) for s in suites]
    return {
        "suites": suites,
        "command": str(info.get("command") or ""),
        "started": _moment(info.get("started")),
        "finished": _moment(info.get("finished")),
        "wall": format_seconds(_number(info.get("wall_seconds"))),
        "cpu": format_seconds(cpu * 3600),
        "counts": counts,
        "n_jobs": len(jobs),
        "n_tasks": frame[["track", "task"]].drop_duplicates().shape[0],
        "n_methods": frame["method"].nunique(),
        "ended": info.get("ended"),
        "host": _host(info.get("host") or {}),
        "versions": {k: str(v) for k, v in (info.get("versions") or {}).items()},
        "git": _git(info.get("git")),
        "details": _details(info),
        "unavailable": _by_reason(info.get("unavailable") or {}),
        "broken": info.get("broken") or {},
        "notes": info.get("notes") or [],
    }


def _by_reason(left_out):
    """Turn a reason for each task into the tasks of each reason."""
    found = {}
    for name, reason in left_out.items():
        found.setdefault(str(reason), []).append(name)
    return found


def _jobs(frame):
    """One row per job."""
    frame = _with_job_status(frame)
    return frame.drop_duplicates(["track", "task", "method", "repeat", "fold"])


def _with_job_status(frame):
    """Add the status of the job where only that of each metric is given."""
    if "job_status" not in frame:
        frame = frame.assign(job_status=frame["status"], job_error=frame["error"])
    return frame


def _number(value):
    return float("nan") if value is None else float(value)


def _moment(value):
    if value is None:
        return ""
    if isinstance(value, int | float):
        moment = datetime.datetime.fromtimestamp(value).astimezone()
        return moment.strftime("%d %B %Y, %H:%M %Z").lstrip("0")
    return str(value)


def _host(host):
    parts = [str(host["cpu"])] if host.get("cpu") else []
    if host.get("cores"):
        parts.append(f"{host['cores']} core{'s' if host['cores'] != 1 else ''}")
    if isinstance(host.get("memory"), int | float):
        parts.append(f"{host['memory'] / 2**30:.1f} GiB memory")
    elif host.get("memory"):
        parts.append(str(host["memory"]))
    return ", ".join(parts)


def _git(git):
    if isinstance(git, dict):
        dirty = " with uncommitted changes" if git.get("dirty") else ""
        return f"{str(git.get('commit', ''))[:12]}{dirty}"
    return str(git or "")


_SHOWN = {
    "command",
    "started",
    "finished",
    "versions",
    "unavailable",
    "broken",
    "notes",
    "git",
}


def _details(info, prefix=""):
    """Everything else that the run recorded, as flat (name, text) pairs."""
    rows = []
    for name, value in info.items():
        if (not prefix and name in _SHOWN) or value is None or value in ([], {}, ""):
            continue
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            rows += _details(value, f"{label}: ")
        elif isinstance(value, list | tuple):
            rows.append((label, ", ".join(map(str, value))))
        elif isinstance(value, float):
            rows.append((label, f"{value:.6g}"))
        else:
            rows.append((label, str(value)))
    return rows


# --------------------------------------------------------------------------
# One track


def _track_section(results, position, track, metric, baseline, rope):
    frame = _with_job_status(results.to_frame())
    frame = frame[frame["track"] == track]
    jobs = _jobs(frame)
    section = {
        "id": f"track-{position + 1}",
        "name": track,
        "description": _track_description(track),
        "metric": metric,
        "baseline": baseline,
        "n_tasks": frame["task"].nunique(),
        "n_methods": frame["method"].nunique(),
        "counts": jobs["job_status"].value_counts().to_dict(),
        "n_jobs": len(jobs),
        "failures": _failures(jobs),
        "skipped": _skipped(jobs, frame),
        "tasks": _task_rows(results.tasks, frame),
        "analysis": None,
    }
    rows = frame[frame["metric"] == metric]
    if not rows.loc[rows["status"] == "ok", "value"].notna().any():
        return section | {"headline": without_scores(rows)}
    # The page is the last thing that a long run makes, and must not be lost.
    try:
        return section | _compared(
            results, frame, track, position, metric, baseline, rope
        )
    except Exception as exc:
        return section | {
            "headline": "The results of this track could not be compared "
            f"({type(exc).__name__}: {exc}); they are complete in the tables beside "
            "this page."
        }


def _compared(results, frame, track, position, metric, baseline, rope):
    """Parts of a track's section that come from its analysis."""
    from skext.benchmark._analysis.compare import headline

    analysis = results.analyse(track, metric, baseline=baseline, rope=rope)
    figures, lost = _draw_figures(results, track, position, analysis)
    return {
        "analysis": analysis,
        "baseline": analysis.baseline,
        "headline": headline(analysis),
        "demonstration": analysis.n_tasks < FEW_TASKS,
        "summary": _summary(analysis, results.method_info),
        "comparable": _comparable(analysis, frame),
        "scores": _score_table(analysis, results.method_info),
        "metrics": _metric_table(frame, results, track, analysis),
        "figures": figures,
        "notes": [*analysis.notes, *lost],
        "tests": _test_texts(analysis),
        "pairwise": _pairwise(analysis),
        "intersection": _frame_rows(analysis.intersection),
    }


def _comparable(analysis, frame):
    """Whether a mean over the tasks means anything.

    Errors in the units of different targets have no common mean.
    """
    in_units = frame["task_type"].isin(UNIT_TYPES).any()
    return bounded(analysis.scores) or analysis.n_tasks == 1 or not in_units


def _track_description(track):
    return TRACKS[track].description if track in TRACKS else ""


def _cell(text, value=None, **extra):
    """Make a table cell: what is shown and what it is sorted by."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        value = ""
    return {"text": text, "sort": value, "best": False, **extra}


def _method_cell(name, method_info):
    entry = method_info.get(name) or {}
    return {
        "name": str(name),
        "family": family_of(method_info, name),
        "description": str(entry.get("description") or ""),
    }


def _methods(results):
    """All methods of the run with what is known about them."""
    rows = []
    for name in dict.fromkeys(results.to_frame()["method"]):
        cell = _method_cell(name, results.method_info)
        params = (results.method_info.get(name) or {}).get("params")
        if isinstance(params, dict):
            params = ", ".join(f"{key}={value!r}" for key, value in params.items())
        rows.append({**cell, "params": str(params or "")})
    return rows


def _summary(analysis, method_info):
    """Rows of the sortable table, best mean rank first."""
    table = analysis.summary
    table = table.sort_values("mean_rank", kind="stable")
    scores = table["mean_score"]
    best = scores.max() if analysis.greater_is_better else scores.min()
    on_scale = bounded(analysis.scores)
    rows = []
    for name, row in table.iterrows():
        is_baseline = name == analysis.baseline
        rows.append(
            {
                "method": _method_cell(name, method_info),
                "is_baseline": is_baseline,
                "rank": _cell(format_number(row["mean_rank"], 2), row["mean_rank"]),
                "score": _cell(
                    format_number(row["mean_score"]),
                    row["mean_score"],
                    best=bool(on_scale and row["mean_score"] == best),
                ),
                "difference": None if is_baseline else _difference_cell(row),
                "record": None if is_baseline else _record_cell(row),
                "odds": None if is_baseline else _odds_cell(row),
                "fit": _cell(format_seconds(row["fit_time"]), row["fit_time"]),
                "predict": _cell(
                    format_seconds(row["predict_time"]), row["predict_time"]
                ),
                "failed": _cell(f"{int(row['n_failed'])}", int(row["n_failed"])),
            }
        )
    return rows


def _difference_cell(row):
    value = float(row["median_difference"])
    if not np.isfinite(value):
        return None
    interval = ""
    if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
        interval = f"{signed(row['ci_low'])} to {signed(row['ci_high'])}"
    return _cell(signed(value), value, interval=interval)


def _record_cell(row):
    counts = [row["wins"], row["ties"], row["losses"]]
    if not np.all(np.isfinite(np.asarray(counts, dtype=float))):
        return None
    wins, ties, losses = (int(c) for c in counts)
    return _cell(f"{wins} / {ties} / {losses}", wins - losses)


def _odds_cell(row):
    odds = [float(row[f"p_{part}"]) for part in ("better", "equivalent", "worse")]
    if not np.all(np.isfinite(odds)):
        return None
    names = ("better", "equal", "worse")
    parts = [
        {"kind": name, "percent": round(100 * p, 2)}
        for name, p in zip(names, odds, strict=True)
    ]
    label = "better {}, equivalent {}, worse {}".format(*map(percent, odds))
    return _cell(percent(odds[0]), odds[0], parts=parts, label=label)


def _score_table(analysis, method_info):
    """Tasks by methods: the best in bold, failures marked, shaded by rank."""
    order = list(analysis.summary.sort_values("mean_rank", kind="stable").index)
    rows = []
    for task, values in analysis.scores[order].iterrows():
        best = values.max() if analysis.greater_is_better else values.min()
        ranks = (
            analysis.ranks.loc[task, order] if task in analysis.ranks.index else None
        )
        raw = (
            analysis.raw_scores.loc[task] if task in analysis.raw_scores.index else None
        )
        cells = []
        for name in order:
            value = float(values[name])
            shade = 0.0
            if ranks is not None and len(order) > 1 and np.isfinite(ranks[name]):
                shade = 1 - (float(ranks[name]) - 1) / (len(order) - 1)
            failed = (
                raw is not None and name in raw.index and not np.isfinite(raw[name])
            )
            cells.append(
                _cell(
                    format_number(value),
                    value,
                    best=bool(value == best),
                    imputed=bool(failed and np.isfinite(value)),
                    shade=round(shade, 2),
                )
            )
        rows.append({"task": str(task), "cells": cells})
    return {"methods": [_method_cell(n, method_info) for n in order], "rows": rows}


def _metric_table(frame, results, track, analysis):
    """Mean over tasks of every metric, for the methods that have it everywhere."""
    ok = frame[(frame["status"] == "ok") & frame["value"].notna()]
    order = list(analysis.summary.sort_values("mean_rank", kind="stable").index)
    columns, values = [], {}
    for metric in results.metrics(track):
        rows = ok[ok["metric"] == metric]
        if rows.empty:
            continue
        table = rows.pivot_table(index="task", columns="method", values="value")
        table = table.reindex(columns=order)
        if not bounded(table) and rows["task_type"].iloc[0] in UNIT_TYPES:
            # Errors in the units of different targets have no common mean.
            continue
        means = table.mean().where(table.notna().all())
        greater = bool(rows["greater_is_better"].iloc[0])
        best = means.max() if greater else means.min()
        columns.append({"name": metric, "greater": greater})
        for name in order:
            value = float(means[name])
            cell = _cell(format_number(value), value, best=bool(value == best))
            values.setdefault(name, []).append(cell)
    methods = [_method_cell(n, results.method_info) for n in order]
    rows = [
        {"method": m, "cells": values.get(n, [])}
        for m, n in zip(methods, order, strict=True)
    ]
    return {"columns": columns, "rows": rows}


def _draw_figures(results, track, position, analysis):
    key = f"f{position + 1}"
    info = results.method_info
    calibration = (results.calibration or {}).get(track) or {}
    dummy = dummy_of(track)
    draw = [
        (_figures.critical_difference, analysis, info),
        (_figures.probability_bars, analysis, info),
        (partial(_figures.difference_dots, dummy=dummy), analysis, info),
        (partial(score_against_time, dummy=dummy), analysis, info),
        (_figures.ranks_by_property, analysis, results.tasks, info),
        (_figures.reliability, calibration, info),
        (score_against_bag_size, analysis, results.tasks, info),
    ]
    drawn, lost = [], []
    for letter, (function, *args) in zip("abcdefg", draw, strict=True):
        try:
            drawn.append(function(f"{key}{letter}", *args))
        # A page without a figure is worth more than none.
        except Exception as exc:
            lost.append(f"A figure could not be drawn ({type(exc).__name__}: {exc}).")
    return [figure for figure in drawn if figure is not None], lost


def _test_texts(analysis):
    """Write down the tests over all methods."""
    friedman = analysis.friedman
    if not friedman:
        return []
    chi2, f = (f"{friedman[name]:.4g}" for name in ("chi2", "f"))
    degrees = f"({friedman['df1']:g}, {friedman['df2']:g})"
    return [
        f"Friedman χ²({friedman['df1']:g}) = {chi2}, "
        f"p = {friedman['chi2_p_value']:.2g}",
        f"corrected by Iman and Davenport F{degrees} = {f}, "
        f"p = {friedman['p_value']:.2g}",
    ]


def _pairwise(analysis):
    """Corrected p-values of all pairs, as rows of a square table."""
    return _frame_rows(analysis.pairwise)


def _frame_rows(table):
    if table is None or table.empty:
        return None
    rows = []
    for name, row in table.iterrows():
        cells = []
        for value in row:
            number = isinstance(value, int | float | np.number)
            text = format_number(float(value)) if number else str(value)
            cells.append(_cell(text, float(value) if number else str(value)))
        rows.append({"name": str(name), "cells": cells})
    return {"columns": [str(c) for c in table.columns], "rows": rows}


_PROBLEMS = {"failed": "failed", "timeout": "out of time", "memory": "out of memory"}


def _failures(jobs):
    """Failed jobs, grouped by method and message."""
    bad = jobs[jobs["job_status"].isin(list(_PROBLEMS))]
    groups = []
    columns = ["method", "job_status", "job_error"]
    for key, rows in bad.fillna({"job_error": ""}).groupby(columns, sort=False):
        method, status, error = key
        traces = rows["traceback"].dropna()
        traces = traces[traces != ""]
        groups.append(
            {
                "method": str(method),
                "tasks": [str(task) for task in dict.fromkeys(rows["task"])],
                "status": _PROBLEMS[status],
                "error": str(error),
                "n": len(rows),
                "traceback": str(traces.iloc[0]) if len(traces) else "",
            }
        )
    return {
        "n": len(bad),
        "groups": groups[:_MAX_FAILURES],
        "hidden": max(0, len(groups) - _MAX_FAILURES),
    }


def _skipped(jobs, frame):
    """Methods that were not tried, and metrics that a method cannot give."""
    rows = []
    out = jobs[jobs["job_status"] == "skipped"].fillna({"job_error": ""})
    for (method, error), group in out.groupby(["method", "job_error"], sort=False):
        what = f"{len(group)} job{'s' if len(group) != 1 else ''}"
        rows.append({"method": str(method), "what": what, "reason": str(error)})
    lacking = frame[(frame["job_status"] == "ok") & (frame["status"] == "skipped")]
    lacking = lacking.fillna({"error": ""})
    columns = ["method", "metric", "error"]
    for (method, metric, error), _ in lacking.groupby(columns, sort=False):
        rows.append({"method": str(method), "what": str(metric), "reason": str(error)})
    return rows


_TASK_COLUMNS = {
    "task_type": "type",
    "n_rows": "rows",
    "n_columns": "columns",
    "n_classes": "classes",
    "bag_size": "bag size",
    "minority_share": "minority share",
    "n_categorical": "categorical",
    "n_missing": "missing cells",
    "n_duplicates": "duplicated rows",
    "source": "source",
}


def _task_rows(tasks, frame):
    """Properties of the tasks of one track."""
    names = list(dict.fromkeys(frame["task"]))
    columns = [
        c for c in _TASK_COLUMNS if c in tasks and tasks[c].reindex(names).notna().any()
    ]
    rows = []
    for name in names:
        entry = tasks.loc[name] if name in tasks.index else {}
        cells = [_task_cell(column, entry.get(column)) for column in columns]
        label = str(entry.get("name") or name)
        extra = "" if label == str(name) else str(name)
        rows.append({"name": label, "id": extra, "cells": cells})
    return {"columns": [_TASK_COLUMNS[c] for c in columns], "rows": rows}


def _task_cell(column, value):
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return _cell("–", None, number=column not in ("task_type", "source"))
    if column in ("task_type", "source"):
        return _cell(str(value), str(value), number=False)
    value = float(value)
    if column == "minority_share":
        return _cell(f"{100 * value:.3g} %", value, number=True)
    return _cell(f"{value:,.0f}", value, number=True)
