"""Proportional odds with a penalty chosen by cross-validation."""

from skext.ordinal._base import MODEL_CONSTRAINTS
from skext.ordinal._cv import CV_CONSTRAINTS, BaseOrdinalCV
from skext.ordinal._proportional_odds import BaseProportionalOdds
from skext.utils._sklearn import fit_context


class ProportionalOddsCV(BaseOrdinalCV, BaseProportionalOdds):
    """Proportional odds model whose penalty is chosen by cross-validation.

    The model is that of :class:`ProportionalOdds`; the strength ``alpha`` is the one of
    a sequence that scores best on held out rows.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,), default=None
        Strengths to try; they are used in decreasing order. None makes a geometric
        sequence that begins with the smallest strength for which all penalised weights
        are zero in the whole training data; as if ``l1_ratio`` were 0.01 where it is
        smaller.
    n_alphas : int, default=20
        Length of that sequence.
    eps : float, default=1e-4
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
    l1_ratio : float, default=0.0
        Share of absolute values in the penalty.
    link : {"logit", "probit", "cloglog", "loglog"}, default="logit"
        Distribution function. ``"cloglog"`` is the proportional hazards model
        of discrete times.
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
    tol : float, default=1e-6
        Largest violation of the optimality conditions.
    max_iter : int, default=100
        Largest number of Newton steps.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; the order of the columns of :meth:`predict_proba`.
    ordered_classes_ : ndarray of shape (n_classes,)
        Labels in the ordinal order; the order of ``thresholds_``.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Thresholds, increasing.
    coef_ : ndarray of shape (n_features,)
        Weights; positive ones push to higher classes.
    alpha_ : float
        The chosen strength.
    alphas_ : ndarray of shape (n_alphas,)
        Strengths, decreasing.
    scores_ : ndarray of shape (n_alphas, n_folds)
        Scores of the test rows of each fold; greater is better, since losses are
        negated.
    threshold_path_ : ndarray of shape (n_alphas, n_classes - 1)
        Thresholds for each strength.
    coef_path_ : ndarray of shape (n_alphas, n_features)
        Weights for each strength.
    n_iter_ : int
        Number of Newton steps.
    kkt_violation_ : float
        Largest violation of the optimality conditions.
    objective_ : float
        Minimum: mean loss and penalty.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    ProportionalOdds : One strength, or none.
    PRESTOCV : Weights that may change from threshold to threshold.

    Notes
    -----
    The whole training data give the strengths and the final model; the folds only
    choose among them. In each fold all strengths are fitted one after the other, each
    from the one before, with its own scaling of features. A fold whose training rows
    lack a class gives it probability zero. The mean over the folds does not depend on
    their sizes.

    Weights of rows are used in fitting and in scoring, and only their proportions
    count; rows of weight zero are in no fold, unless ``cv`` lists folds. With
    ``class_weight="balanced"`` each fold balances its
    own rows; scores are not balanced.

    References
    ----------
    .. [1] Peter McCullagh, "Regression Models for Ordinal Data", Journal of the Royal
       Statistical Society B 42, 1980.

    Examples
    --------
    >>> from skext.datasets import load_wine_bitterness
    >>> from skext.ordinal import ProportionalOddsCV
    >>> X, y = load_wine_bitterness(return_X_y=True)
    >>> model = ProportionalOddsCV(random_state=0).fit(X, y)
    >>> model.scores_.shape
    (20, 5)
    >>> bool(model.coef_[0] > model.coef_[1] > 0)
    True
    """

    _parameter_constraints: dict = {
        **CV_CONSTRAINTS,
        **MODEL_CONSTRAINTS,
    }

    def __init__(
        self,
        alphas=None,
        n_alphas=20,
        eps=1e-4,
        *,
        cv=5,
        scoring="brier",
        selection="min",
        n_jobs=None,
        random_state=None,
        l1_ratio=0.0,
        link="logit",
        class_order=None,
        class_weight=None,
        standardize=True,
        penalty_factor=None,
        tol=1e-6,
        max_iter=100,
    ):
        self.alphas = alphas
        self.n_alphas = n_alphas
        self.eps = eps
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.l1_ratio = l1_ratio
        self.link = link
        self.class_order = class_order
        self.class_weight = class_weight
        self.standardize = standardize
        self.penalty_factor = penalty_factor
        self.tol = tol
        self.max_iter = max_iter

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
        self : ProportionalOddsCV
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is not finite, labels are not in ``class_order``, weights are
            negative, fewer than two classes have rows of positive weight, in all rows
            or in those of a fold, or there are more folds than rows of any class.
        """
        return self._fit_path(X, y, sample_weight, params)
