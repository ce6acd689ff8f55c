"""Inference and learning in turns, and the choices before."""

from typing import NamedTuple

import numpy as np

from skext.label_proportions._bootstrap.choices import (
    MOST_ROUNDS,
    ROWS_FOR_LEARNERS,
    ROWS_FOR_NEIGHBORS,
    Similarity,
    choose_rounds,
    choose_similarity,
    sample_of_bags,
)
from skext.label_proportions._bootstrap.features import RobustFeatures
from skext.label_proportions._bootstrap.opinions import narrow
from skext.label_proportions._bootstrap.problem import Problem
from skext.label_proportions._inference.lazy_graph import LazyGraph
from skext.label_proportions._inference.leaves import LeafRefiner
from skext.label_proportions._inference.propagation import (
    Propagation,
    arrange_graph,
    layout,
    propagate,
    warn_not_converged,
)
from skext.label_proportions._nets.refiner import EmbeddingRefiner

# A change of a probability that makes no difference to a choice.
_ROUGH = 0.01


class Run(NamedTuple):
    """What was inferred about the rows, for one class or for all."""

    proba: np.ndarray
    result: Propagation | None = None
    """How it ended; None if there was nothing to infer."""
    strength: float = 0.0
    """How strongly neighbours agreed."""
    n_rounds: int = 1
    """How often labels were inferred."""


def make_graph(parameters, X, standardize, given=None):
    """Return the graph of rows that parameters of the classifier ask for.

    Parameters
    ----------
    parameters : BeliefPropagationLLPClassifier
        Has the parameters.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Where neighbours are searched.
    standardize : bool
        Whether features are scaled.
    given : sparse array, default=None
        A graph in its place.

    Returns
    -------
    graph : LazyGraph
        Nothing is searched yet.
    """
    length_scale = parameters.length_scale
    return LazyGraph(
        X,
        given,
        n_neighbors=parameters.n_neighbors,
        metric=parameters.metric,
        kernel=parameters.kernel,
        length_scale="median" if length_scale == "auto" else length_scale,
        neighbor_threshold=parameters.neighbor_threshold,
        symmetrize=parameters.symmetrize,
        standardize=standardize,
        n_jobs=parameters.n_jobs,
    )


