"""Simulated ordered classes and the wine table."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, ndtr
from sklearn.linear_model import LogisticRegression

from skext.datasets import load_wine_bitterness, make_ordinal


@pytest.mark.parametrize("design", ["sparse", "dense", "proportional"])
@pytest.mark.parametrize("seed", range(3))
def test_posterior_is_that_of_the_parameters(design, seed):
    data = make_ordinal(400, 6, design=design, random_state=seed)
    eta = data.thresholds - data.data @ data.coef.T
    cumulative = np.column_stack([np.zeros(400), expit(eta), np.ones(400)])
    np.testing.assert_allclose(data.posterior, np.diff(cumulative), atol=1e-14)
    assert (data.posterior >= 0).all()
    np.testing.assert_allclose(data.posterior.sum(axis=1), 1, atol=1e-14)
    assert np.unique(data.target).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(data.thresholds, [0, 3, 5])


def test_posterior_is_calibrated():
    data = make_ordinal(
        100_000, 3, n_classes=3, intercepts=[-0.5, 2], effect=0.3, random_state=1
    )
    for k in range(3):
        chance = data.posterior[:, k]
        for part in np.array_split(np.argsort(chance), 5):
            gap = abs((data.target[part] == k).sum() - chance[part].sum())
            assert gap < 4 * np.sqrt((chance[part] * (1 - chance[part])).sum())


def test_sign_of_the_coefficients():
    data = make_ordinal(5000, 2, n_classes=2, effect=2, density=1, random_state=0)
    found = LogisticRegression(C=np.inf).fit(data.data, data.target).coef_
    np.testing.assert_allclose(found, data.coef, atol=0.3)
    assert (data.coef == -2).all()


def test_designs():
    wide = {"n_samples": 100, "n_features": 60, "n_classes": 3}
    wide |= {"intercepts": [0, 2], "effect": 0.1, "random_state": 0}
    sparse = make_ordinal(**wide)
    steps = np.diff(-sparse.coef, axis=0, prepend=0)
    np.testing.assert_allclose(np.unique(steps[0]), [0, 0.1])
    np.testing.assert_allclose(np.unique(steps[1].round(9)), [-0.1, 0, 0.1])
    assert 0.3 < (steps[0] != 0).mean() < 0.7
    few = make_ordinal(**wide, density=0.1)
    assert (few.coef[0] != 0).mean() < 0.25
    dense = make_ordinal(**wide, design="dense")
    steps = np.diff(-dense.coef, axis=0, prepend=0)
    assert np.abs(steps).max() <= 0.1
    assert (steps != 0).all()
    parallel = make_ordinal(design="proportional", n_classes=5, random_state=0)
    np.testing.assert_array_equal(parallel.coef, np.tile(parallel.coef[0], (4, 1)))


@pytest.mark.parametrize(
    ("options", "share"),
    [
        ({"intercepts": [0, 3, 5]}, 0.0117),
        ({"intercepts": [0, 4, 6], "density": 1 / 3}, 0.0037),
        ({"intercepts": [0, 2.5, 4.5], "design": "dense"}, 0.0160),
    ],
)
def test_rare_class_is_as_rare_as_in_the_paper(options, share):
    found = [
        make_ordinal(random_state=seed, **options).posterior[:, -1].mean()
        for seed in range(20)
    ]
    assert np.mean(found) == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
def test_links(link):
    data = make_ordinal(
        500, 4, intercepts=[-1, 0, 1], effect=0.1, link=link, random_state=0
    )
    eta = data.thresholds - data.data @ data.coef.T
    cumulative = {
        "logit": expit,
        "probit": ndtr,
        "cloglog": lambda e: 1 - np.exp(-np.exp(e)),
        "loglog": lambda e: np.exp(-np.exp(-e)),
    }[link](eta)
    np.testing.assert_allclose(
        data.posterior.cumsum(axis=1)[:, :-1], cumulative, atol=1e-12
    )


def test_random_state():
    first, second = make_ordinal(random_state=7), make_ordinal(random_state=7)
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(first.target, second.target)
    assert not np.array_equal(first.data, make_ordinal(random_state=8).data)
    make_ordinal(random_state=np.random.default_rng(0))


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"max_tries=5 .* 5 had a negative"):
        make_ordinal(intercepts=[0, 0.1, 0.2], max_tries=5, random_state=0)
    with pytest.raises(ValueError, match="5 a class without rows"):
        make_ordinal(50, intercepts=[0, 10, 20], max_tries=5, random_state=0)
    with pytest.raises(ValueError, match="must have n_classes - 1 = 3"):
        make_ordinal(intercepts=[0, 1])
    with pytest.raises(ValueError, match="increase"):
        make_ordinal(intercepts=[0, 2, 1])
    with pytest.raises(ValueError, match="'design'"):
        make_ordinal(design="dens")


COUNTS = {
    (0, 0): [4, 9, 5, 0, 0],
    (0, 1): [1, 7, 8, 2, 0],
    (1, 0): [0, 5, 8, 3, 2],
    (1, 1): [0, 1, 5, 7, 5],
}


def test_wine_counts():
    X, y = load_wine_bitterness(return_X_y=True)
    assert X.shape == (72, 2)
    for cell, counts in COUNTS.items():
        rows = (cell == X).all(axis=1)
        assert np.bincount(y[rows], minlength=6)[1:].tolist() == counts
    assert np.bincount(y)[1:].tolist() == [5, 22, 26, 12, 7]


def test_wine_proportional_odds_likelihood():
    """The fit that the references print, at its rounded parameters."""
    X, y = load_wine_bitterness(return_X_y=True)
    eta = np.array([-1.344383, 1.250809, 3.466887, 5.006404])
    eta = eta - (X @ np.array([2.503102, 1.527798]))[:, np.newaxis]
    cumulative = np.column_stack([np.zeros(72), expit(eta), np.ones(72)])
    p = np.diff(cumulative)[np.arange(72), y - 1]
    assert np.log(p).sum() == pytest.approx(-86.491923, abs=2e-6)


def test_wine_frame():
    bunch = load_wine_bitterness(as_frame=True)
    assert isinstance(bunch.target.dtype, pd.CategoricalDtype)
    assert bunch.target.cat.ordered
    assert bunch.target.cat.categories.tolist() == [1, 2, 3, 4, 5]
    assert bunch.frame.columns.tolist() == ["warm", "contact", "bitterness"]
    plain = load_wine_bitterness()
    assert plain.frame is None
    assert plain.feature_names == bunch.data.columns.tolist()
    np.testing.assert_array_equal(plain.data, bunch.data)
    np.testing.assert_array_equal(plain.target, np.asarray(bunch.target))
    assert "Randall" in bunch.DESCR
