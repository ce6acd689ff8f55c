"""From rows of single jobs to complete blocks that methods can be compared on."""

from dataclasses import dataclass, field

import numpy as np

from skext.benchmark._engine.metrics import METRICS
from skext.exceptions import BenchmarkError

# With fewer tasks no test can say anything at the 5 % level.
MIN_TASKS = 6
FAILURES = ("failed", "timeout", "memory")
_UNFINISHED = ("pending", "missing")
KEYS = ["task", "repeat", "fold"]


@dataclass
class Blocks:
    """Values and states of (task, repeat, fold) by method, and what was left out."""

    value: object
    status: object
    rows: object
    greater_is_better: bool
    baseline: str | None
    notes: list = field(default_factory=list)

    def keep(self, blocks=None, methods=None):
        """Restrict the tables to some blocks or methods."""
        blocks = self.value.index if blocks is None else blocks
        methods = self.value.columns if methods is None else methods
        self.value = self.value.loc[blocks, methods]
        self.status = self.status.loc[blocks, methods]


def read_blocks(frame, metric, baseline):
    """Spread the rows of one metric into tables of blocks by methods."""
    rows = frame[frame["metric"] == metric]
    if rows.empty:
        known = ", ".join(map(str, dict.fromkeys(frame["metric"])))
        raise BenchmarkError(
            f"metric={metric!r} is not in the results; they have: {known or 'none'}."
        )
    rows = rows.drop_duplicates([*KEYS, "method"], keep="last")
    methods = list(dict.fromkeys(rows["method"]))
    if baseline is not None and baseline not in methods:
        raise BenchmarkError(
            f"baseline={baseline!r} is not in the results; they have: "
            f"{', '.join(map(str, methods))}."
        )
    rows = rows.assign(_status=rows["status"].astype(object).fillna("pending"))
    # A metric that came out undefined is no result.
    undefined = (rows["_status"] == "ok") & ~np.isfinite(rows["value"].astype(float))
    rows.loc[undefined, "_status"] = "skipped"
    wide = rows.set_index([*KEYS, "method"])
    status = wide["_status"].unstack("method")[methods]
    status = status.astype(object).where(status.notna(), "missing")
    value = wide["value"].astype(float).unstack("method")[methods]
    # Tasks in the order of the run, folds in order within them.
    order = {task: i for i, task in enumerate(dict.fromkeys(rows["task"]))}
    place = np.array([order[task] for task, *_ in status.index], dtype=int)
    blocks = status.index[np.argsort(place, kind="stable")]
    return Blocks(
        value.where(status == "ok").loc[blocks],
        status.loc[blocks],
        rows,
        bool(rows["greater_is_better"].iloc[0]),
        baseline,
    )


def by_task(flags, how):
    """Aggregate the blocks of each task, in the order of the run."""
    return getattr(flags.groupby(level="task", sort=False), how)()


def not_taking_part(blocks):
    """Tasks by methods: whether a method was skipped there, or never planned.

    Jobs that wait for their turn count as taking part, unless those before them were
    all skipped.
    """
    tried = by_task(blocks.status.isin(["ok", *FAILURES]), "any")
    skipped = by_task(blocks.status == "skipped", "any")
    unplanned = by_task(blocks.status == "missing", "all")
    return (skipped & ~tried) | unplanned