class Loop:
    """Labels of one class, or of all, from first opinions to the last inference.

    Parameters
    ----------
    parameters : BeliefPropagationLLPClassifier
        Has the parameters.
    data : FitData
        Rows and bags.
    k : int or None
        Number of the class; None is all of them.
    graph : LazyGraph or None
        Similarities of the rows; None if counts leave no doubt about labels.
    learners : list of estimator object
        Classifiers among which held-out counts choose.
    seeded : callable
        Returns a copy of the refiner that is as reproducible as the classifier.
    """

    def __init__(self, parameters, data, k, graph, learners, seeded):
        self.parameters, self.learners, self.seeded = parameters, learners, seeded
        self.first_graph, self.refiner = graph, None
        self.length_scale, self.n_edges = float("nan"), 0
        features = None
        if parameters.start == "counts" and graph is not None:
            features = RobustFeatures(data.X, data.weight)(data.X)
            features = narrow(features, data.bags.ids.size)
        self.problem = Problem(
            X=data.X,
            bags=data.bags,
            k=k,
            weight=data.weight,
            parts=data.parts,
            features=features,
            graph=None,
            infer=self._infer,
            cv=parameters.cv,
            bag_strength=parameters.bag_strength,
            n_jobs=parameters.n_jobs,
        )

    def choose_learner(self):
        """Return who learns labels that are known."""
        problem = self.problem
        if len(self.learners) == 1:
            return self.learners[0]
        rows = sample_of_bags(problem, ROWS_FOR_LEARNERS)
        part = problem if rows is None else problem.part(rows)
        return self.learners[
            choose_rounds(part, self.learners, Similarity(), None, 1)[0]
        ]

    def run(self):
        """Choose what is to be chosen, and infer labels.

        Returns
        -------
        learner : estimator object
            Who learns the labels.
        run : Run
            The labels.
        """
        parameters, problem, graph = self.parameters, self.problem, self.first_graph
        first = problem.first_opinions()
        opinions = None if first is None else problem.calibrated(first.scores)
        variances = None if first is None else first.variances
        similarity = self._choose_similarity(problem, graph, opinions)
        number, n_rounds = 0, parameters.n_rounds
        if n_rounds == "auto" or len(self.learners) > 1:
            most = MOST_ROUNDS if n_rounds == "auto" else 1
            rows = sample_of_bags(problem, ROWS_FOR_LEARNERS)
            part = problem if rows is None else problem.part(rows)
            part = part.with_graph(_scaled(graph, rows, similarity))
            number, found = choose_rounds(
                part, self.learners, similarity, variances, most
            )
            n_rounds = found if n_rounds == "auto" else n_rounds
        if parameters.n_rounds == "auto" and parameters.refiner is not None:
            n_rounds = max(n_rounds, 2)
        learner = self.learners[number]
        # The features, which are as large as the table, have done their part.
        self.problem = problem = problem.without_features()
        problem = self._with_graph(problem, graph, similarity)
        return learner, self._rounds(problem, learner, opinions, similarity, n_rounds)

    def _infer(self, graph, codes, counts, strength, opinions, start, rough):
        """Run belief propagation."""
        parameters = self.parameters
        order, indptr, padded, n_bagged = layout(codes, counts)
        progress = None
        if parameters.verbose:

            def progress(n_iter, change, damping):
                print(  # noqa: T201 (asked for)
                    f"[{type(parameters).__name__}] sweep {n_iter}: largest change "
                    f"{change:.2e}, damping {damping}"
                )

        return propagate(
            arrange_graph(graph, order, strength),
            order,
            indptr,
            padded,
            n_bagged,
            unary=opinions,
            initial=start,
            bag_strength=parameters.bag_strength,
            damping=parameters.damping,
            max_iter=parameters.max_iter,
            tol=max(parameters.tol, _ROUGH) if rough else parameters.tol,
            schedule=parameters.schedule,
            n_jobs=parameters.n_jobs,
            progress=progress,
        )

    def _choose_similarity(self, problem, graph, opinions):
        """Return what neighbours say, chosen by some rows if not by all."""
        parameters = self.parameters
        if parameters.similarity_strength != "auto":
            return Similarity(parameters.similarity_strength)
        rows = sample_of_bags(problem, ROWS_FOR_NEIGHBORS)
        part, part_opinions = problem, opinions
        if rows is not None:
            part = problem.part(rows)
            part_opinions = None if opinions is None else opinions[rows]
        rescaled = None
        if graph.has_scale and parameters.length_scale == "auto":
            rescaled = graph.rescaled
        return choose_similarity(
            part.with_graph(graph.of(rows)), part_opinions, rescaled
        )

    def _with_graph(self, problem, graph, similarity):
        """Return the problem with the graph of all rows, and describe it."""
        made = _scaled(graph, None, similarity)
        self.length_scale, self.n_edges = float("nan"), 0
        if made is not None:
            self.length_scale = float(graph.length_scale * similarity.scale)
            self.n_edges = int(made.nnz // 2)
        return problem.with_graph(made)

    def _rounds(self, problem, learner, opinions, similarity, n_rounds):
        """Infer labels, let them change the graph or the opinions, and so on."""
        parameters = self.parameters
        feedback = parameters.feedback
        if feedback is None:
            feedback = "unary" if parameters.refiner is None else "both"
        for turn in range(n_rounds):
            strength, alone = similarity.strength, similarity.alone and turn == 0
            if turn > 0 and parameters.similarity_strength_feedback is not None:
                strength = parameters.similarity_strength_feedback
            result = problem.labels(strength, opinions, alone=alone)
            if turn == n_rounds - 1:
                break
            proba = result.marginals
            if feedback in ("unary", "both"):
                scores = problem.learned_opinions(learner, proba)
                opinions = problem.calibrated(scores)
            if feedback in ("embedding", "both"):
                graph = self._embedded(problem, proba)
                similarity = self._choose_similarity(problem, graph, opinions)
                problem = self._with_graph(problem, graph, similarity)
        warn_not_converged(result, parameters.tol, type(parameters).__name__)
        return Run(result.marginals, result, strength, n_rounds)

    def _embedded(self, problem, proba):
        """Return the graph of rows where a refiner puts them."""
        refiner = self.parameters.refiner
        if isinstance(refiner, str):
            refiner = {"torch": EmbeddingRefiner, "trees": LeafRefiner}[refiner]()
        self.refiner = self.seeded(refiner)
        codes = problem.bags.codes
        self.refiner.fit(problem.X, proba, bags=codes, counts=problem.counts)
        return make_graph(self.parameters, self.refiner.transform(problem.X), False)


def _scaled(graph, rows, similarity):
    """Return the graph of rows as similarities ask for it; None if they say nothing."""
    if similarity.strength == 0:
        return None
    return graph.rescaled(graph.of(rows), similarity.scale)
