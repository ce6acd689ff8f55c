"""Which row each synthetic row starts from, and towards which partner it goes."""

import numpy as np


def allocate(rng, n_seeds, n_partners, n_samples, allocation="random", weights=None):
    """Choose a seed row and one of its partners for each synthetic row.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    n_seeds, n_partners : int
        Rows to choose from, and partners of each.
    n_samples : int
        Number of synthetic rows.
    allocation : {"random", "balanced"}, default="random"
        Independent draws, or every seed as often as its weight says (to one).
    weights : ndarray of shape (n_seeds,), default=None
        Importance of the seeds; None is the same for all.

    Returns
    -------
    seed, partner : ndarray of shape (n_samples,)
        Number of the seed, and position in its list of partners.
    """
    if allocation == "random" and weights is None:
        # One draw for both: the stream of imbalanced-learn.
        drawn = rng.randint(0, n_seeds * n_partners, size=n_samples)
        seed = drawn // n_partners
        return seed, drawn - n_partners * seed
    if allocation == "random":
        seed = rng.choice(n_seeds, size=n_samples, p=weights / weights.sum())
    else:
        counts = balanced_counts(rng, n_seeds, n_samples, weights)
        seed = np.repeat(np.arange(n_seeds), counts)
    return seed, rng.randint(0, n_partners, size=n_samples)


def balanced_counts(rng, n_seeds, n_samples, weights=None):
    """Share a number of rows among seeds, as evenly as whole numbers allow.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Chooses among seeds with equal claims.
    n_seeds : int
        Number of seeds.
    n_samples : int
        Number of rows to share.
    weights : ndarray of shape (n_seeds,), default=None
        Importance of the seeds; None is the same for all.

    Returns
    -------
    counts : ndarray of shape (n_seeds,)
        Rows of each seed. The sum is ``n_samples``, and each is less than one away
        from its exact share (method of the largest remainder).
    """
    if weights is None:
        counts, rest = np.divmod(np.full(n_seeds, n_samples), n_seeds)
        counts[rng.permutation(n_seeds)[: rest[0]]] += 1
        return counts
    shares = n_samples * (weights / weights.sum())
    counts = np.floor(shares).astype(np.intp)
    rest = n_samples - counts.sum()
    order = np.lexsort([rng.permutation(n_seeds), counts - shares])
    counts[order[:rest]] += 1
    return counts


def exact_counts(rng, n_samples, weights):
    """Share a number of rows by weights; rounded shares if these add up.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Decides between equal claims, if there is need to.
    n_samples : int
        Number of rows to share.
    weights : ndarray of shape (n_shares,)
        Not negative, and not all zero.

    Returns
    -------
    counts : ndarray of shape (n_shares,)
        Their sum is ``n_samples``.
    """
    counts = np.rint(n_samples * (weights / weights.sum())).astype(np.intp)
    if counts.sum() == n_samples:
        return counts
    return balanced_counts(rng, weights.size, n_samples, weights)
