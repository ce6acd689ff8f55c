"""Rows in bags, and the steps of the loop between inference and learning."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skext.label_proportions._bags.split import split_by_parts
from skext.label_proportions._bags.targets import Bags
from skext.label_proportions._bootstrap.held_out import calibrate
from skext.label_proportions._bootstrap.opinions import FirstOpinions
from skext.label_proportions._core.models import fit_soft_labels, takes_weights
from skext.label_proportions._counts.posterior import as_scores, label_by_counts

# What a learner may say at most of a row.
_MOST_CERTAIN = 1e-4


@dataclass(frozen=True)
class Problem:
    """What is known when labels of one class, or of all, are to be learned.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Rows.
    bags : Bags
        Their bags.
    k : int or None
        Number of the class; None is all of them.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    parts : ndarray of shape (n_samples,) or None
        Part of each row, if the user cuts bags into parts.
    features : {ndarray, sparse array} or None
        Features of the linear model of counts; None if there is no first opinion.
    graph : sparse array or None
        Similarities of the rows; None if no row is similar to another.
    infer : callable
        Maps a graph, bags, counts, a strength, opinions, a start and whether a rough
        answer will do to the result of belief propagation.
    cv : int, splitter, iterable or None
        Parts into which bags are cut.
    bag_strength : float
        How certain counts are.
    n_jobs : int or None
        Number of threads.
    """

    X: object
    bags: Bags
    k: int | None
    weight: np.ndarray | None
    parts: np.ndarray | None
    features: object
    graph: object
    infer: object
    cv: object
    bag_strength: float
    n_jobs: int | None

    def with_graph(self, graph):
        """Return the problem with other similarities."""
        return replace(self, graph=graph)

    def without_features(self):
        """Return the problem without the linear model of counts."""
        return replace(self, features=None)

    @property
    def counts(self):
        """Number of rows of the class in each bag, or of all classes."""
        return self.bags.count_table()[:, slice(None) if self.k is None else self.k]

    @property
    def n_known(self):
        """Number of bags whose counts are known."""
        return int(self.bags.known().sum())

    def part(self, rows):
        """Return the problem of some rows, which are those of whole bags."""

        def of(table):
            return None if table is None else table[rows]

        graph = self.graph
        if graph is not None:
            graph = graph[rows][:, rows]
        return replace(
            self,
            X=self.X[rows],
            bags=self.bags.take(rows),
            weight=of(self.weight),
            parts=of(self.parts),
            features=of(self.features),
            graph=graph,
        )

    def splits(self):
        """Return rows to learn from and to judge by, none if bags are too few."""
        n_bags = self.bags.ids.size
        return split_by_parts(self.cv, self.parts, self.bags.codes, n_bags)

    def first_opinions(self, variances=None):
        """Return what the linear model of counts thinks; None if there is none."""
        if self.features is None:
            return None
        return FirstOpinions(
            self.features,
            self.bags,
            self.k,
            self.weight,
            self.bag_strength,
            variances,
            self.n_jobs,
        )

    def calibrated(self, scores):
        """Return opinions whose certainty is that of held-out counts."""
        return None if scores is None else self.calibration(scores)(scores)

    def calibration(self, scores):
        """Return how opinions foretell counts that they do not come from."""
        return calibrate(
            scores, self.bags, self.k, self.weight, self.bag_strength, self.n_jobs
        )

    def labels(self, strength, opinions, counts=None, alone=False, rough=False):
        """Infer labels by belief propagation.

        Neighbours may be heard ``alone``: opinions are then where it starts. A rough
        result is enough for a choice.
        """
        graph = self.graph
        if strength == 0 or graph is None:
            graph = sparse.csr_array((self.bags.codes.size,) * 2)
        counts = self.counts if counts is None else counts
        heard, start = (None, opinions) if alone else (opinions, None)
        codes = self.bags.codes
        return self.infer(graph, codes, counts, strength, heard, start, rough)

    def held_out_labels(self, strength, opinions, splits, alone=False):
        """Return log-odds of rows, inferred without the counts of their part."""
        scores = None
        for _, test in splits:
            counts = np.array(self.counts, dtype=np.float64)
            bags = self.bags.codes[test]
            counts[bags[bags >= 0]] = np.nan
            found = self.labels(strength, opinions, counts, alone, True).log_odds
            scores = np.zeros_like(found) if scores is None else scores
            scores[test] = found[test]
        return scores

    def learn(self, learner, proba):
        """Fit a classifier to inferred labels."""
        if not takes_weights(learner):
            proba = label_by_counts(proba, self.bags, self.counts)
        return fit_soft_labels(learner, self.X, proba, self.weight)

    def learned_opinions(self, learner, proba):
        """Return log-odds of each row by a classifier that did not see its bag.

        Zero if there is one part only.
        """
        scores, labels = np.zeros(proba.shape), proba
        if not takes_weights(learner):
            labels = label_by_counts(proba, self.bags, self.counts)
        for train, test in self.splits():
            weight = None if self.weight is None else self.weight[train]
            model = fit_soft_labels(learner, self.X[train], labels[train], weight)
            scores[test] = as_scores(model.predict(self.X[test]), _MOST_CERTAIN)
        return scores


def opinions_of(model, X):
    """Return log-odds of rows, or log-probabilities of all classes."""
    return as_scores(model.predict(X), _MOST_CERTAIN)
