"""Two methods compared over tasks, and on each task."""

from dataclasses import dataclass

import numpy as np

from skext.benchmark._analysis.blocks import (
    FAILURES,
    MIN_TASKS,
    by_task,
    complete_blocks,
    count,
    impute,
    is_relative,
    listed,
    not_taking_part,
    read_blocks,
)
from skext.benchmark._engine.text import format_number
from skext.exceptions import BenchmarkError
from skext.model_selection import _statistics as _stats


@dataclass(frozen=True)
class PairComparison:
    """Comparison of two methods over the tasks that both have finished.

    Differences are positive where ``a`` is better, whatever the direction of the
    metric.

    Attributes
    ----------
    a, b, metric : str
        What is compared, by what.
    greater_is_better : bool
        Direction of the metric.
    rope : float
        Differences up to this size count as practically equal.
    relative : bool
        Whether differences are relative to the larger score of the two.
    n_tasks, n_blocks : int
        Tasks and splits that both have finished.
    wins, ties, losses : int
        Tasks won by ``a`` beyond the rope, within it, and lost.
    any_wins, any_ties, any_losses : int
        The same without a rope.
    share_won : float
        Share of tasks that ``a`` wins by more than the rope.
    p_better, p_equivalent, p_worse : float
        Bayesian signed-rank test; NaN with fewer than six tasks.
    p_value : float
        Wilcoxon's signed-rank test; NaN with fewer than six tasks.
    median_difference, ci_low, ci_high : float
        Median over tasks with a 95 % bootstrap interval.
    tasks : DataFrame of shape (n_tasks, n_columns)
        Scores, differences, splits and the p-value of the corrected resampled t test
        of every task, over the splits on which neither failed.
    n_failed : dict of str to int
        Failed jobs of each method.
    notes : list of str
        What a reader must know, in sentences.
    """

    a: str
    b: str
    metric: str
    greater_is_better: bool
    rope: float
    relative: bool
    n_tasks: int
    n_blocks: int
    wins: int
    ties: int
    losses: int
    any_wins: int
    any_ties: int
    any_losses: int
    share_won: float
    p_better: float
    p_equivalent: float
    p_worse: float
    p_value: float
    median_difference: float
    ci_low: float
    ci_high: float
    tasks: object
    n_failed: dict
    notes: list

    def __str__(self):
        if not self.n_tasks:
            nothing = f"{self.a} against {self.b}: no common split."
            return "\n".join([nothing, *self.notes])
        unit = "relative difference" if self.relative else "difference"
        lines = [
            f"{self.a} against {self.b} by {self.metric}, "
            f"{count(self.n_tasks, 'task')}, {count(self.n_blocks, 'split')}",
            f"  wins / ties / losses       {self.wins} / {self.ties} / {self.losses} "
            f"beyond ±{self.rope:g}, {self.any_wins} / {self.any_ties} / "
            f"{self.any_losses} by any amount",
            f"  {'median ' + unit:<26} {format_number(self.median_difference, 4)}"
            + self._interval(),
        ]
        if np.isfinite(self.p_better):
            lines += [
                f"  P(better)                  {self.p_better:.3f}",
                f"  P(equivalent)              {self.p_equivalent:.3f}",
                f"  P(worse)                   {self.p_worse:.3f}",
                f"  Wilcoxon's p               {self.p_value:.3g}",
            ]
        lines += ["", _task_text(self.tasks)]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _interval(self):
        if not np.isfinite(self.ci_low):
            return ""
        low, high = format_number(self.ci_low, 4), format_number(self.ci_high, 4)
        return f" (95 % interval {low} to {high})"


def _task_text(table):
    shown = table.dropna(axis=1, how="all").map(
        lambda value: format_number(value, 4) if isinstance(value, float) else value
    )
    return shown.to_string()


