"""From class moments to a linear classifier: one small system of equations."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh, solve_triangular

from skext.naive_bayes._linear.form import LinearForm
from skext.utils._warnings import warn_user

# Below this intensity the system in the space of the rows would lose digits.
_MIN_SHRINKAGE_OF_ROWS = 1e-4
_LOG_2PI = np.log(2 * np.pi)


class Summary(NamedTuple):
    """Variances and centred means, with rounding taken out.

    Attributes
    ----------
    within, between : ndarray of shape (n_features,)
        Variances within and between classes; exactly zero where they are rounding.
    center : ndarray of shape (n_features,)
        Mean of the class means, weighted with the priors.
    deviation : ndarray of shape (n_classes, n_features)
        Class means minus centre; zeros for classes without data.
    """

    within: np.ndarray
    between: np.ndarray
    center: np.ndarray
    deviation: np.ndarray


def class_prior(priors, counts, default="empirical"):
    """Return the class probabilities for these class counts.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), "uniform", "empirical" or None
        The parameter of an estimator; None is ``default``.
    counts : ndarray of shape (n_classes,)
        Sum of the sample weights of each class; classes without data get zero.
    default : {"uniform", "empirical"}, default="empirical"
        What None means.
    """
    priors = default if priors is None else priors
    if isinstance(priors, str):
        if priors == "uniform":
            counts = (counts > 0).astype(np.float64)
        return counts / counts.sum()
    prior = np.asarray(priors, dtype=np.float64)
    if prior.shape != counts.shape:
        raise ValueError(
            f"priors of shape {prior.shape}: Number of priors must match number of "
            f"classes, {counts.size}; for partial_fit, pass all of them as classes."
        )
    if not np.all(prior >= 0):
        raise ValueError(
            f"priors={prior.tolist()} must not be negative; give probabilities."
        )
    if not np.isclose(prior.sum(), 1.0):
        raise ValueError(
            f"priors={prior.tolist()} must sum to 1, not {prior.sum()}; divide them by "
            "their sum."
        )
    prior = np.where(counts > 0, prior, 0.0)
    if not prior.any():
        raise ValueError(
            f"priors={np.asarray(priors).tolist()} must be positive for some class "
            f"with rows; the counts of the classes are {counts.tolist()}."
        )
    return prior / prior.sum()


def summarize_state(state, prior):
    """Return the :class:`Summary` of class moments under class probabilities."""
    means = state.means
    total = state.total_count
    seen = state.counts > 0
    noise = _rounding(means)
    within = within_variance(state)
    weighted = np.where(seen, state.counts / total, 0.0)
    overall, spread = _spread_of_means(means, weighted, seen)
    between = np.einsum("k,kj,kj->j", weighted, spread, spread)
    between[between <= noise] = 0.0
    if np.array_equal(prior, weighted):
        return Summary(within, between, overall, spread)
    return Summary(within, between, *_spread_of_means(means, prior, seen))


def within_variance(state):
    """Return the variances within classes; exactly zero where they are rounding."""
    noise = _rounding(state.means)
    within = state.squares / state.total_count
    if within.size < noise.size:
        # A spherical state knows the sum over features only.
        mean = within[0] / noise.size
        return np.full(noise.size, mean if mean > noise.mean() else 0.0)
    within[within <= noise] = 0.0
    return within


def _rounding(means):
    """Return variances of a few units in the last place of the means."""
    return (2.0**-50 * np.abs(means).max(axis=0)) ** 2


def _spread_of_means(means, probability, seen):
    """Return the weighted mean of the class means and the deviations from it.

    The first class serves as origin, so that a feature on which all classes agree
    has a spread of exactly zero. Classes without data get zeros.
    """
    origin = means[np.argmax(seen)]
    deviation = means - origin
    deviation[~seen] = 0.0
    step = probability @ deviation
    deviation -= step
    deviation[~seen] = 0.0
    return origin + step, deviation


def solve_diagonal(state, prior, var_smoothing, shrinkage=0.0):
    """Return the classifier with independent features of pooled variance.

    Parameters
    ----------
    state : MomentState
        The sufficient statistics.
    prior : ndarray of shape (n_classes,)
        Class probabilities; zero for classes without data.
    var_smoothing : float
        Part of its total variance that is added to each variance.
    shrinkage : float, default=0.0
        Weight of the mean variance in each variance.

    Returns
    -------
    form : LinearForm
        Weights, bias, centre and variances.
    """
    summary = summarize_state(state, prior)
    variance, epsilon = smooth_variance(summary, var_smoothing, shrinkage)
    return linear_form(summary, prior, variance, epsilon, shrinkage)


def linear_form(summary, prior, variance, epsilon, shrinkage):
    """Return the classifier with these variances."""
    deviation = summary.deviation.copy()
    informative = (variance > 0) & (summary.between > 0)
    deviation[:, ~informative] = 0.0
    weights = np.divide(
        deviation, variance, out=np.zeros_like(deviation), where=informative
    )
    return LinearForm(
        weights,
        _bias(prior, weights, deviation),
        summary.center,
        DiagonalSpread(variance),
        epsilon=epsilon,
        shrinkage=shrinkage,
    )


def _bias(prior, weights, deviation):
    with np.errstate(divide="ignore"):
        bias = np.log(prior)
    return bias - 0.5 * np.einsum("kj,kj->k", weights, deviation)


def smooth_variance(summary, var_smoothing, shrinkage):
    """Return the variances that a diagonal model uses, and what was added to each.

    Each feature is smoothed by a part of its own total variance, so that units do
    not matter.
    """
    within, total = summary.within, summary.within + summary.between
    if total.any() and not within.any():
        warn_no_variance()
        total = np.full_like(within, total.mean())
        epsilon = var_smoothing * total
        return total + epsilon, epsilon
    epsilon = var_smoothing * total
    variance = within + epsilon
    if shrinkage > 0:
        variance = (1 - shrinkage) * within + (shrinkage * within.mean() + epsilon)
    return _limit_flat(variance, total), epsilon


def warn_no_variance():
    """Say that all variances are unknown."""
    warn_user(
        "No class has two different rows, so the variance within classes is unknown; "
        "the mean total variance of the features is used for all of them, which "
        "predicts the class with the nearest mean."
    )


def _limit_flat(variance, total, cure="var_smoothing"):
    """Replace zero variances of features that differ between classes.

    Where all data agree zero does no harm, elsewhere the weight would be infinite.
    Without a ``cure`` to name nobody is warned.
    """
    flat = (variance == 0) & (total > 0)
    if flat.any():
        if cure is not None:
            warn_user(
                f"{flat.sum()} features do not vary within classes but differ between "
                f"them; set {cure} > 0, because their weights are now limited by the "
                "precision of float64 only."
            )
        variance[flat] = 2.0**-52 * total[flat]
    return variance


def solve_full(state, prior, shrinkage, identity):
    """Return the classifier with a shrunk pooled covariance.

    Parameters
    ----------
    state : MomentState
        The sufficient statistics, with outer products.
    prior : ndarray of shape (n_classes,)
        Class probabilities; zero for classes without data.
    shrinkage : float
        Weight of the target.
    identity : bool
        Whether the target is the identity of standardized features instead of the
        variances within classes.

    Returns
    -------
    form : LinearForm
        Weights, bias, centre and covariance.
    """
    summary = summarize_state(state, prior)
    if not summary.within.any():
        variance, epsilon = smooth_variance(summary, 0.0, 0.0)
        return linear_form(summary, prior, variance, epsilon, 1.0)
    target = shrinkage_target(summary, identity)
    spread = full_spread(state, summary, shrinkage, target)
    weights = spread.solve(summary.deviation)
    return LinearForm(
        weights,
        _bias(prior, weights, summary.deviation),
        summary.center,
        spread,
        epsilon=0.0,
        shrinkage=shrinkage,
    )


def shrinkage_target(summary, identity):
    """Return the diagonal toward which a covariance is shrunk.

    The identity is that of features with total variance one, so that units do not
    matter, times the mean of their variances within classes.
    """
    within = summary.within
    if not identity:
        return within
    total = within + summary.between
    used = total > 0
    return total * (within[used] / total[used]).mean() if used.any() else total


def full_spread(state, summary, shrinkage, target, divisor=None):
    """Return the covariance ``(1 - shrinkage) * scatter / divisor + target``.

    The divisor is the number of rows unless given; the target is weighted with
    ``shrinkage``.
    """
    divisor = state.total_count if divisor is None else divisor
    within = summary.within * (state.total_count / divisor)
    diagonal = (1 - shrinkage) * within + shrinkage * target
    total = summary.within + summary.between
    flat = diagonal == 0
    diagonal = _limit_flat(diagonal, total, None)
    used = diagonal > 0
    factor = state.products.factor()
    if factor is not None and shrinkage >= _MIN_SHRINKAGE_OF_ROWS:
        scale = np.sqrt(np.where(flat, diagonal, shrinkage * target))
        rows = factor[:, used] / scale[used]
        rows *= np.sqrt((1 - shrinkage) / divisor)
        return RowSpread(diagonal, scale, used, rows)
    scale = np.sqrt(diagonal)
    matrix = state.scatter_matrix()
    if not used.all():
        matrix = matrix[np.ix_(used, used)]
    matrix *= (1 - shrinkage) / divisor
    matrix /= scale[used]
    matrix /= scale[used][:, np.newaxis]
    np.fill_diagonal(matrix, 1.0)
    return MatrixSpread(diagonal, scale, used, matrix)


class DiagonalSpread:
    """Independent features.

    Parameters
    ----------
    variance : ndarray of shape (n_features,)
        Variances; features of variance zero carry no information.
    """

    def __init__(self, variance):
        self.variance = variance
        self.used = variance > 0
        self.precision = np.divide(
            1.0, variance, out=np.zeros(variance.size), where=self.used
        )
        self.log_determinant = np.log(variance[self.used]).sum()

    @property
    def constant(self):
        """Logarithm of the normalizing constant."""
        return -0.5 * (self.log_determinant + self.used.sum() * _LOG_2PI)

    def distances(self, rows):
        """Return squared lengths of centred rows."""
        return np.einsum("ij,ij,j->i", rows, rows, self.precision)


class MatrixSpread:
    """Dependent features, by a factor of the standardized covariance.

    Parameters
    ----------
    variance : ndarray of shape (n_features,)
        Diagonal of the covariance.
    scale : ndarray of shape (n_features,)
        What the features are divided by.
    used : ndarray of shape (n_features,)
        Marks features with information.
    matrix : ndarray of shape (n_used, n_used)
        Covariance of the divided features; overwritten.
    """

    def __init__(self, variance, scale, used, matrix):
        self.variance = variance
        self.scale = scale[used]
        self.used = used
        self._pseudo_root = None
        try:
            # The transpose is what LAPACK calls contiguous.
            self._factor, _ = cho_factor(matrix.T, lower=True, check_finite=False)
            pivots = self._factor.diagonal() ** 2
            singular = pivots.min() < pivots.size * 2.0**-50
        except LinAlgError:
            singular = True
        self.is_singular = singular
        if singular:
            self._use_eigenvalues(matrix)
        else:
            self.log_determinant = np.log(pivots).sum()
            self.rank = pivots.size
        self.log_determinant += 2 * np.log(self.scale).sum()

    def _use_eigenvalues(self, matrix):
        """Use the pseudo-inverse."""
        warn_user(
            "The pooled covariance is singular, so its pseudo-inverse is used, which "
            "ignores the directions without any variance; set shrinkage to a "
            "positive number."
        )
        self._factor = None
        values, vectors = eigh(matrix, check_finite=False)
        kept = values > values[-1] * values.size * 2.0**-50
        self._pseudo_root = vectors[:, kept] / np.sqrt(values[kept])
        self.log_determinant = np.log(values[kept]).sum()
        self.rank = int(kept.sum())

    @property
    def constant(self):
        """Logarithm of the normalizing constant."""
        return -0.5 * (self.log_determinant + self.rank * _LOG_2PI)

    def distances(self, rows):
        """Return squared lengths of centred rows."""
        white = self.whiten(rows)
        return np.einsum("ij,ij->i", white, white)

    def whiten(self, rows):
        """Return rows whose plain products are those under the inverse covariance."""
        rows = _take(rows, self.used) / self.scale
        if self._pseudo_root is not None:
            return rows @ self._pseudo_root
        return solve_triangular(
            self._factor, rows.T, lower=True, overwrite_b=True, check_finite=False
        ).T

    def solve(self, rows):
        """Multiply rows with the inverse covariance."""
        scaled = _take(rows, self.used) / self.scale
        if self._pseudo_root is not None:
            solved = scaled @ self._pseudo_root @ self._pseudo_root.T
        else:
            solved = cho_solve((self._factor, True), scaled.T, check_finite=False).T
        solution = np.zeros(rows.shape)
        solution[:, self.used] = solved / self.scale
        return solution


class RowSpread:
    """Dependent features, by fewer rows than features (Woodbury's identity).

    Parameters
    ----------
    variance : ndarray of shape (n_features,)
        Diagonal of the covariance.
    scale : ndarray of shape (n_features,)
        Square roots of the diagonal part of the covariance.
    used : ndarray of shape (n_features,)
        Marks features with information.
    rows : ndarray of shape (n_rows, n_used)
        The covariance of the features divided by ``scale`` is the identity plus the
        outer products of these rows.
    """

    def __init__(self, variance, scale, used, rows):
        self.variance = variance
        self.scale = scale[used]
        self.used = used
        self._rows = rows
        inner = rows @ rows.T
        inner[np.diag_indices_from(inner)] += 1.0
        self._factor = cho_factor(inner, lower=True, check_finite=False)
        self.log_determinant = 2 * np.log(self._factor[0].diagonal()).sum()
        self.log_determinant += 2 * np.log(self.scale).sum()
        self.rank = self.scale.size

    @property
    def constant(self):
        """Logarithm of the normalizing constant."""
        return -0.5 * (self.log_determinant + self.rank * _LOG_2PI)

    def distances(self, rows):
        """Return squared lengths of centred rows."""
        rows = _take(rows, self.used) / self.scale
        inner = solve_triangular(
            self._factor[0], self._rows @ rows.T, lower=True, check_finite=False
        )
        return np.einsum("ij,ij->i", rows, rows) - np.einsum("ji,ji->i", inner, inner)

    def solve(self, rows):
        """Multiply rows with the inverse covariance."""
        scaled = _take(rows, self.used) / self.scale
        inner = cho_solve(self._factor, self._rows @ scaled.T, check_finite=False)
        scaled -= inner.T @ self._rows
        solution = np.zeros(rows.shape)
        solution[:, self.used] = scaled / self.scale
        return solution


def _take(rows, used):
    """Return the columns with information, as float64 of one's own."""
    return np.array(rows, dtype=np.float64) if used.all() else rows[:, used]
