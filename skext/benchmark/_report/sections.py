"""The tables of the report page as rows of cells: what is shown, what sorts it."""

import numpy as np

from skext.benchmark._analysis.blocks import in_units
from skext.benchmark._engine.text import (
    format_number,
    format_seconds,
    percent,
    signed,
)
from skext.benchmark._report.charts import bounded, family_of

_MAX_FAILURES = 200


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


def methods(results):
    """All methods of the run with what is known about them."""
    rows = []
    for name in dict.fromkeys(results.to_frame()["method"]):
        cell = _method_cell(name, results.method_info)
        params = (results.method_info.get(name) or {}).get("params")
        if isinstance(params, dict):
            params = ", ".join(f"{key}={value!r}" for key, value in params.items())
        rows.append({**cell, "params": str(params or "")})
    return rows


def summary(analysis, method_info):
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


def score_table(analysis, method_info):
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


def metric_table(frame, results, track, analysis):
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
        if in_units(metric) and not bounded(table):
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


def frame_rows(table):
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


def failures(jobs):
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


def skipped(jobs, frame):
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


def task_rows(tasks, frame):
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
