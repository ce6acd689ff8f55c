"""PRESTO with a penalty chosen by cross-validation."""

from skext.ordinal._cv import CV_CONSTRAINTS, BaseOrdinalCV
from skext.ordinal._presto import PRESTO_CONSTRAINTS, BasePRESTO
from skext.utils._sklearn import StrOptions, fit_context


class PRESTOCV(BaseOrdinalCV, BasePRESTO):
    """PRESTO whose penalty is chosen by cross-validation.

    The model is that of :class:`PRESTO`; the strength ``alpha`` is the one of a
    sequence that scores best on held out rows.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=None
        Strengths to try; they are used in decreasing order. None makes a geometric
        sequence that begins with the smallest strength for which all penalised weights
        are zero in the whole training data.
    n_alphas : int, default=20
        Length of that sequence.
    eps : float, default=1e-2
        Its last strength divided by its first one.
    cv : int, cross-validation generator or iterable, default=5
        Number of folds, which are shuffled and stratified, or a splitter of
        scikit-learn, or pairs of indices.
    scoring : str or callable, default="brier"
        What decides: a loss of probabilities, ``"brier"``, ``"log_loss"``,
        ``"ranked_probability_score"``, or of the last class against the others
        ``"rare_class_log_loss"`` or ``"rare_class_brier"``, as in :mod:`skext.metrics`;
        else the name of a scorer of scikit-learn, or a callable ``scorer(estimator, X,
        y)``.
        Scorers of probabilities are told all classes, since a fold may lack one.
    selection : {"min", "1se"}, default="min"
        The strength with the best mean score, the largest of equal ones; or the largest
        one whose mean is within one standard error of it.
    n_jobs : int, default=None
        Number of folds that are worked on at the same time. ``None`` means one unless
        in a :func:`joblib.parallel_config` context, ``-1`` means all cores. Results are
        the same for any number.
    random_state : int, RandomState, Generator or None, default=None
        Shuffles the rows before they are split into folds, if ``cv`` is a number.
    main_weight : float, default=1.0
        Factor of the penalty of the weights of the anchor. With 0 they are
        free, and a large ``alpha`` gives proportional odds without penalty instead of
        weights that are all zero.
    fusion_weight : float, default=1.0
        Factor of the penalty of changes. ``numpy.inf`` allows none, which
        gives :class:`ProportionalOdds`.
    l1_ratio : float, default=1.0
        Share of absolute values in the penalty; the rest are halves of squares. With 0
        weights shrink smoothly and none is exactly zero.
    anchor : {"first", "last"}, default="first"
        The threshold whose weights are penalised themselves, and from which changes
        count. The same data with reversed classes need the other anchor.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function.
    class_order : array-like of shape (n_classes,), default=None
        All labels in order; they may include some that have no rows. None takes the
        order of an ordered categorical ``y``, else sorts the labels, with a warning
        if they are strings.
    class_weight : dict or "balanced", default=None
        Factors of the weights of rows, by label. They distort probabilities.
    standardize : bool, default=True
        Whether penalties are of weights for features with standard deviation one.
        Attributes always are for the features as given.
    penalty_factor : array-like of shape (n_features,), default=None
        Factor of the penalty of each feature, 0 for none; None is 1.
    non_crossing : {"train"} or None, default="train"
        With ``"train"`` no class may have a negative probability in any training row.
        None leaves that to ``crossing``.
    barrier : float, default=1e-4
        Strength of the barrier that keeps training rows from crossing. It only acts
        where the model would cross without it; smaller is closer to the optimum and
        slower.
    crossing : {"isotonic", "sort", "raise"}, default="isotonic"
        What happens to rows to predict whose cumulative probabilities decrease
        somewhere: pool neighbours to their mean, sort, or raise an error. Other rows
        are never touched. See :meth:`count_crossing`.
    tol : float, default=1e-5
        Largest violation of the optimality conditions, in units of ``alpha``.
    max_iter : int, default=100
        Largest number of Newton steps.
    solver : {"auto", "gram", "rows"}, default="auto"
        Whether quadratic models are stored as cross-products of features, best for few
        features, or solved by passes over the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; the order of the columns of :meth:`predict_proba`.
    ordered_classes_ : ndarray of shape (n_classes,)
        Labels in the ordinal order; the order of all other attributes.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Thresholds.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        Weights; positive ones push to higher classes.
    difference_coef_ : ndarray of shape (n_classes - 1, n_features)
        What is penalised: the weights of the anchor in its row, and in the others the
        change from the neighbouring threshold on the side of the anchor.
    n_crossing_train_ : int
        Number of training rows in which some class has a negative probability before
        the repair.
    alpha_ : float
        The chosen strength.
    alphas_ : ndarray of shape (n_alphas,)
        Strengths, decreasing.
    scores_ : ndarray of shape (n_alphas, n_folds)
        Scores of the test rows of each fold; greater is better, since losses are
        negated.
    threshold_path_ : ndarray of shape (n_alphas, n_classes - 1)
        Thresholds for each strength.
    coef_path_ : ndarray of shape (n_alphas, n_classes - 1, n_features) or list
        Weights for each strength; for sparse ``X`` with more than 1000 features a list
        of sparse arrays.
    n_iter_ : int
        Number of Newton steps.
    kkt_violation_ : float
        Largest violation of the optimality conditions.
    objective_ : float
        Minimum: mean loss and penalty, without the barrier.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    PRESTO : One strength.
    presto_path : All strengths, without a choice.
    ProportionalOddsCV : One vector of weights for all thresholds.
    skext.ordinal.CoefficientPathDisplay : Draw the weights along the path.

    Notes
    -----
    The whole training data give the strengths and the final model; the folds only
    choose among them. In each fold all strengths are fitted one after the other, each
    from the one before, with its own scaling of features. Folds are stratified, unlike
    those of the paper: a fold whose training rows lack the rare class gives it
    probability zero. The mean over the folds does not depend on their sizes.

    Weights of rows are used in fitting and in scoring, and only their proportions
    count; rows of weight zero are in no fold, unless ``cv`` lists folds. With
    ``class_weight="balanced"`` each fold balances its
    own rows; scores are not balanced.

    Scoring by log loss tends to find better probabilities of rare classes than the
    Brier score of the paper, since it looks at small probabilities more closely. With
    ``crossing="raise"`` a strength for which test rows cross has the score NaN and is
    not chosen.

    References
    ----------
    .. [1] Gregory Faletto and Jacob Bien, "Predicting Rare Events by Shrinking Towards
       Proportional Odds", International Conference on Machine Learning, 2023.

    Examples
    --------
    >>> from skext.datasets import make_ordinal
    >>> from skext.ordinal import PRESTOCV
    >>> data = make_ordinal(1000, intercepts=(0, 2, 4), random_state=0)
    >>> model = PRESTOCV(scoring="log_loss", random_state=0)
    >>> model = model.fit(data.data, data.target)
    >>> model.scores_.shape
    (20, 5)
    >>> bool(model.alpha_ == model.alphas_[model.scores_.mean(axis=1).argmax()])
    True
    """

    _parameter_constraints: dict = {
        **CV_CONSTRAINTS,
        **PRESTO_CONSTRAINTS,
        "crossing": [StrOptions({"isotonic", "sort", "raise"})],
    }

    def __init__(
        self,
        alphas=None,
        n_alphas=20,
        eps=1e-2,
        *,
        cv=5,
        scoring="brier",
        selection="min",
        n_jobs=None,
        random_state=None,
        main_weight=1.0,
        fusion_weight=1.0,
        l1_ratio=1.0,
        anchor="first",
        link="logit",
        class_order=None,
        class_weight=None,
        standardize=True,
        penalty_factor=None,
        non_crossing="train",
        barrier=1e-4,
        crossing="isotonic",
        tol=1e-5,
        max_iter=100,
        solver="auto",
    ):
        self.alphas = alphas
        self.n_alphas = n_alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.main_weight = main_weight
        self.fusion_weight = fusion_weight
        self.l1_ratio = l1_ratio
        self.anchor = anchor
        self.link = link
        self.class_order = class_order
        self.class_weight = class_weight
        self.standardize = standardize
        self.penalty_factor = penalty_factor
        self.non_crossing = non_crossing
        self.barrier = barrier
        self.crossing = crossing
        self.tol = tol
        self.max_iter = max_iter
        self.solver = solver

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, **params):
        """Fit models for all strengths and choose one.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data; sparse data stay sparse.
        y : array-like of shape (n_samples,)
            Class labels. The order of an ordered pandas categorical is used.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, in fitting and in scoring.
        **params : dict
            For the splitter, such as ``groups``, and for the scorer; only with
            ``sklearn.set_config(enable_metadata_routing=True)``.

        Returns
        -------
        self : PRESTOCV
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not finite, labels are not in ``class_order``, weights are
            negative, fewer than two classes have rows of positive weight, in all rows
            or in those of a fold, or there are more folds than rows of any class.
        """
        return self._fit_path(X, y, sample_weight, params)
