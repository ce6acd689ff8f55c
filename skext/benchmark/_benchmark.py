"""The Python interface of the benchmark runner."""

import contextlib
import time
from dataclasses import fields, replace
from pathlib import Path

from skext.benchmark._engine.methods import from_user
from skext.benchmark._engine.options import RunOptions
from skext.benchmark._engine.parsing import parse_folds, unknown
from skext.benchmark._engine.runner import Runner
from skext.benchmark._engine.store import export
from skext.benchmark._engine.track import METHODS, select_methods
from skext.benchmark._results import read_results
from skext.benchmark._suites import as_tasks
from skext.exceptions import BenchmarkError, MissingDependencyError


class Benchmark:
    """Compare estimators over tasks by cross-validation.

    Every (task, method, repeat, fold) is one job. Jobs stream through joblib, a
    failing one harms no other, and results are stored as they come, so that
    running again into the same folder continues where it stopped.

    Parameters
    ----------
    tasks : str, Task, dict, or list of those
        Name of a suite, tasks of :func:`load_tasks`, or a dict that maps a name to
        ``(X, y)`` or to a Bunch of scikit-learn.
    methods : dict or list, default=None
        A dict maps a name to an estimator, a pipeline, a grid, or a function that
        returns one. A list holds names of the catalogue (globs allowed) and
        ``"package.module:factory"``. None takes the default methods of each
        task's track.
    metrics : list of str, default=None
        None takes those of the track. The first is the headline.
    folds : "task", int or str, default=None
        ``5``, ``"3x10"`` (repeats and folds), or the splits that come with the
        data. None takes the suite's own rule.
    max_rows : int, default=None
        Sample larger tables down to this many rows.
    preprocess : {"scale", "ordinal", "none"}, default="scale"
        What precedes estimators given as a dict, fitted in the training fold.
    tune : int, default=0
        Number of random configurations tried for methods of the catalogue.
    data_home : path-like, default=None
        Folder of OpenML data; None is scikit-learn's data home.
    offline : bool, default=None
        True never opens a connection. None follows ``SKEXT_OFFLINE``.
    random_state : int, default=0
        Seed of splits, sampling and estimators.
    task_type : str or dict, default=None
        Kind of the targets: "classification" ("binary" or "multiclass") or
        "regression"; a dict maps names of tasks to it. None looks at the target:
        labels, and whole numbers with up to 20 distinct values, are classes, other
        numbers are numbers. The run says so where that may be wrong.

    See Also
    --------
    read_results : Read the results of an earlier run.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skext.benchmark import Benchmark
    >>> bench = Benchmark(
    ...     {"iris": load_iris(return_X_y=True)},
    ...     methods={"logistic": LogisticRegression(), "bayes": GaussianNB()},
    ...     metrics=["accuracy"],
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = bench.run(folder, backend="sequential")
    >>> results
    <BenchmarkResults: 1 tasks, 10 ok>
    """

    def __init__(
        self,
        tasks="offline",
        methods=None,
        *,
        metrics=None,
        folds=None,
        max_rows=None,
        preprocess="scale",
        tune=0,
        data_home=None,
        offline=None,
        random_state=0,
        task_type=None,
    ):
        if folds is not None and not isinstance(folds, tuple):
            folds = parse_folds(folds)
        self.tasks = as_tasks(
            tasks,
            folds=folds,
            max_rows=max_rows,
            data_home=data_home,
            offline=offline,
            seed=random_state,
            task_type=task_type,
        )
        self.methods = _as_methods(methods, preprocess)
        if isinstance(metrics, str):
            raise BenchmarkError(
                f"metrics={metrics!r} must be a list, such as [{metrics!r}]."
            )
        self.metrics = None if metrics is None else tuple(metrics)
        self.tune = tune
        self.random_state = random_state

    def run(self, out=None, options=None, **changes):
        """Run all jobs that have no result yet.

        Parameters
        ----------
        out : path-like, default=None
            Folder of the results; None is a new one below ``runs/``. Giving the
            folder of an earlier run continues it.
        options : RunOptions, default=None
            How to run. None takes the metrics, the tuning and the seed of the
            benchmark, and defaults for the rest.
        **changes : dict
            Single options of :class:`RunOptions`, such as ``n_jobs=4``.

        Returns
        -------
        results : BenchmarkResults
            All results in the folder.

        Raises
        ------
        BenchmarkError
            If the folder cannot be used or there is nothing to run.
        """
        known = {entry.name for entry in fields(RunOptions)}
        for name in set(changes) - known:
            raise unknown("run option", name, known)
        if options is None:
            told = {"metrics": self.metrics, "tune": self.tune}
            options = RunOptions(**{**told, "seed": self.random_state, **changes})
        else:
            options = replace(options, **changes)
        folder = Path(out) if out is not None else default_folder("python")
        return run_tasks(self.tasks, self.methods, options, folder)

    def __repr__(self):
        methods = "default" if self.methods is None else len(self.methods)
        return f"<Benchmark: {len(self.tasks)} tasks, {methods} methods>"

    def _repr_html_(self):
        tasks = ", ".join(task.id for task in self.tasks)
        methods = "the default methods of each track"
        if self.methods is not None:
            methods = ", ".join(method.name for method in self.methods)
        return f"<p><b>Benchmark</b></p><p>Tasks: {tasks}</p><p>Methods: {methods}</p>"


def run_tasks(tasks, methods, options, folder, **story):
    """Run into a folder, and write the tables beside its results.

    Returns
    -------
    results : BenchmarkResults
        Everything in the folder, older jobs included.
    """
    reason = Runner(tasks, methods, options, **story).run(folder)
    results = read_results(folder)
    export(results, folder)
    if reason:
        # What failed shall be found in the folder all the same.
        if results.info["broken"]:
            with contextlib.suppress(MissingDependencyError):
                results.report(Path(folder) / "report.html")
        raise BenchmarkError(reason)
    return results


def default_folder(suite):
    """``runs/<suite>-<date>``, numbered if it is taken."""
    stem = Path("runs") / f"{suite}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder, number = stem, 1
    while folder.exists():
        number += 1
        folder = stem.with_name(f"{stem.name}-{number}")
    return folder


def _as_methods(methods, preprocess):
    if methods is None:
        return None
    if isinstance(methods, dict):
        return [
            from_user(name, thing, preprocess=preprocess)
            if not isinstance(thing, str) or ":" in thing
            else METHODS.get(thing) or select_methods([thing])[0]
            for name, thing in methods.items()
        ]
    return select_methods(methods)
