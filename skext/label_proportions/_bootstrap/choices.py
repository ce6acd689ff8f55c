"""Choices by the counts of held-out bags: strength, rounds and the last learner."""

from typing import NamedTuple

import numpy as np

from skext.label_proportions._bootstrap.held_out import clipped
from skext.label_proportions._bootstrap.problem import opinions_of

# Strengths and scales that are tried, and the log-probability by which they have to
# be better: without a sign to the contrary neighbours say nothing.
_STRENGTHS = {0.0: 0.0, 0.1: 0.5, 0.3: 1.0, 1.0: 2.0, 3.0: 3.0}
# The same where neighbours are all that is heard of rows.
_ALONE = {1.0: 3.0, 3.0: 4.0}
_SCALES = (0.5, 2.0)
_OTHER_SCALE = 0.5
# Another learner, or another round, has to be better by this.
_OTHER_LEARNER, _OTHER_ROUND = 1.0, 0.5
MOST_ROUNDS = 3
# With fewer bags, held-out counts say nothing.
_FEWEST_BAGS = 12
# Bags by which choices are made, and rows by which what neighbours say is chosen, and
# rounds and learners, if there are more.
_ENOUGH_BAGS = 32
ROWS_FOR_NEIGHBORS, ROWS_FOR_LEARNERS = 8192, 65_536


class Similarity(NamedTuple):
    """What neighbours say of rows."""

    strength: float = 0.0
    """How strongly they agree."""
    scale: float = 1.0
    """Factor of the length scale of their graph."""
    alone: bool = False
    """Whether opinions of rows are only where inference starts."""


def sample_of_bags(problem, enough_rows):
    """Return rows of bags that are enough to choose by; None if all are needed.

    Bags are taken at equal steps, in their order.

    Parameters
    ----------
    problem : Problem
        Rows and bags.
    enough_rows : int
        About how many rows are enough.

    Returns
    -------
    rows : ndarray of shape (n_rows,) or None
        Indices.
    """
    bags = problem.bags
    n_bags = bags.ids.size
    mean_size = max(1.0, bags.sizes.mean())
    n_kept = int(max(enough_rows / mean_size, _ENOUGH_BAGS))
    if n_kept >= n_bags:
        return None
    kept = np.zeros(n_bags + 1, dtype=bool)
    kept[np.linspace(0, n_bags - 1, n_kept).astype(int)] = True
    return np.flatnonzero(kept[bags.codes])


def choose_similarity(problem, opinions, rescaled):
    """Choose how strongly neighbours agree, and from how far away.

    Parameters
    ----------
    problem : Problem
        Rows, bags, and the graph at a scale of one.
    opinions : ndarray or None
        Calibrated opinions, which do not come from the counts of their own bags.
    rescaled : callable or None
        Maps the graph and a factor of its length scale to another graph; None keeps
        the scale.

    Returns
    -------
    similarity : Similarity
        That under which the counts of held-out bags are most probable.
    """
    splits = problem.splits()
    if problem.n_known < _FEWEST_BAGS or len(splits) < 2:
        return Similarity()

    def judge(problem, strength, alone=False):
        scores = opinions
        if strength > 0 or opinions is None:
            scores = problem.held_out_labels(strength, opinions, splits, alone)
        return problem.calibration(scores).log_probability

    prices = {(strength, False): price for strength, price in _STRENGTHS.items()}
    if opinions is not None:
        prices |= {(strength, True): price for strength, price in _ALONE.items()}
    values = {key: judge(problem, *key) - price for key, price in prices.items()}
    key = max(values, key=values.get)
    best, scale = values[key], 1.0
    if key[0] > 0 and rescaled is not None:
        for factor in _SCALES:
            other = problem.with_graph(rescaled(problem.graph, factor))
            value = judge(other, *key) - prices[key] - _OTHER_SCALE
            if value > best:
                best, scale = value, factor
    return Similarity(key[0], scale, key[1])


def choose_rounds(problem, learners, similarity, variances, most_rounds):
    """Choose a learner, and how often it is heard, by whole held-out bags.

    The loop runs on all bags but those of a part, the counts of which play no role in
    it at all; what is then learned is judged by them.

    Parameters
    ----------
    problem : Problem
        Rows and bags.
    learners : list of estimator object
        Candidates; the first one is taken if nothing speaks for another.
    similarity : Similarity
        What neighbours say.
    variances : list or None
        Of the linear model of counts.
    most_rounds : int
        Largest number of rounds.

    Returns
    -------
    number : int
        Which learner.
    n_rounds : int
        How many rounds.
    """
    if problem.n_known < _FEWEST_BAGS:
        return 0, 1
    splits = problem.splits()
    loops = []
    for train, test in splits:
        part = problem.part(train)
        first = part.first_opinions(variances)
        opinions = None if first is None else part.calibrated(first.scores)
        found = part.labels(similarity.strength, opinions, alone=similarity.alone)
        loops.append((part, found.marginals, test))
    number, n_rounds, best = 0, 1, -np.inf
    for turn in range(1, most_rounds + 1):
        if turn == 1:
            values = [_foretold(problem, loops, learner) for learner in learners]
            prices = np.where(np.arange(len(values)) > 0, _OTHER_LEARNER, 0.0)
            number = int(np.argmax(values - prices))
            best = values[number]
        else:
            value = _foretold(problem, loops, learners[number])
            if value <= best + _OTHER_ROUND:
                break
            best, n_rounds = value, turn
        if turn < most_rounds:
            loops = [
                (part, _next_labels(part, learners[number], proba, similarity), test)
                for part, proba, test in loops
            ]
    return number, n_rounds


def _foretold(problem, loops, learner):
    """Return how probable counts are by what a learner makes of those of others."""
    scores = None
    for part, proba, test in loops:
        model = part.learn(learner, proba)
        found = opinions_of(model, problem.X[test])
        if scores is None:
            scores = np.zeros((problem.bags.codes.size, *found.shape[1:]))
        scores[test] = found
    return problem.calibration(clipped(scores)).log_probability


def _next_labels(part, learner, proba, similarity):
    opinions = part.calibrated(part.learned_opinions(learner, proba))
    return part.labels(similarity.strength, opinions).marginals
