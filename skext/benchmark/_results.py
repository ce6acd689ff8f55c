"""The results of a run, read back from its folder."""

import functools
from pathlib import Path

import numpy as np

from skext.benchmark._analysis.compare import analyse
from skext.benchmark._analysis.pair import compare_pair
from skext.benchmark._engine.metrics import METRICS
from skext.benchmark._engine.parsing import unknown
from skext.benchmark._engine.store import ResultStore
from skext.benchmark._engine.track import TRACKS, dummy_of
from skext.benchmark._report.page import write_report
from skext.exceptions import BenchmarkError
from skext.utils._probabilities import reliability_bins

_JOB_FIELDS = [
    *("track", "task", "task_type", "method", "repeat", "fold", "status", "error"),
    *("traceback", "fit_time", "predict_time", "fit_cpu", "predict_cpu"),
    *("peak_rss_mb", "n_train", "n_test", "n_warnings", "seed", "host", "key"),
]


class BenchmarkResults:
    """Scores, times and failures of a benchmark run.

    Made by :meth:`Benchmark.run` and by :func:`read_results`.

    Parameters
    ----------
    frame : DataFrame
        One row per task, method, repeat, fold and metric.
    tasks : DataFrame
        Properties of the tasks, by task id.
    info : dict
        What ran, where, when and with which versions (``run.json``).
    method_info : dict of str to dict
        Description, family, class and parameters of each method.
    folder : path-like, default=None
        Where the run and its predictions are stored.

    Attributes
    ----------
    tracks : list of str
        Comparisons in the run.
    """

    def __init__(self, frame, *, tasks, info, method_info, folder=None):
        self._frame = frame
        self._folder = folder
        self.tasks = tasks
        self.info = info
        self.method_info = method_info

    @classmethod
    def from_store(cls, store):
        """Read an open store.

        Parameters
        ----------
        store : ResultStore
            The store.

        Returns
        -------
        results : BenchmarkResults
            What it holds.
        """
        import pandas as pd

        jobs, scores = store.frame()
        tasks = pd.DataFrame(store.tasks())
        if not tasks.empty:
            tasks = tasks.set_index("id")
            tasks = tasks.loc[tasks.index.isin(jobs["task"])]
        frame = _long_frame(jobs, scores)
        return cls(
            frame,
            tasks=tasks,
            info=store.meta(),
            method_info=store.methods(),
            folder=store.folder,
        )

    @functools.cached_property
    def calibration(self):
        """Reliability curves of the binary tasks, None without predictions."""
        if self._folder is None:
            return None
        jobs = self._frame.drop_duplicates("key")
        with ResultStore(self._folder, create=False) as store:
            return _calibration(store, jobs)

    @property
    def tracks(self):
        """Comparisons in the run, those of the catalogue first."""
        present = list(dict.fromkeys(self._frame["track"]))
        known = [name for name in TRACKS if name in present]
        return known + [name for name in present if name not in known]

    def to_frame(self):
        """One row per task, method, repeat, fold and metric.

        Returns
        -------
        frame : DataFrame
            Jobs without a result are there too, with their status.
        """
        return self._frame.copy()

    def track_frame(self, track):
        """Select the rows of one track.

        Parameters
        ----------
        track : str
            One of ``tracks``.

        Returns
        -------
        frame : DataFrame
            As of :meth:`to_frame`.
        """
        if track not in self.tracks:
            raise unknown("track", track, self.tracks)
        return self._frame[self._frame["track"] == track].copy()

    def metrics(self, track):
        """List the metrics of a track, the headline first.

        Parameters
        ----------
        track : str
            One of ``tracks``.

        Returns
        -------
        names : list of str
            Names as in ``skext bench list metrics``.
        """
        rows = self._frame[self._frame["track"] == track]
        present = list(dict.fromkeys(rows["metric"]))
        asked = (self.info.get("options") or {}).get("metrics") or []
        known = [name for name in asked if name in present]
        return known + [name for name in present if name not in known]

    def primary_metric(self, track):
        """Name the metric that the headline is about.

        Parameters
        ----------
        track : str
            One of ``tracks``.

        Returns
        -------
        name : str
            The first of :meth:`metrics`.
        """
        return self.metrics(track)[0]

    def baseline(self, track):
        """Name the method that the others are compared with.

        Parameters
        ----------
        track : str
            One of ``tracks``.

        Returns
        -------
        name : str or None
            None if the track has none or it did not run.
        """
        if track in TRACKS:
            name = TRACKS[track].baseline
            if name in set(self._frame.loc[self._frame["track"] == track, "method"]):
                return name
        return None

    def analyse(self, track=None, metric=None, *, baseline=None, rope=0.01):
        """Ranks, tests and comparisons with the baseline.

        Parameters
        ----------
        track : str, default=None
            None is the first track.
        metric : str, default=None
            None is the primary metric of the track.
        baseline : str, default=None
            None is the track's own baseline.
        rope : float, default=0.01
            Differences up to this size count as practically equal.

        Returns
        -------
        analysis : Analysis
            Tables of scores, ranks and tests.
        """
        if not self.tracks:
            raise BenchmarkError("The run holds no jobs, so there is nothing to see.")
        track = track or self.tracks[0]
        frame = self.track_frame(track)
        metric = self._check_metric(track, metric)
        if baseline is not None:
            self._check_method(frame, baseline)
        return analyse(
            frame,
            metric,
            baseline=baseline or self.baseline(track),
            rope=rope,
            dummy=dummy_of(track),
        )

    def _check_metric(self, track, metric):
        if metric is None:
            return self.primary_metric(track)
        if metric not in self.metrics(track):
            raise BenchmarkError(
                f"Metric {metric!r} was not computed for track {track!r}, which has "
                f"{', '.join(self.metrics(track))}; add it with "
                "'skext bench score DIR --metrics ...'."
            )
        return metric

    @staticmethod
    def _check_method(frame, name):
        methods = list(dict.fromkeys(frame["method"]))
        if name not in methods:
            raise unknown("method", name, methods)

    def summary(self, metric=None):
        """Mean rank, score, times and comparison with the baseline, by track.

        Parameters
        ----------
        metric : str, default=None
            None is the primary metric of each track; tracks that do not have the
            metric are left out.

        Returns
        -------
        table : DataFrame
            One row per track and method.
        """
        import pandas as pd

        tables = []
        for track in self.tracks:
            if metric is not None and metric not in self.metrics(track):
                continue
            analysis = self.analyse(track, metric)
            table = analysis.summary.rename_axis("method").reset_index()
            table.insert(0, "metric", analysis.metric)
            table.insert(0, "track", track)
            tables.append(table)
        if not self.tracks:
            return pd.DataFrame(columns=["track", "metric", "method"])
        if not tables and metric is not None:
            self._check_metric(self.tracks[0], metric)
        return pd.concat(tables, ignore_index=True)

    def compare(self, a, b, *, metric=None, rope=0.01, track=None):
        """Compare two methods over the tasks that both have finished.

        Parameters
        ----------
        a, b : str
            Methods.
        metric : str, default=None
            None is the primary metric.
        rope : float, default=0.01
            Differences up to this size count as practically equal.
        track : str, default=None
            None is the first track that has both methods.

        Returns
        -------
        comparison : PairComparison
            Wins, probabilities, tests and differences by task.
        """
        if track is None:
            both = [
                name
                for name in self.tracks
                if {a, b} <= set(self.track_frame(name)["method"])
            ]
            if not both:
                for name in (a, b):
                    self._check_method(self._frame, name)
                raise BenchmarkError(
                    f"Methods {a!r} and {b!r} did not run on the same track."
                )
            track = both[0]
        frame = self.track_frame(track)
        for name in (a, b):
            self._check_method(frame, name)
        return compare_pair(frame, a, b, self._check_metric(track, metric), rope=rope)

    def failures(self):
        """List jobs that failed, ran out of time or memory, or were skipped.

        Returns
        -------
        table : DataFrame
            One row per job.
        """
        columns = ["track", "task", "method", "repeat", "fold", "status", "error"]
        rows = self._frame[~self._frame["job_status"].isin(["ok", "pending"])]
        rows = rows.assign(status=rows["job_status"], error=rows["job_error"])
        rows = rows[[*columns, "traceback"]]
        return rows.drop_duplicates(columns).reset_index(drop=True)

    def counts(self):
        """Count jobs by status.

        Returns
        -------
        counts : dict of str to int
            Number of jobs of each status that occurs.
        """
        jobs = self._frame.drop_duplicates(["task", "method", "repeat", "fold"])
        return jobs["job_status"].value_counts().to_dict()

    def report(self, path, *, metric=None, baseline=None, rope=0.01):
        """Write the HTML report.

        Parameters
        ----------
        path : path-like
            File to write; one page without any external part.
        metric, baseline, rope : object
            As in :meth:`analyse`, for all tracks that have them.

        Returns
        -------
        path : Path
            The file.
        """
        return write_report(
            self, Path(path), metric=metric, baseline=baseline, rope=rope
        )

    def __repr__(self):
        counts = ", ".join(f"{n} {status}" for status, n in self.counts().items())
        return f"<BenchmarkResults: {len(self.tasks)} tasks, {counts}>"

    def _repr_html_(self):
        table = self.summary().round(4).to_html(index=False, na_rep="")
        return f"<p>{self.__repr__()[1:-1]}</p>{table}"