def leave_out(blocks):
    """Leave out methods that do not take part in every task, and say so."""
    lacking = not_taking_part(blocks)
    empty = lacking.index[lacking.all(axis=1)]
    if len(empty) and len(empty) < len(lacking):
        blocks.notes.append(
            f"{count(len(empty), 'task')} left out because no method has a result: "
            f"{listed(empty)}."
        )
    lacking = lacking.drop(index=empty)
    base = blocks.baseline
    if base is not None and lacking[base].all():
        blocks.notes.append(
            f"The baseline {base} has no result, so nothing is compared with it."
        )
        blocks.baseline = base = None
    elif base is not None and lacking[base].any():
        gone = lacking.index[lacking[base]]
        blocks.notes.append(
            f"{count(len(gone), 'task')} left out, which the baseline {base} does "
            f"not take part in: {listed(gone)}."
        )
        lacking = lacking.drop(index=gone)
    out = [name for name in lacking if lacking[name].any()] if len(lacking) else []
    if not len(lacking):
        out = list(blocks.status)
    for name in out:
        blocks.notes.append(_why_left_out(blocks, name, lacking))
    tasks = blocks.status.index.get_level_values("task")
    keep = tasks.isin(lacking.index)
    blocks.keep(blocks.status.index[keep], blocks.status.columns.difference(out, False))


def _why_left_out(blocks, name, lacking):
    rows = blocks.rows
    reasons = rows.loc[
        (rows["method"] == name) & (rows["_status"] == "skipped"), "error"
    ]
    reasons = [str(r) for r in reasons.dropna() if str(r)]
    n_out = int(lacking[name].sum()) if len(lacking) else 0
    where = "" if n_out == len(lacking) else f" on {n_out} of {len(lacking)} tasks"
    why = f": {reasons[0].rstrip('.')}" if reasons else ""
    what = "skipped" if reasons else "no result"
    return f"{name} is left out of the comparison ({what}{where}{why})."


def complete_blocks(blocks):
    """Drop blocks that some method has not finished, or that no method solved."""
    finished = ~blocks.status.isin(_UNFINISHED).any(axis=1)
    if not finished.all():
        n_out = int((~finished).sum())
        blocks.notes.append(
            f"{count(n_out, 'split')} of {len(finished)} not finished by every method "
            "and left out."
        )
    solved = blocks.value.notna().any(axis=1)
    n_unsolved = int((finished & ~solved).sum())
    if n_unsolved:
        blocks.notes.append(
            f"{count(n_unsolved, 'split')} left out because no method has a result."
        )
    blocks.keep(blocks.status.index[finished & solved])


def impute(blocks, dummy, source=None):
    """Fill failures by the dummy's score on the split, or else by the worst."""
    source = blocks.value if source is None else source
    greater = blocks.greater_is_better
    filler = source.min(axis=1) if greater else source.max(axis=1)
    if dummy in source:
        filler = source[dummy].where(source[dummy].notna(), filler)
    filled = blocks.value.copy()
    for name in filled:
        filled[name] = filled[name].where(filled[name].notna(), filler)
    imputed = blocks.value.isna().sum()
    if imputed.sum():
        parts = ", ".join(f"{n} of {m}" for m, n in imputed[imputed > 0].items())
        stand_in = "of the dummy" if dummy in source else "that is worst there"
        blocks.notes.append(
            f"{count(int(imputed.sum()), 'failed job')} ({parts}) counted with the "
            f"score {stand_in} on the same split."
        )
    return filled, imputed


def prepare(frame, metric, baseline, dummy):
    """Read, select and complete: blocks, filled values, imputed jobs by method."""
    blocks = read_blocks(frame, metric, baseline)
    leave_out(blocks)
    complete_blocks(blocks)
    filled, imputed = impute(blocks, dummy)
    return blocks, filled, imputed


def count(n, noun):
    """Write a number with its noun."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def listed(names, limit=5):
    """Write a list of names, cut if long."""
    names = [str(name) for name in names]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def in_units(metric) -> bool:
    """Whether a metric is in the units of the target, which differ by task."""
    return metric in METRICS and METRICS[metric].in_units


def is_relative(rows, scores, greater_is_better):
    """Whether the scores of different tasks have different units."""
    if greater_is_better:
        return False
    if rows["metric"].map(in_units).any():
        return True
    values = scores.to_numpy(dtype=float)
    return bool(values.size and np.nanmax(values, initial=0.0) > 1)
