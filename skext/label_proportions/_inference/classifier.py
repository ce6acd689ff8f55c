"""The classifier that learns from label proportions by belief propagation."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from skext.label_proportions._bags.targets import check_whole_counts
from skext.label_proportions._bootstrap.learners import default_learners
from skext.label_proportions._core.base import BaseLLPClassifier
from skext.label_proportions._core.models import fit_soft_labels, takes_weights
from skext.label_proportions._counts.posterior import label_by_counts, normalize_rows
from skext.label_proportions._inference.graph import check_connectivity
from skext.label_proportions._inference.loop import Loop, Run, make_graph
from skext.label_proportions._inference.pseudo_labels import (
    among_all_rows,
    by_threshold,
)
from skext.label_proportions._nets.refiner import EmbeddingRefiner
from skext.utils._random import fit_rng, seed_parts
from skext.utils._sklearn import HasMethods, Interval, StrOptions, fit_context
from skext.utils._warnings import warn_user

__all__ = ["BeliefPropagationLLPClassifier"]


class BeliefPropagationLLPClassifier(BaseLLPClassifier):
    """Learn from label proportions through labels inferred by belief propagation.

    Of each bag of rows only the number of positive rows is known. A linear model of
    the counts has a first opinion of each row; belief propagation over the counts, and
    over a graph of neighbours as far as it helps, makes it a probability; a classifier
    is fitted to these, and its opinions are where the next round starts.

    Parameters
    ----------
    estimator : estimator object, default=None
        The classifier that is fitted to the inferred labels. None is
        :class:`~sklearn.ensemble.HistGradientBoostingClassifier` with small trees or a
        logistic regression, whichever foretells the counts of held-out bags better;
        sparse tables get the latter. With plain labels None is the former with its own
        defaults.
    similarity_strength : "auto" or float, default="auto"
        How strongly neighbours agree: an edge between different labels costs the
        similarity times this. "auto" is the one of 0, .1, .3, 1 and 3 under which the
        counts of held-out bags are most probable; 0 if there are fewer than twelve
        bags.
    bag_strength : float, default=inf
        How strongly counts hold: a difference of k rows costs ``bag_strength * k**2``.
        Counts with Gaussian noise of variance v ask for ``1 / (2 * v)``.
    n_neighbors : int, default=5
        Neighbours of a row.
    metric : str, default="euclidean"
        Distance of the search for neighbours.
    kernel : {"exponential", "gaussian", "constant"} or callable, default="exponential"
        Similarity at distance ``d``: ``exp(-d / l)``, ``exp(-(d / l)**2 / 2)``, 1, or
        ``kernel(d / l)``. Distances are Euclidean if the metric is "cosine".
    length_scale : "auto", "median" or float, default="auto"
        The number ``l``; the median is that of the distances of all edges. "auto" is
        the median, or along with ``similarity_strength="auto"`` half of it, or twice
        as much, whichever held-out counts prefer.
    neighbor_threshold : float, default=None
        Largest distance of neighbours.
    connectivity : sparse matrix of shape (n_samples, n_samples), default=None
        A graph in the place of the nearest neighbours: similarities of all rows; or an
        object such as :class:`~sklearn.neighbors.KNeighborsTransformer` whose
        ``fit_transform`` gives them.
    symmetrize : {"union", "mutual"}, default="union"
        Whether an edge needs one of its rows to name the other, or both.
    standardize : bool, default=True
        Whether features are scaled for the search; the classifier gets them as they
        are.
    pseudo_labels : {"soft", "threshold", "count"}, default="soft"
        Probabilities as weights of both labels; the label 1 where the probability is
        at least ``threshold``; or the label 1 for as many rows of each bag as are
        positive, those with the largest probabilities.
    threshold : float, default=0.5
        Of ``pseudo_labels="threshold"``.
    n_rounds : "auto" or int, default="auto"
        How often labels are inferred. "auto" is at most three times, as long as the
        counts of held-out bags become more probable by it; at least twice if there is
        a refiner; and once if there are fewer than twelve bags.
    refiner : object, "trees" or "torch", default=None
        Has ``fit(X, proba, bags=..., counts=...)`` and ``transform(X)``, whose result
        is where neighbours are searched in the next round. "trees" is
        :class:`LeafRefiner`, "torch" is :class:`EmbeddingRefiner`.
    feedback : {"embedding", "unary", "both"} or None, default=None
        What a round tells the next: the embedding of the refiner; log-odds of the
        classifier, fitted to other bags; or both. None is "both" if there is a
        refiner, and "unary" if there is none.
    cv : int, splitter or iterable, default=3
        Parts into which bags are cut, for the log-odds and for all choices; a splitter
        or an iterable tests each bag once and as a whole; None is 5.
    similarity_strength_feedback : float, default=None
        Similarity strength from the second round on; None keeps it.
    damping : float, default=0.5
        Share of an old message that is kept, to begin with: less and less while
        probabilities drift in one direction, 0.7 and then 0.9 if they swing to and
        fro.
    max_iter : int, default=100
        Largest number of sweeps of belief propagation.
    tol : float, default=1e-3
        Largest change of a probability in the last sweep.
    schedule : {"parallel", "sequential"}, default="parallel"
        Whether all messages are renewed at once, or bag after bag, which converges
        more often and uses one thread.
    start : {"counts", "flat"}, default="counts"
        What belief propagation is told of rows in the first round: the log-odds of a
        linear model of the counts of other bags, or nothing, as in the paper.
    classes : array-like of shape (n_classes,), default=None
        Labels of the classes, sorted; of two classes proportions refer to the second.
        None is 0, 1, ....
    n_jobs : int, default=None
        Number of threads. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of ``estimator`` and of ``refiner``, if they have none of their own, and
        of the trees that stand for None; nothing else is random.
    verbose : int, default=0
        Whether sweeps are reported.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    estimator_ : estimator object
        The fitted classifier of the labels 0, 1, ...; a list of classifiers of each
        class for more than two classes with a finite ``bag_strength``; None if all
        rows are of one class.
    pseudo_label_proba_ : ndarray of shape (n_samples, n_classes)
        Probabilities of the training rows that belief propagation ended with; of bags
        without weight, which are left out, their shares.
    pseudo_labels_ : ndarray of shape (n_samples,)
        The most probable labels of the training rows.
    bag_ids_ : ndarray of shape (n_bags,)
        The bags.
    bag_sizes_ : ndarray of shape (n_bags,)
        Their numbers of rows.
    bag_counts_ : ndarray of shape (n_bags,) or (n_bags, n_classes)
        Their numbers of rows of ``classes_[1]``, or of all classes if there are more
        than two.
    n_iter_ : int
        Number of sweeps of the last round; the largest one if there were several.
    converged_ : bool
        Whether all runs of belief propagation converged.
    bp_residual_ : float
        Largest change of a probability in a last sweep.
    bethe_log_partition_ : float
        Bethe approximation of the log-partition function of the last round.
    count_log_likelihood_ : float
        Log-probability of the counts by what neighbours and opinions say, in the last
        round.
    similarity_strength_ : float
        How strongly neighbours agreed; a list of those of each class for more than two
        classes with a finite ``bag_strength``.
    n_rounds_ : int
        How often labels were inferred; the largest number if there were several.
    length_scale_ : float
        The length scale of the kernel; NaN if the graph was given or not needed.
    n_edges_ : int
        Number of edges of the last graph.
    refiner_ : object
        The fitted refiner, if there is one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if the input had string column names.

    See Also
    --------
    bp_marginals : The inference on a graph of your own.
    CountLikelihoodClassifier : The linear model of counts alone, with your penalty.
    DLLPClassifier : The fastest one.
    bag_target : Makes the target.

    Notes
    -----
    The method is the one of [1]_, with these differences: there is a first opinion of
    rows; a count is one factor of a bag, treated exactly at any size, instead of a pair
    of rows for each pair; counts are certain by default; the strength of neighbours
    and its length scale follow the data; labels are soft, since a threshold of one
    half leaves no positive rows where positives are rare. :meth:`reference_params` has
    the authors' settings.

    The first opinion comes from logistic regression by the likelihood of the counts,
    as in :class:`CountLikelihoodClassifier`, on features that are scaled, numbers also
    without their tails. The variance of the prior of its weights has the largest
    evidence, given that log-odds usually vary by one or two. What it says of a row
    does not come from the count of the row's own bag. With a strength of zero the
    rounds are expectation-maximization for the likelihood of the counts, with any
    classifier, cross-fitted by whole bags.

    All choices are made by the probability of the counts of held-out bags, after the
    level and the temperature of opinions were fitted to them. For the number of rounds
    and the classifier the loop is run without the counts of a part of the bags, and
    then judged by them. A strength above zero, another classifier and another round
    have to be better by .5 to 4, by 1 and by .5 units of log-probability. With more
    than 8192 rows what neighbours say is chosen by a part of the bags, with more than
    65 536 all of it.

    No label of a row is ever read: only the counts of bags. A target of plain labels
    makes each row a bag of its own; then labels are known, no graph is built, and the
    fit is that of ``estimator``.

    With more than two classes labels are those of a Potts model and the counts of a
    bag are one vector, see :func:`bp_marginals`; first opinions are those of each class
    against the rest. With a finite ``bag_strength`` each class is inferred against the
    rest instead, and probabilities are divided by their sum.

    Agreement of neighbours carries information about classes only where clusters and
    classes have to do with each other. Compare with targets whose proportions are all
    equal before concluding that the bags were informative.

    References
    ----------
    .. [1] S. Havaldar, N. Sharma, S. Sareen, K. Shanmugam, A. Raghuveer, "Learning
       from Label Proportions: Bootstrapping Supervised Learners via Belief
       Propagation", International Conference on Learning Representations, 2024.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skext.label_proportions import BeliefPropagationLLPClassifier, make_bags
    >>> X, y = make_blobs(400, centers=2, random_state=0)
    >>> bags = make_bags(X, y, bag_size=20, random_state=0)
    >>> model = BeliefPropagationLLPClassifier(LogisticRegression())
    >>> model = model.fit(bags.data, bags.target)
    >>> model.predict(X).shape
    (400,)
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "similarity_strength": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="left"),
        ],
        "bag_strength": [Interval(Real, 0, None, closed="both")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [str],
        "kernel": [StrOptions({"exponential", "gaussian", "constant"}), callable],
        "length_scale": [
            StrOptions({"auto", "median"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "neighbor_threshold": [Interval(Real, 0, None, closed="left"), None],
        "connectivity": ["sparse matrix", HasMethods("fit_transform"), None],
        "symmetrize": [StrOptions({"union", "mutual"})],
        "standardize": ["boolean"],
        "pseudo_labels": [StrOptions({"soft", "threshold", "count"})],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "n_rounds": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "refiner": [
            HasMethods(["fit", "transform"]),
            StrOptions({"trees", "torch"}),
            None,
        ],
        "feedback": [StrOptions({"embedding", "unary", "both"}), None],
        "cv": ["cv_object"],
        "similarity_strength_feedback": [Interval(Real, 0, None, closed="left"), None],
        "damping": [Interval(Real, 0, 1, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions({"parallel", "sequential"})],
        "start": [StrOptions({"counts", "flat"})],
        "classes": ["array-like", None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        similarity_strength="auto",
        bag_strength=np.inf,
        n_neighbors=5,
        metric="euclidean",
        kernel="exponential",
        length_scale="auto",
        neighbor_threshold=None,
        connectivity=None,
        symmetrize="union",
        standardize=True,
        pseudo_labels="soft",
        threshold=0.5,
        n_rounds="auto",
        refiner=None,
        feedback=None,
        cv=3,
        similarity_strength_feedback=None,
        damping=0.5,
        max_iter=100,
        tol=1e-3,
        schedule="parallel",
        start="counts",
        classes=None,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.similarity_strength = similarity_strength
        self.bag_strength = bag_strength
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.kernel = kernel
        self.length_scale = length_scale
        self.neighbor_threshold = neighbor_threshold
        self.connectivity = connectivity
        self.symmetrize = symmetrize
        self.standardize = standardize
        self.pseudo_labels = pseudo_labels
        self.threshold = threshold
        self.n_rounds = n_rounds
        self.refiner = refiner
        self.feedback = feedback
        self.cv = cv
        self.similarity_strength_feedback = similarity_strength_feedback
        self.damping = damping
        self.max_iter = max_iter
        self.tol = tol
        self.schedule = schedule
        self.start = start
        self.classes = classes
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def reference_params(cls):
        """Return the parameters of the authors' code.

        Returns
        -------
        params : dict
            For the constructor or ``set_params``. The refiner, which needs torch, has
            the sizes of the authors' network; held-out bags stop it, not labels of
            rows. They used the same network as the last classifier, and only those
            edges whose searching row is in a bag with at most one positive row, for no
            stated reason; we use all.

        Examples
        --------
        >>> from skext.label_proportions import BeliefPropagationLLPClassifier
        >>> params = BeliefPropagationLLPClassifier.reference_params()
        >>> params["similarity_strength"], params["bag_strength"]
        (10.0, 10.0)
        """
        return {
            "similarity_strength": 10.0,
            "bag_strength": 10.0,
            "n_neighbors": 5,
            "metric": "cosine",
            "kernel": "exponential",
            "length_scale": 1.0,
            "neighbor_threshold": 2.0,
            "standardize": False,
            "pseudo_labels": "threshold",
            "threshold": 0.5,
            "n_rounds": 2,
            "feedback": "embedding",
            "refiner": EmbeddingRefiner((5040, 1280, 320, 128, 64), standardize=False),
            "start": "flat",
            "damping": 0.5,
            "max_iter": 100,
            "tol": 0.0,
        }

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, bags=None):
        """Infer labels of the rows and fit the classifier.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows. NaN only along with ``connectivity``.
        y : array-like of shape (n_samples,)
            A target of :func:`bag_target`; or, along with ``bags``, the share of
            positive rows of the bag of each row; or plain labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the fit of ``estimator``. A row of weight zero still
            counts in its bag, but bags without any weight, and such rows in no bag,
            are left out.
        bags : array-like of shape (n_samples,), default=None
            Bag of each row, if ``y`` has shares.

        Returns
        -------
        self : BeliefPropagationLLPClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If a bag is cut, counts do not fit, or ``feedback`` has no refiner.
        """
        if self.feedback in ("embedding", "both") and self.refiner is None:
            raise ValueError(f"feedback={self.feedback!r} needs a refiner; give one.")
        options = {}
        if self.connectivity is not None:
            options["ensure_all_finite"] = "allow-nan"
        data = self._check_fit(X, y, sample_weight, bags, **options)
        if np.isinf(self.bag_strength):
            cure = "treat counts as noisy by a finite bag_strength"
            check_whole_counts(data.bags, cure)
        runs = self._fit_models(data, self._first_graph(data))
        self.estimator_ = self._fitted_estimators()
        self._summarise(data, runs)
        return self

    def _finite_input(self):
        return True if self.connectivity is None else "allow-nan"

    def _summarise(self, data, runs):
        """Set the attributes that describe the inference."""
        columns = [run.proba for run in runs]
        if self.classes_.size == 2:
            columns = [1 - columns[0], columns[0]]
        elif self.classes_.size == 1:
            columns = [np.ones(data.rows.size)]
        proba = normalize_rows(np.column_stack(columns))
        self.pseudo_label_proba_ = among_all_rows(proba, data.rows, data.given)
        self.pseudo_labels_ = self.classes_[self.pseudo_label_proba_.argmax(axis=1)]
        results = [run.result for run in runs if run.result is not None]
        self.n_iter_ = max((result.n_iter for result in results), default=1)
        self.converged_ = all(result.converged for result in results)
        self.bp_residual_ = max((result.residual for result in results), default=0.0)
        self.bethe_log_partition_ = float(sum(r.log_partition for r in results))
        self.count_log_likelihood_ = float(sum(r.count_log_likelihood for r in results))
        self.n_rounds_ = max((run.n_rounds for run in runs), default=1)
        strengths = [run.strength for run in runs] or [0.0]
        self.similarity_strength_ = strengths[0] if len(runs) <= 1 else strengths

    def _first_graph(self, data):
        """Return the graph of the rows; None if counts leave no doubt about any."""
        self.length_scale_, self.n_edges_ = float("nan"), 0
        if self._decided(data.bags):
            return None
        given = None
        if self.connectivity is not None:
            n_samples = data.given.codes.size
            given = check_connectivity(self.connectivity, data.X, data.rows, n_samples)
        return make_graph(self, data.X, self.standardize, given)

    def _decided(self, bags):
        """Tell whether counts leave no doubt about any row."""
        shares = bags.proportions
        return (
            np.isinf(self.bag_strength)
            and (bags.codes >= 0).all()
            and bool(((shares == 0) | (shares == 1)).all())
        )

    def _seeded(self, part):
        """Return a copy of an estimator that is as reproducible as this one."""
        part = clone(part, safe=False)
        if self.random_state is not None and hasattr(part, "get_params"):
            if part.get_params(deep=False).get("random_state", 0) is None:
                part.set_params(random_state=self.random_state)
            seed_parts(fit_rng(self.random_state), part)
        return part

    def _fit_labels(self, learner, data, counts, proba):
        """Fit the classifier to inferred labels."""
        X, bags, weight = data.X, data.bags, data.weight
        kind, labels = self.pseudo_labels, proba
        certain = ((proba == 0) | (proba == 1)).all()
        if kind == "soft" and not certain and not takes_weights(learner):
            kind = "count"
            warn_user(
                f"{type(learner).__name__} takes no sample_weight, so it cannot be "
                "fitted to soft labels: as many rows of each bag are labelled positive "
                "as its count says. Give pseudo_labels='count' to agree."
            )
        if kind == "threshold":
            labels = by_threshold(proba, self.threshold)
        elif kind == "count":
            labels = label_by_counts(proba, bags, counts)
            missing = np.isnan(counts.reshape(len(counts), -1)).any(axis=1)
            rows = np.flatnonzero(~np.append(missing, True)[bags.codes])
            if rows.size < X.shape[0]:
                X, labels = X[rows], labels[rows]
                weight = None if weight is None else weight[rows]
        return fit_soft_labels(learner, X, labels, weight)

    def _jointly(self):
        # Counts of several classes are exact, or each is uncertain on its own.
        return np.isinf(self.bag_strength)

    def _fit_known(self, X, known):
        # Rows of unknown bags take part, too, so that _fit_class is another one.
        raise NotImplementedError

    def _fit_class(self, data, k, graph):
        """Infer labels and fit the classifier to them."""
        column = slice(None) if k is None else k
        counts = data.bags.count_table()[:, column]
        learners = self._learners(data.X, data.bags)
        loop = Loop(self, data, k, graph, learners, self._seeded)
        if graph is None:
            run = Run(data.bags.proportions[data.bags.codes][:, column])
            learner = loop.choose_learner()
            return self._fit_labels(learner, data, counts, run.proba), run
        learner, run = loop.run()
        self.length_scale_, self.n_edges_ = loop.length_scale, loop.n_edges
        if loop.refiner is not None:
            self.refiner_ = loop.refiner
        return self._fit_labels(learner, data, counts, run.proba), run

    def _learners(self, X, bags):
        """Return the classifiers that labels may be learned by."""
        if self.estimator is not None:
            return [self._seeded(self.estimator)]
        if (bags.sizes == 1).all() and (bags.codes >= 0).all():
            return [self._seeded(HistGradientBoostingClassifier())]
        found = default_learners(X.shape[0], bags.ids.size, not sparse.issparse(X))
        return [self._seeded(learner) for learner in found]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.connectivity is not None
        return tags