def read_results(folder) -> BenchmarkResults:
    """Read the results of a run from its folder.

    Parameters
    ----------
    folder : path-like
        Folder that :meth:`Benchmark.run` or ``skext bench run`` wrote.

    Returns
    -------
    results : BenchmarkResults
        Also of a run that is still going on, or that was killed.

    Raises
    ------
    BenchmarkError
        If the folder holds no run.

    Examples
    --------
    >>> from skext.benchmark import read_results
    >>> results = read_results("runs/cc18-2026-11-24")  # doctest: +SKIP
    >>> results.summary("roc_auc")  # doctest: +SKIP
    """
    with ResultStore(folder, create=False) as store:
        return BenchmarkResults.from_store(store)


def _long_frame(jobs, scores):
    """Join jobs and scores; every job has a row for every metric of its group."""
    jobs = jobs.assign(
        status=np.where(
            jobs["skipped"].fillna("") != "",
            "skipped",
            jobs["status"].fillna("pending"),
        ),
        error=jobs["error"].fillna("").where(jobs["error"].notna(), jobs["skipped"]),
        traceback=jobs["traceback"].fillna(""),
    )
    wanted = _wanted_metrics(jobs, scores)
    jobs = jobs[[*_JOB_FIELDS]]
    frame = jobs.merge(wanted, on=["track", "task_type"])
    frame = frame.merge(scores, on=["key", "metric"], how="left")
    frame["greater_is_better"] = frame["metric"].map(
        lambda name: METRICS[name].greater_is_better
    )
    frame["job_status"], frame["job_error"] = frame["status"], frame["error"]
    # A metric that an estimator cannot give (no probabilities, say) is no failure
    # of the job; for this metric alone the method is left out.
    undefined = (frame["status"] == "ok") & frame["value"].isna()
    frame.loc[undefined, "error"] = frame.loc[undefined, "reason"].fillna("")
    frame.loc[undefined, "status"] = "skipped"
    return frame.drop(columns=["reason"]).reset_index(drop=True)


def _wanted_metrics(jobs, scores):
    """Metrics of each group of tasks: the planned ones and those added later."""
    import pandas as pd

    group = ["track", "task_type"]
    planned = jobs[group].assign(metric=jobs["metrics"].str.split()).explode("metric")
    found = scores.merge(jobs[["key", *group]], on="key")[[*group, "metric"]]
    return pd.concat([planned, found], ignore_index=True).drop_duplicates()


def _calibration(store, jobs):
    """Reliability bins: forecasts of the positive class against what came.

    Returns
    -------
    curves : dict or None
        Track to method to ten bins of about equal size, pooled over the binary tasks.
    """
    curves = {}
    done = jobs[(jobs["task_type"] == "binary") & (jobs["job_status"] == "ok")]
    for (track, method), rows in done.groupby(["track", "method"], sort=False):
        found = [store.load_predictions(key) for key in rows["key"]]
        found = [a for a in found if a is not None and "proba" in a]
        if found:
            event = np.concatenate([arrays["truth"] for arrays in found])
            forecast = np.concatenate([arrays["proba"][:, 1] for arrays in found])
            bins = reliability_bins(event, forecast, 10)
            curves.setdefault(track, {})[method] = bins
    return curves or None
