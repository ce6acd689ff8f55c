"""From results of single jobs to ranks, tests and comparisons over tasks."""

from dataclasses import dataclass

import numpy as np

from skext.benchmark._analysis.blocks import (
    FAILURES,
    KEYS,
    MIN_TASKS,
    by_task,
    count,
    is_relative,
    prepare,
)
from skext.benchmark._engine.text import FEW_TASKS, percent, signed
from skext.exceptions import BenchmarkError
from skext.model_selection import _statistics as _stats

SIGNIFICANCE_LEVEL = 0.05


@dataclass(frozen=True)
class Analysis:
    """Comparison of several methods over the tasks of one track by one metric.

    Differences are positive where a method is better than the baseline, whatever the
    direction of the metric.

    Attributes
    ----------
    metric : str
        Name of the metric.
    greater_is_better : bool
        Its direction.
    baseline : str or None
        Method that the others are compared with.
    rope : float
        Differences up to this size count as practically equal.
    n_tasks, n_blocks : int
        Tasks, and splits of them, that every method has finished.
    scores : DataFrame of shape (n_tasks, n_methods)
        Mean over splits, failures imputed.
    raw_scores : DataFrame of shape (n_tasks, n_methods)
        The same, NaN where a split of the method failed.
    imputed : Series of shape (n_methods,)
        Number of imputed jobs.
    ranks : DataFrame of shape (n_tasks, n_methods)
        1 is best.
    summary : DataFrame of shape (n_methods, n_columns)
        By method, best mean rank first. Wins and losses are beyond the rope, ties
        within it.
    friedman : dict or None
        Test over all methods; None with too few tasks or methods.
    pairwise : DataFrame of shape (n_methods, n_methods) or None
        p-values of all pairs by Wilcoxon's test and Holm's correction.
    cliques : list of list of str
        Maximal groups of methods that the pairwise tests do not tell apart.
    intersection : DataFrame or None
        The summary over splits where no method failed; None if nothing was imputed
        or no split is left.
    notes : list of str
        What a reader must know, in sentences.
    relative : bool
        Whether differences are relative to the larger score of a pair, because the
        tasks have different units.
    differences : DataFrame of shape (n_tasks, n_methods) or None
        Differences to the baseline; None without one.
    """

    metric: str
    greater_is_better: bool
    baseline: str | None
    rope: float
    n_tasks: int
    n_blocks: int
    scores: object
    raw_scores: object
    imputed: object
    ranks: object
    summary: object
    friedman: dict | None
    pairwise: object
    cliques: list
    intersection: object
    notes: list
    relative: bool = False
    differences: object = None


# --------------------------------------------------------------------------
# Tables


