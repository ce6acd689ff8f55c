"""Distribution functions that map linear predictors to cumulative probabilities."""

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

# Kernels know the links by these numbers, and are compiled for None alone.
LINK_CODES = {"logit": None, "probit": 1, "cloglog": 2, "loglog": 3}
# F(-x) = 1 - G(x): the link that belongs to the reversed classes.
MIRRORED_LINK = {
    "logit": "logit",
    "probit": "probit",
    "cloglog": "loglog",
    "loglog": "cloglog",
}


def link_code(link):
    """Return the number by which kernels know a link.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "loglog"}
        Name of the distribution.

    Returns
    -------
    code : int or None
        Its number.

    Raises
    ------
    ValueError
        If the link is not known.
    """
    if link not in LINK_CODES:
        raise ValueError(f"link={link!r} must be one of {sorted(LINK_CODES)}.")
    return LINK_CODES[link]


def link_cdf(link, eta):
    """Compute the distribution function without overflow.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "loglog"}
        Name of the distribution.
    eta : array-like
        Linear predictors, infinite ones included.

    Returns
    -------
    cdf : ndarray
        Values between 0 and 1, with the relative accuracy of the lower tail.
    """
    code = link_code(link)
    eta = np.asarray(eta, dtype=np.float64)
    if code is None:
        return expit(eta)
    if code == 1:
        return ndtr(eta)
    # exp(709) is finite and far beyond saturation.
    if code == 2:
        return -np.expm1(-np.exp(np.minimum(eta, 700.0)))
    return np.exp(-np.exp(np.minimum(-eta, 700.0)))


def link_ppf(link, probability):
    """Compute the inverse of :func:`link_cdf`.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "loglog"}
        Name of the distribution.
    probability : array-like
        Values between 0 and 1.

    Returns
    -------
    eta : ndarray
        Linear predictors; infinite at 0 and 1.
    """
    code = link_code(link)
    probability = np.asarray(probability, dtype=np.float64)
    if code is None:
        return logit(probability)
    if code == 1:
        return ndtri(probability)
    with np.errstate(divide="ignore"):
        if code == 2:
            return np.log(-np.log1p(-probability))
        return -np.log(-np.log(probability))
