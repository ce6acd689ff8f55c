import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from skext.neural_network._core.calibration import (
    LARGEST_SCALE,
    fit_scale,
    link_scores,
    log_probabilities,
    probabilities,
    symlog,
)


def test_symlog_is_odd_and_increasing():
    scores = np.linspace(-50, 50, 1001)
    linked = symlog(scores)
    assert (np.diff(linked) > 0).all()
    np.testing.assert_allclose(linked, -linked[::-1])
    np.testing.assert_allclose(symlog(np.array([0.0, np.e - 1])), [0, 1])


def test_several_columns_are_centred_first():
    scores = np.random.default_rng(0).normal(size=(20, 4)) * 5
    linked = link_scores(scores, "symlog", n_columns=4)
    np.testing.assert_allclose(
        linked, link_scores(scores + 7, "symlog", n_columns=4), atol=1e-12
    )
    assert (linked.argmax(1) == scores.argmax(1)).all()
    assert link_scores(scores, "logit", n_columns=4) is not None


@pytest.mark.parametrize("shape", [(200,), (200, 3)])
def test_the_most_probable_class_has_the_highest_score(shape):
    scores = np.random.default_rng(1).normal(size=shape) * 20
    n_columns = 1 if len(shape) == 1 else shape[1]
    for link in ("logit", "symlog"):
        for scale in (1e-3, 1.0, 1e3):
            linked = link_scores(scores, link, n_columns=n_columns)
            proba = probabilities(linked, scale)
            best = (scores > 0) if scores.ndim == 1 else scores.argmax(1)
            assert (proba.argmax(1) == best).all()
            np.testing.assert_allclose(proba.sum(1), 1)


def test_log_probabilities_stay_finite():
    linked = np.array([-5000.0, 0.0, 5000.0])
    found = log_probabilities(linked)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found[1]), [0.5, 0.5])


def test_factor_against_a_general_optimiser():
    rng = np.random.default_rng(2)
    linked = rng.normal(size=400)
    codes = (rng.random(400) < expit(2.5 * linked)).astype(int)
    weight = rng.integers(1, 4, size=400).astype(float)
    smoothing = 2 / (weight.sum() ** 2 / np.square(weight).sum() + 2)

    def loss(theta):
        log_proba = np.stack([log_expit(-theta * linked), log_expit(theta * linked)], 1)
        own = log_proba[np.arange(400), codes]
        rows = (1 - smoothing) * own + smoothing * log_proba.mean(1)
        return -np.average(rows, weights=weight)

    peer = minimize(loss, 1.0, method="Nelder-Mead", options={"xatol": 1e-9})
    found = fit_scale(linked, codes, weight)
    assert found == pytest.approx(peer.x[0], rel=1e-4)
    assert loss(found) == pytest.approx(peer.fun, abs=1e-10)


def test_factor_finds_the_truth():
    rng = np.random.default_rng(3)
    linked = rng.normal(size=40_000)
    codes = (rng.random(40_000) < expit(3.0 * linked)).astype(int)
    assert fit_scale(linked, codes) == pytest.approx(3.0, rel=0.03)


def test_two_columns_equal_one():
    rng = np.random.default_rng(4)
    linked = rng.normal(size=300)
    codes = (rng.random(300) < expit(linked)).astype(int)
    columns = np.stack([-linked / 2, linked / 2], axis=1)
    one, two = fit_scale(linked, codes), fit_scale(columns, codes)
    assert one == pytest.approx(two, rel=1e-5)
    np.testing.assert_allclose(probabilities(linked), probabilities(columns))


def test_a_hold_out_without_error_gives_a_finite_factor():
    linked = np.repeat([-1.0, 1.0], 10)
    scale = fit_scale(linked, (linked > 0).astype(int))
    # The probability of the right class is 1 - 1 / (n + 2).
    assert expit(scale) == pytest.approx(1 - 1 / 22, abs=1e-4)
    weights = np.full(20, 1e-30)
    again = fit_scale(linked, (linked > 0).astype(int), weights)
    assert again == pytest.approx(scale)


def test_scores_that_are_wrong_throughout_get_the_smallest_factor():
    linked = np.random.default_rng(5).normal(size=50)
    found = fit_scale(linked, (linked < 0).astype(int))
    assert found == pytest.approx(1 / LARGEST_SCALE, rel=0.01)
