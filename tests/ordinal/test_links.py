import numpy as np
import pytest
from scipy.stats import gumbel_l, gumbel_r, logistic, norm

from skext.ordinal._solver.links import LINK_CODES, link_cdf, link_code, link_ppf

DISTRIBUTIONS = {
    "logit": logistic,
    "probit": norm,
    "cloglog": gumbel_l,
    "loglog": gumbel_r,
}


@pytest.mark.parametrize("link", LINK_CODES)
def test_distribution_function(link):
    eta = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(
        link_cdf(link, eta), DISTRIBUTIONS[link].cdf(eta), rtol=1e-11, atol=1e-300
    )


@pytest.mark.parametrize("link", LINK_CODES)
def test_inverse(link):
    share = np.array([1e-12, 1e-3, 0.2, 0.5, 0.9, 0.999])
    np.testing.assert_allclose(link_cdf(link, link_ppf(link, share)), share, rtol=1e-10)
    np.testing.assert_array_equal(link_ppf(link, [0.0, 1.0]), [-np.inf, np.inf])


@pytest.mark.parametrize("link", LINK_CODES)
def test_extreme_predictors(link):
    eta = np.array([-np.inf, -1e300, -800.0, 800.0, 1e300, np.inf])
    np.testing.assert_allclose(link_cdf(link, eta), [0, 0, 0, 1, 1, 1], atol=1e-300)


def test_unknown_link():
    with pytest.raises(ValueError, match="link='cauchit' must be one of"):
        link_code("cauchit")
