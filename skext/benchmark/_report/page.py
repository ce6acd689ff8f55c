"""The report of a run: one self-contained HTML page, or plain tables.

This module and ``sections.py`` turn results into plain texts and numbers,
``figures.py`` and ``curves.py`` into charts that plotly.js draws; the template only
lays them out. Unlike pictures, charts name their points under a finger and fit a phone.
"""

import datetime
from pathlib import Path

import numpy as np

from skext.benchmark._analysis.blocks import in_units
from skext.benchmark._analysis.compare import headline
from skext.benchmark._engine.tasks import resolve
from skext.benchmark._engine.text import (
    FEW_TASKS,
    format_seconds,
    without_scores,
    write_file,
)
from skext.benchmark._engine.track import FIGURES, TRACKS, dummy_of
from skext.benchmark._report import curves, figures, sections
from skext.benchmark._report.charts import Run, bounded, plotly_bundle
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


_COMMON = {
    function.__name__: function
    for function in (
        figures.critical_difference,
        figures.probability_bars,
        figures.difference_dots,
        curves.score_against_time,
        figures.ranks_by_property,
        curves.reliability,
    )
}


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
        methods=sections.methods(results),
        legend=_LEGEND,
        few_tasks=FEW_TASKS,
        rope=rope,
        plotly=plotly_bundle(),
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
        "n_jobs": len(jobs),
        "failures": sections.failures(jobs),
        "skipped": sections.skipped(jobs, frame),
        "tasks": sections.task_rows(results.tasks, frame),
        "analysis": None,
    }
    rows = frame[frame["metric"] == metric]
    if not rows.loc[rows["status"] == "ok", "value"].notna().any():
        return section | {"headline": without_scores(rows)}
    # The page is the last thing that a long run makes, and must not be lost.
    try:
        return section | _compared(results, frame, track, metric, baseline, rope)
    except Exception as exc:
        return section | {
            "headline": "The results of this track could not be compared "
            f"({type(exc).__name__}: {exc}); they are complete in the tables beside "
            "this page."
        }


def _compared(results, frame, track, metric, baseline, rope):
    """Parts of a track's section that come from its analysis."""
    analysis = results.analyse(track, metric, baseline=baseline, rope=rope)
    drawn, lost = _draw_figures(results, track, analysis)
    return {
        "analysis": analysis,
        "baseline": analysis.baseline,
        "headline": headline(analysis),
        "demonstration": analysis.n_tasks < FEW_TASKS,
        "summary": sections.summary(analysis, results.method_info),
        "comparable": _comparable(analysis),
        "scores": sections.score_table(analysis, results.method_info),
        "metrics": sections.metric_table(frame, results, track, analysis),
        "figures": drawn,
        "notes": [*analysis.notes, *lost],
        "tests": _test_texts(analysis),
        "pairwise": sections.frame_rows(analysis.pairwise),
        "intersection": sections.frame_rows(analysis.intersection),
    }


def _comparable(analysis):
    """Whether a mean over the tasks means anything.

    Errors in the units of different targets have no common mean.
    """
    same_scale = bounded(analysis.scores) or not in_units(analysis.metric)
    return same_scale or analysis.n_tasks == 1


def _track_description(track):
    return TRACKS[track].description if track in TRACKS else ""


def _draw_figures(results, track, analysis):
    """Figures of a track, and what is lost."""
    run = Run(
        results.method_info,
        results.tasks,
        dummy_of(track),
        (results.calibration or {}).get(track) or {},
    )
    drawn, lost = [], []
    for name in TRACKS[track].figures if track in TRACKS else FIGURES:
        try:
            drawn.append((_COMMON.get(name) or resolve(name))(analysis, run))
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