def _summarise(scores, blocks, relative, rope, random_state):
    """Ranks, differences to the baseline and the summary table of mean scores."""
    import pandas as pd

    base, greater = blocks.baseline, blocks.greater_is_better
    ranks = pd.DataFrame(
        _stats.average_ranks(scores, greater_is_better=greater),
        index=scores.index,
        columns=scores.columns,
    )
    differences = None
    if base is not None:
        # Not by apply, which loses the columns of a table without rows.
        differences = pd.DataFrame(
            {
                name: _stats.oriented_differences(
                    scores[name],
                    scores[base],
                    greater_is_better=greater,
                    relative=relative,
                )
                for name in scores
            },
            index=scores.index,
            columns=scores.columns,
        )
    rows = {
        name: _comparison(
            None if differences is None or name == base else differences[name],
            rope,
            random_state,
        )
        for name in scores
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.reindex(columns=[*_comparison(None, rope, 0)])
    table.insert(0, "mean_rank", ranks.mean())
    table.insert(1, "mean_score", scores.mean())
    failures = blocks.status.isin(FAILURES).loc[:, scores.columns].sum()
    table["n_failed"] = failures.astype(int)
    for column in ("fit_time", "predict_time"):
        table[column] = _median_time(blocks, column).reindex(table.index)
    table.index.name = "method"
    order = table.sort_values("mean_rank", kind="stable").index
    return ranks, differences, table.loc[order]


def _comparison(differences, rope, random_state):
    """Columns of the summary that compare a method with the baseline."""
    columns = ["wins", "ties", "losses", "share_won", "median_difference"]
    columns += ["ci_low", "ci_high", "p_better", "p_equivalent", "p_worse"]
    row = dict.fromkeys(columns, np.nan)
    if differences is None:
        return row
    known = np.asarray(differences, dtype=float)
    if not len(known):
        return row
    won = _stats.record(known, rope=rope)
    row |= won._asdict() | {"share_won": won.wins / len(known)}
    row["median_difference"] = float(np.median(known))
    if len(known) >= MIN_TASKS:
        median = _stats.bootstrap_median(known, random_state=random_state)
        row |= {"ci_low": median.low, "ci_high": median.high}
        bayes = _stats.bayesian_signed_rank(known, rope=rope, random_state=random_state)
        names = ("p_better", "p_equivalent", "p_worse")
        row |= dict(zip(names, bayes, strict=True))
    return row


def _median_time(blocks, column):
    import pandas as pd

    rows = blocks.rows
    if column not in rows or blocks.value.empty:
        return pd.Series(dtype=float)
    ok = rows[rows["_status"] == "ok"].set_index(KEYS)
    ok = ok[ok.index.isin(blocks.value.index)]
    return ok.groupby("method", sort=False)[column].median()


def _tests(ranks, scores, relative, order, notes):
    """Friedman's test, all pairs and cliques; None where tasks are too few."""
    import pandas as pd

    n_tasks, n_methods = scores.shape
    if n_methods < 2 or n_tasks == 0:
        return None, None, []
    if n_tasks < MIN_TASKS:
        notes.append(
            f"Only {count(n_tasks, 'task')}: no significance test and no "
            f"probabilities; at least {MIN_TASKS} tasks are needed."
        )
        return None, None, []
    friedman = None
    if n_methods > 2:
        found = _stats.friedman_test(ranks)
        friedman = {
            "chi2": found.chi2,
            "chi2_p_value": found.chi2_pvalue,
            "f": found.f,
            "df1": found.df1,
            "df2": found.df2,
            "p_value": found.f_pvalue,
        }
        if not found.f_pvalue < SIGNIFICANCE_LEVEL:
            notes.append(
                "Friedman's test with the correction of Iman and Davenport finds no "
                f"difference between the methods (p = {found.f_pvalue:.2g})."
            )
    matrix = _stats.pairwise_signed_rank(scores[order], relative=relative)
    pairwise = pd.DataFrame(matrix, index=list(order), columns=list(order))
    groups = _stats.maximal_cliques(matrix, significance_level=SIGNIFICANCE_LEVEL)
    return friedman, pairwise, [[order[i] for i in group] for group in groups]


def analyse(
    frame, metric, *, baseline=None, rope=0.01, dummy="dummy", random_state=0
) -> Analysis:
    """Compare all methods of one track by one metric.

    Splits that some method has not finished are left out, methods that were skipped
    are left out, and failures count with the dummy's score on the same split (the
    worst score there, if there is no dummy).

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        One row per task, method, repeat, fold and metric.
    metric : str
        Metric to compare by.
    baseline : str, default=None
        Method that the others are compared with.
    rope : float, default=0.01
        Differences up to this size count as practically equal; a share of the larger
        score where the tasks have different units.
    dummy : str, default="dummy"
        Method whose scores stand in for failures.
    random_state : int, default=0
        Seed of bootstrap and posterior draws.

    Returns
    -------
    analysis : Analysis
        Tables, tests and notes.

    Raises
    ------
    BenchmarkError
        If the metric or the baseline is not in the results.
    """
    _stats.check_rope(rope, BenchmarkError)
    blocks, filled, imputed = prepare(frame, metric, baseline, dummy)
    scores = by_task(filled, "mean")
    raw = by_task(blocks.value, "mean").where(
        ~by_task(blocks.value.isna(), "any").astype(bool)
    )
    relative = is_relative(blocks.rows, scores, blocks.greater_is_better)
    notes = blocks.notes
    if relative and len(scores):
        notes.append(
            f"Differences in {metric} are relative to the larger score of the two, "
            f"because tasks differ in scale; {rope:g} is {100 * rope:g} %."
        )
    ranks, differences, summary = _summarise(
        scores, blocks, relative, rope, random_state
    )
    order = list(summary.index)
    friedman, pairwise, cliques = _tests(ranks, scores, relative, order, notes)
    if scores.empty:
        notes.append("No split has been finished by every method: nothing to compare.")
    intersection = None
    if imputed.sum():
        intersection = _without_failures(blocks, relative, rope, random_state, order)
    return Analysis(
        metric=metric,
        greater_is_better=blocks.greater_is_better,
        baseline=blocks.baseline,
        rope=rope,
        n_tasks=len(scores),
        n_blocks=len(filled),
        scores=scores,
        raw_scores=raw,
        imputed=imputed,
        ranks=ranks,
        summary=summary,
        friedman=friedman,
        pairwise=pairwise,
        cliques=cliques,
        intersection=intersection,
        notes=notes,
        relative=relative,
        differences=differences,
    )


def _without_failures(blocks, relative, rope, random_state, order):
    """Summary over the splits that every method solved; None if there is none."""
    solved = blocks.value.index[blocks.value.notna().all(axis=1)]
    if not len(solved):
        blocks.notes.append(
            "No split is left on which no method failed, so the comparison cannot be "
            "repeated without stand-ins."
        )
        return None
    blocks.keep(solved)
    scores = by_task(blocks.value, "mean")
    _, _, summary = _summarise(scores, blocks, relative, rope, random_state)
    same = "the same order" if list(summary.index) == order else "another order"
    blocks.notes.append(
        f"Without stand-ins {count(len(scores), 'task')} remain"
        f"{'s' if len(scores) == 1 else ''}, with {same} of mean ranks."
    )
    return summary


# --------------------------------------------------------------------------
# Sentences


def headline(analysis) -> str:
    """Say who is ahead, by how much and how surely, and who loses to the baseline.

    Parameters
    ----------
    analysis : Analysis
        Comparison of one track.

    Returns
    -------
    sentence : str
        Ends with a warning where tasks are few.
    """
    table, n_tasks = analysis.summary, analysis.n_tasks
    if not n_tasks or table.empty:
        return (
            f"No comparison by {analysis.metric}: no split is finished by all methods."
        )
    where = f"on {count(n_tasks, 'task')} by {analysis.metric}"
    ranks = table["mean_rank"]
    if len(table) == 1:
        return f"{table.index[0]} is the only method with results {where}."
    first = list(table.index[np.isclose(ranks, ranks.iloc[0], rtol=0, atol=1e-9)])
    if len(first) == len(table):
        text = f"All {len(table)} methods have the same mean rank {where}"
    elif len(first) > 1:
        names = ", ".join(map(str, first[:-1])) + f" and {first[-1]}"
        text = f"{names} share the best mean rank ({ranks.iloc[0]:.2f}) {where}"
    else:
        second = table.index[1]
        tested = _told_apart(analysis, first[0], second)
        text = (
            f"{first[0]} has the best mean rank {where} ({ranks.iloc[0]:.2f}, next "
            f"{second} with {ranks.iloc[1]:.2f}{tested})"
        )
    text += _against_baseline(analysis, first)
    few = "; a demonstration: few tasks" if n_tasks < FEW_TASKS else ""
    return f"{text}{few}.{_losers(analysis)}"


def _losers(analysis):
    """Name the methods that lose more tasks to the baseline than they win."""
    table, base = analysis.summary, analysis.baseline
    if base is None or base not in table.index:
        return ""
    names = table.index[table["losses"] > table["wins"]]
    if not len(names):
        return f" None loses more tasks to {base} than it wins."
    return f" More tasks lost to {base} than won: {', '.join(map(str, names))}."


def _told_apart(analysis, a, b):
    if analysis.pairwise is None:
        return ""
    p = analysis.pairwise.loc[a, b]
    return "" if p < SIGNIFICANCE_LEVEL else ", which the tests do not tell apart"


def _against_baseline(analysis, first):
    base = analysis.baseline
    if base is None:
        return ""
    if base in first:
        return f"; {base} is the baseline"
    row = analysis.summary.loc[first[0]]
    unit = " relative" if analysis.relative else ""
    text = (
        f"; against the baseline {base} "
        f"{'it' if len(first) == 1 else first[0]} wins {int(row['wins'])}, ties "
        f"{int(row['ties'])} and loses {int(row['losses'])} tasks (median{unit} "
        f"difference {signed(row['median_difference'])}"
    )
    if np.isfinite(row["p_better"]):
        text += f", better with probability {percent(row['p_better'])}"
    if analysis.pairwise is not None:
        p = analysis.pairwise.loc[first[0], base]
        what = (
            "the tests tell them apart" if p < SIGNIFICANCE_LEVEL else "not significant"
        )
        text += f"; by Wilcoxon's test, corrected for all pairs, {what}: p {_p_text(p)}"
    return text + ")"


def _p_text(p):
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"
