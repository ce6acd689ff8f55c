import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import norm

from skext.label_proportions._counts.two_class_kernels import (
    CERTAIN,
    count_messages,
    find_tilt,
    messages_by_recursion,
    messages_by_transform,
)

STRENGTHS = (np.inf, 10.0, 1.0, 0.1, 0.01)


def bag_messages(h, count, strength, tilt, message):
    """Write the messages of one bag; return its tilt and its logarithm."""
    tilts, logs = np.array([tilt]), np.empty(1)
    indptr, counts = np.array([0, h.size]), np.array([count], dtype=float)
    count_messages(h, indptr, counts, strength, tilts, message, logs, 0, 1)
    return tilts[0], logs[0]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_messages_are_those_of_enumeration(size, strength, oracle):
    rng = np.random.default_rng(size)
    for count in range(1, size):
        h = rng.normal(size=size) * 2
        expected, log_total = oracle.count_messages(h, count, strength)
        for function in (messages_by_recursion, messages_by_transform):
            found = np.empty(size)
            tilt = find_tilt(h, float(count), strength, 0.0)
            log_found = function(h, float(count), strength, tilt, found)
            assert_allclose(found, expected, atol=1e-11)
            assert_allclose(log_found, log_total, atol=1e-12)


@pytest.mark.parametrize("strength", [*STRENGTHS, 1e-4, 1e4])
@pytest.mark.parametrize("size", [49, 64, 301, 1024])
def test_transform_agrees_with_the_recursion(size, strength):
    rng = np.random.default_rng(size)
    for count in (2, size // 3, size - 1):
        h = rng.normal(size=size)
        tilt = find_tilt(h, float(count), strength, 0.0)
        slow, fast = np.empty(size), np.empty(size)
        log_slow = messages_by_recursion(h, float(count), strength, tilt, slow)
        log_fast = messages_by_transform(h, float(count), strength, tilt, fast)
        assert_allclose(fast, slow, atol=1e-11)
        assert_allclose(log_fast, log_slow, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("shift", [-50.0, 0.0, 50.0])
@pytest.mark.parametrize("size", [49, 256])
def test_extreme_log_odds(size, shift):
    rng = np.random.default_rng(1)
    for count in (1, 2, size // 2, size - 1):
        h = rng.normal(size=size) * 30 + shift
        tilt = find_tilt(h, float(count), np.inf, 0.0)
        slow, fast = np.empty(size), np.empty(size)
        messages_by_recursion(h, float(count), np.inf, tilt, slow)
        messages_by_transform(h, float(count), np.inf, tilt, fast)
        assert np.isfinite(fast).all()
        assert_allclose(expit(h + fast), expit(h + slow), atol=1e-12)
        assert_allclose(expit(h + fast).sum(), count, rtol=1e-12)


@pytest.mark.parametrize("size", [20, 2048])
def test_posterior_adds_up_to_the_count(size):
    h = np.random.default_rng(0).normal(size=size) - 3
    message = np.empty(size)
    bag_messages(h, 7.0, np.inf, 0.0, message)
    assert_allclose(expit(h + message).sum(), 7, rtol=1e-13)


def test_any_tilt_gives_the_same_messages():
    h = np.random.default_rng(0).normal(size=40)
    expected, found = np.empty(40), np.empty(40)
    tilt = find_tilt(h, 15.0, np.inf, 0.0)
    first = messages_by_recursion(h, 15.0, np.inf, tilt, expected)
    for other in (tilt - 0.5, tilt + 0.5):
        second = messages_by_recursion(h, 15.0, np.inf, other, found)
        assert_allclose(found, expected, atol=1e-12)
        assert_allclose(second, first, rtol=1e-13)


@pytest.mark.parametrize("size", [10, 100])
def test_gradient_of_the_log_probability(size):
    rng = np.random.default_rng(size)
    h = rng.normal(size=size)
    count = float(size // 4)

    def log_probability(values):
        return bag_messages(values, count, np.inf, 0.0, np.empty(size))[1]

    message = np.empty(size)
    bag_messages(h, count, np.inf, 0.0, message)
    gradient = expit(h + message) - expit(h)
    for i in range(0, size, 7):
        step = np.zeros(size)
        step[i] = 1e-5
        numeric = (log_probability(h + step) - log_probability(h - step)) / 2e-5
        assert_allclose(gradient[i], numeric, atol=1e-8)


def test_one_row_is_logistic_regression():
    for h in (-3.0, 0.5):
        message = np.empty(1)
        for count, sign in ((1.0, 1.0), (0.0, -1.0)):
            _, log_p = bag_messages(np.array([h]), count, np.inf, 0.0, message)
            assert message[0] == sign * CERTAIN
            assert_allclose(log_p, -np.logaddexp(0, -sign * h), rtol=1e-14)


def test_large_bag_is_nearly_normal():
    p = np.full(5000, 0.3)
    h = np.log(p / (1 - p))
    _, log_p = bag_messages(h, 1510.0, np.inf, 0.0, np.empty(5000))
    assert_allclose(np.exp(log_p), norm(1500, np.sqrt(1050)).pdf(1510), rtol=0.01)


def test_strong_bags_are_certain_and_weak_ones_silent():
    h = np.random.default_rng(3).normal(size=60)
    certain, strong, none = np.empty(60), np.empty(60), np.empty(60)
    bag_messages(h, 20.0, np.inf, 0.0, certain)
    bag_messages(h, 20.0, 1e4, 0.0, strong)
    assert_allclose(strong, certain, atol=1e-8)
    bag_messages(h, 20.0, 0.0, 0.0, none)
    assert (none == 0).all()
    bag_messages(h, np.nan, np.inf, 0.0, none)
    assert (none == 0).all()


def test_flipping_labels_flips_messages():
    h = np.random.default_rng(4).normal(size=70)
    one, other = np.empty(70), np.empty(70)
    bag_messages(h, 20.0, np.inf, 0.0, one)
    bag_messages(-h, 50.0, np.inf, 0.0, other)
    assert_allclose(one, -other, atol=1e-12)


def test_noisy_count_between_whole_numbers(oracle):
    h = np.zeros(9)
    expected, log_total = oracle.count_messages(h, 3.5, 200.0)
    message = np.empty(9)
    _, log_p = bag_messages(h, 3.5, 200.0, 0.0, message)
    assert_allclose(message, expected, atol=1e-10)
    assert_allclose(log_p, log_total, rtol=1e-12)


def test_bags_one_after_the_other():
    rng = np.random.default_rng(5)
    h, indptr = rng.normal(size=100), np.array([0, 30, 100])
    counts = np.array([4.0, 60.0])
    messages, logs, tilts = np.empty(100), np.empty(2), np.zeros(2)
    count_messages(h, indptr, counts, np.inf, tilts, messages, logs, 0, 2)
    for b in range(2):
        alone = np.empty(indptr[b + 1] - indptr[b])
        rows = slice(indptr[b], indptr[b + 1])
        _, log_p = bag_messages(h[rows].copy(), counts[b], np.inf, 0.0, alone)
        assert_allclose(messages[rows], alone, rtol=1e-13)
        assert logs[b] == log_p
