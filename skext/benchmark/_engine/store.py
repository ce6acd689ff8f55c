"""Results on disk: SQLite while the run goes on, tables at its end.

One process writes (the one that started the run); each finished job is one
transaction, so that a run may be killed at any moment.
"""

import contextlib
import json
import os
import sqlite3
import time
from pathlib import Path

import numpy as np

from skext.exceptions import BenchmarkError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    key TEXT PRIMARY KEY, status TEXT, error TEXT, traceback TEXT,
    fit_time REAL, predict_time REAL, fit_cpu REAL, predict_cpu REAL,
    peak_rss_mb REAL, n_train INTEGER, n_test INTEGER, n_warnings INTEGER,
    host TEXT, finished REAL, environment TEXT);
CREATE TABLE IF NOT EXISTS scores (
    key TEXT, metric TEXT, value REAL, reason TEXT, PRIMARY KEY (key, metric));
CREATE TABLE IF NOT EXISTS plan (
    task TEXT, method TEXT, repeat INTEGER, fold INTEGER, key TEXT, track TEXT,
    task_type TEXT, seed INTEGER, skipped TEXT, metrics TEXT, position INTEGER,
    PRIMARY KEY (task, method, repeat, fold));
CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, json TEXT, position INTEGER);
CREATE TABLE IF NOT EXISTS methods (name TEXT PRIMARY KEY, json TEXT);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, json TEXT);
"""

_JOB_COLUMNS = (
    "key status error traceback fit_time predict_time fit_cpu predict_cpu peak_rss_mb "
    "n_train n_test n_warnings host finished"
).split()


class ResultStore:
    """The folder of a run.

    Parameters
    ----------
    folder : path-like
        Created if it does not exist.
    create : bool, default=True
        If False, the folder must hold a run already.
    """

    def __init__(self, folder, *, create=True):
        self.folder = Path(folder)
        self.path = self.folder / "results.sqlite"
        self._lock_file = None
        if not create and not self.path.is_file():
            raise BenchmarkError(
                f"Folder {str(self.folder)!r} holds no benchmark run (no "
                "results.sqlite in it); give the folder that 'skext bench run' printed."
            )
        try:
            if create:
                self.folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=30)
            if create:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                with self._db:
                    self._db.executescript(_SCHEMA)
            else:
                self._db.execute("SELECT count(*) FROM jobs").fetchone()
        except (OSError, sqlite3.Error) as exc:
            raise BenchmarkError(
                f"Folder {str(self.folder)!r} cannot be used for results ({exc}); "
                "choose another one with --out."
            ) from exc

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close the database and release the lock."""
        self._db.close()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    def lock(self):
        """Refuse a second run that writes into the same folder."""
        try:
            import fcntl
        except ImportError:
            return
        self._lock_file = open(self.folder / ".lock", "w")  # noqa: SIM115
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BenchmarkError(
                f"Another run is writing to {str(self.folder)!r}; wait for it or "
                "choose another folder with --out."
            ) from None

    # The job that is under way in the process of the run itself. A file of its own:
    # it is written before each job, and a full disk shall not be filled by it.

    def mark(self, key):
        """Remember a job that may end this process; None when there is none."""
        path = self.folder / ".under_way"
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True) if key is None else path.write_text(key)

    def marked(self):
        """Return the job that an earlier run was at when it ended, or None."""
        with contextlib.suppress(OSError):
            return (self.folder / ".under_way").read_text()
        return None

    # Writing

    def clear(self):
        """Forget everything (``--fresh``)."""
        with self._db:
            for table in ("jobs", "scores", "plan", "tasks", "methods", "meta"):
                self._db.execute(f"DELETE FROM {table}")

    def save_plan(self, rows, tasks, methods):
        """Store what is to be run; other jobs of an earlier run stay."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO plan VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO tasks VALUES (?,?,?)",
                [(t["id"], _json(t), i) for i, t in enumerate(tasks)],
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO methods VALUES (?,?)",
                [(name, _json(value)) for name, value in methods.items()],
            )

    def set_meta(self, **values):
        """Store facts about the run."""
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?,?)",
                [(name, _json(value)) for name, value in values.items()],
            )

    def add(self, outcome, environment=""):
        """Store one finished job; on the disk when this returns."""
        if outcome.predictions is not None:
            self._save_predictions(outcome)
        marks = ",".join("?" * (len(_JOB_COLUMNS) + 1))
        values = [getattr(outcome, name) for name in _JOB_COLUMNS]
        with self._db:
            self._db.execute(
                f"INSERT OR REPLACE INTO jobs VALUES ({marks})", [*values, environment]
            )
            self._db.execute("DELETE FROM scores WHERE key=?", [outcome.key])
            self._write_scores(outcome.key, outcome.scores)

    def add_scores(self, key, scores):
        """Add metrics to a finished job."""
        with self._db:
            self._write_scores(key, scores)

    def _write_scores(self, key, scores):
        self._db.executemany(
            "INSERT OR REPLACE INTO scores VALUES (?,?,?,?)",
            [
                (key, name, None if np.isnan(value) else value, reason)
                for name, (value, reason) in scores.items()
            ],
        )

    def _save_predictions(self, outcome):
        folder = self.folder / "predictions"
        folder.mkdir(exist_ok=True)
        final = folder / f"{outcome.key}.npz"
        temporary = folder / f".{outcome.key}.tmp"
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **outcome.predictions)
        os.replace(temporary, final)

    # Reading

    def load_predictions(self, key):
        """Return stored arrays of a job, or None."""
        path = self.folder / "predictions" / f"{key}.npz"
        if not path.is_file():
            return None
        with np.load(path) as stored:
            return {name: stored[name] for name in stored.files}

    def statuses(self) -> dict:
        """Key to status of every job that has ended."""
        return dict(self._db.execute("SELECT key, status FROM jobs"))

    def scored(self) -> dict:
        """Key to the set of metrics that are known for it."""
        known = {}
        for key, metric in self._db.execute("SELECT key, metric FROM scores"):
            known.setdefault(key, set()).add(metric)
        return known

    def meta(self) -> dict:
        """Facts about the run."""
        rows = self._db.execute("SELECT name, json FROM meta")
        return {name: json.loads(text) for name, text in rows}

    def tasks(self) -> list[dict]:
        """Properties of the tasks, in the order of the run."""
        rows = self._db.execute("SELECT json FROM tasks ORDER BY position, id")
        return [json.loads(text) for (text,) in rows]

    def methods(self) -> dict:
        """Descriptions of the methods."""
        rows = self._db.execute("SELECT name, json FROM methods")
        return {name: json.loads(text) for name, text in rows}

    def frame(self):
        """All planned jobs with what came of them, and their scores.

        Returns
        -------
        jobs : DataFrame
            One row per planned job; status is missing where it has not run.
        scores : DataFrame
            One row per job and metric.
        """
        import pandas as pd

        jobs = pd.read_sql_query(
            "SELECT p.track, p.task, p.task_type, p.method, p.repeat, p.fold, p.key, "
            "p.seed, p.skipped, p.metrics, p.position, j.* FROM plan p "
            "LEFT JOIN jobs j ON p.key = j.key ORDER BY p.track, p.position",
            self._db,
        )
        jobs = jobs.loc[:, ~jobs.columns.duplicated()]
        scores = pd.read_sql_query("SELECT * FROM scores", self._db)
        return jobs, scores


def _json(value):
    """Write facts for people; what JSON does not know is written as text."""
    return json.dumps(value, default=str)


def export(results, folder):
    """Write the tables and ``run.json`` beside the database.

    Parquet where pyarrow is installed, CSV elsewhere.

    Returns
    -------
    paths : list of Path
        What was written.
    """
    folder = Path(folder)
    frame = results.to_frame()
    written = []
    with contextlib.suppress(ImportError):
        import pyarrow  # noqa: F401

        frame.to_parquet(folder / "results.parquet", index=False)
        written.append(folder / "results.parquet")
    if not written:
        frame.to_csv(folder / "results.csv", index=False)
        written.append(folder / "results.csv")
    results.summary().to_csv(folder / "summary.csv", index=False)
    failures = results.failures()
    failures.to_csv(folder / "failures.csv", index=False)
    (folder / "run.json").write_text(
        json.dumps({**results.info, "written": time.time()}, indent=2, default=str)
    )
    return [*written, *(folder / f"{n}" for n in ("summary.csv", "failures.csv"))]
