"""Linear discriminant analysis with a shrunk covariance: the estimator."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse

from skext.naive_bayes._base import MomentClassifier
from skext.naive_bayes._linear.shrinkage import (
    IDENTITY_RULES,
    MOMENT_RULES,
    ROW_RULES,
    shrinkage_of_moments,
)
from skext.naive_bayes._linear.solve import (
    shrinkage_target,
    solve_full,
    summarize_state,
)
from skext.naive_bayes._loo.scores import full_chunks
from skext.naive_bayes._loo.tuning import tune_full
from skext.naive_bayes._moments.state import MomentState
from skext.utils._sklearn import Interval, StrOptions

_MAX_SPARSE_FEATURES = 4096


class ShrinkageLDA(MomentClassifier):
    r"""Linear discriminant analysis with one shrunk covariance, in closed form.

    All classes share the covariance

    .. math:: \Sigma = (1 - \lambda) S + \lambda T,

    where :math:`S` is the pooled within-class covariance and the target :math:`T` its
    diagonal, or the mean variance of standardized features. The default finds
    :math:`\lambda` in closed form [1]_, so there is nothing to tune: with little data
    the model comes close to :class:`LinearGaussianNB` (:math:`\lambda = 1`), with
    much data to unregularized discriminant analysis (:math:`\lambda = 0`). It
    predicts the class with the largest

    .. math:: \log \pi_k - \frac12 (x - \mu_k)^T \Sigma^{-1} (x - \mu_k).

    Parameters
    ----------
    shrinkage : str or float, default="auto"
        How to find :math:`\lambda`, or its value from 0 to 1.

        - ``"auto"``: toward the diagonal, by the variance of correlations of
          Gaussian features; follows from the moments.
        - ``"schafer-strimmer"``: toward the diagonal, by the estimated variance of
          the correlations [1]_; needs single rows.
        - ``"oas"``: toward the identity, oracle approximating [2]_; follows from the
          moments.
        - ``"ledoit-wolf"``: toward the identity [3]_; needs single rows.
        - ``"ks"``: toward the identity, by number of rows and features [4]_; follows
          from the moments.
        - ``"loo"``: toward the diagonal, the one of eleven values with the best
          leave-one-out log-probability of the true class; needs single rows.

        A float shrinks toward the diagonal.
    priors : {"uniform", "empirical"} or array-like of shape (n_classes,), default=None
        Class probabilities in the order of ``classes_``. ``None`` and
        ``"empirical"`` use the class frequencies of the training data. A class
        without any training data cannot be predicted.
    temperature : float or "loo", default=1.0
        Factor of the scores in ``predict_proba`` and ``predict_log_proba``;
        ``"loo"`` finds the one with the best leave-one-out log-probability of the
        true class. Predicted labels do not change.
    n_jobs : int, default=None
        Number of threads for sums over rows, and for predicting few classes.
        ``None`` means one unless in a :func:`joblib.parallel_config` context,
        ``-1`` means all cores. The result is the same for any number. Matrix
        products use the threads of the linear algebra library.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    class_count_ : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.
    class_prior_ : ndarray of shape (n_classes,)
        Probability of each class.
    theta_ : ndarray of shape (n_classes, n_features)
        Mean of each feature in each class; zeros for a class without data.
    covariance_ : ndarray of shape (n_features, n_features)
        The shrunk covariance.
    center_ : ndarray of shape (n_features,)
        Mean of the class means, weighted with ``class_prior_``.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of the features in the decision function; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constants of the decision function.
    shrinkage_ : float
        The value of :math:`\lambda`.
    temperature_ : float
        Factor of the scores in probabilities.
    loo_score_ : float
        Mean leave-one-out log-probability of the true class, at ``shrinkage_`` and
        ``temperature_``; only after a ``fit`` that has computed it.
    moments_ : ClassMoments
        Copy of the sufficient statistics.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if ``X`` had string column names.

    See Also
    --------
    LinearGaussianNB : The same with independent features.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : Shrinks the covariance
        of each class on its own; without weights and updates.

    Notes
    -----
    Fitting costs O(n_samples * n_features ** 2) for one matrix product over chunks of
    rows and O(n_features ** 3) for one Cholesky factor. With fewer rows than features
    the rows are kept instead of the matrix and the system has the size of the rows
    (Woodbury's identity). The covariance has the sum of weights as divisor.

    Products of float32 and float16 rows are multiplied in float32, unless
    ``shrinkage`` is zero, and summed in float64; everything else is float64. Sparse
    rows are made dense chunk by chunk, up to 4096 features.

    Features without variance are left out if all classes agree on them; others
    without variance within classes get a large weight, limited by the precision of
    float64, unless the target is the identity. If the covariance is singular
    without shrinkage, its pseudo-inverse is used, with a warning.

    Units and offsets of the features do not matter, whatever the rule: the identity
    is that of features divided by their standard deviations over all classes.

    Rules that need single rows are for ``fit``; ``partial_fit`` and ``merge`` keep
    what it has chosen, and raise where there was no such fit. The other rules follow
    the merged moments. Degrees of freedom are the rows minus the classes. The
    precision matrix of [4]_ is that of ``"ks"`` up to a factor, which would fade the
    data against the priors as rows get more and is left out. Leave-one-out scores
    hold the target at its value for all rows, so that no refit is needed.

    References
    ----------
    .. [1] Juliane Schäfer and Korbinian Strimmer, "A Shrinkage Approach to Large-Scale
       Covariance Matrix Estimation and Implications for Functional Genomics",
       Statistical Applications in Genetics and Molecular Biology 4, 2005.
    .. [2] Yilun Chen, Ami Wiesel, Yonina C. Eldar and Alfred O. Hero, "Shrinkage
       Algorithms for MMSE Covariance Estimation", IEEE Transactions on Signal
       Processing 58, 2010.
    .. [3] Olivier Ledoit and Michael Wolf, "A Well-Conditioned Estimator for
       Large-Dimensional Covariance Matrices", Journal of Multivariate Analysis 88,
       2004.
    .. [4] Tatsuya Kubokawa and Muni S. Srivastava, "Estimation of the Precision Matrix
       of a Singular Wishart Distribution and its Application in High-Dimensional
       Data", Journal of Multivariate Analysis 99, 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skext.naive_bayes import ShrinkageLDA
    >>> X, y = load_digits(return_X_y=True)
    >>> model = ShrinkageLDA().fit(X[:900], y[:900])
    >>> round(model.score(X[900:], y[900:]), 2)
    0.92

    Models of separate parts of the data add up:

    >>> first = ShrinkageLDA().fit(X[:500], y[:500])
    >>> second = ShrinkageLDA().fit(X[500:900], y[500:900])
    >>> round((first + second).score(X[900:], y[900:]), 2)
    0.92
    """

    _covariance = "full"

    _parameter_constraints: dict = {
        "shrinkage": [
            Interval(Real, 0, 1, closed="both"),
            StrOptions({*MOMENT_RULES, *ROW_RULES}),
        ],
        "priors": ["array-like", StrOptions({"uniform", "empirical"}), None],
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"loo"})],
        "n_jobs": [Integral, None],
    }

    def __init__(self, *, shrinkage="auto", priors=None, temperature=1.0, n_jobs=None):
        self.shrinkage = shrinkage
        self.priors = priors
        self.temperature = temperature
        self.n_jobs = n_jobs

    @property
    def covariance_(self):
        """The shrunk covariance."""
        state, shrinkage = self._fitted("_moments"), self.shrinkage_
        summary = summarize_state(state, self._tuned.prior)
        if not summary.within.any():
            return self._publish(np.diag(self._fitted_form().spread.variance))
        covariance = state.scatter_matrix() * ((1 - shrinkage) / state.total_count)
        target = shrinkage_target(summary, self._shrinks_to_identity())
        covariance[np.diag_indices_from(covariance)] += shrinkage * target
        return self._publish(covariance)

    @property
    def shrinkage_(self):
        """Weight of the target."""
        return self._fitted_form().shrinkage

    @property
    def temperature_(self):
        """Factor of the scores in probabilities."""
        return self._fitted("_tuned").temperature

    @property
    def loo_score_(self):
        """Mean leave-one-out log-probability of the true class."""
        return self._loo_score()

    def _shrinks_to_identity(self):
        return isinstance(self.shrinkage, str) and self.shrinkage in IDENTITY_RULES

    def _solve(self, state, prior, tuned):
        shrinkage = tuned.shrinkage
        if shrinkage is None:
            shrinkage = shrinkage_of_moments(self.shrinkage, state)
        return solve_full(state, prior, shrinkage, self._shrinks_to_identity())

    def _tune(self, batch, prior):
        by_rows = isinstance(self.shrinkage, str) and self.shrinkage in ROW_RULES
        if not by_rows and self.temperature != "loo":
            return super()._tune(batch, prior)
        return tune_full(self, batch, prior)

    def _loo_chunks(self, X, left):
        shrinkage, identity = self.shrinkage_, self._shrinks_to_identity()
        prior = self._tuned.prior
        return full_chunks(X, self._moments, prior, left, shrinkage, identity)

    def _sum_up(self, X, codes, n_classes, sample_weight, origin):
        if sparse.issparse(X) and X.shape[1] > _MAX_SPARSE_FEATURES:
            raise ValueError(
                f"X has {X.shape[1]} features and must have at most "
                f"{_MAX_SPARSE_FEATURES} features if it is sparse, because the "
                "covariance is dense; use LinearGaussianNB, reduce the features, or "
                "make X dense."
            )
        narrow = X.dtype in (np.float32, np.float16) and self.shrinkage != 0
        return MomentState.from_data(
            X,
            codes,
            n_classes,
            sample_weight,
            n_jobs=self.n_jobs,
            covariance="full",
            dtype=np.float32 if narrow else np.float64,
        )
