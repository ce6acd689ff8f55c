"""What a person sees while the jobs run."""

import sys
import time


def make_progress(kind, n_jobs, stream=None):
    """Progress display: rich on a terminal, plain lines elsewhere.

    Parameters
    ----------
    kind : {"auto", "plain", "none"}
        "auto" is rich if it is installed and the output is a terminal.
    n_jobs : int
        Number of jobs to expect.
    stream : file, default=None
        None is standard error.
    """
    stream = stream or sys.stderr
    if kind == "none":
        return Progress(n_jobs)
    if kind == "auto" and getattr(stream, "isatty", lambda: False)():
        try:
            return RichProgress(n_jobs, stream)
        except ImportError:
            pass
    return PlainProgress(n_jobs, stream)


class Progress:
    """Silent progress; the base of the others."""

    def __init__(self, n_jobs):
        self.n_jobs = n_jobs
        self.done = 0
        self.counts = {}
        self.started = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.finish()

    def update(self, outcome, label):
        """Count a finished job."""
        if outcome.status != "pending":
            self.done += 1
        self.counts[outcome.status] = self.counts.get(outcome.status, 0) + 1
        self.show(outcome, label)

    def show(self, outcome, label):
        """Draw."""

    def finish(self):
        """Stop drawing."""

    def note(self, text):
        """Say one thing."""

    def text(self):
        """One line: how far, how long, what went wrong."""
        elapsed = time.monotonic() - self.started
        left = elapsed / self.done * (self.n_jobs - self.done) if self.done else None
        bad = [
            f"{count} {status}"
            for status, count in sorted(self.counts.items())
            if status not in ("ok", "pending")
        ]
        line = f"{self.done}/{self.n_jobs} jobs, {elapsed:.0f} s"
        if left is not None and self.done < self.n_jobs:
            line += f", about {left:.0f} s left"
        return line + (f" ({', '.join(bad)})" if bad else "")


class PlainProgress(Progress):
    """One line every ten seconds, and one for each failure."""

    def __init__(self, n_jobs, stream, every=10.0):
        super().__init__(n_jobs)
        self.stream, self.every = stream, every
        self.last = time.monotonic()

    def show(self, outcome, label):
        """Print when it is time, or when a job failed."""
        if outcome.status not in ("ok", "pending"):
            self.note(f"{label}: {outcome.status}: {outcome.error}")
        now = time.monotonic()
        if now - self.last >= self.every:
            self.last = now
            self.note(self.text())

    def finish(self):
        """Print the last count."""
        self.note(self.text())

    def note(self, text):
        """Print one line."""
        print(text, file=self.stream, flush=True)


class RichProgress(Progress):
    """A bar with the time left, the last job, and failures above it."""

    def __init__(self, n_jobs, stream):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bar

        super().__init__(n_jobs)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self.task = self.bar.add_task("benchmark", total=n_jobs)

    def __enter__(self):
        self.bar.start()
        return self

    def show(self, outcome, label):
        """Advance the bar."""
        if outcome.status not in ("ok", "pending"):
            self.note(f"{label}: {outcome.status}: {outcome.error}")
        if outcome.status != "pending":
            self.bar.update(self.task, advance=1, description=label[:48])

    def finish(self):
        """Remove the bar and leave one line."""
        self.bar.stop()
        self.note(self.text())

    def note(self, text):
        """Print a line above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)