def compare_pair(
    frame, a, b, metric, rope=0.01, random_state=0, *, dummy="dummy"
) -> PairComparison:
    """Compare two methods over the tasks that both have finished.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        One row per task, method, repeat, fold and metric.
    a, b : str
        The methods.
    metric : str
        Metric to compare by.
    rope : float, default=0.01
        Differences up to this size count as practically equal.
    random_state : int, default=0
        Seed of bootstrap and posterior draws.
    dummy : str, default="dummy"
        Method whose scores stand in for failures; without it the worst score of any
        method on the same split does.

    Returns
    -------
    comparison : PairComparison
        Effect sizes, tests and a table of tasks.

    Raises
    ------
    BenchmarkError
        If the metric or a method is not in the results, or both are the same.
    """
    if a == b:
        raise BenchmarkError(f"a={a!r} and b={b!r} are one method; name two.")
    _stats.check_rope(rope, BenchmarkError)
    blocks = read_blocks(frame, metric, None)
    for name in (a, b):
        if name not in blocks.value:
            known = listed(blocks.value.columns, 20)
            raise BenchmarkError(
                f"Method {name!r} has no results by {metric}; name one of: {known}."
            )
    every = blocks.value
    blocks.keep(methods=[a, b])
    _common_tasks(blocks)
    complete_blocks(blocks)
    filled, _ = impute(blocks, dummy, source=every.loc[blocks.value.index])
    scores = by_task(filled, "mean")
    greater = blocks.greater_is_better
    relative = is_relative(blocks.rows, scores, greater)
    differences = _stats.oriented_differences(
        scores[a], scores[b], greater_is_better=greater, relative=relative
    )
    notes = blocks.notes
    if relative:
        notes.append("Differences are relative to the larger score of the two.")
    failed = blocks.status.isin(FAILURES).sum()
    return PairComparison(
        a=a,
        b=b,
        metric=metric,
        greater_is_better=greater,
        rope=rope,
        relative=relative,
        n_tasks=len(scores),
        n_blocks=len(filled),
        **_over_tasks(differences, rope, random_state, notes),
        tasks=_task_table(blocks, scores, differences, (a, b)),
        n_failed={name: int(failed[name]) for name in (a, b)},
        notes=notes,
    )


def _common_tasks(blocks):
    """Keep the tasks that both methods take part in, and say what is left out."""
    absent = not_taking_part(blocks)
    gone = absent.index[absent.any(axis=1)]
    if len(gone):
        blocks.notes.append(
            f"{count(len(gone), 'task')} left out that not both take part in: "
            f"{listed(gone)}."
        )
    tasks = blocks.status.index.get_level_values("task")
    blocks.keep(blocks.status.index[~tasks.isin(gone)])


def _over_tasks(differences, rope, random_state, notes):
    won = _stats.record(differences, rope=rope)
    strictly = _stats.record(differences)
    n_tasks = len(differences)
    found = {
        "wins": won.wins,
        "ties": won.ties,
        "losses": won.losses,
        "any_wins": strictly.wins,
        "any_ties": strictly.ties,
        "any_losses": strictly.losses,
        "share_won": won.wins / n_tasks if n_tasks else np.nan,
        "median_difference": float(np.median(differences)) if n_tasks else np.nan,
    }
    nothing = ["p_better", "p_equivalent", "p_worse", "p_value", "ci_low", "ci_high"]
    found |= dict.fromkeys(nothing, np.nan)
    if n_tasks < MIN_TASKS:
        notes.append(
            f"Only {count(n_tasks, 'task')}: no test over tasks; at least {MIN_TASKS} "
            "are needed."
        )
        return found
    median = _stats.bootstrap_median(differences, random_state=random_state)
    bayes = _stats.bayesian_signed_rank(
        differences, rope=rope, random_state=random_state
    )
    return found | {
        "p_better": bayes.better,
        "p_equivalent": bayes.equivalent,
        "p_worse": bayes.worse,
        "p_value": _stats.signed_rank_test(differences).pvalue,
        "ci_low": median.low,
        "ci_high": median.high,
    }


def _task_table(blocks, scores, differences, names):
    """Scores, difference and test of every task."""
    import pandas as pd

    a, b = names
    table = pd.DataFrame(
        {a: scores[a], b: scores[b], "difference": differences}, index=scores.index
    )
    ratios = _test_train_ratios(blocks.rows)
    both = blocks.value.dropna()
    splits, pvalues = [], []
    for task in table.index:
        rows = both[both.index.get_level_values("task") == task]
        splits.append(len(rows))
        d = _stats.oriented_differences(
            rows[a], rows[b], greater_is_better=blocks.greater_is_better
        )
        ratio = ratios.get(task, np.nan)
        known = len(d) > 1 and np.isfinite(ratio)
        pvalues.append(
            _stats.corrected_resampled_t(d, ratio).pvalue if known else np.nan
        )
    return table.assign(n_splits=splits, p_value=np.array(pvalues, dtype=float))


def _test_train_ratios(rows):
    """Rows of a test set by rows of a training set, of every task."""
    if not {"n_train", "n_test"} <= set(rows):
        return {}
    known = rows[["task", "n_train", "n_test"]].dropna()
    known = known[known["n_train"].astype(float) > 0]
    sums = known.groupby("task", sort=False)[["n_train", "n_test"]].sum()
    return (sums["n_test"] / sums["n_train"]).to_dict()
