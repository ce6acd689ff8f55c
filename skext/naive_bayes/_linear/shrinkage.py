"""How strongly to shrink a pooled covariance: rules in closed form."""

import numpy as np

from skext.naive_bayes._linear.solve import summarize_state, within_variance
from skext.naive_bayes._moments.scatter import column_blocks, residual_chunks

# Rules by what they need: class moments only, or the training rows as well.
MOMENT_RULES = ("auto", "oas", "ks")
ROW_RULES = ("schafer-strimmer", "ledoit-wolf", "loo")
# Rules for the mean variance as target. They see features divided by their total
# standard deviations, as behind a scaler, so that units do not matter.
IDENTITY_RULES = ("oas", "ledoit-wolf", "ks")


def gaussian_shrinkage(state):
    """Return the intensity toward the diagonal for Gaussian features.

    The estimate of Schäfer and Strimmer with the variance of a correlation
    coefficient of Gaussian data, ``(1 - r ** 2) ** 2 / nu``, in place of its estimate
    from the rows. It needs the moments only.
    """
    freedom = _freedom(state)
    second, fourth, n_pairs = correlation_sums(state)
    if freedom <= 0 or second <= 0:
        return 1.0
    return _clip((n_pairs - 2 * second + fourth) / freedom / second)


def schafer_strimmer_shrinkage(state, X, codes, weights):
    """Return the intensity toward the diagonal, from moments and training rows.

    The summed variance of products of standardized residuals needs no matrix: over
    ``i != j``, products ``z_i ** 2 * z_j ** 2`` sum to ``(sum z ** 2) ** 2 - sum z **
    4``.
    """
    freedom = _freedom(state)
    second, _, _ = correlation_sums(state)
    if freedom <= 0 or second <= 0:
        return 1.0
    total = state.total_count
    products = 0.0
    scale = _inverse(within_variance(state))
    for rows, weight in _scaled_chunks(state, X, codes, weights, scale):
        rows *= rows
        each = rows.sum(axis=1) ** 2 - np.einsum("ij,ij->i", rows, rows)
        products += weight @ each
    variance = (products - total * second) / (total * freedom)
    return _clip(variance / second)


def ledoit_wolf_shrinkage(state, X, codes, weights):
    """Return the intensity of Ledoit and Wolf toward the mean variance.

    Features are divided by their total standard deviations.
    """
    total = state.total_count
    scale = _inverse(total_variance(state))
    trace, square, n_features = covariance_sums(state, scale)
    distance = square - trace**2 / max(n_features, 1)
    if distance <= 0:
        return 1.0
    fourth = 0.0
    for rows, weight in _scaled_chunks(state, X, codes, weights, scale):
        fourth += weight @ np.einsum("ij,ij->i", rows, rows) ** 2
    return _clip((fourth / total - square) / total / distance)


def oas_shrinkage(trace, square, n_features, freedom):
    """Return the oracle approximating intensity toward the mean variance.

    Parameters
    ----------
    trace, square : float
        Traces of the covariance and of its square.
    n_features : int
        Size of the covariance.
    freedom : float
        Number of independent rows behind it.
    """
    mean_square, mean = square / n_features**2, (trace / n_features) ** 2
    numerator = mean_square + mean
    denominator = (freedom + 1) * (mean_square - mean / n_features)
    return 1.0 if denominator <= 0 else _clip(numerator / denominator)


def shrinkage_of_moments(rule, state):
    """Return the intensity by a rule of ``MOMENT_RULES``."""
    if rule == "auto":
        return gaussian_shrinkage(state)
    variance = total_variance(state)
    n_features = np.count_nonzero(variance)
    if rule == "oas":
        freedom = _freedom(state)
        if freedom <= 0 or n_features == 0:
            return 1.0
        return oas_shrinkage(*covariance_sums(state, _inverse(variance)), freedom)
    # Kubokawa and Srivastava: the covariance is proportional to
    # (n - 1) S + trace(S) I.
    return _clip(n_features / max(state.total_count - 1 + n_features, n_features))


def correlation_sums(state):
    """Return sums of squared and fourth powers of correlations, and their number.

    Each pair of different features that vary counts twice.
    """
    scale = _inverse(within_variance(state)) / np.sqrt(state.total_count)
    second = fourth = 0.0
    for start, stop in column_blocks(scale.size):
        block = state.products.columns(start, stop) * scale[start:stop]
        block *= scale[:, np.newaxis]
        block[np.arange(start, stop), np.arange(stop - start)] = 0.0
        block *= block
        second += block.sum()
        fourth += np.einsum("ij,ij->", block, block)
    n_used = np.count_nonzero(scale)
    return float(second), float(fourth), n_used * (n_used - 1)


def covariance_sums(state, scale):
    """Return traces of the scaled covariance and of its square, and its size.

    Parameters
    ----------
    state : MomentState
        The moments.
    scale : ndarray of shape (n_features,)
        Factors of the features; features with zeros are left out.
    """
    total, scale_sums = state.total_count, scale / np.sqrt(state.total_count)
    square = 0.0
    for start, stop in column_blocks(scale.size):
        block = state.products.columns(start, stop) * scale_sums[start:stop]
        block *= scale_sums[:, np.newaxis]
        square += np.einsum("ij,ij->", block, block)
    trace = float(state.squares @ scale**2 / total)
    return trace, float(square), np.count_nonzero(scale)


def total_variance(state):
    """Return the variances over all classes; zero for constant features."""
    summary = summarize_state(state, state.counts / state.total_count)
    return summary.within + summary.between


def _freedom(state):
    """Return the degrees of freedom of the pooled covariance."""
    return state.total_count - np.count_nonzero(state.counts)


def _inverse(variance):
    """Return inverse standard deviations; zeros for features that do not vary."""
    roots = np.sqrt(variance)
    return np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0)


def _scaled_chunks(state, X, codes, weights, scale):
    """Yield scaled deviations from the class means, and weights, of chunks."""
    for start, stop, rows in residual_chunks(X, codes, state.means, None):
        weight = weights[start:stop] if weights.size else np.ones(stop - start)
        # Rows of weight zero need not be finite.
        kept = weight > 0
        rows, weight = (rows, weight) if kept.all() else (rows[kept], weight[kept])
        rows *= scale
        yield rows, weight


def _clip(value):
    return float(np.clip(value, 0.0, 1.0))
